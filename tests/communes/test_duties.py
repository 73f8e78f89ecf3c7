"""Who leaves and what only they see to: told before by the forms and the list, seen afterwards by who plans."""

from datetime import date, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from communes.duties import duties
from communes.models import Membership, Role
from communes.user_lists import label
from criteria import owners
from criteria.models import CriterionOwner
from criteria.owners import Person
from inspections.models import Finding, Meeting, MeetingItem, Visit
from reports.home import home_sections
from tests.communes.test_user_lists import confirm, filled, send
from tests.factories import FindingFactory, MembershipFactory, TeamMemberFactory, UserFactory, VisitFactory
from tests.inspections.world import Place, build_place, build_visit

TODAY = date(2024, 6, 30)
UNLED = f"{reverse('inspections:visit_list')}?state=unled"
WARNING = "Những việc sau hiện chỉ có người này làm."


@pytest.fixture
def place(db) -> Place:
    return build_place()


@pytest.fixture
def visit(place) -> Visit:
    return build_visit(place)


def close_url(person):
    return reverse("communes:user_close", args=[person.pk])


def role_url(name, person):
    return reverse(f"communes:role_{name}", args=[person.pk, person.memberships.get().pk])


def told(person, by, leaving=None):
    return [duty.text for duty in duties(person, by, leaving)]


def give(place, user, *numbers, **days):
    CriterionOwner.objects.bulk_create(
        CriterionOwner(
            unit=place.unit,
            criterion=place.criterion(number),
            user=user,
            name=str(user),
            **({"starts_on": date(2024, 1, 1)} | days),
        )
        for number in numbers
    )


def hold_meeting(unit, by, **item):
    meeting = Meeting.objects.create(
        unit=unit, title="Giao ban tháng 6", held_on=TODAY, chair_post="Chủ tịch", created_by=by
    )
    return MeetingItem.objects.create(meeting=meeting, position=1, text="Mật của xã", **item)


def todo(user):
    sections = home_sections(get_user_model().objects.get(pk=user.pk))
    found = [t for section in sections for t in section.waiting if t.label == "Cuộc kiểm tra chưa có trưởng đoàn"]
    assert {t.url for t in found} <= {UNLED}
    return sum(t.count for t in found)


# --- visits ----------------------------------------------------------------------------


def test_closing_a_leader_s_account_warns_and_is_allowed_and_the_planner_sees_it(place, visit):
    client = place.client(place.coordinator)
    assert todo(place.coordinator) == 0
    text = client.get(close_url(place.leader)).text
    assert WARNING in text
    assert "Trưởng đoàn: Thẩm định xã Đông Phú (38-2024-001), đang kiểm tra." in text
    assert reverse("inspections:visit_team", args=[visit.pk]) in text
    done = client.post(close_url(place.leader), {"reason": "Nghỉ hưu", "seen": 0})
    assert done.status_code == 302
    assert todo(place.coordinator) == 1
    assert todo(place.member) == 0, "sees the visit, but has nobody to choose"
    assert place.client(place.member).get(UNLED).context["page"].paginator.count == 0
    page = client.get(UNLED)
    assert [row.pk for row in page.context["page"]] == [visit.pk]
    gone = f"{place.leader} không còn được giao làm trưởng đoàn"
    for url in (
        UNLED,
        reverse("inspections:visit_list"),
        reverse("inspections:visit_detail", args=[visit.pk]),
        reverse("inspections:visit_team", args=[visit.pk]),
    ):
        text = client.get(url).text
        assert "Đoàn chưa có trưởng đoàn" in text
        assert gone in text
    # Another leader, and nothing is left to say.
    other = MembershipFactory(user__full_name="Hà Thị Thay", unit=place.province, role=Role.INSPECTOR, may_lead=True)
    member = TeamMemberFactory(visit=visit, user=other.user)
    edit = reverse("inspections:member_edit", args=[visit.pk, member.pk])
    assert client.post(edit, {"name": "Hà Thị Thay", "role": "leader"}).status_code == 302
    assert todo(place.coordinator) == 0
    assert "Đoàn chưa có trưởng đoàn" not in client.get(reverse("inspections:visit_list")).text


