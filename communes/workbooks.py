"""Workbooks other people made, read without trusting them.

An archive is judged by its directory and its members before any library for workbooks
sees it: how many members, how large unpacked, no macros, no links to other workbooks, no
document types (entities grow without bound), no cell far outside (one in the last row would
make a table of a million rows), no text copied a thousand times. Only then is a sheet read, values
only: a cell with a formula is told apart and never worked out.
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property, partial
from io import BytesIO
from math import ceil
from pathlib import PurePosixPath
from typing import Any
from xml.etree import ElementTree

KB, MB = 1024, 1024 * 1024
MAX_MEMBERS = 200
MAX_RATIO = 100
MAX_CELLS = 2_000_000  # spanned by all sheets together, empty ones included: 60 MB
LONGEST_TEXT = 200 * KB  # of one cell with its markup; Excel itself holds 32.767 letters
MAX_TEXTS = 50 * MB  # of all cells together
MAX_COLUMNS = 256  # IV, the last one of Excel 2003: no form of ours is as wide

Cell = str | int | float | bool | date | datetime | None


@dataclass(frozen=True)
class Limits:
    """How large a workbook may be: bytes as uploaded and unpacked, rows looked at, empty ones included; and where to
    what of it is needed is to be copied, in words."""

    file: int
    unpacked: int
    rows: int
    into: str = "tệp mẫu"


LIST = Limits(2 * MB, 20 * MB, 5_000)  # a list of 300 people is 0,2 MB
TABLE = Limits(10 * MB, 50 * MB, 20_000)  # 200 communes by 57 indicators are 1 MB
OLD_TABLE = replace(TABLE, into="tệp mới")  # made by anybody: there is no template
MAX_FILE = LIST.file


BOMB = "Tệp bung ra quá lớn so với một bảng nên không được nhận. Chép riêng bảng cần nộp (Paste Values) vào {into}."
NO_XLSX = "Đây không phải tệp Excel dạng .xlsx. Mở bằng Excel, lưu lại dạng .xlsx rồi tải lên."
BROKEN = "Không đọc được tệp này. Mở bằng Excel, lưu lại dạng .xlsx rồi tải lên."


class UnsafeWorkbook(ValueError):
    """A file that isn't read; the message says why and what to do."""


LETTERS = 1.15  # of Times New Roman for each unit of a column's width


def lines_of(text: str, width: float) -> int:
    """How many lines a text takes in a column: programs don't agree on whether they make rows high enough."""
    return sum(ceil(len(line) / width / LETTERS) or 1 for line in text.split("\n"))


class Formula(str):
    """A cell that holds a formula, or the error one left behind, instead of a value."""

    __slots__ = ()


@dataclass
class Sheet:
    """One sheet of a workbook, read once it is asked for. Rows and columns count from 1."""

    name: str
    is_hidden: bool
    part: bytes = field(repr=False)
    _read: Callable[[], Any] = field(repr=False)

    @cached_property
    def table(self) -> Any:
        """The library's own sheet; raises UnsafeWorkbook for a broken one."""
        try:
            return self._read()
        except Exception:  # whatever a broken part makes the library raise
            raise UnsafeWorkbook(BROKEN) from None

    @property
    def row_count(self) -> int:
        """About how many rows there are, without reading them."""
        return self.part.count(b"<row")

    @property
    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """Number and cells of every row that isn't empty."""
        start = self.table.start
        if start is None:
            return
        before: list[Cell] = [None] * start[1]
        for number, cells in enumerate(self.table.iter_rows(), start=1):
            values = before + [_value_of(cell) for cell in cells]
            for column in self._formulas.get(number, ()):
                values += [None] * (column - len(values))
                # Saved by a program that works nothing out, a formula has no value.
                values[column - 1] = Formula("=" if values[column - 1] is None else values[column - 1])
            if any(value is not None and str(value).strip() for value in values):
                yield number, values

    @cached_property
    def merged(self) -> list[tuple[int, int, int, int]]:
        """(first row, first column, last row, last column) of each merged range, as far as the table reaches.
        There may be very many, and they may lie over each other: never go through their cells one by one."""
        end = self.table.end
        if end is None:
            return []
        found = {
            (top + 1, left + 1, min(bottom, end[0]) + 1, min(right, end[1]) + 1)
            for (top, left), (bottom, right) in self.table.merged_cell_ranges or []
            if top <= end[0] and left <= end[1]
        }
        return sorted(found)

    @cached_property
    def _formulas(self) -> dict[int, list[int]]:
        """Columns that hold formulas, or the errors they left behind, by row."""
        found: dict[int, list[int]] = {}
        end = self.part.rfind(b"sheetData>")  # behind it only rules have formulas
        mark = b":f" if self.part[end - 1 : end] == b":" else b"<f"  # by how the sheet names its elements
        cells = _FORMULA.findall(self.part) if self.part.find(mark, 0, end) >= 0 else []
        if b"#" in self.part:  # every error's text begins with it; rare, and worth no second look otherwise
            cells += _ERROR.findall(self.part)
        for letters, row in cells:
            found.setdefault(int(row), []).append(column_number(letters.decode()))
        return found


