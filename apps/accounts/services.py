"""Verbs on people and tokens."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import timedelta

import axes.utils
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.audit import services as audit
from apps.core.actors import Actor
from apps.core.errors import Conflict, InvalidInput, NotAllowed

from .models import ApiToken, User
from .roles import Scope

TOKEN_START = "slp_"  # noqa: S105 - the public start of every token, so that leak scanners can find one
LONGEST_LIFE = timedelta(days=366)
USED_RESOLUTION = timedelta(minutes=1)
ONE_TIME_LIFE = timedelta(days=7)
READABLE = "abcdefghjkmnpqrstuvwxyz23456789"  # told apart on paper and on the telephone


def digest_of(token: str) -> str:
    """Return the SHA-256 of a token: it is random, so a slow hash would add nothing."""
    return hashlib.sha256(token.encode()).hexdigest()


def create_token(
    *, user: User, name: str, scopes: Iterable[str], lifetime: timedelta, actor: Actor
) -> tuple[ApiToken, str]:
    """Create a token and return it with its text, which is never shown again.

    Raises:
        InvalidInput: no or unknown scopes, a lifetime out of bounds.
        NotAllowed: the actor's own token has fewer scopes, or ends before.
        Conflict: the name is taken.

    """
    wanted = sorted(set(scopes))
    if not wanted or any(scope not in set(Scope) for scope in wanted):
        raise InvalidInput("token.scopes", known=", ".join(Scope))
    if actor.scopes is not None and not set(wanted) <= actor.scopes:
        raise NotAllowed("token.wider")
    if not timedelta(minutes=1) <= lifetime <= LONGEST_LIFE:
        raise InvalidInput("token.lifetime", most=LONGEST_LIFE.days)
    expires_at = timezone.now() + lifetime
    if actor.token_expires_at is not None and expires_at > actor.token_expires_at:
        raise NotAllowed("token.longer")
    text = TOKEN_START + secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            token = ApiToken.objects.create(
                user=user,
                name=name,
                prefix=text[:10],
                digest=digest_of(text),
                scopes=wanted,
                expires_at=expires_at,
            )
            audit.record(actor=actor, action="token.create", subject=token, scopes=wanted)
    except IntegrityError as exc:
        raise Conflict("token.name_taken", name=name) from exc
    return token, text


def revoke_token(*, token: ApiToken, actor: Actor) -> None:
    """Revoke a token; doing it again changes nothing."""
    with transaction.atomic():
        if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
            audit.record(actor=actor, action="token.revoke", subject=token)


def note_use(token: ApiToken) -> None:
    """Remember when a token was last used, to the minute, so that busy tokens do not write each time."""
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > USED_RESOLUTION:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


def create_user(
    *, actor: Actor, username: str, password: str, display_name: str = "", email: str = "", administrator: bool = False
) -> User:
    """Create a person who signs in with a password.

    Raises:
        InvalidInput: a name or password that does not fit.
        Conflict: the name is taken.
    """
    user = User(username=username, display_name=display_name, email=email)
    user.is_superuser = user.is_staff = administrator
    user.set_password(password)
    try:
        user.full_clean(validate_unique=False)
    except ValidationError as exc:
        raise InvalidInput(fields=exc.message_dict) from exc
    try:
        validate_password(password, user)
    except ValidationError as exc:
        raise InvalidInput(fields={"password": exc.messages}) from exc
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            audit.record(actor=actor, action="user.create", subject=user, name=username, administrator=administrator)
    except IntegrityError as exc:
        raise Conflict("user.name_taken", username=username) from exc
    return user


def update_profile(*, user: User, actor: Actor, **changes: str) -> User:
    """Change one's own display name, e-mail address, language or theme.

    Raises:
        InvalidInput: a field that does not fit or cannot be changed.
    """
    known = {"display_name", "email", "language", "theme"}
    if unknown := set(changes) - known:
        raise InvalidInput(fields={name: ["cannot be changed"] for name in unknown})
    for name, value in changes.items():
        setattr(user, name, value)
    try:
        user.clean_fields(exclude={field.name for field in User._meta.fields} - set(changes))
    except ValidationError as exc:
        raise InvalidInput(fields=exc.message_dict) from exc
    with transaction.atomic():
        user.save(update_fields=list(changes))
        audit.record(actor=actor, action="user.update", subject=user, fields=sorted(changes))
    return user


def change_password(*, user: User, password: str, actor: Actor) -> User:
    """Set one's own password; it replaces a one-time password, too.

    Raises:
        InvalidInput: it is too easy to guess, or the one-time password itself.
    """
    if user.must_change_password and user.check_password(password):
        raise InvalidInput("user.one_time_again")
    try:
        validate_password(password, user)
    except ValidationError as exc:
        raise InvalidInput(fields={"password": exc.messages}) from exc
    user.set_password(password)
    user.one_time_password_until = None
    with transaction.atomic():
        user.save(update_fields=["password", "one_time_password_until"])
        audit.record(actor=actor, action="user.password", subject=user, name=user.username)
    return user


def reset_password(*, user: User, actor: Actor) -> str:
    """Give a person a one-time password and return it; it is shown to nobody again, and has to be changed after signing in.

    Their sessions end; a lock because of failed sign-ins does, too. Their API tokens stay.

    Raises:
        Conflict: it is one's own: that is changed, knowing the old one.
    """
    if user.pk == actor.user_id:
        raise Conflict("user.self_reset")
    groups = ("".join(secrets.choice(READABLE) for _letter in range(4)) for _group in range(5))
    password = "-".join(groups)
    user.set_password(password)
    user.one_time_password_until = timezone.now() + ONE_TIME_LIFE
    with transaction.atomic():
        user.save(update_fields=["password", "one_time_password_until"])
        audit.record(actor=actor, action="user.password_reset", subject=user, name=user.username)
        axes.utils.reset(username=user.username)
    return password


def set_active(*, user: User, active: bool, actor: Actor) -> None:
    """Let a person sign in, or end that: their sessions and tokens stop working at the next request.

    Raises:
        Conflict: one would lock oneself out.
    """
    if user.pk == actor.user_id and not active:
        raise Conflict("user.self_lock")
    with transaction.atomic():
        if User.objects.filter(pk=user.pk, is_active=not active).update(is_active=active):
            audit.record(actor=actor, action="user.activate", subject=user, name=user.username, active=active)
