"""The entry workbook on its way out and back: what an officer fills in far from the system, taken in as drafts.

Kind ENTRIES of `criteria.uploads`. A row is applied only if the draft it speaks of is still the one
it was made from: what changed on the server since is shown with both values and stays. Rows that aren't
taken go back as a workbook with the reasons. Offices above a commune may fill in its rows too; such drafts
are the commune's to send (docs/decisions/0011-offices-above-may-type-for-a-commune.md).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core.paginator import Paginator
from django.db import IntegrityError
from django.utils import timezone

from communes import access
from communes.access import Decision
from communes.models import Unit
from communes.workbooks import Cell
from criteria import targets, uploads
from criteria.checks import latest_day
from criteria.entries import OPINION_FIELDS
from criteria.exchange.drafts import Draft, Eyes, drafts_of, units_of
from criteria.exchange.entry_plan import LISTED, OUTCOMES, EntryPlan, plan, subject
from criteria.exchange.entry_rows import Filled, FilledRow, read
from criteria.exchange.entry_sheet import MOST_ROWS, TYPED, About, Line, Stray, draw
from criteria.exchange.states import State, published_state, said, state
from criteria.models import CriteriaSet, Entry, Indicator, Upload
from criteria.numbers import format_number
from criteria.periods import default_day, open_period, periods_of
from criteria.state import state_on
from criteria.targets import Resolved
from criteria.uploads import UploadChanged
from criteria.verdicts import Stage
from criteria.wordings import worded
from ntm.clock import today

__all__ = ["allowed", "page", "plan", "refused_workbook", "write"]

PER_PAGE = 50


class TooLong(Exception):
    """More rows than a workbook is made of; the message says how many."""


def allowed(user: Any, upload: Upload) -> Decision:
    return access.can(user, "entries.import", upload.unit)


# --- out ---------------------------------------------------------------------------------


def entry_workbook(
    place: Unit,
    criteria_set: CriteriaSet,
    user: Any,
    *,
    criterion: int | None = None,
    only: Collection[int] | None = None,
) -> bytes:
    """The workbook of a place to be filled in: all indicators of a set or one criterion's (by number), an area's
    communes or `only` these (ids). Raises TooLong. Ten queries at most, and one more for each of the user's own
    communes that has owners."""
    about = about_now(place, criteria_set)
    units = units_of(place, only)
    indicators = indicators_of(criteria_set, about.last_day)
    if criterion is not None:
        indicators = [item for item in indicators if item.criterion.number == criterion]
        about.criterion = str(criterion)
    if len(units) * len(indicators) > MOST_ROWS:
        raise TooLong(
            f"Biểu có {format_number(len(units) * len(indicators))} dòng, nhiều hơn {format_number(MOST_ROWS)} dòng "
            "của một tệp. Chọn ít xã hơn, hoặc một tiêu chí."
        )
    about.lines = lines_of(units, criteria_set, indicators, user, about.last_day)
    return draw(about)


def about_now(place: Unit, criteria_set: CriteriaSet) -> About:
    """What a workbook made now would be: without rows."""
    period = open_period(place)
    return About(
        place,
        criteria_set,
        default_day(place, criteria_set, periods_of(place)),
        latest_day(place, criteria_set),
        today(),
        period.name if period else "",
    )


def indicators_of(criteria_set: CriteriaSet, day: date) -> list[Indicator]:
    """The set's indicators in force on a day, as they read then, in its order. Two queries at most."""
    rows = Indicator.objects.in_force(day).filter(criterion__criteria_set=criteria_set).select_related("criterion")
    return sorted(worded(rows.order_by(), criteria_set, day), key=lambda item: (item.criterion.number, item.position))


