"""One moment of the database for work that asks it many times while others go on writing."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def snapshot() -> Iterator[None]:
    """Answer all queries inside as the database stood at the first of them; also as a decorator, `@snapshot()`.

    For reading only: the sheets of one workbook agree although rows are saved between their queries. Nobody's
    writing waits for it. Inside a transaction that runs already, that one decides what is seen.
    """
    if connection.in_atomic_block:
        yield
        return
    usual = getattr(connection, "transaction_mode", None)  # SQLite's: IMMEDIATE, which would keep writers out
    if usual:
        connection.transaction_mode = "DEFERRED"  # type: ignore[attr-defined]
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    finally:
        if usual:
            connection.transaction_mode = usual  # type: ignore[attr-defined]
