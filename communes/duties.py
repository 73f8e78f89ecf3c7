"""What one person alone sees to, told before their account is closed or a role of theirs moves or ends.

It warns and never refuses: people leave whether or not somebody stands ready. What rests on whom
is said by the models it is about (`resting_on`, `promised_to`), which are asked by name, as in
`communes.access`: this app comes before theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.urls import reverse

from communes import access
from communes.models import Membership
from ntm.clock import today


@dataclass(frozen=True, slots=True)
class Duty:
    """Something nobody would see to any more; the link leads to where it is given to somebody else."""

    text: str
    url: str = ""
    label: str = ""


def duties(person: Any, by: Any, leaving: Membership | None = None) -> list[Duty]:
    """What would be left behind if the role `leaving` ended, or without it if the account were closed
    today: visits without a leader or without anybody, criteria without a lead, promises of meetings.

    Nothing more is told than `by` may see. A fixed number of queries.
    """
    now = Membership.objects.serving(today())
    after = now.exclude(user=person) if leaving is None else now.exclude(pk=leaving.pk)
    return [*_visits(person, by, now, after), *_criteria(person, by, now, after), *_promises(person, by, now, after)]


def _visits(person: Any, by: Any, now: Any, after: Any) -> list[Duty]:
    visits = apps.get_model("inspections", "Visit")._default_manager
    found = visits.resting_on(person, now, after).visible_to(by).select_related("unit").prefetch_related("team")
    told = []
    for visit in found.order_by("planned_on", "pk"):
        leads = any(member.user_id == person.pk and member.role == "leader" for member in visit.team.all())
        what = "Trưởng đoàn" if leads else "Người duy nhất còn lại trong đoàn"
        text = f"{what}: {visit}, {visit.get_state_display().lower()}."
        if access.can(by, "visit.change", visit):
            told.append(Duty(text, reverse("inspections:visit_team", args=[visit.pk]), "Thành phần đoàn"))
        else:
            told.append(Duty(text, reverse("inspections:visit_detail", args=[visit.pk]), "Xem cuộc kiểm tra"))
    return told


def _criteria(person: Any, by: Any, now: Any, after: Any) -> list[Duty]:
    owners = apps.get_model("criteria", "CriterionOwner")._default_manager
    rows = owners.resting_on(person, now, after, today()).visible_to(by)
    groups: dict[tuple[Any, Any], list[int]] = {}
    for row in rows.select_related("unit", "criterion__criteria_set").order_by(
        "unit__sort_key", "unit_id", "criterion"
    ):
        groups.setdefault((row.unit, row.criterion.criteria_set), []).append(row.criterion.number)
    told = []
    for (unit, criteria_set), numbers in groups.items():
        listed = ", ".join(map(str, sorted(set(numbers))))
        text = f"Người phụ trách chính duy nhất của tiêu chí {listed}, {unit.in_sentence} ({criteria_set.name})."
        query = f"?set={criteria_set.code}"
        if access.can(by, "owners.change", unit):
            page, query, label = "criteria:owner_hand_over", f"{query}&old={person.pk}", "Bàn giao"
        else:
            page, label = "criteria:owner_list", "Phân công tiêu chí"
            text += " Lãnh đạo xã bàn giao."
        told.append(Duty(text, reverse(page, args=[unit.pk]) + query, label))
    return told


def _promises(person: Any, by: Any, now: Any, after: Any) -> list[Duty]:
    """Without their words: a meeting is read by those who hold it only, who get the link."""
    left = set(now.filter(user=person).values_list("unit_id", flat=True))
    left -= set(after.filter(user=person).values_list("unit_id", flat=True))
    items = apps.get_model("inspections", "MeetingItem")._default_manager.promised_to(person, left)
    counts: dict[Any, int] = {}
    for item in items:
        counts[item.meeting] = counts.get(item.meeting, 0) + 1
    readable = apps.get_model("inspections", "Meeting")._default_manager.filter(pk__in=[m.pk for m in counts])
    seen = set(readable.visible_to(by).values_list("pk", flat=True)) if counts else set()
    return [
        Duty(f"{count} việc đã giao tại cuộc giao ban của {meeting.unit.in_sentence}, chưa xong.")
        if meeting.pk not in seen
        else Duty(
            f"{count} việc đã giao tại cuộc giao ban của {meeting.unit.in_sentence} ngày "
            f"{meeting.held_on:%d/%m/%Y}, chưa xong.",
            reverse("reports:meeting_detail", args=[meeting.pk]),
            "Mở cuộc giao ban",
        )
        for meeting, count in counts.items()
    ]
