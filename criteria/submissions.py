"""From "Đã xong tiêu chí này" to the level above's receipt: each step, who may take it, what it leaves.

| step | from | to | who |
|---|---|---|---|
| finish a criterion | being drafted | waiting for the leader | who answers for it |
| take that back, or change a row | waiting for the leader | being drafted | who answers for it |
| send (`criteria.publish.send`) | either | sent | the leader, or who may send |
| say that nothing has changed | nothing waits | sent | these |
| receive | sent | received | district staff, the coordinator |
| return, naming indicators | sent, received, returned | returned | these |
| return some of one's own criteria | sent, received, returned | as it was | a department |

Several offices look at one sending: each may return what it misses, an indicator once. A
department's return leaves the rest with the district, which still receives or returns it. What is
corrected comes with a new sending. What was sent stays published whatever follows; areas never
see a draft.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.db import transaction
from django.utils import timezone

from communes import access
from communes.models import Unit
from criteria.models import (
    CriteriaSet,
    Criterion,
    EvidenceLink,
    FinishedCriterion,
    Indicator,
    ReportingPeriod,
    ReturnedIndicator,
    Revision,
    Source,
    Submission,
    SubmissionStep,
)
from criteria.periods import open_period
from criteria.publish import fingerprints, lock_standing, unsent_entries, unsent_links
from criteria.verdicts import Stage
from criteria.wordings import worded
from ntm.clock import today

State = Submission.State


class Step(Enum):
    """What an office does with a sending, and the kind of step it is kept as."""

    RECEIVE = "receive"
    RETURN = "return"
    DEPARTMENT_RETURN = "department_return"

    @property
    def kind(self) -> SubmissionStep.Kind:
        return SubmissionStep.Kind.RECEIVED if self == Step.RECEIVE else SubmissionStep.Kind.RETURNED


TRANSITIONS = {
    (State.SENT, Step.RECEIVE): State.RECEIVED,
    (State.SENT, Step.RETURN): State.RETURNED,
    # Another office names what it misses besides.
    (State.RETURNED, Step.RETURN): State.RETURNED,
    (State.RECEIVED, Step.RETURN): State.RETURNED,
    # A department speaks for its own criteria only.
    **{(state, Step.DEPARTMENT_RETURN): state for state in State},
}


class StepRefused(Exception):
    """A step the sending's state doesn't allow, with the reason; nothing was done."""


# --- before the sending ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Waiting:
    """What of one criterion waits to be sent. `seen`: its fingerprint; `finished`: its owner's word, if
    given; `is_changed_since`: whether something was changed after that."""

    criterion: int
    seen: str
    finished: FinishedCriterion | None

    @property
    def is_changed_since(self) -> bool:
        return self.finished is not None and self.finished.seen != self.seen


def waiting(unit: Unit, criteria_set: CriteriaSet) -> dict[int, Waiting]:
    """What waits to be sent, by criterion id, also criteria only said to be finished. Three queries."""
    entries = [(entry.indicator.criterion_id, entry) for entry in _drafts(unit, criteria_set)]
    links = list(unsent_links(unit, criteria_set).order_by("pk").values_list("indicator__criterion_id", "pk"))
    seen = fingerprints(entries, links)
    finished = {
        row.criterion_id: row
        for row in FinishedCriterion.objects.filter(
            unit=unit, criterion__criteria_set=criteria_set, ended_at__isnull=True
        ).select_related("by")
    }
    return {
        criterion: Waiting(criterion, seen.get(criterion, ""), finished.get(criterion))
        for criterion in seen.keys() | finished.keys()
    }


def _drafts(unit: Unit, criteria_set: CriteriaSet) -> Iterable[Any]:
    return unsent_entries(unit, criteria_set).select_related("indicator").order_by("pk")


@transaction.atomic
def finish(unit: Unit, criterion: Criterion, *, by: Any) -> FinishedCriterion:
    """Đã xong tiêu chí này: whoever answers for it says so; saying it again says it of what stands now.

    Raises PermissionDenied; StepRefused where nothing of it waits to be sent.
    """
    access.require(by, "criterion.enter", (unit, criterion))
    Unit.objects.select_for_update(of=("self",)).get(pk=unit.pk)  # two at once say it one after the other
    now = timezone.now()
    current = FinishedCriterion.objects.filter(unit=unit, criterion=criterion, ended_at__isnull=True)
    found = waiting(unit, criterion.criteria_set).get(criterion.pk)
    if found is None or not found.seen:
        raise StepRefused("Tiêu chí này không có gì mới để gửi: kết quả và minh chứng đã gửi hết.")
    stands = current.filter(seen=found.seen).first()
    if stands is not None:
        return stands
    current.update(ended_at=now)
    return FinishedCriterion.objects.create(unit=unit, criterion=criterion, by=by, at=now, seen=found.seen)


@transaction.atomic
def take_back(unit: Unit, criterion: Criterion, *, by: Any) -> None:
    """The criterion isn't finished after all. Raises PermissionDenied."""
    access.require(by, "criterion.enter", (unit, criterion))
    FinishedCriterion.objects.filter(unit=unit, criterion=criterion, ended_at__isnull=True).update(
        ended_at=timezone.now()
    )


