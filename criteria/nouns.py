"""What the indicators count: the noun that must stand behind a number of missing things."""

from criteria.models import Indicator

# What a per cent counts, by the words its name begins with (after "Tỷ lệ"): only things
# that are counted one by one; of roads and areas nobody says in which measure they were typed.
_COUNTED = (
    ("hộ gia đình và cơ sở", "hộ, cơ sở"),
    ("hộ chăn nuôi", "hộ chăn nuôi"),
    ("hộ", "hộ"),
    ("nghèo", "hộ"),
    ("trường", "trường"),
    ("thôn", "thôn"),
    ("cơ sở", "cơ sở"),
    ("công trình", "công trình"),
    ("học sinh", "học sinh"),
    ("trẻ em", "trẻ em"),
    ("lao động", "lao động"),
    ("người có việc làm", "lao động"),
    ("người dân thuộc đối tượng", "người thuộc đối tượng"),
    ("người", "người"),
    ("dân số", "người"),
)

# What a per cent measures rather than counts, by how its name begins: roads and land.
_MEASURED = (
    ("đường xã", "đường xã"),
    ("đường thôn", "đường thôn"),
    ("đường trục thôn", "đường thôn"),
    ("đường ngõ", "đường ngõ"),
    ("đường trục chính nội đồng", "đường nội đồng"),
    ("diện tích đất sản xuất nông nghiệp", "đất nông nghiệp"),
)


def counted_noun(indicator: Indicator) -> str:
    """What part and whole of a per cent count ("hộ"), or "" where it isn't told by the name."""
    if indicator.measure not in ("", "%"):
        return indicator.measure
    return _by_start(indicator, _COUNTED)


def whole_noun(indicator: Indicator) -> str:
    """What the whole of a per cent is made of, counted or measured ("hộ", "đường xã"), or ""."""
    return counted_noun(indicator) or _by_start(indicator, _MEASURED)


def _by_start(indicator: Indicator, nouns: tuple[tuple[str, str], ...]) -> str:
    words = indicator.name.lower().removeprefix("tỷ lệ").strip()
    return next((noun for start, noun in nouns if words.startswith(start)), "")
