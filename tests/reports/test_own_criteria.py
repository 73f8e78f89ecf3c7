"""Findings and questions follow who answers for their criterion: counts, lists, and who may act."""

from datetime import date, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from communes.models import Role, Succession
from criteria import owners, questions
from criteria.models import CriterionOwner, Question
from criteria.owners import Person
from inspections import findings
from inspections.models import FindingEvent
from reports.home import home_sections
from tests.factories import CommuneFactory
from tests.reports.worlds import concluded_visit, find, indicators_of, make_province, make_set, member

TODAY = date(2024, 6, 30)
LATE = date(2024, 6, 1)
THEIRS = "phụ trách; lãnh đạo xã phân công lại được."


class Place:
    """A commune of two officers and a leader; of two criteria the first has a finding and a question each way."""

    def __init__(self):
        self.criteria_set = make_set(criteria=2, indicators=1)
        _, (self.unit, self.neighbour) = make_province(communes=2)
        self.first, self.second = self.criteria_set.criteria.order_by("number")
        self.visit = concluded_visit(self.unit, self.criteria_set)
        self.finding = find(self.visit, 1, due_on=LATE)
        self.other_finding = find(self.visit, 2, due_on=LATE)
        self.old = member(self.unit, Role.OFFICER)
        self.new = member(self.unit, Role.OFFICER)
        self.leader = member(self.unit, Role.COMMUNE_LEADER)
        self.staff = member(self.unit.district, Role.DISTRICT_STAFF)
        self.question = self.ask(indicators_of(self.criteria_set)[0])
        self.asked = self.ask(indicators_of(self.criteria_set)[0], from_commune=True, by=self.leader)

    def ask(self, indicator, *, from_commune=False, by=None, text="Số liệu ngày nào?"):
        return questions.ask(
            self.unit,
            indicator,
            office="district",
            from_commune=from_commune,
            text=text,
            due_on=None,
            by=by or self.staff,
        )

    def give(self, user, *criteria, role=CriterionOwner.Role.LEAD):
        owners.assign(self.unit, criteria, person(user), role, starts_on=date(2024, 1, 1), by=self.leader)

    def hand_over(self, **days):
        owners.hand_over(self.unit, person(self.old), person(self.new), by=self.leader, **({"starts_on": TODAY} | days))


@pytest.fixture
def place(db):
    return Place()


def person(user):
    return Person(user.pk, user.get_full_name(), user.post)


def fresh(user):
    """The person as in a later request: roles are read once a request."""
    return get_user_model().objects.get(pk=user.pk)


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


COUNTED = ("Tồn tại quá hạn", "Tồn tại chưa khắc phục", "Câu hỏi, đề nghị chờ trả lời", "Câu hỏi đã có trả lời")


def counted(user):
    """What home counts of findings and questions, each checked against the list it leads to."""
    client = client_of(user)
    found = {}
    for section in home_sections(fresh(user)):
        for todo in section.waiting:
            if todo.label in COUNTED:
                assert client.get(todo.url).context["page"].paginator.count == todo.count, todo.label
                found[todo.label] = todo.count
    return found


def may_act(place, user):
    """Whether a finding can be remedied and a question answered by the person, each tried and said."""
    client = client_of(user)
    finding = client.post(reverse("inspections:finding_remedy", args=[place.finding.pk]), {"note": ""})
    question = client.post(reverse("criteria:question_answer", args=[place.question.pk]), {"text": ""})
    assert finding.status_code == question.status_code
    if finding.status_code == 403:
        for answer in (finding, question):
            assert "Tiêu chí 1 do " in answer.text
            assert THEIRS in answer.text
    return finding.status_code == 422


ALL = {"Tồn tại quá hạn": 2, "Câu hỏi, đề nghị chờ trả lời": 1}
SECOND_ONLY = {"Tồn tại quá hạn": 1}


def test_without_owners_all_is_everybody_s(place):
    for user in (place.old, place.new, place.leader):
        assert counted(user) == ALL
        assert may_act(place, user)


@pytest.mark.parametrize("role", CriterionOwner.Role.values)
def test_who_answers_for_a_criterion_has_what_hangs_on_it_and_the_leader_all(place, role):
    place.give(place.old, place.first, role=role)
    assert counted(place.old) == counted(place.leader) == ALL, "nobody answers for the second"
    assert counted(place.new) == SECOND_ONLY
    assert (may_act(place, place.old), may_act(place, place.new), may_act(place, place.leader)) == (True, False, True)
    with pytest.raises(PermissionDenied, match="Tiêu chí 1 do"):
        findings.remedy(place.finding, seen_version=1, note="Xong", evidence=[], by=fresh(place.new))
    findings.remedy(place.other_finding, seen_version=1, note="Xong", evidence=[], by=fresh(place.new))


def test_the_question_the_commune_asked_is_followed_by_who_answers_for_the_criterion(place):
    questions.answer(place.asked, text="Mẫu 02", by=fresh(place.staff))
    place.give(place.old, place.first)
    assert counted(place.old)["Câu hỏi đã có trả lời"] == 1
    assert "Câu hỏi đã có trả lời" not in counted(place.new)
    settle = reverse("criteria:question_settle", args=[place.asked.pk])
    assert client_of(place.new).post(settle, {"version": 1}).status_code == 403
    assert client_of(place.old).post(settle, {"version": 1}).status_code == 302
    assert Question.objects.get(pk=place.asked.pk).state == "done"


