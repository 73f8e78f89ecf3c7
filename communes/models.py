"""Who and where: administrative units through time, departments, and who works for which.

A unit keeps its identity while its code, name, kind or place in the hierarchy changes;
each such state is a `UnitVersion`. Only a merger or a split closes a unit, and
`Succession` tells what became of it. `Membership` ties a person to a unit with a role;
what the role may see and do is decided in `communes/access.py` alone.
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from communes import access
from communes.names import KINDS, full_name, search_name, sort_key


class Level(models.TextChoices):
    PROVINCE = "province", "Tỉnh"
    DISTRICT = "district", "Huyện"
    COMMUNE = "commune", "Xã"
    VILLAGE = "village", "Thôn"


class Region(models.TextChoices):
    """The seven economic regions by which the national sets vary their targets."""

    NORTHERN_MOUNTAINS = "trung-du-mien-nui-phia-bac", "Trung du miền núi phía Bắc"
    RED_RIVER_DELTA = "dong-bang-song-hong", "Đồng bằng sông Hồng"
    NORTH_CENTRAL = "bac-trung-bo", "Bắc Trung Bộ"
    SOUTH_CENTRAL_COAST = "duyen-hai-nam-trung-bo", "Duyên hải Nam Trung Bộ"
    CENTRAL_HIGHLANDS = "tay-nguyen", "Tây Nguyên"
    SOUTHEAST = "dong-nam-bo", "Đông Nam Bộ"
    MEKONG_DELTA = "dong-bang-song-cuu-long", "Đồng bằng sông Cửu Long"


RURAL_COMMUNE = "xa"


class UnitQuerySet(access.ScopedQuerySet):
    def existing(self, on: date) -> UnitQuerySet:
        """Units that exist on that day (opened by then, not yet closed)."""
        return self.filter(
            Q(opened_on__isnull=True) | Q(opened_on__lte=on), Q(closed_on__isnull=True) | Q(closed_on__gt=on)
        )

    def within(self, area: Unit) -> UnitQuerySet:
        """Units of the area, itself included."""
        return self.filter(**{area.level: area})

    def rural_communes(self) -> UnitQuerySet:
        """Communes of kind xã: the only ones counted in commune totals."""
        return self.filter(level=Level.COMMUNE, kind=RURAL_COMMUNE)

    def search(self, text: str) -> UnitQuerySet:
        """Units whose code is `text`, or whose name holds it whatever its case and diacritics."""
        return self.filter(Q(code=text.strip()) | Q(search_name__contains=search_name(text)))


class Unit(models.Model):
    """An administrative unit in its present state.

    `province`, `district` and `commune` name its ancestors *and itself* at its own level
    (a commune's `commune` is itself), so that "everything within an area" is one
    comparison and scoping is a single join. Every unit has a province; a commune has no
    district from 1 July 2025 on, unless a reporting area is set. `closed_on` is the first
    day on which the unit no longer exists. `target_group` is the commune group (nhom-1…)
    or a province's own zone; `uses_mountain_targets` marks communes to which the set's
    mountain targets apply whatever their region (318/QĐ-TTg: xã đặc biệt khó khăn, an
    toàn khu). `search_name` and `sort_key` are derived from the name (`communes.names`).
    """

    level = models.CharField("Cấp", max_length=10, choices=Level.choices)
    code = models.CharField("Mã", max_length=10, blank=True)
    name = models.CharField("Tên", max_length=100, help_text="Không kèm loại: “Đông Phú”.")
    kind = models.CharField("Loại", max_length=20, choices=KINDS.items())
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name="Trực thuộc"
    )
    province = models.ForeignKey("self", models.PROTECT, null=True, related_name="+", verbose_name="Tỉnh")
    district = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="Huyện")
    commune = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="Xã")
    region = models.CharField("Vùng", max_length=40, choices=Region.choices, blank=True)
    target_group = models.CharField("Nhóm xã", max_length=40, blank=True)
    uses_mountain_targets = models.BooleanField("Áp dụng mức của vùng núi", default=False)
    population = models.PositiveIntegerField("Dân số", null=True, blank=True)
    households = models.PositiveIntegerField("Số hộ", null=True, blank=True)
    opened_on = models.DateField("Thành lập ngày", null=True, blank=True)
    closed_on = models.DateField("Kết thúc ngày", null=True, blank=True)
    # The day of the last UnitVersion: from then on the columns above hold, and no version need be read.
    present_since = models.DateField(null=True, editable=False)
    search_name = models.CharField(max_length=150, editable=False)
    sort_key = models.CharField(max_length=600, editable=False)

    level_of: ClassVar[str] = ""  # the proxies' level
    unit_path = ""
    scope_kind = "unit"
    objects = UnitQuerySet.as_manager()

    class Meta:
        verbose_name = "đơn vị hành chính"
        verbose_name_plural = "đơn vị hành chính"
        ordering = ["sort_key", "pk"]
        constraints = [
            models.CheckConstraint(
                name="unit_closes_after_opening",
                condition=Q(closed_on__isnull=True) | Q(opened_on__isnull=True) | Q(closed_on__gt=F("opened_on")),
                violation_error_message="Ngày kết thúc phải sau ngày thành lập.",
            ),
            models.UniqueConstraint(
                name="unit_open_code_unique",
                fields=["level", "code"],
                condition=Q(closed_on__isnull=True) & ~Q(code=""),
                violation_error_message="Mã này đang thuộc một đơn vị khác cùng cấp.",
            ),
        ]
        indexes = [
            models.Index(fields=["level", "code"]),
            models.Index(fields=["search_name"]),
        ]

    def __str__(self) -> str:
        return self.full_name

    @property
    def full_name(self) -> str:
        """The official name with its kind: "Xã Đông Phú"."""
        return full_name(self.kind, self.name)

    @property
    def in_sentence(self) -> str:
        """The official name within a phrase: "Thẩm định xã Đông Phú"."""
        return self.full_name[:1].lower() + self.full_name[1:]

    def set_name_keys(self) -> None:
        """Refresh what is derived from the name; call before saving a changed name."""
        self.search_name = search_name(self.full_name)
        self.sort_key = sort_key(self.name)

    def exists_on(self, day: date) -> bool:
        return (self.opened_on is None or self.opened_on <= day) and (self.closed_on is None or day < self.closed_on)


class LevelManager(models.Manager.from_queryset(UnitQuerySet)):  # type: ignore[misc]
    """Units of one level; the proxy model names it."""

    def get_queryset(self) -> UnitQuerySet:
        return super().get_queryset().filter(level=self.model.level_of)


class Province(Unit):
    level_of: ClassVar[str] = Level.PROVINCE
    objects = LevelManager()  # type: ignore[misc]

    class Meta:
        proxy = True
        verbose_name = "tỉnh"
        verbose_name_plural = "tỉnh"


class District(Unit):
    """A district (huyện, quận, thị xã, thành phố) until 30 June 2025; afterwards an area for reporting."""

    level_of: ClassVar[str] = Level.DISTRICT
    objects = LevelManager()  # type: ignore[misc]

    class Meta:
        proxy = True
        verbose_name = "huyện"
        verbose_name_plural = "huyện"


class Commune(Unit):
    level_of: ClassVar[str] = Level.COMMUNE
    objects = LevelManager()  # type: ignore[misc]

    class Meta:
        proxy = True
        verbose_name = "xã"
        verbose_name_plural = "xã"


class Village(Unit):
    level_of: ClassVar[str] = Level.VILLAGE
    objects = LevelManager()  # type: ignore[misc]

    class Meta:
        proxy = True
        verbose_name = "thôn"
        verbose_name_plural = "thôn"


class UnitVersion(models.Model):
    """What a unit was from `valid_from` until the day before `valid_to` (None: still).

    The versions of a unit don't overlap (`manage.py check_units`; SQLite has no exclusion
    constraint). The last one equals the unit's present columns.
    """

    unit = models.ForeignKey(Unit, models.CASCADE, related_name="versions", verbose_name="Đơn vị")
    valid_from = models.DateField("Từ ngày")
    valid_to = models.DateField("Đến trước ngày", null=True, blank=True)
    code = models.CharField("Mã", max_length=10, blank=True)
    name = models.CharField("Tên", max_length=100)
    kind = models.CharField("Loại", max_length=20, choices=KINDS.items())
    parent = models.ForeignKey(Unit, models.PROTECT, null=True, blank=True, related_name="+")
    province = models.ForeignKey(Unit, models.PROTECT, null=True, related_name="+")
    district = models.ForeignKey(Unit, models.PROTECT, null=True, blank=True, related_name="+")
    commune = models.ForeignKey(Unit, models.PROTECT, null=True, blank=True, related_name="+")
    region = models.CharField("Vùng", max_length=40, choices=Region.choices, blank=True)
    target_group = models.CharField("Nhóm xã", max_length=40, blank=True)
    uses_mountain_targets = models.BooleanField("Áp dụng mức của vùng núi", default=False)
    decision = models.CharField("Văn bản", max_length=200, blank=True)

    unit_path = "unit"
    scope_kind = "unit"
    objects = access.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "giai đoạn của đơn vị"
        verbose_name_plural = "các giai đoạn của đơn vị"
        ordering = ["unit_id", "valid_from"]
        constraints = [
            models.UniqueConstraint(fields=["unit", "valid_from"], name="unit_version_start_unique"),
            models.CheckConstraint(
                name="unit_version_ends_after_start",
                condition=Q(valid_to__isnull=True) | Q(valid_to__gt=F("valid_from")),
            ),
        ]
        indexes = [models.Index(fields=["code", "valid_from"])]

    def __str__(self) -> str:
        return full_name(self.kind, self.name)


class Succession(models.Model):
    """One step from a closed unit to one that took over its land and people.

    Many to many: a merger has several predecessors, a split several successors.
    `is_approximate`: only part of the predecessor went there. `is_verified`: checked
    against the decision rather than derived from a list.
    """

    class Kind(models.TextChoices):
        MERGER = "merger", "Sáp nhập"
        SPLIT = "split", "Chia tách"
        REPLACEMENT = "replacement", "Thay thế"

    predecessor = models.ForeignKey(Unit, models.PROTECT, related_name="successions", verbose_name="Đơn vị cũ")
    successor = models.ForeignKey(Unit, models.PROTECT, related_name="origins", verbose_name="Đơn vị mới")
    effective_on = models.DateField("Có hiệu lực từ")
    decision = models.CharField("Văn bản", max_length=200, blank=True)
    kind = models.CharField("Hình thức", max_length=15, choices=Kind.choices, default=Kind.MERGER)
    is_approximate = models.BooleanField("Chỉ một phần", default=False)
    is_verified = models.BooleanField("Đã kiểm tra", default=False)

    class Meta:
        verbose_name = "kế thừa đơn vị"
        verbose_name_plural = "kế thừa đơn vị"
        ordering = ["effective_on", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["predecessor", "successor"], name="succession_unique"),
            models.CheckConstraint(name="succession_not_to_itself", condition=~Q(predecessor=F("successor"))),
        ]

    def __str__(self) -> str:
        return f"{self.predecessor} → {self.successor}"


class Department(models.Model):
    """A department (sở, ngành) that answers for criteria; without a province: the nation's usual one."""

    code = models.SlugField("Mã", max_length=40)
    name = models.CharField("Tên", max_length=200)
    province = models.ForeignKey(
        Unit, models.PROTECT, null=True, blank=True, related_name="departments", verbose_name="Tỉnh"
    )

    class Meta:
        verbose_name = "sở, ngành"
        verbose_name_plural = "sở, ngành"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                F("code"),
                Coalesce("province", 0),
                name="department_code_unique",
                violation_error_message="Mã sở, ngành này đã có.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    OFFICER = "officer", "Cán bộ phụ trách tiêu chí"
    COMMUNE_LEADER = "commune_leader", "Lãnh đạo xã"
    DISTRICT_STAFF = "district_staff", "Văn phòng điều phối huyện"
    INSPECTOR = "inspector", "Thành viên đoàn thẩm định tỉnh"
    DEPARTMENT_REVIEWER = "department_reviewer", "Cán bộ sở, ngành"
    COORDINATOR = "coordinator", "Điều phối viên tỉnh"
    VIEWER = "viewer", "Người xem"


