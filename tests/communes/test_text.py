import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communes.text import MAX_FILENAME, NAMELESS, TextTooLongError, clean_text, safe_filename

anything = st.text(st.characters(exclude_categories=()), max_size=60)
typed = st.text(alphabet="aà\u0301đ \t\n\r\u00a0\u200b\u202e\ufeff\x00\x1f\x85\u2028😀\u200d\ud800\ufffe", max_size=20)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (None, ""),
        ("", ""),
        ("   ", ""),
        ("Đông Phú", "Đông Phú"),
        ("  Đông \t  Phú\txã", "Đông Phú xã"),
        ("Đông\u00a0Phú\u3000xã\u202fA", "Đông Phú xã A"),
        (unicodedata.normalize("NFD", "Thẩm định ở xã Đông Phú"), "Thẩm định ở xã Đông Phú"),
        ("e\u200b\u0302", "ê"),  # a zero-width mark between a letter and its diacritic
        ("a\x00b\x07c\x1bd\x7fe\x9ff", "abcdef"),
        ("dòng 1\r\ndòng 2\ndòng 3", "dòng 1 dòng 2 dòng 3"),
        ("một\u2028hai\x85ba\vbốn", "một hai ba bốn"),
        ("".join(map(chr, range(0x200B, 0x2010))) + "a", "a"),
        ("".join(map(chr, range(0x202A, 0x202F))) + "a", "a"),
        ("".join(map(chr, range(0x2060, 0x206A))) + "a", "a"),
        ("\ufeffa\u00ad", "a"),
        ("a\ud800b\udfffc", "abc"),
        ("a\ufffeb\uffff", "ab"),
        ("Xong 👍🏽 rồi 😀 ❤️", "Xong 👍🏽 rồi 😀 ❤️"),
        ("👨\u200d👩", "👨👩"),  # members kept, the joiner not
        ("=1+1", "=1+1"),
        ("<b>", "<b>"),
    ],
)
def test_cleans(text, cleaned):
    assert clean_text(text) == cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("dòng 1\r\ndòng 2\rdòng 3\ndòng 4", "dòng 1\ndòng 2\ndòng 3\ndòng 4"),
        ("\n\n  a  \n   b\t c \n\n", "a\nb c"),
        ("a\n\n\n \n\nb", "a\n\nb"),
        ("a\x00\nb\u202e", "a\nb"),
        ("a\u2028b\u2029c", "a\nb\nc"),
        ("  ", ""),
    ],
)
def test_keeps_lines_where_lines_are_meant(text, cleaned):
    assert clean_text(text, multiline=True) == cleaned


def test_refuses_what_is_too_long_rather_than_cutting_it():
    assert clean_text(" " * 50 + "đ" * 300, max_length=300) == "đ" * 300
    with pytest.raises(TextTooLongError, match="dài 312 ký tự, vượt quá 300") as told:
        clean_text("đ" * 312, max_length=300)
    assert str(told.value).endswith("Rút ngắn bớt 12 ký tự.")


@given(anything | typed, st.booleans())
def test_what_is_cleaned_is_clean(text, multiline):
    cleaned = clean_text(text, multiline=multiline)
    assert clean_text(cleaned, multiline=multiline) == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)
    assert cleaned == cleaned.strip()
    assert "  " not in cleaned
    cleaned.encode()
    for mark in cleaned.replace("\n", "") if multiline else cleaned:
        assert unicodedata.category(mark) not in ("Cc", "Cf", "Cs")
        assert mark not in "\ufffe\uffff"


@given(st.text(st.characters(categories=("L", "N", "P", "So")), max_size=30))
def test_no_visible_character_is_lost(text):
    assert clean_text(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Nghị quyết số 12.pdf", "Nghị quyết số 12.pdf"),
        (unicodedata.normalize("NFD", "Nghị quyết.pdf"), "Nghị quyết.pdf"),
        ("ảnh 😀.jpg", "ảnh 😀.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\an\\Tờ trình.docx", "Tờ trình.docx"),
        ("/tmp/a/", "a"),
        ("a/b\\c.png", "c.png"),
        ("12/QĐ-UBND.pdf", "QĐ-UBND.pdf"),
        ('a<b>c:d"e|f?g*.pdf', "a_b_c_d_e_f_g_.pdf"),
        ("hoa don\u202efdp.exe", "hoa donfdp.exe"),
        ("a\x00b\r\nc.pdf", "ab c.pdf"),
        ("a.tar.gz", "a.tar.gz"),
        ("a.pdf. . ", "a.pdf"),
        ("a .pdf", "a.pdf"),
        (".. a.pdf", "a.pdf"),
        (".htaccess", NAMELESS + ".htaccess"),
        (".pdf", NAMELESS + ".pdf"),
        ("..", NAMELESS),
        ("../", NAMELESS),
        ("/", NAMELESS),
        ("", NAMELESS),
        (None, NAMELESS),
        ("\u200b\u202e", NAMELESS),
        ("CON", "_CON"),
        ("nul.pdf", "_nul.pdf"),
        ("com1.txt", "_com1.txt"),
        ("congvan.pdf", "congvan.pdf"),
        ("khong co duoi", "khong co duoi"),
    ],
)
def test_file_names(name, safe):
    assert safe_filename(name) == safe


def test_a_long_file_name_keeps_its_extension():
    assert safe_filename("đ" * 300 + ".pdf") == "đ" * 146 + ".pdf"
    assert safe_filename("đ" * 300 + "." + "x" * 21) == "đ" * 150  # too long to be an extension
    assert safe_filename("a." + "x" * 300) == "a." + "x" * 148
    assert safe_filename("a." + "x" * 20) == "a." + "x" * 20


@given(anything | st.text(alphabet='./\\:*?"<>| acon\u202e\x00\n', max_size=30))
def test_a_file_name_is_always_safe(name):
    safe = safe_filename(name)
    assert 1 <= len(safe) <= MAX_FILENAME
    assert not set(safe) & set('/\\<>:"|?*\n\r\0')
    assert safe[0] != "."
    assert safe[-1] not in ". "
    assert safe == clean_text(safe)
    assert safe_filename(safe) == safe
