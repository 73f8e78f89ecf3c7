"""Old tables: read as they come, settled by a person, published as one, voided as one."""

from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from threading import Barrier, BrokenBarrierError
from zipfile import ZipFile

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from communes.models import Role, Succession
from criteria import publish, uploads
from criteria.exchange import history, matrix_reading
from criteria.models import Assessment, Indicator, RememberedChoice, Revision, Standing, Target, Upload
from criteria.publish import Published
from criteria.state import Moment
from ntm.clock import today
from reports.readiness import readiness
from tests.criteria.history_world import DAY, make_place, real_table, with_sheet_part, workbook
from tests.criteria.test_publish import run_together
from tests.factories import CommuneFactory, IndicatorFactory, ProvinceFactory, UserFactory
from tests.reports.worlds import indicators_of, make_set, member, say

SORTED = ("Đông Phú", "Hòa Lộc", "Nga Tân", "Đông Thịnh", "Quảng Thạch", "Xuân Lai")  # by district
MARKS = {
    "Đông Phú": ["x", "X", "x"],
    "Hòa Lộc": ["đ", "Đ", "CĐ"],
    "Nga Tân": ["Đạt", "đạt", "Chưa đạt"],
    "Đông Thịnh": ["x", "cơ bản đạt", None],
    "Quảng Thạch": ["x", "-", "CĐ"],
    "Xuân Lai": ["CĐ", "CĐ", "CĐ"],
}


@pytest.fixture
def place(db, media):
    return make_place()


def simple(*rows, criteria=3):
    return workbook([["TT", "Tên xã", *range(1, criteria + 1)], *([n, *row] for n, row in enumerate(rows, 1))])


def standing(place, unit, stage="province"):
    return Standing.objects.get(unit=unit, criteria_set=place.criteria_set, stage=stage)


def states(place, unit, stage="province"):
    return [state for _, state, _ in standing(place, unit, stage).criteria]


def refused(upload):
    return {(line["column"], line["row"]): line["why"] for line in upload.plan["shown"]["refused"]}


# --- a whole table -----------------------------------------------------------------------


def test_a_real_table_from_upload_to_standings(place):
    upload = place.walk(real_table(SORTED, MARKS))
    assert upload.state == Upload.State.READY, upload.problem
    assert upload.plan["counts"] == {"communes": 6, "new": 16, "same": 0, "differs": 0, "refused": 0}
    assert not Revision.objects.exists()
    assert not Indicator.objects.filter(for_history=True).exists()
    place.confirm(upload)
    upload.refresh_from_db()
    assert upload.state == Upload.State.DONE
    phu, thinh, *_ = place.communes
    assert standing(place, phu).criteria_met == 3
    assert states(place, thinh) == ["met", "nearly_met", "not_assessed"]
    assert standing(place, phu).indicators_assessed == 0  # nobody judged an indicator
    assert standing(place, phu).indicators_total == 6
    revision = Revision.objects.filter(unit=phu).first()
    assert (revision.effective_on, revision.source, revision.source_ref) == (DAY, "import", str(upload.pk))
    assert "Báo cáo 15/BC-VPĐP" in revision.note
    left_out = [line["name"] for line in upload.plan["shown"]["left_out"]]
    assert {"Tổng cộng", "Tỷ lệ (%)"} <= set(left_out)
    call_command("rebuild_standings", check=True, verbosity=0)


def test_the_second_click_and_the_same_table_again_write_nothing(place):
    content = simple(("Đông Phú", "x", "x", "CĐ"), ("Hòa Lộc", "x", "", "x"))
    first, second = place.walk(content), place.walk(content)
    place.confirm(first)
    assert Revision.objects.count() == 5
    assert "không ghi lần thứ hai" in place.confirm(first).content.decode()
    # The other upload showed five new opinions; now it would write none.
    answer = place.confirm(second)
    assert answer.status_code == 409
    assert "đã thay đổi" in answer.content.decode()
    second.refresh_from_db()
    assert (second.state, second.plan["counts"]["new"], second.plan["counts"]["same"]) == ("ready", 0, 5)
    assert Revision.objects.count() == 5


def test_a_table_written_while_it_was_checked_again_stays_written(place, monkeypatch):
    """Two more checks; what the first found is confirmed before the second ends."""
    upload = place.walk(simple(("Đông Phú", "x", "x", "CĐ")))
    plan, confirmed = history.plan, []

    def plan_slowly(*args):
        found = plan(*args)
        if not confirmed:
            confirmed.append(True)
            place.client.post(f"/uploads/{upload.pk}/recheck/")
            place.confirm(upload)
        return found

    monkeypatch.setattr(history, "plan", plan_slowly)
    place.client.post(f"/uploads/{upload.pk}/recheck/")
    assert Revision.objects.filter(source_ref=str(upload.pk)).count() == 3
    upload.refresh_from_db()
    assert upload.state == "done"
    assert place.client.post(f"/uploads/{upload.pk}/withdraw/").status_code == 403
    place.client.post(f"/workshop/history/{upload.pk}/void/", {"reason": "Nhầm bảng"})
    assert not Revision.objects.valid().exists()


def test_the_preview_says_stage_day_set_source_and_each_communes_results(place):
    upload = place.walk(
        simple(("Đông Phú", "x", "CĐ", 0.4), ("Hòa Lộc", "x", "x", "x")), marks=[("số, như 0.4", "not_met")]
    )
    page = place.client.get(f"/uploads/{upload.pk}/").content.decode()
    for told in (place.criteria_set.name, "Kết quả thẩm định", "31/12/2022", "Báo cáo 15/BC-VPĐP"):
        assert f"<dd>{told}</dd>" in page
    for told in ("Đạt: Tiêu chí 1<", "Chưa đạt: Tiêu chí 2<", "Chưa đạt (40 %): Tiêu chí 3<", "Đạt: Tiêu chí 1, 2, 3<"):
        assert told in page


@pytest.mark.parametrize(
    "changed", [{"stage": "district"}, {"day": "30/12/2022"}, {"note": "Báo cáo khác"}, {"criteria_set": "other"}]
)
def test_what_the_table_is_about_is_confirmed_with_it(place, changed):
    """Previewed as the province's opinion of one day, changed in a second tab, confirmed in the first."""
    upload = place.walk(simple(("Đông Phú", "x", "CĐ", "x")))
    seen = upload.fingerprint
    if "criteria_set" in changed:
        make_set(3, 2, code="other")
    about = {"criteria_set": place.criteria_set.code, "stage": "province", "day": "31/12/2022"}
    about |= {"note": "Báo cáo 15/BC-VPĐP", "clash": "keep"}
    place.finish(place.client.post(f"/workshop/history/{upload.pk}/about/", about | changed, follow=True))
    upload.refresh_from_db()
    assert (upload.state, upload.plan["counts"]["new"]) == ("ready", 3)
    assert upload.fingerprint != seen
    answer = place.client.post(f"/uploads/{upload.pk}/apply/", {"fingerprint": seen})
    assert answer.status_code == 409
    assert not Revision.objects.exists()


