"""Biểu số 02: one unit's readiness. Every figure is `reports.readiness`'s, as on the screen."""

from __future__ import annotations

from typing import Any

from django.db.models import Max

from criteria.models import Standing
from criteria.verdicts import Stage
from reports.house import House
from reports.readiness import NO_OPINION_AT, READY, STAGES, CriterionLine, Readiness
from reports.tables.readiness import FORM, counts_as_met, documents_text, target_text
from reports.workbooks.layout import (
    LABELS_MET,
    Book,
    Column,
    Heading,
    Sheet,
    count_any,
    day_text,
    definitions,
    file_name,
    known_text,
)


def readiness_name(result: Readiness, house: House) -> str:
    known_at = result.moment.known_at if result.moment else None
    return file_name(house.form(FORM), result.unit.name, result.as_of, known_at)


def readiness_workbook(result: Readiness, user: Any, house: House) -> bytes:
    """Draw the workbook: criteria, indicators, what is missing, findings, definitions."""
    book = Book(f"Tình hình thực hiện {result.unit.full_name}", result.as_of, house)
    lines = (result.criteria_set.name, f"Căn cứ: {STAGES[result.stage]}")

    def heading(letter: str, title: str) -> Heading:
        number, title = house.form(FORM, letter), f"{title} {result.unit.full_name}".upper()
        return Heading(number, house.agency, title, lines, result.as_of)

    _criteria(book, heading("a", "Tổng hợp kết quả thực hiện tiêu chí"), result)
    _indicators(book, heading("b", "Kết quả thực hiện bộ tiêu chí"), result)
    _missing(book, heading("c", "Những nội dung còn thiếu"), result)
    _findings(book, heading("d", "Tồn tại, hạn chế chưa xử lý xong"), result)
    definitions(book, heading("đ", "Giải thích"), _definitions(result, user))
    return book.bytes()


def _criteria(book: Book, heading: Heading, result: Readiness) -> None:
    total = len(result.criteria)
    sheet = book.sheet(
        f"{total} tiêu chí",
        heading,
        [
            Column("TT", 6),
            Column("Tên tiêu chí", 38),
            *(Column(label, 17) for label in STAGES.values()),
            Column("Mức độ đạt (%)", 12),
            Column("Số chỉ tiêu đạt", 11),
            Column("Số chỉ tiêu", 11),
            Column("Số nội dung còn thiếu", 13),
        ],
    )
    attained, met, asked, lacking = 6, 7, 8, 9
    group = ""
    for criterion in result.criteria:
        if criterion.group != group:
            group = criterion.group
            sheet.fill("group", range(sheet.last_column + 1))
            sheet.text(0, criterion.group, "group_centre")
            sheet.text(1, criterion.group_name.upper(), "group")
            sheet.end_row()
        sheet.number(0, criterion.number, "centre")
        sheet.text(1, criterion.name)
        for place, stage in enumerate(STAGES, 2):
            sheet.state(place, criterion.states[stage].state if stage in criterion.states else "")
        state = criterion.states.get(result.stage)
        known = state is not None and state.state != "not_assessed"
        sheet.number(attained, state.attainment if state and known else None, "percent")
        counts = [counts_as_met(line, criterion) for line in criterion.indicators]
        sheet.number(met, sum(count or 0 for count in counts) if known else None, "whole")
        sheet.number(asked, sum(count is not None for count in counts), "whole")
        sheet.number(lacking, sum(item.criterion == criterion.number for item in result.missing), "whole")
        sheet.end_row()
    last = sheet.row - 1
    sheet.filter(last)
    _criteria_totals(sheet, result, last)
    sheet.signatures()


def _criteria_totals(sheet: Sheet, result: Readiness, last: int) -> None:
    total = len(result.criteria)
    numbers = sheet.area(0, sheet.first, last)
    share = [
        ("Số tiêu chí đạt", LABELS_MET, lambda rollup: rollup.criteria_met),
        ("Số tiêu chí cơ bản đạt", ("Cơ bản đạt",), lambda rollup: rollup.criteria_nearly),
        ("Số tiêu chí chưa đạt", ("Chưa đạt",), lambda rollup: rollup.counts["not_met"]),
    ]
    for label, words, figure in share:
        sheet.fill("total", range(sheet.last_column + 1))
        sheet.text(1, label, "total")
        for place, stage in enumerate(STAGES, 2):
            rollup = result.rollups[stage]
            if rollup is None:
                sheet.text(place, NO_OPINION_AT[stage] if label == share[0][0] else "", "total_centre")
            else:
                area = sheet.area(place, sheet.first, last)
                sheet.formula(place, f"={count_any(area, words)}", figure(rollup), "total_centre")
        if label == share[0][0] and result.rollup is not None:
            attained = sheet.area(6, sheet.first, last)
            # What isn't assessed weighs as 0, hence the sum over all criteria and not the average of the cells.
            formula = f'=ROUND(SUM({attained})/COUNTIF({numbers},">0"),2)'
            sheet.formula(6, formula, result.rollup.progress, "total_percent")
            sheet.formula(7, f"=SUM({sheet.area(7, sheet.first, last)})", result.rollup.indicators_met, "total_whole")
            sheet.formula(8, f"=SUM({sheet.area(8, sheet.first, last)})", result.rollup.indicators_total, "total_whole")
            sheet.formula(9, f"=SUM({sheet.area(9, sheet.first, last)})", len(result.missing), "total_whole")
        sheet.end_row()
    sheet.fill("total", range(sheet.last_column + 1))
    sheet.text(1, "Tổng số tiêu chí", "total")
    for place in range(2, 2 + len(STAGES)):
        sheet.formula(place, f'=COUNTIF({numbers},">0")', total, "total_centre")
    sheet.end_row()


