"""The day of their own choice that reports compare with: one before the day they speak of."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from django import forms

from criteria.checks import format_day
from reports.moments import EARLIEST

if TYPE_CHECKING:
    from reports.tables.asked import Asked


class BaseDay(forms.Form):
    """`offer` says which day the report speaks of; without it any day since the programme's first will do."""

    as_of: date | None = None
    base = forms.DateField(
        label="So với mốc", required=False, widget=forms.DateInput({"type": "date"}), help_text="Ngày tự chọn."
    )

    def offer(self, asked: Asked) -> None:
        self.as_of = asked.as_of

    def clean_base(self) -> date | None:
        base = self.cleaned_data["base"]
        if base and self.as_of and base >= self.as_of:
            raise forms.ValidationError(f"Chọn một ngày trước ngày {format_day(self.as_of)} của số liệu.")
        if base and base < EARLIEST:
            raise forms.ValidationError(f"Không có dữ liệu trước ngày {format_day(EARLIEST)}.")
        return base
