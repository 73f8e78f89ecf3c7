"""Reporting periods: the calendar, who makes and closes them, and figures that stay once a period is closed."""

from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from threading import Barrier, Thread

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from communes.models import Role, UnitVersion
from criteria import period_steps as steps
from criteria import publish, recognitions, registrations
from criteria.models import (
    CriterionDepartment,
    PeriodStep,
    PeriodText,
    Recognition,
    ReportingPeriod,
    Revision,
    Submission,
    SupplementaryReturn,
    SupplementaryTable,
)
from criteria.period_progress import communes_of, count_late, late_revisions, late_rows, progress
from criteria.period_steps import Invalid, PeriodRefused
from criteria.periods import (
    Phase,
    closed_periods,
    comparable,
    first_day,
    moment_of,
    phase,
    suggested_name,
)
from criteria.plans import Typed, save_plans
from criteria.publish import Published
from criteria.state import state_on
from ntm.clock import today
from tests.factories import (
    CommuneFactory,
    CriteriaSetFactory,
    CriterionFactory,
    DepartmentFactory,
    DistrictFactory,
    IndicatorFactory,
    MembershipFactory,
    UserFactory,
)

MAY, JUNE = date(2024, 5, 31), date(2024, 6, 30)
CLOSED = datetime(2024, 6, 10, 2, tzinfo=UTC)


def period_of(area, kind="month", ends_on=MAY, due_on=None, closed_at=None):
    return ReportingPeriod.objects.create(
        area=area,
        kind=kind,
        name=suggested_name(kind, ends_on),
        ends_on=ends_on,
        due_on=due_on or ends_on + timedelta(days=5),
        closed_at=closed_at,
    )


class World:
    """A province with two districts of two communes, a person of each role in the first, two criteria."""

    def __init__(self):
        self.district = DistrictFactory()
        self.province = self.district.parent
        self.other = DistrictFactory(parent=self.province)
        self.communes = [CommuneFactory(parent=self.district) for _ in range(2)]
        self.far = [CommuneFactory(parent=self.other) for _ in range(2)]
        self.officer = MembershipFactory(unit=self.communes[0]).user
        self.staff = MembershipFactory(unit=self.district, role=Role.DISTRICT_STAFF).user
        self.neighbour = MembershipFactory(unit=self.other, role=Role.DISTRICT_STAFF).user
        self.coordinator = MembershipFactory(unit=self.province, role=Role.COORDINATOR).user
        self.viewer = MembershipFactory(unit=self.province, role=Role.VIEWER).user
        self.inspector = MembershipFactory(unit=self.province, role=Role.INSPECTOR).user
        self.stranger = MembershipFactory(unit=DistrictFactory(), role=Role.DISTRICT_STAFF).user
        self.root = UserFactory(is_superuser=True, is_staff=True)
        self.set = CriteriaSetFactory()
        self.indicators = [
            IndicatorFactory(criterion=CriterionFactory(criteria_set=self.set, number=number)) for number in (1, 2)
        ]
        department = DepartmentFactory()
        CriterionDepartment.objects.create(criterion=self.indicators[0].criterion, department=department)
        self.reviewer = MembershipFactory(unit=self.province, role=Role.DEPARTMENT_REVIEWER, department=department).user

    def sending(self, unit, at, period=None):
        submission = Submission.objects.create(
            unit=unit, criteria_set=self.set, period=period, sent_by=self.officer, sent_at=at, rows=3
        )
        submission.criteria.add(self.indicators[0].criterion)
        return submission

    def put(self, unit, place, verdict, day, value=None, note="", at=None):
        opinion = Published(self.indicators[place].pk, verdict, day, value=value, note=note)
        (revision,) = publish.publish(
            unit, self.set, "self", [opinion], source="import", source_ref="1", by=self.officer, at=at
        )
        return revision


@pytest.fixture
def place(db):
    return World()


# --- what a period is ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "ends_on", "name", "begins_on"),
    [
        ("month", date(2024, 2, 29), "Tháng 2 năm 2024", date(2024, 2, 1)),
        ("month", date(2024, 6, 20), "Tháng 6 năm 2024", date(2024, 5, 21)),
        ("month", date(2024, 1, 15), "Tháng 1 năm 2024", date(2023, 12, 16)),
        ("quarter", date(2024, 6, 30), "Quý II năm 2024", date(2024, 4, 1)),
        ("quarter", date(2024, 12, 31), "Quý IV năm 2024", date(2024, 10, 1)),
        ("half_year", date(2024, 6, 30), "6 tháng đầu năm 2024", date(2024, 1, 1)),
        ("half_year", date(2024, 12, 31), "6 tháng cuối năm 2024", date(2024, 7, 1)),
        ("year", date(2024, 12, 31), "Năm 2024", date(2024, 1, 1)),
        ("ad_hoc", date(2024, 4, 9), "Đột xuất đến ngày 09/04/2024", None),
    ],
)
def test_names_and_first_days(kind, ends_on, name, begins_on):
    assert suggested_name(kind, ends_on) == name
    assert first_day(kind, ends_on) == begins_on


