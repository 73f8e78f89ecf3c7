"""What waits for a person: one section for each place they work at (Việc cần làm).

Each section is plain data for one template: `template`, its `title`, the one thing to do
next (`action`), and counts that lead to the lists they count. The number of queries
depends on the number of memberships only, never on how many communes, rows or visits
there are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Count, Exists, F, Max, OuterRef, Q
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from communes import access
from communes.models import Level, Membership, Role, Unit
from criteria import submissions
from criteria.attainment import NUMERIC_OPERATORS
from criteria.models import (
    CriteriaSet,
    Entry,
    Evidence,
    Question,
    ReturnedIndicator,
    Standing,
    Submission,
    Target,
    TargetReport,
)
from criteria.periods import Phase, days_left, open_period, phase
from criteria.rollup import AreaFigures, area_figures, is_partial
from criteria.sheets import Row, count_indicators, sheets
from criteria.state import Moment
from criteria.submissions import StepRefused, area_sendings, period_to_confirm
from criteria.supplementary import unanswered
from criteria.verdicts import Stage
from criteria.workshop.groups import ungrouped
from inspections import desk
from inspections.findings import as_at
from inspections.forms import VisitFilterForm
from inspections.models import Finding, MeetingItem, Score, TeamMember, Visit
from ntm.clock import today
from reports.matrix import (
    Matrix,
    area_sets,
    default_set,
    default_stage,
    matrix,
    opinions_by_stage,
    per_cent,
    progress_so_far,
)

RECENT = timedelta(days=14)  # "new" findings and sendings
SOON = timedelta(days=7)  # visits of which a reminder tells
LISTED = 6

UNGROUPED = "Xã chưa xếp nhóm"


@dataclass(frozen=True, slots=True)
class Action:
    """The one thing to do next. `text` says why it is this one."""

    text: str
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class ToDo:
    """A count with the list it counts; `verb` is what one does there, on the button of the next step."""

    label: str
    count: int
    url: str
    is_urgent: bool = False
    verb: str = "Xem danh sách"


@dataclass
class Section:
    """What one membership has to do; `data` is what its template shows besides."""

    template: str
    title: str
    subtitle: str = ""
    action: Action | None = None
    todos: list[ToDo] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def waiting(self) -> list[ToDo]:
        return [todo for todo in self.todos if todo.count]


def home_sections(user: Any) -> list[Section]:
    """The sections of the person's memberships, communes first; a person without any gets none."""
    order = list(Role.values)
    builders = {
        Role.OFFICER: commune_section,
        Role.COMMUNE_LEADER: commune_section,
        Role.DISTRICT_STAFF: district_section,
        Role.INSPECTOR: inspector_section,
        Role.COORDINATOR: coordinator_section,
        Role.DEPARTMENT_REVIEWER: reviewer_section,
        Role.VIEWER: viewer_section,
    }
    memberships = sorted(access.roles(user).memberships, key=lambda m: (order.index(m.role), m.unit.sort_key))
    sections = []
    seen = set()
    for membership in memberships:
        builder = builders[Role(membership.role)]
        # An officer who also leads the same commune has one list of work there, not two.
        if (builder, membership.unit_id, membership.department_id) not in seen:
            seen.add((builder, membership.unit_id, membership.department_id))
            sections.append(builder(user, membership))
    if access.roles(user).is_superuser:
        sections.append(admin_section())
    if not access.roles(user).having(access.INSPECTOR):
        sections += team_sections(user)
    # Who is on the spot, or expected there today, has that before anything else.
    return sorted(sections, key=lambda section: not section.data.get("current"))


# --- commune ---------------------------------------------------------------------------


