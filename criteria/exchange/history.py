"""Tables of past years, as communes and provinces have them, into published opinions of a stated stage and day.

A coordinator says step by step how a table is to be read (`Upload.options`, remembered for the
province's next one); nothing else is written until the preview is confirmed. A mark under a
criterion is what it is: an opinion on the criterion as a whole, stored on the indicator that
stands for it (decision 0010); a mark or figure under an indicator is that indicator's. All of it
carries the upload's id and can be voided as one.

`options`: stage, day, note, clash ("keep" or "replace" what is published for the same day), figures
("only" or "judge" a figure without a mark by its target), sheet (its place in the workbook), top and
last (rows of headings), roles and ways (by column, `matrix_reading`), marks (meaning by mark), threshold
(per cent from which a number means "met", where numbers are read so), communes (by row: a unit's id, or 0
to leave the row out).
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from io import BytesIO
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Count, QuerySet
from django.urls import reverse
from django.utils import timezone

from communes.access import Decision, can
from communes.models import Unit
from communes.workbooks import OLD_TABLE, Cell, Formula, Sheet, UnsafeWorkbook, column_letters, read_book
from criteria import publish, targets
from criteria.attainment import MET_VERDICTS, attainment, measured, reaches
from criteria.checks import Refused as NotJudged
from criteria.checks import format_day, judge_history, number_errors
from criteria.exchange import matrix_reading as reading
from criteria.exchange.name_matching import Communes, Match, memory_key
from criteria.models import Assessment, CriteriaSet, Indicator, RememberedChoice, Revision, Source, Upload
from criteria.numbers import MAX_WHOLE_DIGITS, format_number, is_unclear, round_half_up
from criteria.uploads import NotWaiting, Plan, Progress, Refused, UploadChanged, book_of
from criteria.verdicts import VERDICTS, Stage, Verdict

audit = logging.getLogger("ntm.audit")

MOST_MARKS = 60  # different marks a person is asked about; a table has five
BY_OLD_TABLE = "Theo bảng tổng hợp cũ"


def allowed(user: Any, upload: Upload) -> Decision:
    return can(user, "history.import", upload.unit_id)


def read_file(data: bytes) -> list[Sheet]:
    return read_book(data, OLD_TABLE)


def check_file(book: list[Sheet]) -> None:
    """Raises UnsafeWorkbook for a workbook of empty sheets: its first step would have nothing to choose."""
    if all(sheet.table.end is None for sheet in book):
        raise UnsafeWorkbook("Tệp không có dữ liệu. Kiểm tra lại tệp trên máy rồi tải lên.")


def setup_url(upload: Upload) -> str:
    """The first step that still waits for its answer, or the last one."""
    return reverse(f"criteria:history_{first_open_step(upload)}", args=[upload.pk])


def first_open_step(upload: Upload) -> str:
    options = upload.options
    for step, needed in (("sheet", "sheet"), ("headings", "last"), ("columns", "roles"), ("marks", "marks")):
        if needed not in options:
            return step
    return "communes"


# --- how a table is read -----------------------------------------------------------------


@dataclass
class Table:
    """One uploaded table with what has been said of it so far."""

    upload: Upload
    book: list[Sheet]

    @classmethod
    def of(cls, upload: Upload, book: list[Sheet] | None = None) -> Table:
        return cls(upload, book if book is not None else book_of(upload))

    @property
    def options(self) -> dict[str, Any]:
        return self.upload.options

    @property
    def criteria_set(self) -> CriteriaSet:
        if self.upload.criteria_set is None:
            raise Refused("Chưa chọn bộ tiêu chí.")
        return self.upload.criteria_set

    @property
    def province(self) -> Unit:
        if self.upload.unit is None:
            raise Refused("Chưa chọn tỉnh.")
        return self.upload.unit

    @property
    def day(self) -> date:
        return date.fromisoformat(self.options["day"])

    @property
    def filled_sheets(self) -> list[tuple[int, int]]:
        """Places of the sheets that hold something, and how many rows down that goes."""
        ends = [sheet.table.end for sheet in self.book]
        return [(place, end[0] + 1) for place, end in enumerate(ends) if end is not None]

    @cached_property
    def sheet(self) -> Sheet:
        return self.book[self.options["sheet"]]

    @cached_property
    def columns(self) -> reading.SetColumns:
        return reading.SetColumns(self.criteria_set, self.day)

    @cached_property
    def headings(self) -> reading.Headings:
        return reading.headings(self.sheet, self.options["top"], self.options["last"])

    @cached_property
    def roles(self) -> dict[int, str]:
        """The columns that mean something still in force."""
        return {int(column): role for column, role in self.options["roles"].items() if self.columns.is_valid(role)}

    @cached_property
    def ways(self) -> dict[int, str]:
        return {int(column): way for column, way in self.options["ways"].items()}

    @cached_property
    def communes(self) -> Communes:
        return Communes(self.province, self.day, remembered(self.province, RememberedChoice.About.COMMUNE))

    @cached_property
    def rows(self) -> list[reading.Row]:
        try:
            return list(reading.read_rows(self.sheet, self.options["last"], self.roles, self.communes.knows))
        except reading.TooManyMerged:
            raise Refused("Bảng có quá nhiều ô gộp. Bỏ gộp ô (Unmerge Cells) rồi tải lên lại.") from None

    @cached_property
    def marks(self) -> dict[int, set[str]]:
        """The decimal marks that each column's texts surely use; where they show none, "," if all of the table's do:
        a "." before three digits is a thousands mark then, and says nothing where other columns use it."""
        cells: dict[int, list[Cell]] = {column: [] for column, role in self.roles.items() if role not in reading.PLACES}
        for row in self.told_rows:
            for column, cell in row.cells.items():
                cells[column].append(cell)
        found = {column: reading.marks_in(said) for column, said in cells.items()}
        by_table = set().union(*found.values())
        return {column: marks or (by_table & {","} if len(by_table) == 1 else set()) for column, marks in found.items()}

    def number_in(self, column: int, cell: Cell) -> Decimal | None:
        """The number in a column's cell, None where it is none. Raises Unclear where it may be two."""
        marks = self.marks[column]
        if len(marks) != 1 and isinstance(cell, str) and is_unclear(cell):
            one, other = (format_number(reading.number_of(cell, mark)) for mark in (",", "."))
            raise reading.Unclear(
                f"“{cell.strip()}” có thể là {one} hoặc {other}, cột này không cho biết dấu thập phân. "
                "Đổi ô sang dạng số trong Excel rồi tải lên lại."
            )
        return reading.number_of(cell, next(iter(marks), ""))

    def guess_headings(self) -> tuple[int, int]:
        return reading.guess_headings(self.sheet, self.columns.codes, set(self.columns.by_name))

    def guess_columns(self) -> tuple[dict[int, str], dict[int, str], bool]:
        """Roles and ways, and whether they are what was chosen for the same headings before."""
        known = RememberedChoice.objects.filter(
            province=self.province,
            about=RememberedChoice.About.COLUMNS,
            key=self.headings.shape(self.criteria_set),
        ).first()
        if known is not None:
            roles = {int(column): role for column, role in known.choice["roles"].items()}
            if all(self.columns.is_valid(role) for role in roles.values()):
                return roles, {int(column): way for column, way in known.choice["ways"].items()}, True
        roles = reading.guess_roles(self.headings, self.columns)
        ways = self.guess_ways(roles)
        seen: set[tuple[str, bool]] = set()
        for column, role in list(roles.items()):
            kind = (role, ways.get(column, reading.MARK) == reading.MARK)
            if kind in seen:
                del roles[column]
            seen.add(kind)
        return roles, {column: way for column, way in ways.items() if column in roles}, False

    def guess_ways(self, roles: dict[int, str]) -> dict[int, str]:
        """How each indicator's column is written."""
        wanted = {column: self.columns.indicators[int(role[1:])] for column, role in roles.items() if role[:1] == "i"}
        cells: dict[int, list[Cell]] = defaultdict(list)
        for number, values in self.sheet.rows:
            if number > self.options["last"]:
                for column in wanted:
                    if column <= len(values):
                        cells[column].append(values[column - 1])
        return {column: reading.guess_way(indicator, cells[column]) for column, indicator in wanted.items()}

    def count_marks(self) -> dict[str, tuple[int, str, str]]:
        """The marks that stand in the communes' rows: how often each, as it is first written, and where."""
        counts: Counter[str] = Counter()
        first: dict[str, tuple[str, str]] = {}
        for row in self.rows:
            if row.kind != reading.COMMUNE:
                continue
            for column, role in self.roles.items():
                if role in reading.PLACES:
                    continue
                cell = row.cells.get(column)
                if isinstance(cell, Formula | date) or column in row.merged:
                    continue
                if self.ways.get(column, reading.MARK) != reading.MARK and (
                    cell is None or reading.number_of(cell) is not None
                ):
                    continue
                mark = reading.mark_of(cell)
                counts[mark] += 1
                first.setdefault(mark, (reading.text_of(cell), f"{column_letters(column)}{row.number}"))
        return {mark: (times, *first[mark]) for mark, times in counts.most_common(MOST_MARKS)}

    def guess_marks(self, marks: Iterable[str]) -> dict[str, str]:
        known = remembered(self.province, RememberedChoice.About.MARK)
        return {
            mark: known[mark] if known.get(mark) in reading.meanings_of(mark) else reading.guess_meaning(mark)
            for mark in marks
        }

    @cached_property
    def told_rows(self) -> list[reading.Row]:
        """The communes' rows that say something: of one without a mark that depends on what a blank cell means."""
        blank_says = self.options.get("marks", {}).get(reading.BLANK, reading.SKIP) != reading.SKIP
        communes = [row for row in self.rows if row.kind == reading.COMMUNE]
        return [row for row in communes if blank_says or row.cells or row.merged]

    def matched(self) -> list[tuple[reading.Row, Match]]:
        """The communes' rows with whom they mean; a choice made in this table counts first."""
        chosen = {int(row): unit for row, unit in self.options.get("communes", {}).items()}
        found = []
        for row in self.told_rows:
            if row.has_formula_name:
                found.append((row, Match(None, "Ô tên hoặc mã xã có công thức; dán lại dạng giá trị.")))
            elif chosen.get(row.number) == 0:
                found.append((row, Match(None)))
            elif chosen.get(row.number) in self.communes.places:
                found.append((row, Match(chosen[row.number])))
            else:
                found.append((row, self.communes.find(row.name, row.code, row.district)))
        return found

    def doubtful(self) -> list[tuple[reading.Row, Match]]:
        return [(row, match) for row, match in self.matched() if match.unit is None and match.doubt]


