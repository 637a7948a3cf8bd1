"""Doors for the workers."""

from __future__ import annotations

from apps.core.reactions import subscriber

from . import services


@subscriber("repositories.on_application")
def on_application(event_id: int) -> None:
    """Have GitLab tell us of pushes where the application is built on them."""
    services.register_for_pushes(event_id)
