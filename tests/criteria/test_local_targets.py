"""Local targets: what is weaker, what a row would do, what the grid shows, what results say against a level."""

from datetime import date
from decimal import Decimal

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from communes.models import Region
from criteria.models import Assessment, Revision, Target
from criteria.targets import Place, Row, choose, resolve_one
from criteria.workshop import local_targets
from criteria.workshop.local_targets import Overlay, Wanted, grid, is_weaker, version_of, wanted_from
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

GROUPS = [{"code": f"nhom-{n}", "name": f"Xã nhóm {n}"} for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("local", "nation", "weaker"),
    [
        ((">=", 90), (">=", 95), True),
        ((">=", 95), (">=", 95), False),
        ((">=", 96), (">=", 95), False),
        (("<=", 4), ("<=", 3), True),
        (("<=", 3), ("<=", 3), False),
        (("<=", 2), ("<=", 3), False),
        (("=", 0), ("<=", 3), False),
        (("=", 5), ("<=", 3), True),
        (("=", 100), (">=", 95), False),
        (("=", 90), (">=", 95), True),
        ((">=", 100), ("=", 100), False),  # of a per cent, nothing lies above
        (("<=", 0), ("=", 0), False),  # nothing lies below 0
        (("<=", 1), ("=", 0), True),
        (("<=", 50), (">=", 50), True),  # the other way round
        ((">=", 50), ("<=", 50), True),
        (("pass", None), (">=", 95), True),  # somebody's judgement instead of a number
        (("judge", None), (">=", 0), True),
        ((">=", 1), ("pass", None), False),  # a number details what the nation leaves open
        (("judge", None), ("pass", None), False),
    ],
)
def test_weaker(local, nation, weaker):
    assert is_weaker(*local, *nation, highest=Decimal(100)) is weaker


def test_without_an_upper_end_a_least_level_is_weaker_than_an_exact_one():
    assert is_weaker(">=", Decimal(100), "=", Decimal(100))


@given(
    st.sampled_from([">=", "<=", "="]),
    st.integers(0, 100),
    st.sampled_from([">=", "<=", "="]),
    st.integers(0, 100),
)
def test_weaker_means_that_a_figure_could_satisfy_only_the_weaker(operator, value, than, than_value):
    def holds(sign, level, figure):
        return {">=": figure >= level, "<=": figure <= level, "=": figure == level}[sign]

    some = any(holds(operator, value, x) and not holds(than, than_value, x) for x in range(101))
    assert is_weaker(operator, Decimal(value), than, Decimal(than_value), highest=Decimal(100)) is some


def test_a_row_that_ended_lets_the_nations_bind_again():
    rows = [Row(1, None, None, "", None), Row(2, 10, None, "", 2022, 2023)]
    here = Place(1, 10, "", "", False)
    assert [choose(rows, here, year).id for year in (2021, 2022, 2023, 2024)] == [1, 2, 2, 1]


class World:
    def __init__(self, variants=GROUPS):
        self.province = ProvinceFactory()
        self.district = DistrictFactory(parent=self.province)
        self.set = CriteriaSetFactory(variants=variants, mountain_variant="", first_year=2021, last_year=2025)
        self.criterion = CriterionFactory(criteria_set=self.set, number=17)
        self.water = IndicatorFactory(criterion=self.criterion, code="17.1", position=1)
        self.waste = IndicatorFactory(criterion=self.criterion, code="17.2", position=2)
        self.communes = [CommuneFactory(parent=self.district, target_group=f"nhom-{n}") for n in (1, 2)]
        self.by = UserFactory()

    def rows(self):
        return Target.objects.filter(indicator__criterion=self.criterion)

    def row(self):
        return self.rows().get()

    def overlay(self, nation=False):
        return Overlay(self.set, None if nation else self.province)

    def judge(self, *wanted):
        return self.overlay().judge(list(wanted))

    def save(self, *wanted, warned="", where=None):
        return local_targets.save(self.set, where or self.province, list(wanted), self.by, warned=warned)


def want(**fields):
    base = {"at": "ô", "indicator": "17.1", "operator": ">=", "value": "95", "decision": "26/2024/QĐ-UBND"}
    return Wanted(**base | fields)


@pytest.fixture
def place(db):
    return World()


def national(place, **fields):
    return TargetFactory(indicator=place.water, confirmed_at=timezone.now(), confirmed_by=place.by, **fields)


def test_adding_a_level(place):
    saved = place.save(want(variant="Xã nhóm 2", from_year="2023", to_year="2024"))
    assert saved.done
    row = place.row()
    assert (row.province, row.variant, row.from_year, row.to_year) == (place.province, "nhom-2", 2023, 2024)
    assert (row.operator, row.value, row.text, row.decision) == (">=", 95, "≥ 95 %", "26/2024/QĐ-UBND")
    assert not row.is_confirmed
    resolved = resolve_one(place.communes[1], place.water, date(2024, 5, 1))
    assert "từ năm 2023 đến hết năm 2024" in resolved.reason
    assert resolve_one(place.communes[1], place.water, date(2025, 5, 1)).target is None


