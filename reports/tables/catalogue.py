"""Every report there is, in the order of the list of reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django import forms

from reports.tables import (
    communes,
    departments,
    findings,
    headline,
    missing,
    opinions,
    pace,
    periodic,
    plans,
    registered,
    regression,
    supplementary,
    texts,
    trend,
    villages,
)
from reports.tables.asked import Asked
from reports.tables.base_day import BaseDay
from reports.tables.table import Report


@dataclass(frozen=True)
class Kind:
    """One kind of report over an area. `form`: its number; `options`: a form whose cleaned data `draw`
    finds in `asked.options`, and whose `offer(asked)`, if it has one, sets its choices; `has_stage`, `has_set`,
    `has_moment`: whether it rests on one stage's opinions, on a set, on a day one can choose; `action`: what
    one must be allowed to do to draw it ("": see the area); `kept_at`: the address (its name) where its own
    data is kept for the area, and what the link says."""

    key: str
    form: str
    title: str
    about: str
    draw: Callable[[Asked], Report]
    options: type[forms.Form] | None = None
    has_stage: bool = True
    has_set: bool = True
    has_moment: bool = True
    action: str = ""
    kept_at: tuple[str, str] | None = None


KINDS = {
    kind.key: kind
    for kind in (
        Kind(
            "headline",
            "03",
            "Số liệu chung và nhóm xã",
            "Các chỉ số chung kèm n/N xã, tăng giảm so với kỳ trước, cùng kỳ và mốc tự chọn; nhóm xã theo số tiêu chí.",
            headline.draw,
            headline.Options,
            kept_at=("reports:recognition_list", "Xã được công nhận"),
        ),
        Kind(
            "communes",
            "04",
            "Kết quả các xã theo tiêu chí",
            "Bảng tổng hợp bằng chữ, từng xã một dòng, thêm từng chỉ tiêu khi cần; để làm tiếp ở chương trình khác.",
            communes.draw,
            communes.Options,
        ),
        Kind(
            "opinions",
            "05",
            "So sánh ba kết quả đánh giá",
            "Xã, huyện, tỉnh đánh giá khác nhau ở xã nào, tiêu chí nào; mỗi cuộc kiểm tra thay đổi gì.",
            opinions.draw,
            opinions.Options,
            has_stage=False,
        ),
        Kind(
            "findings",
            "06",
            "Tồn tại, hạn chế",
            "Tồn tại, kiến nghị, thời hạn, trạng thái khắc phục; số lượng theo sở, ngành và địa bàn.",
            findings.draw,
            findings.Options,
            has_stage=False,
        ),
        Kind(
            "villages",
            "07",
            "Thôn, khu dân cư",
            "Số thôn có kết quả, đạt toàn bộ tiêu chí cấp thôn của từng xã; danh sách thôn.",
            villages.draw,
        ),
        Kind(
            "departments",
            "08",
            "Kết quả theo sở, ngành",
            "Tiêu chí mỗi sở, ngành phụ trách, số xã đạt và chưa đạt.",
            departments.draw,
        ),
        Kind(
            "regression",
            "09",
            "Rớt chuẩn và nguy cơ rớt chuẩn",
            "Xã từng đạt đủ hoặc đã được công nhận nay mất tiêu chí; minh chứng hết hiệu lực; yêu cầu đã nâng.",
            regression.draw,
            BaseDay,
            has_stage=False,
            kept_at=("reports:recognition_list", "Xã được công nhận"),
        ),
        Kind(
            "registered",
            "10",
            "Xã đăng ký đạt chuẩn",
            "Các xã đăng ký đạt chuẩn trong năm: tiến độ, kế hoạch, tiêu chí còn lại và triển vọng.",
            registered.draw,
            registered.Options,
            kept_at=("reports:registration_list", "Ghi xã đăng ký"),
        ),
        Kind(
            "plans",
            "11",
            "Kế hoạch và kết quả",
            "Kết quả kế hoạch của từng xã đến hết kỳ so với kết quả đạt được; chỉ tiêu không đạt kế hoạch.",
            plans.draw,
            plans.Options,
        ),
        Kind(
            "pace",
            "12",
            "Tốc độ thực hiện",
            "Số tiêu chí tăng trong 12 tháng so với tốc độ cần để đạt đủ đúng hạn, từng xã.",
            pace.draw,
            pace.Options,
        ),
        Kind(
            "missing",
            "13",
            "Còn thiếu gì trên địa bàn",
            "Tiêu chí, chỉ tiêu còn nhiều xã chưa đạt; số lượng còn thiếu; sở, ngành phụ trách.",
            missing.draw,
        ),
        Kind(
            "trend",
            "14",
            "Diễn biến qua các kỳ",
            "Các chỉ số chung ở cuối mỗi tháng hoặc mỗi kỳ đã khóa, kèm biểu đồ.",
            trend.draw,
            trend.Options,
        ),
        Kind(
            "supplementary",
            "20",
            "Biểu bổ sung",
            "Số liệu các xã nhập vào biểu riêng của tỉnh trong một kỳ; cộng theo huyện và toàn địa bàn.",
            supplementary.draw,
            supplementary.Options,
            has_stage=False,
            has_set=False,
            has_moment=False,
        ),
        Kind(
            "texts",
            "21",
            "Kết quả, khó khăn, kiến nghị của các xã",
            "Kết quả, khó khăn vướng mắc, kiến nghị đề xuất các xã nêu trong một kỳ, tập hợp theo huyện.",
            texts.draw,
            texts.Options,
            has_stage=False,
            has_set=False,
            has_moment=False,
            action="period_texts.see",
        ),
        Kind(
            "half-year",
            "22",
            "Báo cáo 6 tháng",
            "Số liệu chung, số xã đạt từng tiêu chí so với cuối năm trước và theo nhóm xã, nguồn lực, kiến nghị.",
            periodic.half_year,
            periodic.HalfYearOptions,
            has_moment=False,
        ),
        Kind(
            "year",
            "23",
            "Báo cáo năm",
            "Như báo cáo 6 tháng, theo kỳ năm.",
            periodic.year,
            periodic.YearOptions,
            has_moment=False,
        ),
    )
}
