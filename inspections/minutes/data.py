"""What the minutes of a visit say, as plain text, for Word and PDF alike.

The order is that of the usual paper: time, place and people; the dossier; a table by
criterion (demand, claim, the team's finding, shortcomings, recommendation and date); the
commune's opinion; the conclusion; signatures. Nothing is narrowed to one person here:
the minutes are one document for all who sign it (`access`: "minutes.read").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from communes.documents import DEMONSTRATION, long_day, plain
from criteria.models import Evidence, EvidenceLink
from criteria.numbers import format_number
from criteria.rollup import Item, State, criterion_state
from criteria.verdicts import STATES, VERDICTS, Stage
from inspections.models import Finding, TeamMember, Visit
from inspections.planning import scope_of
from inspections.sheets import RecordCriterion, RecordRow, links_shown, visit_record
from inspections.summary import summary_sentence

# A figure and its measure stay on one line.
JOINED = "\N{NO-BREAK SPACE}"
NO_TARGET = "Chưa quy định mức"
DRAFT = "DỰ THẢO, đoàn chưa kết luận"
NOT_CONCLUDED = "Đoàn chưa kết luận."  # while nothing is scored there is no sentence to propose either

# What a team calls itself, by the kind of visit.
TEAMS = {
    Visit.Kind.MONITORING: "ĐOÀN KIỂM TRA",
    Visit.Kind.DESK: "ĐOÀN THẨM TRA",
    Visit.Kind.VERIFICATION: "ĐOÀN THẨM TRA",
    Visit.Kind.APPRAISAL: "ĐOÀN THẨM ĐỊNH",
    Visit.Kind.RECHECK: "ĐOÀN PHÚC TRA",
}


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    post: str
    organisation: str
    role: str

    @property
    def line(self) -> str:
        """Name, post and organisation, as a list of those present has them; a post that only repeats the role not."""
        return ", ".join(filter(None, [self.name, self.post if self.post != self.role else "", self.organisation]))


@dataclass(frozen=True, slots=True)
class Shortcoming:
    text: str
    recommendation: str


@dataclass(frozen=True, slots=True)
class IndicatorText:
    """One indicator's row. `claim` and `found`: the verdict with its figures, in words."""

    code: str
    name: str
    requirement: str
    claim: str
    found: str
    remark: str
    shortcomings: tuple[Shortcoming, ...]


@dataclass(frozen=True, slots=True)
class CriterionText:
    """One criterion: its states by the commune's claims and by the team's scores, then its indicators."""

    number: int
    name: str
    claim: str
    found: str
    attainment: str
    shortcomings: tuple[Shortcoming, ...]
    indicators: tuple[IndicatorText, ...]


@dataclass(frozen=True, slots=True)
class Dossier:
    """The check of the papers: of the indicators of the scope that need evidence, how many have a
    document in force; how many documents there are; which indicators have none."""

    needing: int
    having: int
    documents: int
    paper: int
    expired: int
    lacking: tuple[str, ...]

    @property
    def sentence(self) -> str:
        if not self.needing:
            return "Các chỉ tiêu được kiểm tra không yêu cầu minh chứng."
        if not self.documents:
            return f"Xã chưa có tài liệu nào trên hệ thống cho {self.needing} chỉ tiêu cần minh chứng."
        kinds = [f"{self.paper} tài liệu chỉ có bản giấy" if self.paper else ""]
        kinds.append(f"{self.expired} tài liệu đã hết hiệu lực" if self.expired else "")
        said = ", ".join(filter(None, kinds))
        return (
            f"Có {self.having}/{self.needing} chỉ tiêu cần minh chứng đã có minh chứng còn hiệu lực; "
            f"tổng số {self.documents} tài liệu{f', trong đó {said}' if said else ''}."
        )

    @property
    def lacking_sentence(self) -> str:
        if not self.lacking or not self.documents:
            return ""
        return f"Chỉ tiêu chưa có minh chứng còn hiệu lực: {', '.join(self.lacking)}."


