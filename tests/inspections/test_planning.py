"""Planning: codes, leader, team, bad input, who may."""

import datetime
import threading

import pytest
from django.db import connection, connections
from django.urls import reverse

from communes.models import Role
from inspections import planning
from inspections.models import Score, TeamMember, Visit
from tests.factories import VisitFactory
from tests.inspections.world import HELD, build_place, person

CREATE = reverse("inspections:visit_create")


def plan(place, **fields):
    fields = {
        "unit": place.unit,
        "criteria_set": place.criteria_set,
        "stage": "province",
        "kind": "appraisal",
        "planned_on": HELD,
        "by": place.leader,
        **fields,
    }
    return planning.plan_visit(**fields)


def form_data(place, **fields):
    return {
        "criteria_set": place.criteria_set.pk,
        "stage": "province",
        "kind": "appraisal",
        "planned_on": "2024-07-10",
        "decision_number": "1234/QĐ-UBND",
        "scope": "all",
        **fields,
    }


# --- codes -----------------------------------------------------------------------------


def test_codes_run_by_province_and_year(place):
    kinds = ("appraisal", "recheck", "verification")
    assert [plan(place, kind=kind).code for kind in kinds] == ["38-2024-001", "38-2024-002", "38-2024-003"]
    assert plan(place, planned_on=datetime.date(2025, 1, 5)).code == "38-2025-001"


def test_codes_go_past_999(place):
    VisitFactory(code="38-2024-999")
    assert plan(place).code == "38-2024-1000"
    assert plan(place, kind="recheck").code == "38-2024-1001"


def test_a_code_taken_meanwhile_is_drawn_again(place, monkeypatch):
    plan(place)
    answers = iter(["38-2024-001", "38-2024-002"])
    monkeypatch.setattr(planning, "next_code", lambda province, year: next(answers))
    assert plan(place, kind="recheck").code == "38-2024-002"


@pytest.mark.django_db(transaction=True)
def test_two_who_plan_at_once_get_two_codes():
    place = build_place()
    barrier, codes = threading.Barrier(2), []

    def run(who):
        try:
            barrier.wait(5)
            codes.append(plan(place, by=who).code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[who]) for who in (place.leader, place.coordinator)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(codes) == ["38-2024-001", "38-2024-002"]
    assert connection.vendor


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_make_one_visit():
    place = build_place()
    barrier, found = threading.Barrier(2), []

    def run():
        try:
            barrier.wait(5)
            found.append(plan(place).pk)
        except planning.Twice as twice:
            found.append(twice.visit.pk)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [Visit.objects.get().pk] * 2


def test_a_second_click_leads_to_the_first_visit(place):
    client = place.client(place.leader)
    url = f"{CREATE}?unit={place.unit.pk}"
    assert client.post(url, form_data(place)).status_code == 302
    visit = Visit.objects.get()
    again = client.post(url, form_data(place), follow=True)
    assert again.redirect_chain == [(team_url(visit), 302)]
    assert f"vừa được lập, mã {visit.code}" in again.text
    assert Visit.objects.count() == 1
    Visit.objects.update(created_at=visit.created_at - datetime.timedelta(minutes=2))
    assert client.post(url, form_data(place)).status_code == 302
    assert Visit.objects.count() == 2


# --- the form --------------------------------------------------------------------------


def test_an_inspector_who_may_lead_plans_and_leads(place):
    client = place.client(place.leader)
    assert "Đông Phú" in client.get(CREATE).text
    url = f"{CREATE}?unit={place.unit.pk}"
    assert client.get(url).status_code == 200
    answer = client.post(url, form_data(place, scope="some", criteria=[place.criterion(1).pk, place.criterion(3).pk]))
    visit = Visit.objects.get()
    assert answer.headers["Location"] == reverse("inspections:visit_team", args=[visit.pk])
    assert [c.number for c in planning.scope_of(visit)] == [1, 3]
    assert visit.team.get().user == place.leader
    assert visit.team.get().role == TeamMember.Role.LEADER
    assert client.get(answer.headers["Location"]).status_code == 200


