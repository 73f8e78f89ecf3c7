"""Việc cần làm: what waits for the person who signs in."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from reports.home import home_sections


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "reports/home.html", {"sections": home_sections(request.user)})