def remembered(province: Unit, about: str) -> dict[str, Any]:
    return dict(RememberedChoice.objects.filter(province=province, about=about).values_list("key", "choice"))


def remember(province: Unit, about: str, choices: dict[str, Any], by: Any) -> None:
    RememberedChoice.objects.bulk_create(
        [
            RememberedChoice(province=province, about=about, key=key, choice=choice, chosen_by=by)
            for key, choice in choices.items()
        ],
        update_conflicts=True,
        unique_fields=["province", "about", "key"],
        update_fields=["choice", "chosen_by", "chosen_at"],
    )


CHANGEABLE = (Upload.State.SETUP, Upload.State.READY, Upload.State.REFUSED)


@transaction.atomic
def choose(upload: Upload, **options: Any) -> None:
    """Keep what was said of the table; it has to be checked anew. Raises NotWaiting where it is written already."""
    held = Upload.objects.select_for_update(of=("self",)).get(pk=upload.pk)
    if held.state not in CHANGEABLE:
        raise NotWaiting
    held.options = {**held.options, **options}
    for name in [name for name, value in options.items() if value is None]:
        del held.options[name]
    held.state = Upload.State.SETUP
    held.save(update_fields=["options", "state"])
    upload.options, upload.state = held.options, held.state


# --- what it would do --------------------------------------------------------------------


