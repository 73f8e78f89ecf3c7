"""Chấm tại chỗ: one criterion of a visit, saved row by row.

Each answer to htmx is the half of the row that was saved, with the criterion's bar beside
it; without JavaScript the page comes back at the row. Refused: 422, stale: 409, both with
everything typed still there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.middleware import HtmxDetails

from communes import access
from criteria.checks import MISSES_TARGET, Refused
from criteria.forms import TargetReportForm
from criteria.models import Criterion, Indicator
from criteria.wordings import worded
from inspections import planning, scoring
from inspections.forms import AgreeForm, RemarkForm, ScoreForm
from inspections.models import Finding, Visit
from inspections.sheets import Sheet, score_sheet
from inspections.views.visits import get_visit, require_work

TYPED = ("value", "part", "whole", "entered_attainment", "verdict", "note")


def _criterion(request: HttpRequest, visit: Visit, number: int) -> tuple[Criterion, list[Criterion]]:
    """The criterion in the visit's scope and all of the scope, as far as this person sees it; else 404."""
    allowed = access.visible_criteria(request.user)
    scope = [c for c in planning.scope_of(visit) if allowed is None or c.pk in allowed]
    found = next((criterion for criterion in scope if criterion.number == number), None)
    if found is None:
        raise Http404
    return found, scope


