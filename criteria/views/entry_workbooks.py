"""Biểu nhập Excel: downloading the entry workbook of a commune or an area, handing a filled one in."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from communes.access import get_unit, require
from communes.documents import file_stem
from communes.models import Level, Unit
from communes.workbooks import TABLE, UnsafeWorkbook
from criteria import uploads
from criteria.exchange.drafts import units_of
from criteria.exchange.entry_sheet import MOST_ROWS
from criteria.exchange.entry_workbook import TooLong, about_now, entry_workbook
from criteria.forms import EntryWorkbookForm, is_id
from criteria.models import CriteriaSet, Upload
from criteria.views.uploads import XLSX, upload_url
from ntm.clock import today

AREAS = {Level.PROVINCE, Level.DISTRICT}


def _place_and_set(request: HttpRequest, pk: int) -> tuple[Unit, CriteriaSet]:
    """The unit whose workbook is asked for, if the person may use one, and the set chosen for it."""
    place = get_unit(request.user, pk)
    require(request.user, "entries.import", place)
    code = request.GET.get("set", "")
    try:
        if place.level not in AREAS:
            return place, CriteriaSet.objects.chosen(place, code)
        sets = CriteriaSet.objects.for_area(place)
        return place, sets.get(code=code) if code else sets[:1].get()
    except CriteriaSet.DoesNotExist:
        raise Http404("Không có bộ tiêu chí này cho đơn vị.") from None


@require_http_methods(["GET", "HEAD", "POST"])
def entry_book(request: HttpRequest, pk: int) -> HttpResponse:
    """What to download, and on POST a filled workbook to be looked at."""
    place, criteria_set = _place_and_set(request, pk)
    return _page(request, place, criteria_set)


def _page(request: HttpRequest, place: Unit, criteria_set: CriteriaSet, problem: str = "") -> HttpResponse:
    form = EntryWorkbookForm(request.POST, request.FILES) if request.method == "POST" else EntryWorkbookForm()
    if request.method == "POST" and form.is_valid():
        try:
            upload = uploads.take(
                Upload.Kind.ENTRIES,
                form.cleaned_data["file"],
                by=request.user,
                unit=place,
                criteria_set=criteria_set,
            )
        except UnsafeWorkbook as unsafe:
            form.add_error("file", str(unsafe))
        else:
            return redirect(upload_url(upload))
    is_area = place.level in AREAS
    context = {
        "place": place,
        "is_area": is_area,
        "criteria_set": criteria_set,
        "sets": CriteriaSet.objects.for_area(place) if is_area else CriteriaSet.objects.for_unit(place),
        "criteria": criteria_set.criteria.order_by("number"),
        "communes": units_of(place) if is_area else [],
        "districts": Unit.objects.filter(province=place, level=Level.DISTRICT)
        .existing(today())
        .order_by("sort_key", "pk")
        if place.level == Level.PROVINCE
        else [],
        "day": about_now(place, criteria_set).day,
        "form": form,
        "problem": problem,
        "most": MOST_ROWS,
        "most_megabytes": TABLE.file // 2**20,
        "most_taken": TABLE.rows,
    }
    status = 422 if form.is_bound or problem else 200
    return render(request, "criteria/entry_book.html", context, status=status)


@require_safe
def entry_book_xlsx(request: HttpRequest, pk: int) -> HttpResponse:
    """The workbook: ?set=, ?criterion= (a number; all without it), ?commune= (ids; an area's, all without it)."""
    place, criteria_set = _place_and_set(request, pk)
    number = request.GET.get("criterion", "")
    if number and not (is_id(number) and criteria_set.criteria.filter(number=min(int(number), 32_767)).exists()):
        raise Http404("Không có tiêu chí này.")
    chosen = request.GET.getlist("commune")
    if not all(map(is_id, chosen)):
        raise Http404("Không có xã này.")
    try:
        content = entry_workbook(
            place,
            criteria_set,
            request.user,
            criterion=int(number) if number else None,
            only=list(map(int, chosen)) or None,
        )
    except TooLong as error:
        return _page(request, place, criteria_set, problem=str(error))
    day = about_now(place, criteria_set).day
    words = ["Bieu-nhap", place.full_name, *([f"TC{number}"] if number else []), day.isoformat()]
    response = HttpResponse(content, content_type=XLSX)
    response["Content-Disposition"] = f'attachment; filename="{file_stem(*words)}.xlsx"'
    return response
