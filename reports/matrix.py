"""The communes of an area against the criteria of a set: one stage, as it stands now or stood at a moment.

`matrix` is what the screen /matrix/, the workbook and the home page of districts and
provinces print. Now it comes from stored standings, one row a commune; as at a moment from the
revisions. A province of 200 communes costs as many queries as a district of three.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import Count, F, Q

from communes import access
from communes.models import Level, Unit
from communes.roster import Member, as_on, rural_communes_on
from criteria.buckets import Bucket, buckets_in_force, in_words
from criteria.models import CriteriaSet, Standing
from criteria.numbers import round_half_up
from criteria.rollup import STATES_THAT_COUNT_AS_MET, AreaFigures, area_figures, bucket_counts, is_partial
from criteria.state import Moment, roll_up_units
from criteria.verdicts import Stage
from ntm.clock import today

STAGES: dict[str, str] = dict(Stage.choices)
FORM = "01"  # the matrix's own number among the forms

# How far a stage has come where it has judged some of the criteria only.
SO_FAR: dict[str, str] = {
    Stage.SELF.value: "mới đánh giá",
    Stage.DISTRICT.value: "mới thẩm tra",
    Stage.PROVINCE.value: "mới thẩm định",
}


@dataclass(frozen=True, slots=True)
class MatrixCriterion:
    id: int
    number: int
    name: str
    is_key: bool


@dataclass(frozen=True)
class Row:
    """One commune. Without an opinion at the stage `states` is empty and the figures are None: never 0.

    `states` is in the order of the matrix's criteria. One that `is_partial` shows what it has,
    and counts nowhere.
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

    @cached_property
    def assessed(self) -> int:
        """Criteria in which anything is judged."""
        return len(self.states) - self.states.count("not_assessed")

    @cached_property
    def is_partial(self) -> bool:
        return is_partial(self.assessed, len(self.states))

    @cached_property
    def counts(self) -> bool:
        """Whether the commune is one of the n of n/N."""
        return self.has_opinion and not self.is_partial

    @property
    def met_in_full(self) -> int | None:
        """Criteria met, for what is counted over communes; None where the commune doesn't count."""
        return self.met if self.counts else None


@dataclass(frozen=True, slots=True)
class CriterionTotal:
    """One criterion over the communes that count: how many meet it, of how many, in per cent.

    `met` holds firmly met, met and not applicable; `met`, `nearly`, `not_met` and `incomplete`
    sum to `with_opinion`. `percent` is None where nobody has an opinion.
    """

    criterion: MatrixCriterion
    met: int
    nearly: int
    not_met: int
    incomplete: int
    with_opinion: int

    @property
    def percent(self) -> Decimal | None:
        return per_cent(self.met, self.with_opinion)

    @property
    def held_back(self) -> int:
        """Communes with an opinion that don't meet it, cơ bản đạt included."""
        return self.with_opinion - self.met


class BucketCount(NamedTuple):
    """How many communes are in one group by criteria met, in per cent of those with an opinion."""

    label: str
    communes: int
    share: Decimal | None

    @property
    def words(self) -> str:
        return in_words(self.label)


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
    """An area under one set at one stage. `limited`: only a department's own criteria are in. `moment`:
    None where it is as it stands now."""

    area: Unit
    criteria_set: CriteriaSet
    stage: str
    as_of: date
    criteria: tuple[MatrixCriterion, ...]
    rows: tuple[Row, ...]
    limited: bool
    moment: Moment | None = None
    _schemes: dict[str, list[Bucket]] = field(default_factory=dict)

    @cached_property
    def figures(self) -> AreaFigures:
        """The three headline figures, over all communes of the area whatever is filtered."""
        return figures_of(self.rows, len(self.criteria))

    @cached_property
    def totals(self) -> tuple[CriterionTotal, ...]:
        return totals_of(self.rows, self.criteria)

    def scheme(self, form: str = FORM) -> list[Bucket]:
        """The buckets that a form about the area prints, as known at the matrix's moment. One query a form."""
        if form not in self._schemes:
            known_at = self.moment.known_at if self.moment else None
            self._schemes[form] = buckets_in_force(self.area, self.criteria_set, form, known_at)
        return self._schemes[form]

    def counted(self, scheme: Sequence[Bucket]) -> list[BucketCount]:
        """Communes by criteria met, in these buckets. None where only some criteria are in: buckets speak of
        whole sets."""
        if self.limited:
            return []
        counts = bucket_counts(scheme, (row.met_in_full for row in self.rows))
        return [BucketCount(label, count, per_cent(count, self.figures.with_opinion)) for label, count in counts]

    @cached_property
    def buckets(self) -> list[BucketCount]:
        """Communes by criteria met, as the matrix itself prints them."""
        return self.counted(self.scheme())

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
        """The label of the bucket a commune is in; "" where it doesn't count."""
        counts = bucket_counts(self.scheme(), [row.met_in_full])
        return next((label for label, count in counts if count), "")