@require_GET
def visit_criterion(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    visit = get_visit(request, pk)
    require_work(request, visit)
    criterion, scope = _criterion(request, visit, number)
    may_score = bool(access.can(request.user, "visit.score", (visit, criterion)))
    sheet = score_sheet(visit, criterion, request.user, may_score=may_score)
    return _page(request, visit, scope, sheet, may_score=may_score)


def _page(
    request: HttpRequest, visit: Visit, scope: list[Criterion], sheet: Sheet, *, may_score: bool, status: int = 200
) -> HttpResponse:
    place = [criterion.pk for criterion in scope].index(sheet.criterion.pk)
    refusal = access.can(request.user, "visit.score", (visit, sheet.criterion)).reason
    findings = (
        Finding.objects.visible_to(request.user)
        .filter(visit=visit, criterion=sheet.criterion)
        .select_related("indicator", "department")
        .order_by("due_on", "pk")
    )
    return render(
        request,
        "inspections/visit_criterion.html",
        {
            "visit": visit,
            "sheet": sheet,
            "criterion": sheet.criterion,
            "previous": scope[place - 1] if place else None,
            "next": scope[place + 1] if place + 1 < len(scope) else None,
            "scope": scope,
            "may_score": may_score,
            "refusal": "" if may_score else refusal,
            "may_work": bool(access.can(request.user, "visit.work", visit)),
            "assigned": [m for m in visit.team.all() if sheet.criterion.pk in {c.pk for c in m.criteria.all()}],
            "findings": findings,
            "errors": [(f"row-{row.indicator.pk}", text) for row in sheet.rows for text in row.errors.values()],
        },
        status=status,
    )


class HtmxRequest(HttpRequest):
    """A request as the htmx middleware leaves it."""

    htmx: HtmxDetails


# --- saving ----------------------------------------------------------------------------


@dataclass
class Outcome:
    """What became of a save: how the row is to be shown, and which halves of it changed."""

    status: int = 200
    changes: dict[str, Any] = field(default_factory=dict)
    score_changed: bool = True
    remark_changed: bool = False


def _target(request: HttpRequest, pk: int, indicator: int) -> tuple[Visit, Indicator, list[Criterion]]:
    """The visit and an indicator of its scope the person may score; 404 for a forged one, 403 with the reason."""
    visit = get_visit(request, pk)
    require_work(request, visit)
    found = get_object_or_404(
        Indicator.objects.select_related("criterion").in_force(visit.day),
        pk=indicator,
        criterion__criteria_set=visit.criteria_set_id,
    )
    _, scope = _criterion(request, visit, found.criterion.number)
    found.criterion.criteria_set = visit.criteria_set
    worded([found], visit.criteria_set, visit.day)
    access.require(request.user, "visit.score", (visit, found.criterion))
    return visit, found, scope


def _attempt(form: Form, act: Callable[[], Outcome], typed: dict[str, str]) -> Outcome:
    """Run a save and turn each way it can fail into how the row is shown."""
    if not form.is_valid():
        errors = {name: " ".join(map(str, found)) for name, found in form.errors.items()}
        if "version" in errors or "note_version" in errors or "claim" in errors:
            errors = {"": "Trang đã cũ hoặc không đầy đủ. Tải lại trang rồi nhập lại."}
        return Outcome(422, {"errors": errors, "typed": typed})
    try:
        return act()
    except Refused as refused:
        return Outcome(422, {"errors": refused.errors, "typed": typed, "misses_target": refused.code == MISSES_TARGET})
    except scoring.Stale as stale:
        return Outcome(409, {"theirs": stale.score, "typed": typed})
    except planning.Closed as closed:
        return Outcome(409, {"errors": {"": str(closed)}, "typed": typed, "may_score": False})


def _answer(
    request: HtmxRequest, visit: Visit, indicator: Indicator, scope: list[Criterion], outcome: Outcome
) -> HttpResponse:
    row_id = f"row-{indicator.pk}"
    if outcome.status == 200 and not request.htmx:
        url = reverse("inspections:visit_criterion", args=[visit.pk, indicator.criterion.number])
        messages.success(request, f"Đã lưu chỉ tiêu {indicator.code}.")
        return redirect(f"{url}#{row_id}")
    sheet = score_sheet(visit, indicator.criterion, request.user, may_score=True)
    row = next((row for row in sheet.rows if row.indicator.pk == indicator.pk), None)
    if row is None:  # a part that isn't asked of this unit
        raise Http404
    for name, value in outcome.changes.items():
        setattr(row, name, row.typed | value if name == "typed" else value)
    if not request.htmx:
        return _page(request, visit, scope, sheet, may_score=True, status=outcome.status)
    return render(
        request,
        "inspections/_score_answer.html",
        {"visit": visit, "sheet": sheet, "row": row, "outcome": outcome},
        status=outcome.status,
    )


def _typed(request: HttpRequest) -> dict[str, str]:
    return {name: request.POST[name] for name in TYPED if name in request.POST}


@require_POST
def score_save(request: HtmxRequest, pk: int, indicator: int) -> HttpResponse:
    """Save a member's own opinion, or with `clear` take it back to not assessed."""
    visit, found, scope = _target(request, pk, indicator)
    form = ScoreForm(request.POST)

    def act() -> Outcome:
        opinion = form.opinion() if "clear" not in request.POST else {}
        saved = scoring.save_score(
            visit,
            found,
            opinion,
            seen_version=form.cleaned_data["version"],
            seen_note_version=form.cleaned_data["note_version"],
            by=request.user,
        )
        return Outcome(changes={"just_saved": True}, remark_changed=saved.remark_too)

    typed = _typed(request)
    typed.pop("note", None)
    return _answer(request, visit, found, scope, _attempt(form, act, typed))


@require_POST
def score_agree(request: HtmxRequest, pk: int, indicator: int) -> HttpResponse:
    """Nhất trí với xã: for this one row, by this one person."""
    visit, found, scope = _target(request, pk, indicator)
    form = AgreeForm(request.POST)

    def act() -> Outcome:
        saved = scoring.agree(
            visit,
            found,
            seen_version=form.cleaned_data["version"],
            seen_claim=form.cleaned_data["claim"],
            by=request.user,
        )
        return Outcome(changes={"just_saved": True}, remark_changed=saved.remark_too)

    return _answer(request, visit, found, scope, _attempt(form, act, {}))


@require_POST
def remark_save(request: HtmxRequest, pk: int, indicator: int) -> HttpResponse:
    visit, found, scope = _target(request, pk, indicator)
    form = RemarkForm(request.POST)

    def act() -> Outcome:
        scoring.save_remark(
            visit, found, form.cleaned_data["note"], seen_version=form.cleaned_data["note_version"], by=request.user
        )
        return Outcome(changes={"remark_just_saved": True}, score_changed=False, remark_changed=True)

    outcome = _attempt(form, act, {"note": request.POST.get("note", "")})
    outcome.score_changed, outcome.remark_changed = False, True
    if "theirs" in outcome.changes:
        outcome.changes["their_remark"] = outcome.changes.pop("theirs")
    if "errors" in outcome.changes:
        outcome.changes["errors"] = {"note": " ".join(outcome.changes["errors"].values())}
    return _answer(request, visit, found, scope, outcome)


@require_http_methods(["GET", "POST"])
def target_report(request: HtmxRequest, pk: int, indicator: int) -> HttpResponse:
    """The second way out of a refused met: say that the target itself is wrong."""
    visit, found, _ = _target(request, pk, indicator)
    sheet = score_sheet(visit, found.criterion, request.user, may_score=True, only=found)
    if not sheet.rows:
        raise Http404
    row = sheet.rows[0]
    form = TargetReportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.report(visit.unit, found, row.target, request.user)
        messages.success(request, "Đã ghi nhận báo yêu cầu sai. Điều phối viên tỉnh sẽ kiểm tra và trả lời.")
        url = reverse("inspections:visit_criterion", args=[visit.pk, found.criterion.number])
        return redirect(f"{url}#row-{found.pk}")
    return render(
        request,
        "inspections/target_report.html",
        {"visit": visit, "row": row, "form": form},
        status=422 if form.is_bound else 200,
    )