class MembershipQuerySet(models.QuerySet):
    def in_force(self, on: date) -> MembershipQuerySet:
        return self.filter(
            Q(starts_on__isnull=True) | Q(starts_on__lte=on), Q(ends_on__isnull=True) | Q(ends_on__gte=on)
        )

    def serving(self, on: date) -> MembershipQuerySet:
        """In force that day, with an account that is active."""
        return self.in_force(on).filter(user__is_active=True)

    def standing(self, on: date) -> MembershipQuerySet:
        """Not ended by that day: in force, or still to begin."""
        return self.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=on))

    def overlapping(self, starts_on: date | None, ends_on: date | None) -> MembershipQuerySet:
        """Those with a day in common with the period (None: without limit)."""
        rows = self if starts_on is None else self.standing(starts_on)
        return rows if ends_on is None else rows.filter(Q(starts_on__isnull=True) | Q(starts_on__lte=ends_on))


class Membership(models.Model):
    """A person's role at a unit, from–to (both days included; empty: without limit).

    A role is held at units of its own level (`access.ROLE_LEVELS`): at another one it
    would open a whole area to it, and counts for nothing.
    `may_send`: this officer may send the self-assessment (leaders always may).
    `may_lead`: this inspector may plan the province's visits and lead them.
    Somebody who comes back gets a new row: the old one stays and says when they were there before.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="memberships", verbose_name="Người dùng"
    )
    unit = models.ForeignKey(Unit, models.PROTECT, related_name="memberships", verbose_name="Đơn vị")
    role = models.CharField("Vai trò", max_length=20, choices=Role.choices)
    department = models.ForeignKey(
        Department, models.PROTECT, null=True, blank=True, related_name="memberships", verbose_name="Sở, ngành"
    )
    may_send = models.BooleanField("Được gửi kết quả lên cấp trên", default=False)
    may_lead = models.BooleanField("Được lập kế hoạch và làm trưởng đoàn", default=False)
    starts_on = models.DateField("Từ ngày", null=True, blank=True)
    ends_on = models.DateField("Đến hết ngày", null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = "vai trò"
        verbose_name_plural = "vai trò"
        ordering = ["user_id", "pk"]
        constraints = [
            models.UniqueConstraint(
                F("user"),
                F("unit"),
                F("role"),
                Coalesce("department", 0),
                name="membership_open_unique",
                condition=Q(ends_on__isnull=True),
                violation_error_message="Người này đã có vai trò đó ở đơn vị này.",
            ),
            models.CheckConstraint(
                name="membership_reviewer_has_department",
                condition=~Q(role="department_reviewer") | Q(department__isnull=False),
                violation_error_message="Cán bộ sở, ngành phải thuộc một sở, ngành.",
            ),
            models.CheckConstraint(
                name="membership_ends_after_start",
                condition=Q(starts_on__isnull=True) | Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                violation_error_message="Ngày kết thúc phải từ ngày bắt đầu trở đi.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} – {self.get_role_display()}, {self.unit}"

    def is_in_force(self, on: date) -> bool:
        return (self.starts_on is None or self.starts_on <= on) and (self.ends_on is None or on <= self.ends_on)

    def clean(self) -> None:
        """Refuse a role at a unit of a level that has no such role, and the same role twice at a time."""
        if self.role in access.ROLE_LEVELS and self.unit_id is not None:
            levels = access.ROLE_LEVELS[self.role]
            if self.unit.level not in levels:
                places = " hoặc ".join(level.label.lower() for level in Level if level in levels)
                raise ValidationError({"role": f"Vai trò “{self.get_role_display()}” chỉ giao ở cấp {places}."})
        if None in (self.user_id, self.unit_id):
            return
        same = Membership.objects.filter(
            user=self.user_id, unit=self.unit_id, role=self.role, department=self.department_id
        ).exclude(pk=self.pk)
        if same.overlapping(self.starts_on, self.ends_on).exists():
            raise ValidationError("Người này đã có vai trò đó ở đơn vị này trong thời gian ấy.")


class RightsChange(models.Model):
    """One change of who may do what; append-only, written with the change itself (`communes.users.record`).

    `before` and `after` say in words what changed, so that a line can be read after units
    and roles have changed their names. `by` is empty for what the server's operator did.
    """

    class Kind(models.TextChoices):
        CREATED = "created", "Tạo tài khoản"
        PROFILE = "profile", "Sửa thông tin"
        ROLE_GIVEN = "role_given", "Giao vai trò"
        ROLE_CHANGED = "role_changed", "Sửa vai trò"
        MOVED = "moved", "Chuyển đơn vị"
        DEACTIVATED = "deactivated", "Ngừng hoạt động"
        REACTIVATED = "reactivated", "Kích hoạt lại"
        PASSWORD = "password", "Cấp mật khẩu dùng một lần"
        SECOND_FACTOR = "second_factor", "Đặt lại xác thực hai lớp"

    at = models.DateTimeField("Lúc", default=timezone.now)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name="Người thực hiện"
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="rights_changes", verbose_name="Người dùng"
    )
    kind = models.CharField("Việc", max_length=15, choices=Kind.choices)
    unit = models.ForeignKey(Unit, models.PROTECT, null=True, related_name="+", verbose_name="Đơn vị")
    before = models.TextField("Trước", blank=True)
    after = models.TextField("Sau", blank=True)
    reason = models.CharField("Lý do", max_length=500, blank=True)

    class Meta:
        verbose_name = "thay đổi quyền"
        verbose_name_plural = "nhật ký phân quyền"
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.person}"
