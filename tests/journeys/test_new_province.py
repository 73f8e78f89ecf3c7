"""From an empty install to a province's first number, as the guide tells it and by clicking alone.

"Bắt đầu một tỉnh mới", line by line: the superuser makes the coordinator's account and hands in the
47 indicators of the set of 2026–2030; the coordinator sorts the communes, sets the province's targets,
makes accounts and takes in an old table; a commune enters its first row. The indicators are the test's own.
"""

import re
from datetime import date
from io import BytesIO

import pytest
from django.core.management import call_command
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet
from playwright.sync_api import Page, expect

from tests.criteria.history_world import workbook
from tests.ntm.test_second_factor import code_of

TODAY = date(2026, 9, 30)
PROVINCES = ["38", "42"]
FIRST, NEW = "Mật khẩu của máy chủ mới", "Mật khẩu riêng của tôi"
DECISION = "34/2026/QĐ-UBND"
SIZES = [5, 5, 5, 5, 5, 5, 5, 4, 4, 4]
GROUPS = {"nhom-1": 95, "nhom-2": 90, "nhom-3": 85}


@pytest.fixture
def installed(transactional_db, media, settings, monkeypatch):
    """What the README's commands leave: today's units with their past, the shipped sets, one superuser."""
    settings.NTM_TODAY = TODAY
    settings.REQUIRE_TOTP = True
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", FIRST)
    call_command("load_units", date=date(2026, 7, 1), province=PROVINCES, history=True, verbosity=0)
    call_command("load_criteria", verbosity=0)
    call_command(
        "createsuperuser", interactive=False, username="quantri", full_name="Quản trị hệ thống", verbosity=0
    )  # fmt: skip


@pytest.mark.writes_on_get("mfa_authenticator")
def test_a_new_province_as_the_guide_tells_it(installed, open_page):
    admin = open_page()
    sign_in(admin, "quantri", FIRST)
    set_up_second_factor(admin, FIRST)
    expect(admin.get_by_text("chưa tỉnh nào có điều phối viên")).to_be_visible()
    slip = make_coordinator(admin)
    hand_in_the_indicators(admin)
    confirm_the_first_criterion(admin)

    coordinator = open_page()
    sign_in(coordinator, "dieuphoi", slip)
    choose_password(coordinator, slip)
    set_up_second_factor(coordinator, NEW)
    expect(coordinator.get_by_text("Chưa xã nào có người nhập kết quả.")).to_be_visible()
    sort_communes(coordinator)
    set_targets(coordinator)
    open_period(coordinator)
    slips = make_accounts(coordinator)
    take_in_an_old_table(coordinator)

    officer = open_page(width=360, height=740)
    sign_in(officer, "canboxacanloc", slips["canboxacanloc"])
    choose_password(officer, slips["canboxacanloc"])
    enter_and_send(officer)

    go(coordinator, "Việc cần làm", "Việc cần làm")
    expect(coordinator.get_by_role("link", name=re.compile("^Xã có kết quả chờ tiếp nhận"))).to_be_visible()
    read_the_first_number(coordinator)


# --- signing in ------------------------------------------------------------------------------


def go(page: Page, entry: str, heading: str) -> None:
    """By the main menu to the page of this heading."""
    page.get_by_role("navigation").get_by_role("link", name=entry, exact=True).first.click()
    expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()


def follow(page: Page, name: str | re.Pattern) -> None:
    page.get_by_role("main").get_by_role("link", name=name).first.click()


def press(page: Page, name: str | re.Pattern) -> None:
    page.get_by_role("main").get_by_role("button", name=name).click()


def sign_in(page: Page, username: str, password: str) -> None:
    page.goto("/")
    page.get_by_label("Tên đăng nhập").fill(username)
    page.get_by_label("Mật khẩu", exact=True).fill(password)
    press(page, "Đăng nhập")


def choose_password(page: Page, slip: str) -> None:
    page.get_by_label("Mật khẩu hiện tại").fill(slip)
    page.get_by_label("Mật khẩu mới", exact=True).fill(NEW)
    page.get_by_label("Nhập lại mật khẩu mới").fill(NEW)
    press(page, "Đổi mật khẩu")
    expect(page.get_by_text("Đã đổi mật khẩu.")).to_be_visible()


def set_up_second_factor(page: Page, password: str) -> None:
    expect(page.get_by_role("heading", name="Xác nhận mật khẩu")).to_be_visible()
    page.get_by_label("Mật khẩu", exact=True).fill(password)
    press(page, "Tiếp tục")
    secret = page.get_by_text("Không quét được thì nhập khóa").inner_text().split()[-1]
    page.get_by_label("Mã xác thực").fill(code_of(secret))
    press(page, "Bật xác thực hai lớp")
    follow(page, "Đã cất mã, tiếp tục")
    expect(page.get_by_role("heading", name="Việc cần làm")).to_be_visible()