def test_what_is_published_for_that_day_is_kept_unless_said_otherwise(place):
    place.confirm(place.walk(simple(("Đông Phú", "x", "x", "x"))))
    kept = place.walk(simple(("Đông Phú", "CĐ", "x", "x")))
    assert kept.plan["counts"] | {"refused": 0} == {"communes": 0, "new": 0, "same": 2, "differs": 1, "refused": 0}
    assert kept.plan["shown"]["differing"][0]["was"] == "Đạt"
    assert "Giữ kết quả đã có" in place.client.get(f"/uploads/{kept.pk}/").content.decode()
    replaced = place.walk(simple(("Đông Phú", "CĐ", "x", "x")), clash="replace")
    assert replaced.plan["counts"]["new"] == 1
    place.confirm(replaced)
    assert states(place, place.communes[0])[0] == "not_met"


@pytest.mark.parametrize("clash", ["keep", "replace"])
def test_what_another_published_between_plan_and_write_stops_the_table(place, monkeypatch, clash):
    """Even where nothing stood before, so that the plan couldn't lock it."""
    phu = place.communes[0]
    place.confirm(place.walk(simple(("Hòa Lộc", "x", "x", "x"))))
    upload = place.walk(simple(("Đông Phú", "CĐ", "x", "x")), clash=clash)
    carrier = Indicator.objects.get(for_history=True, criterion__number=1)
    write = history.write

    def write_late(*args):
        options = {"source": "import", "source_ref": "other", "by": place.coordinator}
        publish.publish(phu, place.criteria_set, "province", [Published(carrier.pk, "met", DAY)], **options)
        return write(*args)

    monkeypatch.setattr(history, "write", write_late)
    assert place.confirm(upload).status_code == 409
    assert not Revision.objects.filter(source_ref=str(upload.pk)).exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_tables_written_at_once_the_second_is_shown_anew(media, monkeypatch):
    """Each waits, planned and not yet written, for the other to get as far."""
    place = make_place()
    tables = [place.walk(simple(("Đông Phú", mark, "x", "x"))) for mark in ("x", "CĐ")]
    write, meeting = history.write, Barrier(2)

    def wait_for_the_other(*args):
        with suppress(BrokenBarrierError):
            meeting.wait(timeout=1)
        return write(*args)

    monkeypatch.setattr(history, "write", wait_for_the_other)
    results = run_together(
        *(lambda upload=upload: uploads.apply(upload, upload.fingerprint, by=place.coordinator) for upload in tables)
    )
    assert sorted(type(result).__name__ for result in results) == ["Upload", "UploadChanged"], results
    won = next(result for result in results if isinstance(result, Upload))
    assert set(Revision.objects.values_list("source_ref", flat=True)) == {str(won.pk)}
    lost = Upload.objects.get(state="ready")
    assert lost.plan["counts"] | {"refused": 0} == {"communes": 0, "new": 0, "same": 2, "differs": 1, "refused": 0}


def test_an_older_table_never_replaces_what_holds_now(place):
    phu = place.communes[0]
    place.confirm(place.walk(simple(("Đông Phú", "x", "x", "x")), day="31/12/2023"))
    older = place.walk(simple(("Đông Phú", "CĐ", "CĐ", "CĐ")))
    assert older.plan["shown"]["newer"] == 1
    place.confirm(older)
    assert states(place, phu) == ["met"] * 3
    assert readiness(phu, place.criteria_set, "province", moment=Moment(date(2023, 1, 1))).rollup.criteria_met == 0


# --- criteria judged as a whole ----------------------------------------------------------


def test_indicators_judged_since_decide_and_the_page_says_what_the_old_table_said(place):
    phu = place.communes[0]
    place.confirm(place.walk(simple(("Đông Phú", "x", "CĐ", "x"))))
    found = readiness(phu, place.criteria_set, "province")
    assert [criterion.states["province"].state for criterion in found.criteria] == ["met", "not_met", "met"]
    assert [item.kind for item in found.missing] == ["not_met", "unassessed", "unassessed"]
    assert not found.is_ready
    text = place.client.get(f"/units/{phu.pk}/?stage=province").content.decode()
    assert "Tiêu chí 1, 2, 3: theo bảng tổng hợp cũ, không có chi tiết chỉ tiêu" in text
    page = place.client.get(f"/units/{phu.pk}/criteria/1/").content.decode()
    assert "Theo bảng tổng hợp cũ, không có chi tiết chỉ tiêu" in page
    # A visit looks at the first criterion's two indicators, and at one of the second's.
    say(phu, place.criteria_set, "province", ["not_met", "met", "met"])
    assert states(place, phu) == ["not_met", "incomplete", "met"]
    found = readiness(phu, place.criteria_set, "province")
    assert [criterion.states["province"].state for criterion in found.criteria] == ["not_met", "incomplete", "met"]
    assert [criterion.number for criterion in found.by_old_tables] == [3]
    call_command("rebuild_standings", check=True, verbosity=0)


def test_of_one_day_the_indicators_decide_and_a_later_table_over_them(place):
    phu = place.communes[0]
    say(phu, place.criteria_set, "province", ["not_met", "not_met", "met", "met"], day=DAY)
    place.confirm(place.walk(simple(("Đông Phú", "x", "CĐ", None))))
    assert states(place, phu) == ["not_met", "met", "not_assessed"]
    place.confirm(place.walk(simple(("Đông Phú", "x", None, None)), day="31/12/2023"))
    assert states(place, phu) == ["met", "met", "not_assessed"]


def test_combined_the_higher_stage_comes_before_the_later_day(place):
    phu = place.communes[0]
    place.confirm(place.walk(simple(("Đông Phú", "x", "x", "x"))))
    say(phu, place.criteria_set, "self", ["not_met"] * 6)
    found = readiness(phu, place.criteria_set, "combined")
    assert found.rollup.criteria_met == 3
    assert readiness(phu, place.criteria_set, "self").rollup.criteria_met == 0


def test_entry_and_visits_know_nothing_of_what_carries_old_marks(place):
    place.confirm(place.walk(simple(("Đông Phú", "x", "x", "x"))))
    carriers = Indicator.objects.filter(for_history=True)
    assert carriers.count() == 3
    assert not Indicator.objects.in_force(today()).filter(for_history=True).exists()
    assert not Indicator.objects.for_unit(place.communes[0]).filter(for_history=True).exists()
    officer = Client()
    officer.force_login(member(place.communes[0], Role.OFFICER))
    text = officer.get(f"/units/{place.communes[0].pk}/entry/").content.decode()
    assert "cả tiêu chí, theo bảng" not in text


