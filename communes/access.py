"""Who may see and do what: the only module that decides it. Everything else is denied.

Seeing: each model names `unit_path`, the path from it to its unit ("" for the unit
itself), and `scope_kind`, which of the rules below apply; `Model.objects.visible_to(user)`
turns a person's roles into one filter. A view fetches through it, so that what is out of
scope is a 404 like what doesn't exist.

Doing: `can(user, action, obj)` reads the role's right, then the object's own state, and
answers with a `Decision` whose reason a page can show; `require` raises it as a 403.

The table of roles is DESIGN §6. Superusers keep reference data; they see what is
published, and no drafts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db import connection, models
from django.db.models import Exists, OuterRef, Q
from django.shortcuts import get_object_or_404
from django.utils import timezone

from ntm.clock import today

if TYPE_CHECKING:
    from communes.models import Membership, Unit

OFFICER = "officer"
COMMUNE_LEADER = "commune_leader"
DISTRICT_STAFF = "district_staff"
INSPECTOR = "inspector"
DEPARTMENT_REVIEWER = "department_reviewer"
COORDINATOR = "coordinator"
VIEWER = "viewer"

COMMUNE_ROLES = {OFFICER, COMMUNE_LEADER}
AREA_ROLES = {DISTRICT_STAFF, DEPARTMENT_REVIEWER, COORDINATOR, VIEWER}
# Where a role can be held; a membership anywhere else counts for nothing.
ROLE_LEVELS = {
    OFFICER: {"commune"},
    COMMUNE_LEADER: {"commune"},
    DISTRICT_STAFF: {"district"},
    INSPECTOR: {"province"},
    DEPARTMENT_REVIEWER: {"province"},
    COORDINATOR: {"province"},
    VIEWER: {"province", "district", "commune"},
}
# Whoever holds one of these in a province can be on its teams.
TEAM_ROLES = {INSPECTOR, DISTRICT_STAFF, DEPARTMENT_REVIEWER, COORDINATOR}
TEAM_SEES_FOR = timedelta(days=30)


# --- roles -----------------------------------------------------------------------------


def predecessors(unit_ids: Iterable[int]) -> set[int]:
    """Ids of all units that went into these, through any number of mergers and splits."""
    ids = list(unit_ids)
    if not ids:
        return set()
    marks = ", ".join(["%s"] * len(ids))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH RECURSIVE earlier(id) AS (
                SELECT predecessor_id FROM communes_succession WHERE successor_id IN ({marks})
                UNION
                SELECT s.predecessor_id FROM communes_succession s JOIN earlier ON s.successor_id = earlier.id
            )
            SELECT id FROM earlier
            """,  # noqa: S608 - only placeholders are formatted in
            ids,
        )
        return {row[0] for row in cursor.fetchall()}


class Roles:
    """One person's memberships in force today, read once per request."""

    def __init__(self, user: Any) -> None:
        self.user = user
        self.is_superuser = bool(user.is_active and user.is_superuser)
        self.others_criteria: dict[int, dict[int, str]] = {}
        self.own_criteria: dict[int, set[int]] = {}  # by membership, filled by own_criteria()

    @cached_property
    def memberships(self) -> list[Membership]:
        if not self.user.is_authenticated or not self.user.is_active:
            return []
        succession = apps.get_model("communes", "Succession")._default_manager
        owners = apps.get_model("criteria", "CriterionOwner")._default_manager
        found = (
            self.user.memberships.in_force(today())
            .select_related("unit", "department")
            # Asked along, so that the usual person, without either, costs no further query.
            .annotate(
                has_predecessors=Exists(succession.filter(successor=OuterRef("unit"))),
                is_on_a_team=Exists(self._recent_teams),
                has_owners=Exists(owners.filter(unit=OuterRef("unit")).in_force(today())),
            )
        )
        return [membership for membership in found if membership.unit.level in ROLE_LEVELS[membership.role]]

    @cached_property
    def provinces(self) -> set[int]:
        """Provinces (and those they came from) whose teams the person may work in: being
        named on a team gives nothing to someone whose role there has ended."""
        found: set[int] = set()
        for membership in self.having(*TEAM_ROLES):
            if membership.unit.level == "province":
                found |= self._area_ids[membership.pk]
            elif membership.unit.province_id is not None:
                found.add(membership.unit.province_id)
        return found

    @property
    def _recent_teams(self) -> models.QuerySet:
        member = apps.get_model("inspections", "TeamMember")
        recent = Q(visit__state="concluded", visit__concluded_at__gte=timezone.now() - TEAM_SEES_FOR)
        return member._default_manager.filter(
            Q(visit__state__in=["planned", "under_way"]) | recent, user=self.user
        ).values("visit_id")

    @cached_property
    def team_visits(self) -> models.QuerySet:
        """Ids of visits whose team the person is on, from planning until 30 days after the conclusion."""
        return self._recent_teams.filter(visit__unit__province__in=self.provinces)

    @cached_property
    def visits_to_settle(self) -> models.QuerySet:
        """Ids of concluded visits the person led whose findings aren't all closed: a leader
        closes them however long that takes."""
        member = apps.get_model("inspections", "TeamMember")
        return member._default_manager.filter(
            user=self.user,
            role="leader",
            visit__unit__province__in=self.provinces,
            visit__state="concluded",
            visit__findings__state__in=["open", "remedied"],
        ).values("visit_id")

    @cached_property
    def _area_ids(self) -> dict[int, set[int]]:
        return {
            m.pk: {m.unit_id} | (predecessors([m.unit_id]) if m.has_predecessors else set())  # type: ignore[attr-defined]
            for m in self.memberships
        }

    @cached_property
    def visited_ids(self) -> set[int]:
        """Units the person is or was lately sent to, and their predecessors."""
        if not self.provinces or not self.memberships[0].is_on_a_team:  # type: ignore[attr-defined]
            return set()
        visit = apps.get_model("inspections", "Visit")
        ids = set(visit._default_manager.filter(pk__in=self.team_visits).values_list("unit_id", flat=True))
        return ids | predecessors(ids)

    @cached_property
    def inspecting(self) -> dict[str, set[int]]:
        """By stage, the units (with their predecessors) the person is inspecting now: on the
        working team of a visit under way."""
        if not self.provinces or not self.memberships[0].is_on_a_team:  # type: ignore[attr-defined]
            return {}
        member = apps.get_model("inspections", "TeamMember")
        found: dict[str, set[int]] = {}
        for stage, unit in (
            member._default_manager.filter(
                user=self.user, visit__state="under_way", visit__unit__province__in=self.provinces
            )
            .exclude(role="attendee")
            .values_list("visit__stage", "visit__unit")
        ):
            found.setdefault(stage, set()).add(unit)
        return {stage: units | predecessors(units) for stage, units in found.items()}

    def area(self, membership: Membership, path: str) -> Q:
        """Rows whose unit lies in the membership's area or one of its predecessors."""
        return Q(**{join(path, membership.unit.level) + "__in": self._area_ids[membership.pk]})

    def having(self, *roles: str) -> list[Membership]:
        return [m for m in self.memberships if m.role in roles]


def roles(user: Any) -> Roles:
    """The person's roles, kept on the user object for the length of a request."""
    found = user.__dict__.get("_roles")
    if found is None:
        found = user.__dict__["_roles"] = Roles(user)
    return found


def join(path: str, field: str) -> str:
    return f"{path}__{field}" if path else field


# --- seeing ----------------------------------------------------------------------------


