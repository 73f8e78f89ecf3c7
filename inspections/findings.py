"""A shortcoming's life: raised by the team, remedied by the commune, closed or reopened.

While the visit is open findings are drafts of the team; the conclusion publishes them.
Each later step is a `FindingEvent`, and holds the finding's row while it is taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import transaction

from communes import access
from communes.access import predecessors
from communes.models import Unit
from criteria.models import Evidence
from criteria.state import Moment
from inspections.models import Finding, FindingEvent, FindingQuerySet, Visit
from inspections.planning import Changed, Invalid, lock
from ntm.clock import today

State, Kind = Finding.State, FindingEvent.Kind


class OutOfStep(Exception):
    """A step the finding can't take as it stands now, or one taken on what has changed since it was read."""


@dataclass(frozen=True, slots=True)
class Transition:
    """From which states a step leads to which (None: the state stays), and the event it leaves.
    `needs` says what must have happened before, for who comes too early or too late."""

    begins: frozenset[str]
    ends: str | None
    kind: str
    needs: str


# Every way a published finding may go (DESIGN §4): remedied by the commune, then closed or reopened
# by the inspecting side. A team at the unit sees for itself, so it may confirm what was never reported.
TRANSITIONS = {
    "remedy": Transition(
        frozenset({State.OPEN}), State.REMEDIED, Kind.REMEDIED, "Chỉ báo khắc phục khi tồn tại chưa khắc phục."
    ),
    "close": Transition(
        frozenset({State.REMEDIED}), State.CLOSED, Kind.CLOSED, "Chỉ xác nhận sau khi xã đã báo khắc phục."
    ),
    "reopen": Transition(
        frozenset({State.REMEDIED, State.CLOSED}),
        State.OPEN,
        Kind.REOPENED,
        "Chỉ yêu cầu khắc phục lại sau khi xã đã báo khắc phục.",
    ),
    "slip": Transition(
        frozenset({State.OPEN, State.REMEDIED}), None, Kind.SLIPPED, "Không lùi thời hạn khi đã xác nhận khắc phục."
    ),
    "seen_remedied": Transition(
        frozenset({State.OPEN, State.REMEDIED}), State.CLOSED, Kind.CLOSED, "Tồn tại này đã được xác nhận khắc phục."
    ),
    "seen_undone": Transition(
        frozenset({State.REMEDIED}), State.OPEN, Kind.REOPENED, "Tồn tại này đã được xác nhận khắc phục."
    ),
    "seen_open": Transition(frozenset({State.OPEN}), None, Kind.CHECKED, "Tồn tại này đã được xác nhận khắc phục."),
}


# The steps after which a finding stands otherwise than before.
STATE_AFTER = {step.kind: step.ends for step in TRANSITIONS.values() if step.ends is not None}


def may_follow(step: str, finding: Finding) -> bool:
    """Whether the finding's state allows the step; who may take it is `communes.access`'s."""
    return finding.state in TRANSITIONS[step].begins


# A date further ahead than this is a slip of the keyboard: a criterion's round lasts five years.
LONGEST_DUE = timedelta(days=5 * 366)


def check_due_day(day: date, first: date, event: str = "ngày kiểm tra") -> str:
    """Why what was found on the `first` day can't fall due that day; empty when it can."""
    if day < first:
        return f"Thời hạn phải từ {event} ({first:%d/%m/%Y}) trở đi."
    if day > first + LONGEST_DUE:
        return f"Thời hạn {day:%d/%m/%Y} quá xa; tối đa năm năm kể từ {event}."
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
    if message := check_due_day(fields["due_on"], visit.day):
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


def _check_step(step: str, finding: Finding, seen_version: int | None) -> Transition:
    """The step's transition; raises OutOfStep where the held finding isn't what its person saw, or
    stands where the step doesn't begin."""
    state = f"Hiện nay: “{finding.get_state_display()}”, thời hạn {finding.due_on:%d/%m/%Y}."
    if finding.version != seen_version:
        raise OutOfStep(f"Tồn tại này đã thay đổi từ lúc bạn mở trang. {state} Xem lại quá trình xử lý rồi làm lại.")
    transition = TRANSITIONS[step]
    if not may_follow(step, finding):
        raise OutOfStep(f"{transition.needs} {state}")
    return transition


def _take(transition: Transition, finding: Finding, *, note: str, by: Any, visit: Visit | None = None) -> Finding:
    if transition.ends is not None:
        finding.state = transition.ends
        finding.version += 1
        finding.save(update_fields=["state", "version"])
    FindingEvent.objects.create(finding=finding, kind=transition.kind, note=note, by=by, visit=visit)
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


