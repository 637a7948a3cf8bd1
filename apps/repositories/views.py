"""What a form that names a repository or a branch offers while one types."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import JsonResponse
from django.views.decorators.http import require_GET

from apps.accounts.requests import HttpRequest
from apps.accounts.roles import Action
from apps.applications.access import get_project
from apps.connections import selectors as connections
from apps.connections.models import Connection
from apps.core.errors import NotFound

from . import selectors

OFFERED = 50


def _gitlab(request: HttpRequest, project: str) -> Connection:
    """Return the GitLab asked for, to who may create applications in the project."""
    get_project(request.actor, project, need=Action.CONFIGURE_APPLICATION)
    connection = connections.get_connection(request.GET.get("gitlab", ""))
    if connection.kind != Connection.Kind.GITLAB:
        raise NotFound("object.missing")
    return connection


@login_required
@require_GET
def repositories(request: HttpRequest, project: str) -> JsonResponse:
    """Answer the repositories whose path contains `q`."""
    found = selectors.list_repositories(_gitlab(request, project), request.GET.get("q", ""))
    return JsonResponse({"choices": [{"value": each.path, "label": each.description} for each in found[:OFFERED]]})


@login_required
@require_GET
def branches(request: HttpRequest, project: str) -> JsonResponse:
    """Answer the branches of the repository `repository_path` whose name contains `q`, the default one first."""
    path = request.GET.get("repository_path", "")
    found = selectors.list_branches_of(_gitlab(request, project), path, request.GET.get("q", "")) if path else []
    ordered = sorted(found, key=lambda branch: not branch.is_default)[:OFFERED]
    return JsonResponse({"choices": [{"value": each.name, "label": each.commit.title} for each in ordered]})
