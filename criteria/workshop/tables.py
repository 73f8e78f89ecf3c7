"""Workbooks of one table, written and read back: a heading row, rows in any order, the rest to look at.

A sheet says in its second row which table it is (`code`), so that another year's or another
place's file is told apart. Every cell a person may change is unlocked, what is only shown is
locked and not read back. Rows that weren't taken go back as the same table with the reasons in a
column of their own, which reading passes over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

from communes.names import search_name
from communes.text import clean_text
from communes.workbooks import Cell, Formula, Sheet, column_letters, lines_of
from criteria.numbers import NumberError, format_number, parse_number
from criteria.uploads import Refused

MARK = "Mã biểu:"
HEAD_AT = 4  # the row of the headings, from 1
LINE = 16  # points a line of text is high
SPARE = 100  # empty rows to write in below the table
MOST_MERGED = 1_000  # merged ranges within the table
LONGEST = 2_000  # characters of one cell that are looked at
REFUSED, CONFLICT = "refused", "conflict"  # outcomes of rows that go back


@dataclass(frozen=True)
class Column:
    """One column. `fill`: a person writes in it; `choices`: what they may choose from; `hidden`: for the system;
    `kind`: "text", "number", "year" or "day"."""

    key: str
    title: str
    width: float
    guide: str = ""
    fill: bool = False
    choices: tuple[str, ...] = ()
    hidden: bool = False
    kind: str = "text"

    @property
    def is_read(self) -> bool:
        return self.fill or self.hidden


REASON = Column("reason", "Lý do chưa nhận", 46)
NOTES_ON_REASONS = (
    f"Bảng này gồm các dòng chưa nhận của tệp đã tải lên, như đã ghi ở tệp đó. Cột “{REASON.title}” nói phải sửa gì.",
    "Sửa xong tải lên lại, không cần xóa cột đó.",
    "Ô có công thức hay quá dài được để trống: ghi lại giá trị.",
)


@dataclass
class Read:
    """One row as it was read: plain texts by column, and what is wrong with a cell by itself."""

    number: int
    at: str
    cells: dict[str, str]
    problems: dict[str, str] = field(default_factory=dict)


@dataclass
class Table:
    """What was read of a sheet, and where each column stands."""

    rows: list[Read]
    letters: dict[str, str]
    columns: Sequence[Column]

    def place(self, key: str) -> str:
        """A column as a person finds it: "cột K (Mức)"; "" for the row as a whole."""
        column = next((column for column in self.columns if column.key == key), None)
        return f"cột {self.letters[key]} ({column.title})" if column and key in self.letters else ""


# --- writing ---------------------------------------------------------------------------------


def draw(
    *,
    sheet_name: str,
    title: str,
    code: str,
    columns: Sequence[Column],
    rows: Iterable[Mapping[str, Any]],
    notes: Sequence[str],
    spare: int = SPARE,
    with_reasons: bool = False,
) -> bytes:
    """The workbook as bytes; row values by the columns' keys. With reasons: rows that weren't taken, to be mended."""
    import xlsxwriter

    if with_reasons:
        shown = [column for column in columns if not column.hidden]
        columns = [*shown, REASON, *(column for column in columns if column.hidden)]
        title, notes = f"Dòng chưa nhận – {title}", [*NOTES_ON_REASONS, *notes]
    stream = BytesIO()
    book = xlsxwriter.Workbook(stream, {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True})
    font = {"font_name": "Times New Roman", "font_size": 12, "valign": "top"}
    # No "#,##0.####": programs show a whole number with a bare mark behind it, and a year with one inside.
    codes = {"number": "General", "year": "0", "day": "dd/mm/yyyy", "text": "@"}
    grid = {**font, "border": 1, "border_color": "#9AA8A5", "text_wrap": True}
    bold = book.add_format({**font, "bold": True, "font_size": 14})
    muted = book.add_format({**font, "font_color": "#55635F"})
    heads = {
        fill: book.add_format({**grid, "bold": True, "valign": "vcenter", "bg_color": "#E3EFEC" if fill else "#EEF1F0"})
        for fill in (True, False)
    }
    looks = {
        column.key: book.add_format(
            {
                **grid,
                "num_format": codes[column.kind],
                "locked": not column.fill,
                **({} if column.fill else {"font_color": "#55635F"}),
            }
        )
        for column in columns
    }
    if with_reasons:
        looks[REASON.key].set_font_color("#A3261B")
    sheet, guide, lists = (
        book.add_worksheet(sheet_name),
        book.add_worksheet("Hướng dẫn"),
        book.add_worksheet("Danh mục"),
    )
    sheet.write_string(0, 0, title, bold)
    sheet.write_string(1, 0, f"{MARK} {code}", muted)
    for at, column in enumerate(columns):
        sheet.write_string(HEAD_AT - 1, at, column.title, heads[column.fill])
        sheet.set_column(at, at, column.width, None, {"hidden": column.hidden})
    last = HEAD_AT
    for row in rows:
        for at, column in enumerate(columns):
            _write(sheet, last, at, row.get(column.key), looks[column.key])
        highest = max(lines_of(str(row.get(column.key) or ""), column.width) for column in columns if not column.hidden)
        sheet.set_row(last, min(409, LINE * highest))
        last += 1
    written = last
    for number in range(last, last + spare):
        for at, column in enumerate(columns):
            sheet.write_blank(number, at, None, looks[column.key])
    last += spare
    listed = 0
    for at, column in enumerate(columns):
        if not column.choices:
            continue
        lists.write_string(0, listed, column.title, heads[False])
        lists.write_column(1, listed, [*column.choices])
        lists.set_column(listed, listed, max(map(len, (column.title, *column.choices))) + 2)
        letter = column_letters(listed + 1)
        sheet.data_validation(
            HEAD_AT,
            at,
            max(last - 1, HEAD_AT),
            at,
            {
                "validate": "list",
                "source": f"='Danh mục'!${letter}$2:${letter}${len(column.choices) + 1}",
                "error_type": "warning",
                "error_message": "Giá trị không có trong danh sách; hệ thống có thể không nhận.",
            },
        )
        listed += 1
    sheet.freeze_panes(HEAD_AT, 0)
    sheet.autofilter(HEAD_AT - 1, 0, max(written - 1, HEAD_AT), len(columns) - 1)
    allowed = ("autofilter", "format_columns", "format_rows", "insert_rows", "delete_rows")
    sheet.protect("", dict.fromkeys(allowed, True))
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(HEAD_AT - 1)
    sheet.set_footer("&CTrang &P/&N")
    _guide(book, guide, title, columns, notes, bold, heads[False], font)
    book.close()
    return stream.getvalue()


def _guide(
    book: Any, guide: Any, title: str, columns: Sequence[Column], notes: Sequence[str], bold: Any, head: Any, font: dict
) -> None:
    wrapped = book.add_format({**font, "text_wrap": True})
    guide.set_column(0, 0, 24)
    guide.set_column(1, 1, 95)
    guide.write_string(0, 0, title, bold)
    at = 2
    for note in notes:
        guide.write_string(at, 1, note, wrapped)
        at += 1
    at += 1
    for column in columns:
        if column.guide:
            guide.write_string(at, 0, column.title, head)
            guide.write_string(at, 1, column.guide, wrapped)
            at += 1


def _write(sheet: Any, row: int, column: int, value: Any, look: Any) -> None:
    if value is None or value == "":
        sheet.write_blank(row, column, None, look)
    elif isinstance(value, date):
        sheet.write_datetime(row, column, value, look)
    elif isinstance(value, int | float | Decimal):
        sheet.write_number(row, column, value, look)
    else:
        sheet.write_string(row, column, clean_text(str(value)), look)


# --- reading ---------------------------------------------------------------------------------


def read(book: Sequence[Sheet], sheet_name: str, code: str, columns: Sequence[Column]) -> Table:
    """The rows of the table's sheet; raises Refused for another table, or one with columns missing."""
    sheet = next((sheet for sheet in book if search_name(sheet.name) == search_name(sheet_name)), None)
    if sheet is None:
        names = ", ".join(f"“{sheet.name}”" for sheet in book[:5])
        raise Refused(f"Tệp không có trang “{sheet_name}” (chỉ có {names}). Tải bảng từ trang này rồi ghi vào đó.")
    mark, head = "", 0
    places: dict[str, int] = {}
    data: list[tuple[int, Sequence[Cell]]] = []
    by_title = {search_name(column.title): column for column in columns}
    for number, cells in sheet.rows:
        if not places:
            first = str(cells[0] or "")
            if first.startswith(MARK):
                mark = clean_text(first[len(MARK) :])
            places = _places(cells, by_title)
            head = number
            continue
        data.append((number, cells))
    if mark and mark != code:
        raise Refused(
            f"Tệp này là biểu “{mark}”, còn trang này nhận biểu “{code}” (bộ tiêu chí hoặc địa bàn khác). "
            "Chọn đúng bộ tiêu chí và địa bàn, hoặc tải lại bảng."
        )
    missing = [column.title for column in columns if column.is_read and column.key not in places]
    if not places or missing or not mark:
        what = f"thiếu cột {', '.join(missing)}" if places and missing else "không còn dòng tiêu đề và mã biểu"
        raise Refused(
            f"Trang “{sheet.name}” {what}. Không xóa hay đổi tên cột, kể cả cột ẩn; tải lại bảng rồi chép sang."
        )
    letters = {key: column_letters(at + 1) for key, at in places.items()}
    by_key = {column.key: column for column in columns}
    read_at = {key: at for key, at in places.items() if by_key[key].is_read}
    merged = _merged(sheet, head, data[-1][0] if data else head, read_at)
    found = []
    for number, values in data:
        row = Read(number, f"trang “{sheet.name}”, dòng {number}", {})
        for key, at in read_at.items():
            row.cells[key] = _text(values[at] if at < len(values) else None, by_key[key], row)
            if (number, at) in merged:
                row.problems[key] = "ô bị gộp; bỏ gộp ô (Unmerge) rồi ghi từng ô."
        if row.problems or any(row.cells[column.key] for column in columns if column.is_read):
            found.append(row)
    return Table(found, letters, columns)


