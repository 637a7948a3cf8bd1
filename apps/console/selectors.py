"""Reads that join: what needs somebody now, how applications are doing, what a search finds. Each a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone

from apps.applications.access import visible_projects
from apps.applications.models import Application, Environment, Project, Target
from apps.builds.models import Build
from apps.builds.models import Status as BuildStatus
from apps.core.actors import Actor
from apps.deployments import selectors as deployments
from apps.deployments.models import ACTIVE, DECIDING, VERSIONED, Deployment
from apps.deployments.models import Status as DeploymentStatus
from apps.releases import selectors as releases
from apps.releases.models import ReleaseOrder
from apps.releases.models import Status as ReleaseStatus

from . import cells

REMEMBERED = timedelta(days=14)
MOST = 10


@dataclass(frozen=True)
class Home:
    """What a person's home page shows."""

    approvals: list[ReleaseOrder]
    tests: list[Any]
    failing_deployments: list[Deployment]
    failing_builds: list[Build]
    running_deployments: list[Deployment]
    running_builds: list[Build]
    running_releases: list[ReleaseOrder]
    recent: list[Deployment]

    @property
    def failing(self) -> int:
        """Return how many things fail."""
        return len(self.failing_deployments) + len(self.failing_builds)

    @property
    def running(self) -> int:
        """Return how many things are going on."""
        return len(self.running_deployments) + len(self.running_builds) + len(self.running_releases)


def home(actor: Actor) -> Home:
    """Return what needs the actor, what fails, runs and ended in the projects they see."""
    projects = visible_projects(actor)
    mine = Deployment.objects.filter(application__project__in=projects).select_related(*deployments.RELATED)
    builds = Build.objects.filter(application__project__in=projects).select_related("application__project")
    since = timezone.now() - REMEMBERED
    # A version that failed is not mended by an operation on what is there.
    newer_deployment = Deployment.objects.filter(
        Q(kind__in=DECIDING) | Q(kind=OuterRef("kind")),
        application=OuterRef("application"),
        target=OuterRef("target"),
        pk__gt=OuterRef("pk"),
    )
    newer_build = Build.objects.filter(application=OuterRef("application"), ref=OuterRef("ref"), pk__gt=OuterRef("pk"))
    ended_badly = (DeploymentStatus.FAILED, DeploymentStatus.ERRORED)
    return Home(
        approvals=list(releases.waiting_for_approval(actor)[:MOST]),
        tests=list(releases.waiting_for_verdict(actor)[:MOST]),
        failing_deployments=list(
            mine.filter(~Exists(newer_deployment), status__in=ended_badly, created_at__gt=since).order_by("-id")[:MOST]
        ),
        failing_builds=list(
            builds.filter(
                ~Exists(newer_build), status__in=(BuildStatus.FAILED, BuildStatus.ERRORED), created_at__gt=since
            ).order_by("-id")[:MOST]
        ),
        running_deployments=list(mine.filter(status__in=ACTIVE).order_by("-id")[:MOST]),
        running_builds=list(builds.filter(status__in=Build.active_statuses()).order_by("-id")[:MOST]),
        running_releases=list(releases.list_orders(actor).filter(status=ReleaseStatus.EXECUTING)[:MOST]),
        recent=list(mine.filter(status=DeploymentStatus.SUCCEEDED, kind__in=VERSIONED).order_by("-id")[:MOST]),
    )


def environments_of(projects: Iterable[Project]) -> list[Environment]:
    """Return the environments of projects with their targets and clusters, in the order of their pages."""
    targets = Target.objects.select_related("cluster", "environment__project").order_by("position", "id")
    return list(
        Environment.objects.filter(project__in=list(projects))
        .prefetch_related(Prefetch("targets", targets))
        .order_by("position", "id")
    )


def list_applications(actor: Actor, *, project: Project | None = None, search: str = "") -> QuerySet[Application]:
    """Return the applications that the actor sees, by name; `search` looks at name, short name and repository."""
    applications = Application.objects.filter(project__in=visible_projects(actor), archived_at=None)
    if project is not None:
        applications = applications.filter(project=project)
    if search:
        applications = applications.filter(
            Q(name__icontains=search) | Q(slug__icontains=search) | Q(repository_path__icontains=search)
        )
    return applications.select_related("project").order_by("name", "id")


@dataclass(frozen=True)
class ApplicationRow:
    """An application in a list: its newest build, and how it does in each environment."""

    application: Application
    build: Build | None
    cells: list[cells.CellView]


def application_rows(applications: Sequence[Application]) -> list[ApplicationRow]:
    """Return rows for some applications of any projects, in a fixed number of queries."""
    environments = environments_of({application.project for application in applications})
    matrix = deployments.matrix(applications, environments)
    newest = {
        build.application_id: build
        for build in Build.objects.filter(application__in=applications)
        .order_by("application_id", "-id")
        .distinct("application_id")
        .select_related("application__project")
        .defer("report")
    }
    return [
        ApplicationRow(
            application,
            newest.get(application.pk),
            [
                cells.view(application, cell)
                for cell in matrix[application.pk]
                if cell.target.environment.project_id == application.project_id
            ],
        )
        for application in applications
    ]


def newest_image(application: Application) -> Build | None:
    """Return the newest build that can be released."""
    return (
        Build.objects.filter(application=application, status=BuildStatus.SUCCEEDED)
        .select_related("application__project")
        .order_by("-id")
        .first()
    )
