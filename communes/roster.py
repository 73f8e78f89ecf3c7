"""The rural communes of an area as they were on a day: who counts in "n/N xã", under which name, in which district."""

from __future__ import annotations

from collections.abc import Collection
from copy import copy
from datetime import date
from typing import Any, NamedTuple

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from communes.models import RURAL_COMMUNE, Level, Unit, UnitVersion
from communes.names import full_name, sort_key, split_kind
from ntm.clock import today


class Member(NamedTuple):
    """A commune on the day. `district` is the district's full name, "" for a commune without one."""

    id: int
    code: str
    name: str
    kind: str
    district_id: int | None
    district: str

    @property
    def full_name(self) -> str:
        return full_name(self.kind, self.name)


def rural_communes_on(area: Unit, day: date) -> list[Member]:
    """The area's communes of kind xã existing that day, by district and name in Vietnamese order.

    Name, kind and district are those of the day (`UnitVersion`): a commune that became a ward or went to
    another district since is where it was. A day before the first known version is answered by that
    version. One query for today, four for a day in the past.
    """
    if day >= today():
        rows = (
            Unit.objects.within(area)
            .rural_communes()
            .existing(day)
            .order_by(F("district__sort_key").asc(nulls_last=True), "district_id", "sort_key", "pk")
            .values_list("id", "code", "name", "kind", "district_id", "district__kind", "district__name")
        )
        return [
            Member(pk, code, name, kind, district, full_name(of, named) if named else "")
            for pk, code, name, kind, district, of, named in rows
        ]
    found = [*_unchanged(area, day), *_changed_since(area, day)]
    districts = names_on({member.district_id for member in found if member.district_id}, day)
    found = [member._replace(district=districts.get(member.district_id or 0, "")) for member in found]
    # The district's own name decides, not its kind.
    keys = {pk: sort_key(split_kind(name)[1]) for pk, name in districts.items()}
    return sorted(
        found,
        key=lambda it: (
            it.district_id is None,
            keys.get(it.district_id or 0, ""),
            it.district_id or 0,
            sort_key(it.name),
            it.id,
        ),
    )


def _unchanged(area: Unit, day: date) -> list[Member]:
    """Communes that are still what they were that day."""
    rows = (
        Unit.objects.within(area)
        .rural_communes()
        .existing(day)
        .filter(Q(present_since__isnull=True) | Q(present_since__lte=day))
        .order_by()
    )
    columns = ("id", "code", "name", "kind", "district_id")
    return [Member(pk, code, name, kind, district, "") for pk, code, name, kind, district in rows.values_list(*columns)]


def _changed_since(area: Unit, day: date) -> list[Member]:
    """Communes that are another thing today, as their version of that day says."""
    here = f"{area.level}_id"
    candidates = Unit.objects.filter(
        level=Level.COMMUNE, present_since__gt=day, versions__in=UnitVersion.objects.filter(**{here: area.pk})
    ).existing(day)
    versions = _versions_on(day).filter(unit__in=candidates.order_by().values("pk"))
    found: dict[int, Member | None] = {}
    for unit, place, code, name, kind, district in versions.order_by("valid_from").values_list(
        "unit_id", here, "code", "name", "kind", "district_id"
    ):
        if unit not in found:  # the version of the day; the first one for an earlier day
            is_here = place == area.pk and kind == RURAL_COMMUNE
            found[unit] = Member(unit, code, name, kind, district, "") if is_here else None
    return [member for member in found.values() if member]


def _versions_on(day: date) -> QuerySet[UnitVersion]:
    """The versions not over by that day; of each unit the earliest is the day's."""
    return UnitVersion.objects.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=day))


def _columns_on(units: Collection[int], day: date, *columns: str) -> dict[int, tuple[Any, ...]]:
    """Columns of units as they were that day, by id. Two queries at most."""
    found: dict[int, tuple[Any, ...]] = {}
    changed = []
    for pk, since, *values in Unit.objects.filter(pk__in=units).values_list("id", "present_since", *columns):
        found[pk] = tuple(values)
        if since is not None and since > day:
            changed.append(pk)
    if changed:
        past = _versions_on(day).filter(unit__in=changed)
        # Latest first, so that the day's own is written last.
        for pk, *values in past.order_by("-valid_from").values_list("unit_id", *columns):
            found[pk] = tuple(values)
    return found


