"""Ask what stands below projects: is this a platform administrator, does a token reach so far."""

from __future__ import annotations

from apps.core.actors import Actor
from apps.core.errors import NotAllowed

from .roles import Scope


def administers(actor: Actor) -> bool:
    """Return whether this is a platform administrator, with a token of scope `admin` where a token acts."""
    return actor.is_administrator and (actor.scopes is None or Scope.ADMIN in actor.scopes)


def require_administrator(actor: Actor) -> None:
    """Raise NotAllowed unless this is a platform administrator (with a token of scope `admin`, where a token acts)."""
    if not actor.is_administrator:
        raise NotAllowed("auth.forbidden")
    require_scope(actor, Scope.ADMIN)


def require_reader(actor: Actor) -> None:
    """Raise NotAllowed unless this is somebody who signed in; a token of any scope may read, one without scopes nothing."""
    if actor.user is None:
        raise NotAllowed("auth.forbidden")
    if actor.scopes is not None and not actor.scopes:
        require_scope(actor, Scope.READ)


def require_scope(actor: Actor, scope: Scope) -> None:
    """Raise NotAllowed where a token acts that does not have `scope`."""
    if actor.scopes is not None and scope not in actor.scopes:
        raise NotAllowed("auth.scope", scope=scope.value)
