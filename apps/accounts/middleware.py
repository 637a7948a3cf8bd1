"""Puts the acting person on the request: `request.actor`, which every service that writes is given."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.functional import SimpleLazyObject

from apps.core.actors import Actor
from apps.core.context import client_address, current_request_id
from apps.core.middleware import DualMiddleware


def _actor(request: HttpRequest) -> Actor:
    user = request.user
    return Actor(
        user=user if user.is_authenticated else None,
        name=user.get_username() if user.is_authenticated else "anonymous",
        address=client_address(request),
        request_id=current_request_id(),
    )


class ActorMiddleware(DualMiddleware):
    """Lazily builds the actor of the session's user (a bearer token replaces it, see `authentication.py`)."""

    def before(self, request: HttpRequest) -> None:
        """Set `request.actor`; the language of a person is carried by the language cookie."""
        request.actor = SimpleLazyObject(lambda: _actor(request))  # type: ignore[attr-defined]
        language = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
        if language in dict(settings.LANGUAGES):
            translation.activate(language)
