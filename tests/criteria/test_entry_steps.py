"""Several rows in one step: "Không thay đổi", and "Đạt cho các dòng đã chọn"."""

from datetime import date
from decimal import Decimal

import pytest
from django.utils import timezone

from criteria import entry_steps
from criteria.entries import Stale
from criteria.models import CriterionOwner, Entry, ReportingPeriod, Target
from tests.criteria.test_entry import HTMX, Place
from tests.factories import CriterionFactory, IndicatorFactory, TargetFactory

LAST_MONTH, PERIOD_END = date(2024, 5, 31), date(2024, 6, 15)


class Steps(Place):
    """Rows told for May, an open period that ends in the middle of June, a yes/no row of another criterion."""

    def __init__(self):
        super().__init__()
        ReportingPeriod.objects.create(
            area=self.district, kind="ad_hoc", name="Giữa năm", ends_on=PERIOD_END, due_on="2024-06-20"
        )
        self.other = IndicatorFactory(
            criterion=CriterionFactory(criteria_set=self.set, number=2), code="2.1", kind="boolean", measure=""
        )
        TargetFactory(indicator=self.other, operator="pass", value=None, text="Đạt")

    def tell(self, indicator, verdict="met", day=LAST_MONTH, **more):
        return Entry.objects.create(
            unit=self.unit, indicator=indicator, verdict=verdict, effective_on=day, updated_by=self.helper,
            version=1, sent_version=1, **more,
        )  # fmt: skip

    def renew(self, client, seen, number=1, **headers):
        return client.post(self.url(f"criteria/{number}/unchanged"), {"seen": seen}, **headers)

    def met(self, client, *chosen, **headers):
        return client.post(self.url("entry/met"), {"chosen": chosen}, **headers)


@pytest.fixture
def place(db):
    return Steps()


@pytest.fixture
def officer(place, client):
    client.force_login(place.officer)
    return client


# --- nothing changed -------------------------------------------------------------------------


def test_unchanged_rows_hold_on_the_default_day(place, officer):
    rate, yes = place.tell(place.rate, value=Decimal(96), attainment=100), place.tell(place.yes, attainment=100)
    answer = place.renew(officer, f"{rate.indicator_id}:1 {yes.indicator_id}:1", **HTMX)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Đã ghi thời điểm số liệu 15/06/2024 cho 2 dòng của tiêu chí 1." in page
    assert page.count('hx-swap-oob="true"') == 4  # two rows, the bar, whether something is unsent
    assert answer["HX-Trigger"] == "row-saved"
    for entry in (rate, yes):
        entry.refresh_from_db()
        assert (entry.effective_on, entry.version, entry.updated_by) == (PERIOD_END, 2, place.officer)
    assert (rate.value, rate.verdict) == (96, "met")
    assert not Entry.objects.filter(indicator=place.count).exists()
    again = place.renew(officer, f"{rate.indicator_id}:2 {yes.indicator_id}:2", **HTMX).content.decode()
    assert "không có dòng nào cần ghi lại" in again
    assert set(Entry.objects.values_list("version", flat=True)) == {2}


def test_a_value_that_no_longer_stands_is_left_with_the_reason(place, officer):
    rate = place.tell(place.rate, value=Decimal(96), attainment=100)
    yes = place.tell(place.yes, attainment=100)
    Target.objects.filter(indicator=place.rate).update(value=98, text="≥98%")
    page = place.renew(officer, f"{rate.indicator_id}:1 {yes.indicator_id}:1", **HTMX).content.decode()
    assert "cho 1 dòng của tiêu chí 1" in page
    assert "1.1: Kết quả 96 chưa đạt yêu cầu ≥98%" in page
    rate.refresh_from_db()
    assert (rate.effective_on, rate.version) == (LAST_MONTH, 1)


def test_rows_told_for_a_later_day_stay(place, officer):
    later = place.tell(place.yes, day=date(2024, 6, 28), attainment=100)
    place.renew(officer, f"{later.indicator_id}:1")
    later.refresh_from_db()
    assert (later.effective_on, later.version) == (date(2024, 6, 28), 1)


