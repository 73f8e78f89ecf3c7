"""Addresses of rows shown by the dozen: resolved once a process, then filled in.

`reverse` costs fifty microseconds, and a page of documents asks for as many addresses.
"""

from functools import cache
from uuid import UUID

from django.urls import reverse

# Numbers and ids that no address has of its own, to be found again in the reversed one.
_STANDS_FOR = {
    int: lambda place: 987_654_321 + place,
    UUID: lambda place: UUID(int=0xFEDC_BA98_7654_3210_FEDC_BA98_0000_0000 + place),
}


@cache
def _shape(name: str, kinds: tuple[type, ...]) -> str:
    values = [_STANDS_FOR[kind](place) for place, kind in enumerate(kinds)]
    shape = reverse(name, args=values).replace("{", "{{").replace("}", "}}")
    for place, value in enumerate(values):
        shape = shape.replace(str(value), f"{{{place}}}")
    return shape


def address(name: str, *args: int | UUID) -> str:
    """What `reverse(name, args=args)` returns, for numbers and UUIDs only (KeyError for others)."""
    return _shape(name, tuple(map(type, args))).format(*args)