def as_at(findings: Iterable[Finding], moment: Moment) -> list[Finding]:
    """The findings as they stood at a moment: copies, for showing, with that day's state and due date.

    One existed from the day of its visit on, once that is known to be concluded (`Moment.knows`). State and
    due date follow from the steps taken until then. The findings come with their visits. One query.
    """
    there = [
        finding
        for finding in findings
        if finding.visit.is_concluded and finding.visit.day <= moment.day and moment.knows(finding.visit.concluded_at)
    ]
    steps: dict[int, list[FindingEvent]] = defaultdict(list)
    kinds = [*STATE_AFTER, Kind.SLIPPED]
    for step in FindingEvent.objects.filter(finding__in=[it.pk for it in there], kind__in=kinds).order_by("at", "pk"):
        steps[step.finding_id].append(step)
    found = []
    for finding in map(copy, there):
        taken = [step for step in steps[finding.pk] if step.at <= moment.ends_at]
        moved = [step for step in taken if step.kind in STATE_AFTER]
        finding.state = STATE_AFTER[moved[-1].kind] if moved else State.OPEN
        later = [step for step in steps[finding.pk] if step.at > moment.ends_at and step.kind == Kind.SLIPPED]
        if later:
            finding.due_on = later[0].old_due_on  # type: ignore[assignment]
        found.append(finding)
    return found


def left_by_earlier_visits(user: Any, visit: Visit) -> FindingQuerySet:
    """What earlier visits to the unit (or a predecessor) found and nobody has closed yet."""
    return followed(user, visit.unit).unsettled().exclude(visit=visit)


@transaction.atomic
def remedy(finding: Finding, *, note: str, evidence: Iterable[Evidence], seen_version: int | None, by: Any) -> Finding:
    """The commune (or the one it was merged into) reports that it has remedied the shortcoming,
    with proof where it has any.

    Raises PermissionDenied, OutOfStep, Invalid for evidence that isn't its own or is out of use.
    """
    finding = _hold(finding)
    access.require(by, "finding.remedy", finding)
    transition = _check_step("remedy", finding, seen_version)
    proof = list(evidence)
    holders = holders_of_proof(finding, by) if proof else set()
    if any(item.unit_id not in holders or item.retired_at for item in proof):
        raise Invalid({"evidence": "Chỉ chọn minh chứng đang sử dụng của xã."})
    finding.evidence.add(*proof)
    return _take(transition, finding, note=note, by=by)


def holders_of_proof(finding: Finding, by: Any) -> set[int]:
    """Units whose documents may prove a remedy: the one inspected, and the one that answers for it now."""
    return {finding.visit.unit_id} | access.answering_units(by, finding.visit.unit)


@transaction.atomic
def close(finding: Finding, *, note: str, seen_version: int | None, by: Any) -> Finding:
    """The inspecting side confirms the remedy the commune reported. Raises PermissionDenied, OutOfStep."""
    finding = _hold(finding)
    access.require(by, "finding.close", finding)
    return _take(_check_step("close", finding, seen_version), finding, note=note, by=by)


@transaction.atomic
def reopen(finding: Finding, *, note: str, seen_version: int | None, by: Any) -> Finding:
    """The inspecting side asks for the remedy again, with a reason. Raises PermissionDenied, OutOfStep, Invalid."""
    finding = _hold(finding)
    access.require(by, "finding.close", finding)
    transition = _check_step("reopen", finding, seen_version)
    if not note:
        raise Invalid({"note": "Nêu lý do yêu cầu khắc phục lại."})
    return _take(transition, finding, note=note, by=by)


@transaction.atomic
def slip(finding: Finding, *, due_on: date, note: str, seen_version: int | None, by: Any) -> Finding:
    """Move the due date, with a reason; every earlier date is kept. Raises PermissionDenied, OutOfStep, Invalid."""
    finding = _hold(finding)
    access.require(by, "finding.close", finding)
    transition = _check_step("slip", finding, seen_version)
    errors = {}
    if due_on <= finding.due_on:
        errors["due_on"] = f"Thời hạn mới phải sau thời hạn hiện nay ({finding.due_on:%d/%m/%Y})."
    elif due_on < today():
        errors["due_on"] = "Thời hạn mới phải từ hôm nay trở đi."
    elif message := check_due_day(due_on, finding.visit.day):
        errors["due_on"] = message
    if not note:
        errors["note"] = "Nêu lý do lùi thời hạn."
    if errors:
        raise Invalid(errors)
    FindingEvent.objects.create(
        finding=finding,
        kind=transition.kind,
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
    FindingEvent.objects.create(finding=finding, kind=Kind.COMMENTED, note=note, by=by)
    return finding


# --- seen again by a later visit -------------------------------------------------------


@transaction.atomic
def recheck(
    finding: Finding, visit: Visit, *, is_remedied: bool, note: str, seen_version: int | None, by: Any
) -> Finding:
    """The team of a later visit records what has become of an earlier finding.

    Remedied closes it; not remedied leaves it open, or reopens what the commune reported as
    remedied, with a reason. It takes effect at once, not with the visit's conclusion: it is the
    end of the earlier visit's matter, not a result of this one. Only a team of the finding's own
    stage may. Raises Closed, PermissionDenied, OutOfStep, Invalid.
    """
    visit = lock(visit)
    finding = _hold(finding)
    access.require(by, "visit.recheck", (visit, finding))
    if finding.visit.unit_id not in {visit.unit_id} | predecessors([visit.unit_id]):
        raise Invalid({"note": "Tồn tại này không phải của xã đang kiểm tra."})
    step = "seen_remedied" if is_remedied else "seen_undone" if finding.state == State.REMEDIED else "seen_open"
    transition = _check_step(step, finding, seen_version)
    if not is_remedied and not note:
        raise Invalid({"note": "Nêu còn thiếu gì, hoặc vì sao chưa khắc phục."})
    return _take(transition, finding, note=note, by=by, visit=visit)
