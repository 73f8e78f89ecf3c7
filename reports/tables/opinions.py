"""Ba kết quả đánh giá: the commune's, the district's and the province's opinions side by side, and what visits changed.

Two opinions on a criterion are compared where both judged it in full, on three levels: met (firmly and not
applicable included), nearly met, not met (`criteria.rollup.rank`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from django import forms
from django.urls import reverse

from communes.names import search_name
from criteria.periods import first_day
from criteria.rollup import STATES_THAT_COUNT_AS_MET, rank
from criteria.verdicts import Stage
from inspections.changes import Change, changes
from inspections.models import TeamMember, Visit
from reports.matrix import STAGES, Matrix, Row, per_cent
from reports.tables.asked import Asked
from reports.tables.table import Cell, Column, Difference, Kind, Line, Report, Share, Sum, Table


class Options(forms.Form):
    pairs = forms.ChoiceField(
        label="Liệt kê xã, tiêu chí",
        required=False,
        choices=[("", "Chỉ nơi các cấp đánh giá khác nhau"), ("all", "Tất cả nơi đã có đánh giá")],
    )
    leader = forms.CharField(label="Trưởng đoàn", required=False, max_length=100)
    since = forms.DateField(
        label="Các cuộc kiểm tra từ ngày",
        required=False,
        widget=forms.DateInput({"type": "date"}),
    )


# The stages held against the commune's own word, and what their columns begin with.
ABOVE = {Stage.DISTRICT.value: "Thẩm tra", Stage.PROVINCE.value: "Thẩm định"}
NO_TEAM = "Không lập đoàn"


def compared(now: Mapping[str, str], stage: str) -> int:
    """A stage's state against the commune's: below 0 lower, above 0 higher, 0 equal or not to be compared."""
    own, other = rank(now["self"]), rank(now[stage])
    return 0 if own is None or other is None else other - own


def draw(asked: Asked) -> Report:
    matrices = {stage: asked.matrix(stage) for stage in STAGES}
    first = matrices["self"]
    # By commune and criterion what each stage says of it.
    pairs = {
        (place, number): {stage: _state(matrices[stage], place, number) for stage in STAGES}
        for place in range(len(first.rows))
        for number in range(len(first.criteria))
    }
    visits, leaders = _visits(asked, first)
    leader = (asked.options.get("leader") or "").strip()
    no_visits = (
        f"Không có cuộc kiểm tra nào do trưởng đoàn “{leader}” dẫn trong thời gian này." if leader else NO_VISITS
    )
    told = changes(visits, asked.criteria_set, asked.moment.known_at if asked.moment else None)
    own = {criterion.number for criterion in first.criteria}
    told = {visit: [change for change in found if change.number in own] for visit, found in told.items()}
    return Report(
        form="05",
        title="So sánh ba kết quả đánh giá",
        subject=asked.subject,
        as_of=asked.as_of,
        tables=(
            _by_commune(asked, matrices, pairs),
            _by_criterion(matrices, pairs),
            _pairs(asked, first, pairs),
            _by_leader(visits, leaders, told, no_visits),
            _by_visit(asked, first, visits, leaders, told, no_visits),
        ),
        criteria_set=asked.criteria_set,
        moment=asked.moment,
        limited=first.limited,
        definitions=(
            (
                "So sánh hai cấp",
                "Chỉ nơi cả hai cấp đánh giá đủ; ba mức: đạt (kể cả vững chắc, không áp dụng), cơ bản đạt, chưa đạt.",
            ),
            ("Số tiêu chí đạt của xã", "Để trống nơi cấp đó chưa đánh giá đủ mọi tiêu chí của xã."),
            (
                "Cuộc kiểm tra thay đổi gì",
                "Các tiêu chí đoàn đã chấm: xã tự đánh giá có hiệu lực vào ngày kiểm tra, và kết luận của đoàn.",
            ),
        ),
    )


def _state(matrix: Matrix, place: int, number: int) -> str:
    states = matrix.rows[place].states
    return states[number] if states else "not_assessed"


Pairs = Mapping[tuple[int, int], Mapping[str, str]]


def _met_columns(what: str, meaning: str) -> list[Column]:
    return [Column(f"{stage}_met", f"{label}: {what}", Kind.WHOLE, 11, meaning) for stage, label in STAGES.items()]


def _step_columns() -> list[Column]:
    """For each stage above: what both judged, where it is lower and higher than the commune."""
    columns = []
    for stage, label in ABOVE.items():
        columns += [
            Column(
                f"{stage}_both", f"{label}: số ô xã và cấp này cùng có kết quả", Kind.WHOLE, 13,
                "Mỗi ô là một tiêu chí của một xã; xã và cấp này đều đã đánh giá đủ, dù giống hay khác nhau.",
            ),
            Column(f"{stage}_lower", f"{label} thấp hơn xã", Kind.WHOLE, 10),
            Column(f"{stage}_higher", f"{label} cao hơn xã", Kind.WHOLE, 10),
            Column(f"{stage}_share", f"{label}: tỷ lệ thấp hơn (%)", Kind.SHARE, 10, "Trên số ô cùng có kết quả."),
        ]  # fmt: skip
    return columns


def _steps(own: Iterable[Mapping[str, str]], kind: type = int) -> list[Cell]:
    every = list(own)
    cells: list[Cell] = []
    for stage in ABOVE:
        both = sum(rank(it["self"]) is not None and rank(it[stage]) is not None for it in every)
        if not both:
            cells += [None, None, None, Share(None, f"{stage}_lower", f"{stage}_both")]
            continue
        steps = [compared(it, stage) for it in every]
        lower = sum(step < 0 for step in steps)
        share = Share(per_cent(lower, both), f"{stage}_lower", f"{stage}_both")
        cells += [kind(both), kind(lower), kind(sum(step > 0 for step in steps)), share]
    return cells


def _by_commune(asked: Asked, matrices: Mapping[str, Matrix], pairs: Pairs) -> Table:
    first = matrices["self"]
    columns = (
        Column("number", "TT", Kind.WHOLE, 5),
        Column("commune", "Xã", Kind.TEXT, 26),
        *_met_columns("số tiêu chí đạt", ""),
        *(Column(f"{stage}_change", f"{label} so với xã", Kind.WHOLE, 10) for stage, label in ABOVE.items()),
        *_step_columns(),
    )
    places = {row.unit_id: place for place, row in enumerate(first.rows)}
    numbers = range(len(first.criteria))

    def cells(own: Sequence[Row], kind: type) -> tuple[Cell, ...]:
        """What stands after the name: of one commune (`kind` int), or the sums over several (Sum)."""
        met = [[matrices[stage].rows[places[row.unit_id]].met_in_full for stage in STAGES] for row in own]
        changes = [_less(column, met) for column in range(1, len(STAGES))]
        total = [_total(column) for column in zip(*met, strict=True)]
        if kind is Sum:
            head: list[Cell] = [*map(Sum, total), *map(Sum, changes)]
        else:
            less = zip(changes, ABOVE, strict=True)
            head = [*total, *(Difference(value, f"{stage}_met", "self_met") for value, stage in less)]
        said = [pairs[places[row.unit_id], number] for row in own for number in numbers]
        return (*head, *_steps(said, kind))

    lines = []
    for group in first.groups:
        if len(first.groups) > 1:
            lines.append(Line((None, group.name, *cells(group.rows, Sum)), "group"))
        for row in group.rows:
            url = asked.page_of(row.unit_id, set=first.criteria_set.code)
            lines.append(Line((places[row.unit_id] + 1, row.full_name, *cells([row], int)), url=url))
    if lines:
        lines.append(Line((None, "Toàn địa bàn", *cells(first.rows, Sum)), "total"))
    note = "Tổng chênh lệch chỉ gồm các xã mà cả hai cấp đã đánh giá đủ mọi tiêu chí."
    title = "So sánh theo xã"
    return Table("theo_xa", title, columns, tuple(lines), note=note, empty="Địa bàn không có xã nào.")


def _total(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _less(column: int, met: Sequence[Sequence[int | None]]) -> int | None:
    """How far a stage's criteria met are from the commune's own, over communes where both are known."""
    return _total(row[column] - row[0] for row in met if row[column] is not None and row[0] is not None)  # type: ignore[operator]


def _by_criterion(matrices: Mapping[str, Matrix], pairs: Pairs) -> Table:
    first = matrices["self"]
    columns = (
        Column("number", "Số", Kind.CENTRE, 6),
        Column("criterion", "Tiêu chí", Kind.TEXT, 34),
        *_met_columns("số xã đạt", "Trên các xã cấp đó đã đánh giá đủ mọi tiêu chí."),
        *_step_columns(),
    )
    lines = []
    for number, criterion in enumerate(first.criteria):
        totals = [matrices[stage].totals[number] for stage in STAGES]
        met = [total.met if total.with_opinion else None for total in totals]
        own = [pairs[place, number] for place in range(len(first.rows))]
        lines.append(Line((str(criterion.number), criterion.name, *met, *_steps(own))))
    if lines:
        total_met = [matrices[stage].figures.criteria_met for stage in STAGES]
        lines.append(Line((None, "Cộng", *map(Sum, total_met), *_steps(pairs.values(), Sum)), "total"))
    known = ", ".join(
        f"{label.lower()} {matrices[stage].figures.with_opinion}/{matrices[stage].figures.communes} xã"
        for stage, label in STAGES.items()
    )
    note = f"Đã đánh giá đủ mọi tiêu chí: {known}."
    return Table("theo_tieu_chi", "So sánh theo tiêu chí", columns, tuple(lines), note=note)


def _pairs(asked: Asked, first: Matrix, pairs: Pairs) -> Table:
    columns = (
        Column("number", "TT", Kind.WHOLE, 5),
        Column("commune", "Xã", Kind.TEXT, 22),
        Column("district", "Huyện", Kind.TEXT, 20),
        Column("criterion", "Tiêu chí", Kind.TEXT, 34),
        *(Column(f"{stage}_state", label, Kind.STATE, 14) for stage, label in STAGES.items()),
        Column("remark", "Chênh lệch", Kind.TEXT, 26),
    )
    every = asked.options.get("pairs") == "all"
    lines: list[Line] = []
    for (place, number), states in pairs.items():
        steps = {stage: compared(states, stage) for stage in ABOVE}
        # Also where only the two above differ, the commune having said nothing.
        known = {rank(state) for state in states.values()} - {None}
        if not (len(known) > 1 or (every and set(states.values()) != {"not_assessed"})):
            continue
        row, criterion = first.rows[place], first.criteria[number]
        said = [f"{ABOVE[stage]} {'thấp' if step < 0 else 'cao'} hơn xã" for stage, step in steps.items() if step]
        shown = [None if state == "not_assessed" else state for state in states.values()]
        lines.append(
            Line(
                (
                    len(lines) + 1, row.full_name, row.district, f"{criterion.number}. {criterion.name}",
                    *shown, "; ".join(said) or None,
                ),
                url=asked.page_of(row.unit_id, set=first.criteria_set.code),
            )
        )  # fmt: skip
    return Table(
        "tung_tieu_chi",
        "So sánh từng xã, từng tiêu chí",
        columns,
        tuple(lines),
        note="" if every else "Chỉ nơi các cấp đánh giá khác nhau. Ô trống: cấp đó chưa đánh giá.",
        empty="Chưa cấp nào đánh giá." if every else "Không có nơi nào các cấp đánh giá khác nhau.",
    )


NO_VISITS = "Không có cuộc kiểm tra nào ghi nhận kết quả chính thức trong thời gian này mà bạn được xem."


# --- what visits changed ---------------------------------------------------------------


def since(asked: Asked) -> date:
    """From when on visits are told of: as asked, else from the period's or the year's first day."""
    if asked.options.get("since"):
        return asked.options["since"]
    period = asked.when.period
    return (first_day(period.kind, period.ends_on) if period else None) or asked.as_of.replace(month=1, day=1)


class Leader(NamedTuple):
    """Who led a visit: an account's holder wherever they work, a guest by name and organisation."""

    name: str
    user: int | None = None
    organisation: str = ""


