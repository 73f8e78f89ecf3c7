"""What people type: numbers as Vietnamese and machines write them, text without hidden marks."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from communes.models import Unit
from communes.text import TextTooLongError, clean_text
from criteria.models import Indicator, TargetReport
from criteria.numbers import NumberError, parse_number
from criteria.verdicts import Verdict


class NumberField(forms.CharField):
    """A number typed as 1.234,5 or 1234.5; None when empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=60, strip=True, **kwargs)

    def clean(self, value: Any) -> Decimal | None:
        try:
            return parse_number(super().clean(value))
        except NumberError as error:
            raise ValidationError(str(error)) from None


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


class OpinionForm(forms.Form):
    """An opinion on one indicator as typed; `criteria.checks.judge` says whether it can stand."""

    value = NumberField()
    part = NumberField()
    whole = NumberField()
    entered_attainment = NumberField()
    verdict = forms.ChoiceField(choices=[("", ""), *Verdict.choices], required=False)
    note = TextField(multiline=True, max_length=2000, required=False)

    def opinion(self) -> dict[str, Any]:
        """judge()'s keyword arguments."""
        names = ("value", "part", "whole", "entered_attainment", "verdict", "note")
        return {name: self.cleaned_data[name] for name in names}


class EntryForm(OpinionForm):
    """An opinion with the day it holds and the version its writer saw."""

    effective_on = forms.DateField(
        error_messages={"invalid": "Nhập ngày như 31/12/2025.", "required": "Nhập thời điểm số liệu."}
    )
    version = forms.IntegerField(min_value=0, max_value=2**31 - 1)


class TargetReportForm(forms.Form):
    """Why a target is wrong, in the person's words."""

    text = TextField(
        label="Yêu cầu sai ở đâu",
        help_text="Nêu mức đúng và văn bản quy định, ví dụ: “Quyết định 26/2024/QĐ-UBND quy định 90 %”.",
        multiline=True,
        max_length=2000,
        error_messages={"required": "Nêu yêu cầu sai ở đâu."},
    )

    def report(self, unit: Unit, indicator: Indicator, target: Any, by: Any) -> TargetReport:
        """Store the report with the target as it stands."""
        return TargetReport.objects.create(
            unit=unit,
            indicator=indicator,
            target=target.target,
            target_text=target.text,
            text=self.cleaned_data["text"],
            reported_by=by,
        )
