"""A criterion's page of a day in the past: what it said then, to read only; links from the past lead to it."""

from datetime import UTC, date, datetime

import pytest
from django.test import Client

from communes.models import Role, Unit, UnitVersion
from criteria.models import EvidenceLink, ReportingPeriod, Revision, Submission, Target
from inspections.models import Finding, FindingEvent
from tests.factories import CriterionFactory, DepartmentFactory, IndicatorFactory
from tests.reports.worlds import concluded_visit, find, indicators_of, make_province, make_set, member, prove, say

pytestmark = pytest.mark.django_db

THEN = "2024-03-31"


def at(month: int, day: int) -> datetime:
    return datetime(2024, month, day, 5, tzinfo=UTC)


class World:
    """Criterion 1 was met in March by 96 %; since then it isn't, has another target, other proof and no finding."""

    def __init__(self) -> None:
        self.set = make_set(criteria=2, indicators=2, first_year=2021)
        self.province, self.communes = make_province(communes=2)
        self.unit = self.communes[0]
        self.staff = member(self.province, Role.COORDINATOR)
        self.first = indicators_of(self.set)[0]
        say(self.unit, self.set, "self", ["met"] * 4, date(2024, 3, 1))
        Revision.objects.update(recorded_at=at(3, 2), target_operator=">=", target_value=95, target_text="≥ 95 %")
        say(self.unit, self.set, "self", ["not_met"] * 4, date(2024, 5, 1))
        Target.objects.filter(indicator=self.first).update(value=99, text="≥ 99 %")
        old = prove(self.unit, self.first, title="Báo cáo cũ")
        EvidenceLink.objects.filter(evidence=old).update(published_at=at(3, 2), removed_at=at(4, 20))
        prove(self.unit, self.first, title="Báo cáo mới")
        EvidenceLink.objects.exclude(evidence=old).update(published_at=at(5, 2))

    def client(self, user=None) -> Client:
        client = Client()
        client.force_login(user or self.staff)
        return client

    def url(self, number: int = 1, as_of: str = THEN) -> str:
        return f"/units/{self.unit.pk}/criteria/{number}/past/?set={self.set.code}&as_of={as_of}"


@pytest.fixture
def small():
    return World()


def test_it_says_what_stood_then_and_takes_nothing(small):
    page = small.client().get(small.url()).content.decode()
    assert "Đang xem quá khứ" in page and "31/03/2024" in page
    assert "96 %" in page and "01/03/2024" in page and "≥ 95 %" in page
    assert "≥ 99 %" not in page and "01/05/2024" not in page and "50 %" not in page
    assert "Báo cáo cũ" in page and "Báo cáo mới" not in page
    main = page.split("<main", 1)[1]
    assert 'method="post"' not in main and "<textarea" not in main
    later = small.client().get(small.url(as_of="2024-05-15")).content.decode()
    assert "50 %" in later and "Báo cáo mới" in later and "Báo cáo cũ" not in later


def test_a_closed_period_leaves_out_what_came_later(small):
    period = ReportingPeriod.objects.create(
        area=small.province, kind="quarter", name="Quý II", ends_on=date(2024, 5, 31), due_on=date(2024, 6, 5),
        closed_at=at(5, 31),
    )  # fmt: skip
    # `say` records on 2 June: after the period was closed.
    page = small.client().get(f"/units/{small.unit.pk}/criteria/1/past/?period={period.pk}").content.decode()
    assert "96 %" in page and "50 %" not in page and "đã khóa" in page


def test_findings_are_those_open_then(small):
    visit = concluded_visit(small.unit, small.set, held_on=date(2024, 3, 19))
    finding = find(visit, 1, department=DepartmentFactory(), due_on=date(2024, 5, 20))
    type(visit).objects.filter(pk=visit.pk).update(concluded_at=at(3, 20))
    FindingEvent.objects.filter(finding=finding).delete()
    FindingEvent.objects.create(finding=finding, kind="closed", by=small.staff, at=at(4, 10), note="Đã xong")
    Finding.objects.filter(pk=finding.pk).update(state="closed")
    before = small.client().get(small.url()).content.decode()
    assert f"/findings/{finding.pk}/" in before
    after = small.client().get(small.url(as_of="2024-04-30")).content.decode()
    assert f"/findings/{finding.pk}/" not in after and "không có tồn tại" in after