class ScopedQuerySet(models.QuerySet):
    """A queryset that can be narrowed to what one person may see."""

    def visible_to(self, user: Any) -> ScopedQuerySet:
        """Rows the person may see; none by default."""
        if not (user.is_authenticated and user.is_active):
            return self.none()
        condition = SCOPES[self.model.scope_kind](self.model, roles(user))  # type: ignore[attr-defined]
        return self.none() if condition is None else self.filter(condition)


def nothing() -> Q:
    return Q(pk__in=[])


def visited_units(person: Roles, path: str) -> Q:
    """Rows of units the person is or was lately sent to."""
    return Q(**{join(path, "pk") + "__in": person.visited_ids})


def own_criteria(person: Roles, membership: Membership) -> set[int]:
    """Criteria a department reviewer answers for: the province's assignment where it has
    one for the criterion, else the nation's. Read once per request."""
    if membership.pk not in person.own_criteria:
        person.own_criteria[membership.pk] = _own_criteria(membership)
    return person.own_criteria[membership.pk]


def _own_criteria(membership: Membership) -> set[int]:
    responsibility = apps.get_model("criteria", "CriterionDepartment")
    day = today()
    rows = responsibility._default_manager.filter(
        Q(province__isnull=True) | Q(province=membership.unit.province_id),
        Q(starts_on__isnull=True) | Q(starts_on__lte=day),
        Q(ends_on__isnull=True) | Q(ends_on__gte=day),
    ).values_list("criterion_id", "province_id", "department__code")
    local = {criterion for criterion, province, _ in rows if province}
    return {
        criterion
        for criterion, province, code in rows
        if membership.department and code == membership.department.code and bool(province) == (criterion in local)
    }


def visible_criteria(user: Any) -> set[int] | None:
    """Ids of the criteria a person's results are limited to; None: all of them.

    Only someone who is nothing but a department reviewer is limited.
    """
    person = roles(user)
    if person.is_superuser or not person.memberships:
        return None
    if any(m.role != DEPARTMENT_REVIEWER for m in person.memberships):
        return None
    return set().union(*(own_criteria(person, m) for m in person.memberships))


def reviewer_criteria(model: type[models.Model], person: Roles, membership: Membership) -> Q:
    path = getattr(model, "criterion_path", "indicator__criterion" if _has_field(model, "indicator") else "")
    if not path:
        return Q()
    held = Q(**{f"{path}__in": own_criteria(person, membership)})
    if model._meta.get_field(path.partition("__")[0]).many_to_many:  # joined, a row would come once a criterion
        return Q(pk__in=model._base_manager.filter(held).values("pk"))
    return held


def _has_field(model: type[models.Model], name: str) -> bool:
    return any(field.name == name for field in model._meta.get_fields())


def unit_scope(model: type[models.Model], person: Roles) -> Q | None:
    if person.is_superuser:
        return Q()
    path = model.unit_path  # type: ignore[attr-defined]
    condition = visited_units(person, path)
    for membership in person.having(*COMMUNE_ROLES, *AREA_ROLES):
        condition |= person.area(membership, path)
    return condition


def draft_scope(model: type[models.Model], person: Roles) -> Q | None:
    path = model.unit_path  # type: ignore[attr-defined]
    condition = nothing()
    for membership in person.having(*COMMUNE_ROLES):
        condition |= person.area(membership, path)
    return condition


def base_figure_scope(model: type[models.Model], person: Roles) -> Q | None:
    """What a commune counts of itself: its own people, its district, its coordinator."""
    path = model.unit_path  # type: ignore[attr-defined]
    condition = nothing()
    for membership in person.having(*COMMUNE_ROLES, DISTRICT_STAFF, COORDINATOR):
        condition |= person.area(membership, path)
    return condition


def published_scope(model: type[models.Model], person: Roles) -> Q | None:
    if person.is_superuser:
        return Q()
    path = model.unit_path  # type: ignore[attr-defined]
    condition = visited_units(person, path)
    for membership in person.having(*COMMUNE_ROLES, *AREA_ROLES):
        area = person.area(membership, path)
        if membership.role == DEPARTMENT_REVIEWER:
            area &= reviewer_criteria(model, person, membership)
        condition |= area
    return condition


def _published_links(model: type[models.Model], **extra: Any) -> Q:
    """Evidence with a published link (the link itself published, for links)."""
    if model._meta.model_name == "evidencelink":
        return Q(published_at__isnull=False, **extra)
    link = apps.get_model("criteria", "EvidenceLink")
    return Q(Exists(link._default_manager.filter(evidence=OuterRef("pk"), published_at__isnull=False, **extra)))


def work_scope(model: type[models.Model], person: Roles) -> Q | None:
    """Sendings, what was returned of them, and who answers for what: between the commune and the
    offices above it; neither for viewers nor for teams."""
    path = model.unit_path  # type: ignore[attr-defined]
    condition = nothing()
    for membership in person.having(*COMMUNE_ROLES, DISTRICT_STAFF, DEPARTMENT_REVIEWER, COORDINATOR):
        area = person.area(membership, path)
        if membership.role == DEPARTMENT_REVIEWER:
            area &= reviewer_criteria(model, person, membership)
        condition |= area
    return Q() if person.is_superuser else condition


def _handed_over(model: type[models.Model]) -> Q:
    """Documents a commune named as proof that a shortcoming is remedied: who confirms that reads them."""
    if model._meta.model_name != "evidence":
        return nothing()
    proof = apps.get_model("inspections", "Finding").evidence.through
    return Q(Exists(proof._default_manager.filter(evidence=OuterRef("pk"))))


def _answered_with(model: type[models.Model], person: Roles) -> Q:
    """Documents a commune answered a question with: given to the side that asked, sent with a result or not."""
    if model._meta.model_name != "evidence":
        return nothing()
    _, office = question_sides(person.user)
    asked = apps.get_model("criteria", "Question")._default_manager.filter(office)
    proof = apps.get_model("criteria", "QuestionMessage").evidence.through._default_manager
    return Q(Exists(proof.filter(evidence=OuterRef("pk"), questionmessage__question__in=asked.order_by().values("pk"))))


def evidence_scope(model: type[models.Model], person: Roles) -> Q | None:
    """Own documents whole; above, what is tied to a sent result, proves a remedy or answers a
    question of theirs; reviewers their own criteria's without personal data; viewers no files."""
    path = model.unit_path  # type: ignore[attr-defined]
    if person.is_superuser:
        return _published_links(model)
    personal = "evidence__has_personal_data" if model._meta.model_name == "evidencelink" else "has_personal_data"
    told = _published_links(model) | _handed_over(model)
    condition = visited_units(person, path) & told if person.visited_ids else nothing()
    offices = person.having(DISTRICT_STAFF, DEPARTMENT_REVIEWER, COORDINATOR)
    answered = _answered_with(model, person) if offices else nothing()
    for membership in person.having(*COMMUNE_ROLES, DISTRICT_STAFF, DEPARTMENT_REVIEWER, COORDINATOR):
        area = person.area(membership, path)
        if membership.role == DEPARTMENT_REVIEWER:
            criteria = own_criteria(person, membership)
            own = _published_links(model, indicator__criterion__in=criteria) | answered
            area &= own & Q(**{personal: False})
        elif membership.role not in COMMUNE_ROLES:
            area &= told | answered
        condition |= area
    return condition


