"""Reads of projects and what belongs to them."""

from __future__ import annotations

from django.db.models import Count, Prefetch, Q, QuerySet

from apps.connections import selectors as connections
from apps.connections.models import Connection
from apps.core.actors import Actor
from apps.core.errors import InvalidInput

from .access import visible_projects
from .models import Application, Environment, Membership, Project, Target


def list_projects(actor: Actor, search: str = "") -> QuerySet[Project]:
    """Return the projects that one may see, each with `application_count` and `member_count`."""
    alive = Q(applications__archived_at=None)
    projects = visible_projects(actor).order_by("name", "id")
    if search:
        projects = projects.filter(Q(name__icontains=search) | Q(slug__icontains=search))
    return projects.annotate(
        application_count=Count("applications", filter=alive, distinct=True),
        member_count=Count("memberships", distinct=True),
    )


def list_applications(project: Project) -> QuerySet[Application]:
    """Return a project's applications by name."""
    return (
        Application.objects.filter(project=project, archived_at=None)
        .select_related("project", "gitlab", "jenkins", "harbor")
        .order_by("name", "id")
    )


def list_environments(project: Project) -> QuerySet[Environment]:
    """Return a project's environments in order, each with its targets and their clusters."""
    targets = Target.objects.select_related("cluster", "environment__project").order_by("position", "id")
    return (
        Environment.objects.filter(project=project)
        .select_related("project")
        .prefetch_related(Prefetch("targets", targets))
        .order_by("position", "id")
    )


def list_targets(environment: Environment) -> QuerySet[Target]:
    """Return an environment's targets in order, with their clusters."""
    return (
        Target.objects.filter(environment=environment)
        .select_related("cluster", "environment__project")
        .order_by("position", "id")
    )


def list_members(project: Project) -> QuerySet[Membership]:
    """Return a project's members by role and name."""
    return Membership.objects.filter(project=project).select_related("user").order_by("role", "user__username")


def pull_harbor(project: Project) -> Connection:
    """Return the Harbor whose images a project's targets pull: its applications', else the only one there is.

    Raises:
        InvalidInput: there is none, or several to choose from.
    """
    used = Connection.objects.filter(pk__in=Application.objects.filter(project=project).values("harbor"))
    found = list(used[:2]) or list(connections.list_connections("harbor")[:2])
    if len(found) != 1:
        raise InvalidInput("target.harbor_unclear", count=len(found))
    return found[0]
