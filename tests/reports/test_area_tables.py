"""The reports on opinions, findings, villages, departments and losses: their figures, and who sees what of them."""

from datetime import UTC, date, datetime

import pytest
from django.core.management import call_command
from django.test import Client

from communes.models import Membership, Role, Succession, Unit, UnitVersion
from communes.roster import villages_on
from criteria.models import CriterionDepartment, Evidence, ReportingPeriod, Revision
from inspections.models import Visit
from reports.readiness import readiness
from reports.tables.table import value_of
from tests.factories import (
    CommuneFactory,
    DepartmentFactory,
    IndicatorFactory,
    TargetFactory,
    UserFactory,
    VillageFactory,
)
from tests.reports.worlds import (
    CONFIRMED,
    concluded_visit,
    find,
    indicators_of,
    lead,
    make_province,
    make_set,
    member,
    prove,
    say,
    score,
    took,
)

pytestmark = pytest.mark.django_db


class Place:
    """Two communes of one district under a set of three criteria of two indicators."""

    def __init__(self) -> None:
        self.set = make_set(criteria=3, indicators=2)
        self.province, (self.one, self.two) = make_province(communes=2)
        self.staff = member(self.province, Role.COORDINATOR)

    def report(self, key: str, user=None, area=None, **given):
        client = Client()
        client.force_login(user or self.staff)
        query = {"area": (area or self.province).pk, "set": self.set.code} | given
        answer = client.get(f"/reports/tables/{key}/", query)
        assert answer.status_code == 200
        self.html = answer.content.decode()
        return answer.context["report"]

    def rows(self, key: str, table: str, *columns: str, kind="row", **given):
        report = self.report(key, **given)
        found = next(it for it in report.tables if it.key == table)
        places = [found.place(column) for column in columns]
        return [tuple(value_of(line.cells[place]) for place in places) for line in found.lines if line.kind == kind]

    def reviewer(self, number: int):
        department = DepartmentFactory()
        CriterionDepartment.objects.create(criterion=self.set.criteria.get(number=number), department=department)
        return member(self.province, Role.DEPARTMENT_REVIEWER, department=department)


@pytest.fixture
def place():
    return Place()


# --- opinions --------------------------------------------------------------------------


@pytest.fixture
def judged(place):
    """A commune judged by itself and by the province, lower on 1, higher on 3; another commune said one."""
    say(place.one, place.set, "self", ["met"] * 5 + ["nearly_met"], date(2024, 1, 5))
    place.visit = concluded_visit(place.one, place.set, held_on=date(2024, 3, 1))
    score(place.visit, ["met", "not_met", "firmly_met", "firmly_met", "met", "met"])
    lead(place.visit, "Lê Văn Trưởng")
    say(place.two, place.set, "self", ["met", "met"], date(2024, 1, 5))
    return place


def test_opinions_stand_side_by_side(judged):
    columns = (
        "self_met",
        "district_met",
        "province_met",
        "province_change",
        "province_both",
        "province_lower",
        "province_higher",
    )
    assert judged.rows("opinions", "theo_xa", *columns) == [(2, None, 2, 0, 3, 1, 1), (None,) * 7]
    assert judged.rows("opinions", "theo_xa", *columns, kind="total") == [(2, None, 2, 0, 3, 1, 1)]
    columns = ("number", "self_met", "province_met", "province_both", "province_lower", "province_share")
    assert judged.rows("opinions", "theo_tieu_chi", *columns) == [
        ("1", 1, 0, 1, 1, 100),
        ("2", 1, 1, 1, 0, 0),
        ("3", 0, 1, 1, 0, 0),
    ]
    differing = judged.rows(
        "opinions", "tung_tieu_chi", "criterion", "self_state", "district_state", "province_state", "remark"
    )
    assert differing == [
        ("1. Tiêu chí 1", "met", None, "not_met", "Thẩm định thấp hơn xã"),
        ("3. Tiêu chí 3", "nearly_met", None, "met", "Thẩm định cao hơn xã"),
    ]
    every = judged.rows("opinions", "tung_tieu_chi", "criterion", "province_state", pairs="all")
    assert len(every) == 4  # and the one criterion the other commune judged


