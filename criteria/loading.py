"""Criteria sets, and who usually answers for them, from files into the database.

A file is read whole and checked whole (`read_sets`, `read_departments`) before `load`
writes anything: what is wrong is listed with its place, and nothing is half-loaded. Rows
are found again by their natural keys (set code, criterion number, indicator code; for a
target province, variant and year), so that loading twice changes nothing. Nothing that
people entered is deleted, and a confirmation stands as long as the confirmed number does.

The workshop (`criteria.workshop`) checks and writes sets by the same rules: `Check`,
`check_set` and `write_set` are its way in.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from communes.closings import closed_in
from communes.models import Department, Level, Unit
from criteria import shapes
from criteria.buckets import keep_former
from criteria.models import (
    CriteriaSet,
    Criterion,
    CriterionDepartment,
    Indicator,
    Operator,
    ReportingPeriod,
    Revision,
    Target,
    Wording,
)
from criteria.numbers import format_number
from criteria.target_history import keep
from ntm.clock import today

NUMERIC = {Operator.AT_LEAST.value, Operator.AT_MOST.value, Operator.EQUAL.value}
PERCENT_RANGE = (Decimal(0), Decimal(100))


class Malformed(Exception):
    """Files that can't be loaded: every problem with its file, its place and the reason."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass
class Summary:
    """What loading one set came to. `verified`, `recalled`: the nation's targets by provenance;
    `without_target`: indicators with none; `notes`: what a person should know."""

    criteria_set: CriteriaSet
    criteria: int = 0
    indicators: int = 0
    parts: int = 0
    placeholders: int = 0
    verified: int = 0
    recalled: int = 0
    without_target: int = 0
    added: int = 0
    changed: int = 0
    notes: list[str] = field(default_factory=list)


# --- reading and checking ------------------------------------------------------------------

# Keys and the types of their values; "?" marks a key that may be missing.
ANY_TEXT = (str, type(None))
YEAR = (int, type(None))
NUMBER = (int, Decimal, type(None))
SET_KEYS = {
    "code": str, "name": str, "level": str, "grade": str, "decision": ANY_TEXT, "amended_by?": list,
    "issued": ANY_TEXT, "effective?": ANY_TEXT, "period": list, "official_counts": dict, "variants": list,
    "groups": list, "criteria": list, "rules": list, "note?": ANY_TEXT, "sources": list,
    "provincial_targets?": list, "mountain_variant?": ANY_TEXT, "requires?": ANY_TEXT, "province?": ANY_TEXT,
    "buckets?": list, "nearly_met_threshold?": NUMBER, "incomplete?": bool, "wordings?": list,
}  # fmt: skip
COUNT_KEYS = {"criteria": YEAR, "indicators": YEAR}
GROUP_KEYS = {"code": str, "name": str}
CRITERION_KEYS = {
    "number": int, "group": ANY_TEXT, "name": str, "provenance": str, "note": ANY_TEXT, "indicators": list,
    "is_key?": bool,
}  # fmt: skip
INDICATOR_KEYS = {
    "code": str, "name": str, "kind": str, "unit": ANY_TEXT, "targets": list, "set_by_province": bool,
    "provenance": str, "source": ANY_TEXT, "note": ANY_TEXT, "confidence": ANY_TEXT, "part_of": ANY_TEXT,
    "may_be_not_applicable": bool, "needs_evidence?": bool, "guidance?": ANY_TEXT, "in_force_from?": ANY_TEXT,
    "in_force_to?": ANY_TEXT,
}  # fmt: skip
TARGET_KEYS = {
    "variant": ANY_TEXT, "year": YEAR, "to_year?": YEAR, "operator": str, "value": NUMBER, "text": str,
    "provenance": str, "source?": ANY_TEXT, "decision?": ANY_TEXT,
}  # fmt: skip
WORDING_KEYS = {"indicator": str, "from": str, "name": str, "decision?": ANY_TEXT, "source?": ANY_TEXT}
PROVINCIAL_KEYS = {
    "province": str, "province_code": str, "indicator": ANY_TEXT, "variant?": ANY_TEXT, "year": YEAR,
    "to_year?": YEAR,
    "operator": str, "value": NUMBER, "text": str, "decision": ANY_TEXT, "source": ANY_TEXT,
}  # fmt: skip
DEPARTMENTS_KEYS = {"note": str, "criteria_in_set": int, "level": str, "departments": list}
DEPARTMENT_KEYS = {"code": str, "name": str, "criteria": list}


