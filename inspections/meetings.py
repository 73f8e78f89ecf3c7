"""Giao ban: what was promised, what has been done since, what comes next.

A meeting's items are findings, unmet criteria or free text. Making the next meeting takes the
unfinished ones over, what came next becoming what was promised; from then on the earlier
meeting doesn't change. Whatever changes a meeting holds its row first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max

from communes import access
from communes.models import Unit
from criteria.models import Criterion
from inspections.findings import check_due_day, followed
from inspections.models import Finding, Meeting, MeetingItem
from inspections.planning import Closed, Invalid
from ntm.accounts.models import User
from ntm.clock import today

EARLIEST = date(2010, 1, 1)
# A meeting further ahead than this is a slip of the keyboard.
LONGEST_AHEAD = timedelta(days=366)
MAX_ITEMS = 200


class Twice(Exception):
    """The same meeting was sent twice, by a second click or once more; `meeting` is the one the first made."""

    def __init__(self, meeting: Meeting) -> None:
        super().__init__("Cuộc giao ban này đã được lập: dưới đây là cuộc đó, không lập thêm cuộc thứ hai.")
        self.meeting = meeting


class Changed(Exception):
    """Somebody else saved the meeting or the item since it was read; nothing was saved."""

    def __init__(self) -> None:
        super().__init__(
            "Nội dung này vừa được người khác lưu. Nội dung họ lưu ở ngay dưới đây; "
            "xem lại phần bạn nhập rồi lưu lần nữa nếu vẫn muốn thay."
        )


@dataclass(frozen=True, slots=True)
class Unmet:
    """A criterion that isn't met in a unit, with what is missing in words, to be put on the list."""

    unit: Unit
    criterion: Criterion
    text: str


def lock(meeting: Meeting) -> Meeting:
    """Hold the meeting's row until the transaction ends and return it as it is now.

    Raises Closed where the next meeting has already taken over.
    """
    current = Meeting.objects.select_for_update(of=("self",)).select_related("unit").get(pk=meeting.pk)
    if Meeting.objects.filter(previous=current).exists():
        raise Closed("Các việc chưa xong đã chuyển sang cuộc giao ban sau; cuộc này chỉ còn để xem.")
    return current


def check_held_day(day: date) -> str:
    """Why a meeting can't be held that day; empty when it can."""
    if day < EARLIEST:
        return f"Ngày {day:%d/%m/%Y} quá xa trong quá khứ. Kiểm tra lại năm."
    if day > today() + LONGEST_AHEAD:
        return f"Ngày {day:%d/%m/%Y} quá xa; chỉ lập trước tối đa một năm."
    return ""


# --- meetings --------------------------------------------------------------------------


@transaction.atomic
def hold(unit: Unit, fields: Mapping[str, Any], *, by: Any) -> Meeting:
    """A new meeting of a place: title, held_on, chair_post, participants.

    Raises PermissionDenied, Invalid, and Twice where the person made the very same one before.
    """
    access.require(by, "meeting.hold", unit)
    if message := check_held_day(fields["held_on"]):
        raise Invalid({"held_on": message})
    # Two clicks come at once: the second waits here for the first, and then finds its meeting.
    User.objects.select_for_update().get(pk=by.pk)
    if first := Meeting.objects.filter(unit=unit, created_by=by, **fields).order_by("pk").first():
        raise Twice(first)
    return Meeting.objects.create(unit=unit, created_by=by, **fields)


@transaction.atomic
def change(meeting: Meeting, fields: Mapping[str, Any], *, seen_version: int, by: Any) -> Meeting:
    """Change a meeting's own fields. Raises PermissionDenied, Closed, Changed, Invalid."""
    meeting = lock(meeting)
    access.require(by, "meeting.hold", meeting.unit)
    if meeting.version != seen_version:
        raise Changed
    if fields["held_on"] != meeting.held_on and (message := check_held_day(fields["held_on"])):
        raise Invalid({"held_on": message})
    for field, value in fields.items():
        setattr(meeting, field, value)
    meeting.version += 1
    meeting.save(update_fields=[*fields, "version"])
    return meeting


