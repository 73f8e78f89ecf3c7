"""Communes registered for a year: ticking many, taking back, who may, and what a day in the past knows."""

from datetime import UTC, date, datetime

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from communes.models import Role, Unit
from criteria.models import Registration
from criteria.registrations import RegistrationRefused, register, registered, withdraw
from tests.factories import CommuneFactory
from tests.reports.worlds import make_province, make_set, member, say

pytestmark = pytest.mark.django_db

DAY = date(2024, 1, 15)


class World:
    def __init__(self, communes: int = 3) -> None:
        self.set = make_set(criteria=2, indicators=1, first_year=2021)
        self.province, self.communes = make_province(communes=communes)
        self.district = self.communes[0].district
        self.staff = member(self.district, Role.DISTRICT_STAFF)
        self.ids = [unit.pk for unit in self.communes]

    def client(self, user=None) -> Client:
        client = Client()
        client.force_login(user or self.staff)
        return client

    @property
    def url(self) -> str:
        return f"/registrations/?area={self.district.pk}&set={self.set.code}&year=2024"

    def register(self, ids=None, **changes) -> int:
        told = {"area": self.district, "communes": ids or self.ids, "criteria_set": self.set, "year": 2024}
        told |= {"decision": "12/KH-UBND", "decided_on": DAY, "by": self.staff} | changes
        return register(**told)


@pytest.fixture
def small():
    return World()


def test_ticked_communes_are_registered_once(small):
    say(small.communes[0], small.set, "self", ["met", "met"])
    page = small.client().get(small.url)
    assert page.status_code == 200
    assert "0/3 xã đăng ký" in page.content.decode() and "2/2" in page.content.decode()
    data = {"commune": small.ids[:2], "decision": "12/KH-UBND", "decided_on": "15/01/2024"}
    assert small.client().post(small.url, data).status_code == 302
    page = small.client().post(small.url, data | {"commune": small.ids}, follow=True).content.decode()
    assert "Đã ghi 1 xã đăng ký đạt chuẩn năm 2024. 2 xã đã đăng ký từ trước" in page
    page = small.client().post(small.url, data, follow=True).content.decode()
    assert "Không có xã nào mới đăng ký năm 2024. 2 xã đã đăng ký từ trước" in page and "Đã ghi 0" not in page
    assert list(Registration.objects.order_by("unit").values_list("unit", flat=True)) == sorted(small.ids)
    text = small.client().get(small.url).content.decode()
    assert "3/3 xã đăng ký" in text and "12/KH-UBND, 15/01/2024" in text


def test_bad_input_is_told_and_keeps_the_ticks(small):
    good = {"commune": small.ids[:1], "decision": "12/KH-UBND", "decided_on": "15/01/2024"}
    stranger = CommuneFactory().pk
    for changes, words in (
        ({"commune": []}, "Chọn ít nhất một xã"),
        ({"commune": ["x", "9" * 30]}, "Chọn ít nhất một xã"),
        ({"commune": [stranger, small.ids[0]]}, "không thuộc địa bàn"),
        ({"decision": ""}, "Nhập số, ký hiệu"),
        ({"decision": "x" * 101}, "100"),
        ({"decided_on": "31/02/2024"}, "Nhập ngày như"),
        ({"decided_on": "15/01/2030"}, "chưa đến"),
        ({"decided_on": "15/01/1024"}, "trước giai đoạn"),
    ):
        answer = small.client().post(small.url, good | changes)
        assert answer.status_code == 422, changes
        assert words in answer.content.decode(), changes
        assert not Registration.objects.exists()
    text = small.client().post(small.url, good | {"decision": ""}).content.decode()
    assert f'value="{small.ids[0]}" checked' in text
    for query, status in (("year=1999", 404), ("year=x", 404), ("set=khong-co", 404), ("area=987654", 404)):
        assert small.client().get(f"/registrations/?{query}").status_code == status
    with pytest.raises(RegistrationRefused):
        small.register(year=2030)


