"""The periodic sweep: alone it keeps the system correct; everything else only makes it fast."""

from __future__ import annotations

from celery import shared_task

from . import sweep as sweeping


@shared_task(name="core.sweep")
def sweep() -> None:
    """Enqueue every row whose next step is due, and every reaction to an event that was left."""
    sweeping.sweep()
