"""Making reporting periods, closing and reopening them: each step, who may take it, what it leaves.

A closed period's figures are the state on its last day as known at `closed_at`, so nothing is
copied and nothing changes them any more (DESIGN §4). Reopening gives them up; the steps stay.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, Model, OuterRef
from django.utils import timezone

from communes import access
from communes.models import Unit
from criteria.models import (
    PeriodStep,
    PeriodText,
    Plan,
    Recognition,
    Registration,
    ReportingPeriod,
    Standing,
    Submission,
    SupplementaryReturn,
)
from criteria.periods import MONTHS, suggested_name
from ntm.clock import today

FIRST_YEAR = 2010  # the programme of new rural areas began
YEARS_AHEAD = 5
FURTHEST = timedelta(days=366)  # between the end of a period and the day it is due


class PeriodRefused(Exception):
    """A step the period's state doesn't allow, with the reason; nothing was done."""


class Invalid(Exception):
    """A period that can't be so; messages by field."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors


# --- the calendar ----------------------------------------------------------------------


@transaction.atomic
def create(area: Unit, *, kind: str, name: str, ends_on: date, due_on: date, by: Any) -> ReportingPeriod:
    """A period of the area; without a name it gets the usual one. Raises PermissionDenied, Invalid."""
    access.require(by, "period.create", area)
    _hold(area)
    period = ReportingPeriod(area=area, kind=kind, ends_on=ends_on, due_on=due_on)
    _name_and_check(period, name)
    period.save()
    return period


@transaction.atomic
def change(period: ReportingPeriod, *, kind: str, name: str, ends_on: date, due_on: date, by: Any) -> ReportingPeriod:
    """Raises PermissionDenied, Invalid; PeriodRefused where it can't be changed any more (`why_fixed`)."""
    access.require(by, "period.change", period)
    _hold(period.area)
    period = _changeable(period)
    if name == suggested_name(period.kind, period.ends_on):
        name = ""  # the usual name follows the kind and the day
    period.kind, period.ends_on, period.due_on = kind, ends_on, due_on
    _name_and_check(period, name)
    period.save()
    return period


@transaction.atomic
def delete(period: ReportingPeriod, *, by: Any) -> None:
    """Raises PermissionDenied; PeriodRefused (`why_fixed`)."""
    access.require(by, "period.change", period)
    _changeable(period).delete()


