"""Doors for the workers."""

from __future__ import annotations

from celery import shared_task

from apps.core.reactions import subscriber

from . import pushes, services


@shared_task(name="builds.advance")
def advance(build_id: int) -> None:
    """Run the next step of a build."""
    services.advance_build(build_id)


@subscriber("builds.on_push")
def on_push(event_id: int) -> None:
    """Build what was pushed, where the application wants that."""
    pushes.build_pushed(event_id)
