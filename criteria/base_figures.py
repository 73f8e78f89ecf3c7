"""Base figures of a unit: read for a year, checked against each other, saved as one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from django.utils import timezone

from communes.models import Unit
from criteria.models import BaseFigure
from criteria.models.base_figures import FIGURE_OF, FIGURES, LIMITS
from criteria.numbers import format_number
from ntm.clock import today

FIRST_YEAR = 2010  # the programme's first


class FiguresChanged(Exception):
    """Somebody saved this unit's figures of the year since they were read."""


class Known(NamedTuple):
    """A base figure as a row shows it: its value, and the year it was told for."""

    value: Decimal
    year: int
    measure: str


def years() -> list[int]:
    """The years figures can be entered for, the present one first."""
    return list(range(today().year, FIRST_YEAR - 1, -1))


def figures_of(unit: Unit, year: int) -> dict[str, BaseFigure]:
    """The figures told for that very year, by key, with who saved them. One query."""
    rows = BaseFigure.objects.filter(unit=unit, year=year).select_related("updated_by")
    return {row.key: row for row in rows}


def known_by_noun(unit: Unit, day: date) -> dict[str, Known]:
    """The latest figure of that day's year or the one before, by the noun whose whole it is. One query."""
    rows = BaseFigure.objects.filter(unit=unit.pk, year__in=[day.year, day.year - 1])
    found = {}
    for year, key, value in sorted(rows.values_list("year", "key", "value")):
        for noun in FIGURE_OF[key].nouns:
            found[noun] = Known(value, year, FIGURE_OF[key].measure)
    return found


def fingerprint(figures: dict[str, BaseFigure]) -> str:
    """The figures as they were seen, to notice that somebody changed them meanwhile."""
    return " ".join(f"{key}={format_number(figures[key].value)}" for key in sorted(figures))


def problems(values: dict[str, Decimal | None]) -> dict[str, str]:
    """What is wrong with a year's figures, by key, in words: each by itself, then against each other."""
    errors: dict[str, str] = {}
    for figure in FIGURES:
        value = values.get(figure.key)
        if value is not None and figure.is_whole and value % 1:
            errors[figure.key] = f"{figure.label} phải là số nguyên."
    for parts, whole in LIMITS:
        limit, told = values.get(whole), [values.get(part) for part in parts]
        if limit is None or any(value is None for value in told) or {*parts, whole} & set(errors):
            continue
        total = sum((value for value in told if value is not None), Decimal(0))
        if total > limit:
            named = " và ".join([FIGURE_OF[parts[0]].label, *(_inside(FIGURE_OF[part].label) for part in parts[1:])])
            errors[parts[0]] = (
                f"{named} ({format_number(total)}) không được lớn hơn {_inside(FIGURE_OF[whole].label)} "
                f"({format_number(limit)})."
            )
    return errors


def save_figures(unit: Unit, year: int, values: dict[str, Decimal | None], seen: str, by: Any) -> int:
    """Store a year's figures that `problems` let pass; None takes one away. Returns how many changed.

    Raises FiguresChanged where the stored ones aren't those `seen` any more.
    """
    with transaction.atomic():
        stored = {row.key: row for row in BaseFigure.objects.select_for_update().filter(unit=unit, year=year)}
        if fingerprint(stored) != seen:
            raise FiguresChanged
        changed = 0
        for key, value in values.items():
            row = stored.get(key)
            if (row.value if row else None) == value:
                continue
            changed += 1
            if value is None:
                BaseFigure.objects.filter(unit=unit, year=year, key=key).delete()
                continue
            row = row or BaseFigure(unit=unit, year=year, key=key)
            row.value, row.updated_by, row.updated_at = value, by, timezone.now()
            try:
                row.save()
            except IntegrityError:  # entered by two at once for the first time
                raise FiguresChanged from None
        return changed


def _inside(label: str) -> str:
    return label[:1].lower() + label[1:]