@dataclass(slots=True)
class Told:
    """What one row says of one indicator, or of one criterion as a whole."""

    column: int
    row: int
    verdict: str = ""
    value: Decimal | None = None
    attained: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Opinion:
    """One opinion to publish; `about` is a role ("i12", "c3")."""

    unit: int
    about: str
    verdict: str
    value: Decimal | None
    attained: Decimal | None


class Said(NamedTuple):
    """What is published, with the target it was held against. `table`: the upload of the old table it came with, ""
    where it came otherwise."""

    verdict: str
    value: Decimal | None
    part: Decimal | None
    whole: Decimal | None
    attainment: Decimal | None
    operator: str
    target: Decimal | None
    table: str

    def is_same(self, opinion: Told) -> bool:
        """Whether it is what the table says, how far the target is attained included: by the same target, since
        another one changes that figure and nothing that was said."""
        return (self.verdict, self.value) == (opinion.verdict, opinion.value) and self.attainment == attainment(
            self.operator or None,
            self.target,
            measured(self.value, self.part, self.whole),
            opinion.verdict,
            opinion.attained,
        )


class HistoryPlan(Plan):
    """The plan with the opinions themselves, which are too many to be kept with the upload. Set, stage,
    day and source, `shown["about"]`, are part of what is confirmed, and so is what was published when it
    was compared, by unit and role (None: nothing)."""

    opinions: list[Opinion]
    published: dict[tuple[int, str], Said | None]

    @property
    def fingerprint(self) -> str:
        told = json.dumps(
            [self.counts, self.lines, self.shown["about"]], sort_keys=True, default=str, ensure_ascii=False
        )
        return hashlib.sha256(f"{told}{self.opinions}{self.published}".encode()).hexdigest()


