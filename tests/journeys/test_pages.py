"""Every page the cast can open: no serious fault for axe, nothing wider than a phone, no script error."""

from pathlib import Path

from django.db import connection
from django.urls import reverse

from tests.test_access_matrix import WHO, Things, rows, table

AXE = Path(__file__).parent.parent / "vendor" / "axe.min.js"
# Who opens a page: the one of the cast who has most to do there.
OPENERS = [
    "canbo.dongphu", "canbo.kimsongtruong", "huyen.dongson", "doan.truong", "so.giaoduc", "dieuphoi.hatinh",
    "dieuphoi.thanhhoa",
]  # fmt: skip
FOR_EVERYONE = {"reports:home", "reports:matrix", "reports:unit_detail"}
NOT_PAGES = {
    "communes:user_template",
    "reports:readiness_xlsx",
    "reports:readiness_zip",
    "reports:matrix_xlsx",
    "reports:table_xlsx",
    "reports:table_zip",
    "reports:unit_period_xlsx",
    "reports:job_file",
    "reports:unit_period_zip",
    "reports:brief_docx",
    "reports:notice_docx",
    "inspections:minutes_docx",
    "inspections:minutes_pdf",
    "inspections:minutes_file",
    "inspections:minutes_template_file",
    "criteria:entry_book_xlsx",
    "criteria:set_template",
    "criteria:set_workbook",
    "criteria:set_json",
    "criteria:target_workbook",
    "criteria:group_workbook",
    "criteria:upload_refused",
    "criteria:evidence_file",
    "criteria:evidence_preview",
    "criteria:entry_suggestion",
    "criteria:evidence_panel",
    "healthz",
}


def addresses():
    """Each address once, with the first of OPENERS who gets a page from it; some for all of them."""
    expected = table()
    found = {}
    for name, what, args, *query in rows(Things()):
        if name in NOT_PAGES or name.startswith("account_"):
            continue
        cells = expected[f"{name} {what}".strip()]
        openers = [who for who in OPENERS if cells[WHO.index(who)] == "o"]
        for who in openers if name in FOR_EVERYONE else openers[:1]:
            found.setdefault(who, []).append((f"{name} {what}", reverse(name, args=args) + "".join(query)))
    return found


def test_axe_finds_nothing_serious_on_any_page(cast, open_page):
    """On SQLite on a phone, on PostgreSQL on a dark desktop: the two runs together look at both."""
    width, scheme = (360, "light") if connection.vendor == "sqlite" else (1366, "dark")
    script = AXE.read_text()
    faults, seen = [], 0
    for who, pages in addresses().items():
        page = open_page(who, width=width, color_scheme=scheme, bypass_csp=True)
        for name, url in pages:
            page.goto(url)
            wider = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if wider > 0:
                faults.append(f"{name} ({who}): {wider} px wider than the screen")
            page.evaluate(script)
            found = page.evaluate("async () => (await axe.run()).violations")
            faults += [
                f"{name} ({who}): {violation['id']} {violation['nodes'][0]['html'][:200]}"
                for violation in found
                if violation["impact"] in {"serious", "critical"}
            ]
            seen += 1
    assert seen > 40
    assert not faults, "\n".join(faults)


def test_the_sign_in_page_too(world, open_page):
    page = open_page(width=360, bypass_csp=True)
    page.goto("/accounts/login/")
    page.evaluate(AXE.read_text())
    found = page.evaluate("async () => (await axe.run()).violations")
    assert [v["id"] for v in found if v["impact"] in {"serious", "critical"}] == []


def test_kim_loc_of_2018_is_reached_from_kim_song_truong(cast, open_page):
    """By clicking: the predecessor's page, its six criteria firmly met, the visit's sentence."""
    page = open_page("canbo.kimsongtruong")
    page.goto("/")
    page.get_by_role("link", name="Tình hình thực hiện").first.click()
    page.get_by_role("link", name="Kim Lộc").first.click()
    main = page.get_by_role("main")
    assert main.get_by_role("heading", name="Kim Lộc").is_visible()
    text = main.inner_text()
    assert "Đạt vững chắc 6/19 tiêu chí (số 1, 5, 9, 12, 14, 19); cơ bản đạt 13/19" in text
    firm = page.locator(".criterion-marks .v-firm .number").all_inner_texts()
    assert firm == ["1", "5", "9", "12", "14", "19"]
