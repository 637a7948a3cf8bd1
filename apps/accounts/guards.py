"""Ask the one question that stands below projects: is this a platform administrator."""

from __future__ import annotations

from apps.core.actors import Actor
from apps.core.errors import NotAllowed


def require_administrator(actor: Actor) -> None:
    """Raise NotAllowed unless this is a platform administrator (with a token of scope `admin`, where a token acts)."""
    if not actor.is_administrator:
        raise NotAllowed("auth.forbidden")
    if actor.scopes is not None and "admin" not in actor.scopes:
        raise NotAllowed("auth.scope", scope="admin")
