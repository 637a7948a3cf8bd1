"""Pods and logs of a running application, as pages, API and stream; who may see them; what a broken line costs."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
import uvicorn
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest
from django.test import Client

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.applications.models import Target
from apps.integrations.kubernetes.streams import LogLine
from apps.workloads import selectors, streams
from apps.workloads.reading import PodState, pod_states, read
from tests import factories
from tests.deployments.rows import browser
from tests.deployments.world import Place, running, step

YES = {"type": "command", "command": ["true"], "period": 1}
UNPROBED = {"startup": YES, "readiness": YES, "liveness": YES}  # by default the port is asked
TALK = """
import time
for n in range(2000):
    print("line", n, flush=True)
    time.sleep(0.005 if n < 50 else 0.2)
"""
END = "import time\nfor n in range(3):\n    print('last', n, flush=True)\ntime.sleep(2)"


def started(place: Place, program: str) -> str:
    """Deploy a program that needs no port and return the name of its pod, once it has run for a moment."""
    deployment = place.request(running(program, probes=UNPROBED))
    deadline = time.monotonic() + 90
    pods: list[PodState] = []
    while time.monotonic() < deadline:
        if not deployment.is_final:
            step(deployment)
        pods = pod_states(read(place.application, place.target))
        if pods and (pods[0].ready or pods[0].last_end):
            return pods[0].name
        time.sleep(0.1)
    raise AssertionError(
        f"no pod started: {deployment.status} {deployment.cause_code} {deployment.cause_params} {pods}"
    )


def member(place: Place, role: str = Role.VIEWER) -> User:
    person = factories.user()
    factories.member(place.world.project, person, role)
    return person


def urls(place: Place, pod: str) -> dict[str, str]:
    root = f"/projects/{place.world.project.slug}/apps/{place.application.slug}/"
    where = f"{place.target.environment.slug}/{place.target.slug}"
    return {
        "pods": f"{root}pods/",
        "target": f"{root}pods/{where}/",
        "pod": f"{root}pods/{where}/{pod}/",
        "log": f"{root}pods/{where}/{pod}/log.txt",
        "api": f"/api/v1{root}targets/{where}/pods/",
        "api log": f"/api/v1{root}targets/{where}/pods/{pod}/log/",
        "stream": f"/stream{root}targets/{where}/pods/{pod}/log",
    }


def test_pages_and_api_of_a_pod(place: Place) -> None:
    pod = started(place, TALK)
    found = urls(place, pod)
    viewer, stranger = browser(member(place)), browser(factories.user())
    for name in ("pods", "target", "pod", "log", "api", "api log"):
        assert viewer.get(found[name]).status_code == 200, name
        assert stranger.get(found[name]).status_code == 404, name
        assert Client().get(found[name]).status_code in (302, 401), name
    assert pod in viewer.get(found["target"]).content.decode()

    body = viewer.get(found["api"]).json()
    assert (body["wanted"], [item["name"] for item in body["pods"]]) == (1, [pod])
    assert viewer.get(found["api log"], {"tail": 2}).content.decode().count("\n") == 2
    for query in ({"tail": "²"}, {"tail": 0}, {"tail": 10_001}, {"container": "other"}):
        answer = viewer.get(found["api log"], query)
        assert answer.status_code == 400, query
        assert answer.json()["error"]["details"]["fields"]
    for name in ("pod", "log", "api log"):
        assert viewer.get(urls(place, "no-such-pod")[name]).status_code == 404, name
        assert viewer.get(urls(place, "x%3Fwatch=1")[name]).status_code == 404, name

    other = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "theirs", "namespace": place.target.namespace},
        "spec": {"containers": [{"name": "a", "image": "a"}]},
    }
    place.client.apply(other, field_manager="somebody")
    for name in ("pod", "log", "api log"):
        assert viewer.get(urls(place, "theirs")[name]).status_code == 404, name

    with place.sandbox.fault(kind="status", status=503, server=place.cluster, path="/pods", times=None):
        assert viewer.get(found["api"]).status_code == 503
        page = viewer.get(found["pod"])
        assert page.status_code == 200
        assert "The cluster cannot be asked" in page.content.decode()
    with place.sandbox.fault(kind="slow", seconds=20, server=place.cluster, path="/deployments", times=1):
        assert "The cluster cannot be asked" in viewer.get(found["target"]).content.decode()


@pytest.fixture
def served(place: Place) -> Iterator[str]:
    """Serve the product to real connections and return its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(get_asgi_application(), log_level="error", lifespan="off", timeout_graceful_shutdown=2)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@contextmanager
