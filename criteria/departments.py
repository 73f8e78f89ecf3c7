"""Which department answers for a criterion: a province's assignment where it has one, else the nation's."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import NamedTuple

from django.db.models import Q

from criteria.models import CriteriaSet, CriterionDepartment


class Responsible(NamedTuple):
    """A department that answers for a criterion; `since` is None where nobody noted from when on."""

    name: str
    since: date | None


def responsible_on(criteria_set: CriteriaSet, province_id: int | None, on: date) -> dict[int, list[Responsible]]:
    """The departments that answer for each criterion on a day, by criterion id. One query."""
    rows = CriterionDepartment.objects.filter(
        Q(province__isnull=True) | Q(province=province_id),
        Q(starts_on__isnull=True) | Q(starts_on__lte=on),
        Q(ends_on__isnull=True) | Q(ends_on__gte=on),
        criterion__criteria_set=criteria_set,
    )
    found: dict[int, dict[bool, list[Responsible]]] = defaultdict(lambda: {True: [], False: []})
    for criterion, province, name, since in rows.order_by("department__name", "pk").values_list(
        "criterion_id", "province_id", "department__name", "starts_on"
    ):
        found[criterion][province is not None].append(Responsible(name, since))
    return {criterion: rows[True] or rows[False] for criterion, rows in found.items()}


def departments_on(criteria_set: CriteriaSet, province_id: int | None, on: date) -> dict[int, str]:
    """The names of the departments that answer for each criterion on a day, by criterion id. One query."""
    found = responsible_on(criteria_set, province_id, on)
    return {criterion: ", ".join(row.name for row in rows) for criterion, rows in found.items()}
