"""The entry workbook (biểu nhập kết quả): its columns, and drawing it.

One long sheet, a row for each commune and indicator, so that people can filter, sort and share it
out. What a row is about stands in hidden columns too, with the version of the draft it was made
from; a hidden sheet says what the workbook is. Only plain features, for Excel 2010, WPS and
LibreOffice: lists and ranges, no merged cells, no macros; protected without a password, so that a
wrong column is an accident and sorting stays possible. `criteria.exchange.entry_rows` reads it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from io import BytesIO
from typing import Any

from django.conf import settings

from communes.documents import DEMONSTRATION, printable
from communes.models import Unit
from communes.names import search_name
from communes.workbooks import Cell, lines_of
from criteria.checks import format_day
from criteria.models import CriteriaSet, Indicator
from criteria.targets import NO_TARGET, Resolved
from criteria.verdicts import VERDICTS, Verdict

TEMPLATE = "nhap-ket-qua/1"  # rises when a workbook of before can't be read any more
SHEET, GUIDE, ABOUT = "Nhập kết quả", "Hướng dẫn", "_bieu"
MOST_ROWS = 15_000  # 550 communes of 27 indicators; more is downloaded in parts
NO_LIMIT = 99_999_999_999_999  # what a column of results holds
LINE = 15  # points a line of text is high
LONGEST = 32_000  # characters a cell of Excel holds, with room to spare


@dataclass(frozen=True)
class Column:
    key: str
    title: str
    width: float


ABOUT_ROW = (
    Column("code", "Mã xã", 8),
    Column("commune", "Xã", 17),
    Column("criterion", "Tiêu chí", 20),
    Column("indicator", "Mã chỉ tiêu", 8),
    Column("content", "Nội dung", 44),
    Column("measure", "ĐVT", 8),
    Column("target", "Yêu cầu", 24),
    Column("last", "Kết quả gần nhất", 26),
)
TYPED = (
    Column("value", "Kết quả thực hiện", 12),
    Column("part", "Số đạt", 11),
    Column("whole", "Tổng số", 11),
    Column("verdict", "Đánh giá", 14),
    Column("day", "Thời điểm số liệu", 12),
    Column("note", "Ghi chú", 32),
)
REASON = Column("reason", "Lý do chưa ghi", 46)
KEYS = (
    Column("unit_key", "Khóa xã", 8),
    Column("indicator_key", "Khóa chỉ tiêu", 8),
    Column("version", "Phiên bản", 8),
    Column("limit", "Mức lớn nhất", 8),
)
TITLES = {search_name(column.title): column for column in (*ABOUT_ROW, *TYPED, REASON, *KEYS)}
VERDICT_LABELS = [
    VERDICTS[code].label for code in (Verdict.MET, Verdict.NEARLY_MET, Verdict.NOT_MET, Verdict.NOT_APPLICABLE)
]


@dataclass
class Line:
    """One row to draw. `last`: the newest result its reader may see, in words. `version`: that of the draft it is
    made from (0: none). `owner`: who answers for it where the reader may not write it. `typed` and `reason`: what
    was handed in and why it wasn't taken."""

    unit: Unit
    indicator: Indicator
    target: Resolved
    last: str
    version: int
    owner: str = ""
    typed: Sequence[Cell] = ()
    reason: str = ""


@dataclass
class Stray:
    """A row handed in of which nobody knows what it is about: its codes, cells and `keys` as they were typed."""

    code: Cell
    indicator: Cell
    typed: Sequence[Cell]
    keys: Sequence[int | None]
    reason: str


@dataclass
class About:
    """What a workbook is: of which place and set, when it was made and for which day its results are taken where
    a row names none."""

    place: Unit
    criteria_set: CriteriaSet
    day: date
    last_day: date
    made_on: date
    period: str = ""
    criterion: str = ""
    lines: list[Line] = field(default_factory=list)
    strays: list[Stray] = field(default_factory=list)


