"""How a document is shown in lists: its kind, size, dates and marks."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString

from criteria.evidence import MAX_OTHER, MAX_PDF, TYPES, format_size
from criteria.models import Evidence, EvidenceLink
from ntm.addresses import address
from ntm.clock import today

if TYPE_CHECKING:
    from criteria.evidence_panels import EvidencePanels
    from criteria.sheets import Row

register = template.Library()

EXPIRING = timedelta(days=30)  # how long before its last day a document is marked
KINDS = {"paper": "GIẤY", "classified": "MẬT"}


# A page has one upload for each indicator: what they all say is worked out once.
ACCEPT = ",".join(["application/pdf", "image/*", *(f".{extension}" for extension in TYPES)])
LIMITS = escape(json.dumps({extension: MAX_PDF if extension == "pdf" else MAX_OTHER for extension in TYPES}))


@register.simple_tag
def upload_accept() -> str:
    """What the file chooser offers; "image/*" makes a phone offer its camera as well."""
    return ACCEPT


@register.simple_tag
def upload_limits() -> str:
    """Bytes by extension, for upload.js to spare a weak network what the server would refuse."""
    return LIMITS


@register.filter
def evidence_panel(row: Row, panels: EvidencePanels) -> SafeString:
    """The evidence of a row's indicator; `panels` are the unit's. Never inside a form."""
    return panels.html(row.indicator, row.links)


@register.filter
def file_kind(evidence: Evidence) -> str:
    """Four letters at most: PDF, DOCX, JPG, GIẤY, MẬT."""
    return KINDS.get(evidence.form) or evidence.original_name.rpartition(".")[2].upper()[:4]


@register.filter
def file_size(evidence: Evidence) -> str:
    """ "812 KB", "2,4 MB"; nothing without a file."""
    return format_size(evidence.size) if evidence.form == Evidence.Form.FILE else ""


@register.filter
def is_expired(evidence: Evidence) -> bool:
    return evidence.is_expired(today())


@register.filter
def is_fresh_upload(link: EvidenceLink) -> bool:
    """Whether the link came with the document itself and wasn't sent: taking it off means undoing the upload."""
    evidence = link.evidence
    together = link.created_at - evidence.uploaded_at < timedelta(minutes=1)
    return link.published_at is None and evidence.unit_id == link.unit_id and together


@register.filter
def has_thumbnail(evidence: Evidence) -> bool:
    """Pictures are shown small in lists, unless they hold personal data: each look at those is logged."""
    return evidence.is_image and not evidence.has_personal_data


@register.filter
def as_file(evidence: Evidence) -> dict[str, Any]:
    """A document as components/file_row.html wants it."""
    details = [evidence.document_number]
    if evidence.issued_on:
        details.append(f"Ngày {evidence.issued_on:%d/%m/%Y}")
    if evidence.form == Evidence.Form.FILE:
        details.append(file_size(evidence))
    else:
        details.append(evidence.get_form_display())
    details.append(evidence.kept_at)
    tags = []
    if is_expired(evidence):
        tags.append((f"Hết hạn từ {evidence.expires_on:%d/%m/%Y}", "tag-danger"))
    elif evidence.expires_on and evidence.expires_on < today() + EXPIRING:
        tags.append((f"Sắp hết hạn: {evidence.expires_on:%d/%m/%Y}", "tag-warning"))
    if evidence.has_personal_data:
        tags.append(("Có dữ liệu cá nhân", "tag-warning"))
    return {
        "title": evidence.title,
        "url": address("criteria:evidence_detail", evidence.pk),
        "kind": file_kind(evidence),
        "thumbnail_url": f"{address('criteria:evidence_preview', evidence.pk)}?size=small"
        if has_thumbnail(evidence)
        else "",
        "details": [detail for detail in details if detail],
        "tags": tags,
        "is_retired": evidence.retired_at is not None,
    }
