"""The sentence a team's conclusion begins with, drawn from its own scores.

Minutes put the result of a visit in one sentence, as the joint team of Kim Lộc did in
2018: «Đạt vững chắc 6/19 tiêu chí (số 1, 5, 9, 12, 14, 19); cơ bản đạt 13/19 tiêu chí
(số …); mức độ đạt của mọi tiêu chí đều trên 60 %.» The team may edit it.
"""

from collections.abc import Iterable, Mapping
from decimal import ROUND_FLOOR, Decimal

from criteria.numbers import format_number
from criteria.rollup import STATES, State
from criteria.verdicts import STATES as LOOKS

# Whether all criteria are "above n %" is said in steps of ten: minutes give no finer figure.
STEP = Decimal(10)


def summary_sentence(states: Mapping[int, State], total: int) -> str:
    """What the team's scores say of the criteria in its scope, in one sentence.

    `states` is the roll-up of the team's own scores by criterion number, for the criteria
    in the visit's scope; `total` is the number of criteria of the whole set, so that
    "6/19" means the same everywhere. Where the team looked at some criteria only, the
    sentence names these first: «Kiểm tra 2/19 tiêu chí (số 4, 10): đạt 1 (số 10); …», lest
    the rest read as not met. Empty where nothing has been scored.
    """
    checked = {number: state for number, state in states.items() if state.state != "not_assessed"}
    if not checked:
        return ""
    whole = len(checked) == total
    parts: list[str] = []
    for code in STATES:
        numbers = [number for number, state in checked.items() if state.state == code]
        if not numbers:
            continue
        share = f"/{total}" if whole else ""
        noun = " tiêu chí" if whole and not parts else ""
        parts.append(f"{LOOKS[code].label.lower()} {len(numbers)}{share}{noun} (số {_listed(numbers)})")
    floor = _floor(checked, "mọi tiêu chí" if whole else "các tiêu chí được kiểm tra")
    if floor is not None:
        parts.append(floor)
    sentence = "; ".join(parts) + "."
    if not whole:
        sentence = f"kiểm tra {len(checked)}/{total} tiêu chí (số {_listed(checked)}): {sentence}"
    return sentence[0].upper() + sentence[1:]


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in sorted(numbers))


def _floor(states: Mapping[int, State], which: str) -> str | None:
    """Above which per cent every criterion lies; None unless all of them are fully assessed."""
    if any(state.state == "incomplete" for state in states.values()):
        return None
    least = min(state.attainment for state in states.values())
    if least == 100:
        return f"mức độ đạt của {which} đều là 100 %"
    # A multiple of ten itself isn't "above" it: 60,00 % is above 50 %, 60,01 % above 60 %.
    step = (least / STEP).to_integral_value(rounding=ROUND_FLOOR) * STEP
    if step == least:
        step -= STEP
    if step <= 0:
        return None
    return f"mức độ đạt của {which} đều trên {format_number(step)} %"
