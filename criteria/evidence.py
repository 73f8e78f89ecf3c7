"""Evidence: which files are taken in, how they are kept, and what ties them to indicators.

A file is judged by its name's extension, by its first bytes and by decoding it as far as
we can, always in chunks: a PDF of 100 MB never lies in memory. It is written and synced
under a random name before its row exists, so that no row ever points to a missing file;
what is left over without a row is removed by `manage.py sweep_files`.

A link that was never sent may be deleted, a sent one is only ended; documents are retired
with a reason. The one exception is the undo of a fresh upload.
"""

from __future__ import annotations

import hashlib
import logging
import os
import struct
import tempfile
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from django.conf import settings
from django.core.files import File
from django.db import IntegrityError, transaction
from django.utils import timezone

from communes.access import predecessors
from communes.models import Unit
from communes.text import clean_text, safe_filename
from criteria import evidence_history
from criteria.models import Evidence, EvidenceLink, Indicator
from criteria.models.evidence import random_name
from criteria.numbers import format_number, round_half_up

if TYPE_CHECKING:
    from PIL import Image

audit = logging.getLogger("ntm.audit")

KB = 1024
MB = 1024 * KB
CHUNK = 256 * KB
MAX_PDF = 100 * MB
MAX_OTHER = 25 * MB
MAX_PIXELS = 60_000_000  # an A4 page at 600 dpi has 35 million
IMAGE_FORMATS = ["JPEG", "PNG", "WEBP"]

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TYPES = {
    "pdf": PDF,
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "jfif": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "docx": DOCX,
    "xlsx": XLSX,
    "doc": "application/msword",
    "xls": "application/vnd.ms-excel",
}
ALLOWED = "PDF (đến 100 MB), JPEG, PNG, WebP, DOCX, XLSX, DOC, XLS (đến 25 MB)"


class UploadRefused(Exception):
    """A file that isn't taken in; nothing was stored. `status`: 413 where it is too big, else 400."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class EvidenceRefused(Exception):
    """A step that the document's state doesn't allow; the message says why, in Vietnamese."""


# --- what is taken in -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Checked:
    """A file fit to be kept. `size` in bytes; `content_type` as its content shows it."""

    content_type: str
    sha256: str
    size: int
    original_name: str


def check_upload(file: File) -> Checked:
    """Judge an uploaded file by name, size and content; raises UploadRefused with what to do instead."""
    # Browsers write a quotation mark of a file's name as %22.
    name = safe_filename((file.name or "").replace("%22", '"'))
    extension = Path(name).suffix.lower().removeprefix(".")
    if extension in HINTS:
        raise UploadRefused(f"Tệp “{name}”: {HINTS[extension]}")
    if extension not in TYPES:
        raise UploadRefused(f"Tệp “{name}” không thuộc loại được nhận. Các loại được nhận: {ALLOWED}.")
    size = file.size or 0
    limit = MAX_PDF if extension == "pdf" else MAX_OTHER
    if size == 0:
        raise UploadRefused(f"Tệp “{name}” rỗng (0 byte). Hãy kiểm tra lại tệp trên máy rồi tải lại.")
    if size > limit:
        raise UploadRefused(
            f"Tệp “{name}” nặng {format_size(size)}, vượt quá {format_size(limit)} cho phép. "
            "Hãy giảm dung lượng (quét ở 150–200 dpi) hoặc tách thành nhiều tệp.",
            413,
        )
    stream = cast(BinaryIO, file.open("rb"))
    content_type = CHECKS[extension](Upload(name, extension, size, stream))
    return Checked(content_type, sha256_of(stream), size, name)


HINTS = {
    "heic": "ảnh HEIC của iPhone chưa được nhận. Hãy chụp ở định dạng JPEG (Cài đặt › Camera › Định dạng › "
    "Tương thích nhất) hoặc gửi ảnh dưới dạng JPEG.",
    "heif": "ảnh HEIF chưa được nhận. Hãy lưu lại dưới dạng JPEG.",
    "docm": "tệp Word chứa macro không được nhận. Hãy lưu lại dạng .docx hoặc xuất ra PDF.",
    "xlsm": "tệp Excel chứa macro không được nhận. Hãy lưu lại dạng .xlsx hoặc xuất ra PDF.",
    "zip": "tệp nén không được nhận. Hãy giải nén rồi tải từng tệp.",
    "rar": "tệp nén không được nhận. Hãy giải nén rồi tải từng tệp.",
}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file under examination."""

    name: str
    extension: str
    size: int
    stream: BinaryIO

    def head(self, length: int) -> bytes:
        self.stream.seek(0)
        return self.stream.read(length)

    def tail(self, length: int) -> bytes:
        self.stream.seek(max(0, self.size - length))
        return self.stream.read(length)

    def renamed(self) -> UploadRefused:
        """The content is something else than the extension says."""
        return UploadRefused(
            f"Tệp “{self.name}” có đuôi .{self.extension} nhưng nội dung là {kind_of(self.head(8 * KB))}. "
            "Hãy chọn đúng tệp; đổi đuôi tên không làm đổi loại tệp."
        )

    def broken(self) -> UploadRefused:
        return UploadRefused(
            f"Tệp “{self.name}” bị hỏng hoặc chưa tải về đủ nên không mở được. "
            "Hãy mở thử trên máy, lưu lại rồi tải lên."
        )

    def with_macros(self) -> UploadRefused:
        return UploadRefused(
            f"Tệp “{self.name}” chứa macro nên không được nhận. Hãy lưu lại bản không có macro hoặc xuất ra PDF."
        )


