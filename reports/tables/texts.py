"""What the communes of an area tell of a period in words, part by part, under their districts."""

from __future__ import annotations

from textwrap import wrap

from django.urls import reverse

from communes.models import Level
from communes.roster import Member, rural_communes_on
from criteria.models import PeriodText, ReportingPeriod
from reports.tables.asked import Asked
from reports.tables.supplementary import NO_PERIOD, PeriodOptions, day_of, period_of
from reports.tables.table import Column, Kind, Line, Report, Table

WIDTH = 90  # characters of the text's column
LINES = 24  # of text a row holds: a higher one would be cut on paper

Options = PeriodOptions


def draw(asked: Asked) -> Report:
    period = period_of(asked)
    return Report(
        form="21",
        title="Kết quả, khó khăn, kiến nghị của các xã",
        subject=asked.subject,
        as_of=day_of(asked, period),
        tables=tuple(tables(asked, period)) if period else (),
        remarks=(period.name,) if period else (),
        lacking="" if period else NO_PERIOD,
        definitions=(("Nội dung", "Do xã tự nêu cho kỳ báo cáo; xã không nêu thì không có dòng."),),
    )


def tables(asked: Asked, period: ReportingPeriod) -> list[Table]:
    """A table a part: what each commune tells, under its district."""
    communes = rural_communes_on(asked.area, day_of(asked, period))
    rows = PeriodText.objects.filter(period=period, unit__in=[commune.id for commune in communes])
    told = {row["unit"]: row for row in rows.values("unit", *(name for name, _ in PeriodText.PARTS))}
    return [_table(asked, period, communes, told, name, label) for name, label in PeriodText.PARTS]


def _table(
    asked: Asked,
    period: ReportingPeriod,
    communes: list[Member],
    told: dict[int, dict[str, str]],
    name: str,
    label: str,
) -> Table:
    columns = (
        Column("number", "TT", Kind.CENTRE, 5),
        Column("commune", "Xã", Kind.TEXT, 38),
        Column("text", "Nội dung", Kind.TEXT, WIDTH, "Nội dung dài được ghi tiếp ở dòng sau."),
    )
    lines: list[Line] = []
    number, district = 0, ""
    for commune in communes:
        text = told.get(commune.id, {}).get(name, "")
        if not text:
            continue
        if asked.area.level == Level.PROVINCE and commune.district != district:
            district = commune.district
            lines.append(Line((None, district, None), "group"))
        number += 1
        url = reverse("criteria:period_report", args=[commune.id, period.pk])
        for place, piece in enumerate(pieces(text)):
            lines.append(Line(("" if place else str(number), commune.full_name, piece), url=url))
    note, empty = f"{number}/{len(communes)} xã nêu.", "Chưa xã nào nêu nội dung này."
    return Table(name, label, columns, tuple(lines), note=note, empty=empty)


def pieces(text: str) -> list[str]:
    """The text in pieces that a row holds whole, broken between paragraphs where it can be, else between words."""
    rows = [row for paragraph in text.split("\n") for row in wrap(paragraph, WIDTH - 10) or [""]]
    if len(rows) <= LINES:
        return [text]
    return ["\n".join(rows[start : start + LINES]).strip("\n") for start in range(0, len(rows), LINES)]
