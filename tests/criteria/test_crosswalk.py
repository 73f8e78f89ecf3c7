"""From one set to the next: what continues what, earlier results shown and taken over, never converted."""

from datetime import date
from decimal import Decimal

import pytest
from django.utils import timezone

from communes.models import Role, Succession
from criteria import crosswalk
from criteria.entries import save_entry
from criteria.models import Continuation, CriteriaSet, Entry, Evidence, EvidenceLink, Indicator, Wording
from criteria.publish import Published, publish
from tests.criteria.test_entry import Place
from tests.factories import (
    CommuneFactory,
    CriteriaSetFactory,
    CriterionFactory,
    IndicatorFactory,
    MembershipFactory,
    TargetFactory,
    UserFactory,
)


class World(Place):
    """The place with a set that follows: 1.1 in per cent with a confirmed target, 1.2 yes or no."""

    def __init__(self):
        super().__init__()
        self.set.last_year = 2023
        self.set.save()
        self.next = CriteriaSetFactory(code="bo-moi", name="Bộ mới", first_year=2024, last_year=2030)
        criterion = CriterionFactory(criteria_set=self.next, number=1, name="Hạ tầng")
        self.later = IndicatorFactory(criterion=criterion, code="1.1", position=1, name="Điện an toàn")
        self.other = IndicatorFactory(criterion=criterion, code="1.2", position=2, kind="boolean", measure="")
        TargetFactory(indicator=self.later, value=Decimal(98), text="≥98%", confirmed_at=timezone.now())
        self.coordinator = MembershipFactory(unit=self.unit.province, role=Role.COORDINATOR).user

    def told(self, unit=None, *, value="96", verdict="met", indicator=None, stage="self"):
        publish(
            unit or self.unit,
            self.set,
            stage,
            [Published((indicator or self.rate).pk, verdict, date(2023, 12, 20), value=Decimal(value), note="Đã đo")],
            source="submission",
            source_ref="1",
            by=self.officer,
        )

    def tie(self, earlier, later, province=None):
        return Continuation.objects.create(earlier=earlier, later=later, province=province, entered_by=self.coordinator)

    @property
    def page(self):
        return f"/units/{self.unit.pk}/criteria/1/?set=bo-moi"

    def take(self, client, version=0, earlier=None):
        return client.post(
            f"/units/{self.unit.pk}/indicators/{self.later.pk}/take-over/",
            {"earlier": (earlier or self.rate).pk, "version": version, "confirmed": "1"},
        )


@pytest.fixture
def place(db):
    return World()


def sign_in(client, user):
    client.force_login(user)
    return client


# --- entering it -----------------------------------------------------------------------------


def typed(place, codes, seen=""):
    pk = place.later.pk
    return {f"codes-{pk}": codes, f"seen-{pk}": seen}


def test_a_coordinator_enters_what_continues_what(place, client):
    sign_in(client, place.coordinator)
    address = "/workshop/crosswalk/?earlier=bo-thu&later=bo-moi"
    assert "Ví dụ: 6.1, 6.2" in client.get(address).content.decode()
    assert client.post(address, typed(place, "1.1; 1.2 1.1")).status_code == 302
    assert set(Continuation.objects.values_list("earlier__code", "province")) == {
        ("1.1", place.unit.province_id),
        ("1.2", place.unit.province_id),
    }
    assert client.post(address, typed(place, "1.2", "1.1, 1.2")).status_code == 302
    assert list(Continuation.objects.values_list("earlier__code", flat=True)) == ["1.2"]


def test_an_unknown_code_is_told_and_nothing_is_written(place, client):
    sign_in(client, place.coordinator)
    answer = client.post("/workshop/crosswalk/?earlier=bo-thu&later=bo-moi", typed(place, "1.1, 9.9"))
    assert answer.status_code == 422
    assert "Bộ cũ không có chỉ tiêu 9.9" in answer.content.decode()
    assert 'value="1.1, 9.9"' in answer.content.decode()
    assert not Continuation.objects.exists()