def read_sets(paths: Iterable[Path]) -> list[dict]:
    """The checked contents of set files; folders stand for their *.json.

    Raises Malformed with every problem of every file.
    """
    problems: list[str] = []
    sets = []
    for path in _files(paths, problems):
        check = Check()
        data = check.read(path)
        if data is not None and check_set(check, data):
            sets.append(data)
        problems += check.told(path)
    codes = Counter(data["code"] for data in sets)
    problems += [f"Mã bộ tiêu chí “{code}” có trong {times} tệp." for code, times in codes.items() if times > 1]
    known = set(codes) | set(CriteriaSet.objects.values_list("code", flat=True))
    problems += [
        f"{data['code']}, requires: không có bộ tiêu chí “{data['requires']}”."
        for data in sets
        if data.get("requires") and (data["requires"] not in known or data["requires"] == data["code"])
    ]
    if problems:
        raise Malformed(problems)
    return sets


def read_departments(path: Path) -> dict:
    """The checked contents of the file of departments. Raises Malformed."""
    check = Check()
    data = check.read(path)
    if data is not None and check.keys(data, "", DEPARTMENTS_KEYS):
        codes: set[str] = set()
        for place, row in check.each(data["departments"], "departments", DEPARTMENT_KEYS):
            check.model(Department(code=row["code"], name=row["name"]), place, {})
            if row["code"] in codes:
                check.problem(f"{place}.code", f"mã “{row['code']}” bị lặp")
            codes.add(row["code"])
            for number in row["criteria"]:
                if type(number) is not int or not 1 <= number <= data["criteria_in_set"]:
                    check.problem(f"{place}.criteria", f"{number!r} không phải số tiêu chí 1–{data['criteria_in_set']}")
    if check.found:
        raise Malformed(check.told(path))
    return data


def check_set(check: Check, data: Any) -> bool:
    """Note what is wrong with a set's data; whether it has the form of one, so that it can be looked into."""
    if not check.keys(data, "", SET_KEYS):
        return False
    _SetCheck(check, data).run()
    return True


