"""Tables people hand in: looked at first, written once, and kept with what came of them."""

from __future__ import annotations

import json
import uuid
import zlib
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from communes import access
from communes.models import Unit
from criteria.models.evidence import random_name
from criteria.models.sets import CriteriaSet


def stored_name(instance: models.Model, filename: str) -> str:
    return random_name("uploads")


class PackedJSONField(models.Field):
    """JSON that is only ever read whole, kept packed: the database has 0,1 MB to store of a plan of 12.000 rows
    instead of 2,3 MB to take apart and put together again."""

    def get_internal_type(self) -> str:
        return "BinaryField"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return None if value is None else json.loads(zlib.decompress(value))

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if value is None:
            return None
        return connection.Database.Binary(zlib.compress(json.dumps(value).encode(), level=1))


class Upload(models.Model):
    """One uploaded file (a workbook, of a set also JSON) on its way into the tables.

    `unit` is the place it speaks of (a commune, a district, a province; empty: the nation),
    `options` what its sender chose beside it, by kind. `plan` is what writing it would do, as
    `criteria.uploads.Plan`; what was confirmed is compared with it by `fingerprint`. `result`
    says what was written. It is SETUP while its sender still says how it is to be read;
    `rows_done` of `rows` are checked while it is CHECKING.
    """

    class Kind(models.TextChoices):
        CRITERIA_SET = "criteria_set", "Bộ tiêu chí"
        TARGETS = "targets", "Yêu cầu của tỉnh"
        GROUPS = "groups", "Nhóm xã"
        ENTRIES = "entries", "Kết quả nhập theo biểu"
        HISTORY = "history", "Số liệu các năm trước"

    class State(models.TextChoices):
        SETUP = "setup", "Đang khai báo"
        CHECKING = "checking", "Đang kiểm tra"
        READY = "ready", "Chờ xác nhận"
        WRITING = "writing", "Đang ghi"
        DONE = "done", "Đã ghi"
        REFUSED = "refused", "Không nhận"
        VOIDED = "voided", "Đã hủy"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField("Loại", max_length=15, choices=Kind.choices)
    state = models.CharField("Trạng thái", max_length=10, choices=State.choices, default=State.CHECKING)
    unit = models.ForeignKey(Unit, models.PROTECT, null=True, blank=True, related_name="uploads")
    criteria_set = models.ForeignKey(CriteriaSet, models.PROTECT, null=True, blank=True, related_name="uploads")
    options = models.JSONField(default=dict, blank=True)
    file = models.FileField(upload_to=stored_name, max_length=120)
    original_name = models.CharField(max_length=200)
    size = models.PositiveIntegerField(default=0)
    sha256 = models.CharField(max_length=64)
    rows = models.PositiveIntegerField(default=0)
    rows_done = models.PositiveIntegerField(default=0)
    plan = PackedJSONField(default=dict, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    problem = models.TextField(blank=True)
    result = models.JSONField(default=dict, blank=True)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="uploads")
    uploaded_at = models.DateTimeField("Tải lên lúc", default=timezone.now)
    applied_at = models.DateTimeField("Ghi lúc", null=True, blank=True)
    voided_at = models.DateTimeField("Hủy lúc", null=True, blank=True)
    voided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    void_reason = models.CharField("Lý do hủy", max_length=500, blank=True)

    unit_path = "unit"
    scope_kind = "upload"
    objects = access.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "tệp tải lên"
        verbose_name_plural = "tệp tải lên"
        ordering = ["-uploaded_at", "pk"]
        constraints = [
            models.CheckConstraint(
                name="upload_void_has_reason", condition=Q(voided_at__isnull=True) | ~Q(void_reason="")
            )
        ]
        indexes = [models.Index(fields=["uploaded_by", "kind", "-uploaded_at"], name="upload_own")]

    def __str__(self) -> str:
        return self.original_name


class RememberedChoice(models.Model):
    """How a province read something in its old tables: what a row of headings means, which commune a
    name is. Offered again with the next table; `key` says of what, `choice` what was chosen."""

    class About(models.TextChoices):
        COLUMNS = "columns", "Ý nghĩa các cột"
        COMMUNE = "commune", "Tên xã"
        MARK = "mark", "Ý nghĩa dấu"

    province = models.ForeignKey(Unit, models.CASCADE, related_name="remembered_choices")
    about = models.CharField(max_length=10, choices=About.choices)
    key = models.CharField(max_length=200)
    choice = models.JSONField()
    chosen_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    chosen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "lựa chọn khi nhập bảng cũ"
        verbose_name_plural = "lựa chọn khi nhập bảng cũ"
        constraints = [models.UniqueConstraint(fields=["province", "about", "key"], name="remembered_choice_unique")]

    def __str__(self) -> str:
        return f"{self.get_about_display()}: {self.key}"
