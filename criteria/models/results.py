"""What people say of a unit: drafts, sendings, published states, and what follows."""

from __future__ import annotations

from datetime import date, datetime, time

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from communes import access
from communes.models import Unit
from criteria.models.sets import CriteriaSet, Criterion, Indicator, Target
from criteria.verdicts import Stage, Verdict


class Opinion(models.Model):
    """The columns of a judgement, the same in a draft, a published state and a score.

    `value` is in the indicator's measure; `part` and `whole` are counts from which a per
    cent follows (1.182/1.253 hộ → 94,33 %). `attainment` is 0–100 %; empty where nothing
    is assessed. An empty verdict means not assessed.
    """

    verdict = models.CharField("Đánh giá", max_length=15, choices=Verdict.choices, blank=True)
    value = models.DecimalField("Kết quả thực hiện", null=True, blank=True, max_digits=18, decimal_places=4)
    part = models.DecimalField("Số đạt", null=True, blank=True, max_digits=18, decimal_places=4)
    whole = models.DecimalField("Tổng số", null=True, blank=True, max_digits=18, decimal_places=4)
    attainment = models.DecimalField("Mức độ đạt (%)", max_digits=5, decimal_places=2, null=True, blank=True)
    note = models.TextField("Ghi chú", blank=True, max_length=2000)

    class Meta:
        abstract = True


def opinion_constraints(prefix: str) -> list[models.CheckConstraint]:
    """Constraints every table with an opinion holds, whoever writes it."""
    return [
        models.CheckConstraint(
            name=f"{prefix}_attainment_percent",
            condition=Q(attainment__isnull=True) | Q(attainment__gte=0, attainment__lte=100),
            violation_error_message="Mức độ đạt phải trong khoảng 0–100 %.",
        ),
        models.CheckConstraint(
            name=f"{prefix}_part_within_whole",
            condition=Q(part__isnull=True) | Q(whole__isnull=True) | Q(part__lte=F("whole")),
            violation_error_message="Số đạt không được lớn hơn tổng số.",
        ),
    ]


class Entry(Opinion):
    """A unit's own draft for one indicator, seen by the unit alone until it is sent.

    `version` rises by one with each save; saving names the version one saw, so that of
    two people saving one row exactly one wins (`criteria.entries.save_entry`).
    `sent_version` is the version last published: the row has unsent changes where they
    differ. `effective_on` is the day the state holds. `is_on_behalf`: an office above typed
    it for the unit, from a workbook (decision 0011); the unit still has to send it.
    """

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="entries")
    indicator = models.ForeignKey(Indicator, models.PROTECT, related_name="entries")
    entered_attainment = models.DecimalField(
        "Mức độ đạt do người nhập ước tính (%)", max_digits=5, decimal_places=2, null=True, blank=True
    )
    effective_on = models.DateField("Thời điểm số liệu")
    version = models.PositiveIntegerField(default=1)
    sent_version = models.PositiveIntegerField(default=0)
    is_on_behalf = models.BooleanField("Cấp trên nhập hộ", default=False)
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    updated_at = models.DateTimeField(default=timezone.now)

    unit_path = "unit"
    scope_kind = "draft"
    objects = access.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "kết quả đang nhập"
        verbose_name_plural = "kết quả đang nhập"
        constraints = [
            models.UniqueConstraint(fields=["unit", "indicator"], name="entry_unique"),
            *opinion_constraints("entry"),
        ]

    @property
    def is_unsent(self) -> bool:
        return self.version != self.sent_version


class SubmissionQuerySet(access.ScopedQuerySet):
    def covering(self, period: ReportingPeriod) -> SubmissionQuerySet:
        """Sendings that answer for a period: sent for it or for another with the same end date
        (tháng 6 and 6 tháng are open side by side), or sent on that date or later, whatever for; for
        a closed period only what came before it was closed."""
        found = self.filter(Q(period__ends_on=period.ends_on) | Q(sent_at__gte=period.first_moment))
        return found if period.closed_at is None else found.filter(sent_at__lte=period.closed_at)