NO_LEADER = Leader(NO_TEAM)


def _visits(asked: Asked, first: Matrix) -> tuple[list[Visit], dict[int, Leader]]:
    """The visits concluded in the time whose opinion counts, and who led them. Two queries."""
    rows = Visit.objects.filter(
        unit__in=[row.unit_id for row in first.rows],
        criteria_set=asked.criteria_set,
        state=Visit.State.CONCLUDED,
        records_opinion=True,
        held_on__gte=since(asked),
        held_on__lte=asked.as_of,
    )
    if asked.moment:
        rows = rows.filter(concluded_at__lte=asked.moment.known_until)
    visits = list(rows.visible_to(asked.user).select_related("unit").order_by("held_on", "pk"))
    led = TeamMember.objects.filter(visit__in=rows.order_by().values("pk"), role=TeamMember.Role.LEADER)
    columns = ("visit_id", "name", "user_id", "organisation")
    leaders = {visit: Leader(*told) for visit, *told in led.values_list(*columns)}
    wanted = search_name(asked.options.get("leader") or "")
    visits = [visit for visit in visits if wanted in search_name(leaders.get(visit.pk, NO_LEADER).name)]
    return visits, leaders


CHANGES = (
    Column("scored", "Số tiêu chí đã chấm", Kind.WHOLE, 10),
    Column("before", "Xã tự đánh giá đạt", Kind.WHOLE, 10, "Trong các tiêu chí đã chấm, vào ngày kiểm tra."),
    Column("after", "Đoàn kết luận đạt", Kind.WHOLE, 10),
    Column("change", "Tăng, giảm", Kind.WHOLE, 9),
    Column("lower", "Số tiêu chí hạ mức", Kind.WHOLE, 9, "Đoàn kết luận ở mức thấp hơn xã tự đánh giá."),
    Column("higher", "Số tiêu chí nâng mức", Kind.WHOLE, 9),
)