def commune_section(user: Any, membership: Membership) -> Section:
    """An officer's or leader's commune: the period, the next step, what is open."""
    unit = Unit.objects.select_related("province", "district").get(pk=membership.unit_id)
    section = Section("reports/_home_commune.html", unit.full_name)
    section.data = {"unit": unit, "criteria_set": None, "period": period_of(unit)}
    findings_and_visits(section, user, unit)
    section.todos = [
        promises(user, unit), *section.todos, *question_todos(user, unit), awaited_questions(user, unit),
        *report_todos(user, unit, section.data["period"]),
    ]  # fmt: skip
    try:
        chosen = CriteriaSet.objects.chosen(unit)
    except CriteriaSet.DoesNotExist:
        return section
    found = sheets(unit, chosen, user, drafts=True)
    rows = [row for sheet in found for row in sheet.rows if not row.owner]
    back = [row for row in rows if row.returned]
    # Who says so doesn't count any more once something was changed after it.
    finished = {
        pk for pk, work in submissions.waiting(unit, chosen).items() if work.finished and not work.is_changed_since
    }
    may_send = access.can(user, "submission.send", unit)
    missing = count_indicators(rows, lambda row: not row.verdict)
    lacking = count_indicators(rows, lambda row: row.lacks_evidence)
    helped = count_indicators(rows, lambda row: bool(row.on_behalf))
    changed = [row for sheet in found for row in sheet.rows if row.waits]
    standing = Standing.objects.filter(unit=unit, criteria_set=chosen, stage=Stage.SELF).first()
    section.subtitle = f"{chosen.name} ({chosen.decision})" if chosen.decision else chosen.name
    section.data |= {
        "criteria_set": chosen,
        "counted": count_indicators(rows),
        "assessed": sum(sheet.assessed for sheet in found if not sheet.owner),
        "standing": standing if standing and standing.has_opinion else None,
        "last_sent": Submission.objects.filter(unit=unit, criteria_set=chosen).aggregate(at=Max("sent_at"))["at"],
    }
    entry = entry_url(unit, chosen)
    documents = f"{reverse('criteria:evidence_list')}?unit={unit.pk}"
    expiry = evidence_expiry(user, unit)
    elsewhere = returned_elsewhere(user, unit, chosen)
    section.todos = [
        *(todo for todo, _ in elsewhere),
        ToDo("Chỉ tiêu bị trả lại để bổ sung", count_indicators(back), f"{entry}&show=returned", is_urgent=True),
        ToDo("Tiêu chí chờ lãnh đạo duyệt", len(finished) if may_send else 0, send_url(unit, chosen)),
        ToDo("Chỉ tiêu chưa đánh giá", missing, f"{entry}&show=missing"),
        # Who sends approves the whole commune's work, who doesn't looks after their own.
        ToDo("Duyệt và gửi: chỉ tiêu thay đổi", count_indicators(changed), send_url(unit, chosen), verb="Duyệt và gửi")
        if may_send
        else ToDo("Chỉ tiêu chưa gửi", count_indicators(rows, lambda row: row.waits), f"{entry}&show=unsent"),
        *([ToDo("Chỉ tiêu cấp trên nhập hộ, chờ xã xem và gửi", helped, f"{entry}&show=on_behalf")] if helped else []),
        ToDo("Chỉ tiêu thiếu minh chứng", lacking, f"{entry}&show=evidence", verb="Bổ sung minh chứng"),
        ToDo("Minh chứng hết hạn", expiry["expired"], f"{documents}&state=expired", is_urgent=True),
        ToDo("Minh chứng sắp hết hạn trong 30 ngày", expiry["expiring"], f"{documents}&state=expiring-30"),
        *answered_reports(unit),
        *section.todos,
    ]
    section.todos.sort(key=lambda todo: not todo.is_urgent)
    section.action = next_step(section, user, unit, chosen, rows, finished, elsewhere)
    return section


def report_todos(user: Any, unit: Unit, due: dict[str, Any] | None) -> list[ToDo]:
    """What the commune still owes of the open period's own report, for who fills it in. One query."""
    period = due["period"] if due else None
    if period is None or phase(period) == Phase.UPCOMING or not access.can(user, "period_report.fill", (unit, period)):
        return []
    tables, lacks_words = unanswered(unit, period)
    url = reverse("criteria:period_report", args=[unit.pk, period.pk])
    return [
        ToDo("Biểu bổ sung của kỳ chưa nhập", tables, url, verb="Nhập biểu bổ sung"),
        ToDo("Kết quả, khó khăn, kiến nghị của kỳ chưa viết", int(lacks_words), url, verb="Viết báo cáo kỳ"),
    ]


def answered_reports(unit: Unit) -> list[ToDo]:
    """Lately answered reports of wrong targets, leading to the newest one; nothing where there are none."""
    found = TargetReport.objects.filter(unit=unit, answered_at__gte=timezone.now() - RECENT)
    rows = list(found.order_by("-answered_at", "-pk").values_list("indicator_id", flat=True))
    if not rows:
        return []
    return [
        ToDo("Báo yêu cầu sai đã có trả lời", len(rows), reverse("criteria:target_report", args=[unit.pk, rows[0]]))
    ]


def returned_elsewhere(user: Any, unit: Unit, criteria_set: CriteriaSet) -> list[tuple[ToDo, int]]:
    """What came back of the unit's other sets, on criteria the person answers for: a line a set, and how
    many rows of it nobody has completed yet. One query."""
    corrected = Entry.objects.filter(unit=unit, indicator=OuterRef("indicator")).exclude(version=F("sent_version"))
    found = (
        ReturnedIndicator.objects.filter(
            access.own_share(user, "submission__unit", "indicator__criterion"),
            submission__unit=unit,
            settled_by__isnull=True,
        )
        .exclude(submission__criteria_set=criteria_set)
        .order_by("submission__criteria_set__code")
        .values_list("submission__criteria_set__code", "submission__criteria_set__name")
        .annotate(
            count=Count(Coalesce("indicator__part_of", "indicator"), distinct=True),
            open=Count("pk", filter=~Exists(corrected)),
        )
    )
    entry = reverse("criteria:entry", args=[unit.pk])
    label = "Chỉ tiêu bị trả lại để bổ sung"
    return [
        (ToDo(f"{label}, {name}", count, f"{entry}?set={code}&show=returned", is_urgent=True), still)
        for code, name, count, still in found
    ]


def send_url(unit: Unit, criteria_set: CriteriaSet) -> str:
    return f"{reverse('criteria:submission_send', args=[unit.pk])}?set={criteria_set.code}"


def entry_url(unit: Unit, criteria_set: CriteriaSet) -> str:
    return f"{reverse('criteria:entry', args=[unit.pk])}?set={criteria_set.code}"


