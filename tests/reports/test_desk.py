"""Tiêu chí của tôi: which communes wait, a review in one row, and what it publishes."""

import re
import threading
from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.urls import reverse

from communes import access
from communes.models import Role, Unit
from criteria.models import Assessment, CriterionDepartment, Indicator, Revision, Standing, TargetReport
from criteria.rollup import is_partial
from inspections import desk
from inspections.desk import Judgement
from inspections.models import Score, Visit
from reports.home import home_sections
from tests.factories import DepartmentFactory, IndicatorFactory, TargetFactory, UserFactory
from tests.reports.worlds import indicators_of, make_province, make_set, member, prove, say

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


class Place:
    """A province; a department that answers for criterion 2 of a set of three, two indicators each."""

    def __init__(self, communes=3):
        self.criteria_set = make_set(criteria=3, indicators=2)
        self.province, self.units = make_province(communes=communes)
        self.unit = self.units[0]
        self.criterion = self.criteria_set.criteria.get(number=2)
        self.first, self.second = (i for i in indicators_of(self.criteria_set) if i.criterion_id == self.criterion.pk)
        self.department = DepartmentFactory()
        CriterionDepartment.objects.create(criterion=self.criterion, department=self.department)
        self.reviewer = self.hire()

    def hire(self):
        return member(self.province, Role.DEPARTMENT_REVIEWER, department=self.department)

    def claim(self, unit=None, verdicts=("met", "met"), **opinion):
        say(unit or self.unit, self.criteria_set, "self", ["met", "met", *verdicts, "met", "met"], **opinion)

    def client(self, user=None):
        client = Client()
        client.force_login(user or self.reviewer)
        return client

    def url(self, unit=None, name="desk_review"):
        return reverse(f"reports:{name}", args=[self.criterion.pk, (unit or self.unit).pk])

    def row(self, unit=None, user=None):
        return desk.desk_rows([unit or self.unit], self.criterion, self.criteria_set, user or self.reviewer)[0]

    def post(self, unit=None, user=None, htmx=True, **fields):
        fields = {"seen": self.row(unit, user).seen, "page": "1"} | fields
        return self.client(user).post(self.url(unit), fields, headers=HTMX if htmx else {})

    def said(self, unit=None):
        rows = Assessment.objects.filter(unit=unit or self.unit, stage="province").order_by("indicator__position")
        return [(row.verdict, row.value, row.note) for row in rows]

    def waits(self):
        order = list(desk.communes(self.province).values_list("pk", flat=True))
        waiting = desk.waiting([self.criterion], order)
        return [Unit.objects.get(pk=pk) for pk in waiting.get(self.criterion.pk, [])]


@pytest.fixture
def place():
    return Place()


# --- who waits -------------------------------------------------------------------------


def test_a_commune_waits_until_the_province_speaks_and_again_once_it_sends_anew(place):
    assert place.waits() == []
    place.claim()
    assert place.waits() == [place.unit]
    say(place.unit, place.criteria_set, "province", ["", "", "met", "met"])
    assert place.waits() == []
    # The same day, corrected: no newer state, but a newer claim.
    say(place.unit, place.criteria_set, "self", ["", "", "met"], value=Decimal(97))
    assert place.waits() == [place.unit]


def test_an_opinion_taken_back_and_a_district_s_leave_it_waiting(place):
    place.claim()
    say(place.unit, place.criteria_set, "district", ["met"] * 6)
    say(place.unit, place.criteria_set, "province", ["", "", "met", "met"])
    assert place.waits() == []
    Assessment.objects.filter(unit=place.unit, stage="province").update(verdict="")
    assert place.waits() == [place.unit]


def test_only_what_was_sent_and_stands_in_force_counts(place):
    place.claim(place.units[1], verdicts=("", ""))
    assert place.waits() == []
    place.claim(place.units[2])
    Indicator.objects.filter(criterion=place.criterion).update(in_force_to=date(2023, 12, 31))
    assert place.waits() == []


def test_a_part_makes_nobody_wait_but_is_reviewed_where_it_is_asked(place):
    part = IndicatorFactory(criterion=place.criterion, position=9, part_of=place.first)
    assert [line.indicator for line in place.row().lines] == [place.first, place.second]
    TargetFactory(indicator=part)
    assert [line.indicator for line in place.row().lines] == [place.first, place.second, part]
    assert place.waits() == []


