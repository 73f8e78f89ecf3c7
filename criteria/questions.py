"""Asking and answering between a commune and an office above it, on one indicator.

Messages are only ever added: two answers at once both stay. What changes a question holds
its row, so that nobody settles what was answered meanwhile without being told.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from communes import access
from communes.models import Unit
from criteria.models import Evidence, Indicator, Question, QuestionMessage
from ntm.accounts.models import User
from ntm.clock import today

# A day further ahead than this is a slip of the keyboard.
LONGEST_DUE = timedelta(days=2 * 366)
# The same words by the same person within this time are a second click.
SECOND_CLICK = timedelta(minutes=1)


class Invalid(Exception):
    """What can't be asked or answered so; messages by field."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors


class ChangedMeanwhile(Exception):
    """The other side, or a colleague, was faster; the message says what happened. Nothing was recorded."""


def check_due_day(day: date) -> str:
    """Why nothing can be asked for until that day; empty when it can."""
    if day < today():
        return "Ngày đề nghị bổ sung phải từ hôm nay trở đi."
    if day > today() + LONGEST_DUE:
        return "Ngày đề nghị bổ sung quá xa; tối đa hai năm."
    return ""


def _check_due(due_on: date | None) -> None:
    message = check_due_day(due_on) if due_on else ""
    if message:
        raise Invalid({"due_on": message})


@transaction.atomic
def ask(
    unit: Unit, indicator: Indicator, *, office: str, from_commune: bool, text: str, due_on: date | None, by: Any
) -> Question:
    """Put a question, or with `due_on` a request to supplement, to the other side.

    A second click returns the question the first made. Raises PermissionDenied, Invalid.
    """
    access.require(by, "question.ask", (unit, indicator.criterion_id))
    if (office, from_commune) not in access.question_addressees(by, unit, indicator.criterion_id):
        raise Invalid({"addressee": "Chọn nơi nhận câu hỏi."})
    _check_due(due_on)
    # Two clicks come at once: the second waits here for the first, and then finds its question.
    User.objects.select_for_update().get(pk=by.pk)
    asked = {
        "unit": unit,
        "indicator": indicator,
        "office": office,
        "from_commune": from_commune,
        "text": text,
        "due_on": due_on,
        "asked_by": by,
    }
    first = Question.objects.filter(**asked, asked_at__gte=timezone.now() - SECOND_CLICK).first()
    return first or Question.objects.create(**asked)


def _hold(question: Question) -> Question:
    return (
        Question.objects.select_for_update(of=("self",))
        .select_related("unit__province", "unit__district", "indicator__criterion")
        .get(pk=question.pk)
    )


def _add(question: Question, kind: str, *, by: Any, text: str = "", due_on: date | None = None) -> QuestionMessage:
    """Add a message to a held question; a second click finds the one the first made."""
    last = question.messages.order_by("-at", "-pk").first()
    same = last and (last.kind, last.text, last.due_on, last.by_id) == (kind, text, due_on, by.pk)
    if last and same and last.at >= timezone.now() - SECOND_CLICK:
        return last
    message = QuestionMessage.objects.create(question=question, kind=kind, text=text, due_on=due_on, by=by)
    question.version += 1
    question.save(update_fields=["version", "state", "due_on"])
    return message


@transaction.atomic
def answer(question: Question, *, text: str, by: Any, evidence: Iterable[Evidence] = ()) -> QuestionMessage:
    """The asked side answers; colleagues may each. `evidence`: documents in use of the unit, from the commune only.

    Raises PermissionDenied, Invalid, ChangedMeanwhile where the question was settled meanwhile.
    """
    question = _hold(question)
    access.require(by, "question.answer", question)
    proof = list(evidence)
    if proof and (question.from_commune or any(item.unit_id != question.unit_id or item.retired_at for item in proof)):
        raise Invalid({"evidence": "Chỉ chọn minh chứng đang sử dụng của xã."})
    if question.state == Question.State.DONE:
        raise ChangedMeanwhile("Bên hỏi vừa xác nhận câu hỏi này đã xong, trả lời chưa được ghi.")
    question.state = Question.State.ANSWERED
    message = _add(question, QuestionMessage.Kind.ANSWER, text=text, by=by)
    message.evidence.add(*proof)
    return message


@transaction.atomic
def ask_again(question: Question, *, text: str, due_on: date | None, by: Any) -> QuestionMessage:
    """The asking side asks on; also what was done is open again. A new day replaces the old one.

    Raises PermissionDenied, Invalid.
    """
    question = _hold(question)
    access.require(by, "question.follow", question)
    _check_due(due_on)
    question.state = Question.State.WAITING
    question.due_on = due_on or question.due_on
    return _add(question, QuestionMessage.Kind.AGAIN, text=text, due_on=due_on, by=by)


@transaction.atomic
def settle(question: Question, *, seen_version: int, by: Any) -> None:
    """Đã xong, by the side that asked. `seen_version`: the last message the person read.

    Doing it twice changes nothing. Raises PermissionDenied, ChangedMeanwhile where something was
    written since.
    """
    question = _hold(question)
    access.require(by, "question.follow", question)
    if question.state == Question.State.DONE:
        return
    if question.version != seen_version:
        raise ChangedMeanwhile("Vừa có trao đổi mới mà bạn chưa xem. Xem lại nội dung dưới đây rồi xác nhận.")
    question.state = Question.State.DONE
    _add(question, QuestionMessage.Kind.DONE, by=by)


def count_by_indicator(user: Any, unit: Unit, indicator_ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """How many questions of a unit's indicators the person sees: (not done, all). One query."""
    rows = Question.objects.visible_to(user).filter(unit=unit, indicator__in=list(indicator_ids))
    counts: dict[int, tuple[int, int]] = {}
    for indicator, state in rows.order_by().values_list("indicator", "state"):
        unsettled, number = counts.get(indicator, (0, 0))
        counts[indicator] = unsettled + (state != Question.State.DONE), number + 1
    return counts
