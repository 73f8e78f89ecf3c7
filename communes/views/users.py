"""People: the list, one person, roles, one-time passwords, the log of rights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from communes import access, users
from communes.duties import Duty, duties
from communes.middleware import has_second_factor
from communes.models import Membership, RightsChange, Unit
from communes.user_forms import (
    ChangeProfileForm,
    ChangeRoleForm,
    LogFilterForm,
    MoveForm,
    NewPersonForm,
    NewRoleForm,
    PeopleFilterForm,
    ReasonForm,
)
from communes.users import Changed, Refused
from ntm.accounts.models import ONE_TIME_PASSWORD_LASTS, User
from ntm.clock import today

PER_PAGE = 30
SLIPS_AT_ONCE = 40  # hashing a password takes about as long as a sign-in


# --- fetching --------------------------------------------------------------------------


def me(request: HttpRequest) -> User:
    """Who is signed in; the middleware lets nobody else in here."""
    return cast(User, request.user)


def people(request: HttpRequest) -> Any:
    """The accounts the person may see, with the roles that haven't ended."""
    access.require(me(request), "people.list")
    standing = Membership.objects.standing(today()).select_related("unit__district", "department")
    return access.visible_people(me(request)).prefetch_related(Prefetch("memberships", standing))


def get_person(request: HttpRequest, pk: int, action: str = "") -> User:
    """The person if visible, else 404; with an action, 403 unless it may be done to them."""
    if not access.can(me(request), "people.list"):
        raise Http404
    person = get_object_or_404(people(request), pk=pk)
    if action:
        access.require(me(request), action, person)
    return person


def get_role(request: HttpRequest, person: User, pk: int) -> Membership:
    """One of the person's roles which the signed-in one may change."""
    membership = get_object_or_404(
        Membership.objects.filter(user=person).select_related("user", "unit__province", "department"), pk=pk
    )
    access.require(me(request), "role.give", (membership.unit, membership.role))
    return membership


def chosen_province(request: HttpRequest) -> Unit | None:
    """The province to work in: the only one, or the one named by the request; None: still to be chosen."""
    provinces = access.visible_provinces(me(request))
    chosen = request.GET.get("province", "")
    if chosen:
        return get_object_or_404(provinces, pk=int(chosen) if chosen.isdecimal() and len(chosen) < 19 else 0)
    few = list(provinces[:2])
    return few[0] if len(few) == 1 else None


def choose_province(request: HttpRequest, title: str) -> HttpResponse:
    context = {"provinces": access.visible_provinces(me(request)), "title": title}
    return render(request, "communes/province_choose.html", context)


def apply_form(request: HttpRequest, form: Any, change: Callable[[], Any]) -> tuple[bool, list[RightsChange]]:
    """Whether the change was made; if not, the form has the reasons, and changes made meanwhile are given."""
    try:
        change()
    except Refused as refused:
        form.take_errors(refused.errors)
    except Changed as changed:
        form.add_error(None, f"{changed} Xem lại các thay đổi dưới đây; gửi lần nữa nếu vẫn muốn lưu.")
        form.data = form.data.copy()
        form.data["seen"] = changed.since[-1].pk if changed.since else 0
        return False, changed.since
    else:
        return True, []
    return False, []


# --- lists -----------------------------------------------------------------------------


@require_GET
def user_list(request: HttpRequest) -> HttpResponse:
    filters = PeopleFilterForm(request.GET)
    found = filters.narrow(people(request))
    context = {
        "filters": filters,
        "page": Paginator(found, PER_PAGE).get_page(request.GET.get("page")),
        "may_create": bool(access.can(me(request), "people.create")),
    }
    return render(request, "communes/user_list.html", context)


@require_GET
def rights_log(request: HttpRequest) -> HttpResponse:
    access.require(me(request), "people.create")
    filters = LogFilterForm(request.GET)
    changes = filters.narrow(visible_changes(request))
    page = Paginator(changes, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "communes/rights_log.html", {"filters": filters, "page": page})


def visible_changes(request: HttpRequest) -> Any:
    """Changes to people one sees, and of them only what concerns one's own provinces."""
    changes = RightsChange.objects.select_related("person", "by", "unit")
    if me(request).is_superuser:
        return changes
    provinces = access.managed_provinces(access.roles(me(request)))
    return changes.filter(
        Q(unit__isnull=True) | Q(unit__province__in=provinces),
        person__in=access.visible_people(me(request)).values("pk"),
    )


# --- one person ------------------------------------------------------------------------


