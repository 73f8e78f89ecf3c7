"""Accounts and roles: creating people, moving them, closing accounts, one-time passwords.

Every change is written down by `record` in the transaction that makes it, and the last
such row of a person is the version others refer to: who edits an older state is told what
has changed since. Whether somebody may do it at all is asked of `communes.access` before.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.validators import RegexValidator
from django.db import transaction
from django.utils import timezone

from communes.access import DEPARTMENT_REVIEWER, INSPECTOR, OFFICER, standing_roles
from communes.models import Department, Membership, RightsChange, Role, Unit
from communes.names import search_name, sort_key
from ntm.accounts.models import User
from ntm.clock import today

audit = logging.getLogger("ntm.audit")
Kind = RightsChange.Kind

PROFILE = ("full_name", "post", "organisation", "email")
USERNAME = RegexValidator(
    r"\A[a-z0-9][a-z0-9._-]{2,39}\Z",
    "Tên đăng nhập gồm 3–40 chữ thường không dấu, chữ số, dấu chấm, gạch nối; bắt đầu bằng chữ hoặc số.",
)
LONGEST_NAME = 30  # of a proposed user name, before its number
# Without letters and digits that look alike on paper: 0 o, 1 l i.
READABLE = "abcdefghjkmnpqrstuvwxyz23456789"
# Roles without which nobody is left to send results, or to manage people.
NEEDED = {Role.COMMUNE_LEADER.value, Role.COORDINATOR.value}


# What the audit log calls each kind of change.
EVENTS = {
    Kind.CREATED: "account created",
    Kind.PROFILE: "account changed",
    Kind.ROLE_GIVEN: "role given",
    Kind.ROLE_CHANGED: "role changed",
    Kind.MOVED: "role moved",
    Kind.DEACTIVATED: "account closed",
    Kind.REACTIVATED: "account reopened",
    Kind.PASSWORD: "one-time password given",
    Kind.SECOND_FACTOR: "second factor reset",
}


class Refused(Exception):
    """Something that can't be done so; messages by field ("" for the whole)."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = errors


class Changed(Exception):
    """Somebody changed the person since the page was opened; `since` says what, oldest first."""

    def __init__(self, since: list[RightsChange]) -> None:
        super().__init__("Người khác vừa thay đổi thông tin hoặc vai trò của người này.")
        self.since = since


@dataclass(frozen=True)
class Slip:
    """What somebody is handed in person; the password is nowhere else."""

    person: User
    password: str
    place: str


# --- the log ---------------------------------------------------------------------------


def record(
    person: User, by: User | None, kind: RightsChange.Kind, *, before: str = "", after: str = "",
    unit: Unit | None = None, reason: str = "",
) -> None:  # fmt: skip
    """Write down a change of rights, in the database and, once it holds, in the audit log."""
    RightsChange.objects.create(person=person, by=by, kind=kind, before=before, after=after, unit=unit, reason=reason)
    extra = {
        "username": by.username if by else "",
        "person": person.username,
        "unit": unit.pk if unit else None,
        "before": before,
        "after": after,
        "reason": reason,
    }
    transaction.on_commit(lambda: audit.info(EVENTS[kind], extra=extra))


def version_of(person: User) -> int:
    """The person's last change, which a page keeps to notice a later one; 0: none yet."""
    return RightsChange.objects.filter(person=person).values_list("pk", flat=True).first() or 0


def describe(membership: Membership) -> str:
    """A role in one line: "Cán bộ phụ trách tiêu chí – Xã Đông Phú; được gửi kết quả; từ 01/07/2024"."""
    parts = [f"{membership.get_role_display()} – {membership.unit.full_name}"]
    if membership.department:
        parts.append(membership.department.name)
    if membership.may_send:
        parts.append("được gửi kết quả lên cấp trên")
    if membership.may_lead:
        parts.append("được lập kế hoạch và làm trưởng đoàn")
    if membership.starts_on:
        parts.append(f"từ {membership.starts_on:%d/%m/%Y}")
    if membership.ends_on:
        parts.append(f"đến hết {membership.ends_on:%d/%m/%Y}")
    return "; ".join(parts)