@pytest.mark.parametrize("seen", ["", "1", "{pk}:7", "{pk}:1 999999:1", "{pk}:x"])
def test_a_row_changed_meanwhile_stops_the_whole_step(place, officer, seen):
    rate = place.tell(place.rate, value=Decimal(96), attainment=100)
    answer = place.renew(officer, seen.format(pk=rate.indicator_id), **HTMX)
    assert answer.status_code == 409
    assert "Chưa ghi gì" in answer.content.decode()
    rate.refresh_from_db()
    assert rate.effective_on == LAST_MONTH


def test_a_row_saved_by_another_while_the_step_writes_undoes_all_of_it(place, officer, monkeypatch):
    rate, yes = place.tell(place.rate, value=Decimal(96), attainment=100), place.tell(place.yes, attainment=100)
    write = entry_steps.write_entry

    def race(unit, criteria_set, indicator, *args, **options):
        if indicator == place.yes:
            raise Stale(None)
        return write(unit, criteria_set, indicator, *args, **options)

    monkeypatch.setattr(entry_steps, "write_entry", race)
    assert place.renew(officer, f"{rate.indicator_id}:1 {yes.indicator_id}:1", **HTMX).status_code == 409
    assert set(Entry.objects.values_list("version", "effective_on")) == {(1, LAST_MONTH)}


def test_without_script_the_step_answers_with_the_page(place, officer):
    rate = place.tell(place.rate, value=Decimal(96), attainment=100)
    page = officer.get(place.url("criteria/1")).content.decode()
    assert f'name="seen" value="{rate.indicator_id}:1"' in page
    answer = officer.post(
        place.url("criteria/1/unchanged") + "?set=bo-thu", {"seen": f"{rate.indicator_id}:1"}, follow=True
    )
    assert "cho 1 dòng của tiêu chí 1" in answer.content.decode()
    assert "Tiêu chí 1" in answer.content.decode()


def test_a_saved_row_brings_the_button_its_new_version(place, officer):
    place.tell(place.rate, value=Decimal(96), attainment=100)
    answer = officer.post(
        place.url("entry", place.rate),
        {"version": 1, "effective_on": "2024-06-01", "value": "97", "verdict": "met"},
        **HTMX,
    )
    assert f'name="seen" value="{place.rate.pk}:2"' in answer.content.decode()


# --- met for those ticked --------------------------------------------------------------------


def test_ticked_rows_are_met_on_the_default_day(place, officer):
    told = place.tell(place.other, "not_met", attainment=0, note="Đang làm")
    answer = place.met(officer, f"{place.yes.pk}:0", f"{place.other.pk}:1", **HTMX)
    page = answer.content.decode()
    assert "Đã ghi Đạt cho 2 dòng, thời điểm số liệu 15/06/2024." in page
    assert 'id="bar-1"' in page
    assert 'id="bar-2"' in page
    told.refresh_from_db()
    assert (told.verdict, told.note, told.version, told.effective_on) == ("met", "Đang làm", 2, PERIOD_END)
    assert Entry.objects.get(indicator=place.yes).verdict == "met"


def test_a_row_of_figures_is_left_with_the_reason(place, officer):
    page = place.met(officer, f"{place.yes.pk}:0", f"{place.rate.pk}:0", **HTMX).content.decode()
    assert "Đã ghi Đạt cho 1 dòng" in page
    assert "1.1: Chỉ đánh giá chung được cho chỉ tiêu có/không." in page
    assert not Entry.objects.filter(indicator=place.rate).exists()


def test_a_yes_no_row_whose_confirmed_target_asks_for_a_figure_is_left(place, officer):
    Target.objects.filter(indicator=place.yes).update(operator=">=", value=5, confirmed_at=timezone.now())
    page = place.met(officer, f"{place.yes.pk}:0", **HTMX).content.decode()
    assert "Đã ghi Đạt cho 0 dòng" in page
    assert "1.3: Nhập kết quả thực hiện" in page
    assert not Entry.objects.exists()


def test_a_row_told_for_a_later_day_is_left(place, officer):
    place.tell(place.other, "not_met", day=date(2024, 6, 28), attainment=0)
    page = place.met(officer, f"{place.other.pk}:1", **HTMX).content.decode()
    assert "2.1: Dòng đang có số liệu ngày 28/06/2024" in page
    assert Entry.objects.get().verdict == "not_met"


