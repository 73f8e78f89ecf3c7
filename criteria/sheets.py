"""One unit's rows under a set, put together for the entry and criterion pages.

Everything is fetched in a fixed number of queries, whatever the number of indicators;
templates only lay it out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import prefetch_related_objects

from communes.access import criteria_of_others, roles, visible_criteria
from communes.models import Unit
from criteria import attainment as rules
from criteria import occasional, targets
from criteria.base_figures import Known
from criteria.checks import latest_day
from criteria.models import CriteriaSet, Criterion, Entry, EvidenceLink, Indicator, ReturnedIndicator
from criteria.nouns import counted_noun
from criteria.numbers import format_number
from criteria.rollup import Item, roll_up
from criteria.state import state_on
from criteria.targets import Resolved
from criteria.verdicts import NO_OPINION, VERDICTS, Stage, Verdict
from criteria.wordings import worded

OFFICER_VERDICTS = (Verdict.MET.value, Verdict.NEARLY_MET.value, Verdict.NOT_MET.value)


@dataclass
class Row:
    """One indicator as its page shows it. `typed` holds the inputs' texts, also refused ones.

    `returned`: the level above gave it back and it isn't sent anew yet. `owner`: who answers for its
    criterion where that isn't the reader, who then may not write it.
    """

    indicator: Indicator
    target: Resolved
    entry: Entry | None
    published: dict[str, dict[str, Any]]
    links: list[EvidenceLink]
    threshold: Decimal
    default_day: date
    typed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    offers_report: bool = False
    theirs: Entry | None = None
    saved_now: bool = False
    returned: ReturnedIndicator | None = None
    owner: str = ""
    # What only pages add (`criteria.hints`): the last period's result in words, what became of a report that
    # the target is wrong, the base figure of the whole.
    last_period: str = ""
    report: str = ""
    base: Known | None = None
    earlier: list[Any] = field(default_factory=list)  # of criteria.crosswalk.Earlier

    def __post_init__(self) -> None:
        self.typed = typed_from(self.entry, self.default_day)

    @property
    def version(self) -> int:
        return self.entry.version if self.entry else 0

    @property
    def verdict(self) -> str:
        return self.entry.verdict if self.entry else ""

    @property
    def is_unsent(self) -> bool:
        return bool(self.entry and self.entry.is_unsent)

    @property
    def on_behalf(self) -> str:
        """Who of an office above typed what stands in the row and isn't sent; "" where the unit itself did."""
        return str(self.entry.updated_by) if self.entry and self.entry.is_on_behalf and self.is_unsent else ""

    @property
    def waits(self) -> bool:
        """Whether a result or a document of the row hasn't been sent."""
        return self.is_unsent or any(link.published_at is None for link in self.links)

    @property
    def lacks_evidence(self) -> bool:
        """Whether proof is asked for and there is none; a part rests on its indicator's."""
        return self.indicator.needs_evidence and self.indicator.part_of_id is None and not self.links

    @property
    def verdict_codes(self) -> tuple[str, ...]:
        """The verdicts a commune may choose from."""
        if self.indicator.may_be_not_applicable:
            return (*OFFICER_VERDICTS, Verdict.NOT_APPLICABLE.value)
        return OFFICER_VERDICTS

    @property
    def newer_sent(self) -> date | None:
        """The day of a sent result that is newer than this draft: sending it changes history only."""
        sent = self.published.get(Stage.SELF.value)
        if self.is_unsent and self.entry and sent and sent["effective_on"] > self.entry.effective_on:
            return sent["effective_on"]
        return None

    @property
    def owner_words(self) -> str:
        """Why the reader may not write the row; empty where they may."""
        return f"Tiêu chí {self.indicator.criterion.number} do {self.owner} phụ trách." if self.owner else ""

    @property
    def may_be_ticked(self) -> bool:
        """Whether the row is one of those that "Đạt cho các dòng đã chọn" speaks of."""
        return self.indicator.kind == Indicator.Kind.BOOLEAN and self.verdict != Verdict.MET

    @property
    def takes_fraction(self) -> bool:
        return self.indicator.kind == Indicator.Kind.PERCENT

    @property
    def takes_attainment(self) -> bool:
        """Whether the person estimates the attainment, since no numeric target gives it."""
        return self.target.operator not in rules.NUMERIC_OPERATORS

    @property
    def suggestion(self) -> str:
        """What the saved figures speak for, in words; empty where they are silent, and for a day of
        another year, whose target may be another than the one shown."""
        if self.entry is None or self.entry.effective_on.year != self.default_day.year:
            return ""
        return suggestion(
            self.indicator, self.target, self.threshold, self.entry.value, self.entry.part, self.entry.whole
        )

    @property
    def opinions(self) -> list[dict[str, Any]]:
        """The three published opinions side by side: label, row or None, what to say without one."""
        return [
            {"stage": stage, "label": stage.label, "row": self.published.get(stage.value), "none": NO_OPINION[stage]}
            for stage in Stage
        ]

    @property
    def previous(self) -> str:
        """The last sent value in the indicator's measure, for the grey hint."""
        row = self.published.get(Stage.SELF.value)
        if not row or row["value"] is None:
            return ""
        return f"{format_number(row['value'])} {self.indicator.measure}".strip()


