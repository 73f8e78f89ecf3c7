"""A criteria set as plain data: the form its files have, and what the database would hold of it.

`described` says what a stored set holds, `filled` and `as_stored` bring a file's data into
the same form, `after` says what a set would be once a file is written over it. Comparing
two of these (`criteria.workshop.difference`) is therefore all a preview needs, and
`criteria.loading.write_set` then makes the set exactly that.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, Q

from criteria import shapes
from criteria.loading import NUMERIC, conditions, whole_day
from criteria.models import CriteriaSet, Indicator, Revision, Target, TargetReport, Wording
from criteria.models.sets import default_buckets

Data = dict[str, Any]

INDICATOR_DEFAULTS = {"needs_evidence": True, "guidance": None, "in_force_from": None, "in_force_to": None}


def filled(data: Data) -> Data:
    """Checked data with every optional key there, empty texts as None, and no group that no criterion has."""
    names = {row["code"]: row["name"] for row in data["groups"]}
    used = dict.fromkeys(row["group"] for row in data["criteria"] if row["group"])
    criteria = [
        _nulled(
            {
                "is_key": False,
                **row,
                "indicators": [
                    _nulled(
                        {
                            **INDICATOR_DEFAULTS,
                            **indicator,
                            "targets": [
                                _nulled({"source": None, "decision": None, "to_year": None, **target})
                                for target in indicator["targets"]
                            ],
                        }
                    )
                    for indicator in row["indicators"]
                ],
            }
        )
        for row in data["criteria"]
    ]
    threshold = data.get("nearly_met_threshold")
    return {
        **_nulled(
            {
                "effective": None, "province": None, "requires": None, "mountain_variant": None, "note": None,
                "incomplete": False, "amended_by": [], **data,
            }
        ),
        "nearly_met_threshold": Decimal(80) if threshold is None else threshold,
        "official_counts": {key: data["official_counts"].get(key) for key in ("criteria", "indicators")},
        "variants": [{key: value for key, value in row.items() if value} for row in data["variants"]],
        "buckets": data.get("buckets") or default_buckets(),
        "groups": [{"code": code, "name": names[code]} for code in used],
        "criteria": criteria,
        "provincial_targets": [
            _nulled({"variant": None, "to_year": None, **row}) for row in data.get("provincial_targets", [])
        ],
        "wordings": [_nulled({"decision": None, "source": None, **row}) for row in data.get("wordings", [])],
    }  # fmt: skip


def _nulled(row: Data) -> Data:
    return {key: None if value == "" else value for key, value in row.items()}


def as_stored(data: Data) -> Data:
    """filled() data as the database would give it back: in its order, without what it has no column for."""
    data = filled(data)
    criteria = sorted(data["criteria"], key=lambda row: row["number"])
    places = _places(criteria)
    variants = {row["code"]: place for place, row in enumerate(data["variants"])}

    def by_demand(row: Data) -> tuple:
        return (variants.get(row["variant"], -1), row["year"] or 0)

    return {
        **data,
        "issued": _day_only(data["issued"]),
        "effective": _day_only(data["effective"]),
        "nearly_met_threshold": Decimal(data["nearly_met_threshold"]),
        "rules": [*data["rules"], *conditions(data)],
        "groups": filled({**data, "criteria": criteria})["groups"],
        "criteria": [
            {
                **row,
                "indicators": [
                    {
                        **indicator,
                        "targets": sorted(
                            (_without_usual(target, data["decision"]) for target in indicator["targets"]), key=by_demand
                        ),
                    }
                    for indicator in row["indicators"]
                ],
            }
            for row in criteria
        ],
        "provincial_targets": sorted(
            (row for row in data["provincial_targets"] if row["indicator"] is not None),
            key=lambda row: (row["province_code"], places[row["indicator"]], *by_demand(row)),
        ),
        "wordings": sorted(data["wordings"], key=lambda row: (places[row["indicator"]], row["from"])),
    }


def _without_usual(target: Data, decision: str | None) -> Data:
    """A target of the set's own decision doesn't name it again."""
    return {**target, "decision": None} if target["decision"] == decision else target


def _day_only(text: str | None) -> str | None:
    day = whole_day(text)
    return day.isoformat() if day else None


def _places(criteria: list[Data]) -> dict[str, int]:
    codes = [indicator["code"] for row in criteria for indicator in row["indicators"]]
    return {code: place for place, code in enumerate(codes)}


def described(criteria_set: CriteriaSet, provinces: Collection[int] | None = None) -> Data:
    """The stored set as data, with local targets of these provinces only (None: of all). Placeholders aren't
    in it: they are made where a criterion has no indicators. Five queries, whatever the set's size."""
    targets: dict[int, list[Target]] = defaultdict(list)
    provincial: list[Data] = []
    rows = Target.objects.filter(indicator__criterion__criteria_set=criteria_set, unit__isnull=True)
    if provinces is not None:
        rows = rows.filter(Q(province__isnull=True) | Q(province__in=provinces))
    for target in rows.select_related("province", "indicator"):
        if target.province is None:
            targets[target.indicator_id].append(target)
        elif not target.indicator.stands_for_criterion:
            of = {"province": target.province.name, "province_code": target.province.code}
            provincial.append({**of, "indicator": target.indicator.code, **_demand(target)})
    indicators: dict[int, list[Indicator]] = defaultdict(list)
    codes = {}
    for indicator in Indicator.objects.filter(criterion__criteria_set=criteria_set).order_by("position", "pk"):
        codes[indicator.pk] = indicator.code
        if not indicator.stands_for_criterion:
            indicators[indicator.criterion_id].append(indicator)
    criteria = list(criteria_set.criteria.order_by("number"))
    wordings = Wording.objects.filter(indicator__criterion__criteria_set=criteria_set).select_related("indicator")
    official = criteria_set.official_indicators
    empty = any(not indicators[criterion.pk] for criterion in criteria)
    current = sum(
        1 for rows in indicators.values() for row in rows if row.part_of_id is None and row.in_force_to is None
    )
    told: Data = {
        "code": criteria_set.code,
        "name": criteria_set.name,
        "level": criteria_set.level,
        "grade": criteria_set.grade,
        "decision": criteria_set.decision,
        "amended_by": criteria_set.amended_by,
        "issued": _text(criteria_set.issued_on),
        "effective": _text(criteria_set.effective_on),
        "period": [criteria_set.first_year, criteria_set.last_year],
        "requires": criteria_set.requires.code if criteria_set.requires else None,
        "province": criteria_set.province.code if criteria_set.province else None,
        "official_counts": {"criteria": criteria_set.official_criteria, "indicators": official},
        "incomplete": official is not None and (empty or current != official),
        "variants": criteria_set.variants,
        "mountain_variant": criteria_set.mountain_variant,
        "nearly_met_threshold": criteria_set.nearly_met_threshold,
        "buckets": criteria_set.buckets,
        "groups": [{"code": row.group, "name": row.group_name} for row in criteria if row.group],
        "criteria": [
            {
                "number": row.number,
                "group": row.group,
                "name": row.name,
                "is_key": row.is_key,
                "provenance": row.provenance,
                "note": row.note,
                "indicators": [_indicator(one, codes, targets[one.pk]) for one in indicators[row.pk]],
            }
            for row in criteria
        ],
        "rules": criteria_set.rules,
        "note": criteria_set.note,
        "sources": criteria_set.sources,
        "provincial_targets": provincial,
        "wordings": [
            {
                "indicator": row.indicator.code,
                "from": row.starts_on.isoformat(),
                "name": row.name,
                "decision": row.decision,
                "source": row.source,
            }
            for row in wordings
        ],
    }
    return as_stored(shapes.cleaned(told))


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _indicator(indicator: Indicator, codes: dict[int, str], targets: list[Target]) -> Data:
    return {
        "code": indicator.code,
        "name": indicator.name,
        "kind": indicator.kind,
        "unit": indicator.measure,
        "targets": [{**_demand(target), "provenance": target.provenance} for target in targets],
        "set_by_province": indicator.set_by_province,
        "provenance": indicator.provenance,
        "source": indicator.source,
        "note": indicator.note,
        "confidence": indicator.confidence,
        "part_of": codes[indicator.part_of_id] if indicator.part_of_id else None,
        "may_be_not_applicable": indicator.may_be_not_applicable,
        "needs_evidence": indicator.needs_evidence,
        "guidance": indicator.guidance,
        "in_force_from": _text(indicator.in_force_from),
        "in_force_to": _text(indicator.in_force_to),
    }


