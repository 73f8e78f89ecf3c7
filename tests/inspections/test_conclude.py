"""Kết luận và khóa: what is published, what is refused, twice at once, annexes, the overview."""

import datetime
import threading
from contextlib import suppress
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connections
from django.urls import reverse
from django.utils import timezone

from criteria.models import Assessment, Evidence, EvidenceLink, Revision, Standing
from criteria.publish import Published, publish
from inspections import conclude as conclusion
from inspections import planning
from inspections.models import FindingEvent, Score, Visit, VisitAnnex
from tests.factories import CriterionFactory, FindingFactory, IndicatorFactory, TeamMemberFactory, VisitFactory
from tests.inspections.world import HELD, build_place, build_visit

SUMMARY = "Đạt 3/3 tiêu chí."


def conclude(place, visit, **fields):
    fields = {
        "held_on": HELD,
        "commune_opinion": "Nhất trí",
        "summary": SUMMARY,
        "unscored_reason": "",
        "by": place.leader,
        **fields,
    }
    return conclusion.conclude(visit, **fields)


def score_all(place, visit):
    place.score(visit, "1.1", "met", value=Decimal(96))
    place.score(visit, "1.2", "firmly_met")
    place.score(visit, "2.1", "nearly_met", attainment=Decimal(70), entered_attainment=Decimal(70))
    place.score(visit, "3.1", "met", value=Decimal(50))


def url(name, visit):
    return reverse(f"inspections:{name}", args=[visit.pk])


def form_data(**fields):
    """What the form sends, read just now: `seen_fingerprint` unless given."""
    seen = conclusion.fingerprint(Visit.objects.get())
    fields = {"commune_opinion": "", "unscored_reason": "", "seen_fingerprint": seen, **fields}
    return {"held_on": "2024-06-25", "summary": SUMMARY, **fields}


# --- publishing ------------------------------------------------------------------------


def test_the_scores_become_the_stage_s_opinion_on_the_day_held(place, visit):
    score_all(place, visit)
    conclude(place, visit)
    found = dict(Assessment.objects.filter(unit=place.unit, stage="province").values_list("indicator__code", "verdict"))
    assert found == {"1.1": "met", "1.2": "firmly_met", "2.1": "nearly_met", "3.1": "met"}
    revision = Revision.objects.get(indicator__code="2.1")
    assert (revision.effective_on, revision.source, revision.source_ref) == (HELD, "visit", "38-2024-001")
    assert (revision.attainment, revision.recorded_by) == (Decimal(70), place.leader)
    assert Revision.objects.get(indicator__code="1.1").target_text == "≥ 95%"
    standing = Standing.objects.get(unit=place.unit, stage="province")
    assert (standing.criteria_met, standing.criteria_nearly) == (2, 1)
    visit.refresh_from_db()
    assert (visit.state, visit.concluded_by, visit.summary) == ("concluded", place.leader, SUMMARY)


def test_the_commune_s_own_opinion_stays(place, visit):
    place.claim("2.1", "met")
    score_all(place, visit)
    conclude(place, visit)
    assert Assessment.objects.get(indicator__code="2.1", stage="self").verdict == "met"


def test_what_is_unscored_keeps_the_earlier_opinion_with_a_reason(place, visit):
    publish(
        place.unit,
        place.criteria_set,
        "province",
        [Published(place.indicator("3.1").pk, "not_met", datetime.date(2023, 5, 1))],
        source="import",
        source_ref="x",
        by=place.coordinator,
    )
    place.score(visit, "1.1", "met", value=Decimal(96))
    with pytest.raises(planning.Invalid, match="Còn 3 chỉ tiêu chưa chấm"):
        conclude(place, visit)
    conclude(place, visit, unscored_reason="Chưa có số liệu quý II")
    assert Assessment.objects.get(indicator__code="3.1", stage="province").verdict == "not_met"
    assert Revision.objects.filter(source="visit").count() == 1


