"""Groups of communes: the list, several at once, the workbook."""

from datetime import date
from io import BytesIO

import openpyxl
import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from communes.models import Role, Unit, UnitVersion
from criteria import uploads
from criteria.models import Upload
from criteria.workshop import group_workbook, groups
from criteria.workshop.groups import Change, version_of
from tests.factories import (
    CommuneFactory,
    CriteriaSetFactory,
    DistrictFactory,
    MembershipFactory,
    ProvinceFactory,
    TargetFactory,
)

DAY = date(2024, 2, 15)
HEAD = 4


class Place:
    def __init__(self):
        self.province = ProvinceFactory()
        self.district = DistrictFactory(parent=self.province)
        self.communes = [CommuneFactory(parent=self.district, opened_on=date(2020, 1, 1)) for _ in range(3)]
        self.coordinator = MembershipFactory(unit=self.province, role=Role.COORDINATOR).user

    def now(self, at=0):
        unit = Unit.objects.get(pk=self.communes[at].pk)
        return unit.target_group, unit.uses_mountain_targets


@pytest.fixture
def place(db, media):
    CriteriaSetFactory(variants=[{"code": f"nhom-{n}", "name": f"Xã nhóm {n}"} for n in (1, 2, 3)])
    return Place()


@pytest.fixture
def client(place):
    client = Client()
    client.force_login(place.coordinator)
    return client


URL = "/workshop/groups/"


def tick(*units):
    return [f"{unit.pk}:{version_of(unit)}" for unit in units]


def typed(**fields):
    return {"group": "nhom-3", "mountain": "keep", "day": "15/02/2024", "decision": "QĐ 12/2024"} | fields


def test_where_no_district_is_left_no_column_speaks_of_one(place, client):
    column = '<th scope="col">Huyện</th>'
    assert column in client.get(URL).content.decode()
    newer = ProvinceFactory()
    CommuneFactory(parent=newer)
    client.force_login(MembershipFactory(unit=newer, role=Role.COORDINATOR).user)
    page = client.get(URL).content.decode()
    assert column not in page
    assert "Huyện" not in page.partition("<table")[2].partition("</table>")[0]


def test_several_at_once(place, client):
    done = client.post(URL, typed(chosen=tick(*place.communes[:2])), follow=True)
    assert [str(message) for message in done.context["messages"]] == ["Đã đổi 2 xã."]
    assert [place.now(at) for at in range(3)] == [("nhom-3", False), ("nhom-3", False), ("", False)]
    version = UnitVersion.objects.get(unit=place.communes[0], valid_to=None)
    assert (version.valid_from, version.decision) == (DAY, "QĐ 12/2024")
    client.post(URL, typed(chosen=tick(Unit.objects.get(pk=place.communes[0].pk)), group="keep", mountain="yes"))
    assert place.now() == ("nhom-3", True)


def test_a_provinces_own_zone(place, client):
    client.post(URL, typed(chosen=tick(place.communes[0]), group="other", other="Vùng ven biển"))
    assert place.now() == ("Vùng ven biển", False)
    assert groups.choices(place.province)["Vùng ven biển"] == "Vùng ven biển"
    TargetFactory(province=place.province, variant="Vùng bãi ngang")
    assert "Vùng bãi ngang" in groups.choices(place.province)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"day": "01/07/2024"}, "chưa đến"),
        ({"day": "31/12/2019"}, "chỉ có từ ngày 01/01/2020"),
        ({"day": "2024"}, "31/12/2025"),
        ({"decision": ""}, "số văn bản"),
        ({"group": "nhom-9"}, "nhom-9"),
        ({"group": "other"}, "tên vùng"),
        ({"group": "other", "other": "x" * 41}, "41"),
        ({"group": "keep"}, "Chọn nhóm mới"),
        ({"chosen": []}, "Đánh dấu"),
        ({"chosen": ["x", "1e9:a", ":"]}, "Đánh dấu"),
    ],
)
def test_refused(place, client, fields, words):
    refused = client.post(URL, typed(chosen=tick(*place.communes)) | fields)
    assert refused.status_code == 422 and words in refused.content.decode()
    assert not UnitVersion.objects.filter(unit__in=place.communes).exists()


def test_two_people_at_once(place, client):
    seen = tick(*place.communes)
    client.post(URL, typed(chosen=seen[:1], group="nhom-1"))
    stale = client.post(URL, typed(chosen=seen))
    assert stale.status_code == 409 and place.communes[0].full_name in stale.content.decode()
    assert [place.now(at)[0] for at in range(3)] == ["nhom-1", "", ""]  # all or none


