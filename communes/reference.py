"""Django's admin as the pages of reference data: what every one of them has in common.

Superusers keep the nation's rows; a province's coordinator sees those and changes the own
province's. Nobody else gets in. What coordinators may touch is asked of
`communes.access.can`; a page denies by default, and names the paths from its rows to a
province to open up.
"""

from __future__ import annotations

from typing import Any, ClassVar

from allauth.account import views as allauth_views
from django import forms
from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.i18n import JavaScriptCatalog

from communes.access import COORDINATOR, can, roles
from communes.text import clean_text


class Suggestions(AutocompleteJsonView):
    """What an autocomplete field offers, told apart as its page tells rows apart."""

    def serialize_result(self, obj: models.Model, to_field_name: str) -> dict:
        return {"id": str(getattr(obj, to_field_name)), "text": self.model_admin.describe(obj)}  # type: ignore[attr-defined]


class ReferenceSite(admin.AdminSite):
    site_header = "Quản trị danh mục"
    site_title = "Quản trị danh mục"
    index_title = "Danh mục"
    enable_nav_sidebar = True

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take pages written for this site only: those of other packages know no provinces."""
        if admin_class is not None and issubclass(admin_class, ScopedAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.disable_action("delete_selected")

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """There is one sign-in page, with its lock-out; who is signed in and got here isn't allowed further."""
        if request.user.is_authenticated:
            raise PermissionDenied("Chỉ quản trị hệ thống và điều phối viên của tỉnh được vào phần quản trị danh mục.")
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))

    def logout(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:  # type: ignore[override]
        return allauth_views.logout(request)

    def password_change(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:  # type: ignore[override]
        return redirect("account_change_password")

    def password_change_done(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:  # type: ignore[override]
        return redirect("admin:index")

    def i18n_javascript(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        return JavaScriptCatalog.as_view(packages=["django.contrib.admin", "ntm"])(request)  # type: ignore[return-value]

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        return Suggestions.as_view(admin_site=self)(request)  # type: ignore[return-value]


def own_provinces(request: HttpRequest) -> set[int]:
    """Provinces the person coordinates."""
    return {membership.unit_id for membership in roles(request.user).having(COORDINATOR)}


class CleanForm(forms.ModelForm):
    """Typed text without control and invisible characters."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name, value in list(cleaned.items()):
            if isinstance(value, str) and name in self.fields:
                long = isinstance(self.fields[name].widget, forms.Textarea)
                cleaned[name] = clean_text(value, multiline=long)
                if value and not cleaned[name] and self.fields[name].required:
                    self.add_error(name, self.fields[name].error_messages["required"])
        return cleaned


class ScopedAdmin(admin.ModelAdmin):
    """A page of rows of the nation (province empty) and of provinces.

    `province_paths`: paths from a row to the province it belongs to; the first that is not
    empty counts, all empty: the nation's. `coordinators`: what a coordinator may do with the
    own province's rows, a set out of "view", "add", "change". `superusers` likewise, for all
    rows. `deletes_unused`: a row nothing points to may be deleted by who may change it.
    """

    province_paths: ClassVar[tuple[str, ...]] = ()
    coordinators: ClassVar[set[str]] = set()
    superusers: ClassVar[set[str]] = {"view", "add", "change"}
    sees_national_rows: ClassVar[bool] = True
    deletes_unused: ClassVar[bool] = False

    form = CleanForm
    list_per_page = 50
    show_full_result_count = False
    empty_value_display = "–"
    save_on_top = False

    # --- which rows ------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).filter(self.scope(request))

    def scope(self, request: HttpRequest) -> Q:
        """Rows the person may see here."""
        if request.user.is_superuser:
            return Q()
        condition = self.own_rows(request)
        if self.sees_national_rows:
            condition |= Q(**{f"{path}__isnull": True for path in self.province_paths})
        return condition

    def own_rows(self, request: HttpRequest) -> Q:
        """Rows of the provinces the person coordinates."""
        provinces = own_provinces(request)
        condition = Q(pk__in=[])
        for path in self.province_paths:
            condition |= Q(**{f"{path}__in": provinces})
        return condition

    def province_of(self, obj: models.Model) -> int | None:
        """The id of the province a row belongs to; None for the nation's."""
        for path in self.province_paths:
            value: Any = obj
            *steps, last = path.split("__")
            for step in steps:
                value = getattr(value, step, None)
            province = getattr(value, f"{last}_id", None)
            if province is not None:
                return province
        return None

    def describe(self, obj: models.Model) -> str:
        """How a row is named where it can be chosen."""
        return str(obj)

    # --- who may ---------------------------------------------------------------------

    def _may(self, request: HttpRequest, right: str, obj: models.Model | None = None) -> bool:
        if request.user.is_superuser and request.user.is_active:
            return right in self.superusers
        if not own_provinces(request) or right not in self.coordinators:
            return False
        if obj is None or obj.pk is None:
            return True
        if right == "view":
            return self.get_queryset(request).filter(pk=obj.pk).exists()
        return bool(can(request.user, "reference.change", self.province_of(obj)))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "view")

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._may(request, "view", obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return (
            self.deletes_unused
            and obj is not None
            and self.has_change_permission(request, obj)
            and not self.is_used(obj)
        )

    def is_used(self, obj: models.Model) -> bool:
        """Whether any row points to this one, however the database would treat it."""
        return any(
            relation.related_model._base_manager.filter(**{relation.field.name: obj}).exists()
            for relation in obj._meta.related_objects
        )

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        # Django would redirect to the index; here, too, out of scope is a plain 404.
        raise Http404

    # --- forms -----------------------------------------------------------------------

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer only what the person sees on the page of the rows pointed to."""
        page = self.admin_site._registry.get(db_field.remote_field.model)
        if page is not None and "queryset" not in kwargs:
            kwargs["queryset"] = page.get_queryset(request)
            if db_field.name == "province":
                kwargs["queryset"] = kwargs["queryset"].filter(level="province")
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field is not None and db_field.name in self.province_paths and not request.user.is_superuser:
            provinces = own_provinces(request)
            field.queryset = field.queryset.filter(pk__in=provinces)  # type: ignore[union-attr]
            field.required = True
            field.initial = next(iter(provinces)) if len(provinces) == 1 else None
        return field

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save, then look the row up again in the person's own scope: a forged form changes nothing.

        Django's view runs in a transaction, which PermissionDenied rolls back.
        """
        super().save_related(request, form, formsets, change)
        saved = type(form.instance)._base_manager.get(pk=form.instance.pk)
        if not self._may(request, "change" if change else "add", saved) or not self._in_scope(request, saved):
            raise PermissionDenied("Dữ liệu này không thuộc phạm vi bạn được sửa.")

    def _in_scope(self, request: HttpRequest, obj: models.Model) -> bool:
        return self.get_queryset(request).filter(pk=obj.pk).exists()


class ReadOnlyInline(admin.TabularInline):
    """Rows shown below the row they belong to, for whoever sees that one."""

    extra = 0
    can_delete = False

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> Any:
        return self.fields

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    has_change_permission = has_delete_permission = has_add_permission