def test_of_two_people_the_second_is_told(place, client):
    place.tie(place.count, place.later, place.unit.province)
    sign_in(client, place.coordinator)
    answer = client.post("/workshop/crosswalk/?earlier=bo-thu&later=bo-moi", typed(place, "1.1", ""))
    assert answer.status_code == 409
    assert "Người khác vừa sửa chỉ tiêu 1.1" in answer.content.decode()
    assert list(Continuation.objects.values_list("earlier__code", flat=True)) == ["1.2"]


def test_the_nations_rows_are_the_superusers(place, client):
    place.tie(place.count, place.later)
    sign_in(client, place.coordinator)
    client.post("/workshop/crosswalk/?earlier=bo-thu&later=bo-moi", typed(place, "1.1"))
    assert set(Continuation.objects.values_list("earlier__code", "province")) == {
        ("1.2", None),
        ("1.1", place.unit.province_id),
    }
    sign_in(client, UserFactory(is_superuser=True))
    client.post("/workshop/crosswalk/?earlier=bo-thu&later=bo-moi", typed(place, "", "1.2"))
    assert list(Continuation.objects.values_list("earlier__code", flat=True)) == ["1.1"]


@pytest.mark.parametrize("who", ["officer", "staff"])
def test_others_keep_no_crosswalk(place, client, who):
    sign_in(client, getattr(place, who))
    assert client.get("/workshop/crosswalk/").status_code == 403


def test_the_page_costs_the_same_for_many_indicators(place, client, count_queries):
    sign_in(client, place.coordinator)
    address = "/workshop/crosswalk/?earlier=bo-thu&later=bo-moi"
    client.get(address)
    with count_queries() as few:
        client.get(address)
    for position in range(3, 33):
        place.tie(place.rate, IndicatorFactory(criterion=place.later.criterion, position=position))
    with count_queries() as many:
        client.get(address)
    assert len(few) == len(many)


# --- what was told before --------------------------------------------------------------------


def test_the_earlier_result_shows_beside_the_later_indicator(place, client):
    place.told()
    sign_in(client, place.officer)
    assert "Kết quả ở bộ tiêu chí trước" not in client.get(place.page).content.decode()
    place.tie(place.rate, place.later)
    page = client.get(place.page).content.decode()
    assert "96 % · Đạt" in page
    assert "20/12/2023" in page
    assert "Lấy làm kết quả đang nhập" in page
    # Above it is read only, as the published result it is.
    page = sign_in(client, place.staff).get(place.page).content.decode()
    assert "96 % · Đạt" in page
    assert "Lấy làm kết quả đang nhập" not in page


def test_what_district_and_province_found_shows_beside_it_read_only(place, client):
    """Imported results may be theirs alone."""
    place.tie(place.rate, place.later)
    place.told(stage="district", value="91", verdict="not_met")
    place.told(stage="province", value="97")
    sign_in(client, place.officer)
    page = client.get(place.page).content.decode()
    assert page.index("91 % · Chưa đạt") < page.index("97 % · Đạt")
    assert "Kết quả thẩm tra: chỉ để tham khảo." in page
    assert "Kết quả thẩm định: chỉ để tham khảo." in page
    assert "Lấy làm kết quả đang nhập" not in page
    assert place.take(client).status_code == 404
    place.told(value="95")
    page = client.get(place.page).content.decode()
    assert page.index("95 % · Đạt") < page.index("91 % · Chưa đạt")
    assert page.count("Lấy làm kết quả đang nhập") == 1
    place.take(client)
    assert Entry.objects.get(indicator=place.later).value == 95


@pytest.mark.parametrize("path", ["crosswalk", "targets"])
def test_a_draft_of_the_nation_is_the_superusers_alone(place, client, path):
    CriteriaSetFactory(code="du-thao", name="Bộ còn bàn", first_year=2024, status="draft")
    CriteriaSetFactory(
        code="cua-tinh", name="Bộ tỉnh đang soạn", first_year=2024, status="draft", province=place.unit.province
    )
    sign_in(client, place.coordinator)
    page = client.get(f"/workshop/{path}/").content.decode()
    assert "Bộ tỉnh đang soạn" in page
    assert "Bộ còn bàn" not in page
    named = "?earlier=bo-thu&later=du-thao" if path == "crosswalk" else "?set=du-thao"
    assert client.get(f"/workshop/{path}/{named}").status_code == 404
    sign_in(client, UserFactory(is_superuser=True))
    assert "Bộ còn bàn" in client.get(f"/workshop/{path}/").content.decode()
    assert client.get(f"/workshop/{path}/{named}").status_code == 200


