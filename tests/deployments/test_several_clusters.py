"""One application to several clusters, few slots, one cluster bad in every way: the others take no longer for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from apps.deployments import services
from apps.deployments.models import Deployment, Status
from tests.deployments import world as places
from tests.deployments.world import Place, finish, greeting

SLOTS = 3
AT_ONCE = 4
NOISE_SECONDS = 4.0  # far from the 10 s that a call to a slow cluster costs


@contextmanager
def workers(slots: int) -> Iterator[None]:
    """Run due steps as so many workers would: the longest due first, one at a time each, until the block ends."""
    over = threading.Event()

    def work() -> None:
        try:
            while not over.is_set():
                due = Deployment.objects.filter(
                    status__in=Deployment.active_statuses(), next_step_at__lte=timezone.now(), leased_until=None
                )
                first = due.order_by("next_step_at").values_list("pk", flat=True).first()
                if first is None:
                    over.wait(0.05)
                else:
                    services.advance_deployment(first)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(slots)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def bad(place: Place) -> Iterator[list[Place]]:
    """Applications that go to the other cluster; their pods are gone afterwards."""
    target = place.world.targets[1]
    made = []
    for _ in range(AT_ONCE):
        application = place.world.application()
        made.append(Place(place.world, application, target, places.publish(place.world, application)))
    yield made
    for each in made:
        each.client.delete("Deployment", each.application.slug, target.namespace)


def seconds_of(deployment: Deployment) -> float:
    """Return how long the workers take for a deployment that was just asked for."""
    began = time.monotonic()
    while not deployment.is_final and time.monotonic() - began < 60:
        time.sleep(0.1)
        deployment.refresh_from_db()
    return time.monotonic() - began


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop"},
        {"kind": "slow", "seconds": 20},
        {"kind": "status", "status": 429, "retry_after": 20},
        {"kind": "status", "status": 429},
        {"kind": "status", "status": 503},
        {"kind": "status", "status": 401},
    ],
    ids=["dead", "answers after 20 s", "429 with Retry-After", "429 without", "503", "expired credentials"],
)
def test_a_bad_cluster_delays_no_other(place: Place, bad: list[Place], fault: dict[str, Any]) -> None:
    with workers(SLOTS):
        normal = seconds_of(place.request(greeting("one")))
    path = f"/{bad[0].target.namespace}/"
    with place.sandbox.fault(**fault, server=bad[0].cluster, path=path, times=None):
        suffering = [each.request(greeting("one")) for each in bad]
        with workers(SLOTS):
            time.sleep(1.0)  # the bad cluster has taken what it can get
            good = place.request(greeting("two"))
            took = seconds_of(good)
    assert (good.status, good.error_code) == (Status.SUCCEEDED, "")
    assert took < 2 * normal + NOISE_SECONDS
    for deployment in suffering:
        deployment.refresh_from_db()
        assert deployment.status in (Status.PENDING, Status.APPLYING), "it is tried again"
    assert any(deployment.error_code for deployment in suffering), "and says why it waits"
    cache.clear()  # the time that a circuit stays open is over
    assert finish(suffering[0]).status == Status.SUCCEEDED
