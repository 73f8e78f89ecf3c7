"""Nhóm xã: which group each commune is in and which use mountain targets, from a day on."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from communes.access import visible_provinces
from communes.fields import DayField, TextField
from communes.models import Unit
from communes.workbooks import UnsafeWorkbook
from criteria import uploads
from criteria.models import Upload
from criteria.views.local_targets import FileForm
from criteria.views.uploads import XLSX, upload_url
from criteria.views.workshop import chosen_province
from criteria.workshop import group_workbook, groups
from criteria.workshop.groups import Change, version_of

PER_PAGE = 50
TOLD = 5  # communes a message names
KEEP, OTHER = "keep", "other"
MOUNTAINS = {KEEP: "Giữ nguyên", "yes": "Áp dụng mức vùng núi", "no": "Không áp dụng mức vùng núi"}


def chosen_place(request: HttpRequest) -> Unit:
    """The province whose communes are meant; a superuser names one, else the first is shown."""
    place = chosen_province(request) or visible_provinces(request.user).order_by("sort_key").first()
    if place is None:
        raise Http404("Chưa có tỉnh nào trong danh mục.")
    return place


class ChangeForm(forms.Form):
    """What the ticked communes are to become."""

    group = forms.ChoiceField(label="Nhóm xã")
    other = TextField(
        label="Vùng riêng của tỉnh",
        required=False,
        max_length=40,
        help_text="Chỉ ghi khi chọn “Vùng khác của tỉnh”.",
    )
    mountain = forms.ChoiceField(label="Mức vùng núi", choices=MOUNTAINS.items())
    day = DayField(label="Từ ngày", help_text="Ngày quyết định có hiệu lực, không sau hôm nay.")
    decision = TextField(label="Văn bản", max_length=200, error_messages={"required": "Ghi số văn bản phân nhóm."})

    def __init__(self, *args: Any, choices: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["group"].choices = [  # type: ignore[attr-defined]
            (KEEP, "Giữ nguyên"),
            *choices.items(),
            (OTHER, "Vùng khác của tỉnh …"),
            ("", group_workbook.NONE),
        ]
        self.fields["group"].required = False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("group") == OTHER and not cleaned.get("other") and "other" not in self.errors:
            self.add_error("other", "Ghi tên vùng của tỉnh.")
        if cleaned.get("group") == KEEP and cleaned.get("mountain") == KEEP:
            self.add_error("group", "Chọn nhóm mới hoặc mức vùng núi để thay đổi.")
        return cleaned

    def change(self, unit: Unit, seen: str) -> Change:
        cleaned = self.cleaned_data
        group = {KEEP: None, OTHER: cleaned["other"]}.get(cleaned["group"], cleaned["group"])
        mountain = {"yes": True, "no": False}.get(cleaned["mountain"])
        return Change(unit, cleaned["day"], cleaned["decision"], group, mountain, seen)


@require_http_methods(["GET", "HEAD", "POST"])
def group_list(request: HttpRequest) -> HttpResponse:
    """The province's communes with their group; tick several and set it for all of them."""
    place = chosen_place(request)
    choices = groups.choices(place)
    rows = groups.communes(place)
    filters = {name: request.GET.get(name, "").strip() for name in ("q", "group", "mountain")}
    if filters["q"]:
        rows = rows.search(filters["q"][:100])
    if filters["group"]:
        rows = rows.filter(target_group="" if filters["group"] == "none" else filters["group"])
    if filters["mountain"]:
        rows = rows.filter(uses_mountain_targets=filters["mountain"] == "yes")
    form = ChangeForm(request.POST or None, choices=choices, initial={"group": KEEP, "mountain": KEEP})
    ticked: list[str] = request.POST.getlist("chosen") if request.method == "POST" else []
    problems: list[tuple[str, str]] = []
    status = 200
    if request.method == "POST":
        done, problems, status = _change(request, place, form, ticked)
        if done:
            return redirect(f"{request.path}?{request.GET.urlencode()}" if request.GET else request.path)
    page = Paginator(rows.order_by("district__sort_key", "sort_key", "pk"), PER_PAGE).get_page(request.GET.get("page"))
    chosen_pks = {pk.partition(":")[0] for pk in ticked}
    return render(
        request,
        "criteria/workshop/group_list.html",
        {
            "place": place,
            "page": page,
            "rows": [
                {
                    "unit": unit,
                    "group": choices.get(unit.target_group, unit.target_group),
                    "tick": f"{unit.pk}:{version_of(unit)}",
                    "ticked": str(unit.pk) in chosen_pks,
                }
                for unit in page
            ],
            "has_districts": any(unit.district_id for unit in page),
            "choices": choices,
            "filters": filters,
            "counts": groups.counts(place, choices),
            "form": form,
            "problems": problems,
        },
        status=status,
    )


def _change(
    request: HttpRequest, place: Unit, form: ChangeForm, ticked: list[str]
) -> tuple[bool, list[tuple[str, str]], int]:
    """Do what the form says with the ticked communes: whether it was done, what is wrong, the answer's status."""
    seen = {
        pk: version for pk, _, version in (text.partition(":") for text in ticked) if pk.isascii() and pk.isdecimal()
    }
    units = list(
        groups.communes(place).filter(pk__in=[int(pk) for pk in seen if len(pk) < 18]).order_by("sort_key", "pk")
    )
    if not units:
        form.is_valid()
        return False, [("communes", "Đánh dấu các xã cần đổi trong danh sách.")], 422
    if not form.is_valid():
        return False, [], 422
    changes = [form.change(unit, seen[str(unit.pk)]) for unit in units]
    failed = groups.apply(changes, request.user)
    if failed:
        stale = any("" in change.errors for change in failed)
        said = [
            (f"xa-{change.unit.pk}", f"{change.unit.full_name}: {message}")
            for change in failed
            for message in change.errors.values()
        ]
        return False, said, 409 if stale else 422
    moved = [change for change in changes if not change.is_same]
    same = len(changes) - len(moved)
    messages.success(request, f"Đã đổi {len(moved)} xã.{f' {same} xã đã đúng như vậy nên giữ nguyên.' if same else ''}")
    if past := [change for change in moved if change.ends]:
        names = groups.choices(place)
        told = "; ".join(f"{change.unit.full_name} {change.until(names)}" for change in past[:TOLD])
        more = f"; và {len(past) - TOLD} xã khác" if len(past) > TOLD else ""
        messages.warning(request, f"Chỉ đổi một thời gian trước đây, vì sau đó đã có thay đổi khác: {told}{more}.")
    return True, [], 200


@require_safe
def group_book(request: HttpRequest) -> HttpResponse:
    place = chosen_place(request)
    response = HttpResponse(group_workbook.workbook(place), content_type=XLSX)
    response["Content-Disposition"] = f'attachment; filename="Nhom-xa_{place.code}.xlsx"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def group_upload(request: HttpRequest) -> HttpResponse:
    """Hand in the filled workbook; what it would do is shown before anything is written."""
    place = chosen_place(request)
    form = FileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            upload = uploads.take(Upload.Kind.GROUPS, form.cleaned_data["file"], by=request.user, unit=place)
        except UnsafeWorkbook as refused:
            form.add_error("file", str(refused))
        else:
            return redirect(upload_url(upload))
    return render(
        request,
        "criteria/workshop/group_upload.html",
        {"place": place, "form": form, "list_url": f"{reverse('criteria:group_list')}?province={place.pk}"},
        status=422 if request.method == "POST" else 200,
    )
