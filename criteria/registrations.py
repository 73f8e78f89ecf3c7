"""Communes registered to reach a set's standard in a year: registering many by one decision, taking one back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from communes import access
from communes.models import Unit
from criteria.checks import format_day
from criteria.models import CriteriaSet, Registration
from criteria.period_steps import keep_open
from ntm.clock import today

YEARS_AHEAD = 5


class RegistrationRefused(Exception):
    """A registration that can't stand, with the reason; nothing was changed."""


def years(criteria_set: CriteriaSet) -> list[int]:
    """The years communes can be registered for: the set's, up to some years ahead."""
    last = today().year + YEARS_AHEAD
    return list(range(criteria_set.first_year, min(criteria_set.last_year or last, last) + 1))


def registered(
    unit_ids: Iterable[int], criteria_set: CriteriaSet, year: int, on: date, known_at: datetime | None = None
) -> dict[int, Registration]:
    """Registrations in force on a day, by unit id. One query."""
    rows = Registration.objects.filter(unit__in=list(unit_ids), criteria_set=criteria_set, year=year)
    # Withdrawn and registered anew within what is looked at: the later one speaks.
    return {row.unit_id: row for row in rows.in_force(on, known_at).order_by("pk")}


def years_registered(
    unit_ids: Iterable[int], criteria_set: CriteriaSet, on: date, known_at: datetime | None = None
) -> dict[int, list[int]]:
    """The years units were registered for as at a day, in order, by unit id. One query."""
    rows = Registration.objects.filter(unit__in=list(unit_ids), criteria_set=criteria_set).in_force(on, known_at)
    found: dict[int, list[int]] = defaultdict(list)
    for unit, year in rows.order_by("year").values_list("unit_id", "year").distinct():
        found[unit].append(year)
    return dict(found)


@transaction.atomic
def register(
    area: Unit, communes: Iterable[int], criteria_set: CriteriaSet, year: int, decision: str, decided_on: date, by: Any
) -> int:
    """Register these communes of the area; how many were not registered yet (the others stay as they are).

    Raises PermissionDenied, RegistrationRefused.
    """
    access.require(by, "registration.change", area)
    if year not in years(criteria_set):
        raise RegistrationRefused(f"Bộ tiêu chí này không dùng để đăng ký cho năm {year}.")
    if decided_on > today():
        raise RegistrationRefused(f"Ngày {format_day(decided_on)} chưa đến; ghi ngày của văn bản đã ban hành.")
    if decided_on.year < criteria_set.first_year - 1:
        raise RegistrationRefused(f"Ngày {format_day(decided_on)} trước giai đoạn của bộ tiêu chí.")
    wanted = set(communes)
    there = Unit.objects.within(area).rural_communes().existing(today()).filter(pk__in=wanted)
    units = list(there.select_for_update(of=("self",)).order_by("pk"))
    if len(units) < len(wanted):
        raise RegistrationRefused("Có xã không thuộc địa bàn này hoặc không còn tồn tại; tải lại trang rồi chọn lại.")
    has = set(
        Registration.objects.filter(
            unit__in=units, criteria_set=criteria_set, year=year, withdrawn_at__isnull=True
        ).values_list("unit_id", flat=True)
    )
    keep_open(Registration)
    told = {"criteria_set": criteria_set, "year": year, "decision": decision, "decided_on": decided_on}
    new = [Registration(unit=unit, recorded_by=by, **told) for unit in units if unit.pk not in has]
    Registration.objects.bulk_create(new)
    return len(new)


@transaction.atomic
def withdraw(registration: Registration, reason: str, by: Any) -> bool:
    """Take a registration back as of today; it stays with its reason. False where somebody did already.

    Raises PermissionDenied.
    """
    access.require(by, "registration.change", registration.unit)
    keep_open(Registration)
    return bool(
        Registration.objects.filter(pk=registration.pk, withdrawn_at__isnull=True).update(
            withdrawn_on=today(), withdrawn_at=timezone.now(), withdrawn_by=by, reason=reason
        )
    )
