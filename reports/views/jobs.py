"""Báo cáo của tôi: reports built in the background, from asking for one to fetching its file."""

from __future__ import annotations

import logging
import mimetypes
from typing import Any

from django.contrib import messages
from django.core import signing
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from communes import access
from criteria.evidence import format_size, stored_path
from reports import jobs
from reports.models import ReportJob
from reports.views import say

audit = logging.getLogger("ntm.audit")

PER_PAGE = 25
SALT = "reports.jobs"


def visible(request: HttpRequest, pk: Any) -> ReportJob:
    """The person's own job, else Http404."""
    return get_object_or_404(ReportJob.objects.kept(timezone.now()).visible_to(request.user), pk=pk)


def offer(request: HttpRequest, kind: str, params: dict[str, Any]) -> HttpResponse:
    """A page that offers to build a report in the background, for views whose report is too large to wait for."""
    jobs.BUILDERS[kind].check(request.user, params)
    return render(
        request,
        "reports/job_start.html",
        {
            "title": jobs.BUILDERS[kind].title(params),
            "token": signing.dumps({"kind": kind, "params": params}, salt=SALT),
        },
    )


@require_POST
def job_start(request: HttpRequest) -> HttpResponse:
    """Put what was offered on the queue; a second click leads to the same job."""
    try:
        asked = signing.loads(request.POST.get("token", ""), salt=SALT)
    except signing.BadSignature:
        text = "Yêu cầu này không đầy đủ. Chọn lại báo cáo ở trang Báo cáo rồi bấm Lập báo cáo."
        return say(request, "Không lập được báo cáo", text, 400)
    return redirect("reports:job", jobs.start(request.user, asked["kind"], asked["params"]).pk)


@require_safe
def job_list(request: HttpRequest) -> HttpResponse:
    rows = ReportJob.objects.kept(timezone.now()).visible_to(request.user)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    listed = [(job, format_size(job.size)) for job in page]
    return render(request, "reports/job_list.html", {"page": page, "listed": listed})


@require_safe
def job_detail(request: HttpRequest, pk: Any) -> HttpResponse:
    """How far the report is; htmx asks again for that part alone until the job has ended."""
    job = visible(request, pk)
    template = "reports/_job.html" if request.headers.get("HX-Request") else "reports/job_detail.html"
    return render(request, template, _context(request, job))


def _context(request: HttpRequest, job: ReportJob) -> dict[str, Any]:
    now = timezone.now()
    has_stopped = job.leased_until is not None and job.leased_until < now
    waits = job.state == ReportJob.State.QUEUED and job.created_at < now - jobs.PATIENCE
    return {
        "job": job,
        "size": format_size(job.size),
        "attempts": jobs.ATTEMPTS,
        "has_stopped": has_stopped,
        "waits": waits,
        "is_worked": not (waits or has_stopped) or jobs.is_worked(now),
        "is_beyond": job.state == ReportJob.State.DONE and job.holds_more_than(access.visible_criteria(request.user)),
    }


@require_POST
def job_cancel(request: HttpRequest, pk: Any) -> HttpResponse:
    job = visible(request, pk)
    if not jobs.cancel(job):
        messages.info(request, "Báo cáo đã kết thúc trước đó nên không hủy nữa.")
    return redirect("reports:job", job.pk)


@require_POST
def job_again(request: HttpRequest, pk: Any) -> HttpResponse:
    """Ask for the same report once more, with the figures of now."""
    job = visible(request, pk)
    return redirect("reports:job", jobs.start(request.user, job.kind, job.params).pk)


@require_safe
def job_file(request: HttpRequest, pk: Any) -> HttpResponseBase:
    """The finished file, if the person may still have this report and see all that is in it."""
    job = visible(request, pk)
    if job.state != ReportJob.State.DONE or job.kind not in jobs.BUILDERS:
        raise Http404("Báo cáo này chưa có tệp.")
    jobs.BUILDERS[job.kind].check(request.user, job.params)
    context = _context(request, job)
    if context["is_beyond"]:
        return render(request, "reports/job_detail.html", context, status=403)
    try:
        stored = stored_path(str(job.file)).open("rb")
    except FileNotFoundError:
        text = "Tệp của báo cáo này không còn trên máy chủ. Mở lại báo cáo ở mục Báo cáo của tôi rồi bấm Lập lại."
        return say(request, "Không còn tệp", text, 404)
    audit.info(
        "report downloaded",
        extra={"username": request.user.get_username(), "workbook": job.file_name, "job": str(job.pk)},
    )
    kind = mimetypes.guess_type(job.file_name)[0] or "application/octet-stream"
    response = FileResponse(stored, as_attachment=True, filename=job.file_name, content_type=kind)
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
