"""Every address of the product; each app lists its own."""

from django.contrib import admin
from django.urls import include, path

from ntm import views

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("accounts/", include("ntm.accounts.urls")),
    path("admin/", admin.site.urls),
    path("", include("criteria.urls")),
    path("", include("inspections.urls")),
    path("", include("reports.urls")),
]

handler400 = views.bad_request
handler403 = views.permission_denied
handler404 = views.page_not_found
handler500 = views.server_error
