"""Several rows in one step: nothing changed, met for those ticked, a pasted table."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from communes.access import require
from communes.models import Unit
from criteria.checks import check_day, format_day, latest_day
from criteria.entry_forms import EntryForms
from criteria.entry_steps import Done, RowsChanged, mark_met, read_told, renew, told
from criteria.forms import PasteForm
from criteria.models import CriteriaSet
from criteria.paste import Line, NothingPasted, plan, read_table, save, to_save
from criteria.periods import default_day, periods_of
from criteria.sheets import Sheet, add_states, sheets
from criteria.views.entry import criterion_url, unit_and_set


@require_POST
def entry_renew(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """ "Không thay đổi": the criterion's assessed rows hold on the default day too."""
    unit, criteria_set = unit_and_set(request, pk)
    require(request.user, "entry.change", unit)
    found = sheets(unit, criteria_set, request.user, number=number, drafts=True)
    if not found:
        raise Http404("Không có tiêu chí này.")
    require(request.user, "criterion.enter", (unit, found[0].criterion))
    day = default_day(unit, criteria_set, periods_of(unit))
    back = criterion_url(unit, criteria_set, number)
    try:
        done = renew(unit, criteria_set, found[0], read_told(request.POST.get("seen", "")), day=day, by=request.user)
    except RowsChanged as changed:
        return _answer(request, unit, criteria_set, found, Done(), _changed(changed), back, 409)
    words = (
        f"Đã ghi thời điểm số liệu {format_day(day)} cho {len(done.saved)} dòng của tiêu chí {number}."
        if done.saved
        else f"Tiêu chí {number} không có dòng nào cần ghi lại đến ngày {format_day(day)}."
    )
    return _answer(request, unit, criteria_set, found, done, words, back)


@require_POST
def entry_met(request: HttpRequest, pk: int) -> HttpResponse:
    """ "Đạt cho các dòng đã chọn": the ticked yes/no rows are met."""
    unit, criteria_set = unit_and_set(request, pk)
    require(request.user, "entry.change", unit)
    found = sheets(unit, criteria_set, request.user, drafts=True)
    back = f"{reverse('criteria:entry', args=[unit.pk])}?set={criteria_set.code}"
    seen = read_told(" ".join(request.POST.getlist("chosen")))
    if not seen:
        words = "Chưa chọn dòng nào. Đánh dấu “Chọn” ở các dòng có/không rồi bấm lại."
        return _answer(request, unit, criteria_set, found, Done(), words, back, 422)
    day = default_day(unit, criteria_set, periods_of(unit))
    try:
        done = mark_met(unit, criteria_set, found, seen, day=day, by=request.user)
    except RowsChanged as changed:
        return _answer(request, unit, criteria_set, found, Done(), _changed(changed), back, 409)
    words = f"Đã ghi Đạt cho {len(done.saved)} dòng, thời điểm số liệu {format_day(day)}."
    return _answer(request, unit, criteria_set, found, done, words, back)


def _changed(changed: RowsChanged) -> str:
    which = f"Chỉ tiêu {', '.join(changed.codes)}" if changed.codes else "Có dòng"
    return f"Chưa ghi gì: {which} vừa được sửa từ lúc bạn mở trang. Tải lại trang để xem rồi làm lại."


def _answer(
    request: HttpRequest,
    unit: Unit,
    criteria_set: CriteriaSet,
    found: list[Sheet],
    done: Done,
    words: str,
    back: str,
    status: int = 200,
) -> HttpResponse:
    """What was done: for htmx with the saved rows and their criteria's bars, else as a message on the page."""
    left = [f"{row.indicator.code}: {reason}" for row, reason in done.left]
    if not getattr(request, "htmx", False):
        level = messages.WARNING if status >= 400 or left else messages.SUCCESS
        messages.add_message(request, level, " ".join([words, *(f"Giữ nguyên {line}" for line in left)]))
        return redirect(back)
    saved = {row.indicator.pk for row in done.saved}
    touched = [sheet for sheet in found if any(row.indicator.pk in saved for row in sheet.rows)]
    add_states(touched, drafts=True)
    context = {
        "words": words,
        "left": left,
        "is_error": status >= 400,
        "rows": done.saved,
        "sheets": touched,
        "forms": EntryForms(unit, get_token(request), latest_day(unit, criteria_set)),
        "unsent": any(row.is_unsent for sheet in found for row in sheet.rows),
    }
    answer = render(request, "criteria/_steps_answer.html", context, status=status)
    if saved:
        answer["HX-Trigger"] = "row-saved"
    return answer


def entry_paste(request: HttpRequest, pk: int) -> HttpResponse:
    """Paste a table; look at what would come of it; confirm. Without the confirmation nothing is written."""
    unit, criteria_set = unit_and_set(request, pk)
    require(request.user, "entry.change", unit)
    found = sheets(unit, criteria_set, request.user, drafts=True)
    rows = [row for sheet in found for row in sheet.rows]
    day = default_day(unit, criteria_set, periods_of(unit))
    first = {"start": request.GET.get("start", ""), "day": day.isoformat()}
    form = PasteForm(request.POST if request.method == "POST" else None, rows=rows, initial=first)
    context: dict[str, Any] = {
        "unit": unit,
        "criteria_set": criteria_set,
        "form": form,
        "max_day": latest_day(unit, criteria_set),
    }
    lines: list[Line] = []
    status = 200
    if form.is_bound:
        lines = _planned(unit, criteria_set, rows, form)
        status = 422 if form.errors else 200
    if lines and "save" in request.POST:
        seen = read_told(request.POST.get("seen", ""))
        try:
            saved = save(unit, criteria_set, lines, seen, day=form.cleaned_data["day"], by=request.user)
        except RowsChanged as changed:
            # Once more, with the rows as they are now.
            found = sheets(unit, criteria_set, request.user, drafts=True)
            lines = _planned(unit, criteria_set, [row for sheet in found for row in sheet.rows], form)
            context["changed"], status = ", ".join(changed.codes) or "khác", 409
        else:
            messages.success(request, f"Đã lưu {len(saved)} chỉ tiêu dán từ Excel, {_day_words(form)}.")
            return redirect(f"{reverse('criteria:entry', args=[unit.pk])}?set={criteria_set.code}")
    context |= {"lines": lines, "seen": told(to_save(lines)), "counts": _counts(lines)}
    return render(request, "criteria/entry_paste.html", context, status=status)


def _planned(unit: Unit, criteria_set: CriteriaSet, rows: list, form: PasteForm) -> list[Line]:
    """The lines of a valid form; what is wrong with the whole table becomes the form's error."""
    if not form.is_valid():
        return []
    typed = form.cleaned_data
    message = check_day(typed["day"], unit, criteria_set)
    if message:
        form.add_error("day", message)
        return []
    try:
        table = read_table(typed["text"])
        return plan(unit, criteria_set, rows, table, start=typed["start"], day=typed["day"])
    except NothingPasted as error:
        form.add_error("text", str(error))
        return []


def _counts(lines: list[Line]) -> dict[str, int]:
    outcomes = [line.outcome for line in lines]
    return {outcome: outcomes.count(outcome) for outcome in ("save", "same", "refused")}


def _day_words(form: PasteForm) -> str:
    day: date = form.cleaned_data["day"]
    return f"thời điểm số liệu {format_day(day)}"
