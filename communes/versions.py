"""The dated history of a unit, where a person writes it: its target group and its mountain targets.

Names, codes and places come from decisions on boundaries and are loaded (`communes.loading`);
what a province decides about its communes is written here. From the day given on, until the
next change already known, the unit is what it is set to; its present columns follow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from itertools import takewhile
from typing import NamedTuple

from django.db import transaction

from communes.checks import KEPT
from communes.models import Unit, UnitVersion
from ntm.clock import today

GROUPING = ("target_group", "uses_mountain_targets")


class Refused(Exception):
    """A change that can't be made; `errors` says why, by field ("" for the whole)."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = errors


def lock_units(pks: Collection[int]) -> list[Unit]:
    """The units, held until the transaction ends, always in the same order."""
    return list(Unit.objects.select_for_update(of=("self",)).filter(pk__in=pks).order_by("pk"))


def problem_of_day(unit: Unit, day: date, first: date | None) -> str:
    """Why the unit can't change on that day, "" where it can. `first`: its first known version's day."""
    if day > today():
        return f"Ngày áp dụng {day:%d/%m/%Y} chưa đến; ghi khi quyết định có hiệu lực."
    if unit.closed_on is not None and day >= unit.closed_on:
        return f"{unit.full_name} đã kết thúc từ ngày {unit.closed_on:%d/%m/%Y}."
    begins = max(filter(None, [unit.opened_on, first]), default=None)
    if begins is not None and day < begins:
        return f"Lịch sử của {unit.in_sentence} chỉ có từ ngày {begins:%d/%m/%Y}; chọn ngày từ đó trở đi."
    return ""


class Effect(NamedTuple):
    """What setting a unit's grouping from a day on would do. `had`: group and mountain targets so far on that
    day, `holds`: whether that is what is wanted; `ends`: the day from which it is something else again, by a
    change already known, and then `then`."""

    had: tuple[str, bool]
    holds: bool
    ends: date | None = None
    then: tuple[str, bool] = ("", False)


def effect(
    unit: Unit, versions: Sequence[UnitVersion], day: date, *, group: str | None, mountain: bool | None
) -> Effect:
    """What `set_grouping` would do to a unit with these versions, in their order, on a day it may change."""
    at = _at(versions, day) if versions else 0
    held = versions[at] if versions else unit
    had, later = _grouping(held), versions[at + 1 :]
    grouped = _carried(later, "target_group", had[0]) if group not in {None, had[0]} else []
    moved = _carried(later, "uses_mountain_targets", had[1]) if mountain not in {None, had[1]} else []
    for version in later:
        now = (
            group if group is not None and version in grouped else version.target_group,
            mountain if mountain is not None and version in moved else version.uses_mountain_targets,
        )
        if not _is(now, group, mountain):
            return Effect(had, _is(had, group, mountain), version.valid_from, now)
    return Effect(had, _is(had, group, mountain))


def _grouping(state: Unit | UnitVersion) -> tuple[str, bool]:
    return state.target_group, state.uses_mountain_targets


def _is(state: tuple[str, bool], group: str | None, mountain: bool | None) -> bool:
    """Whether a grouping is what is wanted (None: as it is)."""
    return group in {None, state[0]} and mountain in {None, state[1]}


def _at(versions: Sequence[UnitVersion], day: date) -> int:
    """Where the version of that day stands."""
    return max(place for place, version in enumerate(versions) if version.valid_from <= day)


def _carried(later: Iterable[UnitVersion], name: str, value: str | bool) -> list[UnitVersion]:
    """The following versions that only carry the value on."""
    return list(takewhile(lambda version: getattr(version, name) == value, later))


@transaction.atomic
def set_grouping(unit: Unit, day: date, decision: str, *, group: str | None, mountain: bool | None) -> bool:
    """Make the unit one of the group, with or without mountain targets, from that day on; None leaves that one
    as it was, version by version.

    A day in the past corrects the history from then until the next change of the same thing;
    the first day of a version corrects that version itself. Later versions that only carried
    the old value on (a rename) carry the new one. Returns whether anything changed. Locks the
    unit; raises Refused for a day on which it can't be changed.
    """
    unit = lock_units([unit.pk])[0]
    versions = list(UnitVersion.objects.filter(unit=unit).order_by("valid_from"))
    if problem := problem_of_day(unit, day, versions[0].valid_from if versions else None):
        raise Refused({"day": problem})
    if not versions:
        versions = [_first(unit, day)]
    at = _at(versions, day)
    held = versions[at]
    before = {name: getattr(held, name) for name in GROUPING}
    wanted = {"target_group": group, "uses_mountain_targets": mountain}
    changed = {name: value for name, value in wanted.items() if value not in {None, before[name]}}
    if not changed:
        return False
    touched = [held]
    if held.valid_from == day:
        held.decision = _decision(versions[at - 1] if at else None, held, decision)
    else:
        begun = UnitVersion(unit=unit, valid_from=day, valid_to=held.valid_to, decision=decision)
        for name in KEPT:
            setattr(begun, name, getattr(held, name))
        held.valid_to = day
        held.save(update_fields=["valid_to"])
        touched = [begun]
        versions.insert(at + 1, begun)
        at += 1
    for name, value in changed.items():
        for version in [versions[at], *_carried(versions[at + 1 :], name, before[name])]:
            setattr(version, name, value)
            if version not in touched:
                touched.append(version)
    for version in touched:
        version.save()
    last = versions[-1]
    unit.target_group, unit.uses_mountain_targets = last.target_group, last.uses_mountain_targets
    unit.present_since = last.valid_from
    unit.save(update_fields=[*GROUPING, "present_since"])
    return True


def _first(unit: Unit, day: date) -> UnitVersion:
    """The state so far of a unit that never changed and so has no version yet."""
    begins = unit.opened_on or day - timedelta(days=1)
    version = UnitVersion(unit=unit, valid_from=begins, valid_to=unit.closed_on)
    for name in KEPT:
        setattr(version, name, getattr(unit, name))
    version.save()
    return version


def _decision(earlier: UnitVersion | None, held: UnitVersion, decision: str) -> str:
    """The paper behind a version corrected in place: its own where it began by something else, and the new one."""
    only_grouping = earlier is not None and all(
        getattr(earlier, name) == getattr(held, name) for name in KEPT if name not in GROUPING
    )
    kept = "" if only_grouping else held.decision
    both = "; ".join(dict.fromkeys(filter(None, [kept, decision])))
    if len(both) > 200:
        raise Refused({"decision": f"Ghi số văn bản ngắn lại, còn tối đa {max(0, 198 - len(kept))} ký tự."})
    return both
