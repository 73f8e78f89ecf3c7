"""Signing in and out and changing the password; allauth's other pages (sign-up, e-mail …) don't exist here."""

from allauth.account import views as allauth_views
from django.contrib.auth.decorators import login_not_required
from django.urls import path

from ntm.accounts.views import SignInView, reminders

urlpatterns = [
    path("login/", SignInView.as_view(), name="account_login"),
    path("logout/", login_not_required(allauth_views.logout), name="account_logout"),
    path("password/change/", allauth_views.password_change, name="account_change_password"),
    path("reminders/", reminders, name="account_reminders"),
    path("reauthenticate/", allauth_views.reauthenticate, name="account_reauthenticate"),
]
