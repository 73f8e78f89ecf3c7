"""From a filled workbook (or a JSON file) to a criteria set's data, with every problem at its place.

The workbook is turned into the same data as a JSON file, with a map from the data's places
("criteria[3].indicators[2].targets[0].value") back to sheet, row and column, so that one set of
rules (`criteria.loading.check_set`) judges both. What only a workbook can get wrong (a formula, a
date typed as text, a row whose indicator isn't there) is told here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from communes.names import search_name
from communes.workbooks import Formula, Sheet, column_letters
from criteria import shapes
from criteria.loading import Check, check_set
from criteria.workshop.set_data import Data
from criteria.workshop.set_sheets import (
    CODE,
    CRITERIA,
    DAY,
    FACTS,
    FLAG,
    HEAD,
    INDICATORS,
    NO,
    NUMBER,
    RULES,
    SOURCES,
    TABLES,
    TARGETS,
    TEMPLATE,
    TEXT,
    WHOLE,
    YES,
    Column,
    Table,
)

MOST_MERGED = 50  # merged ranges that are told of: who made more has to start again anyway
HEADING_WITHIN = 10  # rows in which the headings are looked for
MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
COUNTS = re.compile(r"criteria(\[\d+\]\.indicators)?")  # places of what is wrong with how many there are
# What people write for a comparison where the list isn't used.
ALIASES = {">=": ">=", "=>": ">=", "<=": "<=", "=<": "<=", "pass": "pass", "judge": "judge"}
# Where the facts of the first sheet stand in the data.
FACT_PLACES = {
    "first_year": "period",
    "last_year": "period",
    "official_criteria": "official_counts.criteria",
    "official_indicators": "official_counts.indicators",
}


@dataclass(frozen=True)
class Problem:
    """What is wrong, and where: sheet, row and column of a workbook; of a JSON file the place in it."""

    reason: str
    sheet: str = ""
    row: int | None = None
    column: str = ""
    title: str = ""

    def line(self) -> dict[str, Any]:
        return asdict(self)


class NotOurs(Exception):
    """A workbook of another template; the message says what to do."""


@dataclass
class Found:
    """What a file holds: the data (None where it has no form that can be looked into), its problems,
    and how a place in the data is told."""

    data: Data | None
    problems: list[Problem]
    places: Places

    def problem(self, place: str, reason: str) -> Problem:
        return self.places.problem(place, reason)


def read_json(content: bytes) -> Found:
    check = Check()
    data = check.parse(content)
    if data is not None and not check_set(check, data):
        data = None
    places = Places()
    return Found(data, [places.problem(*found) for found in check.found], places)


def read_book(book: list[Sheet]) -> Found:
    """Raises NotOurs for a workbook that isn't this template."""
    reading = _Reading(book)
    data = reading.data()
    check = Check()
    check_set(check, data)
    # A row that couldn't be read is told as such; what follows from its gaps isn't, nor how many there are.
    unread = {(problem.sheet, problem.row) for problem in reading.problems}
    uncounted = any(problem.sheet in {CRITERIA.sheet, INDICATORS.sheet} for problem in reading.problems)
    counts = [found for found in check.found if not (uncounted and COUNTS.fullmatch(found[0]))]
    told = [reading.places.problem(*found) for found in counts]
    problems = reading.problems + [problem for problem in told if (problem.sheet, problem.row) not in unread]
    order = {sheet.name: place for place, sheet in enumerate(book)}
    problems.sort(key=lambda problem: (order.get(problem.sheet, -1), problem.row or 0))
    return Found(data, list(dict.fromkeys(problems)), reading.places)


# --- places --------------------------------------------------------------------------------


@dataclass
class Places:
    """Where things of the data stand: sheet, row and, by key, the columns' letters and titles."""

    known: dict[str, tuple[str, int | None, dict[str, tuple[str, str]]]] = field(default_factory=dict)

    def problem(self, place: str, reason: str) -> Problem:
        sentence = reason[:1].upper() + reason[1:].rstrip(".") + "."
        at = place
        while True:
            if at in self.known:
                sheet, row, columns = self.known[at]
                key = place[len(at) :].lstrip(".").split("[")[0].split(".")[0]
                letters, title = columns.get(key, ("", ""))
                return Problem(sentence, sheet, row, letters, title)
            if not at:
                return Problem(sentence, title=place)
            at = re.sub(r"(\.[^.\[\]]+|\[\d+\]|^[^.\[\]]+)$", "", at)


# --- a workbook's rows ---------------------------------------------------------------------


