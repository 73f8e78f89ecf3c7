"""Còn thiếu gì trên địa bàn: the criteria and indicators that hold back most communes, in quantities, and who answers
for them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from communes.models import Unit
from criteria import targets
from criteria.departments import departments_on
from criteria.models import Indicator
from criteria.nouns import counted_noun
from criteria.numbers import format_number, round_half_up
from criteria.rollup import Item, whole_decides
from criteria.state import state_on
from criteria.wordings import worded
from reports.matrix import Matrix, per_cent
from reports.readiness import JUDGED_BY, NO_WORD, Opinion, as_judged
from reports.shortfalls import lack, shortfall
from reports.tables.asked import Asked
from reports.tables.figures import no_results
from reports.tables.table import Column, Kind, Line, Report, Share, Sum, Table

CRITERIA = (
    Column("number", "Tiêu chí", Kind.CENTRE, 9),
    Column("name", "Tên tiêu chí", Kind.TEXT, 40),
    Column("department", "Sở, ngành phụ trách", Kind.TEXT, 30),
    Column("held_back", "Số xã chưa đạt", Kind.WHOLE, 10, "Xã có kết quả mà tiêu chí chưa đạt, kể cả cơ bản đạt."),
    Column("with_opinion", "Xã có kết quả", Kind.WHOLE, 10),
    Column("share", "Tỷ lệ xã chưa đạt (%)", Kind.SHARE, 11),
    Column("nearly", "Trong đó cơ bản đạt", Kind.WHOLE, 10),
    Column("incomplete", "Trong đó chưa đánh giá đủ", Kind.WHOLE, 10),
)
INDICATORS = (
    Column("code", "Mã", Kind.CENTRE, 8),
    Column("name", "Chỉ tiêu", Kind.TEXT, 44),
    Column("department", "Sở, ngành phụ trách", Kind.TEXT, 30),
    Column("lacking", "Số xã chưa đạt", Kind.WHOLE, 9, "Chưa đạt, cơ bản đạt, hoặc đánh giá đạt trái với số liệu."),
    Column("nearly", "Trong đó cơ bản đạt", Kind.WHOLE, 9),
    Column("unassessed", "Số xã chưa đánh giá", Kind.WHOLE, 9),
    Column("average_gap", "Bình quân còn thiếu", Kind.PERCENT, 11, "Trên các xã chưa đạt đã nhập kết quả; theo ĐVT."),
    Column("measure", "ĐVT", Kind.CENTRE, 16),
    Column("counted", "Số xã tính được số lượng", Kind.WHOLE, 10, "Xã chưa đạt đã nhập số đạt và tổng số."),
    Column("amount", "Tổng còn thiếu", Kind.NUMBER, 11, "Số lượng cần thêm (hoặc bớt) để mọi xã này đạt yêu cầu."),
    Column("words", "Bằng lời", Kind.TEXT, 34),
)


@dataclass
class _Lacks:
    """What communes lack of one indicator."""

    lacking: int = 0
    nearly: int = 0
    unassessed: int = 0
    gaps: list[Decimal] = field(default_factory=list)
    items: list[Decimal | int] = field(default_factory=list)
    # Whether the items are to become fewer; a target may differ from commune to commune, its sense doesn't.
    is_excess: bool = False


def draw(asked: Asked) -> Report:
    result = asked.matrix()
    day = min(asked.as_of, asked.criteria_set.last_day)
    department = departments_on(asked.criteria_set, asked.area.province_id, asked.as_of)
    return Report(
        form="13",
        title="Còn thiếu gì trên địa bàn",
        subject=asked.subject,
        as_of=asked.as_of,
        tables=(_criteria(result, department), _indicators(asked, result, day, department)),
        criteria_set=asked.criteria_set,
        basis=asked.basis,
        moment=asked.moment,
        limited=result.limited,
        remarks=no_results(result) or (_counted(result),),
        definitions=(
            ("Xã được tính", "Xã đã được đánh giá ở mọi tiêu chí tại cấp nêu trên (xã có kết quả)."),
            ("Tổng còn thiếu", "Cộng phần còn thiếu của từng xã, mỗi xã theo yêu cầu của mình; chỉ cộng thứ đếm được."),
            ("Minh chứng, tồn tại", "Không tính ở biểu này; xem ở trang Tình hình thực hiện của từng xã."),
        ),
    )


def _counted(result: Matrix) -> str:
    return f"Tính trên {result.figures.with_opinion}/{result.figures.communes} xã có kết quả."


def _none(result: Matrix, none: str) -> str:
    """What a table without lines says: that nothing is missing only where somebody was judged."""
    known, communes = result.figures.with_opinion, result.figures.communes
    return none if known else f"Chưa có xã nào có kết quả (0/{communes})."


def _criteria(result: Matrix, department: dict[int, str]) -> Table:
    lines = []
    for total in result.hardest:
        criterion = total.criterion
        share = per_cent(total.held_back, total.with_opinion)
        lines.append(
            Line(
                (
                    str(criterion.number),
                    criterion.name,
                    department.get(criterion.id, ""),
                    total.held_back,
                    total.with_opinion,
                    Share(share, "held_back", "with_opinion"),
                    total.nearly,
                    total.incomplete,
                )
            )
        )
    if lines:
        held, nearly = (sum(getattr(t, name) for t in result.hardest) for name in ("held_back", "nearly"))
        incomplete = sum(total.incomplete for total in result.hardest)
        lines.append(Line((None, "Cộng", None, Sum(held), None, None, Sum(nearly), Sum(incomplete)), "total"))
    return Table(
        "tieu_chi",
        "Tiêu chí còn xã chưa đạt",
        CRITERIA,
        tuple(lines),
        empty=_none(result, "Không có tiêu chí nào còn xã chưa đạt."),
    )


def _indicators(asked: Asked, result: Matrix, day: Any, department: dict[int, str]) -> Table:
    rows = Indicator.objects.judged_on(day).filter(criterion__in=[criterion.id for criterion in result.criteria])
    listed = list(rows.select_related("criterion").order_by("criterion__number", "position", "pk"))
    listed = worded(listed, asked.criteria_set, day)
    counted = [row.unit_id for row in result.rows if row.counts]
    lacks = _lacks(asked, counted, listed, day)
    lines = []
    for indicator in sorted(lacks, key=lambda one: -lacks[one].lacking):
        found = lacks[indicator]
        noun = _countable(indicator)
        amount = sum(found.items) if found.items and noun else None
        gap = round_half_up(sum(found.gaps, Decimal(0)) / len(found.gaps), 2) if found.gaps else None
        lines.append(
            Line(
                (
                    indicator.code,
                    indicator.name,
                    department.get(indicator.criterion_id, ""),
                    found.lacking,
                    found.nearly,
                    found.unassessed,
                    gap,
                    "điểm %" if indicator.measure == "%" else indicator.measure,
                    len(found.items) if amount is not None else None,
                    amount,
                    _words(found, amount, noun),
                )
            )
        )
    if lines:
        total = [sum(getattr(found, name) for found in lacks.values()) for name in ("lacking", "nearly", "unassessed")]
        lines.append(Line((None, "Cộng", None, *map(Sum, total), *(None,) * 5), "total"))
    return Table(
        "chi_tieu",
        "Chỉ tiêu còn xã chưa đạt",
        INDICATORS,
        tuple(lines),
        empty=_none(result, "Không có chỉ tiêu nào còn xã chưa đạt."),
    )


def _lacks(asked: Asked, unit_ids: list[int], listed: list[Indicator], day: Any) -> dict[Indicator, _Lacks]:
    """What the communes lack, by indicator; those nobody lacks are left out. Six queries at most."""
    moment = asked.moment
    units = list(Unit.objects.filter(pk__in=unit_ids))
    indicators = [indicator for indicator in listed if not indicator.for_history]
    demanded = targets.resolve_area(units, asked.criteria_set, day, indicators, asked.known_at)
    said = state_on(
        unit_ids,
        asked.criteria_set,
        [asked.stage],
        moment.day if moment else None,
        moment.known_at if moment else None,
        only=[indicator.pk for indicator in listed],
        more=JUDGED_BY if moment else (),
    )
    by_old_table = _by_old_tables(said, listed)
    found: dict[Indicator, _Lacks] = defaultdict(_Lacks)
    for unit in unit_ids:
        for indicator in indicators:
            target = demanded[unit][indicator.pk]
            if (unit, indicator.criterion_id) in by_old_table or (indicator.part_of_id and not target.operator):
                continue
            row = said.get((asked.stage, unit, indicator.pk))
            opinion = _opinion(row) if row else NO_WORD
            target = as_judged(target, opinion)
            kind = lack(target, opinion)
            if not kind:
                continue
            mine = found[indicator]
            if kind == "unassessed":
                mine.unassessed += 1
                continue
            mine.lacking += 1
            mine.nearly += kind == "nearly_met"
            mine.is_excess |= target.operator == "<="
            short = shortfall(target, opinion)
            if short.own:
                mine.gaps.append(short.own)
            items = short.own if indicator.kind == Indicator.Kind.COUNT else short.items
            if items:
                mine.items.append(items)
    return found


def _opinion(row: dict[str, Any]) -> Opinion:
    judged_by = tuple(row[name] for name in JUDGED_BY) if JUDGED_BY[0] in row else None
    return Opinion(row["verdict"], row["value"], row["part"], row["whole"], judged_by=judged_by)


def _by_old_tables(said: dict[tuple[str, int, int], dict[str, Any]], listed: list[Indicator]) -> set[tuple[int, int]]:
    """(unit, criterion) where an old table's judgement of the whole criterion decides: its indicators say nothing."""
    of = {indicator.pk: indicator for indicator in listed}
    history = {(unit, of[pk].criterion_id) for (_, unit, pk), row in said.items() if of[pk].for_history}
    items: dict[tuple[int, int], list[Item]] = defaultdict(list)
    for (_, unit, pk), row in said.items():
        indicator = of[pk]
        if (unit, indicator.criterion_id) in history and (row["verdict"] or not indicator.for_history):
            items[unit, indicator.criterion_id].append(
                Item(
                    pk,
                    indicator.criterion.number,
                    row["verdict"],
                    None,
                    is_whole=indicator.for_history,
                    since=(0, row["effective_on"]),
                )
            )
    return {key for key, own in items.items() if whole_decides(own)}


def _countable(indicator: Indicator) -> str:
    """What is counted one by one and so can be added up over communes; "" for a share or a measure."""
    if indicator.kind == Indicator.Kind.COUNT:
        return indicator.measure
    return counted_noun(indicator) if indicator.kind == Indicator.Kind.PERCENT else ""


def _words(found: _Lacks, amount: Decimal | int | None, noun: str) -> str:
    """ "Còn thiếu 1.234 hộ ở 12 xã"; "" where it can't be added up."""
    if amount is None:
        return ""
    verb = "Cần giảm" if found.is_excess else "Còn thiếu"
    return f"{verb} {format_number(amount, 2)} {noun} ở {len(found.items)} xã"
