"""Planned results: what a unit means to have reached by the end of a half-year or year, indicator by indicator.

Every save is a new version (`Plan`), so that of two people changing one row exactly one wins and a closed
period is held against what was planned then. Once its day is over a plan stays as it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction

from communes import access
from communes.models import Unit
from criteria import targets
from criteria.checks import Refused, format_day, judge
from criteria.models import CriteriaSet, Criterion, Indicator, Plan, ReportingPeriod
from criteria.numbers import format_number
from criteria.period_steps import keep_open
from criteria.rollup import Rollup, combined
from criteria.state import Told, roll_up_given, state_on
from criteria.targets import Resolved
from criteria.verdicts import Stage, Verdict
from criteria.wordings import worded
from ntm.clock import today

VERDICTS = (Verdict.MET.value, Verdict.NEARLY_MET.value, Verdict.NOT_MET.value)
YEARS_AHEAD = 5
NOTE_LIMIT = 500


class Typed(NamedTuple):
    """One row as somebody wants it, and the version they saw (0: none yet)."""

    value: Decimal | None
    verdict: str
    note: str
    seen_version: int = 0

    def says(self, plan: Plan | None) -> bool:
        """Whether the plan says this already; no plan says nothing."""
        stored = (plan.value, plan.verdict, plan.note) if plan else (None, "", "")
        return stored == (self.value, self.verdict, self.note)


class PlansRefused(Exception):
    """Rows that can't stand, by indicator id: messages by field. Nothing was saved."""

    def __init__(self, errors: dict[int, dict[str, str]]) -> None:
        super().__init__("refused")
        self.errors = errors


class PlansChanged(Exception):
    """Somebody saved these rows since they were read: the plans as they are now. Nothing was saved."""

    def __init__(self, plans: dict[int, Plan | None]) -> None:
        super().__init__("changed")
        self.plans = plans


@dataclass
class PlanRow:
    """One indicator on the page: what its target will be, where it stands now, what is planned.

    `typed` holds the inputs' texts. `theirs`: what somebody else saved meanwhile.
    """

    indicator: Indicator
    target: Resolved
    present: dict[str, Any] | None
    plan: Plan | None
    typed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    theirs: Plan | None = None

    def __post_init__(self) -> None:
        self.typed = self.typed or typed_from(self.plan)

    @property
    def is_planned(self) -> bool:
        return self.plan is not None and not Typed(None, "", "").says(self.plan)

    @property
    def verdict_codes(self) -> tuple[str, ...]:
        return (*VERDICTS, Verdict.NOT_APPLICABLE.value) if self.indicator.may_be_not_applicable else VERDICTS

    def fill(self) -> bool:
        """Put the present result into inputs that hold nothing; whether that was so."""
        if self.present is None or any(self.typed[name] for name in ("value", "verdict", "note")):
            return False
        verdict = self.present["verdict"]
        self.typed |= {
            "value": format_number(self.present["value"]),
            "verdict": Verdict.MET.value if verdict == Verdict.FIRMLY_MET else verdict,
            "note": self.present["note"][:NOTE_LIMIT] if verdict == Verdict.NOT_APPLICABLE else "",
        }
        return True


def typed_from(plan: Plan | None) -> dict[str, str]:
    return {
        "value": format_number(plan.value) if plan else "",
        "verdict": plan.verdict if plan else "",
        "note": plan.note if plan else "",
        "version": str(plan.version if plan else 0),
    }


def ends(criteria_set: CriteriaSet) -> dict[str, date]:
    """The days one can plan for, by the code of an address: "2024-06" 30/06/2024, "2024" 31/12/2024; the
    present year's first. Those of last year and before today are only to be read."""
    first = max(criteria_set.first_year, today().year - 1)
    last = min(criteria_set.last_year or today().year + YEARS_AHEAD, today().year + YEARS_AHEAD)
    found = {}
    for year in range(min(first, last), last + 1):
        found[f"{year}-06"] = date(year, 6, 30)
        found[str(year)] = date(year, 12, 31)
    return found


def end_words(day: date) -> str:
    """The day as people name it: "hết năm 2024", "hết 6 tháng đầu năm 2024"."""
    return f"hết năm {day.year}" if day.month == 12 else f"hết 6 tháng đầu năm {day.year}"


def plan_rows(unit: Unit, criteria_set: CriteriaSet, ends_on: date, user: Any) -> list[tuple[Criterion, list[PlanRow]]]:
    """The set's criteria with their rows for this reader: the target of `ends_on`, the combined result of today,
    the plan in force. Six queries at most besides the person's roles."""
    indicators = Indicator.objects.in_force(ends_on).filter(criterion__criteria_set=criteria_set, for_history=False)
    allowed = access.visible_criteria(user)
    if allowed is not None:
        indicators = indicators.filter(criterion__in=allowed)
    listed = list(indicators.select_related("criterion").order_by("criterion__number", "position", "pk"))
    listed = worded(listed, criteria_set, ends_on)
    demanded = targets.resolve_unit(unit, criteria_set, ends_on, listed)
    told: dict[str, dict[int, Any]] = {stage: {} for stage in Stage.values}
    for (stage, _, pk), state in state_on([unit.pk], criteria_set, Stage.values).items():
        told[stage][pk] = _Said(state["verdict"], state)
    present = combined(told)
    plans = _in_force(Plan.objects.filter(unit=unit, ends_on=ends_on, indicator__in=listed).known())
    found: dict[int, tuple[Criterion, list[PlanRow]]] = {}
    for indicator in listed:
        plan = plans.get((unit.pk, indicator.pk))
        # A part exists only to carry a second threshold: where none is set, it isn't asked.
        if indicator.part_of_id and not demanded[indicator.pk].operator and plan is None:
            continue
        _, said = present.get(indicator.pk, ("", None))
        row = PlanRow(indicator, demanded[indicator.pk], said.row if said else None, plan)
        found.setdefault(indicator.criterion_id, (indicator.criterion, []))[1].append(row)
    return list(found.values())


