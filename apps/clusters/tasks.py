"""Doors for the workers."""

from __future__ import annotations

from celery import shared_task

from . import services


@shared_task(name="clusters.refresh_all")
def refresh_all() -> None:
    """Have every cluster asked again that was not asked for a while."""
    services.refresh_clusters()


@shared_task(name="clusters.refresh")
def refresh(cluster_id: int) -> None:
    """Ask one cluster again for its version, abilities and our rights."""
    services.refresh_cluster(cluster_id)