def period_to_confirm(unit: Unit, criteria_set: CriteriaSet) -> ReportingPeriod:
    """The open period for which the unit may say "Không có gì thay đổi".

    Raises StepRefused where none is open, it has sent for it, something waits to be sent or to be
    completed, or nothing was ever assessed.
    """
    period = open_period(unit)
    if period is None:
        raise StepRefused("Không có kỳ báo cáo nào đang mở.")
    own = Submission.objects.filter(unit=unit, criteria_set=criteria_set, sent_at__isnull=False)
    if own.covering(period).exists():
        raise StepRefused(f"Xã đã gửi cho kỳ {period.name}.")
    if unsent_entries(unit, criteria_set).exists() or unsent_links(unit, criteria_set).exists():
        raise StepRefused("Có kết quả hoặc minh chứng chưa gửi; xem lại và gửi.")
    if returned(unit, criteria_set):
        raise StepRefused("Còn chỉ tiêu bị trả lại chưa bổ sung.")
    if not Revision.objects.valid().filter(unit=unit, indicator__criterion__criteria_set=criteria_set).exists():
        raise StepRefused("Xã chưa gửi kết quả lần nào; nhập kết quả rồi gửi.")
    return period


@transaction.atomic
def confirm_unchanged(unit: Unit, criteria_set: CriteriaSet, *, by: Any) -> Submission:
    """Không có gì thay đổi: the unit's word for the open period, a sending without criteria that the
    level above receives like any other. Raises PermissionDenied, StepRefused (`period_to_confirm`)."""
    access.require(by, "submission.send", unit)
    lock_standing(unit, criteria_set, Stage.SELF)
    period = period_to_confirm(unit, criteria_set)
    return Submission.objects.create(
        unit=unit, criteria_set=criteria_set, period=period, sent_by=by, sent_at=timezone.now()
    )


# --- after it --------------------------------------------------------------------------


@transaction.atomic
def receive(submission: Submission, *, by: Any, note: str = "") -> Submission:
    """Tiếp nhận. Raises PermissionDenied, StepRefused."""
    submission = _held(submission)
    access.require(by, "submission.receive", submission)
    return _step(submission, Step.RECEIVE, by, note)


@transaction.atomic
def return_(submission: Submission, reasons: Mapping[int, str], *, by: Any, note: str = "") -> Submission:
    """Trả lại để bổ sung: `reasons` by indicator id, each of the sending's own and, for a department,
    of its own criteria.

    Raises PermissionDenied; StepRefused where nothing is named, an indicator isn't of the sending
    or the person's, or the commune has sent it anew meanwhile.
    """
    submission = _held(submission)
    access.require(by, "submission.return", submission)
    if not reasons:
        raise StepRefused("Chọn ít nhất một chỉ tiêu cần bổ sung và nêu lý do.")
    rows = {row.indicator.pk: row for row in sent(submission, by)}
    if reasons.keys() - rows.keys():
        raise StepRefused("Có chỉ tiêu không thuộc lần gửi này hoặc không thuộc tiêu chí bạn phụ trách.")
    newer = newer_sendings(submission, reasons)
    if newer:
        codes = ", ".join(sorted(rows[indicator].indicator.code for indicator in newer))
        raise StepRefused(f"Xã đã gửi lại chỉ tiêu {codes} sau lần gửi này; hãy xem lần gửi mới.")
    named = submission.returned.filter(indicator__in=list(reasons)).select_related("indicator")
    if named:
        codes = ", ".join(sorted(row.indicator.code for row in named))
        raise StepRefused(f"Chỉ tiêu {codes} đã được trả lại trước đó.")
    ReturnedIndicator.objects.bulk_create(
        ReturnedIndicator(submission=submission, indicator_id=indicator, reason=reason, by=by)
        for indicator, reason in reasons.items()
    )
    speaks_for_all = access.can(by, "submission.receive", submission)
    return _step(submission, Step.RETURN if speaks_for_all else Step.DEPARTMENT_RETURN, by, note)


