"""From verdicts on indicators to the state of each criterion, of a unit and of an area.

Pure rules on plain data (design, section 5), and the only place that adds them up: screens,
workbooks, documents and stored standings all take their figures from here. Attainments and
progress are per cent, 0 to 100, two decimals, half up. A criterion's attainment is rounded
before it enters the unit's progress, so that printed figures can be recomputed by hand.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple, Protocol, TypeVar

from criteria.numbers import round_half_up

# The weakest first. A state further down the list never outweighs one before it.
STRENGTH = ("not_met", "nearly_met", "met", "firmly_met")

STATES = ("firmly_met", "met", "nearly_met", "not_met", "incomplete", "not_assessed", "not_applicable")
STATES_THAT_COUNT_AS_MET = ("firmly_met", "met", "not_applicable")

STAGES = ("self", "district", "province")  # the higher, the later

ZERO = Decimal("0.00")
FULL = Decimal("100.00")


class Item(NamedTuple):
    """One indicator as one stage judges it.

    `criterion` is the criterion's number. `attainment` may be None, which weighs as 0.
    `part_of` names the indicator whose second threshold this is: a part must hold too, but
    isn't counted and isn't in the mean. `counted` is False for an indicator that stands for a
    whole criterion: it decides the state and the attainment but isn't one of the set's
    indicators. `applies` is False for what isn't asked of this unit at all (a part for which
    no target is in force): it is left out of everything. It isn't the verdict
    "not_applicable", which is an opinion. `is_whole`: an old table judged the criterion as one,
    without its indicators (decision 0010). `since` says when the opinion holds from, the rank of
    its stage first where stages are combined; only such a judgement asks for it.
    """

    indicator_id: int
    criterion: int
    verdict: str
    attainment: Decimal | None
    part_of: int | None = None
    counted: bool = True
    applies: bool = True
    is_whole: bool = False
    since: tuple[int, date] | tuple[()] = ()

    @property
    def is_part(self) -> bool:
        return self.part_of is not None


@dataclass(frozen=True, slots=True)
class State:
    """Where one criterion stands: one of STATES, and its attainment in per cent."""

    state: str
    attainment: Decimal


@dataclass(frozen=True, slots=True)
class Rollup:
    """Where one unit stands against one set, by one stage's opinion.

    `states` is by criterion number, in the order asked for. `counts` has every state, also at
    0, and sums to the number of criteria. `criteria_met` is firmly met, met and not applicable
    together; `criteria_nearly` is apart from it. `progress` is the mean of the criteria's
    attainments, each weighing the same.
    """

    states: dict[int, State]
    counts: dict[str, int]
    criteria_met: int
    criteria_nearly: int
    indicators_met: int
    indicators_total: int
    indicators_assessed: int
    progress: Decimal

    @property
    def meets_whole_set(self) -> bool:
        return 0 < len(self.states) == self.criteria_met


@dataclass(frozen=True, slots=True)
class AreaFigures:
    """The headline figures of an area at one stage, over the communes that have an opinion there.

    `with_opinion` of `communes` is the "n/N xã" that stands beside every one of them; `partial`
    more communes are judged in some criteria only and count in none (decision 0006). Where no
    commune has an opinion on the whole set the figures are None: no opinion is not 0. `whole_set` is the number
    of communes meeting every criterion, `criteria_met` and `criteria_nearly` are totals over
    communes, `average_met` is criteria met per commune, `progress` the mean of the communes'
    progress.
    """

    with_opinion: int
    communes: int
    whole_set: int | None
    criteria_met: int | None
    criteria_nearly: int | None
    average_met: Decimal | None
    progress: Decimal | None
    partial: int = 0


class HasVerdict(Protocol):
    @property
    def verdict(self) -> str: ...


Opinion = TypeVar("Opinion", bound=HasVerdict)


def criterion_state(items: Iterable[Item]) -> State:
    """The state of the criterion that all of `items` belong to.

    What an old table said of it as a whole decides while no indicator has been judged since.
    Else the weakest of its applicable indicators and parts does. Where something isn't assessed
    the state is "incomplete", unless something is already not met. The attainment is the mean
    over the applicable indicators, what isn't assessed weighing 0; parts are in it only where
    every indicator they belong to is not applicable. No items: "not_assessed" with 0.
    """
    asked = _deciding([item for item in items if item.applies])
    verdicts = {item.verdict for item in asked}
    if verdicts <= {""}:
        return State("not_assessed", ZERO)
    if verdicts == {"not_applicable"}:
        return State("not_applicable", FULL)
    applicable = [item for item in asked if item.verdict != "not_applicable"]
    whole = [item for item in applicable if not item.is_part] or applicable
    attained = _mean([(item.attainment or ZERO) if item.verdict else ZERO for item in whole])
    if "not_met" in verdicts:
        return State("not_met", attained)
    if "" in verdicts:
        return State("incomplete", attained)
    weakest = min((item.verdict for item in applicable), key=STRENGTH.index)
    return State(weakest, attained)


def rank(state: str) -> int | None:
    """How high a criterion's state is when stages or days are compared: 0 not met, 1 nearly met, 2 met, whether
    firmly or as not applicable. None where it isn't judged in full: nothing can be said of it then."""
    if state in STATES_THAT_COUNT_AS_MET:
        return 2
    return {"not_met": 0, "nearly_met": 1}.get(state)


