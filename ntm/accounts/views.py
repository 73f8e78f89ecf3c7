"""The sign-in page, which also answers scripts."""

from allauth.account.views import LoginView
from django.middleware.csrf import get_token


class SignInView(LoginView):
    """Sign in; a script gets JSON, so that an expired session is renewed without leaving the page.

    POST `login` and `password` form-encoded with `X-Requested-With: XMLHttpRequest` and
    the CSRF token: 200 with `data.csrf_token` and `data.username` (signing in changes the
    token, also in the cookie), or 400 with `form.errors`.
    """

    def get_ajax_data(self) -> dict:
        user = self.request.user
        return {
            "csrf_token": get_token(self.request),
            "username": user.get_username() if user.is_authenticated else None,
        }