@dataclass
class Row:
    """One row as read: its number, its values by key, the columns' letters by key."""

    number: int
    values: Data
    columns: dict[str, tuple[str, str]]


class _Reading:
    def __init__(self, book: list[Sheet]) -> None:
        self.sheets = {search_name(sheet.name): sheet for sheet in reversed(book)}
        self.problems: list[Problem] = []
        self.places = Places()
        self.head = self._head()
        self.tables = {table.key: self._table(table) for table in TABLES}

    # The first sheet: one fact a row.

    def _head(self) -> dict[str, list[Any]]:
        sheet = self.sheets.get(search_name(HEAD))
        titles = {search_name(column.title): column for column in FACTS}
        facts: dict[str, list[Any]] = defaultdict(list)
        at: dict[str, int] = {}
        self._merged(sheet, 2)
        for number, cells in sheet.rows if sheet else ():
            column = titles.get(_title(cells[0])) if cells else None
            if column is None:
                continue
            if column.key in at and column.key != "amended_by":
                self._note(HEAD, number, 1, column, f"“{column.title}” đã ghi ở dòng {at[column.key]}")
                continue
            at[column.key] = number
            value = self._value(HEAD, number, 2, column, cells[1] if len(cells) > 1 else None)
            facts[column.key].append(value)
            place = FACT_PLACES.get(column.key, column.key)
            if place not in self.places.known:
                where = (HEAD, number, {"": ("B", column.title)})
                self.places.known[place] = where
            if column.key == "amended_by" and value is not None:
                count = len([text for text in facts["amended_by"] if text is not None])
                self.places.known[f"amended_by[{count - 1}]"] = (HEAD, number, {"": ("B", column.title)})
        marker = next((value for value in facts.get("template", []) if value), "")
        if sheet is None or not marker:
            raise NotOurs(
                f"Đây không phải tệp bộ tiêu chí: không thấy trang “{HEAD}” có dòng “Mẫu”. "
                "Tải tệp mẫu ở trang Bộ tiêu chí rồi ghi vào đó."
            )
        if marker != TEMPLATE:
            raise NotOurs(
                f"Tệp theo mẫu “{marker}”, hệ thống đang dùng mẫu “{TEMPLATE}”. "
                "Tải tệp mẫu hiện hành rồi chép số liệu sang."
            )
        for column in FACTS:
            if column.key not in at:
                self.problems.append(Problem(f"Thiếu dòng “{column.title}”: dòng đã bị xóa hoặc đổi tên.", HEAD))
        self.places.known[""] = (HEAD, None, {})
        return facts

    # The other sheets: headings, then a thing a row.

    def _table(self, table: Table) -> list[Row]:
        sheet = self.sheets.get(search_name(table.sheet))
        if sheet is None:
            self.problems.append(Problem(f"Thiếu trang “{table.sheet}”: trang đã bị xóa hoặc đổi tên.", table.sheet))
            return []
        self._merged(sheet, len(table.columns))
        waiting = list(sheet.rows)
        titles = {search_name(column.title): column for column in table.columns}
        matches = [sum(_title(cell) in titles for cell in cells) for _, cells in waiting[:HEADING_WITHIN]]
        if not matches or max(matches) < min(2, len(titles)):
            self.problems.append(Problem("Không thấy dòng tiêu đề của mẫu.", table.sheet))
            return []
        start = matches.index(max(matches))
        columns = self._columns(table, *waiting[start], titles)
        rows = []
        for number, cells in waiting[start + 1 :]:
            values = {}
            for at, column in columns.items():
                values[column.key] = self._value(
                    table.sheet, number, at, column, cells[at - 1] if at <= len(cells) else None
                )
            missing = {column.key: self._stand_in(column) for column in table.columns if column.key not in values}
            letters = {column.key: (column_letters(at), column.title) for at, column in columns.items()}
            rows.append(Row(number, missing | values, letters))
        return rows

    def _columns(self, table: Table, number: int, head: list[Any], titles: dict[str, Column]) -> dict[int, Column]:
        found: dict[int, Column] = {}
        for at, title in enumerate(head, start=1):
            column = titles.get(_title(title))
            if column is not None and column not in found.values():
                found[at] = column
            elif _title(title):
                reason = "lặp lại" if column else "không có trong mẫu"
                self.problems.append(
                    Problem(f"Cột “{title}” {reason}; xóa cột này.", table.sheet, number, column_letters(at))
                )
        for column in table.columns:
            if column not in found.values():
                self.problems.append(
                    Problem(f"Thiếu cột “{column.title}”: cột đã bị xóa hoặc đổi tên.", table.sheet, number)
                )
        return found

    def _merged(self, sheet: Sheet | None, width: int) -> None:
        for top, left, bottom, right in sheet.merged[:MOST_MERGED] if sheet else ():
            if left <= width:
                cells = f"{column_letters(left)}{top}:{column_letters(right)}{bottom}"
                self.problems.append(
                    Problem(
                        f"Ô gộp {cells}: bỏ gộp ô, ghi đủ từng ô.",
                        sheet.name if sheet else "",
                        top,
                        column_letters(left),
                    )
                )

    # Cells.

    def _note(self, sheet: str, row: int, at: int, column: Column, reason: str) -> None:
        self.problems.append(
            Problem(f"{reason[:1].upper()}{reason[1:]}.", sheet, row, column_letters(at), column.title)
        )

    @staticmethod
    def _stand_in(column: Column) -> Any:
        """A value that lets the rest of the row be looked at."""
        if column.default is not None or not column.required:
            return column.default
        return 0 if column.kind == WHOLE else next(iter(column.choices)) if column.choices else ""

    def _value(self, sheet: str, row: int, at: int, column: Column, cell: Any) -> Any:
        """What a cell says; what is wrong with it is noted, and a stand-in taken."""
        if isinstance(cell, str) and not isinstance(cell, Formula):
            cell = shapes.cleaned(cell) or None
        if cell is None:
            if column.required:
                self._note(sheet, row, at, column, "chưa ghi")
            return self._stand_in(column)
        reason, value = _read(column, cell)
        if reason:
            self._note(sheet, row, at, column, reason)
            return self._stand_in(column)
        return value

    # The data.

    def data(self) -> Data:
        facts = {column.key: self._fact(column) for column in FACTS if column.key != "amended_by"}
        data = {
            **{
                key: facts[key]
                for key in ("code", "name", "level", "grade", "decision", "issued", "effective", "requires", "province",
                            "mountain_variant", "nearly_met_threshold", "note", "incomplete")
            },
            "amended_by": [text for text in self.head.get("amended_by", []) if text is not None],
            "period": [facts["first_year"], facts["last_year"]],
            "official_counts": {"criteria": facts["official_criteria"], "indicators": facts["official_indicators"]},
            "groups": self._groups(),
            "criteria": self._criteria(),
        }  # fmt: skip
        for table in TABLES:
            rows = self.tables[table.key]
            if table in {CRITERIA, INDICATORS, TARGETS}:
                continue
            for place, row in enumerate(rows):
                columns = {"": row.columns["text"]} if table in {RULES, SOURCES} else row.columns
                self.places.known[f"{table.key}[{place}]"] = (table.sheet, row.number, columns)
            data[table.key] = [row.values["text"] if table in {RULES, SOURCES} else row.values for row in rows]
        data["variants"] = [{key: value for key, value in row.items() if value} for row in data["variants"]]
        return data

    def _fact(self, column: Column) -> Any:
        found = self.head.get(column.key) or [self._stand_in(column)]
        return found[0]

    def _groups(self) -> list[Data]:
        """The groups of criteria, each by the first row that names it."""
        names: dict[str, tuple[str, int]] = {}
        for row in self.tables["criteria"]:
            code, name = row.values["group"], row.values["group_name"]
            if not code:
                continue
            first = names.setdefault(code, (name or "", row.number))
            if name and not first[0]:
                names[code] = (name, row.number)
            elif name and name != first[0]:
                self._tell(CRITERIA, row, "group_name", f"nhóm {code} đã có tên “{first[0]}” ở dòng {first[1]}")
        return [{"code": code, "name": name} for code, (name, _) in names.items()]

    def _tell(self, table: Table, row: Row, key: str, reason: str) -> None:
        letters, title = row.columns.get(key, ("", ""))
        self.problems.append(Problem(f"{reason[:1].upper()}{reason[1:]}.", table.sheet, row.number, letters, title))

    def _criteria(self) -> list[Data]:
        criteria: list[Data] = []
        places: dict[int, int] = {}
        for place, row in enumerate(self.tables["criteria"]):
            values = {key: value for key, value in row.values.items() if key != "group_name"}
            criteria.append({**values, "indicators": []})
            self.places.known[f"criteria[{place}]"] = (CRITERIA.sheet, row.number, row.columns)
            places.setdefault(values["number"], place)
        self.places.known["criteria"] = (CRITERIA.sheet, None, {})
        homes: dict[str, tuple[str, Data]] = {}
        for row in self._in_order(self.tables["indicators"]):
            number = row.values["criterion"]
            home = places.get(number)
            values = {key: value for key, value in row.values.items() if key not in {"criterion", "position"}}
            indicator = {**values, "targets": []}
            if home is None:
                self._tell(INDICATORS, row, "criterion", f"không có tiêu chí số {number} ở trang “{CRITERIA.sheet}”")
                homes.setdefault(values["code"], ("", indicator))
                continue
            own = criteria[home]["indicators"]
            where = f"criteria[{home}].indicators[{len(own)}]"
            own.append(indicator)
            self.places.known[where] = (INDICATORS.sheet, row.number, row.columns)
            homes.setdefault(values["code"], (where, indicator))
        for row in self.tables["targets"]:
            code = row.values["indicator"]
            if code not in homes:
                if code:
                    self._tell(TARGETS, row, "indicator", f"không có chỉ tiêu “{code}” ở trang “{INDICATORS.sheet}”")
                continue
            where, indicator = homes[code]
            self.places.known[f"{where}.targets[{len(indicator['targets'])}]"] = (
                TARGETS.sheet, row.number, row.columns,
            )  # fmt: skip
            indicator["targets"].append({key: value for key, value in row.values.items() if key != "indicator"})
        return criteria

    @staticmethod
    def _in_order(rows: Iterable[Row]) -> list[Row]:
        """By the column TT where it is filled, else as they stand: sorting the sheet loses nothing."""
        return sorted(rows, key=lambda row: (row.values["position"] or 0, row.number))


