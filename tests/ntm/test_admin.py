"""The admin: what superusers keep, what a coordinator sees and changes, and what nobody does."""

import json
from datetime import date

import pytest
from django.contrib import admin
from django.test import Client
from django.utils import timezone

from communes.models import Department, Membership, Role, Succession, Unit, UnitVersion
from criteria.models import (
    Assessment,
    Criterion,
    CriterionDepartment,
    Operator,
    ReportingPeriod,
    Revision,
    Source,
    Standing,
    Target,
    TargetReport,
)
from criteria.publish import Published, compute_standings, publish
from ntm.accounts.models import User
from tests.factories import (
    CommuneFactory,
    CriterionFactory,
    DepartmentFactory,
    DistrictFactory,
    IndicatorFactory,
    MembershipFactory,
    ProvinceFactory,
    TargetFactory,
    UserFactory,
)

PAGES = [
    "communes/unit",
    "communes/department",
    "communes/membership",
    "criteria/criteriaset",
    "criteria/criterion",
    "criteria/indicator",
    "criteria/target",
    "criteria/criteriondepartment",
    "criteria/reportingperiod",
    "criteria/targetreport",
    "criteria/revision",
]


class Place:
    """A province with one row of everything, and its coordinator."""

    def __init__(self, name: str) -> None:
        self.province = ProvinceFactory(name=name)
        self.district = DistrictFactory(parent=self.province, name=f"{name} Hạ")
        self.commune = CommuneFactory(parent=self.district, name=f"{name} Thượng")
        self.coordinator = UserFactory(username=f"dieuphoi{self.province.pk}", is_staff=True)
        self.officer = UserFactory(full_name=f"Cán bộ {name}")
        self.membership = MembershipFactory(user=self.officer, unit=self.commune)
        self.own_membership = MembershipFactory(user=self.coordinator, unit=self.province, role=Role.COORDINATOR)
        self.department = DepartmentFactory(province=self.province)
        self.target = TargetFactory(province=self.province)
        self.indicator = self.target.indicator
        self.duty = CriterionDepartment.objects.create(
            criterion=self.indicator.criterion, department=self.department, province=self.province
        )
        self.period = ReportingPeriod.objects.create(
            area=self.district, kind="month", name=f"Tháng 6 {name}", ends_on=date(2024, 6, 30), due_on=date(2024, 7, 5)
        )
        self.report = TargetReport.objects.create(
            unit=self.commune, indicator=self.indicator, target=self.target, text="Mức sai", reported_by=self.officer
        )
        self.revision = Revision.objects.create(
            unit=self.commune,
            indicator=self.indicator,
            stage="self",
            verdict="not_met",
            attainment=0,
            effective_on=date(2024, 6, 1),
            recorded_by=self.officer,
            source=Source.SUBMISSION,
        )

    def rows(self) -> dict:
        return {
            "communes/unit": self.commune,
            "communes/department": self.department,
            "communes/membership": self.membership,
            "criteria/target": self.target,
            "criteria/criteriondepartment": self.duty,
            "criteria/reportingperiod": self.period,
            "criteria/targetreport": self.report,
            "criteria/revision": self.revision,
        }


@pytest.fixture
def here(db) -> Place:
    return Place("Bắc Sơn")


@pytest.fixture
def there(db) -> Place:
    return Place("Nam Hải")


@pytest.fixture
def root(db) -> Client:
    return signed_in(UserFactory(username="admin", is_staff=True, is_superuser=True))


@pytest.fixture
def coordinator(here: Place) -> Client:
    return signed_in(here.coordinator)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def listed(client: Client, page: str, query: str = "") -> set[int]:
    response = client.get(f"/admin/{page}/{query}", follow=True)
    assert response.status_code == 200, page
    return {row.pk for row in response.context["cl"].result_list}


def url(page: str, row, step: str = "change") -> str:
    return f"/admin/{page}/{row.pk}/{step}/"


def form_of(client: Client, address: str) -> dict:
    """The values the page's form would send, as a browser fills them in."""
    response = client.get(address)
    assert response.status_code == 200
    forms = [response.context["adminform"].form]
    for formset in response.context["inline_admin_formsets"]:
        forms += [formset.formset.management_form, *formset.formset.forms]
    data = {}
    for form in forms:
        for field in form:
            value = field.value()
            if value is not None and value is not False:
                data[field.html_name] = value.strftime("%d/%m/%Y") if isinstance(value, date) else value
    return data


