"""Thôn, khu dân cư: the villages of an area under the village sets in use, by commune and one by one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Q

from communes import access
from communes.models import Level, Unit
from communes.roster import VillageOn, villages_on
from criteria.models import CriteriaSet
from criteria.numbers import round_half_up
from criteria.rollup import STATES_THAT_COUNT_AS_MET, AreaFigures, Rollup, area_figures, is_partial
from criteria.state import roll_up_units
from reports.matrix import Matrix, per_cent
from reports.tables.asked import Asked
from reports.tables.table import Cell, Column, Kind, Line, Ratio, Report, Share, Sum, Table

COUNTS = (
    Column("villages", "Số thôn", Kind.WHOLE, 9),
    Column("with_opinion", "Thôn có kết quả", Kind.WHOLE, 10, "Thôn đã được đánh giá ở mọi tiêu chí của bộ."),
    Column("known_share", "Tỷ lệ có kết quả (%)", Kind.SHARE, 10),
    Column("whole_set", "Thôn đạt toàn bộ tiêu chí", Kind.WHOLE, 11),
    Column("whole_share", "Tỷ lệ thôn đạt (%)", Kind.SHARE, 10, "Trên số thôn có kết quả."),
    Column("criteria_met", "Tổng số tiêu chí đạt", Kind.WHOLE, 10),
    Column("average_met", "Bình quân tiêu chí đạt một thôn", Kind.PERCENT, 11),
    Column("progress", "Tiến độ chung (%)", Kind.PERCENT, 10, "Bình quân trên số thôn có kết quả."),
)
LIST = (
    Column("number", "TT", Kind.WHOLE, 5),
    Column("village", "Thôn", Kind.TEXT, 26),
    Column("commune", "Xã", Kind.TEXT, 22),
    Column("district", "Huyện", Kind.TEXT, 22),
    Column("assessed", "Số tiêu chí đã đánh giá", Kind.WHOLE, 10),
    Column("met", "Số tiêu chí đạt", Kind.WHOLE, 9),
    Column("nearly", "Số tiêu chí cơ bản đạt", Kind.WHOLE, 10),
    Column("progress", "Tiến độ chung (%)", Kind.PERCENT, 10),
    Column("not_met", "Các tiêu chí chưa đạt", Kind.TEXT, 20, "Số thứ tự các tiêu chí chưa đạt, kể cả cơ bản đạt."),
)


class _Village(NamedTuple):
    """A village with what of its criteria the person may see; figures are None where nothing is assessed."""

    unit: VillageOn
    assessed: int
    criteria: int
    met: int | None
    nearly: int | None
    progress: Decimal | None
    not_met: tuple[int, ...]

    @property
    def counts(self) -> bool:
        return self.assessed > 0 and not is_partial(self.assessed, self.criteria)


def village_sets(area: Unit, year: int, known_at: datetime | None = None) -> list[CriteriaSet]:
    """The sets in use by which villages of the area are judged that year, the newest first; of a closed period
    those in use when it was closed."""
    sets = CriteriaSet.objects.in_use().filter(
        Q(province__isnull=True) | Q(province=area.province_id), level=Level.VILLAGE, first_year__lte=year
    )
    if known_at is not None:
        sets = sets.known_at(known_at)
    return list(sets.order_by("-first_year", "grade_order", "code").for_choosing())


def draw(asked: Asked) -> Report:
    matrix = asked.matrix()
    villages = villages_on([row.unit_id for row in matrix.rows], asked.as_of)
    units = list(Unit.objects.filter(pk__in=[village.id for village in villages]))
    sets = village_sets(asked.area, asked.as_of.year, asked.known_at)
    own = access.visible_criteria(asked.user)
    tables: list[Table] = []
    for number, criteria_set in enumerate(sets, 1):
        found = _judged(asked, criteria_set, villages, units, own)
        suffix, of = (f"_{number}", f" ({criteria_set.name})") if len(sets) > 1 else ("", "")
        tables += [_by_commune(asked, matrix, found, suffix, of), _list(asked, matrix, found, suffix, of)]
    return Report(
        form="07",
        title="Thôn, khu dân cư",
        subject=asked.subject,
        as_of=asked.as_of,
        tables=tuple(tables),
        criteria_set=sets[0] if len(sets) == 1 else None,
        basis=asked.basis,
        moment=asked.moment,
        limited=own is not None,
        lacking=_NO_SET if not sets else "" if villages else _NONE,
        definitions=(
            ("Thôn có kết quả", "Thôn đã được đánh giá ở mọi tiêu chí của bộ tại cấp nêu trên."),
            ("Thôn đạt", "Mọi tiêu chí của bộ đều đạt, đạt vững chắc hoặc không áp dụng; cơ bản đạt chưa phải là đạt."),
            ("Thôn được tính", "Thôn của các xã trên địa bàn, tồn tại vào ngày tính; tên và xã như vào ngày đó."),
        ),
    )


def _judged(
    asked: Asked,
    criteria_set: CriteriaSet,
    villages: list[VillageOn],
    units: list[Unit],
    own: Collection[int] | None,
) -> list[_Village]:
    numbers = [
        number
        for pk, number in criteria_set.criteria.order_by("number").values_list("pk", "number")
        if own is None or pk in own
    ]
    rollups = roll_up_units(units, criteria_set, asked.stage, asked.moment)
    return [_village(village, rollups[village.id], numbers) for village in villages]


def _village(unit: VillageOn, rollup: Rollup, numbers: list[int]) -> _Village:
    states = {number: rollup.states[number] for number in numbers}
    assessed = sum(state.state != "not_assessed" for state in states.values())
    if not assessed:
        return _Village(unit, 0, len(numbers), None, None, None, ())
    met = sum(state.state in STATES_THAT_COUNT_AS_MET for state in states.values())
    progress = sum((state.attainment for state in states.values()), Decimal(0)) / len(states)
    return _Village(
        unit,
        assessed,
        len(numbers),
        met,
        sum(state.state == "nearly_met" for state in states.values()),
        round_half_up(progress, 2),
        tuple(number for number, state in states.items() if state.state in ("not_met", "nearly_met")),
    )


def _figures(found: Collection[_Village]) -> AreaFigures:
    """Headline figures as an area's (`criteria.rollup.area_figures`), over villages."""
    return area_figures(
        (village.met or 0, village.nearly or 0, village.progress or Decimal(0), village.criteria)
        if village.counts
        else None
        for village in found
    )


