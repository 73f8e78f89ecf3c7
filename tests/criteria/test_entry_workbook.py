"""The entry workbook: who may use it, what it shows, what comes of a filled one, and what is refused where."""

import gc
from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import BytesIO
from itertools import count

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook
from openpyxl.styles import Font

from communes.models import Role, Unit
from criteria import uploads
from criteria.exchange.drafts import Eyes, drafts_of
from criteria.exchange.entry_sheet import ABOUT, KEYS, SHEET, TITLES
from criteria.exchange.entry_workbook import entry_workbook, refused_workbook
from criteria.models import CriteriaSet, CriterionOwner, Entry, Source, Standing, Upload, Wording
from criteria.publish import Published, publish, send
from criteria.uploads import UploadChanged
from criteria.verdicts import Stage
from tests.factories import (
    CommuneFactory,
    CriteriaSetFactory,
    CriterionFactory,
    DistrictFactory,
    IndicatorFactory,
    MembershipFactory,
    TargetFactory,
)
from tests.libreoffice import resaved

DAY = date(2024, 6, 30)
RATES, YES_NO, COUNTS = 14, 3, 3
EACH = RATES + YES_NO + COUNTS
HIDDEN = {column.key for column in KEYS}


_NUMBERS = count()


class Area:
    """A district with communes and a set of twenty indicators; its people."""

    def __init__(self, communes=2):
        self.district = DistrictFactory()
        self.communes = [
            CommuneFactory(parent=self.district, code=f"0{next(_NUMBERS):04}", name=f"Đông Phú {n:02}")
            for n in range(communes)
        ]
        self.first = self.communes[0]
        self.set = CriteriaSetFactory()
        self.items = []
        for number in (1, 2):
            criterion = CriterionFactory(criteria_set=self.set, number=number, name=f"Nhóm {number}")
            for position in range(1, EACH // 2 + 1):
                place = len(self.items)
                kind, measure = "percent", "%"
                if place >= RATES:
                    kind, measure = ("boolean", "") if place < RATES + YES_NO else ("count", "hộ")
                item = IndicatorFactory(
                    criterion=criterion,
                    code=f"{number}.{position}",
                    position=position,
                    name=f"Tỷ lệ hộ {place}",
                    kind=kind,
                    measure=measure,
                )
                if place == 0:
                    TargetFactory(indicator=item, value=90, text="≥ 90%", confirmed_at=timezone.now())
                self.items.append(item)
        self.rate, self.count, self.yes_no = self.items[1], self.items[-1], self.items[RATES]
        self.officer = self.person(Role.OFFICER, self.first)
        self.leader = self.person(Role.COMMUNE_LEADER, self.first)
        self.staff = self.person(Role.DISTRICT_STAFF, self.district)
        self.coordinator = self.person(Role.COORDINATOR, self.district.province)

    @staticmethod
    def person(role, unit):
        return MembershipFactory(role=role, unit=unit).user

    def entry(self, item=None, unit=None, *, by=None, sent=False, **fields):
        usual = {"verdict": "not_met", "value": Decimal(50), "attainment": 0, "effective_on": date(2024, 1, 31)}
        fields = usual | fields
        return Entry.objects.create(
            unit=unit or self.first,
            indicator=item or self.rate,
            updated_by=by or self.officer,
            sent_version=1 if sent else 0,
            **fields,
        )

    def book(self, user=None, place=None, **more):
        return Book(entry_workbook(place or self.first, self.set, user or self.officer, **more))

    def hand_in(self, book, user=None, place=None, criteria_set=None):
        content = book if isinstance(book, bytes) else book.bytes()
        upload = uploads.take(
            Upload.Kind.ENTRIES,
            ContentFile(content, "bieu.xlsx"),
            by=user or self.officer,
            unit=place or self.first,
            criteria_set=criteria_set or self.set,
        )
        upload.refresh_from_db()
        return upload

    def apply(self, upload):
        return uploads.apply(upload, upload.fingerprint, by=upload.uploaded_by)


class Book:
    """A workbook as its reader sees it, to be filled by title of column."""

    def __init__(self, content):
        self.book = load_workbook(BytesIO(content))
        self.sheet = self.book[SHEET]
        self.top = next(row for row in range(1, 10) if self.sheet.cell(row, 1).value == "Mã xã")
        titles = {column.title: key for key, column in {c.key: c for c in TITLES.values()}.items()}
        self.at = {titles[cell.value]: cell.column for cell in self.sheet[self.top] if cell.value in titles}

    def rows(self):
        return range(self.top + 1, self.sheet.max_row + 1)

    def get(self, row, key):
        return self.sheet.cell(row, self.at[key]).value

    def put(self, row, **values):
        for key, value in values.items():
            self.sheet.cell(row, self.at[key]).value = value

    def row_of(self, item, unit=None):
        return next(
            row for row in self.rows() if self.get(row, "indicator_key") == item.pk and unit in (None, self._unit(row))
        )

    def _unit(self, row):
        return Unit.objects.get(pk=self.get(row, "unit_key"))

    def cell(self, row, key):
        return self.sheet.cell(row, self.at[key])

    def bytes(self):
        stream = BytesIO()
        self.book.save(stream)
        return stream.getvalue()


@pytest.fixture
def area(db, media):
    return Area()


def lines(upload, outcome):
    return [line for line in upload.plan["lines"] if line["outcome"] == outcome]


def reasons(upload):
    return [line["reason"] for line in lines(upload, "refused")]


# --- the whole way -------------------------------------------------------------------------


@pytest.mark.parametrize("saved_by", ["openpyxl", "LibreOffice"])
def test_400_values_of_20_communes_of_which_30_changed_meanwhile(db, media, tmp_path, saved_by):
    area = Area(20)
    for unit in area.communes:
        area.entry(area.rate, unit, by=area.officer, sent=True)
    book = area.book(area.staff, area.district)
    filled = list(book.rows())
    assert len(filled) == 400
    for row in filled:
        item = next(item for item in area.items if item.pk == book.get(row, "indicator_key"))
        book.put(row, **({"verdict": "Đạt"} if item.kind == "boolean" else {"value": 40 + row % 50, "day": DAY}))
    content = book.bytes()
    if saved_by == "LibreOffice":
        content = resaved(content, tmp_path)

    changed = [(unit, item) for unit in area.communes[:15] for item in (area.rate, area.count)]
    for unit, item in changed:
        Entry.objects.update_or_create(
            unit=unit,
            indicator=item,
            defaults={"value": 7, "verdict": "met", "effective_on": DAY, "version": 3, "updated_by": area.leader},
        )
    before = {entry.pk: (entry.value, entry.version) for entry in Entry.objects.filter(value=7)}
    upload = area.hand_in(content, area.staff, area.district)
    assert upload.plan["counts"] == {"change": 370, "conflict": 30, "refused": 0, "same": 0}
    assert {(line["unit"], line["indicator"]) for line in lines(upload, "conflict")} == {
        (unit.pk, item.pk) for unit, item in changed
    }

    area.apply(upload)
    upload.refresh_from_db()
    assert upload.state == Upload.State.DONE and upload.result["written"] == 370
    for unit in area.communes:
        drafts = {entry.indicator_id: entry for entry in Entry.objects.filter(unit=unit)}
        assert len(drafts) == EACH
        for item in area.items:
            entry, row = drafts[item.pk], book.row_of(item, unit) if unit == area.first else None
            if (unit, item) in changed:
                assert (entry.value, entry.version) == before[entry.pk] and not entry.is_on_behalf
            else:
                assert entry.is_on_behalf and entry.updated_by == area.staff and entry.is_unsent
                if row and item.kind != "boolean":
                    assert (entry.value, entry.effective_on) == (40 + row % 50, DAY)
    back = Book(refused_workbook(upload))
    assert len(list(back.rows())) == 30
    assert all("Xã đã sửa dòng này" in back.get(row, "reason") for row in back.rows())


# --- what it shows -------------------------------------------------------------------------


def test_a_commune_sees_its_draft_and_an_office_above_what_was_sent(area):
    area.entry(area.rate, value=Decimal("94.33"), part=1182, whole=1253, sent=True, verdict="nearly_met")
    send_version = Entry.objects.get(indicator=area.rate)
    send_version.version = 2
    send_version.sent_version = 0
    send_version.save()
    send(area.first, area.set, area.leader)
    Entry.objects.filter(indicator=area.rate).update(value=Decimal(99), part=None, whole=None, version=3)
    own, above = area.book(), area.book(area.staff)
    row = own.row_of(area.rate)
    assert own.get(row, "last") == "99 % · Cơ bản đạt · ngày 31/01/2024"
    assert own.get(row, "version") == 3
    assert above.get(row, "last") == "94,33 % (1.182/1.253) · Cơ bản đạt · ngày 31/01/2024"
    assert above.get(row, "version") == 2


def test_the_sheet_is_protected_and_only_the_cells_to_fill_are_open(area):
    book = area.book()
    rate, yes_no = book.row_of(area.items[0]), book.row_of(area.yes_no)
    assert book.sheet.protection.sheet and book.sheet.protection.password is None
    assert book.sheet.freeze_panes == f"E{book.top + 1}"
    assert book.get(rate, "target") == "≥ 90%"
    assert [book.cell(rate, key).protection.locked for key in ("content", "value", "part", "verdict", "note")] == [
        True,
        False,
        False,
        False,
        False,
    ]
    assert book.cell(yes_no, "value").protection.locked and not book.cell(yes_no, "verdict").protection.locked
    letters = {key: book.cell(1, key).column_letter for key in book.at}
    hidden = [held for held in book.sheet.column_dimensions.values() if held.hidden]
    assert {column for held in hidden for column in range(held.min, held.max + 1)} == {book.at[key] for key in HIDDEN}
    kinds = {str(rule.sqref).split("$")[0][0]: rule.type for rule in book.sheet.data_validations.dataValidation}
    assert kinds == {
        letters["value"]: "decimal",
        letters["part"]: "decimal",
        letters["whole"]: "decimal",
        letters["verdict"]: "list",
        letters["day"]: "date",
    }
    assert not book.sheet.merged_cells.ranges
    assert book.book[ABOUT].sheet_state == "hidden"


def test_one_criterion_and_some_communes(area):
    third = CommuneFactory(parent=area.district)
    book = area.book(area.coordinator, area.district.province, criterion=2, only=[area.first.pk, third.pk])
    assert {book.get(row, "unit_key") for row in book.rows()} == {area.first.pk, third.pk}
    assert {book.get(row, "criterion") for row in book.rows()} == {"2. Nhóm 2"}


def test_criteria_of_others_are_locked_and_refused_with_the_name(area):
    other = area.person(Role.OFFICER, area.first)
    CriterionOwner.objects.create(
        unit=area.first, criterion=area.rate.criterion, user=other, name="Trần Thị Bình", starts_on="2024-01-01"
    )
    book = area.book()
    row = book.row_of(area.rate)
    assert "Do Trần Thị Bình phụ trách" in book.get(row, "content")
    assert book.cell(row, "value").protection.locked
    book.put(row, value=60)
    book.put(book.row_of(area.count), value=3)
    upload = area.hand_in(book)
    assert upload.plan["counts"] | {"change": 1, "refused": 1} == upload.plan["counts"]
    assert reasons(upload) == ["Tiêu chí 1 do Trần Thị Bình phụ trách."]
    assert area.hand_in(book, area.leader).plan["counts"]["change"] == 2


# --- what is applied -----------------------------------------------------------------------


def test_what_is_filled_is_added_to_what_stands(area):
    area.entry(area.rate, note="Theo báo cáo quý I", sent=True)
    book = area.book()
    row = book.row_of(area.rate)
    book.put(row, part=45, whole=50)
    book.put(book.row_of(area.count), value=12, note="Còn 12 hộ", day="30/06/2024")
    upload = area.hand_in(book)
    assert upload.plan["counts"]["change"] == 2 and upload.plan["shown"]["blank"] == EACH - 2
    assert not Entry.objects.filter(indicator=area.count).exists()
    area.apply(upload)
    entry = Entry.objects.get(indicator=area.rate)
    assert (entry.value, entry.part, entry.verdict, entry.note) == (90, 45, "not_met", "Theo báo cáo quý I")
    assert (entry.version, entry.sent_version, entry.is_on_behalf, entry.effective_on) == (2, 1, False, DAY)
    assert Entry.objects.get(indicator=area.count).note == "Còn 12 hộ"
    again = area.hand_in(area.book())
    assert sum(again.plan["counts"].values()) == 0


PUBLISHED = Published(0, "met", date(2024, 1, 31), value=Decimal(100), note="Báo cáo năm")


@pytest.mark.parametrize(
    ("typed", "stands", "becomes"),
    [
        ({"note": "Bổ sung"}, {}, ("met", 100, None, None, "Bổ sung", DAY)),
        ({"value": 97}, {}, ("met", 97, None, None, "Báo cáo năm", DAY)),
        ({"verdict": "Chưa đạt"}, {}, ("not_met", 100, None, None, "Báo cáo năm", DAY)),
        ({"part": 49}, {"value": None, "part": 45, "whole": 50}, ("met", 98, 49, None, "Báo cáo năm", DAY)),
        ({"value": 97}, {"value": None, "part": 45, "whole": 50}, ("met", 97, None, None, "Báo cáo năm", DAY)),
        (
            {"note": "Bổ sung"},
            {"verdict": "nearly_met", "value": None, "entered_attainment": Decimal(85)},
            ("nearly_met", None, None, 85, "Bổ sung", DAY),
        ),
    ],
)
@pytest.mark.parametrize("above", [False, True])
def test_blank_cells_keep_what_was_published_where_no_draft_is(area, typed, stands, becomes, above):
    opinion = replace(PUBLISHED, indicator_id=area.rate.pk, **stands)
    publish(area.first, area.set, Stage.SELF, [opinion], source=Source.IMPORT, source_ref="1", by=area.coordinator)
    user, place = (area.staff, area.district) if above else (area.officer, area.first)
    book = area.book(user, place)
    assert book.get(book.row_of(area.rate, area.first), "version") == 0
    book.put(book.row_of(area.rate, area.first), **typed)
    upload = area.hand_in(book, user, place)
    (line,) = lines(upload, "change")
    assert line["old"][0] == opinion.verdict and line["new"][0] == becomes[0]
    area.apply(upload)
    entry = Entry.objects.get()
    found = (entry.verdict, entry.value, entry.part, entry.entered_attainment, entry.note, entry.effective_on)
    assert found == becomes
    before = Standing.objects.get(unit=area.first, stage=Stage.SELF).indicators_met
    if becomes[0] == opinion.verdict:
        send(area.first, area.set, area.leader)
        assert Standing.objects.get(unit=area.first, stage=Stage.SELF).indicators_met == before


def test_what_was_published_is_no_change_and_is_not_replaced_by_an_older_day(area):
    opinion = replace(PUBLISHED, indicator_id=area.rate.pk)
    publish(area.first, area.set, Stage.SELF, [opinion], source=Source.IMPORT, source_ref="1", by=area.coordinator)
    book = area.book()
    row = book.row_of(area.rate)
    book.put(row, value=100, day=date(2024, 1, 31))
    assert area.hand_in(book).plan["counts"] == {"change": 0, "conflict": 0, "refused": 0, "same": 1}
    book.put(row, value=99, day=date(2023, 12, 31))
    assert "mới hơn ngày 31/12/2023" in reasons(area.hand_in(book))[0]


def test_a_draft_stands_before_what_was_published(area):
    opinion = replace(PUBLISHED, indicator_id=area.rate.pk)
    publish(area.first, area.set, Stage.SELF, [opinion], source=Source.IMPORT, source_ref="1", by=area.coordinator)
    area.entry(area.rate)
    book = area.book()
    book.put(book.row_of(area.rate), note="Bổ sung")
    area.apply(area.hand_in(book))
    entry = Entry.objects.get()
    assert (entry.verdict, entry.value, entry.note) == ("not_met", 50, "Bổ sung")


def test_what_was_taken_back_does_not_come_back(area):
    opinions = [replace(PUBLISHED, indicator_id=area.rate.pk), Published(area.rate.pk, "", date(2024, 3, 31))]
    for opinion in opinions:
        publish(area.first, area.set, Stage.SELF, [opinion], source=Source.IMPORT, source_ref="1", by=area.coordinator)
    book = area.book()
    book.put(book.row_of(area.rate), day=DAY)
    assert "Chưa có kết quả" in reasons(area.hand_in(book))[0]


def test_the_same_is_no_change(area):
    area.entry(area.rate, effective_on=DAY)
    book = area.book()
    book.put(book.row_of(area.rate), value=50, verdict="Chưa đạt")
    assert area.hand_in(book).plan["counts"] == {"change": 0, "conflict": 0, "refused": 0, "same": 1}


def test_both_values_of_a_row_that_changed_are_shown_to_the_commune(area, client):
    area.entry(area.rate)
    book = area.book()
    book.put(book.row_of(area.rate), value=60)
    Entry.objects.update(value=55, version=2, updated_by=area.leader)
    upload = area.hand_in(book)
    (line,) = lines(upload, "conflict")
    assert (line["old"][1][:2], line["new"][1], line["by"]) == ("55", "60", area.leader.get_full_name())
    assert line["at"] == Entry.objects.get().updated_at.isoformat()
    client.force_login(area.officer)
    page = client.get(f"/uploads/{upload.pk}/").content.decode()
    assert "55 %" in page and "60 %" in page and area.leader.get_full_name() in page

    back = Book(refused_workbook(upload))
    (row,) = back.rows()
    assert back.get(row, "value") == 60 and back.get(row, "version") == 2
    assert area.hand_in(back).plan["counts"]["change"] == 1


def test_an_office_neither_sees_nor_replaces_what_a_commune_is_typing(area, client):
    area.entry(area.rate, value=Decimal("61.07"))
    book = area.book(area.staff, area.district)
    row = book.row_of(area.rate, area.first)
    assert book.get(row, "last") in ("", None) and book.get(row, "version") == 0
    book.put(row, value=70, version=1)  # even with a version guessed right
    upload = area.hand_in(book, area.staff, area.district)
    (line,) = lines(upload, "conflict")
    assert line["hidden"] and line["old"] is None and line["at"] and "by" not in line
    client.force_login(area.staff)
    page = client.get(f"/uploads/{upload.pk}/").content.decode()
    assert "61,07" not in page and "Xã đã sửa dòng này" in page
    assert b"61.07" not in refused_workbook(upload)
    assert "61,07" not in str([cell.value for row in Book(refused_workbook(upload)).sheet for cell in row])


def test_an_office_may_replace_what_was_sent_and_what_it_typed_itself(area):
    area.entry(area.rate, sent=True)
    for value in (60, 61):
        book = area.book(area.staff, area.district)
        book.put(book.row_of(area.rate, area.first), value=value)
        area.apply(area.hand_in(book, area.staff, area.district))
    assert Entry.objects.get().value == 61
    colleague = area.person(Role.DISTRICT_STAFF, area.district)
    book = area.book(colleague, area.district)
    book.put(book.row_of(area.rate, area.first), value=62)
    assert area.hand_in(book, colleague, area.district).plan["counts"]["conflict"] == 1


def test_the_commune_sees_what_was_typed_for_it_until_it_is_its_own(area, client):
    book = area.book(area.staff, area.district)
    book.put(book.row_of(area.rate, area.first), value=60, verdict="Chưa đạt")
    area.apply(area.hand_in(book, area.staff, area.district))
    client.force_login(area.leader)
    typed = f"do {area.staff} nhập hộ"
    assert "Chỉ tiêu cấp trên nhập hộ" in client.get("/").content.decode()
    entry = client.get(f"/units/{area.first.pk}/entry/?set={area.set.code}&show=on_behalf").content.decode()
    assert typed in entry and entry.count('class="entry-row') == 1
    assert typed in client.get(f"/units/{area.first.pk}/send/?set={area.set.code}").content.decode()
    saved = client.post(
        f"/units/{area.first.pk}/indicators/{area.rate.pk}/entry/",
        {"value": "61", "verdict": "not_met", "effective_on": "2024-06-30", "version": 1},
        headers={"HX-Request": "true"},
    )
    assert saved.status_code == 200 and not Entry.objects.get().is_on_behalf
    assert "nhập hộ" not in client.get("/").content.decode()


def test_a_row_saved_between_preview_and_confirmation_stops_all_of_it(area):
    area.entry(area.rate)
    book = area.book()
    book.put(book.row_of(area.rate), value=60)
    book.put(book.row_of(area.count), value=3)
    upload = area.hand_in(book)
    Entry.objects.update(version=2, value=51)
    with pytest.raises(UploadChanged):
        area.apply(upload)
    assert list(Entry.objects.values_list("value", flat=True)) == [51]
    upload.refresh_from_db()
    assert upload.plan["counts"] == {"change": 1, "conflict": 1, "refused": 0, "same": 0}


def test_of_two_workbooks_with_one_row_the_second_finds_it_changed(area):
    books = [area.book(), area.book()]
    for value, book in enumerate(books, 60):
        book.put(book.row_of(area.rate), value=value)
    first, second = [area.hand_in(book) for book in books]
    area.apply(first)
    with pytest.raises(UploadChanged):
        area.apply(second)
    second.refresh_from_db()
    assert second.plan["counts"]["conflict"] == 1 and Entry.objects.get().value == 60


@pytest.mark.parametrize("had_draft", [False, True])
def test_a_row_saved_between_the_last_look_and_writing_is_not_lost(area, monkeypatch, had_draft):
    from criteria.exchange import entry_workbook as kind

    if had_draft:
        area.entry(area.rate)
    book = area.book()
    book.put(book.row_of(area.rate), value=60)
    upload = area.hand_in(book)
    planned = kind.plan

    def slow(*args):
        found = planned(*args)
        if had_draft:
            Entry.objects.update(value=51, version=2)
        else:
            area.entry(area.rate, value=Decimal(51))
        return found

    monkeypatch.setattr(kind, "plan", slow)
    with pytest.raises(UploadChanged):
        area.apply(upload)
    assert not Entry.objects.filter(value=60).exists()


@pytest.mark.parametrize("fails", [False, True])
def test_planning_is_not_held_up_by_the_garbage_collector(area, monkeypatch, fails):
    from criteria.exchange import entry_workbook as kind

    book = area.book()
    book.put(book.row_of(area.rate), value=60)
    planned, seen = kind.plan, []

    def watched(*args):
        seen.append(gc.isenabled())
        if fails:
            raise uploads.Refused("Không nhận.")
        return planned(*args)

    monkeypatch.setattr(kind, "plan", watched)
    upload = area.hand_in(book)
    assert seen == [False] and gc.isenabled()
    assert upload.state == (Upload.State.REFUSED if fails else Upload.State.READY)


def test_rules_for_a_row_are_the_page_s(area):
    bound = area.items[0]
    book = area.book()
    book.put(book.row_of(bound), value=80, verdict="Đạt")
    book.put(book.row_of(area.count), value=1.5)
    book.put(book.row_of(area.yes_no), verdict="Không áp dụng", note="Không có")
    book.put(book.row_of(area.items[2]), day=date(2024, 7, 1), value=5)
    book.put(book.row_of(area.items[3]), day=date(2020, 12, 31), value=5)
    book.put(book.row_of(area.items[4]), part=5, whole=4)
    book.put(book.row_of(area.items[5]), note="Chỉ ghi chú")
    upload = area.hand_in(book)
    told = {line["indicator"]: line["reason"] for line in lines(upload, "refused")}
    row = {item.pk: book.row_of(item) for item in area.items}
    letter = {key: book.cell(1, key).column_letter for key in book.at}

    def says(item, key, words):
        assert told[item.pk].startswith(f"Ô {letter[key]}{row[item.pk]} (") and words in told[item.pk]

    says(bound, "verdict", "chưa đạt yêu cầu ≥ 90%")
    says(area.count, "value", "số nguyên")
    says(area.yes_no, "verdict", "không có trường hợp không áp dụng")
    says(area.items[2], "day", "tương lai")
    says(area.items[3], "day", "ngoài giai đoạn")
    says(area.items[4], "part", "không được lớn hơn tổng số")
    assert upload.plan["counts"]["change"] == 1


def test_an_older_day_does_not_replace_a_newer_result(area):
    area.entry(area.rate, effective_on=date(2024, 6, 15))
    book = area.book()
    book.put(book.row_of(area.rate), value=60, day=date(2024, 3, 31))
    assert "mới hơn ngày 31/03/2024" in reasons(area.hand_in(book))[0]


# --- numbers and days as people type them -----------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "value", "part"),
    [
        (98.5, "98.5", None),
        (94.33333333333, "94.3333", None),
        (98.49999999999999, "98.5", None),
        ("98,5", "98.5", None),
        ("98,5%", "98.5", None),
        (" 98.5 % ", "98.5", None),
        ("12/15", "80", 12),
        ("1.182/1.253", "94.33", 1182),
    ],
)
def test_a_rate_as_people_type_it(area, cell, value, part):
    book = area.book()
    book.put(book.row_of(area.rate), value=cell)
    area.apply(area.hand_in(book))
    entry = Entry.objects.get()
    assert (entry.value, entry.part) == (Decimal(value), part)


