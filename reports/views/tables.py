"""Any report of the catalogue: its page, its workbook, its CSV; several in one workbook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from communes import access
from ntm.snapshot import snapshot
from reports.complete import NOT_MADE, report_lacks, several_lack
from reports.house import forms_of
from reports.matrix import STAGES, area_sets, asked_set, default_stage, opinions_by_stage
from reports.moments import BadMoment, asked_moment, periods_offered
from reports.tables import page
from reports.tables.asked import Asked
from reports.tables.catalogue import KINDS, Kind
from reports.tables.picture import picture
from reports.tables.table import Table
from reports.views import Refusal, download, say
from reports.views.matrix import area_choices, choose_area, seen_areas
from reports.workbooks.layout import CONTENT_TYPE

WIDE = 12  # columns beyond which a table surely scrolls sideways
ROWS_SHOWN = 600  # of a table on its page; the workbook holds all


def get_kind(key: str) -> Kind:
    try:
        return KINDS[key]
    except KeyError:
        raise Http404("Không có báo cáo này.") from None


def back_to(request: HttpRequest) -> tuple[str, str]:
    """Where one who asked for what can't be drawn chooses again, with what they chose: the report's own page
    without what it can't take, or the list for several in one file."""
    resolved = request.resolver_match
    key = resolved.kwargs.get("key", "") if resolved else ""
    asked = request.GET.copy()
    if not key:
        return f"{reverse('reports:report_list')}?{asked.urlencode()}", "Chọn lại ở danh sách báo cáo"
    for name in ("as_of", "period"):
        asked.pop(name, None)
    return f"{reverse('reports:table', args=[key])}?{asked.urlencode()}", "Về báo cáo, số liệu hiện nay"


def asked_of(request: HttpRequest, *kinds: Kind) -> Asked:
    """What the request asks for: place, set, stage, moment, options. Raises Http404, Refusal."""
    seen = seen_areas(request)
    area = choose_area(request, seen)
    if area is None:
        text = "Báo cáo này lập cho huyện hoặc tỉnh; tài khoản không có địa bàn nào trong phạm vi được xem."
        raise Refusal(say(request, "Không có địa bàn để lập báo cáo", text, 404))
    try:
        when = asked_moment(request.GET, area)
    except BadMoment as bad:
        raise Refusal(say(request, "Không xem được thời điểm này", str(bad), 404, back_to(request))) from None
    sets = area_sets(area, when.moment.day if when.moment else None)
    chosen = asked_set(sets, request.GET.get("set", ""))
    if chosen is None:
        text = f"Bộ tiêu chí này không áp dụng cho các xã của {area.full_name} vào thời điểm đó, hoặc không có."
        raise Refusal(say(request, "Không có bộ tiêu chí này", text, 404))
    stage = request.GET.get("stage", "") or default_stage(opinions_by_stage(area, chosen, request.user))
    if stage not in STAGES:
        raise Refusal(say(request, "Không có cấp đánh giá này", f"Các cấp: {', '.join(STAGES.values())}.", 404))
    asked = Asked(request.user, area, chosen, stage, when)
    for kind in kinds:
        if kind.action:
            access.require(request.user, kind.action, area)
        asked.options |= _options(request, kind, asked)
    asked.choices = {"sets": sets, "areas": area_choices(seen, area)}
    return asked


def _options(request: HttpRequest, kind: Kind, asked: Asked) -> dict[str, Any]:
    """The cleaned options. Wrong ones count as not given on the page, which shows the message; no file is
    made of them. Raises Refusal."""
    if kind.options is None:
        return {}
    form = options_form(request, kind, asked)
    resolved = request.resolver_match
    if not form.is_valid() and resolved is not None and resolved.url_name != "table":
        said = "; ".join(wrong_options(form))
        raise Refusal(say(request, "Lựa chọn của biểu chưa đúng", f"{kind.title}: {said}", 400, back_to(request)))
    return form.cleaned_data


def options_form(request: HttpRequest, kind: Kind, asked: Asked) -> Any:
    """Bound; what wasn't sent has its initial value, a box that isn't ticked sends nothing."""
    names = kind.options.base_fields  # type: ignore[union-attr]
    given = {name: request.GET[name] for name in names if name in request.GET}
    initial = {name: field.initial for name, field in names.items() if field.initial is not None}
    form = kind.options(initial | given)  # type: ignore[misc]
    if hasattr(form, "offer"):
        form.offer(asked)
    for field in form.fields.values():
        look: dict[type, str] = {forms.Select: "form-select", forms.CheckboxInput: "form-check-input"}
        field.widget.attrs["class"] = look.get(type(field.widget), "form-control")
    return form


