"""Evidence in the browser: adding, finding, opening, describing, tying to indicators, retiring."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from communes.access import can, get_unit, home_units, predecessors, require, sees_drafts_of, sees_files
from communes.models import Unit
from communes.text import clean_text, safe_filename
from criteria import evidence as rules
from criteria.checks import latest_day
from criteria.evidence import EvidenceRefused, UploadRefused
from criteria.evidence_forms import CombineForm, EvidenceForm, RetireForm
from criteria.evidence_panels import EvidencePanels
from criteria.models import CriteriaSet, Criterion, Evidence, EvidenceLink, Indicator
from criteria.models.evidence import EvidenceQuerySet
from criteria.models.sets import IndicatorQuerySet
from criteria.wordings import worded, worded_of_sets
from ntm.accounts.middleware import asks_for_json
from ntm.clock import today

audit = logging.getLogger("ntm.audit")
logger = logging.getLogger(__name__)

MAX_FILES = 20
MAX_CHOSEN = 100  # documents tied at once
MAX_REQUEST = 200 * rules.MB
PER_PAGE = 30
PREVIEW, THUMBNAIL = 1600, 160  # pixels of the longer side

STATES = {
    "": "Đang sử dụng",
    "unsent": "Chưa gửi",
    "unused": "Chưa gắn chỉ tiêu",
    "expired": "Hết hạn",
    "expiring-30": "Sắp hết hạn trong 30 ngày",
    "expiring-60": "Sắp hết hạn trong 60 ngày",
    "expiring-90": "Sắp hết hạn trong 90 ngày",
    "retired": "Ngừng sử dụng",
}
PERSONAL = {"": "Tất cả", "yes": "Có dữ liệu cá nhân", "no": "Không có dữ liệu cá nhân"}
KINDS = {"": "Tất cả", "picture": "Ảnh", "file": "Tệp khác", "none": "Không có tệp (bản giấy, mật)"}


# --- fetching ---------------------------------------------------------------------------


def visible_unit(request: HttpRequest, pk: int) -> Unit:
    """A unit the person may see; its viewers have no business with files."""
    unit = get_unit(request.user, pk)
    require_files(request, unit)
    return unit


def require_files(request: HttpRequest, unit: Unit | None = None) -> None:
    if not sees_files(request.user, unit):
        raise PermissionDenied("Vai trò người xem chỉ xem số liệu tổng hợp, không xem minh chứng.")


def own_unit(request: HttpRequest, pk: int) -> Unit:
    """A unit whose evidence the person may change."""
    unit = get_unit(request.user, pk)
    require(request.user, "entry.change", unit)
    return unit


def visible_evidence(request: HttpRequest, pk: Any) -> Evidence:
    rows = Evidence.objects.visible_to(request.user).select_related("unit", "uploaded_by", "retired_by")
    return get_object_or_404(rows, pk=pk)


def own_evidence(request: HttpRequest, pk: Any) -> Evidence:
    """A document the person may change."""
    evidence = visible_evidence(request, pk)
    require(request.user, "entry.change", evidence.unit)
    # A document that proves somebody else's criterion is theirs to change.
    ties = evidence.links.filter(unit=evidence.unit, removed_at__isnull=True)
    require_criteria(request, evidence.unit, [tie.indicator for tie in ties.select_related("indicator__criterion")])
    return evidence


def indicators_of(unit: Unit) -> IndicatorQuerySet:
    """The indicators a unit can be judged by, of all its sets."""
    return Indicator.objects.for_unit(unit).select_related("criterion__criteria_set")


def chosen_indicators(request: HttpRequest, unit: Unit) -> list[Indicator]:
    """The indicators named by the request; one that isn't the unit's is a 404."""
    data = request.POST if request.method == "POST" else request.GET
    ids = {int(text) for text in data.getlist("indicator") if text.isdecimal() and len(text) < 19}
    found = worded_of_sets(indicators_of(unit).filter(pk__in=ids), today()) if ids else []
    if len(found) != len(set(data.getlist("indicator"))):
        raise Http404("Không có chỉ tiêu này cho đơn vị.")
    require_criteria(request, unit, found)
    return found


def require_criteria(request: HttpRequest, unit: Unit, indicators: Iterable[Indicator]) -> None:
    """Proof is added to and taken off an indicator by who answers for its criterion."""
    for criterion in {indicator.criterion for indicator in indicators}:
        require(request.user, "criterion.enter", (unit, criterion))


def usable_evidence(request: HttpRequest, unit: Unit, query: str = "") -> QuerySet[Evidence]:
    """Documents in use that may prove something for the unit: its own and its predecessors'."""
    holders = {unit.pk} | predecessors([unit.pk])
    return Evidence.objects.in_use().search(query).visible_to(request.user).filter(unit__in=holders)


