"""Pages that join: home, applications, an application's matrix, a project, search, the gallery."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.accounts.roles import Action
from apps.applications.access import can, get_application, get_project, get_target, visible_projects
from apps.applications.models import Application
from apps.builds import selectors as builds
from apps.deployments import selectors as deployments
from apps.releases import selectors as releases
from apps.workloads import selectors as workloads

from . import cells, selectors
from .gallery import examples
from .search import search as find

PAGE_SIZE = 30
RECENT = 6
MOST_TOPICS = 50


def _home_context(request: HttpRequest) -> dict[str, Any]:
    actor = request.actor  # type: ignore[attr-defined]
    return {
        "home": selectors.home(actor),
        "topics": " ".join(
            f"project:{pk}" for pk in visible_projects(actor).values_list("pk", flat=True)[:MOST_TOPICS]
        ),
    }


@login_required
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show what needs this person now."""
    return render(request, "console/home.html", _home_context(request))


@login_required
@require_GET
def home_fragment(request: HttpRequest) -> HttpResponse:
    """Show the live part of home."""
    return render(request, "console/_home.html", _home_context(request))


@login_required
@require_GET
def applications(request: HttpRequest) -> HttpResponse:
    """List every application one sees, with how it does in each environment."""
    actor = request.actor  # type: ignore[attr-defined]
    query = request.GET.get("q", "").strip()
    page = Paginator(selectors.list_applications(actor, search=query), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page": page, "rows": selectors.application_rows(list(page)), "with_project": True}
    return render(request, "console/applications.html", context)


@login_required
@require_GET
def project(request: HttpRequest, project: str) -> HttpResponse:
    """Show a project: its applications and how they do."""
    actor = request.actor  # type: ignore[attr-defined]
    place = get_project(actor, project, need=Action.VIEW)
    query = request.GET.get("q", "").strip()
    listed = selectors.list_applications(actor, project=place, search=query)
    page = Paginator(listed, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "project": place,
        "tab": "applications",
        "page": page,
        "rows": selectors.application_rows(list(page)),
        "may_create": can(actor, place, Action.MANAGE_PROJECT),
    }
    return render(request, "console/project.html", context)


@login_required
@require_GET
def application(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """Show which version of an application runs where, and whether it is well."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.VIEW)
    environments = selectors.environments_of([app.project])
    newest = selectors.newest_image(app)
    may_release = can(actor, app.project, Action.SUBMIT_RELEASE)
    found = deployments.matrix([app], environments)[app.pk]
    columns, rows = cells.rows(
        environments, [cells.view(app, cell, newest=newest, may_release=may_release) for cell in found]
    )
    context = _latest(app) | {
        "tab": "overview",
        "columns": columns,
        "rows": rows,
        "may_release": may_release and newest is not None,
        "may_build": can(actor, app.project, Action.BUILD),
    }
    return render(request, "console/application.html", context)


@login_required
@require_GET
def application_fragment(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """Show the latest builds and releases, the live part of an application's overview besides the cells."""
    app = get_application(request.actor, project, application, need=Action.VIEW)  # type: ignore[attr-defined]
    return render(request, "console/_latest.html", _latest(app))


def _latest(app: Application) -> dict[str, Any]:
    return {
        "application": app,
        "project": app.project,
        "recent_builds": builds.list_builds(app)[:RECENT],
        "recent_releases": releases.list_orders_of(app)[:RECENT],
    }


@login_required
@require_GET
def cell(request: HttpRequest, project: str, application: str, environment: str, target: str) -> HttpResponse:
    """Show one cell of the matrix as its cluster says now; the page fetches each by itself, so a slow cluster delays none."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.VIEW)
    place = get_target(actor, project, environment, target, need=Action.VIEW)
    found = deployments.matrix([app], selectors.environments_of([app.project]))[app.pk]
    known = next(one for one in found if one.target.pk == place.pk)
    made = cells.view(
        app,
        known,
        state=workloads.target_state(app, place) if known.last is not None else None,
        newest=selectors.newest_image(app),
        may_release=can(actor, app.project, Action.SUBMIT_RELEASE),
    )
    return render(request, "console/_cell.html", {"cell": made, "application": app, "project": app.project})


@login_required
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Answer the palette with JSON, and a person without scripts with a page."""
    groups = find(request.actor, request.GET.get("q", ""))  # type: ignore[attr-defined]
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse({"groups": groups})
    return render(request, "console/search.html", {"groups": groups, "query": request.GET.get("q", "")})


@staff_member_required
@require_GET
def gallery(request: HttpRequest) -> HttpResponse:
    """Show every part of the design system."""
    return render(request, "console/gallery.html", examples())
