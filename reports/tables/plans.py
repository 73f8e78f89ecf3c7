"""Kế hoạch và kết quả: what communes planned to reach by the end of a half-year or year, and what they reached."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms

from communes.models import Unit
from criteria.checks import format_day
from criteria.models import Indicator, Plan
from criteria.plans import end_words, planned_rollups
from criteria.rollup import STATES_THAT_COUNT_AS_MET, STRENGTH
from criteria.state import Moment, state_on
from criteria.wordings import worded
from ntm.clock import today
from reports.matrix import Matrix, Row, per_cent
from reports.tables.asked import Asked
from reports.tables.registered import planned_met
from reports.tables.table import Column, Difference, Kind, Line, Report, Share, Sum, Table

ENDS = {"year": "Hết năm", "half": "Hết 6 tháng đầu năm"}


class Options(forms.Form):
    end = forms.ChoiceField(label="Kế hoạch đến", choices=list(ENDS.items()), required=False, initial="year")
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
    Column("indicators", "Chỉ tiêu có kế hoạch", Kind.WHOLE, 10, "Chỉ tiêu có hai mức tính một."),
    Column(
        "reached",
        "Trong đó đạt kế hoạch",
        Kind.WHOLE,
        10,
        "Đánh giá không thấp hơn kế hoạch; chỉ tiêu có hai mức: ở cả hai.",
    ),
    Column("share", "Tỷ lệ đạt kế hoạch (%)", Kind.SHARE, 10),
    Column("planned", "Tiêu chí kế hoạch đạt", Kind.WHOLE, 10, "Tiêu chí mà mọi chỉ tiêu có kế hoạch đạt."),
    Column("met", "Tiêu chí đạt", Kind.WHOLE, 10),
    Column("difference", "Hơn, kém kế hoạch", Kind.WHOLE, 10),
    Column("missed", "Tiêu chí có chỉ tiêu không đạt kế hoạch", Kind.TEXT, 24),
)
MISSED = (
    Column("commune", "Xã", Kind.TEXT, 24),
    Column("district", "Huyện", Kind.TEXT, 22),
    Column("code", "Mã", Kind.CENTRE, 8),
    Column("indicator", "Chỉ tiêu", Kind.TEXT, 44),
    Column("measure", "ĐVT", Kind.CENTRE, 16),
    Column("plan", "Kế hoạch", Kind.NUMBER, 11),
    Column("plan_verdict", "Đánh giá kế hoạch", Kind.STATE, 15),
    Column("result", "Kết quả", Kind.NUMBER, 11),
    Column("verdict", "Đánh giá", Kind.STATE, 15),
)


def draw(asked: Asked) -> Report:
    year = asked.options.get("year") or asked.as_of.year
    ends_on = date(year, 6, 30) if asked.options.get("end") == "half" else date(year, 12, 31)
    is_over = ends_on < asked.as_of
    moment = asked.earlier(ends_on) if is_over else asked.moment
    result = asked.matrix(moment=moment)
    indicators = _indicators(asked, result, ends_on)
    found = _outcomes(asked, result, ends_on, moment, indicators)
    lines = [_line(number, outcome, asked) for number, outcome in enumerate(found, 1)]
    missed = [
        Line(_missed(outcome.row, indicators[pk], outcome.plans[pk], outcome.told.get(pk)))
        for outcome in found
        for pk in outcome.missed
    ]
    so_far = ends_on > asked.as_of
    title = f"Kế hoạch đến {end_words(ends_on)}"
    return Report(
        form="11",
        title="Kế hoạch và kết quả",
        subject=asked.subject,
        as_of=asked.as_of,
        tables=(
            Table("ke_hoach", title, COLUMNS, (*lines, *_total(found)), empty="Địa bàn không có xã nào."),
            Table(
                "khong_dat",
                "Chỉ tiêu không đạt kế hoạch",
                MISSED,
                tuple(missed),
                empty="Không có chỉ tiêu nào không đạt kế hoạch.",
            ),
        ),
        criteria_set=asked.criteria_set,
        basis=asked.basis,
        moment=asked.moment,
        limited=result.limited,
        remarks=(f"Chưa đến hạn: so với kết quả ngày {format_day(asked.as_of)}.",) if so_far else (),
        definitions=(
            ("Kế hoạch", "Bản xã lưu mới nhất (kỳ đã khóa: bản lúc khóa); qua ngày hết hạn thì không sửa được nữa."),
            ("Đạt kế hoạch", "Đánh giá tại thời điểm không thấp hơn đánh giá kế hoạch; không áp dụng tính như đạt."),
            ("Kết quả", "Kết quả đến hết kỳ kế hoạch, hoặc đến ngày lập biểu khi chưa hết kỳ."),
        ),
    )


@dataclass
class _Outcome:
    """A commune's plans and what is said, by indicator id. `planned`: criteria planned met, None without a plan;
    `indicators`: how many have a plan, `reached`: how many of them reach it, one of two thresholds counted once."""

    row: Row
    plans: dict[int, Plan]
    told: dict[int, Mapping[str, Any]]
    planned: int | None
    missed: list[int]
    criteria: list[int]
    indicators: int
    reached: int


def _outcomes(
    asked: Asked, result: Matrix, ends_on: date, moment: Moment | None, indicators: Mapping[int, Indicator]
) -> list[_Outcome]:
    units = list(Unit.objects.filter(pk__in=[row.unit_id for row in result.rows]))
    rollups, plans = planned_rollups(units, asked.criteria_set, ends_on, asked.known_at)
    ids = [unit.pk for unit in units]
    said = state_on(ids, asked.criteria_set, [asked.stage], *(moment or ()), only=list(indicators))
    told: dict[int, dict[int, Mapping[str, Any]]] = defaultdict(dict)
    for (_, unit, indicator), state in said.items():
        told[unit][indicator] = state
    found = []
    for row in result.rows:
        planned = plans.get(row.unit_id, {})
        mine = {pk: planned[pk] for pk in indicators if pk in planned and planned[pk].verdict}
        missed = [pk for pk, plan in mine.items() if not reached(plan, told[row.unit_id].get(pk))]
        met = planned_met(rollups[row.unit_id], result) or 0 if mine else None
        criteria = list(dict.fromkeys(indicators[pk].criterion.number for pk in missed))
        count, short = (len({indicators[pk].whole_id for pk in some}) for some in (mine, missed))
        found.append(_Outcome(row, mine, told[row.unit_id], met, missed, criteria, count, count - short))
    return found


def _line(number: int, outcome: _Outcome, asked: Asked) -> Line:
    row, planned, met = outcome.row, outcome.planned, outcome.row.met_in_full
    named = (number, row.full_name, row.district)
    if planned is None:
        cells: tuple = (*named, None, None, None, None, met, None, "Chưa lập kế hoạch")
    else:
        cells = (
            *named,
            outcome.indicators,
            outcome.reached,
            Share(per_cent(outcome.reached, outcome.indicators), "reached", "indicators"),
            planned,
            met,
            Difference(None if met is None else met - planned, "met", "planned"),
            ", ".join(map(str, outcome.criteria)),
        )
    return Line(cells, url=asked.url_of(row.unit_id))


def _total(found: list[_Outcome]) -> list[Line]:
    if not found:
        return []
    planned, reached = (sum(it.indicators for it in found), sum(it.reached for it in found))
    plans = [it.planned for it in found if it.planned is not None]
    mets = [it.row.met_in_full for it in found if it.row.met_in_full is not None]
    cells = (
        None,
        "Toàn địa bàn",
        None,
        Sum(planned),
        Sum(reached),
        Share(per_cent(reached, planned), "reached", "indicators"),
        Sum(sum(plans) if plans else None),
        Sum(sum(mets) if mets else None),
        None,
        None,
    )
    return [Line(cells, "total")]


def reached(plan: Plan, said: Mapping[str, Any] | None) -> bool:
    """Whether what is said of the indicator isn't weaker than its planned verdict."""
    return _strength(said["verdict"] if said else "") >= _strength(plan.verdict)


def _strength(verdict: str) -> int:
    """Met, firmly met and not applicable are as good; no opinion is the weakest."""
    if verdict in STATES_THAT_COUNT_AS_MET:
        return STRENGTH.index("met")
    return STRENGTH.index(verdict) if verdict else -1


def _indicators(asked: Asked, result: Matrix, ends_on: date) -> dict[int, Indicator]:
    """The set's indicators in its order, as they read on the last day that counts."""
    day = min(ends_on, asked.criteria_set.last_day)
    rows = Indicator.objects.in_force(day).filter(criterion__in=[criterion.id for criterion in result.criteria])
    listed = list(rows.select_related("criterion").order_by("criterion__number", "position", "pk"))
    return {row.pk: row for row in worded(listed, asked.criteria_set, min(day, today()))}


def _missed(row: Row, indicator: Indicator, plan: Plan, said: Mapping[str, Any] | None) -> tuple:
    result, verdict = (said["value"], said["verdict"]) if said else (None, "")
    return (
        row.full_name,
        row.district,
        indicator.code,
        indicator.name,
        indicator.measure,
        plan.value,
        plan.verdict,
        result,
        verdict or "not_assessed",
    )
