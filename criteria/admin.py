"""Criteria sets, targets, departments' duties, reporting periods and reports of wrong targets in the admin."""

import logging
from collections.abc import Iterator
from copy import copy
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import models
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from communes.access import require
from communes.models import Level, Unit
from communes.reference import CleanForm, ReadOnlyInline, ScopedAdmin, own_provinces
from communes.text import clean_text
from criteria.buckets import keep_former
from criteria.departments import why_duty_fixed
from criteria.models import (
    CriteriaSet,
    Criterion,
    CriterionDepartment,
    Indicator,
    ReportingPeriod,
    Revision,
    Target,
    TargetReport,
)
from criteria.period_steps import why_fixed
from criteria.publish import void
from criteria.target_history import keep
from criteria.workshop.local_targets import confirm, withdraw

audit = logging.getLogger("ntm.audit")


def own_targets(request: HttpRequest) -> Q:
    """Targets a person answers for by default: a coordinator the province's, a superuser the nation's."""
    if request.user.is_superuser:
        return Q(province__isnull=True, unit__isnull=True)
    provinces = own_provinces(request)
    return Q(province__in=provinces) | Q(unit__province__in=provinces)


class CriterionInline(ReadOnlyInline):
    model = Criterion
    fields = ["number", "name", "group", "is_key", "provenance"]
    show_change_link = True


@admin.register(CriteriaSet)
class CriteriaSetAdmin(ScopedAdmin):
    province_paths = ("province",)
    coordinators = {"view"}
    fieldsets = (
        (None, {"fields": ["code", "name", "level", "grade", "requires", "province", "status"]}),
        ("Văn bản", {"fields": ["decision", "amended_by", "issued_on", "effective_on", "first_year", "last_year"]}),
        (
            "Cách tính",
            {
                "fields": [
                    "nearly_met_threshold",
                    "official_criteria",
                    "official_indicators",
                    "variants",
                    "mountain_variant",
                    "buckets",
                    "rules",
                ]
            },
        ),
        ("Ghi chú", {"fields": ["note", "sources"]}),
    )
    inlines = [CriterionInline]
    list_display = ["name", "code", "level", "grade", "period", "decision", "province", "status"]
    list_filter = ["level", "grade", "status"]
    list_select_related = ["province"]
    search_fields = ["name", "code", "decision"]

    def save_model(self, request: HttpRequest, obj: CriteriaSet, form: Any, change: bool) -> None:
        if "status" in form.changed_data:
            obj.published_at = timezone.now()
        super().save_model(request, obj, form, change)
        if change and "buckets" in form.changed_data:
            keep_former(obj, form.initial["buckets"], by=request.user)

    @admin.display(description="Giai đoạn", ordering="first_year")
    def period(self, criteria_set: CriteriaSet) -> str:
        return criteria_set.period


class IndicatorInline(ReadOnlyInline):
    model = Indicator
    fields = ["code", "name", "kind", "measure", "needs_evidence", "provenance"]
    show_change_link = True


