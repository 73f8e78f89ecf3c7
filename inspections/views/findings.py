"""Tồn tại, hạn chế: noted during a visit, followed until they are remedied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from communes import access
from communes.models import Unit
from criteria.models import Evidence
from criteria.wordings import worded
from inspections import findings as steps
from inspections import planning
from inspections.forms import (
    CloseForm,
    CommentForm,
    FindingFilterForm,
    FindingForm,
    RemedyForm,
    ReopenForm,
    SlipForm,
)
from inspections.models import Finding, Visit
from inspections.sheets import evidence_file
from inspections.views.visits import get_visit
from ntm.clock import today

PER_PAGE = 25
# The steps of the inspecting side after the conclusion.
INSPECTING = {"close": CloseForm, "reopen": ReopenForm, "slip": SlipForm}


# --- the list --------------------------------------------------------------------------


def _states(user: Any) -> dict[str, tuple[str, Q]]:
    """The chips above the list: code → label and condition."""
    State = Finding.State  # noqa: N806 - the class of the choices
    overdue = Q(state=State.OPEN, due_on__lt=today())
    return {
        "": ("Chưa xong", ~Q(state=State.CLOSED)),
        "open": ("Chưa khắc phục", Q(state=State.OPEN)),
        "overdue": ("Quá hạn", overdue),
        "remedied": ("Chờ xác nhận", Q(state=State.REMEDIED)),
        "mine": ("Của tôi", ~Q(state=State.CLOSED) & _mine(user)),
        "closed": ("Đã xác nhận", Q(state=State.CLOSED)),
    }


def _mine(user: Any) -> Q:
    """Findings that wait for this person: those they raised or whose team they lead, their
    commune's on their criteria, and those of the department they review for."""
    person = access.roles(user)
    mine = Q(created_by=user) | Q(visit__in=Visit.objects.filter(team__user=user, team__role="leader").values("pk"))
    mine |= access.own_share(user, "visit__unit", "criterion")
    departments = [m.department_id for m in person.having(access.DEPARTMENT_REVIEWER)]
    if departments:
        mine |= Q(department__in=departments)
    return mine


@require_GET
def finding_list(request: HttpRequest) -> HttpResponse:
    """What is to be remedied, the most urgent first. Drafts of open visits aren't in it."""
    access.require(request.user, "inspections.see")
    published = steps.followed(request.user)
    areas = (
        Unit.objects.visible_to(request.user).filter(level__in=["province", "district"]).order_by("level", "sort_key")
    )
    filters = FindingFilterForm(request.GET, areas=areas)
    narrowed = filters.narrow(published)
    shares = access.shares_criteria(request.user)
    mine = request.GET.get("mine") == "1" and shares
    if mine:
        narrowed = narrowed.of_own_criteria(request.user)
    states = _states(request.user)
    if shares:
        del states["mine"]  # Tiêu chí của tôi says it, in every state
    counts = narrowed.aggregate(
        **{f"n_{code or 'all'}": Count("pk", filter=condition) for code, (_, condition) in states.items()}
    )
    chosen = request.GET.get("state", "")
    chosen = chosen if chosen in states else ""
    page = Paginator(narrowed.filter(states[chosen][1]), PER_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "inspections/finding_list.html",
        {
            "filters": filters,
            "has_areas": areas.exists(),
            "state": chosen,
            "mine": mine,
            "shares": shares,
            "chips": [(code, label, counts[f"n_{code or 'all'}"]) for code, (label, _) in states.items()],
            "page": page,
            "rows": [(finding, finding.days_overdue(today())) for finding in page],
            "may_meet": bool(access.meeting_places(request.user)),
            "any": published.exists(),
        },
    )


# --- drafts, while the visit is open ---------------------------------------------------


