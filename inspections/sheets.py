"""One criterion of a visit put together for Chấm tại chỗ, and a concluded visit as a record.

Everything is fetched in a fixed number of queries, whatever the number of indicators;
templates only lay it out.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import PurePath
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from communes.access import visible_criteria
from criteria import attainment as rules
from criteria.models import Assessment, Criterion, Evidence, EvidenceLink, Indicator, Revision, Source
from criteria.numbers import format_number
from criteria.rollup import Item, State, criterion_state
from criteria.sheets import suggestion
from criteria.state import state_on
from criteria.targets import Resolved
from criteria.verdicts import Stage, Verdict
from inspections.models import Finding, Score, Visit
from inspections.progress import asked_indicators
from inspections.scoring import blank
from ntm.clock import today

TEAM_VERDICTS = (Verdict.FIRMLY_MET.value, Verdict.MET.value, Verdict.NEARLY_MET.value, Verdict.NOT_MET.value)
STAGES_BEFORE = {Stage.DISTRICT.value: (Stage.DISTRICT,), Stage.PROVINCE.value: (Stage.DISTRICT, Stage.PROVINCE)}


@dataclass
class Row:
    """One indicator as the team sees it: requirement, claim and proof above, its own entry below.

    `typed` holds the texts of the inputs, also refused ones; `errors` messages by field;
    `theirs` the row as somebody else saved it meanwhile. `saved_at` and `remark_saved_at`
    are set on the answer to a save.
    """

    indicator: Indicator
    target: Resolved
    claim: Assessment | dict | None
    earlier: list[tuple[str, Any]]
    evidence: list[dict[str, Any]]
    score: Score
    threshold: Decimal
    may_score: bool
    findings: int = 0
    typed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    theirs: Score | None = None
    their_remark: Score | None = None
    misses_target: bool = False
    just_saved: bool = False
    remark_just_saved: bool = False

    def __post_init__(self) -> None:
        self.typed = typed_from(self.score) | self.typed

    @property
    def verdict_codes(self) -> list[str]:
        """The verdicts a team may choose from."""
        extra = [Verdict.NOT_APPLICABLE.value] if self.indicator.may_be_not_applicable else []
        return [*TEAM_VERDICTS, *extra]

    @property
    def takes_value(self) -> bool:
        return self.indicator.is_numeric

    @property
    def takes_fraction(self) -> bool:
        return self.indicator.kind == Indicator.Kind.PERCENT

    @property
    def takes_attainment(self) -> bool:
        """Whether the team estimates the attainment, since no numeric target gives it."""
        return self.target.operator not in rules.NUMERIC_OPERATORS

    @property
    def has_claim(self) -> bool:
        return self.claim is not None

    @property
    def may_agree(self) -> bool:
        return self.may_score and self.has_claim and not (self.score.agrees and self.score.verdict)

    @property
    def suggestion(self) -> str:
        """What the saved figures speak for, in words; empty where they are silent."""
        score = self.score
        return suggestion(self.indicator, self.target, self.threshold, score.value, score.part, score.whole)

    @property
    def is_scored(self) -> bool:
        return self.score.verdict != ""


@dataclass
class Sheet:
    """A criterion of a visit with its rows; `state` follows from the team's own scores."""

    criterion: Criterion
    rows: list[Row]

    @property
    def scored(self) -> int:
        return sum(row.is_scored for row in self.rows)

    @property
    def state(self) -> State:
        return criterion_state(
            [
                Item(
                    row.indicator.pk,
                    self.criterion.number,
                    row.score.verdict,
                    row.score.attainment,
                    row.indicator.part_of_id,
                    counted=not row.indicator.stands_for_criterion,
                )
                for row in self.rows
            ]
        )


def typed_from(score: Score) -> dict[str, str]:
    """A row's saved state as the texts of its inputs."""
    return {
        "value": format_number(score.value) if score.part is None else "",
        "part": format_number(score.part),
        "whole": format_number(score.whole),
        "entered_attainment": format_number(score.entered_attainment),
        "verdict": score.verdict,
        "note": score.note,
    }


