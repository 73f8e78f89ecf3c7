"""The menu holds what its reader ever finds something at, and a page not meant for a role says so."""

import pytest
from django.test import Client

from communes.models import Role
from tests.factories import DepartmentFactory, UserFactory
from tests.reports.worlds import concluded_visit, find, make_province, make_set, member

pytestmark = pytest.mark.django_db

AREA = ["/matrix/", "/submissions/", "/visits/", "/findings/"]
MENUS = [
    (Role.OFFICER, "commune", ["/evidence/", "/visits/", "/findings/", "/meetings/", "/questions/", "/reports/"]),
    (Role.DISTRICT_STAFF, "district", [*AREA, "/meetings/", "/questions/", "/reports/"]),
    (
        Role.COORDINATOR,
        "province",
        ["/my-criteria/", *AREA, "/meetings/", "/questions/", "/reports/", "/workshop/", "/users/"],
    ),
    (Role.DEPARTMENT_REVIEWER, "province", ["/my-criteria/", *AREA, "/questions/", "/reports/"]),
    (Role.INSPECTOR, "province", ["/visits/", "/findings/", "/reports/"]),
    (Role.VIEWER, "province", ["/matrix/", "/reports/"]),
    (Role.VIEWER, "district", ["/matrix/", "/reports/"]),
    (Role.VIEWER, "commune", ["/reports/"]),
]


@pytest.fixture
def unit():
    """A commune where something has been found."""
    (unit,) = make_province(communes=1)[1]
    find(concluded_visit(unit, make_set(criteria=1)), 1)
    return unit


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def somebody(unit, role, level):
    extra = {"department": DepartmentFactory()} if role == Role.DEPARTMENT_REVIEWER else {}
    return client_of(member({"commune": unit}.get(level) or getattr(unit, level), role, **extra))


@pytest.mark.parametrize(("role", "level", "expected"), MENUS)
def test_the_menu_of_each_role(unit, role, level, expected):
    client = somebody(unit, role, level)
    urls = [link.url for link in client.get("/").context["nav"]]
    assert urls.pop(0) == "/"
    assert [url for url in urls if not url.endswith("/entry/")] == expected
    assert (f"/units/{unit.pk}/entry/" in urls) == (role == Role.OFFICER)
    assert all(client.get(url).status_code == 200 for url in urls)


def test_the_administrator_is_led_to_no_offices_list(unit):
    admin = client_of(UserFactory(is_superuser=True, is_staff=True))
    urls = [link.url for link in admin.get("/").context["nav"]]
    assert urls == ["/", "/matrix/", "/visits/", "/findings/", "/reports/", "/workshop/", "/users/"]


def test_without_a_role_there_is_home(unit):
    assert [link.url for link in client_of(UserFactory()).get("/").context["nav"]] == ["/", "/reports/"]


@pytest.mark.parametrize("url", ["/visits/", "/findings/", "/findings/?state=mine"])
def test_a_viewer_is_told_that_visits_are_not_theirs(unit, url):
    answer = somebody(unit, Role.VIEWER, "province").get(url)
    assert answer.status_code == 403
    assert "vai trò của bạn xem kết quả đã công bố" in answer.text
    assert "Chưa có" not in answer.text
    assert "Của tôi" not in answer.text


@pytest.mark.parametrize(("role", "level"), [(Role.INSPECTOR, "province"), (Role.VIEWER, "province")])
def test_who_sees_no_sendings_is_told_so(unit, role, level):
    answer = somebody(unit, role, level).get("/submissions/")
    assert "Vai trò của bạn không xem các lần gửi" in answer.text
    assert "Chưa có lần gửi nào" not in answer.text
    assert "Chưa có lần gửi nào" in somebody(unit, Role.OFFICER, "commune").get("/submissions/").text


def test_who_sees_no_area_is_led_to_no_page_that_is_missing(unit):
    inspector, officer = somebody(unit, Role.INSPECTOR, "province"), somebody(unit, Role.OFFICER, "commune")
    answer = inspector.get("/matrix/")
    assert "vai trò của bạn xem từng xã" in answer.text
    assert list(answer.context["units"]) == []
    (own,) = officer.get("/matrix/").context["units"]
    assert officer.get(f"/units/{own.pk}/").status_code == 200
