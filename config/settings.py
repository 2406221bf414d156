from __future__ import annotations

import datetime as dt
import re
import sys
from pathlib import Path

import environ
import structlog
import structlog.typing
from csp.constants import NONCE, NONE, SELF

from config.logs import remove_rows

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# ── Kind of process and secrets ───────────────────────────────────────────────────────────────────────────
DEBUG = env.bool("DEBUG", default=False)
# The check of a receipt with published keys needs neither servers nor a secret (rules 16.21).
if sys.argv[1:2] == ["verify_receipt"] and any(argument.startswith("--keys") for argument in sys.argv):
    for _name, _value in (
        ("DATABASE_URL", "postgresql://127.0.0.1:1/none"),
        ("REDIS_URL", "redis://127.0.0.1:1"),
        ("SECRET_KEY", "none"),
    ):
        env.ENVIRON.setdefault(_name, _value)
# Without addresses of servers, Accord runs its own (config.embedded): on a developer's machine, in the demo, in tests.
EMBEDDED = not (env.str("DATABASE_URL", default="") and env.str("REDIS_URL", default=""))
if EMBEDDED:
    from config import embedded

    # Into the environment, so that processes which this one starts (runserver's reloader) agree with it.
    _brought = {
        **embedded.ensure(BASE_DIR).environment(),
        "SECRET_KEY": embedded.secret_key(BASE_DIR),
        "HTTPS": "false",
    }
    for _name, _value in _brought.items():
        env.ENVIRON.setdefault(_name, _value)
SECRET_KEY = env.str("SECRET_KEY")
# Earlier keys, with which older sessions and encrypted webhooks can still be read.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
# TLS ends at the proxy; only plain local use may go without.
HTTPS = env.bool("HTTPS", default=not DEBUG)

