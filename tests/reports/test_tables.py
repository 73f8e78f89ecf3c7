"""Every report of the catalogue: page, workbook and CSV hold the same cells; formulas are live and right."""

import csv
import html
import random
import re
import zipfile
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from io import BytesIO, StringIO
from itertools import product

import openpyxl
import pytest
from django.test import Client

from communes.models import Role, Unit
from criteria.models import CriterionDepartment, PeriodText, Plan, Recognition, Registration, ReportingPeriod
from criteria.verdicts import STATES
from reports.matrix import figures_of, matrix
from reports.tables.catalogue import KINDS
from reports.tables.files import plain
from reports.tables.page import shown
from reports.tables.picture import picture
from reports.tables.table import Chart, Column, Kind, Line, Table, value_of
from reports.workbooks.layout import CONTENT_TYPE
from tests.factories import DepartmentFactory
from tests.libreoffice import wrong_formulas
from tests.reports.worlds import fill, indicators_of, inspect, make_province, make_set, make_table, member, say

pytestmark = pytest.mark.django_db

VERDICTS = ("met", "met", "met", "nearly_met", "not_met", "firmly_met", "")
TODAY = date(2024, 6, 30)


class World:
    """A province of random opinions over a year at all stages, one name a formula, one 100 characters long."""

    def __init__(self, seed: int, communes: int = 6) -> None:
        chance = random.Random(seed)
        self.set = make_set(criteria=3, indicators=2, first_year=2021)
        self.province, self.communes = make_province(communes=communes, districts=2)
        for unit, name in zip(self.communes, ('=HYPERLINK("http://x")', "Dài " * 24), strict=False):
            Unit.objects.filter(pk=unit.pk).update(name=name.strip()[:100])
        self.staff = member(self.province, Role.COORDINATOR)
        for unit in self.communes:
            for stage in ("self", "district", "province"):
                for _ in range(chance.randrange(3)):
                    day = TODAY - timedelta(days=chance.randrange(500))
                    say(unit, self.set, stage, [chance.choice(VERDICTS) for _ in range(6)], day)
        self.plan(chance)
        self.recognise(chance)
        inspect(self.province, self.communes, self.set, chance)
        self.period = ReportingPeriod.objects.create(
            area=self.province,
            kind="month",
            name="Tháng 5/2024",
            ends_on=date(2024, 5, 31),
            due_on=date(2024, 6, 5),
            closed_at=datetime(2024, 6, 6, 8, tzinfo=UTC),
        )
        self.others = [
            ReportingPeriod.objects.create(area=self.province, kind=kind, name=name, ends_on=day, due_on=day)
            for kind, name, day in (
                ("half_year", "6 tháng đầu năm 2023", date(2023, 6, 30)),
                ("year", "Năm 2023", date(2023, 12, 31)),
                ("half_year", "6 tháng đầu năm 2024", date(2024, 6, 30)),
            )
        ]
        Unit.objects.filter(pk__in=[unit.pk for unit in self.communes[::2]]).update(target_group="nhom-1")
        self.told(chance)

    def told(self, chance: random.Random) -> None:
        """What some communes filled in and wrote for the period, one text longer than a row of a sheet."""
        table = make_table(self.province, starts_on=date(2023, 1, 1))
        for period in (self.period, *self.others):
            for unit in self.communes:
                if chance.random() < 0.7:
                    fill(unit, period, table, by=self.staff, chance=chance)
                    words = {"results": "=1+1", "difficulties": "", "proposals": "Cấp vốn\nlàm đường. " * 120}
                    PeriodText.objects.create(unit=unit, period=period, saved_by=self.staff, **words)

    def recognise(self, chance: random.Random) -> None:
        """Most recognised by the set or an earlier one, some revoked or voided, by decisions named like a formula."""
        earlier = make_set(first_year=2016, last_year=2020)
        for unit in self.communes:
            for criteria_set, year in ((earlier, 2019), (self.set, 2023)):
                if chance.random() < 0.3:
                    continue
                row = Recognition(unit=unit, criteria_set=criteria_set, decision="=1+1", recorded_by=self.staff)
                row.decided_on = date(year, chance.randrange(1, 13), 20)
                row.recorded_at = datetime(2024, 1, chance.randrange(1, 28), tzinfo=UTC)
                if chance.random() < 0.3:
                    row.revoked_decision, row.revoked_on = "45/QĐ-UBND", date(2024, chance.randrange(1, 6), 10)
                    row.revoked_at, row.revoked_by = datetime(2024, 6, 20, tzinfo=UTC), self.staff
                elif chance.random() < 0.2:
                    row.voided_at, row.voided_by = datetime(2024, 6, 20, tzinfo=UTC), self.staff
                    row.void_reason = "Ghi nhầm"
                row.save()

    def plan(self, chance: random.Random) -> None:
        """Plans of most communes for the years' ends and June, half of the communes registered."""
        indicators = indicators_of(self.set)
        for unit in self.communes[1:]:
            Plan.objects.bulk_create(
                Plan(unit=unit, indicator=row, ends_on=end, value=chance.randrange(80, 100), verdict=verdict,
                     saved_by=self.staff, saved_at=datetime(2024, 1, 5, tzinfo=UTC))
                for row in indicators
                for end in (date(2023, 12, 31), date(2024, 6, 30), date(2024, 12, 31))
                if (verdict := chance.choice(VERDICTS))
            )  # fmt: skip
        Registration.objects.bulk_create(
            Registration(unit=unit, criteria_set=self.set, year=year, decision="12/KH-UBND",
                         decided_on=date(2024, 1, 15), recorded_by=self.staff,
                         recorded_at=datetime(2024, 1, 16, tzinfo=UTC))
            for unit in self.communes[::2]
            for year in (2024, 2025)
        )  # fmt: skip

    def get(self, url: str, user=None):
        client = Client()
        client.force_login(user or self.staff)
        return client.get(url)

    def query(self, stage: str, **more) -> str:
        given = {"area": self.province.pk, "set": self.set.code, "stage": stage} | more
        return "&".join(f"{name}={value}" for name, value in given.items())


