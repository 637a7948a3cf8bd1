"""Strangers' views: an HTTP client at the Ingress, the cluster's own API, the registry, the sandbox's journal."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import httpx2

from .api import StoryError


def fetch(ingress: str, host: str, path: str = "/") -> dict[str, Any]:
    """Return the JSON that a released process answers through an Ingress.

    Raises:
        StoryError: no answer, or not 200.
    """
    try:
        response = httpx2.get(ingress + path, headers={"Host": host, "Connection": "close"}, timeout=10)
    except httpx2.HTTPError as exc:
        raise StoryError(f"{host} does not answer: {exc}") from exc
    if response.status_code != 200:
        raise StoryError(f"{host}{path} answered {response.status_code}: {response.text[:200]}")
    answer: dict[str, Any] = response.json()
    return answer


@lru_cache(maxsize=4)
def trusting(ca: str) -> ssl.SSLContext:
    """Return what trusts the sandbox's own CA and nothing else."""
    return ssl.create_default_context(cafile=ca)


@dataclass
class Load:
    """What a client saw that opened a new connection for each request."""

    sent: int = 0
    failures: list[str] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        seen = ", ".join(f"{version}: {count}" for version, count in sorted(self.versions.items()))
        return f"{self.sent} requests, {len(self.failures)} failed ({seen})"


@contextmanager
def load(ingress: str, host: str, *, per_second: int = 50) -> Iterator[Load]:
    """Open `per_second` new connections a second while the block runs, and note every answer that is not 200."""
    found, stop, lock = Load(), threading.Event(), threading.Lock()
    address = urlsplit(ingress)

    def once() -> None:
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=15)
        try:
            connection.request("GET", "/", headers={"Host": host, "Connection": "close"})
            answer = connection.getresponse()
            body = answer.read()
            version = json.loads(body).get("version", "?") if answer.status == 200 else ""
            problem = "" if answer.status == 200 else f"{answer.status}"
        except (OSError, http.client.HTTPException, ValueError) as exc:
            version, problem = "", f"{type(exc).__name__}: {exc}"
        finally:
            connection.close()
        with lock:
            found.sent += 1
            if problem:
                found.failures.append(problem)
            else:
                found.versions[version] = found.versions.get(version, 0) + 1

    def keep_asking() -> None:
        next_at = time.monotonic()
        while not stop.is_set():
            threading.Thread(target=once, daemon=True).start()
            next_at += 1 / per_second
            time.sleep(max(0.0, next_at - time.monotonic()))

    asker = threading.Thread(target=keep_asking, daemon=True)
    asker.start()
    try:
        yield found
    finally:
        stop.set()
        asker.join()
        time.sleep(0.5)  # the last requests are still on their way


class Kubernetes:
    """A cluster's own API with the administrator's token: nothing of Slipway is between."""

    def __init__(self, server: str, token: str, ca: str) -> None:
        self._client = httpx2.Client(
            base_url=server, headers={"Authorization": f"Bearer {token}"}, verify=trusting(ca), timeout=30
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str) -> dict[str, Any]:
        """Return an object or list.

        Raises:
            StoryError: the cluster answers otherwise.
        """
        response = self._client.get(path)
        if response.status_code != 200:
            raise StoryError(f"the cluster answered {response.status_code} to {path}: {response.text[:200]}")
        answer: dict[str, Any] = response.json()
        return answer

    def deployment_image(self, namespace: str, name: str) -> str:
        """Return the image that a Deployment runs."""
        found = self.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def registry_has(registry: str, repository: str, digest: str, login: tuple[str, str], ca: str) -> None:
    """Confirm that a stranger's client gets the manifest of a digest, and that its bytes hash to it.

    https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests

    Raises:
        StoryError: it does not.
    """
    with httpx2.Client(verify=trusting(ca), timeout=30) as client:
        url = f"https://{registry}/v2/{repository}/manifests/{digest}"
        accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
        challenge = client.get(url, headers=accept)
        if challenge.status_code == 401:
            asked = dict(re.findall(r'(\w+)="([^"]*)"', challenge.headers.get("WWW-Authenticate", "")))
            realm = asked.pop("realm")
            token = client.get(realm, params=asked, auth=login).json()["token"]
            challenge = client.get(url, headers={**accept, "Authorization": f"Bearer {token}"})
    if challenge.status_code != 200:
        raise StoryError(f"the registry answered {challenge.status_code} for {digest}")
    if "sha256:" + hashlib.sha256(challenge.content).hexdigest() != digest:
        raise StoryError(f"what the registry gives for {digest} hashes to something else")


def journal(control: dict[str, Any], ca: str, since: int = 0, server: str | None = None) -> list[dict[str, Any]]:
    """Return what was asked of the sandbox's servers."""
    params = {"since": str(since)} | ({"server": server} if server else {})
    headers = {"Authorization": f"Bearer {control['token']}"}
    entries: list[dict[str, Any]] = httpx2.get(
        f"{control['url']}/journal", params=params, headers=headers, verify=trusting(ca), timeout=30
    ).json()
    return entries
