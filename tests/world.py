"""A project of its own in a real sandbox, put in place through the services; and how to drive rows without workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from django.utils import timezone

from apps.applications import preparation
from apps.applications import services as applications
from apps.applications.models import Application, Environment, Project, Target
from apps.builds import services as builds
from apps.builds.models import Build
from apps.clusters import services as clusters
from apps.clusters.models import Cluster
from apps.connections import services as connections
from apps.connections.models import Connection
from apps.core.actors import Actor
from apps.core.lifecycle import Lifecycle
from apps.deployments import services as deployments
from apps.deployments.models import Deployment
from apps.dockerfiles import services as dockerfiles
from apps.manifests import services as manifests
from apps.manifests.models import ManifestSet
from apps.manifests.selectors import find_latest_revision
from apps.registry import selectors as registry

from . import factories
from .sandbox_process import Sandbox

Row = TypeVar("Row", bound=Lifecycle)
BASE_IMAGES = (
    ("clone", "base/clone:1", "", ""),
    ("compile", "base/python-compile:3.11", "python", ""),
    ("run", "base/python-run:3.11", "python", "/opt/slipway/my_init"),
)
DOCUMENT: dict[str, Any] = {
    "replicas": 2,
    "ports": [{"name": "http", "port": 8080, "service_port": 80}],
    "env": [{"name": "GREETING", "value": "hello"}],
    "probes": {"readiness": {"type": "http", "port": "http", "path": "/readyz", "period": 1}},
    "lifecycle": {"pre_stop_sleep": 2},
    "ingress": {},
}


@dataclass
class World:
    """What a story needs: the systems, a project with one environment of two targets, and a way to ask from outside."""

    sandbox: Sandbox
    actor: Actor
    gitlab: Connection
    jenkins: Connection
    harbor: Connection
    clusters: list[Cluster]
    project: Project
    environment: Environment
    targets: list[Target]
    builds: dict[tuple[int, str], Build] = field(default_factory=dict)

    def application(self, repository: str = "demo/storefront", *, branch: str = "main", **fields: Any) -> Application:
        """Return a new application with the template's Dockerfile."""
        slug = fields.pop("slug", None) or factories.unique("app")
        application = applications.create_application(
            actor=self.actor,
            project=self.project,
            slug=slug,
            name=slug,
            language="python",
            gitlab=self.gitlab,
            jenkins=self.jenkins,
            harbor=self.harbor,
            repository_path=repository,
            branch=branch,
            **fields,
        )
        content = dockerfiles.template_for(application)
        dockerfiles.save_revision(application=application, content=content, actor=self.actor)
        return application

    def build(self, application: Application, ref: str) -> Build:
        """Return a finished build of a ref, made by driving its steps."""
        key = (application.pk, ref)
        if key not in self.builds:
            build = builds.request_build(application=application, ref=ref, actor=self.actor)
            self.builds[key] = drive(build, builds.advance_build, seconds=90)
        return self.builds[key]

    def manifest_set(
        self, application: Application, target: Target, build: Build, document: dict[str, Any] | None = None
    ) -> ManifestSet:
        """Return the stored manifests of a build with a document (as a new revision) for a target."""
        latest = find_latest_revision(application)
        revision = manifests.save_revision(
            application=application,
            base=document if document is not None else DOCUMENT,
            overrides={},
            note="",
            actor=self.actor,
            expected_number=latest.number if latest else None,
        )
        image = registry.image_reference(application, build.image_digest)
        return manifests.render_for_target(application=application, target=target, revision=revision, image=image)

    def deploy(
        self, application: Application, target: Target, build: Build, document: dict[str, Any] | None = None
    ) -> Deployment:
        """Return a deployment of a build that was just requested."""
        return deployments.request_deployment(
            application=application,
            target=target,
            manifest_set=self.manifest_set(application, target, build, document),
            build=build,
            actor=self.actor,
        )

    def get(self, application: Application, target: Target, path: str = "/") -> httpx2.Response:
        """Ask an application through the Ingress of a target's cluster, as a stranger would."""
        cluster = target.cluster
        host = f"{application.slug}-{target.namespace}.{cluster.ingress_domain}"
        return httpx2.get(cluster.ingress_address + path, headers={"Host": host}, timeout=10)


def make(sandbox: Sandbox) -> World:
    """Return a new world in a sandbox: connections and clusters that were really tried, targets that were prepared."""
    admin = factories.user(is_superuser=True, is_staff=True)
    actor = factories.actor(admin)
    found = sandbox.endpoints
    made: dict[str, Connection] = {}
    secrets = {"gitlab": found["gitlab"]["token"], "jenkins": found["jenkins"]["token"]}
    secrets["harbor"] = found["harbor"]["password"]
    for kind, secret in secrets.items():
        made[kind] = connections.save_connection(
            actor=actor,
            kind=kind,
            slug=factories.unique(kind),
            name=kind.capitalize(),
            url=found[kind]["url"],
            username=found[kind].get("username", ""),
            secret=secret,
            ca_certificate=sandbox.ca_pem,
            options={"registry": found["harbor"]["registry"]} if kind == "harbor" else {},
        )
    for stage, reference, language, init_path in BASE_IMAGES:
        dockerfiles.register_base_image(
            harbor=made["harbor"], stage=stage, reference=reference, language=language, init_path=init_path, actor=actor
        )
    project = applications.create_project(actor=actor, slug=factories.unique("project"), name="Project")
    environment = applications.create_environment(
        actor=actor, project=project, slug="production", name="Production", stage="production"
    )
    places, targets = [], []
    for name, endpoints in found["clusters"].items():
        cluster = clusters.add_cluster(
            actor=actor,
            slug=factories.unique(name),
            name=name,
            kubeconfig=Path(endpoints["kubeconfig"]).read_text(),
            ingress_address=endpoints["ingress"],
            ingress_domain=f"{name}.{project.slug}.test",
        )
        target = applications.add_target(
            environment=environment, slug=name, cluster=cluster, namespace=f"{project.slug}-{name}", actor=actor
        )
        preparation.prepare_target(target=target, harbor=made["harbor"], actor=actor)
        places.append(cluster)
        targets.append(target)
    return World(sandbox, actor, **made, clusters=places, project=project, environment=environment, targets=targets)


def drive(row: Row, advance: Callable[[int], None], *, seconds: float = 60.0) -> Row:
    """Run the steps of a row as workers would, until it is final."""
    return until(row, advance, lambda current: current.is_final, seconds=seconds)


def until(row: Row, advance: Callable[[int], None], reached: Callable[[Row], bool], *, seconds: float = 60.0) -> Row:
    """Run the steps of a row until something is true of it."""
    deadline = time.monotonic() + seconds
    while True:
        row.refresh_from_db()
        if reached(row):
            return row
        if time.monotonic() > deadline:
            raise AssertionError(f"{row} is {row.status} ({row.error_code or getattr(row, 'cause_code', '')})")
        due = row.next_step_at
        if due is not None and due > timezone.now():
            time.sleep(min(0.2, (due - timezone.now()).total_seconds()))
            continue
        advance(row.pk)
