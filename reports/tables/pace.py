"""Tốc độ thực hiện: what communes gained in twelve months against what they must gain to be in time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date

from django import forms

from criteria.checks import format_day
from reports.matrix import per_cent
from reports.moments import year_before
from reports.pace import OUTLOOKS, Pace, months_left
from reports.tables.asked import Asked
from reports.tables.table import Column, Difference, Kind, Line, Report, Sum, Table

UNTIL = {"year": "Hết năm", "set": "Hết giai đoạn của bộ tiêu chí"}

DEFINITIONS = (
    ("Tốc độ 12 tháng qua", "Số tiêu chí đạt tăng trong 12 tháng chia cho 12; cơ bản đạt không tính."),
    ("Tốc độ cần", "Số tiêu chí còn lại chia cho số tháng còn lại, kể cả tháng đang thực hiện."),
    ("Triển vọng", "Kịp khi tốc độ 12 tháng qua không thấp hơn tốc độ cần; so trên số chưa làm tròn."),
    ("Xã chưa đủ số liệu 12 tháng", "Xã chưa có kết quả ở mọi tiêu chí vào 12 tháng trước, hoặc mới thành lập."),
)


class Options(forms.Form):
    until = forms.ChoiceField(label="Thời hạn", choices=list(UNTIL.items()), required=False, initial="year")


def draw(asked: Asked) -> Report:
    now, end = asked.matrix(), deadline(asked)
    found = paces(asked, end)
    columns = (
        Column("number", "TT", Kind.WHOLE, 5),
        Column("commune", "Xã", Kind.TEXT, 26),
        Column("district", "Huyện", Kind.TEXT, 24),
        Column("before", f"Đạt ngày {format_day(year_before(asked.as_of))}", Kind.WHOLE, 12),
        Column("met", "Đạt hiện nay" if asked.moment is None else "Đạt tại thời điểm", Kind.WHOLE, 10),
        Column("gained", "Tăng trong 12 tháng", Kind.WHOLE, 10),
        *PACE_COLUMNS,
    )
    lines = []
    for number, row in enumerate(now.rows, 1):
        pace = found[row.unit_id]
        gained = Difference(pace.gained, "met", "before")
        cells = (number, row.full_name, row.district, pace.before, pace.met, gained, *pace_cells(pace))
        lines.append(Line(cells, url=asked.url_of(row.unit_id)))
    if lines:
        of = list(found.values())
        total = (None, "Toàn địa bàn", None, _sum(p.before for p in of), _sum(p.met for p in of))
        lines.append(Line((*total, _sum(p.gained for p in of), _sum(p.remaining for p in of), *(None,) * 4), "total"))
    note = f"Thời hạn {format_day(end)}: còn {months_left(asked.as_of, end)} tháng. Bộ có {len(now.criteria)} tiêu chí."
    return Report(
        form="12",
        title="Tốc độ thực hiện",
        subject=asked.subject,
        as_of=asked.as_of,
        tables=(
            outlook_table(found.values()),
            Table("toc_do", "Tốc độ từng xã", columns, tuple(lines), note=note, empty="Địa bàn không có xã nào."),
        ),
        criteria_set=asked.criteria_set,
        basis=asked.basis,
        moment=asked.moment,
        limited=now.limited,
        definitions=DEFINITIONS,
    )


def deadline(asked: Asked) -> date:
    """The end of the year of the figures, or of the set's period; never after the period."""
    if asked.options.get("until") == "set" and asked.criteria_set.last_year:
        return asked.criteria_set.last_day
    return min(date(asked.as_of.year, 12, 31), asked.criteria_set.last_day)


def paces(asked: Asked, end: date) -> dict[int, Pace]:
    """The pace of every commune of the area towards a day, by unit id: from two matrices, a year apart."""
    now, before = asked.matrix(), asked.matrix(moment=asked.earlier(year_before(asked.as_of)))
    earlier = {row.unit_id: row.met_in_full for row in before.rows}
    months = months_left(asked.as_of, end)
    return {row.unit_id: Pace(len(now.criteria), row.met_in_full, earlier.get(row.unit_id), months) for row in now.rows}


PACE_COLUMNS = (
    Column("remaining", "Tiêu chí còn lại", Kind.WHOLE, 9, "Số tiêu chí của bộ trừ số tiêu chí đạt."),
    Column("so_far", "Tốc độ 12 tháng qua (tiêu chí/tháng)", Kind.PERCENT, 13),
    Column("needed", "Tốc độ cần (tiêu chí/tháng)", Kind.PERCENT, 12),
    Column("outlook", "Triển vọng", Kind.TEXT, 24),
    Column("words", "Còn phải làm", Kind.TEXT, 24),
)


def pace_cells(pace: Pace) -> tuple:
    """A line's cells for PACE_COLUMNS."""
    return (pace.remaining, pace.so_far, pace.needed, OUTLOOKS[pace.outlook], pace.words)


def outlook_table(found: Iterable[Pace]) -> Table:
    """Communes by outlook, with their share of all."""
    counts = Counter(pace.outlook for pace in found)
    every = sum(counts.values())
    lines = [Line((words, counts[key], per_cent(counts[key], every))) for key, words in OUTLOOKS.items() if counts[key]]
    if lines:
        lines.append(Line(("Cộng", Sum(every), None), "total"))
    columns = (
        Column("outlook", "Triển vọng", Kind.TEXT, 34),
        Column("communes", "Số xã", Kind.WHOLE, 10),
        Column("share", "Tỷ lệ (%)", Kind.SHARE, 10, "Trên số xã của bảng."),
    )
    return Table("trien_vong", "Triển vọng", columns, tuple(lines), empty="Không có xã nào.")


def _sum(figures: Iterable[int | None]) -> Sum:
    """Over those known; blank where none is."""
    known = [figure for figure in figures if figure is not None]
    return Sum(sum(known) if known else None)