def test_a_hand_over_for_good_takes_findings_and_questions_along_and_history_keeps_the_name(place):
    place.give(place.old, place.first)
    findings.remedy(place.finding, seen_version=1, note="Đã lắp", evidence=[], by=fresh(place.old))
    questions.answer(place.question, text="Ngày 30/6", by=fresh(place.old))
    closer = member(place.unit.province, Role.COORDINATOR)
    findings.reopen(place.finding, seen_version=2, note="Còn 5 m", by=closer)
    questions.ask_again(place.question, text="Của tháng nào?", due_on=None, by=fresh(place.staff))
    assert (may_act(place, place.old), may_act(place, place.new)) == (True, False)
    place.hand_over()
    assert (may_act(place, place.old), may_act(place, place.new)) == (False, True)
    assert (counted(place.old), counted(place.new)) == (SECOND_ONLY, ALL)
    assert FindingEvent.objects.filter(kind="remedied").get().by == place.old
    page = client_of(place.new).get(reverse("inspections:finding_detail", args=[place.finding.pk])).text
    assert str(place.old) in page
    thread = client_of(place.new).get(reverse("criteria:question_detail", args=[place.question.pk])).text
    assert f"{place.old}, " in thread


def test_a_stand_in_has_them_until_the_end_of_the_last_day_and_then_they_return(place, settings):
    place.give(place.old, place.first)
    place.hand_over(until=TODAY + timedelta(days=5))
    for days, who in ((0, place.new), (5, place.new), (6, place.old)):
        settings.NTM_TODAY = TODAY + timedelta(days=days)
        other = place.old if who == place.new else place.new
        assert (may_act(place, who), may_act(place, other)) == (True, False), days
        assert counted(who)["Tồn tại quá hạn"] == 2
        assert counted(other)["Tồn tại quá hạn"] == 1


def test_who_left_keeps_nobody_from_acting(place):
    place.give(place.old, place.first)
    place.old.memberships.update(ends_on=TODAY - timedelta(days=1))
    assert may_act(place, place.new)
    assert counted(place.new) == ALL


def test_the_lists_offer_my_criteria_where_that_is_less(place):
    lists = [reverse("inspections:finding_list"), reverse("criteria:question_list")]
    for url in lists:
        assert "Tiêu chí của tôi" not in client_of(place.new).get(url).text
    place.give(place.old, place.first)
    for url, ours in zip(lists, (2, 2), strict=True):
        for user, mine in ((place.old, ours), (place.new, 1 if "findings" in url else 0)):
            client = client_of(user)
            assert client.get(url).context["page"].paginator.count == ours
            assert ("Tiêu chí của tôi" in client.get(url).text) == (user == place.new)
            narrowed = client.get(f"{url}?mine=1&q=").context["page"].paginator.count
            assert narrowed == mine, (url, user)
        for user in (place.leader, place.staff):
            page = client_of(user).get(f"{url}?mine=1")
            assert page.context["page"].paginator.count == ours, "nothing is left out for who has no criteria of others"
            assert "Tiêu chí của tôi" not in page.text
    page = client_of(place.new).get(f"{lists[0]}?mine=1&state=overdue")
    assert '<input type="hidden" name="mine" value="1">' in page.text, "a search keeps to my criteria"
    assert [finding.pk for finding in page.context["page"]] == [place.other_finding.pk]


def test_the_pages_say_whose_it_is_instead_of_a_form(place):
    place.give(place.old, place.first)
    client = client_of(place.new)
    for url in (
        reverse("inspections:finding_detail", args=[place.finding.pk]),
        reverse("criteria:question_detail", args=[place.question.pk]),
    ):
        text = client.get(url).text
        assert f"Tiêu chí 1 do {place.old} {THEIRS}" in text
        assert "<textarea" not in text
    text = client_of(place.staff).get(reverse("inspections:finding_detail", args=[place.finding.pk])).text
    assert THEIRS not in text


def test_the_findings_of_a_predecessor_follow_the_owner_in_the_successor(place):
    before = CommuneFactory(parent=place.unit.district, closed_on=date(2023, 4, 1))
    Succession.objects.create(predecessor=before, successor=place.unit, effective_on=date(2023, 4, 1))
    inherited = find(concluded_visit(before, place.criteria_set), 1, due_on=LATE)
    place.give(place.old, place.first)
    assert counted(place.old)["Tồn tại quá hạn"] == 3
    assert counted(place.new)["Tồn tại quá hạn"] == 1
    url = reverse("inspections:finding_remedy", args=[inherited.pk])
    assert client_of(place.new).post(url, {"note": ""}).status_code == 403
    assert client_of(place.old).post(url, {"note": ""}).status_code == 422


@pytest.mark.parametrize("page", ["reports:home", "inspections:finding_list", "criteria:question_list"])
def test_queries_do_not_grow_with_findings_questions_and_owners(place, count_queries, page):
    counts = []
    indicator = indicators_of(place.criteria_set)[1]
    url = f"{reverse(page)}?mine=1"
    for size in (3, 30):
        for number in range(size):
            find(place.visit, 2)
            place.ask(indicator, text=f"Câu {size} {number}")
            place.give(member(place.unit, Role.OFFICER), place.first)
        client = client_of(place.new)
        client.get(url)
        with count_queries() as queries:
            client.get(url)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 45, "\n".join(queries)
