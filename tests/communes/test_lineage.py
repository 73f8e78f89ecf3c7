"""Which units went into one, and which unit bears a code."""

from datetime import date

import pytest

from communes.access import predecessors
from communes.lineage import unit_for_code
from communes.loading import load
from communes.models import Succession, Unit, UnitVersion
from tests.factories import CommuneFactory, DistrictFactory, ProvinceFactory

pytestmark = pytest.mark.django_db
NOW = date(2024, 6, 30)


@pytest.fixture
def ha_tinh():
    """Hà Tĩnh through its four lists: 2017, 2023, just before and at the reform of July 2025."""
    load(date(2025, 7, 1), ["42"], history=True)


def test_kim_loc_through_the_lists(ha_tinh):
    kim_loc = Unit.objects.get(code="18424", name="Kim Lộc")
    truong_luu = Unit.objects.get(code="18436", closed_on=None)
    step = Succession.objects.get(predecessor=kim_loc)
    assert step.successor.full_name == "Xã Kim Song Trường"
    assert (step.successor.code, step.successor.opened_on) == ("18436", date(2023, 4, 1))
    assert (step.kind, step.is_verified, step.is_approximate) == ("merger", False, False)
    assert "04/2023" in step.decision
    earlier = Unit.objects.filter(pk__in=predecessors([truong_luu.pk])).values_list("name", flat=True)
    assert set(earlier) == {"Kim Song Trường", "Kim Lộc", "Song Lộc", "Trường Lộc", "Phú Lộc", "Thường Nga"}


def test_a_code_names_the_unit_that_bears_it_that_day(ha_tinh):
    bearers = {
        day: unit_for_code("18436", day).name
        for day in (date(2010, 1, 1), date(2018, 7, 1), NOW, date(2025, 6, 30), date(2025, 7, 1), date(2026, 11, 23))
    }
    assert list(bearers.values()) == [
        "Song Lộc", "Song Lộc", "Kim Song Trường", "Kim Song Trường", "Trường Lưu", "Trường Lưu",
    ]  # fmt: skip
    # Nobody bears Kim Lộc's code any more; its own page tells what became of it.
    assert unit_for_code("18424", NOW).name == "Kim Lộc"
    assert unit_for_code("99999", NOW) is None
    assert unit_for_code("42", NOW).full_name == "Tỉnh Hà Tĩnh"


def test_a_commune_comes_before_other_levels_of_its_code():
    province = ProvinceFactory(code="77")
    commune = CommuneFactory(code="77", parent=DistrictFactory(parent=province))
    assert unit_for_code("77", NOW) == commune
    UnitVersion.objects.create(unit=commune, code="78", name="Cũ", kind="xa", valid_from=date(2020, 1, 1))
    assert unit_for_code("78", NOW) == commune
    assert unit_for_code("77", NOW) == province


def test_predecessors_end_even_in_a_circle(assert_queries):
    communes = [CommuneFactory(name=f"Thứ {i}") for i in range(4)]
    for old, new in [(0, 1), (1, 2), (3, 2), (2, 0)]:
        Succession.objects.create(predecessor=communes[old], successor=communes[new], effective_on=NOW)
    with assert_queries(1):
        assert predecessors([communes[2].pk]) == {unit.pk for unit in communes}
