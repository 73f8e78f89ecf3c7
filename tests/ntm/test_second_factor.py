"""The second factor: setting it up, signing in with it, who must have it, resetting it."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core.management import CommandError, call_command
from django.test import Client

from communes.models import RightsChange, Role
from tests.communes.test_users import Place, client_of
from tests.factories import UserFactory

LOGIN, ACTIVATE = "/accounts/login/", "/accounts/2fa/totp/activate/"
CODE, CODES = "/accounts/2fa/authenticate/", "/accounts/2fa/recovery-codes/"
PASSWORD = "mat-khau-thu-nghiem"
# allauth marks recovery codes as seen when they are shown.
viewed = pytest.mark.writes_on_get("mfa_authenticator")


@pytest.fixture
def here(db) -> Place:
    return Place("Bắc Sơn")


@pytest.fixture
def required(settings):
    settings.REQUIRE_TOTP = True


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))


def give_second_factor(user) -> str:
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    TOTP.activate(user, secret)
    return secret


def sign_in(client: Client, user):
    return client.post(LOGIN, {"login": user.username, "password": PASSWORD})


def set_up(client: Client, user) -> str:
    """Sign in, give the password once more as the page wants, and switch it on; the secret."""
    sign_in(client, user)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    secret = client.get(ACTIVATE).context["form"].secret
    assert client.post(ACTIVATE, {"code": code_of(secret)})["Location"] == CODES
    return secret


# --- who must --------------------------------------------------------------------------------


@viewed
def test_a_coordinator_sets_it_up_before_anything_else(here, required):
    client = Client()
    sign_in(client, here.coordinator)
    for page in ("/", "/users/", "/admin/", "/matrix/", f"/users/{here.officer.pk}/password/"):
        assert client.get(page)["Location"] == ACTIVATE, page
        assert client.post(page)["Location"] == ACTIVATE, page
    assert client.get("/", headers={"HX-Request": "true"})["HX-Redirect"] == ACTIVATE
    assert client.get("/", headers={"Accept": "application/json"}).status_code == 403
    # The password once more: a screen left open gives nobody else a second factor.
    asked = client.get(ACTIVATE)
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    why = "Điều phối viên và quản trị hệ thống phải dùng xác thực hai lớp"
    assert why in client.get(asked["Location"]).content.decode()
    page = client.post(asked["Location"], {"password": PASSWORD}, follow=True)
    text = page.content.decode()
    assert 'src="data:image/svg+xml;base64,' in text and page.context["form"].secret in text
    assert "default-src 'self'" in page["Content-Security-Policy"] and "data:" in page["Content-Security-Policy"]
    wrong = client.post(ACTIVATE, {"code": "000000"})
    assert "Mã không đúng hoặc đã hết hạn." in wrong.content.decode()
    secret = wrong.context["form"].secret
    done = client.post(ACTIVATE, {"code": code_of(secret)}, follow=True)
    assert done.redirect_chain[-1] == (CODES, 302)
    assert "Còn 10 trong 10 mã" in done.content.decode()
    assert client.get("/users/").status_code == 200


def test_the_new_password_comes_before_the_second_factor(here, required):
    here.coordinator.must_change_password = True
    here.coordinator.save()
    client = Client()
    sign_in(client, here.coordinator)
    assert client.get("/")["Location"] == "/accounts/password/change/"
    assert client.get("/accounts/password/change/").status_code == 200


@pytest.mark.parametrize("role", [Role.OFFICER, Role.COMMUNE_LEADER, Role.DISTRICT_STAFF])
def test_nobody_else_must(here, required, role):
    unit = here.district if role == Role.DISTRICT_STAFF else here.commune
    assert client_of(here.person(unit, role)).get("/").status_code == 200


def test_superusers_must(db, required):
    root = UserFactory(is_superuser=True, is_staff=True)
    assert client_of(root).get("/")["Location"] == ACTIVATE


def test_where_it_is_not_required_nobody_must(here, settings):
    assert settings.REQUIRE_TOTP is False  # demonstration and tests
    assert client_of(here.coordinator).get("/").status_code == 200


def test_what_stands_open_before_it(here, required, client):
    assert client.get("/healthz").status_code == 200
    signed_in = client_of(here.coordinator)
    for page in ("/healthz", "/accounts/2fa/", "/accounts/logout/", "/accounts/password/change/"):
        assert signed_in.get(page).status_code == 200, page
    assert signed_in.get(CODES)["Location"] == ACTIVATE


# --- signing in ------------------------------------------------------------------------------


def test_signing_in_asks_for_the_code(here):
    secret = give_second_factor(here.officer)
    client = Client()
    assert sign_in(client, here.officer)["Location"] == CODE
    # The password alone opens nothing.
    assert client.get("/")["Location"].startswith(LOGIN)
    assert client.get(ACTIVATE)["Location"].startswith(LOGIN)
    assert "Nhập mã xác thực" in client.get(CODE).content.decode()
    assert "Mã không đúng" in client.post(CODE, {"code": "000000"}).content.decode()
    assert client.post(CODE, {"code": code_of(secret)})["Location"] == "/"
    assert client.get("/").status_code == 200


@viewed
def test_a_recovery_code_works_once(here, required):
    client = Client()
    set_up(client, here.coordinator)
    code = client.get(CODES).context["unused_codes"][0]
    for expected in (302, 200):
        other = Client()
        sign_in(other, here.coordinator)
        assert other.post(CODE, {"code": code}).status_code == expected


def test_codes_can_not_be_guessed_for_long(here, settings):
    secret = give_second_factor(here.officer)
    client = Client()
    sign_in(client, here.officer)
    for _ in range(5):
        client.post(CODE, {"code": "000000"})
    page = client.post(CODE, {"code": code_of(secret)})
    assert page.status_code == 200 and "quá nhiều lần" in page.content.decode()


def test_a_script_is_told_that_a_code_is_needed(here):
    give_second_factor(here.officer)
    answer = Client().post(
        LOGIN, {"login": here.officer.username, "password": PASSWORD}, headers={"X-Requested-With": "XMLHttpRequest"}
    )
    assert answer.json()["location"] == CODE
    assert answer.json()["data"]["username"] is None


@viewed
def test_the_pages_of_ones_own(here):
    client = Client()
    assert "Chưa bật" in client_of(here.officer).get("/accounts/2fa/").content.decode()
    set_up(client, here.officer)
    text = client.get("/accounts/2fa/").content.decode()
    assert "Đã bật" in text and "Còn 10 mã" in text
    codes = client.get(CODES).context["unused_codes"]
    assert client.get(f"{CODES}download/").content.decode().split() == codes
    client.post(f"{CODES}generate/")
    assert set(client.get(CODES).context["unused_codes"]).isdisjoint(codes)
    assert client.get("/accounts/2fa/totp/deactivate/").status_code == 200
    client.post("/accounts/2fa/totp/deactivate/")
    assert not Authenticator.objects.exists()


def test_a_sensitive_page_asks_for_a_password_or_a_code(here):
    secret = give_second_factor(here.officer)
    client = Client()
    sign_in(client, here.officer)
    client.post(CODE, {"code": code_of(secret)})
    assert client.get("/accounts/2fa/totp/deactivate/")["Location"].startswith("/accounts/reauthenticate/")
    page = client.get("/accounts/2fa/reauthenticate/")
    assert "Xác nhận bằng mã" in page.content.decode()
    give = client.post("/accounts/2fa/reauthenticate/", {"code": code_of(secret)})
    assert give.status_code in {200, 302}


# --- resetting -------------------------------------------------------------------------------


def test_a_superuser_resets_a_coordinators(here):
    root = UserFactory(username="admin", is_superuser=True, is_staff=True)
    give_second_factor(here.coordinator)
    url = f"/users/{here.coordinator.pk}/second-factor/"
    assert client_of(here.coordinator).get(url).status_code == 403
    client = client_of(root)
    assert url in client.get(f"/users/{here.coordinator.pk}/").content.decode()
    assert client.post(url, {"seen": 0, "reason": "Mất điện thoại"}).status_code == 302
    assert not Authenticator.objects.exists()
    change = RightsChange.objects.get()
    assert (change.kind, change.by, change.person, change.reason) == (
        "second_factor", root, here.coordinator, "Mất điện thoại"
    )  # fmt: skip
    again = client.post(url, {"seen": change.pk, "reason": "Mất điện thoại"})
    assert "chưa bật xác thực hai lớp" in again.content.decode()


def test_a_coordinator_resets_nobodys(here):
    give_second_factor(here.officer)
    response = client_of(here.coordinator).post(f"/users/{here.officer.pk}/second-factor/", {"reason": "x", "seen": 0})
    assert response.status_code == 403
    assert Authenticator.objects.exists()


def test_the_servers_operator_resets_a_superusers(db):
    root = UserFactory(username="admin", is_superuser=True, is_staff=True)
    with pytest.raises(CommandError, match="chưa bật"):
        call_command("reset_second_factor", "admin")
    give_second_factor(root)
    call_command("reset_second_factor", "admin", verbosity=0)
    assert not Authenticator.objects.exists()
    change = RightsChange.objects.get()
    assert (change.by, change.person) == (None, root)
    assert "Người vận hành máy chủ" in client_of(UserFactory(is_superuser=True)).get("/users/log/").content.decode()
    with pytest.raises(CommandError, match="no account"):
        call_command("reset_second_factor", "ai.do")