# --- who gets in -----------------------------------------------------------------------------------


def test_what_other_packages_register_is_not_there():
    assert {model._meta.label for model in admin.site._registry} == {
        "accounts.User", "communes.Unit", "communes.Department", "communes.Membership", "criteria.CriteriaSet",
        "criteria.Criterion", "criteria.Indicator", "criteria.Target", "criteria.CriterionDepartment",
        "criteria.ReportingPeriod", "criteria.TargetReport", "criteria.Revision",
    }  # fmt: skip


def test_every_page_opens_for_a_superuser(root, here):
    assert "Quản trị danh mục" in root.get("/admin/").content.decode()
    for model in admin.site._registry:
        page = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        assert root.get(page).status_code == 200, page
        assert root.get(f"{page}?q=song").status_code == 200, page
        row = model._default_manager.first()
        assert root.get(f"{page}{row.pk}/change/").status_code == 200, page
        assert root.get(f"{page}{row.pk}/history/").status_code == 200, page


def test_staff_without_a_province_get_a_reason(db, here):
    for user in (here.officer, UserFactory(is_staff=True)):
        client = signed_in(user)
        for page in PAGES:
            response = client.get(f"/admin/{page}/", follow=True)
            assert response.status_code == 403, page
    response = signed_in(here.officer).get("/admin/", follow=True)
    assert "Chỉ quản trị hệ thống và điều phối viên của tỉnh" in response.content.decode()


def test_a_role_that_has_ended_closes_the_door(here, coordinator):
    assert listed(coordinator, "communes/department") == {here.department.pk}
    Membership.objects.filter(pk=here.own_membership.pk).update(ends_on=date(2024, 6, 29))
    assert coordinator.get("/admin/communes/department/").status_code == 403


# --- what a coordinator sees --------------------------------------------------------------------------


def test_lists_show_the_own_province_only(coordinator, here, there):
    for page, row in here.rows().items():
        pks = listed(coordinator, page)
        assert row.pk in pks, page
        assert there.rows()[page].pk not in pks, page
    assert listed(coordinator, "communes/unit") == {here.province.pk, here.district.pk, here.commune.pk}


@pytest.mark.parametrize("step", ["change", "history", "delete"])
def test_another_provinces_rows_do_not_exist(coordinator, there, step):
    for page, row in there.rows().items():
        assert coordinator.get(url(page, row, step)).status_code in {403, 404}, page
        if step == "change":
            assert coordinator.get(url(page, row)).status_code == 404, page
            assert coordinator.post(url(page, row), {}).status_code in {403, 404}, page


def test_national_rows_are_read_only(coordinator, root, here):
    department, target = DepartmentFactory(), TargetFactory()
    rows = {
        "communes/department": department,
        "criteria/target": target,
        "criteria/criteriaset": target.indicator.criterion.criteria_set,
        "criteria/criterion": target.indicator.criterion,
        "criteria/indicator": target.indicator,
    }
    for page, row in rows.items():
        assert row.pk in listed(coordinator, page, "?place=all" if row == target else ""), page
        assert coordinator.get(url(page, row)).status_code == 200, page
        assert coordinator.post(url(page, row), {}).status_code == 403, page
        assert root.get(url(page, row)).context["has_change_permission"], page


def test_what_nobody_changes(coordinator, root, here):
    for client in (coordinator, root):
        assert client.post(url("criteria/revision", here.revision), {}).status_code == 403
        assert client.get("/admin/criteria/revision/add/").status_code == 403
        assert client.get("/admin/communes/unit/add/").status_code == 403
        for page, row in here.rows().items():
            if page not in {"criteria/criteriondepartment", "criteria/reportingperiod"}:
                assert client.post(url(page, row, "delete"), {"post": "yes"}).status_code == 403, page
    assert coordinator.get("/admin/accounts/user/").status_code == 403
    assert coordinator.get(url("accounts/user", here.officer)).status_code in {403, 404}


def test_what_nothing_points_to_may_go(coordinator, here):
    spare = DepartmentFactory(province=here.province)
    assert coordinator.post(url("communes/department", spare, "delete"), {"post": "yes"}).status_code == 302
    assert coordinator.post(url("criteria/reportingperiod", here.period, "delete"), {"post": "yes"}).status_code == 302
    assert coordinator.post(url("communes/department", here.department, "delete"), {"post": "yes"}).status_code == 403
    assert set(Department.objects.all()) == {here.department}