def chosen_evidence(request: HttpRequest, unit: Unit) -> list[Evidence]:
    """The documents named by the request, in its order: the unit's or its predecessors', also
    retired ones (the rules say why these can't be used); any other is a 404."""
    data = request.POST if request.method == "POST" else request.GET
    wanted = list(dict.fromkeys(data.getlist("evidence")))
    try:
        keys = [uuid.UUID(text) for text in wanted[: MAX_CHOSEN + 1]]
    except ValueError:
        raise Http404("Không có tài liệu này.") from None
    holders = {unit.pk} | predecessors([unit.pk])
    rows = Evidence.objects.visible_to(request.user).filter(unit__in=holders, pk__in=keys).select_related("unit")
    found = {evidence.pk: evidence for evidence in rows}
    if len(found) != len(keys):
        raise Http404("Không có tài liệu này trong kho của đơn vị.")
    return [found[key] for key in keys]


def panel_links(request: HttpRequest, unit: Unit, indicator: Indicator) -> QuerySet[EvidenceLink]:
    return (
        EvidenceLink.objects.visible_to(request.user)
        .filter(unit=unit, indicator=indicator, removed_at__isnull=True, evidence__retired_at__isnull=True)
        .select_related("evidence__unit")
    )


def working_unit(request: HttpRequest, evidence: Evidence) -> Unit | None:
    """The unit for which the person may tie this document: its holder, or the successor they work for."""
    if can(request.user, "entry.change", evidence.unit):
        return evidence.unit
    for unit in home_units(request.user):
        if can(request.user, "entry.change", unit) and evidence.unit_id in predecessors([unit.pk]):
            return unit
    return None


# --- answering --------------------------------------------------------------------------


def next_url(request: HttpRequest, otherwise: str) -> str:
    """Where the person came from, if that is ours, else `otherwise`."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if ours and wanted.startswith("/") else otherwise


def indicator_url(unit: Unit, indicator: Indicator) -> str:
    """The indicator's evidence on its criterion's page."""
    criterion = indicator.criterion
    page = reverse("criteria:criterion", args=[unit.pk, criterion.number])
    return f"{page}?set={criterion.criteria_set.code}#evidence-{indicator.pk}"


def start_url(unit: Unit, indicators: list[Indicator]) -> str:
    if len(indicators) == 1:
        return indicator_url(unit, indicators[0])
    return f"{reverse('criteria:evidence_list')}?unit={unit.pk}"


def panel(request: HttpRequest, unit: Unit, indicator: Indicator, error: str = "") -> HttpResponse:
    can_change = bool(can(request.user, "criterion.enter", (unit, indicator.criterion)))
    html = EvidencePanels(unit, get_token(request), can_change=can_change).html(
        indicator, list(panel_links(request, unit, indicator)), error
    )
    return HttpResponse(html, status=409 if error else 200)


def too_big(request: HttpRequest, message: str) -> HttpResponse:
    if asks_for_json(request):
        return JsonResponse({"message": message}, status=413)
    return render(request, "413.html", {"reason": message}, status=413)


# --- adding -----------------------------------------------------------------------------


@csrf_exempt  # checked by take_files: reading the token reads the whole body, whose length comes first
@require_POST
def evidence_upload(request: HttpRequest, pk: int) -> HttpResponse:
    """Take in files for a unit, each for itself: what is refused doesn't keep the others out."""
    unit = own_unit(request, pk)
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if length > MAX_REQUEST:
        if length <= 2 * MAX_REQUEST:
            drain(request)
        return too_big(
            request,
            f"Một lần gửi {rules.format_size(length)}, vượt quá {rules.format_size(MAX_REQUEST)}. "
            "Chưa có tệp nào được lưu; hãy gửi ít tệp hơn mỗi lần.",
        )
    return take_files(request, unit)


