"""What a closed period's reports say stays, whatever is entered, voided, renamed or amended afterwards."""

import json
import random
from datetime import date
from decimal import Decimal
from io import BytesIO

import openpyxl
import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from communes.models import Role, Unit, UnitVersion
from criteria import period_steps, publish
from criteria.buckets import record
from criteria.models import (
    CriteriaSet,
    CriterionDepartment,
    EvidenceLink,
    FormerTarget,
    Plan,
    Registration,
    ReportingPeriod,
    Revision,
    Source,
    Target,
)
from criteria.workshop import groups, local_targets
from criteria.workshop.groups import Change, version_of
from criteria.workshop.sets import publish_set
from reports.tables.catalogue import KINDS
from tests.factories import DepartmentFactory, IndicatorFactory, VillageFactory
from tests.reports.test_tables import VERDICTS, World
from tests.reports.worlds import FIGURES, indicators_of, make_province, make_set, member, prove, say

pytestmark = pytest.mark.django_db
IN_FORCE = date(2024, 6, 1)  # the day after the last period that is closed
REFUSED = "mở lại kỳ báo cáo"
LATE = FIGURES | {"met": FIGURES["firmly_met"]}  # targets were raised meanwhile
MOUNTAINS = "trung-du-mien-nui-phia-bac"
BOOKS = ("matrix", "readiness", "commune")


