"""What is typed about people and their roles; `communes.users` says whether it can stand."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Exists, OuterRef, Q, QuerySet

from communes.fields import DayField, TextField
from communes.models import Department, Membership, RightsChange, Role, Unit
from communes.names import search_name
from communes.user_lists import departments, label, places, roles_for
from ntm.accounts.models import User
from ntm.clock import today

BIGGEST = 2**63 - 1


class ErrorsByField:
    """A form that takes over the messages a domain function gives by field."""

    def take_errors(self: Any, errors: dict[str, str]) -> None:
        for field, message in errors.items():
            self.add_error(field if field in self.fields else None, message)


class PlaceField(forms.TypedChoiceField):
    """A unit of one province, chosen by its name; gives the Unit."""

    def offer(self, units: list[Unit]) -> None:
        self.units = {str(unit.pk): unit for unit in units}
        groups: dict[str, list[tuple[str, str]]] = {}
        for unit in units:
            area = unit.district.full_name if unit.level == "commune" and unit.district else "Tỉnh, huyện"
            groups.setdefault(area if unit.level == "commune" else "Tỉnh, huyện", []).append(
                (str(unit.pk), label(unit))
            )
        self.choices = [("", "Chọn đơn vị"), *groups.items()]
        self.coerce = self.units.__getitem__
        self.empty_value = None


class SeenForm(ErrorsByField, forms.Form):
    """A form that knows which state of the person its page showed."""

    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=BIGGEST)


class ProfileForm(ErrorsByField, forms.Form):
    full_name = TextField(label="Họ và tên", max_length=100, error_messages={"required": "Nhập họ và tên."})
    post = TextField(label="Chức vụ", max_length=150, required=False)
    organisation = TextField(label="Cơ quan", max_length=200, required=False)
    email = forms.EmailField(
        label="E-mail",
        required=False,
        max_length=254,
        help_text="Để nhận nhắc việc; không có cũng được.",
        error_messages={"invalid": "Nhập địa chỉ như ten@hatinh.gov.vn."},
    )

    def clean_full_name(self) -> str:
        name = self.cleaned_data["full_name"]
        if not search_name(name) or name.isdecimal():
            raise forms.ValidationError("Nhập họ và tên như trong văn bản: Nguyễn Văn A.")
        return name


class ChangeProfileForm(SeenForm, ProfileForm):
    pass


class RoleForm(ErrorsByField, forms.Form):
    """A role at a unit of one province."""

    role = forms.ChoiceField(label="Vai trò", error_messages={"required": "Chọn vai trò."})
    unit = PlaceField(
        label="Đơn vị",
        help_text="Cán bộ, lãnh đạo xã: chọn xã. Huyện: chọn huyện. Đoàn thẩm định, sở, ngành: chọn tỉnh.",
        error_messages={"required": "Chọn đơn vị.", "invalid_choice": "Chọn một đơn vị trong tỉnh."},
    )
    department = forms.ModelChoiceField(
        Department.objects.none(),
        label="Sở, ngành",
        required=False,
        empty_label="Không",
        help_text="Chỉ cho vai trò Cán bộ sở, ngành.",
    )
    may_send = forms.BooleanField(
        label="Được gửi kết quả lên cấp trên", required=False, help_text="Chỉ cho cán bộ; lãnh đạo xã luôn được gửi."
    )
    may_lead = forms.BooleanField(
        label="Được lập kế hoạch và làm trưởng đoàn",
        required=False,
        help_text="Chỉ cho thành viên đoàn thẩm định tỉnh.",
    )
    starts_on = DayField(label="Từ ngày", required=False, help_text="Để trống: ngay bây giờ.")
    ends_on = DayField(label="Đến hết ngày", required=False, help_text="Để trống: chưa xác định.")

    def __init__(self, *args: Any, province: Unit, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [("", "Chọn vai trò"), *roles_for(by)]  # type: ignore[attr-defined]
        self.fields["unit"].offer(places(province))  # type: ignore[attr-defined]
        rows = departments(province)
        self.fields["department"].queryset = Department.objects.filter(pk__in=[d.pk for d in rows])  # type: ignore[attr-defined]

    def role_given(self) -> dict[str, Any]:
        """The arguments of `users.give_role`."""
        names = ("unit", "role", "department", "may_send", "may_lead", "starts_on", "ends_on")
        return {name: self.cleaned_data[name] for name in names}


class NewPersonForm(ProfileForm, RoleForm):
    username = TextField(
        label="Tên đăng nhập",
        max_length=40,
        required=False,
        help_text="Để trống: hệ thống đặt theo họ tên, ví dụ nguyenvana.",
        widget=forms.TextInput({"autocapitalize": "none", "autocorrect": "off", "spellcheck": "false"}),
    )
    field_order = ["full_name", "post", "organisation", "email", "role", "unit"]

    def profile(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in ("full_name", "post", "organisation", "email")}


class NewRoleForm(SeenForm, RoleForm):
    pass


class ChangeRoleForm(SeenForm):
    """What can change about a role that was given: whose and where it is can't."""

    may_send = forms.BooleanField(label="Được gửi kết quả lên cấp trên", required=False)
    may_lead = forms.BooleanField(label="Được lập kế hoạch và làm trưởng đoàn", required=False)
    starts_on = DayField(label="Từ ngày", required=False, help_text="Để trống: không giới hạn.")
    ends_on = DayField(
        label="Đến hết ngày", required=False, help_text="Ngày cuối cùng còn vai trò này. Để trống: chưa xác định."
    )

    def __init__(self, *args: Any, membership: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if membership.role != Role.OFFICER:
            del self.fields["may_send"]
        if membership.role != Role.INSPECTOR:
            del self.fields["may_lead"]


class MoveForm(SeenForm):
    unit = PlaceField(
        label="Đơn vị mới",
        error_messages={"required": "Chọn đơn vị mới.", "invalid_choice": "Chọn một đơn vị trong tỉnh."},
    )
    starts_on = DayField(label="Làm việc ở nơi mới từ ngày", help_text="Vai trò cũ kết thúc vào ngày hôm trước.")
    reason = TextField(
        label="Lý do, văn bản", max_length=500, required=False, help_text="Ví dụ: Quyết định 120/QĐ-UBND."
    )

    def __init__(self, *args: Any, membership: Membership, province: Unit, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        level, here = membership.unit.level, membership.unit_id
        self.fields["unit"].offer([u for u in places(province) if u.level == level and u.pk != here])  # type: ignore[attr-defined]


class ReasonForm(SeenForm):
    reason = TextField(label="Lý do", max_length=500, error_messages={"required": "Nêu lý do."})


class ListForm(forms.Form):
    file = forms.FileField(
        label="Tệp danh sách (.xlsx)",
        error_messages={"required": "Chọn tệp danh sách.", "empty": "Tệp này trống."},
        widget=forms.FileInput({"accept": ".xlsx"}),
    )


# --- filters ---------------------------------------------------------------------------


class PeopleFilterForm(forms.Form):
    """The filters of the list of people; anything unknown is as if it weren't there."""

    q = forms.CharField(label="Họ tên, tên đăng nhập", required=False, max_length=100)
    place = forms.CharField(label="Đơn vị (tên hoặc mã)", required=False, max_length=100)
    role = forms.ChoiceField(label="Vai trò", choices=[("", "Tất cả"), *Role.choices], required=False)
    state = forms.ChoiceField(
        label="Tình trạng",
        choices=[
            ("", "Đang hoạt động"),
            ("unused", "Chưa có mật khẩu"),
            ("closed", "Ngừng hoạt động"),
            ("all", "Tất cả"),
        ],
        required=False,
    )

    def narrow(self, people: QuerySet[User]) -> QuerySet[User]:
        """The people the filters leave, by name."""
        self.is_valid()
        chosen = self.cleaned_data
        state = chosen.get("state", "")
        if state in {"", "unused"}:
            people = people.filter(is_active=True)
        if state == "unused":
            people = people.filter(password__startswith=UNUSABLE_PASSWORD_PREFIX)
        elif state == "closed":
            people = people.filter(is_active=False)
        text = chosen.get("q", "").strip()
        if text:
            bare = search_name(text)
            people = people.filter(Q(search_name__contains=bare or text) | Q(username__icontains=text.lower()))
        place, role = chosen.get("place", "").strip(), chosen.get("role", "")
        if place or role:
            held = Membership.objects.standing(today()).filter(user=OuterRef("pk"))
            if role:
                held = held.filter(role=role)
            if place:
                bare = search_name(place) or place
                held = held.filter(
                    Q(unit__search_name__contains=bare) | Q(unit__code=place)
                    | Q(unit__district__search_name__contains=bare)
                )  # fmt: skip
            people = people.filter(Exists(held))
        return people.order_by("search_name", "pk")

    @property
    def is_used(self) -> bool:
        return any(self.cleaned_data.get(name) for name in self.fields)


class LogFilterForm(forms.Form):
    """The filters of the log of rights."""

    q = forms.CharField(label="Người được thay đổi", required=False, max_length=100)
    by = forms.CharField(label="Người thực hiện", required=False, max_length=100)
    kind = forms.ChoiceField(label="Việc", choices=[("", "Tất cả"), *RightsChange.Kind.choices], required=False)
    since = DayField(label="Từ ngày", required=False)
    until = DayField(label="Đến hết ngày", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("since", "until"):
            self.fields[name].help_text = ""

    def narrow(self, changes: QuerySet[RightsChange]) -> QuerySet[RightsChange]:
        self.is_valid()
        chosen = self.cleaned_data
        for field, path in (("q", "person"), ("by", "by")):
            text = chosen.get(field, "").strip()
            if text:
                bare = search_name(text) or text
                changes = changes.filter(
                    Q(**{f"{path}__search_name__contains": bare}) | Q(**{f"{path}__username__icontains": text.lower()})
                )
        if chosen.get("kind"):
            changes = changes.filter(kind=chosen["kind"])
        if chosen.get("since"):
            changes = changes.filter(at__date__gte=chosen["since"])
        if chosen.get("until"):
            changes = changes.filter(at__date__lte=chosen["until"])
        return changes

    @property
    def is_used(self) -> bool:
        return any(self.cleaned_data.get(name) for name in self.fields)
