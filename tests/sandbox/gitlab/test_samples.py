"""The sample applications do what their names say, run from a checkout of their tags."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.sandbox.gitlab.git import create
from deploy.sandbox.samples.importer import import_sample, read_history, sample_folders

SAMPLES = {folder.name: folder for folder in sample_folders()}


async def archive(name: str, revision: str, bare: Path) -> bytes:
    git = await create(bare, "main")
    await import_sample(git, SAMPLES[name])
    return await git.run("archive", revision)


def check_out(name: str, revision: str, into: Path) -> Path:
    content = asyncio.run(archive(name, revision, into / "bare.git"))
    tree = into / "tree"
    tree.mkdir()
    subprocess.run(["tar", "-x", "-C", str(tree)], input=content, check=True)
    return tree


@contextmanager
def started(tree: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "main.py"], cwd=tree, env={"PYTHONUNBUFFERED": "1", **environment}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def ask(port: int, path: str) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def wait_for(port: int, path: str, wanted: int) -> dict[str, object]:
    deadline = time.monotonic() + 15
    while True:
        try:
            status, body = ask(port, path)
        except OSError:
            status, body = 0, {}
        if status == wanted:
            return body
        assert time.monotonic() < deadline, (status, body)
        time.sleep(0.02)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_history_is_complete(name: str) -> None:
    history = read_history(SAMPLES[name])
    assert {commit.folder for commit in history.commits} == {p.name for p in SAMPLES[name].iterdir() if p.is_dir()}
    assert all((SAMPLES[name] / commit.folder).is_dir() for commit in history.commits)


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0", "2.1.0"])
def test_storefront_serves_warms_up_and_stops_well(version: str, tmp_path: Path) -> None:
    tree = check_out("storefront", f"v{version}", tmp_path)
    config = tmp_path / "config.json"
    config.write_text('{"feature": "sale"}')
    port = free_port()
    settings = {
        "PORT": str(port), "POD_IP": "127.0.0.1", "GREETING": "Ahoy", "DB_PASSWORD": "p", "LOG_DIR": str(tmp_path / "logs"),
        "STOREFRONT_CONFIG": str(config),
    }  # fmt: skip
    with started(tree, **settings) as process:
        wait_for(port, "/healthz", 200)
        assert ask(port, "/readyz")[0] == ask(port, "/")[0] == 503
        wait_for(port, "/readyz", 200)
        front = ask(port, "/")[1]
        assert (front["version"], front["greeting"], front["feature"]) == (version, "Ahoy", "sale")
        assert ask(port, "/secret-check")[1] == {"sha256": hashlib.sha256(b"p").hexdigest()}
        assert ask(port, "/products")[0] == (404 if version == "1.0.0" else 200)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert '"path": "/secret-check"' in (tmp_path / "logs/access.log").read_text()


def test_storefront_3_crashes_with_its_reason(tmp_path: Path) -> None:
    with started(check_out("storefront", "next", tmp_path)) as process:
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 3
    assert "Traceback" in errors
    assert "PAYMENT_GATEWAY_URL is missing" in errors


@pytest.mark.parametrize(("name", "revision"), [("storefront", "cache"), ("leaker", "main")])
def test_leak_crosses_its_limit_within_seconds(name: str, revision: str, tmp_path: Path) -> None:
    tree = check_out(name, revision, tmp_path)
    with started(tree, PORT=str(free_port()), POD_IP="127.0.0.1") as process:
        deadline = time.monotonic() + 20
        pages = Path(f"/proc/{process.pid}/statm")
        while int(pages.read_text().split()[1]) * 4096 < 128 * 1024 * 1024:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.1)


def test_broken_build_does_not_compile_but_its_parent_does(tmp_path: Path) -> None:
    for revision, expected in (("main", 1), ("v1.0.0", 0)):
        (tmp_path / revision).mkdir()
        tree = check_out("broken-build", revision, tmp_path / revision)
        done = subprocess.run(
            [sys.executable, "-m", "compileall", "-q", "."], cwd=tree, capture_output=True, text=True, check=False
        )
        assert done.returncode == expected
        assert ("was never closed" in done.stdout) == bool(expected)


def test_crasher_crashes_and_worker_finishes(tmp_path: Path) -> None:
    (tmp_path / "crasher").mkdir()
    with started(check_out("crasher", "v2.0.0", tmp_path / "crasher")) as process:
        assert "/etc/report/template.txt" in process.communicate(timeout=10)[1]
        assert process.returncode == 1
    (tmp_path / "worker").mkdir()
    heartbeat = tmp_path / "heartbeat"
    tree = check_out("worker", "main", tmp_path / "worker")
    with started(tree, JOB_SECONDS="0.05", HEARTBEAT_FILE=str(heartbeat)) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("job=1 ")
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "stopped after" in output
    assert heartbeat.exists()


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_samples_pass_their_own_tests(name: str, tmp_path: Path) -> None:
    revision = "v1.0.0" if name == "broken-build" else "main"
    tree = check_out(name, revision, tmp_path)
    done = subprocess.run([sys.executable, "-m", "unittest"], cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "OK" in done.stderr
