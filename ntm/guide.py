"""The user guide (docs/huong-dan-su-dung.md) as pages of the application, and which part helps on which screen.

The file is written to be read as it stands, too: ordinary Markdown, a chapter under each "## ", a
section under each "### ", links to other parts by their heading, pictures from docs/pictures. Here every
chapter becomes a page and every heading an address without diacritics.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from communes import access
from communes.names import search_name

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

FILE = settings.BASE_DIR / "docs" / "huong-dan-su-dung.md"
PICTURES = settings.BASE_DIR / "docs" / "pictures"

# The chapter that tells a role's work.
CHAPTERS = {
    access.OFFICER: "can-bo-xa",
    access.COMMUNE_LEADER: "lanh-dao-xa",
    access.DISTRICT_STAFF: "can-bo-huyen",
    access.INSPECTOR: "doan-kiem-tra",
    access.DEPARTMENT_REVIEWER: "so-nganh",
    access.COORDINATOR: "dieu-phoi-vien-tinh",
    access.VIEWER: "nguoi-xem",
}

# The section (chapter#heading) that helps on a screen, by the name of its address.
SCREENS = {
    "account_login": "bat-dau#dang-nhap",
    "account_change_password": "bat-dau#doi-mat-khau",
    "account_reminders": "bat-dau#nhac-viec-qua-thu",
    "mfa_index": "bat-dau#xac-thuc-hai-lop",
    "mfa_activate_totp": "bat-dau#xac-thuc-hai-lop",
    "reports:home": "bat-dau#trang-viec-can-lam",
    "reports:unit_search": "bat-dau#tim-mot-xa",
    "reports:unit_detail": "tong-hop-va-bao-cao#tinh-hinh-thuc-hien-cua-mot-xa",
    "reports:criterion_past": "tong-hop-va-bao-cao#xem-lai-mot-thoi-diem",
    "reports:nation": "tong-hop-va-bao-cao#xem-lai-mot-thoi-diem",
    "reports:matrix": "tong-hop-va-bao-cao#bang-tong-hop-theo-xa",
    "reports:report_list": "tong-hop-va-bao-cao#bieu-excel",
    "reports:buckets": "dieu-phoi-vien-tinh#nhom-xa-theo-so-tieu-chi",
    "reports:brief": "tong-hop-va-bao-cao#bao-cao-nhanh-va-phieu-niem-yet",
    "reports:notice": "tong-hop-va-bao-cao#bao-cao-nhanh-va-phieu-niem-yet",
    "reports:meeting_list": "tong-hop-va-bao-cao#giao-ban",
    "reports:meeting_create": "tong-hop-va-bao-cao#giao-ban",
    "reports:meeting_detail": "tong-hop-va-bao-cao#giao-ban",
    "reports:meeting_add": "tong-hop-va-bao-cao#giao-ban",
    "reports:meeting_item": "tong-hop-va-bao-cao#giao-ban",
    "reports:desk": "so-nganh#tieu-chi-cua-toi",
    "reports:desk_review": "so-nganh#tieu-chi-cua-toi",
    "reports:desk_report": "can-bo-xa#bao-yeu-cau-sai",
    "criteria:entry": "can-bo-xa#nhap-ket-qua",
    "criteria:criterion": "can-bo-xa#nhap-ket-qua",
    "criteria:entry_paste": "can-bo-xa#dan-tu-excel",
    "criteria:entry_book": "can-bo-xa#bieu-nhap-excel",
    "criteria:workshop": "dieu-phoi-vien-tinh#bat-dau-mot-tinh-moi",
    "criteria:set_list": "dieu-phoi-vien-tinh#bo-tieu-chi",
    "criteria:set": "dieu-phoi-vien-tinh#bo-tieu-chi",
    "criteria:set_upload": "dieu-phoi-vien-tinh#bo-tieu-chi",
    "criteria:set_difference": "dieu-phoi-vien-tinh#bo-tieu-chi",
    "criteria:set_discard": "dieu-phoi-vien-tinh#bo-tieu-chi",
    "criteria:crosswalk": "dieu-phoi-vien-tinh#noi-tiep-chi-tieu",
    "criteria:history_list": "dieu-phoi-vien-tinh#so-lieu-cac-nam-truoc",
    "criteria:history_about": "dieu-phoi-vien-tinh#so-lieu-cac-nam-truoc",
    "criteria:history_sheet": "dieu-phoi-vien-tinh#so-lieu-cac-nam-truoc",
    "criteria:history_headings": "dieu-phoi-vien-tinh#so-lieu-cac-nam-truoc",
    "criteria:history_columns": "dieu-phoi-vien-tinh#so-lieu-cac-nam-truoc",
    "criteria:history_marks": "dieu-phoi-vien-tinh#so-lieu-cac-nam-truoc",
    "criteria:history_communes": "dieu-phoi-vien-tinh#so-lieu-cac-nam-truoc",
    "criteria:history_void": "dieu-phoi-vien-tinh#so-lieu-cac-nam-truoc",
    "criteria:target_grid": "dieu-phoi-vien-tinh#yeu-cau-cua-tinh",
    "criteria:target_bulk": "dieu-phoi-vien-tinh#yeu-cau-cua-tinh",
    "criteria:target_create": "dieu-phoi-vien-tinh#yeu-cau-cua-tinh",
    "criteria:target_edit": "dieu-phoi-vien-tinh#yeu-cau-cua-tinh",
    "criteria:target_delete": "dieu-phoi-vien-tinh#yeu-cau-cua-tinh",
    "criteria:target_upload": "dieu-phoi-vien-tinh#yeu-cau-cua-tinh",
    "criteria:target_report_list": "dieu-phoi-vien-tinh#yeu-cau-cua-tinh",
    "criteria:target_report_answer": "dieu-phoi-vien-tinh#yeu-cau-cua-tinh",
    "criteria:group_list": "dieu-phoi-vien-tinh#nhom-xa-va-muc-vung-nui",
    "criteria:group_upload": "dieu-phoi-vien-tinh#nhom-xa-va-muc-vung-nui",
    "criteria:base_figures": "can-bo-xa#so-lieu-nen",
    "criteria:period_report": "can-bo-xa#bao-cao-ky",
    "reports:unit_period": "can-bo-xa#bao-cao-ky",
    "criteria:period_texts": "can-bo-xa#bao-cao-ky",
    "criteria:supplementary_fill": "can-bo-xa#bao-cao-ky",
    "criteria:supplementary_list": "dieu-phoi-vien-tinh#bieu-bo-sung",
    "criteria:supplementary_create": "dieu-phoi-vien-tinh#bieu-bo-sung",
    "criteria:supplementary_edit": "dieu-phoi-vien-tinh#bieu-bo-sung",
    "criteria:supplementary_column_add": "dieu-phoi-vien-tinh#bieu-bo-sung",
    "criteria:supplementary_column": "dieu-phoi-vien-tinh#bieu-bo-sung",
    "reports:settings": "dieu-phoi-vien-tinh#trinh-bay-bao-cao",
    "criteria:plan": "can-bo-xa#ket-qua-ke-hoach",
    "reports:registration_list": "can-bo-huyen#xa-dang-ky-dat-chuan",
    "reports:registration_withdraw": "can-bo-huyen#xa-dang-ky-dat-chuan",
    "reports:recognition_list": "dieu-phoi-vien-tinh#cong-nhan-dat-chuan",
    "reports:recognition_paste": "dieu-phoi-vien-tinh#cong-nhan-dat-chuan",
    "reports:recognition_create": "dieu-phoi-vien-tinh#cong-nhan-dat-chuan",
    "reports:recognition_revoke": "dieu-phoi-vien-tinh#cong-nhan-dat-chuan",
    "reports:recognition_void": "dieu-phoi-vien-tinh#cong-nhan-dat-chuan",
    "reports:table": "tong-hop-va-bao-cao#cac-bieu-theo-doi-tien-do",
    "criteria:question_list": "can-bo-xa#hoi-dap-voi-cap-tren",
    "criteria:question_ask": "can-bo-xa#hoi-dap-voi-cap-tren",
    "criteria:question_detail": "can-bo-xa#hoi-dap-voi-cap-tren",
    "criteria:target_report": "can-bo-xa#bao-yeu-cau-sai",
    "criteria:revision_list": "can-bo-xa#lich-su-chi-tieu",
    "criteria:evidence_list": "can-bo-xa#kho-tai-lieu",
    "criteria:evidence_detail": "can-bo-xa#kho-tai-lieu",
    "criteria:evidence_attach": "can-bo-xa#them-minh-chung",
    "criteria:evidence_register": "can-bo-xa#them-minh-chung",
    "criteria:evidence_links": "can-bo-xa#them-minh-chung",
    "criteria:evidence_attach_many": "can-bo-xa#kho-tai-lieu",
    "criteria:evidence_combine": "can-bo-xa#kho-tai-lieu",
    "criteria:evidence_edit": "can-bo-xa#kho-tai-lieu",
    "criteria:evidence_retire": "can-bo-xa#kho-tai-lieu",
    "criteria:owner_list": "lanh-dao-xa#phan-cong-tieu-chi",
    "criteria:owner_hand_over": "lanh-dao-xa#ban-giao-tieu-chi",
    "criteria:submission_send": "lanh-dao-xa#duyet-va-gui-cap-tren",
    "criteria:submission_list": "can-bo-huyen#ket-qua-xa-gui",
    "criteria:submission_detail": "can-bo-huyen#tiep-nhan-hoac-tra-lai",
    "criteria:submission_return": "can-bo-huyen#tiep-nhan-hoac-tra-lai",
    "criteria:period_list": "tong-hop-va-bao-cao#ky-bao-cao",
    "criteria:period_create": "tong-hop-va-bao-cao#ky-bao-cao",
    "criteria:period_create_year": "tong-hop-va-bao-cao#ky-bao-cao",
    "criteria:period_detail": "tong-hop-va-bao-cao#ky-bao-cao",
    "criteria:period_late": "tong-hop-va-bao-cao#ky-bao-cao",
    "criteria:period_edit": "tong-hop-va-bao-cao#ky-bao-cao",
    "criteria:period_close": "tong-hop-va-bao-cao#ky-bao-cao",
    "criteria:period_reopen": "tong-hop-va-bao-cao#ky-bao-cao",
    "inspections:visit_list": "doan-kiem-tra#lap-ke-hoach-kiem-tra",
    "inspections:visit_create": "doan-kiem-tra#lap-ke-hoach-kiem-tra",
    "inspections:visit_edit": "doan-kiem-tra#lap-ke-hoach-kiem-tra",
    "inspections:visit_team": "doan-kiem-tra#thanh-phan-doan-va-phan-cong",
    "inspections:member_edit": "doan-kiem-tra#thanh-phan-doan-va-phan-cong",
    "inspections:visit_detail": "doan-kiem-tra#cham-tai-cho",
    "inspections:visit_criterion": "doan-kiem-tra#cham-tai-cho",
    "inspections:finding_create": "doan-kiem-tra#ghi-ton-tai-han-che",
    "inspections:finding_edit": "doan-kiem-tra#ghi-ton-tai-han-che",
    "inspections:visit_conclude": "doan-kiem-tra#ket-luan-va-khoa",
    "inspections:visit_findings": "doan-kiem-tra#ton-tai-tu-cac-cuoc-truoc",
    "inspections:visit_minutes": "doan-kiem-tra#bien-ban",
    "inspections:minutes_template": "dieu-phoi-vien-tinh#mau-bien-ban",
    "inspections:target_report": "can-bo-xa#bao-yeu-cau-sai",
    "inspections:visit_annex": "doan-kiem-tra#phu-luc-dieu-chinh",
    "inspections:finding_list": "can-bo-xa#khac-phuc-ton-tai-han-che",
    "inspections:finding_detail": "can-bo-xa#khac-phuc-ton-tai-han-che",
    "communes:user_list": "dieu-phoi-vien-tinh#nguoi-dung",
    "communes:user_detail": "dieu-phoi-vien-tinh#nguoi-dung",
    "communes:user_edit": "dieu-phoi-vien-tinh#nguoi-dung",
    "communes:user_close": "dieu-phoi-vien-tinh#chuyen-don-vi-ngung-hoat-dong",
    "communes:user_create": "dieu-phoi-vien-tinh#tao-nguoi-dung",
    "communes:user_import": "dieu-phoi-vien-tinh#danh-sach-excel",
    "communes:slip_list": "dieu-phoi-vien-tinh#phieu-mat-khau",
    "communes:user_password": "dieu-phoi-vien-tinh#phieu-mat-khau",
    "communes:role_create": "dieu-phoi-vien-tinh#chuyen-don-vi-ngung-hoat-dong",
    "communes:role_edit": "dieu-phoi-vien-tinh#chuyen-don-vi-ngung-hoat-dong",
    "communes:role_move": "dieu-phoi-vien-tinh#chuyen-don-vi-ngung-hoat-dong",
    "communes:rights_log": "dieu-phoi-vien-tinh#nhat-ky-phan-quyen",
}


@dataclass(frozen=True)
class Chapter:
    slug: str
    title: str
    html: SafeString
    sections: tuple[tuple[str, str], ...]  # (anchor, heading)

    @property
    def url(self) -> str:
        return reverse("help_chapter", args=[self.slug])


@dataclass(frozen=True)
class Guide:
    title: str
    introduction: SafeString
    chapters: dict[str, Chapter]


def help_url(request: HttpRequest) -> str:
    """Where the guide tells about the screen a request asked for; "" where it doesn't."""
    match = request.resolver_match
    chapter, _, anchor = SCREENS.get(match.view_name if match else "", "").partition("#")
    return f"{reverse('help_chapter', args=[chapter])}#{anchor}" if chapter else ""


