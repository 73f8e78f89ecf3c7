"""The official form every workbook shares: headings, columns, print set-up, signatures.

Text is always written as text, so that nothing typed becomes a formula or a link, and
characters that XML forbids can't get in. XlsxWriter is imported when a workbook is drawn,
not when the worker starts. Formulas are written with their value, for readers that don't
recalculate, and use only functions of Excel 2010 and LibreOffice.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from io import BytesIO
from itertools import zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING, Any, BinaryIO

from django.conf import settings
from django.utils import timezone

from communes import access
from communes.models import Unit
from communes.names import search_name
from communes.text import clean_text
from criteria.state import Moment
from criteria.verdicts import STATES

if TYPE_CHECKING:
    from reports.house import House

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FONT = "Times New Roman"
A4, A3 = 9, 8
HEAD_UP = 9  # lines a row of upright headings is high
BIG = 0.55  # and in the larger ones of a title
NARROW_SPAN = 16  # characters a name over several columns needs to lie flat
BOLD = 0.8  # of its width a cell has room for in bold capitals
LINE, HIGHEST_ROW = 15, 409  # points: a line of text, and what Excel allows
SMALLEST = 0.75  # how small a sheet may be made so that it stays on one page
KEPT = 4  # rows of a table that go to the next page with the signatures at least
MARGINS = {"left": 0.6, "right": 0.4, "top": 0.6, "bottom": 0.6}  # inches
# What is printed on lying paper: its width in pixels of a screen, its height in points.
PRINTED = {A4: (1026.0, 509.0), A3: (1491.0, 755.0)}
CELL_LIMIT = 32_767  # characters a cell of Excel holds
LONG_CELL = " … (xem tiếp trên hệ thống)"

# What must not get into a cell: what XML forbids, and marks that hide or turn text around.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufffe\uffff]"
)

COORDINATION_OFFICE = "VĂN PHÒNG ĐIỀU PHỐI NÔNG THÔN MỚI"

# A light tint only for what isn't reached, so that a black and white copy stays readable.
TINTS = {
    "firmly_met": "",
    "met": "",
    "nearly_met": "#FFF6DC",
    "not_met": "#F9E0DA",
    "not_applicable": "",
    "incomplete": "",
}
# What stands in a narrow cell for each state; what isn't assessed stays blank, never 0.
MARKS = {
    "firmly_met": "ĐV",
    "met": "Đ",
    "nearly_met": "CB",
    "not_met": "C",
    "not_applicable": "K",
    "incomplete": "…",
    "not_assessed": "",
    "": "",
}
# Who signs, left and right: the post, which may take several lines, and the name.
SIGNERS = (("NGƯỜI LẬP BIỂU", ""), ("THỦ TRƯỞNG ĐƠN VỊ", ""))
LABELS_MET = tuple(STATES[state].label for state in ("firmly_met", "met", "not_applicable"))


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, its width in characters, and how its heading is written."""

    title: str
    width: float
    head: str = "head"


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above every table of a workbook."""

    form: str
    agency: tuple[str, str]
    title: str
    lines: tuple[str, ...]
    as_of: date


def safe(value: str) -> str:
    """The text without characters that break a workbook or hide in it; said where it is too long for a cell."""
    if _UNSAFE.search(value):
        value = clean_text(value, multiline=True)
    if value.startswith("<r>"):
        value = f" {value}"  # else XlsxWriter takes it for marked-up text and puts it into the file as it is
    return value if len(value) <= CELL_LIMIT else value[: CELL_LIMIT - len(LONG_CELL)] + LONG_CELL


def day_text(day: date) -> str:
    """A date as everywhere in the product: 30/06/2024."""
    return f"{day:%d/%m/%Y}"


def known_text(known: datetime | None, as_of: date, moment: Moment | None = None) -> str:
    """When the newest figure was recorded; never later than the day the form speaks of, which may be a fixed
    one. As at a moment: when the period was closed, or now."""
    if moment:
        closed = moment.known_at
        return f"{timezone.localtime(closed):%H:%M %d/%m/%Y} (kỳ đã khóa)" if closed else "lúc lập biểu"
    if known is None:
        return "chưa có dữ liệu"
    at = timezone.localtime(known)
    return f"{at:%H:%M %d/%m/%Y}" if at.date() <= as_of else f"hết ngày {day_text(as_of)}"


def file_name(form: str, name: str, day: date, known_at: datetime | None = None) -> str:
    """Bieu-02_DongPhu_2024-06-30.xlsx, in ASCII whatever the form's number and the name; of a closed period also
    the day it was closed, since its figures differ from that day's as known now."""
    form = "-".join(re.findall(r"[a-z0-9.]+", search_name(form))).upper()
    words = unicodedata.normalize("NFKD", search_name(name)).encode("ascii", "ignore").decode().split()
    return f"Bieu-{form}_{''.join(word.capitalize() for word in words) or 'DonVi'}_{day_part(day, known_at)}.xlsx"