def visit_scope(model: type[models.Model], person: Roles) -> Q | None:
    """The visit itself: who was or will be there, when, with which team."""
    if person.is_superuser:
        return Q()
    visit = getattr(model, "visit_path", "")
    path = model.unit_path  # type: ignore[attr-defined]
    condition = Q(**{join(visit, "pk") + "__in": person.team_visits}) | Q(
        **{
            join(visit, "planned_by"): person.user,
            join(visit, "state") + "__in": ["planned", "under_way"],
            join(path, "province") + "__in": person.provinces,
        }
    )
    condition |= Q(**{join(visit, "pk") + "__in": person.visits_to_settle})
    # Who is sent to a unit reads what earlier visits concluded there.
    condition |= visited_units(person, path) & Q(**{join(visit, "state"): "concluded"})
    for membership in person.having(*COMMUNE_ROLES, DISTRICT_STAFF, DEPARTMENT_REVIEWER, COORDINATOR):
        area = person.area(membership, path)
        if membership.role == DEPARTMENT_REVIEWER:
            area &= Q(**{join(visit, "state"): "concluded"})
        condition |= area
    return condition


def score_scope(model: type[models.Model], person: Roles) -> Q | None:
    """What a visit found: its team and the coordinator until the conclusion, then whoever sees the visit."""
    visit = model.visit_path  # type: ignore[attr-defined]
    concluded = Q(**{join(visit, "state"): "concluded"})
    if person.is_superuser:
        return concluded
    path = model.unit_path  # type: ignore[attr-defined]
    condition = Q(**{f"{visit}__in": person.team_visits}) | (visited_units(person, path) & concluded)
    condition |= Q(**{f"{visit}__in": person.visits_to_settle})
    for membership in person.having(*COMMUNE_ROLES, DISTRICT_STAFF, DEPARTMENT_REVIEWER, COORDINATOR):
        area = person.area(membership, path)
        if membership.role == DEPARTMENT_REVIEWER:
            area &= reviewer_criteria(model, person, membership)
        condition |= area if membership.role == COORDINATOR else area & concluded
    return condition


def meeting_scope(model: type[models.Model], person: Roles) -> Q | None:
    """Meetings are the work of who holds them: a commune's of its people, an area's of its
    staff and of the coordinator above. Nobody else reads them, superusers included."""
    path = model.unit_path  # type: ignore[attr-defined]
    condition = nothing()
    for membership in person.having(*COMMUNE_ROLES):
        condition |= person.area(membership, path)
    for membership in person.having(DISTRICT_STAFF, COORDINATOR):
        condition |= person.area(membership, path) & Q(**{join(path, "level") + "__in": ["district", "province"]})
    return condition


def question_sides(user: Any) -> tuple[Q, Q]:
    """Questions in which the person is on the commune's side, and in which on the office's: the
    district's for its staff, the province's for coordinators and for the department that
    answers for the criterion."""
    person = roles(user)
    question = apps.get_model("criteria", "Question")
    commune = office = nothing()
    for membership in person.having(*COMMUNE_ROLES):
        commune |= person.area(membership, "unit")
    for membership in person.having(DISTRICT_STAFF):
        office |= person.area(membership, "unit") & Q(office="district")
    for membership in person.having(COORDINATOR, DEPARTMENT_REVIEWER):
        area = person.area(membership, "unit") & Q(office="province")
        if membership.role == DEPARTMENT_REVIEWER:
            area &= reviewer_criteria(question, person, membership)
        office |= area
    return commune, office


def question_scope(model: type[models.Model], person: Roles) -> Q | None:
    """The two sides of a question and nobody else."""
    commune, office = question_sides(person.user)
    return commune | office


def target_report_scope(model: type[models.Model], person: Roles) -> Q | None:
    """Reports of wrong targets: who sent one, the commune's own people, who keeps the targets."""
    if person.is_superuser:
        return Q()
    condition = Q(reported_by=person.user)
    for membership in person.having(*COMMUNE_ROLES, COORDINATOR):
        condition |= person.area(membership, model.unit_path)  # type: ignore[attr-defined]
    return condition


def upload_scope(model: type[models.Model], person: Roles) -> Q | None:
    """Tables somebody handed in: their own while they work there; what concerns the province as
    a whole also its coordinators, the nation's superusers."""
    own = Q(uploaded_by=person.user)
    entries = Q(kind="entries")
    if person.is_superuser:
        return own | ~entries
    path = model.unit_path  # type: ignore[attr-defined]
    condition = nothing()
    for membership in person.having(*COMMUNE_ROLES, DISTRICT_STAFF, COORDINATOR):
        area = person.area(membership, path)
        condition |= area & (own | ~entries) if membership.role == COORDINATOR else area & own
    return condition


def period_scope(model: type[models.Model], person: Roles) -> Q | None:
    """Reporting periods of the places a person works at, of those above them, which they report to,
    and of those within."""
    if person.is_superuser:
        return Q()
    path = model.unit_path  # type: ignore[attr-defined]
    condition = Q(**{f"{path}__in": reporting_places(person.user)})
    for membership in person.memberships:
        condition |= person.area(membership, path)
    return condition


def reporting_places(user: Any) -> set[int]:
    """Ids of the places whose reporting periods are a person's own: where they work and what lies above."""
    places = ((m.unit_id, m.unit.district_id, m.unit.province_id) for m in roles(user).memberships)
    return {place for own in places for place in own if place is not None}


def reporting_units(user: Any) -> Q:
    """Units whose sendings a person sees (`work_scope`), as a filter on units."""
    person = roles(user)
    condition = nothing()
    for membership in person.having(*COMMUNE_ROLES, DISTRICT_STAFF, DEPARTMENT_REVIEWER, COORDINATOR):
        condition |= person.area(membership, "")
    return condition


def report_job_scope(model: type[models.Model], person: Roles) -> Q | None:
    """Reports built in the background are seen by who asked for them and nobody else."""
    return Q(asked_by=person.user)


SCOPES = {
    "unit": unit_scope,
    "draft": draft_scope,
    "base_figure": base_figure_scope,
    "published": published_scope,
    "work": work_scope,
    "evidence": evidence_scope,
    "evidence_link": evidence_scope,
    "visit": visit_scope,
    "team": visit_scope,
    "score": score_scope,
    "finding": score_scope,
    "meeting": meeting_scope,
    "question": question_scope,
    "target_report": target_report_scope,
    "upload": upload_scope,
    "period": period_scope,
    "report_job": report_job_scope,
}


def get_unit(user: Any, pk: int) -> Unit:
    """The unit if the person may see it, else Http404. The one they work in came with their
    membership and costs no query."""
    own = roles(user).having(*COMMUNE_ROLES, *AREA_ROLES)
    at_hand = next((membership.unit for membership in own if membership.unit_id == pk), None)
    return at_hand or get_object_or_404(apps.get_model("communes", "Unit")._default_manager.visible_to(user), pk=pk)


def sees_drafts_of(user: Any, unit: Unit) -> bool:
    """Whether the person works in the unit's commune (or its successor) and so sees its drafts."""
    person = roles(user)
    return any(unit.commune_id in person._area_ids[m.pk] for m in person.having(*COMMUNE_ROLES))


def sees_visit_work(user: Any, visit: Any) -> bool:
    """Whether what a visit found is shown to a person who sees the visit: the team and the
    coordinator while it is open, everyone after the conclusion (`score_scope`, for one visit)."""
    if visit.state == "concluded":
        return True
    person = roles(user)
    on_team = team_role(person, visit) is not None and visit.state in {"planned", "under_way"}
    return on_team or bool(_covers(person, visit.unit, COORDINATOR))


def sees_files(user: Any, place: Unit | None = None) -> bool:
    """Whether evidence of a place may be named to this person (`evidence_scope`), without a place anybody's;
    viewers see figures only."""
    person = roles(user)
    if place is not None:
        offices = (*COMMUNE_ROLES, DISTRICT_STAFF, DEPARTMENT_REVIEWER, COORDINATOR)
        return person.is_superuser or _reaches(person, place, *offices) or place.pk in person.visited_ids
    return person.is_superuser or not person.memberships or any(m.role != VIEWER for m in person.memberships)