def year_ends(kind: str, year: int) -> list[date]:
    """The last days of a kind's periods in a year: twelve months, four quarters, two halves, the year."""
    step = MONTHS[ReportingPeriod.Kind(kind)]
    firsts = [date(year + month // 12, month % 12 + 1, 1) for month in range(step, 13, step)]
    return [first - timedelta(days=1) for first in firsts]


@transaction.atomic
def create_year(
    area: Unit, year: int, kinds: Collection[str], days_until_due: int, *, by: Any
) -> list[ReportingPeriod]:
    """The year's calendar: the periods of these kinds, each due so many days after it ends, apart from
    those already overdue, which nobody works for any more, and those of which the area has one of the
    kind ending in the same month. Raises PermissionDenied."""
    access.require(by, "period.create", area)
    _hold(area)
    known = {
        (kind, day.year, day.month)
        for kind, day in ReportingPeriod.objects.filter(area=area).values_list("kind", "ends_on")
    }
    new = [
        ReportingPeriod(area=area, kind=kind, name=suggested_name(kind, day), ends_on=day, due_on=due)
        for kind in kinds
        for day in year_ends(kind, year)
        if (due := day + timedelta(days=days_until_due)) >= today() and (kind, day.year, day.month) not in known
    ]
    return ReportingPeriod.objects.bulk_create(new)


def why_fixed(period: ReportingPeriod) -> str:
    """Why a period can't be changed or deleted any more; "" where it can. One query at most."""
    if period.closed_at is not None:
        return "Kỳ đã khóa nên không sửa, không xóa được."
    of_it = {"period": OuterRef("pk")}
    sent, filled_in, written, stepped = (
        ReportingPeriod.objects.filter(pk=period.pk)
        .values_list(
            *(
                Exists(model._default_manager.filter(**of_it))
                for model in (Submission, SupplementaryReturn, PeriodText, PeriodStep)
            )
        )
        .get()
    )
    if sent:
        return "Đã có xã gửi kết quả cho kỳ này nên không sửa, không xóa được."
    if filled_in or written:
        return "Đã có xã nhập báo cáo kỳ này (biểu bổ sung, nội dung) nên không sửa, không xóa được."
    if stepped:
        return "Kỳ đã từng khóa rồi mở lại; lịch sử phải giữ nên không sửa, không xóa được."
    return ""


def _hold(area: Unit) -> None:
    """Two who make the same period at once do it one after the other."""
    Unit.objects.select_for_update(of=("self",)).get(pk=area.pk)


def _changeable(period: ReportingPeriod) -> ReportingPeriod:
    """The period as it is now, held until the transaction ends: a sending that names it has to wait."""
    current = _held(period)
    reason = why_fixed(current)
    if reason:
        raise PeriodRefused(reason)
    return current


def _name_and_check(period: ReportingPeriod, name: str) -> None:
    period.name = name or suggested_name(period.kind, period.ends_on)
    errors = {}
    if not FIRST_YEAR <= period.ends_on.year <= today().year + YEARS_AHEAD:
        errors["ends_on"] = f"Nhập ngày từ năm {FIRST_YEAR} đến năm {today().year + YEARS_AHEAD}."
    if abs(period.due_on - period.ends_on) > FURTHEST:
        errors["due_on"] = "Hạn gửi cách ngày kết thúc kỳ quá một năm; kiểm tra lại năm."
    same = ReportingPeriod.objects.filter(area=period.area_id, kind=period.kind, ends_on=period.ends_on)
    found = same.exclude(pk=period.pk).first()
    if found is not None:
        errors["ends_on"] = f"Đã có kỳ cùng loại kết thúc ngày này: {found.name}."
    if errors:
        raise Invalid(errors)


# --- closing and reopening -------------------------------------------------------------


@transaction.atomic
def close(period: ReportingPeriod, *, by: Any) -> ReportingPeriod:
    """Khóa kỳ: from now on its figures are what is known at this moment.

    Raises PermissionDenied; PeriodRefused where it is closed already (the second click, or of two
    people the later) or hasn't ended.
    """
    access.require(by, "period.close", period)
    _wait_for_what_is_recorded()
    period = _held(period)
    if period.closed_at is not None:
        last = period.steps.select_related("by").last()
        who = f", {last.by}" if last else ""
        raise PeriodRefused(f"Kỳ này đã khóa lúc {timezone.localtime(period.closed_at):%H:%M %d/%m/%Y}{who}.")
    if period.ends_on > today():
        raise PeriodRefused(f"Kỳ chưa kết thúc: khóa được từ ngày {period.ends_on:%d/%m/%Y}.")
    period.closed_at = timezone.now()
    period.save(update_fields=["closed_at"])
    PeriodStep.objects.create(period=period, kind=PeriodStep.Kind.CLOSED, by=by, at=period.closed_at)
    return period


@transaction.atomic
def reopen(period: ReportingPeriod, reason: str, *, by: Any) -> ReportingPeriod:
    """Mở lại: the figures follow again what is entered; closing anew fixes them anew.

    Raises PermissionDenied; PeriodRefused where it is open or no reason is given.
    """
    access.require(by, "period.reopen", period)
    period = _held(period)
    if period.closed_at is None:
        raise PeriodRefused("Kỳ này đang mở.")
    if not reason.strip():
        raise PeriodRefused("Nêu lý do mở lại kỳ báo cáo.")
    period.closed_at = None
    period.save(update_fields=["closed_at"])
    PeriodStep.objects.create(period=period, kind=PeriodStep.Kind.REOPENED, reason=reason.strip(), by=by)
    return period


def _held(period: ReportingPeriod) -> ReportingPeriod:
    """The row as it is now, until the transaction ends. Raises PeriodRefused where it was deleted meanwhile."""
    held = ReportingPeriod.objects.select_for_update(of=("self",)).select_related("area").filter(pk=period.pk).first()
    if held is None:
        raise PeriodRefused("Kỳ báo cáo này vừa được xóa.")
    return held


RECORDED = (Standing, Plan, Registration, Recognition)  # no transaction writes two of them in another order


def _wait_for_what_is_recorded() -> None:
    """Let everything being recorded end, and what comes next wait until the period is closed.

    What began before the closing and ended after it would change figures that are reported. Who publishes
    holds a Standing row from before `recorded_at` is taken until the commit (decision 0002), or it isn't
    there yet; for the others there is `keep_open`. On SQLite a transaction that writes is alone already.
    """
    for model in RECORDED:
        _lock(model, "EXCLUSIVE")


def keep_open(model: type[Model]) -> None:
    """Keep every period from being closed until the transaction ends, which will write to the model. Called
    before the time is taken that is written."""
    _lock(model, "ROW EXCLUSIVE")


def _lock(model: type[Model], mode: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {model._meta.db_table} IN {mode} MODE")
