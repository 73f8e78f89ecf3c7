"""The commune's and the office's day, by clicking alone, on both databases.

Two officers with their own criteria enter by keyboard and paste; the leader approves and sends; the
district returns two indicators; they are corrected, sent again and received; a department reviews one
criterion over ten communes; a team concludes a visit with minutes; a finding is remedied and closed.
Each step is seen by whom it should, and by no one else.
"""

import re

from playwright.sync_api import Page, expect

from communes.models import Membership, Role, Unit
from criteria.models import Assessment, Criterion, Entry, Submission
from inspections.models import Finding, Visit
from tests.factories import UserFactory
from tests.journeys.test_main_job import conclude, enter_and_send, member_scores, plan_visit

SET = "xa-ntm-2021-2025"


def value_of(page: Page, code: str, text: str) -> None:
    page.locator("form.entry-row", has=page.locator(".code", has_text=re.compile(f"^{code}$"))).locator(
        "[name=value]"
    ).fill(text)


def test_two_officers_a_leader_and_the_offices_above(cast, open_page):
    unit = Unit.objects.get(level="commune", code="16420", closed_on=None)
    second = UserFactory(username="canbo.yte", full_name="Cán bộ y tế xã Đông Phú")
    Membership.objects.create(user=second, unit=unit, role=Role.OFFICER)
    before = Assessment.objects.filter(unit=unit, stage="self").count()

    leader = open_page("lanhdao.dongphu")
    for who, number in (("Cán bộ xã Đông Phú", 12), ("Cán bộ y tế xã Đông Phú", 15)):
        give(leader, unit, who, number)

    # The first officer by keyboard alone, on the criterion that is theirs.
    officer = open_page("canbo.dongphu")
    officer.goto(f"/units/{unit.pk}/criteria/12/?set={SET}")
    officer.locator("form.entry-row").first.locator("[name=value]").focus()
    officer.keyboard.press("Control+A")
    officer.keyboard.type("80,5")
    officer.keyboard.press("Alt+1")
    officer.keyboard.press("Enter")
    expect(officer.locator("form.entry-row").first.get_by_text("Đã lưu lúc")).to_be_visible()
    officer.get_by_role("button", name="Đã xong tiêu chí này").click()
    expect(officer.get_by_text("Đã báo xong tiêu chí 12")).to_be_visible()
    officer.goto(f"/units/{unit.pk}/criteria/15/?set={SET}")
    expect(officer.get_by_text("Tiêu chí 15 do Cán bộ y tế xã Đông Phú phụ trách")).to_be_visible()
    assert officer.locator("form.entry-row").count() == 0

    # The second one pastes a table from a spreadsheet.
    clerk = open_page("canbo.yte")
    clerk.goto(f"/units/{unit.pk}/entry/?set={SET}&show=mine")
    clerk.get_by_role("link", name="Dán từ Excel").first.click()
    clerk.locator("textarea[name=text]").fill("15.1\t96,4\tĐạt\n15.2\t\tĐạt\n12.1\t10\tChưa đạt\n")
    clerk.get_by_role("button", name="Xem trước").click()
    expect(clerk.get_by_text("Cán bộ xã Đông Phú phụ trách")).to_be_visible()
    clerk.get_by_role("button", name=re.compile(r"^Lưu \d+ dòng")).click()
    expect(clerk.get_by_text("chỉ tiêu dán từ Excel")).to_be_visible()
    clerk.goto(f"/units/{unit.pk}/criteria/15/?set={SET}")
    clerk.get_by_role("button", name="Đã xong tiêu chí này").click()

    # No draft is seen above.
    staff = open_page("huyen.dongson")
    staff.goto(f"/units/{unit.pk}/criteria/12/?set={SET}")
    expect(staff.get_by_text("80,5")).to_have_count(0)

    send(leader, unit)
    submission = Submission.objects.get(unit=unit)
    assert {criterion.number for criterion in submission.criteria.all()} == {12, 15}

    give_back(staff, {"12.1": "Thiếu danh sách có xác nhận", "15.1": "Số liệu chưa khớp cơ quan bảo hiểm"})
    assert open_page("canbo.dongthinh").goto(f"/submissions/{submission.pk}/").status == 404
    assert open_page("xem.hatinh").goto(f"/submissions/{submission.pk}/").status == 404

    # What came back stands first on the officers' home pages, each their own; on a phone.
    for name, code, text in (("canbo.dongphu", "12.1", "81"), ("canbo.yte", "15.1", "97")):
        page = open_page(name, 360)
        page.goto("/")
        page.get_by_role("link", name="Xem lý do và bổ sung").click()
        expect(page.locator("form.entry-row")).to_have_count(1)
        value_of(page, code, text)
        page.locator("form.entry-row").get_by_role("button", name=re.compile("^Lưu")).click()
        expect(page.locator("form.entry-row").get_by_text("Đã lưu lúc")).to_be_visible()
        expect(page.locator("form.entry-row").get_by_text("Trả lại để bổ sung")).to_be_visible()
    send(leader, unit)
    staff.goto("/submissions/?state=sent")
    staff.get_by_role("link", name="Đã gửi").first.click()
    staff.get_by_role("button", name="Tiếp nhận").click()
    expect(staff.get_by_text("Đã tiếp nhận kết quả của xã Đông Phú.")).to_be_visible()
    states = list(Submission.objects.filter(unit=unit).order_by("pk").values_list("state", flat=True))
    assert states == ["returned", "received"]
    published = Assessment.objects.filter(unit=unit, stage="self")
    assert published.get(indicator__code="12.1", indicator__criterion__criteria_set__code=SET).value == 81
    assert published.count() >= before
    assert not Entry.objects.visible_to(cast["huyen.dongson"]).exists()


