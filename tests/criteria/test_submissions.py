"""Finishing, approving, sending, receiving, returning: who may, what follows, and nothing else."""

import html
import re
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from communes.models import Role
from criteria import submissions
from criteria.entries import save_entry
from criteria.models import (
    Assessment,
    CriterionDepartment,
    Entry,
    Evidence,
    EvidenceLink,
    FinishedCriterion,
    ReportingPeriod,
    ReturnedIndicator,
    Revision,
    Submission,
    TargetReport,
)
from criteria.publish import ChangedMeanwhile, NothingToSend, send
from criteria.submissions import StepRefused, receive, return_, waiting
from criteria.verdicts import Stage
from reports.home import home_sections
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

DAY = date(2024, 6, 1)


class World:
    """A commune with two officers and a leader, its district, province and a department; two criteria of two."""

    def __init__(self):
        self.district = DistrictFactory()
        self.unit = CommuneFactory(parent=self.district)
        self.officer = MembershipFactory(unit=self.unit).user
        self.helper = MembershipFactory(unit=self.unit).user
        self.leader = MembershipFactory(unit=self.unit, role=Role.COMMUNE_LEADER).user
        self.staff = MembershipFactory(unit=self.district, role=Role.DISTRICT_STAFF).user
        self.coordinator = MembershipFactory(unit=self.district.parent, role=Role.COORDINATOR).user
        self.neighbour = MembershipFactory(unit=CommuneFactory(parent=self.district), role=Role.COMMUNE_LEADER).user
        self.viewer = MembershipFactory(unit=self.district, role=Role.VIEWER).user
        self.set = CriteriaSetFactory()
        self.criteria = [CriterionFactory(criteria_set=self.set, number=number) for number in (1, 2)]
        self.indicators = [IndicatorFactory(criterion=c, position=p) for c in self.criteria for p in (1, 2)]
        department = DepartmentFactory()
        CriterionDepartment.objects.create(criterion=self.criteria[0], department=department)
        self.reviewer = MembershipFactory(
            unit=self.district.parent, role=Role.DEPARTMENT_REVIEWER, department=department
        ).user

    def save(self, place, value=50, verdict="not_met", by=None):
        indicator = self.indicators[place]
        entry = Entry.objects.filter(unit=self.unit, indicator=indicator).first()
        return save_entry(
            self.unit, self.set, indicator, {"verdict": verdict, "value": Decimal(value)},
            effective_on=DAY, seen_version=entry.version if entry else 0, by=by or self.officer,
        )  # fmt: skip

    def seen(self, *criteria):
        found = waiting(self.unit, self.set)
        return {pk: row.seen for pk, row in found.items() if row.seen and (not criteria or pk in criteria)}

    def send(self, *criteria):
        return send(self.unit, self.set, self.leader, self.seen(*criteria))


@pytest.fixture
def place(db):
    return World()


# --- before ----------------------------------------------------------------------------


def test_a_finished_criterion_waits_until_it_is_changed_or_sent(place, assert_queries):
    place.save(0)
    done = submissions.finish(place.unit, place.criteria[0], by=place.officer)
    assert submissions.finish(place.unit, place.criteria[0], by=place.helper) == done, "said once is said"
    with assert_queries(3):
        found = waiting(place.unit, place.set)[place.criteria[0].pk]
    assert len(found.seen) == 16, "something waits"
    assert (found.seen, found.finished.by, found.is_changed_since) == (done.seen, place.officer, False)
    place.save(1)
    assert waiting(place.unit, place.set)[place.criteria[0].pk].is_changed_since
    again = submissions.finish(place.unit, place.criteria[0], by=place.helper)
    assert not waiting(place.unit, place.set)[place.criteria[0].pk].is_changed_since
    place.send()
    assert not FinishedCriterion.objects.filter(ended_at=None).exists()
    assert [row.by for row in FinishedCriterion.objects.order_by("pk")] == [place.officer, again.by]


def test_the_criterions_page_tells_of_a_word_that_it_is_finished_and_of_what_came_back(place, client):
    """Asked for where there is something only (criteria.occasional)."""
    client.force_login(place.officer)

    def page(number):
        return client.get(f"/units/{place.unit.pk}/criteria/{number}/?set={place.set.code}").content.decode()

    place.save(0)
    assert "Đã xong tiêu chí này</strong>" not in page(1)
    submissions.finish(place.unit, place.criteria[0], by=place.officer)
    assert "Đã xong tiêu chí này</strong>" in page(1) and "Đã xong tiêu chí này</strong>" not in page(2)
    place.save(0, 51)
    assert "Sửa sau khi báo xong." in page(1)
    place.save(2)
    sent = place.send()
    assert "Thiếu bảng kê" not in page(2)
    return_(sent, {place.indicators[2].pk: "Thiếu bảng kê"}, by=place.staff)
    assert "Thiếu bảng kê" in page(2) and "Thiếu bảng kê" not in page(1)


