"""Báo cáo nhanh and Phiếu niêm yết: the figures of readiness and matrix, in words, on one page."""

import io
import re
from datetime import date
from decimal import Decimal

import pytest
from django.urls import reverse
from docx import Document

from communes.models import Role, Unit
from criteria.models import CriterionDepartment
from criteria.numbers import two_decimals
from reports.matrix import matrix
from reports.papers.brief import area_brief, commune_brief
from reports.papers.notice import notice
from reports.papers.paper import paper_docx, shortened
from reports.readiness import COMBINED, readiness
from tests.factories import CommuneFactory, DepartmentFactory, IndicatorFactory, TargetFactory
from tests.reports.worlds import (
    concluded_visit,
    find,
    indicators_of,
    make_province,
    make_set,
    member,
    prove,
    prove_all,
    say,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def criteria_set():
    return make_set(criteria=3, indicators=2)


@pytest.fixture
def unit(criteria_set):
    return CommuneFactory(name="Đông Phú")


def text_of(paper) -> str:
    """Every text of a paper in order."""
    parts = [*paper.agency, paper.place_and_day, paper.title, paper.subtitle, *paper.lines]
    for part in paper.parts:
        parts += [part.heading, *part.sentences, *part.items]
        if part.table:
            parts += [text for row in part.table.rows for text in row]
    return "\n".join(filter(None, parts))


def words_of(content: bytes) -> str:
    document = Document(io.BytesIO(content))
    parts = [document.element.body, *(section.header._element for section in document.sections)]
    return "\n".join(node.text or "" for part in parts for node in part.iter() if node.tag.endswith("}t"))


def page_of(client, address) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def client_of(user):
    from django.test import Client

    client = Client()
    client.force_login(user)
    return client


# --- a commune -------------------------------------------------------------------------


def test_the_brief_says_the_figures_of_readiness(unit, criteria_set):
    say(unit, criteria_set, "self", ["met", "nearly_met", "met", "not_met", "met", "met"])
    prove(unit, indicators_of(criteria_set)[0])
    find(concluded_visit(unit, criteria_set), 2, due_on=date(2024, 6, 29))
    officer = member(unit, Role.OFFICER)
    result = readiness(unit, criteria_set, COMBINED, officer)
    text = text_of(commune_brief(result, officer))
    assert f"Xã Đông Phú: {result.sentence}." in text
    assert f"Đạt {result.rollup.indicators_met}/{result.rollup.indicators_total} chỉ tiêu" in text
    assert f"mức độ đạt chung {two_decimals(result.rollup.progress)}\N{NO-BREAK SPACE}%" in text
    assert f"Còn {len(result.missing)} nội dung: 1 chưa đạt, 1 tồn tại quá hạn, 1 cơ bản đạt" in text
    assert "2.2: còn thiếu 45 điểm phần trăm" in text
    assert "Còn 1 tồn tại chưa xử lý xong, trong đó 1 quá hạn." in text
    assert "Chưa thẩm định" in text


def test_a_commune_that_is_ready_reads_what_recognition_still_asks(unit, criteria_set):
    say(unit, criteria_set, "self", ["met"] * 6)
    prove_all(unit, criteria_set)
    text = text_of(commune_brief(readiness(unit, criteria_set, COMBINED), member(unit, Role.OFFICER)))
    assert "Đủ tiêu chí và minh chứng. Để được xét công nhận còn cần" in text


def test_a_commune_without_any_opinion_has_a_brief_too(unit, criteria_set):
    officer = member(unit, Role.OFFICER)
    for stage in ("self", "district", "province", COMBINED):
        result = readiness(unit, criteria_set, stage, officer)
        paper_docx(commune_brief(result, officer))
        paper_docx(notice(result))


def test_the_notice_has_a_line_for_every_criterion_with_a_plain_reason(unit, criteria_set):
    single = make_set(criteria=2, indicators=1)
    say(unit, single, "self", ["not_met", "met"])
    rows = notice(readiness(unit, single, "self")).parts[1].table.rows
    assert rows == (
        ("1", "Tiêu chí 1", "≥ 95%", "50 %", "Chưa đạt", "Còn thiếu 45 điểm phần trăm"),
        ("2", "Tiêu chí 2", "≥ 95%", "96 %", "Đạt", "Đạt đủ yêu cầu"),
    )
    say(unit, criteria_set, "self", ["met", "nearly_met", "not_met", "not_met", "met", ""])
    rows = notice(readiness(unit, criteria_set, "self")).parts[1].table.rows
    assert [row[2:5] for row in rows] == [
        ("Đạt 2 chỉ tiêu", "Đạt 1/2", "Cơ bản đạt"),
        ("Đạt 2 chỉ tiêu", "Đạt 0/2", "Chưa đạt"),
        ("Đạt 2 chỉ tiêu", "Đạt 1/2", "Chưa đánh giá đủ"),
    ]
    assert rows[0][5] == "Tỷ lệ hộ dùng nước sạch: còn thiếu 63 hộ (4,98 điểm phần trăm)"
    assert rows[1][5].endswith("và 1 chỉ tiêu khác")
    assert rows[2][5] == "Tỷ lệ hộ dùng nước sạch: chưa được đánh giá"


def test_the_notice_counts_an_indicator_and_its_parts_as_one(unit):
    """As the brief counts them: an indicator whose part isn't met isn't met either."""
    criteria_set = make_set(criteria=1, indicators=3)
    whole = indicators_of(criteria_set)[0]
    part = IndicatorFactory(criterion=whole.criterion, position=4, name="Tỷ lệ hộ dùng nước máy", part_of=whole)
    TargetFactory(indicator=part)
    for verdicts, met, others in (
        (["not_met"] * 4, 0, "; và 2 chỉ tiêu khác"),
        (["not_met", "met", "met", "not_met"], 2, ""),
        (["met", "met", "met", "not_met"], 2, ""),
        (["not_met", "met", "not_met", "met"], 1, "; và 1 chỉ tiêu khác"),
    ):
        say(unit, criteria_set, "self", verdicts)
        result = readiness(unit, criteria_set, "self")
        (row,) = notice(result).parts[1].table.rows
        assert row[2:4] == ("Đạt 3 chỉ tiêu", f"Đạt {met}/3")
        assert result.rollup.indicators_met == met
        assert row[5].partition(";")[1:] == tuple(others.partition(";")[1:])


def test_a_column_of_percentages_has_one_number_of_decimals(unit, criteria_set):
    say(unit, criteria_set, "self", ["met", "met", "met", "nearly_met"])
    say(unit, criteria_set, "self", ["", "", "", "", "not_met", "not_met"], value=Decimal("47.5"))
    brief = commune_brief(readiness(unit, criteria_set, "self"), member(unit, Role.OFFICER))
    shares = [row[3] for row in brief.parts[1].table.rows]
    assert shares[-1] == "50,00\N{NO-BREAK SPACE}%"
    assert all(re.fullmatch(r"\d+,\d\d\N{NO-BREAK SPACE}%", share) for share in shares), shares


def test_the_notice_shows_no_findings_and_no_documents(unit, criteria_set):
    say(unit, criteria_set, "self", ["met"] * 6)
    prove(unit, indicators_of(criteria_set)[0], title="Danh sách hộ nghèo")
    find(concluded_visit(unit, criteria_set), 2, description="Rãnh thoát nước")
    text = text_of(notice(readiness(unit, criteria_set, "self", member(unit, Role.OFFICER))))
    assert "Danh sách hộ nghèo" not in text
    assert "Rãnh thoát nước" not in text


def test_a_department_reads_its_own_criteria_and_the_paper_says_so(unit, criteria_set):
    department = DepartmentFactory(code="so-thu", province=unit.province)
    reviewer = member(unit.province, Role.DEPARTMENT_REVIEWER, department=department)
    CriterionDepartment.objects.create(criterion=criteria_set.criteria.get(number=2), department=department)
    say(unit, criteria_set, "self", ["met"] * 6)
    result = readiness(unit, criteria_set, COMBINED, reviewer)
    for paper in (notice(result), commune_brief(result, reviewer)):
        assert "Chỉ gồm 1 tiêu chí của sở, ngành" in paper.lines
    assert [row[0] for row in notice(result).parts[1].table.rows] == ["2"]


# --- an area ---------------------------------------------------------------------------


def test_the_area_s_brief_says_the_figures_of_the_matrix(criteria_set):
    province, communes = make_province(communes=4, districts=2)
    for commune, verdicts in zip(
        communes, (["met"] * 6, ["met", "not_met"] * 3, ["met"] * 5 + ["nearly_met"]), strict=False
    ):
        say(commune, criteria_set, "self", verdicts)
    coordinator = member(province, Role.COORDINATOR)
    result = matrix(province, criteria_set, "self", coordinator)
    text = text_of(area_brief(result, coordinator))
    figures = result.figures
    assert (figures.whole_set, figures.with_opinion, figures.communes, figures.criteria_met) == (1, 3, 4, 5)
    assert "Có 3/4 xã đã có kết quả trên toàn bộ tiêu chí." in text
    assert "1/3 xã đạt đủ 3 tiêu chí. Tổng số tiêu chí đạt 5, cơ bản đạt 1; bình quân 1,67/3 tiêu chí một xã" in text
    hardest = result.hardest[0]
    assert f"{hardest.criterion.name}\n{hardest.met}/{hardest.with_opinion}" in text
    assert f"{communes[1].name} (huyện {communes[1].district.name}) 0/3" in text
    for group in result.groups:
        assert f"{group.name}\n{group.figures.with_opinion}/{group.figures.communes}" in text


def test_an_area_nobody_has_judged_has_a_brief_too(criteria_set):
    province, _ = make_province()
    coordinator = member(province, Role.COORDINATOR)
    text = text_of(area_brief(matrix(province, criteria_set, "province", coordinator), coordinator))
    assert "Có 0/3 xã" in text
    assert "bình quân" not in text


# --- pages and Word --------------------------------------------------------------------


def test_page_and_word_say_the_same(unit, criteria_set):
    say(unit, criteria_set, "self", ["met", "nearly_met", "met", "not_met", "met", "met"])
    officer = member(unit, Role.OFFICER)
    client = client_of(officer)
    for name in ("brief", "notice"):
        page = page_of(client, reverse(f"reports:{name}", args=[unit.pk]))
        answer = client.get(reverse(f"reports:{name}_docx", args=[unit.pk]))
        assert re.fullmatch(
            r'attachment; filename="[A-Za-z-]+_XaDongPhu_2024-06-30\.docx"', answer["Content-Disposition"]
        )
        words = words_of(answer.content)
        result = readiness(unit, criteria_set, COMBINED, officer)
        paper = commune_brief(result, officer) if name == "brief" else notice(result)
        for text in text_of(paper).split("\n"):
            assert text in page, text
            assert text in words.replace("– ", ""), text
        assert "Dữ liệu minh họa" in words


@pytest.mark.parametrize("nasty", ["=HYPERLINK(1)", "<b>&</b>", "a\x0bb\x07", "Đ" * 90])
def test_any_name_comes_out_as_text(criteria_set, nasty):
    unit = CommuneFactory(name="Xa")
    Unit.objects.filter(pk=unit.pk).update(name=nasty)
    say(unit, criteria_set, "self", ["met"] * 6)
    officer = member(unit, Role.OFFICER)
    client = client_of(officer)
    for name in ("brief", "notice"):
        page = page_of(client, reverse(f"reports:{name}", args=[unit.pk]))
        assert "<b>&</b>" not in page
        words = words_of(client.get(reverse(f"reports:{name}_docx", args=[unit.pk])).content)
        assert nasty.replace("\x0b", "").replace("\x07", "")[:80] in words


def test_unknown_sets_and_stages_are_told(unit, criteria_set):
    client = client_of(member(unit, Role.OFFICER))
    for name in ("brief", "notice", "brief_docx", "notice_docx"):
        for query in ("?set=khong-co", "?stage=khong-co"):
            answer = client.get(reverse(f"reports:{name}", args=[unit.pk]) + query)
            assert answer.status_code == 404
            assert "Không có" in answer.content.decode()
    coordinator = client_of(member(unit.province, Role.COORDINATOR))
    for query in ("?set=khong-co", "?stage=combined"):
        assert coordinator.get(reverse("reports:brief", args=[unit.province_id]) + query).status_code == 404


def test_a_neighbour_s_papers_are_not_found(unit, criteria_set):
    client = client_of(member(CommuneFactory(parent=unit.parent), Role.OFFICER))
    for name in ("brief", "notice", "brief_docx", "notice_docx"):
        assert client.get(reverse(f"reports:{name}", args=[unit.pk])).status_code == 404
    assert client.get(reverse("reports:brief", args=[unit.district_id])).status_code == 404


def test_a_viewer_reads_figures_without_findings(unit, criteria_set):
    say(unit, criteria_set, "self", ["met"] * 6)
    find(concluded_visit(unit, criteria_set), 2, description="Rãnh thoát nước")
    client = client_of(member(unit.province, Role.VIEWER))
    assert "Rãnh thoát nước" not in page_of(client, reverse("reports:brief", args=[unit.pk]))
    assert "Tồn tại sau kiểm tra" not in page_of(client, reverse("reports:brief", args=[unit.province_id]))


def test_a_province_costs_the_same_with_3_and_30_communes(criteria_set, count_queries):
    counts = []
    for communes in (3, 30):
        province, made = make_province(communes=communes, districts=3)
        for commune in made:
            say(commune, criteria_set, "self", ["met"] * 6)
        client = client_of(member(province, Role.COORDINATOR))
        with count_queries() as queries:
            page_of(client, reverse("reports:brief", args=[province.pk]))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_commune_costs_the_same_with_3_and_30_criteria(count_queries):
    counts = []
    for criteria in (3, 30):
        unit = CommuneFactory()
        found = make_set(criteria=criteria, code=f"bo-{criteria}")
        say(unit, found, "self", ["nearly_met"] * criteria * 2)
        client = client_of(member(unit, Role.OFFICER))
        for name in ("brief", "notice"):
            with count_queries() as queries:
                page_of(client, reverse(f"reports:{name}", args=[unit.pk]) + f"?set=bo-{criteria}")
            counts.append(len(queries))
    assert counts[:2] == counts[2:]


def test_the_list_of_reports_leads_to_them(unit, criteria_set):
    client = client_of(member(unit, Role.OFFICER))
    for report in ("brief", "notice"):
        answer = client.get(
            reverse("reports:report_list"), {"report": report, "unit": unit.pk, "set": criteria_set.code}
        )
        assert answer["Location"] == f"{reverse(f'reports:{report}', args=[unit.pk])}?set={criteria_set.code}"


@pytest.mark.parametrize(
    ("text", "longest", "short"),
    [
        ("một hai ba", 20, "một hai ba"),
        ("một hai ba", 8, "một hai…"),
        ("x" * 30, 10, "x" * 10 + "…"),
        ("a\nb", 9, "a b"),
    ],
)
def test_shortened(text, longest, short):
    assert shortened(text, longest) == short


# --- paper -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "address"),
    [
        ("huyen.dongson", lambda t: reverse("reports:brief", args=[t("commune", "16420").pk])),
        ("huyen.dongson", lambda t: reverse("reports:notice", args=[t("commune", "16420").pk])),
        ("dieuphoi.thanhhoa", lambda t: reverse("reports:brief", args=[t("province", "38").pk])),
        ("dieuphoi.hatinh", lambda t: reverse("reports:notice", args=[t("commune", "18424").pk]) + "?stage=province"),
    ],
    ids=["brief", "notice", "province", "nearly all nearly met"],
)
def test_it_prints_on_one_page(world, live_server, open_page, who, address):
    def unit(level, code):
        return Unit.objects.filter(level=level, code=code).order_by("-closed_on").first()

    page = open_page(who)
    page.goto(address(unit))
    page.wait_for_selector("[data-print]:not([hidden])")
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1


def test_on_a_phone_nothing_is_wider_than_the_screen(world, live_server, open_page):
    page = open_page("huyen.dongson", width=360, height=800)
    commune = Unit.objects.get(level="commune", code="16420", closed_on__isnull=True)
    for name in ("brief", "notice"):
        page.goto(reverse(f"reports:{name}", args=[commune.pk]))
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".paper-table tbody tr").count() == 19