def _merged(sheet: Sheet, head: int, last: int, read_at: Mapping[str, int]) -> set[tuple[int, int]]:
    """Cells of the table, by row and place, that are part of a merged range; cells outside cost nothing."""
    widest = max(read_at.values()) + 1
    ranges = {
        (max(top, head + 1), min(bottom, last), left, min(right, widest))
        for top, left, bottom, right in sheet.merged
        if top <= last and bottom > head and left <= widest
    }
    if len(ranges) > MOST_MERGED:
        raise Refused(f"Trang “{sheet.name}” có quá nhiều ô gộp. Bỏ gộp ô (Unmerge) cả trang rồi tải lên lại.")
    found: set[tuple[int, int]] = set()
    for at in read_at.values():
        reached = head
        for top, bottom in sorted((top, bottom) for top, bottom, left, right in ranges if left <= at + 1 <= right):
            found.update((number, at) for number in range(max(top, reached + 1), bottom + 1))
            reached = max(reached, bottom)
    return found


def _places(cells: Sequence[Cell], by_title: Mapping[str, Column]) -> dict[str, int]:
    """Where the columns stand, if the row is the heading: two of the known titles at least."""
    found: dict[str, int] = {}
    for at, cell in enumerate(cells):
        column = by_title.get(search_name(str(cell))) if isinstance(cell, str) and len(cell) < 100 else None
        if column is not None:
            if column.key in found:
                raise Refused(f"Có hai cột “{column.title}”. Bỏ cột thêm vào rồi tải lên lại.")
            found[column.key] = at
    return found if len(found) > 1 else {}


