"""What few criteria of a unit have, asked in one statement, so that the usual page doesn't ask for each.

Written as SQL, as putting seven such questions together takes the ORM longer than the page's rows
take to be read (PERFORMANCE, G6).
"""

from __future__ import annotations

from datetime import date

from django.db import connection

from communes.models import Unit
from criteria.models import CriteriaSet

_OF = "JOIN criteria_indicator i ON i.id = x.{} WHERE i.criterion_id = c.id"
_OF_ITS = f"{_OF.format('indicator_id')} AND x.unit_id = %(unit)s"
_THERE_IS = {
    # Rows that stood for the whole criterion and have ended.
    "former": "criteria_indicator i WHERE i.criterion_id = c.id AND i.stands_for_criterion AND i.in_force_to < %(day)s",
    # What old tables say of the criterion as a whole, voided or not.
    "old_tables": f"criteria_revision x {_OF_ITS} AND i.for_history",
    "returned": "criteria_returnedindicator x JOIN criteria_submission s ON s.id = x.submission_id "
    f"{_OF.format('indicator_id')} AND s.unit_id = %(unit)s AND x.settled_by_id IS NULL",
    "finished": "criteria_finishedcriterion x WHERE x.criterion_id = c.id AND x.unit_id = %(unit)s "
    "AND x.ended_at IS NULL",
    "target_reports": f"criteria_targetreport x {_OF_ITS}",
    "questions": f"criteria_question x {_OF_ITS}",
    # Indicators of earlier sets that its own continue.
    "continued": f"criteria_continuation x {_OF.format('later_id')}",
}
ANYTHING = frozenset(_THERE_IS)
_ASKED = ", ".join(f"EXISTS (SELECT 1 FROM {rows})" for rows in _THERE_IS.values())  # noqa: S608 - of the above
_STATEMENT = f"SELECT {_ASKED} FROM criteria_criterion c WHERE c.criteria_set_id = %(set)s AND c.number = %(number)s"  # noqa: S608


def of_criterion(unit: Unit, criteria_set: CriteriaSet, number: int, day: date) -> frozenset[str]:
    """Which of ANYTHING the unit has for that criterion; a superset of what one reader may see. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, {"unit": unit.pk, "set": criteria_set.pk, "number": number, "day": day})
        found = cursor.fetchone()
    return frozenset(name for name, there_is in zip(_THERE_IS, found or (), strict=False) if there_is)
