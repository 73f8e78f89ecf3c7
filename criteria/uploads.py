"""From an uploaded table to what it would do, and to its being done: the same way for every kind.

`take` stores the file and checks it (a large one in the background, by `manage.py db_worker`);
`apply` writes what was shown. Between the two nothing but the upload itself is written. A kind is
a module with

    def allowed(user, upload) -> Decision         whether this person may write it
    def plan(upload, book, progress) -> Plan      what the file would do now; writes nothing
    def write(upload, plan, by) -> dict           does it, within the caller's transaction; raises
                                                  UploadChanged where a row changed under its hands

and templates `criteria/uploads/<kind>_plan.html` and `<kind>_done.html`. It may also have
`refused_workbook(upload) -> bytes` where rows that weren't taken go back as a workbook,
`setup_url(upload) -> str` where its sender says first how a table is to be read, `read_file(data) -> content`
where it takes others than workbooks made from a template (`plan` then gets that instead of the sheets),
`check_file(content) -> None` where a file may be refused (UnsafeWorkbook) before it is kept, and
`page(upload, query) -> dict`, the rest of its templates' context.

`apply` plans anew under a lock and writes only if that is still what was shown, so that the second
click, a second upload and a change made meanwhile are all seen.
"""

from __future__ import annotations

import gc
import hashlib
import json
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module
from time import monotonic
from typing import Any, Protocol

from django.core.files import File
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_tasks import task

from communes.access import Decision
from communes.models import Unit
from communes.text import safe_filename
from communes.workbooks import TABLE, UnsafeWorkbook, read_book
from criteria.evidence import stored_path, write_file
from criteria.models import CriteriaSet, Upload

audit = logging.getLogger("ntm.audit")

IN_BACKGROUND = 5_000  # rows from which a table is checked and written by the worker
EVERY = 1.0  # seconds between two notes of progress
DAYS_KEPT = 30  # from which a table nobody has confirmed is removed

KINDS = {
    Upload.Kind.CRITERIA_SET: "criteria.workshop.set_workbook",
    Upload.Kind.TARGETS: "criteria.workshop.target_workbook",
    Upload.Kind.GROUPS: "criteria.workshop.group_workbook",
    Upload.Kind.ENTRIES: "criteria.exchange.entry_workbook",
    Upload.Kind.HISTORY: "criteria.exchange.history",
}

Progress = Callable[[int], None]