def test_counts_chips_and_home_agree(place):
    for unit in place.units[:2]:
        place.claim(unit)
    page = place.client().get(reverse("reports:desk"))
    assert page.context["page"].paginator.count == 2
    assert page.context["chips"] == [(place.criterion, 2)]
    section = home_sections(place.reviewer)[0]
    todo = next(todo for todo in section.todos if todo.label == "Xã chờ ý kiến tiêu chí 2")
    assert todo.count == 2 == place.client().get(todo.url).context["page"].paginator.count
    assert section.action.url == todo.url
    assert place.client().get("/").text.partition("<main")[2].partition("</main>")[0].count("btn-primary") == 1


def test_next_goes_round_in_the_order_of_the_list_and_ends(place):
    for unit in place.units:
        place.claim(unit)
    order = place.waits()
    client = place.client()
    assert client.get(place.url(order[0], "desk_next"))["Location"] == place.url(order[1])
    assert client.get(place.url(order[2], "desk_next"))["Location"] == place.url(order[0])
    for unit in order[1:]:
        say(unit, place.criteria_set, "province", ["", "", "met", "met"])
    assert client.get(place.url(order[0], "desk_next"))["Location"].startswith(reverse("reports:desk"))


# --- the page --------------------------------------------------------------------------


def test_a_row_shows_claim_target_and_proof(place):
    place.claim(verdicts=("nearly_met", "met"))
    prove(place.unit, place.first)
    prove(place.unit, place.first, has_personal_data=True)
    prove(place.unit, place.second, published=False)
    text = place.client().get(reverse("reports:desk")).text
    assert "90,02 % (1.128/1.253)" in text
    assert "≥ 95%" in text
    assert "Minh chứng: 1 tài liệu" in text
    assert "Chưa thẩm định" in text
    assert "Nhất trí với xã: Cơ bản đạt" in text
    one = place.client().get(place.url()).text
    assert "Báo cáo kết quả" in one
    assert "Lưu, sang xã tiếp theo" not in one  # nobody else waits


def test_what_communes_typed_is_escaped(place):
    place.claim(note="<script>x</script>")
    text = place.client().get(reverse("reports:desk")).text
    assert "<script>x" not in text
    assert "&lt;script&gt;x" in text


def test_all_communes_can_be_shown_and_searched(place):
    place.claim()
    client, url = place.client(), reverse("reports:desk")
    assert client.get(url, {"show": "all"}).context["page"].paginator.count == 3
    named = client.get(url, {"show": "all", "q": place.units[1].name.upper()}).context["page"]
    assert place.units[1].pk in list(named)
    assert client.get(url, {"q": "không có xã này"}).text.count("Không tìm thấy xã nào") == 1


@pytest.mark.parametrize("query", ["criterion=99", "criterion=x", "set=moon", "page=99", "show=moon", "area=x"])
def test_nonsense_shows_the_usual_page(place, query):
    place.claim()
    assert place.client().get(f"{reverse('reports:desk')}?{query}").status_code == 200


def test_without_criteria_one_is_told_who_assigns_them(place):
    CriterionDepartment.objects.all().delete()
    assert "Chưa được phân công tiêu chí" in place.client().get(reverse("reports:desk")).text


# --- who may ---------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.DISTRICT_STAFF, Role.INSPECTOR, Role.VIEWER, Role.OFFICER])
def test_others_have_no_desk(place, role):
    unit = {Role.DISTRICT_STAFF: place.unit.district, Role.OFFICER: place.unit}.get(role, place.province)
    client = place.client(member(unit, role))
    assert client.get(reverse("reports:desk")).status_code == 403
    assert client.post(place.url(), {"agree": "1"}).status_code == 403


def test_another_department_s_criterion_and_another_province_do_not_exist(place):
    other = make_province(communes=1)[1][0]
    foreign = place.criteria_set.criteria.get(number=1)
    client = place.client()
    assert client.get(reverse("reports:desk_review", args=[foreign.pk, place.unit.pk])).status_code == 404
    assert client.post(reverse("reports:desk_review", args=[foreign.pk, place.unit.pk])).status_code == 404
    assert client.get(place.url(other)).status_code == 404
    with pytest.raises(PermissionDenied):
        desk.review(place.unit, foreign, {}, comment="x", seen="", by=place.reviewer)