@pytest.mark.parametrize(("cell", "value"), [("1.234", 1234), ("1 234", 1234), (1234.0, 1234)])
def test_a_count_as_people_type_it(area, cell, value):
    book = area.book()
    book.put(book.row_of(area.count), value=cell)
    area.apply(area.hand_in(book))
    assert Entry.objects.get().value == value


@pytest.mark.parametrize(
    "cell", [date(2024, 3, 31), " 31/3/2024 ", "31/03/2024", "31-3-2024", "31.03.2024", "2024-03-31"]
)
def test_a_day_as_people_type_it(area, cell):
    book = area.book()
    book.put(book.row_of(area.rate), value=50, day=cell)
    area.apply(area.hand_in(book))
    assert Entry.objects.get().effective_on == date(2024, 3, 31)


@pytest.mark.parametrize(
    ("key", "cell", "words"),
    [
        ("value", "=40+2", "công thức"),
        ("value", "nhiều", "không phải là số"),
        ("value", -1, "số âm"),
        ("value", 1e15, "số quá lớn"),
        ("value", True, "không phải số"),
        ("value", date(2024, 5, 12), "đã đổi thành ngày"),
        ("value", 101, "không được lớn hơn 100 %"),
        ("value", "#N/A", "công thức hoặc lỗi"),
        ("part", 12, "Nhập cả số đạt và tổng số"),
        ("verdict", "Tốt", "không phải mức đánh giá"),
        ("verdict", 1, "không phải mức đánh giá"),
        ("verdict", "Đạt vững chắc", "không phải mức đánh giá"),
        ("day", "tháng 6", "không phải ngày"),
        ("day", "30/02/2024", "không phải ngày"),
        ("day", True, "không phải ngày"),
        ("note", "a" * 2001, "2000"),
        ("note", "=A1", "công thức"),
    ],
)
def test_a_cell_that_cannot_be_taken_is_named(area, key, cell, words):
    book = area.book()
    row = book.row_of(area.rate)
    book.put(row, **({} if key == "value" else {"value": 50}), **{key: cell})
    upload = area.hand_in(book)
    assert upload.plan["counts"]["refused"] == 1 and not upload.plan["counts"]["change"]
    (reason,) = reasons(upload)
    assert words in reason
    assert f"{row} (" in reason


