"""One unit in thirty seconds (Tình hình thực hiện), and the ways to find it."""

from __future__ import annotations

from datetime import date

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from communes import access
from communes.lineage import unit_for_code
from communes.models import Level, Unit
from communes.names import search_name
from communes.roster import as_on
from criteria.models import CriteriaSet, Submission
from criteria.recognitions import history_of
from criteria.registrations import registered
from criteria.rollup import Rollup
from inspections.models import Visit
from ntm.clock import today
from reports.lineage import relatives
from reports.moments import BadMoment, When, asked_moment, periods_offered
from reports.pace import Pace, months_left
from reports.readiness import COMBINED, NO_OPINION_AT, STAGES, Readiness, readiness, sentence
from reports.views import say

TOP = 8  # of what is missing and of findings; the rest is in the workbook and the lists
PER_PAGE = 30


@require_safe
def unit_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """A commune (or village) under one set, by one stage's opinion or the combined one."""
    unit = get_object_or_404(
        Unit.objects.visible_to(request.user).select_related("province", "district", "commune"), pk=pk
    )
    if unit.level in (Level.PROVINCE, Level.DISTRICT):
        return redirect(f"{reverse('reports:matrix')}?area={unit.pk}")
    try:
        when = asked_moment(request.GET, unit)
    except BadMoment as bad:
        return say(request, "Không xem được thời điểm này", str(bad), 404)
    sets = list(CriteriaSet.objects.for_unit(unit, when.day).select_related("requires"))
    code, stage = request.GET.get("set", ""), request.GET.get("stage", "") or COMBINED
    if stage not in STAGES:
        return say(request, "Không có cấp đánh giá này", "Chọn một trong các cấp ở trang của đơn vị.", 404)
    chosen = next((found for found in sets if found.code == code), None) if code else _chosen(unit, when.day)
    if chosen is None and code:
        text = f"Bộ tiêu chí này không áp dụng cho {unit.full_name}, hoặc không có."
        return say(request, "Không có bộ tiêu chí này", text, 404)
    before, after = relatives(unit, request.user)
    context = {
        "unit": as_on(unit, when.moment.day) if when.moment else unit,
        "sets": sets,
        "criteria_set": chosen,
        "before": before,
        "after": after,
        "is_closed": unit.closed_on is not None and unit.closed_on <= today(),
        # Until the succession is compared with its decision, the day is only the latest possible one.
        "is_end_verified": all(step.is_verified for step in after),
        "stage": stage,
        "when": when,
    }
    if unit.level == Level.COMMUNE:
        context |= _recognitions(request, unit, [step.unit for step in before], chosen, when)
    if chosen is not None:
        here = {"set": chosen.code, "stage": stage}
        context["now_url"] = f"{reverse('reports:unit_detail', args=[unit.pk])}?{urlencode(here)}"
        context["past"] = f"&{urlencode(when.query)}" if when.moment else ""
        context["periods"] = periods_offered(unit, when)
        context |= _standing(request, unit, chosen, stage, when)
    return render(request, "reports/unit_detail.html", context)


def _chosen(unit: Unit, on: date | None) -> CriteriaSet | None:
    try:
        return CriteriaSet.objects.select_related("requires").chosen(unit, on=on)
    except CriteriaSet.DoesNotExist:
        return None


def _standing(request: HttpRequest, unit: Unit, criteria_set: CriteriaSet, stage: str, when: When) -> dict:
    """What the page says of the unit under one set."""
    user = request.user
    result = readiness(unit, criteria_set, stage, user, when.moment)
    visits = Visit.objects.visible_to(user).filter(unit=unit, criteria_set=criteria_set)
    sent = Submission.objects.visible_to(user).filter(unit=unit, criteria_set=criteria_set, sent_at__isnull=False)
    if when.moment:  # what was done by then; of a visit only that it was concluded is known with its time
        known = {"held_on__lte": when.moment.day, "concluded_at__lte": when.moment.known_until}
        visits = visits.filter(state=Visit.State.CONCLUDED, **known)
        sent = sent.filter(sent_at__lte=when.moment.known_until)
    concluded = visits.filter(state=Visit.State.CONCLUDED).order_by("-held_on", "-pk")
    return {
        "result": result,
        "marks": _marks(result, when),
        "stages": [
            {"code": code, "label": label, "said": _said(result.rollups[code], code), "is_current": code == stage}
            for code, label in STAGES.items()
        ],
        "sources": _sources(result),
        "missing": result.missing if request.GET.get("missing") == "all" else result.missing[:TOP],
        "findings": [finding for finding in result.findings if finding.id][:TOP],
        "findings_hidden": sum(finding.id is None for finding in result.findings),
        # Its sentence speaks of all criteria: not for a department, which reads its own.
        "last_conclusion": None if result.limited else next((visit for visit in concluded[:1] if visit.summary), None),
        "visits": list(visits.order_by("-planned_on", "-pk")[:5]),
        "submissions": list(sent.select_related("sent_by")[:5]),
        "works_here": access.sees_drafts_of(user, unit),
        "can_enter": access.can(user, "entry.change", unit),
        "can_see_figures": access.can(user, "base_figures.view", unit),
        "can_see_period_report": unit.level == Level.COMMUNE and access.can(user, "period_report.see", unit),
        "can_plan": any(access.can(user, f"visit.plan.{at}", unit) for at in access.plannable_stages(user)),
        "ready_needs": result.recognition_needs,
        "registration": _registration(result),
    }


