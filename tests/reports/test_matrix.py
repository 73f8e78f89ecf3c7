"""The communes of an area against a set: figures and the page that shows them."""

from decimal import Decimal

import pytest
from django.test import Client

from communes.models import Role
from criteria.models import CriterionDepartment, Standing
from reports.matrix import default_stage, matrix, opinions_by_stage
from reports.views.matrix import SORTS
from tests.factories import CommuneFactory, DepartmentFactory, DistrictFactory
from tests.reports.worlds import indicators_of, make_province, make_set, member, say

pytestmark = pytest.mark.django_db

VERDICTS = (
    ["met", "met", "met", "met", "met", "met"],
    ["met", "met", "nearly_met", "met", "not_met", "met"],
    ["not_met", "met", "met", "met", "", ""],
)


@pytest.fixture
def criteria_set():
    return make_set(criteria=3, indicators=2)


@pytest.fixture
def province(criteria_set):
    province, communes = make_province(communes=4, districts=2)
    for commune, verdicts in zip(communes, VERDICTS, strict=False):
        say(commune, criteria_set, "self", verdicts)
    return province


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def coordinator(province):
    return member(province, Role.COORDINATOR)


def test_figures_are_over_communes_with_an_opinion(province, criteria_set):
    result = matrix(province, criteria_set, "self")
    figures = result.figures
    assert (figures.with_opinion, figures.partial, figures.communes) == (2, 1, 4)
    assert (figures.whole_set, figures.criteria_met, figures.criteria_nearly) == (1, 4, 1)
    assert figures.average_met == Decimal("2.00")
    assert [(total.met, total.nearly, total.percent) for total in result.totals] == [
        (2, 0, Decimal("100.0")),
        (1, 1, Decimal("50.0")),
        (1, 0, Decimal("50.0")),
    ]
    for total in result.totals:
        assert total.met + total.nearly + total.not_met + total.incomplete == total.with_opinion
    assert [(total.criterion.number, total.held_back) for total in result.hardest] == [(2, 1), (3, 1)]
    assert sum(count for _, count, _ in result.buckets) == 2


def test_a_partial_opinion_is_shown_as_such_and_counts_nowhere(province, criteria_set, coordinator):
    row = next(row for row in matrix(province, criteria_set, "self").rows if row.is_partial)
    assert (row.met, row.assessed, row.counts, row.met_in_full) == (1, 2, False, None)
    page = client_of(coordinator).get("/matrix/", {"stage": "self"}).content.decode()
    assert 'class="total">1/3<span class="so-far">mới đánh giá 2/3</span>' in page
    assert "1 xã mới đánh giá một phần" in page
    assert client_of(coordinator).get("/matrix/", {"fails": 3}).context["shown"] == [
        row for row in matrix(province, criteria_set, "self").rows if row.states[2:] == ("not_met",)
    ]


def test_no_opinion_is_blank_and_never_0(province, criteria_set):
    silent = next(row for row in matrix(province, criteria_set, "self").rows if not row.has_opinion)
    assert (silent.states, silent.met, silent.nearly, silent.progress) == ((), None, None, None)
    nobody = matrix(province, criteria_set, "province")
    assert nobody.figures.criteria_met is None
    assert [total.percent for total in nobody.totals] == [None, None, None]


def test_rows_equal_the_stored_standings(province, criteria_set):
    stored = {row.unit_id: row for row in Standing.objects.filter(stage="self")}
    for row in matrix(province, criteria_set, "self").rows:
        if row.has_opinion:
            assert (row.met, row.nearly, row.progress) == (
                stored[row.unit_id].criteria_met,
                stored[row.unit_id].criteria_nearly,
                stored[row.unit_id].progress,
            )


def test_district_subtotals_sum_to_the_province(province, criteria_set):
    result = matrix(province, criteria_set, "self")
    assert len(result.groups) == 2
    assert sum(group.figures.criteria_met for group in result.groups) == result.figures.criteria_met
    assert [sum(group.totals[place].met for group in result.groups) for place in range(3)] == [2, 1, 1]


def test_only_rural_communes_existing_today_count(province, criteria_set):
    district = DistrictFactory(parent=province)
    CommuneFactory(parent=district, kind="phuong")
    CommuneFactory(parent=district, closed_on="2024-06-30")
    CommuneFactory(parent=district, opened_on="2024-07-01")
    assert len(matrix(province, criteria_set, "self").rows) == 4


def test_a_department_sees_its_own_criteria_with_totals_over_them(province, criteria_set):
    department = DepartmentFactory()
    CriterionDepartment.objects.create(criterion=criteria_set.criteria.get(number=3), department=department)
    reviewer = member(province, Role.DEPARTMENT_REVIEWER, department=department)
    result = matrix(province, criteria_set, "self", reviewer)
    assert [criterion.number for criterion in result.criteria] == [3]
    assert [row.states for row in result.rows if row.has_opinion] == [("met",), ("not_met",)]
    assert opinions_by_stage(province, criteria_set, reviewer)["self"] == (2, 0)
    assert opinions_by_stage(province, criteria_set)["self"] == (2, 1)
    assert (result.figures.with_opinion, result.figures.whole_set) == (2, 1)
    assert result.buckets == []
    page = client_of(reviewer).get("/matrix/", {"stage": "self"}).content.decode()
    assert "Tiêu chí 3" in page
    assert "Tiêu chí 1" not in page


