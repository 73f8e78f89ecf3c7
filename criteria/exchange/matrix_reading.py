"""A table of communes by criteria or indicators as it really comes: titles above, headings of one to
three rows, merged cells, subtotals, notes below. This module finds its way in one sheet and guesses
what its columns mean; a person confirms or corrects every guess before anything is read for good.

Roles of columns: "name", "code", "district" of the commune; "c<id>" a criterion's mark; "i<id>" an
indicator's; "" nothing. Ways of an indicator's column: "mark", "value" (a number in its measure) or
"fraction" (0,95 means 95 %).
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Any

from communes.names import search_name
from communes.workbooks import Cell, Formula, Sheet, column_letters
from criteria.exchange.name_matching import is_district_name
from criteria.models import CriteriaSet, Indicator
from criteria.numbers import NumberError, decimal_mark, is_unclear, parse_marked, parse_number

LOOKED_AT = 40  # rows in which headings are looked for
SHOWN = 25  # rows of a sheet a person sees while choosing
MAX_HEADINGS = 3
MOST_MERGED = 20_000

MARK, VALUE, FRACTION = "mark", "value", "fraction"
NAME, CODE, DISTRICT = "name", "code", "district"


PLACES = (NAME, CODE, DISTRICT)


def text_of(cell: Cell) -> str:
    """A cell as one line of text."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.10g}"
    return " ".join(str(cell).split())


def first_rows(sheet: Sheet, most: int) -> list[tuple[int, list[Cell]]]:
    found = []
    for number, cells in sheet.rows:
        found.append((number, cells))
        if len(found) >= most:
            break
    return found


# --- headings --------------------------------------------------------------------------

_CODE = re.compile(
    r"(?:(?:tieu chi|chi tieu|tc|ct)\.?\s*(?:so)?\s*)?([0-9]{1,2}(?:[.,][0-9]{1,2})?[a-z]?)(?:\s*[.):–-]\s*|\s+|$)(.*)",
    re.DOTALL,
)
_NUMBERING = re.compile(r"\(?\s*(?:[0-9]{1,3}|[a-zđ])\s*\)?(?:\s*=.*)?", re.IGNORECASE)
_IGNORED = {"tt", "stt", "so tt", "so thu tu", "ghi chu", "tong", "tong so", "tong cong", "cong", "muc do dat"}
_IGNORED_STARTS = ("so tieu chi", "tong so tieu chi", "ty le", "so tc dat", "tang", "so chi tieu", "nam dang ky")
_HALVES = {"ket qua", "danh gia", "ket qua thuc hien", "ket qua danh gia", "gia tri", "so lieu"}
_NAMES = {"xa", "ten xa", "don vi", "ten don vi", "xa phuong", "dia phuong", "xa thi tran", "ten xa thi tran"}
_DISTRICTS = ("huyen", "ten huyen", "don vi huyen", "thuoc huyen", "thanh pho thi xa")


def heading_code(cell: Cell) -> str:
    """The criterion's number or indicator's code a heading begins with: "5", "17.1", "5b"; else ""."""
    if isinstance(cell, date):  # Excel makes a day of "1.2"
        return f"{cell.day}.{cell.month}"
    bare = "".join(_folded_mark(letter) for letter in text_of(cell).lower())
    found = _CODE.fullmatch(bare)
    return found.group(1).replace(",", ".") if found else ""


def _folded_mark(letter: str) -> str:
    return search_name(letter) if letter.isalpha() else letter


