"""Tables of past years: 10,000 opinions read, checked and applied, beside the least that could be done.

The least: the bare cells by calamine, and the same rows by COPY into the table of revisions with
all its indexes and constraints. Both into PostgreSQL, in turn, each undone by a rollback.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from io import BytesIO
from time import perf_counter
from typing import Any

from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.db import connection, transaction

from communes.models import Level, Unit
from criteria import uploads
from criteria.exchange import history
from criteria.exchange.matrix_reading import SetColumns
from criteria.models import CriteriaSet, Revision, Upload
from ntm.management.commands.demo import STANDARD, THANH_HOA
from tests.bench import raw
from tests.bench.server import ROOT
from tests.bench.table import Report, in_turn

OPINIONS, MEMORY, ROUNDS = 10_000, 200, 5
DAY = date(2022, 12, 31)
MARKS = ("x", "Đ", "CĐ", "cơ bản đạt", "đạt")


class Undone(Exception):
    """Ends a transaction without keeping it."""


@contextmanager
def undone() -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
            raise Undone
    except Undone:
        pass


def table() -> tuple[Unit, bytes]:
    """The province, and a table of its communes by 19 criteria of at least 10,000 marks."""
    province = Unit.objects.get(level=Level.PROVINCE, code=THANH_HOA)
    communes = Unit.objects.within(province).filter(level=Level.COMMUNE).existing(DAY).exclude(code="")
    rows: list[list[Any]] = [["TT", "Mã xã", "Tên xã", *range(1, 20)]]
    for place, (code, name) in enumerate(communes.order_by("pk").values_list("code", "name")[: OPINIONS // 19 + 5]):
        rows.append([place + 1, code, name, *(MARKS[(place + n) % len(MARKS)] for n in range(19))])
    return province, raw.workbook([rows])


def prepare(province: Unit, content: bytes) -> Upload:
    """The table with all questions about it answered, ready to be checked."""
    upload = uploads.take(
        Upload.Kind.HISTORY,
        ContentFile(content, "Tong hop.xlsx"),
        by=get_user_model().objects.get(username="dieuphoi.thanhhoa"),
        unit=province,
        criteria_set=CriteriaSet.objects.get(code=STANDARD),
        options={"stage": "province", "day": DAY.isoformat(), "note": "Báo cáo", "clash": "keep", "figures": "only"},
        begin=False,
    )
    history.choose(upload, sheet=0)
    top, last = history.Table.of(upload).guess_headings()
    history.choose(upload, top=top, last=last)
    roles, ways, _ = history.Table.of(upload).guess_columns()
    history.choose(upload, roles={str(column): role for column, role in roles.items()}, ways=ways)
    found = history.Table.of(upload)
    history.choose(upload, marks=found.guess_marks(found.count_marks()))
    return upload


def run(upload: Upload) -> Upload:
    """Read and check it, then confirm it: what a person waits for."""
    uploads.begin(upload, Upload.State.SETUP)
    uploads.check(upload)
    return uploads.apply(upload, upload.fingerprint, by=upload.uploaded_by)


def measure(report: Report) -> None:
    province, content = table()
    criteria_set = CriteriaSet.objects.get(code=STANDARD)
    roles = {f"c{pk}" for pk in criteria_set.criteria.values_list("pk", flat=True)}
    history.make_carriers(criteria_set, roles, history.carrier_ids(criteria_set, SetColumns(criteria_set, DAY)))
    with undone():
        upload = prepare(province, content)
        applied = run(upload).result["new"]
        rows = [row[1:] for row in Revision.objects.filter(source_ref=str(upload.pk)).values_list()]
    columns = ", ".join(f'"{field.column}"' for field in Revision._meta.concrete_fields[1:])

    def ours() -> float:
        with undone():
            waiting = prepare(province, content)
            started = perf_counter()
            run(waiting)
            return perf_counter() - started

    def least() -> float:
        import python_calamine

        with undone():
            started = perf_counter()
            python_calamine.load_workbook(BytesIO(content)).get_sheet_by_index(0).to_python()
            with connection.cursor() as cursor:
                with cursor.copy(f"COPY {Revision._meta.db_table} ({columns}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # as a commit would
            return perf_counter() - started

    what = f"{applied} opinions of an old table read, checked, applied; over calamine + COPY of the rows"
    report.ratio("Old tables", what, *in_turn(ours, least, ROUNDS), 10)
    peak = own_process()
    report.holds(
        "Old tables", "peak memory of that in its own process", f"{peak:.0f} MB", f"<= {MEMORY} MB", peak <= MEMORY
    )


def own_process() -> float:
    """The peak memory, in MB, of a process that does nothing but the import."""
    command = [sys.executable, "-m", "tests.bench.history_once"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ.copy(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])["peak"]