@pytest.mark.parametrize(
    ("kind", "ends_on", "due_on", "closed_at", "expected"),
    [
        ("month", date(2024, 7, 31), date(2024, 8, 5), None, Phase.UPCOMING),
        ("month", JUNE, date(2024, 7, 5), None, Phase.OPEN),
        ("quarter", date(2024, 9, 30), date(2024, 10, 5), None, Phase.UPCOMING),
        ("year", date(2024, 12, 31), date(2025, 1, 5), None, Phase.OPEN),
        ("ad_hoc", date(2024, 9, 30), date(2024, 10, 5), None, Phase.OPEN),
        ("month", MAY, date(2024, 6, 29), None, Phase.OVERDUE),
        ("month", MAY, date(2024, 6, 30), None, Phase.OPEN),
        ("month", MAY, date(2024, 6, 5), CLOSED, Phase.CLOSED),
    ],
)
def test_where_a_period_stands(kind, ends_on, due_on, closed_at, expected):
    assert phase(ReportingPeriod(kind=kind, ends_on=ends_on, due_on=due_on, closed_at=closed_at)) == expected


def test_the_moment_a_periods_figures_hold_for():
    assert moment_of(ReportingPeriod(ends_on=MAY, closed_at=CLOSED)) == (MAY, CLOSED)
    assert moment_of(ReportingPeriod(ends_on=MAY)) == (MAY, None)
    assert moment_of(ReportingPeriod(ends_on=date(2024, 12, 31))) == (today(), None)


def test_what_a_period_is_compared_with(place, assert_queries):
    june = period_of(place.province, ends_on=JUNE)
    assert comparable(june) == (None, None)
    may = period_of(place.province, ends_on=MAY)
    year_ago = period_of(place.province, ends_on=date(2023, 6, 20))
    for other in (
        period_of(place.district, ends_on=MAY),
        period_of(place.province, "quarter", ends_on=MAY),
        period_of(place.province, ends_on=date(2023, 7, 31)),
        period_of(place.province, ends_on=date(2022, 6, 30)),
    ):
        assert other not in comparable(june)
    with assert_queries(1):
        assert comparable(june) == (may, year_ago)


def test_the_closed_periods_of_an_area_are_also_those_above_it(place):
    of_province = period_of(place.province, closed_at=CLOSED)
    of_district = period_of(place.district, ends_on=date(2024, 4, 30), closed_at=CLOSED)
    period_of(place.other, closed_at=CLOSED)
    period_of(place.province, ends_on=JUNE)
    assert list(closed_periods(place.district)) == [of_province, of_district]
    assert list(closed_periods(place.province)) == [of_province]


# --- the calendar ----------------------------------------------------------------------


def test_a_years_calendar_is_made_once_and_without_what_is_overdue(place):
    make = partial(steps.create_year, place.province, by=place.coordinator)
    period_of(place.province, ends_on=date(2024, 9, 20))
    made = make(2024, ["month", "quarter", "half_year", "year"], 5)
    assert [period.name for period in made] == [
        *(f"Tháng {month} năm 2024" for month in (6, 7, 8, 10, 11, 12)),  # that of September is there
        "Quý II năm 2024", "Quý III năm 2024", "Quý IV năm 2024",
        "6 tháng đầu năm 2024", "6 tháng cuối năm 2024",
        "Năm 2024",
    ]  # fmt: skip
    assert (made[0].ends_on, made[0].due_on, made[-1].ends_on) == (JUNE, date(2024, 7, 5), date(2024, 12, 31))
    assert make(2024, ["month", "quarter", "half_year", "year"], 5) == []
    assert make(2023, ["month"], 5) == []
    assert len(make(2025, ["month"], 5)) == 12


def test_a_period_gets_the_usual_name_and_can_be_there_once(place):
    create = partial(steps.create, place.district, kind="quarter", ends_on=JUNE, due_on=date(2024, 7, 5))
    made = create(name="", by=place.staff)
    assert made.name == "Quý II năm 2024"
    with pytest.raises(Invalid) as refused:
        create(name="Khác", by=place.coordinator)
    assert refused.value.errors == {"ends_on": "Đã có kỳ cùng loại kết thúc ngày này: Quý II năm 2024."}
    with pytest.raises(Invalid) as refused:
        steps.create(
            place.district, kind="month", name="", ends_on=date(2204, 6, 30), due_on=date(2024, 7, 5), by=place.staff
        )
    assert set(refused.value.errors) == {"ends_on", "due_on"}


