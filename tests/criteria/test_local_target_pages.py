"""The workshop's pages of targets: grid, one form, many cells, confirming, reports; and who gets them."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from communes.models import Role
from criteria.models import Target, TargetReport
from criteria.workshop.local_targets import version_of
from tests.factories import (
    CommuneFactory,
    CriteriaSetFactory,
    CriterionFactory,
    DistrictFactory,
    IndicatorFactory,
    MembershipFactory,
    ProvinceFactory,
    TargetFactory,
    UserFactory,
)

GROUPS = [{"code": f"nhom-{n}", "name": f"Xã nhóm {n}"} for n in (1, 2, 3)]


class Place:
    def __init__(self):
        self.province = ProvinceFactory()
        self.district = DistrictFactory(parent=self.province)
        self.commune = CommuneFactory(parent=self.district, target_group="nhom-1")
        self.set = CriteriaSetFactory(variants=GROUPS, mountain_variant="", first_year=2021, last_year=2025)
        self.criterion = CriterionFactory(criteria_set=self.set, number=17)
        self.water = IndicatorFactory(criterion=self.criterion, code="17.1", position=1)
        self.waste = IndicatorFactory(criterion=self.criterion, code="17.2", position=2)
        self.nation = TargetFactory(
            indicator=self.water, value=95, text="≥95%", confirmed_at=timezone.now(), confirmed_by=UserFactory()
        )
        self.coordinator = MembershipFactory(unit=self.province, role=Role.COORDINATOR).user
        self.officer = MembershipFactory(unit=self.commune).user

    @property
    def rows(self):
        return Target.objects.filter(indicator__criterion=self.criterion).exclude(pk=self.nation.pk)

    def own(self, **fields):
        return TargetFactory(
            indicator=self.water, province=self.province, decision="QĐ cũ", confirmed_at=timezone.now(),
            confirmed_by=self.coordinator, **fields,
        )  # fmt: skip


@pytest.fixture
def place(db):
    return Place()


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def client(place):
    return signed_in(place.coordinator)


def at(name, *args, **query):
    return reverse(f"criteria:{name}", args=args, query=query or None)


def typed(**fields):
    return {"indicator": "17.1", "operator": ">=", "value": "97", "decision": "26/2024/QĐ-UBND", "seen": ""} | fields


def said(response):
    return [str(message) for message in response.context["messages"]]


def test_the_grid_names_states_in_words(place, client):
    place.own(value=90, text="≥ 90 %", variant="nhom-1")
    page = client.get(at("target_grid", set=place.set.code)).content.decode()
    assert "≥ 90 %" in page and "Địa phương" in page and "Thấp hơn trung ương: ≥95%" in page
    assert "Chưa quy định mức" in page and "Xã nhóm 1" in page
    only = client.get(at("target_grid", set=place.set.code, show="unknown")).content.decode()
    assert "17.2" in only and 'id="tc-17"' in only and "≥ 90 %" not in only


@pytest.mark.parametrize("query", [{"year": "1999"}, {"year": "x"}, {"show": "lạ"}, {"criterion": "9" * 30}])
def test_odd_questions_get_a_page(place, client, query):
    assert client.get(at("target_grid", set=place.set.code, **query)).status_code == 200


def test_unknown_sets_are_not_found(place, client):
    assert client.get(at("target_grid", set="khong-co")).status_code == 404
    private = CriteriaSetFactory(province=ProvinceFactory())
    assert client.get(at("target_grid", set=private.code)).status_code == 404


def test_adding_with_a_warning_first(place, client):
    url = at("target_create", set=place.set.code)
    warned = client.post(url, typed(value="90", variant="nhom-1"))
    assert warned.status_code == 200 and not place.rows.exists()
    assert "“≥ 90 %” thấp hơn mức trung ương “≥95%”" in warned.content.decode()
    done = client.post(url, typed(value="90", variant="nhom-1", warned=warned.context["warned"]), follow=True)
    assert place.rows.get().province == place.province
    assert said(done)[0] == "Đã lưu 1 yêu cầu."


def test_a_refused_form_says_where(place, client):
    refused = client.post(at("target_create", set=place.set.code), typed(value="101", decision=""))
    assert refused.status_code == 422
    assert {"value", "decision"} == set(refused.context["form"].errors)
    assert client.post(at("target_create", set=place.set.code), typed(indicator="17.9")).status_code == 422


def test_changing_and_the_stale_form(place, client):
    row = place.own(value=96, text="≥ 96 %")
    url = at("target_edit", row.pk)
    page = client.get(url)
    assert page.context["seen"] == version_of(row)
    place.rows.update(value=99, text="≥ 99 %")
    stale = client.post(url, typed(seen=version_of(row)))
    assert stale.status_code == 409 and "≥ 99 %" in stale.content.decode()
    assert place.rows.get().value == 99
    done = client.post(url, typed(seen=stale.context["seen"]), follow=True)
    assert (place.rows.get().value, place.rows.get().confirmed_at) == (97, None)
    assert any("chưa được xác nhận" in text for text in said(done))


def test_deleting_only_what_never_bound(place, client):
    row = place.own()
    assert client.get(at("target_delete", row.pk)).status_code == 403
    place.rows.update(confirmed_at=None, confirmed_by=None)
    assert client.get(at("target_delete", row.pk)).status_code == 200
    client.post(at("target_delete", row.pk), {"seen": "cũ"})
    assert place.rows.exists()
    client.post(at("target_delete", row.pk), {"seen": version_of(row)})
    assert not place.rows.exists()


def test_whose_rows_are_whose(place, client):
    theirs = TargetFactory(indicator=place.water, province=ProvinceFactory())
    assert client.get(at("target_edit", theirs.pk)).status_code == 404
    assert client.get(at("target_edit", place.nation.pk)).status_code == 403
    assert client.post(at("target_edit", place.nation.pk), typed()).status_code == 403
    own = place.own()
    assert signed_in(place.officer).get(at("target_edit", own.pk)).status_code == 403
    root = signed_in(UserFactory(is_superuser=True))
    done = root.post(at("target_edit", place.nation.pk), typed(value="98", seen=version_of(place.nation)))
    place.nation.refresh_from_db()
    assert done.status_code == 302 and place.nation.value == 98 and not place.nation.is_confirmed


def test_a_coordinator_cant_choose_another_province(place, client):
    other = ProvinceFactory()
    client.post(at("target_create", set=place.set.code, province=other.pk), typed())
    assert place.rows.get().province == place.province


# --- many cells ----------------------------------------------------------------------------


def cells(response):
    """What the page's form would send as it stands."""
    sent = {}
    for cell in response.context["cells"]:
        sent |= {
            f"{cell.prefix}-indicator": cell.indicator.code, f"{cell.prefix}-variant": cell.variant,
            f"{cell.prefix}-row": cell.row, f"{cell.prefix}-seen": cell.seen, f"{cell.prefix}-kind": cell.kind_name,
            **{f"{cell.prefix}-{name}": value for name, value in cell.typed.items()},
        }  # fmt: skip
    return sent


