"""Signing in and out, the password, and what nobody reaches without."""

import logging
import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import Client
from django.urls import NoReverseMatch, Resolver404, resolve, reverse

from ntm.accounts.checks import demonstration_accounts
from tests.factories import UserFactory

LOGIN = "/accounts/login/"
CHANGE = "/accounts/password/change/"
PASSWORD = "mat-khau-thu-nghiem"
WRONG = "Tên đăng nhập hoặc mật khẩu không đúng."


@pytest.fixture
def person(db):
    return UserFactory(username="canbo.thu")


def sign_in(client: Client, username: str = "canbo.thu", password: str = PASSWORD, **extra):
    return client.post(LOGIN, {"login": username, "password": password}, **extra)


def signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


# --- in -------------------------------------------------------------------------------------


def test_the_right_password_signs_in_and_goes_on(client, person):
    response = client.post(f"{LOGIN}?next=/matrix/", {"login": "canbo.thu", "password": PASSWORD})
    assert (response.status_code, response["Location"]) == (302, "/matrix/")
    assert signed_in(client)
    # Ends with the browser, and after the hours of the settings at the latest.
    assert response.cookies["sessionid"]["max-age"] == ""
    assert client.session.get_expiry_age() == 8 * 3600


def test_signing_in_says_nothing(client, person):
    response = client.post(LOGIN, {"login": "canbo.thu", "password": PASSWORD}, follow=True)
    assert not list(response.context["messages"])
    assert "Đã đăng nhập" not in response.content.decode()


def test_the_browsers_icon_needs_no_sign_in(client):
    response = client.get("/favicon.ico")
    assert (response.status_code, response["Location"]) == (302, "/static/emblem.svg")


def test_it_never_leads_to_another_site(client, person):
    response = client.post(f"{LOGIN}?next=https://evil.example/", {"login": "canbo.thu", "password": PASSWORD})
    assert response["Location"] == "/"


def test_unknown_inactive_and_wrong_look_alike(client, person):
    UserFactory(username="da.nghi", is_active=False)
    pages = []
    for username, password in (("canbo.thu", "sai"), ("khong.co", "sai"), ("da.nghi", PASSWORD)):
        response = sign_in(client, username, password)
        assert response.status_code == 200
        assert not signed_in(client)
        text = response.content.decode()
        assert WRONG in text
        text = text.replace(username, "")
        pages.append(re.sub(r'(name="csrfmiddlewaretoken" value|name="csrf-token" content)="\w+"', "", text))
    assert pages[0] == pages[1] == pages[2]


def test_empty_fields_are_named(client, person):
    response = client.post(LOGIN, {"login": "", "password": ""})
    assert response.context["form"].errors.keys() == {"login", "password"}


def test_a_nul_in_the_name_is_no_fault_of_the_server(client, person):
    assert sign_in(client, "canbo\x00thu").status_code == 200


def test_a_script_gets_json_and_a_fresh_token(person):
    client = Client(enforce_csrf_checks=True)
    client.get(LOGIN)
    token = client.cookies["csrftoken"].value
    ajax = {"headers": {"X-Requested-With": "XMLHttpRequest", "X-CSRFToken": token}}
    refused = sign_in(client, password="sai", **ajax)
    assert refused.status_code == 400
    assert refused.json()["form"]["errors"] == [WRONG]
    answer = sign_in(client, **ajax)
    assert answer.status_code == 200
    assert answer.json()["data"]["username"] == "canbo.thu"
    assert client.cookies["csrftoken"].value != token
    # The new token is good for the next step, the one of the page before isn't.
    fresh = answer.json()["data"]["csrf_token"]
    assert client.post("/accounts/logout/", headers={"X-CSRFToken": token}).status_code == 403
    assert client.post("/accounts/logout/", headers={"X-CSRFToken": fresh}).status_code == 302


# --- required -------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [CHANGE, "/admin/", "/admin/communes/unit/", "/accounts/reauthenticate/"])
def test_strangers_are_sent_to_sign_in(client, db, url):
    response = client.get(url, follow=True)
    assert response.redirect_chain[-1] == (f"{LOGIN}?next={url}", 302)


@pytest.mark.parametrize("headers", [{"HX-Request": "true"}, {"Accept": "application/json"}])
def test_scripts_are_told_instead(client, db, headers):
    response = client.post(CHANGE, headers=headers)
    assert response.status_code == 401
    assert response["X-Login-Required"] == "1"


@pytest.mark.parametrize("name", ["account_signup", "account_email", "account_reset_password", "account_set_password"])
def test_what_nobody_needs_does_not_exist(name):
    with pytest.raises(NoReverseMatch):
        reverse(name)


