"""Addresses of the criteria app: entry, sending, history, evidence."""

from django.urls import path

from criteria import urls_evidence
from criteria.views import entry

app_name = "criteria"
urlpatterns = [
    path("units/<int:pk>/entry/", entry.entry, name="entry"),
    path("units/<int:pk>/criteria/<int:number>/", entry.criterion, name="criterion"),
    path("units/<int:pk>/send/", entry.submission_send, name="submission_send"),
    path("units/<int:pk>/indicators/<int:indicator>/entry/", entry.entry_save, name="entry_save"),
    path("units/<int:pk>/indicators/<int:indicator>/suggestion/", entry.entry_suggestion, name="entry_suggestion"),
    path("units/<int:pk>/indicators/<int:indicator>/history/", entry.revision_list, name="revision_list"),
    path("units/<int:pk>/indicators/<int:indicator>/report/", entry.target_report, name="target_report"),
    *urls_evidence.urlpatterns,
]
