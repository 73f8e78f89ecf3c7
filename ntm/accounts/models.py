"""People who sign in. What they may do lies in `communes.models.Membership`."""

from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

ONE_TIME_PASSWORD_LASTS = timedelta(days=7)


class Digest(models.TextChoices):
    """How often a person's open work is sent to their e-mail address."""

    NEVER = "never", "Không gửi"
    DAILY = "daily", "Mỗi ngày làm việc"
    WEEKLY = "weekly", "Mỗi tuần, vào thứ Hai"


class User(AbstractUser):
    """A person with an account.

    `full_name` is written as in documents ("Nguyễn Văn A"); `post` and `organisation`
    are printed in minutes and lists of attendees. Django's first and last name are not
    used, because Vietnamese names don't split that way. `search_name` is the full name as
    it is searched, without diacritics; whoever changes the name refreshes it. A password
    given for one time holds ONE_TIME_PASSWORD_LASTS from `one_time_password_at`, which is
    emptied when its owner chooses another. `digest_sent_on` is the day the last reminder was
    (being) sent, or there was nothing to remind of (`reports.digest`).
    """

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    full_name = models.CharField("Họ và tên", max_length=100)
    post = models.CharField("Chức vụ", max_length=150, blank=True)
    organisation = models.CharField("Cơ quan", max_length=200, blank=True)
    search_name = models.CharField(max_length=100, blank=True, editable=False)
    must_change_password = models.BooleanField("Phải đổi mật khẩu khi đăng nhập", default=False)
    one_time_password_at = models.DateTimeField(null=True, blank=True, editable=False)
    digest = models.CharField("Nhắc việc qua thư", max_length=10, choices=Digest.choices, default=Digest.NEVER)
    digest_sent_on = models.DateField(null=True, editable=False)

    REQUIRED_FIELDS = ["full_name"]

    class Meta:
        verbose_name = "người dùng"
        verbose_name_plural = "người dùng"
        ordering = ["username"]

    def __str__(self) -> str:
        return self.full_name or self.username

    def get_full_name(self) -> str:
        return self.full_name or self.username

    def get_short_name(self) -> str:
        return self.full_name or self.username

    @property
    def one_time_password_until(self) -> datetime | None:
        """The moment the one-time password stops working; None for a password of one's own."""
        at = self.one_time_password_at
        return at + ONE_TIME_PASSWORD_LASTS if self.must_change_password and at else None

    @property
    def has_expired_password(self) -> bool:
        until = self.one_time_password_until
        return until is not None and until < timezone.now()

    def set_one_time_password(self, password: str) -> None:
        """Take a password that must be changed at the next sign-in; the caller saves."""
        self.set_password(password)
        self.must_change_password = True
        self.one_time_password_at = timezone.now()
