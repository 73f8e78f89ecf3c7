"""Which commune a name in an old table means: by code or folded name, as units were on the day.

Names are written as people write them: with or without "Xã", with or without diacritics, with
one letter wrong. What isn't certain (several of one name, only a near one, a name of another time)
is never decided here: it comes back with candidates for a person to choose from.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from django.db.models import Q

from communes.access import predecessors
from communes.models import Level, Succession, Unit, UnitVersion
from communes.names import full_name, search_name, sort_key

CANDIDATES = 6
NEAR = 0.78  # similarity from which a name is offered

_COMMUNE_KIND = re.compile(r"^(?:xa|phuong|thi tran|tt|x|p|dac khu)\s+(?=\S)")
_DISTRICT_KIND = re.compile(r"^(?:huyen|thi xa|thanh pho|quan|tx|tp|h)\s+(?=\S)")
# Folded, "quận" is also the beginning of Quan Hóa and Quan Sơn.
_IS_DISTRICT = re.compile(r"^(?:huyện|thị xã|thành phố|quận|huyen|thi xa|thanh pho|tx|tp|h\.)[\s.]+\S", re.IGNORECASE)
_KIND_AS_WRITTEN = re.compile(r"^(?:xã|phường|thị trấn|đặc khu|tt|x|p)[\s.]+(?=\S)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Place:
    """A commune as it was on the day; names folded, `exact` with its diacritics (`communes.names.sort_key`)."""

    unit: int
    code: str
    label: str
    name: str
    exact: str
    district: str


@dataclass(frozen=True, slots=True)
class Match:
    """The commune that is meant, or None with why that isn't certain and whom it may be."""

    unit: int | None
    doubt: str = ""
    candidates: tuple[int, ...] = ()


def bare_commune(text: str) -> str:
    """The folded name without its kind: "Xã Đông Phú" and "đông phú" are "dong phu"."""
    return _COMMUNE_KIND.sub("", search_name(text))


def bare_district(text: str) -> str:
    return _DISTRICT_KIND.sub("", search_name(text))


def is_district_name(text: str) -> bool:
    """Whether a text is a district with its kind: "Huyện Đông Sơn", "TX. Nghi Sơn"."""
    return bool(_IS_DISTRICT.match(unicodedata.normalize("NFC", text.strip())))


def memory_key(name: str, district: str) -> str:
    """Under what a settled name is remembered."""
    return f"{bare_commune(name)}|{bare_district(district)}"[:200]


