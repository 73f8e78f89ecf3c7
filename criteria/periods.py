"""Reporting periods as those who work towards one see them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db.models import QuerySet

from communes.models import Unit
from criteria.checks import check_day, latest_day
from criteria.models import CriteriaSet, ReportingPeriod
from ntm.clock import today

LOOKED_BACK = timedelta(days=3 * 366)  # a period that ended earlier is nobody's present or last one


class Period(NamedTuple):
    """What of a reporting period decides which one a unit works for."""

    id: int
    ends_on: date
    due_on: date
    closed_at: datetime | None


class Periods(NamedTuple):
    """`current`: the open period due next (None: none is open). `previous`: the last that ended before it."""

    current: Period | None
    previous: Period | None


def _of(unit: Unit) -> QuerySet[ReportingPeriod]:
    """The periods of the unit's places: its province, its district, itself."""
    return ReportingPeriod.objects.filter(area__in={unit.province_id, unit.district_id, unit.pk} - {None})


def periods_of(unit: Unit) -> Periods:
    """The period the unit works for, the same as `open_period`, and the one before. One query."""
    rows = _of(unit).filter(ends_on__gte=today() - LOOKED_BACK).order_by().values_list(*Period._fields)
    known = sorted((Period(*values) for values in rows), key=lambda period: (period.ends_on, period.id), reverse=True)
    waiting = [period for period in known if period.closed_at is None]
    current = min(waiting, key=lambda period: (period.due_on, period.id), default=None)
    begins = current.ends_on if current else today()
    return Periods(current, next((period for period in known if period.ends_on < begins), None))


def default_day(unit: Unit, criteria_set: CriteriaSet, periods: Periods) -> date:
    """The day a new state is taken to hold on: the end of the open period, where a state can hold
    then (not in the future), else the latest day one can."""
    if periods.current and not check_day(periods.current.ends_on, unit, criteria_set):
        return periods.current.ends_on
    return latest_day(unit, criteria_set)


def open_period(unit: Unit) -> ReportingPeriod | None:
    """The open reporting period due next at the unit or above it. One query."""
    found = _of(unit).filter(closed_at__isnull=True)
    return found.order_by("due_on", "pk").select_related("area").first()


def days_left(period: ReportingPeriod) -> int:
    """Days until the period's results are due; below 0: late."""
    return (period.due_on - today()).days