def test_a_coordinator_reads_all_criteria_and_records_none(place):
    place.claim()
    coordinator = member(place.province, Role.COORDINATOR)
    page = place.client(coordinator).get(reverse("reports:desk"))
    assert [criterion.number for criterion, _ in page.context["chips"]] == [1, 2, 3]
    assert "<select" not in page.text.partition("desk-row")[2]
    assert place.post(user=coordinator, agree="1").status_code == 403
    assert not Visit.objects.exists()


def test_the_right_is_to_the_reviewer_s_own_desk_reviews_only(place):
    """A visit of kind desk that somebody else planned, or one with other criteria, isn't theirs."""
    fields = {
        "unit": place.unit,
        "criteria_set": place.criteria_set,
        "stage": "province",
        "planned_on": date(2024, 6, 30),
    }
    own = Visit.objects.create(code="1", kind="desk", planned_by=place.reviewer, **fields)
    own.criteria.set([place.criterion])
    assert access.can(place.reviewer, "visit.score", (own, place.criterion))
    assert access.can(place.reviewer, "visit.conclude", own)
    foreign = place.criteria_set.criteria.get(number=1)
    assert not access.can(place.reviewer, "visit.score", (own, foreign))
    own.criteria.set([place.criterion, foreign])
    assert not access.can(place.reviewer, "visit.conclude", own)
    own.criteria.clear()  # all of the set
    assert not access.can(place.reviewer, "visit.conclude", own)
    theirs = Visit.objects.create(code="2", kind="desk", planned_by=UserFactory(), **fields)
    theirs.criteria.set([place.criterion])
    assert not access.can(place.reviewer, "visit.conclude", theirs)
    appraisal = Visit.objects.create(code="3", kind="appraisal", planned_by=place.reviewer, **fields)
    appraisal.criteria.set([place.criterion])
    assert not access.can(place.reviewer, "visit.conclude", appraisal)


def test_a_review_opens_no_more_of_the_commune(place):
    place.claim()
    foreign = place.criteria_set.criteria.get(number=1)
    proof = prove(place.unit, foreign.indicators.first())
    place.post(agree="1")
    client = place.client()
    assert "Không lập đoàn" in client.get(reverse("inspections:visit_detail", args=[Visit.objects.get().pk])).text
    assert client.get(reverse("criteria:criterion", args=[place.unit.pk, 1])).status_code == 404
    assert client.get(reverse("criteria:evidence_detail", args=[proof.pk])).status_code == 404
    assert client.get(reverse("inspections:visit_detail", args=[Visit.objects.get().pk])).status_code == 200


# --- recording -------------------------------------------------------------------------


def test_agreeing_publishes_the_commune_s_figures_as_the_province_s_opinion(place):
    place.claim(verdicts=("nearly_met", "met"))
    answer = place.post(agree="1", comment="Đủ hồ sơ")
    visit = Visit.objects.get()
    assert answer.status_code == 200
    assert "Đã lưu lúc" in answer.text
    assert visit.code in answer.text
    assert place.said() == [("nearly_met", Decimal("90.02"), "Đủ hồ sơ"), ("met", Decimal(96), "")]
    assert (visit.kind, visit.stage, visit.state) == ("desk", "province", "concluded")
    assert not visit.minutes_files.exists(), "nobody to read minutes to"
    assert list(visit.criteria.all()) == [place.criterion]
    assert visit.held_on == visit.planned_on == date(2024, 6, 30)
    assert visit.summary == (
        "Kiểm tra 1/3 tiêu chí (số 2): cơ bản đạt 1 (số 2); "
        "mức độ đạt của các tiêu chí được kiểm tra đều trên 90 %.\nĐủ hồ sơ"
    )
    assert visit.unscored_reason == ""
    assert all(score.agrees and score.scorer == place.reviewer for score in Score.objects.all())
    assert place.waits() == []
    revision = Revision.objects.filter(stage="province").first()
    assert (revision.source, revision.source_ref, revision.recorded_by) == ("visit", visit.code, place.reviewer)
    assert (Assessment.objects.get(stage="province", indicator=place.first).part) == Decimal(1128)


