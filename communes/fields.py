"""Form fields for what people type: text without hidden marks, days as Vietnamese write them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from communes.text import TextTooLongError, clean_text


class TextField(forms.CharField):
    """Text in NFC without control, zero-width and bidirectional marks."""

    def __init__(self, *, multiline: bool = False, **kwargs: Any) -> None:
        self.multiline = multiline
        limit = kwargs.pop("max_length", None)
        super().__init__(**kwargs)
        self.limit = limit
        if limit and not multiline:
            self.widget.attrs["maxlength"] = limit
        if multiline:
            self.widget = forms.Textarea({"rows": 3})

    def to_python(self, value: Any) -> str:
        try:
            return clean_text(super().to_python(value), self.limit, multiline=self.multiline)
        except TextTooLongError as error:
            raise ValidationError(str(error)) from None


class DayField(forms.DateField):
    """A day typed as 31/12/2025: browsers show their own date input in their own language's order."""

    widget = forms.DateInput(
        format="%d/%m/%Y", attrs={"placeholder": "31/12/2025", "autocomplete": "off", "maxlength": 10}
    )

    def __init__(self, *, help_text: str = "", **kwargs: Any) -> None:
        kwargs.setdefault("error_messages", {})
        kwargs["help_text"] = f"Ngày/tháng/năm, ví dụ 31/12/2025. {help_text}".strip()
        kwargs["error_messages"] |= {"invalid": "Nhập ngày như 31/12/2025.", "required": "Nhập ngày."}
        super().__init__(**kwargs)
