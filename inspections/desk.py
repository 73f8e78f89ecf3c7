"""Thẩm tra hồ sơ at a department's desk: one criterion over many communes (decision 0008).

A commune waits for a criterion while it has published a self-assessment of it after the
province's last opinion, or the province has none. A review is a visit of kind `desk`,
planned, scored and concluded in one transaction through the functions every visit uses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.utils import timezone

from communes import access
from communes.models import Unit
from criteria import targets
from criteria.attainment import NUMERIC_OPERATORS
from criteria.checks import MISSES_TARGET, Refused, latest_day
from criteria.models import Assessment, CriteriaSet, Criterion, EvidenceLink, Indicator
from criteria.numbers import format_number
from criteria.publish import lock_standing
from criteria.targets import Resolved
from criteria.verdicts import Stage
from criteria.wordings import worded
from inspections import scoring
from inspections.conclude import ScoresRefused, conclude
from inspections.models import Score, Visit
from inspections.planning import SECOND_CLICK, Invalid, Twice, plan_visit
from inspections.progress import visit_progress
from inspections.summary import summary_sentence
from ntm.clock import today

STAGES = (Stage.SELF.value, Stage.PROVINCE.value)
COMMENT_LENGTH = 2000


class ReviewRefused(Exception):
    """A review that can't stand; nothing was recorded. `errors`: messages by indicator id, 0 for the whole;
    `misses_target`: those of them that stand against a confirmed target."""

    def __init__(self, errors: dict[int, str], misses_target: Collection[int] = ()) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors
        self.misses_target = set(misses_target)


class ChangedMeanwhile(Exception):
    """The commune sent anew, or somebody else gave an opinion, since the reviewer looked."""


class Recorded(Exception):
    """The same review was sent twice; `visit` is the one the first recorded."""

    def __init__(self, visit: Visit) -> None:
        super().__init__(f"Ý kiến này đã được ghi, mã {visit.code}; không ghi thêm lần nữa.")
        self.visit = visit


# --- what waits ------------------------------------------------------------------------


def communes(area: Unit) -> QuerySet[Unit]:
    """The rural communes of an area today, district by district in Vietnamese order."""
    found = Unit.objects.within(area).rural_communes().existing(today())
    return found.order_by("district__sort_key", "district_id", "sort_key", "pk")


def waiting(criteria: Iterable[Criterion], order: Sequence[int]) -> dict[int, list[int]]:
    """Ids of those of the communes that wait, by criterion id; criteria for which none does are left out.

    `order` are the ids of the communes, as `communes` has them; named one by one, PostgreSQL reads
    their assessments only, where of a province's it would read the whole nation's. A self-assessment
    is new where it was published after the province's opinion on the same indicator: revisions are
    append-only, so the greater number is the later publication, whatever day it holds from, and a
    corrected figure waits too. Parts are reviewed along, but make nobody wait: where they aren't
    asked, they would for ever. One query.
    """
    answered = Assessment.objects.filter(
        unit=OuterRef("assessments__unit"),
        indicator=OuterRef("assessments__indicator"),
        stage=Stage.PROVINCE,
        revision__gt=OuterRef("assessments__revision"),
        verdict__gt="",
    )
    claimed = Indicator.objects.in_force(today()).filter(
        ~Exists(answered),
        criterion__in=[criterion.pk for criterion in criteria],
        part_of__isnull=True,
        assessments__stage=Stage.SELF,
        assessments__verdict__gt="",
        assessments__unit__pk__in=order,
    )
    waits: dict[int, set[int]] = defaultdict(set)
    for unit, criterion in claimed.order_by().values_list("assessments__unit", "criterion").distinct():
        waits[criterion].add(unit)
    listed = {number: [pk for pk in order if pk in units] for number, units in waits.items()}
    return {number: units for number, units in listed.items() if units}


def next_waiting(area: Unit, criterion: Criterion, after: Unit) -> int | None:
    """The id of the commune that waits next after this one, from the beginning again at the end; None: nobody."""
    order = list(communes(area).values_list("pk", flat=True))
    waits = set(waiting([criterion], order).get(criterion.pk, ()))
    place = order.index(after.pk) if after.pk in order else -1
    return next((pk for pk in [*order[place + 1 :], *order[: max(place, 0)]] if pk in waits), None)


# --- rows ------------------------------------------------------------------------------


@dataclass
class Line:
    """One indicator of a row: what is demanded, claimed, and was said by the province."""

    indicator: Indicator
    target: Resolved
    claim: dict[str, Any] | None = None
    province: dict[str, Any] | None = None

    @property
    def claimed_value(self) -> str:
        """The claim's figure as the input shows it."""
        return format_number(self.claim["value"]) if self.claim else ""

    @property
    def takes_attainment(self) -> bool:
        """Whether the reviewer estimates the attainment, as a team does: no numeric target gives it."""
        return self.target.operator not in NUMERIC_OPERATORS


