"""A visit starts from what earlier ones left open; a merged commune's findings go on with its successor."""

import datetime

import pytest
from django.core.exceptions import PermissionDenied
from django.urls import reverse
from django.utils import timezone

from communes.models import Succession
from criteria.models import Evidence
from inspections import findings as steps
from inspections import planning
from inspections.models import Finding, FindingEvent, TeamMember, Visit
from tests.factories import CommuneFactory, FindingFactory, TeamMemberFactory, VisitFactory

AGAIN = datetime.date(2024, 6, 28)


def concluded(place, unit=None, stage="province", number=1, **fields):
    """A finding of an earlier concluded visit."""
    visit = VisitFactory(
        unit=unit or place.unit,
        criteria_set=place.criteria_set,
        stage=stage,
        planned_by=place.coordinator,
        state="concluded",
        held_on=datetime.date(2024, 3, 1),
        concluded_at=timezone.now() - datetime.timedelta(days=90),
        concluded_by=place.coordinator,
    )
    return FindingFactory(visit=visit, criterion=place.criterion(number), created_by=place.coordinator, **fields)


@pytest.fixture
def again(place):
    """A recheck of Đông Phú under way, led by the province's leader."""
    visit = VisitFactory(
        unit=place.unit,
        criteria_set=place.criteria_set,
        kind=Visit.Kind.RECHECK,
        planned_by=place.leader,
        planned_on=AGAIN,
        held_on=AGAIN,
        state=Visit.State.UNDER_WAY,
    )
    TeamMemberFactory(visit=visit, user=place.leader, role=TeamMember.Role.LEADER)
    TeamMemberFactory(visit=visit, user=place.member)
    return visit


def address(visit):
    return reverse("inspections:visit_findings", args=[visit.pk])


def record(client, visit, finding, result, note="", seen=None):
    url = reverse("inspections:finding_recheck", args=[visit.pk, finding.pk])
    typed = {"result": result, "note": note, "seen_version": seen or Finding.objects.get(pk=finding.pk).version}
    return client.post(url, {f"f{finding.pk}-{name}": value for name, value in typed.items()})


def listed(client, visit):
    return [row.finding for row in client.get(address(visit)).context["rows"]]


# --- what is listed ---------------------------------------------------------------------------


def test_a_visit_lists_what_earlier_ones_left_open_the_most_urgent_first(place, again):
    late = concluded(place, due_on=datetime.date(2024, 6, 1))
    remedied = concluded(place, state="remedied")
    other_stage = concluded(place, stage="district", due_on=datetime.date(2024, 12, 1))
    concluded(place, state="closed")
    concluded(place, unit=place.neighbour)
    own = FindingFactory(visit=again, criterion=place.criterion(1), created_by=place.leader)
    Visit.objects.filter(pk=own.visit_id).update(
        state="concluded", concluded_at=timezone.now(), concluded_by=place.leader
    )
    client = place.client(place.leader)
    assert listed(client, again) == [late, remedied, other_stage]
    Visit.objects.filter(pk=again.pk).update(state="under_way", concluded_at=None, concluded_by=None)
    text = client.get(address(again)).text
    assert "Quá hạn 29 ngày" in text
    assert text.count("Ghi kết quả<") == 2
    assert "do cấp kiểm tra khác nêu" in text
    assert "Còn 3 tồn tại từ các cuộc trước" in client.get(reverse("inspections:visit_detail", args=[again.pk])).text


def test_nothing_left_is_said(place, again):
    assert "Không còn tồn tại nào" in place.client(place.leader).get(address(again)).text
    detail = place.client(place.leader).get(reverse("inspections:visit_detail", args=[again.pk])).text
    assert "từ các cuộc trước" not in detail


def test_who_reads_the_page(place, again):
    concluded(place)
    for who, status in (
        (place.leader, 200),
        (place.officer, 200),
        (place.district_staff, 200),
        (place.coordinator, 200),
        (place.neighbour_officer, 404),
        (place.viewer, 404),
        (place.stranger, 404),
    ):
        answer = place.client(who).get(address(again))
        assert answer.status_code == status
        if status == 200:
            assert ("Ghi kết quả<" in answer.text) == (who == place.leader)


def test_as_many_queries_for_thirty_findings_as_for_three(place, again, count_queries, assert_queries):
    client = place.client(place.member)
    for _ in range(3):
        concluded(place)
    with count_queries() as few:
        client.get(address(again))
    for _ in range(21):
        concluded(place)
    with assert_queries(len(few)):
        assert len(listed(client, again)) == 24
    for _ in range(6):
        concluded(place, stage="district")
    with assert_queries(len(few)):
        assert client.get(address(again)).context["page"].paginator.count == 30


