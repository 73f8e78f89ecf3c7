"""The entry of a row, the criterion page, sending, history, and reporting a target as wrong."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from communes.models import Role
from criteria.models import Entry, Indicator, Revision, TargetReport
from criteria.publish import Published, publish
from tests.factories import (
    CommuneFactory,
    CriteriaSetFactory,
    CriterionFactory,
    DistrictFactory,
    IndicatorFactory,
    MembershipFactory,
    TargetFactory,
)

HTMX = {"HTTP_HX_REQUEST": "true"}


class Place:
    """A commune with its officer, a neighbour's officer, the district, and one criterion of many kinds."""

    def __init__(self):
        self.district = DistrictFactory()
        self.unit = CommuneFactory(parent=self.district)
        self.officer = MembershipFactory(unit=self.unit, may_send=True).user
        self.helper = MembershipFactory(unit=self.unit).user
        self.neighbour = MembershipFactory(unit=CommuneFactory(parent=self.district), may_send=True).user
        self.staff = MembershipFactory(unit=self.district, role=Role.DISTRICT_STAFF).user
        self.set = CriteriaSetFactory(code="bo-thu")
        criterion = CriterionFactory(criteria_set=self.set, number=1, name="Điện")
        self.rate = IndicatorFactory(criterion=criterion, code="1.1", position=1)
        self.count = IndicatorFactory(criterion=criterion, code="1.2", position=2, kind="count", measure="nhà")
        self.yes = IndicatorFactory(
            criterion=criterion, code="1.3", position=3, kind="boolean", measure="", may_be_not_applicable=True
        )
        TargetFactory(indicator=self.rate, value=Decimal(95), text="≥95%", confirmed_at=timezone.now())
        TargetFactory(indicator=self.count, operator="=", value=Decimal(0), text="Không")
        TargetFactory(indicator=self.yes, operator="pass", value=None, text="Đạt")

    def url(self, what, indicator=None):
        base = f"/units/{self.unit.pk}"
        return f"{base}/indicators/{indicator.pk}/{what}/" if indicator else f"{base}/{what}/"


@pytest.fixture
def place(db):
    return Place()


@pytest.fixture
def officer(place, client):
    client.force_login(place.officer)
    return client


def shown(client, place):
    """The page of sending, and what it would post back with every criterion ticked."""
    page = client.get(place.url("send"))
    groups = page.context["groups"]
    data = {"criterion": [group["sheet"].criterion.pk for group in groups]}
    return page, data | {f"seen-{group['sheet'].criterion.pk}": group["waiting"].seen for group in groups}


def send(client, place):
    return client.post(place.url("send"), shown(client, place)[1])


def post(client, place, indicator, **typed):
    data = {"version": 0, "effective_on": "2024-06-01", **typed}
    return client.post(place.url("entry", indicator), data, **HTMX)


