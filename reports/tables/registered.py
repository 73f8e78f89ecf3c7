"""Xã đăng ký đạt chuẩn trong năm: who is registered, how far they are, what they plan and whether they will make it."""

from __future__ import annotations

from datetime import date

from django import forms

from communes.models import Unit
from criteria.checks import format_day
from criteria.plans import planned_rollups
from criteria.recognitions import recognised
from criteria.registrations import registered
from criteria.rollup import STATES_THAT_COUNT_AS_MET, Rollup
from reports.matrix import Matrix, Row, figures_of
from reports.pace import Pace, months_left
from reports.tables.asked import Asked
from reports.tables.pace import DEFINITIONS, PACE_COLUMNS, outlook_table, pace_cells, paces
from reports.tables.table import Average, Column, Kind, Line, Report, Sum, Table


class Options(forms.Form):
    year = forms.IntegerField(
        label="Năm",
        required=False,
        min_value=2010,
        max_value=2100,
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), "Nhập một năm từ 2010 đến 2100."),
        widget=forms.NumberInput({"placeholder": "Năm của số liệu"}),
    )


COLUMNS = (
    Column("number", "TT", Kind.WHOLE, 5),
    Column("commune", "Xã", Kind.TEXT, 24),
    Column("district", "Huyện", Kind.TEXT, 22),
    Column("decision", "Văn bản đăng ký", Kind.TEXT, 24),
    Column("met", "Số tiêu chí đạt", Kind.WHOLE, 9),
    Column("nearly", "Số tiêu chí cơ bản đạt", Kind.WHOLE, 9),
    Column("progress", "Tiến độ chung (%)", Kind.PERCENT, 10),
    Column(
        "planned", "Kế hoạch đạt đến hết năm", Kind.WHOLE, 10,
        "Số tiêu chí mà mọi chỉ tiêu có kế hoạch đạt; trống: xã chưa lập kế hoạch.",
    ),
    *PACE_COLUMNS,
    Column("left", "Các tiêu chí còn lại", Kind.TEXT, 24, "Số thứ tự các tiêu chí chưa đạt, kể cả cơ bản đạt."),
    Column(
        "recognised", "Công nhận", Kind.TEXT, 22, "Quyết định công nhận theo bộ tiêu chí này; trống: chưa ghi nhận.",
    ),
)  # fmt: skip


def draw(asked: Asked) -> Report:
    year = asked.options.get("year") or asked.as_of.year
    now, end = asked.matrix(), date(year, 12, 31)
    found = registered((row.unit_id for row in now.rows), asked.criteria_set, year, asked.as_of, asked.known_at)
    rows = [row for row in now.rows if row.unit_id in found]
    of = paces(asked, end)
    units = list(Unit.objects.filter(pk__in=list(found)))
    planned, _ = planned_rollups(units, asked.criteria_set, end, asked.known_at)
    plans = {unit: met for unit, rollup in planned.items() if (met := planned_met(rollup, now)) is not None}
    held = recognised(list(found), asked.as_of, asked.known_at)
    lines = []
    for number, row in enumerate(rows, 1):
        mine = found[row.unit_id]
        decision = f"{mine.decision}, {format_day(mine.decided_on)}"
        named = (number, row.full_name, row.district, decision)
        figures = (row.met_in_full, row.nearly if row.counts else None, row.progress if row.counts else None)
        cells = (*named, *figures, plans.get(row.unit_id), *pace_cells(of[row.unit_id]), _left(row, now))
        own = [one.words for one in held.get(row.unit_id, []) if one.criteria_set_id == asked.criteria_set.pk]
        cells = (*cells, "; ".join(own))
        lines.append(Line(cells, url=asked.url_of(row.unit_id)))
    if lines:
        lines.append(Line(_total(rows, now, plans, of), "total"))
    return Report(
        form="10",
        title=f"Xã đăng ký đạt chuẩn năm {year}",
        subject=asked.subject,
        as_of=asked.as_of,
        tables=(
            Table(
                "dang_ky",
                f"Xã đăng ký đạt chuẩn năm {year}",
                COLUMNS,
                tuple(lines),
                note=f"Thời hạn {format_day(end)}: còn {months_left(asked.as_of, end)} tháng.",
                empty=f"Chưa có xã nào đăng ký đạt chuẩn năm {year} theo bộ tiêu chí này.",
            ),
            outlook_table(of[row.unit_id] for row in rows),
        ),
        criteria_set=asked.criteria_set,
        basis=asked.basis,
        moment=asked.moment,
        limited=now.limited,
        definitions=DEFINITIONS,
    )


def planned_met(rollup: Rollup, result: Matrix) -> int | None:
    """Criteria planned met, of those the matrix speaks of; None where no verdict is planned of any: a value alone
    says nothing of them."""
    states = [rollup.states[criterion.number].state for criterion in result.criteria]
    if set(states) <= {"not_assessed"}:
        return None
    return sum(state in STATES_THAT_COUNT_AS_MET for state in states)


def _left(row: Row, result: Matrix) -> str:
    if not row.counts:
        return ""
    open_ones = zip(result.criteria, row.states, strict=True)
    return ", ".join(str(criterion.number) for criterion, state in open_ones if state not in STATES_THAT_COUNT_AS_MET)


def _total(rows: list[Row], result: Matrix, plans: dict[int, int], of: dict[int, Pace]) -> tuple:
    counted = [row for row in rows if row.counts]
    figures = figures_of(rows, len(result.criteria))
    remaining = sum(of[row.unit_id].remaining or 0 for row in counted) if counted else None
    return (
        None,
        f"Cộng {len(rows)} xã",
        None,
        None,
        Sum(figures.criteria_met),
        Sum(figures.criteria_nearly),
        Average(figures.progress),
        Sum(sum(plans.values()) if plans else None),
        Sum(remaining),
        *(None,) * 6,
    )
