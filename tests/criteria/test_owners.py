"""Who answers for which criterion: naming, handing over, what the leader should look at, who may write."""

import re
from datetime import date

import pytest
from django.core.exceptions import PermissionDenied
from django.urls import reverse

from communes.models import Role
from criteria import owners
from criteria.models import CriterionDepartment, CriterionOwner, Entry
from criteria.owners import OwnerRefused, Person
from tests.criteria.test_submissions import World
from tests.factories import DepartmentFactory, MembershipFactory

TODAY = date(2024, 6, 30)
LEAD, SUPPORT = CriterionOwner.Role.LEAD, CriterionOwner.Role.SUPPORT


@pytest.fixture
def place(db):
    return World()


def person(user):
    return Person(user.pk, user.get_full_name(), user.post)


def give(place, user, *criteria, role=LEAD, day=date(2024, 1, 1)):
    return owners.assign(place.unit, criteria, person(user), role, starts_on=day, by=place.leader)


def held(place, day):
    return {
        (row.criterion.number, row.name) for rows in owners.owners(place.unit, place.set, day).values() for row in rows
    }


def test_gaps_and_overlaps(place):
    first, second = place.criteria

    def found():
        return owners.review(place.criteria, owners.owners(place.unit, place.set, TODAY))

    assert found().gaps == [first.pk, second.pk]
    give(place, place.officer, first)
    give(place, place.helper, first, second)
    give(place, place.helper, first, role=SUPPORT)  # support is no second lead
    assert found().gaps == []
    assert {pk: len(names) for pk, names in found().overlaps.items()} == {first.pk: 2}
    assert not found().is_clean


def test_giving_twice_is_once(place):
    give(place, place.officer, place.criteria[0])
    assert give(place, place.officer, place.criteria[0]) == []
    assert CriterionOwner.objects.count() == 1


def test_only_the_leader_or_who_may_send_assigns(place):
    for user in (place.officer, place.staff, place.neighbour, place.coordinator):
        with pytest.raises(PermissionDenied):
            owners.assign(place.unit, place.criteria, person(place.officer), LEAD, starts_on=TODAY, by=user)
    clerk = MembershipFactory(unit=place.unit, may_send=True).user
    owners.assign(place.unit, place.criteria, person(clerk), LEAD, starts_on=TODAY, by=clerk)


def test_nobody_of_another_commune_is_named(place):
    with pytest.raises(OwnerRefused, match="không làm việc tại xã"):
        give(place, place.neighbour, place.criteria[0])


def test_a_hand_over_moves_all_and_history_keeps_the_name(place):
    give(place, place.officer, *place.criteria)
    moved = owners.hand_over(
        place.unit, person(place.officer), person(place.helper), starts_on=date(2024, 6, 1), by=place.leader
    )
    assert moved == 2
    assert {name for _, name in held(place, date(2024, 5, 31))} == {place.officer.get_full_name()}
    assert {name for _, name in held(place, date(2024, 6, 1))} == {place.helper.get_full_name()}


@pytest.mark.parametrize("until", [None, TODAY])
def test_a_hand_over_on_the_day_of_the_assignment_leaves_one_who_answers(place, until):
    give(place, place.officer, place.criteria[0], day=TODAY)
    between = {"starts_on": TODAY, "until": until, "by": place.leader}
    owners.hand_over(place.unit, person(place.officer), person(place.helper), **between)
    assert held(place, TODAY) == {(1, place.helper.get_full_name())}
    assert not owners.review(place.criteria, owners.owners(place.unit, place.set, TODAY)).overlaps
    after = place.officer if until else place.helper
    assert held(place, date(2024, 7, 1)) == {(1, after.get_full_name())}
    names = set(CriterionOwner.objects.filter(starts_on__lte=TODAY).values_list("name", flat=True))
    assert names == {place.officer.get_full_name(), place.helper.get_full_name()}


def test_a_stand_in_gives_back(place):
    give(place, place.officer, place.criteria[0])
    owners.hand_over(
        place.unit,
        person(place.officer),
        person(place.helper),
        starts_on=date(2024, 6, 1),
        until=date(2024, 6, 15),
        by=place.leader,
    )
    names = [next(iter(held(place, date(2024, 6, day))))[1] for day in (1, 15, 16)]
    assert names == [place.helper.get_full_name()] * 2 + [place.officer.get_full_name()]
    assert held(place, date(2024, 5, 31)) == {(1, place.officer.get_full_name())}