@pytest.mark.parametrize(
    ("typed", "value"),
    [("98,5", "98.5"), ("98.5", "98.5"), (" 98,50 % ", "98.5"), ("100", "100"), ("96,1234", "96.1234")],
)
def test_numbers_as_people_and_machines_write_them(place, officer, typed, value):
    answer = post(officer, place, place.rate, value=typed, verdict="met")
    assert answer.status_code == 200
    assert "Đã lưu lúc" in answer.content.decode()
    assert Entry.objects.get(indicator=place.rate).value == Decimal(value)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"value": "1e999"}, "không phải là số"),
        ({"value": "NaN"}, "không phải là số"),
        ({"value": "-5 %"}, "không được âm"),
        ({"value": "98,5,5"}, "không phải là số"),
        ({"value": "101"}, "không được lớn hơn 100"),
        ({"value": "123456789012345678901"}, "14"),
        ({"part": "1.300", "whole": "1.253"}, "không được lớn hơn tổng số"),
        ({"part": "12"}, "cả số đạt và tổng số"),
        ({"part": "0", "whole": "0"}, "Tổng số phải lớn hơn 0"),
        ({"verdict": "met", "value": "94,9"}, "chưa đạt yêu cầu ≥95%"),
        ({"verdict": "met", "part": "19.000", "whole": "20.001"}, "chưa đạt yêu cầu ≥95%"),
        ({"verdict": "met"}, "Nhập kết quả thực hiện"),
        ({"verdict": "firmly_met", "value": "99"}, "chỉ do đoàn kiểm tra"),
        ({"verdict": "not_applicable"}, "không có trường hợp không áp dụng"),
        ({"verdict": "excellent"}, "không phải"),
        ({"effective_on": "2099-01-01"}, "ở tương lai"),
        ({"effective_on": "2019-01-01"}, "ngoài giai đoạn"),
        ({"effective_on": "hôm qua"}, "Nhập ngày như"),
        ({"note": "x" * 2001}, "2000"),
        ({"version": "-1"}, ""),
        ({"version": "99999999999999999999"}, ""),
    ],
)
def test_bad_input_says_what_to_do_and_loses_nothing(place, officer, typed, words):
    answer = post(officer, place, place.rate, **{"note": "Ghi chú của tôi", **typed})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page
    for text in {"note": "Ghi chú của tôi", **typed}.values():
        if (
            not text.startswith("x")
            and text not in {"excellent", "firmly_met", "not_applicable", "met"}
            and "version" not in typed
        ):
            assert text in page, f"{text!r} was lost"
    assert not Entry.objects.exists()


def test_a_refused_met_offers_its_two_ways_out(place, officer):
    page = post(officer, place, place.rate, value="90", verdict="met").content.decode()
    assert "Cơ bản đạt" in page
    assert place.url("report", place.rate) in page
    assert post(officer, place, place.rate, value="90", verdict="nearly_met").status_code == 200
    answer = officer.post(place.url("report", place.rate), {"text": "Quyết định 26/2024 quy định 90 %"})
    assert answer.status_code == 302
    report = TargetReport.objects.get()
    assert (report.target_text, report.unit, report.reported_by) == ("≥95%", place.unit, place.officer)


def test_an_unconfirmed_target_warns_and_does_not_bind(place, officer):
    assert post(officer, place, place.count, value="3", verdict="met").status_code == 200
    assert "Yêu cầu chưa xác nhận" in officer.get(place.url("criteria/1")).content.decode()


def test_part_and_whole_give_the_per_cent(place, officer):
    post(officer, place, place.rate, part="1.182", whole="1.253", verdict="nearly_met")
    entry = Entry.objects.get(indicator=place.rate)
    assert (entry.part, entry.whole, entry.value) == (1182, 1253, Decimal("94.33"))
    page = officer.get(place.url("entry")).content.decode()
    assert "= 94,33 %" in page
    assert "còn thiếu 9" in page


def test_not_applicable_needs_a_reason(place, officer):
    assert "Nêu lý do" in post(officer, place, place.yes, verdict="not_applicable").content.decode()
    post(officer, place, place.yes, verdict="not_applicable", note="Xã không có làng nghề")
    assert Entry.objects.get(indicator=place.yes).attainment == 100


def test_hidden_marks_are_stripped_and_everything_is_escaped(place, officer):
    post(officer, place, place.yes, verdict="met", note="Tốt\u202e\u200b\x00\x07 <script>alert(1)</script>")
    assert Entry.objects.get(indicator=place.yes).note == "Tốt <script>alert(1)</script>"
    assert "<script>alert" not in officer.get(place.url("entry")).content.decode()


def test_two_people_on_one_row_one_is_told_and_keeps_what_they_typed(place, officer, client):
    post(officer, place, place.rate, value="98", verdict="met")
    officer.force_login(place.helper)
    answer = post(officer, place, place.rate, value="91,5", verdict="nearly_met", note="Theo báo cáo tháng 6")
    page = answer.content.decode()
    assert answer.status_code == 409
    for words in (place.officer.full_name, "98", "91,5", "Theo báo cáo tháng 6", 'name="version" value="1"'):
        assert words in page
    assert Entry.objects.get(indicator=place.rate).value == 98
    assert post(officer, place, place.rate, version=1, value="91,5", verdict="nearly_met").status_code == 200


