"""Planned results: the page, saving as one, versions, who may, and what is known when."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from communes.models import Role
from criteria.checks import Refused, judge
from criteria.models import CriterionOwner, Indicator, Plan
from criteria.plans import PlansChanged, PlansRefused, Typed, ends, planned_rollups, save_plans
from tests.factories import CommuneFactory, UserFactory
from tests.reports.worlds import indicators_of, make_province, make_set, member, say

pytestmark = pytest.mark.django_db

END = date(2024, 12, 31)


class World:
    def __init__(self, communes: int = 1, criteria: int = 2) -> None:
        self.set = make_set(criteria=criteria, indicators=2, first_year=2021)
        self.province, self.communes = make_province(communes=communes)
        self.unit = self.communes[0]
        self.officer = member(self.unit, Role.OFFICER)
        self.rows = indicators_of(self.set)

    def client(self, user=None) -> Client:
        client = Client()
        client.force_login(user or self.officer)
        return client

    @property
    def url(self) -> str:
        return f"/units/{self.unit.pk}/plan/?set={self.set.code}&year=2024"

    def save(self, asked: dict[int, Typed], by=None) -> int:
        by = by or self.officer
        by.__dict__.pop("_roles", None)
        return save_plans(self.unit, self.set, END, asked, by)

    def posted(self, **changes: str) -> dict[str, str]:
        """All rows empty, as the page is first seen, with what was typed over it."""
        data = {}
        for row in self.rows:
            data |= {f"{row.pk}-{name}": "" for name in ("value", "verdict", "note")} | {f"{row.pk}-version": "0"}
        return data | changes


@pytest.fixture
def small():
    return World()


def test_the_page_shows_target_and_present_result_and_saves_what_was_typed(small):
    say(small.unit, small.set, "self", ["nearly_met", "met"])
    page = small.client().get(small.url)
    text = page.content.decode()
    assert page.status_code == 200
    assert "≥ 95%" in text and "90,02 %" in text and "Cơ bản đạt" in text
    assert "hết năm 2024" in text
    pk = small.rows[0].pk
    answer = small.client().post(
        small.url, small.posted(**{f"{pk}-value": "1.096,5", f"{pk}-verdict": "not_met", f"{pk}-note": "Chờ vốn"})
    )
    assert answer.status_code == 422  # over 100 %
    assert "lớn hơn 100" in answer.content.decode()
    answer = small.client().post(small.url, small.posted(**{f"{pk}-value": "96,5", f"{pk}-verdict": "met"}))
    assert answer.status_code == 302
    saved = Plan.objects.get()
    assert (saved.unit, saved.indicator_id, saved.ends_on) == (small.unit, pk, END)
    assert (saved.value, saved.verdict, saved.version) == (Decimal("96.5"), "met", 1)
    assert 'value="96,5"' in small.client().get(small.url).content.decode()


def test_a_plan_of_met_must_reach_its_target(small):
    pk = small.rows[0].pk
    with pytest.raises(PlansRefused) as refused:
        small.save({pk: Typed(Decimal(94), "met", ""), small.rows[1].pk: Typed(Decimal(96), "met", "")})
    assert list(refused.value.errors) == [pk]
    assert not Plan.objects.exists()
    page = small.client().post(small.url, small.posted(**{f"{pk}-value": "94", f"{pk}-verdict": "met"}))
    assert page.status_code == 422
    assert "chưa đạt yêu cầu ≥ 95%" in page.content.decode()


def test_bad_input_keeps_what_was_typed(small):
    pk = small.rows[0].pk
    for typed, status in (
        ({f"{pk}-value": "mười"}, 422),
        ({f"{pk}-verdict": "x"}, 422),
        ({f"{pk}-verdict": "firmly_met", f"{pk}-value": "99"}, 422),
        ({f"{pk}-verdict": "not_applicable"}, 422),
        ({f"{pk}-version": "x"}, 422),
        ({f"{pk}-value": "-3"}, 422),
        ({f"{pk}-note": "x" * 501}, 422),
        ({}, 302),
    ):
        answer = small.client().post(small.url, small.posted(**typed))
        assert answer.status_code == status, typed
        assert not Plan.objects.exists()
    assert 'value="mười"' in small.client().post(small.url, small.posted(**{f"{pk}-value": "mười"})).content.decode()
    assert small.client().post(small.url, {}).status_code == 302
    for year in ("1999", "2024-07", "x"):
        assert small.client().get(f"/units/{small.unit.pk}/plan/?set={small.set.code}&year={year}").status_code == 404


def test_of_two_who_change_one_row_the_second_sees_both(small):
    pk, other = small.rows[0].pk, small.rows[1].pk
    small.save({pk: Typed(Decimal(90), "nearly_met", "")})
    colleague = member(small.unit, Role.OFFICER)
    small.save({pk: Typed(Decimal(96), "met", "", 1)}, colleague)
    # A row seen at version 1 and left alone isn't a conflict; one changed is.
    assert small.save({pk: Typed(Decimal(90), "nearly_met", "", 1), other: Typed(Decimal(97), "met", "")}) == 1
    with pytest.raises(PlansChanged) as changed:
        small.save({pk: Typed(Decimal(92), "nearly_met", "", 1)})
    assert changed.value.plans[pk].value == 96
    with pytest.raises(PlansChanged):  # a version nobody can have seen
        small.save({pk: Typed(Decimal(92), "nearly_met", "", 99)})
    answer = small.client().post(
        small.url,
        small.posted(**{f"{pk}-value": "92", f"{pk}-verdict": "nearly_met", f"{pk}-version": "1"}),
    )
    text = answer.content.decode()
    assert answer.status_code == 409
    assert colleague.get_full_name() in text and 'value="92"' in text and f'{pk}-version" value="2"' in text
    # Once seen, it may be put in its small; all versions stay.
    assert small.save({pk: Typed(Decimal(92), "nearly_met", "", 2)}) == 1
    assert list(Plan.objects.filter(indicator=pk).order_by("version").values_list("value", flat=True)) == [90, 96, 92]
    # What stands already isn't a new version.
    assert small.save({pk: Typed(Decimal(92), "nearly_met", "", 3)}) == 0


def test_a_plan_can_be_taken_back(small):
    pk = small.rows[0].pk
    small.save({pk: Typed(Decimal(96), "met", "")})
    assert small.save({pk: Typed(None, "", "", 1)}) == 1
    assert planned_rollups([small.unit], small.set, END) == ({}, {})
    assert "đã lập 0/4" in small.client().get(small.url).content.decode()


def test_present_results_fill_what_has_no_plan_and_are_not_saved(small):
    say(small.unit, small.set, "self", ["firmly_met", "nearly_met"])
    pk, other = small.rows[0].pk, small.rows[1].pk
    answer = small.client().post(small.url, small.posted(fill="1", **{f"{other}-value": "95"}))
    text = answer.content.decode()
    assert answer.status_code == 200
    assert f'name="{pk}-value" value="100"' in text and f'name="{other}-value" value="95"' in text
    assert "vào 1 dòng" in text
    assert not Plan.objects.exists()


def test_what_is_over_stays(small):
    over = date(2023, 12, 31)
    with pytest.raises(Refused):
        save_plans(small.unit, small.set, over, {small.rows[0].pk: Typed(Decimal(96), "met", "")}, small.officer)
    page = small.client().get(small.url.replace("2024", "2023"))
    assert "kế hoạch giữ nguyên" in page.content.decode()
    assert 'name="fill"' not in page.content.decode()
    data = small.posted(**{f"{small.rows[0].pk}-value": "96"})
    assert small.client().post(small.url.replace("2024", "2023"), data).status_code == 422
    assert not Plan.objects.exists()


def test_only_who_enters_a_criterion_plans_it(small):
    pk = small.rows[0].pk
    typed = {pk: Typed(Decimal(96), "met", "")}
    owner = member(small.unit, Role.OFFICER)
    CriterionOwner.objects.create(
        unit=small.unit, criterion=small.rows[0].criterion, user=owner, name="Bà Lan", starts_on=date(2024, 1, 1)
    )
    with pytest.raises(PermissionDenied):
        small.save(typed)
    page = small.client().get(small.url).content.decode()
    assert "Bà Lan" in page and f'name="{pk}-value"' not in page and f'name="{small.rows[2].pk}-value"' in page
    assert small.client().post(small.url, small.posted(**{f"{pk}-value": "96"})).status_code == 403
    assert small.save(typed, owner) == 1
    for role, place, status in (
        (Role.DISTRICT_STAFF, small.unit.district, 200),
        (Role.COORDINATOR, small.province, 200),
        (Role.VIEWER, small.province, 200),
        (Role.OFFICER, CommuneFactory(parent=small.unit.district), 404),
        (Role.COORDINATOR, make_province(communes=1, code="97")[0], 404),
    ):
        someone = member(place, role)
        answer = small.client(someone).get(small.url)
        assert answer.status_code == status, role
        if status == 200:
            assert "96" in answer.content.decode() and f'name="{pk}-value"' not in answer.content.decode()
        posted = small.client(someone).post(small.url, small.posted(**{f"{pk}-value": "97"}))
        assert posted.status_code == (403 if status == 200 else 404), role


def test_what_was_planned_when_a_period_closed_is_found_again(small):
    first, last = (row.pk for row in small.rows[:2])
    small.save({first: Typed(Decimal(96), "met", ""), last: Typed(Decimal(96), "met", "")})
    Plan.objects.update(saved_at=datetime(2024, 3, 1, tzinfo=UTC))
    small.save({first: Typed(Decimal(90), "nearly_met", "", 1)})
    closed, now = datetime(2024, 4, 1, tzinfo=UTC), None
    assert planned_rollups([small.unit], small.set, END, closed)[0][small.unit.pk].criteria_met == 1
    assert planned_rollups([small.unit], small.set, END, now)[0][small.unit.pk].criteria_met == 0
    assert planned_rollups([small.unit], small.set, END, datetime(2024, 2, 1, tzinfo=UTC))[0] == {}


def test_the_ends_one_can_plan_for_lie_in_the_sets_period(small):
    assert list(ends(small.set)) == ["2023-06", "2023", "2024-06", "2024", "2025-06", "2025"]
    over = make_set(criteria=1, first_year=2016, last_year=2020)
    assert list(ends(over)) == ["2020-06", "2020"]


def test_the_page_asks_as_much_for_many_indicators_as_for_few(count_queries):
    counts = []
    for criteria in (1, 15):
        small = World(criteria=criteria)
        say(small.unit, small.set, "self", ["met"] * criteria * 2)
        small.save({row.pk: Typed(Decimal(96), "met", "") for row in small.rows})
        client = small.client()
        client.get(small.url)
        with count_queries() as queries:
            client.get(small.url)
        counts.append(len(queries))
        data = {}
        for row in small.rows:
            data |= {
                f"{row.pk}-value": "97",
                f"{row.pk}-verdict": "met",
                f"{row.pk}-note": "",
                f"{row.pk}-version": "1",
            }
        with count_queries() as queries:
            assert client.post(small.url, data).status_code == 302
        counts.append(len(queries))
    assert counts[:2] == counts[2:]


def test_a_yes_or_no_indicator_takes_no_number(small):
    Indicator.objects.filter(pk=small.rows[0].pk).update(kind="boolean", measure="")
    assert f'name="{small.rows[0].pk}-value"' not in small.client().get(small.url).content.decode()
    with pytest.raises(PlansRefused):
        small.save({small.rows[0].pk: Typed(Decimal(1), "not_met", "")})
    assert small.client(UserFactory()).get(small.url).status_code == 404


def test_of_two_who_save_a_first_plan_at_once_one_is_told(small, monkeypatch):
    pk, other = small.rows[0].pk, member(small.unit, Role.OFFICER)

    def meanwhile(*args, **opinion):
        rest = {"value": 96, "verdict": "met", "saved_by": other}
        Plan.objects.create(unit=small.unit, indicator_id=pk, ends_on=END, **rest)
        return judge(*args, **opinion)

    monkeypatch.setattr("criteria.plans.judge", meanwhile)
    with pytest.raises(PlansChanged) as changed:
        small.save({pk: Typed(Decimal(90), "nearly_met", "")})
    assert changed.value.plans[pk].saved_by == other