class Submission(models.Model):
    """One sending of a unit's self-assessment under a set: of the `criteria` it changed, or of none, the
    unit's word for a period that nothing has changed (`criteria.submissions.confirm_unchanged`).

    Sending publishes what changed since the last one (`criteria.publish.send`). The level above
    then receives it or returns indicators of it (`criteria.submissions`); what is corrected comes
    with a new sending. What happens before, the drafting and the leader's approval, is no row of
    its own: it follows from the drafts and from `FinishedCriterion`.
    """

    class State(models.TextChoices):
        SENT = "sent", "Đã gửi"
        RECEIVED = "received", "Đã tiếp nhận"
        RETURNED = "returned", "Trả lại để bổ sung"

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="submissions")
    criteria_set = models.ForeignKey(CriteriaSet, models.PROTECT, related_name="submissions")
    period = models.ForeignKey("ReportingPeriod", models.PROTECT, null=True, blank=True, related_name="submissions")
    state = models.CharField("Trạng thái", max_length=20, choices=State.choices, default=State.SENT)
    sent_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    sent_at = models.DateTimeField("Gửi lúc", null=True, blank=True)
    rows = models.PositiveIntegerField("Số chỉ tiêu thay đổi", default=0)
    criteria = models.ManyToManyField(Criterion, blank=True, related_name="+", verbose_name="Tiêu chí")

    unit_path = "unit"
    criterion_path = "criteria"
    scope_kind = "work"
    objects = SubmissionQuerySet.as_manager()

    class Meta:
        verbose_name = "lần gửi"
        verbose_name_plural = "các lần gửi"
        ordering = ["-sent_at", "-pk"]


class Source(models.TextChoices):
    SUBMISSION = "submission", "Xã gửi"
    VISIT = "visit", "Đoàn kiểm tra"
    IMPORT = "import", "Nhập số liệu lịch sử"


class RevisionQuerySet(access.ScopedQuerySet):
    def valid(self, known_at: datetime | None = None) -> RevisionQuerySet:
        """Revisions recorded by `known_at` and not voided by then (None: now)."""
        if known_at is None:
            return self.filter(voided_at__isnull=True)
        return self.filter(Q(voided_at__isnull=True) | Q(voided_at__gt=known_at), recorded_at__lte=known_at)

    def state_on(self, day: date, known_at: datetime | None = None) -> RevisionQuerySet:
        """The state on `day` as known at `known_at`: per unit, indicator and stage the
        valid revision with the greatest (effective_on, id) among those effective by then."""
        return (
            self.valid(known_at)
            .filter(effective_on__lte=day)
            .annotate(
                place=models.Window(
                    models.functions.RowNumber(),
                    partition_by=[F("unit"), F("indicator"), F("stage")],
                    order_by=[F("effective_on").desc(), F("pk").desc()],
                )
            )
            .filter(place=1)
        )


class Revision(Opinion):
    """One published state of an indicator at a stage; append-only.

    It keeps the target as it stood. `effective_on` is the day from which the state
    holds, `recorded_at` when the system learnt of it. A wrong one is voided with a
    reason, never changed. `source_ref` names what it came with: the submission's id or
    the visit's code, so that a batch can be voided as one.
    """

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="revisions")
    indicator = models.ForeignKey(Indicator, models.PROTECT, related_name="revisions")
    stage = models.CharField(max_length=10, choices=Stage.choices)
    target = models.ForeignKey(Target, models.SET_NULL, null=True, blank=True, related_name="+")
    target_operator = models.CharField(max_length=6, blank=True)
    target_value = models.DecimalField(null=True, blank=True, max_digits=18, decimal_places=4)
    target_text = models.CharField(max_length=500, blank=True)
    effective_on = models.DateField()
    recorded_at = models.DateTimeField(default=timezone.now)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    source = models.CharField(max_length=12, choices=Source.choices)
    source_ref = models.CharField(max_length=40, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    void_reason = models.CharField(max_length=500, blank=True)

    unit_path = "unit"
    scope_kind = "published"
    objects = RevisionQuerySet.as_manager()

    class Meta:
        verbose_name = "kết quả đã công bố"
        verbose_name_plural = "kết quả đã công bố"
        ordering = ["-effective_on", "-pk"]
        constraints = [
            *opinion_constraints("revision"),
            models.CheckConstraint(
                name="revision_void_has_reason", condition=Q(voided_at__isnull=True) | ~Q(void_reason="")
            ),
        ]
        indexes = [
            models.Index(fields=["unit", "indicator", "stage", "-effective_on", "-id"], name="revision_state"),
            models.Index(fields=["source", "source_ref"], name="revision_batch"),
        ]


class Assessment(Opinion):
    """The current opinion of a stage on one indicator: a cache of its newest valid revision.

    Written only by `criteria.publish`; equal at any time to `Revision.objects.state_on(today)`.
    """

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="assessments")
    indicator = models.ForeignKey(Indicator, models.PROTECT, related_name="assessments")
    stage = models.CharField(max_length=10, choices=Stage.choices)
    revision = models.ForeignKey(Revision, models.PROTECT, related_name="+")
    effective_on = models.DateField()

    unit_path = "unit"
    scope_kind = "published"
    objects = access.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "đánh giá hiện tại"
        verbose_name_plural = "đánh giá hiện tại"
        constraints = [
            models.UniqueConstraint(fields=["unit", "indicator", "stage"], name="assessment_unique"),
            *opinion_constraints("assessment"),
        ]


