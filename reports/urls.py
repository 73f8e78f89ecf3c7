"""Addresses of the reports app."""

from django.urls import path

from reports.views import downloads, home, matrix, units

app_name = "reports"
urlpatterns = [
    path("", home.home, name="home"),
    path("units/", units.unit_search, name="unit_search"),
    path("units/<int:pk>/", units.unit_detail, name="unit_detail"),
    path("units/code/<str:code>/", units.unit_by_code, name="unit_by_code"),
    path("matrix/", matrix.matrix_page, name="matrix"),
    path("reports/", downloads.report_list, name="report_list"),
    path("reports/readiness/<int:pk>.xlsx", downloads.readiness_xlsx, name="readiness_xlsx"),
    path("reports/matrix/<int:pk>.xlsx", downloads.matrix_xlsx, name="matrix_xlsx"),
]
