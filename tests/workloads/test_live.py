"""Pods and logs of a running application, as pages, API and stream; who may see them; what a broken line costs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.test import AsyncClient, Client

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.workloads import selectors, streams
from apps.workloads.reading import PodState, pod_states, read
from tests import factories
from tests.deployments.rows import BACKEND, browser
from tests.deployments.world import Place, running, step

YES = {"type": "command", "command": ["true"], "period": 1}
UNPROBED = {"startup": YES, "readiness": YES, "liveness": YES}  # by default the port is asked
TALK = """
import time
for n in range(2000):
    print("line", n, flush=True)
    time.sleep(0.005 if n < 50 else 0.2)
"""
MUCH = "import time\nfor n in range(200000):\n    print('x' * 200, n)\ntime.sleep(600)"
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


@asynccontextmanager
async def listening(person: User, url: str, **headers: str) -> AsyncIterator[Any]:
    client = AsyncClient()
    await sync_to_async(client.force_login)(person, backend=BACKEND)
    response = await client.get(url, headers=headers)
    assert response.status_code == 200, response.content
    chunks = aiter(response.streaming_content)
    try:
        yield (chunk.decode() async for chunk in chunks)
    finally:
        await chunks.aclose()


def lines(chunk: str) -> list[str]:
    return [
        entry["text"]
        for line in chunk.splitlines()
        if line.startswith("data: ")
        for entry in json.loads(line.removeprefix("data: ")).get("lines", [])
    ]


def event_id(chunk: str) -> str:
    return next(line for line in chunk.splitlines() if line.startswith("id: ")).removeprefix("id: ")


def test_a_log_is_followed_and_taken_up_where_it_was(place: Place) -> None:
    pod = started(place, TALK)
    person, url = member(place), urls(place, pod)["stream"]

    async def story() -> None:
        async with listening(person, url) as chunks:
            assert await anext(chunks) == ": open\n\n"
            seen: list[str] = []
            while "line 50" not in seen:
                chunk = await asyncio.wait_for(anext(chunks), 20)
                seen += lines(chunk)
        assert seen == [f"line {n}" for n in range(len(seen))]
        async with listening(person, url, **{"Last-Event-ID": event_id(chunk)}) as chunks:
            await anext(chunks)
            following = lines(await asyncio.wait_for(anext(chunks), 20))
        assert following[0] == f"line {len(seen)}"

    async_to_sync(story)()


def test_the_end_and_the_loss_of_a_log(place: Place) -> None:
    pod = started(place, END)
    person, url = member(place), urls(place, pod)["stream"]

    async def whole(**headers: str) -> str:
        async with listening(person, url, **headers) as chunks:
            return "".join([chunk async for chunk in chunks])

    text = async_to_sync(whole)()
    assert lines(text)[-1] == "last 2"
    assert text.endswith("event: end\ndata: {}\n\n")
    with place.sandbox.fault(kind="status", status=503, server=place.cluster, path=f"{pod}/log", times=None):
        assert "event: gap" in async_to_sync(whole)()
    assert "last 0" in async_to_sync(whole)(**{"Last-Event-ID": "nonsense"})


def test_a_browser_that_leaves_closes_the_line_and_a_slow_one_holds_it_back(place: Place) -> None:
    pod = started(place, MUCH)
    person, url = member(place), urls(place, pod)["stream"]
    taken: list[int] = []

    async def story() -> None:
        whole = selectors.follow_log

        def counted(*arguments: Any, **options: Any) -> Any:
            async def each() -> AsyncIterator[Any]:
                source = whole(*arguments, **options)
                try:
                    async for line in source:
                        taken.append(1)
                        yield line
                finally:
                    await source.aclose()
                    taken.append(-1)

            return each()

        selectors.follow_log = counted  # type: ignore[assignment]
        try:
            async with listening(person, url) as chunks:
                await anext(chunks)
                await anext(chunks)
                await asyncio.sleep(0.5)
                assert len(taken) <= streams.BATCH_LINES + 2, "what the browser does not take is not read"
        finally:
            selectors.follow_log = whole
        assert taken[-1] == -1

    async_to_sync(story)()


def test_who_may_not_follow(place: Place) -> None:
    pod = started(place, TALK)
    url = urls(place, pod)["stream"]

    async def status(person: User | None) -> int:
        client = AsyncClient()
        if person is not None:
            await sync_to_async(client.force_login)(person, backend=BACKEND)
        return int((await client.get(url)).status_code)

    assert async_to_sync(status)(None) == 401
    assert async_to_sync(status)(factories.user()) == 404


def test_a_silent_log_is_kept_alive_and_a_lost_right_ends_it(place: Place, monkeypatch: Any) -> None:
    pod = started(place, "import time; print('once', flush=True); time.sleep(600)")
    person, url = member(place), urls(place, pod)["stream"]
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.2)
    monkeypatch.setattr(streams, "REAUTHORIZE_SECONDS", 0.0)

    async def story() -> None:
        async with listening(person, url) as chunks:
            seen = ""
            while ": still here" not in seen:
                seen += await asyncio.wait_for(anext(chunks), 10)
            await sync_to_async(place.world.project.memberships.filter(user=person).delete)()
            rest = "".join([chunk async for chunk in chunks])
            assert "event: gap" in rest

    async_to_sync(story)()
