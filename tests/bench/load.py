"""G12: a hundred officers saving at once, and whether the database holds what each was told."""

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import quantiles
from typing import Any

from criteria.models import Entry
from criteria.numbers import parse_number
from tests.bench import world as worlds
from tests.bench.server import ROOT, Gunicorn
from tests.bench.table import Report
from tests.bench.world import World

PATIENCE = 60  # seconds officers may wait for their last answer: a save cut off can't be accounted for
PACING = 2.0  # seconds from one save of an officer to their next
ALONE = 0.2  # of the one officer alone, who would else give too few figures


def run(folder: Path, name: str, address: str, officers: list[dict[str, Any]], pacing: float, seconds: int) -> dict:
    """Let Locust's officers work for so long; what they were told, and how long each answer took."""
    plan = folder / f"{name}.json"
    plan.write_text(json.dumps({"officers": officers, "pacing": pacing}))
    command = [
        sys.executable, "-m", "locust", "--locustfile", "tests/bench/locustfile.py", "--headless", "--host", address,
        "--users", str(len(officers)), "--spawn-rate", str(max(1, len(officers) / PACING)), "--run-time", f"{seconds}s",
        "--stop-timeout", str(PATIENCE), "--loglevel", "ERROR", "--only-summary",
    ]  # fmt: skip
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "BENCH_LOAD": str(plan)},
        capture_output=True,
        text=True,
        timeout=seconds + PATIENCE + 60,
    )
    found = plan.with_suffix(".report")
    assert found.exists(), done.stderr[-2000:]
    return json.loads(found.read_text())


def lost(told: dict, officers: list[dict[str, Any]]) -> list[str]:
    """What the database holds otherwise than the officers were told; a row's version counts its saves."""
    last: dict[tuple[int, int], tuple[int, str]] = {}
    counted: dict[tuple[int, int], int] = {}
    for unit, indicator, version, value in told["saves"]:
        counted[unit, indicator] = counted.get((unit, indicator), 0) + 1
        last[unit, indicator] = max(last.get((unit, indicator), (0, "")), (version, value))
    units = [officer["unit"] for officer in officers]
    stored = {
        (unit, indicator): (version, value)
        for unit, indicator, version, value in Entry.objects.filter(unit__in=units).values_list(
            "unit_id", "indicator_id", "version", "value"
        )
    }
    wrong = [f"{key}: stored, but nobody was told so" for key in stored.keys() - last.keys()]
    for key, (version, value) in last.items():
        if key not in stored:
            wrong.append(f"{key}: saved version {version}, not stored")
        elif stored[key] != (version, parse_number(value)) or version != counted[key]:
            wrong.append(f"{key}: told {counted[key]} times, last version {version} ({value}), stored {stored[key]}")
    return wrong


def p95(times: list[float]) -> float:
    return quantiles(times, n=20)[-1]


def measure(report: Report, world: World, folder: Path, quick: bool) -> None:
    officers = worlds.hire_officers(world)
    seconds = 15 if quick else 60
    with Gunicorn(folder, workers=2) as server:
        # Both workers have to be warm: their first request imports every view.
        alone = run(folder, "warm", server.address, officers[:1], ALONE, 5)
        Entry.objects.filter(unit=officers[0]["unit"]).delete()
        alone = run(folder, "alone", server.address, officers[:1], ALONE, max(15, seconds // 3))
        Entry.objects.filter(unit=officers[0]["unit"]).delete()
        told = run(folder, "together", server.address, officers, PACING, seconds)
    wrong = lost(told, officers)
    saves, failures = len(told["saves"]), told["failures"] + alone["failures"]
    what = f"{len(officers)} officers, a row every {PACING:g} s for {seconds} s: {saves} saves"
    report.holds("G12", f"{what}; errors", str(len(failures)), "0", not failures)
    report.holds("G12", "answers the database doesn't account for", str(len(wrong)), "0", not wrong)
    report.ratio(
        "G12",
        f"p95 of a save, over one officer alone ({len(alone['times'])})",
        p95(told["times"]),
        p95(alone["times"]),
        10,
    )
    report.holds("G12", "saves without an answer", str(len(told["unanswered"])), "0", not told["unanswered"])
    report.notes.append(
        f"G12: the officers ask for {len(officers) / PACING:.0f} saves a second and got {saves / seconds:.0f}. Where "
        "the machine is busy with something else and can't give as many, answers queue and p95 says so."
    )
    report.notes += [f"G12: {text}" for text in (*failures[:3], *wrong[:3])]
