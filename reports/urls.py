"""Addresses of the reports app."""

from django.urls import path

from reports.views import desk, downloads, home, matrix, meetings, papers, registrations, tables, units

app_name = "reports"
urlpatterns = [
    path("", home.home, name="home"),
    path("units/", units.unit_search, name="unit_search"),
    path("units/<int:pk>/", units.unit_detail, name="unit_detail"),
    path("units/code/<str:code>/", units.unit_by_code, name="unit_by_code"),
    path("matrix/", matrix.matrix_page, name="matrix"),
    path("meetings/", meetings.meeting_list, name="meeting_list"),
    path("meetings/new/", meetings.meeting_create, name="meeting_create"),
    path("meetings/overdue/", meetings.meeting_overdue, name="meeting_overdue"),
    path("meetings/<int:pk>/", meetings.meeting_detail, name="meeting_detail"),
    path("meetings/<int:pk>/edit/", meetings.meeting_edit, name="meeting_edit"),
    path("meetings/<int:pk>/next/", meetings.meeting_next, name="meeting_next"),
    path("meetings/<int:pk>/add/", meetings.meeting_add, name="meeting_add"),
    path("meetings/<int:pk>/items/<int:item>/", meetings.item_edit, name="meeting_item"),
    path("meetings/<int:pk>/items/<int:item>/move/", meetings.item_move, name="meeting_item_move"),
    path("meetings/<int:pk>/items/<int:item>/remove/", meetings.item_remove, name="meeting_item_remove"),
    path("my-criteria/", desk.desk_list, name="desk"),
    path("my-criteria/<int:criterion>/units/<int:pk>/", desk.desk_review, name="desk_review"),
    path(
        "my-criteria/<int:criterion>/units/<int:pk>/indicators/<int:indicator>/report/",
        desk.desk_report,
        name="desk_report",
    ),
    path("my-criteria/<int:criterion>/units/<int:pk>/next/", desk.desk_next, name="desk_next"),
    path("reports/", downloads.report_list, name="report_list"),
    path("reports/readiness/<int:pk>.xlsx", downloads.readiness_xlsx, name="readiness_xlsx"),
    path("reports/matrix/<int:pk>.xlsx", downloads.matrix_xlsx, name="matrix_xlsx"),
    path("reports/bundle.xlsx", tables.bundle_xlsx, name="bundle_xlsx"),
    path("reports/tables/<slug:key>/", tables.table_page, name="table"),
    path("reports/tables/<slug:key>.xlsx", tables.table_xlsx, name="table_xlsx"),
    path("reports/tables/<slug:key>.zip", tables.table_zip, name="table_zip"),
    path("registrations/", registrations.registration_list, name="registration_list"),
    path("registrations/<int:pk>/withdraw/", registrations.registration_withdraw, name="registration_withdraw"),
    path("reports/brief/<int:pk>/", papers.brief, name="brief"),
    path("reports/brief/<int:pk>.docx", papers.brief, {"extension": "docx"}, name="brief_docx"),
    path("reports/notice/<int:pk>/", papers.notice, name="notice"),
    path("reports/notice/<int:pk>.docx", papers.notice, {"extension": "docx"}, name="notice_docx"),
]
