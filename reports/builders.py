"""The reports that may be built in the background (`reports.jobs.Builder`), by kind."""

from __future__ import annotations

from itertools import count
from typing import Any, BinaryIO

from django.http import Http404

from communes import access
from communes.models import Level, Unit
from criteria.models import CriteriaSet
from criteria.state import Moment
from ntm.clock import today
from ntm.snapshot import snapshot
from reports.complete import area_lacks
from reports.house import house_of
from reports.jobs import BUILDERS, Progress, ReportRefused
from reports.matrix import STAGES, area_sets, matrix
from reports.moments import BadMoment, asked_day, asked_moment
from reports.nation import nation_sets

AT_ONCE = 600  # communes up to which an area's workbook is drawn while one waits


def is_large(area: Unit, moment: Moment | None = None) -> bool:
    """Whether the area has, or had at the moment, too many communes for its workbook to be waited for."""
    day = moment.day if moment else today()
    return Unit.objects.within(area).rural_communes().existing(day).count() > AT_ONCE


class MatrixReport:
    """Biểu số 01 of an area; params: `area` (its id), `set` (a code), `stage`, of the past also `as_of` or `period`
    (`reports.moments.When.query`)."""

    def title(self, params: dict[str, Any]) -> str:
        area = Unit.objects.get(pk=params["area"])
        criteria_set = CriteriaSet.objects.get(code=params["set"])
        against = f"{criteria_set.get_grade_display()} {criteria_set.period}"
        title = f"Biểu số 01, {area.in_sentence}: {against}, {STAGES[params['stage']].lower()}"
        words = asked_moment(params, area).words
        return f"{title}. {words}" if words else title

    def check(self, user: Any, params: dict[str, Any]) -> None:
        self._asked(user, params)

    def build(self, user: Any, params: dict[str, Any], progress: Progress, target: BinaryIO) -> str:
        from reports.workbooks.matrix import by_indicator, matrix_name, matrix_workbook

        progress(0, 1, "Đang lấy số liệu")
        area, criteria_set, stage, moment = self._asked(user, params)
        with snapshot():
            result = matrix(area, criteria_set, stage, user, moment)
            if lacks := area_lacks(result):
                raise ReportRefused(lacks)
            told = by_indicator(result)
        total = 2 * len(result.rows)  # by criterion, by indicator; the summary is short
        rows = count(1)

        def on_row() -> None:
            progress(min(next(rows), total), total, "Đang lập các trang biểu")

        house = house_of(user, area)
        target.write(matrix_workbook(result, told, user, house, on_row))
        return matrix_name(result, house)

    def _asked(self, user: Any, params: dict[str, Any]) -> tuple[Unit, CriteriaSet, str, Moment | None]:
        number, code, stage = params.get("area"), params.get("set"), params.get("stage")
        if not isinstance(number, int) or not isinstance(stage, str) or stage not in STAGES:
            raise Http404("Không có báo cáo này.")
        areas = Unit.objects.filter(level__in=(Level.PROVINCE, Level.DISTRICT)).visible_to(user)
        area = areas.select_related("province").filter(pk=number).first()
        if area is None:
            raise Http404("Không có địa bàn này.")
        try:
            moment = asked_moment(params, area).moment
        except BadMoment as bad:
            raise Http404(str(bad)) from None
        sets = area_sets(area, moment.day if moment else None)
        criteria_set = next((found for found in sets if found.code == code), None)
        if criteria_set is None:
            raise Http404("Bộ tiêu chí này không áp dụng cho các xã của địa bàn, hoặc không có.")
        return area, criteria_set, stage, moment


class NationReport:
    """The nation's communes by indicator; params: `set` (a code), `stage`, of the past also `as_of`."""

    def title(self, params: dict[str, Any]) -> str:
        criteria_set = CriteriaSet.objects.get(code=params["set"])
        against = f"{criteria_set.get_grade_display()} {criteria_set.period}"
        title = f"Tổng hợp cả nước: {against}, {STAGES[params['stage']].lower()}"
        words = asked_day(params).words
        return f"{title}. {words}" if words else title

    def check(self, user: Any, params: dict[str, Any]) -> None:
        access.require(user, "nation.see")
        self._asked(params)

    def build(self, user: Any, params: dict[str, Any], progress: Progress, target: BinaryIO) -> str:
        from reports.workbooks.nation import nation_workbook

        progress(0, 1, "Đang lấy số liệu")
        criteria_set, stage, moment = self._asked(params)
        day = moment.day if moment else today()
        if not Unit.objects.rural_communes().existing(day).exists():
            raise ReportRefused("Danh mục đơn vị không có xã nào vào ngày này, nên không có biểu để lập.")
        return nation_workbook(criteria_set, stage, user, progress, target, moment)

    def _asked(self, params: dict[str, Any]) -> tuple[CriteriaSet, str, Moment | None]:
        code, stage = params.get("set"), params.get("stage")
        try:
            when = asked_day(params)
        except BadMoment as bad:
            raise Http404(str(bad)) from None
        found = next((one for one in nation_sets(when.day) if one.code == code), None)
        if found is None or not isinstance(stage, str) or stage not in STAGES:
            raise Http404("Không có báo cáo này.")
        return found, stage, when.moment


BUILDERS["matrix"] = MatrixReport()
BUILDERS["nation"] = NationReport()
