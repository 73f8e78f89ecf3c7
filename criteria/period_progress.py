"""How far reporting periods are: which communes have sent for them, what came after they were closed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Q

from communes import access, roster
from communes.models import Level, Unit
from criteria.models import CriteriaSet, ReportingPeriod, Revision, Submission
from criteria.periods import counted_then_voided, moment_of, recorded_late
from ntm.clock import today


@dataclass(frozen=True, slots=True)
class Progress:
    """Of `total` rural communes a person follows (0: none), `sent` have sent for the period, as its
    own page counts them; `late`: what was recorded after it was closed, as its list has it."""

    sent: int
    total: int
    late: int


def progress(periods: Sequence[ReportingPeriod], user: Any) -> dict[int, Progress]:
    """How far each period is, by id, as far as the person sees sendings and results. Five queries
    however many periods, besides the person's roles."""
    if not periods:
        return {}
    provinces = {period.area.province_id for period in periods}
    communes = list(
        Unit.objects.filter(access.reporting_units(user), province__in=provinces)
        .rural_communes()
        .order_by()
        .values_list("pk", "province_id", "district_id", "opened_on", "closed_on")
    )
    sets = list(
        CriteriaSet.objects.in_use()
        .filter(Q(province__isnull=True) | Q(province__in=provinces), level=Level.COMMUNE)
        .order_by("-first_year", "grade_order", "code")
        .for_choosing()
    )
    first = min(period.first_moment for period in periods)
    sent: list[Any] = list(
        Submission.objects.visible_to(user)
        .filter(Q(period__ends_on__in={period.ends_on for period in periods}) | Q(sent_at__gte=first))
        .filter(sent_at__isnull=False, unit__province__in=provinces)
        .order_by()
        .values_list("unit_id", "criteria_set_id", "period__ends_on", "sent_at")
        .distinct()
        if communes
        else []
    )
    late = count_late(periods, user)
    found = {}
    for period in periods:
        area, day, set_id = period.area, _day(period), usual_set(sets, period)
        within = {
            pk
            for pk, province, district, opened, closed in communes
            if area.pk in (pk, province, district)
            and (opened is None or opened <= day)
            and (not closed or closed > day)
        }
        told = {
            unit
            for unit, criteria_set, ends_on, at in sent
            if criteria_set == set_id
            and (ends_on == period.ends_on or at >= period.first_moment)
            and (period.closed_at is None or at <= period.closed_at)
        }
        found[period.pk] = Progress(len(within & told), len(within), late.get(period.pk, 0))
    return found


def _day(period: ReportingPeriod) -> date:
    """The day whose communes have to send: today's, for a closed period its last one's."""
    return period.ends_on if period.closed_at is not None else today()


def usual_set(sets: Collection[CriteriaSet], period: ReportingPeriod) -> int | None:
    """The set a period's sendings are counted by without another being asked for: of those in force
    on its last day the newest of the standard grade, of two a province's own only where it was in force by then
    (as `CriteriaSet.objects.in_order`). `sets`: the newest first, the standard grade first."""
    own = [
        one
        for one in sets
        if one.first_year <= period.ends_on.year and one.province_id in (None, period.area.province_id)
    ]
    own.sort(key=lambda one: (-one.first_year, one.grade_order, _issuer_place(one, period.ends_on), one.code))
    standard = next((one for one in own if one.grade == CriteriaSet.Grade.STANDARD), None)
    chosen = standard or next(iter(own), None)
    return chosen.pk if chosen else None


def _issuer_place(criteria_set: CriteriaSet, on: date) -> int:
    if criteria_set.province_id is None:
        return 1
    return 0 if criteria_set.effective_on is None or criteria_set.effective_on <= on else 2


