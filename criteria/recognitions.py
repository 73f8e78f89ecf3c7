"""Recognitions of communes: who held one on a day; recording many by one decision, revoking, voiding.

"Đủ tiêu chí và minh chứng" is worked out and is no recognition; only what a decision says is kept here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from communes import access
from communes.models import Level, Succession, Unit
from communes.names import search_name
from criteria.checks import format_day
from criteria.models import CriteriaSet, Recognition
from criteria.models.recognition import RecognitionQuerySet
from criteria.period_steps import keep_open
from ntm.clock import today

# Names of sets are shown beside recognitions, the long texts of their decisions never.
WITHOUT_TEXTS = [f"criteria_set__{name}" for name in CriteriaSet.LONG_TEXTS]


class RecognitionRefused(Exception):
    """What can't be recorded, with the reason; nothing was changed."""


def recognised(
    unit_ids: Iterable[int], on: date, known_at: datetime | None = None, grade: str = ""
) -> dict[int, list[Recognition]]:
    """Recognitions in force on a day by unit id, the earliest first; of one grade (of any period) where given.

    One query. Units without any aren't in.
    """
    rows: RecognitionQuerySet = Recognition.objects.filter(unit__in=list(unit_ids))
    if grade:
        rows = rows.filter(criteria_set__grade=grade)
    found: dict[int, list[Recognition]] = defaultdict(list)
    ordered = rows.in_force(on, known_at).select_related("criteria_set").defer(*WITHOUT_TEXTS)
    for row in ordered.order_by("decided_on", "pk"):
        found[row.unit_id].append(row)
    return dict(found)


def anything_recorded(unit_ids: Iterable[int], known_at: datetime | None = None) -> bool:
    """Whether any recognition of these units is recorded at all: without, nobody knows how many there are."""
    return Recognition.objects.filter(unit__in=list(unit_ids)).known(known_at).exists()


def history_of(units: Collection[int], on: date, known_at: datetime | None = None) -> dict[int, list[Recognition]]:
    """All recognitions of units decided by a day, also those revoked since (`is_revoked`), by unit id. One query."""
    rows = Recognition.objects.filter(unit__in=units, decided_on__lte=on).known(known_at)
    found: dict[int, list[Recognition]] = defaultdict(list)
    for row in rows.select_related("criteria_set").defer(*WITHOUT_TEXTS).order_by("decided_on", "pk"):
        found[row.unit_id].append(row)
    return dict(found)


def why_not(unit: Unit, criteria_set: CriteriaSet, decided_on: date, begun_later: Collection[int]) -> str:
    """Why this commune can't have been recognised by this set that day, in words; "" where it can.

    `begun_later`: units whose first day is only the latest possible one (`uncertain_beginnings`).
    """
    if decided_on > today():
        return f"Ngày {format_day(decided_on)} chưa đến; ghi ngày của quyết định đã ban hành."
    if decided_on.year < criteria_set.first_year:
        return f"Ngày {format_day(decided_on)} trước giai đoạn {criteria_set.period} của bộ tiêu chí."
    if unit.closed_on and decided_on >= unit.closed_on:
        return f"{unit.full_name} đã kết thúc ngày {format_day(unit.closed_on)}, trước ngày quyết định."
    if unit.opened_on and decided_on < unit.opened_on and unit.pk not in begun_later:
        return (
            f"{unit.full_name} thành lập ngày {format_day(unit.opened_on)}, sau ngày quyết định. Ghi cho xã cũ: công "
            "nhận của xã cũ không chuyển sang xã mới."
        )
    return ""


def revoked_of(criteria_set: CriteriaSet, units: Collection[int]) -> dict[int, list[Recognition]]:
    """The recognitions of units by the set that were revoked since, by unit id. One query."""
    rows = Recognition.objects.filter(unit__in=units, criteria_set=criteria_set, revoked_on__isnull=False).known()
    found: dict[int, list[Recognition]] = defaultdict(list)
    for row in rows.order_by("decided_on", "pk"):
        found[row.unit_id].append(row)
    return found


def why_revoked(revoked: Iterable[Recognition], decision: str, decided_on: date) -> str:
    """Why the decision can't be recorded beside a commune's revoked recognitions: it is one of them, or older than the
    revocation. An old list pasted again must not revive what was revoked. "" where it can."""
    for row in revoked:
        is_same = decided_on == row.decided_on and search_name(decision) == search_name(row.decision)
        if row.revoked_on and (is_same or decided_on < row.revoked_on):
            return (
                f"{row.words} đã bị thu hồi theo {row.revoked_decision}, {format_day(row.revoked_on)}. Công nhận lại "
                "thì ghi quyết định mới, từ ngày thu hồi trở đi."
            )
    return ""


