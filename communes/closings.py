"""What closed reporting periods fix of dated reference data: groups, departments, units.

A closed period's figures are the state on its last day as known when it was closed, compared with
earlier days. Results say when they were recorded; rows that only say from which day on they hold don't.
So nothing of theirs may change on a day up to the end of a closed period: it is recorded from the day after, or
the period is reopened. Periods belong to the next app and are read by name, as in `communes.access`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any

from django.apps import apps


def closed_in(provinces: Collection[int] | None) -> list[Any]:
    """The closed periods of these provinces and of what lies in them, of all where None, the latest end first; ids
    that aren't a province's match nothing. One query."""
    rows = apps.get_model("criteria", "ReportingPeriod").objects.filter(closed_at__isnull=False)
    if provinces is not None:
        rows = rows.filter(area__province__in=provinces)
    return list(rows.select_related("area").order_by("-ends_on", "area__sort_key", "pk"))


def why_fixed(closed: Sequence[Any], first: date, places: Collection[int | None] | None = None) -> str:
    """Why nothing may change from the day `first` on, "" where it may. `places`: only periods of these areas count.

    `closed` as from `closed_in`. "Việc này đổi số liệu của kỳ đã khóa “Tháng 5 năm 2024” của tỉnh Thanh Hóa …".
    """
    hit = [period for period in closed if period.ends_on >= first and (places is None or period.area_id in places)]
    if not hit:
        return ""
    last = hit[0]
    more = f" và {len(hit) - 1} kỳ khác" if len(hit) > 1 else ""
    return (
        f"Việc này đổi số liệu của kỳ đã khóa “{last.name}” của {last.area.in_sentence} "
        f"(đến ngày {last.ends_on:%d/%m/%Y}){more}: ghi từ ngày {last.ends_on + timedelta(days=1):%d/%m/%Y}, "
        "hoặc mở lại kỳ báo cáo rồi ghi."
    )
