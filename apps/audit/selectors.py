"""Reads of the audit."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import QuerySet

from .models import AuditEntry


def list_entries(
    *,
    project_ids: Collection[int] | None,
    actor: str = "",
    action: str = "",
    project: str = "",
    object_name: str = "",
) -> QuerySet[AuditEntry]:
    """Return entries, newest first; those of some projects only, or all with None."""
    entries = AuditEntry.objects.order_by("-id")
    if project_ids is not None:
        entries = entries.filter(project_id__in=project_ids)
    if actor:
        entries = entries.filter(actor_name__icontains=actor)
    if action:
        entries = entries.filter(action__startswith=action)
    if project:
        entries = entries.filter(project_name=project)
    if object_name:
        entries = entries.filter(object_name__icontains=object_name)
    return entries
