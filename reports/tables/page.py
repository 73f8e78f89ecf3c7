"""A report's tables as ready HTML: loops of a template over as many cells take far longer (PERFORMANCE)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from html import escape

from django.utils.safestring import SafeString, mark_safe

from criteria.checks import format_day
from criteria.numbers import format_number, one_decimal, two_decimals
from criteria.verdicts import STATE_BADGES, STATES
from reports.tables.table import NUMERIC, Column, Kind, Line, Plain, Table, value_of

LINE_BREAK = "\n"
LONG = 24  # characters from which a column of text wants room where a table scrolls anyway


def shown(value: Plain, kind: Kind) -> str:
    """A value as the page prints it: 1.234,5; 31/12/2025; blank where there is none."""
    if value is None:
        return ""
    if isinstance(value, date):
        return format_day(value)
    if kind == Kind.SHARE and isinstance(value, Decimal):
        return one_decimal(value)
    if kind == Kind.PERCENT and isinstance(value, Decimal):
        return two_decimals(value)
    if isinstance(value, Decimal | int):
        return format_number(value)
    if kind == Kind.STATE and value in STATES:
        return STATES[str(value)].label
    return str(value)


def body(table: Table) -> SafeString:
    """The rows of the table, each cell named for narrow screens."""
    columns = table.columns
    named = next((place for place, column in enumerate(columns) if column.kind == Kind.TEXT), 0)
    starts = [(_start(column, ""), _start(column, "pre-line")) for column in columns]
    return mark_safe("".join([_line(line, columns, starts, named) for line in table.lines]))


def head(table: Table) -> SafeString:
    """The headings: one row, or two where columns share a heading."""
    look = {Kind.STATE: ' class="state"'} | dict.fromkeys(NUMERIC, ' class="num"')
    shared = {first: (last - first + 1, text) for first, last, text in table.above}
    upper: list[str] = []
    lower: list[str] = []
    for place, column in enumerate(table.columns):
        if place in shared:
            span, text = shared[place]
            upper.append(f'<th scope="colgroup" class="over" colspan="{span}">{escape(text)}{_name(column)}</th>')
        row, tall = (lower, "") if column.over or not shared else (upper, ' rowspan="2"')
        css = ' class="long"' if column.kind == Kind.TEXT and column.width >= LONG else look.get(column.kind, "")
        row.append(f'<th scope="col"{css}{tall}>{escape(column.title)}{"" if column.over else _name(column)}</th>')
    return mark_safe("".join(f"<tr>{''.join(row)}</tr>" for row in (upper, lower) if row))


def _name(column: Column) -> str:
    return f'<span class="column-name">{escape(column.name)}</span>' if column.name else ""


def _start(column: Column, css: str) -> str:
    css = "num" if column.kind in NUMERIC else css
    classed = f' class="{css}"' if css else ""
    return f'<td{classed} data-label="{escape(column.full_title)}">'


def _line(line: Line, columns: tuple[Column, ...], starts: list[tuple[str, str]], named: int) -> str:
    parts = []
    for place, (cell, column) in enumerate(zip(line.cells, columns, strict=True)):
        value = value_of(cell)
        text = shown(value, line.kind_of(column))
        if isinstance(value, str):
            text = STATE_BADGES[value] if column.kind == Kind.STATE and value in STATE_BADGES else escape(text)
        if place == named:
            linked = f'<a href="{escape(line.url)}">{text}</a>' if line.url and text else text
            parts.append(f'<th scope="row">{linked}</th>')
        else:
            parts.append(f"{starts[place][LINE_BREAK in text]}{text}</td>")
    css = {"row": "", "group": ' class="group-row"', "total": ' class="total-row"'}[line.kind]
    return f"<tr{css}>{''.join(parts)}</tr>"
