"""One criterion of a unit as it stood at a moment: what was demanded, the three opinions, proof and shortcomings.

Now is `criteria.views.entry.criterion`, where work goes on; it leads here for a day or period. This page only reads.
"""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from communes.models import Unit
from criteria.models import CriteriaSet
from criteria.state import Moment
from criteria.verdicts import NO_OPINION, Stage
from reports.moments import BadMoment, asked_moment, periods_offered
from reports.readiness import COMBINED, STAGES, IndicatorLine, readiness
from reports.views import say


@require_safe
def criterion_past(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    units = Unit.objects.visible_to(request.user).select_related("province", "district", "commune")
    unit = get_object_or_404(units, pk=pk)
    try:
        when = asked_moment(request.GET, unit)
    except BadMoment as bad:
        return say(request, "Không xem được thời điểm này", str(bad), 404)
    try:
        criteria_set = CriteriaSet.objects.chosen(unit, request.GET.get("set", ""), on=when.day)
    except CriteriaSet.DoesNotExist:
        raise Http404("Không có bộ tiêu chí này cho đơn vị vào ngày đó.") from None
    here = f"?{urlencode({'set': criteria_set.code})}"
    now_url = reverse("criteria:criterion", args=[unit.pk, number]) + here
    if when.moment is None:
        return redirect(now_url)
    result = readiness(unit, criteria_set, COMBINED, request.user, when.moment)
    place = next((place for place, one in enumerate(result.criteria) if one.number == number), None)
    if place is None:
        raise Http404("Không có tiêu chí này.")
    found = result.criteria[place]
    findings = [finding for finding in result.findings if finding.criterion == number]
    return render(
        request,
        "reports/criterion_past.html",
        {
            "unit": result.unit,
            "criteria_set": criteria_set,
            "criterion": found,
            "when": when,
            "periods": periods_offered(unit, when),
            "now_url": now_url,
            "query": f"{here}&{urlencode(when.query)}",
            "states": [
                (label, found.states[stage].state if stage in found.states else "not_assessed")
                for stage, label in STAGES.items()
            ],
            "rows": [_row(line, when.moment) for line in found.indicators],
            "findings": [finding for finding in findings if finding.id],
            "findings_hidden": sum(finding.id is None for finding in findings),
            "names_files": result.names_files,
            "previous": result.criteria[place - 1] if place else None,
            "next": result.criteria[place + 1] if place + 1 < len(result.criteria) else None,
        },
    )


def _row(line: IndicatorLine, moment: Moment) -> dict[str, Any]:
    """An indicator for the page. A target is told as confirmed where it was by then; an opinion names its own
    where it was judged by another than the one shown."""
    target = line.target.target
    confirmed_at = target.confirmed_at if target else None
    opinions = []
    for stage in Stage:
        told = line.opinions[stage]
        judged_by = told.judged_by[2] if told.judged_by and told.judged_by[0] else ""
        other = judged_by if judged_by != line.target.text else ""
        opinions.append({"label": stage.label, "told": told, "none": NO_OPINION[stage], "judged_by": other})
    return {
        "line": line,
        "is_confirmed": moment.knows(confirmed_at),
        "opinions": opinions,
    }
