"""Planning a visit: its code, its team, starting and cancelling it.

Whatever changes a visit holds its row first (order of locks: Visit → Standing →
Assessment), so that nothing slips in after the conclusion.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models.functions import Length
from django.utils import timezone

from communes.access import COORDINATOR, DISTRICT_STAFF, INSPECTOR
from communes.models import Membership, Unit
from criteria.models import CriteriaSet, Criterion
from inspections.models import Score, TeamMember, Visit, leading
from ntm.accounts.models import User
from ntm.clock import today

# Two people who plan at the same moment may draw one number; the second draws again.
CODE_ATTEMPTS = 20
# A plan further ahead than this is a slip of the keyboard.
LONGEST_AHEAD = timedelta(days=2 * 366)
# The same plan by the same person within this time is a second click.
SECOND_CLICK = timedelta(minutes=1)


class Closed(Exception):
    """The visit can't be changed any more; the message says why, in words a page can show."""


class Changed(Exception):
    """Somebody changed the plan or the team since it was read."""

    def __init__(self) -> None:
        super().__init__(
            "Kế hoạch hoặc thành phần đoàn vừa được người khác thay đổi. Xem lại nội dung mới dưới đây rồi làm lại."
        )


class Twice(Exception):
    """The same plan was sent twice; `visit` is the one the first made."""

    def __init__(self, visit: Visit) -> None:
        super().__init__(
            f"Kế hoạch này vừa được lập, mã {visit.code}: dưới đây là cuộc kiểm tra đó, không lập thêm cuộc thứ hai."
        )
        self.visit = visit


class Invalid(Exception):
    """Something that can't be planned so; messages by field."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors


# --- the visit -------------------------------------------------------------------------


def lock(visit: Visit) -> Visit:
    """Hold the visit's row until the transaction ends and return it as it is now.

    Raises Closed for a visit that is concluded or cancelled.
    """
    current = Visit.objects.select_for_update(of=("self",)).select_related("unit", "criteria_set").get(pk=visit.pk)
    if current.is_concluded:
        raise Closed("Cuộc kiểm tra đã kết luận và khóa; muốn điều chỉnh hãy lập phụ lục.")
    if not current.is_open:
        raise Closed("Cuộc kiểm tra đã hủy.")
    return current


def check_planned_day(day: date, unit: Unit, criteria_set: CriteriaSet) -> str:
    """Why a visit can't be planned for that day; empty when it can."""
    if not criteria_set.first_day <= day <= criteria_set.last_day:
        return f"Ngày {day:%d/%m/%Y} ngoài giai đoạn {criteria_set.period} của bộ tiêu chí."
    if day > today() + LONGEST_AHEAD:
        return f"Ngày {day:%d/%m/%Y} quá xa; chỉ lập kế hoạch trước tối đa hai năm."
    if not unit.exists_on(day):
        return f"Ngày {day:%d/%m/%Y} ngoài thời gian tồn tại của {unit.in_sentence}."
    return ""


def next_code(province: Unit, year: int) -> str:
    """The code the next visit of a province and year would get: 38-2024-003."""
    prefix = f"{province.code}-{year}-"
    last = (
        Visit.objects.filter(code__startswith=prefix)
        .order_by(Length("code").desc(), "-code")
        .values_list("code", flat=True)
        .first()
    )
    number = int(last.removeprefix(prefix)) + 1 if last else 1
    return f"{prefix}{number:03}"


@transaction.atomic
def plan_visit(
    *,
    unit: Unit,
    criteria_set: CriteriaSet,
    stage: str,
    kind: str,
    planned_on: date,
    by: Any,
    records_opinion: bool = True,
    decision_number: str = "",
    criteria: Iterable[Criterion] = (),
) -> Visit:
    """Create a planned visit; whoever plans it becomes its leader if they may lead.

    `criteria` empty means all of the set. `records_opinion` can be False for a monitoring
    visit only. Raises Invalid with messages by field, Twice for a second click.
    """
    message = check_planned_day(planned_on, unit, criteria_set)
    if message:
        raise Invalid({"planned_on": message})
    scope = list(criteria)
    if any(criterion.criteria_set_id != criteria_set.pk for criterion in scope):
        raise Invalid({"criteria": "Có tiêu chí không thuộc bộ tiêu chí đã chọn."})
    # Two clicks come at once: the second waits here for the first, and then finds its visit.
    User.objects.select_for_update().get(pk=by.pk)
    same = Visit.objects.open().filter(
        unit=unit,
        criteria_set=criteria_set,
        stage=stage,
        kind=kind,
        planned_on=planned_on,
        planned_by=by,
        created_at__gte=timezone.now() - SECOND_CLICK,
    )
    if first := same.first():
        raise Twice(first)
    visit = _create(
        province=unit.province,
        unit=unit,
        criteria_set=criteria_set,
        stage=stage,
        kind=kind,
        records_opinion=records_opinion or kind != Visit.Kind.MONITORING,
        decision_number=decision_number,
        planned_on=planned_on,
        planned_by=by,
    )
    visit.criteria.set(scope)
    if leaders(visit).filter(pk=by.pk).exists():
        add_member(visit, user=by, role=TeamMember.Role.LEADER)
    return visit


