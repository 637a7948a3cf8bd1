"""The first administrator and their API token, for `manage.py bootstrap`: made once, given back as long as it is valid."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.accounts import services as accounts
from apps.accounts.models import ApiToken, User
from apps.accounts.roles import Scope
from apps.audit import services as audit
from apps.core.actors import system_actor

USERNAME = "admin"
TOKEN_NAME = "bootstrap"  # noqa: S105 - a name
TOKEN_FILE = "bootstrap-token"  # noqa: S105 - a file's name
TOKEN_LIFE = timedelta(days=365)
ENOUGH_LIFE = timedelta(days=1)


@dataclass(frozen=True, repr=False)
class FirstLogin:
    """What somebody needs to begin. `password` is None where it is known already: only its hash is stored."""

    url: str
    username: str
    password: str | None
    token: str


def bootstrap(*, state: Path, reset: bool = False) -> FirstLogin:
    """Make sure that there is an administrator with an API token, and return how to sign in.

    The token's text is kept in a file of `state` that only its owner may read. `reset` gives a new password and token.
    """
    with transaction.atomic():
        user, password = _ensure_administrator(reset=reset)
        token = None if reset else _known_token(state, user)
    return FirstLogin(settings.BASE_URL, user.get_username(), password, token or _new_token(state, user))


def _ensure_administrator(*, reset: bool) -> tuple[User, str | None]:
    user = User.objects.select_for_update().filter(username=USERNAME).first()
    if user is not None and not reset:
        return user, None
    password = secrets.token_urlsafe(15)
    if user is None:
        user = User.objects.create_superuser(USERNAME, password=password, display_name="Administrator")
        audit.record(actor=system_actor("bootstrap"), action="user.create", subject=user)
    else:
        user.set_password(password)
        user.is_active = user.is_superuser = user.is_staff = True
        user.one_time_password_until = None
        user.save(update_fields=["password", "one_time_password_until", "is_active", "is_superuser", "is_staff"])
        audit.record(actor=system_actor("bootstrap"), action="user.reset", subject=user)
    return user, password


def _known_token(state: Path, user: User) -> str | None:
    """Return the token in the file, as long as it is this person's and valid for a while."""
    try:
        text = (state / TOKEN_FILE).read_text().strip()
    except OSError:
        return None
    token = ApiToken.objects.filter(digest=accounts.digest_of(text), user=user).first()
    fresh = token is not None and token.is_valid and token.expires_at > timezone.now() + ENOUGH_LIFE
    return text if fresh else None


def _new_token(state: Path, user: User) -> str:
    actor = system_actor("bootstrap")
    with transaction.atomic():
        for old in ApiToken.objects.filter(user=user, name=TOKEN_NAME, revoked_at=None):
            accounts.revoke_token(token=old, actor=actor)
        _, text = accounts.create_token(user=user, name=TOKEN_NAME, scopes=Scope, lifetime=TOKEN_LIFE, actor=actor)
        # Inside the transaction: a token that could not be kept is not made.
        _write_private(state / TOKEN_FILE, text)
    return text


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
    partial.replace(path)
