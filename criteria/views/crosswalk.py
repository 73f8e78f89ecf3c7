"""Nối tiếp chỉ tiêu giữa hai bộ: the table people fill in, and taking an earlier result over."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from communes.access import get_unit, require, visible_sets
from communes.models import Level, Unit
from criteria import crosswalk
from criteria.checks import Refused, format_day
from criteria.crosswalk import CrosswalkChanged, Line
from criteria.entries import Stale
from criteria.models import CriteriaSet, Indicator
from criteria.views.entry import criterion_url
from criteria.views.workshop import chosen_province


def _sets(user: Any, province: Unit | None) -> list[CriteriaSet]:
    rows = visible_sets(user).filter(level=Level.COMMUNE).filter(Q(province__isnull=True) | Q(province=province))
    return list(rows.for_choosing().order_by("first_year", "grade_order", "code"))  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
def crosswalk_page(request: HttpRequest) -> HttpResponse:
    """Which indicators of an earlier set those of a later one continue."""
    province = chosen_province(request)
    sets = _sets(request.user, province)
    earlier, later = _chosen(request, sets)
    found: list[Line] = crosswalk.lines(earlier, later, province) if earlier and later else []
    status, changed = 200, []
    if request.method == "POST" and earlier and later:
        typed = {
            line.indicator.pk: (
                request.POST.get(f"codes-{line.indicator.pk}", line.seen)[:500],
                request.POST.get(f"seen-{line.indicator.pk}", line.seen),
            )
            for line in found
        }
        try:
            count = crosswalk.save(earlier, later, province, typed, by=request.user)
        except Refused as refused:
            status = 422
            for line in found:
                line.error = refused.errors.get(str(line.indicator.pk), "")
        except CrosswalkChanged as stale:
            status, changed = 409, stale.codes
        else:
            messages.success(request, f"Đã lưu: {count} chỉ tiêu thay đổi." if count else "Không có gì thay đổi.")
            return redirect(f"{request.path}?{request.GET.urlencode()}")
        for line in found:
            line.typed = typed[line.indicator.pk][0]
    context = {
        "province": province,
        "sets": sets,
        "earlier": earlier,
        "later": later,
        "lines": found,
        "known": crosswalk.indicators_of(earlier) if earlier else [],
        "changed": changed,
        "errors": [
            (f"codes-{line.indicator.pk}", f"{line.indicator.code}: {line.error}") for line in found if line.error
        ],
    }
    return render(request, "criteria/workshop/crosswalk.html", context, status=status)


def _chosen(request: HttpRequest, sets: list[CriteriaSet]) -> tuple[CriteriaSet | None, CriteriaSet | None]:
    """The two sets asked for; without that the newest standard set and the one before it."""
    by_code = {criteria_set.code: criteria_set for criteria_set in sets}
    standard = [criteria_set for criteria_set in sets if criteria_set.grade == "standard"]
    usual = (standard[-2], standard[-1]) if len(standard) > 1 else (None, None)
    picked = []
    for name, otherwise in zip(("earlier", "later"), usual, strict=True):
        code = request.GET.get(name, "")
        if code and code not in by_code:
            raise Http404("Không có bộ tiêu chí này.")
        picked.append(by_code[code] if code else otherwise)
    earlier, later = picked
    return (None, None) if earlier == later else (earlier, later)


@require_POST
def take_over(request: HttpRequest, pk: int, indicator: int) -> HttpResponse:
    """Put an earlier set's result into the draft of the indicator that continues it; asked once where that
    replaces a draft or is entered for another day."""
    unit = get_unit(request.user, pk)
    item = get_object_or_404(Indicator.objects.for_unit(unit).select_related("criterion__criteria_set"), pk=indicator)
    require(request.user, "criterion.enter", (unit, item.criterion))
    criteria_set = item.criterion.criteria_set
    here = f"{criterion_url(unit, criteria_set, item.criterion.number)}#row-{item.pk}"
    try:
        earlier, version = int(request.POST.get("earlier", "")), int(request.POST.get("version", ""))
        found = crosswalk.offer(unit, item, earlier, seen_version=version, user=request.user)
        if found.must_ask and "confirmed" not in request.POST:
            context = {"unit": unit, "indicator": item, "offer": found, "version": version, "cancel_url": here}
            return render(request, "criteria/take_over.html", context)
        _, kept, tied = crosswalk.take_over(unit, item, found, seen_version=version, user=request.user)
    except (ValueError, KeyError):
        raise Http404("Không có kết quả này.") from None
    except Refused as refused:
        messages.error(request, f"Chưa lấy được: {refused}")
    except Stale:
        messages.error(request, "Dòng này vừa được sửa; xem lại rồi lấy lại nếu vẫn cần.")
    else:
        words = f"Đã lấy kết quả cũ vào chỉ tiêu {item.code}" + (f", kèm {tied} tài liệu." if tied else ".")
        if found.is_redated:
            was = format_day(found.told.state["effective_on"])
            words += f" Số liệu của {was} ghi cho ngày {format_day(found.day)}; kiểm tra lại."
        if not kept:
            words += " Mức đánh giá cũ không hợp với yêu cầu mới nên để trống: chọn lại mức đánh giá."
        messages.success(request, words)
    return redirect(here)
