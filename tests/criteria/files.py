"""Files as people send them, good and bad, made of real bytes."""

import io
import struct
import zipfile
import zlib

from PIL import Image

MAIN = {
    "docx": ("word/document.xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"),
    "xlsx": ("xl/workbook.xml", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"),
}


def pdf(padding: int = 0, text: str = "Bao cao") -> bytes:
    """A one-page PDF with a correct table of contents; `padding` bytes of a stream besides."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R /Resources << /Font 5 0 R >> >>",
    ]
    content = f"BT /F1 24 Tf 40 100 Td ({text}) Tj ET".encode() + b" " * padding
    objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    objects.append(b"<< /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>")
    body = io.BytesIO()
    body.write(b"%PDF-1.7\n")
    offsets = []
    for number, obj in enumerate(objects, 1):
        offsets.append(body.tell())
        body.write(b"%d 0 obj\n%s\nendobj\n" % (number, obj))
    start = body.tell()
    body.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    for offset in offsets:
        body.write(b"%010d 00000 n \n" % offset)
    body.write(b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))
    return body.getvalue()


def image(kind: str = "JPEG", size: tuple[int, int] = (640, 480), colour: str = "teal", **options: object) -> bytes:
    body = io.BytesIO()
    Image.new("RGB", size, colour).save(body, kind, **options)
    return body.getvalue()


def phone_photo(size: tuple[int, int] = (800, 600)) -> bytes:
    """A JPEG lying on its side, with the place it was taken at in its notes."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to see it upright
    exif.get_ifd(0x8825)[1] = "N"
    exif[0x010F] = "Máy ảnh".encode().decode("latin-1")
    return image(size=size, exif=exif, comment=b"Nha ong A")


def huge_png(side: int = 10_000) -> bytes:
    """A few kilobytes that unpack to side × side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\0" * (side // 8 + 1)
    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def office(kind: str = "docx", members: dict[str, bytes] | None = None, content_type: str = "") -> bytes:
    """A Word or Excel document; `members` are added, `content_type` replaces the main part's."""
    part, main_type = MAIN[kind]
    types = (
        f'<?xml version="1.0"?><Types><Override PartName="/{part}" ContentType="{content_type or main_type}"/></Types>'
    )
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", types)
        archive.writestr(part, "<root>Báo cáo</root>")
        for name, data in (members or {}).items():
            archive.writestr(name, data)
    return body.getvalue()


def old_office(stream: str, *more: str) -> bytes:
    """A compound file whose directory names the streams."""
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504
    entries = b"".join(name.encode("utf-16-le").ljust(128, b"\0") for name in ("Root Entry", stream, *more))
    return header + entries.ljust(2048, b"\0")


def program() -> bytes:
    return b"MZ\x90\0" + b"\0" * 60 + b"This program cannot be run in DOS mode." + b"\0" * 500
