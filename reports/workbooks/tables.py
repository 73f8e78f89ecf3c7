"""Any report as a workbook: a sheet a table in the official form, live formulas, charts, definitions last."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from textwrap import shorten
from typing import Any

from communes.names import search_name
from criteria.state import Moment
from criteria.verdicts import STATES
from reports.house import forms_of, house_of
from reports.tables.table import (
    NUMERIC,
    Average,
    Cell,
    Chart,
    Difference,
    Kind,
    Line,
    Ratio,
    Report,
    Share,
    Sum,
    Table,
    value_of,
)
from reports.workbooks.layout import (
    A3,
    A4,
    Book,
    Column,
    Heading,
    Sheet,
    column_letter,
    day_text,
    definitions,
    known_text,
)
from reports.workbooks.layout import file_name as named

LONGEST = 31  # characters a sheet's name has room for
CHART_ROWS = 11  # rows of 20 pixels a chart takes, and one of air
NARROW = 130  # characters a sheet is wide at least: what lying A4 holds without making it smaller
WIDE = 150  # characters of columns from which a table is printed on A3
# By the line's kind and the column's: the format's name in `layout`.
PLAIN = {
    Kind.TEXT: "text",
    Kind.CENTRE: "centre",
    Kind.WHOLE: "whole",
    Kind.NUMBER: "number",
    Kind.PERCENT: "percent",
    Kind.SHARE: "share",
    Kind.DATE: "date",
    Kind.STATE: "centre",
}
STRONG = {
    Kind.TEXT: "",
    Kind.CENTRE: "_centre",
    Kind.WHOLE: "_whole",
    Kind.NUMBER: "_number",
    Kind.PERCENT: "_percent",
    Kind.SHARE: "_share",
    Kind.DATE: "",
    Kind.STATE: "_centre",
}
ORDINAL = "number"  # the key of columns that number the rows: in the middle, not against the text beside
LETTERS = "abcdđeghiklmnopqrstuvxy"
Progress = Callable[[int, int], None]


def reports_name(reports: Sequence[Report]) -> str:
    """Bieu-03_ThanhHoa_2024-06-30.xlsx; of several reports named after all of them."""
    first = reports[0]
    known_at = first.moment.known_at if first.moment else None
    house = forms_of(first.subject)
    return named(
        "-".join(dict.fromkeys(house.form(report.form) for report in reports)),
        first.subject.name,
        first.as_of,
        known_at,
    )


def reports_workbook(reports: Sequence[Report], user: Any, progress: Progress | None = None) -> bytes:
    """One workbook of one or several reports of the same subject. `progress` is told (lines done, of)."""
    first = reports[0]
    house = house_of(user, first.subject)
    book = Book(f"{first.title} {first.subject.full_name}", first.as_of, house)
    names = _Names()
    total = sum(len(table.lines) for report in reports for table in report.tables)
    done = 0

    def told(lines: int) -> None:
        if progress is not None:
            progress(done + lines, total)

    for report in reports:
        for place, table in enumerate(report.tables):
            letter = "" if len(report.tables) == 1 else LETTERS[place]
            title = f"{_title(report, table)} – {report.subject.full_name}".upper()
            heading = Heading(house.form(report.form, letter), house.agency, title, tuple(report.lines), report.as_of)
            # Of several reports each sheet is named by its form, since tables of two may have one name.
            name = f"{heading.form.split('/')[0]} {table.title}" if len(reports) > 1 else table.title
            draw_table(book, names.of(name), heading, table, told)
            done += len(table.lines)
            told(0)
    heading = Heading(house.form(first.form), house.agency, "GIẢI THÍCH", (), first.as_of)
    definitions(book, heading, _definitions(reports, user))
    return book.bytes()


def _title(report: Report, table: Table) -> str:
    """The table's printed title, which names its report wherever the table's own doesn't by itself."""
    own, whole = search_name(table.title), search_name(report.title)
    if whole in own:
        return table.title
    within = [other for other in report.tables if search_name(other.title) in whole]
    return report.title if within == [table] else f"{report.title}: {table.title}"


class _Names:
    """Sheet names as Excel allows them, each once."""

    def __init__(self) -> None:
        self.taken: set[str] = {"giải thích"}

    def of(self, title: str) -> str:
        base = shorten(re.sub(r"[\[\]:*?/\\']", " ", title), LONGEST, placeholder="…") or "Biểu"
        name, number = base, 1
        while name.lower() in self.taken:
            number += 1
            name = f"{base[: 30 - len(str(number))]} {number}"
        self.taken.add(name.lower())
        return name


def draw_table(
    book: Book, name: str, heading: Heading, table: Table, progress: Callable[[int], None] = lambda lines: None
) -> None:
    """One table as a sheet; `progress` is told its lines done, now and then."""
    width = sum(column.width for column in table.columns)
    wider = max(1.0, NARROW / width)  # room for the heading and the signatures
    columns = [Column(column.title, column.width * wider) for column in table.columns]
    paper = A3 if width > WIDE else A4
    sheet = book.sheet(name, heading, columns, paper=paper, above=table.above)
    ranges = _Ranges(table, sheet.first)
    for number, line in enumerate(table.lines):
        for place, cell in enumerate(line.cells):
            _write(sheet, table, line, place, cell, ranges.of(number))
        sheet.end_row()
        if number % 500 == 499:
            progress(number + 1)
    if not table.lines:
        sheet.span(0, len(columns) - 1, table.empty, "text")
        sheet.end_row()
    else:
        totals = sum(line.kind == "total" for line in table.lines)
        sheet.filter(max(sheet.row - 1 - totals, sheet.first))
    if table.note:
        sheet.row += 1
        sheet.sheet.write_string(sheet.row, 0, table.note, book.formats["plain"])
        sheet.row += 1
    if table.chart and table.rows:
        _chart(book, sheet, name, table, table.chart)
    sheet.signatures()


