"""Every report there is, in the order of the list of reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django import forms

from reports.tables import departments, findings, headline, opinions, regression, villages
from reports.tables.asked import Asked
from reports.tables.table import Report


@dataclass(frozen=True)
class Kind:
    """One kind of report over an area. `form`: its number; `options`: a form whose cleaned data `draw`
    finds in `asked.options`; `has_stage`: whether it rests on one stage's opinions."""

    key: str
    form: str
    title: str
    about: str
    draw: Callable[[Asked], Report]
    options: type[forms.Form] | None = None
    has_stage: bool = True


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
            "Xã từng đạt đủ nay mất tiêu chí; minh chứng hết hiệu lực; yêu cầu đã nâng.",
            regression.draw,
            regression.Options,
            has_stage=False,
        ),
    )
}
