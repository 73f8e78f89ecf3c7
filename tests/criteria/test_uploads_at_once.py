"""Two tables confirmed at the same moment: what one writes is whole, the other is told, nothing is lost in between."""

from contextlib import suppress
from datetime import date
from threading import Barrier, BrokenBarrierError

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from communes.models import UnitVersion
from criteria import uploads
from criteria.exchange import entry_workbook
from criteria.models import CriteriaSet, Entry, Indicator, Target, Upload
from criteria.workshop import group_workbook, set_workbook, target_workbook
from criteria.workshop.set_data import to_json
from criteria.workshop.sets import publish_set
from tests.criteria import test_entry_workbook, test_groups, test_local_target_pages, test_target_workbook
from tests.criteria.set_world import indicator, small
from tests.criteria.test_publish import run_together
from tests.factories import CriteriaSetFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def confirm_together(media, monkeypatch):
    """Confirm uploads at once: each waits, planned and not yet written, for the other to get as far."""

    def confirm(kind, *waiting):
        write, meeting = kind.write, Barrier(len(waiting))

        def wait_for_the_other(*args):
            with suppress(BrokenBarrierError):
                meeting.wait(timeout=1)
            return write(*args)

        with monkeypatch.context() as patched:
            patched.setattr(kind, "write", wait_for_the_other)
            return run_together(
                *(
                    lambda upload=upload: uploads.apply(upload, upload.fingerprint, by=upload.uploaded_by)
                    for upload in waiting
                )
            )

    return confirm


def names(results):
    return sorted(type(result).__name__ for result in results)


def told_of(results, *waiting):
    """The upload that was written and the one that wasn't, as it is shown now."""
    assert names(results) == ["Upload", "UploadChanged"], results
    (won,) = (result for result in results if isinstance(result, Upload))
    (lost,) = (upload for upload in waiting if upload.pk != won.pk)
    lost.refresh_from_db()
    assert (won.state, lost.state) == ("done", "ready")
    return won, lost


# --- entry workbooks ---------------------------------------------------------------------


@pytest.fixture
def area(media):
    return test_entry_workbook.Area()


def filled(area, user, value, items):
    book = area.book(user)
    for item in items:
        book.put(book.row_of(item), value=value)
    return area.hand_in(book, user)


@pytest.mark.parametrize("drafted", [True, False])
def test_entries_of_the_same_rows(area, confirm_together, drafted):
    """One row of three is in both; with drafts before, and where both would be a row's first draft."""
    one, both, other = area.items[1:4]
    for item in (one, both, other) if drafted else ():
        area.entry(item)
    mine = filled(area, area.officer, 61, [one, both])
    theirs = filled(area, area.leader, 62, [other, both])
    won, lost = told_of(confirm_together(entry_workbook, mine, theirs), mine, theirs)
    value = 61 if won.pk == mine.pk else 62
    untouched = other if won.pk == mine.pk else one
    written = dict(Entry.objects.filter(updated_by=won.uploaded_by).values_list("indicator_id", "value"))
    assert {pk: int(found) for pk, found in written.items() if int(found) == value} == {
        both.pk: value,
        (one if won.pk == mine.pk else other).pk: value,
    }
    assert Entry.objects.filter(indicator=untouched, value__in=[61, 62]).count() == 0
    assert lost.plan["counts"] == {"change": 1, "conflict": 1, "refused": 0, "same": 0}


def test_entries_of_different_rows(area, confirm_together):
    one, other = area.items[1:3]
    mine, theirs = filled(area, area.officer, 61, [one]), filled(area, area.leader, 62, [other])
    assert names(confirm_together(entry_workbook, mine, theirs)) == ["Upload", "Upload"]
    assert {int(entry.value) for entry in Entry.objects.all()} == {61, 62}


def test_new_entries_are_written_in_one_order_however_a_sheet_is_sorted(area):
    """Else two sheets sorted each its own way could wait for each other for ever."""
    book = area.book(area.officer)
    rows = [[cell.value for cell in row] for row in book.sheet.iter_rows(min_row=book.top + 1)]
    for number, row in enumerate(reversed(rows), start=book.top + 1):
        for column, value in enumerate(row, start=1):
            book.sheet.cell(number, column).value = value
    for item in area.items[1:6]:
        book.put(book.row_of(item), value=60)
    upload = area.hand_in(book)
    assert upload.plan["counts"]["change"] == 5
    area.apply(upload)
    keys = list(Entry.objects.order_by("pk").values_list("unit_id", "indicator_id"))
    assert keys == sorted(keys)


# --- targets -----------------------------------------------------------------------------


@pytest.fixture
def province(media):
    found = test_local_target_pages.Place()
    found.row = found.own(value=96, text="≥ 96 %", variant="nhom-1")
    return found


def target_table(place, *cells):
    book = test_target_workbook.book_of(place)
    for code, variant, typed in cells:
        row = test_target_workbook.rows(book)[code, variant]
        test_target_workbook.fill(book, row, **{"operator": "≥", "decision": "QĐ 5", "text": ""} | typed)
    return test_target_workbook.hand_in(place, book)


