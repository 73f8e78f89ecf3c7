"""How indicators read on a day: amending decisions change words, and what was asked in 2023 must stay readable."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from criteria.models import CriteriaSet, Indicator, Wording


def worded(indicators: Iterable[Indicator], criteria_set: CriteriaSet, on: date) -> list[Indicator]:
    """The indicators of one set, each with the name it has on that day.

    The name is replaced on the instances, for showing: they aren't to be saved. One query, none
    where the set has no wordings.
    """
    found = list(indicators)
    if not (found and criteria_set.has_wordings):
        return found
    names = names_on([indicator.pk for indicator in found], on)
    for indicator in found:
        indicator.name = names.get(indicator.pk, indicator.name)
    return found


def worded_of_sets(indicators: Iterable[Indicator], on: date) -> list[Indicator]:
    """As worded(), of whatever sets; `criterion.criteria_set` has to be at hand. One query at most."""
    found = list(indicators)
    amended = [indicator for indicator in found if indicator.criterion.criteria_set.has_wordings]
    names = names_on([indicator.pk for indicator in amended], on) if amended else {}
    for indicator in amended:
        indicator.name = names.get(indicator.pk, indicator.name)
    return found


def worded_each(rows: Iterable[tuple[Indicator, CriteriaSet, date]]) -> None:
    """Give each indicator, of the set beside it, the name it had on its own day: as worded(), for lists of many days.
    One query at most."""
    amended = [(indicator, on) for indicator, criteria_set, on in rows if criteria_set.has_wordings]
    if not amended:
        return
    known = Wording.objects.filter(indicator__in={indicator.pk for indicator, _ in amended}).order_by("starts_on")
    names: dict[int, list[tuple[date, str]]] = defaultdict(list)
    for pk, starts_on, name in known.values_list("indicator_id", "starts_on", "name"):
        names[pk].append((starts_on, name))
    for indicator, on in amended:
        for starts_on, name in names[indicator.pk]:
            if starts_on <= on:
                indicator.name = name


def names_on(indicators: Iterable[int], on: date) -> dict[int, str]:
    """The amended names in force on that day by indicator id; those never amended aren't in it. One query."""
    rows = Wording.objects.filter(indicator__in=list(indicators), starts_on__lte=on).order_by("starts_on")
    return dict(rows.values_list("indicator_id", "name"))
