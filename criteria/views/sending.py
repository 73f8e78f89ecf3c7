"""From finished criteria to the level above: approving and sending, receiving and returning, who is late."""

from __future__ import annotations

import json
import re
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from communes import access
from communes.access import can, require
from communes.models import Level, Unit
from communes.text import clean_text
from criteria import submissions
from criteria.forms import ReceiveForm, ReturnForm
from criteria.models import CriteriaSet, Criterion, Submission
from criteria.numbers import format_number
from criteria.periods import days_left, open_period
from criteria.publish import ChangedMeanwhile, NothingToSend, PublicationRefused, send
from criteria.sheets import Sheet, count_indicators, sheets
from criteria.submissions import StepRefused
from criteria.views.entry import criterion_url, page_context, unit_and_set

PER_PAGE = 30


@require_POST
def criterion_finish(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Đã xong tiêu chí này, or (`undo`) not yet."""
    unit, criteria_set = unit_and_set(request, pk)
    criterion = get_object_or_404(
        Criterion.objects.select_related("criteria_set"), criteria_set=criteria_set, number=number
    )
    require(request.user, "entry.change", unit)
    if "undo" in request.POST:
        submissions.take_back(unit, criterion, by=request.user)
        messages.info(request, f"Tiêu chí {number} trở lại đang nhập.")
        return redirect(criterion_url(unit, criteria_set, number))
    try:
        submissions.finish(unit, criterion, by=request.user)
    except StepRefused as refused:
        messages.info(request, str(refused))
    else:
        messages.success(request, f"Đã báo xong tiêu chí {number}; lãnh đạo xã sẽ duyệt và gửi cấp trên.")
    return redirect(criterion_url(unit, criteria_set, number))


def submission_send(request: HttpRequest, pk: int) -> HttpResponse:
    """Duyệt và gửi: what waits, criterion by criterion; on POST publish the chosen ones."""
    unit, criteria_set = unit_and_set(request, pk)
    require(request.user, "submission.send", unit)
    refused: dict[int, str] = {}
    changed: dict[int, dict[str, str]] = {}  # by criterion what its page showed, in words
    status = 200
    chosen = chosen_criteria(request)
    if "unchanged" in request.POST:
        return _confirm_unchanged(request, unit, criteria_set)
    if request.method == "POST":
        try:
            submission = send(unit, criteria_set, request.user, chosen, open_period(unit))
        except NothingToSend:
            text = "Không có gì thay đổi kể từ lần gửi trước." if chosen else "Chưa chọn tiêu chí nào để gửi."
            messages.info(request, text)
            page = "entry" if chosen else "submission_send"
            return redirect(f"{reverse(f'criteria:{page}', args=[unit.pk])}?set={criteria_set.code}")
        except ChangedMeanwhile as error:
            changed, status = {pk: shown_before(request, pk) for pk in error.criteria}, 409
        except PublicationRefused as error:
            refused, status = error.errors, 422
        else:
            messages.success(request, f"Đã gửi cấp trên {submission.rows} chỉ tiêu thay đổi.")
            return redirect("criteria:submission_detail", pk=submission.pk)
    found = sheets(unit, criteria_set, request.user, drafts=True)
    waiting = submissions.waiting(unit, criteria_set)
    rows = [row for sheet in found for row in sheet.rows]
    # Where owners say what is finished, only that is proposed; else all that waits.
    finished = {pk for pk, work in waiting.items() if work.finished and not work.is_changed_since}
    proposed = set(chosen) or finished or set(waiting)
    return render(
        request,
        "criteria/submission_send.html",
        {
            **page_context(request, unit, criteria_set, found),
            "gone": [
                (sheet.criterion, changes_since({}, changed[sheet.criterion.pk]))
                for sheet in found
                if sheet.criterion.pk in changed
                and not (sheet.criterion.pk in waiting and waiting[sheet.criterion.pk].seen)
            ],
            "groups": [
                {
                    "sheet": sheet,
                    "shown": json.dumps(shown_of(sheet), ensure_ascii=False),
                    "changes": changes_since(shown_of(sheet), changed[sheet.criterion.pk])
                    if sheet.criterion.pk in changed
                    else [],
                    "waiting": waiting[sheet.criterion.pk],
                    "rows": [row for row in sheet.rows if row.is_unsent],
                    "is_chosen": sheet.criterion.pk in proposed and sheet.criterion.pk not in changed,
                    "documents": [
                        (row.indicator.code, link.evidence.title)
                        for row in sheet.rows
                        for link in row.links
                        if link.published_at is None
                    ],
                    "is_changed": sheet.criterion.pk in changed,
                }
                for sheet in found
                if sheet.criterion.pk in waiting and waiting[sheet.criterion.pk].seen
            ],
            "changed": status == 409,
            "period": open_period(unit),
            "confirmable": _confirmable(unit, criteria_set),
            "refused": [(row, refused[row.indicator.pk]) for row in rows if row.indicator.pk in refused],
            "unassessed": count_indicators(rows, lambda row: not row.verdict),
            "without_evidence": count_indicators(rows, lambda row: row.verdict == "met" and row.lacks_evidence),
        },
        status=status,
    )


def shown_of(sheet: Sheet) -> dict[str, str]:
    """What the page shows of one criterion, in words by row and document: it comes back with the post, so
    that who approves can be told what is another since."""
    shown = {}
    for row in sheet.rows:
        if row.entry and row.is_unsent:
            value = (
                f"{format_number(row.entry.value)} {row.indicator.measure}".strip()
                if row.entry.value is not None
                else ""
            )
            verdict = row.entry.get_verdict_display() or "Chưa đánh giá"
            said = [value, verdict, f"{row.entry.effective_on:%d/%m/%Y}", row.entry.note]
            shown[f"Chỉ tiêu {row.indicator.code}"] = " · ".join(filter(None, said))
        for link in row.links:
            if link.published_at is None:
                shown[f"Minh chứng {link.pk} của chỉ tiêu {row.indicator.code}"] = link.evidence.title
    return shown


def shown_before(request: HttpRequest, criterion: int) -> dict[str, str]:
    """`shown_of` as it was when the page was opened; what isn't such a text is nothing."""
    try:
        shown = json.loads(request.POST.get(f"shown-{criterion}", ""))
    except (ValueError, RecursionError):
        return {}
    if not isinstance(shown, dict) or not all(isinstance(text, str) for text in shown.values()):
        return {}
    return shown


def changes_since(now: dict[str, str], before: dict[str, str]) -> list[tuple[str, str, str]]:
    """(What, before, now) of the rows and documents that differ; an empty text: it wasn't there, or isn't."""
    names = dict.fromkeys([*now, *before])
    found = [
        (re.sub(r"^Minh chứng \d+ của", "Minh chứng của", name), before.get(name, ""), now.get(name, ""))
        for name in names
    ]
    return [(name, was, now_is) for name, was, now_is in found if was != now_is]


def _confirm_unchanged(request: HttpRequest, unit: Unit, criteria_set: CriteriaSet) -> HttpResponse:
    try:
        submission = submissions.confirm_unchanged(unit, criteria_set, by=request.user)
    except StepRefused as refused:
        messages.info(request, str(refused))
        return redirect(f"{reverse('criteria:submission_send', args=[unit.pk])}?set={criteria_set.code}")
    messages.success(request, f"Đã báo cấp trên: {submission.period} không có gì thay đổi.")
    return redirect("criteria:submission_detail", pk=submission.pk)


def _confirmable(unit: Unit, criteria_set: CriteriaSet) -> bool:
    try:
        submissions.period_to_confirm(unit, criteria_set)
    except StepRefused:
        return False
    return True


def chosen_criteria(request: HttpRequest) -> dict[int, str]:
    """The ticked criteria with what the page showed of each; a key that is none is left out."""
    keys = [key for key in request.POST.getlist("criterion") if key.isdecimal() and len(key) <= 18]
    return {int(key): request.POST.get(f"seen-{key}", "") for key in keys}


# --- the level above -------------------------------------------------------------------


@require_safe
def submission_list(request: HttpRequest) -> HttpResponse:
    """Who has sent and who hasn't: the communes of an area, or a commune's own sendings."""
    areas = sending_areas(request.user)
    if not areas:
        own = [unit for unit in access.home_units(request.user) if access.sees_drafts_of(request.user, unit)]
        if not own:
            return render(request, "criteria/submission_list.html", {"area": None, "page": None})
        sent = Submission.objects.visible_to(request.user).filter(sent_at__isnull=False)
        sent = sent.select_related("unit", "sent_by", "criteria_set").order_by("-sent_at", "-pk")
        page = Paginator(sent, PER_PAGE).get_page(request.GET.get("page"))
        return render(request, "criteria/submission_list.html", {"area": None, "page": page})
    wanted = request.GET.get("area", "")
    area = next((area for area in areas if str(area.pk) == wanted), None) if wanted else areas[0]
    if area is None:
        raise Http404("Không có địa bàn này.")
    sets = list(CriteriaSet.objects.for_area(area))
    chosen = set_of(request, sets)
    period = open_period(area)
    rows = submissions.area_sendings(area, chosen, period, request.user) if chosen else []
    late = [row for row in rows if row.is_late]
    state = request.GET.get("state", "")
    state = state if state in STATES else ""
    query = clean_text(request.GET.get("q"))[:100]
    found = rows
    if query:
        named = set(Unit.objects.within(area).search(query).values_list("pk", flat=True))
        found = [row for row in rows if row.unit_id in named]
    shown = Paginator([row for row in found if is_in(row, state)], PER_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "criteria/submission_list.html",
        {
            "area": area,
            "areas": areas,
            "criteria_set": chosen,
            "can_import": bool(chosen and can(request.user, "entries.import", area)),
            "sets": sets,
            "period": period,
            "days": days_left(period) if period else None,
            "page": shown,
            "query": query,
            "state": state,
            "total": chosen and count_criteria(chosen, request.user),
            "filters": [(code, label, count(found, code)) for code, label in STATES.items()],
            "message": submissions.reminder(late, period) if late else "",
        },
    )


def set_of(request: HttpRequest, sets: list[CriteriaSet]) -> CriteriaSet | None:
    """The set asked for, without a word the newest of the standard grade."""
    code = request.GET.get("set", "")
    if not code:
        return next((one for one in sets if one.grade == CriteriaSet.Grade.STANDARD), sets[0] if sets else None)
    found = next((one for one in sets if one.code == code), None)
    if found is None:
        raise Http404("Không có bộ tiêu chí này.")
    return found


STATES = {
    "": "Tất cả",
    "late": "Chưa gửi",
    "sent": "Chờ tiếp nhận",
    "received": "Đã tiếp nhận",
    "returned": "Đã trả lại",
}


def is_in(row: submissions.CommuneSending, state: str) -> bool:
    """Whether a commune is in a filter; "sent": something of it waits, also of an earlier sending or another set."""
    if state == "late":
        return row.is_late
    if state == "sent":
        return bool(row.waiting)
    return not state or (row.submission is not None and row.submission.state == state)


def count(rows: list[submissions.CommuneSending], state: str) -> int:
    return sum(is_in(row, state) for row in rows)


def count_criteria(criteria_set: CriteriaSet, user: Any) -> int:
    """How many criteria of the set the person follows: a department its own."""
    own = access.visible_criteria(user)
    criteria = criteria_set.criteria.all()
    return (criteria if own is None else criteria.filter(pk__in=own)).count()


def sending_areas(user: Any) -> list[Unit]:
    """The districts and provinces in whose offices the person works."""
    person = access.roles(user)
    found = person.having(access.DISTRICT_STAFF, access.COORDINATOR, access.DEPARTMENT_REVIEWER)
    areas = {m.unit_id: m.unit for m in found if m.unit.level in (Level.DISTRICT, Level.PROVINCE)}
    return sorted(areas.values(), key=lambda unit: (unit.level, unit.sort_key))


def get_submission(request: HttpRequest, pk: int) -> Submission:
    found = Submission.objects.visible_to(request.user).filter(sent_at__isnull=False)
    return get_object_or_404(found.select_related("unit", "criteria_set", "sent_by", "period"), pk=pk)


@require_safe
def submission_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """What one sending changed, and its steps since."""
    return _detail(request, get_submission(request, pk))


def _detail(request: HttpRequest, submission: Submission, errors: list[tuple[str, str]] | None = None) -> HttpResponse:
    rows = submissions.sent(submission, request.user)
    ticked = ReturnForm(request.POST).ticked()
    messages_by_row = {field.partition("-")[2]: text for field, text in errors or []}
    back = {row.indicator_id: row for row in submission.returned.select_related("by", "settled_by")}
    is_open = submission.state == Submission.State.SENT
    return render(
        request,
        "criteria/submission_detail.html",
        {
            "submission": submission,
            "unit": submission.unit,
            "has_returned": any(row.indicator.pk in back for row in rows),
            "rows": [
                {
                    "indicator": row.indicator,
                    "sent": row.result,
                    "documents": row.documents,
                    "returned": back.get(row.indicator.pk),
                    "ticked": row.indicator.pk in ticked,
                    "error": messages_by_row.get(str(row.indicator.pk), ""),
                    "typed": request.POST.get(f"reason-{row.indicator.pk}", ""),
                }
                for row in rows
            ],
            "says_unchanged": not rows and not submission.criteria.exists(),
            "steps": submissions.steps_for(submission, request.user),
            "can_receive": is_open and can(request.user, "submission.receive", submission),
            "can_return": can(request.user, "submission.return", submission),
            "works_here": access.sees_drafts_of(request.user, submission.unit),
            "note": request.POST.get("note", ""),
            "errors": errors or [],
        },
        status=422 if errors else 200,
    )


@require_POST
def submission_receive(request: HttpRequest, pk: int) -> HttpResponse:
    submission = get_submission(request, pk)
    require(request.user, "submission.receive", submission)
    form = ReceiveForm(request.POST)
    if not form.is_valid():
        return _detail(request, submission, [("note", str(text)) for texts in form.errors.values() for text in texts])
    try:
        submissions.receive(submission, by=request.user, note=form.cleaned_data["note"])
    except StepRefused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"Đã tiếp nhận kết quả của {submission.unit.in_sentence}.")
    return redirect("criteria:submission_detail", pk=submission.pk)


@require_POST
def submission_return(request: HttpRequest, pk: int) -> HttpResponse:
    submission = get_submission(request, pk)
    require(request.user, "submission.return", submission)
    form = ReturnForm(request.POST)
    reasons, errors = form.reasons()
    if errors:
        return _detail(request, submission, errors)
    try:
        submissions.return_(submission, reasons, by=request.user, note=form.note())
    except StepRefused as refused:
        return _detail(request, submission, [("rows", str(refused))])
    messages.success(request, f"Đã trả lại {len(reasons)} chỉ tiêu để {submission.unit.in_sentence} bổ sung.")
    return redirect("criteria:submission_detail", pk=submission.pk)