# --- what is recorded -------------------------------------------------------------------------


def test_the_team_closes_what_is_remedied_and_says_what_is_not(place, again):
    remedied, claimed, still = concluded(place), concluded(place, state="remedied"), concluded(place)
    leader, member = place.client(place.leader), place.client(place.member)
    assert record(leader, again, remedied, "remedied", "Đã đấu nối đủ").status_code == 302
    assert record(member, again, claimed, "not", "Còn 5 hộ").status_code == 302
    assert record(member, again, still, "not", "Chưa làm").status_code == 302
    states = {finding.pk: finding.state for finding in Finding.objects.all()}
    assert (states[remedied.pk], states[claimed.pk], states[still.pk]) == ("closed", "open", "open")
    events = list(FindingEvent.objects.order_by("pk").values_list("kind", "note", "by", "visit"))
    assert events == [
        ("closed", "Đã đấu nối đủ", place.leader.pk, again.pk),
        ("reopened", "Còn 5 hộ", place.member.pk, again.pk),
        ("checked", "Chưa làm", place.member.pk, again.pk),
    ]
    text = place.client(place.officer).get(reverse("inspections:finding_detail", args=[still.pk])).text
    assert "Kiểm tra lại: chưa khắc phục" in text
    assert f'tại cuộc phúc tra <span class="nowrap">{again.code}</span>' in text
    answer = record(leader, again, remedied, "remedied")
    assert answer.status_code == 409
    assert "Hiện nay: “Đã xác nhận khắc phục”" in answer.text


def test_a_recheck_of_what_has_changed_meanwhile_is_refused(place, again):
    finding = concluded(place)
    leader = place.client(place.leader)
    assert f'name="f{finding.pk}-seen_version" value="1"' in leader.get(address(again)).text
    steps.remedy(finding, seen_version=1, note="Đã xong", evidence=[], by=place.officer)
    for result in ("remedied", "not"):
        answer = record(leader, again, finding, result, "Đoàn đã xem", seen=1)
        assert answer.status_code == 409
        assert "Hiện nay: “Đã khắc phục, chờ xác nhận”" in answer.text
        assert "Đoàn đã xem" in answer.text
        assert f'name="f{finding.pk}-seen_version" value="2"' in answer.text
    assert FindingEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("result", "note", "words"),
    [
        ("", "", "Chọn đã khắc phục hay chưa."),
        ("maybe", "", "maybe"),
        ("not", " \u200b ", "Nêu còn thiếu gì"),
        ("not", "x" * 2001, "vượt quá 2000"),
    ],
)
def test_bad_input_is_said_beside_the_field(place, again, result, note, words):
    finding = concluded(place)
    answer = record(place.client(place.leader), again, finding, result, note)
    assert answer.status_code == 422
    assert words in answer.text
    assert not FindingEvent.objects.exists()


def test_another_stage_comments_and_closes_nothing(place, again):
    finding = concluded(place, stage="district")
    client = place.client(place.leader)
    answer = record(client, again, finding, "remedied")
    assert answer.status_code == 403
    assert "cấp kiểm tra khác" in answer.text
    assert client.post(reverse("inspections:finding_close", args=[finding.pk]), {}).status_code == 403
    comment = reverse("inspections:finding_comment", args=[finding.pk])
    assert client.post(comment, {"note": "Đoàn tỉnh thấy chưa đủ"}).status_code == 302
    assert FindingEvent.objects.get().kind == "commented"
    finding.refresh_from_db()
    assert finding.state == "open"


@pytest.mark.parametrize("who", ["officer", "district_staff", "coordinator"])
def test_only_the_team_records(place, again, who):
    finding = concluded(place)
    assert record(place.client(getattr(place, who)), again, finding, "remedied").status_code == 403
    with pytest.raises(PermissionDenied):
        steps.recheck(finding, again, seen_version=finding.version, is_remedied=True, note="", by=getattr(place, who))


def test_an_attendee_and_a_team_not_yet_there_record_nothing(place, again):
    finding = concluded(place)
    TeamMember.objects.filter(user=place.member).update(role="attendee")
    assert record(place.client(place.member), again, finding, "remedied").status_code == 403
    Visit.objects.filter(pk=again.pk).update(state="planned")
    answer = record(place.client(place.leader), again, finding, "remedied")
    assert answer.status_code == 403
    assert "Bắt đầu kiểm tra rồi mới" in answer.text
    assert "bấm “Bắt đầu kiểm tra”" in place.client(place.leader).get(address(again)).text