def describe_profile(person: User) -> str:
    flags = [("quản trị hệ thống", person.is_superuser), ("vào được phần quản trị", person.is_staff)]
    parts = [getattr(person, name) for name in PROFILE] + [name for name, holds in flags if holds]
    return "; ".join(filter(None, parts))


# --- rules -----------------------------------------------------------------------------


def _held(person: User, seen: int | None) -> User:
    """The person, held until the transaction ends; raises Changed if not as `seen`."""
    held = User.objects.select_for_update(no_key=True).get(pk=person.pk)
    if seen is not None and version_of(held) != seen:
        later = RightsChange.objects.filter(person=held, pk__gt=seen).select_related("by").order_by("pk")
        raise Changed(list(later))
    return held


def _check(membership: Membership) -> None:
    """Raise Refused with the model's own messages."""
    try:
        # The rows pointed to came from the database; the constraints look at them too.
        membership.full_clean(exclude=["user", "unit", "department"], validate_constraints=False)
        membership.validate_constraints()
    except ValidationError as error:
        messages = {
            "" if field == NON_FIELD_ERRORS else field: " ".join(texts) for field, texts in error.message_dict.items()
        }
        raise Refused(messages) from None


def require_another(membership: Membership, day: date) -> None:
    """Refuse to leave a commune without a leader, or a province without a coordinator, from that day on."""
    unit = membership.unit
    if membership.role not in NEEDED or not membership.user.is_active or not unit.exists_on(day):
        return
    # Held, so that two leaders can't be the first to go at the same moment.
    Unit.objects.select_for_update(no_key=True).get(pk=unit.pk)
    others = Membership.objects.in_force(day).filter(unit=unit, role=membership.role, user__is_active=True)
    if not others.exclude(user=membership.user_id).exists():
        who = "lãnh đạo xã" if membership.role == Role.COMMUNE_LEADER else "điều phối viên"
        raise Refused(
            {
                "": f"{membership.user} là {who} duy nhất của {unit.in_sentence} vào ngày {day:%d/%m/%Y}. "
                f"Giao vai trò {who} cho người khác trước, rồi làm lại."
            }
        )


def require_stand_in(before: Membership, after: Membership | None) -> None:
    """The rule above for a role that changes (or goes): on each day from which it no longer holds."""
    if after is not None and (after.unit_id, after.role) != (before.unit_id, before.role):
        after = None
    first = today()
    days = {first}
    if after is not None and after.ends_on is not None:
        days.add(max(after.ends_on + timedelta(days=1), first))
    for day in sorted(days):
        if before.is_in_force(day) and not (after is not None and after.is_in_force(day)):
            require_another(before, day)


def require_successors(person: User) -> None:
    """Refuse to close an account that a commune or a province has no other for."""
    for membership in Membership.objects.in_force(today()).filter(user=person).select_related("unit", "user"):
        require_another(membership, today())


def _set_staff(person: User) -> None:
    """Coordinators get into the pages of reference data."""
    coordinates = person.memberships.standing(today()).filter(role=Role.COORDINATOR).exists()
    if person.is_staff != (coordinates or person.is_superuser):
        person.is_staff = coordinates or person.is_superuser
        person.save(update_fields=["is_staff"])


# --- names and passwords ---------------------------------------------------------------


def propose_username(full_name: str) -> str:
    """A free user name from a person's name: "Nguyễn Văn Ân" gives nguyenvanan, then nguyenvanan2 …"""
    base = re.sub(r"[^a-z0-9]", "", search_name(full_name))[:LONGEST_NAME]
    base = base if len(base) >= 3 else f"nguoidung{base}"
    taken = {
        name.lower() for name in User.objects.filter(username__istartswith=base).values_list("username", flat=True)
    }
    if base not in taken:
        return base
    return next(f"{base}{number}" for number in range(2, len(taken) + 3) if f"{base}{number}" not in taken)


def one_time_password() -> str:
    """Twelve characters easy to read off paper, about 59 bits: "k7mx-ta4p-9wqe"."""
    letters = "".join(secrets.choice(READABLE) for _ in range(12))
    return f"{letters[:4]}-{letters[4:8]}-{letters[8:]}"