def test_nothing_is_deleted_in_bulk(root, here):
    for page in PAGES:
        assert "delete_selected" not in root.get(f"/admin/{page}/").content.decode(), page


def test_choices_are_the_own_provinces(coordinator, here, there):
    form = coordinator.get("/admin/criteria/target/add/").context["adminform"].form
    assert [choice.pk for choice in form.fields["province"].queryset] == [here.province.pk]
    assert form.fields["province"].required
    form = coordinator.get("/admin/communes/membership/add/").context["adminform"].form
    assert set(form.fields["user"].queryset) == {here.officer}
    assert Role.COORDINATOR not in dict(form.fields["role"].choices)
    place = "/admin/autocomplete/?app_label=communes&model_name=membership&field_name=unit&term="
    answer = coordinator.get(f"{place}thuong")
    assert answer.json()["results"] == [
        {"id": str(here.commune.pk), "text": f"Xã Bắc Sơn Thượng ({here.commune.code}), Huyện Bắc Sơn Hạ"}
    ]
    assert coordinator.get(f"{place}nam+hai").json()["results"] == []


def test_units_are_found_without_diacritics_and_by_code(root, here, there):
    for term in ("bac son thuong", "Bắc Sơn Thượng", here.commune.code):
        assert here.commune.pk in listed(root, "communes/unit", f"?q={term}"), term
        assert there.commune.pk not in listed(root, "communes/unit", f"?q={term}"), term


# --- what a coordinator changes ------------------------------------------------------------------------


def test_a_department_of_the_own_province(coordinator, here):
    data = {"name": "  Sở Y\u200b tế\x1f ", "code": "so-y-te", "province": here.province.pk}
    assert coordinator.post("/admin/communes/department/add/", data).status_code == 302
    assert Department.objects.get(code="so-y-te").name == "Sở Y tế"


def test_a_name_of_nothing_is_refused(coordinator, here):
    data = {"name": "\u200b", "code": "so-y-te", "province": here.province.pk}
    response = coordinator.post("/admin/communes/department/add/", data)
    assert response.status_code == 200
    assert "name" in response.context["adminform"].form.errors


@pytest.mark.parametrize("forged", ["", "there"])
def test_a_forged_province_is_refused(coordinator, here, there, forged):
    data = {"name": "Sở Y tế", "code": "so-y-te", "province": there.province.pk if forged else ""}
    response = coordinator.post("/admin/communes/department/add/", data)
    assert response.status_code == 200
    assert "province" in response.context["adminform"].form.errors
    data = form_of(coordinator, url("communes/department", here.department)) | {"province": data["province"]}
    assert coordinator.post(url("communes/department", here.department), data).status_code == 200
    here.department.refresh_from_db()
    assert here.department.province_id == here.province.pk
    assert not Department.objects.filter(code="so-y-te").exists()


def test_what_slips_through_the_form_is_rolled_back(coordinator, here, there, monkeypatch):
    """The second line: the row is looked up again after saving, whatever the form let through."""
    page = admin.site._registry[Department]
    monkeypatch.setattr(type(page), "formfield_for_foreignkey", admin.ModelAdmin.formfield_for_foreignkey)
    data = {"name": "Sở Y tế", "code": "so-y-te", "province": there.province.pk}
    assert coordinator.post("/admin/communes/department/add/", data).status_code == 403
    data = form_of(coordinator, url("communes/department", here.department)) | {"province": ""}
    assert coordinator.post(url("communes/department", here.department), data).status_code == 403
    here.department.refresh_from_db()
    assert here.department.province_id == here.province.pk
    assert not Department.objects.filter(code="so-y-te").exists()


def test_a_role_in_the_own_province(coordinator, here, there):
    data = {"user": here.officer.pk, "unit": here.district.pk, "role": Role.DISTRICT_STAFF}
    assert coordinator.post("/admin/communes/membership/add/", data).status_code == 302
    for forged in (
        {"unit": there.district.pk},
        {"user": there.officer.pk},
        {"role": Role.COORDINATOR},
        {"department": there.department.pk},
    ):
        data = {"user": here.officer.pk, "unit": here.province.pk, "role": Role.VIEWER} | forged
        response = coordinator.post("/admin/communes/membership/add/", data)
        assert response.status_code == 200, forged
        assert response.context["adminform"].form.errors.keys() == forged.keys()
    assert Membership.objects.filter(user=here.officer).count() == 2


