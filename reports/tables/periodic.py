"""Báo cáo 6 tháng and báo cáo năm of a district or province: figures, criteria, resources, words, in one report.

Laid out as the forms provinces send up (DOMAIN §2): criteria in rows, communes that meet them at the end of
last year and of this period, and that plan to, by commune group; the resources communes reported; what they tell
in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial

from django import forms

from communes import access
from communes.models import Unit
from communes.roster import as_on, groups_on, rural_communes_on
from criteria.models import ReportingPeriod
from criteria.plans import planned_end, planned_rollups
from criteria.rollup import STATES_THAT_COUNT_AS_MET, Rollup
from criteria.state import Moment
from criteria.supplementary import Content, columns_shown, tables_of_period, values_over
from criteria.workshop import groups as commune_groups
from ntm.clock import today
from reports.matrix import Matrix, Row, per_cent
from reports.moments import Comparison, moment_of
from reports.tables import texts
from reports.tables.asked import Asked
from reports.tables.figures import no_results
from reports.tables.headline import RECOGNISED_MEANS, buckets_table, figures_table
from reports.tables.supplementary import periods_of, said, tables_of
from reports.tables.table import Column, Difference, Kind, Line, Report, Share, Table

PLANNED = (
    "Kế hoạch xã đã lưu cho ngày ghi ở đầu cột (kỳ đã khóa: bản lúc khóa). Xã chưa lập kế hoạch đủ các chỉ tiêu của "
    "tiêu chí thì để trống hoặc không tính; không phải bằng 0."
)
UNKNOWN = frozenset({"incomplete", "not_assessed"})
TITLES = {"half_year": "Báo cáo 6 tháng", "year": "Báo cáo năm"}
FORMS = {"half_year": "22", "year": "23"}


class _Options(forms.Form):
    """A period of the report's kind that has ended."""

    kind = ""
    ended = forms.ChoiceField(label="Kỳ báo cáo", required=False)

    def offer(self, asked: Asked) -> None:
        choices = [(str(period.pk), said(period)) for period in _ended(asked, self.kind)]
        self.fields["ended"].choices = [("", "Kỳ gần nhất"), *choices]  # type: ignore[attr-defined]


class HalfYearOptions(_Options):
    kind = "half_year"


class YearOptions(_Options):
    kind = "year"


def _ended(asked: Asked, kind: str) -> list[ReportingPeriod]:
    return [
        period
        for period in periods_of(asked)
        if period.kind == kind and (period.ends_on <= today() or period.closed_at is not None)
    ]


def _period(asked: Asked, kind: str) -> ReportingPeriod | None:
    """The period chosen, else the one whose figures are asked for where it is of the kind, else the latest."""
    ended = _ended(asked, kind)
    wanted = asked.options.get("ended")
    if wanted:
        return next((period for period in ended if str(period.pk) == wanted), None) or next(iter(ended), None)
    if asked.when.period in ended:
        return asked.when.period
    day = asked.as_of if asked.moment else today()
    return next((period for period in ended if period.ends_on <= day), None)


def _draw(kind: str, asked: Asked) -> Report:
    period = _period(asked, kind)
    tables: list[Table] = []
    moment = moment_of(period) if period else None
    limited, lacking = False, ""
    if period is None or moment is None:
        lacking = (
            f"Địa bàn chưa có kỳ {dict(ReportingPeriod.Kind.choices)[kind].lower()} nào đã đến ngày chốt số liệu. Lập "
            "kỳ ở mục Kỳ báo cáo, hoặc chờ đến ngày chốt."
        )
    else:
        now = asked.matrix(moment=moment)
        limited = now.limited
        last = Moment(date(moment.day.year - 1, 12, 31), moment.known_at)
        before = Comparison("last_year_end", f"Đến {last.day:%d/%m/%Y}", last)
        then = asked.matrix(moment=last)
        tables.append(figures_table(now, [(before, then)]))
        plan = planned_matrix(now, planned_end(period), moment)
        tables.append(_criteria(asked, then, now, plan))
        if not now.limited:
            tables.append(buckets_table(now, [(before, then)], FORMS[kind], plan))
        tables.append(_resources(asked, period, now.rows))
        if access.can(asked.user, "period_texts.see", asked.area):
            tables += texts.tables(asked, period)
    return Report(
        form=FORMS[kind],
        title=f"{TITLES[kind]}: {period.name}" if period else TITLES[kind],
        subject=as_on(asked.area, moment.day) if moment else asked.area,
        as_of=moment.day if moment else asked.as_of,
        tables=tuple(tables),
        criteria_set=asked.criteria_set,
        basis=asked.basis,
        moment=moment,
        limited=limited,
        remarks=(period.name, *no_results(asked.matrix(moment=moment))) if period else (),
        lacking=lacking,
        definitions=(
            ("Xã có kết quả", "Xã đã được đánh giá ở mọi tiêu chí tại cấp nêu trên. Các số khác tính trên số xã này."),
            RECOGNISED_MEANS,
            ("Số xã đạt tiêu chí", "Gồm đạt vững chắc, đạt và không áp dụng. Cơ bản đạt không tính là đạt."),
            ("Kế hoạch", PLANNED),
            ("Nhóm xã", "Nhóm của xã vào ngày của số liệu."),
            ("Nguồn lực", "Cộng số liệu các xã đã nhập trong các biểu bổ sung về nguồn lực của kỳ."),
        ),
    )


