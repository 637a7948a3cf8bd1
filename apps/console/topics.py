"""Which live topics a person may hear of: those of objects in projects they see. Topics are `<noun>:<id>`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.db.models import Model, QuerySet

from apps.applications.access import visible_projects
from apps.applications.models import Application, Environment, Project, Target
from apps.builds.models import Build
from apps.clusters.models import Cluster
from apps.connections.models import Connection
from apps.core.actors import Actor
from apps.deployments.models import Deployment
from apps.manifests.models import DeployYmlRevision, SecretValue
from apps.releases.models import ReleaseOrder, TestOrder

MOST = 200

Rows = Callable[[QuerySet[Project]], QuerySet[Model]]

# How each noun belongs to a project; an unknown noun is heard by nobody.
_NOUNS: dict[str, Rows] = {
    "project": lambda projects: projects,
    "application": lambda projects: Application.objects.filter(project__in=projects),
    "environment": lambda projects: Environment.objects.filter(project__in=projects),
    "target": lambda projects: Target.objects.filter(environment__project__in=projects),
    "build": lambda projects: Build.objects.filter(application__project__in=projects),
    "deployment": lambda projects: Deployment.objects.filter(application__project__in=projects),
    "releaseorder": lambda projects: ReleaseOrder.objects.filter(application__project__in=projects),
    "testorder": lambda projects: TestOrder.objects.filter(application__project__in=projects),
    "deployymlrevision": lambda projects: DeployYmlRevision.objects.filter(application__project__in=projects),
    "secretvalue": lambda projects: SecretValue.objects.filter(application__project__in=projects),
    "cluster": lambda _projects: Cluster.objects.all(),  # whoever is signed in may see the clusters
}
_FOR_ADMINISTRATORS: dict[str, Callable[[], QuerySet[Model]]] = {"connection": Connection.objects.all}


def allowed(actor: Actor, topics: Iterable[str]) -> frozenset[str]:
    """Return those of `topics` that the actor may hear of, in one query a noun."""
    asked: dict[str, set[int]] = {}
    for topic in list(topics)[:MOST]:
        noun, _, number = topic.partition(":")
        if number.isascii() and number.isdigit() and len(number) < 19:
            asked.setdefault(noun, set()).add(int(number))
    if actor.user is None or not actor.user.is_active:
        return frozenset()
    projects = visible_projects(actor)
    heard: set[str] = set()
    for noun, ids in asked.items():
        if noun in _NOUNS:
            rows = _NOUNS[noun](projects)
        elif noun in _FOR_ADMINISTRATORS and actor.is_administrator:
            rows = _FOR_ADMINISTRATORS[noun]()
        else:
            continue
        heard |= {f"{noun}:{pk}" for pk in rows.filter(pk__in=ids).values_list("pk", flat=True)}
    return frozenset(heard)
