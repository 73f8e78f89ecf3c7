"""A criteria set handed in as a workbook or as JSON (`Upload.Kind.CRITERIA_SET`).

A new code becomes a draft. A set that is there becomes what the file says; of a published one
nothing that people entered for or confirmed goes away (`set_data.after`). The preview is the difference.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, NoReturn

from django.db import IntegrityError
from django.db.models import Min

from communes import access
from communes.access import Decision
from communes.models import Unit
from communes.workbooks import MB, TABLE, UnsafeWorkbook, read_book
from criteria import shapes
from criteria.loading import province_of, whole_day, write_set
from criteria.models import CriteriaSet, Entry, Indicator, ReportingPeriod, Revision, Upload, Wording
from criteria.uploads import Plan, Progress, Refused, UploadChanged, book_of
from criteria.workshop import set_reading
from criteria.workshop.difference import counts, difference
from criteria.workshop.set_data import Data, Unamendable, after, binding, described, filled
from criteria.workshop.set_reading import Found, NotOurs
from criteria.workshop.standings import refresh_standings
from ntm.clock import today

audit = logging.getLogger("ntm.audit")

MOST_PROBLEMS = 500  # told at once


def allowed(user: Any, upload: Upload) -> Decision:
    return access.can(user, "reference.change", upload.unit_id)


def read_file(content: bytes) -> Any:
    """The sheets of a workbook, or the bytes of a JSON file; raises UnsafeWorkbook."""
    if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] not in {b"{", b"["}:
        return read_book(content, TABLE)
    if len(content) > TABLE.file:
        raise UnsafeWorkbook(f"Tệp lớn hơn {TABLE.file // MB} MB; một bộ tiêu chí nhỏ hơn nhiều. Kiểm tra lại tệp.")
    return content


def plan(upload: Upload, book: Any, progress: Progress) -> Plan:
    """What the file would make of its set; raises Refused with every problem at its place."""
    found = _found(book)
    stored, province = _checked(found, upload)
    result = _result(found, stored, province, upload)
    made = _plan(stored, result)
    if made.shown["is_published"]:
        made.shown["left_behind"] = _left_behind(stored, found.data or {}, first_day_of(upload))
        made.shown["local_targets"] = _otherwise(found.data or {}, result)
    made.shown["first_day"] = f"{first_day_of(upload):%d/%m/%Y}"
    return made


def write(upload: Upload, plan: Plan, by: Any) -> dict[str, Any]:
    """Make the set what the file says."""
    found = _found(book_of(upload))
    code = found.data["code"] if found.data else ""
    list(CriteriaSet.objects.select_for_update().filter(code=code).order_by("pk"))
    # Another file for the same set may have been written since it was looked at.
    stored, province = _checked(found, upload)
    result = _result(found, stored, province, upload)
    if _plan(stored, result).fingerprint != plan.fingerprint:
        raise UploadChanged
    requires = CriteriaSet.objects.get(code=result["requires"]) if result["requires"] else None
    # Those of a set in use were read a moment ago and are changed elsewhere: not even written as they are.
    written = result | {"provincial_targets": []} if plan.shown["is_published"] else result
    try:
        summary = write_set(written, province=province, requires=requires, first_day=first_day_of(upload))
    except IntegrityError:  # the same new code, written by another at this moment
        raise UploadChanged from None
    refresh_standings(summary.criteria_set)
    audit.info("criteria set written", extra={"username": by.get_username(), "set": code, "upload": str(upload.pk)})
    return {"code": code, "name": result["name"], "is_new": stored is None, "notes": summary.notes}


def first_day_of(upload: Upload) -> date:
    """The day from which what is new in a published set is in force: chosen, or the day of the check."""
    chosen = upload.options.get("first_day")
    return date.fromisoformat(chosen) if chosen else today()


# --- checking ------------------------------------------------------------------------------


def _found(book: Any) -> Found:
    try:
        found = set_reading.read_json(book) if isinstance(book, bytes) else set_reading.read_book(book)
    except NotOurs as error:
        raise Refused(str(error)) from None
    if found.problems or found.data is None:
        _refuse(found)
    return found


def _refuse(found: Found) -> NoReturn:
    total = len(found.problems)
    more = f" Dưới đây là {MOST_PROBLEMS} chỗ đầu tiên." if total > MOST_PROBLEMS else ""
    raise Refused(
        f"Có {total} chỗ cần sửa; chưa ghi gì. Sửa trong tệp rồi tải lên lại.{more}",
        [problem.line() for problem in found.problems[:MOST_PROBLEMS]],
    )


def _checked(found: Found, upload: Upload) -> tuple[CriteriaSet | None, Unit | None]:
    """The set the file is for (None: a new one) and its province, checked against what is there."""
    data = found.data or {}
    stored = CriteriaSet.objects.select_related("province", "requires").filter(code=data["code"]).first()
    province = _province(data, upload, stored)
    found.problems = [found.problem(*problem) for problem in _problems(data, upload, stored, province)]
    if found.problems:
        _refuse(found)
    return stored, province


def _province(data: Data, upload: Upload, stored: CriteriaSet | None) -> Unit | None:
    """The province that issued the set: the one worked for, that of the set there is, or by its code."""
    code = data.get("province")
    for known in (upload.unit, stored.province if stored else None):
        if known is not None and known.code == code:
            return known
    return province_of(code, None, data["period"][0]) if code and upload.unit is None else None


def _problems(
    data: Data, upload: Upload, stored: CriteriaSet | None, province: Unit | None
) -> Iterator[shapes.Problem]:
    code, required = data.get("province"), data.get("requires")
    if upload.unit and province is None:
        yield (
            "province",
            (
                f"phải là {upload.unit.code}, mã của {upload.unit.in_sentence}: bộ tiêu chí của trung ương do quản trị "
                "hệ thống tải lên"
            ),
        )
    elif code and province is None:
        yield "province", f"không có tỉnh mang mã “{code}” trong giai đoạn này"
    elif stored and stored.province != province:
        yield "code", f"mã “{stored.code}” đã dùng cho bộ tiêu chí của nơi khác; đặt mã khác"
    if upload.unit:
        for place, row in enumerate(data.get("provincial_targets", [])):
            if row["province_code"] != upload.unit.code:
                yield f"provincial_targets[{place}].province_code", "chỉ ghi được yêu cầu của tỉnh mình"
    visible = access.visible_sets(upload.uploaded_by)
    if required and (required == data["code"] or not visible.filter(code=required).exists()):
        yield "requires", f"không có bộ tiêu chí “{required}”"
    if stored and stored.status == CriteriaSet.Status.PUBLISHED:
        yield from _published_problems(data, stored, first_day_of(upload))


def _published_problems(data: Data, stored: CriteriaSet, first_day: date) -> Iterator[shapes.Problem]:
    """What a set in use can't undergo, since people's results rest on it."""
    numbers = {row["number"] for row in data["criteria"]}
    for number in sorted(set(stored.criteria.values_list("number", flat=True)) - numbers):
        yield "criteria", f"thiếu tiêu chí {number}: bộ đang dùng không bỏ tiêu chí; cần bỏ thì ban hành bộ mới"
    if data["level"] != stored.level:
        yield "level", "bộ đang dùng không đổi cấp; cần đổi thì ban hành bộ mới"
    if first_day > stored.last_day:
        yield "", f"ngày áp dụng {first_day:%d/%m/%Y} sau giai đoạn {stored.period}; chọn ngày khác khi tải lên"
    known = {
        indicator.code: indicator
        for indicator in Indicator.objects.filter(
            criterion__criteria_set=stored, stands_for_criterion=False
        ).select_related("criterion")
    }
    redefined = {}
    for home, criterion in enumerate(data["criteria"]):
        for place, row in enumerate(criterion["indicators"]):
            where, before = f"criteria[{home}].indicators[{place}]", known.get(row["code"])
            if before and before.criterion.number != criterion["number"]:
                yield (
                    f"{where}.code",
                    f"mã “{row['code']}” là của một chỉ tiêu thuộc tiêu chí {before.criterion.number}; đặt mã khác",
                )
            elif before and before.kind != row["kind"]:
                redefined[before.pk] = where
    used = set(Entry.objects.filter(indicator__in=list(redefined)).values_list("indicator_id", flat=True))
    used |= set(Revision.objects.filter(indicator__in=list(redefined)).values_list("indicator_id", flat=True))
    for pk in sorted(used):
        yield f"{redefined[pk]}.kind", "chỉ tiêu đã có kết quả nên không đổi kiểu; đặt mã mới cho chỉ tiêu mới"
    yield from _closed_problems(data, stored, first_day)


def _closed_problems(data: Data, stored: CriteriaSet, first_day: date) -> Iterator[shapes.Problem]:
    """Criteria that would have other indicators in force on the last day of a closed period: its figures rest on
    results of theirs and mustn't change."""
    reached = {number: found for number, found in _spans(data, stored, first_day) if found}
    if not reached:
        return
    since = min(first for spans in reached.values() for first, _ in spans)
    closed = list(
        ReportingPeriod.objects.filter(closed_at__isnull=False, ends_on__gte=since)
        .select_related("area")
        .order_by("-ends_on", "area__sort_key", "pk")
    )
    if not closed:
        return
    results = Revision.objects.filter(indicator__criterion__criteria_set=stored).order_by()
    told = {
        (province, number): day
        for province, number, day in results.values_list("unit__province", "indicator__criterion__number").annotate(
            Min("effective_on")
        )
    }
    for home, criterion in enumerate(data["criteria"]):
        number = criterion["number"]
        hit = [
            period
            for period in closed
            if told.get((period.area.province_id, number), date.max) <= period.ends_on
            and any(first <= period.ends_on <= last for first, last in reached.get(number, ()))
        ]
        if hit:
            last, day = hit[0], f"{hit[0].ends_on:%d/%m/%Y}"
            more = f" và {len(hit) - 1} kỳ khác" if len(hit) > 1 else ""
            whose = f"“{last.name}” của {last.area.in_sentence} (đến ngày {day}){more}"
            yield (
                f"criteria[{home}]",
                f"tiêu chí {number} đổi chỉ tiêu sẽ đổi số của kỳ đã khóa {whose}: chọn ngày áp dụng sau ngày {day}",
            )


