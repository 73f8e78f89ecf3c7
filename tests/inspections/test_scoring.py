"""Chấm tại chỗ: saving, agreeing, versions, refusals, who may."""

import datetime
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied
from django.urls import reverse

from criteria.checks import Refused
from criteria.models import Evidence, EvidenceLink, TargetReport
from inspections import planning, scoring
from inspections.models import Score, Visit
from tests.factories import CriteriaSetFactory, CriterionFactory, IndicatorFactory
from tests.inspections.world import Place

HTMX = {"HTTP_HX_REQUEST": "true"}


def page_url(visit, number=1):
    return reverse("inspections:visit_criterion", args=[visit.pk, number])


def url(name, visit, indicator):
    return reverse(f"inspections:{name}", args=[visit.pk, indicator.pk])


def save(place: Place, visit: Visit, code: str, who=None, seen_version=0, **opinion):
    return scoring.save_score(
        visit, place.indicator(code), opinion, seen_version=seen_version, by=who or place.leader
    ).score


# --- the page --------------------------------------------------------------------------


def test_the_page_shows_requirement_claim_evidence_and_the_team_s_entry(place, visit):
    place.claim(
        "1.1", "met", value=Decimal("96.5"), part=Decimal(965), whole=Decimal(1000), note="Theo rà soát tháng 5"
    )
    evidence = Evidence.objects.create(
        unit=place.unit, form="paper", title="Biên bản rà soát", kept_at="Văn phòng", uploaded_by=place.officer
    )
    link = {"evidence": evidence, "unit": place.unit, "indicator": place.indicator("1.1"), "created_by": place.officer}
    EvidenceLink.objects.create(**link, published_at=visit.created_at)
    hidden = Evidence.objects.create(
        unit=place.unit, form="paper", title="Bản nháp chưa gửi", kept_at="Tủ", uploaded_by=place.officer
    )
    EvidenceLink.objects.create(**{**link, "evidence": hidden})
    text = place.client(place.member).get(page_url(visit)).text
    for words in (
        "≥ 95%",
        "Mức trung ương",
        "96,5",
        "965/1.000",
        "Theo rà soát tháng 5",
        "31/05/2024",
        "Biên bản rà soát",
    ):
        assert words in text
    assert "Bản nháp chưa gửi" not in text
    assert "Nhất trí với xã" in text
    assert "Đạt vững chắc" in text


def test_what_a_person_may_not_score_is_read_only_with_the_reason(place, visit):
    answer = place.client(place.member).get(page_url(visit, 2))
    assert "Tiêu chí 2 chưa được phân công cho bạn." in answer.text
    assert "Lưu kết quả" not in answer.text
    assert "Lưu kết quả" in place.client(place.leader).get(page_url(visit, 2)).text


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("leader", 200),
        ("member", 200),
        ("coordinator", 200),
        ("officer", 403),
        ("district_staff", 403),
        ("reviewer", 404),
        ("neighbour_officer", 404),
        ("viewer", 404),
        ("stranger", 404),
    ],
)
def test_who_sees_the_scores_before_the_conclusion(place, visit, who, status):
    assert place.client(getattr(place, who)).get(page_url(visit)).status_code == status


def test_a_criterion_outside_the_scope_is_404(place, visit):
    visit.criteria.set([place.criterion(1), place.criterion(3)])
    client = place.client(place.leader)
    assert client.get(page_url(visit, 2)).status_code == 404
    assert client.get(page_url(visit, 99)).status_code == 404
    assert client.post(url("score_save", visit, place.indicator("2.1")), {"version": 0}).status_code == 404
    text = client.get(page_url(visit, 1)).text
    assert page_url(visit, 3) in text
    assert page_url(visit, 2) not in text


# --- saving ----------------------------------------------------------------------------