@pytest.mark.parametrize(
    ("who", "province", "district"),
    [
        ("coordinator", True, True),
        ("staff", False, True),
        ("neighbour", False, False),
        ("officer", False, False),
        ("viewer", False, False),
        ("inspector", False, False),
        ("reviewer", False, False),
        ("root", False, False),
    ],
)
def test_who_makes_and_closes_whose_periods(place, who, province, district):
    user = getattr(place, who)
    for area, allowed in ((place.province, province), (place.district, district)):
        period = period_of(area)

        def tries(step, allowed=allowed):
            with nullcontext() if allowed else pytest.raises(PermissionDenied):
                step()

        new = {"kind": "month", "name": "Kỳ", "ends_on": JUNE, "due_on": JUNE}
        tries(partial(steps.create, area, **new, by=user))
        tries(partial(steps.create_year, area, 2025, ["year"], 5, by=user))
        tries(partial(steps.change, period, **new | {"ends_on": date(2024, 4, 30)}, by=user))
        tries(partial(steps.close, period, by=user))
        if allowed and who != "coordinator":
            with pytest.raises(PermissionDenied):
                steps.reopen(period, "Bổ sung", by=user)
    assert PeriodStep.objects.count() == province + district


def test_the_usual_name_follows_the_kind_and_the_day(place):
    new = {"kind": "half_year", "ends_on": JUNE, "due_on": JUNE}
    period = steps.create(place.district, **new, name="", by=place.staff)
    assert period.name == "6 tháng đầu năm 2024"
    march = {"kind": "month", "ends_on": date(2024, 3, 31), "due_on": JUNE}
    period = steps.change(period, **march, name=period.name, by=place.staff)
    assert period.name == "Tháng 3 năm 2024"
    assert steps.change(period, **new, name="Đợt kiểm tra", by=place.staff).name == "Đợt kiểm tra"


def test_what_was_sent_for_or_closed_is_not_changed_or_deleted(place):
    new = {"kind": "month", "name": "Kỳ", "ends_on": JUNE, "due_on": JUNE}
    period = period_of(place.district)
    steps.change(period, **new, by=place.staff)
    period.refresh_from_db()
    assert (period.name, period.ends_on) == ("Kỳ", JUNE)

    def stays(match):
        for step in (partial(steps.change, **new), steps.delete):
            with pytest.raises(PeriodRefused, match=match):
                step(period, by=place.staff)

    sending = place.sending(place.communes[0], CLOSED, period)
    stays("Đã có xã gửi")
    sending.criteria.clear()
    sending.delete()
    written = PeriodText.objects.create(unit=place.communes[0], period=period, results="Đủ", saved_by=place.officer)
    stays("nhập báo cáo")
    written.delete()
    table = SupplementaryTable.objects.create(
        province=place.province, name="Biểu", starts_on=JUNE, updated_by=place.coordinator
    )
    filled = SupplementaryReturn.objects.create(
        unit=place.communes[0], period=period, table=table, saved_by=place.officer
    )
    stays("nhập báo cáo")
    filled.delete()
    steps.close(period, by=place.staff)
    stays("đã khóa")
    steps.reopen(period, "Nhầm", by=place.coordinator)
    stays("lịch sử phải giữ")
    free = period_of(place.district)
    steps.delete(free, by=place.staff)
    with pytest.raises(PeriodRefused, match="vừa được xóa"):
        steps.close(free, by=place.staff)


# --- closing and reopening -------------------------------------------------------------


def test_closing_twice_is_harmless_and_reopening_keeps_the_history(place):
    period = period_of(place.province)
    first = steps.close(period, by=place.coordinator).closed_at
    with pytest.raises(PeriodRefused, match=r"đã khóa lúc \d\d:\d\d"):
        steps.close(period, by=place.coordinator)
    period.refresh_from_db()
    assert period.closed_at == first
    with pytest.raises(PeriodRefused, match="lý do"):
        steps.reopen(period, "  ", by=place.coordinator)
    steps.reopen(period, "Bổ sung 3 xã", by=place.coordinator)
    with pytest.raises(PeriodRefused, match="đang mở"):
        steps.reopen(period, "Bổ sung 3 xã", by=place.coordinator)
    assert steps.close(period, by=place.coordinator).closed_at > first
    assert list(period.steps.values_list("kind", "reason", "by")) == [
        ("closed", "", place.coordinator.pk),
        ("reopened", "Bổ sung 3 xã", place.coordinator.pk),
        ("closed", "", place.coordinator.pk),
    ]


