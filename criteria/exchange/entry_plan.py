"""What a filled entry workbook would do, row by row; nothing is written here.

Rows are looked at in three steps: which commune and indicator a row is about and whether its writer
may enter it, what its cells say, and how that stands beside the draft as it is now. The number of queries doesn't
depend on the rows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from communes import access
from communes.models import Unit
from communes.workbooks import Sheet
from criteria import targets, uploads
from criteria.checks import Judged, Refused, check_day, format_day, judge
from criteria.entries import is_same
from criteria.entry_steps import newer_than
from criteria.exchange.drafts import Draft, Eyes, drafts_of, holds
from criteria.exchange.entry_rows import Filled, FilledRow, Typed, cells_of, opinion, read
from criteria.exchange.entry_sheet import is_rate
from criteria.exchange.states import LastPublished, published_state, state, typed_state
from criteria.models import CriteriaSet, Entry, Indicator, Operator, Upload
from criteria.numbers import format_number
from criteria.periods import default_day, periods_of
from criteria.state import state_on
from criteria.targets import Resolved
from criteria.uploads import Plan, Progress
from criteria.verdicts import Stage

OUTCOMES = {"change": "Sẽ ghi", "conflict": "Đã đổi trên hệ thống", "refused": "Không nhận", "same": "Giống hệ thống"}
LISTED = ("change", "conflict", "refused")
FAR = 10  # times a rate: what is farther is nearer to a hundred times the rate than to the rate
Outcome = dict[str, Any]  # of one row, as it is kept in the plan's lines


class Change(NamedTuple):
    """One row to write. `draft` is what it replaces (None: the row's first)."""

    unit: int
    indicator: int
    draft: Draft | None
    judged: Judged
    day: date


@dataclass
class EntryPlan(Plan):
    """`changes`: what write() does, beside the lines that are shown."""

    changes: list[Change] = field(default_factory=list)
    on_behalf: set[int] = field(default_factory=set)  # units for which the uploader types as an office above


class Asked(NamedTuple):
    """A row that could be read."""

    row: FilledRow
    unit: Unit
    item: Indicator
    typed: Typed


def subject(upload: Upload) -> tuple[Unit, CriteriaSet]:
    """The place and set a workbook was handed in for."""
    if upload.unit is None or upload.criteria_set is None:
        raise uploads.Refused("Biểu nhập kết quả phải tải lên ở trang của xã hoặc địa bàn.")
    return upload.unit, upload.criteria_set


def plan(upload: Upload, book: list[Sheet], progress: Progress) -> EntryPlan:
    """What the workbook would do now, for who handed it in. Raises uploads.Refused. Eleven queries at most, two more
    for each further year its results are of, and one for each of the person's own communes that has owners."""
    place, criteria_set = subject(upload)
    filled = read(book, criteria_set, default_day(place, criteria_set, periods_of(place)))
    units = Unit.objects.in_bulk({row.unit for row in filled.rows if row.unit is not None})
    listed = Indicator.objects.filter(criterion__criteria_set=criteria_set).select_related("criterion").order_by()
    indicators = {item.pk: item for item in listed}
    drafts = drafts_of(units, indicators)
    eyes = Eyes(upload.uploaded_by, units.values())
    checker = _Checker(filled, place, criteria_set, units, indicators, eyes)
    asked, lines = checker.read()
    demanded = _demanded(criteria_set, asked)
    published = _published(asked, drafts, eyes, criteria_set)
    found = EntryPlan()
    for done, one in enumerate(asked):
        if not done % 250:
            progress(done)
        key = (one.row.unit or 0, one.row.indicator or 0)  # a model's .pk is a slow thing to ask for
        sent = published.get(key)
        target = demanded[one.typed.day.year][key[0]][key[1]]
        outcome, change = checker.outcome(one, target, drafts.get(key), LastPublished.of(sent))
        if outcome.get("hidden") or ("old" in outcome and outcome["old"] is None):
            outcome["old"] = published_state(sent)
        lines.append({"row": one.row.number, "unit": key[0], "indicator": key[1], **outcome})
        if change:
            found.changes.append(change)
    _tell_changes(lines, drafts)
    counts = Counter(line["outcome"] for line in lines)
    found.counts = {outcome: counts[outcome] for outcome in OUTCOMES}
    found.lines = sorted((line for line in lines if line["outcome"] in LISTED), key=lambda line: line["row"])
    found.on_behalf = set(units) - eyes.own
    found.shown = {
        "sheet": filled.sheet,
        "day": filled.day.isoformat(),
        "blank": filled.blank,
        "communes": len({change.unit for change in found.changes}),
        "on_behalf": any(change.unit in found.on_behalf for change in found.changes),
    }
    return found


def _demanded(criteria_set: CriteriaSet, asked: list[Asked]) -> dict[int, dict[int, dict[int, Resolved]]]:
    """The rows' targets by year, unit and indicator; a target binds a whole year."""
    years: dict[int, tuple[dict[int, Unit], dict[int, Indicator], set[date]]] = {}
    for row, unit, item, typed in asked:
        units, items, days = years.setdefault(typed.day.year, ({}, {}, set()))
        units[row.unit or 0], items[row.indicator or 0] = unit, item
        days.add(typed.day)
    return {
        year: targets.resolve_area(units.values(), criteria_set, max(days), items.values())
        for year, (units, items, days) in years.items()
    }


def _tell_changes(lines: list[Outcome], drafts: Mapping[tuple[int, int], Draft]) -> None:
    """Say when the drafts of the rows in conflict were changed, and by whom where that isn't hidden. Only for these:
    a time is the slowest thing to read of a draft. One query, none without such rows."""
    changed = {
        drafts[line["unit"], line["indicator"]].pk: line
        for line in lines
        if line["outcome"] == "conflict" and "version" in line
    }
    if changed:
        for draft in Entry.objects.filter(pk__in=changed).select_related("updated_by").order_by():
            line = changed[draft.pk]
            line["at"] = draft.updated_at.isoformat()
            if "hidden" not in line:
                line["by"] = draft.updated_by.get_full_name()


def _published(
    asked: list[Asked], drafts: Mapping[tuple[int, int], Draft], eyes: Eyes, criteria_set: CriteriaSet
) -> dict[tuple[int, int], dict[str, Any]]:
    """What is published of the rows that have no draft the reader sees. One query, none where all have."""
    keys = {(row.unit or 0, row.indicator or 0) for row, _, _, _ in asked}
    keys = {key for key in keys if key not in drafts or not eyes.sees(drafts[key])}
    if not keys:
        return {}
    units, items = ({key[place] for key in keys} for place in (0, 1))
    sent = state_on(units, criteria_set, [Stage.SELF.value], only=items)
    return {(unit, item): row for (_, unit, item), row in sent.items()}


class _Checker:
    """The rows of one workbook beside what is known."""

    def __init__(
        self,
        filled: Filled,
        place: Unit,
        criteria_set: CriteriaSet,
        units: Mapping[int, Unit],
        indicators: Mapping[int, Indicator],
        eyes: Eyes,
    ) -> None:
        self.filled, self.place, self.set, self.eyes = filled, place, criteria_set, eyes
        self.units, self.indicators = units, indicators
        self._held: dict[int, bool] = {}
        self._refusals: dict[int, str] = {}
        self._days: dict[tuple[int, date], str] = {}
        self._rows: dict[tuple[int | None, int | None], list[int]] = defaultdict(list)
        for row in filled.rows:
            self._rows[row.unit, row.indicator].append(row.number)

    def read(self) -> tuple[list[Asked], list[Outcome]]:
        """The rows that can be read, and the others with the reason."""
        asked, refused = [], []
        for row in self.filled.rows:
            problem = self._row(row)
            if not problem:
                unit, item = self.units[row.unit or 0], self.indicators[row.indicator or 0]
                typed, problems = cells_of(self.filled, row, item)
                problem = " ".join(problems) or self._day(row, unit, item, typed.day)
                if not problem:
                    asked.append(Asked(row, unit, item, typed))
                    continue
            refused.append(self._refused(row, problem))
        return asked, refused

    def _refused(self, row: FilledRow, reason: str) -> Outcome:
        """A refused row; it names only a unit of the place."""
        unit, item = self.units.get(row.unit or 0), self.indicators.get(row.indicator or 0)
        return {
            "row": row.number,
            "unit": unit.pk if unit and holds(self.place, unit) else None,
            "indicator": item.pk if item else None,
            "outcome": "refused",
            "reason": reason,
        }

    def _row(self, row: FilledRow) -> str:
        """Why the row can't be looked at; "" where it can."""
        if row.unit is None or row.indicator is None or row.version is None:
            return "Dòng không có khóa ẩn: dòng thêm ngoài biểu, hoặc khóa bị xóa. Điền vào dòng có sẵn của biểu."
        unit, item = self.units.get(row.unit), self.indicators.get(row.indicator)
        if row.unit not in self._held:
            self._held[row.unit] = unit is not None and holds(self.place, unit)
        if unit is None or not self._held[row.unit]:
            return f"Xã ở dòng này không thuộc {self.place.full_name}."
        if item is None:
            return "Chỉ tiêu ở dòng này không có trong bộ tiêu chí của biểu."
        if row.number in self.filled.merged:
            return "Dòng có ô gộp nên không rõ giá trị là của dòng nào. Bỏ gộp ô (Unmerge) rồi điền từng dòng."
        if not _agrees(row.code, unit.code) or not _agrees(row.indicator_code, item.code):
            return (
                f"Mã xã, mã chỉ tiêu ở dòng này không khớp khóa ẩn ({unit.full_name}, chỉ tiêu {item.code}): có thể "
                "chỉ sắp xếp hoặc chép một phần các cột. Tải biểu nhập mới, chép kết quả vào đó."
            )
        if len(self._rows[row.unit, row.indicator]) > 1:
            numbers = ", ".join(map(str, self._rows[row.unit, row.indicator]))
            return f"Chỉ tiêu {item.code} của {unit.full_name} có ở các dòng {numbers}. Chỉ giữ một dòng."
        if row.unit not in self._refusals:
            self._refusals[row.unit] = access.can(self.eyes.user, "entries.import", unit).reason
        if self._refusals[row.unit]:
            return self._refusals[row.unit]
        owner = self.eyes.owner(unit, item.criterion_id)
        return f"Tiêu chí {item.criterion.number} do {owner} phụ trách." if owner else ""

    def _day(self, row: FilledRow, unit: Unit, item: Indicator, day: date) -> str:
        key = (row.unit or 0, day)
        if key not in self._days:
            self._days[key] = check_day(day, unit, self.set)
        message = self._days[key]
        if not message and not (item.in_force_from or day) <= day <= (item.in_force_to or day):
            message = f"Chỉ tiêu {item.code} không áp dụng ngày {format_day(day)}."
        return f"{self.filled.at(row.number, 'day')}: {message}" if message else ""

    def outcome(
        self, one: Asked, target: Resolved, draft: Draft | None, sent: LastPublished | None
    ) -> tuple[Outcome, Change | None]:
        """What becomes of a row beside what stands: the draft as it is now, else what the commune has published."""
        row, _, item, typed = one
        sees = draft is None or self.eyes.sees(draft)
        standing: Any = draft or sent
        judged, problem = self._judged(row, item, target, standing, typed)
        if sees and judged and is_same(standing, judged, typed.day):
            if standing is not None:
                return {"outcome": "same"}, None
            return {"outcome": "refused", "reason": "Chưa có kết quả: điền Kết quả thực hiện hoặc Đánh giá."}, None
        if not sees or row.version != self.eyes.version(draft):
            return self._conflict(typed, draft, sees), None
        divided = _may_be_divided(item, row, typed)
        beside = _far_above(typed.changes["value"], target, standing) if divided else ""
        if beside:
            return {"outcome": "refused", "reason": self._divided(row, typed.changes["value"], beside)}, None
        if judged is None:
            return {"outcome": "refused", "reason": problem}, None
        later = newer_than(standing, typed.day)
        if later:
            return {"outcome": "refused", "reason": f"{self.filled.at(row.number, 'day')}: {later}"}, None
        found: Outcome = {
            "outcome": "change",
            "old": state(draft) if draft else None,
            "new": state(judged, typed.day),
        }
        if divided:
            found["hint"] = True
        return found, Change(row.unit or 0, row.indicator or 0, draft, judged, typed.day)

    def _divided(self, row: FilledRow, value: Decimal, beside: str) -> str:
        """Why a rate isn't taken that a spreadsheet seems to have divided by a hundred."""
        told, meant = format_number(value), format_number(value * 100)
        return (
            f"{self.filled.at(row.number, 'value')}: ô ghi {told}, còn {beside}. Gõ {meant} % thì Excel lưu thành "
            f"{told}: ghi {meant} thay cho {meant} %. Nếu đúng là {told} %, để trống ô này và ghi Số đạt, Tổng số."
        )

    @staticmethod
    def _conflict(typed: Typed, draft: Draft | None, sees: bool) -> Outcome:
        found: Outcome = {"outcome": "conflict", "new": typed_state(typed.changes, typed.day), "old": None}
        if draft is not None:
            found["version"] = draft.version
            found |= {"old": state(draft)} if sees else {"hidden": True}
        return found

    def _judged(
        self, row: FilledRow, item: Indicator, target: Resolved, standing: Any, typed: Typed
    ) -> tuple[Judged | None, str]:
        """What would be stored, or why it can't be."""
        try:
            return judge(item, target, **opinion(standing, typed.changes)), ""
        except Refused as refused:
            known = self.filled.columns
            return None, " ".join(
                f"{self.filled.at(row.number, key)}: {text}" if key in known else text
                for key, text in refused.errors.items()
            )
        except ValueError as error:
            return None, f"{self.filled.at(row.number, 'value')}: {error}"


def _agrees(cell: Any, code: str) -> bool:
    """Whether the visible code is the row's own; a program may have made a number of it, or nothing be left of it."""
    if cell == code or cell is None or not code:
        return True
    return str(cell).strip().lstrip("0") == code.lstrip("0")


def _may_be_divided(item: Indicator, row: FilledRow, typed: Typed) -> bool:
    """Whether a per cent may have been typed as "98,5 %" or "100 %", which a spreadsheet keeps as 0,985 and 1."""
    if not is_rate(item) or "part" in typed.changes or isinstance(row.cells[0], str):
        return False
    value = typed.changes.get("value")
    return value is not None and 0 < value <= 1


def _far_above(value: Decimal, target: Resolved, standing: Any) -> str:
    """What speaks of a hundred times this rate, in words: the target or the newest result; "" where neither does."""
    asks = target.value if target.operator in {Operator.AT_LEAST, Operator.EQUAL} else None
    if asks is not None and asks >= FAR * value:
        return f"yêu cầu {target.text}"
    last = standing.value if standing else None
    return f"kết quả gần nhất {format_number(last)} %" if last is not None and last >= FAR * value else ""