def test_two_ways_of_writing_decimals_in_one_workbook_are_not_guessed(area):
    book = area.book()
    book.put(book.row_of(area.rate), value="98,5")
    book.put(book.row_of(area.items[2]), value="97.5")
    assert all("kiểu 1,234.5" in reason for reason in reasons(area.hand_in(book)))


def test_a_value_beside_a_fraction_must_be_its_rate(area):
    book = area.book()
    book.put(book.row_of(area.rate), value=80, part=12, whole=15)
    book.put(book.row_of(area.items[2]), value=81, part=12, whole=15)
    upload = area.hand_in(book)
    assert upload.plan["counts"]["change"] == 1
    assert "Kết quả thực hiện 81 khác tỷ lệ 12/15 = 80" in reasons(upload)[0]


@pytest.mark.parametrize("value", [0.985, 1])
def test_a_rate_of_at_most_one_per_cent_is_asked_about(area, client, value):
    book = area.book()
    book.put(book.row_of(area.rate), value=value)
    upload = area.hand_in(book)
    assert upload.plan["counts"]["change"] == 1
    client.force_login(area.officer)
    assert "98,5 % bị thành 0,985" in client.get(f"/uploads/{upload.pk}/").content.decode()


@pytest.mark.parametrize(
    ("operator", "level", "last", "cell", "outcome"),
    [
        (">=", 90, None, 1, "refused"),
        (">=", 90, None, 0.985, "refused"),
        ("=", 100, None, 1, "refused"),
        (">=", 90, 1, 0.985, "refused"),  # what was taken wrongly before is no witness
        ("<=", 5, 50, 0.49, "refused"),
        ("pass", None, 50, 1, "refused"),
        ("<=", 5, None, 0.4, "change"),
        ("<=", 5, 0.6, 0.5, "change"),
        (">=", 1, None, 0.9, "change"),
        (">=", 90, 50, 1.5, "change"),
        (">=", 90, 50, "1", "change"),  # no program divides a text
    ],
)
def test_a_rate_far_below_what_is_known_is_not_taken(area, operator, level, last, cell, outcome):
    TargetFactory(indicator=area.rate, operator=operator, value=level, text="Yêu cầu", confirmed_at=timezone.now())
    if last is not None:
        area.entry(area.rate, value=Decimal(str(last)))
    book = area.book()
    row = book.row_of(area.rate)
    book.put(row, value=cell, verdict="Chưa đạt")
    upload = area.hand_in(book)
    assert upload.plan["counts"][outcome] == 1, upload.plan["lines"]
    if outcome == "refused":
        meant = "98,5" if cell == 0.985 else f"{cell * 100:g}"
        assert f"ghi {meant} thay cho {meant} %" in reasons(upload)[0] and f"{row} (" in reasons(upload)[0]
        book.put(row, value=None, part=1, whole=100)  # the way out for who means it
        assert area.hand_in(book).plan["counts"]["change"] == 1


