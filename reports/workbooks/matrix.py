"""Biểu số 01: the communes of an area against a set. Figures are `reports.matrix`'s, as on the screen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from operator import add
from typing import Any

from django.db.models import Max

from criteria.models import Assessment, Indicator, Revision, Standing
from criteria.numbers import round_half_up
from criteria.rollup import STATES_THAT_COUNT_AS_MET
from criteria.verdicts import NO_OPINION, STATES
from criteria.wordings import worded
from reports.house import House
from reports.matrix import STAGES, Matrix, Row, per_cent
from reports.workbooks.layout import (
    A3,
    A4,
    Book,
    Column,
    Heading,
    Sheet,
    column_letter,
    count_any,
    day_text,
    definitions,
    file_name,
    known_text,
)

FORM = "01"
ROMAN = ((100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))
LEFT = 3  # columns before the marks: TT, Tên xã, Mã


def matrix_name(result: Matrix, house: House) -> str:
    known_at = result.moment.known_at if result.moment else None
    return file_name(house.form(FORM), result.area.name, result.as_of, known_at)


@dataclass(frozen=True, slots=True)
class ByIndicator:
    """The verdicts of a matrix's communes by indicator: `marks` by commune, in the order of `indicators`, "" for none.

    `newest`: when a standing of theirs changed last.
    """

    indicators: list[Indicator]
    marks: dict[int, list[str]]
    newest: datetime | None


def by_indicator(result: Matrix) -> ByIndicator:
    """Read what the matrix leaves out. Three queries; in one `snapshot` with the matrix's own, so that both agree."""
    own = {criterion.id for criterion in result.criteria}
    day = min(result.as_of, result.criteria_set.last_day)
    listed = Indicator.objects.filter(criterion__criteria_set=result.criteria_set).in_force(day)
    ordered = worded(listed.order_by("criterion__number", "position", "pk"), result.criteria_set, day)
    indicators = [row for row in ordered if row.criterion_id in own]
    verdicts: dict[int, dict[int, str]] = defaultdict(dict)
    opinions: Any = Revision.objects.state_on(*result.moment) if result.moment else Assessment.objects.all()
    judged = {"unit__in": [row.unit_id for row in result.rows], "stage": result.stage}
    told = opinions.filter(indicator__criterion__criteria_set=result.criteria_set, **judged)
    for unit, indicator, verdict in told.order_by().values_list("unit_id", "indicator_id", "verdict"):
        verdicts[unit][indicator] = verdict
    ids = [row.pk for row in indicators]
    marks = {row.unit_id: [verdicts[row.unit_id].get(pk, "") for pk in ids] for row in result.rows}
    newest = Standing.objects.filter(criteria_set=result.criteria_set, **judged).aggregate(at=Max("updated_at"))["at"]
    return ByIndicator(indicators, marks, newest)


def matrix_workbook(
    result: Matrix, told: ByIndicator, user: Any, house: House, on_row: Callable[[], None] | None = None
) -> bytes:
    """Draw the workbook: communes × criteria, communes × indicators, summary, definitions.

    The caller refuses an area without communes. `on_row` is called after each row.
    """
    book = Book(f"Bảng tổng hợp theo xã, {result.area.full_name}", result.as_of, house, on_row=on_row)
    lines = (result.criteria_set.name, f"Căn cứ: {STAGES[result.stage]}. {_marks_key(house)}")

    def heading(letter: str, title: str, *, with_key: bool = True) -> Heading:
        kept = lines if with_key else (lines[0], f"Căn cứ: {STAGES[result.stage]}")
        number, title = house.form(FORM, letter), f"{title} {result.area.full_name}".upper()
        return Heading(number, house.agency, title, kept, result.as_of)

    _criteria(book, heading("a", "Kết quả thực hiện tiêu chí của các xã,"), result, house)
    _indicators(book, heading("b", "Kết quả thực hiện chỉ tiêu của các xã,"), result, told, house)
    _summary(book, heading("c", "Tổng hợp kết quả,", with_key=False), result)
    definitions(book, heading("d", "Giải thích,", with_key=False), _definitions(result, told, user, house))
    return book.bytes()


