"""What stands between a unit and the standard: one answer for screens and workbooks.

`readiness` puts side by side, for every indicator of a set, what is demanded, what each
stage says, the proof and the shortcomings, and lists what is missing at one stage. The
list empty reads "Đủ tiêu chí và minh chứng". That isn't recognition, which asks for more
than criteria (`Readiness.recognition_needs`) and is decided by a council.

Nothing is stored: evidence expires without anybody touching a row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from communes import access
from communes.models import Unit
from communes.roster import as_on
from criteria import targets
from criteria.attainment import MET_VERDICTS, NUMERIC_OPERATORS
from criteria.evidence_history import KEPT, as_known
from criteria.models import CriteriaSet, EvidenceLink, Indicator
from criteria.models.evidence import has_expired
from criteria.nouns import counted_noun
from criteria.numbers import format_number
from criteria.rollup import Item, Rollup, State, combined, roll_up, whole_decides
from criteria.state import Moment, state_on
from criteria.targets import Resolved
from criteria.verdicts import NO_OPINION, Stage
from criteria.wordings import worded
from inspections.findings import as_at
from inspections.models import Finding
from ntm.clock import today
from reports.matrix import progress_so_far
from reports.shortfalls import lack, shortfall

COMBINED = "combined"
STAGES: dict[str, str] = {**dict(Stage.choices), COMBINED: "Kết quả tổng hợp"}
NO_OPINION_AT: dict[str, str] = {**NO_OPINION, COMBINED: "Chưa đánh giá"}
READY = "Đủ tiêu chí và minh chứng"

SAID_AT_MOST = 8  # criteria a sentence names by number; of more it says how many

# What is missing, the heaviest first; the list is sorted by this order.
KINDS: dict[str, str] = {
    "not_met": "Chưa đạt",
    "contradiction": "Kết quả chưa đạt yêu cầu",
    "finding_overdue": "Tồn tại quá hạn",
    "nearly_met": "Cơ bản đạt",
    "unassessed": "Chưa đánh giá",
    "number": "Thiếu số liệu",
    "evidence_expired": "Minh chứng hết hạn",
    "evidence": "Thiếu minh chứng",
    "finding": "Tồn tại chưa xử lý xong",
}
_WEIGHT = {kind: weight for weight, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one stage says of one indicator; an empty verdict: nothing."""

    verdict: str = ""
    value: Decimal | None = None
    part: Decimal | None = None
    whole: Decimal | None = None
    attainment: Decimal | None = None
    note: str = ""
    effective_on: date | None = None
    # The target it was judged by, in the past only: operator, value, text.
    judged_by: tuple[str, Decimal | None, str] | None = None


NO_WORD = Opinion()


@dataclass(frozen=True, slots=True)
class Document:
    """One published piece of evidence, as the person who asks may see it."""

    id: Any
    title: str
    number: str
    form: str
    issued_on: date | None
    expires_on: date | None
    is_expired: bool

    @property
    def marks(self) -> str:
        """What must be said beside the title: only on paper, classified, expired."""
        said = {"paper": ["chỉ có bản giấy"], "classified": ["tài liệu mật"]}.get(self.form, [])
        if self.is_expired and self.expires_on:
            said = [*said, f"hết hạn {self.expires_on:%d/%m/%Y}"]
        return ", ".join(said)

    @property
    def text(self) -> str:
        """Number, title and marks in one line: "12/QĐ-UBND – Quy hoạch chung (chỉ có bản giấy)"."""
        named = f"{self.number} – {self.title}" if self.number else self.title
        return f"{named} ({self.marks})" if self.marks else named


@dataclass(frozen=True, slots=True)
class FindingLine:
    """A shortcoming of a concluded visit that isn't closed yet; no words where the person may not read it."""

    id: int | None
    criterion: int
    indicator_id: int | None
    indicator: str
    description: str
    recommendation: str
    department: str
    stage: str
    visit_code: str
    due_on: date
    state: str
    state_label: str
    is_overdue: bool


