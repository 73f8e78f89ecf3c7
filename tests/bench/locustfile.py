"""Officers who each save a row every so often, for Locust; what they were told goes to a file.

Run by tests/bench/load.py, which sets BENCH_LOAD to a file of officers and pacing; the
report with every save that was answered is written beside it.
"""

import json
import os
import random
from pathlib import Path
from time import monotonic

import gevent
from locust import FastHttpUser, events, task

FILE = Path(os.environ["BENCH_LOAD"])
PLAN = json.loads(FILE.read_text())
TOKEN = "x" * 32  # any secret will do, so long as cookie and header agree

random.seed(2024)
waiting = list(PLAN["officers"])
saves: list[tuple[int, int, int, str]] = []
unanswered: set[tuple[int, int, int]] = set()
failures: list[str] = []
times: list[float] = []


class Officer(FastHttpUser):
    def wait_time(self) -> float:
        """Until the next save is due; at once where the last one's answer took longer than that."""
        self.due += PLAN["pacing"]
        return max(0, self.due - monotonic())

    def on_start(self) -> None:
        self.officer = waiting.pop()
        self.versions = dict.fromkeys(self.officer["indicators"], 0)
        self.turn = 0
        # Locust starts its users once a second, all at one instant; people don't type in step.
        gevent.sleep(random.uniform(0, PLAN["pacing"]))
        self.due = monotonic()

    @task
    def save(self) -> None:
        """Save the next of the officer's rows with a figure it didn't have, naming the version last seen."""
        unit, indicators = self.officer["unit"], self.officer["indicators"]
        indicator = indicators[self.turn % len(indicators)]
        self.turn += 1
        value = f"{self.turn % 97},{1 + self.turn % 7}"
        version = self.versions[indicator]
        asked = (unit, indicator, version + 1)
        unanswered.add(asked)
        with self.client.post(
            f"/units/{unit}/indicators/{indicator}/entry/",
            data={"value": value, "verdict": "not_met", "effective_on": "2024-06-01", "version": str(version)},
            headers={
                "Cookie": f"sessionid={self.officer['session']}; csrftoken={TOKEN}",
                "X-CSRFToken": TOKEN,
                "HX-Request": "true",
            },
            name="save",
            catch_response=True,
        ) as answer:
            if answer.status_code:
                unanswered.discard(asked)
            if answer.status_code == 200 and f'name="version" value="{version + 1}"' in answer.text:
                self.versions[indicator] = version + 1
                saves.append((unit, indicator, version + 1, value))
                answer.success()
            else:
                failures.append(f"{answer.status_code} {answer.text[:200] if answer.text else answer.error}")
                answer.failure(f"{answer.status_code}")


@events.request.add_listener
def note(response_time: float, exception: Exception | None, **kwargs: object) -> None:
    times.append(response_time / 1000)
    if exception is not None and not failures:
        failures.append(repr(exception))


@events.quit.add_listener
def report(**kwargs: object) -> None:
    FILE.with_suffix(".report").write_text(
        json.dumps({"saves": saves, "unanswered": sorted(unanswered), "failures": failures, "times": times})
    )
