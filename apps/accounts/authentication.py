"""API tokens as DRF authentication: `Authorization: Bearer slp_…`, never in a URL."""

from __future__ import annotations

from django.utils.formats import date_format
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.core import messages
from apps.core.actors import Actor
from apps.core.context import client_address, current_request_id

from . import services
from .models import ApiToken, User


class ApiTokenAuthentication(BaseAuthentication):
    """Authenticates a bearer token and puts the Actor with its scopes on the request."""

    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """Return the user and token, or None where another authentication may try.

        Raises:
            AuthenticationFailed: a token that is unknown, revoked, expired or of an inactive person.

        """
        parts = get_authorization_header(request).decode("latin-1").split()
        if len(parts) != 2 or parts[0].lower() != "bearer":
            return None
        token = ApiToken.objects.select_related("user").filter(digest=services.digest_of(parts[1])).first()
        if token is None or token.revoked_at is not None or not token.user.is_active:
            raise AuthenticationFailed(messages.word("token.unknown").message)
        if not token.is_valid:
            raise AuthenticationFailed(
                messages.word("token.expired", {"expired": date_format(token.expires_at)}).message
            )
        services.note_use(token)
        request._request.actor = Actor(  # type: ignore[attr-defined]
            user=token.user,
            name=token.user.username,
            token_name=token.name,
            scopes=frozenset(token.scopes),
            token_expires_at=token.expires_at,
            address=client_address(request._request),
            request_id=current_request_id(),
        )
        return token.user, token

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        """Return what makes DRF answer 401 rather than 403."""
        return f'{self.keyword} realm="slipway"'
