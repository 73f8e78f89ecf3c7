"""Adding evidence in a real browser: progress and messages by script, an ordinary post without it."""

import re
from pathlib import Path

import pytest
from django.urls import reverse

from criteria.models import Evidence
from tests.criteria import files
from tests.criteria.evidence_world import World, make_world

MIME = "application/octet-stream"


@pytest.fixture
def small(live_server, media: Path) -> World:
    return make_world()


def criterion_page(small: World) -> str:
    return reverse("criteria:criterion", args=[small.unit.pk, small.indicators[0].criterion.number])


def chosen(name: str, body: bytes) -> dict:
    return {"name": name, "mimeType": MIME, "buffer": body}


def test_files_are_sent_one_by_one_with_a_message_each(small: World, open_page) -> None:
    page = open_page("officer", 360, 740)
    page.goto(criterion_page(small))
    panel = page.locator(f"#evidence-{small.indicators[0].pk}")
    panel.locator("input[type=file]").set_input_files(
        [chosen("nước sạch.pdf", files.pdf()), chosen("virus.pdf", files.program()), chosen("rỗng.pdf", b"")]
    )
    panel.get_by_role("button", name="Tải lên").click()
    panel.get_by_text("Đã thêm “nước sạch”.").wait_for()
    panel.get_by_text("nội dung là chương trình").wait_for()
    panel.get_by_text("rỗng (0 byte)").wait_for()
    panel.get_by_role("link", name="nước sạch").wait_for()
    assert panel.locator(".count").inner_text() == "1"
    assert [row.title for row in Evidence.objects.all()] == ["nước sạch"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

    panel.get_by_role("button", name=re.compile("^Hoàn tác")).click()
    page.get_by_role("dialog").get_by_role("button", name="Hoàn tác").click()
    panel.get_by_text("Chưa có minh chứng cho chỉ tiêu này.").wait_for()
    assert not Evidence.objects.exists()
    # The panel is new and still works.
    panel.locator("input[type=file]").set_input_files([chosen("lại.pdf", files.pdf())])
    panel.get_by_role("button", name="Tải lên").click()
    panel.get_by_role("link", name="lại", exact=True).wait_for()


def test_a_lost_connection_can_be_tried_again(small: World, open_page) -> None:
    page = open_page("officer")
    page.goto(criterion_page(small))
    panel = page.locator(f"#evidence-{small.indicators[0].pk}")
    page.context.set_offline(True)
    panel.locator("input[type=file]").set_input_files([chosen("a.pdf", files.pdf())])
    panel.get_by_role("button", name="Tải lên").click()
    panel.get_by_text("Mất kết nối, tệp chưa được lưu.").wait_for()
    page.context.set_offline(False)
    panel.get_by_role("button", name="Thử lại").click()
    panel.get_by_text("Đã thêm “a”.").wait_for()
    assert Evidence.objects.count() == 1


def test_an_expired_session_asks_for_the_password_and_goes_on(small: World, open_page) -> None:
    page = open_page("officer")
    page.goto(criterion_page(small))
    page.context.clear_cookies(name="sessionid")
    panel = page.locator(f"#evidence-{small.indicators[0].pk}")
    panel.locator("input[type=file]").set_input_files([chosen("a.pdf", files.pdf())])
    panel.get_by_role("button", name="Tải lên").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Mật khẩu").fill("mat-khau-thu-nghiem")
    dialog.get_by_role("button", name="Đăng nhập và tiếp tục").click()
    panel.get_by_text("Đã thêm “a”.").wait_for()


def test_without_script_it_is_an_ordinary_form(small: World, open_page) -> None:
    page = open_page("officer", java_script_enabled=False)
    page.goto(criterion_page(small))
    panel = page.locator(f"#evidence-{small.indicators[0].pk}")
    panel.locator("input[type=file]").set_input_files(
        [chosen("nước sạch.pdf", files.pdf()), chosen("virus.pdf", files.program())]
    )
    panel.get_by_role("button", name="Tải lên").click()
    page.get_by_text("Đã thêm “nước sạch”.").wait_for()
    page.get_by_text("nội dung là chương trình").wait_for()
    assert page.url.endswith(f"#evidence-{small.indicators[0].pk}")
    panel.get_by_role("button", name=re.compile("^Hoàn tác")).click()
    page.get_by_text("Đã hoàn tác việc thêm “nước sạch”.").wait_for()
    assert not Evidence.objects.exists()


def test_pages_of_evidence_have_no_serious_barrier(small: World, open_page) -> None:
    evidence = small.add("anh.jpg", files.image())
    small.send()
    small.add("b.pdf", has_personal_data=True)
    indicator = small.indicators[0]
    page = open_page("officer")
    for address in (
        criterion_page(small),
        reverse("criteria:evidence_list"),
        reverse("criteria:evidence_detail", args=[evidence.pk]),
        reverse("criteria:evidence_edit", args=[evidence.pk]),
        reverse("criteria:evidence_retire", args=[evidence.pk]),
        reverse("criteria:evidence_links", args=[small.unit.pk, evidence.pk]),
        reverse("criteria:evidence_attach", args=[small.unit.pk, small.indicators[1].pk]),
        f"{reverse('criteria:evidence_register', args=[small.unit.pk])}?form=classified&indicator={indicator.pk}",
    ):
        page.goto(address)
        page.evaluate((Path(__file__).parent.parent / "vendor" / "axe.min.js").read_text())
        found = page.evaluate("axe.run().then((result) => result.violations)")
        serious = [
            (rule["id"], [node["html"][:120] for node in rule["nodes"]])
            for rule in found
            if rule["impact"] in {"serious", "critical"}
        ]
        assert serious == [], address