def whole_decides(items: Iterable[Item]) -> bool:
    """Whether the criterion these items belong to stands as an old table judged it as a whole."""
    return any(item.is_whole for item in _deciding([item for item in items if item.applies]))


def _deciding(items: list[Item]) -> list[Item]:
    """A judgement of the criterion as a whole where it is later than every one on its indicators,
    else the indicators: who judged these, then or since, looked closer."""
    whole = [item for item in items if item.is_whole]
    if not whole:
        return items
    indicators = [item for item in items if not item.is_whole]
    told = [item for item in whole if item.verdict]
    if not told:
        return indicators
    newest = max(told, key=lambda item: item.since)
    return [newest] if all(item.since < newest.since for item in indicators if item.verdict) else indicators


def roll_up(items: Iterable[Item], criteria: Sequence[int]) -> Rollup:
    """Where a unit stands against the set whose criteria have these numbers.

    Of the indicators, `indicators_total` leaves out parts, those standing for a criterion and
    those that aren't asked. One is met when it and all its parts are met, firmly met or not
    applicable; it is assessed when it has a verdict itself. Raises ValueError for an item of a
    criterion that isn't in the set.
    """
    by_criterion: dict[int, list[Item]] = {number: [] for number in criteria}
    asked = [item for item in items if item.applies]
    for item in asked:
        if item.criterion not in by_criterion:
            raise ValueError(f"Tiêu chí {item.criterion} không thuộc bộ tiêu chí này.")
        by_criterion[item.criterion].append(item)

    states = {number: criterion_state(own) for number, own in by_criterion.items()}
    counts = dict.fromkeys(STATES, 0)
    for state in states.values():
        counts[state.state] += 1

    held_back = {item.part_of for item in asked if item.is_part and item.verdict not in STATES_THAT_COUNT_AS_MET}
    counted = [item for item in asked if item.counted and not item.is_part]
    return Rollup(
        states=states,
        counts=counts,
        criteria_met=sum(counts[state] for state in STATES_THAT_COUNT_AS_MET),
        criteria_nearly=counts["nearly_met"],
        indicators_met=sum(
            item.verdict in STATES_THAT_COUNT_AS_MET and item.indicator_id not in held_back for item in counted
        ),
        indicators_total=len(counted),
        indicators_assessed=sum(item.verdict != "" for item in counted),
        progress=_mean([state.attainment for state in states.values()]),
    )