def test_the_groups_of_a_draft_of_the_nation_are_not_offered_yet(place, client):
    draft = CriteriaSetFactory(code="du-thao", status="draft", variants=[{"code": "nhom-moi", "name": "Nhóm còn bàn"}])
    sign_in(client, place.coordinator)
    assert "Nhóm còn bàn" not in client.get("/workshop/groups/").content.decode()
    draft.status = "published"
    draft.save()
    assert "Nhóm còn bàn" in client.get("/workshop/groups/").content.decode()


def test_another_provinces_row_says_nothing_here(place, client):
    place.told()
    place.tie(place.rate, place.later, CommuneFactory().province)
    assert "96 % · Đạt" not in sign_in(client, place.officer).get(place.page).content.decode()


def test_taking_it_over_makes_a_draft_with_its_documents(place, client):
    place.told(value="99")
    place.tie(place.rate, place.later)
    paper = Evidence.objects.create(
        unit=place.unit, form="paper", title="Biên bản đo", kept_at="UBND xã", uploaded_by=place.officer
    )
    EvidenceLink.objects.create(evidence=paper, unit=place.unit, indicator=place.rate, created_by=place.officer)
    answer = place.take(sign_in(client, place.officer))
    assert answer.status_code == 302
    entry = Entry.objects.get(indicator=place.later)
    assert (entry.value, entry.verdict, entry.is_unsent) == (Decimal(99), "met", True)
    assert entry.effective_on == date(2024, 6, 30)  # its own day lies before the new set
    assert "số liệu ngày 20/12/2023" in entry.note
    assert EvidenceLink.objects.get(indicator=place.later).evidence == paper
    # The second click finds the row changed and takes nothing twice.
    place.take(client)
    assert Entry.objects.get(indicator=place.later).version == 1
    assert EvidenceLink.objects.filter(indicator=place.later).count() == 1


def test_a_verdict_the_new_target_contradicts_stays_behind(place, client):
    place.told(value="96")
    place.tie(place.rate, place.later)
    page = sign_in(client, place.officer)
    answer = place.take(page)
    entry = Entry.objects.get(indicator=place.later)
    assert (entry.value, entry.verdict) == (Decimal(96), "")
    assert "chọn lại mức đánh giá" in page.get(answer.url).content.decode()


def test_an_indicator_of_another_kind_is_for_reading_only(place, client):
    place.told()
    place.tie(place.rate, place.other)
    page = sign_in(client, place.officer).get(place.page).content.decode()
    assert "Hai chỉ tiêu tính khác nhau" in page
    client.post(
        f"/units/{place.unit.pk}/indicators/{place.other.pk}/take-over/", {"earlier": place.rate.pk, "version": 0}
    )
    assert not Entry.objects.filter(indicator=place.other).exists()


def test_a_merged_units_result_is_for_reading_only(place, client):
    old = CommuneFactory(parent=place.district, name="Tân Xã", closed_on=date(2024, 1, 1))
    Succession.objects.create(predecessor=old, successor=place.unit, effective_on=date(2024, 1, 1))
    place.told(old)
    place.tie(place.rate, place.later)
    page = sign_in(client, place.officer).get(place.page).content.decode()
    assert "Kết quả của xã Tân Xã trước khi sáp nhập" in page
    assert place.take(client).status_code == 404
    assert not Entry.objects.exists()


