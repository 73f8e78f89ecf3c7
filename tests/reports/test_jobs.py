"""Reports in the background: whole or not at all, once at a time, for who asked, whatever happens to the worker."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import openpyxl
import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.http import Http404
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from communes.models import Membership, Role
from criteria.evidence import stored_path
from criteria.models import CriterionDepartment
from reports import builders, jobs
from reports.house import house_of
from reports.jobs import BUILDERS, ReportRefused, cancel, start, sweep, take_up_expired, work
from reports.matrix import matrix
from reports.models import ReportJob
from reports.workbooks.matrix import by_indicator, matrix_workbook
from tests.factories import DepartmentFactory, UserFactory
from tests.reports.worlds import make_province, make_set, member, say

ROOT = Path(__file__).resolve().parents[2]
HTMX = {"HX-Request": "true"}
PATIENCE = 120  # seconds a busy machine may take; only a failing test waits so long


class Report:
    """A small report whose building a test may interrupt by `then`, between two notes of progress."""

    def __init__(self, then=lambda: None):
        self.then = then
        self.refused = None
        self.built = 0

    def title(self, params):
        return f"Báo cáo thử {params.get('n', '')}".strip()

    def check(self, user, params):
        if self.refused:
            raise self.refused

    def build(self, user, params, progress, target):
        progress(1, 4, "Đang lấy số liệu")
        target.write(b"one half, ")
        self.then()
        progress(2, 4, "Đang lập")
        target.write(b"the other half")
        self.built += 1
        return "Bieu-thu.xlsx"


@pytest.fixture
def report(monkeypatch):
    """The report of kind "test"; every call of its progress is noted, however soon after the last."""
    found = Report()
    monkeypatch.setitem(BUILDERS, "test", found)
    monkeypatch.setattr(jobs, "EVERY", 0)
    return found


@pytest.fixture
def person(db):
    return UserFactory()


def asked(person, **params):
    return start(person, "test", params)


def fresh(job):
    return ReportJob.objects.get(pk=job.pk)


def files(media):
    return [path for path in media.glob("reports/*/*") if path.is_file()]


def looks(job):
    """The looks at a job that stand in the queue."""
    return DBTaskResult.objects.filter(status="READY", args_kwargs__args=[str(job.pk)])


def expire(job):
    ReportJob.objects.filter(pk=job.pk).update(leased_until=timezone.now() - timedelta(seconds=1))


# --- asking --------------------------------------------------------------------------------


def test_the_second_click_finds_the_same_job(person, report):
    job = asked(person, area=1, stage="self")
    assert asked(person, stage="self", area=1) == job
    assert looks(job).count() == 1
    assert asked(person, area=2, stage="self") != job
    assert asked(UserFactory(), area=1, stage="self") != job
    cancel(job)
    assert asked(person, area=1, stage="self") != job


def test_what_one_may_not_have_is_not_queued(person, report):
    for refusal in (Http404, PermissionDenied):
        report.refused = refusal()
        with pytest.raises(refusal):
            asked(person)
    report.refused = None
    with pytest.raises(Http404):
        start(person, "unknown", {})
    assert not ReportJob.objects.exists()
    assert not DBTaskResult.objects.exists()


def test_the_database_keeps_the_rules(person, report):
    job = asked(person)
    fields = {"asked_by": person, "kind": "test", "fingerprint": job.fingerprint}
    for broken in (
        {},
        {"state": "running", "leased_until": timezone.now()},
        {"state": "running", "fingerprint": "other"},
        {"state": "done", "file": ""},
        {"state": "failed", "file": "reports/00/0.bin"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            ReportJob.objects.create(**(fields | broken))
    ReportJob.objects.create(**fields, state="done", file="reports/00/0.bin")


# --- building ------------------------------------------------------------------------------


def test_a_file_is_there_once_it_is_whole(person, report, media):
    job = asked(person)

    def halfway():
        seen = fresh(job)
        assert (seen.state, seen.done, seen.total, seen.percent) == ("running", 1, 4, 25)
        assert (seen.progress_text, seen.worker, seen.attempt) == ("Đang lấy số liệu", "w1", 1)
        (part,) = files(media)
        assert part.suffix == ".part"

    report.then = halfway
    work(str(job.pk), "w1")
    job = fresh(job)
    (path,) = files(media)
    assert path == stored_path(str(job.file))
    assert path.read_bytes() == b"one half, the other half"
    assert (job.state, job.file_name, job.size) == ("done", "Bieu-thu.xlsx", 24)
    assert job.leased_until is None
    assert job.finished_at >= job.started_at
    assert job.expires_at - job.created_at > timedelta(days=29)
    # The look that was to see whether the worker lives finds nothing to do.
    work(str(job.pk), "w2")
    assert report.built == 1


def test_progress_costs_no_query_a_row(person, report, media, monkeypatch, assert_queries):
    job = asked(person)

    def rows():
        monkeypatch.setattr(jobs, "EVERY", 3600)
        note = jobs._Noted(fresh(job))
        with assert_queries(1):
            for row in range(1_000):
                note(row, 1_000)
        monkeypatch.setattr(jobs, "EVERY", 0)

    report.then = rows
    work(str(job.pk), "w1")
    assert fresh(job).state == "done"


def test_progress_renews_the_lease(person, report, media):
    job = asked(person)

    def late():
        ReportJob.objects.filter(pk=job.pk).update(leased_until=timezone.now() + timedelta(seconds=1))
        jobs._Noted(fresh(job))(2, 4)
        assert fresh(job).leased_until > timezone.now() + timedelta(seconds=60)

    report.then = late
    work(str(job.pk), "w1")
    assert fresh(job).state == "done"


def test_a_waiting_job_is_cancelled(person, report, media):
    job = asked(person)
    assert cancel(job)
    assert not cancel(job)
    work(str(job.pk), "w1")
    assert fresh(job).state == "cancelled"
    assert report.built == 0


def test_a_running_job_is_cancelled_and_leaves_no_file(person, report, media):
    job = asked(person)
    report.then = lambda: cancel(job)
    work(str(job.pk), "w1")
    assert fresh(job).state == "cancelled"
    assert files(media) == []
    assert report.built == 0


def test_a_job_cancelled_at_the_last_moment_leaves_no_file(person, report, media, monkeypatch):
    job = asked(person)
    sync = jobs._sync
    monkeypatch.setattr(jobs, "_sync", lambda folder: (sync(folder), cancel(job)))
    work(str(job.pk), "w1")
    assert report.built == 1
    assert fresh(job).state == "cancelled"
    assert files(media) == []


def test_a_builder_that_breaks_leaves_words_and_no_file(person, report, media):
    job = asked(person)

    def broken():
        raise ZeroDivisionError("1/0")

    report.then = broken
    with pytest.raises(ZeroDivisionError):
        work(str(job.pk), "w1")
    job = fresh(job)
    assert (job.state, job.error) == ("failed", jobs.BROKEN)
    assert files(media) == []


def test_a_report_that_cannot_be_complete_is_not_made(person, report, media):
    job = asked(person)

    def refused():
        raise ReportRefused("Địa bàn không có xã nào.")

    report.then = refused
    work(str(job.pk), "w1")
    assert (fresh(job).state, fresh(job).error) == ("failed", "Địa bàn không có xã nào.")
    assert files(media) == []


def test_who_lost_the_right_before_it_begins_gets_nothing(person, report, media):
    for refusal in (Http404(), PermissionDenied("x")):
        report.refused = None
        job = asked(person)
        report.refused = refusal
        work(str(job.pk), "w1")
        assert (fresh(job).state, fresh(job).error) == ("failed", jobs.NO_RIGHT)
    assert files(media) == []
    assert report.built == 0


def test_a_kind_that_is_gone_fails(person, report, media):
    job = asked(person)
    ReportJob.objects.filter(pk=job.pk).update(kind="gone")
    with pytest.raises(KeyError):
        work(str(job.pk), "w1")
    assert fresh(job).state == "failed"


# --- leases --------------------------------------------------------------------------------


def test_whoever_begins_puts_a_second_look_on_the_queue(person, report, media):
    job = asked(person)
    DBTaskResult.objects.update(status="RUNNING")  # as the worker does before it calls

    def halfway():
        assert timezone.now() < looks(job).get().run_after <= fresh(job).leased_until

    report.then = halfway
    work(str(job.pk), "w1")
    assert looks(job).count() == 1


def test_a_job_with_a_living_worker_is_left_to_it(person, report, media):
    job = asked(person)

    def another_comes():
        DBTaskResult.objects.all().delete()
        work(str(job.pk), "w2")
        seen = fresh(job)
        assert (seen.worker, seen.attempt) == ("w1", 1)
        assert looks(job).get().run_after == seen.leased_until

    report.then = another_comes
    work(str(job.pk), "w1")
    assert report.built == 1
    assert fresh(job).state == "done"


def test_who_lost_the_lease_builds_nothing_more(person, report, media):
    job = asked(person)

    def another_begins():
        report.then = lambda: None
        expire(job)
        work(str(job.pk), "w2")

    report.then = another_begins
    work(str(job.pk), "w1")
    job = fresh(job)
    assert (job.state, job.worker, job.attempt) == ("done", "w2", 2)
    assert report.built == 1
    assert files(media) == [stored_path(str(job.file))]


def test_who_lost_the_lease_to_one_still_building_lets_go(person, report, media):
    job = asked(person)

    def another_is_at_it():
        expire(job)
        assert jobs._claim(str(job.pk), "w2").attempt == 2

    report.then = another_is_at_it
    work(str(job.pk), "w1")
    job = fresh(job)
    assert (job.state, job.worker, job.done) == ("running", "w2", 0)
    assert report.built == 0
    assert files(media) == []


def test_the_third_worker_that_dies_is_the_last(person, report, media):
    job = asked(person)

    @contextmanager
    def killed():
        DBTaskResult.objects.update(status="RUNNING")
        yield
        expire(job)

    for attempt in (1, 2, 3):
        with killed():
            assert jobs._claim(str(job.pk), f"w{attempt}").attempt == attempt
        assert fresh(job).state == "running"
    work(str(job.pk), "w4")
    assert (fresh(job).state, fresh(job).error) == ("failed", jobs.WORN_OUT)
    assert report.built == 0


def test_a_worker_told_to_stop_at_once_gives_its_job_back(person, report, media):
    job = asked(person)
    DBTaskResult.objects.all().delete()
    report.then = sys.exit
    with pytest.raises(SystemExit):
        work(str(job.pk), "w1")
    assert fresh(job).state == "queued"
    assert files(media) == []
    assert looks(job).filter(run_after__gt=timezone.now() + timedelta(days=365)).exists(), "at once, not at a time"
    report.then = lambda: None
    work(str(job.pk), "w2")
    assert (fresh(job).state, fresh(job).attempt) == ("done", 2)


def test_jobs_that_no_look_would_find_are_queued_again(person, report, count_queries):
    waiting, running, done = (asked(person, n=n) for n in range(3))
    jobs._claim(str(running.pk), "w1")
    cancel(done)
    DBTaskResult.objects.all().delete()
    with count_queries() as few:
        assert take_up_expired() == 2
    assert looks(waiting).get().run_after > timezone.now() + timedelta(days=365)  # at once
    assert looks(running).get().run_after == fresh(running).leased_until
    assert not looks(done).exists()
    assert take_up_expired() == 2
    assert DBTaskResult.objects.count() == 2
    for n in range(30):
        asked(person, n=n + 10)
    with count_queries() as many:
        take_up_expired()
    assert len(many) <= len(few)


def test_worn_out_jobs_fail_when_taken_up(person, report):
    running, given_back, living = (asked(person, n=n) for n in range(3))
    for job in (running, living):
        jobs._claim(str(job.pk), "w1")
    expire(running)
    ReportJob.objects.update(attempt=jobs.ATTEMPTS)
    take_up_expired()
    assert [fresh(job).state for job in (running, given_back, living)] == ["failed", "failed", "running"]
    assert fresh(running).error == jobs.WORN_OUT


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_build_one_job_at_once(report, media, transactional_db):
    person = UserFactory()
    report.then = lambda: time.sleep(0.2)
    for n in range(3):
        job = asked(person, n=n)
        ready = threading.Barrier(3)

        def go(worker, pk=str(job.pk), ready=ready):
            try:
                ready.wait()
                work(pk, worker)
            finally:
                connection.close()

        workers = [threading.Thread(target=go, args=[f"w{n}"]) for n in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert report.built == n + 1
        assert (fresh(job).state, fresh(job).attempt) == ("done", 1)
    assert len(files(media)) == 3


@pytest.mark.django_db(transaction=True)
def test_the_worker_builds_what_was_asked_for(report, media):
    job = asked(UserFactory())
    DBTaskResult.objects.all().delete()  # it also finds what no look in the queue would
    call_command("db_worker", batch=True, startup_delay=False, verbosity=0, worker_id="w1")
    assert (fresh(job).state, fresh(job).worker) == ("done", "w1")
    assert connection.in_atomic_block is False


# --- a worker killed halfway -----------------------------------------------------------------


def database_url():
    """The address of the database this test works on."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite://{name}"
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


