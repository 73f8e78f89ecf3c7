"""Trình bày báo cáo: a province's own numbers of forms, agencies, signatures and marks, in every workbook."""

from datetime import date
from io import BytesIO

import openpyxl
import pytest
from django.test import Client

from communes.models import Role
from criteria.models import ReportingPeriod, ReportSettings
from reports.house import House, house_of
from reports.workbooks.layout import MARKS, SIGNERS
from tests.factories import UserFactory
from tests.libreoffice import wrong_formulas
from tests.reports.worlds import make_province, make_set, member, say

pytestmark = pytest.mark.django_db

MARKS_OF_PROVINCE = {"firmly_met": "x", "met": "x", "nearly_met": "CBĐ", "not_met": "KĐ", "not_applicable": "K"}


class Place:
    def __init__(self) -> None:
        self.set = make_set(criteria=3, indicators=1, first_year=2021)
        self.province, self.communes = make_province(communes=4, districts=2)
        self.coordinator = member(self.province, Role.COORDINATOR)
        self.staff = member(self.communes[0].district, Role.DISTRICT_STAFF)
        for unit, verdicts in zip(
            self.communes,
            (["met"] * 3, ["firmly_met", "nearly_met", "not_met"], ["not_met"] * 3, ["met", "met", "nearly_met"]),
            strict=True,
        ):
            say(unit, self.set, "self", verdicts)

    def settings(self, **fields):
        given = {"marks": MARKS_OF_PROVINCE, "form_numbers": {"01": "05/NTM", "03": "07/NTM"}} | fields
        return ReportSettings.objects.create(province=self.province, updated_by=UserFactory(), **given)

    def get(self, url, user=None):
        client = Client()
        client.force_login(user or self.coordinator)
        return client.get(url)

    def book(self, path, area=None, user=None):
        area = area or self.province
        url = f"/reports/{path.format(area.pk)}?area={area.pk}&set={self.set.code}&stage=self"
        return self.get(url, user)

    def typed(self, **more):
        return {"version": 0, "province": self.province.pk} | more


@pytest.fixture
def place():
    return Place()


def texts(content):
    book = openpyxl.load_workbook(BytesIO(content), data_only=True)
    return [[cell for row in sheet.iter_rows(values_only=True) for cell in row if cell] for sheet in book.worksheets]


def test_without_settings_the_products_own_way_stands(place):
    house = house_of(place.coordinator, place.province)
    assert (house.marks, house.signers, house.form("01")) == (MARKS, SIGNERS, "01")
    assert House().form("03") == "03"


@pytest.mark.parametrize(
    ("own", "printed"),
    [("", "03b"), ("03/BC-NTM", "03b/BC-NTM"), ("7", "7b"), ("BC-03/2024", "BC-03b/2024"), ("Phụ lục", "Phụ lục")],
)
def test_the_letter_of_a_sheet_stands_at_the_forms_digits(own, printed):
    assert House(forms={"03": own}).form("03", "b") == printed
    assert House(forms={"03": own}).form("03") == (own or "03")


def test_marks_are_printed_and_counted(place, tmp_path):
    place.settings()
    answer = place.book("matrix/{}.xlsx")
    first = texts(answer.content)[0]
    assert first.count("x") == 6 and first.count("KĐ") == 4 and first.count("CBĐ") == 2
    assert not {"Đ", "ĐV", "CB", "C"} & set(first)
    assert "x = Đạt" in next(cell for cell in first if isinstance(cell, str) and "Ký hiệu" in cell)
    number, wrong = wrong_formulas(answer.content, tmp_path)
    assert number > 10 and wrong == []


def test_one_mark_for_two_states_is_counted_once(place, monkeypatch, tmp_path):
    place.settings()
    monkeypatch.setattr(House, "marks_met", ("x", "x", "K"))
    assert wrong_formulas(place.book("matrix/{}.xlsx").content, tmp_path)[1]


