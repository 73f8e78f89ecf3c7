"""Pasting a table: what is read from the clipboard, the preview, and saving what was seen."""

from datetime import date
from decimal import Decimal

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from criteria.models import Entry, ReportingPeriod, Target
from criteria.paste import MAX_LINES, NothingPasted, read_table
from tests.criteria.test_entry import Place
from tests.factories import CriterionFactory, IndicatorFactory, TargetFactory


class Table(Place):
    """Three rates more, in a second criterion, with confirmed targets of 90 %."""

    def __init__(self):
        super().__init__()
        criterion = CriterionFactory(criteria_set=self.set, number=2, name="Nước sạch")
        self.rates = [
            IndicatorFactory(criterion=criterion, code=f"2.{n}", position=n, name="Tỷ lệ hộ") for n in range(1, 4)
        ]
        self.income = IndicatorFactory(
            criterion=criterion, code="2.10", position=10, name="Thu nhập", kind="number", measure="triệu đồng"
        )
        for indicator in self.rates:
            TargetFactory(indicator=indicator, value=Decimal(90), text="≥90%", confirmed_at=timezone.now())

    @property
    def address(self):
        return self.url("entry/paste")


@pytest.fixture
def place(db):
    return Table()


@pytest.fixture
def officer(place, client):
    client.force_login(place.officer)
    return client


def paste(client, place, text, **more):
    data = {"text": text, "start": "", "day": "2024-06-15", **more}
    return client.post(place.address, data)


def outcomes(answer):
    return {
        line.row.indicator.code if line.row else f"dòng {line.number}": line.reason or line.outcome
        for line in answer.context["lines"]
    }


def confirm(client, place, answer, text, **more):
    return paste(client, place, text, save="1", seen=answer.context["seen"], **more)


# --- the clipboard ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("98,5\r\n97\r\n", [["98,5"], ["97"]]),
        ("1.1\t98\tĐạt\n\n1.3\t\tĐạt", [["1.1", "98", "Đạt"], [""], ["1.3", "", "Đạt"]]),
        ('1.1\t98\tĐạt\t"Dòng 1\nDòng ""2"""\n1.2\t3', [["1.1", "98", "Đạt", 'Dòng 1\nDòng "2"'], ["1.2", "3"]]),
        ('1.1\t"chưa đóng\n1.2\t3', [["1.1", '"chưa đóng'], ["1.2", "3"]]),
        ("98\t\t\t", [["98"]]),
        ("\t98", [["", "98"]]),
    ],
)
def test_cells_as_spreadsheets_put_them_on_the_clipboard(text, table):
    assert read_table(text) == table


@given(st.text(alphabet='a"\t\n\r1', max_size=60))
def test_any_text_is_read_without_a_gap(text):
    try:
        table = read_table(text)
    except NothingPasted:
        return
    kept = "".join(cell for cells in table for cell in cells)
    assert kept.replace('"', "").count("a") == text.count("a")


@pytest.mark.parametrize("text", ["", " \n\t\n", "9\n" * 1000, "x" * 300_000])
def test_nothing_and_far_too_much_are_refused_as_a_whole(place, officer, text):
    answer = paste(officer, place, text)
    assert answer.status_code == 422
    assert not answer.context["lines"]
    assert "error-summary" in answer.content.decode()


@pytest.mark.parametrize("text", ["2.1\t\t", "2.1\t\t\n2.2\t \t\n"])
def test_empty_cells_are_told(place, officer, text):
    answer = paste(officer, place, text)
    assert answer.status_code == 422
    assert "Các ô kết quả đã dán đều trống" in answer.content.decode()


def test_no_answers_a_yes_or_no_row_and_no_other(place, officer):
    answer = paste(officer, place, "1.3\tKhông\n2.1\t80\tKhông")
    assert outcomes(answer)["1.3"] == "save"
    assert "không phải mức đánh giá" in outcomes(answer)["2.1"]
    confirm(officer, place, answer, "1.3\tKhông\n2.1\t80\tKhông")
    assert Entry.objects.get().verdict == "not_met"