def drain(request: HttpRequest) -> None:
    """Read the body away: a browser shows no answer while it is still sending."""
    while request.read(rules.CHUNK):
        pass


@csrf_protect
def take_files(request: HttpRequest, unit: Unit) -> HttpResponse:
    files = request.FILES.getlist("files")
    indicators = chosen_indicators(request, unit)
    if len(files) > MAX_FILES:
        return too_big(request, f"Mỗi lần gửi được nhiều nhất {MAX_FILES} tệp. Chưa có tệp nào được lưu.")
    answers = [take_file(request, unit, indicators, file) for file in files]
    if asks_for_json(request):
        if not answers:
            return JsonResponse({"message": "Chưa chọn tệp nào."}, status=400)
        status = 200 if any(answer["ok"] for answer in answers) else max(answer["status"] for answer in answers)
        return JsonResponse({"files": answers}, status=status)
    if not answers:
        messages.error(request, "Chưa chọn tệp nào. Hãy chọn tệp rồi bấm “Tải lên”.")
    for answer in answers:
        (messages.success if answer["ok"] else messages.error)(request, answer["message"])
    return redirect(next_url(request, start_url(unit, indicators)))


def take_file(request: HttpRequest, unit: Unit, indicators: list[Indicator], file: UploadedFile) -> dict[str, Any]:
    """Store one file; what became of it, for a script or a message."""
    name = safe_filename(file.name)
    personal = bool(request.POST.get("has_personal_data"))
    try:
        evidence, is_new = rules.store(unit, indicators, file, by=request.user, has_personal_data=personal)
    except (UploadRefused, EvidenceRefused) as refusal:
        return {"name": name, "ok": False, "status": getattr(refusal, "status", 409), "message": str(refusal)}
    except OSError:
        logger.exception("a file could not be written")
        message = f"Tệp “{name}”: máy chủ chưa lưu được (có thể hết chỗ). Hãy thử lại, hoặc báo người quản trị."
        return {"name": name, "ok": False, "status": 500, "message": message}
    codes = ", ".join(indicator.code for indicator in indicators)
    if is_new:
        message = f"Đã thêm “{evidence.title}”."
    elif codes:
        message = f"Tệp này đã có: “{evidence.title}”; đã gắn vào chỉ tiêu {codes}."
    else:
        message = f"Tệp này đã có: “{evidence.title}”."
    url = reverse("criteria:evidence_detail", args=[evidence.pk])
    return {"name": name, "ok": True, "status": 200, "message": message, "url": url}


@require_http_methods(["GET", "HEAD", "POST"])
def evidence_register(request: HttpRequest, pk: int) -> HttpResponse:
    """Record a document that stays on paper, or a classified one (`?form=`)."""
    unit = own_unit(request, pk)
    indicators = chosen_indicators(request, unit)
    kind = request.GET.get("form", "")
    if kind not in {Evidence.Form.PAPER, Evidence.Form.CLASSIFIED}:
        raise Http404("Không có hình thức tài liệu này.")
    form = EvidenceForm(request.POST or None, instance=Evidence(unit=unit, form=kind))
    back = next_url(request, start_url(unit, indicators))
    if request.method == "POST" and form.is_valid():
        evidence = rules.register(unit, indicators, form=kind, by=request.user, **form.cleaned_data)
        messages.success(request, f"Đã ghi “{evidence.title}”.")
        return redirect(back)
    context = {
        "unit": unit,
        "indicators": indicators,
        "form": form,
        "back": back,
        "heading": Evidence.Form(kind).label,
        "note": "Tài liệu mật không được tải lên hệ thống này. Chỉ ghi ai đã kiểm tra và bản gốc lưu theo chế độ mật."
        if kind == Evidence.Form.CLASSIFIED
        else "Dùng khi tài liệu không thể quét. Đoàn kiểm tra sẽ xem bản giấy tại nơi lưu.",
    }
    return render(request, "criteria/evidence_form.html", context, status=422 if form.errors else 200)


