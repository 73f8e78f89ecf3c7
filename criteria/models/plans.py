"""What units mean to reach: planned results, and communes registered to reach the standard in a year."""

from __future__ import annotations

from datetime import date, datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from communes import access
from communes.models import Unit
from criteria.models.sets import CriteriaSet, Indicator
from criteria.verdicts import Verdict


class PlanQuerySet(access.ScopedQuerySet):
    def known(self, known_at: datetime | None = None) -> PlanQuerySet:
        """Those saved by then (None: now), the latest version of each last."""
        rows = self if known_at is None else self.filter(saved_at__lte=known_at)
        return rows.order_by("version")


class Plan(models.Model):
    """What a unit plans to have reached on one indicator by `ends_on`, the end of a half-year or year.

    Append-only: each save is a new `version` (from 1), the greatest is in force, so that a table
    of a closed period finds what was planned then. One with neither value nor verdict: taken back.
    Written by `criteria.plans` only.
    """

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="plans")
    indicator = models.ForeignKey(Indicator, models.PROTECT, related_name="plans")
    ends_on = models.DateField("Đến ngày")
    value = models.DecimalField("Kế hoạch", null=True, blank=True, max_digits=18, decimal_places=4)
    verdict = models.CharField("Đánh giá", max_length=15, choices=Verdict.choices, blank=True)
    note = models.CharField("Ghi chú", max_length=500, blank=True)
    version = models.PositiveIntegerField(default=1)
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    saved_at = models.DateTimeField(default=timezone.now)

    unit_path = "unit"
    scope_kind = "published"
    objects = PlanQuerySet.as_manager()

    class Meta:
        verbose_name = "kết quả kế hoạch"
        verbose_name_plural = "kết quả kế hoạch"
        constraints = [
            models.UniqueConstraint(fields=["unit", "ends_on", "indicator", "version"], name="plan_version_unique")
        ]


class RegistrationQuerySet(access.ScopedQuerySet):
    def in_force(self, on: date, known_at: datetime | None = None) -> RegistrationQuerySet:
        """Registrations decided by that day and not withdrawn by then, as known at `known_at` (None: now)."""
        withdrawn = Q(withdrawn_on__lte=on)
        if known_at is not None:
            withdrawn &= Q(withdrawn_at__lte=known_at)
        rows = self.filter(decided_on__lte=on).exclude(withdrawn)
        return rows if known_at is None else rows.filter(recorded_at__lte=known_at)


class Registration(models.Model):
    """A commune registered to reach a set's standard in a year (đăng ký đạt chuẩn), by which decision.

    The list changes within a year: one taken back stays with its reason. Written by
    `criteria.registrations` only.
    """

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="registrations")
    criteria_set = models.ForeignKey(CriteriaSet, models.PROTECT, related_name="registrations")
    year = models.PositiveSmallIntegerField("Năm đăng ký")
    decision = models.CharField("Văn bản", max_length=100)
    decided_on = models.DateField("Ngày văn bản")
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(default=timezone.now)
    withdrawn_on = models.DateField("Rút ngày", null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField("Lý do rút", max_length=500, blank=True)

    unit_path = "unit"
    scope_kind = "published"
    objects = RegistrationQuerySet.as_manager()

    class Meta:
        verbose_name = "đăng ký đạt chuẩn"
        verbose_name_plural = "các đăng ký đạt chuẩn"
        ordering = ["year", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["unit", "criteria_set", "year"],
                name="registration_once",
                condition=Q(withdrawn_at__isnull=True),
                violation_error_message="Xã đã đăng ký năm này.",
            ),
            models.CheckConstraint(
                name="registration_withdrawn_whole",
                condition=Q(withdrawn_on__isnull=True, withdrawn_at__isnull=True, reason="")
                | Q(withdrawn_on__isnull=False, withdrawn_at__isnull=False) & ~Q(reason=""),
            ),
        ]
        indexes = [models.Index(fields=["criteria_set", "year"], name="registration_of_year")]
