"""Biên bản: what they say, how they are frozen with the conclusion, who reads them, the signed scan."""

import datetime
import hashlib
import io
import re
import threading
import zlib
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.urls import reverse
from django.utils import timezone
from docx import Document
from PIL import Image, ImageFile

from criteria.evidence import UploadRefused, stored_path
from criteria.models import Evidence, EvidenceLink, Revision
from inspections import conclude as conclusion
from inspections.minutes import files, pdf, word
from inspections.minutes.data import gather
from inspections.minutes.pdf import PdfUnavailable, draw_pdf
from inspections.minutes.word import draw_word
from inspections.models import MinutesFile, TeamMember, Visit
from tests.factories import FindingFactory, TeamMemberFactory, VisitFactory
from tests.inspections.world import HELD, build_place, build_visit

SUMMARY = "Đạt 3/3 tiêu chí."


def score_all(place, visit):
    place.score(visit, "1.1", "nearly_met", value=Decimal("94.33"), part=Decimal(1182), whole=Decimal(1253),
                attainment=Decimal("99.29"))  # fmt: skip
    place.score(visit, "1.2", "firmly_met")
    place.score(visit, "2.1", "met")
    place.score(visit, "3.1", "met", value=Decimal(50))


def conclude(place, visit, **fields):
    fields = {
        "held_on": HELD,
        "commune_opinion": "Nhất trí",
        "summary": SUMMARY,
        "unscored_reason": "",
        "by": place.leader,
        **fields,
    }
    return conclusion.conclude(visit, **fields)


def concluded(place, visit, **fields):
    score_all(place, visit)
    return conclude(place, visit, **fields)


def url(name, visit, *more):
    return reverse(f"inspections:{name}", args=[visit.pk, *more])


def words_of(content: bytes) -> str:
    """All text of a Word document in order, tables and headers included."""
    document = Document(io.BytesIO(content))
    parts = [document.element.body]
    parts += [header._element for s in document.sections for header in (s.header, s.first_page_header)]
    return "\n".join(node.text or "" for part in parts for node in part.iter() if node.tag.endswith("}t"))


def pdf_file(text: bytes = b"one") -> SimpleUploadedFile:
    body = b"%PDF-1.4\n%" + text + b"\ntrailer <<>>\nstartxref\n9\n%%EOF\n"
    return SimpleUploadedFile("Bien ban da ky.pdf", body, "application/pdf")


