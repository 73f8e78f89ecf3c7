"""A shortcoming's life: raised by the team, remedied by the commune, closed or reopened.

While the visit is open findings are drafts of the team; the conclusion publishes them.
Each later step is a `FindingEvent`, and holds the finding's row while it is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from django.db import transaction

from communes import access
from communes.access import predecessors
from communes.models import Unit
from criteria.models import Evidence
from inspections.models import Finding, FindingEvent, FindingQuerySet, Visit
from inspections.planning import Changed, Invalid, lock
from ntm.clock import today

# A date further ahead than this is a slip of the keyboard: a criterion's round lasts five years.
LONGEST_DUE = timedelta(days=5 * 366)


def check_due_day(day: date, visit: Visit) -> str:
    """Why a finding of the visit can't fall due that day; empty when it can."""
    if day < visit.day:
        return f"Thời hạn phải từ ngày kiểm tra ({visit.day:%d/%m/%Y}) trở đi."
    if day > visit.day + LONGEST_DUE:
        return f"Thời hạn {day:%d/%m/%Y} quá xa; tối đa năm năm kể từ ngày kiểm tra."
    return ""


@transaction.atomic
def raise_finding(visit: Visit, fields: Mapping[str, Any], *, by: Any) -> Finding:
    """Note a shortcoming while the visit is open. Raises Closed, PermissionDenied, Invalid."""
    visit = lock(visit)
    access.require(by, "visit.work", visit)
    _check(visit, fields)
    return Finding.objects.create(visit=visit, created_by=by, **fields)


@transaction.atomic
def change_finding(finding: Finding, fields: Mapping[str, Any], *, seen_version: int, by: Any) -> Finding:
    """Change a draft finding. Raises Closed, PermissionDenied, Invalid, Changed."""
    visit = lock(finding.visit)
    access.require(by, "visit.work", visit)
    _check(visit, fields)
    current = Finding.objects.get(pk=finding.pk)
    if current.version != seen_version:
        raise Changed
    for field, value in fields.items():
        setattr(current, field, value)
    current.version += 1
    current.save(update_fields=[*fields, "version"])
    return current


@transaction.atomic
def delete_finding(finding: Finding, *, by: Any) -> None:
    """Delete a draft finding; once the visit is concluded it stays. Raises Closed, PermissionDenied."""
    visit = lock(finding.visit)
    access.require(by, "visit.work", visit)
    Finding.objects.filter(pk=finding.pk).delete()


def _check(visit: Visit, fields: Mapping[str, Any]) -> None:
    errors = {}
    if message := check_due_day(fields["due_on"], visit):
        errors["due_on"] = message
    if fields["criterion"].criteria_set_id != visit.criteria_set_id:
        errors["criterion"] = "Tiêu chí này không thuộc bộ tiêu chí của cuộc kiểm tra."
    indicator = fields["indicator"]
    if indicator is not None and indicator.criterion_id != fields["criterion"].pk:
        errors["indicator"] = "Chỉ tiêu này không thuộc tiêu chí đã chọn."
    if errors:
        raise Invalid(errors)


# --- after the conclusion --------------------------------------------------------------


def _hold(finding: Finding) -> Finding:
    return (
        Finding.objects.select_for_update(of=("self",))
        .select_related("visit__unit", "visit__criteria_set")
        .get(pk=finding.pk)
    )


def _step(
    finding: Finding, kind: str, *, note: str, by: Any, state: str | None = None, visit: Visit | None = None
) -> Finding:
    if state:
        finding.state = state
        finding.version += 1
        finding.save(update_fields=["state", "version"])
    FindingEvent.objects.create(finding=finding, kind=kind, note=note, by=by, visit=visit)
    return finding


def followed(user: Any, place: Unit | None = None) -> FindingQuerySet:
    """The published findings a person follows, the most urgent first: all they see, or those of
    a place, which answers for its predecessors' too.

    Lists, meetings and visits all show findings through this.
    """
    found = Finding.objects.published()
    if place is not None:
        found = found.filter(**{f"visit__unit__{place.level}__in": {place.pk} | predecessors([place.pk])})
    named = ("visit__unit__district", "visit__criteria_set", "criterion", "indicator", "department")
    visible: Any = found.visible_to(user)
    return visible.select_related(*named).order_by("due_on", "pk")


def left_by_earlier_visits(user: Any, visit: Visit) -> FindingQuerySet:
    """What earlier visits to the unit (or a predecessor) found and nobody has closed yet."""
    return followed(user, visit.unit).unsettled().exclude(visit=visit)


@transaction.atomic
def remedy(finding: Finding, *, note: str, evidence: Iterable[Evidence], by: Any) -> Finding:
    """The commune (or the one it was merged into) reports that it has remedied the shortcoming,
    with proof where it has any.

    Raises PermissionDenied, Invalid for evidence that isn't its own or is out of use.
    """
    finding = _hold(finding)
    access.require(by, "finding.remedy", finding)
    proof = list(evidence)
    holders = holders_of_proof(finding, by) if proof else set()
    if any(item.unit_id not in holders or item.retired_at for item in proof):
        raise Invalid({"evidence": "Chỉ chọn minh chứng đang sử dụng của xã."})
    finding.evidence.add(*proof)
    return _step(finding, FindingEvent.Kind.REMEDIED, note=note, by=by, state=Finding.State.REMEDIED)


