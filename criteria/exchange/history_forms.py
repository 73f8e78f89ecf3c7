"""What a coordinator says of an old table, step by step; `criteria.exchange.history` keeps and uses it."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms

from communes.fields import DayField, TextField
from communes.models import Unit
from communes.workbooks import TABLE
from criteria.checks import format_day
from criteria.exchange import matrix_reading as reading
from criteria.exchange.history import Table
from criteria.models import CriteriaSet
from criteria.numbers import NumberError, format_number, parse_number
from criteria.verdicts import Stage
from ntm.clock import today

MB = 1024 * 1024


class AboutForm(forms.Form):
    """Against which set, by whom, on which day, from which paper the table speaks."""

    criteria_set = forms.ModelChoiceField(
        queryset=CriteriaSet.objects.none(),
        label="Bộ tiêu chí",
        to_field_name="code",
        empty_label="Chọn bộ tiêu chí",
        error_messages={"required": "Chọn bộ tiêu chí.", "invalid_choice": "Chọn bộ tiêu chí trong danh sách."},
    )
    stage = forms.ChoiceField(
        label="Kết quả của cấp nào",
        choices=[("", "Chọn cấp đánh giá"), *Stage.choices],
        error_messages={"required": "Chọn cấp đánh giá."},
    )
    day = DayField(label="Tính đến ngày", help_text="Ngày mà bảng nói tới, không phải ngày lập bảng.")
    note = TextField(
        label="Văn bản, nguồn của bảng",
        help_text="Ví dụ: Báo cáo 15/BC-VPĐP ngày 05/01/2023. Ghi kèm từng kết quả.",
        max_length=300,
        error_messages={"required": "Nêu văn bản hoặc nguồn của bảng."},
    )
    clash = forms.ChoiceField(
        label="Nơi đã có kết quả cùng cấp, cùng ngày mà khác bảng này",
        choices=[("keep", "Giữ kết quả đã có"), ("replace", "Ghi theo bảng này")],
        initial="keep",
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, province: Unit, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["criteria_set"]
        field.queryset = CriteriaSet.objects.for_area(province)
        field.label_from_instance = lambda found: found.name_and_issuer

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        day: date | None = typed.get("day")
        criteria_set: CriteriaSet | None = typed.get("criteria_set")
        if day and day > today():
            self.add_error("day", f"Ngày {format_day(day)} ở tương lai; chỉ nhập kết quả đã có.")
        elif day and criteria_set and not criteria_set.first_day <= day <= criteria_set.last_day:
            words = f"Ngày {format_day(day)} ngoài giai đoạn {criteria_set.period} của bộ tiêu chí đã chọn."
            self.add_error("day", words)
        return typed

    def options(self) -> dict[str, Any]:
        typed = self.cleaned_data
        return {
            "stage": typed["stage"],
            "day": typed["day"].isoformat(),
            "note": typed["note"],
            "clash": typed["clash"],
        }


class NewTableForm(AboutForm):
    file = forms.FileField(
        label="Tệp bảng cũ (.xlsx)",
        help_text=f"Tối đa {TABLE.file // MB} MB và {format_number(TABLE.rows)} dòng mỗi trang tính."
        " Không nhận tệp có macro, mật khẩu hoặc liên kết tới tệp khác.",
        widget=forms.FileInput({"accept": ".xlsx"}),
        error_messages={"required": "Chọn tệp.", "empty": "Tệp này trống (0 byte)."},
    )
    field_order = ["file", "criteria_set", "stage", "day", "note", "clash"]


class SheetForm(forms.Form):
    sheet = forms.TypedChoiceField(
        label="Trang tính",
        coerce=int,
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Chọn một trang tính."),
    )

    def __init__(self, *args: Any, table: Table, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["sheet"]
        field.choices = [
            (place, f"{table.book[place].name}: {rows} dòng{', đang ẩn' if table.book[place].is_hidden else ''}")
            for place, rows in table.filled_sheets
        ]


class HeadingsForm(forms.Form):
    """The rows that hold the headings."""

    top = forms.IntegerField(label="Dòng tiêu đề đầu tiên", min_value=1, error_messages={"required": "Nhập số dòng."})
    last = forms.IntegerField(label="Dòng tiêu đề cuối cùng", min_value=1, error_messages={"required": "Nhập số dòng."})

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        top, last = typed.get("top"), typed.get("last")
        if top is None or last is None:
            return typed
        if last < top:
            self.add_error("last", "Dòng cuối không được trước dòng đầu.")
        elif last - top >= reading.MAX_HEADINGS:
            self.add_error("last", f"Tiêu đề có nhiều nhất {reading.MAX_HEADINGS} dòng.")
        elif last > reading.LOOKED_AT:
            self.add_error("last", f"Tiêu đề phải nằm trong {reading.LOOKED_AT} dòng đầu; xóa bớt phần trên bảng.")
        return typed


class VoidForm(forms.Form):
    reason = TextField(
        label="Lý do hủy",
        help_text="Ghi kèm từng kết quả bị hủy, xã đọc được.",
        max_length=400,
        error_messages={"required": "Nêu lý do hủy."},
    )


def read_threshold(text: str) -> tuple[str, str]:
    """From how many per cent on a number means "met", as it is kept, and what is wrong with it."""
    try:
        number = parse_number(text)
    except NumberError:
        number = None
    if number is None or not 0 < number <= 100:
        return "", "Ngưỡng: nhập số phần trăm lớn hơn 0, không quá 100."
    return str(number), ""


def read_columns(table: Table, data: Any) -> tuple[dict[int, str], dict[int, str], dict[str, str]]:
    """Roles and ways as posted, with errors by field; a way that wasn't offered is guessed."""
    roles: dict[int, str] = {}
    errors: dict[str, str] = {}
    for column in table.headings.texts:
        role = data.get(f"role-{column}", "")
        if not table.columns.is_valid(role):
            errors[f"role-{column}"] = f"Cột {reading.letters(column)}: chọn trong danh sách."
        elif role:
            roles[column] = role
    guessed = table.guess_ways(roles)
    ways = {}
    for column in guessed:
        way = data.get(f"way-{column}", "")
        ways[column] = way if way in (reading.MARK, reading.VALUE, reading.FRACTION) else guessed[column]
        if not table.columns.indicators[int(roles[column][1:])].is_numeric:
            ways[column] = reading.MARK
    seen: dict[tuple[str, bool], int] = {}
    for column, role in roles.items():
        key = (role, ways.get(column, reading.MARK) == reading.MARK)
        if key in seen:
            both = f"Cột {reading.letters(seen[key])} và cột {reading.letters(column)}"
            words = f"{both} cùng là “{table.columns.label(role)}”"
            errors[f"role-{column}"] = f"{words}; chọn một cột, bỏ qua cột kia."
        seen.setdefault(key, column)
    if not errors:
        if not {reading.NAME, reading.CODE} & set(roles.values()):
            errors["columns"] = "Chọn cột tên xã hoặc mã xã."
        elif set(roles.values()) <= set(reading.PLACES):
            errors["columns"] = "Chọn ít nhất một cột tiêu chí hoặc chỉ tiêu."
    return roles, ways, errors
