"""Nhóm xã theo số tiêu chí: the groups a province's reports print, for all forms or for one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from communes.models import Unit
from criteria.buckets import buckets_in_force, gaps, history, record
from criteria.models import BucketScheme, CriteriaSet
from criteria.views.groups import chosen_place
from reports.bucket_form import BucketForm
from reports.matrix import area_sets, asked_set
from reports.settings_form import forms_listed

# The forms that print groups of communes; "" stands for all of them and for the brief.
PRINTING = ("01", "03", "22", "23")


@require_http_methods(["GET", "HEAD", "POST"])
def bucket_settings(request: HttpRequest) -> HttpResponse:
    place = chosen_place(request)
    asked = request.POST if request.method == "POST" else request.GET
    sets = area_sets(place)
    code, number = asked.get("set", ""), asked.get("form", "")
    chosen = asked_set(sets, code)
    if number not in ("", *PRINTING) or (code and chosen is None):
        raise Http404("Không có biểu hoặc bộ tiêu chí này.")
    if chosen is None:
        return render(request, "reports/buckets.html", {"place": place, "sets": []})
    past = history(place, chosen, number)
    form, status = _form(None, place, chosen, number, past), 200
    if request.method == "POST":
        form, status = _form(request.POST, place, chosen, number, past), 422
        giving_up = "own" in request.POST
        if form.is_valid() or (giving_up and "seen" not in form.errors):
            kept = [] if giving_up else form.buckets
            try:
                record(place, chosen, number, kept, seen=form.cleaned_data["seen"], by=request.user)
            except ValidationError as changed:
                past = history(place, chosen, number)
                data = request.POST.copy()
                data["seen"] = str(past[0].pk)
                form, status = _form(data, place, chosen, number, past), 409
                form.is_valid()
                form.add_error(None, changed)
            else:
                _say(request, kept, form.criteria)
                query = urlencode({"province": str(place.pk), "set": chosen.code, "form": number})
                return redirect(f"{reverse('reports:buckets')}?{query}")
    titles = forms_listed()
    context = {
        "place": place,
        "sets": sets,
        "criteria_set": chosen,
        "number": number,
        "numbers": [("", "Mọi biểu"), *((one, f"{one}. {titles[one]}") for one in PRINTING)],
        "form": form,
        "past": past,
        "in_force": past[0] if past and past[0].buckets else None,
    }
    return render(request, "reports/buckets.html", context, status=status)


def _form(data: Any, place: Unit, chosen: CriteriaSet, number: str, past: list[BucketScheme]) -> BucketForm:
    shown = buckets_in_force(place, chosen, number)
    return BucketForm(data, shown, chosen.criteria.count(), past[0].pk if past else 0)


def _say(request: HttpRequest, kept: list, criteria: int) -> None:
    if not kept:
        messages.success(request, "Đã bỏ nhóm riêng. Các kỳ đã khóa giữ nhóm như khi khóa.")
        return
    messages.success(request, "Đã lưu nhóm xã. Các biểu lập từ bây giờ theo nhóm này; các kỳ đã khóa giữ nhóm cũ.")
    if free := gaps(kept, criteria):
        messages.warning(request, f"Xã đạt {free} tiêu chí không thuộc nhóm nào, được tính vào dòng “Ngoài các nhóm”.")