def test_one_is_taken_back_with_its_reason_and_can_be_registered_anew(small):
    small.register()
    mine = Registration.objects.get(unit=small.ids[0])
    url = f"/registrations/{mine.pk}/withdraw/?area={small.district.pk}"
    assert small.client().get(url).status_code == 200
    assert small.client().post(url, {"reason": ""}).status_code == 422
    assert small.client().post(url, {"reason": "Chưa bố trí được vốn"}).status_code == 302
    assert small.client().post(url, {"reason": "Lần nữa"}).status_code == 404
    mine.refresh_from_db()
    assert (mine.reason, mine.withdrawn_by) == ("Chưa bố trí được vốn", small.staff)
    assert set(registered(small.ids, small.set, 2024, date(2024, 6, 30))) == set(small.ids[1:])
    assert small.register(small.ids[:1]) == 1
    assert Registration.objects.filter(unit=small.ids[0]).count() == 2


def test_a_day_in_the_past_and_a_closed_period_know_what_was_registered_then(small):
    small.register()
    Registration.objects.update(recorded_at=datetime(2024, 1, 20, tzinfo=UTC))
    withdraw(Registration.objects.get(unit=small.ids[0]), "Thiếu vốn", small.staff)
    Registration.objects.filter(unit=small.ids[0]).update(
        withdrawn_on=date(2024, 3, 1), withdrawn_at=datetime(2024, 4, 10, tzinfo=UTC)
    )

    def known(day, known_at=None):
        return set(registered(small.ids, small.set, 2024, day, known_at))

    everyone, left = set(small.ids), set(small.ids[1:])
    assert known(date(2024, 1, 14)) == set()
    assert known(date(2024, 2, 29)) == everyone
    assert known(date(2024, 3, 1)) == left
    assert known(date(2024, 3, 31), datetime(2024, 4, 5, tzinfo=UTC)) == everyone
    assert known(date(2024, 3, 31), datetime(2024, 4, 15, tzinfo=UTC)) == left
    assert known(date(2024, 1, 31), datetime(2024, 1, 18, tzinfo=UTC)) == set()


def test_only_the_office_above_registers(small):
    small.register(small.ids[:1])
    mine = Registration.objects.get()
    data = {"commune": small.ids, "decision": "1/KH", "decided_on": "15/01/2024"}
    other = make_province(communes=1, code="97")[0]
    for role, place, sees in (
        (Role.COORDINATOR, small.province, True),
        (Role.VIEWER, small.province, True),
        (Role.OFFICER, small.communes[0], False),
        (Role.COORDINATOR, other, False),
    ):
        someone = member(place, role)
        may = role == Role.COORDINATOR and sees
        assert small.client(someone).get(small.url).status_code == (200 if sees else 404), role
        page = small.client(someone).post(small.url, data)
        assert page.status_code == (302 if may else 403 if sees else 404), role
        withdrawing = small.client(someone).get(f"/registrations/{mine.pk}/withdraw/").status_code
        # The commune's own people see its registration, but the office above keeps it.
        assert withdrawing == (200 if may else 404 if place is other else 403), role
        Registration.objects.exclude(pk=mine.pk).delete()
    with pytest.raises(PermissionDenied):
        withdraw(mine, "x", member(small.communes[0], Role.OFFICER))


def test_the_page_asks_as_much_for_many_communes_as_for_few(count_queries):
    counts = []
    for communes in (3, 30):
        small = World(communes)
        small.register(small.ids[::2])
        client = small.client()
        client.get(small.url)
        with count_queries() as queries:
            client.get(small.url)
        counts.append(len(queries))
        with count_queries() as queries:
            client.post(small.url, {"commune": small.ids, "decision": "1/KH", "decided_on": "15/01/2024"})
        counts.append(len(queries))
    assert counts[:2] == counts[2:]


def test_an_area_without_communes(small):
    Unit.objects.filter(pk__in=small.ids).update(closed_on=date(2024, 1, 1))
    assert "chưa có xã" in small.client().get(small.url).content.decode()
