"""The images of an application."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.accounts.roles import Action
from apps.applications.access import get_application

from . import selectors

PAGE_SIZE = 30


@login_required
@require_GET
def images(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """List the images that builds pushed, newest first, and what still needs each."""
    app = get_application(request.actor, project, application, need=Action.VIEW)  # type: ignore[attr-defined]
    page = Paginator(selectors.list_artifacts(app), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "application": app,
        "project": app.project,
        "tab": "builds",
        "page": page,
        "rows": selectors.with_holds(app, list(page.object_list)),
        "host": selectors.registry_host(app.harbor),
    }
    return render(request, "registry/images.html", context)
