"""Biên bản of a visit: the draft, the frozen files, the signed scan; and a province's own form of it."""

from __future__ import annotations

import io
import logging

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from communes import access
from communes.documents import DOCX, PDF
from communes.models import Level, Unit
from criteria.evidence import UploadRefused, stored_path
from criteria.views.evidence import FOR_PDF, INLINE, STRICT, private
from inspections.forms import MinutesTemplateForm, SignedMinutesForm
from inspections.minutes import files as rules
from inspections.minutes.pdf import PdfUnavailable
from inspections.minutes.word import FIELDS, Listed, TemplateRefused
from inspections.models import MinutesFile, Visit
from inspections.views.visits import get_visit

audit = logging.getLogger("ntm.audit")
logger = logging.getLogger(__name__)

DRAFTS = {"docx": (MinutesFile.Kind.WORD, DOCX), "pdf": (MinutesFile.Kind.PDF, PDF)}


def readable_visit(request: HttpRequest, pk: int) -> Visit:
    """The visit whose minutes the person may read: else 404 out of scope, 403 with the reason."""
    visit = get_visit(request, pk)
    access.require(request.user, "minutes.read", visit)
    return visit


@require_http_methods(["GET", "HEAD", "POST"])
def visit_minutes(request: HttpRequest, pk: int) -> HttpResponse:
    """The files there are, with their checksums; a POST adds the scan of the signed paper."""
    visit = readable_visit(request, pk)
    form = SignedMinutesForm(request.POST or None, request.FILES or None)
    status = 200
    if request.method == "POST":
        access.require(request.user, "minutes.sign", visit)
        status = 422
        if form.is_valid():
            try:
                rules.add_signed(visit, form.cleaned_data["file"], by=request.user)
            except rules.AlreadyKept as kept:
                messages.info(request, kept.message)
                return redirect("inspections:visit_minutes", pk=visit.pk)
            except UploadRefused as refused:
                form.add_error("file", refused.message)
                status = refused.status
            else:
                messages.success(request, "Đã lưu biên bản đã ký.")
                return redirect("inspections:visit_minutes", pk=visit.pk)
    found = list(visit.minutes_files.select_related("by", "template"))
    frozen = [file for file in found if file.kind != MinutesFile.Kind.SIGNED]
    province = visit.unit.province
    return render(
        request,
        "inspections/visit_minutes.html",
        {
            "visit": visit,
            "frozen": sorted(frozen, key=lambda file: file.kind != MinutesFile.Kind.WORD),
            "has_pdf": any(file.kind == MinutesFile.Kind.PDF for file in frozen),
            "signed": [file for file in found if file.kind == MinutesFile.Kind.SIGNED],
            "may_sign": bool(access.can(request.user, "minutes.sign", visit)),
            "may_template": bool(access.can(request.user, "minutes.template", province)),
            "form": form,
        },
        status=status,
    )


@require_safe
def minutes_draft(request: HttpRequest, pk: int, extension: str) -> HttpResponseBase:
    """The minutes of an open visit as they would be now."""
    visit = readable_visit(request, pk)
    if visit.is_concluded:
        return redirect("inspections:visit_minutes", pk=visit.pk)
    kind, content_type = DRAFTS[extension]
    try:
        content = rules.draw_draft(visit, kind)
    except PdfUnavailable as missing:
        context = {"visit": visit, "text": str(missing)}
        return render(request, "inspections/minutes_unavailable.html", context, status=503)
    response = FileResponse(
        io.BytesIO(content),
        as_attachment=content_type == DOCX,
        filename=rules.file_name(visit, extension),
        content_type=content_type,
    )
    return private(response, FOR_PDF if content_type == PDF else STRICT)


