"""Pages of environments: their policy and their targets."""

from __future__ import annotations

from typing import Any

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.requests import HttpRequest
from apps.accounts.roles import Action
from apps.core import messages
from apps.core.errors import PlatformError, SlipwayError, UserError
from apps.core.forms import attempt

from . import preparation, selectors, services
from .access import can, get_environment, get_project, get_target
from .forms import (
    EnvironmentForm,
    FreezeForms,
    NewEnvironmentForm,
    TargetForm,
    freeze_initial,
    freeze_windows,
    settings_initial,
)
from .models import Environment, Target


@login_required
@require_GET
def environments(request: HttpRequest, project: str) -> HttpResponse:
    """List a project's environments in order, with policy and targets."""
    found = get_project(request.actor, project, need=Action.VIEW)
    context = {
        "project": found,
        "tab": "environments",
        "environments": selectors.list_environments(found),
        "may_manage": can(request.actor, found, Action.MANAGE_ENVIRONMENTS),
    }
    return render(request, "applications/environments.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def create_environment(request: HttpRequest, project: str) -> HttpResponse:
    """Create an environment."""
    found = get_project(request.actor, project, need=Action.MANAGE_ENVIRONMENTS)
    form = NewEnvironmentForm(request.POST or None, initial={"position": found.environments.count()})
    freezes = FreezeForms(request.POST or None, prefix="freeze")
    if request.method == "POST" and form.is_valid() and freezes.is_valid():
        values = form.cleaned_data | {"freeze_windows": freeze_windows(freezes)}
        made = attempt(
            form,
            lambda: services.create_environment(project=found, actor=request.actor, **values),
            conflict="slug",
        )
        if made:
            toasts.success(request, _("%(name)s was created. Add a target next.") % {"name": made.name})
            return redirect("environment-detail", project=project, environment=made.slug)
    context = {"project": found, "tab": "environments", "form": form, "freezes": freezes}
    return render(request, "applications/environment_form.html", context, status=422 if form.is_bound else 200)


def _detail(request: HttpRequest, found: Environment, *, status: int = 200, **forms: Any) -> HttpResponse:
    context = {
        "project": found.project,
        "tab": "environments",
        "environment": found,
        "targets": selectors.list_targets(found),
        "form": EnvironmentForm(initial=settings_initial(found, EnvironmentForm)),
        "freezes": FreezeForms(prefix="freeze", initial=freeze_initial(found)),
        "target_form": TargetForm(initial={"namespace": f"{found.project.slug}-{found.slug}"}),
        "may_manage": can(request.actor, found.project, Action.MANAGE_ENVIRONMENTS),
    }
    return render(request, "applications/environment.html", context | forms, status=status)


@login_required
@require_http_methods(["GET", "POST"])
def environment(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """Show an environment (GET) and change its name and policy (POST)."""
    if request.method == "GET":
        return _detail(request, get_environment(request.actor, project, environment, need=Action.VIEW))
    found = get_environment(request.actor, project, environment, need=Action.MANAGE_ENVIRONMENTS)
    form, freezes = EnvironmentForm(request.POST), FreezeForms(request.POST, prefix="freeze")
    if form.is_valid() and freezes.is_valid():
        values = form.cleaned_data | {"freeze_windows": freeze_windows(freezes)}
        saved = attempt(form, lambda: services.update_environment(environment=found, actor=request.actor, **values))
        if saved:
            toasts.success(request, _("The policy was saved."))
            return redirect("environment-detail", project=project, environment=environment)
        found.refresh_from_db()
    return _detail(request, found, status=422, form=form, freezes=freezes)


@login_required
@require_POST
def delete_environment(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """Delete an environment that nothing was released to."""
    found = get_environment(request.actor, project, environment, need=Action.MANAGE_ENVIRONMENTS)
    services.delete_environment(environment=found, actor=request.actor)
    toasts.success(request, _("%(name)s was deleted.") % {"name": found.name})
    return redirect("environments", project=project)


@login_required
@require_POST
def add_target(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """Add a namespace of a cluster, and put it in place there."""
    found = get_environment(request.actor, project, environment, need=Action.MANAGE_ENVIRONMENTS)
    form = TargetForm(request.POST)
    if form.is_valid():
        made = attempt(
            form,
            lambda: services.add_target(environment=found, actor=request.actor, **form.cleaned_data),
            conflict="namespace",
        )
        if made:
            _prepare(request, made)
            return redirect("environment-detail", project=project, environment=environment)
    return _detail(request, found, status=422, target_form=form)


@login_required
@require_POST
def prepare_target(request: HttpRequest, project: str, environment: str, target: str) -> HttpResponse:
    """Put a target in place on its cluster (again)."""
    found = get_target(request.actor, project, environment, target, need=Action.MANAGE_ENVIRONMENTS)
    _prepare(request, found)
    return redirect("environment-detail", project=project, environment=environment)


def _prepare(request: HttpRequest, target: Target) -> None:
    """Put a target in place; where that fails the target stays, and the page offers to try again."""
    try:
        harbor = selectors.pull_harbor(target.environment.project)
        preparation.prepare_target(target=target, harbor=harbor, actor=request.actor)
    except (UserError, PlatformError) as exc:
        toasts.error(request, _words(exc))
    else:
        toasts.success(request, _("%(name)s is ready for releases.") % {"name": target})


def _words(exc: SlipwayError) -> str:
    words = messages.word(exc.code, exc.params)
    return " ".join(filter(None, [_("The namespace is not in place yet."), words.message, words.hint]))


@login_required
@require_POST
def remove_target(request: HttpRequest, project: str, environment: str, target: str) -> HttpResponse:
    """Take a target out of its environment; nothing on the cluster is deleted."""
    found = get_target(request.actor, project, environment, target, need=Action.MANAGE_ENVIRONMENTS)
    services.remove_target(target=found, actor=request.actor)
    toasts.success(request, _("%(name)s was removed; nothing on the cluster was deleted.") % {"name": found})
    return redirect("environment-detail", project=project, environment=environment)