def test_the_criterions_page_tells_what_became_of_a_report_that_the_target_is_wrong(place, client):
    client.force_login(place.officer)
    TargetReport.objects.create(
        unit=place.unit, indicator=place.indicators[2], text="Sai mức", reported_by=place.officer
    )
    pages = [client.get(f"/units/{place.unit.pk}/criteria/{n}/?set={place.set.code}").content.decode() for n in (1, 2)]
    assert ["Đã báo yêu cầu sai" in page for page in pages] == [False, True]


def test_taking_back(place):
    place.save(0)
    submissions.finish(place.unit, place.criteria[0], by=place.officer)
    submissions.take_back(place.unit, place.criteria[0], by=place.helper)
    assert waiting(place.unit, place.set)[place.criteria[0].pk].finished is None


def test_only_people_of_the_commune_finish(place):
    for user in (place.staff, place.neighbour, place.coordinator, UserFactory()):
        with pytest.raises(PermissionDenied):
            submissions.finish(place.unit, place.criteria[0], by=user)


def test_some_criteria_are_sent_and_the_others_wait(place):
    place.save(0)
    place.save(2)
    submission = place.send(place.criteria[1].pk)
    assert [row.pk for row in submission.criteria.all()] == [place.criteria[1].pk]
    assert Revision.objects.get().indicator == place.indicators[2]
    assert set(waiting(place.unit, place.set)) == {place.criteria[0].pk}


def test_approving_what_changed_meanwhile_is_told(place):
    place.save(0)
    place.save(2)
    seen = place.seen()
    place.save(0, 60)
    with pytest.raises(ChangedMeanwhile) as changed:
        send(place.unit, place.set, place.leader, seen)
    assert changed.value.criteria == {place.criteria[0].pk}
    assert not Revision.objects.exists()


# --- after -----------------------------------------------------------------------------


def test_the_district_receives_once(place):
    place.save(0)
    submission = place.send()
    receive(submission, by=place.staff, note="Đủ")
    submission.refresh_from_db()
    assert submission.state == Submission.State.RECEIVED
    with pytest.raises(StepRefused, match="đã tiếp nhận"):
        receive(submission, by=place.coordinator)
    assert submission.steps.count() == 1


def test_several_offices_return_what_each_misses(place):
    """An indicator once; what a department returns after the district received it comes back all the same."""
    place.save(0)
    place.save(2)
    submission = place.send()
    receive(submission, by=place.staff)
    return_(submission, {place.indicators[0].pk: "Thiếu xác nhận"}, by=place.reviewer)
    return_(submission, {place.indicators[2].pk: "Thiếu bảng kê"}, by=place.staff)
    with pytest.raises(StepRefused, match="đã được trả lại trước đó"):
        return_(submission, {place.indicators[0].pk: "Thiếu"}, by=place.coordinator)
    with pytest.raises(StepRefused):
        receive(submission, by=place.staff)
    submission.refresh_from_db()
    assert submission.state == Submission.State.RETURNED
    assert len(submissions.returned(place.unit, place.set)) == 2


def test_a_document_sent_alone_is_shown_and_can_be_returned(place, client):
    place.save(0)
    first = place.send()
    paper = Evidence.objects.create(
        unit=place.unit, form="paper", title="Biên bản họp thôn", kept_at="Tủ", uploaded_by=place.officer
    )
    tie = EvidenceLink.objects.create(
        unit=place.unit, indicator=place.indicators[0], evidence=paper, created_by=place.officer
    )
    place.send()
    second = Submission.objects.latest("pk")
    (brought,) = submissions.sent(second, place.staff)
    assert (brought.indicator, brought.result, brought.documents) == (place.indicators[0], None, [tie])
    assert [row.documents for row in submissions.sent(first, place.staff)] == [[]]
    client.force_login(place.staff)
    page = client.get(f"/submissions/{second.pk}/").content.decode()
    assert "Biên bản họp thôn" in page
    assert "Chỉ thêm minh chứng" in page
    with pytest.raises(StepRefused, match="đã gửi lại chỉ tiêu"):
        return_(first, {place.indicators[0].pk: "Thiếu"}, by=place.staff)
    return_(second, {place.indicators[0].pk: "Không đọc được"}, by=place.staff)
    assert len(submissions.returned(place.unit, place.set)) == 1


def test_finishing_what_has_nothing_to_send_is_refused(place, client):
    with pytest.raises(StepRefused, match="không có gì mới"):
        submissions.finish(place.unit, place.criteria[0], by=place.officer)
    assert not FinishedCriterion.objects.exists()


