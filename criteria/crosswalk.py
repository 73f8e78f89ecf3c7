"""From one criteria set to the next: which indicator continues which, and what was told of it before.

People enter what continues what (`save`), never the program. An earlier result is never
converted: it shows beside the later indicator with its date and its documents, and its own
person may take it over as a draft, one by one (`take_over`); it is judged by the later set's
target like anything typed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from typing import Any

from django.db import transaction
from django.db.models import Q

from communes.access import predecessors, visible_criteria
from communes.models import Unit
from criteria.checks import MISSES_TARGET, Refused, check_day, format_day
from criteria.entries import Stale, save_entry
from criteria.evidence import attach
from criteria.models import Continuation, CriteriaSet, Entry, Evidence, EvidenceLink, Indicator
from criteria.numbers import format_number
from criteria.periods import default_day, periods_of
from criteria.state import state_on
from criteria.verdicts import VERDICTS, Stage, Verdict
from criteria.wordings import worded_each

# --- entering it -----------------------------------------------------------------------------


@dataclass
class Line:
    """A later indicator with the codes of those it continues: the nation's, and of the place edited."""

    indicator: Indicator
    nation: list[str]
    own: list[str]
    typed: str = ""
    error: str = ""

    @property
    def seen(self) -> str:
        return ", ".join(self.own)


class CrosswalkChanged(Exception):
    """Somebody changed these rows since they were read; nothing was written. `codes`: their indicators'."""

    def __init__(self, codes: list[str]) -> None:
        super().__init__(", ".join(codes))
        self.codes = codes


def lines(earlier: CriteriaSet, later: CriteriaSet, province: Unit | None) -> list[Line]:
    """The later set's indicators with what they continue of the earlier set. Two queries."""
    found: dict[int, Line] = {}
    for indicator in indicators_of(later):
        found[indicator.pk] = Line(indicator, [], [])
    rows = Continuation.objects.filter(
        Q(province__isnull=True) | Q(province=province), later__in=list(found), earlier__criterion__criteria_set=earlier
    )
    for pk, code, place in rows.order_by("earlier__criterion__number", "earlier__position").values_list(
        "later_id", "earlier__code", "province_id"
    ):
        is_own = place == (province.pk if province else None)
        (found[pk].own if is_own else found[pk].nation).append(code)
    for line in found.values():
        line.typed = line.seen
    return list(found.values())


def indicators_of(criteria_set: CriteriaSet) -> list[Indicator]:
    """A set's own indicators in their order, without parts and without what stands for a criterion."""
    rows = Indicator.objects.filter(
        criterion__criteria_set=criteria_set, part_of__isnull=True, stands_for_criterion=False
    )
    return list(rows.select_related("criterion").order_by("criterion__number", "position"))


def read_codes(text: str, known: Mapping[str, Indicator]) -> list[str]:
    """The codes of a cell ("6.1, 6.2"), each once; raises ValueError naming those the set doesn't have."""
    codes = list(dict.fromkeys(code.strip(".") for code in re.split(r"[\s,;]+", text) if code.strip(".")))
    unknown = [code for code in codes if code not in known]
    if unknown:
        raise ValueError(f"Bộ cũ không có chỉ tiêu {', '.join(unknown[:5])}. Ghi mã như 6.1, cách nhau bằng dấu phẩy.")
    return codes


@transaction.atomic
def save(
    earlier: CriteriaSet, later: CriteriaSet, province: Unit | None, typed: Mapping[int, tuple[str, str]], *, by: Any
) -> int:
    """Write the place's rows as typed; by later indicator (text, text as it was read). How many changed.

    Raises CrosswalkChanged, and Refused with messages by later indicator's id; then nothing is written.
    """
    CriteriaSet.objects.select_for_update(of=("self",)).get(pk=later.pk)  # one writer at a time
    known = {indicator.code: indicator for indicator in indicators_of(earlier)}
    errors: dict[str, str] = {}
    stale: list[str] = []
    changed = 0
    for line in lines(earlier, later, province):
        text, seen = typed.get(line.indicator.pk, (line.seen, line.seen))
        try:
            codes = read_codes(text, known)
        except ValueError as error:
            errors[str(line.indicator.pk)] = str(error)
            continue
        if set(codes) == set(line.own):
            continue
        if seen != line.seen:
            stale.append(line.indicator.code)
            continue
        Continuation.objects.filter(
            later=line.indicator, province=province, earlier__criterion__criteria_set=earlier
        ).exclude(earlier__code__in=codes).delete()
        Continuation.objects.bulk_create(
            Continuation(earlier=known[code], later=line.indicator, province=province, entered_by=by)
            for code in codes
            if code not in line.own
        )
        changed += 1
    if errors:
        raise Refused(errors)
    if stale:
        raise CrosswalkChanged(stale)
    return changed


