"""Communes registered to reach the standard in a year: many ticked at once, one taken back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from communes import access
from communes.fields import DayField, TextField
from communes.models import Unit
from criteria.forms import is_id
from criteria.models import CriteriaSet, Registration
from criteria.registrations import RegistrationRefused, register, registered, withdraw, years
from ntm.clock import today
from reports.matrix import STAGES, area_sets, asked_set, default_stage, matrix, opinions_by_stage
from reports.views import say
from reports.views.matrix import area_choices, choose_area, seen_areas


class RegisterForm(forms.Form):
    """By which decision the ticked communes are registered."""

    decision = TextField(
        label="Văn bản đăng ký",
        max_length=100,
        help_text="Số, ký hiệu, ví dụ 12/KH-UBND.",
        error_messages={"required": "Nhập số, ký hiệu văn bản."},
    )
    decided_on = DayField(label="Ngày văn bản")


class WithdrawForm(forms.Form):
    reason = TextField(label="Lý do rút đăng ký", max_length=500, error_messages={"required": "Nêu lý do rút đăng ký."})


@require_http_methods(["GET", "HEAD", "POST"])
def registration_list(request: HttpRequest) -> HttpResponse:
    """The area's communes, registered or not, for a set and year; on POST those ticked are registered."""
    seen = seen_areas(request)
    area = choose_area(request, seen)
    if area is None:
        reason = access.can(request.user, "areas.see").reason
        return say(request, "Không có địa bàn để xem đăng ký", reason, 404)
    sets = area_sets(area)
    chosen = asked_set(sets, request.GET.get("set", ""))
    if chosen is None:
        return say(request, "Không có bộ tiêu chí này", "Bộ tiêu chí không áp dụng cho địa bàn, hoặc không có.", 404)
    year = _year(request, chosen)
    here = _address(area.pk, chosen.code, year)
    form, errors = RegisterForm(request.POST or None), []
    ticked = [int(key) for key in request.POST.getlist("commune") if is_id(key)]
    if request.method == "POST":
        access.require(request.user, "registration.change", area)
        if not ticked:
            errors.append(("communes", "Chọn ít nhất một xã."))
        if form.is_valid() and not errors:
            try:
                count = register(area, ticked, chosen, year, **form.cleaned_data, by=request.user)
            except RegistrationRefused as refused:
                form.add_error(None, str(refused))
            else:
                messages.success(request, _recorded(count, len(set(ticked)) - count, year))
                return redirect(here)
    context = {"area": area, "areas": area_choices(seen, area), "sets": sets, "criteria_set": chosen, "here": here}
    context |= {"year": year, "years": years(chosen), "form": form, "errors": errors, "ticked": ticked}
    context |= _communes(request, area, chosen, year)
    context["can_change"] = access.can(request.user, "registration.change", area)
    return render(request, "reports/registration_list.html", context, status=422 if form.errors or errors else 200)


def _recorded(new: int, there: int, year: int) -> str:
    """What happened, in words; those registered before keep their document."""
    said = [f"Đã ghi {new} xã đăng ký đạt chuẩn năm {year}."] if new else [f"Không có xã nào mới đăng ký năm {year}."]
    return " ".join([*said, *([f"{there} xã đã đăng ký từ trước, giữ nguyên văn bản đã ghi."] if there else [])])


def _address(area: int | None, code: str, year: int) -> str:
    return f"{reverse('reports:registration_list')}?{urlencode({'area': area or '', 'set': code, 'year': str(year)})}"


def _year(request: HttpRequest, criteria_set: CriteriaSet) -> int:
    known = years(criteria_set)
    asked = request.GET.get("year", "")
    if asked and asked not in map(str, known):
        raise Http404("Không ghi đăng ký cho năm này.")
    return int(asked) if asked else min(max(today().year, known[0]), known[-1])


def _communes(request: HttpRequest, area: Unit, criteria_set: CriteriaSet, year: int) -> dict[str, Any]:
    """The rows of the matrix with their registrations, the registered first."""
    stage = default_stage(opinions_by_stage(area, criteria_set, request.user))
    result = matrix(area, criteria_set, stage, request.user)
    found = registered((row.unit_id for row in result.rows), criteria_set, year, today())
    rows = sorted(((row, found.get(row.unit_id)) for row in result.rows), key=lambda pair: pair[1] is None)
    return {"rows": rows, "registered": len(found), "total": len(result.criteria), "stage": STAGES[stage]}


@require_http_methods(["GET", "HEAD", "POST"])
def registration_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one back: asked once, with the reason."""
    rows = Registration.objects.visible_to(request.user).filter(withdrawn_at__isnull=True)
    found = get_object_or_404(rows.select_related("unit", "criteria_set"), pk=pk)
    access.require(request.user, "registration.change", found.unit)
    area = request.GET.get("area", "")
    back_to = int(area) if is_id(area) else found.unit.district_id or found.unit.province_id
    back = _address(back_to, found.criteria_set.code, found.year)
    form = WithdrawForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        withdraw(found, form.cleaned_data["reason"], request.user)
        messages.success(request, f"Đã rút đăng ký năm {found.year} của {found.unit.full_name}.")
        return redirect(back)
    context = {"registration": found, "form": form, "back": back}
    return render(request, "reports/registration_withdraw.html", context, status=422 if form.errors else 200)