@dataclass(slots=True)
class IndicatorLine:
    """One indicator (or part): demand, opinions, proof.

    `opinion` is the one at the stage asked for. `gap` is in the indicator's own measure,
    `gap_items` in that of part and whole; both None where unknown, 0 once reached. `newer_self`:
    the commune's own opinion holds from a later day than the higher one that is shown as combined.
    """

    id: int
    criterion: int
    code: str
    name: str
    kind: str
    measure: str
    part_of: int | None
    stands: bool
    needs_evidence: bool
    applies: bool
    target: Resolved
    opinions: dict[str, Opinion]
    combined_source: str
    newer_self: bool
    opinion: Opinion
    gap: Decimal | None
    gap_items: Decimal | int | None
    gap_text: str
    documents: list[Document] = field(default_factory=list)
    documents_total: int = 0
    documents_valid: int = 0
    documents_unsent: int = 0

    @property
    def is_part(self) -> bool:
        return self.part_of is not None

    @property
    def whole_id(self) -> int:
        """The indicator a part belongs to, else the indicator itself: what counts as one."""
        return self.part_of or self.id

    @property
    def is_counted(self) -> bool:
        """Whether it counts in x/57: no part, no stand-in for a whole criterion."""
        return not (self.is_part or self.stands)

    @property
    def documents_hidden(self) -> int:
        """Published documents that this person may not see named."""
        return self.documents_total - len(self.documents)

    @property
    def is_numeric_target(self) -> bool:
        return self.target.operator in NUMERIC_OPERATORS


