"""The generated sentence of the conclusion, by table."""

from decimal import Decimal

import pytest

from criteria.rollup import State
from inspections.summary import summary_sentence


def states(**by_state) -> dict[int, State]:
    """`firmly_met=([1, 5], 100)`: criteria 1 and 5 firmly met with 100 per cent."""
    return {
        number: State(code, Decimal(attained)) for code, (numbers, attained) in by_state.items() for number in numbers
    }


KIM_LOC = states(
    firmly_met=([1, 5, 9, 12, 14, 19], 100), nearly_met=([2, 3, 4, 6, 7, 8, 10, 11, 13, 15, 16, 17, 18], "61.5")
)


@pytest.mark.parametrize(
    ("found", "total", "sentence"),
    [
        (
            KIM_LOC,
            19,
            (
                "Đạt vững chắc 6/19 tiêu chí (số 1, 5, 9, 12, 14, 19); cơ bản đạt 13/19 "
                "(số 2, 3, 4, 6, 7, 8, 10, 11, 13, 15, 16, 17, 18); mức độ đạt của mọi tiêu chí đều trên 60 %."
            ),
        ),
        (
            states(met=([2, 1], 100), not_met=([3], "0")),
            3,
            "Đạt 2/3 tiêu chí (số 1, 2); chưa đạt 1/3 (số 3).",
        ),
        (states(met=([1, 2], 100)), 2, "Đạt 2/2 tiêu chí (số 1, 2); mức độ đạt của mọi tiêu chí đều là 100 %."),
        (
            states(met=([1], 100), nearly_met=([2], "60.00")),
            2,
            "Đạt 1/2 tiêu chí (số 1); cơ bản đạt 1/2 (số 2); mức độ đạt của mọi tiêu chí đều trên 50 %.",
        ),
        (
            states(met=([1], 100), nearly_met=([2], "60.01")),
            2,
            "Đạt 1/2 tiêu chí (số 1); cơ bản đạt 1/2 (số 2); mức độ đạt của mọi tiêu chí đều trên 60 %.",
        ),
        (
            states(met=([1], 100), not_met=([2], "9.99")),
            2,
            "Đạt 1/2 tiêu chí (số 1); chưa đạt 1/2 (số 2).",
        ),
        (
            states(met=([10], 100), nearly_met=([4], "91.5")),
            19,
            (
                "Kiểm tra 2/19 tiêu chí (số 4, 10): đạt 1 (số 10); cơ bản đạt 1 (số 4); "
                "mức độ đạt của các tiêu chí được kiểm tra đều trên 90 %."
            ),
        ),
        (
            states(met=([10], 100), not_assessed=([3], 0)),
            2,
            "Kiểm tra 1/2 tiêu chí (số 10): đạt 1 (số 10); mức độ đạt của các tiêu chí được kiểm tra đều là 100 %.",
        ),
        (
            states(met=([1], 100), incomplete=([2], "50"), not_assessed=([3], 0), not_applicable=([4], 100)),
            19,
            ("Kiểm tra 3/19 tiêu chí (số 1, 2, 4): đạt 1 (số 1); chưa đánh giá đủ 1 (số 2); không áp dụng 1 (số 4)."),
        ),
        (states(not_assessed=([1, 2], 0)), 19, ""),
        ({}, 19, ""),
    ],
)
def test_sentence(found, total, sentence):
    assert summary_sentence(found, total) == sentence