def test_who_planned_a_visit_and_isn_t_on_its_team_sees_that_it_has_no_leader(place):
    staff = place.district_staff
    visit = VisitFactory(
        unit=place.unit, criteria_set=place.criteria_set, stage="district", planned_by=staff, kind="verification"
    )
    colleague = MembershipFactory(unit=place.district, role=Role.DISTRICT_STAFF).user
    leader = TeamMemberFactory(visit=visit, user=colleague, role="leader")
    assert todo(staff) == 0
    colleague.memberships.update(ends_on=TODAY - timedelta(days=1))
    assert todo(staff) == 1
    page = place.client(staff).get(reverse("inspections:visit_detail", args=[visit.pk])).text
    assert "Đoàn chưa có trưởng đoàn" in page
    assert "Chọn trưởng đoàn" in page
    leader.delete()
    assert todo(staff) == todo(place.coordinator) == 1, "one without any leader counts too"
    assert todo(place.leader) == 0, "nor theirs to choose"
    assert place.client(place.leader).get(UNLED).context["page"].paginator.count == 0
    officer = place.client(place.officer).get(reverse("inspections:visit_list")).text
    assert "Chưa có trưởng đoàn</option>" not in officer
    Visit.objects.update(state="cancelled")
    assert todo(staff) == 0


def test_the_planner_among_inspectors_sees_it_on_home(place, visit):
    planner = MembershipFactory(unit=place.province, role=Role.INSPECTOR, may_lead=True).user
    Visit.objects.update(planned_by=planner)
    place.leader.memberships.update(may_lead=False)
    assert todo(planner) == 1
    client = place.client(planner)
    assert client.get(UNLED).context["page"].paginator.count == 1
    assert "Cuộc kiểm tra chưa có trưởng đoàn" in client.get("/").text


@pytest.mark.parametrize("state", ["concluded", "cancelled"])
def test_a_visit_that_is_over_holds_nobody(place, visit, state):
    Visit.objects.update(state=state, concluded_by=place.leader, concluded_at=visit.created_at)
    assert told(place.leader, place.coordinator) == []
    assert WARNING not in place.client(place.coordinator).get(close_url(place.leader)).text


def test_a_member_holds_a_visit_once_nobody_else_is_left(place, visit):
    assert told(place.member, place.coordinator) == []
    TeamMemberFactory(visit=visit, user=None, name="Khách mời")
    TeamMemberFactory(visit=visit, user=place.district_staff, role="attendee")
    place.leader.is_active = False
    place.leader.save()
    assert told(place.member, place.coordinator) == [
        "Người duy nhất còn lại trong đoàn: Thẩm định xã Đông Phú (38-2024-001), đang kiểm tra."
    ]
    TeamMemberFactory(visit=visit, user=MembershipFactory(unit=place.province, role=Role.INSPECTOR).user)
    assert told(place.member, place.coordinator) == []


def test_another_role_that_leads_as_well_keeps_the_visit(place, visit):
    Visit.objects.update(stage="district")
    first = place.leader.memberships.get()
    second = MembershipFactory(user=place.leader, unit=place.district, role=Role.DISTRICT_STAFF)
    assert told(place.leader, place.coordinator, first) == []
    assert len(told(place.leader, place.coordinator, second)) == 1
    assert len(told(place.leader, place.coordinator)) == 1


@pytest.mark.parametrize("name", ["edit", "move"])
def test_the_forms_of_a_role_warn_before_it_ends_or_moves(place, visit, name):
    text = place.client(place.coordinator).get(role_url(name, place.leader)).text
    assert WARNING in text
    assert "38-2024-001" in text
    assert WARNING not in place.client(place.coordinator).get(role_url(name, place.member)).text


def test_ending_the_role_is_allowed_after_the_warning(place, visit):
    client = place.client(place.coordinator)
    ended = client.post(role_url("edit", place.leader), {"ends_on": "29/06/2024", "starts_on": "", "seen": 0})
    assert ended.status_code == 302
    assert todo(place.coordinator) == 1