def test_nothing_scored_is_nothing_to_conclude(place, visit):
    with pytest.raises(planning.Invalid, match="chưa chấm chỉ tiêu nào"):
        conclude(place, visit, unscored_reason="Không kịp")


def test_only_the_scope_is_published(place, visit):
    score_all(place, visit)
    visit.criteria.set([place.criterion(2)])
    conclude(place, visit)
    assert [r.indicator.code for r in Revision.objects.all()] == ["2.1"]


def test_a_monitoring_visit_may_record_no_opinion(place, visit):
    Visit.objects.filter(pk=visit.pk).update(kind="monitoring", records_opinion=False)
    place.score(visit, "1.1", "met", value=Decimal(96))
    conclude(place, visit)
    assert not Revision.objects.exists()
    assert Visit.objects.get().is_concluded
    text = place.client(place.officer).get(url("visit_detail", visit)).text
    assert "Không ghi nhận kết quả chính thức" in text


def test_a_target_confirmed_meanwhile_stops_the_conclusion_whole(place, visit):
    score_all(place, visit)
    Score.objects.filter(indicator__code="3.1").update(value=40)
    place.indicator("3.1").targets.update(confirmed_at=timezone.now())
    with pytest.raises(conclusion.ScoresRefused):
        conclude(place, visit)
    answer = place.client(place.leader).post(url("visit_conclude", visit), form_data())
    assert answer.status_code == 422
    assert "Chỉ tiêu 3.1: " in answer.text
    assert not Revision.objects.exists()
    assert Visit.objects.get().is_open


def test_a_failure_halfway_leaves_nothing(place, visit, monkeypatch):
    score_all(place, visit)
    FindingFactory(visit=visit, criterion=place.criterion(1))

    def broken(*args, **kwargs):
        raise RuntimeError("power cut")

    monkeypatch.setattr(FindingEvent.objects, "bulk_create", broken)
    with pytest.raises(RuntimeError):
        conclude(place, visit)
    assert not Revision.objects.exists()
    assert not Assessment.objects.exists()
    assert Visit.objects.get().is_open


# --- the day ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (datetime.date(2024, 7, 1), "ở tương lai"),
        (datetime.date(2024, 5, 20), "trước ngày dự kiến"),
        (datetime.date(2020, 12, 31), "ngoài giai đoạn"),
        (datetime.date(9999, 12, 31), "ở tương lai"),
    ],
)
def test_absurd_days_are_refused(place, visit, day, words):
    score_all(place, visit)
    with pytest.raises(planning.Invalid, match=words):
        conclude(place, visit, held_on=day)


def test_a_day_outside_the_unit_s_life_is_refused(place, visit):
    score_all(place, visit)
    type(place.unit).objects.filter(pk=place.unit.pk).update(closed_on=datetime.date(2024, 6, 1))
    with pytest.raises(planning.Invalid, match="ngoài thời gian tồn tại"):
        conclude(place, visit)


# --- who, and twice --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "status"),
    [("member", 403), ("coordinator", 403), ("officer", 403), ("neighbour_officer", 404), ("viewer", 404)],
)
def test_only_the_leader_concludes(place, visit, who, status):
    score_all(place, visit)
    client = place.client(getattr(place, who))
    assert client.get(url("visit_conclude", visit)).status_code == status
    assert client.post(url("visit_conclude", visit), form_data()).status_code == status
    with pytest.raises(PermissionDenied):
        conclude(place, visit, by=getattr(place, who))
    assert Visit.objects.get().is_open


def test_a_second_click_is_told_and_changes_nothing(place, visit):
    score_all(place, visit)
    client = place.client(place.leader)
    assert client.post(url("visit_conclude", visit), form_data()).status_code == 302
    answer = client.post(url("visit_conclude", visit), form_data(summary="Khác"), follow=True)
    assert "Cuộc kiểm tra đã được Trần Văn Trưởng kết luận và khóa lúc" in answer.text
    assert Visit.objects.get().summary == SUMMARY
    assert Revision.objects.count() == 4
    with pytest.raises(conclusion.AlreadyConcluded):
        conclude(place, visit)


