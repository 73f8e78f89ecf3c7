"""People: who may keep whose account, roles and moves, one-time passwords, the log, the list of people."""

import re
import threading
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from communes import users
from communes.models import Membership, RightsChange, Role
from communes.names import search_name
from communes.users import Changed, Refused
from ntm.accounts.models import User
from tests.factories import (
    CommuneFactory,
    DepartmentFactory,
    DistrictFactory,
    MembershipFactory,
    ProvinceFactory,
    UserFactory,
)

TODAY = date(2024, 6, 30)
LOGIN = "/accounts/login/"


class Place:
    """A province with two communes, its coordinator, a leader and an officer."""

    def __init__(self, name: str) -> None:
        self.province = ProvinceFactory(name=name)
        self.district = DistrictFactory(parent=self.province, name=f"{name} Hạ")
        self.commune = CommuneFactory(parent=self.district, name=f"{name} Thượng")
        self.other = CommuneFactory(parent=self.district, name=f"{name} Trung")
        self.coordinator = self.person(self.province, Role.COORDINATOR, is_staff=True)
        self.leader = self.person(self.commune, Role.COMMUNE_LEADER)
        self.officer = self.person(self.commune, Role.OFFICER)

    @staticmethod
    def person(unit, role, **fields) -> User:
        person = UserFactory(**fields)
        person.search_name = search_name(person.full_name)
        person.save()
        department = DepartmentFactory() if role == Role.DEPARTMENT_REVIEWER else None
        MembershipFactory(user=person, unit=unit, role=role, department=department)
        return person


@pytest.fixture
def here(db) -> Place:
    return Place("Bắc Sơn")


@pytest.fixture
def there(db) -> Place:
    return Place("Nam Hải")


@pytest.fixture
def root(db) -> User:
    return UserFactory(username="admin", is_staff=True, is_superuser=True)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def client(here) -> Client:
    return client_of(here.coordinator)


def role_of(person: User) -> Membership:
    return Membership.objects.get(user=person)


def new_person(place: Place, **changes) -> dict:
    return {
        "full_name": "Đặng Thị Hòa",
        "post": "Công chức",
        "organisation": "UBND xã",
        "email": "",
        "username": "",
        "role": "officer",
        "unit": place.commune.pk,
        "department": "",
        "starts_on": "",
        "ends_on": "",
    } | changes


def seen(person: User) -> int:
    return users.version_of(person)


# --- names and passwords ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "proposed"),
    [
        ("Nguyễn Văn Ân", "nguyenvanan"),
        ("Đặng Thị Hòa", "dangthihoa"),
        ("H'Ngọc Ê-ban", "hngoceban"),
        ("Vũ", "nguoidungvu"),
        ("阮文", "nguoidung"),
        ("A" * 90, "a" * 30),
    ],
)
def test_user_names_come_from_names(db, name, proposed):
    assert users.propose_username(name) == proposed


def test_a_taken_user_name_gets_a_number(db):
    for name in ("nguyenvanan", "NguyenVanAn2", "nguyenvananh"):
        UserFactory(username=name)
    assert users.propose_username("Nguyễn Văn Ấn") == "nguyenvanan3"


def test_one_time_passwords_are_readable_and_differ():
    passwords = {users.one_time_password() for _ in range(200)}
    assert len(passwords) == 200
    assert all(re.fullmatch(r"[a-km-np-z2-9]{4}(-[a-km-np-z2-9]{4}){2}", password) for password in passwords)


# --- creating --------------------------------------------------------------------------------


def test_creating_a_person_leads_to_the_slip(client, here):
    response = client.post("/users/new/", new_person(here, may_send="on", may_lead="on"))
    person = User.objects.get(username="dangthihoa")
    assert response["Location"] == f"/users/{person.pk}/password/"
    assert not person.has_usable_password()
    role = role_of(person)
    assert (role.unit, role.role, role.may_send, role.may_lead) == (here.commune, "officer", True, False)
    kinds = [(c.kind, c.by) for c in RightsChange.objects.filter(person=person).order_by("pk")]
    assert kinds == [("created", here.coordinator), ("role_given", here.coordinator)]
    page = client.post(response["Location"])
    (slip,) = page.context["slips"]
    text = page.content.decode()
    assert slip.password in text and "dangthihoa" in text and "http://testserver/accounts/login/" in text
    assert "no-store" in page["Cache-Control"]
    person.refresh_from_db()
    assert person.check_password(slip.password) and person.must_change_password
    # Nowhere in clear: not in the log, and not on the page asked for again.
    assert not RightsChange.objects.filter(after__contains=slip.password).exists()
    assert slip.password not in client.get(response["Location"]).content.decode()


