"""Who acts: a person in a browser, a token, or Slipway itself. Passed to every service that writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Actor:
    """One who acts. `user` is the Django user (None for Slipway itself); the rest is kept as text for the audit."""

    user: Any
    name: str
    token_name: str = ""
    scopes: frozenset[str] | None = None  # None: everything the person may do; else the token's scopes
    token_expires_at: datetime | None = None
    address: str = ""
    request_id: str = ""

    @property
    def user_id(self) -> int | None:
        """Return the user's primary key, or None for Slipway itself."""
        return None if self.user is None else int(self.user.pk)

    @property
    def is_administrator(self) -> bool:
        """Return whether this is a platform administrator."""
        return bool(self.user is not None and self.user.is_active and self.user.is_superuser)


def system_actor(part: str, *, request_id: str = "") -> Actor:
    """Return the actor for what Slipway does by itself; `part` names the part that decided (`auto-rollback`)."""
    return Actor(user=None, name=f"slipway/{part}", request_id=request_id)
