"""Tình hình thực hiện of one unit as tables: the cells of Biểu số 02, for those who go on working with them.

The page shows `reports.readiness` in its own way and `reports.workbooks.readiness` draws the form; both say the
same of each criterion, indicator and shortcoming as these tables do.
"""

from __future__ import annotations

from collections.abc import Iterator

from criteria.rollup import STATES_THAT_COUNT_AS_MET, Rollup
from criteria.verdicts import Stage
from reports.readiness import NO_OPINION_AT, READY, STAGES, CriterionLine, IndicatorLine, Readiness
from reports.tables.table import Cell, Column, Kind, Line, Report, Sum, Table

FORM = "02"
OPINIONS = {
    Stage.SELF.value: "Kết quả tự đánh giá của xã",
    Stage.DISTRICT.value: "Kết quả thẩm tra",
    Stage.PROVINCE.value: "Kết quả thẩm định",
}
COUNTED = (
    ("Số tiêu chí đạt", lambda rollup: rollup.criteria_met),
    ("Số tiêu chí cơ bản đạt", lambda rollup: rollup.criteria_nearly),
    ("Số tiêu chí chưa đạt", lambda rollup: rollup.counts["not_met"]),
)


def report_of(result: Readiness) -> Report:
    basis = STAGES[result.stage]
    return Report(
        form=FORM,
        title="Tình hình thực hiện",
        subject=result.unit,
        as_of=result.as_of,
        tables=(_criteria(result), _indicators(result), _missing(result), _findings(result)),
        criteria_set=result.criteria_set,
        basis=basis,
        moment=result.moment,
        limited=result.limited,
        definitions=(("Bộ tiêu chí", result.criteria_set.name), ("Căn cứ đánh giá", basis)),
    )


def counts_as_met(line: IndicatorLine, criterion: CriterionLine) -> int | None:
    """1 or 0 for an indicator counted in x/57, None for parts and stand-ins; its parts must hold too."""
    if not line.is_counted:
        return None
    parts = [part for part in criterion.indicators if part.part_of == line.id and part.applies]
    return int(all(row.opinion.verdict in STATES_THAT_COUNT_AS_MET for row in (line, *parts)))


def target_text(line: IndicatorLine) -> str:
    if not line.target.operator:
        return "Chưa quy định mức"
    unconfirmed = line.is_numeric_target and not line.target.confirmed
    return f"{line.target.text} (yêu cầu chưa xác nhận)" if unconfirmed else line.target.text


def documents_text(line: IndicatorLine, result: Readiness) -> str:
    """Evidence by number and name; only how many for who may not see it named."""
    if not result.names_files:
        return f"{line.documents_total} minh chứng" if line.documents_total else ""
    names = [document.text for document in line.documents]
    if line.documents_hidden:
        names.append(f"và {line.documents_hidden} tài liệu ngoài phạm vi được xem")
    return "\n".join(names)


def _grouped(result: Readiness, width: int) -> Iterator[tuple[list[Line], CriterionLine]]:
    """The criteria; before the first of each group the group's own line."""
    group = ""
    for criterion in result.criteria:
        heading = []
        if criterion.group != group:
            group = criterion.group
            heading = [Line((criterion.group, criterion.group_name, *[None] * (width - 2)), "group")]
        yield heading, criterion


def _criteria(result: Readiness) -> Table:
    columns = (
        Column("number", "TT", Kind.CENTRE, 6),
        Column("criterion", "Tên tiêu chí", Kind.TEXT, 38),
        *(Column(stage, label, Kind.STATE, 17) for stage, label in STAGES.items()),
        Column("attainment", "Mức độ đạt (%)", Kind.PERCENT, 12, "Bình quân các chỉ tiêu phải áp dụng."),
        Column("indicators_met", "Số chỉ tiêu đạt", Kind.WHOLE, 11),
        Column("indicators", "Số chỉ tiêu", Kind.WHOLE, 11, "Không tính các phần của chỉ tiêu."),
        Column("missing", "Số nội dung còn thiếu", Kind.WHOLE, 13),
    )
    lines: list[Line] = []
    for heading, criterion in _grouped(result, len(columns)):
        lines += heading
        state = criterion.states.get(result.stage)
        known = state is not None and state.state != "not_assessed"
        counts = [counts_as_met(line, criterion) for line in criterion.indicators]
        lines.append(
            Line(
                (
                    str(criterion.number),
                    criterion.name,
                    *(criterion.states[stage].state if stage in criterion.states else "" for stage in STAGES),
                    state.attainment if state and known else None,
                    sum(count or 0 for count in counts) if known else None,
                    sum(count is not None for count in counts),
                    sum(item.criterion == criterion.number for item in result.missing),
                )
            )
        )
    return Table("tieu_chi", "Tổng hợp kết quả thực hiện tiêu chí", columns, (*lines, *_totals(result)))


def _totals(result: Readiness) -> Iterator[Line]:
    rollup = result.rollup
    own: tuple[Cell, ...] = (None,) * 4
    if rollup is not None:
        met, all_of_them = Sum(rollup.indicators_met), Sum(rollup.indicators_total)
        own = (rollup.progress, met, all_of_them, Sum(len(result.missing)))
    for label, figure in COUNTED:
        is_first = label == COUNTED[0][0]
        said: list[Cell] = []
        for stage in STAGES:
            of: Rollup | None = result.rollups[stage]
            said.append(figure(of) if of else NO_OPINION_AT[stage] if is_first else None)
        yield Line((None, label, *said, *(own if is_first else (None,) * 4)), "total")
    yield Line((None, "Tổng số tiêu chí", *(len(result.criteria),) * len(STAGES), *(None,) * 4), "total")