@dataclass
class _Reader:
    """Turns rows into opinions, and notes what it refuses, with sheet, row, column and reason."""

    table: Table
    refused: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, row: reading.Row, column: int, cell: Any, why: str) -> None:
        self.refused.append(
            {
                "row": row.number,
                "column": column_letters(column) if column else "",
                "about": self.table.columns.label(self.table.roles[column]) if column else "Xã",
                "name": row.name or row.code,
                "cell": reading.text_of(cell),
                "why": why,
            }
        )

    def tell(self, row: reading.Row) -> dict[str, Told]:
        """What a commune's row says, by role."""
        found: dict[str, Told] = {}
        for column, role in self.table.roles.items():
            if role in reading.PLACES:
                continue
            cell = row.cells.get(column)
            if column in row.merged:
                self.refuse(row, column, cell, "Ô gộp nhiều dòng; bỏ gộp và ghi riêng cho từng xã.")
                continue
            why = self._read(found.setdefault(role, Told(column, row.number)), column, role, cell)
            if why:
                self.refuse(row, column, cell, why)
                found[role].verdict, found[role].value = "", None
        return {role: told for role, told in found.items() if told.verdict or told.value is not None}

    def _read(self, told: Told, column: int, role: str, cell: Cell) -> str:
        """Put what a cell says into `told`; why it can't be taken, or ""."""
        try:
            return self._read_cell(told, column, role, cell)
        except reading.Unclear as unclear:
            return str(unclear)

    def _read_cell(self, told: Told, column: int, role: str, cell: Cell) -> str:
        if isinstance(cell, Formula):
            return "Ô có công thức; dán lại dạng giá trị (Paste Values)."
        if isinstance(cell, date):
            return "Ô ghi ngày tháng, không phải kết quả."
        way = self.table.ways.get(column, reading.MARK)
        if way != reading.MARK:
            if cell is None:
                return ""
            number = self.table.number_in(column, cell)
            if number is not None:
                return self._read_number(told, self.table.columns.indicators[int(role[1:])], number, cell, way)
        return self._read_mark(told, column, role, cell)

    def _read_number(self, told: Told, indicator: Indicator, number: Decimal, cell: Cell, way: str) -> str:
        if way == reading.FRACTION and not (isinstance(cell, str) and cell.strip().endswith("%")):
            number *= 100
        if number < 0:
            return "Số âm."
        if number >= 10**MAX_WHOLE_DIGITS:
            return "Số quá lớn."
        number = round_half_up(number, 4)
        errors = number_errors(indicator, number, None, None, None)
        if errors:
            return next(iter(errors.values()))
        told.value = number
        return ""

    def _read_mark(self, told: Told, column: int, role: str, cell: Cell) -> str:
        mark = reading.mark_of(cell)
        meaning = self.table.options["marks"].get(mark, reading.REFUSE)
        if meaning == reading.SKIP:
            return ""
        if meaning == reading.REFUSE:
            if not mark:
                return "Ô trống."
            return f"Chưa rõ nghĩa của “{reading.text_of(cell)[:30]}”; nêu nghĩa ở bước Ý nghĩa các dấu."
        if mark == reading.SHARE:
            share = self.table.number_in(column, cell)
            if share is not None and share <= 1 and not (isinstance(cell, str) and cell.strip().endswith("%")):
                share *= 100
            if share is None or not 0 <= share <= 100:
                return "Mức độ đạt phải trong khoảng 0–100 %."
            if meaning in reading.FROM_THRESHOLD:
                reached = share >= Decimal(self.table.options["threshold"])
                meaning = Verdict.MET if reached else reading.FROM_THRESHOLD[meaning]
            if meaning not in MET_VERDICTS:
                told.attained = round_half_up(share, 2)
        if meaning == Verdict.FIRMLY_MET and self.table.options["stage"] == Stage.SELF:
            return "“Đạt vững chắc” chỉ do đoàn kiểm tra đánh giá."
        asked = self.table.columns.indicators[int(role[1:])] if role[:1] == "i" else None
        if meaning == Verdict.NOT_APPLICABLE and asked and not asked.may_be_not_applicable:
            return "Chỉ tiêu này không có trường hợp không áp dụng."
        told.verdict = meaning
        return ""


