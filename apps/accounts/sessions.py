"""Who a session belongs to now, for streams: they live long, and what their request remembers grows old."""

from __future__ import annotations

from django.contrib.auth import get_user
from django.http import HttpRequest

from apps.core.actors import Actor


def actor_now(request: HttpRequest) -> Actor:
    """Return who the session belongs to now: it may have ended, or the person may have been locked out, since."""
    request.session = type(request.session)(request.session.session_key)
    user = get_user(request)
    return Actor(user=user if user.is_authenticated else None, name=user.get_username())