half_year = partial(_draw, "half_year")
year = partial(_draw, "year")


def known_plan(rollup: Rollup | None, number: int) -> str:
    """What a commune's plan makes of a criterion; "" where it doesn't plan enough to tell."""
    state = rollup.states[number].state if rollup else ""
    return "" if state in UNKNOWN else state


def planned_matrix(now: Matrix, ends_on: date, moment: Moment) -> Matrix:
    """The same communes and criteria with the states they plan for that day, as known at the period's moment and
    by its indicators: what is amended later leaves a closed period alone. A commune that plans only some criteria
    shows these, and counts in no bucket."""
    units = list(Unit.objects.filter(pk__in=[row.unit_id for row in now.rows]))
    rollups, _ = planned_rollups(units, now.criteria_set, ends_on, moment.known_at, moment.day)
    rows = []
    for row in now.rows:
        states = tuple(known_plan(rollups.get(row.unit_id), it.number) or "not_assessed" for it in now.criteria)
        planned = set(states) != {"not_assessed"}
        met = sum(state in STATES_THAT_COUNT_AS_MET for state in states) if planned else None
        rows.append(replace(row, states=states if planned else (), met=met, nearly=None, progress=None))
    return replace(now, as_of=ends_on, rows=tuple(rows), moment=Moment(ends_on, moment.known_at))


def _planned(rows: Sequence[Row], place: int) -> list[str]:
    """What those communes plan of the criterion that do plan it."""
    return [row.states[place] for row in rows if row.states and row.states[place] != "not_assessed"]


def _planned_met(rows: Sequence[Row], place: int) -> int | None:
    """Communes that plan to meet the criterion; None where none plans it."""
    states = _planned(rows, place)
    return sum(state in STATES_THAT_COUNT_AS_MET for state in states) if states else None


def _met(rows: Sequence[Row], place: int) -> int | None:
    """Communes meeting the criterion of those that count; None where none counts."""
    counted = [row for row in rows if row.counts]
    return sum(row.states[place] in STATES_THAT_COUNT_AS_MET for row in counted) if counted else None


def _less(now: int | Decimal | None, before: int | Decimal | None) -> int | Decimal | None:
    return None if now is None or before is None else now - before


