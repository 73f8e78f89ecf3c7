"""Hỏi đáp: who asks whom, who sees it, answers that all stay, settling only what was read."""

import threading
import time
from datetime import date, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.urls import reverse

from communes.models import Role
from criteria import questions
from criteria.models import CriterionDepartment, Question, QuestionMessage
from criteria.questions import ChangedMeanwhile, Invalid
from reports.home import home_sections
from tests.factories import DepartmentFactory
from tests.reports.worlds import indicators_of, make_province, make_set, member, prove

pytestmark = pytest.mark.django_db
DUE = date(2024, 7, 10)


class Place:
    """A district of two communes with everybody who might look."""

    def __init__(self):
        self.criteria_set = make_set(criteria=2, indicators=1)
        self.province, (self.unit, self.neighbour) = make_province(communes=2)
        self.indicator, self.other = indicators_of(self.criteria_set)
        department, stranger = DepartmentFactory(), DepartmentFactory()
        CriterionDepartment.objects.create(criterion=self.indicator.criterion, department=department)
        CriterionDepartment.objects.create(criterion=self.other.criterion, department=stranger)
        area = self.unit.district
        self.people = {
            "officer": member(self.unit, Role.OFFICER),
            "leader": member(self.unit, Role.COMMUNE_LEADER),
            "neighbour": member(self.neighbour, Role.OFFICER),
            "district": member(area, Role.DISTRICT_STAFF),
            "other district": member(make_province(communes=1)[1][0].district, Role.DISTRICT_STAFF),
            "coordinator": member(self.province, Role.COORDINATOR),
            "department": member(self.province, Role.DEPARTMENT_REVIEWER, department=department),
            "other department": member(self.province, Role.DEPARTMENT_REVIEWER, department=stranger),
            "inspector": member(self.province, Role.INSPECTOR, may_lead=True),
            "viewer": member(self.province, Role.VIEWER),
        }

    def __getitem__(self, name):
        return self.people[name]

    def client(self, name):
        client = Client()
        client.force_login(self[name])
        return client

    def ask(self, who="district", office="district", from_commune=False, **fields):
        fields = {"text": "Số liệu tính đến ngày nào?", "due_on": None} | fields
        return questions.ask(
            self.unit, self.indicator, office=office, from_commune=from_commune, by=self[who], **fields
        )

    def ask_url(self, indicator=None):
        return reverse("criteria:question_ask", args=[self.unit.pk, (indicator or self.indicator).pk])

    def todos(self, who):
        return {todo.label: todo for section in home_sections(self[who]) for todo in section.todos}


@pytest.fixture
def place():
    return Place()


def url(name, question):
    return reverse(f"criteria:question_{name}", args=[question.pk])


# --- who sees it -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "office", "seen_by"),
    [
        ("district", "district", {"officer", "leader", "district"}),
        ("coordinator", "province", {"officer", "leader", "coordinator", "department"}),
        ("department", "province", {"officer", "leader", "coordinator", "department"}),
    ],
)
def test_only_the_two_sides_see_a_question(place, who, office, seen_by):
    question = place.ask(who, office)
    assert {
        name for name in place.people if place.client(name).get(url("detail", question)).status_code == 200
    } == seen_by
    for name in place.people:
        listed = place.client(name).get(reverse("criteria:question_list")).context["page"].paginator.count
        assert listed == (name in seen_by), name
        if name not in seen_by:
            for step in ("answer", "again", "settle"):
                assert place.client(name).post(url(step, question), {"text": "x", "version": 0}).status_code == 404


def test_a_commune_asks_its_district_or_its_province(place):
    page = place.client("officer").get(place.ask_url()).text
    assert place.unit.district.full_name in page
    assert "điều phối viên và sở, ngành phụ trách" in page
    answer = place.client("officer").post(place.ask_url(), {"addressee": "province-up", "text": "Mẫu nào?"})
    question = Question.objects.get()
    assert answer["Location"] == url("detail", question)
    assert (question.office, question.from_commune) == ("province", True)
    assert place.client("district").get(url("detail", question)).status_code == 404
    assert questions.answer(question, text="Mẫu 02", by=place["department"]).kind == "answer"


def test_a_district_has_one_addressee_and_is_not_asked_which(place):
    client = place.client("district")
    assert 'type="radio"' not in client.get(place.ask_url()).text
    answer = client.post(place.ask_url(), {"text": "Bổ sung biên bản", "due_on": "10/07/2024"})
    assert answer.status_code == 302
    question = Question.objects.get()
    assert (question.office, question.from_commune, question.due_on) == ("district", False, DUE)


