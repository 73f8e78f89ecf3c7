"""How a name and a password become a person."""

from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from ntm.accounts.models import User


class PasswordBackend(ModelBackend):
    """Django's own, except that production never takes the demonstration's printed password.

    Unknown names and inactive accounts get the same answer as a wrong password, after
    the same hashing.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        user = super().authenticate(request, username=username, password=password, **kwargs)
        if settings.PRODUCTION and password == settings.DEMONSTRATION_PASSWORD:
            return None
        return user
