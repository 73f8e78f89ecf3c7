"""Dated reference data of days that a closed period tells of is refused, with the period's name and what one can do."""

from datetime import date

import pytest
from django.test import Client
from django.utils import timezone

from communes.closings import closed_in, why_fixed
from communes.loading import NotLoadable, load, snapshots
from communes.models import Level, Role, Unit, UnitVersion
from criteria.buckets import buckets_in_force
from criteria.departments import why_duty_fixed
from criteria.models import CriterionDepartment, Indicator, ReportingPeriod
from criteria.targets import resolve_one, resolve_unit
from criteria.workshop import groups
from criteria.workshop.groups import Change, version_of
from tests.criteria import test_groups
from tests.criteria import test_set_pages as set_pages
from tests.criteria.set_world import small
from tests.factories import (
    CriteriaSetFactory,
    CriterionFactory,
    DepartmentFactory,
    DistrictFactory,
    MembershipFactory,
    ProvinceFactory,
    TargetFactory,
)

pytestmark = pytest.mark.django_db
MAY = date(2024, 5, 31)
JUNE = date(2024, 6, 1)
SAID = "ghi từ ngày 01/06/2024, hoặc mở lại kỳ báo cáo"


def close(area, ends_on=MAY, name="Tháng 5 năm 2024"):
    return ReportingPeriod.objects.create(
        area=area, kind="month", name=name, ends_on=ends_on, due_on=ends_on, closed_at="2024-06-10T00:00:00Z"
    )


def test_the_last_closed_period_of_the_places_concerned_is_named():
    province, other = ProvinceFactory(name="Bắc Sông"), ProvinceFactory()
    district, beside = DistrictFactory(parent=province), DistrictFactory(parent=province)
    for day in (date(2024, 3, 31), date(2024, 4, 30)):
        close(province, day, "Kỳ cũ")
    close(district)
    close(other, date(2024, 6, 20))
    open_one = close(province, date(2024, 6, 15))
    ReportingPeriod.objects.filter(pk=open_one.pk).update(closed_at=None)
    closed = closed_in([province.pk])
    assert why_fixed(closed, JUNE) == ""
    assert why_fixed(closed, MAY) == (
        f"Việc này đổi số liệu của kỳ đã khóa “Tháng 5 năm 2024” của {district.in_sentence} (đến ngày 31/05/2024): "
        "ghi từ ngày 01/06/2024, hoặc mở lại kỳ báo cáo rồi ghi."
    )
    assert "và 2 kỳ khác" in why_fixed(closed, date(2024, 1, 1))
    elsewhere = {province.pk, beside.pk}
    assert why_fixed(closed, MAY, elsewhere) == "" and why_fixed(closed, MAY, {district.pk})
    assert "“Kỳ cũ”" in why_fixed(closed, date(2024, 4, 1), elsewhere)
    assert len(closed_in(None)) == 4


# --- groups of communes ----------------------------------------------------------------


@pytest.fixture
def place(media):
    CriteriaSetFactory(variants=[{"code": f"nhom-{n}", "name": f"Xã nhóm {n}"} for n in (1, 2, 3)])
    return test_groups.Place()


def test_a_group_of_a_closed_day_is_refused_on_the_page(place):
    close(place.province)
    client = Client()
    client.force_login(place.coordinator)
    ticked = {"chosen": test_groups.tick(place.communes[0])}
    answer = client.post(test_groups.URL, test_groups.typed(day="31/05/2024") | ticked)
    assert answer.status_code == 422 and SAID in answer.content.decode()
    assert place.now() == ("", False)
    assert client.post(test_groups.URL, test_groups.typed(day="01/06/2024") | ticked).status_code == 302
    assert place.now() == ("nhom-3", False)


def test_a_group_of_a_closed_day_is_refused_in_the_workbook(place):
    close(place.district)
    book = test_groups.book_of(place)
    test_groups.fill(book, place, group="Xã nhóm 1", day=date(2024, 2, 15), decision="QĐ 1")
    upload = test_groups.hand_in(place, book)
    assert SAID in str(upload.plan["lines"])
    assert place.now() == ("", False)


