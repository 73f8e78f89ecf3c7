"""Why a workbook can't be complete: then no file is made of it, neither at once nor in the background.

The one place for the rule: a workbook that could only be an empty form isn't made, and the person is told what
it lacks. One whose honest answer is "none" (no findings, nobody fell back, nobody registered) is whole: its
table says so. Each report knows what it can't be drawn without (`Report.lacking`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports.matrix import Matrix

if TYPE_CHECKING:
    from reports.tables.asked import Asked
    from reports.tables.catalogue import Kind
    from reports.tables.table import Report

NOT_MADE = "Chưa lập được biểu"


def area_lacks(result: Matrix) -> str:
    """What a matrix has too little of for a workbook; ""."""
    if not result.rows:
        return (
            f"{result.area.full_name} không có xã nào đang tồn tại vào ngày {result.as_of:%d/%m/%Y}, nên không có biểu "
            "để lập."
        )
    return "" if result.criteria else criteria_lack(limited=result.limited)


def criteria_lack(*, limited: bool) -> str:
    if limited:
        return (
            "Sở, ngành của bạn không phụ trách tiêu chí nào của bộ tiêu chí này, nên không có biểu để lập. Chọn bộ "
            "tiêu chí khác."
        )
    return "Bộ tiêu chí này chưa có tiêu chí nào, nên không có biểu để lập. Chọn bộ tiêu chí khác."


def report_lacks(kind: Kind, asked: Asked, report: Report) -> str:
    """What a report over an area has too little of for a file; "" where it can be whole."""
    result = asked.matrix()
    if kind.has_set or not result.rows:
        return area_lacks(result) or report.lacking
    return report.lacking


def several_lack(asked: Asked, drawn: Sequence[tuple[Kind, Report]]) -> str:
    """The same of reports in one file: it isn't made without one of them."""
    found = [(report.title, text) for kind, report in drawn if (text := report_lacks(kind, asked, report))]
    texts = list(dict.fromkeys(text for _, text in found))
    if len(drawn) == 1 or (len(found) == len(drawn) and len(texts) == 1):
        return " ".join(texts)
    said = " ".join(f"{title}: {text}" for title, text in found)
    return f"{said} Bỏ đánh dấu các biểu này rồi tải lại." if said else ""