def test_headings_of_opinions_say_what_is_counted(judged):
    report = judged.report("opinions")
    titles = [column.title for column in report.tables[0].columns]
    assert "Thẩm định: số ô xã và cấp này cùng có kết quả" in titles
    assert not [title for title in titles if "cùng đánh giá" in title], "reads as the same verdict"
    by_visit = {table.key: table for table in judged.report("opinions", leader="Nguyễn").tables}
    for key in ("theo_truong_doan", "cuoc_kiem_tra"):
        assert by_visit[key].empty == "Không có cuộc kiểm tra nào do trưởng đoàn “Nguyễn” dẫn trong thời gian này."


def test_what_a_visit_changed(judged):
    columns = ("code", "leader", "scored", "before", "after", "change", "lower_numbers", "higher_numbers")
    expected = (judged.visit.code, "Lê Văn Trưởng", 3, 2, 2, 0, "1", "3")
    assert judged.rows("opinions", "cuoc_kiem_tra", *columns) == [expected]
    assert judged.rows("opinions", "theo_truong_doan", "leader", "visits", "scored", "lower") == [
        ("Lê Văn Trưởng", 1, 3, 1)
    ]
    for given, number in (
        ({"leader": "van truong"}, 1),
        ({"leader": "Ai khác"}, 0),
        ({"since": "2024-03-02"}, 0),
        ({"since": "2023-01-01"}, 1),
        ({"since": "x"}, 1),
        ({"as_of": "2024-02-29"}, 0),
        ({"as_of": "2024-03-31"}, 1),
    ):
        assert len(judged.rows("opinions", "cuoc_kiem_tra", "code", **given)) == number, given
    Visit.objects.update(state="under_way")
    assert judged.rows("opinions", "cuoc_kiem_tra", "code") == []


def test_a_visit_belongs_to_the_period_it_was_held_in_when_concluded_before_its_closing(judged):
    """So do its findings: on the page, in the tables, and in no other month's."""
    visit = judged.visit
    Visit.objects.update(held_on=date(2024, 5, 30), concluded_at=datetime(2024, 6, 2, tzinfo=UTC))
    find(visit, 1, due_on=date(2024, 6, 1))
    may, june = (
        ReportingPeriod.objects.create(
            area=judged.province, kind="month", name=f"Tháng {day.month}", ends_on=day, due_on=day,
            closed_at=datetime(2024, closed, 5, tzinfo=UTC),
        )
        for day, closed in ((date(2024, 5, 31), 6), (date(2024, 6, 30), 7))
    )  # fmt: skip

    def found(**when) -> tuple[int, int, int]:
        client = Client()
        client.force_login(judged.staff)
        page = client.get(f"/units/{judged.one.pk}/", {"set": judged.set.code} | when)
        return (
            len(judged.rows("opinions", "cuoc_kiem_tra", "code", **when)),
            len(judged.rows("findings", "danh_sach", "visit", **when)),
            len(page.context["visits"]),
        )

    assert found(period=may.pk) == (1, 1, 1)
    assert found(period=june.pk) == (0, 1, 1)  # of the month before, and still open
    assert found(as_of="2024-05-31") == (0, 0, 0)
    assert found(as_of="2024-06-02") == (1, 1, 1)
    Visit.objects.update(concluded_at=datetime(2024, 6, 6, tzinfo=UTC))  # after May was closed
    assert found(period=may.pk) == (0, 0, 0)
    Visit.objects.update(held_on=date(2024, 6, 1), concluded_at=datetime(2024, 6, 2, tzinfo=UTC))
    assert found(period=may.pk) == (0, 0, 0)
    assert found(period=june.pk) == (1, 1, 1)