@dataclass(frozen=True)
class Minutes:
    """The minutes of one visit, every text ready to print."""

    is_draft: bool
    code: str
    committee: str
    team_name: str
    kind: str
    unit: str
    unit_in_sentence: str
    district: str
    province: str
    place: str
    place_and_day: str
    day: str
    decision: str
    criteria_set: str
    scope: str
    team: tuple[Person, ...]
    attendees: tuple[Person, ...]
    leader: str
    secretary: str
    dossier: Dossier
    criteria: tuple[CriterionText, ...]
    result: str
    unscored_reason: str
    opinion: str
    conclusion: str
    remark: str

    @property
    def marks(self) -> list[str]:
        """What must stand on every page, whatever the form."""
        return [DRAFT] * self.is_draft + [DEMONSTRATION] * settings.DEMONSTRATION


def gather(visit: Visit) -> Minutes:
    """The minutes as the visit stands: a draft until it is concluded, final in the conclusion's
    own transaction. A fixed number of queries, whatever the number of indicators."""
    criteria = scope_of(visit)
    record = visit_record(visit, criteria, None)
    total = visit.criteria_set.criteria.count()
    states = {part.criterion.number: part.state for part in record}
    result = summary_sentence(states, total)
    people = [_person(member) for member in visit.team.all()]
    working = [person for person in people if person.role != TeamMember.Role.ATTENDEE.label]
    unit = visit.unit
    place = ", ".join(found.in_sentence for found in (unit, unit.district, unit.province) if found is not None)
    area = unit.province if visit.stage == Stage.PROVINCE else unit.district or unit.province
    shortcomings = _shortcomings(visit)
    return Minutes(
        is_draft=not visit.is_concluded,
        code=visit.code,
        committee=f"ỦY BAN NHÂN DÂN {area.full_name if area else ''}".strip().upper(),
        team_name=TEAMS[Visit.Kind(visit.kind)],
        kind=visit.get_kind_display(),
        unit=plain(unit.full_name),
        unit_in_sentence=plain(unit.in_sentence),
        district=plain(unit.district.full_name) if unit.district else "",
        province=plain(unit.province.full_name) if unit.province else "",
        place=plain(place),
        place_and_day=plain(f"{unit.name}, {long_day(visit.day)}"),
        day=long_day(visit.day),
        decision=plain(visit.decision_number),
        criteria_set=plain(visit.criteria_set.name),
        scope=_scope([criterion.number for criterion in criteria], total),
        team=tuple(_by_role(working)),
        attendees=tuple(person for person in people if person.role == TeamMember.Role.ATTENDEE.label),
        leader=next((person.name for person in people if person.role == TeamMember.Role.LEADER.label), ""),
        secretary=next((person.name for person in people if person.role == TeamMember.Role.SECRETARY.label), ""),
        dossier=_dossier(visit, record),
        criteria=tuple(_criterion(part, shortcomings) for part in record),
        result=result,
        unscored_reason=plain(visit.unscored_reason),
        opinion=plain(visit.commune_opinion),
        conclusion=plain(visit.summary) or ("" if visit.is_concluded else result or NOT_CONCLUDED),
        remark="" if visit.records_opinion else "Kết quả kiểm tra không ghi nhận thành kết quả chính thức.",
    )


def _person(member: TeamMember) -> Person:
    return Person(plain(member.name), plain(member.post), plain(member.organisation), member.get_role_display())


def _by_role(people: Iterable[Person]) -> list[Person]:
    """The leader first, then the secretary, then the members as they were added."""
    order = [role.label for role in TeamMember.Role]
    return sorted(people, key=lambda person: order.index(person.role))


def _scope(numbers: list[int], total: int) -> str:
    if len(numbers) == total:
        return f"{total}/{total} tiêu chí"
    return f"{len(numbers)}/{total} tiêu chí (số {', '.join(map(str, numbers))})"


