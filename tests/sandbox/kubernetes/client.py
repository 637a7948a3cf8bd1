"""A plain HTTP client for the API: what a test sends is what goes over the wire."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import urllib3

Object = dict[str, Any]
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"


@dataclass
class Answer:
    """One answer."""

    status: int
    body: Any
    headers: Any


class Client:
    """Requests with one token (None: no credentials) over pooled connections."""

    def __init__(self, server: str, ca: str, token: str | None, pool: urllib3.PoolManager | None = None) -> None:
        self.server, self.ca, self.token = server, ca, token
        self.pool = pool or urllib3.PoolManager(ca_certs=ca, retries=False, timeout=15.0)

    def with_token(self, token: str | None) -> Client:
        return Client(self.server, self.ca, token, self.pool)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        answer = self.pool.request(method, self.server + path, body=body, headers=sent)
        try:
            content = json.loads(answer.data)
        except ValueError:
            content = answer.data.decode()
        return Answer(answer.status, content, answer.headers)

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any) -> Answer:
        return self.call("POST", path, body)

    def apply(self, path: str, body: Any, manager: str = "slipway", more: str = "") -> Answer:
        return self.call("PATCH", f"{path}?fieldManager={manager}{more}", body, Content_Type=APPLY)

    def merge(self, path: str, body: Any) -> Answer:
        return self.call("PATCH", path, body, Content_Type=MERGE)

    def watch(self, path: str) -> Iterator[Object]:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.pool.request("GET", self.server + path, headers=headers, preload_content=False, timeout=20.0)
        try:
            while line := answer.readline():
                yield json.loads(line)
        finally:
            answer.close()


_numbers = itertools.count(1)


def new_namespace(client: Client) -> str:
    name = f"case-{next(_numbers)}"
    assert client.post("/api/v1/namespaces", {"metadata": {"name": name}}).status == 201
    return name


def deployment(name: str = "web", **spec: Any) -> Object:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "demo/web:v1"}]}}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template, **spec},
    }  # fmt: skip


def pod(name: str = "one", **container: Any) -> Object:
    containers = [{"name": "app", "image": "demo/web:v1", **container}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": containers}}
