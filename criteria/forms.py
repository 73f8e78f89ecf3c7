"""What people type: numbers as Vietnamese and machines write them, text without hidden marks."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from communes.fields import DayField, TextField
from communes.models import Unit
from communes.text import clean_text
from criteria.base_figures import problems
from criteria.models import BaseFigure, CriteriaSet, Criterion, CriterionOwner, Indicator, TargetReport
from criteria.models.base_figures import FIGURES
from criteria.numbers import NumberError, format_number, parse_number
from criteria.plans import NOTE_LIMIT, Typed
from criteria.verdicts import Verdict


class NumberField(forms.CharField):
    """A number typed as 1.234,5 or 1234.5; None when empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=60, strip=True, **kwargs)

    def clean(self, value: Any) -> Decimal | None:
        try:
            return parse_number(super().clean(value))
        except NumberError as error:
            raise ValidationError(str(error)) from None


class ErrorsFromService:
    """A form that takes over the messages a service gives by field."""

    def take_errors(self: Any, errors: dict[str, str]) -> None:
        for field, message in errors.items():
            self.add_error(field if field in self.fields else None, message)


class OpinionForm(forms.Form):
    """An opinion on one indicator as typed; `criteria.checks.judge` says whether it can stand."""

    value = NumberField()
    part = NumberField()
    whole = NumberField()
    entered_attainment = NumberField()
    verdict = forms.ChoiceField(choices=[("", ""), *Verdict.choices], required=False)
    note = TextField(multiline=True, max_length=2000, required=False)

    def opinion(self) -> dict[str, Any]:
        """judge()'s keyword arguments."""
        names = ("value", "part", "whole", "entered_attainment", "verdict", "note")
        return {name: self.cleaned_data[name] for name in names}


class EntryForm(OpinionForm):
    """An opinion with the day it holds and the version its writer saw."""

    effective_on = forms.DateField(
        error_messages={"invalid": "Nhập ngày như 31/12/2025.", "required": "Nhập thời điểm số liệu."}
    )
    version = forms.IntegerField(min_value=0, max_value=2**31 - 1)


class PlanForm(forms.Form):
    """One row of a unit's planned results, and the version its writer saw; `prefix` is the indicator's id."""

    value = NumberField()
    verdict = forms.ChoiceField(choices=[("", ""), *Verdict.choices], required=False)
    note = TextField(max_length=NOTE_LIMIT, required=False)
    version = forms.IntegerField(min_value=0, max_value=2**31 - 1)

    def typed(self) -> Typed:
        """The row as it was typed; only of a valid form."""
        data = self.cleaned_data
        return Typed(data["value"], data["verdict"], data["note"], data["version"])


class TargetReportForm(forms.Form):
    """Why a target is wrong, in the person's words."""

    text = TextField(
        label="Yêu cầu sai ở đâu",
        help_text="Nêu mức đúng và văn bản quy định, ví dụ: “Quyết định 26/2024/QĐ-UBND quy định 90 %”.",
        multiline=True,
        max_length=2000,
        error_messages={"required": "Nêu yêu cầu sai ở đâu."},
    )

    def report(self, unit: Unit, indicator: Indicator, target: Any, by: Any) -> TargetReport:
        """Store the report with the target as it stands."""
        return TargetReport.objects.create(
            unit=unit,
            indicator=indicator,
            target=target.target,
            target_text=target.text,
            text=self.cleaned_data["text"],
            reported_by=by,
        )


class ReceiveForm(forms.Form):
    """A word with the receipt."""

    note = TextField(label="Ghi chú", multiline=True, max_length=2000, required=False)


class ReturnForm:
    """What is given back: a reason for each ticked indicator, and a word for all of them.

    A reason beside an indicator that isn't ticked is told as an error, so that none is dropped."""

    def __init__(self, data: QueryDict) -> None:
        self._data = data

    def reasons(self) -> tuple[dict[int, str], list[tuple[str, str]]]:
        """Reasons by indicator id, and what is wrong as (id of the field, message)."""
        field = TextField(max_length=1000, multiline=True, error_messages={"required": "Nêu lý do trả lại."})
        reasons, errors = {}, []
        ticked = self.ticked()
        written = [name.removeprefix("reason-") for name in self._data if name.startswith("reason-")]
        for key in dict.fromkeys([*map(str, ticked), *written]):
            if not is_id(key):
                continue
            if int(key) not in ticked:
                if clean_text(str(self._data[f"reason-{key}"])):
                    errors.append(
                        (f"return-{key}", "Đã ghi lý do nhưng chưa chọn chỉ tiêu: chọn “Trả lại” hoặc xóa lý do.")
                    )
                continue
            try:
                reasons[int(key)] = field.clean(self._data.get(f"reason-{key}", ""))
            except ValidationError as error:
                errors.append((f"reason-{key}", error.messages[0]))
        if not reasons and not errors:
            errors.append(("rows", "Chọn ít nhất một chỉ tiêu cần bổ sung và nêu lý do."))
        return reasons, errors

    def ticked(self) -> set[int]:
        return {int(key) for key in self._data.getlist("indicator") if is_id(key)}

    def note(self) -> str:
        form = ReceiveForm(self._data)
        return form.cleaned_data["note"] if form.is_valid() else ""


def is_id(text: str) -> bool:
    """Whether a text may be the key of a row: digits, few enough for every database."""
    return text.isdecimal() and len(text) <= 18


