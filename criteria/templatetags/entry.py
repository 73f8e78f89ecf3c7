"""A unit's rows in templates: the form that saves one, and its three opinions side by side."""

from html import escape

from django import template
from django.utils.safestring import SafeString, mark_safe

from criteria.checks import format_day
from criteria.entry_forms import EntryForms
from criteria.numbers import format_number
from criteria.sheets import Row, Sheet
from criteria.verdicts import VERDICT_BADGES

register = template.Library()


@register.filter
def entry_form(row: Row, forms: EntryForms) -> SafeString:
    """The row as a form that saves itself; `forms` are the unit's. Never inside another form."""
    return forms.html(row)


@register.filter
def entry_form_oob(row: Row, forms: EntryForms) -> SafeString:
    """The same, for an answer that changes several rows of a page."""
    return forms.html(row, oob=True)


@register.filter
def renewal(sheet: Sheet, forms: EntryForms) -> SafeString:
    """The criterion's "Không thay đổi"; nothing where nothing is assessed."""
    return forms.renewal(sheet)


@register.filter
def opinions(row: Row, drafts: bool) -> SafeString:
    """What each stage has published of the row. `drafts`: the reader works on the unit, so that the
    commune's own opinion here is named as the one already sent."""
    measure = escape(row.indicator.measure)
    columns = []
    for opinion in row.opinions:
        told, heading = opinion["row"], escape(opinion["label"])
        if told:
            said = format_day(told["effective_on"])
            if told["value"] is not None:
                of = (
                    f" ({format_number(told['part'])}/{format_number(told['whole'])})"
                    if told["part"] is not None
                    else ""
                )
                said = f"{format_number(told['value'])} {measure}{of} · {said}"
            note = f'<p class="pre-line muted">{escape(told["note"])}</p>' if told["note"] else ""
            words = f"{VERDICT_BADGES[told['verdict']]}\n<p>{said}</p>\n{note}"
        else:
            words = f'<span class="muted">{escape(opinion["none"])}</span>'
        sent = " (đã gửi)" if drafts and opinion["stage"] == "self" else ""
        columns.append(f'<div class="opinion"><h4>{heading}{sent}</h4>\n{words}</div>\n')
    return mark_safe(f'<div class="opinions">{"".join(columns)}</div>')
