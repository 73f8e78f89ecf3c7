"""Việc cần làm: what waits for the person who signs in."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from communes import access
from reports.home import home_sections


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    person = access.roles(request.user)
    # Who works in communes only would find no other than their own.
    may_search = person.is_superuser or any(m.role not in access.COMMUNE_ROLES for m in person.memberships)
    context = {"sections": home_sections(request.user), "may_search": may_search}
    return render(request, "reports/home.html", context)
