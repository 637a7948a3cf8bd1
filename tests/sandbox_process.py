"""One sandbox as a process of its own, and its controls, for tests."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from deploy.sandbox.kubernetes.pods.client import kill_all

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60


@dataclass
class Sandbox:
    """A running sandbox: where its servers are, its journal and its faults."""

    state: Path
    process: subprocess.Popen[bytes]
    endpoints: dict[str, Any]

    @property
    def ca_file(self) -> str:
        """Return the path of the CA certificate."""
        return str(self.endpoints["ca"])

    @property
    def ca_pem(self) -> str:
        """Return the CA certificate."""
        return Path(self.ca_file).read_text()

    def control(self, method: str, path: str, **content: Any) -> httpx2.Response:
        """Call the control server."""
        control = self.endpoints["control"]
        headers = {"Authorization": f"Bearer {control['token']}"}
        url = control["url"] + path
        response = httpx2.request(
            method, url, headers=headers, verify=ssl.create_default_context(cafile=self.ca_file), timeout=60, **content
        )
        response.raise_for_status()
        return response

    def journal(self, server: str | None = None, since: int = 0) -> list[dict[str, Any]]:
        """Return what was asked of a server."""
        params = {"since": str(since)} | ({"server": server} if server else {})
        entries: list[dict[str, Any]] = self.control("GET", "/journal", params=params).json()
        return entries

    def journal_end(self) -> int:
        """Return the number of the last entry, to read on from."""
        entries = self.journal()
        return int(entries[-1]["n"]) if entries else 0

    @contextlib.contextmanager
    def fault(self, **settings: Any) -> Iterator[None]:
        """Switch a fault on for a while."""
        fault_id = self.control("POST", "/faults", json=settings).json()["id"]
        try:
            yield
        finally:
            self.control("DELETE", "/faults", params={"id": str(fault_id)})

    def restart_server(self, name: str, down_for: float = 0.0) -> None:
        """Restart one server inside the sandbox: memory gone, disk kept."""
        self.control("POST", f"/restart/{name}", params={"down_for": str(down_for)})

    def kill(self) -> None:
        """Kill the process without a warning."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def start_again(self) -> None:
        """Start it again on the same state and ports."""
        (self.state / "endpoints.json").unlink(missing_ok=True)
        self.process = _spawn(self.state, list(self.endpoints["clusters"]))
        self.endpoints = _wait(self.state, self.process)


def _spawn(state: Path, clusters: list[str]) -> subprocess.Popen[bytes]:
    state.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "deploy.sandbox", "--state", str(state), "--clusters", ",".join(clusters)]
    with (state / "sandbox.log").open("ab") as log:
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


def _wait(state: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the sandbox ended:\n{(state / 'sandbox.log').read_text()[-4000:]}")
        with contextlib.suppress(OSError, ValueError):
            endpoints: dict[str, Any] = json.loads((state / "endpoints.json").read_text())
            names = [key for key, found in endpoints.items() if isinstance(found, dict) and "kubeconfig" in found]
            endpoints["clusters"] = {name: endpoints[name] for name in names}
            return endpoints
        time.sleep(0.1)
    raise RuntimeError(f"the sandbox was not ready in {START_SECONDS} s: {(state / 'sandbox.log').read_text()[-2000:]}")


@contextlib.contextmanager
def running(state: Path, clusters: tuple[str, ...] = ("north", "south")) -> Iterator[Sandbox]:
    """Run a sandbox on a folder of state until the block ends."""
    process = _spawn(state, list(clusters))
    sandbox = Sandbox(state, process, {})
    try:
        sandbox.endpoints = _wait(state, process)
        yield sandbox
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(sandbox.process.pid, signal.SIGTERM)
        try:
            sandbox.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(sandbox.process.pid, signal.SIGKILL)
        kill_all(state)  # pods outlive their sandbox by design
