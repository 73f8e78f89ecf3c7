"""Units, departments, accounts and roles in the admin."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest
from django.utils import timezone

from communes import users
from communes.access import COORDINATOR
from communes.models import Department, Level, Membership, RightsChange, Role, Succession, Unit, UnitVersion
from communes.names import search_name
from communes.reference import CleanForm, ReadOnlyInline, ScopedAdmin, own_provinces
from ntm.accounts.models import User

Kind = RightsChange.Kind


class VersionInline(ReadOnlyInline):
    model = UnitVersion
    fk_name = "unit"
    fields = ["valid_from", "valid_to", "code", "name", "kind", "place", "region", "decision"]

    @admin.display(description="Huyện")
    def place(self, version: UnitVersion) -> str:
        return version.district.full_name if version.district else self.get_empty_value_display()

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).select_related("district")


class OriginInline(ReadOnlyInline):
    model = Succession
    fk_name = "successor"
    verbose_name_plural = "hình thành từ"
    fields = ["predecessor", "effective_on", "kind", "decision", "is_approximate", "is_verified"]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).select_related("predecessor", "successor")


class SuccessionInline(OriginInline):
    fk_name = "predecessor"
    verbose_name_plural = "chuyển thành"
    fields = ["successor", "effective_on", "kind", "decision", "is_approximate", "is_verified"]


@admin.register(Unit)
class UnitAdmin(ScopedAdmin):
    """Names, codes and places come from decisions and keep their history: they are loaded, not typed here.

    So do groups and mountain targets, which the workshop changes from a day on (`communes.versions`).
    """

    province_paths = ("province",)
    coordinators = {"view", "change"}
    superusers = {"view", "change"}
    sees_national_rows = False
    readonly_fields = [
        "level", "kind", "name", "code", "province", "district", "region", "target_group", "uses_mountain_targets",
        "opened_on", "closed_on",
    ]  # fmt: skip
    fields = [*readonly_fields, "population", "households"]
    inlines = [VersionInline, OriginInline, SuccessionInline]
    list_display = ["full_name", "code", "level", "district", "province", "target_group", "closed_on"]
    list_filter = ["level", "region", "target_group", ("closed_on", admin.EmptyFieldListFilter)]
    list_select_related = ["district", "province"]
    search_fields = ["search_name", "code"]
    search_help_text = "Tên (có dấu hoặc không dấu) hoặc mã"

    @admin.display(description="Tên", ordering="sort_key")
    def full_name(self, unit: Unit) -> str:
        return unit.full_name

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).select_related("district", "province")

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet, search_term: str
    ) -> tuple[models.QuerySet, bool]:
        if search_term.strip():
            queryset = queryset.search(search_term)  # type: ignore[attr-defined]
        return queryset, False

    def describe(self, unit: Unit) -> str:  # type: ignore[override]
        """Name, code and place: many communes bear one name."""
        place = unit.district if unit.level in {Level.COMMUNE, Level.VILLAGE} and unit.district else unit.province
        return f"{unit.full_name} ({unit.code or 'không mã'})" + (
            f", {place.full_name}" if place and place != unit else ""
        )


@admin.register(Department)
class DepartmentAdmin(ScopedAdmin):
    province_paths = ("province",)
    coordinators = {"view", "add", "change"}
    deletes_unused = True
    fields = ["name", "code", "province"]
    list_display = ["name", "code", "province"]
    list_select_related = ["province"]
    search_fields = ["name", "code"]


class MembershipForm(CleanForm):
    """A role as typed; the last leader of a commune and the last coordinator of a province stay."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.instance.pk and not self.errors:
            before, after = (Membership.objects.select_related("user", "unit").get(pk=self.instance.pk) for _ in "ab")
            for name in cleaned.keys() & {"unit", "role", "starts_on", "ends_on"}:
                setattr(after, name, cleaned[name])
            try:
                users.require_stand_in(before, after)
            except users.Refused as refused:
                raise ValidationError(str(refused)) from None
        return cleaned


def record_role(by: User, membership: Membership, before: str) -> None:
    """Write a role given or changed here into the log of rights."""
    after = users.describe(membership)
    if after != before:
        kind = Kind.ROLE_CHANGED if before else Kind.ROLE_GIVEN
        users.record(membership.user, by, kind, before=before, after=after, unit=membership.unit)


def described(pk: int | None) -> str:
    """A role as it stands in the database; nothing for a new one."""
    held = Membership.objects.select_related("unit", "department").filter(pk=pk or 0).first()
    return users.describe(held) if held else ""


