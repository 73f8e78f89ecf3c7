"""The nation by provinces: the headline figures, now added up by the database from one stored row a commune, on a
past day worked out from the revisions, province by province."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models import Count, F, FilteredRelation, Q, Sum

from communes.models import Level, Unit
from communes.names import full_name
from communes.roster import names_on
from criteria.models import CriteriaSet
from criteria.rollup import AreaFigures, area_figures_of_sums
from criteria.state import Moment
from ntm.clock import today
from reports.matrix import STAGES, Matrix, matrix
from reports.tables import figures
from reports.tables.table import Column, Kind, Line, Table

Standings = dict[int, tuple[int, int, Decimal]]  # by unit id
SUMS = ("with_opinion", "whole_set", "criteria_met", "criteria_nearly", "progress", "partial")


@dataclass(frozen=True, slots=True)
class ProvinceLine:
    """`standings`: as at a moment only, criteria met and nearly met and progress in % of the communes that count."""

    unit_id: int
    name: str
    communes: int
    sums: dict[str, Any]
    standings: Standings | None = field(default=None, compare=False)

    @property
    def figures(self) -> AreaFigures:
        return area_figures_of_sums(communes=self.communes, **self.sums)


@dataclass
class Nation:
    criteria_set: CriteriaSet
    stage: str
    as_of: date
    criteria: int
    provinces: tuple[ProvinceLine, ...]
    moment: Moment | None = None

    @cached_property
    def figures(self) -> AreaFigures:
        sums = {name: sum((line.sums[name] for line in self.provinces), Decimal(0)) for name in SUMS}
        counts = {name: int(value) for name, value in sums.items() if name != "progress"}
        return area_figures_of_sums(
            communes=sum(line.communes for line in self.provinces), progress=sums["progress"], **counts
        )


def nation_sets(on: date | None = None) -> list[CriteriaSet]:
    """The nation's own sets for communes whose period has begun by then (today), the newest first."""
    year = (on or today()).year
    sets = CriteriaSet.objects.in_use().filter(province__isnull=True, level=Level.COMMUNE, first_year__lte=year)
    return list(sets.order_by("-first_year", "grade_order", "code").for_choosing())


def nation(
    criteria_set: CriteriaSet,
    stage: str,
    moment: Moment | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Nation:
    """Every province with rural communes on the day. Now: three queries. As at a moment: at most thirteen a province,
    and some half a second for 200 communes; `progress` is told (provinces done, of all). Raises KeyError for an
    unknown stage. The caller has checked that the person may see the nation."""
    if stage not in STAGES:
        raise KeyError(stage)
    if moment:
        return _nation_at(criteria_set, stage, moment, progress)
    full = Q(standing__criteria_not_assessed=0, standing__criteria_total__gt=0)
    partial = Q(
        standing__criteria_not_assessed__gt=0, standing__criteria_not_assessed__lt=F("standing__criteria_total")
    )
    now = Q(standings__criteria_set=criteria_set, standings__stage=stage)
    rows = (
        Unit.objects.rural_communes()
        .existing(today())
        .order_by()
        .annotate(standing=FilteredRelation("standings", condition=now))
        .values("province")
        .annotate(
            communes=Count("pk"),
            with_opinion=Count("pk", filter=full),
            whole_set=Count("pk", filter=full & Q(standing__criteria_met=F("standing__criteria_total"))),
            criteria_met=Sum("standing__criteria_met", filter=full, default=0),
            criteria_nearly=Sum("standing__criteria_nearly", filter=full, default=0),
            total_progress=Sum("standing__progress", filter=full, default=Decimal(0)),
            partial=Count("pk", filter=partial),
        )
    )
    sums = {row.pop("province"): row | {"progress": Decimal(row.pop("total_progress"))} for row in rows}
    named = Unit.objects.filter(level=Level.PROVINCE, pk__in=list(sums)).order_by("sort_key", "pk")
    lines = tuple(
        ProvinceLine(pk, full_name(kind, name), sums[pk].pop("communes"), sums[pk])
        for pk, kind, name in named.values_list("pk", "kind", "name")
    )
    return Nation(criteria_set, stage, today(), criteria_set.criteria.count(), lines)


def communes_on(day: date) -> int:
    """About how many communes a past day's figures are worked out for: those existing then, of what they are now."""
    return Unit.objects.rural_communes().existing(day).count()


def _nation_at(criteria_set: CriteriaSet, stage: str, moment: Moment, progress: Callable[[int, int], None]) -> Nation:
    provinces = list(Unit.objects.filter(level=Level.PROVINCE).existing(moment.day).order_by("sort_key", "pk"))
    names = names_on([province.pk for province in provinces], moment.day)
    lines = []
    for number, province in enumerate(provinces, 1):
        found = matrix(province, criteria_set, stage, moment=moment)
        if found.rows:
            counted = [row for row in found.rows if row.counts]
            standings = {row.unit_id: (row.met or 0, row.nearly or 0, row.progress or Decimal(0)) for row in counted}
            lines.append(
                ProvinceLine(
                    province.pk, names[province.pk], len(found.rows), _sums(found, standings), standings=standings
                )
            )
        progress(number, len(provinces))
    return Nation(criteria_set, stage, moment.day, criteria_set.criteria.count(), tuple(lines), moment)


def _sums(found: Matrix, standings: Standings) -> dict[str, Any]:
    return {
        "with_opinion": len(standings),
        "whole_set": sum(met == len(found.criteria) for met, _, _ in standings.values()),
        "criteria_met": sum(met for met, _, _ in standings.values()),
        "criteria_nearly": sum(nearly for _, nearly, _ in standings.values()),
        "progress": sum((progress for _, _, progress in standings.values()), Decimal(0)),
        "partial": found.figures.partial,
    }


def provinces_table(result: Nation) -> Table:
    """The provinces as a table, the nation in its last line."""
    columns = (
        Column("number", "TT", Kind.WHOLE, 5),
        Column("province", "Tỉnh, thành phố", Kind.TEXT, 30),
        *figures.COLUMNS,
    )
    query = f"&set={result.criteria_set.code}&stage={result.stage}"
    if result.moment:
        query += f"&as_of={result.as_of.isoformat()}"
    lines = [
        Line((number, line.name, *figures.cells(line.figures)), url=f"/matrix/?area={line.unit_id}{query}")
        for number, line in enumerate(result.provinces, 1)
    ]
    lines.append(Line((None, "Cả nước", *figures.total_cells(result.figures)), "total"))
    return Table("tinh", "Theo tỉnh", columns, tuple(lines))