def _demand(target: Target) -> Data:
    return {
        "variant": target.variant,
        "year": target.from_year,
        "to_year": target.to_year,
        "operator": target.operator,
        "value": target.value,
        "text": target.text,
        "source": target.source,
        "decision": target.decision,
    }


# --- writing over a set --------------------------------------------------------------------


class Unamendable(Exception):
    """What a set in use can't undergo: (place in the file's data, reason) of each."""

    def __init__(self, problems: list[shapes.Problem]) -> None:
        super().__init__("; ".join(reason for _, reason in problems))
        self.problems = problems


Key = tuple[str, str | None, int | None]  # indicator's code, variant, year


def binding(criteria_set: CriteriaSet) -> frozenset[Key]:
    """The set's own targets that bind, were confirmed or spoken of, or that results rest on: these never go away."""
    rows = Target.objects.filter(
        indicator__criterion__criteria_set=criteria_set, province__isnull=True, unit__isnull=True
    ).filter(
        Q(confirmed_at__isnull=False)
        | ~Q(operator__in=NUMERIC)
        | Exists(Revision.objects.filter(target=OuterRef("pk")))
        | Exists(TargetReport.objects.filter(target=OuterRef("pk")))
    )
    found = rows.values_list("indicator__code", "variant", "from_year")
    return frozenset((code, variant or None, year) for code, variant, year in found)


