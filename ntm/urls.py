"""Every address of the product; each app lists its own."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from ntm import components, views

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("help/", views.help_contents, name="help"),
    path("help/<slug:chapter>/", views.help_chapter, name="help_chapter"),
    path("accounts/", include("ntm.accounts.urls")),
    path("admin/", admin.site.urls),
    path("", include("communes.urls")),
    path("", include("criteria.urls")),
    path("", include("inspections.urls")),
    path("", include("reports.urls")),
]
if settings.DEBUG:
    urlpatterns.append(path("components/", components.components, name="components"))

handler400 = views.bad_request
handler403 = views.permission_denied
handler404 = views.page_not_found
handler500 = views.server_error
