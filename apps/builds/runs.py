"""What Jenkins has of a build: its place in the queue or its run, always found by our id, and how that is stopped.

A trigger is a request that Jenkins may take in long after it was sent: the queue is locked, a proxy holds it back, the
worker that sent it is dead. As long as one can be on its way nobody decides that Jenkins has nothing.
"""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from apps.connections import selectors as connections
from apps.integrations import providers
from apps.integrations.errors import Missing
from apps.integrations.jenkins.client import JenkinsClient
from apps.integrations.jenkins.entities import BuildRun, QueueItem

from .models import Build

ID_PARAMETER = "SLIPWAY_BUILD_ID"
# How long a trigger without an answer may take to show: longer than proxies and servers keep a request (a minute, often
# 30 s) and than Jenkins keeps its queue locked.
IN_FLIGHT = timedelta(minutes=2)


def client_of(build: Build) -> JenkinsClient:
    """Return the client of the build's Jenkins."""
    return providers.jenkins(connections.client_connection(build.application.jenkins))


def find(client: JenkinsClient, build: Build) -> QueueItem | BuildRun | None:
    """Return what Jenkins has with the build's id, None where it has nothing now (see `in_flight`)."""
    if not build.job:
        return None  # never triggered
    # The queue first: what leaves it meanwhile is among the runs then. The other way round it would be missed.
    item = client.find_queued(build.job, ID_PARAMETER, str(build.uid))
    return item or client.find_build(build.job, ID_PARAMETER, str(build.uid))


def in_flight(build: Build) -> bool:
    """Return whether a trigger that nobody got an answer to may still be on its way."""
    if build.triggered_at is None or build.queue_item_id is not None or build.build_number is not None:
        return False
    return timezone.now() - build.triggered_at < IN_FLIGHT


def stop(client: JenkinsClient, build: Build) -> bool:
    """Take the build out of Jenkins' queue or stop its run; return whether Jenkins has, or may yet get, more of it.

    Call it until it says no: an item may become a run just before it is taken out of the queue.
    """
    try:
        found = client.get_build(build.job, build.build_number) if build.build_number else find(client, build)
    except Missing:
        return False  # deleted
    if isinstance(found, QueueItem):
        client.cancel_queued(found.id)
        return True
    if found is not None and found.building:
        client.stop_build(build.job, found.number)
        return True
    return found is None and in_flight(build)
