"""Criteria sets as dated data: decisions, criteria, indicators, targets."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from communes.models import Department, Level, Unit
from criteria import shapes
from ntm.clock import today


class Provenance(models.TextChoices):
    """Whether a row of a set was seen in the decision's published text or is remembered."""

    VERIFIED = "verified", "Đã đối chiếu văn bản"
    RECALLED = "recalled", "Chưa đối chiếu"


def default_buckets() -> list[dict]:
    """The usual groups of communes by criteria met, for sets of 19."""
    return [
        {"label": "19", "min": 19, "max": 19},
        {"label": "15-18", "min": 15, "max": 18},
        {"label": "10-14", "min": 10, "max": 14},
        {"label": "5-9", "min": 5, "max": 9},
        {"label": "<5", "min": 0, "max": 4},
    ]


def in_use(path: str = "") -> Q:
    """Rows whose set is published and in force by today. What happened before that day may still be
    judged by it: a decision of March 2022 speaks of the whole of 2021–2025."""
    begun = Q(**{path + "effective_on__isnull": True}) | Q(**{path + "effective_on__lte": today()})
    return Q(**{path + "status": CriteriaSet.Status.PUBLISHED}) & begun


def judges(unit: Unit, on: date | None = None, path: str = "") -> Q:
    """Rows whose criteria set a unit can be judged by: in use, of its level, national or of its
    province, whose period has begun by `on` (default today) and meets the unit's life.
    `path` leads from the row to its set ("criterion__criteria_set__")."""
    last = min(on or today(), unit.closed_on or date.max)
    where: dict[str, Any] = {
        "level": unit.level,
        "first_year__lte": last.year,
    }
    found = Q(**{path + name: value for name, value in where.items()}) & in_use(path)
    found &= Q(**{path + "province__isnull": True}) | Q(**{path + "province": unit.province_id})
    if unit.opened_on:
        found &= Q(**{path + "last_year__isnull": True}) | Q(**{path + "last_year__gte": unit.opened_on.year})
    return found


class CriteriaSetQuerySet(models.QuerySet):
    def published(self) -> CriteriaSetQuerySet:
        return self.filter(status=CriteriaSet.Status.PUBLISHED)

    def in_use(self) -> CriteriaSetQuerySet:
        return self.filter(in_use())

    def known_at(self, at: datetime) -> CriteriaSetQuerySet:
        """Of the sets in use those that already were at that time: a closed period isn't told by later ones."""
        begun = Q(effective_on__isnull=True) | Q(effective_on__lte=timezone.localdate(at))
        return self.filter(begun, Q(published_at__isnull=True) | Q(published_at__lte=at))

    def for_choosing(self) -> CriteriaSetQuerySet:
        """Without the long texts of the decision, which take longer to read than all else of a page."""
        return self.defer(*CriteriaSet.LONG_TEXTS)

    def for_unit(self, unit: Unit, on: date | None = None) -> CriteriaSetQuerySet:
        """The sets a unit can be judged by (`judges`), `in_order` of that day."""
        return self.filter(judges(unit, on)).in_order(on).for_choosing()

    def for_area(self, area: Unit, on: date | None = None) -> CriteriaSetQuerySet:
        """Sets in use for communes of a province or district whose period has begun, `in_order` of that day."""
        sets = self.in_use().filter(
            Q(province__isnull=True) | Q(province=area.province_id),
            level=Level.COMMUNE,
            first_year__lte=(on or today()).year,
        )
        return sets.in_order(on).for_choosing()

    def in_order(self, on: date | None = None) -> CriteriaSetQuerySet:
        """The newest first, the standard grade before others; of two of the same years and grade a province's
        own where it is in force by `on` (default today), else the nation's."""
        begun = Q(effective_on__isnull=True) | Q(effective_on__lte=on or today())
        issuer = models.Case(
            models.When(province__isnull=True, then=1),
            models.When(begun, then=0),
            default=2,
            output_field=models.IntegerField(),
        )
        return self.order_by("-first_year", "grade_order", issuer, "code")

    def chosen(self, unit: Unit, code: str = "", on: date | None = None) -> CriteriaSet:
        """The set named by `code` among the unit's, without one the newest standard set begun by `on` (today).

        For a unit that is no more, the newest of those it was assessed under, where there is
        one: a set may begin in the year in which the unit ended. Raises
        CriteriaSet.DoesNotExist where there is none.
        """
        sets = self.for_unit(unit, on)
        if code:
            return sets.get(code=code)
        if not unit.exists_on(on or today()):
            standings = unit.standings.filter(criteria_not_assessed__lt=F("criteria_total"))
            assessed = sets.filter(pk__in=standings.values("criteria_set"))
            sets = assessed if assessed.exists() else sets
        return sets.filter(grade="standard").first() or sets[:1].get()