def _create(province: Any, **fields: Any) -> Visit:
    for _ in range(CODE_ATTEMPTS):
        code = next_code(province, fields["planned_on"].year)
        try:
            with transaction.atomic():
                return Visit.objects.create(code=code, **fields)
        except IntegrityError:
            if not Visit.objects.filter(code=code).exists():
                raise
    raise RuntimeError(f"No free code for a visit in {province} after {CODE_ATTEMPTS} attempts.")


@transaction.atomic
def change_visit(
    visit: Visit, changes: Mapping[str, Any], *, criteria: Iterable[Criterion], seen_version: int
) -> Visit:
    """Change the plan: kind, records_opinion, planned_on, decision_number, scope.

    Raises Closed, Changed where somebody else changed it since `seen_version`, and Invalid:
    a criterion that has been scored can't leave the scope.
    """
    visit = lock(visit)
    if visit.version != seen_version:
        raise Changed
    message = check_planned_day(changes["planned_on"], visit.unit, visit.criteria_set)
    if message:
        raise Invalid({"planned_on": message})
    scope = list(criteria)
    if scope:
        scored = (
            Score.objects.filter(visit=visit)
            .exclude(verdict="")
            .exclude(indicator__criterion__in=scope)
            .order_by("indicator__criterion__number")
        )
        numbers = list(dict.fromkeys(scored.values_list("indicator__criterion__number", flat=True)))
        if numbers:
            raise Invalid(
                {"criteria": f"Tiêu chí số {_listed(numbers)} đã có kết quả chấm, không bỏ khỏi phạm vi được."}
            )
    for field, value in changes.items():
        setattr(visit, field, value)
    visit.records_opinion = visit.records_opinion or visit.kind != Visit.Kind.MONITORING
    visit.version += 1
    visit.save(update_fields=[*changes, "records_opinion", "version"])
    visit.criteria.set(scope)
    return visit


@transaction.atomic
def start_visit(visit: Visit) -> Visit:
    """The team is there: the visit is under way, held today. Doing it twice changes nothing."""
    visit = lock(visit)
    if visit.state == Visit.State.PLANNED:
        visit.state = Visit.State.UNDER_WAY
        visit.held_on = today()
        visit.version += 1
        visit.save(update_fields=["state", "held_on", "version"])
    return visit


@transaction.atomic
def cancel_visit(visit: Visit, *, reason: str) -> Visit:
    """Cancel an open visit; what was scored stays stored and is published nowhere. Raises Closed."""
    visit = lock(visit)
    visit.state = Visit.State.CANCELLED
    visit.cancel_reason = reason
    visit.version += 1
    visit.save(update_fields=["state", "cancel_reason", "version"])
    return visit


def scope_of(visit: Visit) -> list[Criterion]:
    """The criteria a visit looks at, in order: those chosen, else all of the set."""
    chosen = list(visit.criteria.order_by("number"))
    return chosen or list(Criterion.objects.filter(criteria_set=visit.criteria_set_id).order_by("number"))


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in numbers)


# --- the team --------------------------------------------------------------------------


def _serving(province: Any) -> models.QuerySet[Membership]:
    return Membership.objects.in_force(today()).filter(unit__province=province)


def candidates(visit: Visit) -> models.QuerySet[User]:
    """Accounts that can join the team: the province's inspectors, coordinators and district staff."""
    serving = _serving(visit.unit.province).filter(role__in=[INSPECTOR, DISTRICT_STAFF, COORDINATOR])
    return User.objects.filter(is_active=True, pk__in=serving.values("user")).order_by("full_name", "pk")