def test_another_day_is_asked_about_and_told(place, client):
    """The result of 2023 would be entered for a day of the new set."""
    place.told(value="99")
    place.tie(place.rate, place.later)
    address = f"/units/{place.unit.pk}/indicators/{place.later.pk}/take-over/"
    asked = sign_in(client, place.officer).post(address, {"earlier": place.rate.pk, "version": 0})
    page = asked.content.decode()
    assert asked.status_code == 200 and not Entry.objects.exists()
    assert "Số liệu của 20/12/2023 sẽ ghi cho ngày <strong>30/06/2024</strong>" in page and "Đang nhập" not in page
    done = place.take(client)
    page = client.get(done.url).content.decode()
    assert "Số liệu của 20/12/2023 ghi cho ngày 30/06/2024; kiểm tra lại." in page


def test_a_draft_is_not_replaced_without_saying_both_values(place, client):
    # The sets overlap, so that the day is the same.
    CriteriaSet.objects.filter(code="bo-moi").update(first_year=2023)
    place.told(value="99")
    place.tie(place.rate, place.later)
    later = Indicator.objects.select_related("criterion__criteria_set").get(pk=place.later.pk)
    save_entry(
        place.unit, later.criterion.criteria_set, later, {"value": Decimal("98.5"), "verdict": "met"},
        effective_on=date(2024, 5, 31), seen_version=0, by=place.officer,
    )  # fmt: skip
    address = f"/units/{place.unit.pk}/indicators/{place.later.pk}/take-over/"
    asked = sign_in(client, place.officer).post(address, {"earlier": place.rate.pk, "version": 1})
    page = asked.content.decode()
    assert "99 % · Đạt · số liệu ngày 20/12/2023" in page and "98,5 % · Đạt · số liệu ngày 31/05/2024" in page
    assert "sẽ ghi cho ngày" not in page
    assert Entry.objects.get().value == Decimal("98.5")
    place.take(client, version=0)
    assert Entry.objects.get().value == Decimal("98.5")  # who hasn't seen the draft is told
    place.take(client, version=1)
    entry = Entry.objects.get()
    assert (entry.value, entry.effective_on) == (Decimal(99), date(2023, 12, 20))


@pytest.mark.parametrize(("who", "status"), [("neighbour", 404), ("staff", 403), ("coordinator", 403)])
def test_only_the_communes_own_people_take_over(place, client, who, status):
    place.told()
    place.tie(place.rate, place.later)
    assert place.take(sign_in(client, getattr(place, who))).status_code == status
    assert not Entry.objects.exists()


@pytest.mark.parametrize("data", [{}, {"earlier": "x", "version": "0"}, {"earlier": 10**30, "version": 0}])
def test_a_forged_request_finds_nothing(place, client, data):
    sign_in(client, place.officer)
    assert client.post(f"/units/{place.unit.pk}/indicators/{place.later.pk}/take-over/", data).status_code == 404


def test_reading_earlier_results_costs_the_same_for_many(place, count_queries):
    place.told()
    place.tie(place.rate, place.later)
    officer = type(place.officer).objects.get(pk=place.officer.pk)
    with count_queries() as few:
        assert crosswalk.earlier_results(place.unit, [place.later], officer)
    more = [IndicatorFactory(criterion=place.later.criterion, position=position) for position in range(3, 33)]
    for indicator in more:
        place.tie(place.rate, indicator)
    officer = type(place.officer).objects.get(pk=place.officer.pk)
    with count_queries() as many:
        assert len(crosswalk.earlier_results(place.unit, [place.later, *more], officer)) == 31
    assert len(few) == len(many)


def test_each_earlier_result_reads_as_on_its_own_day(place, client):
    """The district's came after the wording was amended, the commune's before."""
    district = Published(place.rate.pk, "met", date(2023, 12, 30), value=Decimal(96))
    place.told()
    publish(place.unit, place.set, "district", [district], source="visit", source_ref="2", by=place.officer)
    Wording.objects.create(indicator=place.rate, starts_on=date(2023, 12, 25), name="Lời văn sửa đổi", decision="QĐ")
    CriteriaSet.objects.filter(pk=place.set.pk).update(has_wordings=True)
    place.tie(place.rate, place.later)
    found = crosswalk.earlier_results(place.unit, [place.later], place.officer)[place.later.pk]
    assert {one.stage: one.indicator.name for one in found} == {
        "self": place.rate.name,
        "district": "Lời văn sửa đổi",
    }
