"""What a report is: tables of typed columns, so that its page, workbook and CSV can't differ.

A cell holds a plain value, or one that says how it follows from others (`Sum`, `Share` …): the page and
CSV show its value, the workbook writes a live formula with that value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from criteria.models import CriteriaSet
from criteria.state import Moment

if TYPE_CHECKING:
    from communes.models import Unit


class Kind(StrEnum):
    """What a column holds, which decides how it is written everywhere."""

    TEXT = "text"
    CENTRE = "centre"  # short text: codes, marks, units of measure
    WHOLE = "whole"
    NUMBER = "number"  # as many decimals as the figure has, four at most
    PERCENT = "percent"  # two decimals
    SHARE = "share"  # per cent of communes: one decimal
    DATE = "date"
    STATE = "state"  # a verdict or the state of a criterion, by its code


NUMERIC = frozenset({Kind.WHOLE, Kind.NUMBER, Kind.PERCENT, Kind.SHARE})


@dataclass(frozen=True, slots=True)
class Column:
    """`key` names it in CSV; `meaning` is its line in the definitions; `width` in characters; `over`: a heading it
    shares with its neighbours that have the same; `name`: what the page adds to a heading that is only a number."""

    key: str
    title: str
    kind: Kind = Kind.TEXT
    width: float = 10
    meaning: str = ""
    over: str = ""
    name: str = ""

    @property
    def full_title(self) -> str:
        """Its heading where it stands alone: "Đến 31/12/2023: Kết quả"."""
        return f"{self.over}: {self.title}" if self.over else self.title


@dataclass(frozen=True, slots=True)
class Sum:
    """The column's sum over the rows of a group (on a group's line) or of the whole table (on a total's)."""

    value: int | Decimal | None


@dataclass(frozen=True, slots=True)
class Average:
    """The column's mean over those of the rows that hold a figure, two decimals."""

    value: Decimal | None


@dataclass(frozen=True, slots=True)
class Share:
    """`part` of `whole`, two columns of the same line, in per cent with one decimal; blank of nothing."""

    value: Decimal | None
    part: str
    whole: str


@dataclass(frozen=True, slots=True)
class Ratio:
    """`total` by `count`, two columns of the same line, two decimals; blank of nothing."""

    value: Decimal | None
    total: str
    count: str


@dataclass(frozen=True, slots=True)
class Difference:
    """`now` less `before`, two columns of the same line; blank where one of them is."""

    value: int | Decimal | None
    now: str
    before: str


Plain = str | int | Decimal | date | None
Formula = Sum | Average | Share | Ratio | Difference
Cell = Plain | Formula
FORMULAS = (Sum, Average, Share, Ratio, Difference)


def value_of(cell: Cell) -> Plain:
    return cell.value if isinstance(cell, FORMULAS) else cell


@dataclass(frozen=True, slots=True)
class Line:
    """One line. A "group" heads the rows after it until the next group; a "total" comes after all rows.
    `url`: where the line's first text leads on the page. `numbers`: what the line's figures are where its columns
    hold one thing here, another there (means among counts)."""

    cells: tuple[Cell, ...]
    kind: Literal["row", "group", "total"] = "row"
    url: str = ""
    numbers: Kind = Kind.NUMBER

    def kind_of(self, column: Column) -> Kind:
        """What its cell of that column holds."""
        return self.numbers if column.kind == Kind.NUMBER else column.kind


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of the table's rows: `label` and `values` are keys of columns."""

    kind: Literal["column", "line"]
    title: str
    label: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """`key` names its file of CSV, `title` its heading and sheet; `empty` is said where it has no rows."""

    key: str
    title: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    note: str = ""
    empty: str = "Không có dòng nào."
    chart: Chart | None = None

    def __post_init__(self) -> None:
        for line in self.lines:
            if len(line.cells) != len(self.columns):
                raise ValueError(f"{self.key}: {len(line.cells)} cells for {len(self.columns)} columns")

    @property
    def rows(self) -> list[Line]:
        return [line for line in self.lines if line.kind == "row"]

    @property
    def above(self) -> list[tuple[int, int, str]]:
        """The headings shared by neighbouring columns: the first and last one's place, the text."""
        found: list[tuple[int, int, str]] = []
        for place, column in enumerate(self.columns):
            if column.over and found and found[-1][1:] == (place - 1, column.over):
                found[-1] = (found[-1][0], place, column.over)
            elif column.over:
                found.append((place, place, column.over))
        return found

    def place(self, key: str) -> int:
        """Where the column with that key stands. Raises StopIteration for an unknown one."""
        return next(place for place, column in enumerate(self.columns) if column.key == key)


@dataclass(frozen=True)
class Report:
    """A drawn report. `subject`: the area or commune; `basis`: whose opinions, in words; `moment`: None for
    now; `definitions`: what its figures mean, besides the columns' meanings."""

    form: str
    title: str
    subject: Unit
    as_of: date
    tables: tuple[Table, ...]
    criteria_set: CriteriaSet | None = None
    basis: str = ""
    moment: Moment | None = None
    definitions: tuple[tuple[str, str], ...] = ()
    limited: bool = False
    # Said on top where the report speaks of less than one might think.
    remarks: tuple[str, ...] = field(default=())
    # What it can't be drawn without, and what to do: it is an empty form then, of which no file is made.
    lacking: str = ""

    @property
    def lines(self) -> Sequence[str]:
        """What stands under the title."""
        named = [self.criteria_set.name] if self.criteria_set else []
        return [*named, *([f"Căn cứ: {self.basis}"] if self.basis else []), *self.remarks]