def test_a_reopening_without_a_reason_cannot_be_stored(place):
    with pytest.raises(IntegrityError), transaction.atomic():
        PeriodStep.objects.create(period=period_of(place.province), kind="reopened", by=place.coordinator)


def test_a_period_is_closed_from_its_last_day_on(place):
    assert steps.close(period_of(place.province, ends_on=today()), by=place.coordinator).closed_at
    with pytest.raises(PeriodRefused, match="khóa được từ ngày 01/07/2024"):
        steps.close(period_of(place.province, ends_on=today() + timedelta(days=1)), by=place.coordinator)


def together(*works):
    """Run callables at once, each on a connection of its own; return what they raised or returned."""
    barrier, results = Barrier(len(works)), [None] * len(works)

    def run(number, work):
        try:
            barrier.wait(timeout=60)
            results[number] = work()
        except Exception as error:
            results[number] = error
        finally:
            connection.close()

    threads = [Thread(target=run, args=(number, work)) for number, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_of_two_who_close_at_once_one_wins():
    place = World()
    period = period_of(place.district)
    results = together(partial(steps.close, period, by=place.staff), partial(steps.close, period, by=place.coordinator))
    assert sorted(type(result).__name__ for result in results) == ["PeriodRefused", "ReportingPeriod"], results
    assert period.steps.count() == 1


@pytest.mark.django_db(transaction=True)
def test_closing_waits_for_what_is_being_published():
    """A publication that began before the closing and ended after it would change reported figures."""
    place = World()
    period, published, results = period_of(place.province), Barrier(2), []

    def close():
        published.wait(timeout=60)
        try:
            results.append(steps.close(period, by=place.coordinator))
        except Exception as error:
            results.append(error)
        finally:
            connection.close()

    thread = Thread(target=close)
    thread.start()
    with transaction.atomic():
        revision = place.put(place.communes[0], 0, "met", MAY)
        published.wait(timeout=60)
        thread.join(timeout=1)
        assert results == [], "the closing waits"
    thread.join()
    assert results[0].closed_at > revision.recorded_at
    day, known_at = moment_of(results[0])
    assert len(state_on([place.communes[0].pk], place.set, ["self"], day, known_at)) == 1
    assert count_late([results[0]], place.coordinator) == {period.pk: 0}


def _revoke(place):
    row = Recognition.objects.create(
        unit=place.communes[0], criteria_set=place.set, decision="1", decided_on=MAY, recorded_by=place.coordinator
    )
    return lambda: recognitions.revoke(row, "2", JUNE, place.coordinator)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "ready",
    [
        lambda place: partial(
            save_plans, place.communes[0], place.set, date(2024, 12, 31),
            {place.indicators[0].pk: Typed(Decimal(97), "met", "", 0)}, place.officer,
        ),
        lambda place: partial(
            recognitions.recognise, place.province, [place.communes[0].pk], place.set, "1", MAY, place.coordinator
        ),
        _revoke,
        lambda place: partial(
            registrations.register, place.province, [place.communes[0].pk], place.set, 2024, "1", MAY,
            place.coordinator,
        ),
    ],
    ids=["plan", "recognition", "revocation", "registration"],
)  # fmt: skip
def test_closing_waits_for_what_is_being_recorded(ready):
    """What began before the closing and ended after it would change reported figures."""
    place = World()
    period, recorded, results = period_of(place.province), Barrier(2), []
    write = ready(place)

    def close():
        recorded.wait(timeout=60)
        try:
            results.append(steps.close(period, by=place.coordinator))
        except Exception as error:
            results.append(error)
        finally:
            connection.close()

    thread = Thread(target=close)
    thread.start()
    with transaction.atomic():
        write()
        written = timezone.now()
        recorded.wait(timeout=60)
        thread.join(timeout=1)
        assert results == [], "the closing waits"
    thread.join()
    assert results[0].closed_at > written


# --- figures that stay -----------------------------------------------------------------


def states(place, period):
    units = [unit.pk for unit in place.communes]
    return state_on(units, place.set, ["self"], *moment_of(period))


events = st.lists(
    st.tuples(
        st.integers(0, 1),  # commune
        st.integers(0, 1),  # indicator
        st.sampled_from(["met", "nearly_met", "not_met", ""]),
        st.integers(-3, 3),  # effective so many days after the end of May
        st.booleans(),  # voided in the end
    ),
    max_size=8,
)


