"""Criteria sets as the workshop lists them, and a draft's two ends: published, or thrown away."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Count, F, OuterRef, ProtectedError, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from criteria.models import CriteriaSet, Criterion, Indicator, Target, Wording
from ntm.clock import today

audit = logging.getLogger("ntm.audit")

NUMERIC = [">=", "<=", "="]
COUNTED = Q(part_of__isnull=True, stands_for_criterion=False)


class Refused(Exception):
    """A step the set's state doesn't allow; the message says why."""


def listed(sets: QuerySet[CriteriaSet]) -> QuerySet[CriteriaSet]:
    """The sets with their counts as of today: criteria_count, indicator_count, placeholder_count,
    unconfirmed_count (the nation's or the issuer's numeric targets). One query."""
    current = Indicator.objects.in_force(today()).filter(criterion__criteria_set=OuterRef("pk")).order_by()
    unconfirmed = Target.objects.filter(
        indicator__criterion__criteria_set=OuterRef("pk"),
        province__isnull=True,
        unit__isnull=True,
        confirmed_at__isnull=True,
        operator__in=NUMERIC,
    ).order_by()

    def count(rows: QuerySet, path: str) -> Coalesce:
        return Coalesce(Subquery(rows.values(path).annotate(n=Count("pk")).values("n")), 0)

    return (
        sets.for_choosing()  # type: ignore[attr-defined]
        .select_related("province")
        .annotate(
            criteria_count=count(Criterion.objects.filter(criteria_set=OuterRef("pk")).order_by(), "criteria_set"),
            indicator_count=count(current.filter(COUNTED), "criterion__criteria_set"),
            placeholder_count=count(current.filter(stands_for_criterion=True), "criterion__criteria_set"),
            unconfirmed_count=count(unconfirmed, "indicator__criterion__criteria_set"),
        )
        .order_by(F("province__sort_key").asc(nulls_first=True), "-first_year", "grade_order", "code")
    )


# --- one set -------------------------------------------------------------------------------


@dataclass
class IndicatorLine:
    """An indicator with the nation's (or the issuer's) targets and its amended wordings."""

    indicator: Indicator
    targets: list[Target] = field(default_factory=list)
    wordings: list[Wording] = field(default_factory=list)

    @property
    def has_ended(self) -> bool:
        return self.indicator.in_force_to is not None and self.indicator.in_force_to < today()


@dataclass
class Overview:
    """What a set holds, and what of it isn't known or confirmed yet."""

    criteria: list[tuple[Criterion, list[IndicatorLine]]]
    official: list[tuple[str, int, int | None]]
    placeholders: list[int]
    without_target: int = 0
    left_to_province: int = 0
    unconfirmed: int = 0

    @property
    def disagrees(self) -> bool:
        return any(stated is not None and count != stated for _, count, stated in self.official)


def overview(criteria_set: CriteriaSet) -> Overview:
    """The whole set in four queries."""
    lines: dict[int, list[IndicatorLine]] = defaultdict(list)
    by_id: dict[int, IndicatorLine] = {}
    # Without what only carries tables of past years: it is no part of what the set asks for.
    rows = Indicator.objects.filter(criterion__criteria_set=criteria_set, for_history=False)
    for indicator in rows.order_by("position", "pk"):
        by_id[indicator.pk] = line = IndicatorLine(indicator)
        lines[indicator.criterion_id].append(line)
    own = Target.objects.filter(indicator__in=list(by_id), province__isnull=True, unit__isnull=True)
    names = {variant["code"]: variant["name"] for variant in criteria_set.variants}
    for target in own.order_by("from_year", "pk"):
        target.whom = names.get(target.variant, target.variant)  # type: ignore[attr-defined]
        by_id[target.indicator_id].targets.append(target)
    if criteria_set.has_wordings:
        for wording in Wording.objects.filter(indicator__in=list(by_id)).order_by("starts_on"):
            by_id[wording.indicator_id].wordings.append(wording)
    criteria = list(criteria_set.criteria.order_by("number"))
    current = [line for line in by_id.values() if not line.has_ended]
    counted = [line for line in current if line.indicator.is_counted]
    return Overview(
        criteria=[(criterion, lines[criterion.pk]) for criterion in criteria],
        official=[
            ("tiêu chí", len(criteria), criteria_set.official_criteria),
            ("chỉ tiêu", len(counted), criteria_set.official_indicators),
        ],
        placeholders=[
            criterion.number
            for criterion in criteria
            if any(line.indicator.stands_for_criterion for line in lines[criterion.pk] if not line.has_ended)
        ],
        without_target=sum(not line.targets and not line.indicator.set_by_province for line in counted),
        left_to_province=sum(not line.targets and line.indicator.set_by_province for line in counted),
        unconfirmed=sum(
            target.operator in NUMERIC and not target.is_confirmed for line in current for target in line.targets
        ),
    )


# --- a draft's end -------------------------------------------------------------------------


def publish_set(criteria_set: CriteriaSet, on: date, *, by: Any) -> CriteriaSet:
    """Put a draft to use from that day on (raises Refused): entry, visits and reports offer it then."""
    with transaction.atomic():
        held = CriteriaSet.objects.select_for_update(of=("self",)).select_related("requires").get(pk=criteria_set.pk)
        if held.status != CriteriaSet.Status.DRAFT:
            raise Refused("Bộ tiêu chí này đã được công bố.")
        if not held.first_day <= on <= held.last_day:
            raise Refused(f"Ngày áp dụng phải trong giai đoạn {held.period} của bộ tiêu chí.")
        if held.requires and held.requires.status == CriteriaSet.Status.DRAFT:
            raise Refused(f"Công bố “{held.requires}” trước: bộ này yêu cầu đã đạt bộ ấy.")
        if not held.criteria.exists():
            raise Refused("Bộ tiêu chí chưa có tiêu chí nào.")
        held.status, held.effective_on = CriteriaSet.Status.PUBLISHED, on
        held.published_at = timezone.now()
        held.save(update_fields=["status", "effective_on", "published_at"])
    audit.info("criteria set published", extra={"username": by.get_username(), "set": held.code})
    return held


def discard(criteria_set: CriteriaSet, *, by: Any) -> None:
    """Throw a draft away (raises Refused)."""
    try:
        with transaction.atomic():
            held = CriteriaSet.objects.select_for_update(of=("self",)).get(pk=criteria_set.pk)
            if held.status != CriteriaSet.Status.DRAFT:
                raise Refused("Bộ tiêu chí đã công bố thì không bỏ được.")
            indicators = Indicator.objects.filter(criterion__criteria_set=held)
            indicators.filter(part_of__isnull=False).delete()
            indicators.delete()
            held.criteria.all().delete()
            held.delete()
    except ProtectedError:
        raise Refused("Đã có số liệu gắn với bộ tiêu chí này nên không bỏ được.") from None
    audit.info("criteria set discarded", extra={"username": by.get_username(), "set": criteria_set.code})