def _files(paths: Iterable[Path], problems: list[str]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not files:
            problems.append(f"{path}: thư mục không có tệp *.json.")
        found += files
    return found


class Check:
    """Collects the problems of one file: the place in its data (`criteria[3].number`) and the reason."""

    def __init__(self) -> None:
        self.found: list[shapes.Problem] = []

    def problem(self, place: str, reason: str) -> None:
        self.found.append((place, reason))

    def told(self, path: Path) -> list[str]:
        return [
            f"{path.name}: {place}: {reason}." if place else f"{path.name}: {reason}." for place, reason in self.found
        ]

    def read(self, path: Path) -> Any:
        try:
            return self.parse(path.read_bytes())
        except OSError as error:
            return self.problem("", f"không đọc được tệp ({error.strerror})")

    def parse(self, content: bytes) -> Any:
        """The JSON's data, its texts cleaned, or None with the problem noted."""
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            return self.problem(f"byte {error.start}", "tệp không phải mã hóa UTF-8")
        try:
            data = json.loads(
                text, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_refuse_double_keys
            )
        except json.JSONDecodeError as error:
            return self.problem(
                f"dòng {error.lineno}, cột {error.colno}", "không đúng cú pháp JSON, hoặc tệp bị cắt cụt"
            )
        except RecursionError:
            return self.problem("", "danh sách, đối tượng lồng nhau quá sâu")
        except ValueError as error:
            return self.problem("", str(error))
        bad = list(shapes.control_characters(data))
        self.note(bad)
        return None if bad else shapes.cleaned(data)

    def note(self, problems: Iterable[shapes.Problem]) -> None:
        for place, reason in problems:
            self.problem(place, reason)

    def keys(self, data: Any, place: str, expected: dict) -> bool:
        """Whether `data` is an object with these keys and types; problems are noted."""
        before = len(self.found)
        self.note(shapes.key_problems(data, place, expected))
        return len(self.found) == before

    def each(self, rows: list, place: str, expected: dict) -> Iterable[tuple[str, dict]]:
        """Well-formed rows of a list with their places."""
        for position, row in enumerate(rows):
            if self.keys(row, f"{place}[{position}]", expected):
                yield f"{place}[{position}]", row

    def model(self, instance: models.Model, place: str, names: dict[str, str]) -> None:
        """Check lengths, choices and numbers as the model does; `names`: its fields' keys in the file."""
        related = [f.name for f in instance._meta.concrete_fields if f.is_relation or f.primary_key or f.generated]
        try:
            instance.clean_fields(exclude=related)
        except ValidationError as error:
            for name, messages in error.message_dict.items():
                for message in messages:
                    self.problem(shapes.join(place, names.get(name, name)), message.rstrip("."))


class _SetCheck:
    """The rules of one set's file beyond the types of its keys."""

    def __init__(self, check: Check, data: dict) -> None:
        self.check = check
        self.data = data
        self.variants: set[str] = set()
        self.first: int | None = None
        self.last: int | None = None
        self.codes: dict[str, int] = {}
        self.provincial: dict[tuple, tuple] = {}

    def run(self) -> None:
        check, data = self.check, self.data
        self._head()
        numbers: set[int] = set()
        groups = {row["code"] for _, row in check.each(data["groups"], "groups", GROUP_KEYS)}
        for place, row in check.each(data["criteria"], "criteria", CRITERION_KEYS):
            if row["number"] in numbers:
                check.problem(f"{place}.number", f"tiêu chí số {row['number']} bị lặp")
            numbers.add(row["number"])
            if row["group"] is not None and row["group"] not in groups:
                check.problem(f"{place}.group", f"không có nhóm “{row['group']}”")
            check.model(Criterion(**_criterion_fields(row, {})), place, {})
            if row["number"] < 1:
                check.problem(f"{place}.number", "số tiêu chí phải từ 1")
            self._indicators(row, place)
        for place, row in check.each(data.get("provincial_targets", []), "provincial_targets", PROVINCIAL_KEYS):
            self._provincial(row, place)
        self._wordings()
        self._counts()

    def _head(self) -> None:
        check, data = self.check, self.data
        self._dates()
        check.keys(data["official_counts"], "official_counts", COUNT_KEYS)
        check.note(shapes.problems({key: data[key] for key in shapes.COLUMNS if key in data}))
        self.variants = {
            row["code"] for row in data["variants"] if isinstance(row, dict) and shapes.is_of(row.get("code"), str)
        }
        if self.first is not None:
            check.model(
                CriteriaSet(**_set_fields(data)),
                "",
                {"issued_on": "issued", "effective_on": "effective", "first_year": "period", "last_year": "period"},
            )

    def _dates(self) -> None:
        check, data = self.check, self.data
        period = data["period"]
        if len(period) != 2 or type(period[0]) is not int or not shapes.is_of(period[1], YEAR):
            check.problem("period", "phải là [năm đầu, năm cuối hoặc null]")
        elif period[1] is not None and period[1] < period[0]:
            check.problem("period", "năm cuối trước năm đầu")
        elif reason := shapes.year_problem(period[0]) or shapes.year_problem(period[1]):
            check.problem("period", reason)
        else:
            self.first, self.last = period
        for key in ("issued", "effective"):
            if data.get(key) and not _is_day_or_month(data[key]):
                check.problem(key, "phải là ngày dạng 2022-03-08 (hoặc tháng 2022-03)")

    def _indicators(self, criterion: dict, criterion_place: str) -> None:
        whole: set[str] = set()
        for place, row in self.check.each(criterion["indicators"], f"{criterion_place}.indicators", INDICATOR_KEYS):
            if row["code"] in self.codes:
                self.check.problem(f"{place}.code", f"mã chỉ tiêu “{row['code']}” bị lặp")
            if row["part_of"] is None:
                whole.add(row["code"])
            elif row["part_of"] not in whole:
                self.check.problem(
                    f"{place}.part_of", f"không có chỉ tiêu “{row['part_of']}” đứng trước trong tiêu chí này"
                )
            self.codes[row["code"]] = criterion["number"]
            self._force(row, place)
            self.check.model(Indicator(**_indicator_fields(row, 1)), place, {"measure": "unit"})
            seen: dict[tuple, tuple] = {}
            for target_place, target in self.check.each(row["targets"], f"{place}.targets", TARGET_KEYS):
                self._target(target, target_place, row["kind"])
                self._unique(seen, (target["variant"], target["year"]), target, target_place)

    def _force(self, row: dict, place: str) -> None:
        keys = ("in_force_from", "in_force_to")
        first, last = (row.get(key) for key in keys)
        wrong = [key for key in keys if row.get(key) and not whole_day(row[key])]
        for key in wrong:
            self.check.problem(f"{place}.{key}", "phải là ngày dạng 2024-03-01")
        if not wrong and first and last and last < first:
            self.check.problem(f"{place}.in_force_to", "ngày hết áp dụng trước ngày bắt đầu")

    def _wordings(self) -> None:
        seen: set[tuple] = set()
        for place, row in self.check.each(self.data.get("wordings", []), "wordings", WORDING_KEYS):
            if row["indicator"] not in self.codes:
                self.check.problem(f"{place}.indicator", f"không có chỉ tiêu “{row['indicator']}”")
            if not whole_day(row["from"]):
                self.check.problem(f"{place}.from", "phải là ngày dạng 2024-03-01")
            elif (row["indicator"], row["from"]) in seen:
                self.check.problem(place, "nội dung sửa đổi bị lặp: cùng chỉ tiêu và cùng ngày")
            seen.add((row["indicator"], row["from"]))
            self.check.model(Wording(**_wording_fields(row)), place, {"starts_on": "from"})

    def _provincial(self, row: dict, place: str) -> None:
        if row["indicator"] is None:
            return
        if row["indicator"] not in self.codes:
            self.check.problem(f"{place}.indicator", f"không có chỉ tiêu “{row['indicator']}”")
        kinds = {i["code"]: i["kind"] for c in self.data["criteria"] for i in c.get("indicators", []) if "kind" in i}
        self._target({"provenance": "recalled", "variant": None, **row}, place, kinds.get(row["indicator"], ""))
        key = (row["province_code"], row["indicator"], row.get("variant"), row["year"])
        self._unique(self.provincial, key, row, place)

    def _unique(self, seen: dict[tuple, tuple], key: tuple, row: dict, place: str) -> None:
        demanded = (row["operator"], row["value"])
        before = seen.setdefault(key, demanded)
        if before is not demanded:
            differs = "" if before == demanded else f", mà trái nhau: {_demanded(before)} và {_demanded(demanded)}"
            self.check.problem(place, f"yêu cầu bị lặp: cùng vùng, nhóm và cùng năm{differs}")

    def _target(self, row: dict, place: str, kind: str) -> None:
        check, value = self.check, row["value"]
        check.model(Target(**_target_fields(row)), place, {"from_year": "year"})
        if row["operator"] in NUMERIC:
            if value is None:
                check.problem(f"{place}.value", f"so sánh “{row['operator']}” phải có mức bằng số")
            elif kind == Indicator.Kind.BOOLEAN:
                check.problem(f"{place}.operator", "chỉ tiêu có/không thì không so sánh bằng số")
        elif value is not None:
            check.problem(f"{place}.value", f"yêu cầu “{row['operator']}” không có mức bằng số")
        if value is not None:
            lowest, highest = PERCENT_RANGE
            if value < lowest or (kind == Indicator.Kind.PERCENT and value > highest):
                check.problem(f"{place}.value", f"mức {value} ngoài khoảng cho phép")
        if row["variant"] is not None and row["variant"] not in self.variants:
            check.problem(f"{place}.variant", f"không có vùng, nhóm “{row['variant']}”")
        year = row["year"]
        if year is not None and self.first is not None and not self.first <= year <= (self.last or year):
            check.problem(f"{place}.year", f"năm {year} ngoài giai đoạn {self.first}–{self.last or ''}")
        to_year = row.get("to_year")
        if (
            to_year is not None
            and self.first is not None
            and not (year or self.first) <= to_year <= (self.last or to_year)
        ):
            check.problem(f"{place}.to_year", f"năm {to_year} trước năm bắt đầu hoặc ngoài giai đoạn của bộ")

    def _counts(self) -> None:
        official = self.data["official_counts"]
        criteria = [row for row in self.data["criteria"] if isinstance(row, dict)]
        if shapes.is_of(official.get("criteria"), int) and len(criteria) != official["criteria"]:
            self.check.problem("criteria", f"có {len(criteria)} tiêu chí, văn bản nói {official['criteria']}")
        stated = official.get("indicators")
        if not shapes.is_of(stated, int):
            return
        incomplete = self.data.get("incomplete", False)
        empty = [
            place
            for place, row in enumerate(self.data["criteria"])
            if isinstance(row, dict) and not row.get("indicators")
        ]
        indicators = [i for row in criteria for i in row.get("indicators") or [] if isinstance(i, dict)]
        counted = sum(1 for i in indicators if not i.get("part_of") and not i.get("in_force_to"))
        if incomplete:
            if counted > stated:
                self.check.problem("criteria", f"có {counted} chỉ tiêu, văn bản nói {stated}")
            return
        for place in empty:
            self.check.problem(
                f"criteria[{place}].indicators",
                f"chưa có chỉ tiêu nào, văn bản nói cả bộ có {stated}; "
                'nếu tệp chưa đủ chỉ tiêu thì ghi rõ "incomplete": true',
            )
        if not empty and counted != stated:
            self.check.problem("criteria", f"có {counted} chỉ tiêu, văn bản nói {stated}")


def _demanded(demand: tuple) -> str:
    operator, value = demand
    return f"{operator} {format_number(value)}" if value is not None else f"“{operator}”"


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"“{text}” không phải là một số dùng được")