@admin.register(Membership)
class MembershipAdmin(ScopedAdmin):
    """Who works where as what. A role is ended by its date, so that what was done under it stays explained."""

    form = MembershipForm
    province_paths = ("unit__province",)
    coordinators = {"view", "add", "change"}
    sees_national_rows = False
    fields = ["user", "unit", "role", "department", "may_send", "may_lead", "starts_on", "ends_on"]
    autocomplete_fields = ["unit", "department"]
    list_display = ["user", "role", "unit", "department", "starts_on", "ends_on"]
    list_filter = ["role"]
    list_select_related = ["user", "unit", "department"]
    search_fields = ["user__username", "user__full_name", "unit__search_name"]
    search_help_text = "Tên đăng nhập, họ tên, hoặc tên đơn vị không dấu"

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> list[str]:
        return ["user"] if obj else []

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """A coordinator changes neither a coordinator's role, nor the own ones, nor a superuser's."""
        if (
            isinstance(obj, Membership)
            and not request.user.is_superuser
            and (obj.role == COORDINATOR or obj.user_id == request.user.pk or obj.user.is_superuser)
        ):
            return False
        return super().has_change_permission(request, obj)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A coordinator chooses among the other people who already have a role in the province."""
        if db_field.name == "user" and not request.user.is_superuser:
            people = Membership.objects.filter(unit__province__in=own_provinces(request)).values("user")
            others = User.objects.filter(pk__in=people, is_active=True, is_superuser=False)
            kwargs["queryset"] = others.exclude(pk=request.user.pk or 0)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A coordinator gives roles below the own one."""
        if db_field.name == "role" and not request.user.is_superuser:
            kwargs["choices"] = [("", "---------"), *((r.value, r.label) for r in Role if r != Role.COORDINATOR)]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        before = described(obj.pk)
        super().save_model(request, obj, form, change)
        record_role(request.user, obj, before)  # type: ignore[arg-type]


class MembershipInline(admin.TabularInline):
    """A person's roles, for superusers: nobody else sees accounts."""

    model = Membership
    form = MembershipForm
    extra = 0
    can_delete = False
    autocomplete_fields = ["unit", "department"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    has_change_permission = has_view_permission


class OneTimePasswordForm(AdminPasswordChangeForm):
    """Someone else's password, to be changed at the next sign-in."""

    def set_password_and_save(self, user: User, commit: bool = True, **kwargs: Any) -> User:
        user.must_change_password = True
        user.one_time_password_at = timezone.now()
        return super().set_password_and_save(user, commit=commit, **kwargs)  # type: ignore[misc]


class AccountForm(UserChangeForm):
    """An account; who alone leads a commune or coordinates a province isn't switched off."""

    def clean_is_active(self) -> bool:
        active = self.cleaned_data["is_active"]
        if self.initial.get("is_active") and not active:
            try:
                users.require_successors(self.instance)
            except users.Refused as refused:
                raise ValidationError(str(refused)) from None
        return active


@admin.register(User)
class UserAdmin(ScopedAdmin, DjangoUserAdmin):
    """An account is switched off, never deleted. A password given here is for one time."""

    form = AccountForm  # type: ignore[assignment]
    change_password_form = OneTimePasswordForm
    fieldsets = (
        (None, {"fields": ["username", "password", "must_change_password"]}),
        ("Người dùng", {"fields": ["full_name", "post", "organisation"]}),
        ("Quyền", {"fields": ["is_active", "is_staff", "is_superuser"]}),
        ("Thời điểm", {"fields": ["last_login", "date_joined"]}),
    )
    add_fieldsets = (
        (None, {"fields": ["username", "full_name", "post", "organisation", "is_staff", "password1", "password2"]}),
    )
    inlines = [MembershipInline]
    readonly_fields = ["last_login", "date_joined"]
    filter_horizontal = ()
    list_display = ["username", "full_name", "organisation", "is_active", "is_staff", "last_login"]
    list_filter = ["is_active", "is_staff", "is_superuser"]
    search_fields = ["username", "full_name"]

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        before = User.objects.filter(pk=obj.pk).first()
        obj.search_name = search_name(obj.full_name)
        if not change:
            obj.must_change_password = True
            obj.one_time_password_at = timezone.now()
        super().save_model(request, obj, form, change)
        by, told = request.user, users.describe_profile(obj)
        if before is None:
            users.record(obj, by, Kind.CREATED, after=told)  # type: ignore[arg-type]
            return
        if before.is_active != obj.is_active:
            users.record(obj, by, Kind.REACTIVATED if obj.is_active else Kind.DEACTIVATED)  # type: ignore[arg-type]
        if users.describe_profile(before) != told:
            users.record(obj, by, Kind.PROFILE, before=users.describe_profile(before), after=told)  # type: ignore[arg-type]

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        before = {row.instance.pk: described(row.instance.pk) for row in formset.forms}
        super().save_formset(request, form, formset, change)
        for membership in [*formset.new_objects, *(row for row, _ in formset.changed_objects)]:
            record_role(request.user, membership, before.get(membership.pk, ""))  # type: ignore[arg-type]

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        if request.resolver_match and request.resolver_match.url_name == "auth_user_password_change":
            users.record(obj, request.user, Kind.PASSWORD)  # type: ignore[arg-type]
        return super().log_change(request, obj, message)
