"""A small province for the tests of reports: communes, a set, opinions, proof, a concluded visit."""

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random

from django.db import transaction

from communes.models import Membership, Unit
from criteria.models import (
    CriteriaSet,
    CriterionDepartment,
    Evidence,
    EvidenceLink,
    Indicator,
    Operator,
    ReportingPeriod,
    Source,
    SupplementaryColumn,
    SupplementaryReturn,
    SupplementaryTable,
    SupplementaryValue,
)
from criteria.publish import Published, publish
from inspections.findings import STATE_AFTER
from inspections.models import Finding, FindingEvent, Visit
from ntm.accounts.models import User
from tests.factories import (
    CommuneFactory,
    CriteriaSetFactory,
    CriterionFactory,
    DepartmentFactory,
    DistrictFactory,
    IndicatorFactory,
    ProvinceFactory,
    TargetFactory,
    TeamMemberFactory,
    UserFactory,
    VillageFactory,
)

DAY = date(2024, 6, 1)
CONFIRMED = datetime(2024, 1, 1, tzinfo=UTC)

FIGURES = {
    "met": {"value": Decimal(96)},
    "firmly_met": {"value": Decimal(100)},
    "nearly_met": {"value": Decimal("90.02"), "part": Decimal(1128), "whole": Decimal(1253)},
    "not_met": {"value": Decimal(50)},
}


def make_set(criteria: int = 3, indicators: int = 2, **fields) -> CriteriaSet:
    """A set of percent indicators, each with the confirmed target ≥ 95 %."""
    found = CriteriaSetFactory(**fields)
    clerk = UserFactory()
    for number in range(1, criteria + 1):
        criterion = CriterionFactory(criteria_set=found, number=number, name=f"Tiêu chí {number}")
        for position in range(1, indicators + 1):
            indicator = IndicatorFactory(criterion=criterion, position=position, name="Tỷ lệ hộ dùng nước sạch")
            TargetFactory(indicator=indicator, confirmed_by=clerk, confirmed_at=CONFIRMED)
    return found


def make_province(communes: int = 3, districts: int = 1, **names) -> tuple[Unit, list[Unit]]:
    """A province and its communes, dealt out over its districts."""
    province = ProvinceFactory(**names)
    areas = [DistrictFactory(parent=province) for _ in range(districts)]
    return province, [CommuneFactory(parent=areas[place % districts]) for place in range(communes)]


def member(unit: Unit, role: str, **extra) -> User:
    """A person with one role at the unit."""
    user = UserFactory()
    Membership.objects.create(user=user, unit=unit, role=role, **extra)
    return user


def indicators_of(criteria_set: CriteriaSet) -> list[Indicator]:
    return list(
        Indicator.objects.filter(criterion__criteria_set=criteria_set, for_history=False).order_by(
            "criterion__number", "position"
        )
    )


def say(unit: Unit, criteria_set: CriteriaSet, stage: str, verdicts: Sequence[str], day: date = DAY, **opinion) -> None:
    """Publish one verdict for each indicator in order; "" leaves it out. `opinion`: figures for all of them."""
    opinions = []
    for indicator, verdict in zip(indicators_of(criteria_set), verdicts, strict=False):
        if verdict:
            fields = FIGURES.get(verdict, {}) | opinion
            opinions.append(Published(indicator.pk, verdict, effective_on=day, **fields))
    with transaction.atomic():
        publish(
            unit, criteria_set, stage, opinions, source=Source.IMPORT, source_ref="thu", by=UserFactory(),
            at=datetime(2024, 6, 2, tzinfo=UTC),
        )  # fmt: skip


def prove(unit: Unit, indicator: Indicator, *, published: bool = True, **fields) -> Evidence:
    """A paper document tied to the indicator."""
    clerk = UserFactory()
    fields = {"title": "Báo cáo kết quả", "form": Evidence.Form.PAPER, "document_number": "12/BC-UBND"} | fields
    evidence = Evidence.objects.create(unit=unit, uploaded_by=clerk, **fields)
    EvidenceLink.objects.create(
        evidence=evidence,
        unit=unit,
        indicator=indicator,
        created_by=clerk,
        published_at=CONFIRMED if published else None,
    )
    return evidence


def prove_all(unit: Unit, criteria_set: CriteriaSet) -> None:
    for indicator in indicators_of(criteria_set):
        prove(unit, indicator)


def concluded_visit(unit: Unit, criteria_set: CriteriaSet, **fields) -> Visit:
    by = UserFactory()
    fields = {
        "stage": "province",
        "kind": "appraisal",
        "planned_on": DAY,
        "held_on": DAY,
        "state": "concluded",
        "concluded_at": CONFIRMED,
    } | fields
    return Visit.objects.create(
        code=f"TH-{Visit.objects.count() + 1}", unit=unit, criteria_set=criteria_set, planned_by=by,
        concluded_by=by, **fields,
    )  # fmt: skip


def find(visit: Visit, number: int, **fields) -> Finding:
    fields = {"description": "Rãnh thoát nước chưa có nắp", "due_on": date(2024, 12, 31)} | fields
    criterion = visit.criteria_set.criteria.get(number=number)
    return Finding.objects.create(visit=visit, criterion=criterion, created_by=visit.planned_by, **fields)