def test_a_row_is_saved_by_htmx_and_answers_with_itself_and_the_bar(place, visit):
    indicator = place.indicator("1.1")
    answer = place.client(place.member).post(
        url("score_save", visit, indicator),
        {"version": 0, "part": "1.182", "whole": "1.253", "verdict": "nearly_met"},
        **HTMX,
    )
    assert answer.status_code == 200
    assert f'id="score-{indicator.pk}"' in answer.text
    assert "Đã lưu lúc" in answer.text
    assert "<strong>1/2</strong>" in answer.text
    assert "<html" not in answer.text
    score = Score.objects.get()
    assert (score.value, score.verdict, score.attainment) == (Decimal("94.33"), "nearly_met", Decimal("99.30"))
    assert (score.scorer, score.version, score.agrees) == (place.member, 1, False)


def test_a_plain_post_comes_back_to_the_row(place, visit):
    indicator = place.indicator("2.1")
    answer = place.client(place.leader).post(
        url("score_save", visit, indicator), {"version": 0, "verdict": "firmly_met"}
    )
    assert answer.headers["Location"] == f"{page_url(visit, 2)}#row-{indicator.pk}"
    assert Score.objects.get().verdict == "firmly_met"


@pytest.mark.parametrize("extra", [{}, HTMX])
def test_a_met_that_misses_a_confirmed_target_is_refused_with_two_ways_out(place, visit, extra):
    indicator = place.indicator("1.1")
    answer = place.client(place.leader).post(
        url("score_save", visit, indicator), {"version": 0, "value": "94,9", "verdict": "firmly_met"}, **extra
    )
    assert answer.status_code == 422
    for words in ("chưa đạt yêu cầu ≥ 95%", "Lưu là Cơ bản đạt", "Lưu là Chưa đạt", "Báo yêu cầu sai", 'value="94,9"'):
        assert words in answer.text
    assert not Score.objects.exists()


def test_the_way_out_saves_nearly_met(place, visit):
    indicator = place.indicator("1.1")
    data = {"version": 0, "value": "94,9", "verdict": ["met", "nearly_met"]}
    assert place.client(place.leader).post(url("score_save", visit, indicator), data, **HTMX).status_code == 200
    assert Score.objects.get().verdict == "nearly_met"


def test_the_other_way_out_reports_the_target(place, visit):
    client = place.client(place.member)
    report = url("target_report", visit, place.indicator("1.1"))
    assert "≥ 95%" in client.get(report).text
    assert client.post(report, {"text": ""}).status_code == 422
    assert client.post(report, {"text": "Tỉnh quy định 90 %"}).status_code == 302
    found = TargetReport.objects.get()
    assert (found.unit, found.target_text, found.reported_by) == (place.unit, "≥ 95%", place.member)
    assert place.client(place.officer).get(report).status_code == 403


@pytest.mark.parametrize(
    ("code", "data", "words"),
    [
        ("1.1", {"value": "1e999", "verdict": "met"}, "không phải là số"),
        ("1.1", {"value": "NaN", "verdict": "met"}, "không phải là số"),
        ("1.1", {"value": "-5 %", "verdict": "not_met"}, "số âm"),
        ("1.1", {"value": "98,5,5", "verdict": "met"}, "không phải là số"),
        ("1.1", {"value": "101", "verdict": "met"}, "không được lớn hơn 100"),
        ("1.1", {"part": "11", "whole": "10", "verdict": "met"}, "không được lớn hơn tổng số"),
        ("1.1", {"part": "11", "verdict": "met"}, "Nhập cả số đạt và tổng số"),
        ("1.1", {"verdict": "not_applicable"}, "không có trường hợp không áp dụng"),
        ("1.1", {"verdict": "wonderful"}, "wonderful"),
        ("1.2", {"verdict": "not_applicable"}, "Nêu lý do không áp dụng"),
        ("2.1", {"verdict": "nearly_met", "entered_attainment": "130"}, "0–100"),
        ("3.1", {"version": "x", "verdict": "met"}, "Trang đã cũ"),
        ("3.1", {"version": "-1", "verdict": "met"}, "Trang đã cũ"),
        ("3.1", {"version": "9" * 40, "verdict": "met"}, "Trang đã cũ"),
    ],
)
def test_bad_input_is_said_in_the_row_and_nothing_is_saved(place, visit, code, data, words):
    for extra in ({}, HTMX):
        answer = place.client(place.leader).post(
            url("score_save", visit, place.indicator(code)), {"version": 0, **data}, **extra
        )
        assert answer.status_code == 422
        assert words in answer.text
    assert not Score.objects.exists()