def _cells(figures: AreaFigures, kind: type | None = None) -> tuple[Cell, ...]:
    def count(value: int | None) -> Cell:
        return kind(value) if kind else value

    whole = per_cent(figures.whole_set, figures.with_opinion) if figures.whole_set is not None else None
    return (
        count(figures.communes),
        count(figures.with_opinion),
        Share(per_cent(figures.with_opinion, figures.communes), "with_opinion", "villages"),
        count(figures.whole_set),
        Share(whole, "whole_set", "with_opinion"),
        count(figures.criteria_met),
        Ratio(figures.average_met, "criteria_met", "with_opinion"),
        figures.progress,
    )


def _by_commune(asked: Asked, matrix: Matrix, found: list[_Village], suffix: str, of: str) -> Table:
    by_commune: dict[int, list[_Village]] = {row.unit_id: [] for row in matrix.rows}
    for village in found:
        by_commune[village.unit.commune_id].append(village)
    is_grouped = len(matrix.groups) > 1
    lines = []
    for group in matrix.groups if found else ():
        if is_grouped:
            own = [village for row in group.rows for village in by_commune[row.unit_id]]
            lines.append(Line((group.name, *_cells(_figures(own), Sum)), "group"))
        for row in group.rows:
            url = asked.page_of(row.unit_id)
            lines.append(Line((row.full_name, *_cells(_figures(by_commune[row.unit_id]))), url=url))
    if lines:
        lines.append(Line(("Toàn địa bàn", *_cells(_figures(found), Sum)), "total"))
    columns = (Column("commune", "Xã", Kind.TEXT, 26), *COUNTS)
    return Table(f"theo_xa{suffix}", f"Kết quả các thôn theo xã{of}", columns, tuple(lines), empty=_NONE)


_NO_SET = "Chưa có bộ tiêu chí cấp thôn nào áp dụng cho địa bàn vào thời điểm này."
_NONE = "Địa bàn chưa có thôn nào trong danh mục đơn vị vào thời điểm này."


def _list(asked: Asked, matrix: Matrix, found: list[_Village], suffix: str, of: str) -> Table:
    rows = {row.unit_id: row for row in matrix.rows}
    lines = []
    for number, village in enumerate(found, 1):
        commune = rows[village.unit.commune_id]
        lines.append(
            Line(
                (
                    number,
                    village.unit.full_name,
                    commune.full_name,
                    commune.district,
                    village.assessed or None,
                    village.met,
                    village.nearly,
                    village.progress,
                    ", ".join(map(str, village.not_met)) or None,
                ),
                url=asked.page_of(village.unit.id),
            )
        )
    return Table(f"danh_sach{suffix}", f"Danh sách thôn{of}", LIST, tuple(lines), empty=_NONE)