@pytest.mark.parametrize(
    ("who", "status"),
    [("neighbour", 404), ("other district", 404), ("inspector", 404), ("viewer", 403), ("other department", 404)],
)
def test_others_cannot_ask(place, who, status):
    client = place.client(who)
    assert client.get(place.ask_url()).status_code == status
    assert client.post(place.ask_url(), {"text": "Hỏi", "addressee": "province-down"}).status_code == status
    assert not Question.objects.exists()
    with pytest.raises(PermissionDenied):
        place.ask(who, "province")


def test_nobody_speaks_for_another_office(place):
    with pytest.raises(Invalid, match="nơi nhận"):
        place.ask("district", "province")
    assert (
        place.client("district").post(place.ask_url(), {"text": "x", "addressee": "province-down"}).status_code == 422
    )


def test_a_commune_that_is_no_more_is_not_asked(place):
    type(place.unit).objects.filter(pk=place.unit.pk).update(closed_on=date(2024, 6, 1))
    place.unit.refresh_from_db()
    with pytest.raises(PermissionDenied, match="kết thúc"):
        place.ask()


# --- bad input -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"text": ""}, "Nhập nội dung câu hỏi."),
        ({"text": "\u200b\u0007"}, "Nhập nội dung câu hỏi."),
        ({"text": "x" * 2001}, "vượt quá 2000 ký tự"),
        ({"text": "x", "due_on": "29/06/2024"}, "từ hôm nay trở đi"),
        ({"text": "x", "due_on": "01/01/2099"}, "quá xa"),
        ({"text": "x", "due_on": "hôm nay"}, "Nhập ngày như 31/12/2025."),
        ({"text": "x", "addressee": "moon"}, "Chọn nơi nhận câu hỏi."),
    ],
)
def test_what_cannot_be_asked_says_why_and_keeps_the_text(place, typed, message):
    answer = place.client("officer").post(place.ask_url(), {"addressee": "district-up", **typed})
    assert answer.status_code == 422
    assert message in answer.text
    assert not Question.objects.exists()


def test_text_is_stored_clean_and_shown_escaped(place):
    place.client("district").post(place.ask_url(), {"text": "Hỏi\u202e <b>đậm</b>\r\n\r\n\r\n\r\nhết"})
    question = Question.objects.get()
    assert question.text == "Hỏi <b>đậm</b>\n\nhết"
    assert "<b>đậm</b>" not in place.client("officer").get(url("detail", question)).text


def test_a_second_click_asks_once(place):
    client = place.client("district")
    for _ in range(2):
        assert client.post(place.ask_url(), {"text": "Một lần thôi"}).status_code == 302
    assert Question.objects.count() == 1
    question = Question.objects.get()
    for _ in range(2):
        place.client("officer").post(url("answer", question), {"text": "Đã rõ"})
    assert question.messages.count() == 1


# --- the thread ------------------------------------------------------------------------


def test_asked_answered_settled_and_asked_again(place):
    question = place.ask(due_on=DUE)
    officer, staff = place.client("officer"), place.client("district")
    assert officer.post(url("answer", question), {"text": "Ngày 31/5"}).status_code == 302
    question.refresh_from_db()
    assert question.state == "answered"
    assert staff.post(url("settle", question), {"version": question.version}).status_code == 302
    question.refresh_from_db()
    assert question.state == "done"
    assert staff.post(url("again", question), {"text": "Còn nước?", "due_on": "15/07/2024"}).status_code == 302
    question.refresh_from_db()
    assert (question.state, question.due_on) == ("waiting", date(2024, 7, 15))
    assert list(question.messages.values_list("kind", flat=True)) == ["answer", "done", "again"]
    page = officer.get(url("detail", question)).text
    assert "Ngày 31/5" in page
    assert "Còn nước?" in page
    assert "15/07/2024" in page


def test_sides_keep_to_their_steps(place):
    question = place.ask()
    assert place.client("district").post(url("answer", question), {"text": "x"}).status_code == 403
    assert place.client("officer").post(url("again", question), {"text": "x"}).status_code == 403
    assert place.client("officer").post(url("settle", question), {"version": 0}).status_code == 403
    assert question.messages.count() == 0


def test_two_answers_both_stay(place):
    question = place.ask()
    questions.answer(question, text="Theo thôn", by=place["officer"])
    questions.answer(question, text="Theo xã", by=place["leader"])
    assert set(question.messages.values_list("text", flat=True)) == {"Theo thôn", "Theo xã"}


