"""What every official document shares: its heading words, its dates, the marks on its pages.

The form is that of Nghị định 30/2020/NĐ-CP. python-docx comes with docxtpl and takes a
moment to load, so that it is imported where a document is drawn, never when a worker starts.
"""

from __future__ import annotations

import re
from datetime import date
from io import BytesIO
from typing import Any

from communes.names import search_name
from communes.text import clean_text

NATION = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
MOTTO = "Độc lập - Tự do - Hạnh phúc"
DEMONSTRATION = "Dữ liệu minh họa, không phải số liệu chính thức"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PDF = "application/pdf"

# What XML forbids, and marks that hide or turn text around.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufffe\uffff]"
)


def long_day(day: date) -> str:
    """A date as documents write it: "ngày 05 tháng 02 năm 2024"; days below 10 and the months 1 and 2 with a zero."""
    month = f"{day.month:02}" if day.month <= 2 else f"{day.month}"
    return f"ngày {day.day:02} tháng {month} năm {day.year}"


def plain(text: str) -> str:
    """Text from anywhere as a document may hold it: no control or invisible characters, line ends kept."""
    return clean_text(text, multiline=True)


def printable(text: str) -> str:
    """Text already composed, without what breaks a document or hides in it; its spaces and line ends stay."""
    return _UNPRINTABLE.sub("", text)


def file_stem(*words: str) -> str:
    """A file's name in ASCII: ("Bien-ban", "Xã Kim Lộc", "42-2018-001") → "Bien-ban_XaKimLoc_42-2018-001"."""
    found = []
    for word in words:
        if re.fullmatch(r"[\w.-]+", word, re.ASCII):
            found.append(word)
        else:
            parts = re.findall(r"[a-z0-9]+", search_name(word))
            found.append("".join(part.capitalize() for part in parts)[:60])
    return "_".join(filter(None, found))


def mark_pages(document: Any, marks: list[str]) -> None:
    """Write the marks (draft, demonstration) at the head of every page of a Word document, whoever made its form."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt, RGBColor

    if not marks:
        return
    for place, section in enumerate(document.sections):
        headers = [section.header]
        if section.different_first_page_header_footer:
            headers.append(section.first_page_header)
        if document.settings.odd_and_even_pages_header_footer:
            headers.append(section.even_page_header)
        for header in headers:
            if header.is_linked_to_previous and place > 0:
                continue
            paragraph = header.add_paragraph()
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
            run = paragraph.add_run(" · ".join(marks))
            run.bold = True
            run.font.size = Pt(10)
            run.font.color.rgb = RGBColor(0xA3, 0x26, 0x1B)


def to_bytes(document: Any) -> bytes:
    buffer = BytesIO()
    document.save(buffer)
    return buffer.getvalue()
