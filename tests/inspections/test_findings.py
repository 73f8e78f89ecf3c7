"""Tồn tại, hạn chế: drafts of the team, then the way from open to closed."""

import datetime
import re

import pytest
from django.core.exceptions import PermissionDenied
from django.urls import reverse
from django.utils import timezone

from criteria.models import Evidence
from inspections import findings as steps
from inspections import planning
from inspections.models import Finding, FindingEvent, Visit
from tests.factories import CriterionFactory, FindingFactory, IndicatorFactory, VisitFactory
from tests.inspections.world import HELD

LIST = reverse("inspections:finding_list")


def url(name, thing):
    return reverse(f"inspections:{name}", args=[thing.pk])


def data(place, **fields):
    return {
        "criterion": place.criterion(1).pk,
        "indicator": "",
        "description": "Còn 71 hộ chưa có nước sạch",
        "recommendation": "Đấu nối nước máy",
        "due_on": "2024-09-30",
        "department": "",
        "cause": "capital",
        "version": 0,
        **fields,
    }


def concluded(visit):
    Visit.objects.filter(pk=visit.pk).update(
        state="concluded", held_on=HELD, concluded_at=timezone.now(), concluded_by=visit.planned_by
    )
    visit.refresh_from_db()
    return visit


def seen(finding, typed):
    """What a form of the finding's page as it is now sends."""
    return {**typed, "seen_version": Finding.objects.get(pk=finding.pk).version}


@pytest.fixture
def finding(place, visit):
    found = FindingFactory(visit=visit, criterion=place.criterion(1), created_by=place.leader)
    concluded(visit)
    return found


def evidence(unit, by, **fields):
    return Evidence.objects.create(unit=unit, form="paper", title="Biên bản", kept_at="Tủ", uploaded_by=by, **fields)


# --- drafts ----------------------------------------------------------------------------


def test_the_team_notes_changes_and_deletes_a_draft(place, visit):
    client = place.client(place.member)
    create = url("finding_create", visit)
    text = client.get(f"{create}?criterion={place.criterion(1).pk}&indicator={place.indicator('1.1').pk}").text
    assert f'<option value="{place.indicator("1.1").pk}" selected>' in text
    answer = client.post(create, data(place, indicator=place.indicator("1.1").pk))
    assert answer.headers["Location"] == f"/visits/{visit.pk}/criteria/1/#findings"
    finding = Finding.objects.get()
    assert (finding.cause, finding.created_by, finding.indicator.code) == ("capital", place.member, "1.1")
    assert "Còn 71 hộ" in client.get(f"/visits/{visit.pk}/criteria/1/").text
    assert "Còn 71 hộ" in client.get(url("visit_detail", visit)).text
    edit = url("finding_edit", finding)
    assert client.get(edit).status_code == 200
    assert client.post(edit, data(place, description="Còn 70 hộ", version=1)).status_code == 302
    stale = client.post(edit, data(place, description="Còn 69 hộ", version=1))
    assert stale.status_code == 422
    assert "vừa được người khác thay đổi" in stale.text
    delete = url("finding_delete", finding)
    assert client.get(delete).status_code == 200
    assert Finding.objects.get().description == "Còn 70 hộ"
    assert client.post(delete).status_code == 302
    assert not Finding.objects.exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"description": "\u200b"}, "Nêu tồn tại"),
        ({"description": "x" * 3001}, "vượt quá 3000"),
        ({"due_on": "2024-06-24"}, "từ ngày kiểm tra (25/06/2024)"),
        ({"due_on": "2099-01-01"}, "quá xa"),
        ({"due_on": ""}, "Nhập ngày"),
        ({"cause": "weather"}, "weather"),
        ({"criterion": "999999"}, "Không thuộc phạm vi"),
        ({"indicator": "999999"}, "Không thuộc phạm vi"),
    ],
)
def test_bad_input_is_said_beside_the_field(place, visit, fields, words):
    answer = place.client(place.leader).post(url("finding_create", visit), data(place, **fields))
    assert answer.status_code == 422
    assert words in answer.text
    assert not Finding.objects.exists()


def test_an_indicator_of_another_criterion_is_refused(place, visit):
    answer = place.client(place.leader).post(
        url("finding_create", visit), data(place, indicator=place.indicator("2.1").pk)
    )
    assert answer.status_code == 422
    assert "không thuộc tiêu chí số 1" in answer.text
    foreign = IndicatorFactory(criterion=CriterionFactory())
    fields = {"criterion": foreign.criterion, "indicator": foreign, "due_on": HELD, "description": "x"}
    with pytest.raises(planning.Invalid):
        steps.raise_finding(visit, fields, by=place.leader)