@dataclass
class Sheet:
    """A criterion with its rows; `state` and `attainment` follow from the drafts. `former`: what was recorded
    for the whole criterion before its indicators came (one criterion's page only)."""

    criterion: Criterion
    rows: list[Row]
    former: list[Row] = field(default_factory=list)
    # What of `criteria.occasional` there may be; all of it where nobody asked.
    may_have: frozenset[str] = occasional.ANYTHING
    state: str = "not_assessed"
    attainment: Decimal = Decimal(0)
    assessed: int = 0
    # What old tables say of the criterion as a whole, by stage; `whole_id` is the indicator that carries it.
    whole: dict[str, dict[str, Any]] = field(default_factory=dict)
    whole_id: int = 0

    @property
    def whole_opinions(self) -> list[tuple[str, dict[str, Any]]]:
        """What old tables say, by the stages' labels, where any does."""
        return [(stage.label, self.whole[stage]) for stage in Stage if stage.value in self.whole]

    @property
    def owner(self) -> str:
        """Who answers for the criterion where that isn't the reader."""
        return self.rows[0].owner if self.rows else ""

    @property
    def total(self) -> int:
        """Its indicators; a part isn't one of its own."""
        return count_indicators(self.rows)


def count_indicators(rows: Iterable[Row], holds: Callable[[Row], bool] = lambda row: True) -> int:
    """Of how many indicators this holds, themselves or by one of their parts: the one way screens count."""
    return len({row.indicator.whole_id for row in rows if holds(row)})


def typed_from(entry: Entry | None, default_day: date) -> dict[str, str]:
    """A row's saved state as the texts of its inputs."""
    day = entry.effective_on if entry else default_day
    return {
        "value": format_number(entry.value) if entry and entry.part is None else "",
        "part": format_number(entry.part) if entry else "",
        "whole": format_number(entry.whole) if entry else "",
        "entered_attainment": format_number(entry.entered_attainment) if entry else "",
        "verdict": entry.verdict if entry else "",
        "note": entry.note if entry else "",
        "effective_on": f"{day:%Y-%m-%d}",
    }


def suggestion(
    indicator: Indicator,
    target: Resolved,
    threshold: Decimal,
    value: Decimal | None,
    part: Decimal | None,
    whole: Decimal | None,
) -> str:
    """The suggested verdict with what is missing: "Cơ bản đạt (còn thiếu 9 hộ)"; empty where figures are silent."""
    measured = rules.measured(value, part, whole)
    operator = target.operator or None
    code = rules.suggest(operator, target.value, measured, threshold)
    if not code:
        return ""
    words = VERDICTS[code].label
    if code == Verdict.MET:
        return words
    count = rules.gap_count(operator, target.value, part, whole)
    if count:
        counted = f"{format_number(count)} {counted_noun(indicator)}".rstrip()
        return f"{words} (còn {'thừa' if target.operator == '<=' else 'thiếu'} {counted})"
    gap = format_number(rules.gap(operator, target.value, measured), 2)
    unit = "điểm phần trăm" if indicator.measure == "%" else indicator.measure
    return f"{words} (còn {'cao hơn' if target.operator == '<=' else 'thiếu'} {gap} {unit})".replace(" )", ")")


