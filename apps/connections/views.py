"""Pages of connections, for administrators. Each is tried before it is saved; what failed stands at its field."""

from __future__ import annotations

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.guards import require_administrator
from apps.accounts.requests import HttpRequest
from apps.core import messages
from apps.core.forms import attempt

from . import selectors, services
from .forms import ConnectionForm, initial_of
from .models import Connection


@login_required
@require_GET
def connections(request: HttpRequest) -> HttpResponse:
    """List the connections with the result of their last test."""
    require_administrator(request.actor)
    rows = list(selectors.list_connections())
    for row in rows:
        row.problem = messages.word(row.health_code, row.health_params) if row.health_code else None  # type: ignore[attr-defined]
    context = {"connections": rows, "kinds": Connection.Kind.choices}
    return render(request, "connections/list.html", context)


@sensitive_post_parameters("secret")
@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """Add a connection of the kind that `?kind=` names."""
    require_administrator(request.actor)
    kind = request.GET.get("kind")
    if kind not in Connection.Kind.values:
        return redirect("connections")
    label = Connection.Kind(kind).label
    form = ConnectionForm(kind, request.POST or None, initial={"name": label, "slug": kind})
    if request.method == "POST" and form.is_valid():
        made = attempt(
            form,
            lambda: services.save_connection(actor=request.actor, kind=kind, **form.cleaned_data),
            conflict="slug",
        )
        if made:
            toasts.success(request, _("%(name)s answers, and was saved.") % {"name": made.name})
            return redirect("connections")
    context = {"form": form, "kind_label": label}
    return render(request, "connections/form.html", context, status=422 if form.is_bound else 200)


@sensitive_post_parameters("secret")
@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, slug: str) -> HttpResponse:
    """Change a connection."""
    require_administrator(request.actor)
    connection = selectors.get_connection(slug)
    form = ConnectionForm(connection.kind, request.POST or None, connection=connection, initial=initial_of(connection))
    if request.method == "POST" and form.is_valid():
        saved = attempt(
            form,
            lambda: services.save_connection(
                actor=request.actor, kind=connection.kind, slug=slug, connection=connection, **form.cleaned_data
            ),
        )
        if saved:
            toasts.success(request, _("%(name)s answers, and was saved.") % {"name": saved.name})
            return redirect("connections")
        connection.refresh_from_db()
    context = {"form": form, "connection": connection, "kind_label": connection.get_kind_display()}
    return render(request, "connections/form.html", context, status=422 if form.is_bound else 200)


@login_required
@require_POST
def check(request: HttpRequest, slug: str) -> HttpResponse:
    """Try a connection now."""
    require_administrator(request.actor)
    checked = services.check_connection(connection=selectors.get_connection(slug), actor=request.actor)
    if checked.health == Connection.Health.OK:
        toasts.success(request, _("%(name)s answers.") % {"name": checked.name})
    else:
        toasts.error(request, messages.word(checked.health_code, checked.health_params).message)
    return redirect("connections")


@login_required
@require_POST
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    """Delete a connection that nothing uses."""
    require_administrator(request.actor)
    connection = selectors.get_connection(slug)
    services.delete_connection(connection=connection, actor=request.actor)
    toasts.success(request, _("%(name)s was deleted.") % {"name": connection.name})
    return redirect("connections")
