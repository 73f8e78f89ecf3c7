"""What became of a unit, and what it was made of: links between pages before and after a merger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Q

from communes.models import Succession, Unit


@dataclass(frozen=True, slots=True)
class Relative:
    """A unit one step before or after; `is_visible` says whether the person may open its page."""

    unit: Unit
    effective_on: date
    kind: str
    decision: str
    is_approximate: bool
    is_verified: bool
    is_visible: bool


def relatives(unit: Unit, user: Any) -> tuple[list[Relative], list[Relative]]:
    """The units it was formed from, and those that took its place; two queries besides the person's roles."""
    steps = list(
        Succession.objects.filter(Q(predecessor=unit) | Q(successor=unit)).select_related("predecessor", "successor")
    )
    others = {step.predecessor_id if step.successor_id == unit.pk else step.successor_id for step in steps}
    seen = set(Unit.objects.visible_to(user).filter(pk__in=others).values_list("pk", flat=True)) if others else set()

    def relative(step: Succession, other: Unit) -> Relative:
        return Relative(
            other,
            step.effective_on,
            step.get_kind_display(),
            step.decision,
            step.is_approximate,
            step.is_verified,
            other.pk in seen,
        )

    before = [relative(step, step.predecessor) for step in steps if step.successor_id == unit.pk]
    after = [relative(step, step.successor) for step in steps if step.predecessor_id == unit.pk]
    return sorted(before, key=lambda step: step.unit.sort_key), sorted(after, key=lambda step: step.unit.sort_key)
