"""The files of a visit's minutes: frozen at the conclusion, scanned once signed; and the province's form.

Bytes are written and synced under a random name before their row exists, as evidence is.
Freezing runs inside the conclusion's transaction: what can't be drawn or kept concludes
nothing (docs/decisions/0009-minutes-are-frozen-in-the-conclusion.md).
"""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from django.core.files import File
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from communes import access
from communes.documents import DOCX, PDF, file_stem
from communes.models import Unit
from criteria.evidence import UploadRefused, check_upload, stored_path, write_file
from inspections.minutes.data import Minutes, gather
from inspections.minutes.pdf import PdfUnavailable, draw_pdf
from inspections.minutes.word import BUILT_IN, check_template, draw_word
from inspections.models import MinutesFile, MinutesTemplate, Visit

audit = logging.getLogger("ntm.audit")
logger = logging.getLogger(__name__)

FOLDER = "minutes"
OWN_FORM_FAILED = "Mẫu biên bản của tỉnh không dùng được lúc kết luận; bản này lập theo mẫu chung."
SIGNED_TYPES = (PDF, "image/jpeg", "image/png", "image/webp")


class NotDrawn(Exception):
    """The minutes couldn't be drawn or kept; nothing was concluded."""

    def __init__(self) -> None:
        super().__init__(
            "Chưa lập được tệp biên bản nên chưa kết luận; chưa có gì được công bố. "
            "Thử lại sau ít phút; nếu vẫn lỗi, báo quản trị hệ thống."
        )


class AlreadyKept(UploadRefused):
    """The very same scan is kept beside these minutes; it isn't kept twice."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Tệp “{name}” đã được tải lên trước đây cho biên bản này; không lưu thêm bản trùng.")


def freeze(visit: Visit, *, by: Any) -> list[MinutesFile]:
    """Draw both files of a visit just concluded and keep them for good.

    Without the libraries for PDF only Word is kept. A province's form that fails gives way to the
    built-in one, and the row says so. Raises NotDrawn.
    """
    minutes = gather(visit)
    template = template_of(visit.unit.province)
    try:
        content, template, note = _word(minutes, template)
        word = write_file(ContentFile(content), FOLDER)
        try:
            pdf_content = draw_pdf(minutes)
        except PdfUnavailable:
            pdf_content = b""
        pdf = write_file(ContentFile(pdf_content), FOLDER) if pdf_content else ""
    except Exception as failure:
        # Whatever went wrong while drawing, the team must learn that nothing was concluded.
        logger.exception("minutes not drawn", extra={"visit": visit.code})
        raise NotDrawn from failure
    files = [_row(visit, MinutesFile.Kind.WORD, word, content, DOCX, by, template=template, note=note)]
    if pdf:
        files.append(_row(visit, MinutesFile.Kind.PDF, pdf, pdf_content, PDF, by))
    return MinutesFile.objects.bulk_create(files)


def _word(minutes: Minutes, template: MinutesTemplate | None) -> tuple[bytes, MinutesTemplate | None, str]:
    """The Word file, the form it was really drawn from, and what to say of it."""
    if template is None:
        return draw_word(minutes), None, ""
    try:
        return draw_word(minutes, template_bytes(template)), template, ""
    except Exception:  # a form written outside may fail in any way
        logger.exception("a province's form of the minutes failed", extra={"template": template.pk})
        return draw_word(minutes), None, OWN_FORM_FAILED


def _row(visit: Visit, kind: str, name: str, content: bytes, content_type: str, by: Any, **extra: Any) -> MinutesFile:
    return MinutesFile(
        visit=visit,
        kind=kind,
        file=name,
        original_name=file_name(visit, "docx" if kind == MinutesFile.Kind.WORD else "pdf"),
        content_type=content_type,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        by=by,
        at=visit.concluded_at or timezone.now(),
        **extra,
    )


def file_name(visit: Visit, extension: str) -> str:
    """Bien-ban_XaKimLoc_42-2018-001.docx; a draft says so."""
    draft = "" if visit.is_concluded else "du-thao"
    return f"{file_stem('Bien-ban', visit.unit.full_name, visit.code, draft)}.{extension}"


def draw_draft(visit: Visit, kind: str) -> bytes:
    """The minutes of an open visit as they would be now, marked as a draft. Raises PdfUnavailable."""
    minutes = gather(visit)
    if kind == MinutesFile.Kind.PDF:
        return draw_pdf(minutes)
    return _word(minutes, template_of(visit.unit.province))[0]


# --- the signed paper ------------------------------------------------------------------


def add_signed(visit: Visit, file: File, *, by: Any) -> MinutesFile:
    """Keep a scan of the signed minutes beside what was frozen; earlier scans stay.

    Raises PermissionDenied, UploadRefused; AlreadyKept for bytes that are there.
    """
    access.require(by, "minutes.sign", visit)
    checked = check_upload(file)
    if checked.content_type not in SIGNED_TYPES:
        raise UploadRefused(
            f"Biên bản đã ký phải là PDF hoặc ảnh (JPEG, PNG, WebP); “{checked.original_name}” thì không."
        )
    if visit.minutes_files.filter(kind=MinutesFile.Kind.SIGNED, sha256=checked.sha256).exists():
        raise AlreadyKept(checked.original_name)
    name = write_file(file, FOLDER)
    try:
        with transaction.atomic():
            signed = MinutesFile.objects.create(
                visit=visit,
                kind=MinutesFile.Kind.SIGNED,
                file=name,
                original_name=checked.original_name,
                content_type=checked.content_type,
                size=checked.size,
                sha256=checked.sha256,
                by=by,
            )
    except IntegrityError:  # two clicks at once
        stored_path(name).unlink(missing_ok=True)
        raise AlreadyKept(checked.original_name) from None
    audit.info("signed minutes added", extra={"username": by.get_username(), "visit": visit.code, "file": signed.pk})
    return signed


# --- the province's form ---------------------------------------------------------------


def template_of(province: Any) -> MinutesTemplate | None:
    """The province's own form in use; None: the built-in one."""
    return MinutesTemplate.objects.filter(province=province, retired_at__isnull=True).first()


