"""allauth's hooks: closed to strangers, locked after wrong passwords, written down.

Who signs in or out, who fails, and who changes a password goes to the log `ntm.audit`,
never with a password.
"""

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.internal.ratelimit import truncate_ip
from django.contrib.auth import authenticate
from django.core.exceptions import ImproperlyConfigured, SuspiciousOperation, ValidationError
from django.http import HttpRequest

from ntm.accounts.lockout import Attempt, LockedOut
from ntm.accounts.models import User

audit = logging.getLogger("ntm.audit")


def waiting_time(seconds: int) -> str:
    """How long to wait, in words, rounded up: "15 phút", "1 giờ 5 phút"."""
    minutes = -(-seconds // 60)
    hours, minutes = divmod(minutes, 60)
    return " ".join(part for part in (f"{hours} giờ" if hours else "", f"{minutes} phút" if minutes else "") if part)


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": "Tên đăng nhập hoặc mật khẩu không đúng.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address the outermost trusted proxy saw; what a client claims beyond it counts for nothing.

        Raises SuspiciousOperation (400) for a request that came around the proxies.
        """
        try:
            return super().get_client_ip(request)
        except ImproperlyConfigured:
            raise SuspiciousOperation("X-Forwarded-For names fewer addresses than TRUSTED_PROXIES.") from None

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Check a name and a password, at sign-in and when asked for it again.

        Raises ValidationError saying how long to wait once too many were wrong.
        """
        name = credentials.get("username", "")
        address = self.get_client_ip(request)
        try:
            # A whole IPv6 network is one address: a client has billions of them.
            attempt = Attempt(name, truncate_ip(address))
        except LockedOut as locked:
            audit.warning("sign-in locked out", extra={"username": name, "address": address, "wait": locked.seconds})
            raise ValidationError(
                f"Nhập sai mật khẩu quá nhiều lần. Hãy thử lại sau {waiting_time(locked.seconds)}.", code="locked_out"
            ) from None
        user = authenticate(request, username=name, password=credentials.get("password"))
        if user is None:
            audit.warning("sign-in failed", extra={"username": name, "address": address})
            return None
        attempt.forget()
        if isinstance(user, User) and user.has_expired_password:
            audit.warning("one-time password expired", extra={"username": name, "address": address})
            raise ValidationError(
                "Mật khẩu dùng một lần đã hết hạn. Liên hệ người đã cấp để được cấp mật khẩu mới.", code="expired"
            )
        return user

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        audit.info("signed in", extra={"username": user.username, "address": self.get_client_ip(request)})

    def logout(self, request: HttpRequest) -> None:
        username = request.user.get_username()
        super().logout(request)
        audit.info("signed out", extra={"username": username, "address": self.get_client_ip(request)})

    def set_password(self, user: User, password: str) -> None:
        """Store a password its owner chose; sessions elsewhere end, because their hash no longer fits."""
        user.set_password(password)
        user.must_change_password = False
        user.one_time_password_at = None
        user.save(update_fields=["password", "must_change_password", "one_time_password_at"])
        audit.info("password changed", extra={"username": user.username, "address": self.get_client_ip(self.request)})

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return "/"
