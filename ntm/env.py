"""Typed readers of environment variables.

A setting that is missing or malformed stops the process at start with the variable's
name and what it should look like, so that nothing runs on a guess.
"""

import os
from datetime import date
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


def text(name: str, default: str | None = None) -> str:
    """Return the variable's text; without it the default, or ImproperlyConfigured."""
    value = os.environ.get(name, "").strip()
    if value:
        return value
    if default is None:
        raise ImproperlyConfigured(f"{name} must be set.")
    return default


def flag(name: str, default: bool = False) -> bool:
    """Return a yes/no variable; anything but 1/0, true/false, yes/no, on/off is refused."""
    value = os.environ.get(name, "").strip().lower()
    if not value:
        return default
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise ImproperlyConfigured(f"{name}={value!r} is neither true nor false: use 1 or 0.")


def integer(name: str, default: int, *, minimum: int = 0) -> int:
    """Return a whole number of at least `minimum`."""
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={value!r} is not a whole number.") from None
    if number < minimum:
        raise ImproperlyConfigured(f"{name}={number} is below {minimum}.")
    return number


def day(name: str) -> date | None:
    """Return a date written YYYY-MM-DD, or None when the variable is not set."""
    value = os.environ.get(name, "").strip()
    if not value:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={value!r} is not a date: use YYYY-MM-DD.") from None


def choice(name: str, choices: tuple[str, ...], default: str) -> str:
    """Return one of `choices`."""
    value = os.environ.get(name, "").strip() or default
    if value not in choices:
        raise ImproperlyConfigured(f"{name}={value!r} must be one of {', '.join(choices)}.")
    return value


def words(name: str) -> list[str]:
    """Return a comma-separated list without blanks."""
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


def folder(name: str, default: Path) -> Path:
    """Return a folder's absolute path."""
    value = os.environ.get(name, "").strip()
    path = Path(value) if value else default
    if not path.is_absolute():
        raise ImproperlyConfigured(f"{name}={value!r} must be an absolute path.")
    return path


class MailServer(NamedTuple):
    """A mail server as Django's EMAIL_* settings want it."""

    host: str
    port: int
    user: str
    password: str
    use_ssl: bool
    use_tls: bool


def mail(name: str) -> MailServer | None:
    """Return the server of smtp://user:password@host:port (STARTTLS where it ends in ?tls=start) or
    smtps://…; None where the variable is unset. Raises ImproperlyConfigured for anything else."""
    url = os.environ.get(name, "").strip()
    if not url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:  # the address holds a password: only what is wrong with it is told
        raise ImproperlyConfigured(f"{name} is not an address: {str(error).split(' as ')[0]}.") from None
    query = dict(parse_qsl(parts.query))
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or query not in ({}, {"tls": "start"}):
        raise ImproperlyConfigured(f"{name}: use smtp://user:password@host:port?tls=start or smtps://….")
    ssl = parts.scheme == "smtps"
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return MailServer(parts.hostname, port or (465 if ssl else 25), user, password, ssl, bool(query))


def database(name: str, default: str) -> dict:
    """Return Django's DATABASES entry for sqlite:///path or postgres(ql)://user:pass@host:port/name.

    SQLite runs in WAL mode with IMMEDIATE transactions and a busy timeout, so that two
    writers queue instead of failing. A PostgreSQL address may name a socket folder with
    ?host=/path. Raises ImproperlyConfigured for anything else.
    """
    url = os.environ.get(name, "").strip() or default
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:  # a bad port, or a bracket without its pair; the address holds the password
        raise ImproperlyConfigured(f"{name} is not an address: {str(error).split(' as ')[0]}.") from None
    if parts.scheme == "sqlite":
        path = unquote(parts.path)
        if not path or path == "/":
            raise ImproperlyConfigured(f"{name}: sqlite needs a path, sqlite:////folder/file.sqlite3.")
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": path,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
            },
        }
    if parts.scheme in {"postgres", "postgresql"}:
        query = dict(parse_qsl(parts.query))
        database_name = unquote(parts.path.lstrip("/"))
        if not database_name:
            raise ImproperlyConfigured(f"{name}: the address names no database.")
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": database_name,
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": query.pop("host", "") or (parts.hostname or ""),
            "PORT": str(port or ""),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": query,
        }
    raise ImproperlyConfigured(f"{name}: use sqlite:////path or postgresql://user:password@host/name.")
