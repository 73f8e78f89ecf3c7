"""What one indicator lacks by its judgement and its figures: the same for one commune and for an area. Pure rules."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple, Protocol

from criteria.attainment import NUMERIC_OPERATORS, gap, gap_amount, gap_count, measured, reaches
from criteria.numbers import round_half_up
from criteria.targets import Resolved

LEAST_GAP = Decimal("0.0001")  # a target missed by less than is stored still is missed


class Told(Protocol):
    """An opinion with its figures."""

    @property
    def verdict(self) -> str: ...
    @property
    def value(self) -> Decimal | None: ...
    @property
    def part(self) -> Decimal | None: ...
    @property
    def whole(self) -> Decimal | None: ...


class Shortfall(NamedTuple):
    """How far figures are from their target: `own` in the indicator's measure, `items` in that of part and whole
    (counted items where both are whole numbers); None where unknown, 0 once reached."""

    own: Decimal | None
    items: Decimal | int | None


def shortfall(target: Resolved, opinion: Told) -> Shortfall:
    operator = target.operator or None
    own = gap(operator, target.value, measured(opinion.value, opinion.part, opinion.whole))
    if own:
        own = max(round_half_up(own, 4), LEAST_GAP)
    items: Decimal | int | None = gap_count(operator, target.value, opinion.part, opinion.whole)
    if items is None:
        items = gap_amount(operator, target.value, opinion.part, opinion.whole)
    return Shortfall(own, items)


def lack(target: Resolved, opinion: Told) -> str:
    """What stands in the way, by its kind ("unassessed", "not_met", "nearly_met", "number" for a met without the
    figure its target asks for, "contradiction" for one that misses it); "" where nothing does."""
    if opinion.verdict == "not_applicable":
        return ""
    if opinion.verdict in ("not_met", "nearly_met"):
        return opinion.verdict
    if not opinion.verdict:
        return "unassessed"
    if not (target.confirmed and target.operator in NUMERIC_OPERATORS):
        return ""
    value = measured(opinion.value, opinion.part, opinion.whole)
    if value is None:
        return "number"
    return "contradiction" if reaches(target.operator, target.value, value) is False else ""