def test_only_what_is_finished_is_proposed_for_sending(place, client):
    place.save(0)
    place.save(2)
    client.force_login(place.leader)
    url = f"/units/{place.unit.pk}/send/"
    assert [group["is_chosen"] for group in client.get(url).context["groups"]] == [True, True]
    submissions.finish(place.unit, place.criteria[1], by=place.officer)
    assert [group["is_chosen"] for group in client.get(url).context["groups"]] == [False, True]


def test_an_earlier_sending_still_waits_after_a_later_one(place, client):
    place.save(0)
    first = place.send()
    place.save(2)
    second = place.send()
    receive(second, by=place.staff)
    client.force_login(place.staff)
    page = client.get("/submissions/?state=sent")
    (row,) = page.context["page"]
    assert (row.submission, row.waiting, row.criteria) == (second, [first], 2)
    assert f"/submissions/{first.pk}/" in page.content.decode()


def test_what_is_returned_is_settled_by_sending_it_anew(place):
    place.save(0)
    place.save(1)
    first = place.send()
    return_(first, {place.indicators[0].pk: "Thiếu xác nhận"}, by=place.staff, note="Bổ sung sớm")
    (back,) = submissions.returned(place.unit, place.set)
    assert (back.indicator, back.reason) == (place.indicators[0], "Thiếu xác nhận")
    assert Assessment.objects.count() == 2, "what was sent stays published"
    place.save(1, 70)
    place.send()
    assert submissions.returned(place.unit, place.set) == [back], "another indicator doesn't settle it"
    place.save(0, 70)
    second = place.send()
    assert submissions.returned(place.unit, place.set) == []
    assert ReturnedIndicator.objects.get().settled_by == second


def test_what_is_returned_costs_the_same_for_one_and_several(place, client, count_queries, assert_queries):
    place.save(0)
    place.save(1)
    sending = place.send()
    client.force_login(place.officer)
    page = f"/units/{place.unit.pk}/entry/"
    return_(sending, {place.indicators[0].pk: "Thiếu xác nhận"}, by=place.staff)
    with count_queries() as one:
        assert str(place.staff) in client.get(page).content.decode()
    return_(sending, {place.indicators[1].pk: "Thiếu dấu"}, by=place.staff)
    with assert_queries(len(one)):
        assert "Thiếu dấu" in client.get(page).content.decode()


def test_returning_what_was_sent_anew_is_refused(place):
    place.save(0)
    first = place.send()
    place.save(0, 70)
    place.send()
    with pytest.raises(StepRefused, match="đã gửi lại chỉ tiêu"):
        return_(first, {place.indicators[0].pk: "Thiếu"}, by=place.staff)
    assert first.steps.count() == 0


def test_only_what_was_sent_can_be_returned_and_by_whom(place):
    place.save(0)
    place.save(2)
    submission = place.send()
    foreign = {place.indicators[1].pk: "Không gửi"}
    with pytest.raises(StepRefused, match="không thuộc lần gửi này"):
        return_(submission, foreign, by=place.staff)
    with pytest.raises(StepRefused, match="ít nhất một"):
        return_(submission, {}, by=place.staff)
    with pytest.raises(StepRefused, match="không thuộc tiêu chí bạn phụ trách"):
        return_(submission, {place.indicators[2].pk: "Của ngành khác"}, by=place.reviewer)
    for user in (place.officer, place.leader, place.neighbour, place.viewer):
        with pytest.raises(PermissionDenied):
            return_(submission, {place.indicators[0].pk: "Thiếu"}, by=user)
        with pytest.raises(PermissionDenied):
            receive(submission, by=user)
    return_(submission, {place.indicators[0].pk: "Thiếu"}, by=place.reviewer)
    submission.refresh_from_db()
    assert submission.state == Submission.State.SENT, "a department speaks for its own criteria"


def test_a_departments_return_leaves_the_rest_with_the_district(place, client):
    place.save(0)
    place.save(2)
    submission = place.send()
    return_(submission, {place.indicators[0].pk: "Thiếu xác nhận"}, by=place.reviewer, note="Xem lại")
    submission.refresh_from_db()
    assert submission.state == Submission.State.SENT
    assert [(step.kind, step.by) for step in submission.steps.all()] == [("returned", place.reviewer)]
    assert len(submissions.returned(place.unit, place.set)) == 1, "it is back with the commune all the same"
    assert home_counts(place.staff)["Xã có kết quả chờ tiếp nhận"] == 1
    client.force_login(place.staff)
    page = client.get(f"/submissions/{submission.pk}/").content.decode()
    assert "Thiếu xác nhận" in page
    client.post(f"/submissions/{submission.pk}/receive/", {"note": ""})
    submission.refresh_from_db()
    assert submission.state == Submission.State.RECEIVED
    client.force_login(place.leader)
    assert "Thiếu xác nhận" in client.get(f"/submissions/{submission.pk}/").content.decode()


