"""Hỏi đáp: asking about an indicator of a unit, the list of questions, one question's thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from communes import access
from communes.models import Unit
from criteria import questions as steps
from criteria.models import Evidence, Indicator, Question
from criteria.question_forms import AnswerForm, AskAgainForm, AskForm, QuestionFilterForm, SettleForm
from criteria.wordings import worded_of_sets
from ntm.clock import today

PER_PAGE = 25

STATES = {
    "": "Chưa xong",
    "mine": "Chờ tôi trả lời",
    "answered": "Đã có trả lời",
    "awaited": "Chờ bên kia trả lời",
    "overdue": "Quá hạn",
    "done": "Đã xong",
}


def _in_state(questions: Any, code: str, user: Any) -> Any:
    """The questions behind one chip of the list."""
    narrowed: dict[str, Callable[[], Any]] = {
        "mine": lambda: questions.waiting_for(user),
        "answered": lambda: questions.answered_for(user),
        "awaited": lambda: questions.awaited_by(user),
        "overdue": lambda: questions.overdue(today()),
        "done": lambda: questions.filter(state=Question.State.DONE),
    }
    return narrowed.get(code, questions.unsettled)()


def _listed(user: Any) -> QuerySet[Question]:
    return Question.objects.visible_to(user).select_related(
        "unit__province", "unit__district", "indicator__criterion__criteria_set", "asked_by"
    )


@require_safe
def question_list(request: HttpRequest) -> HttpResponse:
    """Questions of both levels, those with a day first."""
    visible = Question.objects.visible_to(request.user)
    areas = Unit.objects.visible_to(request.user).exclude(level="village")
    filters = QuestionFilterForm(request.GET, areas=areas)
    shares = access.shares_criteria(request.user)
    mine = request.GET.get("mine") == "1" and shares

    def narrow(questions: Any) -> Any:
        found = filters.narrow(questions)
        return found.of_own_criteria(request.user) if mine else found

    narrowed = narrow(visible)
    chosen = request.GET.get("state", "")
    chosen = chosen if chosen in STATES else ""
    page = Paginator(_in_state(narrow(_listed(request.user)), chosen, request.user), PER_PAGE)
    return render(
        request,
        "criteria/question_list.html",
        {
            "filters": filters,
            "state": chosen,
            "mine": mine,
            "shares": shares,
            "chips": [(code, label, _in_state(narrowed, code, request.user).count()) for code, label in STATES.items()],
            "page": page.get_page(request.GET.get("page")),
            "any": visible.exists(),
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def question_ask(request: HttpRequest, pk: int, indicator: int) -> HttpResponse:
    """Ask about one indicator of a unit; below, what was asked before."""
    unit = access.get_unit(request.user, pk)
    item = get_object_or_404(Indicator.objects.for_unit(unit).select_related("criterion__criteria_set"), pk=indicator)
    worded_of_sets([item], today())
    limited_to = access.visible_criteria(request.user)
    if limited_to is not None and item.criterion_id not in limited_to:
        raise Http404
    asked = _listed(request.user).filter(unit=unit, indicator=item).order_by("-asked_at", "-pk")
    may_ask = access.can(request.user, "question.ask", (unit, item.criterion_id))
    if request.method == "POST" or not asked.exists():
        access.require(request.user, "question.ask", (unit, item.criterion_id))
    addressees = access.question_addressees(request.user, unit, item.criterion_id)
    form = AskForm(request.POST or None, unit=unit, addressees=addressees)
    if request.method == "POST" and form.is_valid():
        try:
            question = steps.ask(unit, item, by=request.user, **form.asked())
        except steps.Invalid as invalid:
            form.take_errors(invalid.errors)
        else:
            messages.success(request, f"Đã gửi tới {question.answerer}.")
            return redirect("criteria:question_detail", pk=question.pk)
    return render(
        request,
        "criteria/question_ask.html",
        {"unit": unit, "indicator": item, "form": form, "may_ask": may_ask, "questions": asked},
        status=422 if request.method == "POST" else 200,
    )


# --- one question ------------------------------------------------------------------------


def _get(request: HttpRequest, pk: int) -> Question:
    question = get_object_or_404(_listed(request.user), pk=pk)
    worded_of_sets([question.indicator], today())
    return question


def _proof(request: HttpRequest, question: Question) -> Any:
    """The unit's documents in use, those tied to the indicator first; none for an answer from above."""
    if question.from_commune:
        return Evidence.objects.none()
    tied = Count("links", filter=Q(links__indicator=question.indicator, links__removed_at=None))
    return (
        Evidence.objects.in_use()
        .visible_to(request.user)
        .filter(unit=question.unit)
        .annotate(near=tied)
        .order_by("-near", "-uploaded_at", "pk")
    )


