"""The commune's own work on its results: who answers for what, what is finished, what came back."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from communes import access
from communes.models import Membership, Unit
from criteria.models.results import ReportingPeriod, Submission
from criteria.models.sets import Criterion, Indicator


class CriterionOwnerQuerySet(access.ScopedQuerySet):
    def in_force(self, on: date) -> CriterionOwnerQuerySet:
        return self.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=on), starts_on__lte=on)

    def at_work(self, on: date) -> CriterionOwnerQuerySet:
        """Owners with an active account that has a role in force at the unit."""
        members = Membership.objects.in_force(on).filter(user=OuterRef("user"), unit=OuterRef("unit"))
        return self.filter(Exists(members), user__is_active=True)

    def resting_on(self, user: Any, now: Any, after: Any, on: date) -> CriterionOwnerQuerySet:
        """Criteria the user leads that day, or is to lead later, and nobody would once the roles in
        force are `after` (a queryset) instead of `now`. A lead without an account stays one."""
        first = Greatest(F("starts_on"), Value(on, models.DateField()))
        day = OuterRef("first_day")
        at_work = Exists(after.filter(user=OuterRef("user"), unit=OuterRef("unit")))
        left = CriterionOwner.objects.filter(
            Q(ends_on__isnull=True) | Q(ends_on__gte=day),
            Q(user__isnull=True) | Q(at_work),
            role=CriterionOwner.Role.LEAD,
            unit=OuterRef("unit"),
            criterion=OuterRef("criterion"),
            starts_on__lte=day,
        )
        led = self.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=on), user=user, role=CriterionOwner.Role.LEAD)
        here = Exists(now.filter(user=OuterRef("user"), unit=OuterRef("unit")))
        return led.annotate(first_day=first).filter(here, ~Exists(left))


class CriterionOwner(models.Model):
    """Who in a unit answers for a criterion from `starts_on` until the end of `ends_on` (None: still).

    A user, or somebody without an account, known by name and post. A hand-over ends the row
    and begins the successor's, so that history keeps the old name (`criteria.owners`).
    """

    class Role(models.TextChoices):
        LEAD = "lead", "Phụ trách chính"
        SUPPORT = "support", "Phối hợp"

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="criterion_owners", verbose_name="Đơn vị")
    criterion = models.ForeignKey(Criterion, models.PROTECT, related_name="owners", verbose_name="Tiêu chí")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="owned_criteria",
        verbose_name="Tài khoản",
    )
    name = models.CharField("Họ và tên", max_length=100)
    post = models.CharField("Chức vụ", max_length=150, blank=True)
    role = models.CharField("Vai trò", max_length=10, choices=Role.choices, default=Role.LEAD)
    starts_on = models.DateField("Từ ngày")
    ends_on = models.DateField("Đến hết ngày", null=True, blank=True)

    unit_path = "unit"
    criterion_path = "criterion"
    scope_kind = "work"
    objects = CriterionOwnerQuerySet.as_manager()

    class Meta:
        verbose_name = "người phụ trách tiêu chí"
        verbose_name_plural = "người phụ trách tiêu chí"
        ordering = ["criterion__number", "role", "pk"]
        constraints = [
            models.CheckConstraint(
                name="owner_ends_after_start",
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                violation_error_message="Ngày kết thúc phải từ ngày bắt đầu trở đi.",
            )
        ]
        indexes = [models.Index(fields=["unit", "criterion"], name="owner_unit_criterion")]

    def __str__(self) -> str:
        return self.name


class FinishedCriterion(models.Model):
    """An owner's word "Đã xong tiêu chí này", kept with who gave it and when.

    `seen` is the fingerprint of the criterion's drafts and new evidence at that moment: where it
    is another now, they were changed since. The current one has no `ended_at`; it ends when it is
    taken back or the criterion is sent, and stays as history.
    """

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="finished_criteria")
    criterion = models.ForeignKey(Criterion, models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    seen = models.CharField(max_length=16)
    ended_at = models.DateTimeField(null=True, blank=True)

    unit_path = "unit"
    scope_kind = "draft"
    objects = access.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "tiêu chí đã xong"
        verbose_name_plural = "tiêu chí đã xong"
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["unit", "criterion"], name="finished_once", condition=Q(ended_at__isnull=True)
            )
        ]


class SubmissionStep(models.Model):
    """One step of a sending after it was sent, with who and when: received, returned."""

    class Kind(models.TextChoices):
        RECEIVED = "received", "Tiếp nhận"
        RETURNED = "returned", "Trả lại để bổ sung"

    submission = models.ForeignKey(Submission, models.PROTECT, related_name="steps")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    note = models.TextField(blank=True, max_length=2000)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "bước của lần gửi"
        verbose_name_plural = "các bước của lần gửi"
        ordering = ["at", "pk"]


class PeriodStep(models.Model):
    """A reporting period was closed, or reopened with a reason; append-only, so that a period that was
    reopened still tells when its figures stood and why they were given up."""

    class Kind(models.TextChoices):
        CLOSED = "closed", "Khóa kỳ"
        REOPENED = "reopened", "Mở lại"

    period = models.ForeignKey(ReportingPeriod, models.PROTECT, related_name="steps")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    reason = models.TextField(blank=True, max_length=1000)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "bước của kỳ báo cáo"
        verbose_name_plural = "các bước của kỳ báo cáo"
        ordering = ["at", "pk"]
        constraints = [
            models.CheckConstraint(name="period_reopened_with_reason", condition=Q(kind="closed") | ~Q(reason=""))
        ]


class ReturnedIndicator(models.Model):
    """An indicator the level above gave back to be completed, with the reason.

    It is settled by the sending that publishes the indicator anew (`settled_by`).
    """

    submission = models.ForeignKey(Submission, models.PROTECT, related_name="returned")
    indicator = models.ForeignKey(Indicator, models.PROTECT, related_name="+")
    reason = models.TextField("Lý do trả lại", max_length=1000)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    settled_by = models.ForeignKey(Submission, models.PROTECT, null=True, blank=True, related_name="settles")

    unit_path = "submission__unit"
    scope_kind = "work"
    objects = access.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "chỉ tiêu trả lại"
        verbose_name_plural = "chỉ tiêu trả lại"
        ordering = ["indicator__criterion__number", "indicator__position", "pk"]
        constraints = [models.UniqueConstraint(fields=["submission", "indicator"], name="returned_once")]
