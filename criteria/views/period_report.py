"""Báo cáo kỳ of a commune: the supplementary tables it fills in and what it tells of the period in words."""

from __future__ import annotations

from copy import copy
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from communes.access import can, get_unit, require
from communes.models import Unit
from criteria import supplementary
from criteria.models import PeriodText, ReportingPeriod
from criteria.periods import reported_by
from criteria.supplementary import Changed, Filled, PeriodClosed
from criteria.supplementary_forms import FillForm, TextsForm
from ntm.clock import today

PERIODS_LISTED = 36


def _asked(request: HttpRequest, pk: int, period: int) -> tuple[Unit, ReportingPeriod]:
    unit = get_unit(request.user, pk)
    found = get_object_or_404(reported_by(unit), pk=period)
    require(request.user, "period_report.see", unit)
    return unit, found


@require_safe
def present(request: HttpRequest, pk: int) -> HttpResponse:
    """On to the period that is due next."""
    unit = get_unit(request.user, pk)
    require(request.user, "period_report.see", unit)
    period = supplementary.present_period(supplementary.periods_of(unit))
    if period is None:
        return render(request, "criteria/period_report.html", {"unit": unit, "period": None})
    return redirect("criteria:period_report", unit.pk, period.pk)


@require_safe
def period_report(request: HttpRequest, pk: int, period: int) -> HttpResponse:
    """What the commune has told of a period, and what it is still asked for."""
    unit, found = _asked(request, pk, period)
    wanted = str(request.GET.get("period", ""))
    if wanted.isdecimal() and int(wanted) != found.pk:
        return redirect("criteria:period_report", unit.pk, int(wanted))
    text = supplementary.text_of(unit, found)
    return render(
        request,
        "criteria/period_report.html",
        {
            "unit": unit,
            "period": found,
            "periods": [it for place, it in enumerate(reported_by(unit)) if place < PERIODS_LISTED or it == found],
            "tables": supplementary.filled_by(unit, found, supplementary.tables_for(unit, found)),
            "text": text,
            "parts": [(label, getattr(text, name)) for name, label in PeriodText.PARTS] if text else [],
            "can_fill": can(request.user, "period_report.fill", (unit, found)),
            "has_ended": found.ends_on <= today() or found.closed_at is not None,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def table_fill(request: HttpRequest, pk: int, period: int, table: int) -> HttpResponse:
    """One supplementary table: a form for the commune's people."""
    unit, found = _asked(request, pk, period)
    if not _was_closed_meanwhile(request, unit, found):
        require(request.user, "period_report.fill", (unit, found))
    filled = _filled(unit, found, table)
    form = FillForm(filled, request.POST or None)
    conflict: Filled | None = None
    if request.method == "POST" and form.is_valid():
        try:
            supplementary.save_values(unit, found, filled.table, form.values(), _seen(request), request.user)
        except Changed:
            conflict = filled = _filled(unit, found, table)
        except PeriodClosed:
            form.add_error(None, _closed(found))
        else:
            messages.success(request, f"Đã lưu biểu “{filled.table.name}”.")
            return redirect("criteria:period_report", unit.pk, found.pk)
    context = {"unit": unit, "period": found, "form": form, "filled": filled, "conflict": conflict}
    return render(request, "criteria/supplementary_fill.html", context, status=_status(request, conflict))


def _filled(unit: Unit, period: ReportingPeriod, table: int) -> Filled:
    found = [one for one in supplementary.tables_for(unit, period) if one.pk == table]
    if not found:
        raise Http404("Kỳ này không có biểu bổ sung này.")
    return supplementary.filled_by(unit, period, found)[0]


@require_http_methods(["GET", "HEAD", "POST"])
def texts(request: HttpRequest, pk: int, period: int) -> HttpResponse:
    """Results, difficulties and proposals of a period."""
    unit, found = _asked(request, pk, period)
    if not _was_closed_meanwhile(request, unit, found):
        require(request.user, "period_report.fill", (unit, found))
    stored = supplementary.text_of(unit, found)
    given = {name: getattr(stored, name) for name, _ in PeriodText.PARTS} if stored else {}
    form = TextsForm(request.POST or None, initial=given)
    conflict: PeriodText | None = None
    if request.method == "POST" and form.is_valid():
        try:
            supplementary.save_text(unit, found, form.texts(), _seen(request), request.user)
        except Changed:
            conflict = stored = supplementary.text_of(unit, found)
        except PeriodClosed:
            form.add_error(None, _closed(found))
        else:
            messages.success(request, "Đã lưu nội dung báo cáo.")
            return redirect("criteria:period_report", unit.pk, found.pk)
    context = {
        "unit": unit,
        "period": found,
        "form": form,
        "version": stored.version if stored else 0,
        "conflict": conflict,
        "theirs": [(label, getattr(conflict, name)) for name, label in PeriodText.PARTS] if conflict else [],
    }
    return render(request, "criteria/period_texts.html", context, status=_status(request, conflict))


def _seen(request: HttpRequest) -> int:
    text = request.POST.get("version", "")
    return int(text) if text.isdecimal() and len(text) < 10 else -1


def _status(request: HttpRequest, conflict: Any) -> int:
    return 200 if request.method != "POST" else 409 if conflict else 422


def _was_closed_meanwhile(request: HttpRequest, unit: Unit, period: ReportingPeriod) -> bool:
    """Whether the person, who may fill in the unit's open periods, sends what they typed before this one closed."""
    still_open = copy(period)
    still_open.closed_at = None
    return (
        request.method == "POST"
        and period.closed_at is not None
        and can(request.user, "period_report.fill", (unit, still_open)).allowed
    )


def _closed(period: ReportingPeriod) -> str:
    """What is said above the form, which keeps what was typed."""
    return (
        f"Chưa lưu: {period.name} đã khóa trong lúc bạn nhập. Nội dung bạn nhập còn nguyên ở dưới; chép lại, hoặc "
        "đề nghị điều phối viên tỉnh mở lại kỳ rồi bấm Lưu."
    )