# --- finding and opening ----------------------------------------------------------------


@require_safe
def evidence_list(request: HttpRequest) -> HttpResponse:
    """Kho tài liệu: the documents a person may see, by unit, criterion, state, kind and words."""
    require_files(request)
    query = clean_text(request.GET.get("q"))[:100]
    visible = Evidence.objects.visible_to(request.user)
    links = EvidenceLink.objects.visible_to(request.user).filter(removed_at__isnull=True)
    chosen = {name: number(request.GET.get(name, "")) for name in ("unit", "criterion")}
    state = request.GET.get("state", "")
    kind, personal = (request.GET.get(name, "") for name in ("kind", "personal"))
    found: Any = in_state(Evidence.objects.search(query), links, state).visible_to(request.user)
    if chosen["unit"]:
        found = found.filter(unit=chosen["unit"])
    if chosen["criterion"]:
        found = found.filter(Exists(links.filter(evidence=OuterRef("pk"), indicator__criterion=chosen["criterion"])))
    found = of_kind(found, kind)
    if personal in {"yes", "no"}:
        found = found.filter(has_personal_data=personal == "yes")
    found = found.select_related("unit", "uploaded_by").order_by("-uploaded_at", "pk")
    shown_links = links.select_related("indicator").order_by("indicator__criterion__number", "indicator__position")
    found = found.prefetch_related(Prefetch("links", shown_links, to_attr="shown_links"))
    own = next((unit for unit in home_units(request.user) if can(request.user, "entry.change", unit)), None)
    context = {
        "page": Paginator(found, PER_PAGE).get_page(request.GET.get("page")),
        "units": Unit.objects.filter(pk__in=visible.values("unit")).order_by("sort_key", "pk"),
        "criteria": Criterion.objects.filter(pk__in=links.values("indicator__criterion"))
        .select_related("criteria_set")
        .order_by("-criteria_set__first_year", "criteria_set__code", "number"),
        "chosen": chosen,
        "states": STATES,
        "state": state if state in STATES else "",
        "kinds": KINDS,
        "kind": kind if kind in KINDS else "",
        "personals": PERSONAL,
        "personal": personal if personal in PERSONAL else "",
        "query": query,
        "is_filtered": bool(query or state or kind or personal or any(chosen.values())),
        "own_unit": own,
        # What may be ticked: to be tied to the own unit's indicators, or combined.
        "holders": {own.pk} | predecessors([own.pk]) if own else set(),
    }
    return render(request, "criteria/evidence_list.html", context)


def number(text: str) -> int:
    """A row's number from an address, 0 for anything else."""
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 19 else 0


def in_state(visible: EvidenceQuerySet, links: QuerySet, state: str) -> EvidenceQuerySet:
    tied = Exists(links.filter(evidence=OuterRef("pk")))
    if state == "retired":
        return visible.filter(retired_at__isnull=False)
    found = visible.filter(retired_at__isnull=True)
    if state == "unsent":
        return found.filter(Exists(links.filter(evidence=OuterRef("pk"), published_at__isnull=True)))
    if state == "unused":
        return found.filter(~tied)
    if state == "expired":
        return found.expired(today())
    if state.startswith("expiring-") and state in STATES:
        return found.expiring(today(), days=int(state.removeprefix("expiring-")))
    return found


def of_kind(found: QuerySet, kind: str) -> QuerySet:
    pictures = Q(content_type__startswith="image/")
    if kind == "picture":
        return found.filter(pictures)
    if kind == "file":
        return found.filter(~pictures, form=Evidence.Form.FILE)
    return found.exclude(form=Evidence.Form.FILE) if kind == "none" else found


