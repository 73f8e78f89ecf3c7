"""Biểu bổ sung over an area: what its communes filled in for a period, with sums by district."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal

from django import forms
from django.db.models import QuerySet
from django.urls import reverse

from communes import access
from communes.models import Level
from communes.roster import Member, rural_communes_on
from criteria.models import ReportingPeriod, SupplementaryColumn, SupplementaryTable
from criteria.supplementary import Content, columns_shown, present_period, tables_of_period, values_over
from ntm.clock import today
from reports.moments import PERIODS_OFFERED
from reports.tables.asked import Asked
from reports.tables.table import Cell, Column, Kind, Line, Report, Sum, Table

NO_PERIOD = "Địa bàn chưa có kỳ báo cáo nào vào thời điểm này."
NO_TABLE = "Tỉnh chưa lập biểu bổ sung nào."


class PeriodOptions(forms.Form):
    """The period whose answers are meant; those still running too."""

    of_period = forms.ChoiceField(label="Kỳ báo cáo", required=False)

    def offer(self, asked: Asked) -> None:
        chosen = self.data.get("of_period")
        choices = [
            (str(period.pk), said(period))
            for place, period in enumerate(periods_of(asked))
            if place < PERIODS_OFFERED or str(period.pk) == chosen
        ]
        self.fields["of_period"].choices = [("", "Kỳ hiện tại"), *choices]  # type: ignore[attr-defined]


class Options(PeriodOptions):
    table = forms.ChoiceField(label="Biểu", required=False)
    field_order = ("table", "of_period")

    def offer(self, asked: Asked) -> None:
        super().offer(asked)
        choices = [(str(table.pk), table.name) for table in tables_of(asked)]
        self.fields["table"].choices = choices or [("", "Chưa có biểu")]  # type: ignore[attr-defined]


def said(period: ReportingPeriod) -> str:
    """The period as lists of choices name it."""
    return f"{period.name} (đã khóa)" if period.closed_at else period.name


def periods_of(asked: Asked) -> list[ReportingPeriod]:
    """The periods of the area and its province, the latest first. One query a report."""
    if "report_periods" not in asked.choices:
        places = {asked.area.pk, asked.area.province_id} - {None}
        rows = ReportingPeriod.objects.filter(area__in=places).order_by("-ends_on", "-pk")
        asked.choices["report_periods"] = list(rows)
    return asked.choices["report_periods"]


def tables_of(asked: Asked) -> QuerySet[SupplementaryTable]:
    """The province's tables."""
    return SupplementaryTable.objects.filter(province=asked.area.province_id)


def period_of(asked: Asked) -> ReportingPeriod | None:
    """The period chosen for the answers, else the one whose figures are asked for, else the one due next;
    as at a day in the past, the latest that had ended."""
    wanted = asked.options.get("of_period")
    if wanted:
        return next(period for period in periods_of(asked) if str(period.pk) == wanted)
    if asked.when.period:
        return asked.when.period
    if asked.moment:
        return next((period for period in periods_of(asked) if period.ends_on <= asked.as_of), None)
    return present_period(periods_of(asked))


def draw(asked: Asked) -> Report:
    period = period_of(asked)
    wanted = asked.options.get("table")
    tables = tables_of_period(tables_of(asked), period) if period else []
    if wanted:
        chosen = next((table for table in tables if str(table.pk) == wanted), None)
    else:
        chosen = next((table for table in tables if period and table.applies_to(period)), next(iter(tables), None))
    drawn: tuple[Table, ...] = ()
    remarks: tuple[str, ...] = ()
    lacking = NO_TABLE if period else NO_PERIOD
    if period and wanted and not chosen:
        lacking = f"Lúc khóa kỳ {period.name} tỉnh chưa có biểu này. Chọn kỳ khác."
    if period and chosen:
        drawn, remarks, lacking = _drawn(asked, period, chosen)
    return Report(
        form="20",
        title="Biểu bổ sung",
        subject=asked.subject,
        as_of=day_of(asked, period),
        tables=drawn,
        remarks=remarks,
        lacking=lacking,
        definitions=(
            ("Biểu bổ sung", "Biểu do tỉnh lập, mỗi xã nhập một dòng cho mỗi kỳ báo cáo."),
            ("Ô để trống", "Xã chưa nhập; số cộng không gồm các xã này. Không phát sinh thì xã nhập 0."),
            ("Kỳ đã khóa", "Số liệu giữ như lúc khóa kỳ."),
        ),
    )


