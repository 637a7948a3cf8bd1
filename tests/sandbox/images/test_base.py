"""The base images in the registry, and the programs in them."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.sandbox.images import base
from tests.sandbox.harbor.registry_client import Registry, sha256
from tests.sandbox.harbor.running import Running

CONTENT = Path(base.__file__).parent / "content"
EXPECTED = ("clone:1", "python-compile:3.11", "python-run:3.11", "node-compile:20", "node-run:20", "static:1")


@pytest.fixture
def anybody(harbor: Running) -> Iterator[Registry]:
    client = harbor.client(None)
    yield client
    client.close()


@pytest.mark.parametrize("name", EXPECTED)
def test_anybody_can_pull_a_base_image_and_every_byte_verifies(anybody: Registry, name: str) -> None:
    repository, _, tag = name.partition(":")
    answer = anybody.call("GET", f"/v2/base/{repository}/manifests/{tag}")
    assert sha256(answer.content) == answer.headers["Docker-Content-Digest"]
    manifest = answer.json()
    config_bytes = anybody.call("GET", f"/v2/base/{repository}/blobs/{manifest['config']['digest']}").content
    assert sha256(config_bytes) == manifest["config"]["digest"]
    config = json.loads(config_bytes)
    assert config["config"]["Labels"]["slipway.sandbox.borrow"] == "userland"
    layers = [
        anybody.call("GET", f"/v2/base/{repository}/blobs/{item['digest']}").content for item in manifest["layers"]
    ]
    assert [sha256(layer) for layer in layers] == [item["digest"] for item in manifest["layers"]]
    assert [sha256(gzip.decompress(layer)) for layer in layers] == config["rootfs"]["diff_ids"]
    with tarfile.open(fileobj=io.BytesIO(layers[0])) as archive:
        assert archive.getmember("opt/slipway/my_init").mode == 0o755
        assert not {"bin", "lib", "usr/bin"} & set(archive.getnames())  # the machine's own appear there


def test_base_images_are_pushed_once(harbor: Running) -> None:
    before = {
        name: harbor.api("GET", f"/projects/base/repositories/{name.partition(':')[0]}").json() for name in EXPECTED
    }
    harbor.restart()
    after = {
        name: harbor.api("GET", f"/projects/base/repositories/{name.partition(':')[0]}").json() for name in EXPECTED
    }
    assert before == after


def init(*arguments: str, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, str(CONTENT / "my_init.py"), *arguments]
    options.setdefault("env", {"PATH": os.defpath})
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["sh", "-c", "exit 7"], 7),
        (["--", "sh", "-c", "kill -9 $$"], 137),
        (["no-such-program"], 127),
        (["/etc/passwd"], 126),
        ([], 64),
    ],
)
def test_init_ends_as_its_program_does(arguments: list[str], code: int) -> None:
    process = init(*arguments)
    process.communicate(timeout=20)
    assert process.returncode == code


def test_init_passes_signals_on() -> None:
    program = "import signal,sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(5)); print('up', flush=True); signal.pause()"
    process = init("--", sys.executable, "-c", program)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 5


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_init_reaps_orphans() -> None:
    """As process 1 of a PID namespace it is the parent of every orphan; none of them may stay a zombie."""
    probe = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "true"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("needs user namespaces")
    program = (
        "import glob, subprocess, time\n"
        "def state(path):\n"
        "    try: return open(path).read().rsplit(')', 1)[1].split()[0]\n"
        "    except OSError: return ''\n"
        "for _ in range(5): subprocess.run(['sh', '-c', 'true & exit 0'])\n"
        "deadline = time.monotonic() + 10\n"
        "while time.monotonic() < deadline:\n"
        "    states = [state(path) for path in glob.glob('/proc/[0-9]*/stat')]\n"
        "    if len(states) == 2 and 'Z' not in states: break\n"
        "else: raise SystemExit(f'left over: {states}')\n"
    )
    command = [*probe[:-1], sys.executable, str(CONTENT / "my_init.py"), "--", sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_static_server_serves_and_ends_on_sigterm(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<h1>hello</h1>")
    (tmp_path / "empty").mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {**os.environ, "PORT": str(port), "POD_IP": "127.0.0.1"}
    process = subprocess.Popen(
        [sys.executable, str(CONTENT / "static_server.py"), str(tmp_path)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                with urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer:
                    assert answer.read() == b"ok\n"
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        with urllib.request.urlopen(url, timeout=5) as answer:
            assert answer.read() == b"<h1>hello</h1>"
        with pytest.raises(urllib.request.HTTPError) as refused:
            urllib.request.urlopen(f"{url}/empty/", timeout=5)
        assert refused.value.code == 404
        refused.value.close()
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert {"path": "/", "status": 200}.items() <= json.loads(output.splitlines()[1]).items()