def unpacked(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return b""


def status(client, address: str) -> int:
    """The status of an answer that may stream a file, read to its end and so closed."""
    answer = client.get(address)
    b"".join(answer)
    return answer.status_code


# --- what they say ---------------------------------------------------------------------


def test_the_minutes_say_what_was_claimed_and_found(place, visit):
    place.claim("1.1", "met", value=Decimal(96))
    score_all(place, visit)
    FindingFactory(
        visit=visit, criterion=place.criterion(1), indicator=place.indicator("1.1"), created_by=place.leader,
        description="Còn 71 hộ chưa có nước sạch", recommendation="Đấu nối", due_on=datetime.date(2024, 9, 30),
    )  # fmt: skip
    minutes = gather(Visit.objects.get(pk=visit.pk))
    assert minutes.committee == "ỦY BAN NHÂN DÂN TỈNH THANH HÓA"
    assert minutes.team_name == "ĐOÀN THẨM ĐỊNH"
    assert minutes.place_and_day == "Đông Phú, ngày 25 tháng 6 năm 2024"
    assert minutes.place == "xã Đông Phú, huyện Đông Sơn, tỉnh Thanh Hóa"
    assert [person.role for person in minutes.team] == ["Trưởng đoàn", "Thành viên"]
    first = minutes.criteria[0]
    assert (first.number, first.claim, first.found) == (1, "Chưa đánh giá đủ", "Cơ bản đạt")
    row = first.indicators[0]
    assert row.requirement == "≥ 95%"
    assert row.claim == "Đạt: 96\N{NO-BREAK SPACE}%"
    assert row.found == ("Cơ bản đạt: 94,33\N{NO-BREAK SPACE}% (1.182/1.253), mức độ đạt 99,3\N{NO-BREAK SPACE}%")
    assert row.shortcomings[0].text == "Còn 71 hộ chưa có nước sạch"
    assert row.shortcomings[0].recommendation == "Đấu nối\nThời hạn: 30/09/2024"
    assert minutes.is_draft
    assert "cơ bản đạt 1/3" in minutes.conclusion  # generated until the team writes its own


def test_the_dossier_counts_published_documents(place, visit):
    def prove(code, published, **fields):
        evidence = Evidence.objects.create(
            unit=place.unit, form="paper", kept_at="UBND xã", uploaded_by=place.officer, **fields
        )
        EvidenceLink.objects.create(
            evidence=evidence, unit=place.unit, indicator=place.indicator(code), created_by=place.officer,
            published_at=timezone.now() if published else None,
        )  # fmt: skip

    prove("1.1", True, title="Còn hiệu lực")
    prove("2.1", True, title="Hết hạn", expires_on=datetime.date(2024, 6, 24))
    prove("3.1", False, title="Chưa gửi")
    dossier = gather(Visit.objects.get(pk=visit.pk)).dossier
    assert (dossier.needing, dossier.having, dossier.documents, dossier.paper, dossier.expired) == (4, 1, 2, 2, 1)
    assert dossier.lacking == ("1.2", "2.1", "3.1")
    assert "1/4 chỉ tiêu" in dossier.sentence


def test_a_visit_without_team_findings_or_scores_can_be_drawn(place):
    visit = VisitFactory(unit=place.unit, criteria_set=place.criteria_set, planned_by=place.coordinator)
    minutes = gather(Visit.objects.get(pk=visit.pk))
    text = words_of(draw_word(minutes))
    assert "Không chấm" in text
    assert "Đoàn chưa kết luận." in text
    assert "BIÊN BẢN" in text
    assert draw_pdf(minutes).startswith(b"%PDF-")


@pytest.mark.parametrize(
    "nasty",
    ["=HYPERLINK(1)", "{{ xa }} {% for %}", "<w:t>&amp;</w:t>", "tab\there\x0b\x07 \u202eback", "Đ" * 100],
)
def test_any_text_a_person_typed_comes_out_as_text(place, visit, nasty):
    TeamMemberFactory(visit=visit, user=None, name=nasty[:100], post=nasty, organisation=nasty, role="attendee")
    score_all(place, visit)
    FindingFactory(visit=visit, criterion=place.criterion(1), description=nasty * 3, created_by=place.leader)
    visit.commune_opinion = nasty * 3
    minutes = gather(visit)
    text = words_of(draw_word(minutes))
    assert minutes.opinion in text
    assert not set(minutes.opinion) & {"\x07", "\x0b", "\u202e"}
    assert draw_pdf(minutes).startswith(b"%PDF-")


def test_a_name_of_300_characters_fits(place, visit):
    TeamMember.objects.filter(visit=visit, role="leader").update(name="Nguyễn" * 16, post="Trưởng phòng " * 11)
    place.unit.name = "Đ" * 100
    visit.unit.name = "Đông Phú " * 11
    minutes = gather(visit)
    assert "Nguyễn" * 16 in words_of(draw_word(minutes))
    assert draw_pdf(minutes).startswith(b"%PDF-")


def test_drafts_and_the_demonstration_are_marked_on_every_page(place, visit):
    text = words_of(draw_word(gather(visit)))
    assert text.count("DỰ THẢO, đoàn chưa kết luận · Dữ liệu minh họa") >= 2  # first page and the others
    concluded(place, visit)
    text = words_of(draw_word(gather(Visit.objects.get(pk=visit.pk))))
    assert "DỰ THẢO" not in text
    assert "Dữ liệu minh họa" in text


def test_lists_cost_the_same_whatever_their_length(place, visit, count_queries):
    score_all(place, visit)
    with count_queries() as few:
        gather(Visit.objects.select_related("unit__province", "unit__district", "criteria_set").get(pk=visit.pk))
    for _ in range(30):
        TeamMemberFactory(visit=visit, user=None, name="Khách mời", role="attendee")
        FindingFactory(visit=visit, criterion=place.criterion(1), created_by=place.leader)
    with count_queries() as many:
        gather(Visit.objects.select_related("unit__province", "unit__district", "criteria_set").get(pk=visit.pk))
    assert len(many) == len(few)


# --- PDF -------------------------------------------------------------------------------


def test_the_pdf_is_set_in_tinos_and_nothing_else(place, visit):
    content = draw_pdf(gather(visit))
    packed = re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL)
    plain = b"".join([content, *(unpacked(match.group(1)) for match in packed)])
    fonts = set(re.findall(rb"/BaseFont ?/(?:[A-Z]{6}\+)?([A-Za-z]+)", plain))
    assert fonts == {b"Tinos"}