def test_a_department_sees_sendings_that_hold_a_criterion_of_its_own(place, client):
    place.save(2)
    foreign = place.send()
    place.save(0)
    place.save(1)
    own = place.send()
    receive(foreign, by=place.staff)
    client.force_login(place.reviewer)
    assert client.get(f"/submissions/{foreign.pk}/").status_code == 404
    assert client.get(f"/submissions/{own.pk}/").status_code == 200
    assert list(Submission.objects.visible_to(place.reviewer)) == [own], "once, though two rows of it are theirs"
    page = client.get("/submissions/")
    mine = next(row for row in page.context["page"] if row.unit_id == place.unit.pk)
    assert (mine.submission, mine.criteria, page.context["total"]) == (own, 1, 1)
    assert f"/submissions/{foreign.pk}/" not in page.content.decode()


def test_a_department_reads_no_words_about_others_criteria(place, client):
    place.save(0)
    place.save(2)
    submission = place.send()
    receive(submission, by=place.staff, note="Tiếp nhận kèm lưu ý về tiêu chí 2")
    return_(submission, {place.indicators[2].pk: "Thiếu"}, by=place.coordinator, note="Tiêu chí 2 làm lại")
    return_(submission, {place.indicators[0].pk: "Thiếu"}, by=place.reviewer, note="Tiêu chí 1 làm lại")
    for user, words in ((place.reviewer, 1), (place.staff, 3), (place.leader, 3)):
        client.force_login(user)
        page = client.get(f"/submissions/{submission.pk}/").content.decode()
        notes = ("Tiêu chí 1 làm lại", "Tiêu chí 2 làm lại", "Tiếp nhận kèm lưu ý")
        assert sum(note in page for note in notes) == words
        assert page.count("Trả lại để bổ sung</strong>") == 2, "each step is there"


def form_of(page):
    """What a browser would post from the page of sending, nothing touched."""
    groups = page.context["groups"]
    keys = [group["sheet"].criterion.pk for group in groups]
    shown = dict(re.findall(r'name="(shown-\d+)" value="([^"]*)"', page.content.decode()))
    return {
        "criterion": [pk for pk, group in zip(keys, groups, strict=True) if group["is_chosen"]],
        **{f"seen-{pk}": group["waiting"].seen for pk, group in zip(keys, groups, strict=True)},
        **{name: html.unescape(text) for name, text in shown.items()},
    }


def test_the_approver_sees_what_changed_with_both_values(place, client):
    place.save(0, 50)
    place.save(2, 10)
    paper = Evidence.objects.create(
        unit=place.unit, form="paper", title="Biên bản <họp>", kept_at="Tủ", uploaded_by=place.officer
    )
    tie = {"unit": place.unit, "evidence": paper, "created_by": place.officer}
    link = EvidenceLink.objects.create(indicator=place.indicators[0], **tie)
    client.force_login(place.leader)
    url = f"/units/{place.unit.pk}/send/"
    typed = form_of(client.get(url))
    place.save(0, 60)
    place.save(1, 7)
    EvidenceLink.objects.filter(pk=link.pk).update(removed_at=timezone.now())
    told = client.post(url, typed)
    assert told.status_code == 409
    first, second = told.context["groups"]
    code = place.indicators[0].code
    names = [name for name, _, _ in first["changes"]]
    assert f"Chỉ tiêu {place.indicators[1].code}" in names
    assert f"Minh chứng của chỉ tiêu {code}" in names
    _, before, now = next(row for row in first["changes"] if row[0] == f"Chỉ tiêu {code}")
    assert before.startswith("50")
    assert now.startswith("60")
    assert (first["is_chosen"], second["is_chosen"], second["changes"]) == (False, True, [])
    assert "Biên bản &lt;họp&gt;" in told.content.decode()
    assert not Revision.objects.exists()
    # A second click sends what was seen and stayed, never what is another.
    client.post(url, form_of(told))
    assert [row.indicator for row in Revision.objects.all()] == [place.indicators[2]]
    # What another leader sent meanwhile isn't there any more, and is told.
    typed = form_of(client.get(url)) | {"criterion": [row.pk for row in place.criteria]}
    place.send()
    place.save(3)
    told = client.post(url, typed)
    assert told.status_code == 409
    assert [criterion for criterion, _ in told.context["gone"]] == [place.criteria[0]]
    assert "không còn gì chờ gửi" in told.content.decode()
    for bad in ("", "x", "[]", '{"a": 1}', "[" * 100000):
        pk = place.criteria[1].pk
        told = client.post(url, {"criterion": [pk], f"seen-{pk}": "khac", f"shown-{pk}": bad})
        assert told.status_code == 409


# --- pages -----------------------------------------------------------------------------


