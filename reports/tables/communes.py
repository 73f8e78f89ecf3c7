"""Kết quả các xã: the area's matrix in words, for those who go on working with it in another program."""

from __future__ import annotations

from django import forms

from criteria.models import Indicator
from criteria.recognitions import recognised
from criteria.registrations import years_registered
from criteria.state import state_on
from criteria.wordings import worded
from reports.matrix import Matrix, Row
from reports.tables.asked import Asked
from reports.tables.table import Column, Kind, Line, Report, Sum, Table


class Options(forms.Form):
    indicators = forms.BooleanField(label="Cả từng chỉ tiêu", required=False)


LEFT = (
    Column("number", "TT", Kind.WHOLE, 5),
    Column("commune", "Xã", Kind.TEXT, 22),
    Column("code", "Mã xã", Kind.CENTRE, 8),
    Column("district", "Huyện", Kind.TEXT, 22),
)


def draw(asked: Asked) -> Report:
    result = asked.matrix()
    tables = [_by_criterion(asked, result)]
    if asked.options.get("indicators"):
        tables.append(_by_indicator(asked, result))
    return Report(
        form="04",
        title="Kết quả các xã theo tiêu chí",
        subject=asked.subject,
        as_of=asked.as_of,
        tables=tuple(tables),
        criteria_set=asked.criteria_set,
        basis=asked.basis,
        moment=asked.moment,
        limited=result.limited,
        # What TC 1, TC 2 … are, their columns say themselves.
        definitions=(("Xã có kết quả", "1 là xã đã được đánh giá ở mọi tiêu chí; chỉ các xã này được cộng."),),
    )


def _left(number: int, row: Row) -> tuple:
    return number, row.full_name, row.code, row.district


def _by_criterion(asked: Asked, result: Matrix) -> Table:
    units = [row.unit_id for row in result.rows]
    years = years_registered(units, asked.criteria_set, asked.as_of, asked.known_at)
    held = recognised(units, asked.as_of, asked.known_at)
    columns = (
        *LEFT,
        *(Column(f"tc_{it.number}", f"TC {it.number}", Kind.STATE, 9, it.name, name=it.name) for it in result.criteria),
        Column("known", "Xã có kết quả", Kind.WHOLE, 8),
        Column("met", "Số tiêu chí đạt", Kind.WHOLE, 9),
        Column("nearly", "Số tiêu chí cơ bản đạt", Kind.WHOLE, 9),
        Column("progress", "Tiến độ chung (%)", Kind.PERCENT, 9),
        Column("registered", "Năm đăng ký", Kind.CENTRE, 9, "Năm xã đăng ký đạt chuẩn theo bộ tiêu chí này."),
        Column("recognised", "Công nhận", Kind.TEXT, 24, "Các quyết định công nhận đang có; trống: chưa ghi nhận."),
    )
    blank = ("",) * len(result.criteria)
    lines = []
    for number, row in enumerate(result.rows, 1):
        own = (1, row.met, row.nearly, row.progress) if row.counts else (None, None, None, None)
        registered = ", ".join(map(str, years.get(row.unit_id, [])))
        decisions = "; ".join(f"{one.criteria_set.label}: {one.words}" for one in held.get(row.unit_id, []))
        lines.append(
            Line(
                (*_left(number, row), *(row.states or blank), *own, registered, decisions),
                url=asked.url_of(row.unit_id),
            )
        )
    figures = result.figures
    total = (Sum(figures.with_opinion), Sum(figures.criteria_met), Sum(figures.criteria_nearly), figures.progress)
    lines.append(Line((None, "Cộng", None, None, *(None for _ in result.criteria), *total, None, None), "total"))
    return Table("theo_tieu_chi", "Theo tiêu chí", columns, tuple(lines))


def _by_indicator(asked: Asked, result: Matrix) -> Table:
    own = {criterion.id for criterion in result.criteria}
    day = min(asked.as_of, asked.criteria_set.last_day)
    listed = Indicator.objects.filter(criterion__in=own, for_history=False).in_force(day)
    indicators = worded(listed.order_by("criterion__number", "position", "pk"), asked.criteria_set, day)
    moment = asked.moment
    told = state_on(
        [row.unit_id for row in result.rows],
        asked.criteria_set,
        [asked.stage],
        moment.day if moment else None,
        moment.known_at if moment else None,
    )
    columns = [*LEFT]
    for indicator in indicators:
        code, name = indicator.code, indicator.name
        result_of = f"Kết quả ({indicator.measure})" if indicator.measure else "Kết quả"
        columns.append(Column(f"ct_{indicator.pk}", "Đánh giá", Kind.STATE, 9, name, over=code, name=name))
        columns.append(Column(f"so_{indicator.pk}", result_of, Kind.NUMBER, 9, over=code))
    lines = []
    for number, row in enumerate(result.rows, 1):
        cells: list = [*_left(number, row)]
        for indicator in indicators:
            state = told.get((asked.stage, row.unit_id, indicator.pk), {})
            cells += [state.get("verdict", ""), state.get("value")]
        lines.append(Line(tuple(cells), url=asked.url_of(row.unit_id)))
    return Table("theo_chi_tieu", "Theo chỉ tiêu", tuple(columns), tuple(lines))