def _reworded(data: Data, stored: CriteriaSet) -> dict[str, date]:
    """By indicator's code the first day from which the file has it read otherwise."""
    rows = Wording.objects.filter(indicator__criterion__criteria_set=stored)
    told = {(code, day): name for code, day, name in rows.values_list("indicator__code", "starts_on", "name")}
    found: dict[str, date] = {}
    for row in data.get("wordings", []):
        code, day = row["indicator"], whole_day(row["from"])
        if day and told.get((code, day)) != row["name"]:
            found[code] = min(day, found.get(code, day))
    return found


def _spans(data: Data, stored: CriteriaSet, first_day: date) -> Iterator[tuple[int, list[tuple[date, date]]]]:
    """By criterion's number the first and last days on which the file would have something come into or go out of
    force."""
    there: dict[int, dict[str, Indicator]] = defaultdict(dict)
    ending: dict[int, list[Indicator]] = defaultdict(list)
    reworded = _reworded(data, stored)
    for one in Indicator.objects.filter(criterion__criteria_set=stored, for_history=False).select_related("criterion"):
        if not one.stands_for_criterion:
            there[one.criterion.number][one.code] = one
        if one.in_force_to is None:
            ending[one.criterion.number].append(one)
    for criterion in data["criteria"]:
        number, named = criterion["number"], {row["code"] for row in criterion["indicators"]}
        found: list[tuple[date, date]] = []
        for row in criterion["indicators"]:
            begins, ends = whole_day(row.get("in_force_from")), whole_day(row.get("in_force_to"))
            if row["code"] in reworded:
                found.append((reworded[row["code"]], date.max))
            if (known := there[number].get(row["code"])) is None:
                found.append((begins or first_day, ends or date.max))
                continue
            was, until = known.in_force_from or date.min, known.in_force_to or date.max
            begins, ends = begins or was, ends or until
            if begins != was:
                found.append((min(begins, was), max(begins, was) - timedelta(days=1)))
            if ends != until:
                found.append((min(ends, until) + timedelta(days=1), max(ends, until)))
        if any(bool(named) if one.stands_for_criterion else one.code not in named for one in ending[number]):
            found.append((first_day, date.max))
        yield number, found


