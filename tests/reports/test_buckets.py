"""Nhóm xã theo số tiêu chí: what a province sets is printed from then on, for all its forms or for one."""

import json
from datetime import UTC, date, datetime

import pytest
from django.test import Client
from django.utils import timezone

from communes.models import Role
from criteria import period_steps
from criteria.buckets import FIRST, buckets_in_force, gaps, in_words, keep_former, problems, record
from criteria.models import BucketScheme, ReportingPeriod
from criteria.state import Moment
from reports.matrix import matrix
from reports.tables.headline import buckets_table
from tests.reports.worlds import make_province, make_set, member, say

pytestmark = pytest.mark.django_db
OWN = [{"label": "8–9", "min": 8, "max": 9}, {"label": "< 8", "min": 0, "max": 7}]
MAY = date(2024, 5, 31)


class Place:
    def __init__(self):
        self.set = make_set(criteria=9, indicators=1, first_year=2021)
        self.province, self.communes = make_province(communes=3, districts=1)
        self.coordinator = member(self.province, Role.COORDINATOR)
        for unit, met in zip(self.communes, (9, 8, 3), strict=True):
            say(unit, self.set, "self", ["met"] * met + ["not_met"] * (9 - met), MAY)

    def client(self, user=None):
        client = Client()
        client.force_login(user or self.coordinator)
        return client

    def typed(self, *lines, seen=0, **more):
        data = {"province": self.province.pk, "set": self.set.code, "form": "", "seen": seen} | more
        for place, (label, low, high) in enumerate(lines):
            data |= {f"label_{place}": label, f"min_{place}": low, f"max_{place}": high}
        return data

    def post(self, *lines, **more):
        return self.client().post("/reports/settings/buckets/", self.typed(*lines, **more))

    def labels(self, form="01", area=None, **moment):
        return [one["label"] for one in buckets_in_force(area or self.province, self.set, form, **moment)]

    def counts(self, form="01", moment=None):
        result = matrix(self.province, self.set, "self", self.coordinator, moment)
        return [tuple(one)[:2] for one in result.counted(result.scheme(form))]


@pytest.fixture
def place():
    return Place()


def row(label, low, high):
    return {"label": label, "min": low, "max": high}


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([row("8–9", 8, 9), row("< 8", None, 7)], []),
        ([row("8–9", 8, None), None, row("0", 0, 0)], []),
        ([None, None], [(-1, "", "ít nhất một nhóm")]),
        ([row("", 8, 9)], [(0, "label", "tên nhóm")]),
        ([row("Cao", None, None)], [(0, "min", "cột Từ")]),
        ([row("x", 9, 8)], [(0, "min", "lớn hơn")]),
        ([row("x", 0, 10)], [(0, "max", "chỉ có 9")]),
        ([row("x", 10, None)], [(0, "min", "chỉ có 9")]),
        ([row("a", 5, 9), row("b", 3, 5)], [(1, "min", "“a” ở 5 tiêu chí")]),
        ([row("a", 5, 9), row("b", 3, 6)], [(1, "min", "“a” ở 5–6 tiêu chí")]),
        ([row("8-9", 8, 9), row("8–9", 0, 1)], [(1, "label", "đã có")]),
        ([row("Ngoài các nhóm", 8, 9)], [(0, "label", "dành cho")]),
    ],
)
def test_what_is_wrong_with_the_lines(rows, found):
    said = problems(rows, 9)
    assert [one[:2] for one in said] == [one[:2] for one in found]
    for (*_, message), (*_, words) in zip(said, found, strict=True):
        assert words in message


def test_gaps_and_words():
    assert gaps(OWN, 9) == "" and gaps([row("a", 8, 9), row("b", 3, 6)], 9) == "0–2, 7"
    assert [in_words(label) for label in ("8–9", "< 8", "≥ 8", "Khá")] == [
        "8–9 tiêu chí",
        "< 8 tiêu chí",
        "≥ 8 tiêu chí",
        "Khá",
    ]