def _title(cell: Any) -> str:
    return search_name(str(cell or "").replace("*", " "))


# --- cells ---------------------------------------------------------------------------------


def _read(column: Column, cell: Any) -> tuple[str, Any]:
    """Why the cell can't be taken (empty: it can), and its value."""
    if isinstance(cell, Formula):
        return "ô có công thức; chép lại dạng giá trị (Paste Values)", None
    if column.choices:
        return _choice(column.choices, cell)
    return {TEXT: _text, CODE: _text, WHOLE: _whole, NUMBER: _number, DAY: _day, FLAG: _flag}[column.kind](cell)


def _text(cell: Any) -> tuple[str, Any]:
    if isinstance(cell, str):
        return "", cell
    if type(cell) is int:
        return "", str(cell)
    if isinstance(cell, float):
        return "ô này phải ghi dạng chữ, đang là số; đổi định dạng ô sang Text rồi gõ lại", None
    return "ô này phải ghi dạng chữ; đổi định dạng ô sang Text rồi gõ lại", None


def _whole(cell: Any) -> tuple[str, Any]:
    if type(cell) is int:
        return "", cell
    return ("phải là số nguyên" if isinstance(cell, float) else _not_a_number(cell)), None


def _number(cell: Any) -> tuple[str, Any]:
    if type(cell) is int:
        return "", cell
    if isinstance(cell, float):
        return "", Decimal(repr(cell))
    return _not_a_number(cell), None


