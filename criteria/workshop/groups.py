"""Groups of communes (nhóm 1–3 of a set, a province's own zones) and mountain targets, from a day on.

The list, the form over ticked communes and the workbook all end in `apply`: one commune after
another becomes a new version of itself (`communes.versions`), all or none.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Q

from communes import versions
from communes.closings import closed_in, why_fixed
from communes.models import Level, Region, Unit, UnitQuerySet, UnitVersion
from criteria.models import CriteriaSet, Target
from ntm.clock import today

audit = logging.getLogger("ntm.audit")

NONE = "Chưa xếp nhóm"
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
        ("none", NONE, found.get("", 0)),
    ]


def ungrouped(province: Unit) -> int:
    """How many communes of the province wait for a group, where a set of today goes by groups. Two queries at most."""
    sets = CriteriaSet.objects.for_area(province).filter(Q(last_year__isnull=True) | Q(last_year__gte=today().year))
    variants = sets.order_by().values_list("variants", flat=True)
    if not any(row["code"] not in Region.values for rows in variants for row in rows):
        return 0
    return communes(province).filter(target_group="").order_by().count()


def version_of(unit: Unit) -> str:
    """What of a commune a person sees and changes here, as a short mark."""
    told = [unit.target_group, unit.uses_mountain_targets]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def said(group: str, mountain: bool, names: dict[str, str]) -> str:
    """A commune's group and whether it uses mountain targets, in words."""
    return f"{names.get(group, group) or NONE}{', áp dụng mức vùng núi' if mountain else ''}"


@dataclass
class Change:
    """What one commune is to become from a day on; without a group, or without a word on mountain targets, that
    stays as it was at each time. `seen`: its `version_of` when that was looked at. As the check found it: `had`, what
    it was on that day; `is_same`, whether it is so already; `ends` and `then`, the day from which it is something else
    again by a change already known."""

    unit: Unit
    day: date
    decision: str
    group: str | None
    mountain: bool | None
    seen: str
    errors: dict[str, str] = field(default_factory=dict)
    had: tuple[str, bool] | None = None
    is_same: bool = False
    ends: date | None = None
    then: tuple[str, bool] = ("", False)

    def words(self, names: dict[str, str]) -> str:
        """ "Xã nhóm 2", "Giữ nguyên nhóm, áp dụng mức vùng núi"."""
        if self.group is not None:
            return said(self.group, bool(self.mountain), names)
        return f"Giữ nguyên nhóm, {'' if self.mountain else 'không '}áp dụng mức vùng núi"

    def until(self, names: dict[str, str]) -> str:
        """How long it holds, where not until further notice: "đến hết ngày 31/05/2023; từ ngày … là …"."""
        if self.ends is None:
            return ""
        last = self.ends - timedelta(days=1)
        return f"đến hết ngày {last:%d/%m/%Y}; từ ngày {self.ends:%d/%m/%Y} là {said(*self.then, names)}"


def check(changes: Sequence[Change]) -> None:
    """Note in each change why it can't be made, whether there is nothing to change, and how long it would hold."""
    history: dict[int, list[UnitVersion]] = defaultdict(list)
    for version in UnitVersion.objects.filter(unit__in=[change.unit.pk for change in changes]).order_by("valid_from"):
        history[version.unit_id].append(version)
    places = {change.unit.pk: _places(change.unit, history[change.unit.pk]) for change in changes}
    closed = closed_in(set().union(*places.values()))
    for change in changes:
        known = history[change.unit.pk]
        first = known[0].valid_from if known else None
        if problem := versions.problem_of_day(change.unit, change.day, first):
            change.errors["day"] = problem
        else:
            found = versions.effect(change.unit, known, change.day, group=change.group, mountain=change.mountain)
            change.had, change.ends, change.then = found.had, found.ends, found.then
            change.is_same = found.holds and found.ends is None
            if found.holds and found.ends is not None:
                end = f" (đến hết ngày {found.ends - timedelta(days=1):%d/%m/%Y})"
                change.errors["day"] = (
                    f"Ngày {change.day:%d/%m/%Y} xã đã đúng như vậy{end} nên không có gì để đổi; "
                    "ghi ngày bắt đầu thay đổi."
                )
            elif not found.holds and (fixed := why_fixed(closed, change.day, places[change.unit.pk])):
                change.errors["day"] = fixed
        if not change.decision and not change.is_same:
            change.errors["decision"] = "Ghi số văn bản phân nhóm."


def _places(unit: Unit, versions: Sequence[UnitVersion]) -> set[int]:
    """Where the commune is and has been: a district that is no more closed periods, too."""
    states: list[Unit | UnitVersion] = [unit, *versions]
    return {unit.pk, *(place for state in states for place in (state.province_id, state.district_id) if place)}


@transaction.atomic
def apply(changes: Sequence[Change], by: Any) -> list[Change]:
    """Make the changes, all or none, leaving alone what is so already; those refused or seen in another state,
    empty where all were made."""
    held = {unit.pk: unit for unit in versions.lock_units([change.unit.pk for change in changes])}
    for change in changes:
        now = held[change.unit.pk]
        if version_of(now) != change.seen:
            change.unit, change.errors[""] = now, "Đã có người đổi nhóm xã này sau khi bạn mở trang; xem lại rồi ghi."
    check(changes)
    if any(change.errors for change in changes):
        return [change for change in changes if change.errors]
    made = [change for change in changes if not change.is_same]
    for change in made:
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
        extra={"username": by.get_username(), "units": [change.unit.pk for change in made]},
    )
    return []
