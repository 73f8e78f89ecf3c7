"""Reminders by e-mail: to whom, when, what they say; through a real mail server, and one that hangs."""

import email
import socket
import threading
from datetime import date, timedelta
from email import policy

import pytest
from aiosmtpd.controller import Controller
from django.core.management import CommandError, call_command
from django.db import connection

from communes.models import Role
from inspections.models import TeamMember
from ntm.accounts.models import Digest, User
from reports.digest import due, enqueue, send
from tests.factories import CommuneFactory, DepartmentFactory, UserFactory
from tests.reports.worlds import concluded_visit, make_province, make_set, member

FRIDAY, SATURDAY, MONDAY = date(2024, 6, 28), date(2024, 6, 29), date(2024, 7, 1)


@pytest.fixture
def officer(db):
    make_set(criteria=1, indicators=2)
    unit = CommuneFactory(name="Đông Phú")
    return remind(member(unit, Role.OFFICER), Digest.DAILY)


def remind(user, how, email="can.bo@xa.example"):
    User.objects.filter(pk=user.pk).update(digest=how, email=email)
    return User.objects.get(pk=user.pk)


class Inbox:
    """What a real SMTP server on the loopback was given."""

    def __init__(self):
        self.letters = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the library's name
        self.letters.append(envelope)
        return "250 OK"


@pytest.fixture
def inbox(settings):
    handler = Inbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(handler, hostname="127.0.0.1", port=port)
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.SITE_URL = "127.0.0.1", port, "https://ntm.example"
    yield handler
    server.stop()


def test_who_is_due_and_when(officer):
    weekly = remind(UserFactory(), Digest.WEEKLY)
    remind(UserFactory(), Digest.NEVER)
    remind(UserFactory(), Digest.DAILY, email="")
    assert {person.pk for person in due(FRIDAY)} == {officer.pk, weekly.pk}
    User.objects.filter(pk=weekly.pk).update(digest_sent_on=FRIDAY - timedelta(days=4))
    assert [person.pk for person in due(FRIDAY)] == [officer.pk]
    assert list(due(SATURDAY)) == []
    assert {person.pk for person in due(MONDAY)} == {officer.pk, weekly.pk}
    User.objects.filter(pk=officer.pk).update(digest_sent_on=MONDAY, is_active=True)
    assert {person.pk for person in due(MONDAY)} == {weekly.pk}
    assert list(due(MONDAY + timedelta(days=5))) == []
    User.objects.filter(pk=weekly.pk).update(is_active=False)
    assert list(due(MONDAY)) == []


def test_a_letter_says_what_is_open_once_a_day(officer, inbox):
    assert send.func(officer.pk, FRIDAY.isoformat()) == "sent"
    (letter,) = inbox.letters
    assert letter.rcpt_tos == ["can.bo@xa.example"]

    message = email.message_from_bytes(letter.content, policy=policy.default)
    assert message["subject"] == "Việc cần làm ngày 28/06/2024"
    text = message.get_content().replace("\r\n", "\n")
    assert "Xã Đông Phú\n- Chỉ tiêu chưa đánh giá: 2" in text
    assert "Xem và xử lý tại https://ntm.example/." in text
    assert send.func(officer.pk, FRIDAY.isoformat()) == "not due"
    assert len(inbox.letters) == 1
    assert send.func(officer.pk, MONDAY.isoformat()) == "sent"


def test_nothing_open_nothing_sent(db, inbox):
    person = remind(UserFactory(), Digest.DAILY)
    assert send.func(person.pk, FRIDAY.isoformat()) == "nothing open"
    assert inbox.letters == []


def test_a_mail_server_that_hangs_takes_nothing_with_it(officer, settings):
    """It accepts the connection and never says a word; the day stays open for the next run."""
    listener = socket.create_server(("127.0.0.1", 0))
    held = []
    threading.Thread(target=lambda: held.append(listener.accept()), daemon=True).start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = listener.getsockname()
    settings.EMAIL_TIMEOUT = 0.3
    with pytest.raises(OSError, match="timed out"):
        send.func(officer.pk, FRIDAY.isoformat())
    listener.close()
    for connection_held, _ in held:
        connection_held.close()
    assert [person.pk for person in due(FRIDAY)] == [officer.pk]


