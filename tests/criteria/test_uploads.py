"""What becomes of an uploaded table whatever its kind: nothing waits for ever, nothing is written twice."""

import pytest
from django.core.files.base import ContentFile

from communes.models import Role
from criteria import uploads
from criteria.models import Upload
from criteria.workshop import group_workbook as groups
from tests.factories import MembershipFactory, ProvinceFactory


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
    uploads.check(taken)
    assert taken.plan["counts"] == {"changed": 2}