def printed(page: Page) -> dict[str, str]:
    """The passwords on the slips a page shows, by sign-in name."""
    press(page, "Cấp mật khẩu và hiện phiếu")
    expect(page.get_by_role("heading", name="Phiếu mật khẩu dùng một lần")).to_be_visible()
    text = page.get_by_role("main").inner_text()
    return dict(re.findall(r"Tên đăng nhập\s+(\S+)\s+Mật khẩu dùng một lần\s+(\S+)", text))


# --- the superuser ------------------------------------------------------------------------------


def make_coordinator(page: Page) -> str:
    go(page, "Người dùng", "Người dùng")
    follow(page, "Tạo người dùng")
    follow(page, "Tỉnh Hà Tĩnh")
    page.get_by_label("Họ và tên").fill("Điều phối viên Hà Tĩnh")
    page.get_by_label("Tên đăng nhập").fill("dieuphoi")
    page.get_by_label("Vai trò").select_option(label="Điều phối viên tỉnh")
    page.get_by_role("combobox", name=re.compile("^Đơn vị")).select_option(label="42 – Tỉnh Hà Tĩnh")
    press(page, "Tạo người dùng")
    return printed(page)["dieuphoi"]


def hand_in_the_indicators(page: Page) -> None:
    """The shipped set has its ten criteria only: 47 indicators with a target a group go in by its own workbook."""
    go(page, "Bộ tiêu chí", "Bộ tiêu chí và số liệu")
    follow(page, "Bộ tiêu chí")
    follow(page, re.compile("2026 - 2030"))
    expect(page.get_by_text("văn bản nói 47")).to_be_visible()
    book = load_workbook(BytesIO(downloaded(page, "Tải về Excel")))
    indicators, targets, about = book["Chỉ tiêu"], book["Yêu cầu"], book["Bộ tiêu chí"]
    for criterion, size in enumerate(SIZES, start=1):
        for code in (f"{criterion}.{place}" for place in range(1, size + 1)):
            add(indicators, {"Tiêu chí": criterion, "Mã": code, "Nội dung": f"Tỷ lệ thử {code}", "Kiểu": "Tỷ lệ (%)",
                             "Đơn vị tính": "%"})  # fmt: skip
            for group, value in GROUPS.items():
                add(targets, {"Chỉ tiêu": code, "Vùng, nhóm": group, "So sánh": ">=", "Mức": value,
                              "Yêu cầu như văn bản": f"≥{value}%"})  # fmt: skip
    next(row for row in about.iter_rows() if row[0].value == "Chưa đủ chỉ tiêu")[1].value = "Không"
    follow(page, "Tải lên bản đã sửa")
    page.get_by_label("Ngày áp dụng thay đổi").fill("15/02/2026")
    hand_in(page, "Tệp bộ tiêu chí", book, "Kiểm tra và xem trước")
    expect(page.get_by_text("47 (văn bản nói 47)")).to_be_visible()
    press(page, "Xác nhận, ghi 47 thay đổi")
    follow(page, "Mở bộ tiêu chí")
    expect(page.get_by_text("47 chỉ tiêu, khớp số của văn bản")).to_be_visible()


def confirm_the_first_criterion(page: Page) -> None:
    go(page, "Việc cần làm", "Việc cần làm")
    follow(page, "Đối chiếu và xác nhận")
    press(page, re.compile("^Xác nhận 15 yêu cầu của tiêu chí 1$"))
    page.get_by_role("dialog").get_by_role("button", name="Đồng ý").click()
    expect(page.get_by_text("Đã xác nhận 15 yêu cầu của tiêu chí 1.")).to_be_visible()


# --- the coordinator ------------------------------------------------------------------------------