def test_an_own_opinion_carries_the_comment_where_it_differs(place):
    place.claim()
    answer = place.post(
        **{
            f"verdict-{place.first.pk}": "not_met",
            f"value-{place.first.pk}": "80,5",
            f"verdict-{place.second.pk}": "agree",
            f"value-{place.second.pk}": "96",
            "comment": "Thiếu biên bản của thôn 2",
        }
    )
    assert answer.status_code == 200
    assert place.said() == [("not_met", Decimal("80.5"), "Thiếu biên bản của thôn 2"), ("met", Decimal(96), "")]


def test_a_figure_left_as_claimed_keeps_its_part_and_whole(place):
    place.claim(verdicts=("nearly_met", "met"))
    fields = {f"verdict-{place.first.pk}": "not_met", f"value-{place.first.pk}": "90,02"}
    assert place.post(**fields, **{f"verdict-{place.second.pk}": "agree"}).status_code == 200
    opinion = Assessment.objects.get(stage="province", indicator=place.first)
    assert (opinion.verdict, opinion.part, opinion.whole) == ("not_met", 1128, 1253)


def test_a_met_that_misses_its_target_is_refused_as_everywhere(place):
    place.claim(verdicts=("nearly_met", "met"))
    answer = place.post(
        **{
            f"verdict-{place.first.pk}": "met",
            f"value-{place.first.pk}": "90,02",
            f"verdict-{place.second.pk}": "firmly_met",
            f"value-{place.second.pk}": "96",
            "comment": "Gần đủ",
        }
    )
    assert answer.status_code == 422
    assert "Kết quả 90,02 chưa đạt yêu cầu ≥ 95% (Mức trung ương)." in answer.text
    assert "Gần đủ" in answer.text
    assert re.search(r'value="met" selected', answer.text)
    report = reverse("reports:desk_report", args=[place.criterion.pk, place.unit.pk, place.first.pk])
    assert report in answer.text
    assert place.client().post(report, {"text": " "}).status_code == 422
    assert place.client().post(report, {"text": "Quyết định 26/2024 quy định 90 %"}).status_code == 302
    assert TargetReport.objects.get().reported_by == place.reviewer
    foreign = indicators_of(place.criteria_set)[0]
    assert place.client().get(report.replace(f"/{place.first.pk}/report", f"/{foreign.pk}/report")).status_code == 404
    assert place.said() == []
    assert not Visit.objects.exists()
    assert not Score.objects.exists()


@pytest.mark.parametrize(
    ("verdict", "value", "message"),
    [
        ("met", "", "Nhập kết quả thực hiện để đánh giá đạt"),
        ("met", "chín mươi", "không phải là số"),
        ("met", "-1", "số âm"),
        ("met", "120", "không được lớn hơn 100"),
        ("moon", "96", "moon"),
        ("", "80", "Chọn mức đánh giá cho kết quả đã nhập."),
        ("not_applicable", "96", "not_applicable"),
    ],
)
def test_bad_input_says_what_to_do_and_records_nothing(place, verdict, value, message):
    place.claim()
    answer = place.post(
        **{
            f"verdict-{place.first.pk}": verdict,
            f"value-{place.first.pk}": value,
            f"verdict-{place.second.pk}": "agree",
            f"value-{place.second.pk}": "96",
        }
    )
    assert answer.status_code == 422
    assert message in answer.text
    assert not Visit.objects.exists()


def test_what_is_left_out_needs_a_word_and_keeps_the_earlier_opinion(place):
    place.claim()
    say(place.unit, place.criteria_set, "province", ["", "", "", "not_met"])
    fields = {f"verdict-{place.first.pk}": "agree"}
    refused = place.post(**fields)
    assert refused.status_code == 422
    assert f"Chỉ tiêu {place.second.code} chưa có đánh giá" in refused.text
    assert place.post(comment="Chờ hồ sơ 2.2", **fields).status_code == 200
    assert [verdict for verdict, _, _ in place.said()] == ["met", "not_met"]
    assert Visit.objects.get().unscored_reason
    assert place.post(comment="x").status_code == 422


