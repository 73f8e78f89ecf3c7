"""What people type about meetings; `inspections.meetings` says whether it can stand."""

from __future__ import annotations

from typing import Any

from django import forms

from criteria.forms import TextField
from inspections.forms import BIGGEST, DayField, ErrorsFromService
from inspections.meetings import ITEM_FIELDS


class MeetingForm(ErrorsFromService, forms.Form):
    """A meeting's own fields, with the version their writer saw."""

    title = TextField(
        label="Tên cuộc họp",
        max_length=200,
        help_text="Ví dụ: Giao ban tiến độ nông thôn mới tuần 26",
        error_messages={"required": "Nhập tên cuộc họp."},
    )
    held_on = DayField(label="Ngày họp")
    chair_post = TextField(
        label="Chủ trì (chức vụ)",
        max_length=150,
        help_text="Ví dụ: Chủ tịch UBND xã",
        error_messages={"required": "Nhập chức vụ người chủ trì."},
    )
    participants = TextField(
        label="Thành phần tham dự",
        help_text="Ghi theo chức vụ, mỗi dòng một người hoặc một đơn vị.",
        multiline=True,
        max_length=2000,
        required=False,
    )
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=BIGGEST, required=False, initial=0)

    def fields_to_store(self) -> dict[str, Any]:
        """What `meetings.hold` and `meetings.change` take."""
        return {name: self.cleaned_data[name] for name in ("title", "held_on", "chair_post", "participants")}


class ItemForm(ErrorsFromService, forms.Form):
    """What is said of one item, with the version its writer saw."""

    text = TextField(label="Nội dung", multiline=True, max_length=3000, error_messages={"required": "Nhập nội dung."})
    promised = TextField(label="Đã giao tại cuộc trước", multiline=True, max_length=2000, required=False)
    done = TextField(label="Đã thực hiện", multiline=True, max_length=2000, required=False)
    next_step = TextField(label="Việc tiếp theo", multiline=True, max_length=2000, required=False)
    by_post = TextField(
        label="Người thực hiện (chức vụ)", max_length=150, required=False, help_text="Ví dụ: Công chức địa chính xã"
    )
    due_on = DayField(label="Thời hạn", required=False)
    is_done = forms.BooleanField(
        label="Đã xong", required=False, help_text="Việc đã xong không chuyển sang cuộc giao ban sau."
    )
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=BIGGEST)

    def fields_to_store(self) -> dict[str, Any]:
        """What `meetings.change_item` takes."""
        return {name: self.cleaned_data[name] for name in ITEM_FIELDS}


class FreeTextForm(forms.Form):
    text = TextField(
        label="Nội dung khác",
        help_text="Việc không gắn với tồn tại hay tiêu chí, ví dụ: ra quân vệ sinh môi trường.",
        multiline=True,
        max_length=3000,
        required=False,
    )