def test_the_right_ends_with_the_visit(place, again):
    finding = concluded(place)
    close = reverse("inspections:finding_close", args=[finding.pk])
    Visit.objects.filter(pk=again.pk).update(state="concluded", concluded_at=timezone.now(), concluded_by=place.leader)
    with pytest.raises(planning.Closed):
        steps.recheck(finding, again, seen_version=finding.version, is_remedied=True, note="", by=place.leader)
    assert place.client(place.leader).post(close, {}).status_code == 403
    finding.refresh_from_db()
    assert finding.state == "open"


def test_a_finding_of_another_commune_is_not_this_visits(place, again):
    foreign = concluded(place, unit=place.neighbour)
    assert record(place.client(place.leader), again, foreign, "remedied").status_code == 404
    with pytest.raises((planning.Invalid, PermissionDenied)):
        steps.recheck(foreign, again, seen_version=foreign.version, is_remedied=True, note="", by=place.leader)


# --- merged communes --------------------------------------------------------------------------


@pytest.fixture
def old(place):
    """A commune that went into Đông Phú, with a finding nobody settled."""
    unit = CommuneFactory(parent=place.district, name="Đông Xuân", closed_on=datetime.date(2024, 5, 1))
    Succession.objects.create(predecessor=unit, successor=place.unit, effective_on=datetime.date(2024, 5, 1))
    return concluded(place, unit=unit)


def test_the_successor_remedies_and_its_visit_closes(place, again, old):
    officer = place.client(place.officer)
    proof = Evidence.objects.create(
        unit=place.unit, form="paper", title="Biên bản nghiệm thu", kept_at="Tủ", uploaded_by=place.officer
    )
    page = officer.get(reverse("inspections:finding_detail", args=[old.pk])).text
    assert "Biên bản nghiệm thu" in page
    remedy = reverse("inspections:finding_remedy", args=[old.pk])
    assert officer.post(remedy, {"note": "Đã xong", "evidence": [proof.pk], "seen_version": 1}).status_code == 302
    old.refresh_from_db()
    assert (old.state, list(old.evidence.all())) == ("remedied", [proof])
    client = place.client(place.leader)
    assert listed(client, again) == [old]
    assert "Của xã Đông Xuân" in client.get(address(again)).text
    assert record(client, again, old, "remedied").status_code == 302
    old.refresh_from_db()
    assert old.state == "closed"


def test_a_neighbour_neither_sees_nor_remedies_it(place, old):
    remedy = reverse("inspections:finding_remedy", args=[old.pk])
    assert place.client(place.neighbour_officer).post(remedy, {"note": "Đã xong"}).status_code == 404
    with pytest.raises(PermissionDenied):
        steps.remedy(old, seen_version=old.version, note="Đã xong", evidence=[], by=place.neighbour_officer)


def test_a_neighbours_document_proves_nothing_here(place, old):
    foreign = Evidence.objects.create(
        unit=place.neighbour, form="paper", title="X", kept_at="Tủ", uploaded_by=place.neighbour_officer
    )
    with pytest.raises(planning.Invalid):
        steps.remedy(old, seen_version=old.version, note="Đã xong", evidence=[foreign], by=place.officer)


# --- overdue ----------------------------------------------------------------------------------


def test_the_list_says_how_many_days_a_finding_is_overdue(place):
    yesterday = concluded(place, due_on=datetime.date(2024, 6, 29))
    concluded(place, due_on=datetime.date(2024, 6, 30))
    concluded(place, due_on=datetime.date(2024, 1, 1), state="remedied")
    client = place.client(place.officer)
    text = client.get(reverse("inspections:finding_list"), {"state": "overdue"}).text
    assert text.count("Quá hạn 1 ngày") == 1
    assert client.get(reverse("inspections:finding_list")).text.count("Quá hạn 1 ngày") == 1
    assert "Quá hạn 1 ngày" in client.get(reverse("inspections:finding_detail", args=[yesterday.pk])).text


def test_a_member_whose_role_ended_closes_nothing(place, again):
    finding = concluded(place)
    place.member.memberships.update(ends_on=datetime.date(2024, 6, 29))
    assert place.client(place.member).get(address(again)).status_code == 404
    with pytest.raises(PermissionDenied):
        steps.recheck(finding, again, seen_version=finding.version, is_remedied=True, note="", by=place.member)
