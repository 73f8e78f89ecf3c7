"""A table copied from a spreadsheet, put beside the unit's rows: what would be saved, line by line.

Lines hold Kết quả thực hiện, Đánh giá, Ghi chú in that order (the last ones may be missing), either
from one row downwards or with the indicator's code before them. Cells left empty change nothing.
Nothing is written here: `plan` judges each line as saving its row would, the page shows it,
and `save` writes the clean ones in one transaction, as they were seen.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from communes.models import Unit
from communes.names import search_name
from communes.text import clean_text
from criteria.checks import Judged, Refused, judge
from criteria.entries import is_same
from criteria.entry_steps import Opinion, check_seen, newer_than, opinion_of, save_rows, targets_on
from criteria.models import CriteriaSet, Indicator
from criteria.numbers import decimal_mark, format_number, parse_marked
from criteria.sheets import Row
from criteria.verdicts import Verdict

MAX_LINES = 300  # no set has as many indicators: what is longer was copied by mistake
MAX_TYPED = 200_000
COLUMNS = 3
LONGEST_NOTE = 2000

# A cell in quotes, as spreadsheets write one with line ends or tabs in it; else up to the next tab or line end.
_CELL = re.compile(r'(?:"((?:[^"]|"")*)"(?=[\t\n]|\Z)|([^\t\n]*))([\t\n]|\Z)')

_VERDICT_WORDS = {
    "dat": Verdict.MET,
    "d": Verdict.MET,
    "x": Verdict.MET,
    "co": Verdict.MET,
    "co ban dat": Verdict.NEARLY_MET,
    "cbd": Verdict.NEARLY_MET,
    "chua dat": Verdict.NOT_MET,
    "khong dat": Verdict.NOT_MET,
    "cd": Verdict.NOT_MET,
    "khong ap dung": Verdict.NOT_APPLICABLE,
    "kad": Verdict.NOT_APPLICABLE,
}
# What answers a yes/no indicator; elsewhere "không" doesn't say how far a figure reaches.
_ANSWERS = _VERDICT_WORDS | {"khong": Verdict.NOT_MET}
_VERDICT_MARKS = {"✓": Verdict.MET, "✔": Verdict.MET, "≈": Verdict.NEARLY_MET, "✗": Verdict.NOT_MET}


class NothingPasted(ValueError):
    """The table can't be looked at line by line at all; the message says why and what to do."""


@dataclass
class Line:
    """One pasted line. `reason` says why it is refused; else `opinion` is what its row would hold."""

    number: int
    cells: list[str]
    row: Row | None = None
    opinion: Opinion | None = None
    judged: Judged | None = None
    is_same: bool = False
    only_day: bool = False  # what is new is the day it holds
    reason: str = ""

    @property
    def outcome(self) -> str:
        return "refused" if self.reason else "same" if self.is_same else "save"

    @property
    def pasted(self) -> str:
        """The line as it was pasted, short enough for a list."""
        shown = " | ".join(clean_text(cell) for cell in self.cells)
        return shown if len(shown) <= 120 else f"{shown[:119]}…"


def read_table(text: str) -> list[list[str]]:
    """The cells of what a spreadsheet puts on the clipboard; empty lines at the end are dropped.

    Raises NothingPasted for nothing, and for more than MAX_LINES lines.
    """
    if len(text) > MAX_TYPED:
        raise NothingPasted("Nội dung dán quá dài. Chỉ chép các cột kết quả, đánh giá, ghi chú rồi dán lại.")
    text = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
    if not text.strip():
        raise NothingPasted("Chưa có nội dung. Chép các ô trong Excel rồi dán vào ô này.")
    table: list[list[str]] = [[]]
    # The second form of a cell fits the empty text too, so that cells follow each other without a gap.
    for found in _CELL.finditer(text):
        quoted, plain, end = found.groups()
        table[-1].append((quoted.replace('""', '"') if quoted is not None else plain).strip())
        if end == "\n":
            table.append([])
        elif not end:
            break
    if len(table) > MAX_LINES:
        raise NothingPasted(
            f"Đã dán {format_number(len(table))} dòng, nhiều hơn {MAX_LINES} dòng được nhận một lần. "
            "Có thể đã chọn cả cột trong Excel: chỉ chép các dòng chỉ tiêu rồi dán lại."
        )
    for cells in table:
        while len(cells) > 1 and not cells[-1]:
            cells.pop()
    return table


def plan(
    unit: Unit, criteria_set: CriteriaSet, rows: list[Row], table: list[list[str]], *, start: int | None, day: date
) -> list[Line]:
    """The table's lines beside the rows, from the row of indicator `start` on (None: by the code
    in the first column), with what would come of each. Lines without anything are left out; raises
    NothingPasted where no line has anything."""
    lines = [Line(number, cells) for number, cells in enumerate(table, 1)]
    if start is None:
        _match_codes(rows, lines)
    else:
        _match_places(rows, lines, start)
    lines = [line for line in lines if line.reason or any(line.cells)]
    if not lines:
        raise NothingPasted("Các ô kết quả đã dán đều trống, không có gì để lưu. Chép các ô có nội dung rồi dán lại.")
    for line in lines:
        line.reason = line.reason or (line.row.owner_words if line.row else "")
    numbers = [text for line in lines if line.row and not line.reason for text in _numbers(line)]
    marks = {decimal_mark(text) for text in numbers} - {""}
    demanded = targets_on(unit, criteria_set, rows, day)
    for line in lines:
        if line.row is None or line.reason:
            continue
        try:
            line.opinion = _opinion(line.row, line.cells, marks)
            judged = judge(line.row.indicator, demanded[line.row.indicator.pk], **line.opinion)
        except Refused as refused:
            line.reason = str(refused)
        except ValueError as error:
            line.reason = str(error)
        else:
            line.judged, entry = judged, line.row.entry
            line.is_same = is_same(entry, judged, day)
            line.reason = newer_than(entry, day)
            line.only_day = entry is not None and is_same(entry, judged, entry.effective_on)
    return lines


