"""Make every stored assessment and standing anew from the revisions, or check that they agree."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from communes.models import Unit
from criteria import publish
from criteria.models import CriteriaSet, Revision, Standing
from criteria.state import state_on
from ntm.clock import today


class Command(BaseCommand):
    help = "Rebuilds assessments and standings from the revisions; --check only compares."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing; fail where something differs")

    def handle(self, *args: Any, **options: Any) -> None:
        differing: list[str] = []
        total = 0
        for criteria_set in CriteriaSet.objects.all():
            pairs = (
                Revision.objects.filter(indicator__criterion__criteria_set=criteria_set)
                .order_by()
                .values_list("unit__province_id", "unit_id", "stage")
                .distinct()
            )
            batches: dict[tuple[int | None, str], list[int]] = defaultdict(list)
            for province, unit_id, stage in pairs:
                batches[(province, stage)].append(unit_id)
            for (_, stage), unit_ids in sorted(batches.items(), key=str):
                total += len(unit_ids)
                units = list(Unit.objects.filter(pk__in=unit_ids).order_by("pk"))
                if options["check"]:
                    differing += differences(units, criteria_set, stage)
                else:
                    rebuild(units, criteria_set, stage)
        if differing:
            raise CommandError(f"{len(differing)} of {total} standings differ:\n" + "\n".join(differing[:50]))
        if options["verbosity"]:
            self.stdout.write(f"{total} standings {'agree' if options['check'] else 'rebuilt'}.")


def rebuild(units: list[Unit], criteria_set: CriteriaSet, stage: str) -> None:
    """One unit at a time, each in its own transaction under its lock, so that people can go on working."""
    for unit in units:
        with transaction.atomic():
            publish.lock_standing(unit, criteria_set, stage)
            indicators = Revision.objects.filter(
                unit=unit, stage=stage, indicator__criterion__criteria_set=criteria_set
            ).values_list("indicator_id", flat=True)
            publish.refresh_assessments([unit.pk], stage, indicators)
            publish.refresh_standing(unit, criteria_set, stage)


def differences(units: list[Unit], criteria_set: CriteriaSet, stage: str) -> list[str]:
    """Units whose cached assessments or stored standing differ from the recomputed ones."""
    ids = [unit.pk for unit in units]
    cached = state_on(ids, criteria_set, [stage])
    fresh = state_on(ids, criteria_set, [stage], today())
    wrong = {key[1] for key in cached.keys() | fresh.keys() if cached.get(key) != fresh.get(key)}
    computed = publish.compute_standings(units, criteria_set, stage)
    stored: dict[int, dict[str, Any]] = {
        row["unit_id"]: dict(row)
        for row in Standing.objects.filter(unit__in=ids, criteria_set=criteria_set, stage=stage).values()
    }
    for unit in units:
        row = stored.get(unit.pk)
        if row is None or any(row[field] != value for field, value in computed[unit.pk].items()):
            wrong.add(unit.pk)
    return [f"{unit.code} {unit} ({criteria_set.code}, {stage})" for unit in units if unit.pk in wrong]
