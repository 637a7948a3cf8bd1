"""The five objects of one application, applied in three ways: our client, bare HTTPS requests of the same bytes, kubectl."""

from __future__ import annotations

import copy
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import urllib3

from apps.integrations.connection import ClusterConnection
from apps.integrations.kubernetes.applying import address
from apps.integrations.kubernetes.client import KubernetesClient
from apps.integrations.kubernetes.order import apply_order
from apps.manifests import sealing
from tests.manifests.documents import FULL
from tests.manifests.test_render import rendered

KUBECTL = Path(sys.executable).with_name("kubectl")
ROUNDS = 40  # at most, with one more to warm up
ROUND = "slipway.io/bench-round"


def objects(namespace: str, way: str, number: int) -> list[dict[str, Any]]:
    """Return the objects of one round in the order to apply them. No pod runs, and every round changes every object."""
    found = copy.deepcopy(rendered(FULL, namespace=namespace))
    found = sealing.bind_secrets(found, dict.fromkeys(sealing.list_references(found), "x" * 32))
    for item in found:
        item["metadata"].setdefault("annotations", {})[ROUND] = f"{way} {number}"
        if item["kind"] == "Deployment":
            item["spec"]["replicas"] = 0
    return apply_order(found)


def with_our_client(connection: ClusterConnection, namespace: str) -> Callable[[int], None]:
    """Return what applies a round's objects as a deployment's step does."""
    client = KubernetesClient(connection)

    def apply(number: int) -> None:
        for manifest in rounds[number]:
            client.apply(manifest)

    rounds = _Rounds(namespace, "ours")
    return apply


def with_bare_requests(connection: ClusterConnection, namespace: str) -> Callable[[int], None]:
    """Return what sends the same bytes over one kept connection and looks at nothing but the status."""
    context = ssl.create_default_context(cadata=connection.ca_pem)
    pool = urllib3.PoolManager(ssl_context=context, headers={"Authorization": f"Bearer {connection.token}"})
    headers = {**pool.headers, "Content-Type": "application/apply-patch+yaml", "Accept": "application/json"}
    rounds = _Rounds(namespace, "bare")
    sent: dict[int, list[tuple[str, bytes]]] = {}

    def prepare(number: int) -> list[tuple[str, bytes]]:
        query = "?fieldManager=slipway&force=false"
        return [(connection.server + address(item)[1] + query, json.dumps(item).encode()) for item in rounds[number]]

    def apply(number: int) -> None:
        for url, content in sent[number]:
            answer = pool.urlopen("PATCH", url, body=content, headers=headers)
            assert answer.status in (200, 201), answer.data

    for number in range(_Rounds.MOST):
        sent[number] = prepare(number)
    return apply


def with_kubectl(kubeconfig: str, namespace: str, folder: Path) -> Callable[[int], None]:
    """Return what lets the unmodified kubectl apply a round's objects, with its discovery cached as on anybody's machine."""
    environment = {**os.environ, "KUBECONFIG": kubeconfig, "HOME": str(folder)}
    rounds = _Rounds(namespace, "kubectl")

    def apply(number: int) -> None:
        file = folder / f"{number}.json"
        # --validate=false spares kubectl the schema's download: what it is faster at, it may be.
        command = [KUBECTL, "apply", "--server-side", "--field-manager=slipway", "--validate=false", "-f", file]
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)

    for number in range(_Rounds.MOST):
        listed = {"apiVersion": "v1", "kind": "List", "items": rounds[number]}
        (folder / f"{number}.json").write_text(json.dumps(listed))
    return apply


class _Rounds:
    """Every round's objects, made before the clock runs."""

    MOST = ROUNDS

    def __init__(self, namespace: str, way: str) -> None:
        self._made = [objects(namespace, way, number) for number in range(self.MOST)]

    def __getitem__(self, number: int) -> list[dict[str, Any]]:
        return self._made[number]
