"""A row of the department's desk as it is typed: for each indicator a verdict with a figure or, where no
target gives it, the attainment; one comment."""

from __future__ import annotations

from typing import Any

from django import forms

from communes.fields import TextField
from criteria.forms import NumberField
from criteria.verdicts import VERDICTS, Verdict
from inspections.desk import COMMENT_LENGTH, DeskRow, Judgement, Line
from inspections.sheets import TEAM_VERDICTS

AGREE = "agree"


def choices_of(line: Line) -> list[tuple[str, str]]:
    """What may be chosen for an indicator: agreeing where there is a claim, else one's own verdict."""
    codes = [*TEAM_VERDICTS, *([Verdict.NOT_APPLICABLE.value] if line.indicator.may_be_not_applicable else [])]
    agree = [(AGREE, f"Nhất trí với xã: {VERDICTS[line.claim['verdict']].label}")] if line.claim else []
    return [("", "– Chọn –"), *agree, *((code, VERDICTS[code].label) for code in codes)]


class ReviewForm(forms.Form):
    """One row. `agree_all`: the button that agrees to all of the commune's claims."""

    comment = TextField(multiline=True, max_length=COMMENT_LENGTH, required=False)
    seen = forms.CharField(max_length=2000)

    def __init__(self, *args: Any, row: DeskRow, agree_all: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row, self.agree_all = row, agree_all
        for line in row.lines:
            pk = line.indicator.pk
            self.fields[f"verdict-{pk}"] = forms.ChoiceField(choices=choices_of(line), required=False)
            self.fields[f"value-{pk}"] = NumberField()
            if line.takes_attainment:
                self.fields[f"attainment-{pk}"] = NumberField()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for line in self.row.lines:
            pk = line.indicator.pk
            value = cleaned.get(f"value-{pk}")
            changed = f"value-{pk}" in cleaned and value is not None and not self._is_claimed(line, value)
            if changed and not cleaned.get(f"verdict-{pk}") and not self.agree_all:
                self.add_error(f"verdict-{pk}", "Chọn mức đánh giá cho kết quả đã nhập.")
            estimated = cleaned.get(f"attainment-{pk}") is not None
            if estimated and cleaned.get(f"verdict-{pk}") in ("", AGREE) and not self.agree_all:
                self.add_error(f"attainment-{pk}", "Chọn Cơ bản đạt hoặc Chưa đạt cho mức độ đạt đã nhập.")
        return cleaned

    @staticmethod
    def _is_claimed(line: Line, value: Any) -> bool:
        return line.claim is not None and line.claim["value"] == value

    def errors_by_indicator(self) -> dict[int, str]:
        """Messages as the row shows them: by indicator id, 0 for the whole."""
        found: dict[int, str] = {}
        for name, texts in self.errors.items():
            _, _, pk = name.partition("-")
            message = (
                "Trang đã cũ hoặc không đầy đủ. Tải lại trang rồi làm lại."
                if name == "seen"
                else " ".join(map(str, texts))
            )
            found[int(pk or 0)] = " ".join(filter(None, [found.get(int(pk or 0), ""), message]))
        return found

    def judgements(self) -> dict[int, Judgement]:
        """What `desk.review` takes. A figure left as the commune gave it keeps its part and whole."""
        found = {}
        for line in self.row.lines:
            pk = line.indicator.pk
            verdict, value = self.cleaned_data[f"verdict-{pk}"], self.cleaned_data[f"value-{pk}"]
            if line.claim and (self.agree_all or verdict == AGREE):
                found[pk] = Judgement(agrees_to=line.claim["revision_id"])
            elif verdict and not self.agree_all:
                attainment = self.cleaned_data.get(f"attainment-{pk}")
                opinion = {"verdict": verdict, "value": value, "entered_attainment": attainment}
                if line.claim and self._is_claimed(line, value):
                    opinion |= {"part": line.claim["part"], "whole": line.claim["whole"]}
                found[pk] = Judgement(opinion=opinion)
        return found
