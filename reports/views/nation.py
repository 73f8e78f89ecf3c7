"""Tổng hợp cả nước: the provinces by their headline figures."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from communes import access
from reports import builders
from reports.matrix import STAGES, asked_set
from reports.moments import BadMoment, asked_day
from reports.nation import communes_on, nation, nation_sets, provinces_table
from reports.tables import page
from reports.views import say
from reports.views.jobs import offer


@require_safe
def nation_page(request: HttpRequest) -> HttpResponse:
    """As it stands now; on a past day at once where the communes are few, else by a report in the background."""
    access.require(request.user, "nation.see")
    try:
        when = asked_day(request.GET)
    except BadMoment as bad:
        return say(request, "Không xem được thời điểm này", str(bad), 404)
    sets = nation_sets(when.day)
    code, stage = request.GET.get("set", ""), request.GET.get("stage", "") or "self"
    chosen = asked_set(sets, code)
    if chosen is None:
        return say(request, "Không có bộ tiêu chí này", "Chọn một bộ tiêu chí của trung ương đang dùng.", 404)
    if stage not in STAGES:
        return say(request, "Không có cấp đánh giá này", f"Các cấp: {', '.join(STAGES.values())}.", 404)
    asked = {"set": chosen.code, "stage": stage}
    context = {
        "when": when,
        "criteria_set": chosen,
        "sets": sets,
        "stage": stage,
        "stages": [(code, label, code == stage) for code, label in STAGES.items()],
        "stage_label": STAGES[stage],
        "now_url": f"{reverse('reports:nation')}?{urlencode(asked)}",
        "xlsx_url": f"{reverse('reports:nation_xlsx')}?{urlencode(asked | when.query)}",
        "past": f"&{urlencode(when.query)}" if when.moment else "",
    }
    waits_for = communes_on(when.moment.day) if when.moment else 0
    if waits_for > builders.AT_ONCE:
        return render(request, "reports/nation.html", context | {"waits_for": waits_for})
    result = nation(chosen, stage, when.moment)
    table = provinces_table(result)
    context |= {"result": result, "head": page.head(table), "body": page.body(table)}
    return render(request, "reports/nation.html", context)


@require_safe
def nation_xlsx(request: HttpRequest) -> HttpResponse:
    """Offers to build the workbook of all communes; it takes too long to wait for."""
    params = {"set": request.GET.get("set", ""), "stage": request.GET.get("stage", "")}
    if request.GET.get("as_of"):
        params["as_of"] = request.GET["as_of"]
    return offer(request, "nation", params)
