"""The stored standings of a set after the set itself changed: which indicators there are decides them too."""

from __future__ import annotations

from collections import defaultdict

from django.utils import timezone

from communes.models import Unit
from criteria.models import CriteriaSet, Standing
from criteria.publish import compute_standings


def refresh_standings(criteria_set: CriteriaSet) -> None:
    """Recompute every stored standing of the set under its lock, within the caller's transaction.

    A fixed number of queries a province and stage, and one a standing that differs.
    """
    batches: dict[tuple[int | None, str], list[Standing]] = defaultdict(list)
    rows = Standing.objects.select_for_update(of=("self",)).filter(criteria_set=criteria_set)
    for row in rows.select_related("unit").order_by("pk"):
        batches[(row.unit.province_id, row.stage)].append(row)
    for (_, stage), standings in batches.items():
        units: list[Unit] = [row.unit for row in standings]
        computed = compute_standings(units, criteria_set, stage)
        for row in standings:
            fields = computed[row.unit_id]
            if any(getattr(row, name) != value for name, value in fields.items()):
                Standing.objects.filter(pk=row.pk).update(**fields, updated_at=timezone.now())