class CriteriaSet(models.Model):
    """A decision that says what a unit must reach (e.g. 318/QĐ-TTg, Phụ lục I).

    Years `first_year`–`last_year` are the period (last empty: still open). `published_at` is when it was put to use
    (empty: before any period was closed). `variants` is
    [{"code","name"}] of the regions or groups by which targets differ;
    `mountain_variant` is the one that binds units with `uses_mountain_targets`.
    `nearly_met_threshold` is the attainment in per cent from which a missed target is
    suggested as cơ bản đạt. `buckets` groups communes by criteria met. Official counts
    are those the decision or its announcement states; None where unknown.
    """

    class Grade(models.TextChoices):
        STANDARD = "standard", "Nông thôn mới"
        ADVANCED = "advanced", "Nông thôn mới nâng cao"
        MODEL = "model", "Nông thôn mới kiểu mẫu"
        MODERN = "modern", "Nông thôn mới hiện đại"

    class Status(models.TextChoices):
        DRAFT = "draft", "Dự thảo"
        PUBLISHED = "published", "Đang dùng"

    LONG_TEXTS = ("amended_by", "rules", "sources", "note")

    code = models.SlugField("Mã", max_length=60, unique=True)
    name = models.CharField("Tên", max_length=250)
    level = models.CharField("Cấp", max_length=10, choices=Level.choices)
    grade = models.CharField("Mức", max_length=10, choices=Grade.choices)
    grade_order = models.GeneratedField(
        expression=models.Case(
            models.When(grade="standard", then=0),
            models.When(grade="advanced", then=1),
            models.When(grade="model", then=2),
            default=3,
            output_field=models.IntegerField(),
        ),
        output_field=models.IntegerField(),
        db_persist=True,
    )
    requires = models.ForeignKey("self", models.PROTECT, null=True, blank=True, verbose_name="Điều kiện: đã đạt bộ")
    province = models.ForeignKey(
        Unit, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="Tỉnh ban hành (trống: trung ương)"
    )
    decision = models.CharField("Quyết định", max_length=150, blank=True)
    amended_by = models.JSONField("Sửa đổi bởi", default=list, blank=True)
    issued_on = models.DateField("Ngày ban hành", null=True, blank=True)
    effective_on = models.DateField("Có hiệu lực từ", null=True, blank=True)
    first_year = models.PositiveSmallIntegerField("Từ năm")
    last_year = models.PositiveSmallIntegerField("Đến năm", null=True, blank=True)
    variants = models.JSONField("Vùng, nhóm", default=list, blank=True)
    mountain_variant = models.CharField("Mức của vùng núi", max_length=40, blank=True)
    nearly_met_threshold = models.DecimalField(
        "Ngưỡng gợi ý cơ bản đạt (%)", max_digits=5, decimal_places=2, default=Decimal(80)
    )
    buckets = models.JSONField("Nhóm xã theo số tiêu chí", default=default_buckets, blank=True)
    official_criteria = models.PositiveSmallIntegerField("Số tiêu chí theo văn bản", null=True, blank=True)
    official_indicators = models.PositiveSmallIntegerField("Số chỉ tiêu theo văn bản", null=True, blank=True)
    status = models.CharField("Trạng thái", max_length=10, choices=Status.choices, default=Status.DRAFT)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    rules = models.JSONField("Quy định kèm theo", default=list, blank=True)
    note = models.TextField("Ghi chú", blank=True)
    sources = models.JSONField("Nguồn", default=list, blank=True)
    # Whether any of its indicators has a Wording: pages of the others ask no query for them.
    has_wordings = models.BooleanField(default=False, editable=False)

    objects = CriteriaSetQuerySet.as_manager()

    class Meta:
        verbose_name = "bộ tiêu chí"
        verbose_name_plural = "bộ tiêu chí"
        ordering = ["-first_year", "grade_order", "code"]
        constraints = [
            models.CheckConstraint(
                name="set_period_ordered",
                condition=Q(last_year__isnull=True) | Q(last_year__gte=F("first_year")),
                violation_error_message="Năm kết thúc phải từ năm bắt đầu trở đi.",
            ),
            models.CheckConstraint(
                name="set_threshold_percent",
                condition=Q(nearly_met_threshold__gte=0, nearly_met_threshold__lte=100),
                violation_error_message="Ngưỡng phải trong khoảng 0–100 %.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse lists and figures that pages can't rely on (`criteria.shapes`); an emptied list is the usual one."""
        for name in ("amended_by", "variants", "buckets", "rules", "sources"):
            if getattr(self, name) is None:
                setattr(self, name, default_buckets() if name == "buckets" else [])
        data = {name: getattr(self, name) for name in shapes.COLUMNS}
        errors: dict[str, list[str]] = {}
        for place, reason in [*shapes.problems(data), *shapes.control_characters(data)]:
            errors.setdefault(place.split("[")[0].split(".")[0], []).append(f"{place}: {reason}.")
        for name in ("first_year", "last_year"):
            if reason := shapes.year_problem(getattr(self, name)):
                errors.setdefault(name, []).append(f"{reason.capitalize()}.")
        if errors:
            raise ValidationError(errors)

    @property
    def period(self) -> str:
        """The years as printed: "2021–2025", "từ 2014"."""
        return f"{self.first_year}–{self.last_year}" if self.last_year else f"từ {self.first_year}"

    @property
    def label(self) -> str:
        """The set among others of a unit: "Nông thôn mới 2021–2025", a province's own "… (của tỉnh)"."""
        return f"{self.get_grade_display()} {self.period}{self._issuer}"

    @property
    def name_and_issuer(self) -> str:
        """Its name, told apart from the nation's, from which a province's own may have it."""
        return f"{self.name}{self._issuer}"

    @property
    def _issuer(self) -> str:
        return " (của tỉnh)" if self.province_id else ""

    @property
    def first_day(self) -> date:
        return date(self.first_year, 1, 1)

    @property
    def last_day(self) -> date:
        """The last day on which a state can hold under this set."""
        return date(self.last_year, 12, 31) if self.last_year else date.max


class Criterion(models.Model):
    """One numbered criterion (tiêu chí) of a set."""

    criteria_set = models.ForeignKey(CriteriaSet, models.PROTECT, related_name="criteria", verbose_name="Bộ tiêu chí")
    number = models.PositiveSmallIntegerField("Số")
    name = models.CharField("Tên", max_length=250)
    group = models.CharField("Nhóm", max_length=10, blank=True)
    group_name = models.CharField("Tên nhóm", max_length=150, blank=True)
    is_key = models.BooleanField("Tiêu chí cốt lõi", default=False)
    provenance = models.CharField("Nguồn gốc", max_length=10, choices=Provenance.choices, default=Provenance.RECALLED)
    note = models.TextField("Ghi chú", blank=True)

    class Meta:
        verbose_name = "tiêu chí"
        verbose_name_plural = "tiêu chí"
        ordering = ["criteria_set_id", "number"]
        constraints = [models.UniqueConstraint(fields=["criteria_set", "number"], name="criterion_number_unique")]

    def __str__(self) -> str:
        return f"{self.number}. {self.name}"


class CriterionDepartment(models.Model):
    """Which department answers for a criterion, from–to; a province's rows replace the nation's."""

    criterion = models.ForeignKey(Criterion, models.CASCADE, related_name="responsibilities", verbose_name="Tiêu chí")
    department = models.ForeignKey(
        Department, models.PROTECT, related_name="responsibilities", verbose_name="Sở, ngành"
    )
    province = models.ForeignKey(Unit, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="Tỉnh")
    starts_on = models.DateField("Từ ngày", null=True, blank=True)
    ends_on = models.DateField("Đến hết ngày", null=True, blank=True)

    class Meta:
        verbose_name = "phân công sở, ngành"
        verbose_name_plural = "phân công sở, ngành"
        ordering = ["criterion_id", "pk"]
        constraints = [
            models.UniqueConstraint(
                F("criterion"),
                F("department"),
                Coalesce("province", 0),
                Coalesce("starts_on", date(1900, 1, 1)),
                name="criterion_department_unique",
                violation_error_message="Sở, ngành này đã được phân công tiêu chí đó.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.criterion} – {self.department}"


class IndicatorQuerySet(models.QuerySet):
    def for_unit(self, unit: Unit) -> IndicatorQuerySet:
        """Indicators of the sets a unit can be judged by today."""
        return self.filter(judges(unit, path="criterion__criteria_set__"), for_history=False)

    def in_force(self, on: date) -> IndicatorQuerySet:
        """Indicators that apply on that day."""
        return self.filter(
            Q(in_force_from__isnull=True) | Q(in_force_from__lte=on),
            Q(in_force_to__isnull=True) | Q(in_force_to__gte=on),
        )

    def judged_on(self, on: date) -> IndicatorQuerySet:
        """Those in force, and what stands for whole criteria of old tables: all a state of that day rests on."""
        return self.in_force(on) | self.filter(for_history=True)


class Indicator(models.Model):
    """One sub-criterion (chỉ tiêu), or a part of one.

    `part_of`: a second threshold within an indicator (17.1 needs both hygienic and piped
    water); it must hold too but isn't counted among the set's indicators.
    `stands_for_criterion`: a placeholder where the decision's indicators aren't known
    yet; it decides its criterion but isn't counted either. `for_history`: one that only carries what
    tables of past years said of the criterion as a whole (decision 0010): it is never in force,
    so that nobody enters, scores or proves it.
    """

    class Kind(models.TextChoices):
        BOOLEAN = "boolean", "Có/không"
        PERCENT = "percent", "Tỷ lệ"
        NUMBER = "number", "Số đo"
        COUNT = "count", "Số lượng"

    criterion = models.ForeignKey(Criterion, models.PROTECT, related_name="indicators", verbose_name="Tiêu chí")
    code = models.CharField("Mã", max_length=12)
    position = models.PositiveSmallIntegerField("Thứ tự")
    name = models.TextField("Nội dung")
    kind = models.CharField("Kiểu", max_length=10, choices=Kind.choices)
    measure = models.CharField("Đơn vị tính", max_length=60, blank=True)
    may_be_not_applicable = models.BooleanField("Có thể không áp dụng", default=False)
    needs_evidence = models.BooleanField("Cần minh chứng", default=True)
    part_of = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="parts", verbose_name="Là phần của"
    )
    stands_for_criterion = models.BooleanField("Thay cho cả tiêu chí", default=False)
    for_history = models.BooleanField("Chỉ cho số liệu các năm trước", default=False, editable=False)
    set_by_province = models.BooleanField("Mức do tỉnh quy định", default=False)
    in_force_from = models.DateField("Áp dụng từ", null=True, blank=True)
    in_force_to = models.DateField("Áp dụng đến hết", null=True, blank=True)
    guidance = models.TextField("Hướng dẫn", blank=True)
    provenance = models.CharField("Nguồn gốc", max_length=10, choices=Provenance.choices, default=Provenance.RECALLED)
    confidence = models.CharField("Độ tin cậy", max_length=10, blank=True)
    source = models.TextField("Nguồn", blank=True)
    note = models.TextField("Ghi chú", blank=True)

    objects = IndicatorQuerySet.as_manager()

    class Meta:
        verbose_name = "chỉ tiêu"
        verbose_name_plural = "chỉ tiêu"
        ordering = ["criterion__number", "position"]
        constraints = [models.UniqueConstraint(fields=["criterion", "code"], name="indicator_code_unique")]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

    @property
    def is_numeric(self) -> bool:
        return self.kind != self.Kind.BOOLEAN

    @property
    def whole_id(self) -> int:
        """The indicator a part belongs to, else the indicator itself: what counts as one."""
        return self.part_of_id or self.pk

    @property
    def is_counted(self) -> bool:
        """Whether the indicator counts in x/57."""
        return self.part_of_id is None and not self.stands_for_criterion


class Continuation(models.Model):
    """A later set's indicator continues an earlier one's: entered by people, never guessed.

    Nothing is converted by it: the earlier result shows beside the later indicator and may be
    taken over as a draft (`criteria.crosswalk`). Without a province: the nation's. Many to many.
    """

    earlier = models.ForeignKey(Indicator, models.PROTECT, related_name="continued_by", verbose_name="Chỉ tiêu cũ")
    later = models.ForeignKey(Indicator, models.PROTECT, related_name="continues", verbose_name="Chỉ tiêu mới")
    province = models.ForeignKey(Unit, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="Tỉnh")
    entered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    entered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "chỉ tiêu nối tiếp"
        verbose_name_plural = "các chỉ tiêu nối tiếp"
        ordering = ["later__criterion__number", "later__position", "pk"]
        constraints = [
            models.UniqueConstraint(
                F("earlier"),
                F("later"),
                Coalesce("province", 0),
                name="continuation_unique",
                violation_error_message="Hai chỉ tiêu này đã được nối.",
            ),
            models.CheckConstraint(name="continuation_not_of_itself", condition=~Q(earlier=F("later"))),
        ]

    def __str__(self) -> str:
        return f"{self.earlier.code} → {self.later.code}"


class Wording(models.Model):
    """How an indicator reads from a day on, by an amending decision; `Indicator.name` is how it read at first.

    A mere change of words, or of the scope they describe: an indicator that asks for something
    else is a new one.
    """

    indicator = models.ForeignKey(Indicator, models.CASCADE, related_name="wordings", verbose_name="Chỉ tiêu")
    starts_on = models.DateField("Từ ngày")
    name = models.TextField("Nội dung")
    decision = models.CharField("Văn bản", max_length=200, blank=True)
    source = models.TextField("Nguồn", blank=True)

    class Meta:
        verbose_name = "nội dung sửa đổi"
        verbose_name_plural = "nội dung sửa đổi"
        ordering = ["indicator_id", "starts_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["indicator", "starts_on"],
                name="wording_unique",
                violation_error_message="Đã có nội dung sửa đổi của chỉ tiêu này từ ngày đó.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.indicator.code} từ {self.starts_on:%d/%m/%Y}"


class Operator(models.TextChoices):
    AT_LEAST = ">=", "≥"
    AT_MOST = "<=", "≤"
    EQUAL = "=", "="
    PASS = "pass", "Đạt"
    JUDGE = "judge", "Xem xét theo nội dung"


class TargetFields(models.Model):
    """What of a demand is the same for a target as it is and as it was.

    Without province and unit: the nation's. `variant`: the region or group it binds
    (empty: the general row). `from_year` empty: from the set's start; `to_year`: the last year in
    which it binds (empty: until another takes its place). `recorded_at`: since when the row has stood so
    (empty: it came with the set).
    """

    province = models.ForeignKey(Unit, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="Tỉnh")
    unit = models.ForeignKey(
        Unit, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="Riêng cho đơn vị"
    )
    variant = models.CharField("Vùng, nhóm", max_length=40, blank=True)
    from_year = models.PositiveSmallIntegerField("Từ năm", null=True, blank=True)
    to_year = models.PositiveSmallIntegerField("Đến hết năm", null=True, blank=True)
    operator = models.CharField("So sánh", max_length=6, choices=Operator.choices)
    value = models.DecimalField("Mức", null=True, blank=True, max_digits=18, decimal_places=4)
    text = models.CharField("Yêu cầu như văn bản", max_length=500)
    source = models.TextField("Nguồn", blank=True)
    decision = models.CharField("Văn bản", max_length=200, blank=True)
    provenance = models.CharField("Nguồn gốc", max_length=10, choices=Provenance.choices, default=Provenance.RECALLED)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="Người xác nhận"
    )
    confirmed_at = models.DateTimeField("Xác nhận lúc", null=True, blank=True)
    recorded_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True


class Target(TargetFields):
    """What an indicator demands (yêu cầu), for whom and from which year (see TargetFields).

    A numeric target binds only once a person has confirmed it against the decision's text. Whoever changes or
    deletes one leaves a FormerTarget (`criteria.target_history`).
    """

    # Changing any of these makes it another demand, which nobody has compared with the decision yet.
    DEMAND = frozenset({"variant", "from_year", "operator", "value", "text", "decision"})

    indicator = models.ForeignKey(Indicator, models.CASCADE, related_name="targets", verbose_name="Chỉ tiêu")

    class Meta:
        verbose_name = "yêu cầu"
        verbose_name_plural = "yêu cầu"
        ordering = ["indicator_id", "province_id", "unit_id", "variant", "from_year"]
        constraints = [
            models.UniqueConstraint(
                F("indicator"),
                Coalesce("province", 0),
                Coalesce("unit", 0),
                F("variant"),
                Coalesce("from_year", 0),
                name="target_unique",
                violation_error_message="Đã có yêu cầu cho chỉ tiêu, nơi, vùng và năm này.",
            ),
            models.CheckConstraint(
                name="target_numeric_has_value",
                condition=Q(operator__in=["pass", "judge"], value__isnull=True)
                | Q(operator__in=[">=", "<=", "="], value__isnull=False),
                violation_error_message="Yêu cầu so sánh bằng số phải có mức; yêu cầu “Đạt” hoặc xem xét thì không.",
            ),
            models.CheckConstraint(
                name="target_years_ordered",
                condition=Q(from_year__isnull=True) | Q(to_year__isnull=True) | Q(to_year__gte=F("from_year")),
                violation_error_message="“Đến hết năm” phải từ “Từ năm” trở đi.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.indicator.code}: {self.text}"

    @property
    def is_confirmed(self) -> bool:
        return self.confirmed_at is not None


class FormerTarget(TargetFields):
    """A target as it stood from `recorded_at` until `ended_at`, when it was changed or deleted: never changed
    itself. What closed periods go by."""

    target = models.PositiveBigIntegerField()  # it may be gone
    indicator = models.ForeignKey(Indicator, models.CASCADE, related_name="former_targets", verbose_name="Chỉ tiêu")
    ended_at = models.DateTimeField()

    class Meta:
        verbose_name = "yêu cầu trước đây"
        verbose_name_plural = "yêu cầu trước đây"
        ordering = ["indicator_id", "ended_at"]

    def __str__(self) -> str:
        return f"{self.indicator.code}: {self.text}"