def read_book(data: bytes, limits: Limits) -> list[Sheet]:
    """The sheets of a workbook, hidden ones too; raises UnsafeWorkbook."""
    parts = check_archive(data, limits)
    import python_calamine

    broken = UnsafeWorkbook(BROKEN)
    try:
        book = python_calamine.load_workbook(BytesIO(data))
        sheets = []
        for place, (about, part) in enumerate(zip(book.sheets_metadata, parts, strict=True)):
            if about.typ == python_calamine.SheetTypeEnum.WorkSheet:
                hidden = about.visible != python_calamine.SheetVisibleEnum.Visible
                sheets.append(Sheet(about.name, hidden, part, partial(book.get_sheet_by_index, place)))
    except Exception:  # whatever a broken part makes the library raise
        raise broken from None
    if not sheets:
        raise broken
    return sheets


def read_rows(data: bytes) -> Iterator[tuple[int, list[Cell]]]:
    """Number and cells of every row of a list's first sheet that isn't empty; raises UnsafeWorkbook."""
    return read_book(data, LIST)[0].rows


def column_number(letters: str) -> int:
    """A → 1, Z → 26, AA → 27."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def column_letters(number: int) -> str:
    """1 → A, 27 → AA."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


# What a formula that failed leaves behind.
ERROR_WORDS = {"#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#GETTING_DATA"}


def _value_of(value: Any) -> Cell:
    """A cell as it is told on; whole numbers as int. Asked for every cell of a table, so by its type alone."""
    kind = type(value)
    if kind is str:
        if not value:
            return None
        return Formula(value) if value[0] == "#" and value in ERROR_WORDS else value
    if kind is float:
        return int(value) if value.is_integer() else value
    return value if kind in _PLAIN else str(value)


_PLAIN = {int, bool, date, datetime, type(None)}


# --- the archive ---------------------------------------------------------------------------

# No \b before what is asked for every cell: an expression that begins with a letter is searched for twice as fast.
# No "<" within a tag, nor a name far within it: else one repeated a thousand times would be looked through as often.
_ROW = re.compile(rb"""r\s*=\s*["'][A-Za-z]{1,3}(\d{1,9})["']""")
_COLUMN = re.compile(rb"""r\s*=\s*["']([A-Za-z]{1,3})\d""")
_FORMULA = re.compile(
    rb"""<(?:\w+:)?c\b[^<>]{0,99}?\br\s*=\s*["']([A-Z]{1,3})(\d{1,7})["'][^<>]*>\s*<(?:\w+:)?f[\s>/]"""
)
_ERROR = re.compile(rb"""<(?:\w+:)?c\b(?=[^<>]*\bt\s*=\s*["']e["'])[^<>]*?\br\s*=\s*["']([A-Z]{1,3})(\d{1,7})["']""")
# No "t" behind it in its tag, for the same reason; what is written otherwise is counted as the longest text.
_SHARED = re.compile(rb"""t\s*=\s*["']s["'][^<>t]*>\s*<(?:\w+:)?v[^<>]*>(\d{1,9})<""")


def check_archive(data: bytes, limits: Limits) -> list[bytes]:
    """Raise UnsafeWorkbook unless the bytes are a plain, bounded .xlsx; the parts of its sheets in their order."""
    _check_head(data, limits)
    broken = UnsafeWorkbook("Tệp bị hỏng hoặc chưa tải lên hết. Lưu lại từ Excel rồi tải lên.")
    end = data.rfind(b"PK\x05\x06")
    if end < 0 or len(data) - end < 22:
        raise broken
    # The directory alone may be made to fill the memory: its own count first.
    (members,) = struct.unpack("<H", data[end + 10 : end + 12])
    if members > MAX_MEMBERS or b"PK\x06\x07" in data[max(0, end - 20) : end]:
        raise UnsafeWorkbook(BOMB.format(into=limits.into))
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            contents = _unpacked(archive, len(data), limits)
            if "xl/workbook.xml" not in {name.lower() for name in contents}:
                raise UnsafeWorkbook(NO_XLSX)
            return [contents[name] for name in _sheet_parts(archive)]
    except UnsafeWorkbook:
        raise
    except Exception:  # zipfile raises anything on broken bytes
        raise broken from None


def _check_head(data: bytes, limits: Limits) -> None:
    """Refuse by its size and first bytes what is no .xlsx at all."""
    if len(data) > limits.file:
        raise UnsafeWorkbook(
            f"Tệp lớn hơn {limits.file // MB} MB. Bảng cần nộp nhỏ hơn nhiều: bỏ ảnh và trang thừa, hoặc tách từng "
            f"bảng ra {limits.into}."
        )
    if not data:
        raise UnsafeWorkbook("Tệp rỗng (0 byte). Kiểm tra lại tệp trên máy rồi tải lên.")
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        locked = "EncryptedPackage".encode("utf-16-le") in data
        raise UnsafeWorkbook(
            "Tệp có mật khẩu nên không đọc được. Bỏ mật khẩu (Tệp › Thông tin › Bảo vệ) rồi tải lên."
            if locked
            else "Tệp dạng .xls cũ không được nhận. Mở bằng Excel, lưu lại dạng .xlsx rồi tải lên."
        )
    if not data.startswith(b"PK\x03\x04"):
        raise UnsafeWorkbook(NO_XLSX)


