"""The screens that put everything together: home, units, matrix, downloads."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def say(request: HttpRequest, title: str, text: str, status: int) -> HttpResponse:
    """A page that only says why there is nothing to show; the person may see the place itself."""
    return render(request, "reports/message.html", {"title": title, "text": text}, status=status)
