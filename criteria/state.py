"""The published state of units, now or on a past day: one shape for screens and workbooks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple

from django.utils import timezone

from communes.access import ScopedQuerySet
from communes.models import Unit
from criteria import targets
from criteria.models import Assessment, CriteriaSet, Indicator, Revision
from criteria.models.results import RevisionQuerySet
from criteria.rollup import Item, Rollup, roll_up
from ntm.clock import today

FIELDS = ("unit_id", "indicator_id", "stage", "verdict", "value", "part", "whole", "attainment", "note", "effective_on")
# A verdict, its attainment, and since when it holds.
Told = tuple[str, Decimal | None, date | None]


class Moment(NamedTuple):
    """The state on `day` as it was known at `known_at` (None: as it is known now)."""

    day: date
    known_at: datetime | None = None

    @property
    def ends_at(self) -> datetime:
        """The last instant of the day as was known then, for what happened when it was recorded (steps)."""
        last = timezone.make_aware(datetime.combine(self.day, time.max))
        return min(last, self.known_at) if self.known_at else last

    @property
    def known_until(self) -> datetime:
        """The last instant at which what counts was recorded (files, sendings, conclusions): what results for a
        period's last day rest on comes after that day and before the period is closed. Of a bare day its end."""
        return self.known_at or self.ends_at

    def knows(self, at: datetime | None) -> bool:
        """Whether what was recorded at `at` (None: never) counts."""
        return at is not None and at <= self.known_until


def state_on(
    unit_ids: Iterable[int],
    criteria_set: CriteriaSet,
    stages: Iterable[str],
    day: date | None = None,
    known_at: datetime | None = None,
    *,
    only: Iterable[int] | None = None,
    more: Iterable[str] = (),
) -> dict[tuple[str, int, int], dict[str, Any]]:
    """Published opinions by (stage, unit id, indicator id), as dicts of FIELDS, in one query.

    Without `day`: the current ones. With it: the state on that day as known at `known_at`
    (None: now). `only`: these indicators of the set; `more`: further columns of Revision, with a
    day only. Cleared states (empty verdict) are in, so that a caller sees since when. The caller
    has checked who may see the units.
    """
    rows: ScopedQuerySet | RevisionQuerySet
    where: dict[str, Any] = {
        "unit__in": list(unit_ids),
        "stage__in": list(stages),
    }
    if only is not None:
        where["indicator__in"] = list(only)
    else:
        where["indicator__criterion__criteria_set"] = criteria_set
    if day is None and known_at is None:
        rows = Assessment.objects.filter(**where)
    elif day is not None:
        rows = Revision.objects.filter(**where).state_on(day, known_at)
    else:
        raise ValueError("known_at needs a day.")
    return {(row["stage"], row["unit_id"], row["indicator_id"]): row for row in rows.values(*FIELDS, *more)}


def roll_up_units(
    units: Sequence[Unit], criteria_set: CriteriaSet, stage: str, moment: Moment | None = None
) -> dict[int, Rollup]:
    """Where units stand by one stage's opinion, by unit id: by the assessments that hold now, or as at a
    moment by the revisions. At most seven queries, whatever the number of units.
    """
    day = min(moment.day if moment else today(), criteria_set.last_day)
    numbers, indicators = _judged(criteria_set, day)
    opinions: dict[int, dict[int, Told]] = defaultdict(dict)
    where: dict[str, Any] = {
        "unit__in": [unit.pk for unit in units],
        "stage": stage,
        "indicator__in": [indicator.pk for indicator in indicators],
    }
    told: Any = Assessment.objects.filter(**where)
    if moment:
        told = Revision.objects.filter(**where).state_on(*moment)
    for unit_id, indicator_id, verdict, attained, effective_on in told.order_by().values_list(
        "unit_id", "indicator_id", "verdict", "attainment", "effective_on"
    ):
        opinions[unit_id][indicator_id] = (verdict, attained, effective_on)
    return _roll_up(units, criteria_set, day, moment.known_at if moment else None, opinions, numbers, indicators)


def roll_up_given(
    units: Sequence[Unit],
    criteria_set: CriteriaSet,
    day: date,
    opinions: Mapping[int, Mapping[int, Told]],
    known_at: datetime | None = None,
) -> dict[int, Rollup]:
    """The same of opinions at hand, by unit id and indicator id: what is planned for a day, by the targets known
    at a moment. Five queries at most."""
    return _roll_up(units, criteria_set, day, known_at, opinions, *_judged(criteria_set, day))


def _judged(criteria_set: CriteriaSet, day: date) -> tuple[dict[int, int], list[Indicator]]:
    """The numbers of the set's criteria by id, and all indicators a state of that day rests on."""
    numbers = dict(criteria_set.criteria.order_by("number").values_list("pk", "number"))
    indicators = (
        Indicator.objects.filter(criterion__in=list(numbers))
        .judged_on(day)
        .only("criterion_id", "part_of_id", "stands_for_criterion", "set_by_province", "for_history")
        .order_by()
    )
    return numbers, list(indicators)


def _roll_up(
    units: Sequence[Unit],
    criteria_set: CriteriaSet,
    day: date,
    known_at: datetime | None,
    opinions: Mapping[int, Mapping[int, Told]],
    numbers: dict[int, int],
    indicators: list[Indicator],
) -> dict[int, Rollup]:
    # A part exists only to carry a second threshold: where none is set, it isn't asked.
    parts = [indicator for indicator in indicators if indicator.part_of_id]
    demanded = targets.resolve_area(units, criteria_set, day, parts, known_at) if parts else {}
    # Plain values: a province's items are ten thousand, and reading a model's column takes longer than a tuple's.
    asked = [
        (row.pk, numbers[row.criterion_id], row.part_of_id, not row.stands_for_criterion, row.for_history)
        for row in indicators
    ]
    silent, every = ("", None, None), list(numbers.values())
    result = {}
    for unit in units:
        mine, demands = opinions.get(unit.pk, {}), demanded.get(unit.pk, {})
        items = []
        for pk, number, part_of, counted, for_history in asked:
            verdict, attained, since = mine.get(pk, silent)
            if for_history and not verdict:
                continue
            applies = part_of is None or bool(demands[pk].operator)
            judged_at = (0, since) if since else ()
            items.append(Item(pk, number, verdict, attained, part_of, counted, applies, for_history, judged_at))
        result[unit.pk] = roll_up(items, every)
    return result