def home_units(user: Any) -> list[Unit]:
    """The units a person's work starts from: those of their memberships, communes first."""
    order = {"village": 0, "commune": 1, "district": 2, "province": 3}
    found = {m.unit_id: m.unit for m in roles(user).memberships}
    return sorted(found.values(), key=lambda unit: (order[unit.level], unit.sort_key))


# --- doing -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Decision:
    """Whether something is allowed; if not, why, in words a page can show."""

    allowed: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.allowed


ALLOWED = Decision(True)
NOT_YOURS = "Vai trò của bạn không có quyền thực hiện việc này."


def refuse(reason: str = NOT_YOURS) -> Decision:
    return Decision(False, reason)


def _unit_open(unit: Unit) -> Decision:
    if not unit.exists_on(today()):
        return refuse(f"{unit.full_name} đã kết thúc từ ngày {unit.closed_on:%d/%m/%Y}; số liệu chỉ để tra cứu.")
    return ALLOWED


def _works_in(person: Roles, unit: Unit, *names: str) -> list[Membership]:
    """Memberships of these roles at the unit's commune itself (not through a predecessor)."""
    return [m for m in person.having(*names) if unit.commune_id is not None and m.unit_id == unit.commune_id]


def _covers(person: Roles, unit: Unit, *names: str) -> list[Membership]:
    """Memberships of these roles whose area holds the unit."""
    ancestors = {unit.province_id, unit.district_id, unit.commune_id} - {None}
    return [m for m in person.having(*names) if m.unit_id in ancestors]


def _reaches(person: Roles, place: Unit, *names: str) -> bool:
    """Whether the person holds one of these roles where the place lies, or in what came of it: seeing, not doing."""
    areas = {place.province_id, place.district_id, place.commune_id} - {None}
    return any(areas & person._area_ids[m.pk] for m in person.having(*names))


def _change_entry(person: Roles, unit: Unit) -> Decision:
    if not _works_in(person, unit, *COMMUNE_ROLES):
        return refuse("Chỉ cán bộ của xã được nhập kết quả và minh chứng của xã.")
    return _unit_open(unit)


def _enter_criterion(person: Roles, target: tuple[Unit, Any]) -> Decision:
    """One criterion's rows and proof."""
    unit, criterion = target
    working = _change_entry(person, unit)
    return working and _answers_in_commune(person, unit, criterion)


def _answers_in_commune(person: Roles, unit: Unit, criterion: Any) -> Decision:
    """Whether somebody of the commune may speak for it on a criterion, in its rows, its findings and its
    questions: who answers for it that day, its leader, and anybody of the commune where nobody does."""
    others = criteria_of_others(person, unit)
    if criterion.pk not in others:
        return ALLOWED
    return refuse(f"Tiêu chí {criterion.number} do {others[criterion.pk]} phụ trách; lãnh đạo xã phân công lại được.")


def _import_entries(person: Roles, place: Unit) -> Decision:
    """Handing in a filled entry workbook of a place: its own people for a commune; for it or an area above it the
    district's staff and the coordinator, as drafts that only the commune sends (decision 0011)."""
    if not (_works_in(person, place, *COMMUNE_ROLES) or _covers(person, place, DISTRICT_STAFF, COORDINATOR)):
        return refuse("Chỉ cán bộ của xã, văn phòng điều phối huyện và điều phối viên tỉnh dùng biểu nhập kết quả.")
    return _unit_open(place)


def criteria_of_others(person: Roles, unit: Unit) -> dict[int, str]:
    """Criteria of the unit that others answer for and this person doesn't, with the names of those
    who do. Leaders may write all. One query a request, none where the commune has no owners."""
    own = _works_in(person, unit, *COMMUNE_ROLES)
    if any(membership.role == COMMUNE_LEADER for membership in own):
        return {}
    if not any(membership.has_owners for membership in own):  # type: ignore[attr-defined]
        return {}
    if unit.pk not in person.others_criteria:
        owners = apps.get_model("criteria", "CriterionOwner")._default_manager.filter(unit=unit).in_force(today())
        # Whose account has no role here any more, or who never had one, keeps nobody from working.
        owners = owners.at_work(today())
        names: dict[int, list[str]] = {}
        mine = set()
        for criterion, user, name in owners.values_list("criterion_id", "user_id", "name"):
            names.setdefault(criterion, []).append(name)
            if user == person.user.pk:
                mine.add(criterion)
        person.others_criteria[unit.pk] = {
            criterion: ", ".join(people) for criterion, people in names.items() if criterion not in mine
        }
    return person.others_criteria[unit.pk]


def own_share(user: Any, unit_path: str, criterion_path: str) -> Q:
    """Rows of the person's communes (and their predecessors) on criteria they answer for there, or
    nobody else does: the findings and questions that are theirs to see to."""
    person = roles(user)
    condition = nothing()
    for membership in person.having(*COMMUNE_ROLES):
        area = person.area(membership, unit_path)
        others = criteria_of_others(person, membership.unit)
        condition |= area & ~Q(**{f"{criterion_path}__in": list(others)}) if others else area
    return condition


def shares_criteria(user: Any) -> bool:
    """Whether in a commune of the person others answer for some criteria, so that "mine" is less than "ours"."""
    person = roles(user)
    return any(criteria_of_others(person, membership.unit) for membership in person.having(*COMMUNE_ROLES))


def _see_owners(person: Roles, unit: Unit) -> Decision:
    if person.is_superuser or _covers(person, unit, *COMMUNE_ROLES, DISTRICT_STAFF, DEPARTMENT_REVIEWER, COORDINATOR):
        return ALLOWED
    return refuse()


def _assign_owners(person: Roles, unit: Unit) -> Decision:
    own = _works_in(person, unit, *COMMUNE_ROLES)
    if not any(m.role == COMMUNE_LEADER or m.may_send for m in own):
        return refuse("Chỉ lãnh đạo xã hoặc cán bộ được giao mới phân công tiêu chí.")
    return _unit_open(unit)


def _receive(person: Roles, submission: Any) -> Decision:
    """The office above: the district's staff or the coordinator."""
    if not _covers(person, submission.unit, DISTRICT_STAFF, COORDINATOR):
        return refuse("Chỉ cán bộ huyện hoặc điều phối viên tỉnh tiếp nhận kết quả xã gửi.")
    return ALLOWED


def _return(person: Roles, submission: Any) -> Decision:
    """Also a department, for indicators of its own criteria (`criteria.submissions` keeps to them)."""
    if not _covers(person, submission.unit, DISTRICT_STAFF, COORDINATOR, DEPARTMENT_REVIEWER):
        return refuse("Chỉ cán bộ huyện, sở, ngành phụ trách hoặc điều phối viên tỉnh trả lại kết quả xã gửi.")
    return ALLOWED


def _view_base_figures(person: Roles, unit: Unit) -> Decision:
    if unit.commune_id is None or not _reaches(person, unit, *COMMUNE_ROLES, DISTRICT_STAFF, COORDINATOR):
        return refuse("Chỉ cán bộ của xã, huyện và điều phối viên của tỉnh xem được số liệu nền.")
    return ALLOWED


def _change_base_figures(person: Roles, unit: Unit) -> Decision:
    if not _works_in(person, unit, *COMMUNE_ROLES):
        return refuse("Chỉ cán bộ của xã được nhập số liệu nền của xã.")
    return _unit_open(unit)


