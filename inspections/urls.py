"""Addresses of the inspections app."""

from django.urls import path

from inspections.views import conclusion, findings, minutes, recheck, scoring, team, visits

app_name = "inspections"
urlpatterns = [
    path("visits/", visits.visit_list, name="visit_list"),
    path("visits/new/", visits.visit_create, name="visit_create"),
    path("visits/<int:pk>/", visits.visit_detail, name="visit_detail"),
    path("visits/<int:pk>/edit/", visits.visit_edit, name="visit_edit"),
    path("visits/<int:pk>/start/", visits.visit_start, name="visit_start"),
    path("visits/<int:pk>/cancel/", visits.visit_cancel, name="visit_cancel"),
    path("visits/<int:pk>/team/", team.visit_team, name="visit_team"),
    path("visits/<int:pk>/team/assign/", team.team_assign, name="team_assign"),
    path("visits/<int:pk>/team/<int:member>/", team.member_edit, name="member_edit"),
    path("visits/<int:pk>/team/<int:member>/remove/", team.member_remove, name="member_remove"),
    path("visits/<int:pk>/criteria/<int:number>/", scoring.visit_criterion, name="visit_criterion"),
    path("visits/<int:pk>/indicators/<int:indicator>/score/", scoring.score_save, name="score_save"),
    path("visits/<int:pk>/indicators/<int:indicator>/agree/", scoring.score_agree, name="score_agree"),
    path("visits/<int:pk>/indicators/<int:indicator>/remark/", scoring.remark_save, name="remark_save"),
    path("visits/<int:pk>/indicators/<int:indicator>/target/", scoring.target_report, name="target_report"),
    path("visits/<int:pk>/findings/new/", findings.finding_create, name="finding_create"),
    path("visits/<int:pk>/findings/", recheck.visit_findings, name="visit_findings"),
    path("visits/<int:pk>/findings/<int:finding>/recheck/", recheck.finding_recheck, name="finding_recheck"),
    path("visits/<int:pk>/conclude/", conclusion.visit_conclude, name="visit_conclude"),
    path("visits/<int:pk>/annexes/new/", conclusion.visit_annex, name="visit_annex"),
    path("visits/<int:pk>/minutes/", minutes.visit_minutes, name="visit_minutes"),
    path("visits/<int:pk>/minutes/draft.docx", minutes.minutes_draft, {"extension": "docx"}, name="minutes_docx"),
    path("visits/<int:pk>/minutes/draft.pdf", minutes.minutes_draft, {"extension": "pdf"}, name="minutes_pdf"),
    path("visits/<int:pk>/minutes/<int:file>/", minutes.minutes_file, name="minutes_file"),
    path("minutes-templates/<int:pk>/", minutes.minutes_template, name="minutes_template"),
    path("minutes-templates/<int:pk>/file/", minutes.minutes_template_file, name="minutes_template_file"),
    path("minutes-templates/<int:pk>/reset/", minutes.minutes_template_reset, name="minutes_template_reset"),
    path("findings/", findings.finding_list, name="finding_list"),
    path("findings/<int:pk>/", findings.finding_detail, name="finding_detail"),
    path("findings/<int:pk>/edit/", findings.finding_edit, name="finding_edit"),
    path("findings/<int:pk>/delete/", findings.finding_delete, name="finding_delete"),
    path("findings/<int:pk>/remedy/", findings.finding_remedy, name="finding_remedy"),
    path("findings/<int:pk>/close/", findings.finding_close, name="finding_close"),
    path("findings/<int:pk>/reopen/", findings.finding_reopen, name="finding_reopen"),
    path("findings/<int:pk>/slip/", findings.finding_slip, name="finding_slip"),
    path("findings/<int:pk>/comment/", findings.finding_comment, name="finding_comment"),
]
