"""A set's workbook and JSON: out and in again is the same, and every way to get it wrong is told at its place."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from communes.text import clean_text
from communes.workbooks import TABLE, UnsafeWorkbook
from communes.workbooks import read_book as read_sheets
from criteria import shapes
from criteria.loading import Check, check_set, write_set
from criteria.models import CriteriaSet
from criteria.workshop import set_workbook as kind
from criteria.workshop.difference import difference
from criteria.workshop.set_data import as_stored, described, filled, to_json
from criteria.workshop.set_reading import NotOurs, read_book, read_json
from criteria.workshop.set_sheets import set_workbook
from tests.criteria.set_world import edited, indicator, small, target
from tests.factories import ProvinceFactory

FILES = sorted((Path(settings.BASE_DIR) / "fixtures" / "criteria").glob("*.json"))


def parsed(path: Path) -> dict:
    return json.loads(path.read_text(), parse_float=Decimal)


def through(data: dict):
    return read_book(read_sheets(set_workbook(data), TABLE))


# --- out and in ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_file_through_the_workbook_is_the_same(path):
    found = through(parsed(path))
    assert found.problems == []
    assert filled(found.data) == filled(parsed(path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_file_through_json_is_the_same(path):
    found = read_json(to_json(filled(parsed(path))))
    assert found.problems == []
    assert filled(found.data) == filled(parsed(path))


@pytest.mark.django_db
def test_stored_sets_come_back_from_both_forms_as_they_were():
    ProvinceFactory(code="75", name="Đồng Nai")
    ProvinceFactory(code="42", name="Hà Tĩnh")
    call_command("load_criteria", verbosity=0)
    for criteria_set in CriteriaSet.objects.all():
        stored = described(criteria_set)
        for found in (through(stored), read_json(to_json(stored))):
            assert found.problems == []
            assert difference(stored, as_stored(found.data)) == []
            assert as_stored(found.data) == stored
    standard = described(CriteriaSet.objects.get(code="xa-ntm-2021-2025"))
    assert len(standard["provincial_targets"]) == 3
    assert sum(len(one["targets"]) for row in standard["criteria"] for one in row["indicators"]) > 57


DIRTY = {
    "two spaces": "Nước  sạch", "at its end": "Nước sạch ", "taken apart": "Nươ\u0301c sạch",
    "no-break": "Nước\u00a0sạch", "tab": "Nước\tsạch", "zero width": "Nước\u200b sạch",
    "line ends": "\nNước sạch\n\n\n\nlà nước", "none": " \u200b ",
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("typed", DIRTY.values(), ids=DIRTY)
def test_texts_however_typed_are_kept_alike_from_both_forms_and_come_back_as_they_were(typed):
    data = small(note=typed, rules=[f"Quy định {typed}"])
    first = data["criteria"][0]["indicators"][0]
    first.update(name=f"Tỷ lệ hộ {typed}", guidance=typed)
    first["targets"][0]["text"] = f"≥90% {typed}"
    forms = [through(data), read_json(to_json(data))]
    assert [found.problems for found in forms] == [[], []]
    assert filled(forms[0].data) == filled(forms[1].data)
    # Also what was stored before texts were cleaned.
    for written in (data, forms[1].data):
        write_set(as_stored(written), province=None, requires=None, first_day=date(2024, 6, 30))
        stored = described(CriteriaSet.objects.get())
        for found in (through(stored), read_json(to_json(stored))):
            assert difference(stored, as_stored(found.data)) == []


@pytest.mark.parametrize("word", ["#N/A", " #REF!\u200b"])
def test_a_text_no_workbook_can_hold_is_refused_in_json_too(word):
    found = read_json(to_json(small(note=word)))
    assert [(problem.title, "báo lỗi công thức" in problem.reason) for problem in found.problems] == [("note", True)]
    assert read_json(to_json(small(note=f"{word} là gì"))).problems == []


def test_the_words_of_failed_formulas_are_those_of_the_workbooks():
    for word in shapes.ERROR_WORDS:
        found = through(small(note=word))
        assert "công thức" in found.problems[0].reason, word


# Text as it is typed: cleaned, and no error value of a spreadsheet.
text = (
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Co", "Cn"]), min_size=1, max_size=40)
    .map(lambda typed: clean_text(typed, multiline=True).strip())
    .filter(lambda typed: typed and not typed.startswith("#"))
)
maybe = st.none() | text
year = st.none() | st.integers(2021, 2025)
day = st.dates(date(2000, 1, 1), date(2099, 12, 31)).map(date.isoformat)
provenance = st.sampled_from(["verified", "recalled"])
VARIANTS = ["nhom-1", "nhom-2", "nhom-3"]


@st.composite
def demands(draw, kind_of, province=False):
    """Targets of one indicator: each variant and year once."""
    keys = draw(st.lists(st.tuples(st.sampled_from([None, *VARIANTS]), year), unique=True, max_size=3))
    rows = []
    for variant, from_year in keys:
        numeric = kind_of != "boolean" and draw(st.booleans())
        most = 100 if kind_of == "percent" else 10**9
        value = draw(st.integers(0, most) | st.decimals(0, most, places=2)) if numeric else None
        operator = draw(st.sampled_from([">=", "<=", "="] if numeric else ["pass", "judge"]))
        row = {"variant": variant, "year": from_year, "operator": operator, "value": value, "text": draw(text)}
        row["to_year"] = draw(st.none() | st.integers(from_year or 2021, 2025))
        rows.append({**row, "decision": draw(maybe), "source": draw(maybe)})
    return rows


@st.composite
def sets(draw):
    """Any set that passes the check."""
    criteria, codes = [], []
    groups = draw(st.lists(st.sampled_from(["I", "II", "III"]), unique=True))
    for number in range(1, draw(st.integers(1, 4)) + 1):
        indicators = []
        for position in range(1, draw(st.integers(0, 3)) + 1):
            code, what = f"{number}.{position}", draw(st.sampled_from(["boolean", "percent", "number", "count"]))
            wholes = [one["code"] for one in indicators if one["part_of"] is None]
            ends = draw(st.none() | day)
            indicators.append(
                {
                    "code": code, "name": draw(text), "kind": what, "unit": draw(st.none() | st.just("%")),
                    "targets": [{**row, "provenance": draw(provenance)} for row in draw(demands(what))],
                    "set_by_province": draw(st.booleans()), "provenance": draw(provenance), "source": draw(maybe),
                    "note": draw(maybe), "confidence": draw(st.sampled_from([None, "high", "low"])),
                    "part_of": draw(st.sampled_from([None, *wholes])),
                    "may_be_not_applicable": draw(st.booleans()), "needs_evidence": draw(st.booleans()),
                    "guidance": draw(maybe), "in_force_from": None, "in_force_to": ends,
                }
            )  # fmt: skip
            codes.append((code, what))
        criteria.append(
            {
                "number": number, "group": draw(st.sampled_from([None, *groups])), "name": draw(text),
                "is_key": draw(st.booleans()), "provenance": draw(provenance), "note": draw(maybe),
                "indicators": indicators,
            }
        )  # fmt: skip
    provincial, wordings = [], []
    for code, what in draw(st.lists(st.sampled_from(codes), unique=True, max_size=2)) if codes else []:
        of = {"province": draw(text), "province_code": "38", "indicator": code}
        provincial += [{**of, **row} for row in draw(demands(what))]
        dates = draw(st.lists(day, unique=True, max_size=2))
        wordings += [
            {"indicator": code, "from": start, "name": draw(text), "decision": draw(maybe), "source": draw(maybe)}
            for start in dates
        ]
    return {
        "code": draw(st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True)), "name": draw(text), "level": "commune",
        "grade": draw(st.sampled_from(["standard", "modern"])), "decision": draw(maybe),
        "amended_by": draw(st.lists(text, max_size=2)), "issued": draw(st.none() | day | st.just("2014-08")),
        "effective": draw(st.none() | day), "period": [2021, draw(st.sampled_from([2025, 2030, None]))],
        "official_counts": {"criteria": None, "indicators": None}, "incomplete": False,
        "variants": [{"code": code, "name": draw(text), "definition": draw(text)} for code in VARIANTS],
        "mountain_variant": draw(st.sampled_from([None, "nhom-3"])), "requires": draw(st.sampled_from([None, "khac"])),
        "province": draw(st.sampled_from([None, "38"])), "nearly_met_threshold": draw(st.integers(0, 100)),
        "buckets": [{"label": draw(text), "min": 0, "max": draw(st.integers(0, 19))}],
        "groups": [{"code": code, "name": draw(text)} for code in groups], "criteria": criteria,
        "rules": draw(st.lists(text, max_size=2)), "note": draw(maybe), "sources": draw(st.lists(text, max_size=2)),
        "provincial_targets": provincial, "wordings": wordings,
    }  # fmt: skip


def is_good(data: dict) -> bool:
    check = Check()
    return check_set(check, data) and not check.found


@given(sets().filter(is_good))
@hypothesis_settings(max_examples=60)
def test_any_set_through_workbook_and_json_is_the_same(data):
    for found in (through(data), read_json(to_json(data))):
        assert found.problems == []
        assert filled(found.data) == filled(data)
        assert difference(as_stored(data), as_stored(found.data)) == []


@given(sets().filter(is_good))
@hypothesis_settings(max_examples=25)
@pytest.mark.django_db
def test_any_set_written_and_exported_is_the_same(data):
    data = {**as_stored(data), "requires": None, "province": None, "provincial_targets": []}
    with transaction.atomic():
        write_set(data, province=None, requires=None, first_day=date(2024, 6, 30))
        stored = described(CriteriaSet.objects.get(code=data["code"]))
        assert difference(data, stored) == []
        assert {**stored, "incomplete": False} == {**data, "groups": stored["groups"]}
        transaction.set_rollback(True)


# --- wrong in a workbook -------------------------------------------------------------------


def put(sheet: str, cell: str, value: Any) -> Callable[[Any], None]:
    def change(book: Any) -> None:
        book[sheet][cell] = value

    return change


def fact(title: str, value: Any) -> Callable[[Any], None]:
    def change(book: Any) -> None:
        row = next(row for row in book["Bộ tiêu chí"].iter_rows() if str(row[0].value).removesuffix(" *") == title)
        row[1].value = value

    return change


def insert(sheet: str, *values: Any) -> Callable[[Any], None]:
    def change(book: Any) -> None:
        book[sheet].append(values)

    return change


def drop_column(sheet: str, letter_number: int) -> Callable[[Any], None]:
    def change(book: Any) -> None:
        book[sheet].delete_cols(letter_number)

    return change


def drop_sheet(book: Any) -> None:
    del book["Yêu cầu"]


def merge(book: Any) -> None:
    book["Chỉ tiêu"].merge_cells("D2:D3")


def drop_code_row(book: Any) -> None:
    sheet = book["Bộ tiêu chí"]
    sheet.delete_rows(next(row[0].row for row in sheet.iter_rows() if row[0].value == "Quyết định"))


BAD = {
    "formula in a value": (put("Yêu cầu", "E2", "=45*2"), ("Yêu cầu", 2, "E"), "công thức"),
    "formula in a text": (put("Chỉ tiêu", "D2", '="a"&"b"'), ("Chỉ tiêu", 2, "D"), "công thức"),
    "an error value": (put("Yêu cầu", "E2", "#N/A"), ("Yêu cầu", 2, "E"), "công thức"),
    "number as text": (put("Yêu cầu", "E2", "90,5"), ("Yêu cầu", 2, "E"), "“90,5” đang ghi dạng chữ, phải là số"),
    "year as text": (put("Yêu cầu", "C2", "2023"), ("Yêu cầu", 2, "C"), "phải là số"),
    "date as text": (fact("Ngày ban hành", "08/03/2022"), ("Bộ tiêu chí", 10, "B"), "phải là ngày"),
    "year as a date": (fact("Từ năm", date(2021, 1, 1)), ("Bộ tiêu chí", 12, "B"), "Phải là số"),
    "code as a number": (put("Chỉ tiêu", "C2", 1.1), ("Chỉ tiêu", 2, "C"), "dạng chữ"),
    "part of a year": (put("Yêu cầu", "C2", 2023.5), ("Yêu cầu", 2, "C"), "số nguyên"),
    "merged cells": (merge, ("Chỉ tiêu", 2, "D"), "Ô gộp D2:D3"),
    "a column deleted": (drop_column("Yêu cầu", 9), ("Yêu cầu", 1, ""), "Thiếu cột “Nguồn gốc”"),
    "a column added": (put("Yêu cầu", "J1", "Của tôi"), ("Yêu cầu", 1, "J"), "không có trong mẫu"),
    "a column twice": (put("Yêu cầu", "J1", "Mức"), ("Yêu cầu", 1, "J"), "lặp lại"),
    "a sheet deleted": (drop_sheet, ("Yêu cầu", None, ""), "Thiếu trang"),
    "a fact deleted": (drop_code_row, ("Bộ tiêu chí", None, ""), "Thiếu dòng “Quyết định”"),
    "no name": (fact("Tên", None), ("Bộ tiêu chí", 4, "B"), "Chưa ghi"),
    "an unknown level": (fact("Cấp", "Phường"), ("Bộ tiêu chí", 5, "B"), "không có trong danh sách: Tỉnh"),
    "a bad code": (fact("Mã", "Bộ số 1"), ("Bộ tiêu chí", 3, "B"), ""),
    "an ended period": (fact("Đến năm", 2020), ("Bộ tiêu chí", 12, "B"), "Năm cuối trước năm đầu"),
    "criteria that disagree": (fact("Số tiêu chí theo văn bản", 3), ("Tiêu chí", None, ""), "văn bản nói 3"),
    "indicators that disagree": (fact("Số chỉ tiêu theo văn bản", 4), ("Tiêu chí", None, ""), "văn bản nói 4"),
    "a number twice": (put("Tiêu chí", "A3", 1), ("Tiêu chí", 3, "A"), "số 1 bị lặp"),
    "a group with two names": (put("Tiêu chí", "D3", "Khác"), ("Tiêu chí", 3, "D"), "đã có tên “Hạ tầng” ở dòng 2"),
    "an indicator without criterion": (put("Chỉ tiêu", "A2", 9), ("Chỉ tiêu", 2, "A"), "không có tiêu chí số 9"),
    "an indicator twice": (put("Chỉ tiêu", "C3", "1.1"), ("Chỉ tiêu", 3, "C"), "“1.1” bị lặp"),
    "a part of nothing": (put("Chỉ tiêu", "G2", "7.7"), ("Chỉ tiêu", 2, "G"), "“7.7”"),
    "an unknown kind": (put("Chỉ tiêu", "E2", "Phần trăm"), ("Chỉ tiêu", 2, "E"), "Có/không, Tỷ lệ"),
    "a flag": (put("Chỉ tiêu", "H2", "x"), ("Chỉ tiêu", 2, "H"), "phải là Có hoặc Không"),
    "a target without indicator": (put("Yêu cầu", "A2", "9.9"), ("Yêu cầu", 2, "A"), "không có chỉ tiêu “9.9”"),
    "targets against each other": (
        insert("Yêu cầu", "1.1", None, None, "≥", 95, "≥95%"), ("Yêu cầu", 4, ""), "trái nhau: >= 90 và >= 95",
    ),
    "a target twice": (insert("Yêu cầu", "1.1", None, None, "≥", 90, "≥90%"), ("Yêu cầu", 4, ""), "bị lặp"),
    "a target without value": (insert("Yêu cầu", "2.1", None, None, "≥", None, "≥"), ("Yêu cầu", 4, "E"), "bằng số"),
    "a target beyond per cent": (put("Yêu cầu", "E2", 190), ("Yêu cầu", 2, "E"), "ngoài khoảng"),
    "an unknown group": (put("Yêu cầu", "B2", "nhom-9"), ("Yêu cầu", 2, "B"), "không có vùng, nhóm “nhom-9”"),
    "a year outside": (put("Yêu cầu", "C2", 2031), ("Yêu cầu", 2, "C"), "ngoài giai đoạn"),
    "a wording of nothing": (
        insert("Nội dung sửa đổi", "9.9", date(2024, 3, 1), "Mới"), ("Nội dung sửa đổi", 2, "A"), "“9.9”",
    ),
    "a wording without a day": (
        insert("Nội dung sửa đổi", "1.1", None, "Mới"), ("Nội dung sửa đổi", 2, "B"), "Chưa ghi",
    ),
    "a bucket upside down": (
        insert("Nhóm xã theo số tiêu chí", "x", 5, 2), ("Nhóm xã theo số tiêu chí", 2, ""), "từ 0",
    ),
    "a variant twice": (insert("Vùng, nhóm", "nhom-1", "Lặp"), ("Vùng, nhóm", 4, "A"), "bị lặp"),
    "an end before its beginning": (
        lambda book: [
            put("Chỉ tiêu", "K2", date(2024, 1, 1))(book), put("Chỉ tiêu", "L2", date(2023, 1, 1))(book),
        ],
        ("Chỉ tiêu", 2, "L"), "trước ngày bắt đầu",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "place", "reason"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_told_at_its_place(change, place, reason):
    found = read_book(read_sheets(edited(small(), change), TABLE))
    told = [
        (problem.sheet, problem.row, problem.column)
        for problem in found.problems
        if reason.casefold() in problem.reason.casefold()
    ]
    assert place in told, found.problems
    assert all(problem.reason[0].isupper() or problem.reason[0] == "“" for problem in found.problems)


def test_all_problems_come_at_once_in_the_order_of_the_sheets():
    def change(book):
        put("Yêu cầu", "E3", "chín mươi")(book)
        put("Chỉ tiêu", "A2", 9)(book)
        put("Chỉ tiêu", "E4", "?")(book)
        fact("Tên", None)(book)

    found = read_book(read_sheets(edited(small(), change), TABLE))
    assert [(problem.sheet, problem.row, problem.column) for problem in found.problems] == [
        ("Bộ tiêu chí", 4, "B"),
        ("Chỉ tiêu", 2, "A"),
        ("Chỉ tiêu", 4, "E"),
        ("Yêu cầu", 3, "E"),
    ]


def test_moved_and_sorted_rows_and_columns_change_nothing():
    def change(book):
        sheet = book["Chỉ tiêu"]
        rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
        for number, row in enumerate([rows[0], *reversed(rows[1:])], start=1):
            # The columns the other way round, a blank row in between.
            for at, value in enumerate(reversed(row), start=1):
                sheet.cell(number + (number > 2), at).value = value
        for cell in sheet[3]:
            cell.value = None
        book["Yêu cầu"].insert_rows(1)
        book["Yêu cầu"]["A1"] = "Ghi chú riêng"

    found = read_book(read_sheets(edited(small(), change), TABLE))
    assert found.problems == []
    assert as_stored(found.data) == as_stored(small())


def test_other_templates_and_workbooks_are_told_apart():
    with pytest.raises(NotOurs, match="bo-tieu-chi/0"):
        read_book(read_sheets(edited(small(), fact("Mẫu", "bo-tieu-chi/0")), TABLE))
    with pytest.raises(NotOurs, match="không phải tệp bộ tiêu chí"):
        read_book(read_sheets(edited(small(), lambda book: setattr(book["Bộ tiêu chí"], "title", "Sheet1")), TABLE))


def test_the_empty_workbook_says_what_is_missing():
    found = read_book(read_sheets(set_workbook(), TABLE))
    assert [problem.title for problem in found.problems if problem.reason == "Chưa ghi."] == [
        "Mã", "Tên", "Cấp", "Mức", "Từ năm",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "không đúng cú pháp json"),
        (b'{"code": "x"}', "thiếu khóa này"),
        (b"[1]", "phải là một đối tượng"),
        (b'\xef\xbb\xbf{"a": 1, "a": 2}', "hai lần"),
    ],
)
def test_bad_json_is_told(content, reason):
    found = read_json(kind.read_file(content))
    assert found.data is None
    assert any(reason in problem.reason.lower() for problem in found.problems)


def test_what_is_neither_is_refused():
    for content in (b"", b"ma;ten\n1;2\n", b"PK\x03\x04 broken", set_workbook(small())[:3000]):
        with pytest.raises(UnsafeWorkbook):
            kind.read_file(content)


# --- differences ---------------------------------------------------------------------------


def changed(**paths: Any) -> dict:
    data = small()
    first = data["criteria"][0]["indicators"][0]
    first.update(paths)
    return data


@pytest.mark.parametrize(
    ("after", "kind_of", "about", "texts"),
    [
        (changed(targets=[target(value=95, text="≥95%")]), "target_changed", "Chỉ tiêu 1.1", ("≥90%", "≥95%")),
        (changed(targets=[target(value=9)]), "target_changed", "Chỉ tiêu 1.1", ("≥ 90", "≥ 9")),
        (changed(targets=[target(source="trang 5")]), "target_changed", "Chỉ tiêu 1.1",
         ("Đã đối chiếu văn bản", "trang 5 · Đã đối chiếu văn bản")),
        (changed(targets=[target(), target(year=2024, value=95, text="≥95%")]), "target_added", "Chỉ tiêu 1.1",
         ("", "≥95%")),
        (changed(targets=[target(year=2023)]), "target_changed", "Chỉ tiêu 1.1", ("≥90%", "từ năm 2023: ≥90%")),
        (changed(targets=[target(to_year=2022), target(year=2023, value=95, text="≥95%")]), "target_changed",
         "Chỉ tiêu 1.1", ("≥90%", "≥90%, đến hết năm 2022; từ năm 2023: ≥95%")),
        (changed(targets=[]), "target_removed", "Chỉ tiêu 1.1", ("≥90%", "")),
        (changed(name="Khác"), "reworded", "Chỉ tiêu 1.1", ("Tỷ lệ hộ theo nội dung 1.1", "Khác")),
        (changed(unit="điểm %"), "changed", "Chỉ tiêu 1.1", ("%", "điểm %")),
        (changed(in_force_to="2024-06-30"), "ended", "Chỉ tiêu 1.1", ("(trống)", "30/06/2024")),
        (small(name="Bộ khác"), "changed", "Bộ tiêu chí", ("Bộ thử", "Bộ khác")),
        (small(rules=["Quy định thứ nhất", "Mới"]), "added", "Bộ tiêu chí", ("", "Mới")),
        (small(wordings=[{"indicator": "1.1", "from": "2024-03-01", "name": "Mới"}]), "reworded", "Chỉ tiêu 1.1",
         ("", "Mới")),
    ],
)  # fmt: skip
def test_one_change_is_one_difference(after, kind_of, about, texts):
    (change,) = difference(as_stored(small()), as_stored(after))
    assert (change.kind, change.about, (change.before, change.after)) == (kind_of, about, texts)


def test_targets_of_other_groups_are_differences_of_their_own():
    """Only what takes the place of another of the same group is told together with it."""
    after = changed(targets=[target(variant="nhom-1", year=2023), target(year=2025, value=95)])
    before = changed(targets=[target(), target(variant="nhom-2")])
    found = difference(as_stored(before), as_stored(after))
    assert [(change.kind, change.what) for change in found] == [
        ("target_changed", "chung"),
        ("target_removed", "vùng, nhóm nhom-2"),
        ("target_added", "vùng, nhóm nhom-1, từ năm 2023"),
    ]


def test_added_removed_and_moved_indicators_are_one_difference_each():
    data = small()
    rows = data["criteria"][0]["indicators"]
    rows.append(indicator("1.3", target()))
    (change,) = difference(as_stored(small()), as_stored(data))
    assert (change.kind, change.about) == ("added", "Chỉ tiêu 1.3")
    assert "≥90%" in change.after
    (change,) = difference(as_stored(data), as_stored(small()))
    assert (change.kind, change.about) == ("removed", "Chỉ tiêu 1.3")
    rows.pop()
    rows.reverse()
    (change,) = difference(as_stored(small()), as_stored(data))
    assert (change.what, change.before, change.after) == ("Thứ tự chỉ tiêu", "1.1, 1.2", "1.2, 1.1")
    data = small()
    data["criteria"][1]["indicators"].append(data["criteria"][0]["indicators"].pop())
    (change,) = difference(as_stored(small()), as_stored(data))
    assert (change.about, change.what, change.before, change.after) == ("Chỉ tiêu 1.2", "Tiêu chí", "1", "2")
