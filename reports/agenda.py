"""What a meeting can be about besides findings: the criteria a unit doesn't meet, with what is missing."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from communes.models import Unit
from criteria.models import CriteriaSet, Criterion
from criteria.rollup import STATES_THAT_COUNT_AS_MET
from criteria.verdicts import STATES
from inspections.meetings import Unmet
from reports.readiness import COMBINED, readiness

SAID_AT_MOST = 5  # things missing that one item names; of more it says how many


def unmet_criteria(unit: Unit, user: Any) -> list[Unmet]:
    """The criteria the unit doesn't meet by the combined result under its present set, in order;
    nothing where no set applies. What is missing is `readiness`'s, findings apart, which are
    items of their own."""
    try:
        chosen = CriteriaSet.objects.chosen(unit)
    except CriteriaSet.DoesNotExist:
        return []
    result = readiness(unit, chosen, COMBINED, user)
    lacking: dict[int, list[str]] = defaultdict(list)
    for item in result.missing:
        if item.finding_id is None and not item.kind.startswith("finding"):
            lacking[item.criterion].append(f"{item.indicator} {item.text or item.label.lower()}".strip())
    criteria = Criterion.objects.in_bulk([line.id for line in result.criteria])
    unmet = []
    for line in result.criteria:
        state = line.states[COMBINED].state if COMBINED in line.states else "not_assessed"
        if state in STATES_THAT_COUNT_AS_MET:
            continue
        text = f"Tiêu chí {line.number} – {line.name}: {STATES[state].label.lower()}"
        if lacks := lacking[line.number]:
            more = f"; và {len(lacks) - SAID_AT_MOST} nội dung khác" if len(lacks) > SAID_AT_MOST else ""
            text += f". Còn thiếu: {'; '.join(lacks[:SAID_AT_MOST])}{more}"
        unmet.append(Unmet(unit, criteria[line.id], f"{text}."))
    return unmet
