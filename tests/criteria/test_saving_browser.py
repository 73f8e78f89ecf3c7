"""Saving a row in a real browser: what is typed is never taken for saved, and never lost."""

import re
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from criteria.models import Entry, Target
from tests.criteria.evidence_world import World, make_world
from tests.factories import TargetFactory


@pytest.fixture
def small(live_server, media: Path) -> World:
    world = make_world()
    TargetFactory(indicator=world.indicators[0], value=95)
    return world


def criterion_page(small: World) -> str:
    return reverse("criteria:criterion", args=[small.unit.pk, small.indicators[0].criterion.number])


def row_of(page, small: World):
    return page.locator(f"#row-{small.indicators[0].pk}")


def test_a_suggestion_is_no_save(small: World, open_page) -> None:
    page = open_page("officer")
    page.goto(criterion_page(small))
    row = row_of(page, small)
    row.locator("[name=value]").press_sequentially("44,4")
    expect(row.locator(".entry-suggestion")).to_contain_text("Gợi ý đánh giá")
    assert row.locator("[data-save-state]").inner_text() == ""
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.reload()
    assert asked == ["beforeunload"], "what is typed isn't saved, and leaving must say so"
    assert not Entry.objects.exists()


def test_a_refused_row_is_not_left_without_a_question(small: World, open_page) -> None:
    """10 against ≥ 95 % isn't met: the refusal takes the row's place, and the number is saved nowhere."""
    Target.objects.update(confirmed_at=timezone.now())
    page = open_page("officer")
    page.goto(criterion_page(small))
    row = row_of(page, small)
    row.locator("[name=value]").fill("10")
    row.locator(".verdict-choice", has_text="Đạt").first.click()
    row.get_by_role("button", name=re.compile("^Lưu")).click()
    expect(row).to_have_class(re.compile("has-error"))
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.evaluate("history.back()")
    page.wait_for_timeout(300)
    assert asked == ["beforeunload"]
    assert row.locator("[name=value]").input_value() == "10"
    assert not Entry.objects.exists()


def test_what_is_typed_while_a_save_is_under_way_stays(small: World, open_page) -> None:
    page = open_page("officer", 360, 740)
    page.goto(criterion_page(small))
    row = row_of(page, small)
    held = []
    page.route(re.compile("/entry/$"), lambda route: held.append(route))
    row.locator("[name=value]").fill("44,4")
    row.locator(".verdict-choice", has_text="Chưa đạt").click()
    row.get_by_role("button", name=re.compile("^Lưu")).click()
    page.wait_for_timeout(100)
    row.locator("summary").click()
    row.locator("[name=note]").fill("Đang làm tuyến ống")
    for route in held:
        route.continue_()
    expect(row.locator("[data-save-state]")).to_have_text("Đã lưu phần trước; nội dung vừa nhập thêm chưa lưu.")
    assert row.locator("[name=note]").input_value() == "Đang làm tuyến ống"
    assert row.locator("[name=value]").input_value() == "44,4"
    page.unroute(re.compile("/entry/$"))
    row.get_by_role("button", name=re.compile("^Lưu")).click()
    expect(row.locator("[data-save-state]")).to_contain_text("Đã lưu lúc")
    entry = Entry.objects.get()
    assert (entry.note, str(entry.value)) == ("Đang làm tuyến ống", "44.4000")
