"""Reports built in the background: asked for once, built whole by one worker at a time, kept 30 days.

`start` puts a job on the queue of `manage.py db_worker`. A worker takes it on lease, which the
builder's calls of `progress` renew. The queue itself forgets what a killed worker was doing: its
task stays RUNNING for ever. So whoever begins a job puts a second look at it on the queue for the
moment the lease ends: if it is done by then, the look finds nothing to do; if its worker lives,
it looks again later; if the lease has ended, it begins the job anew. `take_up_expired` mends the
rest, a job without any look in the queue, whenever a worker starts, a job is asked for, and daily.

The file is written under a temporary name, synced and renamed, and only then is the job done; what
a killed worker leaves behind is removed by `manage.py sweep_files`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO, Protocol

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.http import Http404
from django.utils import timezone
from django_tasks import TaskContext, TaskResultStatus, task
from django_tasks_db.models import DBTaskResult

from communes import access
from criteria.evidence import stored_path
from criteria.models.evidence import random_name
from reports.models import OPEN, ReportJob

audit = logging.getLogger("ntm.audit")

ATTEMPTS = 3
EVERY = 1.0  # seconds between two notes of progress
PATIENCE = timedelta(minutes=1)  # a wait nobody wonders about
LONG_TASK = timedelta(minutes=15)  # what else the worker does takes less

NO_RIGHT = "Bạn không còn quyền xem địa bàn của báo cáo này."
BROKEN = "Máy chủ gặp lỗi khi lập báo cáo nên không có tệp. Bấm Lập lại; nếu vẫn lỗi, báo người quản trị hệ thống."
WORN_OUT = (
    f"Đã lập {ATTEMPTS} lần nhưng lần nào máy chủ cũng dừng giữa chừng. Chọn địa bàn hoặc nội dung nhỏ hơn rồi lập "
    "lại; nếu vẫn vậy, báo người quản trị hệ thống."
)


class ReportRefused(Exception):
    """A report that can't be built whole; the message says why and what to do, in Vietnamese."""


class Cancelled(Exception):
    """The job isn't this worker's any more: cancelled, swept away, or begun by another. Builders let it pass."""


class Progress(Protocol):
    def __call__(self, done: int, total: int, text: str = "") -> None:
        """Say how far the report is, as often as one likes; `text` in a few words what is being done.

        Raises Cancelled. To be called at least every third of a lease (settings.REPORT_LEASE_SECONDS).
        """


class Builder(Protocol):
    """One kind of report. It holds no transaction open while it builds: progress must be seen by others."""

    def title(self, params: dict[str, Any]) -> str:
        """What the report is, for lists; `params` have been checked."""

    def check(self, user: Any, params: dict[str, Any]) -> None:
        """Raise Http404 or PermissionDenied where the person may not have this report, Http404 for params
        that make no sense. Called when it is asked for, when it begins and when its file is fetched."""

    def build(self, user: Any, params: dict[str, Any], progress: Progress, target: BinaryIO) -> str:
        """Write the whole file to `target` and return its name with extension. Raises ReportRefused."""


BUILDERS: dict[str, Builder] = {}  # filled by reports.builders


