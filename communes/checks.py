"""What may be wrong with the units and their history that no database constraint can hold.

`problems` is what `manage.py check_units` prints. Each rule is a function that yields lines
for a person; all of them read whole tables in a few queries.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import pairwise

from communes.models import Level, Succession, Unit, UnitVersion

# What a version keeps of its unit; the last version must equal the unit's present columns.
KEPT = (
    "code", "name", "kind", "parent_id", "province_id", "district_id", "commune_id", "region", "target_group",
    "uses_mountain_targets",
)  # fmt: skip
LABELS = {
    "code": "mã", "name": "tên", "kind": "loại", "parent_id": "trực thuộc", "province_id": "tỉnh",
    "district_id": "huyện", "commune_id": "xã", "region": "vùng", "target_group": "nhóm xã",
    "uses_mountain_targets": "áp dụng mức của vùng núi",
}  # fmt: skip
DISTRICTS_ENDED = date(2025, 7, 1)
DAY = "%d/%m/%Y"


class History:
    """Units, versions and successions, read once."""

    def __init__(self) -> None:
        self.units = {unit.pk: unit for unit in Unit.objects.order_by("pk")}
        self.versions: dict[int, list[UnitVersion]] = defaultdict(list)
        for version in UnitVersion.objects.order_by("unit_id", "valid_from"):
            self.versions[version.unit_id].append(version)
        self.successions = list(Succession.objects.order_by("pk"))


def problems() -> list[str]:
    """Everything found, in Vietnamese, a line each; empty when all is well."""
    history = History()
    return [line for rule in RULES for line in rule(history)]


def label(unit: Unit) -> str:
    return f"{unit.full_name} ({unit.code or 'không mã'}, id {unit.pk})"


def overlapping_versions(history: History) -> Iterator[str]:
    for pk, versions in history.versions.items():
        for earlier, later in pairwise(versions):
            if earlier.valid_to is None or earlier.valid_to > later.valid_from:
                yield f"{label(history.units[pk])}: hai giai đoạn chồng nhau từ ngày {later.valid_from:{DAY}}."


def last_version_differs(history: History) -> Iterator[str]:
    for pk, versions in history.versions.items():
        unit, last = history.units[pk], versions[-1]
        differing = [LABELS[name] for name in KEPT if getattr(last, name) != getattr(unit, name)]
        if differing:
            yield f"{label(unit)}: giai đoạn cuối khác hiện trạng về {', '.join(differing)}."
        if unit.present_since not in {None, last.valid_from}:
            yield f"{label(unit)}: hiện trạng không tính từ ngày bắt đầu giai đoạn cuối."
        if last.valid_to != unit.closed_on:
            yield f"{label(unit)}: giai đoạn cuối không kết thúc cùng ngày với đơn vị."


def codes_used_twice(history: History) -> Iterator[str]:
    """Two units of one level that bear one code on the same day."""
    spans: dict[tuple[str, str], list[tuple[date, date, int]]] = defaultdict(list)
    for pk, unit in history.units.items():
        if pk in history.versions:
            for version in history.versions[pk]:
                if version.code:
                    spans[unit.level, version.code].append((version.valid_from, version.valid_to or date.max, pk))
        elif unit.code:
            spans[unit.level, unit.code].append((unit.opened_on or date.min, unit.closed_on or date.max, pk))
    for (level, code), found in spans.items():
        for (_, end, pk), (start, _, other) in pairwise(sorted(found)):
            if start < end and pk != other:
                yield (
                    f"Mã {code} ({Level(level).label}) thuộc hai đơn vị cùng lúc từ ngày {start:{DAY}}: "
                    f"{label(history.units[pk])} và {label(history.units[other])}."
                )


def inconsistent_ancestors(history: History) -> Iterator[str]:
    """Ancestors are the parent's and, at its own level, the unit itself."""
    for unit in history.units.values():
        parent = history.units.get(unit.parent_id) if unit.parent_id else None
        for level in (Level.PROVINCE, Level.DISTRICT, Level.COMMUNE):
            expected = unit.pk if unit.level == level else getattr(parent, f"{level}_id", None)
            if getattr(unit, f"{level}_id") != expected:
                yield f"{label(unit)}: {LABELS[f'{level}_id']} không khớp với đơn vị trực thuộc."


def without_province(history: History) -> Iterator[str]:
    for unit in history.units.values():
        if unit.province_id is None:
            yield f"{label(unit)}: không thuộc tỉnh nào."


def closed_without_successor(history: History) -> Iterator[str]:
    """Districts that ended with the whole level on 1 July 2025 have none."""
    followed = {link.predecessor_id for link in history.successions}
    for unit in history.units.values():
        ended_with_its_level = unit.level == Level.DISTRICT and unit.closed_on == DISTRICTS_ENDED
        if unit.closed_on and unit.pk not in followed and not ended_with_its_level:
            yield f"{label(unit)}: kết thúc ngày {unit.closed_on:{DAY}} mà chưa rõ đơn vị kế thừa."


def successors_not_there(history: History) -> Iterator[str]:
    for link in history.successions:
        old, new = history.units[link.predecessor_id], history.units[link.successor_id]
        day = link.effective_on
        if new.opened_on and new.opened_on > day:
            yield f"{label(old)}: đơn vị kế thừa {label(new)} thành lập sau ngày có hiệu lực {day:{DAY}}."
        if new.closed_on and new.closed_on <= day:
            yield f"{label(old)}: đơn vị kế thừa {label(new)} đã kết thúc trước ngày có hiệu lực {day:{DAY}}."
        if old.closed_on != day and not link.is_approximate:
            yield f"{label(old)}: không kết thúc vào ngày kế thừa {day:{DAY}}."


def cyclic_successions(history: History) -> Iterator[str]:
    """Strike out units nobody precedes until none is left; what stays goes round."""
    heirs: dict[int, list[int]] = defaultdict(list)
    waiting: Counter[int] = Counter()
    for link in history.successions:
        heirs[link.predecessor_id].append(link.successor_id)
        waiting[link.successor_id] += 1
    free = [pk for pk in heirs if not waiting[pk]]
    while free:
        for heir in heirs.pop(free.pop(), []):
            waiting[heir] -= 1
            if not waiting[heir]:
                free.append(heir)
    circle = sorted(pk for pk in heirs if waiting[pk] > 0)
    if circle:
        yield f"Kế thừa vòng tròn: {', '.join(label(history.units[pk]) for pk in circle)}."


RULES = [
    overlapping_versions,
    last_version_differs,
    codes_used_twice,
    inconsistent_ancestors,
    without_province,
    closed_without_successor,
    successors_not_there,
    cyclic_successions,
]
