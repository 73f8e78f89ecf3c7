"""Rớt chuẩn: complete communes that lost a criterion since a base day, proof that ran out, targets raised since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from communes import access
from communes.models import Unit
from criteria import targets
from criteria.attainment import MET_VERDICTS, NUMERIC_OPERATORS, measured, reaches
from criteria.checks import format_day
from criteria.evidence_history import as_known
from criteria.models import EvidenceLink, Indicator, Revision
from criteria.recognitions import anything_recorded, recognised
from criteria.rollup import STATES_THAT_COUNT_AS_MET, combined
from criteria.state import Moment
from criteria.wordings import worded
from ntm.clock import today
from reports.matrix import STAGES, Matrix, Row, per_cent
from reports.moments import Comparison, comparisons
from reports.tables.asked import Asked
from reports.tables.table import Column, Kind, Line, Report, Share, Table

SOON = 30  # days within which proof is about to run out
FALLEN = frozenset({"nearly_met", "not_met"})  # judged, and not met; what isn't judged isn't lost


@dataclass(frozen=True, slots=True)
class Said:
    """A published opinion in force, with its figures and the target it was judged by."""

    unit: int
    indicator: int
    stage: str
    verdict: str
    value: Decimal | None
    part: Decimal | None
    whole: Decimal | None
    effective_on: date
    operator: str
    target: Decimal | None
    target_text: str

    @property
    def is_met(self) -> bool:
        return self.verdict in MET_VERDICTS


_COLUMNS = (
    "unit_id", "indicator_id", "stage", "verdict", "value", "part", "whole", "effective_on", "target_operator",
    "target_value", "target_text",
)  # fmt: skip
PLACE = (
    Column("number", "TT", Kind.WHOLE, 5),
    Column("commune", "Xã", Kind.TEXT, 22),
    Column("district", "Huyện", Kind.TEXT, 20),
)


def draw(asked: Asked) -> Report:
    now = asked.matrix("self")
    base = _base(asked)
    listed = Indicator.objects.filter(criterion__in=[criterion.id for criterion in now.criteria])
    listed = listed.select_related("criterion").order_by("criterion__number", "position", "pk")
    indicators = {indicator.pk: indicator for indicator in worded(list(listed), asked.criteria_set, asked.as_of)}
    rows = {row.unit_id: row for row in now.rows}
    said = _said(asked, rows, indicators)
    by_stage: dict[str, dict[int, dict[int, Said]]] = defaultdict(lambda: defaultdict(dict))
    for opinion in said:
        by_stage[opinion.stage][opinion.unit][opinion.indicator] = opinion
    decides = {unit: combined({stage: by_stage[stage][unit] for stage in STAGES}) for unit in rows}
    before = {stage: asked.matrix(stage, base.moment) for stage in STAGES}
    return Report(
        form="09",
        title="Rớt chuẩn và nguy cơ rớt chuẩn",
        subject=asked.subject,
        as_of=asked.as_of,
        tables=(
            _summary(asked, before, base),
            _lost(asked, before, base, by_stage, indicators),
            _recognised(asked),
            _proof(asked, rows, indicators, decides),
            _raised(asked, rows, indicators, said),
        ),
        criteria_set=asked.criteria_set,
        moment=asked.moment,
        limited=now.limited,
        definitions=(
            ("Xã đạt đủ tại mốc", f"Vào mốc so sánh ({base.label.lower()}), cấp đó đánh giá mọi tiêu chí đều đạt."),
            (
                "Mất tiêu chí",
                "Tiêu chí đạt tại mốc mà nay chưa đạt hoặc chỉ cơ bản đạt; nay chưa đánh giá thì không tính là mất.",
            ),
            (
                "Xã đã được công nhận",
                "Theo quyết định còn hiệu lực ở mức của bộ tiêu chí; của giai đoạn trước thì yêu cầu có thể khác.",
            ),
            (
                "Minh chứng hết hiệu lực",
                f"Của chỉ tiêu đang đạt theo cấp cao nhất có đánh giá: đã hết hiệu lực hoặc còn dưới {SOON} ngày.",
            ),
            (
                "Yêu cầu đã nâng",
                "Yêu cầu đã xác nhận đang áp dụng khác mức dùng khi đánh giá đạt; kết quả khi đó không đạt mức nay.",
            ),
        ),
    )


def _base(asked: Asked) -> Comparison:
    """The base day where one is given before the day asked for, else a year before, or the same period closed then."""
    found = {it.key: it for it in comparisons(asked.area, asked.when, asked.options.get("base"))}
    return found.get("base") or found["last_year"]


def _moment(asked: Asked) -> Moment:
    return asked.moment or Moment(today())


def _said(asked: Asked, units: Iterable[int], indicators: Iterable[int]) -> list[Said]:
    """What all stages say at the moment. One query."""
    rows = Revision.objects.filter(unit__in=list(units), indicator__in=list(indicators)).state_on(*_moment(asked))
    return [Said(*row) for row in rows.order_by().values_list(*_COLUMNS)]


def _url(asked: Asked, unit: int, stage: str = "") -> str:
    return asked.page_of(unit, set=asked.criteria_set.code, **({"stage": stage} if stage else {}))


# --- criteria lost ---------------------------------------------------------------------


def is_complete(row: Row) -> bool:
    """Whether a commune judged in full meets every criterion of the matrix."""
    return row.counts and all(state in STATES_THAT_COUNT_AS_MET for state in row.states)


def lost(before: Matrix, now: Matrix) -> list[tuple[Row, Row, list[int]]]:
    """The communes complete then and still there: their row then and now, and the places of the criteria lost, that
    is judged and not met; what isn't judged any more, as where an indicator is new, isn't lost."""
    then = {row.unit_id: row for row in before.rows if is_complete(row)}
    return [
        (
            then[row.unit_id],
            row,
            [place for place, state in enumerate(row.states) if state in FALLEN],
        )
        for row in now.rows
        if row.unit_id in then and row.has_opinion
    ]


def _summary(asked: Asked, before: dict[str, Matrix], base: Comparison) -> Table:
    columns = (
        Column("stage", "Căn cứ đánh giá", Kind.TEXT, 28),
        Column("complete", f"Xã đạt đủ tại mốc {format_day(base.moment.day)}", Kind.WHOLE, 13),
        Column("kept", "Nay vẫn đạt đủ", Kind.WHOLE, 10),
        Column("fell", "Nay mất tiêu chí", Kind.WHOLE, 10),
        Column("unknown", "Nay chưa đánh giá đủ", Kind.WHOLE, 10, "Không mất tiêu chí nào; có chỉ tiêu chưa đánh giá."),
        Column("share", "Tỷ lệ mất (%)", Kind.SHARE, 9),
        Column("criteria", "Số lượt tiêu chí mất", Kind.WHOLE, 11),
    )
    lines = []
    for stage, label in STAGES.items():
        found = lost(before[stage], asked.matrix(stage))
        fell = sum(bool(places) for *_, places in found)
        kept = sum(is_complete(row) for _, row, _ in found)
        share = Share(per_cent(fell, len(found)), "fell", "complete")
        criteria = sum(len(places) for *_, places in found)
        lines.append(Line((label, len(found), kept, fell, len(found) - kept - fell, share, criteria)))
    note = "Chỉ gồm các xã còn tồn tại và còn được đánh giá vào ngày tính."
    return Table("tong_hop", "Xã đạt đủ tại mốc", columns, tuple(lines), note=note)


def _lost(
    asked: Asked,
    before: dict[str, Matrix],
    base: Comparison,
    by_stage: dict[str, dict[int, dict[int, Said]]],
    indicators: dict[int, Indicator],
) -> Table:
    columns = (
        *PLACE,
        Column("stage", "Căn cứ đánh giá", Kind.TEXT, 20),
        Column("criterion", "Tiêu chí", Kind.TEXT, 34),
        Column("then", f"Tại mốc {format_day(base.moment.day)}", Kind.STATE, 14),
        Column("now", "Tại ngày tính", Kind.STATE, 14),
        Column("since", "Từ ngày", Kind.DATE, 12, "Ngày sớm nhất từ đó một chỉ tiêu của tiêu chí không còn đạt."),
    )
    of = {pk: indicator.criterion_id for pk, indicator in indicators.items()}
    found = [
        (place, stage, row, then)
        for stage in STAGES
        for then, row, places in lost(before[stage], asked.matrix(stage))
        for place in places
    ]
    order = {row.unit_id: number for number, row in enumerate(asked.matrix("self").rows)}
    found.sort(key=lambda it: (order[it[2].unit_id], it[0], list(STAGES).index(it[1])))
    criteria = asked.matrix("self").criteria
    lines = []
    for number, (place, stage, row, then) in enumerate(found, 1):
        criterion = criteria[place]
        failing = [
            opinion.effective_on
            for opinion in by_stage[stage][row.unit_id].values()
            if of[opinion.indicator] == criterion.id and opinion.verdict in FALLEN
        ]
        lines.append(
            Line(
                (
                    number, row.full_name, row.district, STAGES[stage], f"{criterion.number}. {criterion.name}",
                    then.states[place], row.states[place], min(failing, default=None),
                ),
                url=_url(asked, row.unit_id, stage),
            )
        )  # fmt: skip
    empty = "Không có xã nào đạt đủ tại mốc mà nay mất tiêu chí."
    return Table("mat_tieu_chi", "Xã mất tiêu chí", columns, tuple(lines), empty=empty)


def _recognised(asked: Asked) -> Table:
    """Recognised communes that now miss a criterion, whether or not they were ever complete in our data."""
    columns = (
        *PLACE,
        Column("set", "Công nhận theo", Kind.TEXT, 24),
        Column("decision", "Quyết định công nhận", Kind.TEXT, 24),
        Column("stage", "Căn cứ đánh giá", Kind.TEXT, 20),
        Column("missed", "Số tiêu chí không còn đạt", Kind.WHOLE, 11, "Chưa đạt hoặc cơ bản đạt."),
        Column("criteria", "Các tiêu chí", Kind.TEXT, 24, "Số thứ tự."),
    )
    criteria = asked.matrix("self").criteria
    rows = {stage: {row.unit_id: row for row in asked.matrix(stage).rows} for stage in STAGES}
    units = list(rows["self"])
    held = recognised(units, asked.as_of, asked.known_at, asked.criteria_set.grade)
    lines: list[Line] = []
    for unit in units:
        for stage, label in STAGES.items():
            row = rows[stage][unit]
            missed = [str(one.number) for one, state in zip(criteria, row.states, strict=False) if state in FALLEN]
            if not missed or unit not in held:
                continue
            latest = held[unit][-1]
            lines.append(
                Line(
                    (
                        len(lines) + 1, row.full_name, row.district, latest.criteria_set.label, latest.words, label,
                        len(missed), ", ".join(missed),
                    ),
                    url=_url(asked, unit, stage),
                )
            )  # fmt: skip
    empty = "Không có xã nào đã được công nhận mà nay có tiêu chí không còn đạt."
    if not held and not anything_recorded(units, asked.known_at):
        empty = "Chưa ghi nhận quyết định công nhận nào của các xã trên địa bàn."
    return Table("da_cong_nhan", "Xã được công nhận mất tiêu chí", columns, tuple(lines), empty=empty)


# --- proof that runs out ---------------------------------------------------------------


def _proof(
    asked: Asked,
    rows: dict[int, Row],
    indicators: dict[int, Indicator],
    decides: dict[int, dict[int, tuple[str, Said]]],
) -> Table:
    columns = (
        *PLACE,
        Column("code", "Chỉ tiêu", Kind.CENTRE, 8),
        Column("name", "Nội dung chỉ tiêu", Kind.TEXT, 34),
        Column("document", "Minh chứng", Kind.TEXT, 34),
        Column("expires_on", "Hết hiệu lực sau ngày", Kind.DATE, 12),
        Column("days", "Còn (ngày)", Kind.WHOLE, 8, "Số âm: đã hết hiệu lực bấy nhiêu ngày."),
        Column("others", "Minh chứng khác còn hiệu lực", Kind.WHOLE, 11, "Của cùng chỉ tiêu."),
        Column("stage", "Đánh giá đạt theo", Kind.TEXT, 20),
    )
    sees = access.sees_files(asked.user, asked.area)
    number, lines = 0, []
    for link in _running_out(asked, rows, indicators) if sees else ():
        stage, opinion = decides[link.unit].get(link.indicator, ("", None))
        if opinion is None or not opinion.is_met:
            continue
        number += 1
        row, indicator = rows[link.unit], indicators[link.indicator]
        lines.append(
            Line(
                (
                    number, row.full_name, row.district, indicator.code, indicator.name,
                    " – ".join(filter(None, [link.title, link.document_number])), link.expires_on,
                    (link.expires_on - asked.as_of).days, link.others, STAGES[stage],
                ),
                url=_url(asked, link.unit),
            )
        )  # fmt: skip
    empty = f"Không có minh chứng nào hết hiệu lực hoặc còn dưới {SOON} ngày ở chỉ tiêu đang đạt."
    if not sees:
        empty = "Tài khoản này xem số liệu của địa bàn, không xem minh chứng."
    return Table("minh_chung", "Minh chứng hết hiệu lực", columns, tuple(lines), empty=empty)


class _Link(NamedTuple):
    """A tie of proof that has run out or is about to, and how many others of the indicator still hold."""

    unit: int
    indicator: int
    title: str
    document_number: str
    expires_on: date
    others: int


def _running_out(asked: Asked, units: Iterable[int], indicators: Iterable[int]) -> list[_Link]:
    """Published proof the person may see, tied and in use at the moment. One query."""
    limit = asked.as_of + timedelta(days=SOON)
    there = _there(_moment(asked).known_until if asked.moment else None)
    title, document_number, until = (
        as_known(name, asked.known_at) for name in ("title", "document_number", "expires_on")
    )
    beside = (
        EvidenceLink.objects.alias(until=until)
        .filter(there, unit=OuterRef("unit"), indicator=OuterRef("indicator"))
        .filter(Q(until__isnull=True) | Q(until__gte=asked.as_of))
        .exclude(pk=OuterRef("pk"))
        .order_by()
        .values("unit")
        .annotate(number=Count("pk"))
        .values("number")
    )
    links = EvidenceLink.objects.annotate(title=title, document_number=document_number, until=until).filter(
        there, unit__in=list(units), indicator__in=list(indicators), until__lt=limit
    )
    found = links.visible_to(asked.user).annotate(others=Coalesce(Subquery(beside), 0))
    columns = ("unit_id", "indicator_id", "title", "document_number", "until")
    places = {unit: place for place, unit in enumerate(units)}  # by the names of the day
    listed = [_Link(*row) for row in found.order_by("pk").values_list(*columns, "others")]
    return sorted(listed, key=lambda link: (link.expires_on, places[link.unit]))


def _there(at: datetime | None) -> Q:
    """Ties sent with a result and neither removed nor retired by then (None: now)."""
    if at is None:
        return Q(published_at__isnull=False, removed_at__isnull=True, evidence__retired_at__isnull=True)
    kept = Q(removed_at__isnull=True) | Q(removed_at__gt=at)
    in_use = Q(evidence__retired_at__isnull=True) | Q(evidence__retired_at__gt=at)
    return Q(published_at__lte=at) & kept & in_use


# --- targets raised --------------------------------------------------------------------


def _raised(asked: Asked, rows: dict[int, Row], indicators: dict[int, Indicator], said: list[Said]) -> Table:
    columns = (
        *PLACE,
        Column("stage", "Căn cứ đánh giá", Kind.TEXT, 20),
        Column("code", "Chỉ tiêu", Kind.CENTRE, 8),
        Column("name", "Nội dung chỉ tiêu", Kind.TEXT, 34),
        Column("value", "Kết quả thực hiện", Kind.NUMBER, 11),
        Column("judged_on", "Đánh giá từ ngày", Kind.DATE, 12),
        Column("then", "Yêu cầu khi đánh giá", Kind.CENTRE, 14),
        Column("now", "Yêu cầu đang áp dụng", Kind.CENTRE, 14),
        Column("source", "Căn cứ của yêu cầu", Kind.TEXT, 30),
    )
    day = min(asked.as_of, asked.criteria_set.last_day)
    units = list(Unit.objects.filter(pk__in=list(rows)))
    demanded = targets.resolve_area(units, asked.criteria_set, day, indicators.values(), asked.known_at)
    places = {unit: place for place, unit in enumerate(rows)}
    found = [(opinion, demanded[opinion.unit][opinion.indicator]) for opinion in said]
    found = [(opinion, target) for opinion, target in found if now_misses(opinion, target, asked.moment)]
    order = {pk: place for place, pk in enumerate(indicators)}
    found.sort(key=lambda it: (places[it[0].unit], order[it[0].indicator], list(STAGES).index(it[0].stage)))
    lines = []
    for number, (opinion, target) in enumerate(found, 1):
        row, indicator = rows[opinion.unit], indicators[opinion.indicator]
        lines.append(
            Line(
                (
                    number, row.full_name, row.district, STAGES[opinion.stage], indicator.code, indicator.name,
                    opinion.value, opinion.effective_on, opinion.target_text, target.text,
                    "; ".join(filter(None, [target.reason, target.source])),
                ),
                url=_url(asked, opinion.unit, opinion.stage),
            )
        )  # fmt: skip
    empty = "Không có kết quả đạt nào thấp hơn yêu cầu đang áp dụng."
    return Table("yeu_cau_nang", "Kết quả dưới yêu cầu đã nâng", columns, tuple(lines), empty=empty)


def now_misses(opinion: Said, target: targets.Resolved, moment: Moment | None) -> bool:
    """Whether a met opinion's value, which reached its target, misses the confirmed one in force now.

    A target confirmed after a moment wasn't known then.
    """
    if not opinion.is_met or opinion.operator not in NUMERIC_OPERATORS or target.operator not in NUMERIC_OPERATORS:
        return False
    if target.target is None or not target.confirmed or opinion.target is None:
        return False
    if moment and not moment.knows(target.target.confirmed_at):
        return False
    value = measured(opinion.value, opinion.part, opinion.whole)
    met_then = reaches(opinion.operator, opinion.target, value)
    return bool(met_then) and reaches(target.operator, target.value, value) is False