def test_leaders_of_one_name_are_told_apart(place):
    """By account, guests by organisation; who led twice has one line."""
    hung = "Nguyễn Văn Hùng"
    first, second = UserFactory(), UserFactory()
    for unit, told in (
        (place.one, {"user": first, "organisation": "Sở Xây dựng"}),
        (place.two, {"user": first, "organisation": "Sở Y tế"}),
        (place.one, {"user": second, "organisation": "Sở Nội vụ"}),
        (place.two, {"user": None, "organisation": "Hội Nông dân"}),
        (place.one, {"user": None, "organisation": "Hội Nông dân"}),
    ):
        visit = concluded_visit(unit, place.set, held_on=date(2024, 3, 1))
        score(visit, ["met"])
        lead(visit, hung)
        visit.team.update(**told)
    found = place.rows("opinions", "theo_truong_doan", "leader", "visits")
    assert found == [(f"{hung} (Hội Nông dân)", 2), (f"{hung} (Sở Nội vụ)", 1), (f"{hung} (Sở Xây dựng)", 2)]


def test_a_department_compares_its_own_criteria_only(judged):
    reviewer = judged.reviewer(1)
    assert judged.rows("opinions", "theo_tieu_chi", "number", user=reviewer) == [("1",)]
    assert judged.rows("opinions", "cuoc_kiem_tra", "scored", "lower_numbers", user=reviewer) == [(1, "1")]
    viewer = member(judged.province, Role.VIEWER)
    assert len(judged.rows("opinions", "theo_tieu_chi", "number", user=viewer)) == 3
    assert judged.rows("opinions", "cuoc_kiem_tra", "scored", user=viewer) == []


# --- findings --------------------------------------------------------------------------


def test_findings_as_they_stood(place):
    visit = concluded_visit(
        place.one, place.set, held_on=date(2024, 1, 30), concluded_at=datetime(2024, 2, 1, tzinfo=UTC)
    )
    roads = DepartmentFactory(name="Sở Giao thông")
    late = find(visit, 1, due_on=date(2024, 3, 1), department=roads)
    took(late, "slipped", date(2024, 3, 20), old_due_on=date(2024, 3, 1), new_due_on=date(2024, 5, 1))
    done = find(visit, 2, due_on=date(2024, 4, 1))
    took(done, "remedied", date(2024, 3, 25))
    took(done, "closed", date(2024, 4, 25))
    columns = ("criterion", "due", "state", "days_overdue")
    assert place.rows("findings", "danh_sach", *columns) == [
        ("1. Tiêu chí 1", date(2024, 5, 1), "Chưa khắc phục", 60),
        ("2. Tiêu chí 2", date(2024, 4, 1), "Đã xác nhận khắc phục", None),
    ]
    assert place.rows("findings", "danh_sach", *columns, as_of="2024-03-10") == [
        ("1. Tiêu chí 1", date(2024, 3, 1), "Chưa khắc phục", 9),
        ("2. Tiêu chí 2", date(2024, 4, 1), "Chưa khắc phục", None),
    ]
    assert place.rows("findings", "danh_sach", *columns, as_of="2024-01-31") == []
    assert len(place.rows("findings", "danh_sach", "state", findings="unsettled")) == 1
    assert len(place.rows("findings", "danh_sach", "state", findings="overdue", as_of="2024-04-10")) == 0
    assert len(place.rows("findings", "danh_sach", "state", findings="x")) == 2
    columns = ("name", "findings", "open", "overdue", "remedied", "closed", "closed_share")
    assert place.rows("findings", "theo_so_nganh", *columns) == [
        ("Sở Giao thông", 1, 1, 1, 0, 0, 0),
        ("Chưa giao sở, ngành", 1, 0, 0, 0, 1, 100),
    ]
    assert place.rows("findings", "theo_so_nganh", *columns, kind="total") == [("Cộng", 2, 1, 1, 0, 1, 50)]


