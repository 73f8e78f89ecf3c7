"""Numbers as people type and read them.

Vietnamese write 1.234,5 where machines write 1234.5, and both arrive in the same
boxes: typed by an officer, or pasted from a spreadsheet. This module reads either,
writes the Vietnamese form, and holds the one way of rounding (half up) that every
percentage in the product uses.

What a mark means:

- several "." in groups of three, or a single "." with one to three digits before it
  (not beginning with 0) and exactly three after, are thousands marks, as Vietnamese
  write: "1.234.567", and "1.182" is 1182;
- any other single "." is a decimal point: "98.5", "0.125", "1234.567";
- a single "," is the decimal mark: "98,5", and "1,182" is 1.182;
- several "," in groups of three, or "," in groups of three before a ".", are a
  machine's thousands marks: "1,234,567", "1,234.5";
- spaces may part groups of three: "1 234 567,5".

So a Decimal must be shown in an input through `format_number`, never through `str`:
"98.500" would be read back as 98500.
"""

import re
import unicodedata
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

MAX_WHOLE_DIGITS = 14  # columns are Decimal(18, 4)
MAX_PLACES = 4

_LONG = Context(prec=60)  # of digits: what is worked out is rounded once, at its end

# Longer than any number we accept with all its marks; keeps the work and the message small.
_MAX_TYPED = 60

_FULL_WIDTH = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_MINUS_SIGNS = dict.fromkeys((0x2012, 0x2013, 0x2212), "-")
_TYPED = {**_FULL_WIDTH, **_MINUS_SIGNS}

# Each form: its pattern, its thousands mark, its decimal mark. The first that fits decides.
_FORMS = [
    (re.compile(r"[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,[0-9]+)?"), ".", ","),
    (re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+\.[0-9]+"), ",", "."),
    (re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3}){2,}"), ",", "."),
    (re.compile(r"[1-9][0-9]{0,2}(?: [0-9]{3})+(?:,[0-9]+)?"), " ", ","),
    (re.compile(r"[1-9][0-9]{0,2}(?: [0-9]{3})+(?:\.[0-9]+)?"), " ", "."),
    (re.compile(r"[0-9]+(?:,[0-9]+)?"), "", ","),
    (re.compile(r"[0-9]+\.[0-9]+"), "", "."),
]

# One mark with three digits behind it: thousands to one country, decimals to another.
_UNCLEAR = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")


class NumberError(ValueError):
    """What was typed can't be taken as a number; the message says in Vietnamese what to type."""


def parse_number(text: str | None, allow_negative: bool = False) -> Decimal | None:
    """The number a person typed, or None for nothing typed.

    A trailing "%" is ignored, and so are invisible characters; any other unit is refused.
    Raises NumberError for what isn't a number, for a negative one unless `allow_negative`,
    and for more digits than a column holds (14 before and 4 after the decimal mark).
    """
    typed = _plain(text or "")
    if not typed:
        return None
    if len(typed) > _MAX_TYPED:
        raise _not_a_number(typed)
    body = typed.removesuffix("%").rstrip()
    negative = body.startswith("-")
    if body[:1] in ("-", "+"):
        body = body[1:].lstrip()
    for pattern, thousands, decimal_mark in _FORMS:
        if pattern.fullmatch(body):
            if thousands:
                body = body.replace(thousands, "")
            whole, _, fraction = body.partition(decimal_mark)
            break
    else:
        raise _not_a_number(typed)
    whole, fraction = whole.lstrip("0"), fraction.rstrip("0")
    if negative and (whole or fraction) and not allow_negative:
        raise NumberError(f"“{_shown(typed)}” là số âm. Giá trị không được âm, nhập từ 0 trở lên.")
    if len(whole) > MAX_WHOLE_DIGITS:
        raise NumberError(f"“{_shown(typed)}” quá lớn. Nhập số có tối đa {MAX_WHOLE_DIGITS} chữ số trước dấu phẩy.")
    if len(fraction) > MAX_PLACES:
        raise NumberError(
            f"“{_shown(typed)}” có quá nhiều chữ số sau dấu phẩy. "
            f"Nhập tối đa {MAX_PLACES} chữ số sau dấu phẩy, ví dụ 98,1235."
        )
    number = Decimal(f"{whole or '0'}.{fraction or '0'}" if fraction else whole or "0")
    return -number if negative and number else number