def _indicators(result: Readiness) -> Table:
    columns = (
        Column("code", "TT", Kind.CENTRE, 6),
        Column("name", "Nội dung tiêu chí", Kind.TEXT, 38),
        Column("target", "Tiêu chuẩn đạt chuẩn", Kind.TEXT, 15),
        Column("source", "Căn cứ yêu cầu", Kind.TEXT, 15),
        Column("value", "Kết quả thực hiện", Kind.NUMBER, 10),
        Column("measure", "ĐVT", Kind.CENTRE, 11),
        Column("part", "Số đạt", Kind.NUMBER, 8),
        Column("whole", "Tổng số", Kind.NUMBER, 8),
        Column("attainment", "Mức độ đạt (%)", Kind.PERCENT, 8),
        Column("gap", "Còn thiếu (theo ĐVT)", Kind.NUMBER, 8),
        Column("gap_items", "Còn thiếu (theo số lượng)", Kind.NUMBER, 8),
        *(Column(stage, label, Kind.STATE, 10) for stage, label in OPINIONS.items()),
        Column("evidence", "Minh chứng", Kind.TEXT, 26),
        Column("counts", "Tính là đạt (1/0)", Kind.WHOLE, 8, "Để trống: phần của chỉ tiêu, không tính riêng."),
        Column("criterion", "Thuộc tiêu chí", Kind.WHOLE, 10),
    )
    lines: list[Line] = []
    for heading, criterion in _grouped(result, len(columns)):
        lines += heading
        state = criterion.states.get(result.stage)
        attained = state.attainment if state and state.state != "not_assessed" else None
        states = [criterion.states[stage].state if stage in criterion.states else "" for stage in OPINIONS]
        cells = (str(criterion.number), criterion.name, *[None] * 6, attained, None, None, *states)
        lines.append(Line((*cells, None, None, criterion.number), "group"))
        for line in criterion.indicators:
            opinion = line.opinion
            lines.append(
                Line(
                    (
                        line.code,
                        line.name,
                        target_text(line),
                        line.target.reason,
                        opinion.value,
                        line.measure,
                        opinion.part,
                        opinion.whole,
                        opinion.attainment,
                        line.gap or None,
                        line.gap_items or None,
                        *(line.opinions[stage].verdict for stage in OPINIONS),
                        documents_text(line, result),
                        counts_as_met(line, criterion),
                        criterion.number,
                    )
                )
            )
    return Table("chi_tieu", "Kết quả thực hiện bộ tiêu chí", columns, tuple(lines))


def _missing(result: Readiness) -> Table:
    columns = (
        Column("number", "TT", Kind.WHOLE, 6),
        Column("kind", "Loại", Kind.TEXT, 22),
        Column("criterion", "Tiêu chí", Kind.TEXT, 28),
        Column("indicator", "Chỉ tiêu", Kind.CENTRE, 9),
        Column("name", "Nội dung", Kind.TEXT, 58),
        Column("missing", "Còn thiếu", Kind.TEXT, 42),
        Column("due_on", "Thời hạn khắc phục", Kind.DATE, 13),
    )
    lines = [
        Line(
            (
                number,
                item.label,
                f"{item.criterion}. {item.criterion_name}",
                item.indicator,
                item.name,
                item.text,
                item.due_on,
            )
        )
        for number, item in enumerate(result.missing, 1)
    ]
    return Table("con_thieu", "Những nội dung còn thiếu", columns, tuple(lines), empty=READY)


def _findings(result: Readiness) -> Table:
    columns = (
        Column("number", "TT", Kind.WHOLE, 6),
        Column("criterion", "Tiêu chí", Kind.WHOLE, 8),
        Column("indicator", "Chỉ tiêu", Kind.CENTRE, 9),
        Column("finding", "Tồn tại, hạn chế", Kind.TEXT, 48),
        Column("recommendation", "Kiến nghị", Kind.TEXT, 42),
        Column("department", "Sở, ngành", Kind.TEXT, 20),
        Column("stage", "Nêu tại", Kind.TEXT, 18),
        Column("visit", "Cuộc kiểm tra", Kind.CENTRE, 14),
        Column("due_on", "Thời hạn khắc phục", Kind.DATE, 13),
        Column("state", "Trạng thái", Kind.TEXT, 20),
        Column("overdue", "Quá hạn", Kind.CENTRE, 10),
    )
    lines = [
        Line(
            (
                number,
                finding.criterion,
                finding.indicator,
                finding.description,
                finding.recommendation,
                finding.department,
                STAGES[finding.stage],
                finding.visit_code,
                finding.due_on,
                finding.state_label,
                "Quá hạn" if finding.is_overdue else "",
            )
        )
        for number, finding in enumerate(result.findings, 1)
    ]
    return Table("ton_tai", "Tồn tại, hạn chế chưa xử lý xong", columns, tuple(lines))
