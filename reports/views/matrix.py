"""Bảng tổng hợp theo xã: the communes of an area against the criteria of a set."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from communes import access
from communes.models import Level, Unit
from communes.names import sort_key
from criteria.rollup import STATES_THAT_COUNT_AS_MET
from ntm.clock import today
from reports.cells import BODY, PHONE_LIST, fill, regroup
from reports.matrix import STAGES, Matrix, Row, area_sets, default_set, default_stage, matrix, opinions_by_stage
from reports.moments import NOW, BadMoment, asked_moment, periods_offered
from reports.views import say

SORTS = {
    "district": "Theo huyện",
    "name": "Theo tên xã",
    "most": "Đạt nhiều tiêu chí trước",
    "least": "Đạt ít tiêu chí trước",
}


AREAS = (Level.PROVINCE, Level.DISTRICT)


def get_area(request: HttpRequest, pk: str | int) -> Unit:
    """The area if the person may see it, else 404; also for what isn't a number."""
    try:
        number = int(pk)
    except ValueError:
        raise Http404("Không có địa bàn này.") from None
    areas = Unit.objects.filter(level__in=AREAS)
    return get_object_or_404(areas.visible_to(request.user).select_related("province"), pk=number)


def seen_areas(request: HttpRequest) -> list[Unit]:
    """All areas that exist today and that the person may see, in Vietnamese order."""
    areas = Unit.objects.filter(level__in=AREAS).existing(today()).visible_to(request.user)
    return list(areas.order_by("sort_key", "pk"))


def home_area(request: HttpRequest, seen: list[Unit]) -> Unit | None:
    """Where the person's work starts, or the first area there is, provinces first."""
    homes = [unit.pk for unit in access.home_units(request.user)]
    at_home = [area for home in homes for area in seen if area.pk == home]
    return next(iter([*at_home, *sorted(seen, key=lambda unit: unit.level != Level.PROVINCE)]), None)


def choose_area(request: HttpRequest, seen: list[Unit]) -> Unit | None:
    """The area asked for (404 unless the person may see it), else where their work starts."""
    wanted = request.GET.get("area", "")
    if not wanted:
        return home_area(request, seen)
    return next((area for area in seen if str(area.pk) == wanted), None) or get_area(request, wanted)


def area_choices(seen: list[Unit], area: Unit) -> list[Unit]:
    """Provinces the person sees, and the districts of this area's province."""
    provinces = [unit for unit in seen if unit.level == Level.PROVINCE]
    return provinces + [unit for unit in seen if unit.level != Level.PROVINCE and unit.province_id == area.province_id]


@require_safe
def matrix_page(request: HttpRequest) -> HttpResponse:
    seen = seen_areas(request)
    area = choose_area(request, seen)
    if area is None:
        own = [unit.pk for unit in access.home_units(request.user)]
        units = Unit.objects.filter(pk__in=own).visible_to(request.user).order_by("sort_key", "pk")
        reason = access.can(request.user, "areas.see").reason
        return render(request, "reports/matrix_none.html", {"units": units, "reason": reason})
    try:
        when = asked_moment(request.GET, area)
    except BadMoment as bad:
        return say(request, "Không xem được thời điểm này", str(bad), 404)
    sets = area_sets(area, when.moment.day if when.moment else None)
    standard = default_set(sets)
    code = request.GET.get("set", "")
    chosen = next((found for found in sets if found.code == code), None) if code else standard
    if chosen is None:
        text = "Bộ tiêu chí này không áp dụng cho các xã của địa bàn, hoặc không có."
        return say(request, "Không có bộ tiêu chí này", text, 404)
    counts = opinions_by_stage(area, chosen, request.user) if when == NOW or not request.GET.get("stage") else {}
    stage = request.GET.get("stage", "") or default_stage(counts)
    if stage not in STAGES:
        return say(request, "Không có cấp đánh giá này", "Chọn một trong các cấp ở bảng tổng hợp.", 404)
    result = matrix(area, chosen, stage, request.user, when.moment)
    if when.moment:  # what the other stages had said by then isn't worked out
        counts = {stage: (result.figures.with_opinion, result.figures.partial)}
    past = urlencode(when.query)
    query = "?" + urlencode(({} if chosen == standard else {"set": chosen.code}) | when.query)
    query = "" if query == "?" else query
    filters = Filters(request, result)
    rows = filters.rows
    grouped = filters.sort == "district" and not filters.is_narrowed
    page = render_to_string(
        "reports/matrix.html",
        {
            "area": area,
            "areas": area_choices(seen, area),
            "sets": sets,
            "criteria_set": chosen,
            "stage": stage,
            "stages": [(code, label, *counts.get(code, (None, 0)), code == stage) for code, label in STAGES.items()],
            "when": when,
            "periods": periods_offered(area, when),
            "past": f"&{past}" if past else "",
            "result": result,
            "figures": result.figures,
            "filters": filters,
            "shown": rows,
            "query": query,
            "here": f"{reverse('reports:matrix')}?area={area.pk}&set={chosen.code}&stage={stage}"
            + (past and f"&{past}"),
            "now_url": f"{reverse('reports:matrix')}?area={area.pk}&set={chosen.code}&stage={stage}",
            "phone_list": PHONE_LIST,
            "body": BODY,
        },
        request,
    )
    return HttpResponse(fill(page, result, result.groups if grouped else regroup(result, rows), rows, query))


class Filters:
    """What the person asked to see of a matrix; anything unknown is as if it weren't there."""

    def __init__(self, request: HttpRequest, result: Matrix) -> None:
        self.result = result
        self.sorts = {code: label for code, label in SORTS.items() if code != "district" or is_province(result)}
        default = next(iter(self.sorts))
        sort = request.GET.get("sort", "")
        self.sort = sort if sort in self.sorts else default
        bucket = request.GET.get("bucket", "")
        self.bucket = bucket if bucket in {label for label, _, _ in result.buckets} else ""
        fails = request.GET.get("fails", "")
        numbers = {str(criterion.number): place for place, criterion in enumerate(result.criteria)}
        self.fails = int(fails) if fails in numbers else 0
        self._place = numbers.get(fails)

    @property
    def is_narrowed(self) -> bool:
        return bool(self.bucket or self.fails)

    @property
    def rows(self) -> Sequence[Row]:
        rows = [row for row in self.result.rows if self._is_shown(row)]
        if self.sort in ("most", "least"):
            sign = -1 if self.sort == "most" else 1
            # Communes judged in part, and those without an opinion, come last either way.
            rows.sort(
                key=lambda row: (row.met is None, row.is_partial, sign * (row.met or 0), sign * (row.nearly or 0))
            )
        elif self.sort == "name":
            rows.sort(key=lambda row: sort_key(row.name))
        return rows

    def _is_shown(self, row: Row) -> bool:
        if self.bucket and self.result.bucket_of(row) != self.bucket:
            return False
        if self._place is None:
            return True
        return row.has_opinion and row.states[self._place] not in (*STATES_THAT_COUNT_AS_MET, "not_assessed")


def is_province(result: Matrix) -> bool:
    return result.area.level == Level.PROVINCE