def to_save(lines: list[Line]) -> list[Row]:
    """The rows that would be written, in the order they are locked in whoever pastes."""
    rows = [line.row for line in lines if line.row and line.outcome == "save"]
    return sorted(rows, key=lambda row: row.indicator.pk)


def save(
    unit: Unit, criteria_set: CriteriaSet, lines: list[Line], seen: dict[int, int], *, day: date, by: Any
) -> list[Row]:
    """Write the clean lines, if they are the ones that were seen; raises RowsChanged with nothing written."""
    rows = to_save(lines)
    check_seen(rows, seen)
    opinions = {line.row.indicator.pk: line.opinion for line in lines if line.row and line.opinion}
    return save_rows(unit, criteria_set, [(row, opinions[row.indicator.pk]) for row in rows], day=day, by=by)


def _match_codes(rows: list[Row], lines: list[Line]) -> None:
    """Give each line the row its first cell names, and take that cell away."""
    known = {row.indicator.code.lower(): row for row in rows}
    codes = {line.number: line.cells[0].rstrip(".").replace(",", ".").lower() for line in lines}
    times = Counter(codes.values())
    for line in lines:
        code, named, line.cells = codes[line.number], line.cells[0], line.cells[1:]
        if not named and not any(line.cells):
            continue
        line.row = known.get(code)
        if line.row is None:
            line.reason = f"Bộ tiêu chí không có chỉ tiêu mã “{_short(named)}”." if named else "Thiếu mã chỉ tiêu."
            line.cells = [named, *line.cells]
        elif times[code] > 1:
            line.reason = f"Mã “{_short(named)}” có ở {times[code]} dòng; chỉ giữ một dòng rồi dán lại."


def _match_places(rows: list[Row], lines: list[Line], start: int) -> None:
    """Give each line the next row, from the one that was chosen on."""
    first = next(place for place, row in enumerate(rows) if row.indicator.pk == start)
    for place, line in enumerate(lines, first):
        if place < len(rows):
            line.row = rows[place]
        elif any(line.cells):
            line.reason = "Thừa dòng: không còn chỉ tiêu nào ở dưới."


def _numbers(line: Line) -> list[str]:
    """The texts of a line that ought to be numbers."""
    if line.row is None or not line.row.indicator.is_numeric or not line.cells:
        return []
    return line.cells[0].split("/", 1)


def _opinion(row: Row, cells: list[str], marks: set[str]) -> Opinion:
    """The row's opinion with what the cells change; raises ValueError in words."""
    if len(cells) > COLUMNS:
        raise ValueError(
            f"Dòng có {len(cells)} cột kết quả. Chỉ dán Kết quả thực hiện, Đánh giá, Ghi chú theo thứ tự này."
        )
    value, verdict, note = [*cells, "", "", ""][:COLUMNS]
    opinion = opinion_of(row.entry)
    if value and not row.indicator.is_numeric:
        if verdict:
            raise ValueError("Chỉ tiêu có/không không nhập kết quả bằng số; để trống cột Kết quả thực hiện.")
        value, verdict = "", value
    if value:
        opinion |= figures_of(row.indicator, value, marks)
    if verdict:
        opinion["verdict"] = verdict_of(verdict, is_numeric=row.indicator.is_numeric)
    if note:
        opinion["note"] = clean_text(note, LONGEST_NOTE, multiline=True)
    return opinion


def figures_of(indicator: Indicator, text: str, marks: set[str]) -> Opinion:
    """Value, or part and whole, as a cell holds them ("98,5%", "12/15"); `marks`: the decimal marks its table
    surely uses. Raises ValueError in words."""
    if len(marks) > 1 and re.search(r"[.,]", text):
        raise ValueError(
            "Bảng có cả số viết kiểu 1,234.5 và kiểu 1.234,5 nên không rõ dấu nào là dấu thập phân. "
            "Thống nhất một kiểu rồi làm lại."
        )
    mark = next(iter(marks), "")
    part, slash, whole = text.partition("/")
    if slash and indicator.kind == Indicator.Kind.PERCENT:
        return {"value": None, "part": parse_marked(part, mark), "whole": parse_marked(whole, mark)}
    return {"value": parse_marked(text, mark), "part": None, "whole": None}


@lru_cache(maxsize=500)
def verdict_of(text: str, *, is_numeric: bool = True) -> str:
    """The verdict a cell names ("Đạt", "x", "cđ"; of a yes/no row also "Không"); raises ValueError in words."""
    words = _VERDICT_WORDS if is_numeric else _ANSWERS
    cleaned = clean_text(text)
    found = _VERDICT_MARKS.get(cleaned) or words.get(search_name(cleaned))
    if found is None:
        raise ValueError(f"“{_short(text)}” không phải mức đánh giá. Ghi Đạt, Cơ bản đạt, Chưa đạt hoặc Không áp dụng.")
    return found.value


def _short(text: str) -> str:
    cleaned = clean_text(text)
    return cleaned if len(cleaned) <= 30 else f"{cleaned[:29]}…"