def test_a_placeholder_in_force_takes_the_mark(db, media):
    place = make_place(criteria=2, indicators=0)
    for criterion in place.criteria_set.criteria.all():
        IndicatorFactory(criterion=criterion, code=str(criterion.number), kind="boolean", stands_for_criterion=True)
    place.confirm(place.walk(simple(("Đông Phú", "x", "CĐ"), criteria=2)))
    assert not Indicator.objects.filter(for_history=True).exists()
    assert states(place, place.communes[0]) == ["met", "not_met"]


def test_a_criterion_whose_placeholder_gave_way_to_its_indicators_takes_marks_too(db, media):
    """The placeholder "1" became "TC1" as an indicator 1 came into force; then a table speaks of a later day."""
    place = make_place(criteria=2, indicators=0)
    ends = {"in_force_to": date(2021, 12, 31)}
    for criterion in place.criteria_set.criteria.all():
        code = f"TC{criterion.number}"
        IndicatorFactory(criterion=criterion, code=code, kind="boolean", stands_for_criterion=True, **ends)
        IndicatorFactory(criterion=criterion, code=f"{criterion.number}.1", position=2)
    upload = place.walk(simple(("Đông Phú", "x", "CĐ"), criteria=2))
    assert upload.plan["counts"]["new"] == 2
    place.confirm(upload)
    upload.refresh_from_db()
    assert upload.state == "done"
    assert states(place, place.communes[0]) == ["met", "not_met"]
    assert not Revision.objects.exclude(indicator__for_history=True).exists()


# --- indicators, figures -----------------------------------------------------------------


def indicator_table(*rows, codes=("1.1", "1.2")):
    return workbook([["TT", "Tên xã", *codes], *([n, *row] for n, row in enumerate(rows, 1))])


@pytest.fixture
def coded(place):
    for criterion in place.criteria_set.criteria.all():
        for position, indicator in enumerate(criterion.indicators.all(), 1):
            Indicator.objects.filter(pk=indicator.pk).update(code=f"{criterion.number}.{position}")
    return place


def test_figures_with_comma_as_text_and_as_fractions(coded):
    upload = coded.walk(
        indicator_table(("Đông Phú", "96,5", 0.975), ("Hòa Lộc", 97.25, 0.5), ("Nga Tân", "95 %", 1)), figures="judge"
    )
    assert upload.plan["counts"]["refused"] == 0
    coded.confirm(upload)
    said = {
        (row.unit.name, row.indicator.code): (row.value, row.verdict)
        for row in Revision.objects.select_related("unit", "indicator")
    }
    assert said == {
        ("Đông Phú", "1.1"): (Decimal("96.5"), "met"),
        ("Hòa Lộc", "1.1"): (Decimal("97.25"), "met"),
        ("Nga Tân", "1.1"): (Decimal(95), "met"),
        ("Đông Phú", "1.2"): (Decimal("97.5"), "met"),
        ("Hòa Lộc", "1.2"): (Decimal(50), "not_met"),
        ("Nga Tân", "1.2"): (Decimal(100), "met"),
    }


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (("61.250", "58.5", "60.5"), (61.25, 58.5, 60.5)),  # as a machine writes
        (("61,250", "58,5", "60"), (61.25, 58.5, 60)),
        (("1.000", "0.5", "0.975"), (100, 50, 97.5)),  # fractions
        (("61.250 %", "58.5 %", 97.125), (61.25, 58.5, 97.125)),
    ],
)
def test_texts_are_read_by_the_decimal_mark_their_column_shows(coded, texts, values):
    upload = coded.walk(indicator_table(*zip(("Đông Phú", "Hòa Lộc", "Nga Tân"), texts, strict=True), codes=("1.1",)))
    coded.confirm(upload)
    found = dict(Revision.objects.values_list("unit__name", "value"))
    assert [float(found[name]) for name in ("Đông Phú", "Hòa Lộc", "Nga Tân")] == list(values)


@pytest.mark.parametrize("others", [("58", "60"), ("58.5", "60,5")])
def test_a_text_that_may_be_two_numbers_is_refused_with_advice(coded, others):
    """Nothing in its column tells which, or both ways of writing stand there; what another column shows of "."
    proves nothing for thousands."""
    Indicator.objects.filter(code="1.1").update(kind="number")
    names = ("Đông Phú", "Hòa Lộc", "Nga Tân")
    content = indicator_table(*zip(names, ("1.250", *others), ("97.5", "98.5", "99.5"), strict=True))
    upload = coded.walk(content)
    assert list(refused(upload)) == [("C", 2)]
    why = refused(upload)["C", 2]
    assert "1.250 hoặc 1,25" in why and "dạng số" in why
    coded.confirm(upload)
    assert Revision.objects.count() == 5


def test_thousands_are_read_where_the_table_writes_its_decimals_with_a_comma(coded):
    Indicator.objects.filter(code="1.1").update(kind="number")
    upload = coded.walk(indicator_table(("Đông Phú", "1.250", "97,5"), ("Hòa Lộc", "2.000", "98,5")))
    assert not refused(upload)
    coded.confirm(upload)
    assert Revision.objects.get(unit=coded.communes[0], indicator__code="1.1").value == 1250


def test_a_level_is_read_by_its_columns_decimal_mark_too(place):
    upload = place.walk(
        simple(("Đông Phú", "x", "x", "61.250"), ("Hòa Lộc", "x", "x", "58.5")),
        marks=[("số, như 61.250", "not_met")],
    )
    place.confirm(upload)
    held = Assessment.objects.get(unit=place.communes[0], indicator__criterion__number=3)
    assert (held.verdict, held.attainment) == ("not_met", Decimal("61.25"))


def test_a_figure_alone_is_no_judgement_unless_asked_for(coded):
    coded.confirm(coded.walk(indicator_table(("Đông Phú", 96, 97))))
    assert set(Revision.objects.values_list("verdict", "value")) == {("", Decimal(96)), ("", Decimal(97))}


def test_a_figure_and_its_mark_in_two_columns_and_a_met_that_misses_its_target(coded):
    content = workbook(
        [
            ["TT", "Tên xã", "1.1", None],
            [None, None, "Kết quả", "Đánh giá"],
            [1, "Đông Phú", 96, "Đạt"],
            [2, "Hòa Lộc", 50, "Đạt"],
            [3, "Nga Tân", 50, "CĐ"],
        ],
        merged=("C1:D1",),
    )
    upload = coded.walk(content)
    assert list(refused(upload)) == [("C", 4)]
    assert "≥ 95%" in refused(upload)["C", 4]
    coded.confirm(upload)
    assert set(Revision.objects.values_list("unit__name", "verdict")) == {("Đông Phú", "met"), ("Nga Tân", "not_met")}


