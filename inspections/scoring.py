"""Chấm tại chỗ: a team's scores, saved row by row so that nobody's work is lost.

The opinion and the remark of a row are saved apart, each with its own version. Saving
holds the visit's row, so that no score slips in after the conclusion, and two members of
one team are told of each other instead of overwriting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from communes import access
from criteria import targets
from criteria.checks import Judged, Refused, judge
from criteria.models import Assessment, Indicator
from criteria.targets import Resolved
from criteria.verdicts import Stage, Verdict
from inspections.models import Score, Visit
from inspections.planning import lock

OPINION_FIELDS = ("verdict", "value", "part", "whole", "entered_attainment", "attainment")


class Stale(Exception):
    """Somebody saved the opinion or the remark since it was read. `score` is the row as it is now."""

    def __init__(self, score: Score) -> None:
        super().__init__("stale")
        self.score = score


@dataclass(frozen=True, slots=True)
class Saved:
    """A row after saving; `remark_too` when the remark was saved along with the opinion."""

    score: Score
    remark_too: bool = False


def blank(visit: Visit, indicator: Indicator) -> Score:
    """The row nobody has written yet: version 0 of both its halves, not stored."""
    return Score(visit=visit, indicator=indicator, version=0, note_version=0)


def _read(visit: Visit, indicator: Indicator, by: Any) -> tuple[Visit, Score, Resolved]:
    """The visit held, its row as it is now, and the target in force on the visit's day.

    What a member may score is asked again of the visit as it is now: an assignment may have
    been taken back, or the visit concluded, since the page was opened.
    """
    visit = lock(visit)
    access.require(by, "visit.score", (visit, indicator.criterion))
    score = Score.objects.filter(visit=visit, indicator=indicator).select_related("scorer", "note_by").first() or blank(
        visit, indicator
    )
    return visit, score, targets.resolve_one(visit.unit, indicator, visit.day)


@transaction.atomic
def save_score(
    visit: Visit,
    indicator: Indicator,
    opinion: dict[str, Any],
    *,
    seen_version: int,
    by: Any,
    seen_note_version: int | None = None,
) -> Saved:
    """Save what a member typed, if nobody changed the opinion since `seen_version` (0: no row yet).

    `opinion` holds judge()'s keyword arguments. Its `note` is stored only as the reason of
    "không áp dụng" where the row has none yet; remarks are otherwise saved by
    `save_remark`. Saving what already stands changes nothing. Raises Refused with messages
    by field, Stale with the row as it stands, Closed, PermissionDenied.
    """
    visit, score, target = _read(visit, indicator, by)
    typed_note = opinion.get("note", "")
    judged = judge(indicator, target, **{**opinion, "note": typed_note or score.note}, by_team=True)
    same = all(getattr(score, field) == getattr(judged, field) for field in OPINION_FIELDS if field != "attainment")
    if same and (score.pk or not judged.verdict):
        return Saved(score)
    if score.version != seen_version:
        raise Stale(score)
    needs_reason = judged.verdict == Verdict.NOT_APPLICABLE and bool(typed_note) and typed_note != score.note
    if needs_reason and seen_note_version != score.note_version:
        raise Stale(score)
    _write(score, judged, by, agrees=False)
    if needs_reason:
        _write_note(score, typed_note, by)
    score.save()
    return Saved(score, remark_too=needs_reason)


@transaction.atomic
def agree(visit: Visit, indicator: Indicator, *, seen_version: int, seen_claim: int, by: Any) -> Saved:
    """Nhất trí với xã: take over the commune's published value and verdict as the member's own act.

    `seen_claim` is the revision the member saw: a claim that changed since isn't agreed to
    unseen. Raises Refused where the commune has published nothing or its claim misses a
    confirmed target, Stale, Closed, PermissionDenied.
    """
    visit, score, target = _read(visit, indicator, by)
    claim = Assessment.objects.filter(unit=visit.unit, indicator=indicator, stage=Stage.SELF).first()
    if claim is None or not claim.verdict:
        raise Refused({"verdict": "Xã chưa gửi kết quả tự đánh giá của chỉ tiêu này nên chưa có gì để nhất trí."})
    if claim.revision_id != seen_claim:
        raise Refused({"verdict": "Xã vừa gửi kết quả mới. Xem lại kết quả của xã ở trên rồi bấm lại."})
    judged = judge(
        indicator,
        target,
        verdict=claim.verdict,
        value=claim.value,
        part=claim.part,
        whole=claim.whole,
        entered_attainment=claim.attainment,
        note=score.note or claim.note,
        by_team=True,
    )
    same = all(getattr(score, field) == getattr(judged, field) for field in OPINION_FIELDS if field != "attainment")
    if same and score.agrees:
        return Saved(score)
    if score.version != seen_version:
        raise Stale(score)
    _write(score, judged, by, agrees=True)
    takes_reason = judged.verdict == Verdict.NOT_APPLICABLE and not score.note
    if takes_reason:
        _write_note(score, judged.note, by)
    score.save()
    return Saved(score, remark_too=takes_reason)


@transaction.atomic
def save_remark(visit: Visit, indicator: Indicator, note: str, *, seen_version: int, by: Any) -> Score:
    """Save a row's remark, if nobody changed it since `seen_version`. Raises Stale, Closed, Refused
    (the reason of "không áp dụng" can't be emptied), PermissionDenied."""
    _, score, _ = _read(visit, indicator, by)
    if score.note == note:
        return score
    if score.note_version != seen_version:
        raise Stale(score)
    if not note and score.verdict == Verdict.NOT_APPLICABLE:
        raise Refused({"note": "Đánh giá “Không áp dụng” phải có lý do; đổi mức đánh giá trước khi xóa nhận xét."})
    _write_note(score, note, by)
    if score.pk is None:
        score.scorer = by
    score.save()
    return score


def _write(score: Score, judged: Judged, by: Any, *, agrees: bool) -> None:
    for field in OPINION_FIELDS:
        setattr(score, field, getattr(judged, field))
    score.agrees = agrees
    score.scorer = by
    score.scored_at = timezone.now()
    score.version += 1


def _write_note(score: Score, note: str, by: Any) -> None:
    score.note = note
    score.note_by = by
    score.note_at = timezone.now()
    score.note_version += 1
