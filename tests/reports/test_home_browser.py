"""Việc cần làm on a small phone: each of the cast finds the next thing on the first screen, and can do it."""

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

WIDTH, HEIGHT, TOUCH = 360, 740, 44


@dataclass(frozen=True)
class Next:
    """What the button says, what to open from its page (a selector, if the page is a list), and where the
    thing itself is done: a selector."""

    says: str
    does: str
    opens: str = ""


ENTER = Next("Nhập kết quả", "form.entry-row button[type=submit]")
LIST = "main table tbody a"
CAST = {
    "canbo.dongphu": ENTER,
    "lanhdao.dongphu": ENTER,
    "canbo.kimsongtruong": ENTER,
    "canbo.dongthinh": Next("Xem và khắc phục", "button:has-text('Báo đã khắc phục')", LIST),
    "huyen.dongson": Next("Xem và cập nhật", "main form button:has-text('Lưu')", LIST),
    "huyen.canloc": Next("Xem và đôn đốc", "main a:has-text('Lập cuộc giao ban')", "a:has-text('Đưa vào giao ban')"),
    "dieuphoi.thanhhoa": Next(
        "Xem và đôn đốc", "main a:has-text('Lập cuộc giao ban')", "a:has-text('Đưa vào giao ban')"
    ),
    "dieuphoi.hatinh": Next("Xem và đôn đốc", "main a:has-text('Lập cuộc giao ban')", "a:has-text('Đưa vào giao ban')"),
    "doan.truong": Next("Xem và chuẩn bị", "button:has-text('Bắt đầu kiểm tra')"),
    "doan.hatinh": Next("Xem và chuẩn bị", "button:has-text('Bắt đầu kiểm tra')"),
    "doan.vien": Next("Xem các cuộc kiểm tra", ".empty-state"),
    "so.giaoduc": Next("Thẩm tra hồ sơ", "form.desk-row button[name=agree]"),
    "xem.hatinh": Next("Xem bảng tổng hợp theo xã", "table.area-matrix"),
    "admin": Next("Đối chiếu và xác nhận", 'form button[data-confirm^="Xác nhận đã đối chiếu"]'),
}


def in_first_screen(page: Page, link: object) -> bool:
    box = link.bounding_box()
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= HEIGHT and box["height"] >= TOUCH


def test_everybody_finds_the_next_thing_on_the_first_screen(cast, open_page):
    assert set(CAST) == set(cast)
    for name, wanted in CAST.items():
        page = open_page(name, WIDTH, HEIGHT)
        page.goto("/")
        link = page.locator("main .home-section").first.locator("a").first
        expect(link, name).to_have_text(wanted.says)
        assert in_first_screen(page, link), name
        assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH, name
        link.click()
        if wanted.opens:
            page.locator(wanted.opens).first.click()
        place = page.locator(wanted.does).first
        if "option" in wanted.does:
            expect(place, name).to_be_attached()
        else:
            expect(place, name).to_be_visible()


@pytest.mark.parametrize("name", ["huyen.dongson", "so.giaoduc", "canbo.dongthinh"])
def test_the_counts_begin_on_the_first_screen_too(cast, open_page, name):
    page = open_page(name, WIDTH, HEIGHT)
    page.goto("/")
    assert in_first_screen(page, page.locator("main .list-links a").first)


def test_the_rows_that_lack_something_are_on_the_screen_after_one_tap(cast, open_page):
    page = open_page("canbo.dongphu", WIDTH, HEIGHT)
    page.goto("/")
    page.get_by_role("link", name="Nhập kết quả").first.click()
    expect(page).to_have_url(re.compile(r"show=missing#criterion-12$"))
    expect(page.locator("form.entry-row").first).to_be_in_viewport()
    expect(page.locator("#criterion-12 h2")).to_be_in_viewport()
