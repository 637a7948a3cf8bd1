"""The cluster that the contract is tested on: which one, with which images, and the traces that are wiped off it.

Everything the tests make carries a label of their run. Namespaces are made by `namespace()`; what is cluster-wide (the
role that Slipway asks for) is named after the run. `clean()` deletes both and waits until they are gone.
"""

from __future__ import annotations

import base64
import os
import socket
import time
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from apps.clusters.access_yaml import access_objects
from apps.core.errors import InvalidInput
from apps.integrations import providers
from apps.integrations.connection import ClusterConnection
from apps.integrations.errors import IntegrationError, Missing
from apps.integrations.kubernetes.client import KubernetesClient
from apps.integrations.kubernetes.kubeconfig import parse_kubeconfig
from apps.integrations.kubernetes.order import prune_order

from .images import Images

RUN_LABEL = "slipway.io/contract"
GONE_SECONDS = 300
TOKEN_SECONDS = 60
_FILES = {
    "certificate-authority": "certificate-authority-data",
    "client-certificate": "client-certificate-data",
    "client-key": "client-key-data",
}


def kubeconfig(path: Path) -> str:
    """Return a kubeconfig as Slipway takes it: what it only names by file is written into it."""
    document = yaml.safe_load(path.read_text())
    parts = [entry["cluster"] for entry in document.get("clusters") or []]
    parts += [entry.get("user") or {} for entry in document.get("users") or []]
    for part in parts:
        for named, embedded in _FILES.items():
            if file := part.pop(named, None):
                part.setdefault(embedded, base64.b64encode((path.parent / file).read_bytes()).decode())
        if file := part.pop("tokenFile", None):
            part.setdefault("token", (path.parent / file).read_text().strip())
    if context := os.environ.get("SLIPWAY_TEST_CONTEXT"):
        document["current-context"] = context
    return yaml.safe_dump(document)


@dataclass
class Ground:
    """A cluster, as its administrator reaches it, and this run's name on it."""

    admin: ClusterConnection
    images: Images
    run: str = field(default_factory=lambda: f"slipway-contract-{uuid.uuid4().hex[:8]}")
    _namespaces: list[str] = field(default_factory=list)
    _made: list[dict[str, Any]] = field(default_factory=list)

    @property
    def client(self) -> KubernetesClient:
        """Return the administrator's client: what the tests do themselves, and what Slipway is not asked to do."""
        return providers.kubernetes(self.admin)

    @property
    def addresses(self) -> set[str]:
        """Return the network addresses of its API server: the only ones beyond loopback that a test may reach."""
        parts = urlsplit(self.admin.server)
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
        return {str(parts.hostname), *(str(address[4][0]) for address in found)}

    def namespace_name(self) -> str:
        """Return the name of a namespace that nobody has made yet; it is deleted at the end."""
        name = f"{self.run}-{len(self._namespaces) + 1}"
        self._namespaces.append(name)
        return name

    def namespace(self, **labels: str) -> str:
        """Return a new namespace."""
        name = self.namespace_name()
        self.client.ensure_namespace(name, {RUN_LABEL: self.run, **labels})
        self._wait_for_account(name)
        return name

    def account(self, *, rights: bool) -> ClusterConnection:
        """Return the credential that Slipway's printed YAML makes, under names of this run; without its role on demand."""
        name = f"{self.run}-{'slipway' if rights else 'nobody'}"
        namespace = self.namespace()
        client = self.client
        for item in _renamed(name, namespace):
            if item["kind"] == "Namespace" or (not rights and "ClusterRole" in item["kind"]):
                continue
            item["metadata"]["labels"] = {RUN_LABEL: self.run}
            client.apply(item, field_manager="contract")
            if "namespace" not in item["metadata"]:
                self._made.append(item)
        secret = self._token(namespace, name)
        # A kubeconfig that skips the check names no CA; the account's Secret does.
        ca_pem = self.admin.ca_pem or ("" if not self.admin.insecure else secret["ca.crt"])
        return replace(
            self.admin, name=name, ca_pem=ca_pem, token=secret["token"], namespace=namespace,
            client_certificate_pem="", client_key_pem="", insecure=False,
        )  # fmt: skip

    def forget(self, namespace: str) -> None:
        """Delete a namespace, and do not wait."""
        self.client.delete("Namespace", namespace)

    def clean(self) -> None:
        """Delete all that was made, and wait until it is gone: what finalizers hold is let go.

        Raises:
            AssertionError: something is still there.
        """
        client = self.client
        for item in prune_order(self._made):
            client.delete(item["kind"], item["metadata"]["name"])
        for namespace in self._namespaces:
            client.delete("Namespace", namespace)
        deadline = time.monotonic() + GONE_SECONDS
        left = self._namespaces
        while left := [name for name in left if client.find("Namespace", name) is not None]:
            for namespace in left:
                self._let_go(namespace)
            assert time.monotonic() < deadline, f"these namespaces do not go away: {left}"
            time.sleep(1)

    def _let_go(self, namespace: str) -> None:
        """Take the finalizers off what is being deleted: a test that fails half-way may have left one."""
        for kind in ("Pod", "ConfigMap", "Deployment"):
            for item in self.client.list_objects(kind, namespace).items:
                metadata = item["metadata"]
                if metadata.get("deletionTimestamp") and metadata.get("finalizers"):
                    patch = {"metadata": {"finalizers": None}}
                    try:
                        self.client.patch(kind, metadata["name"], namespace, patch)
                    except Missing:
                        continue

    def _wait_for_account(self, namespace: str) -> None:
        """Wait for the namespace's own ServiceAccount: a pod that comes before it is refused."""
        deadline = time.monotonic() + TOKEN_SECONDS
        while self.client.find("ServiceAccount", "default", namespace) is None:
            assert time.monotonic() < deadline, f"{namespace} gets no ServiceAccount"
            time.sleep(0.1)

    def _token(self, namespace: str, name: str) -> dict[str, str]:
        deadline = time.monotonic() + TOKEN_SECONDS
        while True:
            content = self.client.get("Secret", f"{name}-token", namespace).get("data") or {}
            if "token" in content:
                return {key: base64.b64decode(text).decode() for key, text in content.items()}
            assert time.monotonic() < deadline, "the cluster fills in no token"
            time.sleep(0.2)


