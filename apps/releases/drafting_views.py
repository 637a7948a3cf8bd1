"""Pages where a release order is drawn up: for one application or several of a project, row by row.

Rows are added and taken out by buttons of the same form, so that nothing typed is lost and no script is needed.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from apps.accounts.roles import Action
from apps.applications.access import get_application, get_project
from apps.applications.models import Application, Project
from apps.core.forms import attempt

from . import lookup, services
from .forms import ItemForm, ReleaseForm
from .models import ReleaseOrder


@login_required
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """Draw up an order that begins with one application; others can be added."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.SUBMIT_RELEASE)
    return _draw_up(request, app.project, app)


@login_required
@require_http_methods(["GET", "POST"])
def new_of_project(request: HttpRequest, project: str) -> HttpResponse:
    """Draw up an order of any applications of a project."""
    actor = request.actor  # type: ignore[attr-defined]
    return _draw_up(request, get_project(actor, project, need=Action.SUBMIT_RELEASE), None)


def _draw_up(request: HttpRequest, project: Project, first: Application | None) -> HttpResponse:
    """Show the form; with `make` make a draft and its plan, to be looked at before it is submitted."""
    available = lookup.list_applications(project)
    chosen = _chosen(request.POST, available, first)
    bound = request.method == "POST"
    changing = bound and ("add" in request.POST or "remove" in request.POST)
    form = ReleaseForm(request.POST if bound else None, project=project, initial=_wanted(request, "environment"))
    wanted = _wanted(request, "build", "deployyml_revision")
    rows = [
        ItemForm(
            request.POST if bound and f"item-{app.slug}-build" in request.POST else None,
            application=app,
            initial={"wave": 1, **(wanted if app == first else {})},
        )
        for app in chosen
    ]
    if bound and not changing and _all_valid(form, rows):
        order = attempt(form, lambda: _create(request, project, form, rows))
        if order is not None:
            services.make_plan(order=order, actor=request.actor)  # type: ignore[attr-defined]
            return redirect(order.get_absolute_url())
    context = {
        "project": project,
        "application": first,
        "tab": "releases",
        "form": form,
        "rows": rows,
        "more": [app for app in available if app not in chosen],
        "problems": not changing,  # while rows are added, nobody has said that the form is done
    }
    page = "releases/new.html" if first is not None else "releases/new_of_project.html"
    return render(request, page, context, status=422 if bound and not changing else 200)


def _chosen(posted: QueryDict, available: list[Application], first: Application | None) -> list[Application]:
    """Return the applications of the form's rows, in their order."""
    slugs = posted.getlist("application") or ([first.slug] if first is not None else [])
    if "add" in posted:
        slugs.append(posted.get("more", ""))
    by_slug = {app.slug: app for app in available}
    wanted = dict.fromkeys(slug for slug in slugs if slug in by_slug and slug != posted.get("remove"))
    return [by_slug[slug] for slug in wanted]


def _wanted(request: HttpRequest, *names: str) -> dict[str, str]:
    return {name: request.GET[name] for name in names if name in request.GET}


def _all_valid(form: ReleaseForm, rows: list[ItemForm]) -> bool:
    """Return whether everything is filled in; asks each form, so that every problem is shown at once."""
    return all([form.is_valid(), *(row.is_valid() for row in rows)])


def _create(request: HttpRequest, project: Project, form: ReleaseForm, rows: list[ItemForm]) -> ReleaseOrder:
    given: dict[str, Any] = form.cleaned_data
    wishes = [
        services.Wish(
            row.application,
            lookup.find_build(row.application, row.cleaned_data["build"]),
            lookup.find_revision(row.application, row.cleaned_data["deployyml_revision"]),
            row.cleaned_data["wave"],
        )
        for row in rows
    ]
    return services.create_order(
        environment=lookup.find_environment(project, given["environment"]),
        wishes=wishes,
        actor=request.actor,  # type: ignore[attr-defined]
        note=given["note"],
        start=given["start"],
        scheduled_for=given["scheduled_for"],
    )
