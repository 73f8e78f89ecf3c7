"""Groups of communes (nhóm 1–3 of a set, a province's own zones) and mountain targets, from a day on.

The list, the form over ticked communes and the workbook all end in `apply`: one commune after
another becomes a new version of itself (`communes.versions`), all or none.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Count, Min, Q

from communes import versions
from communes.models import Level, Region, Unit, UnitQuerySet, UnitVersion
from criteria.models import CriteriaSet, Target
from ntm.clock import today

audit = logging.getLogger("ntm.audit")

MOST = 1_000  # communes changed at once


def communes(province: Unit) -> UnitQuerySet:
    """The province's rural communes of today."""
    return Unit.objects.within(province).rural_communes().existing(today()).select_related("district")


def choices(province: Unit) -> dict[str, str]:
    """Groups a commune of the province can be in, with their names: those of the sets that judge it, the newest
    set first, then the province's own zones."""
    found: dict[str, str] = {}
    known = Q(province__isnull=True, status=CriteriaSet.Status.PUBLISHED) | Q(province=province)
    sets = CriteriaSet.objects.filter(known, level=Level.COMMUNE)
    for variants in sets.order_by("-first_year", "grade_order", "code").values_list("variants", flat=True):
        for row in variants:
            if row["code"] not in Region.values:
                found.setdefault(row["code"], row["name"])
    used = communes(province).exclude(target_group="").order_by().values_list("target_group", flat=True).distinct()
    own = Target.objects.filter(province=province).exclude(variant="").order_by().values_list("variant", flat=True)
    for code in sorted({*used, *own.distinct()} - set(Region.values)):
        found.setdefault(code, code)
    return found


def counts(province: Unit, named: dict[str, str]) -> list[tuple[str, str, int]]:
    """(code, name, communes) of each group; "none" for communes without one."""
    rows = communes(province).order_by().values_list("target_group").annotate(number=Count("pk"))
    found = dict(rows)
    return [
        *((code, name, found.get(code, 0)) for code, name in named.items()),
        ("none", "Chưa xếp nhóm", found.get("", 0)),
    ]


def version_of(unit: Unit) -> str:
    """What of a commune a person sees and changes here, as a short mark."""
    told = [unit.target_group, unit.uses_mountain_targets]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def first_days(units: Iterable[Unit]) -> dict[int, date]:
    """The day from which each commune's history is known, by id; none for one that never changed."""
    found = UnitVersion.objects.filter(unit__in=[unit.pk for unit in units]).order_by()
    return dict(found.values_list("unit").annotate(Min("valid_from")))


@dataclass
class Change:
    """What one commune is to become. `seen`: its `version_of` when that was looked at."""

    unit: Unit
    day: date
    decision: str
    group: str
    mountain: bool
    seen: str
    errors: dict[str, str] = field(default_factory=dict)


def check(changes: Sequence[Change]) -> None:
    """Note in each change why it can't be made."""
    first = first_days(change.unit for change in changes)
    for change in changes:
        if problem := versions.problem_of_day(change.unit, change.day, first.get(change.unit.pk)):
            change.errors["day"] = problem
        if not change.decision:
            change.errors["decision"] = "Ghi số văn bản phân nhóm."


@transaction.atomic
def apply(changes: Sequence[Change], by: Any) -> list[Change]:
    """Make the changes, all or none; those refused or seen in another state, empty where all were made."""
    held = {unit.pk: unit for unit in versions.lock_units([change.unit.pk for change in changes])}
    for change in changes:
        now = held[change.unit.pk]
        if version_of(now) != change.seen:
            change.unit, change.errors[""] = now, "Đã có người đổi nhóm xã này sau khi bạn mở trang; xem lại rồi ghi."
    check(changes)
    if any(change.errors for change in changes):
        return [change for change in changes if change.errors]
    for change in changes:
        try:
            versions.set_grouping(
                change.unit, change.day, change.decision, group=change.group, mountain=change.mountain
            )
        except versions.Refused as refused:
            change.errors |= refused.errors
    failed = [change for change in changes if change.errors]
    if failed:
        transaction.set_rollback(True)
        return failed
    audit.info(
        "groups of communes changed",
        extra={"username": by.get_username(), "units": [change.unit.pk for change in changes]},
    )
    return []