def test_the_page_of_a_sending_returns_and_keeps_what_was_typed(place, client):
    place.save(0)
    place.save(1)
    submission = place.send()
    client.force_login(place.staff)
    url = f"/submissions/{submission.pk}/"
    key = place.indicators[0].pk
    refused = client.post(f"{url}return/", {"indicator": key, "note": "Ý kiến chung"})
    assert refused.status_code == 422
    assert "Nêu lý do trả lại." in refused.content.decode()
    assert "Ý kiến chung" in refused.content.decode()
    assert client.post(f"{url}return/", {"indicator": key, f"reason-{key}": "x" * 1001}).status_code == 422
    done = client.post(f"{url}return/", {"indicator": key, f"reason-{key}": "Thiếu <b>bảng</b>"}, follow=True)
    page = done.content.decode()
    assert "Đã trả lại 1 chỉ tiêu" in page
    assert "Thiếu &lt;b&gt;bảng&lt;/b&gt;" in page
    client.force_login(place.officer)
    home = client.get("/").content.decode()
    assert home.index("Cấp trên trả lại 1 chỉ tiêu để bổ sung.") < home.index("Còn phải làm")
    entry = client.get(f"/units/{place.unit.pk}/entry/?show=returned").content.decode()
    assert "Thiếu &lt;b&gt;bảng&lt;/b&gt;" in entry
    assert f'id="row-{place.indicators[1].pk}"' not in entry


def test_no_tick_and_no_reason_is_lost(place, client):
    place.save(0)
    place.save(1)
    submission = place.send()
    client.force_login(place.staff)
    url = f"/submissions/{submission.pk}/return/"
    first, second = (row.pk for row in place.indicators[:2])
    refused = client.post(url, {"indicator": [first], f"reason-{first}": "", f"reason-{second}": "Sai số liệu"})
    assert refused.status_code == 422
    assert refused.context["errors"] == [
        (f"reason-{first}", "Nêu lý do trả lại."),
        (f"return-{second}", "Đã ghi lý do nhưng chưa chọn chỉ tiêu: chọn “Trả lại” hoặc xóa lý do."),
    ]
    page = refused.content.decode()
    assert re.search(rf'id="return-{first}" checked', page)
    assert not re.search(rf'id="return-{second}" checked', page)
    assert page.count("Đã ghi lý do nhưng chưa chọn chỉ tiêu") == 2, "on top and beside the row"
    assert "Sai số liệu" in page
    assert not ReturnedIndicator.objects.exists()
    blank = {"indicator": [first], f"reason-{first}": "Thiếu", f"reason-{second}": " \u200b ", "reason-x": "y"}
    assert client.post(url, blank).status_code == 302
    assert [row.indicator_id for row in ReturnedIndicator.objects.all()] == [first]


def test_two_sentences_for_two_receivers(place, client):
    place.save(0)
    submission = place.send()
    client.force_login(place.coordinator)
    url = f"/submissions/{submission.pk}/receive/"
    assert "Đã tiếp nhận" in client.post(url, {"note": ""}, follow=True).content.decode()
    assert "không thực hiện lại" in client.post(url, {"note": ""}, follow=True).content.decode()


def test_neighbours_viewers_and_strangers(place, client):
    place.save(0)
    submission = place.send()
    for user, status in ((place.neighbour, 404), (place.viewer, 404), (place.officer, 200), (place.reviewer, 200)):
        client.force_login(user)
        assert client.get(f"/submissions/{submission.pk}/").status_code == status
    client.force_login(place.leader)
    assert client.post(f"/submissions/{submission.pk}/receive/").status_code == 403


@pytest.mark.parametrize("communes", [3, 30])
def test_who_has_sent_and_who_has_not(place, client, communes, assert_queries):
    for _ in range(communes - 2):
        CommuneFactory(parent=place.district)
    period = ReportingPeriod.objects.create(
        area=place.district, kind="quarter", name="Quý II năm 2024", ends_on=date(2024, 6, 30), due_on=date(2024, 7, 5)
    )
    place.save(0)
    send(place.unit, place.set, place.leader, place.seen(), period)
    client.force_login(place.staff)
    with assert_queries(10):
        page = client.get("/submissions/")
    text = page.content.decode()
    assert "còn 5 ngày" in text
    counts = {code: count for code, _, count in page.context["filters"]}
    assert (counts[""], counts["late"], counts["sent"]) == (communes, communes - 1, 1)
    assert f"còn {communes - 1} xã chưa gửi" in page.context["message"]
    assert place.unit.name not in page.context["message"].split(": ", 2)[-1].split(", ")
    late = client.get("/submissions/?state=late")
    assert late.context["page"].paginator.count == communes - 1


def test_a_message_to_those_who_are_late(place):
    row = submissions.CommuneSending(1, "Đông Thịnh", None, [], 0)
    period = ReportingPeriod(name="Tháng 5", due_on=date(2024, 6, 28))
    assert "(hạn gửi 28/06/2024, đã quá hạn 2 ngày): Đông Thịnh" in submissions.reminder([row], period)
    period.due_on += timedelta(days=2)
    assert ", là hôm nay)" in submissions.reminder([row], period)
    assert "UBND các xã Đông Thịnh" in submissions.reminder([row], None)