def plan(upload: Upload, book: list[Sheet], progress: Progress) -> HistoryPlan:
    """What the table would publish. Raises Refused where its steps aren't answered or nothing can be read."""
    if first_open_step(upload) != "communes" or upload.options["sheet"] >= len(book):
        raise Refused("Chưa khai báo xong cách đọc bảng này.")
    table = Table.of(upload, book)
    reader = _Reader(table)
    rows: dict[int, list[tuple[reading.Row, dict[str, Told]]]] = defaultdict(list)
    matched = table.matched()
    heard = {row.number for row in table.told_rows}
    left_out = [
        {"row": row.number, "name": row.name or row.code, "why": row.why or "không có đánh giá"}
        for row in table.rows
        if row.kind != reading.DISTRICT_ROW and row.number not in heard and (row.name or row.code)
    ]
    for place, (row, match) in enumerate(matched, 1):
        progress(place)
        if match.unit is None:
            if match.doubt:
                reader.refuse(row, 0, row.name, f"{match.doubt} Chọn xã ở bước Đối chiếu xã.")
            else:
                left_out.append({"row": row.number, "name": row.name or row.code, "why": "đã chọn bỏ qua"})
            continue
        rows[match.unit].append((row, reader.tell(row)))
    for same in [unit for unit, found in rows.items() if len(found) > 1]:
        numbers = ", ".join(str(row.number) for row, _ in rows[same])
        for row, _ in rows.pop(same):
            reader.refuse(row, 0, row.name, f"{table.communes.label(same)} có ở các dòng {numbers}; để lại một dòng.")
    told = {unit: (found[0][0], found[0][1]) for unit, found in rows.items()}
    if not told and not reader.refused:
        raise Refused("Không đọc được dòng xã nào. Xem lại dòng tiêu đề và cột tên xã.")
    _judge(table, told, reader)
    return _compared(table, told, reader, left_out)


Rows = dict[int, tuple[reading.Row, dict[str, Told]]]


