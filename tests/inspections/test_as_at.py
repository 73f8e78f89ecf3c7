"""Findings as they stood on a day, and what visits changed against what the commune had said."""

from datetime import UTC, date, datetime

import pytest

from criteria.models import Revision
from criteria.state import Moment
from inspections.changes import changes
from inspections.findings import as_at
from inspections.models import Finding, Visit
from tests.reports.worlds import concluded_visit, find, make_province, make_set, say, score, took

pytestmark = pytest.mark.django_db


@pytest.fixture
def place():
    criteria_set = make_set(criteria=3, indicators=2)
    return criteria_set, make_province(communes=2)[1]


def found():
    return Finding.objects.select_related("visit").order_by("pk")


def test_state_and_due_date_are_those_of_the_day(place, assert_queries):
    criteria_set, communes = place
    visit = concluded_visit(
        communes[0], criteria_set, held_on=date(2024, 1, 30), concluded_at=datetime(2024, 2, 1, tzinfo=UTC)
    )
    finding = find(visit, 1, due_on=date(2024, 3, 1))
    took(finding, "slipped", date(2024, 2, 20), old_due_on=date(2024, 3, 1), new_due_on=date(2024, 4, 1))
    took(finding, "commented", date(2024, 2, 25))
    took(finding, "slipped", date(2024, 3, 20), old_due_on=date(2024, 4, 1), new_due_on=date(2024, 5, 1))
    took(finding, "remedied", date(2024, 4, 10))
    took(finding, "reopened", date(2024, 4, 20))
    took(finding, "remedied", date(2024, 5, 2))
    took(finding, "closed", date(2024, 5, 5))
    expected = {
        date(2024, 1, 31): None,
        date(2024, 2, 1): ("open", date(2024, 3, 1)),
        date(2024, 2, 20): ("open", date(2024, 4, 1)),
        date(2024, 3, 31): ("open", date(2024, 5, 1)),
        date(2024, 4, 10): ("remedied", date(2024, 5, 1)),
        date(2024, 4, 20): ("open", date(2024, 5, 1)),
        date(2024, 5, 4): ("remedied", date(2024, 5, 1)),
        date(2024, 6, 30): ("closed", date(2024, 5, 1)),
    }
    for day, state in expected.items():
        rows = list(found())
        if state is not None:
            with assert_queries(1):
                stood = as_at(rows, Moment(day))
        else:
            stood = as_at(rows, Moment(day))
        assert [(it.state, it.due_on) for it in stood] == ([state] if state else []), day
        assert rows[0].state == "closed"  # what was given stays as it is
    # A step of the day that was taken after the period was closed isn't known.
    noon = datetime(2024, 5, 5, 2, tzinfo=UTC)
    assert [it.state for it in as_at(found(), Moment(date(2024, 5, 5), noon))] == ["remedied"]


def test_findings_of_open_visits_are_not_there(place):
    criteria_set, communes = place
    visit = concluded_visit(communes[0], criteria_set)
    find(visit, 1)
    Visit.objects.update(state="under_way", concluded_at=None, concluded_by=None)
    assert as_at(found(), Moment(date(2024, 6, 30))) == []


def test_a_visit_is_held_against_what_the_commune_said_on_the_day(place, assert_queries):
    criteria_set, (one, two) = place
    say(one, criteria_set, "self", ["met", "met", "nearly_met", "met", "met", "met"], date(2024, 1, 5))
    say(one, criteria_set, "self", ["not_met"] * 6, date(2024, 5, 5))  # after the visit
    visit = concluded_visit(one, criteria_set, held_on=date(2024, 3, 1))
    score(visit, ["met", "nearly_met", "met", "firmly_met"])
    say(two, criteria_set, "self", ["met"], date(2024, 1, 5))
    other = concluded_visit(two, criteria_set, held_on=date(2024, 6, 1))
    score(other, ["met", "not_met"])
    with assert_queries(2):
        told = changes([visit, other], criteria_set)
    assert [(change.number, change.before, change.after, change.step) for change in told[visit.pk]] == [
        (1, "met", "nearly_met", -1),
        (2, "nearly_met", "met", 1),
    ]
    # The commune hadn't said all of criterion 1: nothing to compare.
    assert [(change.before, change.after, change.step) for change in told[other.pk]] == [("incomplete", "not_met", 0)]
    Revision.objects.filter(source="visit").update(recorded_at=datetime(2024, 7, 1, tzinfo=UTC))
    assert changes([visit], criteria_set, datetime(2024, 6, 1, tzinfo=UTC)) == {visit.pk: []}
    assert changes([], criteria_set) == {}
