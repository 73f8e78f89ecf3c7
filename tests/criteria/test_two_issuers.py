"""A province's own set beside the nation's of the same years and grade: told apart, and which one is meant when."""

from datetime import date

import pytest

from communes.models import Role
from criteria.exchange.history_forms import AboutForm
from criteria.models import CriteriaSet, ReportingPeriod
from criteria.period_progress import usual_set
from inspections.forms import NewVisitForm
from reports.matrix import default_set
from tests.factories import CommuneFactory, CriteriaSetFactory, CriterionFactory, MembershipFactory, ProvinceFactory

pytestmark = pytest.mark.django_db
BEGUN, BEFORE = date(2024, 6, 1), date(2024, 5, 31)


class World:
    def __init__(self):
        self.commune = CommuneFactory()
        self.province = self.commune.province
        named = {"name": "Bộ tiêu chí nông thôn mới", "last_year": 2025}
        self.nation = CriteriaSetFactory(code="m-chung", **named)
        # Codes on both sides of the nation's: they must not decide.
        self.own = [
            CriteriaSetFactory(code=code, province=province, effective_on=BEGUN, **named)
            for code, province in (("z-tinh", self.province), ("a-khac", ProvinceFactory()))
        ]
        for made in (self.nation, *self.own):
            CriterionFactory(criteria_set=made, number=1)
        self.coordinator = MembershipFactory(unit=self.province, role=Role.COORDINATOR).user


@pytest.fixture
def place():
    return World()


@pytest.mark.parametrize("code", ["a-tinh", "z-tinh"])
@pytest.mark.parametrize(("day", "is_own"), [(None, True), (BEGUN, True), (BEFORE, False)])
def test_a_provinces_own_set_is_the_usual_one_from_its_day_on(place, code, day, is_own):
    CriteriaSet.objects.filter(code="z-tinh").update(code=code)
    wanted = place.own[0] if is_own else place.nation
    assert CriteriaSet.objects.chosen(place.commune, on=day) == wanted
    assert default_set(CriteriaSet.objects.for_area(place.province, day)) == wanted
    if day:
        period = ReportingPeriod(area=place.province, ends_on=day)
        assert usual_set(list(CriteriaSet.objects.for_area(place.province)), period) == wanted.pk


def test_a_closed_periods_matrix_opens_with_the_set_of_its_day(place, client):
    client.force_login(place.coordinator)
    period = ReportingPeriod.objects.create(
        area=place.province, kind="month", name="Tháng 5", ends_on=BEFORE, due_on=BEFORE,
        closed_at="2024-06-02T00:00:00Z",
    )  # fmt: skip
    here = {"area": place.province.pk}
    assert client.get("/matrix/", here | {"period": period.pk}).context["criteria_set"] == place.nation
    assert client.get("/matrix/", here).context["criteria_set"] == place.own[0]
    unit = f"/units/{place.commune.pk}/"
    assert client.get(unit, {"period": period.pk}).context["criteria_set"] == place.nation
    assert client.get(unit).context["criteria_set"] == place.own[0]


def test_selects_and_chips_tell_them_apart(place, client):
    client.force_login(place.coordinator)
    for address in (f"/matrix/?area={place.province.pk}", f"/units/{place.commune.pk}/"):
        page = client.get(address).text
        assert page.count("Nông thôn mới 2021–2025 (của tỉnh)<") == 1
        assert page.count("Nông thôn mới 2021–2025<") == 1
    for address in (f"/workshop/targets/?province={place.province.pk}", "/workshop/crosswalk/"):
        page = client.get(address).text
        assert "Bộ tiêu chí nông thôn mới (của tỉnh)<" in page, address
    for form in (AboutForm(province=place.province), NewVisitForm(unit=place.commune, stages=["province"], sets=[])):
        labels = [label for _, label in form.fields["criteria_set"].choices]
        assert "Bộ tiêu chí nông thôn mới (của tỉnh)" in labels