def test_agencies_signatures_and_numbers_are_the_provinces(place):
    place.settings(
        province_above="UBND tỉnh Bắc Sông",
        province_office="Văn phòng điều phối tỉnh",
        province_left="Người lập",
        province_left_name="Trần Thị Thử",
        province_right="KT. CHÁNH VĂN PHÒNG\nPHÓ CHÁNH VĂN PHÒNG",
        district_above="UBND {huyện}",
        district_right="CHÁNH VĂN PHÒNG {huyện}",
        district_office="Văn phòng điều phối HUYỆN {huyện}",
    )
    for path, form in (("matrix/{}.xlsx", "05a/NTM"), ("tables/headline.xlsx", "07a/NTM")):
        first = texts(place.book(path).content)[0]
        for told in (f"Biểu số {form}", "UBND TỈNH BẮC SÔNG", "VĂN PHÒNG ĐIỀU PHỐI TỈNH", "Người lập", "Trần Thị Thử",
                     "KT. CHÁNH VĂN PHÒNG", "PHÓ CHÁNH VĂN PHÒNG"):  # fmt: skip
            assert told in first, (path, told)
        assert "NGƯỜI LẬP BIỂU" not in first
    district = place.communes[0].district
    first = texts(place.book("tables/headline.xlsx", district, place.staff).content)[0]
    assert f"UBND {district.full_name}".upper() in first
    assert "CHÁNH VĂN PHÒNG" in "".join(map(str, first)) and "NGƯỜI LẬP BIỂU" in first
    assert f"CHÁNH VĂN PHÒNG {district.full_name}" in first
    assert f"VĂN PHÒNG ĐIỀU PHỐI {district.full_name}".upper() in first, "its kind once, whoever typed it too"
    commune = place.communes[0]
    officer = member(commune, Role.OFFICER)
    sheet = texts(place.get(f"/reports/readiness/{commune.pk}.xlsx?set={place.set.code}", officer).content)[0]
    assert "NGƯỜI LẬP BIỂU" in sheet and "Trần Thị Thử" not in sheet


def test_pages_and_file_names_have_the_provinces_numbers(place):
    place.settings()
    assert "Biểu số 05/NTM." in place.get("/reports/").content.decode()
    page = place.get(f"/reports/tables/headline/?area={place.province.pk}&set={place.set.code}")
    assert "Biểu số 07/NTM." in page.content.decode()
    assert 'filename="Bieu-07-NTM_' in place.book("tables/headline.xlsx")["Content-Disposition"]
    assert 'filename="Bieu-05-NTM_' in place.book("matrix/{}.xlsx")["Content-Disposition"]


def test_a_coordinator_saves_the_settings(place):
    client = Client()
    client.force_login(place.coordinator)
    assert client.get("/reports/settings/").status_code == 200
    typed = place.typed(mark_met="x", mark_firmly_met="x", form_03="07", province_right="A\nB", district_above="UBND")
    assert client.post("/reports/settings/", typed).status_code == 302
    stored = ReportSettings.objects.get()
    assert stored.marks == {"firmly_met": "x", "met": "x"}
    assert (stored.form_numbers, stored.province_right, stored.version) == ({"03": "07"}, "A\nB", 1)
    stale = client.post("/reports/settings/", typed)
    assert stale.status_code == 409 and 'name="version" value="1"' in stale.content.decode()
    page = client.get("/reports/settings/").content.decode()
    assert 'value="07"' in page
    assert client.post("/reports/settings/", place.typed(version=1)).status_code == 302
    assert house_of(place.coordinator, place.province).marks == MARKS


@pytest.mark.parametrize(
    "marks",
    [
        {"mark_nearly_met": "*"},
        {"mark_nearly_met": "a?"},
        {"mark_not_met": "<5"},
        {"mark_not_met": "="},
        {"mark_not_met": '"'},
        {"mark_not_met": "a b"},
        {"mark_not_met": "đ"},  # COUNTIF takes it for Đ
        {"mark_met": "x", "mark_nearly_met": "X"},
        {"mark_not_met": "bảy chữ"},
        {"province_right": "a\nb\nc\nd\ne"},
        {"form_03": "x" * 21},
        {"version": "x"},
    ],
)
def test_marks_that_would_count_wrong_are_refused(place, marks):
    client = Client()
    client.force_login(place.coordinator)
    answer = client.post("/reports/settings/", place.typed(**marks))
    assert answer.status_code == 422
    assert not ReportSettings.objects.exists()


def test_the_settings_are_the_provinces_own(place):
    stranger = member(make_province(communes=0)[0], Role.COORDINATOR)
    client = Client()
    client.force_login(stranger)
    client.post("/reports/settings/", place.typed(mark_met="x"))
    assert not ReportSettings.objects.filter(province=place.province).exists()
    for user in (place.staff, member(place.province, Role.VIEWER)):
        assert place.get("/reports/settings/", user).status_code == 403


def test_texts_are_not_for_viewers(place):
    ReportingPeriod.objects.create(
        area=place.province, kind="month", name="Kỳ", ends_on=date(2024, 6, 30), due_on=date(2024, 7, 5)
    )
    viewer = member(place.province, Role.VIEWER)
    query = f"?area={place.province.pk}&set={place.set.code}"
    for path in ("texts/", "texts.xlsx", "texts.zip"):
        assert place.get(f"/reports/tables/{path}{query}", viewer).status_code == 403
    assert place.get(f"/reports/bundle.xlsx{query}&report=texts", viewer).status_code == 403
    assert place.get(f"/reports/tables/supplementary/{query}", viewer).status_code == 200
    listed = place.get("/reports/", viewer).content.decode()
    assert "tables/supplementary/" in listed and "tables/texts/" not in listed