@transaction.atomic
def give_one_time_passwords(people: Iterable[User], by: User) -> list[Slip]:
    """New one-time passwords, returned to be printed once; sessions under the old ones end."""
    slips = []
    for person in people:
        held = _held(person, None)
        password = one_time_password()
        held.set_one_time_password(password)
        held.save(update_fields=["password", "must_change_password", "one_time_password_at"])
        record(
            held,
            by,
            Kind.PASSWORD,
            after=f"có hiệu lực đến {timezone.localtime(held.one_time_password_until):%d/%m/%Y}",
        )
        place = next((m.unit.full_name for m in standing_roles(person)), held.organisation)
        slips.append(Slip(held, password, place))
    return slips


@transaction.atomic
def reset_second_factor(person: User, by: User | None, reason: str) -> None:
    """Forget the person's app and recovery codes; raises Refused where there are none."""
    held = _held(person, None)
    removed, _ = Authenticator.objects.filter(user=held).delete()
    if not removed:
        raise Refused({"": "Người này chưa bật xác thực hai lớp."})
    record(held, by, Kind.SECOND_FACTOR, reason=reason)


# --- people ----------------------------------------------------------------------------


@transaction.atomic
def create_person(by: User, *, profile: Mapping[str, str], username: str = "", role: Mapping[str, Any]) -> User:
    """An account without a password yet, with its first role; raises Refused.

    Somebody of the same name in the same role there is taken for a second entry, unless a
    user name was chosen for them.
    """
    if not username:
        _require_no_namesake(profile["full_name"], role)
    person = User(username=username or propose_username(profile["full_name"]), must_change_password=True)
    try:
        USERNAME(person.username)
    except ValidationError as error:
        raise Refused({"username": error.messages[0]}) from None
    if User.objects.filter(username__iexact=person.username).exists():
        raise Refused({"username": f"Tên đăng nhập {person.username} đã có người dùng; chọn tên khác hoặc để trống."})
    _fill(person, profile)
    person.set_unusable_password()
    person.save()
    record(person, by, Kind.CREATED, after=describe_profile(person), unit=role["unit"])
    give_role(person, by, **role)
    return person


def _require_no_namesake(full_name: str, role: Mapping[str, Any]) -> None:
    same = Membership.objects.standing(today()).filter(
        unit=role["unit"], role=role["role"], user__search_name=search_name(full_name), user__is_active=True
    )
    namesake = next(
        (m.user for m in same.select_related("user") if sort_key(m.user.full_name) == sort_key(full_name)), None
    )
    if namesake is not None:
        raise Refused(
            {
                "full_name": f"Đã có {namesake.full_name} ({namesake.username}) với vai trò này ở "
                f"{role['unit'].in_sentence}. Nếu là người khác trùng tên, hãy tự đặt tên đăng nhập."
            }
        )


def _fill(person: User, profile: Mapping[str, str]) -> None:
    for name in PROFILE:
        if name in profile:
            setattr(person, name, profile[name])
    person.search_name = search_name(person.full_name)


@transaction.atomic
def change_profile(person: User, by: User, profile: Mapping[str, str], *, seen: int | None = None) -> bool:
    """Name, post, organisation, e-mail as far as given; whether anything changed. Raises Changed."""
    held = _held(person, seen)
    before = describe_profile(held)
    _fill(held, profile)
    after = describe_profile(held)
    if before == after:
        return False
    held.save(update_fields=[*PROFILE, "search_name"])
    record(held, by, Kind.PROFILE, before=before, after=after)
    return True


@transaction.atomic
def deactivate(person: User, by: User, reason: str, *, seen: int | None = None) -> None:
    """Close the account: sign-in stops at once, roles and everything done stay. Raises Refused, Changed."""
    held = _held(person, seen)
    if not held.is_active:
        raise Refused({"": "Tài khoản này đã ngừng hoạt động."})
    require_successors(held)
    held.is_active = False
    held.save(update_fields=["is_active"])
    record(held, by, Kind.DEACTIVATED, reason=reason)


