"""The database of a run: the demonstration, with what the goals ask for besides.

A province of exactly 200 communes that all have been assessed, 200 visits, a commune whose
57 indicators are all filled in, and a hundred officers. Everything is invented.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.test import Client

from communes.models import Level, Membership, Role, Unit
from criteria.models import CriteriaSet, Entry, Indicator, Standing
from criteria.verdicts import Stage
from inspections.models import TeamMember, Visit
from ntm.clock import today
from ntm.management.commands.demo import HA_TINH, STANDARD, THANH_HOA

COMMUNES = VISITS = 200
OFFICERS = 100
ROWS_EACH = 5  # of a load officer


@dataclass
class World:
    """What the measurements address."""

    criteria_set: CriteriaSet
    province: Unit
    commune: Unit
    password: str = settings.DEMONSTRATION_PASSWORD


def build() -> World:
    for command in ("migrate", "createcachetable", "demo"):
        call_command(command, verbosity=0)
    world = World(
        CriteriaSet.objects.get(code=STANDARD),
        Unit.objects.get(level=Level.PROVINCE, code=HA_TINH),
        Unit.objects.get(level=Level.COMMUNE, code="16420", closed_on__isnull=True),
    )
    fill_province(world)
    plan_visits(world)
    fill_entries(world)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return world


def department_province() -> Unit:
    """The province of the demonstration's department."""
    return Unit.objects.get(level=Level.PROVINCE, code=THANH_HOA)


def fill_province(world: World) -> None:
    """Bring the province to 200 communes, and give those without a standing another's figures."""
    communes = Unit.objects.within(world.province).rural_communes().existing(today())
    pattern = communes.filter(district__isnull=False).order_by("pk")[0]
    added = [
        Unit(
            **{
                field.attname: getattr(pattern, field.attname)
                for field in Unit._meta.concrete_fields
                if field.name not in {"id", "name", "code", "commune"}
            },
            name=f"Thử Nghiệm {number}",
            code=f"9{number:04}",
        )
        for number in range(COMMUNES - communes.count())
    ]
    for unit in added:
        unit.set_name_keys()
    Unit.objects.bulk_create(added)
    Unit.objects.filter(pk__in=[unit.pk for unit in added]).update(commune=F("pk"))
    known = list(Standing.objects.filter(unit__in=communes, criteria_set=world.criteria_set, stage=Stage.SELF))
    without = communes.exclude(pk__in=[standing.unit_id for standing in known]).values_list("pk", flat=True)
    copies = []
    for place, pk in enumerate(without):
        standing = known[place % len(known)]
        values = {
            field.attname: getattr(standing, field.attname)
            for field in Standing._meta.concrete_fields
            if field.name not in {"id", "unit"}
        }
        copies.append(Standing(unit_id=pk, **values))
    Standing.objects.bulk_create(copies)


def plan_visits(world: World) -> None:
    leader = get_user_model().objects.get(username="doan.hatinh")
    communes = Unit.objects.within(world.province).rural_communes().existing(today()).order_by("pk")
    visits = Visit.objects.bulk_create(
        Visit(
            code=f"{HA_TINH}-2024-{number:03}",
            unit=unit,
            criteria_set=world.criteria_set,
            stage=Stage.PROVINCE,
            kind=Visit.Kind.APPRAISAL,
            planned_on=date(2024, 7, 1) + timedelta(days=number % 90),
            planned_by=leader,
        )
        for number, unit in enumerate(communes[:VISITS], 100)
    )
    TeamMember.objects.bulk_create(
        TeamMember(visit=visit, user=leader, name=leader.full_name, role=TeamMember.Role.LEADER) for visit in visits
    )


def fill_entries(world: World) -> None:
    """Every indicator of the commune has a draft, so that a sending holds all of them."""
    officer = get_user_model().objects.get(username="canbo.dongphu")
    missing = Indicator.objects.filter(criterion__criteria_set=world.criteria_set).exclude(entries__unit=world.commune)
    Entry.objects.bulk_create(
        Entry(
            unit=world.commune,
            indicator=indicator,
            verdict="not_met",
            attainment=Decimal(0),
            effective_on=date(2024, 6, 1),
            updated_by=officer,
        )
        for indicator in missing.in_force(today())
    )


def change_all_entries(world: World) -> int:
    """Make every draft of the commune unsent, as if each had been saved once more; how many there are."""
    entries = Entry.objects.filter(unit=world.commune, indicator__criterion__criteria_set=world.criteria_set)
    return entries.update(version=F("version") + 1)


def rate(world: World, unit: Unit) -> Entry:
    """A draft row of a per cent of the unit, to be saved over and over."""
    rows = Entry.objects.filter(
        unit=unit,
        indicator__criterion__criteria_set=world.criteria_set,
        indicator__kind=Indicator.Kind.PERCENT,
        indicator__measure="%",
    )
    return rows.select_related("indicator__criterion").order_by("indicator__criterion__number", "pk")[0]


def hire_officers(world: World) -> list[dict[str, Any]]:
    """A hundred officers, each of another commune and signed in: what a load officer needs to know."""
    province = Unit.objects.get(level=Level.PROVINCE, code=THANH_HOA)
    communes = Unit.objects.within(province).rural_communes().existing(today()).exclude(pk=world.commune.pk)
    communes = communes.filter(entries__isnull=True).order_by("pk")[:OFFICERS]
    rates = Indicator.objects.filter(
        criterion__criteria_set=world.criteria_set, kind=Indicator.Kind.PERCENT, measure="%", part_of__isnull=True
    )
    rows = list(rates.in_force(today()).order_by("criterion__number", "position").values_list("pk", flat=True))
    officers = []
    for number, unit in enumerate(communes):
        user = get_user_model().objects.create(username=f"thu.tai{number}", full_name=f"Cán bộ thử tải {number}")
        Membership.objects.create(user=user, unit=unit, role=Role.OFFICER)
        browser = Client()
        browser.force_login(user)
        officers.append(
            {"session": browser.cookies["sessionid"].value, "unit": unit.pk, "indicators": rows[:ROWS_EACH]}
        )
    return officers
