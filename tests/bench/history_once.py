"""One import of 10,000 opinions and nothing else, for its peak memory."""

import json
from pathlib import Path

import django

django.setup()

from tests.bench.history import prepare, run, table, undone  # noqa: E402 - the models need the set-up

with undone():
    run(prepare(*table()))
# Not getrusage: its peak is also that of the process this one was started from.
status = Path("/proc/self/status").read_text()
print(json.dumps({"peak": int(status.split("VmHWM:")[1].split()[0]) / 1024}))
