"""A small province with two districts, a set of three criteria, and the people of a visit.

Criterion 1: one per cent with a confirmed target of 95, one to be judged that may be not
applicable. Criterion 2: one yes or no. Criterion 3: a number.
"""

import datetime
from dataclasses import dataclass
from decimal import Decimal

from django.test import Client
from django.utils import timezone

from communes.models import Role
from criteria.models import CriteriaSet, Indicator, Operator
from criteria.publish import Published, publish
from criteria.verdicts import Stage
from inspections.models import Score, TeamMember, Visit
from inspections.planning import assign
from ntm.accounts.models import User
from tests.factories import (
    CommuneFactory,
    CriteriaSetFactory,
    CriterionFactory,
    DepartmentFactory,
    DistrictFactory,
    IndicatorFactory,
    MembershipFactory,
    ProvinceFactory,
    TargetFactory,
    TeamMemberFactory,
    VisitFactory,
)

TODAY = datetime.date(2024, 6, 30)
HELD = datetime.date(2024, 6, 25)


@dataclass
class Place:
    """The province and its people; `client(person)` is signed in."""

    province: object
    district: object
    unit: object
    neighbour: object
    criteria_set: CriteriaSet
    leader: User
    member: User
    officer: User
    neighbour_officer: User
    district_staff: User
    coordinator: User
    reviewer: User
    viewer: User
    stranger: User

    def client(self, person: User) -> Client:
        client = Client()
        client.force_login(person)
        return client

    def indicator(self, code: str) -> Indicator:
        return Indicator.objects.select_related("criterion__criteria_set").get(
            code=code, criterion__criteria_set=self.criteria_set
        )

    def criterion(self, number: int):
        return self.criteria_set.criteria.get(number=number)

    def claim(self, code: str, verdict: str = "met", **fields):
        """The commune publishes its own opinion on an indicator."""
        fields.setdefault("effective_on", datetime.date(2024, 5, 31))
        return publish(
            self.unit,
            self.criteria_set,
            Stage.SELF,
            [Published(self.indicator(code).pk, verdict, **fields)],
            source="import",
            source_ref="1",
            by=self.officer,
        )[0]

    def score(self, visit: Visit, code: str, verdict: str = "met", **fields) -> Score:
        """A score as stored, past the rules of saving."""
        return Score.objects.create(
            visit=visit,
            indicator=self.indicator(code),
            verdict=verdict,
            attainment=fields.pop("attainment", Decimal(100)),
            scorer=self.leader,
            **fields,
        )


def person(name: str, unit, role: str, **fields) -> User:
    return MembershipFactory(user__full_name=name, unit=unit, role=role, **fields).user


def build_place() -> Place:
    province = ProvinceFactory(name="Thanh Hóa", code="38")
    district = DistrictFactory(parent=province, name="Đông Sơn", code="405")
    unit = CommuneFactory(parent=district, name="Đông Phú", code="16420")
    neighbour = CommuneFactory(parent=district, name="Đông Thịnh", code="16414")
    far = ProvinceFactory(name="Hà Tĩnh", code="42")
    criteria_set = CriteriaSetFactory(code="bo-thu", name="Bộ tiêu chí thử 2021–2025")
    first, second, third = (
        CriterionFactory(criteria_set=criteria_set, number=number, name=name)
        for number, name in ((1, "Quy hoạch"), (2, "Giao thông"), (3, "Thu nhập"))
    )
    share = IndicatorFactory(criterion=first, code="1.1", position=1, name="Tỷ lệ hộ dùng nước sạch")
    TargetFactory(indicator=share, value=95, text="≥ 95%", confirmed_at=timezone.now())
    IndicatorFactory(
        criterion=first,
        code="1.2",
        position=2,
        name="Có quy chế quản lý",
        kind=Indicator.Kind.BOOLEAN,
        measure="",
        may_be_not_applicable=True,
    )
    IndicatorFactory(criterion=second, code="2.1", position=1, name="Đường xã", kind=Indicator.Kind.BOOLEAN, measure="")
    number = IndicatorFactory(
        criterion=third, code="3.1", position=1, name="Thu nhập", kind=Indicator.Kind.NUMBER, measure="triệu đồng/người"
    )
    TargetFactory(indicator=number, operator=Operator.AT_LEAST, value=48, text="≥ 48 triệu đồng")
    department = DepartmentFactory(code="so-gddt", name="Sở Giáo dục và Đào tạo", province=province)
    return Place(
        province=province,
        district=district,
        unit=unit,
        neighbour=neighbour,
        criteria_set=criteria_set,
        leader=person("Trần Văn Trưởng", province, Role.INSPECTOR, may_lead=True),
        member=person("Lê Thị Viên", province, Role.INSPECTOR),
        officer=person("Nguyễn Thị Cán", unit, Role.OFFICER, may_send=True),
        neighbour_officer=person("Phạm Văn Bên", neighbour, Role.OFFICER),
        district_staff=person("Hoàng Văn Huyện", district, Role.DISTRICT_STAFF),
        coordinator=person("Vũ Thị Điều", province, Role.COORDINATOR),
        reviewer=person("Đỗ Văn Sở", province, Role.DEPARTMENT_REVIEWER, department=department),
        viewer=person("Bùi Thị Xem", province, Role.VIEWER),
        stranger=person("Ngô Văn Xa", far, Role.INSPECTOR, may_lead=True),
    )


def build_visit(place: Place) -> Visit:
    """An open provincial visit: the leader, and a member who has criterion 1."""
    visit = VisitFactory(
        code="38-2024-001",
        unit=place.unit,
        criteria_set=place.criteria_set,
        planned_by=place.leader,
        planned_on=HELD,
        held_on=HELD,
        state=Visit.State.UNDER_WAY,
    )
    TeamMemberFactory(visit=visit, user=place.leader, role=TeamMember.Role.LEADER)
    member = TeamMemberFactory(visit=visit, user=place.member)
    assign(visit, {member.pk: [place.criterion(1).pk]}, seen_version=visit.version)
    return Visit.objects.get(pk=visit.pk)
