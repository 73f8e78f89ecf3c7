"""The sign-in page, which also answers scripts, and how one is reminded."""

from allauth.account.views import LoginView
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from ntm.accounts.forms import RemindersForm


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


@require_http_methods(["GET", "HEAD", "POST"])
def reminders(request: HttpRequest) -> HttpResponse:
    """Nhắc việc qua thư: one's own address and how often."""
    form = RemindersForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Đã lưu cách nhắc việc.")
        return redirect("account_reminders")
    return render(
        request,
        "account/reminders.html",
        {"form": form, "is_configured": bool(settings.MAIL)},
        status=422 if form.errors else 200,
    )
