"""Số liệu chung: the headline figures of an area with their changes, communes by criteria met, and who lags."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from django import forms

from communes.models import Level
from criteria.buckets import in_words
from criteria.recognitions import anything_recorded, recognised
from criteria.rollup import AreaFigures
from reports.matrix import Matrix, figures_of, per_cent
from reports.moments import Comparison, comparisons
from reports.tables import figures
from reports.tables.asked import Asked
from reports.tables.base_day import BaseDay
from reports.tables.table import Average, Chart, Column, Difference, Kind, Line, Report, Sum, Table


class Options(BaseDay):
    below = forms.IntegerField(
        label="Nêu các xã đạt dưới (tiêu chí)", required=False, min_value=1, max_value=99, initial=15
    )


FIGURES = (
    ("with_opinion", "Số xã có kết quả ở mọi tiêu chí", "xã"),
    ("communes", "Số xã trên địa bàn", "xã"),
    ("partial", "Ngoài ra, số xã mới đánh giá một phần", "xã"),
    ("whole_set", "Số xã đạt toàn bộ tiêu chí", "xã"),
    ("criteria_met", "Tổng số tiêu chí đạt", "tiêu chí"),
    ("criteria_nearly", "Tổng số tiêu chí cơ bản đạt", "tiêu chí"),
    ("met_or_nearly", "Tổng số tiêu chí đạt hoặc cơ bản đạt", "tiêu chí"),
    ("average_met", "Bình quân số tiêu chí đạt một xã", "tiêu chí/xã"),
    ("progress", "Tiến độ chung bình quân", "%"),
)


MEANS = frozenset({"average_met", "progress"})  # two decimals, always

# After the others, as they rest on decisions and not on opinions: (which of `_recognised`'s counts, label).
RECOGNISED = (
    (0, "Số xã đã được công nhận (cùng mức, mọi giai đoạn)"),
    (1, "Số xã đã được công nhận theo bộ tiêu chí này"),
)
RECOGNISED_MEANS = (
    "Số xã đã được công nhận",
    "Xã có quyết định công nhận còn hiệu lực ở mức của bộ tiêu chí; khác với xã đạt đủ tiêu chí. Trống: chưa ghi nhận.",
)


def draw(asked: Asked) -> Report:
    now = asked.matrix()
    earlier = comparisons(asked.area, asked.when, asked.options.get("base"))
    compared = [(comparison, asked.matrix(moment=comparison.moment)) for comparison in earlier]
    tables = [figures_table(now, compared)]
    if not now.limited:
        tables.append(buckets_table(now, compared, "03"))
    if asked.area.level == Level.PROVINCE:
        tables.append(_districts(now))
    below = asked.options.get("below")
    if below and not now.limited:  # of a department's few criteria it would say nothing
        tables.append(_behind(asked, now, below))
    return Report(
        form="03",
        title="Số liệu chung và nhóm xã",
        subject=asked.subject,
        as_of=asked.as_of,
        tables=tuple(tables),
        criteria_set=asked.criteria_set,
        basis=asked.basis,
        moment=asked.moment,
        limited=now.limited,
        remarks=figures.no_results(now),
        definitions=(
            (
                "Xã có kết quả",
                "Xã đã được đánh giá ở mọi tiêu chí tại cấp nêu trên. Các số khác tính trên số xã này.",
            ),
            ("Số tiêu chí đạt", "Gồm đạt vững chắc, đạt và không áp dụng. Cơ bản đạt để riêng."),
            ("Tiến độ chung", "Bình quân mức độ đạt của các tiêu chí, mỗi tiêu chí như nhau; từ 0 đến 100 %."),
            RECOGNISED_MEANS,
            ("So sánh", "Mỗi thời điểm tính trên các xã có kết quả vào thời điểm đó; số xã có thể khác nhau."),
        ),
    )


def _value(found: AreaFigures, key: str) -> int | Decimal | None:
    if key == "met_or_nearly":
        if found.criteria_met is None or found.criteria_nearly is None:
            return None
        return found.criteria_met + found.criteria_nearly
    return getattr(found, key)


def _less(now: int | Decimal | None, before: int | Decimal | None) -> int | Decimal | None:
    return None if now is None or before is None else now - before


def figures_table(now: Matrix, compared: Sequence[tuple[Comparison, Matrix]]) -> Table:
    columns = [
        Column("number", "TT", Kind.CENTRE, 5),
        Column("figure", "Chỉ số", Kind.TEXT, 44),
        Column("measure", "ĐVT", Kind.CENTRE, 12),
        Column("value", "Hiện tại" if now.moment is None else "Tại thời điểm", Kind.NUMBER, 12),
    ]
    for comparison, _ in compared:
        columns.append(Column(comparison.key, comparison.label, Kind.NUMBER, 14))
        columns.append(Column(f"{comparison.key}_change", "Tăng, giảm", Kind.NUMBER, 10))
    drawn = [now, *(other for _, other in compared)]
    held = _recognised(drawn)
    told = [(key, label, measure, [_value(it.figures, key) for it in drawn]) for key, label, measure in FIGURES]
    told += [("", label, "xã", [counts[place] if counts else None for counts in held]) for place, label in RECOGNISED]
    lines = []
    for number, (key, label, measure, values) in enumerate(told, 1):
        cells: list = [str(number), label, measure, values[0]]
        for (comparison, _), before in zip(compared, values[1:], strict=True):
            cells += [before, Difference(_less(values[0], before), "value", comparison.key)]
        lines.append(Line(tuple(cells), numbers=Kind.PERCENT if key in MEANS else Kind.NUMBER))
    note = "" if any(held) else "Công nhận đạt chuẩn: chưa ghi nhận quyết định nào của các xã trên địa bàn."
    return Table("so_lieu_chung", "Số liệu chung", tuple(columns), tuple(lines), note=note)


def _recognised(drawn: Sequence[Matrix]) -> list[tuple[int, int] | None]:
    """For each matrix how many of its communes held a recognition of the set's grade, and how many one by the set
    itself; None where nothing was ever recorded of the first one's, as was known then. A query each, and one."""
    now = drawn[0]
    known_at = now.moment.known_at if now.moment else None
    if not anything_recorded([row.unit_id for row in now.rows], known_at):
        return [None] * len(drawn)
    counts: list[tuple[int, int] | None] = []
    for it in drawn:
        known_at = it.moment.known_at if it.moment else None
        found = recognised([row.unit_id for row in it.rows], it.as_of, known_at, it.criteria_set.grade)
        own = sum(any(one.criteria_set_id == it.criteria_set.pk for one in held) for held in found.values())
        counts.append((len(found), own))
    return counts