def test_a_ticked_row_changed_meanwhile_stops_them_all(place, officer):
    place.tell(place.other, "not_met", attainment=0)
    answer = place.met(officer, f"{place.yes.pk}:0", f"{place.other.pk}:0", **HTMX)
    assert answer.status_code == 409
    assert "Chỉ tiêu 2.1 vừa được sửa" in answer.content.decode()
    assert Entry.objects.get().verdict == "not_met"


@pytest.mark.parametrize("chosen", [[], ["x"], [""], ["9" * 30 + ":1"]])
def test_nothing_ticked_says_what_to_do(place, officer, chosen):
    answer = place.met(officer, *chosen, **HTMX)
    assert answer.status_code == 422
    assert "Chưa chọn dòng nào" in answer.content.decode()


def test_a_row_of_another_set_is_no_row_of_this_one(place, officer):
    assert place.met(officer, f"{10**6}:0", f"{place.yes.pk}:0", **HTMX).status_code == 409
    assert not Entry.objects.exists()


def test_the_page_offers_ticks_where_they_can_help(place, officer):
    place.tell(place.other, attainment=100)
    page = officer.get(place.url("entry")).content.decode()
    assert f'value="{place.yes.pk}:0"' in page
    assert f'name="chosen" value="{place.other.pk}:' not in page
    assert f'name="chosen" value="{place.rate.pk}:' not in page


# --- both ------------------------------------------------------------------------------------


def test_who_may_take_steps(place, client):
    rate = place.tell(place.rate, value=Decimal(96), attainment=100)
    for person, status in ((place.staff, 403), (place.neighbour, 404)):
        client.force_login(person)
        assert place.renew(client, f"{rate.indicator_id}:1").status_code == status
        assert place.met(client, f"{place.yes.pk}:0").status_code == status
    client.force_login(place.officer)
    assert place.renew(client, "", number=77).status_code == 404
    assert client.get(place.url("entry/met")).status_code == 405
    assert Entry.objects.get().effective_on == LAST_MONTH


def test_rows_that_another_answers_for_are_left_to_them(place, client):
    """An officer may write where nobody answers for the criterion, or they do."""
    CriterionOwner.objects.create(
        unit=place.unit, criterion=place.other.criterion, user=place.officer, name="Cán bộ môi trường",
        role="lead", starts_on=date(2024, 1, 1),
    )  # fmt: skip
    told = place.tell(place.other, "not_met", attainment=0)
    client.force_login(place.helper)
    assert place.renew(client, f"{place.other.pk}:1", number=2).status_code == 403
    page = place.met(client, f"{place.yes.pk}:0", f"{place.other.pk}:1", **HTMX).content.decode()
    assert "Đã ghi Đạt cho 1 dòng" in page
    assert "2.1: Tiêu chí 2 do Cán bộ môi trường phụ trách." in page
    pasted = client.post(place.url("entry/paste"), {"text": "2.1\tĐạt", "day": "2024-06-15"})
    assert [line.reason for line in pasted.context["lines"]] == ["Tiêu chí 2 do Cán bộ môi trường phụ trách."]
    told.refresh_from_db()
    assert told.verdict == "not_met"
    # The page offers none of it there.
    entry = client.get(place.url("entry")).content.decode()
    assert "/criteria/2/unchanged/" not in entry
    assert f'value="{place.other.pk}:1"' not in entry
    assert "data-step" not in client.get(place.url("criteria/2")).content.decode()


def test_reading_for_a_step_asks_no_more_for_more_rows(place, officer, count_queries):
    """Only the writes themselves grow: one for each row."""

    def count():
        seen = " ".join(f"{entry.indicator_id}:{entry.version}" for entry in Entry.objects.all())
        rows = Entry.objects.count()
        with count_queries() as queries:
            assert place.renew(officer, seen, **HTMX).status_code == 200
        return len(queries) - rows

    place.tell(place.rate, value=Decimal(96), attainment=100)
    few = count()
    for number in range(30):
        indicator = IndicatorFactory(criterion=place.rate.criterion, code=f"1.{number + 10}", position=number + 10)
        place.tell(indicator, "not_met", attainment=0)
    Entry.objects.update(effective_on=LAST_MONTH)
    assert count() == few
