"""Yêu cầu của tỉnh: the grid of targets, one form, many cells in one form, Excel, reports of wrong ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from communes import access
from communes.fields import TextField
from communes.models import Unit
from communes.workbooks import MB, TABLE, UnsafeWorkbook
from criteria import uploads
from criteria.models import CriteriaSet, Criterion, Target, TargetReport, Upload
from criteria.numbers import format_number
from criteria.views.uploads import XLSX, upload_url
from criteria.views.workshop import chosen_province
from criteria.wordings import worded_of_sets
from criteria.workshop import local_targets, target_workbook
from criteria.workshop.local_targets import OPERATORS, SHOWS, Judged, Overlay, Saved, Wanted
from ntm.clock import today

PER_PAGE = 25
MOST_CELLS = 300


# --- what a page speaks of -----------------------------------------------------------------


@dataclass
class Chosen:
    """The place, set and year of a page; `query` keeps them in its links."""

    place: Unit | None
    criteria_set: CriteriaSet
    sets: list[CriteriaSet]
    year: int
    years: list[int] = field(default_factory=list)

    @property
    def query(self) -> str:
        named: dict[str, Any] = {"set": self.criteria_set.code, "year": self.year}
        if self.place is not None:
            named["province"] = self.place.pk
        return urlencode(named)

    @property
    def grid_url(self) -> str:
        return f"{reverse('criteria:target_grid')}?{self.query}"


def sets_for(user: Any, place: Unit | None) -> list[CriteriaSet]:
    """Sets a place's targets may belong to, the newest first; drafts the person sees too, so that they start
    complete."""
    own = Q(province__isnull=True) if place is None else Q(province__isnull=True) | Q(province=place)
    return list(access.visible_sets(user).filter(own).for_choosing())  # type: ignore[attr-defined]


def chosen(request: HttpRequest) -> Chosen:
    """What the address names: the set in force where it names none, this year where that is one of the set's."""
    place = chosen_province(request)
    sets = sets_for(request.user, place)
    code = request.GET.get("set", "")
    published = [row for row in sets if row.status == CriteriaSet.Status.PUBLISHED and row.level == "commune"]
    begun = [row for row in published if row.first_year <= today().year and row.grade == "standard"]
    found = (
        next((row for row in sets if row.code == code), None) if code else next(iter(begun or published or sets), None)
    )
    if found is None:
        raise Http404("Không có bộ tiêu chí này.")
    years = Overlay.years_of(found)
    asked = request.GET.get("year", "")
    year = int(asked) if asked in {str(year) for year in years} else min(max(today().year, years[0]), years[-1])
    return Chosen(place, found, sets, year, years)


