"""What becomes of an uploaded table whatever its kind: nothing waits for ever, nothing is written twice."""

import os
from datetime import timedelta
from io import StringIO

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.utils import timezone

from communes.models import Role
from criteria import uploads
from criteria.evidence import stored_path, write_file
from criteria.models import Upload
from criteria.workshop import group_workbook as groups
from tests.factories import MembershipFactory, ProvinceFactory, UserFactory


@pytest.fixture
def upload(db):
    province = ProvinceFactory()
    coordinator = MembershipFactory(unit=province, role=Role.COORDINATOR).user
    return Upload.objects.create(
        kind="history", unit=province, state="writing", original_name="cu.xlsx", sha256="0" * 64,
        uploaded_by=coordinator, fingerprint="a", rows=6_000,
    )  # fmt: skip


def test_a_failure_of_the_worker_gives_the_table_back(upload, monkeypatch):
    def fail(*args, **options):
        raise RuntimeError("database is gone")

    monkeypatch.setattr(uploads, "apply", fail)
    with pytest.raises(RuntimeError):
        uploads.apply_later.call(str(upload.pk), "a", upload.uploaded_by.pk)
    upload.refresh_from_db()
    assert (upload.state, upload.problem[:29]) == ("ready", "Máy chủ gặp lỗi khi ghi nên c")


def test_who_lost_the_right_writes_nothing(upload):
    upload.uploaded_by.memberships.update(role=Role.VIEWER)
    uploads.apply_later.call(str(upload.pk), "a", upload.uploaded_by.pk)
    upload.refresh_from_db()
    assert (upload.state, upload.problem) == ("refused", "Người xác nhận không còn quyền ở địa bàn này.")


def test_a_table_that_hangs_is_checked_anew(upload, client, monkeypatch):
    monkeypatch.setattr(uploads, "start", lambda upload: None)
    client.force_login(upload.uploaded_by)
    assert client.post(f"/uploads/{upload.pk}/recheck/").status_code == 302
    upload.refresh_from_db()
    assert upload.state == "checking"
    # What was confirmed before isn't written any more when the worker comes to it at last.
    uploads.apply_later.call(str(upload.pk), "a", upload.uploaded_by.pk)
    upload.refresh_from_db()
    assert upload.state == "checking"


def test_what_was_written_stays_written(upload, client, monkeypatch):
    monkeypatch.setattr(uploads, "start", lambda upload: None)
    Upload.objects.update(state="done")
    client.force_login(upload.uploaded_by)
    client.post(f"/uploads/{upload.pk}/recheck/")
    assert Upload.objects.get().state == "done"
    with pytest.raises(uploads.NotWaiting):
        uploads.apply(upload, "a", by=upload.uploaded_by)


def test_a_file_is_read_once_to_be_taken_and_checked(upload, media, monkeypatch):
    read = []
    monkeypatch.setattr(uploads, "read_book", lambda data, limits: read.append(data) or [])
    monkeypatch.setattr(groups, "plan", lambda upload, book, progress: uploads.Plan({"changed": len(read)}))
    file = ContentFile(b"PK", "nhom.xlsx")
    taken = uploads.take(Upload.Kind.GROUPS, file, by=upload.uploaded_by, unit=upload.unit)
    assert Upload.objects.get(pk=taken.pk).plan == {"counts": {"changed": 1}, "lines": [], "shown": {}}
    assert uploads.begin(taken, Upload.State.READY)
    uploads.check(taken)
    assert taken.plan["counts"] == {"changed": 2}


