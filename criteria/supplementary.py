"""Supplementary tables and period texts: what a province asks for, what its communes answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from communes.models import Unit
from criteria.models import (
    FormerDefinition,
    FormerReturn,
    PeriodText,
    ReportingPeriod,
    SupplementaryColumn,
    SupplementaryReturn,
    SupplementaryTable,
    SupplementaryValue,
)
from ntm.clock import today

MOST_COLUMNS = 40  # of a table: what a sheet of paper holds

Content = Decimal | str | None
# What of a definition is put by when it changes.
TABLE_FIELDS = ("name", "purpose", "period_kinds", "is_funding", "starts_on", "ends_on")
COLUMN_FIELDS = ("position", "name", "kind", "measure", "choices", "is_required", "in_use")


class Changed(Exception):
    """Somebody saved it since it was read."""


class PeriodClosed(Exception):
    """The period was closed: what communes told for it stays."""


# --- definitions -----------------------------------------------------------------------


def check_kind(column: SupplementaryColumn, kind: str) -> str:
    """Why the column can't become another kind; "" where it can."""
    if column.pk and kind != column.kind and column.values.exists():
        return "Đã có xã nhập cột này nên không đổi được loại; ngừng dùng cột rồi thêm cột mới."
    return ""


def save_table(table: SupplementaryTable, seen: int, by: Any) -> SupplementaryTable:
    """Store a new or changed definition. Raises Changed, ValidationError."""
    with transaction.atomic():
        _take_turn(table, seen)
        if table.pk:
            was = SupplementaryTable.objects.values_list("is_funding", flat=True).get(pk=table.pk)
            if was != table.is_funding and table.returns.filter(period__closed_at__isnull=False).exists():
                said = "Biểu đã có số liệu trong kỳ đã khóa nên không đổi được; lập biểu mới cho các kỳ sau."
                raise ValidationError({"is_funding": said})
        table.updated_by, table.updated_at = by, timezone.now()
        table.full_clean()
        table.save()
    return table


def save_column(column: SupplementaryColumn, seen: int, by: Any) -> SupplementaryColumn:
    """Store a new or changed column; `seen` is the table's version. Raises Changed, ValidationError."""
    table = column.table
    with transaction.atomic():
        _take_turn(table, seen)
        stored = SupplementaryColumn.objects.get(pk=column.pk) if column.pk else column
        if problem := check_kind(stored, column.kind):
            raise ValidationError({"kind": problem})
        if column.pk and stored.is_summed and column.measure != stored.measure and stored.values.exists():
            said = "Cột đã có số liệu nên không đổi được đơn vị tính; thêm cột mới và ngừng dùng cột này."
            raise ValidationError({"measure": said})
        if not column.pk and table.columns.count() >= MOST_COLUMNS:
            raise ValidationError(f"Một biểu có nhiều nhất {MOST_COLUMNS} cột.")
        column.full_clean()
        column.save()
        table.updated_by, table.updated_at = by, timezone.now()
        table.save(update_fields=["version", "updated_by", "updated_at"])
    return column


def _take_turn(table: SupplementaryTable, seen: int) -> None:
    """Lock a stored table, put by how it is defined, and give it its next version. Raises Changed."""
    if table.pk:
        stored = SupplementaryTable.objects.select_for_update().get(pk=table.pk)
        if stored.version != seen:
            raise Changed
        fields = {name: getattr(stored, name) for name in TABLE_FIELDS}
        FormerDefinition.objects.create(
            table=stored,
            version=seen,
            saved_by=stored.updated_by,
            saved_at=stored.updated_at,
            fields={name: value.isoformat() if isinstance(value, date) else value for name, value in fields.items()},
            columns={str(row.pk): {name: getattr(row, name) for name in COLUMN_FIELDS} for row in stored.columns.all()},
        )
        table.version = seen + 1


def tables_of_period(tables: QuerySet[SupplementaryTable], period: ReportingPeriod) -> list[SupplementaryTable]:
    """Tables with their columns (`listed`): as they are defined now, for a closed period as they were when it was
    closed, without those made later. By name; whether the period asks for one says `applies_to`. Two queries, three
    of a closed period."""
    closed = period.closed_at
    filled = SupplementaryReturn.objects.filter(period=period, table=OuterRef("pk"))
    if closed is not None:
        tables = tables.filter(Q(columns__added_at__lte=closed) | Q(Exists(filled))).distinct()
    found = list(tables.prefetch_related("columns"))
    for table in found:
        table.listed = list(table.columns.all())
    if closed is None:
        return found
    former: dict[int, FormerDefinition] = {}
    changed = [table.pk for table in found if table.updated_at > closed]
    for one in FormerDefinition.objects.filter(table__in=changed).order_by("version"):
        # The last one known at the closing; where none was kept by then, the first.
        if one.saved_at <= closed or one.table_id not in former:
            former[one.table_id] = one
    for table in found:
        if table.pk in former:
            _redefine(table, former[table.pk])
    return sorted(found, key=lambda table: (table.name, table.pk))