def test_a_coordinator_plans_without_becoming_the_leader(place):
    client = place.client(place.coordinator)
    client.post(f"{CREATE}?unit={place.unit.pk}", form_data(place))
    assert not Visit.objects.get().team.exists()


def test_district_staff_plan_for_their_stage_only(place):
    client = place.client(place.district_staff)
    url = f"{CREATE}?unit={place.unit.pk}"
    assert client.post(url, form_data(place)).status_code == 422
    assert client.post(url, form_data(place, stage="district", kind="verification")).status_code == 302
    visit = Visit.objects.get()
    assert (visit.stage, visit.team.get().user) == ("district", place.district_staff)


def test_only_monitoring_can_go_without_an_opinion(place):
    client = place.client(place.leader)
    url = f"{CREATE}?unit={place.unit.pk}"
    client.post(url, form_data(place, kind="monitoring"))
    client.post(url, form_data(place, kind="monitoring", records_opinion="on", planned_on="11/07/2024"))
    client.post(url, form_data(place, kind="recheck"))
    found = Visit.objects.order_by("pk").values_list("records_opinion", flat=True)
    assert list(found) == [False, True, True]


@pytest.mark.parametrize("who", ["officer", "member", "reviewer", "viewer"])
def test_others_may_not_plan(place, who):
    assert place.client(getattr(place, who)).get(CREATE).status_code == 403
    assert place.client(getattr(place, who)).post(CREATE, {}).status_code == 403


def test_a_unit_out_of_the_area_is_404(place):
    assert place.client(place.stranger).get(f"{CREATE}?unit={place.unit.pk}").status_code == 404
    for odd in ("abc", "9" * 30, "-1", ""):
        assert place.client(place.stranger).get(f"{CREATE}?unit={odd}").status_code == 200


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"planned_on": "2019-01-01"}, "ngoài giai đoạn"),
        ({"planned_on": "9999-12-31"}, "ngoài giai đoạn"),
        ({"planned_on": "31/02/2024"}, "Nhập ngày như"),
        ({"planned_on": ""}, "Nhập ngày"),
        ({"decision_number": "x" * 300}, "vượt quá 100"),
        ({"scope": "some"}, "ít nhất một tiêu chí"),
        ({"scope": "some", "criteria": ["999999"]}, "không thuộc bộ tiêu chí"),
        ({"scope": "some", "criteria": [str(2**70)]}, "không thuộc bộ tiêu chí"),
        ({"scope": "some", "criteria": ["9" * 5000]}, "không thuộc bộ tiêu chí"),
        ({"criteria_set": str(2**70)}, ""),
        ({"criteria_set": "9" * 5000}, ""),
        ({"stage": "self"}, "self"),
        ({"kind": "holiday"}, "holiday"),
        ({"criteria_set": "999999"}, ""),
    ],
)
def test_bad_input_is_said_beside_the_field(place, fields, words):
    answer = place.client(place.leader).post(f"{CREATE}?unit={place.unit.pk}", form_data(place, **fields))
    assert answer.status_code == 422
    assert words in answer.text
    assert not Visit.objects.exists()


@pytest.mark.parametrize("typed", ["10/7/2024", "10/07/2024", "2024-07-10"])
def test_a_day_is_typed_the_vietnamese_way(place, typed):
    client = place.client(place.leader)
    page = client.get(f"{CREATE}?unit={place.unit.pk}").text
    assert "Ngày/tháng/năm, ví dụ 31/12/2025" in page
    assert 'type="date"' not in page
    assert client.post(f"{CREATE}?unit={place.unit.pk}", form_data(place, planned_on=typed)).status_code == 302
    visit = Visit.objects.get()
    assert visit.planned_on == datetime.date(2024, 7, 10)
    assert 'value="10/07/2024"' in client.get(reverse("inspections:visit_edit", args=[visit.pk])).text


