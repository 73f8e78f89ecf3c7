"""Reporting periods as those who work towards one see them."""

from __future__ import annotations

from communes.models import Unit
from criteria.models import ReportingPeriod
from ntm.clock import today


def open_period(unit: Unit) -> ReportingPeriod | None:
    """The open reporting period due next at the unit or above it. One query."""
    places = [place for place in (unit.province_id, unit.district_id, unit.pk) if place]
    found = ReportingPeriod.objects.filter(area__in=places, closed_at__isnull=True)
    return found.order_by("due_on", "pk").select_related("area").first()


def days_left(period: ReportingPeriod) -> int:
    """Days until the period's results are due; below 0: late."""
    return (period.due_on - today()).days
