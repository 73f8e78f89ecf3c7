"""The country's units from lists of the statistics office, through time.

A snapshot is the whole list on a day (`fixtures/units`, or a newer file). Loading one into
an empty database creates the units it names. Loading a later one carries the present units
over: who continues alone stays itself with a new version (a rename, xã → phường, another
district or province); a merger or a split closes the old units, opens new ones and links
them (`Succession`, unverified until someone compares it with the resolution). Files are
checked whole before anything is written, and everything is written in one transaction, in
bulk. Loading again what is there changes nothing, and what people changed since a
snapshot's day stays as they left it.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Max, Model

from communes.closings import closed_in, why_fixed
from communes.models import Level, Succession, Unit, UnitVersion
from communes.names import sort_key, split_kind
from communes.text import clean_text

FOLDER = Path(settings.BASE_DIR) / "fixtures" / "units"
BATCH = 1000
KINDS_OF_LEVEL = {
    Level.PROVINCE: {"tinh", "thanh-pho"},
    Level.DISTRICT: {"huyen", "quan", "thi-xa", "thanh-pho"},
    Level.COMMUNE: {"xa", "phuong", "thi-tran", "dac-khu"},
}
COLUMNS = ["province_code", "province", "commune_code", "commune"]
DISTRICT_COLUMNS = ["district_code", "district"]
CODE_LENGTHS = {"province_code": 2, "district_code": 3, "commune_code": 5}
# A list by which more of a province's communes than this vanish without a trace is taken for half a file.
MOST_TO_VANISH = 0.2
LISTED = "Danh mục đơn vị hành chính"  # begins the decision of every version drawn from a list
VERSION_FIELDS = (
    "code", "name", "kind", "parent_id", "province_id", "district_id", "commune_id", "region", "target_group",
    "uses_mountain_targets",
)  # fmt: skip
CARRIED_FIELDS = ["code", "name", "kind", "parent_id", "province_id", "district_id"]


class Malformed(Exception):
    """A list that can't be loaded: its problems, each with the line and the reason."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class NotLoadable(Exception):
    """A request that can't be met, with the reason in Vietnamese."""


@dataclass(frozen=True)
class Snapshot:
    """The list of a day. `is_reform`: districts ended and all communes were formed anew on that very day.

    `moves` is the file that tells what became of the codes of the snapshot before.
    """

    valid_on: date
    path: Path
    label: str
    moves: Path | None = None
    is_reform: bool = False
    rows: int | None = None

    @property
    def decision(self) -> str:
        """What a version or succession drawn from this list says of its origin."""
        suffix = "19/2025/QĐ-TTg" if self.is_reform else "ngày thay đổi thực tế chưa rõ"
        return f"{LISTED} {self.label} ({suffix})"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list; names with their kind, the district's empty from July 2025 on."""

    province_code: str
    province: str
    district_code: str
    district: str
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Move:
    """Where a commune's code went; `new_code` "" when nobody knows."""

    old_province: str
    old_code: str
    new_province: str
    new_code: str
    is_partial: bool


@dataclass
class Report:
    """What loading came to; `lost` names units that the newer list lacks and nothing replaced."""

    valid_on: date
    rows: int = 0
    opened: Counter[str] = field(default_factory=Counter)
    changed: int = 0
    closed: int = 0
    successions: int = 0
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_unchanged(self) -> bool:
        return not (self.opened or self.changed or self.closed or self.successions)


# --- reading -------------------------------------------------------------------------------


def snapshots(folder: Path = FOLDER) -> list[Snapshot]:
    """The snapshots at hand, oldest first."""
    described = json.loads((folder / "snapshots.json").read_text(encoding="utf-8"))
    return [
        Snapshot(
            valid_on=date.fromisoformat(row["valid_on"]),
            path=folder / row["file"],
            label=row["label"],
            moves=folder / row["map"] if row["map"] else None,
            is_reform=row["is_reform"],
            rows=row["rows"],
        )
        for row in described
    ]


