"""The days a state can hold on, and how a refused one is named."""

from datetime import date

import pytest

from criteria.checks import check_day
from tests.factories import CommuneFactory, CriteriaSetFactory


@pytest.mark.parametrize(
    ("day", "named"),
    [(date(1, 1, 1), "01/01/0001"), (date(999, 12, 3), "03/12/0999"), (date(2030, 1, 9), "09/01/2030")],
)
def test_a_refused_day_is_named_with_four_digits_of_the_year(db, day, named):
    assert check_day(day, CommuneFactory(), CriteriaSetFactory()).startswith(f"Ngày {named} ")