def _held(submission: Submission) -> Submission:
    return (
        Submission.objects.select_for_update(of=("self",)).select_related("unit", "criteria_set").get(pk=submission.pk)
    )


def _step(submission: Submission, step: Step, by: Any, note: str) -> Submission:
    state = TRANSITIONS.get((State(submission.state), step))
    if state is None:
        last = submission.steps.select_related("by").last()
        at = f" lúc {timezone.localtime(last.at):%H:%M %d/%m/%Y}, {last.by}" if last else ""
        raise StepRefused(f"Lần gửi này {submission.get_state_display().lower()}{at}; không thực hiện lại.")
    SubmissionStep.objects.create(submission=submission, kind=step.kind, note=note, by=by)
    submission.state = state
    submission.save(update_fields=["state"])
    return submission


def steps_for(submission: Submission, user: Any) -> list[SubmissionStep]:
    """A sending's steps; a department reads the words of another office with them only where all that
    office returned is of the department's own criteria. Two queries besides the person's roles."""
    steps = list(submission.steps.select_related("by"))
    own = access.visible_criteria(user)
    if own is None:
        return steps
    concerned: dict[int, set[int]] = defaultdict(set)
    for by, criterion in submission.returned.order_by().values_list("by", "indicator__criterion"):
        concerned[by].add(criterion)
    for step in steps:
        about = concerned[step.by_id]
        is_about_own = step.kind == SubmissionStep.Kind.RETURNED and about and about <= own
        if step.by_id != user.pk and not is_about_own:
            step.note = ""
    return steps


def sent_rows(submission: Submission, user: Any) -> list[Revision]:
    """The results a sending published, in the set's order, as far as the person may see them. One query."""
    return list(
        Revision.objects.visible_to(user)
        .filter(source=Source.SUBMISSION, source_ref=str(submission.pk))
        .select_related("indicator__criterion")
        .order_by("indicator__criterion__number", "indicator__position", "pk")
    )


@dataclass(frozen=True, slots=True)
class Sent:
    """One indicator of a sending: the result it changed (None: only documents came), the documents
    that came with it as far as the person may see them."""

    indicator: Indicator
    result: Revision | None
    documents: list[EvidenceLink]


def sent(submission: Submission, user: Any) -> list[Sent]:
    """What a sending brought, by indicator in the set's order, as far as the person may see it. Four
    queries at most."""
    results = {row.indicator_id: row for row in sent_rows(submission, user)}
    allowed = access.visible_criteria(user)
    ties = EvidenceLink.objects.filter(submission=submission)
    if allowed is not None:
        ties = ties.filter(indicator__criterion__in=allowed)
    seen = set(ties.visible_to(user).order_by().values_list("pk", flat=True))
    documents: dict[int, list[EvidenceLink]] = defaultdict(list)
    indicators = {row.indicator_id: row.indicator for row in results.values()}
    for tie in ties.select_related("indicator__criterion", "evidence").order_by("pk"):
        indicators.setdefault(tie.indicator_id, tie.indicator)
        if tie.pk in seen:
            documents[tie.indicator_id].append(tie)
    worded(indicators.values(), submission.criteria_set, timezone.localdate(submission.sent_at))
    ordered = sorted(indicators.values(), key=lambda item: (item.criterion.number, item.position, item.pk))
    return [Sent(item, results.get(item.pk), documents[item.pk]) for item in ordered]