def evidence_file(evidence: Evidence, known_at: datetime | None = None) -> dict[str, Any]:
    """A document as `components/file_row.html` shows it: now, or as it stood at `known_at`."""
    day = timezone.localdate(known_at) if known_at else today()
    kinds: dict[str, str] = {Evidence.Form.PAPER: "GIẤY", Evidence.Form.CLASSIFIED: "MẬT"}
    suffix = PurePath(evidence.original_name).suffix.removeprefix(".").upper()
    details = [evidence.document_number]
    if evidence.issued_on:
        details.append(f"ngày {evidence.issued_on:%d/%m/%Y}")
    if evidence.form == Evidence.Form.PAPER and evidence.kept_at:
        details.append(f"Lưu tại: {evidence.kept_at}")
    if evidence.form == Evidence.Form.CLASSIFIED:
        details.append(evidence.get_form_display())
    tags = []
    if evidence.is_expired(day):
        tags.append((f"Hết hiệu lực từ {evidence.expires_on:%d/%m/%Y}", "tag-danger"))
    if evidence.has_personal_data:
        tags.append(("Có dữ liệu cá nhân", "tag-warning"))
    return {
        "title": evidence.title,
        "url": reverse("criteria:evidence_detail", args=[evidence.pk]),
        "kind": kinds.get(evidence.form, suffix[:4] or "TỆP"),
        "thumbnail_url": reverse("criteria:evidence_preview", args=[evidence.pk]) if evidence.is_image else "",
        "details": [detail for detail in details if detail],
        "tags": tags,
        "is_retired": evidence.retired_at is not None and (known_at is None or evidence.retired_at <= known_at),
    }


def score_sheet(
    visit: Visit, criterion: Criterion, user: Any, *, may_score: bool, only: Indicator | None = None
) -> Sheet:
    """The criterion's rows as this person may see them; `only`: just the row that was saved.

    Claims are the published ones: the current ones while the visit is open, those of its
    day as known at its conclusion afterwards; so are the documents. Nine queries at most.
    """
    indicators, resolved = asked_indicators(visit.unit, visit.criteria_set, visit.day, [criterion])
    if only is not None:
        indicators = [indicator for indicator in indicators if indicator.pk == only.pk]
    ids = [indicator.pk for indicator in indicators]
    opinions = _published(visit, ids)
    scores = {
        score.indicator_id: score
        for score in Score.objects.visible_to(user)
        .filter(visit=visit, indicator__in=ids)
        .select_related("scorer", "note_by")
    }
    links: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for link in (
        EvidenceLink.objects.visible_to(user)
        .filter(links_shown(visit), unit=visit.unit, indicator__in=ids)
        .select_related("evidence__unit")
        .order_by("created_at", "pk")
    ):
        file = evidence_file(link.evidence, visit.concluded_at)
        if link.evidence.unit_id != visit.unit_id:
            file["details"].insert(0, f"Của {link.evidence.unit.in_sentence}")
        links[link.indicator_id].append(file)
    findings: dict[int | None, int] = defaultdict(int)
    for indicator_id in (
        Finding.objects.visible_to(user).filter(visit=visit, criterion=criterion).values_list("indicator_id", flat=True)
    ):
        findings[indicator_id] += 1
    rows = []
    for indicator in indicators:
        published = opinions.get(indicator.pk, {})
        rows.append(
            Row(
                indicator=indicator,
                target=resolved[indicator.pk],
                claim=published.get(Stage.SELF.value),
                earlier=[
                    (stage.label, published[stage.value])
                    for stage in STAGES_BEFORE[visit.stage]
                    if published.get(stage.value)
                ],
                evidence=links[indicator.pk],
                score=scores.get(indicator.pk) or blank(visit, indicator),
                threshold=visit.criteria_set.nearly_met_threshold,
                may_score=may_score,
                findings=findings[indicator.pk],
            )
        )
    return Sheet(criterion, rows)


