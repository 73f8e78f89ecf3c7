"""Groups of a province's communes as a workbook, out and in: a row a commune, changed where its cells were."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

from communes.access import Decision, can
from communes.models import Unit
from communes.names import search_name
from communes.workbooks import Sheet
from criteria.models import Upload
from criteria.uploads import Plan, Progress, Refused, UploadChanged, book_of
from criteria.workshop import groups, tables
from criteria.workshop.groups import NONE, Change, said, version_of
from criteria.workshop.tables import CONFLICT, REFUSED, Column, Read, Table

SHEET = "Nhóm xã"
YES, NO = "Có", "Không"
ONLY_PAST = "Chỉ có hiệu lực một thời gian trước đây, vì sau đó hệ thống đã có thay đổi khác."
CHANGED, SAME = "changed", "same"


def code_of(province: Unit) -> str:
    return f"nhom-xa / {province.code}"


def columns(choices: Iterable[str] = ()) -> list[Column]:
    named = tuple(choices)
    return [
        Column("code", "Mã xã", 9, "Mã 5 chữ số; không sửa.", fill=True),
        Column("name", "Xã", 26),
        Column("district", "Huyện", 22),
        Column("group", "Nhóm xã", 24, f"Chọn trong danh sách; “{NONE}” để bỏ nhóm.", fill=True,
               choices=(NONE, *named) if named else ()),
        Column("mountain", "Áp dụng mức vùng núi", 12, f"{YES} hoặc {NO}.", fill=True,
               choices=(YES, NO) if named else ()),
        Column("day", "Từ ngày", 13, "Ngày/tháng/năm bắt đầu; bắt buộc ở dòng thay đổi, không ghi ngày chưa đến.",
               fill=True, kind="day"),
        Column("decision", "Văn bản", 30, "Số quyết định phân nhóm; bắt buộc ở dòng thay đổi.", fill=True),
        Column("since", "Hiện trạng từ ngày", 13, kind="day"),
        Column("seen", "Phiên bản", 8, hidden=True),
    ]  # fmt: skip


def workbook(province: Unit) -> bytes:
    choices = groups.choices(province)
    units = groups.communes(province).order_by("district__sort_key", "sort_key", "pk")
    return _draw(province, choices, (_cells(unit, choices) for unit in units))


def _cells(unit: Unit, choices: dict[str, str]) -> dict[str, Any]:
    return {
        "code": unit.code,
        "name": unit.full_name,
        "district": unit.district.full_name if unit.district else "",
        "group": choices.get(unit.target_group, unit.target_group) or NONE,
        "mountain": YES if unit.uses_mountain_targets else NO,
        "since": unit.present_since,
        "seen": version_of(unit),
    }


def _draw(province: Unit, choices: dict[str, str], rows: Iterable[dict[str, Any]], with_reasons: bool = False) -> bytes:
    return tables.draw(
        sheet_name=SHEET,
        title=f"Nhóm xã và xã áp dụng mức vùng núi – {province.full_name}",
        code=code_of(province),
        columns=columns(choices.values() or (NONE,)),
        rows=rows,
        notes=[
            "Sửa “Nhóm xã” hoặc “Áp dụng mức vùng núi” ở những xã thay đổi, ghi “Từ ngày” và “Văn bản” của dòng đó.",
            "Các dòng khác để nguyên.",
            "Vùng riêng của tỉnh chưa có trong danh sách: xếp một xã vào vùng đó ở trang Nhóm xã trước.",
            "Kết quả đã công bố giữ nguyên mức lúc đánh giá; số liệu của ngày trước đó vẫn theo nhóm cũ.",
        ],
        spare=0,
        with_reasons=with_reasons,
    )


def refused_workbook(upload: Upload) -> bytes:
    """The rows that weren't taken as they were typed, with the reasons. One that others had changed meanwhile takes
    the place of what its reader has now seen of it."""
    province = _province(upload)
    choices = groups.choices(province)
    table = tables.read(book_of(upload), SHEET, code_of(province), columns())
    units = {unit.code: unit for unit in groups.communes(province)}
    told = {line["at"]: line for line in upload.plan["lines"] if line["outcome"] in {REFUSED, CONFLICT}}
    rows = []
    for row in table.rows:
        if (line := told.get(row.at)) is None:
            continue
        unit = units.get(row.cells["code"].zfill(5))
        cells = (_cells(unit, choices) if unit else {}) | tables.as_typed(row, table.columns)
        stands = said(unit.target_group, unit.uses_mountain_targets, choices) if unit else "không còn xã này"
        cells["reason"] = tables.reason_of(
            line, f"Xã đã đổi trên hệ thống sau khi tải bảng, nay là: {stands}. Nộp lại nếu vẫn muốn thay."
        )
        if unit and line["outcome"] == CONFLICT:
            cells["seen"] = version_of(unit)
        rows.append(cells)
    return _draw(province, choices, rows, with_reasons=True)


# --- reading ---------------------------------------------------------------------------------


def allowed(user: Any, upload: Upload) -> Decision:
    return can(user, "reference.change", upload.unit_id)


def plan(upload: Upload, book: list[Sheet], progress: Progress) -> Plan:
    names = groups.choices(_province(upload))
    table, found = _read(upload, names, book, progress)
    counts = Counter(outcome for _, outcome, _, _ in found)
    return Plan(
        counts={name: counts[name] for name in (CHANGED, SAME, CONFLICT, REFUSED)},
        lines=[_line(table, names, *one) for one in found if one[1] != SAME],
    )


def write(upload: Upload, plan: Plan, by: Any) -> dict[str, Any]:
    """Write the rows that change, if they would still do what the plan says."""
    names = groups.choices(_province(upload))
    table, found = _read(upload, names, book_of(upload), lambda rows: None)
    if [_line(table, names, *one) for one in found if one[1] != SAME] != plan.lines:
        raise UploadChanged
    changes = [change for _, outcome, change, _ in found if outcome == CHANGED and change is not None]
    if changes and groups.apply(changes, by):
        raise UploadChanged
    return {**plan.counts, "past": sum(change.ends is not None for change in changes)}


def _province(upload: Upload) -> Unit:
    if upload.unit is None:
        raise Refused("Bảng nhóm xã là của một tỉnh; chọn tỉnh rồi tải lên lại.")
    return upload.unit


Found = tuple[Read, str, Change | None, dict[str, str]]


def _read(upload: Upload, names: dict[str, str], book: list[Sheet], progress: Progress) -> tuple[Table, list[Found]]:
    province = _province(upload)
    table = tables.read(book, SHEET, code_of(province), columns())
    units = {unit.code: unit for unit in groups.communes(province)}
    found: list[Found] = []
    rows: dict[str, list[int]] = defaultdict(list)
    for done, row in enumerate(table.rows, start=1):
        progress(done)
        code = row.cells["code"].zfill(5) if row.cells["code"] else ""
        if not code and not row.problems:
            continue
        rows[code].append(len(found))
        found.append(_one(row, units.get(code), code, province, names))
    if not found:
        raise Refused(f"Trang “{SHEET}” không có xã nào. Tải lại bảng rồi ghi vào đó.")
    for code, places in rows.items():
        if code and len(places) > 1:
            numbers = ", ".join(str(found[at][0].number) for at in places)
            for at in places:
                errors = {"code": f"Xã mã {code} có ở nhiều dòng ({numbers}). Chỉ giữ một."}
                found[at] = (found[at][0], REFUSED, found[at][2], errors)
    changes = [change for _, outcome, change, _ in found if outcome == CHANGED and change is not None]
    groups.check(changes)
    for at, (row, outcome, change, errors) in enumerate(found):
        if outcome == CHANGED and change is not None and change.errors:
            found[at] = (row, REFUSED, change, errors | change.errors)
        elif outcome == CHANGED and change is not None and change.is_same:
            found[at] = (row, SAME, None, {})
        elif outcome == CHANGED and change is not None and change.seen != version_of(change.unit):
            found[at] = (row, CONFLICT, change, {})
    if sum(outcome == CHANGED for _, outcome, _, _ in found) > groups.MOST:
        raise Refused(f"Mỗi lần đổi tối đa {groups.MOST} xã.")
    return table, found


def _one(row: Read, unit: Unit | None, code: str, province: Unit, names: dict[str, str]) -> Found:
    cells = row.cells
    errors = {key: f"{message[:1].upper()}{message[1:]}" for key, message in row.problems.items()}
    if unit is None:
        errors["code"] = f"Không có xã mã “{code}” trong {province.in_sentence}."
        return row, REFUSED, None, errors
    group = _group(cells["group"], names, errors)
    mountain = {"co": True, "x": True, "khong": False}.get(search_name(cells["mountain"]))
    if mountain is None:
        errors["mountain"] = f"Ghi {YES} hoặc {NO}."
    if errors or mountain is None:
        return row, REFUSED, Change(unit, date.min, "", unit.target_group, unit.uses_mountain_targets, ""), errors
    # Of the two, what reads as it is now stays as it was at each time; where both do, the row with a day says that
    # it has been so from that day on.
    present = (group == unit.target_group, mountain == unit.uses_mountain_targets)
    if all(present) and not cells["day"]:
        return row, SAME, None, {}
    if all(present) or not any(present):
        change = Change(unit, date.min, cells["decision"], group, mountain, cells["seen"])
    else:
        kept = (None if present[0] else group, None if present[1] else mountain)
        change = Change(unit, date.min, cells["decision"], *kept, cells["seen"])
    if cells["seen"] != version_of(unit) and not all(present):
        # A row that was only looked at isn't a change against somebody else's.
        untouched = cells["seen"] == version_of(Unit(target_group=group, uses_mountain_targets=mountain))
        return row, SAME if untouched else CONFLICT, change, {}
    day = _day(cells["day"], errors)
    if len(cells["decision"]) > 200:
        errors["decision"] = "Số văn bản dài quá 200 ký tự."
    if day is None or errors:
        return row, REFUSED, change, errors
    change.day = day
    return row, CHANGED, change, errors


def _group(text: str, names: dict[str, str], errors: dict[str, str]) -> str:
    if search_name(text) in {"", search_name(NONE)}:
        return ""
    for code, name in names.items():
        if search_name(text) in {search_name(code), search_name(name)}:
            return code
    known = ", ".join(names.values()) or "chưa có nhóm nào"
    errors["group"] = (
        f"Không có nhóm “{text[:40]}”. Các nhóm: {known}. Vùng mới của tỉnh thì xếp một xã vào ở trang Nhóm xã trước."
    )
    return ""


def _day(text: str, errors: dict[str, str]) -> date | None:
    if not text:
        errors["day"] = "Ghi ngày bắt đầu áp dụng."
        return None
    day = tables.read_day(text)
    if day is None:
        errors["day"] = f"“{text[:20]}” không phải ngày như 31/12/2025."
    return day


def _line(
    table: Table, names: dict[str, str], row: Read, outcome: str, change: Change | None, errors: dict[str, str]
) -> dict[str, Any]:
    unit = change.unit if change else None
    after = change.words(names) if change else ""
    had = (change.had if change else None) or (unit and (unit.target_group, unit.uses_mountain_targets))
    if change and change.day != date.min:
        after += f", từ ngày {change.day:%d/%m/%Y}"
    until = change.until(names) if change else ""
    after += f" {until}" if until else ""
    after += f" ({row.cells['decision']})" if row.cells["decision"] else ""
    is_past = bool(until) and outcome == CHANGED
    return {
        "at": row.at,
        "outcome": outcome,
        "title": unit.full_name if unit else row.cells["code"],
        "before": said(*had, names) if had else "",
        "after": after.strip(),
        "errors": [[table.place(key), message] for key, message in errors.items()],
        "warnings": [ONLY_PAST] if is_past else [],
        "notes": [],
    }
