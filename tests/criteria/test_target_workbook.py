"""Targets by workbook: what is handed out comes back the same; what changed is shown; what is wrong has its place."""

from io import BytesIO

import openpyxl
import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from communes.workbooks import TABLE, read_book
from criteria import uploads
from criteria.models import Target, Upload
from criteria.workshop import tables, target_workbook
from tests.criteria.test_local_target_pages import Place
from tests.factories import CriteriaSetFactory, IndicatorFactory, TargetFactory

HEAD = 4


@pytest.fixture
def place(db, media):
    found = Place()
    found.row = found.own(value=96, text="≥ 96 %", variant="nhom-1")
    return found


def book_of(place, where="own"):
    data = target_workbook.workbook(place.set, place.province if where == "own" else None, 2024)
    return openpyxl.load_workbook(BytesIO(data))


def columns(book):
    return {cell.value: cell.column for cell in book["Yêu cầu"][HEAD]}


def fill(book, row, **cells):
    names = columns(book)
    titles = {
        "indicator": "Mã chỉ tiêu", "variant": "Vùng, nhóm", "unit": "Riêng cho xã (mã)", "from_year": "Từ năm",
        "to_year": "Đến hết năm", "operator": "So sánh", "value": "Mức", "text": "Yêu cầu như văn bản",
        "decision": "Văn bản", "compared": "Đã đối chiếu văn bản",
    }  # fmt: skip
    for name, value in cells.items():
        book["Yêu cầu"].cell(row, names[titles[name]]).value = value


def rows(book):
    """{(code, variant): row number} of the filled part."""
    names, sheet = columns(book), book["Yêu cầu"]
    return {
        (sheet.cell(n, names["Mã chỉ tiêu"]).value, sheet.cell(n, names["Vùng, nhóm"]).value): n
        for n in range(HEAD + 1, sheet.max_row + 1)
        if sheet.cell(n, names["Mã chỉ tiêu"]).value
    }


def hand_in(place, book, by=None):
    stream = BytesIO()
    book.save(stream)
    return uploads.take(
        Upload.Kind.TARGETS, ContentFile(stream.getvalue(), "yeu-cau.xlsx"), by=by or place.coordinator,
        unit=place.province, criteria_set=place.set,
    )  # fmt: skip


def apply(place, upload):
    return uploads.apply(upload, upload.fingerprint, by=place.coordinator)


def test_what_is_handed_out_changes_nothing(place):
    upload = hand_in(place, book_of(place))
    assert upload.state == "ready", upload.problem
    assert upload.plan["counts"] == {"added": 0, "changed": 0, "same": 1, "conflict": 0, "refused": 0}


def test_the_workbook_holds_true_numbers_and_no_formula(place):
    sheet = book_of(place)["Yêu cầu"]
    row = rows(book_of(place))["17.1", "Xã nhóm 1"]
    assert sheet.cell(row, columns(book_of(place))["Mức"]).value == 96
    assert sheet.protection.sheet and sheet.freeze_panes == "A5"
    assert all(cell.data_type != "f" for line in sheet.iter_rows() for cell in line)


def test_numbers_look_the_same_in_every_program(place):
    """No separator inside a year, none behind a whole number."""
    Target.objects.filter(pk=place.row.pk).update(from_year=2022)
    book = book_of(place)
    row = next(n for n in range(HEAD + 1, 40) if book["Yêu cầu"].cell(n, columns(book)["Từ năm"]).value == 2022)
    looks = {t: book["Yêu cầu"].cell(row, columns(book)[t]).number_format for t in ("Từ năm", "Đến hết năm", "Mức")}
    assert looks == {"Từ năm": "0", "Đến hết năm": "0", "Mức": "General"}


def test_what_the_guide_says_of_sorting_is_so(place):
    """A protected sheet with locked cells can't be sorted."""
    book = book_of(place)
    said = " ".join(str(cell.value) for line in book["Hướng dẫn"].iter_rows() for cell in line)
    assert book["Yêu cầu"].protection.sort and "Muốn sắp xếp thì bỏ khóa trang" in said