def test_a_week_that_failed_is_tried_again_until_it_is_sent(officer, inbox, settings):
    TUESDAY, WEDNESDAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)  # noqa: N806 - days as above
    remind(officer, Digest.WEEKLY)
    User.objects.filter(pk=officer.pk).update(digest_sent_on=MONDAY - timedelta(days=7))
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    with pytest.raises(OSError, match="refused"):
        send.func(officer.pk, MONDAY.isoformat())
    settings.EMAIL_PORT = port
    assert send.func(officer.pk, TUESDAY.isoformat()) == "sent"
    assert send.func(officer.pk, WEDNESDAY.isoformat()) == "not due"
    assert len(inbox.letters) == 1
    assert [person.pk for person in due(MONDAY + timedelta(days=7))] == [officer.pk]


def test_a_week_with_nothing_open_on_monday_is_done(db, inbox):
    person = remind(UserFactory(), Digest.WEEKLY)
    assert send.func(person.pk, MONDAY.isoformat()) == "nothing open"
    assert list(due(MONDAY + timedelta(days=1))) == []


@pytest.mark.parametrize("role", [Role.INSPECTOR, Role.DEPARTMENT_REVIEWER])
@pytest.mark.parametrize(
    ("state", "planned_on", "words"),
    [
        ("under_way", date(2024, 6, 20), "đang kiểm tra"),
        ("planned", date(2024, 6, 30), "hôm nay"),
        ("planned", date(2024, 7, 7), "ngày 07/07/2024"),
        ("planned", date(2024, 7, 8), None),
    ],
)
def test_a_letter_tells_of_the_visits_of_the_week(db, inbox, settings, role, state, planned_on, words):
    chosen, (province, (unit,)) = make_set(criteria=1, indicators=2), make_province(communes=1)
    extra = {"department": DepartmentFactory()} if role == Role.DEPARTMENT_REVIEWER else {}
    person = remind(member(province, role, **extra), Digest.DAILY)
    visit = concluded_visit(unit, chosen, state=state, planned_on=planned_on)
    TeamMember.objects.create(visit=visit, user=person, name="A", role="secretary").criteria.add(chosen.criteria.get())
    answer = send.func(person.pk, FRIDAY.isoformat())
    if words is None:
        assert answer == "nothing open"
        return
    assert answer == "sent"
    text = email.message_from_bytes(inbox.letters[0].content, policy=policy.default).get_content()
    assert f"- Thẩm định {unit.in_sentence}, {words} (thư ký): đã chấm 0/2 chỉ tiêu của tôi" in text


@pytest.mark.django_db(transaction=True)
def test_the_worker_sends_what_the_command_put_on_the_queue(officer, inbox, settings):
    settings.MAIL = True
    assert enqueue(FRIDAY) == 1
    call_command("db_worker", batch=True, startup_delay=False, verbosity=0)
    assert len(inbox.letters) == 1
    assert connection.in_atomic_block is False
    assert enqueue(FRIDAY) == 0


def test_the_command_says_what_is_missing(db, settings):
    settings.MAIL = None
    with pytest.raises(CommandError, match="EMAIL_URL"):
        call_command("send_digests")


def test_the_page_of_reminders(officer, client):
    client.force_login(officer)
    url = "/accounts/reminders/"
    assert "chưa được nối với máy chủ thư" in client.get(url).content.decode()
    refused = client.post(url, {"email": "", "digest": "daily"})
    assert refused.status_code == 422
    assert "Nhập địa chỉ thư để nhận nhắc việc." in refused.content.decode()
    assert client.post(url, {"email": "khong phai", "digest": "never"}).status_code == 422
    client.post(url, {"email": "moi@xa.example", "digest": "weekly"})
    officer.refresh_from_db()
    assert (officer.email, officer.digest) == ("moi@xa.example", "weekly")
