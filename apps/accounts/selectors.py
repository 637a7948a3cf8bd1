"""Reads of people and tokens."""

from __future__ import annotations

from django.db.models import QuerySet

from apps.core.errors import NotFound

from .models import ApiToken, User


def list_users() -> QuerySet[User]:
    """Return all people by name."""
    return User.objects.order_by("username")


def list_tokens(user: User) -> QuerySet[ApiToken]:
    """Return a person's tokens that were not revoked, newest first."""
    return ApiToken.objects.filter(user=user, revoked_at=None).order_by("-created_at")


def get_token(user: User, pk: int) -> ApiToken:
    """Return one of a person's tokens.

    Raises:
        NotFound: it is somebody else's, or there is none.
    """
    token = ApiToken.objects.filter(user=user, pk=pk).first()
    if token is None:
        raise NotFound("object.missing")
    return token