@require_safe
def evidence_detail(request: HttpRequest, pk: Any) -> HttpResponse:
    """One document: what it is, who added it, what it proves, its other versions."""
    evidence = visible_evidence(request, pk)
    links = (
        EvidenceLink.objects.visible_to(request.user)
        .filter(evidence=evidence)
        .select_related("unit", "indicator__criterion__criteria_set", "created_by", "removed_by")
        .order_by("unit__sort_key", "indicator__criterion__criteria_set", "indicator__criterion__number", "pk")
    )
    worded_of_sets([link.indicator for link in links], today())
    versions = (
        Evidence.objects.visible_to(request.user)
        .filter(unit=evidence.unit_id, form=Evidence.Form.FILE, original_name=evidence.original_name)
        .exclude(pk=evidence.pk)
        .select_related("uploaded_by")
    )
    can_change = can(request.user, "entry.change", evidence.unit)
    context = {
        "evidence": evidence,
        "links": links,
        "versions": versions[:10],
        "can_change": can_change,
        "can_undo": bool(can_change) and rules.may_undo(evidence),
        "working_unit": None if evidence.retired_at else working_unit(request, evidence),
        "sees_drafts": sees_drafts_of(request.user, evidence.unit),
        "opens_inline": evidence.content_type in INLINE,
    }
    return render(request, "criteria/evidence_detail.html", context)


INLINE = {rules.PDF, "image/jpeg", "image/png", "image/webp"}
# Nothing in a file may run, load or send anything as a page of ours. The older Chromiums we
# support show no PDF in a sandbox, and need their own styles around one.
STRICT = "sandbox; default-src 'none'"
FOR_PDF = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'"


@require_safe
def evidence_file(request: HttpRequest, pk: Any) -> HttpResponseBase:
    """The stored file under its own name; shown by the browser if it can, or saved (`?download=1`)."""
    evidence = visible_evidence(request, pk)
    if evidence.form != Evidence.Form.FILE:
        raise Http404("Tài liệu này không có tệp.")
    try:
        stored = rules.stored_path(str(evidence.file.name)).open("rb")
    except FileNotFoundError:
        return missing(request, evidence)
    log_opening(request, evidence, "downloaded")
    inline = evidence.content_type in INLINE and not request.GET.get("download")
    response = FileResponse(
        stored,
        as_attachment=not inline,
        filename=evidence.original_name,
        content_type=evidence.content_type,
    )
    return private(response, FOR_PDF if inline and evidence.content_type == rules.PDF else STRICT)


@require_safe
def evidence_preview(request: HttpRequest, pk: Any) -> HttpResponseBase:
    """A picture made small enough for a phone (`?size=small`: for a list), without the camera's notes."""
    evidence = visible_evidence(request, pk)
    if not evidence.is_image:
        raise Http404("Tài liệu này không phải là ảnh.")
    try:
        path = rules.preview(evidence, THUMBNAIL if request.GET.get("size") == "small" else PREVIEW)
    except FileNotFoundError:
        return missing(request, evidence)
    if evidence.has_personal_data:
        log_opening(request, evidence, "previewed")
    return private(FileResponse(path.open("rb"), content_type="image/jpeg"), STRICT)


def private(response: FileResponse, policy: str) -> FileResponse:
    """No cache keeps it, no browser takes it for something else."""
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = policy
    response["Cache-Control"] = "private, no-store"
    return response


def log_opening(request: HttpRequest, evidence: Evidence, what: str) -> None:
    audit.info(
        f"evidence {what}",
        extra={
            "username": request.user.get_username(),
            "evidence": str(evidence.pk),
            "unit": evidence.unit_id,
            "personal_data": evidence.has_personal_data,
        },
    )


def missing(request: HttpRequest, evidence: Evidence) -> HttpResponse:
    """The row is there and its file isn't: the administrator must know, the person gets a page."""
    logger.error("a stored file is missing", extra={"evidence": str(evidence.pk), "file": evidence.file.name})
    return render(request, "criteria/evidence_missing.html", {"evidence": evidence}, status=404)


