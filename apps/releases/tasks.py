"""Doors for the workers."""

from __future__ import annotations

from celery import shared_task

from apps.core.reactions import subscriber

from . import services


@shared_task(name="releases.advance")
def advance(order_id: int) -> None:
    """Run the next step of a release order."""
    services.advance_order(order_id)


@subscriber("releases.on_deployment")
def on_deployment(event_id: int) -> None:
    """Wake the order whose deployment has ended."""
    services.note_deployment(event_id)