def test_added_changed_and_confirmed(place):
    book = book_of(place)
    fill(book, rows(book)["17.1", "Xã nhóm 1"], value=97.5, text="")
    fill(book, rows(book)["17.2", "Xã nhóm 2"], operator="≤", value="3,5", decision="30/2024/QĐ-UBND", compared="x")
    upload = hand_in(place, book)
    assert [line["outcome"] for line in upload.plan["lines"]] == ["changed", "added"]
    assert [line["notes"] for line in upload.plan["lines"]] == [["Trở lại chưa xác nhận."], ["Xác nhận đã đối chiếu."]]
    assert place.rows.count() == 1  # nothing is written yet
    done = apply(place, upload)
    assert done.result["added"] == done.result["changed"] == 1
    place.row.refresh_from_db()
    assert str(place.row.value) == "97.5000" and not place.row.is_confirmed
    added = place.rows.get(indicator=place.waste)
    assert (added.operator, str(added.value), added.variant, added.is_confirmed) == ("<=", "3.5000", "nhom-2", True)
    with pytest.raises(uploads.NotWaiting):
        apply(place, upload)


def test_rows_sorted_moved_and_added(place):
    book = book_of(place)
    sheet = book["Yêu cầu"]
    lines = [[cell.value for cell in line] for line in sheet.iter_rows(min_row=HEAD + 1) if line[1].value]
    for n, line in enumerate(reversed(lines), start=HEAD + 1):
        for at, value in enumerate(line, start=1):
            sheet.cell(n, at).value = value
    last = HEAD + 1 + len(lines) + 5
    fill(book, last, indicator="17.2", unit=place.commune.code, operator="Đạt", decision="QĐ 5")
    upload = hand_in(place, book)
    assert [(line["outcome"], line["after"]) for line in upload.plan["lines"]] == [("added", "Đạt (QĐ 5)")]


def test_what_changed_on_the_server_is_shown_with_both(place):
    book = book_of(place)
    fill(book, rows(book)["17.1", "Xã nhóm 1"], value=97, text="≥ 97 %")
    fill(book, rows(book)["17.2", "Xã nhóm 1"], operator="≥", value=50, decision="QĐ 5")
    Target.objects.filter(pk=place.row.pk).update(value=99, text="≥ 99 %")
    upload = hand_in(place, book)
    conflict, added = upload.plan["lines"]
    assert conflict["outcome"] == "conflict" and "≥ 99 %" in conflict["before"] and "≥ 97 %" in conflict["after"]
    apply(place, upload)
    place.row.refresh_from_db()
    assert place.row.value == 99 and added["outcome"] == "added" and place.rows.count() == 2


def test_a_change_between_preview_and_confirmation(place):
    book = book_of(place)
    fill(book, rows(book)["17.1", "Xã nhóm 1"], value=97, text="")
    upload = hand_in(place, book)
    Target.objects.filter(pk=place.row.pk).update(value=99, text="≥ 99 %")
    with pytest.raises(uploads.UploadChanged):
        apply(place, upload)
    place.row.refresh_from_db()
    upload.refresh_from_db()
    assert place.row.value == 99 and upload.plan["counts"]["conflict"] == 1


def test_a_change_after_the_plan_was_made_anew(place):
    """What another transaction commits between the second plan and the lock."""
    book = book_of(place)
    fill(book, rows(book)["17.1", "Xã nhóm 1"], value=97, text="")
    upload = hand_in(place, book)
    Target.objects.filter(pk=place.row.pk).update(value=99, text="≥ 99 %")
    with pytest.raises(uploads.UploadChanged):
        target_workbook.write(upload, uploads.Plan(**upload.plan), place.coordinator)
    place.row.refresh_from_db()
    assert place.row.value == 99


def test_two_uploads_of_the_same(place):
    uploaded = []
    for value in (97, 98):
        book = book_of(place)
        fill(book, rows(book)["17.1", "Xã nhóm 1"], value=value, text="")
        uploaded.append(hand_in(place, book))
    apply(place, uploaded[0])
    with pytest.raises(uploads.UploadChanged):
        apply(place, uploaded[1])
    place.row.refresh_from_db()
    assert place.row.value == 97