# --- describing, retiring, undoing ------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def evidence_edit(request: HttpRequest, pk: Any) -> HttpResponse:
    """Correct a document's name, number, dates and whether it holds personal data."""
    evidence = own_evidence(request, pk)
    form = EvidenceForm(request.POST or None, instance=evidence)
    back = next_url(request, reverse("criteria:evidence_detail", args=[evidence.pk]))
    if request.method == "POST" and form.is_valid():
        if form.changed_data:
            try:
                rules.describe(evidence, form.changed_data)
            except EvidenceRefused as refusal:
                messages.error(request, str(refusal))
                return redirect(start_url(evidence.unit, []))
            audit.info(
                "evidence described anew",
                extra={
                    "username": request.user.get_username(),
                    "evidence": str(evidence.pk),
                    "before": {name: str(form.initial[name]) for name in form.changed_data},
                },
            )
        messages.success(request, f"Đã lưu thông tin của “{evidence.title}”.")
        return redirect(back)
    context = {"unit": evidence.unit, "form": form, "back": back, "heading": "Sửa thông tin tài liệu"}
    return render(request, "criteria/evidence_form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def evidence_retire(request: HttpRequest, pk: Any) -> HttpResponse:
    """Ask once for the reason, then take the document out of use."""
    evidence = own_evidence(request, pk)
    form = RetireForm(request.POST or None)
    page = reverse("criteria:evidence_detail", args=[evidence.pk])
    if request.method == "POST" and form.is_valid():
        return attempt(
            request,
            lambda: rules.retire(evidence, form.cleaned_data["reason"], by=request.user),
            f"“{evidence.title}” đã ngừng sử dụng.",
            page,
        )
    count = evidence.links.filter(removed_at__isnull=True).count()
    context = {"evidence": evidence, "form": form, "page": page, "count": count}
    return render(request, "criteria/evidence_retire.html", context, status=422 if form.errors else 200)


@require_POST
def evidence_undo(request: HttpRequest, pk: Any) -> HttpResponse:
    """Undo a fresh upload, as if the document hadn't been added."""
    evidence = own_evidence(request, pk)
    links = evidence.links.filter(removed_at=None).select_related("unit", "indicator__criterion__criteria_set")
    asked = next((tie for tie in links if str(tie.pk) == request.POST.get("link")), None)
    if asked and request.headers.get("HX-Request"):
        return panel_after(request, asked.unit, asked.indicator, lambda: rules.undo_upload(evidence, by=request.user))
    back = next_url(request, start_url(asked.unit if asked else evidence.unit, [asked.indicator] if asked else []))
    return attempt(
        request,
        lambda: rules.undo_upload(evidence, by=request.user),
        f"Đã hoàn tác việc thêm “{evidence.title}”.",
        back,
    )


def attempt(request: HttpRequest, step: Callable[[], Any], done: str, back: str) -> HttpResponse:
    """Take a step that the document's state may forbid, and say which it was."""
    try:
        step()
    except EvidenceRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, done)
    return redirect(back)


def panel_after(request: HttpRequest, unit: Unit, indicator: Indicator, step: Callable[[], Any]) -> HttpResponse:
    """Take a step asked for in a panel, and show the panel as it is then."""
    try:
        step()
    except EvidenceRefused as refusal:
        return panel(request, unit, indicator, str(refusal))
    return panel(request, unit, indicator)


# --- tying to indicators ----------------------------------------------------------------


@require_safe
def evidence_panel(request: HttpRequest, pk: int, indicator: int) -> HttpResponse:
    """The evidence of one indicator, as it stands in the criterion's page."""
    unit = visible_unit(request, pk)
    return panel(request, unit, get_object_or_404(indicators_of(unit), pk=indicator))


