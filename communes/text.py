"""Text as people type and paste it, made safe to store, show and write into a workbook.

Pasted text carries control characters that break XML and PostgreSQL, and invisible marks
that make two equal names differ or turn a file name around on the screen. Forms and imports
pass every text through here before anything else looks at it.
"""

import re
import unicodedata

MAX_FILENAME = 150
NAMELESS = "tep-tin"  # what a file is called whose name holds nothing we can keep

_LINE_ENDS = re.compile("\r\n|[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")
# Besides whole categories: unassigned ones among the marks, and what XML 1.0 forbids.
_INVISIBLE = {"\u2065", "\ufffe", "\uffff"}
_INVISIBLE_CATEGORIES = {
    "Cc",  # controls, C0 and C1
    "Cf",  # zero-width, bidirectional and other format marks, the byte order mark, the soft hyphen
    "Cs",  # lone surrogates
}
_RESERVED = re.compile(r'[<>:"/\\|?*]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)


class TextTooLongError(ValueError):
    """A text longer than its place; the message says in Vietnamese by how much."""


def clean_text(text: str | None, max_length: int | None = None, multiline: bool = False) -> str:
    """The text in NFC without control and invisible characters, spaces collapsed, trimmed.

    Every kind of space becomes one ordinary space. With `multiline` line ends are kept as
    "\\n", at most one empty line in a row; without it they are spaces. Emoji are kept; those
    joined from several by a zero-width joiner fall apart into their members.
    Raises TextTooLongError above `max_length` characters: nothing typed is cut off silently.
    """
    lines = _LINE_ENDS.split(text or "")
    cleaned = [_clean_line(line) for line in lines]
    if multiline:
        result = re.sub(r"\n{3,}", "\n\n", "\n".join(cleaned)).strip("\n")
    else:
        result = " ".join(line for line in cleaned if line)
    if max_length is not None and len(result) > max_length:
        raise TextTooLongError(
            f"Nội dung dài {len(result)} ký tự, vượt quá {max_length} ký tự cho phép. "
            f"Rút ngắn bớt {len(result) - max_length} ký tự."
        )
    return result


def safe_filename(name: str | None) -> str:
    """The name a file is shown and downloaded under, safe on every system; never empty.

    Only the last part of a path is kept, cleaned; characters that a system reserves become
    "_"; at most 150 characters, the extension kept. What bytes the file holds is not judged here.
    """
    last = re.split(r"[/\\]", (name or "").rstrip("/\\"))[-1]
    kept = _RESERVED.sub("_", clean_text(last)).rstrip(". ")
    stem, dot, extension = kept.rpartition(".")
    if not dot or len(extension) > 20:
        stem, dot, extension = kept, "", ""
    stem = stem.strip(". ")[: MAX_FILENAME - len(dot + extension)].rstrip(". ") or NAMELESS
    safe = stem + dot + extension
    return f"_{safe}"[:MAX_FILENAME] if _DEVICES.match(safe) else safe


def _clean_line(line: str) -> str:
    visible = (
        mark
        for mark in line.replace("\t", " ")
        if mark not in _INVISIBLE and unicodedata.category(mark) not in _INVISIBLE_CATEGORIES
    )
    return " ".join(unicodedata.normalize("NFC", "".join(visible)).split())
