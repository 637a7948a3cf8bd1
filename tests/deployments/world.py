"""An application on one target of a real sandbox, without builds: a base image runs a small program given in the DeployYml."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from apps.applications.models import Application, Target
from apps.deployments import services
from apps.deployments.models import Deployment
from apps.integrations.kubernetes.client import KubernetesClient
from apps.manifests import services as manifests
from apps.manifests.models import ManifestSet
from apps.manifests.selectors import find_latest_revision
from apps.registry import selectors as registry
from apps.workloads import reading
from tests import world as worlds
from tests.sandbox_process import Sandbox

MANIFEST = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
SERVE = """
import http.server, os
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(os.environ["GREETING"].encode())
print("serving", flush=True)
http.server.ThreadingHTTPServer((os.environ.get("POD_IP", "0.0.0.0"), 8080), Answer).serve_forever()
"""


def running(program: str, **changes: Any) -> dict[str, Any]:
    """Return a document that runs a Python program."""
    document: dict[str, Any] = {
        "replicas": 1,
        "command": ["python3", "-c", program],
        "ports": [{"name": "http", "port": 8080, "service_port": 80}],
        "env": [{"name": "GREETING", "value": "hello"}],
        "probes": {"readiness": {"type": "tcp", "port": "http", "period": 1}},
        "lifecycle": {"pre_stop_sleep": 0, "grace_period": 1},
    }
    return document | changes


def greeting(text: str, **changes: Any) -> dict[str, Any]:
    """Return a document of a healthy version that says `text`."""
    return running(SERVE, env=[{"name": "GREETING", "value": text}], **changes)


@dataclass
class Place:
    """One application and the target it goes to."""

    world: worlds.World
    application: Application
    target: Target
    digest: str

    @property
    def sandbox(self) -> Sandbox:
        """Return the sandbox."""
        return self.world.sandbox

    @property
    def cluster(self) -> str:
        """Return the name of the cluster's server in the sandbox."""
        return self.target.cluster.name

    @property
    def client(self) -> KubernetesClient:
        """Return a client of the cluster."""
        return reading.client_for(self.target)

    def manifest_set(self, document: dict[str, Any]) -> ManifestSet:
        """Return the stored manifests of a document."""
        latest = find_latest_revision(self.application)
        revision = manifests.save_revision(
            application=self.application,
            base=document,
            overrides={},
            note="",
            actor=self.world.actor,
            expected_number=latest.number if latest else None,
        )
        image = registry.image_reference(self.application, self.digest)
        return manifests.render_for_target(
            application=self.application, target=self.target, revision=revision, image=image
        )

    def request(self, document: dict[str, Any], **options: Any) -> Deployment:
        """Return a deployment that was just asked for."""
        return services.request_deployment(
            application=self.application,
            target=self.target,
            manifest_set=self.manifest_set(document),
            actor=self.world.actor,
            **options,
        )

    def run(self, document: dict[str, Any], **options: Any) -> Deployment:
        """Return a deployment that has ended."""
        return finish(self.request(document, **options))

    def get(self, kind: str, name: str | None = None) -> dict[str, Any]:
        """Return an object of the application in the cluster."""
        return self.client.get(kind, name or self.application.slug, self.target.namespace)

    def versions(self) -> dict[str, str]:
        """Return the resourceVersion of everything that a deployment applies."""
        labels = {reading.APPLICATION_LABEL: self.application.uid}
        return {
            f"{kind}/{item['metadata']['name']}": item["metadata"]["resourceVersion"]
            for kind in ("ConfigMap", "Secret", "Service", "Ingress", "HorizontalPodAutoscaler")
            for item in self.client.list_objects(kind, self.target.namespace, labels=labels).items
        } | {"generation": str(self.get("Deployment")["metadata"]["generation"])}

    def labelled(self) -> list[str]:
        """Return the names of what carries the application's label and is no pod."""
        labels = {reading.APPLICATION_LABEL: self.application.uid}
        return [
            f"{kind}/{item['metadata']['name']}"
            for kind in ("Deployment", "ConfigMap", "Secret", "Service", "Ingress", "HorizontalPodAutoscaler")
            for item in self.client.list_objects(kind, self.target.namespace, labels=labels).items
        ]

    def greetings(self) -> set[str]:
        """Return what the pods that are there are told to say."""
        labels = {reading.APPLICATION_LABEL: self.application.uid}
        pods = self.client.list_objects("Pod", self.target.namespace, labels=labels).items
        return {
            variable["value"]
            for pod in pods
            if not pod["metadata"].get("deletionTimestamp")
            for variable in pod["spec"]["containers"][0]["env"]
            if variable["name"] == "GREETING"
        }


def finish(deployment: Deployment, *, seconds: float = 60) -> Deployment:
    """Run the steps of a deployment until it has ended."""
    return _impatiently(deployment, lambda row: row.is_final, seconds)


def until(deployment: Deployment, status: str) -> Deployment:
    """Run the steps of a deployment until it has a status."""
    return _impatiently(deployment, lambda row: row.status == status, 60)


def step(deployment: Deployment) -> Deployment:
    """Run the next step of a deployment now, whenever it was due."""
    Deployment.objects.filter(pk=deployment.pk).update(next_step_at=None)
    services.advance_deployment(deployment.pk)
    deployment.refresh_from_db()
    return deployment


def _impatiently(deployment: Deployment, reached: Callable[[Deployment], bool], seconds: float) -> Deployment:
    deadline = time.monotonic() + seconds
    deployment.refresh_from_db()
    while not reached(deployment):
        if time.monotonic() > deadline:
            raise AssertionError(f"{deployment} is {deployment.status} ({deployment.cause_code})")
        step(deployment)
        time.sleep(0.1)
    return deployment


def make(sandbox: Sandbox) -> Place:
    """Return a place of its own, with an image in its repository."""
    world = worlds.make(sandbox)
    application = world.application()
    return Place(world, application, world.targets[0], publish(world, application))


def publish(world: worlds.World, application: Application) -> str:
    """Copy the base image into the application's repository, as registries do: by mounting its blobs."""
    harbor = world.sandbox.endpoints["harbor"]
    context = ssl.create_default_context(cafile=world.sandbox.ca_file)
    repository = application.image_repository
    with httpx2.Client(base_url=harbor["url"], auth=(harbor["username"], harbor["password"]), verify=context) as http:
        found = http.get("/v2/base/python-run/manifests/3.11", headers={"Accept": MANIFEST}).raise_for_status()
        content = found.json()
        for blob in [content["config"], *content["layers"]]:
            mount = {"mount": blob["digest"], "from": "base/python-run"}
            answer = http.post(f"/v2/{repository}/blobs/uploads/", params=mount)
            assert answer.status_code == 201, answer.text
        media_type = found.headers["Content-Type"]
        put = http.put(
            f"/v2/{repository}/manifests/copied", content=found.content, headers={"Content-Type": media_type}
        )
        return str(put.raise_for_status().headers["Docker-Content-Digest"])