# --- periods ---------------------------------------------------------------------------


def two_periods(place):
    """Tháng 6, due first, and 6 tháng, both to the end of June."""
    return [
        ReportingPeriod.objects.create(
            area=place.district, kind=kind, name=name, ends_on=date(2024, 6, 30), due_on=date(2024, 7, day)
        )
        for kind, name, day in (("month", "Tháng 6", 5), ("half_year", "6 tháng", 10))
    ]


def local(*moment):
    return datetime(*moment, tzinfo=timezone.get_default_timezone())


def counts_of(page):
    return {code: count for code, _, count in page.context["filters"]}


def home_counts(user):
    (section,) = home_sections(get_user_model().objects.get(pk=user.pk))
    return {todo.label: todo.count for todo in section.todos}


def test_closing_a_period_takes_no_sending_off_the_desk(place, client):
    month, half_year = two_periods(place)
    place.save(0)
    submission = send(place.unit, place.set, place.leader, place.seen(), month)
    month.closed_at = timezone.now()
    month.save()
    assert home_counts(place.staff)["Xã có kết quả chờ tiếp nhận"] == 1
    client.force_login(place.staff)
    page = client.get("/submissions/?state=sent")
    assert [(row.submission, row.waiting) for row in page.context["page"]] == [(submission, [submission])]
    # Both ask for the state of the same day: what was sent for one answers for the other.
    assert page.context["period"] == half_year
    assert (counts_of(page)["late"], counts_of(page)["sent"]) == (1, 1)


def test_a_sending_covers_a_period_by_end_date(place):
    def period(ends_on, due_on):
        return ReportingPeriod.objects.create(
            area=place.district, kind="ad_hoc", name=f"{ends_on}", ends_on=ends_on, due_on=due_on
        )

    may, june = period(date(2024, 5, 31), date(2024, 6, 5)), period(date(2024, 6, 30), date(2024, 7, 5))
    place.save(0)
    early = send(place.unit, place.set, place.leader, place.seen(), may)
    Submission.objects.filter(pk=early.pk).update(sent_at=local(2024, 6, 3, 8))
    assert list(Submission.objects.covering(may)) == [early]
    assert not Submission.objects.covering(june).exists(), "sent before the end of June, for May"
    Submission.objects.filter(pk=early.pk).update(sent_at=local(2024, 6, 30))
    assert list(Submission.objects.covering(june)) == [early], "sent late for May, on the last day of June"


def test_a_commune_without_changes_says_so_for_the_period(place, client):
    place.save(0)
    old = place.send()
    receive(old, by=place.staff)
    Submission.objects.update(sent_at=local(2024, 6, 1, 8))
    month, _ = two_periods(place)
    client.force_login(place.leader)
    url = f"/units/{place.unit.pk}/send/"
    assert "Xác nhận không có gì thay đổi" in client.get(url).content.decode()
    done = client.post(url, {"unchanged": 1}, follow=True).content.decode()
    assert "Xã báo không có gì thay đổi" in done
    word = Submission.objects.get(period=month)
    assert (word.sent_by, word.state, word.rows, word.criteria.count()) == (place.leader, "sent", 0, 0)
    assert Revision.objects.count() == 1
    again = client.post(url, {"unchanged": 1}, follow=True).content.decode()
    assert "Xã đã gửi cho kỳ Tháng 6." in again
    assert "Xác nhận không có gì thay đổi" not in again
    assert Submission.objects.count() == 2
    client.force_login(place.staff)
    assert counts_of(client.get("/submissions/"))["sent"] == 1
    receive(word, by=place.staff)


def test_saying_that_nothing_changed_must_be_true_and_allowed(place):
    def refused(match):
        with pytest.raises(StepRefused, match=match):
            submissions.confirm_unchanged(place.unit, place.set, by=place.leader)

    refused("Không có kỳ báo cáo")
    two_periods(place)
    refused("chưa gửi kết quả lần nào")
    place.save(0)
    refused("chưa gửi; xem lại")
    first = place.send()
    Submission.objects.update(sent_at=local(2024, 6, 1, 8))
    return_(first, {place.indicators[0].pk: "Thiếu"}, by=place.staff)
    refused("bị trả lại")
    for user in (place.officer, place.staff, place.neighbour):
        with pytest.raises(PermissionDenied):
            submissions.confirm_unchanged(place.unit, place.set, by=user)
    assert Submission.objects.count() == 1


def test_home_leads_the_leader_to_say_that_nothing_changed(place):
    for number in range(4):
        place.save(number)
    place.send()
    Submission.objects.update(sent_at=local(2024, 6, 1, 8))
    two_periods(place)
    (section,) = home_sections(get_user_model().objects.get(pk=place.leader.pk))
    assert section.action.label == "Báo không có gì thay đổi"
    submissions.confirm_unchanged(place.unit, place.set, by=place.leader)
    (section,) = home_sections(get_user_model().objects.get(pk=place.leader.pk))
    assert section.action.label != "Báo không có gì thay đổi"


