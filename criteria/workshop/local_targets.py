"""Local targets: what a province sets beside the nation's levels, and what a change of them would do.

Every way in (one form, the form over many cells, the workbook) turns what was typed into
`Wanted` rows; `Overlay.judge` says of each whether it adds, changes or leaves a row, why it is
refused, what changed on the server since it was looked at, and what to be warned of;
`Overlay.write` does it. Whoever writes holds `lock` first and judges under it, so that two
people at once come one after the other.

`place` is the province whose rows are meant, None the nation's.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from communes.access import can
from communes.models import Level, Region, Unit
from communes.text import TextTooLongError, clean_text
from criteria import attainment as rules
from criteria.checks import latest_day
from criteria.models import Assessment, CriteriaSet, Indicator, Operator, Target, TargetReport
from criteria.numbers import NumberError, format_number, parse_number
from criteria.target_history import keep
from criteria.targets import Place, Resolved, Row, choose, resolve_area, resolve_one
from criteria.verdicts import Stage
from criteria.wordings import worded
from ntm.clock import today

audit = logging.getLogger("ntm.audit")

OPERATORS = {Operator.AT_LEAST: "≥", Operator.AT_MOST: "≤", Operator.EQUAL: "=", Operator.PASS: "Đạt",
             Operator.JUDGE: "Xem xét theo nội dung"}  # fmt: skip
GREATEST = Decimal(10) ** 12


# --- confirming ----------------------------------------------------------------------------


def confirm(targets: QuerySet[Target], by: Any) -> int:
    """Mark targets as compared with the decision's text by this person; return how many were not yet."""
    number = _set_confirmed(targets.filter(confirmed_at__isnull=True), confirmed_by=by, confirmed_at=timezone.now())
    audit.info("targets confirmed", extra={"username": by.get_username(), "targets": number})
    return number


def withdraw(targets: QuerySet[Target], by: Any) -> int:
    """Take confirmations back: the targets no longer bind; return how many were confirmed."""
    number = _set_confirmed(targets.filter(confirmed_at__isnull=False), confirmed_by=None, confirmed_at=None)
    audit.info("targets no longer confirmed", extra={"username": by.get_username(), "targets": number})
    return number


@transaction.atomic
def _set_confirmed(targets: QuerySet[Target], **fields: Any) -> int:
    found = list(targets.values_list("pk", flat=True))
    return Target.objects.filter(pk__in=found).update(**fields, recorded_at=keep(found))


def own_rows(place: Unit | None) -> Q:
    """The rows somebody who works for the place keeps: a province's with those of its communes, or the nation's."""
    if place is None:
        return Q(province__isnull=True, unit__isnull=True)
    return Q(province=place) | Q(unit__province=place)


# --- which level is weaker ------------------------------------------------------------------


def is_weaker(
    operator: str, value: Decimal | None, than: str, than_value: Decimal | None, *, highest: Decimal | None = None
) -> bool:
    """Whether something may satisfy the first level and still miss the second.

    Values are never below 0 nor above `highest` (100 for per cents). Where the second is no
    number, any level details it and none is weaker; a person's judgement instead of a number is.
    """
    if than not in rules.NUMERIC_OPERATORS or than_value is None:
        return False
    if operator not in rules.NUMERIC_OPERATORS or value is None:
        return True
    low, high = _span(operator, value, highest)
    least, most = _span(than, than_value, highest)
    return low < least or (most is not None and (high is None or high > most))


def _span(operator: str, value: Decimal, highest: Decimal | None) -> tuple[Decimal, Decimal | None]:
    """The least and the greatest figure that satisfies a level; None: without limit."""
    low = Decimal(0) if operator == "<=" else value
    return low, highest if operator == ">=" else value


# --- kinds of communes ------------------------------------------------------------------------


class Kind(NamedTuple):
    """Communes that targets don't tell apart: a column of the grid. `variant` is the one a new row for them
    names ("" where the general row does: none speaks of them, or all are of one region), `communes`
    how many there are now."""

    name: str
    variant: str
    place: Place
    communes: int


def variant_names(criteria_set: CriteriaSet) -> dict[str, str]:
    """Names of regions and groups by code, as the set gives them."""
    return dict(Region.choices) | {row["code"]: row["name"] for row in criteria_set.variants}


def declared_groups(criteria_set: CriteriaSet) -> list[str]:
    """The set's variants that are groups of communes, not regions."""
    return [row["code"] for row in criteria_set.variants if row["code"] not in Region.values]