def read_units(path: Path, rows: int | None = None) -> list[Row]:
    """The list in a CSV file (.csv or .csv.gz), checked. Raises Malformed with every bad line."""
    header, lines = _read_csv(path)
    has_districts = "district_code" in header
    wanted = COLUMNS + (DISTRICT_COLUMNS if has_districts else [])
    missing = [column for column in wanted if column not in header]
    if missing:
        raise Malformed([f"dòng 1: thiếu cột {', '.join(missing)}"])
    problems: list[str] = []
    clean = cache(clean_text)  # names of provinces and districts come again and again
    found: list[Row] = []
    seen: dict[str, int] = {}
    names: dict[tuple[str, str], str] = {}
    for number, values in lines:
        if len(values) != len(header):
            problems.append(f"dòng {number}: có {len(values)} cột, phải có {len(header)} (tệp bị cắt cụt?)")
            continue
        cells = {column: clean(value) for column, value in zip(header, values, strict=True)}
        row = Row(
            cells["province_code"], cells["province"], cells.get("district_code", ""), cells.get("district", ""),
            cells["commune_code"], cells["commune"],
        )  # fmt: skip
        reasons = _bad_cells(cells, has_districts)
        if row.code in seen:
            reasons.append(f"mã xã {row.code} đã có ở dòng {seen[row.code]}")
        seen.setdefault(row.code, number)
        for key, name in ((("tỉnh", row.province_code), row.province), (("huyện", row.district_code), row.district)):
            if names.setdefault(key, name) != name:
                reasons.append(f"mã {key[0]} {key[1]} mang hai tên: “{names[key]}” và “{name}”")
        if names.setdefault(("tỉnh của huyện", row.district_code), row.province_code) != row.province_code and (
            row.district_code
        ):
            reasons.append(f"huyện {row.district_code} thuộc hai tỉnh")
        problems += [f"dòng {number}: {reason}" for reason in reasons]
        found.append(row)
    if not found and not problems:
        problems.append("tệp không có dòng nào")
    if rows is not None and len(found) != rows:
        problems.append(f"tệp có {len(found)} dòng, phải có {rows} (tệp bị cắt cụt?)")
    if problems:
        raise Malformed(problems)
    return found


def read_moves(path: Path | None) -> list[Move]:
    if path is None:
        return []
    _, lines = _read_csv(path)
    return [Move(old, code, new, new_code, partial == "1") for _, (old, code, new, new_code, partial) in lines]