PROGRAMS = (
    b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe", b"@echo",
)  # fmt: skip
OLE_HEADER = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def kind_of(head: bytes) -> str:
    """What a file is, in words, from its first bytes."""
    import filetype

    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if head.startswith(PROGRAMS):
        return "chương trình"
    if head.startswith(b"PK\x03\x04"):
        return "tệp nén ZIP hoặc tệp Office khác"
    if head.startswith(OLE_HEADER):
        return "tệp Office đời cũ (DOC, XLS) hoặc tệp Office đặt mật khẩu"
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<table", b"<meta")):
        return "trang web (HTML)"
    if start.startswith((b"<?xml", b"<svg")):
        return "tệp XML hoặc ảnh SVG"
    found = filetype.guess(head)
    if found is None:
        return "loại khác, không nhận ra được"
    if found.mime.startswith("image/"):
        return f"ảnh {found.extension.upper()}"
    return f"loại {found.extension.upper()}"


def check_pdf(upload: Upload) -> str:
    """A PDF begins as one (white space apart) and ends with the address of its table of contents.

    So nothing stands in front of it, and no archive behind it. What it may hold inside
    (scripts, attachments) concerns the reader's own sandbox, never our pages.
    """
    if not upload.head(KB).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"%PDF-"):
        raise upload.renamed()
    end = upload.tail(4 * KB).rstrip(b"\0 \t\r\n")
    before, mark, after = end.rpartition(b"%%EOF")
    words = before[before.rfind(b"startxref") :].split()
    if not mark or len(words) != 2 or not words[1].isdigit() or int(words[1]) >= upload.size:
        raise upload.broken()
    if len(after) > KB or b"PK\x05\x06" in after:
        raise upload.broken()
    return PDF


