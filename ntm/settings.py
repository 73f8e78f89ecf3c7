"""Settings, one file, driven by the environment (see the README for the variables).

`NTM_ENV` says where the process runs. It is `production` unless said otherwise, and
production refuses everything that only a demonstration may do.
"""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from ntm import env

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = env.folder("NTM_VAR", BASE_DIR / "var")

NTM_ENV = env.choice("NTM_ENV", ("production", "demonstration", "development", "test"), "production")
PRODUCTION = NTM_ENV == "production"
DEMONSTRATION_KEY = "demonstration-key-that-guards-nothing-and-is-refused-in-production"
DEMONSTRATION_PASSWORD = "ntm-demo-2026"  # noqa: S105 - printed in the README, refused in production

DEBUG = env.flag("DEBUG", NTM_ENV == "development")
SECRET_KEY = env.text("SECRET_KEY", None if PRODUCTION else DEMONSTRATION_KEY)
NTM_TODAY = env.day("NTM_TODAY")
DEMONSTRATION = NTM_ENV in {"demonstration", "test"}

if PRODUCTION:
    if DEBUG:
        raise ImproperlyConfigured("DEBUG is refused in production.")
    if (
        SECRET_KEY == DEMONSTRATION_KEY
        or SECRET_KEY.startswith("django-insecure-")
        or len(SECRET_KEY) < 50
        or len(set(SECRET_KEY)) < 5
    ):
        raise ImproperlyConfigured("SECRET_KEY must be a random text of at least 50 characters in production.")
    if NTM_TODAY:
        raise ImproperlyConfigured("NTM_TODAY is refused in production: it would date real results wrongly.")

ALLOWED_HOSTS = env.words("ALLOWED_HOSTS") or ([] if PRODUCTION else ["127.0.0.1", "localhost", "[::1]", "testserver"])
if PRODUCTION and not ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS must list the server's names in production.")
if PRODUCTION and "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS must list the server's names in production; * takes any.")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
TRUSTED_PROXIES = env.integer("TRUSTED_PROXIES", 0)

INSTALLED_APPS = [
    "ntm.accounts",
    "ntm",
    "communes",
    "criteria",
    "inspections",
    "reports",
    "ntm.apps.ReferenceAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "crispy_forms",
    "crispy_bootstrap5",
    "django_htmx",
    "django_tasks",
    "django_tasks_db",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "ntm.middleware.RefuseNul",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "ntm.accounts.middleware.SignInRequiredMiddleware",
    "communes.middleware.SecondFactorMiddleware",
]

ROOT_URLCONF = "ntm.urls"
CSRF_FAILURE_VIEW = "ntm.views.csrf_failure"
WSGI_APPLICATION = "ntm.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ntm.context.site",
            ],
        },
    }
]

DATABASES = {"default": env.database("DATABASE_URL", f"sqlite://{VAR_DIR}/ntm.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Lock-out counters must be shared by all worker processes, and a full cache must not
# forget them (DESIGN: security).
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "ntm_cache",
        "OPTIONS": {"MAX_ENTRIES": 200_000},
    }
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["ntm.accounts.backends.PasswordBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
if NTM_ENV == "test":
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "ntm.accounts.validators.NotDemonstrationPassword"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "ntm.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_FORMS = {"login": "ntm.accounts.forms.SignInForm", "change_password": "ntm.accounts.forms.PasswordForm"}
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
# Wrong passwords are limited by ntm/accounts/lockout.py.
ACCOUNT_RATE_LIMITS = {"login": "600/m/ip", "change_password": "10/m/user", "reauthenticate": "10/m/user"}

# The second factor; many have no e-mail, so none is asked for.
REQUIRE_TOTP = env.flag("REQUIRE_TOTP", PRODUCTION)
MFA_ADAPTER = "ntm.accounts.mfa.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_TOLERANCE = 1
MFA_FORMS = {
    "authenticate": "ntm.accounts.mfa.CodeForm",
    "reauthenticate": "ntm.accounts.mfa.CodeAgainForm",
    "activate_totp": "ntm.accounts.mfa.ActivateForm",
}

SESSION_COOKIE_AGE = env.integer("SESSION_HOURS", 8, minimum=1) * 3600
SESSION_SAVE_EVERY_REQUEST = False
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SECURE_SSL_REDIRECT = PRODUCTION and env.flag("SECURE_SSL_REDIRECT", True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# lxml comes with docxtpl; openpyxl would read workbooks with it, entities and all.
os.environ["OPENPYXL_LXML"] = "False"

LANGUAGE_CODE = "vi"
TIME_ZONE = "Asia/Ho_Chi_Minh"
USE_TZ = True
USE_I18N = True
LOCALE_PATHS = [BASE_DIR / "ntm" / "locale"]
FORMAT_MODULE_PATH = ["ntm.formats"]

# An index of more columns than its key helps on PostgreSQL; SQLite does without those, as it may.
SILENCED_SYSTEM_CHECKS = ["models.W040"]

STATIC_URL = "/static/"
# The pictures of the user guide are shown in the application, too (ntm/guide.py).
STATICFILES_DIRS = [BASE_DIR / "static", ("guide", BASE_DIR / "docs" / "pictures")]
STATIC_ROOT = VAR_DIR / "static"
MEDIA_ROOT = env.folder("MEDIA_ROOT", VAR_DIR / "media")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = NTM_ENV == "development"

FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000
FILE_UPLOAD_PERMISSIONS = 0o640

CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"

# Reminders go out by e-mail where a server is named; everything else works without one.
MAIL = env.mail("EMAIL_URL")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if MAIL else 'dummy'}.EmailBackend"
EMAIL_TIMEOUT = 20  # seconds a mail server may take for one step
if MAIL:
    EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD, EMAIL_USE_SSL, EMAIL_USE_TLS = MAIL
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", "nong-thon-moi@localhost")
SITE_URL = env.text("SITE_URL", "").rstrip("/")
if PRODUCTION and MAIL and not SITE_URL.startswith("https://"):
    raise ImproperlyConfigured(
        "SITE_URL must be the site's https address where EMAIL_URL is set: reminders link to it."
    )

# One worker: python manage.py db_worker
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
# After so long without a sign of life a report's worker counts as stopped, and the report is begun anew.
REPORT_LEASE_SECONDS = env.integer("REPORT_LEASE_SECONDS", 120, minimum=1)

LOGGING: dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
if PRODUCTION:
    from ntm import logging as production_logging

    LOGGING = production_logging.LOGGING