def test_the_page_shows_marks_words_totals_and_links(province, criteria_set, coordinator):
    page = client_of(coordinator).get("/matrix/").content.decode()
    result = matrix(province, criteria_set, "self")
    row = result.rows[0]
    assert f"/units/{row.unit_id}/criteria/3/" in page
    assert 'aria-label="Chưa đạt"' in page
    assert "Chưa đánh giá" in page  # the commune without an opinion
    assert "2/4 xã" in page
    assert "15–18 tiêu chí" in page
    for heading in ("Chưa đạt", "Cơ bản đạt", "Chưa đánh giá đủ"):
        assert f'<td class="num" data-label="{heading}">' in page
    assert "100,0" in page
    assert f"/reports/matrix/{province.pk}.xlsx?set={criteria_set.code}&amp;stage=self" in page


@pytest.mark.parametrize("sort", SORTS)
def test_sorting_keeps_every_commune(coordinator, sort):
    response = client_of(coordinator).get("/matrix/", {"sort": sort})
    assert len(response.context["shown"]) == 4


def test_sorting_by_criteria_met(coordinator):
    def mets(sort):
        return [row.met for row in client_of(coordinator).get("/matrix/", {"sort": sort}).context["shown"]]

    assert mets("most") == [3, 1, 1, None]
    assert mets("least") == [1, 3, 1, None]


def test_filters_narrow_the_rows_but_not_the_figures(province, coordinator):
    response = client_of(coordinator).get("/matrix/", {"fails": 3})
    assert [row.met for row in response.context["shown"]] == [1]
    assert response.context["figures"].communes == 4
    response = client_of(coordinator).get("/matrix/", {"bucket": "19"})
    assert response.context["shown"] == []
    assert "Không có xã nào thỏa điều kiện lọc" in response.content.decode()
    nonsense = client_of(coordinator).get("/matrix/", {"fails": "x", "bucket": "?", "sort": "?"})
    assert len(nonsense.context["shown"]) == 4


def test_names_are_escaped(province, criteria_set, coordinator):
    row = matrix(province, criteria_set, "self").rows[0]
    type(province).objects.filter(pk=row.unit_id).update(name="<script>alert(1)</script>")
    page = client_of(coordinator).get("/matrix/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


@pytest.mark.parametrize(
    "query", ["area=0", "area=abc", "area=-1", "area=99999999999999999999", "stage=nation", "set=khong-co"]
)
def test_what_does_not_exist_is_404(coordinator, query):
    assert client_of(coordinator).get(f"/matrix/?{query}").status_code == 404


def test_a_neighbour_gets_404(province, criteria_set):
    other = DistrictFactory(parent=province)
    client = client_of(member(other, Role.DISTRICT_STAFF))
    assert client.get("/matrix/", {"area": other.pk}).status_code == 200
    neighbours = [group.unit_id for group in matrix(province, criteria_set, "self").groups]
    for area in (province.pk, *neighbours):
        assert client.get("/matrix/", {"area": area}).status_code == 404


def test_a_commune_is_no_area(province, criteria_set):
    commune = matrix(province, criteria_set, "self").rows[0].unit_id
    officer = member(type(province).objects.get(pk=commune), Role.OFFICER)
    client = client_of(officer)
    assert client.get("/matrix/", {"area": commune}).status_code == 404
    page = client.get("/matrix/")
    assert page.status_code == 200
    assert f"/units/{commune}/" in page.content.decode()


def test_an_area_without_communes_says_so(province, criteria_set):
    empty = DistrictFactory(parent=province)
    page = client_of(member(empty, Role.DISTRICT_STAFF)).get("/matrix/").content.decode()
    assert "Địa bàn chưa có xã" in page


def test_the_screen_opens_with_the_stage_that_has_looked_at_most():
    assert default_stage({"self": (3, 0), "district": (2, 9), "province": (0, 0)}) == "self"
    assert default_stage({"self": (2, 0), "district": (2, 0), "province": (2, 0)}) == "province"
    assert default_stage({"self": (0, 1), "district": (0, 0), "province": (0, 0)}) == "self"
    assert default_stage({"self": (0, 0), "district": (0, 0), "province": (0, 0)}) == "province"


def test_queries_do_not_grow_with_communes(criteria_set, count_queries):
    counts = []
    for size in (3, 30):
        province, communes = make_province(communes=size, districts=2)
        for commune in communes:
            say(commune, criteria_set, "self", VERDICTS[0])
        client = client_of(member(province, Role.COORDINATOR))
        client.get("/matrix/")
        with count_queries() as queries:
            assert len(client.get("/matrix/").context["shown"]) == size
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 20, queries
    assert len(indicators_of(criteria_set)) == 6
