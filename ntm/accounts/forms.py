"""The forms of signing in and of changing the password."""

from typing import Any

from allauth.account.forms import ChangePasswordForm, LoginForm


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