def test_a_weaker_level_is_warned_of_in_the_preview(place):
    book = book_of(place)
    fill(book, rows(book)["17.1", "Xã nhóm 2"], operator="≥", value=80, decision="QĐ 5")
    (line,) = hand_in(place, book).plan["lines"]
    assert line["outcome"] == "added" and "thấp hơn mức trung ương “≥95%”" in line["warnings"][0]


@pytest.mark.parametrize(
    ("cells", "column", "words"),
    [
        ({"value": "=1+1"}, "cột K (Mức)", "công thức"),
        ({"value": "95%%"}, "cột K (Mức)", "không phải là số"),
        ({"value": 950}, "cột K (Mức)", "100 %"),
        ({"operator": ">"}, "cột J (So sánh)", "So sánh"),
        ({"indicator": "9.9"}, "cột B (Mã chỉ tiêu)", "không có chỉ tiêu"),
        ({"variant": "Vùng lạ"}, "cột E (Vùng, nhóm)", "Không có vùng"),
        ({"variant": "", "unit": "99999"}, "cột F (Riêng cho xã (mã))", "Không có xã"),
        ({"from_year": 2019}, "cột G (Từ năm)", "2021–2025"),
        ({"to_year": "31/12/2024"}, "cột H (Đến hết năm)", "không phải một năm"),
        ({"decision": None}, "cột M (Văn bản)", "số quyết định"),
        ({"text": "x" * 600}, "cột L (Yêu cầu như văn bản)", "600"),
    ],
)
def test_a_wrong_cell_is_named(place, cells, column, words):
    book = book_of(place)
    row = rows(book)["17.2", "Xã nhóm 2"]
    fill(book, row, **{"operator": "≥", "value": 50, "decision": "QĐ 5"} | cells)
    (line,) = hand_in(place, book).plan["lines"]
    assert line["outcome"] == "refused" and line["at"] == f"trang “Yêu cầu”, dòng {row}"
    assert [place_ for place_, message in line["errors"] if words in message] == [column]


def test_merged_cells_are_refused(place):
    book = book_of(place)
    row = rows(book)["17.2", "Xã nhóm 2"]
    fill(book, row, operator="≥", value=50, decision="QĐ 5")
    book["Yêu cầu"].merge_cells(start_row=row, start_column=13, end_row=row + 1, end_column=13)
    found = {line["at"]: line for line in hand_in(place, book).plan["lines"]}
    assert "gộp" in found[f"trang “Yêu cầu”, dòng {row}"]["errors"][0][1]


@pytest.mark.parametrize(
    ("cells", "outcome"),
    [
        ({"value": 1}, "refused"),  # "100 %" typed in a spreadsheet
        ({"value": 0.95}, "refused"),
        ({"value": 1, "text": "Đạt 100 % số hộ"}, "refused"),
        ({"value": 1, "operator": "≤", "text": "≤ 1 %"}, "added"),
        ({"value": 100}, "added"),
        ({"value": 2}, "added"),
    ],
)
def test_a_per_cent_as_spreadsheets_keep_it(place, cells, outcome):
    book = book_of(place)
    fill(book, rows(book)["17.2", "Xã nhóm 2"], **{"operator": "≥", "decision": "QĐ 5"} | cells)
    (line,) = hand_in(place, book).plan["lines"]
    assert line["outcome"] == outcome
    assert (outcome == "refused") == any("Ghi số không kèm dấu %" in message for _, message in line["errors"])


def test_a_level_of_one_per_cent_comes_back_the_same(place):
    Target.objects.filter(pk=place.row.pk).update(value=1, text="Theo quy định")
    book = book_of(place)
    assert hand_in(place, book).plan["counts"]["same"] == 1
    fill(book, rows(book)["17.1", "Xã nhóm 1"], decision="QĐ mới")
    (line,) = hand_in(place, book).plan["lines"]
    assert line["outcome"] == "changed" and not line["errors"]