def after(
    data: Data, stored: Data | None, *, published: bool, first_day: date, bound: frozenset[Key] = frozenset()
) -> Data:
    """What the set would be with `data` written over it; raises Unamendable.

    A draft becomes what the file says. In a published one nothing goes away: indicators the
    file doesn't have end the day before `first_day`, new ones begin on it, and a date the file
    leaves empty stays; so do targets that are `bound` (`_Amendment`), and provinces' targets stay as
    they are: provinces change them meanwhile, and a file may be of yesterday. In a draft those the
    file doesn't have stay. Whether the set is complete isn't the file's alone.
    """
    result = as_stored(data)
    if stored is None:
        return result
    if published:
        known = {one["code"]: one for row in stored["criteria"] for one in row["indicators"]}
        named = {one["code"] for row in result["criteria"] for one in row["indicators"]}
        earlier = {row["number"]: row["indicators"] for row in stored["criteria"]}
        amendment = _Amendment(data, first_day, bound)
        result["criteria"] = [
            {
                **row,
                "indicators": [
                    amendment.indicator(_dated(one, known.get(one["code"]), first_day), known.get(one["code"]))
                    for one in row["indicators"]
                ]
                + [_ended(one, first_day) for one in earlier.get(row["number"], []) if one["code"] not in named],
            }
            for row in result["criteria"]
        ]
        result["provincial_targets"] = []
        result["variants"] = amendment.variants(result, stored)
        if amendment.problems:
            raise Unamendable(amendment.problems)
        # Wordings of what ended go on telling how it read.
        result["wordings"] += [row for row in stored["wordings"] if row["indicator"] not in named]
    mine = {_provincial_key(row) for row in result["provincial_targets"]}
    known_codes = {one["code"] for row in result["criteria"] for one in row["indicators"]}
    result["provincial_targets"] += [
        row
        for row in stored["provincial_targets"]
        if _provincial_key(row) not in mine and row["indicator"] in known_codes
    ]
    return as_stored(result)


