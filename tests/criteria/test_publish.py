"""Publishing, voiding, sending: the stored state always equals the recomputed one."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from threading import Barrier, BrokenBarrierError, Thread

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from criteria import publish
from criteria.entries import Stale, save_entry
from criteria.models import Assessment, Entry, Revision, Standing, Submission
from criteria.publish import NothingToSend, PublicationRefused, Published
from criteria.state import state_on
from ntm.clock import today
from tests.factories import (
    CommuneFactory,
    CriteriaSetFactory,
    CriterionFactory,
    IndicatorFactory,
    TargetFactory,
    UserFactory,
)

DAY = date(2024, 5, 1)


@pytest.fixture
def small(db):
    return small_world()


def small_world():
    """One commune, a set of two criteria with two indicators each; the first has a confirmed target of 95."""
    criteria_set = CriteriaSetFactory()
    indicators = [
        IndicatorFactory(criterion=criterion)
        for criterion in (CriterionFactory(criteria_set=criteria_set, number=n) for n in (1, 2))
        for _ in range(2)
    ]
    TargetFactory(indicator=indicators[0], confirmed_at=timezone.now())
    return CommuneFactory(), criteria_set, indicators, UserFactory()


def say(indicator, verdict, day=DAY, value=None):
    return Published(indicator.pk, verdict, day, value=value)


def put(world, *opinions, stage="self", source="import"):
    unit, criteria_set, _, user = world
    return publish.publish(unit, criteria_set, stage, opinions, source=source, source_ref="1", by=user)


def assert_consistent(unit, criteria_set):
    """Cached assessments are the newest valid revisions, stored standings the recomputed ones."""
    for stage in ("self", "district", "province"):
        cached = state_on([unit.pk], criteria_set, [stage])
        recomputed = state_on([unit.pk], criteria_set, [stage], today())
        assert cached == recomputed
        standing = Standing.objects.filter(unit=unit, criteria_set=criteria_set, stage=stage).values().first()
        if standing:
            for field, value in publish.compute_standings([unit], criteria_set, stage)[unit.pk].items():
                assert standing[field] == value, field


def test_publishing_writes_revision_assessment_and_standing(small):
    unit, criteria_set, (a, b, _c, _d), _ = small
    put(small, say(a, "met", value=Decimal(96)), say(b, "met"))
    standing = Standing.objects.get(unit=unit, criteria_set=criteria_set, stage="self")
    assert (standing.criteria_met, standing.criteria_not_assessed, standing.criteria_total) == (1, 1, 2)
    assert standing.progress == Decimal("50.00")
    assert standing.criteria == [[1, "met", "100.00"], [2, "not_assessed", "0.00"]]
    revision = Revision.objects.get(indicator=a)
    assert (revision.target_operator, revision.target_value) == (">=", Decimal(95))
    assert_consistent(unit, criteria_set)


def test_an_older_state_never_replaces_a_newer_one(small):
    unit, _, (a, *_), _ = small
    put(small, say(a, "not_met", DAY))
    put(small, say(a, "met", DAY - timedelta(days=30), value=Decimal(96)))
    assert Assessment.objects.get(unit=unit, indicator=a).verdict == "not_met"


def test_a_met_that_misses_a_confirmed_target_is_refused_whole(small):
    unit, _, (a, b, *_), _ = small
    with pytest.raises(PublicationRefused) as refused:
        put(small, say(a, "met", value=Decimal(94)), say(b, "met"))
    assert set(refused.value.errors) == {a.pk}
    assert "≥ 95%" in refused.value.errors[a.pk]
    assert not Revision.objects.exists()
    assert not Assessment.objects.filter(unit=unit).exists()


def test_voiding_brings_back_the_state_before(small):
    unit, criteria_set, (a, *_), user = small
    put(small, say(a, "met", DAY, value=Decimal(97)))
    put(small, say(a, "not_met", DAY + timedelta(days=1)))
    newest = Revision.objects.select_related("indicator__criterion").first()
    with pytest.raises(ValueError, match="lý do"):
        publish.void([newest], by=user, reason=" ")
    assert publish.void([newest], by=user, reason="Nhập nhầm") == 1
    assert Assessment.objects.get(unit=unit, indicator=a).verdict == "met"
    assert_consistent(unit, criteria_set)
    rest = list(Revision.objects.filter(voided_at=None).select_related("indicator__criterion"))
    publish.void(rest, by=user, reason="Nhập nhầm")
    assert not Assessment.objects.exists()
    assert_consistent(unit, criteria_set)


def test_sending_publishes_what_changed_and_a_second_click_nothing(small, assert_queries):
    unit, criteria_set, indicators, user = small
    for indicator in indicators:
        save_entry(
            unit,
            criteria_set,
            indicator,
            {"verdict": "met", "value": Decimal(96)},
            effective_on=DAY,
            seen_version=0,
            by=user,
        )
    with assert_queries(at_most=25):
        submission = publish.send(unit, criteria_set, user)
    assert submission.rows == 4
    with pytest.raises(NothingToSend):
        publish.send(unit, criteria_set, user)
    assert Submission.objects.count() == 1
    save_entry(unit, criteria_set, indicators[3], {"verdict": "not_met"}, effective_on=DAY, seen_version=1, by=user)
    assert publish.send(unit, criteria_set, user).rows == 1
    assert Revision.objects.count() == 5
    assert_consistent(unit, criteria_set)


def test_a_target_confirmed_after_saving_stops_the_sending_and_nothing_is_half_done(small):
    unit, criteria_set, (_a, b, *_), user = small
    target = TargetFactory(indicator=b, value=90)
    save_entry(
        unit, criteria_set, b, {"verdict": "met", "value": Decimal(80)}, effective_on=DAY, seen_version=0, by=user
    )
    target.confirmed_at = timezone.now()
    target.save()
    with pytest.raises(PublicationRefused):
        publish.send(unit, criteria_set, user)
    assert not Submission.objects.exists()
    assert Entry.objects.get(indicator=b).is_unsent


def test_clearing_a_row_publishes_that_it_is_not_assessed(small):
    unit, criteria_set, (a, *_), user = small
    save_entry(
        unit, criteria_set, a, {"verdict": "met", "value": Decimal(96)}, effective_on=DAY, seen_version=0, by=user
    )
    publish.send(unit, criteria_set, user)
    save_entry(unit, criteria_set, a, {"note": ""}, effective_on=DAY, seen_version=1, by=user)
    publish.send(unit, criteria_set, user)
    assert Assessment.objects.get(indicator=a).verdict == ""
    assert Standing.objects.get(unit=unit).criteria_not_assessed == 2
    assert_consistent(unit, criteria_set)


def test_saving_the_same_again_is_no_new_version(small):
    unit, criteria_set, (a, *_), user = small
    said = {"verdict": "nearly_met", "value": Decimal(90)}
    first = save_entry(unit, criteria_set, a, said, effective_on=DAY, seen_version=0, by=user)
    again = save_entry(unit, criteria_set, a, said, effective_on=DAY, seen_version=0, by=user)
    assert (first.version, again.version) == (1, 1)
    with pytest.raises(Stale) as stale:
        save_entry(unit, criteria_set, a, {"verdict": "not_met"}, effective_on=DAY, seen_version=7, by=user)
    assert stale.value.entry.verdict == "nearly_met"


KNOWN = [datetime(2024, 6, day, tzinfo=UTC) for day in (1, 5, 10, 15)]
events = st.lists(
    st.tuples(
        st.integers(0, 3),  # indicator
        st.sampled_from(["met", "nearly_met", "not_met", "firmly_met", ""]),
        st.integers(0, 20),  # effective on DAY + n, so often backdated
        st.integers(0, 3),  # recorded at KNOWN[n]
        st.one_of(st.none(), st.integers(0, 3)),  # voided at KNOWN[n]
    ),
    max_size=12,
)


@given(events=events, day=st.integers(-1, 22), known=st.integers(0, 3))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_the_state_on_a_day_as_known_at_a_moment_is_the_definition(small, events, day, known):
    """The window query against a plain reading of DESIGN §4, and the cache against both."""
    unit, criteria_set, indicators, user = small
    sid = transaction.savepoint()
    rows = []
    for place, verdict, offset, recorded, voided in sorted(events, key=lambda event: event[3]):
        revision = Revision.objects.create(
            unit=unit,
            indicator=indicators[place],
            stage="district",
            verdict=verdict,
            effective_on=DAY + timedelta(days=offset),
            recorded_at=KNOWN[recorded],
            recorded_by=user,
            source="import",
            voided_at=KNOWN[voided] if voided is not None and voided >= recorded else None,
            void_reason="Sai",
        )
        rows.append(revision)
    on, at = DAY + timedelta(days=day), KNOWN[known]
    expected = {}
    for row in rows:
        if row.recorded_at <= at and (row.voided_at is None or row.voided_at > at) and row.effective_on <= on:
            best = expected.get(row.indicator_id)
            if best is None or (row.effective_on, row.pk) > (best.effective_on, best.pk):
                expected[row.indicator_id] = row
    found = state_on([unit.pk], criteria_set, ["district"], on, at)
    assert {key[2]: row["verdict"] for key, row in found.items()} == {k: r.verdict for k, r in expected.items()}
    publish.lock_standing(unit, criteria_set, "district")
    publish.refresh_assessments([unit.pk], "district", [i.pk for i in indicators])
    publish.refresh_standing(unit, criteria_set, "district")
    assert_consistent(unit, criteria_set)
    transaction.savepoint_rollback(sid)


verdicts = st.sampled_from(["met", "nearly_met", "not_met", "firmly_met", "not_applicable", ""])


@given(batches=st.lists(st.lists(st.tuples(st.integers(0, 3), verdicts), min_size=1, max_size=4), max_size=5))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_stored_standings_equal_recomputed_ones_after_random_publications(small, batches):
    unit, criteria_set, indicators, _ = small
    sid = transaction.savepoint()
    for number, batch in enumerate(batches):
        opinions = {place: say(indicators[place], verdict) for place, verdict in batch}
        put(small, *opinions.values(), stage=("self", "district")[number % 2])
    assert_consistent(unit, criteria_set)
    transaction.savepoint_rollback(sid)


def run_together(*works):
    """Run callables at once, each on its own connection; return what they raised or returned."""
    barrier, results = Barrier(len(works)), [None] * len(works)

    def run(place, work):
        try:
            barrier.wait(timeout=20)
            results[place] = work()
        except Exception as error:
            results[place] = error
        finally:
            connection.close()

    threads = [Thread(target=run, args=(place, work)) for place, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return results


@pytest.mark.django_db(transaction=True)
def test_two_publications_at_once_leave_stored_equal_to_recomputed(monkeypatch):
    """Each waits, after writing and before rolling up, for the other to get as far: without
    the lock both do, and neither sees what the other wrote."""
    world = small_world()
    unit, criteria_set, indicators, _ = world
    put(world, say(indicators[3], "met"), stage="district")
    rolled_up, meeting = publish.refresh_standings, Barrier(2)

    def wait_for_the_other(*args):
        with suppress(BrokenBarrierError):
            meeting.wait(timeout=1)
        rolled_up(*args)

    monkeypatch.setattr(publish, "refresh_standings", wait_for_the_other)
    results = run_together(
        lambda: put(world, say(indicators[1], "met"), stage="district"),
        lambda: put(world, say(indicators[2], "not_met"), stage="district"),
    )
    assert not [r for r in results if isinstance(r, Exception)], results
    assert_consistent(unit, criteria_set)


@pytest.mark.django_db(transaction=True)
def test_of_two_saves_of_one_row_exactly_one_wins():
    unit, criteria_set, indicators, user = small_world()

    def save(indicator, version, verdict):
        return save_entry(
            unit, criteria_set, indicator, {"verdict": verdict}, effective_on=DAY, seen_version=version, by=user
        )

    for version, indicator in [(0, indicators[1]), (0, indicators[2]), (1, indicators[1])]:
        offered = [
            v
            for v in ("met", "nearly_met", "not_met")
            if v != Entry.objects.filter(indicator=indicator).values_list("verdict", flat=True).first()
        ]
        results = run_together(*(partial(save, indicator, version, verdict) for verdict in offered[:2]))
        assert sorted(type(r).__name__ for r in results) == ["Entry", "Stale"], results
        won = next(r for r in results if isinstance(r, Entry))
        stored = Entry.objects.get(unit=unit, indicator=indicator)
        assert (stored.verdict, stored.version) == (won.verdict, version + 1)


@pytest.mark.django_db(transaction=True)
def test_a_double_click_on_send_sends_once():
    unit, criteria_set, indicators, user = small_world()
    save_entry(unit, criteria_set, indicators[1], {"verdict": "met"}, effective_on=DAY, seen_version=0, by=user)
    results = run_together(*[lambda: publish.send(unit, criteria_set, user)] * 2)
    assert sorted(type(r).__name__ for r in results) == ["NothingToSend", "Submission"], results
    assert Revision.objects.count() == 1


def test_sending_measures_against_the_target_in_force_now(small):
    """The target changed between saving and sending: what is published follows the new one, and so does the draft."""
    unit, criteria_set, (a, *_), user = small
    save_entry(
        unit, criteria_set, a, {"verdict": "not_met", "value": Decimal(60)}, effective_on=DAY, seen_version=0, by=user
    )
    assert Entry.objects.get(indicator=a).attainment == Decimal("63.16")
    a.targets.update(value=Decimal(70), text="≥70%")
    publish.send(unit, criteria_set, user)
    revision = Revision.objects.get(indicator=a)
    assert (revision.target_value, revision.attainment) == (Decimal(70), Decimal("85.71"))
    assert Assessment.objects.get(indicator=a).attainment == Decimal("85.71")
    assert Entry.objects.get(indicator=a).attainment == Decimal("85.71")


def test_a_met_without_its_figure_is_not_sent_once_its_target_is_confirmed(small):
    unit, criteria_set, (_, b, *_), user = small
    target = TargetFactory(indicator=b, value=80)
    save_entry(unit, criteria_set, b, {"verdict": "met"}, effective_on=DAY, seen_version=0, by=user)
    target.confirmed_at = timezone.now()
    target.save()
    with pytest.raises(PublicationRefused):
        publish.send(unit, criteria_set, user)
    assert not Revision.objects.exists()


def test_only_what_was_shown_is_sent(small):
    unit, criteria_set, (a, b, c, _), user = small
    entry = save_entry(unit, criteria_set, b, {"verdict": "met"}, effective_on=DAY, seen_version=0, by=user)
    seen = {b.criterion_id: publish.fingerprint([entry], [])}
    other = save_entry(unit, criteria_set, a, {"verdict": "not_met"}, effective_on=DAY, seen_version=0, by=user)
    assert a.criterion_id == b.criterion_id
    with pytest.raises(publish.ChangedMeanwhile) as changed:
        publish.send(unit, criteria_set, user, seen)
    assert changed.value.criteria == {b.criterion_id}
    assert not Revision.objects.exists()
    # A criterion that wasn't shown doesn't stand in the way, and isn't sent.
    save_entry(unit, criteria_set, c, {"verdict": "not_met"}, effective_on=DAY, seen_version=0, by=user)
    assert c.criterion_id != b.criterion_id
    seen = {b.criterion_id: publish.fingerprint([entry, other], [])}
    submission = publish.send(unit, criteria_set, user, seen)
    assert submission.rows == 2
    assert [criterion.pk for criterion in submission.criteria.all()] == [b.criterion_id]
    assert publish.unsent_entries(unit, criteria_set).get().indicator_id == c.pk
