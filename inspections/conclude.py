"""Kết luận và khóa: a visit's scores become the stage's opinion, in one transaction.

Order of locks: Visit → Standing → Assessment. Whoever comes second finds the visit
concluded and is told so; nothing is published twice.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Sum
from django.utils import timezone

from communes import access
from criteria.checks import Refused, check_day, judge
from criteria.models import Indicator, Source
from criteria.publish import Published, publish
from criteria.targets import Resolved
from inspections.minutes.files import freeze
from inspections.models import Finding, FindingEvent, Score, TeamMember, Visit, VisitAnnex
from inspections.planning import Closed, Invalid, lock, scope_of
from inspections.progress import asked_indicators

# Teams sometimes come earlier than planned, not by more than this.
EARLIEST = timedelta(days=30)


class AlreadyConcluded(Closed):
    """The visit was concluded before; nothing was done again."""


class ScoresRefused(Exception):
    """Scores that can't be published as they stand; nothing was. `errors`: message by indicator."""

    def __init__(self, errors: dict) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors


class ScoresChanged(Exception):
    """Scores, findings or the plan changed since the conclusion was written; nothing was published."""


class AnnexKnown(Exception):
    """The same annex was sent twice, by a second click or once more; `annex` is the one the first made."""

    def __init__(self, annex: VisitAnnex) -> None:
        super().__init__(f"Nội dung này đã có ở phụ lục điều chỉnh số {annex.number}; không lập thêm phụ lục trùng.")
        self.annex = annex


def fingerprint(visit: Visit) -> str:
    """What a conclusion sums up, as a short text that differs once any of it was changed.

    Each save of a score or finding raises its version; scores are never deleted, and a
    finding deleted and noted anew has another key. Two queries.
    """
    scores = Score.objects.filter(visit=visit).aggregate(n=Count("pk"), versions=Sum("version"))
    findings = Finding.objects.filter(visit=visit).aggregate(n=Count("pk"), versions=Sum("version"), last=Max("pk"))
    return "-".join(str(part or 0) for part in (visit.version, *scores.values(), *findings.values()))


def check_held_day(day: date, visit: Visit) -> str:
    """Why the visit can't have been held that day; empty when it can."""
    message = check_day(day, visit.unit, visit.criteria_set)
    if message:
        return message
    if day < visit.planned_on - EARLIEST:
        return (
            f"Ngày {day:%d/%m/%Y} trước ngày dự kiến ({visit.planned_on:%d/%m/%Y}) hơn {EARLIEST.days} ngày. "
            "Kiểm tra lại, hoặc sửa ngày dự kiến trong kế hoạch."
        )
    return ""