def next_step(
    section: Section,
    user: Any,
    unit: Unit,
    criteria_set: CriteriaSet,
    rows: list[Row],
    finished: set[int],
    elsewhere: list[tuple[ToDo, int]],
) -> Action | None:
    """What came back first; then, for who sends, what waits to be approved, or all once it is assessed; for
    who doesn't, saying of a complete criterion that it is finished. Else go on entering, at the first criterion
    that lacks something. Where all is entered and sent, the first of the other things that wait,
    saying that nothing changed in the period before what isn't urgent. `rows`: the person's own; `finished`:
    criteria to approve; `elsewhere`: what came back of other sets."""
    if not access.can(user, "entry.change", unit):
        return None
    entry, send = entry_url(unit, criteria_set), send_url(unit, criteria_set)
    may_send = access.can(user, "submission.send", unit)
    empty = [row for row in rows if not row.verdict]
    changed = [row for row in rows if row.waits]
    missing, unsent = count_indicators(empty), count_indicators(changed)
    waiting = [row for row in rows if row.returned and not row.is_unsent]
    if waiting:
        text = f"Cấp trên trả lại {len(waiting)} chỉ tiêu để bổ sung."
        return Action(text, "Xem lý do và bổ sung", f"{entry}&show=returned{anchor(waiting)}")
    for todo in [todo for todo, still in elsewhere if still][:1]:
        return Action(f"{todo.label}: {todo.count}.", "Xem lý do và bổ sung", todo.url)
    if finished and may_send:
        return Action(f"{len(finished)} tiêu chí cán bộ đã báo xong, chờ duyệt và gửi.", "Duyệt và gửi", send)
    if unsent and not missing and may_send:
        return Action(f"Đã đánh giá đủ; {unsent} chỉ tiêu thay đổi chưa gửi.", "Gửi cấp trên", send)
    step = None if may_send else finishing_step(unit, criteria_set, rows, finished, complete=True)
    if missing and not step:
        return Action(f"Còn {missing} chỉ tiêu chưa đánh giá.", "Nhập kết quả", f"{entry}&show=missing{anchor(empty)}")
    urgent = [todo for todo in section.waiting if todo.is_urgent]
    if may_send and not urgent:
        step = unchanged_step(unit, criteria_set, send)
    step = step or finishing_step(unit, criteria_set, rows, finished, complete=False)
    if step:
        return step
    if unsent:
        text = f"{unsent} chỉ tiêu thay đổi đã báo xong; lãnh đạo xã hoặc người được giao sẽ gửi cấp trên."
        return Action(text, "Xem kết quả", f"{entry}&show=unsent")
    if section.waiting:
        return first_waiting(section)
    return Action("Đã gửi hết kết quả. Cập nhật khi có số liệu mới.", "Nhập kết quả", entry)


def finishing_step(
    unit: Unit, criteria_set: CriteriaSet, rows: list[Row], finished: set[int], *, complete: bool
) -> Action | None:
    """For who doesn't send: saying that the first criterion with unsent changes is finished; `complete`: only
    one that has all its results and proof."""
    lacking = {row.indicator.criterion_id for row in rows if complete and (not row.verdict or row.lacks_evidence)}
    unfinished = [row for row in rows if row.waits and row.indicator.criterion_id not in finished | lacking]
    if not unfinished:
        return None
    number = unfinished[0].indicator.criterion.number
    url = finish_url(unit, criteria_set, number)
    if complete:
        text = f"Tiêu chí {number} đã đủ kết quả và minh chứng; báo xong để lãnh đạo xã duyệt và gửi."
        return Action(text, f"Báo xong tiêu chí {number}", url)
    text = (
        f"{count_indicators(unfinished)} chỉ tiêu thay đổi chưa gửi. "
        "Báo xong tiêu chí thì lãnh đạo xã hoặc người được giao sẽ gửi."
    )
    return Action(text, f"Xem và báo xong tiêu chí {number}", url)


def unchanged_step(unit: Unit, criteria_set: CriteriaSet, send: str) -> Action | None:
    """For who sends, where everything was sent before the open period: saying that nothing changed."""
    try:
        period = period_to_confirm(unit, criteria_set)
    except StepRefused:
        return None
    text = f"Xã chưa gửi cho kỳ {period.name}; mọi kết quả đã gửi trước đó."
    return Action(text, "Báo không có gì thay đổi", send)


def finish_url(unit: Unit, criteria_set: CriteriaSet, number: int) -> str:
    """Where "Đã xong tiêu chí này" stands on a criterion's page."""
    return f"{reverse('criteria:criterion', args=[unit.pk, number])}?set={criteria_set.code}#finish"


def anchor(rows: list[Row]) -> str:
    """Where the first of these rows stands on the entry page: on a phone below a screen of overview."""
    return f"#criterion-{rows[0].indicator.criterion.number}"


