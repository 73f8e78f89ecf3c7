"""What happens before the first request: what a worker loads, what the settings refuse.

Each case is a process of its own, because settings are read once.
"""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ImproperlyConfigured, ValidationError

from ntm import env
from ntm.accounts.models import User

ROOT = Path(__file__).resolve().parent.parent
HEAVY = (
    "PIL", "docx", "docxtpl", "filetype", "jinja2", "lxml", "markdown", "matplotlib", "numpy", "openpyxl", "pandas",
    "weasyprint", "xlsxwriter",
)  # fmt: skip
PRODUCTION = {
    "NTM_ENV": "production",
    "SECRET_KEY": "x7Kq9-" * 12,
    "ALLOWED_HOSTS": "ntm.example",
    "DATABASE_URL": "postgresql://ntm:secret@db.example/ntm",
}


def start(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new process that has only the environment given."""
    system = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=system | {"NTM_VAR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def refusal(folder: Path, **changes: str) -> str:
    """Return the last line a production process prints when it won't start with these changes."""
    environment = {name: value for name, value in (PRODUCTION | changes).items() if value}
    process = start("import ntm.settings", folder, **environment)
    assert process.returncode != 0, "the settings were accepted"
    return process.stderr.strip().splitlines()[-1]


def test_a_worker_starts_without_the_heavy_libraries(tmp_path: Path) -> None:
    """Every URL's view is imported too, as the first request would do (PERFORMANCE: G11)."""
    (tmp_path / "static").mkdir()
    code = (
        "import sys, ntm.wsgi\n"
        "from django.urls import get_resolver\n"
        "assert get_resolver().url_patterns\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    process = start(code, tmp_path, **PRODUCTION)
    assert process.returncode == 0, process.stderr
    assert process.stdout.strip() == "[]"


def test_production_starts_with_what_it_needs(tmp_path: Path) -> None:
    process = start(
        "import ntm.settings as s; print(s.DEBUG, s.NTM_TODAY, s.SESSION_COOKIE_SECURE)", tmp_path, **PRODUCTION
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.split() == ["False", "None", "True"]


def test_production_is_what_runs_unless_said_otherwise(tmp_path: Path) -> None:
    assert "SECRET_KEY must be set" in refusal(tmp_path, NTM_ENV="", SECRET_KEY="")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"DEBUG": "1"}, "DEBUG is refused in production"),
        ({"NTM_TODAY": "2024-06-30"}, "NTM_TODAY is refused in production"),
        ({"SECRET_KEY": ""}, "SECRET_KEY must be set"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY must be a random text"),
        ({"SECRET_KEY": "demonstration-key-that-guards-nothing-and-is-refused-in-production"}, "SECRET_KEY must be"),
        ({"SECRET_KEY": "abcd" * 20}, "SECRET_KEY must be a random text"),
        ({"SECRET_KEY": "django-insecure-" + "x7Kq9-" * 12}, "SECRET_KEY must be a random text"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS must list"),
        ({"ALLOWED_HOSTS": "ntm.example,*"}, "ALLOWED_HOSTS must list"),
        ({"DATABASE_URL": "postgresql://ntm:secret@db.example:port/ntm"}, "ImproperlyConfigured: DATABASE_URL"),
        ({"NTM_ENV": "prod"}, "NTM_ENV='prod' must be one of"),
        ({"DEBUG": "perhaps"}, "DEBUG='perhaps' is neither true nor false"),
        ({"SESSION_HOURS": "eight"}, "SESSION_HOURS='eight' is not a whole number"),
        ({"SESSION_HOURS": "0"}, "SESSION_HOURS=0 is below 1"),
        ({"DATABASE_URL": "mysql://db/ntm"}, "DATABASE_URL: use sqlite"),
        ({"MEDIA_ROOT": "relative/folder"}, "must be an absolute path"),
    ],
)
def test_production_refuses(changes: dict[str, str], message: str, tmp_path: Path) -> None:
    assert message in refusal(tmp_path, **changes)


@pytest.mark.parametrize("production", [True, False])
def test_production_takes_no_demonstration_password(db: None, settings, production: bool) -> None:
    """Neither for signing in, should the demonstration have been loaded, nor as a new password."""
    settings.PRODUCTION = production
    person = User.objects.create_user(username="someone", password=settings.DEMONSTRATION_PASSWORD, full_name="Ai đó")
    signed_in = authenticate(username="someone", password=settings.DEMONSTRATION_PASSWORD)
    assert signed_in == (None if production else person)
    with pytest.raises(ValidationError):
        validate_password(settings.DEMONSTRATION_PASSWORD)


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (lambda: env.flag("X"), "Yes", True),
        (lambda: env.flag("X", True), "off", False),
        (lambda: env.flag("X", True), "", True),
        (lambda: env.integer("X", 3), " 12 ", 12),
        (lambda: env.integer("X", 3), "", 3),
        (lambda: env.day("X"), "2024-06-30", date(2024, 6, 30)),
        (lambda: env.day("X"), "", None),
        (lambda: env.words("X"), "a, b,,c ", ["a", "b", "c"]),
        (lambda: env.text("X", "fallback"), "  ", "fallback"),
    ],
)
def test_a_reader_returns_its_type(read, value: str, expected: object, monkeypatch) -> None:
    monkeypatch.setenv("X", value)
    assert read() == expected


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda: env.text("X"), ""),
        (lambda: env.flag("X"), "2"),
        (lambda: env.integer("X", 1), "1.5"),
        (lambda: env.day("X"), "30/06/2024"),
        (lambda: env.day("X"), "2024-02-30"),
        (lambda: env.choice("X", ("a", "b"), "a"), "c"),
        (lambda: env.folder("X", Path("/")), "here"),
        (lambda: env.database("X", ""), "sqlite://"),
        (lambda: env.database("X", ""), "postgresql://host/"),
        (lambda: env.database("X", ""), "ntm.sqlite3"),
        (lambda: env.database("X", ""), "postgresql://u:p@host:abc/ntm"),
        (lambda: env.database("X", ""), "postgresql://u:p@host:99999/ntm"),
        (lambda: env.database("X", ""), "postgresql://u:p@[::1/ntm"),
    ],
)
def test_a_reader_fails_loudly_and_names_the_variable(read, value: str, monkeypatch) -> None:
    monkeypatch.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match="X"):
        read()