def test_a_thousand_lines_say_what_probably_happened(place, officer):
    page = paste(officer, place, "9\n" * 1000).content.decode()
    assert f"Đã dán 1.000 dòng, nhiều hơn {MAX_LINES} dòng" in page


# --- the preview -----------------------------------------------------------------------------


def test_the_preview_says_line_by_line_what_would_come_of_it_and_writes_nothing(place, officer):
    Entry.objects.create(
        unit=place.unit, indicator=place.rates[0], value=95, verdict="met", attainment=100,
        effective_on=date(2024, 6, 15), updated_by=place.officer,
    )  # fmt: skip
    text = (
        "TT\tKết quả\n"
        "1.1\t96,5\tĐạt\tTheo điện lực\n"
        "1.2\tba\n"
        "1.3\tx\n"
        "2.1\t95\tĐạt\n"
        "2.2\t80\tĐạt\n"
        "2.3\t1.182/1.253\tTốt\n"
        "2.10\t1.234,5\n"
    )
    answer = paste(officer, place, text)
    found = outcomes(answer)
    assert "không có chỉ tiêu mã “TT”" in found.pop("dòng 1")
    assert "“ba” không phải là số" in found.pop("1.2")
    assert "chưa đạt yêu cầu ≥90%" in found.pop("2.2")
    assert "“Tốt” không phải mức đánh giá" in found.pop("2.3")
    assert found == {"1.1": "save", "1.3": "save", "2.1": "same", "2.10": "save"}
    assert "Sẽ lưu <strong>3</strong> dòng · giống kết quả đang có <strong>1</strong>" in answer.content.decode()
    assert Entry.objects.count() == 1

    assert confirm(officer, place, answer, text).status_code == 302
    saved = {entry.indicator.code: entry for entry in Entry.objects.select_related("indicator")}
    assert set(saved) == {"1.1", "1.3", "2.1", "2.10"}
    assert (saved["1.1"].value, saved["1.1"].note) == (Decimal("96.5"), "Theo điện lực")
    assert (saved["1.3"].verdict, saved["2.10"].value) == ("met", Decimal("1234.5"))
    assert {entry.effective_on for entry in saved.values()} == {date(2024, 6, 15)}
    assert saved["2.1"].version == 1


def test_from_a_row_downwards_empty_cells_keep_what_is_there(place, officer):
    Entry.objects.create(
        unit=place.unit, indicator=place.rates[1], value=95, verdict="met", attainment=100, note="Giữ lại",
        effective_on=date(2024, 6, 1), updated_by=place.officer,
    )  # fmt: skip
    text = "1.182/1.253\n\n97\n40\n5"
    answer = paste(officer, place, text, start=place.rates[0].pk)
    assert outcomes(answer) == {
        "2.1": "save",
        "2.3": "save",
        "2.10": "save",
        "dòng 5": "Thừa dòng: không còn chỉ tiêu nào ở dưới.",
    }
    confirm(officer, place, answer, text, start=place.rates[0].pk)
    first = Entry.objects.get(indicator=place.rates[0])
    assert (first.part, first.whole, first.value, first.verdict) == (1182, 1253, Decimal("94.33"), "")
    assert Entry.objects.get(indicator=place.rates[1]).note == "Giữ lại"
    # A new figure alone: verdict and note stay, unless they can't stand against it.
    again = paste(officer, place, "99\n80", start=place.rates[1].pk)
    assert outcomes(again)["2.2"] == "save"
    confirm(officer, place, again, "99\n80", start=place.rates[1].pk)
    kept = Entry.objects.get(indicator=place.rates[1])
    assert (kept.value, kept.verdict, kept.note, kept.version) == (99, "met", "Giữ lại", 2)
    refused = paste(officer, place, "80", start=place.rates[1].pk)
    assert "chưa đạt yêu cầu" in outcomes(refused)["2.2"]


