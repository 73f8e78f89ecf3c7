"""What a province asks of its communes each reporting period besides the criteria: tables of its own
(biểu bổ sung: funding by source, arrears, labour days, land given …) and what they have to say in words."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from communes import access
from communes.models import Unit
from criteria.models.results import ReportingPeriod


class SupplementaryTable(models.Model):
    """A table a province's communes fill in, one line a commune and period.

    It applies to periods of the kinds in `period_kinds` that end from `starts_on` until `ends_on` (None:
    still). It is ended, never deleted. `is_funding`: its sums stand in the six-month and yearly forms.
    Written by `criteria.supplementary` only, like its columns.
    """

    province = models.ForeignKey(Unit, models.PROTECT, related_name="supplementary_tables", verbose_name="Tỉnh")
    name = models.CharField("Tên biểu", max_length=200)
    purpose = models.TextField("Dùng để làm gì", max_length=500, blank=True)
    period_kinds = models.JSONField("Loại kỳ", default=list)
    is_funding = models.BooleanField("Biểu về nguồn lực", default=False)
    starts_on = models.DateField("Dùng từ ngày")
    ends_on = models.DateField("Dùng đến hết ngày", null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    updated_at = models.DateTimeField(default=timezone.now)

    # Its columns as `criteria.supplementary.tables_of_period` found them.
    listed: list[SupplementaryColumn]

    unit_path = "province"
    scope_kind = "unit"
    objects = access.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "biểu bổ sung"
        verbose_name_plural = "biểu bổ sung"
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["province", "name"],
                name="supplementary_name_unique",
                violation_error_message="Tỉnh đã có biểu bổ sung mang tên này.",
            ),
            models.CheckConstraint(
                name="supplementary_ends_after_start",
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                violation_error_message="Ngày kết thúc phải từ ngày bắt đầu trở đi.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def kind_labels(self) -> list[str]:
        return [label for kind, label in ReportingPeriod.Kind.choices if kind in self.period_kinds]

    def applies_to(self, period: ReportingPeriod) -> bool:
        """Whether communes are asked for it in that period."""
        in_use = self.starts_on <= period.ends_on and (self.ends_on is None or period.ends_on <= self.ends_on)
        return in_use and period.kind in self.period_kinds


class SupplementaryColumn(models.Model):
    """One thing asked. Out of use it keeps what was filled in; its kind is fixed once anything is."""

    class Kind(models.TextChoices):
        NUMBER = "number", "Số"
        MONEY = "money", "Tiền"
        TEXT = "text", "Chữ"
        CHOICE = "choice", "Chọn trong danh sách"

    SUMMED = frozenset({Kind.NUMBER, Kind.MONEY})

    table = models.ForeignKey(SupplementaryTable, models.PROTECT, related_name="columns")
    position = models.PositiveSmallIntegerField("Thứ tự")
    name = models.CharField("Tên cột", max_length=150)
    kind = models.CharField("Loại", max_length=10, choices=Kind.choices)
    measure = models.CharField("Đơn vị tính", max_length=30, blank=True)
    choices = models.JSONField("Danh sách để chọn", default=list, blank=True)
    is_required = models.BooleanField("Bắt buộc nhập", default=False)
    in_use = models.BooleanField("Đang dùng", default=True)
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "cột của biểu bổ sung"
        verbose_name_plural = "cột của biểu bổ sung"
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["table", "name"],
                name="supplementary_column_unique",
                violation_error_message="Biểu đã có cột mang tên này.",
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """The heading of the column: its name with the measure."""
        return f"{self.name} ({self.measure})" if self.measure else self.name

    @property
    def is_summed(self) -> bool:
        return self.kind in self.SUMMED


class FormerDefinition(models.Model):
    """How a table and its columns were defined from `saved_at` until the table's next version: never changed itself.
    What closed periods go by. Written by `criteria.supplementary` only.

    `fields`: the table's by name, days as 2024-06-30; `columns`: the same of each column, by its id as text.
    """

    table = models.ForeignKey(SupplementaryTable, models.PROTECT, related_name="former")
    version = models.PositiveIntegerField()
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    saved_at = models.DateTimeField()
    fields = models.JSONField(default=dict)
    columns = models.JSONField(default=dict)

    class Meta:
        verbose_name = "bản trước của biểu bổ sung"
        verbose_name_plural = "bản trước của biểu bổ sung"
        ordering = ["version"]
        constraints = [models.UniqueConstraint(fields=["table", "version"], name="former_definition_unique")]


class SupplementaryReturn(models.Model):
    """A table as one commune filled it in for one period."""

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="supplementary_returns")
    period = models.ForeignKey(ReportingPeriod, models.PROTECT, related_name="supplementary_returns")
    table = models.ForeignKey(SupplementaryTable, models.PROTECT, related_name="returns")
    version = models.PositiveIntegerField(default=1)
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    saved_at = models.DateTimeField(default=timezone.now)

    unit_path = "unit"
    scope_kind = "unit"
    objects = access.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "biểu bổ sung đã nhập"
        verbose_name_plural = "biểu bổ sung đã nhập"
        constraints = [
            models.UniqueConstraint(fields=["unit", "period", "table"], name="supplementary_return_unique"),
        ]


class SupplementaryValue(models.Model):
    """One cell: a number for columns that are summed, else text. A blank cell has no row."""

    filled = models.ForeignKey(SupplementaryReturn, models.PROTECT, related_name="values")
    column = models.ForeignKey(SupplementaryColumn, models.PROTECT, related_name="values")
    number = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    text = models.CharField(max_length=1000, blank=True)

    class Meta:
        verbose_name = "ô của biểu bổ sung"
        verbose_name_plural = "ô của biểu bổ sung"
        constraints = [
            models.UniqueConstraint(fields=["filled", "column"], name="supplementary_value_unique"),
        ]

    @property
    def content(self) -> Decimal | str:
        return self.text if self.number is None else self.number


class FormerReturn(models.Model):
    """What a table held from `saved_at` until it was saved again: never changed itself. What a closed period's
    form goes by where it compares itself with another period, which may be open. Written by `criteria.supplementary`.

    `cells`: [[column id, number as text or null, text], …].
    """

    filled = models.ForeignKey(SupplementaryReturn, models.PROTECT, related_name="former")
    version = models.PositiveIntegerField()
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    saved_at = models.DateTimeField()
    cells = models.JSONField(default=list)

    class Meta:
        verbose_name = "bản trước của biểu bổ sung đã nhập"
        verbose_name_plural = "bản trước của biểu bổ sung đã nhập"
        ordering = ["version"]
        constraints = [models.UniqueConstraint(fields=["filled", "version"], name="former_return_unique")]


class PeriodText(models.Model):
    """What a commune tells of a period in words. Written by `criteria.supplementary` only."""

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="period_texts")
    period = models.ForeignKey(ReportingPeriod, models.PROTECT, related_name="texts")
    results = models.TextField("Kết quả", max_length=5000, blank=True)
    difficulties = models.TextField("Khó khăn, vướng mắc", max_length=5000, blank=True)
    proposals = models.TextField("Kiến nghị, đề xuất", max_length=5000, blank=True)
    version = models.PositiveIntegerField(default=1)
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    saved_at = models.DateTimeField(default=timezone.now)

    # The texts with their headings, in the order reports have them.
    PARTS = (
        ("results", "Kết quả"),
        ("difficulties", "Khó khăn, vướng mắc"),
        ("proposals", "Kiến nghị, đề xuất"),
    )

    unit_path = "unit"
    scope_kind = "work"
    objects = access.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "nội dung báo cáo kỳ"
        verbose_name_plural = "nội dung báo cáo kỳ"
        constraints = [models.UniqueConstraint(fields=["unit", "period"], name="period_text_unique")]
