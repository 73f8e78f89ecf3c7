"""What is typed about a document: its name, number and dates, where a paper one is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms

from criteria.forms import TextField
from criteria.models import Evidence
from ntm.clock import today

EARLIEST = date(1945, 9, 2)
DAY = "Ngày/tháng/năm, ví dụ 31/12/2025"
INVALID_DAY = {"invalid": "Nhập ngày như 31/12/2025."}


class EvidenceForm(forms.ModelForm):
    """Describes a document; which fields it has depends on the document's form."""

    title = TextField(label="Tên tài liệu", max_length=250, error_messages={"required": "Nhập tên tài liệu."})
    document_number = TextField(label="Số, ký hiệu", max_length=80, required=False, help_text="Ví dụ: 45/BC-UBND")
    issued_on = forms.DateField(label="Ngày ban hành", required=False, help_text=DAY, error_messages=INVALID_DAY)
    expires_on = forms.DateField(
        label="Hết hiệu lực sau ngày",
        required=False,
        help_text="Để trống nếu không có thời hạn. Sau ngày này tài liệu không còn được tính là minh chứng.",
        error_messages=INVALID_DAY,
    )
    kept_at = TextField(
        label="Nơi lưu bản giấy",
        max_length=200,
        help_text="Ví dụ: Tủ hồ sơ nông thôn mới, Văn phòng UBND xã",
        error_messages={"required": "Nhập nơi lưu bản giấy, để đoàn kiểm tra tìm được."},
    )
    checked_by = TextField(
        label="Người đã kiểm tra",
        max_length=200,
        help_text="Họ tên, chức vụ người đã xem tài liệu, ví dụ: Lê Văn Nam, Chỉ huy trưởng Ban CHQS xã",
        error_messages={"required": "Nhập họ tên, chức vụ người đã kiểm tra tài liệu."},
    )
    has_personal_data = forms.BooleanField(
        label="Có dữ liệu cá nhân",
        required=False,
        help_text="Danh sách hộ, ảnh người dân …: ít người được xem hơn và mỗi lần tải đều được ghi lại.",
    )

    class Meta:
        model = Evidence
        fields = ["title", "document_number", "issued_on", "expires_on", "kept_at", "checked_by", "has_personal_data"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        form = self.instance.form
        if form != Evidence.Form.PAPER:
            del self.fields["kept_at"]
        if form != Evidence.Form.CLASSIFIED:
            del self.fields["checked_by"]
        else:
            del self.fields["has_personal_data"]
            self.fields["title"].help_text = "Chỉ ghi tên gọi chung; không ghi nội dung mật vào hệ thống này."

    def clean_issued_on(self) -> date | None:
        day = self.cleaned_data["issued_on"]
        if day and day > today():
            raise forms.ValidationError(f"Ngày ban hành sau ngày hôm nay ({today():%d/%m/%Y}). Kiểm tra lại ngày.")
        if day and day < EARLIEST:
            raise forms.ValidationError("Ngày ban hành quá xa trong quá khứ. Kiểm tra lại năm.")
        return day

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        issued, expires = cleaned.get("issued_on"), cleaned.get("expires_on")
        if issued and expires and expires < issued:
            self.add_error("expires_on", "Ngày hết hiệu lực trước ngày ban hành. Kiểm tra lại hai ngày.")
        return cleaned


class CombineForm(forms.Form):
    """The order of some pictures (a number each) and what the PDF made of them is called."""

    title = TextField(
        label="Tên tài liệu",
        max_length=250,
        help_text="Ví dụ: Ảnh hiện trạng đường trục thôn, tháng 6/2024",
        error_messages={"required": "Nhập tên tài liệu."},
    )
    has_personal_data = forms.BooleanField(
        label="Có dữ liệu cá nhân",
        required=False,
        help_text="Nếu một ảnh có dữ liệu cá nhân thì tệp PDF luôn được đánh dấu như vậy.",
    )

    def __init__(self, *args: Any, pictures: Sequence[Evidence], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pictures = pictures
        for place, picture in enumerate(pictures, start=1):
            self.fields[f"place-{picture.pk}"] = forms.IntegerField(
                label=f"Trang của ảnh “{picture.title}”",
                min_value=1,
                max_value=999,
                initial=place,
                error_messages={
                    "required": "Nhập thứ tự của ảnh.",
                    "invalid": "Nhập thứ tự bằng số.",
                    "min_value": "Thứ tự từ 1 trở đi.",
                    "max_value": "Thứ tự đến 999.",
                },
            )

    def described(self) -> list[forms.BoundField]:
        """The fields about the PDF itself."""
        return [self["title"], self["has_personal_data"]]

    def rows(self) -> list[tuple[Evidence, forms.BoundField]]:
        """Each picture with the field of its place."""
        return [(picture, self[f"place-{picture.pk}"]) for picture in self.pictures]

    def ordered(self) -> list[Evidence]:
        """The pictures by their numbers; equal numbers keep the order shown."""
        return sorted(self.pictures, key=lambda picture: self.cleaned_data[f"place-{picture.pk}"])

    def document(self) -> dict[str, Any]:
        """What `evidence.combine` takes."""
        return {name: self.cleaned_data[name] for name in ("title", "has_personal_data")}


class RetireForm(forms.Form):
    """Why a document is taken out of use."""

    reason = TextField(
        label="Lý do ngừng sử dụng",
        max_length=500,
        help_text="Ví dụ: Thay bằng báo cáo số 52/BC-UBND; đính nhầm tệp",
        error_messages={"required": "Nêu lý do ngừng sử dụng."},
    )