def _change_counts(own: list[Change]) -> list[int]:
    before = sum(change.before in STATES_THAT_COUNT_AS_MET for change in own)
    after = sum(change.after in STATES_THAT_COUNT_AS_MET for change in own)
    return [len(own), before, after, sum(change.step < 0 for change in own), sum(change.step > 0 for change in own)]


def _change_cells(own: list[Change], kind: type = int) -> tuple[Cell, ...]:
    scored, before, after, lower, higher = _change_counts(own)
    change = Difference(after - before, "after", "before")
    return (*map(kind, (scored, before, after)), change, kind(lower), kind(higher))


def _by_leader(
    visits: list[Visit], leaders: Mapping[int, Leader], told: Mapping[int, list[Change]], none: str
) -> Table:
    columns = (
        Column("leader", "Trưởng đoàn", Kind.TEXT, 30),
        Column("visits", "Số cuộc", Kind.WHOLE, 9),
        *CHANGES,
        Column("lower_share", "Tỷ lệ hạ mức (%)", Kind.SHARE, 10, "Trên số tiêu chí đã chấm."),
    )
    by_leader: dict[int | Leader, list[Visit]] = {}
    for visit in visits:
        leader = leaders.get(visit.pk, NO_LEADER)
        by_leader.setdefault(leader.user or leader, []).append(visit)
    led = [(leaders.get(own[0].pk, NO_LEADER), own) for own in by_leader.values()]
    bearing = Counter(leader.name for leader, _ in led)
    named = [
        (
            f"{leader.name} ({leader.organisation})"
            if bearing[leader.name] > 1 and leader.organisation
            else leader.name,
            own,
        )
        for leader, own in led
    ]

    def cells(name: str, own: list[Visit], kind: type = int) -> tuple[Cell, ...]:
        found = [change for visit in own for change in told[visit.pk]]
        scored, *_, lower, _ = _change_counts(found)
        share = Share(per_cent(lower, scored), "lower", "scored")
        return (name, kind(len(own)), *_change_cells(found, kind), share)

    lines = [Line(cells(name, own)) for name, own in sorted(named, key=lambda it: search_name(it[0]))]
    if lines:
        lines.append(Line(cells("Cộng", visits, Sum), "total"))
    return Table("theo_truong_doan", "Thay đổi theo trưởng đoàn", columns, tuple(lines), empty=none)


