"""A small world for the tests of evidence: a commune, its neighbour, its predecessor, and their people."""

from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any

from django.core.files import File
from django.test import Client
from django.utils import timezone

from communes.models import Role, Succession, Unit
from criteria import evidence as rules
from criteria.models import CriterionDepartment, Evidence, EvidenceLink, Indicator
from ntm.accounts.models import User
from tests.criteria import files
from tests.factories import (
    CommuneFactory,
    CriteriaSetFactory,
    CriterionFactory,
    DepartmentFactory,
    DistrictFactory,
    IndicatorFactory,
    MembershipFactory,
    UserFactory,
)


@dataclass
class World:
    unit: Unit
    neighbour: Unit
    predecessor: Unit
    indicators: list[Indicator]
    people: dict[str, User]

    def client(self, name: str) -> Client:
        client = Client()
        client.force_login(self.people[name])
        return client

    @property
    def officer(self) -> User:
        return self.people["officer"]

    def add(self, name: str = "bao cao.pdf", body: bytes | None = None, **options: Any) -> Evidence:
        """A document of the commune, tied to its first indicator."""
        unit = options.pop("unit", self.unit)
        indicators = options.pop("indicators", self.indicators[:1])
        data = files.pdf(text=name) if body is None else body
        upload = File(BytesIO(data), name=name)
        upload.size = len(data)
        return rules.store(unit, indicators, upload, by=self.officer, **options)[0]

    def send(self) -> None:
        """Publish every link, as sending does."""
        EvidenceLink.objects.filter(published_at=None).update(published_at=timezone.now())


def make_world() -> World:
    """Đông Phú with an officer, its neighbour, a closed predecessor, and who is above them."""
    district = DistrictFactory()
    unit = CommuneFactory(parent=district, name="Đông Phú", opened_on=date(2020, 1, 1))
    neighbour = CommuneFactory(parent=district, name="Đông Thịnh")
    predecessor = CommuneFactory(parent=district, name="Đông Xuân", closed_on=date(2020, 1, 1))
    Succession.objects.create(predecessor=predecessor, successor=unit, effective_on=date(2020, 1, 1))
    criteria_set = CriteriaSetFactory(code="bo-2021")
    water, school = (CriterionFactory(criteria_set=criteria_set, number=number) for number in (17, 5))
    indicators = [IndicatorFactory(criterion=water, position=number) for number in (1, 2, 3)]
    indicators.append(IndicatorFactory(criterion=school, position=1))
    department = DepartmentFactory()
    CriterionDepartment.objects.create(criterion=water, department=department)
    people = {}
    for name, role, where in (
        ("officer", Role.OFFICER, unit),
        ("leader", Role.COMMUNE_LEADER, unit),
        ("neighbour", Role.OFFICER, neighbour),
        ("district", Role.DISTRICT_STAFF, district),
        ("reviewer", Role.DEPARTMENT_REVIEWER, district.province),
        ("coordinator", Role.COORDINATOR, district.province),
        ("viewer", Role.VIEWER, district.province),
    ):
        people[name] = UserFactory(username=name)
        extra = {"department": department} if role == Role.DEPARTMENT_REVIEWER else {}
        MembershipFactory(user=people[name], unit=where, role=role, **extra)
    return World(unit, neighbour, predecessor, indicators, people)