@pytest.mark.parametrize("address", ["https://example.com/x.png", "file:///etc/passwd", f"{pdf.ORIGIN}../manage.py"])
def test_drawing_fetches_nothing_but_own_static_files(address):
    *_, fetcher = pdf._weasyprint()
    with pytest.raises(ValueError, match="not one of our own"):
        fetcher().fetch(address)


def test_drawing_leaves_the_check_of_pictures_alone(place, visit):
    """WeasyPrint would let Pillow take broken pictures from then on."""
    pdf._weasyprint.cache_clear()
    draw_pdf(gather(visit))
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


# --- freezing --------------------------------------------------------------------------


def test_both_files_are_frozen_with_the_conclusion(place, visit):
    visit = concluded(place, visit)
    found = {file.kind: file for file in visit.minutes_files.all()}
    assert set(found) == {"word", "pdf"}
    for file in found.values():
        content = stored_path(str(file.file.name)).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file.sha256
        assert len(content) == file.size
        assert file.at == visit.concluded_at
    assert found["word"].original_name == "Bien-ban_XaDongPhu_38-2024-001.docx"
    text = words_of(stored_path(str(found["word"].file.name)).read_bytes())
    assert SUMMARY in text
    assert "DỰ THẢO" not in text


def test_what_comes_after_the_conclusion_changes_nothing(place, visit):
    visit = concluded(place, visit)
    before = list(visit.minutes_files.order_by("pk").values())
    conclusion.add_annex(visit, "Điều chỉnh", by=place.leader)
    with pytest.raises(conclusion.AlreadyConcluded):
        conclude(place, visit)
    files.add_signed(visit, pdf_file(), by=place.leader)
    assert list(visit.minutes_files.exclude(kind="signed").order_by("pk").values()) == before
    client = place.client(place.leader)
    page = client.get(url("visit_minutes", visit))
    assert all(row["sha256"] in page.content.decode() for row in before)
    assert client.get(url("minutes_docx", visit)).status_code == 302  # no draft any more


@pytest.mark.parametrize("broken", ["draw_word", "draw_pdf", "write_file"])
def test_a_failure_to_draw_or_keep_concludes_nothing(place, visit, monkeypatch, broken):
    score_all(place, visit)

    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(files, broken, fail)
    seen = conclusion.fingerprint(visit)
    data = {"held_on": "25/06/2024", "summary": "Câu đã viết", "commune_opinion": "", "unscored_reason": "",
            "seen_fingerprint": seen}  # fmt: skip
    answer = place.client(place.leader).post(url("visit_conclude", visit), data)
    assert answer.status_code == 422
    assert "chưa kết luận" in answer.content.decode()
    assert "Câu đã viết" in answer.content.decode()
    visit.refresh_from_db()
    assert visit.state == Visit.State.UNDER_WAY
    assert not Revision.objects.filter(source="visit").exists()
    assert not MinutesFile.objects.exists()


def test_without_the_libraries_for_pdf_word_is_frozen_and_the_page_says_so(place, visit, monkeypatch):
    def missing(minutes):
        raise PdfUnavailable

    monkeypatch.setattr(files, "draw_pdf", missing)
    client = place.client(place.leader)
    draft = client.get(url("minutes_pdf", visit))
    assert draft.status_code == 503
    assert "Hãy dùng bản Word" in draft.content.decode()
    visit = concluded(place, visit)
    assert [file.kind for file in visit.minutes_files.all()] == ["word"]
    assert "Không có bản PDF" in client.get(url("visit_minutes", visit)).content.decode()


