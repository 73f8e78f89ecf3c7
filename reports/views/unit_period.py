"""Báo cáo kỳ of one commune: its page, its workbook, its CSV."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from communes.access import get_unit
from communes.models import Level
from criteria.models import CriteriaSet
from criteria.periods import reported_by
from criteria.verdicts import Stage
from ntm.clock import today
from ntm.snapshot import snapshot
from reports.complete import NOT_MADE
from reports.house import forms_of
from reports.matrix import STAGES
from reports.tables import unit_period
from reports.tables.files import archive
from reports.tables.table import Report
from reports.views import download, say
from reports.views.tables import shown_table
from reports.workbooks.layout import CONTENT_TYPE


def _asked(request: HttpRequest, pk: int, period: int) -> Report:
    """Raises Http404 for a unit out of sight, a period of others or to come, a set that doesn't apply, an unknown
    stage."""
    unit = get_unit(request.user, pk)
    if unit.level != Level.COMMUNE:
        raise Http404("Báo cáo này lập cho một xã.")
    found = get_object_or_404(reported_by(unit), pk=period)
    if found.ends_on > today() and found.closed_at is None:
        raise Http404("Kỳ này chưa đến ngày chốt số liệu.")
    try:
        criteria_set = CriteriaSet.objects.chosen(unit, request.GET.get("set", ""))
    except CriteriaSet.DoesNotExist:
        raise Http404("Bộ tiêu chí này không áp dụng cho xã, hoặc không có.") from None
    stage = request.GET.get("stage", "") or Stage.SELF.value
    if stage not in STAGES:
        raise Http404("Không có cấp đánh giá này.")
    return unit_period.draw(request.user, unit, found, criteria_set, stage)


@require_safe
@snapshot()
def page(request: HttpRequest, pk: int, period: int) -> HttpResponse:
    report = _asked(request, pk, period)
    criteria_set = report.criteria_set
    stage = request.GET.get("stage", "") or Stage.SELF.value
    context = {
        "report": report,
        "unit": report.subject,
        "period": period,
        "number": forms_of(report.subject).form(report.form),
        "tables": [shown_table(table) for table in report.tables],
        "sets": CriteriaSet.objects.for_unit(report.subject),
        "stages": STAGES.items(),
        "stage": stage,
        "query": urlencode({"set": criteria_set.code if criteria_set else "", "stage": stage}),
    }
    return render(request, "reports/unit_period.html", context)


@require_safe
@snapshot()
def xlsx(request: HttpRequest, pk: int, period: int) -> HttpResponse:
    from reports.workbooks.tables import reports_name, reports_workbook

    report = _asked(request, pk, period)
    if report.lacking:
        return say(request, NOT_MADE, report.lacking, 400)
    content = reports_workbook([report], request.user)
    return download(request, content, reports_name([report]), CONTENT_TYPE, report.subject)


@require_safe
@snapshot()
def csv(request: HttpRequest, pk: int, period: int) -> HttpResponse:
    from reports.workbooks.tables import reports_name

    report = _asked(request, pk, period)
    if report.lacking:
        return say(request, NOT_MADE, report.lacking, 400)
    name = reports_name([report]).replace(".xlsx", "_csv.zip")
    return download(request, archive(report), name, "application/zip", report.subject)
