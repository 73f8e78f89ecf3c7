"""Workbooks hold exactly the screen's figures, in the official form, as text, numbers and live formulas."""

import csv
import html
import re
import zipfile
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from io import BytesIO, StringIO

import openpyxl
import pytest
from django.conf import settings
from django.test import Client
from openpyxl.utils import range_boundaries

from communes.models import Role
from criteria.models import CriterionDepartment
from criteria.verdicts import STATES
from reports.matrix import matrix
from reports.readiness import READY, STAGES, readiness
from reports.tables.table import Column, Kind, Line, Table
from reports.workbooks.layout import (
    COORDINATION_OFFICE,
    MARKS,
    Heading,
    agency,
    column_letter,
    day_text,
    file_name,
    known_text,
    safe,
)
from reports.workbooks.layout import (
    Book as DrawnBook,
)
from reports.workbooks.matrix import roman
from reports.workbooks.tables import draw_table
from tests.factories import DepartmentFactory, DistrictFactory
from tests.reports.worlds import (
    concluded_visit,
    find,
    indicators_of,
    make_province,
    make_set,
    member,
    prove,
    prove_all,
    say,
    unconfirmed,
)

pytestmark = pytest.mark.django_db

FUNCTIONS = {"SUM", "COUNTIF", "COUNTIFS", "SUBTOTAL", "AVERAGE", "ROUND", "IF"}
NASTY = '=HYPERLINK("http://x","y")'


@pytest.fixture
def criteria_set():
    return make_set(criteria=4, indicators=2)


@pytest.fixture
def province(criteria_set):
    province, communes = make_province(communes=4, districts=2)
    for commune, verdicts in zip(
        communes,
        (["met"] * 8, ["met", "met", "nearly_met", "met", "not_met", "met", "met", ""], ["firmly_met"] * 4 + [""] * 4),
        strict=False,
    ):
        say(commune, criteria_set, "self", verdicts)
    return province


@pytest.fixture
def commune(province, criteria_set):
    unit = next(row for row in matrix(province, criteria_set, "self").rows if row.met == 1 and row.nearly)
    return type(province).objects.get(pk=unit.unit_id)


@pytest.fixture
def staff(province):
    return member(province, Role.COORDINATOR)


def download(user, url):
    client = Client()
    client.force_login(user)
    return client.get(url)


class Book:
    """A downloaded workbook, read twice: cached values and formulas."""

    def __init__(self, response):
        assert response.status_code == 200
        self.values = openpyxl.load_workbook(BytesIO(response.content), data_only=True)
        self.formulas = openpyxl.load_workbook(BytesIO(response.content))

    def table(self, name):
        """Rows of a sheet below the row that numbers its columns."""
        rows = [list(row) for row in self.values[name].iter_rows(values_only=True)]
        start = next(place for place, row in enumerate(rows) if row[0] == 1 and row[1] == 2 and row[2] == 3)
        below = rows[start + 1 :]
        return below[: next((place for place, row in enumerate(below) if not any(row)), len(below))]

    def row(self, name, label, column=1):
        return next(row for row in self.table(name) if row[column] == label)


def readiness_book(user, unit, criteria_set, stage="self"):
    return Book(download(user, f"/reports/readiness/{unit.pk}.xlsx?set={criteria_set.code}&stage={stage}"))


def matrix_book(user, area, criteria_set, stage="self"):
    return Book(download(user, f"/reports/matrix/{area.pk}.xlsx?set={criteria_set.code}&stage={stage}"))


def label(state):
    return None if state in ("", "not_assessed") else STATES[state].label


def plain(number):
    return None if number is None else float(number)


# --- recomputing formulas ----------------------------------------------------------------


