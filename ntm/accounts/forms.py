"""The forms of signing in, of changing the password, and of reminders."""

from typing import Any

from allauth.account.forms import ChangePasswordForm, LoginForm
from django.forms import ModelForm

from ntm.accounts.models import Digest, User


class SignInForm(LoginForm):
    """allauth's, with words of our own and without what a phone's keyboard does to names."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name, password = self.fields["login"], self.fields["password"]
        name.label, password.label = "Tên đăng nhập", "Mật khẩu"
        password.help_text = ""
        name.widget.attrs |= {"autocapitalize": "none", "autocorrect": "off", "spellcheck": "false", "autofocus": True}
        for field in (name, password):
            field.widget.attrs.pop("placeholder", None)


class PasswordForm(ChangePasswordForm):
    """allauth's, without placeholders that repeat the labels."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)


class RemindersForm(ModelForm):
    """Where and how often a person is reminded of their open work."""

    class Meta:
        model = User
        fields = ["email", "digest"]
        labels = {"email": "Thư điện tử"}
        help_texts = {"email": "Chỉ dùng để nhắc việc."}

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        if typed.get("digest") != Digest.NEVER and not typed.get("email") and "email" not in self.errors:
            self.add_error("email", "Nhập địa chỉ thư để nhận nhắc việc.")
        return typed