# --- what would be -------------------------------------------------------------------------


def _result(found: Found, stored: CriteriaSet | None, province: Unit | None, upload: Upload) -> Data:
    data = dict(found.data or {})
    year = data["period"][0]
    # A province that isn't among the units of the set's time can't be demanded anything of.
    data["provincial_targets"] = [
        row
        for row in data.get("provincial_targets", [])
        if row["indicator"] is None or province_of(row["province_code"], None, year)
    ]
    published = stored is not None and stored.status == CriteriaSet.Status.PUBLISHED
    before = described(stored) if stored else None
    bound = binding(stored) if stored and published else frozenset()
    try:
        result = after(data, before, published=published, first_day=first_day_of(upload), bound=bound)
    except Unamendable as error:
        found.problems = [found.problem(*problem) for problem in error.problems]
        _refuse(found)
    return {**result, "province": province.code if province else None}


def _left_behind(stored: CriteriaSet | None, data: Data, first_day: date) -> int:
    """How many published results of what stands for whole criteria lie on or after the day on which those get their
    indicators: they are kept and shown, but count no more."""
    numbers = [row["number"] for row in data["criteria"] if row["indicators"]]
    return (
        Revision.objects.valid()
        .filter(
            indicator__criterion__criteria_set=stored,
            indicator__criterion__number__in=numbers,
            indicator__stands_for_criterion=True,
            indicator__for_history=False,
            indicator__in_force_to__isnull=True,
            effective_on__gte=first_day,
        )
        .count()
    )


