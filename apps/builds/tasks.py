"""Doors for the workers."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from apps.core.errors import PlatformError

from . import services


@shared_task(name="builds.advance")
def advance(build_id: int) -> None:
    """Run the next step of a build."""
    services.advance_build(build_id)


@shared_task(name="builds.on_push", bind=True, max_retries=10)
def on_push(self: Any, event_id: int) -> None:
    """Build what was pushed, where the application wants that; while GitLab is away, try again later."""
    try:
        services.build_pushed(event_id)
    except PlatformError as exc:
        if not exc.retryable:
            raise
        raise self.retry(exc=exc, countdown=min(2**self.request.retries, 300)) from exc
