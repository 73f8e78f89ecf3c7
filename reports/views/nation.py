"""Tổng hợp cả nước: the provinces by their headline figures."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from communes import access
from reports.matrix import STAGES, default_set
from reports.nation import nation, nation_sets, provinces_table
from reports.tables import page
from reports.views import say
from reports.views.jobs import offer


@require_safe
def nation_page(request: HttpRequest) -> HttpResponse:
    access.require(request.user, "nation.see")
    sets = nation_sets()
    code, stage = request.GET.get("set", ""), request.GET.get("stage", "") or "self"
    chosen = next((found for found in sets if found.code == code), None) if code else default_set(sets)
    if chosen is None:
        return say(request, "Không có bộ tiêu chí này", "Chọn một bộ tiêu chí của trung ương đang dùng.", 404)
    if stage not in STAGES:
        return say(request, "Không có cấp đánh giá này", f"Các cấp: {', '.join(STAGES.values())}.", 404)
    result = nation(chosen, stage)
    table = provinces_table(result)
    return render(
        request,
        "reports/nation.html",
        {
            "result": result,
            "sets": sets,
            "stages": [(code, label, code == stage) for code, label in STAGES.items()],
            "stage_label": STAGES[stage],
            "head": page.head(table),
            "body": page.body(table),
        },
    )


@require_safe
def nation_xlsx(request: HttpRequest) -> HttpResponse:
    """Offers to build the workbook of all communes; it takes too long to wait for."""
    return offer(request, "nation", {"set": request.GET.get("set", ""), "stage": request.GET.get("stage", "")})
