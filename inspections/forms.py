"""What people type about visits and findings; the services say whether it can stand."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q

from communes.fields import DayField, TextField
from communes.models import Department, Unit
from communes.names import search_name
from criteria.forms import CriteriaField, ErrorsFromService, OpinionForm
from criteria.models import CriteriaSet, Criterion, Evidence, Indicator
from criteria.verdicts import Stage
from criteria.wordings import names_on
from inspections import planning
from inspections.models import Finding, TeamMember, Visit
from ntm.accounts.models import User
from ntm.clock import today

BIGGEST = 2**31 - 1
STAGE_CHOICES = {
    Stage.DISTRICT.value: "Cấp huyện (ghi vào Kết quả thẩm tra)",
    Stage.PROVINCE.value: "Cấp tỉnh (ghi vào Kết quả thẩm định)",
}


def _field(form: forms.BaseForm, name: str) -> Any:
    """A field whose choices follow from the visit: its own class knows `queryset`, the base doesn't."""
    return form.fields[name]


class VisitFilterForm(forms.Form):
    """The filters of the list of visits; anything unknown is as if it weren't there. `changeable`
    (`access.changeable_visits`): whose leader the person may choose where there is none."""

    UNLED = "unled"

    q = forms.CharField(label="Xã", required=False, max_length=100)
    state = forms.ChoiceField(label="Trạng thái", choices=[("", "Tất cả"), *Visit.State.choices], required=False)
    kind = forms.ChoiceField(label="Hình thức", choices=[("", "Tất cả"), *Visit.Kind.choices], required=False)
    stage = forms.ChoiceField(
        label="Cấp kiểm tra",
        choices=[("", "Tất cả"), (Stage.DISTRICT.value, "Cấp huyện"), (Stage.PROVINCE.value, "Cấp tỉnh")],
        required=False,
    )

    def __init__(self, *args: Any, changeable: Q | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.changeable = changeable
        if changeable is not None:
            _field(self, "state").choices = [*_field(self, "state").choices, (self.UNLED, "Chưa có trưởng đoàn")]

    def narrow(self, visits):
        """The visits the filters leave."""
        self.is_valid()
        chosen = self.cleaned_data.copy()
        if chosen.get("state") == self.UNLED:
            visits = visits.filter(self.changeable).lacking_leader(today())
            del chosen["state"]
        for name in ("state", "kind", "stage"):
            if chosen.get(name):
                visits = visits.filter(**{name: chosen[name]})
        text = chosen.get("q", "").strip()
        if text:
            visits = visits.filter(
                Q(unit__search_name__contains=search_name(text) or text) | Q(unit__code=text) | Q(code__iexact=text)
            )
        return visits

    @property
    def is_used(self) -> bool:
        return any(self.cleaned_data.get(name) for name in self.fields)


class PlanForm(ErrorsFromService, forms.Form):
    """What a plan says and may later be changed: kind, date, decision, scope."""

    kind = forms.ChoiceField(label="Hình thức", choices=Visit.Kind.choices)
    records_opinion = forms.BooleanField(
        label="Ghi nhận kết quả chính thức khi kết luận",
        help_text="Chỉ chọn được với kiểm tra, đôn đốc; các hình thức khác luôn ghi nhận.",
        required=False,
    )
    planned_on = DayField(label="Ngày dự kiến")
    decision_number = TextField(
        label="Quyết định thành lập đoàn",
        help_text="Số, ký hiệu, ví dụ 1234/QĐ-UBND.",
        required=False,
        max_length=100,
    )
    scope = forms.ChoiceField(
        label="Phạm vi", choices=[("all", "Tất cả tiêu chí của bộ"), ("some", "Chỉ một số tiêu chí")], initial="all"
    )
    criteria = CriteriaField(label="Tiêu chí", queryset=Criterion.objects.none(), required=False)

    def __init__(self, *args: Any, sets: list[CriteriaSet], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sets = sets
        _field(self, "criteria").queryset = Criterion.objects.filter(criteria_set__in=sets)
        self.fields["criteria"].error_messages["invalid_choice"] = "Tiêu chí không thuộc bộ tiêu chí đã chọn."

    def criteria_by_set(self) -> list[tuple[CriteriaSet, list[tuple[Criterion, bool]]]]:
        """The criteria to tick, by set, each with whether it is ticked now."""
        raw = self["criteria"].value() or []
        chosen = {str(getattr(value, "pk", value)) for value in raw}
        by_set: dict[int, list[tuple[Criterion, bool]]] = {found.pk: [] for found in self.sets}
        for criterion in _field(self, "criteria").queryset.order_by("number"):
            by_set[criterion.criteria_set_id].append((criterion, str(criterion.pk) in chosen))
        return [(found, by_set[found.pk]) for found in self.sets]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("scope") == "all":
            cleaned["criteria"] = []
        elif "criteria" in cleaned:
            criteria_set = cleaned.get("criteria_set", self.sets[0] if len(self.sets) == 1 else None)
            if not cleaned["criteria"]:
                self.add_error("criteria", "Chọn ít nhất một tiêu chí, hoặc chọn tất cả tiêu chí của bộ.")
            elif criteria_set and any(c.criteria_set_id != criteria_set.pk for c in cleaned["criteria"]):
                self.add_error("criteria", "Có tiêu chí không thuộc bộ tiêu chí đã chọn.")
        if cleaned.get("kind") and cleaned["kind"] != Visit.Kind.MONITORING:
            cleaned["records_opinion"] = True
        return cleaned


class NewVisitForm(PlanForm):
    """A plan with what can't be changed later: set and stage. The unit is chosen before."""

    criteria_set = forms.ModelChoiceField(
        label="Bộ tiêu chí", queryset=CriteriaSet.objects.none(), empty_label=None, widget=forms.RadioSelect
    )
    stage = forms.ChoiceField(label="Cấp kiểm tra")

    field_order = ["criteria_set", "stage"]

    def __init__(self, *args: Any, unit: Unit, stages: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = _field(self, "criteria_set")
        choice.queryset = CriteriaSet.objects.for_unit(unit)
        choice.label_from_instance = lambda found: found.name_and_issuer
        _field(self, "stage").choices = [(stage, STAGE_CHOICES[stage]) for stage in stages]


class ChangeVisitForm(PlanForm):
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=BIGGEST)


class CancelForm(forms.Form):
    reason = TextField(label="Lý do hủy", max_length=500, error_messages={"required": "Nêu lý do hủy cuộc kiểm tra."})


# --- team ------------------------------------------------------------------------------


class PersonChoiceField(forms.ModelChoiceField):
    def label_from_instance(self, person: User) -> str:
        return " – ".join(filter(None, [str(person), person.post, person.organisation]))


class MemberForm(ErrorsFromService, forms.Form):
    """A new member: one of the province's accounts, or a guest by name. Without `whom` the
    account counts where one is chosen."""

    whom = forms.ChoiceField(
        label="Thêm ai",
        choices=[("account", "Có tài khoản"), ("guest", "Khách mời")],
        initial="account",
        required=False,
        widget=forms.RadioSelect,
    )
    user = PersonChoiceField(
        label="Tài khoản",
        queryset=User.objects.none(),
        required=False,
        empty_label="– Chọn tài khoản –",
        error_messages={
            "invalid_choice": "Tài khoản này không thuộc đoàn thẩm định hoặc văn phòng điều phối của tỉnh."
        },
    )
    name = TextField(label="Họ và tên khách mời", required=False, max_length=100)
    post = TextField(label="Chức vụ", required=False, max_length=150)
    organisation = TextField(label="Cơ quan", required=False, max_length=200)
    role = forms.ChoiceField(label="Vai trò", choices=TeamMember.Role.choices, initial=TeamMember.Role.MEMBER)
    counterpart = TextField(label="Cán bộ xã phối hợp", required=False, max_length=150)

    def __init__(self, *args: Any, visit: Visit, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.visit = visit
        taken = visit.team.filter(user__isnull=False).values("user")
        _field(self, "user").queryset = planning.candidates(visit).exclude(pk__in=taken)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        whom = cleaned.pop("whom", "")
        # What was typed for the other kind of member isn't looked at.
        ignored = {"guest": ["user"], "account": ["name", "post", "organisation"]}.get(whom, [])
        for name in ignored:
            self.errors.pop(name, None)
            cleaned[name] = None if name == "user" else ""
        if cleaned.get("user"):
            cleaned["name"] = ""
        if "user" in cleaned and cleaned["user"] is None and not cleaned.get("name") and not self.errors:
            if whom == "account":
                self.add_error("user", "Chọn một tài khoản, hoặc chọn “Khách mời” rồi nhập họ và tên.")
            else:
                self.add_error("name", "Chọn một tài khoản ở trên, hoặc nhập họ và tên khách mời.")
        return cleaned


class ChangeMemberForm(ErrorsFromService, forms.Form):
    """What the team list says of a member."""

    name = TextField(label="Họ và tên", max_length=100, error_messages={"required": "Nhập họ và tên."})
    post = TextField(label="Chức vụ", required=False, max_length=150)
    organisation = TextField(label="Cơ quan", required=False, max_length=200)
    role = forms.ChoiceField(label="Vai trò", choices=TeamMember.Role.choices)
    counterpart = TextField(label="Cán bộ xã phối hợp", required=False, max_length=150)


# --- scores ----------------------------------------------------------------------------


class ScoreForm(OpinionForm):
    """An opinion of the team with the versions its writer saw. `note` is the remark, for
    the reason of "không áp dụng"."""

    version = forms.IntegerField(min_value=0, max_value=BIGGEST)
    note_version = forms.IntegerField(min_value=0, max_value=BIGGEST, required=False)


class AgreeForm(forms.Form):
    version = forms.IntegerField(min_value=0, max_value=BIGGEST)
    claim = forms.IntegerField(min_value=0, max_value=2**63 - 1)


class RemarkForm(forms.Form):
    note = TextField(multiline=True, max_length=2000, required=False)
    note_version = forms.IntegerField(min_value=0, max_value=BIGGEST)


# --- findings --------------------------------------------------------------------------


class IndicatorChoiceField(forms.ModelChoiceField):
    """`names`: amended names by id (criteria.wordings)."""

    names: dict[int, str] = {}

    def label_from_instance(self, indicator: Indicator) -> str:
        return f"{indicator.code} {self.names.get(indicator.pk, indicator.name)}"


class FindingForm(ErrorsFromService, forms.Form):
    """A shortcoming while the visit is open."""

    criterion = forms.ModelChoiceField(label="Tiêu chí", queryset=Criterion.objects.none(), empty_label=None)
    indicator = IndicatorChoiceField(
        label="Chỉ tiêu", queryset=Indicator.objects.none(), required=False, empty_label="– Cả tiêu chí –"
    )
    description = TextField(
        label="Tồn tại, hạn chế",
        help_text="Nêu cụ thể thiếu gì, ở đâu, bao nhiêu.",
        multiline=True,
        max_length=3000,
        error_messages={"required": "Nêu tồn tại, hạn chế."},
    )
    recommendation = TextField(label="Kiến nghị", multiline=True, max_length=3000, required=False)
    due_on = DayField(label="Thời hạn khắc phục", error_messages={})
    department = forms.ModelChoiceField(
        label="Sở, ngành hướng dẫn", queryset=Department.objects.none(), required=False, empty_label="– Không chọn –"
    )
    cause = forms.ChoiceField(
        label="Nguyên nhân", choices=[("", "– Không chọn –"), *Finding.Cause.choices], required=False
    )
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=BIGGEST, required=False, initial=0)

    def __init__(self, *args: Any, visit: Visit, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scope = planning.scope_of(visit)
        _field(self, "criterion").queryset = Criterion.objects.filter(pk__in=[c.pk for c in scope]).order_by("number")
        indicators = Indicator.objects.filter(criterion__in=[c.pk for c in scope]).in_force(visit.day)
        _field(self, "indicator").queryset = indicators.select_related("criterion").order_by(
            "criterion__number", "position"
        )
        if visit.criteria_set.has_wordings:
            self.fields["indicator"].names = names_on(indicators.values_list("pk", flat=True), visit.day)  # type: ignore[attr-defined]
        _field(self, "department").queryset = Department.objects.filter(
            Q(province__isnull=True) | Q(province=visit.unit.province_id)
        ).order_by("name")
        for name in ("criterion", "indicator"):
            self.fields[name].error_messages["invalid_choice"] = "Không thuộc phạm vi của cuộc kiểm tra này."

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        indicator, criterion = cleaned.get("indicator"), cleaned.get("criterion")
        if indicator and criterion and indicator.criterion_id != criterion.pk:
            self.add_error("indicator", f"Chỉ tiêu này không thuộc tiêu chí số {criterion.number} đã chọn.")
        return cleaned

    def fields_to_store(self) -> dict[str, Any]:
        """What `findings.raise_finding` takes."""
        names = ("criterion", "indicator", "description", "recommendation", "due_on", "department", "cause")
        return {name: self.cleaned_data[name] for name in names}


class FindingFilterForm(forms.Form):
    """The filters of the list of findings besides the state."""

    q = forms.CharField(label="Xã", required=False, max_length=100)
    area = forms.ModelChoiceField(label="Địa bàn", queryset=Unit.objects.none(), required=False, empty_label="Tất cả")
    criterion = forms.IntegerField(label="Tiêu chí số", required=False, min_value=1, max_value=999)

    def __init__(self, *args: Any, areas: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _field(self, "area").queryset = areas

    def narrow(self, findings):
        """The findings the filters leave."""
        self.is_valid()
        chosen = self.cleaned_data
        text = chosen.get("q", "").strip()
        if text:
            findings = findings.filter(
                Q(visit__unit__search_name__contains=search_name(text) or text) | Q(visit__unit__code=text)
            )
        if chosen.get("area"):
            findings = findings.filter(**{f"visit__unit__{chosen['area'].level}": chosen["area"]})
        if chosen.get("criterion"):
            findings = findings.filter(criterion__number=chosen["criterion"])
        return findings


class FindingStepForm(ErrorsFromService, forms.Form):
    """A step of a finding, with the version of it that its person saw."""

    seen_version = forms.IntegerField(required=False, widget=forms.HiddenInput({"id": False}))

    def show_again(self, version: int) -> None:
        """Refused as stale: what was typed stays, beside the state its person sees now."""
        sent: Any = self.data
        typed = sent.copy()
        typed[self.add_prefix("seen_version")] = str(version)
        self.data = typed


class RemedyForm(FindingStepForm):
    note = TextField(
        label="Đã khắc phục như thế nào",
        multiline=True,
        max_length=2000,
        error_messages={"required": "Nêu đã làm gì để khắc phục."},
    )
    evidence = forms.ModelMultipleChoiceField(
        label="Minh chứng",
        queryset=Evidence.objects.none(),
        required=False,
        error_messages={"invalid_choice": "Chỉ chọn minh chứng đang sử dụng của xã."},
    )

    def __init__(self, *args: Any, evidence: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _field(self, "evidence").queryset = evidence

    def evidence_choices(self) -> list[tuple[Evidence, bool]]:
        """The documents to tick, each with whether it is ticked now."""
        chosen = {str(value) for value in self["evidence"].value() or []}
        return [(item, str(item.pk) in chosen) for item in _field(self, "evidence").queryset]


class CloseForm(FindingStepForm):
    note = TextField(label="Ý kiến", multiline=True, max_length=2000, required=False)


class ReopenForm(FindingStepForm):
    note = TextField(
        label="Lý do yêu cầu khắc phục lại",
        multiline=True,
        max_length=2000,
        error_messages={"required": "Nêu lý do yêu cầu khắc phục lại."},
    )


class SlipForm(FindingStepForm):
    due_on = DayField(label="Thời hạn mới")
    note = TextField(
        label="Lý do lùi thời hạn",
        multiline=True,
        max_length=2000,
        error_messages={"required": "Nêu lý do lùi thời hạn."},
    )


class RecheckForm(FindingStepForm):
    """What a later visit's team saw of an earlier finding."""

    result = forms.ChoiceField(
        label="Đoàn xem lại thấy",
        choices=[("remedied", "Đã khắc phục"), ("not", "Chưa khắc phục")],
        widget=forms.RadioSelect({"class": "form-check-input"}),
        error_messages={"required": "Chọn đã khắc phục hay chưa."},
    )
    note = TextField(
        label="Ghi chú của đoàn",
        help_text="Chưa khắc phục thì nêu còn thiếu gì.",
        multiline=True,
        max_length=2000,
        required=False,
    )


class CommentForm(ErrorsFromService, forms.Form):
    note = TextField(label="Ý kiến", multiline=True, max_length=2000, error_messages={"required": "Nhập ý kiến."})


# --- conclusion ------------------------------------------------------------------------


class ConcludeForm(ErrorsFromService, forms.Form):
    held_on = DayField(label="Ngày kiểm tra", help_text="Kết quả có hiệu lực từ ngày này.")
    commune_opinion = TextField(
        label="Ý kiến của xã",
        help_text="Ghi ý kiến của đại diện xã tại buổi làm việc.",
        multiline=True,
        max_length=5000,
        required=False,
    )
    summary = TextField(
        label="Kết luận",
        help_text="Câu tổng hợp được lập từ kết quả chấm; đoàn sửa và bổ sung được.",
        multiline=True,
        max_length=5000,
        error_messages={"required": "Nhập kết luận của đoàn."},
    )
    unscored_reason = TextField(
        label="Lý do chưa chấm",
        help_text="Vì sao có chỉ tiêu đoàn không chấm; kết quả trước đó của các chỉ tiêu này được giữ.",
        max_length=500,
        required=False,
        error_messages={"required": "Còn chỉ tiêu chưa chấm: nêu lý do, hoặc quay lại chấm tiếp."},
    )
    # What the writer saw (`inspections.conclude.fingerprint`).
    seen_fingerprint = forms.CharField(widget=forms.HiddenInput, required=False, max_length=200)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["summary"].widget.attrs["rows"] = 6
        self.fields["commune_opinion"].widget.attrs["rows"] = 4


class AnnexForm(forms.Form):
    text = TextField(
        label="Nội dung điều chỉnh",
        help_text="Nêu nội dung được điều chỉnh hoặc bổ sung và lý do. Phụ lục không sửa được sau khi lưu.",
        multiline=True,
        max_length=5000,
        error_messages={"required": "Nhập nội dung điều chỉnh."},
    )


# --- minutes ---------------------------------------------------------------------------


class SignedMinutesForm(forms.Form):
    file = forms.FileField(
        label="Tệp biên bản đã ký",
        help_text="Bản quét PDF (đến 100 MB) hoặc ảnh chụp (đến 25 MB). Các bản đã tải lên trước vẫn được giữ.",
        widget=forms.ClearableFileInput(attrs={"accept": ".pdf,.jpg,.jpeg,.png,.webp"}),
        error_messages={"required": "Chọn tệp biên bản đã ký.", "empty": "Tệp rỗng (0 byte). Hãy chọn lại tệp."},
        allow_empty_file=True,
    )


class MinutesTemplateForm(forms.Form):
    file = forms.FileField(
        label="Tệp mẫu (.docx)",
        help_text="Tệp Word .docx, không có macro, đến 2 MB, chỉ dùng các trường trong bảng bên dưới.",
        widget=forms.ClearableFileInput(attrs={"accept": ".docx"}),
        error_messages={"required": "Chọn tệp mẫu."},
        allow_empty_file=True,
    )
