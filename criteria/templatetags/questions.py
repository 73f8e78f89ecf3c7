"""How questions are shown: their state, and the way to them from an indicator."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from django import template
from django.utils.safestring import SafeString, mark_safe

from criteria.models import Question
from ntm.addresses import address

if TYPE_CHECKING:
    from criteria.sheets import Row

register = template.Library()

STATE_CSS: dict[str, str] = {Question.State.WAITING: " tag-warning", Question.State.ANSWERED: " tag-accent"}


@register.filter
def state_css(question: Question) -> str:
    """The class of a question's state tag."""
    return STATE_CSS.get(question.state, "")


@register.filter
def question_link(row: Row, questions: dict | None) -> SafeString:
    """The link from an indicator's row to its questions, with how many aren't done.

    `questions`: `unit`, `counts` by indicator (`criteria.questions.count_by_indicator`) and `may_ask`;
    nothing is shown to who may neither ask nor read any.
    """
    pk = row.indicator.pk
    unsettled, number = questions["counts"].get(pk, (0, 0)) if questions else (0, 0)
    if questions is None or not (number or questions["may_ask"]):
        return SafeString("")
    code = escape(row.indicator.code)
    words = f'Hỏi đáp<span class="visually-hidden"> chỉ tiêu {code}</span>'
    count = (
        f' <span class="count">{unsettled}</span> chưa xong' if unsettled else f" ({number} đã xong)" if number else ""
    )
    url = address("criteria:question_ask", questions["unit"].pk, pk)
    return mark_safe(f'<p class="indicator-links"><a href="{url}">{words}</a>{count}</p>')