def matrix(area: Unit, criteria_set: CriteriaSet, stage: str, user: Any = None, moment: Moment | None = None) -> Matrix:
    """The area's rural communes existing on the day, district by district in Vietnamese order.

    `user`: a department's person sees its own criteria only, with totals over these. `moment`: units
    and opinions as at that moment, else now. Three queries besides the person's roles, twelve as at a
    moment. Raises KeyError for an unknown stage. The caller has checked that the area is visible.
    """
    if stage not in STAGES:
        raise KeyError(stage)
    day = moment.day if moment else today()
    own = access.visible_criteria(user) if user is not None else None
    criteria = tuple(
        MatrixCriterion(*row)
        for row in criteria_set.criteria.order_by("number").values_list("id", "number", "name", "is_key")
        if own is None or row[0] in own
    )
    communes = rural_communes_on(area, day)
    standings = (
        _standings_at(communes, criteria_set, stage, moment) if moment else _standings_now(area, criteria_set, stage)
    )
    numbers = {criterion.number: place for place, criterion in enumerate(criteria)}
    rows = []
    for commune in communes:
        states, met, nearly, progress = _standing(standings.get(commune.id), numbers, limited=own is not None)
        rows.append(
            Row(
                unit_id=commune.id,
                code=commune.code,
                name=commune.name,
                full_name=commune.full_name,
                district_id=commune.district_id,
                district=commune.district or "Trực thuộc tỉnh",
                states=states,
                met=met,
                nearly=nearly,
                progress=progress,
            )
        )
    shown = as_on(area, day) if moment else area
    return Matrix(shown, criteria_set, stage, day, criteria, tuple(rows), own is not None, moment)


def _standings_now(area: Unit, criteria_set: CriteriaSet, stage: str) -> dict[int, Sequence[Any]]:
    """By unit: criteria met, nearly met, progress, and (number, state, attainment) of each criterion."""
    rows = Standing.objects.filter(
        unit__in=Unit.objects.within(area).rural_communes().existing(today()).values("pk"),
        criteria_set=criteria_set,
        stage=stage,
    )
    columns = ("unit_id", "criteria_met", "criteria_nearly", "progress", "criteria")
    return {unit: figures for unit, *figures in rows.values_list(*columns)}


def _standings_at(
    communes: Iterable[Member], criteria_set: CriteriaSet, stage: str, moment: Moment
) -> dict[int, Sequence[Any]]:
    """The same, from the revisions."""
    units = list(Unit.objects.filter(pk__in=[commune.id for commune in communes]))
    return {
        unit: (
            rollup.criteria_met,
            rollup.criteria_nearly,
            rollup.progress,
            [(number, state.state, state.attainment) for number, state in rollup.states.items()],
        )
        for unit, rollup in roll_up_units(units, criteria_set, stage, moment).items()
    }


def area_sets(area: Unit, on: date | None = None) -> list[CriteriaSet]:
    """The sets an area can be summed up by (`CriteriaSet.objects.for_area`)."""
    return list(CriteriaSet.objects.for_area(area, on))


def default_set(sets: Sequence[CriteriaSet]) -> CriteriaSet | None:
    """The set a screen opens with: the newest of the standard grade (as `CriteriaSet.objects.chosen`)."""
    return next((found for found in sets if found.grade == CriteriaSet.Grade.STANDARD), sets[0] if sets else None)


