"""Biểu bổ sung, texts and the six-month and yearly reports over an area: right sums, and a closed period stays."""

import random
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO

import openpyxl
import pytest
from django.test import Client
from django.utils import timezone

from communes.models import Membership, Role, Unit
from criteria.models import (
    PeriodText,
    Plan,
    ReportingPeriod,
    Revision,
    SupplementaryColumn,
    SupplementaryReturn,
    SupplementaryTable,
    SupplementaryValue,
)
from criteria.plans import planned_end
from criteria.supplementary import PeriodClosed, save_column, save_table, save_values
from reports.matrix import matrix
from reports.moments import moment_of
from reports.tables.table import value_of
from reports.tables.texts import pieces
from tests.factories import CommuneFactory, IndicatorFactory
from tests.libreoffice import wrong_formulas
from tests.reports.test_tables import book_rows, same, written
from tests.reports.worlds import fill, indicators_of, make_province, make_set, make_table, member, say

pytestmark = pytest.mark.django_db


class Place:
    def __init__(self) -> None:
        self.set = make_set(criteria=3, indicators=1, first_year=2021)
        self.province, self.communes = make_province(communes=5, districts=2)
        self.staff = member(self.province, Role.COORDINATOR)
        self.table = make_table(self.province, starts_on=date(2020, 1, 1))
        self.year = self.period("year", "Năm 2023", date(2023, 12, 31))
        self.before = self.period("half_year", "6 tháng 2023", date(2023, 6, 30))
        self.half = self.period("half_year", "6 tháng 2024", date(2024, 6, 30))
        chance = random.Random(7)
        for unit, verdict in zip(self.communes, ("met", "not_met", "nearly_met", "met"), strict=False):
            say(unit, self.set, "self", [verdict] * 3, date(2023, 10, 1))
        say(self.communes[1], self.set, "self", ["met", "met", "not_met"], date(2024, 5, 1))
        Unit.objects.filter(pk__in=[self.communes[0].pk, self.communes[1].pk]).update(target_group="nhom-1")
        Unit.objects.filter(pk=self.communes[2].pk).update(target_group="nhom-2")
        for period in (self.half, self.before, self.year):
            for unit in self.communes[:4]:
                fill(unit, period, self.table, by=self.staff, chance=chance)

    def period(self, kind, name, day, **fields):
        return ReportingPeriod.objects.create(
            area=self.province, kind=kind, name=name, ends_on=day, due_on=day, **fields
        )

    def draw(self, key, area=None, user=None, **more):
        client = Client()
        client.force_login(user or self.staff)
        asked = {"area": (area or self.province).pk, "set": self.set.code, "stage": "self"} | more
        answer = client.get(f"/reports/tables/{key}/", asked)
        assert answer.status_code == 200
        return answer.context["report"]

    def plan(self, unit, verdicts, ends_on=date(2024, 12, 31), **fields):
        """Planned verdicts, one for each criterion; "" plans nothing."""
        fields = {"saved_at": datetime(2024, 1, 5, tzinfo=UTC), "value": 97} | fields
        Plan.objects.bulk_create(
            Plan(unit=unit, indicator=row, ends_on=ends_on, verdict=verdict, saved_by=self.staff, **fields)
            for row, verdict in zip(indicators_of(self.set), verdicts, strict=True)
            if verdict
        )

    def plan_all(self):
        """Two plan all criteria, one plans two of three."""
        self.plan(self.communes[0], ["met", "met", "met"])
        self.plan(self.communes[1], ["met", "not_met", ""])
        self.plan(self.communes[2], ["nearly_met", "met", "met"])

    def close(self, period):
        ReportingPeriod.objects.filter(pk=period.pk).update(closed_at=datetime(2024, 7, 8, tzinfo=UTC))


@pytest.fixture
def place():
    return Place()


def cells(table, key, kind="row"):
    at = table.place(key)
    return [value_of(line.cells[at]) for line in table.lines if line.kind == kind]