class _Ranges:
    """For each line the rows its formulas go over: a group's own, for a total those of the whole table."""

    def __init__(self, table: Table, first: int) -> None:
        self._of: dict[int, list[tuple[int, int]]] = {}
        runs: list[tuple[int, int]] = []
        group: int | None = None
        for number, line in enumerate(table.lines):
            row = first + number
            if line.kind == "group":
                group = number
                self._of[number] = []
            elif line.kind == "row":
                if runs and runs[-1][1] == row - 1:
                    runs[-1] = (runs[-1][0], row)
                else:
                    runs.append((row, row))
                if group is not None:
                    own = self._of[group]
                    self._of[group] = [(own[0][0], row)] if own else [(row, row)]
        for number, line in enumerate(table.lines):
            if line.kind == "total":
                self._of[number] = runs

    def of(self, number: int) -> list[tuple[int, int]]:
        return self._of.get(number, [])


def _write(sheet: Sheet, table: Table, line: Line, place: int, cell: Cell, ranges: list[tuple[int, int]]) -> None:
    column = table.columns[place]
    value = value_of(cell)
    kind = Kind.CENTRE if column.key == ORDINAL else line.kind_of(column)
    if kind == Kind.NUMBER and isinstance(value, int | Decimal) and value == int(value):
        kind = Kind.WHOLE  # as `Sheet.number` does
    style = PLAIN[kind] if line.kind == "row" else f"{line.kind}{STRONG[kind]}"
    formula = _formula(sheet, table, place, cell, ranges)
    if formula and value is not None:
        sheet.formula(place, formula, value, style)
    elif column.kind == Kind.STATE and value in (None, "", "not_assessed"):
        sheet.text(place, "", style)
    elif column.kind == Kind.STATE:
        sheet.state(place, str(value)) if value in STATES else sheet.text(place, str(value), style)
    elif isinstance(value, date):
        sheet.day(place, value)
    elif column.kind in NUMERIC and not isinstance(value, str):
        sheet.number(place, value, style)
    else:
        sheet.text(place, "" if value is None else str(value), style)


def _formula(sheet: Sheet, table: Table, place: int, cell: Cell, ranges: list[tuple[int, int]]) -> str:
    """The cell's live formula; "" where it is a plain value or there is nothing to go over."""

    def at(key: str) -> str:
        return f"{column_letter(table.place(key))}{sheet.row + 1}"

    areas = ",".join(sheet.area(place, first, last) for first, last in ranges)
    match cell:
        case Sum() if areas:
            return f"=SUM({areas})"
        case Average() if areas:
            return f"=ROUND(AVERAGE({areas}),2)"
        case Share():
            return f'=IF({at(cell.whole)}>0,ROUND({at(cell.part)}/{at(cell.whole)}*100,1),"")'
        case Ratio():
            return f'=IF({at(cell.count)}>0,ROUND({at(cell.total)}/{at(cell.count)},2),"")'
        case Difference():
            return f"={at(cell.now)}-{at(cell.before)}"
    return ""


def _chart(book: Book, sheet: Sheet, name: str, table: Table, chart: Chart) -> None:
    """A native chart below the table, over its rows, where it is printed."""
    first = sheet.first
    places = [number for number, line in enumerate(table.lines) if line.kind == "row"]
    top, bottom = first + places[0], first + places[-1]
    drawn = book.workbook.add_chart({"type": chart.kind})
    label = table.place(chart.label)
    for key in chart.values:
        at = table.place(key)
        drawn.add_series(
            {
                "name": table.columns[at].title,
                "categories": [name, top, label, bottom, label],
                "values": [name, top, at, bottom, at],
                **({"marker": {"type": "automatic"}} if chart.kind == "line" else {"gap": 60}),
            }
        )
    drawn.set_title({"name": chart.title, "name_font": {"size": 12}})
    drawn.set_legend(
        {"none": len(chart.values) == 1, "position": "bottom"} if len(chart.values) > 1 else {"none": True}
    )
    drawn.set_size({"width": 560, "height": 20 * (CHART_ROWS - 1)})
    sheet.row += 1
    sheet.sheet.insert_chart(sheet.row, 0, drawn)
    sheet.row += CHART_ROWS


def _definitions(reports: Sequence[Report], user: Any) -> list[tuple[str, str]]:
    first = reports[0]
    rows = [("Địa bàn", first.subject.full_name)]
    if first.criteria_set:
        rows.append(("Bộ tiêu chí", f"{first.criteria_set.name}, giai đoạn {first.criteria_set.period}"))
    if first.basis:
        rows.append(("Căn cứ đánh giá", first.basis))
    rows.append(("Tính đến ngày", day_text(first.as_of)))
    rows.append(("Theo dữ liệu ghi nhận đến", known_text(None, first.as_of, first.moment or Moment(first.as_of))))
    rows.append(("Người lập", user.get_full_name()))
    if first.limited:
        rows.append(("Phạm vi", "Chỉ gồm các tiêu chí do sở, ngành của người lập phụ trách."))
    rows.append(("Ô để trống", "Chưa đánh giá hoặc chưa có số liệu; không phải bằng 0."))
    said = dict(rows)
    for report in reports:
        for name, meaning in report.definitions:
            said.setdefault(name, meaning)
        for table in report.tables:
            for column in table.columns:
                if column.meaning:
                    name = f"Cột “{column.full_title}”"
                    if said.setdefault(name, column.meaning) != column.meaning:
                        said[f"{name}, {table.title}"] = column.meaning
    return list(said.items())
