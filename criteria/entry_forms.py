"""The form of one row of a unit's results as ready HTML: 57 of them in a few milliseconds.

A template needs ten times as long for as many rows (PERFORMANCE, G6), since each has some
seventy small pieces. Everything that was typed or stored goes through `escape`. The rare
note that somebody else saved the row meanwhile is a template of its own.
"""

from __future__ import annotations

from datetime import date
from html import escape
from typing import TYPE_CHECKING

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from communes.models import Unit
from criteria.checks import format_day
from criteria.entry_steps import told
from criteria.numbers import format_number
from criteria.verdicts import VERDICTS
from ntm.addresses import address

if TYPE_CHECKING:
    from criteria.sheets import Row, Sheet

_NUMBER = 'inputmode="decimal" autocomplete="off" maxlength="60"'


def _verdict_choice(code: str, checked: bool) -> str:
    look = VERDICTS[code]
    return (
        f'<label class="verdict-choice {look.css}"><input type="radio" name="verdict" value="{code}"'
        f'{" checked" if checked else ""}><span><span class="v-mark" aria-hidden="true">{look.mark}</span>'
        f"{look.label}</span></label>\n"
    )


_CHOICES = {(code, checked): _verdict_choice(code, checked) for code in VERDICTS for checked in (False, True)}


