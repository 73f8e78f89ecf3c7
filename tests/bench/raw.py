"""The raw limit of a workbook: its cells' XML by plain string formatting, zipped with zlib level 6.

No styles, no widths, no checks: nothing can be faster by much, so that a ratio to it says
how much a real workbook's looks and safety cost, whatever the machine.
"""

import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

Cells = Sequence[Sequence[Any]]

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def _letters(count: int) -> list[str]:
    single = [chr(65 + place) for place in range(26)]
    return (single + [a + b for a in single for b in single])[:count]


def sheet_xml(rows: Cells) -> str:
    """One worksheet; None is no cell, formulas (text that begins with "=") stay formulas."""
    columns = _letters(max(map(len, rows), default=0))
    parts = [f'<?xml version="1.0"?><worksheet xmlns="{_MAIN}"><sheetData>']
    for number, row in enumerate(rows, 1):
        parts.append(f'<row r="{number}">')
        for column, value in zip(columns, row, strict=False):
            if value is None:
                continue
            if isinstance(value, str):
                if value.startswith("="):
                    parts.append(f'<c r="{column}{number}"><f>{escape(value[1:])}</f></c>')
                else:
                    parts.append(f'<c r="{column}{number}" t="inlineStr"><is><t>{escape(value)}</t></is></c>')
            else:
                parts.append(f'<c r="{column}{number}"><v>{value}</v></c>')
        parts.append("</row>")
    parts.append("</sheetData></worksheet>")
    return "".join(parts)


def workbook(sheets: Sequence[Cells]) -> bytes:
    """A workbook that opens in Excel, as little as it may hold."""
    numbers = range(1, len(sheets) + 1)
    listed = "".join(f'<sheet name="Sheet{n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
    targets = "".join(
        f'<Relationship Id="rId{n}" Type="{_DOCUMENT}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
    )
    types = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_TYPE}.worksheet+xml"/>' for n in numbers
    )
    body = BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>{types}</Types>',
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="rId1" Type="{_DOCUMENT}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}"><sheets>{listed}</sheets></workbook>'
        )
        archive.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{_RELATIONS}">{targets}</Relationships>')
        for number, rows in zip(numbers, sheets, strict=True):
            archive.writestr(f"xl/worksheets/sheet{number}.xml", sheet_xml(rows))
    return body.getvalue()


def cells_of(content: bytes) -> list[list[list[Any]]]:
    """The cells of a workbook, sheet by sheet, ready to be written raw; dates as Excel's numbers."""
    from openpyxl import load_workbook

    return cells_of_book(load_workbook(BytesIO(content)))


def cells_of_book(book: Any) -> list[list[list[Any]]]:
    from openpyxl.utils.datetime import to_excel

    return [
        [
            [to_excel(value) if isinstance(value, date | datetime) else value for value in row]
            for row in sheet.iter_rows(values_only=True)
        ]
        for sheet in book.worksheets
    ]