@require_http_methods(["GET", "POST"])
def finding_create(request: HttpRequest, pk: int) -> HttpResponse:
    visit = get_visit(request, pk)
    access.require(request.user, "visit.work", visit)
    form = FindingForm(
        request.POST or None,
        visit=visit,
        initial={
            name: request.GET[name] for name in ("criterion", "indicator") if request.GET.get(name, "").isdecimal()
        },
    )
    if request.method == "POST" and form.is_valid():
        done = _try(
            request,
            form,
            lambda: steps.raise_finding(visit, form.fields_to_store(), by=request.user),
            "Đã ghi tồn tại.",
        )
        if done:
            return _back_to_criterion(visit, form.cleaned_data["criterion"].number)
    return _form_page(request, visit, form, None)


@require_http_methods(["GET", "POST"])
def finding_edit(request: HttpRequest, pk: int) -> HttpResponse:
    finding = _get(request, pk)
    access.require(request.user, "visit.work", finding.visit)
    names = ("criterion", "indicator", "description", "recommendation", "due_on", "department", "cause", "version")
    form = FindingForm(
        request.POST or None, visit=finding.visit, initial={name: getattr(finding, name) for name in names}
    )
    if request.method == "POST" and form.is_valid():
        done = _try(
            request,
            form,
            lambda: steps.change_finding(
                finding, form.fields_to_store(), seen_version=form.cleaned_data["version"] or 0, by=request.user
            ),
            "Đã lưu tồn tại.",
        )
        if done:
            return _back_to_criterion(finding.visit, form.cleaned_data["criterion"].number)
    return _form_page(request, finding.visit, form, finding)


@require_http_methods(["GET", "POST"])
def finding_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks once (GET), then deletes the draft."""
    finding = _get(request, pk)
    access.require(request.user, "visit.work", finding.visit)
    if request.method == "POST":
        try:
            steps.delete_finding(finding, by=request.user)
        except planning.Closed as closed:
            messages.error(request, str(closed))
        else:
            messages.success(request, "Đã xóa tồn tại.")
        return _back_to_criterion(finding.visit, finding.criterion.number)
    return render(request, "inspections/finding_delete.html", {"finding": finding, "visit": finding.visit})


def _form_page(request: HttpRequest, visit: Visit, form: FindingForm, finding: Finding | None) -> HttpResponse:
    return render(
        request,
        "inspections/finding_form.html",
        {"visit": visit, "form": form, "finding": finding},
        status=422 if form.is_bound else 200,
    )


def _back_to_criterion(visit: Visit, number: int) -> HttpResponse:
    url = reverse("inspections:visit_criterion", args=[visit.pk, number])
    return redirect(f"{url}#findings")


def _try(request: HttpRequest, form: Any, act: Callable[[], Any], success: str) -> bool:
    """Take a step; what the service refuses goes to the form's fields."""
    try:
        act()
    except planning.Invalid as invalid:
        form.take_errors(invalid.errors)
    except (planning.Closed, planning.Changed) as refused:
        form.add_error(None, str(refused))
    else:
        messages.success(request, success)
        return True
    return False


# --- after the conclusion --------------------------------------------------------------


def _get(request: HttpRequest, pk: int) -> Finding:
    finding = get_object_or_404(
        Finding.objects.visible_to(request.user)
        .select_related(
            "visit__unit__province", "visit__unit__district", "visit__criteria_set", "criterion", "indicator"
        )
        .select_related("department", "created_by")
        .prefetch_related("visit__team__criteria"),
        pk=pk,
    )
    if finding.indicator:
        worded([finding.indicator], finding.visit.criteria_set, finding.visit.day)
    return finding


def _proof(request: HttpRequest, finding: Finding):
    """The documents in use of the unit, or of the one it was merged into, those tied to the
    finding's criterion first."""
    return (
        Evidence.objects.in_use()
        .visible_to(request.user)
        .filter(unit__in=steps.holders_of_proof(finding, request.user))
        .annotate(near=Count("links", filter=Q(links__indicator__criterion=finding.criterion, links__removed_at=None)))
        .order_by("-near", "-uploaded_at", "pk")
    )