def test_a_version_long_gone_is_a_conflict_too(place, officer):
    assert post(officer, place, place.rate, version=41, value="98", verdict="met").status_code == 409


def test_clearing_a_row(place, officer):
    post(officer, place, place.rate, value="98", verdict="met", note="ghi chú")
    assert post(officer, place, place.rate, version=1, value="98", verdict="met", clear="1").status_code == 200
    entry = Entry.objects.get(indicator=place.rate)
    assert (entry.verdict, entry.value, entry.note, entry.version) == ("", None, "", 2)
    post(officer, place, place.rate, version=2, value="97", verdict="met")
    assert post(officer, place, place.rate, version=3, value="không đọc được", clear="1").status_code == 200


def test_an_id_too_long_for_the_database_is_not_found(place, officer):
    assert officer.post(f"/units/{place.unit.pk}/indicators/{10**30}/entry/", {}, **HTMX).status_code == 404


def test_saving_works_as_an_ordinary_post(place, officer):
    data = {"version": 0, "effective_on": "2024-06-01", "value": "98", "verdict": "met"}
    answer = officer.post(place.url("entry", place.rate), data, follow=True)
    assert answer.redirect_chain[0][0].endswith(f"#row-{place.rate.pk}")
    assert "Đã lưu chỉ tiêu 1.1" in answer.content.decode()
    answer = officer.post(place.url("entry", place.rate), {**data, "value": "98,5,5"})
    assert answer.status_code == 422
    assert "<title>" in answer.content.decode()
    assert "98,5,5" in answer.content.decode()


def test_the_suggestion_follows_what_is_typed(place, officer):
    def suggest(**typed):
        return officer.post(place.url("suggestion", place.rate), typed, **HTMX).content.decode().strip()

    assert suggest(value="96") == "Gợi ý đánh giá: Đạt"
    assert suggest(value="90") == "Gợi ý đánh giá: Cơ bản đạt (còn thiếu 5 điểm phần trăm)"
    assert suggest(part="100", whole="1000") == "Gợi ý đánh giá: Chưa đạt (còn thiếu 850 hộ)"
    assert suggest(value="9x") == ""
    assert suggest() == ""


def test_sending_shows_what_will_be_sent_then_publishes_it(place, officer):
    post(officer, place, place.rate, value="98", verdict="met")
    page, seen = shown(officer, place)
    assert "1.1" in page.content.decode()
    assert not Revision.objects.exists()
    criterion = place.rate.criterion_id
    stale = officer.post(place.url("send"), seen | {f"seen-{criterion}": "another"})
    assert stale.status_code == 409
    assert "Có thay đổi từ lúc bạn xem" in stale.content.decode()
    none = officer.post(place.url("send"), {}, follow=True).content.decode()
    assert "Chưa chọn tiêu chí nào để gửi." in none
    assert not Revision.objects.exists()
    assert officer.post(place.url("send"), seen).status_code == 302
    assert Revision.objects.get().verdict == "met"
    again = officer.post(place.url("send"), seen, follow=True).content.decode()
    assert "Không có gì thay đổi" in again
    history = officer.get(place.url("history", place.rate)).content.decode()
    assert "Xã tự đánh giá" in history
    assert "≥95%" in history
    assert "đang dùng" in history


def test_a_row_older_than_what_was_sent_says_that_it_only_goes_into_history(place, officer):
    post(officer, place, place.rate, value="98", verdict="met")
    send(officer, place)
    page = post(officer, place, place.rate, version=1, value="90", verdict="nearly_met", effective_on="2024-01-31")
    assert "chỉ được ghi vào lịch sử" in page.content.decode()
    assert "chỉ ghi vào lịch sử: đã có kết quả ngày 01/06/2024" in officer.get(place.url("send")).content.decode()


def test_the_overview_follows_a_saved_row(place, officer):
    answer = post(officer, place, place.rate, value="98", verdict="met")
    assert answer["HX-Trigger"] == "row-saved"
    overview = officer.get(place.url("entry") + "?show=&part=overview").content.decode()
    assert "Đã đánh giá 1/3 chỉ tiêu" in overview
    assert "<html" not in overview


