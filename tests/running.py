"""A whole Slipway of real processes for tests: web, two workers and beat on a database of its own, beside a sandbox."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx2
import psycopg2
import redis

from deploy.local.ports import HOST, free_port

from .sandbox_process import ROOT, Sandbox
from .sandbox_process import running as sandbox_running

START_SECONDS = 60
REDIS_DATABASE = 15  # pytest's own workers have 0 to 8
BIN = Path(sys.executable).parent


@dataclass
class Slipway:
    """A running Slipway: where it is, how its first administrator signs in, and its processes."""

    url: str
    folder: Path
    environment: dict[str, str]
    sandbox: Sandbox
    username: str = ""
    password: str = ""
    token: str = ""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Return what the API answers to the administrator."""
        response = httpx2.request(
            method,
            f"{self.url}/api/v1/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=60,
        )
        assert response.is_success, f"{method} {path} answered {response.status_code}: {response.text[:800]}"
        return response.json() if response.content else None

    def manage(self, *arguments: str) -> str:
        """Return what a management command prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"manage.py {arguments[0]}: {done.stderr[-3000:]}"
        return done.stdout

    def start(self, name: str) -> None:
        """Start one of its processes."""
        with self.log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self._commands()[name],
                cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def wait_ready(self) -> None:
        """Wait until the web answers and the workers take tasks."""
        self._wait("web", self._answers)
        for name in ("worker-apply", "worker"):
            self._wait(name, lambda name=name: b" ready." in self.log(name).read_bytes())  # type: ignore[misc]

    def kill(self, name: str) -> None:
        """Kill a process and its children without a warning."""
        process = self.processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End what runs."""
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        until = time.monotonic() + 10
        for name, process in list(self.processes.items()):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=max(0.1, until - time.monotonic()))
            self.kill(name)

    def log(self, name: str) -> Path:
        """Return the log of a process."""
        return self.folder / f"{name}.log"

    def _commands(self) -> dict[str, list[str]]:
        """Return the commands; `deploy/local/plan.py` starts the same for people."""
        port = str(urlsplit(self.url).port)
        celery = [str(BIN / "celery"), "-A", "paas"]
        worker = [*celery, "worker", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
        beat_file = str(self.folder / "beat-schedule")
        return {
            "web": [
                str(BIN / "uvicorn"), "paas.asgi:application", "--host", HOST, "--port", port,
                "--lifespan", "off", "--timeout-graceful-shutdown", "5", "--no-access-log", "--log-level", "warning",
            ],
            "worker-apply": [*worker, "-Q", "apply", "-n", "apply@slipway", "-c", "2"],
            "worker": [*worker, "-Q", "slow,celery", "-n", "slow@slipway", "-c", "2"],
            "beat": [*celery, "beat", "--loglevel", "INFO", "--pidfile", "", "--schedule", beat_file],
        }  # fmt: skip

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, urlsplit(self.url).port, timeout=10)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _wait(self, name: str, ready: Callable[[], bool]) -> None:
        until = time.monotonic() + START_SECONDS
        while not ready():
            ended = self.processes[name].poll() is not None
            if ended or time.monotonic() > until:
                words = self.log(name).read_text(errors="replace")[-3000:]
                raise RuntimeError(f"{name} {'ended' if ended else 'is not ready'}:\n{words}")
            time.sleep(0.1)


@contextlib.contextmanager
def running(folder: Path, **settings: str) -> Iterator[Slipway]:
    """Run a whole Slipway with a sandbox until the block ends; `settings` go into its environment."""
    with _database() as database_url, sandbox_running(folder / "sandbox") as sandbox:
        slipway = Slipway(f"http://{HOST}:{free_port()}", folder, {}, sandbox)
        slipway.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "paas.settings",
            "DATABASE_URL": database_url,
            "REDIS_URL": _emptied_redis(),
            "SLIPWAY_BASE_URL": slipway.url,
            "SLIPWAY_STATE": str(folder),
            "SLIPWAY_CA_FILE": sandbox.ca_file,
            "SLIPWAY_SWEEP_SECONDS": "2",
            "SLIPWAY_LOG_LEVEL": "INFO",
            "PYTHONUNBUFFERED": "1",
            **settings,
        }
        try:
            slipway.manage("migrate", "--no-input", "--verbosity", "0")
            login = json.loads(slipway.manage("bootstrap", "--json", "--state", str(folder)))
            slipway.username, slipway.password, slipway.token = login["username"], login["password"], login["token"]
            for name in ("web", "worker-apply", "worker", "beat"):
                slipway.start(name)
            slipway.wait_ready()
            yield slipway
        finally:
            slipway.stop()


@contextlib.contextmanager
def _database() -> Iterator[str]:
    """Yield the address of a new database on the test run's PostgreSQL, which ends with the block."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    server = urlunsplit(parts._replace(path="/postgres"))
    name = f"slipway_whole_{uuid.uuid4().hex[:12]}"
    _execute(server, f'CREATE DATABASE "{name}"')
    try:
        yield urlunsplit(parts._replace(path=f"/{name}"))
    finally:
        _execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def _execute(server: str, statement: str) -> None:
    connection = psycopg2.connect(server)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


def _emptied_redis() -> str:
    base, _, _ = os.environ["REDIS_URL"].rpartition("/")
    url = f"{base}/{REDIS_DATABASE}"
    with redis.Redis.from_url(url) as store:
        store.flushdb()
    return url