@pytest.mark.parametrize("host", ["host:sec/ret", "host:99999", "[::1"])
def test_a_bad_address_does_not_tell_its_password(host: str, monkeypatch) -> None:
    monkeypatch.setenv("X", f"postgresql://ntm:p@ss-word@{host}/ntm")
    with pytest.raises(ImproperlyConfigured) as refused:
        env.database("X", "")
    assert "ss-word" not in str(refused.value)


def test_a_socket_folder_may_stand_in_the_address(monkeypatch) -> None:
    monkeypatch.setenv("X", "postgresql://ntm:p%40ss@/ntm?host=/run/postgresql")
    database = env.database("X", "")
    assert database["HOST"] == "/run/postgresql"
    assert database["PASSWORD"] == "p@ss"
    assert database["NAME"] == "ntm"


@pytest.mark.parametrize(
    ("address", "server"),
    [
        ("", None),
        ("smtp://mail.example", ("mail.example", 25, "", "", False, False)),
        ("smtp://ntm:a%40b@mail.example:587?tls=start", ("mail.example", 587, "ntm", "a@b", False, True)),
        ("smtps://ntm:x@mail.example", ("mail.example", 465, "ntm", "x", True, False)),
    ],
)
def test_mail_servers(monkeypatch: pytest.MonkeyPatch, address: str, server: tuple | None) -> None:
    monkeypatch.setenv("EMAIL_URL", address)
    assert env.mail("EMAIL_URL") == server


@pytest.mark.parametrize("address", ["mail.example", "http://mail.example", "smtp://x:bad", "smtp://m?tls=maybe"])
def test_what_is_no_mail_server(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("EMAIL_URL", address)
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL"):
        env.mail("EMAIL_URL")


def test_reminders_need_an_address_to_link_to(tmp_path: Path) -> None:
    assert "SITE_URL" in refusal(tmp_path, EMAIL_URL="smtp://mail.example")