def test_what_changes_only_the_day_says_so(place, officer):
    Entry.objects.create(
        unit=place.unit, indicator=place.rates[0], value=95, verdict="met", attainment=100,
        effective_on=date(2024, 5, 31), updated_by=place.officer,
    )  # fmt: skip
    assert "Chỉ đổi thời điểm số liệu" in paste(officer, place, "2.1\t95\tĐạt").content.decode()


def test_an_older_day_does_not_take_the_place_of_a_newer_one(place, officer):
    Entry.objects.create(
        unit=place.unit, indicator=place.rates[0], value=95, verdict="met", attainment=100,
        effective_on=date(2024, 6, 20), updated_by=place.officer,
    )  # fmt: skip
    assert "mới hơn ngày 15/06/2024" in outcomes(paste(officer, place, "2.1\t96\tĐạt"))["2.1"]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("98.5\n1,182", ["98.5", "1182"]),
        ("98,5\n1.182", ["98.5", "1182"]),
        ("98.5\n1.182", ["98.5", "1.182"]),
        ("98,5\n1,182", ["98.5", "1.182"]),
        ("1,234.5\n1,182", ["1234.5", "1182"]),
        ("7\n1.182", ["7", "1182"]),
    ],
)
def test_a_column_is_read_by_the_decimal_mark_its_numbers_show(place, officer, column, values):
    """ "1,182" is 1182 beside an English 98.5, and 1.182 beside a Vietnamese 98,5."""
    Target.objects.all().delete()
    second = IndicatorFactory(criterion=place.income.criterion, code="2.11", position=11, kind="number", measure="m")
    first, other = column.split("\n")
    answer = paste(officer, place, f"2.10\t{first}\n2.11\t{other}")
    confirm(officer, place, answer, f"2.10\t{first}\n2.11\t{other}")
    found = [Entry.objects.get(indicator=one).value for one in (place.income, second)]
    assert found == [Decimal(value) for value in values]


def test_mixed_decimal_marks_are_refused_and_plain_numbers_are_not(place, officer):
    found = outcomes(paste(officer, place, "2.1\t1,234.5\n2.2\t98,5\n2.3\t97\n2.10\t1.182"))
    assert found["2.3"] == "save"
    for code in ("2.1", "2.2", "2.10"):
        assert "không rõ dấu nào là dấu thập phân" in found[code]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2.1\t-5", "không được âm"),
        ("2.1\t1e5", "không phải là số"),
        ("2.1\t#REF!", "không phải là số"),
        ("2.1\t=1+1", "không phải là số"),
        ("2.1\t101", "không được lớn hơn 100"),
        ("2.1\t1.300/1.253", "không được lớn hơn tổng số"),
        ("2.1\t5/0", "Tổng số phải lớn hơn 0"),
        ("2.1\t\tĐạt", "Nhập kết quả thực hiện để đánh giá đạt"),
        ("2.1\t95\tĐạt vững chắc", "không phải mức đánh giá"),
        ("1.3\t\tKhông áp dụng", "Nêu lý do không áp dụng"),
        ("2.1\t95\tKhông áp dụng\tLý do", "không có trường hợp không áp dụng"),
        ("1.3\t98,5", "không phải mức đánh giá"),
        ("2.1\t95\tĐạt\tGhi chú\tthêm", "Dòng có 4 cột"),
        (f"2.1\t95\tĐạt\t{'x' * 2001}", "2000 ký tự"),
        ("2.1\t95\n2.1\t96", "có ở 2 dòng"),
        ("\t95", "Thiếu mã chỉ tiêu"),
        ("1.2\t3,5", "số nguyên"),
    ],
)
def test_what_is_refused_says_why(place, officer, line, reason):
    answer = paste(officer, place, line)
    reasons = [line.reason for line in answer.context["lines"]]
    assert reasons
    assert all(reason in text for text in reasons), reasons
    assert "Không có dòng nào để lưu" in answer.content.decode()


