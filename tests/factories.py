"""Small worlds for tests: one section an app, in import order.

Units get their derived columns and their self-inclusive ancestors; they have no versions,
which a unit that never changed doesn't need.
"""

import datetime

import factory
from factory.django import DjangoModelFactory

from communes.models import Commune, Department, District, Membership, Province, Region, Role, Unit, Village
from criteria.models import CriteriaSet, Criterion, Indicator, Operator, Target
from criteria.verdicts import Stage
from inspections.models import Finding, TeamMember, Visit
from ntm.accounts.models import User

# --- accounts ------------------------------------------------------------------------------


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"nguoi.dung{n}")
    full_name = factory.Sequence(lambda n: f"Nguyễn Văn {n}")
    password = factory.django.Password("mat-khau-thu-nghiem")


# --- communes ------------------------------------------------------------------------------


class UnitFactory(DjangoModelFactory):
    """A unit below `parent`; its level's own subclasses say the rest."""

    class Meta:
        model = Unit
        abstract = True

    parent = None
    region = factory.LazyAttribute(lambda unit: unit.parent.region if unit.parent else Region.NORTH_CENTRAL)

    @classmethod
    def _create(cls, model_class, *args, **fields):
        parent = fields.get("parent")
        for ancestor in ("province", "district", "commune"):
            fields.setdefault(ancestor, getattr(parent, ancestor, None))
        unit = model_class(level=model_class.level_of, **fields)
        unit.set_name_keys()
        unit.save()
        setattr(unit, unit.level, unit)
        unit.save()
        return Unit.objects.get(pk=unit.pk)


class ProvinceFactory(UnitFactory):
    class Meta:
        model = Province

    # Three digits, as the demonstration's real provinces, which may be in the same database, have two.
    code = factory.Sequence(lambda n: f"{n:03}")
    name = factory.Sequence(lambda n: f"Bắc Sông {n}")
    kind = "tinh"


class DistrictFactory(UnitFactory):
    class Meta:
        model = District

    code = factory.Sequence(lambda n: f"{n % 1000:03}")
    name = factory.Sequence(lambda n: f"Đông Hà {n}")
    kind = "huyen"
    parent = factory.SubFactory(ProvinceFactory)


class CommuneFactory(UnitFactory):
    class Meta:
        model = Commune

    code = factory.Sequence(lambda n: f"{n % 100000:05}")
    name = factory.Sequence(lambda n: f"Đông Phú {n}")
    kind = "xa"
    parent = factory.SubFactory(DistrictFactory)


class VillageFactory(UnitFactory):
    class Meta:
        model = Village

    name = factory.Sequence(lambda n: f"Thôn {n}")
    kind = "thon"
    parent = factory.SubFactory(CommuneFactory)


class DepartmentFactory(DjangoModelFactory):
    class Meta:
        model = Department

    code = factory.Sequence(lambda n: f"so-{n}")
    name = factory.Sequence(lambda n: f"Sở thứ {n}")


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory)
    unit = factory.SubFactory(CommuneFactory)
    role = Role.OFFICER


# --- criteria ------------------------------------------------------------------------------


class CriteriaSetFactory(DjangoModelFactory):
    class Meta:
        model = CriteriaSet

    code = factory.Sequence(lambda n: f"bo-{n}")
    name = factory.Sequence(lambda n: f"Bộ tiêu chí {n}")
    level = "commune"
    grade = CriteriaSet.Grade.STANDARD
    decision = "318/QĐ-TTg"
    first_year = 2021
    last_year = 2025
    variants = factory.LazyFunction(lambda: [{"code": code, "name": name} for code, name in Region.choices])
    mountain_variant = Region.NORTHERN_MOUNTAINS
    status = CriteriaSet.Status.PUBLISHED


class CriterionFactory(DjangoModelFactory):
    class Meta:
        model = Criterion

    criteria_set = factory.SubFactory(CriteriaSetFactory)
    number = factory.Sequence(lambda n: n % 30000 + 1)
    name = factory.Sequence(lambda n: f"Tiêu chí thứ {n}")


class IndicatorFactory(DjangoModelFactory):
    class Meta:
        model = Indicator

    criterion = factory.SubFactory(CriterionFactory)
    position = factory.Sequence(lambda n: n % 30000 + 1)
    code = factory.LazyAttribute(lambda indicator: f"{indicator.criterion.number}.{indicator.position}")
    name = factory.Sequence(lambda n: f"Tỷ lệ hộ thứ {n}")
    kind = Indicator.Kind.PERCENT
    measure = "%"


class TargetFactory(DjangoModelFactory):
    class Meta:
        model = Target

    indicator = factory.SubFactory(IndicatorFactory)
    operator = Operator.AT_LEAST
    value = 95
    text = factory.LazyAttribute(lambda target: f"≥ {target.value}%")


# --- inspections ---------------------------------------------------------------------------


class VisitFactory(DjangoModelFactory):
    """A visit as it is planned, without a team."""

    class Meta:
        model = Visit

    code = factory.Sequence(lambda n: f"99-2024-{n:04}")
    unit = factory.SubFactory(CommuneFactory)
    criteria_set = factory.SubFactory(CriteriaSetFactory)
    stage = Stage.PROVINCE
    kind = Visit.Kind.APPRAISAL
    planned_on = datetime.date(2024, 6, 20)
    planned_by = factory.SubFactory(UserFactory)


class TeamMemberFactory(DjangoModelFactory):
    class Meta:
        model = TeamMember
        skip_postgeneration_save = True

    visit = factory.SubFactory(VisitFactory)
    user = factory.SubFactory(UserFactory)
    name = factory.LazyAttribute(lambda member: str(member.user))
    role = TeamMember.Role.MEMBER


class FindingFactory(DjangoModelFactory):
    class Meta:
        model = Finding

    visit = factory.SubFactory(VisitFactory)
    criterion = factory.SubFactory(CriterionFactory)
    description = factory.Sequence(lambda n: f"Còn thiếu {n} hộ dùng nước sạch")
    due_on = datetime.date(2024, 9, 30)
    created_by = factory.SubFactory(UserFactory)
