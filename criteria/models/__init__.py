"""Against what, and where each unit stands.

`sets` holds the decisions: criteria sets, criteria, indicators, targets. `results` holds
what people say of a unit: drafts, sendings, published states and the standing that
follows. `evidence` holds the proof. Read in that order.
"""

from criteria.models.evidence import Evidence, EvidenceLink
from criteria.models.results import (
    Assessment,
    Entry,
    ReportingPeriod,
    Revision,
    Source,
    Standing,
    Submission,
    TargetReport,
)
from criteria.models.sets import CriteriaSet, Criterion, CriterionDepartment, Indicator, Operator, Target

__all__ = [
    "Assessment",
    "CriteriaSet",
    "Criterion",
    "CriterionDepartment",
    "Entry",
    "Evidence",
    "EvidenceLink",
    "Indicator",
    "Operator",
    "ReportingPeriod",
    "Revision",
    "Source",
    "Standing",
    "Submission",
    "Target",
    "TargetReport",
]