def _text(value: Cell, column: Column, row: Read) -> str:
    """A cell as its form would send it; what a cell holds that no form can send is a problem."""
    if isinstance(value, Formula):
        row.problems[column.key] = "ô chứa công thức; chép giá trị (Paste Values) thay cho công thức."
        return ""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Có" if value else "Không"
    if isinstance(value, float):
        return format_number(Decimal(repr(round(value, 6))), 6)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    if len(value) > LONGEST:
        row.problems[column.key] = f"ô dài hơn {LONGEST} ký tự."
        return ""
    return clean_text(value)


# --- rows that weren't taken ---------------------------------------------------------------


def as_typed(row: Read, columns: Sequence[Column]) -> dict[str, Any]:
    """A row's cells to be written again: numbers and days as such, what isn't one as the text that was typed."""
    return {column.key: _value(row.cells[column.key], column.kind) for column in columns if column.is_read}


def _value(text: str, kind: str) -> Any:
    if kind in {"number", "year"} and text:
        try:
            return parse_number(text)
        except NumberError:
            return text
    if kind == "day" and (day := read_day(text)):
        return day
    return text


def read_day(text: str) -> date | None:
    """A day as people write it, 31/12/2025; None for what isn't one."""
    try:
        return datetime.strptime(text, "%d/%m/%Y").date()  # noqa: DTZ007 - a day has no time zone
    except ValueError:
        return None


def reason_of(line: Mapping[str, Any], conflict: str) -> str:
    """Why a line of the preview wasn't taken, in words: its errors, or what is said of one others changed."""
    if line["outcome"] == CONFLICT:
        return f"{line['at']}: {conflict}"
    told = [f"{place}: {message}" if place else message for place, message in line["errors"]]
    return f"{line['at']}: {' '.join(told)}"
