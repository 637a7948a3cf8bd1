"""What a killed sandbox leaves running is taken up again: the same processes, without a flicker."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.sandbox.kubernetes.pods.client import kill_all

from .kube import Kube, push_image

PROJECT = Path(__file__).resolve().parents[3]
PATIENCE = 60.0  # under load; alone, each takes a second or two


class Sandbox:
    """The sandbox as a process of its own."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.start()

    def start(self) -> None:
        ready = self.state / "endpoints.json"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.sandbox.node.serve", str(self.state)]
        self.process = subprocess.Popen(command, cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT)})
        deadline = time.monotonic() + 30
        while not ready.exists():
            assert self.process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        self.endpoints = json.loads(ready.read_text())

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(15)
        self.process.kill()
        self.process.wait()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    (tmp_path / "blobs").mkdir()
    found = Sandbox(tmp_path / "state")
    push_image(found.endpoints, "base/node-test", "v1", folder=tmp_path / "blobs")
    yield found
    found.stop()
    kill_all(tmp_path / "state")


def test_killed_sandbox_takes_its_pods_up_again(sandbox: Sandbox) -> None:
    kube = Kube(sandbox.endpoints)
    host = kube.expose("web")
    kube.apply("deployments", kube.deployment("web", "v1"))
    kube.pod("crash", command=["sh", "-c", "exit 3"])
    kube.wait(lambda: kube.rolled_out("web"), PATIENCE)
    kube.wait(lambda: kube.container("crash").get("restartCount", 0) >= 1, PATIENCE)
    # only now, and longer than what comes before the kill: a machine under load had seen it end before
    kube.pod("short", command=["sh", "-c", "sleep 4; exit 5"], spec_restartPolicy="Never")
    kube.wait(lambda: kube.status("short").get("phase") != "Pending", PATIENCE)
    boots = {kube.ask(host)[1].split()[1] for _ in range(6)}
    transitions = {
        pod["metadata"]["name"]: pod["status"]["conditions"] for pod in kube.list("pods", "?labelSelector=app%3Dweb")
    }
    sandbox.kill()
    time.sleep(4.5)  # `short` ends while nobody looks
    sandbox.start()
    kube.client.pool.clear()
    assert {kube.ask(host)[1].split()[1] for _ in range(6)} == boots  # the very same processes, at once
    kube.wait(lambda: kube.status("short")["phase"] == "Failed", PATIENCE)
    assert kube.container("short")["state"]["terminated"]["exitCode"] == 5
    kube.wait(lambda: kube.container("crash")["restartCount"] >= 2, PATIENCE)
    time.sleep(1.2)  # a probe's period
    pods = kube.list("pods", "?labelSelector=app%3Dweb")
    assert {pod["metadata"]["name"]: pod["status"]["conditions"] for pod in pods} == transitions
    assert all(pod["status"]["containerStatuses"][0]["restartCount"] == 0 for pod in pods)
    assert "starting" in kube.log(pods[0]["metadata"]["name"])
    kube.delete("deployments", "web")
    kube.wait(lambda: not kube.list("pods", "?labelSelector=app%3Dweb"), PATIENCE)


def test_dead_shim_is_seen_and_the_container_started_anew(sandbox: Sandbox) -> None:
    kube = Kube(sandbox.endpoints)
    pod = kube.pod("lonely", readinessProbe={"tcpSocket": {"port": 8080}, "periodSeconds": 1})
    kube.wait(lambda: kube.container("lonely").get("ready"))
    folder = sandbox.state / "north" / "pods" / pod["metadata"]["uid"]
    os.kill(int((folder / "shim.pid").read_text()), signal.SIGKILL)
    kube.wait(lambda: kube.container("lonely").get("restartCount") == 1 and kube.container("lonely")["ready"])
    ended = kube.container("lonely")["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (255, "Unknown")
    assert any(reason == "SandboxChanged" for reason, _ in kube.events("lonely"))