def _refuse_double_keys(pairs: list[tuple[str, Any]]) -> dict:
    doubled = [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]
    if doubled:
        raise ValueError(f"khóa “{doubled[0]}” xuất hiện hai lần trong một đối tượng")
    return dict(pairs)


def _is_day_or_month(text: str) -> bool:
    try:
        date.fromisoformat(text if len(text) == 10 else f"{text}-01")
    except ValueError:
        return False
    return len(text) in (7, 10)


def whole_day(text: str | None) -> date | None:
    """A whole date; a month alone ("2014-08") isn't one and stays in the file."""
    return date.fromisoformat(text) if text and len(text) == 10 and _is_day_or_month(text) else None


# --- from a file's rows to the models' fields ----------------------------------------------


def _set_fields(data: dict) -> dict[str, Any]:
    fields = {
        "code": data["code"],
        "name": data["name"],
        "level": data["level"],
        "grade": data["grade"],
        "decision": data["decision"] or "",
        "amended_by": data.get("amended_by", []),
        "issued_on": whole_day(data["issued"]),
        "effective_on": whole_day(data.get("effective")),
        "first_year": data["period"][0],
        "last_year": data["period"][1],
        "variants": data["variants"],
        "mountain_variant": data.get("mountain_variant") or "",
        "official_criteria": data["official_counts"].get("criteria"),
        "official_indicators": data["official_counts"].get("indicators"),
        "rules": [*data["rules"], *conditions(data)],
        "note": data.get("note") or "",
        "sources": data["sources"],
    }
    if data.get("buckets"):
        fields["buckets"] = data["buckets"]
    if data.get("nearly_met_threshold") is not None:
        fields["nearly_met_threshold"] = Decimal(data["nearly_met_threshold"])
    return fields