@pytest.mark.parametrize("outcome", ["plan", "refusal"])
def test_a_check_that_ends_after_the_table_was_written_changes_nothing(upload, media, monkeypatch, outcome):
    Upload.objects.update(kind="groups", state="ready")

    def plan(held, book, progress):
        Upload.objects.update(state="done", applied_at=timezone.now(), plan={"counts": {"changed": 7}})
        if outcome == "refusal":
            raise uploads.Refused("Không đọc được.")
        return uploads.Plan({"changed": 0})

    monkeypatch.setattr(groups, "plan", plan)
    upload.refresh_from_db()
    assert uploads.begin(upload, Upload.State.READY)
    uploads.check(upload, [])
    kept = Upload.objects.get()
    assert (kept.state, kept.problem, kept.plan) == ("done", "", {"counts": {"changed": 7}})


def test_of_two_checks_the_one_begun_last_counts(upload, media, monkeypatch):
    """Else a table whose reading was changed meanwhile would show what the old reading makes of it."""
    Upload.objects.update(kind="groups", state="ready")
    upload.refresh_from_db()
    later = Upload.objects.get()

    def plan(held, book, progress):
        if held is upload:
            assert uploads.begin(later, Upload.State.CHECKING)
            return uploads.Plan({"changed": 1})
        return uploads.Plan({"changed": 2})

    monkeypatch.setattr(groups, "plan", plan)
    assert uploads.begin(upload, Upload.State.READY)
    uploads.check(upload, [])
    assert Upload.objects.get().state == "checking"
    uploads.check(later, [])
    kept = Upload.objects.get()
    assert (kept.state, kept.plan["counts"]) == ("ready", {"changed": 2})


def test_a_confirmation_that_finds_a_change_leaves_alone_what_another_wrote(upload, media, monkeypatch):
    """It let go of the table's row before it looked what to show instead."""
    Upload.objects.update(kind="groups", state="ready")
    monkeypatch.setattr(uploads, "book_of", lambda upload: [])
    monkeypatch.setattr(groups, "plan", lambda held, book, progress: uploads.Plan({"changed": 1}))
    begin = uploads.begin

    def begin_late(*args, **changes):
        Upload.objects.update(state="done", applied_at=timezone.now())
        return begin(*args, **changes)

    monkeypatch.setattr(uploads, "begin", begin_late)
    with pytest.raises(uploads.NotWaiting):
        uploads.apply(upload, "another", by=upload.uploaded_by)
    assert Upload.objects.get().state == "done"


def test_who_may_not_write_a_table_has_it_not_checked(upload, client, monkeypatch):
    monkeypatch.setattr(uploads, "start", lambda upload: None)
    Upload.objects.update(state="ready")
    client.force_login(UserFactory(is_superuser=True))
    refused = client.post(f"/uploads/{upload.pk}/recheck/")
    assert refused.status_code == 403 and "Chỉ điều phối viên của tỉnh" in refused.content.decode()
    assert Upload.objects.get().state == "ready"
    for state in ("checking", "refused"):
        Upload.objects.update(state=state)
        assert "/recheck/" not in client.get(f"/uploads/{upload.pk}/").content.decode()
        client.force_login(upload.uploaded_by)
        assert "/recheck/" in client.get(f"/uploads/{upload.pk}/").content.decode()
        client.force_login(UserFactory(is_superuser=True))


def test_what_has_written_anything_is_neither_checked_nor_removed(waiting, client):
    Upload.objects.update(applied_at=timezone.now(), uploaded_at=timezone.now() - timedelta(days=90))
    assert withdraw(client, waiting).status_code == 403
    with pytest.raises(uploads.NotWaiting):
        uploads.withdraw(waiting, by=waiting.uploaded_by)
    assert not uploads.begin(waiting, Upload.State.READY)
    assert not uploads.forgotten(timezone.now()).exists()


@pytest.fixture
def waiting(upload, media):
    """A table that waits, with its file."""
    Upload.objects.update(state="ready", file=write_file(ContentFile(b"x", "cu.xlsx"), "uploads"))
    upload.refresh_from_db()
    return upload


def withdraw(client, upload, by=None, method="post"):
    client.force_login(by or upload.uploaded_by)
    return getattr(client, method)(f"/uploads/{upload.pk}/withdraw/")


