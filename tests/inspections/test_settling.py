"""A leader settles findings after the thirty days in which the team still sees the unit."""

from datetime import timedelta

import pytest
from django.utils import timezone

from communes.access import can
from inspections.models import Finding, Visit


@pytest.mark.django_db
def test_the_leader_sees_findings_until_they_are_closed(cast):
    leader = cast["doan.hatinh"]
    Visit.objects.filter(state="planned").delete()
    visit = Visit.objects.get(code="42-2018-001")
    assert visit.concluded_at < timezone.now() - timedelta(days=30)
    findings = Finding.objects.filter(visit=visit)
    assert set(Finding.objects.visible_to(leader)) == set(findings)
    assert can(leader, "finding.close", findings[0])
    assert Visit.objects.visible_to(leader).filter(pk=visit.pk).exists()
    findings.update(state="closed")
    leader = cast["doan.hatinh"]
    assert not Visit.objects.visible_to(leader).filter(pk=visit.pk).exists()