def _see_period_report(person: Roles, unit: Unit) -> Decision:
    """What a commune tells of a period besides its results: its own people and the offices above."""
    offices = (*COMMUNE_ROLES, DISTRICT_STAFF, DEPARTMENT_REVIEWER, COORDINATOR)
    if person.is_superuser or _reaches(person, unit, *offices):
        return ALLOWED
    return refuse("Báo cáo kỳ do xã và cơ quan theo dõi xem; vai trò của bạn xem số liệu ở mục Báo cáo.")


def _fill_period_report(person: Roles, target: tuple[Unit, Any]) -> Decision:
    """Filling in supplementary tables and texts: obj is (unit, period)."""
    unit, period = target
    if not _works_in(person, unit, *COMMUNE_ROLES):
        return refuse("Chỉ cán bộ của xã được nhập báo cáo kỳ của xã.")
    if period.closed_at is not None:
        return refuse(f"{period.name} đã khóa; số liệu và nội dung của kỳ giữ nguyên.")
    return _unit_open(unit)


def _see_period_texts(person: Roles, place: Unit) -> Decision:
    """What communes of a place write of a period: the work of its offices, not a viewer's figures."""
    if _see_period_report(person, place):
        return ALLOWED
    return refuse("Nội dung báo cáo của xã do cơ quan theo dõi xem; vai trò của bạn xem các biểu số liệu.")


def _send(person: Roles, unit: Unit) -> Decision:
    own = _works_in(person, unit, *COMMUNE_ROLES)
    if not any(m.role == COMMUNE_LEADER or m.may_send for m in own):
        return refuse("Chỉ lãnh đạo xã hoặc cán bộ được giao mới gửi được kết quả lên cấp trên.")
    return _unit_open(unit)


def _plan(person: Roles, unit: Unit, stage: str) -> Decision:
    names = [DISTRICT_STAFF, COORDINATOR] if stage == "district" else [INSPECTOR, COORDINATOR]
    found = [m for m in _covers(person, unit, *names) if m.role != INSPECTOR or m.may_lead]
    if not found:
        return refuse("Bạn không được lập kế hoạch kiểm tra ở cấp này.")
    return _unit_open(unit)


def _plan_district(person: Roles, unit: Unit) -> Decision:
    return _plan(person, unit, "district")


def _plan_province(person: Roles, unit: Unit) -> Decision:
    return _plan(person, unit, "province")


def team_role(person: Roles, visit: Any) -> Any:
    """The person's row in the visit's team, or None; also where no role of theirs in the
    unit's province is in force any more."""
    if visit.unit.province_id not in person.provinces:
        return None
    return next((m for m in visit.team.all() if m.user_id == person.user.pk), None)


def _visit_open(visit: Any) -> Decision:
    if visit.state == "concluded":
        return refuse("Cuộc kiểm tra đã kết luận và khóa; muốn điều chỉnh hãy lập phụ lục.")
    if visit.state == "cancelled":
        return refuse("Cuộc kiểm tra đã hủy.")
    return ALLOWED


def _change_visit(person: Roles, visit: Any) -> Decision:
    """The plan and the team: its leader, who planned it, or the coordinator."""
    member = team_role(person, visit)
    leads = member is not None and member.role == "leader"
    planned = visit.planned_by_id == person.user.pk and visit.unit.province_id in person.provinces
    if not (leads or planned or _covers(person, visit.unit, COORDINATOR)):
        return refuse("Chỉ trưởng đoàn hoặc người lập kế hoạch được sửa kế hoạch và thành phần đoàn.")
    return _visit_open(visit)


def changeable_visits(user: Any) -> Q | None:
    """Visits whose plan and team the person may change, `_change_visit` as a filter; None for who can be
    on no team."""
    person = roles(user)
    if not person.provinces:
        return None
    member = apps.get_model("inspections", "TeamMember")._default_manager
    led = member.filter(user=user, role="leader").values("visit_id")
    condition = (Q(planned_by=user) | Q(pk__in=led)) & Q(unit__province__in=person.provinces)
    condition |= Q(unit__province__in=[m.unit_id for m in person.having(COORDINATOR)])
    return condition & Q(state__in=["planned", "under_way"])


def _work_on_visit(person: Roles, visit: Any) -> Decision:
    """The team's own notes: the commune's opinion, findings, the summary."""
    member = team_role(person, visit)
    if member is None or member.role == "attendee":
        return refuse("Chỉ thành viên đoàn được ghi kết quả kiểm tra.")
    return _visit_open(visit)


def _answers_for(person: Roles, unit: Unit, criterion_ids: Iterable[int]) -> bool:
    """Whether a department of the person answers for all these criteria in the unit's province."""
    wanted = set(criterion_ids)
    return any(wanted <= own_criteria(person, m) for m in _covers(person, unit, DEPARTMENT_REVIEWER))


def _review(person: Roles, target: tuple[Any, int]) -> Decision:
    """A department's desk review of one criterion of a unit: obj is (unit, the criterion's id)."""
    unit, criterion_id = target
    if not _answers_for(person, unit, [criterion_id]):
        return refuse("Chỉ sở, ngành phụ trách tiêu chí được cho ý kiến thẩm tra hồ sơ tiêu chí này.")
    return _unit_open(unit)


def _is_own_desk_review(person: Roles, visit: Any) -> bool:
    """Whether the visit is a desk review the person opened for their department (decision 0008): they
    score and conclude it without a team, which would open all of the unit to them."""
    if visit.kind != "desk" or visit.stage != "province" or visit.planned_by_id != person.user.pk:
        return False
    criteria = {criterion.pk for criterion in visit.criteria.all()}
    return bool(criteria) and _answers_for(person, visit.unit, criteria)


def _score(person: Roles, target: tuple[Any, Any]) -> Decision:
    """Scoring one criterion of a visit: obj is (visit, criterion)."""
    visit, criterion = target
    if _is_own_desk_review(person, visit) and criterion in visit.criteria.all():
        return _visit_open(visit)
    working = _work_on_visit(person, visit)
    if not working:
        return working
    member = team_role(person, visit)
    if member.role != "leader" and criterion.pk not in {c.pk for c in member.criteria.all()}:
        return refuse(f"Tiêu chí {criterion.number} chưa được phân công cho bạn.")
    return ALLOWED


def _may_lead(person: Roles, visit: Any) -> Decision:
    """What a leader's own role must be (`inspections.planning.leaders`), still on the day they conclude."""
    if visit.stage == "province":
        found = [m for m in person.having(INSPECTOR) if m.may_lead and visit.unit.province_id in person._area_ids[m.pk]]
    else:
        found = [m for m in person.having(DISTRICT_STAFF) if visit.unit.district_id in person._area_ids[m.pk]]
    return ALLOWED if found else refuse("Bạn không còn được giao làm trưởng đoàn ở cấp kiểm tra này.")


def _lead_visit(person: Roles, visit: Any) -> Decision:
    if _is_own_desk_review(person, visit):
        return _visit_open(visit)
    member = team_role(person, visit)
    if member is None or member.role != "leader":
        return refuse("Chỉ trưởng đoàn được kết luận và khóa.")
    leading = _may_lead(person, visit)
    return _visit_open(visit) if leading else leading


def _annex(person: Roles, visit: Any) -> Decision:
    member = team_role(person, visit)
    if member is None or member.role != "leader":
        return refuse("Chỉ trưởng đoàn được lập phụ lục điều chỉnh.")
    leading = _may_lead(person, visit)
    if not leading:
        return leading
    return ALLOWED if visit.state == "concluded" else refuse("Chỉ lập phụ lục sau khi đã kết luận.")


