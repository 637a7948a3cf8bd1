"""Pages of secret values: which are set where, replacing one, taking one out of use. A value is never shown."""

from __future__ import annotations

from typing import Any

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.roles import Action
from apps.applications.access import can, get_application
from apps.applications.models import Application
from apps.core.errors import InvalidInput

from . import lookup, selectors, services
from .assembly import target_key

EVERYWHERE = "base"


@login_required
@require_http_methods(["GET", "POST"])
def secrets(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """Show which values are set where (GET), and store a new version of one (POST)."""
    actor = request.actor  # type: ignore[attr-defined]
    need = Action.EDIT_SECRETS if request.method == "POST" else Action.VIEW
    app = get_application(actor, project, application, need=need)
    if request.method == "GET":
        return _show(request, app)
    key = request.POST.get("key", "").strip()
    try:
        environment, target = _scope(app, request.POST.get("scope", ""))
        services.set_secret(
            application=app,
            key=key,
            # Browsers send CRLF; a key file with those is another file.
            value=request.POST.get("value", "").replace("\r\n", "\n"),
            environment=environment,
            target=target,
            actor=actor,
        )
    except InvalidInput as refused:
        return _show(request, app, errors=refused.fields, status=422)
    toasts.success(request, _("%(key)s is set. Releases from now on use the new value.") % {"key": key})
    return redirect(request.path)


@login_required
@require_POST
def withdraw(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """Take a value out of use."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.EDIT_SECRETS)
    key = request.POST.get("key", "")
    environment, target = _scope(app, request.POST.get("scope", ""))
    services.withdraw_secret(application=app, key=key, environment=environment, target=target, actor=actor)
    toasts.success(request, _("%(key)s is no longer used there.") % {"key": key})
    return redirect("deployyml-secrets", project=project, application=application)


def _scope(application: Application, name: str) -> Any:
    kind, _colon, slug = name.partition(":")
    return lookup.secret_scope(
        application,
        environment=slug if kind == "environment" else None,
        target=slug if kind == "target" else None,
    )


def _show(
    request: HttpRequest, app: Application, *, errors: dict[str, list[Any]] | None = None, status: int = 200
) -> HttpResponse:
    targets = list(lookup.list_targets(app))
    environments = {target.environment.slug: target.environment for target in targets}
    context = {
        "application": app,
        "project": app.project,
        "tab": "deployyml",
        "values": [
            {"row": row, "scope": row.reference.rpartition("/")[0]} for row in selectors.list_secret_values(app)
        ],
        "missing": selectors.list_missing_secrets(app, targets),
        "declared": selectors.list_declared_secrets(app),
        "environments": list(environments.values()),
        "targets": [target_key(target) for target in targets],
        "errors": errors or {},
        "typed": {name: request.POST.get(name, "") for name in ("key", "scope")},
        "asked": request.GET.get("key", ""),
        "may_edit": can(request.actor, app.project, Action.EDIT_SECRETS),  # type: ignore[attr-defined]
    }
    return render(request, "manifests/secrets.html", context, status=status)
