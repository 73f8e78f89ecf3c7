"""Sign-in required everywhere, except where a view says otherwise."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, resolve_url

OPEN_TO_OLD_PASSWORDS = {"account_change_password", "account_logout", "healthz", "help", "help_chapter"}


def asks_for_json(request: HttpRequest) -> bool:
    return "application/json" in request.headers.get("Accept", "")


def wants_data(request: HttpRequest) -> bool:
    """Whether a script asks (htmx or fetch): it can't follow a redirect to a page."""
    return "HX-Request" in request.headers or asks_for_json(request)


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Send strangers to the sign-in page, and people with a one-time password to change it.

    Scripts get 401 with `X-Login-Required: 1` instead, so that the page can ask for the
    password in place and lose nothing typed.
    """

    def process_view(
        self, request: HttpRequest, view_func: Callable, view_args: tuple, view_kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        if request.user.is_authenticated and request.user.must_change_password:
            match = request.resolver_match
            if match is None or match.view_name not in OPEN_TO_OLD_PASSWORDS:
                return self.handle_old_password(request)
        return super().process_view(request, view_func, view_args, view_kwargs)

    def handle_old_password(self, request: HttpRequest) -> HttpResponseBase:
        if asks_for_json(request):
            return JsonResponse({"message": "Bạn phải đổi mật khẩu trước khi tiếp tục."}, status=403)
        if "HX-Request" in request.headers:
            return HttpResponse(status=204, headers={"HX-Redirect": resolve_url("account_change_password")})
        return redirect("account_change_password")

    def handle_no_permission(self, request: HttpRequest, view_func: Callable) -> HttpResponseBase:  # type: ignore[override]
        if wants_data(request):
            return HttpResponse(status=401, headers={"X-Login-Required": "1"})
        return super().handle_no_permission(request, view_func)
