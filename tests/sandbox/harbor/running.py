"""A sandbox with nothing but Harbor in it, run in a thread of the test process."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from pathlib import Path
from typing import Any

import requests

from deploy.sandbox.common.host import Host
from deploy.sandbox.harbor.server import Harbor

from .registry_client import Registry


class Running:
    """A host in a thread, with what `endpoints.json` says about its Harbor."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.host = Host(state)
        self.loop = asyncio.new_event_loop()
        self._until = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 30
        while not (state / "endpoints.json").exists():
            assert self._thread.is_alive(), "the sandbox did not start"
            assert time.monotonic() < deadline, "the sandbox does not become ready"
            time.sleep(0.02)
        self.endpoints = json.loads((state / "endpoints.json").read_text())
        harbor = self.endpoints["harbor"]
        self.url: str = harbor["url"]
        self.registry: str = harbor["registry"]
        self.admin: tuple[str, str] = (harbor["username"], harbor["password"])
        self.ca: str = self.endpoints["ca"]

    def _run(self) -> None:
        self.loop.run_until_complete(self.host.run([Harbor(self.host.context)], self._until))

    def restart(self) -> None:
        """Restart Harbor inside its host."""
        asyncio.run_coroutine_threadsafe(self.host.restart("harbor"), self.loop).result(20)

    def stop(self) -> None:
        """Stop the host."""
        self.loop.call_soon_threadsafe(self._until.set)
        self._thread.join(20)
        (self.state / "endpoints.json").unlink()
        self.loop.close()

    def api(self, method: str, path: str, auth: Any = "admin", **arguments: Any) -> requests.Response:
        """Call Harbor's own API."""
        credentials = self.admin if auth == "admin" else auth
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                method, f"{self.url}/api/v2.0{path}", auth=credentials, verify=self.ca, timeout=20, **arguments
            )

    def client(self, credentials: tuple[str, str] | None) -> Registry:
        """Return a registry client with these credentials."""
        return Registry(self.url, self.ca, credentials)
