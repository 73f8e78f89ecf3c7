"""What stands beside a row to help who enters it: the day to enter for, the last period's value, base figures.

Only pages ask for it; saving a row doesn't, and its answer leaves what the page shows (htmx
keeps elements marked hx-preserve).
"""

from __future__ import annotations

from datetime import date
from operator import itemgetter

from django.utils import timezone

from communes.models import Unit
from criteria.base_figures import known_by_noun
from criteria.checks import format_day
from criteria.models import CriteriaSet, Revision, TargetReport
from criteria.models.base_figures import FIGURE_NOUNS
from criteria.nouns import whole_noun
from criteria.numbers import format_number
from criteria.periods import Periods, default_day, periods_of
from criteria.sheets import Row, Sheet, typed_from
from criteria.verdicts import VERDICTS, Stage


def add_hints(unit: Unit, criteria_set: CriteriaSet, found: list[Sheet]) -> date:
    """Give the rows their hints; returns the default day. Four queries at most."""
    periods = periods_of(unit)
    day = default_day(unit, criteria_set, periods)
    rows = [row for sheet in found for row in sheet.rows]
    for row in rows:
        row.default_day = day
        row.typed = typed_from(row.entry, day)
    _add_last_period(unit, criteria_set, rows, periods)
    if any("target_reports" in sheet.may_have for sheet in found):
        _add_reports(unit, rows)
    nouns = {row.indicator.pk: whole_noun(row.indicator) for row in rows if row.takes_fraction}
    if FIGURE_NOUNS.intersection(nouns.values()):
        figures = known_by_noun(unit, day)
        for row in rows:
            row.base = figures.get(nouns.get(row.indicator.pk, ""))
    return day


def _add_last_period(unit: Unit, criteria_set: CriteriaSet, rows: list[Row], periods: Periods) -> None:
    """What the unit had told by the end of the previous period, as that period's figures were closed."""
    period = periods.previous
    if period is None:
        return
    # The rule of Revision.objects.state_on without its window, which takes longer to put together than
    # the few states that a unit tells of an indicator take to read.
    states = Revision.objects.valid(period.closed_at).filter(
        unit=unit.pk,
        stage=Stage.SELF.value,
        indicator__in=[row.indicator.pk for row in rows],
        effective_on__lte=period.ends_on,
    )
    columns = states.order_by().values_list("effective_on", "pk", "indicator_id", "verdict", "value")
    told = {indicator: (verdict, value) for _, _, indicator, verdict, value in sorted(columns, key=itemgetter(0, 1))}
    for row in rows:
        verdict, value = told.get(row.indicator.pk, ("", None))
        said = [] if value is None else [f"{format_number(value)} {row.indicator.measure}".strip()]
        said += [VERDICTS[verdict].label] if verdict else []
        if said:
            row.last_period = f"Kỳ trước ({format_day(period.ends_on)}): {' · '.join(said)}"


def _add_reports(unit: Unit, rows: list[Row]) -> None:
    """What became of the commune's last report that the target is wrong."""
    reports = TargetReport.objects.filter(unit=unit, indicator__in=[row.indicator.pk for row in rows])
    last = {report.indicator_id: report for report in reports.order_by("reported_at", "pk")}
    for row in rows:
        report = last.get(row.indicator.pk)
        if report is None:
            continue
        said = f"Đã báo yêu cầu sai ngày {format_day(timezone.localdate(report.reported_at))}"
        if report.answered_at is None:
            row.report = f"{said}: chờ trả lời"
        else:
            row.report = f"{said}. Trả lời ngày {format_day(timezone.localdate(report.answered_at))}: {report.answer}"
