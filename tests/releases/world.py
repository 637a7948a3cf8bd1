"""A project whose application has an image to release, and its people; deployments are ended by hand where no pod is needed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import create_token
from apps.applications.models import Application
from apps.builds.models import Build
from apps.builds.models import Status as BuildStatus
from apps.core.actors import Actor
from apps.deployments.models import Deployment
from apps.deployments.models import Status as DeploymentStatus
from apps.dockerfiles.selectors import find_latest_revision as find_dockerfile
from apps.manifests import services as manifests
from apps.manifests.models import DeployYmlRevision
from apps.manifests.selectors import find_latest_revision
from apps.releases import selectors, services
from apps.releases.models import ReleaseOrder
from tests import factories
from tests import world as worlds
from tests.sandbox.harbor.registry_client import Registry
from tests.sandbox_process import Sandbox


@dataclass
class ReleaseWorld:
    base: worlds.World
    application: Application
    people: dict[str, User]

    @property
    def url(self) -> str:
        return f"/api/v1{self.application.get_absolute_url()}releases/"

    def actor(self, role: str = "developer", scopes: frozenset[str] | None = None) -> Actor:
        return factories.actor(self.people[role], scopes)

    def client(self, role: str) -> Client:
        client = Client()
        client.force_login(self.people[role], backend="django.contrib.auth.backends.ModelBackend")
        return client

    def token(self, role: str, *scopes: str) -> dict[str, str]:
        _, text = create_token(
            user=self.people[role],
            name=factories.unique("token"),
            scopes=scopes,
            lifetime=timedelta(hours=1),
            actor=self.actor(role),
        )
        return {"Authorization": f"Bearer {text}"}

    def build(self, ref: str = "v1.0.0", *, pushed: bool = True, **fields: Any) -> Build:
        """Return a build that succeeded, with an image that any registry takes."""
        digest = self._push(ref) if pushed else "sha256:" + "0" * 64
        dockerfile = find_dockerfile(self.application)
        number = Build.objects.filter(application=self.application).count() + 1
        values = {
            "status": BuildStatus.SUCCEEDED,
            "application": self.application,
            "number": number,
            "ref": ref,
            "ref_kind": "tag",
            "commit_sha": f"{number:040x}",
            "commit_title": "Answer faster",
            "dockerfile": dockerfile,
            "created_by_name": "somebody",
            "image_digest": digest,
            "next_step_at": None,
        }
        return Build.objects.create(**(values | fields))

    def _push(self, ref: str) -> str:
        found = self.base.sandbox.endpoints["harbor"]
        credentials = (found.get("username") or "admin", found["password"])
        registry = Registry(found["url"], self.base.sandbox.ca_file, credentials)
        try:
            digest, _ = registry.push_image(self.application.image_repository, ref, ref.encode())
        finally:
            registry.close()
        return digest

    def revision(self, **changes: Any) -> DeployYmlRevision:
        latest = find_latest_revision(self.application)
        return manifests.save_revision(
            application=self.application,
            base={**worlds.DOCUMENT, **changes},
            overrides={},
            note="",
            actor=self.actor("owner"),
            expected_number=latest.number if latest else None,
        )

    def order(
        self, build: Build | None = None, revision: DeployYmlRevision | None = None, **fields: Any
    ) -> ReleaseOrder:
        wish = services.Wish(
            self.application,
            build or self.build(),
            revision or find_latest_revision(self.application) or self.revision(),
        )
        return services.create_order(
            environment=self.base.environment,
            wishes=[wish],
            actor=fields.pop("actor", None) or self.actor(),
            **fields,
        )

    def submitted(self, *, approvals: int = 0, **fields: Any) -> ReleaseOrder:
        self.policy(approvals_needed=approvals)
        order = self.order(**fields)
        return services.submit_order(order=order, actor=self.actor())

    def policy(self, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(self.base.environment, name, value)
        self.base.environment.save()

    def again(self, order: ReleaseOrder) -> ReleaseOrder:
        return selectors.get_order(self.application, order.number)

    def step(self, order: ReleaseOrder) -> ReleaseOrder:
        """Run the next step now, whenever it was due."""
        ReleaseOrder.objects.filter(pk=order.pk).update(next_step_at=None)
        services.advance_order(order.pk)
        return self.again(order)

    def come_due(self, order: ReleaseOrder) -> ReleaseOrder:
        """Run the step of a scheduled order at its time."""
        ReleaseOrder.objects.filter(pk=order.pk).update(scheduled_for=timezone.now() - timedelta(seconds=1))
        return self.step(order)


def end(deployment: Deployment, status: str) -> None:
    """End a deployment as its steps would have."""
    deployment.refresh_from_db()
    for following in (DeploymentStatus.APPLYING, DeploymentStatus.PROGRESSING, status):
        assert deployment.transition(following)
        if following == DeploymentStatus.APPLYING:
            deployment.record(first_accepted_at=timezone.now())


def fresh(world: ReleaseWorld) -> ReleaseWorld:
    """Return the same world read again, so that one test's objects are not another's."""
    base, application = world.base, world.application
    environment = type(base.environment).objects.select_related("project").get(pk=base.environment.pk)
    targets = type(base.targets[0]).objects.select_related("cluster", "environment__project").order_by("pk")
    return ReleaseWorld(
        replace(
            base,
            environment=environment,
            targets=list(targets.filter(pk__in=[target.pk for target in base.targets])),
            clusters=list(
                type(base.clusters[0]).objects.filter(pk__in=[one.pk for one in base.clusters]).order_by("pk")
            ),
        ),
        Application.objects.select_related("project", "harbor", "gitlab", "jenkins").get(pk=application.pk),
        world.people,
    )


def make(sandbox: Sandbox) -> ReleaseWorld:
    base = worlds.make(sandbox)
    application = base.application()
    people = {role.value: factories.user(factories.unique(role.value)) for role in Role}
    for role, person in people.items():
        factories.member(base.project, person, role)
    people["second_approver"] = factories.user(factories.unique("approver"))
    factories.member(base.project, people["second_approver"], Role.APPROVER)
    people["stranger"] = factories.user(factories.unique("stranger"))
    people["platform_admin"] = factories.user(factories.unique("admin"), is_superuser=True, is_staff=True)
    return ReleaseWorld(base, application, people)
