"""A small set of the tests' own, as a file has it, and the 10-criteria, 47-indicator set in the workbook's form."""

from __future__ import annotations

import copy
from collections.abc import Callable
from io import BytesIO
from typing import Any

import openpyxl

from criteria.workshop.set_sheets import set_workbook

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def target(**fields: Any) -> dict:
    return {
        "variant": None, "year": None, "operator": ">=", "value": 90, "text": "≥90%", "provenance": "verified",
        "source": None, **fields,
    }  # fmt: skip


def indicator(code: str, *targets: dict, **fields: Any) -> dict:
    return {
        "code": code, "name": f"Tỷ lệ hộ theo nội dung {code}", "kind": "percent", "unit": "%",
        "targets": list(targets), "set_by_province": False, "provenance": "verified", "source": None, "note": None,
        "confidence": None, "part_of": None, "may_be_not_applicable": False, **fields,
    }  # fmt: skip


def small(**fields: Any) -> dict:
    """Two criteria, three indicators, two groups."""
    return copy.deepcopy(
        {
            "code": "bo-thu",
            "name": "Bộ thử",
            "level": "commune",
            "grade": "standard",
            "decision": "1/QĐ",
            "amended_by": [],
            "issued": "2022-03-08",
            "effective": "2022-03-08",
            "period": [2021, 2025],
            "official_counts": {"criteria": 2, "indicators": 3},
            "variants": [{"code": "nhom-1", "name": "Xã nhóm 1"}, {"code": "nhom-2", "name": "Xã nhóm 2"}],
            "groups": [{"code": "I", "name": "Hạ tầng"}],
            "criteria": [
                {
                    "number": 1,
                    "group": "I",
                    "name": "Nước sạch",
                    "provenance": "verified",
                    "note": None,
                    "indicators": [indicator("1.1", target()), indicator("1.2", target(variant="nhom-1", value=80))],
                },
                {
                    "number": 2,
                    "group": "I",
                    "name": "Điện",
                    "provenance": "verified",
                    "note": None,
                    "indicators": [indicator("2.1")],
                },
            ],
            "rules": ["Quy định thứ nhất"],
            "sources": ["Nguồn thứ nhất"],
            **fields,
        }
    )


def edited(data: dict, change: Callable[[Any], None]) -> bytes:
    """The set's workbook as a person left it."""
    book = openpyxl.load_workbook(BytesIO(set_workbook(data)))
    change(book)
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def modern(**fields: Any) -> dict:
    """10 criteria, 47 indicators, three groups with their own targets; a set like that of 2026–2030, with texts
    of the tests' own."""
    sizes = [5, 5, 5, 5, 5, 5, 5, 4, 4, 4]
    groups = ["nhom-1", "nhom-2", "nhom-3"]
    criteria = [
        {
            "number": number, "group": None, "name": f"Tiêu chí mới {number}", "provenance": "verified", "note": None,
            "indicators": [
                indicator(
                    f"{number}.{place}",
                    *(
                        target(variant=group, value=95 - 5 * at, text=f"≥{95 - 5 * at}%")
                        for at, group in enumerate(groups)
                    ),
                )
                for place in range(1, size + 1)
            ],
        }
        for number, size in enumerate(sizes, start=1)
    ]  # fmt: skip
    return small(
        code="xa-moi", name="Bộ tiêu chí mới", period=[2024, 2030], issued="2023-12-29", effective="2024-02-15",
        official_counts={"criteria": 10, "indicators": 47}, groups=[], criteria=criteria, rules=[],
        variants=[{"code": code, "name": f"Xã nhóm {code[-1]}"} for code in groups],
        buckets=[{"label": "10", "min": 10, "max": 10}, {"label": "5-9", "min": 5, "max": 9},
                 {"label": "<5", "min": 0, "max": 4}],
        **fields,
    )  # fmt: skip