@dataclass(slots=True)
class CriterionLine:
    """One criterion with its state at each stage (and combined)."""

    id: int
    number: int
    name: str
    group: str
    group_name: str
    is_key: bool
    states: dict[str, State]
    indicators: list[IndicatorLine]
    # What an old table says of the criterion as a whole, where that decides at the stage asked for.
    whole: Opinion | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing between the unit and the standard. `text` says how much, in words."""

    kind: str
    criterion: int
    criterion_name: str
    indicator: str
    name: str
    text: str
    due_on: date | None = None
    finding_id: int | None = None
    indicator_id: int | None = None

    @property
    def label(self) -> str:
        return KINDS[self.kind]


@dataclass(slots=True)
class Readiness:
    """Where one unit stands under one set, and what is missing at `stage`.

    `rollups` has, by stage and for "combined", the roll-up of its opinions, or None where
    it has given none. `as_of` is the day asked for; `latest` the day of the newest opinion
    at the stage. `limited`: only the criteria a department answers for are in.
    """

    unit: Unit
    criteria_set: CriteriaSet
    stage: str
    as_of: date
    latest: date | None
    criteria: list[CriterionLine]
    rollups: dict[str, Rollup | None]
    missing: list[Missing]
    findings: list[FindingLine]
    names_files: bool
    limited: bool
    moment: Moment | None = None

    @property
    def rollup(self) -> Rollup | None:
        return self.rollups[self.stage]

    @property
    def is_ready(self) -> bool:
        return not self.missing

    @property
    def indicators(self) -> list[IndicatorLine]:
        return [line for criterion in self.criteria for line in criterion.indicators]

    @property
    def by_old_tables(self) -> list[CriterionLine]:
        """Criteria that stand as an old table judged them, without their indicators."""
        return [criterion for criterion in self.criteria if criterion.whole is not None]

    @property
    def newer_selfs(self) -> int:
        """Indicators (with their parts, not these beside them) the commune has judged anew since."""
        return len({line.whole_id for line in self.indicators if line.newer_self})

    @property
    def recognition_needs(self) -> list[str]:
        """What recognition asks for besides criteria and evidence (QĐ 18/2022/QĐ-TTg)."""
        needs = [
            "lấy ý kiến hài lòng của người dân đạt tỷ lệ quy định",
            "không có nợ đọng xây dựng cơ bản",
            "không có vụ việc phức tạp về an ninh, trật tự",
        ]
        if self.criteria_set.requires is not None:
            needs.insert(0, f"đã đạt “{self.criteria_set.requires.name}”")
        return needs

    @property
    def sentence(self) -> str:
        return sentence(self.rollup, self.stage) if self.rollup else NO_OPINION_AT[self.stage]


def sentence(rollup: Rollup, stage: str = COMBINED) -> str:
    """The usual sentence: "14/19 đạt · 3 cơ bản đạt · 2 chưa đạt (số 11, 17)".

    "Đạt" holds firmly met, met and not applicable together; what isn't there isn't said. An
    opinion on some criteria only says so first: "Mới thẩm định 2/19 tiêu chí: 1/19 đạt · …".
    """
    not_assessed = rollup.counts["not_assessed"]
    total = len(rollup.states)
    so_far = progress_so_far(stage, total - not_assessed, total)
    said = [f"{rollup.criteria_met}/{len(rollup.states)} đạt"]
    if rollup.counts["firmly_met"]:
        said[0] += f" ({rollup.counts['firmly_met']} đạt vững chắc)"
    if rollup.criteria_nearly:
        said.append(f"{rollup.criteria_nearly} cơ bản đạt")
    for state, words in (
        ("not_met", "chưa đạt"),
        ("incomplete", "chưa đánh giá đủ"),
        ("not_assessed", "chưa đánh giá"),
    ):
        numbers = [str(number) for number, found in rollup.states.items() if found.state == state]
        if numbers and len(numbers) > SAID_AT_MOST:
            said.append(f"{len(numbers)} {words}")
        elif numbers:
            said.append(f"{len(numbers)} {words} (số {', '.join(numbers)})")
    text = " · ".join(said)
    return f"{so_far.capitalize()} tiêu chí: {text}" if so_far else text


def readiness(
    unit: Unit, criteria_set: CriteriaSet, stage: str, user: Any = None, moment: Moment | None = None
) -> Readiness:
    """Where the unit stands under the set by the opinion of `stage` ("combined": the highest there is).

    `user` narrows what is named: a department's person sees its own criteria, a viewer no
    documents. What is *missing* is counted on everything published, whoever asks, so that
    everybody reads the same list. `moment`: opinions, the targets they were judged by, evidence and
    findings as at that moment. A fixed number of queries, whatever the number of indicators.

    Raises KeyError for an unknown stage. The caller has checked that the unit is visible.
    """
    if stage not in STAGES:
        raise KeyError(stage)
    day = moment.day if moment else today()
    target_day = min(day, criteria_set.last_day)
    own = access.visible_criteria(user) if user is not None else None
    criteria = [
        row
        for row in criteria_set.criteria.order_by("number").values(
            "id", "number", "name", "group", "group_name", "is_key"
        )
        if own is None or row["id"] in own
    ]
    numbers = {row["id"]: row["number"] for row in criteria}
    judged = [
        indicator
        for indicator in Indicator.objects.filter(criterion__criteria_set=criteria_set)
        .judged_on(target_day)
        .order_by("criterion__number", "position", "pk")
        if indicator.criterion_id in numbers
    ]
    indicators = [indicator for indicator in judged if not indicator.for_history]
    wholes = {numbers[indicator.criterion_id]: indicator.pk for indicator in judged if indicator.for_history}
    indicators = worded(indicators, criteria_set, target_day)
    known_at = moment.known_at if moment else None
    resolved = targets.resolve_unit(unit, criteria_set, target_day, indicators, known_at)
    opinions = _opinions(unit, criteria_set, moment)
    joint = combined({code: opinions[code] for code in Stage.values})
    opinions[COMBINED] = {indicator: opinion for indicator, (_, opinion) in joint.items()}
    documents = UnitDocuments(unit, criteria_set, user, day, moment)
    findings = _findings(unit, criteria_set, user, set(numbers), day, moment)

    lines = [
        _line(indicator, numbers[indicator.criterion_id], resolved[indicator.pk], opinions, joint, stage)
        for indicator in indicators
    ]
    for line in lines:
        documents.fill(line)
    items = {code: _items(lines, wholes, opinions[code], joint if code == COMBINED else {}) for code in STAGES}
    rollups = {code: _roll_up(items[code], list(numbers.values())) for code in STAGES}
    told = {item.criterion: opinions[stage][item.indicator_id] for item in items[stage] if item.is_whole}
    decided = {number for number in told if whole_decides(i for i in items[stage] if i.criterion == number)}
    by_criterion: dict[int, list[IndicatorLine]] = defaultdict(list)
    for line in lines:
        by_criterion[line.criterion].append(line)
    criterion_lines = [
        CriterionLine(
            **row,
            states={code: rollup.states[row["number"]] for code, rollup in rollups.items() if rollup is not None},
            indicators=by_criterion[row["number"]],
            whole=told[row["number"]] if row["number"] in decided else None,
        )
        for row in criteria
    ]
    missing = _missing(criterion_lines, findings)
    said = [line.opinion for line in lines] + [told[number] for number in decided]
    days = [opinion.effective_on for opinion in said if opinion.verdict and opinion.effective_on]
    return Readiness(
        unit=as_on(unit, day) if moment else unit,
        criteria_set=criteria_set,
        stage=stage,
        as_of=day,
        latest=max(days, default=None),
        criteria=criterion_lines,
        rollups=rollups,
        missing=missing,
        findings=findings,
        names_files=documents.named,
        limited=own is not None,
        moment=moment,
    )


# --- fetching --------------------------------------------------------------------------


def _opinions(unit: Unit, criteria_set: CriteriaSet, moment: Moment | None) -> dict[str, dict[int, Opinion]]:
    result: dict[str, dict[int, Opinion]] = {stage: {} for stage in Stage.values}
    day, known_at = moment or (None, None)
    rows = state_on([unit.pk], criteria_set, Stage.values, day, known_at, more=JUDGED_BY if moment else ())
    for (stage, _, indicator), row in rows.items():
        result[stage][indicator] = Opinion(
            row["verdict"],
            row["value"],
            row["part"],
            row["whole"],
            row["attainment"],
            row["note"],
            row["effective_on"],
            tuple(row[name] for name in JUDGED_BY) if moment else None,
        )
    return result


class UnitDocuments:
    """The unit's evidence by indicator: what is published, and what of it this person may see named."""

    def __init__(
        self, unit: Unit, criteria_set: CriteriaSet, user: Any, day: date, moment: Moment | None = None
    ) -> None:
        self.day = day
        self.named = user is None or access.sees_files(user, unit)
        links = EvidenceLink.objects.filter(unit=unit, indicator__criterion__criteria_set=criteria_set)
        if not moment:
            links = links.filter(removed_at__isnull=True, evidence__retired_at__isnull=True)
        self.rows: dict[int, list[_Link]] = defaultdict(list)
        told = [as_known(name, moment.known_at if moment else None) for name in KEPT]
        for link in map(_Link._make, links.order_by("created_at", "pk").values_list(*_LINK_COLUMNS, *told)):
            if not moment or _held_at(link, moment):
                self.rows[link.indicator].append(link)
        self.visible: set[int] | None = None
        if user is not None:
            seen = links.visible_to(user).order_by() if self.named and self.rows else links.none()
            self.visible = set(seen.values_list("pk", flat=True))

    def fill(self, line: IndicatorLine) -> None:
        """Put an indicator's documents and their counts into its line."""
        for link in self.rows[line.id]:
            seen = self.visible is None or link.pk in self.visible
            if link.published_at is None:
                line.documents_unsent += seen
                continue
            expired = has_expired(link.expires_on, self.day)
            line.documents_total += 1
            line.documents_valid += not expired
            if seen:
                line.documents.append(
                    Document(
                        link.evidence, link.title, link.number, link.form, link.issued_on, link.expires_on, expired
                    )
                )


