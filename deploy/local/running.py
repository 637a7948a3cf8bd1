"""Talk to the supervisor from the command line: find it, start it, wait for its services, stop everything."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from .console import Step
from .errors import Refusal
from .home import CHECKOUT, Home, read_json
from .processes import Identity, find_modules, kill_session, wait_until_gone
from .services import Status, load_plan, load_statuses
from .supervisor import supervisor_path

FAILURES_BEFORE_GIVING_UP = 4
STOP_SECONDS = 90.0


def find_supervisor(home: Home) -> Identity | None:
    """Return the running supervisor, or None."""
    content = read_json(supervisor_path(home))
    if not content:
        return None
    identity = Identity(**content)
    return identity if identity.is_alive() else None


def ensure_supervisor(home: Home) -> bool:
    """Start the supervisor where none runs; return whether that was needed."""
    if find_supervisor(home) is not None:
        return False
    with (home.logs / "supervisor.log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "deploy.local.supervisor", str(home.root)],
            cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + 10
    while find_supervisor(home) is None:
        if child.poll() is not None or time.monotonic() > deadline:
            raise Refusal(f"the supervisor does not start (see {home.logs / 'supervisor.log'})")
        time.sleep(0.02)
    # It outlives us on purpose, so nobody waits for it.
    child.returncode = 0
    return True


def wait_ready(home: Home, names: Iterable[str], progress: Step, seconds: float) -> None:
    """Wait until these services are ready.

    Raises:
        Refusal: one of them ends again and again, or they take too long.
    """
    fingerprints = {service.name: service.fingerprint for service in load_plan(home).services}
    wanted = list(names)
    deadline = time.monotonic() + seconds
    while True:
        statuses = load_statuses(home)
        missing = [name for name in wanted if not _is_ready(statuses.get(name), fingerprints[name])]
        if not missing:
            return
        for name in missing:
            status = statuses.get(name)
            if status and status.failures >= FAILURES_BEFORE_GIVING_UP and status.fingerprint == fingerprints[name]:
                raise Refusal(f"{name} ends at once, with {status.last_exit}: {_last_words(home, name)}")
        if time.monotonic() > deadline:
            raise Refusal(f"{missing[0]} is not ready after {seconds:.0f} s: {_last_words(home, missing[0])}")
        if find_supervisor(home) is None:
            ensure_supervisor(home)
        progress.say(", ".join(missing))
        time.sleep(0.05)


def _is_ready(status: Status | None, fingerprint: str) -> bool:
    return (
        status is not None
        and status.state == "ready"
        and status.fingerprint == fingerprint
        and Identity(status.pid, status.started, status.boot).is_alive()
    )


def is_running(home: Home, name: str) -> bool:
    """Return whether a service that we started runs at this moment."""
    status = load_statuses(home).get(name)
    return bool(status and status.pid and Identity(status.pid, status.started, status.boot).is_alive())


def _last_words(home: Home, name: str) -> str:
    path = home.logs / f"{name}.log"
    lines: list[str] = []
    with contextlib.suppress(OSError):
        lines = [line for line in path.read_text(errors="replace").splitlines()[-30:] if line.strip()]
    return f"{lines[-1].strip()[:300] if lines else 'it printed nothing'} (see {path})"


def stop_everything(home: Home) -> None:
    """Stop the supervisor, its services (also what a killed supervisor left) and the sandbox's pods and builds."""
    supervisor = find_supervisor(home)
    if supervisor is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(supervisor.pid, signal.SIGTERM)
        if not wait_until_gone(supervisor, STOP_SECONDS):
            with contextlib.suppress(ProcessLookupError):
                os.kill(supervisor.pid, signal.SIGKILL)
    for service in reversed(load_plan(home).services):
        _stop_left_behind(home, service.name, signal.Signals[service.stop_signal], service.grace)
    _stop_sandbox_processes(home.sandbox)


def _stop_left_behind(home: Home, name: str, number: signal.Signals, grace: float) -> None:
    status = load_statuses(home).get(name)
    if status is None or not status.pid:
        return
    identity = Identity(status.pid, status.started, status.boot)
    if identity.is_alive():
        with contextlib.suppress(ProcessLookupError):
            os.kill(identity.pid, number)
        wait_until_gone(identity, grace)
    kill_session(identity)
    status.state, status.pid = "stopped", 0
    status.save(home)


def _stop_sandbox_processes(state: Path) -> None:
    """Stop pods and builds: they outlive the sandbox on purpose, but not `down`."""
    for number, seconds in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
        left = find_modules("deploy.sandbox", state)
        for identity in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(identity.pid, number)
        gone = [wait_until_gone(identity, seconds) for identity in left]
        for identity in left:
            kill_session(identity)  # what a killed build's stages left
        if all(gone):
            return