def told(period, column, units):
    numbers = SupplementaryValue.objects.filter(
        filled__period=period, column=column, filled__unit__in=units, number__isnull=False
    ).values_list("number", flat=True)
    return sum(numbers, Decimal(0)) if numbers else None


def test_sums_of_districts_and_of_the_province_are_those_of_the_communes(place):
    table = place.draw("supplementary", of_period=place.half.pk, table=place.table.pk).tables[0]
    districts = list(dict.fromkeys(unit.district for unit in place.communes))
    for column in place.table.columns.filter(kind__in=["number", "money"]):
        key = f"cot_{column.pk}"
        expected = [told(place.half, column, place.communes)]
        assert cells(table, key, "total") == expected
        by_name = dict(zip(cells(table, "commune", "group"), cells(table, key, "group"), strict=True))
        for district in districts:
            units = [unit for unit in place.communes if unit.district_id == district.pk]
            assert by_name[district.full_name] == told(place.half, column, units)
            own = place.draw("supplementary", district, of_period=place.half.pk).tables[0]
            assert cells(own, key, "total") == [told(place.half, column, units)]
    assert len(table.rows) == 5


def test_which_period_is_meant(place):
    assert place.draw("supplementary").remarks[0].startswith("6 tháng 2023")  # the one due longest ago
    assert place.draw("supplementary", period=place.year.pk).remarks[0].startswith("Năm 2023: 4/5 xã")
    assert place.draw("supplementary", as_of="2024-03-01").remarks[0].startswith("Năm 2023")
    assert place.draw("supplementary", of_period="x").remarks
    other = make_province(communes=1)[0]
    empty = place.draw("supplementary", other, member(other, Role.COORDINATOR))
    assert empty.tables == () and "chưa có kỳ" in empty.lacking


@pytest.mark.parametrize(("key", "name"), [("half-year", "half"), ("year", "year")])
def test_criteria_of_a_period_beside_the_end_of_last_year(place, key, name):
    period = getattr(place, name)
    report = place.draw(key)
    assert report.as_of == period.ends_on and report.title.endswith(period.name)
    figures, criteria = report.tables[0], report.tables[1]
    now = matrix(place.province, place.set, "self", place.staff, moment_of(period))
    assert cells(criteria, "now") == [total.met for total in now.totals]
    assert cells(criteria, "known") == [now.figures.with_opinion] * 3
    assert value_of(figures.lines[4].cells[figures.place("value")]) == now.figures.criteria_met
    if key == "half-year":
        assert cells(criteria, "before") == [2, 2, 2] and cells(criteria, "now") == [3, 3, 2]
        assert cells(criteria, "change") == [1, 1, 0]
        titles = [column.full_title for column in criteria.columns if column.key.startswith("group_0")]
        assert "nhom-1" in titles[1] or "Nhóm 1" in titles[1]
        assert titles[1].endswith("30/06/2024")
        assert cells(criteria, "group_0_1") == [2, 2, 1]


@pytest.mark.parametrize("key", ["half-year", "year"])  # both lead to the end of 2024
def test_what_communes_plan_stands_beside_their_results(place, key):
    place.plan_all()
    place.plan(place.communes[0], ["not_met"] * 3, date(2023, 12, 31))
    _, criteria, buckets = place.draw(key).tables[:3]
    assert cells(criteria, "plan") == [2, 2, 2] and cells(criteria, "plan_known") == [3, 3, 2]
    assert cells(criteria, "group_0_2") == [2, 1, 1]
    over = {column.over for column in criteria.columns}
    assert {"Số xã đạt", "Kế hoạch đến 31/12/2024"} <= over
    planned = [column.title for column in criteria.columns if column.key.endswith("_2")]
    assert planned == ["Kế hoạch 31/12/2024"] * 2
    assert sum(filter(None, cells(buckets, "plan"))) == 2 and cells(buckets, "plan", "total") == [2]


