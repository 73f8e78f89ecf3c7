"""Check the units and their history for what no database constraint holds."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from communes.checks import problems


class Command(BaseCommand):
    help = "Kiểm tra đơn vị hành chính và lịch sử của chúng; có vấn đề thì liệt kê và trả mã lỗi 1."

    def handle(self, *args: Any, **options: Any) -> None:
        found = problems()
        for line in found:
            self.stdout.write(line)
        if found:
            self.stderr.write(f"{len(found)} vấn đề.")
            sys.exit(1)
        if options["verbosity"]:
            self.stdout.write("Không có vấn đề nào.")
