"""Giao ban: the meetings of a place, what is on their lists, and the sheet that is printed.

The screens stand here, at the end of the chain, since they put findings and what is missing
(`reports.readiness`) side by side; the rules are `inspections.meetings`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from communes import access
from communes.models import Level, Unit
from criteria.forms import is_id
from inspections import meetings as rules
from inspections.findings import followed
from inspections.meeting_forms import FreeTextForm, ItemForm, MeetingForm
from inspections.models import Finding, Meeting, MeetingItem
from inspections.planning import Closed, Invalid
from ntm.clock import today
from reports.agenda import unmet_criteria

PER_PAGE = 25


def get_meeting(request: HttpRequest, pk: int) -> Meeting:
    """The meeting if the person may see it, else 404."""
    rows = Meeting.objects.visible_to(request.user).select_related(
        "unit__district", "unit__province", "previous", "following", "created_by"
    )
    return get_object_or_404(rows, pk=pk)


def get_item(request: HttpRequest, pk: int, item: int) -> MeetingItem:
    """An item of a meeting the person may change."""
    meeting = get_meeting(request, pk)
    access.require(request.user, "meeting.hold", meeting.unit)
    rows = MeetingItem.objects.visible_to(request.user).select_related("finding__visit", "criterion", "unit")
    found = get_object_or_404(rows, pk=item, meeting=meeting)
    found.meeting = meeting
    return found


def is_open(meeting: Meeting) -> bool:
    """Whether the meeting still changes: no later one has taken over."""
    return not hasattr(meeting, "following")


@require_safe
def meeting_list(request: HttpRequest) -> HttpResponse:
    """The meetings of the places a person works at, the latest first."""
    access.require(request.user, "meeting.see")
    settled = Q(items__is_done=True) | Q(items__finding__state=Finding.State.CLOSED)
    found = (
        Meeting.objects.visible_to(request.user)
        .select_related("unit")
        .annotate(is_followed=Exists(Meeting.objects.filter(previous=OuterRef("pk"))))
        .annotate(n_items=Count("items"), n_settled=Count("items", filter=settled))
        .order_by("-held_on", "-pk")
    )
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "places": access.meeting_places(request.user)}
    return render(request, "reports/meeting_list.html", context)


@require_safe
def meeting_overdue(request: HttpRequest) -> HttpResponse:
    """What the person's places promised at their meetings and is overdue (`?unit=`: of one of them)."""
    access.require(request.user, "meeting.see")
    places = access.meeting_places(request.user)
    unit = next((place for place in places if str(place.pk) == request.GET.get("unit", "")), None)
    found = (
        MeetingItem.objects.overdue(today())
        .visible_to(request.user)
        .filter(meeting__unit__in=[unit] if unit else places)
        .select_related("meeting__unit", "unit")
        .order_by("due_on", "meeting_id", "position", "pk")
    )
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    day = today()
    rows = [(item, (day - item.due_on).days) for item in page]
    return render(request, "reports/meeting_overdue.html", {"page": page, "rows": rows, "unit": unit})


@dataclass(frozen=True)
class ItemRow:
    """One item on the sheet; `days`: how long its finding is overdue, `is_late`: its own date has passed."""

    item: MeetingItem
    days: int
    is_late: bool


@require_safe
def meeting_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The meeting as a page, and printed as one sheet."""
    meeting = get_meeting(request, pk)
    day = today()
    items = meeting.items.select_related("finding__visit", "unit").order_by("position", "pk")
    rows = [
        ItemRow(
            item,
            item.finding.days_overdue(day) if item.finding else 0,
            not item.is_settled and item.due_on is not None and item.due_on < day,
        )
        for item in items
    ]
    may_change = bool(access.can(request.user, "meeting.hold", meeting.unit)) and is_open(meeting)
    context = {
        "meeting": meeting,
        "is_open": is_open(meeting),
        "rows": rows,
        "left": sum(not row.item.is_settled for row in rows),
        "may_change": may_change,
        "unlisted": followed(request.user, meeting.unit).overdue(day).exclude(meeting_items__meeting=meeting).count()
        if may_change
        else 0,
    }
    return render(request, "reports/meeting_detail.html", context)


# --- the meeting itself ----------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def meeting_create(request: HttpRequest) -> HttpResponse:
    """A new meeting of one of the person's places (`?unit=`; the only one without)."""
    access.require(request.user, "meeting.see")
    places = access.meeting_places(request.user)
    chosen = request.GET.get("unit", "") or (str(places[0].pk) if len(places) == 1 else "")
    unit = next((place for place in places if str(place.pk) == chosen), None)
    if unit is None:
        raise Http404("Không có địa bàn này trong các nơi bạn làm việc.")
    form = MeetingForm(
        request.POST or None, initial={"held_on": today(), "chair_post": getattr(request.user, "post", "")}
    )
    made: list[Meeting] = []
    if request.method == "POST" and form.is_valid():
        step = lambda: made.append(rules.hold(unit, form.fields_to_store(), by=request.user))  # noqa: E731 - one step
        try:
            if _try(request, form, step, "Đã lập cuộc giao ban. Tiếp theo: đưa nội dung vào chương trình."):
                return redirect("reports:meeting_add", pk=made[0].pk)
        except rules.Twice as twice:
            messages.info(request, str(twice))
            return redirect("reports:meeting_detail", pk=twice.meeting.pk)
    return _meeting_page(request, form, unit, None)


