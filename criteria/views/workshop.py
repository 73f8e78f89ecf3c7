"""Bộ tiêu chí: where a coordinator keeps sets, targets and groups of communes."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from communes import access
from communes.models import Unit
from criteria.workshop.local_targets import open_reports


def chosen_province(request: HttpRequest) -> Unit | None:
    """The province the person works on: the one named (?province=), else the only one; None for a
    superuser who named none: the nation's rows. 403 for who keeps no reference data."""
    provinces = list(access.visible_provinces(request.user)[:100])
    named = request.GET.get("province", request.POST.get("province", ""))
    found = next((province for province in provinces if str(province.pk) == named), None)
    if found is None and not request.user.is_superuser and provinces:
        found = provinces[0]
    decision = access.can(request.user, "reference.change", found.pk if found else None)
    if not decision:
        raise PermissionDenied(decision.reason)
    return found


@require_safe
def workshop(request: HttpRequest) -> HttpResponse:
    """The ways in, each with what waits behind it."""
    province = chosen_province(request)
    context = {
        "province": province,
        "open_reports": open_reports(province).count(),
        "imports_history": access.can(request.user, "history.import", province.pk if province else None),
    }
    return render(request, "criteria/workshop/workshop.html", context)
