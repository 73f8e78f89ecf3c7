"""Run the benchmarks: `python -m tests.bench [--quick]`.

PostgreSQL and the data live in a temporary folder that is deleted at the end. The exit
status is 0 also where a goal is missed: the table says so.
"""

import argparse
import os
import shutil
import tempfile
import warnings
from pathlib import Path

from tests.postgres import Server

PARTS = ("pages", "compare", "memory", "history", "exchange", "load", "nation")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100 officers for 15 seconds instead of 60")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="some parts only")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ntm-bench-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user under root
    try:
        with Server(folder) as server:
            os.environ |= {
                "DJANGO_SETTINGS_MODULE": "tests.bench.settings",
                "NTM_ENV": "demonstration",
                "NTM_TODAY": "2024-06-30",
                "NTM_VAR": str(folder),
                "MEDIA_ROOT": str(folder / "media"),
                "DATABASE_URL": database(server, "bench"),
            }
            (folder / "static").mkdir()
            run(folder, options.only, options.quick, database(server, "nation"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def database(server: Server, name: str) -> str:
    """Create a database of the run; its address."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(server.uri("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return server.uri(name)


def run(folder: Path, parts: list[str], quick: bool, nation_url: str) -> None:
    import django

    django.setup()
    from django.db import connections

    from tests.bench import exchange, history, load, memory, nation, pages, world
    from tests.bench.server import Gunicorn
    from tests.bench.table import Report

    report = Report()
    if "nation" in parts:
        print("Loading the nation into PostgreSQL …", flush=True)
        nation.measure(report, nation_url)
    if parts == ["nation"]:
        report.print()
        return
    print("Loading the demonstration into PostgreSQL …", flush=True)
    built = world.build()
    try:
        if "memory" in parts:
            memory.measure(report, folder)
        if "history" in parts:
            history.measure(report)
        if {"pages", "compare"} & set(parts):
            with Gunicorn(folder) as server:
                before = server.memory()
                found = pages.Pages(built, server)
                if "pages" in parts:
                    pages.measure(report, found)
                if "compare" in parts:
                    pages.compare(report, found)
                after = server.memory()
                report.notes.append(
                    f"A worker grows from {before[0]:.0f} to {after[0]:.0f} MB (RSS) over all of the pages above, "
                    f"{after[0] / before[0]:.2f} x; the peer's from 180 to 384 MB, 2.13 x."
                )
        if "exchange" in parts:
            exchange.measure(report, built)
        if "load" in parts:
            load.measure(report, built, folder, quick)
    finally:
        connections.close_all()
    report.print()


if __name__ == "__main__":
    warnings.simplefilter("default")
    main()
