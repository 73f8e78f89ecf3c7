"""G11: what a worker has imported and how much memory it takes, beside a bare Django worker's."""

import json
from pathlib import Path

from tests.bench.server import Client, Gunicorn
from tests.bench.table import Report

LIMIT = 1.5


def measure(report: Report, folder: Path) -> None:
    """Both workers have answered one request, so that all their addresses and views are loaded."""
    with Gunicorn(folder) as server:
        ours = server.memory()
        heavy = json.loads(Client(server.port).get("/bench/heavy/").body)
    with Gunicorn(folder, application="tests.bench.bare", BENCH_BARE="1", DJANGO_SETTINGS_MODULE="") as server:
        bare = server.memory()
    report.holds("G11", "heavy libraries imported at start", ", ".join(heavy) or "none", "none", not heavy)
    report.ratio("G11", "memory of a worker at start over a bare Django worker, RSS", ours[0], bare[0], LIMIT, "MB")
    report.ratio("G11", "the same, PSS (shared pages counted by share)", ours[1], bare[1], LIMIT, "MB")