@admin.register(Criterion)
class CriterionAdmin(ScopedAdmin):
    """Coordinators read criteria, and confirm their own province's targets of a whole criterion from here."""

    province_paths = ("criteria_set__province",)
    coordinators = {"view"}
    fields = ["criteria_set", "number", "name", "group", "group_name", "is_key", "provenance", "note"]
    inlines = [IndicatorInline]
    list_display = ["number", "name", "criteria_set", "is_key", "confirmed"]
    list_display_links = ["name"]
    list_filter = ["criteria_set"]
    list_select_related = ["criteria_set"]
    search_fields = ["name"]
    actions = ["confirm_targets", "withdraw_targets"]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        mine = Q(indicators__targets__in=Target.objects.filter(own_targets(request)))
        return (
            super()
            .get_queryset(request)
            .annotate(
                targets=Count("indicators__targets", filter=mine),
                targets_confirmed=Count(
                    "indicators__targets", filter=mine & Q(indicators__targets__confirmed_at__isnull=False)
                ),
            )
        )

    @admin.display(description="Yêu cầu đã xác nhận")
    def confirmed(self, criterion: Criterion) -> str:
        """Confirmed of all targets the person answers for."""
        return f"{criterion.targets_confirmed}/{criterion.targets}"  # type: ignore[attr-defined]

    def _targets(self, request: HttpRequest, criteria: models.QuerySet) -> models.QuerySet:
        # The annotated rows can't stand in a subquery of one column.
        return Target.objects.filter(
            own_targets(request), indicator__criterion__in=list(criteria.values_list("pk", flat=True))
        )

    @admin.action(description="Xác nhận mọi yêu cầu của tiêu chí", permissions=["view"])
    def confirm_targets(self, request: HttpRequest, criteria: models.QuerySet) -> None:
        number = confirm(self._targets(request, criteria), request.user)
        self.message_user(request, f"Đã xác nhận {number} yêu cầu.", messages.SUCCESS)

    @admin.action(description="Bỏ xác nhận mọi yêu cầu của tiêu chí", permissions=["view"])
    def withdraw_targets(self, request: HttpRequest, criteria: models.QuerySet) -> None:
        number = withdraw(self._targets(request, criteria), request.user)
        self.message_user(request, f"Đã bỏ xác nhận {number} yêu cầu.", messages.SUCCESS)


class TargetInline(ReadOnlyInline):
    """What the indicator demands, as far as the person sees it."""

    model = Target
    fields = ["province", "unit", "variant", "from_year", "operator", "value", "text", "confirmed_at"]
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        page = self.admin_site._registry[Target]
        return super().get_queryset(request).filter(page.scope(request)).select_related("province", "unit")  # type: ignore[attr-defined]


@admin.register(Indicator)
class IndicatorAdmin(ScopedAdmin):
    province_paths = ("criterion__criteria_set__province",)
    coordinators = {"view"}
    autocomplete_fields = ["criterion", "part_of"]
    inlines = [TargetInline]
    list_display = ["code", "name", "kind", "measure", "criterion", "needs_evidence"]
    list_display_links = ["name"]
    list_filter = ["criterion__criteria_set", "kind"]
    list_select_related = ["criterion__criteria_set"]
    search_fields = ["code", "name"]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).select_related("criterion__criteria_set")

    def describe(self, indicator: Indicator) -> str:  # type: ignore[override]
        """Every set has a 1.1: the set is named too."""
        return f"{indicator} ({indicator.criterion.criteria_set.code})"


class ProvinceFilter(admin.SimpleListFilter):
    """Whose rows: the nation's, or one of the provinces the person sees that have any."""

    title = "nơi ban hành"
    parameter_name = "place"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        provinces = Unit.objects.filter(level=Level.PROVINCE).filter(
            pk__in=Target.objects.filter(province__isnull=False).values("province")
        )
        if not request.user.is_superuser:
            provinces = provinces.filter(pk__in=own_provinces(request))
        return [
            ("all", "Tất cả"),
            ("nation", "Trung ương"),
            *((str(province.pk), province.full_name) for province in provinces),
        ]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Without Django's own "all", which asks for the address without the filter: a coordinator's first page."""
        _, *choices = super().choices(changelist)
        if self.value() is None:
            choices[0]["selected"] = True
        yield from choices

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        value = self.value()
        if value == "nation":
            return queryset.filter(province__isnull=True, unit__isnull=True)
        if value and value.isascii() and value.isdigit() and len(value) < 10:
            return queryset.filter(Q(province=int(value)) | Q(unit__province=int(value)))
        return queryset


class ConfirmedFilter(admin.SimpleListFilter):
    title = "xác nhận"
    parameter_name = "confirmed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Đã xác nhận"), ("no", "Chưa xác nhận")]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        if self.value() in {"yes", "no"}:
            return queryset.filter(confirmed_at__isnull=self.value() == "no")
        return queryset


class CriterionFilter(admin.RelatedOnlyFieldListFilter):
    """The criteria of the chosen set; of several sets each with its set, since all have a "1. Quy hoạch"."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        chosen = request.GET.get("indicator__criterion__criteria_set__id__exact", "")
        criteria = Criterion.objects.filter(
            pk__in=model_admin.get_queryset(request).order_by().values("indicator__criterion")
        ).select_related("criteria_set")
        if chosen.isascii() and chosen.isdigit() and len(chosen) < 10:
            return [(str(row.pk), str(row)) for row in criteria.filter(criteria_set=int(chosen)).order_by("number")]
        rows = criteria.order_by("-criteria_set__first_year", "criteria_set__code", "number")
        return [(str(row.pk), f"{row} ({row.criteria_set.code})") for row in rows]


