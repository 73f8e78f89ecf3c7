"""What a report is asked for: by whom, about what, by whose opinions, as at when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from communes.models import Unit
from communes.roster import as_on
from criteria.models import CriteriaSet
from criteria.state import Moment
from ntm.clock import today
from reports.matrix import STAGES, Matrix, matrix
from reports.moments import NOW, When


@dataclass
class Asked:
    """The caller has checked that the person may see the area, and chosen a set that applies to it."""

    user: Any
    area: Unit
    criteria_set: CriteriaSet
    stage: str
    when: When = NOW
    options: dict[str, Any] = field(default_factory=dict)
    # What else one could have chosen, for the page: sets, areas.
    choices: dict[str, list[Any]] = field(default_factory=dict)
    _matrices: dict[tuple[str, Moment | None], Matrix] = field(default_factory=dict)

    @property
    def moment(self) -> Moment | None:
        return self.when.moment

    @cached_property
    def subject(self) -> Unit:
        """The area under the name of the day asked for."""
        return as_on(self.area, self.moment.day) if self.moment else self.area

    @property
    def basis(self) -> str:
        return STAGES[self.stage]

    @property
    def as_of(self) -> date:
        return self.moment.day if self.moment else today()

    @property
    def known_at(self) -> datetime | None:
        return self.moment.known_at if self.moment else None

    def earlier(self, day: date) -> Moment:
        """A day before the one asked for, known as that is."""
        return Moment(day, self.known_at)

    def url_of(self, unit_id: int) -> str:
        """The commune's own page under this set, stage and moment."""
        return self.page_of(unit_id, set=self.criteria_set.code, stage=self.stage)

    def page_of(self, unit_id: int, **chosen: str) -> str:
        """A unit's page at this moment, under what is chosen."""
        query = urlencode(chosen | self.when.query)
        return reverse("reports:unit_detail", args=[unit_id]) + (f"?{query}" if query else "")

    def matrix(self, stage: str = "", moment: Moment | None = None) -> Matrix:
        """The area's matrix at the stage and moment asked for, or others; each is drawn once a report."""
        key = (stage or self.stage, moment or self.moment)
        if key not in self._matrices:
            self._matrices[key] = matrix(self.area, self.criteria_set, key[0], self.user, key[1])
        return self._matrices[key]