@pytest.fixture
def place():
    return World(1)


def page_tables(text: str) -> list[list[list[str]]]:
    """The body cells of the page's report tables, as text."""
    found = []
    for table in re.findall(
        r'<table class="ntm-table table-compact table-cards report-table">(.*?)</table>', text, re.S
    ):
        body = re.search(r"<tbody>(.*?)</tbody>", table, re.S).group(1)
        rows = re.findall(r"<tr[^>]*>(.*?)</tr>", body, re.S)
        found.append([[_text(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)] for row in rows])
    return found


def _text(cell: str) -> str:
    without_marks = re.sub(r'<span class="(?:v-)?mark"[^>]*>.*?</span>', "", cell, flags=re.S)
    return html.unescape(re.sub(r"<[^>]+>", "", without_marks)).strip()


def book_rows(sheet, columns: int) -> list[list]:
    """The data rows of a sheet in the official form: those after the row that numbers the columns."""
    rows = [list(row[:columns]) for row in sheet.iter_rows(values_only=True)]
    start = next(place for place, row in enumerate(rows) if row == list(range(1, columns + 1)))
    return rows[start + 1 :]


def written(value, kind):
    """What a workbook's cell holds of a value."""
    if value is None or value == "" or (kind == Kind.STATE and value == "not_assessed"):
        return None
    if kind == Kind.STATE:
        return STATES[value].label if value in STATES else value
    if isinstance(value, Decimal):
        return float(value)
    return value


