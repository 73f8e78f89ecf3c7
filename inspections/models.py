"""Who looked, and what they found: visits, teams, scores, findings, annexes.

A visit is a draft like an entry: its scores and findings are seen by its team and the
coordinator only, until the leader concludes it and publishes its opinion in one
transaction (`inspections.conclude`). Then it doesn't change; annexes do.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from communes import access
from communes.models import Department, Membership, Unit
from communes.names import search_name
from criteria.models import CriteriaSet, Criterion, Evidence, Indicator
from criteria.models.results import Opinion, opinion_constraints
from criteria.verdicts import Stage


def leading(serving: Any, stage: str, province: Any, district: Any) -> Any:
    """Those of the roles in force with which one can lead a visit of the stage: the province's inspectors
    who may lead, the staff of the unit's district (DESIGN §6: concludes)."""
    if stage == Stage.PROVINCE:
        return serving.filter(role=access.INSPECTOR, may_lead=True, unit=province)
    return serving.filter(role=access.DISTRICT_STAFF, unit=district)


def _is_led(serving: Any) -> Exists:
    """Whether the visit's leader still can lead, given the roles in force."""
    able = access.nothing()
    for stage in (Stage.PROVINCE, Stage.DISTRICT):
        roles = leading(serving, stage, OuterRef("visit__unit__province"), OuterRef("visit__unit__district"))
        able |= Q(visit__stage=stage) & Q(Exists(roles.filter(user=OuterRef("user"))))
    return Exists(TeamMember.objects.filter(able, visit=OuterRef("pk"), role=TeamMember.Role.LEADER))


def _is_staffed(serving: Any) -> Exists:
    """Whether anybody of the team can still work on the visit, given the roles in force."""
    roles = serving.filter(
        user=OuterRef("user"), role__in=access.TEAM_ROLES, unit__province=OuterRef("visit__unit__province")
    )
    team = TeamMember.objects.filter(Exists(roles), visit=OuterRef("pk"))
    return Exists(team.exclude(role=TeamMember.Role.ATTENDEE))


class VisitQuerySet(access.ScopedQuerySet):
    def open(self) -> VisitQuerySet:
        return self.filter(state__in=[Visit.State.PLANNED, Visit.State.UNDER_WAY])

    def lacking_leader(self, on: date) -> VisitQuerySet:
        """Open visits nobody can lead and conclude: without a leader, or with one whose account or role
        has ended by that day."""
        return self.open().filter(~_is_led(Membership.objects.serving(on)))

    def resting_on(self, user: Any, now: Any, after: Any) -> VisitQuerySet:
        """Open visits of the user's that would lose their leader, or the last of their team, once the
        roles in force are `after` (a queryset) instead of `now`."""
        on_team = Exists(TeamMember.objects.filter(visit=OuterRef("pk"), user=user))
        lost_leader = Q(_is_led(now)) & ~Q(_is_led(after))
        lost_team = Q(_is_staffed(now)) & ~Q(_is_staffed(after))
        return self.open().filter(on_team).filter(lost_leader | lost_team)


