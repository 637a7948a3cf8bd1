"""What can be done with an application on a target now, for the page of its operations and the API."""

from __future__ import annotations

from dataclasses import dataclass

from apps.accounts.roles import Action
from apps.applications.access import can
from apps.applications.models import Application, Target
from apps.core.actors import Actor

from . import operations, selectors
from .models import Deployment


@dataclass(frozen=True)
class Situation:
    """The version that is there, what goes on, the numbers of the stored bytes, and what the actor may do."""

    target: Target
    base: Deployment | None
    active: Deployment | None
    scaled: Deployment | None
    replicas: int | None
    bounds: tuple[int, int] | None
    may_restart: bool
    may_scale: bool
    may_remove: bool

    @property
    def least(self) -> int | None:
        """Return the least number of pods that the stored bytes let an autoscaler choose."""
        return self.bounds[0] if self.bounds else None

    @property
    def most(self) -> int | None:
        """Return the most."""
        return self.bounds[1] if self.bounds else None


def removal_right(target: Target) -> Action:
    """Return what one must be allowed to do to take something off: production is not for everybody who releases."""
    return Action.REMOVE_FROM_PRODUCTION if target.environment.is_production else Action.REMOVE


def situation(application: Application, target: Target, actor: Actor) -> Situation:
    """Return what can be done; the cluster is not asked."""
    base = selectors.last_applied(application, target)
    project = application.project
    return Situation(
        target=target,
        base=base,
        active=selectors.active_deployment(application, target),
        scaled=selectors.scaled_since(application, target),
        replicas=operations.replicas_of(base) if base else None,
        bounds=operations.bounds_of(base) if base else None,
        may_restart=can(actor, project, Action.RESTART),
        may_scale=can(actor, project, Action.SCALE),
        may_remove=can(actor, project, removal_right(target)),
    )
