"""The screens that put everything together: home, units, matrix, downloads."""

import logging

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from communes.models import Unit

audit = logging.getLogger("ntm.audit")


class Refusal(Exception):
    """The request can't be drawn; `answer` is the page that says why."""

    def __init__(self, answer: HttpResponse) -> None:
        super().__init__()
        self.answer = answer


def say(request: HttpRequest, title: str, text: str, status: int, back: tuple[str, str] | None = None) -> HttpResponse:
    """A page that only says why there is nothing to show; the person may see the place itself. `back`: the address
    where they choose again, and what the link says."""
    return render(request, "reports/message.html", {"title": title, "text": text, "back": back}, status=status)


def download(
    request: HttpRequest, content: bytes, name: str, content_type: str, unit: Unit, **told: str
) -> HttpResponse:
    """A drawn file as an attachment, kept by no shared cache, and noted by name; `told`: what else the note says."""
    audit.info(
        "workbook downloaded",
        extra={"username": request.user.get_username(), "workbook": name, "unit": unit.pk, **told},
    )
    return HttpResponse(
        content,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"},
    )
