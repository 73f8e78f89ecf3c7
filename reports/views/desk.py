"""Tiêu chí của tôi: a department's criteria and the communes that wait for its opinion (decision 0008)."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from communes import access
from communes.models import Unit
from communes.names import search_name
from criteria.evidence_panels import EvidencePanels
from criteria.forms import TargetReportForm
from criteria.models import CriteriaSet, Criterion
from criteria.sheets import sheets
from inspections import desk
from inspections.desk_forms import ReviewForm
from reports.desk_rows import DeskRows, all_rows
from reports.matrix import area_sets, default_set

PER_PAGE = 25
NEXT = re.compile(r"#unit-[0-9]+|/my-criteria/[0-9]+/units/[0-9]+/next/")
SHOWN = {"": "Chờ ý kiến", "all": "Tất cả xã"}


def _desk(request: HttpRequest) -> tuple[Unit, set[int] | None]:
    """The province whose criteria the person looks after, and which; 403 for who has none."""
    found = access.desks(request.user)
    if not found:
        raise PermissionDenied("Chỉ sở, ngành phụ trách tiêu chí và điều phối viên tỉnh dùng trang này.")
    chosen = request.GET.get("area", "")
    return next(((area, own) for area, own in found.items() if str(area.pk) == chosen), next(iter(found.items())))


def _criteria(sets: list[CriteriaSet], own: set[int] | None) -> dict[CriteriaSet, list[Criterion]]:
    """The person's criteria by set; a set without any is left out."""
    rows = Criterion.objects.filter(criteria_set__in=sets).order_by("number")
    rows = rows if own is None else rows.filter(pk__in=own)
    by_set: dict[int, list[Criterion]] = {}
    for criterion in rows:
        by_set.setdefault(criterion.criteria_set_id, []).append(criterion)
    return {found: by_set[found.pk] for found in sets if found.pk in by_set}


@require_safe
def desk_list(request: HttpRequest) -> HttpResponse:
    """One criterion over the communes that wait for it, or over all of them."""
    area, own = _desk(request)
    by_set = _criteria(area_sets(area), own)
    code, number = request.GET.get("set", ""), request.GET.get("criterion", "")
    criteria_set = next((found for found in by_set if found.code == code), None) or default_set(list(by_set))
    if criteria_set is None:
        return render(request, "reports/desk_none.html", {"area": area})
    criteria = by_set[criteria_set]
    order = list(desk.communes(area).values_list("pk", flat=True))
    waiting = desk.waiting(criteria, order)
    criterion = next((c for c in criteria if str(c.number) == number), None) or next(
        (c for c in criteria if c.pk in waiting), criteria[0]
    )
    show = request.GET.get("show", "")
    show = show if show in SHOWN else ""
    ids = order if show else waiting.get(criterion.pk, [])
    query = request.GET.get("q", "").strip()[:100]
    if query:
        named = Unit.objects.filter(pk__in=ids, search_name__contains=search_name(query) or query)
        kept = set(named.values_list("pk", flat=True))
        ids = [pk for pk in ids if pk in kept]
    page = Paginator(ids, PER_PAGE).get_page(request.GET.get("page"))
    units = Unit.objects.select_related("district").in_bulk(page.object_list)
    rows = desk.desk_rows([units[pk] for pk in page.object_list], criterion, criteria_set, request.user)
    return render(
        request,
        "reports/desk_list.html",
        {
            "area": area,
            "sets": list(by_set),
            "criteria_set": criteria_set,
            "criterion": criterion,
            "chips": [(c, len(waiting.get(c.pk, ()))) for c in criteria],
            "waiting": len(waiting.get(criterion.pk, ())),
            "show": show,
            "shown": SHOWN,
            "query": query,
            "page": page,
            "indicators": [line.indicator for line in max(rows, key=lambda row: len(row.lines)).lines] if rows else [],
            "may_review": any(row.may_review for row in rows),
            "rows": all_rows(_with_next(rows, criterion), DeskRows(get_token(request), page=page.number)),
        },
    )


def _with_next(rows: list[desk.DeskRow], criterion: Criterion) -> list[tuple[desk.DeskRow, str]]:
    """Each row with the anchor of the one below; the last leads on to whatever waits next."""
    nexts = [f"#unit-{row.unit.pk}" for row in rows[1:]]
    last = reverse("reports:desk_next", args=[criterion.pk, rows[-1].unit.pk]) if rows else ""
    return list(zip(rows, [*nexts, last], strict=False))


# --- one commune -------------------------------------------------------------------------


def _one(request: HttpRequest, criterion: int, pk: int) -> tuple[Unit, Criterion, Unit]:
    """The province of the desk, a criterion of it, and a commune within; 404 for all else."""
    area, own = _desk(request)
    unit = access.get_unit(request.user, pk)
    unit = get_object_or_404(desk.communes(area).select_related("province", "district"), pk=unit.pk)
    found = get_object_or_404(
        Criterion.objects.select_related("criteria_set").filter(criteria_set__in=area_sets(area)), pk=criterion
    )
    if own is not None and found.pk not in own:
        raise Http404
    return area, found, unit


def _row(request: HttpRequest, criterion: Criterion, unit: Unit) -> desk.DeskRow:
    return desk.desk_rows([unit], criterion, criterion.criteria_set, request.user)[0]


