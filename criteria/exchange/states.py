"""What stands in a row, or would: kept as JSON with an uploaded table, read as words by people."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from criteria.checks import format_day
from criteria.models import Indicator
from criteria.numbers import format_number
from criteria.verdicts import VERDICTS, Verdict

State = list[str | None]  # verdict, value, part, whole, note, day


def state(row: Any, day: date | None = None) -> State:
    """A draft's, or that of what was judged for a day."""
    on = day or row.effective_on
    return [row.verdict, *map(_text, (row.value, row.part, row.whole)), row.note, on.isoformat()]


def published_state(row: dict[str, Any] | None) -> State | None:
    """That of a row of `criteria.state.state_on`."""
    if row is None:
        return None
    numbers = (_text(row[name]) for name in ("value", "part", "whole"))
    return [row["verdict"], *numbers, row["note"], row["effective_on"].isoformat()]


class LastPublished(NamedTuple):
    """A published opinion by the names of an Entry, so that the rules for a row take either."""

    verdict: str
    value: Decimal | None
    part: Decimal | None
    whole: Decimal | None
    entered_attainment: Decimal | None
    attainment: Decimal | None
    note: str
    effective_on: date

    @classmethod
    def of(cls, row: dict[str, Any] | None) -> LastPublished | None:
        """That of a row of `criteria.state.state_on`; None where nothing stands any more. An attainment that neither
        figures nor a met gave is one that a person entered."""
        if row is None or not (row["verdict"] or row["value"] is not None):
            return None
        is_entered = row["value"] is None and row["verdict"] in {Verdict.NEARLY_MET, Verdict.NOT_MET}
        return cls(
            row["verdict"],
            row["value"],
            row["part"],
            row["whole"],
            (row["attainment"] or None) if is_entered else None,
            row["attainment"],
            row["note"],
            row["effective_on"],
        )


def typed_state(changes: dict[str, Any], day: date) -> State:
    """What was filled in, without what it would be added to."""
    numbers = (_text(changes.get(name)) for name in ("value", "part", "whole"))
    return [changes.get("verdict", ""), *numbers, changes.get("note", ""), day.isoformat()]


def said(told: State, item: Indicator) -> list[str]:
    """Figure, verdict and day in words: ["94,33 % (1.182/1.253)", "Cơ bản đạt", "ngày 30/06/2024"]."""
    verdict, value, part, whole, _, day = told
    words = []
    numbers = [format_number(Decimal(number)) if number is not None else "" for number in (value, part, whole)]
    fraction = "/".join(numbers[1:]) if part is not None or whole is not None else ""
    if numbers[0]:
        words.append(f"{numbers[0]} {item.measure}".strip() + (f" ({fraction})" if fraction else ""))
    elif fraction:
        words.append(fraction)
    if verdict:
        words.append(VERDICTS[verdict].label)
    return [*words, f"ngày {format_day(date.fromisoformat(day or ''))}"]


def _text(number: Decimal | None) -> str | None:
    return None if number is None else f"{number:f}"
