"""Which units each role sees: its own area, and the units that went into it."""

from datetime import date

import pytest
from django.contrib.auth.models import AnonymousUser

from communes.access import can, plannable_units, sees_drafts_of
from communes.models import Role, Succession, Unit
from tests.factories import (
    CommuneFactory,
    DepartmentFactory,
    DistrictFactory,
    MembershipFactory,
    ProvinceFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def places():
    """Two provinces; in the first a district with a commune, its predecessor and a neighbour, and another district."""
    province, elsewhere = ProvinceFactory(code="42"), ProvinceFactory(code="38")
    district, other = DistrictFactory(parent=province), DistrictFactory(parent=province)
    old_district = DistrictFactory(parent=province, closed_on=date(2020, 1, 1))
    found = {
        "province": province,
        "district": district,
        "commune": CommuneFactory(parent=district),
        "neighbour": CommuneFactory(parent=district),
        "far": CommuneFactory(parent=other),
        "predecessor": CommuneFactory(parent=old_district, closed_on=date(2020, 1, 1)),
        "elsewhere": CommuneFactory(parent=elsewhere),
    }
    Succession.objects.create(
        predecessor=found["predecessor"], successor=found["commune"], effective_on=date(2020, 1, 1)
    )
    return found


COMMUNES = ("commune", "neighbour", "far", "predecessor", "elsewhere")


def seen(user, places):
    visible = set(Unit.objects.visible_to(user).values_list("pk", flat=True))
    return {name for name in COMMUNES if places[name].pk in visible}


@pytest.mark.parametrize(
    ("role", "at", "expected"),
    [
        (Role.OFFICER, "commune", {"commune", "predecessor"}),
        (Role.COMMUNE_LEADER, "commune", {"commune", "predecessor"}),
        (Role.OFFICER, "predecessor", {"predecessor"}),
        (Role.DISTRICT_STAFF, "district", {"commune", "neighbour"}),
        (Role.DEPARTMENT_REVIEWER, "province", {"commune", "neighbour", "far", "predecessor"}),
        (Role.COORDINATOR, "province", {"commune", "neighbour", "far", "predecessor"}),
        (Role.VIEWER, "province", {"commune", "neighbour", "far", "predecessor"}),
        (Role.INSPECTOR, "province", set()),
    ],
)
def test_units_by_role(places, role, at, expected):
    department = DepartmentFactory() if role == Role.DEPARTMENT_REVIEWER else None
    member = MembershipFactory(unit=places[at], role=role, department=department)
    assert seen(member.user, places) == expected


def test_nobody_without_a_role_sees_anything(places):
    assert seen(UserFactory(), places) == set()
    assert seen(AnonymousUser(), places) == set()
    assert seen(MembershipFactory(unit=places["commune"], user__is_active=False).user, places) == set()


def test_roles_end(places):
    ended = MembershipFactory(unit=places["commune"], ends_on=date(2024, 6, 29))
    coming = MembershipFactory(unit=places["commune"], starts_on=date(2024, 7, 1))
    last_day = MembershipFactory(unit=places["commune"], starts_on=date(2024, 6, 30), ends_on=date(2024, 6, 30))
    assert [seen(member.user, places) for member in (ended, coming, last_day)] == [
        set(),
        set(),
        {"commune", "predecessor"},
    ]


def test_several_roles_add_up(places):
    user = MembershipFactory(unit=places["commune"]).user
    MembershipFactory(user=user, unit=places["elsewhere"])
    assert seen(user, places) == {"commune", "predecessor", "elsewhere"}


def test_a_superuser_sees_all(places):
    assert seen(UserFactory(is_superuser=True), places) == set(COMMUNES)


@pytest.mark.parametrize(
    ("role", "at"),
    [
        (Role.OFFICER, "province"),
        (Role.OFFICER, "district"),
        (Role.COMMUNE_LEADER, "province"),
        (Role.DISTRICT_STAFF, "province"),
        (Role.DISTRICT_STAFF, "commune"),
        (Role.COORDINATOR, "district"),
        (Role.DEPARTMENT_REVIEWER, "district"),
        (Role.INSPECTOR, "district"),
    ],
)
def test_a_role_at_another_level_counts_for_nothing(places, role, at):
    """However the row came to be: an officer "of a province" would read every commune's drafts."""
    department = DepartmentFactory() if role == Role.DEPARTMENT_REVIEWER else None
    user = MembershipFactory(unit=places[at], role=role, department=department, may_send=True, may_lead=True).user
    assert seen(user, places) == set()
    assert not sees_drafts_of(user, places["commune"])
    assert not plannable_units(user).exists()
    for action in ("entry.change", "submission.send", "visit.plan.district", "visit.plan.province"):
        assert not can(user, action, places["commune"])