def test_the_communes_page_of_a_past_day_leaves_out_what_was_done_later(small):
    for month, held in ((3, date(2024, 3, 10)), (5, date(2024, 5, 10))):
        concluded_visit(
            small.unit, small.set, held_on=held, concluded_at=at(month, 12), summary=f"Kết luận tháng {month}"
        )
        Submission.objects.create(unit=small.unit, criteria_set=small.set, sent_by=small.staff, sent_at=at(month, 20))
    url = f"/units/{small.unit.pk}/?set={small.set.code}&as_of="
    then, later = (small.client().get(url + day).context for day in (THEN, "2024-05-31"))
    assert (len(then["visits"]), len(then["submissions"])) == (1, 1)
    assert then["last_conclusion"].summary == "Kết luận tháng 3"
    assert (len(later["visits"]), len(later["submissions"])) == (2, 2)
    assert later["last_conclusion"].summary == "Kết luận tháng 5"


def test_a_renamed_commune_has_its_name_of_then(small):
    unit = small.unit
    UnitVersion.objects.filter(unit=unit).delete()
    place = {"code": unit.code, "kind": unit.kind, "province": small.province, "district": unit.district}
    for since, until, name in ((date(2010, 1, 1), date(2024, 5, 1), "Tên Cũ"), (date(2024, 5, 1), None, "Tên Mới")):
        UnitVersion.objects.create(unit=unit, commune=unit, valid_from=since, valid_to=until, name=name, **place)
    Unit.objects.filter(pk=unit.pk).update(name="Tên Mới", present_since=date(2024, 5, 1))
    for url in (f"/units/{unit.pk}/?set={small.set.code}&as_of=", small.url(as_of="")):
        assert "Tên Cũ" in small.client().get(url + THEN).content.decode()
        assert "Tên Cũ" not in small.client().get(f"{url}2024-05-31").content.decode()


def test_links_of_the_past_stay_in_it(small):
    client = small.client()
    past = f"/units/{small.unit.pk}/criteria/1/past/?"
    matrix = client.get(f"/matrix/?area={small.province.pk}&set={small.set.code}&stage=self&as_of={THEN}")
    unit = client.get(f"/units/{small.unit.pk}/?set={small.set.code}&as_of={THEN}")
    for page in (matrix.content.decode(), unit.content.decode()):
        link = page.split(past, 1)[1].split('"', 1)[0]
        assert f"as_of={THEN}" in link
        assert f"/units/{small.unit.pk}/criteria/1/?" not in page
    other = make_set(first_year=2021, grade="advanced")
    chips = client.get(f"/units/{small.unit.pk}/?set={small.set.code}&as_of={THEN}").content.decode()
    assert f"/units/{small.unit.pk}/?set={other.code}&amp;as_of={THEN}" in chips
    here = client.get(small.url()).content.decode()
    assert f"/criteria/2/past/?set={small.set.code}&amp;as_of={THEN}" in here
    assert f"/units/{small.unit.pk}/?set={small.set.code}&amp;as_of={THEN}" in here
    now = client.get(f"/matrix/?area={small.province.pk}&set={small.set.code}&stage=self").content.decode()
    assert "/past/" not in now


def test_the_page_of_now_leads_to_that_of_a_day_and_back(small):
    client = small.client()
    told = client.get(f"/units/{small.unit.pk}/criteria/1/?set={small.set.code}&as_of={THEN}")
    assert (told.status_code, told["Location"]) == (302, small.url())
    back = client.get(f"/units/{small.unit.pk}/criteria/1/past/?set={small.set.code}")
    assert back["Location"] == f"/units/{small.unit.pk}/criteria/1/?set={small.set.code}"


def test_what_can_not_be_seen(small):
    client = small.client()
    for query in ("as_of=2030-01-01", "as_of=x", "as_of=1990-01-01", "period=0", f"as_of={THEN}&set=khong-co"):
        assert client.get(f"/units/{small.unit.pk}/criteria/1/past/?{query}").status_code == 404, query
    assert client.get(small.url(number=9)).status_code == 404
    neighbour = small.client(member(make_province(communes=1, code="97")[0], Role.COORDINATOR))
    assert neighbour.get(small.url()).status_code == 404
    assert neighbour.get(f"/units/{small.unit.pk}/criteria/1/?as_of={THEN}").status_code == 404
    viewer = small.client(member(small.province, Role.VIEWER)).get(small.url()).content.decode()
    assert "96 %" in viewer and "Báo cáo cũ" not in viewer and "không xem minh chứng" in viewer


def test_it_asks_as_much_for_many_indicators_as_for_few(small, count_queries):
    client, counts = small.client(), []
    client.get(small.url())
    criterion = CriterionFactory(criteria_set=small.set, number=3)
    for wanted in (3, 30):
        for position in range(criterion.indicators.count() + 1, wanted + 1):
            prove(small.unit, IndicatorFactory(criterion=criterion, position=position))
        EvidenceLink.objects.filter(indicator__criterion=criterion).update(published_at=at(3, 2))
        with count_queries() as queries:
            assert client.get(small.url(number=3)).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
