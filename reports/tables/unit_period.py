"""Báo cáo kỳ of one commune: its results beside the end of last year, its resources, what it tells in words.

The criteria table has the columns of the communes' form (DOMAIN §2): the end of last year, the period, the plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from communes import access
from communes.models import Unit
from communes.roster import as_on
from criteria.models import CriteriaSet, Indicator, PeriodText, ReportingPeriod, Revision
from criteria.plans import planned_end, planned_rollups
from criteria.state import Moment, roll_up_units
from criteria.supplementary import filled_by, tables_for, text_of
from criteria.wordings import worded
from reports.complete import criteria_lack
from reports.matrix import STAGES
from reports.moments import moment_of
from reports.tables.periodic import PLANNED, known_plan
from reports.tables.table import Cell, Column, Kind, Line, Report, Table
from reports.tables.texts import WIDTH, pieces

FORM = "24"


def draw(user: Any, unit: Unit, period: ReportingPeriod, criteria_set: CriteriaSet, stage: str) -> Report:
    """The commune's report of the period at one stage. The caller has checked that the person sees the unit."""
    moment = moment_of(period)
    planned = Moment(planned_end(period), moment.known_at)
    last = Moment(date(moment.day.year - 1, 12, 31), moment.known_at)
    own = access.visible_criteria(user)
    tables = [_results(unit, criteria_set, stage, (last, moment), planned, own)]
    funding = [table for table in tables_for(unit, period) if table.is_funding]
    tables.append(_resources(unit, period, funding))
    if access.can(user, "period_texts.see", unit):
        tables.append(_texts(text_of(unit, period)))
    return Report(
        form=FORM,
        title=f"Báo cáo {period.name}",
        subject=as_on(unit, moment.day),
        as_of=moment.day,
        tables=tuple(tables),
        criteria_set=criteria_set,
        basis=STAGES[stage],
        moment=moment,
        limited=own is not None,
        remarks=(period.name,),
        lacking="" if tables[0].lines else criteria_lack(limited=own is not None),
        definitions=(
            ("Kết quả", "Giá trị của chỉ tiêu vào ngày đó; chỉ tiêu đánh giá đạt hay chưa đạt thì để trống."),
            ("Đánh giá", "Ở dòng tiêu chí là mức thấp nhất của các chỉ tiêu của tiêu chí."),
            ("Kế hoạch", PLANNED),
            ("Nguồn lực", "Số liệu xã nhập trong các biểu bổ sung về nguồn lực của kỳ."),
        ),
    )


def _results(
    unit: Unit,
    criteria_set: CriteriaSet,
    stage: str,
    moments: Sequence[Moment],
    planned: Moment,
    own: set[int] | None,
) -> Table:
    columns = [
        Column("number", "TT", Kind.CENTRE, 6),
        Column("name", "Nội dung", Kind.TEXT, 52),
        Column("measure", "ĐVT", Kind.CENTRE, 14),
    ]
    for key, over, moment in zip(
        ("before", "now", "plan"), ("Kết quả", "Thực hiện", "Kế hoạch"), (*moments, planned), strict=True
    ):
        over = f"{over} đến {moment.day:%d/%m/%Y}"
        columns.append(Column(key, "Kết quả", Kind.NUMBER, 12, over=over))
        columns.append(Column(f"{key}_verdict", "Đánh giá", Kind.STATE, 14, over=over))
    columns.append(Column("note", "Ghi chú", Kind.TEXT, 30))
    day = min(moments[-1].day, criteria_set.last_day)
    indicators: dict[int, list[Indicator]] = {}
    listed = Indicator.objects.filter(criterion__criteria_set=criteria_set).in_force(day)
    for indicator in worded(listed.order_by("criterion__number", "position", "pk"), criteria_set, day):
        indicators.setdefault(indicator.criterion_id, []).append(indicator)
    told, states = [], []
    for moment in moments:
        rows = Revision.objects.state_on(*moment).filter(
            unit=unit, stage=stage, indicator__criterion__criteria_set=criteria_set
        )
        told.append({row["indicator"]: row for row in rows.values("indicator", "verdict", "value", "note")})
        states.append(roll_up_units([unit], criteria_set, stage, moment)[unit.pk].states)
    rollups, plans = planned_rollups([unit], criteria_set, *planned, judged_on=moments[-1].day)
    plan_states, plan = rollups.get(unit.pk), plans.get(unit.pk, {})
    lines = []
    for criterion in criteria_set.criteria.order_by("number"):
        if own is not None and criterion.pk not in own:
            continue
        before, now = (side[criterion.number].state for side in states)
        planned_state = known_plan(plan_states, criterion.number)
        cells: tuple[Cell, ...] = (str(criterion.number), criterion.name, None, None, before, None, now, None)
        lines.append(Line((*cells, planned_state, None), "group"))
        for indicator in indicators.get(criterion.pk, []):
            then, present = (side.get(indicator.pk, {}) for side in told)
            wanted = plan.get(indicator.pk)
            lines.append(
                Line(
                    (
                        indicator.code,
                        indicator.name,
                        indicator.measure,
                        then.get("value"),
                        then.get("verdict", ""),
                        present.get("value"),
                        present.get("verdict", ""),
                        wanted.value if wanted else None,
                        wanted.verdict if wanted else "",
                        present.get("note", ""),
                    )
                )
            )
    return Table("ket_qua_bo_tieu_chi", "Kết quả bộ tiêu chí", tuple(columns), tuple(lines))


def _resources(unit: Unit, period: ReportingPeriod, tables: Sequence[Any]) -> Table:
    columns = (
        Column("number", "TT", Kind.CENTRE, 5),
        Column("item", "Nội dung", Kind.TEXT, 52),
        Column("measure", "ĐVT", Kind.CENTRE, 16),
        Column("value", "Số liệu", Kind.NUMBER, 18),
        Column("text", "Nội dung bằng chữ", Kind.TEXT, 40),
    )
    lines = []
    for filled in filled_by(unit, period, tables):
        lines.append(Line((None, filled.table.name, None, None, None), "group"))
        for number, (column, content) in enumerate(filled.cells, 1):
            value, text = (content, None) if isinstance(content, Decimal) else (None, content)
            lines.append(Line((str(number), column.name, column.measure, value, text)))
    return Table(
        "nguon_luc", "Nguồn lực", columns, tuple(lines), empty="Kỳ này không có biểu bổ sung nào về nguồn lực."
    )


def _texts(text: PeriodText | None) -> Table:
    columns = (Column("part", "Mục", Kind.TEXT, 42), Column("text", "Nội dung", Kind.TEXT, WIDTH))
    lines = [
        Line((label, piece))
        for name, label in PeriodText.PARTS
        if text and getattr(text, name)
        for piece in pieces(getattr(text, name))
    ]
    empty = "Xã chưa nhập kết quả, khó khăn, kiến nghị của kỳ này."
    return Table("noi_dung", "Kết quả, khó khăn, kiến nghị", columns, tuple(lines), empty=empty)
