"""Documents as they were described at a moment: what is corrected is kept, with the time.

Reports of closed periods name proof and tell when it runs out; a title or a day corrected afterwards must not
change them. A document never sent to anybody stands in none, so its former descriptions aren't kept.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Case, Exists, F, OuterRef, Subquery, When
from django.db.models.expressions import Combinable
from django.utils import timezone

from criteria.models import Evidence, EvidenceLink, FormerEvidence

KEPT = ("title", "document_number", "issued_on", "expires_on")


def keep(evidence: Evidence) -> None:
    """Keep the description the database holds of a sent document, which is about to be changed in the caller's
    transaction."""
    if not EvidenceLink.objects.filter(evidence=evidence, published_at__isnull=False).exists():
        return
    former = Evidence.objects.values(*KEPT).get(pk=evidence.pk)
    FormerEvidence.objects.create(evidence=evidence, ended_at=timezone.now(), **former)


def as_known(name: str, known_at: datetime | None) -> Combinable:
    """A field (of KEPT) of the document a tie names, as it was at that time (None: as it is now)."""
    if known_at is None:
        return F(f"evidence__{name}")
    former = FormerEvidence.objects.filter(evidence=OuterRef("evidence"), ended_at__gt=known_at).order_by("ended_at")
    return Case(When(Exists(former), then=Subquery(former.values(name)[:1])), default=F(f"evidence__{name}"))