def day_part(day: date, known_at: datetime | None = None) -> str:
    """What a file's name says of its moment: 2024-06-30, 2024-06-30_KyKhoa-2024-07-05."""
    closed = f"_KyKhoa-{timezone.localtime(known_at):%Y-%m-%d}" if known_at else ""
    return f"{day:%Y-%m-%d}{closed}"


def agency(user: Any, unit: Unit) -> tuple[str, str]:
    """The two lines of the heading's left side: the committee above, and the office that draws the form.

    The person's own place and organisation; without them the reported unit's committee. Whose
    organisation only repeats the place works, at a district or province, in its coordination office.
    """
    homes = access.home_units(user)
    home = homes[0] if homes else unit
    committee = f"ỦY BAN NHÂN DÂN {home.full_name}".upper()
    office = safe(getattr(user, "organisation", "")).strip().upper()
    if not office or office == home.full_name.upper() or office.startswith(("UBND", "ỦY BAN NHÂN DÂN")):
        coordinates = access.roles(user).having(access.DISTRICT_STAFF, access.COORDINATOR)
        office = COORDINATION_OFFICE if any(m.unit_id == home.pk for m in coordinates) else ""
    return committee, office


class Book:
    """A workbook being drawn, with its formats, in the province's own marks and signatures where it set some.
    `on_row` is called after each row of a table. With `target`, a file, its rows go to the disk one by one,
    and have to be written in order."""

    def __init__(
        self,
        title: str,
        as_of: date,
        house: House | None = None,
        *,
        on_row: Callable[[], None] | None = None,
        target: BinaryIO | None = None,
    ) -> None:
        from xlsxwriter import Workbook

        from reports.workbooks.worksheet import QuickWorksheet

        self.worksheet_class = QuickWorksheet
        self.on_row = on_row
        self.marks = house.marks if house else MARKS
        self.signers = house.signers if house else SIGNERS
        self.buffer = BytesIO()
        self.workbook = Workbook(
            target or self.buffer,
            {
                "in_memory": target is None,
                "constant_memory": target is not None,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
                "default_date_format": "dd/mm/yyyy",
                # Columns are measured in digits of this font, which LibreOffice has an equal of.
                "default_format_properties": {"font_name": FONT, "font_size": 11},
            },
        )
        # A fixed moment of creation: the same request gives the same file.
        self.workbook.set_properties({"title": title, "created": datetime.combine(as_of, time())})
        self._looks: dict[tuple[Any, ...], Any] = {}
        self.formats = {name: self._format(**extra) for name, extra in _STYLES.items()}
        for state, tint in TINTS.items():
            look = {"border": 1, "align": "center", "valign": "vcenter"} | ({"bg_color": tint} if tint else {})
            self.formats[state] = self._format(**look, text_wrap=True)
            self.formats[f"mark_{state}"] = self._format(**look, bold=True)
        self.formats["not_assessed"] = self.formats[""] = self.formats["mark_not_assessed"] = self.formats["centre"]
        self.marked = {
            state: (mark, self.formats[f"mark_{state}" if mark else "centre"]) for state, mark in self.marks.items()
        }

    def _format(self, **extra: Any) -> Any:
        """The format of a look, the same one for every name of it: XlsxWriter works out anew for each cell of a
        second one that it looks like the first."""
        look = tuple(sorted(extra.items()))
        if look not in self._looks:
            self._looks[look] = self.workbook.add_format({"font_name": FONT, "font_size": 11, **extra})
        return self._looks[look]

    def sheet(
        self,
        name: str,
        heading: Heading,
        columns: Sequence[Column],
        *,
        paper: int = A4,
        frozen: int = 2,
        helpers: int = 0,
        above: Sequence[tuple[int, int, str]] = (),
    ) -> Sheet:
        return Sheet(self, name, heading, columns, paper=paper, frozen=frozen, helpers=helpers, above=above)

    def bytes(self) -> bytes:
        self.close()
        return self.buffer.getvalue()

    def close(self) -> None:
        self.workbook.close()