def test_a_level_for_one_commune(place):
    commune = place.communes[0]
    assert place.save(want(unit=commune.code)).done
    assert place.row().unit == commune
    assert resolve_one(commune, place.water, date(2024, 1, 1)).value == 95
    assert resolve_one(place.communes[1], place.water, date(2024, 1, 1)).target is None


@pytest.mark.parametrize(
    ("fields", "where", "words"),
    [
        ({"indicator": "99.9"}, "indicator", "không có chỉ tiêu"),
        ({"indicator": ""}, "indicator", "Ghi mã"),
        ({"variant": "Vùng lạ"}, "variant", "Không có vùng, nhóm"),
        ({"unit": "99999"}, "unit", "Không có xã mã"),
        ({"operator": ""}, "operator", "So sánh"),
        ({"operator": ">"}, "operator", "So sánh"),
        ({"value": ""}, "value", "Ghi mức"),
        ({"value": "chín mươi"}, "value", "không phải là số"),
        ({"value": "-5"}, "value", ""),
        ({"value": "101"}, "value", "100 %"),
        ({"operator": "pass", "value": "5"}, "value", "không ghi mức"),
        ({"from_year": "2019"}, "from_year", "2021–2025"),
        ({"from_year": "31/12/2024"}, "from_year", "không phải một năm"),
        ({"from_year": "2024", "to_year": "2023"}, "to_year", "trở đi"),
        ({"decision": ""}, "decision", "số quyết định"),
        ({"text": "x" * 501}, "text", "501"),
        ({"row": "999999"}, "", "không còn"),
        ({"row": "9" * 30}, "", "không còn"),
    ],
)
def test_refused(place, fields, where, words):
    saved = place.save(want(**fields))
    assert not saved.done
    assert words in saved.judged[0].errors[where]
    assert not place.rows()


def test_a_yes_no_indicator_has_no_number(place):
    IndicatorFactory(criterion=place.criterion, code="17.3", kind="boolean", measure="")
    assert "operator" in place.judge(want(indicator="17.3"))[0].errors
    assert place.judge(want(indicator="17.3", operator="pass", value=""))[0].outcome == "added"


def test_another_provinces_commune_and_row_are_unknown(place):
    other = CommuneFactory()
    theirs = TargetFactory(indicator=place.water, province=other.province)
    nation = national(place)
    assert "unit" in place.judge(want(unit=other.code))[0].errors
    for row in (theirs, nation):
        assert "không thuộc" in place.judge(want(row=str(row.pk), seen=version_of(row)))[0].errors[""]


def test_rows_that_contradict_each_other_are_refused(place):
    judged = place.judge(want(at="dòng 5"), want(at="dòng 9", value="90"), want(indicator="17.2"))
    assert [one.outcome for one in judged] == ["refused", "refused", "added"]
    assert judged[0].errors[""].startswith("Mâu thuẫn") and "dòng 5, dòng 9" in judged[0].errors[""]
    assert place.judge(want(), want())[0].errors[""].startswith("Trùng")


def test_all_or_none(place):
    assert not place.save(want(), want(indicator="17.2", value="")).done
    assert not place.rows()


# --- warnings --------------------------------------------------------------------------------


def test_weaker_than_the_nation_is_warned_of_and_can_be_saved(place):
    national(place, value=95, text="≥95%")
    saved = place.save(want(value="90"))
    assert not saved.done and not Target.objects.filter(province=place.province).exists()
    assert "“≥ 90 %” thấp hơn mức trung ương “≥95%”" in saved.warnings[0]
    assert not place.save(want(value="80"), warned=local_targets.mark_of(saved.judged)).done  # warned of another level
    assert place.save(want(value="90"), warned=local_targets.mark_of(saved.judged)).done
    assert not place.save(want(value="96", indicator="17.2")).warnings


def test_a_level_that_becomes_weaker_later_is_warned_of(place):
    national(place, value=90, text="≥90%")
    national(place, value=97, text="≥97%", from_year=2025)
    warning = place.judge(want(value="95"))[0].warnings[0]
    assert "từ năm 2025 “≥97%”" in warning
    assert place.judge(want(value="95", to_year="2024"))[0].warnings == []


def test_weaker_for_one_kind_of_commune_only(place):
    national(place, value=95, variant="nhom-1", text="≥95%")
    national(place, value=80, variant="nhom-2", text="≥80%")
    assert "Xã nhóm 1" in place.judge(want(value="90"))[0].warnings[0]
    assert place.judge(want(value="90", variant="nhom-2"))[0].warnings == []
    assert "95" in place.judge(want(value="90", unit=place.communes[0].code))[0].warnings[0]
    assert place.judge(want(value="90", unit=place.communes[1].code))[0].warnings == []


