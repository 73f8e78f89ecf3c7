"""What a visit changed: what it concluded of each criterion it scored, against what the commune had said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from criteria import targets
from criteria.models import CriteriaSet, Indicator, Revision, Source
from criteria.rollup import Item, criterion_state, rank
from criteria.verdicts import Stage
from inspections.models import Visit


class Change(NamedTuple):
    """One criterion a visit scored: its number, its state by the commune and by the visit's stage on the day held."""

    number: int
    before: str
    after: str

    @property
    def step(self) -> int:
        """Below 0: concluded lower than the commune said; above: higher; 0 also where the two can't be compared."""
        before, after = rank(self.before), rank(self.after)
        return 0 if before is None or after is None else after - before


class _Told(NamedTuple):
    """What of a revision is read."""

    unit: int
    indicator: int
    stage: str
    effective_on: date
    pk: int
    verdict: str
    attainment: Decimal | None
    source: str
    source_ref: str


_COLUMNS = (
    "unit_id", "indicator_id", "stage", "effective_on", "pk", "verdict", "attainment", "source", "source_ref"
)  # fmt: skip


def changes(
    visits: Collection[Visit], criteria_set: CriteriaSet, known_at: datetime | None = None
) -> dict[int, list[Change]]:
    """What concluded visits under a set changed, by visit id, as known at `known_at` (None: now).

    Only criteria of which the visit itself scored something. Two queries, and three more for each year
    in which a visit was held.
    """
    indicators = list(
        Indicator.objects.filter(criterion__criteria_set=criteria_set).select_related("criterion").order_by()
    )
    criteria = {indicator.pk: indicator.criterion.number for indicator in indicators}
    last = max((visit.day for visit in visits), default=date.min)
    stages = {Stage.SELF.value, *(visit.stage for visit in visits)}
    rows = Revision.objects.valid(known_at).filter(
        unit__in={visit.unit_id for visit in visits},
        indicator__in=list(criteria),
        stage__in=stages,
        effective_on__lte=last,
    )
    told: dict[tuple[int, str], list[_Told]] = defaultdict(list)
    scored: dict[tuple[str, int], set[int]] = defaultdict(set)
    for row in map(_Told._make, rows.order_by("effective_on", "pk").values_list(*_COLUMNS)):
        told[row.unit, row.stage].append(row)
        if row.source == Source.VISIT:
            scored[row.source_ref, row.unit].add(criteria[row.indicator])
    parts = [indicator for indicator in indicators if indicator.part_of_id]
    asked = _asked_parts(visits, criteria_set, parts, known_at)
    found = {}
    for visit in visits:
        numbers = scored[visit.code, visit.unit_id]
        judged = [
            indicator
            for indicator in indicators
            if indicator.criterion.number in numbers
            and _in_force(indicator, visit.day)
            and (not indicator.part_of_id or indicator.pk in asked[visit.pk])
        ]
        before = _states(judged, told[visit.unit_id, Stage.SELF], visit.day)
        after = _states(judged, told[visit.unit_id, visit.stage], visit.day)
        found[visit.pk] = [Change(number, before.get(number, ""), after.get(number, "")) for number in sorted(numbers)]
    return found


def _in_force(indicator: Indicator, day: date) -> bool:
    """As `IndicatorQuerySet.judged_on`, of an indicator at hand."""
    begins, ends = indicator.in_force_from, indicator.in_force_to
    return indicator.for_history or ((begins is None or begins <= day) and (ends is None or day <= ends))


def _asked_parts(
    visits: Collection[Visit], criteria_set: CriteriaSet, parts: list[Indicator], known_at: datetime | None
) -> dict[int, Collection[int]]:
    """By visit the parts that were asked of its unit then: those with a target in force that year."""
    by_year: dict[int, list[Visit]] = defaultdict(list)
    for visit in visits:
        by_year[visit.day.year].append(visit)
    found: dict[int, Collection[int]] = {visit.pk: () for visit in visits}
    for held in by_year.values() if parts else ():
        units = {visit.unit_id: visit.unit for visit in held}
        demanded = targets.resolve_area(units.values(), criteria_set, max(visit.day for visit in held), parts, known_at)
        for visit in held:
            found[visit.pk] = {pk for pk, target in demanded[visit.unit_id].items() if target.operator}
    return found


def _states(judged: list[Indicator], told: list[_Told], day: date) -> dict[int, str]:
    """The states of the criteria of these indicators on a day, by number."""
    newest = {row.indicator: row for row in told if row.effective_on <= day}
    items: dict[int, list[Item]] = defaultdict(list)
    for indicator in judged:
        row = newest.get(indicator.pk)
        if indicator.for_history and (row is None or not row.verdict):
            continue
        number = indicator.criterion.number
        items[number].append(
            Item(
                indicator.pk,
                number,
                row.verdict if row else "",
                row.attainment if row else None,
                indicator.part_of_id,
                is_whole=indicator.for_history,
                since=(0, row.effective_on) if row else (),
            )
        )
    return {number: criterion_state(own).state for number, own in items.items()}