def count_late(periods: Collection[ReportingPeriod], user: Any) -> dict[int, int]:
    """By closed period how much was recorded after it was closed (`recorded_late`), as far as the person
    sees it. Three queries: what was published is grouped by publication, which are few, instead of asked
    for each period; voids are few anyway."""
    closed = [period for period in periods if period.closed_at is not None]
    if not closed:
        return {}
    first = min(period.closed_at for period in closed if period.closed_at)
    rows = Revision.objects.visible_to(user).filter(effective_on__lte=max(period.ends_on for period in closed))
    places = ("unit__province", "unit__district", "unit__commune")
    published = list(
        rows.filter(recorded_at__gt=first)
        .order_by()
        .values_list(*places, "unit", "unit__present_since", "effective_on", "recorded_at")
        .annotate(Count("pk"))
    )
    earliest = min(period.ends_on for period in closed)
    stays = roster.stays({unit for *_, unit, since, _, _, _ in published if since and since > earliest})
    voids = rows.filter(voided_at__gt=first).aggregate(
        **{
            f"period_{period.pk}": Count(
                "pk", filter=roster.lay_in(period.area, period.ends_on, "unit__") & counted_then_voided(period)
            )
            for period in closed
        }
    )

    def lay_there(unit: int, since: date | None, today_in: Collection[int], period: ReportingPeriod) -> bool:
        if since is None or since <= period.ends_on:
            return period.area_id in today_in
        return any(stay.covers(period.ends_on) and period.area_id in stay.areas for stay in stays.get(unit, ()))

    return {
        period.pk: voids[f"period_{period.pk}"]
        + sum(
            number
            for *areas, unit, since, effective_on, recorded_at, number in published
            if recorded_at > period.closed_at
            and effective_on <= period.ends_on
            and lay_there(unit, since, areas, period)
        )
        for period in closed
    }


@dataclass(frozen=True, slots=True)
class CommuneRow:
    """One commune and the last of its sendings that answer for the period (None: none does)."""

    unit_id: int
    name: str
    submission: Submission | None


def communes_of(period: ReportingPeriod, criteria_set: CriteriaSet | None, user: Any) -> list[CommuneRow]:
    """The area's rural communes whose sendings the person sees, in their order, each with what it
    sent under the set for the period. Two queries besides the person's roles."""
    communes = (
        Unit.objects.filter(access.reporting_units(user))
        .within(period.area)
        .rural_communes()
        .existing(_day(period))
        .order_by("sort_key", "pk")
        .values_list("pk", "name")
    )
    sent = (
        Submission.objects.covering(period)
        .visible_to(user)
        .filter(unit__in=[pk for pk, _ in communes], criteria_set=criteria_set, sent_at__isnull=False)
        .order_by("pk")
    )
    last = {submission.unit_id: submission for submission in sent}
    return [CommuneRow(pk, name, last.get(pk)) for pk, name in communes]


@dataclass(frozen=True, slots=True)
class LateRow:
    """One revision recorded after a period was closed, or voided since (`is_void`): the state its
    figures keep (None: no opinion) and what was said instead: the revision itself, for a voided one
    what holds on the period's last day without it (None: no opinion). `is_outdone`: another revision
    holds on that day, as one that was recorded late may speak of an earlier day than the one known."""

    revision: Revision
    is_void: bool
    before: Revision | None
    after: Revision | None
    is_outdone: bool


def late_revisions(period: ReportingPeriod, user: Any) -> Any:
    """Ghi nhận sau khi khóa of a closed period as far as the person sees it, by commune and indicator."""
    return (
        Revision.objects.visible_to(user)
        .filter(recorded_late(period))
        .select_related("unit", "indicator__criterion__criteria_set", "recorded_by", "voided_by")
        .order_by(
            "unit__sort_key",
            "unit_id",
            "indicator__criterion__criteria_set_id",
            "indicator__criterion__number",
            "indicator__position",
            "indicator_id",
            "stage",
            "pk",
        )
    )


def late_rows(period: ReportingPeriod, revisions: Sequence[Revision]) -> list[LateRow]:
    """These revisions of the period's late list, with the states before and after. Two queries."""
    day, known_at = moment_of(period)
    where = {
        "unit__in": {revision.unit_id for revision in revisions},
        "indicator__in": {revision.indicator_id for revision in revisions},
    }

    def states(at: Any) -> dict[tuple[int, int, str], Revision]:
        rows = Revision.objects.filter(**where).state_on(day, at)
        return {(row.unit_id, row.indicator_id, row.stage): row for row in rows}

    before, now = states(known_at), states(None)
    rows = []
    for revision in revisions:
        key = (revision.unit_id, revision.indicator_id, revision.stage)
        is_void = known_at is not None and revision.recorded_at <= known_at
        holds = now.get(key)
        is_outdone = revision.voided_at is None and holds != revision
        rows.append(LateRow(revision, is_void, before.get(key), holds if is_void else revision, is_outdone))
    return rows
