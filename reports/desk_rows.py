"""The rows of a department's desk as ready HTML: 25 communes with a dozen small pieces each.

As with the rows of entry (`criteria.entry_forms`), a template would take most of the page's time
(PERFORMANCE, G6). Everything that was typed or stored goes through `escape`.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from criteria.checks import format_day
from criteria.numbers import format_number
from criteria.verdicts import NO_OPINION, VERDICT_BADGES, Stage
from inspections.desk import COMMENT_LENGTH, DeskRow, Line
from inspections.desk_forms import choices_of
from ntm.addresses import address


class DeskRows:
    """The rows of one criterion. On a page of one commune (`single`) saving leads on to the next one,
    in a list it swaps the row. `page`: the list's page, to come back to without JavaScript."""

    def __init__(self, csrf_token: str, *, page: int = 1, single: bool = False) -> None:
        self._token = escape(csrf_token)
        self._page = page
        self._single = single

    def html(self, row: DeskRow, next_url: str = "") -> SafeString:
        """One commune's row; `next_url`: where Xã tiếp theo leads."""
        pk = row.unit.pk
        review = address("reports:desk_review", row.criterion.pk, pk)
        look = " has-error" if row.errors else " is-saved" if row.visit else ""
        lines = "".join([self._line(row, line) for line in row.lines])
        inside = f"{'' if self._single else _head(row, review)}{_error(row, 0)}{_HEADINGS}{lines}"
        if not row.may_review:
            return mark_safe(f'<article class="desk-row{look}" id="unit-{pk}">{inside}</article>')
        swap = "" if self._single else f'hx-post="{review}" hx-target="this" hx-swap="outerHTML" hx-sync="this:drop" '
        where = (
            ""
            if self._single
            else f'<input type="hidden" name="page" value="{self._page}">'
            f'<input type="hidden" name="next" value="{escape(next_url)}">'
        )
        return mark_safe(
            f'<form class="desk-row{look}" id="unit-{pk}" method="post" action="{review}" {swap}'
            "data-warn-unsaved novalidate>"
            f'<input type="hidden" name="csrfmiddlewaretoken" value="{self._token}">'
            f'<input type="hidden" name="seen" value="{row.seen}">{where}\n{inside}{self._foot(row, next_url)}</form>\n'
        )

    def _line(self, row: DeskRow, line: Line) -> str:
        indicator, target = line.indicator, line.target
        code = escape(indicator.code)
        demanded = escape(target.text) if target.operator else '<span class="muted">Chưa quy định mức</span>'
        unconfirmed = (
            ' <span class="tag">Yêu cầu chưa xác nhận</span>' if target.operator and not target.confirmed else ""
        )
        shown = (
            f'<div><span class="desk-label">Chỉ tiêu</span><strong class="code">{code}</strong></div>\n'
            f'<div><span class="desk-label">Yêu cầu</span><span>{demanded}{unconfirmed}</span></div>\n'
            f'<div><span class="desk-label">{Stage.SELF.label}</span><span>{_opinion(line, line.claim, Stage.SELF)}'
            f'</span></div>\n<div><span class="desk-label">{Stage.PROVINCE.label}</span><span>'
            f"{_opinion(line, line.province, Stage.PROVINCE)}</span></div>\n"
        )
        return f'<div class="desk-line">{shown}{self._inputs(row, line) if row.may_review else ""}</div>\n'

    def _inputs(self, row: DeskRow, line: Line) -> str:
        pk, unit, code = line.indicator.pk, row.unit.pk, escape(line.indicator.code)
        chosen = row.typed.get(f"verdict-{pk}", "")
        options = "".join(
            f'<option value="{value}"{" selected" if value == chosen else ""}>{escape(label)}</option>'
            for value, label in choices_of(line)
        )
        invalid = f' aria-invalid="true" aria-describedby="error-{unit}-{pk}"' if pk in row.errors else ""
        value = ""
        if line.indicator.is_numeric:
            typed = escape(row.typed.get(f"value-{pk}", line.claimed_value))
            measure = escape(line.indicator.measure)
            value = (
                f'<label class="visually-hidden" for="value-{unit}-{pk}">Kết quả thực hiện chỉ tiêu {code}</label>'
                f'<input class="form-control input-number" id="value-{unit}-{pk}" name="value-{pk}" value="{typed}" '
                f'inputmode="decimal" autocomplete="off" maxlength="60"> <span class="muted small">{measure}</span>'
            )
        attainment = ""
        if line.takes_attainment:
            typed = escape(row.typed.get(f"attainment-{pk}", ""))
            attainment = (
                f'<label class="small muted" for="attainment-{unit}-{pk}">Mức độ đạt nếu chưa đạt (%)'
                f'<span class="visually-hidden"> chỉ tiêu {code}</span></label>'
                f'<input class="form-control input-number" id="attainment-{unit}-{pk}" name="attainment-{pk}" '
                f'value="{typed}" inputmode="decimal" autocomplete="off" maxlength="60">'
            )
        return (
            f'<div class="desk-judge"><label class="visually-hidden" for="verdict-{unit}-{pk}">Đánh giá chỉ tiêu {code}'
            f'</label><select class="form-select" id="verdict-{unit}-{pk}" name="verdict-{pk}"{invalid}>{options}'
            f"</select>{value}{attainment}{_error(row, pk)}</div>\n"
        )

    def _foot(self, row: DeskRow, next_url: str) -> str:
        pk, name = row.unit.pk, escape(row.unit.full_name)
        comment = escape(row.typed.get("comment", ""))
        agree = (
            f'<button class="btn btn-secondary" type="submit" name="agree" value="1">Nhất trí với xã'
            f'<span class="visually-hidden"> {name}, tất cả chỉ tiêu</span></button>\n'
            if row.claims
            else ""
        )
        save = "Lưu, sang xã tiếp theo" if self._single and next_url else "Lưu"
        following = (
            f'<a class="btn btn-link" href="{escape(next_url)}">Xã tiếp theo<span class="visually-hidden"> sau {name}'
            "</span></a>\n"
            if next_url and not self._single
            else ""
        )
        return (
            f'<div class="desk-comment"><label class="desk-label" for="comment-{pk}">Ý kiến</label>\n'
            f'<textarea class="form-control" id="comment-{pk}" name="comment" rows="1" maxlength="{COMMENT_LENGTH}">'
            f"{comment}</textarea></div>\n"
            f'<div class="desk-foot"><span class="save-state{_save_look(row)}" role="status" data-save-state>'
            f"{_saved(row)}</span>\n{following}{agree}"
            f'<button class="btn btn-primary" type="submit">{save}<span class="visually-hidden"> ý kiến về {name}'
            "</span></button></div>"
        )


