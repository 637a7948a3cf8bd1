"""Puts the acting person on the request: `request.actor`, which every service that writes is given."""

from __future__ import annotations

from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils import translation
from django.utils.functional import SimpleLazyObject

from apps.core.actors import Actor
from apps.core.answers import error_body
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


# What somebody with a one-time password may open: choosing their own, leaving, and the language to do it in.
OPEN_BEFORE_CHANGE = frozenset({"account-own-password", "logout", "set_language"})


class OwnPasswordMiddleware(DualMiddleware):
    """Lets who signed in with a one-time password do nothing before they have chosen their own."""

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        """Send pages to the form, and refuse programs; requests with a token have no session and pass."""
        match = request.resolver_match
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or (match and match.url_name in OPEN_BEFORE_CHANGE):
            return None
        if not request.user.is_authenticated or not request.user.must_change_password:
            return None
        if request.path.startswith(("/api/", "/stream/")):
            return JsonResponse(error_body("auth.password_change"), status=HTTPStatus.FORBIDDEN)
        return redirect("account-own-password")


class ActorMiddleware(DualMiddleware):
    """Lazily builds the actor of the session's user (a bearer token replaces it, see `authentication.py`)."""

    def before(self, request: HttpRequest) -> None:
        """Set `request.actor`; the language of a person is carried by the language cookie, which signing in sets."""
        request.actor = SimpleLazyObject(lambda: _actor(request))  # type: ignore[attr-defined]
        language = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
        if language in dict(settings.LANGUAGES):
            translation.activate(language)
