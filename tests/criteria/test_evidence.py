"""Keeping documents: recognised, tied, taken off, retired, undone, swept."""

import os
import threading
import time
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.utils import timezone
from PIL import Image

from criteria import evidence as rules
from criteria.evidence import EvidenceRefused, UploadRefused
from criteria.models import CriteriaSet, Evidence, EvidenceLink
from criteria.publish import send
from tests.criteria import files
from tests.criteria.evidence_world import World, make_world
from tests.factories import FindingFactory


@pytest.fixture
def small(db, media) -> World:
    return make_world()


def upload(body: bytes, name: str = "bao cao.pdf") -> ContentFile:
    return ContentFile(body, name=name)


def stored(media: Path) -> list[Path]:
    return sorted(path for path in media.rglob("*.bin") if path.is_file())


def test_a_file_is_kept_under_a_random_name(small: World, media: Path) -> None:
    evidence = small.add("Báo cáo nước sạch.pdf")
    assert evidence.title == "Báo cáo nước sạch"
    assert evidence.content_type == "application/pdf"
    assert [str(path.relative_to(media)) for path in stored(media)] == [evidence.file.name]
    assert "nuoc" not in evidence.file.name
    assert stored(media)[0].read_bytes() == files.pdf(text="Báo cáo nước sạch.pdf")
    assert stored(media)[0].stat().st_mode & 0o777 == 0o640
    assert [link.indicator for link in evidence.links.all()] == small.indicators[:1]
    assert Evidence.objects.search("BAO cao NUOC").get() == evidence


def test_same_bytes_are_recognised_in_the_unit_only(small: World, media: Path) -> None:
    first = small.add("a.pdf", files.pdf())
    again, is_new = rules.store(small.unit, small.indicators[:2], upload(files.pdf(), "b.pdf"), by=small.officer)
    assert (again, is_new) == (first, False)
    assert first.links.count() == 2
    assert len(stored(media)) == 1
    elsewhere, is_new = rules.store(small.neighbour, [], upload(files.pdf()), by=small.people["neighbour"])
    assert is_new
    assert elsewhere != first
    assert len(stored(media)) == 2


def test_recognised_bytes_take_over_the_mark_of_personal_data(small: World) -> None:
    first = small.add("a.pdf", files.pdf())
    small.add("a.pdf", files.pdf(), has_personal_data=True)
    first.refresh_from_db()
    assert first.has_personal_data
    small.add("a.pdf", files.pdf(), has_personal_data=False)
    first.refresh_from_db()
    assert first.has_personal_data


def test_bytes_of_a_retired_document_make_a_new_one(small: World) -> None:
    first = small.add("a.pdf", files.pdf())
    rules.retire(first, "Đính nhầm", by=small.officer)
    second = small.add("a.pdf", files.pdf())
    assert second != first
    assert second.file.name != first.file.name


def test_refused_files_leave_nothing(small: World, media: Path) -> None:
    with pytest.raises(UploadRefused):
        small.add("a.pdf", b"MZ" + b"\0" * 100)
    assert not Evidence.objects.exists()
    assert stored(media) == []