def test_without_a_plan_the_form_is_blank_and_never_0(place):
    place.plan(place.communes[0], ["met"] * 3, date(2024, 6, 30))
    _, criteria, buckets = place.draw("half-year").tables[:3]
    for key in ("plan", "plan_known", "group_0_2", "group_1_2"):
        assert cells(criteria, key) == [None] * 3
    assert set(cells(buckets, "plan")) == {None} and cells(buckets, "plan", "total") == [None]
    results = commune_report(place, place.half).context["report"].tables[0]
    assert cells(results, "plan") == [None] * 3 and cells(results, "plan_verdict") == [""] * 3
    assert cells(results, "plan_verdict", "group") == [""] * 3


@pytest.mark.parametrize(
    ("kind", "day", "end"),
    [
        ("half_year", date(2024, 6, 30), date(2024, 12, 31)),
        ("half_year", date(2024, 12, 31), date(2025, 6, 30)),
        ("year", date(2024, 12, 31), date(2025, 12, 31)),
        ("year", date(2024, 12, 15), date(2025, 12, 31)),
        ("quarter", date(2024, 3, 31), date(2024, 12, 31)),
        ("month", date(2024, 12, 31), date(2025, 12, 31)),
    ],
)
def test_the_day_a_periods_plan_leads_to(kind, day, end):
    assert planned_end(ReportingPeriod(kind=kind, ends_on=day)) == end


def test_resources_are_the_sums_of_the_funding_tables(place):
    resources = next(table for table in place.draw("half-year").tables if table.key == "nguon_luc")
    columns = list(place.table.columns.filter(kind__in=["number", "money"]))
    assert cells(resources, "item") == [column.name for column in columns]
    assert cells(resources, "now") == [told(place.half, column, place.communes) for column in columns]
    assert cells(resources, "before") == [told(place.before, column, place.communes) for column in columns]
    place.table.is_funding = False
    place.table.save()
    assert not next(t for t in place.draw("half-year").tables if t.key == "nguon_luc").lines


def test_words_are_shown_where_one_may_read_them_not_elsewhere(place):
    """A viewer here who is an officer in another province stays a viewer here."""
    unit = place.communes[0]
    PeriodText.objects.create(unit=unit, period=place.half, saved_by=place.staff, proposals="Đề nghị riêng")
    _, (elsewhere,) = make_province(communes=1)
    viewer = member(place.province, Role.VIEWER)
    Membership.objects.create(user=viewer, unit=elsewhere, role=Role.OFFICER)
    client = Client()
    for user, is_shown in ((viewer, False), (place.staff, True), (member(unit.district, Role.DISTRICT_STAFF), True)):
        client.force_login(user)
        area = unit.district if is_shown else place.province
        texts = client.get(f"/reports/tables/texts/?area={area.pk}&of_period={place.half.pk}")
        assert texts.status_code == (200 if is_shown else 403)
        assert ("reports/tables/texts/" in client.get(f"/reports/?area={area.pk}").content.decode()) == is_shown
        asked = {"area": area, "user": user, "of_period": place.half.pk}
        assert ("proposals" in [table.key for table in place.draw("half-year", **asked).tables]) == is_shown
        lines = place.draw("supplementary", **asked).tables[0].lines
        assert any("period-report" in line.url for line in lines) == is_shown
        page = client.get(f"/reports/units/{unit.pk}/{place.half.pk}/?set={place.set.code}").content.decode()
        assert ("Đề nghị riêng" in page) == is_shown


def test_a_closed_period_redrawn_gives_the_same_cells(place):
    PeriodText.objects.create(unit=place.communes[0], period=place.half, saved_by=place.staff, proposals="Cấp vốn")
    place.close(place.half)
    asked = (
        ("supplementary", {"of_period": place.half.pk}),
        ("texts", {"of_period": place.half.pk}),
        ("half-year", {}),
    )

    def drawn():
        reports = [place.draw(key, **more) for key, more in asked]
        reports.append(commune_report(place, place.half).context["report"])
        return [[(table.key, [line.cells for line in table.lines]) for table in report.tables] for report in reports]

    place.plan_all()
    before = drawn()
    place.plan(place.communes[0], ["not_met"] * 3, version=2, saved_at=datetime(2024, 7, 9, tzinfo=UTC))
    IndicatorFactory(criterion=place.set.criteria.first(), position=9, in_force_from=date(2024, 10, 1))
    say(place.communes[2], place.set, "self", ["met"] * 3, date(2024, 6, 15))
    assert drawn()[2] != before[2]  # told in time, it would count
    late = Revision.objects.filter(unit=place.communes[2], effective_on=date(2024, 6, 15))
    assert late.update(recorded_at=datetime(2024, 7, 9, tzinfo=UTC)) == 3
    with pytest.raises(PeriodClosed):
        save_values(place.communes[4], place.half, place.table, {}, 0, place.staff)
    place.table.columns.filter(name="Ngày công").update(in_use=False)
    SupplementaryColumn.objects.create(
        table=place.table, position=9, name="Mới", kind="number", added_at=datetime(2024, 7, 9, tzinfo=UTC)
    )
    assert drawn() == before