def _redefine(table: SupplementaryTable, former: FormerDefinition) -> None:
    """Show the table and its columns as they were, without saving them."""
    for name, value in former.fields.items():
        setattr(table, name, date.fromisoformat(value) if value and name.endswith("_on") else value)
    for column in table.listed:
        for name, value in former.columns.get(str(column.pk), {}).items():
            setattr(column, name, value)
    table.listed.sort(key=lambda column: (column.position, column.pk))


# --- periods ---------------------------------------------------------------------------


def periods_of(unit: Unit) -> QuerySet[ReportingPeriod]:
    """The periods a commune reports for today: its province's and its district's, the latest first. Those of
    places it lay in once are `criteria.periods.reported_by`."""
    places = {unit.province_id, unit.district_id, unit.pk} - {None}
    return ReportingPeriod.objects.filter(area__in=places).order_by("-ends_on", "-pk")


def present_period(periods: Iterable[ReportingPeriod]) -> ReportingPeriod | None:
    """The open one due next, else the latest that ended, of periods the latest first."""
    listed = list(periods)
    waiting = [period for period in listed if period.closed_at is None]
    if waiting:
        return min(waiting, key=lambda period: (period.due_on, period.pk))
    return next((period for period in listed if period.ends_on <= today()), None)


def tables_for(unit: Unit, period: ReportingPeriod) -> list[SupplementaryTable]:
    """The tables the commune is asked for in the period, and those it filled in before their definition changed."""
    told = set(SupplementaryReturn.objects.filter(unit=unit, period=period).values_list("table", flat=True))
    tables = SupplementaryTable.objects.filter(Q(province=unit.province_id) | Q(pk__in=told))
    return [table for table in tables_of_period(tables, period) if table.pk in told or table.applies_to(period)]


def unanswered(unit: Unit, period: ReportingPeriod) -> tuple[int, bool]:
    """What a commune still owes of a period's report: how many tables asked for it filled in nothing of, and
    whether it wrote no words. One query."""
    of = "province__supplementary_tables"
    filled = SupplementaryReturn.objects.filter(unit=unit, period=period, table=OuterRef(of))
    told = PeriodText.objects.filter(unit=unit, period=period)
    rows = Unit.objects.filter(pk=unit.pk).values_list(
        of, f"{of}__period_kinds", f"{of}__starts_on", f"{of}__ends_on", Exists(filled), Exists(told)
    )  # one row without a table where the province has none
    found = list(rows)
    missing = [
        SupplementaryTable(period_kinds=kinds, starts_on=starts_on, ends_on=ends_on)
        for pk, kinds, starts_on, ends_on, is_filled, _ in found
        if pk and not is_filled
    ]
    return sum(table.applies_to(period) for table in missing), not found[0][-1]


# --- filling in ------------------------------------------------------------------------


@dataclass(frozen=True)
class Filled:
    """A commune's table of a period: `row` is None where nothing is filled in; `values` by column id."""

    table: SupplementaryTable
    columns: list[SupplementaryColumn]
    row: SupplementaryReturn | None
    values: dict[int, Content]

    @property
    def version(self) -> int:
        return self.row.version if self.row else 0

    @property
    def cells(self) -> list[tuple[SupplementaryColumn, Content]]:
        return [(column, self.values.get(column.pk)) for column in self.columns]


def filled_by(unit: Unit, period: ReportingPeriod, tables: Iterable[SupplementaryTable]) -> list[Filled]:
    """What the commune filled in for the period, by tables of `tables_for`. Two queries whatever their number."""
    listed = list(tables)
    rows = SupplementaryReturn.objects.filter(unit=unit, period=period, table__in=listed).select_related("saved_by")
    by_table = {row.table_id: row for row in rows}
    values: dict[int, dict[int, Content]] = {}
    cells = SupplementaryValue.objects.filter(filled__in=[row.pk for row in by_table.values()])
    for filled, cell, number, text in cells.values_list("filled", "column", "number", "text"):
        values.setdefault(filled, {})[cell] = text if number is None else number
    found = []
    for table in listed:
        row = by_table.get(table.pk)
        told = values.get(row.pk, {}) if row else {}
        found.append(Filled(table, columns_shown(table.listed, period, told), row, told))
    return found


