"""What stands between a unit and the standard, and who may read how much of it."""

from datetime import UTC, date, datetime

import pytest

from communes.models import Role
from criteria.models import CriterionDepartment, EvidenceLink, Standing
from criteria.nouns import counted_noun
from criteria.state import Moment
from criteria.verdicts import Stage
from reports.readiness import COMBINED, gap_words, readiness
from tests.factories import CommuneFactory, DepartmentFactory, IndicatorFactory
from tests.reports.worlds import (
    DAY,
    concluded_visit,
    find,
    indicators_of,
    make_set,
    member,
    prove,
    prove_all,
    say,
    unconfirmed,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def unit():
    return CommuneFactory()


@pytest.fixture
def criteria_set():
    return make_set(criteria=3, indicators=2)


def kinds(result):
    return [(item.kind, item.indicator) for item in result.missing]


def test_all_met_with_evidence_is_ready(unit, criteria_set):
    say(unit, criteria_set, "self", ["met"] * 6)
    prove_all(unit, criteria_set)
    result = readiness(unit, criteria_set, "self")
    assert result.is_ready
    assert result.sentence == "3/3 đạt"
    assert any("hài lòng" in need for need in result.recognition_needs)
    assert not any("công nhận" in item.text for item in result.missing)


def test_each_thing_in_the_way_is_listed_the_heaviest_first(unit, criteria_set):
    say(unit, criteria_set, "self", ["met", "nearly_met", "met", "not_met", "met", ""])
    one, two, three, four, *_ = indicators_of(criteria_set)
    prove(unit, one)
    prove(unit, two)
    prove(unit, three, expires_on=date(2024, 6, 29))
    prove(unit, four, published=False)
    visit = concluded_visit(unit, criteria_set)
    find(visit, 1, due_on=date(2024, 6, 29))
    find(visit, 2, due_on=date(2024, 6, 30))
    find(visit, 3, state="closed")
    result = readiness(unit, criteria_set, "self")
    assert kinds(result) == [
        ("not_met", "2.2"),
        ("finding_overdue", ""),
        ("nearly_met", "1.2"),
        ("unassessed", "3.2"),
        ("evidence_expired", "2.1"),
        ("evidence", "3.1"),
        ("finding", ""),
    ]
    assert result.missing[0].text == "còn thiếu 45 điểm phần trăm"
    assert result.sentence == "0/3 đạt · 1 cơ bản đạt · 1 chưa đạt (số 2) · 1 chưa đánh giá đủ (số 3)"


def test_evidence_holds_through_its_last_day(unit, criteria_set):
    say(unit, criteria_set, "self", ["met"])
    prove(unit, indicators_of(criteria_set)[0], expires_on=date(2024, 6, 30))
    assert ("evidence_expired", "1.1") not in kinds(readiness(unit, criteria_set, "self"))


def test_a_whole_criterion_without_opinion_is_one_line(unit, criteria_set):
    result = readiness(unit, criteria_set, "province")
    assert [item.kind for item in result.missing] == ["unassessed"] * 3
    assert result.rollup is None
    assert result.sentence == "Chưa thẩm định"


def test_met_without_a_number_where_a_confirmed_target_asks_for_one(unit, criteria_set):
    say(unit, criteria_set, "self", ["met", "met"], value=None)
    prove_all(unit, criteria_set)
    unconfirmed(indicators_of(criteria_set)[1])
    assert ("number", "1.1") in kinds(readiness(unit, criteria_set, "self"))
    assert ("number", "1.2") not in kinds(readiness(unit, criteria_set, "self"))


def test_a_target_confirmed_later_brings_the_contradiction_to_light(unit, criteria_set):
    say(unit, criteria_set, "self", ["met"])
    prove_all(unit, criteria_set)
    indicators_of(criteria_set)[0].targets.update(value=98)
    item = readiness(unit, criteria_set, "self").missing[0]
    assert (item.kind, item.text) == ("contradiction", "đánh giá đạt nhưng còn thiếu 2 điểm phần trăm")


def test_the_gap_counts_households_where_part_and_whole_are_known(unit, criteria_set):
    say(unit, criteria_set, "self", ["nearly_met"], part=1182, whole=1253)
    line = readiness(unit, criteria_set, "self").indicators[0]
    assert line.gap_items == 9
    assert line.gap_text == "còn thiếu 9 hộ (0,67 điểm phần trăm)"


def test_words_of_gaps():
    indicator = IndicatorFactory(name="Tỷ lệ nghèo đa chiều", measure="%")
    assert gap_words(indicator, "<=", 2, 12) == "vượt 2 điểm phần trăm, cần giảm 12 hộ"
    assert gap_words(indicator, ">=", 0, 0) == gap_words(indicator, "", None, None) == ""
    assert counted_noun(IndicatorFactory(name="Tỷ lệ đường xã được nhựa hóa")) == ""
    assert counted_noun(IndicatorFactory(name="Nhà tạm, dột nát", measure="nhà")) == "nhà"


def test_a_part_without_target_in_force_is_not_asked(unit, criteria_set):
    first = indicators_of(criteria_set)[0]
    part = IndicatorFactory(criterion=first.criterion, part_of=first, code="1.1b", position=9)
    say(unit, criteria_set, "self", ["met"] * 2)
    result = readiness(unit, criteria_set, "self")
    assert part.code not in [item.indicator for item in result.missing]
    assert result.rollup.states[1].state == "met"


def test_combined_takes_the_highest_opinion_and_flags_a_newer_self(unit, criteria_set):
    say(unit, criteria_set, "province", ["not_met", "met"], day=DAY)
    say(unit, criteria_set, "self", ["met", "met", "met"], day=date(2024, 6, 20))
    lines = readiness(unit, criteria_set, COMBINED).indicators
    assert [line.combined_source for line in lines] == ["province", "province", "self", "", "", ""]
    assert [line.opinion.verdict for line in lines] == ["not_met", "met", "met", "", "", ""]
    assert [line.newer_self for line in lines] == [True, True, False, False, False, False]


def test_states_equal_the_stored_standings(unit, criteria_set):
    say(unit, criteria_set, "self", ["met", "nearly_met", "", "not_met", "firmly_met"])
    say(unit, criteria_set, "district", ["met", "met"])
    result = readiness(unit, criteria_set, "self")
    for stage in Stage.values:
        rollup = result.rollups[stage]
        stored = Standing.objects.filter(unit=unit, stage=stage).first()
        if stored is None:
            assert rollup is None
            continue
        assert stored.criteria == [[n, s.state, str(s.attainment)] for n, s in rollup.states.items()]
        assert (stored.criteria_met, stored.progress) == (rollup.criteria_met, rollup.progress)


def test_the_state_of_a_past_day(unit, criteria_set):
    say(unit, criteria_set, "self", ["not_met"] * 6, day=date(2023, 12, 31))
    say(unit, criteria_set, "self", ["met"] * 6, day=DAY)
    prove_all(unit, criteria_set)
    assert readiness(unit, criteria_set, "self", moment=Moment(date(2024, 5, 31))).sentence.startswith("0/3 đạt")
    assert readiness(unit, criteria_set, "self", moment=Moment(DAY)).is_ready


def test_a_viewer_reads_the_same_list_without_names(unit, criteria_set):
    say(unit, criteria_set, "self", ["met"] * 6)
    prove(unit, indicators_of(criteria_set)[0], title="Danh sách hộ")
    find(concluded_visit(unit, criteria_set), 1)
    viewer, staff = member(unit.province, Role.VIEWER), member(unit.district, Role.DISTRICT_STAFF)
    seen, known = (readiness(unit, criteria_set, "self", user) for user in (viewer, staff))
    assert [item.kind for item in seen.missing] == [item.kind for item in known.missing]
    assert known.indicators[0].documents[0].title == "Danh sách hộ"
    assert (seen.indicators[0].documents, seen.indicators[0].documents_hidden) == ([], 1)
    assert seen.findings[0].id is None
    assert not seen.findings[0].description
    assert known.findings[0].id
    assert "Rãnh" not in str(seen.missing)


def test_a_department_gets_its_own_criteria_and_no_personal_data(unit, criteria_set):
    say(unit, criteria_set, "self", ["met", "nearly_met", "not_met"])
    first = indicators_of(criteria_set)[0]
    prove(unit, first, has_personal_data=True)
    prove(unit, first, title="Quyết định")
    department = DepartmentFactory()
    CriterionDepartment.objects.create(criterion=first.criterion, department=department)
    reviewer = member(unit.province, Role.DEPARTMENT_REVIEWER, department=department)
    result = readiness(unit, criteria_set, "self", reviewer)
    assert [criterion.number for criterion in result.criteria] == [1]
    assert {item.criterion for item in result.missing} == {1}
    assert [document.title for document in result.indicators[0].documents] == ["Quyết định"]
    assert result.indicators[0].documents_hidden == 1
    assert result.limited


def test_findings_of_an_open_visit_are_not_told(unit, criteria_set):
    find(concluded_visit(unit, criteria_set, state="under_way"), 1)
    assert readiness(unit, criteria_set, "self").findings == []


def test_a_stage_that_does_not_exist(unit, criteria_set):
    with pytest.raises(KeyError):
        readiness(unit, criteria_set, "nation")


def test_queries_do_not_grow_with_the_set(unit, count_queries):
    counts = []
    for criteria, indicators in ((1, 3), (19, 3)):
        found = make_set(criteria, indicators)
        say(unit, found, "self", ["met"] * criteria * indicators)
        prove_all(unit, found)
        find(concluded_visit(unit, found), 1)
        user = member(unit, Role.OFFICER)
        with count_queries() as queries:
            readiness(unit, found, "self", user)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 14, queries


def test_a_documents_day_is_the_day_in_vietnam(unit, criteria_set):
    """Published at 00:30 on the first of June here, which is still the last of May in Greenwich."""
    first = indicators_of(criteria_set)[0]
    prove(unit, first)
    EvidenceLink.objects.update(published_at=datetime(2024, 5, 31, 17, 30, tzinfo=UTC))

    def documents(day):
        found = readiness(unit, criteria_set, "self", moment=Moment(day)).indicators
        return next(line.documents_total for line in found if line.id == first.pk)

    assert documents(date(2024, 5, 31)) == 0
    assert documents(date(2024, 6, 1)) == 1