class TargetForm(CleanForm):
    """One row of demands; the variant must be one of the set's, or a province's own group."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        unit = cleaned.get("unit")
        province = cleaned.get("province") or self.instance.province
        if unit and province and unit.province_id != province.pk:
            self.add_error("unit", f"{unit.full_name} không thuộc {province.full_name}.")
        indicator = cleaned.get("indicator") or (self.instance.indicator if self.instance.indicator_id else None)
        codes = {variant["code"] for variant in indicator.criterion.criteria_set.variants} if indicator else set()
        variant = cleaned.get("variant")
        if variant and codes and not province and variant not in codes:
            self.add_error("variant", f"Bộ tiêu chí chỉ có: {', '.join(sorted(codes))}.")
        return cleaned


@admin.register(Target)
class TargetAdmin(ScopedAdmin):
    """Numeric targets bind once confirmed; changing what one demands takes its confirmation away."""

    province_paths = ("province", "unit__province")
    coordinators = {"view", "add", "change"}
    deletes_unused = True
    form = TargetForm
    fields = [
        "indicator", "province", "unit", "variant", "from_year", "to_year", "operator", "value", "text", "decision",
        "source", "provenance", "confirmed_by", "confirmed_at",
    ]  # fmt: skip
    autocomplete_fields = ["indicator", "unit"]
    list_display = ["code", "place", "variant", "from_year", "text", "confirmed"]
    list_display_links = ["code", "text"]
    list_filter = [
        "indicator__criterion__criteria_set",
        ProvinceFilter,
        ConfirmedFilter,
        "provenance",
        ("indicator__criterion", CriterionFilter),
    ]
    list_select_related = ["indicator", "province", "unit", "confirmed_by"]
    search_fields = ["indicator__code", "indicator__name", "text"]
    actions = ["confirm_selected", "withdraw_selected"]
    ordering = ["indicator__criterion__criteria_set", "indicator__criterion__number", "indicator__position", "pk"]

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """A coordinator's list opens on the own province's rows, where there are any."""
        if request.method == "GET" and not request.GET and not request.user.is_superuser:
            own = Target.objects.filter(own_targets(request)).select_related("unit").first()
            if own is not None:
                return redirect(f"{request.path}?place={self.province_of(own)}")
        return super().changelist_view(request, extra_context)

    @admin.display(description="Chỉ tiêu", ordering="indicator__position")
    def code(self, target: Target) -> str:
        return target.indicator.code

    @admin.display(description="Nơi áp dụng")
    def place(self, target: Target) -> str:
        where = target.unit or target.province
        return where.full_name if where else "Cả nước"

    @admin.display(description="Xác nhận", boolean=True, ordering="confirmed_at")
    def confirmed(self, target: Target) -> bool:
        return target.is_confirmed

    def get_readonly_fields(self, request: HttpRequest, obj: Target | None = None) -> list[str]:
        fixed = ["indicator", "province", "unit"] if obj else []
        return [*fixed, "confirmed_by", "confirmed_at"]

    def is_used(self, obj: models.Model) -> bool:
        """A confirmed target has bound people; it is withdrawn first."""
        return bool(obj.is_confirmed) or super().is_used(obj)  # type: ignore[attr-defined]

    def save_model(self, request: HttpRequest, obj: Target, form: Any, change: bool) -> None:
        if obj.is_confirmed and Target.DEMAND & set(form.changed_data):
            obj.confirmed_by = obj.confirmed_at = None
            self.message_user(
                request, "Yêu cầu đã thay đổi nên không còn được xác nhận; hãy đối chiếu văn bản rồi xác nhận lại.",
                messages.WARNING,
            )  # fmt: skip
        obj.recorded_at = keep([obj.pk] if change else [])
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Target) -> None:
        keep([obj.pk])
        super().delete_model(request, obj)

    def _own(self, request: HttpRequest, targets: models.QuerySet) -> models.QuerySet:
        """Those of the chosen rows the person may change, free of the list's ordering and joins."""
        may = Q() if request.user.is_superuser else own_targets(request)
        return Target.objects.filter(may, pk__in=list(targets.values_list("pk", flat=True)))

    @admin.action(description="Xác nhận yêu cầu đã chọn", permissions=["change"])
    def confirm_selected(self, request: HttpRequest, targets: models.QuerySet) -> None:
        self._report(request, targets, confirm(self._own(request, targets), request.user), "Đã xác nhận")

    @admin.action(description="Bỏ xác nhận yêu cầu đã chọn", permissions=["change"])
    def withdraw_selected(self, request: HttpRequest, targets: models.QuerySet) -> None:
        self._report(request, targets, withdraw(self._own(request, targets), request.user), "Đã bỏ xác nhận")

    def _report(self, request: HttpRequest, targets: models.QuerySet, number: int, done: str) -> None:
        self.message_user(request, f"{done} {number} yêu cầu.", messages.SUCCESS)
        refused = targets.count() - self._own(request, targets).count()
        if refused:
            self.message_user(
                request, f"{refused} yêu cầu của trung ương không thuộc quyền của bạn nên giữ nguyên.", messages.WARNING
            )