def _marks_key(house: House) -> str:
    return "Ký hiệu: " + ", ".join(f"{mark} = {STATES[state].label}" for state, mark in house.marks.items() if mark)


def _criteria(book: Book, heading: Heading, result: Matrix, house: House) -> None:
    titles = [f"{criterion.number}. {criterion.name}" for criterion in result.criteria]
    marks = {row.unit_id: row.states or ("",) * len(titles) for row in result.rows}
    table = Table(book, "Theo tiêu chí", heading, result, house, titles, marks, 5, head="head_up")
    table.draw()
    table.signatures()


def _indicators(book: Book, heading: Heading, result: Matrix, told: ByIndicator, house: House) -> None:
    above = []
    for criterion in result.criteria:
        places = [place for place, row in enumerate(told.indicators, LEFT) if row.criterion_id == criterion.id]
        if places:
            above.append((places[0], places[-1], f"{criterion.number}. {criterion.name}"))
    titles = [row.code for row in told.indicators]
    table = Table(
        book, "Theo chỉ tiêu", heading, result, house, titles, told.marks, 4.6, paper=A3, with_totals=False, above=above
    )
    table.draw()
    table.signatures()


class Table:
    """Communes in rows, marks in columns, groups by district, totals as live formulas.

    `marks`: by commune the verdict or state in each of the columns `titles`, "" for none.
    """

    def __init__(
        self,
        book: Book,
        name: str,
        heading: Heading,
        result: Matrix,
        house: House,
        titles: Sequence[str],
        marks: Mapping[int, Sequence[str]],
        width: float,
        *,
        paper: int = A4,
        with_totals: bool = True,
        head: str = "head",
        above: Sequence[tuple[int, int, str]] = (),
    ) -> None:
        self.result, self.house, self.marks, self.with_totals = result, house, marks, with_totals
        ends = [
            Column("Số tiêu chí đạt", 9),
            Column("Số tiêu chí cơ bản đạt", 9),
            Column("Tiến độ chung (%)", 9),
        ]
        self.sheet: Sheet = book.sheet(
            name,
            heading,
            [
                Column("TT", 5),
                Column("Tên xã", 20),
                Column("Mã xã", 8),
                *(Column(title, width, head) for title in titles),
                Column("Xã có kết quả", 8),
                *(ends if with_totals else []),
            ],
            paper=paper,
            above=above,
        )
        self.known = LEFT + len(titles)  # the column that says 1 where the commune has an opinion
        self.group_rows: list[int] = []

    def draw(self) -> None:
        groups = self.result.groups
        grouped = len(groups) > 1 or bool(groups and groups[0].name)
        for place, group in enumerate(groups, 1):
            if grouped:
                self._group(place, group.name, group.rows)
            for number, row in enumerate(group.rows, 1):
                self._commune(number, row)
        last = self.sheet.row - 1
        self.sheet.filter(last)
        self._totals(last)

    def signatures(self) -> None:
        self.sheet.signatures()

    def _commune(self, number: int, row: Row) -> None:
        sheet = self.sheet
        sheet.number(0, number, "centre")
        sheet.text(1, row.name)
        sheet.text(2, row.code, "centre")
        sheet.marks(LEFT, self.marks[row.unit_id])
        if row.is_partial:
            # Text, which no total counts: judged in some criteria only.
            sheet.text(self.known, f"{row.assessed}/{len(row.states)}", "centre")
        else:
            sheet.number(self.known, 1 if row.counts else None, "centre")
        if self.with_totals:
            if row.is_partial:
                sheet.text(self.known + 1, f"{row.met}/{len(row.states)}", "centre")
                sheet.text(self.known + 2, str(row.nearly or ""), "centre")
            elif row.counts:
                marks = f"{_cell(LEFT, sheet.row)}:{_cell(self.known - 1, sheet.row)}"
                sheet.formula(self.known + 1, f"={count_any(marks, self.house.marks_met)}", row.met, "whole")
                nearly = f"={count_any(marks, [self.house.marks['nearly_met']])}"
                sheet.formula(self.known + 2, nearly, row.nearly, "whole")
            else:
                sheet.fill("whole", [self.known + 1, self.known + 2])
            sheet.number(self.known + 3, row.progress if row.counts else None, "percent")
        sheet.end_row()

    def _group(self, place: int, name: str, rows: Sequence[Row]) -> None:
        """A district's row: its communes that meet each criterion, counted below it."""
        sheet = self.sheet
        self.group_rows.append(sheet.row)
        sheet.text(0, roman(place), "group_centre")
        sheet.text(1, name, "group")
        sheet.fill("group", [2])
        first, last = sheet.row + 1, sheet.row + len(rows)
        self._figures(rows, partial(sheet.area, first=first, last=last), "group", counted_anew=True)
        sheet.end_row()

    def _totals(self, last: int) -> None:
        """Số xã đạt, Tỷ lệ (%) and Bình quân over the whole area."""
        sheet, rows = self.sheet, self.result.rows
        column_of = range(sheet.last_column + 1)
        sheet.fill("total", column_of)
        sheet.text(1, "Số xã đạt", "total")
        met_row = sheet.row
        if self.group_rows:
            self._figures(rows, self._group_cells, "total", counted_anew=False)
        else:
            self._figures(rows, partial(sheet.area, first=sheet.first, last=last), "total", counted_anew=True)
        sheet.end_row()
        sheet.fill("total", column_of)
        sheet.text(1, "Tỷ lệ (%)", "total")
        known = sum(row.counts for row in rows)
        all_known = _cell(self.known, met_row)
        for place, met in enumerate(self._met(rows), LEFT):
            cell = _cell(place, met_row)
            share = per_cent(met, known)
            sheet.formula(place, f'=IF({all_known}>0,ROUND({cell}/{all_known}*100,1),"")', share, "total_share")
        sheet.formula(
            self.known,
            f'=ROUND({all_known}/COUNTIF({sheet.area(0, sheet.first, last)},">0")*100,1)',
            per_cent(known, len(rows)),
            "total_share",
        )
        sheet.end_row()
        if self.with_totals:
            figures = self.result.figures
            nearly = round_half_up(Decimal(figures.criteria_nearly or 0) / known, 2) if known else None
            sheet.fill("total", column_of)
            sheet.text(1, "Bình quân một xã", "total")
            for offset, value in ((1, figures.average_met), (2, nearly), (3, figures.progress)):
                total = _cell(self.known + offset, met_row)
                if offset == 3:
                    # The mean of the communes' own figures: blank cells and text don't enter it, group rows hold none.
                    formula = f"ROUND(AVERAGE({sheet.area(self.known + 3, sheet.first, last)}),2)"
                else:
                    formula = f"ROUND({total}/{all_known},2)"
                sheet.formula(self.known + offset, f'=IF({all_known}>0,{formula},"")', value, "total_percent")
            sheet.end_row()

    def _figures(self, rows: Sequence[Row], cells: Callable[[int], str], style: str, *, counted_anew: bool) -> None:
        """One row of counts: over marks where `counted_anew`, else over the group rows' counts."""
        sheet = self.sheet
        counted, marks = cells(self.known), self.house.marks_met
        for place, met in enumerate(self._met(rows), LEFT):
            area = cells(place)
            formula = f"SUM({area})"
            if counted_anew:
                # Only over communes with a 1 in the column of those that count.
                formula = "+".join([f'COUNTIFS({area},"{mark}",{counted},1)' for mark in marks])
            sheet.formula(place, f"={formula}", met, f"{style}_whole")
        known = sum(row.counts for row in rows)
        sheet.formula(self.known, f"=SUM({counted})", known, f"{style}_whole")
        if self.with_totals:
            for offset, value in (
                (1, sum(row.met or 0 for row in rows if row.counts)),
                (2, sum(row.nearly or 0 for row in rows if row.counts)),
            ):
                sheet.formula(self.known + offset, f"=SUM({cells(self.known + offset)})", value, f"{style}_whole")
            sheet.fill(style, [self.known + 3])

    def _met(self, rows: Sequence[Row]) -> list[int]:
        """How many of the communes that count meet what each column stands for."""
        counts = [0] * (self.known - LEFT)
        for row in rows:
            if row.counts:
                met = [state in STATES_THAT_COUNT_AS_MET for state in self.marks[row.unit_id]]
                counts = list(map(add, counts, met))
        return counts

    def _group_cells(self, column: int) -> str:
        return ",".join(_cell(column, row) for row in self.group_rows)