_STYLES: dict[str, dict[str, Any]] = {
    "plain": {},
    "form": {"align": "right", "italic": True},
    "agency": {"align": "center", "valign": "top", "text_wrap": True},
    "office": {"align": "center", "valign": "top", "bold": True, "text_wrap": True},
    "motto": {"align": "center", "valign": "top", "bold": True, "underline": 1, "text_wrap": True},
    "demo": {"align": "center", "bold": True, "font_color": "#A3261B"},
    "title": {"align": "center", "valign": "vcenter", "bold": True, "font_size": 14, "text_wrap": True},
    "line": {"align": "center", "text_wrap": True},
    "as_of": {"align": "center", "italic": True},
    "head": {
        "border": 1,
        "bold": True,
        "align": "center",
        "valign": "vcenter",
        "text_wrap": True,
        "bg_color": "#EEF3F1",
    },
    "head_up": {
        "border": 1,
        "bold": True,
        "align": "center",
        "valign": "bottom",
        "text_wrap": True,
        "rotation": 90,
        "bg_color": "#EEF3F1",
    },
    "ordinal": {"border": 1, "italic": True, "align": "center", "font_size": 9},
    "text": {"border": 1, "valign": "vcenter", "text_wrap": True, "indent": 1},
    "centre": {"border": 1, "align": "center", "valign": "vcenter", "text_wrap": True},
    "whole": {"border": 1, "valign": "vcenter", "num_format": "#,##0"},
    "number": {"border": 1, "valign": "vcenter", "num_format": "#,##0.####"},
    "percent": {"border": 1, "valign": "vcenter", "num_format": "0.00"},
    "share": {"border": 1, "valign": "vcenter", "num_format": "0.0"},
    "date": {"border": 1, "align": "center", "valign": "vcenter", "num_format": "dd/mm/yyyy"},
    "group": {"border": 1, "bold": True, "valign": "vcenter", "bg_color": "#E2F0ED", "indent": 1},
    "group_centre": {"border": 1, "bold": True, "align": "center", "valign": "vcenter", "bg_color": "#E2F0ED"},
    "group_whole": {"border": 1, "bold": True, "valign": "vcenter", "bg_color": "#E2F0ED", "num_format": "#,##0"},
    "group_number": {"border": 1, "bold": True, "valign": "vcenter", "bg_color": "#E2F0ED", "num_format": "#,##0.####"},
    "group_share": {"border": 1, "bold": True, "valign": "vcenter", "bg_color": "#E2F0ED", "num_format": "0.0"},
    "group_percent": {"border": 1, "bold": True, "valign": "vcenter", "bg_color": "#E2F0ED", "num_format": "0.00"},
    "total": {"border": 1, "bold": True, "valign": "vcenter", "text_wrap": True, "indent": 1},
    "total_centre": {"border": 1, "bold": True, "align": "center", "valign": "vcenter"},
    "total_whole": {"border": 1, "bold": True, "valign": "vcenter", "num_format": "#,##0"},
    "total_number": {"border": 1, "bold": True, "valign": "vcenter", "num_format": "#,##0.####"},
    "total_share": {"border": 1, "bold": True, "valign": "vcenter", "num_format": "0.0"},
    "total_percent": {"border": 1, "bold": True, "valign": "vcenter", "num_format": "0.00"},
    "sign": {"align": "center", "bold": True},
    "sign_note": {"align": "center", "italic": True},
}


