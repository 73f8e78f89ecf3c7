"""Recognitions copied from a spreadsheet: a commune's code, the decision and its day on each line.

A province's communes were mostly recognised long ago, each group by another decision. `plan` says of each line what
would come of it, `save` writes the clean ones in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from communes import access
from communes.fields import DayField, TextField
from communes.models import Level, Unit, UnitVersion
from criteria.models import CriteriaSet
from criteria.paste import MAX_LINES, NothingPasted, read_table
from criteria.recognitions import already, record, revoked_of, uncertain_beginnings, why_not, why_revoked
from ntm.clock import today

MAX_TYPED = 100_000
_DAY, _DECISION = DayField(), TextField(max_length=100)


@dataclass
class Line:
    """One pasted line. `reason` says why it is refused; `is_same`: the commune has a recognition by the set."""

    number: int
    code: str
    decision: str = ""
    day: date | None = None
    unit: Unit | None = None
    is_same: bool = False
    reason: str = ""

    @property
    def outcome(self) -> str:
        return "refused" if self.reason else "same" if self.is_same else "save"


def plan(area: Unit, criteria_set: CriteriaSet, text: str) -> list[Line]:
    """What would come of each line; a heading line is left out. Raises NothingPasted. A fixed number of queries."""
    if len(text) > MAX_TYPED or text.strip().count("\n") >= MAX_LINES:
        raise NothingPasted(f"Mỗi lần dán không quá {MAX_LINES} dòng; chia thành nhiều lần.")
    lines = [_read(number, cells) for number, cells in enumerate(read_table(text), 1) if any(cells)]
    if lines and not any(letter.isdigit() for letter in lines[0].code):
        lines = lines[1:]  # the headings of the columns
    if not lines:
        raise NothingPasted("Chưa có dòng nào. Chép các dòng trong Excel rồi dán vào ô này.")
    _find_units(area, lines)
    _judge(criteria_set, lines)
    return lines


@transaction.atomic
def save(area: Unit, criteria_set: CriteriaSet, lines: Iterable[Line], by: Any) -> int:
    """Record the clean lines of a plan; how many are new. Raises PermissionDenied."""
    access.require(by, "recognition.change", area)
    clean = [line for line in lines if line.outcome == "save"]
    told = [(line.unit, line.decision, line.day) for line in clean if line.unit and line.day]
    list(Unit.objects.filter(pk__in=[unit.pk for unit, _, _ in told]).select_for_update(of=("self",)).order_by("pk"))
    return record(criteria_set, told, by)[0]


def _read(number: int, cells: list[str]) -> Line:
    """The line's own cells, without what the database knows. A spreadsheet takes the zeros before a code."""
    code, decision, day = [*cells, "", "", ""][:3]
    line = Line(number, code.zfill(5) if code.isdigit() else code)
    if not code:
        line.reason = "Thiếu mã xã."
        return line
    for name, field, typed in (("decision", _DECISION, decision), ("day", _DAY, day)):
        try:
            setattr(line, name, field.clean(typed))
        except ValidationError as error:
            wrong = "Thiếu số quyết định." if name == "decision" and not typed else str(error.messages[0])
            line.reason = line.reason or wrong
    return line


def _find_units(area: Unit, lines: list[Line]) -> None:
    """The communes of the area that bore the codes on the decisions' days, else that bear them now. Three queries."""
    codes = {line.code for line in lines}
    inside = {area.level: area.pk}
    present = Unit.objects.filter(level=Level.COMMUNE, code__in=codes, **inside).existing(today())
    now = {unit.code: unit for unit in present}
    versions = list(
        UnitVersion.objects.filter(unit__level=Level.COMMUNE, code__in=codes)
        .filter(Q(**{f"unit__{area.level}": area.pk}) | Q(**{f"{area.level}_id": area.pk}))
        .order_by("valid_from", "pk")
        .values_list("code", "unit_id", "valid_from", "valid_to")
    )
    units = Unit.objects.within(area).in_bulk({unit for _, unit, _, _ in versions})
    for line in lines:
        if line.reason or line.day is None:
            continue
        then = (
            units.get(unit)
            for code, unit, since, until in versions
            if code == line.code and since <= line.day and (until is None or line.day < until)
        )
        line.unit = next((unit for unit in then if unit), None) or now.get(line.code)
        if line.unit is None:
            line.reason = f"Không có xã nào mang mã {line.code} trong địa bàn."


def _judge(criteria_set: CriteriaSet, lines: list[Line]) -> None:
    """Refuse what can't be, and what says the same commune twice. Three queries."""
    found = [line for line in lines if line.unit is not None and line.day is not None]
    earliest = min((line.day for line in found if line.day), default=today())
    uncertain = uncertain_beginnings([line.unit for line in found if line.unit], earliest)
    has = already(criteria_set, [line.unit.pk for line in found if line.unit])
    revoked = revoked_of(criteria_set, [line.unit.pk for line in found if line.unit])
    first: dict[int, int] = {}
    for line in found:
        assert line.unit is not None and line.day is not None  # noqa: S101 - chosen so above
        line.reason = why_not(line.unit, criteria_set, line.day, uncertain)
        line.reason = line.reason or why_revoked(revoked.get(line.unit.pk, ()), line.decision, line.day)
        before = first.setdefault(line.unit.pk, line.number)
        if before != line.number:
            line.reason = line.reason or f"Trùng với dòng {before}."
        line.is_same = line.unit.pk in has