def test_many_cells_at_once(place, client):
    row = place.own(value=96, text="≥ 96 %", variant="nhom-1")
    url = at("target_bulk", set=place.set.code, criterion=17)
    page = client.get(url)
    sent = cells(page)
    assert len(page.context["cells"]) == 6
    own = next(cell for cell in page.context["cells"] if cell.row == str(row.pk))
    sent |= {f"{own.prefix}-value": "97", f"{own.prefix}-text": ""}
    empty = [cell for cell in page.context["cells"] if cell.indicator == place.waste]
    sent |= {f"{empty[0].prefix}-operator": "<=", f"{empty[0].prefix}-value": "3"}
    missing = client.post(url, sent)
    assert missing.status_code == 422 and place.rows.count() == 1  # a new level needs its paper
    done = client.post(url, sent | {"decision": "30/2024/QĐ-UBND"}, follow=True)
    assert said(done)[0] == "Đã lưu 2 yêu cầu."
    assert {(r.operator, r.value, r.decision) for r in place.rows} == {
        (">=", 97, "30/2024/QĐ-UBND"),
        ("<=", 3, "30/2024/QĐ-UBND"),
    }


def test_many_cells_show_what_somebody_else_changed(place, client):
    place.own(value=96, text="≥ 96 %", variant="nhom-1")
    url = at("target_bulk", set=place.set.code, criterion=17)
    sent = cells(client.get(url))
    place.rows.update(value=99, text="≥ 99 %")
    sent = {name: "97" if value == "96" else "" if value == "≥ 96 %" else value for name, value in sent.items()}
    stale = client.post(url, sent)
    assert stale.status_code == 409 and "≥ 99 %" in stale.content.decode()
    assert place.rows.get().value == 99


def test_clearing_a_cell_doesnt_end_it(place, client):
    place.own(value=96, text="≥ 96 %", variant="nhom-1")
    url = at("target_bulk", set=place.set.code, criterion=17)
    sent = cells(client.get(url))
    sent = {name: "" if value in {"96", "≥ 96 %", ">="} else value for name, value in sent.items()}
    refused = client.post(url, sent)
    assert refused.status_code == 422 and "Đến hết năm" in refused.content.decode()