def test_missing_libraries_are_told_from_other_faults(monkeypatch):
    """cffi raises OSError where a shared library isn't there."""
    import builtins

    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("weasyprint"):
            raise OSError("cannot load library 'libpango-1.0-0'")
        return real(name, *args, **kwargs)

    pdf._weasyprint.cache_clear()
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(PdfUnavailable):
        pdf._weasyprint()


# --- the signed paper ------------------------------------------------------------------


def test_a_new_scan_is_a_new_row_and_the_old_one_stays(place, visit):
    visit = concluded(place, visit)
    client = place.client(place.leader)
    for text in (b"first", b"second"):
        assert client.post(url("visit_minutes", visit), {"file": pdf_file(text)}).status_code == 302
    signed = list(visit.minutes_files.filter(kind="signed"))
    assert len(signed) == 2
    page = client.get(url("visit_minutes", visit)).content.decode()
    assert "Bản mới nhất" in page
    assert "Bản trước" in page
    answer = client.get(url("minutes_file", visit, signed[1].pk))
    assert b"first" in b"".join(answer.streaming_content)
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, no-store"
    assert (
        "Bien%20ban%20da%20ky.pdf" in answer["Content-Disposition"] or "Bien ban da ky" in answer["Content-Disposition"]
    )
    saved = client.get(url("minutes_file", visit, signed[1].pk) + "?download=1")
    b"".join(saved)
    assert saved["Content-Disposition"].startswith("attachment")


def test_the_same_scan_twice_is_kept_once(place, visit):
    visit = concluded(place, visit)
    files.add_signed(visit, pdf_file(), by=place.leader)
    with pytest.raises(UploadRefused, match="đã được tải lên"):
        files.add_signed(visit, pdf_file(), by=place.leader)
    assert visit.minutes_files.filter(kind="signed").count() == 1
    answer = place.client(place.leader).post(url("visit_minutes", visit), {"file": pdf_file()}, follow=True)
    assert answer.redirect_chain == [(url("visit_minutes", visit), 302)]
    assert "đã được tải lên trước đây" in answer.text
    assert visit.minutes_files.filter(kind="signed").count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_scan_twice_at_once_is_kept_once(media):
    place = build_place()
    visit = concluded(place, build_visit(place))
    barrier, kept, errors = threading.Barrier(2), [], []
    stored = len(list((media / files.FOLDER).rglob("*.bin")))

    def click():
        try:
            barrier.wait()
            kept.append(files.add_signed(visit, pdf_file(), by=place.leader))
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=click) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(error) for error in errors] == [files.AlreadyKept]
    assert kept == list(visit.minutes_files.filter(kind="signed"))
    assert len(list((media / files.FOLDER).rglob("*.bin"))) == stored + 1


def picture() -> SimpleUploadedFile:
    buffer = io.BytesIO()
    Image.new("RGB", (20, 20), "white").save(buffer, "PNG")
    return SimpleUploadedFile("ky.png", buffer.getvalue(), "image/png")


def test_a_picture_of_it_will_do_a_word_file_not(place, visit):
    visit = concluded(place, visit)
    assert files.add_signed(visit, picture(), by=place.leader).content_type == "image/png"
    letter = SimpleUploadedFile("ky.docx", word.BUILT_IN.read_bytes())
    with pytest.raises(UploadRefused, match="PDF hoặc ảnh"):
        files.add_signed(visit, letter, by=place.leader)
    client = place.client(place.leader)
    assert client.post(url("visit_minutes", visit), {}).status_code == 422
    assert client.post(url("visit_minutes", visit), {"file": SimpleUploadedFile("a.pdf", b"")}).status_code == 400