def chapters_for(user: Any) -> list[str]:
    """Slugs of the chapters about the work of a person's roles, in the order of CHAPTERS."""
    if not user.is_authenticated:
        return []
    held = {membership.role for membership in access.roles(user).memberships}
    return [slug for role, slug in CHAPTERS.items() if role in held]


def slug(heading: str) -> str:
    """A heading as an anchor: "Nhập kết quả" is nhap-ket-qua."""
    return re.sub("[^a-z0-9]+", "-", search_name(heading)).strip("-")


@cache
def guide() -> Guide:
    """The guide, read and rendered once a process."""
    title, introduction, parts = divide(FILE.read_text())
    places = {slug(heading): slug(heading) for heading, _ in parts}
    for heading, text in parts:
        places |= {slug(section): slug(heading) for section in re.findall(r"^### (.+)$", text, re.MULTILINE)}
    chapters = {}
    for heading, text in parts:
        # The page's own heading is the chapter's: its sections move up one level.
        html, sections = render(re.sub("^###", "##", text, flags=re.MULTILINE), places)
        chapters[slug(heading)] = Chapter(slug(heading), heading, html, sections)
    return Guide(title, render(introduction, places)[0], chapters)


def divide(text: str) -> tuple[str, str, list[tuple[str, str]]]:
    """The guide's title, its introduction, and (heading, text) of each chapter."""
    before, *rest = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    title, _, introduction = before.partition("\n")
    return title.removeprefix("# ").strip(), introduction, list(zip(rest[::2], rest[1::2], strict=True))