def day_of(asked: Asked, period: ReportingPeriod | None) -> date:
    """The day whose communes and names the report has: the period's last, no later than today."""
    return min(period.ends_on, today()) if period else asked.as_of


def _drawn(
    asked: Asked, period: ReportingPeriod, table: SupplementaryTable
) -> tuple[tuple[Table, ...], tuple[str, ...], str]:
    """The table, what is said on top, and what it lacks for a file."""
    communes = rural_communes_on(asked.area, day_of(asked, period))
    values = values_over([commune.id for commune in communes], period, [table.pk])
    told = {column for cells in values.values() for column in cells}
    asked_for = columns_shown(table.listed, period, told)
    columns = (
        Column("number", "TT", Kind.CENTRE, 5),
        Column("commune", "Xã", Kind.TEXT, 24),
        *(_column(column) for column in asked_for),
    )

    linked = bool(access.can(asked.user, "period_texts.see", asked.area))  # viewers have the figures only

    def row(number: int, commune: Member) -> Line:
        mine = values.get(commune.id, {})
        url = reverse("criteria:period_report", args=[commune.id, period.pk]) if linked else ""
        return Line((str(number), commune.full_name, *(mine.get(column.pk) for column in asked_for)), url=url)

    def sums(members: Sequence[Member]) -> tuple[Cell, ...]:
        return tuple(Sum(_sum(column, members, values)) if column.is_summed else None for column in asked_for)

    lines = by_district(asked, communes, row, sums)
    remarks = (
        f"{period.name}: {len(values)}/{len(communes)} xã đã nhập",
        *([table.purpose.replace("\n", " ")] if table.purpose else []),
    )
    lacking = ""
    if not asked_for:
        lacking = f"Biểu {table.name} chưa có cột nào trong kỳ {period.name}."
    elif not (table.applies_to(period) or values):
        lacking = f"Kỳ {period.name} tỉnh không yêu cầu nhập biểu {table.name}, và chưa xã nào nhập. Chọn kỳ khác."
    drawn = Table("bieu_bo_sung", table.name, columns, lines, empty="Địa bàn không có xã nào.")
    return (drawn,), remarks, lacking


def by_district(
    asked: Asked,
    communes: Sequence[Member],
    row: Callable[[int, Member], Line],
    sums: Callable[[Sequence[Member]], tuple[Cell, ...]],
) -> tuple[Line, ...]:
    """The communes' lines, in a province under their districts' with sums, and the total's last."""
    lines: list[Line] = []
    if asked.area.level == Level.PROVINCE:
        districts: dict[int | None, list[Member]] = {}
        for commune in communes:
            districts.setdefault(commune.district_id, []).append(commune)
        for members in districts.values():
            lines.append(Line((None, members[0].district or "Trực thuộc tỉnh", *sums(members)), "group"))
            lines += [row(number, commune) for number, commune in enumerate(members, 1)]
    else:
        lines += [row(number, commune) for number, commune in enumerate(communes, 1)]
    if communes:
        lines.append(Line((None, "Toàn địa bàn", *sums(communes)), "total"))
    return tuple(lines)


def _column(column: SupplementaryColumn) -> Column:
    meaning = column.measure and f"Đơn vị tính: {column.measure}."
    if not column.in_use:
        meaning = f"{meaning} Cột đã ngừng dùng.".strip()
    kind, width = (Kind.NUMBER, 13) if column.is_summed else (Kind.TEXT, 24)
    return Column(f"cot_{column.pk}", column.title, kind, width, meaning)


def _sum(
    column: SupplementaryColumn, members: Sequence[Member], values: dict[int, dict[int, Content]]
) -> Decimal | None:
    told = [values[member.id].get(column.pk) for member in members if member.id in values]
    numbers = [one for one in told if isinstance(one, Decimal)]
    return sum(numbers, Decimal(0)) if numbers else None
