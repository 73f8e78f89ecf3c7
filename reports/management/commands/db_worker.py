"""manage.py db_worker: the worker of django-tasks, which first takes up the reports a killed one left behind."""

from typing import Any

from django_tasks_db.management.commands.db_worker import Command as DatabaseWorker

from reports.jobs import take_up_expired


class Command(DatabaseWorker):
    def handle(self, **options: Any) -> None:
        take_up_expired()
        super().handle(**options)
