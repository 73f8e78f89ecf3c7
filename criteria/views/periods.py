"""Kỳ báo cáo: the calendar, one period with who has sent for it and what came after it was closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Case, IntegerField, Value, When
from django.db.models.functions import ExtractYear
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from communes import access
from communes.access import can, require
from communes.models import Unit
from criteria import period_steps as steps
from criteria.models import CriteriaSet, ReportingPeriod, Submission
from criteria.period_forms import PeriodForm, ReopenForm, YearForm
from criteria.period_progress import (
    CommuneRow,
    Progress,
    communes_of,
    count_late,
    late_revisions,
    late_rows,
    progress,
    usual_set,
)
from criteria.period_steps import Invalid, PeriodRefused
from criteria.periods import Phase, comparable, days_left, first_day, phase
from criteria.wordings import worded_of_sets
from ntm.clock import today

PER_PAGE = 40
NAMED = 30  # communes named before a period is closed

# Of the periods that end on one day the shortest first.
BY_LENGTH = Case(
    *(When(kind=kind, then=Value(place)) for place, kind in enumerate(ReportingPeriod.Kind)),
    output_field=IntegerField(),
)


@dataclass(frozen=True, slots=True)
class PeriodRow:
    period: ReportingPeriod
    phase: Phase
    days: int  # left until it is due; below 0: late
    progress: Progress

    @property
    def days_late(self) -> int:
        return -self.days


def get_period(request: HttpRequest, pk: int) -> ReportingPeriod:
    """The period if the person may see it, else 404."""
    return get_object_or_404(ReportingPeriod.objects.visible_to(request.user).select_related("area"), pk=pk)


@require_safe
def period_list(request: HttpRequest) -> HttpResponse:
    """One year's periods: of the places a person reports to, or of one area within (`?area=`)."""
    visible = ReportingPeriod.objects.visible_to(request.user)
    seen = set(visible.order_by().annotate(year=ExtractYear("ends_on")).values_list("area", "year").distinct())
    areas = list(Unit.objects.filter(pk__in={area for area, _ in seen}).order_by("sort_key", "pk"))
    own = access.reporting_places(request.user)
    area = chosen_area(request, areas)
    shown = {area.pk} if area else own or {unit.pk for unit in areas}
    years = sorted({year for pk, year in seen if pk in shown} | {today().year}, reverse=True)
    year = chosen_year(request, years)
    found = (
        visible.filter(area__in=shown, ends_on__year=year)
        .select_related("area")
        .order_by("ends_on", BY_LENGTH, "area__sort_key", "pk")
    )
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    done = progress(list(page), request.user)
    rows = [PeriodRow(period, phase(period), days_left(period), done[period.pk]) for period in page]
    return render(
        request,
        "criteria/period_list.html",
        {
            "page": page,
            "rows": rows,
            "year": year,
            "years": years,
            "area": area,
            "areas": areas,
            "has_places": bool(own),
            "can_make": can(request.user, "periods.make"),
            "sees_sendings": can(request.user, "submissions.see"),
        },
    )


def chosen_area(request: HttpRequest, areas: list[Unit]) -> Unit | None:
    wanted = request.GET.get("area", "")
    found = next((unit for unit in areas if str(unit.pk) == wanted), None)
    if wanted and found is None:
        raise Http404("Không có địa bàn này.")
    return found


def chosen_year(request: HttpRequest, years: list[int]) -> int:
    wanted = request.GET.get("year", "")
    found = next((year for year in years if str(year) == wanted), None)
    if wanted and found is None:
        raise Http404("Không có kỳ báo cáo nào của năm này.")
    return found or today().year


