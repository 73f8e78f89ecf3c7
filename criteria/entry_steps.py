"""Several rows of a unit's drafts in one step: nothing changed, met for those ticked, a pasted table.

Each step goes through the same rules as a row saved by itself (`criteria.entries`), names the
versions its person saw, and is written in one transaction or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import transaction

from communes.models import Unit
from criteria import targets
from criteria.checks import Refused, format_day, judge, latest_day
from criteria.entries import Stale, is_same, write_entry
from criteria.models import CriteriaSet, Entry, Indicator
from criteria.sheets import Row, Sheet, typed_from
from criteria.targets import Resolved
from criteria.verdicts import Verdict

Opinion = dict[str, Any]


class RowsChanged(Exception):
    """Rows aren't what the person saw; `codes` are their indicators'. Nothing was written."""

    def __init__(self, codes: list[str]) -> None:
        super().__init__(", ".join(codes))
        self.codes = codes


@dataclass
class Done:
    """What a step did: rows saved, and rows left as they were with the reason."""

    saved: list[Row] = field(default_factory=list)
    left: list[tuple[Row, str]] = field(default_factory=list)


def told(rows: Iterable[Row]) -> str:
    """The rows with their versions as a page hands them back: "12:3 13:0"."""
    return " ".join(f"{row.indicator.pk}:{row.version}" for row in rows)


def read_told(text: str) -> dict[int, int]:
    """The versions by indicator id that a page handed back; what can't be read is left out."""
    pairs = (word.partition(":") for word in text.split())
    numbers = ((pk, version) for pk, _, version in pairs if pk.isdecimal() and version.isdecimal())
    return {int(pk): int(version) for pk, version in numbers if len(pk) < 19 and len(version) < 19}


def opinion_of(entry: Entry | None) -> Opinion:
    """The row's saved opinion as judge()'s keyword arguments."""
    if entry is None:
        return {"verdict": "", "value": None, "part": None, "whole": None, "entered_attainment": None, "note": ""}
    return {
        "verdict": entry.verdict,
        "value": entry.value if entry.part is None else None,
        "part": entry.part,
        "whole": entry.whole,
        "entered_attainment": entry.entered_attainment,
        "note": entry.note,
    }


def targets_on(unit: Unit, criteria_set: CriteriaSet, rows: list[Row], day: date) -> dict[int, Resolved]:
    """The rows' targets on that day; they carry those of the latest day, which bind its whole year."""
    if day.year == latest_day(unit, criteria_set).year:
        return {row.indicator.pk: row.target for row in rows}
    return targets.resolve_unit(unit, criteria_set, day, [row.indicator for row in rows])


def newer_than(entry: Entry | None, day: date) -> str:
    """Why a result of that day can't take the row's place: the row speaks of a later one; empty where it can."""
    if entry is None or entry.effective_on <= day:
        return ""
    told_on = format_day(entry.effective_on)
    return f"Dòng đang có số liệu ngày {told_on}, mới hơn ngày {format_day(day)}; muốn thay, hãy sửa riêng dòng đó."


def save_rows(
    unit: Unit, criteria_set: CriteriaSet, changes: list[tuple[Row, Opinion]], *, day: date, by: Any
) -> list[Row]:
    """Write all of them or none; the rows then show what was saved. Raises Refused, RowsChanged."""
    demanded = targets_on(unit, criteria_set, [row for row, _ in changes], day)
    with transaction.atomic():
        for row, opinion in changes:
            try:
                row.entry = write_entry(
                    unit,
                    criteria_set,
                    row.indicator,
                    demanded[row.indicator.pk],
                    row.entry,
                    opinion,
                    effective_on=day,
                    seen_version=row.version,
                    by=by,
                )
            except Stale:
                raise RowsChanged([row.indicator.code]) from None
            row.typed, row.saved_now = typed_from(row.entry, day), True
    return [row for row, _ in changes]


def check_seen(rows: list[Row], seen: dict[int, int]) -> None:
    """Raise RowsChanged unless exactly these rows were seen, in these versions."""
    if {row.indicator.pk: row.version for row in rows} != seen:
        raise RowsChanged([row.indicator.code for row in rows if seen.get(row.indicator.pk) != row.version])


def renew(unit: Unit, criteria_set: CriteriaSet, sheet: Sheet, seen: dict[int, int], *, day: date, by: Any) -> Done:
    """ "Không thay đổi": every assessed row of a criterion that still stands now holds on `day`.

    A row told for that day or a later one stays as it is; one whose verdict the target of that
    day contradicts is left, with the reason. Raises RowsChanged.
    """
    assessed = [row for row in sheet.rows if row.verdict]
    check_seen(assessed, seen)
    older = [row for row in assessed if row.entry and row.entry.effective_on < day]
    return _step(unit, criteria_set, [(row, opinion_of(row.entry)) for row in older], day=day, by=by)


def mark_met(
    unit: Unit, criteria_set: CriteriaSet, found: list[Sheet], seen: dict[int, int], *, day: date, by: Any
) -> Done:
    """ "Đạt cho các dòng đã chọn": the yes/no rows of `seen` are met from `day` on, where that can stand.

    Rows of other kinds, of others' criteria, and those told for a later day are left with the
    reason; rows that are met already as they are.
    Raises RowsChanged where one of them isn't in the version seen, or is no row of the unit's.
    """
    chosen = [row for sheet in found for row in sheet.rows if row.indicator.pk in seen]
    check_seen(chosen, seen)
    wanted, left = [], []
    for row in chosen:
        if row.owner:
            left.append((row, row.owner_words))
        elif row.indicator.kind != Indicator.Kind.BOOLEAN:
            left.append((row, "Chỉ đánh giá chung được cho chỉ tiêu có/không."))
        elif row.may_be_ticked and newer_than(row.entry, day):
            left.append((row, newer_than(row.entry, day)))
        elif row.may_be_ticked:
            wanted.append((row, opinion_of(row.entry) | {"verdict": Verdict.MET.value}))
    done = _step(unit, criteria_set, wanted, day=day, by=by)
    return Done(done.saved, left + done.left)


def _step(unit: Unit, criteria_set: CriteriaSet, wanted: list[tuple[Row, Opinion]], *, day: date, by: Any) -> Done:
    """Save those of the changes that can stand on that day."""
    demanded = targets_on(unit, criteria_set, [row for row, _ in wanted], day)
    done = Done()
    changes = []
    for row, opinion in wanted:
        try:
            judged = judge(row.indicator, demanded[row.indicator.pk], **opinion)
        except Refused as refused:
            done.left.append((row, str(refused)))
            continue
        if not is_same(row.entry, judged, day):
            changes.append((row, opinion))
    done.saved = save_rows(unit, criteria_set, changes, day=day, by=by)
    return done
