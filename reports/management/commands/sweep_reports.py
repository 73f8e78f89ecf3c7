"""manage.py sweep_reports: remove reports kept for 30 days, take up those left unfinished; run daily."""

from typing import Any

from django.core.management.base import BaseCommand

from reports.jobs import sweep, take_up_expired


class Command(BaseCommand):
    help = "Remove reports built in the background 30 days after they were asked for; queue unfinished ones again."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{sweep()} reports removed, {take_up_expired()} waiting or being built")