def conditions(data: dict) -> list[str]:
    """Provinces' extra conditions that concern no single indicator."""
    return [
        f"{row['province']}: {row['text']} ({'; '.join(filter(None, [row.get('decision'), row.get('source')]))})"
        for row in data.get("provincial_targets", [])
        if isinstance(row, dict) and row.get("indicator") is None and {"province", "text"} <= set(row)
    ]


def _criterion_fields(row: dict, groups: dict[str, str]) -> dict[str, Any]:
    return {
        "number": row["number"],
        "name": row["name"],
        "group": row["group"] or "",
        "group_name": groups.get(row["group"] or "", ""),
        "is_key": row.get("is_key", False),
        "provenance": row["provenance"],
        "note": row["note"] or "",
    }


def _indicator_fields(row: dict, position: int) -> dict[str, Any]:
    return {
        "code": row["code"],
        "position": position,
        "name": row["name"],
        "kind": row["kind"],
        "measure": row["unit"] or "",
        "may_be_not_applicable": row["may_be_not_applicable"],
        "stands_for_criterion": False,
        "set_by_province": row["set_by_province"],
        "provenance": row["provenance"],
        "confidence": row["confidence"] or "",
        "source": row["source"] or "",
        "note": row["note"] or "",
        # What files older than these columns don't say stays as it is.
        **{key: row[key] or "" for key in ("guidance",) if key in row},
        **{key: row[key] for key in ("needs_evidence",) if key in row},
        **{key: whole_day(row[key]) for key in ("in_force_from", "in_force_to") if key in row},
    }


def _wording_fields(row: dict) -> dict[str, Any]:
    return {
        "starts_on": whole_day(row["from"]),
        "name": row["name"],
        "decision": row.get("decision") or "",
        "source": row.get("source") or "",
    }


def _placeholder_fields(row: dict) -> dict[str, Any]:
    return {
        "code": str(row["number"]),
        "position": 1,
        "name": row["name"],
        "kind": Indicator.Kind.BOOLEAN,
        "stands_for_criterion": True,
        "provenance": row["provenance"],
    }


def _target_fields(row: dict) -> dict[str, Any]:
    return {
        "variant": row.get("variant") or "",
        "from_year": row["year"],
        **({"to_year": row["to_year"]} if "to_year" in row else {}),
        "operator": row["operator"],
        "value": None if row["value"] is None else Decimal(row["value"]),
        "text": row["text"],
        "source": row.get("source") or "",
        "decision": row.get("decision") or "",
        "provenance": row["provenance"],
    }


# --- writing -------------------------------------------------------------------------------


def load(sets: Iterable[dict], departments: dict | None = None) -> list[Summary]:
    """Write checked sets (and who answers for their criteria) in one transaction."""
    sets = list(sets)
    with transaction.atomic():
        summaries = [_Loader(data).run() for data in sets]
        for data, summary in zip(sets, summaries, strict=True):
            required = CriteriaSet.objects.get(code=data["requires"]) if data.get("requires") else None
            _store(summary.criteria_set, {"requires": required}, summary)
        if departments:
            for summary in summaries:
                _assign_departments(summary, departments)
    return summaries