def lines_of(
    units: list[Unit], criteria_set: CriteriaSet, indicators: list[Indicator], user: Any, day: date
) -> list[Line]:
    """A line for each unit and indicator it is asked (a part without a target isn't, decision 0005)."""
    eyes = Eyes(user, units)
    demanded = targets.resolve_area(units, criteria_set, day, indicators)
    ids = [unit.pk for unit in units]
    drafts = drafts_of(ids, [item.pk for item in indicators])
    sent = state_on(ids, criteria_set, [Stage.SELF.value])
    found = []
    for unit in units:
        mine = demanded[unit.pk]
        for item in indicators:
            draft = drafts.get((unit.pk, item.pk))
            target = mine[item.pk]
            if item.part_of_id is not None and not target.operator and draft is None:
                continue
            found.append(_line(unit, item, target, draft, sent.get((Stage.SELF.value, unit.pk, item.pk)), eyes))
    return found


def _line(
    unit: Unit, item: Indicator, target: Resolved, draft: Draft | None, sent: dict[str, Any] | None, eyes: Eyes
) -> Line:
    last = state(draft) if draft is not None and eyes.sees(draft) else published_state(sent)
    return Line(
        unit,
        item,
        target,
        " · ".join(said(last, item)) if last else "",
        eyes.version(draft),
        eyes.owner(unit, item.criterion_id),
    )


# --- back: doing it ------------------------------------------------------------------------


def write(upload: Upload, plan: EntryPlan, by: Any) -> dict[str, Any]:
    """Write the clean rows as drafts; raises UploadChanged where one was saved meanwhile. Four queries."""
    known = {change.draft.pk: change.draft.version for change in plan.changes if change.draft}
    held = Entry.objects.select_for_update(of=("self",)).filter(pk__in=known).order_by("pk")
    if dict(held.values_list("pk", "version")) != known:
        raise UploadChanged
    now = timezone.now()
    fresh: list[Entry] = []
    newer: list[Entry] = []
    # In one order whatever the sheet's: else two workbooks could wait for each other's new rows for ever.
    for change in sorted(plan.changes, key=lambda change: (change.unit, change.indicator)):
        entry = Entry(
            unit_id=change.unit,
            indicator_id=change.indicator,
            effective_on=change.day,
            version=change.draft.version + 1 if change.draft else 1,
            is_on_behalf=change.unit in plan.on_behalf,
            updated_by=by,
            updated_at=now,
            **{name: getattr(change.judged, name) for name in OPINION_FIELDS},
        )
        (newer if change.draft else fresh).append(entry)
    try:
        Entry.objects.bulk_create(fresh)
    except IntegrityError:  # somebody's first draft of a row came in between
        raise UploadChanged from None
    # The rows are held, so that none of them can have changed: written in one statement, not one each.
    Entry.objects.bulk_create(
        newer,
        update_conflicts=True,
        unique_fields=["unit", "indicator"],
        update_fields=[*OPINION_FIELDS, "effective_on", "version", "is_on_behalf", "updated_by", "updated_at"],
    )
    return {"written": len(plan.changes), **plan.shown}


# --- rows that weren't taken ---------------------------------------------------------------


def refused_workbook(upload: Upload) -> bytes:
    """The refused rows and those in conflict as an entry workbook of what stands now, with what was typed and why it
    wasn't taken. Mended and handed in again, a row that was in conflict replaces what its reader has seen in it. Rows
    that are about nothing known, as those added by hand, stand below as they were typed."""
    place, criteria_set = subject(upload)
    about = about_now(place, criteria_set)
    lines = {line["row"]: line for line in upload.plan["lines"] if line["outcome"] in {"refused", "conflict"}}
    filled = read(uploads.book_of(upload), criteria_set, date.fromisoformat(upload.plan["shown"]["day"]))
    rows = []
    for row in filled.rows:
        told = lines.get(row.number)
        if told and told["unit"] and told["indicator"]:
            rows.append(row)
        elif told:
            keys = (row.unit, row.indicator, row.version)
            about.strays.append(Stray(row.code, row.indicator_code, _typed(row, filled, about), keys, reason_of(told)))
    units = Unit.objects.in_bulk({lines[row.number]["unit"] for row in rows})
    listed = Indicator.objects.filter(pk__in={lines[row.number]["indicator"] for row in rows})
    shown = worded(listed.select_related("criterion").order_by(), criteria_set, about.last_day)
    indicators = {item.pk: item for item in shown}
    eyes = Eyes(upload.uploaded_by, units.values())
    drafts = drafts_of(units, indicators)
    sent = state_on(units, criteria_set, [Stage.SELF.value], only=indicators)
    demanded = targets.resolve_area(units.values(), criteria_set, about.last_day, indicators.values())
    for row in rows:
        told = lines[row.number]
        unit, item = units[told["unit"]], indicators[told["indicator"]]
        published = sent.get((Stage.SELF.value, unit.pk, item.pk))
        line = _line(unit, item, demanded[unit.pk][item.pk], drafts.get((unit.pk, item.pk)), published, eyes)
        line.typed, line.reason = _typed(row, filled, about), reason_of(told)
        about.lines.append(line)
    return draw(about, with_reasons=True)


