"""Where a unit came from and what became of it: for showing, and for finding a code's unit."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from django.db.models import Q

from communes.models import Level, Succession, Unit

ORDER_OF_LEVELS: list[str] = [Level.COMMUNE, Level.DISTRICT, Level.PROVINCE, Level.VILLAGE]


@dataclass(frozen=True, slots=True)
class Relative:
    """A unit before or after another, with the step between them and what lies beyond."""

    unit: Unit
    succession: Succession
    relatives: list[Relative] = field(default_factory=list)


def predecessors(unit: Unit) -> list[Relative]:
    """Units that went into this one, each with its own predecessors. One query a generation."""
    return _tree(unit, "successor", "predecessor")


def successors(unit: Unit) -> list[Relative]:
    """Units that took over from this one, each with its own successors. One query a generation."""
    return _tree(unit, "predecessor", "successor")


def _tree(unit: Unit, near: str, far: str) -> list[Relative]:
    """Follow successions from `near` to `far`; a unit met again is shown but not followed, so cycles end."""
    root: list[Relative] = []
    below: dict[int, list[Relative]] = {unit.pk: root}
    met = {unit.pk}
    while below:
        links = Succession.objects.filter(**{f"{near}__in": below}).select_related(far)
        following: dict[int, list[Relative]] = {}
        for link in sorted(links, key=lambda link: (link.effective_on, getattr(link, far).sort_key, link.pk)):
            relative = Relative(getattr(link, far), link)
            below[getattr(link, f"{near}_id")].append(relative)
            if relative.unit.pk not in met:
                met.add(relative.unit.pk)
                following[relative.unit.pk] = relative.relatives
        below = following
    return root


def unit_for_code(code: str, on: date) -> Unit | None:
    """The unit that bears the code on a day; a commune before a district, a province or a village.

    Codes are reused: 18436 was Song Lộc, then Kim Song Trường, then Trường Lưu. Where none
    bears the code that day (18424, Kim Lộc), the last one that did: its page tells what became of it.
    """
    candidates = Unit.objects.filter(Q(code=code) | Q(versions__code=code)).distinct().prefetch_related("versions")

    def bears(unit: Unit) -> bool:
        begun = [version for version in unit.versions.all() if version.valid_from <= on]
        return unit.exists_on(on) and (begun[-1].code if begun else unit.code) == code

    def rank(unit: Unit) -> tuple:
        return bears(unit), -ORDER_OF_LEVELS.index(unit.level), unit.closed_on or date.max, unit.pk

    return max(candidates, key=rank, default=None)
