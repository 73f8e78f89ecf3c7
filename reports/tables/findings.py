"""Tồn tại, hạn chế: what concluded visits found in an area's communes, as it stood at the moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date

from django import forms
from django.urls import reverse

from communes.access import predecessors
from communes.models import Unit
from communes.roster import names_on
from criteria.verdicts import Stage
from inspections.findings import as_at
from inspections.models import Finding
from reports.matrix import Row, per_cent
from reports.tables.asked import Asked
from reports.tables.table import Cell, Column, Kind, Line, Report, Share, Sum, Table

State = Finding.State


class Options(forms.Form):
    findings = forms.ChoiceField(
        label="Liệt kê tồn tại",
        required=False,
        choices=[("", "Tất cả"), ("unsettled", "Chưa được xác nhận khắc phục"), ("overdue", "Quá hạn")],
    )


COUNTS = (
    Column("findings", "Số tồn tại", Kind.WHOLE, 10),
    Column("open", "Chưa khắc phục", Kind.WHOLE, 11),
    Column("overdue", "Trong đó quá hạn", Kind.WHOLE, 10, "Chưa khắc phục và đã qua thời hạn vào ngày tính."),
    Column("remedied", "Đã khắc phục, chờ xác nhận", Kind.WHOLE, 13),
    Column("closed", "Đã xác nhận khắc phục", Kind.WHOLE, 12),
    Column("closed_share", "Tỷ lệ đã xác nhận (%)", Kind.SHARE, 11),
)
LIST = (
    Column("number", "TT", Kind.WHOLE, 5),
    Column("commune", "Xã", Kind.TEXT, 20),
    Column("district", "Huyện", Kind.TEXT, 18),
    Column("criterion", "Tiêu chí", Kind.TEXT, 24),
    Column("indicator", "Chỉ tiêu", Kind.CENTRE, 8),
    Column("description", "Tồn tại, hạn chế", Kind.TEXT, 36),
    Column("recommendation", "Kiến nghị", Kind.TEXT, 32),
    Column("department", "Sở, ngành", Kind.TEXT, 20),
    Column("visit", "Cuộc kiểm tra", Kind.CENTRE, 14),
    Column("stage", "Cấp", Kind.CENTRE, 10),
    Column("due", "Thời hạn khắc phục", Kind.DATE, 12, "Hạn đang có hiệu lực vào ngày tính, sau các lần lùi."),
    Column("state", "Trạng thái", Kind.CENTRE, 16),
    Column("days_overdue", "Số ngày quá hạn", Kind.WHOLE, 9, "Của tồn tại chưa khắc phục; trống: còn hạn."),
)
NO_DEPARTMENT = "Chưa giao sở, ngành"
STAGES = {Stage.DISTRICT.value: "Huyện", Stage.PROVINCE.value: "Tỉnh"}


def draw(asked: Asked) -> Report:
    matrix = asked.matrix()
    rows = {row.unit_id: row for row in matrix.rows}
    former = predecessors(rows)
    numbers = {criterion.id for criterion in matrix.criteria}
    found = Finding.objects.published().filter(
        visit__unit__in=[*rows, *former], visit__criteria_set=asked.criteria_set, criterion__in=numbers
    )
    told = set(found.visible_to(asked.user).values_list("pk", flat=True))
    found = found.select_related("visit", "criterion", "indicator", "department").order_by("due_on", "pk")
    stood = as_at(found, asked.moment) if asked.moment else list(found)
    names = names_on([finding.visit.unit_id for finding in stood], asked.as_of)
    places = _places(asked, rows, former)
    stood.sort(key=lambda it: (places.get(it.visit.unit_id, (len(rows), ""))[0], it.criterion.number, it.due_on))
    is_told = all(finding.pk in told for finding in stood)
    tables = (
        _counts(
            "theo_so_nganh", "Tồn tại theo sở, ngành", "Sở, ngành", stood, asked.as_of,
            lambda finding: finding.department.name if finding.department else NO_DEPARTMENT,
        ),
        _counts(
            "theo_dia_ban", "Tồn tại theo địa bàn", "Địa bàn", stood, asked.as_of,
            (lambda finding: places[finding.visit.unit_id][1] or asked.area.full_name)
            if asked.area.level == "province"
            else lambda finding: names[finding.visit.unit_id],
        ),
        _list(asked, stood, told, names, places),
    )  # fmt: skip
    hidden = "Nội dung tồn tại, kiến nghị chỉ hiện với người được xem kết quả kiểm tra; các số đếm là đầy đủ."
    return Report(
        form="06",
        title="Tồn tại, hạn chế",
        subject=asked.subject,
        as_of=asked.as_of,
        tables=tables,
        criteria_set=asked.criteria_set,
        moment=asked.moment,
        limited=matrix.limited,
        remarks=() if is_told else (hidden,),
        definitions=(
            ("Tồn tại được tính", "Nêu trong các cuộc kiểm tra, thẩm định đã kết luận đến thời điểm lập biểu."),
            (
                "Trạng thái, thời hạn",
                "Như vào thời điểm lập biểu; việc khắc phục, xác nhận, lùi hạn về sau không tính.",
            ),
            ("Xã đã sáp nhập", "Tồn tại của xã cũ tính cho địa bàn của xã mới, ghi theo tên xã cũ."),
        ),
    )


def _places(asked: Asked, rows: Mapping[int, Row], former: set[int]) -> dict[int, tuple[int, str]]:
    """By unit where it stands in the area and its district; a former commune comes last, in its own district."""
    places = {unit: (place, row.district) for place, (unit, row) in enumerate(rows.items())}
    districts = dict(Unit.objects.filter(pk__in=former).values_list("pk", "district_id"))
    named = names_on({district for district in districts.values() if district}, asked.as_of)
    for unit, district in districts.items():
        places.setdefault(unit, (len(rows), named.get(district or 0, "")))
    return places


def counted(findings: Iterable[Finding], day: date) -> list[int]:
    """Findings: all, open, overdue of these, remedied, closed."""
    every = list(findings)
    states = [finding.state for finding in every]
    return [
        len(every),
        states.count(State.OPEN),
        sum(finding.is_overdue(day) for finding in every),
        states.count(State.REMEDIED),
        states.count(State.CLOSED),
    ]


def _counts(
    key: str, title: str, label: str, findings: list[Finding], day: date, of: Callable[[Finding], str]
) -> Table:
    by_name: dict[str, list[Finding]] = {}
    for finding in findings:
        by_name.setdefault(of(finding), []).append(finding)
    if NO_DEPARTMENT in by_name:  # last
        by_name[NO_DEPARTMENT] = by_name.pop(NO_DEPARTMENT)

    def line(name: str, own: list[Finding], kind: type = int) -> tuple[Cell, ...]:
        figures = counted(own, day)
        share = Share(per_cent(figures[4], figures[0]), "closed", "findings")
        return (name, *map(kind, figures), share)

    lines = [Line(line(name, own)) for name, own in by_name.items()]
    if lines:
        lines.append(Line(line("Cộng", findings, Sum), "total"))
    return Table(
        key,
        title,
        (Column("name", label, Kind.TEXT, 34), *COUNTS),
        tuple(lines),
        empty="Không có tồn tại, hạn chế nào.",
    )


def _list(
    asked: Asked,
    findings: list[Finding],
    told: set[int],
    names: Mapping[int, str],
    places: Mapping[int, tuple[int, str]],
) -> Table:
    chosen = asked.options.get("findings") or ""
    if chosen == "unsettled":
        findings = [finding for finding in findings if finding.state != State.CLOSED]
    elif chosen == "overdue":
        findings = [finding for finding in findings if finding.is_overdue(asked.as_of)]
    lines = []
    for number, finding in enumerate(findings, 1):
        seen = finding.pk in told
        lines.append(
            Line(
                (
                    number,
                    names[finding.visit.unit_id],
                    places[finding.visit.unit_id][1],
                    str(finding.criterion),
                    finding.indicator.code if finding.indicator else None,
                    finding.description if seen else None,
                    finding.recommendation if seen else None,
                    finding.department.name if finding.department else None,
                    finding.visit.code,
                    STAGES[finding.visit.stage],
                    finding.due_on,
                    finding.get_state_display(),
                    finding.days_overdue(asked.as_of) or None,
                ),
                url=reverse("inspections:finding_detail", args=[finding.pk]) if seen else "",
            )
        )
    said = dict(Options.base_fields["findings"].choices)[chosen]  # type: ignore[attr-defined]
    return Table(
        "danh_sach",
        "Danh sách tồn tại, hạn chế",
        LIST,
        tuple(lines),
        note=f"Chỉ liệt kê: {said.lower()}." if chosen else "",
        empty="Không có tồn tại, hạn chế nào.",
    )
