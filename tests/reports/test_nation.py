"""The nation by provinces, and the world it is measured with."""

import hashlib
from datetime import date
from io import BytesIO

import openpyxl
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from communes.models import Role, Unit
from criteria.models import Assessment, CriteriaSet, Revision, Standing
from criteria.state import Moment
from criteria.verdicts import Stage
from ntm.clock import today
from reports import builders
from reports.matrix import matrix
from reports.nation import nation
from reports.workbooks.nation import nation_workbook
from tests.factories import UserFactory
from tests.reports.worlds import make_province, make_set, member, say

pytestmark = pytest.mark.django_db


def test_the_nation_is_the_sum_of_its_provinces(assert_queries):
    criteria_set = make_set()
    places = [make_province(communes=3, districts=2, code=code) for code in ("96", "97", "98")]
    verdicts = (["met"] * 6, ["met"] * 5 + ["not_met"], ["nearly_met"] * 6, ["met"], [])
    for number, (_, communes) in enumerate(places[:2]):
        for place, commune in enumerate(communes):
            say(commune, criteria_set, "self", verdicts[(number * 2 + place) % 5])
    with assert_queries(3):
        result = nation(criteria_set, "self")
    for line, (province, _) in zip(result.provinces, places, strict=True):
        assert (line.unit_id, line.figures) == (province.pk, matrix(province, criteria_set, "self").figures)
    whole = result.figures
    assert (whole.communes, whole.with_opinion, whole.whole_set, whole.partial) == (9, 4, 1, 1)
    assert whole.criteria_met == sum(line.figures.criteria_met or 0 for line in result.provinces)


def test_only_the_systems_administrator_sees_it(count_queries):
    criteria_set = make_set()
    province, communes = make_province(communes=3, code="96")
    say(communes[0], criteria_set, "self", ["met"] * 6)
    client = Client()
    client.force_login(member(province, Role.COORDINATOR))
    assert client.get("/matrix/nation/").status_code == 403
    client.force_login(UserFactory(is_superuser=True, is_staff=True))
    page = client.get("/matrix/nation/").content.decode()
    assert "1/3" in page and f"/matrix/?area={province.pk}" in page
    assert client.get("/matrix/nation/?set=khong-co").status_code == 404
    assert client.get("/matrix/nation/?stage=x").status_code == 404
    with count_queries() as few:
        client.get("/matrix/nation/")
    make_province(communes=6, code="97")
    with count_queries() as more:
        client.get("/matrix/nation/")
    assert len(few) == len(more) <= 8


def digest() -> str:
    rows = Revision.objects.order_by("unit__code", "indicator__code", "stage", "effective_on").values_list(
        "unit__code", "indicator__code", "stage", "effective_on", "verdict", "attainment"
    )
    return hashlib.sha256(repr([tuple(map(str, row)) for row in rows]).encode()).hexdigest()


def test_a_world_for_measuring_is_whole_and_always_the_same(settings):
    settings.DEMONSTRATION = True
    call_command("load_world", province=["93"], verbosity=0)
    criteria_set = CriteriaSet.objects.get(code="xa-ntm-2021-2025")
    assert Revision.objects.count() == 12 * Assessment.objects.filter(stage="self").count()
    for stage in Stage.values:
        standings = Standing.objects.filter(stage=stage, criteria_set=criteria_set)
        assert standings.exists() and not standings.filter(criteria_not_assessed__gt=0).exists()
    call_command("rebuild_standings", check=True, verbosity=0)
    assert digest() == "915d2603e3aff22f70f215aa10f1db29d9eff6a36f9407094964174c2ef54691"
    with pytest.raises(CommandError, match="trống"):
        call_command("load_world", province=["93"], verbosity=0)


def test_invented_results_stay_out_of_service(settings):
    settings.DEMONSTRATION = False
    with pytest.raises(CommandError, match="demonstration"):
        call_command("load_world", national=True)


