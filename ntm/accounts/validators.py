"""Rules for new passwords beyond Django's own."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError


class NotDemonstrationPassword:
    """Refuse the password printed in the README."""

    def validate(self, password: str, user: Any = None) -> None:
        if password.strip().lower() == settings.DEMONSTRATION_PASSWORD:
            raise ValidationError("Đây là mật khẩu minh họa, ai cũng biết; hãy chọn mật khẩu khác.")

    def get_help_text(self) -> str:
        return "Không dùng mật khẩu minh họa."