def test_rows_that_contradict_are_both_refused(place):
    book = book_of(place)
    for row, value in ((60, 50), (61, 60)):
        fill(book, row, indicator="17.2", operator="≥", value=value, decision="QĐ 5")
    lines = hand_in(place, book).plan["lines"]
    assert [line["outcome"] for line in lines] == ["refused"] * 2
    assert "Mâu thuẫn" in lines[0]["errors"][0][1] and "dòng 60" in lines[1]["errors"][0][1]


def copy_row(book, row, to, **cells):
    """A row copied within the table, as a person does it: its hidden cells too."""
    sheet = book["Yêu cầu"]
    for at in range(1, sheet.max_column + 1):
        sheet.cell(to, at).value = sheet.cell(row, at).value
    fill(book, to, **cells)


def test_merged_ranges_without_end_cost_nothing(place, monkeypatch):
    book = book_of(place)
    row = rows(book)["17.2", "Xã nhóm 2"]
    fill(book, row, operator="≥", value=50, decision="QĐ 5")
    stream = BytesIO()
    book.save(stream)
    (sheet,) = (sheet for sheet in read_book(stream.getvalue(), TABLE) if sheet.name == "Yêu cầu")
    read = [target_workbook.SHEET, target_workbook.code_of(place.set, place.province), target_workbook.columns()]
    sheet.merged = [(70, 2, 1_048_576, 3)] * 200 + [(1, 1, 3, 5)] + [(row, 11, 1_048_576 - n, 11) for n in range(500)]
    found = {one.number: one.problems for one in tables.read([sheet], *read).rows}
    assert found[row].keys() == {"value"} and not any(found[n] for n in found if n < row)
    monkeypatch.setattr(tables, "MOST_MERGED", 5)
    sheet.merged = [(row, n, row + 1, n) for n in (*range(1, 6), *range(50, 90))]
    assert tables.read([sheet], *read).rows
    sheet.merged.append((row, 6, row + 1, 6))
    with pytest.raises(uploads.Refused, match="quá nhiều ô gộp"):
        tables.read([sheet], *read)


def test_a_copied_row_is_another_level(place):
    """The level copied from stays, whether it is left alone or ended, and whichever of the two stands first."""
    for original, outcomes in (({}, ["added"]), ({"to_year": 2023}, ["changed", "added"])):
        for back in (False, True):
            book = book_of(place)
            row = rows(book)["17.1", "Xã nhóm 1"]
            copy_row(book, row, 60)
            fill(book, row if back else 60, from_year=2024, value=99, text="")
            fill(book, 60 if back else row, **original)
            lines = hand_in(place, book).plan["lines"]
            assert sorted(line["outcome"] for line in lines) == sorted(outcomes), (original, back)
            assert "≥ 96 %" in "".join(line["before"] for line in lines if line["outcome"] == "changed") or not original
    apply(place, hand_in(place, book))
    assert [
        (row.pk == place.row.pk, row.from_year, row.to_year, int(row.value), row.is_confirmed)
        for row in place.rows.order_by("pk")
    ] == [(True, None, 2023, 96, True), (False, 2024, None, 99, False)]


def test_a_level_typed_anew_beside_its_own_row_moved(place):
    book = book_of(place)
    row = rows(book)["17.1", "Xã nhóm 1"]
    copy_row(book, row, 60, from_year=None)
    names = columns(book)
    for title in ("Dòng", "Phiên bản"):
        book["Yêu cầu"].cell(60, names[title]).value = None
    fill(book, row, from_year=2024, value=99, text="")
    upload = hand_in(place, book)
    assert [line["outcome"] for line in upload.plan["lines"]] == ["added"]
    apply(place, upload)
    place.row.refresh_from_db()
    assert (place.row.from_year, int(place.row.value)) == (None, 96) and place.rows.count() == 2


@pytest.mark.parametrize(
    ("original", "copy", "refused"),
    [
        ({"from_year": 2023}, {"from_year": 2024}, 2),  # neither is the row as it was
        ({"value": "x"}, {"from_year": 2024}, 2),  # the row itself isn't clear
        ({}, {}, 2),  # the same twice
    ],
)
def test_unclear_copies_are_refused(place, original, copy, refused):
    book = book_of(place)
    row = rows(book)["17.1", "Xã nhóm 1"]
    copy_row(book, row, 60, **copy)
    fill(book, row, **original)
    upload = hand_in(place, book)
    assert upload.plan["counts"]["refused"] == refused == sum(upload.plan["counts"].values())
    assert "dòng 60" in upload.plan["lines"][-1]["errors"][-1][1]


