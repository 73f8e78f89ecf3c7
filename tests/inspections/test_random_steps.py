"""A finding's steps in any order, fresh and stale: the table of transitions is all that happens."""

import datetime

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from inspections import findings as steps
from inspections.models import Finding, TeamMember, Visit
from tests.factories import FindingFactory, TeamMemberFactory, VisitFactory
from tests.inspections.world import HELD, build_place

# Written out once more, so that a changed table is noticed: step → where it begins, where it ends.
ALLOWED = {
    "remedy": {"open": "remedied"},
    "close": {"remedied": "closed"},
    "reopen": {"remedied": "open", "closed": "open"},
    "slip": {"open": "open", "remedied": "remedied"},
    "seen_remedied": {"open": "closed", "remedied": "closed"},
    "seen_not": {"open": "open", "remedied": "open"},
}
KINDS = {
    "remedied": {("open", "remedied")},
    "closed": {("open", "closed"), ("remedied", "closed")},
    "reopened": {("remedied", "open"), ("closed", "open")},
    "slipped": {("open", "open"), ("remedied", "remedied")},
    "checked": {("open", "open")},
}


class Steps(RuleBasedStateMachine):
    """The commune, the visit's leader, and a later team, each with the page as they last opened it."""

    @initialize()
    def start(self):
        self.mark = transaction.atomic()
        self.mark.__enter__()
        self.place = place = build_place()
        done = {"state": "concluded", "held_on": HELD, "concluded_at": timezone.now(), "concluded_by": place.leader}
        earlier = VisitFactory(unit=place.unit, criteria_set=place.criteria_set, planned_by=place.leader, **done)
        TeamMemberFactory(visit=earlier, user=place.leader, role=TeamMember.Role.LEADER)
        self.finding = FindingFactory(visit=earlier, criterion=place.criterion(1), created_by=place.leader)
        self.again = VisitFactory(
            unit=place.unit,
            criteria_set=place.criteria_set,
            planned_by=place.leader,
            planned_on=HELD,
            held_on=HELD,
            state=Visit.State.UNDER_WAY,
        )
        TeamMemberFactory(visit=self.again, user=place.leader, role=TeamMember.Role.LEADER)
        self.state, self.version, self.trail, self.opened = "open", 1, [], 1

    def teardown(self):
        if hasattr(self, "mark"):
            transaction.set_rollback(True)
            self.mark.__exit__(None, None, None)

    @rule()
    def open_the_page(self):
        self.opened = Finding.objects.get(pk=self.finding.pk).version

    @rule(step=st.sampled_from(sorted(ALLOWED)))
    def take(self, step):
        """On the page as it was last opened, which may be stale."""
        fresh = self.opened == self.version
        typed = {"note": "Ghi", "seen_version": self.opened}
        due_on = Finding.objects.get(pk=self.finding.pk).due_on + datetime.timedelta(days=1)
        leader = self.place.leader
        act = {
            "remedy": lambda: steps.remedy(self.finding, evidence=[], by=self.place.officer, **typed),
            "close": lambda: steps.close(self.finding, by=leader, **typed),
            "reopen": lambda: steps.reopen(self.finding, by=leader, **typed),
            "slip": lambda: steps.slip(self.finding, due_on=due_on, by=leader, **typed),
            "seen_remedied": lambda: steps.recheck(self.finding, self.again, is_remedied=True, by=leader, **typed),
            "seen_not": lambda: steps.recheck(self.finding, self.again, is_remedied=False, by=leader, **typed),
        }[step]
        try:
            after = act()
        except steps.OutOfStep:
            assert not fresh or self.state not in ALLOWED[step]
            return
        assert fresh
        self.trail.append((self.state, after.state))
        assert after.state == ALLOWED[step][self.state]
        self.state, self.version = after.state, after.version

    @invariant()
    def the_events_follow_the_table(self):
        if not hasattr(self, "trail"):
            return
        now = Finding.objects.get(pk=self.finding.pk)
        assert (now.state, now.version) == (self.state, self.version)
        events = list(now.events.order_by("pk").values_list("kind", flat=True))
        assert len(events) == len(self.trail)
        assert all(went in KINDS[kind] for kind, went in zip(events, self.trail, strict=True))


@pytest.mark.django_db
def test_findings_at_random():
    from hypothesis.stateful import run_state_machine_as_test

    fixed = settings(
        max_examples=25, stateful_step_count=20, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(Steps, settings=fixed)
