"""Communes by criteria met (nhóm xã theo số tiêu chí): which groups a report prints, and how a province sets its own.

A province may print other groups than the set's (8–9 and < 8), for all its reports or for one. What is
recorded is never changed, so that a closed period is drawn with the groups known when it was closed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypedDict

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from communes.models import Unit
from criteria.models import BucketScheme, CriteriaSet
from criteria.rollup import OUTSIDE_BUCKETS

audit = logging.getLogger("ntm.audit")

FIRST = datetime(2000, 1, 1, tzinfo=UTC)  # since when the first groups of a set hold: before anything was recorded
COUNTS = "<>≤≥0123456789"
_RANGE = re.compile(r"(?<=\d)-(?=\d)")


class Bucket(TypedDict):
    """A group of communes: those meeting `min` to `max` criteria, both ends within it."""

    label: str
    min: int
    max: int


def buckets_in_force(
    area: Unit, criteria_set: CriteriaSet, form: str, known_at: datetime | None = None
) -> list[Bucket]:
    """The groups a form prints about an area of a province, as known at a moment (None: now). One query.

    The province's own for the form, else its own for all forms, else the set's. Labels have the dash of a
    range: "15–18".
    """
    found = _schemes(area.province_id or area.pk, criteria_set, known_at)
    buckets = found.get((True, form)) or found.get((True, "")) or found.get((False, "")) or criteria_set.buckets
    return [
        {"label": _RANGE.sub("–", bucket["label"]), "min": bucket["min"], "max": bucket["max"]} for bucket in buckets
    ]


def _schemes(province: int, criteria_set: CriteriaSet, known_at: datetime | None) -> dict[tuple[bool, str], list]:
    """By (whether the province's own, form) the newest known."""
    rows = BucketScheme.objects.filter(Q(province=province) | Q(province=None), criteria_set=criteria_set)
    if known_at is not None:
        rows = rows.filter(recorded_at__lte=known_at)
    ordered = rows.order_by("recorded_at", "pk").values_list("province", "form", "buckets")
    return {(owner is not None, form): buckets for owner, form, buckets in ordered}


def in_words(label: str) -> str:
    """A group as a sentence names it: "8–9 tiêu chí"; a label that isn't a number stands alone."""
    return f"{label} tiêu chí" if label[:1] and label[0] in COUNTS else label


# --- what a province sets --------------------------------------------------------------


class Typed(TypedDict):
    """A line as it was typed; blank ends are open."""

    label: str
    min: int | None
    max: int | None


def problems(rows: Sequence[Typed | None], criteria: int) -> list[tuple[int, str, str]]:
    """What is wrong with the lines typed (None: one left empty), as (its place, field, message)."""
    found: list[tuple[int, str, str]] = []
    kept: dict[int, Bucket] = {}
    for place, row in enumerate(rows):
        if row is None:
            continue
        bucket = closed(row, criteria)
        label = bucket["label"]
        if not label:
            found.append((place, "label", "Ghi tên nhóm, ví dụ 8–9."))
        elif label.casefold() == OUTSIDE_BUCKETS.casefold():
            found.append(
                (place, "label", f"Tên “{OUTSIDE_BUCKETS}” dành cho các xã không thuộc nhóm nào; đặt tên khác.")
            )
        elif any(label.casefold() == other["label"].casefold() for other in kept.values()):
            found.append((place, "label", f"Tên nhóm “{label}” đã có ở dòng trên; đặt tên khác."))
        if row["min"] is None and row["max"] is None:
            found.append((place, "min", "Ghi số tiêu chí ở cột Từ, cột Đến hoặc cả hai."))
            continue
        if max(bucket["min"], bucket["max"]) > criteria:
            field = "max" if bucket["max"] > criteria else "min"
            found.append((place, field, f"Bộ tiêu chí chỉ có {criteria} tiêu chí; ghi số từ 0 đến {criteria}."))
        elif bucket["min"] > bucket["max"]:
            found.append((place, "min", f"Từ {bucket['min']} lớn hơn đến {bucket['max']}; đổi lại cho đúng thứ tự."))
        else:
            for other in kept.values():
                first, last = max(bucket["min"], other["min"]), min(bucket["max"], other["max"])
                if first <= last:
                    same = f"{first} tiêu chí" if first == last else f"{first}–{last} tiêu chí"
                    found.append(
                        (place, "min", f"Trùng với nhóm “{other['label']}” ở {same}; mỗi xã chỉ thuộc một nhóm.")
                    )
                    break
            kept[place] = bucket
    if not any(rows):
        found.append((-1, "", "Ghi ít nhất một nhóm, hoặc bỏ nhóm riêng bằng nút ở dưới."))
    return found


def closed(row: Typed, criteria: int) -> Bucket:
    """The group with both ends: an open one reaches to 0 or to all criteria."""
    low, high = row["min"], row["max"]
    return {"label": _RANGE.sub("–", row["label"]), "min": low or 0, "max": criteria if high is None else high}


def gaps(buckets: Sequence[Bucket], criteria: int) -> str:
    """The numbers of criteria that no group takes: "0–4, 7"; "" where all are taken."""
    free = [n for n in range(criteria + 1) if not any(bucket["min"] <= n <= bucket["max"] for bucket in buckets)]
    runs: list[list[int]] = []
    for number in free:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


def history(province: Unit, criteria_set: CriteriaSet, form: str) -> list[BucketScheme]:
    """The province's own of the form, the newest first: the first is in force. One query."""
    rows = BucketScheme.objects.filter(province=province, criteria_set=criteria_set, form=form)
    return list(rows.select_related("recorded_by").order_by("-recorded_at", "-pk"))


@transaction.atomic
def record(
    province: Unit, criteria_set: CriteriaSet, form: str, buckets: Sequence[Bucket], *, seen: int, by: Any
) -> BucketScheme:
    """Let the province's form print these groups from now on; none: the wider ones again.

    `seen`: the newest scheme the person had read, 0 for none. Raises ValidationError where somebody recorded
    another since. The caller has checked the groups (`problems`) and the right.
    """
    Unit.objects.select_for_update(of=("self",)).get(pk=province.pk)  # two who save at once wait for each other
    newest = next(iter(history(province, criteria_set, form)), None)
    if (newest.pk if newest else 0) != seen:
        raise ValidationError(
            f"{newest.recorded_by if newest else 'Người khác'} vừa lưu nhóm xã của biểu này. "
            "Xem lại rồi bấm Lưu để ghi theo bạn."
        )
    scheme = BucketScheme.objects.create(
        province=province, criteria_set=criteria_set, form=form, buckets=list(buckets), recorded_by=by
    )
    audit.info(
        "buckets recorded",
        extra={"username": by.get_username(), "unit": province.pk, "set": criteria_set.code, "form": form},
    )
    return scheme


# --- the set's own ---------------------------------------------------------------------


def keep_former(criteria_set: CriteriaSet, former: list, *, by: Any = None) -> None:
    """After the groups of a stored set were changed: note since when the new ones hold, so that closed periods
    keep the `former`. A draft has none."""
    if former == criteria_set.buckets or criteria_set.status == CriteriaSet.Status.DRAFT:
        return
    own = BucketScheme.objects.filter(province=None, criteria_set=criteria_set)
    if not own.exists():
        own.create(criteria_set=criteria_set, buckets=former, recorded_at=FIRST)
    own.create(criteria_set=criteria_set, buckets=criteria_set.buckets, recorded_at=timezone.now(), recorded_by=by)