def test_a_coordinator_sets_the_groups_of_all_forms(place):
    assert place.client().get("/reports/settings/buckets/").status_code == 200
    answer = place.post(("8-9", "8", "9"), ("", "", ""), ("< 8", "", "7"))
    assert answer.status_code == 302
    assert BucketScheme.objects.get().buckets == OWN
    for form in ("01", "03", "22", ""):
        assert place.counts(form) == [("8–9", 2), ("< 8", 1)]
    query = f"?area={place.province.pk}&set={place.set.code}&stage=self"
    page = place.client().get(f"/matrix/{query}").content.decode()
    assert "8–9 tiêu chí" in page and "15–18" not in page
    narrowed = place.client().get(f"/matrix/{query}&bucket=%3C+8").content.decode()
    assert f">{place.communes[2].name}<" in narrowed and f">{place.communes[0].name}<" not in narrowed
    headline = place.client().get(f"/reports/tables/headline/{query}").content.decode()
    assert "&lt; 8 tiêu chí" in headline
    brief = place.client().get(f"/reports/brief/{place.province.pk}/{query}").content.decode()
    assert "8–9 tiêu chí: 2 xã (66,7 %)" in brief
    settings = place.client().get("/reports/settings/buckets/").content.decode()
    assert place.coordinator.get_full_name() in settings and "từ 8 đến 9" in settings


def test_one_form_may_have_its_own_and_go_back(place):
    place.post(("8–9", "8", "9"), ("< 8", "0", "7"))
    place.post(("9", "9", "9"), ("0–8", "0", "8"), form="03")
    assert place.labels("03") == ["9", "0–8"] and place.labels("01") == ["8–9", "< 8"]
    of_form, of_all = BucketScheme.objects.order_by("-pk")
    assert place.post(form="03", own="1", seen=of_form.pk).status_code == 302
    assert place.labels("03") == ["8–9", "< 8"]
    assert place.post(("x", "z", ""), own="1", seen=of_all.pk).status_code == 302
    assert place.labels("03") == place.labels("01") == ["19", "15–18", "10–14", "5–9", "<5"]
    assert BucketScheme.objects.count() == 4


def test_groups_are_the_provinces_own(place):
    place.post(("8–9", "8", "9"), ("< 8", "0", "7"))
    other, _ = make_province(communes=0)
    district = place.communes[0].district
    assert place.labels(area=other)[0] == "19" and place.labels(area=district)[0] == "8–9"
    stranger = member(other, Role.COORDINATOR)
    place.client(stranger).post("/reports/settings/buckets/", place.typed(("9", "9", "9")))
    assert not BucketScheme.objects.filter(province=place.province, recorded_by=stranger).exists()
    viewer = member(place.province, Role.VIEWER)
    assert place.client(viewer).post("/reports/settings/buckets/", place.typed()).status_code == 403


def test_what_was_typed_is_kept_when_refused(place):
    answer = place.post(("Khá", "7", "9"), ("Yếu", "0", "7"), ("Không số", "x", ""))
    page = answer.content.decode()
    assert answer.status_code == 422 and not BucketScheme.objects.exists()
    for told in (
        'value="Khá"',
        'value="Yếu"',
        'value="x"',
        "Trùng với nhóm “Khá” ở 7 tiêu chí",
        "số nguyên từ 0 đến 9",
    ):
        assert told in page
    assert place.post().status_code == 422
    for bad in ({"form": "04"}, {"set": "khong-co"}):
        assert place.post(("9", "9", "9"), **bad).status_code == 404
    assert place.post(("9", "9", "9"), seen="x").status_code == 422


def test_a_gap_is_allowed_and_said(place):
    client = place.client()
    answer = client.post("/reports/settings/buckets/", place.typed(("9", "9", "9"), ("0–2", "0", "2")), follow=True)
    assert "Xã đạt 3–8 tiêu chí không thuộc nhóm nào" in answer.content.decode()
    assert place.counts() == [("9", 1), ("0–2", 0), ("Ngoài các nhóm", 2)]


