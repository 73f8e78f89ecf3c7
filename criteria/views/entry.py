"""Entering a unit's results: all indicators, one criterion, saving a row, history."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from communes.access import can, get_unit, require, sees_drafts_of, visible_criteria
from communes.models import Unit
from criteria import targets
from criteria.checks import MISSES_TARGET, Refused, latest_day
from criteria.crosswalk import earlier_results
from criteria.entries import Stale, write_entry
from criteria.entry_forms import EntryForms
from criteria.evidence_panels import EvidencePanels
from criteria.forms import EntryForm, TargetReportForm
from criteria.hints import add_hints
from criteria.models import CriteriaSet, Indicator, Revision
from criteria.models.sets import judges
from criteria.questions import count_by_indicator
from criteria.sheets import Row, Sheet, add_states, count_indicators, sheet_of, sheets, suggestion, typed_from
from criteria.submissions import waiting
from criteria.wordings import worded_of_sets
from ntm.clock import today

SHOWN = {
    "": "Tất cả",
    "mine": "Tiêu chí của tôi",
    "returned": "Trả lại để bổ sung",
    "missing": "Chưa đánh giá",
    "weak": "Chưa đạt, cơ bản đạt",
    "evidence": "Thiếu minh chứng",
    "unsent": "Chưa gửi",
    "on_behalf": "Cấp trên nhập hộ",
}


def unit_and_set(request: HttpRequest, pk: int) -> tuple[Unit, CriteriaSet]:
    unit = get_unit(request.user, pk)
    try:
        return unit, CriteriaSet.objects.chosen(unit, request.GET.get("set", ""))
    except CriteriaSet.DoesNotExist:
        raise Http404("Không có bộ tiêu chí này cho đơn vị.") from None


def _drafts(request: HttpRequest, unit: Unit) -> bool:
    return sees_drafts_of(request.user, unit)


def is_shown(row: Row, show: str) -> bool:
    return {
        "mine": not row.owner,
        "returned": row.returned is not None,
        "missing": not row.verdict,
        "weak": row.verdict in {"not_met", "nearly_met"},
        "evidence": row.lacks_evidence,
        "unsent": row.waits,
        "on_behalf": bool(row.on_behalf),
    }.get(show, True)


def count(rows: list[Row], show: str) -> int:
    return count_indicators(rows, lambda row: is_shown(row, show))


def filters(rows: list[Row]) -> list[tuple[str, str, int]]:
    """The filters with their counts; what only some communes or days have is left out where it isn't."""
    found = [(code, label, count(rows, code)) for code, label in SHOWN.items()]
    occasional = {"mine": any(row.owner for row in rows), "returned": any(row.returned for row in rows)}
    occasional["on_behalf"] = any(row.on_behalf for row in rows)
    return [row for row in found if occasional.get(row[0], True)]


@require_safe
def entry(request: HttpRequest, pk: int) -> HttpResponse:
    """All indicators of a set for one unit (Nhập kết quả)."""
    unit, criteria_set = unit_and_set(request, pk)
    if not _drafts(request, unit):
        raise PermissionDenied("Chỉ cán bộ của xã xem được số liệu đang nhập; hãy xem trang tình hình thực hiện.")
    found = sheets(unit, criteria_set, request.user, drafts=True)
    # After a row was saved the page asks for its overview anew.
    part = request.GET.get("part") == "overview"
    show = request.GET.get("show", "")
    rows = [row for sheet in found for row in sheet.rows]
    shown = [(sheet, [row for row in sheet.rows if is_shown(row, show)]) for sheet in found]
    page = page_context(request, unit, criteria_set, found)
    return render(
        request,
        "criteria/_entry_overview.html" if part else "criteria/entry.html",
        {
            **page,
            "day": add_hints(unit, criteria_set, found) if page["can_change"] and not part else None,
            "sets": CriteriaSet.objects.for_unit(unit),
            "here": reverse("criteria:entry", args=[unit.pk]),
            "oob": part,
            "groups": [(sheet, kept) for sheet, kept in shown if kept],
            "show": show,
            "filters": filters(rows),
            "assessed": sum(sheet.assessed for sheet in found),
            "total": count_indicators(rows),
            "unsent": count(rows, "unsent"),
        },
    )