def test_a_code_that_lost_its_zero(place):
    IndicatorFactory(criterion=place.criterion, code="17.10", position=9)
    book = book_of(place)
    fill(book, 60, indicator=17.1, operator="≥", value=50, decision="QĐ 5")
    (line,) = hand_in(place, book).plan["lines"]
    assert line["outcome"] == "refused" and "17.1 hay 17.10" in line["errors"][0][1]


def test_other_tables_are_refused_whole(place):
    other = CriteriaSetFactory()
    IndicatorFactory(criterion__criteria_set=other)
    foreign = openpyxl.load_workbook(BytesIO(target_workbook.workbook(other, place.province, 2024)))
    assert other.code in hand_in(place, foreign).problem and hand_in(place, foreign).state == "refused"
    assert "trung-uong" in hand_in(place, book_of(place, "nation")).problem
    for spoil, words in (
        (lambda sheet: sheet.delete_cols(17), "Phiên bản"),
        (lambda sheet: sheet.delete_rows(HEAD), "tiêu đề"),
        (lambda sheet: setattr(sheet, "title", "Khác"), "không có trang"),
        (lambda sheet: sheet.cell(HEAD, 18, "Mức"), "hai cột"),
        (lambda sheet: sheet.delete_rows(HEAD + 1, 500), "chưa có dòng"),
    ):
        book = book_of(place)
        spoil(book["Yêu cầu"])
        upload = hand_in(place, book)
        assert upload.state == "refused" and words in upload.problem, words


def test_a_cleared_row_isnt_taken_for_an_end(place):
    book = book_of(place)
    fill(book, rows(book)["17.1", "Xã nhóm 1"], operator="", value="", text="")
    (line,) = hand_in(place, book).plan["lines"]
    assert "Đến hết năm" in line["errors"][0][1]


def test_another_provinces_row_number(place):
    theirs = TargetFactory(indicator=place.water, confirmed_at=timezone.now(), province=Place().province)
    book = book_of(place)
    row = rows(book)["17.2", "Xã nhóm 2"]
    fill(book, row, operator="≥", value=50, decision="QĐ 5")
    book["Yêu cầu"].cell(row, columns(book)["Dòng"], str(theirs.pk))
    (line,) = hand_in(place, book).plan["lines"]
    assert line["outcome"] == "refused"
    before = theirs.value
    theirs.refresh_from_db()
    assert theirs.value == before


def test_through_the_pages(place):
    client = Client()
    client.force_login(place.coordinator)
    url = reverse("criteria:target_upload", query={"set": place.set.code})
    assert client.get(url).status_code == 200
    assert client.post(url, {}).status_code == 422
    assert client.post(url, {"file": ContentFile(b"khong phai", "a.xlsx")}).status_code == 422
    data = client.get(reverse("criteria:target_workbook", query={"set": place.set.code})).content
    book = openpyxl.load_workbook(BytesIO(data))
    fill(book, rows(book)["17.1", "Xã nhóm 2"], operator="≥", value=80, decision="QĐ 5")
    fill(book, rows(book)["17.2", "Xã nhóm 2"], operator="≥", value="x", decision="QĐ 5")
    stream = BytesIO()
    book.save(stream)
    page = client.post(url, {"file": ContentFile(stream.getvalue(), "bang.xlsx")}, follow=True)
    text = page.content.decode()
    assert "Ghi 1 yêu cầu" in text and "Cân nhắc" in text and "cột K (Mức)" in text
    upload = page.context["upload"]
    done = client.post(
        reverse("criteria:upload_apply", args=[upload.pk]), {"fingerprint": upload.fingerprint}, follow=True
    )
    assert "Đã thêm 1, đổi 0 yêu cầu" in done.content.decode()
    stranger = Client()
    stranger.force_login(Place().coordinator)
    assert stranger.get(reverse("criteria:upload", args=[upload.pk])).status_code == 404