@transaction.atomic
def reactivate(person: User, by: User, reason: str, *, seen: int | None = None) -> None:
    held = _held(person, seen)
    if held.is_active:
        raise Refused({"": "Tài khoản này đang hoạt động."})
    held.is_active = True
    held.save(update_fields=["is_active"])
    record(held, by, Kind.REACTIVATED, reason=reason)


# --- roles -----------------------------------------------------------------------------


@transaction.atomic
def give_role(
    person: User, by: User, *, unit: Unit, role: str, department: Department | None = None, may_send: bool = False,
    may_lead: bool = False, starts_on: date | None = None, ends_on: date | None = None, seen: int | None = None,
) -> Membership:  # fmt: skip
    """A further role; raises Refused, Changed. What doesn't belong to the role is left out."""
    held = _held(person, seen)
    membership = Membership(
        user=held,
        unit=unit,
        role=role,
        department=department if role == DEPARTMENT_REVIEWER else None,
        may_send=may_send and role == OFFICER,
        may_lead=may_lead and role == INSPECTOR,
        starts_on=starts_on,
        ends_on=ends_on,
    )
    if not unit.exists_on(starts_on or today()):
        raise Refused({"unit": f"{unit.full_name} không tồn tại vào ngày {starts_on or today():%d/%m/%Y}."})
    if role == DEPARTMENT_REVIEWER and (department is None or department.province_id not in {None, unit.province_id}):
        raise Refused({"department": "Chọn sở, ngành của cán bộ này."})
    _check(membership)
    membership.save()
    _set_staff(held)
    record(held, by, Kind.ROLE_GIVEN, after=describe(membership), unit=unit)
    return membership


@transaction.atomic
def change_role(membership: Membership, by: User, changes: Mapping[str, Any], *, seen: int | None = None) -> bool:
    """Its dates, may_send, may_lead, as far as given; whether anything changed. Raises Refused, Changed."""
    held = _held(membership.user, seen)
    membership = _role(membership.pk)
    before, was = describe(membership), _role(membership.pk)
    for name, value in changes.items():
        setattr(membership, name, value)
    membership.may_send &= membership.role == OFFICER
    membership.may_lead &= membership.role == INSPECTOR
    if describe(membership) == before:
        return False
    _check(membership)
    require_stand_in(was, membership)
    membership.save(update_fields=["may_send", "may_lead", "starts_on", "ends_on"])
    _set_staff(held)
    record(held, by, Kind.ROLE_CHANGED, before=before, after=describe(membership), unit=membership.unit)
    return True


@transaction.atomic
def move(
    membership: Membership, by: User, *, unit: Unit, starts_on: date, reason: str = "", seen: int | None = None
) -> Membership:
    """The same role at another unit from a day on; the old one ends the day before and stays.

    Raises Refused, Changed.
    """
    held = _held(membership.user, seen)
    membership, was = _role(membership.pk), _role(membership.pk)
    if unit.pk == membership.unit_id:
        raise Refused({"unit": f"Người này đang làm việc ở {unit.in_sentence}."})
    last = starts_on - timedelta(days=1)
    if (membership.starts_on and last < membership.starts_on) or (membership.ends_on and last > membership.ends_on):
        raise Refused({"starts_on": f"Ngày chuyển phải nằm trong thời gian của vai trò cũ: {describe(membership)}."})
    if not unit.exists_on(starts_on):
        raise Refused({"unit": f"{unit.full_name} không tồn tại vào ngày {starts_on:%d/%m/%Y}."})
    before = describe(membership)
    membership.ends_on = last
    require_stand_in(was, membership)
    membership.save(update_fields=["ends_on"])
    there = Membership(
        user=held,
        unit=unit,
        role=membership.role,
        department=membership.department,
        may_send=membership.may_send,
        may_lead=membership.may_lead,
        starts_on=starts_on,
    )
    _check(there)
    there.save()
    _set_staff(held)
    record(held, by, Kind.MOVED, before=before, after=describe(there), unit=unit, reason=reason)
    return there


def _role(pk: int) -> Membership:
    return Membership.objects.select_related("user", "unit", "department").get(pk=pk)