def render(text: str, places: dict[str, str]) -> tuple[SafeString, tuple[tuple[str, str], ...]]:
    """Markdown as HTML, with its second-level headings. It is our own text, so its HTML is trusted."""
    from markdown import Markdown
    from markdown.extensions.toc import TocExtension
    from markdown.treeprocessors import Treeprocessor

    class Adapt(Treeprocessor):
        """Give tables, pictures and links what they need on a page of the application."""

        def run(self, root: Element) -> None:
            for parent in list(root.iter()):
                for place, child in enumerate(parent):
                    if child.tag == "table":
                        parent[place] = framed(child)
                    elif child.tag == "img":
                        show_picture(child)
                    elif child.tag == "a" and child.get("href", "").startswith("#"):
                        anchor = slug(unquote(child.get("href", "")))
                        chapter = reverse("help_chapter", args=[places[anchor]])
                        child.set("href", chapter if places[anchor] == anchor else f"{chapter}#{anchor}")

    engine = Markdown(extensions=["tables", TocExtension(slugify=lambda value, separator: slug(value))])
    engine.treeprocessors.register(Adapt(engine), "adapt", 0)
    html = engine.convert(text)
    sections = tuple((token["id"], token["name"]) for token in engine.toc_tokens)
    return mark_safe(html), sections


def framed(table: Element) -> Element:
    """A table that scrolls by itself where the screen is narrower."""
    from xml.etree.ElementTree import Element

    heading = ", ".join("".join(cell.itertext()) for cell in table.iter("th"))
    frame = Element("div", {"class": "table-wrap", "role": "region", "tabindex": "0", "aria-label": f"Bảng: {heading}"})
    table.set("class", "ntm-table")
    for cell in table.iter("th"):
        cell.set("scope", "col")
    frame.append(table)
    return frame


def show_picture(image: Element) -> None:
    """A picture from its place among the static files, with its size, so that the page doesn't jump."""
    from PIL import Image

    name = image.get("src", "").removeprefix("pictures/")
    with Image.open(PICTURES / name) as picture:
        width, height = picture.size
    image.attrib |= {
        "src": static(f"guide/{name}"), "width": str(width), "height": str(height), "loading": "lazy",
        "class": "guide-phone" if width < 500 else "guide-screen",
    }  # fmt: skip
