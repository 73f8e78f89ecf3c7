"""The columns of an area's headline figures, the same wherever areas stand below one another."""

from __future__ import annotations

from decimal import Decimal

from criteria.rollup import AreaFigures
from reports.matrix import Matrix, per_cent
from reports.tables.table import Cell, Column, Kind, Ratio, Share, Sum

COLUMNS = (
    Column("communes", "Số xã", Kind.WHOLE, 9),
    Column("with_opinion", "Xã có kết quả", Kind.WHOLE, 10, "Xã đã được đánh giá ở mọi tiêu chí."),
    Column("known_share", "Tỷ lệ có kết quả (%)", Kind.SHARE, 11),
    Column("whole_set", "Xã đạt toàn bộ tiêu chí", Kind.WHOLE, 11),
    Column("whole_share", "Tỷ lệ xã đạt (%)", Kind.SHARE, 10, "Trên số xã có kết quả."),
    Column("criteria_met", "Tổng số tiêu chí đạt", Kind.WHOLE, 11),
    Column("criteria_nearly", "Tổng số tiêu chí cơ bản đạt", Kind.WHOLE, 11),
    Column("average_met", "Bình quân tiêu chí đạt một xã", Kind.PERCENT, 11),
    Column("progress", "Tiến độ chung (%)", Kind.PERCENT, 11, "Bình quân trên số xã có kết quả."),
)


def no_results(result: Matrix) -> tuple[str, ...]:
    """What a report says on top where none of the area's communes has a result: its blanks aren't zeros."""
    figures = result.figures
    if figures.with_opinion or not figures.communes:
        return ()
    said = f"Chưa có xã nào có kết quả (0/{figures.communes} xã)"
    return (f"{said}: chưa xã nào được đánh giá ở mọi tiêu chí theo căn cứ và thời điểm này, nên chưa có số liệu.",)


def cells(figures: AreaFigures) -> tuple[Cell, ...]:
    """One area's line."""
    return (
        figures.communes,
        figures.with_opinion,
        Share(per_cent(figures.with_opinion, figures.communes), "with_opinion", "communes"),
        figures.whole_set,
        Share(_whole_share(figures), "whole_set", "with_opinion"),
        figures.criteria_met,
        figures.criteria_nearly,
        Ratio(figures.average_met, "criteria_met", "with_opinion"),
        figures.progress,
    )


def total_cells(figures: AreaFigures) -> tuple[Cell, ...]:
    """The line of all areas above: sums over them."""
    counted = {0, 1, 3, 5, 6}
    return tuple(Sum(cell) if place in counted else cell for place, cell in enumerate(cells(figures)))  # type: ignore[arg-type]


def _whole_share(figures: AreaFigures) -> Decimal | None:
    return None if figures.whole_set is None else per_cent(figures.whole_set, figures.with_opinion)
