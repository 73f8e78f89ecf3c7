"""The shared look: badges, numbers and dates in templates, every component, the frame of a page."""

import datetime
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.paginator import Paginator
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import timezone

from criteria.verdicts import STATES, VERDICTS, Verdict
from ntm.accounts.models import User
from ntm.components import components
from ntm.templatetags import ntm as tags


def request_by(user):
    request = RequestFactory().get("/components/")
    request.user = user
    return request


@pytest.mark.parametrize("code", list(VERDICTS))
def test_a_badge_says_the_verdict_in_words_beside_its_mark(code):
    look = VERDICTS[code]
    badge = tags.verdict(code)
    assert look.label in badge
    assert f">{look.mark}</span>" in badge
    assert look.css in badge


def test_words_of_badges_are_the_words_of_choices():
    assert {code: look.label for code, look in VERDICTS.items() if code} == dict(Verdict.choices)


def test_marks_and_classes_tell_all_states_apart():
    assert len({look.mark for look in STATES.values()}) == len(STATES)
    assert len({look.css for look in STATES.values()}) == len(STATES)


def test_nothing_judged_has_a_badge_and_an_unknown_code_is_an_error():
    assert "Chưa đánh giá" in tags.verdict(None)
    assert "Chưa đánh giá đủ" in tags.state("incomplete")
    with pytest.raises(KeyError):
        tags.verdict("incomplete")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(Decimal("94.3333"), "94,33 %"), (Decimal(100), "100 %"), (Decimal(0), "0 %"), (None, "")],
)
def test_percent(value, shown):
    assert tags.percent(value) == shown


def test_dates_are_local_and_in_vietnamese_order():
    late = datetime.datetime(2025, 12, 30, 18, 5, tzinfo=datetime.UTC)
    assert tags.vndate(datetime.date(2025, 12, 31)) == "31/12/2025"
    assert tags.vndate(late) == "31/12/2025"
    assert tags.vndatetime(late) == "01:05 31/12/2025"
    assert tags.vntime(late) == "01:05"
    assert tags.vndate(None) == tags.vndatetime(None) == tags.vntime(None) == ""


def test_page_numbers_leave_gaps():
    assert tags.page_numbers(Paginator(range(230), 20).page(6)) == [1, None, 5, 6, 7, None, 12]


def test_the_bar_gives_the_browser_a_number_it_can_read():
    """A decimal comma in the attribute would make the bar indeterminate."""
    html = render_to_string("components/attainment_bar.html", {"value": Decimal("94.33")})
    assert 'value="94.33"' in html
    assert "94,33 %" in html


def test_text_of_people_is_escaped():
    html = render_to_string("components/empty_state.html", {"title": "<script>", "text": "&"})
    assert "<script>" not in html


def test_every_component_renders_in_every_state(db):
    user = User(username="canbo.dongphu", full_name="Nguyễn Thị Hường", post="Công chức")
    html = components(request_by(user)).content.decode()
    for look in STATES.values():
        assert look.label in html
    assert "Nguyễn Thị Hường" in html
    assert " style=" not in html
    assert not any(f" on{event}=" in html for event in ("click", "submit", "change", "input", "load"))


def test_a_visitor_sees_no_menu_and_only_staff_see_administration(db):
    anonymous = components(request_by(AnonymousUser())).content.decode()
    assert "main-nav" not in anonymous
    assert "Đăng xuất" not in anonymous
    officer = components(request_by(User(username="a"))).content.decode()
    coordinator = components(request_by(User(username="b", is_staff=True))).content.decode()
    assert "/admin/" not in officer
    assert "/admin/" in coordinator


def test_a_saved_row_says_when():
    html = render_to_string("components/save_state.html", {"saved_at": timezone.now()})
    assert "Đã lưu lúc" in html


@pytest.mark.parametrize("template", ["400.html", "500.html"])
def test_last_resort_pages_need_no_context(template):
    assert "data-error-message" in render_to_string(template)