def leaders(visit: Visit) -> models.QuerySet[User]:
    """Accounts that can lead the visit (`inspections.models.leading`)."""
    serving = leading(Membership.objects.serving(today()), visit.stage, visit.unit.province_id, visit.unit.district_id)
    return User.objects.filter(pk__in=serving.values("user")).order_by("full_name", "pk")


def unled(visits: Iterable[Visit]) -> set[int]:
    """Ids of those of the visits nobody can lead and conclude today. One query."""
    found = Visit.objects.filter(pk__in=[visit.pk for visit in visits]).lacking_leader(today())
    return set(found.values_list("pk", flat=True))


def add_member(
    visit: Visit,
    *,
    role: str,
    user: User | None = None,
    name: str = "",
    post: str = "",
    organisation: str = "",
    counterpart: str = "",
) -> TeamMember:
    """Put a user or a named guest on the team. Raises Invalid with messages by field."""
    with transaction.atomic():
        lock(visit)
        _check_member(visit, role=role, user=user, name=name, member=None)
        return TeamMember.objects.create(
            visit=visit,
            user=user,
            name=name or str(user),
            post=post or (user.post if user else ""),
            organisation=organisation or (user.organisation if user else ""),
            role=role,
            counterpart=counterpart,
        )


@transaction.atomic
def change_member(member: TeamMember, changes: Mapping[str, str]) -> TeamMember:
    """Change what the team list says of a member: role, name, post, organisation, counterpart.

    A new leader replaces the old one, who stays as a member. Raises Closed and Invalid.
    """
    visit = lock(member.visit)
    role = changes["role"]
    if role == TeamMember.Role.LEADER and member.role != TeamMember.Role.LEADER:
        _check_leader(visit, member.user)
        visit.team.filter(role=TeamMember.Role.LEADER).update(role=TeamMember.Role.MEMBER)
    for field, value in changes.items():
        setattr(member, field, value)
    member.save(update_fields=list(changes))
    if role == TeamMember.Role.ATTENDEE:
        member.criteria.clear()
    return member


@transaction.atomic
def remove_member(member: TeamMember) -> None:
    """Take a member off the team. Raises Closed; Invalid where they have already scored."""
    lock(member.visit)
    if member.user_id and Score.objects.filter(visit=member.visit, scorer=member.user).exclude(verdict="").exists():
        raise Invalid(
            {"role": f"{member.name} đã chấm trong cuộc kiểm tra này, không xóa khỏi đoàn được. Có thể bỏ phân công."}
        )
    member.delete()


def _check_member(visit: Visit, *, role: str, user: User | None, name: str, member: TeamMember | None) -> None:
    if user is None and not name:
        raise Invalid({"user": "Chọn một tài khoản, hoặc nhập họ và tên khách mời."})
    if user is not None and not candidates(visit).filter(pk=user.pk).exists():
        raise Invalid({"user": "Tài khoản này không thuộc đoàn thẩm định hoặc văn phòng điều phối của tỉnh."})
    if user is not None and visit.team.filter(user=user).exists():
        raise Invalid({"user": f"{user} đã có trong đoàn."})
    if role == TeamMember.Role.LEADER:
        _check_leader(visit, user)
        if visit.team.filter(role=TeamMember.Role.LEADER).exists():
            raise Invalid({"role": "Đoàn đã có trưởng đoàn. Thêm người này là thành viên, rồi sửa vai trò để thay."})


def _check_leader(visit: Visit, user: User | None) -> None:
    if user is None or not leaders(visit).filter(pk=user.pk).exists():
        raise Invalid({"role": "Người này không được giao làm trưởng đoàn ở cấp kiểm tra này."})


@transaction.atomic
def assign(visit: Visit, assignments: Mapping[int, Iterable[int]], *, seen_version: int) -> None:
    """Share the criteria out: member id → criterion ids, for all members at once.

    Only criteria of the scope and members who work (no attendees) are taken. Raises Closed,
    and Changed where the plan or an assignment was changed since `seen_version`.
    """
    visit = lock(visit)
    if visit.version != seen_version:
        raise Changed
    scope = {criterion.pk for criterion in scope_of(visit)}
    for member in visit.team.exclude(role=TeamMember.Role.ATTENDEE).prefetch_related("criteria"):
        member.criteria.set(set(assignments.get(member.pk, ())) & scope)
    visit.version += 1
    visit.save(update_fields=["version"])
