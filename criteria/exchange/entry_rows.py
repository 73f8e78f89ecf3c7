"""A filled entry workbook read back: which rows were filled, what their cells say, what is wrong with them.

Columns are found by their titles and rows by their hidden keys, so that neither's order matters. Whatever can't
be told for sure is refused with its place (row, column), never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from communes.names import search_name
from communes.text import clean_text
from communes.workbooks import Cell, Formula, Sheet, column_letters
from criteria.checks import format_day
from criteria.entry_steps import Opinion, opinion_of
from criteria.exchange.entry_sheet import ABOUT, KEYS, SHEET, TEMPLATE, TITLES, TYPED
from criteria.models import CriteriaSet, Indicator
from criteria.numbers import (
    MAX_PLACES,
    MAX_WHOLE_DIGITS,
    decimal_mark,
    format_number,
    parse_marked,
    ratio,
    round_half_up,
)
from criteria.paste import LONGEST_NOTE, figures_of, verdict_of
from criteria.uploads import Refused

HEADED_WITHIN = 25  # rows in which the titles must come
NEEDED = ("code", "indicator", *(column.key for column in TYPED), "unit_key", "indicator_key", "version")
_TITLE = {column.key: column.title for column in TITLES.values()}
_LARGEST = 10**MAX_WHOLE_DIGITS
_DAY = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")
_ISO_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[ T]00:00:00)?")


class FilledRow(NamedTuple):
    """One row in which something was filled. The keys are None where they aren't whole numbers; `cells` are those
    of TYPED, in that order."""

    number: int
    unit: int | None
    indicator: int | None
    version: int | None
    code: Cell
    indicator_code: Cell
    cells: tuple[Cell, ...]


@dataclass
class Filled:
    """The rows that were filled. `merged`: numbers of rows with a merged cell; `marks`: the decimal marks its texts
    surely use; `day`: for which results are taken where a row names none; `blank`: rows left as they were."""

    sheet: str
    columns: dict[str, int]
    day: date
    rows: list[FilledRow] = field(default_factory=list)
    merged: set[int] = field(default_factory=set)
    marks: set[str] = field(default_factory=set)
    blank: int = 0

    def at(self, row: int, key: str) -> str:
        """Where a cell is, in words: "Ô I12 (Kết quả thực hiện)"."""
        return f"Ô {column_letters(self.columns[key] + 1)}{row} ({_TITLE[key]})"


def read(book: Sequence[Sheet], criteria_set: CriteriaSet, day: date) -> Filled:
    """The filled rows of an entry workbook of this set; `day` is the one a workbook made now would take. Raises
    Refused for what isn't one, is of another set or year, or has lost its keys."""
    told = _about(book, criteria_set, day)
    sheet, top, columns, rows = _table(book)
    found = Filled(sheet.name, columns, told)
    reached = top
    for first_row, _, last_row, _ in sheet.merged:  # by first row, so that none is gone through twice
        found.merged.update(range(max(first_row, reached + 1), last_row + 1))
        reached = max(reached, last_row)
    keys = [columns[key] for key in ("unit_key", "indicator_key", "version")]
    code, indicator_code = columns["code"], columns["indicator"]
    typed = [columns[column.key] for column in TYPED]
    width = max(columns.values()) + 1
    nothing: tuple[Cell, ...] = (None,) * len(typed)
    texts: set[str] = set()
    for number, cells in rows:
        if len(cells) < width:
            cells = [*cells, *[None] * (width - len(cells))]
        values = tuple([cells[place] for place in typed])
        if values == nothing or not any(value is not None and str(value).strip() for value in values):
            if number not in found.merged:
                found.blank += cells[keys[0]] is not None
                continue
            values = nothing
        unit, indicator, version = (_key(cells[place]) for place in keys)
        found.rows.append(FilledRow(number, unit, indicator, version, cells[code], cells[indicator_code], values))
        for value in values[:3]:
            if type(value) is str:
                texts.update(value.split("/", 1))
    found.marks = {decimal_mark(text) for text in texts} - {""}
    return found


