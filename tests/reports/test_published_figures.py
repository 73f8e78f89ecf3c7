"""Figures that provinces and the nation have printed, worked out and written as they printed them.

Sources: the coordination offices of Bắc Giang, Thừa Thiên Huế (12/2018, 09/2015), Báo Nam Định (07/2022), Công
Thương (2023), VietNamNet (2025), Báo Vĩnh Long (2020).
"""

from decimal import Decimal

import pytest

from criteria.numbers import format_number, one_decimal, ratio, round_half_up
from criteria.rollup import area_figures, bucket_counts
from ntm.templatetags.ntm import percent, two_decimals
from reports.matrix import per_cent

USUAL = [("19", 19, None), ("15–18", 15, 18), ("10–14", 10, 14), ("5–9", 5, 9), ("<5", None, 4)]
HUE = [("19", 19, None), ("15–18", 15, 18), ("10–14", 10, 14), ("8–9", 8, 9), ("<8", None, 7)]


def buckets(ranges):
    return [{"label": label, "min": low, "max": high} for label, low, high in ranges]


@pytest.mark.parametrize(
    ("place", "ranges", "mets", "counts", "shares"),
    [
        ("Bắc Giang, 2014", USUAL, {19: 1, 16: 25, 12: 88, 7: 85, 4: 3}, [1, 25, 88, 85, 3],
         ["0,5", "12,4", "43,6", "42,1", "1,5"]),
        ("Thừa Thiên Huế, 12/2018", HUE, {19: 44, 17: 29, 11: 28, 8: 3}, [44, 29, 28, 3, 0],
         ["42,3", "27,9", "26,9", "2,9", "0,0"]),
    ],
)  # fmt: skip
def test_buckets_with_their_per_cents(place, ranges, mets, counts, shares):
    communes = [met for met, number in mets.items() for _ in range(number)]
    found = bucket_counts(buckets(ranges), communes)
    assert [count for _, count in found] == counts, place
    assert [one_decimal(per_cent(count, len(communes))) for _, count in found] == shares


@pytest.mark.parametrize(
    ("part", "whole", "printed"),
    [
        (6022, 8177, "73,65 %"),  # the nation, 06/2023
        (44, 104, "42,31 %"),  # Thừa Thiên Huế, 12/2018
        (1720, 1770, "97,18 %"),  # Nguyễn Văn Thảnh, 3.1 (printed as 97,2)
        (1182, 1253, "94,33 %"),
    ],
)
def test_per_cents_of_two_decimals(part, whole, printed):
    assert f"{format_number(ratio(part, whole))} %" == printed


@pytest.mark.parametrize(
    ("part", "whole", "printed"),
    [(5775, 8227, "70,2"), (6022, 8177, "73,6"), (6084, 7669, "79,3"), (2567, 6084, "42,2"), (743, 6084, "12,2")],
)
def test_shares_of_communes(part, whole, printed):
    assert one_decimal(per_cent(part, whole)) == printed


def test_means_of_criteria_met():
    """16,13 of 104 communes; 1.286 criteria of 92 communes, printed as 14 (13,98)."""
    communes = [19] * 44 + [16] * 29 + [12] * 28 + [8] * 2 + [6]
    figures = area_figures((met, 0, Decimal(80), 19) for met in communes)
    assert (figures.whole_set, figures.communes) == (44, 104)
    assert figures.average_met == round_half_up(Decimal(sum(communes)) / 104, 2)
    assert format_number(round_half_up(Decimal(1678) / 104, 2)) == "16,13"
    assert format_number(round_half_up(Decimal(1286) / 92, 2)) == "13,98"
    assert format_number(round_half_up(Decimal(1286) / 92, 0)) == "14"
    assert format_number(1286) == "1.286"


def test_the_screens_per_cent():
    assert percent(Decimal("73.65")) == "73,65 %"
    assert two_decimals(Decimal("16.13")) == "16,13" and two_decimals(Decimal(14)) == "14,00"
