"""What the indicators count: the noun that must stand behind a number of missing things."""

from criteria.models import Indicator

# What a per cent counts, by the words its name begins with (after "Tỷ lệ"): only things
# that are counted one by one; of roads and areas nobody says in which measure they were typed.
_COUNTED = (
    ("hộ gia đình và cơ sở", "hộ, cơ sở"),
    ("hộ", "hộ"),
    ("nghèo", "hộ"),
    ("trường", "trường"),
    ("thôn", "thôn"),
    ("cơ sở", "cơ sở"),
    ("công trình", "công trình"),
    ("học sinh", "học sinh"),
    ("trẻ em", "trẻ em"),
    ("lao động", "lao động"),
    ("người", "người"),
    ("dân số", "người"),
)


def counted_noun(indicator: Indicator) -> str:
    """What part and whole of a per cent count ("hộ"), or "" where it isn't told by the name."""
    if indicator.measure not in ("", "%"):
        return indicator.measure
    words = indicator.name.lower().removeprefix("tỷ lệ").strip()
    return next((noun for start, noun in _COUNTED if words.startswith(start)), "")