@pytest.mark.parametrize("who", ["staff", "coordinator"])
@pytest.mark.parametrize("due", [date(2024, 6, 25), date(2024, 7, 5)])
def test_home_says_who_has_not_sent_for_the_period_as_the_list_does(place, client, who, due):
    for _ in range(2):
        CommuneFactory(parent=place.district)
    place.save(0)
    receive(place.send(), by=place.staff)
    area = place.district if who == "staff" else place.district.parent
    ReportingPeriod.objects.create(area=area, kind="month", name="Tháng 6", ends_on=date(2024, 6, 30), due_on=due)
    (section,) = home_sections(get_user_model().objects.get(pk=getattr(place, who).pk))
    late = next(todo for todo in section.todos if todo.label.startswith("Xã chưa gửi kết quả kỳ này"))
    client.force_login(getattr(place, who))
    page = client.get(late.url)
    assert late.count == len(page.context["page"]) == counts_of(page)["late"] == 3
    is_overdue = due < date(2024, 6, 30)
    assert late.is_urgent == is_overdue
    assert ("quá hạn 5 ngày" in late.label) == is_overdue
    # A question that was answered doesn't stand before twelve communes five days overdue.
    assert (section.todos.index(late) == 1) == is_overdue
    if is_overdue:
        assert section.action.url == late.url


# --- several sets ----------------------------------------------------------------------


def another_set(place):
    """A set of a higher grade beside the first, with one saved row; what was sent of it."""
    advanced = CriteriaSetFactory(grade="advanced", name="Bộ nâng cao")
    indicator = IndicatorFactory(criterion=CriterionFactory(criteria_set=advanced, number=1))
    said = {"verdict": "not_met", "value": Decimal(5)}
    save_entry(place.unit, advanced, indicator, said, effective_on=DAY, seen_version=0, by=place.officer)
    return send(place.unit, advanced, place.leader), indicator


def test_what_is_sent_of_another_set_reaches_the_desk(place, client):
    submission, _ = another_set(place)
    assert home_counts(place.staff)["Xã có kết quả chờ tiếp nhận"] == 1
    client.force_login(place.staff)
    page = client.get("/submissions/?state=sent")
    (row,) = page.context["page"]
    assert (row.is_late, row.waiting) == (True, [submission]), "of the standard set nothing was sent"
    assert f"/submissions/{submission.pk}/" in page.content.decode()
    page = client.get(f"/submissions/?set={submission.criteria_set.code}")
    assert page.context["criteria_set"] == submission.criteria_set
    assert [row.submission for row in page.context["page"] if not row.is_late] == [submission]
    assert client.get("/submissions/?set=khong-co").status_code == 404


def test_what_comes_back_of_another_set_is_on_the_communes_home(place, client):
    submission, indicator = another_set(place)
    return_(submission, {indicator.pk: "Thiếu"}, by=place.staff)
    (section,) = home_sections(get_user_model().objects.get(pk=place.officer.pk))
    todo = section.todos[0]
    assert (todo.label, todo.count) == ("Chỉ tiêu bị trả lại để bổ sung, Bộ nâng cao", 1)
    assert (section.action.label, section.action.url) == ("Xem lý do và bổ sung", todo.url)
    client.force_login(place.officer)
    assert "Thiếu" in client.get(todo.url).content.decode()
    entry = Entry.objects.get(indicator=indicator)
    said = {"verdict": "not_met", "value": Decimal(6)}
    save_entry(
        place.unit, submission.criteria_set, indicator, said,
        effective_on=DAY, seen_version=entry.version, by=place.officer,
    )  # fmt: skip
    (section,) = home_sections(get_user_model().objects.get(pk=place.officer.pk))
    assert section.todos[0] == todo, "it counts until it is sent anew"
    assert section.action.url != todo.url, "completed: something else is next"


# --- a province of many communes --------------------------------------------------------


def test_a_long_list_is_paged_and_searched(place, client):
    for number in range(40):
        CommuneFactory(parent=place.district, name=f"Đông Hòa {number}")
    client.force_login(place.coordinator)
    page = client.get("/submissions/?state=late")
    assert (page.context["page"].paginator.count, len(page.context["page"])) == (42, 30)
    assert len(client.get("/submissions/?state=late&page=2").context["page"]) == 12
    found = client.get("/submissions/?q=dong hoa 7")
    assert [row.name for row in found.context["page"]] == ["Đông Hòa 7"]
    assert counts_of(found) == {"": 1, "late": 1, "sent": 0, "received": 0, "returned": 0}
    assert "và 12 xã khác" in found.context["message"], "the message is to all of them"
    for bad in ("q=%FF", "page=x", "page=99", "state=khac", f"q={'a' * 500}"):
        assert client.get(f"/submissions/?{bad}").status_code == 200