@given(before=events, after=events, old=st.sets(st.integers(0, 7)))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_closed_period_stays_whatever_is_recorded_or_voided_later(place, before, after, old):
    """Real publications and voids; the late list is what changed, by a plain reading of DESIGN §4."""
    sid = transaction.savepoint()

    def put(told):
        return [
            (place.put(place.communes[unit], indicator, verdict, MAY + timedelta(days=days)), voided)
            for unit, indicator, verdict, days, voided in told
        ]

    early = put(before)
    publish.void([_full(row) for row, voided in early if voided], by=place.coordinator, reason="Sai")
    period = steps.close(period_of(place.province), by=place.coordinator)
    closed = states(place, period)
    counted = set(
        Revision.objects.filter(unit__in=place.communes).state_on(*moment_of(period)).values_list("pk", flat=True)
    )
    late = put(after)
    standing = [row for row, voided in early if not voided]
    gone = [row for number, row in enumerate(standing) if number in old]
    publish.void(
        [_full(row) for row in [*gone, *(row for row, voided in late if voided)]], by=place.coordinator, reason="Sai"
    )
    assert states(place, period) == closed
    expected = {row.pk for row, _ in late if row.effective_on <= MAY} | {row.pk for row in gone if row.pk in counted}
    listed = list(late_revisions(period, place.coordinator))
    assert {row.pk for row in listed} == expected
    assert count_late([period], place.coordinator) == {period.pk: len(expected)}
    now = state_on([unit.pk for unit in place.communes], place.set, ["self"], MAY)
    holding = {
        (row.unit_id, row.indicator_id): row
        for row in Revision.objects.filter(unit__in=place.communes).state_on(MAY).select_related("unit")
    }
    for row in late_rows(period, listed):
        key = ("self", row.revision.unit_id, row.revision.indicator_id)
        assert (row.before.verdict if row.before else None) == closed.get(key, {}).get("verdict")
        assert row.is_void == (row.revision.pk in counted)
        if row.is_void:
            assert (row.after.verdict if row.after else None) == now.get(key, {}).get("verdict")
        else:
            assert row.after == row.revision
            is_gone = _full(row.revision).voided_at is not None
            assert row.is_outdone == (not is_gone and holding[key[1:]] != row.revision)
    # A state that differs now has a line that says why.
    changed = {key for key in closed.keys() | now.keys() if closed.get(key) != now.get(key)}
    assert changed <= {("self", row.unit_id, row.indicator_id) for row in listed}
    transaction.savepoint_rollback(sid)


def _full(revision):
    return Revision.objects.select_related("indicator__criterion").get(pk=revision.pk)


def test_the_late_list_keeps_to_what_a_person_sees(place, client, assert_queries):
    commune, far = place.communes[0], place.far[0]
    for unit in (commune, far):
        for number in (0, 1):
            place.put(unit, number, "not_met", date(2024, 5, 1), Decimal(40), at=datetime(2024, 5, 2, tzinfo=UTC))
    period = period_of(place.province, closed_at=CLOSED)
    for unit in (commune, far):
        for number in (0, 1):
            place.put(unit, number, "met", date(2024, 5, 20), Decimal(96), note="Ghi chú riêng")
    place.put(commune, 0, "met", date(2024, 6, 1), Decimal(99))  # of June: not of the period
    own = period_of(place.district, closed_at=CLOSED)
    expected = {"coordinator": 4, "viewer": 4, "root": 4, "reviewer": 2, "staff": 2, "neighbour": 2, "officer": 2}
    for who, number in expected.items():
        user = get_user_model().objects.get(pk=getattr(place, who).pk)
        assert count_late([period], user) == {period.pk: number}, who
        client.force_login(user)
        page = client.get(f"/periods/{period.pk}/late/")
        assert len(page.context["rows"]) == number, who
        text = page.content.decode()
        assert "40" in text and "96" in text and "99 %" not in text
        assert ("Ghi chú riêng" in text) == (who != "viewer"), who
        units = {row.revision.unit for row in page.context["rows"]}
        assert units == {"neighbour": {far}, "staff": {commune}, "officer": {commune}}.get(who, {commune, far}), who
    client.force_login(place.viewer)
    MembershipFactory(user=place.viewer, unit=CommuneFactory(), role=Role.OFFICER)  # of another province
    assert "Ghi chú riêng" not in client.get(f"/periods/{period.pk}/late/").content.decode()
    client.force_login(place.reviewer)
    assert {row.revision.indicator for row in client.get(f"/periods/{period.pk}/late/").context["rows"]} == {
        place.indicators[0]
    }
    user = get_user_model().objects.get(pk=place.coordinator.pk)
    assert count_late([own, period], user) == {own.pk: 2, period.pk: 4}
    client.force_login(place.stranger)
    for path in ("", "late/", "edit/", "delete/", "close/", "reopen/"):
        assert client.get(f"/periods/{period.pk}/{path}").status_code == 404


