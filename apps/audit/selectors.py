"""Reads of the audit."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from apps.core import messages
from apps.core.errors import InvalidInput

from .models import AuditEntry


def list_entries(
    *,
    project_ids: Collection[int] | None,
    actor: str = "",
    action: str = "",
    project: str = "",
    object_name: str = "",
    since: str = "",
    until: str = "",
) -> QuerySet[AuditEntry]:
    """Return entries, newest first; those of some projects only, or all with None. A day as `until` is included whole.

    Raises:
        InvalidInput: `since` or `until` is neither a day nor an ISO time.
    """
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
    if since:
        entries = entries.filter(at__gte=_moment("since", since))
    if until:
        entries = entries.filter(at__lt=_moment("until", until, days=1))
    return entries


def _moment(field: str, text: str, *, days: int = 0) -> datetime:
    """Return the time that a text names: itself, or the beginning of a day, `days` later."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise InvalidInput(fields={field: [messages.word("audit.not_a_time").message]}) from exc
    if len(text) == len("2026-01-31"):
        moment += timedelta(days=days)
    return moment if moment.tzinfo else timezone.make_aware(moment)
