"""The second factor for whoever manages other people's accounts."""

from collections.abc import Callable
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, resolve_url

from communes.access import needs_second_factor
from ntm.accounts.middleware import asks_for_json

# What can be reached before it is set up: setting it up, leaving, and what comes before it.
OPEN_WITHOUT = {
    "mfa_index",
    "mfa_activate_totp",
    "account_reauthenticate",
    "account_change_password",
    "account_logout",
    "account_login",
    "healthz",
    "favicon",
    "help",
    "help_chapter",
}


class SecondFactorMiddleware:
    """Send coordinators and superusers without a second factor to set it up (setting REQUIRE_TOTP).

    allauth asks for the code at every sign-in of whoever has one; this only sees to it that
    those who must have one do.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view_func: Callable, view_args: tuple, view_kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        match = request.resolver_match
        if not settings.REQUIRE_TOTP or (match is not None and match.view_name in OPEN_WITHOUT):
            return None
        user = request.user
        if not needs_second_factor(user) or has_second_factor(user):
            return None
        if asks_for_json(request):
            return JsonResponse({"message": "Bạn phải thiết lập xác thực hai lớp trước khi tiếp tục."}, status=403)
        messages.info(
            request, "Điều phối viên và quản trị hệ thống phải dùng xác thực hai lớp. Thiết lập một lần, khoảng 2 phút."
        )
        if "HX-Request" in request.headers:
            return HttpResponse(status=204, headers={"HX-Redirect": resolve_url("mfa_activate_totp")})
        return redirect("mfa_activate_totp")


def has_second_factor(user: Any) -> bool:
    return Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.TOTP).exists()