def _renamed(name: str, namespace: str) -> list[dict[str, Any]]:
    """Return the objects that Slipway prints, for another name: a Slipway may be installed on the cluster."""
    found = []
    for item in access_objects():
        metadata = dict(item["metadata"])
        metadata["name"] = f"{name}-token" if item["kind"] == "Secret" else name
        if "namespace" in metadata:
            metadata["namespace"] = namespace
        if "annotations" in metadata:
            metadata["annotations"] = dict.fromkeys(metadata["annotations"], name)
        renamed = {**item, "metadata": metadata}
        if "roleRef" in item:
            renamed["roleRef"] = {**item["roleRef"], "name": name}
            renamed["subjects"] = [{"kind": "ServiceAccount", "name": name, "namespace": namespace}]
        found.append(renamed)
    return found


def answers(connection: ClusterConnection) -> str:
    """Return why a cluster cannot be ground, empty where it can."""
    try:
        providers.kubernetes(connection).version()
    except IntegrationError as exc:
        return str(exc)
    return ""


def from_environment() -> Ground | None:
    """Return the cluster that `SLIPWAY_TEST_KUBECONFIG` names, None without the variable.

    Raises:
        RuntimeError: it cannot be used, or the cluster does not answer.
    """
    named = os.environ.get("SLIPWAY_TEST_KUBECONFIG", "").split(os.pathsep)[0]
    if not named:
        return None
    path = Path(named).expanduser().resolve()
    try:
        connection = parse_kubeconfig(kubeconfig(path), allow_insecure=True)[0]
    except InvalidInput as exc:
        raise RuntimeError(f"the kubeconfig {path} cannot be used: {exc.fields}") from exc
    if problem := answers(connection):
        raise RuntimeError(f"the cluster of SLIPWAY_TEST_KUBECONFIG cannot be ground: {problem}")
    return Ground(connection, Images.parse(os.environ.get("SLIPWAY_TEST_IMAGES", "")))
