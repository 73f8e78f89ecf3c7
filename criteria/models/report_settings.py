"""How a province's reports look, and by which groups of criteria met they count communes."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from communes import access
from communes.models import Unit
from criteria.models.sets import CriteriaSet


class ReportSettings(models.Model):
    """How a province's reports look: numbers of forms, agencies, signatures, marks; blank: the product's own.

    `form_numbers`: by the product's own number. `marks`: by state. Posts may have several lines. In a
    district's lines "{huyện}" stands for the district's name. Read by `reports.house`.
    """

    province = models.OneToOneField(Unit, models.PROTECT, related_name="report_settings")
    form_numbers = models.JSONField(default=dict, blank=True)
    marks = models.JSONField(default=dict, blank=True)
    province_above = models.CharField("Cơ quan cấp trên", max_length=150, blank=True)
    province_office = models.CharField("Cơ quan lập biểu", max_length=150, blank=True)
    province_left = models.CharField("Chức danh bên trái", max_length=200, blank=True)
    province_left_name = models.CharField("Họ tên bên trái", max_length=100, blank=True)
    province_right = models.CharField("Chức danh bên phải", max_length=200, blank=True)
    province_right_name = models.CharField("Họ tên bên phải", max_length=100, blank=True)
    district_above = models.CharField("Cơ quan cấp trên", max_length=150, blank=True)
    district_office = models.CharField("Cơ quan lập biểu", max_length=150, blank=True)
    district_left = models.CharField("Chức danh bên trái", max_length=200, blank=True)
    district_right = models.CharField("Chức danh bên phải", max_length=200, blank=True)
    version = models.PositiveIntegerField(default=1)
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    updated_at = models.DateTimeField(default=timezone.now)

    unit_path = "province"
    scope_kind = "unit"
    objects = access.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "trình bày báo cáo"
        verbose_name_plural = "trình bày báo cáo"


class BucketScheme(models.Model):
    """The groups of communes by criteria met (nhóm xã theo số tiêu chí) that count from `recorded_at` on.

    Never changed: a later row takes an earlier one's place. `form`: the product's own number of the report,
    "" for all of them. `buckets` as in `CriteriaSet.buckets`; none: the wider scheme's again. Without a
    province: the set's own, kept where they change once the set is in use. Read by `criteria.buckets`.
    """

    province = models.ForeignKey(Unit, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="Tỉnh")
    criteria_set = models.ForeignKey(CriteriaSet, models.CASCADE, related_name="bucket_schemes")
    form = models.CharField("Biểu", max_length=4, blank=True)
    buckets = models.JSONField("Nhóm xã theo số tiêu chí", default=list, blank=True)
    recorded_at = models.DateTimeField(default=timezone.now)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    unit_path = "province"
    scope_kind = "unit"
    objects = access.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "nhóm xã theo số tiêu chí"
        verbose_name_plural = "nhóm xã theo số tiêu chí"
        ordering = ["-recorded_at", "-pk"]
        indexes = [models.Index(fields=["criteria_set", "province", "-recorded_at"], name="bucket_scheme_newest")]
