"""How far an indicator has come towards its target, and what the verdict on it may be.

Pure rules on plain data (design, section 5). A target is an operator and a value:
">=", "<=" and "=" are numeric; "pass" and "judge" are decided by a person; None means
that no target is known. A verdict is one of "firmly_met", "met", "nearly_met",
"not_met", "not_applicable", or "" for not assessed. Attainment is in per cent, 0 to 100,
two decimals, half up.

Every comparison is made on the unrounded value: a figure that rounds to its target has
not reached it, and its attainment stops at 99.99.
"""

from decimal import ROUND_CEILING, Decimal, localcontext

from criteria.numbers import round_half_up

NUMERIC_OPERATORS = (">=", "<=", "=")
OPERATORS = (*NUMERIC_OPERATORS, "pass", "judge", None)
MET_VERDICTS = ("firmly_met", "met")
_VERDICTS = (*MET_VERDICTS, "nearly_met", "not_met", "not_applicable", "")

FULL = Decimal("100.00")
BELOW_FULL = Decimal("99.99")  # the most a value that misses its target can show
NEARLY_MET_THRESHOLD = Decimal(80)  # where a criteria set says nothing else


def measured(value: Decimal | None, part: Decimal | int | None, whole: Decimal | int | None) -> Decimal | None:
    """The figure to hold against a target: part of whole in per cent, unrounded, else `value`.

    The stored value is rounded to two decimals, so 19000 of 20001 is stored as 95.00 although
    it misses 95 %. Pass this instead wherever part and whole are known, so that reaching the
    target and `gap_count` being 0 are the same thing.
    """
    if part is None or not whole:
        return value
    with localcontext() as context:
        context.prec = 60
        return Decimal(part) * 100 / Decimal(whole)


def reaches(operator: str | None, target: Decimal | None, value: Decimal | None) -> bool | None:
    """Whether the value reaches the target; None where there is no numeric target or no value."""
    pair = _comparable(operator, target, value)
    if pair is None:
        return None
    target, value = pair
    if operator == ">=":
        return value >= target
    if operator == "<=":
        return value <= target
    return value == target


def attainment(
    operator: str | None,
    target: Decimal | None,
    value: Decimal | None,
    verdict: str,
    entered: Decimal | None = None,
) -> Decimal | None:
    """Per cent of the target attained, 0 to 100; None where nothing has been assessed.

    Not applicable is 100. With a numeric target and a value the two decide, whatever the
    verdict: 100 exactly if the target is reached, else value ÷ target (target ÷ value for
    "<=", the smaller of the two for "=") and at most 99.99; a target of 0 that is missed is 0.
    Otherwise the verdict decides: 100 when met, else the per cent the person `entered`, kept
    within 0 and 99.99. Nothing entered is 0, also for nearly met: we show no figure that
    nobody gave, so a screen should ask for it.

    Raises ValueError for an unknown operator or verdict.
    """
    if verdict not in _VERDICTS:
        raise ValueError(f"Không có mức đánh giá “{verdict}”.")
    pair = _comparable(operator, target, value)
    if verdict == "not_applicable" or reaches(operator, target, value):
        return FULL
    if pair:
        return _below_full(_share(operator, *pair))
    if verdict == "":
        return None
    if verdict in MET_VERDICTS:
        return FULL
    return _below_full(entered or Decimal(0))


def suggest(
    operator: str | None, target: Decimal | None, value: Decimal | None, threshold: Decimal = NEARLY_MET_THRESHOLD
) -> str:
    """The verdict the figures speak for: "met", "nearly_met", "not_met", or "" where they are silent.

    Nearly met from an attainment, as shown, of `threshold` per cent, which the criteria set gives.
    """
    reached = reaches(operator, target, value)
    attained = attainment(operator, target, value, "")
    if reached is None or attained is None:
        return ""
    if reached:
        return "met"
    return "nearly_met" if attained >= threshold else "not_met"


def contradicts(
    verdict: str, operator: str | None, target: Decimal | None, confirmed: bool, value: Decimal | None
) -> bool:
    """Whether a verdict of met stands against a confirmed numeric target that the value misses.

    Such a verdict is refused at every stage, whoever gives it (design, section 2, rule 4).
    A value that is missing doesn't miss the target: whether one must be given is the form's rule.
    """
    return confirmed and verdict in MET_VERDICTS and reaches(operator, target, value) is False


def gap(operator: str | None, target: Decimal | None, value: Decimal | None) -> Decimal | None:
    """How far the value is from the target, in the indicator's own unit; 0 once reached.

    Never negative. None where there is no numeric target or no value.
    """
    pair = _comparable(operator, target, value)
    if pair is None:
        return None
    target, value = pair
    return Decimal(0) if reaches(operator, target, value) else abs(target - value)


def gap_amount(
    operator: str | None,
    target_percent: Decimal | None,
    part: Decimal | int | None,
    whole: Decimal | int | None,
) -> Decimal | None:
    """How much more of the whole (for "<=", how much less) the target asks for; 0 once reached.

    In the unit of part and whole, for what can be divided (km, ha): at least 90 % of 21 km
    with 12 done lacks 6.9. Exact, never negative. None without a numeric target, part or whole.
    """
    pair = _comparable(operator, target_percent, None if part is None else Decimal(part))
    if pair is None or not whole:
        return None
    share, done = pair
    with localcontext() as context:
        context.prec = 60
        more = share * whole / 100 - done
    if operator == ">=":
        return max(more, Decimal(0))
    if operator == "<=":
        return max(-more, Decimal(0))
    return abs(more)


def gap_count(
    operator: str | None,
    target_percent: Decimal | None,
    part: Decimal | int | None,
    whole: Decimal | int | None,
) -> int | None:
    """How many more items of the whole (for "<=", how many fewer) the target asks for; 0 once reached.

    Counted items only (households, schools): at least 95 % of 1253 with 1182 done lacks 9.
    None where `gap_amount` is, where part or whole isn't a whole number (use `gap_amount`),
    and where "=" asks for a share that no number of items makes.
    """
    amount = gap_amount(operator, target_percent, part, whole)
    if amount is None or any(number is None or number % 1 for number in (part, whole)):
        return None
    count = int(amount.to_integral_value(rounding=ROUND_CEILING))
    if operator == "=" and count != amount:
        return None
    return count


def _comparable(operator: str | None, target: Decimal | None, value: Decimal | None) -> tuple[Decimal, Decimal] | None:
    """Target and value where one can be held against the other, else None."""
    if operator not in OPERATORS:
        raise ValueError(f"Không có phép so sánh “{operator}”.")
    if operator not in NUMERIC_OPERATORS or target is None or value is None:
        return None
    return target, value


def _share(operator: str | None, target: Decimal, value: Decimal) -> Decimal:
    """Per cent of a target that the value misses, before rounding."""
    if target <= 0 or value <= 0:
        return Decimal(0)
    more, less = value * 100 / target, target * 100 / value
    if operator == ">=":
        return more
    if operator == "<=":
        return less
    return min(more, less)


def _below_full(per_cent: Decimal) -> Decimal:
    return round_half_up(min(max(per_cent, Decimal(0)), BELOW_FULL), 2)
