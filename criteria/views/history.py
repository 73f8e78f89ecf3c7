"""Tables of past years, step by step: the file, its sheet, headings, columns, marks, communes; voiding one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from communes import access
from communes.workbooks import UnsafeWorkbook
from criteria import uploads
from criteria.exchange import history
from criteria.exchange import matrix_reading as reading
from criteria.exchange.history import Table
from criteria.exchange.history_forms import (
    AboutForm,
    HeadingsForm,
    NewTableForm,
    SheetForm,
    VoidForm,
    read_columns,
    read_threshold,
)
from criteria.models import RememberedChoice, Upload
from criteria.numbers import format_number
from criteria.views.uploads import PER_PAGE, visible
from criteria.views.workshop import chosen_province

STEPS = {
    "about": "Thông tin",
    "sheet": "Trang tính",
    "headings": "Dòng tiêu đề",
    "columns": "Các cột",
    "marks": "Ý nghĩa các dấu",
    "communes": "Đối chiếu xã",
}
COLUMNS_SHOWN = 40  # of a sheet while its headings are chosen
CODE_DIGITS = 10
WHOLLY = "100"  # per cent from which a number means "met" unless said otherwise


def steps(upload: Upload, current: str) -> list[dict[str, Any]]:
    """The steps with those that can be gone back to."""
    reached = list(STEPS).index(history.first_open_step(upload))
    return [
        {
            "label": label,
            "url": step_url(upload, name) if place <= reached else "",
            "number": place + 1,
            "is_current": name == current,
        }
        for place, (name, label) in enumerate(STEPS.items())
    ]


def step_url(upload: Upload, step: str) -> str:
    return reverse(f"criteria:history_{step}", args=[upload.pk])


def own_table(request: HttpRequest, pk: Any) -> Upload:
    """A table of past years the person may go on with; 404 out of scope, 403 with the reason."""
    upload = visible(request, pk, kind=Upload.Kind.HISTORY)
    access.require(request.user, "history.import", upload.unit_id)
    return upload


def show(request: HttpRequest, upload: Upload, step: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    may_withdraw = bool(access.can(request.user, "upload.withdraw", upload))
    context = {"upload": upload, "steps": steps(upload, step), "may_withdraw": may_withdraw, **context}
    return render(request, f"criteria/history/{step}.html", context, status=status)


def go_on(request: HttpRequest, upload: Upload, **options: Any) -> HttpResponse:
    """Keep what was chosen and go to the next step; a table that is written already is only shown."""
    try:
        history.choose(upload, **options)
    except history.NotWaiting:
        messages.info(request, "Bảng này đã được ghi hoặc đang xử lý; không đổi cách đọc được nữa.")
        return redirect("criteria:upload", upload.pk)
    return redirect(history.setup_url(upload))


def _elsewhere(upload: Upload, needed: str = "") -> HttpResponse | None:
    """Where to go instead: a table that is written already is only shown, and steps come in their order."""
    if upload.state not in history.CHANGEABLE:
        return redirect("criteria:upload", upload.pk)
    return redirect(history.setup_url(upload)) if needed and needed not in upload.options else None


@require_http_methods(["GET", "HEAD", "POST"])
def history_list(request: HttpRequest) -> HttpResponse:
    """What was imported of past years, and the way to import another table."""
    province = chosen_province(request)
    decision = access.can(request.user, "history.import", province.pk if province else None)
    if province is None or not decision:
        raise PermissionDenied(decision.reason)
    form = NewTableForm(request.POST or None, request.FILES or None, province=province)
    if request.method == "POST" and form.is_valid():
        try:
            upload = uploads.take(
                Upload.Kind.HISTORY,
                form.cleaned_data["file"],
                by=request.user,
                unit=province,
                criteria_set=form.cleaned_data["criteria_set"],
                options=form.options(),
                begin=False,
            )
        except UnsafeWorkbook as unsafe:
            form.add_error("file", str(unsafe))
        else:
            return _after_upload(upload)
    rows = Upload.objects.visible_to(request.user).filter(kind=Upload.Kind.HISTORY, unit=province)
    rows = rows.select_related("criteria_set", "uploaded_by").defer("plan")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {"form": form, "page": page, "province": province}
    return render(request, "criteria/history/list.html", context, status=422 if form.errors else 200)


def _after_upload(upload: Upload) -> HttpResponse:
    """A workbook with one sheet that isn't empty needs no choice of it."""
    filled = Table.of(upload).filled_sheets
    if len(filled) == 1:
        history.choose(upload, sheet=filled[0][0])
    return redirect(history.setup_url(upload))