def test_viewers_get_the_figures_without_the_words(place):
    viewer = member(place.province, Role.VIEWER)
    keys = {table.key for table in place.draw("half-year", user=viewer).tables}
    assert "nguon_luc" in keys and not keys & {"results", "difficulties", "proposals"}
    assert {"results", "difficulties", "proposals"} <= {table.key for table in place.draw("half-year").tables}
    assert all(not line.url for line in place.draw("supplementary", user=viewer).tables[0].lines)


def test_a_long_text_is_told_whole_in_pieces_a_row_holds():
    text = "\n".join(f"{number}. Làm đường thôn" for number in range(200))
    found = pieces(text)
    assert "\n".join(found) == text
    assert all(piece.count("\n") < 24 for piece in found)
    assert pieces("Ngắn") == ["Ngắn"]
    words = "đường " * 900
    assert " ".join(" ".join(pieces(words)).split()) == words.strip()


def commune_report(place, period, user=None, path="/", **more):
    client = Client()
    client.force_login(user or place.staff)
    return client.get(f"/reports/units/{place.communes[1].pk}/{period.pk}{path}", {"set": place.set.code} | more)


def test_a_communes_own_report_of_a_period(place, tmp_path):
    PeriodText.objects.create(unit=place.communes[1], period=place.half, saved_by=place.staff, proposals="Cấp vốn")
    place.plan_all()
    answer = commune_report(place, place.half, member(place.communes[1], Role.OFFICER))
    assert answer.status_code == 200
    results, resources, words = answer.context["report"].tables
    assert cells(results, "before_verdict", "group") == ["not_met"] * 3
    assert cells(results, "now_verdict", "group") == ["met", "met", "not_met"]
    assert cells(results, "now_verdict") == ["met", "met", "not_met"]
    assert cells(results, "before") == [50, 50, 50] and cells(results, "now") == [96, 96, 50]
    assert cells(results, "plan") == [97, 97, None] and cells(results, "plan_verdict") == ["met", "not_met", ""]
    assert cells(results, "plan_verdict", "group") == ["met", "not_met", ""]
    assert [column.title for column in results.columns] == [
        "TT", "Nội dung", "ĐVT", *["Kết quả", "Đánh giá"] * 3, "Ghi chú",
    ]  # fmt: skip
    assert [text for _, _, text in results.above] == [
        "Kết quả đến 31/12/2023", "Thực hiện đến 30/06/2024", "Kế hoạch đến 31/12/2024",
    ]  # fmt: skip
    html = answer.content.decode()
    assert html.count('colspan="2">Kế hoạch đến 31/12/2024</th>') == 1
    assert 'data-label="Kế hoạch đến 31/12/2024: Đánh giá"' in html
    columns = list(place.table.columns.all())
    assert cells(resources, "item") == [column.name for column in columns]
    assert cells(resources, "value") == [told(place.half, column, place.communes[1:2]) for column in columns]
    assert cells(words, "text") == ["Cấp vốn"]
    book = commune_report(place, place.half, path=".xlsx")
    number, wrong = wrong_formulas(book.content, tmp_path)
    assert number == 0 and wrong == []
    in_book = book_rows(openpyxl.load_workbook(BytesIO(book.content), data_only=True).worksheets[0], 10)
    for line, row in zip(results.lines, in_book, strict=False):
        for cell, column, written_cell in zip(line.cells, results.columns, row, strict=True):
            assert same(written_cell, written(value_of(cell), column.kind)), (column, row)
    sheet = openpyxl.load_workbook(BytesIO(book.content)).worksheets[0]
    merged = {sheet[str(found).partition(":")[0]].value: str(found) for found in sheet.merged_cells.ranges}
    over = merged["Kế hoạch đến 31/12/2024"]
    assert over[0] == "H" and ":I" in over, "over both of its columns"
    assert merged["Nội dung"][0] == "B", "a heading of its own takes both rows"
    files = zipfile.ZipFile(BytesIO(commune_report(place, place.half, path=".zip").content))
    assert "plan_verdict,Kế hoạch đến 31/12/2024: Đánh giá" in files.read("tu_dien_du_lieu.csv").decode("utf-8-sig")


