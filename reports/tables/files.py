"""A report as CSV for other programs: one file a table in UTF-8 with BOM, and a dictionary of the columns."""

from __future__ import annotations

import csv
import zipfile
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO, StringIO

from criteria.verdicts import STATES
from reports.tables.table import NUMERIC, Column, Kind, Plain, Report, Table, value_of

BOM = "\ufeff"
DICTIONARY = "tu_dien_du_lieu.csv"
WORDS = {
    Kind.WHOLE: "số nguyên",
    Kind.NUMBER: "số, dấu thập phân là dấu chấm",
    Kind.PERCENT: "phần trăm, hai chữ số thập phân",
    Kind.SHARE: "phần trăm, một chữ số thập phân",
    Kind.DATE: "ngày, năm-tháng-ngày",
    Kind.STATE: "mức đánh giá, bằng chữ",
}
LINES = {"row": "dong", "group": "nhom", "total": "tong"}
# A spreadsheet would take text that begins so for a formula.
RISKY = ("=", "+", "-", "@", "\t", "\r")


def archive(report: Report) -> bytes:
    """The tables and the dictionary in one ZIP; the same report gives the same bytes."""
    body = BytesIO()
    moment = datetime.combine(report.as_of, time()).timetuple()[:6]
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as files:
        for table in report.tables:
            files.writestr(zipfile.ZipInfo(f"{table.key}.csv", moment), table_csv(table))
        files.writestr(zipfile.ZipInfo(DICTIONARY, moment), dictionary_csv(report))
    return body.getvalue()


def table_csv(table: Table) -> bytes:
    """The first column says what the line is: dong (a row), nhom (heads the rows after it), tong (a total)."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(["loai_dong", *(column.key for column in table.columns)])
    for line in table.lines:
        cells = [plain(value_of(cell), column.kind) for cell, column in zip(line.cells, table.columns, strict=True)]
        writer.writerow([LINES[line.kind], *cells])
    return (BOM + text.getvalue()).encode()


def plain(value: Plain, kind: Kind) -> str:
    """A value as a program reads it; text that a spreadsheet would run gets an apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        text = f"{value:f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text == "-0" else text
    if kind == Kind.STATE and value in STATES:
        # Blank as in the workbook; the dictionary says what that means.
        return "" if value == "not_assessed" else STATES[str(value)].label
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(RISKY) else text


def _meaning(column: Column) -> str:
    """What the column holds; of one whose heading says it all, the heading and how to read its values."""
    return column.meaning or f"{column.full_title} ({WORDS.get(column.kind, 'chữ')})"


def dictionary_csv(report: Report) -> bytes:
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(["tep", "cot", "tieu_de", "kieu", "giai_thich"])
    for table in report.tables:
        writer.writerow([f"{table.key}.csv", "loai_dong", "Loại dòng", "dong, nhom, tong", "Dòng, nhóm hoặc tổng"])
        for column in table.columns:
            words = WORDS.get(column.kind, "chữ") if column.kind in (*NUMERIC, *WORDS) else "chữ"
            writer.writerow([f"{table.key}.csv", column.key, column.full_title, words, _meaning(column)])
    for name, meaning in report.definitions:
        writer.writerow(["", "", name, "", meaning])
    writer.writerow(["", "", "Tính đến ngày", "", report.as_of.isoformat()])
    writer.writerow(["", "", "Ô để trống", "", "Chưa đánh giá hoặc chưa có số liệu; không phải bằng 0"])
    return (BOM + text.getvalue()).encode()