def test_control_and_invisible_characters_are_dropped(place):
    data = form_data(place, decision_number="12\u200b34\u202e/QĐ\x07-UBND")
    place.client(place.leader).post(f"{CREATE}?unit={place.unit.pk}", data)
    assert Visit.objects.get().decision_number == "1234/QĐ-UBND"


# --- changing --------------------------------------------------------------------------


def test_a_plan_is_changed_by_its_leader(place, visit):
    url = reverse("inspections:visit_edit", args=[visit.pk])
    client = place.client(place.leader)
    assert client.get(url).status_code == 200
    data = {"kind": "recheck", "planned_on": "2024-06-26", "scope": "all", "version": visit.version}
    assert client.post(url, data).status_code == 302
    visit.refresh_from_db()
    assert (visit.kind, visit.planned_on) == ("recheck", datetime.date(2024, 6, 26))
    assert place.client(place.member).get(url).status_code == 403
    assert place.client(place.stranger).get(url).status_code == 404


def test_a_stale_plan_is_refused(place, visit):
    url = reverse("inspections:visit_edit", args=[visit.pk])
    data = {"kind": "recheck", "planned_on": "2024-06-26", "scope": "all", "version": visit.version - 1}
    place.client(place.leader).post(url, data)
    visit.refresh_from_db()
    assert visit.kind == "appraisal"


def test_a_scored_criterion_stays_in_the_scope(place, visit):
    place.score(visit, "1.1")
    data = {
        "kind": "appraisal",
        "planned_on": "2024-06-26",
        "scope": "some",
        "criteria": [place.criterion(2).pk],
        "version": visit.version,
    }
    answer = place.client(place.leader).post(reverse("inspections:visit_edit", args=[visit.pk]), data)
    assert answer.status_code == 422
    assert "Tiêu chí số 1 đã có kết quả chấm" in answer.text


def test_starting_sets_the_day_once(place):
    visit = plan(place, planned_on=datetime.date(2024, 7, 1))
    url = reverse("inspections:visit_start", args=[visit.pk])
    client = place.client(place.leader)
    assert client.get(url).status_code == 405
    client.post(url)
    client.post(url)
    visit.refresh_from_db()
    assert (visit.state, visit.held_on) == ("under_way", datetime.date(2024, 6, 30))


def test_cancelling_asks_for_a_reason(place, visit):
    url = reverse("inspections:visit_cancel", args=[visit.pk])
    client = place.client(place.leader)
    assert client.get(url).status_code == 200
    assert client.post(url, {"reason": " \u200b "}).status_code == 422
    assert client.post(url, {"reason": "Xã bị lũ"}).status_code == 302
    visit.refresh_from_db()
    assert (visit.state, visit.cancel_reason) == ("cancelled", "Xã bị lũ")
    coordinator = place.client(place.coordinator)
    assert "Xã bị lũ" in coordinator.get(reverse("inspections:visit_detail", args=[visit.pk])).text
    assert coordinator.post(url, {"reason": "lại"}).status_code == 403


# --- the team --------------------------------------------------------------------------


def team_url(visit):
    return reverse("inspections:visit_team", args=[visit.pk])


def test_members_are_accounts_of_the_province_or_named_guests(place, visit):
    client = place.client(place.leader)
    assert client.post(team_url(visit), {"user": place.district_staff.pk, "role": "secretary"}).status_code == 302
    guest = {"name": "Ông Mai Văn Khách", "post": "Phó Bí thư", "organisation": "Huyện ủy", "role": "attendee"}
    assert client.post(team_url(visit), guest).status_code == 302
    assert set(visit.team.values_list("name", "role")) >= {
        ("Hoàng Văn Huyện", "secretary"),
        ("Ông Mai Văn Khách", "attendee"),
    }