def _cell(column: int, row: int) -> str:
    return f"{column_letter(column)}{row + 1}"


def roman(number: int) -> str:
    """I, II, III … as groups are numbered."""
    written = ""
    for value, letters in ROMAN:
        count, number = divmod(number, value)
        written += letters * count
    return written


def _summary(book: Book, heading: Heading, result: Matrix) -> None:
    """Headline figures, buckets, and the criteria that hold back most communes."""
    sheet = book.sheet(
        "Tổng hợp",
        heading,
        [
            Column("TT", 6),
            Column("Nội dung", 62),
            Column("ĐVT", 12),
            Column("Số lượng", 12),
            Column("Tỷ lệ (%)", 12),
            Column("Chưa đạt", 10),
            Column("Cơ bản đạt", 10),
            Column("Chưa đánh giá đủ", 10),
        ],
    )
    figures = result.figures
    whole = f"toàn bộ tiêu chí ({len(result.criteria)} tiêu chí phụ trách)" if result.limited else "toàn bộ tiêu chí"
    _summary_group(sheet, "I", "CHỈ TIÊU CHUNG")
    share = per_cent(figures.whole_set or 0, figures.with_opinion)
    for place, (label, measure, value, percent) in enumerate(
        (
            ("Số xã trên địa bàn", "xã", figures.communes, None),
            (
                f"Số xã có {STAGES[result.stage].lower()} ở mọi tiêu chí",
                "xã",
                figures.with_opinion,
                per_cent(figures.with_opinion, figures.communes),
            ),
            (
                "Ngoài ra, số xã mới đánh giá một phần (không tính vào các số dưới đây)",
                "xã",
                figures.partial,
                per_cent(figures.partial, figures.communes),
            ),
            (f"Số xã đạt {whole}", "xã", figures.whole_set, share if figures.whole_set is not None else None),
            ("Tổng số tiêu chí đạt", "tiêu chí", figures.criteria_met, None),
            ("Tổng số tiêu chí cơ bản đạt", "tiêu chí", figures.criteria_nearly, None),
            ("Bình quân số tiêu chí đạt một xã", "tiêu chí/xã", figures.average_met, None),
            ("Tiến độ chung bình quân", "%", figures.progress, None),
        ),
        1,
    ):
        _summary_line(sheet, place, label, measure, value, percent)
    if result.buckets:
        _summary_group(sheet, "II", "NHÓM XÃ THEO SỐ TIÊU CHÍ ĐẠT")
        first = sheet.row
        for place, bucket in enumerate(result.buckets, 1):
            named = bucket.label if bucket.words == bucket.label else f"Đạt {bucket.words}"
            _summary_line(sheet, place, named, "xã", bucket.communes, bucket.share)
        sheet.fill("total", range(8))
        sheet.text(1, "Cộng", "total")
        sheet.text(2, "xã", "centre")
        sheet.formula(3, f"=SUM({sheet.area(3, first, sheet.row - 1)})", figures.with_opinion, "total_whole")
        sheet.end_row()
    _summary_group(sheet, "III" if result.buckets else "II", "TIÊU CHÍ NHIỀU XÃ CHƯA ĐẠT NHẤT")
    for place, total in enumerate(result.hardest, 1):
        label = f"Tiêu chí {total.criterion.number}. {total.criterion.name}"
        why = (total.not_met, total.nearly, total.incomplete)
        _summary_line(sheet, place, label, "xã", total.held_back, per_cent(total.held_back, total.with_opinion), why)
    if not result.hardest:
        said = "Không có" if figures.with_opinion else NO_OPINION[result.stage]
        sheet.fill("text", range(8))
        sheet.text(1, said)
        sheet.end_row()
    sheet.signatures()