def test_numbers_show_as_they_are_in_the_cells_to_fill(area):
    book = area.book()
    rate, count = book.row_of(area.rate), book.row_of(area.count)
    assert book.cell(rate, "value").number_format == 'General" %"'
    assert {book.cell(rate, "part").number_format, book.cell(count, "value").number_format} == {"General"}


def test_a_word_in_the_value_of_a_yes_no_row_is_its_verdict(area):
    book = area.book()
    book.put(book.row_of(area.yes_no), value="x")
    area.apply(area.hand_in(book))
    assert Entry.objects.get().verdict == "met"


# --- workbooks that were treated badly -----------------------------------------------------------


def test_rows_sorted_deleted_and_columns_moved_are_found_by_their_keys(area):
    area.entry(area.rate)
    book = area.book()
    book.put(book.row_of(area.rate), value=60)
    sheet, first = book.sheet, book.top + 1
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=first)][::-1]
    rows = [row for row in rows if row[book.at["indicator_key"] - 1] != area.count.pk]
    sheet.delete_rows(first, sheet.max_row)
    for row in rows:
        sheet.append(row)
    sheet.insert_cols(1)
    upload = area.hand_in(book.bytes())
    assert upload.plan["counts"] == {"change": 1, "conflict": 0, "refused": 0, "same": 0}
    assert upload.plan["lines"][0]["indicator"] == area.rate.pk


