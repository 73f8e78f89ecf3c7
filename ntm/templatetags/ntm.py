"""Template tags shared by every screen: judgements, numbers and dates as Vietnamese write them."""

import datetime
from decimal import Decimal

from django import template
from django.core.paginator import Page
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect, Select
from django.utils import timezone
from django.utils.safestring import SafeString

from criteria import numbers
from criteria.evidence import format_size
from criteria.numbers import format_number
from criteria.verdicts import STATE_BADGES, STATES, VERDICT_BADGES, Appearance
from ntm.addresses import address

register = template.Library()


@register.simple_tag
def verdict(value: str | None) -> SafeString:
    """The badge of a verdict; None and "" read "Chưa đánh giá". KeyError for an unknown code."""
    return VERDICT_BADGES[value or ""]


@register.simple_tag
def state(value: str | None) -> SafeString:
    """The badge of a criterion's state; None and "" read "Chưa đánh giá". KeyError for an unknown code."""
    return STATE_BADGES[value or "not_assessed"]


@register.filter
def state_look(value: str | None) -> Appearance:
    """Label, mark and css of a verdict or a criterion's state, where a badge is too much: dense cells."""
    return STATES[value or "not_assessed"]


# `url` for numbers only, without its fifty microseconds: for pages that say many addresses.
register.simple_tag(address)


@register.filter
def number(value: Decimal | None) -> str:
    """1.234,5 without trailing zeros, four decimal places at most; nothing for None."""
    return format_number(value)


@register.filter
def one_decimal(value: Decimal | None) -> str:
    """A figure with one decimal always, "14,0"; nothing for None."""
    return numbers.one_decimal(value)


@register.filter
def two_decimals(value: Decimal | None) -> str:
    """A figure with two decimals always, "14,00"; nothing for None."""
    return numbers.two_decimals(value)


@register.filter
def percent(value: Decimal | None) -> str:
    """A figure of 0-100 as "94,33 %", two decimal places at most; nothing for None."""
    return "" if value is None else f"{format_number(value, max_places=2)} %"


@register.filter
def byte_size(value: int) -> str:
    """Bytes as "812 KB" or "2,4 MB"."""
    return format_size(value)


@register.filter
def vndate(value: datetime.date | None) -> str:
    """31/12/2025; a moment is shown by its local day; nothing for None."""
    if isinstance(value, datetime.datetime):
        value = timezone.localtime(value) if timezone.is_aware(value) else value
    return f"{value:%d/%m/%Y}" if value else ""


@register.filter
def vndatetime(value: datetime.datetime | None) -> str:
    """14:05 31/12/2025 in local time; nothing for None."""
    if not value:
        return ""
    return f"{timezone.localtime(value):%H:%M %d/%m/%Y}" if timezone.is_aware(value) else f"{value:%H:%M %d/%m/%Y}"


@register.filter
def vntime(value: datetime.datetime | None) -> str:
    """14:05 in local time, for "Đã lưu lúc 14:05"; nothing for None."""
    if not value:
        return ""
    return f"{timezone.localtime(value):%H:%M}" if timezone.is_aware(value) else f"{value:%H:%M}"


@register.inclusion_tag("components/legend.html")
def legend() -> dict[str, list[Appearance]]:
    """The key to all marks, for pages with marks instead of words."""
    return {"looks": list(STATES.values())}


@register.filter
def page_numbers(page: Page) -> list[int | None]:
    """The pages to link to from this one: first, last and neighbours; None where numbers are left out."""
    numbers = page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)
    return [number if isinstance(number, int) else None for number in numbers]


@register.filter
def is_checkbox(field: BoundField) -> bool:
    return isinstance(field.field.widget, CheckboxInput)


@register.simple_tag
def field_widget(field: BoundField) -> SafeString:
    """The input of a form field with the classes that static/ntm.css styles."""
    widget = field.field.widget
    if isinstance(widget, CheckboxInput):
        css = "form-check-input"
    elif isinstance(widget, RadioSelect | CheckboxSelectMultiple):
        css = ""
    else:
        css = "form-select" if isinstance(widget, Select) else "form-control"
    classes = f"{widget.attrs.get('class', '')} {css} {'is-invalid' if field.errors else ''}"
    return field.as_widget(attrs={"class": " ".join(classes.split())})