def kinds_of(criteria_set: CriteriaSet, place: Unit | None, used: Iterable[str]) -> list[Kind]:
    """The kinds of communes of a province that targets tell apart, or the set's variants for the nation.

    `used`: variants of the rows at hand. One query for a province, none for the nation.
    """
    names = variant_names(criteria_set)
    codes = {row["code"] for row in criteria_set.variants} | {code for code in used if code}
    groups = declared_groups(criteria_set)
    if place is None:
        ordered = [*(row["code"] for row in criteria_set.variants), *sorted(codes - set(names))]
        places = [_place(None, code, "") for code in ordered] or [_place(None, "", "")]
        return [Kind(_name(at, names, [], 1), at.group, at, 0) for at in places]
    counted: dict[Place, int] = defaultdict(int)
    for row in communes_of(criteria_set, place).values_list("target_group", "region", "uses_mountain_targets"):
        counted[kind_place(criteria_set, place, codes, *row)] += 1
    regions = {at.region for at in counted}
    region = next(iter(regions)) if len(regions) == 1 else ""
    for code in [*groups, *sorted(codes - set(Region.values) - set(groups))]:
        if not any(at.group == code for at in counted):
            counted[_place(place.pk, code, region)] = 0
    if not counted:
        own = place.region if place.region in codes else ""
        counted[_place(place.pk, "", own)] = 0
    ordered_codes = ["", *groups, *sorted(codes)]
    many = len({at.region for at in counted})
    order = sorted(counted, key=lambda at: (at.group == "", ordered_codes.index(at.group), at.region))
    return [
        Kind(_name(at, names, groups, many), at.group or (at.region if many > 1 else ""), at, counted[at])
        for at in order
    ]


def communes_of(criteria_set: CriteriaSet, place: Unit) -> QuerySet[Unit]:
    """The units of a province that are judged by the set today."""
    units = Unit.objects.within(place).existing(today()).filter(level=criteria_set.level)
    return units.rural_communes() if criteria_set.level == Level.COMMUNE else units


def kind_place(
    criteria_set: CriteriaSet, place: Unit, codes: Iterable[str], group: str, region: str, mountain: bool
) -> Place:
    """What of a unit's group and region these variants tell apart."""
    by_region = criteria_set.mountain_variant if mountain and criteria_set.mountain_variant else region
    return _place(place.pk, group if group in codes else "", by_region if by_region in codes else "")


def _place(province: int | None, group: str, region: str) -> Place:
    return Place(0, province, group, region, False)


def _name(at: Place, names: dict[str, str], groups: Sequence[str], regions: int) -> str:
    said = [names.get(at.group, at.group)] if at.group else ["Chưa xếp nhóm"] if groups else []
    if at.region and (regions > 1 or not said):
        said.append(names.get(at.region, at.region))
    return " · ".join(said) or "Mọi xã"


# --- what somebody wants -----------------------------------------------------------------------


@dataclass
class Wanted:
    """One row as typed: texts are cleaned, but nothing is checked. `at` says where it stands.

    `row` and `seen`: the row it is to become of, and its `version` when that was looked at.
    """

    at: str
    indicator: str = ""
    variant: str = ""
    unit: str = ""
    from_year: str = ""
    to_year: str = ""
    operator: str = ""
    value: str = ""
    text: str = ""
    decision: str = ""
    row: str = ""
    seen: str = ""
    compared: bool = False
    problems: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Demand:
    """A level with whom it binds and for how long, checked."""

    indicator: Indicator
    variant: str
    unit: Unit | None
    from_year: int | None
    to_year: int | None
    operator: str
    value: Decimal | None
    text: str
    decision: str

    @property
    def fields(self) -> dict[str, Any]:
        names = ("variant", "from_year", "to_year", "operator", "value", "text", "decision")
        return {name: getattr(self, name) for name in names}

    @property
    def key(self) -> tuple[int, int, str, int]:
        return self.indicator.pk, self.unit.pk if self.unit else 0, self.variant, self.from_year or 0


ADDED, CHANGED, SAME, CONFLICT, REFUSED = "added", "changed", "same", "conflict", "refused"
OUTCOMES = {
    ADDED: "Thêm mới",
    CHANGED: "Thay đổi",
    SAME: "Giữ nguyên",
    CONFLICT: "Đã đổi trên hệ thống",
    REFUSED: "Không nhận",
}


@dataclass
class Judged:
    """What becomes of one wanted row. `before`: the row on the server now, or None. `unconfirms`: whether
    writing it takes a confirmation away."""

    wanted: Wanted
    outcome: str
    demand: Demand | None = None
    before: Target | None = None
    unconfirms: bool = False
    errors: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def writes(self) -> bool:
        return self.outcome in {ADDED, CHANGED}

    @property
    def keeps_its_key(self) -> bool:
        """Whether the row on the server would go on to bind the same communes from the same year."""
        return self.before is not None and self.demand is not None and self.demand.key == key_of(self.before)


def key_of(target: Target) -> tuple[int, int, str, int]:
    """For whom and from when a row binds; a place has one such row (`Demand.key`)."""
    return target.indicator_id, target.unit_id or 0, target.variant, target.from_year or 0