@pytest.mark.parametrize(
    ("who", "status"), [("officer", 403), ("coordinator", 403), ("neighbour_officer", 404), ("viewer", 404)]
)
def test_only_the_team_notes_findings(place, visit, who, status):
    client = place.client(getattr(place, who))
    assert client.post(url("finding_create", visit), data(place)).status_code == status


@pytest.mark.parametrize(
    ("who", "status"),
    [("officer", 404), ("district_staff", 404), ("coordinator", 200), ("neighbour_officer", 404), ("viewer", 404)],
)
def test_a_draft_is_seen_by_the_team_and_the_coordinator(place, visit, who, status):
    finding = FindingFactory(visit=visit, criterion=place.criterion(1))
    assert place.client(getattr(place, who)).get(url("finding_detail", finding)).status_code == status


def test_after_the_conclusion_a_finding_is_neither_changed_nor_deleted(place, finding):
    client = place.client(place.leader)
    assert client.post(url("finding_edit", finding), data(place)).status_code == 403
    assert client.post(url("finding_delete", finding)).status_code == 403
    with pytest.raises(planning.Closed):
        steps.delete_finding(finding, by=place.leader)
    assert Finding.objects.exists()


# --- remedied, closed, reopened --------------------------------------------------------


def test_the_whole_way(place, finding):
    commune, leader = place.client(place.officer), place.client(place.leader)
    proof = evidence(place.unit, place.officer)
    text = commune.get(url("finding_detail", finding)).text
    assert "Báo đã khắc phục" in text
    assert "Biên bản" in text
    assert "Xác nhận đã khắc phục</button>" not in text
    assert (
        commune.post(
            url("finding_remedy", finding), seen(finding, {"note": "Đã đấu nối", "evidence": [proof.pk]})
        ).status_code
        == 302
    )
    finding.refresh_from_db()
    assert (finding.state, list(finding.evidence.all())) == ("remedied", [proof])
    for reader in (place.leader, place.officer):  # who confirms reads what proves it, sent with a result or not
        assert proof.title in place.client(reader).get(url("finding_detail", finding)).text
        assert place.client(reader).get(reverse("criteria:evidence_detail", args=[proof.pk])).status_code == 200
    assert (
        place.client(place.neighbour_officer).get(reverse("criteria:evidence_detail", args=[proof.pk])).status_code
        == 404
    )
    assert leader.post(url("finding_reopen", finding), seen(finding, {"note": ""})).status_code == 422
    assert leader.post(url("finding_reopen", finding), seen(finding, {"note": "Còn 5 hộ"})).status_code == 302
    assert commune.post(url("finding_remedy", finding), seen(finding, {"note": "Đã xong 5 hộ"})).status_code == 302
    assert leader.post(url("finding_close", finding), seen(finding, {"note": ""})).status_code == 302
    assert leader.post(url("finding_close", finding), seen(finding, {"note": ""})).status_code == 409
    finding.refresh_from_db()
    assert finding.state == "closed"
    kinds = list(finding.events.values_list("kind", flat=True))
    assert kinds == ["remedied", "reopened", "remedied", "closed"]
    text = commune.get(url("finding_detail", finding)).text
    assert "Còn 5 hộ" in text
    assert "Đã xác nhận khắc phục" in text


def test_a_remedy_needs_words_and_evidence_in_use_of_the_unit(place, finding):
    client = place.client(place.officer)
    assert client.post(url("finding_remedy", finding), seen(finding, {"note": ""})).status_code == 422
    foreign = evidence(place.neighbour, place.neighbour_officer)
    retired = evidence(place.unit, place.officer, retired_at=finding.created_at, retire_reason="Sai")
    for item in (foreign, retired):
        answer = client.post(url("finding_remedy", finding), seen(finding, {"note": "Đã xong", "evidence": [item.pk]}))
        assert answer.status_code == 422
        with pytest.raises(planning.Invalid):
            steps.remedy(finding, seen_version=finding.version, note="Đã xong", evidence=[item], by=place.officer)
    assert (
        client.post(
            url("finding_remedy", finding), seen(finding, {"note": "x", "evidence": ["not-a-uuid"]})
        ).status_code
        == 422
    )
    finding.refresh_from_db()
    assert finding.state == "open"


