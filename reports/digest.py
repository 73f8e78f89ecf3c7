"""A person's open work by e-mail: what their home page counts, for who asked to be reminded.

`manage.py send_digests`, run every morning, puts one task a person on the queue; the worker
(`manage.py db_worker`) sends. A day, or a week for who chose it, has one reminder at most: it is
claimed before the mail server is asked, and given back where it fails, so that the next run, the
same day or a later one of the week, tries again. Who has nothing open gets nothing.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage
from django.db.models import Q, QuerySet
from django_tasks import task

from ntm.accounts.models import Digest, User
from reports.home import Section, coming_visits, home_sections

SATURDAY = 5


def due(on: date) -> QuerySet[User]:
    """Active people with an address who are to be reminded that day and weren't yet: on working days, and
    those who chose a week on the first of its working days on which it succeeds."""
    people = get_user_model().objects.filter(is_active=True).exclude(email="").order_by("pk")
    if on.weekday() >= SATURDAY:
        return people.none()
    monday = on - timedelta(days=on.weekday())
    daily, weekly = (
        Q(digest=how) & (Q(digest_sent_on__isnull=True) | Q(digest_sent_on__lt=since))
        for how, since in ((Digest.DAILY, on), (Digest.WEEKLY, monday))
    )
    return people.filter(daily | weekly)


def enqueue(on: date) -> int:
    """Put a task on the queue for everybody due; how many."""
    people = list(due(on).values_list("pk", flat=True))
    for pk in people:
        send.enqueue(pk, on.isoformat())
    return len(people)


@task()
def send(pk: int, day: str) -> str:
    """Send one person's reminder of a day, if they are still due; what became of it."""
    on = date.fromisoformat(day)
    person = due(on).filter(pk=pk).first()
    if person is None:
        return "not due"
    before = person.digest_sent_on
    if not get_user_model().objects.filter(pk=pk, digest_sent_on=before).update(digest_sent_on=on):
        return "sent meanwhile"
    try:
        text = digest_text(person, home_sections(person))
        if not text:
            return "nothing open"
        EmailMessage(f"Việc cần làm ngày {on:%d/%m/%Y}", text, to=[person.email]).send()
    except Exception:
        get_user_model().objects.filter(pk=pk, digest_sent_on=on).update(digest_sent_on=before)
        raise
    return "sent"


def digest_text(person: Any, sections: list[Section]) -> str:
    """The reminder in plain text, place by place; "" where nothing is open."""
    parts = []
    for section in sections:
        period = section.data.get("period")
        lines = [f"- {text}" for text in coming_visits(section)]
        lines += [f"- {todo.label}: {todo.count}" for todo in section.waiting]
        if not lines:
            continue
        if period:
            days = period["days"]
            left = f"còn {days} ngày" if days > 0 else "hạn hôm nay" if days == 0 else f"quá hạn {-days} ngày"
            lines.insert(0, f"{period['period'].name}: {left} (hạn gửi {period['period'].due_on:%d/%m/%Y})")
        parts.append("\n".join([section.title, *lines]))
    if not parts:
        return ""
    home = f"{settings.SITE_URL}/" if settings.SITE_URL else "trang Việc cần làm"
    return "\n\n".join(
        [
            f"Kính gửi {person.get_full_name()},",
            *parts,
            f"Xem và xử lý tại {home}. Đổi cách nhắc việc trong mục Tài khoản, Nhắc việc qua thư.",
        ]
    )