@transaction.atomic
def hold_next(meeting: Meeting, *, by: Any) -> Meeting:
    """The next meeting of the same place, with what isn't settled yet; the one there is, if there is one.

    What came next is what was promised now; who and by when stay. Raises PermissionDenied.
    """
    try:
        meeting = lock(meeting)
    except Closed:
        return Meeting.objects.get(previous=meeting)
    access.require(by, "meeting.hold", meeting.unit)
    following = Meeting.objects.create(
        unit=meeting.unit,
        title=meeting.title,
        held_on=max(today(), meeting.held_on),
        chair_post=meeting.chair_post,
        participants=meeting.participants,
        previous=meeting,
        created_by=by,
    )
    left = [item for item in meeting.items.select_related("finding") if not item.is_settled]
    MeetingItem.objects.bulk_create(
        MeetingItem(
            meeting=following,
            position=position,
            finding=item.finding,
            unit_id=item.unit_id,
            criterion_id=item.criterion_id,
            text=item.text,
            promised=item.next_step or item.promised,
            by_post=item.by_post,
            due_on=item.due_on,
        )
        for position, item in enumerate(left, start=1)
    )
    return following


# --- items -----------------------------------------------------------------------------


@transaction.atomic
def add_items(
    meeting: Meeting, *, findings: Iterable[Finding] = (), unmet: Iterable[Unmet] = (), text: str = "", by: Any
) -> int:
    """Put findings, unmet criteria and a free text on the list; return how many are new.

    What is on the list already isn't put there twice. Raises PermissionDenied, Closed, and
    Invalid for a finding that isn't the place's or where the list grows too long.
    """
    meeting = lock(meeting)
    access.require(by, "meeting.hold", meeting.unit)
    there = list(meeting.items.values_list("finding_id", "unit_id", "criterion_id"))
    wanted = {finding.pk for finding in findings} - {finding for finding, _, _ in there}
    found = list(followed(by, meeting.unit).filter(pk__in=wanted))
    if len(found) != len(wanted):
        raise Invalid({"findings": "Có tồn tại không thuộc địa bàn của cuộc giao ban."})
    new = [
        MeetingItem(finding=finding, unit=finding.visit.unit, text=finding.description, due_on=finding.due_on)
        for finding in found
    ]
    new += [
        MeetingItem(unit=row.unit, criterion=row.criterion, text=row.text)
        for row in unmet
        if (None, row.unit.pk, row.criterion.pk) not in there
    ]
    if text:
        new.append(MeetingItem(text=text))
    if len(there) + len(new) > MAX_ITEMS:
        raise Invalid({"text": f"Một cuộc giao ban có tối đa {MAX_ITEMS} nội dung."})
    last = meeting.items.aggregate(last=Max("position"))["last"] or 0
    for position, item in enumerate(new, start=last + 1):
        item.meeting, item.position = meeting, position
    MeetingItem.objects.bulk_create(new)
    return len(new)


ITEM_FIELDS = ("text", "promised", "done", "next_step", "by_post", "due_on", "is_done")


@transaction.atomic
def change_item(item: MeetingItem, fields: Mapping[str, Any], *, seen_version: int, by: Any) -> MeetingItem:
    """Change what is said of an item (ITEM_FIELDS). Raises PermissionDenied, Closed, Changed, Invalid.

    A due day taken over from the last meeting may lie before this one; a new one may not.
    """
    meeting = lock(item.meeting)
    access.require(by, "meeting.hold", meeting.unit)
    current = MeetingItem.objects.get(pk=item.pk)
    if current.version != seen_version:
        raise Changed
    due_on = fields["due_on"]
    if (
        due_on is not None
        and due_on != current.due_on
        and (message := check_due_day(due_on, meeting.held_on, "ngày họp"))
    ):
        raise Invalid({"due_on": message})
    for field in ITEM_FIELDS:
        setattr(current, field, fields[field])
    current.version += 1
    current.save(update_fields=[*ITEM_FIELDS, "version"])
    return current


@transaction.atomic
def remove_item(item: MeetingItem, *, by: Any) -> None:
    """Take an item off the list. Raises PermissionDenied, Closed."""
    meeting = lock(item.meeting)
    access.require(by, "meeting.hold", meeting.unit)
    MeetingItem.objects.filter(pk=item.pk).delete()


@transaction.atomic
def move_item(item: MeetingItem, *, up: bool, by: Any) -> None:
    """Put an item one place higher or lower on the list; the first and the last stay where they are.

    Raises PermissionDenied, Closed.
    """
    meeting = lock(item.meeting)
    access.require(by, "meeting.hold", meeting.unit)
    items = list(meeting.items.order_by("position", "pk"))
    place = next((place for place, row in enumerate(items) if row.pk == item.pk), None)
    other = None if place is None else place - 1 if up else place + 1
    if place is None or other is None or not 0 <= other < len(items):
        return
    items[place], items[other] = items[other], items[place]
    for position, row in enumerate(items, start=1):
        row.position = position
    MeetingItem.objects.bulk_update(items, ["position"])