def test_all_or_none_where_one_day_cant_be(place):
    Unit.objects.filter(pk=place.communes[2].pk).update(opened_on=date(2024, 3, 1))
    changes = [Change(unit, DAY, "QĐ", "nhom-1", False, version_of(unit)) for unit in place.communes]
    assert [change.unit for change in groups.apply(changes, place.coordinator)] == [place.communes[2]]
    assert not UnitVersion.objects.filter(unit__in=place.communes).exists()


def test_a_day_before_a_later_change(place, client):
    """It reaches to that change only: said so, and refused where it changes nothing."""
    client.post(URL, typed(chosen=tick(place.communes[0]), group="nhom-1", day="01/06/2023"), follow=True)
    now = tick(Unit.objects.get(pk=place.communes[0].pk))
    done = client.post(URL, typed(chosen=now, group="nhom-2", day="01/02/2023"), follow=True)
    changed, warned = [str(message) for message in done.context["messages"]]
    assert changed == "Đã đổi 1 xã." and place.communes[0].full_name in warned
    assert "đến hết ngày 31/05/2023; từ ngày 01/06/2023 là Xã nhóm 1" in warned
    assert place.now() == ("nhom-1", False)
    nothing = client.post(URL, typed(chosen=now, group="nhom-2", day="01/03/2023"))
    assert nothing.status_code == 422 and "đã đúng như vậy (đến hết ngày 31/05/2023)" in nothing.content.decode()
    for at in (1, 2):
        client.post(URL, typed(chosen=tick(place.communes[at]), group="nhom-1", day="01/06/2023"), follow=True)
    now = tick(*Unit.objects.filter(pk__in=[unit.pk for unit in place.communes[1:]]))
    done = client.post(URL, typed(chosen=now, day="01/06/2023"), follow=True)
    assert [str(message) for message in done.context["messages"]] == ["Đã đổi 2 xã."]


def history(place, at=0):
    """(day, group, mountain) of each version of a commune."""
    rows = UnitVersion.objects.filter(unit=place.communes[at]).order_by("valid_from")
    return [(row.valid_from, row.target_group, row.uses_mountain_targets) for row in rows]


def grouped(place, day, group, mountain=False, at=0):
    unit = Unit.objects.get(pk=place.communes[at].pk)
    assert groups.apply([Change(unit, day, "QĐ", group, mountain, version_of(unit))], place.coordinator) == []


BEGUN, EARLIER, LATER = date(2020, 1, 1), date(2023, 1, 1), date(2023, 6, 1)


def test_what_is_kept_stays_as_it_was_at_each_time(place, client):
    """Mountain targets of a day before the present group don't take that group back to it."""
    grouped(place, LATER, "nhom-2")
    now = tick(Unit.objects.get(pk=place.communes[0].pk))
    client.post(URL, typed(chosen=now, group="keep", mountain="yes", day="01/01/2023"))
    assert history(place) == [(BEGUN, "", False), (EARLIER, "", True), (LATER, "nhom-2", True)]
    now = tick(Unit.objects.get(pk=place.communes[0].pk))
    client.post(URL, typed(chosen=now, group="nhom-3", mountain="keep", day="01/01/2022"))
    assert history(place)[1:3] == [(date(2022, 1, 1), "nhom-3", False), (EARLIER, "nhom-3", True)]
    assert place.now() == ("nhom-2", True)


def test_a_groups_first_day_is_taken_back(place, client):
    grouped(place, LATER, "nhom-2")
    grouped(place, BEGUN, "nhom-2", at=1)
    now = tick(*Unit.objects.filter(pk__in=[unit.pk for unit in place.communes[:2]]))
    done = client.post(URL, typed(chosen=now, group="nhom-2", day="01/01/2023"), follow=True)
    assert [str(message) for message in done.context["messages"]] == [
        "Đã đổi 1 xã. 1 xã đã đúng như vậy nên giữ nguyên."
    ]
    assert history(place) == [(BEGUN, "", False), (EARLIER, "nhom-2", False), (LATER, "nhom-2", False)]
    assert history(place, 1) == [(BEGUN, "nhom-2", False)]


def test_other_provinces_communes_cant_be_ticked(place, client):
    other = Place()
    assert client.post(URL, typed(chosen=tick(other.communes[0]))).status_code == 422
    assert other.now() == ("", False)