def test_findings_of_a_commune_that_was_merged_are_its_successors(place):
    old = CommuneFactory(parent=place.one.district, name="Xưa", closed_on=date(2024, 1, 1))
    Succession.objects.create(predecessor=old, successor=place.one, effective_on=date(2024, 1, 1))
    find(concluded_visit(old, place.set), 1)
    assert place.rows("findings", "danh_sach", "commune") == [("Xã Xưa",)]
    assert place.rows("findings", "theo_dia_ban", "name", area=place.one.district) == [("Xã Xưa",)]


def test_who_may_not_read_findings_gets_the_figures(place):
    visit = concluded_visit(place.one, place.set)
    find(visit, 1, description="Bí mật một")
    find(visit, 2, description="Bí mật hai")
    viewer, reviewer = member(place.province, Role.VIEWER), place.reviewer(2)
    assert place.rows("findings", "danh_sach", "description", user=viewer) == [(None,), (None,)]
    assert "Bí mật" not in place.html
    assert "chỉ hiện với người được xem" in place.html
    assert place.rows("findings", "danh_sach", "description", user=reviewer) == [("Bí mật hai",)]
    assert "Bí mật một" not in place.html
    Visit.objects.update(state="under_way")
    assert place.rows("findings", "danh_sach", "description") == []


# --- villages --------------------------------------------------------------------------


def test_villages_by_commune_and_one_by_one(place):
    villages = make_set(criteria=2, indicators=1, level="village", last_year=None)
    whole, partly, silent = (VillageFactory(parent=place.one) for _ in range(3))
    say(whole, villages, "self", ["met", "firmly_met"])
    say(partly, villages, "self", ["met", "nearly_met"])
    say(silent, villages, "self", ["met"])
    columns = ("commune", "villages", "with_opinion", "whole_set", "whole_share", "criteria_met", "average_met")
    names = [place.one.full_name, place.two.full_name]
    assert place.rows("villages", "theo_xa", *columns, stage="self") == [
        (names[0], 3, 2, 1, 50, 3, pytest.approx(1.5)),
        (names[1], 0, 0, None, None, None, None),
    ]
    columns = ("village", "assessed", "met", "nearly", "not_met")
    assert place.rows("villages", "danh_sach", *columns, stage="self") == [
        (whole.full_name, 2, 2, 0, None),
        (partly.full_name, 2, 1, 1, "2"),
        (silent.full_name, 1, 1, 0, None),
    ]
    assert place.rows("villages", "danh_sach", *columns, stage="self", as_of="2024-05-31")[0][1:] == (None,) * 4
    assert place.report("villages", stage="self").criteria_set == villages


def test_without_a_set_for_villages_it_is_said(place):
    place.report("villages")
    assert "Chưa có bộ tiêu chí cấp thôn" in place.html


def test_villages_are_where_and_what_they_were(place, assert_queries):
    moved, gone = VillageFactory(parent=place.one, name="Một"), VillageFactory(parent=place.one, name="Hai")
    day = date(2024, 3, 1)
    base = {"kind": "thon", "province": place.province}
    UnitVersion.objects.create(
        unit=moved, valid_from=date(2010, 1, 1), valid_to=day, name="Cũ", commune=place.one, **base
    )
    UnitVersion.objects.create(unit=moved, valid_from=day, name="Một", commune=place.two, **base)
    Unit.objects.filter(pk=moved.pk).update(commune=place.two, present_since=day)
    Unit.objects.filter(pk=gone.pk).update(closed_on=date(2024, 5, 1))
    communes = [place.one.pk, place.two.pk]
    with assert_queries(2):
        before = villages_on(communes, date(2024, 2, 1))
    assert [(it.full_name, it.commune_id) for it in before] == [("Thôn Cũ", communes[0]), ("Thôn Hai", communes[0])]
    after = villages_on(communes, date(2024, 4, 1))
    assert [(it.full_name, it.commune_id) for it in after] == [("Thôn Hai", communes[0]), ("Thôn Một", communes[1])]
    with assert_queries(1):
        today = villages_on(communes, date(2024, 6, 30))
    assert [it.full_name for it in today] == ["Thôn Một"]
    assert villages_on([place.two.pk], date(2024, 2, 1)) == []


