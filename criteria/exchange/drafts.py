"""Drafts of many communes as one person may know them, for workbooks that go to people above the commune.

A commune's own people see its drafts. For others (`access` "entries.import") a draft is hidden while it holds
something unsent that somebody else typed: such a person neither sees it nor replaces it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from communes import access
from communes.models import Level, Unit
from criteria.models import Entry
from ntm.clock import today


class Draft(NamedTuple):
    """What of an Entry these workbooks need; its names are the Entry's own, so that the rules for a row take either."""

    pk: int
    unit_id: int
    indicator_id: int
    version: int
    sent_version: int
    updated_by_id: int
    effective_on: date
    verdict: str
    value: Decimal | None
    part: Decimal | None
    whole: Decimal | None
    entered_attainment: Decimal | None
    attainment: Decimal | None
    note: str


def drafts_of(units: Iterable[int], indicators: Iterable[int]) -> dict[tuple[int, int], Draft]:
    """All drafts of these units and indicators, by (unit id, indicator id). One query."""
    rows = Entry.objects.filter(unit__in=list(units), indicator__in=list(indicators)).order_by()
    found = map(Draft._make, rows.values_list(*Draft._fields))
    return {(draft.unit_id, draft.indicator_id): draft for draft in found}


class Eyes:
    """What one person may know of these units' drafts. `own`: ids of the communes they work in."""

    def __init__(self, user: Any, units: Iterable[Unit]) -> None:
        self.user = user
        self.own = {unit.pk for unit in units if access.can(user, "entry.change", unit)}
        self._others: dict[int, dict[int, str]] = {}

    def sees(self, draft: Draft) -> bool:
        return draft.unit_id in self.own or draft.version == draft.sent_version or draft.updated_by_id == self.user.pk

    def version(self, draft: Draft | None) -> int:
        """The version of what the person knows (0: nothing): the last sent where a newer one is hidden."""
        if draft is None:
            return 0
        return draft.version if self.sees(draft) else draft.sent_version

    def owner(self, unit: Unit, criterion: int) -> str:
        """Who answers for a criterion of their own commune that they may not enter; "" where they may."""
        if not self.own or unit.pk not in self.own:
            return ""
        if unit.pk not in self._others:
            self._others[unit.pk] = access.criteria_of_others(access.roles(self.user), unit)
        return self._others[unit.pk].get(criterion, "")


def units_of(place: Unit, only: Collection[int] | None = None) -> list[Unit]:
    """The unit itself, or an area's rural communes of today (of `only` these). One query for an area."""
    if place.level not in {Level.PROVINCE, Level.DISTRICT}:
        return [place]
    found = Unit.objects.within(place).rural_communes().existing(today()).order_by("sort_key", "pk")
    return list(found if only is None else found.filter(pk__in=only))


def holds(place: Unit, unit: Unit) -> bool:
    """Whether the unit is the place or lies in it."""
    return bool(getattr(unit, f"{place.level}_id") == place.pk)