@dataclass
class DeskRow:
    """A commune under one criterion. `typed` holds the inputs of a refused save, `errors` its messages by
    indicator id (0: the whole row), `misses_target` those for which the target may be reported as wrong;
    `visit` is the review just recorded."""

    unit: Unit
    criterion: Criterion
    lines: list[Line]
    documents: int
    may_review: bool
    typed: Mapping[str, str] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    misses_target: Collection[int] = ()
    visit: Visit | None = None

    @property
    def claims(self) -> list[Line]:
        return [line for line in self.lines if line.claim]

    @property
    def seen(self) -> str:
        """What the row shows, as a text that differs once commune or province published anew."""
        return _fingerprint(self.lines)


def _fingerprint(lines: Iterable[Line]) -> str:
    def told(opinions: Iterable[dict[str, Any] | None]) -> str:
        return ".".join(str(said["revision_id"]) if said else "" for said in opinions)

    every = list(lines)
    return f"{told(line.claim for line in every)}/{told(line.province for line in every)}"


def desk_rows(units: Sequence[Unit], criterion: Criterion, criteria_set: CriteriaSet, user: Any) -> list[DeskRow]:
    """The rows of these communes of one province, in a fixed number of queries (six at most)."""
    if not units:
        return []
    criterion.criteria_set = criteria_set
    day = min(latest_day(unit, criteria_set) for unit in units)
    rows = Indicator.objects.filter(criterion=criterion).in_force(day).order_by("position", "pk")
    indicators = worded(rows, criteria_set, day)
    for indicator in indicators:
        indicator.criterion = criterion
    demanded = targets.resolve_area(units, criteria_set, day, indicators)
    ids = [indicator.pk for indicator in indicators]
    said = {}
    columns = ("revision_id", "verdict", "value", "part", "whole", "attainment", "note", "effective_on")
    for row in Assessment.objects.filter(unit__in=units, indicator__in=ids, stage__in=STAGES).values(
        "unit_id", "indicator_id", "stage", *columns
    ):
        if row["verdict"]:
            said[(row["stage"], row["unit_id"], row["indicator_id"])] = row
    documents = _documents(units, ids, user)
    return [
        DeskRow(
            unit,
            criterion,
            [
                Line(
                    indicator,
                    demanded[unit.pk][indicator.pk],
                    *(said.get((stage, unit.pk, indicator.pk)) for stage in STAGES),
                )
                for indicator in indicators
                # A part exists only to carry a second threshold: where none is set, it isn't asked.
                if indicator.part_of_id is None or demanded[unit.pk][indicator.pk].operator
            ],
            documents[unit.pk],
            bool(access.can(user, "criterion.review", (unit, criterion.pk))),
        )
        for unit in units
    ]


def _documents(units: Sequence[Unit], indicator_ids: list[int], user: Any) -> dict[int, int]:
    """How many documents the person may open as proof of these indicators, by unit id."""
    rows = (
        EvidenceLink.objects.visible_to(user)
        .filter(unit__in=units, indicator__in=indicator_ids, removed_at__isnull=True, evidence__retired_at__isnull=True)
        .order_by()
        .values_list("unit")
        .annotate(documents=Count("evidence", distinct=True))
    )
    return defaultdict(int, rows)


# --- recording -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a reviewer says of one indicator: Nhất trí với xã on the claim they saw, or judge()'s arguments."""

    agrees_to: int | None = None
    opinion: dict[str, Any] = field(default_factory=dict)


