"""What runs in a pod: its log read and followed, the run before, and commands in it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from apps.integrations import providers
from apps.integrations.connection import ClusterConnection
from apps.integrations.errors import Missing, Rejected
from apps.integrations.kubernetes.client import KubernetesClient
from apps.integrations.kubernetes.commands import Channel, Exit, run_command
from apps.integrations.kubernetes.streams import LogLine, follow_logs

from .ground import Ground

STREAM_SECONDS = 60
START_SECONDS = 120


@pytest.fixture(scope="module")
def namespace(ground: Ground) -> str:
    return ground.namespace()


@pytest.fixture
def client(account: ClusterConnection) -> KubernetesClient:
    return providers.kubernetes(account)


def start(ground: Ground, namespace: str, name: str, image: str, script: str, **spec: Any) -> None:
    """Make a pod that runs a line of shell, and wait until it has begun to run."""
    command = ["sh", "-c", script]
    container = {"name": "app", "image": image, "command": command, "imagePullPolicy": "IfNotPresent"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 1, **spec},
    }
    ground.client.apply(pod, field_manager="contract")
    wait(ground, namespace, name, lambda status: status.get("phase") not in (None, "Pending"))


def wait(ground: Ground, namespace: str, name: str, reached: Any) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not reached(status := ground.client.get("Pod", name, namespace)["status"]):
        assert time.monotonic() < deadline, status
        time.sleep(0.2)


async def followed(account: ClusterConnection, namespace: str, pod: str, **options: Any) -> list[LogLine]:
    async with asyncio.timeout(STREAM_SECONDS):
        return [line async for line in follow_logs(account, namespace, pod, **options)]


async def test_log_is_followed_to_the_end_of_the_run(
    ground: Ground, account: ClusterConnection, namespace: str, image: str
) -> None:
    script = "i=0; while [ $i -lt 4 ]; do i=$((i+1)); echo line $i; sleep 1; done"
    await asyncio.to_thread(start, ground, namespace, "follow", image, script, restartPolicy="Never")
    lines = await followed(account, namespace, "follow")
    assert [line.text for line in lines] == ["line 1", "line 2", "line 3", "line 4"]
    times = [line.at for line in lines if line.at]
    assert times == sorted(times)
    assert len(times) == 4
    assert [line.text for line in await followed(account, namespace, "follow", tail=1)] == ["line 4"]


def test_log_is_read_in_parts(ground: Ground, client: KubernetesClient, namespace: str, image: str) -> None:
    start(ground, namespace, "read", image, "echo out; echo err >&2; sleep 1; echo last", restartPolicy="Never")
    wait(ground, namespace, "read", lambda status: status["phase"] == "Succeeded")
    assert sorted(client.logs(namespace, "read").splitlines()) == ["err", "last", "out"]
    assert client.logs(namespace, "read", tail=1) == "last\n"
    assert client.logs(namespace, "read", container="app", timestamps=True).splitlines()[-1].endswith("Z last")
    assert client.logs(namespace, "read", tail=0) == ""
    with pytest.raises(Missing):
        client.logs(namespace, "nobody")
    with pytest.raises(Rejected):
        client.logs(namespace, "read", container="nobody")


def test_log_of_what_has_no_node_is_empty(ground: Ground, client: KubernetesClient, namespace: str, image: str) -> None:
    nowhere = {"nodeSelector": {"slipway.io/contract": "no-node-has-this"}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "pending", "namespace": namespace},
        "spec": {"containers": [{"name": "app", "image": image}], **nowhere},
    }
    ground.client.apply(pod, field_manager="contract")
    assert client.logs(namespace, "pending") == ""


async def test_run_before_is_what_a_crash_says(
    ground: Ground, client: KubernetesClient, namespace: str, image: str
) -> None:
    script = "echo boom; sleep 1; exit 3"
    await asyncio.to_thread(start, ground, namespace, "crash", image, script)

    def restarted(status: dict[str, Any]) -> bool:
        found = status.get("containerStatuses") or []
        return bool(found) and found[0]["restartCount"] >= 1

    await asyncio.to_thread(wait, ground, namespace, "crash", restarted)
    # The runtime keeps one dead container: it may throw the run before away at any moment, and says so with 200.
    assert await asyncio.to_thread(lambda: client.logs(namespace, "crash", previous=True)) in ("boom\n", "")


async def test_command_tells_its_output_and_exit_code(ground: Ground, namespace: str, image: str) -> None:
    await asyncio.to_thread(start, ground, namespace, "exec", image, "trap 'exit 0' TERM; while :; do sleep 1; done")
    said: dict[Channel, bytes] = {Channel.STDOUT: b"", Channel.STDERR: b""}
    async with asyncio.timeout(STREAM_SECONDS):
        command = ["sh", "-c", "echo out; sleep 1; echo err >&2; exit 3"]
        async with run_command(ground.admin, namespace, "exec", command) as session:
            async for output in session:
                said[output.channel] += output.content
    assert said == {Channel.STDOUT: b"out\n", Channel.STDERR: b"err\n"}
    assert session.exit == Exit(3)


async def test_command_reads_its_input_to_the_end(ground: Ground, namespace: str, image: str) -> None:
    await asyncio.to_thread(start, ground, namespace, "stdin", image, "trap 'exit 0' TERM; while :; do sleep 1; done")
    said = b""
    async with asyncio.timeout(STREAM_SECONDS):
        async with run_command(
            ground.admin, namespace, "stdin", ["sh", "-c", "read a; echo got $a"], stdin=True
        ) as session:
            await session.write(b"hello\n")
            async for output in session:
                said += output.content
        assert (said, session.exit) == (b"got hello\n", Exit(0))
        async with run_command(ground.admin, namespace, "stdin", ["/no/such/program"]) as session:
            async for _ in session:
                raise AssertionError("nothing runs, nothing is written")
        assert session.exit is not None
        assert session.exit.code != 0


async def test_command_in_what_is_not_there_is_refused(ground: Ground, namespace: str, image: str) -> None:
    await asyncio.to_thread(start, ground, namespace, "refused", image, "trap 'exit 0' TERM; while :; do sleep 1; done")
    with pytest.raises(Missing):
        async with run_command(ground.admin, namespace, "nobody", ["true"]):
            raise AssertionError("there is no such pod")
    with pytest.raises(Rejected):
        async with run_command(ground.admin, namespace, "refused", ["true"], container="nobody"):
            raise AssertionError("there is no such container")