@require_http_methods(["GET", "HEAD", "POST"])
def meeting_edit(request: HttpRequest, pk: int) -> HttpResponse:
    meeting = get_meeting(request, pk)
    access.require(request.user, "meeting.hold", meeting.unit)
    names = ("title", "held_on", "chair_post", "participants", "version")
    form = MeetingForm(request.POST or None, initial={name: getattr(meeting, name) for name in names})
    if request.method == "POST" and form.is_valid():

        def step() -> Any:
            seen = form.cleaned_data["version"] or 0
            return rules.change(meeting, form.fields_to_store(), seen_version=seen, by=request.user)

        if _try(request, form, step, "Đã lưu cuộc giao ban."):
            return redirect("reports:meeting_detail", pk=meeting.pk)
    return _meeting_page(request, form, meeting.unit, meeting)


def _meeting_page(request: HttpRequest, form: MeetingForm, unit: Unit, meeting: Meeting | None) -> HttpResponse:
    theirs = None
    if meeting is not None and getattr(form, "is_stale", False):
        theirs = get_meeting(request, meeting.pk)
        _take_version(form, theirs.version)
    context = {"form": form, "unit": unit, "meeting": meeting, "theirs": theirs}
    return render(request, "reports/meeting_form.html", context, status=422 if form.is_bound else 200)


def _try(request: HttpRequest, form: Any, step: Callable[[], Any], done: str) -> bool:
    """Take a step; what the rules refuse goes to the form, which then `is_stale` if somebody else was first."""
    try:
        step()
    except Invalid as invalid:
        form.take_errors(invalid.errors)
    except Closed as closed:
        form.add_error(None, str(closed))
    except rules.Changed as changed:
        form.is_stale = True
        form.add_error(None, str(changed))
    else:
        messages.success(request, done)
        return True
    return False


def _take_version(form: Any, version: int) -> None:
    """The person has now been shown what the other saved: their next save is on top of that."""
    form.data = form.data.copy()
    form.data["version"] = str(version)


@require_POST
def meeting_next(request: HttpRequest, pk: int) -> HttpResponse:
    """Make the next meeting of the same place, with what isn't settled."""
    meeting = get_meeting(request, pk)
    access.require(request.user, "meeting.hold", meeting.unit)
    was_open = is_open(meeting)
    following = rules.hold_next(meeting, by=request.user)
    if was_open:
        count = following.items.count()
        messages.success(
            request,
            f"Đã lập cuộc giao ban tiếp theo, chuyển sang {count} việc chưa xong. Kiểm tra lại ngày họp.",
        )
    return redirect("reports:meeting_detail", pk=following.pk)


