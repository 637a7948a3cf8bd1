"""An application of the sandbox: real GitLab, Jenkins and Harbor, real people, and a way to drive a build."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from apps.applications.models import Application
from apps.builds import services
from apps.builds.models import Build
from apps.connections import selectors as connections
from apps.core.actors import Actor
from apps.dockerfiles import services as dockerfiles
from apps.integrations import providers
from tests import factories
from tests.sandbox_process import Sandbox

LONGEST_BUILD = 60.0
BASES = [
    ("clone", "base/clone:1", "", ""),
    ("compile", "base/python-compile:3.11", "python", ""),
    ("run", "base/python-run:3.11", "python", "/opt/slipway/my_init"),
]


@dataclass
class World:
    """An application, who may do what with it, and the sandbox it lives in."""

    sandbox: Sandbox
    application: Application
    people: factories.Personas

    @property
    def developer(self) -> Actor:
        """Return who builds."""
        return factories.actor(self.people.developer)

    @property
    def path(self) -> str:
        """Return where the application's pages and API are."""
        return f"/projects/{self.application.project.slug}/apps/{self.application.slug}/"

    @property
    def job(self) -> str:
        """Return the part of the Jenkins paths that is this application's alone."""
        return f"/job/{self.application.project.slug}/job/{self.application.slug}/"

    def use(self, repository: str, **fields: Any) -> None:
        """Point the application at another sample."""
        found = self.gitlab.get_repository(f"demo/{repository}")
        for name, value in {"repository_path": found.path, "repository_id": found.id, **fields}.items():
            setattr(self.application, name, value)
        self.application.save()

    @property
    def gitlab(self) -> Any:
        """Return a client of GitLab."""
        return providers.gitlab(connections.client_connection(self.application.gitlab))

    @property
    def jenkins(self) -> Any:
        """Return a client of Jenkins."""
        return providers.jenkins(connections.client_connection(self.application.jenkins))

    @property
    def harbor(self) -> Any:
        """Return a client of Harbor."""
        return providers.harbor(connections.client_connection(self.application.harbor))

    def write_dockerfile(self, content: str = "") -> Any:
        """Save a revision: the template, unless told otherwise."""
        content = content or dockerfiles.template_for(self.application)
        return dockerfiles.save_revision(application=self.application, content=content, actor=self.developer)

    def request(self, ref: str = "v1.0.0", **more: Any) -> Build:
        """Ask for a build."""
        return services.request_build(application=self.application, actor=self.developer, ref=ref, **more)

    def triggers(self, since: int) -> int:
        """Return how often Jenkins was asked to run this application's job since then."""
        return sum(
            1
            for entry in self.sandbox.journal("jenkins", since)
            if entry["method"] == "POST" and self.job in entry["path"] and "buildWithParameters" in entry["path"]
        )

    def runs(self) -> int:
        """Return how many runs the job has in Jenkins."""
        count = 0
        name = f"slipway/{self.application.project.slug}/{self.application.slug}"
        while count < 20:
            try:
                self.jenkins.get_build(name, count + 1)
            except Exception:  # noqa: BLE001 - Missing: there are no more
                return count
            count += 1
        return count


def build_world(sandbox: Sandbox, repository: str = "storefront", **fields: Any) -> World:
    """Return an application of its own project in the sandbox, with base images but no Dockerfile."""
    ends = sandbox.endpoints
    ca = sandbox.ca_pem
    systems = {
        "gitlab": factories.connection(
            "gitlab", url=ends["gitlab"]["url"], username="", secret=ends["gitlab"]["token"], ca_certificate=ca
        ),
        "jenkins": factories.connection(
            "jenkins",
            url=ends["jenkins"]["url"],
            username=ends["jenkins"]["username"],
            secret=ends["jenkins"]["token"],
            ca_certificate=ca,
        ),
        "harbor": factories.connection(
            "harbor",
            url=ends["harbor"]["url"],
            username=ends["harbor"]["username"],
            secret=ends["harbor"]["password"],
            ca_certificate=ca,
            options={"registry": ends["harbor"]["registry"]},
        ),
    }
    people = factories.personas()
    application = factories.application(people.project, **systems, **fields)
    world = World(sandbox, application, people)
    world.use(repository)
    world.harbor.ensure_project(people.project.slug)
    admin = factories.actor(people.platform_admin)
    for stage, reference, language, init in BASES:
        dockerfiles.register_base_image(
            harbor=systems["harbor"], stage=stage, reference=reference, language=language, init_path=init, actor=admin
        )
    return world


def step(build: Build) -> Build:
    """Run the next step now, whenever it was due, and return the row as it is then."""
    Build.objects.filter(pk=build.pk).exclude(next_step_at=None).update(next_step_at=None)
    services.advance_build(build.pk)
    return Build.objects.select_related("application__project").get(pk=build.pk)


def drive(build: Build, *, until: tuple[str, ...] = (), timeout: float = LONGEST_BUILD) -> Build:
    """Run step after step, as the workers do, until the build is final or has one of the statuses `until`."""
    deadline = time.monotonic() + timeout
    build = step(build)
    while not build.is_final and build.status not in until:
        assert time.monotonic() < deadline, f"still {build.status}: {build.error_code} {build.error_params}"
        time.sleep(0.1)
        build = step(build)
    return build
