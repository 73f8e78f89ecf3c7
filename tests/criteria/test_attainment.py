from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from criteria.attainment import (
    BELOW_FULL,
    FULL,
    attainment,
    contradicts,
    gap,
    gap_amount,
    gap_count,
    measured,
    reaches,
    suggest,
)
from criteria.numbers import ratio

NUMERIC = [">=", "<=", "="]
NOT_NUMERIC = ["pass", "judge", None]
ASSESSED = ["firmly_met", "met", "nearly_met", "not_met"]

values = st.decimals(min_value=0, max_value=10**9, places=4)
small = st.decimals(min_value=0, max_value=120, places=2)
operators = st.sampled_from(NUMERIC)


def dec(text):
    return None if text is None else Decimal(text)


@pytest.mark.parametrize(
    ("operator", "target", "value", "per_cent"),
    [
        # at least
        (">=", "80", "80", "100.00"),
        (">=", "80", "97.2", "100.00"),
        (">=", "80", "40", "50.00"),
        (">=", "80", "0", "0.00"),
        (">=", "95", "94.33", "99.29"),
        (">=", "80", "79.9999", "99.99"),
        (">=", "80", "79.99", "99.99"),
        (">=", "3", "1", "33.33"),
        (">=", "3", "2", "66.67"),
        (">=", "800", "1", "0.13"),  # 0.125, half up
        (">=", "0", "0", "100.00"),
        (">=", "0", "5", "100.00"),
        (">=", "0", "-1", "0.00"),
        (">=", "5", "-1", "0.00"),
        # at most
        ("<=", "5", "5", "100.00"),
        ("<=", "5", "0", "100.00"),
        ("<=", "5", "10", "50.00"),
        ("<=", "5", "5.0001", "99.99"),
        ("<=", "0", "0", "100.00"),
        ("<=", "0", "1", "0.00"),
        ("<=", "5", "-1", "100.00"),
        # exactly
        ("=", "0", "0", "100.00"),
        ("=", "0", "1", "0.00"),
        ("=", "0", "0.0001", "0.00"),
        ("=", "100", "100", "100.00"),
        ("=", "100", "50", "50.00"),
        ("=", "100", "200", "50.00"),
        ("=", "100", "0", "0.00"),
        ("=", "100", "99.9999", "99.99"),
    ],
)
@pytest.mark.parametrize("verdict", [*ASSESSED, ""])
def test_value_against_a_numeric_target(operator, target, value, per_cent, verdict):
    assert str(attainment(operator, Decimal(target), Decimal(value), verdict, entered=Decimal(12))) == per_cent


@pytest.mark.parametrize(
    ("verdict", "entered", "per_cent"),
    [
        ("firmly_met", None, "100.00"),
        ("met", None, "100.00"),
        ("met", "60", "100.00"),
        ("nearly_met", "85.5", "85.50"),
        ("nearly_met", "100", "99.99"),
        ("nearly_met", "99.996", "99.99"),
        ("nearly_met", "250", "99.99"),
        ("nearly_met", None, "0.00"),
        ("not_met", "60", "60.00"),
        ("not_met", "0", "0.00"),
        ("not_met", "-5", "0.00"),
        ("not_met", None, "0.00"),
        ("", "60", None),
        ("", None, None),
    ],
)
@pytest.mark.parametrize(
    ("operator", "target", "value"),
    [
        ("pass", None, None),
        ("judge", None, None),
        ("judge", None, "55"),
        (None, None, None),
        (None, None, "55"),
        (">=", None, "55"),
        (">=", "80", None),
        ("<=", "5", None),
        ("=", "0", None),
    ],
)
def test_judged_where_there_is_nothing_to_compare(verdict, entered, per_cent, operator, target, value):
    result = attainment(operator, dec(target), dec(value), verdict, dec(entered))
    assert (None if result is None else str(result)) == per_cent


@pytest.mark.parametrize("operator", [*NUMERIC, *NOT_NUMERIC])
@pytest.mark.parametrize("value", [None, "3"])
def test_not_applicable_is_full(operator, value):
    assert attainment(operator, Decimal(80), dec(value), "not_applicable") == FULL


@pytest.mark.parametrize("call", [lambda: attainment(">", Decimal(1), None, "met"), lambda: suggest("", None, None)])
def test_unknown_operator(call):
    with pytest.raises(ValueError, match="Không có phép so sánh"):
        call()


def test_unknown_verdict():
    with pytest.raises(ValueError, match="Không có mức đánh giá “passed”"):
        attainment("pass", None, None, "passed")