def decimal_mark(text: str) -> str:
    """Which mark a number was surely written with before its decimals: "," or "."; "" where it can't be told.

    "1.234,5" and "98,5" show ",", "1,234.5" and "98.5" show "."; "1.182" and "1,182" show nothing:
    a column that was copied as one is read by what its other numbers show (`parse_marked`).
    """
    body = _body(text)
    if _UNCLEAR.fullmatch(body) or not any(pattern.fullmatch(body) for pattern, _, _ in _FORMS):
        return ""
    last = max(body.rfind(","), body.rfind("."))
    if last < 0:
        return ""
    mark = body[last]
    return {",": ".", ".": ","}[mark] if body.count(mark) > 1 else mark


def is_unclear(text: str) -> bool:
    """Whether it is one of two numbers, by which mark its writer uses before decimals: "1.182", "1,182"."""
    return _UNCLEAR.fullmatch(_body(text)) is not None


def _body(text: str) -> str:
    return _plain(text).removesuffix("%").rstrip().lstrip("+-").replace(" ", "")


def parse_marked(text: str, mark: str) -> Decimal | None:
    """parse_number for a text of a column whose decimal mark is known ("": not known).

    With "." known, "1,182" is 1182 and "1.182" is 1.182, the other way round than typed by itself.
    """
    number = parse_number(text)
    if mark != "." or number is None:
        return number
    return parse_number(_plain(text).replace(",", "").replace(".", ","))


def format_number(value: Decimal | int | None, max_places: int = MAX_PLACES) -> str:
    """The number as Vietnamese write it, "1.234,5": no zeros at the end, "" for None.

    Rounds half up to `max_places`. For every value of at most four places,
    `parse_number(format_number(value), allow_negative=True) == value`.
    """
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}".replace(",", ".")
    machine = f"{round_half_up(value, max_places):,f}"
    whole, _, fraction = machine.partition(".")
    fraction = fraction.rstrip("0")
    shown = whole.replace(",", ".") + (f",{fraction}" if fraction else "")
    return "0" if shown == "-0" else shown


def one_decimal(value: Decimal | int | None) -> str:
    """Always with one decimal, as shares of communes are printed: "12,0"; "" for None."""
    return _with_decimals(value, 1)


def two_decimals(value: Decimal | int | None) -> str:
    """Always with two decimals, as means and progress are printed: "16,13", "12,00"; "" for None."""
    return _with_decimals(value, 2)


def _with_decimals(value: Decimal | int | None, places: int) -> str:
    if value is None:
        return ""
    whole, _, fraction = format_number(value, places).partition(",")
    return f"{whole},{fraction:0<{places}}"


def round_half_up(value: Decimal | int, places: int) -> Decimal:
    """`value` with exactly `places` decimals, a half going away from zero (2.345 → 2.35)."""
    return Decimal(value).quantize(Decimal((0, (1,), -places)), ROUND_HALF_UP, _LONG)


def ratio(part: Decimal | int | None, whole: Decimal | int | None) -> Decimal | None:
    """`part` of `whole` in per cent, two decimals, half up: 1182 of 1253 is 94.33.

    None where either is missing or the whole is 0. This is the figure to show and store;
    whether a target is reached is decided on the unrounded one (`attainment.measured`).
    """
    if part is None or not whole:
        return None
    with localcontext() as context:
        context.prec = 60
        return round_half_up(Decimal(part) * 100 / Decimal(whole), 2)


def _plain(text: str) -> str:
    """Without invisible characters, every kind of space as one, full-width as usual ones."""
    seen = "".join(mark for mark in text if unicodedata.category(mark) != "Cf")
    return " ".join(seen.translate(_TYPED).split())


def _shown(typed: str) -> str:
    printable = "".join(mark if mark.isprintable() else "�" for mark in typed)
    return printable if len(printable) <= 30 else printable[:29] + "…"


def _not_a_number(typed: str) -> NumberError:
    return NumberError(f"“{_shown(typed)}” không phải là số. Nhập số như 1.234,5 hoặc 98,5.")