def test_sorting_a_part_of_the_columns_is_noticed(area):
    book = area.book()
    rate, count = book.row_of(area.rate), book.row_of(area.count)
    for row, item in ((rate, area.count), (count, area.rate)):
        book.put(row, indicator_key=item.pk)
    book.put(rate, value=60)
    assert "không khớp khóa ẩn" in reasons(area.hand_in(book))[0]


def test_added_rows_and_duplicates_are_refused(area):
    book = area.book()
    rate = book.row_of(area.rate)
    values = [book.sheet.cell(rate, column).value for column in range(1, book.sheet.max_column + 1)]
    book.sheet.append(values)
    twice = book.sheet.max_row
    book.put(rate, value=60)
    book.put(twice, value=61)
    book.put(twice + 1, indicator="1.2", value=62)
    upload = area.hand_in(book)
    assert [line["row"] for line in lines(upload, "refused")] == [rate, twice, twice + 1]
    assert f"ở các dòng {rate}, {twice}" in reasons(upload)[0] and "không có khóa ẩn" in reasons(upload)[2]


def test_merged_cells_are_refused_row_by_row(area):
    book = area.book()
    first = book.row_of(area.rate)
    book.put(first, value=60)
    letter = book.cell(1, "value").column_letter
    book.sheet.merge_cells(f"{letter}{first}:{letter}{first + 1}")
    book.put(book.row_of(area.count), value=3)
    upload = area.hand_in(book)
    assert upload.plan["counts"]["refused"] == 2 and upload.plan["counts"]["change"] == 1
    assert all("ô gộp" in reason for reason in reasons(upload))