class Communes:
    """The communes of a province (and of those it came from) on a day. Three queries, a fourth
    where a name of another time is met."""

    def __init__(self, province: Unit, day: date, remembered: dict[str, Any] | None = None) -> None:
        self.day = day
        self.remembered = remembered or {}
        provinces = {province.pk} | predecessors([province.pk])
        within = Q(province__in=provinces) | Q(versions__province__in=provinces)
        columns = ("pk", "name", "kind", "code", "province_id", "district_id", "opened_on", "closed_on")
        units = {
            unit.pk: unit
            for unit in Unit.objects.filter(within, level=Level.COMMUNE).distinct().only(*columns, "present_since")
        }
        as_they_were: dict[int, Any] = dict(units)
        changed = [unit.pk for unit in units.values() if unit.present_since is None or day < unit.present_since]
        past = UnitVersion.objects.filter(unit__in=changed, valid_to__gt=day).order_by("-valid_from")
        # Latest first, so that the earliest version not yet over on that day is kept.
        for version in past.only("unit_id", "name", "kind", "code", "province_id", "district_id"):
            as_they_were[version.unit_id] = version
        there = {
            pk: state
            for pk, state in as_they_were.items()
            if units[pk].exists_on(day) and state.province_id in provinces
        }
        areas = {state.district_id for state in there.values() if state.district_id}
        districts = {unit.pk: unit for unit in Unit.objects.filter(pk__in=areas).only("name", "kind")}
        self.places: dict[int, Place] = {}
        self.by_name: dict[str, list[int]] = defaultdict(list)
        self.by_code: dict[str, int] = {}
        for pk, state in sorted(there.items(), key=lambda pair: (pair[1].name, pair[0])):
            district = districts.get(state.district_id)
            label = full_name(state.kind, state.name) + (f", {district.full_name}" if district else "")
            place = Place(
                unit=pk,
                code=state.code,
                label=label,
                name=search_name(state.name),
                exact=sort_key(state.name),
                district=search_name(district.name) if district else "",
            )
            self.places[pk] = place
            self.by_name[place.name].append(pk)
            if state.code:
                self.by_code[state.code] = pk
        self._elsewhen: dict[str, list[int]] = defaultdict(list)
        for pk, unit in units.items():
            if pk not in there:
                self._elsewhen[search_name(unit.name)].append(pk)

    @cached_property
    def district_names(self) -> set[str]:
        return {place.district for place in self.places.values() if place.district}

    def label(self, unit: int) -> str:
        return self.places[unit].label if unit in self.places else ""

    def knows(self, name: str) -> bool:
        """Whether a commune of that day bears the name."""
        return bool(self._named(name))

    def find(self, name: str, code: str, district: str) -> Match:
        """The commune a row means; what a person settled before for the same name counts."""
        settled = self.remembered.get(memory_key(name, district))
        if settled in self.places and not code:
            return Match(settled)
        named = self._named(name)
        if code:
            coded = self.by_code.get(code.zfill(5), self.by_code.get(code))
            if coded is None:
                return Match(
                    None, f"Không có xã nào mang mã {code} ngày {self.day:%d/%m/%Y}.", self._offer(named, name)
                )
            if name and coded not in named:
                return Match(None, f"Mã {code} là {self.label(coded)}, khác tên trong bảng.", (coded, *named[:5]))
            return Match(coded)
        if not named:
            return self._unknown(name)
        if district and self.district_names:
            meant = ("", search_name(district), bare_district(district))
            there = [pk for pk in named if self.places[pk].district in meant]
            if not there:
                return Match(None, "Có xã tên này nhưng ở huyện khác.", tuple(named[:CANDIDATES]))
            named = there
        if len(named) == 1:
            return Match(named[0])
        # Hoa Lộc and Hòa Lộc are two communes of one district.
        written = sort_key(_KIND_AS_WRITTEN.sub("", unicodedata.normalize("NFC", name.strip())))
        exact = [pk for pk in named if self.places[pk].exact in (written, sort_key(name))]
        if len(exact) == 1:
            return Match(exact[0])
        return Match(None, f"Có {len(named)} xã cùng tên.", tuple(named[:CANDIDATES]))

    def _named(self, name: str) -> list[int]:
        return self.by_name.get(search_name(name)) or self.by_name.get(bare_commune(name), [])

    def _offer(self, named: list[int], name: str) -> tuple[int, ...]:
        found = list(named)
        for near in get_close_matches(bare_commune(name), list(self.by_name), CANDIDATES, NEAR):
            found += [pk for pk in self.by_name[near] if pk not in found]
        return tuple(found[:CANDIDATES])

    def _unknown(self, name: str) -> Match:
        former = self._elsewhen.get(bare_commune(name), [])
        if former:
            heirs = self._heirs(former)
            if heirs:
                words = f"Ngày {self.day:%d/%m/%Y} xã này đã nhập vào xã khác (hoặc chưa thành lập)."
                return Match(None, words, tuple(heirs[:CANDIDATES]))
        offered = self._offer([], name)
        words = "Không có xã đúng tên này; có tên gần giống." if offered else "Không có xã tên này trong tỉnh."
        return Match(None, words, offered)

    def _heirs(self, former: list[int]) -> list[int]:
        """What units of other times became by the day, or came from; through any number of steps."""
        found = []
        for pk in former:
            ahead, back = self._steps
            for steps in (ahead, back):
                waiting, seen = [pk], {pk}
                while waiting:
                    for other in steps.get(waiting.pop(), ()):
                        if other not in seen:
                            seen.add(other)
                            waiting.append(other)
                            if other in self.places and other not in found:
                                found.append(other)
        return found

    @cached_property
    def _steps(self) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
        known = [*self.places, *(pk for units in self._elsewhen.values() for pk in units)]
        ahead: dict[int, list[int]] = defaultdict(list)
        back: dict[int, list[int]] = defaultdict(list)
        for before, after in Succession.objects.filter(predecessor__in=known).values_list("predecessor", "successor"):
            ahead[before].append(after)
            back[after].append(before)
        return ahead, back