# --- departments -----------------------------------------------------------------------


def test_departments_answer_as_on_the_day(place):
    nation, local, later = (DepartmentFactory(name=name) for name in ("Bộ A", "Sở B", "Sở C"))
    one, two, _ = place.set.criteria.order_by("number")
    CriterionDepartment.objects.create(criterion=one, department=nation)
    CriterionDepartment.objects.create(criterion=two, department=nation)
    since = date(2024, 4, 1)
    CriterionDepartment.objects.create(
        criterion=two, department=local, province=place.province, ends_on=date(2024, 3, 31)
    )
    CriterionDepartment.objects.create(criterion=two, department=later, province=place.province, starts_on=since)
    say(place.one, place.set, "self", ["met"] * 4 + ["not_met", "met"], date(2024, 1, 5))
    say(place.two, place.set, "self", ["met"] * 3 + ["nearly_met", "met", "met"], date(2024, 1, 5))
    columns = ("department", "criteria", "judged", "met", "not_met", "nearly", "share", "numbers")
    assert place.rows("departments", "so_nganh", *columns, stage="self") == [
        ("Bộ A", 1, 2, 2, 0, 0, 100, "1"),
        ("Sở C", 1, 2, 1, 1, 1, 50, "2"),
        ("Chưa phân công", 1, 2, 1, 1, 0, 50, "3"),
    ]
    assert place.rows("departments", "so_nganh", *columns[:4], kind="total", stage="self") == [
        ("Toàn bộ tiêu chí", 3, 6, 4)
    ]
    names = place.rows("departments", "so_nganh", "department", stage="self", as_of="2024-03-31")
    assert [name for (name,) in names] == ["Bộ A", "Sở B", "Chưa phân công"]
    assert place.rows("departments", "tung_tieu_chi", "number", "since", stage="self") == [
        ("1", None),
        ("2", since),
        ("3", None),
    ]
    reviewer = place.reviewer(3)
    assert [row[0] for row in place.rows("departments", "tung_tieu_chi", "number", user=reviewer)] == ["3"]


# --- regression ------------------------------------------------------------------------


def test_complete_communes_that_lost_a_criterion(place):
    say(place.one, place.set, "province", ["met"] * 6, date(2023, 5, 1))
    say(place.one, place.set, "province", ["met", "met", "not_met", "nearly_met", "met", "met"], date(2024, 2, 1))
    say(place.two, place.set, "province", ["met"] * 5 + ["not_met"], date(2023, 5, 1))  # never complete
    say(place.two, place.set, "province", ["not_met"] * 6, date(2024, 2, 1))
    columns = ("commune", "stage", "criterion", "then", "now", "since")
    expected = (place.one.full_name, "Kết quả thẩm định", "2. Tiêu chí 2", "met", "not_met", date(2024, 2, 1))
    assert place.rows("regression", "mat_tieu_chi", *columns) == [expected]
    columns = ("complete", "kept", "fell", "unknown", "share", "criteria")
    assert place.rows("regression", "tong_hop", *columns) == [
        (0, 0, 0, 0, None, 0),
        (0, 0, 0, 0, None, 0),
        (1, 0, 1, 0, 100, 1),
    ]
    assert place.rows("regression", "mat_tieu_chi", "now", as_of="2024-01-31") == []
    assert place.rows("regression", "mat_tieu_chi", "now", base="2023-04-30") == []
    assert len(place.rows("regression", "mat_tieu_chi", "now", base="2023-12-31")) == 1
    assert len(place.rows("regression", "mat_tieu_chi", "now", base="2030-01-01")) == 1  # taken as not given