def test_a_forged_indicator_is_404(place, visit):
    foreign = IndicatorFactory(criterion=CriterionFactory(criteria_set=CriteriaSetFactory(), number=1))
    over = IndicatorFactory(criterion=place.criterion(1), code="1.9", in_force_to=datetime.date(2023, 12, 31))
    part = IndicatorFactory(criterion=place.criterion(1), code="1.1b", part_of=place.indicator("1.1"))
    client = place.client(place.leader)
    for indicator in (foreign, over):
        for name in ("score_save", "score_agree", "remark_save", "target_report"):
            assert client.post(url(name, visit, indicator), {"version": 0}).status_code == 404
    assert client.get(url("target_report", visit, part)).status_code == 404  # no target is in force for the part


def test_members_score_only_what_they_are_assigned(place, visit):
    answer = place.client(place.member).post(
        url("score_save", visit, place.indicator("2.1")), {"version": 0, "verdict": "met"}
    )
    assert answer.status_code == 403
    assert "chưa được phân công cho bạn" in answer.text
    with pytest.raises(PermissionDenied):
        save(place, visit, "2.1", place.member, verdict="met")
    for who in ("coordinator", "officer", "district_staff"):
        client = place.client(getattr(place, who))
        answer = client.post(url("score_save", visit, place.indicator("1.1")), {"version": 0, "verdict": "met"})
        assert answer.status_code == 403


def test_saving_what_stands_is_not_a_new_version(place, visit):
    save(place, visit, "2.1", verdict="met")
    again = save(place, visit, "2.1", verdict="met")  # a double click, still of version 0
    assert again.version == 1


def test_a_score_is_cleared_back_to_not_assessed(place, visit):
    save(place, visit, "2.1", verdict="met")
    answer = place.client(place.leader).post(
        url("score_save", visit, place.indicator("2.1")), {"version": 1, "verdict": "met", "clear": "1"}, **HTMX
    )
    assert answer.status_code == 200
    score = Score.objects.get()
    assert (score.verdict, score.attainment, score.version) == ("", None, 2)


# --- two people ------------------------------------------------------------------------


@pytest.mark.parametrize("extra", [{}, HTMX])
def test_a_stale_row_shows_both_states_and_keeps_what_was_typed(place, visit, extra):
    save(place, visit, "1.1", place.member, verdict="not_met", value=Decimal(50))
    answer = place.client(place.leader).post(
        url("score_save", visit, place.indicator("1.1")), {"version": 0, "value": "97,5", "verdict": "met"}, **extra
    )
    assert answer.status_code == 409
    for words in ("Lê Thị Viên vừa lưu chỉ tiêu này", "Chưa đạt", 'value="97,5"', 'name="version" value="1"'):
        assert words in answer.text
    assert Score.objects.get().verdict == "not_met"


def test_saving_again_after_seeing_the_other_state_wins(place, visit):
    save(place, visit, "1.1", place.member, verdict="not_met", value=Decimal(50))
    score = save(place, visit, "1.1", place.leader, seen_version=1, verdict="met", value=Decimal(97))
    assert (score.verdict, score.version, score.scorer) == ("met", 2, place.leader)