class EntryForms:
    """The forms of one unit's rows; a form saves itself and stands within no other."""

    def __init__(self, unit: Unit, csrf_token: str, max_day: date) -> None:
        self._unit = unit.pk
        self._token = escape(csrf_token)
        self._max_day = max_day.isoformat()

    def _address(self, name: str, pk: str) -> str:
        return address(f"criteria:{name}", self._unit, int(pk))

    def html(self, row: Row, *, oob: bool = False) -> SafeString:
        """The row's form; `oob`: to take its place on a page wherever it stands there."""
        pk = str(row.indicator.pk)
        save = self._address("entry_save", pk)
        look = " has-error" if row.errors or row.theirs else " is-saved" if row.saved_now else ""
        look += " is-returned" if row.returned else ""
        more = ' hx-swap-oob="true"' if oob else ""
        if row.entry is not None and not row.is_unsent:
            more += " data-sent"
        return mark_safe(
            f'<form class="entry-row{look}" id="row-{pk}" method="post" action="{save}" hx-post="{save}" '
            f'hx-target="this" hx-swap="outerHTML" hx-sync="this:drop" data-warn-unsaved novalidate{more}>'
            f'<input type="hidden" name="csrfmiddlewaretoken" value="{self._token}">'
            f'<input type="hidden" name="version" value="{row.version}">\n'
            + (render_to_string("criteria/_entry_theirs.html", {"row": row}) if row.theirs else "")
            + _returned(row, pk)
            + _name(row)
            + _target(row)
            + f'<div class="entry-value">{self._value(row, pk)}</div>\n'
            + f'<div class="entry-verdict">{self._verdict(row, pk)}</div>\n'
            + self._more(row, pk)
            + self._foot(row, pk)
            + "</form>"
        )

    def renewal(self, sheet: Sheet) -> SafeString:
        """The button that lets a criterion's assessed rows hold on; empty where there are none."""
        assessed = [row for row in sheet.rows if row.verdict]
        if not assessed:
            return mark_safe("")
        number, code = sheet.criterion.number, sheet.criterion.criteria_set.code
        action = f"{address('criteria:entry_renew', self._unit, number)}?set={code}"
        return mark_safe(
            f'<form method="post" action="{action}" hx-post="{action}" hx-target="#steps-result" data-step>'
            f'<input type="hidden" name="csrfmiddlewaretoken" value="{self._token}">'
            f'<input type="hidden" name="seen" value="{told(assessed)}">'
            '<button class="btn btn-sm btn-secondary" type="submit">Không thay đổi'
            f'<span class="visually-hidden"> ở tiêu chí {number}</span></button></form>'
        )

    def _value(self, row: Row, pk: str) -> str:
        parts = []
        measure = escape(row.indicator.measure)
        if row.indicator.is_numeric:
            asks = (
                f'{_NUMBER} hx-post="{self._address("entry_suggestion", pk)}" hx-trigger="input delay:400ms" '
                f'hx-target="#suggestion-{pk}" hx-swap="innerHTML" hx-sync="this:replace"'
            )
            invalid = f'aria-invalid="true" aria-describedby="value-error-{pk}" ' if "value" in row.errors else ""
            parts.append(
                f'<label class="part-label" for="value-{pk}">Kết quả thực hiện{f" ({measure})" if measure else ""}'
                f"</label>\n{_input(row, 'value', f'value-{pk}', invalid + asks)}{_error(row, 'value', pk)}\n"
            )
            if row.takes_fraction:
                code = escape(row.indicator.code)
                parts.append(
                    '<span class="hint">hoặc số đạt / tổng số</span>\n<div class="entry-fraction">'
                    + _input(row, "part", f"part-{pk}", f'aria-label="Số đạt, chỉ tiêu {code}" {asks}')
                    + ' <span class="slash">/</span> '
                    + _input(
                        row, "whole", f"whole-{pk}", f'aria-label="Tổng số, chỉ tiêu {code}" {_suggested(row)}{asks}'
                    )
                    + f"</div>\n{_error(row, 'part')}{_error(row, 'whole')}{_base(row, pk)}"
                )
            parts.append(f'<span class="previous">{_previous(row, measure)}</span>\n')
        else:
            parts.append(
                '<span class="part-label">Kết quả thực hiện</span>\n'
                '<span class="muted">Có/không: chọn mức đánh giá</span>\n'
            )
            if row.may_be_ticked:
                parts.append(
                    f'<label class="row-tick"><input class="form-check-input" type="checkbox" form="met-form" '
                    f'name="chosen" value="{pk}:{row.version}"> Chọn<span class="visually-hidden"> chỉ tiêu '
                    f"{escape(row.indicator.code)} để đánh giá Đạt</span></label>\n"
                )
        parts.append(f'<span class="previous" id="last-{pk}" hx-preserve>{escape(row.last_period)}</span>\n')
        if row.takes_attainment:
            parts.append(
                f'<label class="part-label" for="attainment-{pk}">Mức độ đạt nếu chưa đạt (%)</label>\n'
                f"{_input(row, 'entered_attainment', f'attainment-{pk}', _NUMBER)}{_error(row, 'entered_attainment')}"
            )
        return "".join(parts)

    def _verdict(self, row: Row, pk: str) -> str:
        chosen = row.typed["verdict"]
        choices = "".join([_CHOICES[code, code == chosen] for code in row.verdict_codes])
        error = ""
        if "verdict" in row.errors:
            report = f' <a href="{self._address("target_report", pk)}">Báo yêu cầu sai</a>' if row.offers_report else ""
            error = f'<p class="field-error" role="alert">{escape(row.errors["verdict"])}{report}</p>\n'
        words = row.suggestion
        return (
            f'<fieldset class="verdict-buttons"><legend class="part-label">Đánh giá</legend>\n{choices}</fieldset>\n'
            f'{error}<p class="entry-suggestion" id="suggestion-{pk}" aria-live="polite">'
            f"{f'Gợi ý đánh giá: {escape(words)}' if words else ''}</p>"
        )

    def _more(self, row: Row, pk: str) -> str:
        typed, errors = row.typed, row.errors
        is_open = " open" if typed["note"] or "note" in errors or "effective_on" in errors else ""
        newer = ""
        if row.newer_sent:
            newer = (
                f'<p class="note note-warning mt-2 mb-0">Đã gửi kết quả tại ngày {row.newer_sent:%d/%m/%Y}, mới hơn '
                "thời điểm số liệu của dòng này. Khi gửi, dòng này chỉ được ghi vào lịch sử; muốn thay kết quả "
                "đang dùng, hãy sửa thời điểm số liệu.</p>"
            )
            is_open = " open"
        return (
            f'<details class="entry-more"{is_open}><summary>Ghi chú, thời điểm số liệu'
            f"<span data-day-shown>{_day(typed['effective_on'])}</span></summary>"
            '<div class="row-wrap"><div class="grow">'
            f'<label class="part-label" for="note-{pk}">Ghi chú</label>\n'
            f'<textarea class="form-control{_invalid(row, "note")}" id="note-{pk}" name="note" rows="2" '
            f'maxlength="2000">{escape(typed["note"])}</textarea>{_error(row, "note")}</div>\n'
            f'<div><label class="part-label" for="day-{pk}">Thời điểm số liệu</label>\n'
            f'<input class="form-control{_invalid(row, "effective_on")}" type="date" id="day-{pk}" name="effective_on" '
            f'value="{escape(typed["effective_on"])}" max="{self._max_day}">{_error(row, "effective_on")}</div>'
            f"</div>{newer}</details>\n"
        )

    def _foot(self, row: Row, pk: str) -> str:
        code, entry = escape(row.indicator.code), row.entry
        look = " is-error" if row.errors else " is-saved" if entry else ""
        clear = ""
        if entry is not None and ((entry.pk and row.verdict) or entry.value is not None):
            clear = (
                '<button class="btn btn-sm btn-link" type="submit" name="clear" value="1" data-confirm="Xóa kết quả '
                f'và mức đánh giá đang nhập của chỉ tiêu {code}? Kết quả đã gửi trước đây vẫn được giữ." '
                'data-confirm-ok="Xóa kết quả nhập">Xóa kết quả nhập</button>\n'
            )
        return (
            f'<div class="entry-foot"><span class="save-state{look}" role="status" data-save-state>'
            f"{_saved(row)}</span>\n"
            f'<a href="{self._address("revision_list", pk)}">Lịch sử'
            f'<span class="visually-hidden"> chỉ tiêu {code}</span></a>\n'
            # The first button of a form is the one that Enter presses.
            f'<button class="btn btn-primary btn-sm" type="submit">Lưu'
            f'<span class="visually-hidden"> chỉ tiêu {code}</span></button>\n{clear}</div>'
        )