def test_the_list_filters_and_searches(place, client):
    client.post(URL, typed(chosen=tick(place.communes[0]), mountain="yes"))
    for query, number in (
        ({}, 3), ({"group": "nhom-3"}, 1), ({"group": "none"}, 2), ({"mountain": "yes"}, 1), ({"mountain": "no"}, 2),
        ({"q": place.communes[1].code}, 1), ({"q": "khong co"}, 0), ({"page": "99"}, 3), ({"group": "lạ"}, 0),
    ):  # fmt: skip
        assert client.get(URL, query).context["page"].paginator.count == number, query


def test_queries_of_the_list_dont_grow(place, client, count_queries):
    with count_queries() as few:
        client.get(URL)
    for _ in range(27):
        CommuneFactory(parent=place.district)
    with count_queries() as many:
        client.get(URL)
    assert len(few) == len(many)


# --- the workbook ----------------------------------------------------------------------------


def book_of(place):
    return openpyxl.load_workbook(BytesIO(group_workbook.workbook(place.province)))


def fill(book, place, at=0, **cells):
    sheet = book["Nhóm xã"]
    names = {cell.value: cell.column for cell in sheet[HEAD]}
    titles = {
        "code": "Mã xã", "group": "Nhóm xã", "mountain": "Áp dụng mức vùng núi", "day": "Từ ngày",
        "decision": "Văn bản", "seen": "Phiên bản",
    }  # fmt: skip
    codes = {sheet.cell(n, 1).value: n for n in range(HEAD + 1, sheet.max_row + 1)}
    row = codes[place.communes[at].code]
    for name, value in cells.items():
        sheet.cell(row, names[titles[name]]).value = value
    return row


def hand_in(place, book):
    stream = BytesIO()
    book.save(stream)
    return uploads.take(
        Upload.Kind.GROUPS, ContentFile(stream.getvalue(), "nhom.xlsx"), by=place.coordinator, unit=place.province
    )


def test_what_is_handed_out_changes_nothing(place):
    upload = hand_in(place, book_of(place))
    assert upload.plan["counts"] == {"changed": 0, "same": 3, "conflict": 0, "refused": 0}, upload.problem


def test_a_filled_workbook(place):
    book = book_of(place)
    fill(book, place, 0, group="Xã nhóm 2", day=DAY, decision="QĐ 12")
    fill(book, place, 1, mountain="Có", day="15/02/2024", decision="QĐ 12")
    upload = hand_in(place, book)
    assert [line["after"] for line in upload.plan["lines"]] == [
        "Xã nhóm 2, từ ngày 15/02/2024 (QĐ 12)",
        "Giữ nguyên nhóm, áp dụng mức vùng núi, từ ngày 15/02/2024 (QĐ 12)",
    ]
    uploads.apply(upload, upload.fingerprint, by=place.coordinator)
    assert [place.now(at) for at in range(3)] == [("nhom-2", False), ("", True), ("", False)]
    client = Client()
    client.force_login(place.coordinator)
    assert "Đã đổi 2 xã" in client.get(reverse("criteria:upload", args=[upload.pk])).content.decode()


def test_a_provinces_own_zone_in_the_workbook(place, client):
    client.post(URL, typed(chosen=tick(place.communes[0]), group="other", other="Vùng ven biển"))
    book = book_of(place)
    fill(book, place, 1, group="vùng ven biển", day=DAY, decision="QĐ 12")
    upload = hand_in(place, book)
    uploads.apply(upload, upload.fingerprint, by=place.coordinator)
    assert [place.now(at)[0] for at in range(3)] == ["Vùng ven biển", "Vùng ven biển", ""]


@pytest.mark.parametrize(
    ("cells", "column", "words"),
    [
        ({"day": None}, "cột F (Từ ngày)", "Ghi ngày"),
        ({"day": "15-02-2024"}, "cột F (Từ ngày)", "không phải ngày"),
        ({"day": date(2030, 1, 1)}, "cột F (Từ ngày)", "chưa đến"),
        ({"day": date(2019, 1, 1)}, "cột F (Từ ngày)", "chỉ có từ ngày"),
        ({"decision": None}, "cột G (Văn bản)", "số văn bản"),
        ({"decision": "x" * 201}, "cột G (Văn bản)", "200"),
        ({"group": "=A1"}, "cột D (Nhóm xã)", "công thức"),
        ({"group": "Nhóm II"}, "cột D (Nhóm xã)", "Không có nhóm “Nhóm II”. Các nhóm: Xã nhóm 1, Xã nhóm 2"),
        ({"group": "x" * 41}, "cột D (Nhóm xã)", "Không có nhóm"),
        ({"mountain": "có lẽ"}, "cột E (Áp dụng mức vùng núi)", "Có hoặc Không"),
        ({"code": "99999"}, "cột A (Mã xã)", "Không có xã"),
    ],
)
def test_a_wrong_cell_is_named(place, cells, column, words):
    book = book_of(place)
    row = fill(book, place, **{"group": "Xã nhóm 1", "day": DAY, "decision": "QĐ 12"} | cells)
    (line,) = hand_in(place, book).plan["lines"]
    assert line["outcome"] == "refused" and line["at"] == f"trang “Nhóm xã”, dòng {row}"
    assert [at for at, message in line["errors"] if words in message] == [column]