def test_targets_of_the_same_row(province, confirm_together):
    """The row that is in one table alone isn't written either where the other was first."""
    mine = target_table(province, ("17.1", "Xã nhóm 1", {"value": 97}), ("17.2", "Xã nhóm 1", {"value": 60}))
    theirs = target_table(province, ("17.1", "Xã nhóm 1", {"value": 98}), ("17.2", "Xã nhóm 2", {"value": 70}))
    won, lost = told_of(confirm_together(target_workbook, mine, theirs), mine, theirs)
    values = {int(value) for value in province.rows.values_list("value", flat=True)}
    assert values == ({97, 60} if won.pk == mine.pk else {98, 70})
    assert lost.plan["counts"] == {"added": 1, "changed": 0, "same": 0, "conflict": 1, "refused": 0}


def test_the_same_new_target(province, confirm_together):
    mine, theirs = (target_table(province, ("17.2", "Xã nhóm 1", {"value": value})) for value in (60, 70))
    _, lost = told_of(confirm_together(target_workbook, mine, theirs), mine, theirs)
    assert Target.objects.filter(indicator=province.waste).count() == 1 and lost.plan["counts"]["conflict"] == 1


def test_targets_of_different_rows(province, confirm_together):
    mine, theirs = (
        target_table(province, ("17.2", f"Xã nhóm {group}", {"value": value})) for group, value in ((1, 60), (2, 70))
    )
    assert names(confirm_together(target_workbook, mine, theirs)) == ["Upload", "Upload"]
    assert {int(row.value) for row in province.rows.filter(indicator=province.waste)} == {60, 70}


# --- groups ------------------------------------------------------------------------------


@pytest.fixture
def grouped(media):
    CriteriaSetFactory(variants=[{"code": f"nhom-{n}", "name": f"Xã nhóm {n}"} for n in (1, 2, 3)])
    return test_groups.Place()


def group_table(place, group, *communes):
    book = test_groups.book_of(place)
    for at in communes:
        test_groups.fill(book, place, at, group=f"Xã nhóm {group}", day=date(2024, 2, 15), decision="QĐ 12")
    return test_groups.hand_in(place, book)


def test_groups_of_the_same_commune(grouped, confirm_together):
    mine, theirs = group_table(grouped, 1, 0, 1), group_table(grouped, 2, 1, 2)
    won, lost = told_of(confirm_together(group_workbook, mine, theirs), mine, theirs)
    now = [grouped.now(at)[0] for at in range(3)]
    assert now == (["nhom-1", "nhom-1", ""] if won.pk == mine.pk else ["", "nhom-2", "nhom-2"])
    assert UnitVersion.objects.filter(unit__in=grouped.communes, decision="QĐ 12").count() == 2
    assert lost.plan["counts"] == {"changed": 1, "same": 1, "conflict": 1, "refused": 0}


def test_groups_of_different_communes(grouped, confirm_together):
    mine, theirs = group_table(grouped, 1, 0), group_table(grouped, 2, 1, 2)
    assert names(confirm_together(group_workbook, mine, theirs)) == ["Upload", "Upload"]
    assert [grouped.now(at)[0] for at in range(3)] == ["nhom-1", "nhom-2", "nhom-2"]


# --- sets --------------------------------------------------------------------------------


def set_file(boss, data):
    return uploads.take(Upload.Kind.CRITERIA_SET, ContentFile(to_json(data), "bo.json"), by=boss)


def bring(boss, data):
    upload = set_file(boss, data)
    uploads.apply(upload, upload.fingerprint, by=boss)
    return CriteriaSet.objects.get(code=data["code"])


@pytest.mark.parametrize("before", ["nothing", "draft", "published"])
def test_files_of_the_same_set(confirm_together, before):
    boss = UserFactory(is_superuser=True)
    if before != "nothing":
        made = bring(boss, small())
        if before == "published":
            publish_set(made, date(2024, 6, 30), by=boss)
    one, other = (small(name=name, official_counts={"criteria": 2, "indicators": 4}) for name in ("Bộ một", "Bộ hai"))
    one["criteria"][0]["indicators"].append(indicator(code="1.8"))
    other["criteria"][0]["indicators"].append(indicator(code="1.9"))
    mine, theirs = set_file(boss, one), set_file(boss, other)
    assert (mine.state, theirs.state) == ("ready", "ready"), (mine.problem, mine.plan)
    won, _ = told_of(confirm_together(set_workbook, mine, theirs), mine, theirs)
    (kept,) = CriteriaSet.objects.all()
    assert kept.name == ("Bộ một" if won.pk == mine.pk else "Bộ hai")
    new = Indicator.objects.filter(criterion__criteria_set=kept, code__in=["1.8", "1.9"])
    assert [row.code for row in new] == ["1.8" if won.pk == mine.pk else "1.9"]


# --- the same table twice ------------------------------------------------------------------


def test_the_same_table_confirmed_twice_at_once(area, province, grouped, confirm_together):
    boss = UserFactory(is_superuser=True)
    for kind, upload in (
        (entry_workbook, filled(area, area.officer, 61, area.items[1:3])),
        (target_workbook, target_table(province, ("17.2", "Xã nhóm 1", {"value": 60}))),
        (group_workbook, group_table(grouped, 1, 0)),
        (set_workbook, set_file(boss, small())),
    ):
        before = timezone.now()
        assert names(confirm_together(kind, upload, upload)) == ["NotWaiting", "Upload"], kind
        upload.refresh_from_db()
        assert upload.state == "done" and upload.applied_at >= before
