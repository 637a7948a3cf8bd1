"""The unmodified kubectl against the API."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.sandbox.conftest import Running

from .client import deployment

BINARY = Path(sys.executable).with_name("kubectl")


class Kubectl:
    def __init__(self, kubeconfig: str, namespace: str, home: Path) -> None:
        self.environment = {**os.environ, "KUBECONFIG": kubeconfig, "HOME": str(home)}
        self.namespace = namespace

    def __call__(self, *arguments: str, text: str | None = None, code: int = 0) -> str:
        command = [str(BINARY), "--namespace", self.namespace, *arguments]
        done = subprocess.run(
            command, env=self.environment, input=text, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == code, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture
def kubectl(api_host: Running, namespace: str, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    home = tmp_path_factory.getbasetemp() / "kubectl-home"
    home.mkdir(exist_ok=True)
    return Kubectl(api_host.endpoints["north"]["kubeconfig"], namespace, home)


def manifest(**spec: object) -> str:
    return yaml.safe_dump(deployment(**spec))


def test_apply_on_the_server_and_diff(kubectl: Kubectl) -> None:
    assert "serverside-applied" in kubectl("apply", "--server-side", "-f", "-", text=manifest())
    assert kubectl("diff", "--server-side", "-f", "-", text=manifest()) == ""
    assert "+  minReadySeconds: 3" in kubectl(
        "diff", "--server-side", "-f", "-", text=manifest(minReadySeconds=3), code=1
    )
    refused = kubectl("apply", "--server-side", "--field-manager=other", "-f", "-", text=manifest(replicas=9), code=1)
    assert 'conflict with "kubectl": .spec.replicas' in refused


def test_apply_on_the_client_and_its_hand_over(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", text=manifest())
    assert "unchanged" in kubectl("apply", "-f", "-", text=manifest())
    assert "configured" in kubectl("apply", "-f", "-", text=manifest(replicas=3))
    kubectl("apply", "--server-side", "-f", "-", text=manifest(replicas=4))
    assert kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}") == "4"


def test_strict_validation_is_the_servers(kubectl: Kubectl) -> None:
    refused = kubectl("create", "-f", "-", text=manifest(replicaz=3), code=1)
    assert 'unknown field "spec.replicaz"' in refused


def test_get_describe_scale_and_delete(kubectl: Kubectl) -> None:
    kubectl("create", "deployment", "web", "--image=demo/web:v1", "--port=80")
    assert kubectl("get", "deployments").split()[:5] == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert "0/1" in kubectl("get", "deploy", "-o", "wide")
    kubectl("scale", "deployment/web", "--replicas=5")
    assert "5 desired" in kubectl("describe", "deployment", "web")
    kubectl("rollout", "restart", "deployment/web")
    kubectl("set", "image", "deployment/web", "web=demo/web:v2")
    assert yaml.safe_load(kubectl("get", "deploy", "web", "-o", "yaml"))["metadata"]["generation"] == 4
    kubectl("delete", "deployment", "web", "--timeout=10s")
    assert "NotFound" in kubectl("get", "deployment", "web", code=1)


def test_typed_commands_send_protobuf(kubectl: Kubectl) -> None:
    kubectl("create", "serviceaccount", "bot")
    kubectl("create", "configmap", "c", "--from-literal=a=b")
    kubectl("create", "secret", "generic", "s", "--from-literal=password=x")
    kubectl("create", "role", "r", "--verb=get", "--resource=pods")
    kubectl("create", "rolebinding", "r", "--role=r", f"--serviceaccount={kubectl.namespace}:bot")
    kubectl("create", "ingress", "i", "--rule=a.example/*=web:80")
    assert kubectl("get", "secret", "s", "-o", "jsonpath={.data.password}") == "eA=="
    user = f"--as=system:serviceaccount:{kubectl.namespace}:bot"
    assert kubectl("auth", "can-i", "get", "pods", user).strip() == "yes"
    assert kubectl("auth", "can-i", "delete", "pods", user, code=1).startswith("no")
    token = kubectl("create", "token", "bot").strip()
    assert kubectl("--token", token, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}").endswith(":bot")


def test_what_there_is(kubectl: Kubectl) -> None:
    assert "v1.36.0" in kubectl("version")
    resources = kubectl("api-resources", "--no-headers", "-o", "name").split()
    assert {"pods", "deployments.apps", "endpointslices.discovery.k8s.io", "leases.coordination.k8s.io"} <= set(
        resources
    )
    assert "Number of desired pods" in kubectl("explain", "deployment.spec.replicas")


def test_wait_sees_a_deletion(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "c")
    with subprocess.Popen(
        [str(BINARY), "--namespace", kubectl.namespace, "wait", "--for=delete", "configmap/c", "--timeout=20s"],
        env=kubectl.environment, stdout=subprocess.PIPE, text=True,
    ) as waiting:  # fmt: skip
        kubectl("delete", "configmap", "c")
        assert waiting.wait(20) == 0
