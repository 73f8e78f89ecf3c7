"""Removes stored files that no row points to: uploads that failed halfway or were undone, minutes never concluded,
reports whose worker was killed; and before them tables somebody handed in and nobody confirmed."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db.models import FileField
from django.utils import timezone

from criteria import uploads
from criteria.evidence import format_size

DAY = 24 * 3600
FOLDERS = ("evidence", "minutes", "reports", "uploads")


class Command(BaseCommand):
    """A file younger than a day is left alone: its row may be about to be written."""

    help = "Remove stored files older than a day that no document points to."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only print what would be removed")

    def handle(self, *args: Any, dry_run: bool = False, **options: Any) -> None:
        now = timezone.now()
        tables = uploads.forgotten(now).count() if dry_run else uploads.remove_forgotten(now)
        self.stdout.write(f"{tables} tables waiting for {uploads.DAYS_KEPT} days or longer")
        media = Path(settings.MEDIA_ROOT)
        count = size = 0
        for folder in sorted(path for name in FOLDERS for path in media.glob(f"{name}/*")):
            for path in rowless(media, folder):
                count += 1
                size += path.stat().st_size
                self.stdout.write(f"{'would remove' if dry_run else 'removing'} {path.relative_to(media)}")
                if not dry_run:
                    path.unlink()
                    for preview in media.glob(f"previews/{path.stem[:2]}/{path.stem}-*"):
                        preview.unlink()
        self.stdout.write(f"{count} files without a document, {format_size(size) if size else '0 KB'}")


def rowless(media: Path, folder: Path) -> list[Path]:
    """The old enough files of a folder whose name no row holds."""
    before = time.time() - DAY
    old = {str(path.relative_to(media)): path for path in folder.iterdir() if path.stat().st_mtime < before}
    held = names_held(f"{folder.relative_to(media)}/")
    return [path for name, path in sorted(old.items()) if name not in held]


def names_held(prefix: str) -> set[str]:
    """The names below a folder that any row of any app holds."""
    return {
        name
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, FileField)
        for name in model._base_manager.filter(**{f"{field.name}__startswith": prefix}).values_list(
            field.name, flat=True
        )
    }