def test_who_may_do_what(place, client):
    client.force_login(place.helper)
    assert post(client, place, place.rate, value="98,7654", verdict="met").status_code == 200
    assert client.get(place.url("send")).status_code == 403
    assert client.post(place.url("send")).status_code == 403
    client.force_login(place.neighbour)
    for url in ("entry", "criteria/1", "send"):
        assert client.get(place.url(url)).status_code == 404
    assert post(client, place, place.rate, value="98").status_code == 404
    assert client.get(place.url("history", place.rate)).status_code == 404
    client.force_login(place.staff)
    assert client.get(place.url("entry")).status_code == 403
    assert post(client, place, place.rate, value="98").status_code == 403
    page = client.get(place.url("criteria/1")).content.decode()
    assert "Xã tự đánh giá" in page
    assert "98,7654" not in page, "a draft showed above"


def test_a_forged_indicator_of_a_set_that_is_not_the_units_is_not_found(place, officer):
    other = IndicatorFactory(criterion=CriterionFactory(criteria_set=CriteriaSetFactory(level="village"), number=1))
    assert post(officer, place, other, value="98", verdict="met").status_code == 404
    assert officer.get(place.url("entry") + "?set=khong-co").status_code == 404
    assert officer.get(place.url("criteria/77")).status_code == 404


def test_a_closed_unit_is_read_only_with_the_reason(place, officer):
    place.unit.closed_on = date(2024, 6, 30)
    place.unit.save()
    answer = post(officer, place, place.rate, value="98", verdict="met")
    assert answer.status_code == 403
    page = officer.get(place.url("entry"))
    assert page.status_code == 200
    assert "đã kết thúc từ ngày 30/06/2024" in page.content.decode()


def test_a_later_target_is_shown_but_not_enforced(place, officer):
    TargetFactory(indicator=place.rate, value=Decimal(99), text="≥99%", from_year=2025, confirmed_at=timezone.now())
    assert post(officer, place, place.rate, value="96", verdict="met").status_code == 200
    assert "Từ năm 2025: ≥99%" in officer.get(place.url("entry")).content.decode()


def test_filters_and_empty_states(place, officer):
    post(officer, place, place.rate, value="98", verdict="met")
    missing = officer.get(place.url("entry") + "?show=missing").content.decode()
    assert f'id="row-{place.rate.pk}"' not in missing
    assert f'id="row-{place.yes.pk}"' in missing
    assert "Không có chỉ tiêu nào" in officer.get(place.url("entry") + "?show=weak").content.decode()


def test_queries_do_not_grow_with_the_rows(place, officer, count_queries):
    def pages():
        counts = []
        for url in (place.url("entry"), place.url("criteria/1")):
            with count_queries() as queries:
                assert officer.get(url).status_code == 200
            counts.append(len(queries))
        with count_queries() as queries:
            version = Entry.objects.filter(indicator=place.rate).values_list("version", flat=True).first() or 0
            answer = post(officer, place, place.rate, value=str(96 + version), verdict="met", version=version)
            assert answer.status_code == 200
        counts.append(len(queries) - 1)
        return counts

    post(officer, place, place.rate, value="98", verdict="met")
    few = pages()
    criterion = place.rate.criterion
    for number in range(30):
        indicator = IndicatorFactory(criterion=criterion, code=f"1.{number + 10}", position=number + 10)
        TargetFactory(indicator=indicator, confirmed_at=timezone.now())
        Entry.objects.create(
            unit=place.unit, indicator=indicator, effective_on=date(2024, 6, 1), verdict="met", updated_by=place.helper
        )
    assert pages() == few
    assert few[2] <= 10, few


def test_the_answer_of_a_saved_row_is_small(place, officer):
    """One row and the two bars, not the page."""
    answer = post(officer, place, place.rate, value="98", verdict="met").content.decode()
    assert answer.count('<form class="entry-row') == 1
    assert 'id="bar-1"' in answer
    assert "Có kết quả chưa gửi" in answer


