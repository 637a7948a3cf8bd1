"""Rows for tests, made as simply as the database allows; nothing outside is asked."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.contrib.auth.hashers import make_password

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.applications.models import Application, Environment, Membership, Project, Target
from apps.clusters.models import Cluster
from apps.connections.models import Connection
from apps.core.actors import Actor

_numbers = itertools.count(1)
PASSWORD = "correct horse battery staple"
UNREACHABLE = "https://127.0.0.1:1"  # nothing listens there: a test that asks it by mistake fails at once


def unique(prefix: str) -> str:
    """Return a short name that no other test has."""
    return f"{prefix}-{next(_numbers)}"


def user(username: str = "", **fields: Any) -> User:
    """Return a person."""
    return User.objects.create(username=username or unique("person"), password=_hashed_password(), **fields)


@lru_cache(maxsize=1)
def _hashed_password() -> str:
    """Return the hash of PASSWORD: made once, because a good hash is slow on purpose."""
    return make_password(PASSWORD)


def actor(person: User, scopes: frozenset[str] | None = None) -> Actor:
    """Return a person as one who acts."""
    return Actor(user=person, name=person.username, scopes=scopes, address="127.0.0.1", request_id="test-request")


def connection(kind: str, **fields: Any) -> Connection:
    """Return a saved connection to nothing."""
    defaults = {
        "kind": kind,
        "slug": unique(kind),
        "name": kind.capitalize(),
        "url": UNREACHABLE,
        "username": "slipway",
        "secret": f"secret-of-{kind}",
        "webhook_secret": f"webhook-secret-of-{kind}",
    }
    return Connection.objects.create(**(defaults | fields))


def cluster(**fields: Any) -> Cluster:
    """Return a saved cluster that does not answer."""
    slug = fields.pop("slug", None) or unique("cluster")
    defaults = {"slug": slug, "name": slug.capitalize(), "server": UNREACHABLE, "token": "token", "version": "1.36"}
    return Cluster.objects.create(**(defaults | fields))


def project(owner: User | None = None, **fields: Any) -> Project:
    """Return a project, with an owner where one is given."""
    slug = fields.pop("slug", None) or unique("project")
    made = Project.objects.create(slug=slug, name=fields.pop("name", slug.capitalize()), **fields)
    if owner is not None:
        member(made, owner, Role.OWNER)
    return made


def member(where: Project, person: User, role: str) -> Membership:
    """Give a person a role."""
    return Membership.objects.create(project=where, user=person, role=role)


def application(where: Project | None = None, **fields: Any) -> Application:
    """Return an application whose systems do not answer, unless connections are given."""
    slug = fields.pop("slug", None) or unique("app")
    defaults: dict[str, Any] = {
        "project": where or project(),
        "slug": slug,
        "name": slug.capitalize(),
        "language": "python",
        "repository_path": f"demo/{slug}",
        "repository_id": 1,
        "branch": "main",
    }
    for kind in ("gitlab", "jenkins", "harbor"):
        if kind not in fields:
            defaults[kind] = connection(kind)
    return Application.objects.create(**(defaults | fields))


def environment(where: Project, **fields: Any) -> Environment:
    """Return an environment of a project."""
    slug = fields.pop("slug", None) or unique("env")
    defaults = {"project": where, "slug": slug, "name": slug.capitalize(), "stage": "test"}
    return Environment.objects.create(**(defaults | fields))


def target(where: Environment, on: Cluster | None = None, **fields: Any) -> Target:
    """Return a target of an environment."""
    slug = fields.pop("slug", None) or unique("target")
    defaults = {"environment": where, "slug": slug, "cluster": on or cluster(), "namespace": unique("ns")}
    return Target.objects.create(**(defaults | fields))


@dataclass
class Personas:
    """The people every permission test is about, and their project."""

    project: Project
    owner: User
    developer: User
    tester: User
    approver: User
    viewer: User
    stranger: User
    platform_admin: User

    def items(self) -> list[tuple[str, User]]:
        """Return name and person of each."""
        names = [*(role.value for role in Role), "stranger", "platform_admin"]
        return [(name, getattr(self, name)) for name in names]


def personas(where: Project | None = None) -> Personas:
    """Return a project with one person in each role, a stranger and a platform administrator."""
    where = where or project()
    people = {role.value: user(unique(role.value)) for role in Role}
    for role, person in people.items():
        member(where, person, role)
    admin = user(unique("admin"), is_superuser=True, is_staff=True)
    return Personas(project=where, stranger=user(unique("stranger")), platform_admin=admin, **people)
