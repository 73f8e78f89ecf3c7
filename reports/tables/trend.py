"""Diễn biến qua các kỳ: the headline figures of an area at the ends of months or of its closed periods."""

from __future__ import annotations

from datetime import date, timedelta

from django import forms

from criteria.checks import format_day
from criteria.periods import closed_by
from criteria.state import Moment
from reports.moments import moment_of, periods_for
from reports.tables.asked import Asked
from reports.tables.figures import no_results
from reports.tables.table import Chart, Column, Kind, Line, Ratio, Report, Table

MOST = 13  # a year and the same month before it; every moment costs a matrix

STEPS = {"month": "Cuối mỗi tháng", "period": "Mỗi kỳ đã khóa"}


class Options(forms.Form):
    step = forms.ChoiceField(label="Lấy số liệu", choices=list(STEPS.items()), required=False, initial="month")
    number = forms.IntegerField(label="Số thời điểm", required=False, min_value=2, max_value=MOST, initial=MOST)


COLUMNS = (
    Column("moment", "Thời điểm", Kind.TEXT, 24),
    Column("communes", "Số xã", Kind.WHOLE, 9),
    Column("with_opinion", "Xã có kết quả", Kind.WHOLE, 10, "Xã đã được đánh giá ở mọi tiêu chí vào thời điểm đó."),
    Column("whole_set", "Xã đạt toàn bộ tiêu chí", Kind.WHOLE, 11),
    Column("criteria_met", "Tổng số tiêu chí đạt", Kind.WHOLE, 11),
    Column("criteria_nearly", "Tổng số tiêu chí cơ bản đạt", Kind.WHOLE, 11),
    Column("average_met", "Bình quân tiêu chí đạt một xã", Kind.PERCENT, 12),
    Column("progress", "Tiến độ chung (%)", Kind.PERCENT, 11),
)


def draw(asked: Asked) -> Report:
    number = asked.options.get("number") or MOST
    by_periods = asked.options.get("step") == "period"
    earlier = _periods(asked) if by_periods else _month_ends(asked)
    moments = [*reversed(earlier[: number - 1]), (format_day(asked.as_of), asked.moment)]
    drawn = [(label, asked.matrix(moment=moment).figures) for label, moment in moments]
    lines = [
        Line(
            (
                label,
                figures.communes,
                figures.with_opinion,
                figures.whole_set,
                figures.criteria_met,
                figures.criteria_nearly,
                Ratio(figures.average_met, "criteria_met", "with_opinion"),
                figures.progress,
            )
        )
        for label, figures in drawn
    ]
    known = [figures for _, figures in drawn if figures.average_met is not None]
    chart = Chart("line", "Bình quân số tiêu chí đạt một xã", "moment", ("average_met",)) if len(known) > 1 else None
    return Report(
        form="14",
        title="Diễn biến qua các kỳ",
        subject=asked.subject,
        as_of=asked.as_of,
        tables=(Table("dien_bien", "Diễn biến qua các kỳ", COLUMNS, tuple(lines), chart=chart),),
        criteria_set=asked.criteria_set,
        basis=asked.basis,
        moment=asked.moment,
        limited=asked.matrix().limited,
        remarks=() if any(figures.with_opinion for _, figures in drawn) else no_results(asked.matrix()),
        lacking="" if earlier else "Địa bàn chưa có kỳ nào đã khóa trước ngày này. Chọn lấy số liệu cuối mỗi tháng.",
        definitions=(
            ("Diễn biến", "Mỗi dòng tính trên các xã có vào thời điểm đó; số xã và xã có kết quả có thể khác nhau."),
            ("Kỳ đã khóa", "Số liệu như đã biết lúc khóa kỳ; số liệu ghi nhận sau đó không tính."),
        ),
    )


def _month_ends(asked: Asked) -> list[tuple[str, Moment]]:
    """The ends of the months before the day asked for, the latest first."""
    found = []
    day: date = asked.as_of
    for _ in range(MOST - 1):
        day = day.replace(day=1) - timedelta(days=1)
        found.append((format_day(day), asked.earlier(day)))
    return found


def _periods(asked: Asked) -> list[tuple[str, Moment]]:
    """The closed periods that ended before that day, the latest first; of one day the one closed last. Of a closed
    period those that were closed by then."""
    found: dict[date, tuple[str, Moment]] = {}
    ended = [period for period in periods_for(asked.area) if period.ends_on < asked.as_of]
    closed = closed_by(ended, asked.known_at)
    for period in sorted(closed, key=lambda period: (period.ends_on, period.closed_at)):
        found[period.ends_on] = (f"{period.name} ({format_day(period.ends_on)})", moment_of(period))
    return [found[day] for day in sorted(found, reverse=True)]
