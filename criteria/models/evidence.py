"""The proof: documents and pictures of a unit, tied to the indicators they prove."""

from __future__ import annotations

import uuid
from datetime import date, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from communes import access
from communes.models import Unit
from communes.names import search_name
from criteria.models.sets import Indicator


def stored_name(evidence: Evidence, filename: str) -> str:
    """Where the file of a document lies; nothing of the person's file name is in it."""
    return random_name("evidence")


def random_name(folder: str) -> str:
    """A name nobody can guess: evidence/3f/3fa9….bin."""
    token = uuid.uuid4().hex
    return f"{folder}/{token[:2]}/{token}.bin"


FIRST_YEAR = 1945  # no document of the state is older


class EvidenceQuerySet(access.ScopedQuerySet):
    def in_use(self) -> EvidenceQuerySet:
        return self.filter(retired_at__isnull=True)

    def search(self, text: str) -> EvidenceQuerySet:
        """Documents whose title and number hold every word of `text`, whatever case and
        diacritics; a year is also looked for in the day of issue."""
        found = self
        for word in search_name(text).split():
            held = Q(search_text__contains=word)
            if len(word) == 4 and word.isdecimal() and int(word) >= FIRST_YEAR:
                held |= Q(issued_on__year=int(word))
            found = found.filter(held)
        return found

    def expired(self, on: date) -> EvidenceQuerySet:
        return self.filter(expires_on__lt=on)

    def expiring(self, on: date, days: int) -> EvidenceQuerySet:
        """Documents that still hold on a day and no longer do `days` days later."""
        return self.filter(expires_on__gte=on, expires_on__lt=on + timedelta(days=days))


class Evidence(models.Model):
    """A document a unit holds as proof.

    Three forms: a file; only on paper (number, date and `kept_at` where it is kept);
    classified and therefore not uploaded (`checked_by` who looked at it). Files are
    recognised by their bytes (`sha256`) within the unit only. Never deleted, except the
    undo of a fresh upload; otherwise retired with a reason. `search_text` is derived from
    title and number (`communes.names.search_name`).
    """

    class Form(models.TextChoices):
        FILE = "file", "Tệp"
        PAPER = "paper", "Chỉ có bản giấy"
        CLASSIFIED = "classified", "Tài liệu mật – không tải lên"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    unit = models.ForeignKey(Unit, models.PROTECT, related_name="evidence", verbose_name="Đơn vị")
    form = models.CharField("Hình thức", max_length=10, choices=Form.choices, default=Form.FILE)
    title = models.CharField("Tên tài liệu", max_length=250)
    document_number = models.CharField("Số, ký hiệu", max_length=80, blank=True)
    search_text = models.CharField(max_length=340, blank=True, editable=False)
    issued_on = models.DateField("Ngày ban hành", null=True, blank=True)
    expires_on = models.DateField("Hết hiệu lực sau ngày", null=True, blank=True)
    has_personal_data = models.BooleanField("Có dữ liệu cá nhân", default=False)
    kept_at = models.CharField("Nơi lưu bản giấy", max_length=200, blank=True)
    checked_by = models.CharField("Người đã kiểm tra", max_length=200, blank=True)
    file = models.FileField(upload_to=stored_name, blank=True, max_length=120)
    original_name = models.CharField(max_length=200, blank=True)
    content_type = models.CharField(max_length=100, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True, blank=True)
    retired_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    retire_reason = models.CharField("Lý do ngừng sử dụng", max_length=500, blank=True)

    unit_path = "unit"
    scope_kind = "evidence"
    objects = EvidenceQuerySet.as_manager()

    class Meta:
        verbose_name = "minh chứng"
        verbose_name_plural = "minh chứng"
        ordering = ["-uploaded_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["unit", "sha256"],
                name="evidence_bytes_unique",
                condition=Q(retired_at__isnull=True) & ~Q(sha256=""),
            ),
            models.CheckConstraint(
                name="evidence_file_or_none",
                condition=Q(form="file") ^ Q(file=""),
            ),
            models.CheckConstraint(
                name="evidence_retired_with_reason", condition=Q(retired_at__isnull=True) | ~Q(retire_reason="")
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def set_search_text(self) -> None:
        """Refresh what is derived from title and number; call before saving either."""
        self.search_text = search_name(f"{self.title} {self.document_number}")

    @property
    def is_image(self) -> bool:
        return self.content_type.startswith("image/")

    def is_expired(self, on: date) -> bool:
        return has_expired(self.expires_on, on)


def has_expired(expires_on: date | None, on: date) -> bool:
    """Whether a document that holds until the end of `expires_on` (None: without limit) no longer does on a day."""
    return expires_on is not None and expires_on < on


class FormerEvidence(models.Model):
    """What a sent document was called and until when it held, until `ended_at`, when that was described anew: never
    changed itself. What closed periods go by (`criteria.evidence_history`)."""

    evidence = models.ForeignKey(Evidence, models.CASCADE, related_name="former")
    title = models.CharField(max_length=250)
    document_number = models.CharField(max_length=80, blank=True)
    issued_on = models.DateField(null=True, blank=True)
    expires_on = models.DateField(null=True, blank=True)
    ended_at = models.DateTimeField()

    class Meta:
        verbose_name = "thông tin minh chứng trước đây"
        verbose_name_plural = "thông tin minh chứng trước đây"
        ordering = ["evidence_id", "ended_at"]
        indexes = [models.Index(fields=["evidence", "ended_at"])]

    def __str__(self) -> str:
        return self.title


class EvidenceLink(models.Model):
    """Evidence proves an indicator of a unit (the holder itself, or its successor).

    `published_at` is set when the unit sends: areas above see published links only.
    A published link is removed by date, an unpublished one is deleted.
    """

    evidence = models.ForeignKey(Evidence, models.CASCADE, related_name="links")
    unit = models.ForeignKey(Unit, models.PROTECT, related_name="evidence_links")
    indicator = models.ForeignKey(Indicator, models.PROTECT, related_name="evidence_links")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    published_at = models.DateTimeField(null=True, blank=True)
    submission = models.ForeignKey(
        "Submission", models.PROTECT, null=True, blank=True, related_name="links", verbose_name="Lần gửi"
    )
    removed_at = models.DateTimeField(null=True, blank=True)
    removed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    unit_path = "unit"
    scope_kind = "evidence_link"
    objects = access.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "liên kết minh chứng"
        verbose_name_plural = "liên kết minh chứng"
        ordering = ["created_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                F("evidence"),
                F("unit"),
                F("indicator"),
                name="evidence_link_unique",
                condition=Q(removed_at__isnull=True),
            )
        ]
        indexes = [models.Index(fields=["unit", "indicator"])]
