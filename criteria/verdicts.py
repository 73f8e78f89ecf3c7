"""The words, marks and colours of a judgement: the one place that maps them.

A verdict is what somebody says of an indicator; a state is what follows for a criterion
(DESIGN §5). Screens, workbooks and documents all take label and mark from here. A mark stands
beside every colour, so that a judgement is readable in greyscale and to colour-blind eyes.
"""

from typing import NamedTuple

from django.db import models
from django.utils.html import format_html
from django.utils.safestring import SafeString


class Verdict(models.TextChoices):
    """The judgement of one indicator. The empty string means that nobody has judged it yet."""

    FIRMLY_MET = "firmly_met", "Đạt vững chắc"
    MET = "met", "Đạt"
    NEARLY_MET = "nearly_met", "Cơ bản đạt"
    NOT_MET = "not_met", "Chưa đạt"
    NOT_APPLICABLE = "not_applicable", "Không áp dụng"


class Stage(models.TextChoices):
    """Whose judgement it is: the commune's own, the district's or the province's."""

    SELF = "self", "Xã tự đánh giá"
    DISTRICT = "district", "Kết quả thẩm tra"
    PROVINCE = "province", "Kết quả thẩm định"


class Appearance(NamedTuple):
    """How one verdict or state is shown: words, a one-glyph mark and a class of static/ntm.css."""

    label: str
    mark: str
    css: str


NOT_ASSESSED = Appearance("Chưa đánh giá", "○", "v-none")

VERDICTS: dict[str, Appearance] = {
    Verdict.FIRMLY_MET.value: Appearance("Đạt vững chắc", "✓✓", "v-firm"),
    Verdict.MET.value: Appearance("Đạt", "✓", "v-met"),
    Verdict.NEARLY_MET.value: Appearance("Cơ bản đạt", "≈", "v-nearly"),
    Verdict.NOT_MET.value: Appearance("Chưa đạt", "✗", "v-not"),
    Verdict.NOT_APPLICABLE.value: Appearance("Không áp dụng", "–", "v-na"),
    "": NOT_ASSESSED,
}

# States of a criterion, from the strongest to the least known.
STATES: dict[str, Appearance] = {
    **{code: look for code, look in VERDICTS.items() if code},
    "incomplete": Appearance("Chưa đánh giá đủ", "◐", "v-part"),
    "not_assessed": NOT_ASSESSED,
}


def _badge(look: Appearance) -> SafeString:
    return format_html(
        '<span class="verdict {}"><span class="v-mark" aria-hidden="true">{}</span>{}</span>',
        look.css,
        look.mark,
        look.label,
    )


# Ready HTML: a table of 200 x 57 cells asks for the same few badges thousands of times.
VERDICT_BADGES = {code: _badge(look) for code, look in VERDICTS.items()}
STATE_BADGES = {code: _badge(look) for code, look in STATES.items()}

# What a stage's column says where that stage has given no opinion: never 0, never blank.
NO_OPINION: dict[str, str] = {
    Stage.SELF.value: "Chưa đánh giá",
    Stage.DISTRICT.value: "Chưa thẩm tra",
    Stage.PROVINCE.value: "Chưa thẩm định",
}