def _not_a_number(cell: Any) -> str:
    if isinstance(cell, str):
        return f"“{cell[:40]}” đang ghi dạng chữ, phải là số; đổi định dạng ô sang Number rồi gõ lại"
    return "phải là số"


def _day(cell: Any) -> tuple[str, Any]:
    if isinstance(cell, datetime):
        cell = cell.date()
    if isinstance(cell, date):
        return "", cell.isoformat()
    if isinstance(cell, str) and MONTH.fullmatch(cell):
        return "", cell
    if isinstance(cell, str):
        return f"“{cell[:40]}” đang ghi dạng chữ, phải là ngày; đổi định dạng ô sang Date rồi gõ lại", None
    return "phải là ngày; đổi định dạng ô sang Date rồi gõ lại", None


def _flag(cell: Any) -> tuple[str, Any]:
    if isinstance(cell, bool):
        return "", cell
    words = {search_name(YES): True, search_name(NO): False}
    value = words.get(search_name(str(cell)))
    return ("" if value is not None else f"phải là {YES} hoặc {NO}"), value


def _choice(choices: dict[str, str], cell: Any) -> tuple[str, Any]:
    typed = str(cell).strip()
    # As it stands first: signs (≥, ≤) have no letters to fold.
    exact = {**ALIASES, **{label: code for code, label in choices.items()}, **{code: code for code in choices}}
    if exact.get(typed) in choices:
        return "", exact[typed]
    folded = {search_name(label): code for code, label in choices.items()}
    if search_name(typed) and search_name(typed) in folded:
        return "", folded[search_name(typed)]
    return f"“{str(cell)[:40]}” không có trong danh sách: {', '.join(choices.values())}", None