def findings_and_visits(section: Section, user: Any, unit: Unit) -> None:
    """The commune's shortcomings on the person's criteria and the visits ahead; adds counts and `visits`."""
    day = today()
    person = access.roles(user)
    # Who works in this commune alone has the list of findings as their own, predecessors' included.
    is_only_place = all(m.unit_id == unit.pk for m in person.memberships) and not person.visited_ids
    findings = Finding.objects.published().of_own_criteria(user).visible_to(user)
    if not is_only_place:
        findings = findings.filter(visit__unit=unit)
    counts = findings.aggregate(
        overdue=Count("pk", filter=Q(state=Finding.State.OPEN, due_on__lt=day)),
        open=Count("pk", filter=Q(state=Finding.State.OPEN)),
        new=Count("pk", filter=Q(state=Finding.State.OPEN, visit__concluded_at__gte=timezone.now() - RECENT)),
    )
    listed = f"{reverse('inspections:finding_list')}?q={'' if is_only_place else unit.code}{mine_only(user)}"
    section.todos += [
        ToDo("Tồn tại quá hạn", counts["overdue"], f"{listed}&state=overdue", is_urgent=True, verb="Xem và khắc phục"),
        # Where all of them are overdue, the line above has said so.
        ToDo(
            "Tồn tại chưa khắc phục",
            counts["open"] if counts["open"] > counts["overdue"] else 0,
            f"{listed}&state=open",
            verb="Xem và khắc phục",
        ),
    ]
    section.data["new_findings"] = counts["new"]
    section.data["findings_url"] = f"{listed}&state=open"
    section.data["visits"] = list(
        Visit.objects.open().visible_to(user).filter(unit=unit).order_by("planned_on", "pk")[:LISTED]
    )


def mine_only(user: Any) -> str:
    """What makes a link to a list of findings or questions keep to the person's criteria, where that is less."""
    return "&mine=1" if access.shares_criteria(user) else ""


def promises(user: Any, place: Unit) -> ToDo:
    """What the place promised at its own meetings and is overdue. One query."""
    late = MeetingItem.objects.overdue(today()).visible_to(user).filter(meeting__unit=place).count()
    url = f"{reverse('reports:meeting_overdue')}?unit={place.pk}"
    return ToDo("Việc giao ban quá hạn", late, url, is_urgent=True, verb="Xem và cập nhật")


def question_todos(user: Any, place: Unit) -> list[ToDo]:
    """Questions of the place that are the person's side's turn, in a commune on their criteria; those
    at 0 are left out. Three queries."""
    kinds = [
        ("Đề nghị bổ sung quá hạn", Question.objects.overdue(today()), "overdue", "Xem danh sách"),
        ("Câu hỏi, đề nghị chờ trả lời", Question.objects.waiting_for(user), "mine", "Trả lời"),
        ("Câu hỏi đã có trả lời", Question.objects.answered_for(user), "answered", "Xem trả lời"),
    ]
    return [todo for todo in (_question_todo(user, place, *kind) for kind in kinds) if todo.count]


def awaited_questions(user: Any, place: Unit) -> ToDo:
    """Questions of the place that the person's side asked and the other hasn't answered. One query."""
    label = "Câu hỏi chờ cấp trên trả lời" if place.level == Level.COMMUNE else "Câu hỏi, đề nghị chờ xã trả lời"
    return _question_todo(user, place, label, Question.objects.awaited_by(user), "awaited", "Xem danh sách")


def _question_todo(user: Any, place: Unit, label: str, found: Any, state: str, verb: str) -> ToDo:
    listed, here = f"{reverse('criteria:question_list')}?area={place.pk}", Q(**{f"unit__{place.level}": place})
    if place.level == Level.COMMUNE:
        listed += mine_only(user)
        here &= access.own_share(user, "unit", "indicator__criterion")
    count = found.visible_to(user).filter(here).count()
    return ToDo(label, count, f"{listed}&state={state}", state == "overdue", verb)


def evidence_expiry(user: Any, unit: Unit) -> dict[str, int]:
    """How many of the unit's documents in use have expired, and how many will within 30 days."""
    day = today()
    return (
        Evidence.objects.in_use()
        .visible_to(user)
        .filter(unit=unit)
        .aggregate(
            expired=Count("pk", filter=Q(expires_on__lt=day)),
            expiring=Count("pk", filter=Q(expires_on__gte=day, expires_on__lt=day + timedelta(days=30))),
        )
    )


def period_of(unit: Unit) -> dict[str, Any] | None:
    """The open reporting period due next at the unit or above it, with the days left (below 0: late)."""
    period = open_period(unit)
    return None if period is None else {"period": period, "days": days_left(period), "days_late": -days_left(period)}


# --- areas -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CommuneRow:
    """One commune of a district: by stage what it meets, in words ("": no opinion), and when it last sent."""

    unit_id: int
    name: str
    said: dict[str, str]
    last_sent: Any


@dataclass(frozen=True, slots=True)
class AreaOverview:
    """An area's headline figures at each stage and its communes, in two queries."""

    criteria: int
    figures: list[tuple[str, str, AreaFigures]]
    rows: list[CommuneRow]


