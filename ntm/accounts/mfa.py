"""The second factor: a code from an app on the phone (TOTP), and recovery codes on paper."""

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms
from django.contrib.auth.base_user import AbstractBaseUser


class MFAAdapter(DefaultMFAAdapter):
    """allauth's, with words of our own; accounts are named by their sign-in name, not by e-mail."""

    error_messages = {**DefaultMFAAdapter.error_messages, "incorrect_code": "Mã không đúng hoặc đã hết hạn."}

    def get_totp_label(self, user: AbstractBaseUser) -> str:
        return user.get_username()

    def get_totp_issuer(self) -> str:
        return "Nong thon moi"  # some apps show letters with marks as rubbish


def for_phones(field: forms.Field, label: str, help_text: str) -> None:
    """Let the phone show digits and offer the code it has just received."""
    field.label, field.help_text = label, help_text
    field.widget.attrs = {"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True, "maxlength": 12}


class CodeForm(AuthenticateForm):
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        for_phones(self.fields["code"], "Mã xác thực", "6 chữ số trong ứng dụng xác thực, hoặc một mã dự phòng.")


class CodeAgainForm(ReauthenticateForm):
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        for_phones(self.fields["code"], "Mã xác thực", "6 chữ số trong ứng dụng xác thực, hoặc một mã dự phòng.")


class ActivateForm(ActivateTOTPForm):
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        for_phones(self.fields["code"], "Mã xác thực", "6 chữ số ứng dụng đang hiện; mã đổi sau mỗi 30 giây.")
