"""Planned results of a unit: all indicators of a set on one page, saved as one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from communes.access import can, criteria_of_others, require, roles
from criteria import plans
from criteria.checks import Refused
from criteria.forms import PlanForm
from criteria.models import CriteriaSet
from criteria.plans import PlanRow, PlansChanged, PlansRefused, Typed
from criteria.views.entry import unit_and_set
from ntm.clock import today


@require_http_methods(["GET", "HEAD", "POST"])
def plan(request: HttpRequest, pk: int) -> HttpResponse:
    """The plan of one day beside the target and the present result; on POST the changed rows are saved as one."""
    unit, criteria_set = unit_and_set(request, pk)
    code, ends_on = _end(request, criteria_set)
    can_change = can(request.user, "entry.change", unit)
    groups = plans.plan_rows(unit, criteria_set, ends_on, request.user)
    rows = [row for _, found in groups for row in found]
    others = criteria_of_others(roles(request.user), unit)
    status, filled, reason = 200, 0, plans.why_over(ends_on)
    if request.method == "POST":
        require(request.user, "entry.change", unit)
        typed = _read(request, rows)
        if "fill" in request.POST:
            filled = sum(row.fill() for row in rows if row.indicator.criterion_id not in others)
        elif any(row.errors for row in rows):
            status = 422
        else:
            try:
                saved = plans.save_plans(unit, criteria_set, ends_on, typed, request.user)
            except Refused:
                status = 422  # the page says why
            except PlansRefused as refused:
                status = 422
                for row in rows:
                    row.errors = refused.errors.get(row.indicator.pk, {})
            except PlansChanged as changed:
                status = 409
                _show_theirs(rows, changed)
            else:
                messages.success(request, f"Đã lưu kế hoạch đến {plans.end_words(ends_on)}: {saved} dòng thay đổi.")
                return redirect(f"{reverse('criteria:plan', args=[unit.pk])}?set={criteria_set.code}&year={code}")
    return render(
        request,
        "criteria/plan.html",
        {
            "unit": unit,
            "criteria_set": criteria_set,
            "sets": CriteriaSet.objects.for_unit(unit),
            "here": reverse("criteria:plan", args=[unit.pk]),
            "code": code,
            "ends_on": ends_on,
            "end_words": plans.end_words(ends_on),
            "ends": [(found, plans.end_words(day)) for found, day in plans.ends(criteria_set).items()],
            "groups": [(criterion, found, others.get(criterion.pk, "")) for criterion, found in groups],
            "reason": reason or can_change.reason,
            "writes": bool(can_change and not reason),
            "filled": filled,
            "was_filled": "fill" in request.POST,
            "changed": status == 409,
            "planned": len({row.indicator.whole_id for row in rows if row.is_planned}),
            "total": len({row.indicator.whole_id for row in rows}),
            "errors": [
                (f"value-{row.indicator.pk}", f"{row.indicator.code}: {text}")
                for row in rows
                for text in row.errors.values()
            ],
        },
        status=status,
    )


def _end(request: HttpRequest, criteria_set: CriteriaSet) -> tuple[str, date]:
    """The day planned for, asked for as year=2024 or year=2024-06; without, the end of this year or the set's last."""
    known = plans.ends(criteria_set)
    asked = request.GET.get("year", "")
    if asked and asked not in known:
        raise Http404("Không lập kế hoạch cho thời điểm này.")
    usual = str(today().year)
    code = asked or (usual if usual in known else list(known)[-1])
    return code, known[code]


def _read(request: HttpRequest, rows: Iterable[PlanRow]) -> dict[int, Typed]:
    """What was typed, put into the rows as well, with what is wrong with it."""
    typed = {}
    for row in rows:
        key = str(row.indicator.pk)
        if f"{key}-version" not in request.POST:
            continue
        row.typed = {name: request.POST.get(f"{key}-{name}", "") for name in row.typed}
        form = PlanForm(request.POST, prefix=key)
        if form.is_valid():
            typed[row.indicator.pk] = form.typed()
        else:
            row.errors = {name: str(texts[0]) for name, texts in form.errors.items()}
            if row.errors.pop("version", ""):
                row.errors["verdict"] = "Trang đã cũ: tải lại trang rồi lưu."
    return typed


def _show_theirs(rows: Iterable[PlanRow], changed: PlansChanged) -> None:
    """What somebody else saved, beside what was typed; saving once more then puts this in its place."""
    for row in rows:
        if row.indicator.pk in changed.plans:
            row.theirs = changed.plans[row.indicator.pk]
            row.typed["version"] = str(row.theirs.version if row.theirs else 0)