def test_a_general_level_beside_levels_of_groups_is_warned_of(place):
    TargetFactory(indicator=place.water, province=place.province)
    assert "mức chung" in place.judge(want(variant="nhom-1"))[0].warnings[0]


def test_words_that_say_another_number(place):
    assert "ô nào đúng" in place.judge(want(text="≥ 90 %"))[0].warnings[0]
    assert place.judge(want(text="≥95% (≥65% từ hệ thống tập trung)"))[0].warnings == []
    assert place.judge(want(text="Theo Quyết định 26/2024/QĐ-UBND"))[0].warnings == []
    assert "chưa đến một phần trăm" in place.judge(want(value="0,95"))[0].warnings[0]
    assert any("chỉ một phần trăm" in text for text in place.judge(want(value="1"))[0].warnings)
    assert not any("phần trăm" in text for text in place.judge(want(value="1", operator="<="))[0].warnings)


# --- changing ----------------------------------------------------------------------------------


def own(place, **fields):
    return TargetFactory(
        indicator=place.water, province=place.province, decision="QĐ cũ", confirmed_at=timezone.now(),
        confirmed_by=place.by, **fields,
    )  # fmt: skip


def of(row, **fields):
    wanted = wanted_from(row, "ô")
    for name, value in fields.items():
        setattr(wanted, name, value)
    return wanted


def test_changing_takes_the_confirmation_away_unless_compared(place):
    row = own(place)
    saved = place.save(of(row, value="97", text=""))
    row.refresh_from_db()
    assert saved.done and saved.judged[0].unconfirms
    assert (row.value, row.text, row.confirmed_at, row.confirmed_by) == (97, "≥ 97 %", None, None)
    place.save(of(row, value="98", text="", compared=True))
    row.refresh_from_db()
    assert row.value == 98 and row.is_confirmed and row.confirmed_by == place.by


def test_ending_keeps_the_confirmation(place):
    row = own(place)
    assert place.save(of(row, to_year="2024")).done
    row.refresh_from_db()
    assert row.to_year == 2024 and row.is_confirmed


def test_comparing_alone_confirms(place):
    row = own(place)
    place.rows().update(confirmed_at=None, confirmed_by=None)
    row.refresh_from_db()
    place.save(of(row, compared=True))
    row.refresh_from_db()
    assert row.is_confirmed


def test_somebody_elses_change_is_not_overwritten(place):
    row = own(place)
    mine = of(row, value="97", text="")
    place.rows().update(value=99, text="≥ 99 %")
    saved = place.save(mine)
    assert saved.is_stale and not saved.done
    assert (saved.judged[0].before.value, saved.judged[0].demand.value) == (99, 97)
    assert place.row().value == 99


def test_what_was_only_looked_at_changes_nothing(place):
    row = own(place)
    seen = of(row)
    place.rows().update(value=99, text="≥ 99 %")
    assert place.judge(seen)[0].outcome == "same"


def test_the_same_key_added_meanwhile_is_a_conflict(place):
    own(place, value=90, text="≥ 90 %")
    assert place.judge(want(value="95"))[0].outcome == "conflict"


def test_published_results_keep_their_target(place):
    row = own(place)
    revision = Revision.objects.create(
        unit=place.communes[0], indicator=place.water, stage="self", verdict="met", value=96, attainment=100,
        effective_on=date(2024, 6, 1), recorded_by=place.by, source="submission", target=row,
        target_operator=">=", target_value=95, target_text="≥ 95 %",
    )  # fmt: skip
    Assessment.objects.create(
        unit=place.communes[0], indicator=place.water, stage="self", verdict="met", value=96, attainment=100,
        effective_on=date(2024, 6, 1), revision=revision,
    )  # fmt: skip
    before = Revision.objects.values().get()
    saved = place.save(of(row, value="97", text=""))
    found = local_targets.contradictions(place.set, saved.written)
    assert [(one.unit, one.stage, one.value) for one in found[row.pk]] == [(place.communes[0], "self", 96)]
    assert local_targets.units_contradicted(place.set, saved.written) == 1
    assert Revision.objects.values().get() == before
    assert Assessment.objects.get().verdict == "met"
    # A level of a group the commune isn't in says nothing of it.
    place.save(of(place.row(), variant="nhom-2"))
    assert local_targets.units_contradicted(place.set, place.rows()) == 0


# --- the grid ------------------------------------------------------------------------------------


