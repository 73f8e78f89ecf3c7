"""One unit in thirty seconds, what it was made of, and how it is found."""

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from communes.models import Role, Succession, Unit
from criteria.models import CriteriaSet, CriterionDepartment
from reports.readiness import readiness
from tests.factories import CommuneFactory, DepartmentFactory
from tests.reports.worlds import concluded_visit, find, indicators_of, make_set, member, prove, prove_all, say

pytestmark = pytest.mark.django_db


@pytest.fixture
def unit():
    return CommuneFactory(name="Đông Phú", code="16420")


@pytest.fixture
def criteria_set():
    return make_set(criteria=3, indicators=2)


@pytest.fixture
def client(unit):
    return client_of(member(unit, Role.OFFICER))


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def read(client, url, **query):
    response = client.get(url, query)
    assert response.status_code == 200
    return response.content.decode()


def test_the_page_says_where_the_unit_stands(client, unit, criteria_set):
    say(unit, criteria_set, "self", ["met", "met", "nearly_met", "met", "not_met", "met"])
    page = read(client, f"/units/{unit.pk}/", stage="self")
    assert "1/3 đạt · 1 cơ bản đạt · 1 chưa đạt (số 3)" in page
    for number in (1, 2, 3):
        assert f"/units/{unit.pk}/criteria/{number}/?set={criteria_set.code}" in page
    assert "còn thiếu 45 điểm phần trăm" in page
    assert "còn thiếu 63 hộ" in page
    assert f"/reports/readiness/{unit.pk}.xlsx?set={criteria_set.code}&amp;stage=self" in page


@pytest.mark.parametrize("stage", ["self", "district", "province", "combined"])
def test_each_stage_shows_its_own_sentence(client, unit, criteria_set, stage):
    say(unit, criteria_set, "self", ["met"] * 6)
    say(unit, criteria_set, "province", ["not_met"])
    response = client.get(f"/units/{unit.pk}/", {"stage": stage})
    assert response.context["result"].sentence == readiness(unit, criteria_set, stage).sentence
    page = response.content.decode()
    assert "3/3 đạt" in page
    assert "Chưa thẩm tra" in page


def test_ready_is_not_recognised(client, unit, criteria_set):
    say(unit, criteria_set, "self", ["met"] * 6)
    prove_all(unit, criteria_set)
    page = read(client, f"/units/{unit.pk}/", stage="self")
    assert "Đủ tiêu chí và minh chứng" in page
    assert "hài lòng" in page
    assert "nợ đọng" in page


def test_findings_and_the_conclusion_are_shown(client, unit, criteria_set):
    visit = concluded_visit(unit, criteria_set, summary="Đạt vững chắc 1/3 tiêu chí (số 1).")
    finding = find(visit, 1)
    page = read(client, f"/units/{unit.pk}/")
    assert "Đạt vững chắc 1/3 tiêu chí (số 1)." in page
    assert reverse("inspections:finding_detail", args=[finding.pk]) in page


def test_a_viewer_reads_figures_without_files_and_findings(unit, criteria_set):
    say(unit, criteria_set, "self", ["met"] * 6)
    prove(unit, indicators_of(criteria_set)[0], title="Danh sách hộ nghèo")
    find(concluded_visit(unit, criteria_set, summary="Kết luận riêng"), 1)
    page = read(client_of(member(unit.province, Role.VIEWER)), f"/units/{unit.pk}/", stage="self")
    assert "3/3 đạt" in page
    for secret in ("Danh sách hộ nghèo", "Rãnh thoát nước", "Kết luận riêng"):
        assert secret not in page
    assert "ngoài phạm vi được xem" in page


def test_sets_of_the_unit_and_what_does_not_exist(client, unit, criteria_set):
    earlier = make_set(1, 1, first_year=2016, last_year=2020)
    page = read(client, f"/units/{unit.pk}/", set=earlier.code)
    assert "2016–2020" in page
    village = make_set(1, 1, level="village")
    for query in ({"set": "khong-co"}, {"set": village.code}, {"stage": "nation"}):
        assert client.get(f"/units/{unit.pk}/", query).status_code == 404


def test_a_unit_without_any_set(client, unit):
    assert "Chưa có bộ tiêu chí" in read(client, f"/units/{unit.pk}/")


def test_a_predecessor_is_reachable_and_opens_where_it_was_assessed(criteria_set):
    earlier = make_set(2, 1, first_year=2016, last_year=2020)
    new = CommuneFactory(name="Kim Song Trường", opened_on=date(2023, 4, 1))
    old = CommuneFactory(name="Kim Lộc", parent=new.district, closed_on=date(2023, 4, 1))
    Succession.objects.create(predecessor=old, successor=new, effective_on=date(2023, 4, 1))
    say(old, earlier, "province", ["firmly_met", "nearly_met"], day=date(2018, 7, 17))
    concluded_visit(old, earlier, summary="Đạt vững chắc 1/2 tiêu chí (số 1).", held_on=date(2018, 7, 17))
    client = client_of(member(new, Role.OFFICER))
    assert f"/units/{old.pk}/" in read(client, f"/units/{new.pk}/")
    page = read(client, f"/units/{old.pk}/")
    assert "1/2 đạt (1 đạt vững chắc) · 1 cơ bản đạt" in page
    assert "Đạt vững chắc 1/2 tiêu chí (số 1)." in page
    assert "không còn là đơn vị riêng, chậm nhất từ 01/04/2023" in page
    assert 'id="missing">Còn thiếu gì</h2>' in page
    assert f"/units/{new.pk}/" in page


