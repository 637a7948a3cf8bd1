"""Find what a door was given by name or number: environment, build and DeployYml revision of a new order."""

from __future__ import annotations

from apps.applications.models import Application, Environment
from apps.builds.models import Build
from apps.builds.models import Status as BuildStatus
from apps.core.errors import Conflict, InvalidInput
from apps.manifests import selectors as manifests
from apps.manifests.models import DeployYmlRevision


def find_environment(application: Application, slug: str) -> Environment:
    """Return an environment of the application's project.

    Raises:
        InvalidInput: there is none of that name.
    """
    environment = Environment.objects.filter(project=application.project, slug=slug).select_related("project").first()
    if environment is None:
        raise InvalidInput(fields={"environment": ["unknown"]})
    return environment


def list_environments(application: Application) -> list[Environment]:
    """Return the environments that an application can be released to."""
    return list(Environment.objects.filter(project=application.project).prefetch_related("targets__cluster"))


def list_releasable_builds(application: Application, *, limit: int = 50) -> list[Build]:
    """Return the builds that can be released, newest first."""
    builds = Build.objects.filter(application=application, status=BuildStatus.SUCCEEDED)
    return list(builds.select_related("application__project").order_by("-number")[:limit])


def find_build(application: Application, number: int) -> Build:
    """Return a build of the application.

    Raises:
        InvalidInput: there is none of that number.
    """
    build = Build.objects.filter(application=application, number=number).select_related("application__project").first()
    if build is None:
        raise InvalidInput(fields={"build": ["unknown"]})
    return build


def find_revision(application: Application, number: int | None) -> DeployYmlRevision:
    """Return a revision of the DeployYml, the newest where no number is given.

    Raises:
        Conflict: the application has no DeployYml yet.
        InvalidInput: there is none of that number.
    """
    if number is None:
        latest = manifests.find_latest_revision(application)
        if latest is None:
            raise Conflict("release.no_deployyml", application=application.name)
        return latest
    revision = manifests.list_revisions(application).filter(number=number).first()
    if revision is None:
        raise InvalidInput(fields={"deployyml_revision": ["unknown"]})
    return revision