class DutyForm(CleanForm):
    """A department's duty; closed periods keep who answered for a criterion then."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.errors and self.changed_data:
            before = CriterionDepartment.objects.filter(pk=self.instance.pk).first()
            after = copy(self.instance)
            for name in cleaned.keys() & set(CriterionDepartmentAdmin.fields):
                setattr(after, name, cleaned[name])
            if fixed := why_duty_fixed(before, after):
                self.add_error("ends_on" if before and before.starts_on == after.starts_on else "starts_on", fixed)
        return cleaned


@admin.register(CriterionDepartment)
class CriterionDepartmentAdmin(ScopedAdmin):
    form = DutyForm
    province_paths = ("province",)
    coordinators = {"view", "add", "change"}
    deletes_unused = True
    fields = ["criterion", "department", "province", "starts_on", "ends_on"]
    autocomplete_fields = ["criterion", "department"]
    list_display = ["criterion", "department", "province", "starts_on", "ends_on"]
    list_filter = ["criterion__criteria_set"]
    list_select_related = ["criterion", "department", "province"]
    search_fields = ["criterion__name", "department__name"]

    def is_used(self, obj: models.Model) -> bool:
        """A duty that a closed period tells of is ended by its date, not deleted."""
        return bool(why_duty_fixed(obj, None)) or super().is_used(obj)  # type: ignore[arg-type]


@admin.register(ReportingPeriod)
class ReportingPeriodAdmin(ScopedAdmin):
    """What was reported or sent for stays as it is; closing and reopening have pages of their own."""

    province_paths = ("area__province",)
    coordinators = {"view", "add", "change"}
    sees_national_rows = False
    deletes_unused = True
    fields = ["area", "kind", "name", "ends_on", "due_on", "closed_at"]
    readonly_fields = ["closed_at"]
    autocomplete_fields = ["area"]
    list_display = ["name", "area", "kind", "ends_on", "due_on", "closed_at"]
    list_filter = ["kind", ("closed_at", admin.EmptyFieldListFilter)]
    list_select_related = ["area"]
    search_fields = ["name", "area__search_name"]

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        if isinstance(obj, ReportingPeriod) and why_fixed(obj):
            return False
        return super().has_change_permission(request, obj)


@admin.register(TargetReport)
class TargetReportAdmin(ScopedAdmin):
    """Reports of wrong targets; who keeps the province's targets answers them."""

    province_paths = ("unit__province",)
    coordinators = {"view", "change"}
    superusers = {"view", "change"}
    sees_national_rows = False
    fields = [
        "unit",
        "indicator",
        "target",
        "target_text",
        "text",
        "reported_by",
        "reported_at",
        "answer",
        "answered_by",
        "answered_at",
    ]
    readonly_fields = [
        "unit", "indicator", "target", "target_text", "text", "reported_by", "reported_at", "answered_by", "answered_at"
    ]  # fmt: skip
    list_display = ["indicator", "unit", "target_text", "text", "reported_by", "reported_at", "answered_at"]
    list_filter = [("answered_at", admin.EmptyFieldListFilter)]
    list_select_related = ["indicator", "unit", "reported_by"]
    search_fields = ["text", "unit__search_name"]

    def save_model(self, request: HttpRequest, obj: TargetReport, form: forms.ModelForm, change: bool) -> None:
        if "answer" in form.changed_data:
            obj.answered_at = timezone.now() if obj.answer else None
            obj.answered_by_id = request.user.pk if obj.answer else None
        super().save_model(request, obj, form, change)