def test_headings_that_excel_changed(coded):
    """1.2 became the first of February, 1.10 lost its zero."""
    criterion = coded.criteria_set.criteria.get(number=1)
    tenth = IndicatorFactory(criterion=criterion, code="1.10", position=10)
    content = indicator_table(("Đông Phú", "x", "x", "x"), codes=(1.1, date(2024, 2, 1), 1.1))
    upload = coded.walk(content)
    coded.confirm(upload)
    assert set(Revision.objects.values_list("indicator__code", flat=True)) == {"1.1", "1.2", "1.10"}
    assert Revision.objects.filter(indicator=tenth, verdict="met").exists()


# --- files that aren't taken -------------------------------------------------------------


@pytest.mark.parametrize("others", [{}, {"Trang 2": []}])
def test_a_workbook_with_nothing_in_it_is_refused(place, others):
    """It came to a step that asks for a sheet and has none to choose."""
    answer = place.upload(workbook([], others=others))
    assert answer.status_code == 422
    assert "Tệp không có dữ liệu" in answer.content.decode()
    assert not Upload.objects.exists()


def test_messages_name_no_template_where_there_is_none(place):
    """Old tables come in any form: what to do is to save, copy or split the file."""
    ods, linked, unsafe = BytesIO(), BytesIO(), BytesIO()
    with ZipFile(ods, "w") as made:
        made.writestr("content.xml", "<office/>")
    with ZipFile(linked, "w") as made:
        made.writestr("xl/externalLinks/externalLink1.xml", "<x/>")
    with ZipFile(unsafe, "w") as made:
        made.writestr("xl/workbook.xml", "<!DOCTYPE x>")
    bomb = with_sheet_part(simple(("Đông Phú", "x")), "<sheetData>", "<sheetData>" + " " * 60 * 1024 * 1024)
    for content, told in (
        (ods.getvalue(), "lưu lại dạng .xlsx"),
        (b"PK\x03\x04" + b"0" * (11 * 1024 * 1024), "tách từng bảng ra tệp mới"),
        (bomb, "vào tệp mới"),
        (linked.getvalue(), "vào tệp mới"),
        (unsafe.getvalue(), "vào tệp mới"),
    ):
        answer = place.upload(content)
        text = answer.content.decode()
        assert answer.status_code == 422 and told in text, told
        assert "tệp mẫu" not in text.lower()


# --- cells that aren't taken -------------------------------------------------------------


def test_each_bad_cell_is_refused_with_its_place_and_reason(place):
    content = workbook(
        [
            ["TT", "Tên xã", 1, 2, 3],
            [1, "Đông Phú", "=1+1", "x", "x"],
            [2, "Hòa Lộc", date(2024, 1, 1), "abc", "x"],
            [3, "Nga Tân", "x", "x", "x"],
            [4, "Đông Thịnh", None, "x", "x"],
            [5, "Xuân Lai", "x", "x", "x"],
            [6, "Xã Xuân Lai", "CĐ", "x", "x"],
        ],
        merged=("C4:C5",),
    )
    upload = place.walk(content)
    why = refused(upload)
    assert "công thức" in why["C", 2]
    assert "ngày tháng" in why["C", 3]
    assert "Chưa rõ nghĩa của “abc”" in why["D", 3]
    assert "Ô gộp" in why["C", 4] and "Ô gộp" in why["C", 5]
    assert "các dòng 6, 7" in why["", 6] and why["", 6] == why["", 7]
    place.confirm(upload)
    assert Revision.objects.count() == 7
    page = place.client.get(f"/uploads/{upload.pk}/refused.xlsx")
    assert page.status_code == 200
    from openpyxl import load_workbook

    listed = list(load_workbook(BytesIO(page.content)).active.iter_rows(values_only=True))
    assert len(listed) == 1 + len(upload.plan["shown"]["refused"])
    assert listed[1][:3] == ("Biểu 1", 2, "C")


def test_a_commune_whose_cells_are_all_blank_counts_where_blank_means_not_met(place):
    """Under the table a note and a signature, beside them nothing; a name with a typing error is asked about."""
    rows = [[1, "Đông Phú", "x", "x", "x"], [2, "Nga Tân"], [3, "Xuân Laii"], [None, "Người lập"], [None, "Lê Văn Xưa"]]
    content = workbook([["TT", "Tên xã", 1, 2, 3], *rows])
    upload = place.walk(content, marks=[("(ô trống)", "not_met")])
    assert upload.plan["counts"] == {"communes": 2, "new": 6, "same": 0, "differs": 0, "refused": 1}
    assert list(refused(upload)) == [("", 4)]
    assert [line["row"] for line in upload.plan["shown"]["left_out"]] == [5, 6]
    place.confirm(upload)
    assert states(place, place.communes[4]) == ["not_met"] * 3
    # Where it means nothing, such rows are left out and named, without a question.
    skipped = place.walk(content, marks=[("(ô trống)", "skip")], day="30/12/2022")
    assert skipped.plan["counts"]["communes"] == 1
    assert not refused(skipped)
    assert [line["row"] for line in skipped.plan["shown"]["left_out"]] == [3, 4, 5, 6]


def test_a_whole_table_of_blanks_can_mean_not_met(place):
    upload = place.walk(simple(*([unit.name] for unit in place.communes)), marks=[("(ô trống)", "not_met")])
    assert (upload.state, upload.plan["counts"]["new"]) == ("ready", 18)


def test_merged_cells_cost_nothing_however_far_they_reach(place):
    """A few bytes each: two hundred ranges of two million cells, in the table and below it."""
    content = simple(("Đông Phú", "x", "x", "x"), ("Hòa Lộc", "x", "x", "x"), ("Nga Tân", "x", None, "x"))
    far = '<mergeCells count="400">' + '<mergeCell ref="B70:C1048576"/><mergeCell ref="D3:XFD1048576"/>' * 200
    far += "".join(f'<mergeCell ref="C{row}:D1048576"/>' for row in range(80, 280)) + "</mergeCells>"
    upload = place.walk(with_sheet_part(content, "</sheetData>", f"</sheetData>{far}"))
    assert upload.plan["counts"]["new"] == 5
    assert set(refused(upload)) == {("D", 3), ("E", 3), ("D", 4), ("E", 4)}


def test_more_merged_cells_than_any_table_has_are_told_of(place, monkeypatch):
    monkeypatch.setattr(matrix_reading, "MOST_MERGED", 2)
    rows = [["TT", "Tên xã", 1], [1, "Đông Phú", "x"], [None] * 7 + ["Ghi chú"]]
    content = workbook(rows, merged=("E2:E3", "F2:F3", "G2:G3"))
    place.upload(content)
    upload = Upload.objects.get()
    place.client.post(f"/workshop/history/{upload.pk}/headings/", {"top": 1, "last": 1})
    first = place.criteria_set.criteria.get(number=1)
    columns = {"role-2": "name", "role-3": f"c{first.pk}"}
    answer = place.client.post(f"/workshop/history/{upload.pk}/columns/", columns, follow=True)
    assert answer.status_code == 200
    assert "quá nhiều ô gộp" in answer.content.decode()
    history.choose(upload, marks={})
    answer = place.client.get(f"/workshop/history/{upload.pk}/communes/", follow=True)
    assert "quá nhiều ô gộp" in answer.content.decode()