class _Link(NamedTuple):
    """What of a tie and its document readiness reads."""

    pk: int
    indicator: int
    published_at: datetime | None
    removed_at: datetime | None
    retired_at: datetime | None
    evidence: Any
    form: str
    title: str
    number: str
    issued_on: date | None
    expires_on: date | None


# The target as it stood, of a revision.
JUDGED_BY = ("target_operator", "target_value", "target_text")

# Before what `criteria.evidence_history.KEPT` names.
_LINK_COLUMNS = (
    "pk", "indicator_id", "published_at", "removed_at", "evidence__retired_at", "evidence_id", "evidence__form",
)  # fmt: skip


def _held_at(link: _Link, moment: Moment) -> bool:
    """Whether the link is known to be published and neither removed nor retired."""
    return moment.knows(link.published_at) and not (moment.knows(link.removed_at) or moment.knows(link.retired_at))


def _findings(
    unit: Unit, criteria_set: CriteriaSet, user: Any, criteria: set[int], day: date, moment: Moment | None
) -> list[FindingLine]:
    rows = Finding.objects.filter(visit__unit=unit, visit__state="concluded", criterion__criteria_set=criteria_set)
    if moment is None:
        rows = rows.unsettled()
    found = list(rows.select_related("visit", "criterion", "indicator", "department").order_by("due_on", "pk"))
    if moment:
        found = [finding for finding in as_at(found, moment) if finding.state != Finding.State.CLOSED]
        found.sort(key=lambda finding: (finding.due_on, finding.pk))
    visible = set(rows.visible_to(user).values_list("pk", flat=True)) if found and user is not None else None
    result = []
    for finding in found:
        if finding.criterion_id not in criteria:
            continue
        told = visible is None or finding.pk in visible
        result.append(
            FindingLine(
                id=finding.pk if told else None,
                criterion=finding.criterion.number,
                indicator_id=finding.indicator_id,
                indicator=finding.indicator.code if finding.indicator else "",
                description=finding.description if told else "",
                recommendation=finding.recommendation if told else "",
                department=finding.department.name if finding.department else "",
                stage=finding.visit.stage,
                visit_code=finding.visit.code,
                due_on=finding.due_on,
                state=finding.state,
                state_label=finding.get_state_display(),
                is_overdue=finding.is_overdue(day),
            )
        )
    return result