@pytest.mark.parametrize(
    ("role", "levels"),
    [
        (Role.OFFICER, "commune"),
        (Role.COMMUNE_LEADER, "commune"),
        (Role.DISTRICT_STAFF, "district"),
        (Role.INSPECTOR, "province"),
        (Role.DEPARTMENT_REVIEWER, "province"),
        (Role.COORDINATOR, "province"),
        (Role.VIEWER, "province district commune"),
    ],
)
def test_a_role_is_given_at_its_own_level(root, here, role, levels):
    """Elsewhere it would open a whole area: an officer "of a province" reads every commune's drafts."""
    person = UserFactory()
    for level in ("province", "district", "commune"):
        data = {"user": person.pk, "unit": getattr(here, level).pk, "role": role, "department": here.department.pk}
        response = root.post("/admin/communes/membership/add/", data)
        if level in levels.split():
            assert response.status_code == 302, level
        else:
            assert "chỉ giao ở cấp" in response.context["adminform"].form.errors["role"][0]
    village = Unit.objects.create(level="village", name="Một", province=here.province, parent=here.commune)
    response = root.post("/admin/communes/membership/add/", {"user": person.pk, "unit": village.pk, "role": role})
    assert "role" in response.context["adminform"].form.errors
    assert Membership.objects.filter(user=person).count() == len(levels.split())


def test_a_role_cannot_be_moved_to_another_level(coordinator, here):
    address = url("communes/membership", here.membership)
    for unit in (here.district, here.province):
        response = coordinator.post(address, form_of(coordinator, address) | {"unit": unit.pk})
        assert "chỉ giao ở cấp xã" in response.context["adminform"].form.errors["role"][0]
    here.membership.refresh_from_db()
    assert here.membership.unit == here.commune


def test_no_coordinator_gives_a_role_to_oneself_or_a_superuser(coordinator, here):
    admin_here = MembershipFactory(
        user=UserFactory(is_superuser=True, is_staff=True), unit=here.province, role=Role.VIEWER
    )
    own = MembershipFactory(user=here.coordinator, unit=here.commune, role=Role.VIEWER)
    for user in (here.coordinator, admin_here.user):
        data = {"user": user.pk, "unit": here.commune.pk, "role": Role.COMMUNE_LEADER}
        response = coordinator.post("/admin/communes/membership/add/", data)
        assert "user" in response.context["adminform"].form.errors
    for membership in (own, admin_here):
        data = {"unit": here.commune.pk, "role": Role.COMMUNE_LEADER}
        assert coordinator.post(url("communes/membership", membership), data).status_code == 403
    assert not Membership.objects.filter(role=Role.COMMUNE_LEADER).exists()


def test_no_coordinator_changes_a_coordinators_role(coordinator, here, root):
    assert coordinator.post(url("communes/membership", here.own_membership), {}).status_code == 403
    assert root.get(url("communes/membership", here.own_membership)).context["has_change_permission"]


def test_of_a_unit_only_what_no_decision_says(coordinator, here):
    UnitVersion.objects.create(unit=here.commune, valid_from=date(2020, 1, 1), name="Bắc Sơn", kind="xa")
    old = CommuneFactory(parent=here.district)
    Succession.objects.create(predecessor=old, successor=here.commune, effective_on=date(2020, 1, 1))
    data = form_of(coordinator, url("communes/unit", here.commune))
    assert not {"name", "code", "province", "kind"} & data.keys()
    data |= {"households": "1253", "name": "Tên khác", "province": ""}
    assert coordinator.post(url("communes/unit", here.commune), data).status_code == 302
    unit = Unit.objects.get(pk=here.commune.pk)
    assert (unit.households, unit.name, unit.province_id) == (1253, "Bắc Sơn Thượng", here.province.pk)


def test_a_closed_period_stays(coordinator, root, here):
    assert coordinator.get(url("criteria/reportingperiod", here.period)).context["has_change_permission"]
    ReportingPeriod.objects.update(closed_at=timezone.now())
    for client in (coordinator, root):
        assert client.post(url("criteria/reportingperiod", here.period), {}).status_code == 403