def test_a_hand_over_that_cannot_be(place):
    give(place, place.officer, place.criteria[0])
    same = person(place.officer)
    with pytest.raises(OwnerRefused, match="phải khác"):
        owners.hand_over(place.unit, same, same, starts_on=TODAY, by=place.leader)
    with pytest.raises(OwnerRefused, match="không phụ trách tiêu chí nào"):
        owners.hand_over(place.unit, person(place.helper), same, starts_on=TODAY, by=place.leader)
    with pytest.raises(OwnerRefused, match="Ngày kết thúc"):
        owners.hand_over(
            place.unit, same, person(place.helper), starts_on=TODAY, until=date(2024, 6, 1), by=place.leader
        )
    assert held(place, TODAY) == {(1, place.officer.get_full_name())}


def test_a_hand_over_for_good_takes_along_what_a_stand_in_gives_back(place):
    give(place, place.officer, place.criteria[0])
    third = MembershipFactory(unit=place.unit).user
    owners.hand_over(
        place.unit,
        person(place.officer),
        person(place.helper),
        starts_on=date(2024, 6, 1),
        until=date(2024, 7, 15),
        by=place.leader,
    )
    owners.hand_over(place.unit, person(place.officer), person(third), starts_on=TODAY, by=place.leader)
    assert held(place, date(2024, 7, 15)) == {(1, place.helper.get_full_name())}
    assert held(place, date(2024, 7, 16)) == {(1, third.get_full_name())}


def test_a_hand_over_to_who_has_it_makes_no_second_row_and_a_far_day_is_refused(place):
    give(place, place.officer, place.criteria[0])
    give(place, place.helper, place.criteria[0])
    with pytest.raises(OwnerRefused, match="không hợp lý"):
        owners.hand_over(
            place.unit, person(place.officer), person(place.helper), starts_on=date(2204, 6, 1), by=place.leader
        )
    owners.hand_over(place.unit, person(place.officer), person(place.helper), starts_on=TODAY, by=place.leader)
    assert CriterionOwner.objects.in_force(TODAY).count() == 1


@pytest.mark.parametrize("for_good", [True, False])
def test_whoever_stands_in_can_take_over_and_whoever_has_it_can_stand_in(place, for_good):
    """Nobody is left without: the stand-in goes on for good, or the old one has it back."""
    give(place, place.officer, place.criteria[0])
    between = {"starts_on": TODAY, "until": date(2024, 7, 15), "by": place.leader}
    old, new = person(place.officer), person(place.helper)
    if for_good:
        owners.hand_over(place.unit, old, new, **between)
        owners.hand_over(place.unit, old, new, starts_on=TODAY, by=place.leader)
        expected = {(1, new.name)}
    else:
        give(place, place.helper, place.criteria[0])
        owners.hand_over(place.unit, old, new, **between)
        assert held(place, date(2024, 7, 15)) == {(1, new.name)}
        expected = {(1, old.name), (1, new.name)}
    assert held(place, date(2024, 7, 16)) == expected
    assert CriterionOwner.objects.in_force(date(2024, 7, 16)).count() == len(expected)


def test_who_left_keeps_nobody_from_working(place, client):
    give(place, place.helper, place.criteria[0])
    client.force_login(place.officer)
    assert save(client, place, place.indicators[0]).status_code == 403
    place.helper.memberships.update(ends_on=date(2024, 5, 31))
    assert save(client, place, place.indicators[0]).status_code == 200
    found = owners.owners(place.unit, place.set, TODAY)
    assert [row.has_left for row in found[place.criteria[0].pk]] == [True]
    assert owners.review(place.criteria, found).gaps == [criterion.pk for criterion in place.criteria]
    client.force_login(place.leader)
    assert "không còn làm việc tại xã" in client.get(f"/units/{place.unit.pk}/owners/").content.decode()


# --- what it means for entering --------------------------------------------------------


def save(client, place, indicator, version=0):
    return client.post(
        f"/units/{place.unit.pk}/indicators/{indicator.pk}/entry/",
        {"version": version, "effective_on": "2024-06-01", "value": "50", "verdict": "not_met"},
        headers={"HX-Request": "true"},
    )


def test_owned_criteria_are_written_by_their_owners_and_the_leader(place, client):
    give(place, place.officer, place.criteria[0])
    first, second = place.indicators[0], place.indicators[2]
    client.force_login(place.helper)
    refused = save(client, place, first)
    assert refused.status_code == 403
    assert f"Tiêu chí 1 do {place.officer.get_full_name()} phụ trách" in refused.content.decode()
    assert save(client, place, second).status_code == 200, "nobody answers for it: everybody may"
    page = client.get(f"/units/{place.unit.pk}/criteria/1/?set={place.set.code}").content.decode()
    assert '<form class="entry-row' not in page
    assert "phụ trách" in page
    url = f"/units/{place.unit.pk}/criteria/1/done/?set={place.set.code}"
    assert client.post(url).status_code == 403
    link = f"/units/{place.unit.pk}/indicators/{first.pk}/evidence/attach/"
    assert client.get(link).status_code == 403
    client.force_login(place.officer)
    assert save(client, place, first).status_code == 200
    assert client.post(url).status_code == 302
    client.force_login(place.leader)
    assert save(client, place, first, version=1).status_code == 200
    assert Entry.objects.count() == 2