# --- what was told before --------------------------------------------------------------------


@dataclass
class Earlier:
    """What a unit (or one that went into it) had told of an indicator that a later one continues, or what
    the district or the province had found there (`stage`).

    `reason`: why it can't be taken over; empty where it can.
    """

    unit: Unit
    indicator: Indicator
    state: dict[str, Any]
    documents: list[Evidence]
    stage: str = Stage.SELF.value
    reason: str = ""

    @property
    def whose(self) -> str:
        """ "Kết quả thẩm tra"."""
        return Stage(self.stage).label

    @property
    def words(self) -> str:
        """ "98,5 % · Đạt"."""
        value = self.state["value"]
        said = [] if value is None else [f"{format_number(value)} {self.indicator.measure}".strip()]
        said += [VERDICTS[self.state["verdict"]].label] if self.state["verdict"] else []
        return " · ".join(said)


def earlier_results(unit: Unit, indicators: Iterable[Indicator], user: Any) -> dict[int, list[Earlier]]:
    """By later indicator, what the unit and its predecessors had told of the ones it continues, each with
    what district and province had found. One query where nothing continues anything, six at most. The
    indicators read as they did on the day of the result."""
    later = {indicator.pk: indicator for indicator in indicators}
    known = Continuation.objects.filter(Q(province__isnull=True) | Q(province=unit.province_id), later__in=list(later))
    allowed = visible_criteria(user)
    if allowed is not None:
        known = known.filter(earlier__criterion__in=allowed)
    rows = list(
        known.select_related("earlier__criterion__criteria_set").order_by(
            "earlier__criterion__criteria_set__first_year", "earlier__criterion__number", "earlier__position"
        )
    )
    if not rows:
        return {}
    earlier = {row.earlier_id: row.earlier for row in rows}
    places = {unit.pk: unit} | Unit.objects.in_bulk(predecessors([unit.pk]))
    states = {
        about: state
        for about, state in state_on(
            list(places), rows[0].earlier.criterion.criteria_set, Stage.values, only=list(earlier)
        ).items()
        if state["verdict"] or state["value"] is not None
    }
    documents: dict[tuple[int, int], list[Evidence]] = defaultdict(list)
    links = EvidenceLink.objects.visible_to(user).filter(
        unit__in=list(places),
        indicator__in=list(earlier),
        removed_at__isnull=True,
        evidence__retired_at__isnull=True,
    )
    for link in links.select_related("evidence").order_by("created_at", "pk"):
        documents[link.unit_id, link.indicator_id].append(link.evidence)
    found: dict[int, list[Earlier]] = defaultdict(list)
    for row in {(row.later_id, row.earlier_id): row for row in rows}.values():
        for place, stage in product(places.values(), Stage.values):
            state = states.get((stage, place.pk, row.earlier_id))
            if state:
                # Documents are the unit's own: told beside what it said itself.
                papers = documents[place.pk, row.earlier_id] if stage == Stage.SELF else []
                told = Earlier(place, copy(row.earlier), state, papers, stage)
                told.reason = _why_not(unit, later[row.later_id], told)
                found[row.later_id].append(told)
    listed = [one for told in found.values() for one in told]
    worded_each((one.indicator, one.indicator.criterion.criteria_set, one.state["effective_on"]) for one in listed)
    return found