def test_a_message_names_the_first_of_very_many():
    rows = [submissions.CommuneSending(number, f"Xã {number}", None, [], 0) for number in range(468)]
    text = submissions.reminder(rows, ReportingPeriod(name="Tháng 6", due_on=date(2024, 7, 5)))
    assert "còn 468 xã chưa gửi" in text
    assert "Xã 29 và 438 xã khác. Đề nghị" in text
    assert "Xã 30" not in text
    assert " khác" not in submissions.reminder(rows[:30], None)


# --- everything at random --------------------------------------------------------------


class Sending(RuleBasedStateMachine):
    """People saving, finishing, sending, receiving and returning in any order."""

    @initialize()
    def start(self):
        from django.db import transaction

        self.mark = transaction.atomic()
        self.mark.__enter__()
        self.place = World()
        self.published = {}  # place → value last sent
        self.drafts = {}
        self.states = {}

    def teardown(self):
        from django.db import transaction

        if hasattr(self, "mark"):
            transaction.set_rollback(True)
            self.mark.__exit__(None, None, None)

    @rule(place=st.integers(0, 3), value=st.integers(0, 99))
    def save(self, place, value):
        self.place.save(place, value)
        self.drafts[place] = value

    @rule(criterion=st.integers(0, 1))
    def finish(self, criterion):
        try:
            submissions.finish(self.place.unit, self.place.criteria[criterion], by=self.place.officer)
        except StepRefused:
            assert self.place.criteria[criterion].pk not in self.place.seen()

    @rule(criterion=st.integers(0, 1))
    def take_back(self, criterion):
        submissions.take_back(self.place.unit, self.place.criteria[criterion], by=self.place.officer)

    @rule(criteria=st.sampled_from([(0,), (1,), (0, 1)]))
    def send(self, criteria):
        chosen = [self.place.criteria[number].pk for number in criteria]
        unsent = {
            place: value
            for place, value in self.drafts.items()
            if place // 2 in criteria and self.published.get(place) != value
        }
        try:
            submission = send(self.place.unit, self.place.set, self.place.leader, self.place.seen(*chosen))
        except NothingToSend:
            assert not unsent
            return
        # A value typed back to what was sent is a new version all the same, and goes along.
        assert set(unsent) <= {
            self.place.indicators.index(row.indicator) for row in submissions.sent_rows(submission, self.place.leader)
        }
        self.published |= {place: value for place, value in self.drafts.items() if place // 2 in criteria}
        self.states[submission.pk] = "sent"

    @rule(data=st.data(), by=st.sampled_from(["staff", "coordinator", "reviewer"]), returns=st.booleans())
    def answer(self, data, by, returns):
        if not self.states:
            return
        submission = Submission.objects.get(pk=data.draw(st.sampled_from(sorted(self.states))))
        returns = returns or by == "reviewer"
        rows = submissions.sent_rows(submission, getattr(self.place, by))
        reasons = {row.indicator_id: "Bổ sung" for row in rows[:1]} if returns else {}
        newer = submissions.newer_sendings(submission, reasons)
        named = submission.returned.filter(indicator__in=reasons).exists()
        try:
            if returns:
                return_(submission, reasons, by=getattr(self.place, by))
            else:
                receive(submission, by=getattr(self.place, by))
        except StepRefused:
            if returns:
                assert newer or named or not rows
            else:
                assert self.states[submission.pk] != "sent"
            return
        assert returns or self.states[submission.pk] == "sent"
        if by != "reviewer":
            self.states[submission.pk] = "returned" if returns else "received"

    @invariant()
    def published_is_what_was_last_sent(self):
        if not hasattr(self, "place"):
            return
        found = {
            self.place.indicators.index(row.indicator): int(row.value)
            for row in Assessment.objects.filter(unit=self.place.unit, stage=Stage.SELF).select_related("indicator")
        }
        assert found == self.published
        above = Assessment.objects.visible_to(self.place.staff).filter(unit=self.place.unit)
        assert {int(row.value) for row in above} == set(self.published.values()), "a draft shows above"
        assert not Entry.objects.visible_to(self.place.staff).exists()

    @invariant()
    def states_move_by_the_table_only(self):
        if hasattr(self, "states"):
            assert dict(Submission.objects.values_list("pk", "state")) == self.states
            open_ones = ReturnedIndicator.objects.filter(settled_by=None)
            assert not [row for row in open_ones if submissions.newer_sendings(row.submission, [row.indicator_id])]


def test_any_sequence_keeps_published_what_was_last_sent(db):
    run_state_machine_as_test(Sending, settings=settings(max_examples=25, stateful_step_count=12))
