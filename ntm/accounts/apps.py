from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People who sign in."""

    name = "ntm.accounts"
    label = "accounts"
    verbose_name = "Tài khoản"