def criterion_number(request: HttpRequest) -> int | None:
    text = request.GET.get("criterion", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else None


# --- the grid --------------------------------------------------------------------------------


@require_safe
def target_grid(request: HttpRequest) -> HttpResponse:
    """All indicators × kinds of communes in a year, and what of it waits for somebody."""
    page = chosen(request)
    show = request.GET.get("show", "")
    show = show if show in SHOWS else ""
    overlay = Overlay(page.criteria_set, page.place)
    number = criterion_number(request)
    grid = local_targets.grid(overlay, page.year, show=show, criterion=number)
    numbers = sorted({(i.criterion.number, i.criterion.name) for i in overlay.indicators.values()})
    return render(
        request,
        "criteria/workshop/target_grid.html",
        {
            "page": page,
            "grid": grid,
            "show": show,
            "number": number,
            "numbers": numbers,
            "chips": [(key, label, grid.counts[key]) for key, label in SHOWS.items()],
            "looks": local_targets.LOOKS.values(),
            "open_reports": local_targets.open_reports(page.place).count(),
            "zones": overlay.variants,
        },
    )


@require_POST
def target_confirm(request: HttpRequest) -> HttpResponse:
    """Confirm the place's rows of one criterion, if they are still what the grid showed."""
    page = chosen(request)
    text = request.POST.get("criterion", "")
    pk = int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else 0
    criterion = get_object_or_404(Criterion, criteria_set=page.criteria_set, pk=pk)
    seen = request.POST.get("seen", "")
    number = local_targets.confirm_criterion(page.criteria_set, page.place, criterion.pk, seen, request.user)
    if number is None:
        messages.warning(request, f"Yêu cầu của tiêu chí {criterion.number} vừa được sửa nên chưa xác nhận; xem lại.")
    else:
        messages.success(request, f"Đã xác nhận {number} yêu cầu của tiêu chí {criterion.number}.")
    return redirect(f"{page.grid_url}#tc-{criterion.number}")


# --- one row -----------------------------------------------------------------------------------


class TargetForm(forms.Form):
    """One level as typed; whether it can stand is said by `Overlay.judge`."""

    indicator = forms.ChoiceField(label="Chỉ tiêu")
    variant = forms.ChoiceField(label="Áp dụng cho", required=False)
    unit = forms.ChoiceField(label="Riêng cho một xã", required=False, help_text="Chọn khi mức này chỉ của một xã.")
    operator = forms.ChoiceField(label="So sánh")
    value = forms.CharField(
        label="Mức", required=False, max_length=60, help_text="Số, ví dụ 95 hoặc 98,5; để trống khi yêu cầu là Đạt."
    )
    text = TextField(
        label="Yêu cầu như văn bản", required=False, max_length=500, help_text="Để trống thì ghi theo mức: “≥ 95 %”."
    )
    decision = TextField(
        label="Văn bản", required=False, max_length=200, help_text="Số quyết định, ví dụ 26/2024/QĐ-UBND."
    )
    from_year = forms.CharField(label="Từ năm", required=False, max_length=4, help_text="Để trống: từ đầu giai đoạn.")
    to_year = forms.CharField(
        label="Đến hết năm",
        required=False,
        max_length=4,
        help_text="Ghi năm cuối khi thôi áp dụng; sau đó mức của trung ương áp dụng trở lại.",
    )
    compared = forms.BooleanField(
        label="Tôi đã đối chiếu mức này với văn bản",
        required=False,
        help_text="Mức bằng số chỉ ràng buộc khi đã xác nhận.",
    )

    def __init__(self, *args: Any, overlay: Overlay, fixed: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = {
            "indicator": [(row.code, f"{row.code} {row.name}"[:120]) for row in overlay.indicators.values()],
            "variant": [("", "Mọi xã (mức chung)"), *overlay.variants.items()],
            "unit": [("", "–"), *((row.code, row.full_name) for found in overlay.units.values() for row in found)],
            "operator": [(code.value, sign) for code, sign in OPERATORS.items()],
        }
        for name, offered in choices.items():
            self.fields[name].choices = offered  # type: ignore[attr-defined]
        if overlay.place is None:
            del self.fields["unit"]
        if fixed:
            del self.fields["indicator"]

    def take(self, judged: Judged) -> None:
        for name, message in judged.errors.items():
            self.add_error(name if name in self.fields else None, message)


@require_http_methods(["GET", "HEAD", "POST"])
def target_create(request: HttpRequest) -> HttpResponse:
    """A new level of the place for an indicator."""
    page = chosen(request)
    asked = {name: request.GET.get(name, "") for name in ("indicator", "variant", "unit")}
    initial = asked | {"from_year": page.year if page.year != page.criteria_set.first_year else "", "operator": ">="}
    return _form(request, page, None, initial)


@require_http_methods(["GET", "HEAD", "POST"])
def target_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """One level: change it, end it, see what results say against it."""
    target = _target(request, pk)
    page = _page_of(request, target)
    return _form(request, page, target, vars(local_targets.wanted_from(target)))


def _target(request: HttpRequest, pk: int) -> Target:
    """A row the person may change: 404 for another province's, 403 for the nation's."""
    rows = Target.objects.select_related(
        "indicator__criterion__criteria_set", "unit__province", "province", "confirmed_by"
    )
    target = get_object_or_404(rows, pk=pk)
    worded_of_sets([target.indicator], today())
    province = target.province_id or (target.unit.province_id if target.unit else None)
    decision = access.can(request.user, "reference.change", province)
    if not decision:
        if province is not None and access.keeps_targets(request.user):
            raise Http404("Không có yêu cầu này.")
        raise PermissionDenied(decision.reason)
    return target


def _page_of(request: HttpRequest, target: Target) -> Chosen:
    place = target.province or (target.unit.province if target.unit else None)
    criteria_set = target.indicator.criterion.criteria_set
    years = Overlay.years_of(criteria_set)
    asked = request.GET.get("year", "")
    year = int(asked) if asked in {str(year) for year in years} else min(max(today().year, years[0]), years[-1])
    return Chosen(place, criteria_set, [], year, years)


def _form(request: HttpRequest, page: Chosen, target: Target | None, initial: dict[str, Any]) -> HttpResponse:
    overlay = Overlay(page.criteria_set, page.place)
    form = TargetForm(request.POST or None, overlay=overlay, fixed=target is not None, initial=initial)
    saved: Saved | None = None
    status = 200
    if request.method == "POST" and form.is_valid():
        wanted = Wanted(
            at="", row=str(target.pk) if target else "", seen=request.POST.get("seen", ""), **form.cleaned_data
        )
        if target is not None:
            wanted.indicator = target.indicator.code
        saved = local_targets.save(
            page.criteria_set, page.place, [wanted], request.user, warned=request.POST.get("warned", "")
        )
        if saved.done:
            tell(request, page, saved)
            return redirect(_after(request, page))
        form.take(saved.judged[0])
        status = 409 if saved.is_stale else 422 if form.errors else 200
    elif request.method == "POST":
        status = 422
    theirs = saved.judged[0].before if saved and saved.is_stale else None
    return render(
        request,
        "criteria/workshop/target_form.html",
        {
            "page": page,
            "form": form,
            "target": target,
            "seen": local_targets.version_of(theirs or target)
            if theirs
            else request.POST.get("seen", "") or initial.get("seen", ""),
            "theirs": theirs,
            "warnings": saved.warnings if saved else [],
            "warned": local_targets.mark_of(saved.judged) if saved else "",
            "base": _base_levels(overlay, target, request.GET.get("indicator", ""), page.year),
            "contradictions": local_targets.contradictions(page.criteria_set, [target]).get(target.pk, [])
            if target
            else [],
            "may_delete": target is not None and local_targets.is_free(target),
            "back": _after(request, page),
            "report": request.GET.get("report", ""),
        },
        status=status,
    )


def _base_levels(overlay: Overlay, target: Target | None, code: str, year: int) -> list[tuple[str, Target | None]]:
    """What the nation (or the set) demands of the same indicator in the year, by kind of commune."""
    pk = target.indicator_id if target else next((row.pk for row in overlay.by_code.get(code, [])), None)
    if pk is None or overlay.place is None:
        return []
    cells = local_targets.cells(overlay, overlay.indicators[pk], year)
    return [(cell.kind.name, cell.base) for cell in cells]


def _after(request: HttpRequest, page: Chosen) -> str:
    """Back to the report the change answers, else to the grid."""
    report = request.GET.get("report", "")
    if report.isascii() and report.isdecimal() and len(report) < 12:
        return reverse("criteria:target_report_answer", args=[int(report)])
    return page.grid_url


def tell(request: HttpRequest, page: Chosen, saved: Saved) -> None:
    """What was saved, what must be confirmed again, and how many results now stand against it."""
    if not saved.written:
        messages.info(request, "Không có gì thay đổi.")
        return
    messages.success(request, f"Đã lưu {len(saved.written)} yêu cầu.")
    again = sum(one.unconfirms for one in saved.judged)
    waiting = sum(not row.is_confirmed for row in saved.written)
    if again or waiting:
        messages.warning(request, f"{waiting} yêu cầu chưa được xác nhận nên chưa ràng buộc kết quả.")
    if number := local_targets.units_contradicted(page.criteria_set, saved.written):
        messages.warning(
            request,
            f"{number} xã đang có kết quả “Đạt” thấp hơn mức mới. Kết quả đã công bố giữ nguyên; "
            "mức mới áp dụng cho lần đánh giá sau.",
        )


@require_http_methods(["GET", "HEAD", "POST"])
def target_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Take away a row that was never confirmed and that nobody reported on."""
    target = _target(request, pk)
    page = _page_of(request, target)
    if not local_targets.is_free(target):
        raise PermissionDenied(
            "Yêu cầu đã xác nhận hoặc đã có người báo sai thì không xóa; ghi “Đến hết năm” để kết thúc."
        )
    if request.method == "POST":
        if local_targets.delete(target, request.POST.get("seen", ""), request.user):
            messages.success(request, f"Đã xóa yêu cầu của chỉ tiêu {target.indicator.code}.")
            return redirect(page.grid_url)
        messages.warning(request, "Yêu cầu này vừa được sửa hoặc xác nhận nên chưa xóa; xem lại.")
        return redirect("criteria:target_edit", target.pk)
    return render(
        request,
        "criteria/workshop/target_delete.html",
        {"page": page, "target": target, "fields": [("seen", local_targets.version_of(target))]},
    )


# --- many cells ----------------------------------------------------------------------------------


@dataclass
class CellForm:
    """One cell of the form over many: its texts as typed or stored, and what was said of them."""

    number: int
    indicator: Any
    kind_name: str
    variant: str
    base: Target | None
    typed: dict[str, str]
    row: str = ""
    seen: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    theirs: Target | None = None
    state: str = ""

    @property
    def prefix(self) -> str:
        return f"c{self.number}"


TYPED = ("operator", "value", "text", "from_year")


@require_http_methods(["GET", "HEAD", "POST"])
def target_bulk(request: HttpRequest) -> HttpResponse:
    """The cells of one criterion, or all that a filter names, in one form; saved together or not at all."""
    page = chosen(request)
    overlay = Overlay(page.criteria_set, page.place)
    show, number = request.GET.get("show", ""), criterion_number(request)
    show = show if show in SHOWS else ""
    cells = _cell_forms(overlay, page.year, show, number)
    cut, cells = len(cells) > MOST_CELLS, cells[:MOST_CELLS]
    saved: Saved | None = None
    status, decision, compared = 200, "", False
    if request.method == "POST":
        cells = _posted(request, overlay, page.year)
        decision, compared = request.POST.get("decision", "").strip(), "compared" in request.POST
        wanted = [_wanted(cell, overlay, decision, compared) for cell in cells]
        kept = [(cell, row) for cell, row in zip(cells, wanted, strict=True) if row is not None]
        saved = local_targets.save(
            page.criteria_set,
            page.place,
            [row for _, row in kept],
            request.user,
            warned=request.POST.get("warned", ""),
        )
        if saved.done:
            tell(request, page, saved)
            return redirect(page.grid_url)
        for (cell, _), judged in zip(kept, saved.judged, strict=True):
            cell.errors = judged.errors
            if judged.outcome == local_targets.CONFLICT:
                cell.theirs, cell.seen = judged.before, local_targets.version_of(judged.before)
                cell.row = str(judged.before.pk) if judged.before else ""
        status = 409 if saved.is_stale else 422 if any(cell.errors for cell in cells) else 200
    return render(
        request,
        "criteria/workshop/target_bulk.html",
        {
            "page": page,
            "cells": cells,
            "cut": cut,
            "most": MOST_CELLS,
            "operators": [("", "–"), *OPERATORS.items()],
            "errors": [
                (f"{cell.prefix}-{next((name for name in one if name in TYPED), 'operator')}",
                 f"{cell.indicator.code} – {cell.kind_name}: {message}")
                for cell in cells
                for one in [cell.errors]
                for message in one.values()
            ],
            "warnings": saved.warnings if saved else [],
            "warned": local_targets.mark_of(saved.judged) if saved else "",
            "stale": bool(saved and saved.is_stale),
            "decision": decision,
            "compared": compared,
            "number": number,
            "show": show,
            "show_label": SHOWS[show],
        },
        status=status,
    )  # fmt: skip


def _cell_forms(overlay: Overlay, year: int, show: str, number: int | None) -> list[CellForm]:
    """A form a cell; cells that share the row that binds them share one form."""
    found: list[CellForm] = []
    done: set[tuple[int, Any]] = set()
    grid = local_targets.grid(overlay, year, show=show, criterion=number)
    for line in (line for group in grid.groups for line in group.lines):
        for cell in line.cells:
            key = (line.indicator.pk, cell.own.pk if cell.own else cell.kind.variant)
            if key in done or not local_targets.shows(cell, show):
                continue
            done.add(key)
            typed = dict.fromkeys(TYPED, "")
            row = seen = ""
            if cell.own is not None:
                stored = local_targets.wanted_from(cell.own)
                typed = {name: getattr(stored, name) for name in TYPED}
                row, seen = stored.row, stored.seen
            name = overlay.whom(cell.own) if cell.own else cell.kind.name
            variant = cell.own.variant if cell.own else cell.kind.variant
            found.append(
                CellForm(len(found), line.indicator, name, variant, cell.base, typed, row, seen, state=cell.look.label)
            )
    return found


def _posted(request: HttpRequest, overlay: Overlay, year: int) -> list[CellForm]:
    """The cells as they were sent; what names no indicator of the set is left out."""
    found = []
    for number in range(MOST_CELLS):
        sent = {
            name: request.POST.get(f"c{number}-{name}", "").strip()
            for name in ("indicator", "variant", "row", "seen", "kind", *TYPED)
        }
        indicators = overlay.by_code.get(sent["indicator"], [])
        if len(indicators) != 1:
            continue
        bases = (
            {cell.kind.variant: cell.base for cell in local_targets.cells(overlay, indicators[0], year)}
            if overlay.place
            else {}
        )
        typed = {name: sent[name] for name in TYPED}
        found.append(
            CellForm(number, indicators[0], sent["kind"][:100], sent["variant"], bases.get(sent["variant"]), typed,
                     sent["row"], sent["seen"])
        )  # fmt: skip
    return found


def _wanted(cell: CellForm, overlay: Overlay, decision: str, compared: bool) -> Wanted | None:
    """The cell as a wish; None for one that was left empty."""
    pk = int(cell.row) if cell.row.isascii() and cell.row.isdecimal() and len(cell.row) < 18 else None
    stored = overlay.targets.get(pk) if pk is not None else None
    base = local_targets.wanted_from(stored) if stored else None
    if not cell.row and not any(cell.typed[name] for name in ("operator", "value", "text")):
        return None
    changed = base is None or any(cell.typed[name] != getattr(base, name) for name in TYPED)
    wanted = Wanted(
        at=f"{cell.indicator.code} – {cell.kind_name}",
        indicator=cell.indicator.code,
        variant=cell.variant,
        to_year=base.to_year if base else "",
        unit=base.unit if base else "",
        decision=decision if changed and decision else base.decision if base else decision,
        row=cell.row,
        seen=cell.seen,
        compared=compared,
        operator=cell.typed["operator"],
        value=cell.typed["value"],
        text=cell.typed["text"],
        from_year=cell.typed["from_year"],
    )
    if not any(cell.typed[name] for name in ("operator", "value", "text")):
        wanted.problems["operator"] = "Mức bị xóa trắng; muốn thôi áp dụng, mở yêu cầu và ghi “Đến hết năm”."
    return wanted


# --- Excel ---------------------------------------------------------------------------------------


@require_safe
def target_book(request: HttpRequest) -> HttpResponse:
    """The place's targets of the set as a workbook to fill in."""
    page = chosen(request)
    response = HttpResponse(target_workbook.workbook(page.criteria_set, page.place, page.year), content_type=XLSX)
    whose = page.place.code if page.place else "trung-uong"
    response["Content-Disposition"] = f'attachment; filename="Yeu-cau_{page.criteria_set.code}_{whose}.xlsx"'
    return response


class FileForm(forms.Form):
    file = forms.FileField(
        label="Tệp Excel đã ghi",
        help_text=f"Tệp .xlsx tải từ trang này, tối đa {TABLE.file // MB} MB và {format_number(TABLE.rows)} dòng.",
        error_messages={"required": "Chọn tệp Excel.", "empty": "Tệp rỗng (0 byte)."},
        widget=forms.ClearableFileInput({"accept": ".xlsx"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def target_upload(request: HttpRequest) -> HttpResponse:
    """Hand in the filled workbook; what it would do is shown before anything is written."""
    page = chosen(request)
    form = FileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            upload = uploads.take(
                Upload.Kind.TARGETS,
                form.cleaned_data["file"],
                by=request.user,
                unit=page.place,
                criteria_set=page.criteria_set,
            )
        except UnsafeWorkbook as refused:
            form.add_error("file", str(refused))
        else:
            return redirect(upload_url(upload))
    return render(
        request,
        "criteria/workshop/target_upload.html",
        {"page": page, "form": form},
        status=422 if request.method == "POST" else 200,
    )


# --- reports of wrong targets -----------------------------------------------------------------------


@require_safe
def target_report_list(request: HttpRequest) -> HttpResponse:
    """Báo yêu cầu sai: the place's, the open ones first."""
    place = chosen_province(request)
    state = "answered" if request.GET.get("state") == "answered" else "open"
    rows = TargetReport.objects.visible_to(request.user)
    if place is not None:
        rows = rows.filter(unit__province=place)
    counts = {
        "open": rows.filter(answered_at__isnull=True).count(),
        "answered": rows.filter(answered_at__isnull=False).count(),
    }
    rows = rows.filter(answered_at__isnull=state == "open").select_related(
        "unit__district", "indicator__criterion__criteria_set", "reported_by", "answered_by"
    )
    order = ("reported_at", "pk") if state == "open" else ("-answered_at", "-pk")
    page = Paginator(rows.order_by(*order), PER_PAGE).get_page(request.GET.get("page"))
    worded_of_sets([report.indicator for report in page], today())
    return render(
        request,
        "criteria/workshop/target_report_list.html",
        {
            "place": place,
            "page": page,
            "state": state,
            "chips": [("open", "Chưa trả lời", counts["open"]), ("answered", "Đã trả lời", counts["answered"])],
        },
    )


class AnswerForm(forms.Form):
    answer = TextField(
        label="Trả lời",
        multiline=True,
        max_length=2000,
        help_text="Nói đã sửa thế nào, hoặc vì sao yêu cầu đang dùng là đúng, kèm số văn bản.",
        error_messages={"required": "Ghi câu trả lời."},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def target_report_answer(request: HttpRequest, pk: int) -> HttpResponse:
    """One report: what is in force now, change it or not, and answer."""
    rows = TargetReport.objects.visible_to(request.user).select_related(
        "unit", "indicator__criterion__criteria_set", "target", "reported_by", "answered_by"
    )
    report = get_object_or_404(rows, pk=pk)
    worded_of_sets([report.indicator], today())
    access.require(request.user, "reference.change", report.unit.province_id)
    form = AnswerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if local_targets.answer_report(report, form.cleaned_data["answer"], request.user):
            messages.success(
                request, "Đã trả lời; người báo thấy câu trả lời ở trang nhập kết quả và trang Việc cần làm."
            )
        else:
            messages.warning(request, "Người khác vừa trả lời báo cáo này; câu trả lời của bạn chưa được ghi.")
        return redirect(f"{reverse('criteria:target_report_list')}?province={report.unit.province_id}")
    now = local_targets.in_force(report.unit, report.indicator)
    return render(
        request,
        "criteria/workshop/target_report_answer.html",
        {
            "report": report,
            "now": now,
            "may_edit": local_targets.may_change(now.target, request.user),
            "form": form,
            "create_query": urlencode(
                {
                    "province": report.unit.province_id,
                    "set": report.indicator.criterion.criteria_set.code,
                    "indicator": report.indicator.code,
                    "report": report.pk,
                }
            ),
        },
        status=422 if form.errors else 200,
    )