class Visit(models.Model):
    """One inspection of a unit under a set, by the district's or the province's side.

    `code` is unique within the country: province code, year, running number
    (38-2024-003). `records_opinion`: whether concluding publishes the scores as the
    stage's opinion; always, except for a monitoring visit, where it is asked.
    `criteria` empty means all of the set. `unscored_reason` says why some indicators
    were left with the earlier opinion. `version` rises with each saved change of the
    visit's own fields.
    """

    class Kind(models.TextChoices):
        MONITORING = "monitoring", "Kiểm tra, đôn đốc"
        DESK = "desk", "Thẩm tra hồ sơ"
        VERIFICATION = "verification", "Thẩm tra"
        APPRAISAL = "appraisal", "Thẩm định"
        RECHECK = "recheck", "Phúc tra"

    class State(models.TextChoices):
        PLANNED = "planned", "Đã lập kế hoạch"
        UNDER_WAY = "under_way", "Đang kiểm tra"
        CONCLUDED = "concluded", "Đã kết luận"
        CANCELLED = "cancelled", "Đã hủy"

    STAGES = [(Stage.DISTRICT.value, Stage.DISTRICT.label), (Stage.PROVINCE.value, Stage.PROVINCE.label)]

    code = models.CharField("Mã", max_length=20, unique=True)
    unit = models.ForeignKey(Unit, models.PROTECT, related_name="visits", verbose_name="Xã được kiểm tra")
    criteria_set = models.ForeignKey(CriteriaSet, models.PROTECT, related_name="visits", verbose_name="Bộ tiêu chí")
    stage = models.CharField("Cấp kiểm tra", max_length=10, choices=STAGES)
    kind = models.CharField("Hình thức", max_length=15, choices=Kind.choices)
    records_opinion = models.BooleanField("Ghi nhận kết quả chính thức", default=True)
    criteria = models.ManyToManyField(Criterion, blank=True, related_name="visits", verbose_name="Phạm vi")
    decision_number = models.CharField("Quyết định thành lập đoàn", max_length=100, blank=True)
    planned_on = models.DateField("Ngày dự kiến")
    held_on = models.DateField("Ngày kiểm tra", null=True, blank=True)
    state = models.CharField("Trạng thái", max_length=10, choices=State.choices, default=State.PLANNED)
    commune_opinion = models.TextField("Ý kiến của xã", blank=True, max_length=5000)
    summary = models.TextField("Kết luận", blank=True, max_length=5000)
    unscored_reason = models.CharField("Lý do chưa chấm", max_length=500, blank=True)
    cancel_reason = models.CharField("Lý do hủy", max_length=500, blank=True)
    planned_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="Người lập")
    created_at = models.DateTimeField(default=timezone.now)
    concluded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    concluded_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)

    unit_path = "unit"
    scope_kind = "visit"
    objects = VisitQuerySet.as_manager()

    class Meta:
        verbose_name = "cuộc kiểm tra"
        verbose_name_plural = "các cuộc kiểm tra"
        ordering = ["-planned_on", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="visit_concluded_whole",
                condition=~Q(state="concluded")
                | Q(held_on__isnull=False, concluded_at__isnull=False, concluded_by__isnull=False),
            ),
            models.CheckConstraint(
                name="visit_opinion_unless_monitoring", condition=Q(kind="monitoring") | Q(records_opinion=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.unit.in_sentence} ({self.code})"

    @property
    def is_open(self) -> bool:
        return self.state in {self.State.PLANNED, self.State.UNDER_WAY}

    @property
    def is_concluded(self) -> bool:
        return self.state == self.State.CONCLUDED

    @property
    def day(self) -> date:
        """The day whose indicators and targets the visit is measured by: when it was held,
        until that is known when it is planned."""
        return self.held_on or self.planned_on


class TeamMember(models.Model):
    """One person of a visit: a user of the system, or a guest known by name and post.

    `criteria` are the ones assigned to a member; the leader may score all. `counterpart`
    is the commune's officer they work with.
    """

    class Role(models.TextChoices):
        LEADER = "leader", "Trưởng đoàn"
        SECRETARY = "secretary", "Thư ký"
        MEMBER = "member", "Thành viên"
        ATTENDEE = "attendee", "Thành phần tham dự"

    visit = models.ForeignKey(Visit, models.CASCADE, related_name="team")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="visit_roles",
        verbose_name="Tài khoản",
    )
    name = models.CharField("Họ và tên", max_length=100)
    post = models.CharField("Chức vụ", max_length=150, blank=True)
    organisation = models.CharField("Cơ quan", max_length=200, blank=True)
    role = models.CharField("Vai trò", max_length=10, choices=Role.choices)
    criteria = models.ManyToManyField(Criterion, blank=True, related_name="+", verbose_name="Tiêu chí được phân công")
    counterpart = models.CharField("Cán bộ xã phối hợp", max_length=150, blank=True)

    unit_path = "visit__unit"
    scope_kind = "team"
    visit_path = "visit"
    objects = access.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "thành phần đoàn"
        verbose_name_plural = "thành phần đoàn"
        ordering = ["visit_id", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["visit", "user"],
                name="team_user_once",
                condition=Q(user__isnull=False),
                violation_error_message="Người này đã có trong đoàn.",
            ),
            models.UniqueConstraint(
                fields=["visit"],
                name="team_one_leader",
                condition=Q(role="leader"),
                violation_error_message="Đoàn đã có trưởng đoàn.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Score(Opinion):
    """The team's draft opinion on one indicator of a visit.

    The opinion and the remark (`note`) are saved apart, each with its own version, so
    that two people who fill different cells of one row both keep what they typed.
    `agrees` is set only by the member's own act "Nhất trí với xã".
    """

    visit = models.ForeignKey(Visit, models.CASCADE, related_name="scores")
    indicator = models.ForeignKey(Indicator, models.PROTECT, related_name="scores")
    entered_attainment = models.DecimalField(
        "Mức độ đạt do đoàn ước tính (%)", max_digits=5, decimal_places=2, null=True, blank=True
    )
    agrees = models.BooleanField("Nhất trí với xã", default=False)
    scorer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    scored_at = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=1)
    note_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    note_at = models.DateTimeField(null=True, blank=True)
    note_version = models.PositiveIntegerField(default=0)

    unit_path = "visit__unit"
    scope_kind = "score"
    visit_path = "visit"
    objects = access.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "kết quả chấm"
        verbose_name_plural = "kết quả chấm"
        constraints = [
            models.UniqueConstraint(fields=["visit", "indicator"], name="score_unique"),
            *opinion_constraints("score"),
        ]


