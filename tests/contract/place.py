"""An application on the tested cluster, through Slipway's own services: revisions, stored manifests, deployments.

Its pods run a line of shell. That answers no network: kube-proxy, DNS and an ingress controller may be missing, and a pod
may be out of our reach; so what runs is seen by what the API server tells of it.
"""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from apps.applications.models import Application, Environment, Target
from apps.clusters.models import Cluster
from apps.core.actors import Actor
from apps.deployments import services
from apps.deployments.models import Deployment, Status
from apps.integrations.kubernetes.client import KubernetesClient
from apps.manifests import canonical
from apps.manifests import services as manifests
from apps.manifests.assembly import assemble
from apps.manifests.models import ManifestSet
from apps.manifests.sealing import plan_hash
from apps.manifests.selectors import find_latest_revision
from apps.workloads import reading
from tests import factories

from .ground import Ground

END_SECONDS = 240.0
READY_FILE = "/tmp/ready"
# Small: some twenty of these pods may be on one node at a time.
AMOUNTS = {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"cpu": "500m", "memory": "64Mi"}}

Objects = list[dict[str, Any]]
Change = Callable[[Objects], None]


def shell(script: str, **changes: Any) -> dict[str, Any]:
    """Return a document that runs a line of shell, ready once it has made READY_FILE."""
    document: dict[str, Any] = {
        "replicas": 1,
        "command": ["sh", "-c", script],
        "resources": AMOUNTS,
        "probes": {
            "readiness": {"type": "command", "command": ["cat", READY_FILE], "period": 1, "timeout": 5},
            "liveness": None,
            "startup": None,
        },
        "lifecycle": {"pre_stop_sleep": 0, "grace_period": 2},
    }
    return document | changes


def serving(word: str, **changes: Any) -> dict[str, Any]:
    """Return a document of a healthy version that says `word` in its log and its environment."""
    script = f'echo "this is $WORD"; : > {READY_FILE}; trap "exit 0" TERM; while :; do sleep 1; done'
    more: dict[str, Any] = {
        "ports": [{"name": "http", "port": 8080, "service_port": 80}],
        "env": [{"name": "WORD", "value": word}],
    }
    return shell(script, **more, **changes)


def workload(objects: Objects) -> dict[str, Any]:
    """Return the Deployment among the objects of a set."""
    return next(item for item in objects if item["kind"] == "Deployment")


def pod_spec(objects: Objects) -> dict[str, Any]:
    """Return the pod's spec in a set."""
    spec: dict[str, Any] = workload(objects)["spec"]["template"]["spec"]
    return spec


