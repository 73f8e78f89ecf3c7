"""Pages, saves, workbooks (G3, G5–G7) and the same work over a hello-world view."""

from collections import Counter
from collections.abc import Callable
from itertools import count
from time import perf_counter
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from communes.models import Membership
from criteria.models import Entry
from criteria.submissions import waiting
from inspections import desk
from reports.matrix import matrix
from tests.bench import raw
from tests.bench import world as worlds
from tests.bench.server import Answer, Client, Gunicorn
from tests.bench.table import Compared, Report, Timed, in_turn
from tests.bench.world import World
from tests.criteria.files import pdf

ROUNDS, FEWER = 200, 50
STEERING = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")
OFFICER, COORDINATOR, DISTRICT = "canbo.dongphu", "dieuphoi.hatinh", "huyen.dongson"
DEPARTMENT, ITS_COORDINATOR = "so.giaoduc", "dieuphoi.thanhhoa"


def count_queries(username: str, request: Callable[[Browser], Any]) -> int:
    """The statements one request costs, without those that only steer transactions."""
    browser = Browser(HTTP_HOST="127.0.0.1")
    browser.force_login(get_user_model().objects.get(username=username))
    with CaptureQueriesContext(connection) as captured:
        answer = request(browser)
    assert answer.status_code < 400, answer.status_code
    return sum(not query["sql"].lstrip().upper().startswith(STEERING) for query in captured.captured_queries)


def timed(request: Callable[[], Answer], status: int = 200) -> Timed:
    """The request as a thing that returns its seconds; another status than expected stops the run."""

    def once() -> float:
        answer = request()
        assert answer.status == status, f"{answer.status} instead of {status}: {answer.body[:500]!r}"
        return answer.seconds

    return once


class Pages:
    """The addresses and requests of a run, with the people who make them."""

    def __init__(self, world: World, server: Gunicorn) -> None:
        self.world = world
        self.people = {
            name: Client(server.port).sign_in(name, world.password)
            for name in (OFFICER, COORDINATOR, DISTRICT, DEPARTMENT, ITS_COORDINATOR)
        }
        stranger = Client(server.port)
        self.hello = timed(lambda: stranger.get("/bench/hello/"))
        unit, code = world.commune.pk, world.criteria_set.code
        self.entry = f"/units/{unit}/entry/?set={code}"
        self.unit = f"/units/{unit}/?set={code}"
        self.matrix = f"/matrix/?area={world.province.pk}&set={code}&stage=self"
        self.workbook = f"/reports/readiness/{unit}.xlsx?set={code}&stage=self"
        self.send = f"/units/{unit}/send/?set={code}"
        self.upload = f"/units/{unit}/evidence/"
        self.row = worlds.rate(world, world.commune)
        self.save = f"/units/{unit}/indicators/{self.row.indicator_id}/entry/"
        self.numbers = count(1)

    def criterion(self, number: int) -> str:
        return f"/units/{self.world.commune.pk}/criteria/{number}/?set={self.world.criteria_set.code}"

    def get(self, username: str, path: str) -> Timed:
        return timed(lambda: self.people[username].get(path))

    def simplest(self, username: str) -> Timed:
        return self.get(username, "/bench/simplest/")

    def typed(self) -> dict[str, str]:
        """The form of a row that was never saved so before, with the version it has now."""
        number = next(self.numbers)
        self.row.refresh_from_db(fields=["version"])
        return {
            "value": f"{number % 97},{1 + number % 7}",
            "verdict": "not_met",
            "effective_on": "2024-06-01",
            "version": str(self.row.version),
        }

    def saving(self) -> float:
        typed = self.typed()
        version = int(typed["version"]) + 1
        answer = self.people[OFFICER].post(self.save, typed, **{"HX-Request": "true"})
        assert f'name="version" value="{version}"' in answer.text, answer.text[:500]
        return answer.seconds

    def queries_of_saving(self) -> int:
        typed = self.typed()
        return count_queries(OFFICER, lambda browser: browser.post(self.save, typed, headers={"HX-Request": "true"}))

    def sending(self) -> float:
        worlds.change_all_entries(self.world)
        shown = self.waiting()
        return timed(lambda: self.people[OFFICER].post(self.send, shown), 302)()

    def waiting(self) -> dict[str, Any]:
        """What the page of sending would post back: every criterion ticked, as the officer saw it."""
        found = waiting(self.world.commune, self.world.criteria_set)
        seen = {f"seen-{row.criterion}": row.seen for row in found.values()}
        return {"criterion": list(map(str, found)), **seen}

    def uploading(self) -> float:
        """300 KB of a document that nobody has uploaded yet."""
        number = next(self.numbers)
        content = pdf(300_000 - 700, f"Bao cao {number}")
        fields = {"indicator": str(self.row.indicator_id)}
        return timed(lambda: self.people[OFFICER].upload(self.upload, f"bao-cao-{number}.pdf", content, **fields))()