def _judge(table: Table, told: Rows, reader: _Reader) -> None:
    """Refuse what a confirmed target contradicts; judge figures without a mark where that was asked for."""
    wanted = {role for _, said in told.values() for role in said if role[:1] == "i"}
    if not wanted:
        return
    indicators = [table.columns.indicators[int(role[1:])] for role in wanted]
    units = Unit.objects.filter(pk__in=list(told))
    demanded = targets.resolve_area(units, table.criteria_set, table.day, indicators)
    for unit, (row, said) in told.items():
        for role in [role for role in said if role[:1] == "i"]:
            opinion, target = said[role], demanded[unit][int(role[1:])]
            if not opinion.verdict and table.options["figures"] == "judge":
                reached = reaches(target.operator or None, target.value, measured(opinion.value, None, None))
                if reached is not None:
                    opinion.verdict = Verdict.MET if reached else Verdict.NOT_MET
            try:
                judge_history(
                    target,
                    verdict=opinion.verdict,
                    value=opinion.value,
                    part=None,
                    whole=None,
                    entered_attainment=opinion.attained,
                    note="",
                )
            except NotJudged as refused:
                reader.refuse(row, opinion.column, row.cells.get(opinion.column), str(refused))
                del said[role]


def _compared(table: Table, told: Rows, reader: _Reader, left_out: list[dict[str, Any]]) -> HistoryPlan:
    """The plan: what is new, what is published already for that day, what differs from it.

    A table that is written at all says again what only another old table said before: that one may be voided, and
    each stands by itself.
    """
    carriers = carrier_ids(table.criteria_set, table.columns)
    published = _published(table, told, carriers)
    replace = table.options["clash"] == "replace"
    result = HistoryPlan()
    result.opinions, result.published = [], {}
    differing: list[dict[str, Any]] = []
    again: list[Opinion] = []
    counts: Counter[str] = Counter(refused=len(reader.refused))
    for unit, (row, said) in sorted(told.items(), key=lambda pair: pair[1][0].number):
        own: Counter[str] = Counter()
        written: dict[str, list[str]] = defaultdict(list)
        for role, opinion in said.items():
            before = result.published[unit, role] = published.get((unit, carriers.get(role, 0)))
            said_here = Opinion(unit, role, opinion.verdict, opinion.value, opinion.attained)
            if before is not None and before.is_same(opinion):
                own["same"] += 1
                if before.table:
                    again.append(said_here)
                continue
            if before is not None:
                own["differs"] += 1
                differing.append(
                    {
                        "row": row.number,
                        "name": table.communes.label(unit),
                        "about": table.columns.label(role),
                        "was": _words(before.verdict, before.value, _level(before, opinion)),
                        "now": _words(opinion.verdict, opinion.value, opinion.attained),
                    }
                )
                if not replace:
                    continue
            own["new"] += 1
            written[_words(opinion.verdict, opinion.value, opinion.attained)].append(table.columns.label(role))
            result.opinions.append(said_here)
        counts.update(own)
        counts["communes"] += bool(own["new"])
        result.lines.append(
            {"row": row.number, "unit": unit, "name": table.communes.label(unit)}
            | {name: own[name] for name in ("new", "same", "differs")}
            | {"says": [[words, _listed(labels)] for words, labels in written.items()]}
        )
    result.counts = {name: counts[name] for name in ("communes", "new", "same", "differs", "refused")}
    if result.opinions:
        result.opinions += again
    newer = Assessment.objects.filter(
        unit__in=list(told),
        stage=table.options["stage"],
        indicator__criterion__criteria_set=table.criteria_set,
        effective_on__gt=table.day,
    )
    result.shown = {
        "about": {
            "set": table.criteria_set.name,
            "code": table.criteria_set.code,
            "stage": Stage(table.options["stage"]).label,
            "day": format_day(table.day),
            "note": table.options["note"],
        },
        "refused": reader.refused,
        "differing": differing,
        "left_out": left_out,
        "again": len(result.opinions) - counts["new"],
        "newer": newer.values("unit").distinct().count(),
        "sheet": table.sheet.name,
    }
    return result