def test_what_is_not_judged_is_not_lost(place):
    """A new indicator leaves its criterion open in every commune that was complete."""
    say(place.one, place.set, "self", ["met"] * 6, date(2023, 5, 1))
    IndicatorFactory(criterion=place.set.criteria.get(number=1), position=9, in_force_from=date(2024, 1, 1))
    call_command("rebuild_standings", verbosity=0)
    columns = ("complete", "kept", "fell", "unknown", "share", "criteria")
    assert place.rows("regression", "tong_hop", *columns)[0] == (1, 0, 0, 1, 0, 0)
    assert place.rows("regression", "mat_tieu_chi", "criterion") == []
    say(place.one, place.set, "self", ["met"] * 5 + ["not_met"], date(2024, 2, 1))
    columns = ("criterion", "now", "since")
    assert place.rows("regression", "mat_tieu_chi", *columns) == [("3. Tiêu chí 3", "not_met", date(2024, 2, 1))]


def test_proof_that_ran_out_or_will_on_what_is_met(place):
    met, missed, *_ = indicators_of(place.set)
    say(place.one, place.set, "self", ["met", "not_met"], date(2024, 1, 5))
    prove(place.one, met, title="Cũ", document_number="", expires_on=date(2024, 6, 10))
    prove(place.one, met, title="Sắp hết", document_number="", expires_on=date(2024, 7, 29))
    prove(place.one, met, title="Còn lâu", expires_on=date(2024, 7, 30))
    prove(place.one, met, title="Không hạn")
    prove(place.one, met, title="Chưa gửi", published=False, expires_on=date(2024, 6, 10))
    prove(place.one, missed, title="Chưa đạt", expires_on=date(2024, 6, 10))
    retired = prove(place.one, met, title="Đã bỏ", document_number="", expires_on=date(2024, 6, 11))
    Evidence.objects.filter(pk=retired.pk).update(retired_at=datetime(2024, 6, 20, tzinfo=UTC), retire_reason="Thay")
    columns = ("document", "expires_on", "days", "others")
    assert place.rows("regression", "minh_chung", *columns) == [
        ("Cũ", date(2024, 6, 10), -20, 3),  # what is about to run out still holds
        ("Sắp hết", date(2024, 7, 29), 29, 2),
    ]
    then = place.rows("regression", "minh_chung", "document", "days", as_of="2024-06-15")
    assert then == [("Cũ", -5), ("Đã bỏ", -4)]
    say(place.one, place.set, "province", ["not_met"], date(2024, 5, 5))  # the highest opinion decides
    assert place.rows("regression", "minh_chung", *columns) == []


def test_who_sees_no_files_sees_no_proof(place):
    say(place.one, place.set, "self", ["met"], date(2024, 1, 5))
    prove(place.one, indicators_of(place.set)[0], title="Giấy kín", expires_on=date(2024, 6, 10))
    prove(
        place.one, indicators_of(place.set)[0], title="Giấy riêng", expires_on=date(2024, 6, 10), has_personal_data=True
    )
    viewer = member(place.province, Role.VIEWER)
    assert place.rows("regression", "minh_chung", "document", user=viewer) == []
    assert "không xem minh chứng" in place.html
    _, (elsewhere,) = make_province(communes=1)
    Membership.objects.create(user=viewer, unit=elsewhere, role=Role.OFFICER)  # what they may do there, not here
    viewer = type(viewer).objects.get(pk=viewer.pk)
    assert place.rows("regression", "minh_chung", "document", user=viewer) == []
    assert "không xem minh chứng" in place.html
    assert not readiness(place.one, place.set, "self", viewer).names_files
    client = Client()
    client.force_login(viewer)
    assert client.get(f"/units/{place.one.pk}/indicators/{indicators_of(place.set)[0].pk}/evidence/").status_code == 403
    assert client.get("/evidence/").status_code == 200
    reviewer = place.reviewer(1)
    assert place.rows("regression", "minh_chung", "document", user=reviewer) == [("Giấy kín – 12/BC-UBND",)]


