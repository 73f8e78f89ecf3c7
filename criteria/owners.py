"""Who in a commune answers for which criterion: naming, handing over, and what to look at again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q

from communes import access
from communes.models import Membership, Role, Unit
from criteria import assignment
from criteria.assignment import Review
from criteria.checks import format_day
from criteria.models import CriteriaSet, Criterion, CriterionOwner
from ntm.clock import today

DAY = timedelta(days=1)


class OwnerRefused(Exception):
    """An assignment that can't stand, with the reason; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who answers for criteria: an account, or a name and post without one."""

    user_id: int | None
    name: str
    post: str = ""

    @property
    def key(self) -> str:
        """As a form names them: "12", or "=Tên" without an account."""
        return str(self.user_id) if self.user_id else f"={self.name}"


def people(unit: Unit) -> list[Person]:
    """Whom the commune can give criteria to: its accounts, then those it named before. Two queries."""
    members = Membership.objects.filter(unit=unit, role__in=[Role.OFFICER, Role.COMMUNE_LEADER], user__is_active=True)
    users = get_user_model().objects.filter(pk__in=members.in_force(today()).values("user")).order_by("full_name", "pk")
    found = [Person(user.pk, user.get_full_name(), user.post) for user in users]
    named = CriterionOwner.objects.filter(unit=unit, user__isnull=True).in_force(today())
    known = dict.fromkeys(Person(None, name, post) for name, post in named.order_by("name").values_list("name", "post"))
    return [*found, *known]


def owners(unit: Unit, criteria_set: CriteriaSet, on: date) -> dict[int, list[CriterionOwner]]:
    """Who answers for each criterion on a day, by criterion id, those in the lead first; `has_left` says
    that the account named has no role at the unit any more. Two queries."""
    found: dict[int, list[CriterionOwner]] = defaultdict(list)
    rows = CriterionOwner.objects.filter(unit=unit, criterion__criteria_set=criteria_set).in_force(on)
    there = set(rows.at_work(on).order_by().values_list("pk", flat=True))
    for row in rows.order_by("role", "pk"):
        row.has_left = row.user_id is not None and row.pk not in there
        found[row.criterion_id].append(row)
    return found


def review(criteria: Iterable[Criterion], assigned: dict[int, list[CriterionOwner]]) -> Review[str]:
    """What a leader should look at again: criteria nobody leads, several lead, people with too many."""
    led: dict[str, set[int]] = defaultdict(set)
    for criterion, rows in assigned.items():
        for row in rows:
            if row.role == CriterionOwner.Role.LEAD and not row.has_left:  # type: ignore[attr-defined]
                led[row.name].add(criterion)
    return assignment.review([criterion.pk for criterion in criteria], led)


def _check_person(unit: Unit, person: Person) -> None:
    if person.user_id is not None and person.user_id not in {known.user_id for known in people(unit)}:
        raise OwnerRefused("Tài khoản này không làm việc tại xã.")
    if not person.name:
        raise OwnerRefused("Chọn một tài khoản, hoặc nhập họ và tên.")


def _check_day(day: date) -> None:
    """A day an assignment may begin or end on: within ten years of today."""
    if abs(day.year - today().year) > 10:
        raise OwnerRefused(f"Ngày {format_day(day)} không hợp lý; nhập ngày gần thời gian hiện tại.")


@transaction.atomic
def assign(
    unit: Unit, criteria: Iterable[Criterion], person: Person, role: str, *, starts_on: date, by: Any
) -> list[CriterionOwner]:
    """Give criteria to a person from a day on; one they have in that role already stays as it is.

    Raises PermissionDenied, OwnerRefused.
    """
    access.require(by, "owners.change", unit)
    _check_person(unit, person)
    _check_day(starts_on)
    _hold(unit)
    mine = _rows_of(unit, person).in_force(starts_on)
    has = set(mine.filter(role=role).values_list("criterion_id", flat=True))
    return CriterionOwner.objects.bulk_create(
        CriterionOwner(
            unit=unit,
            criterion=criterion,
            user_id=person.user_id,
            name=person.name,
            post=person.post,
            role=role,
            starts_on=starts_on,
        )
        for criterion in criteria
        if criterion.pk not in has
    )


