"""Recognitions of communes: an area's, recorded many at once or pasted; one commune's; revoking and voiding."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from communes import access
from communes.fields import DayField, TextField
from communes.models import Level, Unit
from communes.roster import as_on, rural_communes_on
from criteria.forms import is_id
from criteria.models import CriteriaSet, Recognition
from criteria.paste import NothingPasted
from criteria.recognition_paste import Line, plan, save
from criteria.recognitions import RecognitionRefused, recognise, recognised, revoke, void
from ntm.clock import today
from reports.matrix import area_sets, asked_set
from reports.moments import BadMoment, asked_moment, periods_offered
from reports.views import say
from reports.views.matrix import area_choices, choose_area, seen_areas


class DecisionForm(forms.Form):
    """By which decision the ticked communes were recognised."""

    decision = TextField(
        label="Quyết định công nhận",
        max_length=100,
        help_text="Số, ký hiệu, ví dụ 123/QĐ-UBND.",
        error_messages={"required": "Nhập số, ký hiệu quyết định."},
    )
    decided_on = DayField(label="Ngày quyết định")


class UnitDecisionForm(DecisionForm):
    """The same of one commune, by a set of its choice."""

    criteria_set = forms.ChoiceField(label="Bộ tiêu chí", error_messages={"required": "Chọn bộ tiêu chí."})
    field_order = ["criteria_set", "decision", "decided_on"]

    def __init__(self, *args: Any, sets: list[CriteriaSet], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["criteria_set"].choices = [(found.code, found.label) for found in sets]  # type: ignore[attr-defined]


class PasteForm(forms.Form):
    text = forms.CharField(
        label="Các ô chép từ Excel",
        help_text="Ba cột theo thứ tự: Mã xã, Số quyết định, Ngày quyết định. Dòng tiêu đề cột được bỏ qua.",
        widget=forms.Textarea({"rows": 10, "spellcheck": "false"}),
        strip=False,
        error_messages={"required": "Chưa có nội dung. Chép các ô trong Excel rồi dán vào ô này."},
    )


class RevokeForm(forms.Form):
    decision = TextField(
        label="Quyết định thu hồi",
        max_length=100,
        help_text="Số, ký hiệu, ví dụ 456/QĐ-UBND.",
        error_messages={"required": "Nhập số, ký hiệu quyết định."},
    )
    revoked_on = DayField(label="Ngày quyết định thu hồi")


class VoidForm(forms.Form):
    reason = TextField(label="Lý do hủy", max_length=500, error_messages={"required": "Nêu lý do hủy."})


@require_http_methods(["GET", "HEAD", "POST"])
def recognition_list(request: HttpRequest) -> HttpResponse:
    """The area's communes and who is recognised by a set, now or in the past; on POST those ticked are recorded."""
    seen = seen_areas(request)
    area = choose_area(request, seen)
    if area is None:
        reason = access.can(request.user, "areas.see").reason
        return say(request, "Không có địa bàn để xem công nhận", reason, 404)
    try:
        when = asked_moment(request.GET, area)
    except BadMoment as bad:
        return say(request, "Không xem được thời điểm này", str(bad), 404)
    sets, chosen = _sets(request, area)
    if chosen is None:
        return say(request, "Không có bộ tiêu chí này", "Bộ tiêu chí không áp dụng cho địa bàn, hoặc không có.", 404)
    here = _address(area.pk, chosen.code)
    form, errors = DecisionForm(request.POST or None), []
    ticked = [int(key) for key in request.POST.getlist("commune") if is_id(key)]
    if request.method == "POST":
        access.require(request.user, "recognition.change", area)
        if not ticked:
            errors.append(("communes", "Chọn ít nhất một xã."))
        if form.is_valid() and not errors:
            try:
                told = recognise(area, ticked, chosen, **form.cleaned_data, by=request.user)
            except RecognitionRefused as refused:
                form.add_error(None, str(refused))
            else:
                messages.success(request, _recorded(*told))
                return redirect(here)
    day, known_at = when.moment or (today(), None)
    members = rural_communes_on(area, day)
    found = recognised((member.id for member in members), day, known_at)
    rows = [
        (member, [it for it in held if it.criteria_set_id == chosen.pk], held)
        for member in members
        for held in [found.get(member.id, [])]
    ]
    can_change = access.can(request.user, "recognition.change", area)
    context = {
        "area": as_on(area, day),
        "areas": area_choices(seen, area),
        "sets": sets,
        "criteria_set": chosen,
        "when": when,
        "periods": periods_offered(area, when),
        "past": f"&{urlencode(when.query)}" if when.moment else "",
        "day": day,
        "here": here,
        "form": form,
        "errors": errors,
        "ticked": ticked,
        # Those not recognised yet first: they are what one comes to tick.
        "rows": sorted(rows, key=lambda row: bool(row[1])),
        "recognised": sum(bool(own) for _, own, _ in rows),
        "can_change": can_change,
        "takes_decisions": bool(can_change) and when.moment is None,
    }
    return render(request, "reports/recognition_list.html", context, status=422 if form.errors or errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def recognition_paste(request: HttpRequest) -> HttpResponse:
    """Paste lines; look at what would come of them; confirm. Without the confirmation nothing is written."""
    seen = seen_areas(request)
    area = choose_area(request, seen)
    if area is None:
        reason = access.can(request.user, "areas.see").reason
        return say(request, "Không có địa bàn để ghi công nhận", reason, 404)
    access.require(request.user, "recognition.change", area)
    _, chosen = _sets(request, area)
    if chosen is None:
        return say(request, "Không có bộ tiêu chí này", "Bộ tiêu chí không áp dụng cho địa bàn, hoặc không có.", 404)
    form, lines = PasteForm(request.POST or None), []
    if form.is_valid():
        try:
            lines = plan(area, chosen, form.cleaned_data["text"])
        except NothingPasted as refused:
            form.add_error("text", str(refused))
    if lines and "save" in request.POST:
        new = save(area, chosen, lines, request.user)
        counts = _counts(lines)
        left = f" {counts['refused']} dòng không nhận." if counts["refused"] else ""
        messages.success(request, _recorded(new, counts["save"] - new + counts["same"]) + left)
        return redirect(_address(area.pk, chosen.code))
    context = {"area": area, "criteria_set": chosen, "form": form, "lines": lines, "counts": _counts(lines)}
    context["back"] = _address(area.pk, chosen.code)
    return render(request, "reports/recognition_paste.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def recognition_create(request: HttpRequest, pk: int) -> HttpResponse:
    """Record that one commune was recognised, also one that is no more."""
    communes = Unit.objects.visible_to(request.user).filter(level=Level.COMMUNE)
    unit = get_object_or_404(communes, pk=pk)
    access.require(request.user, "recognition.change", unit)
    sets = list(CriteriaSet.objects.for_unit(unit))
    form = UnitDecisionForm(request.POST or None, sets=sets, initial={"criteria_set": request.GET.get("set", "")})
    if request.method == "POST" and form.is_valid():
        told = dict(form.cleaned_data)
        chosen = next(found for found in sets if found.code == told.pop("criteria_set"))
        try:
            new, _ = recognise(unit, [unit.pk], chosen, **told, by=request.user)
        except RecognitionRefused as refused:
            form.add_error(None, str(refused))
        else:
            if new:
                messages.success(request, f"Đã ghi {unit.full_name} được công nhận theo {chosen.label}.")
            else:
                text = f"{unit.full_name} đã được công nhận theo {chosen.label}; quyết định đang có giữ nguyên."
                messages.warning(request, text)
            return redirect(f"{_unit_address(unit, chosen)}#recognitions")
    context = {"unit": unit, "form": form, "back": f"{reverse('reports:unit_detail', args=[unit.pk])}#recognitions"}
    return render(request, "reports/recognition_form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def recognition_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Note a decision that revokes one."""
    found = _get(request, pk)
    if found.revoked_on is not None:
        return say(request, "Đã thu hồi", f"Công nhận này đã thu hồi theo {found.revoked_decision}.", 404)
    form = RevokeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            is_new = revoke(found, **form.cleaned_data, by=request.user)
        except RecognitionRefused as refused:
            form.add_error(None, str(refused))
        else:
            if is_new:
                messages.success(request, f"Đã ghi thu hồi công nhận của {found.unit.full_name}.")
            else:
                messages.warning(request, "Công nhận này vừa được người khác thu hồi hoặc hủy; chưa ghi gì thêm.")
            return redirect(f"{_unit_address(found.unit, found.criteria_set)}#recognitions")
    return _step(request, "reports/recognition_revoke.html", found, form)


@require_http_methods(["GET", "HEAD", "POST"])
def recognition_void(request: HttpRequest, pk: int) -> HttpResponse:
    """Void one recorded by mistake: asked once, with the reason."""
    found = _get(request, pk)
    form = VoidForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        void(found, form.cleaned_data["reason"], request.user)
        messages.success(request, f"Đã hủy dòng ghi công nhận của {found.unit.full_name}.")
        return redirect(f"{_unit_address(found.unit, found.criteria_set)}#recognitions")
    return _step(request, "reports/recognition_void.html", found, form)


def _get(request: HttpRequest, pk: int) -> Recognition:
    rows = Recognition.objects.visible_to(request.user).filter(voided_at__isnull=True)
    found = get_object_or_404(rows.select_related("unit", "criteria_set"), pk=pk)
    access.require(request.user, "recognition.change", found.unit)
    return found


def _step(request: HttpRequest, template: str, found: Recognition, form: forms.Form) -> HttpResponse:
    back = f"{_unit_address(found.unit, found.criteria_set)}#recognitions"
    context = {"recognition": found, "form": form, "back": back}
    return render(request, template, context, status=422 if form.errors else 200)


def _sets(request: HttpRequest, area: Unit) -> tuple[list[CriteriaSet], CriteriaSet | None]:
    sets = area_sets(area)
    return sets, asked_set(sets, request.GET.get("set", ""))


def _address(area: int, code: str) -> str:
    return f"{reverse('reports:recognition_list')}?{urlencode({'area': str(area), 'set': code})}"


def _unit_address(unit: Unit, criteria_set: CriteriaSet) -> str:
    return f"{reverse('reports:unit_detail', args=[unit.pk])}?{urlencode({'set': criteria_set.code})}"


def _recorded(new: int, there: int) -> str:
    """What happened, in words: "Đã ghi 3 xã được công nhận. 2 xã đã ghi từ trước, giữ nguyên."."""
    said = [f"Đã ghi {new} xã được công nhận."] if new or not there else ["Không có xã nào mới."]
    return " ".join([*said, *([f"{there} xã đã ghi từ trước, giữ nguyên."] if there else [])])


def _counts(lines: list[Line]) -> Counter[str]:
    return Counter({"save": 0, "same": 0, "refused": 0}) + Counter(line.outcome for line in lines)
