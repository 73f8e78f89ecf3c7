from collections import Counter
from datetime import date
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from criteria.rollup import (
    OUTSIDE_BUCKETS,
    STATES,
    AreaFigures,
    Item,
    State,
    area_figures,
    bucket_counts,
    combined,
    criterion_state,
    is_partial,
    roll_up,
    whole_decides,
)

SHORT = {
    "F": "firmly_met",
    "M": "met",
    "N": "nearly_met",
    "X": "not_met",
    "-": "not_applicable",
    ".": "",
}
DEFAULT_BUCKETS = [
    {"label": "19 tiêu chí", "min": 19, "max": 19},
    {"label": "15–18 tiêu chí", "min": 15, "max": 18},
    {"label": "10–14 tiêu chí", "min": 10, "max": 14},
    {"label": "5–9 tiêu chí", "min": 5, "max": 9},
    {"label": "dưới 5 tiêu chí", "min": None, "max": 4},
]

verdicts = st.sampled_from(list(SHORT.values()))
per_cents = st.none() | st.decimals(min_value=0, max_value=100, places=2)


def items(marks, attainments=None, criterion=1, parts="", **more):
    """Indicators from one letter each (SHORT), with their attainments; `parts` belong to the first."""
    ids = count(criterion * 100)
    known = attainments or [100 if mark in "FM-" else 0 for mark in marks]
    whole = [Item(next(ids), criterion, SHORT[mark], Decimal(known[place]), **more) for place, mark in enumerate(marks)]
    return whole + [Item(next(ids), criterion, SHORT[mark], Decimal(1), part_of=criterion * 100) for mark in parts]


@st.composite
def any_items(draw, criteria=tuple(range(1, 6))):
    """Random indicators of five criteria, some of them parts, stand-ins or not asked."""
    whole = [
        Item(place, draw(st.sampled_from(criteria)), draw(verdicts), draw(per_cents), counted=draw(st.booleans()))
        for place in range(draw(st.integers(0, 12)))
    ]
    parts = [
        Item(
            100 + place,
            owner.criterion,
            draw(verdicts),
            draw(per_cents),
            part_of=owner.indicator_id,
            applies=draw(st.booleans()),
        )
        for place, owner in enumerate(whole)
        if draw(st.booleans())
    ]
    return draw(st.permutations(whole + parts))


@pytest.mark.parametrize(
    ("marks", "parts", "state"),
    [
        # the weakest decides
        ("F", "", "firmly_met"),
        ("FF", "", "firmly_met"),
        ("FM", "", "met"),
        ("MM", "", "met"),
        ("FMN", "", "nearly_met"),
        ("FMNX", "", "not_met"),
        # something not assessed
        (".", "", "not_assessed"),
        ("..", "", "not_assessed"),
        ("..", ".", "not_assessed"),
        ("M.", "", "incomplete"),
        ("N.", "", "incomplete"),
        ("X.", "", "not_met"),
        ("-.", "", "incomplete"),
        # not applicable
        ("-", "", "not_applicable"),
        ("--", "-", "not_applicable"),
        ("-M", "", "met"),
        ("-F", "", "firmly_met"),
        ("-X", "", "not_met"),
        # a part must hold too
        ("M", "M", "met"),
        ("M", "N", "nearly_met"),
        ("FM", "X", "not_met"),
        ("M", ".", "incomplete"),
        ("X", ".", "not_met"),
        ("F", "M", "met"),
        ("F", "-", "firmly_met"),
        (".", "M", "incomplete"),
        (".", "X", "not_met"),
        ("-", "M", "met"),
        # nothing there
        ("", "", "not_assessed"),
    ],
)
def test_state_of_a_criterion(marks, parts, state):
    assert criterion_state(items(marks, parts=parts)).state == state