# --- working out -----------------------------------------------------------------------


def _line(
    indicator: Indicator,
    number: int,
    target: Resolved,
    opinions: Mapping[str, Mapping[int, Opinion]],
    joint: Mapping[int, tuple[str, Opinion]],
    stage: str,
) -> IndicatorLine:
    source, highest = joint.get(indicator.pk, ("", NO_WORD))
    self_opinion = opinions[Stage.SELF].get(indicator.pk, NO_WORD)
    newer = bool(
        source not in ("", Stage.SELF)
        and self_opinion.effective_on
        and highest.effective_on
        and self_opinion.effective_on > highest.effective_on
    )
    opinion = opinions[stage].get(indicator.pk, NO_WORD)
    target = as_judged(target, opinion)
    own_gap, items = shortfall(target, opinion)
    return IndicatorLine(
        id=indicator.pk,
        criterion=number,
        code=indicator.code,
        name=indicator.name,
        kind=indicator.kind,
        measure=indicator.measure,
        part_of=indicator.part_of_id,
        stands=indicator.stands_for_criterion,
        needs_evidence=indicator.needs_evidence,
        # A part exists only to carry a second threshold: where none is set, it isn't asked.
        applies=indicator.part_of_id is None or bool(target.operator),
        target=target,
        opinions={code: opinions[code].get(indicator.pk, NO_WORD) for code in STAGES},
        combined_source=source,
        newer_self=newer,
        opinion=opinion,
        gap=own_gap,
        gap_items=items,
        gap_text=gap_words(indicator, target.operator, own_gap, items),
    )


def as_judged(target: Resolved, opinion: Opinion) -> Resolved:
    """The target with the level the opinion was judged by, where one is known: in the past only."""
    if not (opinion.judged_by and opinion.judged_by[0]):
        return target
    operator, value, text = opinion.judged_by
    return replace(target, operator=operator, value=value, text=text)


def gap_words(indicator: Indicator, operator: str, own_gap: Decimal | None, items: Decimal | int | None) -> str:
    """The gap in words: "còn thiếu 12 hộ (0,96 %)", "vượt 1,2 %, cần giảm 9 hộ"; "" where there is none."""
    if not own_gap:
        return ""
    unit = "điểm phần trăm" if indicator.measure == "%" else indicator.measure
    measure = f" {unit}" if unit else ""
    amount = f"{format_number(own_gap, 2)}{measure}"
    if format_number(own_gap, 2) == "0":
        amount = f"dưới 0,01{measure}"
    counted = f"{format_number(items, 2)} {counted_noun(indicator)}".rstrip() if items else ""
    if operator == "<=":
        return f"vượt {amount}, cần giảm {counted}" if counted else f"vượt {amount}"
    if operator == "=":
        return f"lệch {amount}"
    return f"còn thiếu {counted} ({amount})" if counted else f"còn thiếu {amount}"


def _items(
    lines: Iterable[IndicatorLine],
    wholes: Mapping[int, int],
    opinions: Mapping[int, Opinion],
    joint: Mapping[int, tuple[str, Opinion]],
) -> list[Item]:
    """What the roll-up of one stage rests on; `joint` names the stage of each combined opinion, `wholes` the
    indicator that carries what old tables say of a whole criterion, by its number."""
    ranks = {stage: rank for rank, stage in enumerate(Stage.values)}

    def since(indicator: int, said: Opinion) -> tuple[int, date] | tuple[()]:
        rank = ranks[joint[indicator][0]] if indicator in joint else 0
        return (rank, said.effective_on) if said.effective_on else ()

    items = []
    for line in lines:
        said = opinions.get(line.id, NO_WORD)
        items.append(
            Item(
                line.id,
                line.criterion,
                said.verdict,
                said.attainment,
                line.part_of,
                counted=not line.stands,
                applies=line.applies,
                since=since(line.id, said),
            )
        )
    for number, indicator in wholes.items():
        said = opinions.get(indicator, NO_WORD)
        if said.verdict:
            items.append(
                Item(
                    indicator,
                    number,
                    said.verdict,
                    said.attainment,
                    counted=False,
                    is_whole=True,
                    since=since(indicator, said),
                )
            )
    return items