@dataclass
class Plan:
    """What a table would do, ready to be kept as JSON. `lines` are the kind's own rows for the
    preview; `counts` says how many of each outcome; what is only shown, not done, may be left out
    of the fingerprint by putting it in `shown`."""

    counts: dict[str, int] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    shown: dict[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        told = json.dumps([self.counts, self.lines], sort_keys=True, default=str, ensure_ascii=False)
        return hashlib.sha256(told.encode()).hexdigest()


class Kind(Protocol):
    def allowed(self, user: Any, upload: Upload) -> Decision: ...

    def plan(self, upload: Upload, book: Any, progress: Progress) -> Plan: ...

    def write(self, upload: Upload, plan: Plan, by: Any) -> dict[str, Any]: ...


class UploadChanged(Exception):
    """What the table would do now isn't what was shown; the upload holds the new plan. Nothing was written."""


class NotWaiting(Exception):
    """The upload isn't waiting to be confirmed any more: it was written, refused or voided."""


class Refused(Exception):
    """A table that can't be taken at all, whole; the message says why and what to do. `problems`: its
    places, each a row of sheet, row, column, title and reason."""

    def __init__(self, message: str, problems: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.problems = problems or []


def returns_rows(upload: Upload) -> bool:
    """Whether there are rows to take back as a workbook: refused, or changed by others meanwhile."""
    counts = upload.plan.get("counts", {})
    return hasattr(kind_of(upload), "refused_workbook") and bool(counts.get("refused") or counts.get("conflict"))


def kind_of(upload: Upload) -> Kind:
    return import_module(KINDS[Upload.Kind(upload.kind)])


def take(
    kind: str,
    file: File,
    *,
    by: Any,
    unit: Unit | None = None,
    criteria_set: CriteriaSet | None = None,
    options: dict[str, Any] | None = None,
    begin: bool = True,
) -> Upload:
    """Store an uploaded workbook and check it; raises UnsafeWorkbook for one that isn't read at all.

    Without `begin` it waits in SETUP until its sender has said how it is to be read, and `start` is called.
    """
    # One byte more than allowed is enough to see that it is too large.
    data = file.read(TABLE.file + 1)
    content = _read(kind, data)
    checker = getattr(import_module(KINDS[Upload.Kind(kind)]), "check_file", None)
    if checker:
        checker(content)
    rows = content.count(b"\n") if isinstance(content, bytes) else sum(sheet.row_count for sheet in content)
    file.seek(0)
    upload = Upload.objects.create(
        kind=kind,
        unit=unit,
        criteria_set=criteria_set,
        options=options or {},
        file=write_file(file, "uploads"),
        original_name=safe_filename(file.name or ""),
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        rows=rows,
        uploaded_by=by,
        state=Upload.State.CHECKING if begin else Upload.State.SETUP,
    )
    if begin:
        start(upload, content)
    return upload


def start(upload: Upload, content: Any = None) -> None:
    """Check the file (its `content`, where it was just read) now, or in the background where it is long."""
    if upload.rows > IN_BACKGROUND:
        transaction.on_commit(lambda: check_later.enqueue(str(upload.pk)))
    else:
        check(upload, content)


def book_of(upload: Upload) -> Any:
    """The sheets of the upload's workbook, or what its kind makes of the file."""
    return _read(upload.kind, stored_path(str(upload.file)).read_bytes())


def _read(kind: str, data: bytes) -> Any:
    reader = getattr(import_module(KINDS[Upload.Kind(kind)]), "read_file", None)
    return reader(data) if reader else read_book(data, TABLE)


@transaction.atomic
def begin(upload: Upload, *states: str, **changes: Any) -> bool:
    """Take the upload for a new check, with these changes, if it is in one of these states; False where it isn't.

    Each check has a mark of its own, kept where the plan's fingerprint will stand: of a check that another has
    overtaken, or that ends after the table was written, nothing is kept.
    """
    found = Upload.objects.filter(pk=upload.pk, state__in=states, applied_at__isnull=True)
    changes |= {"state": Upload.State.CHECKING, "fingerprint": secrets.token_hex(32), "rows_done": 0, "problem": ""}
    if not found.update(**changes):
        return False
    upload.refresh_from_db(fields=[*changes, "options", "criteria_set"])
    return True


def _while_checked(upload: Upload) -> QuerySet[Upload]:
    """The upload, as long as the check that was begun with it is the one that counts."""
    return Upload.objects.filter(pk=upload.pk, state=Upload.State.CHECKING, fingerprint=upload.fingerprint)


def check(upload: Upload, content: Any = None) -> None:
    """Work out what the file would do and keep that with it; `content`: what book_of() would give, if at hand."""
    noted = monotonic()

    def progress(rows: int) -> None:
        nonlocal noted
        if monotonic() - noted >= EVERY:
            noted = monotonic()
            _while_checked(upload).update(rows_done=rows)

    found: dict[str, Any]
    kept: dict[str, Any]
    try:
        plan = _planned(upload, progress, content)
    except (Refused, UnsafeWorkbook) as refused:
        problems = getattr(refused, "problems", [])
        kept = {"shown": {"problems": problems}} if problems else {}
        found = {"state": Upload.State.REFUSED, "problem": str(refused), "plan": kept}
    else:
        kept = {"counts": plan.counts, "lines": plan.lines, "shown": plan.shown}
        found = {"state": Upload.State.READY, "problem": "", "plan": kept}
        found |= {"fingerprint": plan.fingerprint, "rows_done": upload.rows}
    if _while_checked(upload).update(**found):
        for name, value in found.items():
            setattr(upload, name, value)


def _planned(upload: Upload, progress: Progress, content: Any = None) -> Plan:
    """What the file would do now. Python's search for garbage in cycles rests meanwhile: it would walk every row read
    so far time and again, which takes as long as the planning, and what is read here lives until the plan is kept."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return kind_of(upload).plan(upload, book_of(upload) if content is None else content, progress)
    finally:
        if was_enabled:
            gc.enable()


def apply(upload: Upload, seen: str, *, by: Any, state: str = Upload.State.READY) -> Upload:
    """Write what was shown (`seen` is its fingerprint), all in one transaction; `state`: how it waits for that.

    Raises NotWaiting where that was done already, UploadChanged where it would now be something else: that is kept
    with it then, to be shown, unless the upload has gone on meanwhile.
    """
    try:
        with transaction.atomic():
            held = Upload.objects.select_for_update(of=("self",)).get(pk=upload.pk)
            if held.state != state:
                raise NotWaiting
            plan = _planned(held, lambda rows: None)
            if plan.fingerprint != seen:
                raise UploadChanged
            held.result = kind_of(held).write(held, plan, by)
            held.state, held.applied_at = Upload.State.DONE, timezone.now()
            held.save(update_fields=["result", "state", "applied_at"])
    except (UploadChanged, Refused):
        if not begin(upload, state):
            raise NotWaiting from None
        check(upload)
        raise UploadChanged from None
    audit.info("upload applied", extra={"username": by.get_username(), "upload": str(held.pk), "kind": held.kind})
    return held


def confirm(upload: Upload, seen: str, *, by: Any) -> Upload:
    """apply(), in the background where the table is long; the upload as it then is."""
    if upload.rows <= IN_BACKGROUND:
        return apply(upload, seen, by=by)
    if not Upload.objects.filter(pk=upload.pk, state=Upload.State.READY).update(state=Upload.State.WRITING):
        raise NotWaiting
    transaction.on_commit(lambda: apply_later.enqueue(str(upload.pk), seen, by.pk))
    upload.refresh_from_db()
    return upload


# --- tables that aren't wanted any more -----------------------------------------------------


@transaction.atomic
def withdraw(upload: Upload, *, by: Any) -> None:
    """Remove a table that waits, and its file: nothing of it was written. Raises NotWaiting for one that is being
    checked or written now, and for one that is gone already."""
    waiting = Upload.objects.filter(pk=upload.pk, state__in=Upload.WAITING, applied_at__isnull=True)
    held = waiting.select_for_update(of=("self",)).first()
    if held is None:
        raise NotWaiting
    path = stored_path(str(held.file))
    held.delete()
    transaction.on_commit(lambda: path.unlink(missing_ok=True))
    audit.info("upload withdrawn", extra={"username": by.get_username(), "upload": str(upload.pk), "kind": held.kind})


def forgotten(now: datetime) -> QuerySet[Upload]:
    """Tables handed in DAYS_KEPT days ago or earlier that nobody has confirmed."""
    waiting = [*Upload.WAITING, Upload.State.CHECKING]
    unwritten = Upload.objects.filter(state__in=waiting, applied_at__isnull=True)
    return unwritten.filter(uploaded_at__lte=now - timedelta(days=DAYS_KEPT))


@transaction.atomic
def remove_forgotten(now: datetime) -> int:
    """Remove the rows of forgotten tables, whose files are then nobody's; return how many."""
    # One that is being written now is waited for, and isn't among these then.
    rows = forgotten(now).select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True)
    return Upload.objects.filter(pk__in=list(rows)).delete()[0]


@task()
def check_later(pk: str) -> None:
    upload = Upload.objects.filter(pk=pk, state=Upload.State.CHECKING).first()
    if upload is not None:
        check(upload)


@task()
def apply_later(pk: str, seen: str, by: int) -> None:
    """Write a long table, if who confirmed it still may."""
    from django.contrib.auth import get_user_model

    person = get_user_model().objects.get(pk=by)
    upload = Upload.objects.visible_to(person).filter(pk=pk).first()
    if upload is None or not kind_of(upload).allowed(person, upload):
        Upload.objects.filter(pk=pk, state=Upload.State.WRITING).update(
            state=Upload.State.REFUSED, problem="Người xác nhận không còn quyền ở địa bàn này."
        )
        return
    changed = "Số liệu đã thay đổi sau khi xem trước; xem lại rồi xác nhận."
    failed = "Máy chủ gặp lỗi khi ghi nên chưa ghi gì. Xác nhận lại; nếu vẫn lỗi, báo người quản trị hệ thống."
    try:
        apply(upload, seen, by=person, state=Upload.State.WRITING)
    except NotWaiting:
        return  # taken for another check meanwhile, or written by another run
    except UploadChanged:
        Upload.objects.filter(pk=pk, state=Upload.State.READY).update(problem=changed)
    except Exception:
        # Nothing was written; without this it would wait for ever.
        Upload.objects.filter(pk=pk, state=Upload.State.WRITING).update(state=Upload.State.READY, problem=failed)
        raise
