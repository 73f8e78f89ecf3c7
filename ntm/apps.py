from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class NtmConfig(AppConfig):
    """What belongs to no app of the product."""

    default = True
    name = "ntm"
    verbose_name = "Hệ thống"


class ReferenceAdminConfig(admin_apps.AdminConfig):
    """Django's admin, as the pages where reference data is kept."""

    default = False
    default_site = "communes.reference.ReferenceSite"
