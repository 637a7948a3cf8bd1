"""Write the timeline of a deployment."""

from __future__ import annotations

from typing import Any

from .models import Deployment, DeploymentEntry

INFO, WARNING, ERROR = DeploymentEntry.Level.INFO, DeploymentEntry.Level.WARNING, DeploymentEntry.Level.ERROR


def note(deployment: Deployment, code: str, level: str = INFO, **params: Any) -> None:
    """Add an entry, unless the last one says exactly that: a rollout that waits does not fill the page."""
    last = DeploymentEntry.objects.filter(deployment=deployment).order_by("-id").first()
    if last is None or (last.code, last.params, last.level) != (code, params, level):
        DeploymentEntry.objects.create(deployment=deployment, code=code, level=level, params=params)