class FindingQuerySet(access.ScopedQuerySet):
    def unsettled(self) -> FindingQuerySet:
        """Open, or remedied but not yet confirmed by the inspecting side."""
        return self.exclude(state=Finding.State.CLOSED)

    def published(self) -> FindingQuerySet:
        """Findings of concluded visits; the others are their teams' drafts."""
        return self.filter(visit__state=Visit.State.CONCLUDED)

    def overdue(self, on: date) -> FindingQuerySet:
        return self.filter(state=Finding.State.OPEN, due_on__lt=on)

    def of_own_criteria(self, user: Any) -> FindingQuerySet:
        """Those of the person's communes on criteria they answer for (Tiêu chí của tôi)."""
        return self.filter(access.own_share(user, "visit__unit", "criterion"))


class Finding(models.Model):
    """A shortcoming (tồn tại, hạn chế) to be remedied by a date.

    open → remedied (the commune, with evidence) → closed, or reopened (the inspecting
    side). Each step and each slip of the date is a `FindingEvent`.
    """

    class State(models.TextChoices):
        OPEN = "open", "Chưa khắc phục"
        REMEDIED = "remedied", "Đã khắc phục, chờ xác nhận"
        CLOSED = "closed", "Đã xác nhận khắc phục"

    class Cause(models.TextChoices):
        CAPITAL = "capital", "Vốn"
        AWARENESS = "awareness", "Nhận thức"
        DIRECTION = "direction", "Chỉ đạo"
        ENVIRONMENT = "environment", "Điều kiện khách quan"
        OTHER = "other", "Khác"

    visit = models.ForeignKey(Visit, models.PROTECT, related_name="findings", verbose_name="Cuộc kiểm tra")
    criterion = models.ForeignKey(Criterion, models.PROTECT, related_name="findings", verbose_name="Tiêu chí")
    indicator = models.ForeignKey(
        Indicator, models.PROTECT, null=True, blank=True, related_name="findings", verbose_name="Chỉ tiêu"
    )
    description = models.TextField("Tồn tại, hạn chế", max_length=3000)
    recommendation = models.TextField("Kiến nghị", max_length=3000, blank=True)
    department = models.ForeignKey(
        Department, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="Sở, ngành"
    )
    due_on = models.DateField("Thời hạn khắc phục")
    cause = models.CharField("Nguyên nhân", max_length=12, choices=Cause.choices, blank=True)
    state = models.CharField("Trạng thái", max_length=10, choices=State.choices, default=State.OPEN)
    evidence = models.ManyToManyField(
        Evidence, blank=True, related_name="findings", verbose_name="Minh chứng khắc phục"
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=1)

    unit_path = "visit__unit"
    scope_kind = "finding"
    visit_path = "visit"
    criterion_path = "criterion"
    objects = FindingQuerySet.as_manager()

    class Meta:
        verbose_name = "tồn tại, hạn chế"
        verbose_name_plural = "tồn tại, hạn chế"
        ordering = ["due_on", "pk"]
        indexes = [models.Index(fields=["state", "due_on"])]

    def __str__(self) -> str:
        return self.description[:80]

    def is_overdue(self, on: date) -> bool:
        return self.state == self.State.OPEN and self.due_on < on

    def days_overdue(self, on: date) -> int:
        """Days since the due date of an open finding; 0 while there is time, and for what is remedied."""
        return (on - self.due_on).days if self.is_overdue(on) else 0