def names_on(units: Collection[int], day: date) -> dict[int, str]:
    """Full names of units as they were that day, by id. Two queries at most."""
    return {pk: full_name(kind, name) for pk, (kind, name) in _columns_on(units, day, "kind", "name").items()}


def groups_on(units: Collection[int], day: date) -> dict[int, str]:
    """Commune groups (nhom-1 …) of units as they were that day, by id; "" for none. Two queries at most."""
    return {pk: group for pk, (group,) in _columns_on(units, day, "target_group").items()}


def as_on(unit: Unit, day: date) -> Unit:
    """The unit under the name and kind it had that day: itself, or a copy for showing. One query at most."""
    if unit.present_since is None or day >= unit.present_since:
        return unit
    past = _versions_on(day).filter(unit=unit)
    version = past.order_by("valid_from").values("name", "kind").first()
    if version is None:
        return unit
    shown = copy(unit)
    shown.name, shown.kind = version["name"], version["kind"]
    return shown


class Stay(NamedTuple):
    """The areas a unit lay in up to the day before `until` (None: still), from `since` on (None: ever since)."""

    since: date | None
    until: date | None
    areas: frozenset[int]

    def covers(self, day: date) -> bool:
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)


def stays(units: Collection[int]) -> dict[int, list[Stay]]:
    """Where units lay from when to when, by id, of those that have versions. A day between two versions is the
    later one's, a day before all of them the first one's (`_versions_on`). One query."""
    found: dict[int, list[Stay]] = {}
    rows = UnitVersion.objects.filter(unit__in=units).order_by("unit_id", "valid_from")
    for pk, until, *places in rows.values_list("unit_id", "valid_to", "province_id", "district_id", "commune_id"):
        mine = found.setdefault(pk, [])
        mine.append(Stay(mine[-1].until if mine else None, until, frozenset(places) - {None}))
    return found


def lay_in(area: Unit, day: date, path: str = "") -> Q:
    """The units, of whatever level, that lay in the area on the day; `path` leads to them ("unit__")."""
    here = f"{area.level}_id"
    earlier = _versions_on(day).filter(unit=OuterRef("unit"), valid_from__lt=OuterRef("valid_from"))
    moved = _versions_on(day).filter(~Exists(earlier), unit__present_since__gt=day, **{here: area.pk})
    unchanged = Q(**{f"{path}present_since__isnull": True}) | Q(**{f"{path}present_since__lte": day})
    return (unchanged & Q(**{f"{path}{here}": area.pk})) | Q(**{f"{path}pk__in": moved.order_by().values("unit")})


class VillageOn(NamedTuple):
    """A village on the day, in the commune it belonged to."""

    id: int
    full_name: str
    commune_id: int


def villages_on(communes: Collection[int], day: date) -> list[VillageOn]:
    """The villages of these communes existing on the day, by commune as given and name in Vietnamese order.

    As with communes, name and commune are those of the day. One query for today, two for a day in the past.
    """
    mine = Q(commune__in=communes)
    past = day < today()
    if past:
        mine |= Q(present_since__gt=day, versions__in=UnitVersion.objects.filter(commune__in=communes))
    there = Unit.objects.filter(mine, level=Level.VILLAGE).existing(day).order_by().distinct()
    was = {pk: rest for pk, *rest in there.values_list("pk", "kind", "name", "commune_id")}
    if past:
        changed = there.filter(present_since__gt=day).values("pk")
        versions = _versions_on(day).filter(unit__in=changed)
        # Latest first, so that the day's own is written last.
        for pk, *rest in versions.order_by("-valid_from").values_list("unit_id", "kind", "name", "commune_id"):
            was[pk] = rest
    order = {commune: place for place, commune in enumerate(communes)}
    found = [
        (order[commune], sort_key(name), pk, kind, name, commune)
        for pk, (kind, name, commune) in was.items()
        if commune in order
    ]
    return [VillageOn(pk, full_name(kind, name), commune) for _, _, pk, kind, name, commune in sorted(found)]
