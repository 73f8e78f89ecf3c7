"""The user guide: its file, its pages, and the link to it on every screen."""

import re

import pytest
from django.test import RequestFactory
from django.urls import ResolverMatch, reverse

from ntm import guide as guides
from ntm.guide import CHAPTERS, FILE, PICTURES, SCREENS, chapters_for, divide, guide, help_url, slug
from tests.test_access_matrix import WHO, names

MOST_BYTES = 120 * 1024


def headings(level):
    return re.findall(rf"^{'#' * level} (.+)$", FILE.read_text(), re.MULTILINE)


def anchors():
    return {f"{chapter.slug}#{anchor}" for chapter in guide().chapters.values() for anchor, _ in chapter.sections}


def asked(view_name):
    request = RequestFactory().get("/")
    request.resolver_match = ResolverMatch(lambda: None, (), {}, view_name)
    return request


@pytest.mark.parametrize("name", SCREENS)
def test_what_a_screen_links_to_is_told(name):
    assert SCREENS[name] in anchors()


def test_screens_are_addresses_that_exist():
    from django.urls import get_resolver

    assert set(SCREENS) - set(names(get_resolver().url_patterns)) == set()


def test_every_role_has_its_chapter():
    from communes.models import Role

    assert set(CHAPTERS) == set(Role.values)
    assert set(CHAPTERS.values()) <= set(guide().chapters)


def test_no_two_headings_share_an_address():
    found = [slug(heading) for heading in headings(2) + headings(3)]
    assert len(found) == len(set(found))
    # Nor as the file is read elsewhere, where a heading's address keeps its letters.
    assert len(guide().chapters) == len(headings(2))


def test_links_within_the_file_name_headings_that_exist():
    text = FILE.read_text()
    kept = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings(2) + headings(3)}
    linked = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert linked
    assert linked - kept == set()


def test_pictures_are_those_the_file_names_and_small():
    named = set(re.findall(r"!\[[^\]]+\]\(pictures/([^)]+)\)", FILE.read_text()))
    assert named
    assert {file.name for file in PICTURES.glob("*.png")} == named
    assert {file.name for file in PICTURES.glob("*.png") if file.stat().st_size > MOST_BYTES} == set()


def test_an_unknown_link_or_picture_fails_loudly():
    with pytest.raises(KeyError):
        guides.render("[x](#nowhere)", {"here": "here"})
    with pytest.raises(FileNotFoundError):
        guides.render("![x](pictures/none.png)", {})


def test_a_chapter_becomes_a_page(client, db):
    title, introduction, parts = divide("# T\n\nIn.\n\n## Một, hai\n\n### Ba\n\nx\n")
    assert (title, introduction.strip(), parts) == ("T", "In.", [("Một, hai", "\n\n### Ba\n\nx\n")])
    chapter = guide().chapters["can-bo-xa"]
    page = client.get(chapter.url).content.decode()
    assert f"<h1>{chapter.title}</h1>" in page
    assert '<h2 id="nhap-ket-qua">Nhập kết quả</h2>' in page
    assert f'href="{reverse("help_chapter", args=["lanh-dao-xa"])}#duyet-va-gui-cap-tren"' in page
    assert 'src="/static/guide/entry.png"' in page
    assert "style=" not in chapter.html
    # Every table can be reached and scrolled by keyboard.
    assert chapter.html.count("<table") == chapter.html.count('class="table-wrap" role="region" tabindex="0"') > 0


def test_the_contents_lead_to_everything_and_what_is_mine_stands_first(cast, client):
    page = client.get(reverse("help")).content.decode()
    for chapter in guide().chapters.values():
        for anchor, _ in chapter.sections:
            assert f'href="{chapter.url}#{anchor}"' in page
    assert "Dành cho công việc của bạn" not in page
    for who, chapter in [("canbo.dongphu", "can-bo-xa"), ("so.giaoduc", "so-nganh"), ("xem.hatinh", "nguoi-xem")]:
        assert chapters_for(cast[who]) == [chapter]
        mine = cast.client(who).get(reverse("help")).content.decode().split("Dành cho công việc của bạn")[1]
        assert mine.index(guide().chapters[chapter].url) < mine.index("guide-contents")


def test_there_is_no_other_chapter(client, db):
    assert client.get("/help/nowhere/").status_code == 404


@pytest.mark.parametrize("who", WHO)
def test_the_pages_answer_for_everyone(cast, client, who):
    asker = cast.client(who) if who else client
    for url in [reverse("help"), *(chapter.url for chapter in guide().chapters.values())]:
        assert asker.get(url).status_code == 200


def test_it_is_open_before_the_password_is_changed_and_the_second_factor_set_up(cast, settings):
    settings.REQUIRE_TOTP = True
    coordinator = cast.client("dieuphoi.thanhhoa")
    assert coordinator.get("/").status_code == 302
    assert coordinator.get(reverse("help")).status_code == 200
    officer = cast["canbo.dongphu"]
    officer.must_change_password = True
    officer.save()
    newcomer = cast.client("canbo.dongphu")
    assert newcomer.get("/").status_code == 302
    assert newcomer.get(reverse("help_chapter", args=["bat-dau"])).status_code == 200


def test_screens_link_to_their_part_and_others_to_none(cast):
    assert help_url(asked("reports:matrix")) == "/help/tong-hop-va-bao-cao/#bang-tong-hop-theo-xa"
    assert help_url(asked("healthz")) == ""
    assert help_url(RequestFactory().get("/")) == ""
    page = cast.client("huyen.dongson").get("/matrix/").content.decode()
    assert 'class="help-link" href="/help/tong-hop-va-bao-cao/#bang-tong-hop-theo-xa"' in page
    assert 'class="help-link"' not in cast.client("huyen.dongson").get(reverse("help")).content.decode()
