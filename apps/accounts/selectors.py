"""Reads of people and tokens."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from apps.core.errors import NotFound

from .models import ApiToken, User


def list_users(search: str = "") -> QuerySet[User]:
    """Return all people by name, or those whose name or address contains a text."""
    users = User.objects.order_by("username")
    if search:
        named = Q(username__icontains=search) | Q(display_name__icontains=search) | Q(email__icontains=search)
        users = users.filter(named)
    return users


def get_user(username: str) -> User:
    """Return a person.

    Raises:
        NotFound: nobody has that name.
    """
    user = User.objects.filter(username=username).first()
    if user is None:
        raise NotFound("object.missing")
    return user


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


def find_users(ids: Iterable[int | None]) -> dict[int, User]:
    """Return people by their primary keys, in one query; those whose accounts are gone are missing."""
    return User.objects.in_bulk({pk for pk in ids if pk is not None})


def display_names(usernames: Iterable[str]) -> dict[str, str]:
    """Return the names shown for sign-in names, in one query; for names kept as text, whose accounts may be gone."""
    found = User.objects.filter(username__in=set(usernames)).exclude(display_name="")
    return dict(found.values_list("username", "display_name"))