def test_the_forced_change_at_the_first_sign_in(client, here):
    (slip,) = client.post(f"/users/{here.officer.pk}/password/").context["slips"]
    fresh = Client()
    assert fresh.post(LOGIN, {"login": here.officer.username, "password": slip.password})["Location"] == "/"
    assert fresh.get("/")["Location"] == "/accounts/password/change/"
    data = {"oldpassword": slip.password, "password1": "song-da-nui-cao", "password2": "song-da-nui-cao"}
    fresh.post("/accounts/password/change/", data)
    assert fresh.get("/").status_code == 200
    here.officer.refresh_from_db()
    assert (here.officer.must_change_password, here.officer.one_time_password_at) == (False, None)


def test_a_one_time_password_expires(client, here):
    (slip,) = client.post(f"/users/{here.officer.pk}/password/").context["slips"]
    User.objects.filter(pk=here.officer.pk).update(one_time_password_at=timezone.now() - timedelta(days=7, minutes=1))
    fresh = Client()
    page = fresh.post(LOGIN, {"login": here.officer.username, "password": slip.password})
    assert "Mật khẩu dùng một lần đã hết hạn" in page.content.decode()
    assert "_auth_user_id" not in fresh.session
    # A wrong one learns nothing.
    assert "hết hạn" not in fresh.post(LOGIN, {"login": here.officer.username, "password": "sai"}).content.decode()
    assert "đã hết hạn" in client.get(f"/users/{here.officer.pk}/").content.decode()


def test_a_new_one_time_password_ends_open_sessions(client, here):
    working = client_of(here.officer)
    assert working.get("/").status_code == 200
    client.post(f"/users/{here.officer.pk}/password/")
    assert working.get("/")["Location"].startswith(LOGIN)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"full_name": ""}, "full_name"),
        ({"full_name": "\u200b \u202e"}, "full_name"),
        ({"full_name": "..."}, "full_name"),
        ({"full_name": "Ă" * 101}, "full_name"),
        ({"email": "khong-phai"}, "email"),
        ({"role": "coordinator"}, "role"),
        ({"role": "vua"}, "role"),
        ({"unit": ""}, "unit"),
        ({"unit": "999999999999999999999"}, "unit"),
        ({"role": "district_staff"}, "role"),
        ({"starts_on": "31/13/2024"}, "starts_on"),
        ({"starts_on": "01/07/2024", "ends_on": "30/06/2024"}, "__all__"),
        ({"username": "Nguyễn"}, "username"),
        ({"username": "a b"}, "username"),
        ({"department": "0"}, "department"),
    ],
)
def test_what_is_refused_of_a_new_person(client, here, changes, field):
    before = User.objects.count()
    response = client.post("/users/new/", new_person(here, **changes))
    assert response.status_code == 422
    assert field in response.context["form"].errors
    assert User.objects.count() == before
    assert not RightsChange.objects.exists()


def test_a_reviewer_needs_a_department_of_the_province(client, here, there):
    data = new_person(here, role="department_reviewer", unit=here.province.pk)
    assert "department" in client.post("/users/new/", data).context["form"].errors
    theirs = DepartmentFactory(province=there.province)
    assert "department" in client.post("/users/new/", data | {"department": theirs.pk}).context["form"].errors
    own = DepartmentFactory(province=here.province)
    assert client.post("/users/new/", data | {"department": own.pk}).status_code == 302
    assert Membership.objects.get(role="department_reviewer").department == own


def test_the_same_person_twice_is_a_second_entry_unless_named_apart(client, here):
    assert client.post("/users/new/", new_person(here)).status_code == 302
    again = client.post("/users/new/", new_person(here))
    assert "hãy tự đặt tên đăng nhập" in again.context["form"].errors["full_name"][0]
    assert client.post("/users/new/", new_person(here, username="hoa.diachinh")).status_code == 302
    taken = client.post("/users/new/", new_person(here, username="hoa.diachinh"))
    assert "đã có người dùng" in taken.context["form"].errors["username"][0]


