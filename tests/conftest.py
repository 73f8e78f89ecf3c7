"""How tests run: on which database, as whom, in which browser, under which guards.

    pytest --db=sqlite|postgres

`db` gives an empty database, `world` (or `cast`) the loaded demonstration; both are rolled
back. `transactional_db`, `live_server` and `django_db(transaction=True)` work on a copy of
their own (see tests/databases.py). `page` is a browser page on the live server. The guards
of tests/guards.py watch every test.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from django.test import Client
    from playwright.sync_api import Browser, Page

    from ntm.accounts.models import User
    from tests.databases import Databases
    from tests.postgres import Server

TODAY = "2024-06-30"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
# Only how long a failing test waits: a busy machine fails none.
BROWSER_TIMEOUT = 60_000
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Properties are drawn the same way every time, and a slow machine fails none of them.
hypothesis.settings.register_profile("ntm", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ntm")

# --- The run: environment, folders, PostgreSQL ---------------------------------------------

folder_key: pytest.StashKey[Path] = pytest.StashKey()
server_key: pytest.StashKey["Server"] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--db", choices=("sqlite", "postgres"), default="sqlite", help="database to test on")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Set the environment before the settings are read.

    The process that starts the run makes the folder and the server; workers inherit their
    addresses through the environment. It names no settings when there are workers: they
    would inherit that too, and read the settings before they get here.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    if worker == "main":
        config.stash[folder_key] = Path(tempfile.mkdtemp(prefix="ntm-tests-"))
        os.environ["NTM_TEST_FOLDER"] = str(config.stash[folder_key])
    folder = Path(os.environ["NTM_TEST_FOLDER"]) / worker
    (folder / "static").mkdir(parents=True)
    if config.getoption("--db") == "sqlite":
        os.environ["DATABASE_URL"] = f"sqlite://{folder}/ntm.sqlite3"
    elif worker == "main":
        from tests.postgres import Server

        config.stash[server_key] = Server(config.stash[folder_key])
        os.environ["DATABASE_URL"] = config.stash[server_key].uri("ntm")
    if worker == "main" and config.getoption("numprocesses", None):
        return
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "ntm.settings",
        "NTM_ENV": "test",
        "NTM_TODAY": TODAY,
        "NTM_VAR": str(folder),
        "MEDIA_ROOT": str(folder / "media"),
    }
    from django.conf import settings

    assert settings.DATABASES  # reads the settings, so that pytest-django sets Django up


def pytest_unconfigure(config: pytest.Config) -> None:
    if server_key in config.stash:
        config.stash[server_key].stop()
    if folder_key in config.stash:
        shutil.rmtree(config.stash[folder_key], ignore_errors=True)


def pytest_report_header(config: pytest.Config) -> str:
    return f"database: {config.getoption('--db')}"


# --- Databases -----------------------------------------------------------------------------


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Keep SQLite's database in a file: threads of a live server can't share one in memory."""
    from django.db import connection

    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(Path(connection.settings_dict["NAME"]).with_name("test.sqlite3"))


@pytest.fixture(scope="session")
def databases(django_db_setup: None, django_db_blocker) -> Iterator["Databases"]:
    """The prepared databases of this worker."""
    from tests.databases import Databases

    with django_db_blocker.unblock():
        prepared = Databases()
        yield prepared
        prepared.drop_world()


@pytest.fixture
def _django_db_helper(request: pytest.FixtureRequest, databases: "Databases", django_db_blocker) -> Iterator[None]:
    """Replace what stands behind pytest-django's `db`, `transactional_db` and `live_server`.

    Rolled-back tests still go through pytest-django's own, which is asked for once the
    connection points to the right database.
    """
    from tests.guards import requests

    marker = request.node.get_closest_marker("django_db")
    commits = bool(marker and marker.kwargs.get("transaction")) or bool(
        {"transactional_db", "live_server"} & set(request.fixturenames)
    )
    with django_db_blocker.unblock():
        template = databases.template(with_world="world" in request.fixturenames)
        if not commits:
            databases.use(template)
            request.getfixturevalue("_django_db_helper")
            yield
            return
        with databases.own_copy(template):
            yield
            requests.wait_until_none()


@pytest.fixture
def world(db: None) -> None:
    """The loaded demonstration: units, criteria sets, accounts, visits, as `manage.py demo` leaves them.

    A test names it, or `cast`, in its signature or through a fixture: it decides which
    database the test starts from, so it can't be asked for later.
    """