@transaction.atomic
def end(owner: CriterionOwner, *, on: date, by: Any) -> None:
    """Take a criterion from its owner after the end of `on`; one that hadn't begun by then never did.

    Raises PermissionDenied.
    """
    access.require(by, "owners.change", owner.unit)
    _hold(owner.unit)
    if owner.starts_on > on:
        CriterionOwner.objects.filter(pk=owner.pk).delete()
        return
    CriterionOwner.objects.filter(pk=owner.pk).update(ends_on=on)


@transaction.atomic
def hand_over(unit: Unit, old: Person, new: Person, *, starts_on: date, until: date | None = None, by: Any) -> int:
    """Move all that `old` answers for to `new` from a day on; how many criteria.

    With `until` the new one stands in until the end of that day, and the old one's own begin again
    the day after. What hangs on the criterion (findings, questions) goes with it. Raises
    PermissionDenied, OwnerRefused.
    """
    access.require(by, "owners.change", unit)
    _check_person(unit, new)
    if old.key == new.key:
        raise OwnerRefused("Người nhận phải khác người bàn giao.")
    if until is not None and until < starts_on:
        raise OwnerRefused("Ngày kết thúc làm thay phải từ ngày bắt đầu trở đi.")
    _check_day(starts_on)
    if until is not None:
        _check_day(until)
    _hold(unit)
    # For good takes along what begins later too: a stand-in planned before gives nothing back.
    mine = _rows_of(unit, old)
    moving = list(
        mine.in_force(starts_on) if until else mine.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=starts_on))
    )
    # Until when the successor has a criterion in the same role anyway.
    has = {(row.criterion_id, row.role): row.ends_on or date.max for row in _rows_of(unit, new).in_force(starts_on)}
    if not moving:
        raise OwnerRefused(f"{old.name} không phụ trách tiêu chí nào vào ngày {starts_on:%d/%m/%Y}.")
    rows = []
    for row in moving:
        row_end = row.ends_on
        # A row that begins that day or later hasn't been anybody's yet; one that has begun stays as history.
        if row.starts_on > starts_on or (row.starts_on == starts_on and starts_on > today()):
            CriterionOwner.objects.filter(pk=row.pk).delete()
        else:
            # Given and handed over on one day, a row can't end before it began: it stays as the day before's,
            # so that one person answers from the hand-over on and the old name isn't lost.
            last = starts_on - DAY
            CriterionOwner.objects.filter(pk=row.pk).update(starts_on=min(row.starts_on, last), ends_on=last)
        stop = min(until or date.max, row_end or date.max)
        same = {"unit": unit, "criterion_id": row.criterion_id, "role": row.role}
        had = has.get((row.criterion_id, row.role))
        if had is None or had < stop:
            begins = max(starts_on, row.starts_on, had + DAY if had else starts_on)
            ends = None if stop == date.max else stop
            new_row = {"user_id": new.user_id, "name": new.name, "post": new.post}
            rows.append(CriterionOwner(**same, **new_row, starts_on=begins, ends_on=ends))
            has[row.criterion_id, row.role] = stop
        if until is not None and (row_end is None or row_end > until):
            rows.append(
                CriterionOwner(
                    **same, user_id=old.user_id, name=old.name, post=row.post, starts_on=until + DAY, ends_on=row_end
                )
            )
    CriterionOwner.objects.bulk_create(rows)
    return len(moving)


def _rows_of(unit: Unit, person: Person) -> Any:
    rows = CriterionOwner.objects.filter(unit=unit)
    return rows.filter(user=person.user_id) if person.user_id else rows.filter(user__isnull=True, name=person.name)


def _hold(unit: Unit) -> None:
    """Two changes of one commune's assignment follow one another."""
    Unit.objects.select_for_update(of=("self",)).get(pk=unit.pk)
