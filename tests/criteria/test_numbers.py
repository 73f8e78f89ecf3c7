from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from criteria.numbers import (
    NumberError,
    decimal_mark,
    format_number,
    parse_marked,
    parse_number,
    ratio,
    round_half_up,
)

values = st.decimals(
    min_value=Decimal("-99999999999999.9999"),
    max_value=Decimal("99999999999999.9999"),
    places=4,
)


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        # as Vietnamese write
        ("98,5", "98.5"),
        ("1.234,5", "1234.5"),
        ("1.182", "1182"),
        ("12.345", "12345"),
        ("123.456", "123456"),
        ("1.234.567", "1234567"),
        ("1.234.567,25", "1234567.25"),
        ("1,182", "1.182"),
        ("0,125", "0.125"),
        ("1234,5", "1234.5"),
        # as machines write
        ("98.5", "98.5"),
        ("1234.5", "1234.5"),
        ("1234.567", "1234.567"),
        ("0.125", "0.125"),
        ("012.345", "12.345"),
        ("98.5000", "98.5"),
        ("1,234.5", "1234.5"),
        ("1,234.567", "1234.567"),
        ("1,234,567", "1234567"),
        ("1,234,567.8", "1234567.8"),
        # spaces: normal, no-break, narrow no-break, thin
        ("  98,5  ", "98.5"),
        ("1 234 567,5", "1234567.5"),
        ("1\u00a0234,5", "1234.5"),
        ("1\u202f234.5", "1234.5"),
        ("1\u2009234", "1234"),
        # per cent
        ("98,5%", "98.5"),
        ("98,5 %", "98.5"),
        ("98,5\u00a0%", "98.5"),
        # full width, invisible characters, a plus, zeros
        ("９８，５％", "98.5"),
        ("\ufeff98\u200b,5", "98.5"),
        ("+5", "5"),
        ("0", "0"),
        ("-0", "0"),
        ("-0,0", "0"),
        ("007", "7"),
        ("98,500000", "98.5"),
        ("99999999999999,9999", "99999999999999.9999"),
        ("00000000000000001", "1"),
    ],
)
def test_reads_what_people_type(typed, number):
    assert parse_number(typed) == Decimal(number)


@pytest.mark.parametrize("typed", [None, "", "   ", "\u00a0", "\u200b"])
def test_nothing_typed_is_no_number(typed):
    assert parse_number(typed) is None


@pytest.mark.parametrize(
    "typed",
    [
        "98,5,5",
        "1.23.4",
        "1,2.3,4",
        "1.234.5",
        "12,34.5",
        "1.234,567,8",
        "0.123.456",
        "1234.567.890",
        "12 34",
        "1 2345",
        "98 ,5",
        "5,",
        ",5",
        ".5",
        "5.",
        "1e999",
        "1e5",
        "NaN",
        "inf",
        "Infinity",
        "--5",
        "5-",
        "+-5",
        "-",
        "%",
        "5%%",
        "%5",
        "5 km",
        "5 hộ",
        "1/2",
        "½",
        "5²",
        "٥",
        "1_000",
        "0x10",
        "=1+1",
        "đạt",
        "1" * 61,
        "9" * 100_000,
    ],
)
def test_refuses_what_is_no_number_and_says_what_to_type(typed):
    with pytest.raises(NumberError, match="không phải là số") as told:
        parse_number(typed)
    assert len(str(told.value)) < 120


def test_the_refusal_quotes_what_was_typed():
    with pytest.raises(NumberError) as told:
        parse_number("98,5,5")
    assert str(told.value) == "“98,5,5” không phải là số. Nhập số như 1.234,5 hoặc 98,5."


def test_the_refusal_is_safe_to_print():
    with pytest.raises(NumberError) as told:
        parse_number("a\x00b\x1b")
    assert str(told.value).isprintable()


@pytest.mark.parametrize("typed", ["-5", "-5 %", "- 5", "−5", "–5", "-0,0001", "-1.234"])
def test_negative_only_where_allowed(typed):
    with pytest.raises(NumberError, match="không được âm"):
        parse_number(typed)
    assert parse_number(typed, allow_negative=True) < 0


@pytest.mark.parametrize("typed", ["100000000000000", "100.000.000.000.000", "123456789012345,5"])
def test_more_digits_than_a_column_holds(typed):
    with pytest.raises(NumberError, match="tối đa 14 chữ số trước dấu phẩy"):
        parse_number(typed)


