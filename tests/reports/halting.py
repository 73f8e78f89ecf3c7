"""Settings and builder of a worker that halts halfway through its first report, for a test that kills it there.

`DJANGO_SETTINGS_MODULE=tests.reports.halting manage.py db_worker` is the real worker with the real reports,
but for one: the area matrix says by the file HALTED that half of it is drawn, and never gets further. Where
that file is there already, it draws the report to its end.
"""

import os
import time
from pathlib import Path

from django.apps import AppConfig

from ntm import settings

for name in dir(settings):
    if name.isupper():
        globals()[name] = getattr(settings, name)
INSTALLED_APPS = [*settings.INSTALLED_APPS, "tests.reports.halting.HaltingConfig"]


class HaltingConfig(AppConfig):
    name = "tests.reports.halting"
    label = "halting"

    def ready(self) -> None:
        from reports.builders import MatrixReport
        from reports.jobs import BUILDERS

        class HaltingReport(MatrixReport):
            def build(self, user, params, progress, target):
                halted = Path(os.environ["HALTED"])
                if halted.exists():
                    return super().build(user, params, progress, target)

                def until_half(done, total, text=""):
                    progress(done, total, text)
                    if done >= total / 2:
                        target.write(b"PK half a workbook")
                        target.flush()
                        halted.touch()
                        time.sleep(3600)

                return super().build(user, params, until_half, target)

        BUILDERS["matrix"] = HaltingReport()