def test_my_criteria(place, client):
    give(place, place.officer, place.criteria[0])
    give(place, place.helper, place.criteria[1])
    client.force_login(place.officer)
    page = client.get(f"/units/{place.unit.pk}/entry/?set={place.set.code}&show=mine").content.decode()
    assert f'id="row-{place.indicators[0].pk}"' in page
    assert f'id="row-{place.indicators[2].pk}"' not in page
    assert "Tiêu chí của tôi" in page
    assert "Còn 2 chỉ tiêu chưa đánh giá." in client.get("/").content.decode()


# --- the page --------------------------------------------------------------------------


def test_the_page_assigns_and_says_what_is_wrong(place, client):
    url = f"/units/{place.unit.pk}/owners/?set={place.set.code}"
    client.force_login(place.leader)
    keys = [criterion.pk for criterion in place.criteria]
    bad = client.post(url, {"person": "", "name": "", "role": "lead", "starts_on": "31/02/2024", "criteria": []})
    text = bad.content.decode()
    assert bad.status_code == 422
    for words in ("Nhập ngày như 31/12/2025.", "Chọn ít nhất một tiêu chí.", "hoặc nhập họ và tên."):
        assert words in text
    data = {"person": "", "name": "Lê Văn <b>", "post": "Địa chính", "role": "lead", "starts_on": "01/01/2024"}
    done = client.post(url, data | {"criteria": keys}, follow=True).content.decode()
    assert "Đã phân công 2 tiêu chí cho Lê Văn &lt;b&gt;." in done
    row = CriterionOwner.objects.first()
    client.post(f"/units/{place.unit.pk}/owners/{row.pk}/end/?set={place.set.code}")
    row.refresh_from_db()
    assert row.ends_on == date(2024, 6, 29)
    for user, status in ((place.officer, 200), (place.staff, 200), (place.viewer, 403), (place.neighbour, 404)):
        client.force_login(user)
        assert client.get(url).status_code == status
        assert client.post(url, data | {"criteria": keys}).status_code == (404 if status == 404 else 403)


def test_the_page_hands_over(place, client):
    give(place, place.officer, *place.criteria)
    client.force_login(place.leader)
    url = f"/units/{place.unit.pk}/owners/hand-over/?set={place.set.code}"
    typed = {"old": str(place.officer.pk), "new": str(place.helper.pk), "starts_on": "30/06/2024", "until": ""}
    assert client.post(url, typed | {"new": str(place.officer.pk)}).status_code == 422
    done = client.post(url, typed, follow=True).content.decode()
    assert f"Đã bàn giao 2 tiêu chí cho {place.helper.get_full_name()}." in done


# --- who sees it -----------------------------------------------------------------------------------


def test_a_department_sees_who_answers_for_its_own_criteria_and_no_others(place, client):
    first, second = place.criteria
    department = DepartmentFactory()
    CriterionDepartment.objects.create(criterion=second, department=department)
    reviewer = MembershipFactory(unit=place.unit.province, role=Role.DEPARTMENT_REVIEWER, department=department).user
    give(place, place.officer, first)
    give(place, place.helper, second)
    page = reverse("criteria:owner_list", args=[place.unit.pk])

    def seen(user):
        client.force_login(user)
        answer = client.get(page)
        return [criterion for criterion, _ in answer.context["rows"]], answer

    rows, answer = seen(reviewer)
    assert rows == [second]
    assert place.helper.get_full_name() in answer.text
    assert place.officer.get_full_name() not in answer.text
    assert not re.search(r"(?<!Bộ )tiêu chí 1\b", answer.text)  # neither as a gap
    for user in (place.officer, place.leader, place.staff, place.coordinator):
        assert seen(user)[0] == [first, second]


def test_a_department_without_criteria_in_the_set_is_told_so(place, client):
    reviewer = MembershipFactory(
        unit=place.unit.province, role=Role.DEPARTMENT_REVIEWER, department=DepartmentFactory()
    ).user
    client.force_login(reviewer)
    answer = client.get(reverse("criteria:owner_list", args=[place.unit.pk]))
    assert "Chưa được phân công tiêu chí" in answer.text
    assert "Mỗi tiêu chí có một người phụ trách chính" not in answer.text
