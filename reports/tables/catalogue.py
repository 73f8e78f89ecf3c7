"""Every report there is, in the order of the list of reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django import forms

from reports.tables import headline
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
    )
}
