"""Nhóm xã theo số tiêu chí as a coordinator types it: a line a group, empty lines left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.forms import BoundField

from communes.fields import TextField
from criteria.buckets import Bucket, Typed, closed, problems

LINES = 8  # offered, or two more than there are


class BucketForm(forms.Form):
    """Fields label_0, min_0, max_0, label_1 …; `seen` is the newest scheme the person has read."""

    seen = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def __init__(self, data: Any, shown: Sequence[Bucket], criteria: int, seen: int) -> None:
        super().__init__(data, initial={"seen": seen})
        self.criteria = criteria
        self.lines = max(LINES, len(shown) + 2)
        for place in range(self.lines):
            bucket: Any = shown[place] if place < len(shown) else {}
            said = f"dòng {place + 1}"
            label = TextField(label=f"Tên nhóm, {said}", max_length=40, required=False)
            label.initial = bucket.get("label")
            self.fields[f"label_{place}"] = label
            for name, words in (("min", "Từ"), ("max", "Đến")):
                number = forms.IntegerField(
                    label=f"{words}, {said}",
                    required=False,
                    widget=forms.TextInput({"inputmode": "numeric", "maxlength": 3, "autocomplete": "off"}),
                    error_messages={"invalid": f"Ghi số nguyên từ 0 đến {criteria}."},
                )
                number.initial = bucket.get(name)
                self.fields[f"{name}_{place}"] = number

    def rows(self) -> list[list[BoundField]]:
        return [[self[f"{name}_{place}"] for name in ("label", "min", "max")] for place in range(self.lines)]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        typed: list[Typed | None] = []
        unread = False
        for place in range(self.lines):
            names = (f"label_{place}", f"min_{place}", f"max_{place}")
            broken = any(name in self.errors for name in names)
            unread |= broken
            label, low, high = (cleaned.get(name) for name in names)
            is_blank = broken or (not label and low is None and high is None)
            typed.append(None if is_blank else {"label": label or "", "min": low, "max": high})
        for place, name, message in problems(typed, self.criteria):
            if place >= 0:
                self.add_error(f"{name}_{place}", message)
            elif not unread:
                self.add_error(None, message)
        self.buckets = [closed(row, self.criteria) for row in typed if row]
        return cleaned
