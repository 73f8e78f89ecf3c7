"""A place's targets of one set as a workbook, out and in: a row for each level, an empty one where none is.

A row of the server is known by its number and its version in two hidden columns. One that was
only looked at changes nothing, whatever became of it meanwhile; one that was changed on both
sides is shown with both values and not written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from communes.access import Decision, can
from communes.models import Unit
from communes.names import search_name
from communes.workbooks import Sheet
from criteria.models import CriteriaSet, Indicator, Operator, Target, Upload
from criteria.numbers import format_number
from criteria.uploads import Plan, Progress, Refused, UploadChanged, book_of
from criteria.workshop import local_targets, tables
from criteria.workshop.local_targets import (
    CONFLICT,
    OPERATORS,
    OUTCOMES,
    REFUSED,
    SAME,
    Demand,
    Judged,
    Overlay,
    Wanted,
    demanded,
    version_of,
)
from criteria.workshop.tables import Column, Read, Table
from ntm.clock import today

SHEET = "Yêu cầu"
GENERAL = "Chung"
YES = "x"
UNCONFIRMS, CONFIRMS = "Trở lại chưa xác nhận.", "Xác nhận đã đối chiếu."
_SIGNS = {sign.casefold(): code.value for code, sign in OPERATORS.items()}


def code_of(criteria_set: CriteriaSet, place: Unit | None) -> str:
    """What tells the table of this set and place from others."""
    return f"yeu-cau / {criteria_set.code} / {place.code if place else 'trung-uong'}"


def columns(overlay: Overlay | None = None) -> list[Column]:
    """The columns; the choices of the overlay's place where one is given."""
    variants = (GENERAL, *overlay.variants.values()) if overlay else ()
    return [
        Column("criterion", "Tiêu chí", 8, kind="number"),
        Column("indicator", "Mã chỉ tiêu", 10, "Mã trong bộ tiêu chí, ví dụ 17.1. Không sửa ở dòng có sẵn.", fill=True),
        Column("name", "Nội dung", 44),
        Column("measure", "Đơn vị tính", 11),
        Column("variant", "Vùng, nhóm", 22, "Chọn trong danh sách; “Chung” là mọi xã.", fill=True, choices=variants),
        Column("unit", "Riêng cho xã (mã)", 12, "Chỉ ghi khi mức này chỉ của một xã: mã xã 5 chữ số.", fill=True),
        Column("from_year", "Từ năm", 9, "Năm bắt đầu áp dụng; để trống: từ đầu giai đoạn.", fill=True, kind="year"),
        Column(
            "to_year",
            "Đến hết năm",
            9,
            "Năm cuối cùng còn áp dụng; để trống: còn áp dụng.",
            fill=True,
            kind="year",
        ),
        Column("base", "Mức đang áp dụng của trung ương", 24),
        Column("operator", "So sánh", 12, "≥, ≤, =, Đạt hoặc Xem xét theo nội dung.", fill=True,
               choices=tuple(OPERATORS.values()) if overlay else ()),
        Column(
            "value",
            "Mức",
            10,
            "Số không kèm dấu %, ví dụ 95 hoặc 98,5; để trống khi So sánh là Đạt.",
            fill=True,
            kind="number",
        ),
        Column("text", "Yêu cầu như văn bản", 28, "Lời văn như quyết định; để trống thì ghi theo mức.", fill=True),
        Column("decision", "Văn bản", 26, "Số quyết định. Bắt buộc với mức của tỉnh.", fill=True),
        Column("compared", "Đã đối chiếu văn bản", 12, "Ghi x nếu đã đối chiếu mức này với văn bản (xác nhận).",
               fill=True, choices=(YES,) if overlay else ()),
        Column("state", "Tình trạng", 16),
        Column("row", "Dòng", 8, hidden=True),
        Column("seen", "Phiên bản", 8, hidden=True),
    ]  # fmt: skip


def workbook(criteria_set: CriteriaSet, place: Unit | None, year: int) -> bytes:
    """Every level of the place, of all years, and an empty row for each kind of commune without one in `year`."""
    overlay = Overlay(criteria_set, place)
    return _draw(overlay, _rows(overlay, year))


def _draw(overlay: Overlay, rows: Iterable[dict[str, Any]], with_reasons: bool = False) -> bytes:
    whose = overlay.place.full_name if overlay.place else "trung ương"
    return tables.draw(
        sheet_name=SHEET,
        title=f"Yêu cầu của {whose} – {overlay.set.name}",
        code=code_of(overlay.set, overlay.place),
        columns=columns(overlay),
        rows=rows,
        notes=[
            "Ghi vào các cột có tiêu đề xanh; các cột xám chỉ để xem.",
            f"Dòng trống là nơi chưa có mức của {whose}: bỏ trống thì không có gì thay đổi.",
            "Được lọc và ghi thêm ở các dòng trống cuối bảng. Không xóa cột, không gộp ô, không dùng công thức.",
            "Muốn sắp xếp thì bỏ khóa trang trước (Unprotect Sheet, không có mật khẩu); dòng xếp thế nào cũng được.",
            "Muốn thôi áp dụng một mức: ghi năm cuối vào “Đến hết năm”. Xóa dòng ở tệp không xóa mức trên hệ thống.",
            "Sửa một mức đã xác nhận thì mức đó trở lại chưa xác nhận, trừ khi ghi x ở “Đã đối chiếu văn bản”.",
            "Tải lên xong, hệ thống cho xem trước từng dòng rồi mới hỏi xác nhận.",
        ],
        with_reasons=with_reasons,
    )


