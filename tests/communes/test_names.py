import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communes.names import KINDS, SORT_KEY_LENGTH, full_name, search_name, sort_key, split_kind

VOWELS = {
    "a": "aàảãáạ",
    "ă": "ăằẳẵắặ",
    "â": "âầẩẫấậ",
    "e": "eèẻẽéẹ",
    "ê": "êềểễếệ",
    "i": "iìỉĩíị",
    "o": "oòỏõóọ",
    "ô": "ôồổỗốộ",
    "ơ": "ơờởỡớợ",
    "u": "uùủũúụ",
    "ư": "ưừửữứự",
    "y": "yỳỷỹýỵ",
}
ALPHABET = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
TONED = {letter: (plain, tone) for plain, tones in VOWELS.items() for tone, letter in enumerate(tones)}

words = st.text(alphabet=[*ALPHABET, *TONED], min_size=1, max_size=5)
numbers = st.integers(0, 10**6).map(str)
names = st.lists(words | numbers, max_size=4).map(" ".join)


def dictionary_order(name):
    """The order by the book, in another way than the code's: nested lists compared by Python."""
    order = []
    for word in name.split():
        if word.isdigit():
            order.append((0, int(word)))
            continue
        plain = [TONED.get(letter, (letter, 0)) for letter in word]
        order.append((1, [ALPHABET.index(letter) for letter, _ in plain], [tone for _, tone in plain if tone]))
    return order


@pytest.mark.parametrize(
    ("text", "searched"),
    [
        ("Đông Phú", "dong phu"),
        ("ĐÔNG PHÚ", "dong phu"),
        ("  Đông \t  Phú ", "dong phu"),
        (unicodedata.normalize("NFD", "Đông Phú"), "dong phu"),
        ("Thừa Thiên Huế", "thua thien hue"),
        ("Hòa Bình", "hoa binh"),
        ("Hoà Bình", "hoa binh"),
        ("Ðồng Tháp", "dong thap"),  # the Icelandic letter
        ("Kẻ Sặt, Vỹ Dạ, Quỳnh Lưu", "ke sat vy da quynh luu"),
        ("Ea H' Drai", "ea hdrai"),
        ("Ea H'Drai", "ea hdrai"),
        ("M’Đrắk", "mdrak"),
        ("Đamb'ri", "dambri"),
        ("Thôn 'Đoài' cũ", "thon doai cu"),
        ("Phan Rang-Tháp Chàm", "phan rang thap cham"),
        ("Phan Rang - Tháp Chàm", "phan rang thap cham"),
        ("N.T Phong Hải", "n t phong hai"),
        ("Phường 1", "phuong 1"),
        ("12/QĐ-UBND", "12 qd ubnd"),
        ("", ""),
        (" - ", ""),
    ],
)
def test_search_name(text, searched):
    assert search_name(text) == searched


@given(st.text(max_size=40))
def test_search_name_is_folded_once_and_for_all(text):
    folded = search_name(text)
    assert search_name(folded) == folded
    assert len(folded) <= len(text)
    assert search_name(unicodedata.normalize("NFD", text)) == search_name(unicodedata.normalize("NFC", text))


@given(names)
def test_search_name_does_not_mind_case_and_diacritics(name):
    plain = "".join(TONED.get(letter, (letter, 0))[0] for letter in name).translate(str.maketrans("ăâêôơưđ", "aaeooud"))
    assert search_name(name) == search_name(name.upper()) == plain


@pytest.mark.parametrize(
    "in_order",
    [
        # the alphabet
        ["An", "Ăn", "Ân", "Ba", "Ca", "Da", "Đa", "E", "Ê", "Ga", "Ha", "I", "Ka", "La", "Ma", "Na", "O", "Ô", "Ơ"],
        ["Pa", "Qua", "Ra", "Sa", "Ta", "U", "Ư", "Va", "Xa", "Y"],
        ["Ea", "Fa", "Ga", "Ia", "Ja", "Ka", "Va", "Wa", "Xa", "Ya", "Za"],
        ["Ân Thi", "Đông Sơn", "Kỳ Anh"],  # code points would put Kỳ Anh first
        # the tones, after the letters
        ["Ma", "Mà", "Mả", "Mã", "Má", "Mạ", "Mai", "Mài"],
        ["Băng", "Bằng", "Bẳng", "Bẵng", "Bắng", "Bặng", "Bâng"],
        # word by word, the shorter first
        ["An", "An Bình", "Anh", "Ánh", "Ánh An"],
        ["Đông", "Đông Phú", "Đông Thanh", "Đồng An", "Đồng Tháp", "Động"],
        ["Hoa", "Hòa", "Hoà Bình", "Hòa Lạc", "Hỏa", "Hóa", "Hoạ"],
        # numbers by their value
        ["Thôn 1", "Thôn 2", "Thôn 2A", "Thôn 2B", "Thôn 3", "Thôn 10", "Thôn 11", "Thôn 100", "Thôn An"],
        ["Phường 1", "Phường 02", "Phường 9", "Phường 12"],
        ["0", "1", "9", "10", "9" * 30, "1" + "0" * 30],
        ["Đạ Huoai", "Đạ Huoai 2", "Đạ Huoai 3"],
        ["Cư", "Cư M'gar", "Čư N"],
    ],
)
def test_dictionary_order(in_order):
    keys = [sort_key(name) for name in in_order]
    for (one, before), (other, after) in pairwise(zip(in_order, keys, strict=True)):
        assert before < after, f"{one} comes before {other}"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hòa Bình", "Hoà Bình"),
        ("Thủy", "Thuỷ"),
        ("Khóe", "Khoé"),
        ("ĐÔNG PHÚ", "Đông Phú"),
        ("Ðông", "Đông"),
        ("Ea H'Drai", "Ea H' Drai"),
        ("Phan Rang-Tháp Chàm", "Phan Rang - Tháp Chàm"),
        ("Thôn 2", "Thôn 02"),
        ("Thôn 2A", "Thôn 2 A"),
        ("Thôn 2", "Thôn  2."),
        ("Čư Sĭ", "Cư Si"),
        (unicodedata.normalize("NFD", "Đặng Ước"), "Đặng Ước"),
    ],
)
def test_same_place_in_the_order(one, other):
    assert sort_key(one) == sort_key(other)


