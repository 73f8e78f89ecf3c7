"""The product's own calendar: every "today" comes from here.

`NTM_TODAY` fixes the day for the demonstration and the tests; production refuses it
(`ntm/settings.py`). Moments (`*_at`) are real times from `django.utils.timezone.now`.
"""

from datetime import date

from django.conf import settings
from django.utils import timezone


def today() -> date:
    """Return today's date in Việt Nam, or the fixed day of the demonstration."""
    return settings.NTM_TODAY or timezone.localdate()
