"""Names of units: found, put in order and written the Vietnamese way.

Neither SQLite nor PostgreSQL (without ICU) folds or orders Vietnamese, so both are worked
out here and stored beside the name: `search_name` to look for, `sort_key` to order by.
"""

import re
import unicodedata

# Kinds of units, from the central government's down to the village; the label as written
# before a name. A central city and a provincial one share their kind: the level tells them apart.
KINDS = {
    "tinh": "Tỉnh",
    "thanh-pho": "Thành phố",
    "huyen": "Huyện",
    "quan": "Quận",
    "thi-xa": "Thị xã",
    "xa": "Xã",
    "phuong": "Phường",
    "thi-tran": "Thị trấn",
    "dac-khu": "Đặc khu",
    "thon": "Thôn",
    "xom": "Xóm",
    "ban": "Bản",
    "ap": "Ấp",
    "buon": "Buôn",
    "lang": "Làng",
    "to-dan-pho": "Tổ dân phố",
    "khu-pho": "Khu phố",
    "khoi-pho": "Khối phố",
}

SORT_KEY_LENGTH = 400  # sort_key never gives more; enough for the first 80 letters or so

# The 29 letters of the Vietnamese alphabet with f, j, w and z where Latin has them.
_ALPHABET = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
_LETTER_CODES = {letter: f"{place:02}" for place, letter in enumerate(_ALPHABET, start=20)}
_SHAPES = {"\u0302", "\u0306", "\u031b"}  # circumflex, breve, horn: they make another letter
_TONES = {"\u0300": "1", "\u0309": "2", "\u0303": "3", "\u0301": "4", "\u0323": "5"}

# Đ as such, and its look-alikes of other alphabets that old keyboards and fonts leave behind.
_D_STROKE = str.maketrans("ÐƉðɖ", "ĐĐđđ")
# An apostrophe vanishes; after a single letter the space behind it too: "H' Drai" is "H'Drai".
_APOSTROPHE = re.compile(r"(?<=\b\w)['’‘ʼ`´′]\s*|['’‘ʼ`´′]")
# A number, or letters with the marks on them.
_WORD = re.compile(r"[0-9]+|(?:[^\W0-9_]|[\u0300-\u036f])+")
_KIND = re.compile(f"({'|'.join(KINDS.values())}) (.+)", re.IGNORECASE)
_KIND_CODES = {label.lower(): code for code, label in KINDS.items()}


def search_name(text: str) -> str:
    """The text as it is searched: lower case, no diacritics, đ as d, words parted by one space.

    Apply it to both sides: "hoa" finds hòa, hoà and Hóa. Apostrophes vanish and all other
    punctuation parts words: "Ea H' Drai" is "ea hdrai", "Phan Rang-Tháp Chàm" "phan rang thap cham".
    Never longer than the text.
    """
    bare = "".join(mark for mark in _decomposed(text) if not unicodedata.combining(mark)).replace("đ", "d")
    return unicodedata.normalize("NFC", " ".join(re.findall(r"[^\W_]+", bare)))


def sort_key(text: str) -> str:
    """A string whose plain order is the Vietnamese dictionary's order of the texts.

    Word by word: the letters first (a ă â b c d đ e ê … u ư v x y), and where these are alike
    the tones (ngang, huyền, hỏi, ngã, sắc, nặng); numbers by their value and before letters,
    so that Thôn 2 comes before Thôn 10. Where a tone mark stands makes no difference
    (hòa = hoà), nor do case and punctuation, nor marks of other languages (ĭ = i).

    The key holds digits only, in codes of fixed width: collations disagree about punctuation,
    case and letter pairs ("ch" is one letter to some), but not about 0 to 9, so C, ICU and
    glibc collations of any language, SQLite, Python and JavaScript all order it alike. Not for
    collations that compare runs of digits by value. At most SORT_KEY_LENGTH characters.
    """
    words = _WORD.findall(_decomposed(text))
    key = "".join(_number_code(word) if word[0] in "0123456789" else _word_code(word) for word in words)
    return key[:SORT_KEY_LENGTH]


def full_name(kind: str, name: str) -> str:
    """The official name, "Xã Đông Phú", from a code of KINDS and a name; the name alone without a kind."""
    return f"{KINDS[kind]} {name}" if kind else name


def split_kind(full: str) -> tuple[str, str]:
    """Kind and name of an official name: "Thị xã Kỳ Anh" gives ("thi-xa", "Kỳ Anh").

    `full_name` puts every official name together again, with the kind in its proper case
    ("Thị Trấn Óc Eo" of some lists becomes "Thị trấn Óc Eo"). The kind is "" where the text
    doesn't begin with one or has nothing after it.
    """
    text = " ".join(unicodedata.normalize("NFC", full).split())
    match = _KIND.fullmatch(text)
    if not match:
        return "", text
    return _KIND_CODES[match[1].lower()], match[2]


def _decomposed(text: str) -> str:
    """Lower case with the marks apart from their letters, apostrophes gone."""
    composed = unicodedata.normalize("NFC", text).translate(_D_STROKE)
    return unicodedata.normalize("NFD", _APOSTROPHE.sub("", composed).lower())


def _number_code(digits: str) -> str:
    """Sorts by value: the count of digits first. Begins lower than every letter's code."""
    value = digits.lstrip("0")[:99]
    return f"10{len(value):02}{value}"


def _word_code(word: str) -> str:
    """The letters' codes, an end lower than any letter, the tones in their order, an end lower than any tone."""
    letters, tones = [], []
    for cluster in re.findall(r"[^\u0300-\u036f][\u0300-\u036f]*", word):
        shape = next((mark for mark in cluster[1:] if mark in _SHAPES), "")
        shaped = unicodedata.normalize("NFC", cluster[0] + shape)
        letters.append(_LETTER_CODES.get(shaped) or _LETTER_CODES.get(cluster[0]) or f"99{ord(cluster[0]):07}")
        tones += [_TONES[mark] for mark in cluster[1:] if mark in _TONES]
    return "".join(letters) + "00" + "".join(tones) + "0"