def test_a_key_that_was_overwritten_is_refused(area):
    book = area.book()
    for item, change in zip(
        area.items, ({"unit_key": "abc"}, {"version": None}, {"indicator_key": 10**12}, {"unit_key": 2.5}), strict=False
    ):
        row = book.row_of(item)
        book.put(row, value=5, **change)
    upload = area.hand_in(book)
    assert upload.plan["counts"] == {"change": 0, "conflict": 0, "refused": 4, "same": 0}


def refused_whole(upload):
    assert upload.state == Upload.State.REFUSED and not upload.plan
    return upload.problem


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda book: book.sheet.delete_cols(book.at["unit_key"], 4), "thiếu cột ẩn Khóa xã, Khóa chỉ tiêu, Phiên bản"),
        (lambda book: book.sheet.delete_cols(book.at["verdict"]), "thiếu cột Đánh giá"),
        (lambda book: book.put(book.top, part="Kết quả thực hiện"), "hai cột cùng tên"),
        (lambda book: book.sheet.delete_rows(1, book.top), "Không thấy dòng tiêu đề"),
        (lambda book: book.book.remove(book.book[ABOUT]), "không phải biểu nhập kết quả"),
        (lambda book: book.book[ABOUT].cell(1, 2, "nhap-ket-qua/0"), "theo mẫu cũ"),
        (lambda book: book.book[ABOUT].cell(2, 2, "bo-khac"), "bộ tiêu chí khác"),
        (lambda book: book.book[ABOUT].cell(7, 2, "hôm qua"), "trang ẩn"),
        (lambda book: book.book[ABOUT].cell(7, 2, "2023-06-30"), "lập cho số liệu năm 2023"),
    ],
)
def test_a_workbook_that_cannot_be_read_at_all_says_why(area, spoil, words):
    book = area.book()
    book.put(book.row_of(area.rate), value=60)
    spoil(book)
    assert words in refused_whole(area.hand_in(book))