def _about(book: Sequence[Sheet], criteria_set: CriteriaSet, day: date) -> date:
    """For which day a row without one is; raises Refused for another kind, set or year of workbook."""
    facts = next((sheet for sheet in book if sheet.name == ABOUT), None)
    if facts is None:
        raise Refused(
            f"Tệp không phải biểu nhập kết quả của hệ thống (thiếu trang ẩn “{ABOUT}”). "
            "Tải biểu nhập Excel ở trang này, chép kết quả vào đó rồi tải lên."
        )
    told = {str(cells[0]): str(cells[1]) for _, cells in facts.rows if len(cells) > 1}
    if told.get("mau") != TEMPLATE:
        raise Refused("Biểu này theo mẫu cũ. Tải biểu nhập mới, chép kết quả vào đó rồi tải lên.")
    if told.get("bo-tieu-chi") != criteria_set.code:
        raise Refused(
            f"Biểu này lập cho bộ tiêu chí khác (mã {told.get('bo-tieu-chi', '')[:60]}), không phải "
            f"“{criteria_set.name}”. "
            "Chọn đúng bộ tiêu chí rồi tải lên, hoặc tải biểu nhập mới."
        )
    try:
        found = date.fromisoformat(told.get("ngay-so-lieu", "")[:10])
    except ValueError:
        raise Refused("Biểu đã bị sửa ở trang ẩn. Tải biểu nhập mới, chép kết quả vào đó rồi tải lên.") from None
    if found.year != day.year:
        raise Refused(
            f"Biểu này lập cho số liệu năm {found.year} (đến ngày {format_day(found)}), nay đang nhập năm {day.year}. "
            "Tải biểu nhập mới, chép kết quả vào đó rồi tải lên."
        )
    return found


def _table(book: Sequence[Sheet]) -> tuple[Sheet, int, dict[str, int], Iterable[tuple[int, list[Cell]]]]:
    """The sheet with the table, the number of its row of titles, its columns by key (from 0), and the rows below."""
    best: list[str] = []
    for sheet in sorted(book, key=lambda sheet: sheet.name != SHEET):
        if sheet.name == ABOUT:
            continue
        rows = iter(sheet.rows)
        for number, cells in rows:
            if number > HEADED_WITHIN:
                break
            keys = [TITLES.get(search_name(str(cell))) if cell is not None else None for cell in cells]
            columns = {column.key: place for place, column in enumerate(keys) if column}
            if "indicator" not in columns or "value" not in columns:
                continue
            named = [column.key for column in keys if column]
            twice = sorted({_TITLE[key] for key in named if named.count(key) > 1})
            if twice:
                raise Refused(
                    f"Trang “{sheet.name}” có hai cột cùng tên: {', '.join(twice)}. Xóa cột thừa rồi tải lên."
                )
            lost = [key for key in NEEDED if key not in columns]
            if not lost:
                return sheet, number, columns, rows
            best = best or lost
    hidden = {column.key for column in KEYS}
    if best and set(best) <= hidden:
        raise Refused(
            f"Biểu thiếu cột ẩn {', '.join(_TITLE[key] for key in best)} nên không biết dòng nào là của xã, chỉ tiêu "
            "nào. Tải biểu nhập mới, chép kết quả vào các ô vàng rồi tải lên."
        )
    if best:
        names = ", ".join(_TITLE[key] for key in best)
        raise Refused(f"Biểu thiếu cột {names}. Tải biểu nhập mới, chép kết quả vào đó rồi tải lên.")
    raise Refused(f"Không thấy dòng tiêu đề của biểu ở trang “{SHEET}”. Tải biểu nhập mới, chép kết quả vào đó.")


def _key(value: Cell) -> int | None:
    """A key as it was written; programs may keep it as a text."""
    if type(value) is int:
        return value if 0 <= value < 2**63 else None
    return int(value) if type(value) is str and value.strip().isdecimal() and len(value) < 19 else None


# --- the cells of a row ------------------------------------------------------------------


class Typed(NamedTuple):
    """What a row's cells say: only what was filled is in `changes` (names of judge()'s keywords)."""

    changes: dict[str, Any]
    day: date