def write_set(data: dict, *, province: Unit | None, requires: CriteriaSet | None, first_day: date) -> Summary:
    """Make a set what the checked data says, within the caller's transaction: a new one as a draft.

    The data is the whole set: targets and wordings that aren't in it go, in a draft also
    indicators and criteria, except where something was entered for them. `first_day` ends the
    placeholders of criteria that get their indicators.
    """
    summary = _Loader(data, whole=True, province=province, first_day=first_day).run()
    _store(summary.criteria_set, {"requires": requires}, summary)
    return summary


def _store(row: Any, fields: dict[str, Any], summary: Summary) -> bool:
    """Give the row these values; save it if that makes it new or different. Whether it did."""
    new = row.pk is None
    different = [name for name, value in fields.items() if new or getattr(row, name) != value]
    if not new and not different:
        return False
    for name in different:
        setattr(row, name, fields[name])
    row.save()
    summary.added += new
    summary.changed += not new
    return True


class _Loader:
    """Writes one set; what it needs of the database is read once. `whole`: see write_set."""

    def __init__(
        self, data: dict, *, whole: bool = False, province: Unit | None = None, first_day: date | None = None
    ) -> None:
        self.data = data
        self.whole = whole
        self.province = province
        self.first_day = first_day or today()
        self.set = CriteriaSet.objects.filter(code=data["code"]).first() or CriteriaSet(code=data["code"])
        self.former_decision = self.set.decision
        self.is_in_use = self.set.pk is not None and self.set.status == CriteriaSet.Status.PUBLISHED
        self.summary = Summary(self.set)

    def run(self) -> Summary:
        summary, data = self.summary, self.data
        self._set()
        indicators = Indicator.objects.filter(criterion__criteria_set=self.set, for_history=False)
        self.criteria = {row.number: row for row in self.set.criteria.all()}
        self.indicators = {(row.criterion_id, row.code): row for row in indicators}
        self.carriers = list(Indicator.objects.filter(criterion__criteria_set=self.set, for_history=True))
        self.targets = {
            (row.indicator_id, row.province_id, row.variant, row.from_year): row
            for row in Target.objects.filter(indicator__in=indicators, unit__isnull=True)
        }
        self.wordings = {
            (row.indicator_id, row.starts_on): row for row in Wording.objects.filter(indicator__in=indicators)
        }
        self.kept: set[tuple[str, int]] = set()
        groups = {row["code"]: row["name"] for row in data["groups"]}
        for row in data["criteria"]:
            criterion = self.criteria.get(row["number"]) or Criterion(criteria_set=self.set)
            _store(criterion, _criterion_fields(row, groups), summary)
            self.kept.add(("criterion", criterion.pk))
            self._indicators(criterion, row)
        self._provincial()
        self._wordings()
        if self.whole:
            self._drop_left_over()
        else:
            self._left_over()
        summary.criteria = len(data["criteria"])
        return summary

    def _set(self) -> None:
        fields = _set_fields(self.data)
        if self.whole:
            if self.set.pk is None:
                fields["status"] = CriteriaSet.Status.DRAFT
            self._store_set({**fields, "province": self.province})
            return
        code = self.data.get("province")
        province = province_of(code, self.set.province_id, fields["first_year"]) if code else None
        if code and province is None:
            self.summary.notes.append(
                f"Chưa có tỉnh ban hành (mã {code}) trong danh mục đơn vị: bộ để ở dạng dự thảo; "
                "nạp đơn vị (load_units) rồi chạy lại load_criteria."
            )
        if self.set.pk is None:
            draft = code and province is None
            fields["status"] = CriteriaSet.Status.DRAFT if draft else CriteriaSet.Status.PUBLISHED
        elif province is not None and self.set.province_id is None and self.set.status == CriteriaSet.Status.DRAFT:
            fields["status"] = CriteriaSet.Status.PUBLISHED
        self._store_set({**fields, "province": province})

    def _store_set(self, fields: dict[str, Any]) -> None:
        """Closed periods keep the groups of communes that the set has had so far, and don't learn of a new set."""
        if (
            fields.get("status") == CriteriaSet.Status.PUBLISHED
            and ReportingPeriod.objects.exclude(closed_at=None).exists()
        ):
            fields["published_at"] = timezone.now()
        former = self.set.buckets if self.set.pk else None
        _store(self.set, fields, self.summary)
        if former is not None:
            keep_former(self.set, former)

    def _indicators(self, criterion: Criterion, row: dict) -> None:
        summary = self.summary
        if not row["indicators"]:
            self._placeholder(criterion, row)
            return
        self._make_way(criterion, {described["code"] for described in row["indicators"]})
        stored: dict[str, Indicator] = {}
        for position, described in enumerate(row["indicators"], start=1):
            fields = _indicator_fields(described, position)
            fields["part_of"] = stored[described["part_of"]] if described["part_of"] else None
            indicator = self.indicators.get((criterion.pk, described["code"])) or Indicator(criterion=criterion)
            _store(indicator, fields, summary)
            stored[indicator.code] = indicator
            self.kept.add(("indicator", indicator.pk))
            for target in described["targets"]:
                fields = _target_fields(target)
                self._target(indicator, {**fields, "decision": fields["decision"] or self.set.decision}, None)
                summary.verified += target["provenance"] == "verified"
                summary.recalled += target["provenance"] != "verified"
            summary.without_target += not described["targets"]
            summary.parts += described["part_of"] is not None
            summary.indicators += described["part_of"] is None
        self._close_placeholders(criterion, stored)

    def _make_way(self, criterion: Criterion, codes: set[str]) -> None:
        """Give what stands for the whole criterion (also for its history) another code where one of the new
        indicators has its: their results aren't the same."""
        own = [row for row in (*self.indicators.values(), *self.carriers) if row.criterion_id == criterion.pk]
        taken = codes | {row.code for row in own}
        for indicator in own:
            if indicator.stands_for_criterion and indicator.code in codes:
                former = indicator.code
                names = (f"TC{criterion.number}{mark}" for mark in ("", *(f"-{count}" for count in range(2, 100))))
                _store(indicator, {"code": next(name for name in names if name not in taken)}, self.summary)
                taken.add(indicator.code)
                if not indicator.for_history:
                    self.indicators[(criterion.pk, indicator.code)] = self.indicators.pop((criterion.pk, former))

    def _placeholder(self, criterion: Criterion, row: dict) -> None:
        """One yes/no row that stands for a criterion whose indicators the file doesn't have."""
        entered = [
            indicator
            for (owner, _), indicator in self.indicators.items()
            if owner == criterion.pk and not indicator.stands_for_criterion
        ]
        if entered:
            return
        fields = _placeholder_fields(row)
        indicator = self.indicators.get((criterion.pk, fields["code"])) or Indicator(criterion=criterion)
        _store(indicator, fields, self.summary)
        self.kept.add(("indicator", indicator.pk))
        self.summary.placeholders += 1

    def _close_placeholders(self, criterion: Criterion, stored: dict[str, Indicator]) -> None:
        """End the placeholder whose criterion got its indicators the day before they begin; its results stay."""
        for (owner, code), indicator in self.indicators.items():
            if owner != criterion.pk or not indicator.stands_for_criterion or code in stored:
                continue
            self.kept.add(("indicator", indicator.pk))
            if indicator.in_force_to is not None or (self.first_day <= today() and _deleted(indicator)):
                continue
            _store(indicator, {"in_force_to": self.first_day - timedelta(days=1)}, self.summary)
            for new in stored.values():
                if (owner, new.code) not in self.indicators and new.in_force_from is None:
                    _store(new, {"in_force_from": self.first_day}, self.summary)
            self.summary.notes.append(
                f"Tiêu chí {criterion.number} nay đã có chỉ tiêu; dòng thay cho cả tiêu chí ngừng áp dụng, "
                "kết quả đã nhập vẫn giữ."
            )

    def _target(self, indicator: Indicator, fields: dict[str, Any], province: Unit | None) -> None:
        key = (indicator.pk, province.pk if province else None, fields["variant"], fields["from_year"])
        target = self.targets.get(key) or Target(indicator=indicator, province=province)
        if target.is_confirmed and (moved := self._moved(target, fields)):
            fields = {**fields, "confirmed_by": None, "confirmed_at": None}
            if moved & {"operator", "value"}:
                levels = ((target.operator, target.value), (fields["operator"], fields["value"]))
                told = "mức đã xác nhận {} nay là {}".format(*map(_demanded, levels))
            else:
                decision = fields["decision"] or "không ghi văn bản"
                told = f"yêu cầu đã xác nhận “{target.text}” nay là “{fields['text']}” ({decision})"
            self.summary.notes.append(f"Chỉ tiêu {indicator.code}: {told}; phải xác nhận lại.")
        if self.is_in_use and (target.pk is None or any(getattr(target, name) != fields[name] for name in fields)):
            fields = {**fields, "recorded_at": keep([target.pk] if target.pk else [])}
        _store(target, fields, self.summary)
        self.kept.add(("target", target.pk))

    def _moved(self, target: Target, fields: dict[str, Any]) -> set[str]:
        """What makes it another demand than the one confirmed (Target.DEMAND). A row of the set's own
        decision stays one when the set's decision is written differently."""
        moved = {name for name in Target.DEMAND if getattr(target, name) != fields[name]}
        if target.province_id is None and fields["decision"] == self.set.decision:
            moved -= {"decision"} if target.decision in {"", self.former_decision} else set()
        return moved

    def _provincial(self) -> None:
        by_code = {
            indicator.code: indicator
            for indicator in Indicator.objects.filter(criterion__criteria_set=self.set, stands_for_criterion=False)
        }
        skipped: Counter[str] = Counter()
        for row in self.data.get("provincial_targets", []):
            if row["indicator"] is None:
                continue
            province = province_of(row["province_code"], None, self.set.first_year)
            if province is None:
                skipped[row["province"]] += 1
                continue
            fields = _target_fields({"provenance": "recalled", **row})
            self._target(by_code[row["indicator"]], fields, province)
        self.summary.notes += [
            f"Bỏ qua {times} yêu cầu của {province}: tỉnh chưa có trong danh mục đơn vị của giai đoạn này."
            for province, times in skipped.items()
        ]

    def _wordings(self) -> None:
        """The amended wordings, and the set's note of having some."""
        by_code = {
            indicator.code: indicator
            for indicator in Indicator.objects.filter(criterion__criteria_set=self.set, stands_for_criterion=False)
        }
        for row in self.data.get("wordings", []):
            indicator, fields = by_code[row["indicator"]], _wording_fields(row)
            wording = self.wordings.get((indicator.pk, fields["starts_on"])) or Wording(indicator=indicator)
            _store(wording, fields, self.summary)
            self.kept.add(("wording", wording.pk))
        if self.whole:
            for wording in self.wordings.values():
                if ("wording", wording.pk) not in self.kept:
                    wording.delete()
                    self.summary.changed += 1
        has_wordings = Wording.objects.filter(indicator__criterion__criteria_set=self.set).exists()
        _store(self.set, {"has_wordings": has_wordings}, self.summary)

    def _drop_left_over(self) -> None:
        """Take out what a whole set's data doesn't have; what something was entered for stays."""
        gone: list[models.Model] = [
            row for row in self.targets.values() if row.province_id is None and ("target", row.pk) not in self.kept
        ]
        if self.set.status == CriteriaSet.Status.DRAFT:
            indicators = [row for row in self.indicators.values() if ("indicator", row.pk) not in self.kept]
            gone += [row for row in indicators if row.part_of_id] + [row for row in indicators if not row.part_of_id]
            gone += [row for row in self.criteria.values() if ("criterion", row.pk) not in self.kept]
        elif gone:
            keep([row.pk for row in gone])
        self.summary.changed += sum(_deleted(row) for row in gone)

    def _left_over(self) -> None:
        """Say what the database has beyond the file; it is kept."""
        beyond: dict[str, list[Any]] = {
            "tiêu chí": [row for row in self.criteria.values() if ("criterion", row.pk) not in self.kept],
            "chỉ tiêu": [row for row in self.indicators.values() if ("indicator", row.pk) not in self.kept],
            "yêu cầu": [
                row for row in self.targets.values() if row.province_id is None and ("target", row.pk) not in self.kept
            ],
        }
        self.summary.notes += [
            f"Giữ lại {len(rows)} {what} không có trong tệp." for what, rows in beyond.items() if rows
        ]


