"""Phiếu niêm yết: a commune's result for the public board, one line a criterion, in plain words.

Each line prints the criterion's requirement, result and state at the stage asked for as
`Readiness` has them. Of a criterion with one indicator the requirement is the target's own
text and the result its figure; of one with several, how many indicators are to be met and
how many are. The reason of what isn't met is that of the list of what is missing. Evidence,
findings and people are not on a public board.
"""

from __future__ import annotations

from communes.documents import plain
from criteria.attainment import MET_VERDICTS
from criteria.numbers import format_number
from criteria.rollup import State
from criteria.verdicts import STATES as LOOKS
from criteria.verdicts import VERDICTS
from reports.papers.paper import Column, Paper, Part, Table, per_cent, shortened
from reports.readiness import NO_OPINION_AT, STAGES, CriterionLine, IndicatorLine, Readiness
from reports.workbooks.layout import day_text

NAMED_AT_MOST = 42  # characters of an indicator's name: nineteen lines must fit on one page
COLUMNS = (
    Column("TT", 5, True),
    Column("Tiêu chí", 18),
    Column("Yêu cầu", 15),
    Column("Kết quả", 11),
    Column("Đánh giá", 14),
    Column("Lý do", 37),
)


def notice(result: Readiness) -> Paper:
    """The sheet for the board of the commune's own committee."""
    unit = result.unit
    where = [unit.district.in_sentence if unit.district else "", unit.province.in_sentence if unit.province else ""]
    limited = (f"Chỉ gồm {len(result.criteria)} tiêu chí của sở, ngành",) if result.limited else ()
    return Paper(
        name="Phieu-niem-yet",
        agency=(f"ỦY BAN NHÂN DÂN {(unit.commune or unit).full_name}".upper(), ""),
        place=unit.name,
        title="PHIẾU NIÊM YẾT",
        subtitle=f"Kết quả thực hiện tiêu chí nông thôn mới của {', '.join(filter(None, [unit.in_sentence, *where]))}",
        lines=(
            result.criteria_set.name,
            f"Tính đến ngày {day_text(result.as_of)} · Căn cứ: {STAGES[result.stage]}",
            *limited,
        ),
        as_of=result.as_of,
        parts=(
            Part(sentences=(f"Kết quả chung: {result.sentence}.",)),
            Part(table=Table(COLUMNS, tuple(_line(criterion, result) for criterion in result.criteria))),
        ),
        signers=("NGƯỜI LẬP PHIẾU", "TM. ỦY BAN NHÂN DÂN"),
        about=unit.full_name,
    )


def _line(criterion: CriterionLine, result: Readiness) -> tuple[str, ...]:
    state = criterion.states.get(result.stage)
    counted = [line for line in criterion.indicators if line.applies and not line.is_part]
    return (
        str(criterion.number),
        plain(criterion.name),
        _requirement(counted),
        _result(counted, _short_of(criterion)),
        LOOKS[state.state].label if state else NO_OPINION_AT[result.stage],
        _reason(criterion, state),
    )


def _requirement(lines: list[IndicatorLine]) -> str:
    if len(lines) == 1:
        return shortened(lines[0].target.text, 60) or "Chưa quy định mức"
    return f"Đạt {len(lines)} chỉ tiêu"


def _short_of(criterion: CriterionLine) -> list[IndicatorLine]:
    """What isn't met, the parts of an indicator too: it is met only when they are (`criteria.rollup`)."""
    return [line for line in criterion.indicators if line.applies and not _is_met(line)]


def _result(lines: list[IndicatorLine], short: list[IndicatorLine]) -> str:
    """The figure of the only indicator, else how many indicators are met."""
    if len(lines) == 1:
        opinion = lines[0].opinion
        if opinion.value is None:
            return VERDICTS[opinion.verdict].label if opinion.verdict else ""
        return f"{format_number(opinion.value, 2)} {lines[0].measure}".rstrip()
    if not any(line.opinion.verdict for line in lines):
        return ""
    return f"Đạt {len(lines) - len({line.whole_id for line in short})}/{len(lines)}"


def _is_met(line: IndicatorLine) -> bool:
    return line.opinion.verdict in MET_VERDICTS or line.opinion.verdict == "not_applicable"


def _reason(criterion: CriterionLine, state: State | None) -> str:
    """Why the criterion stands where it stands, for people who don't know its indicators by number."""
    if state is None or state.state == "not_assessed":
        return ""
    if state.state in ("met", "firmly_met"):
        return "Đạt đủ yêu cầu"
    if state.state == "not_applicable":
        return "Không áp dụng đối với xã"
    short = _short_of(criterion)
    if not short:
        return ""
    several = sum(line.applies and not line.is_part for line in criterion.indicators) > 1
    text = _short(short[0], named=several)
    others = len({line.whole_id for line in short}) - 1
    if others:
        text += f"; và {others} chỉ tiêu khác"
    return text[:1].upper() + text[1:]


def _short(line: IndicatorLine, *, named: bool) -> str:
    """What one indicator lacks: its name where there are several, and how much is missing."""
    opinion = line.opinion
    if not opinion.verdict:
        lack = "chưa được đánh giá"
    elif line.gap_text:
        lack = line.gap_text
    elif opinion.attainment:
        lack = f"mới đạt {per_cent(opinion.attainment)} yêu cầu"
    else:
        lack = VERDICTS[opinion.verdict].label.lower()
    return f"{shortened(line.name, NAMED_AT_MOST)}: {lack}" if named else lack