def _typed(row: FilledRow, filled: Filled, about: About) -> tuple[Cell, ...]:
    """A row's cells as they were handed in, with the day they were meant for where a workbook of now takes another."""
    values = dict(zip((column.key for column in TYPED), row.cells, strict=True))
    if filled.day != about.day and any(cell is not None for cell in row.cells) and not str(values["day"] or "").strip():
        values["day"] = filled.day
    return tuple(values.values())


def reason_of(line: dict[str, Any]) -> str:
    """Why a row wasn't taken, in words."""
    if line["outcome"] == "refused":
        return line["reason"]
    at = timezone.localtime(datetime.fromisoformat(line["at"])) if line.get("at") else None
    when = f" lúc {at:%H:%M %d/%m/%Y}" if at else ""
    if line.get("hidden"):
        return f"Xã đã sửa dòng này{when}, chưa gửi; không ghi đè số liệu xã đang nhập."
    who = f" bởi {line['by']}" if line.get("by") else ""
    return f"Dòng này đã đổi trên hệ thống{when}{who}, sau khi lập biểu. So hai giá trị rồi nộp lại nếu vẫn muốn thay."


# --- the page --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of the preview."""

    row: int
    unit: Unit | None
    indicator: Indicator | None
    old: list[str]
    new: list[str]
    note: str
    reason: str
    hint: bool


def page(upload: Upload, query: Mapping[str, str]) -> dict[str, Any]:
    """A page of the lines of one outcome (?show=), and the counts of all. Three queries at most."""
    counts = upload.plan["counts"]
    show = query.get("show", "")
    if show not in LISTED:
        show = next((outcome for outcome in LISTED if counts.get(outcome)), LISTED[0])
    lines = [line for line in upload.plan["lines"] if line["outcome"] == show]
    found = Paginator(lines, PER_PAGE).get_page(query.get("page"))
    units = Unit.objects.in_bulk({line["unit"] for line in found} - {None})
    items = Indicator.objects.in_bulk({line["indicator"] for line in found} - {None})
    _, criteria_set = subject(upload)
    worded(items.values(), criteria_set, date.fromisoformat(upload.plan["shown"]["day"]))
    labels = OUTCOMES | ({"change": "Đã ghi"} if upload.state == Upload.State.DONE else {})
    return {
        "page": found,
        "rows": [_shown(line, units, items) for line in found],
        "show": show,
        "outcomes": [(outcome, labels[outcome], counts.get(outcome, 0)) for outcome in LISTED],
    }


def _shown(line: dict[str, Any], units: dict[int, Unit], items: dict[int, Indicator]) -> Shown:
    item = items.get(line["indicator"])
    new = line.get("new")
    return Shown(
        line["row"],
        units.get(line["unit"]),
        item,
        _words(line.get("old"), item),
        _words(new, item),
        new[4] if new else "",
        "" if line["outcome"] == "change" else reason_of(line),
        bool(line.get("hint")),
    )


def _words(told: State | None, item: Indicator | None) -> list[str]:
    if not told or item is None:
        return []
    return said(told, item)
