"""What is typed to ask and to answer; `criteria.questions` says whether it can stand."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q

from communes.fields import DayField, TextField
from communes.models import Unit
from communes.names import search_name
from criteria.forms import ErrorsFromService
from criteria.models import Evidence

DEPARTMENTS = " (điều phối viên và sở, ngành phụ trách)"
DUE_HELP = "Chỉ nhập khi đề nghị bổ sung; quá hạn tính từ sau ngày này."


class AskForm(ErrorsFromService, forms.Form):
    """A question to one of the addressees the person may ask; a single one isn't asked for."""

    addressee = forms.ChoiceField(label="Gửi tới", widget=forms.RadioSelect)
    text = TextField(
        label="Nội dung",
        help_text="Nêu cụ thể điều cần hỏi, hoặc tài liệu, số liệu đề nghị bổ sung.",
        multiline=True,
        max_length=2000,
        error_messages={"required": "Nhập nội dung câu hỏi."},
    )
    due_on = DayField(label="Đề nghị bổ sung trước ngày", help_text=DUE_HELP, required=False)

    def __init__(self, *args: Any, unit: Unit, addressees: list[tuple[str, bool]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.codes = {f"{office}-{'up' if up else 'down'}": (office, up) for office, up in addressees}
        places = {"district": unit.district, "province": unit.province}
        choices = [
            (code, f"{places[office]}{DEPARTMENTS if office == 'province' else ''}" if up else f"{unit}")
            for code, (office, up) in self.codes.items()
        ]
        field: Any = self.fields["addressee"]
        field.choices = choices
        field.initial = choices[0][0] if choices else ""
        field.error_messages |= dict.fromkeys(("required", "invalid_choice"), "Chọn nơi nhận câu hỏi.")
        if len(choices) == 1:
            field.required = False
            field.widget = forms.HiddenInput()

    def asked(self) -> dict[str, Any]:
        """What `questions.ask` takes, besides unit, indicator and person."""
        typed = self.cleaned_data
        office, up = self.codes[typed["addressee"] or next(iter(self.codes))]
        return {"office": office, "from_commune": up, "text": typed["text"], "due_on": typed["due_on"]}


class AnswerForm(ErrorsFromService, forms.Form):
    """An answer; a commune may point to documents of its own."""

    text = TextField(
        label="Nội dung trả lời", multiline=True, max_length=2000, error_messages={"required": "Nhập nội dung trả lời."}
    )
    evidence = forms.ModelMultipleChoiceField(
        label="Minh chứng",
        queryset=Evidence.objects.none(),
        required=False,
        error_messages={
            "invalid_choice": "Chỉ chọn minh chứng đang sử dụng của xã.",
            "invalid_pk_value": "Chỉ chọn minh chứng đang sử dụng của xã.",
        },
    )

    def __init__(self, *args: Any, evidence: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["evidence"]
        field.queryset = evidence

    def evidence_choices(self) -> list[tuple[Evidence, bool]]:
        """The documents to tick, each with whether it is ticked now."""
        chosen = {str(value) for value in self["evidence"].value() or []}
        field: Any = self.fields["evidence"]
        return [(item, str(item.pk) in chosen) for item in field.queryset]


class AskAgainForm(ErrorsFromService, forms.Form):
    text = TextField(
        label="Nội dung hỏi lại", multiline=True, max_length=2000, error_messages={"required": "Nhập nội dung hỏi lại."}
    )
    due_on = DayField(label="Đề nghị bổ sung trước ngày", help_text=DUE_HELP, required=False)


class SettleForm(forms.Form):
    version = forms.IntegerField(min_value=0, max_value=2**31 - 1)


class QuestionFilterForm(forms.Form):
    """The filters of the list besides the state; anything unknown is as if it weren't there."""

    q = forms.CharField(label="Xã", required=False, max_length=100)
    area = forms.ModelChoiceField(queryset=Unit.objects.none(), required=False)
    criterion = forms.IntegerField(label="Tiêu chí số", required=False, min_value=1, max_value=999)

    def __init__(self, *args: Any, areas: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["area"]
        field.queryset = areas

    def narrow(self, questions: Any) -> Any:
        """The questions the filters leave."""
        self.is_valid()
        chosen = self.cleaned_data
        text = chosen.get("q", "").strip()
        if text:
            named = Q(unit__search_name__contains=search_name(text) or text) | Q(unit__code=text)
            questions = questions.filter(named)
        if chosen.get("area"):
            questions = questions.filter(**{f"unit__{chosen['area'].level}": chosen["area"]})
        if chosen.get("criterion"):
            questions = questions.filter(indicator__criterion__number=chosen["criterion"])
        return questions
