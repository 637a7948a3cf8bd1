"""With what a project's targets pull images: a Harbor robot account of the project that may do nothing else.

Where Harbor does not let Slipway make robots (its account is no administrator), the connection's own account is used.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from django.db import transaction

from apps.audit import services as audit
from apps.connections import selectors as connections
from apps.connections.models import Connection
from apps.core.actors import Actor
from apps.integrations import providers
from apps.integrations.errors import Unauthorized
from apps.integrations.harbor.client import HarborClient
from apps.integrations.harbor.entities import Robot

from .models import Project, PullRobot


@dataclass(frozen=True)
class PullCredentials:
    """Who pulls."""

    username: str
    password: str = field(repr=False)


def ensure_pull_credentials(*, project: Project, harbor: Connection, actor: Actor) -> PullCredentials:
    """Return the robot account of a project in a Harbor, made where there is none or it is gone.

    Raises:
        IntegrationError: Harbor cannot be asked.
    """
    client = providers.harbor(connections.client_connection(harbor))
    known = PullRobot.objects.filter(project=project, harbor=harbor).first()
    try:
        alive = {robot.id for robot in client.list_robots()}
        if known is not None and known.robot_id in alive:
            return PullCredentials(known.name, known.secret)
        client.ensure_project(project.slug)
        # A name of its own each time: the secret of a robot whose making was never answered cannot be read again.
        name = f"slipway-{project.slug}-{secrets.token_hex(4)}"
        made = client.create_robot(name, project.slug, push=False, description="Pulls for clusters; made by Slipway")
    except Unauthorized:
        return PullCredentials(harbor.username, harbor.secret)
    return _keep(client, project, harbor, made, known, actor)


def _keep(
    client: HarborClient, project: Project, harbor: Connection, made: Robot, known: PullRobot | None, actor: Actor
) -> PullCredentials:
    """Store a new robot; where somebody else was quicker, theirs is used and ours deleted."""
    values = {"robot_id": made.id, "name": made.name, "secret": made.secret}
    with transaction.atomic():
        if known is None:
            row, won = PullRobot.objects.get_or_create(project=project, harbor=harbor, defaults=values)
        else:
            won = bool(PullRobot.objects.filter(pk=known.pk, robot_id=known.robot_id).update(**values))
            row = PullRobot.objects.get(pk=known.pk)
        if won:
            audit.record(actor=actor, action="robot.create", subject=row, project=project, harbor=harbor.slug)
    if not won:
        client.delete_robot(made.id)
    return PullCredentials(row.name, row.secret)