@require_GET
def user_detail(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_person(request, pk)
    may = {
        name: access.can(me(request), f"person.{name}", person)
        for name in ("change", "reset_password", "reset_second_factor")
    }
    sees_log = bool(access.can(me(request), "people.create"))
    held = Membership.objects.filter(user=person).select_related("unit__district", "department").order_by("-pk")
    context = {
        "person": person,
        "may": may,
        "roles": [
            (
                m,
                may["change"] and m in standing and access.can(me(request), "role.give", (m.unit, m.role)),
                m in standing,
            )
            for standing in [person.memberships.all()]
            for m in held
        ],
        "has_second_factor": has_second_factor(person),
        "has_password": person.has_usable_password(),
        "changes": visible_changes(request).filter(person=person)[:20] if sees_log else None,
    }
    return render(request, "communes/user_detail.html", context)


@require_http_methods(["GET", "POST"])
def user_create(request: HttpRequest) -> HttpResponse:
    access.require(me(request), "people.create")
    province = chosen_province(request)
    if province is None:
        return choose_province(request, "Tạo người dùng")
    form = NewPersonForm(request.POST or None, province=province, by=me(request))
    if request.method == "POST" and form.is_valid():
        role = form.role_given()
        access.require(me(request), "role.give", (role["unit"], role["role"]))
        try:
            person = users.create_person(
                me(request),
                profile=form.profile(),
                username=form.cleaned_data["username"],
                role=role,
            )
        except Refused as refused:
            form.take_errors(refused.errors)
        else:
            messages.success(request, f"Đã tạo tài khoản {person.username}. Tiếp theo: cấp mật khẩu và in phiếu.")
            return redirect("communes:user_password", pk=person.pk)
    status = 422 if form.is_bound else 200
    return render(request, "communes/user_form.html", {"form": form, "province": province}, status=status)


def edit(
    request: HttpRequest,
    person: User,
    form: Any,
    change: Callable[[], Any],
    *,
    done: str,
    template: str,
    **context: Any,
) -> HttpResponse:
    """What all forms about one person share: apply, show reasons or changes made meanwhile, go back."""
    since: list[RightsChange] = []
    if request.method == "POST" and form.is_valid():
        applied, since = apply_form(request, form, change)
        if applied:
            messages.success(request, done)
            return redirect("communes:user_detail", pk=person.pk)
    status = 409 if since else 422 if form.is_bound else 200
    return render(request, template, {"form": form, "person": person, "since": since, **context}, status=status)


@require_http_methods(["GET", "POST"])
def user_edit(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_person(request, pk, "person.change")
    initial = {name: getattr(person, name) for name in users.PROFILE} | {"seen": users.version_of(person)}
    form = ChangeProfileForm(request.POST or None, initial=initial)

    def change() -> None:
        profile = {name: form.cleaned_data[name] for name in users.PROFILE}
        users.change_profile(person, me(request), profile, seen=form.cleaned_data["seen"])

    return edit(request, person, form, change, done="Đã lưu.", template="communes/user_edit.html")


def reason_page(
    request: HttpRequest, person: User, change: Callable[..., Any], *, done: str, held: list[Duty] | None = None,
    **context: Any,
) -> HttpResponse:  # fmt: skip
    """A step that asks once, says what happens and what is `held` by the person alone, and wants a reason."""
    form = ReasonForm(request.POST or None, initial={"seen": users.version_of(person)})

    def step() -> None:
        change(person, me(request), form.cleaned_data["reason"], seen=form.cleaned_data["seen"])

    return edit(
        request, person, form, step, done=done, template="communes/user_step.html", duties=held or [], **context
    )


@require_http_methods(["GET", "POST"])
def user_close(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_person(request, pk, "person.change")
    return reason_page(
        request,
        person,
        users.deactivate,
        done="Tài khoản đã ngừng hoạt động.",
        held=duties(person, me(request)),
        title="Ngừng hoạt động tài khoản",
        action_label="Ngừng hoạt động",
        danger=True,
        consequences=[
            "Người này không đăng nhập được nữa, kể cả phiên đang mở.",
            "Vai trò và mọi việc đã làm vẫn được giữ trong lịch sử.",
            "Có thể kích hoạt lại bất cứ lúc nào.",
        ],
    )


@require_http_methods(["GET", "POST"])
def user_reopen(request: HttpRequest, pk: int) -> HttpResponse:
    return reason_page(
        request,
        get_person(request, pk, "person.change"),
        users.reactivate,
        done="Tài khoản đã hoạt động trở lại.",
        title="Kích hoạt lại tài khoản",
        action_label="Kích hoạt lại",
        danger=False,
        consequences=["Người này đăng nhập lại được bằng mật khẩu cũ, với các vai trò còn hiệu lực."],
    )


@require_http_methods(["GET", "POST"])
def user_second_factor(request: HttpRequest, pk: int) -> HttpResponse:
    def reset(person: User, by: User, reason: str, seen: int) -> None:
        users.reset_second_factor(person, by, reason)

    return reason_page(
        request,
        get_person(request, pk, "person.reset_second_factor"),
        reset,
        done="Đã đặt lại xác thực hai lớp.",
        title="Đặt lại xác thực hai lớp",
        action_label="Đặt lại",
        danger=True,
        consequences=[
            "Ứng dụng xác thực và mã dự phòng của người này không còn dùng được.",
            "Lần đăng nhập sau, điều phối viên phải thiết lập lại trước khi làm việc.",
            "Chỉ đặt lại khi đã gặp trực tiếp hoặc chắc chắn đúng người.",
        ],
    )


# --- roles -----------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def role_create(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_person(request, pk, "person.change")
    province = chosen_province(request)
    if province is None:
        return choose_province(request, f"Giao vai trò cho {person}")
    initial = {"seen": users.version_of(person)}
    form = NewRoleForm(request.POST or None, province=province, by=me(request), initial=initial)

    def change() -> None:
        role = form.role_given()
        access.require(me(request), "role.give", (role["unit"], role["role"]))
        users.give_role(person, me(request), **role, seen=form.cleaned_data["seen"])

    return edit(
        request, person, form, change, done="Đã giao vai trò.", template="communes/role_form.html", province=province
    )


@require_http_methods(["GET", "POST"])
def role_edit(request: HttpRequest, pk: int, role: int) -> HttpResponse:
    person = get_person(request, pk, "person.change")
    membership = get_role(request, person, role)
    names = ("may_send", "may_lead", "starts_on", "ends_on")
    initial = {name: getattr(membership, name) for name in names} | {"seen": users.version_of(person)}
    form = ChangeRoleForm(request.POST or None, membership=membership, initial=initial)

    def change() -> None:
        changes = {name: form.cleaned_data[name] for name in names if name in form.cleaned_data}
        users.change_role(membership, me(request), changes, seen=form.cleaned_data["seen"])

    return edit(
        request, person, form, change, done="Đã lưu vai trò.", template="communes/role_edit.html",
        membership=membership, duties=duties(person, me(request), membership),
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
def role_move(request: HttpRequest, pk: int, role: int) -> HttpResponse:
    person = get_person(request, pk, "person.change")
    membership = get_role(request, person, role)
    province = chosen_province(request) if "province" in request.GET else membership.unit.province
    if province is None:
        return choose_province(request, "Chuyển đơn vị")
    initial = {"seen": users.version_of(person), "starts_on": today()}
    form = MoveForm(request.POST or None, membership=membership, province=province, initial=initial)

    def change() -> None:
        unit = form.cleaned_data["unit"]
        access.require(me(request), "role.give", (unit, membership.role))
        users.move(
            membership,
            me(request),
            unit=unit,
            starts_on=form.cleaned_data["starts_on"],
            reason=form.cleaned_data["reason"],
            seen=form.cleaned_data["seen"],
        )

    return edit(
        request, person, form, change, done="Đã chuyển đơn vị.", template="communes/role_move.html",
        membership=membership, described=users.describe(membership), duties=duties(person, me(request), membership),
    )  # fmt: skip


# --- one-time passwords ----------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "POST"])
def user_password(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask once, then show the slip; it can't be shown again."""
    person = get_person(request, pk, "person.reset_password")
    if request.method == "POST":
        return slips(request, [person], left=0)
    context = {"person": person, "has_password": person.has_usable_password(), "days": ONE_TIME_PASSWORD_LASTS.days}
    return render(request, "communes/user_password.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def slip_list(request: HttpRequest) -> HttpResponse:
    """Slips for all who never had a password, some at a time."""
    access.require(me(request), "people.create")
    waiting = PeopleFilterForm({"state": "unused"}).narrow(people(request))
    ready = [person for person in waiting if access.can(me(request), "person.reset_password", person)]
    if request.method == "POST" and ready:
        return slips(request, ready[:SLIPS_AT_ONCE], left=len(ready) - len(ready[:SLIPS_AT_ONCE]))
    context = {"waiting": ready, "at_once": SLIPS_AT_ONCE, "days": ONE_TIME_PASSWORD_LASTS.days}
    return render(request, "communes/slip_list.html", context)


def slips(request: HttpRequest, chosen: list[User], left: int) -> HttpResponse:
    given = users.give_one_time_passwords(chosen, me(request))
    address = request.build_absolute_uri(reverse("account_login"))
    return render(request, "communes/slips.html", {"slips": given, "address": address, "left": left})