def sheets(unit: Unit, criteria_set: CriteriaSet, user: Any, *, number: int | None = None, drafts: bool) -> list[Sheet]:
    """The set's criteria (or one, by number) with their rows for this unit and reader.

    `drafts`: whether the reader works on the unit and sees its entries; the caller asked
    `access.sees_drafts_of`. Departments get their own criteria only. The links' documents are
    at hand where one criterion is asked for. Twelve queries at most, nine where nothing was returned, nobody else
    answers for a criterion and no document is another unit's; five more for a criterion that was judged as a
    whole earlier.
    """
    day = latest_day(unit, criteria_set)
    indicators = Indicator.objects.judged_on(day).select_related("criterion")
    indicators = indicators.filter(criterion__criteria_set=criteria_set)
    allowed = visible_criteria(user)
    if allowed is not None:
        indicators = indicators.filter(criterion__in=allowed)
    may_have = occasional.ANYTHING
    if number is not None:
        indicators = indicators.filter(criterion__number=number)
        may_have = occasional.of_criterion(unit, criteria_set, number, day)
    listed = worded(indicators.order_by(), criteria_set, day)
    listed.sort(key=lambda indicator: (indicator.criterion.number, indicator.position))
    for indicator in listed:
        indicator.criterion.criteria_set = criteria_set
    found = _assemble(unit, criteria_set, listed, drafts)
    if number is not None and found and "former" in may_have:
        found[0].former = _former(unit, criteria_set, found[0].criterion, day, drafts)
    documents = (
        EvidenceLink.objects.visible_to(user)
        .filter(
            unit=unit,
            indicator__in=[row.indicator.pk for sheet in found for row in sheet.rows],
            removed_at__isnull=True,
            evidence__retired_at__isnull=True,
        )
        .order_by("created_at", "pk")
    )
    if number is not None:  # only one criterion's page names them; all others count
        documents = documents.select_related("evidence")
        # Whose a document is, is said of another unit's only.
        prefetch_related_objects([link.evidence for link in documents if link.evidence.unit_id != unit.pk], "unit")
    links: dict[int, list[EvidenceLink]] = defaultdict(list)
    for link in documents:
        links[link.indicator_id].append(link)
    shown = [row.indicator.pk for sheet in found for row in sheet.rows]
    back = _returned(unit, shown) if drafts and "returned" in may_have else {}
    others = criteria_of_others(roles(user), unit) if drafts and shown else {}
    for sheet in found:
        sheet.may_have = may_have
        for row in sheet.rows:
            row.links = links[row.indicator.pk]
            row.returned = back.get(row.indicator.pk)
            row.owner = others.get(sheet.criterion.pk, "")
    return found


def _former(unit: Unit, criteria_set: CriteriaSet, criterion: Criterion, day: date, drafts: bool) -> list[Row]:
    """What is recorded on rows that stood for the whole criterion and have ended. Five queries."""
    ended = list(
        Indicator.objects.filter(criterion=criterion, stands_for_criterion=True, in_force_to__lt=day).order_by("pk")
    )
    for indicator in ended:
        indicator.criterion = criterion
    rows = [row for sheet in _assemble(unit, criteria_set, ended, drafts) for row in sheet.rows]
    return [row for row in rows if row.published or row.entry]


def _returned(unit: Unit, indicators: list[int]) -> dict[int, ReturnedIndicator]:
    """What of these indicators came back. Two queries at most."""
    rows = ReturnedIndicator.objects.filter(
        submission__unit=unit, indicator__in=indicators, settled_by__isnull=True
    ).prefetch_related("by")  # most often there is nobody to name
    return {row.indicator_id: row for row in rows.order_by("pk")}


def sheet_of(unit: Unit, indicator_id: int) -> Sheet | None:
    """The criterion of one indicator as its unit enters it, without evidence or higher stages;
    None where the indicator is of none of the unit's sets or no longer in force. Six queries
    at most: what saving a row needs, and its answer."""
    indicators = list(
        Indicator.objects.for_unit(unit)
        .filter(criterion__indicators__pk=indicator_id)
        .select_related("criterion__criteria_set")
        .order_by()
    )
    indicators.sort(key=lambda indicator: indicator.position)
    if not indicators:
        return None
    criterion = indicators[0].criterion
    day = latest_day(unit, criterion.criteria_set)
    indicators = [
        indicator
        for indicator in indicators
        if (indicator.in_force_from or day) <= day <= (indicator.in_force_to or day)
    ]
    if indicator_id not in {indicator.pk for indicator in indicators}:
        return None
    indicators = worded(indicators, criterion.criteria_set, day)
    return _assemble(unit, criterion.criteria_set, indicators, drafts=True, stages=[Stage.SELF.value])[0]