def _read_minutes(person: Roles, visit: Any) -> Decision:
    """The minutes, one document over everything the visit looked at: who sees its work, whole."""
    if visit.state == "cancelled":
        return refuse("Cuộc kiểm tra đã hủy nên không có biên bản.")
    if not sees_visit_work(person.user, visit):
        return refuse("Biên bản chỉ đoàn kiểm tra xem được cho đến khi kết luận.")
    if visible_criteria(person.user) is not None and team_role(person, visit) is None:
        return refuse("Biên bản gồm mọi tiêu chí; tài khoản sở, ngành xem kết quả các tiêu chí của mình ở trang này.")
    return ALLOWED


def _sign_minutes(person: Roles, visit: Any) -> Decision:
    """Adding the scan of the signed paper: those who keep it."""
    member = team_role(person, visit)
    if member is None or member.role not in {"leader", "secretary"}:
        return refuse("Chỉ trưởng đoàn hoặc thư ký được tải lên biên bản đã ký.")
    return ALLOWED if visit.state == "concluded" else refuse("Chỉ tải lên biên bản đã ký sau khi đã kết luận.")


def _minutes_template(person: Roles, province: Unit) -> Decision:
    """The province's own form of the minutes."""
    if person.is_superuser or any(m.unit_id == province.pk for m in person.having(COORDINATOR)):
        return ALLOWED
    return refuse("Chỉ điều phối viên của tỉnh được thay mẫu biên bản.")


def _finding_published(finding: Any) -> Decision:
    if finding.visit.state != "concluded":
        return refuse("Tồn tại này chưa được công bố: cuộc kiểm tra chưa kết luận.")
    return ALLOWED


def answering_units(user: Any, unit: Unit) -> set[int]:
    """Communes for which the person answers for the unit's shortcomings: the unit itself, or
    the one it was merged into."""
    return {commune.pk for commune in _answering(roles(user), unit)}


def _answering(person: Roles, unit: Unit) -> list[Unit]:
    return [m.unit for m in person.having(*COMMUNE_ROLES) if unit.commune_id in person._area_ids[m.pk]]


def _remedy(person: Roles, finding: Any) -> Decision:
    communes = _answering(person, finding.visit.unit)
    if not communes:
        return refuse("Chỉ cán bộ của xã được báo đã khắc phục.")
    answers = [_answers_in_commune(person, commune, finding.criterion) for commune in communes]
    if not any(answers):
        return answers[0]
    return _finding_published(finding)


def _close(person: Roles, finding: Any) -> Decision:
    """Its own inspecting side: the visit's leader, the coordinator, the staff of the district for
    its stage; and the team of the same stage that is at the unit now and sees for itself."""
    unit = finding.visit.unit
    member = team_role(person, finding.visit)
    allowed = (
        bool(_covers(person, unit, COORDINATOR))
        or (member is not None and member.role == "leader")
        or (finding.visit.stage == "district" and bool(_covers(person, unit, DISTRICT_STAFF)))
        or unit.pk in person.inspecting.get(finding.visit.stage, ())
    )
    if not allowed:
        return refuse("Chỉ bên kiểm tra được xác nhận hoặc yêu cầu khắc phục lại.")
    return _finding_published(finding)


def _recheck(person: Roles, target: tuple[Any, Any]) -> Decision:
    """Recording on the spot what became of an earlier finding: obj is (visit, finding)."""
    visit, finding = target
    working = _work_on_visit(person, visit)
    if not working:
        return working
    if finding.visit.stage != visit.stage:
        return refuse("Tồn tại này do cấp kiểm tra khác nêu; đoàn chỉ góp ý được.")
    if visit.state != "under_way":
        return refuse("Bắt đầu kiểm tra rồi mới ghi được tồn tại của cuộc trước đã khắc phục hay chưa.")
    return _close(person, finding)


def _comment(person: Roles, finding: Any) -> Decision:
    """The department, and a team of whatever stage that is at the unit now."""
    unit = finding.visit.unit
    inspects = any(unit.pk in units for units in person.inspecting.values())
    if not (_covers(person, unit, DEPARTMENT_REVIEWER) or inspects):
        return refuse("Chỉ sở, ngành phụ trách hoặc đoàn đang kiểm tra xã được góp ý.")
    return _finding_published(finding)


def _see_nation(person: Roles, _obj: Any) -> Decision:
    return ALLOWED if person.is_superuser else refuse("Số liệu cả nước chỉ quản trị hệ thống xem được.")


def _register_communes(person: Roles, area: Unit) -> Decision:
    """Registering communes of an area to reach the standard in a year, and taking that back."""
    if not _covers(person, area, DISTRICT_STAFF, COORDINATOR):
        return refuse("Chỉ cán bộ huyện và điều phối viên tỉnh ghi các xã đăng ký đạt chuẩn.")
    return _unit_open(area)


def _record_recognitions(person: Roles, place: Unit) -> Decision:
    """Recording which communes of a place were recognised, revoking and voiding that; also of communes that are no
    more, whose recognitions belong to history."""
    if not _covers(person, place, COORDINATOR):
        return refuse("Chỉ điều phối viên tỉnh ghi quyết định công nhận, thu hồi công nhận đạt chuẩn.")
    return ALLOWED


def _see_areas(person: Roles, _: Any) -> Decision:
    """Figures of a district or a province, commune by commune."""
    if person.is_superuser or any(m.unit.level in ("district", "province") for m in person.having(*AREA_ROLES)):
        return ALLOWED
    return refuse("Bảng tổng hợp dành cho người theo dõi một huyện hoặc một tỉnh; vai trò của bạn xem từng xã.")


def _see_submissions(person: Roles, _: Any) -> Decision:
    """Sendings with their steps, as `work_scope` has them; a superuser has no office they come to."""
    if not person.having(*COMMUNE_ROLES, DISTRICT_STAFF, DEPARTMENT_REVIEWER, COORDINATOR):
        return refuse(
            "Các lần gửi là việc giữa xã và huyện, sở, ngành, văn phòng điều phối; vai trò của bạn xem kết quả đã gửi "
            "ở trang Tình hình thực hiện của xã."
        )
    return ALLOWED


def _keep_periods(person: Roles, area: Unit) -> Decision:
    """The reporting periods of an area: a district's its own staff; a province's, and those of its
    districts and reporting areas, the coordinator."""
    kept = _covers(person, area, COORDINATOR)
    if area.level == "district":
        kept += [m for m in person.having(DISTRICT_STAFF) if m.unit_id == area.pk]
    if area.level not in ("province", "district") or not kept:
        return refuse("Kỳ báo cáo của tỉnh do điều phối viên tỉnh lập, sửa và khóa; của huyện do cán bộ huyện đó.")
    return ALLOWED


def _make_periods(person: Roles, _: Any) -> Decision:
    """Whether there is an area the person makes periods for (`period_areas`)."""
    if person.having(DISTRICT_STAFF, COORDINATOR):
        return ALLOWED
    return refuse("Kỳ báo cáo do điều phối viên tỉnh và cán bộ huyện lập; vai trò của bạn xem các kỳ đã lập.")


def _create_period(person: Roles, area: Unit) -> Decision:
    keeping = _keep_periods(person, area)
    return keeping and _unit_open(area)


def _keep_period(person: Roles, period: Any) -> Decision:
    return _keep_periods(person, period.area)


def _reopen_period(person: Roles, period: Any) -> Decision:
    if not _covers(person, period.area, COORDINATOR):
        return refuse("Chỉ điều phối viên tỉnh được mở lại kỳ báo cáo đã khóa.")
    return ALLOWED


