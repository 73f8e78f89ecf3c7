"""Forms of the workshop's criteria sets."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from communes.fields import DayField
from communes.workbooks import MB, TABLE
from criteria.numbers import format_number
from ntm.clock import today

DAYS = [
    MinValueValidator(date(1990, 1, 1), "Năm phải từ 1990."),
    MaxValueValidator(date(2099, 12, 31), "Năm phải trước 2100."),
]


class SetUploadForm(forms.Form):
    """A file with a whole set, and from when what is new in it holds."""

    file = forms.FileField(
        label="Tệp bộ tiêu chí",
        help_text=f"Tệp Excel theo mẫu (.xlsx) hoặc JSON, tối đa {TABLE.file // MB} MB, mỗi trang tối đa "
        f"{format_number(TABLE.rows)} dòng.",
        widget=forms.FileInput({"accept": ".xlsx,.json"}),
        error_messages={
            "required": "Chọn tệp cần tải lên.",
            "empty": "Tệp rỗng (0 byte). Kiểm tra lại tệp trên máy rồi tải lên.",
        },
    )
    first_day = DayField(
        label="Ngày áp dụng thay đổi",
        help_text="Với bộ đang dùng: chỉ tiêu mới áp dụng từ ngày này, chỉ tiêu và dòng thay cho cả tiêu chí không còn "
        "dùng thì ngừng từ ngày này. Bộ mới thì chọn ngày khi công bố.",
        validators=DAYS,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["first_day"].initial = today()


class PublishForm(forms.Form):
    """From when a draft is in use."""

    on = DayField(
        label="Áp dụng từ ngày",
        help_text="Ngày quyết định có hiệu lực. Từ ngày này xã nhập kết quả, lập đoàn, lập báo cáo theo bộ.",
        validators=DAYS,
    )