class ClosedWorld(World):
    """Three periods closed now, after everything in it was recorded; a part that isn't asked of anybody."""

    def __init__(self) -> None:
        super().__init__(3)
        Unit.objects.filter(pk__in=[unit.pk for unit in self.communes]).update(opened_on=date(2015, 1, 1))
        self.communes = list(Unit.objects.filter(pk__in=[unit.pk for unit in self.communes]).order_by("pk"))
        self.root = member(self.province, Role.COORDINATOR)
        type(self.root).objects.filter(pk=self.root.pk).update(is_superuser=True, is_staff=True)
        first = indicators_of(self.set)[0]
        self.part = IndicatorFactory(criterion=first.criterion, position=9, part_of=first, name="Phần chưa có mức")
        CriteriaSet.objects.filter(pk=self.set.pk).update(
            variants=[{"code": "nhom-1", "name": "Xã nhóm 1"}, {"code": MOUNTAINS, "name": "Vùng núi"}]
        )
        self.set.refresh_from_db()
        ReportingPeriod.objects.filter(area=self.province).update(closed_at=None)
        self.periods = [
            period_steps.close(period, by=self.staff)
            for period in ReportingPeriod.objects.filter(area=self.province, ends_on__lt=IN_FORCE).order_by("ends_on")
        ]

    def client(self, user=None) -> Client:
        client = Client()
        client.force_login(user or self.staff)
        return client

    def cells(self, key: str) -> list:
        """Everything a report says of each closed period: titles, headings, cells of all lines."""
        stages = ("self", "district", "province")
        return [self.printed(key, period, stage) for period, stage in zip(self.periods, stages, strict=True)]

    def printed(self, key: str, period: ReportingPeriod, stage: str):
        query = self.query(stage, period=period.pk)
        if key == "matrix":
            return self.book(f"/reports/matrix/{self.province.pk}.xlsx?{query}")
        if key == "readiness":
            return [self.book(f"/reports/readiness/{unit.pk}.xlsx?{query}") for unit in self.communes[:2]]
        if key == "commune":
            return [self.book(f"/reports/units/{unit.pk}/{period.pk}.xlsx?{query}") for unit in self.communes[:2]]
        options = {"ended": period.pk, "of_period": period.pk, "indicators": 1, "below": 3}
        if key in {"half-year", "year"} and period.kind != key.replace("-", "_"):
            return None
        return self.tables(f"/reports/tables/{key}/?{self.query(stage, period=period.pk, **options)}")

    def tables(self, url: str) -> tuple:
        answer = self.get(url)
        assert answer.status_code == 200, url
        report = answer.context["report"]
        return (
            (report.title, report.subject.full_name, report.as_of, report.remarks, report.definitions),
            [(table.title, table.columns, table.lines, table.note, table.empty) for table in report.tables],
        )

    def of_an_open_day(self) -> dict:
        """What reports on the last closed day say that aren't asked for by its period."""
        kinds = ("headline", "communes", "missing")
        query = self.query("self", as_of="2024-05-31")
        return {key: self.tables(f"/reports/tables/{key}/?{query}") for key in kinds}

    def book(self, url: str) -> list:
        book = openpyxl.load_workbook(BytesIO(self.get(url).content))
        return [[list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets]

    # --- what people do afterwards -------------------------------------------------------

    def late_entries_and_voids(self, chance: random.Random) -> None:
        voided = Revision.objects.filter(unit__in=self.communes, effective_on__lte=IN_FORCE).order_by("pk")[::3]
        publish.void(voided, by=self.staff, reason="Nhập nhầm")
        for unit in self.communes:
            for stage in ("self", "province"):
                for day in (date(2023, 5, 1), date(2024, 5, 30)):
                    opinions = [
                        publish.Published(one.pk, verdict, effective_on=day, **LATE.get(verdict, {}))
                        for one in indicators_of(self.set)
                        if one != self.part and (verdict := chance.choice(VERDICTS))
                    ]
                    with transaction.atomic():
                        publish.publish(unit, self.set, stage, opinions, source=Source.IMPORT, source_ref="muộn",
                                        by=self.staff, at=timezone.now())  # fmt: skip
        first = indicators_of(self.set)[0]
        proof = prove(self.communes[0], first, expires_on=date(2024, 6, 2))
        EvidenceLink.objects.filter(evidence=proof).update(published_at=timezone.now())
        EvidenceLink.objects.exclude(evidence=proof).update(removed_at=timezone.now())

    def a_renamed_commune(self) -> None:
        """As a list of units of that day does."""
        unit = self.communes[1]
        UnitVersion.objects.filter(unit=unit, valid_from=IN_FORCE).update(name="Tên Mới")
        Unit.objects.filter(pk=unit.pk).update(name="Tên Mới", sort_key="a", present_since=IN_FORCE)

    def amended_targets(self) -> None:
        """A level raised, one taken away, one no longer confirmed; the part gets one, the province its own."""
        first, second, third = Target.objects.filter(indicator__criterion__criteria_set=self.set).order_by("pk")[:3]
        wanted = local_targets.wanted_from(first)
        wanted.value, wanted.text, wanted.compared = "99,5", "≥ 99,5%", True
        new = local_targets.Wanted(
            at="1", indicator=self.part.code, operator=">=", value="90", text="≥ 90%", decision="QĐ 1", compared=True
        )
        saved = local_targets.save(self.set, None, [wanted, new], self.root)
        assert saved.done, [one.errors for one in saved.judged]
        local_targets.withdraw(Target.objects.filter(pk__in=[second.pk, third.pk]), self.root)
        third = Target.objects.get(pk=third.pk)
        assert local_targets.delete(third, local_targets.version_of(third), self.root)
        own = local_targets.Wanted(
            at="1", indicator=indicators_of(self.set)[3].code, from_year="2023", operator=">=", value="97",
            text="≥ 97%", decision="QĐ 2", compared=True,
        )  # fmt: skip
        saved = local_targets.save(self.set, self.province, [own], self.staff)
        if not saved.done:
            mark = local_targets.mark_of(saved.judged)
            saved = local_targets.save(self.set, self.province, [own], self.staff, warned=mark)
        assert saved.done and FormerTarget.objects.count() >= 3

    def a_new_department(self) -> None:
        criterion = self.set.criteria.order_by("number").last()
        new = DepartmentFactory(province=self.province, name="Sở Mới")
        typed = {"criterion": criterion.pk, "department": new.pk, "province": self.province.pk}
        address, client = "/admin/criteria/criteriondepartment/add/", self.client(self.root)
        assert REFUSED in client.post(address, typed).content.decode()
        assert REFUSED in client.post(address, typed | {"starts_on": "31/05/2024"}).content.decode()
        assert not CriterionDepartment.objects.filter(department=new).exists()
        assert client.post(address, typed | {"starts_on": "01/06/2024"}).status_code == 302

    def changed_groups(self) -> None:
        """All leave the group they were in, so that nobody is in it any more."""
        for day, is_refused in ((date(2023, 2, 1), True), (IN_FORCE, False)):
            units = list(Unit.objects.filter(pk__in=[unit.pk for unit in self.communes]))
            made = [Change(unit, day, "QĐ 5", "vung-moi", True, version_of(unit)) for unit in units]
            failed = groups.apply(made, self.staff)
            assert bool(failed) == is_refused and all(REFUSED in change.errors["day"] for change in failed)

    def new_buckets(self) -> None:
        record(self.province, self.set, "", [{"label": "0–3", "min": 0, "max": 3}], seen=0, by=self.staff)
        record(self.province, self.set, "03", [{"label": "≥ 2", "min": 2, "max": 3}], seen=0, by=self.staff)
        address, client = f"/admin/criteria/criteriaset/{self.set.pk}/change/", self.client(self.root)
        form = client.get(address).context["adminform"].form
        typed = {name: "" if (value := form[name].value()) is None else value for name in form.fields}
        typed |= {f"criteria-{name}_FORMS": 0 for name in ("TOTAL", "INITIAL", "MIN_NUM", "MAX_NUM")}
        typed["buckets"] = json.dumps([{"label": "mọi xã", "min": 0, "max": 3}])
        answer = client.post(address, typed)
        assert answer.status_code == 302, answer.context["adminform"].form.errors

    def later_plans(self) -> None:
        end = date(2023, 12, 31)
        for plan in Plan.objects.filter(ends_on=end):
            Plan.objects.create(
                unit=plan.unit, indicator=plan.indicator, ends_on=end, version=2, verdict="met", value=Decimal(70),
                saved_by=self.staff,
            )  # fmt: skip
        Registration.objects.update(
            withdrawn_on=date(2024, 5, 1), withdrawn_at=timezone.now(), withdrawn_by=self.staff, reason="Xin rút"
        )

    def everything(self) -> None:
        self.late_entries_and_voids(random.Random(5))
        self.later_plans()
        self.a_new_department()
        self.changed_groups()
        self.amended_targets()
        self.new_buckets()
        self.a_renamed_commune()


@pytest.mark.parametrize("kinds", [KINDS.keys(), BOOKS], ids=["tables", "books"])
def test_everything_a_closed_period_says_stays(kinds):
    """In two halves, since a world is dear; each kind that moved is named with the first cells that did.

    The same day without a period follows what happens, so that this test can fail.
    """
    world = ClosedWorld()
    before = {key: world.cells(key) for key in kinds}
    open_before = world.of_an_open_day()
    world.everything()
    moved = {key: first_difference(before[key], after) for key in kinds if (after := world.cells(key)) != before[key]}
    assert moved == {}
    assert [key for key, told in world.of_an_open_day().items() if told == open_before[key]] == []


def test_proof_stays_as_it_was_described_when_a_period_was_closed(client):
    """Its title, number and days may be corrected afterwards; what was never sent keeps no former description."""
    criteria_set = make_set(criteria=1, indicators=1)
    province, (unit,) = make_province(communes=1)
    staff, officer = member(province, Role.COORDINATOR), member(unit, Role.OFFICER)
    (indicator,) = indicators_of(criteria_set)
    say(unit, criteria_set, "self", ["met"], date(2024, 1, 5))
    proof = prove(unit, indicator, title="Tên cũ", expires_on=date(2024, 5, 10))
    prove(unit, indicator, title="Còn dài")
    own = prove(unit, indicator, title="Chưa gửi", published=False)
    month = {"area": province, "kind": "month", "name": "Tháng 5", "ends_on": date(2024, 5, 31)}
    period = ReportingPeriod.objects.create(**month, due_on=date(2024, 6, 5))
    period_steps.close(period, by=staff)

    def told(**moment):
        client.force_login(staff)
        asked = {"area": province.pk, "set": criteria_set.code, "stage": "self"} | moment
        report = client.get("/reports/tables/regression/", asked).context["report"]
        book = openpyxl.load_workbook(BytesIO(client.get(f"/reports/readiness/{unit.pk}.xlsx", asked).content))
        table = next(table for table in report.tables if table.key == "minh_chung")
        page = client.get(f"/units/{unit.pk}/criteria/1/past/", asked).content.decode() if moment else ""
        return (
            [line.cells for line in table.lines],
            [list(row) for sheet in book.worksheets for row in sheet.iter_rows(values_only=True)],
            [name for name in ("Tên cũ", "Tên mới", "Tên sau") if name in page],
        )

    before, now = told(period=period.pk), told()
    assert before[0][0][5:9] == ("Tên cũ – 12/BC-UBND", date(2024, 5, 10), -21, 1) and before[2] == ["Tên cũ"]
    client.force_login(officer)
    for title, day in (("Tên mới", "31/12/2026"), ("Tên sau", "")):
        for one in (proof, own):
            typed = {"title": title, "document_number": "13/BC", "expires_on": day, "kept_at": "Tủ 1"}
            assert client.post(f"/evidence/{one.pk}/edit/", typed).status_code == 302
    assert told(period=period.pk) == before
    assert told() != now and told()[0] == []
    assert [row.title for row in proof.former.all()] == ["Tên cũ", "Tên mới"] and not own.former.exists()


def test_a_village_set_published_afterwards_is_not_in_a_closed_period(client):
    make_set(criteria=1, indicators=1, level="village", last_year=None)
    criteria_set = make_set(criteria=1, indicators=1)
    province, (unit,) = make_province(communes=1)
    VillageFactory(parent=unit)
    staff = member(province, Role.COORDINATOR)
    day = date(2024, 5, 31)
    period = ReportingPeriod.objects.create(area=province, kind="month", name="Tháng 5", ends_on=day, due_on=day)
    period_steps.close(period, by=staff)
    client.force_login(staff)

    def tables(**moment):
        asked = {"area": province.pk, "set": criteria_set.code, "stage": "self"} | moment
        return [table.title for table in client.get("/reports/tables/villages/", asked).context["report"].tables]

    before = tables(period=period.pk)
    draft = make_set(criteria=1, indicators=1, level="village", last_year=None, province=province, status="draft")
    publish_set(draft, date(2024, 5, 1), by=staff)
    assert len(before) == 2 and tables(period=period.pk) == before
    assert len(tables()) == len(tables(as_of="2024-05-31")) == 4
    period_steps.reopen(ReportingPeriod.objects.get(pk=period.pk), "Bổ sung bộ tiêu chí", by=staff)
    period_steps.close(ReportingPeriod.objects.get(pk=period.pk), by=staff)
    assert len(tables(period=period.pk)) == 4


def first_difference(before, after):
    if isinstance(before, list | tuple) and type(before) is type(after) and len(before) == len(after):
        return next(first_difference(*pair) for pair in zip(before, after, strict=True) if pair[0] != pair[1])
    return before, after


def test_what_is_closed_later_changes_no_period_closed_before():
    """An earlier period closed later, or reopened and closed anew, or made only then: comparisons and trend stay."""
    world = ClosedWorld()
    month = ReportingPeriod.Kind.MONTH
    ends = (date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31))
    first, second, last = (
        period_steps.create(world.province, kind=month, name="", ends_on=day, due_on=day, by=world.staff)
        for day in ends
    )
    for period in (first, last):
        period_steps.close(period, by=world.staff)

    def printed():
        query = world.query("self", period=last.pk, step="period")
        return [world.tables(f"/reports/tables/{key}/?{query}") for key in ("headline", "regression", "trend")]

    before = printed()
    columns = before[0][1][0][1]
    assert [column.title for column in columns if column.key == "before"] == ["Kỳ trước (29/02/2024)"]
    world.late_entries_and_voids(random.Random(5))
    period_steps.close(second, by=world.staff)
    assert printed() == before
    period_steps.reopen(first, "Nhập thiếu", by=world.staff)
    assert printed() == before
    period_steps.close(first, by=world.staff)
    new = period_steps.create(
        world.province, kind=month, name="", ends_on=date(2023, 12, 31), due_on=ends[0], by=world.staff
    )
    period_steps.close(new, by=world.staff)
    assert printed() == before
    period_steps.close(period_steps.reopen(last, "Lập lại", by=world.staff), by=world.staff)
    assert printed() != before
