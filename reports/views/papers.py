"""Báo cáo nhanh and Phiếu niêm yết: as a page to print, and as Word."""

from __future__ import annotations

import logging
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from communes.documents import DOCX
from communes.models import Level, Unit
from criteria.models import CriteriaSet
from reports.matrix import STAGES as AREA_STAGES
from reports.matrix import area_sets, asked_set, default_stage, matrix, opinions_by_stage
from reports.moments import BadMoment, When, asked_moment
from reports.papers.brief import area_brief, commune_brief
from reports.papers.notice import notice as notice_of
from reports.papers.paper import Paper, paper_docx
from reports.readiness import COMBINED, STAGES, readiness
from reports.views import say

audit = logging.getLogger("ntm.audit")


@require_safe
def brief(request: HttpRequest, pk: int, extension: str = "") -> HttpResponse:
    """One page on a commune, a district or a province."""
    unit = get_object_or_404(
        Unit.objects.visible_to(request.user).select_related("province", "district", "commune"), pk=pk
    )
    of_area = unit.level in (Level.PROVINCE, Level.DISTRICT)
    asked = _asked_of_area(request, unit) if of_area else _asked_of_unit(request, unit)
    if isinstance(asked, HttpResponse):
        return asked
    if of_area:
        paper = area_brief(matrix(unit, asked.criteria_set, asked.stage, request.user, asked.when.moment), request.user)
        back = f"{reverse('reports:matrix')}?{urlencode({'area': str(unit.pk)} | asked.query)}"
    else:
        paper = commune_brief(
            readiness(unit, asked.criteria_set, asked.stage, request.user, asked.when.moment), request.user
        )
        back = _unit_url(unit, asked)
    return _show(request, paper, "brief", unit, asked, back, extension)


@require_safe
def notice(request: HttpRequest, pk: int, extension: str = "") -> HttpResponse:
    """One commune's (or village's) result for the public board."""
    units = Unit.objects.filter(level__in=[Level.COMMUNE, Level.VILLAGE])
    unit = get_object_or_404(units.visible_to(request.user).select_related("province", "district", "commune"), pk=pk)
    asked = _asked_of_unit(request, unit)
    if isinstance(asked, HttpResponse):
        return asked
    paper = notice_of(readiness(unit, asked.criteria_set, asked.stage, request.user, asked.when.moment))
    return _show(request, paper, "notice", unit, asked, _unit_url(unit, asked), extension)


class Asked(NamedTuple):
    """The set, stage and moment a paper speaks of."""

    criteria_set: CriteriaSet
    stage: str
    when: When

    @property
    def query(self) -> dict[str, str]:
        return {"set": self.criteria_set.code, "stage": self.stage} | self.when.query


def _asked_of_unit(request: HttpRequest, unit: Unit) -> Asked | HttpResponse:
    """What is asked for, or the page that says there is none such."""
    code, stage = request.GET.get("set", ""), request.GET.get("stage", "") or COMBINED
    try:
        when = asked_moment(request.GET, unit)
        chosen = CriteriaSet.objects.select_related("requires").chosen(unit, code, when.day)
    except BadMoment as bad:
        return say(request, "Không xem được thời điểm này", str(bad), 404)
    except CriteriaSet.DoesNotExist:
        text = f"Bộ tiêu chí này không áp dụng cho {unit.full_name}, hoặc không có."
        return say(request, "Không có bộ tiêu chí này", text, 404)
    if stage not in STAGES:
        return say(request, "Không có cấp đánh giá này", f"Các cấp: {', '.join(STAGES.values())}.", 404)
    return Asked(chosen, stage, when)


def _asked_of_area(request: HttpRequest, area: Unit) -> Asked | HttpResponse:
    try:
        when = asked_moment(request.GET, area)
    except BadMoment as bad:
        return say(request, "Không xem được thời điểm này", str(bad), 404)
    sets = area_sets(area, when.day)
    chosen = asked_set(sets, request.GET.get("set", ""))
    if chosen is None:
        text = f"Bộ tiêu chí này không áp dụng cho các xã của {area.full_name}, hoặc không có."
        return say(request, "Không có bộ tiêu chí này", text, 404)
    stage = request.GET.get("stage", "") or default_stage(opinions_by_stage(area, chosen, request.user))
    if stage not in AREA_STAGES:
        return say(request, "Không có cấp đánh giá này", f"Các cấp: {', '.join(AREA_STAGES.values())}.", 404)
    return Asked(chosen, stage, when)


def _unit_url(unit: Unit, asked: Asked) -> str:
    return f"{reverse('reports:unit_detail', args=[unit.pk])}?{urlencode(asked.query)}"


def _show(
    request: HttpRequest,
    paper: Paper,
    name: str,
    unit: Unit,
    asked: Asked,
    back: str,
    extension: str,
) -> HttpResponse:
    """The paper as a page, or as Word."""
    if not extension:
        query = urlencode(asked.query)
        stages = AREA_STAGES if unit.level in (Level.PROVINCE, Level.DISTRICT) else STAGES
        here = reverse(f"reports:{name}", args=[unit.pk])
        return render(
            request,
            "reports/paper.html",
            {
                "paper": paper,
                "unit": unit,
                "back": back,
                "word": f"{reverse(f'reports:{name}_docx', args=[unit.pk])}?{query}",
                "stages": [
                    (label, f"{here}?{urlencode(asked.query | {'stage': code})}", code == asked.stage)
                    for code, label in stages.items()
                ],
            },
        )
    audit.info(
        "paper downloaded",
        extra={
            "username": request.user.get_username(),
            "paper": name,
            "unit": unit.pk,
            "criteria_set": asked.criteria_set.code,
            "stage": asked.stage,
        },
    )
    return HttpResponse(
        paper_docx(paper),
        content_type=DOCX,
        headers={
            "Content-Disposition": f'attachment; filename="{paper.file_name}"',
            "Cache-Control": "private, no-store",
        },
    )
