"""Deployments as rows, for doors and lists: every system that stands behind them is away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.applications.models import Application, Target
from apps.deployments import services
from apps.deployments.models import Deployment, Status
from apps.manifests import services as manifests
from apps.manifests.models import ManifestSet
from tests import factories

BACKEND = "django.contrib.auth.backends.ModelBackend"
IMAGE = "harbor.example/demo/storefront@sha256:" + "ab" * 32


@dataclass
class Rows:
    """A project with a person of each role, an application and a target."""

    people: factories.Personas
    application: Application
    target: Target

    def stored(self, **changes: Any) -> ManifestSet:
        """Return stored manifests."""
        revision = manifests.save_revision(
            application=self.application,
            base={"ports": [{"name": "http", "port": 8080}], **changes},
            overrides={},
            note="",
            actor=factories.actor(self.people.owner),
            expected_number=None if not (number := self._revisions()) else number,
        )
        return manifests.render_for_target(
            application=self.application, target=self.target, revision=revision, image=IMAGE
        )

    def _revisions(self) -> int:
        return int(self.application.deployyml_revisions.count())

    def deployment(self, status: str = Status.SUCCEEDED, **changes: Any) -> Deployment:
        """Return a deployment that has come as far as `status`."""
        made = services.request_deployment(
            application=self.application,
            target=self.target,
            manifest_set=self.stored(**changes),
            actor=factories.actor(self.people.owner),
        )
        final = timezone.now() if not Deployment.TRANSITIONS[status] else None
        Deployment.objects.filter(pk=made.pk).update(status=status, finished_at=final)
        made.refresh_from_db()
        return made


def make() -> Rows:
    """Return them."""
    people = factories.personas()
    environment = factories.environment(people.project)
    return Rows(people, factories.application(people.project), factories.target(environment))


def browser(person: User) -> Client:
    """Return a browser that somebody has signed in with."""
    client = Client()
    client.force_login(person, backend=BACKEND)
    return client