@pytest.mark.parametrize("state", ["setup", "ready", "refused"])
def test_a_waiting_table_is_taken_back_by_who_sent_it(waiting, client, state, django_capture_on_commit_callbacks):
    Upload.objects.update(state=state)
    path = stored_path(str(waiting.file))
    asked = withdraw(client, waiting, method="get")
    assert "Bỏ tệp này" in asked.content.decode() and path.exists()
    with django_capture_on_commit_callbacks(execute=True):
        done = withdraw(client, waiting)
    assert (done.status_code, done.url) == (302, "/uploads/")
    assert not Upload.objects.exists() and not path.exists()
    assert withdraw(client, waiting).status_code == 404


@pytest.mark.parametrize("state", ["checking", "writing", "done", "voided"])
def test_what_is_written_or_under_way_isnt_taken_back(waiting, client, state):
    Upload.objects.update(state=state)
    refused = withdraw(client, waiting)
    assert refused.status_code == 403 and "đang được xử lý" in refused.content.decode()
    with pytest.raises(uploads.NotWaiting):
        uploads.withdraw(waiting, by=waiting.uploaded_by)
    assert stored_path(str(waiting.file)).exists()


def test_others_tables_arent_taken_back(waiting, client):
    colleague = MembershipFactory(unit=waiting.unit, role=Role.COORDINATOR).user
    refused = withdraw(client, waiting, by=colleague)
    assert refused.status_code == 403 and "Chỉ người tải tệp lên" in refused.content.decode()
    assert "/withdraw/" not in client.get("/uploads/").content.decode()
    neighbour = MembershipFactory(unit=ProvinceFactory(), role=Role.COORDINATOR).user
    assert withdraw(client, waiting, by=neighbour).status_code == 404
    viewer = MembershipFactory(unit=waiting.unit, role=Role.VIEWER).user
    assert withdraw(client, waiting, by=viewer).status_code == 404
    Upload.objects.update(state="refused")
    client.force_login(waiting.uploaded_by)
    assert f"/uploads/{waiting.pk}/withdraw/" in client.get("/uploads/").content.decode()
    assert f"/uploads/{waiting.pk}/withdraw/" in client.get(f"/uploads/{waiting.pk}/").content.decode()


def test_queries_of_the_list_dont_grow(upload, client, count_queries):
    def queries(number):
        Upload.objects.exclude(pk=upload.pk).delete()
        for _ in range(number - 1):
            Upload.objects.create(
                kind="history", unit=upload.unit, state="setup", original_name="cu.xlsx", sha256="0" * 64,
                uploaded_by=upload.uploaded_by,
            )  # fmt: skip
        client.force_login(upload.uploaded_by)
        with count_queries() as found:
            assert client.get("/uploads/").status_code == 200
        return len(found)

    assert queries(3) == queries(30)


def swept(*options):
    out = StringIO()
    call_command("sweep_files", *options, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("state", ["setup", "ready", "refused", "checking"])
def test_what_nobody_confirms_is_removed(waiting, state):
    path = stored_path(str(waiting.file))
    os.utime(path, (0, 0))
    Upload.objects.update(state=state, uploaded_at=timezone.now() - timedelta(days=29))
    assert "0 tables" in swept() and path.exists()
    Upload.objects.update(uploaded_at=timezone.now() - timedelta(days=30))
    assert "1 tables" in swept("--dry-run") and path.exists() and Upload.objects.exists()
    swept()
    assert not Upload.objects.exists() and not path.exists()
    uploads.check_later.call(str(waiting.pk))  # what still lies on the queue does no harm


@pytest.mark.parametrize("state", ["writing", "done", "voided"])
def test_what_was_written_is_kept_for_good(waiting, state):
    path = stored_path(str(waiting.file))
    os.utime(path, (0, 0))
    Upload.objects.update(state=state, uploaded_at=timezone.now() - timedelta(days=3_000))
    swept()
    assert Upload.objects.exists() and path.exists()
