"""How often a wrong password may be tried, counted in the cache all processes share.

Each limit is a number of slots. An attempt takes a free slot of every limit before the
password is looked at, and gives it back when the password was right; a wrong one leaves
it taken until it expires. Taking is `cache.add`, which the database decides, so two
processes never take the same slot and nothing needs a lock.
"""

import hashlib
import time
from dataclasses import dataclass

from django.core.cache import cache

QUARTER = 15 * 60
HOUR = 60 * 60
DAY = 24 * HOUR


@dataclass(frozen=True)
class Limit:
    """At most `tries` wrong passwords within `seconds`, by what `key` was made of.

    When they are used up, one more is let through every `then_every` seconds, if given:
    a limit anyone can use up from anywhere must not shut its owner out for a day.
    """

    tries: int
    seconds: int
    then_every: int = 0


BY_NAME_AND_ADDRESS = Limit(tries=5, seconds=QUARTER)
BY_NAME = Limit(tries=50, seconds=DAY, then_every=HOUR)
BY_ADDRESS = Limit(tries=100, seconds=HOUR)


class LockedOut(Exception):
    """Too many wrong passwords; `seconds` until another may be tried (at least 1)."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = max(1, round(seconds))


class Attempt:
    """One try of a password for a name from an address; raises LockedOut when refused."""

    def __init__(self, name: str, address: str) -> None:
        self.taken: list[str] = []
        name = name.strip().lower()
        try:
            self._take(BY_NAME_AND_ADDRESS, f"pair\n{name}\n{address}")
            self._take(BY_NAME, f"name\n{name}")
            self._take(BY_ADDRESS, f"address\n{address}")
        except LockedOut:
            self.forget()
            raise

    def forget(self) -> None:
        """Give the slots back: the password was right, or another limit refused."""
        cache.delete_many(self.taken)
        self.taken = []

    def _take(self, limit: Limit, key: str) -> None:
        prefix = "signin:" + hashlib.sha256(key.encode()).hexdigest()[:40]
        slots = {f"{prefix}:{number}": limit.seconds for number in range(limit.tries)}
        now = time.time()
        ends = cache.get_many(slots)
        for slot, seconds in slots.items():
            if slot not in ends and cache.add(slot, now + seconds, seconds):
                self.taken.append(slot)
                return
        if limit.then_every:
            slot = f"{prefix}:slow"
            if cache.add(slot, now + limit.then_every, limit.then_every):
                self.taken.append(slot)
                return
            raise LockedOut(cache.get(slot, now) - now)
        raise LockedOut(min(cache.get_many(slots).values(), default=now) - now)
