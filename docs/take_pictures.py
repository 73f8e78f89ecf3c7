"""Take the guide's and the README's pictures anew: `make pictures`.

Everything is drawn from a demonstration of its own in a temporary folder, at one fixed moment and
in fixed sizes, so that a picture changes only where its screen does.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from PIL import Image, ImageChops
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from tests.conftest import CHROMIUM_ARGUMENTS, TODAY, chromium

FOLDER = Path(__file__).parent / "pictures"
ROOT = FOLDER.parent.parent
MOMENT = f"{TODAY}T09:00+07:00"
PASSWORD = "ntm-demo-2026"
PHONE, OFFICE, WIDE = (360, 760), (1024, 720), (1366, 860)
COLOURS = 96
UNSEEN = 16  # steps of 255: edges of bars that stick are smoothed a little differently each time


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="ntm-pictures-") as folder,
        serving(Path(folder)) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        take(Camera(browser, address))
        browser.close()


def take(camera: "Camera") -> None:
    # First, before anybody else's last sign-in shows in it.
    page = camera.sign_in("dieuphoi.thanhhoa", OFFICE)
    page.goto("/users/?place=dong+son")
    camera.shoot(page, "users")

    page = camera.sign_in("canbo.dongphu", PHONE)
    camera.shoot(page, "home", height=900)
    page.get_by_role("link", name="Nhập kết quả").first.click()
    page.get_by_role("link", name=re.compile(r"^12\. Lao động")).click()
    camera.shoot(page, "entry")
    row = page.locator("form.entry-row", has_text="12.1")
    fill(row, "62,5", "met")
    page.get_by_text("chưa đạt yêu cầu").first.wait_for()
    row.evaluate("row => window.scrollTo(0, row.getBoundingClientRect().top + window.scrollY - 130)")
    camera.shoot(page, "refusal", height=900)
    fill(row, "62,5", "nearly_met")
    row.get_by_text("Đã lưu lúc").wait_for()
    commune = re.search(r"/units/(\d+)/", page.url)

    page = camera.sign_in("lanhdao.dongphu", OFFICE)
    page.goto(f"/units/{commune[1]}/send/")
    camera.shoot(page, "send", height=960)
    page.get_by_role("button", name="Gửi cấp trên").click()
    page.get_by_text("Đã gửi cấp trên").wait_for()

    page = camera.sign_in("huyen.dongson", OFFICE)
    page.goto("/submissions/")
    camera.shoot(page, "received", height=820)

    page = camera.sign_in("doan.truong", (PHONE[0], 1200))
    page.goto("/visits/?state=planned")
    page.locator("table a").first.click()
    page.get_by_role("button", name="Bắt đầu kiểm tra").click()
    page.get_by_text("Đang kiểm tra").first.wait_for()
    visit = page.url
    page.goto(f"{visit}criteria/17/")
    camera.shoot(page, "scoring")
    for row in page.locator("article.score-row").all()[:3]:
        row.get_by_role("button", name="Nhất trí với xã").click()
        row.get_by_text("Nhất trí với xã ·").wait_for()
    page.set_viewport_size({"width": OFFICE[0], "height": OFFICE[1]})
    page.goto(f"{visit}conclude/")
    camera.shoot(page, "conclude", height=820)

    page = camera.sign_in("dieuphoi.thanhhoa", WIDE)
    page.goto("/matrix/")
    camera.shoot(page, "matrix")
    page.set_viewport_size({"width": OFFICE[0], "height": OFFICE[1]})
    for name, height in (("sets", 640), ("targets", 1000), ("groups", 720)):
        page.goto(f"/workshop/{name}/")
        camera.shoot(page, name, height=height)


def fill(row: Locator, value: str, verdict: str) -> None:
    row.locator('[name="value"]').fill(value)
    row.locator(f'label:has([value="{verdict}"])').click()
    row.get_by_role("button", name=re.compile("^Lưu")).click()


class Camera:
    """A browser in which each person has a session of their own; what it shoots is small enough to keep."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser, self.address = browser, address

    def sign_in(self, username: str, size: tuple[int, int]) -> Page:
        context = self.browser.new_context(
            base_url=self.address,
            viewport={"width": size[0], "height": size[1]},
            locale="vi-VN",
            timezone_id="Asia/Ho_Chi_Minh",
            color_scheme="light",
        )
        page = context.new_page()
        page.goto("/accounts/login/")
        page.get_by_label("Tên đăng nhập").fill(username)
        page.get_by_label("Mật khẩu", exact=True).fill(PASSWORD)
        page.get_by_role("main").get_by_role("button", name="Đăng nhập").click()
        page.get_by_role("heading", name="Việc cần làm").wait_for()
        return page

    def shoot(self, page: Page, name: str, height: int | None = None) -> None:
        if height and page.viewport_size:
            page.set_viewport_size({"width": page.viewport_size["width"], "height": height})
        page.wait_for_load_state("networkidle")
        page.evaluate("() => document.fonts.ready")
        taken = page.screenshot(animations="disabled")
        with Image.open(BytesIO(taken)) as picture:
            few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        file = FOLDER / f"{name}.png"
        if not is_shown_by(file, few):
            few.save(file, optimize=True)
        print(f"{file.relative_to(ROOT)}: {file.stat().st_size // 1024} KB")


def is_shown_by(file: Path, picture: Image.Image) -> bool:
    """Whether a stored picture shows the same to the eye, so that it can stay as it is."""
    if not file.exists():
        return False
    with Image.open(file) as stored:
        if stored.size != picture.size:
            return False
        difference = ImageChops.difference(stored.convert("RGB"), picture.convert("RGB"))
    return max(most for _, most in difference.getextrema()) <= UNSEEN


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The demonstration on a free port, in a process whose clock stands still."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "static").mkdir()
    env = {key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "MEDIA_ROOT"}}
    env |= {"NTM_ENV": "demonstration", "NTM_TODAY": TODAY, "NTM_VAR": str(folder), "PORT": str(port)}
    server = subprocess.Popen([sys.executable, "-m", "docs.take_pictures", "serve"], cwd=ROOT, env=env)
    address = f"http://127.0.0.1:{port}"
    try:
        while server.poll() is None and not answers(f"{address}/healthz"):
            with suppress(subprocess.TimeoutExpired):
                server.wait(0.5)
        if server.poll() is not None:
            sys.exit("The demonstration didn't start.")
        yield address
    finally:
        server.terminate()
        server.wait()


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as response:
            return response.status == 200
    except (URLError, OSError):
        return False


def serve() -> None:
    import django
    import time_machine

    os.environ["DJANGO_SETTINGS_MODULE"] = "ntm.settings"
    with time_machine.travel(MOMENT, tick=False):
        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        call_command("demo")
        call_command("runserver", f"127.0.0.1:{os.environ['PORT']}", use_reloader=False)


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else main()