def test_who_saved_on_an_older_state_is_told(place):
    place.post(("8–9", "8", "9"), ("< 8", "0", "7"))
    answer = place.post(("9", "9", "9"))
    page = answer.content.decode()
    assert answer.status_code == 409 and "vừa lưu nhóm xã" in page
    assert f'name="seen" value="{BucketScheme.objects.get().pk}"' in page and 'value="9"' in page


def test_a_closed_period_keeps_the_groups_it_was_closed_with(place):
    record(place.province, place.set, "", OWN, seen=0, by=place.coordinator)
    period = ReportingPeriod.objects.create(area=place.province, kind="month", name="Tháng 5", ends_on=MAY, due_on=MAY)
    period = period_steps.close(period, by=place.coordinator)
    closed = Moment(MAY, period.closed_at)
    before = place.counts(moment=closed)
    newer = record(
        place.province, place.set, "", [row("9", 9, 9), row("0–8", 0, 8)], seen=BucketScheme.objects.get().pk,
        by=place.coordinator,
    )  # fmt: skip
    assert place.counts(moment=closed) == before == [("8–9", 2), ("< 8", 1)]
    assert place.counts(moment=Moment(MAY)) == place.counts() == [("9", 1), ("0–8", 2)]
    record(place.province, place.set, "", [], seen=newer.pk, by=place.coordinator)
    assert place.counts(moment=closed) == before


def test_closed_periods_keep_the_sets_own_groups_too(place):
    was, known_at = place.set.buckets, timezone.now()
    place.set.buckets = OWN
    place.set.save()
    keep_former(place.set, was, by=place.coordinator)
    keep_former(place.set, OWN)
    assert place.labels() == ["8–9", "< 8"]
    assert place.labels(known_at=known_at)[0] == place.labels(known_at=FIRST)[0] == "19"
    assert BucketScheme.objects.count() == 2


def test_the_admin_keeps_the_former_groups_of_a_set(place):
    root = member(place.province, Role.COORDINATOR)
    root.is_superuser = root.is_staff = True
    root.save()
    client = place.client(root)
    address, known_at = f"/admin/criteria/criteriaset/{place.set.pk}/change/", timezone.now()
    form = client.get(address).context["adminform"].form
    data = {name: "" if (value := form[name].value()) is None else value for name in form.fields}
    answer = client.post(address, data | {"buckets": json.dumps(OWN)} | management_form())
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert place.labels() == ["8–9", "< 8"] and place.labels(known_at=known_at)[0] == "19"


def management_form():
    return {f"criteria-{name}": 0 for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")}


def test_earlier_figures_are_counted_in_the_same_groups(place):
    """A change of groups isn't a change of communes."""
    record(place.province, place.set, "", OWN, seen=0, by=place.coordinator)
    now = matrix(place.province, place.set, "self", place.coordinator)
    early = Moment(MAY, datetime(2024, 6, 5, tzinfo=UTC))
    then = matrix(place.province, place.set, "self", place.coordinator, early)
    assert then.scheme()[0]["label"] == "19"
    from reports.moments import Comparison

    table = buckets_table(now, [(Comparison("before", "Kỳ trước", early), then)], "03")
    assert [line.cells[:2] for line in table.lines[:-1]] == [("8–9 tiêu chí", 2), ("< 8 tiêu chí", 1)]
    assert [line.cells[3] for line in table.lines[:-1]] == [2, 1]


def test_queries_do_not_grow(place, count_queries):
    counts = []
    for size in (3, 30):
        for number in range(size):
            newest = BucketScheme.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
            record(place.province, place.set, "", [row(str(number % 9), 0, 9)], seen=newest, by=place.coordinator)
        client = place.client()
        client.get("/reports/settings/buckets/")
        with count_queries() as queries:
            client.get("/reports/settings/buckets/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
