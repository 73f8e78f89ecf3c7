"""A bare Django worker to compare memory with: Django's own contrib apps, their middleware, one view."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from ntm import env

CONTRIB = ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles")


def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello, world", content_type="text/plain")


urlpatterns = [path("bench/hello/", hello)]

# gunicorn loads this module as the application; the benchmark itself has other settings.
if os.environ.get("BENCH_BARE"):
    settings.configure(
        SECRET_KEY="for measuring only",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        DATABASES={"default": env.database("DATABASE_URL", "")},
        INSTALLED_APPS=[f"django.contrib.{name}" for name in CONTRIB],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        STATIC_URL="/static/",
        USE_TZ=True,
    )
    application = get_wsgi_application()