def test_opinion_and_remark_are_saved_apart(place, visit):
    indicator = place.indicator("1.1")
    scoring.save_remark(visit, indicator, "Còn 71 hộ", seen_version=0, by=place.member)
    score = save(place, visit, "1.1", verdict="nearly_met", value=Decimal(94))  # still of version 0
    assert (score.note, score.note_version, score.version) == ("Còn 71 hộ", 1, 1)
    with pytest.raises(scoring.Stale):
        scoring.save_remark(visit, indicator, "Khác", seen_version=0, by=place.leader)
    assert scoring.save_remark(visit, indicator, "Khác", seen_version=1, by=place.leader).verdict == "nearly_met"


def test_a_remark_alone_is_not_a_score(place, visit):
    client = place.client(place.leader)
    answer = client.post(
        url("remark_save", visit, place.indicator("1.1")), {"note_version": 0, "note": "Đường\x07 hỏng\u200b"}, **HTMX
    )
    assert answer.status_code == 200
    assert "<strong>0/2</strong>" in answer.text
    score = Score.objects.get()
    assert (score.note, score.verdict, score.version) == ("Đường hỏng", "", 0)
    page = client.get(reverse("inspections:visit_detail", args=[visit.pk]))
    assert page.context["progress"].scored == 0


def test_a_stale_remark_shows_both(place, visit):
    indicator = place.indicator("1.1")
    scoring.save_remark(visit, indicator, "Của Viên", seen_version=0, by=place.member)
    for extra in ({}, HTMX):
        answer = place.client(place.leader).post(
            url("remark_save", visit, indicator), {"note_version": 0, "note": "Của Trưởng"}, **extra
        )
        assert answer.status_code == 409
        assert "Của Viên" in answer.text
        assert "Của Trưởng" in answer.text
    assert Score.objects.get().note == "Của Viên"


def test_a_remark_too_long_is_refused(place, visit):
    answer = place.client(place.leader).post(
        url("remark_save", visit, place.indicator("1.1")), {"note_version": 0, "note": "ô" * 2001}, **HTMX
    )
    assert answer.status_code == 422
    assert "vượt quá 2000" in answer.text


def test_not_applicable_takes_its_reason_from_the_remark_beside_it(place, visit):
    indicator = place.indicator("1.2")
    data = {"version": 0, "verdict": "not_applicable", "note": "Xã không có khu tập trung", "note_version": 0}
    answer = place.client(place.leader).post(url("score_save", visit, indicator), data, **HTMX)
    assert answer.status_code == 200
    assert f'id="remark-{indicator.pk}" hx-swap-oob="true"' in answer.text
    score = Score.objects.get()
    assert (score.verdict, score.attainment, score.note) == ("not_applicable", Decimal(100), data["note"])
    with pytest.raises(Refused):
        scoring.save_remark(visit, indicator, "", seen_version=1, by=place.leader)


# --- Nhất trí với xã ---------------------------------------------------------------------


def test_agreeing_copies_the_published_claim_as_one_s_own_act(place, visit):
    revision = place.claim("1.1", value=Decimal("96.5"), part=Decimal(965), whole=Decimal(1000), note="Rà soát")
    answer = place.client(place.member).post(
        url("score_agree", visit, place.indicator("1.1")), {"version": 0, "claim": revision.pk}, **HTMX
    )
    assert answer.status_code == 200
    assert "Nhất trí với xã</strong>" in answer.text
    score = Score.objects.get()
    assert (score.verdict, score.value, score.part, score.whole) == ("met", Decimal("96.5"), 965, 1000)
    assert (score.agrees, score.scorer, score.note) == (True, place.member, "")


def test_agreeing_keeps_an_estimated_attainment(place, visit):
    revision = place.claim("2.1", "nearly_met", entered_attainment=Decimal(85))
    score = scoring.agree(visit, place.indicator("2.1"), seen_version=0, seen_claim=revision.pk, by=place.leader).score
    assert score.attainment == Decimal(85)


def test_one_s_own_value_is_no_longer_agreement(place, visit):
    revision = place.claim("2.1")
    scoring.agree(visit, place.indicator("2.1"), seen_version=0, seen_claim=revision.pk, by=place.leader)
    assert save(place, visit, "2.1", seen_version=1, verdict="not_met").agrees is False