def give(leader: Page, unit: Unit, who: str, number: int) -> None:
    leader.goto(f"/units/{unit.pk}/owners/?set={SET}")
    if not leader.get_by_label("Từ ngày").is_visible():
        leader.get_by_text("Phân công thêm").click()
    options = leader.locator("[name=person] option").all_inner_texts()
    leader.locator("[name=person]").select_option(label=next(text for text in options if text.startswith(who)))
    criterion = Criterion.objects.get(criteria_set__code=SET, number=number)
    leader.locator(f"#give-{criterion.pk}").check()
    leader.get_by_role("button", name="Phân công", exact=True).click()
    expect(leader.get_by_text(f"Đã phân công 1 tiêu chí cho {who}.")).to_be_visible()


def send(leader: Page, unit: Unit) -> None:
    leader.goto(f"/units/{unit.pk}/send/?set={SET}")
    leader.get_by_role("button", name="Gửi cấp trên").click()
    expect(leader.get_by_text(re.compile(r"Đã gửi cấp trên \d+ chỉ tiêu thay đổi"))).to_be_visible()


def give_back(staff: Page, reasons: dict[str, str]) -> None:
    staff.goto("/")
    staff.get_by_role("link", name=re.compile("Xã có kết quả chờ tiếp nhận")).click()
    staff.get_by_role("link", name="Đã gửi").first.click()
    for code, reason in reasons.items():
        row = staff.get_by_role("row", name=re.compile(rf"^{re.escape(code)} "))
        row.get_by_role("checkbox").check()
        row.get_by_role("textbox").fill(reason)
    staff.get_by_role("button", name="Trả lại để bổ sung").click()
    expect(staff.get_by_text(f"Đã trả lại {len(reasons)} chỉ tiêu")).to_be_visible()


def test_a_department_a_team_and_a_finding(cast, open_page):
    desk = open_page("so.giaoduc")
    desk.goto("/")
    desk.get_by_role("link", name="Thẩm tra hồ sơ").first.click()
    agree = re.compile("Nhất trí với xã")
    for done in range(10):
        form = desk.locator("form.desk-row:not(.is-saved)", has=desk.get_by_role("button", name=agree)).first
        form.get_by_role("button", name=agree).first.click()
        expect(desk.locator("form.desk-row.is-saved, article.desk-row.is-saved")).to_have_count(done + 1)
    reviews = Visit.objects.filter(kind=Visit.Kind.DESK, state=Visit.State.CONCLUDED)
    assert reviews.count() == 10
    assert {criterion.number for visit in reviews for criterion in visit.criteria.all()} <= {5, 14}

    # A team concludes a visit; its minutes are there, frozen, for who sees the visit.
    enter_and_send(open_page())
    visit = plan_visit(open_page())
    member_scores(open_page(width=360))
    leader = open_page()
    conclude(leader, visit)
    leader.goto(visit)
    leader.get_by_role("link", name="Biên bản").first.click()
    saving = leader.get_by_role("link", name=re.compile(r"^Tải xuống .*\.(docx|pdf)$"))
    assert saving.count() == 2
    for place in range(2):
        with leader.expect_download() as download:
            saving.nth(place).click()
        assert download.value.path().stat().st_size > 5_000
    commune = open_page("canbo.dongphu")
    assert commune.goto(visit).status == 200
    assert open_page("canbo.dongthinh").goto(visit).status == 404

    # A finding of an earlier visit is remedied by the commune and closed by its leader.
    finding = Finding.objects.get(visit__code="38-2024-001", criterion__number=17)
    page = open_page("canbo.dongthinh", width=360)
    page.goto(f"/findings/{finding.pk}/")
    page.locator("[name=note]").first.fill("Đã làm xong tuyến ống")
    page.get_by_role("button", name="Báo đã khắc phục").click()
    expect(page.get_by_text("Đã khắc phục, chờ xác nhận").first).to_be_visible()
    page = open_page("dieuphoi.thanhhoa")
    page.goto(f"/findings/{finding.pk}/")
    page.get_by_role("button", name=re.compile("Xác nhận đã khắc phục")).first.click()
    expect(page.get_by_text("Đã xác nhận khắc phục").first).to_be_visible()
