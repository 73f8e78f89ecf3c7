"""Which communes were recognised (công nhận) to have reached a set's standard, by which decision."""

from __future__ import annotations

from datetime import date, datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from communes import access
from communes.models import Unit
from criteria.models.sets import CriteriaSet


class RecognitionQuerySet(access.ScopedQuerySet):
    def known(self, known_at: datetime | None = None) -> RecognitionQuerySet:
        """Those recorded and not voided by then (None: now)."""
        if known_at is None:
            return self.filter(voided_at__isnull=True)
        return self.filter(Q(voided_at__isnull=True) | Q(voided_at__gt=known_at), recorded_at__lte=known_at)

    def in_force(self, on: date, known_at: datetime | None = None) -> RecognitionQuerySet:
        """Those decided by that day and not revoked by then, as known at `known_at` (None: now)."""
        revoked = Q(revoked_on__lte=on)
        if known_at is not None:
            revoked &= Q(revoked_at__lte=known_at)
        # Where no day is noted the condition is neither true nor false: said by hand, as SQL would drop the row.
        return self.known(known_at).filter(Q(revoked_on__isnull=True) | ~revoked, decided_on__lte=on)


class Recognition(models.Model):
    """A commune recognised by a decision of the province; the set says level and grade.

    Never worked out from criteria and never carried over to the commune a merger makes: there the province
    decides anew. A wrong row is voided with its reason; a revocation (thu hồi) is noted with its own decision.
    Written by `criteria.recognitions` only.
    """

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="recognitions")
    criteria_set = models.ForeignKey(CriteriaSet, models.PROTECT, related_name="recognitions")
    decision = models.CharField("Quyết định công nhận", max_length=100)
    decided_on = models.DateField("Ngày quyết định")
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(default=timezone.now)
    revoked_decision = models.CharField("Quyết định thu hồi", max_length=100, blank=True)
    revoked_on = models.DateField("Ngày quyết định thu hồi", null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    void_reason = models.CharField("Lý do hủy", max_length=500, blank=True)

    unit_path = "unit"
    scope_kind = "published"
    objects = RecognitionQuerySet.as_manager()

    class Meta:
        verbose_name = "công nhận đạt chuẩn"
        verbose_name_plural = "các công nhận đạt chuẩn"
        ordering = ["decided_on", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["unit", "criteria_set"],
                name="recognition_once",
                condition=Q(voided_at__isnull=True, revoked_on__isnull=True),
                violation_error_message="Xã đã được công nhận theo bộ tiêu chí này.",
            ),
            models.CheckConstraint(
                name="recognition_revoked_whole",
                condition=Q(revoked_on__isnull=True, revoked_at__isnull=True, revoked_decision="")
                | Q(revoked_on__gte=F("decided_on"), revoked_at__isnull=False) & ~Q(revoked_decision=""),
            ),
            models.CheckConstraint(
                name="recognition_void_has_reason", condition=Q(voided_at__isnull=True) | ~Q(void_reason="")
            ),
        ]

    def is_revoked(self, on: date, known_at: datetime | None = None) -> bool:
        """Whether it was revoked by that day, as known at `known_at` (None: now)."""
        if self.revoked_on is None or self.revoked_at is None or self.revoked_on > on:
            return False
        return known_at is None or self.revoked_at <= known_at

    @property
    def words(self) -> str:
        """By which decision: "123/QĐ-UBND, 31/12/2023"."""
        return f"{self.decision}, {self.decided_on:%d/%m/%Y}"
