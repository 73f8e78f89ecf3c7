"""Addresses of the coordinator's workshop: sets, local targets, groups, crosswalks, years past."""

from django.urls import path

from criteria.views import workshop

urlpatterns = [
    path("workshop/", workshop.workshop, name="workshop"),
]