def test_queries_of_the_pages_dont_grow(place, client, count_queries):
    urls = [at("target_grid", set=place.set.code), at("target_bulk", set=place.set.code, show="")]
    few = []
    for url in urls:
        with count_queries() as queries:
            client.get(url)
        few.append(len(queries))
    for n in range(30):
        indicator = IndicatorFactory(criterion=CriterionFactory(criteria_set=place.set, number=100 + n))
        TargetFactory(indicator=indicator, province=place.province)
        TargetReport.objects.create(unit=place.commune, indicator=indicator, text="Sai", reported_by=place.officer)
    for url, before in zip(urls, few, strict=True):
        with count_queries() as queries:
            client.get(url)
        assert len(queries) == before, "\n".join(queries)


def test_confirming_a_criterion(place, client):
    row = place.own()
    place.rows.update(confirmed_at=None, confirmed_by=None)
    group = client.get(at("target_grid", set=place.set.code)).context["grid"].groups[0]
    url = at("target_confirm", set=place.set.code)
    client.post(url, {"criterion": place.criterion.pk, "seen": "khác"})
    row.refresh_from_db()
    assert not row.is_confirmed
    client.post(url, {"criterion": place.criterion.pk, "seen": group.seen})
    row.refresh_from_db()
    assert row.is_confirmed and row.confirmed_by == place.coordinator
    for wrong in ("", "x", "9" * 40):
        assert client.post(url, {"criterion": wrong}).status_code == 404


# --- reports ---------------------------------------------------------------------------------


def report(place, **fields):
    return TargetReport.objects.create(
        unit=place.commune, indicator=place.water, target=place.nation, target_text="≥95%", text="Phải là 90 %",
        reported_by=place.officer, **fields,
    )  # fmt: skip


def test_a_report_is_answered_and_its_officer_reads_it(place, client):
    found = report(place)
    assert client.get(at("target_grid", set=place.set.code)).context["open_reports"] == 1
    assert "Phải là 90 %" in client.get(at("target_report_list")).content.decode()
    officer = signed_in(place.officer)
    row = f'id="report-{place.water.pk}"'
    entry = at("entry", place.commune.pk, set=place.set.code)
    assert "chờ trả lời" in officer.get(entry).content.decode().split(row)[1][:200]
    url = at("target_report_answer", found.pk)
    assert client.post(url, {"answer": " "}).status_code == 422
    assert client.post(url, {"answer": "Mức 95 % đúng theo QĐ 318."}).status_code == 302
    found.refresh_from_db()
    assert (found.answer, found.answered_by) == ("Mức 95 % đúng theo QĐ 318.", place.coordinator)
    assert "Mức 95 % đúng theo QĐ 318." in officer.get(entry).content.decode().split(row)[1][:200]
    assert "Báo yêu cầu sai đã có trả lời" in officer.get("/").content.decode()
    again = client.post(url, {"answer": "Lần hai"}, follow=True)
    found.refresh_from_db()
    assert found.answer.startswith("Mức 95") and "Người khác vừa trả lời" in said(again)[-1]
    assert client.get(at("target_report_list", state="answered")).context["page"].paginator.count == 1


def test_changing_the_target_leads_back_to_the_report(place, client):
    found = report(place)
    page = client.get(at("target_report_answer", found.pk))
    assert page.context["may_edit"] is False  # the nation's row
    url = at("target_create", set=place.set.code, indicator="17.1", report=found.pk)
    done = client.post(url, typed(unit=place.commune.code))
    assert done["Location"] == at("target_report_answer", found.pk)
    assert client.get(at("target_report_answer", found.pk)).context["may_edit"] is True


def test_reports_of_other_provinces_dont_exist(place):
    found = report(place)
    other = Place()
    for user, status in ((other.coordinator, 404), (other.officer, 404), (place.officer, 403)):
        assert signed_in(user).get(at("target_report_answer", found.pk)).status_code == status
        assert signed_in(user).post(at("target_report_answer", found.pk), {"answer": "x"}).status_code == status
    assert signed_in(other.coordinator).get(at("target_report_list")).context["page"].paginator.count == 0


def test_queries_of_the_reports_dont_grow(place, client, count_queries):
    for _ in range(3):
        report(place)
    with count_queries() as few:
        client.get(at("target_report_list"))
    for _ in range(27):
        report(place)
    with count_queries() as many:
        client.get(at("target_report_list"))
    assert len(few) == len(many)


def test_read_only_roles_get_nothing(place):
    names = [
        "target_grid", "target_bulk", "target_create", "target_workbook", "target_upload", "target_report_list",
        "group_list", "group_workbook", "group_upload",
    ]  # fmt: skip
    users = [MembershipFactory(unit=place.province, role=Role.VIEWER).user, place.officer]
    for user in users:
        for name in names:
            assert signed_in(user).get(at(name)).status_code == 403, name
        assert signed_in(user).post(at("target_create"), typed()).status_code == 403
        assert signed_in(user).post(at("group_list"), {}).status_code == 403