def version_of(target: Target | None) -> str:
    """What of a row a person sees and changes, as a short mark; "" for a row that isn't there."""
    if target is None:
        return ""
    told = [
        target.variant, target.unit_id, target.from_year, target.to_year, target.operator,
        format_number(target.value), target.text, target.decision,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()[:16]


def demanded(operator: str, value: Decimal | None, measure: str) -> str:
    """A level in words, where the decision's own aren't typed: "≥ 95 %"."""
    if operator not in rules.NUMERIC_OPERATORS:
        return OPERATORS[Operator(operator)]
    return f"{OPERATORS[Operator(operator)]} {format_number(value)} {measure}".strip()


def lock(criteria_set: CriteriaSet) -> None:
    """Keep others from changing targets of the set until this transaction ends; results may be published."""
    CriteriaSet.objects.select_for_update(of=("self",), no_key=True).get(pk=criteria_set.pk)


class Overlay:
    """A set's targets as one place sees and changes them, with its indicators as they read today: in four queries, and
    one more where wordings were amended."""

    def __init__(self, criteria_set: CriteriaSet, place: Unit | None) -> None:
        self.set = criteria_set
        self.place = place
        listed = Indicator.objects.filter(criterion__criteria_set=criteria_set, for_history=False)
        ordered = listed.select_related("criterion").order_by("criterion__number", "position", "pk")
        self.indicators = {row.pk: row for row in worded(ordered, criteria_set, today())}
        self.by_code: dict[str, list[Indicator]] = defaultdict(list)
        for indicator in self.indicators.values():
            self.by_code[indicator.code].append(indicator)
        nation = Q(province__isnull=True, unit__isnull=True)
        rows = Target.objects.filter(own_rows(place) | nation, indicator__in=self.indicators)
        self.targets = {
            row.pk: row
            for row in rows.select_related("unit", "confirmed_by").order_by(
                "indicator", "unit", "variant", F("from_year").asc(nulls_first=True), "pk"
            )
        }
        self.rows: dict[int, list[Row]] = defaultdict(list)
        self.own: dict[tuple[int, int, str, int], Target] = {}
        for row in self.targets.values():
            row.indicator = self.indicators[row.indicator_id]
            self.rows[row.indicator_id].append(
                Row(row.pk, row.province_id, row.unit_id, row.variant, row.from_year, row.to_year)
            )
            if self.is_own(row):
                self.own[key_of(row)] = row
        self.names = variant_names(criteria_set)

    def is_own(self, row: Target) -> bool:
        """Whether the row is the place's to change."""
        return (row.province_id is not None or row.unit_id is not None) == (self.place is not None)

    @cached_property
    def kinds(self) -> list[Kind]:
        return kinds_of(self.set, self.place, {row.variant for row in self.targets.values()})

    @cached_property
    def variants(self) -> dict[str, str]:
        """Variants a row of the place may name, with their names: those of the set, for a province also
        its own zones."""
        codes = [row["code"] for row in self.set.variants]
        if self.place is not None:
            zones = communes_of(self.set, self.place).exclude(target_group="").values_list("target_group", flat=True)
            codes += sorted(set(zones.order_by().distinct()) | {row.variant for row in self.own.values()})
        return {code: self.names.get(code, code) for code in dict.fromkeys(codes) if code}

    @cached_property
    def units(self) -> dict[str, list[Unit]]:
        """The place's units by code."""
        found: dict[str, list[Unit]] = defaultdict(list)
        if self.place is not None:
            for unit in communes_of(self.set, self.place).order_by("sort_key", "pk"):
                found[unit.code].append(unit)
        return found

    @staticmethod
    def years_of(criteria_set: CriteriaSet) -> list[int]:
        """Years of the set that can be looked at; an open set's until next year."""
        last = criteria_set.last_year or max(today().year + 1, criteria_set.first_year)
        return list(range(criteria_set.first_year, last + 1))

    def whom(self, row: Target | Demand) -> str:
        """For whom a row binds: "Xã nhóm 1", "Xã Đông Phú", "Chung"."""
        if row.unit is not None:
            return row.unit.full_name
        return self.names.get(row.variant, row.variant) if row.variant else "Chung"

    # --- what a row would do ---

    def judge(self, wanted: Sequence[Wanted]) -> list[Judged]:
        """What becomes of each row; of several that speak of the same level all are refused."""
        judged = [self._judge(row) for row in wanted]
        self._part_copies(judged)
        by_key: dict[Any, list[Judged]] = defaultdict(list)
        for one in judged:
            if one.demand is not None:
                by_key[one.demand.key].append(one)
        for same in by_key.values():
            if len(same) > 1:
                places = ", ".join(one.wanted.at for one in same)
                for one in same:
                    alike = all(other.demand.fields == same[0].demand.fields for other in same)  # type: ignore[union-attr]
                    said = "Trùng" if alike else "Mâu thuẫn"
                    one.outcome = REFUSED
                    one.errors[""] = f"{said}: cùng chỉ tiêu, đối tượng và năm ở {places}. Chỉ giữ một."
        self._warn(judged)
        return judged

    def _part_copies(self, judged: list[Judged]) -> None:
        """Let one row alone speak for a row of the server: of a row copied in a table the one that still binds
        the same communes from the same year, the others are new. All are refused where that isn't clear."""
        by_row: dict[int, list[int]] = defaultdict(list)
        for at, one in enumerate(judged):
            if one.before is not None:
                by_row[one.before.pk].append(at)
        for places in by_row.values():
            if len(places) == 1:
                continue
            true = [at for at in places if judged[at].keeps_its_key]
            for at in places:
                one = judged[at]
                if len(true) != 1:
                    one.outcome = REFUSED
                    one.errors.setdefault(
                        "",
                        f"Dòng chép: {', '.join(judged[other].wanted.at for other in places)} cùng từ một yêu cầu đã "
                        "tải xuống. Giữ một dòng đúng đối tượng và năm như cũ; mức mới ghi ở dòng trống cuối bảng.",
                    )
                elif at not in true:
                    new = self._judge(replace(one.wanted, row="", seen=""))
                    if new.before is None:
                        judged[at] = new

    def _judge(self, wanted: Wanted) -> Judged:
        errors: dict[str, str] = {}
        demand = self._check(wanted, errors)
        before = self._row(wanted, demand, errors)
        errors |= wanted.problems
        if errors or demand is None:
            return Judged(wanted, REFUSED, None, before, errors=errors)
        if before is None:
            return Judged(wanted, ADDED, demand)
        now = version_of(before)
        if demand.fields == {name: getattr(before, name) for name in demand.fields} and demand.unit == before.unit:
            outcome = CHANGED if wanted.compared and not before.is_confirmed else SAME
        elif wanted.seen != now:
            # What was only looked at and not touched isn't a change against the other's.
            untouched = wanted.seen and wanted.seen == version_of(_as_target(demand))
            outcome = SAME if untouched else CONFLICT
        else:
            outcome = CHANGED
        differs = demand.unit != before.unit
        differs |= any(getattr(before, name) != demand.fields[name] for name in Target.DEMAND)
        return Judged(wanted, outcome, demand, before, before.is_confirmed and differs and not wanted.compared)

    def _row(self, wanted: Wanted, demand: Demand | None, errors: dict[str, str]) -> Target | None:
        """The row on the server that is meant: the one named, else the one that has the same key."""
        same = self.own.get(demand.key) if demand else None
        if not wanted.row:
            return same
        named = self.targets.get(int(wanted.row)) if wanted.row.isascii() and wanted.row.isdecimal() else None
        if named is None or not self.is_own(named):
            if same is None:
                errors[""] = "Yêu cầu này không còn trên hệ thống, hoặc không thuộc địa bàn của tệp. Tải lại bảng."
            return same
        if demand is not None and named.indicator_id != demand.indicator.pk:
            errors["indicator"] = "Mã chỉ tiêu đã bị đổi so với dòng đã tải xuống; thêm dòng mới thay vì sửa mã."
        elif same is not None and same.pk != named.pk:
            errors[""] = f"Đã có yêu cầu khác cho cùng chỉ tiêu, đối tượng và năm: {same.text}."
        return named

    def _check(self, wanted: Wanted, errors: dict[str, str]) -> Demand | None:
        indicator = self._indicator(wanted, errors)
        unit = self._unit(wanted, errors)
        variant = self._variant(wanted, errors)
        if unit is not None and variant:
            errors["variant"] = "Mức riêng của một xã không ghi thêm vùng, nhóm."
        years = {name: self._year(getattr(wanted, name), name, errors) for name in ("from_year", "to_year")}
        if None not in years.values() and years["to_year"] < years["from_year"]:  # type: ignore[operator]
            errors["to_year"] = "“Đến hết năm” phải từ “Từ năm” trở đi."
        value = self._level(wanted, indicator, errors)
        decision = _text(wanted.decision, 200, "decision", errors)
        if self.place is not None and not decision:
            errors["decision"] = "Ghi số quyết định quy định mức này."
        text = _text(wanted.text, 500, "text", errors)
        if errors or indicator is None:
            return None
        text = text or demanded(wanted.operator, value, indicator.measure)
        return Demand(indicator, variant, unit, years["from_year"], years["to_year"], wanted.operator, value, text,
                      decision)  # fmt: skip

    def _indicator(self, wanted: Wanted, errors: dict[str, str]) -> Indicator | None:
        found = self.by_code.get(wanted.indicator, [])
        if len(found) == 1:
            return found[0]
        if not wanted.indicator:
            errors["indicator"] = "Ghi mã chỉ tiêu."
        elif found:
            errors["indicator"] = f"Bộ tiêu chí có {len(found)} chỉ tiêu mã “{wanted.indicator}”."
        else:
            errors["indicator"] = f"Bộ tiêu chí không có chỉ tiêu “{wanted.indicator}”."
        return None

    def _unit(self, wanted: Wanted, errors: dict[str, str]) -> Unit | None:
        if not wanted.unit:
            return None
        found = self.units.get(wanted.unit, []) or self.units.get(wanted.unit.zfill(5), [])
        if len(found) == 1:
            return found[0]
        place = self.place.in_sentence if self.place else "bảng của trung ương"
        errors["unit"] = f"Không có xã mã “{wanted.unit}” trong {place}."
        return None

    def _variant(self, wanted: Wanted, errors: dict[str, str]) -> str:
        said = wanted.variant.casefold()
        if said in {"", "chung"}:
            return ""
        for code, name in self.variants.items():
            if said in {code.casefold(), name.casefold()}:
                return code
        known = ", ".join(self.variants.values()) or "chỉ có mức chung"
        errors["variant"] = f"Không có vùng, nhóm “{wanted.variant}”. Các vùng, nhóm: {known}."
        return ""

    def _year(self, text: str, name: str, errors: dict[str, str]) -> int | None:
        if not text:
            return None
        last = self.set.last_year or 2100
        if not (text.isascii() and text.isdecimal() and self.set.first_year <= int(text[:9]) <= last):
            errors[name] = f"“{text[:20]}” không phải một năm của bộ tiêu chí ({self.set.period})."
            return None
        return int(text)

    def _level(self, wanted: Wanted, indicator: Indicator | None, errors: dict[str, str]) -> Decimal | None:
        try:
            value = parse_number(wanted.value)
        except NumberError as error:
            errors["value"] = str(error)
            return None
        if wanted.operator not in OPERATORS:
            known = ", ".join(OPERATORS.values())
            errors["operator"] = f"Cột So sánh ghi một trong: {known}."
            return None
        if wanted.operator not in rules.NUMERIC_OPERATORS:
            if value is not None:
                errors["value"] = "Yêu cầu “Đạt” hoặc xem xét theo nội dung thì không ghi mức."
            return None
        if value is None:
            errors["value"] = "Ghi mức cần đạt, ví dụ 95 hoặc 98,5."
        elif indicator is not None and indicator.kind == Indicator.Kind.BOOLEAN:
            errors["operator"] = "Chỉ tiêu có/không không có mức bằng số; chọn Đạt hoặc Xem xét theo nội dung."
        elif indicator is not None and indicator.kind == Indicator.Kind.PERCENT and value > 100:
            errors["value"] = "Tỷ lệ không vượt quá 100 %."
        elif value >= GREATEST:
            errors["value"] = "Mức quá lớn."
        return value

    # --- warnings ---

    def _warn(self, judged: Iterable[Judged]) -> None:
        """What to think of before writing; the same whichever way the row came in."""
        kept = [(one, one.demand) for one in judged if one.writes and one.demand]
        rows = self._as_if(kept)
        for one, demand in kept:
            code = demand.indicator.code
            if said := self._weaker(demand, rows[demand.indicator.pk]):
                one.warnings.append(said)
            if said := self._mixed(demand, rows[demand.indicator.pk]):
                one.warnings.append(said)
            numbers = figures_in(demand.text)
            if demand.value is not None and numbers and demand.value not in numbers:
                one.warnings.append(
                    f"Chỉ tiêu {code}: lời văn ghi “{demand.text}” nhưng ô Mức ghi "
                    f"{format_number(demand.value)}; xem lại ô nào đúng."
                )
            elif is_tiny(demand) and (demand.value != 1 or demand.operator != Operator.AT_MOST):
                least = "chỉ một phần trăm" if demand.value == 1 else "chưa đến một phần trăm"
                one.warnings.append(
                    f"Chỉ tiêu {code}: mức {format_number(demand.value)} % là {least}; nếu là 95 % thì ghi 95, "
                    "100 % thì ghi 100."
                )

    def _as_if(self, kept: Iterable[tuple[Judged, Demand]]) -> dict[int, list[Row]]:
        """The rows as they will be once these are written; a new one has a number below 0."""
        rows = {indicator: list(found) for indicator, found in self.rows.items()}
        for number, (one, demand) in enumerate(kept, start=1):
            pk = one.before.pk if one.before else -number
            province = self.place.pk if self.place else None
            row = Row(pk, province, demand.unit.pk if demand.unit else None, demand.variant, demand.from_year,
                      demand.to_year)  # fmt: skip
            found = rows.setdefault(demand.indicator.pk, [])
            found[:] = [*(other for other in found if other.id != pk), row]
        return rows

    def _weaker(self, demand: Demand, rows: list[Row]) -> str:
        """A warning where the nation's level, for some kind of commune and year, asks for more."""
        nation = [row for row in rows if row.province is None and row.unit is None]
        begins, ends = demand.from_year or self.set.first_year, demand.to_year or self.set.last_year or 9999
        years = sorted({begins, *(row.from_year for row in nation if row.from_year and begins < row.from_year <= ends)})
        highest = highest_of(demand.indicator)
        for kind in self._bound(demand, self.place) if self.place else []:
            for year in years:
                level = self._chosen(nation, kind.place, year)
                if level and is_weaker(demand.operator, demand.value, level.operator, level.value, highest=highest):
                    since = f" từ năm {year}" if year != begins else ""
                    return (
                        f"Chỉ tiêu {demand.indicator.code}, {self.whom(demand)}: mức của tỉnh “{demand.text}” "
                        f"thấp hơn mức {self.base_name}{since} "
                        f"“{level.text}”{f' ({kind.name})' if len(self.kinds) > 1 else ''}."
                    )
        return ""

    def _bound(self, demand: Demand, place: Unit) -> list[Kind]:
        """The kinds of communes a row speaks of."""
        if demand.unit is not None:
            unit = demand.unit
            codes = {row.variant for row in self.targets.values()} | {row["code"] for row in self.set.variants}
            at = kind_place(self.set, place, codes, unit.target_group, unit.region, unit.uses_mountain_targets)
            return [Kind(unit.full_name, at.group or at.region, at, 1)]
        if not demand.variant:
            return self.kinds
        return [kind for kind in self.kinds if demand.variant in {kind.place.group, kind.place.region}]

    def _mixed(self, demand: Demand, rows: list[Row]) -> str:
        """A general row doesn't bind beside rows for groups: say so before it surprises anybody."""
        province = self.place.pk if self.place else None
        if demand.unit is not None:
            return ""
        own = [row for row in rows if row.province == province and row.unit is None]
        general = [row for row in own if not row.variant]
        special = [row for row in own if row.variant]
        if not (general and special):
            return ""
        return (
            f"Chỉ tiêu {demand.indicator.code} vừa có mức chung vừa có mức theo vùng, nhóm: nơi đã có mức theo vùng, "
            "nhóm thì mức chung không áp dụng nữa; xã chưa có mức riêng của nhóm mình theo mức trung ương."
        )

    @property
    def base_name(self) -> str:
        return "của bộ tiêu chí" if self.set.province_id else "trung ương"

    def _chosen(self, rows: Iterable[Row], at: Place, year: int) -> Target | None:
        row = choose(rows, at, year)
        return self.targets[row.id] if row else None

    # --- writing ---

    def write(self, judged: Iterable[Judged], by: Any) -> list[Target]:
        """Do what was judged, within the caller's transaction and under its `lock`; the rows written."""
        written = []
        judged = list(judged)
        now = keep([one.before.pk for one in judged if one.writes and one.before])
        for one in judged:
            if not one.writes or one.demand is None:
                continue
            row = one.before or Target(indicator=one.demand.indicator, province=self.place)
            if one.before is None or one.demand.unit != row.unit:
                row.unit = one.demand.unit
            for name, value in one.demand.fields.items():
                setattr(row, name, value)
            if one.wanted.compared:
                row.confirmed_by, row.confirmed_at = by, timezone.now()
            elif one.unconfirms:
                row.confirmed_by = row.confirmed_at = None
            row.recorded_at = now
            row.save()
            written.append(row)
        audit.info(
            "targets changed", extra={"username": by.get_username(), "targets": sorted(row.pk for row in written)}
        )
        return written


def is_tiny(demand: Demand) -> bool:
    """Whether a per cent is no more than one: more often a share, 1 for 100 %, than meant."""
    return demand.value is not None and 0 < demand.value <= 1 and highest_of(demand.indicator) is not None


def highest_of(indicator: Indicator) -> Decimal | None:
    return Decimal(100) if indicator.kind == Indicator.Kind.PERCENT else None


def _as_target(demand: Demand) -> Target:
    return Target(unit=demand.unit, **demand.fields)


def _text(text: str, limit: int, name: str, errors: dict[str, str]) -> str:
    try:
        return clean_text(text, limit)
    except TextTooLongError as error:
        errors[name] = str(error)
        return ""


def figures_in(text: str) -> set[Decimal]:
    """The figures that stand in a text; empty where they are numbers of decisions rather than levels."""
    if re.search(r"\d+/\d{4}|\d+/Q", text):
        return set()
    found = set()
    for typed in re.findall(r"\d+(?:[.,]\d+)*", text):
        try:
            number = parse_number(typed)
        except NumberError:
            continue
        if number is not None:
            found.add(number)
    return found


@dataclass
class Saved:
    """What came of rows that were to be saved; `done`: they were, as far as anything changed."""

    judged: list[Judged]
    done: bool
    written: list[Target] = field(default_factory=list)

    @property
    def warnings(self) -> list[str]:
        return [text for one in self.judged for text in one.warnings]

    @property
    def is_stale(self) -> bool:
        return any(one.outcome == CONFLICT for one in self.judged)


@transaction.atomic
def save(
    criteria_set: CriteriaSet, place: Unit | None, wanted: Sequence[Wanted], by: Any, *, warned: str = ""
) -> Saved:
    """Judge the rows under the lock and write them, all or none.

    Nothing is written where one is refused or changed by somebody else meanwhile, or where there
    are warnings other than those the person has `warned` seen (`mark_of`).
    """
    lock(criteria_set)
    overlay = Overlay(criteria_set, place)
    judged = overlay.judge(wanted)
    if any(one.outcome in {REFUSED, CONFLICT} for one in judged) or mark_of(judged) != warned:
        return Saved(judged, done=False)
    return Saved(judged, done=True, written=overlay.write(judged, by))


def mark_of(judged: Iterable[Judged]) -> str:
    """What a person was warned of, as a short mark; "" where of nothing."""
    said = [text for one in judged for text in one.warnings]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16] if said else ""