def buckets_table(
    now: Matrix, compared: Sequence[tuple[Comparison, Matrix]], form: str, planned: Matrix | None = None
) -> Table:
    """Communes by criteria met, in the buckets the form prints now; so are the earlier ones, to be comparable.

    `planned`: and by the criteria they plan to meet, of those that plan all.
    """
    scheme = now.scheme(form)
    counted = {bucket.label: bucket.communes for bucket in now.counted(scheme)}
    columns = [
        Column("bucket", "Nhóm xã theo số tiêu chí đạt", Kind.TEXT, 34),
        Column("communes", "Số xã", Kind.WHOLE, 10),
        Column("share", "Tỷ lệ (%)", Kind.SHARE, 10, "Trên số xã có kết quả."),
    ]
    known = now.figures.with_opinion
    labels = list(counted)
    earlier = []
    for comparison, other in compared:
        columns.append(Column(comparison.key, comparison.label, Kind.WHOLE, 14))
        columns.append(Column(f"{comparison.key}_change", "Tăng, giảm", Kind.WHOLE, 10))
        before_it = other.counted(scheme) if other.figures.with_opinion else []
        counts = {bucket.label: bucket.communes for bucket in before_it}
        labels += [label for label in counts if label not in labels]  # communes outside all buckets
        earlier.append((comparison, counts, other.figures.with_opinion))
    plans: dict[str, int] = {}
    planning = 0
    if planned:
        meaning = "Chỉ các xã đã lập kế hoạch ở mọi tiêu chí."
        columns.append(Column("plan", f"Kế hoạch đến {planned.as_of:%d/%m/%Y}", Kind.WHOLE, 14, meaning))
        planning = sum(row.counts for row in planned.rows)
        plans = {bucket.label: bucket.communes for bucket in planned.counted(scheme)} if planning else {}
        labels += [label for label in plans if label not in labels]
    lines = []
    for label in labels:
        count = counted.get(label, 0) if known else None
        cells: list = [in_words(label), count]
        cells.append(per_cent(count, known) if count is not None else None)
        for comparison, counts, _ in earlier:
            before = counts.get(label, 0) if counts else None
            cells += [before, Difference(_less(count, before), "communes", comparison.key)]
        if planned:
            cells.append(plans.get(label, 0) if plans else None)
        lines.append(Line(tuple(cells)))
    total: list = ["Cộng", Sum(known if known else None), None]
    for comparison, counts, number in earlier:
        before = number if counts else None
        total += [Sum(before), Difference(_less(known or None, before), "communes", comparison.key)]
    if planned:
        total.append(Sum(planning or None))
    lines.append(Line(tuple(total), "total"))
    chart = Chart("column", "Số xã theo số tiêu chí đạt", "bucket", ("communes",)) if known else None
    return Table("nhom_xa", "Nhóm xã", tuple(columns), tuple(lines), chart=chart)


