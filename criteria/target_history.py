"""Targets as they were known at a moment: what is changed or deleted is kept, with the time.

A target says from which year it binds, not when it was typed. Who changes one calls `keep` first and stamps
what is new with the time returned, so that a closed period is drawn by the targets known when it was closed.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.utils import timezone

from criteria.models import FormerTarget, Target

KEPT = [field.attname for field in Target._meta.concrete_fields if field.name != "id"]


def keep(targets: Collection[int]) -> datetime:
    """Keep the targets with these ids as they stand, which are about to be changed or deleted in the caller's
    transaction; the time from which they are something else."""
    now = timezone.now()
    FormerTarget.objects.bulk_create(
        FormerTarget(target=row.pk, ended_at=now, **{name: getattr(row, name) for name in KEPT})
        for row in Target.objects.filter(pk__in=targets)
    )
    return now
