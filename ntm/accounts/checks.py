"""System checks on accounts, run by `migrate` and `check --database default`."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.db import DatabaseError

MOST = 20  # a check of one password takes about as long as a sign-in


def demonstration_accounts(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Report production accounts still on the demonstration's printed password.

    Signing in with it is refused anyway; but such an account shows that the demonstration
    was loaded into a real database. The oldest accounts are looked at, superusers first.
    """
    from ntm.accounts.models import User

    if not settings.PRODUCTION or not databases or "default" not in databases:
        return []
    try:
        people = list(User.objects.filter(is_active=True).order_by("-is_superuser", "-is_staff", "pk")[:MOST])
    except DatabaseError:
        return []  # not migrated yet: there are no accounts
    found = [person.username for person in people if person.check_password(settings.DEMONSTRATION_PASSWORD)]
    if not found:
        return []
    return [
        Error(
            f"Accounts use the demonstration's password: {', '.join(found)}.",
            hint="Never load the demonstration into a production database; start from an empty one.",
            id="accounts.E001",
        )
    ]