def test_a_closed_unit_opens_everywhere_with_the_set_it_was_assessed_under(criteria_set):
    earlier = make_set(2, 1, first_year=2016, last_year=2020)
    new = CommuneFactory(opened_on=date(2023, 4, 1))
    old = CommuneFactory(name="Kim Lộc", parent=new.district, closed_on=date(2023, 4, 1))
    Succession.objects.create(predecessor=old, successor=new, effective_on=date(2023, 4, 1), is_verified=True)
    assert CriteriaSet.objects.chosen(old) == criteria_set
    say(old, earlier, "province", ["met", "met"], day=date(2018, 7, 17))
    assert CriteriaSet.objects.chosen(old) == earlier
    assert CriteriaSet.objects.chosen(new) == criteria_set
    client = client_of(member(new, Role.OFFICER))
    page = read(client, f"/units/{old.pk}/")
    assert "kết thúc ngày 01/04/2023" in page
    assert earlier.name in page
    assert earlier.name in read(client, f"/units/{old.pk}/entry/")


def test_a_department_does_not_read_the_conclusion_on_all_criteria(unit, criteria_set):
    department = DepartmentFactory()
    CriterionDepartment.objects.create(criterion=criteria_set.criteria.get(number=2), department=department)
    concluded_visit(unit, criteria_set, summary="Đạt vững chắc 1/3 tiêu chí (số 1).")
    reviewer = member(unit.province, Role.DEPARTMENT_REVIEWER, department=department)
    assert "Đạt vững chắc 1/3" not in read(client_of(reviewer), f"/units/{unit.pk}/")
    assert "Đạt vững chắc 1/3" in read(client_of(member(unit.province, Role.COORDINATOR)), f"/units/{unit.pk}/")


def test_all_that_is_missing_can_be_read_on_the_page(client, unit):
    found = make_set(criteria=10, indicators=1)
    say(unit, found, "self", ["not_met"] * 10)
    indicators = indicators_of(found)
    page = read(client, f"/units/{unit.pk}/", stage="self", set=found.code)
    assert "Xem cả 10 nội dung" in page
    assert f"/criteria/1/?set={found.code}#row-{indicators[0].pk}" in page
    assert f"#row-{indicators[-1].pk}" not in page
    page = read(client, f"/units/{unit.pk}/", stage="self", set=found.code, missing="all")
    assert f"#row-{indicators[-1].pk}" in page


def test_parts_are_not_called_indicators(client, unit, criteria_set):
    whole, part, *_ = indicators_of(criteria_set)
    type(part).objects.filter(pk=part.pk).update(part_of=whole)
    say(unit, criteria_set, "self", ["met"] * 6)
    assert client.get(f"/units/{unit.pk}/").context["sources"] == [("Xã tự đánh giá", 5)]


def test_an_opinion_on_some_criteria_says_so(client, unit, criteria_set):
    say(unit, criteria_set, "province", ["met", "met"])
    assert "Mới thẩm định 1/3 tiêu chí: 1/3 đạt · 2 chưa đánh giá (số 2, 3)" in read(client, f"/units/{unit.pk}/")


def test_a_district_leads_to_its_matrix(unit):
    client = client_of(member(unit.province, Role.COORDINATOR))
    response = client.get(f"/units/{unit.district_id}/")
    assert response.status_code == 302
    assert response.url == f"/matrix/?area={unit.district_id}"


def test_a_neighbour_gets_404_also_before_any_redirect(client, unit, criteria_set):
    neighbour = CommuneFactory(parent=unit.district, code="16414")
    for url in (
        f"/units/{neighbour.pk}/", f"/units/{unit.district_id}/", f"/units/{unit.province_id}/",
        "/units/code/16414/", "/units/code/khong-co/", "/units/0/",
    ):  # fmt: skip
        assert client.get(url).status_code == 404


def test_a_code_leads_to_the_unit_that_bears_it_now(unit):
    CommuneFactory(parent=unit.district, code="16420", closed_on=date(2020, 1, 1))
    client = client_of(member(unit.district, Role.DISTRICT_STAFF))
    assert client.get("/units/code/16420/").url == f"/units/{unit.pk}/"


@pytest.mark.parametrize("text", ["Đông Phú", "dong phu", "ĐÔNG PHÚ", "16420"])
def test_search_minds_neither_case_nor_diacritics(client, unit, text):
    assert f"/units/{unit.pk}/" in read(client, "/units/", q=text)


def test_search_stays_within_scope_and_says_when_nothing_is_found(client, unit):
    CommuneFactory(parent=unit.district, name="Đông Phú Tây")
    page = read(client, "/units/", q="đông phú")
    assert "Tây" not in page
    assert "Không tìm thấy đơn vị nào" in read(client, "/units/", q="!!! <b>")
    assert "Chưa gõ tên" in read(client, "/units/")


def test_what_is_spelt_as_typed_comes_first(unit):
    for name in ("Hoà An", "Hóa An"):
        CommuneFactory(parent=unit.district, name=name)
    client = client_of(member(unit.province, Role.COORDINATOR))
    found = client.get("/units/", {"q": "hóa"}).context["page"].object_list
    assert [commune.name for commune in found] == ["Hóa An", "Hoà An"]


def test_queries_do_not_grow(criteria_set, count_queries):
    counts = []
    for criteria in (1, 19):
        found = make_set(criteria, 3, first_year=2021)
        unit = Unit.objects.get(pk=CommuneFactory().pk)
        say(unit, found, "self", ["met"] * criteria * 3)
        prove_all(unit, found)
        client = client_of(member(unit, Role.OFFICER))
        client.get(f"/units/{unit.pk}/", {"set": found.code})
        with count_queries() as queries:
            client.get(f"/units/{unit.pk}/", {"set": found.code})
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 34, "\n".join(queries)
