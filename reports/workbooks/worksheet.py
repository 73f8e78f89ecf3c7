"""XlsxWriter's worksheet with the inner loops written anew for the few kinds of cells reports are made of.

Its own check each argument of each cell, search each formula for thirty functions newer than Excel 2010, and put the
XML together from lists of attributes; a cell takes four times as long as here. The file stays the same to the byte
(tests/reports/test_worksheet.py), so that after an upgrade of XlsxWriter, which is pinned, a red test shows what has
changed. Imported when a workbook is drawn, as XlsxWriter is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from io import StringIO
from typing import Any

from xlsxwriter.utility import _preserve_whitespace, xl_col_to_name
from xlsxwriter.worksheet import CellBlankTuple, CellFormulaTuple, CellNumberTuple, CellStringTuple, Worksheet
from xlsxwriter.xmlwriter import XMLwriter

LETTERS = [xl_col_to_name(column) for column in range(512)]
LONG = 16_000  # characters up to which a text surely fits into a cell, whatever they are

Mark = tuple[str, Any]  # a short text and its format


class QuickWorksheet(Worksheet):
    """Cells of texts that are `layout.safe`, of finite numbers, blanks and old formulas, each with a format."""

    def __init__(self) -> None:
        super().__init__()
        self._reached = -1  # the row being written
        self._ends = _Ends()

    def write_string(self, row: int, col: int, string: str, cell_format: Any) -> None:
        if len(string) > LONG:
            super().write_string(row, col, string, cell_format)
            return
        # Rows that go to the disk one by one hold their texts, others the text's number in a common list.
        text = string if self.constant_memory else self.str_table._get_shared_string_index(string)
        self._place(row, col, CellStringTuple(text, cell_format))

    def write_number(self, row: int, col: int, number: Any, cell_format: Any) -> None:
        self._place(row, col, CellNumberTuple(number, cell_format))

    def write_blank(self, row: int, col: int, blank: None, cell_format: Any) -> None:
        self._place(row, col, CellBlankTuple(cell_format))

    def write_marks(self, row: int, col: int, marks: Sequence[Mark]) -> None:
        """Short texts in adjoining cells; "" is a blank."""
        if self.constant_memory and marks:
            self._place(row, col + len(marks) - 1, [])
            self._place(row, col, marks)
            return
        for place, (text, look) in enumerate(marks, col):
            if text:
                self.write_string(row, place, text, look)
            else:
                self.write_blank(row, place, None, look)

    def write_formula(self, row: int, col: int, formula: str, cell_format: Any, value: Any) -> None:
        self._place(row, col, CellFormulaTuple(formula.removeprefix("="), cell_format, value))

    def _place(self, row: int, col: int, cell: Any) -> None:
        if row != self._reached or not self.dim_colmin <= col <= self.dim_colmax:
            if self._check_dimensions(row, col):
                return
            if self.constant_memory and row > self.previous_row:
                self._write_single_row(row)
            self._reached = row
        self.table[row][col] = cell

    def _write_cell(self, row: int, col: int, cell: Any) -> None:
        kind, write = cell.__class__, self.fh.write
        if kind is list:
            ends, number = self._ends, row + 1
            columns = LETTERS[col : col + len(cell)]
            write(
                "".join([f'<c r="{letters}{number}{ends[mark]}' for letters, mark in zip(columns, cell, strict=True)])
            )
            return
        start = f'<c r="{LETTERS[col]}{row + 1}" s="{cell.format._get_xf_index()}"'
        if kind is CellBlankTuple:
            write(f"{start}/>")
        elif kind is CellStringTuple:
            write(
                f"{start}{_inline(cell.string)}" if self.constant_memory else f'{start} t="s"><v>{cell.string}</v></c>'
            )
        elif kind is CellNumberTuple:
            write(f"{start}><v>{cell.number:.16G}</v></c>")
        elif kind is CellFormulaTuple and not isinstance(cell.value, str | bool):
            write(f"{start}><f>{self._escape_data(cell.formula)}</f><v>{cell.value}</v></c>")
        else:
            super()._write_cell(row, col, cell)

    def _calculate_spans(self) -> None:
        blocks: dict[int, list[int]] = {}  # the first and last columns of sixteen rows
        for row, cells in self.table.items():
            if cells:
                blocks.setdefault(row // 16, []).extend((min(cells), max(cells)))
        self.row_spans = {block: f"{min(ends) + 1}:{max(ends) + 1}" for block, ends in blocks.items()}


class _Ends(dict[Mark, str]):
    """What follows a mark's address."""

    def __missing__(self, mark: Mark) -> str:
        text, look = mark
        end = self[mark] = f'" s="{look._get_xf_index()}"{_inline(text) if text else "/>"}'
        return end


@lru_cache(maxsize=1024)
def _inline(text: str) -> str:
    """A cell with the text in it, after its address and format."""
    writer = XMLwriter()
    writer.fh = StringIO()
    writer._xml_inline_string(writer._escape_control_characters(text), _preserve_whitespace(text), [])
    return writer.fh.getvalue().removeprefix("<c")