def test_the_meaning_of_marks_is_a_persons(place):
    marks = {"(ô trống)": "not_met", "v": "nearly_met", "số, như 70": "not_met"}
    place.confirm(place.walk(simple(("Đông Phú", "v", None, 70), ("Hòa Lộc", "v", 0.35, "x")), marks=marks.items()))
    assert states(place, place.communes[0]) == ["nearly_met", "not_met", "not_met"]
    assert standing(place, place.communes[0]).criteria[2] == [3, "not_met", "70.00"]
    assert standing(place, place.communes[2]).criteria[1] == [2, "not_met", "35.00"]
    # The next table of the province is read the same way without asking.
    again = place.walk(simple(("Nga Tân", "v", None, 50)), day="31/12/2023")
    assert again.options["marks"] == {"v": "nearly_met", "": "not_met", "#": "not_met"}


@pytest.mark.parametrize(
    ("meaning", "threshold", "expected"),
    [
        ("from_not_met", None, ["met", "not_met", "not_met"]),
        ("from_nearly_met", None, ["met", "nearly_met", "nearly_met"]),
        ("from_not_met", "95,5", ["met", "not_met", "met"]),
        ("not_met", None, ["not_met", "not_met", "not_met"]),
    ],
)
def test_of_percentages_those_from_a_threshold_on_are_met(place, meaning, threshold, expected):
    content = simple(("Đông Phú", 100, 40, "95,5 %"))
    place.confirm(place.walk(content, marks=[("số, như 100", meaning)], threshold=threshold))
    assert states(place, place.communes[0]) == expected


def test_numbers_cant_all_mean_met_and_a_threshold_is_a_percentage(place):
    upload = place.walk(simple(("Đông Phú", 100, 40, "x")), marks=[("số, như 100", "met")])
    assert set(refused(upload)) == {("C", 2), ("D", 2)}
    # Nor where an older choice of the province says so.
    RememberedChoice.objects.update_or_create(
        province=place.province, about="mark", key="#", defaults={"choice": "met", "chosen_by": place.coordinator}
    )
    assert set(refused(place.walk(simple(("Đông Phú", 100, 40, "x"))))) == {("C", 2), ("D", 2)}
    url = f"/workshop/history/{upload.pk}/marks/"
    context = place.client.get(url).context
    (share,) = (mark for mark in context["marks"] if mark["is_share"])
    for typed in ("", "abc", "0", "101", "-5", "9" * 40):
        answer = place.client.post(url, {f"mark-{share['place']}": "from_not_met", "threshold": typed})
        assert answer.status_code == 422, typed
        assert "lớn hơn 0, không quá 100" in answer.content.decode()
    upload.refresh_from_db()
    assert upload.options["threshold"] == "100"


def test_firmly_met_is_said_by_teams_only(place):
    content = simple(("Đông Phú", "Đạt vững chắc", "x", "x"))
    assert "đoàn kiểm tra" in refused(place.walk(content, stage="self"))["C", 2]
    assert not refused(place.walk(content))


# --- communes ----------------------------------------------------------------------------


def test_the_same_name_in_two_districts_is_told_apart_by_the_district(place):
    other = CommuneFactory(parent=place.communes[1].district, name="Đông Phú")
    content = workbook(
        [
            ["TT", "Huyện", "Tên xã", 1],
            [1, "Đông Sơn", "Đông Phú", "x"],
            [2, "Huyện Hậu Lộc", "Đông Phú", "CĐ"],
        ]
    )
    place.confirm(place.walk(content))
    assert states(place, place.communes[0])[0] == "met"
    assert states(place, other)[0] == "not_met"


def test_two_names_that_differ_by_a_tone_alone(place):
    other = CommuneFactory(parent=place.communes[2].district, name="Hoa Lộc")
    place.confirm(place.walk(simple(("Hoa Lộc", "x", "x", "x"), ("Hòa Lộc", "CĐ", "CĐ", "CĐ"))))
    assert states(place, other)[0] == "met"
    assert states(place, place.communes[2])[0] == "not_met"
    # Without marks nobody can tell.
    assert "Có 2 xã cùng tên" in refused(place.walk(simple(("Hoa Loc", "x", "x", "x"))))["", 2]


def test_doubtful_names_are_settled_by_a_person_and_remembered(place):
    content = simple(("Dong Phuu", "x", "x", "x"), ("Không Có", "x", "x", "x"))
    unsettled = place.walk(content)
    assert set(refused(unsettled)) == {("", 2), ("", 3)}
    phu, thinh, *_ = place.communes
    settled = place.walk(content, communes={"unit-2": phu.pk, "code-3": thinh.code})
    assert settled.plan["counts"]["new"] == 6
    assert RememberedChoice.objects.filter(about="commune").count() == 2
    again = place.walk(content, day="31/12/2023")
    assert again.plan["counts"] | {"refused": 0} == {"communes": 2, "new": 6, "same": 0, "differs": 0, "refused": 0}


def test_a_row_can_be_left_out_and_a_code_that_is_nobodys_is_refused(place):
    content = simple(("Không Có", "x", "x", "x"), ("Đông Phú", "x", "x", "x"))
    upload = place.walk(content, communes={"unit-2": "0"})
    assert not refused(upload)
    assert [line["why"] for line in upload.plan["shown"]["left_out"]] == ["đã chọn bỏ qua"]
    url = f"/workshop/history/{upload.pk}/communes/"
    history.choose(upload, communes={})
    answer = place.client.post(url, {"code-2": "99999"})
    assert answer.status_code == 422
    assert "không có xã nào mang mã 99999" in answer.content.decode()


def test_a_commune_is_looked_for_as_it_was_on_the_day(place):
    """Cẩm Tân was merged in 2023: a table of 2022 names it, one of 2024 can't."""
    old = CommuneFactory(parent=place.communes[0].district, name="Cẩm Tân", closed_on=date(2023, 7, 1))
    heir = CommuneFactory(parent=place.communes[0].district, name="Cẩm Vân", opened_on=date(2023, 7, 1))
    Succession.objects.create(predecessor=old, successor=heir, effective_on=date(2023, 7, 1))
    place.confirm(place.walk(simple(("Cẩm Tân", "x", "x", "x"))))
    assert states(place, old) == ["met"] * 3
    later = place.walk(simple(("Cẩm Tân", "x", "x", "x")), day="31/12/2023")
    assert "đã nhập vào xã khác" in refused(later)["", 2]
    page = place.client.get(f"/workshop/history/{later.pk}/communes/").content.decode()
    assert "Xã Cẩm Vân" in page


