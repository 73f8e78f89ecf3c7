"""Which target binds a unit on a day, and the reason that is given for it."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communes.models import Region, UnitVersion
from criteria.targets import Place, Row, choose, choose_later, resolve_area, resolve_one, resolve_unit
from tests.factories import (
    CommuneFactory,
    CriteriaSetFactory,
    CriterionFactory,
    DistrictFactory,
    IndicatorFactory,
    ProvinceFactory,
    TargetFactory,
    UserFactory,
)

MOUNTAINS, CENTRAL, DELTA = Region.NORTHERN_MOUNTAINS, Region.NORTH_CENTRAL, Region.RED_RIVER_DELTA
HERE = Place(unit=1, province=10, group="", region=CENTRAL, uses_mountain_targets=False)
POOR = HERE._replace(uses_mountain_targets=True)
GROUPED = HERE._replace(group="nhom-1")


def rows(*described):
    """Rows from (province, unit, variant, from_year), numbered from 1."""
    return [Row(number, *row) for number, row in enumerate(described, start=1)]


@pytest.mark.parametrize(
    ("described", "place", "year", "chosen", "later"),
    [
        pytest.param([], HERE, 2024, None, None, id="nothing"),
        pytest.param([(None, None, "", None)], HERE, 2024, 1, None, id="the nation's general row"),
        pytest.param([(None, None, "", None), (None, None, CENTRAL, None)], HERE, 2024, 2, None, id="own region"),
        pytest.param(
            [(None, None, "", None), (None, None, DELTA, None)], HERE, 2024, None, None, id="own region missing"
        ),
        pytest.param([(None, None, CENTRAL, None), (None, None, MOUNTAINS, None)], POOR, 2024, 2, None, id="mountains"),
        pytest.param([(None, None, CENTRAL, None)], POOR, 2024, None, None, id="mountains missing: not the region's"),
        pytest.param(
            [(None, None, CENTRAL, None), (None, None, "nhom-1", None)], GROUPED, 2024, 2, None, id="group first"
        ),
        pytest.param(
            [(None, None, CENTRAL, 2024), (None, None, "nhom-1", None)], GROUPED, 2024, 2, None, id="old group row"
        ),
        pytest.param([(None, None, CENTRAL, None)], GROUPED, 2024, 1, None, id="region where the group has no row"),
        pytest.param([(None, None, "", None), (10, None, "", None)], HERE, 2024, 2, None, id="province before nation"),
        pytest.param([(None, None, "", None), (11, None, "", None)], HERE, 2024, 1, None, id="another province"),
        pytest.param([(10, None, "", None), (None, 1, "", None)], HERE, 2024, 2, None, id="unit before province"),
        pytest.param(
            [(10, None, "", None), (10, 1, "", None)], HERE, 2024, 2, None, id="unit's row naming its province"
        ),
        pytest.param([(10, None, "", None), (10, 2, "", None)], HERE, 2024, 1, None, id="another unit"),
        pytest.param(
            [(None, None, "", None), (10, None, "nhom-1", None)], HERE, 2024, 1, None, id="province passed over"
        ),
        pytest.param(
            [(10, None, "", None), (10, None, "nhom-1", None)], HERE, 2024, None, None, id="no general row beside"
        ),
        pytest.param([(None, None, "", None), (10, None, "", 2024)], HERE, 2023, 1, 2, id="province from next year"),
        pytest.param([(10, None, "", 2024), (10, None, "", 2025)], HERE, 2024, 1, 2, id="raised every year"),
        pytest.param([(10, None, "", 2024), (10, None, "", 2025)], HERE, 2030, 2, None, id="the latest stays"),
        pytest.param([(None, None, "", 2020)], HERE, 2018, None, 1, id="only later"),
        pytest.param([(None, None, "", None), (None, None, DELTA, 2025)], HERE, 2024, 1, None, id="later for others"),
        pytest.param([(None, None, "", None), (None, None, DELTA, 2025)], HERE, 2025, None, None, id="now for others"),
    ],
)
def test_choice(described, place, year, chosen, later):
    given_rows = rows(*described)
    found, next_one = choose(given_rows, place, year, MOUNTAINS), choose_later(given_rows, place, year, MOUNTAINS)
    assert (found and found.id) == chosen
    assert (next_one and next_one.id) == later


def naive_choice(given_rows, place, year, mountain):
    """The rule again, as slowly and plainly as it can be said: strike out row by row."""
    begun = [row for row in given_rows if (row.from_year or 0) <= year]
    own = [row for row in begun if row.unit == place.unit]
    provincial = [row for row in begun if row.unit is None and row.province == place.province is not None]
    national = [row for row in begun if row.unit is None and row.province is None]
    region = mountain if place.uses_mountain_targets and mountain else place.region
    for level in (own, provincial, national):
        if not level:
            continue
        if all(row.variant == "" for row in level):
            candidates = level
        else:
            candidates = [row for row in level if row.variant != "" and row.variant == place.group]
            if not candidates:
                candidates = [row for row in level if row.variant != "" and row.variant == region]
        if candidates:
            return sorted(candidates, key=lambda row: row.from_year or 0)[-1]
    return None


VARIANTS = ["", "nhom-1", "nhom-2", MOUNTAINS.value, CENTRAL.value]
YEARS = st.one_of(st.none(), st.integers(2020, 2026))
ROWS = st.lists(
    st.tuples(st.sampled_from([None, 10, 11]), st.sampled_from([None, None, 1, 2]), st.sampled_from(VARIANTS), YEARS),
    max_size=12,
    unique=True,
).map(lambda found: rows(*{(p, u, v, y or 0): (p, u, v, y) for p, u, v, y in found}.values()))
PLACES = st.builds(
    Place,
    unit=st.sampled_from([1, 2]),
    province=st.sampled_from([None, 10, 11]),
    group=st.sampled_from(["", "nhom-1", "nhom-2"]),
    region=st.sampled_from(["", MOUNTAINS.value, CENTRAL.value]),
    uses_mountain_targets=st.booleans(),
)


def distinct_places(found):
    """Unit rows name a province or not; of two that differ in that alone the database may keep both."""
    return len({(row.unit, row.variant, row.from_year) for row in found if row.unit}) == len(
        [r for r in found if r.unit]
    )


@given(ROWS.filter(distinct_places), PLACES, st.integers(2019, 2027), st.sampled_from(["", MOUNTAINS.value]))
def test_choice_equals_the_naive_one(found, place, year, mountain):
    assert choose(found, place, year, mountain) == naive_choice(found, place, year, mountain)
    later = choose_later(found, place, year, mountain)
    expected = [naive_choice(found, place, y, mountain) for y in range(year + 1, 2030)]
    assert later == next(
        (row for y, row in enumerate(expected, start=year + 1) if row and row.from_year == y),
        None,
    )


@given(ROWS, PLACES, st.integers(2019, 2027))
def test_the_choice_speaks_of_the_unit_and_has_begun(found, place, year):
    chosen = choose(found, place, year, MOUNTAINS)
    if chosen:
        assert chosen.unit in (None, place.unit)
        assert chosen.unit or chosen.province in (None, place.province)
        assert chosen.variant in ("", place.group, place.region, MOUNTAINS)
        assert (chosen.from_year or 0) <= year


# --- with the database ---------------------------------------------------------------------


@pytest.fixture
def thanh_hoa(db):
    return ProvinceFactory(code="38", name="Thanh Hóa")


@pytest.fixture
def commune(thanh_hoa):
    return CommuneFactory(parent=DistrictFactory(parent=thanh_hoa), name="Đông Phú")


@pytest.fixture
def indicator(db):
    return IndicatorFactory(criterion=CriterionFactory(criteria_set=CriteriaSetFactory(code="xa")))


ON = date(2024, 6, 30)


def reason(unit, indicator, on=ON):
    return resolve_one(unit, indicator, on).reason


def test_reasons(commune, thanh_hoa, indicator):
    assert reason(commune, indicator) == "Chưa quy định mức"
    indicator.set_by_province = True
    indicator.save()
    assert reason(commune, indicator) == "Chưa quy định mức (do tỉnh quy định)"
    later = TargetFactory(indicator=indicator, from_year=2025)
    assert reason(commune, indicator) == "Chưa quy định mức cho năm 2024; có mức từ năm 2025"
    later.delete()
    TargetFactory(indicator=indicator)
    assert reason(commune, indicator) == "Mức trung ương"
    TargetFactory(indicator=indicator, variant=DELTA)
    assert reason(commune, indicator) == "Chưa quy định mức cho vùng Bắc Trung Bộ"
    TargetFactory(indicator=indicator, variant=CENTRAL)
    assert reason(commune, indicator) == "Mức trung ương cho vùng Bắc Trung Bộ"
    TargetFactory(indicator=indicator, province=thanh_hoa, from_year=2023)
    assert reason(commune, indicator) == "Quy định của tỉnh Thanh Hóa, từ năm 2023"
    TargetFactory(indicator=indicator, unit=commune, from_year=2024)
    assert reason(commune, indicator) == "Mức quy định riêng cho đơn vị, từ năm 2024"


def test_reason_of_groups_and_mountain_targets(commune, indicator):
    criteria_set = indicator.criterion.criteria_set
    criteria_set.variants = [*criteria_set.variants, {"code": "nhom-1", "name": "Xã nhóm 1"}]
    criteria_set.save()
    TargetFactory(indicator=indicator, variant=MOUNTAINS)
    TargetFactory(indicator=indicator, variant="nhom-1")
    assert reason(commune, indicator) == "Chưa quy định mức: xã chưa xếp nhóm"
    commune.target_group = "nhom-2"
    assert reason(commune, indicator) == "Chưa quy định mức cho nhom-2"
    commune.target_group = ""
    commune.uses_mountain_targets = True
    assert reason(commune, indicator) == (
        "Mức trung ương cho vùng Trung du miền núi phía Bắc (xã áp dụng mức của vùng này)"
    )
    commune.target_group = "nhom-1"
    assert reason(commune, indicator) == "Mức trung ương cho xã nhóm 1"


def test_resolved_carries_the_target(commune, indicator):
    target = TargetFactory(
        indicator=indicator, value=Decimal("84.5"), text="≥84,5%", decision="10/QĐ-UBND", source="https://a.example/1"
    )
    found = resolve_one(commune, indicator, ON)
    assert (found.target, found.operator, found.value, found.text) == (target, ">=", Decimal("84.5"), "≥84,5%")
    assert found.source == "10/QĐ-UBND – https://a.example/1"
    assert not found.confirmed
    target.confirmed_at, target.confirmed_by = datetime(2024, 1, 1, tzinfo=UTC), UserFactory()
    target.save()
    assert resolve_one(commune, indicator, ON).confirmed


def test_every_indicator_of_the_set_is_answered(commune, indicator):
    other = IndicatorFactory(criterion=indicator.criterion)
    IndicatorFactory()
    TargetFactory(indicator=indicator)
    found = resolve_unit(commune, indicator.criterion.criteria_set, ON, [indicator, other])
    assert set(found) == {indicator.pk, other.pk}
    assert found[other.pk].target is None
    assert found[other.pk].operator == ""


def test_a_past_day_is_answered_by_what_the_unit_was(commune, indicator, assert_queries):
    TargetFactory(indicator=indicator, variant=CENTRAL, value=80)
    TargetFactory(indicator=indicator, variant=MOUNTAINS, value=60)
    state = {"unit": commune, "code": commune.code, "name": commune.name, "kind": "xa", "province": commune.province}
    UnitVersion.objects.create(valid_from=date(2017, 10, 1), valid_to=date(2022, 1, 1), region=MOUNTAINS, **state)
    UnitVersion.objects.create(valid_from=date(2022, 1, 1), region=CENTRAL, **state)
    assert resolve_one(commune, indicator, date(2021, 12, 31)).value == 60
    assert resolve_one(commune, indicator, date(2015, 1, 1)).value == 60
    assert resolve_one(commune, indicator, date(2022, 1, 1)).value == 80
    commune.present_since = date(2022, 1, 1)  # known: the present needs no look at the history, the past does
    assert resolve_one(commune, indicator, date(2021, 12, 31)).value == 60
    with assert_queries(1):
        assert resolve_one(commune, indicator, date(2022, 1, 1)).value == 80


def test_queries_do_not_grow(thanh_hoa, assert_queries):
    criteria_set = CriteriaSetFactory()
    indicators = [IndicatorFactory(criterion=CriterionFactory(criteria_set=criteria_set))]
    district = DistrictFactory(parent=thanh_hoa)
    communes = [CommuneFactory(parent=district)]
    for _ in range(2):
        with assert_queries(2):
            found = resolve_area(communes, criteria_set, ON, indicators)
        assert set(found) == {commune.pk for commune in communes}
        with assert_queries(2):
            resolve_unit(communes[0], criteria_set, ON, indicators)
        communes += [CommuneFactory(parent=district) for _ in range(3)]
        for _ in range(5):
            indicator = IndicatorFactory(criterion=CriterionFactory(criteria_set=criteria_set))
            TargetFactory(indicator=indicator)
            TargetFactory(indicator=indicator, province=thanh_hoa)
            indicators.append(indicator)
    with assert_queries(2):
        resolve_one(communes[0], indicator, ON)


def test_an_area_agrees_with_its_units(thanh_hoa, indicator):
    district = DistrictFactory(parent=thanh_hoa)
    elsewhere = DistrictFactory(parent=ProvinceFactory(code="01", region=DELTA))
    communes = [CommuneFactory(parent=district) for _ in range(3)] + [CommuneFactory(parent=elsewhere)]
    TargetFactory(indicator=indicator, variant=CENTRAL, value=70)
    TargetFactory(indicator=indicator, variant=DELTA, value=90)
    TargetFactory(indicator=indicator, unit=communes[1], value=50)
    criteria_set = indicator.criterion.criteria_set
    area = resolve_area(communes, criteria_set, ON, [indicator])
    assert {pk: found[indicator.pk].value for pk, found in area.items()} == {
        communes[0].pk: 70, communes[1].pk: 50, communes[2].pk: 70, communes[3].pk: 90,
    }  # fmt: skip
    assert area == {commune.pk: resolve_unit(commune, criteria_set, ON, [indicator]) for commune in communes}