def test_a_place_outside_the_province_is_refused(client, here, there):
    response = client.post("/users/new/", new_person(here, unit=there.commune.pk))
    assert "unit" in response.context["form"].errors
    assert client.get(f"/users/new/?province={there.province.pk}").status_code == 404
    assert client.post(f"/users/new/?province={there.province.pk}", new_person(there)).status_code == 404
    assert client.get(f"/users/new/?province={'9' * 30}").status_code == 404
    role = role_of(here.officer)
    data = {"seen": 0, "unit": there.commune.pk, "starts_on": "01/07/2024"}
    assert "unit" in client.post(f"/users/{here.officer.pk}/roles/{role.pk}/move/", data).context["form"].errors
    assert not RightsChange.objects.exists()


def test_superusers_choose_the_province_and_make_coordinators(here, there, root):
    client = client_of(root)
    page = client.get("/users/new/")
    assert {p.pk for p in page.context["provinces"]} == {here.province.pk, there.province.pk}
    data = new_person(there, role="coordinator", unit=there.province.pk)
    assert client.post(f"/users/new/?province={there.province.pk}", data).status_code == 302
    person = User.objects.get(username="dangthihoa")
    assert person.is_staff and role_of(person).role == "coordinator"


# --- roles and moves -------------------------------------------------------------------------


def test_moving_ends_the_old_role_the_day_before_and_keeps_it(client, here):
    old = role_of(here.officer)
    old.may_send = True
    old.save()
    data = {"seen": seen(here.officer), "unit": here.other.pk, "starts_on": "15/07/2024", "reason": "QĐ 120"}
    assert client.post(f"/users/{here.officer.pk}/roles/{old.pk}/move/", data).status_code == 302
    old.refresh_from_db()
    new = Membership.objects.get(user=here.officer, unit=here.other)
    assert (old.ends_on, new.starts_on, new.may_send, new.role) == (
        date(2024, 7, 14), date(2024, 7, 15), True, "officer"
    )  # fmt: skip
    change = RightsChange.objects.get(kind="moved")
    assert "Thượng" in change.before and "Trung" in change.after and change.reason == "QĐ 120"
    # And back again: a third row, the first stays as it was.
    users.move(new, here.coordinator, unit=here.commune, starts_on=date(2025, 1, 1))
    spans = Membership.objects.filter(user=here.officer).order_by("pk").values_list("unit", "starts_on", "ends_on")
    assert list(spans) == [
        (here.commune.pk, None, date(2024, 7, 14)),
        (here.other.pk, date(2024, 7, 15), date(2024, 12, 31)),
        (here.commune.pk, date(2025, 1, 1), None),
    ]


@pytest.mark.parametrize(
    ("starts", "ends", "day"), [("2024-06-01", None, "01/06/2024"), (None, "2024-06-30", "02/07/2024")]
)
def test_a_move_outside_the_old_roles_time_is_refused(client, here, starts, ends, day):
    role = role_of(here.officer)
    Membership.objects.filter(pk=role.pk).update(starts_on=starts, ends_on=ends)
    data = {"seen": 0, "unit": here.other.pk, "starts_on": day}
    response = client.post(f"/users/{here.officer.pk}/roles/{role.pk}/move/", data)
    assert "starts_on" in response.context["form"].errors
    assert Membership.objects.filter(user=here.officer).count() == 1


def test_the_same_role_twice_at_a_time_is_refused(client, here):
    url = f"/users/{here.officer.pk}/roles/new/"
    data = {"seen": 0, "role": "officer", "unit": here.commune.pk, "starts_on": "01/08/2024"}
    assert "trong thời gian ấy" in str(client.post(url, data).context["form"].errors)
    Membership.objects.filter(user=here.officer).update(ends_on=date(2024, 7, 31))
    assert client.post(url, data).status_code == 302
    assert Membership.objects.filter(user=here.officer).count() == 2


def test_a_role_at_a_closed_unit_is_refused(here):
    here.other.closed_on = TODAY
    here.other.save()
    with pytest.raises(Refused, match="không tồn tại"):
        users.give_role(here.officer, here.coordinator, unit=here.other, role="viewer")


