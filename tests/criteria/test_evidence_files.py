"""Which files are taken in, and what is said of those that aren't."""

import io
import tempfile
from collections.abc import Callable

import pytest
from django.core.files.base import ContentFile, File

from criteria.evidence import MB, UploadRefused, check_upload, format_size
from tests.criteria import files

GOOD = [
    ("báo cáo.pdf", files.pdf, "application/pdf"),
    ("BAO CAO.PDF", lambda: b"\r\n" + files.pdf(), "application/pdf"),
    ("signed.pdf", lambda: files.pdf() + b"\0" * 300, "application/pdf"),
    ("anh.jpg", files.image, "image/jpeg"),
    ("anh.jpeg", lambda: files.image(progressive=True), "image/jpeg"),
    ("anh.jfif", files.phone_photo, "image/jpeg"),
    ("anh.png", lambda: files.image("PNG"), "image/png"),
    ("anh.webp", lambda: files.image("WEBP"), "image/webp"),
    ("từ Zalo.jpg", lambda: files.image("WEBP"), "image/webp"),
    ("van ban.docx", files.office, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (
        "bieu.xlsx",
        lambda: files.office("xlsx"),
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    ("cu.doc", lambda: files.old_office("WordDocument"), "application/msword"),
    ("cu.xls", lambda: files.old_office("Workbook"), "application/vnd.ms-excel"),
    ("rat cu.xls", lambda: files.old_office("Book"), "application/vnd.ms-excel"),
]


def docm() -> bytes:
    return files.office(members={"word/vbaProject.bin": b"\xd0\xcf"})


def bomb() -> bytes:
    return files.office("xlsx", {"xl/worksheets/sheet1.xml": b"0" * (60 * MB)})


def crowd() -> bytes:
    return files.office(members={f"word/{number}.xml": b"" for number in range(10_001)})


def wrong_checksum() -> bytes:
    body = bytearray(files.office("docx", {"word/media/a.bin": bytes(range(256)) * 40}))
    body[body.find(b"word/document.xml") + 25] ^= 0xFF
    return bytes(body)


BAD = [
    ("rong.pdf", lambda: b"", "rỗng (0 byte)"),
    ("program.pdf", files.program, "có đuôi .pdf nhưng nội dung là chương trình"),
    ("elf.docx", lambda: b"\x7fELF" + b"\0" * 400, "nội dung là chương trình"),
    ("script.jpg", lambda: b"#!/bin/sh\nrm -rf /\n", "nội dung là chương trình"),
    ("program.xls", files.program, "nội dung là chương trình"),
    ("trang.pdf", lambda: b"<!DOCTYPE html><html><script>1</script>", "nội dung là trang web (HTML)"),
    ("bang.xls", lambda: b"\xef\xbb\xbf<table><tr><td>1</td></tr></table>", "nội dung là trang web (HTML)"),
    ("anh.png", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "tệp XML hoặc ảnh SVG"),
    ("anh.svg", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "không thuộc loại được nhận"),
    ("trang.html", lambda: b"<html></html>", "không thuộc loại được nhận"),
    ("cai dat.exe", files.program, "không thuộc loại được nhận"),
    ("anh.gif", lambda: b"GIF89a" + b"\0" * 100, "không thuộc loại được nhận"),
    ("gif.png", lambda: b"GIF89a" + b"\0" * 100, "nội dung là ảnh GIF"),
    ("IMG_0001.HEIC", lambda: b"\0\0\0\x18ftypheic", "ảnh HEIC của iPhone chưa được nhận"),
    ("nen.zip", files.office, "Hãy giải nén"),
    ("khong duoi", files.pdf, "không thuộc loại được nhận"),
    ("anh gia.pdf", files.image, "nội dung là ảnh JPG"),
    ("pdf gia.jpg", files.pdf, "nội dung là loại PDF"),
    ("dut.pdf", lambda: files.pdf(5000)[:-40], "bị hỏng"),
    ("chi dau.pdf", lambda: b"%PDF-1.7\n" + b"a" * 100, "bị hỏng"),
    ("kem zip.pdf", lambda: files.pdf() + files.office(), "bị hỏng"),
    ("dia chi.pdf", lambda: files.pdf()[:-12] + b"999999\n%%EOF\n", "bị hỏng"),
    ("sau html.pdf", lambda: b"<script>1</script>" + files.pdf(), "nội dung là trang web (HTML)"),
    ("dut.jpg", lambda: files.image(size=(900, 900))[:2000], "bị hỏng"),
    ("dut.png", lambda: files.image("PNG", (900, 900))[:-500], "bị hỏng"),
    ("dut.webp", lambda: files.image("WEBP", (900, 900), quality=100)[:200], "bị hỏng"),
    ("khong lo.png", files.huge_png, "10.000 × 10.000 điểm ảnh, tối đa 60 triệu"),
    ("bom.png", lambda: files.huge_png(20_000), "tối đa 60 triệu điểm ảnh"),
    ("macro.docm", docm, "chứa macro"),
    ("macro.docx", docm, "chứa macro"),
    (
        "macro2.docx",
        lambda: files.office(content_type="application/vnd.ms-word.document.macroEnabled.main+xml"),
        "chứa macro",
    ),
    ("macro.xls", lambda: files.old_office("Workbook", "_VBA_PROJECT_CUR"), "chứa macro"),
    ("excel.docx", lambda: files.office("xlsx"), "có đuôi .docx nhưng nội dung là tệp nén ZIP hoặc tệp Office khác"),
    ("cu.docx", lambda: files.old_office("WordDocument"), "đời cũ (DOC, XLS) hoặc tệp Office đặt mật khẩu"),
    ("mat khau.xlsx", lambda: files.old_office("EncryptedPackage"), "đặt mật khẩu"),
    ("bo cai.doc", lambda: files.old_office("MsiPatch"), "có đuôi .doc nhưng"),
    ("dut.docx", lambda: files.office()[:-30], "bị hỏng"),
    ("sai tong.docx", wrong_checksum, "bị hỏng"),
    ("bom.xlsx", bomb, "bung ra quá lớn"),
    ("dam dong.docx", crowd, "bung ra quá lớn"),
    ("van ban.docx", lambda: files.pdf(), "nội dung là loại PDF"),
]


@pytest.mark.parametrize(("name", "make", "content_type"), GOOD, ids=[name for name, *_ in GOOD])
def test_good_files_are_taken(name: str, make: Callable[[], bytes], content_type: str) -> None:
    checked = check_upload(ContentFile(make(), name=name))
    assert checked.content_type == content_type
    assert checked.size == len(make())
    assert len(checked.sha256) == 64


@pytest.mark.parametrize(("name", "make", "message"), BAD, ids=[name for name, *_ in BAD])
def test_bad_files_are_refused_in_words(name: str, make: Callable[[], bytes], message: str) -> None:
    with pytest.raises(UploadRefused) as refusal:
        check_upload(ContentFile(make(), name=name))
    assert message in refusal.value.message
    assert name in refusal.value.message
    assert refusal.value.status == (413 if "điểm ảnh" in message else 400)


@pytest.mark.parametrize(("name", "size"), [("to.xlsx", 26 * MB), ("to.jpg", 25 * MB + 1), ("to.pdf", 100 * MB + 1)])
def test_too_big_is_said_with_both_sizes(name: str, size: int) -> None:
    with tempfile.TemporaryFile() as sparse:
        sparse.truncate(size)
        with pytest.raises(UploadRefused) as refusal:
            check_upload(File(sparse, name=name))
    assert refusal.value.status == 413
    assert format_size(size) in refusal.value.message
    assert ("100 MB" if name.endswith("pdf") else "25 MB") in refusal.value.message


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Báo cáo kết quả – Đông Phú.pdf", "Báo cáo kết quả – Đông Phú.pdf"),
        ("Ba\u0301o ca\u0301o.pdf", "Báo cáo.pdf"),
        ("ảnh 🌾 lúa.pdf", "ảnh 🌾 lúa.pdf"),
        ("../../etc/bao-cao.pdf", "bao-cao.pdf"),
        ("C:\\Users\\An\\bao-cao.pdf", "bao-cao.pdf"),
        ("bao\u202efdp.pdf", "baofdp.pdf"),
        ("ba\x00o\x07\r\ncao.pdf", "bao cao.pdf"),
        ("a\u200bb.pdf", "ab.pdf"),
        ('ten"co<dau>.pdf', "ten_co_dau_.pdf"),
        ("a" * 300 + ".pdf", "a" * 146 + ".pdf"),
        ("CON.pdf", "_CON.pdf"),
    ],
)
def test_names_are_kept_as_far_as_they_are_safe(typed: str, kept: str) -> None:
    file = File(io.BytesIO(files.pdf()), name=typed)
    file.size = len(files.pdf())
    assert check_upload(file).original_name == kept


def test_a_name_that_only_looks_like_a_document_is_refused() -> None:
    with pytest.raises(UploadRefused, match="không thuộc loại"):
        check_upload(ContentFile(files.program(), name="bao cao\u202efdp.exe"))


@pytest.mark.parametrize(
    ("size", "text"), [(1, "1 KB"), (831_488, "812 KB"), (2_516_582, "2,4 MB"), (25 * MB, "25 MB")]
)
def test_sizes_as_people_read_them(size: int, text: str) -> None:
    assert format_size(size) == text