def _assemble(
    unit: Unit,
    criteria_set: CriteriaSet,
    indicators: list[Indicator],
    drafts: bool,
    stages: Sequence[str] = tuple(Stage.values),
) -> list[Sheet]:
    """Sheets with targets, drafts and published opinions. Four queries at most, and one where an office above
    typed some of the drafts.

    A part for which no target is in force isn't asked (decision 0005): it has a row only where
    something was recorded for it.
    """
    day = latest_day(unit, criteria_set)
    wholes = {indicator.pk: indicator.criterion_id for indicator in indicators if indicator.for_history}
    indicators = [indicator for indicator in indicators if not indicator.for_history]
    demanded = targets.resolve_unit(unit, criteria_set, day, indicators)
    ids = [indicator.pk for indicator in indicators]
    entries = {}
    if drafts:
        for entry in Entry.objects.filter(unit=unit, indicator__in=ids):
            entries[entry.indicator_id] = entry
    prefetch_related_objects([entry for entry in entries.values() if entry.is_on_behalf], "updated_by")
    published: dict[int, dict[str, dict[str, Any]]] = defaultdict(dict)
    whole: dict[int, dict[str, dict[str, Any]]] = defaultdict(dict)
    for (stage, _, indicator_id), state in state_on([unit.pk], criteria_set, stages, only=[*ids, *wholes]).items():
        if indicator_id in wholes:
            if state["verdict"]:
                whole[wholes[indicator_id]][stage] = state
        elif state["verdict"] or state["value"] is not None:
            published[indicator_id][stage] = state
    found: dict[int, Sheet] = {}
    for indicator in indicators:
        is_asked = indicator.part_of_id is None or demanded[indicator.pk].operator
        if not is_asked and indicator.pk not in entries and not published[indicator.pk]:
            continue
        sheet = found.setdefault(indicator.criterion_id, Sheet(indicator.criterion, []))
        sheet.rows.append(
            Row(
                indicator,
                demanded[indicator.pk],
                entries.get(indicator.pk),
                published[indicator.pk],
                [],
                criteria_set.nearly_met_threshold,
                day,
            )
        )
    for pk, criterion in wholes.items():
        if criterion in found:
            found[criterion].whole, found[criterion].whole_id = whole[criterion], pk
    result = list(found.values())
    add_states(result, drafts)
    return result


def add_states(found: list[Sheet], drafts: bool) -> None:
    """Give each criterion its state by the drafts (for a reader, by the sent self-assessment)."""
    items = []
    for sheet in found:
        open_ones = set()
        for row in sheet.rows:
            sent = row.published.get(Stage.SELF.value, {})
            verdict = row.verdict if drafts else sent.get("verdict", "")
            attained = (row.entry.attainment if row.entry else None) if drafts else sent.get("attainment")
            part_of = row.indicator.part_of_id
            if not verdict:
                open_ones.add(row.indicator.whole_id)
            items.append(
                Item(
                    row.indicator.pk,
                    sheet.criterion.number,
                    verdict,
                    attained,
                    part_of,
                    counted=not row.indicator.stands_for_criterion,
                    applies=part_of is None or bool(row.target.operator),
                    since=(0, sent["effective_on"]) if sent else (),
                )
            )
        told = None if drafts else sheet.whole.get(Stage.SELF.value)
        if told:
            items.append(
                Item(
                    sheet.whole_id,
                    sheet.criterion.number,
                    told["verdict"],
                    told["attainment"],
                    counted=False,
                    is_whole=True,
                    since=(0, told["effective_on"]),
                )
            )
        sheet.assessed = sheet.total - len(open_ones)
    states = roll_up(items, [sheet.criterion.number for sheet in found]).states
    for sheet in found:
        state = states[sheet.criterion.number]
        sheet.state, sheet.attainment = state.state, state.attainment
