"""Pace and shortfalls: the pure rules, and what the reports of progress say of a small province."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import transaction
from django.test import Client

from communes.models import Membership, Role
from criteria.models import CriterionDepartment, Plan, Registration, ReportingPeriod, Source
from criteria.publish import Published, publish
from criteria.state import Moment
from reports.moments import When
from reports.pace import Pace, months_left
from reports.readiness import readiness
from reports.tables import missing, pace, plans, registered, trend
from reports.tables.asked import Asked
from reports.tables.table import value_of
from tests.factories import DepartmentFactory, IndicatorFactory, TargetFactory, UserFactory
from tests.reports.worlds import indicators_of, make_province, make_set, member, say

TODAY = date(2024, 6, 30)


@pytest.mark.parametrize(
    ("day", "end", "months"),
    [
        (date(2024, 5, 31), date(2024, 12, 31), 7),
        (date(2024, 6, 1), date(2024, 12, 31), 7),
        (date(2024, 6, 30), date(2024, 12, 31), 6),
        (date(2024, 12, 1), date(2024, 12, 31), 1),
        (date(2024, 12, 31), date(2024, 12, 31), 0),
        (date(2025, 1, 1), date(2024, 12, 31), 0),
        (date(2024, 2, 28), date(2024, 12, 31), 11),
        (date(2024, 2, 29), date(2024, 12, 31), 10),
        (date(2023, 12, 31), date(2025, 12, 31), 24),
    ],
)
def test_months_left(day, end, months):
    assert months_left(day, end) == months


@pytest.mark.parametrize(
    ("met", "before", "months", "outlook", "so_far", "needed"),
    [
        (19, 10, 6, "met", Decimal("0.75"), Decimal(0)),
        (16, 10, 6, "in_time", Decimal("0.50"), Decimal("0.50")),
        (16, 11, 7, "late", Decimal("0.42"), Decimal("0.43")),
        (16, 17, 7, "late", Decimal("-0.08"), Decimal("0.43")),
        (16, None, 7, "new", None, Decimal("0.43")),
        (16, 10, 0, "over", Decimal("0.50"), None),
        (None, 10, 7, "unknown", None, None),
    ],
)
def test_outlook(met, before, months, outlook, so_far, needed):
    found = Pace(19, met, before, months)
    assert (found.outlook, found.so_far, found.needed) == (outlook, so_far, needed)


def test_pace_in_words():
    assert Pace(19, 16, 10, 7).words == "Còn 3 tiêu chí, 7 tháng"
    assert Pace(19, 19, 10, 7).words == ""
    assert Pace(19, None, 10, 7).words == ""


class World:
    """Three criteria of one indicator, three communes: the first met all but one, the second as a year ago, the
    third has no result."""

    def __init__(self) -> None:
        self.set = make_set(criteria=3, indicators=1, first_year=2021)
        self.province, self.communes = make_province(communes=3)
        self.staff = member(self.province, Role.COORDINATOR)
        first, second, _ = self.communes
        say(first, self.set, "self", ["not_met", "nearly_met", "not_met"], date(2023, 6, 1))
        say(first, self.set, "self", ["met", "nearly_met", "met"], date(2024, 6, 1))
        say(second, self.set, "self", ["met", "not_met", "nearly_met"], date(2023, 6, 1))

    def asked(self, when: When | None = None, **options) -> Asked:
        return Asked(self.staff, self.province, self.set, "self", when or When(), options)


@pytest.fixture
def small(db):
    return World()


def rows(table, *keys):
    columns = [table.place(key) for key in keys]
    return [tuple(value_of(line.cells[column]) for column in columns) for line in table.lines]


def table_of(report, key):
    return next(table for table in report.tables if table.key == key)


def test_the_pace_report(small):
    report = pace.draw(small.asked())
    found = rows(table_of(report, "toc_do"), "before", "met", "gained", "remaining", "outlook", "words")
    assert found == [
        (0, 2, 2, 1, "Kịp nếu giữ tốc độ", "Còn 1 tiêu chí, 6 tháng"),
        (1, 1, 0, 2, "Chậm so với yêu cầu", "Còn 2 tiêu chí, 6 tháng"),
        (None, None, None, None, "Chưa có kết quả đầy đủ", ""),
        (1, 3, 2, 3, None, None),
    ]
    assert rows(table_of(report, "trien_vong"), "outlook", "communes")[-1] == ("Cộng", 3)
    # By the set's end there is more time.
    later = rows(table_of(pace.draw(small.asked(until="set")), "toc_do"), "outlook", "words")
    assert later[0] == ("Kịp nếu giữ tốc độ", "Còn 1 tiêu chí, 18 tháng")


def test_the_pace_as_at_a_day_in_the_past(small):
    found = rows(table_of(pace.draw(small.asked(When(Moment(date(2024, 5, 31))))), "toc_do"), "met", "words")
    assert found[0] == (0, "Còn 3 tiêu chí, 7 tháng")


def test_what_is_missing_is_added_up_in_quantities_and_named_with_its_department(small):
    first, second = small.set.criteria.order_by("number")[:2]
    department, local = DepartmentFactory(name="Sở Trung ương"), DepartmentFactory(name="Sở Tỉnh")
    CriterionDepartment.objects.create(criterion=first, department=department)
    CriterionDepartment.objects.create(criterion=second, department=department)
    CriterionDepartment.objects.create(criterion=second, department=local, province=small.province)
    report = missing.draw(small.asked())
    criteria = rows(table_of(report, "tieu_chi"), "number", "department", "held_back", "with_opinion", "nearly")
    assert criteria == [("2", "Sở Tỉnh", 2, 2, 1), ("3", "", 1, 2, 1), (None, None, 3, None, 2)]
    found = rows(table_of(report, "chi_tieu"), "code", "lacking", "nearly", "unassessed", "counted", "amount", "words")
    # nearly_met is 1128 of 1253 households against 95 %, 63 short; not_met is 50 % without counts.
    assert found == [
        ("2.1", 2, 1, 0, 1, 63, "Còn thiếu 63 hộ ở 1 xã"),
        ("3.1", 1, 1, 0, 1, 63, "Còn thiếu 63 hộ ở 1 xã"),
        (None, 3, 2, 0, None, None, None),
    ]


def test_what_an_area_lacks_is_what_its_communes_pages_say(small):
    kinds = {"not_met", "nearly_met", "contradiction", "number"}
    said = 0
    for commune in small.communes[:2]:
        said += sum(item.kind in kinds for item in readiness(commune, small.set, "self").missing)
    report = missing.draw(small.asked())
    assert value_of(table_of(report, "chi_tieu").lines[-1].cells[3]) == said == 3


def test_where_an_old_table_judged_a_criterion_since_its_indicators_say_nothing(small):
    criterion, unit = small.set.criteria.get(number=2), small.communes[1]
    whole = IndicatorFactory(criterion=criterion, for_history=True, code="*", position=99)
    with transaction.atomic():
        publish(
            unit, small.set, "self", [Published(whole.pk, "nearly_met", effective_on=date(2024, 6, 20))],
            source=Source.IMPORT, source_ref="cu", by=small.staff, at=datetime(2024, 6, 21, tzinfo=UTC),
        )  # fmt: skip
    assert [item.indicator for item in readiness(unit, small.set, "self").missing if item.criterion == 2] == [""]
    found = rows(table_of(missing.draw(small.asked()), "chi_tieu"), "code", "lacking")
    assert found[:2] == [("2.1", 1), ("3.1", 1)]


def plan(small, unit, verdicts, end):
    Plan.objects.bulk_create(
        Plan(unit=unit, indicator=row, ends_on=end, value=96, verdict=verdict, saved_by=small.staff)
        for row, verdict in zip(indicators_of(small.set), verdicts, strict=True)
        if verdict
    )


def test_plan_against_outcome(small):
    first, second, _ = small.communes
    plan(small, first, ["met", "met", "met"], date(2024, 6, 30))
    plan(small, second, ["nearly_met", "not_met", ""], date(2024, 6, 30))
    report = plans.draw(small.asked(end="half"))
    assert report.remarks == ()
    found = rows(table_of(report, "ke_hoach"), "indicators", "reached", "planned", "met", "difference", "missed")
    assert found == [
        (3, 2, 3, 2, -1, "2"),
        (2, 2, 0, 1, 1, ""),
        (None, None, None, None, None, "Chưa lập kế hoạch"),
        (5, 4, 3, 3, None, None),
    ]
    missed = rows(table_of(report, "khong_dat"), "commune", "plan", "plan_verdict", "result", "verdict")
    assert missed == [(first.full_name, 96, "met", Decimal("90.02"), "nearly_met")]
    # By the year's end nothing is planned, and the year isn't over.
    report = plans.draw(small.asked())
    assert report.remarks == ("Chưa đến hạn: so với kết quả ngày 30/06/2024.",)
    assert rows(table_of(report, "ke_hoach"), "indicators")[0] == (None,)


def test_an_indicator_of_two_thresholds_is_counted_once_as_on_the_page_of_plans(small):
    unit = small.communes[0]
    whole = indicators_of(small.set)[1]
    part = IndicatorFactory(criterion=whole.criterion, part_of=whole, code="2.1b", position=9)
    TargetFactory(indicator=part, confirmed_by=small.staff, confirmed_at=datetime(2024, 1, 1, tzinfo=UTC))
    plan(small, unit, ["nearly_met", "nearly_met", "met", "met"], date(2024, 12, 31))  # the part planned higher
    assert [row.pk for row in indicators_of(small.set)][2] == part.pk
    report = plans.draw(small.asked())
    found = rows(table_of(report, "ke_hoach"), "indicators", "reached")
    assert found[0] == found[-1] == (3, 2)
    assert rows(table_of(report, "khong_dat"), "code") == [("2.1b",)], "which of the two it falls short of"
    client = Client()
    client.force_login(small.staff)
    page = client.get(f"/units/{unit.pk}/plan/?set={small.set.code}&year=2024").content.decode()
    assert "đã lập 3/3 chỉ tiêu" in page


def test_a_plan_that_is_over_is_held_against_its_own_last_day(small):
    plan(small, small.communes[0], ["met", "not_met", "not_met"], date(2023, 12, 31))
    report = plans.draw(small.asked(end="year", year=2023))
    found = rows(table_of(report, "ke_hoach"), "indicators", "reached", "met")
    assert found[0] == (3, 2, 0)  # what became met in June 2024 came too late


def test_registered_communes_with_progress_plan_and_outlook(small):
    for unit in small.communes[::2]:
        Registration.objects.create(
            unit=unit, criteria_set=small.set, year=2024, decision="12/KH-UBND", decided_on=date(2024, 1, 15),
            recorded_by=small.staff,
        )  # fmt: skip
    plan(small, small.communes[0], ["met", "met", ""], date(2024, 12, 31))
    report = registered.draw(small.asked())
    found = rows(table_of(report, "dang_ky"), "decision", "met", "planned", "remaining", "outlook", "left")
    assert found == [
        ("12/KH-UBND, 15/01/2024", 2, 2, 1, "Kịp nếu giữ tốc độ", "2"),
        ("12/KH-UBND, 15/01/2024", None, None, None, "Chưa có kết quả đầy đủ", ""),
        (None, 2, 2, 1, None, None),
    ]
    assert registered.draw(small.asked(year=2023)).tables[0].lines == ()
    before = When(Moment(date(2024, 1, 14)))
    assert registered.draw(small.asked(before)).tables[0].lines == ()


def test_a_value_without_a_verdict_is_no_plan_in_either_report(small):
    first = small.communes[0]
    Registration.objects.create(
        unit=first, criteria_set=small.set, year=2024, decision="12/KH-UBND", decided_on=date(2024, 1, 15),
        recorded_by=small.staff,
    )  # fmt: skip
    row = indicators_of(small.set)[0]
    Plan.objects.create(unit=first, indicator=row, ends_on=date(2024, 12, 31), value=97, saved_by=small.staff)

    def planned():
        of_year = rows(table_of(registered.draw(small.asked()), "dang_ky"), "planned")
        return of_year, rows(table_of(plans.draw(small.asked()), "ke_hoach"), "planned", "missed")[0]

    assert planned() == ([(None,), (None,)], (None, "Chưa lập kế hoạch"))
    Plan.objects.update(verdict="not_met")
    assert planned() == ([(0,), (0,)], (0, ""))


def test_the_trend_at_month_ends_and_at_closed_periods(small):
    report = trend.draw(small.asked(number=3))
    found = rows(report.tables[0], "moment", "with_opinion", "criteria_met", "average_met")
    assert found == [
        ("30/04/2024", 2, 1, Decimal("0.50")),
        ("31/05/2024", 2, 1, Decimal("0.50")),
        ("30/06/2024", 2, 3, Decimal("1.50")),
    ]
    assert report.tables[0].chart.kind == "line"
    report = trend.draw(small.asked(step="period"))
    assert report.lacking
    assert len(report.tables[0].lines) == 1
    # Closed before the first commune's June results were recorded: known as it was then.
    ReportingPeriod.objects.create(
        area=small.province, kind="month", name="Tháng 6/2023", ends_on=date(2023, 6, 30), due_on=date(2023, 7, 5),
        closed_at=datetime(2023, 7, 6, tzinfo=UTC),
    )  # fmt: skip
    found = rows(trend.draw(small.asked(step="period")).tables[0], "moment", "with_opinion")
    assert found == [("Tháng 6/2023 (30/06/2023)", 0), ("30/06/2024", 2)]
    assert len(trend.draw(small.asked()).tables[0].lines) == 13


def test_a_department_reads_of_its_own_criteria_only(small):
    department = DepartmentFactory()
    CriterionDepartment.objects.create(criterion=small.set.criteria.get(number=2), department=department)
    reviewer = UserFactory()
    Membership.objects.create(user=reviewer, unit=small.province, role=Role.DEPARTMENT_REVIEWER, department=department)
    plan(small, small.communes[0], ["met", "met", "met"], date(2024, 12, 31))
    asked = Asked(reviewer, small.province, small.set, "self")
    for kind in (missing, pace, plans, registered, trend):
        assert kind.draw(asked).limited
    assert {row[0] for row in rows(missing.draw(asked).tables[0], "number")} == {"2", None}
    assert rows(plans.draw(asked).tables[0], "indicators", "planned")[0] == (1, 1)


def test_a_registered_communes_page_says_what_is_left(small):
    client = Client()
    client.force_login(small.staff)
    url = f"/units/{small.communes[0].pk}/?set={small.set.code}&stage=self"
    assert "Đăng ký đạt chuẩn" not in client.get(url).content.decode()
    Registration.objects.create(
        unit=small.communes[0], criteria_set=small.set, year=2024, decision="12/KH-UBND",
        decided_on=date(2024, 1, 15), recorded_by=small.staff,
    )  # fmt: skip
    text = client.get(url).content.decode()
    assert "Đăng ký đạt chuẩn năm 2024 (12/KH-UBND): còn 1 tiêu chí, 6 tháng." in text
    # At a stage that said nothing there is nothing left to tell.
    assert "(12/KH-UBND)." in client.get(url.replace("self", "province")).content.decode()