def test_what_is_typed_for_the_other_kind_of_member_is_left_out(place, visit):
    client = place.client(place.leader)
    both = {"user": place.district_staff.pk, "name": "Ông Mai Văn Khách", "post": "Phó Bí thư"}
    assert client.post(team_url(visit), {"whom": "account", "role": "secretary", **both}).status_code == 302
    member = visit.team.get(role="secretary")
    assert (member.user, member.name) == (place.district_staff, "Hoàng Văn Huyện")
    assert member.post != "Phó Bí thư"
    assert client.post(team_url(visit), {"whom": "guest", "role": "attendee", **both}).status_code == 302
    guest = visit.team.get(role="attendee")
    assert (guest.user, guest.name, guest.post) == (None, "Ông Mai Văn Khách", "Phó Bí thư")
    nobody = client.post(team_url(visit), {"whom": "account", "role": "member"})
    assert nobody.status_code == 422
    assert "Chọn một tài khoản" in nobody.text


@pytest.mark.parametrize("who", ["stranger", "officer", "viewer", "reviewer"])
def test_an_account_that_does_not_inspect_in_the_province_is_refused(place, visit, who):
    answer = place.client(place.leader).post(team_url(visit), {"user": getattr(place, who).pk, "role": "member"})
    assert answer.status_code == 422
    assert "không thuộc đoàn thẩm định" in answer.text
    with pytest.raises(planning.Invalid):
        planning.add_member(visit, user=getattr(place, who), role="member")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "nhập họ và tên khách mời"),
        ({"name": "Đ" * 300}, "vượt quá 100"),
        ({"name": "\u200b\x01"}, "nhập họ và tên khách mời"),
        ({"name": "Khách", "role": "leader"}, "không được giao làm trưởng đoàn"),
        ({"name": "Khách", "role": "king"}, "king"),
    ],
)
def test_bad_members_are_refused(place, visit, fields, words):
    answer = place.client(place.leader).post(team_url(visit), {"role": "member", **fields})
    assert answer.status_code == 422
    assert words in answer.text
    assert visit.team.count() == 2


def test_nobody_is_on_a_team_twice_and_one_leads(place, visit):
    with pytest.raises(planning.Invalid, match="đã có trong đoàn"):
        planning.add_member(visit, user=place.member, role="member")
    other = person("Trưởng Khác", place.province, Role.INSPECTOR, may_lead=True)
    with pytest.raises(planning.Invalid, match="đã có trưởng đoàn"):
        planning.add_member(visit, user=other, role="leader")


def test_a_new_leader_replaces_the_old_one(place, visit):
    other = person("Trưởng Khác", place.province, Role.INSPECTOR, may_lead=True)
    member = planning.add_member(visit, user=other, role="member")
    url = reverse("inspections:member_edit", args=[visit.pk, member.pk])
    client = place.client(place.leader)
    assert client.get(url).status_code == 200
    assert client.post(url, {"name": "Trưởng Khác", "role": "leader"}).status_code == 302
    assert dict(visit.team.values_list("user", "role"))[other.pk] == "leader"
    assert dict(visit.team.values_list("user", "role"))[place.leader.pk] == "member"


def test_who_may_not_lead_is_not_made_leader(place, visit):
    member = visit.team.get(user=place.member)
    url = reverse("inspections:member_edit", args=[visit.pk, member.pk])
    answer = place.client(place.leader).post(url, {"name": "Lê Thị Viên", "role": "leader"})
    assert answer.status_code == 422
    assert "không được giao làm trưởng đoàn" in answer.text


def test_a_member_is_removed_after_one_question_unless_they_scored(place, visit):
    member = visit.team.get(user=place.member)
    url = reverse("inspections:member_remove", args=[visit.pk, member.pk])
    client = place.client(place.leader)
    assert client.get(url).status_code == 200
    score = place.score(visit, "1.1")
    Score.objects.filter(pk=score.pk).update(scorer=place.member)
    client.post(url)
    assert visit.team.filter(pk=member.pk).exists()
    score.delete()
    client.post(url)
    assert not visit.team.filter(pk=member.pk).exists()