def cells_of(filled: Filled, row: FilledRow, indicator: Indicator) -> tuple[Typed, list[str]]:
    """What the cells say, and what is wrong with them, each with its place."""
    value, part, whole, verdict, day, note = row.cells
    problems: list[str] = []
    changes: dict[str, Any] = {}

    def take(key: str, cell: Cell, reader: Callable[[Any, set[str]], Any]) -> Any:
        try:
            if type(cell) is Formula:
                raise ValueError("ô chứa công thức hoặc lỗi; ghi giá trị thay cho công thức")
            return reader(cell, filled.marks)
        except ValueError as error:
            problems.append(f"{filled.at(row.number, key)}: {str(error).rstrip('.')}.")
            return None

    if type(value) is str and verdict is None and not indicator.is_numeric:
        value, verdict = None, value  # as pasting a column takes it
    if type(value) is str and "/" in value and indicator.kind == Indicator.Kind.PERCENT:
        changes |= take("value", value, lambda cell, marks: figures_of(indicator, cell, marks)) or {}
        if part is not None or whole is not None:
            problems.append(f"{filled.at(row.number, 'value')}: đã có Số đạt, Tổng số thì để trống ô này.")
        value = part = whole = None
    for key, cell, reader in (
        ("value", value, _number),
        ("part", part, _number),
        ("whole", whole, _number),
        ("verdict", verdict, _verdict),
        ("note", note, _note),
    ):
        if cell is not None:
            told = take(key, cell, reader)
            if told is not None and told != "":
                changes[key] = told
    on = take("day", day, _day) if day is not None else None
    return Typed(changes, on or filled.day), problems


def opinion(entry: Any, changes: Mapping[str, Any]) -> Opinion:
    """What stands (a draft, a LastPublished, or None) with what was filled in. Raises ValueError in words where
    figures disagree."""
    found = opinion_of(entry)
    if "part" in changes or "whole" in changes:
        part = changes.get("part", found["part"])
        whole = changes.get("whole", found["whole"])
        value = changes.get("value")
        if value is not None and part is not None and whole and round_half_up(value, 2) != ratio(part, whole):
            raise ValueError(
                f"Kết quả thực hiện {format_number(value)} khác tỷ lệ {format_number(part)}/{format_number(whole)} = "
                f"{format_number(ratio(part, whole))}; để trống một bên."
            )
        found |= {"value": None, "part": part, "whole": whole}
    elif "value" in changes:
        found |= {"value": changes["value"], "part": None, "whole": None}
    for name in ("verdict", "note"):
        if name in changes:
            found[name] = changes[name]
    return found


# What a cell says; `marks` are the decimal marks that the workbook's texts use. All raise ValueError in words.


def _number(cell: Cell, marks: set[str]) -> Decimal | None:
    if isinstance(cell, date):
        raise ValueError(
            "Excel đã đổi thành ngày; nếu định ghi 12/5 thì ghi 12 ở Số đạt và 5 ở Tổng số, định dạng ô là số"
        )
    if isinstance(cell, bool):
        raise ValueError("không phải số")
    if isinstance(cell, int | float):
        if not -_LARGEST < cell < _LARGEST:
            raise ValueError("số quá lớn")
        if cell < 0:
            raise ValueError("số âm; nhập từ 0 trở lên")
        if isinstance(cell, int):
            return Decimal(cell)
        # What a spreadsheet has worked out carries more places than a result holds.
        return round_half_up(Decimal(repr(cell)), MAX_PLACES)
    text = str(cell)
    mark = next(iter(marks), "") if len(marks) == 1 else ""
    if len(marks) > 1 and re.search(r"[.,]", text):
        raise ValueError("biểu có cả số kiểu 1,234.5 và kiểu 1.234,5 nên không rõ dấu thập phân; thống nhất một kiểu")
    return parse_marked(text, mark)


def _verdict(cell: Cell, marks: set[str]) -> str:
    if type(cell) is not str:
        raise ValueError("không phải mức đánh giá; chọn trong danh sách")
    return verdict_of(cell) if cell.strip() else ""


def _note(cell: Cell, marks: set[str]) -> str:
    if isinstance(cell, date):
        return format_day(cell)
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return format_number(round_half_up(Decimal(repr(cell)), MAX_PLACES))
    return clean_text(str(cell), LONGEST_NOTE, multiline=True)


def _day(cell: Cell, marks: set[str]) -> date | None:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    text = clean_text(str(cell)) if type(cell) is str else ""
    if type(cell) is str and not text:
        return None
    for pattern, order in ((_DAY, (2, 1, 0)), (_ISO_DAY, (0, 1, 2))):
        match = pattern.fullmatch(text)
        if match:
            year, month, day = (int(match[place + 1]) for place in order)
            try:
                return date(year, month, day)
            except ValueError:
                break
    raise ValueError("không phải ngày; ghi như 30/06/2024")