@require_safe
def minutes_file(request: HttpRequest, pk: int, file: int) -> HttpResponseBase:
    """A stored file under its own name; shown by the browser if it can, or saved (`?download=1`)."""
    visit = readable_visit(request, pk)
    found = get_object_or_404(visit.minutes_files, pk=file)
    try:
        stored = stored_path(str(found.file.name)).open("rb")
    except FileNotFoundError:
        logger.error("a stored file is missing", extra={"visit": visit.code, "file": found.file.name})
        text = "Tệp biên bản này không còn trên máy chủ. Sự cố đã được ghi lại cho người quản trị khôi phục."
        return render(request, "inspections/minutes_unavailable.html", {"visit": visit, "text": text}, status=404)
    audit.info(
        "minutes downloaded",
        extra={"username": request.user.get_username(), "visit": visit.code, "file": found.pk, "kind": found.kind},
    )
    inline = found.content_type in INLINE and not request.GET.get("download")
    response = FileResponse(
        stored, as_attachment=not inline, filename=found.original_name, content_type=found.content_type
    )
    return private(response, FOR_PDF if inline and found.content_type == PDF else STRICT)


# --- the province's form ---------------------------------------------------------------


def own_province(request: HttpRequest, pk: int) -> Unit:
    """The province whose form the person may change: else 404 out of scope, 403 with the reason."""
    provinces = Unit.objects.filter(level=Level.PROVINCE)
    province = get_object_or_404(provinces.visible_to(request.user), pk=pk)
    access.require(request.user, "minutes.template", province)
    return province


@require_http_methods(["GET", "HEAD", "POST"])
def minutes_template(request: HttpRequest, pk: int) -> HttpResponse:
    """The form in use, the fields it may have; a POST puts another one in its place."""
    province = own_province(request, pk)
    form = MinutesTemplateForm(request.POST or None, request.FILES or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                rules.set_template(province, form.cleaned_data["file"], by=request.user)
            except UploadRefused as refused:
                form.add_error("file", refused.message)
                status = refused.status
            except TemplateRefused as refused:
                form.add_error("file", str(refused))
            else:
                messages.success(request, "Đã thay mẫu biên bản. Các biên bản kết luận từ nay dùng mẫu này.")
                return redirect("inspections:minutes_template", pk=province.pk)
    return render(
        request,
        "inspections/minutes_template.html",
        {"province": province, "template": rules.template_of(province), "form": form, "fields": _described()},
        status=status,
    )


@require_safe
def minutes_template_file(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The form in use, to start one's own from."""
    province = own_province(request, pk)
    template = rules.template_of(province)
    response = FileResponse(
        io.BytesIO(rules.template_bytes(template)),
        as_attachment=True,
        filename=template.original_name if template else "Mau-bien-ban.docx",
        content_type=DOCX,
    )
    return private(response, STRICT)


@require_POST
def minutes_template_reset(request: HttpRequest, pk: int) -> HttpResponse:
    province = own_province(request, pk)
    if rules.reset_template(province, by=request.user):
        messages.success(request, "Đã trở về mẫu chung. Mẫu trước đây vẫn được lưu.")
    else:
        messages.info(request, "Tỉnh đang dùng mẫu chung.")
    return redirect("inspections:minutes_template", pk=province.pk)


def _described() -> list[dict]:
    """The fields as the page lists them: single ones, then each list with how its rows are written."""
    single = [(f"{{{{ {name} }}}}", meaning) for name, meaning in FIELDS.items() if isinstance(meaning, str)]
    groups = [{"title": "Trường dùng một lần", "loop": "", "rows": single}]
    for name, listed in FIELDS.items():
        if isinstance(listed, Listed):
            groups += _list_groups(name, listed, "d" if name != "tieu_chi" else "tc")
    return groups


def _list_groups(path: str, listed: Listed, row: str) -> list[dict]:
    rows = [(f"{{{{ {row}.{name} }}}}", text) for name, text in listed.fields.items() if isinstance(text, str)]
    groups = [{"title": listed.meaning, "loop": f"{{%tr for {row} in {path} %}} … {{%tr endfor %}}", "rows": rows}]
    for name, inner in listed.fields.items():
        if isinstance(inner, Listed):
            groups += _list_groups(f"{row}.{name}", inner, "ct")
    return groups
