"""A workbook that can't be complete isn't made, at once, with others or in the background; an honest "none" is."""

from datetime import date
from io import BytesIO

import openpyxl
import pytest
from django.test import Client

from communes.models import Role, Unit
from criteria.models import CriterionDepartment, ReportingPeriod, SupplementaryColumn
from reports.builders import MatrixReport, NationReport
from reports.complete import NOT_MADE
from reports.jobs import ReportRefused
from reports.tables.catalogue import KINDS
from reports.workbooks.layout import CONTENT_TYPE
from tests.factories import CriterionFactory, DepartmentFactory, UserFactory, VillageFactory
from tests.reports.worlds import make_province, make_set, make_table, member, say

pytestmark = pytest.mark.django_db

# Asked of a province that has a commune and its self-assessment, and nothing else.
LACKING = {
    "half-year": "chưa có kỳ 6 tháng nào đã đến ngày chốt",
    "year": "chưa có kỳ năm nào đã đến ngày chốt",
    "villages": "Chưa có bộ tiêu chí cấp thôn nào",
    "supplementary": "chưa có kỳ báo cáo nào",
    "texts": "chưa có kỳ báo cáo nào",
    "trend": "chưa có kỳ nào đã khóa",
}
NONE = {
    "findings": "Không có tồn tại, hạn chế nào.",
    "regression": "Không",
    "registered": "Chưa có xã nào đăng ký",
    "plans": "Chưa lập kế hoạch",
    "opinions": "Không có cuộc kiểm tra nào ghi nhận kết quả chính thức trong thời gian này mà bạn được xem.",
    "pace": "",
    "missing": "",
    "headline": "",
    "communes": "",
    "departments": "Chưa phân công",
}


class Place:
    def __init__(self):
        self.set = make_set(criteria=3, indicators=1, first_year=2021)
        self.province, (self.commune,) = make_province(communes=1)
        self.staff = member(self.province, Role.COORDINATOR)
        say(self.commune, self.set, "self", ["met", "met", "met"])

    def get(self, path, user=None, **more):
        client = Client()
        client.force_login(user or self.staff)
        return client.get(path, {"area": self.province.pk, "set": self.set.code, "stage": "self", **more})

    def period(self, kind="month", **fields):
        day = date(2024, 5, 31)
        fields = {"name": "Tháng 5", "ends_on": day, "due_on": day} | fields
        return ReportingPeriod.objects.create(area=self.province, kind=kind, **fields)

    def refused(self, key, words, **more):
        """No file, and the page says why without offering one."""
        page = self.get(f"/reports/tables/{key}/", **more)
        text = page.content.decode()
        assert page.status_code == 200 and NOT_MADE in text and words in text, key
        assert f"/{key}.xlsx" not in text and f"/{key}.zip" not in text
        for path in (f"/reports/tables/{key}.xlsx", f"/reports/tables/{key}.zip"):
            answer = self.get(path, **more)
            assert answer.status_code == 400 and "attachment" not in answer.get("Content-Disposition", "")
            assert words in answer.content.decode(), key


@pytest.fixture
def place():
    return Place()


def test_each_kind_of_report_is_judged():
    assert set(LACKING) | set(NONE) == set(KINDS) and not set(LACKING) & set(NONE)


@pytest.mark.parametrize(("key", "words"), LACKING.items())
def test_an_empty_form_is_not_made(place, key, words):
    more = {"step": "period"} if key == "trend" else {}
    place.refused(key, words, **more)
    several = place.get("/reports/bundle.xlsx", report=["headline", key], **more)
    text = several.content.decode()
    assert several.status_code == 400 and words in text and "Bỏ đánh dấu" in text
    assert KINDS[key].title in text and KINDS["headline"].title not in text


