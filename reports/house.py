"""How the reports of a province look: the numbers of its forms, its agencies, signatures and marks.

The product's own way stands wherever the province set nothing (`criteria.models.ReportSettings`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from communes import access
from communes.models import Level, Unit
from criteria.models import ReportSettings
from reports.workbooks.layout import MARKS, SIGNERS, agency

# The district's name holds its kind; who types that as well means it once.
_NAMED = re.compile(r"(?:huyện\s+)?\{huyện\}", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
COUNTED_AS_MET = ("firmly_met", "met", "not_applicable")
SET_MARKS = tuple(state for state, mark in MARKS.items() if mark)
Signers = tuple[tuple[str, str], tuple[str, str]]


@dataclass(frozen=True)
class House:
    """`agency`: the two lines of the heading; `marks`: by state; `forms`: by the product's own number."""

    agency: tuple[str, str] = ("", "")
    marks: dict[str, str] = field(default_factory=lambda: MARKS)
    signers: Signers = SIGNERS
    forms: dict[str, str] = field(default_factory=dict)

    def form(self, number: str, letter: str = "") -> str:
        """The form's number, `letter` of the sheet after its first digits: 03a, 03a/BC-NTM; left out without any."""
        return _DIGITS.sub(rf"\g<0>{letter}", self.forms.get(number) or number, count=1)

    @property
    def marks_met(self) -> tuple[str, ...]:
        """The marks that count as met, each once: a province may use one for several states."""
        return tuple(dict.fromkeys(self.marks[state] for state in COUNTED_AS_MET))


def house_of(user: Any, unit: Unit) -> House:
    """The look of what the person draws about the unit: their own office's heading and signatures. One query."""
    stored = ReportSettings.objects.filter(province=unit.province_id).first()
    drawn_by = agency(user, unit)
    if stored is None:
        return House(drawn_by)
    homes = access.home_units(user)
    home = homes[0] if homes else unit
    signers = SIGNERS
    if home.level == Level.PROVINCE:
        drawn_by = (stored.province_above or drawn_by[0], stored.province_office or drawn_by[1])
        signers = (
            (stored.province_left or SIGNERS[0][0], stored.province_left_name),
            (stored.province_right or SIGNERS[1][0], stored.province_right_name),
        )
    elif home.level == Level.DISTRICT:
        above, office, left, right = (
            _NAMED.sub(lambda _: home.full_name, line)
            for line in (stored.district_above, stored.district_office, stored.district_left, stored.district_right)
        )
        drawn_by = (above or drawn_by[0], office or drawn_by[1])
        signers = ((left or SIGNERS[0][0], ""), (right or SIGNERS[1][0], ""))
    upper = (drawn_by[0].upper(), drawn_by[1].upper())
    return House(upper, MARKS | stored.marks, signers, stored.form_numbers)


def forms_of(unit: Unit | None) -> House:
    """Only the numbers of the forms, for pages. One query; none without a unit."""
    if unit is None:
        return House()
    numbers = ReportSettings.objects.filter(province=unit.province_id).values_list("form_numbers", flat=True).first()
    return House(forms=numbers or {})
