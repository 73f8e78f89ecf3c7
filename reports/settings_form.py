"""Trình bày báo cáo as a coordinator types it: what is left blank stays the product's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField

from communes.fields import TextField
from criteria.models import ReportSettings
from criteria.verdicts import STATES
from reports.house import COUNTED_AS_MET, SET_MARKS
from reports.tables.catalogue import KINDS
from reports.workbooks.layout import MARKS, SIGNERS

# Forms of the product by number: those of one commune and of the matrix, and the catalogue's.
FORMS = {"01": "Bảng tổng hợp theo xã", "02": "Tình hình thực hiện của một xã", "24": "Báo cáo kỳ của một xã"}
NAMED = "Ghi {huyện} ở chỗ tên huyện; tên đã gồm chữ Huyện, ví dụ UBND {huyện} thành UBND HUYỆN ĐÔNG SƠN."
POSTS = ("province_left", "province_right", "district_left", "district_right")
# Marks are counted by formulas: what a formula reads as a comparison or a wildcard can't be one.
_MARK = re.compile(r"[\w✓✔✗✘≈◐○…–.+/-]{1,6}")


def forms_listed() -> dict[str, str]:
    return dict(sorted((FORMS | {kind.form: kind.title for kind in KINDS.values()}).items()))


class SettingsForm(forms.Form):
    """The fields of ReportSettings that are plain text, then a number a form, then a mark a state."""

    version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def __init__(self, data: Any, stored: ReportSettings) -> None:
        super().__init__(data, initial={"version": stored.version if stored.pk else 0})
        for side, place in (("province", "tỉnh"), ("district", "huyện")):
            named = NAMED if side == "district" else ""
            self._text(stored, f"{side}_above", "Dòng trên (cơ quan cấp trên)", 150, named)
            self._text(stored, f"{side}_office", "Dòng dưới (cơ quan lập biểu)", 150, named)
            for hand, post, words in (("left", SIGNERS[0], "trái"), ("right", SIGNERS[1], "phải")):
                hint = f"Mặc định: {post[0]}. Nhiều dòng thì xuống dòng, ví dụ KT. CHÁNH VĂN PHÒNG."
                self._text(stored, f"{side}_{hand}", f"Chức danh ký bên {words}", 200, hint, multiline=True)
                if place == "tỉnh":
                    self._text(stored, f"{side}_{hand}_name", f"Họ tên người ký bên {words}", 100)
        for number, title in forms_listed().items():
            field = TextField(label=f"{number}. {title}", max_length=20, required=False)
            field.initial = stored.form_numbers.get(number, "")
            field.widget.attrs["placeholder"] = number
            self.fields[f"form_{number}"] = field
        for state in SET_MARKS:
            field = TextField(label=STATES[state].label, max_length=6, required=False)
            field.initial = stored.marks.get(state, "")
            field.widget.attrs["placeholder"] = MARKS[state]
            self.fields[f"mark_{state}"] = field

    def _text(
        self, stored: ReportSettings, name: str, label: str, limit: int, hint: str = "", *, multiline: bool = False
    ) -> None:
        field = TextField(label=label, max_length=limit, required=False, help_text=hint, multiline=multiline)
        field.initial = getattr(stored, name)
        self.fields[name] = field

    def of(self, *beginnings: str) -> Iterator[BoundField]:
        return (self[name] for name in self.fields if name.startswith(beginnings))

    def sections(self) -> list[tuple[str, str, list[BoundField]]]:
        """Title, hint and fields of each part of the page."""
        return [
            ("Biểu do tỉnh lập", "Tên cơ quan ở góc trái và người ký ở cuối biểu.", list(self.of("province_"))),
            ("Biểu do huyện lập", "Dùng cho mọi huyện của tỉnh.", list(self.of("district_"))),
            ("Số biểu", "In ở góc phải, ví dụ 01/BC-NTM.", list(self.of("form_"))),
            (
                "Ký hiệu trong bảng tổng hợp",
                (
                    "Ví dụ x, Đ, Đạt. Đạt vững chắc, đạt và không áp dụng có thể chung ký hiệu vì đều tính là đạt; "
                    "các mức khác phải khác nhau để số cộng đúng."
                ),
                list(self.of("mark_")),
            ),
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        seen: dict[str, str] = {}
        for state in SET_MARKS:
            name = f"mark_{state}"
            mark = cleaned.get(name) or ""
            if mark and not _MARK.fullmatch(mark):
                self.add_error(name, "Ký hiệu chỉ gồm chữ, số và dấu ✓ ✗ ≈ … – . + / -, không có khoảng trắng.")
                continue
            key = (mark or MARKS[state]).casefold()  # COUNTIF doesn't tell x from X
            other = seen.setdefault(key, state)
            if other != state and not {state, other} <= set(COUNTED_AS_MET):
                self.add_error(
                    name, f"Ký hiệu này trùng với “{STATES[other].label}” nên số cộng sẽ sai; chọn ký hiệu khác."
                )
        for name in POSTS:
            if len((cleaned.get(name) or "").splitlines()) > 4:
                self.add_error(name, "Chức danh có nhiều nhất 4 dòng.")
        return cleaned

    def fill(self, stored: ReportSettings) -> ReportSettings:
        values = self.cleaned_data
        for name in self.fields:
            if name.startswith(("province_", "district_")):
                setattr(stored, name, values[name])
        stored.form_numbers = {number: text for number in forms_listed() if (text := values[f"form_{number}"])}
        stored.marks = {state: mark for state in SET_MARKS if (mark := values[f"mark_{state}"])}
        return stored


def check_version(stored: ReportSettings, seen: int) -> None:
    """Raise ValidationError where somebody saved the settings since they were read."""
    if (stored.version if stored.pk else 0) != seen:
        raise ValidationError(f"{stored.updated_by} vừa lưu trang này. Xem lại rồi bấm Lưu để ghi theo bạn.")
