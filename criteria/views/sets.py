"""Bộ tiêu chí in the workshop: the list, one set, its files, differences, a file handed in, publication."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from communes import access
from communes.workbooks import UnsafeWorkbook
from criteria import uploads
from criteria.models import CriteriaSet, Upload
from criteria.views.uploads import XLSX
from criteria.views.workshop import chosen_province
from criteria.workshop import sets
from criteria.workshop.difference import KINDS, counts, difference
from criteria.workshop.forms import PublishForm, SetUploadForm
from criteria.workshop.set_data import Data, described, to_json
from criteria.workshop.set_sheets import set_workbook as workbook_of


def _visible(request: HttpRequest, code: str) -> CriteriaSet:
    """The set if the person may see it in the workshop, else Http404."""
    found = access.visible_sets(request.user).select_related("province", "requires")
    return get_object_or_404(found, code=code)


def _kept(request: HttpRequest, code: str) -> CriteriaSet:
    """A set the person may change."""
    found = _visible(request, code)
    access.require(request.user, "reference.change", found.province_id)
    return found


def _described(request: HttpRequest, *sets: CriteriaSet) -> list[Data]:
    """The sets as data, with the local targets that the person may see: a coordinator those of the province
    worked on, which is also the one a file is handed in for."""
    province = chosen_province(request)
    seen = None if request.user.is_superuser or province is None else [province.pk]
    return [described(one, seen) for one in sets]


@require_safe
def set_list(request: HttpRequest) -> HttpResponse:
    """All sets a coordinator sees, with their state and how complete they are."""
    province = chosen_province(request)
    return render(
        request,
        "criteria/workshop/set_list.html",
        {"province": province, "sets": sets.listed(access.visible_sets(request.user))},
    )


@require_safe
def set_detail(request: HttpRequest, code: str) -> HttpResponse:
    return _detail(request, _visible(request, code))


def _detail(request: HttpRequest, criteria_set: CriteriaSet, form: PublishForm | None = None) -> HttpResponse:
    others = access.visible_sets(request.user).filter(level=criteria_set.level).exclude(pk=criteria_set.pk)
    context = {
        "criteria_set": criteria_set,
        "overview": sets.overview(criteria_set),
        "can_change": access.can(request.user, "reference.change", criteria_set.province_id),
        "form": form or PublishForm(initial={"on": criteria_set.effective_on}),
        "others": others.order_by("-first_year", "grade_order", "code").only("code", "name", "status", "province"),
    }
    return render(request, "criteria/workshop/set_detail.html", context, status=422 if form else 200)


@require_safe
def set_difference(request: HttpRequest, code: str) -> HttpResponse:
    """What this set has otherwise than another (?other=)."""
    criteria_set = _visible(request, code)
    if "other" not in request.GET:
        return redirect("criteria:set", criteria_set.code)
    other = _visible(request, request.GET.get("other", ""))
    changes = difference(*_described(request, other, criteria_set))
    return render(
        request,
        "criteria/workshop/set_difference.html",
        {
            "criteria_set": criteria_set,
            "other": other,
            "changes": [change.line() for change in changes],
            "counts": told(counts(changes)),
        },
    )


def told(found: dict[str, int]) -> list[tuple[str, int]]:
    """Counts of changes with their labels, in the usual order."""
    return [(label, found[kind]) for kind, label in KINDS.items() if kind in found]


# --- files ---------------------------------------------------------------------------------


@require_safe
def set_template(request: HttpRequest) -> HttpResponse:
    """The empty workbook."""
    chosen_province(request)
    return _file(workbook_of(), XLSX, "Mau-bo-tieu-chi.xlsx")


@require_safe
def set_workbook(request: HttpRequest, code: str) -> HttpResponse:
    criteria_set = _visible(request, code)
    (data,) = _described(request, criteria_set)
    return _file(workbook_of(data), XLSX, f"Bo-tieu-chi_{criteria_set.code}.xlsx")


@require_safe
def set_json(request: HttpRequest, code: str) -> HttpResponse:
    criteria_set = _visible(request, code)
    (data,) = _described(request, criteria_set)
    return _file(to_json(data), "application/json", f"{criteria_set.code}.json")


def _file(content: bytes, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def set_upload(request: HttpRequest) -> HttpResponse:
    """Hand in a file with a whole set: a new one, or over one that is there."""
    province = chosen_province(request)
    form = SetUploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        options: dict[str, Any] = {"first_day": form.cleaned_data["first_day"].isoformat()}
        try:
            upload = uploads.take(
                Upload.Kind.CRITERIA_SET, form.cleaned_data["file"], by=request.user, unit=province, options=options
            )
        except UnsafeWorkbook as error:
            form.add_error("file", str(error))
        else:
            return redirect("criteria:upload", upload.pk)
    return render(
        request,
        "criteria/workshop/set_upload.html",
        {"form": form, "province": province},
        status=422 if request.method == "POST" else 200,
    )


# --- a draft's end -------------------------------------------------------------------------


@require_POST
def set_publish(request: HttpRequest, code: str) -> HttpResponse:
    criteria_set = _kept(request, code)
    form = PublishForm(request.POST)
    if form.is_valid():
        try:
            sets.publish_set(criteria_set, form.cleaned_data["on"], by=request.user)
        except sets.Refused as refused:
            form.add_error("on", str(refused))
        else:
            messages.success(request, f"Đã công bố, áp dụng từ ngày {form.cleaned_data['on']:%d/%m/%Y}.")
            return redirect("criteria:set", criteria_set.code)
    return _detail(request, criteria_set, form)


@require_http_methods(["GET", "HEAD", "POST"])
def set_discard(request: HttpRequest, code: str) -> HttpResponse:
    """Throw a draft away, after one question."""
    criteria_set = _kept(request, code)
    if criteria_set.status != CriteriaSet.Status.DRAFT:
        raise Http404("Bộ tiêu chí đã công bố.")
    if request.method == "POST":
        try:
            sets.discard(criteria_set, by=request.user)
        except sets.Refused as refused:
            messages.error(request, str(refused))
            return redirect("criteria:set", criteria_set.code)
        messages.success(request, f"Đã bỏ dự thảo “{criteria_set}”.")
        return redirect("criteria:set_list")
    context = {"criteria_set": criteria_set, "cancel_url": reverse("criteria:set", args=[criteria_set.code])}
    return render(request, "criteria/workshop/set_discard.html", context)
