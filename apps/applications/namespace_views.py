"""The page of a target's namespace: its budget and its use, its limits, and the forms to change them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.requests import HttpRequest
from apps.accounts.roles import Action
from apps.clusters import namespaces
from apps.core import messages
from apps.core.errors import NotFound, PlatformError
from apps.core.forms import attempt

from .access import can, get_target
from .models import Target
from .namespace_forms import PolicyForm, forms_for


@never_cache
@login_required
@require_GET
def namespace(request: HttpRequest, project: str, environment: str, target: str) -> HttpResponse:
    """Show a target's namespace as its cluster has it now."""
    return _page(request, get_target(request.actor, project, environment, target, need=Action.VIEW))


def _page(
    request: HttpRequest,
    target: Target,
    *,
    tried: PolicyForm | None = None,
    changes: Sequence[namespaces.Change] | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {
        "project": target.environment.project,
        "tab": "environments",
        "environment": target.environment,
        "target": target,
        "may_manage": can(request.actor, target.environment.project, Action.MANAGE_ENVIRONMENTS),
        "tried": tried.policy.name if tried else "",
        "changes": changes,
    }
    try:
        found = namespaces.read(target.cluster, target.namespace)
    except PlatformError as exc:
        context["problem"] = messages.word(exc.code, exc.params)
    else:
        same = [tried if tried and form.policy.name == tried.policy.name else form for form in forms_for(found)]
        context |= {"found": found, "forms": same}
    refused = tried is not None and changes is None
    return render(request, "applications/namespace.html", context, status=422 if refused else 200)


def _find(target: Target, kind: str, name: str) -> namespaces.Policy:
    found = namespaces.read(target.cluster, target.namespace)
    there = [*found.quotas, *found.limits]
    policy = next((each for each in there if (each.kind, each.name) == (kind, name)), None)
    own = {namespaces.QUOTA: namespaces.OWN_QUOTA, namespaces.LIMITS: namespaces.OWN_LIMITS}
    if policy is None and own.get(kind) == name:
        return namespaces.Policy(kind, name, True, (), {})
    if policy is None:
        raise NotFound("object.missing")
    return policy


def _write(request: HttpRequest, target: Target, form: PolicyForm, **options: Any) -> list[namespaces.Change] | None:
    """Call the service for what a form holds; None where it refused, with its words in the form."""
    about: dict[str, Any] = {
        "cluster": target.cluster,
        "namespace": target.namespace,
        "name": form.policy.name,
        "actor": request.actor,
        "project": target.environment.project,
        **options,
    }
    if form.policy.kind == namespaces.QUOTA:
        return attempt(form, lambda: namespaces.save_quota(hard=form.amounts(), **about))
    return attempt(form, lambda: namespaces.save_limits(container=form.container(), **about))


@login_required
@require_POST
def save(request: HttpRequest, project: str, environment: str, target: str, kind: str, name: str) -> HttpResponse:
    """Show what the form would change, or change it."""
    found = get_target(request.actor, project, environment, target, need=Action.MANAGE_ENVIRONMENTS)
    form = PolicyForm(_find(found, kind, name), request.POST)
    preview = request.POST.get("do") != "save"
    changes = _write(request, found, form, dry_run=preview) if form.is_valid() else None
    if changes is None or preview:
        return _page(request, found, tried=form, changes=changes)
    toasts.success(request, _("%(namespace)s was changed.") % {"namespace": found.namespace})
    return redirect("target-namespace", project=project, environment=environment, target=target)


@login_required
@require_POST
def take_over(request: HttpRequest, project: str, environment: str, target: str, kind: str, name: str) -> HttpResponse:
    """Make a quota or limits that others made Slipway's, with the amounts that it has."""
    found = get_target(request.actor, project, environment, target, need=Action.MANAGE_ENVIRONMENTS)
    policy = _find(found, kind, name)
    initial = {f"{policy.name}-{field}": text for field, text in PolicyForm(policy).initial_amounts().items()}
    form = PolicyForm(policy, initial)
    if policy.is_plain and form.is_valid() and _write(request, found, form, take_over=True) is not None:
        toasts.success(request, _("%(name)s is Slipway's from now on.") % {"name": name})
    else:
        toasts.error(request, _("%(name)s says more than these forms can: it stays as it is.") % {"name": name})
    return redirect("target-namespace", project=project, environment=environment, target=target)


@login_required
@require_POST
def remove(request: HttpRequest, project: str, environment: str, target: str, kind: str, name: str) -> HttpResponse:
    """Delete a quota or limits of Slipway's."""
    found = get_target(request.actor, project, environment, target, need=Action.MANAGE_ENVIRONMENTS)
    namespaces.remove_policy(
        cluster=found.cluster,
        namespace=found.namespace,
        kind=kind,
        name=name,
        actor=request.actor,
        project=found.environment.project,
    )
    toasts.success(request, _("%(name)s was removed.") % {"name": name})
    return redirect("target-namespace", project=project, environment=environment, target=target)
