"""What is different between two criteria sets, or between a set and a file for it, in words.

Both are data as `criteria.workshop.set_data.as_stored` has it. Each thing that differs is one
`Change`: a target with another value or another first year is one, not one removed and one added.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from communes.models import Level
from criteria.models import CriteriaSet, Indicator, Operator
from criteria.models.sets import Provenance
from criteria.numbers import format_number
from criteria.workshop.set_data import Data

# Kinds of changes in the order they are counted, with what each is called.
KINDS = {
    "added": "Thêm",
    "removed": "Bỏ",
    "ended": "Ngừng áp dụng",
    "reworded": "Sửa nội dung",
    "target_added": "Thêm yêu cầu",
    "target_removed": "Bỏ yêu cầu",
    "target_changed": "Đổi yêu cầu",
    "changed": "Sửa thông tin",
}

HEAD = {
    "name": "Tên", "level": "Cấp", "grade": "Mức", "province": "Tỉnh ban hành", "decision": "Quyết định",
    "issued": "Ngày ban hành", "effective": "Có hiệu lực từ", "period": "Giai đoạn", "requires": "Điều kiện: đã đạt bộ",
    "official_counts": "Số tiêu chí, chỉ tiêu theo văn bản", "mountain_variant": "Mức của vùng núi",
    "nearly_met_threshold": "Ngưỡng gợi ý cơ bản đạt (%)", "buckets": "Nhóm xã theo số tiêu chí", "note": "Ghi chú",
}  # fmt: skip
LINES = {"amended_by": "Sửa đổi bởi", "rules": "Quy định kèm theo", "sources": "Nguồn"}
CRITERION = {
    "group": "Nhóm",
    "is_key": "Tiêu chí cốt lõi",
    "provenance": "Nguồn gốc",
    "note": "Ghi chú",
}
INDICATOR = {
    "kind": "Kiểu", "unit": "Đơn vị tính", "part_of": "Là phần của", "may_be_not_applicable": "Có thể không áp dụng",
    "needs_evidence": "Cần minh chứng", "set_by_province": "Mức do tỉnh quy định", "in_force_from": "Áp dụng từ",
    "guidance": "Hướng dẫn", "provenance": "Nguồn gốc", "confidence": "Độ tin cậy", "source": "Nguồn",
    "note": "Ghi chú",
}  # fmt: skip
LABELS: dict[str, dict[str, str]] = {
    "level": dict(Level.choices),
    "grade": dict(CriteriaSet.Grade.choices),
    "kind": dict(Indicator.Kind.choices),
    "provenance": dict(Provenance.choices),
}


@dataclass(frozen=True)
class Change:
    """One thing that differs: its `kind` (KINDS), `about` whom ("Chỉ tiêu 17.1"), `what` of it, before and after."""

    kind: str
    about: str
    what: str
    before: str = ""
    after: str = ""

    @property
    def label(self) -> str:
        return KINDS[self.kind]

    def line(self) -> dict[str, str]:
        return {**asdict(self), "label": self.label}


def difference(old: Data, new: Data) -> list[Change]:
    """Everything that differs, the set itself first, then criterion by criterion."""
    return [*_head(old, new), *_criteria(old, new), *_provincial(old, new), *_wordings(old, new)]


def counts(changes: Iterable[Change]) -> dict[str, int]:
    found = [change.kind for change in changes]
    return {kind: found.count(kind) for kind in KINDS if kind in found}


# --- the set -------------------------------------------------------------------------------


def _head(old: Data, new: Data) -> Iterator[Change]:
    for key, title in HEAD.items():
        if old[key] != new[key]:
            yield Change("changed", "Bộ tiêu chí", title, words(key, old[key]), words(key, new[key]))
    for key, title in LINES.items():
        for text in _beyond(old[key], new[key]):
            yield Change("removed", "Bộ tiêu chí", title, before=text)
        for text in _beyond(new[key], old[key]):
            yield Change("added", "Bộ tiêu chí", title, after=text)
        if sorted(old[key]) == sorted(new[key]) and old[key] != new[key]:
            yield Change("changed", "Bộ tiêu chí", title, after="đổi thứ tự")
    yield from _keyed(old["variants"], new["variants"], "code", "Vùng, nhóm", _variant_words)


def _beyond(lines: list[str], others: list[str]) -> list[str]:
    """Lines that the others don't have, or have fewer times."""
    left = list(others)
    found = []
    for line in lines:
        if line in left:
            left.remove(line)
        else:
            found.append(line)
    return found


def _variant_words(row: Data) -> str:
    return f"{row['name']}: {row['definition']}" if row.get("definition") else row["name"]


