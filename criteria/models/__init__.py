"""Against what, and where each unit stands.

`sets` holds the decisions: criteria sets, criteria, indicators, targets, wordings. `results` holds
what people say of a unit: drafts, sendings, published states and the standing that
follows. `work` holds who answers for what in a commune, what is finished and what came
back. `evidence` holds the proof, `questions` what commune and offices ask each other,
`base_figures` what indicators divide by, `plans` what units mean to reach, `uploads` the tables people hand in,
`supplementary` what a province asks for each period besides, `report_settings` how its reports look. Read in
that order.
"""

from criteria.models.base_figures import BaseFigure
from criteria.models.evidence import Evidence, EvidenceLink, FormerEvidence
from criteria.models.plans import Plan, Registration
from criteria.models.questions import Question, QuestionMessage
from criteria.models.recognition import Recognition
from criteria.models.report_settings import BucketScheme, ReportSettings
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
from criteria.models.sets import (
    Continuation,
    CriteriaSet,
    Criterion,
    CriterionDepartment,
    FormerTarget,
    Indicator,
    Operator,
    Target,
    Wording,
)
from criteria.models.supplementary import (
    FormerDefinition,
    FormerReturn,
    PeriodText,
    SupplementaryColumn,
    SupplementaryReturn,
    SupplementaryTable,
    SupplementaryValue,
)
from criteria.models.uploads import RememberedChoice, Upload
from criteria.models.work import CriterionOwner, FinishedCriterion, PeriodStep, ReturnedIndicator, SubmissionStep

__all__ = [
    "Assessment",
    "BaseFigure",
    "BucketScheme",
    "Continuation",
    "CriteriaSet",
    "Criterion",
    "CriterionDepartment",
    "CriterionOwner",
    "Entry",
    "Evidence",
    "EvidenceLink",
    "FinishedCriterion",
    "FormerDefinition",
    "FormerEvidence",
    "FormerReturn",
    "FormerTarget",
    "Indicator",
    "Operator",
    "PeriodStep",
    "PeriodText",
    "Plan",
    "Question",
    "QuestionMessage",
    "Recognition",
    "Registration",
    "RememberedChoice",
    "ReportSettings",
    "ReportingPeriod",
    "ReturnedIndicator",
    "Revision",
    "Source",
    "Standing",
    "Submission",
    "SubmissionStep",
    "SupplementaryColumn",
    "SupplementaryReturn",
    "SupplementaryTable",
    "SupplementaryValue",
    "Target",
    "TargetReport",
    "Upload",
    "Wording",
]
