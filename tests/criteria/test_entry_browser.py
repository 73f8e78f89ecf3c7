"""Fast entry in a real browser: rows by keyboard alone, the focus kept, a column pasted from a spreadsheet."""

from decimal import Decimal

import pytest
from django.utils import timezone

from criteria.models import BaseFigure, Entry, ReportingPeriod
from tests.criteria.test_entry import Place
from tests.factories import IndicatorFactory, TargetFactory


class Rows(Place):
    """The criterion with three more rates, its open period ended in May, and the households of the commune."""

    def __init__(self) -> None:
        super().__init__()
        criterion = self.rate.criterion
        self.rates = [
            IndicatorFactory(criterion=criterion, code=f"1.{n}", position=n, name="Tỷ lệ hộ có điện") for n in (4, 5, 6)
        ]
        for indicator in self.rates:
            TargetFactory(indicator=indicator, value=Decimal(90), text="≥90%", confirmed_at=timezone.now())
        ReportingPeriod.objects.create(
            area=self.district, kind="month", name="Tháng 5", ends_on="2024-05-31", due_on="2024-06-05"
        )
        BaseFigure.objects.create(unit=self.unit, year=2024, key="households", value=1253, updated_by=self.officer)


@pytest.fixture
def place(live_server) -> Rows:
    return Rows()


@pytest.fixture
def page(place: Rows, open_page):
    page = open_page(place.officer.username)
    page.goto(place.url("criteria/1"))
    page.evaluate("window.stillHere = true")
    return page


def saved(page, indicator) -> None:
    page.locator(f"#row-{indicator.pk}.is-saved").wait_for()


def focused(page, indicator, field: str) -> None:
    page.locator(f"#row-{indicator.pk} [name={field}]:focus").wait_for()


def test_a_criterion_is_entered_by_keyboard_alone(place: Rows, page) -> None:
    keys = page.keyboard
    page.locator(f"#value-{place.rate.pk}").focus()
    keys.type("98,5")
    keys.press("Alt+1")
    keys.press("Enter")
    focused(page, place.count, "value")
    keys.type("3")
    keys.press("Tab")  # to the verdicts
    keys.press("3")
    keys.press("Enter")
    focused(page, place.yes, "verdict")  # the yes/no row begins with its verdicts
    keys.press("1")
    keys.press("Enter")
    for indicator in place.rates:
        focused(page, indicator, "value")
        keys.type("91")
        keys.press("Alt+1")
        keys.press("Enter")
    for indicator in (place.rate, place.count, place.yes, *place.rates):
        saved(page, indicator)
    # The last row keeps the focus, though its answer took its place.
    focused(page, place.rates[-1], "verdict")
    found = {entry.indicator_id: entry for entry in Entry.objects.all()}
    assert {entry.verdict for entry in found.values()} == {"met", "not_met"}
    assert (found[place.rate.pk].value, found[place.count.pk].verdict) == (Decimal("98.5"), "not_met")
    assert {f"{entry.effective_on}" for entry in found.values()} == {"2024-05-31"}
    assert page.evaluate("window.stillHere"), "the page was loaded anew"

    keys.press("Shift+Enter")  # nothing typed: only moves
    focused(page, place.rates[1], "value")
    assert Entry.objects.get(indicator=place.rates[1]).version == 1


def test_a_refused_row_gets_the_focus_back_and_enter_stays_a_line_end_in_the_note(place: Rows, page) -> None:
    keys = page.keyboard
    page.locator(f"#value-{place.rate.pk}").focus()
    keys.type("abc")
    keys.press("Enter")
    page.locator(f"#value-error-{place.rate.pk}").wait_for()
    focused(page, place.rate, "value")
    assert page.locator(f"#value-{place.rate.pk}").input_value() == "abc"
    page.locator(f"#row-{place.rate.pk} summary").click()
    page.locator(f"#note-{place.rate.pk}").focus()
    keys.type("Dòng 1")
    keys.press("Enter")
    keys.type("1")  # a digit, no verdict
    assert page.locator(f"#note-{place.rate.pk}").input_value() == "Dòng 1\n1"
    assert page.locator(f'#row-{place.rate.pk} input[name="verdict"]:checked').count() == 0
    assert not Entry.objects.exists()
    # Who has gone on typing elsewhere is told, and left there.
    page.locator(f"#value-{place.rate.pk}").focus()
    page.route("**/entry/", lambda route: (page.wait_for_timeout(300), route.continue_()))
    keys.press("Enter")
    keys.type("7")
    page.get_by_text("Chỉ tiêu 1.1 chưa lưu").wait_for()
    focused(page, place.count, "value")
    assert page.locator(f"#value-{place.count.pk}").input_value() == "7"