@transaction.atomic
def conclude(
    visit: Visit,
    *,
    held_on: date,
    commune_opinion: str,
    summary: str,
    unscored_reason: str,
    by: Any,
    seen_fingerprint: str | None = None,
) -> Visit:
    """Conclude and lock a visit; publish its scores where it records an opinion.

    The scores hold from `held_on`. What was left unscored keeps its earlier opinion and
    needs `unscored_reason`. `seen_fingerprint` is what the writer of the summary saw; None
    where nobody read before. Raises AlreadyConcluded, Closed (cancelled), PermissionDenied
    (only its leader), ScoresChanged where the fingerprint is another now, Invalid by field,
    ScoresRefused where a target confirmed meanwhile contradicts a score, NotDrawn where the
    minutes can't be drawn or kept (docs/decisions/0009).
    """
    try:
        visit = lock(visit)
    except Closed as closed:
        raise already_concluded(visit) or closed from None
    access.require(by, "visit.conclude", visit)
    if seen_fingerprint is not None and seen_fingerprint != fingerprint(visit):
        raise ScoresChanged
    errors = {}
    if message := check_held_day(held_on, visit):
        errors["held_on"] = message
    if not summary:
        errors["summary"] = "Nhập kết luận của đoàn."
    scope = scope_of(visit)
    indicators, resolved = asked_indicators(visit.unit, visit.criteria_set, held_on, scope)
    scores = {score.indicator_id: score for score in Score.objects.filter(visit=visit).exclude(verdict="")}
    unscored = [indicator for indicator in indicators if indicator.pk not in scores]
    if visit.records_opinion and not any(indicator.pk in scores for indicator in indicators):
        errors["unscored_reason"] = "Đoàn chưa chấm chỉ tiêu nào nên chưa có kết quả để kết luận."
    elif visit.records_opinion and unscored and not unscored_reason:
        left = len({indicator.whole_id for indicator in unscored})
        errors["unscored_reason"] = f"Còn {left} chỉ tiêu chưa chấm xong: nêu lý do, hoặc quay lại chấm tiếp."
    if errors:
        raise Invalid(errors)

    if visit.records_opinion:
        opinions = _opinions(indicators, resolved, scores, held_on)
        # Targets follow the day: the attainments are those of the day the visit was held.
        Score.objects.bulk_update(scores.values(), ["attainment"])
        publish(
            visit.unit,
            visit.criteria_set,
            visit.stage,
            opinions,
            source=Source.VISIT,
            source_ref=visit.code,
            by=by,
        )
    now = timezone.now()
    FindingEvent.objects.bulk_create(
        [
            FindingEvent(finding=finding, kind=FindingEvent.Kind.RAISED, new_due_on=finding.due_on, by=by, at=now)
            for finding in Finding.objects.filter(visit=visit).order_by("pk")
        ]
    )
    visit.state = Visit.State.CONCLUDED
    visit.held_on = held_on
    visit.commune_opinion = commune_opinion
    visit.summary = summary
    visit.unscored_reason = unscored_reason if unscored else ""
    visit.concluded_by = by
    visit.concluded_at = now
    visit.version += 1
    visit.save()
    if TeamMember.objects.filter(visit=visit).exists():  # a desk review has nobody to read minutes to
        freeze(visit, by=by)
    return visit


def _opinions(
    indicators: list[Indicator], resolved: dict[int, Resolved], scores: dict[int, Score], held_on: date
) -> list[Published]:
    """The scores as they are published, judged again by the targets of the day held; sets
    each score's attainment. Raises ScoresRefused."""
    opinions, refused = [], {}
    for indicator in indicators:
        score = scores.get(indicator.pk)
        if score is None:
            continue
        try:
            judged = judge(
                indicator,
                resolved[indicator.pk],
                verdict=score.verdict,
                value=score.value,
                part=score.part,
                whole=score.whole,
                entered_attainment=score.entered_attainment,
                note=score.note,
                by_team=True,
            )
        except Refused as error:
            refused[indicator] = str(error)
            continue
        score.attainment = judged.attainment
        opinions.append(
            Published(
                indicator_id=indicator.pk,
                verdict=judged.verdict,
                effective_on=held_on,
                value=judged.value,
                part=judged.part,
                whole=judged.whole,
                entered_attainment=judged.entered_attainment,
                note=judged.note,
            )
        )
    if refused:
        raise ScoresRefused(refused)
    return opinions


def already_concluded(visit: Visit) -> AlreadyConcluded | None:
    """What to tell who concludes a visit that was concluded before; None where it wasn't."""
    current = Visit.objects.select_related("concluded_by").get(pk=visit.pk)
    if not current.is_concluded:
        return None
    at = timezone.localtime(current.concluded_at)
    return AlreadyConcluded(
        f"Cuộc kiểm tra đã được {current.concluded_by} kết luận và khóa lúc {at:%H:%M %d/%m/%Y}; không ghi lại lần nữa."
    )


@transaction.atomic
def add_annex(visit: Visit, text: str, *, by: Any) -> VisitAnnex:
    """Phụ lục điều chỉnh: the only thing added to a concluded visit, numbered from 1.

    Raises PermissionDenied, and AnnexKnown where one of the visit's annexes says the very same.
    """
    visit = Visit.objects.select_for_update(of=("self",)).select_related("unit").get(pk=visit.pk)
    access.require(by, "visit.annex", visit)
    if first := visit.annexes.filter(text=text).order_by("number").first():
        raise AnnexKnown(first)
    last = visit.annexes.order_by("-number").values_list("number", flat=True).first() or 0
    return VisitAnnex.objects.create(visit=visit, number=last + 1, text=text, by=by)
