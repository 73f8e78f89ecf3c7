"""Reports too large to be drawn while somebody waits: who asked for one, how far it is, where its file lies."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from communes import access
from criteria.models.evidence import random_name

KEPT = timedelta(days=30)


def stored_name(job: ReportJob, filename: str) -> str:
    return random_name("reports")


def kept_until() -> datetime:
    return timezone.now() + KEPT


class ReportJobQuerySet(access.ScopedQuerySet):
    def kept(self, at: datetime) -> ReportJobQuerySet:
        """Jobs that aren't yet to be swept away."""
        return self.filter(expires_at__gt=at)

    def open(self) -> ReportJobQuerySet:
        """Jobs that wait for a worker or are with one."""
        return self.filter(state__in=OPEN)


class ReportJob(models.Model):
    """One report somebody asked for, built in the background by `reports.jobs`.

    `kind` names its builder, `params` are what that takes, `fingerprint` tells equal requests.
    A running job belongs to its worker until `leased_until`, which progress moves on; after that
    another may begin it anew. `attempt` counts the beginnings: who holds an earlier one has lost it.
    `done` of `total` are in the builder's own measure. There is a file only of a job that is done; it holds the
    results of the criteria `limited_to` (ids), None: of all, as who asked could see them then.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Đang chờ"
        RUNNING = "running", "Đang lập"
        DONE = "done", "Đã lập xong"
        FAILED = "failed", "Không lập được"
        CANCELLED = "cancelled", "Đã hủy"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="report_jobs")
    kind = models.CharField("Loại", max_length=40)
    params = models.JSONField(default=dict)
    fingerprint = models.CharField(max_length=64)
    title = models.CharField("Báo cáo", max_length=300)
    state = models.CharField("Trạng thái", max_length=10, choices=State.choices, default=State.QUEUED)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    progress_text = models.CharField(max_length=120, blank=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=64, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    file = models.FileField(upload_to=stored_name, max_length=120, blank=True)
    file_name = models.CharField("Tên tệp", max_length=200, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    limited_to = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField("Yêu cầu lúc", default=timezone.now)
    started_at = models.DateTimeField("Bắt đầu lúc", null=True, blank=True)
    finished_at = models.DateTimeField("Kết thúc lúc", null=True, blank=True)
    expires_at = models.DateTimeField("Giữ đến", default=kept_until)

    scope_kind = "report_job"
    objects = ReportJobQuerySet.as_manager()

    class Meta:
        verbose_name = "báo cáo lập ở nền"
        verbose_name_plural = "báo cáo lập ở nền"
        ordering = ["-created_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                name="report_job_open_once",
                fields=["asked_by", "kind", "fingerprint"],
                condition=Q(state__in=["queued", "running"]),
                violation_error_message="Báo cáo này đang được lập.",
            ),
            models.CheckConstraint(
                name="report_job_file_when_done",
                condition=(Q(state="done") & ~Q(file="")) | (~Q(state="done") & Q(file="")),
                violation_error_message="Chỉ báo cáo đã lập xong mới có tệp.",
            ),
            models.CheckConstraint(
                name="report_job_running_is_leased",
                condition=~Q(state="running") | Q(leased_until__isnull=False),
                violation_error_message="Báo cáo đang lập phải có máy nhận.",
            ),
        ]
        indexes = [models.Index(fields=["asked_by", "-created_at"], name="report_job_own")]

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def percent(self) -> int | None:
        """How far it is, in whole per cent rounded down; None where the builder hasn't said."""
        return min(100, self.done * 100 // self.total) if self.total else None

    def holds_more_than(self, criteria: set[int] | None) -> bool:
        """Whether the file holds criteria beyond these, the ones its reader is limited to now (None: to none)."""
        return criteria is not None and (self.limited_to is None or not criteria.issuperset(self.limited_to))


OPEN = (ReportJob.State.QUEUED, ReportJob.State.RUNNING)