def links_shown(visit: Visit) -> Q:
    """The documents in use; of a concluded visit those that were published and in use at the conclusion."""
    if not visit.is_concluded:
        return Q(removed_at__isnull=True, evidence__retired_at__isnull=True)
    at = visit.concluded_at
    return (
        Q(published_at__lte=at)
        & (Q(removed_at__isnull=True) | Q(removed_at__gt=at))
        & (Q(evidence__retired_at__isnull=True) | Q(evidence__retired_at__gt=at))
    )


def _published(visit: Visit, ids: list[int]) -> dict[int, dict[str, Any]]:
    """Published opinions by indicator id and stage. Without a verdict there is no opinion.

    Whoever may see a visit's scores sees its unit's published results of these criteria.
    """
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    rows: Any
    if visit.is_concluded:
        rows = Revision.objects.filter(unit=visit.unit, indicator__in=ids)
        rows = rows.exclude(source=Source.VISIT, source_ref=visit.code).state_on(visit.day, visit.concluded_at)
    else:
        rows = Assessment.objects.filter(unit=visit.unit, indicator__in=ids)
    for row in rows:
        if row.verdict:
            found[row.indicator_id][row.stage] = row
    return found


# --- a concluded visit -----------------------------------------------------------------


@dataclass(frozen=True)
class RecordRow:
    """One indicator of the record: what was demanded, claimed and found."""

    indicator: Indicator
    requirement: str
    claim: dict[str, Any] | None
    score: Score | None

    @property
    def is_as_claimed(self) -> bool:
        """Whether the team said nothing the commune hadn't: a phone folds such rows."""
        score, claim = self.score, self.claim
        if score is None or claim is None:
            return score is None and claim is None
        return not score.note and (score.verdict, score.value) == (claim["verdict"], claim["value"])


@dataclass(frozen=True)
class RecordCriterion:
    criterion: Criterion
    state: State
    rows: list[RecordRow]

    @property
    def as_claimed(self) -> int:
        return sum(row.is_as_claimed for row in self.rows)


def visit_record(visit: Visit, criteria: list[Criterion], user: Any) -> list[RecordCriterion]:
    """A visit criterion by criterion, as this person may see it; None: as the minutes have it, whole.

    The requirement is the one published with the score, so that a target changed later
    doesn't change the record. A fixed number of queries.
    """
    allowed = visible_criteria(user) if user is not None else None
    shown = [criterion for criterion in criteria if allowed is None or criterion.pk in allowed]
    indicators, resolved = asked_indicators(visit.unit, visit.criteria_set, visit.day, shown)
    claims = state_on([visit.unit_id], visit.criteria_set, [Stage.SELF.value], visit.day, known_at=visit.concluded_at)
    seen = Score.objects.visible_to(user) if user is not None else Score.objects.all()
    scores = {score.indicator_id: score for score in seen.filter(visit=visit).select_related("scorer") if score.verdict}
    printed = dict(
        Revision.objects.filter(source=Source.VISIT, source_ref=visit.code, unit=visit.unit).values_list(
            "indicator_id", "target_text"
        )
    )
    rows: dict[int, list[RecordRow]] = defaultdict(list)
    items: dict[int, list[Item]] = defaultdict(list)
    for indicator in indicators:
        score = scores.get(indicator.pk)
        claim = claims.get((Stage.SELF.value, visit.unit_id, indicator.pk))
        rows[indicator.criterion_id].append(
            RecordRow(
                indicator=indicator,
                requirement=printed.get(indicator.pk, resolved[indicator.pk].text),
                claim=claim if claim and claim["verdict"] else None,
                score=score,
            )
        )
        items[indicator.criterion_id].append(
            Item(
                indicator.pk,
                indicator.criterion.number,
                score.verdict if score else "",
                score.attainment if score else None,
                indicator.part_of_id,
                counted=not indicator.stands_for_criterion,
            )
        )
    return [RecordCriterion(criterion, criterion_state(items[criterion.pk]), rows[criterion.pk]) for criterion in shown]
