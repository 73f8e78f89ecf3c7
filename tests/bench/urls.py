"""The product's addresses and three that exist for the benchmark only."""

import json
import sys

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path

from communes.access import roles
from ntm.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

HEAVY = ("PIL", "matplotlib", "numpy", "openpyxl", "pandas", "xlsxwriter")


@login_not_required
def hello(request: HttpRequest) -> HttpResponse:
    """What every answer costs at least: the server, the middleware, no database."""
    return HttpResponse("hello, world", content_type="text/plain")


def simplest(request: HttpRequest) -> HttpResponse:
    """The simplest page: base.html, session, signed-in user, membership, nothing else."""
    assert roles(request.user).memberships
    return render(request, "base.html")


@login_not_required
def heavy(request: HttpRequest) -> HttpResponse:
    """Which libraries that are too heavy for the start of a worker this worker has imported."""
    return HttpResponse(json.dumps([name for name in HEAVY if name in sys.modules]), content_type="application/json")


urlpatterns = [
    path("bench/hello/", hello),
    path("bench/simplest/", simplest),
    path("bench/heavy/", heavy),
    path("", include("ntm.urls")),
]
