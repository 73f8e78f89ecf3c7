"""The quick worksheet's files are XlsxWriter's own to the byte: every cell, style, width and formula.

Red here after an upgrade of XlsxWriter means that its inner loops changed, and that ours have to follow.
"""

from datetime import date
from decimal import Decimal
from io import BytesIO
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook
from xlsxwriter.worksheet import Worksheet

from reports.tables.catalogue import KINDS
from reports.workbooks import worksheet
from reports.workbooks.layout import Book, Column, Heading, safe
from reports.workbooks.nation import nation_workbook
from tests.reports.test_tables import World

TEXTS = (
    "Xã Đồng Phú", '<b>"&amp;"</b>', "hai\ndòng", " lề ", "_x0041_", "<r>1 < 2</r>", "=1+1", "'+1", "€ 🌾",
    "a" * 20_000, safe("🌾" * 40_000),
)  # fmt: skip
NUMBERS = (0, 1, -3, 10**15, 0.1, 1e-7, Decimal("12.35"), Decimal(100))
FORMULAS = (
    ("=SUM(A1:A2)", 3),
    ('=IF(A1<2,"C","")', ""),
    ('=IF(A1<2,"C&K","")', "C&K"),
    ("=ROUND(A1,2)", Decimal("1.25")),
)


class Own(Worksheet):
    """XlsxWriter's worksheet, used as it documents it."""

    def write_marks(self, row, col, marks):
        for place, (text, look) in enumerate(marks, col):
            self.write(row, place, text, look)


def parts(content: bytes) -> dict[str, bytes]:
    with ZipFile(BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def both(monkeypatch, draw) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """What `draw` gives, by the quick worksheet and by XlsxWriter's own."""
    quick = parts(draw())
    with monkeypatch.context() as patched:
        patched.setattr(worksheet, "QuickWorksheet", Own)
        return quick, parts(draw())


def every_kind_of_cell(target: BytesIO | None) -> bytes:
    book = Book("Thử", date(2024, 6, 30), target=target)
    columns = [Column(f"Cột {number}", 9) for number in range(30)]
    for name in ("Một", "Hai"):
        sheet = book.sheet(name, Heading("01", ("UBND", "VĂN PHÒNG"), "THỬ", ("dòng",), date(2024, 6, 30)), columns)
        for texts in (TEXTS, TEXTS[::-1]):
            for column, text in enumerate(texts):
                sheet.text(column, text)
            sheet.marks(len(TEXTS), [*book.marks, "", "met"])
            sheet.end_row()
        for style in ("number", "whole", "percent", "total_share"):
            for column, number in enumerate(NUMBERS):
                sheet.number(column, number, style)
            sheet.marks(len(NUMBERS), [])
            sheet.number(20, None)
            sheet.day(21, date(2024, 2, 29))
            sheet.day(22, None)
            sheet.end_row()
        sheet.row += 1
        for column, (formula, value) in enumerate(FORMULAS, 3):
            sheet.formula(column, formula, value, "total_number")
        sheet.fill("group", range(8, 12))
        sheet.state(13, "nearly_met")
        sheet.end_row()
        sheet.filter(sheet.row - 1)
        sheet.signatures()
    book.close()
    return (target or book.buffer).getvalue()


@pytest.mark.parametrize("rows_to_disk", [False, True])
def test_every_kind_of_cell_is_written_as_xlsxwriter_does(monkeypatch, rows_to_disk):
    quick, own = both(monkeypatch, lambda: every_kind_of_cell(BytesIO() if rows_to_disk else None))
    assert quick == own
    assert len(quick["xl/worksheets/sheet2.xml"]) > 10_000


@pytest.mark.django_db
def test_whole_reports_are_as_xlsxwriter_writes_them(monkeypatch):
    place = World(1)
    keys = "&".join(f"report={key}" for key in KINDS)
    query = f"set={place.set.code}&stage=self"

    def nation() -> bytes:
        target = BytesIO()
        nation_workbook(place.set, "self", place.staff, lambda done, total, text: None, target)
        return target.getvalue()

    for draw in (
        lambda: place.get(f"/reports/matrix/{place.province.pk}.xlsx?{query}").content,
        lambda: place.get(f"/reports/readiness/{place.communes[2].pk}.xlsx?{query}").content,
        lambda: place.get(f"/reports/bundle.xlsx?{keys}&{place.query('self', below=3)}").content,
        nation,
    ):
        quick, own = both(monkeypatch, draw)
        assert quick == own


@pytest.mark.parametrize("rows_to_disk", [False, True])
def test_a_text_is_never_taken_for_marked_up_text(rows_to_disk):
    """XlsxWriter puts a text in <r>…</r> into the file as it is."""
    target = BytesIO() if rows_to_disk else None
    book = Book("Thử", date(2024, 6, 30), target=target)
    sheet = book.sheet("Một", Heading("01", ("", ""), "", (), date(2024, 6, 30)), [Column("A", 9), Column("B", 9)])
    sheet.text(0, "<r>1 < 2</r>")
    sheet.end_row()
    book.close()
    found = load_workbook(target or book.buffer)["Một"]
    assert found.cell(sheet.row, 1).value == " <r>1 < 2</r>"