def test_the_last_leader_stays_until_another_is_there(client, here):
    role = role_of(here.leader)
    close = f"/users/{here.leader.pk}/close/"
    page = client.post(close, {"seen": 0, "reason": "Nghỉ hưu"})
    assert page.status_code == 422
    message = "là lãnh đạo xã duy nhất của xã Bắc Sơn Thượng vào ngày 30/06/2024. Giao vai trò lãnh đạo xã cho người"
    assert message in page.content.decode()
    ending = client.post(f"/users/{here.leader.pk}/roles/{role.pk}/", {"seen": 0, "ends_on": "31/07/2024"})
    assert "duy nhất" in ending.content.decode() and "01/08/2024" in ending.content.decode()
    data = {"seen": 0, "unit": here.other.pk, "starts_on": "01/07/2024"}
    assert "duy nhất" in client.post(f"/users/{here.leader.pk}/roles/{role.pk}/move/", data).content.decode()
    assert User.objects.get(pk=here.leader.pk).is_active
    assert role_of(here.leader).ends_on is None
    assert not RightsChange.objects.exists()
    # A closed account doesn't count as another, nor does one whose role begins later.
    successor = here.person(here.commune, Role.COMMUNE_LEADER, is_active=False)
    assert client.post(close, {"seen": 0, "reason": "Nghỉ hưu"}).status_code == 422
    User.objects.filter(pk=successor.pk).update(is_active=True)
    Membership.objects.filter(user=successor).update(starts_on=date(2024, 7, 1))
    assert client.post(close, {"seen": 0, "reason": "Nghỉ hưu"}).status_code == 422
    # To end the role when the successor's begins is right.
    ending = client.post(f"/users/{here.leader.pk}/roles/{role.pk}/", {"seen": 0, "ends_on": "30/06/2024"})
    assert ending.status_code == 302


def test_the_last_coordinator_stays_too(here, root):
    client = client_of(root)
    page = client.post(f"/users/{here.coordinator.pk}/close/", {"seen": 0, "reason": "Chuyển công tác"})
    assert "điều phối viên duy nhất của tỉnh Bắc Sơn" in page.content.decode()
    here.person(here.province, Role.COORDINATOR)
    page = client.post(f"/users/{here.coordinator.pk}/close/", {"seen": 0, "reason": "Chuyển công tác"})
    assert page.status_code == 302


def test_a_leader_of_a_closed_commune_may_go(client, here):
    here.commune.closed_on = TODAY
    here.commune.save()
    assert client.post(f"/users/{here.leader.pk}/close/", {"seen": 0, "reason": "Sáp nhập"}).status_code == 302


def test_the_admin_keeps_the_last_leader_and_writes_the_log(here, root):
    client = client_of(root)
    role = role_of(here.leader)
    data = {
        "unit": here.commune.pk,
        "role": "commune_leader",
        "department": "",
        "starts_on": "",
        "ends_on": "29/06/2024",
    }
    page = client.post(f"/admin/communes/membership/{role.pk}/change/", data)
    assert page.status_code == 200 and "duy nhất" in page.content.decode()
    page = client.post(
        f"/admin/communes/membership/{role.pk}/change/", data | {"ends_on": "", "starts_on": "01/01/2024"}
    )
    assert page.status_code == 302
    change = RightsChange.objects.get()
    assert (change.kind, change.by, change.person) == ("role_changed", root, here.leader)
    assert "từ 01/01/2024" in change.after and "từ" not in change.before
    page = client.get(f"/admin/accounts/user/{here.leader.pk}/change/")
    account = {
        "username": here.leader.username, "full_name": "Tên Mới", "is_superuser": "on",
        "memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0,
    }  # fmt: skip
    page = client.post(f"/admin/accounts/user/{here.leader.pk}/change/", account)
    assert "duy nhất" in page.content.decode()
    assert (
        client.post(f"/admin/accounts/user/{here.leader.pk}/change/", account | {"is_active": "on"}).status_code == 302
    )
    change = RightsChange.objects.first()
    assert change.kind == "profile" and "quản trị hệ thống" in change.after
    assert User.objects.get(pk=here.leader.pk).search_name == "ten moi"


# --- two at once -----------------------------------------------------------------------------