def listening(person: User | None, url: str, **headers: str) -> Iterator[httpx2.Response]:
    cookies = {}
    if person is not None:
        cookies = {settings.SESSION_COOKIE_NAME: browser(person).cookies[settings.SESSION_COOKIE_NAME].value}
    with httpx2.Client(cookies=cookies, timeout=30) as http, http.stream("GET", url, headers=headers) as response:
        yield response


def lines(chunk: str) -> list[str]:
    return [
        entry["text"]
        for line in chunk.splitlines()
        if line.startswith("data: ")
        for entry in json.loads(line.removeprefix("data: ")).get("lines", [])
    ]


def test_a_log_is_followed_and_taken_up_where_it_was(place: Place, served: str) -> None:
    pod = started(place, TALK)
    person, url = member(place), served + urls(place, pod)["stream"]
    seen: list[str] = []
    with listening(person, url) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        for line in response.iter_lines():
            if line.startswith("id: "):
                last = line.removeprefix("id: ")
            seen += lines(line)
            if "line 55" in seen:
                break
    assert seen == [f"line {n}" for n in range(len(seen))]
    with listening(person, url, **{"Last-Event-ID": last}) as response:
        following = next(found for line in response.iter_lines() if (found := lines(line)))
    assert following[0] == f"line {len(seen)}"


def test_the_end_and_the_loss_of_a_log(place: Place, served: str) -> None:
    pod = started(place, END)
    person, url = member(place), served + urls(place, pod)["stream"]

    def whole(**headers: str) -> str:
        with listening(person, url, **headers) as response:
            return response.read().decode()

    text = whole()
    assert lines(text)[-1] == "last 2"
    assert text.endswith("event: end\ndata: {}\n\n")
    with place.sandbox.fault(kind="status", status=503, server=place.cluster, path=f"{pod}/log", times=None):
        assert "event: gap" in whole()
    assert "last 0" in whole(**{"Last-Event-ID": "nonsense"})


def test_who_may_not_follow(place: Place, served: str) -> None:
    url = served + urls(place, started(place, TALK))["stream"]
    with listening(None, url) as nobody, listening(factories.user(), url) as stranger:
        assert (nobody.status_code, stranger.status_code) == (401, 404)


@pytest.mark.parametrize("lost", ["membership", "account"])
def test_a_silent_log_is_kept_alive_and_a_lost_right_ends_it(
    place: Place, served: str, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    pod = started(place, "import time; print('once', flush=True); time.sleep(600)")
    person, url = member(place), served + urls(place, pod)["stream"]
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.2)
    monkeypatch.setattr(streams, "REAUTHORIZE_SECONDS", 0.0)
    with listening(person, url) as response:
        found = response.iter_lines()
        assert next(line for line in found if line == ": still here")
        if lost == "membership":
            place.world.project.memberships.filter(user=person).delete()
        else:
            type(person).objects.filter(pk=person.pk).update(is_active=False)
        assert "event: gap" in list(found)


class Endless:
    """A log without an end that counts what is taken of it."""

    def __init__(self) -> None:
        self.taken = 0
        self.closed = threading.Event()

    async def follow(self, *_arguments: Any, **_options: Any) -> AsyncIterator[LogLine]:
        try:
            while True:
                self.taken += 1
                yield LogLine(None, "x")
                await asyncio.sleep(0)
        finally:
            self.closed.set()


def test_a_browser_that_leaves_closes_the_line(place: Place, served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pod, log = started(place, TALK), Endless()
    monkeypatch.setattr(selectors, "follow_log", log.follow)
    with listening(member(place), served + urls(place, pod)["stream"]) as response:
        next(line for line in response.iter_lines() if lines(line))
    assert log.closed.wait(10)


async def test_what_the_browser_does_not_take_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Endless()
    monkeypatch.setattr(selectors, "follow_log", log.follow)
    names = ("project", "application", "environment", "target")
    events = streams._events(HttpRequest(), names, Target(), "pod", "container", None)
    await anext(events)
    await anext(events)
    taken = log.taken
    await asyncio.sleep(0.3)
    assert log.taken == taken <= streams.BATCH_LINES + 1
    await events.aclose()
    assert log.closed.is_set()