def area_overview(area: Unit, criteria_set: CriteriaSet) -> AreaOverview:
    """Figures as the matrix gives them, for all stages at once."""
    communes = list(
        Unit.objects.within(area)
        .rural_communes()
        .existing(today())
        .order_by("sort_key", "pk")
        .annotate(last_sent=Max("submissions__sent_at", filter=Q(submissions__criteria_set=criteria_set)))
        .values_list("id", "name", "last_sent")
    )
    known = {
        (standing.unit_id, standing.stage): standing
        for standing in Standing.objects.filter(
            unit__in=[unit for unit, _, _ in communes],
            criteria_set=criteria_set,
            criteria_not_assessed__lt=F("criteria_total"),
        ).defer("criteria")
    }
    by_stage = {stage: [known.get((unit, stage)) for unit, _, _ in communes] for stage in Stage.values}
    return AreaOverview(
        max((standing.criteria_total for standing in known.values()), default=0) or criteria_set.criteria.count(),
        [(stage.value, stage.label, _figures(by_stage[stage])) for stage in Stage],
        [
            CommuneRow(unit, name, {stage: _said(stage, by_stage[stage][place]) for stage in Stage.values}, sent)
            for place, (unit, name, sent) in enumerate(communes)
        ],
    )


def _assessed(standing: Standing) -> int:
    return standing.criteria_total - standing.criteria_not_assessed


def _figures(standings: list[Standing | None]) -> AreaFigures:
    """One stage's figures; communes judged in part count in none of them."""
    partial = {row.pk for row in standings if row and is_partial(_assessed(row), row.criteria_total)}
    return area_figures(
        (
            (row.criteria_met, row.criteria_nearly, row.progress, row.criteria_total)
            if row and row.pk not in partial
            else None
            for row in standings
        ),
        partial=len(partial),
    )


def _said(stage: str, standing: Standing | None) -> str:
    """ "15/19", "1/19 (mới thẩm định 2/19)"."""
    if standing is None:
        return ""
    met = f"{standing.criteria_met}/{standing.criteria_total}"
    so_far = progress_so_far(stage, _assessed(standing), standing.criteria_total)
    return f"{met} ({so_far})" if so_far else met


def area_section(template: str, membership: Membership) -> Section:
    """The part all area roles share: the place, the set, the links to its matrix and workbook."""
    area = membership.unit
    chosen = default_set(area_sets(area))
    section = Section(template, area.full_name, chosen.name if chosen else "")
    section.data = {"area": area, "criteria_set": chosen}
    return section


def matrix_url(area: Unit, **query: Any) -> str:
    pairs = "".join(f"&{name}={value}" for name, value in query.items())
    return f"{reverse('reports:matrix')}?area={area.pk}{pairs}"


def published_findings(user: Any, area: Unit, moment: Moment | None = None) -> dict[str, int]:
    """Counts of the area's unsettled findings that the person sees, now or as they stood at a moment."""
    seen = Finding.objects.visible_to(user).filter(
        **{f"visit__unit__{area.level}": area}, visit__state=Visit.State.CONCLUDED
    )
    if moment:
        found = as_at(seen.select_related("visit"), moment)
        return {
            "remedied": sum(finding.state == Finding.State.REMEDIED for finding in found),
            "overdue": sum(finding.is_overdue(moment.day) for finding in found),
        }
    return seen.aggregate(
        remedied=Count("pk", filter=Q(state=Finding.State.REMEDIED)),
        overdue=Count("pk", filter=Q(state=Finding.State.OPEN, due_on__lt=today())),
    )


def findings_url(area: Unit, state: str) -> str:
    return f"{reverse('inspections:finding_list')}?area={area.pk}&state={state}"


def sending_todos(user: Any, area: Unit, criteria_set: CriteriaSet, period: dict[str, Any] | None) -> tuple[ToDo, ToDo]:
    """Communes of which something sent waits to be received, and those that haven't sent for the period
    (without one: ever), as the lists behind the links count them."""
    rows = area_sendings(area, criteria_set, period["period"] if period else None, user)
    days_late = period["days_late"] if period else 0
    label = "Xã chưa gửi kết quả kỳ này" if period else "Xã chưa gửi kết quả lần nào"
    if days_late > 0:
        label += f", quá hạn {days_late} ngày"
    received = sum(bool(row.waiting) for row in rows)
    late = sum(row.is_late for row in rows)
    return (
        ToDo("Xã có kết quả chờ tiếp nhận", received, sendings_url(area, "sent"), verb="Xem và tiếp nhận"),
        ToDo(label, late, sendings_url(area, "late"), is_urgent=days_late > 0, verb="Xem và nhắc các xã"),
    )


def add_sendings(section: Section, user: Any) -> None:
    """What waits to be received first; then who is late, once the period is overdue, else last."""
    waiting, late = sending_todos(user, section.data["area"], section.data["criteria_set"], section.data["period"])
    rest = [late, *section.todos] if late.is_urgent else [*section.todos, late]
    section.todos = [waiting, *rest]


def sendings_url(area: Unit, state: str) -> str:
    return f"{reverse('criteria:submission_list')}?area={area.pk}&state={state}"


def latest_visits(user: Any, area: Unit) -> list[Visit]:
    """Open visits first, by date, then the latest concluded."""
    visits = Visit.objects.visible_to(user).filter(**{f"unit__{area.level}": area}).exclude(state="cancelled")
    # A department's desk reviews, by the hundred, have no team; they stand in the list of visits.
    visits = visits.filter(~Q(kind=Visit.Kind.DESK) | Exists(TeamMember.objects.filter(visit=OuterRef("pk"))))
    return list(visits.select_related("unit").order_by("-planned_on", "-pk")[:LISTED])