def calculate(book, sheet, formula):
    """Compute a formula of ours from the other cells' cached values: the few functions we allow."""
    cells = book.values[sheet]

    def area(text):
        left, top, right, bottom = range_boundaries(text)
        return [cells.cell(row, column).value for row in range(top, bottom + 1) for column in range(left, right + 1)]

    def countif(values, test):
        if test.startswith(">"):
            bound = float(test.lstrip(">="))
            numbers = [value for value in values if isinstance(value, int | float)]
            return sum(value >= bound if "=" in test else value > bound for value in numbers)
        return sum(value == test for value in values)

    def flat(*groups):
        found = [value for group in groups for value in (group if isinstance(group, list) else [group])]
        return [value for value in found if isinstance(value, int | float)]

    def round_(value, places):
        return float(Decimal(str(value)).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP))

    functions = {
        "SUM": lambda *groups: sum(flat(*groups)),
        "COUNTIF": countif,
        "COUNTIFS": lambda marks, mark, ones, one: sum(pair == (mark, one) for pair in zip(marks, ones, strict=True)),
        "AVERAGE": lambda *groups: sum(flat(*groups)) / len(flat(*groups)),
        "ROUND": round_,
        "IF": lambda test, yes, no: yes() if test else no,
    }
    code = formula.removeprefix("=")
    names = {}

    def remember(match):
        name = f"cell{len(names)}"
        found = area(match[0])
        names[name] = found if ":" in match[0] else found[0]
        return name

    code = "".join(
        piece if piece.startswith('"') else re.sub(r"\b[A-Z]{1,3}\d+(?::[A-Z]{1,3}\d+)?\b", remember, piece)
        for piece in re.split(r'("[^"]*")', code)
    )
    code = re.sub(r"^IF\((\w+>0),(.*),\"\"\)$", r'IF(\1,lambda: \2,"")', code)
    return eval(code, {"__builtins__": {}} | functions | names)


def check_formulas(book):
    """Every formula's cached value equals what it computes; only allowed functions. Returns how many."""
    count = 0
    for sheet in book.formulas.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type != "f":
                    continue
                count += 1
                assert set(re.findall(r"([A-Z]+)\(", cell.value)) <= FUNCTIONS
                cached = book.values[sheet.title][cell.coordinate].value
                computed = calculate(book, sheet.title, cell.value)
                assert (cached or 0) == pytest.approx(computed or 0), f"{sheet.title}!{cell.coordinate} {cell.value}"
    return count


# --- readiness -----------------------------------------------------------------------------


@pytest.mark.parametrize("stage", STAGES)
def test_readiness_sheets_equal_the_function(commune, criteria_set, staff, stage):
    say(commune, criteria_set, "province", ["met", "not_met"])
    prove_all(commune, criteria_set)
    find(concluded_visit(commune, criteria_set), 1)
    unconfirmed(indicators_of(criteria_set)[3])
    book = readiness_book(staff, commune, criteria_set, stage)
    result = readiness(commune, criteria_set, stage, staff)
    assert book.values.sheetnames == ["4 tiêu chí", "Chỉ tiêu", "Còn thiếu gì", "Tồn tại, hạn chế", "Giải thích"]

    for criterion, row in zip(result.criteria, book.table("4 tiêu chí"), strict=False):
        states = [criterion.states[code].state if code in criterion.states else "" for code in STAGES]
        assert row[:6] == [criterion.number, criterion.name, *map(label, states)]
        state = criterion.states.get(stage)
        assert row[6] == (float(state.attainment) if state and state.state != "not_assessed" else None)
        assert row[9] == sum(item.criterion == criterion.number for item in result.missing)
    rows = [row for row in book.table("Chỉ tiêu") if row[16]]
    assert [row[0] for row in rows if isinstance(row[0], int)] == [criterion.number for criterion in result.criteria]
    for line, row in zip(result.indicators, [row for row in rows if isinstance(row[0], str)], strict=True):
        assert row[0] == line.code
        assert row[2].startswith(line.target.text)
        assert row[2].endswith("(yêu cầu chưa xác nhận)") != line.target.confirmed
        said = line.opinion
        figures = (said.value, said.part, said.whole, said.attainment, line.gap or None, line.gap_items or None)
        assert (row[4], *row[6:11]) == tuple(map(plain, figures))
        assert row[11:14] == [label(line.opinions[code].verdict) for code in ("self", "district", "province")]
        assert row[14] == "\n".join(document.text for document in line.documents)
    listed = book.table("Còn thiếu gì")
    assert [(row[1], row[3], row[5]) for row in listed] == [
        (item.label, item.indicator or None, item.text) for item in result.missing
    ]
    assert [row[3] for row in book.table("Tồn tại, hạn chế")] == [finding.description for finding in result.findings]
    assert book.table("Tồn tại, hạn chế")[0][8].date() == result.findings[0].due_on
    if result.rollup:
        totals = book.row("4 tiêu chí", "Số tiêu chí đạt")
        assert totals[2 + list(STAGES).index(stage)] == result.rollup.criteria_met
        assert totals[6] == float(result.rollup.progress)
        assert totals[7:10] == [result.rollup.indicators_met, result.rollup.indicators_total, len(result.missing)]
        assert book.row("Chỉ tiêu", "Số chỉ tiêu đạt")[4] == result.rollup.indicators_met
    else:
        assert book.row("4 tiêu chí", "Số tiêu chí đạt")[3] == "Chưa thẩm tra"
    assert check_formulas(book) > 10


