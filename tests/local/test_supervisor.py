"""The supervisor, with small real processes as services."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from deploy.local import supervisor as supervision
from deploy.local.commands import status as status_command
from deploy.local.console import Step
from deploy.local.errors import Refusal
from deploy.local.home import Home
from deploy.local.ports import HOST, free_port
from deploy.local.processes import Identity, identify, kill_session, listens, session_members, wait_until_gone
from deploy.local.running import ensure_supervisor, find_supervisor, stop_everything, wait_ready
from deploy.local.services import Plan, Service, Status, load_statuses

SERVE = "print('serving', flush=True); import time; time.sleep(600)"
# A child that would hold the port of its killed parent.
FORK = f"import os; os.fork(); {SERVE}"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SERVE}"


def service(name: str = "one", code: str = SERVE, **more: object) -> Service:
    made = Service(
        name, [sys.executable, "-c", code], "/", {"PATH": os.defpath}, ready="line", ready_detail="serving", grace=2.0
    )
    return replace(made, **more)  # type: ignore[arg-type]


def start(home: Home, *services: Service, seconds: float = 15.0) -> dict[str, Status]:
    Plan(list(services)).save(home)
    ensure_supervisor(home)
    wait_ready(home, [each.name for each in services], Step("test"), seconds)
    return load_statuses(home)


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def identity_of(status: Status) -> Identity:
    return Identity(status.pid, status.started, status.boot)


def is_alive(status: Status) -> bool:
    return identity_of(status).is_alive()


def test_killed_service_is_started_again(home: Home) -> None:
    before = start(home, service())["one"]
    os.kill(before.pid, signal.SIGKILL)
    wait_for(lambda: load_statuses(home)["one"].restarts == 1)
    after = start(home, service())["one"]
    assert after.pid != before.pid
    assert after.last_exit == "signal 9"
    assert status_command.run(home) == 0


def test_what_a_killed_leader_leaves_behind_is_killed(home: Home) -> None:
    before = start(home, service(code=FORK))["one"]
    left = set(session_members(identity_of(before))) - {before.pid}
    assert left
    os.kill(before.pid, signal.SIGKILL)
    wait_for(lambda: load_statuses(home)["one"].restarts == 1)
    assert not any(identify(pid) for pid in left)


def test_next_supervisor_takes_over_what_a_killed_one_left(home: Home) -> None:
    before = start(home, service("one"), service("two"))
    first = find_supervisor(home)
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    assert wait_until_gone(first, 5)
    assert find_supervisor(home) is None
    assert status_command.run(home) == 1
    os.kill(before["two"].pid, signal.SIGKILL)
    after = start(home, service("one"), service("two"))
    assert after["one"].pid == before["one"].pid
    assert after["two"].pid != before["two"].pid
    os.kill(after["one"].pid, signal.SIGKILL)  # it is no child of the new supervisor, and looked after all the same
    wait_for(lambda: load_statuses(home)["one"].restarts == 1)


def test_changed_service_is_replaced_and_unwanted_one_stopped(home: Home) -> None:
    before = start(home, service("one"), service("two"), service("three"))
    after = start(home, service("one"), service("two", stamp="new code"))
    assert after["one"].pid == before["one"].pid
    assert after["two"].pid != before["two"].pid
    assert not is_alive(before["two"])
    assert not is_alive(before["three"])


def test_service_waits_for_what_it_needs(home: Home) -> None:
    slow = service("slow", code=f"import time; time.sleep(0.5); {SERVE}")
    found = start(home, service("quick", needs=["slow"]), slow)
    assert found["quick"].since >= found["slow"].since + 0.5


def test_service_that_ends_at_once_is_named_with_its_last_words(home: Home) -> None:
    with pytest.raises(Refusal, match=r"one ends at once, with exit code 3: no such table .*one\.log"):
        start(home, service(code="print('no such table'); raise SystemExit(3)"), seconds=30)
    status = load_statuses(home)["one"]
    assert status.restarts >= 4
    assert status_command.run(home) == 1


def test_somebody_else_at_its_port_is_not_taken_for_the_service(home: Home) -> None:
    web = [sys.executable, "-m", "http.server", "--bind", HOST]
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        answering = threading.Thread(target=_answer_once, args=(other,), daemon=True)
        answering.start()
        with pytest.raises(Refusal, match=r"web ends at once.*in use"):
            start(home, service("web", command=[*web, str(port)], port=port, ready="http", ready_detail="/"))
    free = free_port()
    found = start(home, service("web", command=[*web, str(free)], port=free, ready="http", ready_detail="/"))["web"]
    assert listens(identity_of(found), free)


def _answer_once(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection, _ = listener.accept()
        with connection:
            connection.recv(1024)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def test_program_that_is_not_there_is_named(home: Home) -> None:
    with pytest.raises(Refusal, match="No such file"):
        start(home, service(command=["/nonexistent/program"]), seconds=30)


def test_slow_service_is_named(home: Home) -> None:
    with pytest.raises(Refusal, match="one is not ready after 0 s"):
        start(home, service(code="import time; time.sleep(60)"), seconds=0.3)


def test_stubborn_service_is_killed_after_its_grace(home: Home) -> None:
    before = start(home, service(code=STUBBORN, grace=0.3))["one"]
    started = time.monotonic()
    stop_everything(home)
    assert time.monotonic() - started < 5
    assert not is_alive(before)
    assert find_supervisor(home) is None


def test_down_stops_what_a_killed_supervisor_left(home: Home) -> None:
    before = start(home, service("one"), service("two"))
    found = find_supervisor(home)
    assert found is not None
    os.kill(found.pid, signal.SIGKILL)
    assert wait_until_gone(found, 5)
    stop_everything(home)
    assert not any(is_alive(status) for status in before.values())


def test_pid_of_somebody_else_is_left_alone(home: Home) -> None:
    me = identify(os.getpid())
    assert me is not None
    Status("one", state="ready", pid=me.pid, started=me.started - 1, boot=me.boot).save(home)
    start(home, service())
    assert identify(os.getpid()) == me
    assert load_statuses(home)["one"].pid != me.pid


def test_logs_are_cut_and_three_are_kept(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "LOG_LIMIT", 10)
    supervisor = supervision.Supervisor(home)
    log = home.logs / "one.log"
    for number in range(5):
        log.write_text(f"{number}" * 20)
        supervisor._rotate_logs()
    assert log.stat().st_size == 0
    kept = {path.name: path.read_text()[0] for path in home.logs.glob("one.log.*")}
    assert kept == {"one.log.1": "4", "one.log.2": "3", "one.log.3": "2"}


def test_only_our_own_session_is_ever_meant() -> None:
    """A kill that reads session 0 or a reused number would take the machine's other processes with it."""
    process = subprocess.Popen([sys.executable, "-c", FORK], start_new_session=True, stdout=subprocess.PIPE)
    leader = identify(process.pid)
    assert leader is not None
    assert process.stdout is not None
    process.stdout.readline()
    try:
        assert leader.pid in session_members(leader)
        assert session_members(replace(leader, pid=0)) == []
        assert session_members(replace(leader, pid=1)) == []
        assert session_members(replace(leader, pid=os.getsid(0))) == []
        assert session_members(replace(leader, started=leader.started - 1)) == []
        assert session_members(replace(leader, started=leader.started + 1)) == []
        assert session_members(replace(leader, boot="another")) == []
    finally:
        kill_session(leader)
        process.communicate()


def test_down_finds_pods_and_builds_and_nobody_else(home: Home) -> None:
    code = "import sys, time; print('on', flush=True); time.sleep(60)"
    module = home.run / "deploy" / "sandbox" / "pods.py"
    module.parent.mkdir(parents=True)
    module.write_text(code)
    folder = home.sandbox / "pods" / "one"
    options = {"cwd": home.run, "stdout": subprocess.PIPE, "start_new_session": True}
    pod = subprocess.Popen([sys.executable, "-m", "deploy.sandbox.pods", str(folder)], **options)  # type: ignore[call-overload]
    reader = subprocess.Popen([sys.executable, "-c", code, str(folder)], **options)  # type: ignore[call-overload]
    try:
        for process in (pod, reader):
            assert process.stdout.readline() == b"on\n"
        stop_everything(home)
        assert pod.wait(10) == -signal.SIGTERM
        assert reader.poll() is None
    finally:
        for process in (pod, reader):
            process.kill()
            process.communicate()