def refused_workbook(upload: Upload) -> bytes:
    """The rows that weren't taken as they were typed, with the reasons. One that others had changed meanwhile takes
    the place of what its reader has now seen of it."""
    overlay = Overlay(_set_of(upload), upload.unit)
    table = tables.read(book_of(upload), SHEET, code_of(overlay.set, overlay.place), columns())
    told = {line["at"]: line for line in upload.plan["lines"] if line["outcome"] in {REFUSED, CONFLICT}}
    years = Overlay.years_of(overlay.set)
    year = min(max(today().year, years[0]), years[-1])
    rows = []
    for row in table.rows:
        if (line := told.get(row.at)) is None:
            continue
        listed = overlay.by_code.get(row.cells["indicator"], [])
        cells = tables.as_typed(row, table.columns)
        if len(listed) == 1:
            cells |= _about(listed[0])
            variant = next((code for code, name in overlay.variants.items() if name == row.cells["variant"]), "")
            bases = {cell.kind.variant: cell.base for cell in local_targets.cells(overlay, listed[0], year)}
            cells["base"] = _said(bases.get(variant)) if overlay.place else ""
        cells["row"] = line["row"]
        now = overlay.targets.get(int(line["row"])) if line["outcome"] == CONFLICT else None
        if line["outcome"] == CONFLICT or not line["row"]:
            # A level that is gone meanwhile, and a copy of a row that is its own, are new ones.
            cells["row"], cells["seen"] = (str(now.pk), version_of(now)) if now else ("", "")
        stands = f"nay là: {_level(now)}" if now else "nay không còn mức này"
        cells["reason"] = tables.reason_of(
            line, f"Mức đã đổi trên hệ thống sau khi tải bảng, {stands}. Nộp lại nếu vẫn muốn thay."
        )
        rows.append(cells)
    return _draw(overlay, rows, with_reasons=True)


def _rows(overlay: Overlay, year: int) -> Iterable[dict[str, Any]]:
    grid = local_targets.grid(overlay, year)
    lines = {line.indicator.pk: line for group in grid.groups for line in group.lines}
    for indicator in overlay.indicators.values():
        shown = _about(indicator) | {"indicator": indicator.code}
        line = lines.get(indicator.pk)
        bases = {cell.kind.variant: cell.base for cell in line.cells} if line else {}
        own = [overlay.targets[row.id] for row in overlay.rows[indicator.pk] if overlay.is_own(overlay.targets[row.id])]
        for target in own:
            yield shown | _target_cells(overlay, target, bases.get(target.variant))
        filled = {target.variant for target in own if target.unit_id is None}
        for cell in line.cells if line else []:
            if cell.own is None and cell.kind.variant not in filled:
                filled.add(cell.kind.variant)
                yield shown | {
                    "variant": overlay.variants.get(cell.kind.variant, GENERAL),
                    "base": _said(cell.base),
                    "state": "Chưa có mức riêng" if cell.base else "Chưa quy định mức",
                }


def _about(indicator: Indicator) -> dict[str, Any]:
    return {"criterion": indicator.criterion.number, "name": indicator.name, "measure": indicator.measure}


def _said(target: Target | None) -> str:
    return target.text + ("" if target.is_confirmed else " (chưa xác nhận)") if target else ""


def _target_cells(overlay: Overlay, target: Target, base: Target | None) -> dict[str, Any]:
    return {
        "variant": overlay.names.get(target.variant, target.variant) if target.variant else GENERAL,
        "unit": target.unit.code if target.unit else "",
        "from_year": target.from_year,
        "to_year": target.to_year,
        "base": _said(base) if overlay.place else "",
        "operator": OPERATORS[Operator(target.operator)],
        "value": target.value,
        "text": target.text,
        "decision": target.decision,
        "state": "Đã xác nhận" if target.is_confirmed else "Chưa xác nhận",
        "row": str(target.pk),
        "seen": version_of(target),
    }


# --- reading ---------------------------------------------------------------------------------


def allowed(user: Any, upload: Upload) -> Decision:
    return can(user, "reference.change", upload.unit_id)


def plan(upload: Upload, book: list[Sheet], progress: Progress) -> Plan:
    table, judged = _judge(Overlay(_set_of(upload), upload.unit), book, progress)
    counts = Counter(one.outcome for one in judged)
    return Plan(
        counts={outcome: counts[outcome] for outcome in OUTCOMES},
        lines=[_line(table, one) for one in judged if one.outcome != SAME],
    )