def test_leader_and_secretary_sign_others_not(place, visit):
    visit = concluded(place, visit)
    with pytest.raises(PermissionDenied, match="trưởng đoàn hoặc thư ký"):
        files.add_signed(visit, pdf_file(), by=place.member)
    TeamMember.objects.filter(visit=visit, user=place.member).update(role=TeamMember.Role.SECRETARY)
    files.add_signed(Visit.objects.get(pk=visit.pk), pdf_file(), by=type(place.member).objects.get(pk=place.member.pk))
    assert place.client(place.officer).post(url("visit_minutes", visit), {"file": pdf_file(b"2")}).status_code == 403


def test_nothing_is_signed_before_the_conclusion(place, visit):
    assert place.client(place.leader).post(url("visit_minutes", visit), {"file": pdf_file()}).status_code == 403


# --- who reads them --------------------------------------------------------------------


def test_a_draft_is_for_the_team_and_the_coordinator(place, visit):
    expected = {
        "leader": 200, "member": 200, "coordinator": 200, "officer": 403, "district_staff": 403,
        "neighbour_officer": 404, "reviewer": 404, "viewer": 404, "stranger": 404,
    }  # fmt: skip
    for name in ("visit_minutes", "minutes_docx", "minutes_pdf"):
        found = {who: status(place.client(getattr(place, who)), url(name, visit)) for who in expected}
        assert found == expected, name


def test_after_the_conclusion_whoever_sees_the_whole_result_reads_them(place, visit):
    visit = concluded(place, visit)
    file = visit.minutes_files.get(kind="pdf")
    expected = {
        "leader": 200, "member": 200, "coordinator": 200, "officer": 200, "district_staff": 200,
        "neighbour_officer": 404, "reviewer": 403, "viewer": 404, "stranger": 404,
    }  # fmt: skip
    for address in (url("visit_minutes", visit), url("minutes_file", visit, file.pk)):
        found = {who: status(place.client(getattr(place, who)), address) for who in expected}
        assert found == expected, address


def test_a_file_of_another_visit_is_not_found_under_this_one(place, visit):
    file = concluded(place, visit).minutes_files.get(kind="pdf")
    other = VisitFactory(unit=place.unit, criteria_set=place.criteria_set, planned_by=place.leader)
    TeamMemberFactory(visit=other, user=place.leader, role=TeamMember.Role.LEADER)
    assert place.client(place.leader).get(url("minutes_file", other, file.pk)).status_code == 404


def test_a_cancelled_visit_has_no_minutes(place, visit):
    Visit.objects.filter(pk=visit.pk).update(state="cancelled")
    assert place.client(place.coordinator).get(url("visit_minutes", visit)).status_code == 403


def test_a_file_gone_from_the_disk_gets_a_page(place, visit, caplog):
    visit = concluded(place, visit)
    file = visit.minutes_files.get(kind="word")
    stored_path(str(file.file.name)).unlink()
    answer = place.client(place.leader).get(url("minutes_file", visit, file.pk))
    assert answer.status_code == 404
    assert "không còn trên máy chủ" in answer.content.decode()


def test_the_page_costs_the_same_with_3_and_30_scans(place, visit, count_queries):
    visit = concluded(place, visit)
    client = place.client(place.leader)

    def add(numbers):
        MinutesFile.objects.bulk_create(
            MinutesFile(visit=visit, kind="signed", file="x", original_name=f"{n}.pdf", content_type="application/pdf",
                        size=n, sha256=f"{n:064}", by=place.leader)
            for n in numbers
        )  # fmt: skip

    add(range(1, 4))
    with count_queries() as few:
        client.get(url("visit_minutes", visit))
    add(range(4, 31))
    with count_queries() as many:
        client.get(url("visit_minutes", visit))
    assert len(many) == len(few)


def test_the_sweep_keeps_the_minutes_and_removes_what_a_rollback_left(place, visit, media):
    import os

    from django.core.management import call_command

    visit = concluded(place, visit)
    left = media / "minutes" / "ab" / "left.bin"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"x")
    kept = [stored_path(str(file.file.name)) for file in visit.minutes_files.all()]
    for path in [left, *kept]:
        os.utime(path, (0, 0))
    call_command("sweep_files", verbosity=0, stdout=io.StringIO())
    assert not left.exists()
    assert all(path.exists() for path in kept)