def _indicators(book: Book, heading: Heading, result: Readiness) -> None:
    columns = [
        Column("TT", 6),
        Column("Nội dung tiêu chí", 38),
        Column("Tiêu chuẩn đạt chuẩn", 15),
        Column("Căn cứ yêu cầu", 15),
        Column("Kết quả thực hiện", 9.5),
        Column("ĐVT", 11),
        Column("Số đạt", 8),
        Column("Tổng số", 8),
        Column("Mức độ đạt (%)", 8),
        Column("Còn thiếu (theo ĐVT)", 8),
        Column("Còn thiếu (theo số lượng)", 8),
        Column("Kết quả tự đánh giá của xã", 10),
        Column("Kết quả thẩm tra", 10),
        Column("Kết quả thẩm định", 10),
        Column("Minh chứng", 26),
        Column("Tính là đạt (1/0)", 8),
        Column("Thuộc tiêu chí", 10),
    ]
    sheet = book.sheet("Chỉ tiêu", heading, columns, helpers=2)
    group = ""
    for criterion in result.criteria:
        if criterion.group != group:
            group = criterion.group
            sheet.fill("group", range(sheet.last_column + 1))
            sheet.text(0, criterion.group, "group_centre")
            sheet.text(1, criterion.group_name.upper(), "group")
            sheet.end_row()
        _criterion_row(sheet, criterion, result)
        for line in criterion.indicators:
            opinion = line.opinion
            sheet.text(0, line.code, "centre")
            sheet.text(1, line.name)
            sheet.text(2, target_text(line))
            sheet.text(3, line.target.reason)
            sheet.number(4, opinion.value)
            sheet.text(5, line.measure, "centre")
            sheet.number(6, opinion.part)
            sheet.number(7, opinion.whole)
            sheet.number(8, opinion.attainment, "percent")
            sheet.number(9, line.gap or None)
            sheet.number(10, line.gap_items or None)
            for place, stage in enumerate(Stage.values, 11):
                sheet.state(place, line.opinions[stage].verdict)
            sheet.text(14, documents_text(line, result))
            sheet.number(15, counts_as_met(line, criterion), "whole")
            sheet.number(16, criterion.number, "whole")
            sheet.end_row()
    last = sheet.row - 1
    sheet.filter(last)
    rollup = result.rollup
    if rollup is not None:
        counted = sheet.area(15, sheet.first, last)
        for label, formula, value in (
            ("Số chỉ tiêu đạt", f"=SUM({counted})", rollup.indicators_met),
            ("Tổng số chỉ tiêu", f'=COUNTIF({counted},">=0")', rollup.indicators_total),
        ):
            sheet.fill("total", range(sheet.last_column + 1))
            sheet.text(1, label, "total")
            sheet.formula(4, formula, value, "total_whole")
            sheet.end_row()
    sheet.signatures()


def _criterion_row(sheet: Sheet, criterion: CriterionLine, result: Readiness) -> None:
    """The criterion above its indicators, in bold: its attainment and its state at each stage."""
    sheet.fill("total", range(sheet.last_column + 1))
    sheet.number(0, criterion.number, "total_centre")
    sheet.text(1, criterion.name, "total")
    state = criterion.states.get(result.stage)
    if state is not None and state.state != "not_assessed":
        sheet.number(8, state.attainment, "total_percent")
    for place, stage in enumerate(Stage.values, 11):
        if stage in criterion.states:
            sheet.state(place, criterion.states[stage].state)
    sheet.number(16, criterion.number, "whole")
    sheet.end_row()


def _missing(book: Book, heading: Heading, result: Readiness) -> None:
    columns = [
        Column("TT", 6),
        Column("Loại", 22),
        Column("Tiêu chí", 28),
        Column("Chỉ tiêu", 9),
        Column("Nội dung", 58),
        Column("Còn thiếu", 42),
        Column("Thời hạn khắc phục", 13),
    ]
    sheet = book.sheet("Còn thiếu gì", heading, columns)
    for place, item in enumerate(result.missing, 1):
        sheet.number(0, place, "centre")
        sheet.text(1, item.label)
        sheet.text(2, f"{item.criterion}. {item.criterion_name}")
        sheet.text(3, item.indicator, "centre")
        sheet.text(4, item.name)
        sheet.text(5, item.text)
        sheet.day(6, item.due_on)
        sheet.end_row()
    if result.missing:
        sheet.filter(sheet.row - 1)
    else:
        sheet.text(1, READY, "total")
        sheet.text(4, f"Để được xét công nhận còn cần: {'; '.join(result.recognition_needs)}.")
        sheet.end_row()
    sheet.signatures()


