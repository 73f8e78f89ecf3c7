"""How far a visit's scoring has come: indicators count once, with their parts."""

from datetime import date
from decimal import Decimal

import pytest

from inspections.models import Score
from inspections.progress import visit_progress
from tests.factories import (
    CommuneFactory,
    CriteriaSetFactory,
    CriterionFactory,
    IndicatorFactory,
    TargetFactory,
    UserFactory,
    VisitFactory,
)

pytestmark = pytest.mark.django_db


def test_an_indicator_is_scored_once_its_parts_are():
    criteria_set = CriteriaSetFactory()
    criterion = CriterionFactory(criteria_set=criteria_set, number=17)
    water = IndicatorFactory(criterion=criterion, code="17.1", position=1)
    piped = IndicatorFactory(criterion=criterion, code="17.1b", position=2, part_of=water)
    unasked = IndicatorFactory(criterion=criterion, code="17.1c", position=3, part_of=water)
    waste = IndicatorFactory(criterion=criterion, code="17.2", position=4)
    for indicator in (water, piped, waste):
        TargetFactory(indicator=indicator, value=Decimal(50))
    visit = VisitFactory(unit=CommuneFactory(), criteria_set=criteria_set, planned_on=date(2024, 6, 20))

    def score(indicator):
        Score.objects.create(visit=visit, indicator=indicator, verdict="met", attainment=100, scorer=UserFactory())
        return visit_progress(visit)

    progress = visit_progress(visit)
    assert (progress.scored, progress.total, progress.left) == (0, 2, 2)
    assert [indicator.pk for indicator in progress.unscored] == [water.pk, piped.pk, waste.pk]
    assert unasked.pk not in {indicator.pk for indicator in progress.unscored}
    progress = score(water)
    assert (progress.scored, progress.left) == (0, 2), "its part isn't scored yet"
    progress = score(piped)
    assert (progress.scored, progress.total) == (1, 2)
    progress = score(waste)
    assert progress.criteria[0].is_complete
    assert progress.unscored == []
