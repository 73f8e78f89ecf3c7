"""What a one-page document says, and how it is written as Word in the form of NĐ 30/2020."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings

from communes.documents import DEMONSTRATION, MOTTO, NATION, file_stem, long_day, mark_pages, plain, printable, to_bytes
from criteria.numbers import two_decimals

WIDTH = 175  # mm of an A4 page between the margins


@dataclass(frozen=True, slots=True)
class Column:
    """`share` of the table's width; `is_figure`: centred."""

    title: str
    share: int
    is_figure: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as a page needs it: its text, its column's heading, and how it stands."""

    text: str
    label: str
    is_figure: bool


@dataclass(frozen=True, slots=True)
class Table:
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def cells(self) -> list[list[Cell]]:
        return [
            [Cell(text, column.title, column.is_figure) for text, column in zip(row, self.columns, strict=True)]
            for row in self.rows
        ]


@dataclass(frozen=True, slots=True)
class Part:
    """A section: its heading, sentences, a list, a table; whatever is empty isn't printed."""

    heading: str = ""
    sentences: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    table: Table | None = None


@dataclass(frozen=True)
class Paper:
    """One document. `name`: the first word of its file's name."""

    name: str
    agency: tuple[str, str]
    place: str
    title: str
    subtitle: str
    lines: tuple[str, ...]
    as_of: date
    parts: tuple[Part, ...]
    signers: tuple[str, ...]
    about: str
    marks: tuple[str, ...] = field(default_factory=lambda: (DEMONSTRATION,) if settings.DEMONSTRATION else ())
    nation: str = NATION
    motto: str = MOTTO

    @property
    def place_and_day(self) -> str:
        return f"{self.place}, {long_day(self.as_of)}"

    @property
    def file_name(self) -> str:
        """Bao-cao-nhanh_XaDongPhu_2024-06-30.docx"""
        return f"{file_stem(self.name, self.about, f'{self.as_of:%Y-%m-%d}')}.docx"


def per_cent(value: Decimal | None) -> str:
    """ "94,33 %", "95,00 %", never broken before the sign; "" for None."""
    return "" if value is None else f"{two_decimals(value)}\N{NO-BREAK SPACE}%"


def shortened(text: str, longest: int) -> str:
    """The text on one line, cut between words where it is longer, and said so by "…"."""
    text = " ".join(plain(text).split())
    if len(text) <= longest:
        return text
    return text[:longest].rsplit(" ", 1)[0].rstrip(" ,;.") + "…"


def paper_docx(paper: Paper) -> bytes:
    """The document as Word: A4, Times New Roman, heading rows repeated, rows never torn."""
    from docx import Document
    from docx.enum.text import WD_ALIGN_PARAGRAPH as ALIGN
    from docx.shared import Mm, Pt

    document = Document()
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin = section.bottom_margin = Mm(15)
    section.left_margin, section.right_margin = Mm(20), Mm(15)
    section.header_distance = Mm(7)
    style = document.styles["Normal"]
    style.font.name, style.font.size = "Times New Roman", Pt(12)
    style.paragraph_format.space_after = Pt(3)
    style.paragraph_format.line_spacing = 1.0

    def write(text: str, align: Any = ALIGN.JUSTIFY, *, into: Any = document, **look: Any) -> Any:
        paragraph = into.add_paragraph()
        paragraph.alignment = align
        run = paragraph.add_run(printable(text))
        run.bold, run.italic = look.get("bold", False), look.get("italic", False)
        run.font.size = Pt(look.get("size", 12))
        paragraph.paragraph_format.keep_with_next = look.get("keep", False)
        paragraph.paragraph_format.space_before = Pt(look.get("before", 0))
        return paragraph

    heading = _grid(document, 1, (42, 58))
    left, right = heading.rows[0].cells
    for cell, first, second, last in (
        (left, *paper.agency, ""),
        (right, paper.nation, paper.motto, paper.place_and_day),
    ):
        write(first, ALIGN.CENTER, into=cell, size=11, bold=cell is right or not second)
        write(second, ALIGN.CENTER, into=cell, size=11, bold=True)
        write(last, ALIGN.CENTER, into=cell, size=12, italic=True)
        cell._tc.remove(cell.paragraphs[0]._p)  # the empty one a cell is born with
    write(paper.title, ALIGN.CENTER, bold=True, size=14, before=6)
    write(paper.subtitle, ALIGN.CENTER, bold=True)
    for line in paper.lines:
        write(line, ALIGN.CENTER, italic=True, size=11)
    for part in paper.parts:
        if part.heading:
            write(part.heading, ALIGN.LEFT, bold=True, keep=True, before=4)
        for sentence in part.sentences:
            write(sentence)
        for item in part.items:
            write(f"– {item}", ALIGN.LEFT)
        if part.table is not None:
            _table(document, part.table)
    signatures = _grid(document, 1, (100 // len(paper.signers),) * len(paper.signers))
    for cell, signer in zip(signatures.rows[0].cells, paper.signers, strict=True):
        write(signer, ALIGN.CENTER, into=cell, bold=True, before=8)
        write("(Ký, ghi rõ họ tên)", ALIGN.CENTER, into=cell, italic=True, size=11)
        cell._tc.remove(cell.paragraphs[0]._p)
    properties = document.core_properties
    properties.author, properties.title, properties.comments = "", printable(f"{paper.title} {paper.about}"), ""
    mark_pages(document, list(paper.marks))
    return to_bytes(document)


def _grid(document: Any, rows: int, shares: Sequence[int]) -> Any:
    """A table without lines whose columns have these shares of the width; its rows aren't torn."""
    from docx.oxml import OxmlElement
    from docx.shared import Mm

    table = document.add_table(rows, len(shares))
    table.autofit = False
    for column, share in zip(table.columns, shares, strict=True):  # Word reads the cells' widths, others these
        column.width = Mm(WIDTH * share / 100)
    for row in table.rows:
        row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
        for cell, share in zip(row.cells, shares, strict=True):
            cell.width = Mm(WIDTH * share / 100)
    return table


def _table(document: Any, content: Table) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH as ALIGN
    from docx.oxml import OxmlElement
    from docx.shared import Pt

    table = _grid(document, len(content.rows) + 1, [column.share for column in content.columns])
    table.style = "Table Grid"
    table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    titles = tuple(column.title for column in content.columns)
    for place, (row, texts) in enumerate(zip(table.rows, (titles, *content.rows), strict=True)):
        for cell, column, text in zip(row.cells, content.columns, texts, strict=True):
            paragraph = cell.paragraphs[0]
            paragraph.alignment = ALIGN.CENTER if place == 0 or column.is_figure else ALIGN.LEFT
            paragraph.paragraph_format.space_after = Pt(0)
            run = paragraph.add_run(printable(text))
            run.bold = place == 0
            run.font.size = Pt(9.5)
