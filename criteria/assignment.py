"""How criteria are shared out, in a commune or on a team: what several have, what nobody has, who has too much.

Pure rules on plain data. The joint team of Kim Lộc (2018) found that its assignments
overlapped; the leader should see that before the team sets out.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

Member = TypeVar("Member", bound=Hashable)

# A member is overloaded with more than this many times the average …
OVERLOAD_SHARE = Decimal("1.5")
# … and at least this many criteria: in a small visit nobody is.
OVERLOAD_LEAST = 6


@dataclass(frozen=True, slots=True)
class Review(Generic[Member]):
    """What to look at again in an assignment.

    `overlaps`: criterion → the members who all have it (two or more). `gaps`: criteria
    nobody has, in the order given. `overloaded`: member → how many criteria they have.
    `average`: criteria per member, those without any included.
    """

    overlaps: dict[int, list[Member]]
    gaps: list[int]
    overloaded: dict[Member, int]
    average: Decimal

    @property
    def is_clean(self) -> bool:
        return not (self.overlaps or self.gaps or self.overloaded)


def review(criteria: Iterable[int], assignments: Mapping[Member, Collection[int]]) -> Review[Member]:
    """Review who has which of `criteria` (the visit's scope).

    `assignments` names every member who can be given criteria, also those without any.
    Criteria outside the scope are left out of everything.
    """
    scope = list(criteria)
    holders: dict[int, list[Member]] = {criterion: [] for criterion in scope}
    load = dict.fromkeys(assignments, 0)
    for member, assigned in assignments.items():
        for criterion in set(assigned) & holders.keys():
            holders[criterion].append(member)
            load[member] += 1
    average = Decimal(sum(load.values())) / len(load) if load else Decimal(0)
    return Review(
        overlaps={criterion: members for criterion, members in holders.items() if len(members) > 1},
        gaps=[criterion for criterion, members in holders.items() if not members],
        overloaded={
            member: count
            for member, count in load.items()
            if count >= OVERLOAD_LEAST and count > OVERLOAD_SHARE * average
        },
        average=average,
    )