def test_a_cancelled_visit_is_not_concluded(place, visit):
    score_all(place, visit)
    planning.cancel_visit(visit, reason="Lũ")
    with pytest.raises(planning.Closed, match="đã hủy"):
        conclude(place, visit)


@pytest.mark.django_db(transaction=True)
def test_two_conclusions_at_once_publish_once():
    place = build_place()
    visit = build_visit(place)
    score_all(place, visit)
    barrier, results = threading.Barrier(2), []

    def run():
        try:
            barrier.wait(5)
            conclude(place, visit)
            results.append("concluded")
        except conclusion.AlreadyConcluded:
            results.append("told")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(results) == ["concluded", "told"]
    assert Revision.objects.count() == 4


# --- the page before -------------------------------------------------------------------


def test_the_page_says_what_will_be_published_and_what_is_missing(place, visit):
    place.score(visit, "1.1", "met", value=Decimal(96))
    place.score(visit, "1.2", "met")
    place.score(visit, "2.1", "nearly_met", attainment=Decimal(70))
    FindingFactory(visit=visit, criterion=place.criterion(1))
    text = place.client(place.leader).get(url("visit_conclude", visit)).text
    for words in (
        "3 chỉ tiêu</strong> được công bố là Kết quả thẩm định",
        "1 tồn tại",
        "1 chỉ tiêu chưa chấm",
        "Kiểm tra 2/3 tiêu chí (số 1, 2): đạt 1 (số 1); cơ bản đạt 1 (số 2); ",
    ):
        assert words in text


def _rescore(place, visit):
    data = {"version": 1, "verdict": "not_met"}
    answer = place.client(place.leader).post(
        reverse("inspections:score_save", args=[visit.pk, place.indicator("2.1").pk]), data
    )
    assert answer.status_code == 302


def _find(place, visit):
    FindingFactory(visit=visit, criterion=place.criterion(1))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_rescore, "Đạt 2/3 tiêu chí (số 1, 3); chưa đạt 1/3 (số 2)."),
        (_find, "Đạt 2/3 tiêu chí (số 1, 3); cơ bản đạt 1/3 (số 2); mức độ đạt của mọi tiêu chí đều trên 60 %."),
    ],
)
def test_what_changed_since_the_page_was_opened_is_shown_before_it_is_locked(place, visit, change, sentence):
    score_all(place, visit)
    client = place.client(place.leader)
    opened = form_data(summary="Câu cũ của đoàn", commune_opinion="Xã có ý kiến")
    change(place, visit)
    answer = client.post(url("visit_conclude", visit), opened)
    assert answer.status_code == 409
    for words in (sentence, "Câu cũ của đoàn", "Xã có ý kiến", "kết quả vừa thay đổi"):
        assert words in answer.text
    assert Visit.objects.get().is_open
    assert not Revision.objects.exists()
    with pytest.raises(conclusion.ScoresChanged):
        conclude(place, visit, seen_fingerprint=opened["seen_fingerprint"])
    again = opened | {"seen_fingerprint": answer.context["form"]["seen_fingerprint"].value()}
    assert f'value="{again["seen_fingerprint"]}"' in answer.text
    assert client.post(url("visit_conclude", visit), again).status_code == 302
    assert Visit.objects.get().summary == "Câu cũ của đoàn"