@pytest.mark.parametrize(("key", "words"), NONE.items())
def test_an_honest_none_is_a_file_that_says_so(place, key, words):
    answer = place.get(f"/reports/tables/{key}.xlsx")
    assert answer.status_code == 200 and answer["Content-Type"] == CONTENT_TYPE
    book = openpyxl.load_workbook(BytesIO(answer.content))
    cells = [str(cell) for sheet in book.worksheets[:-1] for row in sheet.iter_rows(values_only=True) for cell in row]
    assert any(words in cell for cell in cells)
    assert place.get(f"/reports/tables/{key}.zip").status_code == 200
    assert f"/{key}.xlsx" in place.get(f"/reports/tables/{key}/").content.decode()


def test_villages_need_a_set_and_villages(place):
    make_set(criteria=1, indicators=1, level="village", last_year=None, province=place.province, first_year=2021)
    place.refused("villages", "chưa có thôn nào")
    VillageFactory(parent=place.commune)
    assert place.get("/reports/tables/villages.xlsx").status_code == 200


def test_a_supplementary_table_needs_a_definition_columns_and_a_period_that_asks_for_it(place):
    period = place.period()
    place.refused("supplementary", "Tỉnh chưa lập biểu bổ sung nào.")
    table = make_table(place.province, starts_on=date(2024, 1, 1), period_kinds=["year"])
    place.refused("supplementary", "không yêu cầu nhập biểu", of_period=period.pk)
    table.period_kinds = ["month"]
    table.save()
    assert place.get("/reports/tables/supplementary.xlsx").status_code == 200  # 0/1 communes: honest
    SupplementaryColumn.objects.filter(table=table).delete()
    place.refused("supplementary", "chưa có cột nào")


def test_one_message_for_an_area_without_communes(place):
    Unit.objects.filter(pk=place.commune.pk).update(closed_on=date(2024, 1, 1))
    text = place.get("/reports/bundle.xlsx", report=["headline", "year"]).content.decode()
    assert "không có xã nào đang tồn tại" in text and "chưa có kỳ năm" not in text and "Bỏ đánh dấu" not in text
    place.refused("headline", "không có xã nào")
    place.refused("texts", "không có xã nào")


def test_a_department_without_criteria_in_the_set_has_no_workbook(place):
    department = DepartmentFactory()
    reviewer = member(place.province, Role.DEPARTMENT_REVIEWER, department=department)
    CriterionDepartment.objects.create(criterion=CriterionFactory(), department=department)
    for path in (
        f"/reports/matrix/{place.province.pk}.xlsx",
        f"/reports/readiness/{place.commune.pk}.xlsx",
        f"/reports/readiness/{place.commune.pk}.zip",
        "/reports/tables/headline.xlsx",
        "/reports/bundle.xlsx?report=headline",
    ):
        answer = place.get(path, reviewer, report=["headline"])
        assert answer.status_code == 400 and "không phụ trách tiêu chí nào" in answer.content.decode(), path
    params = {"area": place.province.pk, "set": place.set.code, "stage": "self"}
    with pytest.raises(ReportRefused, match="không phụ trách tiêu chí nào"):
        MatrixReport().build(reviewer, params, lambda *_: None, BytesIO())
    period = place.period(kind="half_year")
    for path in (".xlsx", ".zip"):
        answer = place.get(f"/reports/units/{place.commune.pk}/{period.pk}{path}", reviewer)
        assert answer.status_code == 400 and NOT_MADE in answer.content.decode()
    page = place.get(f"/reports/units/{place.commune.pk}/{period.pk}/", reviewer).content.decode()
    assert NOT_MADE in page and f"/{period.pk}.xlsx" not in page


def test_a_nation_without_communes_is_refused_in_the_background(place):
    Unit.objects.filter(pk=place.commune.pk).update(closed_on=date(2024, 1, 1))
    admin = UserFactory(is_superuser=True, is_staff=True)
    target = BytesIO()
    with pytest.raises(ReportRefused, match="không có xã nào"):
        NationReport().build(admin, {"set": place.set.code, "stage": "self"}, lambda *_: None, target)
    assert target.getvalue() == b""
