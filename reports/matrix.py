"""The communes of an area against the criteria of a set: one stage, as it stands now.

`matrix` is what the screen /matrix/, the workbook and the home page of districts and
provinces print. Everything comes from stored standings, one row a commune, so that a
province of 200 communes costs as many queries as a district of three.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models import Count, F, Q

from communes import access
from communes.models import Level, Unit
from communes.names import full_name
from criteria.models import CriteriaSet, Standing
from criteria.numbers import round_half_up
from criteria.rollup import STATES_THAT_COUNT_AS_MET, AreaFigures, area_figures, bucket_counts
from criteria.verdicts import Stage
from ntm.clock import today

STAGES: dict[str, str] = dict(Stage.choices)


@dataclass(frozen=True, slots=True)
class MatrixCriterion:
    id: int
    number: int
    name: str
    is_key: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One commune. Without an opinion at the stage `states` is empty and the figures are None: never 0.

    `states` is in the order of the matrix's criteria.
    """

    unit_id: int
    code: str
    name: str
    full_name: str
    district_id: int | None
    district: str
    states: tuple[str, ...]
    met: int | None
    nearly: int | None
    progress: Decimal | None

    @property
    def has_opinion(self) -> bool:
        return bool(self.states)


@dataclass(frozen=True, slots=True)
class CriterionTotal:
    """One criterion over the communes with an opinion: how many meet it, of how many, in per cent.

    `met` holds firmly met, met and not applicable; `percent` is None where nobody has an opinion.
    """

    criterion: MatrixCriterion
    met: int
    nearly: int
    with_opinion: int

    @property
    def percent(self) -> Decimal | None:
        return per_cent(self.met, self.with_opinion)

    @property
    def held_back(self) -> int:
        """Communes with an opinion that don't meet it, cơ bản đạt included."""
        return self.with_opinion - self.met


@dataclass(frozen=True, slots=True)
class Group:
    """The communes of one district, with the same figures as the whole area."""

    unit_id: int | None
    name: str
    rows: tuple[Row, ...]
    figures: AreaFigures
    totals: tuple[CriterionTotal, ...]


@dataclass
class Matrix:
    """An area under one set at one stage. `limited`: only a department's own criteria are in."""

    area: Unit
    criteria_set: CriteriaSet
    stage: str
    as_of: date
    criteria: tuple[MatrixCriterion, ...]
    rows: tuple[Row, ...]
    limited: bool

    @cached_property
    def figures(self) -> AreaFigures:
        """The three headline figures, over all communes of the area whatever is filtered."""
        return figures_of(self.rows, len(self.criteria))

    @cached_property
    def totals(self) -> tuple[CriterionTotal, ...]:
        return totals_of(self.rows, self.criteria)

    @cached_property
    def buckets(self) -> list[tuple[str, int, Decimal | None]]:
        """Communes by criteria met, in the set's buckets: label, communes, per cent of those with an opinion.

        None where only some criteria are in: the buckets speak of whole sets.
        """
        if self.limited:
            return []
        counts = bucket_counts(self.criteria_set.buckets, (row.met for row in self.rows))
        return [(label, count, per_cent(count, self.figures.with_opinion)) for label, count in counts]

    @cached_property
    def hardest(self) -> list[CriterionTotal]:
        """The criteria that hold back most communes, the worst first; those holding back none are left out."""
        return sorted((total for total in self.totals if total.held_back), key=lambda total: -total.held_back)

    @cached_property
    def groups(self) -> list[Group]:
        """The rows by district in Vietnamese order; one nameless group where the area is a district."""
        if self.area.level != Level.PROVINCE:
            return [Group(self.area.pk, "", self.rows, self.figures, self.totals)]
        by_district: dict[tuple[int | None, str], list[Row]] = defaultdict(list)
        for row in self.rows:
            by_district[(row.district_id, row.district)].append(row)
        return [
            Group(
                district,
                name,
                tuple(rows),
                figures_of(rows, len(self.criteria)),
                totals_of(rows, self.criteria),
            )
            for (district, name), rows in by_district.items()
        ]

    def bucket_of(self, row: Row) -> str:
        """The label of the bucket a commune is in; "" without an opinion."""
        counts = bucket_counts(self.criteria_set.buckets, [row.met])
        return next((label for label, count in counts if count), "")