def _districts(now: Matrix) -> Table:
    lines = [Line((group.name, *figures.cells(group.figures))) for group in now.groups]
    lines.append(Line(("Toàn địa bàn", *figures.total_cells(now.figures)), "total"))
    return Table(
        "theo_huyen", "Theo huyện", (Column("district", "Huyện", Kind.TEXT, 28), *figures.COLUMNS), tuple(lines)
    )


def _behind(asked: Asked, now: Matrix, below: int) -> Table:
    """ "Không còn xã dưới n tiêu chí": those that still are, the fewest criteria first."""
    columns = (
        Column("number", "TT", Kind.WHOLE, 5),
        Column("commune", "Xã", Kind.TEXT, 26),
        Column("district", "Huyện", Kind.TEXT, 26),
        Column("met", "Số tiêu chí đạt", Kind.WHOLE, 10),
        Column("nearly", "Số tiêu chí cơ bản đạt", Kind.WHOLE, 10),
        Column("progress", "Tiến độ chung (%)", Kind.PERCENT, 11),
    )
    behind = [row for row in now.rows if row.met_in_full is not None and row.met_in_full < below]
    behind.sort(key=lambda row: row.met_in_full or 0)
    lines = [
        Line(
            (number, row.full_name, row.district, row.met, row.nearly, row.progress),
            url=asked.url_of(row.unit_id),
        )
        for number, row in enumerate(behind, 1)
    ]
    if lines:
        met, nearly = sum(row.met or 0 for row in behind), sum(row.nearly or 0 for row in behind)
        progress = figures_of(behind, len(now.criteria)).progress
        lines.append(Line((None, "Cộng", None, Sum(met), Sum(nearly), Average(progress)), "total"))
    return Table(
        "duoi_muc",
        f"Xã dưới {below} tiêu chí",
        columns,
        tuple(lines),
        note=f"Các xã có kết quả ở mọi tiêu chí mà đạt dưới {below} tiêu chí.",
        empty=f"Không còn xã nào đạt dưới {below} tiêu chí trong các xã có kết quả."
        if now.figures.with_opinion
        else "Chưa xã nào có kết quả ở mọi tiêu chí.",
    )