class VoidForm(forms.Form):
    """Why published results are voided."""

    reason = forms.CharField(
        label="Lý do hủy", max_length=500, widget=forms.Textarea(attrs={"rows": 3, "cols": 80, "required": True})
    )

    def clean_reason(self) -> str:
        reason = clean_text(self.cleaned_data["reason"])
        if not reason:
            raise forms.ValidationError("Nêu lý do hủy.")
        return reason


@admin.register(Revision)
class RevisionAdmin(ScopedAdmin):
    """Published states, to look up. They are changed nowhere; a wrong one is voided with a reason."""

    province_paths = ("unit__province",)
    coordinators = {"view"}
    superusers: ClassVar[set[str]] = {"view"}
    sees_national_rows = False
    ordering = ["-pk"]
    list_display = [
        "unit",
        "indicator",
        "stage",
        "verdict",
        "value",
        "effective_on",
        "recorded_at",
        "source",
        "voided_at",
    ]
    list_filter = ["stage", "source", "verdict", ("voided_at", admin.EmptyFieldListFilter)]
    list_select_related = ["unit", "indicator"]
    search_fields = ["unit__search_name", "source_ref"]
    actions = ["void_selected"]
    void_at_most = 1000

    def has_void_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "view")

    @admin.action(description="Hủy kết quả đã chọn", permissions=["void"])
    def void_selected(self, request: HttpRequest, revisions: models.QuerySet) -> HttpResponse | None:
        """Ask for the reason, then void what was shown; the states before hold again."""
        asked = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if request.POST.get("select_across") != "1":
            # Rows of the person's scope whatever the list is filtered by; one out of it doesn't exist.
            revisions = self.get_queryset(request).filter(pk__in=asked)
            if revisions.count() != len(set(asked)):
                raise Http404
        for province in revisions.order_by().values_list("unit__province", flat=True).distinct():
            require(request.user, "reference.change", province)
        revisions = revisions.filter(voided_at__isnull=True).select_related(
            "unit", "indicator__criterion__criteria_set"
        )
        number = revisions.count()
        if not number:
            self.message_user(request, "Các kết quả đã chọn đều đã hủy trước đó.", messages.WARNING)
            return None
        if number > self.void_at_most:
            self.message_user(
                request, f"Mỗi lần hủy tối đa {self.void_at_most} kết quả; hãy chọn ít hơn.", messages.WARNING
            )
            return None
        form = VoidForm(request.POST if "confirmed" in request.POST else None)
        if form.is_valid():
            chosen = list(revisions)
            count = void(chosen, by=request.user, reason=form.cleaned_data["reason"])
            audit.info(
                "results voided",
                extra={
                    "username": request.user.get_username(),
                    "revisions": [revision.pk for revision in chosen],
                    "reason": form.cleaned_data["reason"],
                },
            )
            self.message_user(request, f"Đã hủy {count} kết quả.", messages.SUCCESS)
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": "Hủy kết quả đã chọn",
            "opts": self.opts,
            "form": form,
            "revisions": revisions,
            "number": number,
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/criteria/revision/void.html", context)
