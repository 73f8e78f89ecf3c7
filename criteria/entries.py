"""A unit's drafts: saving one row so that nobody's work is lost."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from communes.models import Unit
from criteria import targets
from criteria.checks import Judged, Refused, check_day, judge
from criteria.models import CriteriaSet, Entry, Indicator

if TYPE_CHECKING:
    from criteria.targets import Resolved

OPINION_FIELDS = ("verdict", "value", "part", "whole", "entered_attainment", "attainment", "note")


class Stale(Exception):
    """Somebody saved the row since it was read. `entry` is the row as it is now (None: there is none)."""

    def __init__(self, entry: Entry | None) -> None:
        super().__init__("stale")
        self.entry = entry


def save_entry(
    unit: Unit,
    criteria_set: CriteriaSet,
    indicator: Indicator,
    opinion: dict[str, Any],
    *,
    effective_on: date,
    seen_version: int,
    by: Any,
) -> Entry:
    """Save what was typed for one indicator, if nobody changed the row since `seen_version` (0: no row yet).

    `opinion` holds judge()'s keyword arguments. Saving what already stands changes
    nothing and isn't a new version. Raises Refused with messages by field, Stale with the
    row as it stands.
    """
    target = targets.resolve_one(unit, indicator, effective_on)
    entry = Entry.objects.filter(unit=unit, indicator=indicator).select_related("updated_by").first()
    return write_entry(
        unit,
        criteria_set,
        indicator,
        target,
        entry,
        opinion,
        effective_on=effective_on,
        seen_version=seen_version,
        by=by,
    )


def write_entry(
    unit: Unit,
    criteria_set: CriteriaSet,
    indicator: Indicator,
    target: Resolved,
    entry: Entry | None,
    opinion: dict[str, Any],
    *,
    effective_on: date,
    seen_version: int,
    by: Any,
) -> Entry:
    """save_entry for a caller who has read the row and the target of that day already."""
    message = check_day(effective_on, unit, criteria_set)
    if message:
        raise Refused({"effective_on": message})
    judged = judge(indicator, target, **opinion)
    if is_same(entry, judged, effective_on):
        return entry or Entry(unit=unit, indicator=indicator, version=0, effective_on=effective_on)
    changes = {field: getattr(judged, field) for field in OPINION_FIELDS} | {
        "effective_on": effective_on,
        "is_on_behalf": False,
        "updated_by": by,
        "updated_at": timezone.now(),
    }
    if entry is None and seen_version == 0:
        try:
            with transaction.atomic():
                return Entry.objects.create(unit=unit, indicator=indicator, **changes)
        except IntegrityError:
            pass
    elif (
        entry is not None
        and entry.version == seen_version
        and Entry.objects.filter(pk=entry.pk, version=seen_version).update(version=seen_version + 1, **changes)
    ):
        for field, value in changes.items():
            setattr(entry, field, value)
        entry.version = seen_version + 1
        return entry
    raise Stale(Entry.objects.select_related("updated_by").filter(unit=unit, indicator=indicator).first())


def is_same(entry: Entry | None, judged: Judged, effective_on: date) -> bool:
    """Whether saving this opinion for that day would change nothing (None: there is no row yet)."""
    if entry is None:
        return judged.is_empty
    return entry.effective_on == effective_on and all(
        getattr(entry, field) == getattr(judged, field) for field in OPINION_FIELDS
    )