@pytest.mark.parametrize("typed", ["98,12345", "98.12345", "0,00001"])
def test_more_places_than_a_column_holds(typed):
    with pytest.raises(NumberError, match="tối đa 4 chữ số sau dấu phẩy"):
        parse_number(typed)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (0, "0"),
        (Decimal("0.0000"), "0"),
        (Decimal("-0"), "0"),
        (Decimal("-0.00001"), "0"),
        (1182, "1.182"),
        (Decimal("1.182"), "1,182"),
        (Decimal("1234.5000"), "1.234,5"),
        (Decimal("98.50"), "98,5"),
        (Decimal("1E+3"), "1.000"),
        (Decimal("-1234.5"), "-1.234,5"),
        (1234567, "1.234.567"),
        (Decimal("0.00005"), "0,0001"),
        (Decimal("99999999999999.9999"), "99.999.999.999.999,9999"),
    ],
)
def test_writes_as_vietnamese_do(value, shown):
    assert format_number(value) == shown


def test_writes_with_fewer_places_half_up():
    assert format_number(Decimal("94.335"), 2) == "94,34"
    assert format_number(Decimal("94.335"), 0) == "94"
    assert format_number(Decimal("1999.5"), 0) == "2.000"


@given(values)
def test_what_is_written_is_read_back(value):
    assert parse_number(format_number(value), allow_negative=True) == value


@given(st.text(alphabet="0123456789.,- +%eE", max_size=25))
def test_reading_gives_a_number_that_fits_or_a_refusal(typed):
    try:
        number = parse_number(typed, allow_negative=True)
    except NumberError:
        return
    if number is None:
        assert not typed.strip()
        return
    assert number.is_finite()
    assert abs(number) < 10**14
    assert number == round(number, 4)
    assert parse_number(format_number(number), allow_negative=True) == number


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(typed):
    try:
        parse_number(typed)
    except NumberError as told:
        assert str(told)


@pytest.mark.parametrize(
    ("value", "places", "rounded"),
    [
        ("2.345", 2, "2.35"),
        ("2.335", 2, "2.34"),
        ("-2.345", 2, "-2.35"),
        ("2.5", 0, "3"),
        ("2.3449999999999999999999999999999999", 2, "2.34"),
        ("100", 2, "100.00"),
    ],
)
def test_rounds_half_up(value, places, rounded):
    assert str(round_half_up(Decimal(value), places)) == rounded


@pytest.mark.parametrize(
    ("part", "whole", "per_cent"),
    [
        (1182, 1253, "94.33"),
        (1720, 1770, "97.18"),  # Nguyễn Văn Thảnh, criterion 3.1, 2019: published as 97,2 %
        (71, 72, "98.61"),
        (0, 5, "0.00"),
        (5, 5, "100.00"),
        (1, 800, "0.13"),  # exactly 0.125
        (Decimal("12.5"), Decimal("20"), "62.50"),
        (6, 5, "120.00"),
    ],
)
def test_part_of_a_whole_in_per_cent(part, whole, per_cent):
    assert str(ratio(part, whole)) == per_cent


@pytest.mark.parametrize(("part", "whole"), [(5, 0), (None, 5), (5, None), (None, None), (0, Decimal(0))])
def test_no_per_cent_without_a_whole(part, whole):
    assert ratio(part, whole) is None


@pytest.mark.parametrize(
    ("typed", "mark"),
    [
        ("98,5", ","),
        ("1.234,5", ","),
        ("1.234.567", ","),
        ("0,125", ","),
        ("1234,567", ","),
        ("1 234,5", ","),
        ("98.5 %", "."),
        ("1,234.5", "."),
        ("1,234,567", "."),
        ("0.125", "."),
        ("-98.25", "."),
        ("1.182", ""),  # thousands here, decimals elsewhere
        ("1,182", ""),
        ("1182", ""),
        ("98,5,5", ""),
        ("abc", ""),
        ("", ""),
    ],
)
def test_the_decimal_mark_a_number_surely_shows(typed, mark):
    assert decimal_mark(typed) == mark


@given(values, st.sampled_from([",", "."]))
def test_a_column_written_with_one_mark_is_read_with_it(value, mark):
    written = format_number(abs(value))
    if mark == ".":
        written = written.translate(str.maketrans(",.", ".,"))
    assert parse_marked(written, mark) == abs(value)
    assert decimal_mark(written) in {"", mark}
