"""Addresses of the coordinator's workshop: sets, local targets, groups, crosswalks, years past."""

from django.urls import path

from criteria.views import crosswalk, groups, history, local_targets, sets, workshop

urlpatterns = [
    path("workshop/", workshop.workshop, name="workshop"),
    path("workshop/sets/", sets.set_list, name="set_list"),
    path("workshop/sets/upload/", sets.set_upload, name="set_upload"),
    path("workshop/sets/template.xlsx", sets.set_template, name="set_template"),
    path("workshop/sets/<slug:code>/", sets.set_detail, name="set"),
    path("workshop/sets/<slug:code>/difference/", sets.set_difference, name="set_difference"),
    path("workshop/sets/<slug:code>/set.xlsx", sets.set_workbook, name="set_workbook"),
    path("workshop/sets/<slug:code>/set.json", sets.set_json, name="set_json"),
    path("workshop/sets/<slug:code>/publish/", sets.set_publish, name="set_publish"),
    path("workshop/sets/<slug:code>/discard/", sets.set_discard, name="set_discard"),
    path("workshop/targets/", local_targets.target_grid, name="target_grid"),
    path("workshop/targets/edit/", local_targets.target_bulk, name="target_bulk"),
    path("workshop/targets/confirm/", local_targets.target_confirm, name="target_confirm"),
    path("workshop/targets/add/", local_targets.target_create, name="target_create"),
    path("workshop/targets/<int:pk>/", local_targets.target_edit, name="target_edit"),
    path("workshop/targets/<int:pk>/delete/", local_targets.target_delete, name="target_delete"),
    path("workshop/targets/table.xlsx", local_targets.target_book, name="target_workbook"),
    path("workshop/targets/upload/", local_targets.target_upload, name="target_upload"),
    path("workshop/targets/reports/", local_targets.target_report_list, name="target_report_list"),
    path("workshop/targets/reports/<int:pk>/", local_targets.target_report_answer, name="target_report_answer"),
    path("workshop/groups/", groups.group_list, name="group_list"),
    path("workshop/groups/table.xlsx", groups.group_book, name="group_workbook"),
    path("workshop/groups/upload/", groups.group_upload, name="group_upload"),
    path("workshop/crosswalk/", crosswalk.crosswalk_page, name="crosswalk"),
    path("units/<int:pk>/indicators/<int:indicator>/take-over/", crosswalk.take_over, name="take_over"),
    path("workshop/history/", history.history_list, name="history_list"),
    path("workshop/history/<uuid:pk>/about/", history.history_about, name="history_about"),
    path("workshop/history/<uuid:pk>/sheet/", history.history_sheet, name="history_sheet"),
    path("workshop/history/<uuid:pk>/headings/", history.history_headings, name="history_headings"),
    path("workshop/history/<uuid:pk>/columns/", history.history_columns, name="history_columns"),
    path("workshop/history/<uuid:pk>/marks/", history.history_marks, name="history_marks"),
    path("workshop/history/<uuid:pk>/communes/", history.history_communes, name="history_communes"),
    path("workshop/history/<uuid:pk>/void/", history.history_void, name="history_void"),
]
