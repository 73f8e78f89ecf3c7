"""What people type about reporting periods; `criteria.period_steps` says whether it can stand."""

from __future__ import annotations

from typing import Any

from django import forms

from communes.fields import DayField, TextField
from communes.models import Unit
from criteria.forms import ErrorsFromService
from criteria.models import ReportingPeriod
from criteria.period_steps import FIRST_YEAR, YEARS_AHEAD
from criteria.periods import MONTHS
from ntm.clock import today

Kind = ReportingPeriod.Kind


class AreaField(forms.TypedChoiceField):
    """One of the areas a person makes periods for, as a unit."""

    def __init__(self, areas: list[Unit], **kwargs: Any) -> None:
        by_pk = {str(area.pk): area for area in areas}
        choices = [(pk, area.full_name) for pk, area in by_pk.items()]
        super().__init__(label="Địa bàn", choices=choices, coerce=by_pk.__getitem__, empty_value=None, **kwargs)


class PeriodForm(ErrorsFromService, forms.Form):
    """A period's own fields; a new one's area is chosen among `areas`."""

    kind = forms.ChoiceField(label="Loại kỳ", choices=Kind.choices)
    ends_on = DayField(label="Số liệu đến ngày")
    due_on = DayField(label="Hạn gửi", help_text="Ngày cuối cùng xã phải gửi kết quả.")
    name = TextField(
        label="Tên kỳ",
        max_length=100,
        required=False,
        help_text="Để trống thì đặt theo loại kỳ và ngày, ví dụ: Quý II năm 2024.",
    )

    def __init__(self, *args: Any, areas: list[Unit] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if areas:
            self.fields = {"area": AreaField(areas), **self.fields}

    def fields_to_store(self) -> dict[str, Any]:
        """What `period_steps.create` and `change` take, apart from the area."""
        return {name: self.cleaned_data[name] for name in ("kind", "ends_on", "due_on", "name")}


class YearForm(forms.Form):
    """Which kinds of periods a year is to have, and how many days there are after the end of each."""

    year = forms.IntegerField(label="Năm")
    kinds = forms.MultipleChoiceField(
        label="Loại kỳ",
        choices=[(kind.value, kind.label) for kind in MONTHS],
        widget=forms.CheckboxSelectMultiple({"class": "form-check-input"}),
        error_messages={"required": "Chọn ít nhất một loại kỳ."},
    )
    days = forms.IntegerField(
        label="Hạn gửi sau khi kết thúc kỳ (ngày)",
        min_value=0,
        max_value=90,
        initial=5,
        error_messages=dict.fromkeys(("min_value", "max_value", "invalid"), "Nhập số ngày từ 0 đến 90."),
        help_text="Ví dụ: nhập 5 thì kỳ kết thúc ngày 30/06 có hạn gửi 05/07.",
    )

    def __init__(self, *args: Any, areas: list[Unit], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields = {"area": AreaField(areas), **self.fields}

    def clean_year(self) -> int:
        year, last = self.cleaned_data["year"], today().year + YEARS_AHEAD
        if not FIRST_YEAR <= year <= last:
            raise forms.ValidationError(f"Nhập năm từ {FIRST_YEAR} đến {last}.")
        return year


class ReopenForm(forms.Form):
    reason = TextField(
        label="Lý do mở lại",
        help_text="Ví dụ: Tỉnh yêu cầu bổ sung số liệu của 3 xã. Lý do lưu trong lịch sử của kỳ.",
        multiline=True,
        max_length=1000,
        error_messages={"required": "Nêu lý do mở lại kỳ báo cáo."},
    )
