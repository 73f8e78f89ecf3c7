"""Base figures (số liệu nền): what a unit counts once a year and many indicators divide by."""

from __future__ import annotations

from typing import NamedTuple

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from communes import access
from communes.models import Unit


class FigureKind(NamedTuple):
    """One kind of base figure.

    `nouns` are those of `criteria.nouns.whole_noun` whose whole it is; a figure that is nobody's
    whole only helps to check the others. `is_whole`: counted one by one, so no decimals.
    """

    key: str
    label: str
    measure: str
    nouns: tuple[str, ...] = ()
    is_whole: bool = True


FIGURES = (
    FigureKind("households", "Tổng số hộ", "hộ", ("hộ",)),
    FigureKind("poor_households", "Số hộ nghèo", "hộ"),
    FigureKind("near_poor_households", "Số hộ cận nghèo", "hộ"),
    FigureKind("population", "Dân số", "người", ("người",)),
    FigureKind("workers", "Số lao động", "người", ("lao động",)),
    FigureKind("children_under_5", "Số trẻ em dưới 5 tuổi", "trẻ em", ("trẻ em",)),
    FigureKind("villages", "Số thôn, bản, ấp", "thôn", ("thôn",)),
    FigureKind("schools", "Số trường học các cấp", "trường", ("trường",)),
    FigureKind("commune_roads", "Chiều dài đường xã", "km", ("đường xã",), is_whole=False),
    FigureKind("village_roads", "Chiều dài đường thôn và đường liên thôn", "km", ("đường thôn",), is_whole=False),
    FigureKind("lanes", "Chiều dài đường ngõ, xóm", "km", ("đường ngõ",), is_whole=False),
    FigureKind("field_roads", "Chiều dài đường trục chính nội đồng", "km", ("đường nội đồng",), is_whole=False),
    FigureKind("farmland", "Diện tích đất sản xuất nông nghiệp", "ha", ("đất nông nghiệp",), is_whole=False),
)
FIGURE_OF = {figure.key: figure for figure in FIGURES}
FIGURE_NOUNS = frozenset(noun for figure in FIGURES for noun in figure.nouns)

# What can't be more than what: sums of the first, at most the second.
LIMITS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("poor_households",), "households"),
    (("near_poor_households",), "households"),
    (("poor_households", "near_poor_households"), "households"),
    (("households",), "population"),
    (("villages",), "households"),
    (("workers",), "population"),
    (("children_under_5",), "population"),
    (("workers", "children_under_5"), "population"),
)


class BaseFigure(models.Model):
    """One figure of a unit for one year; entered once, it is suggested wherever an indicator divides by it.

    `key` is one of FIGURES, which gives the measure. Written by `criteria.base_figures` only.
    """

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="base_figures", verbose_name="Đơn vị")
    year = models.PositiveSmallIntegerField("Năm")
    key = models.CharField("Số liệu", max_length=30)
    value = models.DecimalField("Giá trị", max_digits=18, decimal_places=4)
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    updated_at = models.DateTimeField(default=timezone.now)

    unit_path = "unit"
    scope_kind = "base_figure"
    objects = access.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "số liệu nền"
        verbose_name_plural = "số liệu nền"
        constraints = [
            models.UniqueConstraint(fields=["unit", "year", "key"], name="base_figure_unique"),
            models.CheckConstraint(
                name="base_figure_not_negative",
                condition=Q(value__gte=0),
                violation_error_message="Số liệu nền không được âm.",
            ),
        ]