# --- its list --------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def meeting_add(request: HttpRequest, pk: int) -> HttpResponse:
    """Put findings, unmet criteria and other matters on the list. An area chooses a commune
    (`?unit=`) for its criteria; until then it has the findings of all."""
    meeting = get_meeting(request, pk)
    access.require(request.user, "meeting.hold", meeting.unit)
    if not is_open(meeting):
        messages.error(request, "Các việc chưa xong đã chuyển sang cuộc giao ban sau; hãy thêm vào cuộc sau.")
        return redirect("reports:meeting_detail", pk=meeting.pk)
    commune = _chosen_commune(request, meeting)
    found = followed(request.user, commune or meeting.unit).unsettled().exclude(meeting_items__meeting=meeting)
    there = set(meeting.items.filter(criterion__isnull=False).values_list("unit_id", "criterion_id"))
    unmet = unmet_criteria(commune, request.user) if commune else []
    unmet = [row for row in unmet if (row.unit.pk, row.criterion.pk) not in there]
    form = FreeTextForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        ticked = {name: set(request.POST.getlist(name)) for name in ("finding", "criterion")}
        try:
            count = rules.add_items(
                meeting,
                findings=found.filter(pk__in=[int(key) for key in ticked["finding"] if is_id(key)]),
                unmet=[row for row in unmet if str(row.criterion.pk) in ticked["criterion"]],
                text=form.cleaned_data["text"],
                by=request.user,
            )
        except Invalid as invalid:
            form.add_error(None, str(invalid))
        except Closed as closed:
            form.add_error(None, str(closed))
        else:
            if count:
                messages.success(request, f"Đã đưa {count} nội dung vào chương trình.")
                return redirect("reports:meeting_detail", pk=meeting.pk)
            form.add_error(None, "Đánh dấu ít nhất một nội dung, hoặc ghi nội dung khác.")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    day = today()
    context = {
        "meeting": meeting,
        "form": form,
        "commune": commune,
        "communes": _communes(meeting),
        "page": page,
        "rows": [(finding, finding.days_overdue(day)) for finding in page],
        "unmet": unmet,
    }
    return render(request, "reports/meeting_add.html", context, status=422 if form.errors else 200)


def _communes(meeting: Meeting) -> list[Unit]:
    """The communes an area's meeting can be about; none for a commune's own."""
    if meeting.unit.level == Level.COMMUNE:
        return []
    communes = Unit.objects.within(meeting.unit).rural_communes().existing(today())
    return list(communes.select_related("district").order_by("district__sort_key", "sort_key"))


def _chosen_commune(request: HttpRequest, meeting: Meeting) -> Unit | None:
    if meeting.unit.level == Level.COMMUNE:
        return meeting.unit
    wanted = request.GET.get("unit", "")
    if not wanted:
        return None
    if not is_id(wanted):
        raise Http404("Không có xã này trong địa bàn.")
    communes = Unit.objects.within(meeting.unit).rural_communes().existing(today()).visible_to(request.user)
    return get_object_or_404(communes, pk=int(wanted))


@require_http_methods(["GET", "HEAD", "POST"])
def item_edit(request: HttpRequest, pk: int, item: int) -> HttpResponse:
    """What was done, what is next, by whom, by when."""
    found = get_item(request, pk, item)
    names = (*rules.ITEM_FIELDS, "version")
    form = ItemForm(request.POST or None, initial={name: getattr(found, name) for name in names})
    if request.method == "POST" and form.is_valid():

        def step() -> Any:
            seen = form.cleaned_data["version"]
            return rules.change_item(found, form.fields_to_store(), seen_version=seen, by=request.user)

        if _try(request, form, step, "Đã lưu nội dung."):
            return redirect(f"{reverse('reports:meeting_detail', args=[pk])}#item-{found.pk}")
    theirs = None
    if getattr(form, "is_stale", False):
        theirs = get_item(request, pk, item)
        _take_version(form, theirs.version)
    now = []
    if found.criterion and found.unit:
        now = [row.text for row in unmet_criteria(found.unit, request.user) if row.criterion == found.criterion]
    context = {
        "meeting": found.meeting,
        "is_open": is_open(found.meeting),
        "item": found,
        "form": form,
        "theirs": theirs,
        "days": found.finding.days_overdue(today()) if found.finding else 0,
        "now": now[0] if now else "",
    }
    return render(request, "reports/meeting_item.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def item_remove(request: HttpRequest, pk: int, item: int) -> HttpResponse:
    """Asks once (GET), then takes the item off the list."""
    found = get_item(request, pk, item)
    if request.method == "POST":
        try:
            rules.remove_item(found, by=request.user)
        except Closed as closed:
            messages.error(request, str(closed))
        else:
            messages.success(request, "Đã bỏ nội dung khỏi chương trình.")
        return redirect("reports:meeting_detail", pk=pk)
    return render(request, "reports/meeting_item_remove.html", {"meeting": found.meeting, "item": found})


@require_POST
def item_move(request: HttpRequest, pk: int, item: int) -> HttpResponse:
    """Lên, Xuống: one place higher or lower on the list."""
    found = get_item(request, pk, item)
    if request.POST.get("direction") not in {"up", "down"}:
        return HttpResponseBadRequest("Chọn Lên hoặc Xuống.", content_type="text/plain; charset=utf-8")
    try:
        rules.move_item(found, up=request.POST["direction"] == "up", by=request.user)
    except Closed as closed:
        messages.error(request, str(closed))
    return redirect(f"{reverse('reports:meeting_detail', args=[pk])}#item-{found.pk}")
