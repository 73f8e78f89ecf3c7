"""Signing in and out, the password, the second factor; allauth's other pages (sign-up, e-mail …) don't exist here."""

from allauth.account import views as allauth_views
from allauth.mfa.base import views as mfa_views
from allauth.mfa.recovery_codes import views as recovery_views
from allauth.mfa.totp import views as totp_views
from django.contrib.auth.decorators import login_not_required
from django.urls import path

from ntm.accounts.views import SignInView, reminders

urlpatterns = [
    path("login/", SignInView.as_view(), name="account_login"),
    path("logout/", login_not_required(allauth_views.logout), name="account_logout"),
    path("password/change/", allauth_views.password_change, name="account_change_password"),
    path("reminders/", reminders, name="account_reminders"),
    path("reauthenticate/", allauth_views.reauthenticate, name="account_reauthenticate"),
    path("2fa/", mfa_views.index, name="mfa_index"),
    # Half signed in: the password was right, the code is still asked for.
    path("2fa/authenticate/", login_not_required(mfa_views.authenticate), name="mfa_authenticate"),
    path("2fa/reauthenticate/", mfa_views.reauthenticate, name="mfa_reauthenticate"),
    path("2fa/totp/activate/", totp_views.activate_totp, name="mfa_activate_totp"),
    path("2fa/totp/deactivate/", totp_views.deactivate_totp, name="mfa_deactivate_totp"),
    path("2fa/recovery-codes/", recovery_views.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("2fa/recovery-codes/generate/", recovery_views.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("2fa/recovery-codes/download/", recovery_views.download_recovery_codes, name="mfa_download_recovery_codes"),
]