# --- making and changing ---------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def period_create(request: HttpRequest) -> HttpResponse:
    require(request.user, "periods.make")
    form = PeriodForm(request.POST if request.method == "POST" else None, areas=access.period_areas(request.user))
    if request.method == "POST" and form.is_valid():
        try:
            period = steps.create(form.cleaned_data["area"], **form.fields_to_store(), by=request.user)
        except Invalid as invalid:
            form.take_errors(invalid.errors)
        else:
            messages.success(request, f"Đã lập kỳ báo cáo {period.name}.")
            return redirect("criteria:period_detail", pk=period.pk)
    status = 422 if request.method == "POST" else 200
    return render(request, "criteria/period_form.html", {"form": form, "period": None}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def period_create_year(request: HttpRequest) -> HttpResponse:
    """Lập lịch cả năm."""
    require(request.user, "periods.make")
    form = YearForm(
        request.POST if request.method == "POST" else None,
        areas=access.period_areas(request.user),
        initial={"year": today().year},
    )
    if request.method == "POST" and form.is_valid():
        area, year = form.cleaned_data["area"], form.cleaned_data["year"]
        made = steps.create_year(area, year, form.cleaned_data["kinds"], form.cleaned_data["days"], by=request.user)
        if made:
            messages.success(request, f"Đã lập {len(made)} kỳ báo cáo năm {year} của {area.in_sentence}.")
        else:
            messages.info(request, f"Không lập thêm kỳ nào: các kỳ của năm {year} đã có hoặc đã quá hạn gửi.")
        return redirect(
            f"{reverse('criteria:period_list')}?area={area.pk}&year={year}" if made else "criteria:period_list"
        )
    status = 422 if request.method == "POST" else 200
    return render(request, "criteria/period_year.html", {"form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def period_edit(request: HttpRequest, pk: int) -> HttpResponse:
    period = get_period(request, pk)
    require(request.user, "period.change", period)
    names = ("kind", "ends_on", "due_on", "name")
    form = PeriodForm(
        request.POST if request.method == "POST" else None, initial={name: getattr(period, name) for name in names}
    )
    if request.method == "POST" and form.is_valid():
        try:
            steps.change(period, **form.fields_to_store(), by=request.user)
        except Invalid as invalid:
            form.take_errors(invalid.errors)
        except PeriodRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, "Đã lưu kỳ báo cáo.")
            return redirect("criteria:period_detail", pk=period.pk)
    status = 422 if request.method == "POST" else 200
    return render(request, "criteria/period_form.html", {"form": form, "period": period}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def period_delete(request: HttpRequest, pk: int) -> HttpResponse:
    period = get_period(request, pk)
    require(request.user, "period.change", period)
    if request.method != "POST":
        return render(request, "criteria/period_delete.html", {"period": period})
    try:
        steps.delete(period, by=request.user)
    except PeriodRefused as refused:
        messages.error(request, str(refused))
        return redirect("criteria:period_detail", pk=pk)
    messages.success(request, f"Đã xóa kỳ báo cáo {period.name}.")
    return redirect("criteria:period_list")


# --- one period ------------------------------------------------------------------------

STATES = {"": "Tất cả", "late": "Chưa gửi", "sent": "Đã gửi"}


def is_in(row: CommuneRow, state: str) -> bool:
    return not state or (row.submission is None) == (state == "late")


@require_safe
def period_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The period's dates and steps, and the communes that have sent for it and haven't, under one set."""
    period = get_period(request, pk)
    sets = list(CriteriaSet.objects.for_area(period.area, period.ends_on))
    chosen = chosen_set(request, sets, period)
    sees_sendings = can(request.user, "submissions.see")
    rows = communes_of(period, chosen, request.user) if sees_sendings else []
    state = request.GET.get("state", "")
    state = state if state in STATES else ""
    page = Paginator([row for row in rows if is_in(row, state)], PER_PAGE).get_page(request.GET.get("page"))
    makes = can(request.user, "period.change", period)
    fixed = steps.why_fixed(period) if makes else ""
    days = days_left(period)
    return render(
        request,
        "criteria/period_detail.html",
        {
            "period": period,
            "phase": phase(period),
            "days": days,
            "days_late": -days,
            "begins_on": first_day(period.kind, period.ends_on),
            "comparable": comparable(period),
            "late": count_late([period], request.user).get(period.pk, 0),
            "steps": period.steps.select_related("by"),
            "criteria_set": chosen,
            "sets": sets,
            "sees_sendings": sees_sendings,
            "page": page,
            "state": state,
            "filters": [(code, label, sum(is_in(row, code) for row in rows)) for code, label in STATES.items()],
            "can_change": makes and not fixed,
            "fixed": fixed,
            "can_close": can(request.user, "period.close", period) and period.closed_at is None,
            "has_ended": period.ends_on <= today(),
            "can_reopen": can(request.user, "period.reopen", period) and period.closed_at is not None,
        },
    )


def chosen_set(request: HttpRequest, sets: list[CriteriaSet], period: ReportingPeriod) -> CriteriaSet | None:
    """The set asked for, without a word the one the calendar counts by."""
    code = request.GET.get("set", "")
    if not code:
        usual = usual_set(sets, period)
        return next((one for one in sets if one.pk == usual), None)
    found = next((one for one in sets if one.code == code), None)
    if found is None:
        raise Http404("Không có bộ tiêu chí này.")
    return found


@require_safe
def period_late(request: HttpRequest, pk: int) -> HttpResponse:
    """Ghi nhận sau khi khóa: what the closed period's figures leave out."""
    period = get_period(request, pk)
    page, rows = None, []
    if period.closed_at is not None:
        page = Paginator(late_revisions(period, request.user), PER_PAGE).get_page(request.GET.get("page"))
        rows = late_rows(period, list(page))
        worded_of_sets([row.revision.indicator for row in rows], period.ends_on)
    noted = {row.revision.unit_id for row in rows if access.sees_files(request.user, row.revision.unit)}
    context = {"period": period, "page": page, "rows": rows, "noted": noted}
    return render(request, "criteria/period_late.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def period_close(request: HttpRequest, pk: int) -> HttpResponse:
    """Khóa kỳ: what follows, and who hasn't sent yet; on POST it is done."""
    period = get_period(request, pk)
    require(request.user, "period.close", period)
    if request.method == "POST":
        try:
            steps.close(period, by=request.user)
        except PeriodRefused as refused:
            messages.info(request, str(refused))
        else:
            messages.success(request, f"Đã khóa kỳ {period.name}: số liệu của kỳ không đổi nữa.")
        return redirect("criteria:period_detail", pk=period.pk)
    if period.closed_at is not None or period.ends_on > today():
        return redirect("criteria:period_detail", pk=period.pk)
    return render(
        request, "criteria/period_close.html", {"period": period, "consequences": follows(period, request.user)}
    )


def follows(period: ReportingPeriod, user: Any) -> list[str]:
    """What closing the period now means, in sentences."""
    sets = list(CriteriaSet.objects.for_area(period.area, period.ends_on))
    usual = usual_set(sets, period)
    chosen = next((one for one in sets if one.pk == usual), None)
    missing = [row.name for row in communes_of(period, chosen, user) if row.submission is None] if chosen else []
    waiting = list(
        Submission.objects.visible_to(user)
        .filter(unit__in=Unit.objects.within(period.area), state=Submission.State.SENT, sent_at__isnull=False)
        .values_list("rows", flat=True)
    )
    found = [
        f"Số liệu của kỳ là tình hình đến ngày {period.ends_on:%d/%m/%Y} đã ghi nhận đến lúc khóa, không đổi nữa.",
        "Kết quả ghi nhận hoặc hủy sau đó vẫn được nhận, nằm ở mục “Ghi nhận sau khi khóa” và không tính vào kỳ này.",
    ]
    if missing:
        more = f" và {len(missing) - NAMED} xã khác" if len(missing) > NAMED else ""
        names = ", ".join(missing[:NAMED]) + more
        found.append(f"{len(missing)} xã chưa gửi cho kỳ này, được tính theo kết quả đã gửi trước đó: {names}.")
    else:
        found.append("Mọi xã đã gửi cho kỳ này.")
    if waiting:
        found.append(
            f"Còn {len(waiting)} lần gửi chờ tiếp nhận ({sum(waiting)} chỉ tiêu): "
            "nên tiếp nhận hoặc trả lại trước khi khóa."
        )
    return found


@require_http_methods(["GET", "HEAD", "POST"])
def period_reopen(request: HttpRequest, pk: int) -> HttpResponse:
    """Mở lại, with the reason."""
    period = get_period(request, pk)
    require(request.user, "period.reopen", period)
    form = ReopenForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            steps.reopen(period, form.cleaned_data["reason"], by=request.user)
        except PeriodRefused as refused:
            messages.info(request, str(refused))
        else:
            messages.success(request, f"Đã mở lại kỳ {period.name}.")
        return redirect("criteria:period_detail", pk=period.pk)
    if request.method != "POST" and period.closed_at is None:
        return redirect("criteria:period_detail", pk=period.pk)
    status = 422 if request.method == "POST" else 200
    return render(request, "criteria/period_reopen.html", {"period": period, "form": form}, status=status)
