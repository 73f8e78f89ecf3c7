"""Being named on a team gives nothing to someone whose role in the province has ended."""

import datetime
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied
from django.urls import reverse

from communes.access import can
from communes.models import Role
from inspections.conclude import add_annex, conclude
from inspections.models import Finding, Visit
from tests.factories import FindingFactory, MembershipFactory
from tests.inspections.world import HELD, TODAY

YESTERDAY = TODAY - datetime.timedelta(days=1)


def end_role(person, **fields):
    """The person read anew, as in a later request, with their memberships changed."""
    person.memberships.update(**(fields or {"ends_on": YESTERDAY}))
    return type(person).objects.get(pk=person.pk)


def finish(place, visit, by):
    place.score(visit, "1.1", "met", value=Decimal(96))
    return conclude(visit, held_on=HELD, commune_opinion="", summary="Đạt.", unscored_reason="Không kịp", by=by)


@pytest.mark.parametrize("who", ["leader", "member"])
def test_nothing_of_an_open_visit_is_left(place, visit, who):
    person = end_role(getattr(place, who))
    client = place.client(person)
    for name, *rest in [("visit_detail",), ("visit_criterion", 1), ("visit_conclude",), ("visit_team",)]:
        assert client.get(reverse(f"inspections:{name}", args=[visit.pk, *rest])).status_code == 404
    score = reverse("inspections:score_save", args=[visit.pk, place.indicator("1.1").pk])
    assert client.post(score, {"version": 0, "verdict": "not_met"}).status_code == 404
    assert client.get(reverse("reports:unit_detail", args=[place.unit.pk])).status_code == 404
    for action, obj in [
        ("visit.change", visit),
        ("visit.work", visit),
        ("visit.score", (visit, place.criterion(1))),
        ("visit.conclude", visit),
    ]:
        assert not can(person, action, obj)
    with pytest.raises(PermissionDenied):
        finish(place, visit, person)


def test_nothing_of_a_concluded_visit_is_left(place, visit):
    finding = FindingFactory(visit=visit, criterion=place.criterion(1))
    done = finish(place, visit, place.leader)
    person = end_role(place.leader)
    assert not Visit.objects.visible_to(person).exists()
    assert not Finding.objects.visible_to(person).exists()
    assert not can(person, "finding.close", finding)
    with pytest.raises(PermissionDenied):
        add_annex(done, "Sửa", by=person)


def test_a_role_elsewhere_does_not_count(place, visit):
    person = end_role(place.leader)
    MembershipFactory(user=person, unit=place.stranger.memberships.get().unit, role=Role.INSPECTOR, may_lead=True)
    MembershipFactory(user=person, unit=place.neighbour, role=Role.OFFICER)
    assert not Visit.objects.visible_to(person).exists()
    assert not can(person, "visit.work", visit)


def test_a_district_role_in_the_province_keeps_the_team_but_not_the_lead(place, visit):
    person = end_role(place.leader)
    MembershipFactory(user=person, unit=place.district, role=Role.DISTRICT_STAFF)
    assert can(person, "visit.work", visit)
    refused = can(person, "visit.conclude", visit)
    assert not refused
    assert "không còn được giao làm trưởng đoàn" in refused.reason
    Visit.objects.filter(pk=visit.pk).update(stage="district")
    assert can(person, "visit.conclude", Visit.objects.get(pk=visit.pk))


def test_an_inspector_who_may_no_longer_lead_neither_concludes_nor_adds_annexes(place, visit):
    person = end_role(place.leader, may_lead=False)
    assert can(person, "visit.work", visit)
    with pytest.raises(PermissionDenied, match="không còn được giao"):
        finish(place, visit, person)
    Visit.objects.filter(pk=visit.pk).update(
        state="concluded", concluded_by=person, concluded_at=visit.created_at, held_on=HELD
    )
    assert not can(person, "visit.annex", Visit.objects.get(pk=visit.pk))
