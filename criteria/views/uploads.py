"""One uploaded table: how far it is, what it would do, the confirmation, what came of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from communes import access
from criteria import uploads
from criteria.models import Upload

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PER_PAGE = 25


def visible(request: HttpRequest, pk: Any, **where: Any) -> Upload:
    """The upload if the person may see it, else Http404."""
    rows = Upload.objects.visible_to(request.user).select_related("unit", "criteria_set", "uploaded_by", "voided_by")
    return get_object_or_404(rows, pk=pk, **where)


@require_safe
def upload_list(request: HttpRequest) -> HttpResponse:
    """What was handed in, the newest first."""
    rows = Upload.objects.visible_to(request.user).select_related("unit", "criteria_set", "uploaded_by").defer("plan")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    withdrawable = {row.pk for row in page if access.can(request.user, "upload.withdraw", row)}
    context = {"page": page, "withdrawable": withdrawable, "days_kept": uploads.DAYS_KEPT}
    return render(request, "criteria/uploads/list.html", context)


@require_safe
def upload_detail(request: HttpRequest, pk: Any) -> HttpResponse:
    return show(request, visible(request, pk))


def show(request: HttpRequest, upload: Upload, *, changed: bool = False) -> HttpResponse:
    """The upload as it stands; `changed`: it isn't what was shown before, so nothing was written."""
    kind = uploads.kind_of(upload)
    setup_url = kind.setup_url(upload) if hasattr(kind, "setup_url") else ""
    allowed = kind.allowed(request.user, upload)
    if upload.state == Upload.State.SETUP and allowed:
        return redirect(setup_url)
    context = {
        "upload": upload,
        "plan": upload.plan,
        "changed": changed,
        "setup_url": setup_url,
        "allowed": allowed,
        "plan_template": f"criteria/uploads/{upload.kind}_plan.html",
        "done_template": f"criteria/uploads/{upload.kind}_done.html",
        "has_refused": uploads.returns_rows(upload),
        "may_withdraw": bool(access.can(request.user, "upload.withdraw", upload)),
    }
    if upload.plan and hasattr(kind, "page"):
        context |= kind.page(upload, request.GET)
    if request.headers.get("HX-Request") and upload.state in {Upload.State.CHECKING, Upload.State.WRITING}:
        return render(request, "criteria/uploads/_progress.html", context)
    response = render(request, "criteria/uploads/detail.html", context, status=409 if changed else 200)
    if request.headers.get("HX-Request"):
        response["HX-Refresh"] = "true"
    return response


@require_POST
def upload_apply(request: HttpRequest, pk: Any) -> HttpResponse:
    """Write what the page showed, or show anew what would be written now."""
    upload = visible(request, pk)
    decision = uploads.kind_of(upload).allowed(request.user, upload)
    if not decision:
        raise PermissionDenied(decision.reason)
    try:
        upload = uploads.confirm(upload, request.POST.get("fingerprint", ""), by=request.user)
    except uploads.NotWaiting:
        messages.info(request, "Tệp này đã được xử lý trước đó; không ghi lần thứ hai.")
    except uploads.UploadChanged:
        return show(request, visible(request, pk), changed=True)
    else:
        if upload.state == Upload.State.DONE:
            messages.success(request, f"Đã ghi {upload.original_name}.")
    return redirect("criteria:upload", upload.pk)


@require_POST
def upload_recheck(request: HttpRequest, pk: Any) -> HttpResponse:
    """Check a waiting file again: after something it was refused for was mended, or a check that got stuck."""
    upload = visible(request, pk)
    decision = uploads.kind_of(upload).allowed(request.user, upload)
    if not decision:
        raise PermissionDenied(decision.reason)
    # What is being written holds its row: once it is done, it isn't among these any more.
    states = Upload.State.CHECKING, Upload.State.READY, Upload.State.REFUSED, Upload.State.WRITING
    if uploads.begin(upload, *states):
        uploads.start(upload)
    else:
        messages.info(request, "Tệp này đã được xử lý trước đó.")
    return redirect("criteria:upload", upload.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def upload_withdraw(request: HttpRequest, pk: Any) -> HttpResponse:
    """Take a waiting table back, after one question."""
    upload = visible(request, pk)
    access.require(request.user, "upload.withdraw", upload)
    if request.method == "POST":
        try:
            uploads.withdraw(upload, by=request.user)
            messages.success(request, f"Đã bỏ tệp {upload.original_name}.")
        except uploads.NotWaiting:
            messages.info(request, "Tệp này đã được xử lý trước đó nên không bỏ được.")
        return redirect("criteria:upload_list")
    return render(request, "criteria/uploads/withdraw.html", {"upload": upload})


@require_safe
def upload_refused(request: HttpRequest, pk: Any) -> HttpResponse:
    """The rows that weren't taken, with the reasons in a column, to be mended and handed in again."""
    upload = visible(request, pk)
    kind = uploads.kind_of(upload)
    if not hasattr(kind, "refused_workbook") or not uploads.returns_rows(upload):
        raise Http404("Không có dòng nào bị từ chối.")
    response = HttpResponse(kind.refused_workbook(upload), content_type=XLSX)
    response["Content-Disposition"] = f'attachment; filename="Dong-bi-tu-choi_{str(upload.pk)[:8]}.xlsx"'
    return response


def upload_url(upload: Upload) -> str:
    return reverse("criteria:upload", args=[upload.pk])
