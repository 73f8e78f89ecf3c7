"""What static/app.js promises every page, in a real browser, on a small page of the test's own."""

import re
import time

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path
from playwright.sync_api import Page, expect

from ntm.accounts.models import User

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db(transaction=True)]

PASSWORD = "mot mat khau du dai"
PAGE = """
{% extends "base.html" %}
{% block title %}Thử{% endblock %}
{% block heading %}<h1>Thử</h1>{% endblock %}
{% block content %}
  {% include "row.html" %}
  <form method="post" action="/plain/" data-warn-unsaved>
    {% csrf_token %}<label>Nội dung <input name="text"></label> <button class="btn" name="act" value="send">Gửi</button>
  </form>
  <form method="post" action="/plain/">
    {% csrf_token %}<button class="btn" data-confirm="Xóa hẳn?">Xóa</button>
  </form>
  <form method="post" action="/plain/">{% csrf_token %}<button class="btn">Chốt</button></form>
{% endblock %}
"""
ROW = """
<form class="entry-row" hx-post="/row/" hx-swap="outerHTML" data-warn-unsaved>
  <label>Kết quả <input name="value" hx-post="/hint/" hx-trigger="input delay:10ms" hx-target="#hint"></label>
  <span id="hint"></span>
  <button class="btn" name="verdict" value="met">Đạt</button>
  <button class="btn" name="verdict" value="not_met">Chưa đạt</button>
  <span data-save-state></span>
</form>
"""
posts: list[dict[str, str]] = []


def page_view(request: HttpRequest) -> HttpResponse:
    source = PAGE.replace('{% include "row.html" %}', ROW)
    return HttpResponse(engines["django"].from_string(source).render({}, request))


def row_view(request: HttpRequest) -> HttpResponse:
    posts.append(request.POST.dict())
    if request.POST["value"] == "cấm":
        return HttpResponse("<!doctype html><p data-error-message>Xã đã gửi bản này.</p>", status=403)
    if request.POST["value"] == "sai":
        return HttpResponse(ROW.replace('name="value"', 'name="value" value="sai"'), status=422)
    return HttpResponse(f"<p id='saved'>Đã lưu {request.POST['value']} {request.POST['verdict']}</p>")


def hint_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"Gợi ý cho {request.POST['value']}")


def plain_view(request: HttpRequest) -> HttpResponse:
    posts.append(request.POST.dict())
    time.sleep(0.4)  # long enough for a second click to arrive
    return HttpResponse("<p>Đã nhận</p>")


urlpatterns = [
    path("", page_view),
    path("row/", row_view),
    path("hint/", hint_view),
    path("plain/", plain_view),
    path("accounts/", include("ntm.accounts.urls")),
    path("help/", page_view, name="help"),
    path("help/<slug:chapter>/", page_view, name="help_chapter"),
]


@pytest.fixture
def page(open_page) -> Page:
    """The page of this module, opened by an officer who signed in by hand."""
    posts.clear()
    User.objects.create_user("can.bo", password=PASSWORD, full_name="Nguyễn Thị Hường")
    page = open_page()
    page.goto("/accounts/login/")
    page.get_by_label("Tên đăng nhập").fill("can.bo")
    page.get_by_label("Mật khẩu").fill(PASSWORD)
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page.get_by_role("heading", name="Thử")).to_be_visible()
    return page


def lose_session(page: Page) -> None:
    page.context.clear_cookies(name="sessionid")


def sign_in_again(page: Page, password: str) -> None:
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Mật khẩu").fill(password)
    dialog.get_by_role("button", name="Đăng nhập và tiếp tục").click()


def test_a_row_saved_after_the_session_ended_is_sent_again_whole(page):
    page.get_by_label("Kết quả").fill("1.182")
    lose_session(page)
    page.get_by_role("button", name="Chưa đạt").click()
    sign_in_again(page, "không phải mật khẩu này")
    expect(page.locator("#relogin-error")).not_to_be_empty()
    assert posts == []
    expect(page.get_by_label("Kết quả")).to_have_value("1.182")
    sign_in_again(page, PASSWORD)
    expect(page.locator("#saved")).to_have_text("Đã lưu 1.182 not_met")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert len(posts) == 1