def _words(verdict: str, value: Decimal | None, attained: Decimal | None = None) -> str:
    label = VERDICTS[verdict].label
    if attained is not None:
        label = f"{label} ({format_number(attained)} %)"
    return f"{format_number(value)} – {label}" if value is not None else label


def _level(before: Said, opinion: Told) -> Decimal | None:
    """How far the target was attained, where that alone differs."""
    alone = (before.verdict, before.value) == (opinion.verdict, opinion.value)
    return before.attainment or None if alone else None


def _listed(labels: list[str]) -> str:
    """ "Tiêu chí 1", "Tiêu chí 2", "Chỉ tiêu 3.1" as "Tiêu chí 1, 2; Chỉ tiêu 3.1"."""
    numbers: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        kind, _, number = label.rpartition(" ")
        numbers[kind].append(number)
    return "; ".join(f"{kind} {', '.join(found)}" for kind, found in numbers.items())


def _published(table: Table, units: Iterable[int], carriers: dict[str, int]) -> dict[tuple[int, int], Said]:
    """What is published for that very day and stage, by unit and indicator; the last word on it."""
    found = Revision.objects.valid().filter(
        unit__in=list(units),
        stage=table.options["stage"],
        effective_on=table.day,
        indicator__in=set(carriers.values()),
    )
    said = ("verdict", "value", "part", "whole", "attainment", "target_operator", "target_value")
    rows = found.order_by("pk").values_list("unit_id", "indicator_id", "source", "source_ref", *said)
    return {
        (unit, indicator): Said._make([*told, ref if source == Source.IMPORT else ""])
        for unit, indicator, source, ref, *told in rows
    }


# --- what carries an opinion on a whole criterion ----------------------------------------


def carrier_ids(criteria_set: CriteriaSet, columns: reading.SetColumns) -> dict[str, int]:
    """By role the indicator an opinion is stored on. A criterion's is the one that stands for it that day,
    else the one kept for history; it is missing where nothing was imported yet."""
    found = {f"i{pk}": pk for pk in columns.indicators}
    kept = Indicator.objects.filter(criterion__criteria_set=criteria_set, for_history=True)
    found |= {f"c{criterion}": pk for criterion, pk in kept.values_list("criterion_id", "pk")}
    return found | {f"c{criterion}": row.pk for criterion, row in columns.placeholders.items()}


def make_carriers(criteria_set: CriteriaSet, roles: Iterable[str], known: dict[str, int]) -> dict[str, int]:
    """`known` with an indicator for each of these criteria that had none."""
    missing = {int(role[1:]) for role in roles if role not in known}
    Indicator.objects.bulk_create(
        [
            Indicator(
                criterion=criterion,
                code=f"TC{criterion.number}-cũ",  # "TC5" is a placeholder's that gave way (criteria.loading)
                position=0,
                name=f"{criterion.name} (cả tiêu chí, theo bảng tổng hợp cũ)",
                kind=Indicator.Kind.BOOLEAN,
                may_be_not_applicable=True,
                needs_evidence=False,
                stands_for_criterion=True,
                for_history=True,
                in_force_to=criteria_set.first_day - timedelta(days=1),
            )
            for criterion in criteria_set.criteria.filter(pk__in=missing).order_by("pk")
        ],
        ignore_conflicts=True,
    )
    made = Indicator.objects.filter(criterion__in=missing, for_history=True)
    return known | {f"c{criterion}": pk for criterion, pk in made.values_list("criterion_id", "pk")}


# --- doing it, and taking it back --------------------------------------------------------