def test_met_values_that_miss_the_target_raised_since(place):
    first, second, third, *_ = indicators_of(place.set)
    say(place.one, place.set, "self", ["met", "met", "met", "nearly_met"], date(2023, 5, 5))  # 96 %, judged by ≥ 95
    clerk = UserFactory()
    confirmed = {"confirmed_by": clerk, "confirmed_at": CONFIRMED}
    TargetFactory(indicator=first, from_year=2024, value=98, **confirmed)
    TargetFactory(indicator=second, from_year=2024, value=96, **confirmed)  # still reached
    TargetFactory(indicator=third, from_year=2024, value=98)  # nobody has confirmed it
    columns = ("commune", "stage", "code", "value", "then", "now")
    assert place.rows("regression", "yeu_cau_nang", *columns) == [
        (place.one.full_name, "Xã tự đánh giá", first.code, 96, "≥ 95%", "≥ 98%")
    ]
    assert place.rows("regression", "yeu_cau_nang", *columns, as_of="2023-12-31") == []


# --- a closed period -------------------------------------------------------------------


def test_a_closed_period_stays_as_it_was(place):
    late = datetime(2024, 6, 10, tzinfo=UTC)
    first, second, *_ = indicators_of(place.set)
    say(place.one, place.set, "self", ["met"] * 6, date(2023, 5, 1))
    say(place.one, place.set, "province", ["met"] * 6, date(2023, 5, 1))
    say(place.one, place.set, "province", ["met", "not_met"], date(2024, 2, 1))
    visit = concluded_visit(
        place.one, place.set, held_on=date(2024, 5, 2), concluded_at=datetime(2024, 5, 3, tzinfo=UTC)
    )
    score(visit, ["met", "not_met", "met", "nearly_met"])
    finding = find(visit, 1, due_on=date(2024, 5, 10))
    proof = prove(place.one, first, expires_on=date(2024, 6, 10))
    of_villages = make_set(criteria=2, indicators=1, level="village", last_year=None)
    village = VillageFactory(parent=place.one)
    say(village, of_villages, "self", ["met", "not_met"], date(2024, 5, 1))
    TargetFactory(indicator=second, from_year=2024, value=99, confirmed_by=place.staff, confirmed_at=CONFIRMED)
    Revision.objects.update(recorded_at=datetime(2024, 5, 3, tzinfo=UTC))
    period = ReportingPeriod.objects.create(
        area=place.province, kind="month", name="Tháng 5", ends_on=date(2024, 5, 31), due_on=date(2024, 6, 3),
        closed_at=datetime(2024, 6, 5, tzinfo=UTC),
    )  # fmt: skip
    client = Client()
    client.force_login(place.staff)
    query = {"area": place.province.pk, "set": place.set.code, "stage": "self", "period": period.pk}
    keys = ("opinions", "findings", "villages", "departments", "regression")

    def drawn():
        answers = {key: client.get(f"/reports/tables/{key}.zip", query) for key in keys}
        assert {answer.status_code for answer in answers.values()} == {200}
        return {key: answer.content for key, answer in answers.items()}

    before = drawn()
    known = Revision.objects.order_by("-pk").values_list("pk", flat=True)[0]
    say(place.one, place.set, "self", ["not_met"] * 6, date(2024, 5, 20))
    score(concluded_visit(place.two, place.set, held_on=date(2024, 5, 20), concluded_at=late), ["not_met"] * 6)
    say(village, of_villages, "self", ["met", "met"], date(2024, 5, 20))
    Revision.objects.filter(pk__gt=known).update(recorded_at=late)
    took(finding, "slipped", date(2024, 6, 10), old_due_on=finding.due_on, new_due_on=date(2024, 9, 1))
    took(finding, "remedied", date(2024, 6, 11))
    Evidence.objects.filter(pk=proof.pk).update(retired_at=late, retire_reason="Thay")
    TargetFactory(indicator=first, from_year=2024, value=99, confirmed_by=place.staff, confirmed_at=late)
    after = drawn()
    assert [key for key in keys if before[key] != after[key]] == []
    del query["period"]
    now = drawn()
    assert {key for key in keys if before[key] != now[key]} >= {"opinions", "findings", "departments", "regression"}
