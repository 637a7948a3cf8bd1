"""One cluster for the whole run: the one that the environment names, else a sandbox's."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

from apps.clusters import services as clusters
from apps.clusters.models import Cluster
from apps.integrations.connection import ClusterConnection
from apps.integrations.kubernetes.kubeconfig import parse_kubeconfig
from tests import factories

from . import place as places
from .ground import Ground, from_environment
from .images import Images

SHELL_SECONDS = 120


@pytest.fixture(scope="session")
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    """The cluster. Whatever becomes of the tests, nothing of them stays on it."""
    made = from_environment()
    if made is None:
        endpoints = request.getfixturevalue("sandbox").endpoints
        found = next(iter(endpoints["clusters"].values()))
        registry = endpoints["harbor"]["registry"]
        images = Images((f"{registry}/base/python-run:3.11",), missing=f"{registry}/base/nothing:1")
        made = Ground(parse_kubeconfig(Path(found["kubeconfig"]).read_text())[0], images)
    try:
        yield made
    finally:
        made.clean()


@pytest.fixture(autouse=True)
def loopback_only(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that would reach beyond this machine and the API server that is ground."""
    connect, allowed = socket.socket.connect, ground.addresses

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0]
            if not (host.startswith("127.") or host in ("localhost", "::1") or host in allowed):
                raise AssertionError(f"a test may only reach loopback and the tested cluster, not {host}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def account(ground: Ground) -> ClusterConnection:
    """The credential that Slipway asks an administrator for: all deployments of the contract go with its rights."""
    return ground.account(rights=True)


@pytest.fixture(scope="session")
def image(ground: Ground) -> str:
    """The first of the images whose shell runs on the cluster."""
    problems = {}
    namespace = ground.namespace()
    for number, candidate in enumerate(ground.images.shells):
        problem = _runs_a_shell(ground, namespace, f"shell-{number}", candidate)
        if not problem:
            return candidate
        problems[candidate] = problem
    pytest.fail(f"the contract needs an image with a shell; SLIPWAY_TEST_IMAGES: {problems}")


def _runs_a_shell(ground: Ground, namespace: str, name: str, image: str) -> str:
    """Return what keeps a line of shell from running, empty where it runs."""
    command = ["sh", "-c", "cat /dev/null && sleep 0"]
    container = {"name": "app", "image": image, "command": command, "imagePullPolicy": "IfNotPresent"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"containers": [container], "restartPolicy": "Never"},
    }
    ground.client.apply(pod, field_manager="contract")
    deadline = time.monotonic() + SHELL_SECONDS
    while True:
        status = ground.client.get("Pod", name, namespace)["status"]
        if status.get("phase") == "Succeeded":
            return ""
        if status.get("phase") == "Failed" or time.monotonic() > deadline:
            return str(status.get("containerStatuses") or status.get("conditions"))
        time.sleep(0.2)


@pytest.fixture
def cluster(account: ClusterConnection, transactional_db: None) -> Cluster:
    """The cluster as Slipway has it."""
    cache.clear()  # another run's cluster of the same number may have left its circuit open
    return clusters.add_cluster(
        actor=factories.actor(factories.user(is_superuser=True)),
        slug=factories.unique("contract"),
        name="Contract",
        kubeconfig=_kubeconfig(account),
        ingress_domain="contract.test",
    )


def _kubeconfig(account: ClusterConnection) -> str:
    """Return what a person pastes: it names more than the form with address and token does."""
    cluster = {
        "server": account.server,
        "certificate-authority-data": base64.b64encode(account.ca_pem.encode()).decode(),
        "tls-server-name": account.tls_server_name,
    }
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "contract",
            "contexts": [{"name": "contract", "context": {"cluster": "contract", "user": "contract"}}],
            "clusters": [{"name": "contract", "cluster": cluster}],
            "users": [{"name": "contract", "user": {"token": account.token}}],
        }
    )


@pytest.fixture
def place(ground: Ground, cluster: Cluster, image: str) -> Iterator[places.Place]:
    """An application with a namespace of its own; its pods are on their way out afterwards."""
    made = places.make(ground, cluster, image)
    yield made
    ground.forget(made.namespace)
