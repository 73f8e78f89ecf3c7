"""Which department answers for a criterion: a province's assignment where it has one, else the nation's."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import NamedTuple

from django.db.models import Q

from communes.closings import closed_in, why_fixed
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


def why_duty_fixed(before: CriterionDepartment | None, after: CriterionDepartment | None) -> str:
    """Why a duty can't become `after` (None: be deleted; `before` None: be new), "" where it can: a closed period
    would tell of other departments. One query.

    The nation's concern every province.
    """
    ends = [duty for duty in (before, after) if duty is not None]
    first = min(duty.starts_on or date.min for duty in ends)
    if before and after and _who(before) == _who(after):  # only days after the earlier end change
        first = min(duty.ends_on or date.max for duty in ends)
        first = first if first == date.max else first + timedelta(days=1)
    first = max(first, min(duty.criterion.criteria_set.first_day for duty in ends))
    provinces = {duty.province_id for duty in ends}
    return why_fixed(closed_in(None if None in provinces else {pk for pk in provinces if pk}), first)


def _who(duty: CriterionDepartment) -> tuple[int, int, int | None, date | None]:
    return duty.criterion_id, duty.department_id, duty.province_id, duty.starts_on