def test_what_a_communes_report_can_not_be_drawn_for(place):
    later = place.period("year", "Năm 2024", date(2024, 12, 31))
    stranger = member(make_province(communes=1)[1][0], Role.OFFICER)
    for answer in (
        commune_report(place, later),
        commune_report(place, place.half, stage="x"),
        commune_report(place, place.half, set="khong-co"),
        commune_report(place, place.half, stranger),
        commune_report(place, place.half, stranger, ".xlsx"),
        commune_report(place, place.half, stranger, ".zip"),
    ):
        assert answer.status_code == 404
    viewer = commune_report(place, place.half, member(place.province, Role.VIEWER))
    assert [table.key for table in viewer.context["report"].tables] == ["ket_qua_bo_tieu_chi", "nguon_luc"]


def test_last_years_resources_are_those_known_when_the_period_was_closed(place):
    """Last year's period may be open still: what is filled in, changed or emptied since doesn't count."""
    money = place.table.columns.get(name="Ngân sách tỉnh")

    def save(number, content, seen):
        save_values(place.communes[number], place.before, place.table, {money.pk: content}, seen, place.staff)

    def resources():
        return next(table for table in place.draw("half-year").tables if table.key == "nguon_luc")

    for number in range(3):
        save(number, Decimal(10), 1)
    ReportingPeriod.objects.filter(pk=place.half.pk).update(closed_at=timezone.now())
    drawn = resources()
    assert cells(drawn, "before")[0] == told(place.before, money, place.communes) > 30
    save(0, Decimal(77), 2)
    save(0, Decimal(78), 3)
    save(1, None, 2)
    save(4, Decimal(5), 0)
    assert resources().lines == drawn.lines
    ReportingPeriod.objects.filter(pk=place.half.pk).update(closed_at=None)
    assert cells(resources(), "before")[0] == told(place.before, money, place.communes)


def test_a_period_of_last_year_made_after_the_closing_adds_no_column(place):
    ReportingPeriod.objects.filter(pk=place.half.pk).update(closed_at=timezone.now())
    SupplementaryValue.objects.filter(filled__period=place.before).delete()
    place.before.supplementary_returns.all().delete()
    place.before.delete()
    drawn = place.draw("half-year").tables[-4]
    assert drawn.key == "nguon_luc" and "before" not in [column.key for column in drawn.columns]
    later = place.period("half_year", "6 tháng 2023", date(2023, 6, 30))
    save_values(place.communes[0], later, place.table, {place.table.columns.first().pk: Decimal(5)}, 0, place.staff)
    assert place.draw("half-year").tables[-4] == drawn