@transaction.atomic
def delete(target: Target, seen: str, by: Any) -> bool:
    """Delete a row that may be deleted, as it was `seen`; whether it was."""
    lock(target.indicator.criterion.criteria_set)
    now = Target.objects.filter(pk=target.pk).select_related("unit").first()
    if now is None or version_of(now) != seen or not is_free(now):
        return False
    audit.info("target deleted", extra={"username": by.get_username(), "target": now.pk, "text": str(now.text)})
    keep([now.pk])
    now.delete()
    return True


def is_free(target: Target) -> bool:
    """Whether a row may be deleted: it never bound anybody and nobody spoke of it."""
    return not target.is_confirmed and not TargetReport.objects.filter(target=target).exists()


# --- the grid -----------------------------------------------------------------------------------


class Look(NamedTuple):
    """How a cell is marked: a word and a sign, never a colour alone."""

    label: str
    mark: str
    css: str


LOOKS = {
    "unknown": Look("Chưa quy định mức", "?", "t-unknown"),
    "unconfirmed": Look("Chưa xác nhận", "○", "t-unconfirmed"),
    "national": Look("Trung ương", "✓", "t-national"),
    "local": Look("Địa phương", "◆", "t-local"),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """What binds one kind of commune in the year, and whose it is. `own`: the place's row, to be changed."""

    kind: Kind
    target: Target | None
    base: Target | None
    state: str
    is_local: bool
    is_weaker: bool
    own: Target | None

    @property
    def look(self) -> Look:
        return LOOKS[self.state]


@dataclass
class Line:
    """One indicator of the grid. `singles`: rows for single communes in that year."""

    indicator: Indicator
    cells: list[Cell]
    singles: list[Target]
    reports: int = 0


@dataclass
class Group:
    """One criterion of the grid. `pending`: the place's rows of it that nobody confirmed; `seen`: a mark of them."""

    criterion: Any
    lines: list[Line]
    pending: int = 0
    seen: str = ""


@dataclass
class Grid:
    overlay: Overlay
    year: int
    groups: list[Group]
    counts: dict[str, int]


SHOWS = {
    "": "Tất cả",
    "open": "Chưa rõ hoặc chưa xác nhận",
    "unknown": "Chưa quy định mức",
    "unconfirmed": "Chưa xác nhận",
    "national": "Trung ương",
    "local": "Địa phương",
    "weaker": "Thấp hơn trung ương",
}


def shows(cell: Cell, show: str) -> bool:
    if show == "open":
        return cell.state in {"unknown", "unconfirmed"}
    if show == "weaker":
        return cell.is_weaker
    return not show or cell.state == show


def grid(overlay: Overlay, year: int, *, show: str = "", criterion: int | None = None) -> Grid:
    """All indicators in force at the year's end (in the present year: today or later in it) by all kinds of communes,
    or those with a cell that `show` names.

    The counts are of all cells of the set. Two queries beside the overlay's own.
    """
    last = date(year, 12, 31)
    since = today() if year == today().year else last
    reports: dict[int, int] = defaultdict(int)
    open_reports = TargetReport.objects.filter(answered_at__isnull=True, indicator__in=overlay.indicators)
    if overlay.place is not None:
        open_reports = open_reports.filter(unit__province=overlay.place)
    for pk in open_reports.values_list("indicator_id", flat=True):
        reports[pk] += 1
    counts = dict.fromkeys(SHOWS, 0)
    groups: dict[int, Group] = {}
    for indicator in overlay.indicators.values():
        if (indicator.in_force_from or last) > last or (indicator.in_force_to or last) < since:
            continue
        found = cells(overlay, indicator, year)
        for cell in found:
            for name in SHOWS:
                counts[name] += shows(cell, name)
        number = indicator.criterion.number
        if (criterion is not None and number != criterion) or not any(shows(cell, show) for cell in found):
            continue
        singles = [
            target
            for target in (overlay.targets[row.id] for row in overlay.rows[indicator.pk] if row.unit is not None)
            if _binds_in(target, year)
        ]
        group = groups.setdefault(number, Group(indicator.criterion, []))
        group.lines.append(Line(indicator, found, singles, reports[indicator.pk]))
    for group in groups.values():
        group.pending, group.seen = pending_of(overlay, group.criterion.pk)
    return Grid(overlay, year, list(groups.values()), counts)


def pending_of(overlay: Overlay, criterion: int) -> tuple[int, str]:
    """How many of the place's own rows of a criterion wait for confirmation, and a mark of what they say."""
    rows = [
        row
        for row in overlay.own.values()
        if overlay.indicators[row.indicator_id].criterion_id == criterion and not row.is_confirmed
    ]
    told = json.dumps(sorted([row.pk, version_of(row)] for row in rows))
    return len(rows), hashlib.sha256(told.encode()).hexdigest()[:16]


@transaction.atomic
def confirm_criterion(criteria_set: CriteriaSet, place: Unit | None, criterion: int, seen: str, by: Any) -> int | None:
    """Confirm the place's rows of a criterion as they were `seen`; None where they are others now."""
    lock(criteria_set)
    overlay = Overlay(criteria_set, place)
    if pending_of(overlay, criterion)[1] != seen:
        return None
    return confirm(Target.objects.filter(own_rows(place), indicator__criterion=criterion), by)


def _binds_in(target: Target, year: int) -> bool:
    return (target.from_year or 0) <= year <= (target.to_year or 9999)


def cells(overlay: Overlay, indicator: Indicator, year: int) -> list[Cell]:
    """What binds each kind of commune, one after the other."""
    return [_cell(overlay, indicator, kind, year) for kind in overlay.kinds]


def _cell(overlay: Overlay, indicator: Indicator, kind: Kind, year: int) -> Cell:
    rows = overlay.rows[indicator.pk]
    target = overlay._chosen(rows, kind.place, year)
    base = overlay._chosen([row for row in rows if row.province is None and row.unit is None], kind.place, year)
    local = target is not None and target.province_id is not None
    weaker = (
        local
        and target is not None
        and base is not None
        and is_weaker(target.operator, target.value, base.operator, base.value, highest=highest_of(indicator))
    )
    if target is None:
        state = "unknown"
    elif not target.is_confirmed:
        state = "unconfirmed"
    else:
        state = "local" if local else "national"
    own = target if target is not None and overlay.is_own(target) else None
    return Cell(kind, target, base, state, local, weaker, own)


# --- what results say against a level -------------------------------------------------------------


class Contradiction(NamedTuple):
    """A published "Đạt" whose figure misses the level that is in force now."""

    unit: Unit
    stage: str
    value: Decimal | None

    @property
    def stage_name(self) -> str:
        return Stage(self.stage).label


def contradictions(criteria_set: CriteriaSet, targets: Iterable[Target]) -> dict[int, list[Contradiction]]:
    """By target, the current results of communes it binds that are "Đạt" and miss it. Nothing is changed:
    a published result keeps the target as it stood. Three queries."""
    wanted = {row.pk: row for row in targets if row.operator in rules.NUMERIC_OPERATORS}
    if not wanted:
        return {}
    indicators = {row.indicator_id for row in wanted.values()}
    found = Assessment.objects.filter(
        indicator__in=indicators, verdict__in=rules.MET_VERDICTS, value__isnull=False, unit__closed_on__isnull=True
    )
    provinces = {row.province_id for row in wanted.values()}
    if None not in provinces:
        found = found.filter(unit__province__in=provinces)
    assessments = list(found.select_related("unit").order_by("unit__sort_key", "unit_id", "stage", "pk"))
    units = {row.unit_id: row.unit for row in assessments}
    asked = Indicator.objects.filter(pk__in=indicators)
    resolved = resolve_area(units.values(), criteria_set, today(), asked)
    answer: dict[int, list[Contradiction]] = {pk: [] for pk in wanted}
    for row in assessments:
        binding = resolved[row.unit_id][row.indicator_id].target
        if binding is None or binding.pk not in wanted:
            continue
        figure = rules.measured(row.value, row.part, row.whole)
        if rules.contradicts(row.verdict, binding.operator, binding.value, True, figure):
            answer[binding.pk].append(Contradiction(row.unit, row.stage, row.value))
    return answer


def units_contradicted(criteria_set: CriteriaSet, targets: Iterable[Target]) -> int:
    """How many communes have a current "Đạt" that these levels contradict."""
    found = contradictions(criteria_set, targets)
    return len({row.unit.pk for rows in found.values() for row in rows})


# --- reports of wrong targets ----------------------------------------------------------------------


def open_reports(place: Unit | None) -> QuerySet[TargetReport]:
    rows = TargetReport.objects.filter(answered_at__isnull=True)
    return rows if place is None else rows.filter(unit__province=place)


def may_change(target: Target | None, user: Any) -> bool:
    """Whether the person keeps the row."""
    if target is None:
        return False
    province = target.province_id or (target.unit.province_id if target.unit else None)
    return bool(can(user, "reference.change", province))


def in_force(unit: Unit, indicator: Indicator) -> Resolved:
    """What is demanded of the unit today, as its own pages say it."""
    return resolve_one(unit, indicator, latest_day(unit, indicator.criterion.criteria_set))


@transaction.atomic
def answer_report(report: TargetReport, text: str, by: Any) -> bool:
    """Answer a report; False where somebody else has answered it meanwhile."""
    held = TargetReport.objects.select_for_update(of=("self",)).get(pk=report.pk)
    if held.answered_at is not None:
        return False
    held.answer, held.answered_by, held.answered_at = text, by, timezone.now()
    held.save(update_fields=["answer", "answered_by", "answered_at"])
    return True


def wanted_from(target: Target, at: str = "") -> Wanted:
    """A row as its form shows it."""
    return Wanted(
        at=at,
        indicator=target.indicator.code,
        variant=target.variant,
        unit=target.unit.code if target.unit else "",
        from_year=str(target.from_year or ""),
        to_year=str(target.to_year or ""),
        operator=target.operator,
        value=format_number(target.value),
        text=target.text,
        decision=target.decision,
        row=str(target.pk),
        seen=version_of(target),
    )