def test_an_administrator_who_may_not_change_the_team_gets_a_link_that_opens(place, visit):
    root = UserFactory(is_staff=True, is_superuser=True)
    (duty,) = duties(place.leader, root)
    assert duty.url == reverse("inspections:visit_detail", args=[visit.pk])
    assert place.client(root).get(duty.url).status_code == 200


def test_nothing_of_another_province_is_told(place, visit):
    far = place.stranger.memberships.get().unit
    elsewhere = MembershipFactory(unit=far, role=Role.COORDINATOR).user
    assert told(place.leader, elsewhere) == []


# --- criteria --------------------------------------------------------------------------


def test_the_only_lead_of_criteria_is_told_with_where_to_hand_over(place):
    give(place, place.officer, 1, 2, 3)
    second = MembershipFactory(unit=place.unit).user
    give(place, second, 2)
    give(place, second, 1, role=CriterionOwner.Role.SUPPORT)
    (duty,) = duties(place.officer, place.coordinator)
    assert duty.text.startswith("Người phụ trách chính duy nhất của tiêu chí 1, 3, xã Đông Phú (Bộ tiêu chí thử")
    assert place.client(place.coordinator).get(duty.url).status_code == 200
    text = place.client(place.coordinator).get(role_url("move", place.officer)).text
    assert duty.text in text
    assert duty.url.replace("&", "&amp;") in text
    second.memberships.update(ends_on=TODAY - timedelta(days=1))
    assert "tiêu chí 1, 2, 3," in told(place.officer, place.coordinator)[0]


def test_one_who_has_handed_over_leaves_nothing(place):
    give(place, place.officer, 1)
    successor = MembershipFactory(unit=place.unit).user
    by = MembershipFactory(unit=place.unit, role=Role.COMMUNE_LEADER).user
    people = [Person(user.pk, str(user), "") for user in (place.officer, successor)]
    until = TODAY + timedelta(days=10)
    owners.hand_over(place.unit, *people, starts_on=TODAY, until=until, by=by)
    assert len(told(place.officer, place.coordinator)) == 1, "it comes back to them after the stand-in"
    owners.hand_over(place.unit, *people, starts_on=TODAY, by=by)
    assert told(place.officer, place.coordinator) == []
    assert len(told(successor, place.coordinator)) == 1


def test_what_comes_back_later_rests_on_nobody_else_who_leads_by_then(place):
    give(place, place.officer, 1, starts_on=TODAY + timedelta(days=10))
    assert len(told(place.officer, place.coordinator)) == 1
    second = MembershipFactory(unit=place.unit).user
    give(place, second, 1, starts_on=TODAY + timedelta(days=5), ends_on=TODAY + timedelta(days=9))
    assert len(told(place.officer, place.coordinator)) == 1
    give(place, second, 1, starts_on=TODAY + timedelta(days=7))
    assert told(place.officer, place.coordinator) == []


def test_another_role_in_the_commune_keeps_the_criteria(place):
    give(place, place.officer, 1)
    first = place.officer.memberships.get()
    assert len(told(place.officer, place.coordinator, first)) == 1
    MembershipFactory(user=place.officer, unit=place.unit, role=Role.COMMUNE_LEADER)
    assert told(place.officer, place.coordinator, first) == []
    assert len(told(place.officer, place.coordinator)) == 1


# --- meetings --------------------------------------------------------------------------


def test_promises_of_meetings_are_told_without_their_words_to_who_does_not_read_them(place):
    place.officer.post = "Công chức địa chính"
    place.officer.save()
    item = hold_meeting(place.unit, place.officer, by_post="công chức  địa chính")
    hold_meeting(place.unit, place.officer, by_post="Chủ tịch UBND xã")
    text = place.client(place.coordinator).get(close_url(place.officer)).text
    assert "1 việc đã giao tại cuộc giao ban của xã Đông Phú, chưa xong." in text
    assert "Mật của xã" not in text
    assert reverse("reports:meeting_detail", args=[item.meeting_id]) not in text
    area = hold_meeting(place.district, place.coordinator, by_post="Hoàng Văn Huyện, chuyên viên")
    (duty,) = duties(place.district_staff, place.coordinator)
    assert duty.url == reverse("reports:meeting_detail", args=[area.meeting_id])
    assert place.client(place.coordinator).get(duty.url).status_code == 200