def holders_of_proof(finding: Finding, by: Any) -> set[int]:
    """Units whose documents may prove a remedy: the one inspected, and the one that answers for it now."""
    return {finding.visit.unit_id} | access.answering_units(by, finding.visit.unit)


@transaction.atomic
def close(finding: Finding, *, note: str, by: Any) -> Finding:
    """The inspecting side confirms the remedy. Raises PermissionDenied, Invalid."""
    finding = _hold(finding)
    access.require(by, "finding.close", finding)
    if finding.state == Finding.State.CLOSED:
        raise Invalid({"note": "Tồn tại này đã được xác nhận khắc phục."})
    return _step(finding, FindingEvent.Kind.CLOSED, note=note, by=by, state=Finding.State.CLOSED)


@transaction.atomic
def reopen(finding: Finding, *, note: str, by: Any) -> Finding:
    """The inspecting side asks for the remedy again, with a reason. Raises PermissionDenied, Invalid."""
    finding = _hold(finding)
    access.require(by, "finding.close", finding)
    if finding.state == Finding.State.OPEN:
        raise Invalid({"note": "Tồn tại này đang ở trạng thái chưa khắc phục."})
    if not note:
        raise Invalid({"note": "Nêu lý do yêu cầu khắc phục lại."})
    return _step(finding, FindingEvent.Kind.REOPENED, note=note, by=by, state=Finding.State.OPEN)


@transaction.atomic
def slip(finding: Finding, *, due_on: date, note: str, by: Any) -> Finding:
    """Move the due date, with a reason; every earlier date is kept. Raises PermissionDenied, Invalid."""
    finding = _hold(finding)
    access.require(by, "finding.close", finding)
    errors = {}
    if finding.state == Finding.State.CLOSED:
        errors["due_on"] = "Tồn tại này đã được xác nhận khắc phục, không lùi thời hạn nữa."
    elif due_on <= finding.due_on:
        errors["due_on"] = f"Thời hạn mới phải sau thời hạn hiện nay ({finding.due_on:%d/%m/%Y})."
    elif due_on < today():
        errors["due_on"] = "Thời hạn mới phải từ hôm nay trở đi."
    elif message := check_due_day(due_on, finding.visit):
        errors["due_on"] = message
    if not note:
        errors["note"] = "Nêu lý do lùi thời hạn."
    if errors:
        raise Invalid(errors)
    FindingEvent.objects.create(
        finding=finding,
        kind=FindingEvent.Kind.SLIPPED,
        note=note,
        old_due_on=finding.due_on,
        new_due_on=due_on,
        by=by,
    )
    finding.due_on = due_on
    finding.version += 1
    finding.save(update_fields=["due_on", "version"])
    return finding


@transaction.atomic
def comment(finding: Finding, *, note: str, by: Any) -> Finding:
    """The department that answers for the criterion, or a team at the unit, comments. Raises PermissionDenied."""
    finding = _hold(finding)
    access.require(by, "finding.comment", finding)
    return _step(finding, FindingEvent.Kind.COMMENTED, note=note, by=by)


# --- seen again by a later visit -------------------------------------------------------


@transaction.atomic
def recheck(finding: Finding, visit: Visit, *, is_remedied: bool, note: str, by: Any) -> Finding:
    """The team of a later visit records what has become of an earlier finding.

    Remedied closes it; not remedied leaves it open, or reopens what the commune reported as
    remedied, with a reason. It takes effect at once, not with the visit's conclusion: it is the
    end of the earlier visit's matter, not a result of this one. Only a team of the finding's own
    stage may. Raises Closed, PermissionDenied, Invalid.
    """
    visit = lock(visit)
    finding = _hold(finding)
    access.require(by, "visit.recheck", (visit, finding))
    if finding.visit.unit_id not in {visit.unit_id} | predecessors([visit.unit_id]):
        raise Invalid({"note": "Tồn tại này không phải của xã đang kiểm tra."})
    if finding.state == Finding.State.CLOSED:
        raise Invalid({"note": "Tồn tại này đã được xác nhận khắc phục."})
    if is_remedied:
        return _step(finding, FindingEvent.Kind.CLOSED, note=note, by=by, state=Finding.State.CLOSED, visit=visit)
    if not note:
        raise Invalid({"note": "Nêu còn thiếu gì, hoặc vì sao chưa khắc phục."})
    if finding.state == Finding.State.REMEDIED:
        return _step(finding, FindingEvent.Kind.REOPENED, note=note, by=by, state=Finding.State.OPEN, visit=visit)
    return _step(finding, FindingEvent.Kind.CHECKED, note=note, by=by, visit=visit)