def test_two_coordinators_at_one_person(client, here):
    second = here.person(here.province, Role.COORDINATOR, full_name="Lê Thị Bình")
    url = f"/users/{here.officer.pk}/edit/"
    page = client.get(url)
    mine = {"full_name": "Trần Văn Mới", "seen": page.context["form"]["seen"].value()}
    theirs = client_of(second).post(url, {"full_name": "Trần Văn Khác", "post": "Kế toán", "seen": mine["seen"]})
    assert theirs.status_code == 302
    refused = client.post(url, mine)
    assert refused.status_code == 409
    text = refused.content.decode()
    assert "Trần Văn Khác; Kế toán" in text and "Lê Thị Bình" in text and 'value="Trần Văn Mới"' in text
    here.officer.refresh_from_db()
    assert here.officer.full_name == "Trần Văn Khác"
    # Having seen it, they may insist.
    form = refused.context["form"]
    assert client.post(url, mine | {"seen": form["seen"].value()}).status_code == 302
    here.officer.refresh_from_db()
    assert (here.officer.full_name, here.officer.search_name) == ("Trần Văn Mới", "tran van moi")


@pytest.mark.parametrize("seen", ["", "-1", "x", "9" * 40])
def test_a_forged_version_changes_nothing(client, here, seen):
    response = client.post(f"/users/{here.officer.pk}/edit/", {"full_name": "Khác", "seen": seen})
    assert response.status_code == 422
    response = client.post(f"/users/{here.officer.pk}/edit/", {"full_name": "Khác", "seen": "12345"})
    assert response.status_code in {409, 422}
    assert not RightsChange.objects.exists()


def test_every_change_of_a_person_counts_as_a_later_state(here):
    version = seen(here.officer)
    users.give_one_time_passwords([here.officer], here.coordinator)
    with pytest.raises(Changed):
        users.deactivate(here.officer, here.coordinator, "Nghỉ", seen=version)
    assert User.objects.get(pk=here.officer.pk).is_active


