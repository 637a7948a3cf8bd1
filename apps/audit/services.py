"""Write audit entries. The only writer; nothing ever changes one."""

from __future__ import annotations

from typing import Any

from django.db import models

from apps.core.actors import Actor
from apps.core.context import current_request_id

from .models import AuditEntry


def record(
    *,
    actor: Actor,
    action: str,
    subject: models.Model | None,
    project: models.Model | None = None,
    name: str = "",
    **details: Any,
) -> AuditEntry:
    """Record in the caller's transaction that `actor` did `action` (`<noun>.<verb>`) to `subject`.

    `details` are plain JSON values and never hold a secret; for a changed secret name its key only.
    """
    return AuditEntry.objects.create(
        actor_id=actor.user_id,
        actor_name=actor.name,
        token_name=actor.token_name,
        action=action,
        object_type=(subject._meta.model_name or "") if subject is not None else "",
        object_id=subject.pk if subject is not None else None,
        object_name=(name or str(subject))[:300],
        project_id=project.pk if project is not None else None,
        project_name=str(getattr(project, "slug", "")) if project is not None else "",
        address=actor.address,
        request_id=actor.request_id or current_request_id(),
        details=details,
    )