def test_a_day_before_a_later_change_in_the_workbook(place, client):
    unit = place.communes[0]
    groups.apply([Change(unit, date(2023, 6, 1), "QĐ 1", "nhom-1", False, version_of(unit))], place.coordinator)
    book = book_of(place)
    fill(book, place, 0, group="Xã nhóm 2", day=date(2023, 2, 1), decision="QĐ 12")
    upload = hand_in(place, book)
    (line,) = upload.plan["lines"]
    assert "đến hết ngày 31/05/2023; từ ngày 01/06/2023 là Xã nhóm 1" in line["after"]
    assert line["warnings"] == [group_workbook.ONLY_PAST]
    page = reverse("criteria:upload", args=[upload.pk])
    assert "từ ngày 01/02/2023 đến hết ngày 31/05/2023; từ ngày" in client.get(page).content.decode()
    uploads.apply(upload, upload.fingerprint, by=place.coordinator)
    assert place.now()[0] == "nhom-1"
    assert "Trong đó 1 xã chỉ đổi một thời gian trước đây" in client.get(page).content.decode()


def test_what_is_kept_in_the_workbook_stays_as_it_was_at_each_time(place):
    grouped(place, LATER, "nhom-2")
    book = book_of(place)
    fill(book, place, 0, mountain="Có", day=EARLIER, decision="QĐ 7")
    upload = hand_in(place, book)
    (line,) = upload.plan["lines"]
    assert line["before"] == "Chưa xếp nhóm"
    assert line["after"] == "Giữ nguyên nhóm, áp dụng mức vùng núi, từ ngày 01/01/2023 (QĐ 7)"
    uploads.apply(upload, upload.fingerprint, by=place.coordinator)
    assert history(place) == [(BEGUN, "", False), (EARLIER, "", True), (LATER, "nhom-2", True)]


def test_a_groups_first_day_is_taken_back_in_the_workbook(place):
    grouped(place, LATER, "nhom-2")
    book = book_of(place)
    fill(book, place, 0, day=EARLIER, decision="QĐ 6")
    upload = hand_in(place, book)
    assert [line["outcome"] for line in upload.plan["lines"]] == ["changed"]
    uploads.apply(upload, upload.fingerprint, by=place.coordinator)
    assert history(place)[1] == (EARLIER, "nhom-2", False)
    # The same once more: it is so by now.
    assert hand_in(place, book).plan["counts"] == {"changed": 0, "same": 3, "conflict": 0, "refused": 0}


def test_a_first_day_typed_over_what_others_changed_is_a_conflict(place):
    book = book_of(place)
    fill(book, place, 0, group="Xã nhóm 2", day=EARLIER, decision="QĐ 6")
    grouped(place, LATER, "nhom-2")
    assert hand_in(place, book).plan["counts"]["conflict"] == 1


def test_a_commune_twice(place):
    book = book_of(place)
    fill(book, place, 1, code=place.communes[0].code)
    lines = hand_in(place, book).plan["lines"]
    assert len(lines) == 2 and all("nhiều dòng" in line["errors"][0][1] for line in lines)


def test_another_provinces_workbook(place):
    upload = hand_in(place, book_of(Place()))
    assert upload.state == "refused" and "biểu" in upload.problem


def test_what_changed_on_the_server(place):
    book = book_of(place)
    fill(book, place, 0, group="Xã nhóm 2", day=DAY, decision="QĐ 12")
    other = [Change(unit, DAY, "QĐ khác", "nhom-1", False, version_of(unit)) for unit in place.communes[:2]]
    assert groups.apply(other, place.coordinator) == []
    upload = hand_in(place, book)
    (line,) = upload.plan["lines"]  # the second commune was only looked at
    assert (line["outcome"], line["before"], line["after"]) == ("conflict", "Xã nhóm 1", "Xã nhóm 2 (QĐ 12)")