def test_answering_a_report(coordinator, here):
    data = form_of(coordinator, url("criteria/targetreport", here.report)) | {"answer": "Đã sửa", "text": "khác"}
    assert coordinator.post(url("criteria/targetreport", here.report), data).status_code == 302
    here.report.refresh_from_db()
    assert (here.report.answer, here.report.text) == ("Đã sửa", "Mức sai")
    assert here.report.answered_at


# --- targets ---------------------------------------------------------------------------------------------


def act(client: Client, page: str, action: str, *rows) -> list[str]:
    data = {"action": action, "_selected_action": [row.pk for row in rows]}
    response = client.post(f"/admin/{page}/", data, follow=True)
    return [str(message) for message in response.context["messages"]]


def confirmed(*targets: Target) -> list[bool]:
    return [Target.objects.get(pk=target.pk).is_confirmed for target in targets]


def test_confirming_chosen_targets(coordinator, root, here, there):
    national = TargetFactory(indicator=here.indicator)
    said = act(coordinator, "criteria/target", "confirm_selected", here.target, national, there.target)
    assert said == [
        "Đã xác nhận 1 yêu cầu.",
        "1 yêu cầu của trung ương không thuộc quyền của bạn nên giữ nguyên.",
    ]
    assert confirmed(here.target, national, there.target) == [True, False, False]
    assert Target.objects.get(pk=here.target.pk).confirmed_by == here.coordinator
    assert act(root, "criteria/target", "confirm_selected", national) == ["Đã xác nhận 1 yêu cầu."]
    assert act(coordinator, "criteria/target", "withdraw_selected", here.target)[0] == "Đã bỏ xác nhận 1 yêu cầu."
    assert confirmed(here.target, national) == [False, True]
    assert Target.objects.get(pk=here.target.pk).confirmed_by is None


def test_confirming_all_of_a_criterion(coordinator, root, here, there):
    criterion = here.indicator.criterion
    second = TargetFactory(indicator=IndicatorFactory(criterion=criterion), province=here.province)
    for_unit = TargetFactory(indicator=here.indicator, unit=here.commune)
    foreign = TargetFactory(indicator=here.indicator, province=there.province)
    national = TargetFactory(indicator=here.indicator)
    elsewhere = TargetFactory(province=here.province)
    everything = (here.target, second, for_unit, foreign, national, elsewhere)
    assert act(coordinator, "criteria/criterion", "confirm_targets", criterion) == ["Đã xác nhận 3 yêu cầu."]
    assert confirmed(*everything) == [True, True, True, False, False, False]
    row = next(r for r in coordinator.get("/admin/criteria/criterion/").context["cl"].result_list if r == criterion)
    assert (row.targets_confirmed, row.targets) == (3, 3)
    assert act(root, "criteria/criterion", "confirm_targets", criterion) == ["Đã xác nhận 1 yêu cầu."]
    assert act(coordinator, "criteria/criterion", "withdraw_targets", criterion) == ["Đã bỏ xác nhận 3 yêu cầu."]
    assert confirmed(*everything) == [False, False, False, False, True, False]


@pytest.mark.parametrize(
    ("change", "stays"),
    [({"value": "90"}, False), ({"text": "≥ 95 phần trăm"}, False), ({"source": "Trang 3"}, True), ({}, True)],
)
def test_a_changed_demand_is_no_longer_confirmed(coordinator, here, change, stays):
    act(coordinator, "criteria/target", "confirm_selected", here.target)
    address = url("criteria/target", here.target)
    assert coordinator.post(address, form_of(coordinator, address) | change).status_code == 302
    assert confirmed(here.target) == [stays]


def test_a_targets_place_and_indicator_are_fixed(coordinator, here, there):
    address = url("criteria/target", here.target)
    forged = {"province": there.province.pk, "indicator": there.indicator.pk, "confirmed_at_0": "01/01/2024"}
    assert coordinator.post(address, form_of(coordinator, address) | forged).status_code == 302
    saved = Target.objects.get(pk=here.target.pk)
    assert (saved.province_id, saved.indicator_id, saved.confirmed_at) == (here.province.pk, here.indicator.pk, None)