def draw(about: About, *, with_reasons: bool = False) -> bytes:
    """The workbook of these lines; with reasons: of rows that weren't taken, to be mended."""
    from xlsxwriter import Workbook

    buffer = BytesIO()
    book = Workbook(
        buffer,
        {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    book.set_properties(
        {"title": f"Biểu nhập kết quả – {about.place.full_name}", "created": datetime.combine(about.day, time())}
    )
    looks = {name: book.add_format({**_BASE, **look}) for name, look in _LOOKS.items()}
    columns = [*ABOUT_ROW, *TYPED, *([REASON] if with_reasons else []), *KEYS]
    sheet, guide, facts = (book.add_worksheet(name) for name in (SHEET, GUIDE, ABOUT))
    top = _heading(sheet, looks, about, columns, with_reasons)
    for place, line in enumerate(about.lines, top + 1):
        _row(sheet, looks, place, line, with_reasons)
    for place, stray in enumerate(about.strays, top + 1 + len(about.lines)):
        _stray(sheet, looks, place, stray)
    _set_up(sheet, looks, columns, top, len(about.lines) + len(about.strays), about)
    _guide(guide, looks, with_reasons)
    for place, (name, value) in enumerate(
        (
            ("mau", TEMPLATE),
            ("bo-tieu-chi", about.criteria_set.code),
            ("dia-ban", str(about.place.pk)),
            ("tieu-chi", about.criterion),
            ("lap-ngay", about.made_on.isoformat()),
            ("ky", about.period),
            ("ngay-so-lieu", about.day.isoformat()),
        )
    ):
        facts.write_string(place, 0, name)
        facts.write_string(place, 1, value)
    facts.protect()
    facts.hide()
    book.close()
    return buffer.getvalue()


_BASE = {"font_name": "Times New Roman", "font_size": 11, "valign": "top"}
_BOX = {"border": 1, "border_color": "#8A9A96", "text_wrap": True}
_OPEN = {**_BOX, "locked": False, "bg_color": "#FFFBE6"}
_LOOKS: dict[str, dict[str, Any]] = {
    "plain": {},
    "title": {"bold": True, "font_size": 14},
    "line": {"italic": True},
    "demo": {"bold": True, "font_color": "#A3261B"},
    "head": {**_BOX, "bold": True, "align": "center", "valign": "vcenter", "bg_color": "#DDEBE7"},
    "head_open": {**_BOX, "bold": True, "align": "center", "valign": "vcenter", "bg_color": "#F7E7A6"},
    "text": _BOX,
    "centre": {**_BOX, "align": "center"},
    "closed": {**_BOX, "bg_color": "#E7ECEA"},
    # General shows a number as it is: a pattern with optional places leaves a separator behind a whole one. With the
    # sign as plain text a program has no cell of per cents to divide for, and who typed "100 %" sees 1 %.
    "number": {**_OPEN, "num_format": "General", "align": "right"},
    "rate": {**_OPEN, "num_format": 'General" %"', "align": "right"},
    "verdict": _OPEN,
    "day": {**_OPEN, "num_format": "dd/mm/yyyy", "align": "center"},
    "note": _OPEN,
    "reason": {**_BOX, "font_color": "#A3261B"},
    "guide": {"text_wrap": True},
    "bold": {"bold": True, "text_wrap": True},
}
_LOOK_OF = {"value": "number", "part": "number", "whole": "number", "verdict": "verdict", "day": "day", "note": "note"}


def _heading(sheet: Any, looks: dict[str, Any], about: About, columns: Sequence[Column], with_reasons: bool) -> int:
    """What stands above the table, and the row of its titles (counted from 0)."""
    made = f"Lập ngày {format_day(about.made_on)}. Chỉ điền ô màu vàng; Thời điểm số liệu để trống là ngày "
    made += f"{format_day(about.day)}. Cách điền: trang “{GUIDE}”."
    what = "DÒNG CHƯA GHI CỦA BIỂU NHẬP KẾT QUẢ" if with_reasons else "BIỂU NHẬP KẾT QUẢ THỰC HIỆN TIÊU CHÍ"
    name = about.criteria_set.name
    lines = [
        (f"{what} – {about.place.full_name.upper()}", "title"),
        (f"{name} ({about.criteria_set.decision})" if about.criteria_set.decision else name, "line"),
        (f"{about.period}. {made}" if about.period else made, "line"),
    ]
    if settings.DEMONSTRATION:
        lines.insert(0, (DEMONSTRATION, "demo"))
    for place, (text, look) in enumerate(lines):
        sheet.write_string(place, 0, printable(text), looks[look])
    top = len(lines) + 1
    keys = {column.key for column in TYPED}
    for place, column in enumerate(columns):
        sheet.write_string(top, place, column.title, looks["head_open" if column.key in keys else "head"])
    sheet.set_row(top, 46)
    return top


def _row(sheet: Any, looks: dict[str, Any], row: int, line: Line, with_reasons: bool) -> None:
    item = line.indicator
    content = item.name
    if line.owner:
        content += f"\n(Do {line.owner} phụ trách: không nhập ở dòng này.)"
    told = (
        line.unit.code,
        line.unit.full_name,
        f"{item.criterion.number}. {item.criterion.name}",
        item.code,
        content,
        item.measure,
        _target(line.target),
        line.last,
    )
    for place, text in enumerate(told):
        sheet.write_string(row, place, printable(text)[:LONGEST], looks["centre" if place in {0, 3, 5} else "text"])
    at = len(told)
    open_ones = _open_cells(item) if not line.owner else frozenset()
    typed = line.typed or (None,) * len(TYPED)
    for place, (column, value) in enumerate(zip(TYPED, typed, strict=True), at):
        name = "rate" if column.key == "value" and is_rate(item) else _LOOK_OF[column.key]
        look = looks[name if column.key in open_ones or value is not None else "closed"]
        _write(sheet, row, place, value, look)
    at += len(TYPED)
    if with_reasons:
        sheet.write_string(row, at, printable(line.reason)[:LONGEST], looks["reason"])
        at += 1
    texts = [*zip(told, (column.width for column in ABOUT_ROW), strict=True)]
    texts += [(line.reason, REASON.width), (str(typed[-1] or ""), TYPED[-1].width)]
    sheet.set_row(row, min(409, LINE * max(lines_of(text, width) for text, width in texts)))
    for place, number in enumerate((line.unit.pk, item.pk, line.version, 100 if is_rate(item) else NO_LIMIT), at):
        sheet.write_number(row, place, number)


def _stray(sheet: Any, looks: dict[str, Any], row: int, stray: Stray) -> None:
    told = {"code": stray.code, "indicator": stray.indicator}
    for place, column in enumerate(ABOUT_ROW):
        text = str(told.get(column.key) or "")
        sheet.write_string(row, place, printable(text)[:LONGEST], looks["centre" if text else "text"])
    at = len(ABOUT_ROW)
    for place, (column, value) in enumerate(zip(TYPED, stray.typed, strict=True), at):
        _write(sheet, row, place, value, looks[_LOOK_OF[column.key]])
    at += len(TYPED)
    sheet.write_string(row, at, printable(stray.reason)[:LONGEST], looks["reason"])
    sheet.set_row(row, LINE * lines_of(stray.reason, REASON.width))
    for place, key in enumerate((*stray.keys, NO_LIMIT), at + 1):
        if key is not None:
            sheet.write_number(row, place, key)


def _write(sheet: Any, row: int, column: int, value: Cell, look: Any) -> None:
    """A cell as it was handed in; text stays text."""
    if value is None:
        sheet.write_blank(row, column, None, look)
    elif isinstance(value, bool):
        sheet.write_boolean(row, column, value, look)
    elif isinstance(value, int | float):
        sheet.write_number(row, column, value, look)
    elif isinstance(value, date):
        sheet.write_datetime(row, column, value, look)
    else:
        sheet.write_string(row, column, printable(str(value))[:LONGEST], look)


def _open_cells(item: Indicator) -> frozenset[str]:
    """The cells of a row that can be filled: figures only where it has some."""
    found = {"verdict", "day", "note"}
    if item.is_numeric:
        found.add("value")
    if item.kind == Indicator.Kind.PERCENT:
        found |= {"part", "whole"}
    return frozenset(found)


def is_rate(item: Indicator) -> bool:
    """Whether its results are per cents of a whole, at most 100."""
    return item.kind == Indicator.Kind.PERCENT and item.measure in {"", "%"}


def _target(target: Resolved) -> str:
    if not target.operator:
        return NO_TARGET
    return target.text if target.confirmed else f"{target.text} (chưa xác nhận)"


def _set_up(sheet: Any, looks: dict[str, Any], columns: Sequence[Column], top: int, count: int, about: About) -> None:
    """Widths, frozen headings, what may be typed where, protection, print."""
    for place, column in enumerate(columns):
        sheet.set_column(place, place, column.width, looks["plain"], {"hidden": column in KEYS})
    sheet.freeze_panes(top + 1, 4)
    first, last = top + 1, top + max(count, 1)
    at = {column.key: place for place, column in enumerate(columns)}

    def letters(key: str) -> str:
        from xlsxwriter.utility import xl_col_to_name

        return f"${xl_col_to_name(at[key])}{first + 1}"

    number = {
        "validate": "decimal",
        "criteria": "between",
        "minimum": 0,
        "error_title": "Không phải số hợp lệ",
    }
    rules: dict[str, dict[str, Any]] = {
        "value": {
            **number,
            "maximum": f"={letters('limit')}",
            "input_title": "Kết quả thực hiện",
            "input_message": "Gõ số, tỷ lệ không gõ dấu %: 98,5. Có Số đạt và Tổng số thì để trống ô này.",
            "error_message": "Nhập số từ 0 trở lên; tỷ lệ không quá 100 và không gõ dấu %.",
        },
        "part": {
            **number,
            "maximum": f"=IF(ISNUMBER({letters('whole')}),{letters('whole')},{NO_LIMIT})",
            "error_message": "Nhập số từ 0 trở lên, không lớn hơn Tổng số.",
        },
        "whole": {**number, "maximum": NO_LIMIT, "error_message": "Nhập số từ 0 trở lên."},
        "verdict": {
            "validate": "list",
            "source": VERDICT_LABELS,
            "error_title": "Chọn trong danh sách",
            "error_message": f"Chọn một trong: {', '.join(VERDICT_LABELS)}.",
        },
        "day": {
            "validate": "date",
            "criteria": "between",
            "minimum": about.criteria_set.first_day,
            "maximum": about.last_day,
            "error_title": "Ngày không hợp lệ",
            "error_message": f"Nhập ngày từ {format_day(about.criteria_set.first_day)} đến "
            f"{format_day(about.last_day)}, như {format_day(about.day)}.",
        },
    }
    for key, rule in rules.items():
        sheet.data_validation(first, at[key], last, at[key], rule)
    sheet.autofilter(top, 0, last, len(columns) - len(KEYS) - 1)
    sheet.protect(
        "",
        {"format_columns": True, "format_rows": True, "sort": True, "autofilter": True, "select_locked_cells": True},
    )
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.5)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(top)
    sheet.set_footer("&C&P/&N")


_GUIDE = {
    "Chỉ điền ô vàng": "Các ô khác đã khóa (không có mật khẩu). Dòng để trống hết ô vàng: giữ nguyên. "
    "Dòng chỉ điền một phần: các ô để trống giữ như cột “Kết quả gần nhất”.",
    "Kết quả thực hiện": "Gõ số như 98,5 hoặc 1.234; tỷ lệ không gõ dấu %. Chỉ tiêu có/không: không gõ số.",
    "Số đạt, Tổng số": "Chỉ cho chỉ tiêu tỷ lệ: gõ 1182 và 1253, hệ thống tính tỷ lệ. Không gõ 12/15 trong một ô.",
    "Đánh giá": "Chọn trong danh sách. Để trống: giữ mức đánh giá đang có.",
    "Thời điểm số liệu": "Ngày số liệu có hiệu lực, như 30/06/2024. Để trống: ngày ghi ở đầu biểu.",
    "Ghi chú": "Không bắt buộc; với “Không áp dụng” phải nêu lý do.",
    "Không làm": "Không thêm dòng, gộp ô, dùng công thức, xóa cột ẩn, chép dòng sang dòng khác. Lọc và sắp xếp cả bảng "
    "thì được; muốn sắp xếp, bỏ bảo vệ trang tính (Review › Unprotect Sheet).",
    "Nộp biểu": "Lưu dạng .xlsx rồi tải lên ở trang “Biểu nhập Excel”. Hệ thống cho xem trước từng dòng; chỉ ghi khi "
    "bấm xác nhận. Dòng không ghi được trả lại thành tệp có cột “Lý do chưa ghi”.",
}
_GUIDE_AGAIN = {
    "Biểu này": "Gồm các dòng chưa ghi của biểu đã nộp. Cột “Lý do chưa ghi” nói phải sửa gì; cột “Kết quả gần nhất” "
    "là số liệu trên hệ thống lúc lập biểu này. Sửa xong tải lên lại.",
}


def _guide(guide: Any, looks: dict[str, Any], with_reasons: bool) -> None:
    rows = (_GUIDE_AGAIN if with_reasons else {}) | _GUIDE
    guide.set_column(0, 0, 24)
    guide.set_column(1, 1, 96)
    guide.write_string(0, 0, "CÁCH ĐIỀN BIỂU NHẬP KẾT QUẢ", looks["title"])
    for place, (name, text) in enumerate(rows.items(), 2):
        guide.write_string(place, 0, name, looks["bold"])
        guide.write_string(place, 1, text, looks["guide"])
        guide.set_row(place, 34)
    guide.set_landscape()
    guide.set_paper(9)
    guide.fit_to_pages(1, 0)