@require_POST
def evidence_unlink(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a document off one indicator."""
    ties = EvidenceLink.objects.visible_to(request.user).filter(removed_at__isnull=True)
    tie = get_object_or_404(ties.select_related("unit", "evidence", "indicator__criterion__criteria_set"), pk=pk)
    require(request.user, "entry.change", tie.unit)
    require_criteria(request, tie.unit, [tie.indicator])
    rules.unlink(tie, by=request.user)
    if request.headers.get("HX-Request"):
        return panel(request, tie.unit, tie.indicator)
    messages.success(request, f"Đã gỡ “{tie.evidence.title}” khỏi chỉ tiêu {tie.indicator.code}.")
    return redirect(next_url(request, indicator_url(tie.unit, tie.indicator)))


@require_http_methods(["GET", "HEAD", "POST"])
def evidence_links(request: HttpRequest, pk: int, evidence: Any) -> HttpResponse:
    """Choose, within one set, which indicators a document proves.

    Only what the person changed is changed: ties made meanwhile by others stay.
    """
    unit = own_unit(request, pk)
    document = get_object_or_404(usable_evidence(request, unit).select_related("unit"), pk=evidence)
    try:
        criteria_set = CriteriaSet.objects.chosen(unit, request.GET.get("set", ""))
    except CriteriaSet.DoesNotExist:
        raise Http404("Không có bộ tiêu chí này cho đơn vị.") from None
    tied = set(document.links.filter(unit=unit, removed_at=None).values_list("indicator_id", flat=True))
    day = latest_day(unit, criteria_set)
    listed = indicators_of(unit).in_force(day) | indicators_of(unit).filter(pk__in=tied)
    listed = listed.filter(criterion__criteria_set=criteria_set).order_by("criterion__number", "position")
    indicators = worded(listed, criteria_set, day)
    page = reverse("criteria:evidence_detail", args=[document.pk])
    if request.method == "POST":
        wanted, seen = set(request.POST.getlist("indicator")), set(request.POST.getlist("seen"))
        add = [indicator for indicator in indicators if str(indicator.pk) in wanted - seen]
        remove = [indicator for indicator in indicators if str(indicator.pk) in seen - wanted]
        require_criteria(request, unit, [*add, *remove])
        return attempt(
            request,
            lambda: rules.relink(document, unit, add=add, remove=remove, by=request.user),
            f"Đã lưu: gắn thêm {len(add)}, gỡ {len(remove)} chỉ tiêu.",
            next_url(request, page),
        )
    context = {
        "unit": unit,
        "evidence": document,
        "criteria_set": criteria_set,
        "sets": CriteriaSet.objects.for_unit(unit),
        "indicators": indicators,
        "tied": tied,
        "page": page,
    }
    return render(request, "criteria/evidence_links.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def evidence_attach(request: HttpRequest, pk: int, indicator: int) -> HttpResponse:
    """Choose documents the unit (or a predecessor) already has as proof of an indicator."""
    unit = own_unit(request, pk)
    proved = get_object_or_404(indicators_of(unit), pk=indicator)
    worded_of_sets([proved], today())
    require_criteria(request, unit, [proved])
    taken = EvidenceLink.objects.filter(evidence=OuterRef("pk"), unit=unit, indicator=proved, removed_at__isnull=True)
    query = clean_text(request.GET.get("q"))[:100]
    choices = usable_evidence(request, unit, query).filter(~Exists(taken)).select_related("unit")
    back = next_url(request, indicator_url(unit, proved))
    if request.method == "POST":
        wanted = set(request.POST.getlist("evidence"))
        chosen = [evidence for evidence in choices if str(evidence.pk) in wanted]
        if chosen:
            done = f"Đã gắn {len(chosen)} tài liệu vào chỉ tiêu {proved.code}."
            return attempt(request, lambda: rules.attach(chosen, unit, [proved], by=request.user), done, back)
        messages.error(request, "Chưa chọn tài liệu nào.")
        return redirect(request.get_full_path())
    context = {
        "unit": unit,
        "indicator": proved,
        "page": Paginator(choices.order_by("-uploaded_at", "pk"), PER_PAGE).get_page(request.GET.get("page")),
        "query": query,
        "back": back,
    }
    return render(request, "criteria/evidence_attach.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def evidence_attach_many(request: HttpRequest, pk: int) -> HttpResponse:
    """Tie the documents ticked in the library to indicators of one set, all in one step."""
    unit = own_unit(request, pk)
    documents = chosen_evidence(request, unit)
    back = next_url(request, reverse("criteria:evidence_list"))
    if not documents or len(documents) > MAX_CHOSEN:
        messages.error(
            request,
            f"Mỗi lần gắn được nhiều nhất {MAX_CHOSEN} tài liệu."
            if documents
            else "Chưa chọn tài liệu nào. Đánh dấu tài liệu trong danh sách rồi bấm “Gắn vào chỉ tiêu”.",
        )
        return redirect(back)
    try:
        criteria_set = CriteriaSet.objects.chosen(unit, request.GET.get("set", ""))
    except CriteriaSet.DoesNotExist:
        raise Http404("Không có bộ tiêu chí này cho đơn vị.") from None
    error = ""
    if request.method == "POST":
        indicators = chosen_indicators(request, unit)
        if indicators:
            return attempt(
                request,
                lambda: rules.attach(documents, unit, indicators, by=request.user),
                f"Đã gắn {len(documents)} tài liệu vào chỉ tiêu {', '.join(row.code for row in indicators)}.",
                back,
            )
        error = "Chọn ít nhất một chỉ tiêu."
    context = {
        "unit": unit,
        "documents": documents,
        "criteria_set": criteria_set,
        "sets": CriteriaSet.objects.for_unit(unit),
        "criteria": criteria_to_prove(request, unit, criteria_set),
        "back": back,
        "error": error,
    }
    return render(request, "criteria/evidence_attach_many.html", context, status=422 if error else 200)


def criteria_to_prove(
    request: HttpRequest, unit: Unit, criteria_set: CriteriaSet
) -> list[tuple[Criterion, list[Indicator], str]]:
    """The set's criteria with their indicators, and why the person may not prove them ("": they may)."""
    found: dict[int, tuple[Criterion, list[Indicator]]] = {}
    day = latest_day(unit, criteria_set)
    listed = indicators_of(unit).in_force(day).filter(criterion__criteria_set=criteria_set)
    for indicator in worded(listed.order_by("criterion__number", "position"), criteria_set, day):
        found.setdefault(indicator.criterion_id, (indicator.criterion, []))[1].append(indicator)
    return [
        (criterion, rows, can(request.user, "criterion.enter", (unit, criterion)).reason)
        for criterion, rows in found.values()
    ]


# --- several pictures as one document ---------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def evidence_combine(request: HttpRequest, pk: int) -> HttpResponse:
    """Put the pictures ticked in the library in order and make them one PDF."""
    unit = own_unit(request, pk)
    # As they were taken in, since lists show the latest first.
    pictures = sorted(chosen_evidence(request, unit), key=lambda picture: (picture.uploaded_at, picture.title))
    back = next_url(request, reverse("criteria:evidence_list"))
    form = CombineForm(
        request.POST if request.method == "POST" else None,
        pictures=pictures,
        initial={"has_personal_data": any(picture.has_personal_data for picture in pictures)},
    )
    if request.method == "POST" and form.is_valid():
        try:
            evidence = rules.combine(unit, form.ordered(), by=request.user, **form.document())
        except UploadRefused as refusal:
            form.add_error(None, refusal.message)
        except OSError:
            logger.exception("a combined file could not be written")
            form.add_error(
                None, "Máy chủ chưa lưu được tệp PDF (có thể hết chỗ). Hãy thử lại, hoặc báo người quản trị."
            )
        else:
            messages.success(request, f"Đã ghép {len(pictures)} ảnh thành “{evidence.title}”. Các ảnh gốc vẫn còn.")
            return redirect("criteria:evidence_detail", pk=evidence.pk)
    elif request.method != "POST":
        try:
            rules.check_pictures(pictures)
        except UploadRefused as refusal:
            messages.error(request, refusal.message)
            return redirect(back)
    context = {"unit": unit, "form": form, "back": back}
    return render(request, "criteria/evidence_combine.html", context, status=422 if form.errors else 200)
