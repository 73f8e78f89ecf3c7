"""What people do by habit who have pandas: a frame a sheet, styled by Styler, written by openpyxl.

It is the same table: each cell's value or formula, font, borders, fill, alignment, wrapping and number format, the
columns' widths, the rows' heights, merged headings, frozen panes. `agree` holds both side by side. How a cell has to
look is known beforehand and not measured. CSS as Styler takes it can't turn a heading upright, all else it can.
"""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

Styles = list[list[str]]


@dataclass(frozen=True, slots=True)
class Table:
    """One sheet: what its cells hold, how they look in CSS, and what isn't a cell's."""

    name: str
    values: list[list[Any]]
    styles: Styles
    widths: dict[str, float]
    heights: dict[int, float]
    merged: list[str]
    frozen: str | None


def table(sheet: Any, rows: int | None = None) -> Table:
    """A sheet that openpyxl read, or its first rows."""
    cells = list(sheet.iter_rows(max_row=rows))
    last = len(cells)
    return Table(
        sheet.title,
        [[cell.value for cell in row] for row in cells],
        [[css(cell) for cell in row] for row in cells],
        {letter: found.width for letter, found in sheet.column_dimensions.items() if found.width},
        {row: found.height for row, found in sheet.row_dimensions.items() if found.height and row <= last},
        [str(area) for area in sheet.merged_cells.ranges if area.max_row <= last],
        sheet.freeze_panes,
    )


def css(cell: Any) -> str:
    font, place = cell.font, cell.alignment
    said = [f"font-family: '{font.name}'; font-size: {font.sz:g}pt"]
    said += ["font-weight: bold"] * bool(font.b) + ["font-style: italic"] * bool(font.i)
    said += ["text-decoration: underline"] * bool(font.u)
    if font.color is not None and font.color.type == "rgb":
        said.append(f"color: #{font.color.rgb[2:]}")
    if cell.border.left.style:
        said.append("border: 1px solid")
    if cell.fill.fill_type:
        said.append(f"background-color: #{cell.fill.fgColor.rgb[2:]}")
    if place.horizontal:
        said.append(f"text-align: {place.horizontal}")
    if place.vertical:
        said.append(f"vertical-align: {'middle' if place.vertical == 'center' else place.vertical}")
    if place.wrap_text:
        said.append("white-space: normal")
    if cell.number_format != "General":
        said.append(f"number-format: {cell.number_format}")
    return "; ".join(said)


def workbook(tables: list[Table]) -> bytes:
    """The measured work."""
    import pandas

    body = BytesIO()
    with pandas.ExcelWriter(body, engine="openpyxl") as writer:
        for one in tables:
            frame = pandas.DataFrame(one.values, dtype=object)
            styles = pandas.DataFrame(one.styles)
            styled = frame.style.apply(lambda _, styles=styles: styles, axis=None)
            styled.to_excel(writer, sheet_name=one.name, index=False, header=False)
            sheet = writer.sheets[one.name]
            for letter, width in one.widths.items():
                sheet.column_dimensions[letter].width = width
            for row, height in one.heights.items():
                sheet.row_dimensions[row].height = height
            for area in one.merged:
                sheet.merge_cells(area)
            sheet.freeze_panes = one.frozen
    return body.getvalue()


def agree(tables: list[Table], content: bytes, every: int = 7) -> None:
    """Stop where every seventh cell of a habit's workbook doesn't hold or look like ours."""
    from openpyxl import load_workbook

    book = load_workbook(BytesIO(content))
    for one in tables:
        sheet = book[one.name]
        assert [sheet.freeze_panes, sorted(map(str, sheet.merged_cells.ranges))] == [one.frozen, sorted(one.merged)]
        cells = [cell for row in sheet.iter_rows() for cell in row]
        values = [value for row in one.values for value in row]
        styles = [style for row in one.styles for style in row]
        merged = {cell.coordinate for area in sheet.merged_cells.ranges for row in sheet[str(area)] for cell in row}
        for cell, value, style in list(zip(cells, values, styles, strict=True))[::every]:
            if cell.coordinate not in merged:
                found = (cell.value, css(cell))
                assert found == (value, style), f"{one.name} {cell.coordinate}: {found} instead of {(value, style)}"