def _roll_up(items: list[Item], numbers: list[int]) -> Rollup | None:
    """The same roll-up as the stored standing's (`criteria.publish.compute_standings`); None without an opinion."""
    return roll_up(items, numbers) if any(item.verdict for item in items) else None


def _missing(criteria: list[CriterionLine], findings: list[FindingLine]) -> list[Missing]:
    """Everything in the way, the heaviest first, then in the set's order."""
    lines = {line.id: line for criterion in criteria for line in criterion.indicators}
    names = {criterion.number: criterion.name for criterion in criteria}
    found: list[Missing] = []
    for criterion in criteria:
        if criterion.whole is not None:
            found += _whole_lacks(criterion, criterion.whole)
            continue
        asked = [line for line in criterion.indicators if line.applies]
        if asked and not any(line.opinion.verdict for line in asked):
            many = sum(not line.is_part for line in asked)
            text = f"cả {many} chỉ tiêu chưa được đánh giá" if many > 1 else "chưa được đánh giá"
            found.append(Missing("unassessed", criterion.number, criterion.name, "", criterion.name, text))
            continue
        for line in asked:
            parent = lines.get(line.part_of or 0)
            found += [
                Missing(kind, criterion.number, criterion.name, line.code, line.name, text, indicator_id=line.id)
                for kind, text in _line_lacks(line, parent)
            ]
    for finding in findings:
        found.append(
            Missing(
                "finding_overdue" if finding.is_overdue else "finding",
                finding.criterion,
                names[finding.criterion],
                finding.indicator,
                finding.description or "Tồn tại, hạn chế do đoàn kiểm tra nêu",
                f"{finding.state_label.lower()}, thời hạn {finding.due_on:%d/%m/%Y}",
                finding.due_on,
                finding.id,
            )
        )
    order = {line.code: place for place, line in enumerate(lines.values())}
    return sorted(found, key=lambda item: (_WEIGHT[item.kind], item.criterion, order.get(item.indicator, -1)))


def _whole_lacks(criterion: CriterionLine, whole: Opinion) -> list[Missing]:
    """What a criterion lacks that only an old table judged, as a whole: its indicators at any rate."""
    if whole.verdict == "not_applicable":
        return []
    kind = whole.verdict if whole.verdict in KINDS else "unassessed"
    words = "theo bảng tổng hợp cũ" + (f" tính đến {whole.effective_on:%d/%m/%Y}" if whole.effective_on else "")
    text = f"{_said(whole)} {words}, " if kind == "unassessed" else f"{words}, "
    return [
        Missing(kind, criterion.number, criterion.name, "", criterion.name, f"{text}chưa có đánh giá từng chỉ tiêu")
    ]


def _line_lacks(line: IndicatorLine, parent: IndicatorLine | None) -> list[tuple[str, str]]:
    """What one indicator lacks, as (kind, how much in words). An indicator that isn't met owes no proof yet."""
    opinion, kind = line.opinion, lack(line.target, line.opinion)
    if opinion.verdict == "not_applicable":
        return []
    if kind == "unassessed":
        return [(kind, "chưa được đánh giá")]
    if kind == "not_met":
        return [(kind, line.gap_text or _attained(opinion))]
    lacks = []
    if kind == "nearly_met":
        lacks.append((kind, line.gap_text or _attained(opinion)))
    elif kind == "number":
        lacks.append((kind, f"đánh giá {_said(opinion)} nhưng chưa có kết quả để đối chiếu với yêu cầu"))
    elif kind == "contradiction":
        lacks.append((kind, f"đánh giá {_said(opinion)} nhưng {line.gap_text}"))
    lacks += _proof_lacks(line, parent)
    return lacks


def _proof_lacks(line: IndicatorLine, parent: IndicatorLine | None) -> list[tuple[str, str]]:
    """Evidence that is lacking or no longer holds; a part may rest on its indicator's."""
    if not line.needs_evidence or line.documents_valid or (parent is not None and parent.documents_valid):
        return []
    if line.documents_total:
        return [("evidence_expired", f"{line.documents_total} minh chứng, tất cả đã hết hạn")]
    if line.documents_unsent:
        return [("evidence", f"đã thêm {line.documents_unsent} minh chứng nhưng chưa gửi cấp trên")]
    return [("evidence", "chưa có minh chứng")]


def _said(opinion: Opinion) -> str:
    return "đạt vững chắc" if opinion.verdict == MET_VERDICTS[0] else "đạt"


def _attained(opinion: Opinion) -> str:
    return "" if not opinion.attainment else f"mức độ đạt {format_number(opinion.attainment, 2)} %"
