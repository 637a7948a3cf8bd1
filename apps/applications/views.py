"""Pages of projects and their members. The page that shows a project's applications is the console's."""

from __future__ import annotations

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.requests import HttpRequest
from apps.accounts.roles import ROLE_NAMES, ROLE_WORDS, Action
from apps.core.forms import attempt

from . import selectors, services
from .access import can, get_project
from .forms import MemberForm, ProjectForm, ProjectSettingsForm, settings_initial
from .models import Project

PAGE_SIZE = 50


@login_required
@require_GET
def projects(request: HttpRequest) -> HttpResponse:
    """List the projects one may see."""
    rows = selectors.list_projects(request.actor, search=request.GET.get("q", "").strip())
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "applications/projects.html", {"page": page})


@login_required
@require_http_methods(["GET", "POST"])
def create_project(request: HttpRequest) -> HttpResponse:
    """Create a project."""
    form = ProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = attempt(form, lambda: services.create_project(actor=request.actor, **form.cleaned_data), conflict="slug")
        if made:
            toasts.success(request, _("Project %(name)s was created.") % {"name": made.name})
            return redirect(made)
    return render(request, "applications/project_form.html", {"form": form}, status=422 if form.is_bound else 200)


@login_required
@require_http_methods(["GET", "POST"])
def settings(request: HttpRequest, project: str) -> HttpResponse:
    """Show a project's settings (GET) and change them (POST)."""
    need = Action.MANAGE_PROJECT if request.method == "POST" else Action.VIEW
    found = get_project(request.actor, project, need=need)
    form = ProjectSettingsForm(request.POST or None, initial=settings_initial(found, ProjectSettingsForm))
    if request.method == "POST" and form.is_valid():
        saved = attempt(form, lambda: services.update_project(project=found, actor=request.actor, **form.cleaned_data))
        if saved:
            toasts.success(request, _("The settings were saved."))
            return redirect("project-settings", project=project)
        found.refresh_from_db()
    context = {
        "project": found,
        "tab": "settings",
        "form": form,
        "may_manage": can(request.actor, found, Action.MANAGE_PROJECT),
    }
    return render(request, "applications/project_settings.html", context, status=422 if form.is_bound else 200)


@login_required
@require_POST
def archive(request: HttpRequest, project: str) -> HttpResponse:
    """Hide a project that has no applications any more."""
    found = get_project(request.actor, project, need=Action.MANAGE_PROJECT)
    services.archive_project(project=found, actor=request.actor)
    toasts.success(request, _("Project %(name)s was archived.") % {"name": found.name})
    return redirect("projects")


def _members(request: HttpRequest, found: Project, form: MemberForm) -> HttpResponse:
    context = {
        "project": found,
        "tab": "members",
        "members": selectors.list_members(found),
        "form": form,
        "roles": [(role.value, name, ROLE_WORDS[role]) for role, name in ROLE_NAMES.items()],
        "may_manage": can(request.actor, found, Action.MANAGE_MEMBERS),
    }
    return render(request, "applications/members.html", context, status=422 if form.is_bound else 200)


@login_required
@require_http_methods(["GET", "POST"])
def members(request: HttpRequest, project: str) -> HttpResponse:
    """Show who is in a project (GET), and give a person a role (POST)."""
    if request.method == "GET":
        return _members(request, get_project(request.actor, project, need=Action.VIEW), MemberForm())
    found = get_project(request.actor, project, need=Action.MANAGE_MEMBERS)
    form = MemberForm(request.POST)
    if form.is_valid():
        made = attempt(
            form,
            lambda: services.set_member(project=found, actor=request.actor, **form.cleaned_data),
            conflict="role",
        )
        if made:
            role = made.get_role_display()
            toasts.success(request, _("%(name)s is now: %(role)s.") % {"name": made.user, "role": role})
            return redirect("project-members", project=project)
    return _members(request, found, form)


@login_required
@require_POST
def remove_member(request: HttpRequest, project: str, username: str) -> HttpResponse:
    """Take a person out of a project."""
    found = get_project(request.actor, project, need=Action.MANAGE_MEMBERS)
    services.remove_member(project=found, username=username, actor=request.actor)
    toasts.success(request, _("%(name)s was removed.") % {"name": username})
    return redirect("project-members", project=project)