def _keyed(old: list[Data], new: list[Data], key: str, title: str, tell: Any) -> Iterator[Change]:
    """Changes of the set's own rows that have a key."""
    before, now = {row[key]: row for row in old}, {row[key]: row for row in new}
    for code in [*before, *(code for code in now if code not in before)]:
        about = f"{title} {code}"
        if code not in now:
            yield Change("removed", about, "", before=tell(before[code]))
        elif code not in before:
            yield Change("added", about, "", after=tell(now[code]))
        elif before[code] != now[code]:
            yield Change("changed", about, "", tell(before[code]), tell(now[code]))
    if before == now and list(before) != list(now):
        yield Change("changed", title, "", after="đổi thứ tự")


# --- criteria and indicators ---------------------------------------------------------------


def _criteria(old: Data, new: Data) -> Iterator[Change]:
    before = {row["number"]: row for row in old["criteria"]}
    now = {row["number"]: row for row in new["criteria"]}
    names = ({row["code"]: row["name"] for row in old["groups"]}, {row["code"]: row["name"] for row in new["groups"]})
    homes = {one["code"]: row["number"] for row in new["criteria"] for one in row["indicators"]}
    earlier = {one["code"]: (row["number"], one) for row in old["criteria"] for one in row["indicators"]}
    for number in sorted(before.keys() | now.keys()):
        about = f"Tiêu chí {number}"
        if number not in now:
            yield Change("removed", about, "", before=before[number]["name"])
        elif number not in before:
            yield Change("added", about, "", after=now[number]["name"])
        else:
            yield from _criterion(about, before[number], now[number], names)
        mine = before.get(number, {"indicators": []})["indicators"]
        for one in mine:
            if one["code"] not in homes:
                yield Change("removed", f"Chỉ tiêu {one['code']}", "", before=one["name"])
        for one in now.get(number, {"indicators": []})["indicators"]:
            yield from _indicator(number, one, earlier.get(one["code"]))
        if number in before and number in now:
            codes = [[one["code"] for one in row["indicators"]] for row in (before[number], now[number])]
            kept = [[code for code in own if code in set(codes[0]) & set(codes[1])] for own in codes]
            if kept[0] != kept[1]:
                yield Change("changed", about, "Thứ tự chỉ tiêu", ", ".join(kept[0]), ", ".join(kept[1]))


def _criterion(about: str, old: Data, new: Data, names: tuple[dict[str, str], dict[str, str]]) -> Iterator[Change]:
    if old["name"] != new["name"]:
        yield Change("reworded", about, "", old["name"], new["name"])
    before, now = ({**row, "group": _group(row, own)} for row, own in zip((old, new), names, strict=True))
    yield from _fields(about, before, now, CRITERION)


def _group(row: Data, names: dict[str, str]) -> str:
    return f"{row['group']}. {names[row['group']]}" if row["group"] else ""


def _fields(about: str, old: Data, new: Data, titles: dict[str, str]) -> Iterator[Change]:
    for key, title in titles.items():
        if old[key] != new[key]:
            yield Change("changed", about, title, words(key, old[key]), words(key, new[key]))


def _indicator(number: int, new: Data, before: tuple[int, Data] | None) -> Iterator[Change]:
    about = f"Chỉ tiêu {new['code']}"
    if before is None:
        told = "; ".join(target_words(target) for target in new["targets"])
        yield Change("added", about, "", after=f"{new['name']}. Yêu cầu: {told}" if told else new["name"])
        return
    home, old = before
    if home != number:
        yield Change("changed", about, "Tiêu chí", str(home), str(number))
    if old["name"] != new["name"]:
        yield Change("reworded", about, "", old["name"], new["name"])
    if old["in_force_to"] != new["in_force_to"]:
        kind = "ended" if new["in_force_to"] else "changed"
        days = words("in_force_to", old["in_force_to"]), words("in_force_to", new["in_force_to"])
        yield Change(kind, about, "Áp dụng đến hết", *days)
    yield from _fields(about, old, new, INDICATOR)
    yield from _targets(about, old["targets"], new["targets"])


def _targets(about: str, old: list[Data], new: list[Data]) -> Iterator[Change]:
    """One change for each demand: a row that gave way to another one is told together with it."""
    before, now = ({(row["variant"] or "", row["year"] or 0): row for row in rows} for rows in (old, new))
    gone = [one for one in before if one not in now]
    come = sorted(one for one in now if one not in before)
    heirs: dict[tuple[str, int], tuple[str, int]] = {}
    for one in [*(one for one in before if one in now and _has_ended(before[one], now[one])), *sorted(gone)]:
        nexts = [other for other in come if other[0] == one[0] and other not in heirs.values()]
        if one in now:
            nexts = [other for other in nexts if other[1] == now[one]["to_year"] + 1]
        if nexts:
            heirs[one] = nexts[0]
    for one in [*before, *come]:
        if one in heirs:
            yield Change(
                "target_changed",
                about,
                _group_words(before[one]),
                *_succession(before[one], now.get(one), now[heirs[one]]),
            )
        elif one in heirs.values():
            continue
        elif one not in now:
            yield Change("target_removed", about, _whom(before[one]), before=target_words(before[one]))
        elif one not in before:
            yield Change("target_added", about, _whom(now[one]), after=target_words(now[one]))
        elif before[one] != now[one]:
            texts = target_words(before[one]), target_words(now[one])
            if texts[0] == texts[1]:
                texts = _figure(before[one]), _figure(now[one])
            if texts[0] == texts[1]:
                texts = _origin(before[one]), _origin(now[one])
            yield Change("target_changed", about, _whom(before[one]), *texts)


