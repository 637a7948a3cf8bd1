"""A GitLab of its own per test module, and a receiver of webhooks."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import gitlab
import pytest
import requests

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Running:
    """A running sandbox with nothing but GitLab in it."""

    state: Path
    endpoints: dict[str, Any]
    clients: list[gitlab.Gitlab] = field(default_factory=list)

    @property
    def url(self) -> str:
        return str(self.endpoints["gitlab"]["url"])

    @property
    def ca(self) -> str:
        return str(self.endpoints["ca"])

    @property
    def tokens(self) -> dict[str, str]:
        return {name: person["token"] for name, person in self.endpoints["gitlab"]["residents"].items()}

    def client(self, who: str = "slipway") -> gitlab.Gitlab:
        """Return the vendor's client, logged in as one of the residents."""
        return self.client_with(self.tokens[who])

    def client_with(self, token: str) -> gitlab.Gitlab:
        """Return the vendor's client with a token."""
        made = gitlab.Gitlab(self.url, private_token=token, ssl_verify=self.ca)
        self.clients.append(made)
        return made

    def clone_url(self, path: str, who: str = "developer") -> str:
        """Return a URL with a token for git; somebody unknown has a wrong one."""
        token = self.tokens.get(who, "glpat-wrong")
        return self.url.replace("https://", f"https://{who}:{token}@") + f"/{path}.git"

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> requests.Response:
        """Ask the sandbox's control server."""
        control = self.endpoints["control"]
        headers = {"Authorization": f"Bearer {control['token']}"}
        response = requests.request(
            method, control["url"] + path, json=body, headers=headers, verify=self.ca, timeout=10
        )
        response.raise_for_status()
        return response

    def deliveries(self, url: str) -> list[dict[str, Any]]:
        """Return what the journal says about the deliveries to a webhook."""
        entries = self.control("GET", "/journal?server=gitlab").json()
        return [entry for entry in entries if entry["method"] == "WEBHOOK" and entry["path"] == url]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    state = tmp_path_factory.mktemp("gitlab")
    with (state / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.sandbox.gitlab.serve", str(state)], cwd=ROOT, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 20
        while not (state / "endpoints.json").exists():
            assert process.poll() is None, (state / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        running = Running(state, json.loads((state / "endpoints.json").read_text()))
        yield running
        for client in running.clients:
            client.session.close()
    finally:
        process.terminate()
        assert process.wait(10) == 0
    assert "Traceback" not in (state / "log").read_text()


@pytest.fixture
def project(sandbox: Running, request: pytest.FixtureRequest) -> Any:
    """An empty project of the test's own."""
    client = sandbox.client()
    group = client.groups.get("demo")
    name = request.node.name.replace("_", "-").replace("[", "-").replace("]", "").lower()[:60]
    return client.projects.create({"name": name, "namespace_id": group.id})


@dataclass
class Receiver:
    """What a webhook received."""

    url: str
    deliveries: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)
    status: int = 200

    def wait_for(self, count: int) -> list[tuple[dict[str, str], dict[str, Any]]]:
        """Return the deliveries once there are that many."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.deliveries) >= count, timeout=10), self.deliveries
            return list(self.deliveries)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with received.arrived:
                received.deliveries.append((dict(self.headers), body))
                received.arrived.notify_all()
            self.send_response(received.status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        received = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield received
        server.shutdown()
        thread.join()
