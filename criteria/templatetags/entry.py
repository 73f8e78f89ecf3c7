"""The forms of a unit's rows, in templates."""

from django import template
from django.utils.safestring import SafeString

from criteria.entry_forms import EntryForms
from criteria.sheets import Row

register = template.Library()


@register.filter
def entry_form(row: Row, forms: EntryForms) -> SafeString:
    """The row as a form that saves itself; `forms` are the unit's. Never inside another form."""
    return forms.html(row)