def test_a_renamed_sheet_and_a_foreign_sheet_before_it_are_no_matter(area):
    book = area.book()
    book.put(book.row_of(area.rate), value=60)
    book.sheet.title = "Xã nộp"
    book.book.create_sheet("Ghi chép", 0)["A1"] = "Ghi chép riêng"
    book.sheet["A1"].font = Font(bold=False)
    upload = area.hand_in(book)
    assert upload.plan["counts"]["change"] == 1 and upload.plan["shown"]["sheet"] == "Xã nộp"


def test_units_out_of_scope_and_closed_ones_are_refused(area):
    stranger = CommuneFactory()
    closing = area.communes[1]
    book = area.book(area.coordinator, area.district.province)
    other = book.row_of(area.rate, closing)
    book.put(other, value=60)
    mine = book.row_of(area.rate, area.first)
    book.put(mine, value=60)
    foreign = book.row_of(area.count, area.first)
    book.put(foreign, value=6, unit_key=stranger.pk)
    Unit.objects.filter(pk=closing.pk).update(closed_on=date(2024, 6, 1))
    upload = area.hand_in(book, area.coordinator, area.district.province)
    told = {line["row"]: line for line in lines(upload, "refused")}
    assert told.keys() == {other, foreign}
    assert "đã kết thúc từ ngày 01/06/2024" in told[other]["reason"] and told[foreign]["unit"] is None
    assert stranger.full_name not in str(upload.plan)
    # An officer hands in the area's workbook: only their own commune's rows are looked at.
    upload = area.hand_in(book)
    assert upload.plan["counts"]["change"] == 1
    assert len(reasons(upload)) == 2 and all("không thuộc" in reason for reason in reasons(upload))


def test_refused_rows_come_back_and_can_be_mended(area):
    book = area.book()
    row = book.row_of(area.rate)
    book.put(row, value="chín mươi", note="Số của thôn")
    book.put(book.row_of(area.count), value=3)
    upload = area.hand_in(book)
    area.apply(upload)
    back = Book(refused_workbook(upload))
    (again,) = back.rows()
    assert (back.get(again, "value"), back.get(again, "note")) == ("chín mươi", "Số của thôn")
    assert "không phải là số" in back.get(again, "reason")
    back.put(again, value=90)
    area.apply(area.hand_in(back))
    assert Entry.objects.get(indicator=area.rate).note == "Số của thôn"


def test_rows_added_by_hand_come_back_as_they_were_typed(area):
    """Without keys nobody knows for sure what they are about; still they mustn't be lost."""
    book = area.book()
    book.put(book.row_of(area.rate), value="chín mươi")
    last = book.sheet.max_row + 1
    book.put(last, code=int(area.first.code), indicator=area.count.code, value=7, note="Thêm tay")
    book.put(last + 1, code="99999", indicator=3.5, value="60 người", day=date(2024, 5, 1), indicator_key=10**12)
    upload = area.hand_in(book)
    assert [line["row"] for line in lines(upload, "refused")][1:] == [last, last + 1]
    back = Book(refused_workbook(upload))
    _, first, second = range(back.top + 1, back.sheet.max_row + 1)
    told = ("code", "indicator", "value", "note", "unit_key", "version")
    assert [back.get(first, key) for key in told] == [
        str(int(area.first.code)), area.count.code, 7, "Thêm tay", None, None,
    ]  # fmt: skip
    assert "Dòng không có khóa ẩn" in back.get(first, "reason")
    told = ("code", "indicator", "value", "indicator_key")
    assert [back.get(second, key) for key in told] == ["99999", "3.5", "60 người", 10**12]
    assert back.get(second, "day").date() == date(2024, 5, 1)
    again = area.hand_in(back)
    assert again.plan["counts"]["refused"] == 3


@pytest.mark.parametrize("now", [date(2024, 6, 20), date(2025, 1, 10)])
def test_refused_rows_come_back_with_their_day_once_another_is_usual(area, client, monkeypatch, now):
    book = area.book()
    row, dated = book.row_of(area.rate), book.row_of(area.count)
    book.put(row, value="chín mươi")
    book.put(dated, value="ba", day=date(2024, 3, 31))
    upload = area.hand_in(book)
    monkeypatch.setattr("criteria.exchange.entry_workbook.default_day", lambda *args: now)
    monkeypatch.setattr("criteria.exchange.entry_plan.default_day", lambda *args: now)
    client.force_login(area.officer)
    answer = client.get(f"/uploads/{upload.pk}/refused.xlsx")
    assert answer.status_code == 200
    back = Book(answer.content)
    days = {back.get(at, "indicator_key"): back.get(at, "day").date() for at in back.rows()}
    assert days == {area.rate.pk: DAY, area.count.pk: date(2024, 3, 31)}
    back.put(back.row_of(area.rate), value=90)
    back.put(back.row_of(area.count), value=3)
    area.apply(area.hand_in(back))
    assert dict(Entry.objects.values_list("indicator", "effective_on")) == days


# --- pages -----------------------------------------------------------------------------------------


def address(area, place=None, name="entry_book"):
    return reverse(f"criteria:{name}", args=[(place or area.first).pk])


def test_from_the_page_to_the_drafts(area, client):
    client.force_login(area.officer)
    page = client.get(f"/units/{area.first.pk}/entry/?set={area.set.code}").content.decode()
    assert address(area, name="entry_book_xlsx") in page and f"{address(area)}?set={area.set.code}#upload" in page
    got = client.get(address(area, name="entry_book_xlsx"), {"set": area.set.code, "criterion": 1})
    assert f"Bieu-nhap_XaDongPhu00_TC1_{DAY}.xlsx" in got["Content-Disposition"]
    book = Book(got.content)
    book.put(book.row_of(area.rate), value=60)
    sent = client.post(f"{address(area)}?set={area.set.code}", {"file": ContentFile(book.bytes(), "bieu.xlsx")})
    assert sent.status_code == 302
    preview = client.get(sent["Location"])
    assert "Ghi 1 dòng" in preview.content.decode() and not Entry.objects.exists()
    done = client.post(f"{sent['Location']}apply/", {"fingerprint": preview.context["upload"].fingerprint}, follow=True)
    assert "Đã ghi <strong>1</strong> dòng" in done.content.decode() and Entry.objects.get().value == 60