def wrong_options(form: forms.Form) -> list[str]:
    return [f"{form.fields[name].label}: {texts[0]}" for name, texts in form.errors.items()]


@require_safe
@snapshot()
def table_page(request: HttpRequest, key: str) -> HttpResponse:
    kind = get_kind(key)
    try:
        asked = asked_of(request, kind)
    except Refusal as refusal:
        return refusal.answer
    report = kind.draw(asked)
    form = options_form(request, kind, asked) if kind.options else None
    return render(
        request,
        "reports/table_report.html",
        {
            "kind": kind,
            "number": forms_of(asked.area).form(kind.form),
            "asked": asked,
            "report": report,
            "not_made": NOT_MADE,
            "lacks": report_lacks(kind, asked, report),
            "tables": [shown_table(table) for table in report.tables],
            "form": form,
            "wrong": wrong_options(form) if form else [],
            "sets": asked.choices["sets"] if kind.has_set else (),
            "areas": asked.choices["areas"],
            "stages": STAGES.items() if kind.has_stage else (),
            "periods": periods_offered(asked.area, asked.when) if kind.has_moment else (),
            "query": urlencode(query_of(request, asked)),
            "now_url": f"{reverse('reports:table', args=[key])}?{urlencode(query_of(request, asked, now=True))}",
        },
    )


def shown_table(table: Table) -> dict[str, Any]:
    cut = len(table.lines) > ROWS_SHOWN + 50
    lines = table.lines[:ROWS_SHOWN] + tuple(line for line in table.lines[ROWS_SHOWN:] if line.kind == "total")
    shown = Table(table.key, table.title, table.columns, lines if cut else table.lines)
    return {
        "table": table,
        "picture": picture(table),
        "head": page.head(table),
        "body": page.body(shown),
        "cut": cut,
        "is_wide": len(table.columns) > WIDE,
        "rows": len(table.rows),
    }


def query_of(request: HttpRequest, asked: Asked, *, now: bool = False) -> dict[str, str]:
    """The parameters that ask for the same report again (or as it stands now), the defaults spelt out."""
    given = {name: request.GET[name] for name in request.GET if name not in {"as_of", "period"}}
    spelt = {"area": str(asked.area.pk), "set": asked.criteria_set.code, "stage": asked.stage}
    return given | spelt | ({} if now else asked.when.query)


@require_safe
@snapshot()
def table_xlsx(request: HttpRequest, key: str) -> HttpResponse:
    return _workbook(request, [get_kind(key)])


@require_safe
@snapshot()
def bundle_xlsx(request: HttpRequest) -> HttpResponse:
    """Several reports in one workbook: ?report=headline&report=…"""
    keys = list(dict.fromkeys(request.GET.getlist("report")))
    if not keys:
        return say(request, "Chưa chọn báo cáo nào", "Đánh dấu ít nhất một báo cáo rồi tải.", 400, back_to(request))
    return _workbook(request, [get_kind(key) for key in keys])


def _workbook(request: HttpRequest, kinds: Sequence[Kind]) -> HttpResponse:
    from reports.workbooks.tables import reports_name, reports_workbook

    try:
        asked = asked_of(request, *kinds)
    except Refusal as refusal:
        return refusal.answer
    reports = [kind.draw(asked) for kind in kinds]
    if lacks := several_lack(asked, list(zip(kinds, reports, strict=True))):
        return say(request, NOT_MADE, lacks, 400, back_to(request))
    return _file(request, asked, reports_name(reports), reports_workbook(reports, request.user), CONTENT_TYPE)


@require_safe
@snapshot()
def table_zip(request: HttpRequest, key: str) -> HttpResponse:
    from reports.tables.files import archive
    from reports.workbooks.tables import reports_name

    kind = get_kind(key)
    try:
        asked = asked_of(request, kind)
    except Refusal as refusal:
        return refusal.answer
    report = kind.draw(asked)
    if lacks := report_lacks(kind, asked, report):
        return say(request, NOT_MADE, lacks, 400, back_to(request))
    name = reports_name([report]).replace(".xlsx", "_csv.zip")
    return _file(request, asked, name, archive(report), "application/zip")


def _file(request: HttpRequest, asked: Asked, name: str, content: bytes, kind: str) -> HttpResponse:
    told = {"criteria_set": asked.criteria_set.code, "stage": asked.stage}
    return download(request, content, name, kind, asked.area, **told)