class _Said(NamedTuple):
    verdict: str
    row: dict[str, Any]


def _in_force(plans: Iterable[Plan]) -> dict[tuple[int, int], Plan]:
    """The latest version of each by unit and indicator; `plans` come in order of version."""
    return {(plan.unit_id, plan.indicator_id): plan for plan in plans}


def planned_end(period: ReportingPeriod) -> date:
    """The day whose plan a period's form shows beside its results (DOMAIN §2): of a half-year the end of the next
    half-year, of a year the end of the next year, of any other period the end of the year it leads to."""
    day = period.ends_on
    if period.kind == ReportingPeriod.Kind.YEAR:
        return date(day.year + 1, 12, 31)
    if period.kind == ReportingPeriod.Kind.HALF_YEAR:
        return date(day.year, 12, 31) if day.month <= 6 else date(day.year + 1, 6, 30)
    end = date(day.year, 12, 31)
    return end if day < end else date(day.year + 1, 12, 31)


def why_over(ends_on: date) -> str:
    """Why nothing can be planned for that day any more; "" where one can."""
    if ends_on >= today():
        return ""
    return f"Ngày {format_day(ends_on)} đã qua: kế hoạch giữ nguyên để đối chiếu với kết quả."


@transaction.atomic
def save_plans(unit: Unit, criteria_set: CriteriaSet, ends_on: date, asked: Mapping[int, Typed], by: Any) -> int:
    """Save the rows somebody changed, all or none; how many. Rows typed as they were seen are left alone.

    Raises PermissionDenied, Refused for a day that is over, PlansRefused, PlansChanged; KeyError for an
    indicator that isn't in the set on that day.
    """
    access.require(by, "entry.change", unit)
    if reason := why_over(ends_on):
        raise Refused({"ends_on": reason})
    keep_open(Plan)
    rows = Indicator.objects.in_force(ends_on).filter(criterion__criteria_set=criteria_set, for_history=False)
    indicators = {row.pk: row for row in rows.select_related("criterion")}
    versions: dict[int, dict[int, Plan]] = defaultdict(dict)
    for plan in Plan.objects.filter(unit=unit, ends_on=ends_on).known().select_related("saved_by"):
        versions[plan.indicator_id][plan.version] = plan
    changed = {pk: typed for pk, typed in asked.items() if not typed.says(versions[pk].get(typed.seen_version))}
    demanded = targets.resolve_unit(unit, criteria_set, ends_on, [indicators[pk] for pk in changed])
    errors: dict[int, dict[str, str]] = {}
    stale: dict[int, Plan | None] = {}
    new = []
    for pk, typed in changed.items():
        indicator, current = indicators[pk], next(reversed(versions[pk].values()), None)
        access.require(by, "criterion.enter", (unit, indicator.criterion))
        if typed.says(current):
            continue
        if (current.version if current else 0) != typed.seen_version:
            stale[pk] = current
            continue
        try:
            judged = judge(indicator, demanded[pk], value=typed.value, verdict=typed.verdict, note=typed.note)
        except Refused as refused:
            errors[pk] = refused.errors
            continue
        told = {"value": judged.value, "verdict": judged.verdict, "note": judged.note}
        version = typed.seen_version + 1
        new.append(Plan(unit=unit, indicator=indicator, ends_on=ends_on, version=version, saved_by=by, **told))
    if stale:
        raise PlansChanged(stale)
    if errors:
        raise PlansRefused(errors)
    try:
        with transaction.atomic():
            Plan.objects.bulk_create(new)
    except IntegrityError:  # saved by two at once
        plans = Plan.objects.filter(unit=unit, ends_on=ends_on).known().select_related("saved_by")
        now = {plan.indicator_id: plan for plan in plans}
        lost = [plan for plan in new if now.get(plan.indicator_id) and now[plan.indicator_id].version >= plan.version]
        raise PlansChanged({plan.indicator_id: now[plan.indicator_id] for plan in lost}) from None
    return len(new)


def planned_rollups(
    units: Sequence[Unit],
    criteria_set: CriteriaSet,
    ends_on: date,
    known_at: datetime | None = None,
    judged_on: date | None = None,
) -> tuple[dict[int, Rollup], dict[int, dict[int, Plan]]]:
    """What units plan for that day, as known at a moment: the roll-up of their planned verdicts by unit id (only
    units that planned anything; attainments and progress say nothing), and the plans by unit and indicator id.
    `judged_on`: whose day's indicators make up a criterion, where not those of `ends_on`. Six queries at most,
    whatever the number of units.
    """
    rows = Plan.objects.filter(
        unit__in=[unit.pk for unit in units], ends_on=ends_on, indicator__criterion__criteria_set=criteria_set
    )
    plans: dict[int, dict[int, Plan]] = defaultdict(dict)
    for (unit, indicator), plan in _in_force(rows.known(known_at)).items():
        if plan.verdict or plan.value is not None:
            plans[unit][indicator] = plan
    given: dict[int, dict[int, Told]] = {
        unit: {pk: (plan.verdict, None, None) for pk, plan in mine.items()} for unit, mine in plans.items()
    }
    planning = [unit for unit in units if unit.pk in plans]
    day = min(judged_on or ends_on, criteria_set.last_day)
    return roll_up_given(planning, criteria_set, day, given, known_at), dict(plans)