def _otherwise(data: Data, result: Data) -> int:
    """How many of the file's local targets aren't what is stored: a set in use keeps its own."""
    stored = [{**row, "province": None} for row in result["provincial_targets"]]
    rows = filled(data)["provincial_targets"]
    return sum({**row, "province": None} not in stored for row in rows if row["indicator"] is not None)


def _plan(stored: CriteriaSet | None, result: Data) -> Plan:
    indicators = [one for row in result["criteria"] for one in row["indicators"]]
    shown = {
        "code": result["code"],
        "name": result["name"],
        "is_new": stored is None,
        "is_published": stored is not None and stored.status == CriteriaSet.Status.PUBLISHED,
        "criteria": len(result["criteria"]),
        "indicators": sum(1 for one in indicators if one["part_of"] is None and one["in_force_to"] is None),
        "official": result["official_counts"],
        "incomplete": [row["number"] for row in result["criteria"] if not row["indicators"]],
    }
    if stored is None:
        lines = [
            {
                "number": row["number"],
                "name": row["name"],
                "indicators": sum(1 for one in row["indicators"] if one["part_of"] is None),
                "targets": sum(len(one["targets"]) for one in row["indicators"]),
            }
            for row in result["criteria"]
        ]
        return Plan({"new": 1}, lines, shown)
    changes = difference(described(stored), result)
    return Plan(counts(changes), [change.line() for change in changes], shown)
