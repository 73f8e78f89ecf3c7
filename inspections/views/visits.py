"""The list of visits, planning one, its overview, starting and cancelling it."""

from __future__ import annotations

from collections import Counter

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from communes import access
from communes.models import Unit
from criteria.forms import is_id
from criteria.models import CriteriaSet
from inspections import planning
from inspections.findings import left_by_earlier_visits
from inspections.forms import CancelForm, ChangeVisitForm, NewVisitForm, VisitFilterForm
from inspections.models import Finding, TeamMember, Visit
from inspections.progress import visit_progress
from inspections.sheets import visit_record
from ntm.clock import today

PER_PAGE = 25


def get_visit(request: HttpRequest, pk: int) -> Visit:
    """The visit with its team, if the person may see it at all; else 404."""
    return get_object_or_404(
        Visit.objects.visible_to(request.user)
        .select_related("unit__province", "unit__district", "criteria_set", "planned_by", "concluded_by")
        .prefetch_related("team__criteria"),
        pk=pk,
    )


def require_work(request: HttpRequest, visit: Visit) -> None:
    """403 for who sees the visit but not yet what it found."""
    if not access.sees_visit_work(request.user, visit):
        raise PermissionDenied("Kết quả kiểm tra chỉ đoàn kiểm tra xem được cho đến khi kết luận.")


@require_GET
def visit_list(request: HttpRequest) -> HttpResponse:
    access.require(request.user, "inspections.see")
    filters = VisitFilterForm(request.GET, changeable=access.changeable_visits(request.user))
    leader = Prefetch("team", TeamMember.objects.filter(role=TeamMember.Role.LEADER), to_attr="leaders")
    visits = filters.narrow(
        Visit.objects.visible_to(request.user).select_related("unit__district", "criteria_set").prefetch_related(leader)
    )
    page = Paginator(visits, PER_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "inspections/visit_list.html",
        {
            "filters": filters,
            "page": page,
            "unled": planning.unled(page),
            "may_plan": bool(access.plannable_stages(request.user)),
            "form_provinces": [m.unit for m in access.roles(request.user).having(access.COORDINATOR)],
        },
    )


# --- planning --------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def visit_create(request: HttpRequest) -> HttpResponse:
    """First the unit, then the rest: which sets there are follows from the unit."""
    stages = access.plannable_stages(request.user)
    if not stages:
        raise PermissionDenied("Bạn không được lập kế hoạch kiểm tra.")
    units = access.plannable_units(request.user).select_related("district", "province")
    chosen = request.GET.get("unit", "")
    if not is_id(chosen):
        return _choose_unit(request, units)
    unit = get_object_or_404(units, pk=int(chosen))
    sets = list(CriteriaSet.objects.for_unit(unit))
    allowed = [stage for stage in stages if access.can(request.user, f"visit.plan.{stage}", unit)]
    form = NewVisitForm(
        request.POST or None,
        unit=unit,
        stages=allowed,
        sets=sets,
        initial={
            "criteria_set": next((s.pk for s in sets if s.first_day <= today() <= s.last_day), None),
            "stage": allowed[0] if allowed else None,
            "kind": Visit.Kind.VERIFICATION if allowed[:1] == ["district"] else Visit.Kind.APPRAISAL,
            "records_opinion": True,
        },
    )
    if request.method == "POST" and form.is_valid():
        fields = {name: value for name, value in form.cleaned_data.items() if name != "scope"}
        access.require(request.user, f"visit.plan.{fields['stage']}", unit)
        try:
            visit = planning.plan_visit(unit=unit, by=request.user, **fields)
        except planning.Invalid as invalid:
            form.take_errors(invalid.errors)
        except planning.Twice as twice:
            messages.info(request, str(twice))
            return redirect("inspections:visit_team", pk=twice.visit.pk)
        else:
            messages.success(request, f"Đã lập kế hoạch {visit.code}. Tiếp theo: chọn thành phần đoàn và phân công.")
            return redirect("inspections:visit_team", pk=visit.pk)
    status = 422 if form.is_bound else 200
    return render(request, "inspections/visit_form.html", {"form": form, "unit": unit, "visit": None}, status=status)


def _choose_unit(request: HttpRequest, units) -> HttpResponse:
    """The communes a person may plan for, by district, in Vietnamese order."""
    groups: dict[str, list[Unit]] = {}
    for unit in units.order_by("province__sort_key", "district__sort_key", "sort_key"):
        area = unit.district or unit.province
        groups.setdefault(area.full_name, []).append(unit)
    return render(request, "inspections/visit_unit.html", {"groups": groups})


