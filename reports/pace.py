"""Pace: how many criteria a commune gained in the last twelve months, and how many it must gain to be in time.

Pure rules. "Còn 3 tiêu chí, 7 tháng": what is left of the set, and the months until the day it is to be met, the
month in course counted. Pace is criteria a month, two decimals, half up; whether a commune is in time is
decided on the unrounded figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from criteria.numbers import round_half_up

SPAN = 12  # months looked back

OUTLOOKS = {
    "met": "Đã đạt đủ",
    "in_time": "Kịp nếu giữ tốc độ",
    "late": "Chậm so với yêu cầu",
    "over": "Chưa đạt khi hết hạn",
    "new": "Chưa đủ số liệu 12 tháng",
    "unknown": "Chưa có kết quả đầy đủ",
}


@dataclass(frozen=True, slots=True)
class Pace:
    """A commune's pace towards `total` criteria. `met`, `before`: criteria met now and twelve months
    ago, None where it had no result on all criteria; `months`: until the day."""

    total: int
    met: int | None
    before: int | None
    months: int

    @property
    def remaining(self) -> int | None:
        return None if self.met is None else self.total - self.met

    @property
    def gained(self) -> int | None:
        """Fewer than before: negative."""
        return None if self.met is None or self.before is None else self.met - self.before

    @property
    def so_far(self) -> Decimal | None:
        return None if self.gained is None else round_half_up(Decimal(self.gained) / SPAN, 2)

    @property
    def needed(self) -> Decimal | None:
        """None where nothing is known, or no time is left for what remains."""
        if self.remaining is None or (self.remaining and not self.months):
            return None
        return round_half_up(Decimal(self.remaining) / self.months, 2) if self.remaining else Decimal(0)

    @property
    def outlook(self) -> str:
        """A key of OUTLOOKS."""
        if self.remaining is None:
            return "unknown"
        if self.remaining == 0:
            return "met"
        if self.months == 0:
            return "over"
        if self.gained is None:
            return "new"
        return "in_time" if self.gained * self.months >= self.remaining * SPAN else "late"

    @property
    def words(self) -> str:
        """ "Còn 3 tiêu chí, 7 tháng"; "" where nothing is known or left."""
        return f"Còn {self.remaining} tiêu chí, {self.months} tháng" if self.remaining else ""


def months_left(day: date, end: date) -> int:
    """Months from a day to the end of a month, the one in course counted: 31/05 → 31/12 is 7, 01/06 too."""
    if day >= end:
        return 0
    is_last = (day + timedelta(days=1)).month != day.month
    return (end.year - day.year) * 12 + end.month - day.month + (not is_last)