def csv_files(response):
    """The files of a ZIP of CSV by name, each a list of rows without its heading."""
    assert response.status_code == 200
    files = zipfile.ZipFile(BytesIO(response.content))
    assert all(files.read(name).startswith(b"\xef\xbb\xbf") for name in files.namelist())
    return {name: list(csv.reader(StringIO(files.read(name).decode("utf-8-sig")))) for name in files.namelist()}


def agrees(in_csv, in_book):
    if in_book is None:
        return in_csv == ""
    if isinstance(in_book, datetime):
        return in_csv == in_book.date().isoformat()
    if isinstance(in_book, int | float):
        return Decimal(in_csv) == Decimal(str(in_book))
    return in_csv.removeprefix("'") == in_book


@pytest.mark.parametrize("stage", ["self", "combined"])
def test_csv_of_readiness_holds_the_workbooks_cells(commune, criteria_set, staff, stage):
    visit = concluded_visit(commune, criteria_set)
    find(visit, 1, description=NASTY)
    prove(commune, indicators_of(criteria_set)[0], title=NASTY)
    prove(commune, indicators_of(criteria_set)[1], title="Hết hạn", expires_on=date(2023, 1, 1))
    book = readiness_book(staff, commune, criteria_set, stage)
    answer = download(staff, f"/reports/readiness/{commune.pk}.zip?set={criteria_set.code}&stage={stage}")
    assert answer["Content-Type"] == "application/zip" and "_csv.zip" in answer["Content-Disposition"]
    files = csv_files(answer)
    names = ("tieu_chi.csv", "chi_tieu.csv", "con_thieu.csv", "ton_tai.csv")
    assert list(files) == [*names, "tu_dien_du_lieu.csv"]
    for name, sheet, more in zip(names, book.values.sheetnames, (0, 2, 0, 0), strict=False):
        in_book, in_csv = book.table(sheet), files[name][1:]
        assert in_csv and len(in_csv) + more == len(in_book), name  # the form adds two lines of counts
        for row, line in zip(in_book, in_csv, strict=False):
            assert len(row) == len(line) - 1
            for place, cell in enumerate(row):
                assert agrees(line[place + 1], cell), (name, files[name][0][place + 1], line, row)
    described = {(row[0], row[1]) for row in files["tu_dien_du_lieu.csv"]}
    assert {(name, column) for name in names for column in files[name][0]} <= described


def test_csv_of_readiness_names_no_document_to_a_viewer(commune, criteria_set):
    prove(commune, indicators_of(criteria_set)[0], title="Quy hoạch")
    viewer = member(commune.province, Role.VIEWER)
    files = csv_files(download(viewer, f"/reports/readiness/{commune.pk}.zip?set={criteria_set.code}"))
    assert "Quy hoạch" not in str(files) and "1 minh chứng" in str(files["chi_tieu.csv"])


def test_what_readiness_can_not_be_told_for(commune, criteria_set, staff):
    for query in ("set=khong-co", f"set={criteria_set.code}&stage=x", f"set={criteria_set.code}&as_of=2031-01-01"):
        for kind in ("xlsx", "zip"):
            assert download(staff, f"/reports/readiness/{commune.pk}.{kind}?{query}").status_code == 404
    stranger = member(make_province(communes=1)[0], Role.COORDINATOR)
    assert download(stranger, f"/reports/readiness/{commune.pk}.zip?set={criteria_set.code}").status_code == 404