def write(upload: Upload, plan: Plan, by: Any) -> dict[str, Any]:
    """Write the clean rows under the lock, if they would still do what the plan says."""
    criteria_set = _set_of(upload)
    local_targets.lock(criteria_set)
    overlay = Overlay(criteria_set, upload.unit)
    table, judged = _judge(overlay, book_of(upload), lambda rows: None)
    if [_line(table, one) for one in judged if one.outcome != SAME] != plan.lines:
        raise UploadChanged
    written = overlay.write(judged, by)
    return {
        **{outcome: plan.counts[outcome] for outcome in OUTCOMES},
        "contradicted": local_targets.units_contradicted(criteria_set, written),
    }


def _set_of(upload: Upload) -> CriteriaSet:
    if upload.criteria_set is None:
        raise Refused("Bảng yêu cầu là của một bộ tiêu chí; chọn bộ tiêu chí rồi tải lên lại.")
    return upload.criteria_set


def _judge(overlay: Overlay, book: list[Sheet], progress: Progress) -> tuple[Table, list[Judged]]:
    table = tables.read(book, SHEET, code_of(overlay.set, overlay.place), columns())
    wanted = []
    for done, row in enumerate(table.rows, start=1):
        progress(done)
        if (found := _wanted(row, overlay)) is not None:
            wanted.append(found)
    if not wanted:
        raise Refused(f"Trang “{SHEET}” chưa có dòng nào được ghi mức. Ghi So sánh, Mức và Văn bản rồi tải lên.")
    judged = overlay.judge(wanted)
    for one in judged:
        if one.writes and one.demand is not None and _is_divided(one, one.demand):
            level, words = format_number(one.demand.value), demanded(one.demand.operator, one.demand.value, "%")
            one.outcome = REFUSED
            one.warnings.clear()
            one.errors["value"] = (
                f"Ô này chứa số {level}: bảng tính lưu “100 %” thành 1, “95 %” thành 0,95. Ghi số không kèm dấu %, "
                f"ví dụ 100. Nếu đúng là {level} %, ghi thêm lời văn “{words}” ở cột Yêu cầu như văn bản."
            )
    return table, judged


def _is_divided(one: Judged, demand: Demand) -> bool:
    """Whether a new level may be a per cent as spreadsheets keep it, and no text says that it isn't."""
    is_new = one.before is None or one.before.value != demand.value
    return is_new and local_targets.is_tiny(demand) and demand.value not in local_targets.figures_in(one.wanted.text)


def _wanted(row: Read, overlay: Overlay) -> Wanted | None:
    """The row as a wish; None for one that was left empty."""
    cells = row.cells
    typed = any(cells[key] for key in ("operator", "value", "text", "decision", "to_year", "compared"))
    if not (typed or row.problems or cells["row"]):
        return None
    problems = {key: f"{message[:1].upper()}{message[1:]}" for key, message in row.problems.items()}
    if cells["row"] and not any(cells[key] for key in ("operator", "value", "text")):
        problems.setdefault("operator", "Dòng này đang có mức mà bị xóa trắng; muốn thôi áp dụng, ghi “Đến hết năm”.")
    code = cells["indicator"]
    if "," in code:  # a number instead of a text: 17.10 has become 17.1
        code = code.replace(",", ".")
        if f"{code}0" in overlay.by_code:
            problems.setdefault("indicator", f"Không rõ là {code} hay {code}0: đặt ô dạng văn bản rồi ghi đủ mã.")
    return Wanted(
        at=row.at,
        indicator=code,
        variant=cells["variant"],
        unit=cells["unit"],
        from_year=cells["from_year"],
        to_year=cells["to_year"],
        operator=_SIGNS.get(cells["operator"].casefold(), cells["operator"]),
        value=cells["value"],
        text=cells["text"],
        decision=cells["decision"],
        row=cells["row"],
        seen=cells["seen"],
        compared=search_name(cells["compared"]) in {"x", "co"},
        problems=problems,
    )


def _line(table: Table, one: Judged) -> dict[str, Any]:
    """One row of the preview: where it stands, what it was and becomes, and why it isn't taken."""
    demand, before, wanted = one.demand, one.before, one.wanted
    return {
        "at": wanted.at,
        "outcome": one.outcome,
        "row": str(before.pk) if before and one.outcome == CONFLICT else wanted.row,
        "title": f"{wanted.indicator or '–'} · {wanted.unit or wanted.variant or GENERAL}",
        "before": _level(before) if before else "",
        "after": _level(demand) if demand else "",
        "errors": [[table.place(key), message] for key, message in one.errors.items()],
        "warnings": one.warnings,
        "notes": [
            *([UNCONFIRMS] if one.unconfirms and one.writes else []),
            *([CONFIRMS] if wanted.compared and one.writes else []),
        ],
    }


def _level(row: Any) -> str:
    """A level with its years and its paper, in one line."""
    value = f" [{OPERATORS[Operator(row.operator)]} {format_number(row.value)}]" if row.value is not None else ""
    years = f", từ năm {row.from_year}" if row.from_year else ""
    years += f", đến hết năm {row.to_year}" if row.to_year else ""
    return f"{row.text}{value}{years}{f' ({row.decision})' if row.decision else ''}"