def template_bytes(template: MinutesTemplate | None) -> bytes:
    path = stored_path(str(template.file.name)) if template else BUILT_IN
    return path.read_bytes()


def set_template(province: Unit, file: File, *, by: Any) -> MinutesTemplate:
    """Take a new form in for a province; the one before stays stored. Raises PermissionDenied,
    UploadRefused, TemplateRefused."""
    access.require(by, "minutes.template", province)
    checked = check_template(file)
    name = write_file(file, FOLDER)
    with transaction.atomic():
        _retire(province, by)
        template = MinutesTemplate.objects.create(
            province=province,
            file=name,
            original_name=checked.original_name,
            size=checked.size,
            sha256=checked.sha256,
            uploaded_by=by,
        )
    audit.info("minutes template set", extra={"username": by.get_username(), "province": province.pk})
    return template


@transaction.atomic
def reset_template(province: Unit, *, by: Any) -> bool:
    """Go back to the built-in form; whether there was another one. Raises PermissionDenied."""
    access.require(by, "minutes.template", province)
    changed = _retire(province, by)
    if changed:
        audit.info("minutes template reset", extra={"username": by.get_username(), "province": province.pk})
    return changed


def _retire(province: Unit, by: Any) -> bool:
    """End the form in use. The province's row is held, so that of two at once one waits."""
    Unit.objects.select_for_update(of=("self",)).get(pk=province.pk)
    in_use = MinutesTemplate.objects.filter(province=province, retired_at__isnull=True)
    return bool(in_use.update(retired_at=timezone.now(), retired_by=by))
