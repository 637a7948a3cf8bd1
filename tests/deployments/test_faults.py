"""Faults in the middle of a deployment: the cluster goes away and comes back, answers in storms, two people and two workers race."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection

from apps.core.errors import Conflict
from apps.deployments import presentation, selectors, services
from apps.deployments.models import ACTIVE, Deployment, Status
from apps.integrations.kubernetes.transport import RawAnswer, Transport
from tests.deployments.test_together import at_once
from tests.deployments.world import Place, finish, greeting, step

SECONDS = 60
FILES = [{"path": "/etc/app/a", "content": "a"}]


def writes(place: Place, since: int) -> Counter[str]:
    """Return how often each object of the place was really changed by Slipway."""
    return Counter(
        f"{entry['resource']}/{entry['name']}"
        for entry in place.sandbox.journal(place.cluster, since)
        if entry.get("namespace") == place.target.namespace
        and entry["method"] == "PATCH"
        and entry.get("fieldManager") == "slipway"
        and entry.get("effect") in ("created", "changed")
        and not entry.get("dryRun")
    )


def wait_until_away(place: Place) -> None:
    """Wait until nobody listens at the API server's address."""
    server = urlsplit(place.target.cluster.server)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection((str(server.hostname), server.port or 443), timeout=1).close()
        except OSError:
            return
        time.sleep(0.02)
    raise AssertionError("it is still there")


def test_api_server_that_restarts_between_two_objects(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment, since = place.request(greeting("one", files=FILES)), place.sandbox.journal_end()
    whole, restarts = Transport.request, []

    def restarting(self: Transport, method: str, path: str, **options: Any) -> RawAnswer:
        answer = whole(self, method, path, **options)
        if method == "PATCH" and not restarts:
            restart = threading.Thread(target=place.sandbox.restart_server, args=(place.cluster, 4.0))
            restarts.append(restart)
            restart.start()
            wait_until_away(place)
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(Transport, "request", restarting)
        step(deployment)
    assert restarts
    assert deployment.status == Status.APPLYING
    assert 0 < deployment.applied_objects < deployment.total_objects
    cause = presentation.cause(deployment)
    assert cause is not None
    assert cause["code"] == "integration.unavailable", "what it waits for is told"

    restarts[0].join()
    finish(deployment)
    assert (deployment.status, deployment.error_code) == (Status.SUCCEEDED, "")
    assert set(writes(place, since).values()) == {1}
    assert len(writes(place, since)) == deployment.total_objects


@pytest.mark.parametrize("status", [409, 429, 500])
def test_storm_in_every_kind_of_call_delays_and_doubles_nothing(place: Place, status: int) -> None:
    place.run(greeting("one"))
    deployment, since = place.request(greeting("two", service={"enabled": False})), place.sandbox.journal_end()
    for method in ("PATCH", "GET", "DELETE"):
        fault: dict[str, Any] = {"kind": "status", "status": status, "method": method, "times": 2}
        # Read by turns with what succeeds: each kind of call meets the storm when its time comes.
        place.sandbox.control(
            "POST", "/faults", json=fault | {"server": place.cluster, "path": f"/{place.target.namespace}/"}
        )
    finish(deployment)
    assert (deployment.status, deployment.cause_code, deployment.error_code) == (Status.SUCCEEDED, "", "")
    assert set(writes(place, since).values()) == {1}
    assert place.client.find("Service", place.application.slug, place.target.namespace) is None
    assert place.greetings() == {"two"}


def worker(place: Place, stop: threading.Event) -> Callable[[], None]:
    """Return a worker: it runs whatever step is due, as Celery would."""

    def run() -> None:
        try:
            while not stop.is_set():
                for pk in Deployment.objects.filter(status__in=ACTIVE).values_list("pk", flat=True):
                    services.advance_deployment(pk)
                time.sleep(0.05)
        finally:
            connection.close()

    return run


def test_two_people_and_two_workers_at_once(place: Place) -> None:
    """One releases while the other rolls back: whoever comes second, one version is there in the end, and it is what is told."""
    good = place.run(greeting("good"))
    place.run(greeting("better"))
    stored = place.manifest_set(greeting("newest"))
    stop = threading.Event()
    workers = [threading.Thread(target=worker(place, stop)) for _ in range(2)]
    for thread in workers:
        thread.start()
    try:
        release, back = at_once(
            lambda: services.request_deployment(
                application=place.application, target=place.target, manifest_set=stored, actor=place.world.actor
            ),
            lambda: services.request_rollback(deployment=Deployment.objects.get(pk=good.pk), actor=place.world.actor),
        )
        deadline = time.monotonic() + SECONDS
        while selectors.active_deployment(place.application, place.target) is not None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        stop.set()
        for thread in workers:
            thread.join()
    assert isinstance(back, Deployment), "a rollback never waits"
    back.refresh_from_db()
    assert back.status == Status.SUCCEEDED
    if isinstance(release, Conflict):
        assert release.code == "deployment.in_progress"
    else:
        release.refresh_from_db()
        assert release.status == Status.SUPERSEDED
    assert selectors.live_deployment(place.application, place.target) == back
    assert place.greetings() == {"good"}
