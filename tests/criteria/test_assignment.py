"""Overlaps, gaps and overload of a team's assignment."""

from decimal import Decimal

import pytest

from criteria.assignment import review


def test_each_criterion_once_is_clean():
    found = review([1, 2, 3], {"a": [1, 2], "b": [3]})
    assert found.is_clean
    assert found.average == Decimal("1.5")


def test_overlaps_and_gaps_are_named_in_the_order_of_the_scope():
    found = review([1, 2, 3, 4], {"a": [1, 3], "b": [3, 1], "c": []})
    assert found.overlaps == {1: ["a", "b"], 3: ["a", "b"]}
    assert found.gaps == [2, 4]


def test_criteria_outside_the_scope_count_nowhere():
    found = review([1], {"a": [1, 7, 8, 9, 10, 11, 12]})
    assert found.is_clean


def test_no_members_leave_everything_open():
    found = review([1, 2], {})
    assert (found.gaps, found.average, found.overloaded) == ([1, 2], Decimal(0), {})


@pytest.mark.parametrize(
    ("loads", "overloaded"),
    [
        ({"a": 19, "b": 0}, {"a": 19}),  # average 9.5: 19 > 14.25
        ({"a": 9, "b": 3}, {}),  # average 6: 9 isn't more than 9
        ({"a": 10, "b": 3}, {"a": 10}),  # average 6.5: 10 > 9.75
        ({"a": 5, "b": 0, "c": 0}, {}),  # fewer than six
        ({"a": 6, "b": 0, "c": 0}, {"a": 6}),
        ({"a": 19}, {}),  # alone, so the average
    ],
)
def test_overload_is_more_than_half_again_the_average_and_at_least_six(loads, overloaded):
    assignments, first = {}, 1
    for member, count in loads.items():
        assignments[member] = range(first, first + count)
        first += count
    assert review(range(1, 20), assignments).overloaded == overloaded