def test_the_grid_says_what_binds_each_kind(place):
    national(place, value=95, text="≥95%", variant="nhom-1")
    TargetFactory(indicator=place.water, value=80, variant="nhom-2")
    own(place, value=90, variant="nhom-1", text="≥ 90 %")
    found = grid(place.overlay(), 2024)
    assert [(kind.name, kind.communes) for kind in place.overlay().kinds] == [
        ("Xã nhóm 1", 1), ("Xã nhóm 2", 1), ("Xã nhóm 3", 0),
    ]  # fmt: skip
    water, waste = found.groups[0].lines
    assert [cell.state for cell in water.cells] == ["local", "unconfirmed", "unknown"]
    assert water.cells[0].is_weaker and water.cells[0].base.value == 95
    assert [cell.state for cell in waste.cells] == ["unknown"] * 3
    assert found.counts == {
        "": 6, "open": 5, "unknown": 4, "unconfirmed": 1, "national": 0, "local": 1, "weaker": 1,
    }  # fmt: skip
    assert [
        line.indicator.code for group in grid(place.overlay(), 2024, show="local").groups for line in group.lines
    ] == ["17.1"]


@pytest.mark.parametrize(
    ("until", "year", "listed"),
    [
        (date(2024, 5, 31), 2024, False),  # over: its successors' cells are the ones to fill
        (date(2024, 8, 31), 2024, True),  # still entered today
        (date(2024, 12, 31), 2024, True),
        (date(2024, 8, 31), 2023, True),
        (date(2023, 8, 31), 2023, False),
        (date(2025, 8, 31), 2025, False),
    ],
)
def test_what_ended_within_the_year_is_left_out(place, until, year, listed):
    place.waste.in_force_to = until
    place.waste.save()
    codes = [line.indicator.code for group in grid(place.overlay(), year).groups for line in group.lines]
    assert (place.waste.code in codes) is listed


def test_communes_without_a_group_have_their_own_column(place):
    CommuneFactory(parent=place.district)
    assert [kind.name for kind in place.overlay().kinds] == ["Xã nhóm 1", "Xã nhóm 2", "Xã nhóm 3", "Chưa xếp nhóm"]


def test_regions_and_mountains_are_kinds(db):
    place = World([{"code": code, "name": name} for code, name in Region.choices])
    place.set.mountain_variant = Region.NORTHERN_MOUNTAINS
    place.set.save()
    commune = place.communes[0]
    commune.uses_mountain_targets = True
    commune.save()
    TargetFactory(indicator=place.water, value=60, variant=Region.NORTHERN_MOUNTAINS)
    TargetFactory(indicator=place.water, value=90, variant=Region.NORTH_CENTRAL)
    values = {cell.kind.name: cell.target.value for cell in grid(place.overlay(), 2024).groups[0].lines[0].cells}
    assert values == {"Bắc Trung Bộ": 90, "Trung du miền núi phía Bắc": 60}
    national_kinds = place.overlay(nation=True).kinds
    assert len(national_kinds) == 7


@pytest.mark.parametrize("variant", ["", "nhom-1", "nhom-2"])
def test_the_grid_agrees_with_what_communes_get(place, variant):
    national(place, value=95, variant="nhom-1")
    national(place, value=90, variant="nhom-2")
    TargetFactory(indicator=place.water, province=place.province, value=97, variant=variant)
    cells = {cell.kind.place.group: cell.target for cell in grid(place.overlay(), 2024).groups[0].lines[0].cells}
    for commune in place.communes:
        assert resolve_one(commune, place.water, date(2024, 6, 1)).target == cells[commune.target_group]


def test_queries_of_the_grid_dont_grow(place, count_queries):
    with count_queries() as few:
        grid(place.overlay(), 2024)
    for n in range(30):
        indicator = IndicatorFactory(criterion=CriterionFactory(criteria_set=place.set, number=100 + n))
        TargetFactory(indicator=indicator, province=place.province)
        TargetFactory(indicator=indicator, unit=place.communes[0])
        CommuneFactory(parent=place.district)
    with count_queries() as many:
        grid(place.overlay(), 2024)
    assert len(few) == len(many) == 4


def test_confirming_a_criterion_as_it_was_seen(place):
    row = own(place)
    place.rows().update(confirmed_at=None, confirmed_by=None)
    TargetFactory(indicator=place.water)  # the nation's stays
    single = TargetFactory(indicator=place.waste, unit=place.communes[0])
    number, seen = local_targets.pending_of(place.overlay(), place.criterion.pk)
    assert number == 2
    Target.objects.filter(pk=row.pk).update(value=99)
    assert local_targets.confirm_criterion(place.set, place.province, place.criterion.pk, seen, place.by) is None
    seen = local_targets.pending_of(place.overlay(), place.criterion.pk)[1]
    assert local_targets.confirm_criterion(place.set, place.province, place.criterion.pk, seen, place.by) == 2
    assert set(place.rows().filter(confirmed_at__isnull=False)) == {row, single}
