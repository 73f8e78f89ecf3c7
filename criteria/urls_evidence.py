"""Addresses of evidence; included by criteria/urls.py."""

from django.urls import path

from criteria.views import evidence

urlpatterns = [
    path("evidence/", evidence.evidence_list, name="evidence_list"),
    path("evidence/<uuid:pk>/", evidence.evidence_detail, name="evidence_detail"),
    path("evidence/<uuid:pk>/file/", evidence.evidence_file, name="evidence_file"),
    path("evidence/<uuid:pk>/preview/", evidence.evidence_preview, name="evidence_preview"),
    path("evidence/<uuid:pk>/edit/", evidence.evidence_edit, name="evidence_edit"),
    path("evidence/<uuid:pk>/retire/", evidence.evidence_retire, name="evidence_retire"),
    path("evidence/<uuid:pk>/undo/", evidence.evidence_undo, name="evidence_undo"),
    path("evidence/links/<int:pk>/remove/", evidence.evidence_unlink, name="evidence_unlink"),
    path("units/<int:pk>/evidence/", evidence.evidence_upload, name="evidence_upload"),
    path("units/<int:pk>/evidence/register/", evidence.evidence_register, name="evidence_register"),
    path("units/<int:pk>/evidence/attach/", evidence.evidence_attach_many, name="evidence_attach_many"),
    path("units/<int:pk>/evidence/combine/", evidence.evidence_combine, name="evidence_combine"),
    path("units/<int:pk>/evidence/<uuid:evidence>/links/", evidence.evidence_links, name="evidence_links"),
    path("units/<int:pk>/indicators/<int:indicator>/evidence/", evidence.evidence_panel, name="evidence_panel"),
    path(
        "units/<int:pk>/indicators/<int:indicator>/evidence/attach/", evidence.evidence_attach, name="evidence_attach"
    ),
]