def _has_ended(old: Data, new: Data) -> bool:
    """Whether the row is the same but for a last year it has got."""
    return new["to_year"] is not None and old == {**new, "to_year": old["to_year"]}


def _succession(old: Data, kept: Data | None, heir: Data) -> tuple[str, str]:
    """What was demanded, and what is: of a row that ended and the one after it, or the one in its place."""
    after = [target_words(kept), _dated_words(heir)] if kept else [_dated_words(heir)]
    return _dated_words(old), "; ".join(after)


def _dated_words(row: Data) -> str:
    return (f"từ năm {row['year']}: " if row["year"] else "") + target_words(row)


def _group_words(row: Data) -> str:
    return f"vùng, nhóm {row['variant']}" if row["variant"] else "chung"


def _whom(row: Data) -> str:
    """For whom and from when a target is."""
    said = [f"vùng, nhóm {row['variant']}" if row["variant"] else "", f"từ năm {row['year']}" if row["year"] else ""]
    return ", ".join(filter(None, said)) or "chung"


def target_words(row: Data) -> str:
    """A target in short: what is printed, and the figure where that doesn't say it."""
    figure = _figure(row)
    squeezed = row["text"].replace(" ", "")
    until = f", đến hết năm {row['to_year']}" if row["to_year"] else ""
    return (row["text"] if figure.replace(" ", "") in squeezed else f"{row['text']} ({figure})") + until


def _figure(row: Data) -> str:
    label = dict(Operator.choices)[row["operator"]]
    return label if row["value"] is None else f"{label} {format_number(row['value'])}"


def _origin(row: Data) -> str:
    said = [row.get("decision"), row.get("source"), LABELS["provenance"].get(row.get("provenance", ""))]
    return " · ".join(filter(None, said)) or "(không ghi nguồn)"


def _provincial(old: Data, new: Data) -> Iterator[Change]:
    def by_province(data: Data) -> dict[tuple[str, str], list[Data]]:
        found: dict[tuple[str, str], list[Data]] = {}
        for row in data["provincial_targets"]:
            # What a province is called doesn't tell it: its code does.
            kept = {key: value for key, value in row.items() if key != "province"}
            found.setdefault((row["province_code"], row["indicator"]), []).append(kept)
        return found

    names = {row["province_code"]: row["province"] for row in [*old["provincial_targets"], *new["provincial_targets"]]}
    before, now = by_province(old), by_province(new)
    for one in [*before, *(one for one in now if one not in before)]:
        about = f"Chỉ tiêu {one[1]} – {names[one[0]]}"
        yield from _targets(about, before.get(one, []), now.get(one, []))


def _wordings(old: Data, new: Data) -> Iterator[Change]:
    before = {(row["indicator"], row["from"]): row for row in old["wordings"]}
    now = {(row["indicator"], row["from"]): row for row in new["wordings"]}
    for code, start in [*before, *(one for one in now if one not in before)]:
        about, what = f"Chỉ tiêu {code}", f"Nội dung từ {words('from', start)}"
        first, last = before.get((code, start)), now.get((code, start))
        if first != last:
            texts = [_wording_words(row) if row else "" for row in (first, last)]
            yield Change("reworded", about, what, *texts)


def _wording_words(row: Data) -> str:
    origin = " · ".join(filter(None, [row["decision"], row["source"]]))
    return f"{row['name']} ({origin})" if origin else row["name"]


# --- values in words -----------------------------------------------------------------------


def words(key: str, value: Any) -> str:
    """A value of the data as a person reads it."""
    if value is None or value == "" or value == []:
        return "(trống)"
    if key in LABELS:
        return LABELS[key].get(value, value)
    if key in {"issued", "effective", "in_force_from", "in_force_to", "from"}:
        return f"{date.fromisoformat(value):%d/%m/%Y}"
    if key == "period":
        return f"{value[0]}–{value[1]}" if value[1] else f"từ {value[0]}"
    if key == "official_counts":
        nouns = {"criteria": "tiêu chí", "indicators": "chỉ tiêu"}
        return ", ".join(f"{'?' if value[one] is None else value[one]} {noun}" for one, noun in nouns.items())
    if key == "buckets":
        return "; ".join(f"{row['label']} (từ {row['min']} đến {row['max']})" for row in value)
    if isinstance(value, bool):
        return "Có" if value else "Không"
    if isinstance(value, Decimal):
        return format_number(value)
    return str(value)