def _why_not(unit: Unit, later: Indicator, told: Earlier) -> str:
    if told.unit.pk != unit.pk:
        return f"Kết quả của {told.unit.in_sentence} trước khi sáp nhập: chỉ để tham khảo."
    if told.stage != Stage.SELF:
        return f"{told.whose}: chỉ để tham khảo."
    if (told.indicator.kind, told.indicator.measure) != (later.kind, later.measure):
        return "Hai chỉ tiêu tính khác nhau: chỉ để tham khảo, nhập lại theo chỉ tiêu mới."
    return ""


@dataclass
class Offer:
    """An earlier result with the day for which it would be taken over, and the draft it would replace."""

    told: Earlier
    day: date
    draft: Entry | None

    @property
    def is_redated(self) -> bool:
        """Whether it would be entered for another day than it was told of: the later set begins after that."""
        return self.day != self.told.state["effective_on"]

    @property
    def must_ask(self) -> bool:
        """Whether its person has to see what becomes of it first."""
        return self.is_redated or self.draft is not None

    @property
    def draft_words(self) -> str:
        """What the draft says: "98,5 % · Đạt"."""
        if self.draft is None:
            return ""
        state = {"value": self.draft.value, "verdict": self.draft.verdict}
        return replace(self.told, indicator=self.draft.indicator, state=state).words or "chỉ có ghi chú"


def offer(unit: Unit, indicator: Indicator, earlier_id: int, *, seen_version: int, user: Any) -> Offer:
    """What taking an earlier result over would do. Raises Refused, Stale; KeyError where there is no such result."""
    found = earlier_results(unit, [indicator], user).get(indicator.pk, [])
    mine = [one for one in found if one.unit.pk == unit.pk and one.stage == Stage.SELF]
    told = next((one for one in mine if one.indicator.pk == earlier_id), None)
    if told is None:
        raise KeyError(earlier_id)
    if told.reason:
        raise Refused({"value": told.reason})
    draft = Entry.objects.filter(unit=unit, indicator=indicator).select_related("updated_by", "indicator").first()
    if (draft.version if draft else 0) != seen_version:
        raise Stale(draft)
    says = draft is not None and any((draft.verdict, draft.value is not None, draft.note))
    day = _day(unit, indicator.criterion.criteria_set, told.state["effective_on"])
    return Offer(told, day, draft if says else None)


def take_over(
    unit: Unit, indicator: Indicator, offered: Offer, *, seen_version: int, user: Any
) -> tuple[Entry, bool, int]:
    """Put an earlier result into the unit's draft of the later indicator, with its documents.

    Returns the draft, whether its verdict came along (a target of the new set may contradict
    it: then the figures come alone), and how many documents were tied. Raises Refused, Stale.
    """
    told, day = offered.told, offered.day
    state, criteria_set = told.state, indicator.criterion.criteria_set
    was = format_day(state["effective_on"])
    note = f"Lấy từ chỉ tiêu {told.indicator.code}, {told.indicator.criterion.criteria_set.name}, số liệu ngày {was}."
    verdict = Verdict.MET.value if state["verdict"] == Verdict.FIRMLY_MET else state["verdict"]
    opinion = {
        "verdict": verdict,
        "value": state["value"] if state["part"] is None else None,
        "part": state["part"],
        "whole": state["whole"],
        "note": "\n".join(filter(None, [state["note"], note]))[-2000:],
    }
    with transaction.atomic():
        try:
            with transaction.atomic():
                entry = save_entry(
                    unit, criteria_set, indicator, opinion, effective_on=day, seen_version=seen_version, by=user
                )
            kept = True
        except Refused as refused:
            if refused.code != MISSES_TARGET:
                raise
            opinion["verdict"] = ""
            entry = save_entry(
                unit, criteria_set, indicator, opinion, effective_on=day, seen_version=seen_version, by=user
            )
            kept = False
        tied = attach(told.documents, unit, [indicator], by=user) if told.documents else 0
    return entry, kept, tied


def _day(unit: Unit, criteria_set: CriteriaSet, was: date) -> date:
    """The earlier result's own day where the later set knows it, else the day one enters for now."""
    return was if not check_day(was, unit, criteria_set) else default_day(unit, criteria_set, periods_of(unit))
