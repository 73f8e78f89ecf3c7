"""Faults that a passing test would hide, turned into failures.

An undefined template variable prints nothing, and a write during GET happens on every
visit of a search engine or a prefetching browser. Both are recorded where they occur,
also in the threads of a live server, and fail the test they occurred in.
"""

import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.db import connections
from django.http import HttpRequest, HttpResponseBase
from django.template import engines

WRITE = re.compile(r'\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|REPLACE\s+INTO|TRUNCATE)\s+"?(\w+)', re.IGNORECASE)

violations: list[str] = []
writable_on_get: set[str] = set()


class UndefinedVariable(str):
    """Stands for `string_if_invalid`; Django asks it to format itself with the name.

    Templates of Django and of packages rely on undefined variables being empty: only
    those in our own `templates/` are held to account.
    """

    __slots__ = ()

    def __mod__(self, variable: object) -> str:
        template = rendering_template()
        if template is None or not Path(template).is_relative_to(settings.BASE_DIR / "templates"):
            return ""
        violations.append(f"{template}: undefined template variable {variable}")
        raise AssertionError(violations[-1])


def rendering_template() -> str | None:
    """Return the file of the template node being rendered right now."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "render_annotated":
            return getattr(getattr(frame.f_locals.get("self"), "origin", None), "name", None)
        frame = frame.f_back
    return None


def refuse_write(execute: Callable, statement: str, params: Any, many: bool, context: dict) -> Any:
    """Let a statement through unless it changes a table that GET may not change."""
    write = WRITE.match(statement)
    if write and write.group(1) not in writable_on_get | {"django_session", settings.CACHES["default"]["LOCATION"]}:
        violations.append(f"write during GET: {statement[:200]}")
        raise AssertionError(violations[-1])
    return execute(statement, params, many, context)


class Requests:
    """Counts the requests being answered, in whatever thread."""

    def __init__(self) -> None:
        self._running = 0
        self._changed = threading.Condition()

    @contextmanager
    def running(self) -> Iterator[None]:
        with self._changed:
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def wait_until_none(self, seconds: float = 10) -> None:
        """Wait for the last answer; a thread left over would use the next test's database."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._running == 0, seconds):
                raise AssertionError(f"A request is still being answered after {seconds} s.")


requests = Requests()
_get_response = BaseHandler.get_response


def guarded_get_response(handler: BaseHandler, request: HttpRequest) -> HttpResponseBase:
    """Answer a request of the test client or the live server under the guard."""
    with requests.running(), ExitStack() as stack:
        if request.method in {"GET", "HEAD"}:
            for connection in connections.all():
                stack.enter_context(connection.execute_wrapper(refuse_write))
        return _get_response(handler, request)


def install() -> None:
    """Put the guards in place for the whole run."""
    engines["django"].engine.string_if_invalid = UndefinedVariable("%s")
    BaseHandler.get_response = guarded_get_response