def unled_visits(user: Any) -> list[ToDo]:
    """Visits without a leader who can still lead, for who may choose another; nothing where there are none."""
    changeable = access.changeable_visits(user)
    if changeable is None:
        return []
    count = Visit.objects.filter(changeable).lacking_leader(today()).visible_to(user).count()
    url = f"{reverse('inspections:visit_list')}?state={VisitFilterForm.UNLED}"
    return [ToDo("Cuộc kiểm tra chưa có trưởng đoàn", count, url, True, "Chọn trưởng đoàn")] if count else []


def district_section(user: Any, membership: Membership) -> Section:
    section = area_section("reports/_home_district.html", membership)
    area, chosen = membership.unit, section.data["criteria_set"]
    counts = published_findings(user, area)
    section.data |= {"visits": latest_visits(user, area), "period": period_of(area), "overview": None}
    section.todos = [*own_work(user, area, counts), *supervised(user, area, counts)]
    if chosen is not None:
        overview = area_overview(area, chosen)
        since = timezone.now() - RECENT
        section.data |= {
            "overview": overview,
            "recent": sorted(
                (row for row in overview.rows if row.last_sent and row.last_sent >= since),
                key=lambda row: row.last_sent,
                reverse=True,
            ),
            "matrix_url": matrix_url(area),
        }
        add_sendings(section, user)
        section.action = first_waiting(section)
    return section


def own_work(user: Any, area: Unit, findings: dict[str, int]) -> list[ToDo]:
    """What an office has to do itself; it stands before what others are late with."""
    return [
        *unled_visits(user),
        promises(user, area),
        ToDo(
            "Tồn tại chờ xác nhận đã khắc phục", findings["remedied"], findings_url(area, "remedied"), verb="Xác nhận"
        ),
        *question_todos(user, area),
    ]


def supervised(user: Any, area: Unit, findings: dict[str, int]) -> list[ToDo]:
    """What communes are late with, or have still to answer."""
    return [
        ToDo("Tồn tại quá hạn", findings["overdue"], findings_url(area, "overdue"), True, "Xem và đôn đốc"),
        awaited_questions(user, area),
    ]


def first_waiting(section: Section) -> Action:
    """The first list that waits, else the area's matrix."""
    if section.waiting:
        todo = section.waiting[0]
        return Action(f"{todo.label}: {todo.count}.", todo.verb, todo.url)
    return Action("Không có việc nào đang chờ.", "Xem bảng tổng hợp theo xã", section.data["matrix_url"])


def coordinator_section(user: Any, membership: Membership) -> Section:
    section = area_section("reports/_home_province.html", membership)
    area, chosen = membership.unit, section.data["criteria_set"]
    counts = published_findings(user, area)
    section.data |= {"visits": latest_visits(user, area), "period": period_of(area), "overview": None}
    if chosen is not None:
        section.data |= {"overview": area_overview(area, chosen), "matrix_url": matrix_url(area)}
    unconfirmed = Target.objects.filter(
        Q(province=area) | Q(unit__province=area),
        confirmed_at__isnull=True,
        operator__in=NUMERIC_OPERATORS,
        indicator__criterion__criteria_set__status=CriteriaSet.Status.PUBLISHED,
    ).count()
    without = access.visible_people(user).filter(is_active=True, password__startswith=UNUSABLE_PASSWORD_PREFIX).count()
    reports = TargetReport.objects.filter(unit__province=area, answered_at__isnull=True).count()
    section.todos = [
        *own_work(user, area, counts),
        ToDo("Báo yêu cầu sai chưa trả lời", reports, workshop_url("target_report_list", area), verb="Trả lời"),
        ToDo(
            "Yêu cầu của tỉnh chưa xác nhận",
            unconfirmed,
            f"{workshop_url('target_grid', area)}&show=unconfirmed",
            verb="Xác nhận",
        ),
        ToDo(UNGROUPED, ungrouped(area), f"{workshop_url('group_list', area)}&group=none", verb="Xếp nhóm"),
        ToDo(
            "Tài khoản chưa có mật khẩu", without, f"{reverse('communes:user_list')}?state=unused", verb="Cấp mật khẩu"
        ),
        *supervised(user, area, counts),
    ]
    if chosen is not None:
        add_sendings(section, user)
        section.action = first_waiting(section)
        if is_starting(section):
            section.action = Action("Chưa xã nào có người nhập kết quả.", "Xem các bước bắt đầu", first_steps())
    return section


def is_starting(section: Section) -> bool:
    """Whether nothing waits but results of communes where nobody can enter any yet, and groups to give them."""
    others = [todo for todo in section.waiting if todo.label != UNGROUPED]
    if len(others) > 1 or any(row.last_sent for row in section.data["overview"].rows):
        return False
    people = Membership.objects.filter(unit__province=section.data["area"], role__in=access.COMMUNE_ROLES)
    return not people.exists()


