"""A set of 10 criteria and 47 indicators by three groups, brought in as a workbook, in every use beside the
19-criteria set of the same commune."""

from io import BytesIO

import openpyxl
import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from communes.models import Membership, Role
from criteria.models import CriteriaSet, Entry, Indicator, Standing, Target, Upload
from criteria.workshop.set_sheets import set_workbook
from inspections.models import Score, TeamMember
from tests.criteria.set_world import modern
from tests.factories import (
    CommuneFactory,
    DistrictFactory,
    ProvinceFactory,
    TeamMemberFactory,
    UserFactory,
    VisitFactory,
)

HTMX = {"HTTP_HX_REQUEST": "true"}


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def with_role(unit, role, **extra):
    user = UserFactory()
    Membership.objects.create(user=user, unit=unit, role=role, **extra)
    return user


@pytest.fixture
def commune(db):
    call_command("load_criteria", verbosity=0)
    province = ProvinceFactory(code="38", name="Thanh Hóa")
    return CommuneFactory(parent=DistrictFactory(parent=province), target_group="nhom-2")


@pytest.fixture
def new_set(commune):
    """Handed in, confirmed and published on the pages; its targets confirmed."""
    boss = UserFactory(is_superuser=True)
    client = client_of(boss)
    file = ContentFile(set_workbook(modern()), "bo-moi.xlsx")
    client.post(reverse("criteria:set_upload"), {"file": file, "first_day": "30/06/2024"})
    upload = Upload.objects.get()
    assert (upload.state, upload.plan["shown"]["criteria"], upload.plan["shown"]["indicators"]) == ("ready", 10, 47)
    client.post(reverse("criteria:upload_apply", args=[upload.pk]), {"fingerprint": upload.fingerprint})
    client.post(reverse("criteria:set_publish", args=["xa-moi"]), {"on": "15/02/2024"})
    found = CriteriaSet.objects.get(code="xa-moi")
    assert found.status == "published"
    Target.objects.filter(indicator__criterion__criteria_set=found).update(
        confirmed_by=boss, confirmed_at="2024-02-15T00:00:00Z"
    )
    return found


def indicator(criteria_set, code):
    return Indicator.objects.get(criterion__criteria_set=criteria_set, code=code)


def test_a_new_set_is_used_beside_the_old_one(commune, new_set):
    old = CriteriaSet.objects.get(code="xa-ntm-2021-2025")
    officer = with_role(commune, Role.OFFICER, may_send=True)
    client = client_of(officer)

    # Entry: 47 indicators with the demand of the commune's group; the old set stays a choice away.
    url = reverse("criteria:entry", args=[commune.pk])
    page = client.get(url, {"set": "xa-moi"})
    assert page.context["total"] == 47
    assert set(page.context["sets"]) >= {old, new_set}
    rows = [row for sheet in page.context["sheets"] for row in sheet.rows]
    assert {row.target.text for row in rows} == {"≥90%"}
    assert "cho xã nhóm 2" in rows[0].target.reason
    assert client.get(url, {"set": old.code}).context["total"] == 57
    first, second = indicator(new_set, "1.1"), indicator(new_set, "1.2")
    typed = {"version": 0, "effective_on": "2024-06-01", "verdict": "met"}
    refused = client.post(reverse("criteria:entry_save", args=[commune.pk, first.pk]), typed | {"value": "89"}, **HTMX)
    assert refused.status_code == 422
    assert "chưa đạt yêu cầu ≥90%" in refused.text
    for row, value in ((first, "91"), (second, "95"), (indicator(old, "18.2"), "")):
        saved = client.post(reverse("criteria:entry_save", args=[commune.pk, row.pk]), typed | {"value": value}, **HTMX)
        assert saved.status_code == 200, saved.text
    for code in ("1.3", "1.4", "1.5"):
        client.post(
            reverse("criteria:entry_save", args=[commune.pk, indicator(new_set, code).pk]),
            typed | {"value": "92"},
            **HTMX,
        )
    assert Entry.objects.filter(unit=commune).count() == 6

    # Sending publishes the one set and leaves the other.
    send = reverse("criteria:submission_send", args=[commune.pk])
    page = client.get(send, {"set": "xa-moi"})
    groups = page.context["groups"]
    data = {f"seen-{group['sheet'].criterion.pk}": group["waiting"].seen for group in groups}
    data["criterion"] = [group["sheet"].criterion.pk for group in groups]
    assert client.post(f"{send}?set=xa-moi", data).status_code == 302
    standing = Standing.objects.get(unit=commune, criteria_set=new_set, stage="self")
    assert (standing.criteria_total, standing.criteria_met, standing.indicators_total) == (10, 1, 47)
    assert not Standing.objects.filter(unit=commune, criteria_set=old).exists()

    # A visit under the new set: the team scores by the same demand.
    lead = with_role(commune.province, Role.INSPECTOR, may_lead=True)
    visit = VisitFactory(unit=commune, criteria_set=new_set, state="under_way", held_on="2024-06-20")
    TeamMemberFactory(visit=visit, user=lead, role=TeamMember.Role.LEADER)
    team = client_of(lead)
    page = team.get(reverse("inspections:visit_criterion", args=[visit.pk, 1]))
    assert page.status_code == 200
    assert "≥90%" in page.text
    assert "Tỷ lệ hộ theo nội dung 1.1" in page.text
    scored = team.post(
        reverse("inspections:score_save", args=[visit.pk, first.pk]),
        {"version": 0, "verdict": "met", "value": "93"},
        **HTMX,
    )
    assert scored.status_code == 200, scored.text
    assert Score.objects.get(visit=visit).verdict == "met"

    # The matrix: ten columns for the one set, nineteen for the other.
    keeper = client_of(with_role(commune.province, Role.COORDINATOR))
    for criteria_set, number in ((new_set, 10), (old, 19)):
        page = keeper.get("/matrix/", {"set": criteria_set.code, "stage": "self"})
        assert len(page.context["result"].criteria) == number
    page = keeper.get("/matrix/", {"set": "xa-moi", "stage": "self"})
    (row,) = page.context["result"].rows
    assert (row.states[0], row.met) == ("met", 1)
    assert [label for label, _, _ in page.context["result"].buckets] == ["10", "5–9", "<5"]

    # The readiness workbook of each set, and the day's reading of a page of each.
    for criteria_set, total in ((new_set, 47), (old, 57)):
        answer = keeper.get(
            reverse("reports:readiness_xlsx", args=[commune.pk]), {"set": criteria_set.code, "stage": "self"}
        )
        assert answer.status_code == 200
        book = openpyxl.load_workbook(BytesIO(b"".join(answer)))
        codes = {str(row[0].value) for row in book["Chỉ tiêu"].iter_rows()}
        expected = Indicator.objects.filter(criterion__criteria_set=criteria_set, part_of__isnull=True)
        assert len(codes & set(expected.values_list("code", flat=True))) == total
        assert (
            keeper.get(reverse("reports:unit_detail", args=[commune.pk]), {"set": criteria_set.code}).status_code == 200
        )