def test_a_district_that_is_no_more_closed_its_periods_too(place):
    close(place.district)
    unit = place.communes[0]
    before = {name: getattr(unit, name) for name in ("code", "name", "kind", "parent", "province", "commune")}
    UnitVersion.objects.filter(unit=unit).delete()
    for begins, ends, district in ((date(2020, 1, 1), JUNE, place.district), (JUNE, None, None)):
        UnitVersion.objects.create(unit=unit, valid_from=begins, valid_to=ends, district=district, **before)
    Unit.objects.filter(pk=unit.pk).update(district=None, present_since=JUNE)
    unit.refresh_from_db()
    change = Change(unit, date(2024, 2, 1), "QĐ 1", "nhom-1", None, version_of(unit))
    groups.check([change])
    assert SAID in change.errors["day"]


def test_what_changes_nothing_isnt_refused(place):
    close(place.province)
    unit = place.communes[0]
    change = Change(unit, date(2024, 2, 1), "", "", False, version_of(unit))
    groups.check([change])
    assert change.is_same and not change.errors


# --- departments of criteria -----------------------------------------------------------


class Duties:
    def __init__(self):
        self.province = ProvinceFactory()
        self.criterion = CriterionFactory(criteria_set=CriteriaSetFactory(first_year=2021, last_year=2025))
        self.department = DepartmentFactory(province=self.province)
        self.duty = self.new(starts_on=date(2022, 1, 1))
        self.duty.save()
        close(self.province)

    def new(self, **fields):
        given = {"criterion": self.criterion, "department": self.department, "province": self.province} | fields
        return CriterionDepartment(**given)


@pytest.fixture
def duties():
    return Duties()


@pytest.mark.parametrize(
    ("before", "after", "is_fixed"),
    [
        (None, {"starts_on": JUNE}, False),
        (None, {"starts_on": MAY}, True),
        (None, {}, True),
        ({}, None, True),
        ({"starts_on": JUNE}, None, False),
        ({}, {"ends_on": MAY}, False),
        ({}, {"ends_on": date(2024, 5, 30)}, True),
        ({"ends_on": date(2024, 3, 31)}, {}, True),
        ({"ends_on": date(2024, 6, 3)}, {}, False),
        ({"starts_on": JUNE}, {"starts_on": date(2024, 7, 1)}, False),
        ({"starts_on": JUNE}, {"starts_on": MAY}, True),
        (None, {"province": None}, True),
    ],
)
def test_which_duties_a_closed_period_fixes(duties, before, after, is_fixed):
    made = [fields if fields is None else duties.new(**fields) for fields in (before, after)]
    assert bool(why_duty_fixed(*made)) == is_fixed


def test_other_provinces_and_later_sets_are_free(duties):
    elsewhere = ProvinceFactory()
    assert why_duty_fixed(None, duties.new(province=elsewhere)) == ""
    later = CriterionFactory(criteria_set=CriteriaSetFactory(first_year=2026, last_year=2030))
    assert why_duty_fixed(None, duties.new(criterion=later)) == ""


def test_a_duty_of_a_closed_day_is_refused_in_the_admin(duties):
    coordinator = MembershipFactory(unit=duties.province, role=Role.COORDINATOR).user
    coordinator.is_staff = True
    coordinator.save()
    client = Client()
    client.force_login(coordinator)
    address = "/admin/criteria/criteriondepartment/"
    new = DepartmentFactory(province=duties.province)
    typed = {"criterion": duties.criterion.pk, "department": new.pk, "province": duties.province.pk}
    refused = client.post(f"{address}add/", typed | {"starts_on": "31/05/2024"})
    assert refused.status_code == 200 and SAID in refused.content.decode()
    assert client.post(f"{address}add/", typed | {"starts_on": "01/06/2024"}).status_code == 302
    kept = {"criterion": duties.criterion.pk, "department": duties.department.pk, "province": duties.province.pk}
    change = f"{address}{duties.duty.pk}/change/"
    refused = client.post(change, kept | {"starts_on": "01/01/2022", "ends_on": "30/04/2024"})
    assert refused.status_code == 200 and SAID in refused.content.decode()
    assert client.post(change, kept | {"starts_on": "01/01/2022", "ends_on": "31/05/2024"}).status_code == 302
    assert client.post(f"{address}{duties.duty.pk}/delete/", {"post": "yes"}).status_code == 403
    assert CriterionDepartment.objects.count() == 2