class FindingEvent(models.Model):
    """One step in a finding's life, with who, when and why; also each slip of its date.

    `visit` is the later visit whose team took the step on the spot.
    """

    class Kind(models.TextChoices):
        RAISED = "raised", "Nêu tồn tại"
        SLIPPED = "slipped", "Lùi thời hạn"
        REMEDIED = "remedied", "Báo đã khắc phục"
        CLOSED = "closed", "Xác nhận đã khắc phục"
        REOPENED = "reopened", "Yêu cầu khắc phục lại"
        COMMENTED = "commented", "Ý kiến"
        CHECKED = "checked", "Kiểm tra lại: chưa khắc phục"

    finding = models.ForeignKey(Finding, models.CASCADE, related_name="events")
    visit = models.ForeignKey(Visit, models.PROTECT, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    note = models.TextField(blank=True, max_length=2000)
    old_due_on = models.DateField(null=True, blank=True)
    new_due_on = models.DateField(null=True, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["at", "pk"]
        verbose_name = "bước xử lý"
        verbose_name_plural = "các bước xử lý"
        constraints = [
            models.CheckConstraint(
                name="finding_slip_has_dates_and_reason",
                condition=~Q(kind="slipped") | (Q(old_due_on__isnull=False, new_due_on__isnull=False) & ~Q(note="")),
            )
        ]


class Meeting(models.Model):
    """A progress meeting (giao ban) of a commune, a district or a province.

    What was promised is looked at again at the next one: `previous` is the meeting whose
    unfinished items this one took over. Once there is a following meeting it doesn't change.
    `version` rises with each saved change of its own fields; items have their own.
    """

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="meetings", verbose_name="Địa bàn")
    title = models.CharField("Tên cuộc họp", max_length=200)
    held_on = models.DateField("Ngày họp")
    chair_post = models.CharField("Chủ trì (chức vụ)", max_length=150)
    participants = models.TextField("Thành phần tham dự", max_length=2000, blank=True)
    previous = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="following", verbose_name="Cuộc trước"
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=1)

    unit_path = "unit"
    scope_kind = "meeting"
    objects = access.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "cuộc giao ban"
        verbose_name_plural = "các cuộc giao ban"
        ordering = ["-held_on", "-pk"]

    def __str__(self) -> str:
        return f"{self.title} ({self.held_on:%d/%m/%Y})"


class MeetingItemQuerySet(access.ScopedQuerySet):
    def unsettled(self) -> MeetingItemQuerySet:
        """What isn't done yet, of meetings no later one has taken over."""
        return self.filter(meeting__following=None, is_done=False).exclude(finding__state=Finding.State.CLOSED)

    def overdue(self, on: date) -> MeetingItemQuerySet:
        """What was promised by a day before `on` and isn't settled."""
        return self.unsettled().filter(due_on__lt=on)

    def promised_to(self, person: Any, units: Collection[int]) -> list[MeetingItem]:
        """What is still to be done of the last meetings of these units by the person: where an item
        names their post, or themselves."""
        if not units:
            return []
        open_items: Any = self.unsettled().filter(meeting__unit__in=units).exclude(by_post="")
        post, name = search_name(person.post), search_name(person.full_name)
        found = []
        for item in open_items.select_related("meeting__unit").order_by(
            "meeting__held_on", "meeting", "position", "pk"
        ):
            told = search_name(item.by_post)
            if (post and told == post) or (name and f" {name} " in f" {told} "):
                found.append(item)
        return found