def test_a_second_remedy_is_refused_and_what_was_typed_is_shown(place, finding):
    opened = seen(finding, {"note": "Đã lắp đồng hồ"})
    steps.remedy(finding, seen_version=finding.version, note="Xong", evidence=[], by=place.officer)
    for typed in (opened, seen(finding, opened)):
        answer = place.client(place.officer).post(url("finding_remedy", finding), typed)
        assert answer.status_code == 409
        assert "Hiện nay: “Đã khắc phục, chờ xác nhận”" in answer.text
        assert "Đã lắp đồng hồ" in answer.text
    assert FindingEvent.objects.count() == 1


def test_an_open_finding_is_not_closed_without_a_remedy(place, finding):
    leader = place.client(place.leader)
    page = leader.get(url("finding_detail", finding)).text
    assert url("finding_close", finding) not in page
    assert url("finding_slip", finding) in page
    answer = leader.post(url("finding_close", finding), seen(finding, {"note": "Đủ"}))
    assert answer.status_code == 409
    assert "Chỉ xác nhận sau khi xã đã báo khắc phục." in answer.text
    finding.refresh_from_db()
    assert (finding.state, finding.events.count()) == ("open", 0)


@pytest.mark.parametrize("again", [False, True])
def test_a_stale_confirmation_does_not_close_what_a_colleague_reopened(place, finding, again):
    """Also when the commune has reported a remedy anew: its words aren't the ones that were read."""
    commune, leader = place.client(place.officer), place.client(place.leader)
    commune.post(url("finding_remedy", finding), seen(finding, {"note": "Đã đấu nối"}))
    version = re.search(r'name="seen_version" value="(\d+)"', leader.get(url("finding_detail", finding)).text)[1]
    colleague = place.client(place.coordinator)
    assert colleague.post(url("finding_reopen", finding), seen(finding, {"note": "Còn 5 hộ"})).status_code == 302
    if again:
        commune.post(url("finding_remedy", finding), seen(finding, {"note": "Đã xong 5 hộ"}))
    for name in ("finding_close", "finding_reopen", "finding_slip"):
        typed = {"note": "Đồng ý", "due_on": "2024-12-31", "seen_version": version}
        answer = leader.post(url(name, finding), typed)
        assert answer.status_code == 409, name
        assert "đã thay đổi từ lúc bạn mở trang" in answer.text
        assert "Đồng ý" in answer.text
        assert "Còn 5 hộ" in answer.text
    finding.refresh_from_db()
    assert (finding.state, finding.due_on) == ("remedied" if again else "open", datetime.date(2024, 9, 30))
    if again:  # having seen the new words, the same person confirms from the page that refused
        shown = leader.post(url("finding_close", finding), {"seen_version": version}).text
        now = re.search(r'name="seen_version" value="(\d+)"', shown)[1]
        assert leader.post(url("finding_close", finding), {"seen_version": now}).status_code == 302


STEPS = ("finding_remedy", "finding_close", "finding_reopen", "finding_slip", "finding_comment")


@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        ("officer", {"finding_remedy"}),
        ("leader", {"finding_close", "finding_reopen", "finding_slip"}),
        ("coordinator", {"finding_close", "finding_reopen", "finding_slip"}),
        ("member", set()),
        ("district_staff", set()),
    ],
)
def test_who_may_take_which_step(place, finding, who, allowed):
    client = place.client(getattr(place, who))
    for name in STEPS:
        status = client.post(url(name, finding), {}).status_code
        assert (status != 403) == (name in allowed), name
        assert client.get(url(name, finding)).status_code == 405


@pytest.mark.parametrize("who", ["neighbour_officer", "viewer", "stranger", "reviewer"])
def test_out_of_scope_is_404_for_every_step(place, finding, who):
    client = place.client(getattr(place, who))
    assert client.get(url("finding_detail", finding)).status_code == 404
    for name in STEPS:
        assert client.post(url(name, finding), {}).status_code == 404


def test_district_staff_close_their_own_stage_s(place, finding):
    Visit.objects.update(stage="district")
    Finding.objects.update(state="remedied")
    assert place.client(place.district_staff).post(url("finding_close", finding), seen(finding, {})).status_code == 302


def test_the_department_that_answers_for_the_criterion_comments(place, finding):
    department = place.reviewer.memberships.get().department
    place.criterion(1).responsibilities.create(department=department, province=place.province)
    client = place.client(place.reviewer)
    assert client.get(url("finding_detail", finding)).status_code == 200
    assert client.post(url("finding_comment", finding), {"note": " "}).status_code == 422
    assert client.post(url("finding_comment", finding), {"note": "Sở sẽ hướng dẫn"}).status_code == 302
    assert FindingEvent.objects.get().note == "Sở sẽ hướng dẫn"
    other = FindingFactory(visit=finding.visit, criterion=place.criterion(2))
    assert client.get(url("finding_detail", other)).status_code == 404