def test_a_conclusion_without_what_was_seen_is_not_taken(place, visit):
    score_all(place, visit)
    data = form_data(seen_fingerprint="")
    assert place.client(place.leader).post(url("visit_conclude", visit), data).status_code == 409


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"held_on": "2024-07-01"}, "ở tương lai"),
        ({"held_on": "hôm qua"}, "Nhập ngày như"),
        ({"summary": " \u200b"}, "Nhập kết luận"),
        ({"summary": "a" * 5001}, "vượt quá 5000"),
        ({"commune_opinion": "a" * 5001}, "vượt quá 5000"),
        ({"unscored_reason": "a" * 501}, "vượt quá 500"),
    ],
)
def test_bad_input_is_said_and_nothing_is_locked(place, visit, fields, words):
    place.score(visit, "1.1", "met", value=Decimal(96))
    data = form_data(unscored_reason="Chưa kịp") | fields
    answer = place.client(place.leader).post(url("visit_conclude", visit), data)
    assert answer.status_code == 422
    assert words in answer.text
    assert Visit.objects.get().is_open


# --- before and after, for each reader -------------------------------------------------


READERS = ["officer", "district_staff", "reviewer", "neighbour_officer", "viewer", "stranger"]


def test_the_commune_sees_header_team_and_date_only_before_the_conclusion(place, visit):
    score_all(place, visit)
    FindingFactory(visit=visit, criterion=place.criterion(1), description="Thiếu nhà văn hóa thôn")
    Score.objects.update(note="Nhận xét nội bộ")
    for who in ("officer", "district_staff"):
        answer = place.client(getattr(place, who)).get(url("visit_detail", visit))
        assert answer.status_code == 200
        assert "Trần Văn Trưởng" in answer.text
        assert "25/06/2024" in answer.text
        for words in ("Thiếu nhà văn hóa", "Nhận xét nội bộ", "đã chấm", "Cơ bản đạt", 'class="verdict'):
            assert words not in answer.text
        assert "Thiếu nhà văn hóa" not in place.client(getattr(place, who)).get("/findings/").text


@pytest.mark.parametrize(
    ("who", "before", "after"),
    [
        ("officer", 200, 200),
        ("district_staff", 200, 200),
        ("reviewer", 404, 200),
        ("neighbour_officer", 404, 404),
        ("viewer", 404, 404),
        ("stranger", 404, 404),
    ],
)
def test_who_sees_the_visit_before_and_after(place, visit, who, before, after):
    client = place.client(getattr(place, who))
    assert client.get(url("visit_detail", visit)).status_code == before
    score_all(place, visit)
    conclude(place, visit)
    answer = client.get(url("visit_detail", visit))
    assert answer.status_code == after
    shown = who in {"officer", "district_staff"}
    assert (SUMMARY in answer.text) == shown  # a department sees its own criteria's rows, not the whole
    criterion = reverse("inspections:visit_criterion", args=[visit.pk, 1])
    assert client.get(criterion).status_code == (200 if shown else 404)


def test_a_department_sees_its_own_criteria_of_a_concluded_visit(place, visit):
    score_all(place, visit)
    conclude(place, visit)
    department = place.reviewer.memberships.get().department
    place.criterion(2).responsibilities.create(department=department, province=place.province)
    client = place.client(place.reviewer)
    text = client.get(url("visit_detail", visit)).text
    assert "2. Giao thông" in text
    assert "3. Thu nhập" not in text
    assert client.get(reverse("inspections:visit_criterion", args=[visit.pk, 2])).status_code == 200
    assert client.get(reverse("inspections:visit_criterion", args=[visit.pk, 3])).status_code == 404


def test_the_concluded_page_is_a_record(place, visit):
    place.claim("1.1", "met", value=Decimal(97))
    score_all(place, visit)
    FindingFactory(visit=visit, criterion=place.criterion(1), description="Thiếu nhà văn hóa thôn")
    conclude(place, visit, commune_opinion="Xã nhất trí với đoàn")
    place.indicator("1.1").targets.update(text="≥ 99%", value=99)  # later changes don't reach the record
    place.claim("1.1", "not_met", value=Decimal(10), effective_on=datetime.date(2024, 6, 29))
    text = place.client(place.officer).get(url("visit_detail", visit)).text
    for words in (SUMMARY, "≥ 95%", "97 %", "Thiếu nhà văn hóa thôn", "Xã nhất trí với đoàn", "TRƯỞNG ĐOÀN"):
        assert words in text
    assert "≥ 99%" not in text
    assert "Kết luận và khóa</a>" not in text
    criterion = place.client(place.officer).get(reverse("inspections:visit_criterion", args=[visit.pk, 1])).text
    assert "97 %" in criterion
    assert "Lưu kết quả" not in criterion


