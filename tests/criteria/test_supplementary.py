"""Biểu bổ sung: defined by the coordinator, filled in by communes for a period, and what they write of it."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from communes.models import Role
from criteria import supplementary
from criteria.models import (
    PeriodText,
    ReportingPeriod,
    SupplementaryColumn,
    SupplementaryReturn,
    SupplementaryTable,
    SupplementaryValue,
)
from criteria.supplementary import Changed, PeriodClosed, columns_shown, present_period
from tests.reports.worlds import make_province, make_table, member

pytestmark = pytest.mark.django_db


class Place:
    """A province with two communes, an open half-year and a closed month, and one table."""

    def __init__(self) -> None:
        self.province, self.communes = make_province(communes=2)
        self.unit, self.neighbour = self.communes
        self.coordinator = member(self.province, Role.COORDINATOR)
        self.officer = member(self.unit, Role.OFFICER)
        self.period = self.make_period("half_year", date(2024, 6, 30))
        self.closed = self.make_period("month", date(2024, 5, 31), closed_at=datetime(2024, 6, 6, tzinfo=UTC))
        self.table = make_table(self.province)
        self.money, self.days, self.text, self.choice = self.table.columns.all()

    def make_period(self, kind, ends_on, **fields):
        return ReportingPeriod.objects.create(
            area=self.province, kind=kind, name=f"Kỳ {ends_on:%m/%Y}", ends_on=ends_on, due_on=ends_on, **fields
        )

    @property
    def url(self):
        return self.of(self.period)

    def of(self, period, unit=None):
        return f"/units/{(unit or self.unit).pk}/period-report/{period.pk}/tables/{self.table.pk}/"

    def given(self, **more):
        values = {self.money: "1.234,5", self.days: "12", self.text: "=1+1", self.choice: "Tiền"}
        return {f"c{column.pk}": value for column, value in values.items()} | {"version": 0} | more

    def stored(self):
        cells = SupplementaryValue.objects.filter(filled__unit=self.unit, filled__period=self.period)
        return {value.column: value.content for value in cells.select_related("column")}

    def definition(self, **more):
        return {
            "name": "Nợ đọng", "purpose": "Nợ xây dựng", "period_kinds": ["month", "year"], "starts_on": "01/01/2024",
            "ends_on": "", "version": 0,
        } | more  # fmt: skip

    def column(self, **more):
        return {
            "name": "Giao thông", "kind": "money", "measure": "triệu đồng", "choices": "", "position": 9,
            "in_use": "on", "version": self.table.version,
        } | more  # fmt: skip


@pytest.fixture
def place():
    return Place()


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def test_a_commune_fills_in_a_table_and_changes_it(place):
    client = client_of(place.officer)
    assert "Nhập biểu" in client.get(f"/units/{place.unit.pk}/period-report/{place.period.pk}/").content.decode()
    assert client.get(place.url).status_code == 200
    answer = client.post(place.url, place.given())
    assert answer.status_code == 302
    assert place.stored() == {
        place.money: Decimal("1234.5"), place.days: 12, place.text: "=1+1", place.choice: "Tiền"
    }  # fmt: skip
    page = client.get(place.url).content.decode()
    assert 'value="1.234,5"' in page
    shown = client.get(answer["Location"]).content.decode()
    assert "1.234,5" in shown and "=1+1" in shown
    assert client.post(place.url, place.given(version=1, **{f"c{place.days.pk}": ""})).status_code == 302
    assert place.days not in place.stored()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("money", "", "không có thì nhập 0"),
        ("money", "-5", "là số âm"),
        ("money", "abc", "không phải là số"),
        ("days", "123456789012345", "quá lớn"),
        ("text", "x" * 1001, "ký tự"),
        ("choice", "Vàng", ""),
    ],
)
def test_what_can_not_be_a_value_is_refused(place, name, value, words):
    field = f"c{getattr(place, name).pk}"
    answer = client_of(place.officer).post(place.url, place.given(**{field: value}))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert place.stored() == {}


def test_a_stale_form_shows_what_is_stored_and_loses_nothing(place):
    client = client_of(place.officer)
    client.post(place.url, place.given())
    answer = client.post(place.url, place.given(**{f"c{place.days.pk}": "99"}))
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "Chưa lưu." in page and "Ngày công (công): 12" in page and 'value="99"' in page
    assert place.stored()[place.days] == 12
    assert 'name="version" value="1"' in page
    assert client.post(place.url, place.given(version="x")).status_code == 409


def test_a_closed_period_takes_nothing_more(place):
    client = client_of(place.officer)
    answer = client.post(place.of(place.closed), place.given())
    assert answer.status_code == 422 and "đã khóa" in answer.content.decode()
    ReportingPeriod.objects.filter(pk=place.period.pk).update(closed_at=datetime(2024, 6, 30, tzinfo=UTC))
    with pytest.raises(PeriodClosed):  # closed between the page and the saving
        supplementary.save_values(place.unit, place.period, place.table, {}, 0, place.officer)
    with pytest.raises(PeriodClosed):
        supplementary.save_text(
            place.unit, place.period, dict.fromkeys(("results", "difficulties", "proposals"), ""), 0, place.officer
        )


def test_what_is_typed_isn_t_lost_where_the_period_closed_meanwhile(place):
    client = Client()
    client.force_login(place.officer)
    ReportingPeriod.objects.filter(pk=place.period.pk).update(closed_at=datetime(2024, 6, 30, tzinfo=UTC))
    answer = client.post(place.url, place.given())
    page = answer.content.decode()
    assert answer.status_code in (409, 422) and "đã khóa trong lúc bạn nhập" in page and "1.234,5" in page
    words = {"results": "Đã làm 2 km đường", "difficulties": "", "proposals": "", "version": 0}
    answer = client.post(f"/units/{place.unit.pk}/period-report/{place.period.pk}/texts/", words)
    page = answer.content.decode()
    assert answer.status_code in (409, 422) and "Đã làm 2 km đường" in page and "đã khóa trong lúc bạn nhập" in page
    assert not (SupplementaryReturn.objects.exists() or PeriodText.objects.exists())
    # Nobody else gets anything but the refusal.
    client.force_login(member(place.neighbour, Role.OFFICER))
    assert client.post(place.url, place.given()).status_code == 404
    client.force_login(place.coordinator)
    assert client.post(place.url, place.given()).status_code == 403


def test_what_closed_periods_say_is_not_relabelled(place):
    row = SupplementaryReturn.objects.create(
        unit=place.unit, period=place.closed, table=place.table, saved_by=place.officer
    )
    SupplementaryValue.objects.create(filled=row, column=place.money, number=Decimal(1000))
    client = Client()
    client.force_login(place.coordinator)
    url = f"/workshop/supplementary/{place.table.pk}/columns/{place.money.pk}/"
    asked = place.column(name=place.money.name, measure="tỷ đồng", position=1)
    answer = client.post(url, asked)
    assert "không đổi được đơn vị tính" in answer.content.decode()
    place.money.refresh_from_db()
    assert place.money.measure == "triệu đồng"
    place.table.is_funding = False
    with pytest.raises(ValidationError, match="kỳ đã khóa"):
        supplementary.save_table(place.table, place.table.version, place.coordinator)


def test_only_the_communes_own_people_write(place):
    url = f"/units/{place.unit.pk}/period-report/{place.period.pk}/"
    for user, read in (
        (place.coordinator, 200),
        (member(place.unit.district, Role.DISTRICT_STAFF), 200),
        (member(place.province, Role.VIEWER), 403),
        (member(place.neighbour, Role.OFFICER), 404),
        (member(make_province(communes=1)[1][0], Role.OFFICER), 404),
    ):
        client = client_of(user)
        assert client.get(url).status_code == read
        refused = 404 if read == 404 else 403
        assert client.post(place.url, place.given()).status_code == refused
        assert client.post(f"{url}texts/", {"results": "x", "version": 0}).status_code == refused
    assert place.stored() == {}


def test_periods_and_tables_of_others_are_not_there(place):
    other, _ = make_province(communes=1)
    theirs = ReportingPeriod.objects.create(
        area=other, kind="month", name="Kỳ", ends_on=date(2024, 6, 30), due_on=date(2024, 7, 5)
    )
    client = client_of(place.officer)
    assert client.get(f"/units/{place.unit.pk}/period-report/{theirs.pk}/").status_code == 404
    foreign = make_table(other)
    assert client.get(
        f"/units/{place.unit.pk}/period-report/{place.period.pk}/tables/{foreign.pk}/"
    ).status_code == 404  # fmt: skip
    quarter = place.make_period("quarter", date(2024, 6, 30))
    assert client.get(place.of(quarter)).status_code == 404  # asked for in months, half-years and years only


def test_a_commune_writes_what_it_did_and_needs(place):
    client = client_of(place.officer)
    url = f"/units/{place.unit.pk}/period-report/{place.period.pk}/texts/"
    given = {"results": "Xong đường\nthôn 2", "difficulties": "", "proposals": "Cấp vốn", "version": 0}
    assert client.post(url, given).status_code == 302
    row = PeriodText.objects.get()
    assert (row.results, row.proposals, row.saved_by) == ("Xong đường\nthôn 2", "Cấp vốn", place.officer)
    answer = client.post(url, given | {"results": "Khác"})
    assert answer.status_code == 409 and "Xong đường" in answer.content.decode()
    assert client.post(url, given | {"results": "x" * 5001, "version": 1}).status_code == 422
    assert client.post(url, given | {"results": "Khác", "version": 1}).status_code == 302


def test_the_present_period_is_the_open_one_due_next(place):
    periods = list(supplementary.periods_of(place.unit))
    assert present_period(periods) == place.period
    assert present_period([place.closed]) == place.closed
    assert present_period([]) is None
    client = client_of(place.officer)
    answer = client.get(f"/units/{place.unit.pk}/period-report/")
    assert answer["Location"].endswith(f"/period-report/{place.period.pk}/")
    ReportingPeriod.objects.all().delete()
    assert "Chưa có kỳ báo cáo" in client.get(f"/units/{place.unit.pk}/period-report/").content.decode()


def test_a_coordinator_defines_a_table_and_its_columns(place):
    client = client_of(place.coordinator)
    answer = client.post("/workshop/supplementary/add/", place.definition())
    table = SupplementaryTable.objects.get(name="Nợ đọng")
    assert answer["Location"] == f"/workshop/supplementary/{table.pk}/"
    assert (table.province, table.period_kinds, table.starts_on) == (
        place.province, ["month", "year"], date(2024, 1, 1)
    )  # fmt: skip
    add = f"/workshop/supplementary/{table.pk}/columns/add/"
    assert client.get(add).status_code == 200
    assert client.post(add, place.column(version=1)).status_code == 302
    choices = {"name": "Loại", "kind": "choice", "choices": "Đường\nTrường\nĐường\n", "version": 2}
    assert client.post(add, place.column(**choices)).status_code == 302
    assert table.columns.get(name="Loại").choices == ["Đường", "Trường"]
    page = client.get(f"/workshop/supplementary/{table.pk}/").content.decode()
    assert "Giao thông" in page
    assert "Nợ đọng" in client.get("/workshop/supplementary/").content.decode()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"name": ""}, "Nhập tên biểu"),
        ({"name": "Vốn theo nguồn"}, "đã có biểu bổ sung mang tên này"),
        ({"period_kinds": []}, "ít nhất một loại kỳ"),
        ({"starts_on": "31/02/2024"}, "Nhập ngày"),
        ({"ends_on": "01/01/2023"}, "từ ngày bắt đầu"),
    ],
)
def test_a_definition_that_can_not_stand_is_refused(place, more, words):
    answer = client_of(place.coordinator).post("/workshop/supplementary/add/", place.definition(**more))
    assert answer.status_code == 422 and words in answer.content.decode()
    assert SupplementaryTable.objects.count() == 1


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"name": "Ngày công"}, "đã có cột mang tên này"),
        ({"kind": "choice", "choices": "Một"}, "ít nhất hai mục"),
        ({"kind": "choice", "choices": "\n".join(map(str, range(40)))}, "nhiều nhất 30"),
        ({"position": 0}, ""),
        ({"kind": "khác"}, ""),
    ],
)
def test_a_column_that_can_not_stand_is_refused(place, more, words):
    url = f"/workshop/supplementary/{place.table.pk}/columns/add/"
    answer = client_of(place.coordinator).post(url, place.column(**more))
    assert answer.status_code == 422 and words in answer.content.decode()
    assert place.table.columns.count() == 4


def test_editing_a_definition_never_loses_what_was_filled_in(place):
    client_of(place.officer).post(place.url, place.given())
    before = place.stored()
    client = client_of(place.coordinator)
    url = f"/workshop/supplementary/{place.table.pk}/columns/"
    answer = client.post(f"{url}{place.days.pk}/", place.column(name="Ngày công", kind="text"))
    assert answer.status_code == 422 and "không đổi được loại" in answer.content.decode()
    retired = place.column(name="Ngày công", kind="number", measure="công")
    del retired["in_use"]
    assert client.post(f"{url}{place.days.pk}/", retired).status_code == 302
    fewer = place.column(name="Hình thức", kind="choice", choices="Vàng\nBạc", version=2)
    assert client.post(f"{url}{place.choice.pk}/", fewer).status_code == 302
    assert place.stored() == before
    officer = client_of(place.officer)
    page = officer.get(f"/units/{place.unit.pk}/period-report/{place.period.pk}/").content.decode()
    assert "Ngừng dùng" in page and "Ngày công" in page
    form = officer.get(place.url).content.decode()
    assert f'name="c{place.days.pk}"' not in form and "Tiền" in form
    assert officer.post(place.url, place.given(version=1)).status_code == 302
    assert place.stored() == before  # the column out of use stays as it was


def test_two_coordinators_do_not_overwrite_each_other(place):
    client = client_of(place.coordinator)
    url = f"/workshop/supplementary/{place.table.pk}/"
    assert client.post(url, place.definition(version=1, name="Vốn")).status_code == 302
    answer = client.post(url, place.definition(version=1, name="Vốn khác"))
    assert answer.status_code == 409 and 'name="version" value="2"' in answer.content.decode()
    assert SupplementaryTable.objects.get().name == "Vốn"
    with pytest.raises(Changed):
        supplementary.save_column(SupplementaryColumn(table=place.table), 1, place.coordinator)


def test_definitions_are_the_provinces_own(place):
    url = f"/workshop/supplementary/{place.table.pk}/"
    stranger = member(make_province(communes=0)[0], Role.COORDINATOR)
    assert client_of(stranger).get(url).status_code == 404
    for user in (member(place.province, Role.VIEWER), member(place.unit.district, Role.DISTRICT_STAFF)):
        assert client_of(user).post(url, place.definition()).status_code in {403, 404}
    assert SupplementaryTable.objects.get().name == "Vốn theo nguồn"
    assert client_of(place.officer).get("/workshop/supplementary/").status_code == 403


def test_a_closed_period_has_no_column_that_came_later(place):
    late = SupplementaryColumn.objects.create(table=place.table, position=8, name="Mới", kind="number")
    columns = list(place.table.columns.all())
    assert late not in columns_shown(columns, place.closed, [])
    assert late in columns_shown(columns, place.closed, [late.pk])
    assert late in columns_shown(columns, place.period, [])


def test_the_page_of_a_period_asks_as_much_for_many_tables(place, count_queries):
    client = client_of(place.officer)
    url = f"/units/{place.unit.pk}/period-report/{place.period.pk}/"
    counts = []
    for tables in (3, 30):
        for number in range(SupplementaryTable.objects.count(), tables):
            table = make_table(place.province, name=f"Biểu {number}")
            SupplementaryReturn.objects.create(
                unit=place.unit, period=place.period, table=table, saved_by=place.officer
            )
        for address in (url, "/workshop/supplementary/"):
            user = client if address == url else client_of(place.coordinator)
            user.get(address)
            with count_queries() as queries:
                assert user.get(address).status_code == 200
            counts.append(len(queries))
    assert counts[:2] == counts[2:]