@dataclass
class Headings:
    """The headings of a sheet: rows `top` to `last`, and the text of each column, joined downwards."""

    top: int
    last: int
    texts: dict[int, list[Cell]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return self.last - self.top + 1

    def label(self, column: int) -> str:
        """What a person reads above the column."""
        words: list[str] = []
        for cell in self.texts.get(column, []):
            text = text_of(cell)
            if text and text not in words:
                words.append(text)
        return " › ".join(words)

    def shape(self, criteria_set: CriteriaSet) -> str:
        """A key that tables with the same headings under the same set share."""
        told = "|".join(f"{column}:{search_name(self.label(column))}" for column in sorted(self.texts))
        return hashlib.sha256(f"{criteria_set.code}|{told}".encode()).hexdigest()


def headings(sheet: Sheet, top: int, last: int) -> Headings:
    """The headings in these rows; a merged title stands above each of its columns."""
    rows = {number: cells for number, cells in first_rows(sheet, LOOKED_AT + MAX_HEADINGS) if top <= number <= last}
    width = max((len(cells) for cells in rows.values()), default=0)
    width = max(width, max((len(cells) for _, cells in first_rows(sheet, LOOKED_AT)), default=0))
    grid = {number: [*cells, *[None] * (width - len(cells))] for number, cells in rows.items()}
    titles = (area for area in sheet.merged if area[0] in grid and area[2] <= last + MAX_HEADINGS and area[1] <= width)
    # Ranges that don't overlap are never more than the cells.
    for first_row, first_column, last_row, last_column in islice(titles, len(grid) * width):
        value = grid[first_row][first_column - 1]
        for number in grid.keys() & set(range(first_row, last_row + 1)):
            for column in range(first_column, min(last_column, width) + 1):
                grid[number][column - 1] = value
    found = Headings(top, last)
    for column in range(1, width + 1):
        texts = [grid[number][column - 1] for number in sorted(grid)]
        if any(text_of(text) for text in texts):
            found.texts[column] = texts
    return found


def guess_headings(sheet: Sheet, codes: set[str], names: set[str]) -> tuple[int, int]:
    """Rows (top, last) that look most like the headings of a matrix of these codes or criteria's names."""
    rows = first_rows(sheet, LOOKED_AT)
    if not rows:
        return 1, 1
    by_number = dict(rows)
    left = min((_leftmost(cells) for _, cells in rows if _filled(cells) >= 3), default=1)
    known = {number: 0 if _is_numbering(cells, left) else len(_known(cells, codes, names)) for number, cells in rows}
    # A commune's row holds numbers that look like codes too, but no such row says "Tên xã".
    named = next((number for number, cells in rows if _name_column(cells)), None)
    if named is None:
        last = top = max(known, key=lambda number: (known[number], -number))
    else:
        last = top = named
        column = _name_column(by_number[named])
        for number in range(named + 1, named + MAX_HEADINGS):
            cells = by_number.get(number, [])
            is_blank = column > len(cells) or not text_of(cells[column - 1])
            if is_blank and known.get(number, 0) > known[named]:
                last = number
    while last - top + 1 < MAX_HEADINGS and _filled(by_number.get(top - 1, [])) >= 3:
        top -= 1
    below = [search_name(text_of(cell)) for cell in by_number.get(last + 1, []) if text_of(cell)]
    if last - top + 1 < MAX_HEADINGS and len(below) >= 2 and set(below) <= _HALVES:
        last += 1
    return top, last


def _known(cells: list[Cell], codes: set[str], names: set[str]) -> set[str]:
    """The set's codes and criteria's names that stand in a row."""
    found = {code for cell in cells if (code := heading_code(cell)) in codes}
    return found | {folded for cell in cells if (folded := search_name(text_of(cell))) in names}


def _name_column(cells: list[Cell]) -> int:
    """The column that says "Tên xã", or 0."""
    return next((place for place, cell in enumerate(cells, 1) if search_name(text_of(cell)) in _NAMES), 0)


def _filled(cells: Iterable[Cell]) -> int:
    return sum(bool(text_of(cell)) for cell in cells)


def _leftmost(cells: list[Cell]) -> int:
    return next((place for place, cell in enumerate(cells, 1) if text_of(cell)), 1)


def _is_numbering(cells: list[Cell], left: int) -> bool:
    """The row that numbers the columns: (1) (2) (3), A B 1 2 3."""
    texts = [text_of(cell) for cell in cells if text_of(cell)]
    return len(texts) >= 3 and _leftmost(cells) <= left and all(_NUMBERING.fullmatch(text) for text in texts)


# --- what the columns mean -------------------------------------------------------------


class SetColumns:
    """What of a set a column can hold, on a day."""

    def __init__(self, criteria_set: CriteriaSet, day: date) -> None:
        self.criteria = list(criteria_set.criteria.order_by("number"))
        indicators = Indicator.objects.filter(criterion__criteria_set=criteria_set).in_force(day)
        found = list(indicators.select_related("criterion").order_by("criterion__number", "position"))
        self.placeholders = {row.criterion_id: row for row in found if row.stands_for_criterion}
        self.indicators = {row.pk: row for row in found if not row.stands_for_criterion}
        self.by_code = {row.code: row for row in self.indicators.values()}
        self.by_number = {str(row.number): row for row in self.criteria}
        self.by_name = {search_name(row.name): row for row in self.criteria}

    @property
    def codes(self) -> set[str]:
        return set(self.by_code) | set(self.by_number)

    def is_valid(self, role: str) -> bool:
        if role in ("", *PLACES):
            return True
        kind, number = role[:1], role[1:]
        if not number.isdecimal() or len(number) > 18:
            return False
        return (
            int(number) in self.indicators
            if kind == "i"
            else kind == "c" and int(number) in {c.pk for c in self.criteria}
        )

    def label(self, role: str) -> str:
        if role in PLACES:
            return {NAME: "Tên xã", CODE: "Mã xã", DISTRICT: "Huyện"}[role]
        if role.startswith("c"):
            return next(f"Tiêu chí {row.number}" for row in self.criteria if row.pk == int(role[1:]))
        return f"Chỉ tiêu {self.indicators[int(role[1:])].code}" if role else ""


def guess_roles(found: Headings, columns: SetColumns) -> dict[int, str]:
    """A role for each column that looks like one. Two columns may be one indicator's: figure and mark."""
    with_indicators = any("." in heading_code(cell) for texts in found.texts.values() for cell in texts)
    roles: dict[int, str] = {}
    for column in sorted(found.texts):
        role = _guess_role(found.texts[column], columns, set(roles.values()), with_indicators=with_indicators)
        if role and list(roles.values()).count(role) < (2 if role.startswith("i") else 1):
            roles[column] = role
    return roles


def _guess_role(texts: list[Cell], columns: SetColumns, taken: set[str], *, with_indicators: bool) -> str:
    for place, cell in enumerate(reversed(texts)):
        folded = search_name(text_of(cell))
        if not folded:
            continue
        if folded in _IGNORED or folded.startswith(_IGNORED_STARTS):
            return ""
        if folded in _NAMES or folded.startswith("ten xa"):
            return NAME
        if folded in ("ma", "ma xa", "ma so", "ma don vi", "ma dvhc") or folded.startswith("ma xa"):
            return CODE
        if folded.startswith(_DISTRICTS):
            return DISTRICT
        seen = taken if place == 0 else set()
        role = _coded_role(heading_code(cell), columns, seen, with_indicators=with_indicators)
        if role:
            return role
        if folded in columns.by_name:
            return f"c{columns.by_name[folded].pk}"
    return ""


def _coded_role(code: str, columns: SetColumns, taken: set[str], *, with_indicators: bool) -> str:
    criterion, indicator = columns.by_number.get(code), columns.by_code.get(code)
    if indicator is not None and f"i{indicator.pk}" in taken and "." in code:
        # A number 17.10 loses its last zero: the second 17.1 is meant so.
        indicator = columns.by_code.get(f"{code}0", indicator)
    if indicator is not None and (with_indicators or criterion is None):
        return f"i{indicator.pk}"
    return f"c{criterion.pk}" if criterion is not None else ""


def guess_way(indicator: Indicator, cells: Iterable[Cell]) -> str:
    """How a column of an indicator is written, by what stands in it."""
    said = [cell for cell in cells if text_of(cell)]
    marks = marks_in(said)
    mark = next(iter(marks)) if len(marks) == 1 else ""
    numbers = [number for cell in said if (number := number_of(cell, mark)) is not None]
    if (
        not indicator.is_numeric
        or not numbers
        or len(numbers) * 2 < len(said)
        or set(numbers) <= {Decimal(0), Decimal(1)}
    ):
        return MARK
    if indicator.kind == Indicator.Kind.PERCENT and all(0 <= number <= 1 for number in numbers):
        return FRACTION
    return VALUE


class Unclear(ValueError):
    """A text that may be two numbers; the message says which, and what to do."""


def marks_in(cells: Iterable[Cell]) -> set[str]:
    """The decimal marks that numbers typed as text among these surely use."""
    return {decimal_mark(cell) for cell in cells if type(cell) is str and ("." in cell or "," in cell)} - {""}


def number_of(cell: Cell, mark: str = "") -> Decimal | None:
    """The number in a cell, typed as one or as text; None where it is none. `mark`: the decimal mark that its
    column's texts use, where that is known."""
    if isinstance(cell, bool | date | Formula) or cell is None:
        return None
    if isinstance(cell, int | float):
        try:
            return round(Decimal(str(cell)), 6)
        except ArithmeticError:
            return None
    text = str(cell)
    try:
        number = parse_number(text, allow_negative=True)
        return parse_marked(text, mark) if number and number > 0 and is_unclear(text) else number
    except NumberError:
        return None


# --- the rows below --------------------------------------------------------------------

COMMUNE, DISTRICT_ROW, LEFT_OUT = "commune", "district", "left_out"

_TOTALS = re.compile(
    r"(?:tong|cong)(?: cong| so| hop)?(?: .*)?|binh quan.*|trung binh.*|so xa.*|ty le.*|luy ke.*|toan (?:tinh|huyen).*"
)
_NOTES = ("ghi chu", "chu thich", "nguoi lap", "noi nhan", "tm ubnd", "kt chu tich", "thu truong")
_ROMAN = re.compile(r"[IVX]+|[A-H]")


@dataclass(slots=True)
class Row:
    """One row below the headings. `cells`: what stands in the columns that mean something, by column;
    `merged`: columns whose cell is part of a merged range of several rows."""

    number: int
    kind: str
    name: str
    code: str
    district: str
    cells: dict[int, Cell]
    merged: set[int]
    has_formula_name: bool = False
    why: str = ""


def read_rows(sheet: Sheet, last_heading: int, roles: dict[int, str], is_commune: Any) -> Iterator[Row]:
    """The rows below the headings, each told what it is. `is_commune(name)`: whether a commune bears it."""
    place = {role: column for column, role in roles.items() if role in PLACES}
    marked = [column for column, role in roles.items() if role and role not in place]
    wanted = {*marked, *([place[DISTRICT]] if DISTRICT in place else [])}
    merged = _merged_downwards(sheet, last_heading, wanted)
    held = {column: _Spans(spans) for column, spans in merged.items() if column in marked}
    down = _Spans((top + 1, bottom) for top, bottom in merged.get(place.get(DISTRICT, 0), ()))
    district, above = "", ""

    def text(cells: list[Cell], role: str) -> str:
        column = place.get(role, 0)
        return text_of(cells[column - 1]) if 0 < column <= len(cells) else ""

    for number, cells in sheet.rows:
        if number <= last_heading:
            continue
        name, code = text(cells, NAME), text(cells, CODE)
        if DISTRICT in place:
            above = text(cells, DISTRICT) or (above if number in down else "")
        row = Row(
            number,
            COMMUNE,
            name,
            code,
            above if DISTRICT in place else district,
            {column: cells[column - 1] for column in marked if column <= len(cells) and text_of(cells[column - 1])},
            {column for column, spans in held.items() if number in spans},
            has_formula_name=any(isinstance(cells[c - 1], Formula) for c in place.values() if c <= len(cells)),
        )
        row.kind, row.why = _kind(row, cells, is_commune)
        if row.kind == DISTRICT_ROW:
            district = name or next(text_of(cell) for cell in cells if is_district_name(text_of(cell)))
        yield row


def _kind(row: Row, cells: list[Cell], is_commune: Any) -> tuple[str, str]:
    folded = search_name(row.name)
    first = next((text_of(cell) for cell in cells if text_of(cell)), "")
    known = bool(row.code) or is_commune(row.name)
    if not known:
        if not row.name and any(is_district_name(text_of(cell)) for cell in cells[:3]):
            return DISTRICT_ROW, ""
        if is_district_name(row.name) or (folded and _ROMAN.fullmatch(first) and first != row.name):
            return DISTRICT_ROW, ""
        if _TOTALS.fullmatch(folded) or _TOTALS.fullmatch(search_name(first)):
            return LEFT_OUT, "dòng tổng"
        if folded.startswith(_NOTES) or search_name(first).startswith(_NOTES):
            return LEFT_OUT, "ghi chú"
        if _is_numbering(cells, _leftmost(cells)) and not any(letter.isalpha() for letter in row.name[1:]):
            return LEFT_OUT, "dòng đánh số cột"
    # Blank cells may mean "not met"; a note below the table has no number before it.
    if not row.cells and not known and not (row.name and first.isdecimal() and first != row.name):
        return LEFT_OUT, "không có đánh giá"
    return COMMUNE, ""


class TooManyMerged(ValueError):
    """More merged cells than any table has."""


class _Spans:
    """Rows told by their first and last, which may overlap: whether one is among them."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        self.tops: list[int] = []
        self.bottoms: list[int] = []
        for top, bottom in sorted(spans):
            if self.bottoms and top <= self.bottoms[-1]:
                self.bottoms[-1] = max(self.bottoms[-1], bottom)
            else:
                self.tops.append(top)
                self.bottoms.append(bottom)

    def __contains__(self, row: int) -> bool:
        place = bisect_right(self.tops, row) - 1
        return place >= 0 and self.bottoms[place] >= row


def _merged_downwards(sheet: Sheet, last_heading: int, wanted: set[int]) -> dict[int, list[tuple[int, int]]]:
    """First and last row of the merged ranges of several rows, by column, of these columns.

    A few bytes can merge a million rows, and many times: ranges are never spelled out cell by cell."""
    columns = sorted(wanted)
    found: dict[int, list[tuple[int, int]]] = {}
    for number, (top, left, bottom, right) in enumerate(set(sheet.merged)):
        if number >= MOST_MERGED:
            raise TooManyMerged
        if top <= last_heading or bottom == top:
            continue
        for column in columns[bisect_left(columns, left) : bisect_right(columns, right)]:
            found.setdefault(column, []).append((top, bottom))
    return found


# --- marks -----------------------------------------------------------------------------

BLANK = ""
SHARE = "#"  # any number that isn't a usual mark: how far a criterion has come, in per cent
SKIP, REFUSE = "skip", "refuse"

MEANINGS: dict[str, str] = {
    "met": "Đạt",
    "firmly_met": "Đạt vững chắc",
    "nearly_met": "Cơ bản đạt",
    "not_met": "Chưa đạt",
    "not_applicable": "Không áp dụng",
    SKIP: "Chưa đánh giá (bỏ qua ô)",
    REFUSE: "Không rõ (từ chối ô)",
}

# Of numbers: met from a threshold on, else this.
FROM_THRESHOLD = {"from_not_met": "not_met", "from_nearly_met": "nearly_met"}
OF_NUMBERS: dict[str, str] = {
    "from_not_met": "Từ ngưỡng trở lên là Đạt, còn lại Chưa đạt",
    "from_nearly_met": "Từ ngưỡng trở lên là Đạt, còn lại Cơ bản đạt",
    "not_met": "Mọi số đều là Chưa đạt",
    "nearly_met": "Mọi số đều là Cơ bản đạt",
    SKIP: MEANINGS[SKIP],
    REFUSE: MEANINGS[REFUSE],
}

USUAL = {
    "met": "x đ d đạt dat 1 ✓ √ ✔ v + có true",
    "firmly_met": "đvc",
    "nearly_met": "cbđ cbd ≈",
    "not_met": "cđ cd kđ k 0 o ✗ không false",
    "not_applicable": "kad n/a na",
    SKIP: "- – — ... … .",
}
_USUAL = {mark: meaning for meaning, marks in USUAL.items() for mark in marks.split()} | {
    "đạt vững chắc": "firmly_met",
    "cơ bản đạt": "nearly_met",
    "cơ bản": "nearly_met",
    "chưa đạt": "not_met",
    "không đạt": "not_met",
    "chưa": "not_met",
    "không áp dụng": "not_applicable",
    BLANK: SKIP,
}


@lru_cache(maxsize=1024, typed=True)
def mark_of(cell: Cell) -> str:
    """A cell as a mark: "Đạt ", "ĐẠT" and "đạt" are one; numbers but 0 and 1 are all SHARE."""
    text = text_of(cell).lower()
    if text and text not in ("0", "1") and number_of(cell) is not None:
        return SHARE
    return text


def meanings_of(mark: str) -> dict[str, str]:
    """What a mark can mean. Numbers can't all be "met": 40 % isn't."""
    return OF_NUMBERS if mark == SHARE else MEANINGS


def guess_meaning(mark: str) -> str:
    return _USUAL.get(mark, REFUSE)


def letters(column: int) -> str:
    return column_letters(column)