def test_there_is_nothing_to_agree_to_without_a_claim(place, visit):
    client = place.client(place.leader)
    assert "agree/" not in client.get(page_url(visit)).text
    for extra in ({}, HTMX):
        answer = client.post(url("score_agree", visit, place.indicator("1.1")), {"version": 0, "claim": 1}, **extra)
        assert answer.status_code == 422
        assert "Xã chưa gửi kết quả tự đánh giá" in answer.text


def test_a_claim_changed_meanwhile_is_not_agreed_to_unseen(place, visit):
    old = place.claim("2.1", "not_met")
    place.claim("2.1", "met", effective_on=datetime.date(2024, 6, 20))
    with pytest.raises(Refused, match="Xã vừa gửi kết quả mới"):
        scoring.agree(visit, place.indicator("2.1"), seen_version=0, seen_claim=old.pk, by=place.leader)


def test_a_claim_that_misses_a_target_confirmed_since_is_not_agreed_to(place, visit):
    indicator = place.indicator("3.1")
    revision = place.claim("3.1", "met", value=Decimal(40))
    indicator.targets.update(confirmed_at=visit.created_at)
    with pytest.raises(Refused, match="chưa đạt yêu cầu"):
        scoring.agree(visit, indicator, seen_version=0, seen_claim=revision.pk, by=place.leader)


# --- closed ----------------------------------------------------------------------------


def test_a_concluded_visit_takes_no_score(place, visit):
    Visit.objects.filter(pk=visit.pk).update(
        state="concluded", concluded_at=visit.created_at, concluded_by=place.leader
    )
    with pytest.raises(planning.Closed):
        save(place, visit, "1.1", verdict="met")
    for name in ("score_save", "score_agree", "remark_save"):
        answer = place.client(place.leader).post(url(name, visit, place.indicator("1.1")), {"version": 0})
        assert answer.status_code == 403
        assert "đã kết luận và khóa" in answer.text
    assert not Score.objects.exists()


def test_a_score_that_meets_the_conclusion_is_told(place, visit, monkeypatch):
    """The visit is concluded between the page's check and the save."""

    def closed(*args, **kwargs):
        raise planning.Closed("Cuộc kiểm tra đã kết luận và khóa; muốn điều chỉnh hãy lập phụ lục.")

    monkeypatch.setattr(scoring, "save_score", closed)
    answer = place.client(place.leader).post(
        url("score_save", visit, place.indicator("1.1")), {"version": 0, "verdict": "met"}, **HTMX
    )
    assert answer.status_code == 409
    assert "đã kết luận và khóa" in answer.text


# --- queries ---------------------------------------------------------------------------


def test_the_page_costs_the_same_at_2_and_30_rows(place, visit, count_queries, assert_queries):
    client = place.client(place.leader)
    place.claim("1.1", "met", value=Decimal(96))
    with count_queries() as few:
        client.get(page_url(visit))
    for place_in_order in range(3, 31):
        indicator = IndicatorFactory(criterion=place.criterion(1), position=place_in_order, code=f"1.{place_in_order}")
        place.claim(indicator.code, "met", value=Decimal(96))
        place.score(visit, indicator.code)
    with assert_queries(len(few)):
        client.get(page_url(visit))
    assert len(few) <= 25, "\n".join(few)


def test_saving_costs_the_same_whatever_the_criterion_holds(place, visit, count_queries, assert_queries):
    client = place.client(place.leader)
    target = url("score_save", visit, place.indicator("1.1"))
    with count_queries() as few:
        client.post(target, {"version": 0, "value": "96", "verdict": "met"}, **HTMX)
    for place_in_order in range(3, 31):
        IndicatorFactory(criterion=place.criterion(1), position=place_in_order, code=f"1.{place_in_order}")
    with assert_queries(at_most=len(few)):
        client.post(target, {"version": 1, "value": "97", "verdict": "met"}, **HTMX)