def first_steps() -> str:
    """Where the guide tells how a new province starts."""
    return reverse("help_chapter", args=["dieu-phoi-vien-tinh"]) + "#bat-dau-mot-tinh-moi"


def workshop_url(name: str, province: Unit) -> str:
    return f"{reverse(f'criteria:{name}')}?province={province.pk}"


def reviewer_section(user: Any, membership: Membership) -> Section:
    """A department: its own criteria over the province's communes."""
    section = area_section("reports/_home_department.html", membership)
    area, chosen = membership.unit, section.data["criteria_set"]
    counts = published_findings(user, area)
    section.data |= {"result": None}
    section.subtitle = " · ".join(filter(None, [str(membership.department or ""), section.subtitle]))
    if chosen is not None:
        section.data |= latest_matrix(user, area, chosen)
        section.action = desk_action(section, area, chosen, access.own_criteria(access.roles(user), membership))
    section.todos += [*question_todos(user, area), *supervised(user, area, counts)]
    if section.action is None and section.data["result"] and section.data["result"].criteria:
        section.action = first_waiting(section)
    return section


def desk_action(section: Section, area: Unit, criteria_set: CriteriaSet, own: set[int]) -> Action | None:
    """The criterion for which most communes wait; adds the counts of all of a department's criteria."""
    criteria = list(criteria_set.criteria.filter(pk__in=own).order_by("number"))
    order = list(desk.communes(area).values_list("pk", flat=True))
    counts = {criterion: len(units) for criterion, units in desk.waiting(criteria, order).items()}
    url = f"{reverse('reports:desk')}?set={criteria_set.code}"
    section.todos = [
        ToDo(f"Xã chờ ý kiến tiêu chí {c.number}", counts.get(c.pk, 0), f"{url}&criterion={c.number}") for c in criteria
    ]
    most = max(criteria, key=lambda criterion: counts.get(criterion.pk, 0), default=None)
    if most is None or most.pk not in counts:
        return None
    text = f"{counts[most.pk]} xã đã gửi kết quả, chờ ý kiến về tiêu chí {most.number}."
    return Action(text, "Thẩm tra hồ sơ", f"{url}&criterion={most.number}")


def viewer_section(user: Any, membership: Membership) -> Section:
    section = area_section("reports/_home_viewer.html", membership)
    area, chosen = membership.unit, section.data["criteria_set"]
    section.data |= {"overview": None, "result": None}
    if chosen is not None:
        section.data |= {"overview": area_overview(area, chosen)} | latest_matrix(user, area, chosen)
        text = "Kết quả của từng xã, theo từng tiêu chí."
        section.action = Action(text, "Xem bảng tổng hợp theo xã", section.data["matrix_url"])
    return section


def latest_matrix(user: Any, area: Unit, criteria_set: CriteriaSet) -> dict[str, Any]:
    """The matrix at the stage that has looked at most communes."""
    stage = default_stage(opinions_by_stage(area, criteria_set, user))
    result: Matrix = matrix(area, criteria_set, stage, user)
    return {
        "result": result,
        "stage_label": Stage(stage).label,
        "hardest": [(total, per_cent(total.held_back, total.with_opinion)) for total in result.hardest[:LISTED]],
        "matrix_url": matrix_url(area, stage=stage),
    }


# --- visits ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MyVisit:
    """A visit of mine: how many of the indicators asked of me have a verdict."""

    visit: Visit
    role: str
    scored: int
    total: int

    @property
    def progress(self) -> str:
        """How far the person's own part has come, in words."""
        if not self.total:
            return "chưa được phân công tiêu chí"
        return f"đã chấm {self.scored}/{self.total} chỉ tiêu của tôi"


def inspector_section(user: Any, membership: Membership) -> Section:
    """The visits I am on: under way and ahead, with how far my own part has come."""
    section = visits_section(user, my_visits(user), membership.unit.full_name)
    led = Finding.objects.visible_to(user).filter(visit__team__user=user, visit__team__role="leader")
    waiting = led.filter(state=Finding.State.REMEDIED, visit__state=Visit.State.CONCLUDED).count()
    url = f"{reverse('inspections:finding_list')}?state=remedied"
    section.todos = [
        *unled_visits(user),
        ToDo("Tồn tại chờ tôi xác nhận đã khắc phục", waiting, url, verb="Xác nhận"),
    ]
    section.action = next_visit(section, today())
    return section


def team_sections(user: Any) -> list[Section]:
    """The visits on whose team somebody is who is no inspector; no section without any."""
    mine = my_visits(user) if access.roles(user).visited_ids else []
    if not mine:
        return []
    section = visits_section(user, mine)
    section.action = next_visit(section, today())
    return [section]


def visits_section(user: Any, mine: list[MyVisit], place: str = "") -> Section:
    """`current`: under way, or to begin today or before; `ahead`: the others."""
    section, day = Section("reports/_home_inspector.html", "Đoàn kiểm tra, thẩm định", place), today()
    section.data = {
        "current": [row for row in mine if row.visit.state == "under_way" or row.visit.planned_on <= day],
        "ahead": [row for row in mine if row.visit.state == "planned" and row.visit.planned_on > day],
        "may_plan": bool(access.plannable_stages(user)),
    }
    return section