def measure(report: Report, pages: Pages) -> None:
    workbook(report, pages)
    area(report, pages)
    entry(report, pages)
    writing(report, pages)


def workbook(report: Report, pages: Pages) -> None:
    cells = raw.cells_of(pages.people[DISTRICT].get(pages.workbook).body)
    number = sum(value is not None for sheet in cells for row in sheet for value in row)

    def limit() -> float:
        start = perf_counter()
        raw.workbook(cells)
        return perf_counter() - start

    ours, reference = in_turn(pages.get(DISTRICT, pages.workbook), limit, FEWER)
    report.ratio("G3", f"readiness workbook, {number} cells, queries included, over raw ({FEWER})", ours, reference, 12)


def area(report: Report, pages: Pages) -> None:
    world = pages.world
    rows = matrix(world.province, world.criteria_set, "self").rows
    known = sum(row.has_opinion for row in rows)
    ours, reference = in_turn(pages.get(COORDINATOR, pages.matrix), pages.simplest(COORDINATOR), ROUNDS)
    report.ratio("G5", f"matrix page {known}/{len(rows)} communes x 19 ({ROUNDS})", ours, reference, 4)
    largest, usual = worlds.department_province(), world.province
    for whose, name, area in (
        ("a department", DEPARTMENT, usual),
        ("a department", DEPARTMENT, largest),
        ("a coordinator", COORDINATOR, usual),
        ("a coordinator", ITS_COORDINATOR, largest),
    ):
        communes = desk.communes(area).count()
        Membership.objects.filter(user__username=name).update(unit=area)
        ours, reference = in_turn(pages.get(name, "/my-criteria/"), pages.simplest(name), ROUNDS)
        report.ratio("G5", f"the desk of {whose} over {communes} communes ({ROUNDS})", ours, reference, 4)


def entry(report: Report, pages: Pages) -> None:
    rows = Entry.objects.filter(unit=pages.world.commune, indicator__criterion__criteria_set=pages.world.criteria_set)
    sizes = Counter(rows.values_list("indicator__criterion__number", flat=True))
    usual = next(number for number, size in sorted(sizes.items()) if size == 3)
    largest = max(sizes, key=lambda number: sizes[number])
    for number, words in ((usual, "the usual size"), (largest, "the largest")):
        what = f"entry page of criterion {number}, {words}: {sizes[number]} rows ({ROUNDS})"
        ours, reference = in_turn(pages.get(OFFICER, pages.criterion(number)), pages.simplest(OFFICER), ROUNDS)
        report.ratio("G6", what, ours, reference, 3)
    ours, reference = in_turn(pages.get(OFFICER, pages.entry), pages.simplest(OFFICER), ROUNDS)
    report.ratio("G6", f"entry page of all {sum(sizes.values())} rows ({ROUNDS})", ours, reference, 6)


def writing(report: Report, pages: Pages) -> None:
    report.count("G7", "saving one row: queries", pages.queries_of_saving(), 10)
    rows = worlds.change_all_entries(pages.world)
    shown = pages.waiting()
    report.count(
        "G7",
        f"sending {rows} rows: queries",
        count_queries(OFFICER, lambda browser: browser.post(pages.send, shown)),
        25,
    )
    ours, reference = in_turn(pages.saving, pages.simplest(OFFICER), ROUNDS)
    report.ratio("G7", f"saving one row ({ROUNDS})", ours, reference, 2)
    ours, reference = in_turn(pages.sending, pages.simplest(OFFICER), FEWER)
    report.ratio("G7", f"sending {rows} rows ({FEWER})", ours, reference, 6)


def compare(report: Report, pages: Pages) -> None:
    """The same kinds of work over a hello-world view, as the peer was measured."""

    def line(what: str, ours: Timed, username: str, path: str, peer: str, rounds: int = FEWER) -> None:
        mine, hello = in_turn(ours, pages.hello, rounds)
        queries = count_queries(username, lambda browser: browser.get(path)) if path else None
        report.compared.append(Compared(f"{what} ({rounds})", mine, hello, queries, peer))

    line(
        "list of 200 visits, 25 a page",
        pages.get(COORDINATOR, "/visits/"),
        COORDINATOR,
        "/visits/",
        "368 x, 211 queries",
    )
    line(
        "recap of 200 communes: matrix page", pages.get(COORDINATOR, pages.matrix), COORDINATOR, pages.matrix, "2570 x"
    )
    line("one unit's page", pages.get(DISTRICT, pages.unit), DISTRICT, pages.unit, "268 x, 147 queries")
    line("readiness workbook", pages.get(DISTRICT, pages.workbook), DISTRICT, pages.workbook, "277 x")
    mine, hello = in_turn(pages.saving, pages.hello, FEWER)
    saved = Compared(f"saving one row ({FEWER})", mine, hello, pages.queries_of_saving(), "417 x, 35 queries")
    report.compared.append(saved)
    line("sending all rows", pages.sending, OFFICER, "", "-", 20)
    line("evidence of 300 KB", pages.uploading, OFFICER, "", "357 x", 20)