# --- loading ---------------------------------------------------------------------------


def test_a_list_of_units_of_a_closed_day_is_refused():
    load(date(2024, 6, 30), ["42"])
    later = [snapshot.valid_on for snapshot in snapshots() if snapshot.valid_on > date(2024, 6, 30)]
    period = close(Unit.objects.get(level=Level.PROVINCE, code="42"), later[0], "Kỳ thử")
    before = list(Unit.objects.order_by("pk").values())
    with pytest.raises(NotLoadable, match="kỳ đã khóa “Kỳ thử”"):
        load(later[0], ["42"])
    assert list(Unit.objects.order_by("pk").values()) == before
    ReportingPeriod.objects.filter(pk=period.pk).update(closed_at=None)
    load(later[0], ["42"])
    assert list(Unit.objects.order_by("pk").values()) != before


# --- amended sets ----------------------------------------------------------------------


@pytest.fixture
def town(media):
    return set_pages.World()


def test_a_wording_of_a_closed_day_is_refused(town):
    made = set_pages.published(town.boss, small())
    set_pages.say(town, made, "1.1", day=date(2024, 3, 1))
    close(town.province)
    for day, is_refused in (("2024-05-31", True), ("2024-06-01", False)):
        data = set_pages.described_as(small(wordings=[{"indicator": "1.1", "from": day, "name": "Cách gọi mới"}]))
        answer, upload = set_pages.hand_in(town.boss, data)
        assert (upload.state == "refused") is ("kỳ đã khóa" in answer.text) is is_refused


def test_an_amended_set_keeps_its_former_groups_and_targets_for_closed_periods(town):
    made = set_pages.published(town.boss, small())
    known_at, former = timezone.now(), made.buckets
    one = Indicator.objects.get(code="1.1")
    before = resolve_one(town.commune, one, MAY)
    data = set_pages.described_as(small(buckets=[{"label": "0-2", "min": 0, "max": 2}]))
    for row in data["criteria"][0]["indicators"][0]["targets"]:
        row |= {"value": 77, "text": "≥ 77%"}
    set_pages.bring(town.boss, data)
    made.refresh_from_db()
    assert [row["label"] for row in buckets_in_force(town.province, made, "01")] == ["0–2"]
    then = buckets_in_force(town.province, made, "01", known_at)
    assert [row["max"] for row in then] == [row["max"] for row in former]
    assert resolve_one(town.commune, one, MAY).text == "≥ 77%" != before.text
    known = resolve_unit(town.commune, made, MAY, [one], known_at)[one.pk]
    assert (known.text, known.value, known.confirmed) == (before.text, before.value, before.confirmed)


def test_a_target_changed_or_deleted_in_the_admin_is_kept(town):
    target = TargetFactory(province=town.province, from_year=2024, text="≥ 95%")
    unit, made = town.commune, target.indicator.criterion.criteria_set
    client, known_at = Client(), timezone.now()
    root = MembershipFactory(unit=town.province, role=Role.COORDINATOR).user
    root.is_superuser = root.is_staff = True
    root.save()
    client.force_login(root)
    address = f"/admin/criteria/target/{target.pk}/"
    form = client.get(f"{address}change/").context["adminform"].form
    typed = {name: "" if (value := form[name].value()) is None else value for name in form.fields}
    assert client.post(f"{address}change/", typed | {"value": "90", "text": "≥ 90%"}).status_code == 302
    changed_at = timezone.now()
    assert client.post(f"{address}delete/", {"post": "yes"}).status_code == 302

    def text(at):
        return resolve_unit(unit, made, MAY, [target.indicator], at)[target.indicator_id].text

    assert [text(at) for at in (known_at, changed_at, timezone.now(), None)] == ["≥ 95%", "≥ 90%", "", ""]
