"""The list of workbooks, and the workbooks themselves."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from communes import access
from communes.models import Level, Unit
from criteria.models import CriteriaSet
from ntm.clock import today
from ntm.snapshot import snapshot
from reports.builders import is_large
from reports.complete import NOT_MADE, area_lacks, criteria_lack
from reports.house import forms_of, house_of
from reports.matrix import STAGES as AREA_STAGES
from reports.matrix import area_sets, asked_set, default_set, default_stage, matrix, opinions_by_stage
from reports.moments import NOW, BadMoment, asked_moment, periods_offered
from reports.readiness import COMBINED, STAGES, Readiness, readiness
from reports.tables.catalogue import KINDS
from reports.tables.files import archive
from reports.tables.readiness import report_of
from reports.views import Refusal, download, say
from reports.views.jobs import offer
from reports.views.matrix import area_choices, choose_area, get_area, seen_areas
from reports.workbooks.layout import CONTENT_TYPE

# Where each button of the list of reports leads, and which field names its place.
REPORTS = {
    "readiness": ("reports:readiness_xlsx", "unit"),
    "readiness_csv": ("reports:readiness_zip", "unit"),
    "brief": ("reports:brief", "unit"),
    "notice": ("reports:notice", "unit"),
    "matrix": ("reports:matrix_xlsx", "area"),
    "area_brief": ("reports:brief", "area"),
}


@require_safe
@snapshot()
def readiness_xlsx(request: HttpRequest, pk: int) -> HttpResponse:
    """Biểu số 02 of one commune or village."""
    from reports.workbooks.readiness import readiness_name, readiness_workbook

    try:
        result = _readiness(request, pk)
    except Refusal as refusal:
        return refusal.answer
    house = house_of(request.user, result.unit)
    content = readiness_workbook(result, request.user, house)
    return _readiness_file(request, result, readiness_name(result, house), content, CONTENT_TYPE)


@require_safe
@snapshot()
def readiness_zip(request: HttpRequest, pk: int) -> HttpResponse:
    """The same as CSV."""
    from reports.workbooks.readiness import readiness_name

    try:
        result = _readiness(request, pk)
    except Refusal as refusal:
        return refusal.answer
    name = readiness_name(result, house_of(request.user, result.unit)).replace(".xlsx", "_csv.zip")
    return _readiness_file(request, result, name, archive(report_of(result)), "application/zip")


def _readiness_file(
    request: HttpRequest, result: Readiness, name: str, content: bytes, content_type: str
) -> HttpResponse:
    told = {"criteria_set": result.criteria_set.code, "stage": result.stage}
    return download(request, content, name, content_type, result.unit, **told)


def _readiness(request: HttpRequest, pk: int) -> Readiness:
    """What the request asks for. Raises Http404, Refusal."""
    unit = get_object_or_404(
        Unit.objects.visible_to(request.user).filter(level__in=[Level.COMMUNE, Level.VILLAGE]), pk=pk
    )
    code, stage = request.GET.get("set", ""), request.GET.get("stage", "") or COMBINED
    try:
        when = asked_moment(request.GET, unit)
    except BadMoment as bad:
        raise Refusal(say(request, "Không xem được thời điểm này", str(bad), 404)) from None
    try:
        criteria_set = CriteriaSet.objects.chosen(unit, code, when.day)
    except CriteriaSet.DoesNotExist:
        text = f"Bộ tiêu chí này không áp dụng cho {unit.full_name}, hoặc không có."
        raise Refusal(say(request, "Không có bộ tiêu chí này", text, 404)) from None
    if stage not in STAGES:
        raise Refusal(say(request, "Không có cấp đánh giá này", f"Các cấp: {', '.join(STAGES.values())}.", 404))
    result = readiness(unit, criteria_set, stage, request.user, when.moment)
    if not result.criteria:
        raise Refusal(say(request, NOT_MADE, criteria_lack(limited=result.limited), 400))
    return result


@require_safe
@snapshot()
def matrix_xlsx(request: HttpRequest, pk: int) -> HttpResponse:
    """Biểu số 01 of a district or province; offered as a background job where there are very many communes."""
    from reports.workbooks.matrix import by_indicator, matrix_name, matrix_workbook

    area = get_area(request, pk)
    try:
        when = asked_moment(request.GET, area)
    except BadMoment as bad:
        return say(request, "Không xem được thời điểm này", str(bad), 404)
    sets = area_sets(area, when.moment.day if when.moment else None)
    chosen = asked_set(sets, request.GET.get("set", ""))
    if chosen is None:
        text = f"Bộ tiêu chí này không áp dụng cho các xã của {area.full_name}, hoặc không có."
        return say(request, "Không có bộ tiêu chí này", text, 404)
    stage = request.GET.get("stage", "") or default_stage(opinions_by_stage(area, chosen, request.user))
    if stage not in AREA_STAGES:
        return say(request, "Không có cấp đánh giá này", f"Các cấp: {', '.join(AREA_STAGES.values())}.", 404)
    if is_large(area, when.moment):
        return offer(request, "matrix", {"area": area.pk, "set": chosen.code, "stage": stage, **when.query})
    result = matrix(area, chosen, stage, request.user, when.moment)
    if lacks := area_lacks(result):
        return say(request, NOT_MADE, lacks, 400)
    house = house_of(request.user, area)
    content = matrix_workbook(result, by_indicator(result), request.user, house)
    told = {"criteria_set": chosen.code, "stage": stage}
    return download(request, content, matrix_name(result, house), CONTENT_TYPE, area, **told)


@require_safe
def report_list(request: HttpRequest) -> HttpResponse:
    """Choose a place, a set and a stage; the same address with `report` leads on to the workbook or page."""
    seen = seen_areas(request)
    area = choose_area(request, seen)
    communes = _communes(request, area)
    report = request.GET.get("report", "")
    if report in REPORTS:
        address, of = REPORTS[report]
        place = request.GET.get(of, "")
        if place.isdecimal():
            chosen = {name: request.GET[name] for name in ("set", "stage") if request.GET.get(name)}
            return redirect(f"{reverse(address, args=[int(place)])}?{urlencode(chosen)}")
    sets = area_sets(area) if area else []
    if not sets and communes:
        sets = list(CriteriaSet.objects.for_unit(communes[0]))
    house = forms_of(area or next(iter(communes), None))
    code = request.GET.get("set", "")
    try:
        when = asked_moment(request.GET, area) if area else NOW
    except BadMoment:  # it was said before one came back here to choose again
        when = NOW
    return render(
        request,
        "reports/report_list.html",
        {
            "area": area,
            "areas": area_choices(seen, area) if area else [],
            "communes": communes,
            "unit_id": communes[0].pk if len(communes) == 1 else None,
            "sets": sets,
            "set_code": code if code in {one.code for one in sets} else getattr(default_set(sets), "code", ""),
            "stage": request.GET.get("stage", ""),
            "when": when,
            "ticked": request.GET.getlist("report"),
            "stages": STAGES.items(),
            "area_stages": AREA_STAGES.items(),
            "kinds": [
                (kind, house.form(kind.form))
                for kind in KINDS.values()
                if not kind.action or (area and access.can(request.user, kind.action, area))
            ],
            "forms": {"matrix": house.form("01"), "readiness": house.form("02")},
            "periods": periods_offered(area, NOW) if area else [],
            "names_files": access.sees_files(request.user, area),
        },
    )


def _communes(request: HttpRequest, area: Unit | None) -> list[Unit]:
    """The communes one may choose: those of the area, or all the person sees where there is no area."""
    units = Unit.objects.rural_communes()
    if area is not None:
        units = units.within(area).existing(today())
    return list(units.visible_to(request.user).order_by("closed_on", "sort_key", "pk")[:1000])