@given(operators, values, values)
def test_attainment_stays_within_bounds_with_two_places(operator, target, value):
    result = attainment(operator, target, value, "not_met")
    assert 0 <= result <= 100
    assert result.as_tuple().exponent == -2


@given(operators, values, values)
def test_full_exactly_when_reached(operator, target, value):
    assert (attainment(operator, target, value, "not_met") == FULL) == reaches(operator, target, value)


@given(operators, small)
def test_reached_on_the_target_itself(operator, target):
    assert reaches(operator, target, target)


@given(values, values, values)
def test_monotone_in_the_value(target, one, other):
    low, high = sorted([one, other])
    assert attainment(">=", target, low, "") <= attainment(">=", target, high, "")
    assert attainment("<=", target, low, "") >= attainment("<=", target, high, "")


@given(small, small, small)
def test_equality_is_monotone_towards_the_target(target, one, other):
    low, high = sorted([one, other])
    if high <= target:
        assert attainment("=", target, low, "") <= attainment("=", target, high, "")
    if low >= target:
        assert attainment("=", target, low, "") >= attainment("=", target, high, "")


@given(st.sampled_from(NOT_NUMERIC), st.sampled_from(["nearly_met", "not_met"]), st.none() | values)
def test_judged_as_missed_never_shows_full(operator, verdict, entered):
    assert 0 <= attainment(operator, None, None, verdict, entered) <= BELOW_FULL


@pytest.mark.parametrize(
    ("operator", "target", "value", "reached"),
    [
        (">=", "80", "80", True),
        (">=", "80", "79.9999", False),
        ("<=", "5", "5", True),
        ("<=", "5", "5.0001", False),
        ("=", "0", "0.0000", True),
        ("=", "0", "1", False),
        (">=", "80", None, None),
        (">=", None, "80", None),
        ("pass", None, "80", None),
        ("judge", "80", "90", None),
        (None, None, "80", None),
    ],
)
def test_reaches(operator, target, value, reached):
    assert reaches(operator, dec(target), dec(value)) is reached


@pytest.mark.parametrize(
    ("operator", "target", "value", "threshold", "verdict"),
    [
        (">=", "80", "80", 80, "met"),
        (">=", "80", "64", 80, "nearly_met"),
        (">=", "80", "63.99", 80, "not_met"),
        (">=", "80", "63.99", 75, "nearly_met"),
        (">=", "80", "79.9999", 100, "not_met"),
        ("<=", "5", "6.25", 80, "nearly_met"),
        ("<=", "5", "6.26", 80, "not_met"),
        ("=", "0", "1", 80, "not_met"),
        ("=", "0", "0", 80, "met"),
        (">=", "80", None, 80, ""),
        ("pass", None, None, 80, ""),
        ("judge", None, "90", 80, ""),
        (None, None, "90", 80, ""),
        (">=", None, "90", 80, ""),
    ],
)
def test_suggested_verdict(operator, target, value, threshold, verdict):
    assert suggest(operator, dec(target), dec(value), Decimal(threshold)) == verdict


def test_suggestion_takes_80_per_cent_where_the_set_says_nothing():
    assert suggest(">=", Decimal(100), Decimal(80)) == "nearly_met"
    assert suggest(">=", Decimal(100), Decimal("79.99")) == "not_met"


@given(operators, values, values, st.decimals(min_value=1, max_value=100, places=0))
def test_a_suggestion_never_contradicts_the_target(operator, target, value, threshold):
    verdict = suggest(operator, target, value, threshold)
    assert (verdict == "met") == reaches(operator, target, value)
    assert not contradicts(verdict, operator, target, True, value)


@pytest.mark.parametrize(
    ("verdict", "operator", "target", "confirmed", "value", "refused"),
    [
        ("met", ">=", "80", True, "79.99", True),
        ("firmly_met", ">=", "80", True, "79.99", True),
        ("met", "<=", "5", True, "6", True),
        ("met", "=", "0", True, "2", True),
        ("met", ">=", "80", True, "80", False),
        ("nearly_met", ">=", "80", True, "79.99", False),
        ("not_met", ">=", "80", True, "10", False),
        ("not_met", ">=", "80", True, "90", False),
        ("not_applicable", ">=", "80", True, "10", False),
        ("", ">=", "80", True, "10", False),
        ("met", ">=", "80", False, "79.99", False),
        ("met", ">=", "80", True, None, False),
        ("met", "judge", "80", True, "10", False),
        ("met", "pass", None, True, None, False),
        ("met", None, None, True, "10", False),
    ],
)
def test_a_wish_is_not_a_result(verdict, operator, target, confirmed, value, refused):
    assert contradicts(verdict, operator, dec(target), confirmed, dec(value)) is refused