INSTALLED_APPS = [
    "config.apps.AccordAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.humanize",
    # The templates of widgets: FORM_RENDERER finds them, and ours before them.
    "django.forms",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "pgtrigger",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "csp",
    "django_structlog",
    "django_prometheus",
    "config.accounts",
    "config.jobs",
    "config.audit",
    "config.upgrades",
    "leads",
    "definitions",
    "scoring",
    "sla",
    "config.demo",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.web.RequestLog",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.web.PersonalPages",
    "config.web.OwnTimeZone",
    "config.web.ContendedRows",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["config.ui.format_tags", "config.ui.badges", "config.ui.boxes"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "config.ui.navigation.shell",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# ── Database: all state, and the queue of work ────────────────────────────────────────────────────────────
# The application's role owns nothing; migrations run as another (rules 17.8).
_migrating = len(sys.argv) > 1 and sys.argv[1] in {"migrate", "makemigrations", "pgtrigger"}
DATABASES = {
    "default": env.db(
        "MIGRATION_DATABASE_URL" if _migrating and "MIGRATION_DATABASE_URL" in env.ENVIRON else "DATABASE_URL"
    )
}
DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"].setdefault("OPTIONS", {}).update({"connect_timeout": 5, "application_name": "accord"})
# A worker that stands still within a transaction (a frozen machine, SIGSTOP) loses its connection, and others get its locks.
# It repeats the work when it goes on. The web server's master ends its own children that stand still.
if "worker" in sys.argv and (_seconds := env.int("WORKER_MAY_IDLE_SECONDS", default=300)):
    # Behind the options that the address of the database may bring.
    _options = DATABASES["default"]["OPTIONS"].get("options", "")
    DATABASES["default"]["OPTIONS"]["options"] = (
        f"{_options} -c idle_in_transaction_session_timeout={_seconds}s".strip()
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"

# ── Celery: wakes workers; the queue is in the database ───────────────────────────────────────────────────
REDIS_URL = env.str("REDIS_URL")
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_TIME_LIMIT = 600
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "max_retries": 0,
}
CELERY_TIMEZONE = "UTC"
# A task that waited longer than its period expires: the next one does its work.
CELERY_BEAT_SCHEDULE = {
    "every 2 seconds: rescore what is due, hand off, route": {
        "task": "config.tasks.tick",
        "schedule": 2.0,
        "options": {"expires": 10},
    },
    "every 2 seconds: send alerts by e-mail and Slack": {
        "task": "config.tasks.deliver",
        "schedule": 2.0,
        "options": {"expires": 4},
    },
    "every 2 seconds: do a backtest that somebody asked for": {
        "task": "config.tasks.run_backtests",
        "schedule": 2.0,
        "options": {"expires": 4},
    },
    "every 15 seconds: renew the MQLs as reports read them": {
        "task": "config.tasks.renew_reported_mqls",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "every 30 seconds: simulate drafted promises, make the week's forecasts": {
        "task": "config.tasks.look_ahead",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    "every 2 seconds: go on with the imports of files": {
        "task": "config.tasks.run_imports",
        "schedule": 2.0,
        "options": {"expires": 4},
    },
    "every 5 seconds: seal the entries of the audit": {
        "task": "config.tasks.seal_audit",
        "schedule": 5.0,
        "options": {"expires": 10},
    },
    "every 15 seconds: warn and breach clocks": {
        "task": "config.tasks.watch_clocks",
        "schedule": 15.0,
        "options": {"expires": 30},
    },
    "every 10 minutes: open the reviews that the figures ask for": {
        "task": "config.tasks.watch_figures",
        "schedule": 600.0,
        "options": {"expires": 600},
    },
    "every minute: one more range of leads of today's full rescore": {
        "task": "config.tasks.rescore_daily",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
}

# Failed sign-ins are counted in the cache: people must be able to sign in, and be limited, while Redis is away.
CACHES = {
    "default": {
        "BACKEND": "config.expiring_cache.ExpiringCache",
        "LOCATION": "accord_cache",
        # Above that many rows the expired ones are deleted.
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}
# The column cache of scoring: event and attribute columns. It may be emptied at any time.
COLUMN_CACHE_DIR = Path(env.str("COLUMN_CACHE_DIR", default=str(BASE_DIR / ".local" / "columns")))

# ── People ────────────────────────────────────────────────────────────────────────────────────────────────
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "config.accounts.adapter.InvitedOnly"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = None
# Five wrong passwords for an address from one source; from all unknown sources together thirty (config.accounts.adapter).
# The limit of an IP address allows for an office behind it.
ACCOUNT_RATE_LIMITS = {
    "login": "60/m/ip",
    "login_failed": "20/m/ip,5/5m/key",
    "login_failed_anywhere": "30/15m/key",
}
# Whoever has received the mail is the owner of the account, however many strangers try its password.
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Accord"

# ── Time and language ─────────────────────────────────────────────────────────────────────────────────────
USE_TZ = True
TIME_ZONE = "UTC"
# The company's own zone, in which months, quarters and bare dates are meant (rules 4.16).
# The code of the currency in which amounts are meant that name none.
CURRENCY = env.str("CURRENCY", default="EUR").strip().upper()
if not re.fullmatch("[A-Z]{3}", CURRENCY):
    raise environ.ImproperlyConfigured("CURRENCY must be the code of a currency, as EUR or USD.")
COMPANY_TIME_ZONE = env.str("COMPANY_TIME_ZONE", default="UTC")
# Whose definitions these are: on published pages and exports.
COMPANY_NAME = env.str("COMPANY_NAME", default="").strip()
LANGUAGE_CODE = "en-us"
USE_I18N = True

# ── Security ──────────────────────────────────────────────────────────────────────────────────────────────
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=31536000 if HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
# Behind a proxy all callers seem to have its address. Without their own, ten wrong passwords would lock everybody out.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if BEHIND_PROXY else 0
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "accord_session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "accord_csrf"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000

# ── Files to import ───────────────────────────────────────────────────────────────────────────────────────
IMPORT_MAX_MB = env.int("IMPORT_MAX_MB", default=500)
# How long an uploaded file and the refused rows of an import are kept after its end.
IMPORT_KEEP_DAYS = env.int("IMPORT_KEEP_DAYS", default=30)
FILE_UPLOAD_HANDLERS = [
    "config.uploads.UploadLimit",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "config.uploads.TemporaryUpload",
]

# ── Stages ────────────────────────────────────────────────────────────────────────────────────────────────
# Without activity for so many days a MAL or a lead in nurture is paused.
PAUSE_AFTER_DAYS = env.int("PAUSE_AFTER_DAYS", default=90)

# ── Static files ──────────────────────────────────────────────────────────────────────────────────────────
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or "pytest" in sys.modules
        else "config.static_files.HashedStaticFiles"
    },
}

# ── API ───────────────────────────────────────────────────────────────────────────────────────────────────
API_READS_A_MINUTE = env.int("API_READS_A_MINUTE", default=3_000)
# A write may carry a batch; senders of single events need a thousand a second.
API_WRITES_A_MINUTE = env.int("API_WRITES_A_MINUTE", default=60_000)
API_WRONG_KEYS_A_MINUTE = env.int("API_WRONG_KEYS_A_MINUTE", default=30)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "config.api.authentication.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["config.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_standardized_errors.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    "DEFAULT_THROTTLE_CLASSES": ["config.api.request_limits.RequestLimit"],
    "NUM_PROXIES": 1 if BEHIND_PROXY else 0,
    "DATETIME_FORMAT": "iso-8601",
}
DRF_STANDARDIZED_ERRORS = {"EXCEPTION_HANDLER_CLASS": "config.api.errors.ExceptionHandler"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Accord API",
    "DESCRIPTION": "Events, leads, handoffs, definitions and reports. Authenticate with `Authorization: Api-Key …`.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    # The names of the errors' enumerations, as drf-standardized-errors documents them.
    "POSTPROCESSING_HOOKS": ["drf_standardized_errors.openapi_hooks.postprocess_schema_enums"],
    "ENUM_NAME_OVERRIDES": {
        f"{name}Enum": f"drf_standardized_errors.openapi_serializers.{name}Enum.choices"
        for name in (
            "ValidationError",
            "ClientError",
            "ServerError",
            "ErrorCode401",
            "ErrorCode403",
            "ErrorCode404",
            "ErrorCode405",
            "ErrorCode406",
            "ErrorCode415",
            "ErrorCode429",
            "ErrorCode500",
        )
    }
    | {
        "VersionStateEnum": "definitions.vocabulary.VersionState",
        "DefinitionKindEnum": "definitions.vocabulary.DefinitionKind",
        "ReviewKindEnum": "definitions.vocabulary.ReviewKind",
        "ReviewStateEnum": "definitions.vocabulary.ReviewState",
        "ReviewStepKindEnum": "definitions.vocabulary.ReviewStepKind",
        "HandoffStateEnum": "sla.vocabulary.HandoffState",
        "PlayStateEnum": "sla.vocabulary.PlayState",
        "BuyingRoleEnum": "sla.vocabulary.BuyingRole",
        "MotionEnum": "leads.vocabulary.Motion",
        "DispositionKindEnum": "sla.vocabulary.DispositionKind",
        "ClockKindEnum": "sla.vocabulary.ClockKind",
    },
}

# ── Mail, logs ────────────────────────────────────────────────────────────────────────────────────────────
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="dummymail://")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="accord@localhost")
# A mail server that does not answer must not block a worker.
EMAIL_TIMEOUT = 10
# Where people reach Accord, for the links in mails and in Slack: https://accord.example.com. Empty: no links.
BASE_URL = env.str("BASE_URL", default="").rstrip("/")
# Webhooks compatible with Slack's may stand elsewhere: name, or name:port. They must have a public address.
SLACK_WEBHOOK_HOSTS = env.list("SLACK_WEBHOOK_HOSTS", default=["hooks.slack.com"])

_SHARED_PROCESSORS: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.format_exc_info,
    remove_rows,
]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processor": structlog.processors.JSONRenderer(),
            "foreign_pre_chain": _SHARED_PROCESSORS,
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django.server": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "celery": {"level": "WARNING"},
        # Refused requests are in the log line of the request already, with its id.
        "django.request": {"level": "ERROR"},
    },
}
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_SHARED_PROCESSORS,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
DJANGO_STRUCTLOG_CELERY_ENABLED = True
# Logs carry method and path; never query, body or address of a person (rules 18.5).
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False

BEAT_MAY_BE_SILENT = dt.timedelta(seconds=60)
WORK_MAY_WAIT = dt.timedelta(minutes=5)