def test_a_change_between_preview_and_confirmation(place):
    book = book_of(place)
    fill(book, place, 0, group="Xã nhóm 2", day=DAY, decision="QĐ 12")
    upload = hand_in(place, book)
    unit = place.communes[0]
    groups.apply([Change(unit, DAY, "QĐ khác", "nhom-1", False, version_of(unit))], place.coordinator)
    with pytest.raises(uploads.UploadChanged):
        uploads.apply(upload, upload.fingerprint, by=place.coordinator)
    assert place.now()[0] == "nhom-1"


def test_a_change_after_the_plan_was_made_anew(place):
    """What another transaction commits between the second plan and the lock."""
    book = book_of(place)
    fill(book, place, 0, group="Xã nhóm 2", day=DAY, decision="QĐ 12")
    upload = hand_in(place, book)
    unit = place.communes[0]
    groups.apply([Change(unit, DAY, "QĐ khác", "nhom-1", False, version_of(unit))], place.coordinator)
    with pytest.raises(uploads.UploadChanged):
        group_workbook.write(upload, uploads.Plan(**upload.plan), place.coordinator)
    assert place.now()[0] == "nhom-1"


def reopened(upload):
    """The rows that weren't taken, as the next workbook, and why by commune code."""
    book = openpyxl.load_workbook(BytesIO(group_workbook.refused_workbook(upload)))
    sheet = book["Nhóm xã"]
    names = {cell.value: cell.column for cell in sheet[HEAD]}
    filled = [n for n in range(HEAD + 1, sheet.max_row + 1) if sheet.cell(n, 1).value]
    return book, {sheet.cell(n, 1).value: sheet.cell(n, names["Lý do chưa nhận"]).value for n in filled}


def test_rows_that_werent_taken_come_back_to_be_mended(place, client):
    one, two, three = (unit.code for unit in place.communes)
    book = book_of(place)
    fill(book, place, 0, group="Xã nhóm 2", day=date(2030, 1, 1), decision="QĐ 12")
    fill(book, place, 1, group="Xã nhóm 2", day="15/02/2024", decision="QĐ 12")
    fill(book, place, 2, group="Nhóm II", day=DAY, decision="QĐ 12")
    unit = place.communes[1]
    assert groups.apply([Change(unit, DAY, "QĐ khác", "nhom-1", False, version_of(unit))], place.coordinator) == []
    upload = hand_in(place, book)
    assert upload.plan["counts"] == {"changed": 0, "same": 0, "conflict": 1, "refused": 2}
    page = client.get(reverse("criteria:upload", args=[upload.pk])).content.decode()
    assert "Tải các dòng chưa nhận" in page and "Không có dòng nào để ghi" in page
    assert client.get(reverse("criteria:upload_refused", args=[upload.pk])).status_code == 200
    back, reasons = reopened(upload)
    assert "dòng 5: cột F (Từ ngày): " in reasons[one] and "chưa đến" in reasons[one]
    assert "nay là: Xã nhóm 1" in reasons[two] and "Không có nhóm “Nhóm II”" in reasons[three]
    sheet = back["Nhóm xã"]
    titles = {cell.value: cell.column for cell in sheet[HEAD]}
    assert sheet.cell(5, titles["Từ ngày"]).value.date() == date(2030, 1, 1)
    assert sheet.column_dimensions[sheet.cell(HEAD, titles["Phiên bản"]).column_letter].hidden
    again = hand_in(place, back)
    # The conflict has been seen by now; what is wrong by itself still is.
    assert again.plan["counts"] == {"changed": 1, "same": 0, "conflict": 0, "refused": 2}
    fill(back, place, 0, day=DAY)
    fill(back, place, 2, group="Xã nhóm 2")
    mended = hand_in(place, back)
    uploads.apply(mended, mended.fingerprint, by=place.coordinator)
    assert [place.now(at)[0] for at in range(3)] == ["nhom-2"] * 3


def test_what_changes_again_is_a_conflict_again(place):
    book = book_of(place)
    fill(book, place, 0, group="Xã nhóm 2", day=DAY, decision="QĐ 12")
    unit = place.communes[0]
    groups.apply([Change(unit, date(2024, 2, 1), "QĐ khác", "nhom-1", False, version_of(unit))], place.coordinator)
    back, _ = reopened(hand_in(place, book))
    unit = Unit.objects.get(pk=unit.pk)
    groups.apply([Change(unit, date(2024, 2, 2), "QĐ nữa", "nhom-3", False, version_of(unit))], place.coordinator)
    assert hand_in(place, back).plan["counts"]["conflict"] == 1
