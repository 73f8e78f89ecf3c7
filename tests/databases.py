"""Which database a test works on, and how it comes by it cheaply.

Every worker has two prepared databases: `empty` (migrated, no rows) and `world` (the
demonstration loaded once, when the first test asks for it). A test uses one of them
inside a transaction that is rolled back. A test that needs real commits, several
connections or a server (`transactional_db`, `live_server`, `django_db(transaction=True)`)
gets a copy of its own, made by the database (a file copied, CREATE DATABASE … TEMPLATE)
and dropped afterwards: nothing is flushed, nothing leaks, and the world is never loaded
twice.

Changing `settings_dict` in place redirects every thread: Django's connection objects all
share that one dictionary.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management import call_command
from django.db import connection, connections


class Databases:
    """The prepared databases of this worker. `empty` is the one Django has just created."""

    def __init__(self) -> None:
        self.empty: str = str(connection.settings_dict["NAME"])
        self.world: str | None = None
        self._copies = 0
        # A server thread must not hold on to a copy that is about to be dropped.
        connection.settings_dict["CONN_MAX_AGE"] = 0

    def template(self, with_world: bool) -> str:
        """Return the name of the database to start from, loading the world on first use."""
        if not with_world:
            return self.empty
        if self.world is None:
            name = self._copy(self.empty, "world")
            self.use(name)
            try:
                call_command("demo", verbosity=0)
            except BaseException:
                self.use(self.empty)
                self._drop(name)
                raise
            self.world = name
        return self.world

    def use(self, name: str) -> None:
        """Make every connection opened from now on, in any thread, go to this database."""
        if connection.settings_dict["NAME"] != name:
            connections.close_all()
            connection.settings_dict["NAME"] = name

    @contextmanager
    def own_copy(self, template: str) -> Iterator[None]:
        """Work on a fresh copy of `template`, which is dropped at the end."""
        self._copies += 1
        name = self._copy(template, f"copy{self._copies}")
        self.use(name)
        try:
            yield
        finally:
            self.use(self.empty)
            self._drop(name)

    def drop_world(self) -> None:
        self.use(self.empty)
        if self.world is not None:
            self._drop(self.world)

    def _copy(self, template: str, suffix: str) -> str:
        connections.close_all()
        if connection.vendor == "sqlite":
            # Closing the last connection has written the write-ahead log back.
            name = str(Path(self.empty).with_suffix(f".{suffix}.sqlite3"))
            shutil.copyfile(template, name)
            return name
        name = f"{self.empty}_{suffix}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def _drop(self, name: str) -> None:
        if connection.vendor == "sqlite":
            for leftover in (name, f"{name}-wal", f"{name}-shm"):
                Path(leftover).unlink(missing_ok=True)
        else:
            self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        with connection._nodb_cursor() as cursor:
            cursor.execute(statement)