def test_the_late_list_is_of_the_communes_of_the_periods_last_day(place, client):
    """A commune that moved since: of the district it lay in, though it came back twice, and of no other."""
    moved = place.communes[0]
    places = (place.other, place.district, place.other)
    days = (date(2010, 1, 1), date(2024, 1, 1), date(2024, 6, 10), None)
    moved.versions.all().delete()
    for area, since, until in zip(places, days[:3], days[1:], strict=True):
        UnitVersion.objects.create(
            unit=moved, valid_from=since, valid_to=until, code=moved.code, name=moved.name, kind=moved.kind,
            parent=area, district=area, province=place.province, commune=moved, region=moved.region,
        )  # fmt: skip
    now = {"parent": place.other, "district": place.other, "present_since": days[2]}
    type(moved).objects.filter(pk=moved.pk).update(**now)
    known = place.put(moved, 0, "not_met", date(2023, 5, 1), Decimal(40), at=datetime(2023, 6, 1, tzinfo=UTC))
    closed = {"closed_at": CLOSED}
    own, others, earlier, of_all = (
        period_of(place.district, **closed),
        period_of(place.other, **closed),
        period_of(place.other, ends_on=date(2023, 12, 31), **closed),
        period_of(place.province, **closed),
    )
    place.put(moved, 1, "met", date(2024, 5, 20), Decimal(96))
    place.put(moved, 1, "met", date(2023, 12, 20), Decimal(96))
    publish.void([_full(known)], by=place.coordinator, reason="Sai")
    expected = {own: 3, others: 0, earlier: 2, of_all: 3}
    assert count_late(list(expected), place.coordinator) == {period.pk: late for period, late in expected.items()}
    assert {period: late_revisions(period, place.coordinator).count() for period in expected} == expected
    client.force_login(place.coordinator)
    assert len(client.get(f"/periods/{own.pk}/late/").context["rows"]) == 3


# --- who has sent ----------------------------------------------------------------------


def test_list_and_page_count_the_same_communes(place):
    """Sent for it, for another with the same last day, or from that day on; for a closed period before it was."""
    first, second = place.communes
    june = period_of(place.province, ends_on=JUNE)
    quarter = period_of(place.district, "quarter", ends_on=JUNE)
    may = period_of(place.province, closed_at=CLOSED)
    april = period_of(place.district, ends_on=date(2024, 4, 30), closed_at=CLOSED)
    place.sending(first, datetime(2024, 6, 2, tzinfo=UTC), quarter)  # early, for June's end; after May's
    place.sending(second, datetime(2024, 6, 11, tzinfo=UTC), may)  # after May was closed
    place.sending(place.far[0], datetime(2024, 6, 5, tzinfo=UTC))
    for who in ("coordinator", "staff", "neighbour", "officer", "reviewer", "viewer"):
        user = get_user_model().objects.get(pk=getattr(place, who).pk)
        seen = [p for p in (june, quarter, may, april) if ReportingPeriod.objects.visible_to(user).filter(pk=p.pk)]
        done = progress(seen, user)
        for period in seen:
            rows = communes_of(period, place.set, user)
            assert (done[period.pk].sent, done[period.pk].total) == (
                sum(row.submission is not None for row in rows), len(rows)
            ), (who, period)  # fmt: skip
    coordinator = get_user_model().objects.get(pk=place.coordinator.pk)
    done = progress([june, quarter, may, april], coordinator)
    assert [(done[p.pk].sent, done[p.pk].total) for p in (june, quarter, may, april)] == [
        (1, 4), (1, 2), (2, 4), (1, 2)
    ]  # fmt: skip


def test_the_calendar_takes_the_same_queries_for_three_periods_and_thirty(place, client, count_queries):
    client.force_login(place.coordinator)
    found = []
    for years in (range(2023, 2024), range(2013, 2023)):
        for year in years:
            for month in (1, 2, 3):
                period_of(
                    place.province, "ad_hoc", date(2023, month, year - 2012), closed_at=CLOSED if month < 3 else None
                )
        for unit in place.communes:
            place.sending(unit, CLOSED)
            place.put(unit, 0, "met", date(2023, 1, 1))
        client.get("/periods/?year=2023")
        with count_queries() as queries:
            page = client.get("/periods/?year=2023")
        found.append((len(page.context["rows"]), len(queries)))
    assert [rows for rows, _ in found] == [3, 33]
    assert found[0][1] == found[1][1] <= 16


