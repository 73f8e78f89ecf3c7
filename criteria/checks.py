"""What may be recorded as an opinion on an indicator, by whoever gives it.

The commune's entry and the team's score go through the same `judge`; publishing goes
through `contradiction` once more, since a target may have been confirmed meanwhile.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from communes.models import Unit
from criteria import attainment as rules
from criteria.models import CriteriaSet, Indicator
from criteria.numbers import format_number, ratio
from criteria.verdicts import Verdict
from ntm.clock import today

if TYPE_CHECKING:
    from criteria.targets import Resolved

MISSES_TARGET = "misses_target"
HUNDRED = Decimal(100)


class Refused(Exception):
    """An opinion that can't be recorded: messages by field, and a code for the special case."""

    def __init__(self, errors: dict[str, str], code: str = "") -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors
        self.code = code


class Judged(NamedTuple):
    """An opinion fit to be stored: the per cent follows from part and whole, the attainment from the rules."""

    verdict: str
    value: Decimal | None
    part: Decimal | None
    whole: Decimal | None
    entered_attainment: Decimal | None
    attainment: Decimal | None
    note: str

    @property
    def is_empty(self) -> bool:
        """Nothing said: the row is (again) not assessed."""
        return self.verdict == "" and self.value is None and self.entered_attainment is None and self.note == ""


def judge(
    indicator: Indicator,
    target: Resolved,
    *,
    verdict: str = "",
    value: Decimal | None = None,
    part: Decimal | None = None,
    whole: Decimal | None = None,
    entered_attainment: Decimal | None = None,
    note: str = "",
    by_team: bool = False,
) -> Judged:
    """Check an opinion against the indicator and its target in force; return what to store.

    Raises Refused with a message per field (value, part, whole, verdict,
    entered_attainment, note); code MISSES_TARGET where a met stands against a confirmed
    target (DESIGN §2 rule 4). Where one is confirmed, a met needs its figure.
    """
    if verdict == Verdict.NOT_APPLICABLE:
        value = part = whole = entered_attainment = None
    errors = _verdict_errors(indicator, verdict, note, by_team) | number_errors(
        indicator, value, part, whole, entered_attainment
    )
    if errors:
        raise Refused(errors)
    if part is not None:
        value = ratio(part, whole)

    measured = rules.measured(value, part, whole)
    if verdict in rules.MET_VERDICTS and measured is None and _binds(target):
        # A blank would otherwise be the way around the target.
        raise Refused({"value": f"Nhập kết quả thực hiện để đánh giá đạt: yêu cầu {target.text}."})
    message = contradiction(target, verdict, measured)
    if message:
        raise Refused({"verdict": message}, MISSES_TARGET)
    if rules.reaches(target.operator or None, target.value, measured) is not None or verdict in rules.MET_VERDICTS:
        entered_attainment = None
    return Judged(
        verdict=verdict,
        value=value,
        part=part,
        whole=whole,
        entered_attainment=entered_attainment,
        attainment=rules.attainment(target.operator or None, target.value, measured, verdict, entered_attainment),
        note=note,
    )


def judge_history(
    target: Resolved,
    *,
    verdict: str,
    value: Decimal | None,
    part: Decimal | None,
    whole: Decimal | None,
    entered_attainment: Decimal | None,
    note: str,
) -> Judged:
    """An imported state of the past as it was told: only a met that a confirmed target
    contradicts is refused (Refused); old tables often have a mark and no figure."""
    measured = rules.measured(value, part, whole)
    message = contradiction(target, verdict, measured)
    if message:
        raise Refused({"verdict": message}, MISSES_TARGET)
    attained = rules.attainment(target.operator or None, target.value, measured, verdict, entered_attainment)
    return Judged(verdict, value, part, whole, entered_attainment, attained, note)


