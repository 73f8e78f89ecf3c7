"""People by Excel list: the empty workbook, the preview, the confirmation."""

from __future__ import annotations

import logging
from collections import Counter

from django.contrib import messages
from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from communes import access, user_lists
from communes.models import Unit
from communes.names import search_name
from communes.user_forms import ListForm
from communes.user_lists import MAX_PEOPLE, Outcome, Row
from communes.views.users import choose_province, chosen_province, me
from communes.workbooks import MAX_FILE, UnsafeWorkbook

audit = logging.getLogger("ntm.audit")

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@require_GET
def user_template(request: HttpRequest) -> HttpResponse:
    access.require(me(request), "people.create")
    province = chosen_province(request)
    if province is None:
        return choose_province(request, "Tải tệp mẫu")
    name = "".join(word.capitalize() for word in search_name(province.name).split())
    response = HttpResponse(user_lists.empty_workbook(province, me(request)), content_type=XLSX)
    response["Content-Disposition"] = f'attachment; filename="Danh-sach-nguoi-dung_{name}.xlsx"'
    return response


@require_http_methods(["GET", "POST"])
def user_import(request: HttpRequest) -> HttpResponse:
    """Take a filled list and show what it would do."""
    access.require(me(request), "people.create")
    province = chosen_province(request)
    if province is None:
        return choose_province(request, "Tạo, sửa người dùng bằng danh sách Excel")
    form = ListForm(request.POST, request.FILES) if request.method == "POST" else ListForm()
    if request.method == "POST" and form.is_valid():
        try:
            # One byte more than allowed is enough to see that it is too large.
            rows = user_lists.read_list(form.cleaned_data["file"].read(MAX_FILE + 1))
        except UnsafeWorkbook as unsafe:
            form.add_error("file", str(unsafe))
        else:
            return show_preview(request, rows, province)
    status = 422 if form.is_bound else 200
    context = {"form": form, "province": province, "most": MAX_PEOPLE}
    return render(request, "communes/user_import.html", context, status=status)


def show_preview(
    request: HttpRequest, rows: list[Row], province: Unit, outcomes: list[Outcome] | None = None
) -> HttpResponse:
    """What the list would do now; with outcomes given, because that is no longer what was shown."""
    changed = outcomes is not None
    if outcomes is None:
        outcomes = user_lists.preview(rows, province, me(request))
    counts = Counter(outcome.verb for outcome in outcomes)
    altered = counts["change"] + counts["move"] + counts["close"]
    context = {
        "outcomes": outcomes,
        "province": province,
        "counts": {verb: counts[verb] for verb in ("create", "same", "refuse")},
        "altered": altered,
        "effective": counts["create"] + altered,
        "resting": sum(bool(outcome.duties) for outcome in outcomes),
        "sealed": user_lists.seal(rows, province, me(request), outcomes),
        "changed": changed,
    }
    return render(request, "communes/user_import_preview.html", context, status=409 if changed else 200)


@require_POST
def user_import_apply(request: HttpRequest) -> HttpResponse:
    """Do what the preview showed, or show anew what the list would do now."""
    access.require(me(request), "people.create")
    try:
        rows, province_pk, seen = user_lists.unseal(request.POST.get("sealed", ""), me(request))
    except BadSignature:
        messages.error(request, "Bản xem trước đã quá hạn hoặc không đúng. Tải danh sách lên lại.")
        return redirect("communes:user_import")
    province = get_object_or_404(access.visible_provinces(me(request)), pk=province_pk)
    try:
        outcomes = user_lists.apply(rows, province, me(request), seen)
    except user_lists.Changed as changed:
        return show_preview(request, rows, province, changed.outcomes)
    counts = Counter(outcome.verb for outcome in outcomes)
    audit.info("list of people applied", extra={"username": me(request).get_username(), **counts})
    messages.success(
        request,
        f"Đã thực hiện danh sách: tạo {counts['create']}, sửa {counts['change']}, chuyển {counts['move']}, "
        f"ngừng hoạt động {counts['close']} người; bỏ qua {counts['refuse'] + counts['same']} dòng.",
    )
    return redirect("communes:slip_list" if counts["create"] else "communes:user_list")
