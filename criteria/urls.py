"""Addresses of the criteria app: entry, base figures, owners, sending, history, evidence, periods,
questions, uploaded tables, the workshop."""

from django.urls import path

from criteria import urls_evidence, urls_periods, urls_questions, urls_uploads, urls_workshop
from criteria.views import base_figures, entry, entry_workbooks, owners, period_report, plans, sending, steps

app_name = "criteria"
urlpatterns = [
    path("units/<int:pk>/entry/", entry.entry, name="entry"),
    path("units/<int:pk>/entry/paste/", steps.entry_paste, name="entry_paste"),
    path("units/<int:pk>/entry/workbook/", entry_workbooks.entry_book, name="entry_book"),
    path("units/<int:pk>/entry/workbook.xlsx", entry_workbooks.entry_book_xlsx, name="entry_book_xlsx"),
    path("units/<int:pk>/entry/met/", steps.entry_met, name="entry_met"),
    path("units/<int:pk>/criteria/<int:number>/", entry.criterion, name="criterion"),
    path("units/<int:pk>/criteria/<int:number>/done/", sending.criterion_finish, name="criterion_finish"),
    path("units/<int:pk>/send/", sending.submission_send, name="submission_send"),
    path("submissions/", sending.submission_list, name="submission_list"),
    path("submissions/<int:pk>/", sending.submission_detail, name="submission_detail"),
    path("submissions/<int:pk>/receive/", sending.submission_receive, name="submission_receive"),
    path("submissions/<int:pk>/return/", sending.submission_return, name="submission_return"),
    path("units/<int:pk>/owners/", owners.owner_list, name="owner_list"),
    path("units/<int:pk>/owners/hand-over/", owners.hand_over, name="owner_hand_over"),
    path("units/<int:pk>/owners/<int:owner>/end/", owners.owner_end, name="owner_end"),
    path("units/<int:pk>/criteria/<int:number>/unchanged/", steps.entry_renew, name="entry_renew"),
    path("units/<int:pk>/base-figures/", base_figures.base_figures, name="base_figures"),
    path("units/<int:pk>/period-report/", period_report.present, name="period_report_present"),
    path("units/<int:pk>/period-report/<int:period>/", period_report.period_report, name="period_report"),
    path("units/<int:pk>/period-report/<int:period>/texts/", period_report.texts, name="period_texts"),
    path(
        "units/<int:pk>/period-report/<int:period>/tables/<int:table>/",
        period_report.table_fill,
        name="supplementary_fill",
    ),
    path("units/<int:pk>/plan/", plans.plan, name="plan"),
    path("units/<int:pk>/indicators/<int:indicator>/entry/", entry.entry_save, name="entry_save"),
    path("units/<int:pk>/indicators/<int:indicator>/suggestion/", entry.entry_suggestion, name="entry_suggestion"),
    path("units/<int:pk>/indicators/<int:indicator>/history/", entry.revision_list, name="revision_list"),
    path("units/<int:pk>/indicators/<int:indicator>/report/", entry.target_report, name="target_report"),
    *urls_evidence.urlpatterns,
    *urls_periods.urlpatterns,
    *urls_questions.urlpatterns,
    *urls_uploads.urlpatterns,
    *urls_workshop.urlpatterns,
]