def test_base_figures_are_offered_and_a_difference_is_pointed_out(place: Rows, page) -> None:
    row = page.locator(f"#row-{place.rate.pk}")
    whole = page.locator(f"#whole-{place.rate.pk}")
    assert whole.get_attribute("placeholder") == "1.253"
    assert whole.input_value() == ""
    row.get_by_role("button", name="Dùng số liệu nền").click()
    assert whole.input_value() == "1.253"
    assert not row.get_by_text("Số liệu nền 2024").is_visible()
    whole.fill("1300")
    page.locator(f"#part-{place.rate.pk}").fill("1.290")
    page.locator(f"#part-{place.rate.pk}").press("Enter")
    saved(page, place.rate)
    # The saved row still knows what only the page had been told.
    row.get_by_text("Số liệu nền 2024: 1.253 hộ, khác tổng số đang nhập").wait_for()
    assert Entry.objects.get().whole == 1300


def test_ticked_rows_are_met_and_unchanged_ones_renewed_in_place(place: Rows, page) -> None:
    button = page.get_by_role("button", name="Đạt cho các dòng đã chọn")
    assert not button.is_visible()
    page.get_by_label("Chọn chỉ tiêu 1.3").check()
    button.click()
    page.get_by_text("Đã ghi Đạt cho 1 dòng, thời điểm số liệu 31/05/2024.").wait_for()
    saved(page, place.yes)
    assert not button.is_visible()
    Entry.objects.update(effective_on="2024-04-30")
    page.get_by_role("button", name="Không thay đổi").click()
    page.get_by_text("Đã ghi thời điểm số liệu 31/05/2024 cho 1 dòng của tiêu chí 1.").wait_for()
    assert f"{Entry.objects.get().effective_on}" == "2024-05-31"
    # Typed and not saved: such a step would draw the row anew.
    page.locator(f"#value-{place.rate.pk}").fill("9")
    page.get_by_role("button", name="Không thay đổi").click()
    page.get_by_text("Có dòng đang nhập chưa lưu").wait_for()
    assert page.locator(f"#value-{place.rate.pk}").input_value() == "9"
    assert page.evaluate("window.stillHere")


def test_a_column_pasted_into_a_row_is_previewed_and_saved(place: Rows, page) -> None:
    page.evaluate(
        """([id, text]) => {
            const data = new DataTransfer();
            data.setData("text/plain", text);
            const input = document.getElementById(id);
            input.focus();
            input.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }""",
        [f"value-{place.rates[0].pk}", "91,5\r\nkhông rõ\r\n1.200/1.253\r\n"],
    )
    page.get_by_role("heading", name="Xem trước").wait_for()
    assert page.get_by_text("Sẽ lưu 2 dòng").is_visible()
    assert page.get_by_text("“không rõ” không phải là số").is_visible()
    assert not Entry.objects.exists()
    page.get_by_role("button", name="Lưu 2 dòng").click()
    page.get_by_text("Đã lưu 2 chỉ tiêu dán từ Excel").wait_for()
    found = {entry.indicator_id: entry.value for entry in Entry.objects.all()}
    assert found == {place.rates[0].pk: Decimal("91.5"), place.rates[2].pk: Decimal("95.77")}
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_sent_row_that_changes_speaks_of_the_present_period(place: Rows, page) -> None:
    entry = Entry.objects.create(
        unit=place.unit, indicator=place.rate, value=96, verdict="met", effective_on="2024-04-30",
        version=1, sent_version=1, attainment=100, updated_by=place.officer,
    )  # fmt: skip
    page.reload()
    row = page.locator(f"#row-{place.rate.pk}")
    assert row.get_by_text("thời điểm số liệu: 30/04/2024").is_visible()
    page.locator(f"#value-{place.rate.pk}").fill("97")
    assert row.get_by_text("thời điểm số liệu: 31/05/2024").is_visible()
    page.locator(f"#value-{place.rate.pk}").press("Enter")
    saved(page, place.rate)
    entry.refresh_from_db()
    assert f"{entry.effective_on}" == "2024-05-31"
