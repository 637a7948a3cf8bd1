"""Doors for the workers."""

from __future__ import annotations

from celery import shared_task

from apps.core.reactions import subscriber

from . import services


@shared_task(name="deployments.advance")
def advance(deployment_id: int) -> None:
    """Run the next step of a deployment."""
    services.advance_deployment(deployment_id)


@subscriber("deployments.on_failed")
def on_failed(event_id: int) -> None:
    """Roll back by itself where the environment says so."""
    services.roll_back_automatically(event_id)