def test_a_new_target_and_its_mistakes(coordinator, root, here, there):
    row = {"indicator": here.indicator.pk, "from_year": "2024", "operator": Operator.AT_LEAST, "text": "≥ 96%"}
    row |= {"provenance": "verified"}
    good = row | {"province": here.province.pk, "value": "96"}
    assert coordinator.post("/admin/criteria/target/add/", good).status_code == 302
    assert coordinator.post("/admin/criteria/target/add/", good).status_code == 200
    for client, wrong in (
        (coordinator, {"province": here.province.pk, "value": ""}),
        (coordinator, {"province": here.province.pk, "value": "96", "unit": there.commune.pk}),
        (root, {"province": here.province.pk, "value": "96", "unit": there.commune.pk}),
        (root, {"value": "96", "variant": "mien-dat-hua"}),
    ):
        response = client.post("/admin/criteria/target/add/", row | wrong)
        assert response.status_code == 200, wrong
        assert response.context["adminform"].form.errors
    assert Target.objects.filter(from_year=2024).count() == 1


def test_a_confirmed_or_used_target_stays(coordinator, here):
    spare = TargetFactory(indicator=IndicatorFactory(), province=here.province)
    assert coordinator.post(url("criteria/target", here.target, "delete"), {"post": "yes"}).status_code == 403
    act(coordinator, "criteria/target", "confirm_selected", spare)
    assert coordinator.post(url("criteria/target", spare, "delete"), {"post": "yes"}).status_code == 403
    act(coordinator, "criteria/target", "withdraw_selected", spare)
    assert coordinator.post(url("criteria/target", spare, "delete"), {"post": "yes"}).status_code == 302


def test_the_list_of_targets_opens_on_the_own_provinces(coordinator, root, here, there):
    national = TargetFactory(indicator=here.indicator)
    assert coordinator.get("/admin/criteria/target/")["Location"] == f"/admin/criteria/target/?place={here.province.pk}"
    assert listed(coordinator, "criteria/target") == {here.target.pk}
    assert listed(coordinator, "criteria/target", "?place=all") == {here.target.pk, national.pk}
    assert listed(root, "criteria/target") == {here.target.pk, there.target.pk, national.pk}
    here.target.delete()
    assert listed(coordinator, "criteria/target") == {national.pk}


def test_criteria_of_several_sets_are_told_apart(root, here, there):
    Criterion.objects.update(number=1, name="Quy hoạch")
    criteria_set = here.indicator.criterion.criteria_set
    TargetFactory(indicator__criterion__criteria_set=criteria_set, indicator__criterion__number=2)
    page = root.get("/admin/criteria/target/").content.decode()
    for place in (here, there):
        assert f"1. Quy hoạch ({place.indicator.criterion.criteria_set.code})" in page
    own = f"?indicator__criterion__criteria_set__id__exact={criteria_set.pk}"
    page = root.get(f"/admin/criteria/target/{own}").content.decode()
    assert page.count("1. Quy hoạch") == 1
    assert f"({criteria_set.code})" not in page


@pytest.mark.parametrize(
    "query", ["?place=nation", "?place=abc", "?place=99999999999", "?confirmed=yes", "?confirmed=x"]
)
def test_filters_take_anything(coordinator, here, query):
    listed(coordinator, "criteria/target", query)


# --- sets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("buckets", '[{"label": "19"}]'),
        ("buckets", '{"label": "19", "min": 19, "max": 19}'),
        ("buckets", '[{"label": "19", "min": "19", "max": 19}]'),
        ("buckets", '[{"label": "19", "min": 19, "max": 1}]'),
        ("variants", '["bac-trung-bo"]'),
        ("variants", '[{"code": "a"}]'),
        ("variants", '[{"code": "a", "name": "A"}, {"code": "a", "name": "B"}]'),
        ("rules", '[{"text": "x"}]'),
        ("rules", '"một câu"'),
        ("rules", '["x\\u0000"]'),
        ("sources", "[1]"),
        ("amended_by", "[null]"),
        ("amended_by", "{}"),
        ("mountain_variant", "mien-dat-hua"),
        ("nearly_met_threshold", "100,5"),
        ("nearly_met_threshold", "-1"),
        ("first_year", "0"),
        ("last_year", "20000"),
    ],
)
def test_a_malformed_set_is_refused(root, here, field, value):
    """What the loader refuses in a file; pages read these lists without looking."""
    criteria_set = here.indicator.criterion.criteria_set
    address = url("criteria/criteriaset", criteria_set)
    response = root.post(address, form_of(root, address) | {field: value})
    assert response.status_code == 200
    assert field in response.context["adminform"].form.errors