def period_areas(user: Any) -> list[Unit]:
    """Areas a person makes reporting periods for, their own place first; one query for a coordinator."""
    person = roles(user)
    own = {m.unit_id: m.unit for m in person.having(DISTRICT_STAFF, COORDINATOR)}
    provinces = [m.unit_id for m in person.having(COORDINATOR)]
    if provinces:
        districts = apps.get_model("communes", "Unit")._default_manager.filter(level="district", province__in=provinces)
        own |= {unit.pk: unit for unit in districts.existing(today()).exclude(pk__in=list(own))}
    found = [unit for unit in own.values() if unit.exists_on(today())]
    return sorted(found, key=lambda unit: (unit.level != "province", unit.sort_key))


def _see_inspections(person: Roles, _: Any) -> Decision:
    """Visits and what they found, as `visit_scope` and `score_scope` have them: not for viewers."""
    if person.is_superuser or person.having(*COMMUNE_ROLES, *TEAM_ROLES):
        return ALLOWED
    return refuse(
        "Cuộc kiểm tra và tồn tại do xã, đoàn kiểm tra và cơ quan theo dõi xem; vai trò của bạn xem kết quả đã công bố."
    )


def _see_meetings(person: Roles, _: Any) -> Decision:
    if not person.having(*COMMUNE_ROLES, DISTRICT_STAFF, COORDINATOR):
        return refuse("Giao ban là việc nội bộ của xã, huyện và văn phòng điều phối; vai trò của bạn không xem.")
    return ALLOWED


def _hold_meeting(person: Roles, place: Unit) -> Decision:
    """Holding a meeting of a place and changing it: a commune's own people, a district's staff,
    the coordinator for the province and its districts."""
    if place.level == "commune":
        own = _works_in(person, place, *COMMUNE_ROLES)
    elif place.level == "district":
        own = _covers(person, place, DISTRICT_STAFF, COORDINATOR)
    else:
        own = [m for m in person.having(COORDINATOR) if m.unit_id == place.pk]
    if not own:
        return refuse("Chỉ người làm việc tại địa bàn được lập và sửa cuộc giao ban của địa bàn.")
    return _unit_open(place)


def meeting_places(user: Any) -> list[Unit]:
    """The places a person holds meetings for: those they work at."""
    found = {m.unit_id: m.unit for m in roles(user).having(*COMMUNE_ROLES, DISTRICT_STAFF, COORDINATOR)}
    return sorted((unit for unit in found.values() if unit.exists_on(today())), key=lambda unit: unit.sort_key)


def desks(user: Any) -> dict[Unit, set[int] | None]:
    """Provinces in which the person has criteria to look after (Tiêu chí của tôi), with the ids: a
    department's own; None, all of them, for a coordinator."""
    person = roles(user)
    found: dict[Unit, set[int] | None] = {m.unit: None for m in person.having(COORDINATOR)}
    for membership in person.having(DEPARTMENT_REVIEWER):
        earlier = found.get(membership.unit, set())
        found[membership.unit] = None if earlier is None else earlier | own_criteria(person, membership)
    return found


def _asking_offices(person: Roles, unit: Unit, criterion_id: int) -> list[str]:
    """The offices above the unit in which the person may speak of the criterion."""
    offices = ["district"] if _covers(person, unit, DISTRICT_STAFF) else []
    if _covers(person, unit, COORDINATOR) or _answers_for(person, unit, [criterion_id]):
        offices.append("province")
    return offices


def question_addressees(user: Any, unit: Unit, criterion_id: int) -> list[tuple[str, bool]]:
    """Between whom the person may ask about a criterion of the unit: (office, whether the commune asks)."""
    person = roles(user)
    found = [(office, False) for office in _asking_offices(person, unit, criterion_id)]
    if _works_in(person, unit, *COMMUNE_ROLES):
        found += [("district", True)] if unit.district_id else []
        found.append(("province", True))
    return found


def _ask(person: Roles, target: tuple[Any, int]) -> Decision:
    """Asking about one criterion of a unit: obj is (unit, the criterion's id)."""
    unit, criterion_id = target
    if not question_addressees(person.user, unit, criterion_id):
        return refuse("Chỉ cán bộ của xã và cơ quan theo dõi tiêu chí này của xã hỏi đáp được.")
    return _unit_open(unit)


def _question_side(person: Roles, question: Any, *, asks: bool) -> Decision:
    """Speaking for the side that asked, or for the one that answers; for the commune, who answers
    for the criterion."""
    unit = question.unit
    for_commune = question.from_commune == asks
    if for_commune:
        speaks = bool(_works_in(person, unit, *COMMUNE_ROLES))
    else:
        speaks = question.office in _asking_offices(person, unit, question.indicator.criterion_id)
    if not speaks:
        return refuse("Chỉ bên hỏi mới hỏi lại hoặc xác nhận đã xong." if asks else "Chỉ bên được hỏi mới trả lời.")
    answers = _answers_in_commune(person, unit, question.indicator.criterion) if for_commune else ALLOWED
    return answers and _unit_open(unit)


def _answer_question(person: Roles, question: Any) -> Decision:
    return _question_side(person, question, asks=False)


def _follow_question(person: Roles, question: Any) -> Decision:
    return _question_side(person, question, asks=True)


def _reference(person: Roles, province_id: int | None) -> Decision:
    """Reference data: national rows (None) by superusers, a province's also by its coordinator."""
    if person.is_superuser:
        return ALLOWED
    if province_id is not None and any(m.unit_id == province_id for m in person.having(COORDINATOR)):
        return ALLOWED
    return refuse("Chỉ điều phối viên của tỉnh được sửa danh mục của tỉnh; danh mục trung ương do quản trị hệ thống.")


def keeps_targets(user: Any) -> bool:
    """Whether the person keeps reference data of some province: another one's rows don't exist for them."""
    return bool(roles(user).having(COORDINATOR))


def _import_history(person: Roles, province_id: int | None) -> Decision:
    """Tables of past years become published opinions: the coordinator of the province alone (DESIGN §6)."""
    if province_id is not None and any(m.unit_id == province_id for m in person.having(COORDINATOR)):
        return ALLOWED
    return refuse("Chỉ điều phối viên của tỉnh được nhập và hủy số liệu các năm trước của tỉnh.")


def _withdraw_upload(person: Roles, upload: Any) -> Decision:
    """A table that waits is its sender's; one that is written stays, with what came of it."""
    if upload.uploaded_by_id != person.user.pk:
        return refuse("Chỉ người tải tệp lên mới bỏ được tệp.")
    if upload.state not in upload.WAITING or upload.applied_at:
        return refuse("Tệp đã ghi hoặc đang được xử lý nên không bỏ được.")
    return ALLOWED


def visible_sets(user: Any) -> models.QuerySet:
    """Criteria sets a person sees in the workshop: a coordinator the published ones of the nation
    and of the province, drafts too of the province's own; superusers all."""
    person = roles(user)
    sets = apps.get_model("criteria", "CriteriaSet")._default_manager.all()
    if person.is_superuser:
        return sets
    provinces = managed_provinces(person)
    if not provinces:
        return sets.none()
    return sets.filter(Q(province__in=provinces) | Q(province__isnull=True, status="published"))


# --- people ----------------------------------------------------------------------------


def needs_second_factor(user: Any) -> bool:
    """Whoever can open accounts to others, and so everything, signs in with more than a password."""
    if not (user.is_authenticated and user.is_active):
        return False
    return bool(user.is_superuser or roles(user).having(COORDINATOR))


def managed_provinces(person: Roles) -> set[int]:
    """Provinces (and those they came from) whose people the person manages as coordinator."""
    return set().union(*(person._area_ids[m.pk] for m in person.having(COORDINATOR)))