def next_visit(section: Section, day: date) -> Action:
    """The visit of today; else what waits to be confirmed, the next visit ahead, or planning one."""
    current, ahead = section.data["current"], section.data["ahead"]
    if current:
        row: MyVisit = current[0]
        text = f"{row.visit.unit.full_name}: {row.progress}."
        scores = row.visit.state == Visit.State.UNDER_WAY and row.total
        label = "Chấm tại chỗ" if scores else "Mở cuộc kiểm tra"
        return Action(text, label, reverse("inspections:visit_detail", args=[row.visit.pk]))
    if section.waiting:
        return first_waiting(section)
    if ahead:
        visit = ahead[0].visit
        days = (visit.planned_on - day).days
        kind = visit.get_kind_display().lower()
        text = f"{visit.unit.full_name}: {kind} ngày {visit.planned_on:%d/%m/%Y}, còn {days} ngày."
        return Action(text, "Xem và chuẩn bị", reverse("inspections:visit_detail", args=[visit.pk]))
    if section.data["may_plan"]:
        return Action(
            "Chưa có cuộc kiểm tra nào đang mở.", "Lập kế hoạch kiểm tra", reverse("inspections:visit_create")
        )
    text = "Bạn chưa ở đoàn nào sắp kiểm tra. Khi trưởng đoàn đưa bạn vào đoàn, cuộc kiểm tra hiện ở đây."
    return Action(text, "Xem các cuộc kiểm tra", reverse("inspections:visit_list"))


def coming_visits(section: Section) -> list[str]:
    """In words, the section's visits on whose team the person is: under way, today's and those of the
    next seven days."""
    rows: list[MyVisit] = [*section.data.get("current", []), *section.data.get("ahead", [])]
    day, texts = today(), []
    for row in rows:
        visit = row.visit
        if visit.planned_on > day + SOON:
            continue
        when = "hôm nay" if visit.planned_on == day else f"ngày {visit.planned_on:%d/%m/%Y}"
        when = "đang kiểm tra" if visit.state == Visit.State.UNDER_WAY else when
        texts.append(
            f"{visit.get_kind_display()} {visit.unit.in_sentence}, {when} ({row.role.lower()}): {row.progress}"
        )
    return texts


def my_visits(user: Any) -> list[MyVisit]:
    """Open visits on whose team the person is, the nearest first; indicators counted are those in force."""
    seats: Any = TeamMember.objects.visible_to(user)
    members: list[TeamMember] = list(
        seats.filter(user=user, visit__state__in=["planned", "under_way"])
        .select_related("visit__unit", "visit__criteria_set")
        .prefetch_related(
            "criteria__indicators", "visit__criteria__indicators", "visit__criteria_set__criteria__indicators"
        )
        .order_by("visit__planned_on", "visit_id")
    )
    done: dict[int, set[int]] = {}
    for visit, indicator in (
        Score.objects.filter(visit__in=[member.visit_id for member in members])
        .exclude(verdict="")
        .values_list("visit_id", "indicator_id")
    ):
        done.setdefault(visit, set()).add(indicator)
    result = []
    for member in members:
        seen: Visit = member.visit
        scope = list(seen.criteria.all()) or list(seen.criteria_set.criteria.all())
        mine = scope if member.role == TeamMember.Role.LEADER else list(member.criteria.all())
        day = seen.held_on or seen.planned_on
        asked = {
            indicator.pk
            for criterion in mine
            for indicator in criterion.indicators.all()
            if indicator.part_of_id is None and in_force(indicator, day)
        }
        scored = len(asked & done.get(seen.pk, set()))
        result.append(MyVisit(seen, member.get_role_display(), scored, len(asked)))
    return result


def in_force(indicator: Any, day: date) -> bool:
    return (indicator.in_force_from is None or indicator.in_force_from <= day) and (
        indicator.in_force_to is None or indicator.in_force_to >= day
    )


# --- reference data --------------------------------------------------------------------


def admin_section() -> Section:
    section = Section("reports/_home_admin.html", "Quản trị hệ thống")
    section.data = {
        "provinces": Unit.objects.filter(level=Level.PROVINCE).existing(today()).count(),
        "sets": CriteriaSet.objects.published().count(),
    }
    unconfirmed = Target.objects.filter(
        province__isnull=True, unit__isnull=True, confirmed_at__isnull=True, operator__in=NUMERIC_OPERATORS,
        indicator__criterion__criteria_set__status=CriteriaSet.Status.PUBLISHED,
    ).count()  # fmt: skip
    grid = f"{reverse('criteria:target_grid')}?show=unconfirmed"
    section.todos = [ToDo("Yêu cầu trung ương chưa xác nhận", unconfirmed, grid, verb="Đối chiếu và xác nhận")]
    admin = Action("Danh mục, tài khoản, kỳ báo cáo.", "Mở trang quản trị", reverse("admin:index"))
    section.action = first_waiting(section) if section.waiting else admin
    if not Membership.objects.exists():
        text = "Máy chủ mới cài: chưa tỉnh nào có điều phối viên."
        section.action = Action(text, "Xem các bước bắt đầu", first_steps())
    return section
