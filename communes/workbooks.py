"""Workbooks other people made, read without trusting them.

An archive is judged by its directory and its members before any library for workbooks
sees it: how many members, how large unpacked, no macros, no links to other workbooks, no
document types (entities grow without bound). Only then is the first sheet read, row by
row, formulas as text and never worked out.
"""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from io import BytesIO
from typing import Any

KB, MB = 1024, 1024 * 1024
MAX_FILE = 2 * MB
MAX_MEMBERS = 200
MAX_UNPACKED = 20 * MB  # a list of 300 people is 0,2 MB
MAX_RATIO = 100
MAX_ROWS = 5000  # looked at, empty ones included

Cell = str | int | float | bool | date | datetime | None


class UnsafeWorkbook(ValueError):
    """A file that isn't read; the message says why and what to do."""


class Formula(str):
    """A cell that holds a formula instead of a value."""

    __slots__ = ()


def read_rows(data: bytes) -> Iterator[tuple[int, list[Cell]]]:
    """Number and cells of every row of the first sheet that isn't empty; raises UnsafeWorkbook."""
    check_archive(data)
    # Else openpyxl would take lxml, which expands entities whatever defusedxml says.
    os.environ["OPENPYXL_LXML"] = "False"
    import openpyxl

    try:
        book = openpyxl.load_workbook(BytesIO(data), read_only=True, data_only=False, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the file says of its size may be wrong
        for number, cells in enumerate(sheet.iter_rows(), start=1):
            if number > MAX_ROWS:
                raise UnsafeWorkbook(
                    f"Trang tính dài hơn {MAX_ROWS:,} dòng. Xóa các dòng trống phía dưới danh sách "
                    "(chọn dòng, Delete), lưu rồi tải lên lại.".replace(",", ".", 1)
                )
            values = [value_of(cell) for cell in cells[:50]]
            if any(value is not None and str(value).strip() for value in values):
                yield number, values
    except UnsafeWorkbook:
        raise
    except Exception:  # openpyxl raises anything on broken parts
        raise UnsafeWorkbook("Không đọc được tệp này. Mở bằng Excel, lưu lại dạng .xlsx rồi tải lên.") from None


def value_of(cell: Any) -> Cell:
    value = cell.value
    if value is None:
        return None
    if cell.data_type == "f":
        return Formula(value)
    if cell.data_type == "e":
        return Formula(str(value))  # #REF!, #N/A: what a formula left behind
    return value if isinstance(value, str | int | float | bool | date | datetime) else str(value)


def check_archive(data: bytes) -> None:
    """Raise UnsafeWorkbook unless the bytes are a plain, bounded .xlsx."""
    if len(data) > MAX_FILE:
        raise UnsafeWorkbook(f"Tệp lớn hơn {MAX_FILE // MB} MB. Danh sách chỉ cần vài trăm KB: dùng đúng tệp mẫu.")
    if not data.startswith(b"PK\x03\x04"):
        raise UnsafeWorkbook("Đây không phải tệp Excel dạng .xlsx. Mở bằng Excel, lưu lại dạng .xlsx rồi tải lên.")
    broken = UnsafeWorkbook("Tệp bị hỏng hoặc chưa tải lên hết. Lưu lại từ Excel rồi tải lên.")
    end = data.rfind(b"PK\x05\x06")
    if end < 0 or len(data) - end < 22:
        raise broken
    # The directory alone may be made to fill the memory: its own count first.
    (members,) = struct.unpack("<H", data[end + 10 : end + 12])
    bomb = UnsafeWorkbook("Tệp bung ra quá lớn so với một danh sách nên không được nhận. Dùng đúng tệp mẫu.")
    if members > MAX_MEMBERS or b"PK\x06\x07" in data[max(0, end - 20) : end]:
        raise bomb
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            infos = archive.infolist()
            unpacked = sum(info.file_size for info in infos)
            if len(infos) > MAX_MEMBERS or unpacked > MAX_UNPACKED or unpacked > MAX_RATIO * max(len(data), 10 * KB):
                raise bomb
            for info in infos:
                check_member(info.filename.lower(), archive.read(info))
            if "xl/workbook.xml" not in {info.filename.lower() for info in infos}:
                raise UnsafeWorkbook("Đây không phải tệp Excel dạng .xlsx. Dùng đúng tệp mẫu.")
    except UnsafeWorkbook:
        raise
    except Exception:  # zipfile raises anything on broken bytes
        raise broken from None


def check_member(name: str, content: bytes) -> None:
    if name.endswith("vbaproject.bin") or (name == "[content_types].xml" and b"macroEnabled" in content):
        raise UnsafeWorkbook("Tệp có macro nên không được nhận. Lưu lại dạng .xlsx (không có macro) rồi tải lên.")
    if "/externallinks/" in name:
        raise UnsafeWorkbook(
            "Tệp liên kết tới một tệp Excel khác nên không được nhận. Chép giá trị (Paste Values) vào tệp mẫu."
        )
    # UTF-16 hides the words from a plain search.
    if name.endswith((".xml", ".rels", ".vml")) and b"<!" in (plain := content.replace(b"\0", b"")):
        upper = plain.upper()
        if b"<!DOCTYPE" in upper or b"<!ENTITY" in upper:
            raise UnsafeWorkbook("Tệp có nội dung không an toàn nên không được nhận. Dùng đúng tệp mẫu.")
