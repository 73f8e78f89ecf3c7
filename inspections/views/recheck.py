"""Tồn tại còn mở từ các cuộc trước: a visit starts from what earlier ones found there."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from communes import access
from criteria.wordings import worded_each
from inspections import findings as steps
from inspections import planning
from inspections.forms import RecheckForm
from inspections.models import Finding, Visit
from inspections.views.visits import get_visit
from ntm.clock import today

PER_PAGE = 25


@dataclass(frozen=True)
class EarlierFinding:
    """One finding with its days overdue, and the form for who may record what became of it;
    else `refusal` says why they may not."""

    finding: Finding
    days: int
    form: RecheckForm | None
    refusal: str


@require_GET
def visit_findings(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, get_visit(request, pk))


@require_POST
def finding_recheck(request: HttpRequest, pk: int, finding: int) -> HttpResponse:
    """Record whether an earlier finding is remedied."""
    visit = get_visit(request, pk)
    earlier = get_object_or_404(steps.followed(request.user, visit.unit).exclude(visit=visit), pk=finding)
    access.require(request.user, "visit.recheck", (visit, earlier))
    form, status = RecheckForm(request.POST, prefix=f"f{earlier.pk}"), 422
    if form.is_valid():
        typed = form.cleaned_data
        is_remedied = form.cleaned_data["result"] == "remedied"
        try:
            steps.recheck(
                earlier,
                visit,
                is_remedied=is_remedied,
                note=typed["note"],
                seen_version=typed["seen_version"],
                by=request.user,
            )
        except planning.Invalid as invalid:
            form.take_errors(invalid.errors)
        except planning.Closed as closed:
            form.add_error(None, str(closed))
        except steps.OutOfStep as refused:
            form.add_error(None, str(refused))
            form.show_again(Finding.objects.get(pk=earlier.pk).version)
            status = 409
        else:
            messages.success(
                request,
                "Đã ghi: tồn tại đã được xác nhận khắc phục." if is_remedied else "Đã ghi: tồn tại chưa khắc phục.",
            )
            return redirect(reverse("inspections:visit_findings", args=[visit.pk]))
    return _page(request, visit, bound=form, bound_to=earlier.pk, status=status)


def _findings(request: HttpRequest, visit: Visit):
    return steps.left_by_earlier_visits(request.user, visit).prefetch_related("visit__team")


def _page(
    request: HttpRequest,
    visit: Visit,
    bound: RecheckForm | None = None,
    bound_to: int | None = None,
    status: int = 200,
) -> HttpResponse:
    page = Paginator(_findings(request, visit), PER_PAGE).get_page(request.GET.get("page"))
    worded_each((f.indicator, f.visit.criteria_set, f.visit.day) for f in page if f.indicator)
    rows = []
    for finding in page:
        decision = access.can(request.user, "visit.recheck", (visit, finding))
        form = None
        if decision:
            fresh = RecheckForm(prefix=f"f{finding.pk}", initial={"seen_version": finding.version})
            form = bound if bound is not None and finding.pk == bound_to else fresh
        rows.append(EarlierFinding(finding, finding.days_overdue(today()), form, decision.reason))
    context = {
        "visit": visit,
        "page": page,
        "rows": rows,
        "bound": bound,
        "may_work": bool(access.can(request.user, "visit.work", visit)),
    }
    return render(request, "inspections/visit_findings.html", context, status=status)