def test_a_failing_database_leaves_a_file_for_the_sweep(small: World, media: Path, monkeypatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise DatabaseError("connection lost")

    monkeypatch.setattr(rules, "link", broken)
    with pytest.raises(DatabaseError):
        small.add()
    assert not Evidence.objects.exists()
    assert len(stored(media)) == 1


def test_a_full_disk_leaves_no_row_and_no_half_file(small: World, media: Path, monkeypatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        small.add()
    assert not Evidence.objects.exists()
    assert stored(media) == []


def test_the_row_is_written_after_the_file_is_synced(small: World, monkeypatch) -> None:
    order = []
    fsync, save = os.fsync, Evidence.save
    monkeypatch.setattr(os, "fsync", lambda descriptor: (order.append("sync"), fsync(descriptor)))
    monkeypatch.setattr(Evidence, "save", lambda row, **options: (order.append("row"), save(row, **options)))
    small.add()
    assert order == ["sync", "sync", "row"]  # the file, its folder, the row


@pytest.mark.django_db(transaction=True)
def test_two_at_once_with_the_same_bytes_make_one_document(media: Path, monkeypatch) -> None:
    small = make_world()
    together = threading.Barrier(2)
    write_file = rules.write_file

    def write_together(file: object) -> str:
        name = write_file(file)
        together.wait(10)  # both have looked for the bytes and found nothing
        return name

    monkeypatch.setattr(rules, "write_file", write_together)
    results: list[object] = []

    def run(number: int) -> None:
        try:
            results.append(
                rules.store(small.unit, [small.indicators[number]], upload(files.pdf()), by=small.officer)[1]
            )
        except BaseException as error:
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(map(str, results)) == ["False", "True"]
    evidence = Evidence.objects.get()
    assert {link.indicator for link in evidence.links.all()} == set(small.indicators[:2])
    assert [path.name for path in stored(media)] == [Path(evidence.file.name).name]


# --- links --------------------------------------------------------------------------------


def test_a_link_is_made_once(small: World) -> None:
    evidence = small.add()
    tie, is_new = rules.link(evidence, small.unit, small.indicators[0], by=small.officer)
    assert not is_new
    assert evidence.links.get() == tie


def test_a_successor_uses_its_predecessors_documents(small: World) -> None:
    old = small.add(unit=small.predecessor, indicators=[])
    rules.link(old, small.unit, small.indicators[0], by=small.officer)
    assert small.unit.evidence_links.get().evidence == old


def test_a_neighbours_document_proves_nothing_here(small: World) -> None:
    foreign = small.add(unit=small.neighbour, indicators=[])
    with pytest.raises(EvidenceRefused, match="không phải tài liệu của Xã Đông Phú"):
        rules.link(foreign, small.unit, small.indicators[0], by=small.officer)


def test_an_unsent_link_is_deleted_and_a_sent_one_ends(small: World) -> None:
    evidence = small.add(indicators=small.indicators[:2])
    first, second = evidence.links.order_by("indicator")
    EvidenceLink.objects.filter(pk=second.pk).update(published_at=timezone.now())
    rules.unlink(first, by=small.officer)
    rules.unlink(second, by=small.officer)
    ended = evidence.links.get()
    assert ended.pk == second.pk
    assert ended.removed_by == small.officer
    again, is_new = rules.link(evidence, small.unit, second.indicator, by=small.officer)
    assert is_new
    assert again.published_at is None


def test_retired_documents_stay_and_prove_nothing_more(small: World, media: Path) -> None:
    evidence = small.add()
    small.send()
    rules.retire(evidence, " Thay bằng bản mới ", by=small.officer)
    evidence.refresh_from_db()
    assert evidence.retire_reason == "Thay bằng bản mới"
    assert evidence.retired_by == small.officer
    assert evidence.links.get().removed_at is None
    assert len(stored(media)) == 1
    with pytest.raises(EvidenceRefused, match="đã ngừng sử dụng"):
        rules.link(evidence, small.unit, small.indicators[1], by=small.officer)
    with pytest.raises(EvidenceRefused, match="từ trước"):
        rules.retire(evidence, "Lần nữa", by=small.officer)


def test_retiring_needs_a_reason(small: World) -> None:
    with pytest.raises(EvidenceRefused, match="lý do"):
        rules.retire(small.add(), "  ", by=small.officer)


def test_a_fresh_upload_is_undone_whole(small: World, media: Path) -> None:
    evidence = small.add(indicators=small.indicators[:2])
    rules.undo_upload(evidence, by=small.officer)
    assert not Evidence.objects.exists()
    assert not EvidenceLink.objects.exists()
    assert len(stored(media)) == 1  # no file is removed within a request
    assert rules.store(small.unit, [], upload(files.pdf(text="bao cao.pdf")), by=small.officer)[1]


def test_what_was_sent_is_not_undone(small: World) -> None:
    evidence = small.add(indicators=small.indicators[:2])
    tie = evidence.links.first()
    EvidenceLink.objects.filter(pk=tie.pk).update(published_at=timezone.now())
    rules.unlink(tie, by=small.officer)
    with pytest.raises(EvidenceRefused, match="đã gửi cấp trên"):
        rules.undo_upload(evidence, by=small.officer)
    assert Evidence.objects.filter(pk=evidence.pk).exists()


def test_what_shows_that_a_finding_is_remedied_is_not_undone(small: World) -> None:
    evidence = small.add(indicators=[])
    finding = FindingFactory(visit__unit=small.unit)
    finding.evidence.add(evidence)
    with pytest.raises(EvidenceRefused, match="đang được dùng ở nơi khác"):
        rules.undo_upload(evidence, by=small.officer)
    assert finding.evidence.get() == evidence


@pytest.mark.django_db(transaction=True)
def test_undoing_while_the_leader_sends_loses_nothing(media: Path, monkeypatch) -> None:
    """The undo has locked the links: the sending waits, and finds nothing to send."""
    small = make_world()
    evidence = small.add()
    criteria_set = CriteriaSet.objects.get()
    outcome: list[object] = []

    def sending() -> None:
        try:
            outcome.append(send(small.unit, criteria_set, small.people["leader"]))
        except Exception as error:
            outcome.append(type(error).__name__)
        finally:
            connection.close()

    thread = threading.Thread(target=sending)
    may_undo = rules.may_undo

    def slowly(row: Evidence) -> bool:
        answer = may_undo(row)
        thread.start()
        time.sleep(0.5)
        return answer

    monkeypatch.setattr(rules, "may_undo", slowly)
    rules.undo_upload(evidence, by=small.officer)
    thread.join(10)
    assert outcome == ["NothingToSend"]
    assert not Evidence.objects.exists()


# --- sweep --------------------------------------------------------------------------------


def age(path: Path, hours: int) -> None:
    before = time.time() - hours * 3600
    os.utime(path, (before, before))


def test_the_sweep_removes_old_rowless_files_and_their_previews_only(small: World, media: Path) -> None:
    kept = small.add("a.jpg", files.image())
    rules.preview(kept, 160)
    gone = small.add("b.jpg", files.image(colour="red"))
    preview = rules.preview(gone, 160)
    fresh = small.add("c.jpg", files.image(colour="blue"))
    paths = {name: media / row.file.name for name, row in (("kept", kept), ("gone", gone), ("fresh", fresh))}
    age(paths["kept"], 48)
    age(paths["gone"], 25)
    age(paths["fresh"], 23)
    rules.undo_upload(gone, by=small.officer)
    rules.undo_upload(fresh, by=small.officer)
    out = StringIO()
    call_command("sweep_files", "--dry-run", stdout=out)
    assert "would remove" in out.getvalue()
    assert "1 files" in out.getvalue()
    assert all(path.exists() for path in paths.values())
    call_command("sweep_files", stdout=out)
    assert {name for name, path in paths.items() if path.exists()} == {"kept", "fresh"}
    assert not preview.exists()
    assert rules.preview(kept, 160).exists()


# --- previews -----------------------------------------------------------------------------


def test_a_preview_is_small_upright_and_without_notes(small: World) -> None:
    evidence = small.add("anh.jpg", files.phone_photo((3200, 2400)))
    with Image.open(rules.preview(evidence, 1600)) as preview:
        assert preview.size == (1200, 1600)
        assert not preview.getexif()
        assert "comment" not in preview.info
    with Image.open(rules.stored_path(evidence.file.name)) as original:
        assert original.getexif()  # the original is proof as it was taken


@pytest.mark.parametrize("mode", ["P", "LA", "RGBA", "I;16", "1", "L"])
def test_previews_of_every_kind_of_png(small: World, mode: str) -> None:
    body = BytesIO()
    Image.new(mode, (50, 40)).save(body, "PNG")
    with Image.open(rules.preview(small.add("a.png", body.getvalue()), 1600)) as preview:
        assert preview.size == (50, 40)


def test_previews_of_cmyk_photos(small: World) -> None:
    body = BytesIO()
    Image.new("CMYK", (50, 40)).save(body, "JPEG")
    with Image.open(rules.preview(small.add("a.jpg", body.getvalue()), 1600)) as preview:
        assert preview.mode == "RGB"