@pytest.mark.parametrize(
    ("marks", "attainments", "parts", "attained"),
    [
        ("MM", [100, 100], "", "100.00"),
        ("MN", [100, "85.5"], "", "92.75"),
        ("MMN", [100, 100, "99.99"], "", "100.00"),
        ("NNN", [50, 50, 51], "", "50.33"),
        ("NN", ["50.00", "50.01"], "", "50.01"),  # 50.005, half up
        ("M.", [100, 90], "", "50.00"),  # not assessed weighs 0, whatever figure is there
        ("..", [90, 90], "", "0.00"),
        ("M-", [100, 100], "", "100.00"),
        ("N-", [60, 100], "", "60.00"),  # not applicable isn't in the mean
        ("--", [100, 100], "", "100.00"),
        ("M", [100], "X", "100.00"),  # nor is a part
        ("N", [60], "M", "60.00"),
        ("-", [100], "X", "1.00"),  # unless nothing else applies
        ("", [], "", "0.00"),
    ],
)
def test_attainment_of_a_criterion(marks, attainments, parts, attained):
    assert str(criterion_state(items(marks, attainments, parts=parts)).attainment) == attained


def test_a_missing_attainment_weighs_nothing():
    assert criterion_state([Item(1, 1, "nearly_met", None), Item(2, 1, "met", Decimal(100))]).attainment == 50


def test_a_part_without_a_target_in_force_is_left_out():
    met = Item(1, 1, "met", Decimal(100))
    idle = Item(2, 1, "", None, part_of=1, applies=False)
    assert criterion_state([met, idle]) == State("met", Decimal(100))
    result = roll_up([met, idle], [1])
    assert (result.indicators_met, result.indicators_total, result.criteria_met) == (1, 1, 1)


def test_a_part_that_fails_holds_its_indicator_back():
    result = roll_up(items("MM", parts="X"), [1])
    assert (result.indicators_met, result.indicators_total, result.indicators_assessed) == (1, 2, 2)
    assert result.states[1].state == "not_met"


def test_what_stands_for_a_criterion_decides_but_is_not_counted():
    result = roll_up(items("N", [75], counted=False), [1])
    assert result.states[1] == State("nearly_met", Decimal(75))
    assert (result.indicators_met, result.indicators_total, result.indicators_assessed) == (0, 0, 0)
    assert result.progress == 75


def test_a_unit():
    result = roll_up(
        [
            *items("FF", criterion=1),
            *items("MM-", criterion=2),
            *items("MN", [100, 90], criterion=3),
            *items("MX", [100, 40], criterion=4),
            *items("M.", criterion=5),
            *items("..", criterion=6),
            *items("--", criterion=7),
        ],
        [7, 1, 2, 3, 4, 5, 6, 8],
    )
    assert list(result.states) == [7, 1, 2, 3, 4, 5, 6, 8]
    assert result.counts == {
        "firmly_met": 1,
        "met": 1,
        "nearly_met": 1,
        "not_met": 1,
        "incomplete": 1,
        "not_assessed": 2,
        "not_applicable": 1,
    }
    assert (result.criteria_met, result.criteria_nearly) == (3, 1)
    assert (result.indicators_met, result.indicators_assessed, result.indicators_total) == (10, 12, 15)
    assert result.progress == Decimal("64.38")  # (100 + 100 + 100 + 95 + 70 + 50 + 0 + 0) / 8 = 64.375
    assert not result.meets_whole_set


def test_kim_loc_2018():
    """The provincial visit: criteria 1, 5, 9, 12, 14, 19 firmly met, the rest nearly met."""
    firm = {1, 5, 9, 12, 14, 19}
    found = [item for n in range(1, 20) for item in items("F" if n in firm else "N", [100 if n in firm else 65], n)]
    result = roll_up(found, range(1, 20))
    assert (result.criteria_met, result.criteria_nearly) == (6, 13)
    assert result.progress == Decimal("76.05")


def test_meets_the_whole_set():
    assert roll_up([*items("F"), *items("-", criterion=2)], [1, 2]).meets_whole_set
    assert not roll_up([*items("F"), *items("N", criterion=2)], [1, 2]).meets_whole_set
    assert not roll_up([], []).meets_whole_set


def test_an_item_of_another_set_is_refused():
    with pytest.raises(ValueError, match="Tiêu chí 20 không thuộc bộ tiêu chí này"):
        roll_up(items("M", criterion=20), range(1, 20))