class MeetingItem(models.Model):
    """One matter of a meeting: a finding, an unmet criterion of a unit, or free text.

    `text` says it as it stood when it was put on the list. `promised` is what the last meeting
    asked for, `done` what has been done since, `next_step` what comes next, by whom
    (`by_post`) and by when (`due_on`). A criterion comes with the unit it is unmet in.
    """

    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="items")
    position = models.PositiveSmallIntegerField()
    finding = models.ForeignKey(Finding, models.PROTECT, null=True, blank=True, related_name="meeting_items")
    unit = models.ForeignKey(Unit, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="Đơn vị")
    criterion = models.ForeignKey(Criterion, models.PROTECT, null=True, blank=True, related_name="+")
    text = models.TextField("Nội dung", max_length=3000)
    promised = models.TextField("Đã giao tại cuộc trước", max_length=2000, blank=True)
    done = models.TextField("Đã thực hiện", max_length=2000, blank=True)
    next_step = models.TextField("Việc tiếp theo", max_length=2000, blank=True)
    by_post = models.CharField("Người thực hiện (chức vụ)", max_length=150, blank=True)
    due_on = models.DateField("Thời hạn", null=True, blank=True)
    is_done = models.BooleanField("Đã xong", default=False)
    version = models.PositiveIntegerField(default=1)

    unit_path = "meeting__unit"
    scope_kind = "meeting"
    objects = MeetingItemQuerySet.as_manager()

    class Meta:
        verbose_name = "nội dung giao ban"
        verbose_name_plural = "các nội dung giao ban"
        ordering = ["meeting_id", "position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["meeting", "finding"], name="meeting_finding_once", condition=Q(finding__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["meeting", "unit", "criterion"],
                name="meeting_criterion_once",
                condition=Q(criterion__isnull=False),
            ),
            models.CheckConstraint(
                name="meeting_item_one_kind", condition=Q(finding__isnull=True) | Q(criterion__isnull=True)
            ),
            models.CheckConstraint(
                name="meeting_criterion_of_unit", condition=Q(criterion__isnull=True) | Q(unit__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.text[:80]

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to do: said to be done, or the finding was closed meanwhile."""
        return self.is_done or (self.finding is not None and self.finding.state == Finding.State.CLOSED)


class VisitAnnex(models.Model):
    """A correction or addition to a concluded visit (Phụ lục điều chỉnh)."""

    visit = models.ForeignKey(Visit, models.PROTECT, related_name="annexes")
    number = models.PositiveSmallIntegerField("Số")
    text = models.TextField("Nội dung", max_length=5000)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    unit_path = "visit__unit"
    scope_kind = "score"
    visit_path = "visit"
    objects = access.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["visit_id", "number"]
        verbose_name = "phụ lục điều chỉnh"
        verbose_name_plural = "phụ lục điều chỉnh"
        constraints = [models.UniqueConstraint(fields=["visit", "number"], name="annex_number_unique")]


class MinutesTemplate(models.Model):
    """A province's own Word form of the minutes. The newest row not retired is in use; none: the built-in form."""

    province = models.ForeignKey(Unit, models.PROTECT, related_name="minutes_templates", verbose_name="Tỉnh")
    file = models.FileField(max_length=120)
    original_name = models.CharField(max_length=200)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(default=timezone.now)
    retired_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "mẫu biên bản"
        verbose_name_plural = "mẫu biên bản"
        ordering = ["-uploaded_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["province"], name="minutes_template_one_in_use", condition=Q(retired_at__isnull=True)
            ),
        ]


class MinutesFile(models.Model):
    """One file of a visit's minutes: Word and PDF as frozen at the conclusion, and scans of the signed paper.

    `sha256` is that of the file's bytes. Rows are never
    changed or deleted; a new scan is a new row. `template`: the province's form the Word file
    was drawn from, None for the built-in one; `note` says what the reader must know of it.
    """

    class Kind(models.TextChoices):
        WORD = "word", "Bản Word"
        PDF = "pdf", "Bản PDF"
        SIGNED = "signed", "Bản đã ký"

    visit = models.ForeignKey(Visit, models.PROTECT, related_name="minutes_files")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    file = models.FileField(max_length=120)
    original_name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    template = models.ForeignKey(MinutesTemplate, models.PROTECT, null=True, blank=True, related_name="+")
    note = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "tệp biên bản"
        verbose_name_plural = "tệp biên bản"
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["visit", "kind"], name="minutes_frozen_once", condition=Q(kind__in=["word", "pdf"])
            ),
            models.UniqueConstraint(
                fields=["visit", "sha256"], name="minutes_signed_bytes_once", condition=Q(kind="signed")
            ),
        ]
