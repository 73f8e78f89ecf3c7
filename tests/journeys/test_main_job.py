"""The main job from end to end in a real browser: evidence in, visit recorded, readiness out.

By clicking alone, as the README tells it: an officer of Đông Phú enters a value, a verdict
and a PDF and sends them; the provincial team plans, scores and concludes a visit; the
district opens the workbook and finds the new verdicts in it.
"""

import re
from io import BytesIO

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Locator, Page, expect

from criteria.models import Assessment
from tests.criteria.files import pdf

PASSWORD = "ntm-demo-2026"


def sign_in(page: Page, username: str) -> None:
    page.goto("/")
    page.get_by_label("Tên đăng nhập").fill(username)
    page.get_by_label("Mật khẩu", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Đăng nhập").click()
    expect(page.get_by_role("heading", name="Việc cần làm")).to_be_visible()


def test_evidence_in_visit_recorded_readiness_out(cast, media, open_page):
    enter_and_send(open_page())
    code = plan_visit(open_page())
    member_scores(open_page(width=360, height=740))
    conclude(open_page(), code)
    read_workbook(open_page())


def enter_and_send(page: Page) -> None:
    sign_in(page, "canbo.dongphu")
    page.get_by_role("link", name="Nhập kết quả").first.click()
    page.get_by_role("link", name=re.compile(r"^12\. Lao động")).click()
    row = page.locator("form.entry-row", has_text="12.1")
    row.get_by_label("Kết quả thực hiện (%)").fill("80,5")
    expect(row.get_by_text("Gợi ý đánh giá: Đạt")).to_be_visible()
    choose(row, "Đạt")
    row.get_by_role("button", name="Lưu chỉ tiêu 12.1").click()
    expect(row.get_by_text("Đã lưu lúc")).to_be_visible()
    block = page.locator(".indicator-block", has=page.locator("form.entry-row", has_text="12.1"))
    block.locator("input[type=file]").set_input_files(
        {"name": "Báo cáo lao động qua đào tạo.pdf", "mimeType": "application/pdf", "buffer": pdf()}
    )
    upload = block.get_by_role("button", name="Tải lên")
    if upload.is_visible():
        upload.click()
    expect(block.get_by_role("link", name="Báo cáo lao động qua đào tạo")).to_be_visible()
    page.get_by_role("link", name="Gửi cấp trên").click()
    expect(page.get_by_role("link", name=re.compile("^12\\.1 "))).to_be_visible()
    expect(page.get_by_role("checkbox", name="12. Lao động")).to_be_checked()
    page.get_by_role("button", name="Gửi cấp trên").click()
    expect(page.get_by_text("Đã gửi cấp trên 1 chỉ tiêu thay đổi.")).to_be_visible()


def choose(row: Locator, verdict: str) -> None:
    row.locator("label.verdict-choice").filter(has_text=re.compile(rf"{verdict}\s*$")).click()


def plan_visit(page: Page) -> str:
    sign_in(page, "doan.truong")
    page.get_by_role("link", name="Kiểm tra, thẩm định").first.click()
    page.get_by_role("link", name="Lập kế hoạch kiểm tra").first.click()
    page.get_by_label("Xã được kiểm tra").select_option(label="Xã Đông Phú")
    page.get_by_role("button", name="Tiếp tục").click()
    page.get_by_label("Hình thức").select_option(label="Thẩm định")
    page.get_by_label("Ngày dự kiến").fill("2024-06-30")
    page.get_by_role("button", name="Lập kế hoạch").click()
    page.wait_for_url(re.compile(r"/visits/\d+/"))
    if not page.url.endswith("/team/"):
        page.get_by_role("link", name="Thành phần đoàn").click()
    if not page.get_by_role("button", name="Thêm vào đoàn").is_visible():
        page.get_by_text("Thêm người vào đoàn").click()
    page.locator("#id_user").select_option(label=re_option(page, "Thành viên đoàn Thanh Hóa"))
    page.get_by_label("Vai trò").select_option(label="Thành viên")
    page.get_by_role("button", name="Thêm vào đoàn").click()
    line = page.get_by_role("row", name=re.compile(r"^12\. Lao động"))
    line.get_by_label("Thành viên đoàn Thanh Hóa").check()
    page.get_by_role("button", name="Lưu phân công").click()
    expect(page.get_by_text("Đã lưu phân công")).to_be_visible()
    page.get_by_role("link", name=re.compile("^Xong")).click()
    page.get_by_role("button", name="Bắt đầu kiểm tra").click()
    expect(page.get_by_text("Đang kiểm tra").first).to_be_visible()
    return page.url


def re_option(page: Page, name: str) -> str:
    """The whole label of the option that names this person (with post and agency)."""
    return next(text for text in page.locator("#id_user option").all_inner_texts() if name in text)


def member_scores(page: Page) -> None:
    """On a phone: the member agrees with the commune on one row and scores the other."""
    sign_in(page, "doan.vien")
    page.get_by_role("link", name=re.compile("Đông Phú")).first.click()
    page.get_by_role("link", name="Chấm tiếp tiêu chí 12").click()
    first = page.locator("article", has_text="12.1")
    expect(first.get_by_text("80,5").first).to_be_visible()
    expect(first.get_by_text("Báo cáo lao động qua đào tạo")).to_be_visible()
    first.get_by_role("button", name=re.compile("Nhất trí với xã")).click()
    expect(first.get_by_text("Nhất trí với xã ·")).to_be_visible()
    second = page.locator("article", has_text="12.2")
    second.get_by_label(re.compile("tỷ lệ|Kết quả")).fill("20")
    choose(second, "Cơ bản đạt")
    second.get_by_role("button", name="Lưu kết quả").click()
    expect(second.get_by_text("Đã lưu lúc")).to_be_visible()


def conclude(page: Page, visit: str) -> None:
    sign_in(page, "doan.truong")
    page.goto(visit)
    page.get_by_role("link", name=re.compile(r"^4\. Điện")).click()
    row = page.locator("article", has_text="4.1")
    choose(row, "Đạt vững chắc")
    row.get_by_role("button", name="Lưu kết quả").click()
    expect(row.get_by_text("Đã lưu lúc")).to_be_visible()
    page.goto(visit)
    page.goto(visit + "conclude/")
    page.get_by_label("Lý do chưa chấm").fill("Đợt này chỉ kiểm tra tiêu chí 4 và 12")
    page.get_by_label("Kết luận", exact=True).fill("Đoàn ghi nhận kết quả tiêu chí 12.")
    page.get_by_role("button", name="Kết luận và khóa").click()
    page.get_by_role("dialog").get_by_role("button", name="Kết luận và khóa").click()
    # The first minutes a worker draws load what draws them.
    expect(page.get_by_text("Đã kết luận").first).to_be_visible()


def read_workbook(page: Page) -> None:
    sign_in(page, "huyen.dongson")
    page.get_by_role("link", name="Đông Phú", exact=True).first.click()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("Excel|Tải biểu")).first.click()
    book = load_workbook(BytesIO(download.value.path().read_bytes()))
    cells = {}
    for sheet in book.worksheets:
        for line in sheet.iter_rows(values_only=True):
            text = [cell for cell in line if cell is not None]
            if "12.1" in text[:1] or "12.2" in text[:1] or "4.1" in text[:1]:
                cells.setdefault(text[0], []).append(text)
    assert any(
        "Đạt" in line and 80.5 in line and "Báo cáo lao động" in " ".join(map(str, line)) for line in cells["12.1"]
    )
    assert any("Cơ bản đạt" in line for line in cells["12.2"])
    assert any("Đạt vững chắc" in line for line in cells["4.1"])
    assert Assessment.objects.filter(unit__code="16420", stage="province").count() == 3


@pytest.mark.parametrize("width", [360, 1366])
def test_the_keyboard_alone_completes_an_entry(cast, open_page, width):
    from communes.models import Unit

    unit = Unit.objects.get(level="commune", code="16420", closed_on=None)
    page = open_page("canbo.dongphu", width=width)
    page.goto(f"/units/{unit.pk}/criteria/12/")
    row = page.locator("form.entry-row", has_text="12.1")
    reach(page, "name", "value")
    page.keyboard.type("80,5")
    reach(page, "name", "verdict")
    page.keyboard.press("Space")
    expect(row.locator("input[name=verdict]").first).to_be_checked()
    page.keyboard.press("Enter")
    expect(row.get_by_text("Đã lưu lúc")).to_be_visible()
    assert Assessment.objects.filter(unit=unit, stage="self", indicator__code="12.1").count() == 0


def reach(page: Page, attribute: str, value: str) -> None:
    """Press Tab until an element with this attribute has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("name => document.activeElement.getAttribute(name)", attribute) == value:
            return
    raise AssertionError(f"the keyboard never reached {attribute}={value}")
