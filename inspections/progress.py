"""How far a visit's scoring has come, criterion by criterion, from the team's own scores."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from communes.models import Unit
from criteria import targets
from criteria.models import CriteriaSet, Criterion, Indicator
from criteria.rollup import Item, Rollup, State, roll_up
from criteria.targets import Resolved
from criteria.wordings import worded
from inspections.models import Score, Visit
from inspections.planning import scope_of


@dataclass(frozen=True, slots=True)
class CriterionProgress:
    """One criterion of the scope: n of N indicators scored, each with its parts, and the state by these scores."""

    criterion: Criterion
    scored: int
    total: int
    state: State

    @property
    def is_complete(self) -> bool:
        return self.scored == self.total


@dataclass(frozen=True, slots=True)
class Progress:
    """The whole visit. `unscored`: indicators and parts of the scope without a verdict, in order."""

    criteria: list[CriterionProgress]
    rollup: Rollup
    unscored: list[Indicator]

    @property
    def scored(self) -> int:
        return sum(row.scored for row in self.criteria)

    @property
    def total(self) -> int:
        return sum(row.total for row in self.criteria)

    @property
    def left(self) -> int:
        """Indicators not scored, or not in all their parts."""
        return self.total - self.scored

    @property
    def states(self) -> dict[int, State]:
        return self.rollup.states


def asked_indicators(
    unit: Unit, criteria_set: CriteriaSet, on: date, criteria: list[Criterion] | None = None
) -> tuple[list[Indicator], dict[int, Resolved]]:
    """The indicators a team has to judge on that day, in order, and the targets by indicator id.

    A part for which no target is in force isn't asked (`criteria.publish`). Four queries at most.
    """
    rows = (
        Indicator.objects.filter(criterion__criteria_set=criteria_set)
        .in_force(on)
        .select_related("criterion")
        .order_by("criterion__number", "position", "pk")
    )
    if criteria is not None:
        rows = rows.filter(criterion__in=[criterion.pk for criterion in criteria])
    listed = worded(rows, criteria_set, on)
    resolved = targets.resolve_unit(unit, criteria_set, on, listed)
    asked = [indicator for indicator in listed if indicator.part_of_id is None or resolved[indicator.pk].operator]
    for indicator in asked:
        indicator.criterion.criteria_set = criteria_set
    return asked, resolved


def visit_progress(visit: Visit, on: date | None = None) -> Progress:
    """The state of the scoring: a fixed number of queries whatever the number of criteria."""
    criteria = scope_of(visit)
    indicators, _ = asked_indicators(visit.unit, visit.criteria_set, on or visit.day, criteria)
    scores = {
        indicator: (verdict, attainment)
        for indicator, verdict, attainment in Score.objects.filter(visit=visit).values_list(
            "indicator_id", "verdict", "attainment"
        )
    }
    items, unscored = [], []
    asked: dict[int, set[int]] = {criterion.number: set() for criterion in criteria}
    for indicator in indicators:
        verdict, attainment = scores.get(indicator.pk, ("", None))
        number = indicator.criterion.number
        asked[number].add(indicator.whole_id)
        if not verdict:
            unscored.append(indicator)
        items.append(
            Item(
                indicator.pk,
                number,
                verdict,
                attainment,
                indicator.part_of_id,
                counted=not indicator.stands_for_criterion,
            )
        )
    rollup = roll_up(items, [criterion.number for criterion in criteria])
    left = {indicator.whole_id for indicator in unscored}
    rows = [
        CriterionProgress(
            criterion,
            len(asked[criterion.number] - left),
            len(asked[criterion.number]),
            rollup.states[criterion.number],
        )
        for criterion in criteria
    ]
    return Progress(rows, rollup, unscored)