@given(any_items())
def test_states_always_sum_to_the_number_of_criteria(found):
    result = roll_up(found, range(1, 6))
    assert sum(result.counts.values()) == 5
    assert result.counts == {**dict.fromkeys(STATES, 0), **Counter(s.state for s in result.states.values())}
    assert result.criteria_met + result.criteria_nearly <= 5
    assert 0 <= result.indicators_met <= result.indicators_assessed <= result.indicators_total


@given(any_items())
def test_figures_stay_within_bounds(found):
    result = roll_up(found, range(1, 6))
    for figure in (result.progress, *(state.attainment for state in result.states.values())):
        assert 0 <= figure <= 100
        assert figure.as_tuple().exponent == -2


@given(any_items(), st.randoms(use_true_random=False))
def test_the_order_of_indicators_does_not_matter(found, shuffler):
    other = list(found)
    shuffler.shuffle(other)
    assert roll_up(found, range(1, 6)) == roll_up(other, range(1, 6))


@given(any_items(criteria=(1,)))
def test_a_criterion_is_never_stronger_than_its_weakest_link(found):
    state = criterion_state(found).state
    said = [item.verdict for item in found if item.applies]
    order = ["not_met", "nearly_met", "met", "firmly_met"]
    if state in order:
        assert state in said
        assert all(order.index(verdict) >= order.index(state) for verdict in said if verdict in order)
        assert "" not in said or state == "not_met"
    else:
        assert "not_met" not in said
    assert (state == "not_applicable") == (bool(said) and set(said) == {"not_applicable"})
    assert (state == "not_assessed") == (not any(said))
    assert (state == "incomplete") == ("" in said and any(said) and "not_met" not in said)


@given(any_items(), st.data())
def test_a_better_verdict_never_costs_a_criterion(found, data):
    order = ["not_met", "nearly_met", "met", "firmly_met"]
    raised = [
        Item(
            item.indicator_id,
            item.criterion,
            data.draw(st.sampled_from(order[order.index(item.verdict) :])) if item.verdict in order else item.verdict,
            item.attainment,
            item.part_of,
            item.counted,
            item.applies,
        )
        for item in found
    ]
    before, after = roll_up(found, range(1, 6)), roll_up(raised, range(1, 6))
    assert after.criteria_met >= before.criteria_met
    assert after.indicators_met >= before.indicators_met


def test_combined_takes_the_highest_stage_and_says_which():
    said = {
        stage: {n: Item(n, 1, SHORT[mark], None) for n, mark in enumerate(marks) if mark != " "}
        for stage, marks in {"province": "X  .", "self": "MMM.", "district": "NN M"}.items()
    }
    result = {n: (stage, opinion.verdict) for n, (stage, opinion) in combined(said).items()}
    assert result == {
        0: ("province", "not_met"),
        1: ("district", "nearly_met"),
        2: ("self", "met"),
        3: ("district", "met"),  # the province's verdict is blank
    }


def test_combined_without_opinions():
    assert combined({}) == {}
    assert combined({"self": {}, "province": {}}) == {}
    assert combined({"self": {1: Item(1, 1, "", None)}}) == {}


def test_combined_knows_its_stages():
    with pytest.raises(KeyError):
        combined({"ministry": {}})


def test_area():
    figures = area_figures(
        [
            (19, 0, Decimal(100), 19),
            (14, 3, Decimal("88.25"), 19),
            None,
            (17, 2, Decimal("95.10"), 19),
        ]
    )
    assert figures == AreaFigures(
        with_opinion=3,
        communes=4,
        whole_set=1,
        criteria_met=50,
        criteria_nearly=5,
        average_met=Decimal("16.67"),
        progress=Decimal("94.45"),
    )


def test_an_area_without_opinions_has_no_figures_rather_than_zeros():
    assert area_figures([None, None]) == AreaFigures(0, 2, None, None, None, None, None)
    assert area_figures([None, None], partial=1) == AreaFigures(0, 2, None, None, None, None, None, 1)
    assert [is_partial(assessed, 19) for assessed in (0, 2, 19)] == [False, True, False]
    assert area_figures([]) == AreaFigures(0, 0, None, None, None, None, None)