def test_settling_what_was_answered_meanwhile_tells(place):
    question = place.ask()
    staff = place.client("district")
    seen = staff.get(url("detail", question)).context["question"].version
    questions.answer(question, text="Vừa trả lời", by=place["officer"])
    answer = staff.post(url("settle", question), {"version": seen})
    assert answer.status_code == 409
    assert "Vừa có trao đổi mới" in answer.text
    assert "Vừa trả lời" in answer.text
    question.refresh_from_db()
    assert question.state == "answered"
    assert staff.post(url("settle", question), {"version": question.version}).status_code == 302


def test_answering_what_was_settled_meanwhile_keeps_the_text(place):
    question = place.ask()
    questions.settle(question, seen_version=0, by=place["district"])
    answer = place.client("officer").post(url("answer", question), {"text": "Chậm một phút"})
    assert answer.status_code == 409
    assert "vừa xác nhận câu hỏi này đã xong" in answer.text
    assert "Chậm một phút" in answer.text
    with pytest.raises(ChangedMeanwhile):
        questions.answer(question, text="Chậm", by=place["officer"])
    assert question.messages.count() == 1


@pytest.mark.parametrize("version", ["", "-1", "x", str(2**40)])
def test_a_forged_version_settles_nothing(place, version):
    question = place.ask()
    assert place.client("district").post(url("settle", question), {"version": version}).status_code == 422
    question.refresh_from_db()
    assert question.state == "waiting"


def test_an_answer_points_to_documents_of_the_unit_only(place):
    question = place.ask()
    sent = prove(place.unit, place.indicator, title="Biên bản đã gửi")
    fresh = prove(place.unit, place.indicator, published=False, title="Chưa gửi")
    foreign = prove(place.neighbour, place.indicator, title="Của xã bên")
    officer = place.client("officer")
    refused = officer.post(url("answer", question), {"text": "x", "evidence": [foreign.pk]})
    assert refused.status_code == 422
    assert "Chỉ chọn minh chứng đang sử dụng của xã." in refused.text
    assert officer.post(url("answer", question), {"text": "x", "evidence": ["khong-phai"]}).status_code == 422
    answer = officer.post(url("answer", question), {"text": "Xem kèm", "evidence": [sent.pk, fresh.pk]})
    assert answer.status_code == 302
    page = place.client("district").get(url("detail", question)).text
    assert "Biên bản đã gửi" in page
    assert "Chưa gửi" in page  # answering hands it over


def opens(place, document):
    """Who opens a document's page."""
    page = reverse("criteria:evidence_detail", args=[document.pk])
    return {name for name in place.people if place.client(name).get(page).status_code == 200}


@pytest.mark.parametrize(
    ("who", "office", "also"),
    [("district", "district", {"district"}), ("department", "province", {"coordinator", "department"})],
)
def test_an_answers_document_is_opened_by_who_sees_the_question_and_by_nobody_else(place, who, office, also):
    question = place.ask(who, office)
    document = prove(place.unit, place.indicator, published=False, title="Biên bản kèm trả lời")
    own = {"officer", "leader"}
    assert opens(place, document) == own
    questions.answer(question, text="Xem kèm", by=place["officer"], evidence=[document])
    assert opens(place, document) == own | also
    assert "Biên bản kèm trả lời" in place.client(who).get(url("detail", question)).text


def test_a_department_opens_no_personal_data_in_an_answer(place):
    question = place.ask("department", "province")
    document = prove(place.unit, place.indicator, published=False, has_personal_data=True)
    questions.answer(question, text="Xem kèm", by=place["officer"], evidence=[document])
    assert opens(place, document) == {"officer", "leader", "coordinator"}
    assert "1 tài liệu có dữ liệu cá nhân" in place.client("department").get(url("detail", question)).text


