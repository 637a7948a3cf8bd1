"""All URLs: pages at the root, `/api/v1/` for programs, `/stream/` for what never ends, `/hooks/` for tools."""

from __future__ import annotations

from importlib.util import find_spec

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

APPS = (
    "console",
    "accounts",
    "connections",
    "clusters",
    "applications",
    "repositories",
    "registry",
    "dockerfiles",
    "builds",
    "manifests",
    "workloads",
    "deployments",
    "releases",
    "audit",
)


def _included(prefix: str, module: str) -> list[URLResolver]:
    return [
        path(prefix, include(f"apps.{app}.{module}"))
        for app in APPS
        if find_spec(f"apps.{app}") and find_spec(f"apps.{app}.apps") and find_spec(f"apps.{app}.{module}")
    ]


# One way to sign in: with the limit of failures, one-time passwords and the person's language.
admin.site.login = login_required(admin.site.login)  # type: ignore[method-assign]

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/password_change/", RedirectView.as_view(pattern_name="account")),  # the one that is audited
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="api-docs"),
    *_included("api/v1/", "api_urls"),
    *_included("hooks/", "hook_urls"),
    *_included("stream/", "stream_urls"),
    *_included("", "urls"),
]

handler400 = "apps.console.errors.bad_request"
handler403 = "apps.console.errors.permission_denied"
handler404 = "apps.console.errors.not_found"
handler500 = "apps.console.errors.server_error"
