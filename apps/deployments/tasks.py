"""Doors for the workers."""

from __future__ import annotations

from celery import shared_task

from apps.core.reactions import subscriber

from . import services
from .drift import services as drift


@shared_task(name="deployments.advance")
def advance(deployment_id: int) -> None:
    """Run the next step of a deployment."""
    services.advance_deployment(deployment_id)


@subscriber("deployments.on_failed")
def on_failed(event_id: int) -> None:
    """Roll back by itself where the environment says so."""
    services.roll_back_automatically(event_id)


@shared_task(name="deployments.check_drift")
def check_drift(watch_id: int) -> None:
    """Run the next step of a drift watch."""
    drift.advance_watch(watch_id)


@subscriber("deployments.watch_drift")
def watch_drift(event_id: int) -> None:
    """Begin to watch the place of a deployment that succeeded."""
    drift.watch_drift(event_id)