@given(names, names)
def test_keys_order_as_the_dictionary_does(one, other):
    by_book, by_key = (dictionary_order(one), dictionary_order(other)), (sort_key(one), sort_key(other))
    assert (by_book[0] < by_book[1]) == (by_key[0] < by_key[1])
    assert (by_book[0] == by_book[1]) == (by_key[0] == by_key[1])


@given(st.text(max_size=200))
def test_keys_are_short_and_plain_digits(text):
    key = sort_key(text)
    assert len(key) <= SORT_KEY_LENGTH
    assert set(key) <= set("0123456789")
    assert key == sort_key(unicodedata.normalize("NFD", text)) == sort_key(f" {text}. ")


def test_keys_of_long_texts_are_cut():
    assert len(sort_key("Đông Phú " * 100)) == SORT_KEY_LENGTH


def test_letters_of_other_alphabets_come_last_and_apart():
    assert sort_key("zz") < sort_key("ж") < sort_key("中")


@pytest.mark.parametrize(
    ("official", "kind", "name"),
    [
        ("Tỉnh Bà Rịa - Vũng Tàu", "tinh", "Bà Rịa - Vũng Tàu"),
        ("Thành phố Hồ Chí Minh", "thanh-pho", "Hồ Chí Minh"),
        ("Thành phố Phan Rang-Tháp Chàm", "thanh-pho", "Phan Rang-Tháp Chàm"),
        ("Huyện Đông Sơn", "huyen", "Đông Sơn"),
        ("Huyện Ia H' Drai", "huyen", "Ia H' Drai"),
        ("Quận 10", "quan", "10"),
        ("Thị xã Kỳ Anh", "thi-xa", "Kỳ Anh"),
        ("Xã Đông Phú", "xa", "Đông Phú"),
        ("Xã Đồi 61", "xa", "Đồi 61"),
        ("Xã Thị Hoa", "xa", "Thị Hoa"),
        ("Xã Bản Phiệt", "xa", "Bản Phiệt"),
        ("Phường Phường Đúc", "phuong", "Phường Đúc"),
        ("Phường 1", "phuong", "1"),
        ("Phường Văn Miếu - Quốc Tử Giám", "phuong", "Văn Miếu - Quốc Tử Giám"),
        ("Thị trấn N.T Phong Hải", "thi-tran", "N.T Phong Hải"),
        ("Đặc khu Phú Quốc", "dac-khu", "Phú Quốc"),
        ("Thôn 2", "thon", "2"),
        ("Xóm Mới", "xom", "Mới"),
        ("Bản Lác", "ban", "Lác"),
        ("Ấp 3A", "ap", "3A"),
        ("Buôn Đôn", "buon", "Đôn"),
        ("Làng Vây", "lang", "Vây"),
        ("Tổ dân phố số 5", "to-dan-pho", "số 5"),
        ("Khu phố 4", "khu-pho", "4"),
        ("Khối phố Đông", "khoi-pho", "Đông"),
    ],
)
def test_kind_and_name_of_an_official_name(official, kind, name):
    assert split_kind(official) == (kind, name)
    assert full_name(kind, name) == official


@pytest.mark.parametrize(
    ("written", "official"),
    [
        ("Thị Trấn Óc Eo", "Thị trấn Óc Eo"),
        ("Thành Phố Đồng Hới", "Thành phố Đồng Hới"),
        ("Thị Xã Mường Lay", "Thị xã Mường Lay"),
        ("xã Bắc Sơn", "Xã Bắc Sơn"),
        ("XÃ Đông Phú", "Xã Đông Phú"),
        ("  Xã\u00a0 Đông  Phú ", "Xã Đông Phú"),
        (unicodedata.normalize("NFD", "Thị xã Kỳ Anh"), "Thị xã Kỳ Anh"),
    ],
)
def test_kinds_are_known_in_any_case_and_written_in_one(written, official):
    assert full_name(*split_kind(written)) == official


@pytest.mark.parametrize("text", ["Đông Phú", "Thị trấn", "Xã", "Lang Biang", "Xãm Đông", "Ban Mê", ""])
def test_without_a_kind(text):
    assert split_kind(text) == ("", text)
    assert full_name("", text) == text


@given(st.sampled_from(list(KINDS)), names.filter(bool))
def test_what_is_put_together_comes_apart_again(kind, name):
    assert split_kind(full_name(kind, name)) == (kind, name)


def test_kinds_are_their_labels_without_diacritics():
    assert {code: search_name(label).replace(" ", "-") for code, label in KINDS.items()} == {k: k for k in KINDS}