def test_a_commune_of_another_province_is_nobody_here(place):
    CommuneFactory(name="Kim Lộc")
    assert "Không có xã" in refused(place.walk(simple(("Kim Lộc", "x", "x", "x"))))["", 2]


def test_codes_decide_and_one_that_contradicts_the_name_is_asked_about(place):
    phu, thinh, *_ = place.communes
    content = workbook(
        [["Mã xã", "Tên xã", 1], [int(phu.code), "Đông Phú", "x"], [thinh.code, "Nga Tân", "x"], ["00000", "?", "x"]]
    )
    upload = place.walk(content)
    assert upload.plan["counts"]["new"] == 1
    assert "khác tên trong bảng" in refused(upload)["", 3]
    assert "Không có xã nào mang mã 00000" in refused(upload)["", 4]


def test_a_district_that_begins_like_its_kind(place):
    """Quan Hóa folds to the same beginning as "quận Hóa"."""
    area = place.communes[0].district
    type(area).objects.filter(pk=area.pk).update(name="Quan Hóa")
    content = workbook([["TT", "Tên xã", 1], ["I", "Huyện Quan Hóa"], [1, "Đông Phú", "x"]])
    assert place.walk(content).plan["counts"]["new"] == 1


# --- how far a criterion is --------------------------------------------------------------


def test_a_corrected_level_is_no_identical_result(place):
    marks = {"marks": [("số, như 0.4", "not_met"), ("số, như 0.55", "not_met")]}
    phu = place.communes[0]
    place.confirm(place.walk(simple(("Đông Phú", "x", "CĐ", 0.4)), **marks))
    corrected = simple(("Đông Phú", "x", "CĐ", 0.55))
    kept = place.walk(corrected, **marks)
    assert kept.plan["counts"] == {"communes": 0, "new": 0, "same": 2, "differs": 1, "refused": 0}
    (line,) = kept.plan["shown"]["differing"]
    assert (line["was"], line["now"]) == ("Chưa đạt (40 %)", "Chưa đạt (55 %)")
    replaced = place.walk(corrected, clash="replace", **marks)
    assert replaced.plan["counts"] == {"communes": 1, "new": 1, "same": 2, "differs": 1, "refused": 0}
    place.confirm(replaced)
    held = Assessment.objects.get(unit=phu, indicator__criterion__number=3)
    assert (held.verdict, held.attainment) == ("not_met", 55)
    assert place.walk(corrected, **marks).plan["counts"]["same"] == 3


def test_a_figure_stays_identical_though_its_target_changed_since(coded):
    """What it attains is another per cent then, and no other result."""
    content = indicator_table(("Đông Phú", 50, 60))
    coded.confirm(coded.walk(content, figures="judge"))
    Target.objects.update(value=Decimal(90), text="≥ 90%")
    assert coded.walk(content, figures="judge").plan["counts"]["same"] == 2


# --- voiding -----------------------------------------------------------------------------


def test_a_table_is_voided_as_one_with_a_reason(place):
    phu = place.communes[0]
    place.confirm(place.walk(simple(("Đông Phú", "CĐ", "x", "x")), day="31/12/2021"))
    upload = place.walk(simple(("Đông Phú", "x", "CĐ", "x"), ("Hòa Lộc", "x", "x", "x")))
    place.confirm(upload)
    assert states(place, phu) == ["met", "not_met", "met"]
    url = f"/workshop/history/{upload.pk}/void/"
    assert place.client.get(url).status_code == 200
    assert place.client.post(url, {"reason": "  "}).status_code == 422
    answer = place.client.post(url, {"reason": "Nhầm năm"}, follow=True)
    assert "Đã hủy 6 kết quả" in answer.content.decode()
    upload.refresh_from_db()
    assert (upload.state, upload.void_reason, upload.voided_by) == ("voided", "Nhầm năm", place.coordinator)
    assert states(place, phu) == ["not_met", "met", "met"]
    assert not standing(place, place.communes[2]).has_opinion
    assert not Assessment.objects.filter(unit=place.communes[2]).exists()
    again = place.client.post(url, {"reason": "Nữa"}, follow=True)
    assert "đã hủy rồi" in again.content.decode()
    upload.refresh_from_db()
    assert upload.void_reason == "Nhầm năm"
    carrier = Indicator.objects.get(for_history=True, criterion__number=1)
    told = place.client.get(f"/units/{phu.pk}/indicators/{carrier.pk}/history/").content.decode()
    assert "Nhầm năm" in told
    assert (
        "Lịch sử theo bảng tổng hợp cũ"
        in place.client.get(f"/units/{place.communes[2].pk}/criteria/1/").content.decode()
    )
    call_command("rebuild_standings", check=True, verbosity=0)


@pytest.mark.parametrize("voided", [0, 1])
def test_a_corrected_table_stands_by_itself_when_the_wrong_one_is_voided(place, voided):
    phu, _, loc, *_ = place.communes
    wrong = place.walk(simple(("Đông Phú", "x", "x", "x"), ("Hòa Lộc", "x", "CĐ", None)), note="Bảng A")
    place.confirm(wrong)
    right = place.walk(
        simple(("Đông Phú", "x", "x", "CĐ"), ("Hòa Lộc", "x", "CĐ", None)), note="Bảng B", clash="replace"
    )
    assert right.plan["counts"] == {"communes": 1, "new": 1, "same": 4, "differs": 1, "refused": 0}
    assert "Ghi kèm 4 kết quả giống hệt" in place.client.get(f"/uploads/{right.pk}/").content.decode()
    place.confirm(right)
    assert "Ghi kèm 4 kết quả giống hệt" in place.client.get(f"/uploads/{right.pk}/").content.decode()
    page = place.client.get(f"/workshop/history/{right.pk}/void/").content.decode()
    assert "Hủy 5 kết quả của 2 xã" in page
    place.client.post(f"/workshop/history/{(wrong, right)[voided].pk}/void/", {"reason": "Nhầm"})
    assert states(place, phu) == ["met", "met", ("not_met", "met")[voided]]
    assert states(place, loc) == ["met", "not_met", "not_assessed"]
    call_command("rebuild_standings", check=True, verbosity=0)


def test_what_a_visit_said_isnt_said_again_and_a_table_that_adds_nothing_writes_nothing(coded):
    phu = coded.communes[0]
    first, second = indicators_of(coded.criteria_set)[:2]
    said = {"source": "visit", "source_ref": "38-2024-001", "by": coded.coordinator}
    publish.publish(phu, coded.criteria_set, "province", [Published(first.pk, "met", DAY, value=Decimal(96))], **said)
    content = indicator_table(("Đông Phú", 96, 97), codes=(first.code, second.code))
    upload = coded.walk(content, figures="judge")
    assert (upload.plan["counts"]["new"], upload.plan["counts"]["same"], upload.plan["shown"]["again"]) == (1, 1, 0)
    coded.confirm(upload)
    assert Revision.objects.count() == 2
    again = coded.walk(content, figures="judge")
    assert (again.plan["counts"]["new"], again.plan["counts"]["same"], again.plan["shown"]["again"]) == (0, 2, 0)
    assert "Không có kết quả nào để ghi" in coded.client.get(f"/uploads/{again.pk}/").content.decode()
    coded.confirm(again)
    assert Revision.objects.count() == 2


