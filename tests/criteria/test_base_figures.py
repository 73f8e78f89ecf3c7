"""Số liệu nền: a year's figures, checked against each other, written by the commune and read above."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from communes.models import Role
from criteria.base_figures import problems
from criteria.models import BaseFigure
from tests.criteria.test_entry import Place
from tests.factories import DepartmentFactory, MembershipFactory


@pytest.fixture
def place(db):
    return Place()


@pytest.fixture
def officer(place, client):
    client.force_login(place.officer)
    return client


def save(client, place, year=2024, seen="", **figures):
    return client.post(f"{place.url('base-figures')}?year={year}", {"seen": seen, **figures})


def stored():
    return dict(BaseFigure.objects.values_list("key", "value"))


def test_figures_are_saved_for_a_year_and_cleared_by_emptying(place, officer):
    answer = save(officer, place, households="1.253", population="4.700", village_roads="12,5")
    assert answer.status_code == 302
    assert stored() == {"households": 1253, "population": 4700, "village_roads": Decimal("12.5")}
    page = officer.get(answer["Location"]).content.decode()
    assert 'value="1.253"' in page
    assert "Đã lưu số liệu nền năm 2024: 3 số liệu thay đổi." in page
    seen = officer.get(answer["Location"]).context["seen"]
    save(officer, place, seen=seen, households="1.260", population="4.700")
    assert stored() == {"households": 1260, "population": 4700}


def test_the_year_before_stands_beside(place, officer):
    save(officer, place, year=2023, households="1.200")
    assert "Năm trước: 1.200" in officer.get(place.url("base-figures")).content.decode()


@pytest.mark.parametrize(
    ("figures", "key", "words"),
    [
        ({"households": "100", "poor_households": "101"}, "poor_households",
         "Số hộ nghèo (101) không được lớn hơn tổng số hộ (100)."),
        ({"households": "100", "poor_households": "60", "near_poor_households": "50"}, "poor_households",
         "Số hộ nghèo và số hộ cận nghèo (110) không được lớn hơn tổng số hộ (100)."),
        ({"households": "1.253", "population": "1.000"}, "households", "không được lớn hơn dân số (1.000)"),
        ({"population": "1.000", "workers": "1.001"}, "workers", "không được lớn hơn dân số"),
        ({"households": "12,5"}, "households", "phải là số nguyên"),
        ({"households": "nhiều"}, "households", "không phải là số"),
        ({"households": "-5"}, "households", "không được âm"),
        ({"commune_roads": "1" * 20}, "commune_roads", "quá lớn"),
    ],
)  # fmt: skip
def test_figures_that_contradict_each_other_are_refused_with_what_was_typed(place, officer, figures, key, words):
    answer = save(officer, place, **figures)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page
    assert key in answer.context["form"].errors
    for text in figures.values():
        assert f'value="{text}"' in page
    assert not BaseFigure.objects.exists()


def test_figures_that_are_not_told_contradict_nothing():
    assert problems({"poor_households": Decimal(5), "households": None}) == {}
    assert problems({"poor_households": Decimal(5), "households": Decimal(5), "population": Decimal(5)}) == {}


def test_figures_changed_meanwhile_are_told_and_not_overwritten(place, officer):
    save(officer, place, households="1.253")
    answer = save(officer, place, seen="", households="1.300")
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "vừa sửa số liệu nền năm 2024" in page
    assert "Đang có: 1.253" in page
    assert 'value="1.300"' in page
    assert stored() == {"households": 1253}
    assert save(officer, place, seen=answer.context["seen"], households="1.300").status_code == 302
    assert stored() == {"households": 1300}


@pytest.mark.parametrize("year", ["2025", "1999", "abc", "20240", "-1"])
def test_other_years_are_not_found(place, officer, year):
    assert officer.get(f"{place.url('base-figures')}?year={year}").status_code == 404
    assert save(officer, place, year=year, households="1").status_code == 404


def test_the_commune_writes_its_area_reads_others_do_neither(place, client):
    save_url = place.url("base-figures")
    leader = MembershipFactory(unit=place.unit, role=Role.COMMUNE_LEADER).user
    client.force_login(leader)
    assert save(client, place, households="1.253").status_code == 302
    province = place.unit.province
    coordinator = MembershipFactory(unit=province, role=Role.COORDINATOR).user
    for reader in (place.staff, coordinator):
        client.force_login(reader)
        page = client.get(save_url).content.decode()
        assert "1.253" in page
        assert "<input" not in page.split("Số liệu nền năm 2024")[1].split("</main>")[0]
        assert save(client, place, households="5").status_code == 403
    reviewer = MembershipFactory(unit=province, role=Role.DEPARTMENT_REVIEWER, department=DepartmentFactory()).user
    viewer = MembershipFactory(unit=province, role=Role.VIEWER).user
    for other in (reviewer, viewer):
        client.force_login(other)
        assert client.get(save_url).status_code == 403
        assert not BaseFigure.objects.visible_to(other).exists()
    client.force_login(place.neighbour)
    assert client.get(save_url).status_code == 404
    assert save(client, place, households="5").status_code == 404
    assert stored() == {"households": 1253}
    assert BaseFigure.objects.visible_to(place.staff).count() == 1


def test_a_closed_commune_is_read_only(place, officer):
    place.unit.closed_on = date(2024, 6, 30)
    place.unit.save()
    assert "đã kết thúc từ ngày 30/06/2024" in officer.get(place.url("base-figures")).content.decode()
    assert save(officer, place, households="5").status_code == 403


def test_the_database_holds_one_figure_a_year_and_none_below_zero(place):
    columns = {"unit": place.unit, "year": 2024, "key": "households", "updated_by": place.officer}
    BaseFigure.objects.create(value=1, **columns)
    for value, year in ((2, 2024), (-1, 2023)):
        with pytest.raises(IntegrityError), transaction.atomic():
            BaseFigure.objects.create(**{**columns, "value": value, "year": year})


def test_queries_are_the_same_with_and_without_figures(place, officer, count_queries):
    def count():
        with count_queries() as queries:
            assert officer.get(place.url("base-figures")).status_code == 200
        return len(queries)

    empty = count()
    save(officer, place, households="1.253", population="4.700", workers="2.000", villages="9", schools="3")
    officer.get(place.url("base-figures"))  # the message of the save is read
    assert count() == empty