def test_nothing_chosen_and_no_workbook(area, client):
    client.force_login(area.officer)
    assert client.post(address(area)).status_code == 422
    answer = client.post(address(area), {"file": ContentFile(b"a;b;c\n1;2;3\n", "bieu.xlsx")})
    assert answer.status_code == 422 and "không phải tệp Excel" in answer.content.decode()
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    "query", [{"set": "bo-la"}, {"criterion": "99"}, {"criterion": "x"}, {"criterion": "9" * 30}, {"commune": "x"}]
)
def test_a_forged_choice_is_not_found(area, client, query):
    client.force_login(area.staff)
    assert client.get(address(area, area.district, "entry_book_xlsx"), query).status_code == 404


def test_a_workbook_that_would_be_too_long_is_refused_with_a_way_out(area, client, monkeypatch):
    monkeypatch.setattr("criteria.exchange.entry_workbook.MOST_ROWS", EACH)
    client.force_login(area.staff)
    answer = client.get(address(area, area.district, "entry_book_xlsx"))
    assert answer.status_code == 422 and "Chọn ít xã hơn" in answer.content.decode()
    one = client.get(address(area, area.district, "entry_book_xlsx"), {"commune": area.first.pk})
    assert one.status_code == 200


def test_who_may_use_it(area, client):
    neighbour = area.person(Role.OFFICER, area.communes[1])
    cases = [
        (area.officer, area.first, 200),
        (area.staff, area.first, 200),
        (area.staff, area.district, 200),
        (area.coordinator, area.district.province, 200),
        (area.staff, area.district.province, 404),
        (area.officer, area.district, 404),
        (neighbour, area.first, 404),
        (area.person(Role.VIEWER, area.district), area.first, 403),
    ]
    for user, place, status in cases:
        client.force_login(user)
        for name in ("entry_book", "entry_book_xlsx"):
            assert client.get(address(area, place, name)).status_code == status, (user, place, name)
        assert client.post(address(area, place)).status_code == (422 if status == 200 else status)


def test_only_who_handed_it_in_sees_an_upload(area, client):
    upload = area.hand_in(area.book(area.staff, area.district), area.staff, area.district)
    for user, status in ((area.staff, 200), (area.leader, 404), (area.coordinator, 404)):
        client.force_login(user)
        assert client.get(f"/uploads/{upload.pk}/").status_code == status


def test_who_lost_the_right_meanwhile_writes_nothing(area, client):
    book = area.book(area.staff, area.district)
    book.put(book.row_of(area.rate, area.first), value=60)
    upload = area.hand_in(book, area.staff, area.district)
    area.staff.memberships.update(ends_on=date(2024, 6, 29))
    client.force_login(area.staff)
    assert client.post(f"/uploads/{upload.pk}/apply/", {"fingerprint": upload.fingerprint}).status_code == 404
    assert not Entry.objects.exists()


def test_the_list_of_sendings_leads_to_the_area_s_workbook(area, client):
    client.force_login(area.staff)
    assert address(area, area.district) in client.get("/submissions/").content.decode()


def test_queries_do_not_depend_on_the_communes(db, media, count_queries, client):
    counts = []
    for size in (3, 30):
        area = Area(size)
        for unit in area.communes:
            area.entry(area.rate, unit, sent=True)
            area.entry(area.items[2], unit)
        with count_queries() as drawing:
            content = entry_workbook(area.district, area.set, area.staff)
        book = Book(content)
        for row in book.rows():
            item = book.get(row, "indicator_key")
            if item in {area.rate.pk, area.items[2].pk, area.count.pk}:
                book.put(row, value=5)
        with count_queries() as checking:
            upload = area.hand_in(book, area.staff, area.district)
        assert upload.plan["counts"] == {"change": 2 * size, "conflict": size, "refused": 0, "same": 0}
        with count_queries() as writing:
            area.apply(upload)
        with count_queries() as returning:
            refused_workbook(Upload.objects.select_related("unit", "criteria_set", "uploaded_by").get(pk=upload.pk))
        client.force_login(area.staff)
        client.get(f"/uploads/{upload.pk}/")
        with count_queries() as showing:
            assert client.get(f"/uploads/{upload.pk}/?show=conflict").status_code == 200
        counts.append([len(found) for found in (drawing, checking, writing, returning, showing)])
    assert counts[0] == counts[1]
    assert counts[0][0] <= 9 and counts[0][1] <= 15 and counts[0][2] <= 20


def test_eyes_of_a_commune_and_of_an_office(area):
    area.entry(area.rate, sent=True)
    area.entry(area.count)
    drafts = drafts_of([area.first.pk], [item.pk for item in area.items])
    own, above = Eyes(area.officer, [area.first]), Eyes(area.staff, [area.first])
    sent, unsent = drafts[area.first.pk, area.rate.pk], drafts[area.first.pk, area.count.pk]
    assert own.sees(unsent) and not above.sees(unsent) and above.sees(sent)
    assert (own.version(unsent), above.version(unsent), above.version(None)) == (1, 0, 0)


def test_an_amended_wording_is_read_in_the_workbook_its_preview_and_what_comes_back(area, client):
    Wording.objects.create(indicator=area.rate, starts_on=date(2024, 1, 1), name="Lời văn sửa đổi", decision="QĐ")
    CriteriaSet.objects.filter(pk=area.set.pk).update(has_wordings=True)
    area.set.refresh_from_db()
    book = area.book()
    row = book.row_of(area.rate)
    assert book.get(row, "content") == "Lời văn sửa đổi"
    book.put(row, value="nhiều")
    upload = area.hand_in(book)
    client.force_login(area.officer)
    assert "Lời văn sửa đổi" in client.get(f"/uploads/{upload.pk}/").content.decode()
    back = Book(refused_workbook(upload))
    assert back.get(back.row_of(area.rate), "content") == "Lời văn sửa đổi"
