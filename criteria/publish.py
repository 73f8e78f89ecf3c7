"""Making an opinion public: revisions, the current assessments, and the standing that follows.

Everything that publishes, voids or rebuilds goes through here and holds the unit's
Standing row while it does, so that two publications of one unit, set and stage follow
one another (order of locks: Visit → Standing → Entry → Assessment).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from communes.models import Unit
from criteria import targets
from criteria.checks import Judged, Refused, judge, judge_history
from criteria.models import (
    Assessment,
    CriteriaSet,
    Entry,
    EvidenceLink,
    FinishedCriterion,
    Indicator,
    ReportingPeriod,
    ReturnedIndicator,
    Revision,
    Source,
    Standing,
    Submission,
)
from criteria.rollup import Rollup
from criteria.state import roll_up_units
from criteria.verdicts import Stage
from ntm.clock import today


class PublicationRefused(Exception):
    """Some opinions can't be published; nothing was. `errors`: message by indicator id."""

    def __init__(self, errors: dict[int, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors


class NothingToSend(Exception):
    """Nothing has changed since the last sending."""


@dataclass(frozen=True, slots=True)
class Published:
    """One opinion to publish; an empty verdict takes an earlier opinion back (not assessed).

    Its attainment isn't carried along: it follows from the target in force on its day.
    """

    indicator_id: int
    verdict: str
    effective_on: date
    value: Decimal | None = None
    part: Decimal | None = None
    whole: Decimal | None = None
    entered_attainment: Decimal | None = None
    note: str = ""


BATCH = 2_000  # revisions in one statement
SAID = ("verdict", "value", "part", "whole", "entered_attainment", "note")


@transaction.atomic
def publish(
    unit: Unit,
    criteria_set: CriteriaSet,
    stage: str,
    opinions: Sequence[Published],
    *,
    source: str,
    source_ref: str,
    by: Any,
    at: datetime | None = None,
) -> list[Revision]:
    """Publish opinions of one stage on one unit, whole or not at all; return the revisions.

    Each revision keeps the target in force on its day, and the attainment against it. Raises
    PublicationRefused where an opinion can't stand: a commune's or a team's is judged as when
    it was saved; of imported history only what contradicts a confirmed target is refused.
    """
    lock_standing(unit, criteria_set, stage)
    return _publish({unit: opinions}, criteria_set, stage, source=source, source_ref=source_ref, by=by, at=at)


@transaction.atomic
def publish_many(
    opinions: Mapping[Unit, Sequence[Published]],
    criteria_set: CriteriaSet,
    stage: str,
    *,
    source: str,
    source_ref: str,
    by: Any,
    at: datetime | None = None,
) -> list[Revision]:
    """publish() for many units at once, in a fixed number of queries where all speak
    of one day. Raises PublicationRefused for the first unit with an opinion that can't stand."""
    lock_standings([unit.pk for unit in opinions], criteria_set, stage)
    return _publish(opinions, criteria_set, stage, source=source, source_ref=source_ref, by=by, at=at)


def _publish(
    opinions: Mapping[Unit, Sequence[Published]],
    criteria_set: CriteriaSet,
    stage: str,
    *,
    source: str,
    source_ref: str,
    by: Any,
    at: datetime | None,
) -> list[Revision]:
    """publish() for a caller who holds the standings' locks already."""
    indicators = Indicator.objects.in_bulk({opinion.indicator_id for told in opinions.values() for opinion in told})
    demanded = _demanded(opinions, criteria_set, list(indicators.values()))
    at = at or timezone.now()
    revisions = []
    for unit, told in opinions.items():
        errors = {}
        for opinion in told:
            target = demanded[unit.pk, opinion.effective_on.year][opinion.indicator_id]
            try:
                judged = _judged(opinion, indicators[opinion.indicator_id], target, source, stage)
            except Refused as refused:
                errors[opinion.indicator_id] = str(refused)
                continue
            revisions.append(
                Revision(
                    unit_id=unit.pk,
                    indicator_id=opinion.indicator_id,
                    stage=stage,
                    verdict=judged.verdict,
                    value=judged.value,
                    part=judged.part,
                    whole=judged.whole,
                    attainment=judged.attainment,
                    note=judged.note,
                    target_id=target.target.pk if target.target else None,
                    target_operator=target.operator,
                    target_value=target.value,
                    target_text=target.text,
                    effective_on=opinion.effective_on,
                    recorded_at=at,
                    recorded_by_id=by.pk,
                    source=source,
                    source_ref=source_ref,
                )
            )
        if errors:
            raise PublicationRefused(errors)
    revisions = Revision.objects.bulk_create(revisions, batch_size=BATCH)
    refresh_assessments([unit.pk for unit in opinions], stage, indicators)
    refresh_standings(list(opinions), criteria_set, stage)
    return revisions


def _demanded(
    opinions: Mapping[Unit, Sequence[Published]], criteria_set: CriteriaSet, indicators: Sequence[Indicator]
) -> dict[tuple[int, int], dict[int, targets.Resolved]]:
    """The targets by unit and year; one look for all units that speak of the same day of a year."""
    days: dict[tuple[int, date], list[Unit]] = defaultdict(list)
    for unit, told in opinions.items():
        for year, day in {opinion.effective_on.year: opinion.effective_on for opinion in told}.items():
            days[year, day].append(unit)
    return {
        (unit, year): resolved
        for (year, day), units in days.items()
        for unit, resolved in targets.resolve_area(units, criteria_set, day, indicators).items()
    }


def _judged(opinion: Published, indicator: Indicator, target: targets.Resolved, source: str, stage: str) -> Judged:
    said = {name: getattr(opinion, name) for name in SAID}
    if source == Source.IMPORT:
        return judge_history(target, **said)
    return judge(indicator, target, **said, by_team=stage != Stage.SELF)


def lock_standing(unit: Unit, criteria_set: CriteriaSet, stage: str) -> None:
    """Hold the Standing row until the transaction ends, creating it if it isn't there.

    PostgreSQL locks the row; SQLite's IMMEDIATE transaction holds the whole file.
    """
    lock_standings([unit.pk], criteria_set, stage)


def lock_standings(unit_ids: Collection[int], criteria_set: CriteriaSet, stage: str) -> None:
    """lock_standing() for many units, always in the same order, so that two such callers can't block each other."""
    rows = Standing.objects.select_for_update(of=("self",)).filter(
        unit__in=unit_ids, criteria_set=criteria_set, stage=stage
    )
    held = {standing.unit_id for standing in rows.only("unit_id").order_by("unit_id")}
    missing = sorted(set(unit_ids) - held)
    if missing:
        new = [Standing(unit_id=pk, criteria_set=criteria_set, stage=stage) for pk in missing]
        Standing.objects.bulk_create(new, ignore_conflicts=True)
        list(rows.only("unit_id").order_by("unit_id"))


KEY = ("unit_id", "indicator_id", "stage")
CACHED = ("verdict", "value", "part", "whole", "attainment", "note", "effective_on")


def refresh_assessments(unit_ids: Collection[int], stage: str, indicator_ids: Iterable[int]) -> None:
    """Make the current assessments of these units and indicators equal to their newest valid revisions.

    By the database itself, from row to row: a province's are ten thousand.
    """
    where: dict[str, Any] = {"unit__in": list(unit_ids), "stage": stage, "indicator__in": set(indicator_ids)}
    if not (where["unit__in"] and where["indicator__in"]):
        return
    newest = Revision.objects.filter(**where).state_on(today()).order_by().values_list("pk", *KEY, *CACHED)
    select, params = newest.query.sql_with_params()
    columns = ("revision_id", *KEY, *CACHED)
    told = ", ".join(f"{column} = excluded.{column}" for column in ("revision_id", *CACHED))
    with connection.cursor() as cursor:
        cursor.execute(
            # Of names of columns and a statement of Django's own; "WHERE true" keeps SQLite from reading
            # ON CONFLICT as a join's.
            f"INSERT INTO {Assessment._meta.db_table} ({', '.join(columns)}) "  # noqa: S608
            f"SELECT * FROM ({select}) AS newest WHERE true "
            f"ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET {told}",
            params,
        )
    valid = Revision.objects.valid().filter(
        unit=OuterRef("unit"), indicator=OuterRef("indicator"), stage=stage, effective_on__lte=today()
    )
    Assessment.objects.filter(~Exists(valid), **where).delete()


# --- standing --------------------------------------------------------------------------


def standing_fields(rollup: Rollup) -> dict[str, Any]:
    """A roll-up as the columns of Standing."""
    return {
        "criteria_total": len(rollup.states),
        "criteria_met": rollup.criteria_met,
        "criteria_nearly": rollup.criteria_nearly,
        "criteria_not_met": rollup.counts["not_met"],
        "criteria_incomplete": rollup.counts["incomplete"],
        "criteria_not_assessed": rollup.counts["not_assessed"],
        "indicators_total": rollup.indicators_total,
        "indicators_met": rollup.indicators_met,
        "indicators_assessed": rollup.indicators_assessed,
        "progress": rollup.progress,
        "criteria": [[number, state.state, str(state.attainment)] for number, state in rollup.states.items()],
    }


def compute_standings(units: Sequence[Unit], criteria_set: CriteriaSet, stage: str) -> dict[int, dict[str, Any]]:
    """The standings of units from their assessments, as columns of Standing by unit id. Fixed queries."""
    return {unit: standing_fields(rollup) for unit, rollup in roll_up_units(units, criteria_set, stage).items()}


def refresh_standing(unit: Unit, criteria_set: CriteriaSet, stage: str) -> None:
    """Recompute one stored standing; the caller holds its lock."""
    refresh_standings([unit], criteria_set, stage)


def refresh_standings(units: Sequence[Unit], criteria_set: CriteriaSet, stage: str) -> None:
    """refresh_standing() for many units."""
    now = timezone.now()
    computed = compute_standings(units, criteria_set, stage)
    Standing.objects.bulk_create(
        [
            Standing(unit_id=pk, criteria_set=criteria_set, stage=stage, updated_at=now, **fields)
            for pk, fields in computed.items()
        ],
        update_conflicts=True,
        unique_fields=["unit", "criteria_set", "stage"],
        update_fields=[*next(iter(computed.values()), {}), "updated_at"],
    )


# --- sending ---------------------------------------------------------------------------


def unsent_entries(unit: Unit, criteria_set: CriteriaSet):
    """The unit's draft rows that differ from what was last sent; those of indicators that have ended stay drafts."""
    ended = Q(indicator__in_force_to__lt=min(today(), criteria_set.last_day))
    return Entry.objects.filter(unit=unit, indicator__criterion__criteria_set=criteria_set).exclude(
        ended | Q(version=F("sent_version"))
    )


def unsent_links(unit: Unit, criteria_set: CriteriaSet):
    """Evidence tied since the last sending."""
    return EvidenceLink.objects.filter(
        unit=unit,
        indicator__criterion__criteria_set=criteria_set,
        published_at__isnull=True,
        removed_at__isnull=True,
        evidence__retired_at__isnull=True,
    )


class ChangedMeanwhile(Exception):
    """What waits to be sent isn't what the sender was shown; `criteria`: ids of those that differ."""

    def __init__(self, criteria: set[int]) -> None:
        super().__init__("changed meanwhile")
        self.criteria = criteria


def fingerprint(entries: Iterable[Entry], links: Iterable[int]) -> str:
    """What waits to be sent, as a short text that changes with any row or document (ids of links)."""
    rows = ",".join(f"{entry.pk}.{entry.version}" for entry in sorted(entries, key=lambda entry: entry.pk))
    ties = ",".join(map(str, sorted(links)))
    return hashlib.sha256(f"{rows};{ties}".encode()).hexdigest()[:16]


def fingerprints(entries: Iterable[tuple[int, Entry]], links: Iterable[tuple[int, int]]) -> dict[int, str]:
    """fingerprint() by criterion, from (criterion id, entry) and (criterion id, id of link)."""
    rows: dict[int, tuple[list[Entry], list[int]]] = defaultdict(lambda: ([], []))
    for criterion, entry in entries:
        rows[criterion][0].append(entry)
    for criterion, link in links:
        rows[criterion][1].append(link)
    return {criterion: fingerprint(*found) for criterion, found in rows.items()}


@transaction.atomic
def send(
    unit: Unit,
    criteria_set: CriteriaSet,
    by: Any,
    seen: Mapping[int, str] | None = None,
    period: ReportingPeriod | None = None,
) -> Submission:
    """Publish what the unit changed since the last sending as its self-assessment.

    `seen`: by criterion id the fingerprint of what the sender was shown; only these criteria are
    sent (None: all there is, unasked). What was returned of them is settled, what owners had
    finished ends. Raises NothingToSend where nothing changed (the second click finds that),
    ChangedMeanwhile where something else would be sent than was shown, and PublicationRefused where
    a row can't stand any more, since a target was confirmed or changed meanwhile.
    """
    lock_standing(unit, criteria_set, Stage.SELF)
    rows, ties = unsent_entries(unit, criteria_set), unsent_links(unit, criteria_set)
    if seen is not None:
        rows = rows.filter(indicator__criterion__in=list(seen))
        ties = ties.filter(indicator__criterion__in=list(seen))
    entries = list(rows.select_for_update(of=("self",)).select_related("indicator").order_by("pk"))
    held = ties.select_for_update(of=("self",)).order_by("pk")
    links = list(held.values_list("indicator__criterion_id", "indicator_id", "pk"))
    if not entries and not links:
        raise NothingToSend
    now = timezone.now()
    found = fingerprints(
        [(entry.indicator.criterion_id, entry) for entry in entries], [(criterion, pk) for criterion, _, pk in links]
    )
    if seen is not None and found != dict(seen):
        raise ChangedMeanwhile({pk for pk in found.keys() | seen.keys() if found.get(pk) != seen.get(pk)})
    submission = Submission.objects.create(
        unit=unit, criteria_set=criteria_set, period=period, sent_by=by, sent_at=now, rows=len(entries)
    )
    if links:
        EvidenceLink.objects.filter(pk__in=[pk for *_, pk in links]).update(published_at=now, submission=submission)
    submission.criteria.through.objects.bulk_create(
        submission.criteria.through(submission=submission, criterion_id=criterion) for criterion in found
    )
    FinishedCriterion.objects.filter(unit=unit, criterion__in=list(found), ended_at__isnull=True).update(ended_at=now)
    changed = {entry.indicator_id for entry in entries} | {indicator for _, indicator, _ in links}
    ReturnedIndicator.objects.filter(submission__unit=unit, indicator__in=changed, settled_by__isnull=True).update(
        settled_by=submission
    )
    if entries:
        told = [
            Published(
                entry.indicator_id, effective_on=entry.effective_on, **{name: getattr(entry, name) for name in SAID}
            )
            for entry in entries
        ]
        revisions = _publish(
            {unit: told},
            criteria_set,
            Stage.SELF,
            source=Source.SUBMISSION,
            source_ref=str(submission.pk),
            by=by,
            at=now,
        )
        outdated = []
        for entry, revision in zip(entries, revisions, strict=True):
            if entry.attainment != revision.attainment:  # its target changed since it was saved
                entry.attainment = revision.attainment
                outdated.append(entry)
        Entry.objects.bulk_update(outdated, ["attainment"])
        Entry.objects.filter(pk__in=[entry.pk for entry in entries]).update(sent_version=F("version"))
    return submission


@transaction.atomic
def void(revisions: Iterable[Revision], *, by: Any, reason: str) -> int:
    """Void revisions with a reason; the states before them hold again. Returns how many.

    Raises ValueError without a reason.
    """
    if not reason.strip():
        raise ValueError("Nêu lý do hủy kết quả đã ghi.")
    batches: dict[tuple[int, str], list[Revision]] = defaultdict(list)
    for revision in revisions:
        batches[revision.indicator.criterion.criteria_set_id, revision.stage].append(revision)
    count = 0
    for (set_id, stage), batch in sorted(batches.items()):
        units = list(Unit.objects.filter(pk__in={revision.unit_id for revision in batch}).order_by("pk"))
        criteria_set, ids = CriteriaSet.objects.get(pk=set_id), [unit.pk for unit in units]
        lock_standings(ids, criteria_set, stage)
        count += Revision.objects.filter(pk__in=[r.pk for r in batch], voided_at__isnull=True).update(
            voided_at=timezone.now(), voided_by=by, void_reason=reason.strip()
        )
        refresh_assessments(ids, stage, {revision.indicator_id for revision in batch})
        refresh_standings(units, criteria_set, stage)
    return count