@contextmanager
def worker(media, **extra):
    """A real worker, ended when the test goes on."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.reports.halting",
        "DATABASE_URL": database_url(),
        "MEDIA_ROOT": str(media),
        "REPORT_LEASE_SECONDS": "2",
        **extra,
    }
    command = [sys.executable, "manage.py", "db_worker", "--no-startup-delay", "--no-reload", "--interval", "0.1"]
    process = subprocess.Popen([*command, "--verbosity", "0"], cwd=ROOT, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until(true, process):
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert process.poll() is None, "the worker has ended"
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.05)


@pytest.mark.django_db(transaction=True)
def test_a_killed_workers_report_still_comes_whole(media, tmp_path):
    criteria_set = make_set(criteria=4, indicators=2)
    province, communes = make_province(communes=5, districts=2)
    for commune in communes:
        say(commune, criteria_set, "self", ["met"] * 7 + ["not_met"])
    person = member(province, Role.COORDINATOR)
    job = start(person, "matrix", {"area": province.pk, "set": criteria_set.code, "stage": "self"})
    halted = tmp_path / "halted"
    with worker(media, HALTED=str(halted)) as process:
        wait_until(halted.exists, process)
        process.send_signal(signal.SIGKILL)
        process.wait()
    first = fresh(job)
    assert (first.state, first.attempt, str(first.file)) == ("running", 1, "")
    assert first.done < first.total
    assert DBTaskResult.objects.filter(status="RUNNING").count() == 1  # the queue itself would wait for ever
    (part,) = files(media)
    with worker(media, HALTED=str(halted)) as process:
        wait_until(lambda: not fresh(job).is_open, process)
    job = fresh(job)
    assert (job.state, job.attempt) == ("done", 2)
    assert job.worker != first.worker
    assert job.started_at >= first.leased_until
    content = stored_path(str(job.file)).read_bytes()
    assert len(content) == job.size
    house = house_of(person, province)
    result = matrix(province, criteria_set, "self", person)
    assert sheets(content) == sheets(matrix_workbook(result, by_indicator(result), person, house))
    assert sorted(files(media)) == sorted([part, stored_path(str(job.file))])
    # What the killed one left is swept away a day later.
    os.utime(part, (0, 0))
    call_command("sweep_files", stdout=StringIO())
    assert files(media) == [stored_path(str(job.file))]


def sheets(content):
    """Every cell of a workbook."""
    book = openpyxl.load_workbook(BytesIO(content))
    return {sheet.title: [[cell.value for cell in row] for row in sheet.iter_rows()] for sheet in book}


# --- 30 days ---------------------------------------------------------------------------------


def test_old_reports_and_their_files_go(person, report, media, capsys):
    old, kept, waiting = (asked(person, n=n) for n in range(3))
    for job in (old, kept):
        work(str(job.pk), "w1")
    past = timezone.now() - timedelta(seconds=1)
    ReportJob.objects.filter(pk__in=[old.pk, waiting.pk]).update(expires_at=past)
    call_command("sweep_reports")
    assert "2 reports removed" in capsys.readouterr().out
    assert list(ReportJob.objects.all()) == [kept]
    assert files(media) == [stored_path(str(fresh(kept).file))]
    assert sweep() == 0


# --- pages -----------------------------------------------------------------------------------


@pytest.fixture
def own(client, person):
    client.force_login(person)
    return client


def test_the_list_is_empty_first(own):
    page = own.get("/reports/jobs/").content.decode()
    assert "Chưa có báo cáo nào" in page
    assert 'href="/reports/jobs/"' in own.get("/reports/").content.decode()


def test_each_state_says_what_can_be_done(own, person, report, media):
    def page(job):
        answer = own.get(f"/reports/jobs/{job.pk}/")
        assert answer.status_code == 200
        return answer.content.decode()

    job = asked(person)
    assert "Đang chờ máy chủ bắt đầu lập" in page(job)
    assert 'hx-trigger="every 2s"' in page(job)
    assert "Xem lại tiến độ" in page(job)  # without JavaScript
    report.then = lambda: pages.append(page(job))
    pages = []
    work(str(job.pk), "w1")
    assert "25%" in pages[0]
    assert "Đang lấy số liệu" in pages[0]
    done = page(job)
    assert "hx-get" not in done
    assert f"/reports/jobs/{job.pk}/file" in done
    assert "Bieu-thu.xlsx (1 KB)" in done
    again = own.post(f"/reports/jobs/{job.pk}/again/")
    second = ReportJob.objects.open().get()
    assert again["Location"] == f"/reports/jobs/{second.pk}/"
    assert own.post(f"/reports/jobs/{second.pk}/cancel/")["Location"] == f"/reports/jobs/{second.pk}/"
    assert "Đã hủy lúc" in page(second)
    own.post(f"/reports/jobs/{job.pk}/cancel/")
    assert "đã kết thúc trước đó" in page(job)
    third = asked(person)
    ReportJob.objects.filter(pk=third.pk).update(state="failed", error="Địa bàn chưa có xã.")
    assert "Địa bàn chưa có xã." in page(third)
    listed = own.get("/reports/jobs/").content.decode()
    for word in ("Đã lập xong", "Đã hủy", "Không lập được", "Bieu-thu.xlsx", "Lập lại"):
        assert word in listed


def test_htmx_gets_the_panel_alone(own, person, report):
    job = asked(person)
    answer = own.get(f"/reports/jobs/{job.pk}/", headers=HTMX).content.decode()
    assert "<html" not in answer
    assert 'id="job"' in answer
    assert "csrfmiddlewaretoken" in answer


def test_a_queue_nobody_works_at_is_told_of(own, person, report):
    job = asked(person)
    url = f"/reports/jobs/{job.pk}/"
    told = "hàng đợi chưa được xử lý"
    assert told not in own.get(url).content.decode()
    ReportJob.objects.update(created_at=timezone.now() - timedelta(minutes=3))
    assert told in own.get(url).content.decode()
    # The worker is busy with something else.
    other = DBTaskResult.objects.create(
        args_kwargs={"args": [], "kwargs": {}}, task_path="criteria.uploads.check_later", run_after=timezone.now(),
        backend_name="default", status="RUNNING", started_at=timezone.now() - timedelta(minutes=4),
    )  # fmt: skip
    assert "các việc đến trước" in own.get(url).content.decode()
    DBTaskResult.objects.filter(pk=other.pk).update(started_at=timezone.now() - timedelta(hours=1))
    assert told in own.get(url).content.decode()
    DBTaskResult.objects.filter(pk=other.pk).update(status="SUCCESSFUL", finished_at=timezone.now())
    assert "các việc đến trước" in own.get(url).content.decode()


def test_a_worker_that_stopped_is_told_of(own, person, report):
    job = asked(person)
    jobs._claim(str(job.pk), "w1")
    expire(job)
    page = own.get(f"/reports/jobs/{job.pk}/").content.decode()
    assert "đã dừng giữa chừng" in page
    assert "tối đa 3 lần (đã lập 1 lần)" in page
    assert "chưa có máy nào nhận việc" in page


def test_nobody_else_sees_a_job(client, person, report, media):
    job = asked(person)
    work(str(job.pk), "w1")
    for other in (UserFactory(), UserFactory(is_superuser=True, is_staff=True)):
        client.force_login(other)
        for name in ("", "file"):
            assert client.get(f"/reports/jobs/{job.pk}/{name}").status_code == 404
        for name in ("cancel/", "again/"):
            assert client.post(f"/reports/jobs/{job.pk}/{name}").status_code == 404
        assert "Chưa có báo cáo nào" in client.get("/reports/jobs/").content.decode()
    assert ReportJob.objects.count() == 1


def test_an_expired_job_is_gone_before_it_is_swept(own, person, report, media):
    job = asked(person)
    work(str(job.pk), "w1")
    ReportJob.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert own.get(f"/reports/jobs/{job.pk}/").status_code == 404
    assert own.get(f"/reports/jobs/{job.pk}/file").status_code == 404
    assert "Chưa có báo cáo nào" in own.get("/reports/jobs/").content.decode()


def test_the_file_is_fetched_by_who_still_may(own, person, report, media, caplog):
    job = asked(person)
    url = f"/reports/jobs/{job.pk}/file"
    assert own.get(url).status_code == 404
    work(str(job.pk), "w1")
    with caplog.at_level("INFO", "ntm.audit"):
        answer = own.get(url)
        assert b"".join(answer) == b"one half, the other half"
    assert "report downloaded" in caplog.text
    assert answer["Content-Disposition"] == 'attachment; filename="Bieu-thu.xlsx"'
    assert answer["Content-Type"] == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert answer["Cache-Control"] == "private, no-store"
    for refusal, status in ((Http404(), 404), (PermissionDenied("Ngoài phạm vi."), 403)):
        report.refused = refusal
        assert own.get(url).status_code == status
    report.refused = None
    stored_path(str(fresh(job).file)).unlink()
    answer = own.get(url)
    assert answer.status_code == 404
    assert "không còn trên máy chủ" in answer.content.decode()


def test_what_was_not_offered_is_not_started(own):
    for token in ("", "x", "eyJraW5kIjoibWF0cml4In0:x:y"):
        answer = own.post("/reports/jobs/start/", {"token": token})
        assert answer.status_code == 400
        assert "Yêu cầu này không đầy đủ" in answer.content.decode()
    assert own.get("/reports/jobs/start/").status_code == 405


def test_as_many_queries_for_thirty_reports_as_for_three(own, person, report, media, count_queries):
    found = []
    for total in (3, 30):
        for n in range(ReportJob.objects.count(), total):
            job = asked(person, n=n)
            if n % 3 == 0:
                work(str(job.pk), "w1")
        with count_queries() as queries:
            assert own.get("/reports/jobs/").status_code == 200
        found.append(len(queries))
    assert found[0] == found[1]


def test_as_many_queries_for_a_long_queue(own, person, report, count_queries):
    found = []
    job = asked(person)
    ReportJob.objects.update(created_at=timezone.now() - timedelta(minutes=3))
    for total in (3, 30):
        for n in range(total):
            asked(UserFactory(), n=n)
        with count_queries() as queries:
            own.get(f"/reports/jobs/{job.pk}/", headers=HTMX)
        found.append(len(queries))
    assert found[0] == found[1]


# --- the area's workbook -----------------------------------------------------------------------


@pytest.fixture
def place(db):
    criteria_set = make_set(criteria=3, indicators=2)
    province, communes = make_province(communes=4, districts=2)
    for commune in communes[:2]:
        say(commune, criteria_set, "self", ["met"] * 6)
    return province, criteria_set, member(province, Role.COORDINATOR)


def params_of(province, criteria_set):
    return {"area": province.pk, "set": criteria_set.code, "stage": "self"}


def test_a_large_area_is_built_in_the_background(place, client, media, monkeypatch):
    province, criteria_set, person = place
    client.force_login(person)
    url = f"/reports/matrix/{province.pk}.xlsx?set={criteria_set.code}"
    small = client.get(url)
    assert small["Content-Type"].startswith("application/vnd")
    monkeypatch.setattr(builders, "AT_ONCE", 3)
    offered = client.get(url)
    assert "Lập báo cáo" in offered.content.decode()
    token = offered.context["token"]
    assert not ReportJob.objects.exists()
    first = client.post("/reports/jobs/start/", {"token": token})
    assert client.post("/reports/jobs/start/", {"token": token})["Location"] == first["Location"]
    job = ReportJob.objects.get()
    assert job.title == f"Biểu số 01, {province.in_sentence}: Nông thôn mới {criteria_set.period}, xã tự đánh giá"
    work(str(job.pk), "w1")
    answer = client.get(f"{first['Location']}file")
    assert sheets(b"".join(answer)) == sheets(small.content)
    assert answer["Content-Disposition"] == small["Content-Disposition"]


def test_drawing_it_says_how_far_it_is(place, media):
    province, criteria_set, person = place
    said = []
    target = BytesIO()
    builders.MatrixReport().build(
        person, params_of(province, criteria_set), lambda *told: said.append(told[:2]), target
    )
    whole = [done for done, total in said[1:] if total == 8]
    assert whole == sorted(whole)
    assert (whole[0], whole[-1]) == (1, 8)
    assert target.getvalue().startswith(b"PK")


def test_cancelling_reaches_into_the_drawing(place, media, monkeypatch):
    province, criteria_set, person = place
    monkeypatch.setattr(jobs, "EVERY", 0)
    job = start(person, "matrix", params_of(province, criteria_set))
    noted = jobs._Noted.__call__

    def half(self, done, total, text=""):
        if done == 4:
            cancel(job)
        noted(self, done, total, text)
        assert done < 5

    monkeypatch.setattr(jobs._Noted, "__call__", half)
    work(str(job.pk), "w1")
    assert fresh(job).state == "cancelled"
    assert files(media) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"area": 0},
        {"area": "x"},
        {"area": None},
        {"set": "khong-co"},
        {"set": 3},
        {"stage": "village"},
        {"stage": ["self"]},
    ],
)
def test_what_makes_no_sense_is_not_found(place, broken):
    province, criteria_set, person = place
    with pytest.raises(Http404):
        start(person, "matrix", params_of(province, criteria_set) | broken)


def test_an_area_out_of_scope_is_not_found(place):
    province, criteria_set, person = place
    neighbour = member(make_province(communes=1)[0], Role.COORDINATOR)
    with pytest.raises(Http404):
        start(neighbour, "matrix", params_of(province, criteria_set))
    job = start(person, "matrix", params_of(province, criteria_set))
    Membership.objects.filter(user=person).delete()
    work(str(job.pk), "w1")
    assert (fresh(job).state, fresh(job).error) == ("failed", jobs.NO_RIGHT)


def test_who_lost_the_area_fetches_no_file(place, client, media):
    province, criteria_set, person = place
    job = start(person, "matrix", params_of(province, criteria_set))
    work(str(job.pk), "w1")
    client.force_login(person)
    url = f"/reports/jobs/{job.pk}/file"
    assert b"".join(client.get(url)).startswith(b"PK")
    Membership.objects.filter(user=person).delete()
    assert client.get(url).status_code == 404
    assert client.post(f"/reports/jobs/{job.pk}/again/").status_code == 404


def test_who_sees_fewer_criteria_than_a_file_holds_builds_it_anew(place, client, media):
    province, criteria_set, person = place
    client.force_login(person)
    department = DepartmentFactory()
    first, second, _ = criteria_set.criteria.order_by("number")
    own = CriterionDepartment.objects.create(criterion=first, department=department)

    def built():
        job = start(type(person).objects.get(pk=person.pk), "matrix", params_of(province, criteria_set))
        work(str(job.pk), "w1")
        return f"/reports/jobs/{job.pk}/"

    whole = built()
    assert b"".join(client.get(f"{whole}file")).startswith(b"PK")
    Membership.objects.filter(user=person).update(role=Role.DEPARTMENT_REVIEWER, department=department)
    refused = client.get(f"{whole}file")
    assert refused.status_code == 403
    for page in (refused, client.get(whole)):
        assert "Bấm Lập lại" in page.content.decode()
        assert f"{whole}again/" in page.content.decode() and f"{whole}file" not in page.content.decode()
    again = built()
    assert b"".join(client.get(f"{again}file")).startswith(b"PK")
    CriterionDepartment.objects.create(criterion=second, department=department)
    assert b"".join(client.get(f"{again}file")).startswith(b"PK")
    own.delete()
    assert client.get(f"{again}file").status_code == 403


def test_an_area_without_communes_gets_no_workbook(db, media):
    criteria_set = make_set()
    province, _ = make_province(communes=0)
    person = member(province, Role.COORDINATOR)
    job = start(person, "matrix", params_of(province, criteria_set))
    work(str(job.pk), "w1")
    assert fresh(job).state == "failed"
    assert "không có xã nào đang tồn tại" in fresh(job).error
    assert files(media) == []


def test_an_area_of_the_past_is_built_as_at_that_day(place, client, media, monkeypatch):
    province, criteria_set, person = place
    client.force_login(person)
    url = f"/reports/matrix/{province.pk}.xlsx?set={criteria_set.code}&stage=self&as_of=2024-05-01"
    small = client.get(url)
    monkeypatch.setattr(builders, "AT_ONCE", 3)
    started = client.post("/reports/jobs/start/", {"token": client.get(url).context["token"]})
    job = ReportJob.objects.get()
    assert job.title.endswith("Số liệu tính đến 01/05/2024")
    work(str(job.pk), "w1")
    assert sheets(b"".join(client.get(f"{started['Location']}file"))) == sheets(small.content)
    start(person, "matrix", params_of(province, criteria_set))
    assert ReportJob.objects.count() == 2
    for broken in ({"as_of": "2030-01-01"}, {"as_of": "x"}, {"period": "0"}):
        with pytest.raises(Http404):
            start(person, "matrix", params_of(province, criteria_set) | broken)
