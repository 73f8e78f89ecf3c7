"""The published state of units, now or on a past day: one shape for screens and workbooks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from communes.access import ScopedQuerySet
from criteria.models import Assessment, CriteriaSet, Revision
from criteria.models.results import RevisionQuerySet

FIELDS = ("unit_id", "indicator_id", "stage", "verdict", "value", "part", "whole", "attainment", "note", "effective_on")


def state_on(
    unit_ids: Iterable[int],
    criteria_set: CriteriaSet,
    stages: Iterable[str],
    day: date | None = None,
    known_at: datetime | None = None,
    *,
    only: Iterable[int] | None = None,
) -> dict[tuple[str, int, int], dict[str, Any]]:
    """Published opinions by (stage, unit id, indicator id), as dicts of FIELDS, in one query.

    Without `day`: the current ones. With it: the state on that day as known at `known_at`
    (None: now). `only`: these indicators of the set. Cleared states (empty verdict) are in, so
    that a caller sees since when. The caller has checked who may see the units.
    """
    rows: ScopedQuerySet | RevisionQuerySet
    where: dict[str, Any] = {
        "unit__in": list(unit_ids),
        "stage__in": list(stages),
    }
    if only is not None:
        where["indicator__in"] = list(only)
    else:
        where["indicator__criterion__criteria_set"] = criteria_set
    if day is None and known_at is None:
        rows = Assessment.objects.filter(**where)
    elif day is not None:
        rows = Revision.objects.filter(**where).state_on(day, known_at)
    else:
        raise ValueError("known_at needs a day.")
    return {(row["stage"], row["unit_id"], row["indicator_id"]): row for row in rows.values(*FIELDS)}