@pytest.mark.django_db(transaction=True)
def test_two_leaders_closed_at_the_same_moment():
    here = Place("Bắc Sơn")
    leaders = [here.leader, here.person(here.commune, Role.COMMUNE_LEADER)]
    start, said = threading.Barrier(2), []

    def close(leader: User) -> None:
        start.wait()
        try:
            users.deactivate(leader, here.coordinator, "Nghỉ")
        except Refused as refused:
            said.append(str(refused))
        finally:
            connection.close()

    threads = [threading.Thread(target=close, args=[leader]) for leader in leaders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 1 and "duy nhất" in said[0]
    assert User.objects.filter(pk__in=[leader.pk for leader in leaders], is_active=True).count() == 1


# --- closing ---------------------------------------------------------------------------------


def test_closing_and_reopening(client, here):
    working = client_of(here.officer)
    close, reopen = (f"/users/{here.officer.pk}/{step}/" for step in ("close", "reopen"))
    assert "reason" in client.post(close, {"seen": 0, "reason": " \u200b"}).context["form"].errors
    assert client.post(close, {"seen": 0, "reason": "Nghỉ việc"}).status_code == 302
    assert working.get("/")["Location"].startswith(LOGIN)
    again = client.post(close, {"seen": seen(here.officer), "reason": "Nghỉ việc"})
    assert "đã ngừng hoạt động" in again.content.decode()
    assert client.get(f"/users/{here.officer.pk}/password/").status_code == 403
    assert client.post(reopen, {"seen": seen(here.officer), "reason": "Quay lại"}).status_code == 302
    kinds = RightsChange.objects.order_by("pk").values_list("kind", "reason")
    assert list(kinds) == [("deactivated", "Nghỉ việc"), ("reactivated", "Quay lại")]


# --- who may ---------------------------------------------------------------------------------


def pages(person: User) -> list[str]:
    role = Membership.objects.filter(user=person).first()
    steps = ["edit/", "close/", "reopen/", "second-factor/", "roles/new/"]
    if role:
        steps += [f"roles/{role.pk}/", f"roles/{role.pk}/move/"]
    return [f"/users/{person.pk}/{step}" for step in steps]


def test_nobody_changes_their_own_account_or_an_equals(client, here, root):
    equal = here.person(here.province, Role.COORDINATOR)
    member_of_staff = here.person(here.province, Role.VIEWER, is_superuser=True)
    for person in (here.coordinator, equal, member_of_staff):
        assert client.get(f"/users/{person.pk}/").status_code == 200
        for page in [*pages(person), f"/users/{person.pk}/password/"]:
            assert client.get(page).status_code == 403, page
            assert client.post(page, {"seen": 0, "reason": "x"}).status_code == 403, page
    staff = client_of(root)
    for page in [f"/users/{root.pk}/password/", f"/users/{root.pk}/close/", f"/users/{member_of_staff.pk}/close/"]:
        assert staff.get(page).status_code == 403


def test_the_province_next_door_is_not_there(client, there):
    for person in (there.officer, there.leader, there.coordinator):
        for page in [f"/users/{person.pk}/", *pages(person), f"/users/{person.pk}/password/"]:
            assert client.get(page).status_code == 404, page
            assert client.post(page).status_code in {404, 405}, page
    assert not RightsChange.objects.exists()


def test_who_also_works_in_another_province_is_for_superusers(client, here, there, root):
    MembershipFactory(user=here.officer, unit=there.commune, role=Role.VIEWER)
    page = client.get(f"/users/{here.officer.pk}/edit/")
    assert page.status_code == 403 and "tỉnh khác" in page.content.decode()
    assert client_of(root).get(f"/users/{here.officer.pk}/edit/").status_code == 200
    Membership.objects.filter(unit=there.commune, role="viewer").update(ends_on=date(2024, 6, 29))
    assert client.get(f"/users/{here.officer.pk}/edit/").status_code == 200
    # What was, elsewhere, can't be changed from here.
    gone = Membership.objects.get(unit=there.commune, role="viewer")
    assert client.get(f"/users/{here.officer.pk}/roles/{gone.pk}/").status_code == 403


def test_a_leader_gives_one_time_passwords_to_own_officers_only(here):
    client = client_of(here.leader)
    colleague = here.person(here.commune, Role.COMMUNE_LEADER)
    viewer = here.person(here.commune, Role.VIEWER)
    elsewhere = here.person(here.other, Role.OFFICER)
    listed = {person.pk for person in client.get("/users/").context["page"]}
    assert listed == {here.leader.pk, here.officer.pk, colleague.pk, viewer.pk}
    assert client.post(f"/users/{here.officer.pk}/password/").context["slips"]
    for person in (here.leader, colleague, viewer):
        assert client.post(f"/users/{person.pk}/password/").status_code == 403
    assert client.post(f"/users/{elsewhere.pk}/password/").status_code == 404
    for page in [*pages(here.officer), "/users/new/", "/users/slips/", "/users/log/", "/users/import/"]:
        assert client.get(page).status_code == 403, page
    # An officer who has a higher post besides isn't the leader's to reset.
    MembershipFactory(user=here.officer, unit=here.province, role=Role.INSPECTOR)
    assert client.post(f"/users/{here.officer.pk}/password/").status_code == 403


@pytest.mark.parametrize("role", [Role.OFFICER, Role.DISTRICT_STAFF, Role.INSPECTOR, Role.VIEWER])
def test_everyone_else_has_nothing_to_do_here(here, role):
    unit = {Role.OFFICER: here.commune, Role.DISTRICT_STAFF: here.district}.get(role, here.province)
    client = client_of(here.person(unit, role))
    assert client.get("/users/").status_code == 403
    assert client.get(f"/users/{here.officer.pk}/").status_code == 404
    assert "/users/" not in client.get("/").content.decode()


def test_the_menu_shows_it_to_who_may(client, here):
    assert 'href="/users/"' in client.get("/").content.decode()
    assert 'href="/users/"' in client_of(here.leader).get("/").content.decode()


def test_a_coordinator_whose_role_has_ended_keeps_nothing(client, here):
    Membership.objects.filter(user=here.coordinator).update(ends_on=date(2024, 6, 29))
    assert client.get("/users/").status_code == 403
    assert client.get(f"/users/{here.officer.pk}/edit/").status_code == 404


# --- slips -----------------------------------------------------------------------------------


def test_slips_come_some_at_a_time(client, here, there, monkeypatch):
    monkeypatch.setattr("communes.views.users.SLIPS_AT_ONCE", 2)
    for place, number in ((here, 3), (there, 1)):
        for index in range(number):
            users.create_person(
                place.coordinator,
                profile={"full_name": f"Người Mới {chr(65 + index)}"},
                role={"unit": place.commune, "role": "officer"},
            )
    assert len(client.get("/users/slips/").context["waiting"]) == 3
    first = client.post("/users/slips/")
    assert [str(slip.person) for slip in first.context["slips"]] == ["Người Mới A", "Người Mới B"]
    assert first.context["left"] == 1
    assert [str(slip.person) for slip in client.post("/users/slips/").context["slips"]] == ["Người Mới C"]
    assert "Ai cũng đã có mật khẩu" in client.post("/users/slips/").content.decode()


# --- the list, the log -----------------------------------------------------------------------


def names(client: Client, query: str) -> list[str]:
    return [str(person) for person in client.get(f"/users/?{query}").context["page"]]


def test_finding_people(client, here):
    hoa = here.person(here.other, Role.OFFICER, full_name="Đặng Thị Hòa", username="hoa.dt")
    closed = here.person(here.district, Role.DISTRICT_STAFF, full_name="Lê Đã Nghỉ", is_active=False)
    for query in ("q=hoà", "q=HOA+", "q=dang+thi", "q=hoa.dt", "q=Hoa.DT", "place=trung&role=officer"):
        assert names(client, query) == [str(hoa)], query
    assert names(client, "place=" + here.other.code) == [str(hoa)]
    assert len(names(client, "place=bac+son+ha&role=officer")) == 2
    assert names(client, "state=closed") == [str(closed)]
    assert str(closed) not in names(client, "")
    assert str(closed) in names(client, "state=all")
    assert names(client, "q=%25&state=all") == []
    assert client.get("/users/?role=vua&state=x&page=999&q=" + "x" * 300).status_code == 200


def test_a_role_that_ended_is_shown_with_the_person_only(client, here):
    Membership.objects.filter(user=here.officer).update(ends_on=date(2024, 6, 29))
    assert "Không còn vai trò" in client.get(f"/users/?q={here.officer.username}").content.decode()
    page = client.get(f"/users/{here.officer.pk}/").content.decode()
    assert "Đã kết thúc" in page and "29/06/2024" in page


def test_the_log_is_filtered_and_stays_in_the_province(client, here, there):
    users.change_profile(here.officer, here.coordinator, {"post": "Kế toán"})
    users.deactivate(here.officer, here.coordinator, "Nghỉ")
    users.change_profile(there.officer, there.coordinator, {"post": "Thủ quỹ"})
    # Who came over from the other province: what happened to them there stays there.
    MembershipFactory(user=there.officer, unit=here.commune, role=Role.VIEWER)
    users.give_role(there.officer, there.coordinator, unit=there.other, role="officer")

    def found(query=""):
        return [change.kind for change in client.get(f"/users/log/?{query}").context["page"]]

    assert found() == ["profile", "deactivated", "profile"]
    assert found("kind=deactivated") == ["deactivated"]
    assert found(f"q={here.officer.username}") == ["deactivated", "profile"]
    assert found(f"by={here.coordinator.username}") == ["deactivated", "profile"]
    assert found("since=01/01/2100") == []
    assert len(found("since=x&until=99/99/9999&kind=y")) == 3
    assert [c.kind for c in client.get(f"/users/{here.officer.pk}/").context["changes"]] == ["deactivated", "profile"]


def test_changes_go_to_the_audit_log_when_they_hold(here, caplog, django_capture_on_commit_callbacks):
    caplog.set_level("INFO", "ntm.audit")
    with django_capture_on_commit_callbacks(execute=True):
        users.deactivate(here.officer, here.coordinator, "Nghỉ")
        with pytest.raises(Refused):
            users.deactivate(here.leader, here.coordinator, "Nghỉ")
    (line,) = caplog.records
    assert (line.message, line.username, line.person, line.reason) == (
        "account closed", here.coordinator.username, here.officer.username, "Nghỉ"
    )  # fmt: skip


@pytest.mark.parametrize("page", ["/users/", "/users/log/", "/users/slips/"])
def test_queries_do_not_grow_with_rows(page, client, here, count_queries):
    def add(number: int) -> None:
        for index in range(number):
            commune = CommuneFactory(parent=here.district)
            users.create_person(
                here.coordinator,
                profile={"full_name": f"Nguyễn Văn {index}"},
                role={"unit": commune, "role": "officer"},
            )

    add(3)
    client.get(page)
    with count_queries() as few:
        client.get(page)
    add(27)
    with count_queries() as many:
        client.get(page)
    assert len(few) == len(many) <= 10, "\n".join(many)