def test_pages_lead_to_their_csv(commune, criteria_set, staff):
    page = download(staff, f"/units/{commune.pk}/?set={criteria_set.code}&stage=self").content.decode()
    assert f"/reports/readiness/{commune.pk}.zip?set={criteria_set.code}&amp;stage=self" in page
    page = download(staff, f"/matrix/?area={commune.province_id}&set={criteria_set.code}&stage=self").content.decode()
    address = html.unescape(re.search(r'href="(/reports/tables/communes\.zip[^"]*)"', page).group(1))
    assert list(csv_files(download(staff, address))) == [
        "theo_tieu_chi.csv", "theo_chi_tieu.csv", "tu_dien_du_lieu.csv",
    ]  # fmt: skip
    answer = download(staff, f"/reports/?report=readiness_csv&unit={commune.pk}&set={criteria_set.code}&stage=self")
    assert answer.url == f"/reports/readiness/{commune.pk}.zip?set={criteria_set.code}&stage=self"


def test_a_ready_unit_reads_so_and_what_else_recognition_needs(province, criteria_set, staff):
    ready = next(row for row in matrix(province, criteria_set, "self").rows if row.met == 4)
    unit = type(province).objects.get(pk=ready.unit_id)
    say(unit, criteria_set, "self", ["met"] * 8, day=date(2024, 6, 2))
    prove_all(unit, criteria_set)
    row = readiness_book(staff, unit, criteria_set).table("Còn thiếu gì")[0]
    assert row[1] == READY
    assert "hài lòng" in row[4]


def test_the_official_form(commune, criteria_set, staff):
    staff.organisation = "Văn phòng điều phối nông thôn mới"
    staff.save()
    response = download(staff, f"/reports/readiness/{commune.pk}.xlsx?set={criteria_set.code}&stage=self")
    assert response["Content-Type"].endswith("spreadsheetml.sheet")
    assert "private" in response["Cache-Control"]
    assert re.fullmatch(r'attachment; filename="Bieu-02_DongPhu\d+_2024-06-30.xlsx"', response["Content-Disposition"])
    sheet = Book(response).values["4 tiêu chí"]
    said = [str(cell) for row in sheet.iter_rows(max_row=9, values_only=True) for cell in row if cell is not None]
    for text in (
        "Biểu số 02a", "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc",
        "VĂN PHÒNG ĐIỀU PHỐI NÔNG THÔN MỚI", "Dữ liệu minh họa", "Tính đến ngày 30/06/2024",
    ):  # fmt: skip
        assert text in said
    assert any(text.startswith("ỦY BAN NHÂN DÂN TỈNH") for text in said)
    assert sheet.page_setup.orientation == "landscape"
    assert int(sheet.page_setup.paperSize) == 9
    assert "&P/&N" in sheet.oddFooter.center.text
    assert sheet.print_title_rows
    assert sheet.freeze_panes
    assert sheet.auto_filter.ref
    assert all(cell.font.name == "Times New Roman" for row in sheet.iter_rows() for cell in row if cell.value)
    values = [cell for row in sheet.iter_rows(values_only=True) for cell in row]
    assert "NGƯỜI LẬP BIỂU" in values
    first = int(re.sub(r"\D", "", sheet.freeze_panes))
    last = first + 4 + 3  # criteria and the totals below them
    assert not [merged for merged in sheet.merged_cells.ranges if first <= merged.min_row <= last]


def test_every_sheet_handed_in_is_signed_and_prints_no_helpers(commune, province, criteria_set, staff):
    for book in (readiness_book(staff, commune, criteria_set), matrix_book(staff, province, criteria_set)):
        for sheet in book.values.worksheets[:-1]:
            assert "NGƯỜI LẬP BIỂU" in [cell for row in sheet.values for cell in row], sheet.title
            assert sheet.print_area
    assert ":$O$" in readiness_book(staff, commune, criteria_set).values["Chỉ tiêu"].print_area
    tints = {
        cell.value: cell.fill.fgColor.rgb
        for row in readiness_book(staff, commune, criteria_set).values["Chỉ tiêu"].iter_rows(min_col=12, max_col=14)
        for cell in row
    }
    assert tints["Đạt"] == "00000000"
    assert tints["Chưa đạt"] != "00000000"
    heads = [cell for row in matrix_book(staff, province, criteria_set).values["Theo chỉ tiêu"].values for cell in row]
    assert "1. Tiêu chí 1" in heads


def test_the_offices_line_does_not_repeat_the_place(province):
    district = DistrictFactory(parent=province)
    person = member(district, Role.DISTRICT_STAFF)
    person.organisation = district.full_name
    assert agency(person, district) == (f"ỦY BAN NHÂN DÂN {district.full_name}".upper(), COORDINATION_OFFICE)
    person = member(province, Role.VIEWER)
    assert agency(person, province)[1] == ""


