"""When a screen or report speaks of: now, a day in the past, or a reporting period."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

from django.db.models import Q

from communes.models import Unit
from criteria.checks import format_day
from criteria.models import ReportingPeriod
from criteria.periods import comparable, first_day, moment_of, reported_by
from criteria.state import Moment
from ntm.clock import today

PERIODS_OFFERED = 60
EARLIEST = date(2010, 1, 1)  # the programme's first year


class BadMoment(Exception):
    """A day or period one can't look at; the message says why."""


class When(NamedTuple):
    """`moment` is None for now; `period` is the one chosen, if any."""

    moment: Moment | None = None
    period: ReportingPeriod | None = None

    @property
    def day(self) -> date | None:
        """The day in the past; None for now."""
        return self.moment.day if self.moment else None

    @property
    def words(self) -> str:
        """What the header says where one looks at the past; "" for now."""
        if self.moment is None:
            return ""
        if self.period is not None and self.moment.known_at is not None:
            return f"{self.period.name} (số liệu đến {format_day(self.moment.day)}, đã khóa)"
        return f"Số liệu tính đến {format_day(self.moment.day)}"

    @property
    def query(self) -> dict[str, str]:
        """The parameters that ask for it again."""
        if self.period is not None:
            return {"period": str(self.period.pk)}
        return {"as_of": self.moment.day.isoformat()} if self.moment else {}


def periods_for(area: Unit) -> list[ReportingPeriod]:
    """The periods of an area or a commune that have ended or are closed, the latest first. One query, or two."""
    ended = Q(closed_at__isnull=False) | Q(ends_on__lte=today())
    return list(reported_by(area).filter(ended))


def periods_offered(area: Unit, when: When) -> list[ReportingPeriod]:
    """Those of `periods_for` a page lists: the latest, and the one it shows."""
    return [
        period
        for place, period in enumerate(periods_for(area))
        if place < PERIODS_OFFERED or (when.period and period.pk == when.period.pk)
    ]


def asked_moment(asked: Mapping[str, str], area: Unit) -> When:
    """The moment that `period` or `as_of` (2024-03-31 or 31/03/2024) names. Raises BadMoment."""
    if asked.get("period"):
        number = asked["period"]
        found = next((period for period in periods_for(area) if str(period.pk) == number), None)
        if found is None:
            raise BadMoment("Kỳ báo cáo này không thuộc địa bàn, hoặc chưa đến ngày chốt số liệu.")
        return When(moment_of(found), found)
    return asked_day(asked)


def asked_day(asked: Mapping[str, str]) -> When:
    """The moment that `as_of` names, for what no period is kept of (the nation). Raises BadMoment."""
    text = asked.get("as_of", "").strip()
    if not text:
        return When()
    day = _day(text)
    if day is None:
        raise BadMoment("Ngày không đúng. Nhập như 31/03/2024.")
    if day > today():
        raise BadMoment(f"Ngày {format_day(day)} chưa đến; chọn hôm nay hoặc một ngày trước đó.")
    if day < EARLIEST:
        raise BadMoment(f"Không có dữ liệu trước ngày {format_day(EARLIEST)}.")
    return When() if day == today() else When(Moment(day))


def _day(text: str) -> date | None:
    parts = text.split("/")
    try:
        return date(int(parts[2]), int(parts[1]), int(parts[0])) if len(parts) == 3 else date.fromisoformat(text)
    except (ValueError, IndexError):
        return None


NOW = When()


class Comparison(NamedTuple):
    """An earlier moment to compare with, and what it is called: "Kỳ trước (31/03/2024)"."""

    key: str
    label: str
    moment: Moment


def comparisons(area: Unit, when: When, base: date | None = None) -> list[Comparison]:
    """The previous period, the same period (or day) last year, and a base day. Two queries at most.

    Of a period: the one of its kind before it, and its like a year before. Of a day: the last period closed
    before it, and that day a year before. Where there was none, or none closed before this period was, it is
    the day that one would have ended, as known when this period was closed: its comparisons stay as well.
    """
    day, known_at = when.moment or Moment(today())
    last_year = year_before(day)
    if when.period:
        before, same = comparable(when.period)
    else:
        earlier = (period for period in periods_for(area) if period.closed_at and period.ends_on < day)
        before, same = next(earlier, None), None

    def stood(period: ReportingPeriod) -> Moment:
        moment = moment_of(period)
        return moment if moment.known_at else moment._replace(known_at=known_at)

    found = []
    previous = stood(before) if before else None
    if when.period and when.period.closed_at and (begins := first_day(when.period.kind, when.period.ends_on)):
        ended = begins - timedelta(days=1)
        if previous is None or previous.day < ended.replace(day=1):
            previous = Moment(ended, known_at)
    if previous:
        found.append(Comparison("before", f"Kỳ trước ({format_day(previous.day)})", previous))
    moment = stood(same) if same else Moment(last_year, known_at)
    found.append(Comparison("last_year", f"Cùng kỳ năm trước ({format_day(moment.day)})", moment))
    if base is not None and base < day:
        found.append(Comparison("base", f"Mốc {format_day(base)}", Moment(base, known_at)))
    return found


def year_before(day: date) -> date:
    """The same day a year before; of a leap day the 28th."""
    return day.replace(year=day.year - 1, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=day.year - 1)