def test_a_periods_pages_take_the_same_queries_for_few_communes_and_many(place, client, count_queries):
    period = period_of(place.province, closed_at=CLOSED)
    client.force_login(place.coordinator)
    counts = []
    for more in (0, 26):
        for unit in [*place.communes, *(CommuneFactory(parent=place.district) for _ in range(more))]:
            place.sending(unit, CLOSED - timedelta(days=1))
            place.put(unit, 0, "met", MAY, Decimal(96))
        taken = []
        for path in ("", "late/"):
            client.get(f"/periods/{period.pk}/{path}")
            with count_queries() as queries:
                client.get(f"/periods/{period.pk}/{path}")
            taken.append(len(queries))
        counts.append(taken)
    assert counts[0] == counts[1], counts


# --- the screens -----------------------------------------------------------------------


def test_everybody_sees_the_periods_they_report_to(place, client):
    of_province, of_district, of_other = (
        period_of(area, ends_on=JUNE) for area in (place.province, place.district, place.other)
    )
    mine = {
        "officer": {of_province, of_district},
        "staff": {of_province, of_district},
        "neighbour": {of_province, of_other},
        "coordinator": {of_province},
        "reviewer": {of_province},
        "viewer": {of_province},
        "inspector": {of_province},
        "root": {of_province, of_district, of_other},
        "stranger": set(),
    }
    for who, expected in mine.items():
        client.force_login(getattr(place, who))
        page = client.get("/periods/")
        assert {row.period for row in page.context["rows"]} == expected, who
    assert "Chưa có kỳ báo cáo nào" in page.content.decode()
    client.force_login(place.coordinator)
    page = client.get(f"/periods/?area={place.other.pk}")
    assert [row.period for row in page.context["rows"]] == [of_other]
    for query in ("area=0", "area=x", "year=1999", "year=x", f"area={place.communes[0].pk}"):
        assert client.get(f"/periods/?{query}").status_code == 404
    client.force_login(place.officer)
    text = client.get("/periods/").content.decode()
    assert "Chưa gửi" in text and "Lập lịch cả năm" not in text
    assert client.get(f"/periods/?area={place.other.pk}").status_code == 404
    assert client.get(f"/periods/{of_other.pk}/").status_code == 404
    client.force_login(place.viewer)
    assert "Xã đã gửi" not in client.get("/periods/").content.decode()


def test_a_period_is_made_changed_and_deleted_on_the_screen(place, client):
    client.force_login(place.staff)
    form = client.get("/periods/add/").context["form"]
    assert [label for _, label in form.fields["area"].choices] == [place.district.full_name]
    typed = {"area": place.district.pk, "kind": "month", "ends_on": "30/06/2024", "due_on": "05/07/2024", "name": ""}
    made = client.post("/periods/add/", typed, follow=True)
    assert "Đã lập kỳ báo cáo Tháng 6 năm 2024." in made.content.decode()
    period = ReportingPeriod.objects.get()
    assert (period.area, period.due_on) == (place.district, date(2024, 7, 5))
    again = client.post("/periods/add/", typed)
    assert again.status_code == 422 and "Đã có kỳ cùng loại" in again.content.decode()
    for field, value in (
        ("area", place.province.pk), ("area", "x"), ("kind", "week"), ("ends_on", "31/06/2024"), ("due_on", "")
    ):  # fmt: skip
        assert client.post("/periods/add/", typed | {field: value}).status_code == 422, (field, value)
    assert ReportingPeriod.objects.count() == 1
    changed = client.post(f"/periods/{period.pk}/edit/", typed | {"name": "Kỳ tháng 6"})
    assert changed.status_code == 302
    period.refresh_from_db()
    assert period.name == "Kỳ tháng 6"
    assert client.post(f"/periods/{period.pk}/edit/", typed | {"due_on": "x"}).status_code == 422
    place.sending(place.communes[0], CLOSED, period)
    refused = client.post(f"/periods/{period.pk}/edit/", typed)
    assert refused.status_code == 422 and "Đã có xã gửi" in refused.content.decode()
    page = client.get(f"/periods/{period.pk}/").content.decode()
    assert "Đã có xã gửi" in page and f"/periods/{period.pk}/edit/" not in page
    assert "Đã có xã gửi" in client.post(f"/periods/{period.pk}/delete/", follow=True).content.decode()
    free = period_of(place.district)
    assert "sẽ bị xóa khỏi lịch" in client.get(f"/periods/{free.pk}/delete/").content.decode()
    assert "Đã xóa kỳ báo cáo" in client.post(f"/periods/{free.pk}/delete/", follow=True).content.decode()
    assert list(ReportingPeriod.objects.all()) == [period]