@pytest.mark.parametrize("path", ["signup/", "email/", "password/reset/", "login/code/", "confirm-email/", "inactive/"])
def test_nor_do_its_addresses(path):
    with pytest.raises(Resolver404):
        resolve(f"/accounts/{path}")


def test_the_admin_has_no_sign_in_of_its_own(client, person):
    response = client.post("/admin/login/", {"username": "canbo.thu", "password": PASSWORD})
    assert response["Location"].startswith(LOGIN)
    assert not signed_in(client)


# --- out, and the password -------------------------------------------------------------------


def test_signing_out(client, person):
    client.force_login(person)
    assert client.get("/accounts/logout/").status_code == 200
    assert signed_in(client)
    response = client.post("/accounts/logout/")
    assert response["Location"] == LOGIN
    assert not signed_in(client)


def change(client: Client, old: str = PASSWORD, new: str = "ao-vai-go-lim-77", again: str = ""):
    return client.post(CHANGE, {"oldpassword": old, "password1": new, "password2": again or new})


def test_changing_it_keeps_this_session_and_ends_the_others(client, person):
    elsewhere = Client()
    sign_in(client)
    sign_in(elsewhere)
    assert change(client)["Location"] == "/"
    assert client.get(CHANGE).status_code == 200
    assert elsewhere.get(CHANGE).status_code == 302
    person.refresh_from_db()
    assert person.check_password("ao-vai-go-lim-77")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"old": "sai"}, "Mật khẩu hiện tại không đúng."),
        ({"again": "khac-han-voi-tren"}, "Hai lần nhập mật khẩu mới phải giống nhau."),
        ({"new": "ngan"}, "Mật khẩu quá ngắn: cần ít nhất 10 ký tự."),
        ({"new": "NTM-demo-2026"}, "Đây là mật khẩu minh họa"),
    ],
)
def test_what_a_new_password_may_not_be(client, person, fields, message):
    client.force_login(person)
    response = change(client, **fields)
    assert response.status_code == 200
    assert message in response.content.decode()
    person.refresh_from_db()
    assert person.check_password(PASSWORD)


def test_a_one_time_password_must_be_changed_first(client, person):
    person.must_change_password = True
    person.save()
    assert sign_in(client).status_code == 302
    assert client.get("/admin/")["Location"] == CHANGE
    htmx = client.post("/admin/", headers={"HX-Request": "true"})
    assert (htmx.status_code, htmx["HX-Redirect"]) == (204, CHANGE)
    assert client.get("/admin/", headers={"Accept": "application/json"}).status_code == 403
    assert client.get("/healthz").status_code == 200
    assert change(client).status_code == 302
    person.refresh_from_db()
    assert not person.must_change_password
    assert client.get("/accounts/reauthenticate/").status_code == 200


def test_the_log_says_who_and_from_where_but_no_password(client, person, caplog):
    caplog.set_level(logging.INFO, "ntm.audit")
    sign_in(client, password="sai-mat-khau")
    sign_in(client)
    change(client)
    client.post("/accounts/logout/")
    records = [record for record in caplog.records if record.name == "ntm.audit"]
    events = [record.getMessage() for record in records]
    assert events == ["sign-in failed", "signed in", "password changed", "signed out"]
    assert {(record.username, record.address) for record in records} == {("canbo.thu", "127.0.0.1")}
    written = " ".join(str(vars(record)) for record in records)
    assert not any(secret in written for secret in ("sai-mat-khau", PASSWORD, "ao-vai-go-lim-77"))


# --- the demonstration's password ----------------------------------------------------------------


def test_production_refuses_the_printed_password(client, person, settings):
    person.password = make_password(settings.DEMONSTRATION_PASSWORD)
    person.save()
    settings.PRODUCTION = True
    assert WRONG in sign_in(client, password=settings.DEMONSTRATION_PASSWORD).content.decode()
    settings.PRODUCTION = False
    assert sign_in(client, password=settings.DEMONSTRATION_PASSWORD).status_code == 302


def test_production_reports_accounts_that_have_it(person, settings):
    assert demonstration_accounts(databases=["default"]) == []
    settings.PRODUCTION = True
    assert demonstration_accounts(databases=["default"]) == []
    get_user_model().objects.update(password=make_password(settings.DEMONSTRATION_PASSWORD))
    assert "canbo.thu" in demonstration_accounts(databases=["default"])[0].msg
    assert demonstration_accounts(databases=None) == []
    with pytest.raises(SystemCheckError, match=r"accounts\.E001"):
        call_command("check", databases=["default"], tags=["database"])
