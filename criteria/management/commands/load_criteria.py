"""Load criteria sets, their targets and the departments that usually answer for them."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from criteria.loading import Malformed, Summary, load, read_departments, read_sets

FIXTURES = settings.BASE_DIR / "fixtures"


class Command(BaseCommand):
    help = "Nạp các bộ tiêu chí từ tệp JSON; chạy lại nhiều lần không làm thay đổi gì thêm."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="*", type=Path, default=[FIXTURES / "criteria"], metavar="PATH")
        parser.add_argument("--departments", type=Path, default=FIXTURES / "departments.json", metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            sets = read_sets(options["paths"])
            departments = read_departments(options["departments"])
        except Malformed as error:
            raise CommandError("Không nạp gì, vì tệp có lỗi:\n" + "\n".join(error.problems)) from error
        summaries = load(sets, departments)
        if options["verbosity"]:
            for summary in summaries:
                self.stdout.write("\n".join(described(summary)))


def described(summary: Summary) -> list[str]:
    """The lines that tell what loading a set came to."""
    official = summary.criteria_set.official_indicators
    counted = f"{summary.indicators} chỉ tiêu" if official is None else f"{summary.indicators}/{official} chỉ tiêu"
    parts = f" (và {summary.parts} phần)" if summary.parts else ""
    incomplete = f"; chưa đủ chỉ tiêu: {summary.placeholders} tiêu chí" if summary.placeholders else ""
    changes = (
        f"thêm {summary.added} dòng, sửa {summary.changed} dòng"
        if summary.added or summary.changed
        else "không có thay đổi"
    )
    line = (
        f"{summary.criteria_set.code}: {summary.criteria} tiêu chí, {counted}{parts}{incomplete}; "
        f"yêu cầu: {summary.verified} đã đối chiếu, {summary.recalled} chưa đối chiếu, "
        f"{summary.without_target} chỉ tiêu chưa quy định mức; {changes}."
    )
    return [line, *(f"  {note}" for note in summary.notes)]
