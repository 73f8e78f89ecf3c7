"""The way back in for a superuser without phone and recovery codes: nobody else may reset theirs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from communes import users
from ntm.accounts.models import User


class Command(BaseCommand):
    help = "Forget somebody's second factor; they set it up anew at the next sign-in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--reason", default="Đặt lại từ máy chủ")

    def handle(self, *args: Any, **options: Any) -> None:
        person = User.objects.filter(username=options["username"]).first()
        if person is None:
            raise CommandError(f"There is no account {options['username']}.")
        try:
            users.reset_second_factor(person, None, options["reason"])
        except users.Refused as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(f"{person.username} sets up a second factor at the next sign-in.")
