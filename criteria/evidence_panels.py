"""The evidence of an indicator as ready HTML: a page of one criterion has a dozen of these panels.

As with the rows' forms (`criteria.entry_forms`), templates would take most of the page's time
(PERFORMANCE, G6). Everything that was typed goes through `escape`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from communes.models import Unit
from criteria.checks import format_day
from criteria.models import Evidence, EvidenceLink, Indicator
from criteria.templatetags.evidence import as_file, is_fresh_upload
from ntm.addresses import address

# Stand in the form that adds evidence for what differs: the indicator's number and code, the unit, the token.
_PK, _CODE, _UNIT, _TOKEN = "987654321", "chi-tieu-987654321", "876543219", "token-987654321"


@cache
def _adding() -> str:
    """How to add evidence, rendered once a process."""
    indicator = {"pk": _PK, "code": _CODE}
    context = {"unit": {"pk": _UNIT}, "indicator": indicator, "csrf_token": _TOKEN}
    return render_to_string("criteria/_evidence_add.html", context)


class EvidencePanels:
    """What is tied to the indicators of a unit, and, for who may change it, how to add and take off.

    A panel holds forms, so it never stands within one; without JavaScript each leads back to
    the criterion's page. Pages with panels load static/criteria/upload.js.
    """

    def __init__(self, unit: Unit, csrf_token: str, *, can_change: bool) -> None:
        self.unit = unit
        self._token = f'<input type="hidden" name="csrfmiddlewaretoken" value="{escape(csrf_token)}">'
        self._can_change = can_change
        self._add = ""
        if can_change:
            self._add = _adding().replace(_UNIT, str(unit.pk)).replace(_TOKEN, escape(csrf_token))

    def html(self, indicator: Indicator, links: Sequence[EvidenceLink], error: str = "") -> SafeString:
        """One indicator's panel. `links`: its current ones, each with its document and that one's unit at hand."""
        pk, code = str(indicator.pk), escape(indicator.code)
        refused = f'<p class="field-error" role="alert">{escape(error)}</p>\n' if error else ""
        rows = "".join(map(self._row, links))
        listed = (
            f'<ul class="file-list">{rows}</ul>'
            if rows
            else '<p class="muted">Chưa có minh chứng cho chỉ tiêu này.</p>'
        )
        add = self._add.replace(_CODE, code).replace(_PK, pk)
        adding = f'<details class="add-evidence"{"" if rows else " open"}>{add}</details>\n' if add else ""
        return mark_safe(
            f'<section class="panel" id="evidence-{pk}" aria-labelledby="evidence-title-{pk}" data-evidence-panel>\n'
            f'<div data-evidence-list data-url="{address("criteria:evidence_panel", self.unit.pk, indicator.pk)}">\n'
            f'<h4 class="h3" id="evidence-title-{pk}">Minh chứng <span class="visually-hidden">chỉ tiêu {code}</span> '
            f'<span class="count">{len(links)}</span></h4>\n{refused}{listed}</div>\n{adding}</section>\n'
        )

    def _row(self, link: EvidenceLink) -> str:
        evidence, file = link.evidence, as_file(link.evidence)
        picture = file["thumbnail_url"]
        kind = f'<img src="{picture}" alt="" loading="lazy">' if picture else escape(file["kind"])
        told = [] if evidence.unit_id == self.unit.pk else [f"Của {evidence.unit.in_sentence}"]
        told += [file["kind"]] if evidence.form == Evidence.Form.FILE else []
        told += [*file["details"], f"Thêm {format_day(timezone.localdate(link.created_at))}"]
        tags = [] if link.published_at else [("Chưa gửi", "tag-accent")]
        tags += file["tags"]
        return (
            f'<li class="file-row"><span class="file-kind" aria-hidden="true">{kind}</span>\n'
            f'<div><div class="file-name"><a href="{file["url"]}">{escape(file["title"])}</a></div>\n'
            f'<div class="file-meta">{" ".join([f"<span>{escape(text)}</span>" for text in told])} '
            f'{" ".join([f"""<span class="tag {css}">{escape(text)}</span>""" for text, css in tags])}</div></div>\n'
            f'<div class="file-actions">{self._taking_off(link) if self._can_change else ""}</div></li>\n'
        )

    def _taking_off(self, link: EvidenceLink) -> str:
        """A fresh upload is undone, any other document is taken off this indicator only."""
        title = escape(link.evidence.title)
        if is_fresh_upload(link):
            action = address("criteria:evidence_undo", link.evidence_id)
            asked = f'<input type="hidden" name="link" value="{link.pk}">'
            word, more = "Hoàn tác", f" thêm {title}"
            confirm = f"Bỏ tài liệu “{title}” vừa thêm? Tài liệu được gỡ khỏi mọi chỉ tiêu và không lưu lại."
            heading = "Hoàn tác"
        else:
            action, asked = address("criteria:evidence_unlink", link.pk), ""
            word, more = "Gỡ", f" {title}"
            confirm = f"Gỡ “{title}” khỏi chỉ tiêu này? Tài liệu vẫn còn trong Kho tài liệu."
            heading = "Gỡ minh chứng"
        return (
            f'<form method="post" action="{action}" hx-post="{action}" hx-target="closest [data-evidence-panel]" '
            f'hx-swap="outerHTML">{self._token}{asked}<button class="btn btn-sm btn-secondary" type="submit" '
            f'data-confirm="{confirm}" data-confirm-title="{heading}" data-confirm-ok="{word}">{word}'
            f'<span class="visually-hidden">{more}</span></button></form>'
        )