def matrix(area: Unit, criteria_set: CriteriaSet, stage: str, user: Any = None) -> Matrix:
    """The rural communes existing today within the area, district by district in Vietnamese order.

    `user`: a department's person sees its own criteria only, with totals over these. Three
    queries besides the person's roles. Raises KeyError for an unknown stage. The caller has
    checked that the area is visible.
    """
    if stage not in STAGES:
        raise KeyError(stage)
    day = today()
    own = access.visible_criteria(user) if user is not None else None
    criteria = tuple(
        MatrixCriterion(*row)
        for row in criteria_set.criteria.order_by("number").values_list("id", "number", "name", "is_key")
        if own is None or row[0] in own
    )
    standings = {
        unit: figures
        for unit, *figures in Standing.objects.filter(
            unit__in=Unit.objects.within(area).rural_communes().existing(day).values("pk"),
            criteria_set=criteria_set,
            stage=stage,
        ).values_list("unit_id", "criteria_met", "criteria_nearly", "progress", "criteria")
    }
    communes = (
        Unit.objects.within(area)
        .rural_communes()
        .existing(day)
        .order_by("district__sort_key", "district_id", "sort_key", "pk")
        .values_list("id", "code", "name", "kind", "district_id", "district__kind", "district__name")
    )
    numbers = {criterion.number: place for place, criterion in enumerate(criteria)}
    rows = []
    for unit, code, name, kind, district, district_kind, district_name in communes:
        states, met, nearly, progress = _standing(standings.get(unit), numbers, limited=own is not None)
        rows.append(
            Row(
                unit_id=unit,
                code=code,
                name=name,
                full_name=full_name(kind, name),
                district_id=district,
                district=full_name(district_kind or "", district_name or "Trực thuộc tỉnh"),
                states=states,
                met=met,
                nearly=nearly,
                progress=progress,
            )
        )
    return Matrix(area, criteria_set, stage, day, criteria, tuple(rows), own is not None)


def area_sets(area: Unit, on: date | None = None) -> list[CriteriaSet]:
    """Published sets for communes of the area whose period has begun: newest first, the standard grade first."""
    day = on or today()
    return list(
        CriteriaSet.objects.published()
        .filter(Q(province__isnull=True) | Q(province=area.province_id), level=Level.COMMUNE, first_year__lte=day.year)
        .order_by("-first_year", "grade_order", "code")
    )


def default_set(sets: Sequence[CriteriaSet]) -> CriteriaSet | None:
    """The set a screen opens with: the newest of the standard grade (as `CriteriaSet.objects.chosen`)."""
    return next((found for found in sets if found.grade == CriteriaSet.Grade.STANDARD), sets[0] if sets else None)


def opinions_by_stage(area: Unit, criteria_set: CriteriaSet) -> dict[str, int]:
    """How many of the area's communes each stage has an opinion on. One query."""
    counts = dict.fromkeys(STAGES, 0)
    counts |= dict(
        Standing.objects.filter(
            unit__in=Unit.objects.within(area).rural_communes().existing(today()).values("pk"),
            criteria_set=criteria_set,
            criteria_not_assessed__lt=F("criteria_total"),
        )
        .order_by("stage")
        .values_list("stage")
        .annotate(communes=Count("pk"))
    )
    return counts


def default_stage(counts: dict[str, int]) -> str:
    """The stage that has looked at most communes; of equals the higher."""
    return max(counts, key=lambda stage: (counts[stage], list(STAGES).index(stage)))


_Figures = tuple[tuple[str, ...], int | None, int | None, Decimal | None]


def _standing(standing: Sequence[Any] | None, numbers: dict[int, int], *, limited: bool) -> _Figures:
    """A stored standing as states in the matrix's order and figures; all empty where nothing is assessed."""
    if standing is None:
        return (), None, None, None
    met, nearly, progress, criteria = standing
    kept = [(state, attained) for number, state, attained in criteria if number in numbers]
    states = tuple(state for state, _ in kept)
    if not kept or all(state == "not_assessed" for state in states):
        return (), None, None, None
    if not limited:
        return states, met, nearly, progress
    return (
        states,
        sum(state in STATES_THAT_COUNT_AS_MET for state in states),
        states.count("nearly_met"),
        round_half_up(sum((Decimal(attained) for _, attained in kept), Decimal(0)) / len(kept), 2),
    )


def figures_of(rows: Iterable[Row], criteria: int) -> AreaFigures:
    """The headline figures of some communes; N counts every one of them."""
    return area_figures(
        None
        if row.met is None or row.nearly is None or row.progress is None
        else (row.met, row.nearly, row.progress, criteria)
        for row in rows
    )


def totals_of(rows: Sequence[Row], criteria: Sequence[MatrixCriterion]) -> tuple[CriterionTotal, ...]:
    """For each criterion how many communes meet it, over those with an opinion."""
    known = [row.states for row in rows if row.states]
    columns = list(zip(*known, strict=True)) if known else [()] * len(criteria)
    return tuple(
        CriterionTotal(
            criterion,
            sum(map(column.count, STATES_THAT_COUNT_AS_MET)),
            column.count("nearly_met"),
            len(known),
        )
        for criterion, column in zip(criteria, columns, strict=True)
    )


def per_cent(part: int, whole: int) -> Decimal | None:
    """`part` of `whole` in per cent, one decimal as areas are reported; None of nothing."""
    return round_half_up(Decimal(part) * 100 / whole, 1) if whole else None