def _unpacked(archive: zipfile.ZipFile, size: int, limits: Limits) -> dict[str, bytes]:
    """The members by name, each looked at; refuses what would fill the memory."""
    infos = archive.infolist()
    unpacked = sum(info.file_size for info in infos)
    if len(infos) > MAX_MEMBERS or unpacked > limits.unpacked or unpacked > MAX_RATIO * max(size, 10 * KB):
        raise UnsafeWorkbook(BOMB.format(into=limits.into))
    contents: dict[str, bytes] = {}
    cells = 0
    for info in infos:
        content = contents[info.filename] = archive.read(info)
        cells += _check_member(info.filename.lower(), content, limits)
    if cells > MAX_CELLS:
        raise UnsafeWorkbook(BOMB.format(into=limits.into))
    _check_texts(contents, limits)
    return contents


def _sheet_parts(archive: zipfile.ZipFile) -> list[str]:
    """Names of the members that hold the sheets, in the workbook's order."""
    # No document type got this far, so nothing expands.
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314
    ties = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    targets = {tie.get("Id"): tie.get("Target") or "" for tie in ties}
    found = []
    for element in book.iter():
        if element.tag.rpartition("}")[2] != "sheet":
            continue
        tie = next(value for name, value in element.attrib.items() if name.rpartition("}")[2] == "id")
        target = targets[tie]
        found.append(target[1:] if target.startswith("/") else str(PurePosixPath("xl") / target))
    return found


def _check_member(name: str, content: bytes, limits: Limits) -> int:
    """Refuse an unsafe member; the cells its table would have, 0 for what is no sheet."""
    if name.endswith("vbaproject.bin") or (name == "[content_types].xml" and b"macroEnabled" in content):
        raise UnsafeWorkbook("Tệp có macro nên không được nhận. Lưu lại dạng .xlsx (không có macro) rồi tải lên.")
    if "/externallinks/" in name:
        raise UnsafeWorkbook(
            f"Tệp liên kết tới một tệp Excel khác nên không được nhận. Chép giá trị (Paste Values) vào {limits.into}."
        )
    plain = content.replace(b"\0", b"")  # UTF-16 hides the words from a plain search
    # The mark alone first: it is found, or not, ten times as fast.
    if name.endswith((".xml", ".rels", ".vml")) and b"!" in plain and b"<!" in plain:
        upper = plain.upper()
        if b"<!DOCTYPE" in upper or b"<!ENTITY" in upper:
            raise UnsafeWorkbook(
                f"Tệp có nội dung không an toàn nên không được nhận. Chép giá trị (Paste Values) vào {limits.into}."
            )
    return _check_extent(plain, limits) if b"sheetData" in plain else 0


def _check_extent(sheet: bytes, limits: Limits) -> int:
    """Refuse a sheet with a cell beyond the rows and columns that are looked at; the cells of the table
    its own ones span, which the library will make, however few they are."""
    rows = {int(row) for row in set(_ROW.findall(sheet))}
    columns = {column_number(letters.decode().upper()) for letters in set(_COLUMN.findall(sheet))}
    if sheet.count(b"<row") > limits.rows or max(rows, default=0) > limits.rows:
        raise UnsafeWorkbook(
            f"Trang tính dài hơn {limits.rows:,} dòng. Xóa các dòng trống phía dưới bảng "
            "(chọn dòng, Delete), lưu rồi tải lên lại.".replace(",", ".", 1)
        )
    if max(columns, default=0) > MAX_COLUMNS:
        raise UnsafeWorkbook(
            f"Trang tính rộng hơn {MAX_COLUMNS} cột. Xóa các cột trống bên phải bảng, lưu rồi tải lên lại."
        )
    return max(rows, default=0) * max(columns, default=0)


def _check_texts(contents: dict[str, bytes], limits: Limits) -> None:
    """Refuse a workbook whose shared texts, copied to every cell that names them, would fill the memory."""
    shared = [len(text) for name, content in contents.items() if name.lower().endswith("sharedstrings.xml")
              for text in content.split(b"<si")[1:]]  # fmt: skip
    if not shared:
        return
    if max(shared) > LONGEST_TEXT:
        raise UnsafeWorkbook(BOMB.format(into=limits.into))
    longest = max(shared)
    cells = sum(content.count(b'"s"') + content.count(b"'s'") for content in contents.values())
    if cells * longest <= MAX_TEXTS:
        return
    named = Counter(place for content in contents.values() for place in _SHARED.findall(content))
    size = sum(times * shared[int(place)] for place, times in named.items() if int(place) < len(shared))
    if size + (cells - named.total()) * longest > MAX_TEXTS:
        raise UnsafeWorkbook(BOMB.format(into=limits.into))
