"""All settings, from the environment (or `NAME_FILE`, a file with the value). Nothing exists only in production.

`./slipway up` writes these variables for the embedded services; `docs/settings.md` lists them.
"""

from __future__ import annotations

from pathlib import Path

import environ

from apps.core.logging import configure_logging

from .subscribers import EVENT_SUBSCRIBERS  # noqa: F401 - read as settings.EVENT_SUBSCRIBERS

env = environ.FileAwareEnv()

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = env.str("SLIPWAY_SECRET_KEY")
FIELD_KEYS: list[str] = env.list("SLIPWAY_FIELD_KEYS")  # Fernet keys; the first encrypts, all decrypt
DEBUG = env.bool("SLIPWAY_DEBUG", default=False)
BASE_URL = env.str("SLIPWAY_BASE_URL", default="http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS: list[str] = env.list("SLIPWAY_ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("SLIPWAY_TRUSTED_ORIGINS", default=[BASE_URL])
TRUSTED_PROXIES: list[str] = env.list("SLIPWAY_TRUSTED_PROXIES", default=[])  # addresses and networks
PROXY_HOPS = env.int("SLIPWAY_PROXY_HOPS", default=1)  # how many of them append to X-Forwarded-For, one after another
# A project's images go to the registry's project of its name: nobody may push beside the approved base images.
RESERVED_PROJECTS: list[str] = env.list("SLIPWAY_RESERVED_PROJECTS", default=["base", "library"])
CA_FILE = env.str("SLIPWAY_CA_FILE", default="")  # an extra CA for GitLab, Jenkins, Harbor

INSTALLED_APPS = [
    "apps.core",
    "apps.audit",
    "apps.accounts",
    "apps.connections",
    "apps.clusters",
    "apps.applications",
    "apps.repositories",
    "apps.registry",
    "apps.dockerfiles",
    "apps.builds",
    "apps.manifests",
    "apps.workloads",
    "apps.deployments",
    "apps.releases",
    "apps.console",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
]
# An app is listed once its folder exists, so that the layers can land one after another.
INSTALLED_APPS = [
    name
    for name in INSTALLED_APPS
    if not name.startswith("apps.") or (BASE_DIR / name.replace(".", "/") / "apps.py").exists()
]

MIDDLEWARE = [
    "apps.core.proxies.TrustedProxyMiddleware",
    "apps.core.middleware.RequestContextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.core.middleware.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.accounts.middleware.ActorMiddleware",
    "apps.accounts.middleware.OwnPasswordMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "apps.core.middleware.ErrorPageMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "paas.urls"
ASGI_APPLICATION = "paas.asgi.application"
WSGI_APPLICATION = "paas.wsgi.application"

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
                "django.template.context_processors.i18n",
                "apps.console.context.navigation",
            ],
        },
    }
]

DATABASES = {"default": env.db("DATABASE_URL")}
DATABASES["default"] |= {
    "CONN_MAX_AGE": env.int("SLIPWAY_DB_CONN_MAX_AGE", default=60),
    "CONN_HEALTH_CHECKS": True,
    "ATOMIC_REQUESTS": False,
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "slipway",
    }
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = env.int("SLIPWAY_LOGIN_FAILURES", default=8)
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_CLIENT_IP_CALLABLE = "apps.core.context.client_address"

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
HTTPS = BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # TrustedProxyMiddleware drops it from anybody else
SECURE_HSTS_SECONDS = env.int("SLIPWAY_HSTS_SECONDS", default=30 * 24 * 3600) if HTTPS else 0
SESSION_COOKIE_NAME = "slipway_session"
CSRF_COOKIE_NAME = "slipway_csrf"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "apps.console.errors.csrf_failure"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.str("SLIPWAY_TIME_ZONE", default="UTC")
USE_I18N = USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # no collectstatic needed for `./slipway up`
WHITENOISE_AUTOREFRESH = DEBUG

CELERY_BROKER_URL = env.str("SLIPWAY_BROKER_URL", default=REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "max_retries": 0,  # of a sender; workers reconnect by rules of their own
}
CELERY_TASK_PUBLISH_RETRY = False  # a click never waits for Redis: the sweep finds what was not sent
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT = 60
CELERY_TASK_TIME_LIMIT = 90
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "slow"
CELERY_TASK_ROUTES = {
    # Nobody waits for these: they take no slot from releases.
    "deployments.look_after": {"queue": "slow"},
    "deployments.on_ended": {"queue": "slow"},
    "deployments.check_drift": {"queue": "slow"},
    "deployments.watch_drift": {"queue": "slow"},
    "deployments.*": {"queue": "apply"},
}
# How many steps talk with one cluster at once: less than there are slots for `apply`, or one bad cluster takes them all.
SLIPWAY_CLUSTER_TURNS = env.int("SLIPWAY_CLUSTER_TURNS", default=2)
CELERY_TASK_ALWAYS_EAGER = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "core.sweep", "schedule": env.float("SLIPWAY_SWEEP_SECONDS", default=10.0)},
    "clusters": {"task": "clusters.refresh_all", "schedule": 60.0},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(
    Path(env.str("SLIPWAY_STATE", default=str(BASE_DIR / ".slipway"))) / "beat-schedule"
)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.accounts.authentication.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "apps.core.pagination.Pages",
    "PAGE_SIZE": 50,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "apps.core.api.exception_handler",
    "DEFAULT_THROTTLE_CLASSES": ["apps.core.throttling.PersonThrottle"],
    "NUM_PROXIES": 0,  # the address is the caller's already
    "DEFAULT_THROTTLE_RATES": {"user": env.str("SLIPWAY_API_RATE", default="3000/min")},
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Slipway",
    "DESCRIPTION": "From a commit to running pods and back.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "BuildStatus": "apps.builds.models.Status",
        "DeploymentStatus": "apps.deployments.models.Status",
        "DeploymentKind": "apps.deployments.models.Deployment.Kind",
        "ReleaseStatus": "apps.releases.models.Status",
        "ReleaseKind": "apps.releases.models.ReleaseOrder.Kind",
        "EnvironmentStage": "apps.applications.models.Environment.Stage",
        "ConnectionKind": "apps.connections.models.Connection.Kind",
    },
}

LOGGING_CONFIG = None
configure_logging(
    level=env.str("SLIPWAY_LOG_LEVEL", default="INFO"), as_json=env.bool("SLIPWAY_LOG_JSON", default=True)
)