def _deleted(row: models.Model) -> bool:
    """Delete the row unless something rests on it; whether it is gone."""
    try:
        with transaction.atomic():
            row.delete()
    except ProtectedError:
        return False
    return True


def province_of(code: str, known: int | None, year: int) -> Unit | None:
    """The province of that code in that year. A province formed later by a merger isn't it."""
    if known is not None:
        return Unit.objects.get(pk=known)
    return Unit.objects.filter(level=Level.PROVINCE, code=code).existing(date(year, 1, 1)).first()


def _assign_departments(summary: Summary, data: dict) -> None:
    """Give the nation's usual departments the criteria that have none yet; closed periods of the set tell of none."""
    criteria_set = summary.criteria_set
    if criteria_set.level != data["level"] or summary.criteria != data["criteria_in_set"]:
        return
    criteria = {row.number: row for row in criteria_set.criteria.all()}
    closed = closed_in(None) if Revision.objects.filter(indicator__criterion__in=criteria.values()).exists() else []
    since = closed[0].ends_on + timedelta(days=1) if closed and closed[0].ends_on >= criteria_set.first_day else None
    assigned = set(
        CriterionDepartment.objects.filter(criterion__criteria_set=criteria_set, province__isnull=True).values_list(
            "criterion__number", flat=True
        )
    )
    for row in data["departments"]:
        department = Department.objects.filter(code=row["code"], province__isnull=True).first() or Department(
            code=row["code"]
        )
        _store(department, {"name": row["name"]}, summary)
        for number in row["criteria"]:
            if number not in assigned:
                CriterionDepartment.objects.create(criterion=criteria[number], department=department, starts_on=since)
                summary.added += 1