class CriteriaField(forms.ModelMultipleChoiceField):
    """Ticked criteria; a number no database holds is no criterion."""

    def clean(self, value: Any) -> Any:
        for key in value or ():
            if not is_id(str(key)):
                raise forms.ValidationError(
                    self.error_messages["invalid_choice"], code="invalid_choice", params={"value": key}
                )
        return super().clean(value)


# --- visits ----------------------------------------------------------------------------


class OwnerForm(forms.Form):
    """Criteria given to somebody: one of the commune's accounts, or a name and post without one."""

    person = forms.ChoiceField(label="Người phụ trách", required=False)
    name = TextField(label="Họ và tên (nếu chưa có tài khoản)", max_length=100, required=False)
    post = TextField(label="Chức vụ", max_length=150, required=False)
    role = forms.ChoiceField(label="Vai trò", choices=CriterionOwner.Role.choices, initial=CriterionOwner.Role.LEAD)
    starts_on = DayField(label="Từ ngày")
    criteria = CriteriaField(
        Criterion.objects.none(),
        label="Tiêu chí",
        error_messages={"required": "Chọn ít nhất một tiêu chí.", "invalid_choice": "Không có tiêu chí này."},
    )

    def __init__(self, *args: Any, criteria_set: CriteriaSet, people: list[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people = {person.key: person for person in people}
        choice: Any = self.fields["person"]
        choice.choices = [("", "Người khác, chưa có tài khoản"), *[(p.key, _named(p)) for p in people]]
        criteria: Any = self.fields["criteria"]
        criteria.queryset = criteria_set.criteria.order_by("number")

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        if not typed.get("person") and not typed.get("name") and "name" not in self.errors:
            self.add_error("name", "Chọn một tài khoản ở trên, hoặc nhập họ và tên.")
        return typed


class HandOverForm(forms.Form):
    """All of one person's criteria to another, for good or until a day."""

    old = forms.ChoiceField(label="Người bàn giao")
    new = forms.ChoiceField(label="Người nhận")
    starts_on = DayField(label="Từ ngày")
    until = DayField(label="Làm thay đến hết ngày", required=False, help_text="Để trống nếu bàn giao hẳn.")

    def __init__(self, *args: Any, people: list[Any], holders: list[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people = {person.key: person for person in [*people, *holders]}
        old: Any = self.fields["old"]
        new: Any = self.fields["new"]
        old.choices = [("", "Chọn người bàn giao"), *[(p.key, _named(p)) for p in holders]]
        new.choices = [("", "Chọn người nhận"), *[(p.key, _named(p)) for p in people]]


def _named(person: Any) -> str:
    return f"{person.name} ({person.post})" if person.post else person.name


class PasteForm(forms.Form):
    """A table copied from a spreadsheet, where it begins, and the day its figures hold."""

    text = forms.CharField(
        label="Các ô chép từ Excel",
        help_text=(
            "Các cột theo thứ tự: Kết quả thực hiện, Đánh giá, Ghi chú; chỉ cần cột đầu. "
            "Tỷ lệ ghi được dạng 1.182/1.253. Ô trống giữ nguyên kết quả đang có."
        ),
        widget=forms.Textarea({"rows": 10, "spellcheck": "false"}),
        required=False,
        strip=False,
    )
    start = forms.TypedChoiceField(label="Ghi vào", required=False, coerce=int, empty_value=None)
    day = forms.DateField(
        label="Thời điểm số liệu",
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Nhập ngày như 31/12/2025.", "required": "Nhập thời điểm số liệu."},
    )

    def __init__(self, *args: Any, rows: list[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["start"].choices = [  # type: ignore[attr-defined]
            ("", "Theo mã chỉ tiêu ở cột đầu (mã, rồi các cột trên)"),
            *((row.indicator.pk, f"Từ chỉ tiêu {row.indicator.code} {row.indicator.name[:60]}") for row in rows),
        ]


class BaseFiguresForm(forms.Form):
    """A unit's base figures of one year, checked against each other."""

    def __init__(self, data: Any = None, *, stored: dict[str, BaseFigure], earlier: dict[str, BaseFigure]) -> None:
        super().__init__(data, initial={key: format_number(row.value) for key, row in stored.items()})
        for figure in FIGURES:
            told = earlier.get(figure.key)
            self.fields[figure.key] = NumberField(
                label=f"{figure.label} ({figure.measure})",
                help_text=f"Năm trước: {format_number(told.value)}" if told else "",
                widget=forms.TextInput(
                    {"inputmode": "decimal", "autocomplete": "off", "class": "form-control input-number"}
                ),
            )

    def clean(self) -> dict[str, Any]:
        for key, text in problems({key: self.cleaned_data.get(key) for key in self.fields}).items():
            if key not in self.errors:
                self.add_error(key, text)
        return self.cleaned_data

    def figures(self) -> dict[str, Decimal | None]:
        return {key: self.cleaned_data[key] for key in self.fields}


class EntryWorkbookForm(forms.Form):
    """A filled entry workbook."""

    file = forms.FileField(
        label="Biểu đã nhập (.xlsx)",
        error_messages={"required": "Chọn tệp biểu đã nhập.", "empty": "Tệp này trống."},
        widget=forms.FileInput({"accept": ".xlsx"}),
    )
