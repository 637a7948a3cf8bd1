"""A new application, and an application's settings. Lists and the overview of one are the console's."""

from __future__ import annotations

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.requests import HttpRequest
from apps.accounts.roles import Action
from apps.core.errors import InvalidInput
from apps.core.forms import attempt

from . import services
from .access import can, get_application, get_project
from .forms import ApplicationForm, ApplicationSettingsForm, RolloutRulesForm, settings_initial
from .models import Application
from .rollout_rules import change_rollout_rules


@login_required
@require_http_methods(["GET", "POST"])
def create_application(request: HttpRequest, project: str) -> HttpResponse:
    """Create an application; its repository and branch are looked up before."""
    found = get_project(request.actor, project, need=Action.CONFIGURE_APPLICATION)
    form = ApplicationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = attempt(
            form,
            lambda: services.create_application(project=found, actor=request.actor, **form.cleaned_data),
            conflict="slug",
        )
        if made:
            toasts.success(
                request, _("%(name)s was created. Look at its Dockerfile, then build it.") % {"name": made.name}
            )
            return redirect(made)
    context = {"project": found, "tab": "applications", "form": form, "missing": form.missing_kinds}
    return render(request, "applications/application_form.html", context, status=422 if form.is_bound else 200)


@login_required
@require_http_methods(["GET", "POST"])
def settings(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """Show an application's settings (GET) and change them (POST)."""
    need = Action.CONFIGURE_APPLICATION if request.method == "POST" else Action.VIEW
    app = get_application(request.actor, project, application, need=need)
    form = ApplicationSettingsForm(request.POST or None, initial=settings_initial(app, ApplicationSettingsForm))
    if request.method == "POST" and form.is_valid():
        saved = attempt(
            form, lambda: services.update_application(application=app, actor=request.actor, **form.cleaned_data)
        )
        if saved:
            toasts.success(request, _("The settings were saved."))
            return redirect("application-settings", project=project, application=application)
        app.refresh_from_db()
    return _show_settings(request, app, form, RolloutRulesForm(app))


@login_required
@require_POST
def rollout_rules(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """Change when the application's rollouts are given up."""
    app = get_application(request.actor, project, application, need=Action.CONFIGURE_APPLICATION)
    rules = RolloutRulesForm(app, request.POST)
    if rules.is_valid():
        saved = attempt(
            rules, lambda: change_rollout_rules(application=app, actor=request.actor, rules=rules.cleaned_data)
        )
        if saved:
            toasts.success(request, _("The settings were saved. Rollouts under way keep the rules they began with."))
            return redirect("application-settings", project=project, application=application)
    form = ApplicationSettingsForm(initial=settings_initial(app, ApplicationSettingsForm))
    return _show_settings(request, app, form, rules)


def _show_settings(
    request: HttpRequest, app: Application, form: ApplicationSettingsForm, rules: RolloutRulesForm
) -> HttpResponse:
    may_configure = can(request.actor, app.project, Action.CONFIGURE_APPLICATION)
    if not may_configure:
        for field in rules.fields.values():
            field.disabled = True
    context = {
        "application": app,
        "project": app.project,
        "tab": "settings",
        "form": form,
        "rules": rules,
        "may_configure": may_configure,
        "may_archive": can(request.actor, app.project, Action.MANAGE_PROJECT),
    }
    refused = form.is_bound or rules.is_bound
    return render(request, "applications/application_settings.html", context, status=422 if refused else 200)


@login_required
@require_POST
def archive(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """Hide an application; its name must be typed."""
    app = get_application(request.actor, project, application, need=Action.MANAGE_PROJECT)
    if request.POST.get("confirm_name") != app.slug:
        raise InvalidInput(fields={"confirm_name": [_("Type the application's short name.")]})
    services.archive_application(application=app, actor=request.actor)
    toasts.success(request, _("%(name)s was archived; what runs keeps running.") % {"name": app.name})
    return redirect(app.project)