def _findings(book: Book, heading: Heading, result: Readiness) -> None:
    columns = [
        Column("TT", 6),
        Column("Tiêu chí", 8),
        Column("Chỉ tiêu", 9),
        Column("Tồn tại, hạn chế", 48),
        Column("Kiến nghị", 42),
        Column("Sở, ngành", 20),
        Column("Nêu tại", 18),
        Column("Cuộc kiểm tra", 14),
        Column("Thời hạn khắc phục", 13),
        Column("Trạng thái", 20),
        Column("Quá hạn", 10),
    ]
    sheet = book.sheet("Tồn tại, hạn chế", heading, columns)
    for place, finding in enumerate(result.findings, 1):
        sheet.number(0, place, "centre")
        sheet.number(1, finding.criterion, "centre")
        sheet.text(2, finding.indicator, "centre")
        sheet.text(3, finding.description)
        sheet.text(4, finding.recommendation)
        sheet.text(5, finding.department)
        sheet.text(6, STAGES[finding.stage])
        sheet.text(7, finding.visit_code, "centre")
        sheet.day(8, finding.due_on)
        sheet.text(9, finding.state_label)
        sheet.text(10, "Quá hạn" if finding.is_overdue else "", "centre")
        sheet.end_row()
    if result.findings:
        sheet.filter(sheet.row - 1)
    else:
        sheet.span(0, len(columns) - 1, "Không có tồn tại, hạn chế chưa xử lý xong.", "text")
        sheet.end_row()
    sheet.signatures()


def _definitions(result: Readiness, user: Any) -> list[tuple[str, str]]:
    criteria_set = result.criteria_set
    known = Standing.objects.filter(unit=result.unit, criteria_set=criteria_set).aggregate(at=Max("updated_at"))["at"]
    rows = [
        ("Đơn vị", result.unit.full_name),
        ("Bộ tiêu chí", f"{criteria_set.name} ({criteria_set.decision}), giai đoạn {criteria_set.period}"),
        ("Căn cứ đánh giá", STAGES[result.stage]),
        ("Tính đến ngày", day_text(result.as_of)),
        ("Theo dữ liệu ghi nhận đến", known_text(known, result.as_of, result.moment)),
        ("Người lập", user.get_full_name()),
        ("Kết luận", READY if result.is_ready else f"Còn {len(result.missing)} nội dung thiếu"),
        ("Ô để trống", "Chưa đánh giá hoặc chưa có số liệu; không phải bằng 0."),
        (
            "Kết quả tổng hợp",
            "Với từng chỉ tiêu lấy ý kiến của cấp cao nhất đã có: thẩm định, rồi thẩm tra, rồi xã tự đánh giá.",
        ),
        (
            "Kết quả của tiêu chí",
            (
                "Bằng kết quả thấp nhất trong các chỉ tiêu phải áp dụng. “Chưa đánh giá đủ”: còn chỉ tiêu chưa đánh "
                "giá và chưa có chỉ tiêu nào chưa đạt."
            ),
        ),
        ("Số tiêu chí đạt", "Gồm đạt vững chắc, đạt và không áp dụng; không gồm cơ bản đạt."),
        (
            "Mức độ đạt (%)",
            (
                "Của chỉ tiêu: kết quả so với yêu cầu, từ 0 đến 100. Của tiêu chí: bình quân các chỉ tiêu phải áp "
                "dụng, chỉ tiêu chưa đánh giá tính bằng 0. Của xã: bình quân các tiêu chí, mỗi tiêu chí như nhau."
            ),
        ),
        (
            "Số chỉ tiêu",
            (
                "Không tính các phần của chỉ tiêu (ví dụ 17.1b); chỉ tiêu có nhiều phần chỉ được tính là đạt khi mọi "
                "phần đều đạt."
            ),
        ),
        (
            "Còn thiếu",
            (
                "Chênh lệch giữa yêu cầu và kết quả, theo đơn vị tính của chỉ tiêu và theo số lượng (hộ, trường …) khi "
                "có số đạt và tổng số. Để trống khi đã đạt yêu cầu."
            ),
        ),
        (
            "Yêu cầu chưa xác nhận",
            "Mức yêu cầu chưa được đối chiếu với văn bản; chưa dùng để từ chối kết quả nhập.",
        ),
        (
            "Minh chứng",
            (
                "Tài liệu đã gửi kèm kết quả, theo số và tên. Chỉ tiêu được coi là thiếu minh chứng khi không có "
                "tài liệu nào còn hiệu lực."
            ),
        ),
        (
            READY,
            (
                "Không còn nội dung nào thiếu theo căn cứ đánh giá nêu trên. Chưa phải là được công nhận; để được xét "
                f"công nhận còn cần: {'; '.join(result.recognition_needs)}."
            ),
        ),
    ]
    if result.limited:
        rows.insert(3, ("Phạm vi", "Chỉ gồm các tiêu chí do sở, ngành của người lập phụ trách."))
    return rows
