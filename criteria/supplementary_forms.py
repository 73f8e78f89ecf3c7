"""What is typed into definitions of supplementary tables, into the tables themselves, and of a period."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms

from communes.fields import DayField, TextField
from criteria.forms import NumberField
from criteria.models import PeriodText, ReportingPeriod, SupplementaryColumn, SupplementaryTable
from criteria.numbers import format_number
from criteria.supplementary import Content, Filled

MOST_CHOICES, LONGEST_CHOICE = 30, 100
LONGEST_TEXT = 5000


class TableForm(forms.Form):
    """A table's definition, without its columns."""

    name = TextField(label="Tên biểu", max_length=200, error_messages={"required": "Nhập tên biểu."})
    purpose = TextField(
        label="Dùng để làm gì",
        multiline=True,
        max_length=500,
        required=False,
        help_text="Xã thấy câu này trên đầu biểu, ví dụ: vốn đã giải ngân từ đầu năm, theo nguồn.",
    )
    period_kinds = forms.MultipleChoiceField(
        label="Nhập vào các kỳ",
        choices=ReportingPeriod.Kind.choices,
        widget=forms.CheckboxSelectMultiple({"class": "form-check-input"}),
        error_messages={"required": "Chọn ít nhất một loại kỳ."},
    )
    starts_on = DayField(label="Dùng từ ngày", help_text="Kỳ kết thúc từ ngày này trở đi thì xã nhập biểu.")
    ends_on = DayField(label="Dùng đến hết ngày", required=False, help_text="Để trống nếu còn dùng.")
    is_funding = forms.BooleanField(
        label="Biểu về nguồn lực (vốn, huy động)",
        required=False,
        help_text="Số cộng của biểu có trong báo cáo 6 tháng và năm.",
    )
    version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        starts, ends = cleaned.get("starts_on"), cleaned.get("ends_on")
        if starts and ends and ends < starts:
            self.add_error("ends_on", "Ngày kết thúc phải từ ngày bắt đầu trở đi.")
        return cleaned

    def fill(self, table: SupplementaryTable) -> SupplementaryTable:
        for name in ("name", "purpose", "period_kinds", "starts_on", "ends_on", "is_funding"):
            setattr(table, name, self.cleaned_data[name])
        return table


class ColumnForm(forms.Form):
    """One column."""

    name = TextField(label="Tên cột", max_length=150, error_messages={"required": "Nhập tên cột."})
    kind = forms.ChoiceField(label="Loại", choices=SupplementaryColumn.Kind.choices)
    measure = TextField(
        label="Đơn vị tính", max_length=30, required=False, help_text="Ví dụ: triệu đồng, công, m², hộ."
    )
    choices = TextField(
        label="Danh sách để chọn",
        multiline=True,
        max_length=3000,
        required=False,
        help_text="Chỉ cho loại “Chọn trong danh sách”: mỗi dòng một mục.",
    )
    position = forms.IntegerField(label="Thứ tự", min_value=1, max_value=999)
    is_required = forms.BooleanField(label="Bắt buộc nhập", required=False)
    in_use = forms.BooleanField(
        label="Đang dùng",
        required=False,
        help_text="Bỏ đánh dấu để ngừng dùng cột: số đã nhập vẫn giữ và vẫn có trong báo cáo các kỳ đó.",
    )
    version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def clean_choices(self) -> list[str]:
        listed = list(dict.fromkeys(line.strip() for line in self.cleaned_data["choices"].splitlines() if line.strip()))
        if len(listed) > MOST_CHOICES:
            raise forms.ValidationError(f"Danh sách có nhiều nhất {MOST_CHOICES} mục.")
        if any(len(one) > LONGEST_CHOICE for one in listed):
            raise forms.ValidationError(f"Mỗi mục dài nhất {LONGEST_CHOICE} ký tự.")
        return listed

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("kind") == SupplementaryColumn.Kind.CHOICE:
            if "choices" in cleaned and len(cleaned["choices"]) < 2:
                self.add_error("choices", "Ghi ít nhất hai mục, mỗi dòng một mục.")
        else:
            cleaned["choices"] = []
        return cleaned

    def fill(self, column: SupplementaryColumn) -> SupplementaryColumn:
        for name in ("name", "kind", "measure", "choices", "position", "is_required", "in_use"):
            setattr(column, name, self.cleaned_data[name])
        return column


class FillForm(forms.Form):
    """One commune's table: a field for each column in use."""

    def __init__(self, filled: Filled, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self.columns = [column for column in filled.columns if column.in_use]
        for column in self.columns:
            self.fields[f"c{column.pk}"] = _field(column, filled.values.get(column.pk))

    def values(self) -> dict[int, Content]:
        return {column.pk: self.cleaned_data[f"c{column.pk}"] for column in self.columns}


def _field(column: SupplementaryColumn, stored: Content) -> forms.Field:
    if column.is_summed:
        field: forms.Field = NumberField(
            label=column.name,
            initial=format_number(stored) if isinstance(stored, Decimal) else "",
            help_text=f"Đơn vị tính: {column.measure}." if column.measure else "",
            widget=forms.TextInput({"inputmode": "decimal", "autocomplete": "off", "class": "input-number"}),
        )
        missing = "Nhập số; không có thì nhập 0."
    elif column.kind == SupplementaryColumn.Kind.CHOICE:
        # What was chosen before and isn't offered any more can stay.
        listed = list(dict.fromkeys([*column.choices, *([str(stored)] if stored else [])]))
        choices = [("", "Chưa chọn"), *((one, one) for one in listed)]
        field = forms.ChoiceField(label=column.name, choices=choices, initial=stored or "")
        missing = "Chọn một mục trong danh sách."
    else:
        field = TextField(label=column.name, multiline=True, max_length=1000, initial=stored or "")
        missing = "Nhập nội dung."
    field.required = column.is_required
    field.error_messages["required"] = missing
    return field


class TextsForm(forms.Form):
    """What a commune tells of a period in words; at least one of the three."""

    results = TextField(
        label="Kết quả",
        multiline=True,
        max_length=LONGEST_TEXT,
        required=False,
        help_text="Việc chính đã làm được trong kỳ.",
    )
    difficulties = TextField(label="Khó khăn, vướng mắc", multiline=True, max_length=LONGEST_TEXT, required=False)
    proposals = TextField(
        label="Kiến nghị, đề xuất",
        multiline=True,
        max_length=LONGEST_TEXT,
        required=False,
        help_text="Nêu rõ kiến nghị với cấp nào.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["rows"] = 8

    def texts(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name, _ in PeriodText.PARTS}