@require_safe
def desk_next(request: HttpRequest, criterion: int, pk: int) -> HttpResponse:
    """Xã tiếp theo: the commune that waits after this one, or the list where none does."""
    area, found, unit = _one(request, criterion, pk)
    return redirect(_next_url(area, found, unit) or _list_url(found))


def _next_url(area: Unit, criterion: Criterion, unit: Unit) -> str:
    following = desk.next_waiting(area, criterion, unit)
    return reverse("reports:desk_review", args=[criterion.pk, following]) if following else ""


def _list_url(criterion: Criterion, page: int = 1) -> str:
    url = f"{reverse('reports:desk')}?set={criterion.criteria_set.code}&criterion={criterion.number}"
    return f"{url}&page={page}" if page > 1 else url


@require_http_methods(["GET", "HEAD", "POST"])
def desk_review(request: HttpRequest, criterion: int, pk: int) -> HttpResponse:
    """One commune with all its proof; a POST records the review, from here or from a row of the list."""
    area, found, unit = _one(request, criterion, pk)
    row = _row(request, found, unit)
    if request.method != "POST":
        return _page(request, area, row)
    access.require(request.user, "criterion.review", (unit, found.pk))
    visit, status = _record(request, row)
    if getattr(request, "htmx", False):
        if visit is not None:
            row = _row(request, found, unit)
            row.visit = visit
        return HttpResponse(
            DeskRows(get_token(request), page=_digits(request)).html(row, _below(request)), status=status
        )
    if visit is None:
        return _page(request, area, row, status)
    onward = "" if "page" in request.POST else _next_url(area, found, unit)
    return redirect(onward or _list_url(found, _digits(request)))


def _digits(request: HttpRequest) -> int:
    """The list's page the row was posted from."""
    page = request.POST.get("page", "")
    return int(page) if page.isdecimal() and len(page) < 6 else 1


def _below(request: HttpRequest) -> str:
    """Where the row's Xã tiếp theo led: only an anchor or a path of the desk is taken back."""
    posted = request.POST.get("next", "")
    return posted if NEXT.fullmatch(posted) else ""


@require_http_methods(["GET", "HEAD", "POST"])
def desk_report(request: HttpRequest, criterion: int, pk: int, indicator: int) -> HttpResponse:
    """Report a target as wrong: the way out of a refused met that isn't a lower verdict."""
    _, found, unit = _one(request, criterion, pk)
    access.require(request.user, "criterion.review", (unit, found.pk))
    line = next((line for line in _row(request, found, unit).lines if line.indicator.pk == indicator), None)
    if line is None:
        raise Http404
    form = TargetReportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.report(unit, line.indicator, line.target, request.user)
        messages.success(request, "Đã gửi báo yêu cầu sai tới điều phối viên của tỉnh.")
        return redirect("reports:desk_review", criterion=found.pk, pk=unit.pk)
    return render(
        request,
        "reports/desk_report.html",
        {"unit": unit, "criterion": found, "line": line, "form": form},
        status=422 if request.method == "POST" else 200,
    )


def _record(request: HttpRequest, row: desk.DeskRow) -> tuple[Any, int]:
    """Record what was posted, or note on the row why not; the visit or None, and the answer's status."""
    row.typed = request.POST.dict()
    form = ReviewForm(request.POST, row=row, agree_all="agree" in request.POST)
    if not form.is_valid():
        row.errors = form.errors_by_indicator()
        return None, 422
    try:
        visit = desk.review(
            row.unit,
            row.criterion,
            form.judgements(),
            comment=form.cleaned_data["comment"],
            seen=form.cleaned_data["seen"],
            by=request.user,
        )
    except desk.Recorded as recorded:
        if not getattr(request, "htmx", False):
            messages.info(request, str(recorded))
        return recorded.visit, 200
    except desk.ReviewRefused as refused:
        row.errors, row.misses_target = refused.errors, refused.misses_target
        return None, 422
    except desk.ChangedMeanwhile as changed:
        row.errors = {0: str(changed)}
        return None, 409
    if not getattr(request, "htmx", False):
        messages.success(request, f"Đã ghi ý kiến về {row.unit.in_sentence}, mã {visit.code}.")
    return visit, 200


def _page(request: HttpRequest, area: Unit, row: desk.DeskRow, status: int = 200) -> HttpResponse:
    criterion, unit = row.criterion, row.unit
    found = sheets(unit, criterion.criteria_set, request.user, number=criterion.number, drafts=False)
    asked = {line.indicator.pk for line in row.lines}
    following = reverse("reports:desk_next", args=[criterion.pk, unit.pk]) if _next_url(area, criterion, unit) else ""
    return render(
        request,
        "reports/desk_review.html",
        {
            "unit": unit,
            "criterion": criterion,
            "row": DeskRows(get_token(request), single=True).html(row, following),
            "may_review": row.may_review,
            "following": following,
            "list_url": _list_url(criterion),
            "indicators": [shown for sheet in found for shown in sheet.rows if shown.indicator.pk in asked],
            "panels": EvidencePanels(unit, get_token(request), can_change=False),
        },
        status=status,
    )
