"""A table's chart as SVG on its page: bars or lines with their figures written at them, readable in greyscale.

The table stands below with the same figures, so the picture is named for those who don't see it and no more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from html import escape
from textwrap import wrap

from django.utils.safestring import SafeString, mark_safe

from reports.tables.page import shown
from reports.tables.table import Chart, Kind, Table, value_of

_DAY = re.compile(r"\b(\d\d)/(\d\d)/(\d{4})\b")
WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 12, 12, 32, 60
LETTER = 12  # of the width a letter of a label takes on a phone, where half the size is left
LABELS = 7  # along a line, every second of them on a phone
SERIES = 4  # looks there are


def picture(table: Table) -> SafeString:
    """The SVG, "" where the table has no chart or nothing to draw."""
    chart = table.chart
    if chart is None:
        return SafeString("")
    place = table.place(chart.label)
    labels = _short([shown(value_of(line.cells[place]), table.columns[place].kind) for line in table.rows])
    series = [_Series(table, key, number) for number, key in enumerate(chart.values[:SERIES])]
    highest = max((value for one in series for value in one.values if value is not None), default=Decimal(0))
    if not labels or highest <= 0:
        return SafeString("")
    draw = _bars if chart.kind == "column" else _lines
    body = draw(labels, series, highest)
    return mark_safe(
        f'<figure class="chart"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(chart.title)}; '
        f'số liệu ở bảng dưới">{body}</svg>{_legend(chart, series)}</figure>'
    )


class _Series:
    """One column of figures; `look` is the number of its class."""

    def __init__(self, table: Table, key: str, look: int) -> None:
        at = table.place(key)
        self.title, self.kind, self.look = table.columns[at].title, table.columns[at].kind, look
        self.values = [_number(value_of(line.cells[at])) for line in table.rows]

    def words(self, value: Decimal) -> str:
        return shown(value if self.kind != Kind.WHOLE else int(value), self.kind)


def _number(value: object) -> Decimal | None:
    return Decimal(value) if isinstance(value, int | Decimal) else None


def _legend(chart: Chart, series: Sequence[_Series]) -> str:
    if len(series) == 1:
        return f"<figcaption>{escape(chart.title)}</figcaption>"
    keys = "".join(f'<span class="key series-{one.look}">{escape(one.title)}</span>' for one in series)
    return f"<figcaption>{escape(chart.title)} {keys}</figcaption>"


def _height(value: Decimal, highest: Decimal) -> float:
    return round(float(value / highest) * (HEIGHT - TOP - BOTTOM), 1)


def _label(text: str, x: float, room: float, css: str = "label") -> str:
    """The text below the axis in two lines at most, as wide as there is room; whole in its tooltip."""
    lines = wrap(text, max(4, int(room / LETTER))) or [""]
    if len(lines) > 2:
        lines = [lines[0], f"{lines[1].rstrip('…')}…"]
    half = max(map(len, lines)) * LETTER / 2
    anchor, at = ("start", 0.0) if x < half else ("end", float(WIDTH)) if x > WIDTH - half else ("middle", x)
    spans = "".join(
        f'<tspan x="{at:.1f}" y="{HEIGHT - BOTTOM + 24 * (number + 1)}">{escape(line)}</tspan>'
        for number, line in enumerate(lines)
    )
    return f'<text class="{css}" text-anchor="{anchor}"><title>{escape(text)}</title>{spans}</text>'


def _short(labels: Sequence[str]) -> list[str]:
    """The labels without what all of them end in ("15–18 tiêu chí" → "15–18"); moments by their month ("5/2024"),
    where each has one of its own, else by their day."""
    days = [_DAY.search(label) for label in labels]
    if all(days):
        found = [day.groups() for day in days if day]
        months = [f"{int(month)}/{year}" for _, month, year in found]
        return months if len(set(months)) == len(months) else ["/".join(day) for day in found]
    ends = {label.partition(" ")[2] for label in labels}
    return [label.partition(" ")[0] for label in labels] if len(ends) == 1 else list(labels)


def _axis() -> str:
    base = HEIGHT - BOTTOM
    return f'<line class="axis" x1="{LEFT}" y1="{base}" x2="{WIDTH - RIGHT}" y2="{base}"/>'


def _bars(labels: Sequence[str], series: Sequence[_Series], highest: Decimal) -> str:
    """A group of bars a label."""
    step = (WIDTH - LEFT - RIGHT) / len(labels)
    width = min(step * 0.7 / len(series), 64)
    parts = [_axis()]
    for number, label in enumerate(labels):
        middle = LEFT + step * (number + 0.5)
        first = middle - width * len(series) / 2
        for one in series:
            value = one.values[number]
            if value is None:
                continue
            x, height = first + width * one.look, _height(value, highest)
            y = HEIGHT - BOTTOM - height
            parts.append(
                f'<rect class="series-{one.look}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}"/>'
                f'<text class="figure" x="{x + width / 2:.1f}" y="{y - 6:.1f}" text-anchor="middle">'
                f"{escape(one.words(value))}</text>"
            )
        parts.append(_label(label, middle, step))
    return "".join(parts)


def _lines(labels: Sequence[str], series: Sequence[_Series], highest: Decimal) -> str:
    """A line a series, broken where there is no figure; the last point's figure is written."""
    step = (WIDTH - LEFT - RIGHT) / len(labels)
    every = -(-len(labels) // LABELS)
    parts = [_axis()]
    for one in series:
        points = [
            (LEFT + step * (number + 0.5), HEIGHT - BOTTOM - _height(value, highest), value)
            for number, value in enumerate(one.values)
            if value is not None
        ]
        path, previous = [], None
        for number, value in enumerate(one.values):
            if value is None:
                previous = None
                continue
            x, y = LEFT + step * (number + 0.5), HEIGHT - BOTTOM - _height(value, highest)
            path.append(f"{'M' if previous is None else 'L'}{x:.1f} {y:.1f}")
            previous = number
        parts.append(f'<path class="series-{one.look}" d="{" ".join(path)}"/>')
        parts += [f'<circle class="series-{one.look}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y, _ in points]
        if points:
            x, y, value = points[-1]
            parts.append(
                f'<text class="figure" x="{x + 10:.1f}" y="{y - 10:.1f}" text-anchor="end">'
                f"{escape(one.words(value))}</text>"
            )
    for place, number in enumerate(range(len(labels) - 1, -1, -every)):  # the last one always
        css = "label label-wide" if place % 2 else "label"
        parts.append(_label(labels[number], LEFT + step * (number + 0.5), 2 * every * step, css))
    return "".join(parts)