def write(upload: Upload, planned: HistoryPlan, by: Any) -> dict[str, Any]:
    """Publish the plan's opinions in the caller's transaction. Raises UploadChanged where another published
    between the plan and here what this table was compared with; from here on nobody can."""
    table = Table.of(upload, [])
    criteria_set, options, day = table.criteria_set, upload.options, table.day
    carriers = carrier_ids(criteria_set, table.columns)
    carriers = make_carriers(criteria_set, {opinion.about for opinion in planned.opinions}, carriers)
    held = {unit for unit, _ in planned.published}
    publish.lock_standings(held, criteria_set, options["stage"])
    now = _published(table, held, carriers)
    if any(now.get((unit, carriers.get(role, 0))) != said for (unit, role), said in planned.published.items()):
        raise UploadChanged
    note = f"{BY_OLD_TABLE}: {options['note']}"
    units = Unit.objects.in_bulk({opinion.unit for opinion in planned.opinions})
    told: dict[Unit, list[publish.Published]] = {units[pk]: [] for pk in sorted(units)}
    for opinion in planned.opinions:
        told[units[opinion.unit]].append(
            publish.Published(
                carriers[opinion.about],
                opinion.verdict,
                day,
                value=opinion.value,
                entered_attainment=opinion.attained,
                note=note,
            )
        )
    try:
        publish.publish_many(
            told, criteria_set, options["stage"], source=Source.IMPORT, source_ref=str(upload.pk), by=by
        )
    except publish.PublicationRefused:
        raise UploadChanged from None
    return dict(planned.counts)


def written(upload: Upload) -> dict[str, int]:
    """How many opinions of how many communes would be voided with the upload. One query."""
    return _batch(upload).aggregate(results=Count("pk"), communes=Count("unit", distinct=True))


def _batch(upload: Upload) -> QuerySet[Revision]:
    return Revision.objects.filter(source=Source.IMPORT, source_ref=str(upload.pk), voided_at__isnull=True)


@transaction.atomic
def void(upload: Upload, *, by: Any, reason: str) -> int:
    """Void everything the upload published, as one; the states before it hold again. How many opinions.

    Raises NotWaiting where it isn't written, or voided already, and ValueError without a reason.
    """
    held = Upload.objects.select_for_update(of=("self",)).get(pk=upload.pk)
    if held.state != Upload.State.DONE:
        raise NotWaiting
    count = publish.void(_batch(held).select_related("indicator__criterion"), by=by, reason=reason)
    held.state, held.voided_at, held.voided_by, held.void_reason = (
        Upload.State.VOIDED, timezone.now(), by, reason.strip(),
    )  # fmt: skip
    held.save(update_fields=["state", "voided_at", "voided_by", "void_reason"])
    audit.info("upload voided", extra={"username": by.get_username(), "upload": str(held.pk), "kind": held.kind})
    return count


def refused_workbook(upload: Upload) -> bytes:
    """What wasn't taken, with its place and the reason, to work from."""
    import xlsxwriter

    body = BytesIO()
    book = xlsxwriter.Workbook(
        body, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    font = {"font_name": "Times New Roman", "font_size": 12, "valign": "top", "text_wrap": True, "border": 1}
    head, cell = book.add_format({**font, "bold": True, "bg_color": "#E8EEF0"}), book.add_format(font)
    sheet = book.add_worksheet("Ô bị từ chối")
    headings = ("Trang tính", "Dòng", "Cột", "Xã", "Tiêu chí, chỉ tiêu", "Nội dung ô", "Lý do")
    for column, (text, width) in enumerate(zip(headings, (18, 8, 8, 28, 20, 20, 70), strict=True)):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, text, head)
    shown = upload.plan["shown"]
    for number, line in enumerate(shown["refused"], 1):
        sheet.write_string(number, 0, shown["sheet"], cell)
        sheet.write_number(number, 1, line["row"], cell)
        for column, name in enumerate(("column", "name", "about", "cell", "why"), 2):
            sheet.write_string(number, column, line[name], cell)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(1, len(shown["refused"])), len(headings) - 1)
    sheet.repeat_rows(0)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    book.close()
    return body.getvalue()


def settle(table: Table, choices: dict[int, int], by: Any) -> None:
    """Keep whom doubtful rows mean (0: leave the row out), for this table and for the province's next one."""
    names = {row.number: memory_key(row.name, row.district) for row, _ in table.matched() if row.name}
    known = {names[row]: unit for row, unit in choices.items() if unit and row in names}
    with transaction.atomic():
        choose(table.upload, communes={**table.options.get("communes", {}), **{str(k): v for k, v in choices.items()}})
        remember(table.province, RememberedChoice.About.COMMUNE, known, by)