def columns_shown(
    columns: Iterable[SupplementaryColumn], period: ReportingPeriod, told: Iterable[int]
) -> list[SupplementaryColumn]:
    """The columns a period's table has: those in use, and those out of use that hold something. Of a closed
    period none that came later, so that it stays as it was."""
    told = set(told)
    closed = period.closed_at
    return [
        column
        for column in columns
        if column.pk in told or (column.in_use and (closed is None or column.added_at <= closed))
    ]


def save_values(
    unit: Unit, period: ReportingPeriod, table: SupplementaryTable, values: Mapping[int, Content], seen: int, by: Any
) -> SupplementaryReturn:
    """Store a commune's table; None leaves a cell blank, columns that aren't named stay as they are.

    Raises Changed where the stored one isn't the version `seen`, PeriodClosed.
    """
    with transaction.atomic():
        _hold_open(period)
        row = SupplementaryReturn.objects.select_for_update().filter(unit=unit, period=period, table=table).first()
        if (row.version if row else 0) != seen:
            raise Changed
        if row:
            _keep(row)
        row = row or SupplementaryReturn(unit=unit, period=period, table=table, version=0)
        row.version, row.saved_by, row.saved_at = seen + 1, by, timezone.now()
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError:  # two at once for the first time
            raise Changed from None
        blank = [column for column, content in values.items() if content in (None, "")]
        row.values.filter(column__in=blank).delete()
        SupplementaryValue.objects.bulk_create(
            [_value(row, column, content) for column, content in values.items() if column not in blank],
            update_conflicts=True,
            unique_fields=["filled", "column"],
            update_fields=["number", "text"],
        )
    return row


def _keep(row: SupplementaryReturn) -> None:
    """Put by what the table holds before it is saved again."""
    cells = row.values.order_by("column").values_list("column", "number", "text")
    FormerReturn.objects.create(
        filled=row,
        version=row.version,
        saved_by=row.saved_by,
        saved_at=row.saved_at,
        cells=[[column, None if number is None else str(number), text] for column, number, text in cells],
    )


def _value(row: SupplementaryReturn, column: int, content: Content) -> SupplementaryValue:
    if isinstance(content, Decimal):
        return SupplementaryValue(filled=row, column_id=column, number=content)
    return SupplementaryValue(filled=row, column_id=column, text=str(content))


def text_of(unit: Unit, period: ReportingPeriod) -> PeriodText | None:
    return PeriodText.objects.filter(unit=unit, period=period).select_related("saved_by").first()


def save_text(unit: Unit, period: ReportingPeriod, texts: Mapping[str, str], seen: int, by: Any) -> PeriodText:
    """Store a commune's words on a period. Raises Changed, PeriodClosed."""
    with transaction.atomic():
        _hold_open(period)
        row = PeriodText.objects.select_for_update().filter(unit=unit, period=period).first()
        if (row.version if row else 0) != seen:
            raise Changed
        row = row or PeriodText(unit=unit, period=period)
        for name, _ in PeriodText.PARTS:
            setattr(row, name, texts[name])
        row.version, row.saved_by, row.saved_at = seen + 1, by, timezone.now()
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError:
            raise Changed from None
    return row


def _hold_open(period: ReportingPeriod) -> None:
    """Keep the period from being closed until the transaction ends. Raises PeriodClosed."""
    if ReportingPeriod.objects.select_for_update().get(pk=period.pk).closed_at is not None:
        raise PeriodClosed


# --- over an area ----------------------------------------------------------------------


def values_over(
    units: Iterable[int], period: ReportingPeriod, tables: Iterable[int], known_at: datetime | None = None
) -> dict[int, dict[int, Content]]:
    """Values by unit, then column, of some tables in a period, as known at a moment (None: now). One query, two of
    the past."""
    found: dict[int, dict[int, Content]] = {}
    wanted = {"filled__period": period, "filled__table__in": list(tables), "filled__unit__in": list(units)}
    cells = SupplementaryValue.objects.filter(**wanted)
    if known_at is not None:
        cells = cells.filter(filled__saved_at__lte=known_at)
        # In order of version, so that of each table the last one saved by then stays.
        since = FormerReturn.objects.filter(**wanted, filled__saved_at__gt=known_at, saved_at__lte=known_at)
        former = {row["filled"]: row for row in since.order_by("version").values("filled", "filled__unit", "cells")}
        for row in former.values():
            own = found.setdefault(row["filled__unit"], {})
            own |= {column: text if number is None else Decimal(number) for column, number, text in row["cells"]}
    for unit, column, number, text in cells.values_list("filled__unit", "column", "number", "text"):
        found.setdefault(unit, {})[column] = text if number is None else number
    return found