def unconfirmed(indicator: Indicator, text: str = "≥ 50%") -> None:
    indicator.targets.update(confirmed_at=None, confirmed_by=None, operator=Operator.AT_LEAST, value=50, text=text)


def make_table(province: Unit, **fields) -> SupplementaryTable:
    """A supplementary table with a column of each kind."""
    fields = {
        "name": "Vốn theo nguồn",
        "period_kinds": ["month", "half_year", "year"],
        "starts_on": date(2024, 1, 1),
        "is_funding": True,
    } | fields
    table = SupplementaryTable.objects.create(province=province, updated_by=UserFactory(), **fields)
    for position, (name, kind, more) in enumerate(
        (
            ("Ngân sách tỉnh", "money", {"measure": "triệu đồng", "is_required": True}),
            ("Ngày công", "number", {"measure": "công"}),
            ("Nguồn khác", "text", {}),
            ("Hình thức", "choice", {"choices": ["Tiền", "Hiện vật"]}),
        ),
        1,
    ):
        SupplementaryColumn.objects.create(
            table=table, position=position, name=name, kind=kind, added_at=CONFIRMED, **more
        )
    return table


def fill(unit: Unit, period: ReportingPeriod, table: SupplementaryTable, *, by: User, chance: random.Random) -> None:
    """Fill in a commune's line at random, whatever the period's state; some cells stay blank."""
    row = SupplementaryReturn.objects.create(unit=unit, period=period, table=table, saved_by=by)
    for column in table.columns.all():
        if chance.random() < 0.8:
            number = Decimal(chance.randrange(10**8)).scaleb(-chance.randrange(5)) if column.is_summed else None
            text = "" if column.is_summed else chance.choice(["=1+1", "Hiện vật", "Tiền"])
            SupplementaryValue.objects.create(filled=row, column=column, number=number, text=text)


def score(visit: Visit, verdicts: Sequence[str]) -> None:
    """Publish what a concluded visit scored, one verdict for each indicator in order; "" leaves it out."""
    opinions = [
        Published(indicator.pk, verdict, effective_on=visit.day, **FIGURES[verdict])
        for indicator, verdict in zip(indicators_of(visit.criteria_set), verdicts, strict=False)
        if verdict
    ]
    with transaction.atomic():
        publish(
            visit.unit, visit.criteria_set, visit.stage, opinions, source=Source.VISIT, source_ref=visit.code,
            by=visit.planned_by, at=datetime(2024, 6, 2, tzinfo=UTC),
        )  # fmt: skip


def lead(visit: Visit, name: str) -> None:
    TeamMemberFactory(visit=visit, name=name, role="leader")


def took(finding: Finding, kind: str, day: date, **fields) -> None:
    """A step taken that day, and the finding as it stands after it."""
    FindingEvent.objects.create(
        finding=finding, kind=kind, by=finding.created_by, at=datetime(day.year, day.month, day.day, 3, tzinfo=UTC),
        note="Theo báo cáo", **fields,
    )  # fmt: skip
    if kind in STATE_AFTER:
        finding.state = STATE_AFTER[kind]
    if kind == "slipped":
        finding.due_on = fields["new_due_on"]
    finding.save()


def inspect(province: Unit, communes: Sequence[Unit], criteria_set: CriteriaSet, chance: Random) -> None:
    """What reports of inspections, villages, departments and losses speak of, in every commune."""
    local, *national = [DepartmentFactory(name=f"Sở {name}") for name in ("Y tế", "Giáo dục", "Xây dựng")]
    first, second, _ = criteria_set.criteria.order_by("number")
    for criterion, department, place in (
        (first, national[0], None), (first, local, province), (second, national[0], None), (second, national[1], None),
    ):  # fmt: skip
        CriterionDepartment.objects.create(criterion=criterion, department=department, province=place)
    of_villages = make_set(criteria=2, indicators=1, level="village", last_year=None, province=province)
    for place, unit in enumerate(communes):
        say(unit, criteria_set, "province", ["met"] * 6, date(2023, 6, 20))
        held = date(2024, chance.randrange(1, 6), 10)
        visit = concluded_visit(
            unit, criteria_set, held_on=held, concluded_at=datetime(2024, held.month, 11, tzinfo=UTC)
        )
        score(visit, [chance.choice(("met", "nearly_met", "not_met", "firmly_met")) for _ in range(6)])
        lead(visit, f"Trưởng đoàn {place % 3}")
        for number in (1, 2, 3):
            finding = find(visit, number, department=chance.choice([None, local, *national]), due_on=date(2024, 5, 20))
            steps = ["slipped", "remedied", "closed", "reopened"][: chance.randrange(5)]
            for kind in steps:
                dates = {"old_due_on": finding.due_on, "new_due_on": date(2024, 7, 31)} if kind == "slipped" else {}
                took(finding, kind, date(2024, chance.randrange(held.month, 6), 25), **dates)
        for indicator in indicators_of(criteria_set)[:3]:
            prove(unit, indicator, expires_on=date(2024, chance.randrange(2, 12), 15))
        for _ in range(2):
            village = VillageFactory(parent=unit)
            say(village, of_villages, "self", [chance.choice(("met", "nearly_met", "")) for _ in range(2)], held)
    raised = indicators_of(criteria_set)[0]
    clerk = UserFactory()
    TargetFactory(indicator=raised, from_year=2024, value=98, confirmed_by=clerk, confirmed_at=CONFIRMED)