class _Amendment:
    """How the targets of a set in use change: by dated rows, so that past years keep what bound them.

    A bound target the file doesn't have ends: before the one that follows it in the file, else
    before the year of `first_day`. One with another level ends likewise, and the new level begins
    in that year; only what begins in that year or later is changed in place.
    """

    def __init__(self, data: Data, first_day: date, bound: frozenset[Key]) -> None:
        self.data = data
        self.year = first_day.year
        self.first_year: int = data["period"][0]
        self.bound = bound
        self.problems: list[shapes.Problem] = []

    def indicator(self, indicator: Data, known: Data | None) -> Data:
        if known is None:
            return indicator
        code = indicator["code"]
        targets = self._targets(indicator["targets"], known["targets"], code)
        return {**indicator, "targets": targets}

    def variants(self, result: Data, stored: Data) -> list[Data]:
        """The file's, and those that targets which stayed are for."""
        named = {row["code"] for row in result["variants"]}
        used = {
            target["variant"] for row in result["criteria"] for one in row["indicators"] for target in one["targets"]
        }
        used |= {target["variant"] for target in stored["provincial_targets"]}
        return result["variants"] + [row for row in stored["variants"] if row["code"] in used - named]

    def _targets(self, rows: list[Data], earlier: list[Data], code: str) -> list[Data]:
        """One indicator's targets as they would be."""
        mine, before = ({(row["variant"], row["year"]): row for row in some} for some in (rows, earlier))
        found: dict[tuple[str | None, int | None], Data] = {}
        for key, row in mine.items():
            old = before.get(key)
            if (
                old is None
                or (code, *key) not in self.bound
                or _level(old) == _level(row)
                or self._begin(row) >= self.year
            ):
                found[key] = row
                continue
            # A level that was amended before goes on under the year in which it was.
            later = [one for one in earlier if one["variant"] == row["variant"] and self._covers(one, self.year)]
            now = max(later, key=self._begin, default=old)
            year = now["year"] if now is not old and _level(now) == _level(row) else self.year
            overtaken = any(one == row["variant"] and self._begin(row) < (other or 0) <= year for one, other in mine)
            if overtaken or not self._covers(row, self.year):
                self._problem(code, old, "chỉ nói về các năm đã qua nên không đổi mức được: giữ mức cũ trong tệp")
                continue
            found[key] = self._ended(old, self.year - 1)
            found[row["variant"], year] = {**row, "year": year}
        for key, old in before.items():
            if key not in found and (code, *key) in self.bound:
                following = [other for one, other in found if one == key[0] and other and other > self._begin(old)]
                last = min(following, default=self.year) - 1
                if last < self._begin(old):
                    self._problem(code, old, "không có trong tệp nhưng đã được dùng: giữ dòng này, hoặc chọn ngày áp "
                                  "dụng từ năm sau để yêu cầu thôi áp dụng từ năm đó")  # fmt: skip
                    continue
                found[key] = self._ended(old, last)
        return list(found.values())

    def _begin(self, row: Data) -> int:
        return row["year"] or self.first_year

    def _covers(self, row: Data, year: int) -> bool:
        return self._begin(row) <= year <= (row["to_year"] or year)

    @staticmethod
    def _ended(row: Data, year: int) -> Data:
        return {**row, "to_year": min(row["to_year"] or year, year)}

    def _problem(self, code: str, row: Data, reason: str) -> None:
        """Told at the indicator."""
        place = next(
            f"criteria[{home}].indicators[{at}].code"
            for home, criterion in enumerate(self.data["criteria"])
            for at, one in enumerate(criterion["indicators"])
            if one["code"] == code
        )
        whom = "".join(
            [
                f", vùng, nhóm {row['variant']}" if row["variant"] else "",
                f", từ năm {row['year']}" if row["year"] else "",
            ]
        )
        self.problems.append((place, f"yêu cầu “{row['text']}” của chỉ tiêu {code}{whom} {reason}"))


def _level(row: Data) -> tuple:
    return (row["operator"], row["value"])


def _dated(indicator: Data, known: Data | None, first_day: date) -> Data:
    if known is None:
        return {**indicator, "in_force_from": indicator["in_force_from"] or first_day.isoformat()}
    return {**indicator, **{key: indicator[key] or known[key] for key in ("in_force_from", "in_force_to")}}


def _ended(indicator: Data, first_day: date) -> Data:
    return {**indicator, "in_force_to": indicator["in_force_to"] or (first_day - timedelta(days=1)).isoformat()}


def _provincial_key(row: Data) -> tuple:
    return (row["province_code"], row["indicator"], row.get("variant") or None, row["year"])


# --- JSON ----------------------------------------------------------------------------------


def to_json(data: Data) -> bytes:
    """The data as a file that loads again."""
    return (json.dumps(data, ensure_ascii=False, indent=1, default=_number) + "\n").encode()


def _number(value: Any) -> Any:
    if not isinstance(value, Decimal):
        raise TypeError(f"no JSON for {value!r}")
    return int(value) if value == value.to_integral_value() else float(value)