def test_published_average_of_thua_thien_hue_2015():
    """1,286 criteria met in 92 communes were published as 14 a commune, which is 13.98."""
    standings = [(14, 0, Decimal(0), 19)] * 90 + [(13, 0, Decimal(0), 19)] * 2
    figures = area_figures(standings)
    assert (figures.criteria_met, figures.average_met) == (1286, Decimal("13.98"))


@given(st.lists(st.none() | st.tuples(st.integers(0, 19), st.just(0), st.integers(0, 100).map(Decimal), st.just(19))))
def test_area_figures_stay_within_bounds(standings):
    figures = area_figures(standings)
    assert figures.with_opinion <= figures.communes == len(standings)
    if figures.with_opinion:
        assert 0 <= figures.whole_set <= figures.with_opinion
        assert 0 <= figures.average_met <= 19
        assert 0 <= figures.progress <= 100


def test_buckets():
    mets = [19, 19, 18, 15, 14, 10, 9, 5, 4, 0, None]
    assert bucket_counts(DEFAULT_BUCKETS, mets) == [
        ("19 tiêu chí", 2),
        ("15–18 tiêu chí", 2),
        ("10–14 tiêu chí", 2),
        ("5–9 tiêu chí", 2),
        ("dưới 5 tiêu chí", 2),
    ]


def test_a_commune_that_no_bucket_takes_is_not_lost():
    assert bucket_counts(DEFAULT_BUCKETS, [20, 19])[-1] == (OUTSIDE_BUCKETS, 1)
    assert bucket_counts([], [3]) == [(OUTSIDE_BUCKETS, 1)]


def test_published_buckets_of_bac_giang():
    """202 communes: 1, 25, 88, 85 and 3."""
    mets = [19] * 1 + [16] * 25 + [12] * 88 + [7] * 85 + [4] * 3
    assert [communes for _, communes in bucket_counts(DEFAULT_BUCKETS, mets)] == [1, 25, 88, 85, 3]


@given(st.lists(st.none() | st.integers(0, 25)))
def test_buckets_sum_to_the_communes_with_an_opinion(mets):
    assert sum(n for _, n in bucket_counts(DEFAULT_BUCKETS, mets)) == sum(met is not None for met in mets)


# --- what an old table says of a whole criterion (decision 0010) ---------------------------


@pytest.mark.parametrize(
    ("whole", "indicators", "state"),
    [
        (("met", 1), [("", 0), ("", 0)], "met"),
        (("met", 2), [("not_met", 1), ("met", 1)], "met"),
        (("met", 1), [("not_met", 2), ("", 0)], "not_met"),
        (("met", 1), [("met", 1), ("", 0)], "incomplete"),
        (("not_met", 2), [("met", 1), ("met", 3)], "met"),
        (("", 9), [("met", 1), ("met", 1)], "met"),
        (("not_applicable", 1), [("", 0)], "not_applicable"),
    ],
)
def test_a_whole_criterion_of_an_old_table_holds_until_its_indicators_are_judged(whole, indicators, state):
    def item(number, told, *, is_whole=False):
        verdict, day = told
        since = (0, date(2024, 1, day)) if verdict else ()
        return Item(number, 1, verdict, None, counted=not is_whole, is_whole=is_whole, since=since)

    items = [item(0, whole, is_whole=True), *(item(n, told) for n, told in enumerate(indicators, 1))]
    for order in (items, items[::-1]):
        found = roll_up(order, [1])
        assert found.states[1].state == state
        assert found.indicators_total == len(indicators)


def test_a_higher_stages_whole_criterion_comes_before_a_later_day():
    whole = Item(0, 1, "met", Decimal(100), counted=False, is_whole=True, since=(2, date(2022, 12, 31)))
    later = Item(1, 1, "not_met", None, since=(0, date(2024, 6, 1)))
    assert criterion_state([whole, later]).state == "met"
    assert whole_decides([whole, later])
    assert not whole_decides([Item(1, 1, "not_met", None, since=(2, date(2022, 12, 31))), whole])
