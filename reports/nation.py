"""The nation by provinces: the headline figures, added up by the database from one stored row a commune."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models import Count, F, FilteredRelation, Q, Sum

from communes.models import Level, Unit
from communes.names import full_name
from criteria.models import CriteriaSet
from criteria.rollup import AreaFigures, area_figures_of_sums
from ntm.clock import today
from reports.matrix import STAGES
from reports.tables import figures
from reports.tables.table import Column, Kind, Line, Table

SUMS = ("with_opinion", "whole_set", "criteria_met", "criteria_nearly", "progress", "partial")


@dataclass(frozen=True, slots=True)
class ProvinceLine:
    unit_id: int
    name: str
    communes: int
    sums: dict[str, Any]

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

    @cached_property
    def figures(self) -> AreaFigures:
        sums = {name: sum((line.sums[name] for line in self.provinces), Decimal(0)) for name in SUMS}
        counts = {name: int(value) for name, value in sums.items() if name != "progress"}
        return area_figures_of_sums(
            communes=sum(line.communes for line in self.provinces), progress=sums["progress"], **counts
        )


def nation_sets() -> list[CriteriaSet]:
    """The nation's own sets for communes whose period has begun, the newest first."""
    sets = CriteriaSet.objects.in_use().filter(province__isnull=True, level=Level.COMMUNE, first_year__lte=today().year)
    return list(sets.order_by("-first_year", "grade_order", "code").for_choosing())


def nation(criteria_set: CriteriaSet, stage: str) -> Nation:
    """Every province with rural communes today, as it stands now. Three queries. Raises KeyError for an unknown
    stage. The caller has checked that the person may see the nation."""
    if stage not in STAGES:
        raise KeyError(stage)
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


def provinces_table(result: Nation) -> Table:
    """The provinces as a table, the nation in its last line."""
    columns = (
        Column("number", "TT", Kind.WHOLE, 5),
        Column("province", "Tỉnh, thành phố", Kind.TEXT, 30),
        *figures.COLUMNS,
    )
    query = f"&set={result.criteria_set.code}&stage={result.stage}"
    lines = [
        Line((number, line.name, *figures.cells(line.figures)), url=f"/matrix/?area={line.unit_id}{query}")
        for number, line in enumerate(result.provinces, 1)
    ]
    lines.append(Line((None, "Cả nước", *figures.total_cells(result.figures)), "total"))
    return Table("tinh", "Theo tỉnh", columns, tuple(lines))