@require_http_methods(["GET", "POST"])
def visit_edit(request: HttpRequest, pk: int) -> HttpResponse:
    visit = get_visit(request, pk)
    access.require(request.user, "visit.change", visit)
    chosen = list(visit.criteria.values_list("pk", flat=True))
    form = ChangeVisitForm(
        request.POST or None,
        sets=[visit.criteria_set],
        initial={
            "kind": visit.kind,
            "records_opinion": visit.records_opinion,
            "planned_on": visit.planned_on,
            "decision_number": visit.decision_number,
            "scope": "some" if chosen else "all",
            "criteria": chosen,
            "version": visit.version,
        },
    )
    status = 200
    if request.method == "POST" and form.is_valid():
        names = ("kind", "records_opinion", "planned_on", "decision_number")
        try:
            planning.change_visit(
                visit,
                {name: form.cleaned_data[name] for name in names},
                criteria=form.cleaned_data["criteria"],
                seen_version=form.cleaned_data["version"],
            )
        except planning.Invalid as invalid:
            form.take_errors(invalid.errors)
        except (planning.Changed, planning.Closed) as refused:
            messages.error(request, str(refused))
            return redirect("inspections:visit_detail", pk=visit.pk)
        else:
            messages.success(request, "Đã lưu kế hoạch.")
            return redirect("inspections:visit_detail", pk=visit.pk)
    if form.is_bound:
        status = 422
    return render(
        request, "inspections/visit_form.html", {"form": form, "unit": visit.unit, "visit": visit}, status=status
    )


@require_POST
def visit_start(request: HttpRequest, pk: int) -> HttpResponse:
    visit = get_visit(request, pk)
    access.require(request.user, "visit.work", visit)
    try:
        planning.start_visit(visit)
    except planning.Closed as closed:
        messages.error(request, str(closed))
    else:
        messages.success(request, f"Đã bắt đầu kiểm tra, ngày {today():%d/%m/%Y}.")
    return redirect("inspections:visit_detail", pk=visit.pk)


@require_http_methods(["GET", "POST"])
def visit_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    visit = get_visit(request, pk)
    access.require(request.user, "visit.change", visit)
    form = CancelForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            planning.cancel_visit(visit, reason=form.cleaned_data["reason"])
        except planning.Closed as closed:
            messages.error(request, str(closed))
        else:
            messages.success(request, f"Đã hủy cuộc kiểm tra {visit.code}.")
        return redirect("inspections:visit_list")
    status = 422 if form.is_bound else 200
    return render(request, "inspections/visit_cancel.html", {"visit": visit, "form": form}, status=status)


# --- the overview ----------------------------------------------------------------------


@require_GET
def visit_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """What the visit is, and, for who may see it, what it has found so far."""
    visit = get_visit(request, pk)
    user = request.user
    context = {
        "visit": visit,
        "team": list(visit.team.all()),
        "unled": bool(planning.unled([visit])),
        "leader": next((m for m in visit.team.all() if m.role == TeamMember.Role.LEADER), None),
        "sees_work": access.sees_visit_work(user, visit),
        "may": {
            action: bool(access.can(user, f"visit.{action}", visit))
            for action in ("change", "work", "conclude", "annex")
        },
        "reads_minutes": bool(access.can(user, "minutes.read", visit)),
    }
    if visit.is_open:
        context["earlier"] = left_by_earlier_visits(user, visit).count()
    if not context["sees_work"]:
        return render(request, "inspections/visit_detail.html", context)
    findings = list(
        Finding.objects.visible_to(user)
        .filter(visit=visit)
        .select_related("criterion", "indicator", "department")
        .order_by("criterion__number", "due_on", "pk")
    )
    context["findings"] = findings
    limited_to = access.visible_criteria(user)
    if visit.is_concluded:
        criteria = planning.scope_of(visit)
        context |= {
            "record": visit_record(visit, criteria, user),
            "annexes": visit.annexes.visible_to(user).select_related("by"),
            "whole": limited_to is None,
        }
        return render(request, "inspections/visit_record.html", context)
    context |= _progress(visit, findings, user)
    return render(request, "inspections/visit_detail.html", context)


def _progress(visit: Visit, findings: list[Finding], user) -> dict:
    progress = visit_progress(visit)
    counts = Counter(finding.criterion_id for finding in findings)
    assigned: dict[int, list[TeamMember]] = {}
    mine: set[int] = set()
    for member in visit.team.all():
        for criterion in member.criteria.all():
            assigned.setdefault(criterion.pk, []).append(member)
            if member.user_id == user.pk:
                mine.add(criterion.pk)
    return {
        "progress": progress,
        "rows": [
            {
                "criterion": row.criterion,
                "members": assigned.get(row.criterion.pk, []),
                "is_mine": row.criterion.pk in mine,
                "scored": row.scored,
                "total": row.total,
                "state": row.state,
                "findings": counts[row.criterion.pk],
            }
            for row in progress.criteria
        ],
        "marks": [
            {
                "number": row.criterion.number,
                "name": row.criterion.name,
                "state": row.state.state,
                "url": reverse("inspections:visit_criterion", args=[visit.pk, row.criterion.number]),
            }
            for row in progress.criteria
        ],
        "gaps": [row.criterion.number for row in progress.criteria if row.criterion.pk not in assigned],
        "next_mine": next((row for row in progress.criteria if row.criterion.pk in mine and not row.is_complete), None),
    }
