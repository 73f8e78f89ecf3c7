"""Addresses of the coordinator's workshop: sets, local targets, groups, crosswalks, years past."""

from django.urls import path

from criteria.views import crosswalk, workshop

urlpatterns = [
    path("workshop/", workshop.workshop, name="workshop"),
    path("workshop/crosswalk/", crosswalk.crosswalk_page, name="crosswalk"),
    path("units/<int:pk>/indicators/<int:indicator>/take-over/", crosswalk.take_over, name="take_over"),
]