def _invalid(row: Row, name: str) -> str:
    return " is-invalid" if name in row.errors else ""


def _error(row: Row, name: str, pk: str = "") -> str:
    """The message of a field; with the row's number it gets an id for its input to point to."""
    if name not in row.errors:
        return ""
    own = f' id="{name}-error-{pk}"' if pk else ""
    return f'<p class="field-error"{own}>{escape(row.errors[name])}</p>\n'


def _input(row: Row, name: str, own: str, more: str) -> str:
    return (
        f'<input class="form-control input-number{_invalid(row, name)}" id="{own}" name="{name}" '
        f'value="{escape(row.typed[name])}" {more}>'
    )


def _returned(row: Row, pk: str) -> str:
    """What the level above wants completed; a saved row keeps what only the page was told."""
    if row.returned is None:
        return f'<div class="wide" id="returned-{pk}" hx-preserve></div>\n'
    at = timezone.localtime(row.returned.at)
    return (
        f'<div class="wide" id="returned-{pk}" hx-preserve><p class="note note-warning mb-2">'
        f"<strong>Trả lại để bổ sung</strong> ({at:%d/%m/%Y}, "
        f'{escape(str(row.returned.by))}): <span class="pre-line">{escape(row.returned.reason)}</span></p></div>\n'
    )


def _suggested(row: Row) -> str:
    return f'placeholder="{format_number(row.base.value)}" ' if row.base else ""


def _base(row: Row, pk: str) -> str:
    """The base figure for a whole that isn't it, to be taken over by a click (static/criteria/entry.js)."""
    if row.base is None:
        return f'<span class="previous" id="base-{pk}" hx-preserve></span>\n'
    shown, whole = format_number(row.base.value), row.entry.whole if row.entry is not None else None
    return (
        f'<span class="previous" id="base-{pk}" data-base="{shown}"{" hidden" if whole == row.base.value else ""} '
        f"hx-preserve>Số liệu nền {row.base.year}: {shown} {row.base.measure}"
        f"<span data-base-differs{' hidden' if whole is None else ''}>, khác tổng số đang nhập</span>\n"
        '<button class="btn btn-sm btn-link" type="button" data-use-base hidden>Dùng số liệu nền'
        f'<span class="visually-hidden"> cho chỉ tiêu {escape(row.indicator.code)}</span></button></span>\n'
    )


def _day(typed: str) -> str:
    """The day of a row beside its summary, so that it is seen without opening it; nothing for what is no day."""
    try:
        return f": {format_day(date.fromisoformat(typed))}"
    except ValueError:
        return ""


def _name(row: Row) -> str:
    item = row.indicator
    part = '<span class="tag">phần của chỉ tiêu, phải cùng đạt</span>\n' if item.part_of_id else ""
    stands = '<span class="tag">Chưa có chỉ tiêu chi tiết</span>\n' if item.stands_for_criterion else ""
    return (
        f'<div class="entry-name"><span class="code">{escape(item.code)}</span>\n<h3>{escape(item.name)}</h3>\n'
        f"{part}{stands}</div>\n"
    )


def _target(row: Row) -> str:
    target = row.target
    if target.operator:
        unconfirmed = "" if target.confirmed else '<span class="tag">Yêu cầu chưa xác nhận</span>\n'
        words = (
            f"<strong>{escape(target.text)}</strong>\n{unconfirmed}"
            f'<span class="source">{escape(target.reason)}</span>\n'
        )
    else:
        words = '<span class="muted">Chưa quy định mức</span>\n'
    if target.later:
        words += f'<span class="source">Từ năm {target.later.from_year}: {escape(target.later.text)}</span>\n'
    words += f'<span class="source pre-line" id="report-{row.indicator.pk}" hx-preserve>{escape(row.report)}</span>\n'
    return f'<div class="entry-target"><span class="part-label">Yêu cầu</span>\n{words}</div>\n'


def _previous(row: Row, measure: str) -> str:
    """The per cent that follows from part and whole, and what was sent last."""
    said = []
    if row.entry is not None and row.entry.part is not None:
        said.append(f"= {format_number(row.entry.value)} {measure}")
    if row.previous:
        said.append(f"Đã gửi: {escape(row.previous)}")
    return " · ".join(said)


def _saved(row: Row) -> str:
    """Whether and when the row was saved."""
    if row.errors:
        return "Chưa lưu: xem lại chỗ báo lỗi."
    if row.theirs:
        return "Chưa lưu."
    if row.entry is None or row.entry.pk is None:
        return ""
    at = timezone.localtime(row.entry.updated_at)
    when = f"{at:%H:%M}" if row.saved_now else f"{at:%H:%M %d/%m/%Y}"
    helped = f" · do {escape(row.on_behalf)} nhập hộ" if row.on_behalf else ""
    return f"Đã lưu lúc {when}{' · chưa gửi' if row.is_unsent else ''}{helped}"
