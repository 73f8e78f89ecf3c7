"""Workbooks made to harm: refused before they fill the memory or the time."""

from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import xlsxwriter

from communes.workbooks import TABLE, Formula, UnsafeWorkbook, column_letters, column_number, read_book


def book(*sheets, **changed):
    """A workbook with these sheets, each a dict of cells; `changed` members replaced by a function of their bytes."""
    stream = BytesIO()
    made = xlsxwriter.Workbook(stream)
    for cells in sheets:
        sheet = made.add_worksheet()
        for place, value in cells.items():
            sheet.write(place, value)
    made.close()
    result = BytesIO()
    with ZipFile(stream) as before, ZipFile(result, "w", ZIP_DEFLATED) as after:
        for info in before.infolist():
            content = before.read(info)
            change = changed.get(info.filename.rpartition("/")[2].partition(".")[0])
            after.writestr(info.filename, change(content) if change else content)
    return result.getvalue()


def test_values_formulas_and_errors_are_told_apart():
    sheet = read_book(book({"A1": "Xã", "B2": 5, "C3": "=1+1"}), TABLE)[0]
    rows = dict(sheet.rows)
    assert rows[1][0] == "Xã"
    assert rows[2][1] == 5
    assert isinstance(rows[3][2], Formula)
    wrong = book(
        {"A1": "x"}, sheet1=lambda xml: xml.replace(b'<c r="A1" t="s"><v>0</v>', b'<c r="A1" t="e"><v>#N/A</v>')
    )
    assert isinstance(dict(read_book(wrong, TABLE)[0].rows)[1][0], Formula)


def test_few_cells_that_span_a_huge_table_are_refused():
    """Dense tables of six sheets with two cells each would take a gigabyte."""
    far = {"A1": 1, "IV20000": 1}
    with pytest.raises(UnsafeWorkbook, match="bung ra quá lớn"):
        read_book(book(*[far] * 6), TABLE)


@pytest.mark.parametrize(("cell", "reason"), [("A20001", "dài hơn 20.000 dòng"), ("IW1", "rộng hơn 256 cột")])
def test_a_cell_far_outside_is_refused(cell, reason):
    with pytest.raises(UnsafeWorkbook, match=reason):
        read_book(book({"A1": 1, cell: 1}), TABLE)


def test_a_long_text_in_many_cells_is_refused():
    text = {f"A{row}": "x" * 30_000 for row in range(1, 3000)}
    with pytest.raises(UnsafeWorkbook, match="bung ra quá lớn"):
        read_book(book(text), TABLE)
    many = {f"A{row}": f"Xã Đông Phú {row % 7}" for row in range(1, 3000)} | {"B1": "x" * 30_000}
    assert len(list(read_book(book(many), TABLE)[0].rows)) == 2999


@pytest.mark.parametrize(
    ("cell", "other"),
    [(b't="s"', b't ="s"'), (b't="s"', b"t='s'"), (b't="s"><v>', b't="s" other="t"><v>'), (b"<v>0", b"<v><!-- -->0")],
)
def test_a_long_text_in_many_cells_is_refused_however_its_cells_are_written(cell, other):
    text = {f"A{row}": "x" * 30_000 for row in range(1, 3000)}
    with pytest.raises(UnsafeWorkbook, match="bung ra quá lớn"):
        read_book(book(text, sheet1=lambda xml: xml.replace(cell, other)), TABLE)


def test_a_text_longer_than_excel_holds_is_refused():
    long = book({"A1": "x"}, sharedStrings=lambda xml: xml.replace(b"<t>x</t>", b"<t>" + b"xyz" * 100_000 + b"</t>"))
    with pytest.raises(UnsafeWorkbook, match="bung ra quá lớn"):
        read_book(long, TABLE)


def test_names_repeated_within_a_tag_cost_nothing():
    """Looked for from each of them to the tag's end, a hundred thousand would take minutes."""
    noise = b'<row r="1" spans="' + b"<c " * 100_000 + b'"><c r="A9" t="e"><f>'
    wrong = book({"A1": "=1+1"}, sheet1=lambda xml: xml.replace(b"<sheetData>", b"<sheetData>" + noise, 1))
    with pytest.raises(UnsafeWorkbook):
        list(read_book(wrong, TABLE)[0].rows)


@pytest.mark.parametrize("name", [b'r="A1" ', b't="s" ', b'r="A1" t="s" ', b't="e" '])
def test_an_attribute_repeated_within_a_tag_costs_nothing(name):
    text = {f"A{row}": "x" * 30_000 for row in range(1, 1800)}  # so many that each is looked up
    noise = b'<sheetData><row r="1"><c ' + name * 100_000 + b"/><c><f>1</f><v>#</v></c></row>"
    wrong = book(text, sheet1=lambda xml: xml.replace(b"<sheetData>", noise, 1))
    with pytest.raises(UnsafeWorkbook):
        list(read_book(wrong, TABLE)[0].rows)


def test_formulas_of_a_sheet_that_names_its_elements_with_a_prefix():
    def prefixed(xml):
        for name in (b"worksheet", b"sheetData", b"row", b"c", b"f", b"v"):
            xml = xml.replace(b"<%s>" % name, b"<x:%s>" % name).replace(b"<%s " % name, b"<x:%s " % name)
            xml = xml.replace(b"</%s>" % name, b"</x:%s>" % name)
        return xml.replace(b"xmlns=", b"xmlns:x=")

    rows = dict(read_book(book({"A1": 5, "B1": "=1+1"}, sheet1=prefixed), TABLE)[0].rows)
    assert rows[1][0] == 5 and isinstance(rows[1][1], Formula)


def test_merged_ranges_end_with_the_table_and_come_once():
    def merge(*ranges):
        tags = b"".join(b'<mergeCell ref="%s"/>' % one.encode() for one in ranges)
        cells = b"</sheetData><mergeCells>" + tags + b"</mergeCells>"
        return book({"A1": 1, "C5": 2}, sheet1=lambda xml: xml.replace(b"</sheetData>", cells))

    assert read_book(merge("B2:C1048576"), TABLE)[0].merged == [(2, 2, 5, 3)]
    assert read_book(merge("B70:C1048576"), TABLE)[0].merged == []
    assert read_book(merge(*["A1:C1048576"] * 200), TABLE)[0].merged == [(1, 1, 5, 3)]


def test_letters_and_numbers_of_columns():
    assert [column_number(letters) for letters in ("A", "Z", "AA", "IV")] == [1, 26, 27, 256]
    assert all(column_number(column_letters(number)) == number for number in range(1, 300))