def test_a_well_formed_set_is_kept_and_an_emptied_list_is_the_usual_one(root, here):
    criteria_set = here.indicator.criterion.criteria_set
    address = url("criteria/criteriaset", criteria_set)
    changes = {"buckets": "", "rules": "", "sources": '["318/QĐ-TTg"]', "nearly_met_threshold": "75"}
    assert root.post(address, form_of(root, address) | changes).status_code == 302
    criteria_set.refresh_from_db()
    assert (criteria_set.rules, criteria_set.sources) == ([], ["318/QĐ-TTg"])
    assert (len(criteria_set.buckets), criteria_set.nearly_met_threshold) == (5, 75)
    assert criteria_set.variants


# --- voiding ---------------------------------------------------------------------------------------------


def void_rows(client: Client, *revisions: Revision, **extra: str):
    data = {"action": "void_selected", "_selected_action": [row.pk for row in revisions]} | extra
    return client.post("/admin/criteria/revision/", data)


def published(place: Place, *verdicts: str) -> list[Revision]:
    """Results of one indicator, one after the other, as the commune would publish them."""
    return [
        publish(
            place.commune,
            place.indicator.criterion.criteria_set,
            "self",
            [Published(place.indicator.pk, verdict, date(2024, 6, 1))],
            source=Source.IMPORT,
            source_ref="1",
            by=place.officer,
        )[0]
        for verdict in verdicts
    ]


def assert_standing_is_recomputed(place: Place) -> Standing:
    criteria_set = place.indicator.criterion.criteria_set
    standing = Standing.objects.get(unit=place.commune, criteria_set=criteria_set, stage="self")
    recomputed = compute_standings([place.commune], criteria_set, "self")[place.commune.pk]
    assert {name: getattr(standing, name) for name in recomputed} == recomputed
    return standing


@pytest.mark.parametrize("who", ["coordinator", "root"])
def test_voiding_a_wrong_result(who, coordinator, root, here, caplog):
    caplog.set_level("INFO", "ntm.audit")
    client = {"coordinator": coordinator, "root": root}[who]
    before, wrong = published(here, "not_met", "met")
    assert Assessment.objects.get(unit=here.commune).verdict == "met"
    assert assert_standing_is_recomputed(here).criteria_met == 1

    page = void_rows(client, wrong)
    assert "1 kết quả dưới đây sẽ bị hủy" in page.content.decode()
    assert str(here.indicator) in page.content.decode()
    for empty in ("", "  \u200b "):
        page = void_rows(client, wrong, confirmed="1", reason=empty)
        assert page.context["form"].errors["reason"]
    wrong.refresh_from_db()
    assert wrong.voided_at is None

    assert void_rows(client, wrong, confirmed="1", reason=" Nhập nhầm xã ").status_code == 302
    wrong.refresh_from_db()
    person = User.objects.get(pk=client.session["_auth_user_id"])
    assert (wrong.void_reason, wrong.voided_by) == ("Nhập nhầm xã", person)
    current = Assessment.objects.get(unit=here.commune)
    assert (current.revision, current.verdict) == (before, "not_met")
    assert assert_standing_is_recomputed(here).criteria_met == 0
    (record,) = (record for record in caplog.records if record.message == "results voided")
    assert (record.username, record.revisions, record.reason) == (person.username, [wrong.pk], "Nhập nhầm xã")


def test_voiding_twice_changes_nothing(coordinator, here):
    (wrong,) = published(here, "met")
    void_rows(coordinator, wrong, confirmed="1", reason="Nhập nhầm")
    said = act(coordinator, "criteria/revision", "void_selected", wrong)
    assert said[-1] == "Các kết quả đã chọn đều đã hủy trước đó."
    void_rows(coordinator, wrong, confirmed="1", reason="Lý do khác")
    wrong.refresh_from_db()
    assert wrong.void_reason == "Nhập nhầm"


def test_another_provinces_results_are_not_voided(coordinator, here, there):
    (mine,), (foreign,) = published(here, "met"), published(there, "met")
    for chosen in ((foreign,), (mine, foreign)):
        for extra in ({}, {"confirmed": "1", "reason": "Nhập nhầm"}):
            assert void_rows(coordinator, *chosen, **extra).status_code == 404
    void_rows(coordinator, mine, confirmed="1", reason="Nhập nhầm", select_across="1")
    assert signed_in(here.officer).post("/admin/criteria/revision/", {}).status_code in {302, 403}
    foreign.refresh_from_db()
    mine.refresh_from_db()
    assert (foreign.voided_at, bool(mine.voided_at)) == (None, True)


