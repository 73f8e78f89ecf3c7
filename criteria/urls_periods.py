"""Addresses of reporting periods; included by criteria/urls.py."""

from django.urls import path

from criteria.views import periods

urlpatterns = [
    path("periods/", periods.period_list, name="period_list"),
    path("periods/add/", periods.period_create, name="period_create"),
    path("periods/add-year/", periods.period_create_year, name="period_create_year"),
    path("periods/<int:pk>/", periods.period_detail, name="period_detail"),
    path("periods/<int:pk>/late/", periods.period_late, name="period_late"),
    path("periods/<int:pk>/edit/", periods.period_edit, name="period_edit"),
    path("periods/<int:pk>/delete/", periods.period_delete, name="period_delete"),
    path("periods/<int:pk>/close/", periods.period_close, name="period_close"),
    path("periods/<int:pk>/reopen/", periods.period_reopen, name="period_reopen"),
]
