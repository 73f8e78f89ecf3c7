"""Addresses of uploaded tables."""

from django.urls import path

from criteria.views import uploads

urlpatterns = [
    path("uploads/", uploads.upload_list, name="upload_list"),
    path("uploads/<uuid:pk>/", uploads.upload_detail, name="upload"),
    path("uploads/<uuid:pk>/apply/", uploads.upload_apply, name="upload_apply"),
    path("uploads/<uuid:pk>/recheck/", uploads.upload_recheck, name="upload_recheck"),
    path("uploads/<uuid:pk>/withdraw/", uploads.upload_withdraw, name="upload_withdraw"),
    path("uploads/<uuid:pk>/refused.xlsx", uploads.upload_refused, name="upload_refused"),
]