def test_known_at_is_never_after_the_day_of_the_form():
    known = datetime(2024, 6, 2, 3, 0, tzinfo=UTC)
    assert known_text(known, date(2024, 6, 30)) == "10:00 02/06/2024"
    assert known_text(known, date(2024, 6, 1)) == "hết ngày 01/06/2024"
    assert known_text(None, date(2024, 6, 1)) == "chưa có dữ liệu"


def test_the_mark_of_the_demonstration_is_only_there_in_it(commune, criteria_set, staff, settings):
    settings.DEMONSTRATION = False
    book = readiness_book(staff, commune, criteria_set)
    assert "Dữ liệu minh họa" not in [cell for row in book.values.worksheets[0].values for cell in row]


def test_typed_text_stays_text(commune, criteria_set, staff):
    first = indicators_of(criteria_set)[0]
    prove(commune, first, title=NASTY, document_number="+1")
    prove(commune, first, title="@SUM(1)", document_number="", form="classified")
    prove(commune, first, title="a\x07b\x1b\u202ec", document_number="", expires_on=date(2024, 1, 1))
    find(concluded_visit(commune, criteria_set), 1, description=NASTY, recommendation="-1+1")
    book = readiness_book(staff, commune, criteria_set)
    cell = next(row for row in book.table("Chỉ tiêu") if row[0] == first.code)[14]
    assert cell == (
        f"+1 – {NASTY} (chỉ có bản giấy)\n@SUM(1) (tài liệu mật)\nabc (chỉ có bản giấy, hết hạn 01/01/2024)"
    )
    formulas = [c.value for row in book.formulas["Tồn tại, hạn chế"].iter_rows() for c in row if c.data_type == "f"]
    assert formulas == []
    assert book.table("Tồn tại, hạn chế")[0][3:5] == [NASTY, "-1+1"]


def test_a_viewer_gets_figures_and_no_names(commune, criteria_set, staff):
    prove(commune, indicators_of(criteria_set)[0], title="Danh sách hộ nghèo")
    find(concluded_visit(commune, criteria_set), 1)
    viewer = member(commune.province, Role.VIEWER)
    book = readiness_book(viewer, commune, criteria_set)
    everything = " ".join(str(cell) for sheet in book.values.worksheets for row in sheet.values for cell in row)
    assert "Danh sách hộ nghèo" not in everything
    assert "Rãnh thoát nước" not in everything
    assert book.table("Chỉ tiêu")[1][14] == "1 minh chứng"
    assert len(book.table("Còn thiếu gì")) == len(readiness_book(staff, commune, criteria_set).table("Còn thiếu gì"))


def test_the_same_request_gives_the_same_file(commune, criteria_set, staff):
    url = f"/reports/readiness/{commune.pk}.xlsx?set={criteria_set.code}&stage=self"
    assert download(staff, url).content == download(staff, url).content


# --- matrix --------------------------------------------------------------------------------


