"""manage.py send_digests: remind people of their open work; run every morning."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ntm.clock import today
from reports.digest import enqueue


class Command(BaseCommand):
    help = "Đưa thư nhắc việc của hôm nay vào hàng đợi; manage.py db_worker gửi đi."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.MAIL:
            raise CommandError("Chưa cấu hình máy chủ thư: đặt EMAIL_URL (xem README).")
        self.stdout.write(f"{enqueue(today())} thư nhắc việc trong hàng đợi.")
