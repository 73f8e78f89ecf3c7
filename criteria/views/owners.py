"""Who in a commune answers for which criterion."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from communes.access import can, require, visible_criteria
from criteria import owners
from criteria.forms import HandOverForm, OwnerForm
from criteria.models import CriterionOwner
from criteria.owners import OwnerRefused, Person
from criteria.views.entry import unit_and_set
from ntm.clock import today


@require_http_methods(["GET", "HEAD", "POST"])
def owner_list(request: HttpRequest, pk: int) -> HttpResponse:
    """Phân công tiêu chí: who has what, what to look at again; on POST criteria are given to somebody."""
    unit, criteria_set = unit_and_set(request, pk)
    rows = CriterionOwner.objects.visible_to(request.user).filter(unit=unit)
    require(request.user, "owners.change" if request.method == "POST" else "owners.see", unit)
    people = owners.people(unit)
    form = OwnerForm(request.POST or None, criteria_set=criteria_set, people=people, initial={"starts_on": today()})
    if request.method == "POST" and form.is_valid():
        typed = form.cleaned_data
        person = form.people.get(typed["person"]) or Person(None, typed["name"], typed["post"])
        try:
            given = owners.assign(
                unit, typed["criteria"], person, typed["role"], starts_on=typed["starts_on"], by=request.user
            )
        except OwnerRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, f"Đã phân công {len(given)} tiêu chí cho {person.name}.")
            return redirect(page(unit, criteria_set))
    # A department sees who answers for its own criteria, as everywhere.
    own = visible_criteria(request.user)
    criteria = [row for row in criteria_set.criteria.order_by("number") if own is None or row.pk in own]
    shown = {criterion.pk for criterion in criteria}
    assigned = {pk: rows for pk, rows in owners.owners(unit, criteria_set, today()).items() if pk in shown}
    numbers = {criterion.pk: criterion.number for criterion in criteria}
    found = owners.review(criteria, assigned)
    context = {
        "unit": unit,
        "criteria_set": criteria_set,
        "rows": [(criterion, assigned.get(criterion.pk, [])) for criterion in criteria],
        "review": found,
        "gaps": [numbers[pk] for pk in found.gaps],
        "overlaps": [(numbers[pk], names) for pk, names in found.overlaps.items()],
        "past": rows.filter(criterion__criteria_set=criteria_set, ends_on__lt=today()).select_related("criterion")[:20],
        "can_change": can(request.user, "owners.change", unit),
        "form": form,
        "ticked": set(form["criteria"].value() or []),
    }
    return render(request, "criteria/owner_list.html", context, status=422 if form.errors else 200)


def page(unit: Any, criteria_set: Any) -> str:
    return f"{reverse('criteria:owner_list', args=[unit.pk])}?set={criteria_set.code}"


@require_http_methods(["GET", "HEAD", "POST"])
def hand_over(request: HttpRequest, pk: int) -> HttpResponse:
    """Bàn giao: all of one person's criteria to a successor, or to a stand-in until a day."""
    unit, criteria_set = unit_and_set(request, pk)
    require(request.user, "owners.change", unit)
    people = owners.people(unit)
    rows = CriterionOwner.objects.filter(unit=unit).in_force(today()).order_by("name", "pk")
    holders = list(dict.fromkeys(Person(row.user_id, row.name, row.post) for row in rows))
    start = {"starts_on": today(), "old": request.GET.get("old", "")}
    form = HandOverForm(request.POST or None, people=people, holders=holders, initial=start)
    if request.method == "POST" and form.is_valid():
        typed = form.cleaned_data
        try:
            moved = owners.hand_over(
                unit,
                form.people[typed["old"]],
                form.people[typed["new"]],
                starts_on=typed["starts_on"],
                until=typed["until"],
                by=request.user,
            )
        except OwnerRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, f"Đã bàn giao {moved} tiêu chí cho {form.people[typed['new']].name}.")
            return redirect(page(unit, criteria_set))
    context = {"unit": unit, "criteria_set": criteria_set, "form": form, "back": page(unit, criteria_set)}
    return render(request, "criteria/owner_hand_over.html", context, status=422 if form.errors else 200)


@require_POST
def owner_end(request: HttpRequest, pk: int, owner: int) -> HttpResponse:
    """Take a criterion from somebody as of today; history keeps that they had it."""
    unit, criteria_set = unit_and_set(request, pk)
    row = get_object_or_404(CriterionOwner.objects.visible_to(request.user).select_related("unit"), unit=unit, pk=owner)
    require(request.user, "owners.change", unit)
    owners.end(row, on=today() - owners.DAY, by=request.user)
    messages.success(request, f"{row.name} không còn phụ trách tiêu chí này.")
    return redirect(page(unit, criteria_set))
