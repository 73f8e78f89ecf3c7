"""What stands beside a row: the default day, the last period's value, the base figure of its whole."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from criteria.hints import add_hints
from criteria.models import BaseFigure, Entry, Indicator, ReportingPeriod, Revision
from criteria.models.base_figures import FIGURES
from criteria.nouns import whole_noun
from criteria.periods import default_day, periods_of
from criteria.sheets import sheets
from criteria.state import state_on
from tests.criteria.test_entry import Place, post
from tests.factories import CommuneFactory, IndicatorFactory, TargetFactory


@pytest.fixture
def place(db):
    return Place()


@pytest.fixture
def officer(place, client):
    client.force_login(place.officer)
    return client


def period(area, ends_on, *, due_on=None, closed=False, kind="month"):
    return ReportingPeriod.objects.create(
        area=area,
        kind=kind,
        name=f"Kỳ {ends_on}",
        ends_on=ends_on,
        due_on=due_on or ends_on + timedelta(days=5),
        closed_at=timezone.now() if closed else None,
    )


def told(place, indicator, day, **columns):
    return Revision.objects.create(
        unit=place.unit, indicator=indicator, stage="self", effective_on=day, recorded_by=place.officer,
        source="submission", recorded_at=timezone.now() - timedelta(days=2), **columns,
    )  # fmt: skip


# --- the default day -------------------------------------------------------------------------


def test_new_rows_are_told_for_the_end_of_the_open_period(place, officer):
    period(place.unit.province, date(2024, 4, 30), closed=True)
    period(place.district, date(2024, 5, 31))
    page = officer.get(place.url("criteria/1")).content.decode()
    assert page.count('name="effective_on" value="2024-05-31"') == 3
    assert 'max="2024-06-30"' in page
    post(officer, place, place.rate, value="98", verdict="met", effective_on="2024-06-01")
    assert 'value="2024-06-01"' in officer.get(place.url("criteria/1")).content.decode()


@pytest.mark.parametrize(
    ("ends_on", "expected"),
    [
        (date(2024, 5, 31), date(2024, 5, 31)),
        (date(2024, 6, 30), date(2024, 6, 30)),
        (date(2024, 7, 31), date(2024, 6, 30)),  # in the future
    ],
)
def test_the_default_day_is_one_on_which_a_state_can_hold(place, ends_on, expected):
    period(place.district, ends_on)
    assert default_day(place.unit, place.set, periods_of(place.unit)) == expected


def test_a_period_before_the_set_or_the_commune_is_no_default_day(place):
    period(place.district, date(2023, 6, 30))
    place.set.first_year = 2024
    assert default_day(place.unit, place.set, periods_of(place.unit)) == date(2024, 6, 30)
    place.set.first_year, place.unit.opened_on = 2021, date(2024, 1, 1)
    assert default_day(place.unit, place.set, periods_of(place.unit)) == date(2024, 6, 30)


def test_the_period_due_next_counts_and_only_those_of_the_units_places(place):
    assert periods_of(place.unit).current is None
    later = period(place.district, date(2024, 6, 30), due_on=date(2024, 7, 10), kind="half_year")
    sooner = period(place.unit.province, date(2024, 5, 31), due_on=date(2024, 7, 1))
    period(CommuneFactory().district, date(2024, 5, 15), due_on=date(2024, 5, 20))
    assert periods_of(place.unit).current.ends_on == sooner.ends_on
    ReportingPeriod.objects.filter(pk=sooner.pk).update(closed_at=timezone.now())
    found = periods_of(place.unit)
    assert (found.current.ends_on, found.previous.ends_on) == (later.ends_on, sooner.ends_on)


# --- the last period's value -----------------------------------------------------------------


def test_the_value_at_the_end_of_the_last_period_stands_in_grey(place, officer):
    period(place.district, date(2024, 4, 30), closed=True)
    period(place.district, date(2024, 6, 30))
    told(place, place.rate, date(2024, 3, 1), value=Decimal("91.5"), verdict="nearly_met")
    told(place, place.rate, date(2024, 5, 20), value=Decimal(96), verdict="met")
    told(place, place.yes, date(2024, 4, 30), verdict="not_met")
    for url in ("entry", "criteria/1"):
        page = officer.get(place.url(url)).content.decode()
        assert "Kỳ trước (30/04/2024): 91,5 % · Cơ bản đạt" in page
        assert "Kỳ trước (30/04/2024): Chưa đạt" in page


def test_the_last_periods_value_is_the_state_on_its_last_day(place):
    """The same as state_on says, whatever was told, in whatever order, and voided since."""
    closed = period(place.district, date(2024, 4, 30), closed=True)
    period(place.district, date(2024, 6, 30))
    days = [date(2024, 3, 1), date(2024, 4, 30), date(2024, 2, 1), date(2024, 4, 30), date(2024, 5, 1)]
    for value, day in enumerate(days, 90):
        told(place, place.rate, day, value=Decimal(value), verdict="nearly_met")
    voided = told(place, place.rate, date(2024, 4, 30), value=Decimal(99), verdict="met")
    Revision.objects.filter(pk=voided.pk).update(
        voided_at=timezone.now() - timedelta(days=1), voided_by=place.officer, void_reason="Nhầm"
    )
    found = sheets(place.unit, place.set, place.officer, drafts=True)
    add_hints(place.unit, place.set, found)
    closed.refresh_from_db()
    states = state_on([place.unit.pk], place.set, ["self"], closed.ends_on, closed.closed_at)
    assert states["self", place.unit.pk, place.rate.pk]["value"] == 93
    assert found[0].rows[0].last_period == "Kỳ trước (30/04/2024): 93 % · Cơ bản đạt"


def test_what_was_recorded_after_the_period_was_closed_is_not_its_value(place, officer):
    closed = period(place.district, date(2024, 4, 30), closed=True)
    ReportingPeriod.objects.filter(pk=closed.pk).update(closed_at=timezone.now() - timedelta(days=3))
    told(place, place.rate, date(2024, 4, 1), value=Decimal(96), verdict="met")
    assert "Kỳ trước" not in officer.get(place.url("criteria/1")).content.decode()


def test_without_an_earlier_period_nothing_is_said(place, officer):
    told(place, place.rate, date(2024, 3, 1), value=Decimal(91), verdict="nearly_met")
    period(place.district, date(2024, 6, 30))
    assert "Kỳ trước" not in officer.get(place.url("criteria/1")).content.decode()


def test_others_opinions_and_drafts_are_not_the_last_periods_value(place, officer):
    period(place.district, date(2024, 4, 30), closed=True)
    row = told(place, place.rate, date(2024, 3, 1), value=Decimal(91), verdict="nearly_met")
    Revision.objects.filter(pk=row.pk).update(stage="district")
    post(officer, place, place.count, value="3", verdict="not_met", effective_on="2024-04-01")
    assert "Kỳ trước" not in officer.get(place.url("criteria/1")).content.decode()


# --- base figures ----------------------------------------------------------------------------


def test_a_base_figure_is_suggested_and_never_saved_by_itself(place, officer):
    BaseFigure.objects.create(unit=place.unit, year=2024, key="households", value=1253, updated_by=place.officer)
    page = officer.get(place.url("criteria/1")).content.decode()
    assert 'placeholder="1.253"' in page
    assert "Số liệu nền 2024: 1.253 hộ" in page
    assert "khác tổng số đang nhập</span>" in page
    assert "data-base-differs hidden" in page
    post(officer, place, place.rate, value="98", verdict="met")
    assert Entry.objects.get().whole is None


def test_a_whole_that_differs_is_pointed_out_and_one_that_agrees_is_not(place, officer):
    BaseFigure.objects.create(unit=place.unit, year=2024, key="households", value=1253, updated_by=place.officer)
    post(officer, place, place.rate, part="1.240", whole="1.300", verdict="met")
    page = officer.get(place.url("criteria/1")).content.decode()
    assert "<span data-base-differs>, khác tổng số đang nhập" in page
    post(officer, place, place.rate, version=1, part="1.240", whole="1.253", verdict="met")
    assert 'data-base="1.253" hidden' in officer.get(place.url("criteria/1")).content.decode()


def test_the_figure_of_the_rows_year_counts_else_the_year_before(place, officer):
    for year, value in ((2021, 900), (2023, 1200), (2025, 1300)):
        BaseFigure.objects.create(unit=place.unit, year=year, key="households", value=value, updated_by=place.officer)
    assert "Số liệu nền 2023: 1.200 hộ" in officer.get(place.url("criteria/1")).content.decode()
    BaseFigure.objects.filter(year=2023).delete()
    assert "Số liệu nền" not in officer.get(place.url("criteria/1")).content.decode().split("Phím tắt")[1]


@pytest.mark.parametrize(
    ("name", "noun"),
    [
        ("Tỷ lệ hộ được sử dụng nước sạch theo quy chuẩn", "hộ"),
        ("Tỷ lệ nghèo đa chiều giai đoạn 2021 - 2025", "hộ"),
        ("Tỷ lệ hộ chăn nuôi có chuồng trại chăn nuôi đảm bảo vệ sinh môi trường", "hộ chăn nuôi"),
        ("Tỷ lệ hộ gia đình và cơ sở sản xuất, kinh doanh thực phẩm", "hộ, cơ sở"),
        ("Tỷ lệ người dân tham gia bảo hiểm y tế", "người"),
        ("Tỷ lệ người dân thuộc đối tượng trợ giúp pháp lý", "người thuộc đối tượng"),
        ("Tỷ lệ người có việc làm trên dân số trong độ tuổi lao động", "lao động"),
        ("Tỷ lệ đường xã được nhựa hóa", "đường xã"),
        ("Đường trục thôn, bản, ấp ít nhất được cứng hóa", "đường thôn"),
        ("Tỷ lệ đường trục chính nội đồng đảm bảo", "đường nội đồng"),
        ("Tỷ lệ chất thải nhựa phát sinh", ""),
    ],
)
def test_what_the_whole_is_made_of(name, noun):
    assert whole_noun(Indicator(name=name, kind="percent", measure="%")) == noun


def test_each_noun_has_one_figure():
    nouns = [noun for figure in FIGURES for noun in figure.nouns]
    assert len(nouns) == len(set(nouns))


# --- what it costs ---------------------------------------------------------------------------


def test_hints_cost_the_same_for_many_rows_and_nothing_on_the_save(place, officer, count_queries):
    def pages():
        counts = []
        for url in ("entry", "criteria/1", "entry/paste"):
            with count_queries() as queries:
                assert officer.get(place.url(url)).status_code == 200
            counts.append(len(queries))
        return counts

    def save(version):
        with count_queries() as queries:
            assert post(officer, place, place.rate, value=f"9{version}", verdict="", version=version).status_code == 200
        return len(queries)

    plain = save(0)
    bare = pages()
    period(place.district, date(2024, 4, 30), closed=True)
    period(place.district, date(2024, 6, 30))
    BaseFigure.objects.create(unit=place.unit, year=2024, key="households", value=1253, updated_by=place.officer)
    told(place, place.rate, date(2024, 3, 1), value=Decimal(91), verdict="nearly_met")
    few = pages()
    assert [more - less for more, less in zip(few, bare, strict=True)] == [1, 1, 0]  # the last period's states
    for number in range(30):
        indicator = IndicatorFactory(criterion=place.rate.criterion, code=f"1.{number + 10}", position=number + 10)
        TargetFactory(indicator=indicator)
        told(place, indicator, date(2024, 3, 1), value=Decimal(91), verdict="nearly_met")
    assert pages() == few
    assert save(1) <= min(plain, 10)


def test_the_answer_of_a_save_leaves_the_hints_of_the_page(place, officer):
    """Elements that htmx keeps, so that the save need not read them again."""
    BaseFigure.objects.create(unit=place.unit, year=2024, key="households", value=1253, updated_by=place.officer)
    answer = post(officer, place, place.rate, value="98", verdict="met").content.decode()
    assert f'id="last-{place.rate.pk}" hx-preserve></span>' in answer
    assert f'id="base-{place.rate.pk}" hx-preserve></span>' in answer
    # Without script the refused row stands on the whole page, with them.
    page = officer.post(place.url("entry", place.rate), {"value": "x", "version": 1, "effective_on": "2024-06-01"})
    assert "Số liệu nền 2024: 1.253 hộ" in page.content.decode()