# --- annexes ---------------------------------------------------------------------------


def test_annexes_are_numbered_and_the_only_change(place, visit):
    client = place.client(place.leader)
    assert client.get(url("visit_annex", visit)).status_code == 403
    score_all(place, visit)
    conclude(place, visit)
    assert client.get(url("visit_annex", visit)).status_code == 200
    assert client.post(url("visit_annex", visit), {"text": "\u200b"}).status_code == 422
    for text in ("Sửa số hộ thành 1.253", "Bổ sung thành phần"):
        assert client.post(url("visit_annex", visit), {"text": text}).status_code == 302
    assert list(VisitAnnex.objects.values_list("number", "text")) == [
        (1, "Sửa số hộ thành 1.253"),
        (2, "Bổ sung thành phần"),
    ]
    assert "Phụ lục điều chỉnh số 2" in place.client(place.officer).get(url("visit_detail", visit)).text
    assert place.client(place.member).post(url("visit_annex", visit), {"text": "x"}).status_code == 403
    for name in ("visit_edit", "visit_team", "visit_cancel"):
        assert client.get(url(name, visit)).status_code == 403


def test_the_same_annex_sent_twice_is_one(place, visit):
    score_all(place, visit)
    conclude(place, visit)
    client = place.client(place.leader)
    client.post(url("visit_annex", visit), {"text": "Sửa số hộ"})
    answer = client.post(url("visit_annex", visit), {"text": " Sửa số hộ "}, follow=True)
    assert answer.redirect_chain == [(url("visit_detail", visit), 302)]
    assert "đã có ở phụ lục điều chỉnh số 1" in answer.text
    assert VisitAnnex.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_make_one_annex(monkeypatch):
    """Each waits, having looked and before writing, for the other to get as far: without the lock both do."""
    place = build_place()
    visit = build_visit(place)
    score_all(place, visit)
    conclude(place, visit)
    barrier, made, errors = threading.Barrier(2), [], []
    create, meeting = VisitAnnex.objects.create, threading.Barrier(2)

    def create_late(**fields):
        with suppress(threading.BrokenBarrierError):
            meeting.wait(timeout=1)
        return create(**fields)

    monkeypatch.setattr(VisitAnnex.objects, "create", create_late)

    def click():
        try:
            barrier.wait()
            made.append(conclusion.add_annex(visit, "Sửa số hộ", by=place.leader))
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=click) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(error) for error in errors] == [conclusion.AnnexKnown]
    assert [errors[0].annex] == made == list(VisitAnnex.objects.all())


# --- queries ---------------------------------------------------------------------------


def big_visit(place, criteria: int, rows: int):
    for number in range(4, criteria + 1):
        criterion = CriterionFactory(criteria_set=place.criteria_set, number=number)
        for position in range(1, rows + 1):
            IndicatorFactory(criterion=criterion, position=position)
    visit = VisitFactory(
        unit=place.unit, criteria_set=place.criteria_set, planned_by=place.leader, planned_on=HELD, held_on=HELD
    )
    TeamMemberFactory(visit=visit, user=place.leader, role="leader")
    return visit