@pytest.fixture
def media(request: pytest.FixtureRequest, settings, tmp_path: Path) -> Path:
    """A media folder of this test's own, for counting files; with the demonstration it holds what that stored."""
    folder = tmp_path / "media"
    if "world" in request.fixturenames and Path(settings.MEDIA_ROOT).exists():
        shutil.copytree(settings.MEDIA_ROOT, folder)
    else:
        folder.mkdir()
    settings.MEDIA_ROOT = folder
    return folder


# --- People --------------------------------------------------------------------------------


class Cast:
    """The accounts of the demonstration, by their sign-in name."""

    def __getitem__(self, username: str) -> "User":
        from ntm.accounts.models import User

        return User.objects.get(username=username)

    def __iter__(self) -> Iterator[str]:
        from ntm.accounts.models import User

        return iter(User.objects.order_by("username").values_list("username", flat=True))

    def client(self, username: str) -> "Client":
        """Return a test client signed in as this person."""
        from django.test import Client

        client = Client()
        client.force_login(self[username])
        return client


@pytest.fixture
def cast(world: None) -> Cast:
    """The demonstration's people: `cast["huyen.dongson"]`, `cast.client("huyen.dongson")`."""
    return Cast()


# --- Guards and counting -------------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def _install_guards(django_test_environment: None) -> None:
    from tests import guards

    guards.install()


@pytest.fixture(autouse=True)
def violations(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """What the guards found in this test; anything left in the list at its end fails the test."""
    from tests import guards

    guards.violations.clear()
    guards.writable_on_get.clear()
    for marker in request.node.iter_markers("writes_on_get"):
        guards.writable_on_get.update(marker.args)
    yield guards.violations
    assert not guards.violations, "\n".join(guards.violations)


class Queries(list[str]):
    """The SQL statements counted so far, without those that only steer transactions."""


@pytest.fixture
def count_queries() -> Callable:
    """Count the queries of a block: `with count_queries() as queries: …` then `len(queries)`."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    steering = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")

    @contextmanager
    def count() -> Iterator[Queries]:
        queries = Queries()
        with CaptureQueriesContext(connection) as captured:
            yield queries
        queries.extend(
            query["sql"]
            for query in captured.captured_queries
            if not query["sql"].lstrip().upper().startswith(steering)
        )

    return count


@pytest.fixture
def assert_queries(count_queries: Callable) -> Callable:
    """Require a number of queries: `with assert_queries(7):` or `with assert_queries(at_most=10):`."""

    @contextmanager
    def check(exactly: int | None = None, *, at_most: int | None = None) -> Iterator[Queries]:
        with count_queries() as queries:
            yield queries
        listing = "\n".join(queries)
        if exactly is not None:
            assert len(queries) == exactly, f"{len(queries)} queries instead of {exactly}:\n{listing}"
        if at_most is not None:
            assert len(queries) <= at_most, f"{len(queries)} queries, more than {at_most}:\n{listing}"

    return check


# --- Browser -------------------------------------------------------------------------------


def chromium() -> str:
    """Return the path of the browser: CHROMIUM, or the first one installed."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    assert found, "The browser tests need Chromium: sudo apt-get install chromium"
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """Chromium, started once for a worker.

    Playwright keeps an event loop running in this thread. Django takes that for
    asynchronous code, and looks for its connections in another place than before: those
    opened earlier must be closed, or they would stay open out of anyone's reach.
    """
    from django.db import connections
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=BROWSER_TIMEOUT)
    connections.close_all()
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()
        connections.close_all()


@pytest.fixture
def open_page(browser: "Browser", live_server, violations: list[str]) -> Iterator[Callable[..., "Page"]]:
    """Open pages on the live server, each in a browser session of its own.

    `open_page(username=None, width=1366, height=768, **options)` signs the person in and
    passes further options to the browser's context. Script errors and breaches of the
    content security policy fail the test.
    """
    contexts = []

    def open_one(username: str | None = None, width: int = 1366, height: int = 768, **options) -> "Page":
        context = browser.new_context(
            base_url=live_server.url,
            locale="vi-VN",
            timezone_id="Asia/Ho_Chi_Minh",
            viewport={"width": width, "height": height},
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(BROWSER_TIMEOUT)
        if username:
            context.add_cookies(
                [
                    {"name": name, "value": cookie.value, "url": live_server.url}
                    for name, cookie in Cast().client(username).cookies.items()
                ]
            )
        page = context.new_page()
        page.on("pageerror", lambda error: violations.append(f"script error on {page.url}: {error}"))
        page.on("console", lambda message: note_breach(message.text))
        return page

    def note_breach(text: str) -> None:
        if "Content Security Policy" in text:
            violations.append(text)

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page: Callable[..., "Page"]) -> "Page":
    """A page nobody is signed in on, the size of an office screen."""
    return open_page()
