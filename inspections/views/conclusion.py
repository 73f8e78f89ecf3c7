"""Kết luận và khóa, and the annexes that may follow."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from communes import access
from criteria.publish import PublicationRefused
from inspections import conclude as conclusion
from inspections import planning
from inspections.forms import AnnexForm, ConcludeForm
from inspections.minutes.files import NotDrawn
from inspections.models import Finding, Visit
from inspections.progress import visit_progress
from inspections.summary import summary_sentence
from inspections.views.visits import get_visit
from ntm.clock import today


@require_http_methods(["GET", "POST"])
def visit_conclude(request: HttpRequest, pk: int) -> HttpResponse:
    """Before: what will be published, what is unscored, the generated sentence. Then the step itself."""
    visit = get_visit(request, pk)
    told = conclusion.already_concluded(visit)
    if told is not None and access.team_role(access.roles(request.user), visit) is not None:
        return _told(request, visit, told)
    access.require(request.user, "visit.conclude", visit)
    # Read before the scores: a save in between makes the page too old, never wrongly fresh.
    seen = conclusion.fingerprint(visit)
    progress = visit_progress(visit)
    total = visit.criteria_set.criteria.count()
    form = ConcludeForm(
        request.POST or None,
        initial={
            "held_on": visit.held_on or min(today(), visit.criteria_set.last_day),
            "commune_opinion": visit.commune_opinion,
            "summary": visit.summary or summary_sentence(progress.states, total),
            "unscored_reason": visit.unscored_reason,
            "seen_fingerprint": seen,
        },
    )
    form.fields["unscored_reason"].required = visit.records_opinion and bool(progress.unscored)
    refused: list[tuple[str, str]] = []
    changed = form.is_bound and form["seen_fingerprint"].value() != seen
    if form.is_bound and form.is_valid() and not changed:
        try:
            conclusion.conclude(visit, by=request.user, **form.cleaned_data)
        except conclusion.AlreadyConcluded as already:
            return _told(request, visit, already)
        except planning.Closed as closed:
            messages.error(request, str(closed))
            return redirect("inspections:visit_detail", pk=visit.pk)
        except planning.Invalid as invalid:
            form.take_errors(invalid.errors)
        except conclusion.ScoresChanged:
            changed = True
            visit = get_visit(request, pk)
            seen = conclusion.fingerprint(visit)
            progress = visit_progress(visit)
        except conclusion.ScoresRefused as found:
            refused = [(f"{indicator.code}", text) for indicator, text in found.errors.items()]
        except NotDrawn as not_drawn:
            form.add_error(None, str(not_drawn))
        except PublicationRefused as found:
            refused = [("", text) for text in found.errors.values()]
        else:
            messages.success(request, f"Đã kết luận và khóa cuộc kiểm tra {visit.code}.")
            return redirect("inspections:visit_detail", pk=visit.pk)
    if changed:
        # Whoever concludes from here has seen what changed.
        data = request.POST.copy()
        data["seen_fingerprint"] = seen
        form.data = data
    return render(
        request,
        "inspections/visit_conclude.html",
        {
            "visit": visit,
            "form": form,
            "progress": progress,
            "by_criterion": _by_criterion(progress.unscored),
            "refused": refused,
            "changed": changed,
            "sentence": summary_sentence(progress.states, total) if changed else "",
            "findings": Finding.objects.visible_to(request.user).filter(visit=visit).count(),
        },
        status=409 if changed else 422 if form.is_bound else 200,
    )


def _told(request: HttpRequest, visit: Visit, told: planning.Closed) -> HttpResponse:
    """The second click, or the second leader: said clearly, nothing done twice."""
    messages.info(request, str(told))
    return redirect("inspections:visit_detail", pk=visit.pk)


def _by_criterion(indicators) -> list[tuple[int, list[str]]]:
    """Codes of the unscored indicators, by number of criterion."""
    found: dict[int, list[str]] = {}
    for indicator in indicators:
        found.setdefault(indicator.criterion.number, []).append(indicator.code)
    return list(found.items())


@require_http_methods(["GET", "POST"])
def visit_annex(request: HttpRequest, pk: int) -> HttpResponse:
    visit = get_visit(request, pk)
    access.require(request.user, "visit.annex", visit)
    form = AnnexForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            annex = conclusion.add_annex(visit, form.cleaned_data["text"], by=request.user)
        except conclusion.AnnexKnown as known:
            messages.info(request, str(known))
        else:
            messages.success(request, f"Đã lập phụ lục điều chỉnh số {annex.number}.")
        return redirect("inspections:visit_detail", pk=visit.pk)
    return render(
        request,
        "inspections/visit_annex.html",
        {"visit": visit, "form": form},
        status=422 if form.is_bound else 200,
    )
