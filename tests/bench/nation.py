"""The nation (G1, G2, G4, G8, G10): 8,248 communes, 57 indicators, twelve months; in a process and database of its own.

`measure` starts it and takes over its lines.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from datetime import date
from io import BytesIO
from pathlib import Path
from time import perf_counter
from typing import Any

from tests.bench.server import ROOT, Client, Gunicorn
from tests.bench.table import Goal, Report, in_turn

PASSWORD = "chi-de-do-2026"
PROVINCE, PAST = "42", date(2024, 2, 15)
ROUNDS, FEWER, FEW, ONE_BY_ONE = 100, 20, 3, 500
HABIT_ROWS = 1000  # communes the habit is measured with; it takes as long for each


def measure(report: Report, url: str) -> None:
    """`url`: an empty database for it."""
    env = os.environ | {"DATABASE_URL": url}
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.nation"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=3000
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            report.add(Goal(**json.loads(line)))


def own_process(code: str) -> dict[str, Any]:
    """What the code prints last as JSON, with `seconds` and `peak` (MB) of its process."""
    text = (
        "import json, time, django; django.setup(); started = time.perf_counter()\n"
        f"{code}\n"
        "peak = int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) / 1024\n"
        "print(json.dumps({'seconds': time.perf_counter() - started, 'peak': peak}))"
    )
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def seconds(work: Any) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


def while_saving(report: Report, server: Gunicorn, province: Any, criteria_set: Any, asking: Any) -> None:
    """The national workbook by the worker, while an officer saves a row over and over."""
    from django.contrib.auth import get_user_model

    from communes.models import Membership, Unit
    from criteria.models import Indicator
    from reports.jobs import start
    from reports.models import ReportJob

    commune = Unit.objects.within(province).rural_communes().existing(PAST).order_by("code")[0]
    officer = get_user_model().objects.create_user("can-bo", password=PASSWORD, full_name="Người đo")
    Membership.objects.create(user=officer, unit=commune, role="officer")
    rates = Indicator.objects.filter(criterion__criteria_set=criteria_set, kind=Indicator.Kind.PERCENT, measure="%")
    address = f"/units/{commune.pk}/indicators/{rates.order_by('criterion__number', 'pk')[0].pk}/entry/"
    browser = Client(server.port).sign_in("can-bo", PASSWORD)
    job = start(asking, "nation", {"set": criteria_set.code, "stage": "self"})
    command = [sys.executable, "manage.py", "db_worker", "--no-startup-delay", "--no-reload", "--batch", "-v0"]
    saved, times, told = 0, [], set()
    with subprocess.Popen(command, cwd=ROOT) as worker:
        while worker.poll() is None:
            typed = {
                "value": str(saved % 90),
                "verdict": "not_met",
                "effective_on": "2024-06-01",
                "version": str(saved),
            }
            answer = browser.post(address, typed, **{"HX-Request": "true"})
            assert f'name="version" value="{saved + 1}"' in answer.text, answer.text[:500]
            saved += 1
            times.append(answer.seconds)
            job.refresh_from_db()
            told.add((job.done, job.total))
    assert job.state == ReportJob.State.DONE, (job.state, job.error)
    took = (job.finished_at - job.started_at).total_seconds()
    slowest = f"slowest of them {max(times) * 1000:.0f} ms; progress told {len(told)} times"
    what = f"the same by the worker in {took:.1f} s while an officer saves {saved} rows; {slowest}"
    report.holds("G2", what, "no error", "no error", saved > 0)


def main() -> None:
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connection
    from openpyxl import load_workbook

    from communes.models import Membership, Unit
    from criteria.models import CriteriaSet, Revision
    from reports.house import house_of
    from reports.matrix import matrix
    from reports.workbooks.matrix import by_indicator, matrix_workbook
    from tests.bench import habit, raw
    from tests.bench.pages import count_queries, timed

    report = Report()
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    load = "from django.core.management import call_command; call_command('load_world', {}, verbosity=0)"
    world = own_process(load.format("'--national'"))
    rows = Revision.objects.count()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")

    province = Unit.objects.get(level="province", code=PROVINCE)
    criteria_set = CriteriaSet.objects.get(code="xa-ntm-2021-2025")
    for name, extra in (("quan-tri", {"is_superuser": True}), ("dieu-phoi", {})):
        person = get_user_model().objects.create_user(name, password=PASSWORD, full_name="Người đo", **extra)
        Membership.objects.create(user=person, unit=province, role="viewer" if extra else "coordinator")

    # G10: against rows created one by one, as a loop over save() does.
    sample = list(Revision.objects.order_by("pk")[:ONE_BY_ONE])
    started = perf_counter()
    for row in sample:
        row.pk = None
        row.save(force_insert=True)
    one = (perf_counter() - started) / ONE_BY_ONE
    Revision.objects.filter(pk__in=[row.pk for row in sample]).delete()
    each = world["seconds"] / rows
    faster = f"{one / each:.0f} x one by one"
    what = f"the nation with {rows} revisions, their assessments and standings loaded in {world['seconds']:.0f} s"
    report.holds("G10", what, faster, ">= 5 x", one / each >= 5)
    report.holds("G10", "peak memory of that", f"{world['peak']:.0f} MB", "<= 200 MB", world["peak"] <= 200)

    folder = Path(os.environ["NTM_VAR"])
    with Gunicorn(folder) as server:
        people = {name: Client(server.port).sign_in(name, PASSWORD) for name in ("quan-tri", "dieu-phoi")}

        def get(name: str, path: str) -> Any:
            return timed(lambda: people[name].get(path))

        query = f"set={criteria_set.code}&stage=self"
        workbook = f"/reports/matrix/{province.pk}.xlsx?{query}"
        book = load_workbook(BytesIO(people["dieu-phoi"].get(workbook).body))
        cells = raw.cells_of_book(book)
        ours, limit = in_turn(get("dieu-phoi", workbook), lambda: seconds(lambda: raw.workbook(cells)), FEWER)
        report.ratio("G1", f"province matrix workbook, queries included, over raw ({FEWER})", ours, limit, 14)
        result = matrix(province, criteria_set, "self")
        person = get_user_model().objects.get(username="dieu-phoi")
        drawn, limit = in_turn(
            lambda: seconds(lambda: matrix_workbook(result, by_indicator(result), person, house_of(person, province))),
            lambda: seconds(lambda: raw.workbook(cells)),
            FEWER,
        )
        report.ratio("G1", "the same, building alone", drawn, limit, 10)
        tables = [habit.table(sheet) for sheet in book.worksheets]
        habit.agree(tables, habit.workbook(tables))
        ours, by_habit = in_turn(get("dieu-phoi", workbook), lambda: seconds(lambda: habit.workbook(tables)), FEW)
        report.holds(
            "G1",
            f"the same by pandas Styler: {by_habit:.2f} s ({FEW})",
            f"{by_habit / ours:.1f} x as long",
            ">= 12 x",
            by_habit >= 12 * ours,
        )

        nation = f"/matrix/nation/?{query}"
        queries = count_queries("quan-tri", lambda browser: browser.get(nation))
        report.count("G4", "national overview: queries", queries, 8)
        ours, base = in_turn(get("quan-tri", nation), get("quan-tri", "/bench/simplest/"), ROUNDS)
        report.ratio("G4", f"national overview ({ROUNDS})", ours, base, 3)

        now = f"/matrix/?area={province.pk}&{query}"
        ours, base = in_turn(get("dieu-phoi", f"{now}&as_of={PAST}"), get("dieu-phoi", now), ROUNDS)
        report.ratio("G8", f"matrix page as at {PAST:%d/%m/%Y} over the present one ({ROUNDS})", ours, base, 5)
        while_saving(report, server, province, criteria_set, get_user_model().objects.get(username="quan-tri"))

    build = (
        "from criteria.models import CriteriaSet; from ntm.accounts.models import User\n"
        "from reports.workbooks.nation import nation_workbook\n"
        "with open({!r}, 'w+b') as file:\n"
        "    nation_workbook(CriteriaSet.objects.get(code='xa-ntm-2021-2025'), 'self', User.objects.first(), "
        "lambda done, of, text: None, file)"
    ).format(str(folder / "nation.xlsx"))
    built = min((own_process(build) for _ in range(3)), key=lambda found: found["seconds"])
    book = load_workbook(folder / "nation.xlsx")
    cells = raw.cells_of_book(book)
    number = sum(value is not None for sheet in cells for row in sheet for value in row)
    limit = min(seconds(lambda: raw.workbook(cells)) for _ in range(3))
    report.ratio(
        "G2", f"national matrix workbook, {number} cells, queries included, over raw", built["seconds"], limit, 8
    )
    report.holds("G2", "peak memory of that", f"{built['peak']:.0f} MB", "<= 150 MB", built["peak"] <= 150)
    largest = max(book.worksheets, key=lambda sheet: sheet.max_row)
    tables, communes = [habit.table(largest, HABIT_ROWS)], largest.max_row
    habit.agree(tables, habit.workbook(tables))
    some = min(seconds(lambda: habit.workbook(tables)) for _ in range(FEW)) * communes / HABIT_ROWS
    what = f"the same by pandas Styler: {some:.1f} s (by {HABIT_ROWS} of {communes} rows)"
    report.holds("G2", what, f"{some / built['seconds']:.1f} x as long", ">= 15 x", some >= 15 * built["seconds"])
    for goal in report.goals:
        print(json.dumps(asdict(goal)), flush=True)


if __name__ == "__main__":
    main()