def uncertain_beginnings(units: Iterable[Unit], day: date) -> set[int]:
    """Of those begun after the day, the units whose merger hasn't been compared with its decision. One query."""
    later = [unit.pk for unit in units if unit.opened_on and unit.opened_on > day]
    rows = Succession.objects.filter(successor__in=later, is_verified=False)
    return set(rows.values_list("successor", flat=True)) if later else set()


@transaction.atomic
def recognise(
    place: Unit, communes: Iterable[int], criteria_set: CriteriaSet, decision: str, decided_on: date, by: Any
) -> tuple[int, int]:
    """Record that these communes of the place (an area, or one commune itself) were recognised by one decision.

    How many are new, and how many were recognised by this set already and stay as they are. Raises
    PermissionDenied, RecognitionRefused.
    """
    access.require(by, "recognition.change", place)
    wanted = set(communes)
    units = _held(Unit.objects.within(place).filter(pk__in=wanted))
    if not wanted or len(units) < len(wanted):
        raise RecognitionRefused("Có xã không thuộc địa bàn này; tải lại trang rồi chọn lại.")
    uncertain = uncertain_beginnings(units, decided_on)
    revoked = revoked_of(criteria_set, wanted)
    for unit in units:
        if reason := why_not(unit, criteria_set, decided_on, uncertain):
            raise RecognitionRefused(reason)
        if reason := why_revoked(revoked.get(unit.pk, ()), decision, decided_on):
            raise RecognitionRefused(f"{unit.full_name}: {reason}")
    return record(criteria_set, [(unit, decision, decided_on) for unit in units], by)


def record(criteria_set: CriteriaSet, told: list[tuple[Unit, str, date]], by: Any) -> tuple[int, int]:
    """Write rows that were checked (`why_not`) in the caller's transaction: how many are new, how many were there."""
    keep_open(Recognition)
    has = already(criteria_set, [unit.pk for unit, _, _ in told])
    new = [
        Recognition(unit=unit, criteria_set=criteria_set, decision=decision, decided_on=decided_on, recorded_by=by)
        for unit, decision, decided_on in told
        if unit.pk not in has
    ]
    Recognition.objects.bulk_create(new)
    return len(new), len(told) - len(new)


def already(criteria_set: CriteriaSet, units: Collection[int]) -> set[int]:
    """Those of the units recognised by the set and not revoked, whatever the day. One query."""
    rows = Recognition.objects.filter(unit__in=units, criteria_set=criteria_set, revoked_on__isnull=True)
    return set(rows.known().values_list("unit_id", flat=True))


def _held(units: Any) -> list[Unit]:
    """Those of them that are communes, locked in order."""
    return list(units.filter(level=Level.COMMUNE).select_for_update(of=("self",)).order_by("pk"))


@transaction.atomic
def revoke(recognition: Recognition, decision: str, revoked_on: date, by: Any) -> bool:
    """Note that a recognition was revoked by a decision of that day. False where somebody changed it meanwhile.

    Raises PermissionDenied, RecognitionRefused.
    """
    access.require(by, "recognition.change", recognition.unit)
    if revoked_on > today():
        raise RecognitionRefused(f"Ngày {format_day(revoked_on)} chưa đến; ghi ngày của quyết định đã ban hành.")
    if revoked_on < recognition.decided_on:
        raise RecognitionRefused(
            f"Ngày thu hồi trước ngày công nhận {format_day(recognition.decided_on)}; xem lại hai quyết định."
        )
    keep_open(Recognition)
    rows = Recognition.objects.filter(Q(revoked_on__isnull=True), pk=recognition.pk).known()
    return bool(rows.update(revoked_decision=decision, revoked_on=revoked_on, revoked_at=timezone.now(), revoked_by=by))


@transaction.atomic
def void(recognition: Recognition, reason: str, by: Any) -> bool:
    """Void a row recorded by mistake; it stays with its reason. False where somebody did already.

    Raises PermissionDenied.
    """
    access.require(by, "recognition.change", recognition.unit)
    keep_open(Recognition)
    rows = Recognition.objects.filter(pk=recognition.pk).known()
    return bool(rows.update(voided_at=timezone.now(), voided_by=by, void_reason=reason))