def test_not_applicable_takes_the_comment_as_its_reason(place):
    Indicator.objects.filter(pk=place.first.pk).update(may_be_not_applicable=True)
    place.claim()
    fields = {f"verdict-{place.first.pk}": "not_applicable", f"verdict-{place.second.pk}": "agree"}
    refused = place.post(**fields)
    assert refused.status_code == 422
    assert "Nêu lý do không áp dụng." in refused.text
    assert place.post(comment="Xã không có trường", **fields).status_code == 200
    assert place.said()[0] == ("not_applicable", None, "Xã không có trường")


def test_nothing_to_agree_to_says_so(place):
    assert "Nhất trí với xã" not in place.client().get(place.url()).text
    answer = place.post(agree="1")
    assert answer.status_code == 422
    assert "Chọn đánh giá cho ít nhất một chỉ tiêu" in answer.text


def test_a_double_click_records_once(place):
    place.claim()
    seen = place.row().seen
    first, second = (place.post(agree="1", seen=seen) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert Visit.objects.get().code in second.text
    plain = place.post(agree="1", seen=seen, htmx=False)
    assert plain.status_code == 302
    assert Visit.objects.count() == 1
    assert Revision.objects.filter(stage="province").count() == 2


@pytest.mark.parametrize("stage", ["self", "province"])
def test_what_was_published_meanwhile_is_shown_before_it_is_judged(place, stage):
    place.claim()
    seen = place.row().seen
    say(place.unit, place.criteria_set, stage, ["", "", "not_met"])
    answer = place.post(agree="1", seen=seen, comment="Giữ lời này")
    assert answer.status_code == 409
    assert "Xem lại rồi lưu." in answer.text
    assert "Giữ lời này" in answer.text
    assert not Visit.objects.exists()
    assert place.post(agree="1").status_code == 200


@pytest.mark.parametrize("seen", ["", "x" * 3000])
def test_a_forged_page_records_nothing(place, seen):
    place.claim()
    assert place.post(agree="1", seen=seen).status_code == 422
    assert not Visit.objects.exists()


def test_a_failure_half_way_leaves_nothing(place, monkeypatch):
    place.claim()

    def fail(*args, **kwargs):
        raise RuntimeError("lost power")

    monkeypatch.setattr(desk, "conclude", fail)
    with pytest.raises(RuntimeError):
        place.post(agree="1")
    assert not Visit.objects.exists()
    assert not Score.objects.exists()
    assert not Standing.objects.filter(stage="province").exists()


def test_without_javascript_a_row_returns_to_the_list_and_a_page_goes_on(place):
    for unit in place.units:
        place.claim(unit)
    order = place.waits()
    listed = place.post(order[0], htmx=False, agree="1", page="3")
    assert listed["Location"] == f"{reverse('reports:desk')}?set={place.criteria_set.code}&criterion=2&page=3"
    client = place.client()
    page = client.post(place.url(order[1]), {"seen": place.row(order[1]).seen, "agree": "1"})
    assert page["Location"] == place.url(order[2])
    last = client.post(place.url(order[2]), {"seen": place.row(order[2]).seen, "agree": "1"})
    assert last["Location"].startswith(reverse("reports:desk"))
    refused = client.post(place.url(), {"seen": place.row().seen})
    assert refused.status_code == 422
    assert "<h1>" in refused.text


def test_next_of_a_saved_row_is_no_open_redirect(place):
    place.claim()
    assert "evil.example" not in place.post(agree="1", next="https://evil.example/").text
    assert 'href="#unit-7"' in place.post(next="#unit-7", **{f"verdict-{place.first.pk}": "agree", "comment": "x"}).text


def test_one_criterion_counts_in_no_area_figure(place):
    place.claim()
    place.post(agree="1")
    standing = Standing.objects.get(unit=place.unit, stage="province")
    assert is_partial(standing.criteria_total - standing.criteria_not_assessed, standing.criteria_total)


def test_the_demonstration_s_department_reviews_and_the_commune_reads_it(cast):
    client = cast.client("so.giaoduc")
    page = client.get("/my-criteria/?criterion=14")
    unit = Unit.objects.get(pk=page.context["page"][0])
    row = desk.desk_rows([unit], page.context["criterion"], page.context["criteria_set"], cast["so.giaoduc"])[0]
    url = reverse("reports:desk_review", args=[row.criterion.pk, unit.pk])
    assert client.post(url, {"seen": row.seen, "agree": "1", "comment": "Đủ hồ sơ"}).status_code == 302
    visit = Visit.objects.get(unit=unit, kind="desk")
    assert "Đủ hồ sơ" in client.get(reverse("criteria:criterion", args=[unit.pk, 14])).text
    assert cast.client("dieuphoi.thanhhoa").get(reverse("inspections:visit_detail", args=[visit.pk])).status_code == 200
    assert cast.client("dieuphoi.hatinh").get(reverse("inspections:visit_detail", args=[visit.pk])).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_two_reviewers_at_once_record_one_review():
    place = Place()
    place.claim()
    people = [place.reviewer, place.hire()]
    seen = place.row().seen
    judgements = {line.indicator.pk: Judgement(line.claim["revision_id"]) for line in place.row().lines}
    barrier, told = threading.Barrier(2), []

    def review(person):
        barrier.wait()
        try:
            desk.review(place.unit, place.criterion, judgements, comment="", seen=seen, by=person)
        except desk.ChangedMeanwhile as changed:
            told.append(str(changed))
        connection.close()

    threads = [threading.Thread(target=review, args=[person]) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Visit.objects.count() == 1
    assert len(told) == 1


# --- many communes ---------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.DEPARTMENT_REVIEWER, Role.COORDINATOR])
def test_queries_do_not_grow(count_queries, role):
    counts = []
    for size in (3, 30):
        place = Place(size)
        for unit in place.units:
            place.claim(unit)
            prove(unit, place.first)
        client = place.client(None if role == Role.DEPARTMENT_REVIEWER else member(place.province, role))
        url = f"{reverse('reports:desk')}?set={place.criteria_set.code}"
        client.get(url)
        with count_queries() as queries:
            assert client.get(url).context["page"].paginator.count == size
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 16, "\n".join(queries)


# --- attainment where no target gives it -----------------------------------------------------------


def test_a_reviewer_estimates_the_attainment_where_no_target_gives_it(place):
    place.first.targets.all().delete()
    place.claim(verdicts=("nearly_met", "met"), value=Decimal(97))
    row, box = place.row(), 'name="attainment-{}"'
    assert [line.takes_attainment for line in row.lines] == [True, False]
    page = place.client().get(reverse("reports:desk")).text
    assert box.format(place.first.pk) in page
    assert box.format(place.second.pk) not in page
    answer = place.post(
        **{
            f"verdict-{place.first.pk}": "not_met",
            f"attainment-{place.first.pk}": "62,5",
            f"verdict-{place.second.pk}": "agree",
            "comment": "Còn hai thôn",
        }
    )
    assert answer.status_code == 200
    score = Score.objects.get(indicator=place.first)
    assert score.entered_attainment == score.attainment == Decimal("62.5")
    assert Assessment.objects.get(indicator=place.first, stage="province").attainment == Decimal("62.5")
    assert "62,5 %" in place.client().get(place.url()).text


@pytest.mark.parametrize(
    ("verdict", "attainment", "words"),
    [
        ("not_met", "100,5", "trong khoảng 0–100"),
        ("not_met", "-1", "là số âm"),
        ("not_met", "nhiều", "không phải là số"),
        ("", "50", "Chọn Cơ bản đạt hoặc Chưa đạt"),
        ("agree", "50", "Chọn Cơ bản đạt hoặc Chưa đạt"),
    ],
)
def test_an_attainment_that_cannot_stand_is_said_and_kept_in_its_box(place, verdict, attainment, words):
    place.first.targets.all().delete()
    place.claim(verdicts=("nearly_met", "met"))
    answer = place.post(
        **{
            f"verdict-{place.first.pk}": verdict,
            f"attainment-{place.first.pk}": attainment,
            f"verdict-{place.second.pk}": "agree",
            "comment": "Còn hai thôn",
        }
    )
    assert answer.status_code == 422
    assert words in answer.text
    assert f'value="{attainment}"' in answer.text
    assert place.said() == []