def visible_people(user: Any) -> models.QuerySet:
    """Accounts a person may see in Người dùng: a coordinator all who have or had a role in the
    province, a commune's leader who has one in the commune now; superusers all."""
    person = roles(user)
    people = get_user_model()._default_manager.all()
    if person.is_superuser:
        return people
    membership = apps.get_model("communes", "Membership")._default_manager.filter(user=OuterRef("pk"))
    condition = nothing()
    provinces = managed_provinces(person)
    if provinces:
        condition |= Q(Exists(membership.filter(unit__province__in=provinces)))
    communes = {m.unit_id for m in person.having(COMMUNE_LEADER)}
    if communes:
        condition |= Q(Exists(membership.in_force(today()).filter(unit__in=communes)))
    return people.filter(condition)


def visible_provinces(user: Any) -> models.QuerySet:
    """Provinces a person gives roles in."""
    person = roles(user)
    provinces = apps.get_model("communes", "Unit")._default_manager.filter(level="province").existing(today())
    return provinces if person.is_superuser else provinces.filter(pk__in=managed_provinces(person))


def standing_roles(person: Any) -> list[Membership]:
    """Somebody's roles that haven't ended, also those still to begin."""
    return [m for m in person.memberships.all() if m.ends_on is None or m.ends_on >= today()]


def _list_people(person: Roles, obj: None) -> Decision:
    if person.is_superuser or person.having(COORDINATOR, COMMUNE_LEADER):
        return ALLOWED
    return refuse("Chỉ điều phối viên tỉnh và lãnh đạo xã xem được danh sách người dùng.")


def _create_people(person: Roles, obj: None) -> Decision:
    if person.is_superuser or person.having(COORDINATOR):
        return ALLOWED
    return refuse("Chỉ điều phối viên tỉnh được tạo và sửa tài khoản.")


def _change_person(person: Roles, other: Any) -> Decision:
    """Everything about an account: nobody changes their own, nor one of an equal or higher role."""
    creating = _create_people(person, None)
    if not creating:
        return creating
    if other.pk == person.user.pk:
        return refuse("Bạn không tự đổi vai trò hay khóa tài khoản của mình; đề nghị quản trị hệ thống.")
    if other.is_superuser:
        return refuse("Tài khoản quản trị hệ thống do người vận hành máy chủ quản lý.")
    if person.is_superuser:
        return ALLOWED
    standing = standing_roles(other)
    if any(m.role == COORDINATOR for m in standing):
        return refuse("Tài khoản của điều phối viên do quản trị hệ thống quản lý.")
    if any(m.unit.province_id not in managed_provinces(person) for m in standing):
        return refuse("Người này còn vai trò ở tỉnh khác; đề nghị quản trị hệ thống.")
    return ALLOWED


def _reset_password(person: Roles, other: Any) -> Decision:
    """A one-time password: who manages the account, and a commune's leader for its officers."""
    decision = _change_person(person, other)
    communes = {m.unit_id for m in person.having(COMMUNE_LEADER)}
    if not decision and communes and other.pk != person.user.pk:
        standing = standing_roles(other)
        officers = bool(standing) and all(m.role == OFFICER and m.unit_id in communes for m in standing)
        decision = (
            ALLOWED
            if officers and not other.is_superuser
            else refuse("Lãnh đạo xã chỉ cấp mật khẩu dùng một lần cho cán bộ của xã mình.")
        )
    if decision and not other.is_active:
        return refuse("Tài khoản đã ngừng hoạt động; kích hoạt lại trước khi cấp mật khẩu.")
    return decision


def _reset_second_factor(person: Roles, other: Any) -> Decision:
    if not person.is_superuser:
        return refuse("Chỉ quản trị hệ thống được đặt lại xác thực hai lớp.")
    return _change_person(person, other)


def _give_role(person: Roles, given: tuple[Unit, str]) -> Decision:
    """Giving or ending a role at a unit: obj is (unit, role)."""
    unit, role = given
    if person.is_superuser:
        return ALLOWED
    if role == COORDINATOR:
        return refuse("Vai trò điều phối viên tỉnh do quản trị hệ thống giao.")
    if unit.province_id not in managed_provinces(person):
        return refuse("Bạn chỉ giao vai trò ở các đơn vị trong tỉnh của mình.")
    return ALLOWED


ACTIONS: dict[str, Callable[[Roles, Any], Decision]] = {
    "entry.change": _change_entry,
    "criterion.enter": _enter_criterion,
    "entries.import": _import_entries,
    "owners.see": _see_owners,
    "owners.change": _assign_owners,
    "base_figures.view": _view_base_figures,
    "base_figures.change": _change_base_figures,
    "period_report.see": _see_period_report,
    "period_report.fill": _fill_period_report,
    "period_texts.see": _see_period_texts,
    "registration.change": _register_communes,
    "recognition.change": _record_recognitions,
    "submission.send": _send,
    "submission.receive": _receive,
    "submission.return": _return,
    "visit.plan.district": _plan_district,
    "visit.plan.province": _plan_province,
    "visit.change": _change_visit,
    "visit.work": _work_on_visit,
    "visit.score": _score,
    "visit.recheck": _recheck,
    "visit.conclude": _lead_visit,
    "visit.annex": _annex,
    "minutes.read": _read_minutes,
    "minutes.sign": _sign_minutes,
    "minutes.template": _minutes_template,
    "finding.remedy": _remedy,
    "finding.close": _close,
    "finding.comment": _comment,
    "areas.see": _see_areas,
    "nation.see": _see_nation,
    "submissions.see": _see_submissions,
    "inspections.see": _see_inspections,
    "periods.make": _make_periods,
    "period.create": _create_period,
    "period.change": _keep_period,
    "period.close": _keep_period,
    "period.reopen": _reopen_period,
    "meeting.see": _see_meetings,
    "meeting.hold": _hold_meeting,
    "question.ask": _ask,
    "question.answer": _answer_question,
    "question.follow": _follow_question,
    "criterion.review": _review,
    "reference.change": _reference,
    "history.import": _import_history,
    "upload.withdraw": _withdraw_upload,
    "people.list": _list_people,
    "people.create": _create_people,
    "person.change": _change_person,
    "person.reset_password": _reset_password,
    "person.reset_second_factor": _reset_second_factor,
    "role.give": _give_role,
}


def can(user: Any, action: str, obj: Any = None) -> Decision:
    """Whether the person may do `action` to `obj`, with the reason if not.

    Raises KeyError for an action not listed, so that a misspelt one is found at once.
    """
    return ACTIONS[action](roles(user), obj)


def require(user: Any, action: str, obj: Any = None) -> None:
    """Raise PermissionDenied with the reason unless the person may do it (403 page)."""
    decision = can(user, action, obj)
    if not decision:
        raise PermissionDenied(decision.reason)


def plannable_units(user: Any) -> models.QuerySet:
    """Rural communes a person may plan a visit to: names only, not their results."""
    unit = apps.get_model("communes", "Unit")
    person = roles(user)
    condition = nothing()
    for membership in person.having(DISTRICT_STAFF, INSPECTOR, COORDINATOR):
        if membership.role != INSPECTOR or membership.may_lead:
            condition |= Q(**{membership.unit.level: membership.unit_id})
    return unit._default_manager.rural_communes().existing(today()).filter(condition)


def plannable_stages(user: Any) -> list[str]:
    """Stages a person may plan visits for, the usual one first."""
    person = roles(user)
    stages = []
    if any(m.role == COORDINATOR or (m.role == INSPECTOR and m.may_lead) for m in person.memberships):
        stages.append("province")
    if person.having(DISTRICT_STAFF, COORDINATOR):
        stages.append("district")
    return stages