@require_http_methods(["GET", "HEAD", "POST"])
def history_about(request: HttpRequest, pk: Any) -> HttpResponse:
    """Set, stage, day and source, once more."""
    upload = own_table(request, pk)
    if elsewhere := _elsewhere(upload):
        return elsewhere
    table, options = Table.of(upload, []), upload.options
    initial = {**options, "day": table.day, "criteria_set": table.criteria_set.code}
    form = AboutForm(request.POST or None, province=table.province, initial=initial)
    if request.method == "POST" and form.is_valid():
        changed = form.options()
        criteria_set = form.cleaned_data["criteria_set"]
        if changed["day"] != options["day"] or criteria_set != upload.criteria_set:
            # Other columns are in force, and other communes exist, on another day.
            changed |= dict.fromkeys(("roles", "ways", "marks", "communes"))
        Upload.objects.filter(pk=upload.pk, state__in=history.CHANGEABLE).update(criteria_set=criteria_set)
        return go_on(request, upload, **changed)
    return show(request, upload, "about", {"form": form}, 422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def history_sheet(request: HttpRequest, pk: Any) -> HttpResponse:
    upload = own_table(request, pk)
    if elsewhere := _elsewhere(upload):
        return elsewhere
    table = Table.of(upload)
    form = SheetForm(request.POST or None, table=table, initial={"sheet": upload.options.get("sheet", 0)})
    if request.method == "POST" and form.is_valid():
        later = dict.fromkeys(("top", "last", "roles", "ways", "marks", "communes"))
        return go_on(request, upload, sheet=form.cleaned_data["sheet"], **later)
    return show(request, upload, "sheet", {"form": form}, 422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def history_headings(request: HttpRequest, pk: Any) -> HttpResponse:
    """Which rows are the headings: guessed, beside the first rows of the sheet."""
    upload = own_table(request, pk)
    if elsewhere := _elsewhere(upload, "sheet"):
        return elsewhere
    table = Table.of(upload)
    top, last = upload.options.get("top"), upload.options.get("last")
    if last is None:
        top, last = table.guess_headings()
    form = HeadingsForm(request.POST or None, initial={"top": top, "last": last})
    if request.method == "POST" and form.is_valid():
        later = dict.fromkeys(("roles", "ways", "marks", "communes"))
        return go_on(request, upload, **form.cleaned_data, **later)
    rows = reading.first_rows(table.sheet, reading.SHOWN)
    width = min(COLUMNS_SHOWN, max((len(cells) for _, cells in rows), default=0))
    context = {
        "form": form,
        "letters": [reading.letters(column) for column in range(1, width + 1)],
        "rows": [
            (number, top <= number <= last, [reading.text_of(cell)[:60] for cell in [*cells, *[None] * width][:width]])
            for number, cells in rows
        ],
    }
    return show(request, upload, "headings", context, 422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def history_columns(request: HttpRequest, pk: Any) -> HttpResponse:
    """What each column is."""
    upload = own_table(request, pk)
    if elsewhere := _elsewhere(upload, "last"):
        return elsewhere
    table, is_known = Table.of(upload), False
    errors: dict[str, str] = {}
    if request.method == "POST":
        roles, ways, errors = read_columns(table, request.POST)
        if not errors:
            choice = {
                "roles": {str(c): role for c, role in roles.items()},
                "ways": {str(c): w for c, w in ways.items()},
            }
            about, key = RememberedChoice.About.COLUMNS, table.headings.shape(table.criteria_set)
            history.remember(table.province, about, {key: choice}, request.user)
            return go_on(request, upload, **choice, marks=None)
    elif "roles" in upload.options:
        roles, ways = table.roles, table.ways
    else:
        roles, ways, is_known = table.guess_columns()
    samples = _samples(table)
    numeric = {column for column in ways if table.columns.indicators[int(roles[column][1:])].is_numeric}
    context = {
        "columns": [
            {
                "number": column,
                "letters": reading.letters(column),
                "label": table.headings.label(column),
                "sample": ", ".join(samples.get(column, [])),
                "role": roles.get(column, ""),
                "way": ways.get(column, "") if column in numeric else "",
                "error": errors.get(f"role-{column}", ""),
            }
            for column in sorted(table.headings.texts)
        ],
        "choices": _role_choices(table),
        "errors": [("columns" if field == "columns" else f"id-{field}", text) for field, text in errors.items()],
        "is_known": is_known,
    }
    return show(request, upload, "columns", context, 422 if errors else 200)


def _samples(table: Table) -> dict[int, list[str]]:
    """The first few different texts below each heading."""
    found: dict[int, list[str]] = {}
    for number, cells in reading.first_rows(table.sheet, table.options["last"] + reading.SHOWN):
        if number > table.options["last"]:
            for column, cell in enumerate(cells, 1):
                text, own = reading.text_of(cell)[:20], found.setdefault(column, [])
                if text and text not in own and len(own) < 4:
                    own.append(text)
    return found


def _role_choices(table: Table) -> list[tuple[str, list[tuple[str, str]]]]:
    columns = table.columns
    return [
        ("Xã", [(role, columns.label(role)) for role in reading.PLACES]),
        ("Cả tiêu chí", [(f"c{row.pk}", f"Tiêu chí {row.number}") for row in columns.criteria]),
        ("Chỉ tiêu", [(f"i{pk}", f"Chỉ tiêu {row.code}") for pk, row in columns.indicators.items()]),
    ]


@require_http_methods(["GET", "HEAD", "POST"])
def history_marks(request: HttpRequest, pk: Any) -> HttpResponse:
    """What each mark that stands in the table means, and what a figure alone says."""
    upload = own_table(request, pk)
    if elsewhere := _elsewhere(upload, "roles"):
        return elsewhere
    table = Table.of(upload)
    try:
        found = table.count_marks()
    except uploads.Refused as refused:
        return _unreadable(request, upload, refused)
    chosen = upload.options.get("marks") or table.guess_marks(found)
    figures, error = upload.options.get("figures", "only"), ""
    typed = format_number(Decimal(upload.options.get("threshold", WHOLLY)))
    if request.method == "POST":
        posted = {mark: request.POST.get(f"mark-{place}", "") for place, mark in enumerate(found)}
        chosen = {mark: code if code in reading.meanings_of(mark) else reading.REFUSE for mark, code in posted.items()}
        figures = "judge" if request.POST.get("figures") == "judge" else "only"
        threshold = WHOLLY
        if chosen.get(reading.SHARE) in reading.FROM_THRESHOLD:
            typed = request.POST.get("threshold", "")
            threshold, error = read_threshold(typed)
        if not error:
            history.remember(table.province, RememberedChoice.About.MARK, _short(chosen), request.user)
            return go_on(request, upload, marks=chosen, figures=figures, threshold=threshold)
    context = {
        "marks": [
            {
                "place": place,
                "text": {reading.BLANK: "(ô trống)", reading.SHARE: f"số, như {first}"}.get(mark, first),
                "times": times,
                "where": where,
                "meaning": chosen.get(mark, reading.guess_meaning(mark)),
                "meanings": reading.meanings_of(mark).items(),
                "is_share": mark == reading.SHARE,
            }
            for place, (mark, (times, first, where)) in enumerate(found.items())
        ],
        "only_met": reading.BLANK in found and not {"not_met", "from_not_met"} & set(chosen.values()),
        "has_figures": any(way != reading.MARK for way in table.ways.values()),
        "figures": figures,
        "has_numbers": reading.SHARE in found,
        "threshold": typed,
        "errors": [("id-threshold", error)] if error else [],
    }
    return show(request, upload, "marks", context, 422 if error else 200)


def _unreadable(request: HttpRequest, upload: Upload, refused: uploads.Refused) -> HttpResponse:
    """Back to the columns with the reason why the rows below can't be read."""
    messages.error(request, str(refused))
    return redirect(step_url(upload, "columns"))


def _short(marks: dict[str, str]) -> dict[str, str]:
    """What is worth remembering: marks, not sentences that strayed into a cell."""
    return {mark: meaning for mark, meaning in marks.items() if len(mark) <= 30 and meaning != reading.REFUSE}


@require_http_methods(["GET", "HEAD", "POST"])
def history_communes(request: HttpRequest, pk: Any) -> HttpResponse:
    """Whom doubtful rows mean; then the check, whose outcome the upload's page shows."""
    upload = own_table(request, pk)
    if elsewhere := _elsewhere(upload, "marks"):
        return elsewhere
    table = Table.of(upload)
    try:
        doubtful = table.doubtful()
    except uploads.Refused as refused:
        return _unreadable(request, upload, refused)
    errors: dict[int, str] = {}
    if request.method == "POST":
        choices: dict[int, int] = {}
        for row, match in doubtful:
            choice, errors[row.number] = _chosen_commune(table, match, request.POST, row.number)
            if choice is not None:
                choices[row.number] = choice
        errors = {row: text for row, text in errors.items() if text}
        if not errors:
            return _check(request, table, choices)
    context = {
        "rows": [
            {
                "number": row.number,
                "name": row.name or row.code,
                "district": row.district,
                "why": match.doubt,
                "candidates": [(unit, table.communes.label(unit)) for unit in match.candidates],
                "chosen": request.POST.get(f"unit-{row.number}", ""),
                "code": request.POST.get(f"code-{row.number}", "")[:CODE_DIGITS],
                "error": errors.get(row.number, ""),
            }
            for row, match in doubtful
        ],
        "certain": len(table.matched()) - len(doubtful),
        "errors": [(f"id-code-{row}", text) for row, text in errors.items()],
    }
    return show(request, upload, "communes", context, 422 if errors else 200)


def _chosen_commune(table: Table, match: history.Match, data: Any, row: int) -> tuple[int | None, str]:
    """Whom a row was said to mean (0: nobody, None: not said), or what is wrong with that."""
    code = data.get(f"code-{row}", "").strip()[:CODE_DIGITS]
    if code:
        unit = table.communes.by_code.get(code.zfill(5), table.communes.by_code.get(code))
        return unit, "" if unit else f"Dòng {row}: không có xã nào mang mã {code} ngày {table.day:%d/%m/%Y}."
    chosen = data.get(f"unit-{row}", "")
    if chosen == "0":
        return 0, ""
    return next((unit for unit in match.candidates if str(unit) == chosen), None), ""


def _check(request: HttpRequest, table: Table, choices: dict[int, int]) -> HttpResponse:
    try:
        history.settle(table, choices, request.user)
    except history.NotWaiting:
        return go_on(request, table.upload)
    rows = dict(table.filled_sheets)[table.options["sheet"]]
    if uploads.begin(table.upload, Upload.State.SETUP, rows=rows):
        uploads.start(table.upload)
    return redirect("criteria:upload", table.upload.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def history_void(request: HttpRequest, pk: Any) -> HttpResponse:
    """Void what a table published, with a reason; a second click finds it done."""
    upload = own_table(request, pk)
    form = VoidForm(request.POST or None)
    if upload.state != Upload.State.DONE:
        messages.info(
            request, "Bảng này đã hủy rồi." if upload.state == Upload.State.VOIDED else "Bảng này chưa được ghi."
        )
        return redirect("criteria:upload", upload.pk)
    if request.method == "POST" and form.is_valid():
        try:
            count = history.void(upload, by=request.user, reason=form.cleaned_data["reason"])
            messages.success(request, f"Đã hủy {count} kết quả của {upload.original_name}.")
        except history.NotWaiting:
            messages.info(request, "Bảng này đã hủy rồi.")
        return redirect("criteria:upload", upload.pk)
    context = {"upload": upload, "form": form, "written": history.written(upload)}
    return render(request, "criteria/history/void.html", context, status=422 if form.errors else 200)