def test_a_member_of_another_visit_is_404(place, visit):
    other = plan(place, kind="recheck")
    foreign = other.team.get()
    for name in ("member_edit", "member_remove"):
        url = reverse(f"inspections:{name}", args=[visit.pk, foreign.pk])
        assert place.client(place.leader).get(url).status_code == 404


def test_the_grid_saves_all_assignments_and_shows_what_to_look_at(place, visit):
    client = place.client(place.leader)
    leader, member = visit.team.get(user=place.leader), visit.team.get(user=place.member)
    page = client.get(team_url(visit)).text
    assert "Tiêu chí số 2, 3 chưa giao cho ai" in page
    data = {
        "version": visit.version,
        f"m-{leader.pk}": [place.criterion(1).pk, place.criterion(2).pk, "999999", "x"],
        f"m-{member.pk}": [place.criterion(1).pk],
    }
    url = reverse("inspections:team_assign", args=[visit.pk])
    assert client.post(url, data).status_code == 302
    assert [c.number for c in leader.criteria.order_by("number")] == [1, 2]
    page = client.get(team_url(visit)).text
    assert "Số 1: Trần Văn Trưởng, Lê Thị Viên" in page
    stale = client.post(url, data)
    assert stale.status_code == 409
    assert "vừa được người khác thay đổi" in stale.text


@pytest.mark.parametrize("absurd", ["9" * 5000, str(2**63), str(10**18)])
def test_the_grid_takes_no_absurd_numbers(place, visit, absurd):
    leader = visit.team.get(user=place.leader)
    client, url = place.client(place.leader), reverse("inspections:team_assign", args=[visit.pk])
    assert client.post(url, {"version": absurd}).status_code == 409
    data = {"version": visit.version, f"m-{leader.pk}": [absurd, place.criterion(1).pk]}
    assert client.post(url, data).status_code == 302
    assert [c.number for c in leader.criteria.all()] == [1]
    for name in ("user", "role"):
        assert client.post(team_url(visit), {"role": "member", name: absurd}).status_code == 422
    finding = {"criterion": absurd, "indicator": absurd, "description": "x", "due_on": "31/12/2024"}
    assert client.post(reverse("inspections:finding_create", args=[visit.pk]), finding).status_code == 422


def test_an_attendee_loses_their_criteria(place, visit):
    member = visit.team.get(user=place.member)
    planning.change_member(member, {"role": "attendee"})
    assert not member.criteria.exists()


# --- the list --------------------------------------------------------------------------


def test_the_list_is_scoped_and_filtered(place, visit):
    other = plan(place, unit=place.neighbour, kind="recheck")
    url = reverse("inspections:visit_list")

    def codes(who, **query):
        return [v.code for v in place.client(who).get(url, query).context["page"]]

    assert set(codes(place.leader)) == {visit.code, other.code}
    assert codes(place.officer) == [visit.code]
    assert codes(place.neighbour_officer) == [other.code]
    assert codes(place.stranger) == []
    assert place.client(place.viewer).get(url).status_code == 403
    assert codes(place.leader, q="dong thinh") == [other.code]
    assert codes(place.leader, q="16420") == [visit.code]
    assert codes(place.leader, state="under_way") == [visit.code]
    assert codes(place.leader, kind="recheck", stage="province") == [other.code]
    assert set(codes(place.leader, state="nonsense", page="x")) == {visit.code, other.code}
    assert codes(place.leader, q="%") == codes(place.leader, q="\x01") == []


def test_the_list_costs_the_same_at_3_and_30_visits(place, assert_queries, count_queries):
    client = place.client(place.leader)
    url = reverse("inspections:visit_list")
    days = [HELD + datetime.timedelta(days=n) for n in range(1, 26)]
    for day in days[:3]:
        plan(place, planned_on=day)
    with count_queries() as few:
        client.get(url)
    for day in days[3:]:
        plan(place, planned_on=day)
    with assert_queries(len(few)):
        client.get(url)