def asked_set(sets: Sequence[CriteriaSet], code: str) -> CriteriaSet | None:
    """The set of that code; the one a screen opens with where none is asked for, None where the code isn't theirs."""
    return next((found for found in sets if found.code == code), None) if code else default_set(sets)


def opinions_by_stage(area: Unit, criteria_set: CriteriaSet, user: Any = None) -> dict[str, tuple[int, int]]:
    """By stage how many of the area's communes it has judged in full, and how many in part.

    One query besides the person's roles; for a department's person over its own criteria.
    """
    counts = dict.fromkeys(STAGES, (0, 0))
    standings = Standing.objects.filter(
        unit__in=Unit.objects.within(area).rural_communes().existing(today()).values("pk"), criteria_set=criteria_set
    )
    own = access.visible_criteria(user) if user is not None else None
    if own is None:
        by_stage = (
            standings.order_by("stage")
            .values_list("stage")
            .annotate(
                full=Count("pk", filter=Q(criteria_not_assessed=0, criteria_total__gt=0)),
                partial=Count(
                    "pk", filter=Q(criteria_not_assessed__gt=0, criteria_not_assessed__lt=F("criteria_total"))
                ),
            )
        )
        return counts | {stage: (full, partial) for stage, full, partial in by_stage}
    numbers = set(criteria_set.criteria.filter(pk__in=own).values_list("number", flat=True))
    for stage, criteria in standings.values_list("stage", "criteria"):
        states = [state for number, state, _ in criteria if number in numbers]
        assessed = len(states) - states.count("not_assessed")
        partial = is_partial(assessed, len(states))
        full, some = counts[stage]
        counts[stage] = (full + (assessed > 0 and not partial), some + partial)
    return counts


def default_stage(counts: Mapping[str, tuple[int, int]]) -> str:
    """The stage that has judged most communes in full, then in part; of equals the higher."""
    return max(counts, key=lambda stage: (*counts[stage], list(STAGES).index(stage)))


def progress_so_far(stage: str, assessed: int, criteria: int) -> str:
    """ "mới thẩm định 2/19" where a stage (or all together) has judged some criteria only, else ""."""
    return f"{SO_FAR.get(stage, 'mới đánh giá')} {assessed}/{criteria}" if is_partial(assessed, criteria) else ""


_Figures = tuple[tuple[str, ...], int | None, int | None, Decimal | None]


def _standing(standing: Sequence[Any] | None, numbers: dict[int, int], *, limited: bool) -> _Figures:
    """A stored standing as states in the matrix's order and figures; all empty where nothing is assessed."""
    if standing is None:
        return (), None, None, None
    met, nearly, progress, criteria = standing
    kept = [(state, attained) for number, state, attained in criteria if number in numbers]
    states = tuple([state for state, _ in kept])
    if states.count("not_assessed") == len(states):
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
    every = list(rows)
    return area_figures(
        (
            (row.met, row.nearly, row.progress, criteria)
            if row.counts and row.met is not None and row.nearly is not None and row.progress is not None
            else None
            for row in every
        ),
        partial=sum(row.is_partial for row in every),
    )


def totals_of(rows: Sequence[Row], criteria: Sequence[MatrixCriterion]) -> tuple[CriterionTotal, ...]:
    """For each criterion how many communes meet it, over those that count."""
    known = [row.states for row in rows if row.counts]
    columns = list(zip(*known, strict=True)) if known else [()] * len(criteria)
    return tuple(
        CriterionTotal(
            criterion,
            sum(map(column.count, STATES_THAT_COUNT_AS_MET)),
            column.count("nearly_met"),
            column.count("not_met"),
            column.count("incomplete"),
            len(known),
        )
        for criterion, column in zip(criteria, columns, strict=True)
    )


def per_cent(part: int, whole: int) -> Decimal | None:
    """`part` of `whole` in per cent, one decimal as areas are reported; None of nothing."""
    return round_half_up(Decimal(part) * 100 / whole, 1) if whole else None
