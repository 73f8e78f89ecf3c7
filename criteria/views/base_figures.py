"""Base figures of a unit (Số liệu nền), a year at a time."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from communes.access import can, get_unit, require
from criteria.base_figures import FiguresChanged, figures_of, fingerprint, save_figures, years
from criteria.forms import BaseFiguresForm
from criteria.models.base_figures import FIGURES
from ntm.clock import today


def base_figures(request: HttpRequest, pk: int) -> HttpResponse:
    """The figures of one year, beside those of the year before; on POST saved as one."""
    unit = get_unit(request.user, pk)
    require(request.user, "base_figures.view", unit)
    year = _year(request)
    can_change = can(request.user, "base_figures.change", unit)
    stored, earlier = figures_of(unit, year), figures_of(unit, year - 1)
    status, changed = 200, False
    form = BaseFiguresForm(stored=stored, earlier=earlier)
    if request.method == "POST":
        require(request.user, "base_figures.change", unit)
        form = BaseFiguresForm(request.POST, stored=stored, earlier=earlier)
        if form.is_valid():
            try:
                count = save_figures(unit, year, form.figures(), request.POST.get("seen", ""), request.user)
            except FiguresChanged:
                changed, stored = True, figures_of(unit, year)
                form = BaseFiguresForm(request.POST, stored=stored, earlier=earlier)
            else:
                messages.success(request, f"Đã lưu số liệu nền năm {year}: {count} số liệu thay đổi.")
                return redirect(f"{reverse('criteria:base_figures', args=[unit.pk])}?year={year}")
        status = 409 if changed else 422
    return render(
        request,
        "criteria/base_figures.html",
        {
            "unit": unit,
            "year": year,
            "years": years(),
            "form": form,
            "can_change": can_change,
            "figures": [(figure, stored.get(figure.key), earlier.get(figure.key)) for figure in FIGURES],
            "seen": fingerprint(stored),
            "changed": changed,
            "last": max(stored.values(), key=lambda row: row.updated_at, default=None),
        },
        status=status,
    )


def _year(request: HttpRequest) -> int:
    asked = request.GET.get("year", "") or str(today().year)
    if asked not in {str(year) for year in years()}:
        raise Http404("Không nhập số liệu nền cho năm này.")
    return int(asked)