@require_safe
def question_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _detail(request, _get(request, pk))


def _detail(
    request: HttpRequest, question: Question, refused: dict[str, Any] | None = None, told: str = "", status: int = 200
) -> HttpResponse:
    """The thread with the forms this person's side may use; `refused`: a form with what was typed."""
    user = request.user
    may_answer = access.can(user, "question.answer", question)
    may_follow = access.can(user, "question.follow", question)
    forms: dict[str, Any] = {}
    if may_answer:
        forms["answer"] = AnswerForm(evidence=_proof(request, question))
    if may_follow:
        forms["again"] = AskAgainForm()
    forms |= refused or {}
    thread = (
        question.messages.select_related("by")
        .annotate(documents=Count("evidence"))
        .prefetch_related(Prefetch("evidence", Evidence.objects.visible_to(user), to_attr="shown"))
    )
    return render(
        request,
        "criteria/question_detail.html",
        {
            "question": question,
            "thread": [(message, message.documents - len(message.shown)) for message in thread],
            "is_overdue": question.is_overdue(today()),
            "may_answer": may_answer,
            "may_follow": may_follow,
            "forms": forms,
            "bound": next(iter((refused or {}).values()), None),
            "told": told,
        },
        status=status,
    )


def _step(
    request: HttpRequest, pk: int, right: str, name: str, make_form: Callable[[Question], Any], act: Callable, done: str
) -> HttpResponse:
    """Fetch, ask whether the person may, act; what was typed stays where it is refused."""
    question = _get(request, pk)
    access.require(request.user, right, question)
    form = make_form(question)
    told, status = "", 422
    if form.is_valid():
        try:
            act(question, by=request.user, **form.cleaned_data)
        except steps.Invalid as invalid:
            form.take_errors(invalid.errors)
        except steps.ChangedMeanwhile as changed:
            told, status = str(changed), 409
        else:
            messages.success(request, done)
            return redirect("criteria:question_detail", pk=question.pk)
    return _detail(request, _get(request, pk), {name: form}, told, status)


@require_POST
def question_answer(request: HttpRequest, pk: int) -> HttpResponse:
    return _step(
        request,
        pk,
        "question.answer",
        "answer",
        lambda question: AnswerForm(request.POST, evidence=_proof(request, question)),
        steps.answer,
        "Đã gửi trả lời.",
    )


@require_POST
def question_again(request: HttpRequest, pk: int) -> HttpResponse:
    return _step(
        request, pk, "question.follow", "again", lambda _: AskAgainForm(request.POST), steps.ask_again, "Đã hỏi lại."
    )


@require_POST
def question_settle(request: HttpRequest, pk: int) -> HttpResponse:
    """Đã xong, for who has read the last message."""

    def settle(question: Question, *, by: Any, version: int) -> None:
        steps.settle(question, seen_version=version, by=by)

    return _step(
        request,
        pk,
        "question.follow",
        "settle",
        lambda _: SettleForm(request.POST),
        settle,
        "Đã xác nhận xong. Có thể hỏi lại để mở lại.",
    )
