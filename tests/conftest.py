"""What all tests share: settings by environment, one Redis database per worker, no socket but loopback."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox_process import Sandbox, running

# `./slipway test` starts private PostgreSQL and Redis servers and names them; keys are thrown away with the run.
os.environ.setdefault("SLIPWAY_SECRET_KEY", "tests-only")
os.environ.setdefault("SLIPWAY_FIELD_KEYS", "ZmDfcTF7_60GrrY167zsiPd67pEvs0aGOv2oasOM1Pg=")
os.environ.setdefault("DATABASE_URL", "postgres://postgres@127.0.0.1:1/none")
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")
os.environ.setdefault("SLIPWAY_LOG_LEVEL", "WARNING")

_worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
_redis_base, _, _ = os.environ["REDIS_URL"].rpartition("/")
os.environ["REDIS_URL"] = f"{_redis_base}/{int(_worker.removeprefix('gw')) + 1}"


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that would reach beyond this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0]
            if not (host.startswith("127.") or host in ("localhost", "::1")):
                raise AssertionError(f"a test may only reach loopback, not {host}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    yield


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox with all its servers for this worker; every test uses its own project, namespace and faults."""
    with running(tmp_path_factory.mktemp("sandbox")) as started:
        yield started