def sort_communes(page: Page) -> None:
    """One by hand, the others by workbook."""
    go(page, "Bộ tiêu chí", "Bộ tiêu chí và số liệu")
    follow(page, "Nhóm xã và mức vùng núi")
    page.get_by_role("checkbox", name=re.compile("^Xã Can Lộc")).check()
    page.get_by_role("combobox", name=re.compile("^Nhóm xã")).select_option(label="Xã nhóm 1")
    page.get_by_label("Từ ngày").fill("15/02/2026")
    page.get_by_label("Văn bản").fill(DECISION)
    press(page, "Đổi các xã đã đánh dấu")
    expect(page.get_by_text("Đã đổi 1 xã.")).to_be_visible()
    expect(page.get_by_role("link", name="Chưa xếp nhóm 59")).to_be_visible()
    book = load_workbook(BytesIO(downloaded(page, "Tải bảng Excel")))
    sheet = book.worksheets[0]
    for place in range(5, sheet.max_row + 1):
        if sheet.cell(place, 4).value == "Chưa xếp nhóm":
            sheet.cell(place, 4).value = "Xã nhóm 3" if place % 2 else "Xã nhóm 2"
            sheet.cell(place, 6).value, sheet.cell(place, 7).value = date(2026, 2, 15), DECISION
    follow(page, "Nhận bảng Excel")
    hand_in(page, "Tệp Excel đã ghi", book, "Xem trước")
    press(page, "Ghi 59 xã")
    expect(page.get_by_text("Đã đổi 59 xã")).to_be_visible()
    follow(page, "Về danh sách nhóm xã")
    expect(page.get_by_role("link", name="Chưa xếp nhóm 0")).to_be_visible()


def set_targets(page: Page) -> None:
    """One on the page, one by workbook; both compared with the decision."""
    go(page, "Bộ tiêu chí", "Bộ tiêu chí và số liệu")
    follow(page, "Yêu cầu theo vùng, nhóm xã")
    page.get_by_role("row", name=re.compile("^1.1 ")).get_by_role("link", name=re.compile("95%")).click()
    page.get_by_role("textbox", name=re.compile("^Mức")).fill("96")
    page.get_by_role("textbox", name=re.compile("^Văn bản")).fill(DECISION)
    page.get_by_role("checkbox", name="Tôi đã đối chiếu mức này với văn bản").check()
    press(page, "Lưu")
    expect(page.get_by_text("Đã lưu 1 yêu cầu.")).to_be_visible()
    book = load_workbook(BytesIO(downloaded(page, "Tải bảng Excel")))
    sheet = book.worksheets[0]
    row = next(row for row in sheet.iter_rows(min_row=5) if (row[1].value, row[4].value) == ("1.2", "Xã nhóm 1"))
    row[9].value, row[10].value, row[12].value, row[13].value = "≥", 97, DECISION, "x"
    follow(page, "Nhận bảng Excel")
    hand_in(page, "Tệp Excel đã ghi", book, "Xem trước")
    press(page, "Ghi 1 yêu cầu")
    follow(page, "Về bảng yêu cầu")
    expect(page.get_by_role("link", name="Địa phương 2")).to_be_visible()


def open_period(page: Page) -> None:
    page.get_by_role("navigation").get_by_role("link", name="Quản trị", exact=True).first.click()
    page.get_by_role("row", name="Kỳ báo cáo").get_by_role("link", name="Thêm").click()
    page.locator(".field-area .select2-selection").click()
    page.locator(".select2-search__field").fill("Hà Tĩnh")
    page.get_by_role("option", name="Tỉnh Hà Tĩnh (42)").click()
    page.get_by_label("Loại kỳ").select_option(label="Quý")
    page.get_by_label("Tên").fill("Quý III/2026")
    page.get_by_label("Số liệu đến ngày").fill("30/09/2026")
    page.get_by_label("Hạn gửi").fill("10/10/2026")
    page.get_by_role("button", name="Lưu lại", exact=True).click()
    expect(page.get_by_role("link", name="Quý III/2026").first).to_be_visible()
    page.get_by_role("link", name=re.compile("về trang chính", re.IGNORECASE)).click()


def make_accounts(page: Page) -> dict[str, str]:
    go(page, "Người dùng", "Người dùng")
    follow(page, "Danh sách Excel")
    book = load_workbook(BytesIO(downloaded(page, re.compile("^Tải tệp mẫu"))))
    sheet = book["Danh sách"]
    for name, role in (("Cán bộ xã Can Lộc", "Cán bộ phụ trách tiêu chí"), ("Lãnh đạo xã Can Lộc", "Lãnh đạo xã")):
        add(sheet, {"Việc": "Tạo mới", "Họ và tên": name, "Vai trò": role, "Đơn vị": "18406 – Xã Can Lộc",
                    "Được gửi": "Có" if role != "Lãnh đạo xã" else None})  # fmt: skip
    hand_in(page, "Tệp danh sách", book, "Xem trước")
    press(page, "Xác nhận, thực hiện 2 dòng")
    expect(page.get_by_text("2 người chưa có mật khẩu.")).to_be_visible()
    return printed(page)