def _criterion(part: RecordCriterion, shortcomings: dict[tuple[int, int | None], list[Shortcoming]]) -> CriterionText:
    key = part.criterion.pk
    return CriterionText(
        number=part.criterion.number,
        name=plain(part.criterion.name),
        claim=STATES[_claimed(part).state].label,
        found=STATES[part.state.state].label,
        attainment="" if part.state.state == "not_assessed" else f"{format_number(part.state.attainment, 1)}{JOINED}%",
        shortcomings=tuple(shortcomings.get((key, None), ())),
        indicators=tuple(
            IndicatorText(
                code=row.indicator.code,
                name=plain(row.indicator.name),
                requirement=plain(row.requirement) or NO_TARGET,
                claim=_opinion(row, row.claim) if row.claim else "Chưa đánh giá",
                found=_opinion(row, _scored(row)) if row.score else "Không chấm",
                remark=plain(row.score.note) if row.score else "",
                shortcomings=tuple(shortcomings.get((key, row.indicator.pk), ())),
            )
            for row in part.rows
        ),
    )


def _claimed(part: RecordCriterion) -> State:
    """The criterion's state by the commune's own claims."""
    return criterion_state(
        [
            Item(
                row.indicator.pk,
                part.criterion.number,
                row.claim["verdict"] if row.claim else "",
                row.claim["attainment"] if row.claim else None,
                row.indicator.part_of_id,
                counted=not row.indicator.stands_for_criterion,
            )
            for row in part.rows
        ]
    )


def _scored(row: RecordRow) -> dict[str, Any]:
    return {name: getattr(row.score, name) for name in ("verdict", "value", "part", "whole", "attainment")}


def _opinion(row: RecordRow, opinion: dict[str, Any]) -> str:
    """ "Cơ bản đạt: 94,3 % (1.182/1.253), mức độ đạt 99,3 %", as the screen says it."""
    measure = row.indicator.measure
    figures = ""
    if opinion["value"] is not None:
        figures = format_number(opinion["value"]) + (f"{JOINED}{measure}" if measure else "")
    if opinion["part"] is not None:
        figures = f"{figures} ({format_number(opinion['part'])}/{format_number(opinion['whole'])})".lstrip()
    attained = opinion["attainment"]
    if attained is not None and opinion["verdict"] != "not_applicable" and attained < 100:
        figures = ", ".join(filter(None, [figures, f"mức độ đạt {format_number(attained, 1)}{JOINED}%"]))
    label = VERDICTS[opinion["verdict"]].label
    return f"{label}: {figures}" if figures else label


def _shortcomings(visit: Visit) -> dict[tuple[int, int | None], list[Shortcoming]]:
    """The team's findings by criterion and indicator (None: the criterion as a whole)."""
    found = defaultdict(list)
    for finding in (
        Finding.objects.filter(visit=visit).select_related("department").order_by("criterion__number", "due_on", "pk")
    ):
        lines = [plain(finding.recommendation), plain(finding.department.name) if finding.department else ""]
        lines.append(f"Thời hạn: {finding.due_on:%d/%m/%Y}")
        found[(finding.criterion_id, finding.indicator_id)].append(
            Shortcoming(plain(finding.description), "\n".join(filter(None, lines)))
        )
    return found


def _dossier(visit: Visit, record: list[RecordCriterion]) -> Dossier:
    """Published documents only, as at the visit's conclusion (now, while it is open)."""
    needing = [row.indicator for part in record for row in part.rows if row.indicator.needs_evidence]
    ids = [row.indicator.pk for part in record for row in part.rows]
    links = EvidenceLink.objects.filter(
        links_shown(visit), unit=visit.unit, indicator__in=ids, published_at__isnull=False
    ).select_related("evidence")
    documents = {link.evidence_id: link.evidence for link in links}
    expired = {key for key, document in documents.items() if document.is_expired(visit.day)}
    proved = {link.indicator_id for link in links if link.evidence_id not in expired}
    lacking = [
        indicator.code
        for indicator in needing
        if indicator.pk not in proved and (indicator.part_of_id is None or indicator.part_of_id not in proved)
    ]
    whole = {indicator.whole_id for indicator in needing}
    return Dossier(
        needing=len(whole),
        having=len(whole - {indicator.whole_id for indicator in needing if indicator.code in lacking}),
        documents=len(documents),
        paper=sum(document.form == Evidence.Form.PAPER for document in documents.values()),
        expired=len(expired),
        lacking=tuple(lacking),
    )
