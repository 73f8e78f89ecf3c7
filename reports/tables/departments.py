"""Theo sở, ngành: the criteria each department answers for on the day, and how many communes meet them."""

from __future__ import annotations

from communes.names import sort_key
from criteria.departments import Responsible, responsible_on
from reports.matrix import CriterionTotal, per_cent
from reports.tables.asked import Asked
from reports.tables.figures import no_results
from reports.tables.table import Cell, Column, Kind, Line, Report, Share, Sum, Table

NOBODY = "Chưa phân công"
COUNTS = (
    Column("judged", "Lượt đánh giá", Kind.WHOLE, 10, "Số xã có kết quả, cộng qua các tiêu chí."),
    Column("met", "Lượt đạt", Kind.WHOLE, 9, "Gồm đạt vững chắc, đạt và không áp dụng."),
    Column("not_met", "Lượt chưa đạt", Kind.WHOLE, 9, "Mọi mức còn lại, kể cả cơ bản đạt và chưa đánh giá đủ."),
    Column("nearly", "Trong đó cơ bản đạt", Kind.WHOLE, 10),
    Column("share", "Tỷ lệ đạt (%)", Kind.SHARE, 9),
)


def draw(asked: Asked) -> Report:
    now = asked.matrix()
    responsible = responsible_on(asked.criteria_set, asked.area.province_id, asked.as_of)
    by_name: dict[str, list[tuple[Responsible, CriterionTotal]]] = {}
    for total in now.totals:
        for answering in responsible.get(total.criterion.id) or [Responsible(NOBODY, None)]:
            by_name.setdefault(answering.name, []).append((answering, total))
    names = sorted(by_name, key=lambda name: (name == NOBODY, sort_key(name)))
    figures = now.figures
    note = (
        f"Tính trên {figures.with_opinion}/{figures.communes} xã có kết quả. "
        "Tiêu chí nhiều sở, ngành cùng phụ trách được tính cho từng nơi; dòng cuối tính mỗi tiêu chí một lần."
    )
    summary = [
        Line((name, len(by_name[name]), *_cells([total for _, total in by_name[name]]), _key_numbers(by_name[name])))
        for name in names
    ]
    if summary:
        every = list(now.totals)
        summary.append(Line(("Toàn bộ tiêu chí", len(every), *_cells(every), None), "total"))
    return Report(
        form="08",
        title="Kết quả theo sở, ngành",
        subject=asked.subject,
        as_of=asked.as_of,
        tables=(
            Table(
                "so_nganh",
                "Kết quả theo sở, ngành",
                (
                    Column("department", "Sở, ngành", Kind.TEXT, 36),
                    Column("criteria", "Số tiêu chí phụ trách", Kind.WHOLE, 10),
                    *COUNTS,
                    Column("numbers", "Các tiêu chí", Kind.TEXT, 18),
                ),
                tuple(summary),
                note=note,
            ),
            _by_criterion(names, by_name),
        ),
        criteria_set=asked.criteria_set,
        basis=asked.basis,
        moment=asked.moment,
        limited=now.limited,
        remarks=no_results(now),
        definitions=(
            (
                "Sở, ngành phụ trách",
                "Theo phân công có hiệu lực vào ngày tính: phân công của tỉnh nếu có, không thì của trung ương.",
            ),
            ("Xã có kết quả", "Xã đã được đánh giá ở mọi tiêu chí tại cấp nêu trên."),
        ),
    )


def _key_numbers(own: list[tuple[Responsible, CriterionTotal]]) -> str:
    return ", ".join(str(total.criterion.number) for _, total in own)


def _cells(totals: list[CriterionTotal], kind: type = int) -> tuple[Cell, ...]:
    judged, met = sum(total.with_opinion for total in totals), sum(total.met for total in totals)
    if not judged:
        return (None, None, None, None, Share(None, "met", "judged"))
    held, nearly = sum(total.held_back for total in totals), sum(total.nearly for total in totals)
    return (kind(judged), kind(met), kind(held), kind(nearly), Share(per_cent(met, judged), "met", "judged"))


def _by_criterion(names: list[str], by_name: dict[str, list[tuple[Responsible, CriterionTotal]]]) -> Table:
    columns = (
        Column("number", "Tiêu chí", Kind.CENTRE, 9),
        Column("name", "Sở, ngành, tên tiêu chí", Kind.TEXT, 44),
        Column("since", "Phụ trách từ ngày", Kind.DATE, 12, "Để trống: phân công không ghi ngày bắt đầu."),
        Column("judged", "Xã có kết quả", Kind.WHOLE, 9),
        Column("met", "Số xã đạt", Kind.WHOLE, 9),
        Column("not_met", "Số xã chưa đạt", Kind.WHOLE, 9, "Mọi mức còn lại, kể cả cơ bản đạt."),
        Column("nearly", "Trong đó cơ bản đạt", Kind.WHOLE, 10),
        Column("share", "Tỷ lệ xã đạt (%)", Kind.SHARE, 9),
    )
    lines = []
    for name in names:
        lines.append(Line((None, name, None, *_cells([total for _, total in by_name[name]], Sum)), "group"))
        for answering, total in by_name[name]:
            criterion = total.criterion
            lines.append(Line((str(criterion.number), criterion.name, answering.since, *_cells([total]))))
    return Table("tung_tieu_chi", "Sở, ngành và từng tiêu chí", columns, tuple(lines))
