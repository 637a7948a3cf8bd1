"""Fetch and authorize in one call: no other way to get an object of a project, so a door cannot forget to ask.

Not visible → NotFound (404, as if it were not there); visible but not allowed → NotAllowed (403).
"""

from __future__ import annotations

from django.db.models import Q, QuerySet

from apps.accounts.roles import SCOPE_OF, Action, Role, Scope, allows
from apps.core.actors import Actor
from apps.core.errors import NotAllowed, NotFound

from .models import Application, Environment, Membership, Project, Target


def role_in(actor: Actor, project: Project) -> str | None:
    """Return the actor's role in a project; a platform administrator is an owner everywhere."""
    if actor.user is None:
        return None
    if actor.is_administrator:
        return "owner"
    return Membership.objects.filter(project=project, user=actor.user).values_list("role", flat=True).first()


def _scope_allows(actor: Actor, need: Action) -> bool:
    """Return whether the actor's token, if one acts, reaches so far; every token may read."""
    scope = SCOPE_OF[need]
    return actor.scopes is None or scope in actor.scopes or (scope == Scope.READ and bool(actor.scopes))


def require(actor: Actor, project: Project, need: Action) -> None:
    """Raise unless the actor may do `need` in the project.

    Raises:
        NotFound: not a member, so it does not exist for this person.
        NotAllowed: a member without that right, or a token without that scope.

    """
    role = role_in(actor, project)
    if role is None:
        raise NotFound("object.missing")
    if not _scope_allows(actor, need):
        raise NotAllowed("auth.scope", scope=SCOPE_OF[need].value)
    if not allows(role, need):
        raise NotAllowed("auth.forbidden")


def can(actor: Actor, project: Project, need: Action) -> bool:
    """Return whether the actor may do `need`, for showing or disabling a button; the service's door asks again."""
    try:
        require(actor, project, need)
    except (NotFound, NotAllowed):
        return False
    return True


def visible_projects(actor: Actor) -> QuerySet[Project]:
    """Return the projects that the actor may see."""
    projects = Project.objects.filter(archived_at=None)
    if actor.is_administrator:
        return projects
    return projects.filter(Q(memberships__user_id=actor.user_id)).distinct()


def projects_where(actor: Actor, need: Action) -> QuerySet[Project]:
    """Return the projects, archived ones too, in which the actor may do `need`; none where a token lacks the scope."""
    if actor.user is None or not _scope_allows(actor, need):
        return Project.objects.none()
    if actor.is_administrator:
        return Project.objects.all()
    roles = [role.value for role in Role if allows(role, need)]
    return Project.objects.filter(memberships__user=actor.user, memberships__role__in=roles)


def get_project(actor: Actor, slug: str, *, need: Action) -> Project:
    """Return a project after checking the right.

    Raises:
        NotFound, NotAllowed: see `require`.

    """
    project = Project.objects.filter(slug=slug, archived_at=None).first()
    if project is None:
        raise NotFound("object.missing")
    require(actor, project, need)
    return project


def get_application(actor: Actor, project_slug: str, slug: str, *, need: Action) -> Application:
    """Return an application with its project and connections after checking the right.

    Raises:
        NotFound, NotAllowed: see `require`.

    """
    project = get_project(actor, project_slug, need=need)
    application = (
        Application.objects.select_related("project", "gitlab", "jenkins", "harbor")
        .filter(project=project, slug=slug, archived_at=None)
        .first()
    )
    if application is None:
        raise NotFound("object.missing")
    return application


def get_environment(actor: Actor, project_slug: str, slug: str, *, need: Action) -> Environment:
    """Return an environment of a project after checking the right.

    Raises:
        NotFound, NotAllowed: see `require`.

    """
    project = get_project(actor, project_slug, need=need)
    environment = Environment.objects.select_related("project").filter(project=project, slug=slug).first()
    if environment is None:
        raise NotFound("object.missing")
    return environment


def get_target(actor: Actor, project_slug: str, environment_slug: str, slug: str, *, need: Action) -> Target:
    """Return a target with its cluster and environment after checking the right.

    Raises:
        NotFound, NotAllowed: see `require`.

    """
    environment = get_environment(actor, project_slug, environment_slug, need=need)
    target = (
        Target.objects.select_related("cluster", "environment__project")
        .filter(environment=environment, slug=slug)
        .first()
    )
    if target is None:
        raise NotFound("object.missing")
    return target