def printed(cell) -> str:
    """The number of a workbook's cell as Excel prints it in Vietnam."""
    form = cell.number_format
    assert form in {"General", "#,##0", "#,##0.####", "0.00", "0.0"}, form
    places = len(form.partition(".")[2]) if form != "General" else 0
    value = Decimal(str(cell.value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    text = f"{value:,}" if "," in form else f"{value}"
    if "#" in form and places:
        text = text.rstrip("0")  # a whole number keeps a bare mark
    return text.translate(str.maketrans(",.", ".,"))


def same(found, expected) -> bool:
    if isinstance(found, datetime):
        found = found.date()
    if isinstance(expected, float):
        return found not in (None, "") and abs(float(found) - expected) < 1e-9
    return (found or None) == expected if found == "" else found == expected


@pytest.mark.parametrize("seed", range(2))
def test_page_workbook_and_csv_hold_the_same_cells(seed):
    place = World(seed)
    moments = ({}, {"as_of": "2024-03-31"}, {"period": place.period.pk})
    for key, moment in product(KINDS, moments):
        query = place.query(("self", "district", "province")[seed], below=3, indicators=1, **moment)
        answer = place.get(f"/reports/tables/{key}/?{query}")
        assert answer.status_code == 200
        report = answer.context["report"]
        drawn = page_tables(answer.content.decode())
        tables = [table for table in report.tables if table.lines]
        assert len(drawn) == len(tables)
        content = place.get(f"/reports/tables/{key}.xlsx?{query}")
        assert content["Content-Type"] == CONTENT_TYPE
        book = openpyxl.load_workbook(BytesIO(content.content), data_only=True)
        assert len(book.worksheets) == len(report.tables) + 1
        files = zipfile.ZipFile(BytesIO(place.get(f"/reports/tables/{key}.zip?{query}").content))
        for page, table in zip(drawn, tables, strict=True):
            assert len({column.key for column in table.columns}) == len(table.columns)
            sheet = book.worksheets[report.tables.index(table)]
            in_book = book_rows(sheet, len(table.columns))
            in_csv = list(csv.reader(StringIO(files.read(f"{table.key}.csv").decode("utf-8-sig"))))[1:]
            assert len(page) == len(in_csv) == len(table.lines)
            first = sheet.max_row - len(in_book) + 1
            for number, line in enumerate(table.lines):
                for at, (cell, column) in enumerate(zip(line.cells, table.columns, strict=True)):
                    value = value_of(cell)
                    if isinstance(value, int | Decimal):
                        assert printed(sheet.cell(first + number, at + 1)) == page[number][at], (table.key, column)
                    assert page[number][at] == shown(value, line.kind_of(column)).strip(), (table.key, line)
                    assert in_csv[number][at + 1] == plain(value, column.kind)
                    if not (isinstance(value, str) and value not in STATES):
                        assert same(in_book[number][at], written(value, column.kind)), (table.key, column, line)


def test_every_formula_is_what_libreoffice_works_out(place, tmp_path):
    keys = "&".join(f"report={key}" for key in KINDS)
    content = place.get(f"/reports/bundle.xlsx?{keys}&{place.query('self', below=3)}").content
    number, wrong = wrong_formulas(content, tmp_path)
    assert number > 20
    assert wrong == []


def test_a_false_value_is_noticed(place, tmp_path, monkeypatch):
    from reports.tables import headline
    from reports.tables.table import Sum

    monkeypatch.setattr(headline, "Sum", lambda value: Sum(value + 1 if isinstance(value, int) else value))
    content = place.get(f"/reports/tables/headline.xlsx?{place.query('self')}").content
    assert wrong_formulas(content, tmp_path)[1]


def test_headline_figures_are_the_sum_of_their_parts(place):
    for stage in ("self", "district", "province"):
        result = matrix(place.province, place.set, stage)
        figures = result.figures
        assert figures.with_opinion == sum(row.counts for row in result.rows)
        assert figures.communes == len(place.communes) == sum(len(group.rows) for group in result.groups)
        assert sum(count for _, count, _ in result.buckets) == figures.with_opinion
        if figures.with_opinion:
            assert figures.criteria_met == sum(figures_of(group.rows, 3).criteria_met or 0 for group in result.groups)
            assert figures.criteria_met == sum(total.met for total in result.totals)


def test_what_can_not_be_drawn_is_said(place):
    area, code = place.province.pk, place.set.code
    for query, status, words in (
        (f"area={area}&set=khong-co", 404, "Không có bộ tiêu chí này"),
        (f"area={area}&set={code}&stage=x", 404, "Không có cấp đánh giá này"),
        (f"area={area}&set={code}&as_of=2024-02-31", 404, "Ngày không đúng"),
        (f"area={area}&set={code}&as_of=2030-01-01", 404, "chưa đến"),
        (f"area={area}&set={code}&as_of=1999-01-01", 404, "Không có dữ liệu trước ngày"),
        (f"area={area}&set={code}&period=987654", 404, "không thuộc địa bàn"),
        ("area=987654", 404, ""),
        ("area=x", 404, ""),
    ):
        for path in ("headline/", "headline.xlsx", "headline.zip"):
            answer = place.get(f"/reports/tables/{path}?{query}")
            assert (answer.status_code, words in answer.content.decode()) == (status, True), (path, query)
        answer = place.get(f"/matrix/?{query}")
        assert answer.status_code == status, query
    assert place.get(f"/reports/tables/khong-co/?area={area}").status_code == 404
    assert place.get(f"/reports/bundle.xlsx?area={area}").status_code == 400


def test_an_area_without_communes_has_no_workbook(place):
    province, _ = make_province(communes=0)
    staff = member(province, Role.COORDINATOR)
    page = place.get(f"/reports/tables/headline/?area={province.pk}&set={place.set.code}", staff)
    assert page.status_code == 200
    answer = place.get(f"/reports/tables/headline.xlsx?area={province.pk}&set={place.set.code}", staff)
    assert answer.status_code == 400
    assert "không có xã nào" in answer.content.decode()


def test_another_provinces_reports_are_not_there(place):
    stranger = member(make_province(communes=1)[0], Role.COORDINATOR)
    for path in ("headline/", "headline.xlsx", "headline.zip"):
        assert place.get(f"/reports/tables/{path}?{place.query('self')}", stranger).status_code == 404
    assert place.get(f"/reports/bundle.xlsx?report=headline&{place.query('self')}", stranger).status_code == 404


def test_reports_ask_as_much_for_many_communes_as_for_few(count_queries):
    counts = defaultdict(list)
    for communes in (3, 12):
        place = World(3, communes)
        client = Client()
        client.force_login(place.staff)
        for key, moment in product(KINDS, ("", "&as_of=2024-03-31")):
            url = f"/reports/tables/{key}/?{place.query('self')}{moment}"
            client.get(url)
            with count_queries() as queries:
                client.get(url)
            counts[key, moment].append(len(queries))
    assert {asked: found for asked, found in counts.items() if len(set(found)) > 1} == {}


def test_a_picture_shows_the_tables_figures(place):
    page = place.get(f"/reports/tables/headline/?{place.query('self')}")
    table = next(table for table in page.context["report"].tables if table.chart)
    drawn = re.search(r'<figure class="chart">(.*?)</figure>', page.content.decode(), re.S).group(1)
    place = table.place(table.chart.values[0])
    figures = [str(value_of(line.cells[place])) for line in table.rows]
    labels = [value_of(line.cells[0]).removesuffix(" tiêu chí") for line in table.rows]
    assert [html.unescape(label) for label in re.findall(r"<tspan[^>]*>([^<]*)<", drawn)] == labels
    assert re.findall(r'<text class="figure"[^>]*>([^<]*)<', drawn) == figures
    assert "style=" not in drawn and 'role="img"' in drawn


def test_labels_of_a_line_are_short_and_their_last_is_always_there():
    columns = (Column("moment", "Thời điểm", Kind.TEXT), Column("met", "Đạt", Kind.PERCENT))
    chart = Chart("line", "Xu hướng", "moment", ("met",))

    def drawn(*moments):
        lines = tuple(Line((moment, Decimal(place + 1))) for place, moment in enumerate(moments))
        return picture(Table("x", "x", columns, lines, chart=chart))

    def labels(svg, css):
        return re.findall(rf'<text class="{css}"[^>]*>.*?<tspan[^>]*>([^<]*)<', svg)

    year = drawn(*(f"Tháng {month} năm 2024 (28/{month:02}/2024)" for month in range(1, 14)))
    assert labels(year, "label") == ["13/2024", "9/2024", "5/2024", "1/2024"]  # the others not on a phone
    assert labels(year, "label label-wide") == ["11/2024", "7/2024", "3/2024"]
    assert labels(drawn("15/05/2024", "31/05/2024"), "label") == ["31/05/2024"]
    assert "…" not in drawn("Mốc so sánh", "30/06/2024")


def test_lines_break_where_there_is_no_figure_and_nothing_is_drawn_of_nothing():
    columns = (
        Column("month", "Tháng", Kind.TEXT),
        Column("met", "Đạt", Kind.WHOLE),
        Column("near", "Cơ bản", Kind.WHOLE),
    )
    chart = Chart("line", "Xu hướng", "month", ("met", "near"))
    lines = tuple(Line((f"<{n}>", met, 1)) for n, met in enumerate([3, None, 5, 6]))
    drawn = picture(Table("xu_huong", "Xu hướng", columns, lines, chart=chart))
    assert drawn.count("<path") == 2 and drawn.count("<circle") == 7
    assert re.search(r'<path class="series-0" d="M[^ML]*M[^ML]*L', drawn), "broken after the first"
    assert "&lt;1&gt;" in drawn and "<1>" not in drawn
    assert picture(Table("x", "x", columns, (Line(("a", None, None)),), chart=chart)) == ""
    assert picture(Table("x", "x", columns, (), chart=chart)) == ""


def test_wrong_options_are_said_and_make_no_file(place):
    for base in ("2030-01-01", "31/02/2024x"):
        query = f"{place.query('self')}&base={base}"
        assert place.get(f"/reports/tables/headline/?{query}").status_code == 200
        answer = place.get(f"/reports/tables/headline.xlsx?{query}")
        assert (answer.status_code, "So với mốc" in answer.content.decode()) == (400, True)
    page = place.get(f"/reports/tables/headline/?{place.query('self')}&base=2024-01-01")
    titles = [table.title for table in page.context["report"].tables]
    assert "Xã dưới 15 tiêu chí" in titles, "what wasn't sent has its initial value"


@pytest.mark.parametrize(
    ("key", "wrong", "words"),
    [
        ("headline", {"base": "2024-12-31"}, "Chọn một ngày trước ngày 30/06/2024 của số liệu."),
        ("headline", {"base": "2024-05-01", "as_of": "2024-04-30"}, "Chọn một ngày trước ngày 30/04/2024 của số liệu."),
        ("regression", {"base": "2030-01-01"}, "Chọn một ngày trước ngày 30/06/2024 của số liệu."),
        ("regression", {"base": "1999-01-01"}, "Không có dữ liệu trước ngày 01/01/2010."),
        ("registered", {"year": "1900"}, "Nhập một năm từ 2010 đến 2100."),
        ("plans", {"year": "99999"}, "Nhập một năm từ 2010 đến 2100."),
        ("plans", {"year": "x"}, "Nhập một năm từ 2010 đến 2100."),
    ],
)
def test_a_wrong_day_or_year_is_said_on_top_and_beside_its_field(place, key, wrong, words):
    query = place.query("self", **wrong)
    text = place.get(f"/reports/tables/{key}/?{query}").content.decode()
    field = next(name for name in wrong if name != "as_of")
    assert re.search(rf'<p class="field-error" id="id_{field}_error">{words}', text)
    assert "Lựa chọn chưa đúng" in text and f"tables/{key}.xlsx?" not in text, "no file is offered of it"
    assert words in place.get(f"/reports/tables/{key}.xlsx?{query}").content.decode()


def test_files_of_different_figures_have_different_names(place):
    ReportingPeriod.objects.filter(pk=place.period.pk).update(closed_at=datetime(2024, 6, 6, 18, tzinfo=UTC))
    moments = ({}, {"as_of": "2024-06-15"}, {"as_of": "2024-05-31"}, {"period": place.period.pk})
    paths = (
        "tables/headline.xlsx?",
        "tables/headline.zip?",
        "bundle.xlsx?report=headline&",
        f"matrix/{place.province.pk}.xlsx?",
        f"readiness/{place.communes[0].pk}.xlsx?",
    )
    for path in paths:
        names = [
            re.search(
                r'filename="(.*?)"', place.get(f"/reports/{path}{place.query('self', **it)}")["Content-Disposition"]
            )
            for it in moments
        ]
        ends = [name.group(1).split("_", 2)[2].removesuffix("_csv.zip").removesuffix(".xlsx") for name in names]
        closed = "2024-05-31_KyKhoa-2024-06-07"  # closed at one in the morning there
        assert ends == ["2024-06-30", "2024-06-15", "2024-05-31", closed], path


def test_the_table_of_all_criteria_names_them_and_links_its_communes(place):
    page = place.get(f"/reports/tables/communes/?{place.query('self', indicators=1)}")
    text = page.content.decode()
    for unit in place.communes:
        assert text.count(f'<a href="/units/{unit.pk}/?') == 2, "in both tables"
    heads = re.findall(r"<thead>(.*?)</thead>", text, re.S)
    assert 'TC 2<span class="column-name">Tiêu chí 2</span>' in heads[0]
    assert heads[1].count('<span class="column-name">Tỷ lệ hộ dùng nước sạch</span>') == 6
    for table in page.context["report"].tables:
        titles = [column.full_title for column in table.columns]
        assert len(set(titles)) == len(titles), "no heading twice"
    assert ">Đánh giá</th>" in heads[1] and ">Kết quả (%)</th>" in heads[1]
    assert text.count('class="table-wrap wide-table"') == 2, "what doesn't fit keeps names in sight"


def test_in_one_file_every_sheet_is_titled_by_its_report(place):
    keys = ("communes", "pace", "registered", "opinions", "headline")
    query = "&".join(f"report={key}" for key in keys)
    content = place.get(f"/reports/bundle.xlsx?{query}&{place.query('self')}").content
    book = openpyxl.load_workbook(BytesIO(content))
    area = place.province.full_name.upper()
    titles = {
        cell
        for sheet in book.worksheets
        for row in sheet.iter_rows(max_row=8, values_only=True)
        for cell in row
        if cell
    }
    for title in (
        f"KẾT QUẢ CÁC XÃ THEO TIÊU CHÍ – {area}",
        f"TỐC ĐỘ THỰC HIỆN: TRIỂN VỌNG – {area}",
        f"XÃ ĐĂNG KÝ ĐẠT CHUẨN NĂM 2024: TRIỂN VỌNG – {area}",
        f"XÃ ĐĂNG KÝ ĐẠT CHUẨN NĂM 2024 – {area}",
        f"SỐ LIỆU CHUNG VÀ NHÓM XÃ: THEO HUYỆN – {area}",
    ):
        assert title in titles, title
    names = book.sheetnames
    assert "12a Triển vọng" in names and "10b Triển vọng" in names and "04 Theo tiêu chí" in names
    assert not [name for name in names if re.search(r"\w \d$|theo x$", name)], names
    alone = openpyxl.load_workbook(BytesIO(place.get(f"/reports/tables/pace.xlsx?{place.query('self')}").content))
    assert "Triển vọng" in alone.sheetnames


def test_an_error_leads_back_to_the_report_with_what_was_chosen(place):
    area, code = place.province.pk, place.set.code
    for path in ("headline/", "headline.xlsx"):
        for day in ("2030-01-01", "2010-05-01x", "2009-05-05"):
            answer = place.get(f"/reports/tables/{path}?{place.query('self', below=3)}&as_of={day}")
            back = html.unescape(answer.content.decode())
            found = re.search(r'href="(/reports/tables/headline/\?[^"]*)"', back).group(1)
            assert "below=3" in found and f"set={code}" in found and "as_of" not in found
            assert place.get(found).status_code == 200
    back = html.unescape(place.get(f"/reports/bundle.xlsx?area={area}&set={code}&stage=district").content.decode())
    assert f'href="/reports/?area={area}&set={code}&stage=district"' in back
    page = place.get(f"/reports/?area={area}&set={code}&stage=district").content.decode()
    assert re.search(r'id="b-stage".*?<option value="district" selected', page, re.S)
    again = place.get(f"/reports/?area={area}&set={code}&report=headline").content.decode()
    assert re.search(r'id="k-headline"[^>]*checked', again)


def test_a_department_has_no_watch_list_of_its_few_criteria(place):
    department = DepartmentFactory()
    CriterionDepartment.objects.create(criterion=place.set.criteria.first(), department=department)
    reviewer = member(place.province, Role.DEPARTMENT_REVIEWER, department=department)
    page = place.get(f"/reports/tables/headline/?{place.query('self')}", reviewer)
    assert "Xã dưới" not in " ".join(table.title for table in page.context["report"].tables)


def test_links_from_the_past_lead_into_the_past(place):
    for key in ("headline", "regression", "opinions", "villages"):
        page = place.get(f"/reports/tables/{key}/?{place.query('self', below=3)}&as_of=2024-03-31")
        links = [line.url for table in page.context["report"].tables for line in table.lines if line.url]
        links = [url for url in links if url.startswith("/units/")]  # a visit has a day of its own
        assert links and all("as_of=2024-03-31" in url for url in links), key


def test_charts_and_headings_have_room_on_paper(place):
    content = place.get(f"/reports/tables/headline.xlsx?{place.query('self')}").content
    book = openpyxl.load_workbook(BytesIO(content))
    sheet = next(sheet for sheet in book.worksheets if sheet._charts)
    anchor, area = sheet._charts[0].anchor._from, sheet.print_area
    last = int(re.search(r"\$(\d+)$", area).group(1))
    assert anchor.col == 0 and anchor.row + 10 < last, "within what is printed"
    for sheet in book.worksheets:
        found = re.search(r":\$([A-Z]+)\$", sheet.print_area or "")
        if not found:
            continue  # the definitions print as they are
        printed = openpyxl.utils.column_index_from_string(found.group(1))
        # Columns alike and side by side are one entry.
        entries = [it for it in sheet.column_dimensions.values() if it.min and it.min <= printed]
        assert sum(it.width * (min(it.max, printed) - it.min + 1) for it in entries) > 99


def test_what_is_not_assessed_is_blank_in_csv_as_in_the_workbook():
    assert [plain(state, Kind.STATE) for state in ("", "not_assessed", "not_met")] == ["", "", "Chưa đạt"]


def test_numbers_of_csv_have_no_empty_decimals_and_its_dictionary_explains_each_column(place):
    numbers = ("1234.5000", "1000.00", "0.0", "-0.00", "1E+3", "96")
    assert [plain(Decimal(number), Kind.NUMBER) for number in numbers] == ["1234.5", "1000", "0", "0", "1000", "96"]
    for key in KINDS:
        files = zipfile.ZipFile(BytesIO(place.get(f"/reports/tables/{key}.zip?{place.query('self')}").content))
        rows = list(csv.reader(StringIO(files.read("tu_dien_du_lieu.csv").decode("utf-8-sig"))))
        assert all(row[4] for row in rows), key