def test_who_may_not_import_is_shown_no_way_there(place):
    """A superuser sees what came in, and no link that leads to a refusal."""
    boss = Client()
    boss.force_login(UserFactory(is_superuser=True))

    def told(upload):
        answer = boss.get(f"/uploads/{upload.pk}/")
        assert answer.status_code == 200
        text = answer.content.decode()
        assert "/workshop/history/" not in text
        return text

    upload = place.walk(simple(("Đông Phú", "x", "x", "x")))
    assert f"/workshop/history/{upload.pk}/" in place.client.get(f"/uploads/{upload.pk}/").content.decode()
    told(upload)
    place.confirm(upload)
    assert "/workshop/history/" in place.client.get(f"/uploads/{upload.pk}/").content.decode()
    told(upload)
    Upload.objects.update(state="refused", applied_at=None)
    told(upload)
    place.upload(simple(("Đông Phú", "x", "x", "x")))
    assert "Chưa khai báo xong cách đọc bảng" in told(Upload.objects.latest("uploaded_at"))


# --- in bulk -----------------------------------------------------------------------------


def publish_both_ways(place, told):
    """The stored states after publishing at once, and after publishing one by one."""
    found = []
    for at_once in (True, False):
        for model in (Assessment, Revision, Standing):
            model.objects.all().delete()
        options = {"source": "import", "source_ref": "1", "by": place.coordinator}
        if at_once:
            publish.publish_many(told, place.criteria_set, "district", **options)
        else:
            for unit, opinions in told.items():
                publish.publish(unit, place.criteria_set, "district", opinions, **options)
        skipped = {"id", "revision_id", "recorded_at", "updated_at"}
        found.append(
            [
                sorted(
                    repr(sorted((name, value) for name, value in row.items() if name not in skipped))
                    for row in model.objects.values()
                )
                for model in (Assessment, Revision, Standing)
            ]
        )
    return found


def test_publishing_at_once_is_publishing_one_by_one(place):
    indicators = indicators_of(place.criteria_set)
    verdicts = ("met", "nearly_met", "not_met", "", "firmly_met", "met")
    told = {
        unit: [
            Published(
                indicator.pk,
                verdicts[(row + column) % 6],
                date(2021 + (row + column) % 4, 5, 1 + column),
                value=Decimal(95 + row) if verdicts[(row + column) % 6] in ("met", "firmly_met") else Decimal(50),
            )
            for column, indicator in enumerate(indicators)
            if (row + column) % 5
        ]
        for row, unit in enumerate(place.communes[:5])
    }
    at_once, one_by_one = publish_both_ways(place, told)
    assert at_once == one_by_one
    assert len(at_once[0]) == len(at_once[1]) > 20
    call_command("rebuild_standings", check=True, verbosity=0)


def test_an_opinion_that_cant_stand_stops_all_of_them(place):
    first, second = indicators_of(place.criteria_set)[:2]
    told = {
        place.communes[0]: [Published(first.pk, "met", DAY, value=Decimal(96))],
        place.communes[1]: [Published(second.pk, "met", DAY, value=Decimal(10))],
    }
    with pytest.raises(publish.PublicationRefused) as stopped:
        publish.publish_many(told, place.criteria_set, "district", source="import", source_ref="1", by=UserFactory())
    assert list(stopped.value.errors) == [second.pk]
    assert not Revision.objects.exists()


def queries_of_an_import(count_queries, communes):
    place = make_place(names=[f"Xã số {number}" for number in range(communes)])
    place.confirm(place.walk(simple(("Xã số 0", "x", "x", "x")), day="31/12/2021"))  # the carriers are there
    upload = place.walk(simple(*((unit.name, "x", "CĐ", "x") for unit in place.communes)))
    found = {}
    for step in ("columns", "marks", "communes"):
        with count_queries() as queries:
            assert place.client.get(f"/workshop/history/{upload.pk}/{step}/").status_code == 200
        found[step] = len(queries)
    for name, url in (("plan", f"/uploads/{upload.pk}/"), ("list", "/workshop/history/")):
        with count_queries() as queries:
            place.client.get(url)
        found[name] = len(queries)
    with count_queries() as queries:
        assert place.confirm(upload).status_code == 200
    # SQLite takes 999 values a statement: many rows are several INSERTs there.
    found["apply"] = len(
        {query[:40] if query.startswith("INSERT") else (place, query) for place, query in enumerate(queries)}
    )
    with count_queries() as queries:
        place.client.post(f"/workshop/history/{upload.pk}/void/", {"reason": "Thử"})
    found["void"] = len(queries)
    return found


def test_as_many_queries_for_thirty_communes_as_for_three(db, media, count_queries):
    three, thirty = (queries_of_an_import(count_queries, communes) for communes in (3, 30))
    assert three == thirty


@pytest.mark.django_db(transaction=True)
def test_a_long_table_is_checked_and_written_by_the_worker(media):
    place = make_place()
    names = [unit.name for unit in place.communes]
    # Somebody left five thousand notes below the table.
    content = simple(*((name, "x", "CĐ", "x") for name in names), *([None, f"Ghi chú {n}"] for n in range(5_000)))
    upload = place.walk(content)
    assert upload.state == Upload.State.CHECKING
    page = place.client.get(f"/uploads/{upload.pk}/", headers={"HX-Request": "true"}).content.decode()
    assert f"0/{upload.rows} dòng" in page
    call_command("db_worker", batch=True, startup_delay=False, verbosity=0)
    upload.refresh_from_db()
    assert (upload.state, upload.plan["counts"]["new"]) == ("ready", 18)
    place.confirm(upload)
    upload.refresh_from_db()
    assert upload.state == Upload.State.WRITING
    assert not Revision.objects.exists()
    call_command("db_worker", batch=True, startup_delay=False, verbosity=0)
    upload.refresh_from_db()
    assert upload.state == Upload.State.DONE
    assert Revision.objects.count() == 18
    assert connection.in_atomic_block is False


# --- what is refused whole, and who may ---------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"day": "31/12/2020"}, "ngoài giai đoạn 2021–2025"),
        ({"day": (today() + timedelta(days=1)).strftime("%d/%m/%Y")}, "ở tương lai"),
        ({"day": "31.12"}, "Nhập ngày"),
        ({"stage": "nation"}, "Hãy chọn"),
        ({"stage": ""}, "Chọn cấp đánh giá"),
        ({"note": ""}, "Nêu văn bản"),
        ({"criteria_set": "khong-co"}, "Chọn bộ tiêu chí trong danh sách"),
    ],
)
def test_what_the_table_is_about_is_checked_first(place, fields, message):
    answer = place.upload(simple(("Đông Phú", "x", "x", "x")), **fields)
    assert answer.status_code == 422
    assert not Upload.objects.exists()
    assert message in answer.content.decode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "trống"),
        (b"a,b\n1,2\n", "không phải tệp Excel"),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "mật khẩu"),
        (simple(("Đông Phú", "x"))[:2000], "hỏng"),
    ],
)
def test_a_file_that_isnt_a_workbook_is_refused_at_once(place, content, message):
    answer = place.upload(content)
    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert not Upload.objects.exists()


