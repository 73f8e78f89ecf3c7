"""A world of the nation's size for measuring: every rural commune, invented results of twelve months.

Deterministic: the same units and set give the same rows. The database makes the rows itself, so that
memory stays flat. 8,248 communes × 57 indicators × 12 months are some 5.7 million revisions: the communes'
own of ten months, then one of each stage above.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.utils import timezone

from communes.loading import load
from communes.models import Level, Unit
from criteria.models import Assessment, CriteriaSet, Indicator, Revision, Source, Standing
from criteria.publish import compute_standings
from criteria.verdicts import Stage
from ntm.accounts.models import User
from ntm.clock import today
from ntm.management.commands.demo import SNAPSHOT, STANDARD

MONTHS = 12
RECORDER = "the-gioi-thu"
# A number from 0 to 999 of the commune, the indicator and the month, and how good the commune is at all.
CHANCE = "(CAST(u.code AS integer) * 7919 + (c.number * 100 + i.position) * 10473 + {month} * 31) %% 1000"
LUCK = "(CAST(u.code AS integer) * 37) %% 120 + {month} * 8"


class Command(BaseCommand):
    help = "Nạp thế giới thử cỡ cả nước để đo (số liệu bịa); chỉ ngoài môi trường vận hành, vào cơ sở dữ liệu trống."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--national", action="store_true", help="Mọi tỉnh.")
        parser.add_argument("--province", nargs="+", metavar="CODE", help="Chỉ các tỉnh có mã này.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMONSTRATION:
            raise CommandError("Số liệu bịa chỉ nạp được khi NTM_ENV=demonstration.")
        if not (options["national"] or options["province"]):
            raise CommandError("Nêu --national hoặc --province.")
        if Revision.objects.exists():
            raise CommandError("Cơ sở dữ liệu đã có kết quả; thế giới thử cần cơ sở dữ liệu trống.")
        with transaction.atomic():
            load(SNAPSHOT, options["province"])
            call_command("load_criteria", verbosity=0)
            criteria_set = CriteriaSet.objects.get(code=STANDARD)
            by = User.objects.create(username=RECORDER, full_name="Thế giới thử", is_active=False)
            number = fill(criteria_set, by)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")
        if options["verbosity"]:
            self.stdout.write(f"{number} kết quả đã công bố, {Standing.objects.count()} dòng tổng hợp.")


def months() -> Iterator[tuple[int, date, str]]:
    """Number from 1, last day and stage of each month, the last one ending today or before."""
    day = today()
    if day.day < calendar.monthrange(day.year, day.month)[1]:
        day = day.replace(day=1) - timedelta(days=1)
    ends = [day]
    while len(ends) < MONTHS:
        ends.append(ends[-1].replace(day=1) - timedelta(days=1))
    for number, end in enumerate(reversed(ends), 1):
        stage = {MONTHS: Stage.PROVINCE, MONTHS - 1: Stage.DISTRICT}.get(number, Stage.SELF)
        yield number, end, stage.value


def fill(criteria_set: CriteriaSet, by: User) -> int:
    """Make the revisions, then what follows from them; how many revisions."""
    number = 0
    last: dict[str, date] = {}
    for month, day, stage in months():
        number += _revisions(criteria_set, by, month, day, stage)
        last[stage] = day
    for stage, day in last.items():
        _assessments(stage, day)
        _standings(criteria_set, stage)
    return number


def _revisions(criteria_set: CriteriaSet, by: User, month: int, day: date, stage: str) -> int:
    chance, luck = CHANCE.format(month=month), LUCK.format(month=month)
    judged = Indicator.objects.filter(criterion__criteria_set=criteria_set, for_history=False).in_force(day)
    ids = ", ".join(str(pk) for pk in sorted(judged.values_list("pk", flat=True)))
    recorded = datetime(day.year, day.month, day.day, 3, tzinfo=UTC)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {Revision._meta.db_table} (
                verdict, attainment, note, unit_id, indicator_id, stage, target_operator, target_text, effective_on,
                recorded_at, recorded_by_id, source, source_ref, void_reason
            )
            SELECT
                CASE WHEN {chance} < 620 + {luck} THEN 'met'
                     WHEN {chance} < 860 + {luck} THEN 'nearly_met' ELSE 'not_met' END,
                CASE WHEN {chance} < 620 + {luck} THEN 100
                     WHEN {chance} < 860 + {luck} THEN 80 + {chance} %% 20 ELSE 20 + {chance} %% 60 END,
                '', u.id, i.id, %s, '', '', %s, %s, %s, %s, 'the-gioi-thu', ''
            FROM communes_unit u
            CROSS JOIN criteria_indicator i
            JOIN criteria_criterion c ON c.id = i.criterion_id
            WHERE u.level = 'commune' AND u.kind = 'xa' AND u.closed_on IS NULL AND i.id IN ({ids})
            ORDER BY u.id, i.id
            """,  # noqa: S608 - numbers and names of columns only
            [
                stage,
                connection.ops.adapt_datefield_value(day),
                connection.ops.adapt_datetimefield_value(recorded),
                by.pk,
                Source.IMPORT.value,
            ],
        )
        return cursor.rowcount


def _assessments(stage: str, day: date) -> None:
    columns = "unit_id, indicator_id, stage, verdict, attainment, note, effective_on"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {Assessment._meta.db_table} (revision_id, {columns}) "  # noqa: S608
            f"SELECT id, {columns} FROM {Revision._meta.db_table} WHERE stage = %s AND effective_on = %s",
            [stage, connection.ops.adapt_datefield_value(day)],
        )


def _standings(criteria_set: CriteriaSet, stage: str) -> None:
    """Province by province, so that memory stays flat."""
    now = timezone.now()
    for province in Unit.objects.filter(level=Level.PROVINCE).order_by("pk").iterator():
        units = list(Unit.objects.within(province).rural_communes().existing(today()).order_by("pk"))
        Standing.objects.bulk_create(
            Standing(unit_id=pk, criteria_set=criteria_set, stage=stage, updated_at=now, **fields)
            for pk, fields in compute_standings(units, criteria_set, stage).items()
        )
