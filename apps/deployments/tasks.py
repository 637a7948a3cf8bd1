"""Doors for the workers."""

from __future__ import annotations

from celery import shared_task

from apps.core.reactions import subscriber

from . import aftercare, auto_rollback, services, serving
from .drift import services as drift


@shared_task(name="deployments.advance")
def advance(deployment_id: int) -> None:
    """Run the next step of a deployment."""
    services.advance_deployment(deployment_id)


@subscriber("deployments.on_failed")
def on_failed(event_id: int) -> None:
    """Roll back by itself where the environment says so."""
    auto_rollback.roll_back_automatically(event_id)


@subscriber("deployments.on_ended")
def on_ended(event_id: int) -> None:
    """Say what serves after a deployment that did not succeed."""
    serving.tell_what_serves(event_id)


@shared_task(name="deployments.look_after")
def look_after(aftercare_id: int) -> None:
    """Take the next look at a version that succeeded."""
    aftercare.look_after(aftercare_id)


@shared_task(name="deployments.check_drift")
def check_drift(watch_id: int) -> None:
    """Run the next step of a drift watch."""
    drift.advance_watch(watch_id)


@subscriber("deployments.watch_drift")
def watch_drift(event_id: int) -> None:
    """Begin to watch the place of a deployment that succeeded."""
    drift.watch_drift(event_id)