def fingerprint(params: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()


def start(user: Any, kind: str, params: dict[str, Any]) -> ReportJob:
    """Put a report on the queue; the person's same request that is still waiting or running, if there is one.

    Raises Http404 or PermissionDenied as its builder says, Http404 for an unknown kind.
    """
    if kind not in BUILDERS:
        raise Http404("Không có loại báo cáo này.")
    BUILDERS[kind].check(user, params)
    with transaction.atomic():
        job, is_new = ReportJob.objects.get_or_create(
            asked_by=user,
            kind=kind,
            fingerprint=fingerprint(params),
            state__in=OPEN,
            defaults={"params": params, "title": BUILDERS[kind].title(params)[:300]},
        )
        take_up_expired()
    if is_new:
        audit.info("report asked for", extra={"username": user.get_username(), "kind": kind, "job": str(job.pk)})
    return job


def cancel(job: ReportJob) -> bool:
    """Stop a job that waits or runs; its worker notices with its next progress. False: it had ended before."""
    return bool(
        ReportJob.objects.open()
        .filter(pk=job.pk)
        .update(state=ReportJob.State.CANCELLED, leased_until=None, finished_at=timezone.now())
    )


# --- the queue ----------------------------------------------------------------------------


@task(takes_context=True)
def run(context: TaskContext, job_pk: str) -> None:
    work(job_pk, context.task_result.worker_ids[-1])


def _look_at(jobs: Iterable[ReportJob]) -> None:
    """See to it that each of these has a look in the queue: now, or when its lease ends."""
    waiting = {
        arguments["args"][0]
        for arguments in DBTaskResult.objects.filter(
            task_path=run.module_path, status=TaskResultStatus.READY
        ).values_list("args_kwargs", flat=True)
    }
    for job in jobs:
        if str(job.pk) not in waiting:
            run.using(run_after=job.leased_until).enqueue(str(job.pk))


@transaction.atomic
def take_up_expired() -> int:
    """Queue again what no look in the queue would find, and give up what was begun too often; how many are open."""
    now = timezone.now()
    free = Q(state=ReportJob.State.QUEUED) | Q(state=ReportJob.State.RUNNING, leased_until__lt=now)
    ReportJob.objects.filter(free, attempt__gte=ATTEMPTS).update(
        state=ReportJob.State.FAILED, leased_until=None, finished_at=now, error=WORN_OUT
    )
    left = list(ReportJob.objects.open().only("pk", "leased_until"))
    if left:
        _look_at(left)
    return len(left)


def is_worked(at: datetime) -> bool:
    """Whether a worker is at the queue: it finished a task within the last minute, or is busy with one."""
    if ReportJob.objects.filter(state=ReportJob.State.RUNNING, leased_until__gte=at).exists():
        return True
    others = DBTaskResult.objects.filter(status=TaskResultStatus.RUNNING, started_at__gte=at - LONG_TASK)
    return (
        DBTaskResult.objects.filter(finished_at__gte=at - PATIENCE).exists()
        or others.exclude(task_path=run.module_path).exists()
    )


# --- the work -----------------------------------------------------------------------------


def work(pk: str, worker: str) -> None:
    """Build a job's file, if it is free; nothing otherwise. An error of the builder is noted and raised again."""
    job = _claim(pk, worker)
    if job is None:
        return
    name = random_name("reports")
    path = stored_path(name)
    part = path.with_suffix(".part")
    try:
        builder = BUILDERS[job.kind]
        builder.check(job.asked_by, job.params)
        own = access.visible_criteria(job.asked_by)
        limited_to = None if own is None else sorted(own)
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as target:
            os.fchmod(target.fileno(), settings.FILE_UPLOAD_PERMISSIONS)
            file_name = builder.build(job.asked_by, job.params, _Noted(job), target)
            target.flush()
            os.fsync(target.fileno())
        size = part.stat().st_size
        part.rename(path)
        _sync(path.parent)
        if not _end(job, ReportJob.State.DONE, file=name, file_name=file_name, size=size, limited_to=limited_to):
            path.unlink()
    except Cancelled:
        pass
    except (Http404, PermissionDenied):
        _end(job, ReportJob.State.FAILED, error=NO_RIGHT)
    except ReportRefused as refused:
        _end(job, ReportJob.State.FAILED, error=str(refused))
    except Exception:
        _end(job, ReportJob.State.FAILED, error=BROKEN)
        raise
    except BaseException:
        _give_back(job)
        raise
    finally:
        part.unlink(missing_ok=True)


@transaction.atomic
def _claim(pk: str, worker: str) -> ReportJob | None:
    """Take the job on lease, where it waits or its last worker's lease has ended; None otherwise."""
    now = timezone.now()
    rows = ReportJob.objects.open().select_for_update(of=("self",)).select_related("asked_by")
    job = rows.filter(pk=pk).first()
    if job is None:
        return None
    if job.state == ReportJob.State.RUNNING and job.leased_until is not None and job.leased_until >= now:
        _look_at([job])
        return None
    if job.attempt >= ATTEMPTS:
        take_up_expired()
        return None
    job.state, job.attempt, job.worker = ReportJob.State.RUNNING, job.attempt + 1, worker
    job.started_at, job.leased_until = now, _lease(now)
    job.done, job.total, job.progress_text = 0, 0, ""
    job.save()
    _look_at([job])
    return job


def _lease(now: datetime) -> datetime:
    return now + timedelta(seconds=settings.REPORT_LEASE_SECONDS)


class _Noted:
    """A job's progress: noted once a second at most, which renews the lease and tells that it was lost."""

    def __init__(self, job: ReportJob) -> None:
        self.job = job
        self.at = -EVERY

    def __call__(self, done: int, total: int, text: str = "") -> None:
        if monotonic() - self.at < EVERY:
            return
        self.at = monotonic()
        if not _held(self.job).update(
            done=done, total=total, progress_text=text[:120], leased_until=_lease(timezone.now())
        ):
            raise Cancelled


def _held(job: ReportJob) -> Any:
    """The job's row as long as it is this worker's."""
    return ReportJob.objects.filter(pk=job.pk, state=ReportJob.State.RUNNING, attempt=job.attempt)


def _end(job: ReportJob, state: ReportJob.State, **fields: Any) -> bool:
    """Note how it ended; False where the job isn't this worker's any more."""
    return bool(_held(job).update(state=state, leased_until=None, finished_at=timezone.now(), **fields))


@transaction.atomic
def _give_back(job: ReportJob) -> None:
    """The worker was told to stop at once: the next one begins the job anew, and need not wait for the lease."""
    if _held(job).update(state=ReportJob.State.QUEUED, leased_until=None):
        run.enqueue(str(job.pk))


def _sync(folder: Path) -> None:
    """Make the disk keep the names of a folder."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


# --- 30 days later ------------------------------------------------------------------------


def sweep() -> int:
    """Remove jobs whose time is over, and their files; how many."""
    old = list(ReportJob.objects.filter(expires_at__lte=timezone.now()).only("pk", "file"))
    ReportJob.objects.filter(pk__in=[job.pk for job in old]).delete()
    for job in old:
        if job.file:
            stored_path(str(job.file)).unlink(missing_ok=True)
    return len(old)
