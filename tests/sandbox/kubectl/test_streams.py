"""What kubectl does for as long as one lets it: terminals, ports, followed logs, watches, copies, editors."""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3

from .objects import MAP, WEB
from .runner import Kubectl, Terminal


@pytest.fixture
def web(kubectl: Kubectl) -> Kubectl:
    """kubectl beside a Deployment `web` of one pod, which is ready."""
    kubectl.run("apply -f -", text=WEB.replace("replicas: 2", "replicas: 1"))
    kubectl.run("rollout status deployment/web --timeout=40s")
    return kubectl


def read_until(process: subprocess.Popen[bytes], wanted: Callable[[str], object], timeout: float = 20.0) -> str:
    """Return what a command printed, up to where it is what is wanted."""
    assert process.stdout is not None
    seen, deadline = "", time.monotonic() + timeout
    while not wanted(seen):
        assert time.monotonic() < deadline, seen
        if select.select([process.stdout], [], [], 0.2)[0]:
            chunk = os.read(process.stdout.fileno(), 4096)
            assert chunk, f"it ended: {seen}"
            seen += chunk.decode()
    return seen


def local_port(process: subprocess.Popen[bytes]) -> int:
    found = re.search(r"Forwarding from 127.0.0.1:(\d+)", read_until(process, lambda seen: "127.0.0.1" in seen))
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize("target", ["deployment/web", "service/web"])
def test_port_forward_carries_connections(web: Kubectl, target: str) -> None:
    web.run("expose deployment web --port=80 --target-port=8080")
    port = 80 if target.startswith("service") else 8080
    body = bytes(range(256)) * 4096
    with web.beside(f"port-forward {target} :{port}") as process:
        address = f"http://127.0.0.1:{local_port(process)}/"
        with urllib3.PoolManager(retries=False, timeout=10.0) as pool:
            assert [pool.request("GET", address).status for _ in range(5)] == [200] * 5
            assert pool.request("POST", address, body=body).data == body[::-1]


def test_port_forward_tells_that_nobody_listens(web: Kubectl) -> None:
    with web.beside("port-forward deployment/web :9") as process:
        address = f"http://127.0.0.1:{local_port(process)}/"
        with urllib3.PoolManager(retries=False, timeout=10.0) as pool, pytest.raises(urllib3.exceptions.ProtocolError):
            pool.request("GET", address)
        read_until(process, lambda seen: "error forwarding port 9 to pod" in seen)


def test_exec_has_a_terminal(web: Kubectl) -> None:
    terminal = Terminal(web, "exec -it deployment/web -- sh")
    terminal.ask("stty size\n", "30 100\r\n")
    terminal.type("test -t 0 && echo a-$TERM-terminal\n")
    terminal.wait_for("a-xterm-terminal\r\n")
    terminal.type("cat\nmirrored\n")
    terminal.wait_for("mirrored\r\nmirrored\r\n")
    terminal.type("\x03")
    terminal.wait_for("^C\r\n$ ")
    terminal.type("exit 5\n")
    assert terminal.exit_code() == 5
    assert "command terminated with exit code 5" in terminal.seen


def test_attach_reaches_the_container_itself(kubectl: Kubectl) -> None:
    kubectl.run("run shell --image=$image --restart=Never -i -t --attach=false --command -- sh")
    kubectl.run("wait --for=condition=Ready pod/shell --timeout=30s")
    terminal = Terminal(kubectl, "attach -it shell")
    terminal.ask("stty size\n", "30 100\r\n")
    terminal.type("echo process-$$\n")
    terminal.wait_for("process-1\r\n")
    terminal.type("exit 4\n")
    assert terminal.exit_code() == 0, "attach does not carry the exit code"
    kubectl.run(
        "wait --for=jsonpath={.status.containerStatuses[0].state.terminated.exitCode}=4 pod/shell --timeout=10s"
    )
    assert "process-1\n" in kubectl.run("logs shell")


def test_debug_opens_a_terminal_in_a_new_container(web: Kubectl) -> None:
    pod = web.run("get pods -l app=web -o name").strip()
    terminal = Terminal(web, f"debug -it {pod} --image=$image --container=look -- sh")
    terminal.type("echo pod-$HOSTNAME\n")
    terminal.wait_for(f"{pod.replace('/', '-')}\r\n")
    terminal.type("exit\n")
    assert terminal.exit_code() == 0


def test_logs_are_followed_to_the_containers_end(kubectl: Kubectl) -> None:
    kubectl.run("run ticks --image=$image --restart=Never -- sh -c 'for i in 1 2 3; do echo tick $i; sleep 0.5; done'")
    kubectl.run("wait --for=condition=Ready pod/ticks --timeout=20s")
    assert kubectl.run("logs --follow ticks") == "tick 1\ntick 2\ntick 3\n"


def test_a_watch_sees_what_happens(kubectl: Kubectl) -> None:
    with kubectl.beside("get configmaps --watch-only --output-watch-events") as process:
        time.sleep(1)  # nothing tells that it has begun
        kubectl.run("create -f -", text=MAP)
        kubectl.run("label configmap settings a=b")
        kubectl.run("delete configmap settings")
        seen = read_until(process, lambda seen: "DELETED" in seen)
    assert re.findall(r"(\w+) +settings", seen) == ["ADDED", "MODIFIED", "DELETED"]


def test_files_are_copied_both_ways(web: Kubectl, tmp_path: Path) -> None:
    pod = web.run("get pods -l app=web -o jsonpath={.items[0].metadata.name}")
    (tmp_path / "there").mkdir()
    content = bytes(range(256)) * 2000
    (tmp_path / "there" / "file").write_bytes(content)
    web.run(f"cp {tmp_path}/there {pod}:/tmp/here")
    assert web.run(f"exec {pod} -- sh -c 'wc -c < /tmp/here/file'").strip() == str(len(content))
    web.run(f"cp {pod}:/tmp/here/file {tmp_path}/back")
    assert (tmp_path / "back").read_bytes() == content


def test_an_editor_changes_an_object(kubectl: Kubectl) -> None:
    kubectl.run("create -f -", text=MAP)
    assert kubectl.run("edit configmap settings", KUBE_EDITOR="sed -i s/red/blue/") == "configmap/settings edited\n"
    assert kubectl.run("get configmap settings -o jsonpath={.data.colour}") == "blue"


def test_a_forced_deletion_leaves_no_process(kubectl: Kubectl) -> None:
    kubectl.run("run stubborn --image=$image --restart=Never -- sh -c 'trap \"\" TERM; while :; do sleep 1; done'")
    kubectl.run("wait --for=condition=Ready pod/stubborn --timeout=20s")
    with kubectl.beside("logs --follow stubborn") as process:
        kubectl.run("delete pod stubborn --grace-period=0 --force")
        process.wait(20)  # the log ends with the container, or with the news that its pod is gone
