"""Which department answers for a criterion: a province's assignment where it has one, else the nation's."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from django.db.models import Q

from criteria.models import CriteriaSet, CriterionDepartment


def departments_on(criteria_set: CriteriaSet, province_id: int | None, on: date) -> dict[int, str]:
    """The names of the departments that answer for each criterion on a day, by criterion id. One query."""
    rows = CriterionDepartment.objects.filter(
        Q(province__isnull=True) | Q(province=province_id),
        Q(starts_on__isnull=True) | Q(starts_on__lte=on),
        Q(ends_on__isnull=True) | Q(ends_on__gte=on),
        criterion__criteria_set=criteria_set,
    )
    found: dict[int, dict[bool, list[str]]] = defaultdict(lambda: {True: [], False: []})
    for criterion, province, name in rows.order_by("department__name").values_list(
        "criterion_id", "province_id", "department__name"
    ):
        found[criterion][province is not None].append(name)
    return {criterion: ", ".join(names[True] or names[False]) for criterion, names in found.items()}