_HEADINGS = (
    '<div class="desk-line desk-headings" aria-hidden="true"><div>Chỉ tiêu</div><div>Yêu cầu</div>'
    f"<div>{Stage.SELF.label}</div><div>{Stage.PROVINCE.label}</div><div>Đánh giá của sở, ngành</div></div>\n"
)


def _head(row: DeskRow, review: str) -> str:
    district = f' <span class="muted">{escape(row.unit.district.full_name)}</span>' if row.unit.district else ""
    name = escape(row.unit.full_name)
    return (
        f'<div class="desk-head"><h3><a href="{review}">{name}</a>{district}</h3>\n'
        f'<a href="{review}#evidence">Minh chứng: {row.documents} tài liệu'
        f'<span class="visually-hidden"> của {name}</span></a></div>\n'
    )


def _opinion(line: Line, said: dict | None, stage: str) -> str:
    """A stage's verdict with its figure, day and note; what to say where there is none."""
    if said is None:
        return f'<span class="muted">{NO_OPINION[stage]}</span>'
    figure = ""
    if said["value"] is not None:
        of = f" ({format_number(said['part'])}/{format_number(said['whole'])})" if said["part"] is not None else ""
        figure = f" {format_number(said['value'])} {escape(line.indicator.measure)}{of}"
    if line.takes_attainment and said["attainment"] is not None and said["verdict"] in ("nearly_met", "not_met"):
        figure += f" mức độ đạt {format_number(said['attainment'])} %"
    note = f'<span class="d-block small muted pre-line">{escape(said["note"])}</span>' if said["note"] else ""
    day = format_day(said["effective_on"])
    return f'{VERDICT_BADGES[said["verdict"]]}{figure} <span class="small muted nowrap">{day}</span>{note}'


def _error(row: DeskRow, pk: int) -> str:
    if pk not in row.errors:
        return ""
    report = ""
    if pk in row.misses_target:
        url = address("reports:desk_report", row.criterion.pk, row.unit.pk, pk)
        report = f' <a href="{url}">Báo yêu cầu sai</a>'
    return f'<p class="field-error" role="alert" id="error-{row.unit.pk}-{pk}">{escape(row.errors[pk])}{report}</p>\n'


def _save_look(row: DeskRow) -> str:
    return " is-error" if row.errors else " is-saved" if row.visit else ""


def _saved(row: DeskRow) -> str:
    if row.errors:
        return "Chưa lưu: xem lại chỗ báo lỗi."
    if row.visit is None or row.visit.concluded_at is None:
        return ""
    at = timezone.localtime(row.visit.concluded_at)
    url = address("inspections:visit_detail", row.visit.pk)
    return f'Đã lưu lúc {at:%H:%M} · <a href="{url}">{escape(row.visit.code)}</a>'


def all_rows(rows: Iterable[tuple[DeskRow, str]], forms: DeskRows) -> SafeString:
    """Every row with where its next one is."""
    return mark_safe("".join([forms.html(row, next_url) for row, next_url in rows]))
