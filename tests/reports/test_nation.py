"""The nation by provinces, and the world it is measured with."""

import hashlib

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from communes.models import Role
from criteria.models import Assessment, CriteriaSet, Revision, Standing
from criteria.verdicts import Stage
from reports.matrix import matrix
from reports.nation import nation
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
