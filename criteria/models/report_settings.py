"""How a province's reports look."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from communes import access
from communes.models import Unit


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
