"""Which unit a state code means: codes are reused, so the answer depends on the day."""

from __future__ import annotations

from datetime import date

from django.db.models import Q

from communes.models import Level, Unit

ORDER_OF_LEVELS: list[str] = [Level.COMMUNE, Level.DISTRICT, Level.PROVINCE, Level.VILLAGE]


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
