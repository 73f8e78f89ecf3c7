"""Wrong passwords: how many, by whom, from where, and for how long one waits."""

import os
import subprocess
import sys
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit, urlunsplit

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from ntm.accounts.adapter import waiting_time
from ntm.accounts.lockout import BY_ADDRESS, BY_NAME, Attempt, LockedOut
from tests.factories import UserFactory

LOGIN = "/accounts/login/"
PASSWORD = "mat-khau-thu-nghiem"
NOON = datetime(2024, 6, 30, 12, tzinfo=timezone.get_fixed_timezone(420))


@pytest.fixture
def person(db):
    return UserFactory(username="canbo.thu")


def sign_in(password: str, address: str = "10.0.0.1", username: str = "canbo.thu", **headers: str):
    return Client().post(LOGIN, {"login": username, "password": password}, REMOTE_ADDR=address, headers=headers)


def locked(response) -> bool:
    return "Nhập sai mật khẩu quá nhiều lần" in response.content.decode()


def test_five_wrong_ones_lock_the_name_at_that_address_for_a_quarter_of_an_hour(person):
    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(5):
            assert not locked(sign_in("sai"))
            clock.shift(timedelta(minutes=1))
        refused = sign_in(PASSWORD)
        assert locked(refused)
        assert "Hãy thử lại sau 10 phút." in refused.content.decode()
        assert sign_in(PASSWORD, address="10.0.0.2").status_code == 302
        assert not locked(sign_in("sai", username="nguoi.khac"))
        clock.shift(timedelta(minutes=10, seconds=1))
        assert sign_in(PASSWORD).status_code == 302


def test_the_right_one_is_not_counted(person):
    for _ in range(7):
        assert sign_in(PASSWORD).status_code == 302
    for _ in range(4):
        sign_in("sai")
    assert sign_in(PASSWORD).status_code == 302
    assert not locked(sign_in("sai"))
    assert locked(sign_in("sai"))


def test_the_name_is_the_same_in_any_case(person):
    for username in ("canbo.thu", "CANBO.thu", " canbo.thu", "Canbo.Thu", "canbo.thu "):
        sign_in("sai", username=username)
    assert locked(sign_in(PASSWORD))


def test_a_forged_forwarding_header_does_not_help(person):
    for number in range(5):
        sign_in("sai", **{"X-Forwarded-For": f"203.0.113.{number}"})
    assert locked(sign_in(PASSWORD, **{"X-Forwarded-For": "203.0.113.99"}))


def test_behind_a_proxy_only_its_own_word_counts(person, settings):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    for number in range(5):
        sign_in("sai", **{"X-Forwarded-For": f"198.51.100.{number}, 203.0.113.7"})
    assert locked(sign_in(PASSWORD, **{"X-Forwarded-For": "198.51.100.99, 203.0.113.7"}))
    assert sign_in(PASSWORD, **{"X-Forwarded-For": "203.0.113.7, 203.0.113.8"}).status_code == 302
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2
    assert sign_in(PASSWORD, **{"X-Forwarded-For": "203.0.113.9"}).status_code == 400


def test_an_ipv6_network_is_one_address(person):
    for number in range(5):
        sign_in("sai", address=f"2001:db8::{number + 1}")
    assert locked(sign_in(PASSWORD, address="2001:db8::ffff"))
    assert sign_in(PASSWORD, address="2001:db8:0:1::1").status_code == 302


def test_a_name_tried_from_everywhere_is_slowed_to_one_try_an_hour(db):
    with time_machine.travel(NOON, tick=False) as clock:
        for number in range(BY_NAME.tries):
            Attempt("canbo.thu", f"10.0.0.{number}")
        Attempt("canbo.thu", "10.0.1.1")  # the hour's one
        with pytest.raises(LockedOut) as refused:
            Attempt("canbo.thu", "10.0.1.2")
        assert refused.value.seconds == 3600
        Attempt("nguoi.khac", "10.0.1.2")
        clock.shift(timedelta(hours=1, seconds=1))
        Attempt("canbo.thu", "10.0.1.3")
        with pytest.raises(LockedOut):
            Attempt("canbo.thu", "10.0.1.4")
        clock.shift(timedelta(days=1))
        Attempt("canbo.thu", "10.0.1.4")


def test_an_address_that_tries_many_names_is_stopped(db):
    for number in range(BY_ADDRESS.tries):
        Attempt(f"nguoi.{number}", "10.0.0.1")

    def rows() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM ntm_cache")
            return cursor.fetchone()[0]

    before = rows()
    with pytest.raises(LockedOut):
        Attempt("nguoi.moi", "10.0.0.1")
    assert rows() == before  # nothing is held against the name
    Attempt("nguoi.moi", "10.0.0.2")


def test_asking_for_the_password_again_counts_too(person):
    client = Client()
    client.force_login(person)
    for _ in range(5):
        client.post("/accounts/reauthenticate/", {"password": "sai"})
    assert locked(client.post("/accounts/reauthenticate/", {"password": PASSWORD}))


@pytest.mark.parametrize(
    ("seconds", "words"), [(1, "1 phút"), (60, "1 phút"), (61, "2 phút"), (3600, "1 giờ"), (3661, "1 giờ 2 phút")]
)
def test_waiting_times(seconds, words):
    assert waiting_time(seconds) == words


PROCESS = """
import sys, django
django.setup()
from django.test import Client
for number in range(3):
    page = Client().post("/accounts/login/", {"login": "canbo.thu", "password": "sai"}, REMOTE_ADDR="10.0.0.1")
    print("locked" if "quá nhiều lần" in page.content.decode() else "wrong")
"""


def database_url() -> str:
    """The address of the database this test works on, for another process."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite://{quote(name)}"
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


@pytest.mark.django_db(transaction=True)
def test_processes_count_together():
    """Two processes, three wrong ones each, at once: five are tried, the sixth is refused."""
    UserFactory(username="canbo.thu")
    cache.clear()
    environment = os.environ | {"DATABASE_URL": database_url(), "PYTHONIOENCODING": "utf-8"}
    processes = [
        subprocess.Popen([sys.executable, "-c", PROCESS], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [line for process in processes for line in process.communicate(timeout=60)[0].split()]
    assert sorted(answers) == ["locked", *["wrong"] * 5]
    assert locked(sign_in(PASSWORD))