def test_voiding_has_its_limit(coordinator, here, monkeypatch):
    monkeypatch.setattr(type(admin.site._registry[Revision]), "void_at_most", 1)
    rows = published(here, "met", "not_met")
    assert "tối đa 1 kết quả" in act(coordinator, "criteria/revision", "void_selected", *rows)[0]


# --- accounts --------------------------------------------------------------------------------------------


def test_a_new_account_starts_with_a_one_time_password(root, here):
    data = {
        "username": "canbo.moi", "full_name": "Lê Thị Mới", "usable_password": "true", "password1": "song-da-nui-cao",
        "password2": "song-da-nui-cao", "memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0",
    }  # fmt: skip
    assert root.post("/admin/accounts/user/add/", data).status_code == 302
    person = User.objects.get(username="canbo.moi")
    assert person.must_change_password
    assert person.check_password("song-da-nui-cao")
    assert root.post(url("accounts/user", person, "delete"), {"post": "yes"}).status_code == 403


def test_a_password_given_by_another_is_for_one_time(root, here, caplog, django_capture_on_commit_callbacks):
    caplog.set_level("INFO", "ntm.audit")
    data = {"usable_password": "true", "password1": "song-da-nui-cao", "password2": "song-da-nui-cao"}
    with django_capture_on_commit_callbacks(execute=True):
        assert root.post(f"/admin/accounts/user/{here.officer.pk}/password/", data).status_code == 302
    here.officer.refresh_from_db()
    assert here.officer.must_change_password
    assert here.officer.check_password("song-da-nui-cao")
    assert "one-time password given" in caplog.messages
    assert "song-da-nui-cao" not in " ".join(str(vars(record)) for record in caplog.records)


# --- speed, words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_queries_do_not_grow_with_rows(page, here, coordinator, count_queries):
    def add(number: int) -> None:
        for index in range(number):
            commune = CommuneFactory(parent=here.district)
            MembershipFactory(unit=commune)
            department = DepartmentFactory(province=here.province)
            target = TargetFactory(province=here.province, unit=commune, from_year=2000 + index)
            criterion = CriterionFactory()
            CriterionDepartment.objects.create(criterion=criterion, department=department, province=here.province)
            ReportingPeriod.objects.create(
                area=commune, kind="month", name="Kỳ", ends_on=date(2024, 1, 31), due_on=date(2024, 2, 5)
            )
            TargetReport.objects.create(
                unit=commune, indicator=target.indicator, target=target, text="Sai", reported_by=UserFactory()
            )
            Revision.objects.create(
                unit=commune, indicator=target.indicator, stage="self", verdict="not_met", attainment=0,
                effective_on=date(2024, 6, 1), recorded_by=here.officer, source=Source.SUBMISSION,
            )  # fmt: skip

    add(2)
    with count_queries() as few:
        coordinator.get(f"/admin/{page}/", follow=True)
    add(27)
    with count_queries() as many:
        coordinator.get(f"/admin/{page}/", follow=True)
    assert len(many) == len(few), "\n".join(many)


def test_the_calendar_speaks_vietnamese(root):
    assert json.dumps("Thứ hai") in root.get("/admin/jsi18n/").content.decode()


def test_one_page_in_the_browser_breaks_no_policy(open_page, transactional_db):
    """Open, choose by autocomplete, save: under the strict policy, which `open_page` watches."""
    place = Place("Bắc Sơn")
    page = open_page(place.coordinator.username)
    page.goto("/admin/")
    page.goto("/admin/communes/membership/add/")
    page.select_option("#id_user", str(place.officer.pk))
    page.click(".field-unit .select2-selection")
    page.fill(".select2-search__field", "thuong")
    page.click(".select2-results__option--highlighted")
    page.select_option("#id_role", "viewer")
    page.fill("#id_starts_on", "01/06/2024")
    page.click("input[name=_save]")
    page.wait_for_selector(".messagelist .success")
    assert Membership.objects.filter(user=place.officer, role="viewer", starts_on=date(2024, 6, 1)).exists()
