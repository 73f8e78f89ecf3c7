"""A commune's group and mountain targets as dated versions: which day each change reaches."""

from datetime import date

import pytest

from communes import checks
from communes.models import Unit, UnitVersion
from communes.versions import Effect, Refused, effect, set_grouping
from criteria.targets import places_on
from tests.factories import CommuneFactory

OPENED, RENAMED, DAY = date(2020, 1, 1), date(2022, 1, 1), date(2023, 6, 1)


@pytest.fixture
def commune(db):
    return CommuneFactory(opened_on=OPENED)


def versions(unit):
    return list(
        UnitVersion.objects.filter(unit=unit)
        .order_by("valid_from")
        .values_list("valid_from", "valid_to", "target_group", "uses_mountain_targets", "decision")
    )


def group_on(unit, day):
    return places_on([Unit.objects.get(pk=unit.pk)], day)[unit.pk].group


def rename(unit):
    """A version that carries the group on, as loading a list writes it."""
    set_grouping(unit, OPENED, "QĐ đầu", group="nhom-1", mountain=False)
    UnitVersion.objects.filter(unit=unit).update(valid_to=RENAMED)
    kept = {name: getattr(Unit.objects.get(pk=unit.pk), name) for name in checks.KEPT}
    UnitVersion.objects.create(unit=unit, valid_from=RENAMED, **kept | {"name": "Tên mới"})
    Unit.objects.filter(pk=unit.pk).update(name="Tên mới", present_since=RENAMED)


def sound():
    """Nothing to say of versions and present columns (codes of test units aside)."""
    history = checks.History()
    return [*checks.overlapping_versions(history), *checks.last_version_differs(history)] == []


def test_a_change_binds_from_its_day_on(commune):
    assert set_grouping(commune, DAY, "QĐ 1", group="nhom-2", mountain=True)
    assert versions(commune) == [(OPENED, DAY, "", False, ""), (DAY, None, "nhom-2", True, "QĐ 1")]
    assert [group_on(commune, day) for day in (date(2023, 5, 31), DAY, date(2024, 6, 30))] == ["", "nhom-2", "nhom-2"]
    present = Unit.objects.get(pk=commune.pk)
    assert (present.target_group, present.uses_mountain_targets, present.present_since) == ("nhom-2", True, DAY)
    assert sound()


def test_without_a_known_opening_the_state_before_is_kept(db):
    commune = CommuneFactory()
    set_grouping(commune, DAY, "QĐ 1", group="nhom-2", mountain=False)
    assert group_on(commune, date(2021, 1, 1)) == ""
    assert sound()


def test_the_same_group_again_writes_nothing(commune):
    set_grouping(commune, DAY, "QĐ 1", group="nhom-2", mountain=False)
    before = versions(commune)
    assert not set_grouping(commune, date(2024, 1, 1), "QĐ 2", group="nhom-2", mountain=False)
    assert versions(commune) == before


def test_the_day_itself_corrects_in_place(commune):
    set_grouping(commune, DAY, "QĐ 1", group="nhom-2", mountain=False)
    set_grouping(commune, DAY, "QĐ 2", group="nhom-3", mountain=False)
    assert versions(commune) == [(OPENED, DAY, "", False, ""), (DAY, None, "nhom-3", False, "QĐ 2")]
    assert sound()


def test_a_rename_keeps_its_own_paper_when_corrected_on_its_day(commune):
    rename(commune)
    UnitVersion.objects.filter(unit=commune, valid_from=RENAMED).update(decision="NQ đổi tên")
    set_grouping(commune, RENAMED, "QĐ 2", group="nhom-3", mountain=False)
    assert versions(commune)[-1] == (RENAMED, None, "nhom-3", False, "NQ đổi tên; QĐ 2")


def test_a_past_day_corrects_until_the_next_change(commune):
    set_grouping(commune, DAY, "QĐ 1", group="nhom-2", mountain=False)
    set_grouping(commune, date(2022, 3, 1), "QĐ cũ", group="nhom-1", mountain=False)
    assert versions(commune) == [
        (OPENED, date(2022, 3, 1), "", False, ""),
        (date(2022, 3, 1), DAY, "nhom-1", False, "QĐ cũ"),
        (DAY, None, "nhom-2", False, "QĐ 1"),
    ]
    assert Unit.objects.get(pk=commune.pk).target_group == "nhom-2"
    assert sound()


def test_a_past_day_is_carried_over_a_rename(commune):
    rename(commune)
    set_grouping(commune, date(2021, 1, 1), "QĐ", group="nhom-3", mountain=False)
    assert [row[2] for row in versions(commune)] == ["nhom-1", "nhom-3", "nhom-3"]
    present = Unit.objects.get(pk=commune.pk)
    assert (present.target_group, present.name, present.present_since) == ("nhom-3", "Tên mới", RENAMED)
    assert sound()


def test_what_is_not_changed_is_left_to_its_own_history(commune):
    set_grouping(commune, DAY, "QĐ 1", group="", mountain=True)
    set_grouping(commune, date(2021, 1, 1), "QĐ", group="nhom-1", mountain=False)
    assert [row[2:4] for row in versions(commune)] == [("", False), ("nhom-1", False), ("nhom-1", True)]
    assert sound()


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(2024, 7, 1), "chưa đến"),
        (date(2019, 12, 31), "chỉ có từ ngày 01/01/2020"),
    ],
)
def test_days_that_cant_be(commune, day, words):
    with pytest.raises(Refused, match=words):
        set_grouping(commune, day, "QĐ", group="nhom-1", mountain=False)
    assert versions(commune) == []


def test_a_closed_commune_stays_as_it_was(commune):
    Unit.objects.filter(pk=commune.pk).update(closed_on=date(2023, 1, 1))
    with pytest.raises(Refused, match="đã kết thúc"):
        set_grouping(commune, DAY, "QĐ", group="nhom-1", mountain=False)


@pytest.mark.parametrize("day", [date(2021, 1, 1), RENAMED, date(2022, 6, 1), DAY, date(2024, 1, 1)])
@pytest.mark.parametrize("wanted", [("nhom-1", False), ("nhom-2", False), ("nhom-3", True), ("", False)])
def test_the_effect_told_is_the_one_that_comes(commune, day, wanted):
    rename(commune)
    set_grouping(commune, DAY, "QĐ 1", group="nhom-2", mountain=False)
    known = list(UnitVersion.objects.filter(unit=commune).order_by("valid_from"))
    told = effect(commune, known, day, group=wanted[0], mountain=wanted[1])
    changed = set_grouping(commune, day, "QĐ 2", group=wanted[0], mountain=wanted[1])
    assert changed == (told.had != wanted)
    after = [(row[0], row[2:4]) for row in versions(commune) if row[0] > day]
    assert (told.ends, told.then) == next((row for row in after if row[1] != wanted), (None, ("", False)))


def test_the_effect_on_one_that_never_changed(commune):
    assert effect(commune, [], DAY, group="nhom-1", mountain=False) == Effect(("", False), False)
