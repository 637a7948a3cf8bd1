"""Find what a door was given by name or number: environment, applications, builds and DeployYml revisions of an order."""

from __future__ import annotations

from collections.abc import Sequence

from apps.applications.models import Application, Environment, Project
from apps.builds.models import Build
from apps.builds.models import Status as BuildStatus
from apps.core.errors import Conflict, InvalidInput
from apps.manifests import selectors as manifests
from apps.manifests.models import DeployYmlRevision

from . import selectors
from .models import ReleaseOrder


def find_environment(project: Project, slug: str) -> Environment:
    """Return an environment of a project.

    Raises:
        InvalidInput: there is none of that name.
    """
    environment = Environment.objects.filter(project=project, slug=slug).select_related("project").first()
    if environment is None:
        raise InvalidInput(fields={"environment": ["unknown"]})
    return environment


def list_environments(project: Project) -> list[Environment]:
    """Return the environments that a project's applications can be released to."""
    return list(Environment.objects.filter(project=project).prefetch_related("targets__cluster"))


def list_applications(project: Project) -> list[Application]:
    """Return the applications of a project that an order may have, by name."""
    applications = Application.objects.filter(project=project, archived_at=None)
    return list(applications.select_related("project", "harbor").order_by("name", "id"))


def find_application(project: Project, slug: str) -> Application:
    """Return an application of a project that is not archived.

    Raises:
        InvalidInput: there is none of that name.
    """
    application = next((one for one in list_applications(project) if one.slug == slug), None)
    if application is None:
        raise InvalidInput(fields={"application": ["unknown"]})
    return application


def list_releasable_builds(application: Application, *, limit: int = 50) -> list[Build]:
    """Return the builds that can be released, newest first."""
    builds = Build.objects.filter(application=application, status=BuildStatus.SUCCEEDED)
    return list(builds.select_related("application__project").defer("report").order_by("-number")[:limit])


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


def find_decisions(order: ReleaseOrder, take_over: Sequence[str], leave: Sequence[str]) -> dict[tuple[int, int], bool]:
    """Return for which targets of a plan fields are taken over from others, or left, named as `application/target`.

    Raises:
        InvalidInput: the plan has no such target.
    """
    planned = selectors.planned_targets(order)
    known = {f"{row.item.application.slug}/{row.target.slug}": row for row in planned}
    decisions: dict[tuple[int, int], bool] = {}
    for names, taken in ((take_over, True), (leave, False)):
        for name in names:
            if (row := known.get(name)) is None:
                raise InvalidInput("release.no_such_target", target=name, fields={"take_over": ["unknown"]})
            decisions[row.item.application_id, row.target_id] = taken
    return decisions