def _summary_group(sheet: Sheet, number: str, title: str) -> None:
    sheet.fill("group", range(8))
    sheet.text(0, number, "group_centre")
    sheet.text(1, title, "group")
    sheet.end_row()


def _summary_line(
    sheet: Sheet,
    place: int,
    label: str,
    measure: str,
    value: Decimal | int | None,
    percent: Decimal | None,
    why: Sequence[int | None] = (None, None, None),
) -> None:
    """One figure; `why` parts the communes that don't meet a criterion by what it is instead."""
    sheet.number(0, place, "centre")
    sheet.text(1, label)
    sheet.text(2, measure, "centre")
    sheet.number(3, value, "percent" if isinstance(value, Decimal) else "whole")
    sheet.number(4, percent, "share")
    for column, count in enumerate(why, 5):
        sheet.number(column, count, "whole")
    sheet.end_row()


def _definitions(result: Matrix, told: ByIndicator, user: Any, house: House) -> list[tuple[str, str]]:
    criteria_set = result.criteria_set
    rows = [
        ("Địa bàn", result.area.full_name),
        ("Bộ tiêu chí", f"{criteria_set.name} ({criteria_set.decision}), giai đoạn {criteria_set.period}"),
        ("Căn cứ đánh giá", STAGES[result.stage]),
        ("Tính đến ngày", day_text(result.as_of)),
        ("Theo dữ liệu ghi nhận đến", known_text(told.newest, result.as_of, result.moment)),
        ("Người lập", user.get_full_name()),
        ("Ký hiệu", _marks_key(house).removeprefix("Ký hiệu: ")),
        ("Ô để trống", f"{NO_OPINION[result.stage]} hoặc chưa có số liệu; không phải bằng 0."),
        ("Xã", "Chỉ gồm các xã (không gồm phường, thị trấn) đang tồn tại vào ngày lập biểu."),
        (
            "Xã có kết quả",
            (
                "Xã đã được đánh giá ở mọi tiêu chí tại cấp nêu trên (ghi 1). Mọi tổng số, bình quân, tỷ lệ tính trên "
                "số xã này."
            ),
        ),
        (
            "Mới đánh giá một phần",
            (
                "Xã mới được đánh giá ở một số tiêu chí: cột “Xã có kết quả” ghi số tiêu chí đã đánh giá trên số tiêu "
                "chí của bộ (ví dụ 2/19). Có trong bảng nhưng không tính vào tổng số, bình quân và tỷ lệ nào."
            ),
        ),
        ("Số xã đạt", "Số xã đạt tiêu chí (chỉ tiêu): đạt vững chắc, đạt và không áp dụng; không gồm cơ bản đạt."),
        ("Số tiêu chí đạt", "Gồm đạt vững chắc, đạt và không áp dụng. Số tiêu chí cơ bản đạt để riêng."),
        ("Tiến độ chung (%)", "Bình quân mức độ đạt của các tiêu chí, mỗi tiêu chí như nhau; từ 0 đến 100."),
        ("Bình quân", "Bình quân trên số xã có kết quả."),
        *((f"Chỉ tiêu {row.code}", row.name) for row in told.indicators),
    ]
    if result.limited:
        rows.insert(2, ("Phạm vi", "Chỉ gồm các tiêu chí do sở, ngành của người lập phụ trách."))
    return rows