@pytest.mark.parametrize("whole_province", [True, False])
def test_matrix_sheets_equal_the_function(province, criteria_set, staff, whole_province):
    result = matrix(province, criteria_set, "self")
    area = province if whole_province else type(province).objects.get(pk=result.groups[0].unit_id)
    result = matrix(area, criteria_set, "self")
    book = matrix_book(staff, area, criteria_set)
    assert book.values.sheetnames == ["Theo tiêu chí", "Theo chỉ tiêu", "Tổng hợp", "Giải thích"]
    by_name = {row[1]: row for row in book.table("Theo tiêu chí")}
    by_indicator = {row[1]: row for row in book.table("Theo chỉ tiêu")}
    for row in result.rows:
        written = by_name[row.name]
        assert written[2] == row.code
        assert written[3:7] == ([MARKS[state] or None for state in row.states] or [None] * 4)
        if row.is_partial:
            assert written[7:11] == ["2/4", "2/4", None, None]
        else:
            progress = row.progress and float(row.progress)
            assert written[7:11] == [1 if row.counts else None, row.met, row.nearly, progress]
        unit = type(province).objects.get(pk=row.unit_id)
        lines = readiness(unit, criteria_set, "self").indicators
        assert by_indicator[row.name][3:11] == [MARKS[line.opinion.verdict] or None for line in lines]
    figures = result.figures
    assert by_name["Số xã đạt"][3:10] == [
        *(total.met for total in result.totals), figures.with_opinion, figures.criteria_met, figures.criteria_nearly,
    ]  # fmt: skip
    assert by_name["Tỷ lệ (%)"][3:7] == [float(total.percent) for total in result.totals]
    assert (by_name["Bình quân một xã"][8], by_name["Bình quân một xã"][10]) == (
        float(figures.average_met), float(figures.progress),
    )  # fmt: skip
    for number, group in enumerate(result.groups, 1):
        if whole_province:
            written = by_name[group.name]
            assert written[0] == roman(number)
            assert written[3:7] == [total.met for total in group.totals]
            assert written[7:10] == [
                group.figures.with_opinion, group.figures.criteria_met or 0, group.figures.criteria_nearly or 0,
            ]  # fmt: skip
    summary = {row[1]: row for row in book.table("Tổng hợp")}
    assert next(row for name, row in summary.items() if name.startswith("Ngoài ra"))[3] == figures.partial
    assert summary["Số xã đạt toàn bộ tiêu chí"][3] == figures.whole_set
    assert summary["Bình quân số tiêu chí đạt một xã"][3] == float(figures.average_met)
    assert summary["Cộng"][3] == figures.with_opinion == sum(count for _, count, _ in result.buckets)
    assert check_formulas(book) > 20


def test_a_stage_without_opinions_is_blank_not_0(province, criteria_set, staff):
    book = matrix_book(staff, province, criteria_set, "province")
    rows = {row[1]: row for row in book.table("Theo tiêu chí")}
    name = matrix(province, criteria_set, "province").rows[0].name
    assert rows[name][3:11] == [None] * 8
    assert rows["Tỷ lệ (%)"][3] in (None, "")
    assert rows["Bình quân một xã"][8] in (None, "")
    check_formulas(book)


def test_the_sheet_of_indicators_is_on_a3(province, criteria_set, staff):
    assert int(matrix_book(staff, province, criteria_set).values["Theo chỉ tiêu"].page_setup.paperSize) == 8


def test_a_department_gets_its_own_criteria_only(province, criteria_set, commune):
    department = DepartmentFactory()
    CriterionDepartment.objects.create(criterion=criteria_set.criteria.get(number=2), department=department)
    reviewer = member(province, Role.DEPARTMENT_REVIEWER, department=department)
    book = matrix_book(reviewer, province, criteria_set)
    heads = [cell for row in book.values["Theo tiêu chí"].iter_rows(max_row=10, values_only=True) for cell in row]
    assert "2. Tiêu chí 2" in heads
    assert "1. Tiêu chí 1" not in heads
    assert [row[0] for row in readiness_book(reviewer, commune, criteria_set).table("1 tiêu chí")][:2] == [2, None]
    codes = {row[0] for row in readiness_book(reviewer, commune, criteria_set).table("Chỉ tiêu") if row[0]}
    assert codes == {2, "2.1", "2.2"}
    labels = [row[1] for row in book.table("Tổng hợp")]
    assert "Số xã đạt toàn bộ tiêu chí (1 tiêu chí phụ trách)" in labels
    check_formulas(book)


# --- who may have it ------------------------------------------------------------------------


def test_out_of_scope_is_404(province, commune, criteria_set):
    neighbour = DistrictFactory(parent=province)
    user = member(neighbour, Role.DISTRICT_STAFF)
    for url in (
        f"/reports/readiness/{commune.pk}.xlsx", f"/reports/matrix/{province.pk}.xlsx",
        f"/reports/matrix/{commune.district_id}.xlsx", "/reports/readiness/999999.xlsx", "/reports/matrix/999999.xlsx",
    ):  # fmt: skip
        assert download(user, f"{url}?set={criteria_set.code}&stage=self").status_code == 404