def _by_visit(
    asked: Asked,
    first: Matrix,
    visits: list[Visit],
    leaders: Mapping[int, Leader],
    told: Mapping[int, list[Change]],
    none: str,
) -> Table:
    columns = (
        Column("held_on", "Ngày kiểm tra", Kind.DATE, 12),
        Column("commune", "Xã", Kind.TEXT, 22),
        Column("kind", "Hình thức", Kind.CENTRE, 14),
        Column("code", "Mã cuộc", Kind.CENTRE, 14),
        Column("leader", "Trưởng đoàn", Kind.TEXT, 22),
        *CHANGES,
        Column("lower_numbers", "Tiêu chí hạ mức", Kind.TEXT, 16),
        Column("higher_numbers", "Tiêu chí nâng mức", Kind.TEXT, 16),
    )
    names = {row.unit_id: row.full_name for row in first.rows}
    lines = []
    for visit in visits:
        own = told[visit.pk]
        lower = ", ".join(str(change.number) for change in own if change.step < 0)
        higher = ", ".join(str(change.number) for change in own if change.step > 0)
        lines.append(
            Line(
                (
                    visit.held_on, names[visit.unit_id], visit.get_kind_display(), visit.code,
                    leaders.get(visit.pk, NO_LEADER).name, *_change_cells(own), lower or None, higher or None,
                ),
                url=reverse("inspections:visit_detail", args=[visit.pk]),
            )
        )  # fmt: skip
    if lines:
        found = [change for visit in visits for change in told[visit.pk]]
        lines.append(Line((None, "Cộng", None, None, None, *_change_cells(found, Sum), None, None), "total"))
    note = f"Các cuộc từ ngày {since(asked):%d/%m/%Y} đến ngày {asked.as_of:%d/%m/%Y}."
    return Table("cuoc_kiem_tra", "Cuộc kiểm tra thay đổi gì", columns, tuple(lines), note=note, empty=none)
