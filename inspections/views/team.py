"""Thành phần đoàn: who goes, and who looks at what."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from communes import access
from criteria.assignment import OVERLOAD_LEAST, OVERLOAD_SHARE, review
from criteria.forms import is_id
from criteria.owners import owners
from inspections import planning
from inspections.forms import ChangeMemberForm, MemberForm
from inspections.models import TeamMember, Visit
from inspections.views.visits import get_visit


@require_http_methods(["GET", "POST"])
def visit_team(request: HttpRequest, pk: int) -> HttpResponse:
    """The team with its assignments; a POST adds a member."""
    visit = get_visit(request, pk)
    access.require(request.user, "visit.change", visit)
    form = MemberForm(request.POST or None, visit=visit)
    if request.method == "POST" and form.is_valid():
        try:
            member = planning.add_member(visit, **form.cleaned_data)
        except planning.Invalid as invalid:
            form.take_errors(invalid.errors)
        except planning.Closed as closed:
            messages.error(request, str(closed))
            return redirect("inspections:visit_detail", pk=visit.pk)
        else:
            messages.success(request, f"Đã thêm {member.name} vào đoàn.")
            return redirect("inspections:visit_team", pk=visit.pk)
    return _page(request, visit, form, status=422 if form.is_bound else 200)


def _page(request: HttpRequest, visit: Visit, form: MemberForm, status: int) -> HttpResponse:
    team = list(visit.team.all())
    working = [member for member in team if member.role != TeamMember.Role.ATTENDEE]
    scope = planning.scope_of(visit)
    assigned = {member.pk: {criterion.pk for criterion in member.criteria.all()} for member in working}
    found = review([criterion.pk for criterion in scope], assigned)
    names = {member.pk: member.name for member in team}
    numbers = {criterion.pk: criterion.number for criterion in scope}
    counterparts = owners(visit.unit, visit.criteria_set, visit.day)
    return render(
        request,
        "inspections/visit_team.html",
        {
            "visit": visit,
            "team": team,
            "working": working,
            "form": form,
            "unled": bool(planning.unled([visit])),
            "leader": next((member for member in team if member.role == TeamMember.Role.LEADER), None),
            "grid": [
                {
                    "criterion": c,
                    "counterparts": [owner.name for owner in counterparts.get(c.pk, [])],
                    "cells": [(member, c.pk in assigned[member.pk]) for member in working],
                }
                for c in scope
            ],
            "review": found,
            "overlaps": [(numbers[c], [names[m] for m in members]) for c, members in found.overlaps.items()],
            "gaps": [numbers[c] for c in found.gaps],
            "overloaded": [(names[m], count) for m, count in found.overloaded.items()],
            "share": OVERLOAD_SHARE,
            "least": OVERLOAD_LEAST,
        },
        status=status,
    )


@require_POST
def team_assign(request: HttpRequest, pk: int) -> HttpResponse:
    """Save the whole grid: boxes `m-<member>` with criterion ids. What isn't an id is no choice."""
    visit = get_visit(request, pk)
    access.require(request.user, "visit.change", visit)
    assignments = {
        member.pk: [int(value) for value in request.POST.getlist(f"m-{member.pk}") if is_id(value)]
        for member in visit.team.all()
    }
    version = request.POST.get("version", "")
    try:
        planning.assign(visit, assignments, seen_version=int(version) if is_id(version) else 0)
    except planning.Changed as changed:
        messages.error(request, str(changed))
        fresh = get_visit(request, pk)
        return _page(request, fresh, MemberForm(visit=fresh), status=409)
    except planning.Closed as closed:
        messages.error(request, str(closed))
        return redirect("inspections:visit_detail", pk=visit.pk)
    messages.success(request, "Đã lưu phân công.")
    return redirect("inspections:visit_team", pk=visit.pk)


def _member(request: HttpRequest, pk: int, member: int) -> TeamMember:
    visit = get_visit(request, pk)
    access.require(request.user, "visit.change", visit)
    found = get_object_or_404(TeamMember.objects.visible_to(request.user), visit=visit, pk=member)
    found.visit = visit
    return found


@require_http_methods(["GET", "POST"])
def member_edit(request: HttpRequest, pk: int, member: int) -> HttpResponse:
    found = _member(request, pk, member)
    names = ("name", "post", "organisation", "role", "counterpart")
    form = ChangeMemberForm(request.POST or None, initial={name: getattr(found, name) for name in names})
    if request.method == "POST" and form.is_valid():
        try:
            planning.change_member(found, form.cleaned_data)
        except planning.Invalid as invalid:
            form.take_errors(invalid.errors)
        except planning.Closed as closed:
            messages.error(request, str(closed))
            return redirect("inspections:visit_detail", pk=pk)
        else:
            messages.success(request, f"Đã lưu {form.cleaned_data['name']}.")
            return redirect("inspections:visit_team", pk=pk)
    status = 422 if form.is_bound else 200
    return render(
        request, "inspections/member_form.html", {"visit": found.visit, "member": found, "form": form}, status=status
    )


@require_http_methods(["GET", "POST"])
def member_remove(request: HttpRequest, pk: int, member: int) -> HttpResponse:
    """Asks once (GET), then takes the member off the team."""
    found = _member(request, pk, member)
    if request.method == "POST":
        try:
            planning.remove_member(found)
        except (planning.Invalid, planning.Closed) as refused:
            messages.error(request, str(refused))
        else:
            messages.success(request, f"Đã đưa {found.name} ra khỏi đoàn.")
        return redirect("inspections:visit_team", pk=pk)
    return render(request, "inspections/member_remove.html", {"visit": found.visit, "member": found})
