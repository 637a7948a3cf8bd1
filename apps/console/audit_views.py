"""Who did what, as a page and in the API: everything for administrators, else what belongs to projects one may audit."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from apps.accounts.requests import HttpRequest, ListAPIView, Request
from apps.accounts.roles import Action
from apps.accounts.selectors import find_users
from apps.applications.access import projects_where
from apps.audit import selectors
from apps.audit.models import AuditEntry
from apps.audit.presentation import details
from apps.core.actors import Actor

PAGE_SIZE = 50
FILTERS = ("actor", "action", "project", "object_name", "since", "until")


def _readable(actor: Actor) -> list[int] | None:
    """Return the projects whose entries one may read, None for all."""
    if actor.is_administrator:
        return None
    return list(projects_where(actor, Action.VIEW_AUDIT).values_list("pk", flat=True))


def _asked(given: Any) -> dict[str, str]:
    return {name: given.get(name, "").strip() for name in FILTERS}


@login_required
@require_GET
def audit(request: HttpRequest) -> HttpResponse:
    """Show the audit, filtered and paged in the database."""
    readable = _readable(request.actor)
    rows = selectors.list_entries(project_ids=readable, **_asked(request.GET))
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    people = find_users(entry.actor_id for entry in page)
    context = {
        "page": page,
        "rows": [
            {"entry": entry, "who": people.get(entry.actor_id or 0), "details": details(entry.details)}
            for entry in page
        ],
        "readable": readable is None or bool(readable),
        "all_projects": readable is None,
        "filtered": any(_asked(request.GET).values()),
    }
    return render(request, "audit/list.html", context)


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    """One entry."""

    class Meta:
        model = AuditEntry
        fields = [
            "id", "at", "actor_name", "token_name", "action", "object_type", "object_id", "object_name",
            "project_name", "address", "request_id", "details",
        ]  # fmt: skip


class AuditEntries(ListAPIView[AuditEntry]):
    """The audit."""

    serializer_class = AuditEntrySerializer
    queryset = AuditEntry.objects.none()

    @extend_schema(operation_id="audit_list", parameters=[OpenApiParameter(name, str) for name in FILTERS])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return entries, newest first; `action` is a beginning, `since` and `until` are days or ISO times."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> Any:
        """Return the entries that one may read."""
        actor = self.request.actor
        return selectors.list_entries(project_ids=_readable(actor), **_asked(self.request.query_params))
