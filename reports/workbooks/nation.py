"""The nation's communes against a set's indicators: one sheet of 8,248 × 57, province by province.

Row after row goes to the disk (XlsxWriter's constant_memory): the nation takes the memory of its marks, some
600 bytes a commune. Drawn as a background job (`reports.builders`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from datetime import date
from typing import Any, BinaryIO

from communes.models import Unit
from communes.roster import rural_communes_on
from criteria.models import Assessment, CriteriaSet, Criterion, Indicator, Standing
from criteria.rollup import STATES_THAT_COUNT_AS_MET
from criteria.state import Moment, state_on
from criteria.verdicts import NO_OPINION, VERDICTS
from criteria.wordings import worded
from ntm.snapshot import snapshot
from reports.house import House
from reports.jobs import Progress
from reports.matrix import STAGES
from reports.nation import Nation, ProvinceLine, Standings, nation, provinces_table
from reports.workbooks.layout import (  # fmt: skip
    A3,
    MARKS,
    Book,
    Column,
    Heading,
    Sheet,
    column_letter,
    day_part,
    day_text,
    definitions,
)
from reports.workbooks.matrix import roman
from reports.workbooks.tables import draw_table

Told = Iterable[tuple[int, int, str]]  # unit, indicator, verdict
LEFT = 4  # columns before the indicators: TT, xã, mã xã, huyện
HOUSE = House()  # the nation's own workbook has no province's marks
AGENCY = ("CHƯƠNG TRÌNH MỤC TIÊU QUỐC GIA", "XÂY DỰNG NÔNG THÔN MỚI")
FORM = "01-TW"


def nation_workbook(
    criteria_set: CriteriaSet,
    stage: str,
    user: Any,
    progress: Progress,
    target: BinaryIO,
    moment: Moment | None = None,
) -> str:
    """Write the workbook to `target`; its file name. `progress` is told what is being done and how far it is.

    Now some three queries a province, all of one moment; as at a past one at most fifteen. Raises KeyError for an
    unknown stage.
    """
    with nullcontext() if moment else snapshot():
        result = nation(
            criteria_set, stage, moment, lambda done, of: progress(done, 2 * of, "Đang tính số liệu các tỉnh")
        )
        indicators = _indicators(criteria_set, result.as_of)
        provinces: Iterable[_Province] = (_Province(result, line, indicators) for line in result.provinces)
        if not moment:  # the past stays as it is while it is drawn
            provinces = list(provinces)
    book = Book(f"Tổng hợp cả nước {criteria_set.name}", result.as_of, target=target)
    lines = (criteria_set.name, f"Căn cứ: {STAGES[stage]}")

    def drawn(done: int, of: int) -> None:
        # What was worked out before is the first half of a past day's work.
        progress(*((of + done, 2 * of) if moment else (done, of)), "Đang lập các trang biểu")

    def heading(letter: str, title: str) -> Heading:
        return Heading(f"{FORM}{letter}", AGENCY, title, lines, result.as_of)

    draw_table(book, "Theo tỉnh", heading("a", "TỔNG HỢP CẢ NƯỚC THEO TỈNH"), provinces_table(result))
    _communes(book, heading("b", "KẾT QUẢ TỪNG CHỈ TIÊU CỦA CÁC XÃ"), result, indicators, provinces, drawn)
    definitions(book, heading("c", "GIẢI THÍCH"), _definitions(result, user, indicators))
    book.close()
    return f"Bieu-{FORM}_CaNuoc_{day_part(result.as_of)}.xlsx"


def _indicators(criteria_set: CriteriaSet, as_of: date) -> list[Indicator]:
    day = min(as_of, criteria_set.last_day)
    listed = Indicator.objects.filter(criterion__criteria_set=criteria_set).in_force(day).exclude(for_history=True)
    ordered = listed.select_related("criterion").order_by("criterion__number", "position", "pk")
    return worded(ordered, criteria_set, day)


def _communes(
    book: Book,
    heading: Heading,
    result: Nation,
    indicators: list[Indicator],
    provinces: Iterable[_Province],
    progress: Callable[[int, int], None],
) -> None:
    last = LEFT + len(indicators)
    sheet = book.sheet(
        "Theo chỉ tiêu",
        heading,
        [
            Column("TT", 6),
            Column("Tên xã", 20),
            Column("Mã xã", 8),
            Column("Huyện", 20),
            *(Column(indicator.code, 4.6) for indicator in indicators),
            Column("Xã có kết quả", 8),
            Column("Số tiêu chí đạt", 9),
            Column("Số tiêu chí cơ bản đạt", 9),
            Column("Tiến độ chung (%)", 9),
        ],
        paper=A3,
        above=_above(indicators),
    )
    groups: list[int] = []
    totals = [0] * (len(indicators) + 3)
    done, all_of_them = 0, result.figures.communes
    for number, province in enumerate(provinces, 1):
        groups.append(sheet.row)
        counts = province.draw(sheet, number)
        totals = [total + count for total, count in zip(totals, counts, strict=True)]
        done += province.communes
        progress(done, all_of_them)
    # As many cells as there are provinces are fewer than a function takes.
    sheet.fill("total", range(last + 4))
    sheet.text(1, "Cả nước", "total")
    for place, total in enumerate(totals, LEFT):
        cells = ",".join(f"{column_letter(place)}{row + 1}" for row in groups)
        if cells:
            sheet.formula(place, f"=SUM({cells})", total, "total_whole")
    figures = result.figures
    if figures.progress is not None:
        area = sheet.area(last + 3, sheet.first, sheet.row - 1)
        sheet.formula(last + 3, f"=ROUND(AVERAGE({area}),2)", figures.progress, "total_percent")
    sheet.end_row()
    sheet.filter(sheet.row - 2)
    sheet.signatures()


def _above(indicators: list[Indicator]) -> list[tuple[int, int, str]]:
    found: dict[Criterion, list[int]] = {}
    for place, indicator in enumerate(indicators, LEFT):
        found.setdefault(indicator.criterion, []).append(place)
    return [(places[0], places[-1], f"{it.number}. {it.name}") for it, places in found.items()]


class _Province:
    """The communes of one province, read at once: their marks by indicator, their standings where they count."""

    def __init__(self, result: Nation, line: ProvinceLine, indicators: list[Indicator]) -> None:
        self.name, self.communes = line.name, line.communes
        self.ids = [indicator.pk for indicator in indicators]
        self.members = rural_communes_on(Unit.objects.only("level").get(pk=line.unit_id), result.as_of)
        # Named one by one: PostgreSQL reads the whole table of the nation's assessments for a subquery.
        units = [member.id for member in self.members]
        verdicts: dict[int, dict[int, str]] = {unit: {} for unit in units}
        if result.moment:
            told, self.standings = self._read_at(result, result.moment, units), line.standings or {}
        else:
            told, self.standings = self._read_now(result, units)
        for unit, indicator, verdict in told:
            verdicts[unit][indicator] = verdict
        self.marks = {unit: [own.get(pk, "") for pk in self.ids] for unit, own in verdicts.items()}

    def _read_now(self, result: Nation, units: list[int]) -> tuple[Told, Standings]:
        told = Assessment.objects.filter(unit__in=units, stage=result.stage, indicator__in=self.ids)
        rows = Standing.objects.filter(unit__in=units, criteria_set=result.criteria_set, stage=result.stage)
        columns = ("unit_id", "criteria_met", "criteria_nearly", "progress", "criteria_not_assessed")
        standings = {
            unit: (met, nearly, attained)
            for unit, met, nearly, attained, silent in rows.values_list(*columns)
            if silent == 0
        }
        return told.order_by().values_list("unit_id", "indicator_id", "verdict"), standings

    def _read_at(self, result: Nation, moment: Moment, units: list[int]) -> Told:
        told = state_on(units, result.criteria_set, [result.stage], *moment, only=self.ids)
        return [(unit, indicator, row["verdict"]) for (_, unit, indicator), row in told.items()]

    def draw(self, sheet: Sheet, number: int) -> list[int]:
        """Write the province's row with its counts, then its communes.

        How many communes meet each indicator, count at all, and their criteria met and nearly.
        """
        known = [self.marks[member.id] for member in self.members if member.id in self.standings]
        counts = [sum(state in STATES_THAT_COUNT_AS_MET for state in column) for column in zip(*known, strict=True)]
        counts = counts or [0] * len(self.ids)
        standings = self.standings.values()
        counts += [len(known), sum(met for met, _, _ in standings), sum(nearly for _, nearly, _ in standings)]
        first, known_at = sheet.row + 1, LEFT + len(self.ids)
        sheet.fill("group", range(known_at + 4))
        sheet.text(0, roman(number), "group_centre")
        sheet.text(1, self.name, "group")
        end = first + len(self.members) - 1
        counted = sheet.area(known_at, first, end)
        for place, count in enumerate(counts, LEFT):
            cells = sheet.area(place, first, end)
            formula = f"SUM({cells})"
            if place < known_at:
                formula = "+".join(f'COUNTIFS({cells},"{mark}",{counted},1)' for mark in HOUSE.marks_met)
            sheet.formula(place, f"={formula}", count, "group_whole")
        sheet.end_row()
        self._rows(sheet, known_at)
        return counts

    def _rows(self, sheet: Sheet, known_at: int) -> None:
        formats = sheet.formats
        text, number, blank = sheet.sheet.write_string, sheet.sheet.write_number, sheet.sheet.write_blank
        centre, plain, whole, percent = (formats[name] for name in ("centre", "text", "whole", "percent"))
        for place, member in enumerate(self.members, 1):
            row = sheet.row
            number(row, 0, place, centre)
            text(row, 1, member.name, plain)
            text(row, 2, member.code, centre)
            text(row, 3, member.district, plain)
            sheet.marks(LEFT, self.marks[member.id])
            standing = self.standings.get(member.id)
            if standing:
                met, nearly, attained = standing
                number(row, known_at, 1, centre)
                number(row, known_at + 1, met, whole)
                number(row, known_at + 2, nearly, whole)
                number(row, known_at + 3, float(attained), percent)
            else:
                for column in range(known_at, known_at + 4):
                    blank(row, column, None, centre)
            sheet.row += 1


def _definitions(result: Nation, user: Any, indicators: list[Indicator]) -> list[tuple[str, str]]:
    key = ", ".join(
        f"{MARKS[state]}: {VERDICTS[state].label.lower()}" for state in MARKS if state in VERDICTS and MARKS[state]
    )
    return [
        ("Phạm vi", "Mọi xã (không gồm phường, thị trấn) tồn tại vào ngày tính số liệu, theo tỉnh."),
        ("Bộ tiêu chí", f"{result.criteria_set.name}, giai đoạn {result.criteria_set.period}"),
        ("Căn cứ đánh giá", STAGES[result.stage]),
        ("Tính đến ngày", day_text(result.as_of)),
        ("Người lập", user.get_full_name()),
        ("Ký hiệu", key),
        ("Ô để trống", f"{NO_OPINION[result.stage]} hoặc chưa có số liệu; không phải bằng 0."),
        ("Xã có kết quả", "Xã đã được đánh giá ở mọi tiêu chí (ghi 1). Mọi tổng số, bình quân tính trên số xã này."),
        ("Dòng tỉnh", "Số xã đạt từng chỉ tiêu: đạt vững chắc, đạt và không áp dụng; không gồm cơ bản đạt."),
        *((f"Chỉ tiêu {indicator.code}", indicator.name) for indicator in indicators),
    ]