def test_codes_are_found_however_a_spreadsheet_wrote_them(place, officer):
    assert outcomes(paste(officer, place, "2,1\t95\n2.2.\t96\n 2.10 \t5")) == {
        "2.1": "save", "2.2": "save", "2.10": "save"
    }  # fmt: skip


def test_markup_is_shown_as_text(place, officer):
    page = paste(officer, place, "<script>alert(1)</script>\t95\n2.1\t<b>9").content.decode()
    assert "<script>alert" not in page
    assert "&lt;b&gt;9" in page


# --- saving what was seen --------------------------------------------------------------------


def test_a_row_changed_meanwhile_is_told_and_nothing_is_overwritten(place, officer):
    text = "2.1\t95\tĐạt\n2.2\t96\tĐạt"
    answer = paste(officer, place, text)
    Entry.objects.create(
        unit=place.unit, indicator=place.rates[1], value=91, verdict="met", effective_on=date(2024, 6, 1),
        updated_by=place.helper,
    )  # fmt: skip
    refused = confirm(officer, place, answer, text)
    assert refused.status_code == 409
    assert "Chỉ tiêu 2.2 vừa được sửa" in refused.content.decode()
    assert [entry.value for entry in Entry.objects.all()] == [91]
    assert confirm(officer, place, refused, text).status_code == 302
    assert [entry.value for entry in Entry.objects.order_by("indicator_id")] == [95, 96]


def test_a_target_confirmed_meanwhile_is_told_too(place, officer):
    Target.objects.filter(indicator=place.rates[0]).update(confirmed_at=None)
    text = "2.1\t80\tĐạt\n2.2\t96\tĐạt"
    answer = paste(officer, place, text)
    assert outcomes(answer)["2.1"] == "save"
    Target.objects.filter(indicator=place.rates[0]).update(confirmed_at=timezone.now())
    refused = confirm(officer, place, answer, text)
    assert refused.status_code == 409
    assert not Entry.objects.exists()


@pytest.mark.parametrize("seen", ["", "x:y", f"{'9' * 5000}:1", "1:0 2:0"])
def test_a_forged_memory_of_the_preview_saves_nothing(place, officer, seen):
    assert paste(officer, place, "2.1\t95\tĐạt", save="1", seen=seen).status_code == 409
    assert not Entry.objects.exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"day": "2099-01-01"}, "ở tương lai"),
        ({"day": "2019-01-01"}, "ngoài giai đoạn"),
        ({"day": "hôm qua"}, "Nhập ngày như"),
        ({"start": "999999"}, ""),
        ({"start": "abc"}, ""),
    ],
)
def test_bad_days_and_rows_are_refused(place, officer, more, words):
    answer = paste(officer, place, "2.1\t95", save="1", seen="", **more)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Entry.objects.exists()


def test_the_day_offered_is_the_end_of_the_open_period(place, officer):
    ReportingPeriod.objects.create(
        area=place.district, kind="month", name="Tháng 5", ends_on="2024-05-31", due_on="2024-06-05"
    )
    assert 'value="2024-05-31"' in officer.get(place.address).content.decode()


def test_who_may_paste(place, client):
    client.force_login(place.staff)
    assert client.get(place.address).status_code == 403
    assert paste(client, place, "2.1\t95", save="1").status_code == 403
    client.force_login(place.neighbour)
    assert client.get(place.address).status_code == 404
    assert paste(client, place, "2.1\t95", save="1").status_code == 404
    assert not Entry.objects.exists()


def test_the_preview_asks_no_more_for_more_lines(place, officer, count_queries):
    def count(text):
        with count_queries() as queries:
            assert paste(officer, place, text).status_code == 200
        return len(queries)

    few = count("2.1\t95\n2.2\t95\n2.3\t96")
    for number in range(30):
        IndicatorFactory(criterion=place.income.criterion, code=f"2.{number + 20}", position=number + 20)
    assert count("\n".join(f"2.{number + 20}\t95" for number in range(30))) == few