def _read_csv(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Header and numbered lines of a CSV file."""
    try:
        raw = path.read_bytes()
        data = gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (EOFError, gzip.BadGzipFile) as error:
        raise Malformed(["tệp nén hỏng hoặc bị cắt cụt"]) from error
    except OSError as error:
        raise Malformed([f"không đọc được tệp ({error.strerror})"]) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Malformed([f"dòng {line}: tệp không phải mã hóa UTF-8"]) from error
    if "\0" in text:
        raise Malformed(["tệp không phải CSV"])
    if text and not text.endswith("\n"):
        raise Malformed([f"dòng {text.count(chr(10)) + 1}: tệp bị cắt cụt (dòng cuối không kết thúc)"])
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        lines = [(reader.line_num, values) for values in reader if values]
    except csv.Error as error:
        raise Malformed([f"dòng {reader.line_num}: không đúng định dạng CSV"]) from error
    return header, lines


def _bad_cells(cells: dict[str, str], has_districts: bool) -> list[str]:
    reasons = []
    for column, length in CODE_LENGTHS.items():
        if column == "district_code" and not has_districts:
            continue
        code = cells[column]
        if len(code) != length or not (code.isascii() and code.isdigit()):
            reasons.append(f"{column} “{code}” phải gồm {length} chữ số")
    for column, level in (("province", Level.PROVINCE), ("district", Level.DISTRICT), ("commune", Level.COMMUNE)):
        if column == "district" and not has_districts:
            continue
        kind, name = split_kind(cells[column])
        if not name or not cells[column]:
            reasons.append(f"{column} để trống")
        elif kind not in KINDS_OF_LEVEL[level]:
            reasons.append(f"{column} “{cells[column]}” không thuộc loại đơn vị nào đã biết")
        elif len(name) > 100:
            reasons.append(f"{column} dài quá 100 ký tự")
    return reasons


# --- loading -------------------------------------------------------------------------------


def load(
    on: date,
    provinces: Sequence[str] | None = None,
    *,
    history: bool = False,
    file: Path | None = None,
    folder: Path = FOLDER,
) -> Report:
    """Bring the units to the list valid on a day; of the whole country, or of some provinces by code.

    `history`: an empty database is filled from the oldest snapshot on. `file`: a list newer
    than the snapshots at hand. Raises Malformed for a bad file, NotLoadable where the day
    lies before all snapshots, a newer list is loaded already, or a province isn't on the list.
    """
    known = [snapshot for snapshot in snapshots(folder) if snapshot.valid_on <= on]
    if file is not None:
        known = [snapshot for snapshot in known if snapshot.valid_on < on]
        known.append(Snapshot(valid_on=on, path=file, label=f"{on:%d/%m/%Y}"))
    if not known:
        raise NotLoadable(f"Không có danh mục đơn vị nào từ ngày {on:%d/%m/%Y} trở về trước.")
    scopes = _scopes(known, provinces)
    reached = _reached(set().union(*(scope or set() for scope in scopes)) if provinces else None)
    if reached and max(reached.values()) > known[-1].valid_on:
        raise NotLoadable(
            f"Cơ sở dữ liệu đã có danh mục ngày {max(reached.values()):%d/%m/%Y}, mới hơn danh mục "
            f"ngày {known[-1].valid_on:%d/%m/%Y}."
        )
    first = len(known) - 1
    if reached:
        first = max((i for i, snapshot in enumerate(known) if snapshot.valid_on <= min(reached.values())), default=0)
    elif history:
        first = 0
    lists = [read_units(snapshot.path, snapshot.rows) for snapshot in known[first:]]
    if provinces:
        absent = set(provinces) - {row.province_code for row in lists[-1]}
        if absent:
            raise NotLoadable(
                f"Danh mục ngày {known[-1].valid_on:%d/%m/%Y} không có tỉnh mã {', '.join(sorted(absent))}."
            )
    report = Report(known[-1].valid_on)
    with transaction.atomic():
        for place, rows in enumerate(lists, start=first):
            snapshot = known[place]
            step = _Step(snapshot, rows, scopes[place], _Origins(known[: place + 1]), report)
            step.creates = snapshot is known[-1] or not reached
            step.is_checked = snapshot.path == file
            step.run()
        refresh_statistics(Unit, UnitVersion, Succession)
    return report


def refresh_statistics(*models: type[Model]) -> None:
    """Tell PostgreSQL's planner what a bulk load brought; it would notice minutes later by itself."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE " + ", ".join(model._meta.db_table for model in models))


def _scopes(known: list[Snapshot], provinces: Sequence[str] | None) -> list[set[str] | None]:
    """For each snapshot the codes its list gives to the wanted provinces or their predecessors; None: all."""
    if not provinces:
        return [None] * len(known)
    wanted = set(provinces)
    scopes: list[set[str] | None] = [wanted]
    for snapshot in reversed(known[1:]):
        before: dict[str, set[str]] = defaultdict(set)
        for move in read_moves(snapshot.moves) if snapshot.is_reform else []:
            before[move.new_province].add(move.old_province)
        wanted = set().union(*(before.get(code, {code}) for code in wanted))
        scopes.append(wanted)
    return scopes[::-1]


def _reached(codes: set[str] | None) -> dict[int, date]:
    """For each province at hand (by id) the day of the newest list its units were brought to."""
    versions = UnitVersion.objects.filter(
        unit__closed_on__isnull=True, unit__level__in=KINDS_OF_LEVEL, decision__startswith=LISTED
    )
    if codes is not None:
        versions = versions.filter(province__code__in=codes)
    return dict(versions.order_by().values_list("province").annotate(Max("valid_from")))


class _Origins:
    """What is known of communes on a list of July 2025 or later: from which province, and since when."""

    def __init__(self, known: list[Snapshot]) -> None:
        self.regions = {code: region for _, (code, _, region) in _read_csv(FOLDER / "regions.csv")[1]}
        self.provinces: dict[str, str] = {}
        self.opened: dict[str, date] = {}
        self.opened_provinces: dict[str, date] = {}
        for snapshot in known:
            moves = read_moves(snapshot.moves) if snapshot.is_reform or self.provinces else []
            if snapshot.is_reform:
                self._reform(snapshot, moves)
            else:
                for move in moves:
                    for values in (self.provinces, self.opened):
                        if move.old_code in values:
                            values[move.new_code] = values[move.old_code]  # type: ignore[assignment]

    def _reform(self, snapshot: Snapshot, moves: list[Move]) -> None:
        into: dict[str, list[Move]] = defaultdict(list)
        merged: dict[str, set[str]] = defaultdict(set)
        for move in moves:
            into[move.new_code].append(move)
            merged[move.new_province].add(move.old_province)
        self.provinces = {code: found[0].old_province for code, found in into.items()}
        alone = {
            code for code, found in into.items() if len(found) == 1 and found[0].old_code and not found[0].is_partial
        }
        self.opened = {code: snapshot.valid_on for code in into if code not in alone}
        self.opened_provinces = {code: snapshot.valid_on for code, olds in merged.items() if len(olds) > 1}

    def region(self, province: str, commune: str = "") -> str:
        """A commune has the region of the province it came from, which a merger of provinces doesn't change."""
        return self.regions.get(self.provinces.get(commune, province), "")


class _Step:
    """One snapshot over what is there."""

    creates = True  # also provinces of which nothing is there yet
    is_checked = False  # an unknown file: refuse what looks like half a list

    def __init__(
        self, snapshot: Snapshot, rows: list[Row], scope: set[str] | None, origins: _Origins, report: Report
    ) -> None:
        self.snapshot = snapshot
        self.day = snapshot.valid_on
        self.origins = origins
        self.report = report
        self.rows = [row for row in rows if scope is None or row.province_code in scope]
        report.rows = len(self.rows)
        self.moves = read_moves(snapshot.moves)
        self.new_units: list[Unit] = []
        self.carried: list[Unit] = []
        self.closing: list[Unit] = []
        self.links: list[Succession] = []
        # Where each commune at hand went: the codes, and whether only in part.
        self.went: dict[int, list[tuple[str, bool]]] = {}
        self._read_present(scope)

    def _read_present(self, scope: set[str] | None) -> None:
        units = Unit.objects.filter(closed_on__isnull=True, level__in=KINDS_OF_LEVEL).exclude(code="").order_by("pk")
        if scope is not None:
            before = (
                {m.old_province for m in self.moves if m.new_province in scope} if self.snapshot.is_reform else set()
            )
            units = units.filter(province__code__in=scope | before)
        reached = _reached(None)
        done = set()
        self.present: dict[str, dict[str, Unit]] = {level: {} for level in KINDS_OF_LEVEL}
        self.were_in = {unit.pk: unit.province_id for unit in units}
        for unit in units:
            if unit.province_id is None or reached.get(unit.province_id, date.min) < self.day:
                self.present[unit.level][unit.code] = unit
            elif unit.level == Level.PROVINCE:
                done.add(unit.code)
        # Provinces brought to this list or a newer one are not touched again.
        self.rows = [row for row in self.rows if row.province_code not in done]
        self.since = dict(
            UnitVersion.objects.filter(unit__in=units.values("pk"), valid_to__isnull=True)
            .order_by()
            .values_list("unit_id", "valid_from")
        )

    def _is_newer(self, unit: Unit) -> bool:
        """Whether the unit's present state began on the snapshot's day or later: it isn't the list's to change."""
        return self.since.get(unit.pk, date.min) >= self.day

    def run(self) -> None:
        self._trace()
        self._provinces()
        self._districts()
        self._communes()
        self._villages()
        self._write()

    # Where codes went

    def _trace(self) -> None:
        codes = {row.code for row in self.rows}
        moved: dict[str, list[Move]] = defaultdict(list)
        self.into: dict[str, set[str]] = defaultdict(set)  # new code → all old ones by the map
        for move in self.moves:
            if move.old_code:
                moved[move.old_code].append(move)
                self.into[move.new_code].add(move.old_code)
        for code, unit in self.present[Level.COMMUNE].items():
            if code in moved and not self._is_newer(unit):
                found = [(move.new_code, move.is_partial) for move in moved[code] if move.new_code in codes]
            else:
                found = [(code, False)] if code in codes else []
            self.went[unit.pk] = found
        self.province_of: dict[str, set[str]] = defaultdict(set)
        for move in self.moves if self.snapshot.is_reform else []:
            self.province_of[move.old_province].add(move.new_province)
        if self.is_checked:
            self._refuse_half_a_list()

    def _refuse_half_a_list(self) -> None:
        problems = []
        listed = {row.province_code for row in self.rows}
        total: Counter[str] = Counter()
        lost: Counter[str] = Counter()
        names = {unit.pk: unit.full_name for unit in self.present[Level.PROVINCE].values()}
        problems += [
            f"tệp thiếu {unit.full_name} (mã {code}) đang có trong cơ sở dữ liệu"
            for code, unit in self.present[Level.PROVINCE].items()
            if code not in listed
        ]
        for unit in self.present[Level.COMMUNE].values():
            province = names.get(unit.province_id or 0, "")
            total[province] += 1
            lost[province] += not self.went[unit.pk]
        problems += [
            f"tệp thiếu {lost[province]}/{total[province]} xã của {province} (tệp bị cắt cụt?)"
            for province in total
            if lost[province] > MOST_TO_VANISH * total[province]
        ]
        if problems:
            raise Malformed(problems)

    # Levels from above

    def _provinces(self) -> None:
        names = {row.province_code: row.province for row in self.rows}
        present = self.present[Level.PROVINCE]
        before: dict[str, list[Unit]] = defaultdict(list)
        for code, unit in present.items():
            for new in self.province_of.get(code, {code}) if not self._is_newer(unit) else {code}:
                before[new].append(unit)
        formed_from = Counter(new for news in self.province_of.values() for new in news)
        self.provinces: dict[str, Unit] = {}
        for code, full in names.items():
            units = before.get(code, [])
            if not units and not self.creates:
                continue
            if len(units) == 1 and formed_from[code] <= 1:
                unit = units[0]
                self._carry(unit, full, code, None, None)
            elif len(units) == 1 and self._is_newer(units[0]):
                unit = units[0]
            else:
                opened = self.origins.opened_provinces.get(code) if not units else self.day
                unit = self._open(Level.PROVINCE, full, code, None, None, opened, self.origins.region(code))
                for old in units:
                    self._link(old, unit, Succession.Kind.MERGER, is_approximate=False)
            self.provinces[code] = unit
        for code, unit in present.items():
            if not any(unit is kept for kept in self.provinces.values()) and not self._is_newer(unit):
                self._close(unit, followed=bool(self.province_of.get(code)))
        self.rows = [row for row in self.rows if row.province_code in self.provinces]

    def _districts(self) -> None:
        """A district keeps its identity under its code even where it takes over another's communes."""
        listed = {row.district_code: row for row in self.rows if row.district_code}
        present = self.present[Level.DISTRICT]
        self.districts: dict[str, Unit] = {}
        for code, row in listed.items():
            province = self.provinces[row.province_code]
            if code in present:
                self._carry(present[code], row.district, code, province, None)
                self.districts[code] = present[code]
            else:
                opened = self.day if self._was_there(province) else None
                self.districts[code] = self._open(
                    Level.DISTRICT, row.district, code, province, None, opened, self.origins.region(row.province_code)
                )
        district_of = {row.code: row.district_code for row in self.rows}
        for code, unit in present.items():
            if code in listed or self._is_newer(unit):
                continue
            heirs = {
                district_of[new]
                for commune in self.present[Level.COMMUNE].values()
                if commune.district_id == unit.pk
                for new, _ in self.went[commune.pk]
                if district_of.get(new)
            }
            for heir in sorted(heirs):
                self._link(unit, self.districts[heir], Succession.Kind.MERGER, is_approximate=len(heirs) > 1)
            self._close(unit, followed=bool(heirs) or self.snapshot.is_reform)

    def _communes(self) -> None:
        present = self.present[Level.COMMUNE]
        before: dict[str, list[tuple[Unit, bool]]] = defaultdict(list)
        for unit in present.values():
            for code, is_partial in self.went[unit.pk]:
                before[code].append((unit, is_partial))
        kept: set[int] = set()
        for row in self.rows:
            province = self.provinces[row.province_code]
            district = self.districts.get(row.district_code)
            olds = before.get(row.code, [])
            elsewhere = any(code not in present for code in self.into.get(row.code, ()))
            if len(olds) == 1 and (self._is_newer(olds[0][0]) or (self._is_alone(*olds[0]) and not elsewhere)):
                unit = olds[0][0]
                kept.add(unit.pk)
                self._carry(unit, row.name, row.code, province, district)
                continue
            first_seen = not olds and not self._was_there(province)
            opened = self.origins.opened.get(row.code) if first_seen else self.day
            region = olds[0][0].region if olds else self.origins.region(row.province_code, row.code)
            unit = self._open(Level.COMMUNE, row.name, row.code, province, district, opened, region)
            for old, is_partial in olds:
                kind = Succession.Kind.MERGER if len(olds) > 1 else Succession.Kind.SPLIT
                self._link(old, unit, kind, is_approximate=is_partial or len(self.went[old.pk]) > 1)
        for unit in present.values():
            if unit.pk not in kept and not self._is_newer(unit):
                self._close(unit, followed=bool(self.went[unit.pk]))

    def _is_alone(self, unit: Unit, is_partial: bool) -> bool:
        return not is_partial and len(self.went[unit.pk]) == 1

    def _was_there(self, province: Unit) -> bool:
        """Whether units of the province (or of one merged into it) were there before this step."""
        return province.pk is not None or any(link.successor is province for link in self.links)

    def _villages(self) -> None:
        """Villages go with their commune; those of a divided one are named for a person to place."""
        changed = {unit.pk: unit for unit in self.carried if unit.level == Level.COMMUNE}
        heirs: dict[int, list[Succession]] = defaultdict(list)
        for link in self.links:
            heirs[link.predecessor_id].append(link)
        closed = {unit.pk for unit in self.closing if unit.level == Level.COMMUNE}
        self.moved_villages: list[tuple[Unit, Unit]] = []
        for village in Unit.objects.filter(
            level=Level.VILLAGE, closed_on__isnull=True, commune__in=[*changed, *closed]
        ).order_by("pk"):
            links = heirs[village.commune_id or 0]
            if village.commune_id in changed:
                self.moved_villages.append((village, changed[village.commune_id]))
            elif len(links) == 1 and not links[0].is_approximate:
                self.moved_villages.append((village, links[0].successor))
            else:
                self.report.notes.append(
                    f"{village.full_name} thuộc xã đã chia tách hoặc kết thúc: cần xếp vào xã mới."
                )

    # Single units

    def _open(
        self,
        level: str,
        full: str,
        code: str,
        province: Unit | None,
        district: Unit | None,
        opened: date | None,
        region: str,
    ) -> Unit:
        kind, name = split_kind(full)
        unit = Unit(level=level, code=code, kind=kind, name=name, region=region, opened_on=opened)
        unit.parent = district or province
        unit.province = province
        unit.district = district
        unit.set_name_keys()
        self.new_units.append(unit)
        self.report.opened[level] += 1
        return unit

    def _carry(self, unit: Unit, full: str, code: str, province: Unit | None, district: Unit | None) -> None:
        """Note what the list changes of a unit that stays itself. Spelling (hoà, hòa) is no change."""
        if self._is_newer(unit):
            return
        kind, name = split_kind(full)
        renamed = sort_key(name) != sort_key(unit.name)
        # An ancestor opened in this very step has no id yet, and none at all is None: compare the objects' ids.
        own = {Level.PROVINCE: unit.level == Level.PROVINCE, Level.DISTRICT: unit.level == Level.DISTRICT}
        ancestors = {
            "province": unit.province_id if own[Level.PROVINCE] else (province.pk if province else None),
            "district": unit.district_id if own[Level.DISTRICT] else (district.pk if district else None),
        }
        moved = (
            ancestors["province"] != unit.province_id
            or ancestors["district"] != unit.district_id
            or (district is not None and district.pk is None)
        )
        if not renamed and kind == unit.kind and code == unit.code and not moved:
            return
        unit.kind, unit.code = kind, code
        if renamed:
            unit.name = name
            unit.set_name_keys()
        if not own[Level.PROVINCE]:
            unit.province = province
            unit.parent = district or province
        if unit.level == Level.COMMUNE:
            unit.district = district
        self.carried.append(unit)
        self.report.changed += 1

    def _link(self, old: Unit, new: Unit, kind: str, *, is_approximate: bool) -> None:
        self.links.append(
            Succession(
                predecessor=old,
                successor=new,
                effective_on=self.day,
                decision=self.snapshot.decision,
                kind=kind,
                is_approximate=is_approximate,
            )
        )
        self.report.successions += 1

    def _close(self, unit: Unit, *, followed: bool) -> None:
        self.closing.append(unit)
        self.report.closed += 1
        if not followed:
            self.report.lost.append(f"{unit.full_name} ({unit.code})")

    # Writing

    def _refuse_closed(self) -> None:
        """A list of a day that lies in a closed period would change its communes."""
        touched = [*self.closing, *self.carried, *self.new_units, *(village for village, _ in self.moved_villages)]
        provinces = {place for unit in touched for place in (unit.province_id, self.were_in.get(unit.pk)) if place}
        if provinces and (fixed := why_fixed(closed_in(provinces), self.day)):
            raise NotLoadable(f"Danh mục ngày {self.day:%d/%m/%Y}: {fixed[:1].lower()}{fixed[1:]}")

    def _write(self) -> None:
        self._refuse_closed()
        closed = [unit.pk for unit in self.closing]
        for pks in _batches(closed):
            Unit.objects.filter(pk__in=pks).update(closed_on=self.day)
            UnitVersion.objects.filter(unit__in=pks, valid_to__isnull=True).update(valid_to=self.day)
        changing = [*self.carried, *(village for village, _ in self.moved_villages)]
        for pks in _batches([unit.pk for unit in changing]):
            UnitVersion.objects.filter(unit__in=pks, valid_to__isnull=True).update(valid_to=self.day)
            # Codes may change hands within one step; an empty one is never in another's way.
            Unit.objects.filter(pk__in=pks).update(code="")
        for level in KINDS_OF_LEVEL:
            self._create([unit for unit in self.new_units if unit.level == level], level)
        for village, commune in self.moved_villages:
            village.parent = village.commune = commune
            village.province_id, village.district_id = commune.province_id, commune.district_id
        self._update(changing)
        for link in self.links:
            link.successor = link.successor  # its id is known now
        Succession.objects.bulk_create(self.links, batch_size=BATCH)

    def _create(self, units: list[Unit], level: str) -> None:
        _take_ids(units)
        for unit in units:
            unit.present_since = self.day
        Unit.objects.bulk_create(units, batch_size=BATCH)
        for pks in _batches([unit.pk for unit in units]):
            Unit.objects.filter(pk__in=pks).update(**{level: F("pk")})
        for unit in units:
            setattr(unit, f"{level}_id", unit.pk)
        self._add_versions(units, self._first_decision())

    def _first_decision(self) -> str:
        return f"{LISTED} {self.snapshot.label}" if not self.since else self.snapshot.decision

    def _update(self, units: list[Unit]) -> None:
        _take_ids(units)
        for unit in units:
            unit.present_since = self.day
        carried = [name.removesuffix("_id") for name in CARRIED_FIELDS]
        fields = [*carried, "commune", "search_name", "sort_key", "present_since"]
        Unit.objects.bulk_update(units, fields, batch_size=200)
        self._add_versions(units, self.snapshot.decision)

    def _add_versions(self, units: Iterable[Unit], decision: str) -> None:
        UnitVersion.objects.bulk_create(
            (
                UnitVersion(
                    unit=unit,
                    valid_from=self.day,
                    decision=decision,
                    **{name: getattr(unit, name) for name in VERSION_FIELDS},
                )
                for unit in units
            ),
            batch_size=BATCH,
        )


def _take_ids(units: Iterable[Unit]) -> None:
    """Take over the ids of ancestors that were opened in this step and are saved by now."""
    for unit in units:
        for name in ("parent", "province", "district"):
            ancestor = unit._state.fields_cache.get(name)
            if ancestor is not None and getattr(unit, f"{name}_id") is None:
                setattr(unit, name, ancestor)


def _batches(values: list[Any]) -> Iterable[list[Any]]:
    return (values[start : start + BATCH] for start in range(0, len(values), BATCH))