@require_GET
def finding_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _detail(request, _get(request, pk), {})


def _detail(request: HttpRequest, finding: Finding, bound: dict[str, Form], status: int = 200) -> HttpResponse:
    user = request.user
    may = {step: access.can(user, f"finding.{step}", finding) for step in ("remedy", "close", "comment")}
    forms: dict[str, Any] = {}
    seen = {"seen_version": finding.version}
    if may["remedy"]:
        forms["remedy"] = RemedyForm(evidence=_proof(request, finding), initial=seen)
    if may["close"]:
        forms |= {name: form(initial=seen) for name, form in INSPECTING.items()}
    forms = {name: form for name, form in forms.items() if steps.may_follow(name, finding)}
    if may["comment"]:
        forms["comment"] = CommentForm()
    typed = [form["note"].value() for name, form in bound.items() if name not in forms]
    forms |= {name: form for name, form in bound.items() if name in forms}
    proof = Evidence.objects.visible_to(user).filter(findings=finding).order_by("uploaded_at", "pk")
    return render(
        request,
        "inspections/finding_detail.html",
        {
            "finding": finding,
            "visit": finding.visit,
            "days_overdue": finding.days_overdue(today()),
            "may": may,
            "may_edit": bool(access.can(user, "visit.work", finding.visit)),
            "forms": forms,
            "typed": next(iter(typed), ""),
            "bound": next(iter(bound.values()), None),
            "open_step": next(iter(bound), "close" if finding.state == Finding.State.REMEDIED else ""),
            "events": finding.events.select_related("by", "visit"),
            "evidence": [evidence_file(item) for item in proof],
            "is_ours": bool(access.answering_units(user, finding.visit.unit)),
            "may_upload": bool(access.can(user, "entry.change", finding.visit.unit)),
        },
        status=status,
    )


def _step(
    request: HttpRequest, pk: int, right: str, make_form: Callable[[Finding], Any], act: Callable, done: str
) -> HttpResponse:
    finding = _get(request, pk)
    access.require(request.user, right, finding)
    form, status = make_form(finding), 422
    try:
        if form.is_valid() and _try(request, form, lambda: act(finding, **form.cleaned_data, by=request.user), done):
            return redirect("inspections:finding_detail", pk=finding.pk)
    except steps.OutOfStep as refused:
        form.add_error(None, str(refused))
        status = 409
    current = _get(request, pk)
    if status == 409:
        form.show_again(current.version)
    return _detail(request, current, {act.__name__: form}, status=status)


@require_POST
def finding_remedy(request: HttpRequest, pk: int) -> HttpResponse:
    return _step(
        request,
        pk,
        "finding.remedy",
        lambda finding: RemedyForm(request.POST, evidence=_proof(request, finding)),
        steps.remedy,
        "Đã báo khắc phục, chờ bên kiểm tra xác nhận.",
    )


@require_POST
def finding_close(request: HttpRequest, pk: int) -> HttpResponse:
    return _step(request, pk, "finding.close", lambda _: CloseForm(request.POST), steps.close, "Đã xác nhận khắc phục.")


@require_POST
def finding_reopen(request: HttpRequest, pk: int) -> HttpResponse:
    return _step(
        request, pk, "finding.close", lambda _: ReopenForm(request.POST), steps.reopen, "Đã yêu cầu khắc phục lại."
    )


@require_POST
def finding_slip(request: HttpRequest, pk: int) -> HttpResponse:
    return _step(request, pk, "finding.close", lambda _: SlipForm(request.POST), steps.slip, "Đã lùi thời hạn.")


@require_POST
def finding_comment(request: HttpRequest, pk: int) -> HttpResponse:
    return _step(request, pk, "finding.comment", lambda _: CommentForm(request.POST), steps.comment, "Đã ghi ý kiến.")
