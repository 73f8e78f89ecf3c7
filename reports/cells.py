"""The body of the matrix as ready HTML: 200 communes × 19 cells in a millisecond or two.

A template loop over as many cells takes seventy times as long (PERFORMANCE.md), and so would
a third of it handing half a megabyte from block to block: `fill` puts it into the page at
the end. A cell is a link with the mark, and the judgement in words for those who don't see
it. The links are left out of the tabbing order, since each row begins with one to the unit's
page, which links to the same places.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from django.urls import reverse
from django.utils.safestring import SafeString

from criteria.numbers import two_decimals
from criteria.verdicts import NO_OPINION, STATES
from reports.matrix import Group, Matrix, Row, progress_so_far

# Numbers that reverse() puts into the addresses and that are then replaced row by row.
_UNIT, _CRITERION = 987_654_321, 12_345
PARTIAL = '<span class="so-far">{}</span>'


BODY, PHONE_LIST = SafeString("<!--matrix body-->"), SafeString("<!--phone list-->")


def fill(page: str, result: Matrix, groups: Iterable[Group], rows: Iterable[Row], query: str) -> bytes:
    """The page with the table's body and the phone's list in the place of their marks. `query`: "?set=…" or ""."""
    return (
        page.encode()
        .replace(PHONE_LIST.encode(), phone_list(result, rows, query).encode())
        .replace(BODY.encode(), matrix_body(result, groups, query).encode())
    )


def matrix_body(result: Matrix, groups: Iterable[Group], query: str) -> str:
    """The rows of the table; a heading row with subtotals before each named group."""
    unit_url = reverse("reports:unit_detail", args=[_UNIT]) + escape(query)
    page = "reports:criterion_past" if result.moment else "criteria:criterion"
    criterion_url = reverse(page, args=[_UNIT, _CRITERION]) + escape(query)
    cells = [_cells(criterion_url, criterion.number) for criterion in result.criteria]
    blank = (
        f'<td class="no-opinion" colspan="{len(result.criteria)}">{NO_OPINION[result.stage]}</td>'
        '<td class="total"></td><td class="total"></td><td class="total"></td>'
    )
    parts: list[str] = []
    for group in groups:
        if group.name:
            parts.append(_group_row(group))
        for row in group.rows:
            unit = str(row.unit_id)
            parts.append(
                f'<tr><th scope="row"><a href="{unit_url}">{escape(row.name)}</a></th>'.replace(str(_UNIT), unit)
            )
            if row.has_opinion:
                marks = "".join([own[state] for own, state in zip(cells, row.states, strict=True)])
                parts.append(marks.replace(str(_UNIT), unit))
                parts.append(_figures(row, result))
            else:
                parts.append(blank)
            parts.append("</tr>")
    return "".join(parts)


def phone_list(result: Matrix, rows: Iterable[Row], query: str) -> str:
    """The same communes as a plain list of links, for screens too narrow for the table."""
    url = reverse("reports:unit_detail", args=[_UNIT]) + escape(query)
    before, after = url.split(str(_UNIT))
    total = len(result.criteria)
    silent = f'<span class="muted">{NO_OPINION[result.stage]}</span>'
    return "".join(
        f'<li><a href="{before}{row.unit_id}{after}"><span>{escape(row.name)}</span>'
        + (
            f'<span class="num">{row.met}/{total} đạt · {row.nearly} cơ bản đạt{_so_far(row, result, " · {}")}</span>'
            if row.has_opinion
            else silent
        )
        + "</a></li>"
        for row in rows
    )


def _cells(url: str, number: int) -> dict[str, str]:
    """The cell of one criterion for every state."""
    link = url.replace(str(_CRITERION), str(number))
    return {
        state: f'<td class="cell {look.css}"><a href="{link}" tabindex="-1" aria-label="{look.label}">'
        f"{look.mark}</a></td>"
        for state, look in STATES.items()
    }


def _figures(row: Row, result: Matrix) -> str:
    return (
        f'<td class="total">{row.met}/{len(result.criteria)}{_so_far(row, result, PARTIAL)}</td>'
        f'<td class="total">{row.nearly}</td>'
        f'<td class="total">{"" if row.is_partial else two_decimals(row.progress)}</td>'
    )


def _so_far(row: Row, result: Matrix, frame: str) -> str:
    said = progress_so_far(result.stage, row.assessed, len(result.criteria))
    return frame.format(said) if said else ""


def _group_row(group: Group) -> str:
    """A district: how many of its communes meet each criterion."""
    figures = group.figures
    cells = "".join(f'<td class="subtotal">{total.met if total.with_opinion else ""}</td>' for total in group.totals)
    average = two_decimals(figures.average_met)
    partial = f", {figures.partial} một phần" if figures.partial else ""
    nearly = "" if figures.criteria_nearly is None else figures.criteria_nearly
    return (
        f'<tr class="district-row"><th scope="row">{escape(group.name)} '
        f'<span class="of">({figures.with_opinion}/{figures.communes} xã{partial})</span></th>{cells}'
        f'<td class="subtotal">{average}</td><td class="subtotal">{nearly}</td>'
        f'<td class="subtotal">{two_decimals(figures.progress)}</td></tr>'
    )


def regroup(result: Matrix, rows: Sequence[Row]) -> list[Group]:
    """Rows in an order of their own, in one nameless group."""
    return [Group(result.area.pk, "", tuple(rows), result.figures, result.totals)]