def test_a_promise_that_is_done_closed_or_taken_over_holds_nobody(place, visit):
    finding = FindingFactory(visit=visit, criterion=place.criterion(1), state=Finding.State.CLOSED)
    name = str(place.officer)
    hold_meeting(place.unit, place.officer, by_post=name, is_done=True)
    hold_meeting(place.unit, place.officer, by_post=name, finding=finding)
    over = hold_meeting(place.unit, place.officer, by_post=name)
    Meeting.objects.create(
        unit=place.unit, title="Sau", held_on=TODAY, chair_post="x", created_by=place.officer, previous=over.meeting
    )
    hold_meeting(place.unit, place.officer, by_post=f"{name}h")  # somebody else's name that begins alike
    assert told(place.officer, place.coordinator) == []


# --- the list of people ----------------------------------------------------------------


def rows(place):
    return [
        {"action": "Ngừng hoạt động", "username": place.leader.username, "reason": "Nghỉ hưu"},
        {
            "action": "Chuyển đơn vị",
            "username": place.officer.username,
            "unit": label(place.neighbour),
            "starts_on": "01/07/2024",
        },
        {
            "action": "Sửa",
            "username": place.member.username,
            "role": "Thành viên đoàn thẩm định tỉnh",
            "unit": label(place.province),
            "ends_on": "30/06/2024",
        },
    ]


def test_the_preview_of_a_list_warns_row_by_row_and_is_carried_out_all_the_same(place, visit):
    give(place, place.officer, 1)
    client = place.client(place.coordinator)
    response = send(client, filled(*rows(place)))
    found = [[duty.text for duty in outcome.duties] for outcome in response.context["outcomes"]]
    leads, criteria, last = found
    assert leads == ["Trưởng đoàn: Thẩm định xã Đông Phú (38-2024-001), đang kiểm tra."]
    assert "tiêu chí 1, xã Đông Phú" in criteria[0]
    assert last[0].startswith("Người duy nhất còn lại trong đoàn"), "once the row above has taken the leader away"
    assert "3 dòng để lại việc" in response.text
    assert response.text.count('<span class="tag tag-warning">Chưa giao lại</span>') == 3
    assert get_user_model().objects.get(pk=place.leader.pk).is_active
    assert confirm(client, response).status_code == 302
    assert not get_user_model().objects.get(pk=place.leader.pk).is_active
    assert Membership.objects.filter(user=place.officer, unit=place.neighbour).exists()
    assert todo(place.coordinator) == 1


def test_a_row_that_ends_nothing_warns_of_nothing(place, visit):
    row = {"action": "Sửa", "username": place.leader.username, "post": "Phó giám đốc"}
    response = send(place.client(place.coordinator), filled(row))
    assert [outcome.duties for outcome in response.context["outcomes"]] == [[]]
    assert "Chưa giao lại" not in response.text


def test_what_came_to_rest_on_somebody_since_the_preview_is_shown_anew(place):
    client = place.client(place.coordinator)
    response = send(client, filled(rows(place)[0]))
    build_visit(place)
    again = confirm(client, response)
    assert again.status_code == 409
    assert "38-2024-001" in again.text
    assert get_user_model().objects.get(pk=place.leader.pk).is_active


# --- queries ---------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["close", "list", "home"])
def test_queries_do_not_grow_with_visits_criteria_and_promises(place, count_queries, page):
    counts = []
    for size in (3, 30):
        for _ in range(size):
            visit = VisitFactory(unit=place.unit, criteria_set=place.criteria_set, planned_by=place.coordinator)
            TeamMemberFactory(visit=visit, user=place.leader, role="leader")
            VisitFactory(unit=place.unit, criteria_set=place.criteria_set, planned_by=place.coordinator)
            give(place, place.leader, 1)
            hold_meeting(place.province, place.coordinator, by_post=str(place.leader))
        if size == 3:
            MembershipFactory(user=place.leader, unit=place.unit, role=Role.OFFICER)
        client = place.client(place.coordinator)
        url = {"close": close_url(place.leader), "list": UNLED, "home": "/"}[page]
        client.get(url)
        with count_queries() as queries:
            client.get(url)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 45, "\n".join(queries)