@pytest.mark.parametrize(
    ("operator", "target", "value", "lacking"),
    [
        (">=", "95", "94.33", "0.67"),
        (">=", "95", "95", "0"),
        (">=", "95", "99", "0"),
        ("<=", "5", "7.5", "2.5"),
        ("<=", "5", "1", "0"),
        ("=", "0", "3", "3"),
        ("=", "100", "98", "2"),
        ("=", "100", "103", "3"),
        (">=", "95", None, None),
        ("pass", None, "1", None),
        (None, None, "1", None),
    ],
)
def test_gap_in_the_unit_of_the_indicator(operator, target, value, lacking):
    assert gap(operator, dec(target), dec(value)) == dec(lacking)


@pytest.mark.parametrize(
    ("operator", "target", "part", "whole", "lacking"),
    [
        (">=", "95", 1182, 1253, 9),  # 1190.35 households are wanted
        (">=", "95", 1191, 1253, 0),
        (">=", "95", 1190, 1253, 1),
        (">=", "80", 8, 10, 0),
        (">=", "80", 7, 10, 1),
        (">=", "100", 0, 7, 7),
        (">=", "0", 0, 7, 0),
        (">=", "95", 19000, 20001, 1),  # 94.995 % is shown as 95 % and still misses
        ("<=", "5", 63, 1253, 1),  # at most 62 of 1253
        ("<=", "5", 62, 1253, 0),
        ("<=", "0", 4, 10, 4),
        ("=", "100", 3, 5, 2),
        ("=", "100", 5, 5, 0),
        ("=", "0", 4, 5, 4),
        ("=", "50", 1, 5, None),  # no number of items is half of five
        (">=", "95", Decimal("1182.0000"), Decimal("1253.0000"), 9),
        (">=", "90", Decimal("12.5"), Decimal(20), None),
        (">=", "90", 12, Decimal("20.5"), None),
        (">=", "95", 5, 0, None),
        (">=", "95", None, 10, None),
        (">=", "95", 5, None, None),
        (">=", None, 5, 10, None),
        ("judge", "95", 5, 10, None),
        (None, None, 5, 10, None),
    ],
)
def test_items_lacking(operator, target, part, whole, lacking):
    assert gap_count(operator, dec(target), part, whole) == lacking


@pytest.mark.parametrize(
    ("operator", "target", "part", "whole", "lacking"),
    [
        (">=", "90", "12", "21", "6.9"),
        (">=", "90", "12.5", "20", "5.5"),
        (">=", "90", "19", "20", "0"),
        ("<=", "5", "2", "20", "1"),
        ("<=", "5", "0.5", "20", "0"),
        ("=", "100", "12.5", "20", "7.5"),
        (">=", "90", "12", None, None),
        ("pass", None, "12", "20", None),
    ],
)
def test_quantity_lacking(operator, target, part, whole, lacking):
    assert gap_amount(operator, dec(target), dec(part), dec(whole)) == dec(lacking)


@given(operators, small, st.integers(0, 10**14), st.integers(1, 10**14))
def test_nothing_is_lacking_exactly_when_the_target_is_reached(operator, target, part, whole):
    reached = reaches(operator, target, measured(None, part, whole))
    assert (gap_amount(operator, target, part, whole) == 0) == reached
    assert (gap_count(operator, target, part, whole) == 0) == reached


@given(st.decimals(min_value=0, max_value=100, places=2), st.integers(0, 5000), st.integers(1, 5000))
def test_adding_the_items_lacking_reaches_the_target_and_one_less_does_not(target, part, whole):
    lacking = gap_count(">=", target, part, whole)
    assert reaches(">=", target, measured(None, part + lacking, whole))
    if lacking:
        assert not reaches(">=", target, measured(None, part + lacking - 1, whole))
    surplus = gap_count("<=", target, part, whole)
    assert reaches("<=", target, measured(None, part - surplus, whole))
    if surplus:
        assert not reaches("<=", target, measured(None, part - surplus + 1, whole))


def test_a_share_that_rounds_to_its_target_has_not_reached_it():
    share = measured(ratio(19000, 20001), 19000, 20001)
    assert ratio(19000, 20001) == 95
    assert reaches(">=", Decimal(95), share) is False
    assert attainment(">=", Decimal(95), share, "nearly_met") == BELOW_FULL


@pytest.mark.parametrize(("part", "whole"), [(None, None), (5, None), (5, 0), (None, 5)])
def test_the_value_itself_is_measured_without_part_and_whole(part, whole):
    assert measured(Decimal("94.33"), part, whole) == Decimal("94.33")
    assert measured(None, part, whole) is None
