"""Reporting periods as those who work towards one, and those who report by one, see them.

How they are made, closed and reopened is in `criteria.period_steps`.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from copy import copy
from datetime import date, datetime, timedelta
from enum import Enum
from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet

from communes import roster
from communes.models import Unit
from criteria.checks import check_day, latest_day
from criteria.models import CriteriaSet, PeriodStep, ReportingPeriod, Revision
from criteria.state import Moment
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


def reported_by(unit: Unit) -> QuerySet[ReportingPeriod]:
    """The periods of a unit, the latest first: those of its places today, and those of the areas it lay in on their
    last day. A query more for a unit that was another once."""
    found = Q(area__in={unit.province_id, unit.district_id, unit.pk} - {None})
    if unit.present_since is not None:
        for stay in roster.stays([unit.pk]).get(unit.pk, []):
            then = Q(area__in=stay.areas)
            if stay.since:
                then &= Q(ends_on__gte=stay.since)
            if stay.until:
                then &= Q(ends_on__lt=stay.until)
            found |= then
    return ReportingPeriod.objects.filter(found).order_by("-ends_on", "-pk")


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


# --- what a period is ------------------------------------------------------------------

Kind = ReportingPeriod.Kind
MONTHS = {Kind.MONTH: 1, Kind.QUARTER: 3, Kind.HALF_YEAR: 6, Kind.YEAR: 12}
QUARTERS = ("I", "II", "III", "IV")


class Phase(Enum):
    """Where a period stands today; the value is its word on the screen."""

    UPCOMING = "Sắp tới"
    OPEN = "Đang mở"
    OVERDUE = "Quá hạn"
    CLOSED = "Đã khóa"


def phase(period: ReportingPeriod) -> Phase:
    if period.closed_at is not None:
        return Phase.CLOSED
    if period.due_on < today():
        return Phase.OVERDUE
    begins_on = first_day(period.kind, period.ends_on)
    return Phase.UPCOMING if begins_on is not None and begins_on > today() else Phase.OPEN


def first_day(kind: str, ends_on: date) -> date | None:
    """The first day of the months a period reports on (21/05 for a month to 20/06); None for an ad hoc
    one, which has no length of its own."""
    if kind not in MONTHS:
        return None
    year, month = divmod(ends_on.year * 12 + ends_on.month - 1 - MONTHS[Kind(kind)], 12)
    last = monthrange(year, month + 1)[1]
    is_whole = ends_on.day == monthrange(ends_on.year, ends_on.month)[1]
    return date(year, month + 1, last if is_whole else min(ends_on.day, last)) + timedelta(days=1)


def suggested_name(kind: str, ends_on: date) -> str:
    """What a period of this kind is usually called: "Quý II năm 2024", "6 tháng đầu năm 2024"."""
    match kind:
        case Kind.MONTH:
            return f"Tháng {ends_on.month} năm {ends_on.year}"
        case Kind.QUARTER:
            return f"Quý {QUARTERS[(ends_on.month - 1) // 3]} năm {ends_on.year}"
        case Kind.HALF_YEAR:
            return f"6 tháng {'đầu' if ends_on.month <= 6 else 'cuối'} năm {ends_on.year}"
        case Kind.YEAR:
            return f"Năm {ends_on.year}"
    return f"Đột xuất đến ngày {ends_on:%d/%m/%Y}"


# --- its figures -----------------------------------------------------------------------


def moment_of(period: ReportingPeriod) -> Moment:
    """The moment the period's figures hold for: as known when it was closed; while it is open, as known
    now, on its last day or, before that, today."""
    if period.closed_at is not None:
        return Moment(period.ends_on, period.closed_at)
    return Moment(min(period.ends_on, today()))


def closed_periods(area: Unit) -> QuerySet[ReportingPeriod]:
    """The closed periods of an area and of what lies above it, the latest first."""
    return _of(area).filter(closed_at__isnull=False).order_by("-ends_on", "pk").select_related("area")


def closed_by(periods: Iterable[ReportingPeriod], known_at: datetime | None) -> list[ReportingPeriod]:
    """Those of the periods that were closed at a moment (None: now), each with the closing that stood then: what was
    closed, reopened or closed anew since changes nothing of a period closed before. One query at most."""
    listed = list(periods)
    if known_at is None:
        return [period for period in listed if period.closed_at is not None]
    other = [period.pk for period in listed if period.closed_at is None or period.closed_at > known_at]
    stood: dict[int, datetime | None] = {}
    if other:
        steps = PeriodStep.objects.filter(period__in=other, at__lte=known_at).order_by("at", "pk")
        for pk, kind, at in steps.values_list("period", "kind", "at"):
            stood[pk] = at if kind == PeriodStep.Kind.CLOSED else None
    found = []
    for period in map(copy, listed):
        if period.pk in other:
            period.closed_at = stood.get(period.pk)
        if period.closed_at is not None:
            found.append(period)
    return found


class Comparable(NamedTuple):
    """`previous`: the last period of the kind before it (so với kỳ trước); `last_year`: the one that ended
    in the same month a year earlier (so với cùng kỳ). None where the area had none."""

    previous: ReportingPeriod | None
    last_year: ReportingPeriod | None


def comparable(period: ReportingPeriod) -> Comparable:
    """The periods a period's figures are compared with, of the same area and kind; with a closed one those
    closed before it was (`closed_by`), since others may still change. Two queries at most."""
    earlier = ReportingPeriod.objects.filter(area=period.area_id, kind=period.kind, ends_on__lt=period.ends_on)
    rows = list(earlier.order_by("-ends_on"))
    if period.closed_at is not None:
        rows = closed_by(rows, period.closed_at)
    month = (period.ends_on.year - 1, period.ends_on.month)
    same = (row for row in rows if (row.ends_on.year, row.ends_on.month) == month)
    return Comparable(rows[0] if rows else None, next(same, None))


def recorded_late(period: ReportingPeriod) -> Q:
    """Ghi nhận sau khi khóa: revisions a closed period's figures leave out, being recorded after it was
    closed for a day up to its end, and those its figures are made of that were voided since; of the units that
    lay in its area on its last day."""
    late = Q(recorded_at__gt=period.closed_at, effective_on__lte=period.ends_on)
    return roster.lay_in(period.area, period.ends_on, "unit__") & (late | counted_then_voided(period))


def counted_then_voided(period: ReportingPeriod) -> Q:
    """Revisions, of whatever area, that were the state on a closed period's last day as known when it was
    closed, and were voided since."""
    known_at = period.closed_at
    better = Q(effective_on__gt=OuterRef("effective_on")) | Q(
        effective_on=OuterRef("effective_on"), pk__gt=OuterRef("pk")
    )
    counted_instead = Revision.objects.valid(known_at).filter(
        better,
        unit=OuterRef("unit"),
        indicator=OuterRef("indicator"),
        stage=OuterRef("stage"),
        effective_on__lte=period.ends_on,
    )
    voided = Q(voided_at__gt=known_at, recorded_at__lte=known_at, effective_on__lte=period.ends_on)
    return voided & Q(~Exists(counted_instead))  # last: only of what was voided is it asked