def _recognitions(
    request: HttpRequest, unit: Unit, predecessors: list[Unit], criteria_set: CriteriaSet | None, when: When
) -> dict:
    """What the unit was recognised for, and apart from it what its predecessors were: that isn't carried over."""
    day, known_at = when.moment or (today(), None)
    found = history_of([unit.pk, *(other.pk for other in predecessors)], day, known_at)
    own = [(one, one.is_revoked(day, known_at)) for one in found.get(unit.pk, [])]
    in_force = [one for one, is_revoked in own if not is_revoked]
    return {
        "recognitions": own,
        "recognised": [one for one in in_force if criteria_set and one.criteria_set_id == criteria_set.pk],
        "predecessors_recognised": [
            (other, one, one.is_revoked(day, known_at)) for other in predecessors for one in found.get(other.pk, [])
        ],
        "can_recognise": when.moment is None and access.can(request.user, "recognition.change", unit),
    }


def _registration(result: Readiness) -> dict | None:
    """That the unit is registered for this year, with what is left of the set and of the year; a department,
    which reads of some criteria only, isn't told."""
    year = result.as_of.year
    found = registered([result.unit.pk], result.criteria_set, year, result.as_of).get(result.unit.pk)
    if found is None or result.limited:
        return None
    rollup = result.rollup
    met = rollup.criteria_met if rollup and not rollup.counts["not_assessed"] else None
    pace = Pace(len(result.criteria), met, None, months_left(result.as_of, date(year, 12, 31)))
    return {"year": year, "decision": found.decision, "words": pace.words, "is_met": pace.remaining == 0}


def _marks(result: Readiness, when: When) -> list[dict]:
    query = f"?{urlencode({'set': result.criteria_set.code} | when.query)}"
    page = "reports:criterion_past" if when.moment else "criteria:criterion"
    return [
        {
            "number": criterion.number,
            "name": criterion.name,
            "state": criterion.states[result.stage].state if result.stage in criterion.states else "not_assessed",
            "url": reverse(page, args=[result.unit.pk, criterion.number]) + query,
        }
        for criterion in result.criteria
    ]


def _said(rollup: Rollup | None, stage: str) -> str:
    return sentence(rollup, stage) if rollup else NO_OPINION_AT[stage]


def _sources(result: Readiness) -> list[tuple[str, int]]:
    """For the combined result: how many indicators each stage decided."""
    if result.stage != COMBINED:
        return []
    deciding = [line.combined_source for line in result.indicators if line.is_counted]
    return [(label, deciding.count(code)) for code, label in STAGES.items() if deciding.count(code)]


@require_safe
def unit_search(request: HttpRequest) -> HttpResponse:
    """Units by name (with or without diacritics) or code, within what the person may see."""
    text = request.GET.get("q", "").strip()[:100]
    named = Unit.objects.search(text) if search_name(text) else Unit.objects.none()
    found = named.visible_to(request.user).select_related("district", "province")
    # What is spelt as typed comes first: "Hòa" before "Hoá".
    exact = text.lower()
    ordered = sorted(found, key=lambda unit: (exact not in unit.full_name.lower(), unit.sort_key, unit.pk))
    return render(
        request,
        "reports/unit_search.html",
        {"text": text, "page": Paginator(ordered, PER_PAGE).get_page(request.GET.get("page")), "today": today()},
    )


@require_safe
def unit_by_code(request: HttpRequest, code: str) -> HttpResponse:
    """The unit that bears the state code now, else the last one that did; codes are reused."""
    unit = unit_for_code(code, today())
    if unit is None or not Unit.objects.visible_to(request.user).filter(pk=unit.pk).exists():
        raise Http404("Không có đơn vị mang mã này.")
    return redirect("reports:unit_detail", pk=unit.pk)