def _verdict_errors(indicator: Indicator, verdict: str, note: str, by_team: bool) -> dict[str, str]:
    if verdict == Verdict.FIRMLY_MET and not by_team:
        return {"verdict": "“Đạt vững chắc” chỉ do đoàn kiểm tra đánh giá."}
    if verdict == Verdict.NOT_APPLICABLE and not indicator.may_be_not_applicable:
        return {"verdict": "Chỉ tiêu này không có trường hợp không áp dụng."}
    if verdict == Verdict.NOT_APPLICABLE and not note:
        return {"note": "Nêu lý do không áp dụng."}
    return {}


def number_errors(
    indicator: Indicator,
    value: Decimal | None,
    part: Decimal | None,
    whole: Decimal | None,
    entered_attainment: Decimal | None,
) -> dict[str, str]:
    """Why these figures can't be an indicator's, by field; whatever the verdict."""
    errors: dict[str, str] = {}
    kind = indicator.kind
    if kind == Indicator.Kind.BOOLEAN and value is not None:
        errors["value"] = "Chỉ tiêu này không nhập số; hãy chọn mức đánh giá."
    elif kind == Indicator.Kind.PERCENT and indicator.measure in {"", "%"} and value is not None and value > HUNDRED:
        errors["value"] = "Tỷ lệ không được lớn hơn 100 %."
    elif kind == Indicator.Kind.COUNT and value is not None and value % 1:
        errors["value"] = "Số lượng phải là số nguyên."
    if entered_attainment is not None and not 0 <= entered_attainment <= HUNDRED:
        errors["entered_attainment"] = "Mức độ đạt phải trong khoảng 0–100 %."
    return errors | _fraction_errors(kind, part, whole)


def _fraction_errors(kind: str, part: Decimal | None, whole: Decimal | None) -> dict[str, str]:
    if part is None and whole is None:
        return {}
    if kind != Indicator.Kind.PERCENT:
        return {"part": "Chỉ tiêu tính theo tỷ lệ mới nhập số đạt trên tổng số."}
    if part is None or whole is None:
        return {"part" if part is None else "whole": "Nhập cả số đạt và tổng số, hoặc chỉ nhập tỷ lệ."}
    if whole == 0:
        return {"whole": "Tổng số phải lớn hơn 0."}
    if part > whole:
        return {"part": f"Số đạt ({format_number(part)}) không được lớn hơn tổng số ({format_number(whole)})."}
    return {}


def _binds(target: Resolved) -> bool:
    return target.confirmed and target.operator in rules.NUMERIC_OPERATORS


def contradiction(target: Resolved, verdict: str, measured: Decimal | None) -> str:
    """Why this verdict can't stand against the target, in words; empty when it can."""
    if not rules.contradicts(verdict, target.operator or None, target.value, target.confirmed, measured):
        return ""
    return (
        f"Kết quả {format_number(measured, 2)} chưa đạt yêu cầu {target.text} ({target.reason}). "
        "Hãy chọn “Cơ bản đạt” hoặc “Chưa đạt”, hoặc báo yêu cầu sai nếu mức này không đúng."
    )


def format_day(day: date) -> str:
    """31/12/2025, the year always of four digits: strftime leaves the year 1 as "1"."""
    return f"{day.day:02}/{day.month:02}/{day.year:04}"


def check_day(day: date, unit: Unit, criteria_set: CriteriaSet) -> str:
    """Why a state of this unit under this set can't hold on that day; empty when it can."""
    named = format_day(day)
    if day > today():
        return f"Ngày {named} ở tương lai; chỉ ghi kết quả đã có."
    if not criteria_set.first_day <= day <= criteria_set.last_day:
        return f"Ngày {named} ngoài giai đoạn {criteria_set.period} của bộ tiêu chí."
    if not unit.exists_on(day):
        return f"Ngày {named} ngoài thời gian tồn tại của {unit.full_name}."
    return ""


def latest_day(unit: Unit, criteria_set: CriteriaSet) -> date:
    """The last day a state can hold on: today, or the end of the set's period."""
    return min(today(), criteria_set.last_day)
