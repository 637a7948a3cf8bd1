"""Exec, port-forward and logs through the API server, over the wire and by kubectl."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.sandbox.conftest import Running

from .kube import Kube

V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
STDIN, STDOUT, STDERR, ERROR, RESIZE = 0, 1, 2, 3, 4

# A bare chroot may lack them.
needs_terminals = pytest.mark.skipif(not Path("/dev/pts/ptmx").exists(), reason="needs pseudo-terminals (/dev/pts)")


@pytest.fixture
def shell(kube: Kube) -> str:
    """A pod that serves HTTP, ready."""
    kube.pod("web", readinessProbe={"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1})
    kube.wait(lambda: kube.container("web").get("ready"))
    return "web"


@contextmanager
def opened(kube: Kube, path: str, query: list[tuple[str, str]], protocol: str = V5) -> Iterator[ClientConnection]:
    server = kube.client.server.replace("https", "wss")
    with connect(
        f"{server}{path}?{urlencode(query)}",
        ssl=ssl.create_default_context(cafile=kube.client.ca),
        additional_headers={"Authorization": f"Bearer {kube.client.token}"},
        subprotocols=[protocol],  # type: ignore[list-item]
        open_timeout=10,
    ) as socket:
        assert socket.subprotocol == protocol
        yield socket


def command(*words: str, **streams: str) -> list[tuple[str, str]]:
    return [*(("command", word) for word in words), *(streams or {"stdout": "true", "stderr": "true"}).items()]


def finish(socket: ClientConnection) -> tuple[str, str, dict[str, Any]]:
    """Return output, error output and the final Status."""
    output: dict[int, bytes] = {STDOUT: b"", STDERR: b"", ERROR: b""}
    for message in socket:
        assert isinstance(message, bytes)
        output[message[0]] += message[1:]
    return output[STDOUT].decode(), output[STDERR].decode(), json.loads(output[ERROR])


@pytest.mark.parametrize(
    ("protocol", "told"),
    [
        (V5, "command terminated with exit code 3"),
        (V4, "error executing command [sh -c echo out; echo err >&2; exit 3], exit code 3"),
    ],
)
def test_exec_tells_the_exit_code(kube: Kube, shell: str, protocol: str, told: str) -> None:
    path = f"{kube.path('pods', shell)}/exec"
    with opened(kube, path, command("sh", "-c", "echo out; echo err >&2; exit 3"), protocol) as socket:
        out, err, status = finish(socket)
    assert (out, err) == ("out\n", "err\n")
    assert status == {
        "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: {told}",
        "details": {"causes": [{"reason": "ExitCode", "message": "3"}]},
    }  # fmt: skip


def test_exec_carries_input_and_its_end(kube: Kube, shell: str) -> None:
    query = command("cat", stdin="true", stdout="true")
    with opened(kube, f"{kube.path('pods', shell)}/exec", query) as socket:
        for part in (b"one\n", b"x" * 100_000, b"\ntwo\n"):
            socket.send(bytes([STDIN]) + part)
        socket.send(bytes([255, STDIN]))
        out, _, status = finish(socket)
    assert out == "one\n" + "x" * 100_000 + "\ntwo\n"
    assert status == {"metadata": {}, "status": "Success"}


@needs_terminals
def test_exec_has_a_terminal_that_can_be_resized(kube: Kube, shell: str) -> None:
    query = command("sh", "-c", "read go; stty size; test -t 0 && echo yes", stdin="true", stdout="true", tty="true")
    with opened(kube, f"{kube.path('pods', shell)}/exec", query) as socket:
        socket.send(bytes([RESIZE]) + b'{"Width": 100, "Height": 30}')
        socket.send(bytes([STDIN]) + b"go\n")
        out, _, status = finish(socket)
    assert "30 100\r\nyes" in out
    assert status["status"] == "Success"


def test_exec_of_a_missing_program_fails_on_the_error_channel(kube: Kube, shell: str) -> None:
    with opened(kube, f"{kube.path('pods', shell)}/exec", command("/nosuch/binary")) as socket:
        _, _, status = finish(socket)
    assert (status["status"], status["reason"]) == ("Failure", "InternalError")
    assert "no such file or directory" in status["message"]


@pytest.mark.parametrize(
    ("query", "protocol", "code"),
    [
        (command("sh", container="nosuch", stdout="true"), V5, 400),
        ([("command", "sh")], V5, 400),
        (command("sh"), "v9.channel.k8s.io", 403),
    ],
)
def test_exec_refuses_before_the_upgrade(kube: Kube, shell: str, query: Any, protocol: str, code: int) -> None:
    with pytest.raises(InvalidStatus) as refusal, opened(kube, f"{kube.path('pods', shell)}/exec", query, protocol):
        pass
    assert refusal.value.response.status_code == code


def test_port_forward_reaches_the_pod(kube: Kube, shell: str) -> None:
    path = f"{kube.path('pods', shell)}/portforward"
    with opened(kube, path, [("ports", "8080")], V4) as socket:
        assert [socket.recv(), socket.recv()] == [b"\x00\x90\x1f", b"\x01\x90\x1f"]
        socket.send(b"\x00GET / HTTP/1.0\r\nHost: x\r\n\r\n")
        answer = b"".join(message[1:] for message in socket if isinstance(message, bytes))
    assert answer.startswith(b"HTTP/1.0 200 OK")


def test_port_forward_tells_that_nobody_listens(kube: Kube, shell: str) -> None:
    with opened(kube, f"{kube.path('pods', shell)}/portforward", [("ports", "9")], V4) as socket:
        messages = [socket.recv() for _ in range(3)]
    assert isinstance(messages[2], bytes)
    assert messages[2][0] == 1
    assert b"error forwarding port 9" in messages[2]


def test_kubectl_follows_a_rollout_logs_and_runs_commands(kube: Kube, node_host: Running, tmp_path: Path) -> None:
    environment = {
        "KUBECONFIG": node_host.endpoints["north"]["kubeconfig"],
        "HOME": str(tmp_path),
        "PATH": "/usr/bin:/bin",
    }

    def kubectl(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        binary = str(Path(sys.executable).with_name("kubectl"))
        words = [binary, "--namespace", kube.namespace, *arguments]
        return subprocess.run(
            words, env=environment, input=text, capture_output=True, text=True, timeout=40, check=False
        )

    kube.apply("deployments", kube.deployment("web", "v1", replicas=1))
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", "--timeout=30s").stdout
    assert kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=10s").returncode == 0
    assert "starting" in kubectl("logs", "deployment/web").stdout
    done = kubectl("exec", "-i", "deployment/web", "--", "sh", "-c", "cat; exit 5", text="from here\n")
    assert (done.returncode, done.stdout) == (5, "from here\n")
    kube.pod(
        "short", command=["sh", "-c", "for i in 1 2 3; do echo tick $i; sleep 0.3; done"], spec_restartPolicy="Never"
    )
    kube.wait(lambda: kube.container("short").get("state", {}).get("waiting") is None and kube.container("short"))
    assert kubectl("logs", "--follow", "short").stdout == "tick 1\ntick 2\ntick 3\n"