def open_image(stream: BinaryIO) -> Image.Image:
    """Open an image without decoding it; Pillow's own warning about size gives way to MAX_PIXELS."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(stream, formats=IMAGE_FORMATS)


def check_image(upload: Upload) -> str:
    """An image is decoded whole, after its dimensions were found bearable. Phones and chat
    programs mix up .jpg, .png and .webp, so that its true type counts and not its extension."""
    import filetype
    from PIL.Image import DecompressionBombError

    mime = filetype.guess_mime(upload.head(KB))
    if mime not in {"image/jpeg", "image/png", "image/webp"}:
        raise upload.renamed()
    upload.stream.seek(0)
    try:
        image = open_image(upload.stream)
    except DecompressionBombError:
        raise too_many_pixels(upload.name, "") from None
    except Exception:
        raise upload.broken() from None
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise too_many_pixels(upload.name, f" {format_number(width)} × {format_number(height)} điểm ảnh,")
    try:
        # A JPEG is read to its end whatever the size it is decoded to: the smallest is enough.
        image.draft("L", (max(1, width // 8), max(1, height // 8)))
        image.load()
    except Exception:  # decoders raise anything on broken bytes
        raise upload.broken() from None
    return mime


def too_many_pixels(name: str, dimensions: str) -> UploadRefused:
    return UploadRefused(
        f"Ảnh “{name}” quá lớn:{dimensions} tối đa {MAX_PIXELS // 1_000_000} triệu điểm ảnh. "
        "Hãy thu nhỏ ảnh rồi tải lại.",
        413,
    )


# Word and Excel documents are archives; one that unpacks beyond these is not for people.
MAX_MEMBERS = 10_000
MAX_DIRECTORY = 2 * MB
MAX_UNPACKED = 200 * MB
MAX_RATIO = 200
MAIN_PARTS = {
    "docx": ("word/", b"wordprocessingml.document.main+xml"),
    "xlsx": ("xl/", b"spreadsheetml.sheet.main+xml"),
}


def check_office(upload: Upload) -> str:
    """A DOCX or XLSX: a bounded archive, every member whole, of the right main type, without macros."""
    if not upload.head(4).startswith(b"PK\x03\x04"):
        raise upload.renamed()
    check_directory(upload)
    folder, main_type = MAIN_PARTS[upload.extension]
    try:
        with zipfile.ZipFile(upload.stream) as archive:
            members = archive.infolist()
            names = {member.filename.lower() for member in members}
            unpacked = sum(member.file_size for member in members)
            if (
                len(members) > MAX_MEMBERS
                or unpacked > MAX_UNPACKED
                or unpacked > MAX_RATIO * max(upload.size, 10 * KB)
            ):
                raise bomb(upload.name)
            if any(name.endswith("vbaproject.bin") for name in names):
                raise upload.with_macros()
            if "[content_types].xml" not in names or not any(name.startswith(folder) for name in names):
                raise upload.renamed()
            read_members(archive)
            content_types = next(m for m in members if m.filename.lower() == "[content_types].xml")
            if content_types.file_size > MB:
                raise bomb(upload.name)
            declared = archive.read(content_types)
    except UploadRefused:
        raise
    except Exception:  # zipfile raises anything on broken bytes
        raise upload.broken() from None
    if b"macroEnabled" in declared:
        raise upload.with_macros()
    if main_type not in declared:
        raise upload.renamed()
    return TYPES[upload.extension]


def check_directory(upload: Upload) -> None:
    """Refuse an archive whose list of members alone would fill the memory, before it is read."""
    end = upload.tail(66 * KB)
    at = end.rfind(b"PK\x05\x06")
    if at < 0 or len(end) - at < 22:
        raise upload.broken()
    members, size = struct.unpack("<HI", end[at + 10 : at + 16])
    if b"PK\x06\x07" in end[max(0, at - 20) : at] or members > MAX_MEMBERS or size > MAX_DIRECTORY:
        raise bomb(upload.name)


def read_members(archive: zipfile.ZipFile) -> None:
    """Unpack every member and drop it: a wrong length or checksum raises BadZipFile."""
    for member in archive.infolist():
        with archive.open(member) as content:
            while content.read(CHUNK):
                pass


def bomb(name: str) -> UploadRefused:
    return UploadRefused(
        f"Tệp “{name}” bung ra quá lớn so với tài liệu thông thường nên không được nhận. Hãy xuất ra PDF rồi tải lên."
    )


OLE_STREAMS = {"doc": ("WordDocument",), "xls": ("Workbook", "Book")}


def check_old_office(upload: Upload) -> str:
    """A DOC or XLS: a compound file that holds the stream every such document has, and no macros."""
    if not upload.head(8).startswith(OLE_HEADER):
        raise upload.renamed()
    if upload.size < 1536:
        raise upload.broken()
    wanted = {text.encode("utf-16-le") + b"\0\0" for text in OLE_STREAMS[upload.extension]}
    macros = "_VBA_PROJECT".encode("utf-16-le")
    found = False
    for window in windows(upload.stream, overlap=64):
        found = found or any(mark in window for mark in wanted)
        if macros in window:
            raise upload.with_macros()
    if not found:
        raise upload.renamed()
    return TYPES[upload.extension]


CHECKS = {
    "pdf": check_pdf,
    **dict.fromkeys(("jpg", "jpeg", "jfif", "png", "webp"), check_image),
    **dict.fromkeys(("docx", "xlsx"), check_office),
    **dict.fromkeys(("doc", "xls"), check_old_office),
}


def chunks(stream: BinaryIO) -> Iterator[bytes]:
    stream.seek(0)
    while piece := stream.read(CHUNK):
        yield piece


def windows(stream: BinaryIO, overlap: int) -> Iterator[bytes]:
    """The stream's chunks, each with the end of the one before, so that nothing is cut in two."""
    kept = b""
    for piece in chunks(stream):
        yield kept + piece
        kept = piece[-overlap:]


