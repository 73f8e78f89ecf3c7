"""What an indicator demands of a unit on a day, and why.

Rows of targets differ by place (the nation's, a province's, one unit's), by variant (region
or group) and by the year from which they bind. `choose` is the whole rule, over plain rows;
the functions after it fetch the rows in a fixed number of queries, whatever the number of
indicators or units.

The rule (DESIGN §4):

1. Rows of a later year are left out; they are only shown (`Resolved.later`). So are rows that
   ended in an earlier year: what binds where they were not there, binds again.
2. Places are asked in turn: the unit's own rows, its province's, the nation's.
3. At a place that has variant rows only these count: the unit's group first, then its
   region (or the set's mountain variant, for units that use mountain targets *instead of*
   their region's). The general row is for places without variant rows.
4. Of the rows left, the latest year wins.
5. A place without a row for the unit is passed over. A province's rows take the nation's
   place only for the units they speak of: a province details what the nation leaves to it
   and can't put a unit below the national level by naming other groups only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Q

from communes.models import Region, Unit, UnitVersion
from communes.names import full_name
from criteria.models import FormerTarget, Target

if TYPE_CHECKING:
    from criteria.models import CriteriaSet, Indicator

NO_TARGET = "Chưa quy định mức"


class Row(NamedTuple):
    """What of a target decides whether it binds. Without province and unit: the nation's."""

    id: int
    province: int | None
    unit: int | None
    variant: str
    from_year: int | None
    to_year: int | None = None


class Place(NamedTuple):
    """What of a unit decides which targets bind it, as it was on the day."""

    unit: int
    province: int | None
    group: str
    region: str
    uses_mountain_targets: bool

    def variants(self, mountain_variant: str) -> list[str]:
        """The variants that speak of the unit, the strongest first."""
        by_region = mountain_variant if self.uses_mountain_targets and mountain_variant else self.region
        return [code for code in (self.group, by_region) if code]


@dataclass(frozen=True, slots=True)
class Resolved:
    """The target in force for one indicator and unit on a day, with its reason.

    `operator` is "" and `target` None where no level is set: a person judges then.
    `confirmed`: a person has compared it with the decision's text; only then does a
    numeric one bind. `reason` says in Vietnamese where the target comes from, or why there
    is none. `later` is the target that takes its place in a later year: shown, not enforced.
    """

    target: Target | None
    operator: str
    value: Decimal | None
    text: str
    confirmed: bool
    reason: str
    later: Target | None
    source: str


# --- the rule, over plain rows -------------------------------------------------------------


def choose(rows: Iterable[Row], place: Place, year: int, mountain_variant: str = "") -> Row | None:
    """The row that binds in that year, or None. `rows` are one indicator's."""
    begun = [
        row
        for row in rows
        if (row.from_year is None or row.from_year <= year) and (row.to_year is None or year <= row.to_year)
    ]
    variants = place.variants(mountain_variant)
    for level in (
        [row for row in begun if row.unit == place.unit],
        [row for row in begun if row.unit is None and row.province is not None and row.province == place.province],
        [row for row in begun if row.unit is None and row.province is None],
    ):
        wanted = variants if any(row.variant for row in level) else [""]
        for variant in wanted:
            matching = [row for row in level if row.variant == variant]
            if matching:
                return max(matching, key=lambda row: row.from_year or 0)
    return None


def choose_later(rows: Iterable[Row], place: Place, year: int, mountain_variant: str = "") -> Row | None:
    """The row of a later year that will take over first, or None."""
    rows = list(rows)
    for later in sorted({row.from_year for row in rows if row.from_year is not None and row.from_year > year}):
        found = choose(rows, place, later, mountain_variant)
        if found and found.from_year == later:
            return found
    return None


# --- fetching ------------------------------------------------------------------------------


def resolve_one(unit: Unit, indicator: Indicator, on: date) -> Resolved:
    """The target of one indicator on a day; at most two queries where its criterion and set are at hand."""
    return resolve_unit(unit, indicator.criterion.criteria_set, on, [indicator])[indicator.pk]


def resolve_unit(
    unit: Unit,
    criteria_set: CriteriaSet,
    on: date,
    indicators: Iterable[Indicator],
    known_at: datetime | None = None,
) -> dict[int, Resolved]:
    """Targets of these indicators of the set for a unit on a day, by indicator id. At most two queries, three as
    known at a moment."""
    return resolve_area([unit], criteria_set, on, indicators, known_at)[unit.pk]


def resolve_area(
    units: Iterable[Unit],
    criteria_set: CriteriaSet,
    on: date,
    indicators: Iterable[Indicator],
    known_at: datetime | None = None,
) -> dict[int, dict[int, Resolved]]:
    """Targets of these indicators of the set for many units, by unit id and indicator id, as known at a moment
    (None: now). At most two queries, three as known at a moment.

    Units alike in place, region and group share their `Resolved`.
    """
    places = places_on(units, on)
    found = _Targets(criteria_set, places.values(), indicators, known_at)
    own = {row.unit for rows in found.rows.values() for row in rows if row.unit is not None}
    shared: dict[Place, dict[int, Resolved]] = {}
    answer = {}
    for pk, place in places.items():
        key = place if pk in own else place._replace(unit=0)
        if key not in shared:
            shared[key] = {indicator: found.resolve(indicator, key, on.year) for indicator in found.rows}
        answer[pk] = shared[key]
    return answer