@transaction.atomic
def review(
    unit: Unit, criterion: Criterion, judgements: Mapping[int, Judgement], *, comment: str, seen: str, by: Any
) -> Visit:
    """Record a department's desk review of one criterion of a commune: scored, concluded, published, or nothing.

    `judgements` by indicator id; indicators left out keep the earlier opinion, and then the comment
    says why. The comment becomes the remark of what isn't agreed to (of the first indicator,
    where all is), and part of the conclusion. Raises PermissionDenied, ChangedMeanwhile, Recorded
    for a second click, ReviewRefused.
    """
    access.require(by, "criterion.review", (unit, criterion.pk))
    # Two reviews of one commune follow one another, and so do two clicks.
    lock_standing(unit, criterion.criteria_set, Stage.PROVINCE)
    row = desk_rows([unit], criterion, criterion.criteria_set, by)[0]
    if row.seen != seen:
        if first := _recorded_now(unit, criterion, by):
            raise Recorded(first)
        raise ChangedMeanwhile("Xã vừa gửi kết quả mới, hoặc vừa có ý kiến khác của tỉnh. Xem lại rồi lưu.")
    _check_scope(row, judgements, comment)
    day = latest_day(unit, criterion.criteria_set)
    try:
        visit = plan_visit(
            unit=unit,
            criteria_set=criterion.criteria_set,
            stage=Stage.PROVINCE,
            kind=Visit.Kind.DESK,
            planned_on=day,
            by=by,
            criteria=[criterion],
        )
        _score(visit, row, judgements, comment, by)
        sentence = summary_sentence(visit_progress(visit).states, criterion.criteria_set.criteria.count())
        return conclude(
            visit,
            held_on=day,
            commune_opinion="",
            summary="\n".join(filter(None, [sentence, comment])),
            unscored_reason="" if len(judgements) == len(row.lines) else "Nêu trong kết luận.",
            by=by,
        )
    except Invalid as invalid:
        raise ReviewRefused({0: str(invalid)}) from None
    except Twice as twice:
        raise ReviewRefused({0: str(twice)}) from None
    except ScoresRefused as refused:
        raise ReviewRefused({indicator.pk: text for indicator, text in refused.errors.items()}) from None


def _recorded_now(unit: Unit, criterion: Criterion, by: Any) -> Visit | None:
    """The person's own review of this commune and criterion a moment ago."""
    return Visit.objects.filter(
        unit=unit,
        criteria=criterion,
        kind=Visit.Kind.DESK,
        stage=Stage.PROVINCE,
        concluded_by=by,
        concluded_at__gte=timezone.now() - SECOND_CLICK,
    ).first()


def _check_scope(row: DeskRow, judgements: Mapping[int, Judgement], comment: str) -> None:
    if not judgements:
        raise ReviewRefused({0: "Chọn đánh giá cho ít nhất một chỉ tiêu, hoặc bấm “Nhất trí với xã”."})
    left = [line.indicator.code for line in row.lines if line.indicator.pk not in judgements]
    if left and not comment:
        named = ", ".join(left)
        raise ReviewRefused({0: f"Chỉ tiêu {named} chưa có đánh giá: chọn mức đánh giá, hoặc nêu lý do ở ô Ý kiến."})


def _score(visit: Visit, row: DeskRow, judgements: Mapping[int, Judgement], comment: str, by: Any) -> None:
    """Save the judgements as the visit's scores. Raises ReviewRefused with what can't stand, all of it at once."""
    errors: dict[int, str] = {}
    misses: set[int] = set()
    scores: list[tuple[Score, bool]] = []
    for line in row.lines:
        said = judgements.get(line.indicator.pk)
        if said is None:
            continue
        try:
            if said.agrees_to is not None:
                saved = scoring.agree(visit, line.indicator, seen_version=0, seen_claim=said.agrees_to, by=by)
            else:
                opinion = {**said.opinion, "note": comment}
                saved = scoring.save_score(visit, line.indicator, opinion, seen_version=0, seen_note_version=0, by=by)
        except Refused as refused:
            errors[line.indicator.pk] = str(refused)
            if refused.code == MISSES_TARGET:
                misses.add(line.indicator.pk)
        else:
            scores.append((saved.score, saved.remark_too))
    if errors:
        raise ReviewRefused(errors, misses)
    own = [(score, remarked) for score, remarked in scores if not score.agrees] or scores[:1]
    for score, remarked in own:
        if comment and not remarked:
            scoring.save_remark(visit, score.indicator, comment, seen_version=score.note_version, by=by)