def sha256_of(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    for piece in chunks(stream):
        digest.update(piece)
    return digest.hexdigest()


def format_size(size: int) -> str:
    """Bytes as "812 KB" or "2,4 MB"."""
    if size < MB:
        return f"{format_number(max(1, round(size / KB)))} KB"
    return f"{format_number(round_half_up(size, 0) / MB, max_places=1)} MB"


# --- storing ----------------------------------------------------------------------------


def store(
    unit: Unit,
    indicators: Iterable[Indicator],
    file: File,
    *,
    by: Any,
    title: str = "",
    has_personal_data: bool = False,
) -> tuple[Evidence, bool]:
    """Take a file in for a unit and tie it to indicators; return it and whether it is new.

    The same bytes are recognised among the unit's documents in use: no second copy is kept.
    Raises UploadRefused. A failure after the file was written leaves a file without a row,
    never a row without its file.
    """
    indicators = list(indicators)
    checked = check_upload(file)
    known = tie_known(unit, indicators, checked.sha256, by=by, has_personal_data=has_personal_data)
    if known:
        return known, False
    name = write_file(file)
    evidence = Evidence(
        unit=unit,
        title=clean_text(title or Path(checked.original_name).stem, 250),
        has_personal_data=has_personal_data,
        file=name,
        original_name=checked.original_name,
        content_type=checked.content_type,
        size=checked.size,
        sha256=checked.sha256,
        uploaded_by=by,
    )
    evidence.set_search_text()
    try:
        with transaction.atomic():
            evidence.save(force_insert=True)
            for indicator in indicators:
                link(evidence, unit, indicator, by=by)
    except IntegrityError:
        # Surely not stored, so the file may go. After any other failure the row may have been
        # committed all the same: the sweep finds out.
        stored_path(name).unlink(missing_ok=True)
        known = tie_known(unit, indicators, checked.sha256, by=by, has_personal_data=has_personal_data)
        if known is None:
            raise
        return known, False
    return evidence, True


@transaction.atomic
def tie_known(
    unit: Unit, indicators: list[Indicator], sha256: str, *, by: Any, has_personal_data: bool
) -> Evidence | None:
    """Tie the unit's document with these bytes, if it has one in use; return it."""
    known = Evidence.objects.in_use().filter(unit=unit, sha256=sha256).select_for_update(of=("self",)).first()
    if known is None:
        return None
    if has_personal_data and not known.has_personal_data:
        known.has_personal_data = True
        known.save(update_fields=["has_personal_data"])
    for indicator in indicators:
        link(known, unit, indicator, by=by)
    return known


def stored_path(name: str) -> Path:
    return Path(settings.MEDIA_ROOT) / name


def write_file(file: File, folder: str = "evidence") -> str:
    """Write the bytes under a random name below `folder` and make the disk keep them; return the name."""
    name = random_name(folder)
    path = stored_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as target:
            os.fchmod(target.fileno(), settings.FILE_UPLOAD_PERMISSIONS)
            for piece in chunks(cast(BinaryIO, file)):
                target.write(piece)
            target.flush()
            os.fsync(target.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    parent = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
    return name


@transaction.atomic
def register(unit: Unit, indicators: Iterable[Indicator], *, form: str, by: Any, **fields: Any) -> Evidence:
    """Record a document that isn't uploaded: on paper (`kept_at`) or classified (`checked_by`)."""
    evidence = Evidence(unit=unit, form=form, uploaded_by=by, **fields)
    evidence.set_search_text()
    evidence.save(force_insert=True)
    for indicator in indicators:
        link(evidence, unit, indicator, by=by)
    return evidence


# --- links ------------------------------------------------------------------------------


@transaction.atomic
def link(evidence: Evidence, unit: Unit, indicator: Indicator, *, by: Any) -> tuple[EvidenceLink, bool]:
    """Tie a document to an indicator of its unit or of a successor; return the link and whether it is new.

    Raises EvidenceRefused for a document out of use or of a unit that didn't go into this one.
    """
    lock(evidence)
    if evidence.retired_at:
        raise EvidenceRefused(f"“{evidence.title}” đã ngừng sử dụng nên không gắn thêm được.")
    if evidence.unit_id != unit.pk and evidence.unit_id not in predecessors([unit.pk]):
        raise EvidenceRefused(f"“{evidence.title}” không phải tài liệu của {unit} hay của đơn vị đã sáp nhập vào.")
    return EvidenceLink.objects.get_or_create(
        evidence=evidence, unit=unit, indicator=indicator, removed_at=None, defaults={"created_by": by}
    )


@transaction.atomic
def attach(documents: Iterable[Evidence], unit: Unit, indicators: Iterable[Indicator], *, by: Any) -> int:
    """Tie each of the documents to each of the indicators, all or none; return how many links are new.

    As `link`, in a fixed number of queries. Raises EvidenceRefused.
    """
    wanted = {document.pk: document for document in documents}
    rows = Evidence.objects.select_for_update(of=("self",)).filter(pk__in=wanted).order_by("pk")
    held = {pk: (holder, retired) for pk, holder, retired in rows.values_list("pk", "unit_id", "retired_at")}
    holders = {unit.pk} | predecessors([unit.pk])
    for pk, document in wanted.items():
        if pk not in held:
            raise EvidenceRefused(f"“{document.title}” vừa được hoàn tác nên không còn nữa.")
        holder, retired_at = held[pk]
        if retired_at:
            raise EvidenceRefused(f"“{document.title}” đã ngừng sử dụng nên không gắn thêm được.")
        if holder not in holders:
            raise EvidenceRefused(f"“{document.title}” không phải tài liệu của {unit} hay của đơn vị đã sáp nhập vào.")
    asked = list(indicators)
    tied = set(
        EvidenceLink.objects.filter(
            evidence__in=wanted, unit=unit, indicator__in=asked, removed_at__isnull=True
        ).values_list("evidence_id", "indicator_id")
    )
    new = [
        EvidenceLink(evidence=document, unit=unit, indicator=indicator, created_by=by)
        for document in wanted.values()
        for indicator in asked
        if (document.pk, indicator.pk) not in tied
    ]
    EvidenceLink.objects.bulk_create(new)
    return len(new)


def lock(evidence: Evidence) -> None:
    """Hold the document's row until the transaction ends, and read again what others may have changed.

    Raises EvidenceRefused where it is gone.
    """
    row = Evidence.objects.select_for_update(of=("self",)).filter(pk=evidence.pk).values_list("retired_at").first()
    if row is None:
        raise EvidenceRefused("Tài liệu này vừa được hoàn tác nên không còn nữa.")
    (evidence.retired_at,) = row


@transaction.atomic
def unlink(tie: EvidenceLink, *, by: Any) -> None:
    """Take a document off an indicator: a link never sent is deleted, a sent one ends today."""
    tie = EvidenceLink.objects.select_for_update(of=("self",)).get(pk=tie.pk)
    if tie.published_at is None:
        tie.delete()
    elif tie.removed_at is None:
        tie.removed_at, tie.removed_by = timezone.now(), by
        tie.save(update_fields=["removed_at", "removed_by"])


@transaction.atomic
def relink(
    evidence: Evidence, unit: Unit, *, add: Iterable[Indicator], remove: Iterable[Indicator], by: Any
) -> tuple[int, int]:
    """Change what a document proves; return how many links were added and removed."""
    added = sum(link(evidence, unit, indicator, by=by)[1] for indicator in add)
    ties = list(EvidenceLink.objects.filter(evidence=evidence, unit=unit, indicator__in=remove, removed_at=None))
    for tie in ties:
        unlink(tie, by=by)
    return added, len(ties)


@transaction.atomic
def describe(evidence: Evidence, changed: Sequence[str]) -> None:
    """Save the fields of a document that were corrected; reports of closed periods keep what it was called.

    Raises EvidenceRefused where it is gone.
    """
    lock(evidence)
    if not set(evidence_history.KEPT).isdisjoint(changed):
        evidence_history.keep(evidence)
    evidence.set_search_text()
    evidence.save(update_fields=[*changed, "search_text"])


@transaction.atomic
def retire(evidence: Evidence, reason: str, *, by: Any) -> None:
    """Take a document out of use, sent or not; file, row and links stay. Raises EvidenceRefused."""
    lock(evidence)
    if evidence.retired_at:
        raise EvidenceRefused(f"“{evidence.title}” đã ngừng sử dụng từ trước.")
    if not reason.strip():
        raise EvidenceRefused("Nêu lý do ngừng sử dụng.")
    evidence.retired_at, evidence.retired_by, evidence.retire_reason = timezone.now(), by, reason.strip()
    evidence.save(update_fields=["retired_at", "retired_by", "retire_reason"])
    audit.info("evidence retired", extra={"username": by.get_username(), "evidence": str(evidence.pk)})


def may_undo(evidence: Evidence) -> bool:
    """Whether a document is still nobody's but its unit's: in use, never sent, used nowhere else."""
    used_elsewhere = any(
        relation.related_model._base_manager.filter(**{relation.field.name: evidence.pk}).exists()
        for relation in Evidence._meta.related_objects
        if relation.name not in {"links", "former"}
    )
    sent = evidence.links.filter(published_at__isnull=False).exists()
    return evidence.retired_at is None and not sent and not used_elsewhere


@transaction.atomic
def undo_upload(evidence: Evidence, *, by: Any) -> None:
    """Forget a document that was never sent, as if it hadn't been added; the sweep removes its file.

    Raises EvidenceRefused where it was sent or is used elsewhere (then it can only be retired).
    """
    lock(evidence)
    list(evidence.links.select_for_update(of=("self",)).order_by("pk"))  # a sending under way ends first
    if not may_undo(evidence):
        raise EvidenceRefused(
            f"“{evidence.title}” đã gửi cấp trên hoặc đang được dùng ở nơi khác nên không hoàn tác được. "
            "Nếu không dùng nữa, hãy chọn “Ngừng sử dụng”."
        )
    audit.info(
        "evidence undone",
        extra={"username": by.get_username(), "evidence": str(evidence.pk), "file": evidence.file.name},
    )
    evidence.links.all().delete()
    evidence.delete()


# --- previews ---------------------------------------------------------------------------


def without_notes(image: Image.Image) -> Image.Image:
    """The picture upright on white; a new image carries none of the camera's notes."""
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(image).convert("RGBA")
    clean = Image.new("RGB", upright.size, "white")
    clean.paste(upright, mask=upright)
    return clean


def preview(evidence: Evidence, longest: int) -> Path:
    """A JPEG of an image, at most `longest` pixels a side, upright, without the camera's notes; made once.

    Raises FileNotFoundError where the original is missing, OSError where it can't be read.
    """
    original_path = stored_path(str(evidence.file.name))
    token = original_path.stem
    path = stored_path(f"previews/{token[:2]}/{token}-{longest}.jpg")
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with original_path.open("rb") as original:
        image = open_image(original)
        if image.width * image.height > MAX_PIXELS:
            raise OSError("too many pixels to preview")
        image.draft("RGB", (longest, longest))
        image.thumbnail((longest, longest))
        clean = without_notes(image)
    part = path.with_suffix(f".{os.getpid()}-{os.urandom(4).hex()}.part")
    clean.save(part, "JPEG", quality=82, optimize=True)
    part.replace(path)
    return path


# --- several pictures as one document -----------------------------------------------------

MAX_PICTURES = 20
MAX_PICTURES_PIXELS = 400_000_000  # of all together: what a request can decode in its time
PAGE_PIXELS = 2_000  # of a page's longer side: 170 dpi on A4
PAGE_INCHES = 297 / 25.4


def combine(unit: Unit, pictures: Sequence[Evidence], *, title: str, has_personal_data: bool, by: Any) -> Evidence:
    """Make one PDF of a unit's pictures, a page each in the order given; return the new document.

    Pages are upright and carry nothing of the cameras' notes; the pictures stay as they are.
    The PDF holds personal data where one of them does. One picture at a time is in memory.
    Raises UploadRefused, naming the document, and OSError where the disk refuses.
    """
    check_pictures(pictures)
    folder = stored_path("")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as made:
        for place, picture in enumerate(pictures):
            page = picture_page(picture)
            page.save(
                made,
                "PDF",
                append=place > 0,
                title=title,
                resolution=max(page.size) / PAGE_INCHES,
                quality=80,
            )
        size = made.seek(0, os.SEEK_END)
        file = File(made, name=f"{safe_filename(title)[:120]}.pdf")
        file.size = size
        personal = has_personal_data or any(picture.has_personal_data for picture in pictures)
        evidence, _ = store(unit, [], file, by=by, title=title, has_personal_data=personal)
    audit.info(
        "evidence combined",
        extra={
            "username": by.get_username(),
            "evidence": str(evidence.pk),
            "pictures": [str(picture.pk) for picture in pictures],
            "personal_data": personal,
        },
    )
    return evidence


def check_pictures(pictures: Sequence[Evidence]) -> None:
    """Raise UploadRefused unless these are pictures, not too few and not too many."""
    if len(pictures) < 2:
        raise UploadRefused("Chọn ít nhất hai ảnh để ghép.")
    if len(pictures) > MAX_PICTURES:
        raise UploadRefused(
            f"Mỗi lần ghép được nhiều nhất {MAX_PICTURES} ảnh; đang chọn {len(pictures)} ảnh. "
            "Hãy ghép thành nhiều tệp PDF."
        )
    for picture in pictures:
        if picture.retired_at:
            raise UploadRefused(f"“{picture.title}” đã ngừng sử dụng nên không ghép được. Hãy bỏ chọn tài liệu này.")
        if not picture.is_image:
            raise UploadRefused(f"“{picture.title}” không phải là ảnh nên không ghép được. Hãy bỏ chọn tài liệu này.")
    total = 0
    for picture in pictures:
        with opened_picture(picture) as image:
            total += image.width * image.height
    if total > MAX_PICTURES_PIXELS:
        raise UploadRefused(
            f"Các ảnh đã chọn có {format_number(total // 1_000_000)} triệu điểm ảnh, vượt quá "
            f"{MAX_PICTURES_PIXELS // 1_000_000} triệu. Hãy ghép ít ảnh hơn mỗi lần.",
            413,
        )


@contextmanager
def opened_picture(picture: Evidence) -> Iterator[Image.Image]:
    """A stored picture, opened but not decoded; raises UploadRefused for one that can't be."""
    try:
        with stored_path(str(picture.file.name)).open("rb") as original:
            image = open_image(original)
            if image.width * image.height > MAX_PIXELS:
                raise too_many_pixels(picture.title, "")
            yield image
    except (UploadRefused, MemoryError):
        raise
    except Exception:  # a missing file, or whatever decoders raise on broken bytes
        raise UploadRefused(
            f"Ảnh “{picture.title}” không mở được. Hãy bỏ chọn ảnh này, hoặc tải lên lại.", 409
        ) from None


def picture_page(picture: Evidence) -> Image.Image:
    """A picture as a page: upright, on white, no larger than printing needs."""
    with opened_picture(picture) as image:
        image.draft("RGB", (PAGE_PIXELS, PAGE_PIXELS))
        image.thumbnail((PAGE_PIXELS, PAGE_PIXELS))
        return without_notes(image)