def test_headings_and_columns_that_make_no_sense(place):
    answer = place.upload(simple(("Đông Phú", "x", "x", "x")))
    upload = Upload.objects.get()
    url = f"/workshop/history/{upload.pk}"
    for data, message in (
        ({"top": 2, "last": 1}, "Dòng cuối không được trước"),
        ({"top": 1, "last": 9}, "nhiều nhất 3 dòng"),
        ({"top": "a", "last": 1}, "số"),
    ):
        answer = place.client.post(f"{url}/headings/", data)
        assert (answer.status_code, message in answer.content.decode()) == (422, True)
    # Steps come in their order.
    assert place.client.get(f"{url}/marks/")["Location"].endswith("/headings/")
    place.client.post(f"{url}/headings/", {"top": 1, "last": 1})
    first = place.criteria_set.criteria.get(number=1)
    for data, message in (
        ({"role-2": "name"}, "ít nhất một cột tiêu chí"),
        ({"role-3": f"c{first.pk}"}, "Chọn cột tên xã"),
        ({"role-2": "name", "role-3": f"c{first.pk}", "role-4": f"c{first.pk}"}, "Cột C và cột D cùng là"),
        ({"role-2": "name", "role-3": "c999999999999999999999"}, "chọn trong danh sách"),
        ({"role-2": "name", "role-3": "i999999"}, "chọn trong danh sách"),
    ):
        answer = place.client.post(f"{url}/columns/", data)
        assert (answer.status_code, message in answer.content.decode()) == (422, True), data


def test_a_table_without_a_single_commune_says_what_to_look_at(place):
    upload = place.walk(workbook([["TT", "Tên xã", 1, 2, 3], [None, "Tổng cộng", 1, 2, 3]]))
    assert upload.state == Upload.State.REFUSED
    page = place.client.get(f"/uploads/{upload.pk}/").content.decode()
    assert "Xem lại dòng tiêu đề và cột tên xã" in page
    assert "Sửa cách đọc bảng" in page


def test_another_sheet_can_be_chosen_and_its_columns_are_remembered(place):
    rows = [["TT", "Đơn vị", "Quy hoạch", "Giao thông"], [1, "Đông Phú", "x", "CĐ"]]
    content = workbook([["Bìa"], ["x"]], others={"Biểu 2": rows})
    first, second, _ = place.criteria_set.criteria.order_by("number")
    columns = {"role-2": "name", "role-3": f"c{first.pk}", "role-4": f"c{second.pk}"}
    place.upload(content)
    upload = Upload.objects.get()
    url = f"/workshop/history/{upload.pk}"
    assert place.client.get(f"{url}/sheet/").status_code == 200
    assert place.client.post(f"{url}/sheet/", {"sheet": 7}).status_code == 422
    place.client.post(f"{url}/sheet/", {"sheet": 1})
    place.client.post(f"{url}/headings/", {"top": 1, "last": 1})
    place.client.post(f"{url}/columns/", columns)
    upload.refresh_from_db()
    assert upload.options["roles"] == {"2": "name", "3": f"c{first.pk}", "4": f"c{second.pk}"}
    other = place.walk(workbook(rows), day="31/12/2023")
    assert other.options["roles"] == upload.options["roles"]
    assert other.plan["counts"]["new"] == 2


def test_a_day_in_another_year_asks_again_what_depends_on_it(place):
    upload = place.walk(simple(("Đông Phú", "x", "x", "x")))
    url = f"/workshop/history/{upload.pk}/about/"
    assert place.client.get(url).status_code == 200
    data = {"criteria_set": place.criteria_set.code, "stage": "district", "note": "BC 1", "clash": "keep"}
    answer = place.client.post(url, data | {"day": "31/12/2023"})
    assert answer["Location"].endswith("/columns/")
    upload.refresh_from_db()
    assert (upload.state, upload.options["stage"], "roles" in upload.options) == ("setup", "district", False)
    assert place.client.get(f"/uploads/{upload.pk}/")["Location"].endswith("/columns/")


def test_a_written_table_cant_be_read_anew(place):
    upload = place.walk(simple(("Đông Phú", "x", "x", "x")))
    place.confirm(upload)
    for step in ("about", "sheet", "headings", "columns", "marks", "communes"):
        answer = place.client.post(f"/workshop/history/{upload.pk}/{step}/", {"sheet": 0})
        assert answer["Location"] == f"/uploads/{upload.pk}/"
    upload.refresh_from_db()
    assert upload.state == "done"


def test_a_neighbours_coordinator_finds_nothing_and_others_may_not(place):
    upload = place.walk(simple(("Đông Phú", "x", "x", "x")))
    neighbour, viewer, admin = Client(), Client(), Client()
    neighbour.force_login(member(ProvinceFactory(), Role.COORDINATOR))
    viewer.force_login(member(place.province, Role.VIEWER))
    admin.force_login(UserFactory(is_superuser=True, is_staff=True))
    for step in ("columns", "communes", "void"):
        url = f"/workshop/history/{upload.pk}/{step}/"
        assert neighbour.get(url).status_code == viewer.get(url).status_code == 404
        assert admin.get(url).status_code == 403
    assert viewer.get("/workshop/history/").status_code == 403
    assert neighbour.post(f"/uploads/{upload.pk}/apply/", {"fingerprint": upload.fingerprint}).status_code == 404
    assert admin.post(f"/uploads/{upload.pk}/apply/", {"fingerprint": upload.fingerprint}).status_code == 403
    assert not Revision.objects.exists()


def test_a_coordinator_who_left_meanwhile_writes_nothing(place):
    upload = place.walk(simple(("Đông Phú", "x", "x", "x")))
    place.coordinator.memberships.update(ends_on=today() - timedelta(days=1))
    assert place.confirm(upload).status_code == 404
    assert not Revision.objects.exists()


def test_a_table_can_be_taken_back_while_it_is_set_up(place):
    page = place.upload(simple(("Đông Phú", "x", "x", "x")))
    upload = Upload.objects.get()
    assert upload.state == "setup" and f"/uploads/{upload.pk}/withdraw/" in page.content.decode()
    done = place.client.post(f"/uploads/{upload.pk}/withdraw/", follow=True)
    assert "Đã bỏ tệp" in done.content.decode() and not Upload.objects.exists()
