"""A whole installation as `./slipway` makes it, in a state folder of its own: for tests that tell its story or kill it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.local.home import CHECKOUT, Home, write_json
from deploy.local.plan import USUAL_PORTS
from deploy.local.ports import free_port
from deploy.local.processes import Identity, kill_session, wait_until_gone
from deploy.local.running import find_supervisor, stop_everything
from deploy.local.services import Status, load_plan, load_statuses

NOT_INHERITED = ("DATABASE_URL", "REDIS_URL", "SLIPWAY_", "DJANGO_", "PYTEST_")
BACK_SECONDS = 40.0


@dataclass
class Instance:
    """One installation. It shares the tests' virtual environment and scanners; all else is its own."""

    home: Home
    environment: dict[str, str]

    @classmethod
    def at(cls, folder: Path, **settings: str) -> Instance:
        """Return an installation in a folder; nothing is started yet."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
        scanners = os.environ.get("SLIPWAY_SCANNERS")
        named = {"SLIPWAY_HOME": str(folder), "SLIPWAY_VENV": sys.prefix, "SLIPWAY_PYTHON": sys.executable}
        named |= {"SLIPWAY_SCANNERS": scanners} if scanners else {}
        environment = kept | named | settings
        home = Home.locate(environment)
        # Not the usual ones: several installations may start at the same moment.
        write_json(home.run / "ports.json", {name: free_port() for name in USUAL_PORTS})
        return cls(home, environment)

    def slipway(self, *arguments: str, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run `./slipway` and return what came of it."""
        return subprocess.run(
            [CHECKOUT / "slipway", *arguments],
            env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip

    def up(self) -> None:
        """Bring everything up."""
        done = self.slipway("up")
        assert done.returncode == 0, f"./slipway up: {done.stdout}{done.stderr}"

    def status(self, service: str) -> Status:
        """Return what the supervisor knows of a service."""
        return load_statuses(self.home)[service]

    def kill(self, service: str) -> Identity:
        """Kill a service with all its processes, without a warning, and return who it was."""
        status = self.status(service)
        identity = Identity(status.pid, status.started, status.boot)
        kill_session(identity)
        assert wait_until_gone(identity, 10.0)
        return identity

    def wait_back(self, service: str, gone: Identity) -> None:
        """Wait until the supervisor has brought a killed service back."""
        self._wait(
            lambda: self.status(service).state == "ready" and self.status(service).pid != gone.pid, f"{service} is back"
        )

    @contextlib.contextmanager
    def away(self, service: str) -> Iterator[None]:
        """Keep a service killed while the block runs."""
        supervisor = find_supervisor(self.home)
        assert supervisor is not None
        os.kill(supervisor.pid, signal.SIGSTOP)
        try:
            gone = self.kill(service)
            yield
        finally:
            os.kill(supervisor.pid, signal.SIGCONT)
        self.wait_back(service, gone)

    def kill_everything(self) -> None:
        """Kill the supervisor and every service."""
        supervisor = find_supervisor(self.home)
        assert supervisor is not None
        os.kill(supervisor.pid, signal.SIGKILL)
        assert wait_until_gone(supervisor, 10.0)
        for service in load_plan(self.home).services:
            self.kill(service.name)

    def left_behind(self) -> list[str]:
        """Return the processes that name the state folder, or see files of it (pods do, whose command says nothing)."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and int(entry.name) != os.getpid():
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    seen = command + str((entry / "root").readlink()) + (entry / "mountinfo").read_text()
                    if str(self.home.root) in seen:
                        found.append(f"{entry.name}: {command}")
        return found

    def remove(self) -> None:
        """Stop everything and remove the data."""
        stop_everything(self.home)
        self.slipway("reset", "--yes")

    @staticmethod
    def _wait(reached: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + BACK_SECONDS
        while not reached():
            assert time.monotonic() < until, f"{what}: not within {BACK_SECONDS:.0f} s"
            time.sleep(0.05)