def test_a_years_calendar_is_made_on_the_screen(place, client):
    client.force_login(place.coordinator)
    form = client.get("/periods/add-year/").context["form"]
    areas = [int(pk) for pk, _ in form.fields["area"].choices]
    assert areas[0] == place.province.pk and set(areas[1:]) == {place.district.pk, place.other.pk}
    typed = {"area": place.other.pk, "year": "2025", "kinds": ["quarter", "year"], "days": "10"}
    done = client.post("/periods/add-year/", typed, follow=True)
    assert "Đã lập 5 kỳ báo cáo năm 2025" in done.content.decode()
    assert len(done.context["rows"]) == 5
    assert "Không lập thêm kỳ nào" in client.post("/periods/add-year/", typed, follow=True).content.decode()
    for field, value in (("year", "1999"), ("year", "x"), ("kinds", []), ("kinds", ["ad_hoc"]), ("days", "-1")):
        assert client.post("/periods/add-year/", typed | {field: value}).status_code == 422, (field, value)
    assert ReportingPeriod.objects.count() == 5
    assert "Nhập số ngày từ 0 đến 90." in client.post("/periods/add-year/", typed | {"days": "400"}).content.decode()
    client.force_login(place.officer)
    for path in ("add/", "add-year/"):
        assert client.get(f"/periods/{path}").status_code == 403
        assert client.post(f"/periods/{path}", typed).status_code == 403


def test_a_period_is_closed_and_reopened_on_the_screen(place, client):
    period = period_of(place.district)
    sent = place.sending(place.communes[0], CLOSED, period)
    client.force_login(place.staff)
    asked = client.get(f"/periods/{period.pk}/close/").content.decode()
    assert f"1 xã chưa gửi cho kỳ này, được tính theo kết quả đã gửi trước đó: {place.communes[1].name}." in asked
    assert "Còn 1 lần gửi chờ tiếp nhận (3 chỉ tiêu)" in asked
    assert ReportingPeriod.objects.get().closed_at is None
    done = client.post(f"/periods/{period.pk}/close/", follow=True).content.decode()
    assert "số liệu của kỳ không đổi nữa" in done and "Lịch sử khóa, mở lại" in done
    again = client.post(f"/periods/{period.pk}/close/", follow=True).content.decode()
    assert "Kỳ này đã khóa lúc" in again and str(place.staff) in again
    assert client.get(f"/periods/{period.pk}/close/").status_code == 302
    assert client.post(f"/periods/{period.pk}/reopen/", {"reason": "Bổ sung"}).status_code == 403
    client.force_login(place.coordinator)
    assert client.post(f"/periods/{period.pk}/reopen/", {"reason": " "}).status_code == 422
    done = client.post(f"/periods/{period.pk}/reopen/", {"reason": "Bổ sung 3 xã"}, follow=True).content.decode()
    assert "Đã mở lại kỳ" in done and "Bổ sung 3 xã" in done
    again = client.post(f"/periods/{period.pk}/reopen/", {"reason": "Bổ sung 3 xã"}, follow=True).content.decode()
    assert "Kỳ này đang mở." in again
    assert PeriodStep.objects.count() == 2
    assert "Kỳ này đang mở" in client.get(f"/periods/{period.pk}/late/").content.decode()
    client.force_login(place.officer)
    page = client.get(f"/periods/{period.pk}/").content.decode()
    assert f"/submissions/{sent.pk}/" in page and "Khóa kỳ</a>" not in page
    assert client.post(f"/periods/{period.pk}/close/").status_code == 403
    assert client.get(f"/periods/{period.pk}/?set=khong-co").status_code == 404
    assert client.get(f"/periods/{period.pk}/?state=x").context["state"] == ""


def test_a_period_that_has_not_ended_offers_no_closing(place, client):
    period = period_of(place.province, ends_on=date(2024, 7, 31))
    client.force_login(place.coordinator)
    page = client.get(f"/periods/{period.pk}/").content.decode()
    assert "Khóa được từ ngày 31/07/2024" in page and f"/periods/{period.pk}/close/" not in page
    assert "khóa được từ ngày" in client.post(f"/periods/{period.pk}/close/", follow=True).content.decode()
    assert ReportingPeriod.objects.get().closed_at is None


def test_home_reports_and_sendings_lead_to_the_periods(place, client):
    period = period_of(place.district, ends_on=JUNE)
    for who in ("officer", "staff"):
        client.force_login(getattr(place, who))
        assert f'href="/periods/{period.pk}/"' in client.get("/").content.decode()
    for path in ("/reports/", "/submissions/"):
        assert 'href="/periods/"' in client.get(path).content.decode()