class Standing(models.Model):
    """Where a unit stands under a set at a stage, now: the roll-up of its assessments.

    `criteria` is a list in order of number: [number, state, attainment as text].
    Its row is the lock that serialises publications of one unit, set and stage
    (`criteria.publish`); `manage.py rebuild_standings` makes it anew.
    """

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="standings")
    criteria_set = models.ForeignKey(CriteriaSet, models.PROTECT, related_name="standings")
    stage = models.CharField(max_length=10, choices=Stage.choices)
    criteria_total = models.PositiveSmallIntegerField(default=0)
    criteria_met = models.PositiveSmallIntegerField(default=0)
    criteria_nearly = models.PositiveSmallIntegerField(default=0)
    criteria_not_met = models.PositiveSmallIntegerField(default=0)
    criteria_incomplete = models.PositiveSmallIntegerField(default=0)
    criteria_not_assessed = models.PositiveSmallIntegerField(default=0)
    indicators_total = models.PositiveSmallIntegerField(default=0)
    indicators_met = models.PositiveSmallIntegerField(default=0)
    indicators_assessed = models.PositiveSmallIntegerField(default=0)
    progress = models.DecimalField(max_digits=5, decimal_places=2, default=0)
    criteria = models.JSONField(default=list)
    updated_at = models.DateTimeField(default=timezone.now)

    unit_path = "unit"
    scope_kind = "published"
    objects = access.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "tình hình thực hiện"
        verbose_name_plural = "tình hình thực hiện"
        constraints = [
            models.UniqueConstraint(fields=["unit", "criteria_set", "stage"], name="standing_unique"),
            models.CheckConstraint(
                name="standing_states_sum",
                condition=Q(
                    criteria_total=F("criteria_met")
                    + F("criteria_nearly")
                    + F("criteria_not_met")
                    + F("criteria_incomplete")
                    + F("criteria_not_assessed")
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["criteria_set", "stage", "unit"], name="standing_area"),
            # The nation's sums without the rows, which are wide by `criteria`; PostgreSQL only.
            models.Index(
                fields=["criteria_set", "stage", "unit"],
                include=["criteria_total", "criteria_met", "criteria_nearly", "criteria_not_assessed", "progress"],
                name="standing_sums",
            ),
        ]

    @property
    def has_opinion(self) -> bool:
        """Whether anything was assessed at this stage; without it figures say "chưa thẩm định"."""
        return self.criteria_not_assessed < self.criteria_total


class ReportingPeriod(models.Model):
    """A period an area reports on; its figures are the state on `ends_on` as known at `closed_at`.

    Closed and reopened by `criteria.period_steps` only, which keeps each step (`PeriodStep`).
    """

    class Kind(models.TextChoices):
        MONTH = "month", "Tháng"
        QUARTER = "quarter", "Quý"
        HALF_YEAR = "half_year", "6 tháng"
        YEAR = "year", "Năm"
        AD_HOC = "ad_hoc", "Đột xuất"

    area = models.ForeignKey(Unit, models.PROTECT, related_name="periods", verbose_name="Địa bàn")
    kind = models.CharField("Loại kỳ", max_length=10, choices=Kind.choices)
    name = models.CharField("Tên", max_length=100)
    ends_on = models.DateField("Số liệu đến ngày")
    due_on = models.DateField("Hạn gửi")
    closed_at = models.DateTimeField("Khóa lúc", null=True, blank=True)

    unit_path = "area"
    scope_kind = "period"
    objects = access.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "kỳ báo cáo"
        verbose_name_plural = "kỳ báo cáo"
        ordering = ["-ends_on"]
        constraints = [models.UniqueConstraint(fields=["area", "kind", "ends_on"], name="period_unique")]

    def __str__(self) -> str:
        return self.name

    @property
    def first_moment(self) -> datetime:
        """From when on a sending answers for the period whatever it was sent for: its last day's beginning."""
        return timezone.make_aware(datetime.combine(self.ends_on, time.min))


class TargetReport(models.Model):
    """A person's report that a target is wrong: one of the two ways out of a refused verdict."""

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="target_reports", verbose_name="Đơn vị")
    indicator = models.ForeignKey(Indicator, models.PROTECT, related_name="target_reports", verbose_name="Chỉ tiêu")
    target = models.ForeignKey(Target, models.SET_NULL, null=True, related_name="reports", verbose_name="Yêu cầu")
    target_text = models.CharField("Yêu cầu đang dùng", max_length=500, blank=True)
    text = models.TextField("Nội dung báo sai", max_length=2000)
    reported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="Người báo"
    )
    reported_at = models.DateTimeField("Báo lúc", default=timezone.now)
    answered_at = models.DateTimeField("Trả lời lúc", null=True, blank=True)
    answer = models.TextField("Trả lời", blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="Người trả lời"
    )

    unit_path = "unit"
    scope_kind = "target_report"
    objects = access.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "báo yêu cầu sai"
        verbose_name_plural = "báo yêu cầu sai"
        ordering = ["-reported_at"]