def newer_sendings(submission: Submission, indicators: Iterable[int]) -> set[int]:
    """Which of the indicators the unit has sent anew after this sending, results or documents."""
    later = list(Submission.objects.filter(unit=submission.unit_id, pk__gt=submission.pk).values_list("pk", flat=True))
    wanted = list(indicators)
    results = Revision.objects.filter(
        unit=submission.unit_id,
        indicator__in=wanted,
        source=Source.SUBMISSION,
        source_ref__in=[str(pk) for pk in later],
    ).values_list("indicator_id", flat=True)
    documents = EvidenceLink.objects.filter(submission__in=later, indicator__in=wanted).order_by()
    return set(results) | set(documents.values_list("indicator_id", flat=True))


def returned(unit: Unit, criteria_set: CriteriaSet) -> list[ReturnedIndicator]:
    """What came back and isn't sent anew yet, in the set's order. One query."""
    return list(
        ReturnedIndicator.objects.filter(
            submission__unit=unit, submission__criteria_set=criteria_set, settled_by__isnull=True
        ).select_related("indicator__criterion", "by")
    )


# --- an area's communes ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CommuneSending:
    """One commune, a set and a period: its last sending that covers the period (None: none yet), how
    many criteria it has sent in all of these, and, whatever set and period they were sent for, the
    sendings that still wait to be received, the oldest first."""

    unit_id: int
    name: str
    submission: Submission | None
    waiting: list[Submission]
    criteria: int

    @property
    def is_late(self) -> bool:
        """Chưa gửi."""
        return self.submission is None


def area_sendings(
    area: Unit, criteria_set: CriteriaSet, period: ReportingPeriod | None, user: Any
) -> list[CommuneSending]:
    """Who of the area's rural communes has sent for the period (without one: ever) and who hasn't; what
    of theirs waits to be received: as far as the person sees their sendings, a department those with a
    criterion of its own. Home and the list count these rows. Four queries besides the person's roles."""
    communes = list(
        Unit.objects.within(area)
        .rural_communes()
        .existing(today())
        .order_by("sort_key", "pk")
        .values_list("pk", "name")
    )
    every = Submission.objects.filter(unit__in=[pk for pk, _ in communes], sent_at__isnull=False)
    open_ones: dict[int, list[Submission]] = defaultdict(list)
    for submission in (
        every.visible_to(user)
        .filter(state=State.SENT)
        .select_related("criteria_set")
        .defer(*(f"criteria_set__{name}" for name in CriteriaSet.LONG_TEXTS))
        .order_by("pk")
    ):
        open_ones[submission.unit_id].append(submission)
    sent = every.filter(criteria_set=criteria_set)
    if period is not None:
        sent = sent.covering(period)
    seen = sent.visible_to(user)
    last = {submission.unit_id: submission for submission in seen.order_by("pk")}
    criteria: dict[int, set[int]] = defaultdict(set)
    own = access.visible_criteria(user)
    for pk, criterion in seen.order_by().values_list("unit", "criteria"):
        if criterion is not None and (own is None or criterion in own):
            criteria[pk].add(criterion)
    return [CommuneSending(pk, name, last.get(pk), open_ones[pk], len(criteria[pk])) for pk, name in communes]


NAMED = 30  # communes named in a message; more is no message any more


def reminder(late: Iterable[CommuneSending], period: ReportingPeriod | None) -> str:
    """A ready message to the communes that haven't sent yet; of very many it names the first."""
    late = list(late)
    names = ", ".join(row.name for row in late[:NAMED])
    if len(late) > NAMED:
        names += f" và {len(late) - NAMED} xã khác"
    if period is None:
        return f"Đề nghị UBND các xã {names} gửi kết quả thực hiện tiêu chí nông thôn mới trên hệ thống."
    left = (period.due_on - today()).days
    how = f"còn {left} ngày" if left > 0 else f"đã quá hạn {-left} ngày" if left else "là hôm nay"
    when = f"hạn gửi {period.due_on:%d/%m/%Y}, {how}"
    return (
        f"{period.name}: đến ngày {today():%d/%m/%Y} còn {len(late)} xã chưa gửi kết quả thực hiện tiêu chí nông thôn "
        f"mới ({when}): {names}. Đề nghị UBND các xã hoàn thành và gửi trên hệ thống."
    )
