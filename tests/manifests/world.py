"""A project with an application, two environments on two clusters, and a person of each role."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.applications.models import Application, Environment, Membership, Project, Target
from apps.clusters.models import Cluster
from apps.connections.models import Connection
from apps.core.actors import Actor

BASE: dict[str, Any] = {
    "ports": [{"name": "http", "port": 8080, "service_port": 80}],
    "env": [{"name": "GREETING", "value": "hello"}, {"name": "DB_PASSWORD", "secret": "DB_PASSWORD"}],
    "secrets": [{"name": "DB_PASSWORD"}],
    "files": [{"path": "/etc/storefront/config.json", "content": '{"feature": "off"}\n'}],
    "probes": {"readiness": {"type": "http", "path": "/readyz"}},
    "ingress": {},
}
IMAGE = "harbor.example/demo/storefront@sha256:" + "ab" * 32


@dataclass
class World:
    project: Project
    application: Application
    test: Target
    north: Target
    south: Target
    people: dict[str, User] = field(default_factory=dict)

    def actor(self, role: str = "developer") -> Actor:
        user = self.people[role]
        return Actor(user=user, name=user.username)


def build_world() -> World:
    connections = {
        kind: Connection.objects.create(kind=kind, slug=kind, name=kind, url=f"https://{kind}.example")
        for kind in ("gitlab", "jenkins", "harbor")
    }
    project = Project.objects.create(slug="demo", name="Demo")
    application = Application.objects.create(
        project=project,
        slug="storefront",
        name="Storefront",
        language="python",
        repository_path="demo/storefront",
        repository_id=1,
        branch="main",
        **connections,
    )
    clusters = {
        name: Cluster.objects.create(
            slug=name, name=name, server=f"https://{name}.example", version=version, ingress_domain=f"{name}.example"
        )
        for name, version in (("north", "1.36"), ("south", "1.28"))
    }
    environments = {
        stage: Environment.objects.create(
            project=project, slug=stage, name=stage.capitalize(), stage=stage, position=position
        )
        for position, stage in enumerate(("test", "production"))
    }

    def target(environment: str, cluster: str) -> Target:
        return Target.objects.create(
            environment=environments[environment],
            slug=cluster,
            cluster=clusters[cluster],
            namespace=f"demo-{environment}",
        )

    world = World(
        project, application, target("test", "north"), target("production", "north"), target("production", "south")
    )
    for role in [*map(str, Role), "stranger", "administrator"]:
        user = User.objects.create_user(username=role, is_superuser=role == "administrator")
        world.people[role] = user
        if role in list(Role):
            Membership.objects.create(project=project, user=user, role=role)
    return world
