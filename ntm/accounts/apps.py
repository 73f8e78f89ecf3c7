from django.apps import AppConfig
from django.core.checks import Tags, register


class AccountsConfig(AppConfig):
    """People who sign in."""

    name = "ntm.accounts"
    label = "accounts"
    verbose_name = "Tài khoản"

    def ready(self) -> None:
        from ntm.accounts.checks import demonstration_accounts

        register(demonstration_accounts, Tags.database)