def _criteria(asked: Asked, then: Matrix, now: Matrix, plan: Matrix) -> Table:
    """Criteria in rows: communes that meet each at the end of last year and now, and that plan to; by group where
    there are any."""
    province = asked.area.province or asked.area
    sides = []
    for one in (then, now, plan):
        # Nobody knows the groups of a day to come.
        group_of = groups_on([row.unit_id for row in one.rows], min(one.as_of, now.as_of))
        by_group: dict[str, list[Row]] = {}
        for row in one.rows:
            by_group.setdefault(group_of[row.unit_id], []).append(row)
        sides.append(by_group)
    there = {code for side in sides for code in side if code}
    of_set = {row["code"]: row["name"] for row in asked.criteria_set.variants}
    names = commune_groups.choices(province) | of_set
    used = sorted(there, key=lambda code: (code not in of_set, list(of_set).index(code) if code in of_set else 0, code))
    columns = [
        Column("number", "TT", Kind.CENTRE, 5),
        Column("criterion", "Tiêu chí", Kind.TEXT, 36),
        Column("before", f"Đến {then.as_of:%d/%m/%Y}", Kind.WHOLE, 11, over="Số xã đạt"),
        Column("now", f"Đến {now.as_of:%d/%m/%Y}", Kind.WHOLE, 11, over="Số xã đạt"),
        Column("change", "Tăng, giảm", Kind.WHOLE, 9, over="Số xã đạt"),
        Column("known", "Số xã có kết quả", Kind.WHOLE, 10),
        Column("share", "Tỷ lệ xã đạt (%)", Kind.SHARE, 9, "Số xã đạt trên số xã có kết quả."),
        Column("plan", "Số xã đạt", Kind.WHOLE, 11, over=f"Kế hoạch đến {plan.as_of:%d/%m/%Y}"),
        Column("plan_known", "Số xã có kế hoạch", Kind.WHOLE, 11, over=f"Kế hoạch đến {plan.as_of:%d/%m/%Y}"),
    ]
    for place, code in enumerate(used):
        for side, one in enumerate((then, now, plan)):
            title = f"{'Kế hoạch' if one is plan else 'Đến'} {one.as_of:%d/%m/%Y}"
            columns.append(Column(f"group_{place}_{side}", title, Kind.WHOLE, 11, over=names.get(code, code)))
    known = now.figures.with_opinion
    lines = []
    for place, criterion in enumerate(now.criteria):
        before, met = _met(then.rows, place), _met(now.rows, place)
        cells: list = [str(criterion.number), criterion.name, before, met]
        cells.append(Difference(_less(met, before), "now", "before"))
        share = None if met is None else per_cent(met, known)
        cells += [known, Share(share, "now", "known")]
        cells += [_planned_met(plan.rows, place), len(_planned(plan.rows, place)) or None]
        for code in used:
            cells += [_met(side.get(code, []), place) for side in sides[:2]]
            cells.append(_planned_met(sides[2].get(code, []), place))
        lines.append(Line(tuple(cells)))
    return Table("ket_qua_tieu_chi", "Kết quả bộ tiêu chí", tuple(columns), tuple(lines))


def _resources(asked: Asked, period: ReportingPeriod, rows: Sequence[Row]) -> Table:
    """What the communes reported in the funding tables of the period, added up, beside the same period last year."""
    funding = [table for table in tables_of_period(tables_of(asked), period) if table.is_funding]
    earlier = _year_before(asked, period)
    units = [row.unit_id for row in rows]
    ids = [table.pk for table in funding]
    now = values_over(units, period, ids)
    then: dict[int, dict[int, Content]] = {}
    if earlier:  # of the communes of that time: some were merged since
        there = [commune.id for commune in rural_communes_on(asked.area, earlier.ends_on)]
        then = values_over(there, earlier, ids, period.closed_at)
    if not then:
        earlier = None  # one nobody had reported for says nothing, whether made before the closing or since
    columns = [
        Column("number", "TT", Kind.CENTRE, 5),
        Column("item", "Nội dung", Kind.TEXT, 40),
        Column("measure", "ĐVT", Kind.CENTRE, 14),
        Column("communes", "Số xã có số liệu", Kind.WHOLE, 10),
        Column("now", period.name, Kind.NUMBER, 16),
    ]
    if earlier:
        columns += [
            Column("before", earlier.name, Kind.NUMBER, 16),
            Column("change", "Tăng, giảm", Kind.NUMBER, 14),
        ]
    told = {column for values in now.values() for column in values}
    lines = []
    for table in funding:
        shown = [column for column in columns_shown(table.listed, period, told) if column.is_summed]
        if not shown or not (table.applies_to(period) or told & {column.pk for column in shown}):
            continue
        lines.append(Line((None, table.name, *[None] * (len(columns) - 2)), "group"))
        for number, column in enumerate(shown, 1):
            total, count = _added(now, column.pk)
            cells: list = [str(number), column.name, column.measure, count, total]
            if earlier:
                before, _ = _added(then, column.pk)
                cells += [before, Difference(_less(total, before), "now", "before")]
            lines.append(Line(tuple(cells)))
    empty = "Tỉnh chưa lập biểu bổ sung nào về nguồn lực cho kỳ này."
    return Table("nguon_luc", "Nguồn lực", tuple(columns), tuple(lines), empty=empty)


def _added(values: dict[int, dict[int, Content]], column: int) -> tuple[Decimal | None, int]:
    """The sum over the communes, None where none has a figure; and how many have one."""
    told = [number for cells in values.values() if isinstance(number := cells.get(column), Decimal)]
    return (sum(told, Decimal(0)) if told else None), len(told)


def _year_before(asked: Asked, period: ReportingPeriod) -> ReportingPeriod | None:
    """The same area's period of the kind that ended in the same month of the year before."""
    when = (period.ends_on.year - 1, period.ends_on.month)
    like = (period.area_id, period.kind)
    return next(
        (
            other
            for other in periods_of(asked)
            if (other.area_id, other.kind) == like and (other.ends_on.year, other.ends_on.month) == when
        ),
        None,
    )