def test_indicators_no_longer_in_force_are_gone(place, officer):
    Indicator.objects.filter(pk=place.yes.pk).update(in_force_to=date(2024, 6, 30) - timedelta(days=1))
    assert f'id="row-{place.yes.pk}"' not in officer.get(place.url("entry")).content.decode()


def test_a_row_refused_without_script_keeps_opinions_and_documents(place, officer):
    officer.post(place.url("entry", place.rate), {"version": 0, "effective_on": "2024-06-01", "value": "98"})
    publish(
        place.unit,
        place.set,
        "district",
        [Published(place.rate.pk, "met", date(2024, 6, 1), Decimal(97))],
        source="visit",
        source_ref="1",
        by=place.staff,
    )
    shown = officer.get(place.url("criteria/1")).content.decode()
    refused = officer.post(place.url("entry", place.rate), {"version": 1, "effective_on": "2024-06-01", "value": "abc"})
    assert refused.status_code == 422
    said = "<p>97 % · 01/06/2024</p>"
    assert said in shown
    assert said in refused.content.decode()


def test_a_forged_version_is_answered_with_what_to_do(place, officer):
    answer = post(officer, place, place.rate, value="98", version="9" * 30)
    assert answer.status_code == 422
    assert "Trang đã cũ: tải lại trang rồi lưu." in answer.content.decode()


def test_the_suggestion_follows_the_target_of_the_rows_day(place, officer):
    TargetFactory(indicator=place.rate, value=Decimal(80), text="≥80%", from_year=2023, confirmed_at=timezone.now())
    TargetFactory(indicator=place.rate, value=Decimal(99), text="≥99%", from_year=2024, confirmed_at=timezone.now())
    typed = {"value": "90", "version": 0}

    def suggestion(day):
        return officer.post(place.url("suggestion", place.rate), typed | {"effective_on": day}, **HTMX).content.decode()

    assert "Cơ bản đạt" in suggestion("2024-06-01")
    assert "Đạt, theo yêu cầu năm 2023: ≥80%" in suggestion("2023-06-01")
    # A saved row of another year doesn't speak of the target shown for this one.
    saved = post(officer, place, place.rate, value="90", verdict="met", effective_on="2023-06-01")
    assert saved.status_code == 200
    assert "Gợi ý đánh giá: " not in saved.content.decode()


def test_an_indicator_counts_once_with_its_parts_and_parts_nobody_asks_for_not_at_all(place, officer):
    asked = IndicatorFactory(criterion=place.rate.criterion, code="1.1b", position=4, part_of=place.rate)
    TargetFactory(indicator=asked, value=Decimal(20), text="≥20%")
    IndicatorFactory(criterion=place.rate.criterion, code="1.2b", position=5, part_of=place.count)  # without a target
    for indicator, typed in ((place.rate, {"value": "98"}), (place.count, {"value": "0"}), (place.yes, {})):
        post(officer, place, indicator, verdict="met", **typed)
    page = officer.get(place.url("entry"))
    assert (page.context["assessed"], page.context["total"]) == (2, 3)
    counts = {code: count for code, _, count in page.context["filters"]}
    assert (counts[""], counts["missing"], counts["unsent"]) == (3, 1, 3)
    assert "1.2b" not in page.content.decode()
    home = officer.get("/").content.decode()
    assert "Còn 1 chỉ tiêu chưa đánh giá." in home
    post(officer, place, asked, value="30", verdict="met")
    assert {code: count for code, _, count in officer.get(place.url("entry")).context["filters"]}["missing"] == 0
    assert "Đã đánh giá đủ; 3 chỉ tiêu thay đổi chưa gửi." in officer.get("/").content.decode()


def test_a_reader_sees_how_many_indicators_are_assessed(place, officer, client):
    post(officer, place, place.rate, value="98", verdict="met")
    send(officer, place)
    client.force_login(place.staff)
    assert "1/3 chỉ tiêu" in client.get(place.url("criteria/1")).content.decode()