@dataclass
class Place:
    """One application and one namespace of its own."""

    ground: Ground
    application: Application
    target: Target
    actor: Actor
    image: str

    @property
    def namespace(self) -> str:
        """Return the namespace."""
        return self.target.namespace

    @property
    def client(self) -> KubernetesClient:
        """Return the client that deployments use, with the rights that Slipway asks for."""
        return reading.client_for(self.target)

    def stored(self, document: dict[str, Any], change: Change | None = None) -> ManifestSet:
        """Return the stored manifests of a document; `change` says what no form can.

        As `manifests.services.render_for_target`, but images named by tag are taken: a test cluster may have no others.
        """
        latest = find_latest_revision(self.application)
        revision = manifests.save_revision(
            application=self.application,
            base=document,
            overrides={},
            note="",
            actor=self.actor,
            expected_number=latest.number if latest else None,
        )
        made = assemble(
            application=self.application, target=self.target, base=revision.base, overrides={}, image=self.image
        )
        assert not made.errors, made.errors
        objects = copy.deepcopy(list(made.objects))
        if change is not None:
            change(objects)
        content = canonical.encode(objects)
        digest = self.image.partition("@")[2] or f"sha256:{hashlib.sha256(self.image.encode()).hexdigest()}"
        return ManifestSet.objects.create(
            application=self.application,
            target=self.target,
            revision=revision,
            image=self.image,
            image_digest=digest,
            content=content,
            sha256=canonical.sha256(content),
            secret_fingerprint=made.secrets.fingerprint,
            plan_hash=plan_hash(content, made.secrets.fingerprint),
        )

    def request(self, document: dict[str, Any], change: Change | None = None, **options: Any) -> Deployment:
        """Return a deployment that was just asked for."""
        return services.request_deployment(
            application=self.application,
            target=self.target,
            manifest_set=self.stored(document, change),
            actor=self.actor,
            **options,
        )

    def run(self, document: dict[str, Any], change: Change | None = None, **options: Any) -> Deployment:
        """Return a deployment that has ended."""
        return finish(self.request(document, change, **options))

    def get(self, kind: str, name: str | None = None) -> dict[str, Any]:
        """Return an object of the application."""
        return self.client.get(kind, name or self.application.slug, self.namespace)

    def list(self, kind: str) -> Objects:
        """Return the objects of a kind that carry the application's label, without those that are being deleted."""
        labels = {reading.APPLICATION_LABEL: self.application.uid}
        found = self.client.list_objects(kind, self.namespace, labels=labels).items
        return [item for item in found if not item["metadata"].get("deletionTimestamp")]

    def versions(self) -> dict[str, str]:
        """Return the resourceVersion of what only Slipway writes, and the generation of what controllers write too."""
        found = {
            f"{kind}/{item['metadata']['name']}": item["metadata"]["resourceVersion"]
            for kind in ("ConfigMap", "Secret", "Service", "Ingress")
            for item in self.list(kind)
        }
        return found | {"Deployment": str(self.get("Deployment")["metadata"]["generation"])}

    def words(self) -> set[str]:
        """Return what the pods that stay are told to say."""
        return {
            variable["value"]
            for pod in self.list("Pod")
            for variable in pod["spec"]["containers"][0].get("env") or []
            if variable["name"] == "WORD"
        }

    def logged(self) -> set[str]:
        """Return what the pods that stay have written."""
        return {
            line
            for pod in self.list("Pod")
            for line in self.client.logs(self.namespace, pod["metadata"]["name"]).splitlines()
        }


def make(ground: Ground, cluster: Cluster, image: str, *, namespace: str | None = None) -> Place:
    """Return a place of its own on a cluster."""
    admin = factories.user(is_superuser=True, is_staff=True)
    project = factories.project(admin, slug=factories.unique("contract"))
    environment: Environment = factories.environment(project)
    target = factories.target(
        environment, cluster, namespace=namespace or ground.namespace(), prepared_at=timezone.now()
    )
    application = factories.application(project, slug=factories.unique("contract"))
    return Place(ground, application, target, factories.actor(admin), image)


def finish(deployment: Deployment, *, seconds: float = END_SECONDS) -> Deployment:
    """Run the steps of a deployment, each when it is due, until it has ended."""
    return until(deployment, lambda row: row.is_final, seconds=seconds)


def until(deployment: Deployment, reached: Callable[[Deployment], bool], *, seconds: float = END_SECONDS) -> Deployment:
    """Run the steps of a deployment, each when it is due, until something is true of it."""
    return drive([deployment], reached, seconds=seconds)[0]


def progressing(deployment: Deployment) -> Deployment:
    """Run the steps of a deployment until its objects are sent."""
    return until(deployment, lambda row: row.status == Status.PROGRESSING or row.is_final)


def drive(
    deployments: Iterable[Deployment], reached: Callable[[Deployment], bool], *, seconds: float = END_SECONDS
) -> list[Deployment]:
    """Run the steps of many deployments side by side until something is true of each, as workers would."""
    rows = list(deployments)
    deadline = time.monotonic() + seconds
    while True:
        for row in rows:
            row.refresh_from_db()
        waiting = [row for row in rows if not reached(row)]
        if not waiting:
            return rows
        ended = [row for row in waiting if row.is_final]
        assert not ended, f"too early an end: {[told(row) for row in ended]}"
        assert time.monotonic() < deadline, f"still waiting for {[told(row) for row in waiting]}"
        now = timezone.now()
        due = [row for row in waiting if row.next_step_at is None or row.next_step_at <= now]
        for row in due:
            services.advance_deployment(row.pk)
        if not due:
            time.sleep(0.1)


def told(deployment: Deployment) -> str:
    """Return all that a deployment says of itself, for a test that fails."""
    entries = [(entry.code, entry.params) for entry in deployment.entries.order_by("id")]
    cause = (deployment.cause_code, deployment.cause_params, deployment.error_code, deployment.error_params)
    return f"{deployment} is {deployment.status}: {cause}; evidence {deployment.evidence}; timeline {entries}"