def combined(opinions_by_stage: Mapping[str, Mapping[int, Opinion]]) -> dict[int, tuple[str, Opinion]]:
    """The combined result: for each indicator the highest stage that has an opinion, and that opinion.

    Takes stage → indicator id → opinion (anything with a `verdict`). A blank verdict is no
    opinion, so a lower stage's shows through it. Raises KeyError for a stage it doesn't know.
    """
    result: dict[int, tuple[str, Opinion]] = {}
    for stage in sorted(opinions_by_stage, key=_RANK.__getitem__):
        for indicator_id, opinion in opinions_by_stage[stage].items():
            if opinion.verdict:
                result[indicator_id] = (stage, opinion)
    return result


def is_partial(assessed: int, criteria: int) -> bool:
    """Whether an opinion covers only some of a set's criteria: such a commune counts in no area figure.

    `assessed` is the number of criteria in which anything is judged. The one definition of
    "mới đánh giá một phần" (decision 0006).
    """
    return 0 < assessed < criteria


def area_figures(standings: Iterable[tuple[int, int, Decimal, int] | None], partial: int = 0) -> AreaFigures:
    """The headline figures over the communes of an area.

    One element a commune: (criteria met, criteria nearly met, progress, criteria in the set),
    or None where this stage has no opinion on the whole set. `partial` of these None are judged
    in some criteria (`is_partial`). Pass every rural commune existing that day: they are the N
    of "n/N xã".
    """
    all_of_them = list(standings)
    known = [standing for standing in all_of_them if standing is not None]
    return area_figures_of_sums(
        with_opinion=len(known),
        communes=len(all_of_them),
        whole_set=sum(0 < total == met for met, _, _, total in known),
        criteria_met=sum(met for met, _, _, _ in known),
        criteria_nearly=sum(nearly for _, nearly, _, _ in known),
        progress=sum((progress for _, _, progress, _ in known), Decimal(0)),
        partial=partial,
    )


def area_figures_of_sums(
    *,
    with_opinion: int,
    communes: int,
    whole_set: int,
    criteria_met: int,
    criteria_nearly: int,
    progress: Decimal,
    partial: int,
) -> AreaFigures:
    """The same from sums over the communes that count, where a database has added them up."""
    if not with_opinion:
        return AreaFigures(0, communes, None, None, None, None, None, partial)
    return AreaFigures(
        with_opinion=with_opinion,
        communes=communes,
        whole_set=whole_set,
        criteria_met=criteria_met,
        criteria_nearly=criteria_nearly,
        average_met=round_half_up(Decimal(criteria_met) / with_opinion, 2),
        progress=round_half_up(progress / with_opinion, 2),
        partial=partial,
    )


OUTSIDE_BUCKETS = "Ngoài các nhóm"


def bucket_counts(buckets: Sequence[Mapping], mets: Iterable[int | None]) -> list[tuple[str, int]]:
    """How many communes fall into each bucket of criteria met, as (label, communes), in order.

    A bucket is {"label", "min", "max"}, both ends within it, either None for open. The first
    that fits takes the commune; None (no opinion) is counted nowhere. Communes that no bucket
    takes are never dropped: they come last, under OUTSIDE_BUCKETS, which is there only then.
    """
    counts = [0] * len(buckets)
    outside = 0
    for met in mets:
        if met is None:
            continue
        for place, bucket in enumerate(buckets):
            low, high = bucket.get("min"), bucket.get("max")
            if (low is None or met >= low) and (high is None or met <= high):
                counts[place] += 1
                break
        else:
            outside += 1
    result = [(bucket["label"], count) for bucket, count in zip(buckets, counts, strict=True)]
    return [*result, (OUTSIDE_BUCKETS, outside)] if outside else result


_RANK = {stage: rank for rank, stage in enumerate(STAGES)}


def _mean(figures: Sequence[Decimal]) -> Decimal:
    return round_half_up(sum(figures, Decimal(0)) / len(figures), 2) if figures else ZERO