def test_last_years_resources_are_those_of_last_years_communes(place):
    """Two communes merged since: what they reported a year ago stays in last year's column."""
    money = place.table.columns.get(name="Ngân sách tỉnh")
    for unit in place.communes:
        row, _ = SupplementaryReturn.objects.get_or_create(
            unit=unit, period=place.before, table=place.table, defaults={"saved_by": place.staff}
        )
        row.values.update_or_create(column=money, defaults={"number": Decimal(10)})
    first, third = place.communes[0], place.communes[2]
    merged = CommuneFactory(parent=first.parent, opened_on=date(2024, 1, 1))
    Unit.objects.filter(pk__in=[first.pk, third.pk]).update(closed_on=date(2024, 1, 1))
    fill(merged, place.half, place.table, by=place.staff, chance=random.Random(1))
    resources = next(table for table in place.draw("half-year").tables if table.key == "nguon_luc")
    assert cells(resources, "before")[0] == 50
    assert cells(resources, "now")[0] == told(place.half, money, [place.communes[1], *place.communes[3:], merged])


def test_what_is_redefined_later_leaves_a_closed_period_as_it_was(place):
    """Columns renamed, moved, stopped and put back; the table renamed, no longer asked for; a new one made."""
    table, days = place.table, place.table.columns.get(name="Ngày công")
    SupplementaryValue.objects.filter(column=days).delete()  # a blank column has a place too
    stopped = SupplementaryColumn(table=table, position=9, name="Đã ngừng", kind="number", in_use=False)
    save_column(stopped, 1, place.staff)
    ReportingPeriod.objects.filter(pk=place.half.pk).update(closed_at=timezone.now())

    def drawn():
        reports = [
            place.draw("supplementary", of_period=place.half.pk),
            place.draw("supplementary", of_period=place.half.pk, table=table.pk),
            place.draw("half-year"),
            commune_report(place, place.half).context["report"],
        ]
        return [(report.remarks, report.tables) for report in reports]

    client = Client()
    client.force_login(place.staff)
    page_of = f"/units/{place.communes[1].pk}/period-report/{place.half.pk}/"

    def told_on_page():
        filled = client.get(page_of).context["tables"]
        return [
            (one.table.name, one.table.purpose, [(column.title, content) for column, content in one.cells])
            for one in filled
        ]

    before, page = drawn(), told_on_page()
    assert "Ngày công (công)" in str(before[0]) and "Đã ngừng" not in str(before)
    first = table.columns.first()
    for column, changes in (
        (first, {"name": "Vốn trung ương", "position": 8}),
        (days, {"in_use": False}),
        (stopped, {"in_use": True}),
    ):
        for name, value in changes.items():
            setattr(column, name, value)
        save_column(column, SupplementaryTable.objects.get(pk=table.pk).version, place.staff)
    table.refresh_from_db()
    table.name, table.purpose, table.period_kinds = "Z đổi tên", "Việc khác", ["month"]
    save_table(table, table.version, place.staff)
    new = make_table(place.province, name="A biểu mới", starts_on=date(2020, 1, 1))
    new.columns.update(added_at=timezone.now())
    assert drawn() == before and told_on_page() == page
    answer = place.draw("supplementary", of_period=place.half.pk, table=new.pk)
    assert answer.tables == () and "chưa có biểu này" in answer.lacking
    ReportingPeriod.objects.filter(pk=place.half.pk).update(closed_at=None)
    assert "Vốn trung ương" in str(drawn()[1]) and "Z đổi tên" in str(told_on_page())


@pytest.mark.parametrize("key", ["headline", "departments", "missing", "trend", "half-year", "year"])
def test_an_area_without_results_is_said_to_have_none(place, key):
    """Its blanks and empty tables don't read as "nothing is missing"."""
    nobody = [*place.draw(key, stage="province").remarks]
    assert [text for text in nobody if text.startswith("Chưa có xã nào có kết quả (0/5 xã)")]
    assert not [text for text in place.draw(key).remarks if "Chưa có xã nào" in text]


def test_what_is_missing_says_over_how_many_communes(place):
    assert place.draw("missing").remarks == ("Tính trên 4/5 xã có kết quả.",)
    tables = place.draw("missing", stage="province").tables
    assert [table.empty for table in tables] == ["Chưa có xã nào có kết quả (0/5)."] * 2
    say(place.communes[4], place.set, "province", ["met"] * 3, date(2024, 5, 1))
    tables = place.draw("missing", stage="province").tables
    assert tables[0].empty == "Không có tiêu chí nào còn xã chưa đạt."