def test_unknown_set_and_stage_say_so(province, commune, criteria_set, staff):
    village_set = make_set(1, 1, level="village", code="thon")
    for base in (f"/reports/readiness/{commune.pk}.xlsx", f"/reports/matrix/{province.pk}.xlsx"):
        for query, said in (
            ("set=khong-co", "Không có bộ tiêu chí này"),
            (f"set={village_set.code}", "Không có bộ tiêu chí này"),
            (f"set={criteria_set.code}&stage=nation", "Không có cấp đánh giá này"),
        ):
            response = download(staff, f"{base}?{query}")
            assert response.status_code == 404
            assert said in response.content.decode()
    assert download(staff, f"/reports/matrix/{commune.pk}.xlsx").status_code == 404
    assert download(staff, f"/reports/readiness/{province.pk}.xlsx").status_code == 404


def test_an_area_without_communes_gets_a_message_and_no_workbook(province, criteria_set, staff):
    empty = DistrictFactory(parent=province)
    response = download(staff, f"/reports/matrix/{empty.pk}.xlsx")
    assert response.status_code == 400
    assert "không có xã nào" in response.content.decode()


def test_downloads_are_noted_by_name(commune, criteria_set, staff, caplog):
    with caplog.at_level("INFO", "ntm.audit"):
        download(staff, f"/reports/readiness/{commune.pk}.xlsx?stage=self")
    record = next(record for record in caplog.records if record.name == "ntm.audit")
    assert (record.username, record.unit, record.stage) == (staff.username, commune.pk, "self")


def test_queries_do_not_grow(criteria_set, count_queries):
    counts = []
    for size in (3, 30):
        province, communes = make_province(communes=size, districts=2)
        for commune in communes:
            say(commune, criteria_set, "self", ["met"] * 8)
        user = member(province, Role.COORDINATOR)
        download(user, f"/reports/matrix/{province.pk}.xlsx")
        with count_queries() as queries:
            download(user, f"/reports/matrix/{province.pk}.xlsx")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 25, queries


# --- small rules ----------------------------------------------------------------------------


def test_dates_letters_names_and_numerals():
    assert [day_text(date(2024, month, 5)) for month in (2, 6)] == ["05/02/2024", "05/06/2024"]
    assert [column_letter(column) for column in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]
    assert [roman(number) for number in (1, 4, 9, 14, 27)] == ["I", "IV", "IX", "XIV", "XXVII"]
    assert file_name("02", "Đông Phú", date(2024, 6, 30)) == "Bieu-02_DongPhu_2024-06-30.xlsx"
    assert file_name("02", "Ea H'Drai", date(2024, 6, 30)).isascii()
    assert file_name("02", "…", date(2024, 6, 30)) == "Bieu-02_DonVi_2024-06-30.xlsx"


def test_a_text_too_long_for_a_cell_says_so():
    assert safe("á" * 40_000).endswith("(xem tiếp trên hệ thống)")
    assert len(safe("á" * 40_000)) <= 32_767
    assert settings.DEMONSTRATION


def test_signatures_take_the_last_rows_of_the_table_along_to_their_page():
    """Rows of 15 points on a page of 509: the break stands where the signatures would part from the rows only."""
    columns = (Column("a", "TT", Kind.CENTRE, 6), Column("b", "Nội dung", Kind.TEXT, 60))
    heading = Heading("9", ("UBND", ""), "BIỂU", (), date(2024, 6, 30))
    book = DrawnBook("x", date(2024, 6, 30))
    for number in range(1, 70):
        lines = tuple(Line((str(place), "Đường thôn")) for place in range(number))
        draw_table(book, f"n{number}", heading, Table("t", "T", columns, lines))
    sheets = openpyxl.load_workbook(BytesIO(book.bytes())).worksheets
    parted, small = [], []
    for number, sheet in enumerate(sheets, 1):
        rows = [row[0].value for row in sheet.iter_rows(max_col=1)]
        first = rows.index("0") + 1
        last, end = first + number - 1, sheet.max_row
        breaks = [found.id for found in sheet.row_breaks.brk]
        assert breaks in ([], [last - 4]), "before the last four rows, or nowhere"
        if breaks:
            parted.append(number)
        fits = (end + 2) * 15 < 480  # on one page by any reckoning
        shrinks = sheet.page_setup.fitToHeight != 0  # 1 is what a file needn't say
        assert not (fits and (breaks or shrinks)) and not (breaks and shrinks), number
        if end * 15 > 530:  # more than a page
            assert shrinks == (end * 15 < 650), number
        small.append(shrinks)
    assert any(small) and parted and len(parted) < 30
    assert parted[0] > 20, "never parts the headings from all rows"