@pytest.mark.parametrize(
    ("due_on", "note", "words"),
    [
        ("2024-09-30", "Mưa", "phải sau thời hạn hiện nay"),
        ("2024-09-01", "Mưa", "phải sau thời hạn hiện nay"),
        ("2099-01-01", "Mưa", "quá xa"),
        ("2024-12-31", " ", "Nêu lý do"),
        ("mai", "Mưa", "Nhập ngày như"),
    ],
)
def test_a_slip_needs_a_later_day_and_a_reason(place, finding, due_on, note, words):
    answer = place.client(place.leader).post(
        url("finding_slip", finding), seen(finding, {"due_on": due_on, "note": note})
    )
    assert answer.status_code == 422
    assert words in answer.text
    assert not FindingEvent.objects.exists()


def test_every_slip_keeps_the_earlier_day(place, finding):
    for day in ("2024-10-31", "2024-12-31"):
        place.client(place.leader).post(url("finding_slip", finding), seen(finding, {"due_on": day, "note": "Mưa lũ"}))
    slips = list(FindingEvent.objects.values_list("old_due_on", "new_due_on"))
    assert slips == [
        (datetime.date(2024, 9, 30), datetime.date(2024, 10, 31)),
        (datetime.date(2024, 10, 31), datetime.date(2024, 12, 31)),
    ]
    assert "từ 30/09/2024 đến 31/10/2024" in place.client(place.officer).get(url("finding_detail", finding)).text


def test_a_finding_of_an_open_visit_takes_no_step(place, visit):
    finding = FindingFactory(visit=visit, criterion=place.criterion(1))
    with pytest.raises(PermissionDenied):
        steps.close(finding, seen_version=finding.version, note="", by=place.leader)


# --- the list --------------------------------------------------------------------------


def test_the_list_is_scoped_filtered_and_counted(place, visit, finding):
    late = FindingFactory(
        visit=visit, criterion=place.criterion(2), due_on=datetime.date(2024, 6, 29), description="Quá hạn rồi"
    )
    closed = FindingFactory(visit=visit, criterion=place.criterion(2), state="closed")
    remedied = FindingFactory(visit=visit, criterion=place.criterion(3), state="remedied")
    draft_visit = VisitFactory(unit=place.unit, criteria_set=place.criteria_set, planned_by=place.leader)
    FindingFactory(visit=draft_visit, criterion=place.criterion(1), created_by=place.leader)
    elsewhere = concluded(VisitFactory(unit=place.neighbour, criteria_set=place.criteria_set))
    theirs = FindingFactory(visit=elsewhere, criterion=place.criterion(1))

    def pks(who, **query):
        return [f.pk for f in place.client(who).get(LIST, query).context["page"]]

    assert pks(place.officer) == [late.pk, finding.pk, remedied.pk]  # the most urgent first
    assert pks(place.officer, state="open") == [late.pk, finding.pk]
    assert pks(place.officer, state="overdue") == [late.pk]
    assert pks(place.officer, state="remedied") == [remedied.pk]
    assert pks(place.officer, state="closed") == [closed.pk]
    assert pks(place.officer, state="mine") == [late.pk, finding.pk, remedied.pk]
    assert pks(place.officer, criterion="2") == [late.pk]
    assert pks(place.officer, state="nonsense", criterion="x", area="x", page="0") == pks(place.officer)
    assert set(pks(place.district_staff)) == {late.pk, finding.pk, remedied.pk, theirs.pk}
    assert pks(place.district_staff, q="dong thinh") == [theirs.pk]
    assert pks(place.district_staff, state="mine") == []
    assert len(pks(place.coordinator, area=place.district.pk)) == 4
    assert pks(place.stranger) == []
    assert place.client(place.viewer).get(LIST).status_code == 403
    counts = {label: count for _, label, count in place.client(place.officer).get(LIST).context["chips"]}
    assert counts == {
        "Chưa xong": 3,
        "Chưa khắc phục": 2,
        "Quá hạn": 1,
        "Chờ xác nhận": 1,
        "Của tôi": 3,
        "Đã xác nhận": 1,
    }


def test_the_list_costs_the_same_at_3_and_25_findings(place, visit, finding, count_queries, assert_queries):
    client = place.client(place.officer)
    with count_queries() as few:
        client.get(LIST)
    for _ in range(24):
        FindingFactory(visit=visit, criterion=place.criterion(2))
    with assert_queries(len(few)):
        client.get(LIST)
