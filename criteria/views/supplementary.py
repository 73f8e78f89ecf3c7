"""Biểu bổ sung: the tables a coordinator asks the province's communes to fill in, and their columns."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from communes import access
from criteria import supplementary
from criteria.models import SupplementaryColumn, SupplementaryTable
from criteria.supplementary import Changed
from criteria.supplementary_forms import ColumnForm, TableForm
from criteria.views.groups import chosen_place
from ntm.clock import today

SOMEBODY_ELSE = "Người khác vừa sửa biểu này nên chưa lưu. Xem lại bên dưới rồi bấm Lưu để ghi theo bạn."


@require_safe
def table_list(request: HttpRequest) -> HttpResponse:
    place = chosen_place(request)
    tables = SupplementaryTable.objects.filter(province=place).prefetch_related("columns")
    create_url = f"{reverse('criteria:supplementary_create')}?province={place.pk}"
    context = {"place": place, "tables": tables, "create_url": create_url}
    return render(request, "criteria/workshop/supplementary_list.html", context)


def get_table(request: HttpRequest, pk: int) -> SupplementaryTable:
    """A table of a province the person sees: 404; who keeps no reference data of it: 403."""
    tables = SupplementaryTable.objects.visible_to(request.user).select_related("province", "updated_by")
    table = get_object_or_404(tables, pk=pk)
    access.require(request.user, "reference.change", table.province_id)
    return table


@require_http_methods(["GET", "HEAD", "POST"])
def table_create(request: HttpRequest) -> HttpResponse:
    place = chosen_place(request)
    form = TableForm(request.POST or None, initial={"starts_on": today(), "version": 0})
    if request.method == "POST" and form.is_valid():
        table = form.fill(SupplementaryTable(province=place))
        if _saved(form, lambda: supplementary.save_table(table, 0, request.user)):
            messages.success(request, f"Đã lập biểu “{table.name}”. Thêm các cột xã phải nhập.")
            return redirect("criteria:supplementary_edit", table.pk)
    return _form(request, form, place=place)


@require_http_methods(["GET", "HEAD", "POST"])
def table_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """The definition and its columns; on POST the definition is changed."""
    table = get_table(request, pk)
    stored = {name: getattr(table, name) for name in TableForm.base_fields}
    form = TableForm(request.POST or None, initial=stored)
    if request.method == "POST" and form.is_valid():
        changed = form.fill(SupplementaryTable.objects.get(pk=pk))
        if _saved(form, lambda: supplementary.save_table(changed, form.cleaned_data["version"], request.user)):
            messages.success(request, f"Đã lưu biểu “{changed.name}”.")
            return redirect("criteria:supplementary_edit", pk)
    return _form(request, form, place=table.province, table=table, columns=table.columns.all())


@require_http_methods(["GET", "HEAD", "POST"])
def column_create(request: HttpRequest, pk: int) -> HttpResponse:
    table = get_table(request, pk)
    last = table.columns.last()
    given = {"position": last.position + 1 if last else 1, "in_use": True, "version": table.version}
    return _column(request, table, SupplementaryColumn(table=table), given)


@require_http_methods(["GET", "HEAD", "POST"])
def column_edit(request: HttpRequest, pk: int, column: int) -> HttpResponse:
    table = get_table(request, pk)
    found = get_object_or_404(table.columns.select_related("table"), pk=column)
    given = {name: getattr(found, name) for name in ColumnForm.base_fields if name not in {"choices", "version"}}
    return _column(request, table, found, given | {"choices": "\n".join(found.choices), "version": table.version})


def _column(
    request: HttpRequest, table: SupplementaryTable, column: SupplementaryColumn, given: dict[str, Any]
) -> HttpResponse:
    form = ColumnForm(request.POST or None, initial=given)
    title = column.name or "Thêm cột"
    if request.method == "POST" and form.is_valid():
        form.fill(column)
        if _saved(form, lambda: supplementary.save_column(column, form.cleaned_data["version"], request.user)):
            messages.success(request, f"Đã lưu cột “{column.name}”.")
            return redirect(reverse("criteria:supplementary_edit", args=[table.pk]) + "#columns")
    return _form(request, form, place=table.province, table=table, is_column=True, title=title)


def _saved(form: forms.Form, save: Any) -> bool:
    """Whether it is stored; else the form says why not."""
    try:
        save()
    except Changed:
        form.add_error(None, SOMEBODY_ELSE)
        form.changed = True  # type: ignore[attr-defined]
    except ValidationError as error:
        told = error.message_dict if hasattr(error, "error_dict") else {"__all__": error.messages}
        for name, texts in told.items():
            form.add_error(name if name in form.fields else None, texts)
    return form.is_valid()


def _form(request: HttpRequest, form: forms.Form, **context: Any) -> HttpResponse:
    """The page; 409 with the present version, so that saving again is the person's decision."""
    changed = getattr(form, "changed", False)
    table = context.get("table")
    if changed and table is not None:
        data = form.data.copy()  # type: ignore[attr-defined]
        data["version"] = SupplementaryTable.objects.get(pk=table.pk).version
        form.data = data
    status = 200 if request.method != "POST" else 409 if changed else 422
    return render(
        request,
        "criteria/workshop/supplementary_form.html",
        {"form": form, "table": None, "is_column": False} | context,
        status=status,
    )