def test_a_plain_form_asks_for_the_password_before_it_leaves_the_page(page):
    page.get_by_label("Nội dung").fill("nhiều chữ")
    lose_session(page)
    page.get_by_role("button", name="Gửi").click()
    sign_in_again(page, PASSWORD)
    expect(page.get_by_text("Đã nhận")).to_be_visible()
    assert [(post["text"], post["act"]) for post in posts] == [("nhiều chữ", "send")]


def test_a_refusal_drawn_as_a_page_is_shown_beside_the_row(page):
    page.get_by_label("Kết quả").fill("cấm")
    page.get_by_role("button", name="Đạt", exact=True).click()
    expect(page.locator("[data-save-state]")).to_contain_text("Xã đã gửi bản này.")
    expect(page.get_by_label("Kết quả")).to_have_value("cấm")


def test_leaving_a_refused_row_is_asked_about_until_it_is_saved(page):
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.get_by_label("Kết quả").fill("sai")
    with page.expect_response("**/row/"):
        page.get_by_role("button", name="Đạt", exact=True).click()
    expect(page.locator("input[value=sai]")).to_be_visible()
    page.evaluate("location.href = '/help/'")
    page.wait_for_timeout(300)
    assert asked == ["beforeunload"]
    expect(page.get_by_label("Kết quả")).to_have_value("sai")
    page.get_by_label("Kết quả").fill("98")
    page.get_by_role("button", name="Đạt", exact=True).click()
    expect(page.locator("#saved")).to_be_visible()
    page.goto("/help/")
    assert asked == ["beforeunload"]


def test_a_lost_connection_is_told_and_nothing_typed_is_lost(page):
    page.get_by_label("Kết quả").fill("98,5")
    page.context.set_offline(True)
    page.get_by_role("button", name="Đạt", exact=True).click()
    expect(page.locator("[data-save-state]")).to_contain_text("Mất kết nối, chưa lưu")
    expect(page.get_by_label("Kết quả")).to_have_value("98,5")


def test_a_destructive_step_asks_once(page):
    page.get_by_role("button", name="Xóa").click()
    page.get_by_role("button", name="Quay lại").click()
    assert posts == []
    page.get_by_role("button", name="Xóa").click()
    page.get_by_role("button", name="Đồng ý").click()
    expect(page.get_by_text("Đã nhận")).to_be_visible()
    assert len(posts) == 1


def test_a_double_click_sends_once(page):
    page.get_by_role("button", name="Chốt").dblclick(delay=20)
    expect(page.get_by_text("Đã nhận")).to_be_visible()
    assert len(posts) == 1


def test_leaving_with_unsent_changes_asks(page):
    asked = []
    page.get_by_label("Kết quả").fill("98,5")
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto("/accounts/password/change/")
    assert asked == ["beforeunload"]


def test_what_is_typed_before_the_scripts_came_counts(page):
    waiting = []
    page.route("**/htmx*.js", lambda route: waiting.append(route))
    page.goto("/", wait_until="commit")
    page.get_by_label("Kết quả").fill("80,5")
    while not waiting:
        page.wait_for_timeout(20)
    waiting[0].continue_()
    expect(page.get_by_text("Gợi ý cho 80,5")).to_be_visible()
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.close(run_before_unload=True)
    expect(page.get_by_label("Kết quả")).to_have_value("80,5")
    assert asked == ["beforeunload"]


def test_signing_in_elsewhere_does_not_break_this_page(page):
    other = page.context.new_page()
    other.goto("/accounts/logout/")
    other.get_by_role("main").get_by_role("button", name="Đăng xuất").click()
    other.get_by_label("Tên đăng nhập").fill("can.bo")
    other.get_by_label("Mật khẩu").fill(PASSWORD)
    other.get_by_role("button", name="Đăng nhập").click()
    expect(other.get_by_role("heading", name="Thử")).to_be_visible()
    page.get_by_label("Kết quả").fill("2")
    page.get_by_role("button", name="Đạt", exact=True).click()
    expect(page.locator("#saved")).to_have_text(re.compile("Đã lưu 2"))
