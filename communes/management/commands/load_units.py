"""Load the country's units as they were listed on a day."""

from argparse import ArgumentTypeError
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from communes.loading import Malformed, NotLoadable, Report, load


def iso_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"“{text}” không phải là ngày dạng 2025-07-01") from error


class Command(BaseCommand):
    help = "Nạp danh mục đơn vị hành chính có hiệu lực vào một ngày; chạy lại không làm thay đổi gì thêm."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--date", type=iso_day, required=True, help="Ngày của danh mục, dạng 2025-07-01.")
        parser.add_argument("--province", nargs="+", metavar="CODE", help="Chỉ các tỉnh có mã này.")
        parser.add_argument("--history", action="store_true", help="Nạp cả các danh mục trước đó, từ cũ nhất.")
        parser.add_argument("--file", type=Path, help="Danh mục mới hơn (CSV) có hiệu lực vào ngày đã nêu.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = load(options["date"], options["province"], history=options["history"], file=options["file"])
        except Malformed as error:
            shown = error.problems[:50]
            more = [f"… và {len(error.problems) - 50} lỗi nữa"] if len(error.problems) > 50 else []
            raise CommandError("Không nạp gì, vì tệp có lỗi:\n" + "\n".join(shown + more)) from error
        except NotLoadable as error:
            raise CommandError(str(error)) from error
        if options["verbosity"]:
            self.stdout.write("\n".join(described(report)))


def described(report: Report) -> list[str]:
    """The lines that tell what loading came to."""
    head = f"Danh mục ngày {report.valid_on:%d/%m/%Y}, {report.rows} xã, phường, thị trấn, đặc khu"
    if report.is_unchanged:
        return [f"{head}: không có thay đổi.", *report.notes]
    opened = report.opened
    changes = (
        f"{head}: thêm {opened['province']} tỉnh, {opened['district']} huyện, {opened['commune']} xã; "
        f"thay đổi {report.changed} đơn vị; kết thúc {report.closed}; {report.successions} liên kết kế thừa."
    )
    lines = [changes]
    if report.lost:
        lines.append(f"Không rõ nhập vào đâu ({len(report.lost)}): {', '.join(report.lost)}.")
    return [*lines, *report.notes]