def test_the_visit_costs_the_same_at_3_and_19_criteria(place, visit, count_queries, assert_queries):
    client = place.client(place.leader)
    FindingFactory(visit=visit, criterion=place.criterion(1))
    with count_queries() as few:
        client.get(url("visit_detail", visit))
    with count_queries() as few_before:
        client.get(url("visit_conclude", visit))
    big = big_visit(place, 19, 3)
    for _ in range(10):
        FindingFactory(visit=big, criterion=place.criterion(2))
        member = TeamMemberFactory(visit=big)
        member.criteria.set(place.criteria_set.criteria.all())
    with assert_queries(len(few)):
        client.get(url("visit_detail", big))
    with assert_queries(len(few_before)):
        client.get(url("visit_conclude", big))
    assert len(few) <= 25


def test_the_record_and_the_conclusion_cost_the_same_at_3_and_19_criteria(place, visit, count_queries, assert_queries):
    client = place.client(place.leader)
    score_all(place, visit)
    with count_queries() as few:
        conclude(place, visit)
    with count_queries() as few_read:
        client.get(url("visit_detail", visit))
    big = big_visit(place, 19, 3)
    for indicator in IndicatorFactory._meta.model.objects.filter(criterion__criteria_set=place.criteria_set):
        value = {"1.1": 96, "3.1": 50}.get(indicator.code)
        Score.objects.create(
            visit=big, indicator=indicator, verdict="met", value=value, attainment=100, scorer=place.leader
        )
    big = Visit.objects.get(pk=big.pk)
    with assert_queries(at_most=40) as many:  # SQLite inserts 999 values at a time; the minutes read it all once more
        conclude(place, big)
    assert len(many) <= len(few) + 1
    with assert_queries(len(few_read)):
        client.get(url("visit_detail", big))
    assert len(few_read) <= 25


def test_the_documents_are_those_of_the_conclusion(place, visit):
    at = timezone.now()
    later, before = at + datetime.timedelta(hours=1), at - datetime.timedelta(hours=1)
    Visit.objects.filter(pk=visit.pk).update(state="concluded", concluded_by=place.leader, concluded_at=at)
    cases = {
        "Có khi kết luận": {"published_at": before},
        "Gỡ sau khi kết luận": {"published_at": before, "removed_at": later},
        "Ngừng dùng sau khi kết luận": {"published_at": before},
        "Gửi sau khi kết luận": {"published_at": later},
        "Chưa gửi": {},
        "Gỡ trước khi kết luận": {"published_at": before, "removed_at": before},
    }
    for title, dates in cases.items():
        document = Evidence.objects.create(
            unit=place.unit, form="paper", title=title, kept_at="Tủ", uploaded_by=place.officer
        )
        EvidenceLink.objects.create(
            evidence=document,
            unit=place.unit,
            indicator=place.indicator("1.1"),
            created_by=place.officer,
            **dates,
        )
    Evidence.objects.filter(title="Ngừng dùng sau khi kết luận").update(retired_at=later, retire_reason="Thay mới")
    address = reverse("inspections:visit_criterion", args=[visit.pk, 1])
    for who in (place.officer, place.leader):
        text = place.client(who).get(address).text
        shown = [title for title in cases if title in text]
        assert shown == list(cases)[:3]
        assert "Ngừng sử dụng" not in text


def test_the_record_marks_what_the_team_found_as_claimed(place, visit):
    place.claim("1.1", "met", value=Decimal(96))
    place.claim("2.1", "met")
    place.claim("3.1", "met", value=Decimal(50))
    score_all(place, visit)
    Score.objects.filter(indicator__code="3.1").update(note="Cần đối chiếu thêm")
    conclude(place, visit)
    text = place.client(place.officer).get(url("visit_detail", visit)).text
    assert "Thẩm định xã Đông Phú" in text
    assert text.count('class="is-as-claimed"') == 1  # 1.1; 1.2 has no claim, 2.1 differs, 3.1 has a remark
    assert text.count("Hiện 1 chỉ tiêu đoàn đánh giá như xã") == 1
    assert "mức độ đạt 70 %" in text
    assert "mức độ đạt 100 %" not in text