@require_safe
def criterion(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """One criterion of a unit: entry for those who work on it, the three opinions, evidence.

    Of a day or period in the past there is a page of its own, to read only.
    """
    if request.GET.get("as_of") or request.GET.get("period"):
        unit = get_unit(request.user, pk)
        return redirect(f"{reverse('reports:criterion_past', args=[unit.pk, number])}?{request.GET.urlencode()}")
    unit, criteria_set = unit_and_set(request, pk)
    return _criterion_page(request, unit, criteria_set, number)


def _criterion_page(
    request: HttpRequest,
    unit: Unit,
    criteria_set: CriteriaSet,
    number: int,
    replaced: Row | None = None,
    status: int = 200,
) -> HttpResponse:
    found = sheets(unit, criteria_set, request.user, number=number, drafts=_drafts(request, unit))
    if not found:
        raise Http404("Không có tiêu chí này.")
    sheet = found[0]
    can_enter = can(request.user, "criterion.enter", (unit, sheet.criterion))
    day = add_hints(unit, criteria_set, found) if can_enter else None
    if replaced:
        place = next(place for place, row in enumerate(sheet.rows) if row.indicator.pk == replaced.indicator.pk)
        row = sheet.rows[place]
        replaced.links, replaced.published = row.links, row.published
        replaced.last_period, replaced.base = row.last_period, row.base
        sheet.rows[place] = replaced
    if "continued" in sheet.may_have:
        told = earlier_results(unit, [row.indicator for row in sheet.rows], request.user)
        for row in sheet.rows:
            row.earlier = told.get(row.indicator.pk, [])
    allowed = visible_criteria(request.user)
    others = criteria_set.criteria.order_by("number")
    if allowed is not None:
        others = others.filter(pk__in=allowed)
    numbers = list(others.values_list("number", "name"))
    place = [n for n, _ in numbers].index(number)
    page = page_context(request, unit, criteria_set, found)
    says_finished = page["drafts"] and "finished" in sheet.may_have
    context = {
        **page,
        "day": day,
        "sheet": sheet,
        "has_old_tables": "old_tables" in sheet.may_have,
        "questions": _questions(request, unit, sheet),
        "can_enter": can_enter,
        "work": waiting(unit, criteria_set).get(sheet.criterion.pk) if says_finished else None,
        "panels": EvidencePanels(unit, get_token(request), can_change=bool(can_enter)),
        "numbers": numbers,
        "unsent": count(sheet.rows, "unsent"),
        "previous": numbers[place - 1] if place else None,
        "next": numbers[place + 1] if place + 1 < len(numbers) else None,
        "errors": [
            (f"row-{row.indicator.pk}", f"{row.indicator.code}: {text}")
            for row in sheet.rows
            for text in row.errors.values()
        ],
    }
    return render(request, "criteria/criterion.html", context, status=status)


def _questions(request: HttpRequest, unit: Unit, sheet: Sheet) -> dict[str, Any]:
    """What the rows' links to their questions need (`criteria.templatetags.questions`)."""
    shown = [row.indicator.pk for row in sheet.rows]
    return {
        "unit": unit,
        "counts": count_by_indicator(request.user, unit, shown) if "questions" in sheet.may_have else {},
        "may_ask": can(request.user, "question.ask", (unit, sheet.criterion.pk)),
    }


def page_context(request: HttpRequest, unit: Unit, criteria_set: CriteriaSet, found: list[Sheet]) -> dict[str, Any]:
    rows = [row for sheet in found for row in sheet.rows]
    return {
        "unit": unit,
        "criteria_set": criteria_set,
        "sheets": found,
        "drafts": _drafts(request, unit),
        "can_change": can(request.user, "entry.change", unit),
        "can_send": can(request.user, "submission.send", unit),
        "can_see_figures": can(request.user, "base_figures.view", unit),
        "unconfirmed": sum(1 for row in rows if row.target.operator and not row.target.confirmed),
        "forms": _forms(request, unit, criteria_set),
        "has_ticks": any(not row.indicator.is_numeric for row in rows),
        "marks": [
            {
                "number": sheet.criterion.number,
                "name": sheet.criterion.name,
                "state": sheet.state,
                "url": criterion_url(unit, criteria_set, sheet.criterion.number),
            }
            for sheet in found
        ],
    }


def _forms(request: HttpRequest, unit: Unit, criteria_set: CriteriaSet) -> EntryForms:
    return EntryForms(unit, get_token(request), latest_day(unit, criteria_set))


def criterion_url(unit: Unit, criteria_set: CriteriaSet, number: int) -> str:
    return f"{reverse('criteria:criterion', args=[unit.pk, number])}?set={criteria_set.code}"


def _indicator(unit: Unit, pk: int) -> Indicator:
    """An indicator of one of the unit's sets, with criterion and set; 404 for a forged one."""
    found = get_object_or_404(Indicator.objects.for_unit(unit).select_related("criterion__criteria_set"), pk=pk)
    return worded_of_sets([found], today())[0]


@require_POST
def entry_save(request: HttpRequest, pk: int, indicator: int) -> HttpResponse:
    """Save one row; answers with the row for htmx, with the page for an ordinary post."""
    unit = get_unit(request.user, pk)
    sheet = sheet_of(unit, indicator)
    if sheet is None:
        raise Http404("Không có chỉ tiêu này.")
    require(request.user, "criterion.enter", (unit, sheet.criterion))
    row = next(row for row in sheet.rows if row.indicator.pk == indicator)
    status = _save(request, unit, row)
    criteria_set, number = sheet.criterion.criteria_set, sheet.criterion.number
    if status == 200:
        row.typed = typed_from(row.entry, row.default_day)
        if not getattr(request, "htmx", False):
            messages.success(request, f"Đã lưu chỉ tiêu {row.indicator.code}.")
            return redirect(f"{criterion_url(unit, criteria_set, number)}#row-{indicator}")
    else:
        row.typed = {name: request.POST.get(name, "") for name in row.typed}
        if not getattr(request, "htmx", False):
            return _criterion_page(request, unit, criteria_set, number, row, status)
    add_states([sheet], drafts=True)
    context = {"row": row, "sheet": sheet, "forms": _forms(request, unit, criteria_set)}
    # Without the request: what its context processors know is in no row, and takes as long as the row.
    answer = HttpResponse(render_to_string("criteria/_entry_answer.html", context), status=status)
    if status == 200:
        answer["HX-Trigger"] = "row-saved"
    return answer


def _save(request: HttpRequest, unit: Unit, row: Row) -> int:
    """Save what was posted into the row, or note on it why not; return the answer's status."""
    clears = "clear" in request.POST
    # Clearing throws away what stands in the boxes, also what can't be read.
    kept = {name: request.POST.get(name, "") for name in ("effective_on", "version")}
    form = EntryForm(kept if clears else request.POST)
    if not form.is_valid():
        row.errors = {name: str(texts[0]) for name, texts in form.errors.items()}
        if row.errors.pop("version", ""):
            row.errors.setdefault("verdict", "Trang đã cũ: tải lại trang rồi lưu.")
        return 422
    day, criteria_set = form.cleaned_data["effective_on"], row.indicator.criterion.criteria_set
    target = row.target if day.year == row.default_day.year else targets.resolve_one(unit, row.indicator, day)
    try:
        row.entry = write_entry(
            unit,
            criteria_set,
            row.indicator,
            target,
            row.entry,
            {} if clears else form.opinion(),
            effective_on=day,
            seen_version=form.cleaned_data["version"],
            by=request.user,
        )
    except Refused as refused:
        row.errors, row.offers_report = refused.errors, refused.code == MISSES_TARGET
        return 422
    except Stale as stale:
        row.entry = row.theirs = stale.entry
        return 409
    row.saved_now = True
    return 200


@require_POST
def entry_suggestion(request: HttpRequest, pk: int, indicator: int) -> HttpResponse:
    """The suggestion for what is being typed; an empty answer where figures are silent or unfinished."""
    unit = get_unit(request.user, pk)
    item = _indicator(unit, indicator)
    require(request.user, "criterion.enter", (unit, item.criterion))
    form = EntryForm(request.POST)
    form.is_valid()
    typed = form.cleaned_data
    words = ""
    if not {"value", "part", "whole"} & set(form.errors):
        last = latest_day(unit, item.criterion.criteria_set)
        target = targets.resolve_one(unit, item, min(typed.get("effective_on") or last, last))
        threshold = item.criterion.criteria_set.nearly_met_threshold
        words = suggestion(item, target, threshold, typed["value"], typed["part"], typed["whole"])
        if words and typed.get("effective_on") and typed["effective_on"].year != last.year:
            words += f", theo yêu cầu năm {typed['effective_on'].year}: {target.text}"
    return render(request, "criteria/_suggestion.html", {"words": words})


@require_safe
def revision_list(request: HttpRequest, pk: int, indicator: int) -> HttpResponse:
    """The published states of one indicator, newest first, as a person can read them."""
    unit = get_unit(request.user, pk)
    of_its_sets = Indicator.objects.filter(judges(unit, path="criterion__criteria_set__"))
    item = get_object_or_404(of_its_sets.select_related("criterion__criteria_set"), pk=indicator)
    worded_of_sets([item], today())
    revisions = (
        Revision.objects.visible_to(request.user)
        .filter(unit=unit, indicator=item)
        .select_related("recorded_by", "voided_by")
        .order_by("-recorded_at", "-pk")
    )
    allowed = visible_criteria(request.user)
    if allowed is not None and item.criterion_id not in allowed:
        raise Http404
    return render(
        request,
        "criteria/revision_list.html",
        {
            "unit": unit,
            "indicator": item,
            "criteria_set": item.criterion.criteria_set,
            "revisions": revisions,
            "in_force": set(
                revisions.model.objects.filter(unit=unit, indicator=item).state_on(today()).values_list("pk", flat=True)
            ),
        },
    )


def target_report(request: HttpRequest, pk: int, indicator: int) -> HttpResponse:
    """Report a target as wrong: the way out of a refused verdict that isn't a lower one."""
    unit = get_unit(request.user, pk)
    item = _indicator(unit, indicator)
    require(request.user, "entry.change", unit)
    target = targets.resolve_one(unit, item, latest_day(unit, item.criterion.criteria_set))
    form = TargetReportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.report(unit, item, target, request.user)
        messages.success(request, "Đã gửi báo yêu cầu sai tới điều phối viên của tỉnh.")
        return redirect(f"{criterion_url(unit, item.criterion.criteria_set, item.criterion.number)}#row-{item.pk}")
    return render(
        request,
        "criteria/target_report.html",
        {
            "unit": unit,
            "indicator": item,
            "criteria_set": item.criterion.criteria_set,
            "target": target,
            "form": form,
            "reports": item.target_reports.filter(unit=unit).select_related("reported_by"),
        },
        status=422 if form.errors else 200,
    )