def test_a_past_day_is_the_sum_of_its_provinces_then():
    criteria_set = make_set(first_year=2021)
    places = [make_province(communes=3, districts=2, code=code) for code in ("96", "97", "98")]
    for number, (_, communes) in enumerate(places[:2]):
        for place, commune in enumerate(communes):
            say(
                commune,
                criteria_set,
                "self",
                (["met"] * 6, ["met"] * 5 + ["not_met"], ["met"])[place],
                date(2024, 3, 1),
            )
            say(commune, criteria_set, "self", ["not_met"] * (5 + number), date(2024, 5, 1))
    Unit.objects.filter(pk=places[2][1][0].pk).update(closed_on=date(2024, 4, 1))
    moment = Moment(date(2024, 3, 31))
    then, now = nation(criteria_set, "self", moment), nation(criteria_set, "self")
    assert [line.communes for line in then.provinces] == [3, 3, 3]
    assert [line.communes for line in now.provinces] == [3, 3, 2]
    for line, (province, _) in zip(then.provinces, places, strict=True):
        assert (line.unit_id, line.figures) == (
            province.pk,
            matrix(province, criteria_set, "self", moment=moment).figures,
        )
    assert (then.figures.with_opinion, then.figures.whole_set, then.figures.partial) == (4, 2, 2)
    assert now.figures.whole_set == 0
    # Today by the revisions is today by the standings.
    assert nation(criteria_set, "self", Moment(today())).provinces == now.provinces


def test_the_page_and_workbook_of_a_past_day(monkeypatch):
    criteria_set = make_set(first_year=2021)
    province, communes = make_province(communes=3, code="96")
    say(communes[0], criteria_set, "self", ["met"] * 6, date(2024, 3, 1))
    say(communes[0], criteria_set, "self", ["not_met"] * 6, date(2024, 5, 1))
    person = UserFactory(is_superuser=True, is_staff=True)
    client = Client()
    client.force_login(person)
    url = "/matrix/nation/?as_of=2024-03-31&stage=self"
    page = client.get(url).content.decode()
    assert "Đang xem quá khứ" in page and "31/03/2024" in page
    link = f"/matrix/?area={province.pk}&set={criteria_set.code}&stage=self&as_of=2024-03-31"
    assert link in page or link.replace("&", "&amp;") in page
    for bad in ("as_of=2030-01-01", "as_of=x"):
        assert client.get(f"/matrix/nation/?{bad}").status_code == 404
        assert client.get(f"/matrix/nation.xlsx?set={criteria_set.code}&stage=self&{bad}").status_code == 404
    offered = client.get(f"/matrix/nation.xlsx?set={criteria_set.code}&stage=self&as_of=2024-03-31").content.decode()
    assert "Số liệu tính đến 31/03/2024" in offered
    # A nation too large to be waited for is offered as a report.
    monkeypatch.setattr(builders, "AT_ONCE", 2)
    waits = client.get(url).content.decode()
    assert "phải tính lại từ kết quả của 3 xã" in waits and "as_of=2024-03-31" in waits
    assert "phải tính lại" not in client.get("/matrix/nation/").content.decode()

    said, cells = [], {}
    for name, moment in (("then", Moment(date(2024, 3, 31))), ("today", Moment(today())), ("now", None)):
        target = BytesIO()
        nation_workbook(criteria_set, "self", person, lambda *told: said.append(told), target, moment)
        book = openpyxl.load_workbook(target, data_only=True)
        cells[name] = [list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets]
    assert cells["today"] == cells["now"] != cells["then"]

    def row_of(name: str) -> tuple:
        return next(row for row in cells[name][1] if row[2] == communes[0].code)

    assert row_of("then")[-4:] == (1, 3, 0, 100) and row_of("now")[-4:-1] == (1, 0, 0)
    assert row_of("then")[4:10] != row_of("now")[4:10]
    assert all(done <= of for done, of, _ in said) and said[-1][0] == said[-1][1]
