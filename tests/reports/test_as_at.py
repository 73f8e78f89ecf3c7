"""The past as it was, and as it was known: matrices of any day against an account of their own."""

import random
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import openpyxl
import pytest
from django.test import Client

from communes.models import Role, Unit, UnitVersion
from communes.roster import rural_communes_on
from criteria.models import Assessment, Evidence, EvidenceLink, Recognition, ReportingPeriod, Revision, Target
from criteria.periods import moment_of
from criteria.rollup import Item, roll_up
from criteria.state import Moment
from reports.matrix import matrix
from reports.moments import PERIODS_OFFERED
from reports.readiness import readiness
from reports.tables.catalogue import KINDS
from tests.factories import CommuneFactory, DistrictFactory, UserFactory
from tests.reports.worlds import indicators_of, make_province, make_set, member, prove, say

pytestmark = pytest.mark.django_db

TODAY = date(2024, 6, 30)
VERDICTS = ("met", "nearly_met", "not_met", "firmly_met", "")


def at(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def random_history(seed: int):
    """Revisions recorded late, corrected and voided, of three communes over a year."""
    chance = random.Random(seed)
    criteria_set = make_set(criteria=3, indicators=2)
    province, communes = make_province(communes=3, districts=2)
    clerk = UserFactory()
    for _ in range(60):
        day = TODAY - timedelta(days=chance.randrange(300))
        recorded = at(min(TODAY, day + timedelta(days=chance.randrange(60))), chance.randrange(24))
        voided = recorded + timedelta(days=chance.randrange(40)) if chance.random() < 0.2 else None
        verdict = chance.choice(VERDICTS)
        Revision.objects.create(
            unit=chance.choice(communes),
            indicator=chance.choice(indicators_of(criteria_set)),
            stage="self",
            verdict=verdict,
            attainment=None if not verdict else {"nearly_met": 85, "not_met": 40}.get(verdict, 100),
            effective_on=day,
            recorded_at=recorded,
            recorded_by=clerk,
            source="import",
            voided_at=voided,
            voided_by=clerk if voided else None,
            void_reason="Nhập nhầm" if voided else "",
        )
    return criteria_set, province, communes


def expected(commune, criteria_set, moment):
    """Worked out row by row from the list of revisions."""
    items = []
    for indicator in indicators_of(criteria_set):
        rows = [
            row
            for row in Revision.objects.filter(unit=commune, indicator=indicator, stage="self")
            if row.effective_on <= moment.day
            and (moment.known_at is None or row.recorded_at <= moment.known_at)
            and (row.voided_at is None or (moment.known_at is not None and row.voided_at > moment.known_at))
        ]
        newest = max(rows, key=lambda row: (row.effective_on, row.pk), default=None)
        number = indicator.criterion.number
        items.append(
            Item(indicator.pk, number, newest.verdict if newest else "", newest.attainment if newest else None)
        )
    return roll_up(items, [1, 2, 3])


@pytest.mark.parametrize("seed", range(4))
def test_any_day_as_known_at_any_moment_is_what_the_revisions_say(seed):
    chance = random.Random(seed)
    criteria_set, province, communes = random_history(seed)
    for _ in range(5):
        day = TODAY - timedelta(days=chance.randrange(320))
        moment = Moment(day, chance.choice([None, at(day + timedelta(days=chance.randrange(40)))]))
        found = {row.unit_id: row for row in matrix(province, criteria_set, "self", moment=moment).rows}
        assert set(found) == {commune.pk for commune in communes}
        for commune in communes:
            rollup, row = expected(commune, criteria_set, moment), found[commune.pk]
            if rollup.counts["not_assessed"] == 3:
                assert not row.has_opinion
                continue
            assert row.states == tuple(state.state for state in rollup.states.values())
            assert (row.met, row.nearly, row.progress) == (
                rollup.criteria_met,
                rollup.criteria_nearly,
                rollup.progress,
            )


def test_today_from_the_revisions_is_today_from_the_standings():
    criteria_set = make_set()
    province, communes = make_province(communes=4, districts=2)
    for commune, verdicts in zip(communes, (["met"] * 6, ["met"] * 5 + ["not_met"], ["met"], []), strict=True):
        say(commune, criteria_set, "self", verdicts)
    assert Assessment.objects.exists()
    now, past = matrix(province, criteria_set, "self"), matrix(province, criteria_set, "self", moment=Moment(TODAY))
    assert now.rows == past.rows
    assert (now.figures, now.totals) == (past.figures, past.totals)


def cells(content: bytes) -> list:
    """Every cell of a workbook but when it was drawn."""
    book = openpyxl.load_workbook(BytesIO(content), data_only=True)
    return [[list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets]


def test_a_closed_period_stays_after_late_entries_voids_and_a_rename():
    criteria_set = make_set()
    province, communes = make_province(communes=3, districts=2)
    staff = member(province, Role.COORDINATOR)
    for commune in communes:
        say(commune, criteria_set, "self", ["met"] * 5 + ["not_met"], date(2024, 5, 1))
    Revision.objects.update(recorded_at=at(date(2024, 5, 2)))
    period = ReportingPeriod.objects.create(
        area=province, kind="month", name="Tháng 5", ends_on=date(2024, 5, 31), due_on=date(2024, 6, 3),
        closed_at=at(date(2024, 6, 5)),
    )  # fmt: skip
    Recognition.objects.create(
        unit=communes[0], criteria_set=criteria_set, decision="1/QĐ-UBND", decided_on=date(2024, 1, 10),
        recorded_by=staff, recorded_at=at(date(2024, 5, 2)),
    )  # fmt: skip
    client = Client()
    client.force_login(staff)
    query = f"set={criteria_set.code}&stage=self&period={period.pk}"
    # The forms that are drawn of a period by their own option aren't of a moment; villages there are none.
    kinds = [kind.key for kind in KINDS.values() if kind.has_moment and kind.key != "villages"]
    addresses = [
        f"/reports/matrix/{province.pk}.xlsx?{query}",
        *(f"/reports/readiness/{commune.pk}.xlsx?{query}" for commune in communes),
        *(f"/reports/tables/{key}.xlsx?area={province.pk}&{query}" for key in kinds),
    ]
    before = [cells(client.get(address).content) for address in addresses]
    say(communes[0], criteria_set, "self", ["not_met"] * 6, date(2024, 5, 20))
    Revision.objects.filter(verdict="not_met", effective_on=date(2024, 5, 20)).update(recorded_at=at(date(2024, 6, 10)))
    Revision.objects.filter(unit=communes[1], verdict="not_met").update(
        voided_at=at(date(2024, 6, 11)), void_reason="Nhầm", voided_by=staff
    )
    amended = Target.objects.filter(indicator__criterion__criteria_set=criteria_set).first()
    Target.objects.create(
        indicator=amended.indicator, operator=amended.operator, value=99, text="≥ 99 %", from_year=2025,
        confirmed_by=staff, confirmed_at=at(date(2024, 6, 12)),
    )  # fmt: skip
    # Recognised, and revoked, by decisions recorded after the period was closed.
    Recognition.objects.update(
        revoked_decision="2/QĐ-UBND", revoked_on=date(2024, 5, 20), revoked_at=at(date(2024, 6, 10)), revoked_by=staff
    )
    Recognition.objects.create(
        unit=communes[1], criteria_set=criteria_set, decision="3/QĐ-UBND", decided_on=date(2024, 1, 10),
        recorded_by=staff, recorded_at=at(date(2024, 6, 10)),
    )  # fmt: skip
    unit = communes[2]
    UnitVersion.objects.filter(unit=unit).delete()
    for start, end, name in ((date(2010, 1, 1), date(2024, 6, 15), unit.name), (date(2024, 6, 15), None, "Tên Mới")):
        UnitVersion.objects.create(
            unit=unit, valid_from=start, valid_to=end, name=name, code=unit.code, kind=unit.kind,
            province_id=unit.province_id, district_id=unit.district_id, commune=unit, region=unit.region,
        )  # fmt: skip
    Unit.objects.filter(pk=unit.pk).update(name="Tên Mới", present_since=date(2024, 6, 15))
    assert [cells(client.get(address).content) for address in addresses] == before
    now = client.get(f"/matrix/?area={province.pk}&set={criteria_set.code}&stage=self").content.decode()
    assert "Tên Mới" in now


def test_communes_are_where_and_what_they_were(assert_queries):
    province, communes = make_province(communes=3, districts=1)
    old, new = communes[0].district, DistrictFactory(parent=province)
    moved, urban, plain = communes
    day = date(2024, 3, 1)
    for unit, past in ((moved, {"district_id": old.pk}), (urban, {"kind": "commune"})):
        base = {"name": unit.name, "code": unit.code, "kind": unit.kind, "province_id": province.pk}
        base |= {"district_id": unit.district_id, "commune_id": unit.pk}
        UnitVersion.objects.filter(unit=unit).delete()
        now = {"district_id": new.pk} if unit == moved else {"kind": "ward"}
        past = past if unit == moved else {"kind": unit.kind}
        UnitVersion.objects.create(unit=unit, valid_from=date(2010, 1, 1), valid_to=day, **(base | past))
        UnitVersion.objects.create(unit=unit, valid_from=day, **(base | now))
        Unit.objects.filter(pk=unit.pk).update(present_since=day, **now)
    Unit.objects.filter(pk=plain.pk).update(closed_on=date(2024, 5, 1))
    before, after = date(2024, 2, 28), date(2024, 3, 2)
    with assert_queries(3):
        found = rural_communes_on(province, before)
    assert {(one.id, one.district_id) for one in found} == {(unit.pk, old.pk) for unit in communes}
    assert {one.id for one in rural_communes_on(old, before)} == {unit.pk for unit in communes}
    assert rural_communes_on(new, before) == []
    assert {(one.id, one.district_id) for one in rural_communes_on(province, after)} == {
        (moved.pk, new.pk),
        (plain.pk, old.pk),
    }
    assert [one.id for one in rural_communes_on(new, TODAY)] == [moved.pk]
    assert [one.id for one in rural_communes_on(new, date(2024, 6, 29))] == [moved.pk]


def test_a_commune_of_the_past_opens_with_the_set_and_papers_of_then():
    old, new = make_set(first_year=2021, last_year=2025), make_set(first_year=2024)
    province, communes = make_province(communes=1)
    unit = communes[0]
    staff = member(province, Role.COORDINATOR)
    say(unit, old, "self", ["met"] * 6, date(2023, 5, 1))
    client = Client()
    client.force_login(staff)
    now = client.get(f"/units/{unit.pk}/")
    then = client.get(f"/units/{unit.pk}/?as_of=2023-12-31")
    assert (now.context["criteria_set"], then.context["criteria_set"]) == (new, old)
    page = then.content.decode()
    for name in ("brief", "notice"):
        link = f"/reports/{name}/{unit.pk}/?set={old.code}&amp;stage=combined&amp;as_of=2023-12-31"
        assert link.replace("&amp;as_of", "&as_of") in page or link in page
        paper = client.get(f"/reports/{name}/{unit.pk}/?as_of=2023-12-31").content.decode()
        assert "31/12/2023" in paper and old.name in paper
        assert client.get(f"/reports/{name}/{unit.pk}/?as_of=2030-01-01").status_code == 404


def test_districts_of_the_past_are_in_vietnamese_order():
    province, _ = make_province(communes=0)
    for kind, name in (("thi-xa", "Bỉm Sơn"), ("huyen", "Đông Sơn"), ("thanh-pho", "Sầm Sơn"), ("huyen", "Nông Cống")):
        CommuneFactory(parent=DistrictFactory(parent=province, kind=kind, name=name))
    order = ["Thị xã Bỉm Sơn", "Huyện Đông Sơn", "Huyện Nông Cống", "Thành phố Sầm Sơn"]
    CommuneFactory(parent=province, name="An")  # directly under the province: last
    order.append("")
    assert [one.district for one in rural_communes_on(province, TODAY)] == order
    assert [one.district for one in rural_communes_on(province, date(2024, 6, 1))] == order


def moved(unit, day: date, **now) -> None:
    """The unit came to other places that day."""
    was = {name: getattr(unit, name) for name in ("code", "name", "kind", "parent_id", "province_id", "district_id")}
    was |= {"region": unit.region, "commune_id": unit.commune_id}
    UnitVersion.objects.filter(unit=unit).delete()
    UnitVersion.objects.create(unit=unit, valid_from=date(2015, 1, 1), valid_to=day, **was)
    UnitVersion.objects.create(unit=unit, valid_from=day, **(was | now))
    Unit.objects.filter(pk=unit.pk).update(present_since=day, **now)


def test_a_commune_that_left_its_district_keeps_the_reports_of_its_periods():
    criteria_set = make_set()
    province, communes = make_province(communes=2, districts=2)
    unit, other = communes
    former, new = unit.district, other.district
    staff = member(province, Role.COORDINATOR)
    say(unit, criteria_set, "self", ["met"] * 6, date(2024, 4, 1))
    moved(unit, date(2024, 5, 1), district_id=new.pk, parent_id=new.pk)

    def period(area, day):
        return ReportingPeriod.objects.create(
            area=area, kind="month", name=f"Kỳ đến {day}", ends_on=day, due_on=day, closed_at=at(date(2024, 6, 5))
        )

    own, later = period(former, date(2024, 4, 30)), period(former, date(2024, 5, 31))
    present = period(new, date(2024, 5, 31))
    client = Client()
    client.force_login(staff)

    def statuses(unit, period):
        addresses = (
            f"/reports/units/{unit.pk}/{period.pk}/",
            f"/reports/units/{unit.pk}/{period.pk}.xlsx",
            f"/units/{unit.pk}/period-report/{period.pk}/",
            f"/units/{unit.pk}/?period={period.pk}",
            f"/units/{unit.pk}/criteria/1/past/?period={period.pk}",
        )
        return {client.get(address).status_code for address in addresses}

    assert statuses(unit, own) == statuses(unit, present) == {200}
    assert statuses(unit, later) == statuses(other, own) == {404}
    assert own.name in client.get(f"/units/{unit.pk}/").content.decode()
    # What is due is asked by where the commune lies today.
    ReportingPeriod.objects.filter(pk=own.pk).update(closed_at=None)
    answer = client.get(f"/units/{unit.pk}/period-report/")
    assert answer["Location"].endswith(f"/period-report/{present.pk}/")


def test_the_oldest_of_many_periods_can_be_drawn():
    """More than a page lists: the one shown is listed too."""
    criteria_set = make_set(first_year=2016)
    province, (unit,) = make_province(communes=1)
    client = Client()
    client.force_login(member(province, Role.COORDINATOR))
    rows = [
        ReportingPeriod(area=province, kind="month", name=f"Kỳ {number}", ends_on=day, due_on=day, closed_at=at(TODAY))
        for number in range(PERIODS_OFFERED + 2)
        for day in [date(2018 + number // 12, number % 12 + 1, 28)]
    ]
    oldest, *_ = ReportingPeriod.objects.bulk_create(rows)
    here = f"area={province.pk}&set={criteria_set.code}"
    for address in (
        f"/matrix/?{here}&period={oldest.pk}",
        f"/units/{unit.pk}/?period={oldest.pk}",
        f"/reports/tables/headline/?{here}&period={oldest.pk}",
        f"/units/{unit.pk}/period-report/{oldest.pk}/",
        f"/reports/tables/supplementary/?{here}&of_period={oldest.pk}",
    ):
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert f'<option value="{oldest.pk}" selected>' in answer.content.decode(), address
    assert answer.context["report"].as_of == oldest.ends_on
    assert len(client.get(f"/matrix/?{here}").context["periods"]) == PERIODS_OFFERED


def test_what_is_sent_between_a_periods_end_and_its_closing_counts():
    """Proof comes with the results for the last day; what is sent after the closing doesn't count."""
    criteria_set = make_set()
    province, (unit,) = make_province(communes=1)
    staff = member(province, Role.COORDINATOR)
    say(unit, criteria_set, "self", ["met"] * 6, date(2024, 5, 31))
    sent, late, taken_back = (prove(unit, indicator) for indicator in indicators_of(criteria_set)[:3])
    EvidenceLink.objects.update(published_at=at(date(2024, 6, 3)))
    EvidenceLink.objects.filter(evidence=late).update(published_at=at(date(2024, 6, 10)))
    EvidenceLink.objects.filter(evidence=taken_back).update(removed_at=at(date(2024, 6, 4)))
    soon = Evidence.objects.filter(pk__in=[sent.pk, late.pk, taken_back.pk])
    soon.update(expires_on=date(2024, 6, 15))
    period = ReportingPeriod.objects.create(
        area=province, kind="month", name="Tháng 5", ends_on=date(2024, 5, 31), due_on=date(2024, 6, 3),
        closed_at=at(date(2024, 6, 5)),
    )  # fmt: skip

    def documents(moment: Moment) -> list[int]:
        return [line.documents_total for line in readiness(unit, criteria_set, "self", staff, moment).indicators]

    assert documents(moment_of(period)) == [1, 0, 0, 0, 0, 0]
    assert documents(Moment(date(2024, 5, 31))) == [0] * 6
    assert documents(Moment(date(2024, 6, 3))) == [1, 0, 1, 0, 0, 0]
    client = Client()
    client.force_login(staff)
    here = f"area={province.pk}&set={criteria_set.code}&stage=self"
    for moment, number in ((f"period={period.pk}", 1), ("as_of=2024-05-31", 0)):
        report = client.get(f"/reports/tables/regression/?{here}&{moment}").context["report"]
        assert len(next(table for table in report.tables if table.key == "minh_chung").lines) == number, moment