class Sheet:
    """One table in the official form; `row` is the next free row, `first` the first row of data.

    The last `helpers` columns serve formulas and filters and aren't printed. `above` holds names
    over several columns' headings: first column, last column, text.
    """

    def __init__(
        self,
        book: Book,
        name: str,
        heading: Heading,
        columns: Sequence[Column],
        *,
        paper: int,
        frozen: int,
        helpers: int,
        above: Sequence[tuple[int, int, str]],
    ) -> None:
        self.book, self.columns, self.paper = book, columns, paper
        self.lines = 1
        self.heights: dict[int, float] = {}  # of rows higher than a line
        self.last = 0  # the last row of data
        self.formats = book.formats
        self.sheet = book.workbook.add_worksheet(name, book.worksheet_class)
        self.last_column = len(columns) - 1
        self.last_printed = self.last_column - helpers
        for place, column in enumerate(columns):
            self.sheet.set_column(place, place, column.width)
        self._heading(heading)
        self.tall: set[int] = set()  # columns whose heading takes both rows
        if above:
            self._above(above)
        for place, column in enumerate(columns):
            if place not in self.tall:
                self.text(place, column.title, column.head)
        if any(column.head == "head_up" for column in columns):
            self.lines = HEAD_UP
        self.end_row()
        for place in range(len(columns)):
            self.sheet.write_number(self.row, place, place + 1, self.formats["ordinal"])
        self.row += 1
        self.first = self.row
        self.sheet.freeze_panes(self.first, frozen)
        self.repeated = range(self.first - (3 if above else 2), self.first)
        self.sheet.repeat_rows(self.repeated[0], self.repeated[-1])
        self.sheet.set_landscape()
        self.sheet.set_paper(paper)
        self.sheet.fit_to_pages(1, 0)
        self.sheet.set_margins(**MARGINS)
        self.sheet.set_footer(f'&C&"{FONT},Regular"&10Trang &P/&N')
        self.sheet.hide_gridlines(2)

    def _heading(self, heading: Heading) -> None:
        # Left and right meet where the columns' widths are halved, so that both sides have room.
        widths = [column.width for column in self.columns[: self.last_printed + 1]]
        middle = next(
            place
            for place in range(len(widths))
            if sum(widths[: place + 1]) >= sum(widths) / 2 or place == len(widths) - 2
        )
        self.row = 0
        self.span(self.last_printed, self.last_printed, f"Biểu số {heading.form}", "form")
        for left, right, style in (
            (heading.agency[0], "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "office"),
            (heading.agency[1], "Độc lập - Tự do - Hạnh phúc", "motto"),
        ):
            self.row += 1
            room = (sum(widths[: middle + 1]), sum(widths[middle + 1 :]))
            lines = max(lines_of(text, width * BOLD) for text, width in zip((left, right), room, strict=True))
            if lines > 1:
                self._height(lines * LINE)
            bold = "agency" if heading.agency[1] and style == "office" else "office"
            self.span(0, middle, left, bold)
            self.span(middle + 1, self.last_printed, right, style)
        self.row += 1
        if settings.DEMONSTRATION:
            self.span(0, self.last_printed, "Dữ liệu minh họa", "demo")
        self.row += 1
        self._height(24 * lines_of(heading.title, sum(widths) * BIG))
        self.span(0, self.last_printed, heading.title, "title")
        for line in heading.lines:
            self.row += 1
            self._height(lines_of(line, sum(widths)) * LINE)
            self.span(0, self.last_printed, line, "line")
        self.row += 1
        self.span(0, self.last_printed, f"Tính đến ngày {day_text(heading.as_of)}", "as_of")
        self.row += 2

    def _above(self, above: Sequence[tuple[int, int, str]]) -> None:
        """Names over the headings of several columns; upright where these are narrow. Else the headings without
        a name over them take both rows."""
        for place in range(len(self.columns)):
            self.sheet.write_blank(self.row, place, None, self.formats["head"])
        lines = 1
        for first, last, name in above:
            width = sum(column.width for column in self.columns[first : last + 1])
            self.span(first, last, name, "head_up" if width < NARROW_SPAN else "head")
            lines = max(lines, HEAD_UP if width < NARROW_SPAN else lines_of(name, width * BOLD))
        if lines < HEAD_UP and not self.book.workbook.constant_memory:  # which writes row after row
            named = {place for first, last, _ in above for place in range(first, last + 1)}
            self.tall = set(range(len(self.columns))) - named
            for place in self.tall:
                title = self.columns[place].title
                self.sheet.merge_range(self.row, place, self.row + 1, place, title, self.formats["head"])
                self.lines = max(self.lines, lines_of(title, self.columns[place].width * BOLD) - lines)
        self._height(lines * LINE)
        self.row += 1

    def span(self, first: int, last: int, text: str, style: str) -> None:
        """Text over several columns: headings, signatures, what is said instead of rows; never data."""
        if first < last:
            self.sheet.merge_range(self.row, first, self.row, last, "", self.formats[style])
        self.sheet.write_string(self.row, first, safe(text), self.formats[style])

    def _height(self, points: float) -> None:
        self.heights[self.row] = points
        self.sheet.set_row(self.row, points)

    def end_row(self) -> None:
        """Go to the next row, having given this one the height its wrapped text needs."""
        if self.lines > 1:
            self._height(min(self.lines * LINE, HIGHEST_ROW))
        self.lines = 1
        self.last = self.row
        self.row += 1
        if self.book.on_row:
            self.book.on_row()

    def text(self, column: int, value: str, style: str = "text") -> None:
        if value:
            width = self.columns[column].width
            if style != "head_up":
                self.lines = max(self.lines, lines_of(value, width))
            self.sheet.write_string(self.row, column, safe(value), self.formats[style])
        else:
            self.sheet.write_blank(self.row, column, None, self.formats[style])

    def number(self, column: int, value: Decimal | int | None, style: str = "number") -> None:
        """A real number; blank, never 0, where there is none."""
        if value is None:
            self.sheet.write_blank(self.row, column, None, self.formats[style])
        else:
            if style == "number" and value == int(value):
                style = "whole"  # Excel would write a whole number as "100,"
            self.sheet.write_number(self.row, column, value, self.formats[style])

    def day(self, column: int, value: date | None) -> None:
        if value is None:
            self.sheet.write_blank(self.row, column, None, self.formats["date"])
        else:
            self.sheet.write_datetime(self.row, column, datetime.combine(value, time()), self.formats["date"])

    def state(self, column: int, state: str) -> None:
        """A verdict or state in words, in its colour; blank where nothing is assessed."""
        self.text(column, "" if state in ("", "not_assessed") else STATES[state].label, state)

    def marks(self, column: int, states: Iterable[str]) -> None:
        """Verdicts or states as short marks, for narrow columns, from this column on."""
        marked = self.book.marked
        self.sheet.write_marks(self.row, column, [marked[state] for state in states])

    def formula(self, column: int, formula: str, value: Any, style: str) -> None:
        """A live formula with its value, which the caller has worked out by itself; "" shows as blank."""
        cached = float(value) if isinstance(value, Decimal) else "" if value is None else value
        self.sheet.write_formula(self.row, column, formula, self.formats[style], cached)

    def fill(self, style: str, columns: Iterable[int]) -> None:
        for column in columns:
            self.sheet.write_blank(self.row, column, None, self.formats[style])

    def area(self, column: int, first: int, last: int) -> str:
        """The address of rows first–last (from 0) of a column: "D11:D29"."""
        letter = column_letter(column)
        return f"{letter}{first + 1}:{letter}{last + 1}"

    def filter(self, last: int) -> None:
        """Filter buttons on the row of column numbers, over the rows down to `last`."""
        self.sheet.autofilter(self.first - 1, 0, max(last, self.first), self.last_column)

    def signatures(self) -> None:
        """Who draws the form left, the authority right."""
        (left, left_name), (right, right_name) = self.book.signers
        self.row += 2
        self._signed("sign_note", "", "…………, ngày …… tháng …… năm ………")
        for one, other in zip_longest(left.split("\n"), right.split("\n"), fillvalue=""):
            self._signed("sign", one, other)
        self._signed("sign_note", "(Ký, ghi rõ họ tên)", "(Ký, ghi rõ họ tên, đóng dấu)")
        if left_name or right_name:
            self.row += 3
            self._signed("sign", left_name, right_name)
        self.sheet.print_area(0, 0, self.row, self.last_printed)
        self._keep_signed()

    def _keep_signed(self) -> None:
        """What is little more than a page is made small enough for one. Where the signatures would stand alone on
        the last page of more, break it before the last rows of the table.

        Programs break pages a little differently, which adds up over many: where any of the likely pages parts
        the signatures from the rows, the break is set.
        """
        width, height = PRINTED[self.paper]
        pixels = sum(column.width * 7 + 5 for column in self.columns[: self.last_printed + 1])
        whole = sum(self.heights.get(row, LINE) for row in range(self.row))
        if SMALLEST <= height * 0.985 / whole < min(1.0, width / pixels):
            self.sheet.fit_to_pages(1, 1)
            return
        kept = self.last - KEPT + 1
        if kept <= self.first:
            return
        block = sum(self.heights.get(row, LINE) for row in (*self.repeated, *range(kept, self.row)))
        for wider in (1.0, 1.05):  # as Excel draws columns, as LibreOffice does
            scale = min(100, int(width / pixels / wider * 100)) / 100
            for likely in (0.985, 1.0, 1.015):
                page = height * likely / scale
                if block <= page and self._last_page(page) > kept:
                    self.sheet.set_h_pagebreaks([kept])
                    return

    def _last_page(self, page: float) -> int:
        """The first row of the last page, of so many points each."""
        again = sum(self.heights.get(row, LINE) for row in self.repeated)
        used, start = 0.0, 0
        for row in range(self.row):
            height = self.heights.get(row, LINE)
            if used + height > page:
                used, start = again, row
            used += height
        return start

    def _signed(self, style: str, left: str, right: str) -> None:
        half = self.last_printed // 2
        self.span(0, half, left, style)
        self.span(half + 1, self.last_printed, right, style)
        self.row += 1


# Most texts are the criteria set's own, the same in every commune's workbook.
@lru_cache(maxsize=4096)
def lines_of(text: str, width: float) -> int:
    """How many lines the text takes, broken between words, in a cell of so many characters."""
    if len(text) <= width and "\n" not in text:
        return 1
    return sum(max(1, len(wrap(part, max(1, int(width))))) for part in text.split("\n"))


def column_letter(column: int) -> str:
    """A column's letters from its number from 0: 0 → A, 26 → AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def count_any(area: str, words: Sequence[str]) -> str:
    """A sum of COUNTIFs: how many cells of the area hold one of the words (without "=")."""
    return "+".join(f'COUNTIF({area},"{word}")' for word in words)


def definitions(book: Book, heading: Heading, rows: Iterable[tuple[str, str]]) -> None:
    """The last sheet: what every figure means, and how this workbook came to be."""
    sheet = book.sheet("Giải thích", heading, [Column("Mục", 46, "total"), Column("Nội dung", 98)], frozen=0)
    for name, meaning in rows:
        sheet.text(0, name, "total")
        sheet.text(1, meaning)
        sheet.end_row()
