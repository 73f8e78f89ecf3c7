"""All components in all their states on one page, for people who build pages. Served only while DEBUG is on."""

import datetime
from decimal import Decimal

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from criteria.verdicts import STATES, VERDICTS

NAMES = [
    "Quy hoạch", "Giao thông", "Thủy lợi và phòng, chống thiên tai", "Điện", "Trường học", "Cơ sở vật chất văn hóa",
    "Cơ sở hạ tầng thương mại nông thôn", "Thông tin và Truyền thông", "Nhà ở dân cư", "Thu nhập",
    "Nghèo đa chiều", "Lao động", "Tổ chức sản xuất và phát triển kinh tế nông thôn", "Giáo dục và Đào tạo", "Y tế",
    "Văn hóa", "Môi trường và an toàn thực phẩm", "Hệ thống chính trị và tiếp cận pháp luật", "Quốc phòng và An ninh",
]  # fmt: skip


class SampleForm(forms.Form):
    code = forms.CharField(label="Số quyết định", help_text="Ví dụ: 125/QĐ-UBND")
    held_on = forms.DateField(label="Ngày kiểm tra", help_text="Ngày/tháng/năm, ví dụ 31/12/2025")
    stage = forms.ChoiceField(label="Cấp", choices=[("district", "Huyện"), ("province", "Tỉnh")])
    remark = forms.CharField(label="Nhận xét", widget=forms.Textarea(attrs={"rows": 3}), required=False)
    personal = forms.BooleanField(label="Có dữ liệu cá nhân", required=False, help_text="Ít người được xem hơn.")


def sample_files() -> list[dict[str, object]]:
    shared = {"url": "#", "thumbnail_url": "", "tags": [], "is_retired": False}
    return [
        shared
        | {
            "title": "Báo cáo kết quả cấp nước sạch năm 2024.pdf",
            "kind": "PDF",
            "details": ["Số 45/BC-UBND", "12/03/2024", "2,4 MB", "Nguyễn Thị Hường"],
        },
        shared
        | {
            "title": "Danh sách hộ sử dụng nước sạch theo thôn " * 3,
            "kind": "XLSX",
            "details": ["30/05/2024", "812 KB"],
            "tags": [("Có dữ liệu cá nhân", "tag-warning"), ("Hết hạn", "tag-danger")],
        },
        shared
        | {
            "title": "Sổ đăng ký nghĩa vụ quân sự",
            "url": "",
            "kind": "GIẤY",
            "details": ["Chỉ có bản giấy", "Lưu tại Ban CHQS xã"],
        },
        shared | {"title": "Kế hoạch phòng thủ", "url": "", "kind": "MẬT", "details": ["Tài liệu mật – không tải lên"]},
        shared | {"title": "Ảnh nhà văn hóa thôn 3.jpg", "kind": "JPG", "details": ["1,1 MB"], "is_retired": True},
    ]


def components(request: HttpRequest) -> HttpResponse:
    """The page itself; its POST answers with the form's errors, so that those are seen as well."""
    states = list(STATES)
    pages = Paginator(range(1, 231), 20)
    context = {
        "verdicts": list(VERDICTS),
        "states": states,
        "officer_verdicts": ["met", "nearly_met", "not_met", "not_applicable"],
        "team_verdicts": ["firmly_met", "met", "nearly_met", "not_met"],
        "values": [Decimal(0), Decimal("42.5"), Decimal("94.3333"), Decimal(100), None],
        "marks": [
            {
                "number": i + 1,
                "name": name,
                "state": states[(i * 3) % 7] if i % 4 == 0 else "met",
                "url": f"#tc-{i + 1}",
            }
            for i, name in enumerate(NAMES)
        ],
        "files": sample_files(),
        "file_actions": [("Ngừng sử dụng", "#")],
        "blank_form": SampleForm(),
        "wrong_form": SampleForm({"code": "", "held_on": "31/02/2025", "stage": "x"}, prefix="wrong"),
        "middle_page": pages.page(6),
        "only_page": Paginator(range(7), 20).page(1),
        "now": timezone.now(),
        "printed_on": datetime.date(2025, 12, 31),
        "row_errors": [("row-1", "Chỉ tiêu 17.1: 98,5,5 không phải là số. Ví dụ: 98,5")],
        "consequences": [
            "Kết quả của đoàn được công bố tới xã, huyện và tỉnh.",
            "Biên bản không sửa được nữa; chỉ lập phụ lục điều chỉnh.",
        ],
        "matrix": [
            {
                "name": name,
                "states": [states[(row * 5 + column * 3) % 7] if (row + column) % 3 else "met" for column in range(19)],
            }
            for row, name in enumerate(["Đông Phú", "Đông Thịnh", "Đông Minh", "Kim Song Trường", "Thượng Lộc"])
        ],
        "criterion_numbers": range(1, 20),
    }
    return render(request, "components.html", context)
