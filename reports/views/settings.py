"""Trình bày báo cáo: how the province's forms are numbered, headed, signed and marked."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from communes.models import Unit
from criteria.models import ReportSettings
from criteria.views.groups import chosen_place
from reports.settings_form import SettingsForm, check_version


@require_http_methods(["GET", "HEAD", "POST"])
def report_settings(request: HttpRequest) -> HttpResponse:
    place = chosen_place(request)
    stored = ReportSettings.objects.filter(province=place).select_related("updated_by").first()
    stored = stored or ReportSettings(province=place, version=0)
    form = SettingsForm(request.POST or None, stored)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                _save(form, place, request.user)
            except ValidationError as changed:
                form.add_error(None, changed)
                data = request.POST.copy()
                data["version"] = str(ReportSettings.objects.get(province=place).version)
                form.data, status = data, 409
            else:
                messages.success(request, "Đã lưu. Các biểu tải từ bây giờ theo trình bày này.")
                return redirect(f"{reverse('reports:settings')}?province={place.pk}")
    context = {"place": place, "form": form, "sections": form.sections(), "stored": stored if stored.pk else None}
    return render(request, "reports/settings.html", context, status=status)


def _save(form: SettingsForm, place: Unit, by: Any) -> None:
    """Raises ValidationError where somebody else saved meanwhile."""
    with transaction.atomic():
        Unit.objects.select_for_update().get(pk=place.pk)  # two first savings wait for each other
        stored = ReportSettings.objects.filter(province=place).select_related("updated_by").first()
        stored = stored or ReportSettings(province=place, version=0)
        check_version(stored, form.cleaned_data["version"])
        form.fill(stored)
        stored.version += 1
        stored.updated_by, stored.updated_at = by, timezone.now()
        stored.full_clean()
        stored.save()