def reopened(upload):
    """The rows that weren't taken, as the next workbook, and its rows with why."""
    book = openpyxl.load_workbook(BytesIO(target_workbook.refused_workbook(upload)))
    sheet, names = book["Yêu cầu"], columns(book)
    return book, {
        sheet.cell(n, names["Mã chỉ tiêu"]).value: (n, sheet.cell(n, names["Lý do chưa nhận"]).value)
        for n in range(HEAD + 1, sheet.max_row + 1)
        if sheet.cell(n, names["Lý do chưa nhận"]).value
    }


def test_rows_that_werent_taken_come_back_to_be_mended(place):
    book = book_of(place)
    fill(book, rows(book)["17.1", "Xã nhóm 1"], value=97.5, text="")
    fill(book, rows(book)["17.2", "Xã nhóm 2"], operator="≥", value="nhiều", decision="QĐ 5", from_year=2023)
    fill(book, rows(book)["17.2", "Xã nhóm 1"], operator="≥", value=50, decision="QĐ 5")
    Target.objects.filter(pk=place.row.pk).update(value=99, text="≥ 99 %")
    upload = hand_in(place, book)
    assert upload.plan["counts"] == {"added": 1, "changed": 0, "same": 0, "conflict": 1, "refused": 1}
    apply(place, upload)
    client = Client()
    client.force_login(place.coordinator)
    page = client.get(reverse("criteria:upload", args=[upload.pk])).content.decode()
    assert "Còn 2 dòng chưa nhận" in page and "Tải các dòng chưa nhận" in page
    back, found = reopened(upload)
    (_, seen), (refused, wrong) = found["17.1"], found["17.2"]
    assert "nay là: ≥ 99 % [≥ 99]" in seen and "cột K (Mức)" in wrong and "không phải là số" in wrong
    cell = {title: back["Yêu cầu"].cell(refused, at).value for title, at in columns(back).items()}
    assert (cell["Mức"], cell["Từ năm"], cell["Nội dung"]) == ("nhiều", 2023, place.waste.name)
    again = hand_in(place, back)
    assert again.plan["counts"] == {"added": 0, "changed": 1, "same": 0, "conflict": 0, "refused": 1}
    fill(back, refused, value=80)
    mended = hand_in(place, back)
    apply(place, mended)
    place.row.refresh_from_db()
    assert str(place.row.value) == "97.5000"
    assert place.rows.get(indicator=place.waste, from_year=2023).value == 80


def test_a_copy_that_wasnt_taken_doesnt_become_the_row_it_was_copied_from(place):
    book = book_of(place)
    copy_row(book, rows(book)["17.1", "Xã nhóm 1"], 60, from_year=2024, value="x", text="")
    upload = hand_in(place, book)
    assert upload.plan["counts"] == {"added": 0, "changed": 0, "same": 1, "conflict": 0, "refused": 1}
    back, found = reopened(upload)
    fill(back, found["17.1"][0], value=99)
    mended = hand_in(place, back)
    assert mended.plan["counts"]["added"] == 1
    apply(place, mended)
    place.row.refresh_from_db()
    assert (place.row.from_year, int(place.row.value)) == (None, 96) and place.rows.count() == 2


def test_a_row_that_is_gone_comes_back_as_a_new_one(place):
    book = book_of(place)
    fill(book, rows(book)["17.1", "Xã nhóm 1"], value=97, text="")
    Target.objects.filter(pk=place.row.pk).update(value=99, text="≥ 99 %")
    upload = hand_in(place, book)
    Target.objects.filter(pk=place.row.pk).delete()
    back, found = reopened(upload)
    assert "nay không còn mức này" in found["17.1"][1]
    assert hand_in(place, back).plan["counts"]["added"] == 1


def test_a_code_that_lost_its_zero_stays_unclear(place):
    IndicatorFactory(criterion=place.criterion, code="17.10", position=9)
    book = book_of(place)
    fill(book, 60, indicator=17.1, operator="≥", value=50, decision="QĐ 5")
    back, _ = reopened(hand_in(place, book))
    assert hand_in(place, back).plan["counts"]["refused"] == 1