def test_the_file_of_an_answer_is_served_like_any_other(place):
    question = place.ask()
    document = prove(place.unit, place.indicator, published=False)
    questions.answer(question, text="Xem kèm", by=place["officer"], evidence=[document])
    listed = place.client("district").get(reverse("criteria:evidence_list"), {"unit": place.unit.pk})
    assert document in listed.context["page"].object_list
    assert place.client("coordinator").get(reverse("criteria:evidence_detail", args=[document.pk])).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_are_both_heard(monkeypatch):
    place = Place()
    question = place.ask()
    barrier = threading.Barrier(2)
    add = questions._add

    def slowly(*args, **kwargs):
        time.sleep(0.3)  # long enough for the other to have read the same row, were it not held
        return add(*args, **kwargs)

    monkeypatch.setattr(questions, "_add", slowly)

    def answer(who, text):
        barrier.wait()
        questions.answer(question, text=text, by=place[who])
        connection.close()

    threads = [threading.Thread(target=answer, args=pair) for pair in (("officer", "Một"), ("leader", "Hai"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    question.refresh_from_db()
    assert question.version == QuestionMessage.objects.count() == 2


# --- lists and counts ------------------------------------------------------------------


def test_home_counts_lead_to_the_lists_they_count(place):
    late = place.ask(text="Bổ sung", due_on=DUE)
    Question.objects.filter(pk=late.pk).update(due_on=date(2024, 6, 29))
    place.ask(text="Hỏi thêm")
    answered = place.ask("officer", "district", True, text="Mẫu nào?")
    assert {label: todo.count for label, todo in place.todos("district").items() if "hỏi" in label.lower()} == {
        "Câu hỏi, đề nghị chờ trả lời": 1,
        "Câu hỏi, đề nghị chờ xã trả lời": 2,
    }
    questions.answer(answered, text="Mẫu 02", by=place["district"])
    expected = {"Đề nghị bổ sung quá hạn": 1, "Câu hỏi, đề nghị chờ trả lời": 2, "Câu hỏi đã có trả lời": 1}
    for label, count in expected.items():
        todo = place.todos("officer")[label]
        assert todo.count == count
        assert place.client("officer").get(todo.url).context["page"].paginator.count == count
    assert "Quá hạn" in place.client("officer").get(url("detail", late)).text
    assert "Câu hỏi, đề nghị chờ trả lời" not in place.todos("district")


@pytest.mark.parametrize(("who", "office"), [("district", "district"), ("department", "province")])
def test_who_asked_finds_the_question_until_it_is_settled(place, who, office):
    """Not only once it is overdue: its day lies ahead."""
    question = place.ask(who, office, text="Bổ sung danh sách", due_on=DUE)
    label = "Câu hỏi, đề nghị chờ xã trả lời"
    todo = place.todos(who)[label]
    assert todo.count == place.client(who).get(todo.url).context["page"].paginator.count == 1
    assert label in place.client(who).get("/").text
    assert "Câu hỏi, đề nghị chờ trả lời" in place.todos("officer")
    questions.answer(question, text="Đã bổ sung", by=place["officer"])
    assert place.todos(who)[label].count == 0
    assert place.todos(who)["Câu hỏi đã có trả lời"].count == 1


def test_a_commune_finds_what_it_asked_until_it_is_answered(place):
    question = place.ask("officer", "district", True, text="Mẫu nào?")
    label = "Câu hỏi chờ cấp trên trả lời"
    todo = place.todos("officer")[label]
    assert todo.count == place.client("officer").get(todo.url).context["page"].paginator.count == 1
    questions.answer(question, text="Mẫu 02", by=place["district"])
    assert place.todos("officer")[label].count == 0


@pytest.mark.parametrize(
    "query", ["?state=moon", "?page=x", "?area=0", "?criterion=-1", "?area=9999999999999999999999"]
)
def test_a_list_asked_for_nonsense_shows_what_it_can(place, query):
    place.ask()
    assert place.client("officer").get(reverse("criteria:question_list") + query).status_code == 200


def test_the_criterion_page_counts_beside_the_indicator(place):
    page_url = reverse("criteria:criterion", args=[place.unit.pk, 1])
    assert place.ask_url() in place.client("district").get(page_url).text
    place.ask()
    assert '<span class="count">1</span> chưa xong' in place.client("officer").get(page_url).text
    assert place.ask_url() not in place.client("viewer").get(page_url).text


@pytest.mark.parametrize("name", ["list", "criterion", "ask", "detail"])
def test_queries_do_not_grow(place, count_queries, name):
    question = place.ask()
    pages = {
        "list": reverse("criteria:question_list"),
        "criterion": reverse("criteria:criterion", args=[place.unit.pk, 1]),
        "ask": place.ask_url(),
        "detail": url("detail", question),
    }
    counts = []
    for size in (3, 20):
        for number in range(size):
            place.ask(text=f"Câu {size} {number}")
            questions.answer(question, text=f"Trả lời {size} {number}", by=place["officer"])
        client = place.client("officer")
        client.get(pages[name])
        with count_queries() as queries:
            client.get(pages[name])
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 25, "\n".join(queries)


def test_overdue_begins_the_day_after(place):
    question = place.ask(due_on=date(2024, 6, 30))
    assert not question.is_overdue(date(2024, 6, 30))
    assert question.is_overdue(date(2024, 6, 30) + timedelta(days=1))