def places_on(units: Iterable[Unit], on: date) -> dict[int, Place]:
    """Province, region and group of units as they were on a day, by unit id. One query, or
    none where all are still what they were that day.

    Only what lies before a later change is read from the history; a day before the first
    known version is answered by that version.
    """
    units = list(units)
    fields = ("unit_id", "province_id", "target_group", "region", "uses_mountain_targets")
    changed = [unit.pk for unit in units if unit.present_since is None or on < unit.present_since]
    places = {
        unit.pk: Place(unit.pk, unit.province_id, unit.target_group, unit.region, unit.uses_mountain_targets)
        for unit in units
    }
    if changed:
        past = UnitVersion.objects.filter(unit__in=changed, valid_to__gt=on)
        # Latest first, so that the earliest version not yet over on that day is written last.
        for values in past.order_by("-valid_from").values_list(*fields):
            place = Place(*values)
            places[place.unit] = place
    return places


_TARGET_FIELDS = [field.attname for field in Target._meta.concrete_fields]
_INDICATOR = _TARGET_FIELDS.index("indicator_id")
_row_of = itemgetter(*map(_TARGET_FIELDS.index, ("id", "province_id", "unit_id", "variant", "from_year", "to_year")))


class _Targets:
    """The targets of indicators of a set that may concern these places, read in one query, two as known at a
    moment."""

    def __init__(
        self,
        criteria_set: CriteriaSet,
        places: Collection[Place],
        indicators: Iterable[Indicator],
        known_at: datetime | None,
    ) -> None:
        self.set = criteria_set
        self.names = {variant["code"]: variant["name"] for variant in criteria_set.variants}
        self._values: dict[int, list[Any]] = {}
        self._targets: dict[int, Target] = {}
        self.provinces: dict[int, str] = {}
        self.left_to_province = {indicator.pk: indicator.set_by_province for indicator in indicators}
        self.rows: dict[int, list[Row]] = {indicator: [] for indicator in self.left_to_province}
        concerning = (
            Q(province__isnull=True) | Q(province__in={place.province for place in places if place.province}),
            Q(unit__isnull=True) | Q(unit__in={place.unit for place in places}),
            Q(indicator__in=list(self.rows)),
        )
        named = ("province__kind", "province__name")
        told: Iterable[tuple[Any, ...]]
        if known_at is None:
            told = Target.objects.filter(*concerning).order_by().values_list(*_TARGET_FIELDS, *named)
        else:
            stood = Q(recorded_at__isnull=True) | Q(recorded_at__lte=known_at)
            since = FormerTarget.objects.filter(*concerning, stood, ended_at__gt=known_at)
            former = ["target" if name == "id" else name for name in _TARGET_FIELDS]
            told = [
                *Target.objects.filter(*concerning, stood).order_by().values_list(*_TARGET_FIELDS, *named),
                *since.order_by().values_list(*former, *named),
            ]
        # Unordered: rows of one place, variant and year are unique, and the rule asks nothing else.
        for *values, kind, name in told:
            indicator, row = values[_INDICATOR], Row(*_row_of(values))
            self.rows[indicator].append(row)
            self._values[row.id] = values
            if row.province is not None:
                self.provinces[row.province] = full_name(kind, name)

    def _target(self, row: Row) -> Target:
        """The target of a row; made for the few that bind, not for all that were read."""
        if row.id not in self._targets:
            self._targets[row.id] = Target.from_db(None, _TARGET_FIELDS, self._values[row.id])
        return self._targets[row.id]

    def resolve(self, indicator: int, place: Place, year: int) -> Resolved:
        rows = self.rows[indicator]
        row = choose(rows, place, year, self.set.mountain_variant)
        later_row = choose_later(rows, place, year, self.set.mountain_variant)
        later = self._target(later_row) if later_row else None
        if row is None:
            reason = self._why_none(indicator, place, year, later)
            return Resolved(None, "", None, "", False, reason, later, "")
        target = self._target(row)
        return Resolved(
            target=target,
            operator=target.operator,
            value=target.value,
            text=target.text,
            confirmed=target.is_confirmed,
            reason=self._why(target, place),
            later=later,
            source=" – ".join(filter(None, [target.decision, target.source])),
        )

    def _why(self, target: Target, place: Place) -> str:
        if target.unit_id is not None:
            reason = "Mức quy định riêng cho đơn vị"
        elif target.province_id is not None:
            reason = f"Quy định của {_inside_sentence(self.provinces[target.province_id])}"
        elif self.set.province_id is not None:
            reason = "Mức của bộ tiêu chí tỉnh ban hành"
        else:
            reason = "Mức trung ương"
        if target.variant:
            reason += f" cho {self._variant_name(target.variant)}"
            if place.uses_mountain_targets and target.variant == self.set.mountain_variant != place.region:
                reason += " (xã áp dụng mức của vùng này)"
        if target.from_year:
            reason += f", từ năm {target.from_year}"
        return f"{reason} đến hết năm {target.to_year}" if target.to_year else reason

    def _why_none(self, indicator: int, place: Place, year: int, later: Target | None) -> str:
        if later:
            return f"{NO_TARGET} cho năm {year}; có mức từ năm {later.from_year}"
        variants = {row.variant for row in self.rows[indicator]} - {""}
        if variants:
            if not place.group and variants - set(Region.values):
                return f"{NO_TARGET}: xã chưa xếp nhóm"
            mine = place.variants(self.set.mountain_variant)
            whom = self._variant_name(mine[0]) if mine else "đơn vị chưa xếp vùng, nhóm"
            return f"{NO_TARGET} cho {whom}"
        return f"{NO_TARGET} (do tỉnh quy định)" if self.left_to_province[indicator] else NO_TARGET

    def _variant_name(self, code: str) -> str:
        name = self.names.get(code) or dict(Region.choices).get(code, code)
        return f"vùng {name}" if code in Region.values else _inside_sentence(name)


def _inside_sentence(name: str) -> str:
    """ "Tỉnh Thanh Hóa" as it stands within a sentence: "tỉnh Thanh Hóa"."""
    return name[:1].lower() + name[1:]