def take_in_an_old_table(page: Page) -> None:
    """The year before, by criteria of the earlier set; one commune is named as it was before the merger."""
    go(page, "Bộ tiêu chí", "Bộ tiêu chí và số liệu")
    follow(page, "Số liệu các năm trước")
    page.get_by_role("combobox", name="Bộ tiêu chí").select_option(
        label="Bộ tiêu chí quốc gia về xã nông thôn mới giai đoạn 2021 - 2025"
    )
    page.get_by_label("Kết quả của cấp nào").select_option(label="Kết quả thẩm định")
    page.get_by_label("Tính đến ngày").fill("31/12/2025")
    page.get_by_label("Văn bản, nguồn").fill("Báo cáo 15/BC-VPĐP")
    rows = [["Xã", *range(1, 20)], ["Can Lộc", *"x" * 19], ["Kim Song Trường", *"x" * 19]]
    page.get_by_label("Tệp bảng cũ").set_input_files(
        {"name": "Năm 2025.xlsx", "mimeType": "application/octet-stream", "buffer": workbook(rows)}
    )
    press(page, "Tải lên và đọc bảng")
    for step in ("Dòng tiêu đề", "Các cột", "Ý nghĩa các dấu"):
        expect(page.get_by_role("heading", name=step, level=1)).to_be_visible()
        press(page, "Tiếp tục")
    page.get_by_role("row", name=re.compile("Kim Song Trường")).get_by_role("combobox").select_option(
        label="Bỏ qua dòng này"
    )
    press(page, "Kiểm tra và xem trước")
    press(page, "Xác nhận, ghi 19 kết quả")
    expect(page.get_by_role("link", name="Hủy kết quả của bảng này")).to_be_visible()


# --- the commune, and what the province then sees --------------------------------------------------------


def enter_and_send(page: Page) -> None:
    follow(page, "Nhập kết quả")
    follow(page, re.compile(r"^1\. Quy hoạch"))
    row = page.locator("form.entry-row", has_text="Tỷ lệ thử 1.1")
    expect(row.get_by_text("≥ 96 %")).to_be_visible()
    row.get_by_label("Kết quả thực hiện (%)").fill("97,5")
    expect(row.get_by_text("Gợi ý đánh giá: Đạt")).to_be_visible()
    row.locator("label.verdict-choice", has_text=re.compile(r"✓\s*Đạt\s*$")).click()
    row.get_by_role("button", name="Lưu chỉ tiêu 1.1").click()
    expect(row.get_by_text("Đã lưu lúc")).to_be_visible()
    follow(page, "Gửi cấp trên")
    press(page, "Gửi cấp trên")
    expect(page.get_by_text("Đã gửi cấp trên 1 chỉ tiêu thay đổi.")).to_be_visible()


def read_the_first_number(page: Page) -> None:
    go(page, "Bảng tổng hợp", "Bảng tổng hợp theo xã: Tỉnh Hà Tĩnh")
    expect(page.get_by_role("row").filter(has_text="Can Lộc")).to_contain_text("mới đánh giá 1/10")
    page.get_by_role("main").get_by_role("link", name="Can Lộc", exact=True).click()
    book = load_workbook(BytesIO(downloaded(page, "Tải biểu Excel")))
    line = next(row for row in book["Chỉ tiêu"].iter_rows(values_only=True) if row[0] == "1.1")
    assert {"≥ 96 %", 97.5, "Đạt"} <= set(line)
    assert "Quy định của tỉnh Hà Tĩnh cho xã nhóm 1" in line
    # The old table stands beside it, under its own set.
    follow(page, "Nông thôn mới 2021–2025")
    expect(page.get_by_role("link", name="Kết quả thẩm định 19/19 đạt")).to_be_visible()


# --- files ------------------------------------------------------------------------------------------


def downloaded(page: Page, name: str | re.Pattern) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("main").get_by_role("link", name=name).click()
    return download.value.path().read_bytes()


def hand_in(page: Page, label: str, book, button: str) -> None:
    stream = BytesIO()
    book.save(stream)
    page.get_by_label(label).set_input_files(
        {"name": "Đã ghi.xlsx", "mimeType": "application/octet-stream", "buffer": stream.getvalue()}
    )
    press(page, button)


def add(sheet: Worksheet, values: dict) -> None:
    """A row below the others, each value under its heading."""
    headings = {str(cell.value).removesuffix(" *"): cell.column for cell in sheet[1]}
    place = next(
        number for number in range(2, 10_000) if sheet.cell(number, headings[next(iter(values))]).value is None
    )
    for heading, value in values.items():
        sheet.cell(place, headings[heading]).value = value
