"""Find what a door was given by name: a target as ``<environment>/<target>``, the scope of a secret value."""

from __future__ import annotations

from django.db.models import QuerySet

from apps.applications.models import Application, Environment, Target
from apps.core.errors import InvalidInput

from .messages import describe


def list_targets(application: Application) -> QuerySet[Target]:
    """Return the targets that an application can be released to, in the order of its environments."""
    return (
        Target.objects.filter(environment__project=application.project)
        .select_related("environment__project", "cluster")
        .order_by("environment__position", "environment_id", "position", "id")
    )


def get_target(application: Application, name: str, *, field: str = "target") -> Target:
    """Return a target of the application's project.

    Raises:
        InvalidInput: there is none of that name.
    """
    environment, _, slug = name.partition("/")
    target = list_targets(application).filter(environment__slug=environment, slug=slug).first()
    if target is None:
        raise InvalidInput(fields={field: [describe("no_such_target", {"value": name})]})
    return target


def secret_scope(
    application: Application, *, environment: str | None, target: str | None
) -> tuple[Environment | None, Target | None]:
    """Return the environment or target that a secret value is for; both None for everywhere.

    Raises:
        InvalidInput: there is none of that name.
    """
    if target:
        return None, get_target(application, target)
    if not environment:
        return None, None
    found = Environment.objects.filter(project=application.project, slug=environment).first()
    if found is None:
        raise InvalidInput(fields={"environment": [describe("no_such_environment", {"value": environment})]})
    return found, None
