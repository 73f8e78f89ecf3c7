"""The shape of a set's lists (variants, buckets, rules …) and figures that no column's type holds.

One rule for both ways in: the admin (`CriteriaSet.clean`) and the files (`criteria.loading`).
A problem is (place, reason); pages rely on what passed here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from communes.text import clean_text
from communes.workbooks import ERROR_WORDS

Problem = tuple[str, str]

# The columns looked at, by the names they have in the files too.
COLUMNS = ("amended_by", "rules", "sources", "variants", "mountain_variant", "buckets", "nearly_met_threshold")
VARIANT_KEYS = {"code": str, "name": str, "definition?": str}
BUCKET_KEYS = {"label": str, "min": int, "max": int}
LONGEST_VARIANT = 40
YEARS = range(1900, 3000)

TYPE_NAMES = {
    str: "văn bản", int: "số nguyên", Decimal: "số", bool: "true hoặc false", list: "danh sách", dict: "đối tượng",
    type(None): "null",
}  # fmt: skip


def is_of(value: Any, types: Any) -> bool:
    """Whether the value has exactly one of the types: true is no whole number."""
    return type(value) in (types if isinstance(types, tuple) else (types,))


def join(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def key_problems(data: Any, place: str, expected: dict) -> Iterator[Problem]:
    """What keeps `data` from being an object with these keys and types; "?" marks a key that may be missing."""
    if not isinstance(data, dict):
        yield place, "phải là một đối tượng {…}"
        return
    known = {key.rstrip("?") for key in expected}
    for key in data:
        if key not in known:
            yield join(place, key), "khóa lạ"
    for key, types in expected.items():
        name = key.rstrip("?")
        if name not in data:
            if not key.endswith("?"):
                yield join(place, name), "thiếu khóa này"
        elif not is_of(data[name], types):
            names = " hoặc ".join(TYPE_NAMES[one] for one in (types if isinstance(types, tuple) else (types,)))
            yield join(place, name), f"phải là {names}"


def control_characters(data: Any, place: str = "") -> Iterator[Problem]:
    """Texts, however deep, that no database and no workbook takes: with control characters but line end and
    tab, or that read like the failure of a formula."""
    waiting = [(place, data)]
    while waiting:
        where, value = waiting.pop()
        if isinstance(value, str):
            if any(mark not in "\n\t" and unicodedata.category(mark) in {"Cc", "Cs"} for mark in value):
                yield where, "có ký tự điều khiển không dùng được"
            elif "#" in value and cleaned(value) in ERROR_WORDS:  # no workbook tells it from the failure
                yield where, f"“{cleaned(value)}” là báo lỗi công thức của Excel; ghi bằng chữ khác"
        elif isinstance(value, list):
            waiting += [(f"{where}[{position}]", one) for position, one in enumerate(value)]
        elif isinstance(value, dict):
            waiting += [(join(where, key), one) for key, one in value.items()]


def cleaned(data: Any) -> Any:
    """The data with every text, however deep, as it is kept (`clean_text`): alike from a workbook, a JSON
    file and the database, so that what went out comes in as the same."""
    if isinstance(data, str):
        return clean_text(data, multiline=True).strip()
    if isinstance(data, list):
        return [cleaned(one) for one in data]
    if isinstance(data, dict):
        return {key: cleaned(value) for key, value in data.items()}
    return data


def problems(data: dict[str, Any]) -> Iterator[Problem]:
    """What is wrong with the COLUMNS of a set that `data` has."""
    for key in ("amended_by", "rules", "sources", "variants", "buckets"):
        if not isinstance(data.get(key, []), list):
            yield key, f"phải là {TYPE_NAMES[list]}"
    for key in ("amended_by", "rules", "sources"):
        for position, row in enumerate(_list(data, key)):
            if not isinstance(row, str):
                yield f"{key}[{position}]", "phải là văn bản"
    yield from _variant_problems(data)
    for position, row in enumerate(_list(data, "buckets")):
        place = f"buckets[{position}]"
        found = list(key_problems(row, place, BUCKET_KEYS))
        yield from found
        if not found and not 0 <= row["min"] <= row["max"]:
            yield place, "min phải từ 0 và không lớn hơn max"
    threshold = data.get("nearly_met_threshold")
    if isinstance(threshold, int | Decimal) and not 0 <= threshold <= 100:
        yield "nearly_met_threshold", "ngưỡng phải trong khoảng 0–100 %"


def year_problem(year: Any) -> str:
    """Why a set can't begin or end in this year; empty when it can."""
    return "" if year is None or year in YEARS else f"năm phải trong khoảng {YEARS[0]}–{YEARS[-1]}"


def _list(data: dict[str, Any], key: str) -> list:
    return data[key] if isinstance(data.get(key), list) else []


def _variant_problems(data: dict[str, Any]) -> Iterator[Problem]:
    codes: set[str] = set()
    for position, row in enumerate(_list(data, "variants")):
        place = f"variants[{position}]"
        found = list(key_problems(row, place, VARIANT_KEYS))
        yield from found
        if found:
            continue
        if row["code"] in codes:
            yield f"{place}.code", f"mã “{row['code']}” bị lặp"
        if len(row["code"]) > LONGEST_VARIANT:
            yield f"{place}.code", f"mã dài quá {LONGEST_VARIANT} ký tự"
        codes.add(row["code"])
    mountain = data.get("mountain_variant")
    if mountain and mountain not in codes:
        yield "mountain_variant", f"không có vùng, nhóm “{mountain}”"
