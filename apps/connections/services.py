"""Verbs on connections. Each is tested before it is saved: a connection that does not work is refused with its cause."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from apps.audit import services as audit
from apps.core import messages
from apps.core.actors import Actor
from apps.core.errors import Conflict, InvalidInput
from apps.integrations import providers
from apps.integrations.connection import Connection as ClientConnection
from apps.integrations.errors import IntegrationError, Unauthorized, Untrusted

from . import selectors
from .models import Connection

WEBHOOK_CREDENTIAL = "slipway-webhook"


def save_connection(
    *,
    actor: Actor,
    kind: str,
    slug: str,
    name: str,
    url: str,
    username: str = "",
    secret: str = "",
    ca_certificate: str = "",
    options: Mapping[str, Any] | None = None,
    webhook_secret: str = "",
    connection: Connection | None = None,
) -> Connection:
    """Create a connection, or change one, after it was tried. An empty secret keeps the old one.

    Raises:
        InvalidInput: a field that does not fit, or what the system answered, at the field that is most likely wrong.
        Conflict: the short name is taken.
    """
    row = connection or Connection(kind=kind, slug=slug)
    created = connection is None
    row.name, row.url, row.username = name, url.rstrip("/"), username
    row.ca_certificate, row.options = ca_certificate.strip(), dict(options or {})
    row.secret = secret or row.secret
    row.webhook_secret = webhook_secret or row.webhook_secret or secrets.token_urlsafe(32)
    try:
        row.full_clean(validate_unique=False)
    except ValidationError as exc:
        raise InvalidInput(fields=exc.message_dict) from exc
    try:
        row.version = _try(row)
    except IntegrationError as exc:
        words = messages.word(exc.code, exc.params)
        raise InvalidInput(
            "connection.failed", name=name, reason=words.message, fields={_field_to_blame(exc): [words.message]}
        ) from exc
    row.health, row.health_code, row.health_params = Connection.Health.OK, "", {}
    row.checked_at = timezone.now()
    try:
        with transaction.atomic():
            row.save(force_insert=created)
            action = "connection.create" if created else "connection.update"
            audit.record(actor=actor, action=action, subject=row, kind=row.kind, url=row.url)
    except IntegrityError as exc:
        raise Conflict("connection.slug_taken", slug=slug) from exc
    return row


def check_connection(*, connection: Connection, actor: Actor) -> Connection:
    """Try a saved connection now, and keep the result with it."""
    try:
        version = _try(connection)
        result: dict[str, Any] = {"health": Connection.Health.OK, "health_code": "", "health_params": {}}
        result["version"] = version
    except IntegrationError as exc:
        result = {"health": Connection.Health.FAILING, "health_code": exc.code, "health_params": exc.params}
    with transaction.atomic():
        Connection.objects.filter(pk=connection.pk).update(checked_at=timezone.now(), **result)
        audit.record(actor=actor, action="connection.check", subject=connection, health=result["health"])
    connection.refresh_from_db()
    return connection


def delete_connection(*, connection: Connection, actor: Actor) -> None:
    """Delete a connection that nothing uses.

    Raises:
        Conflict: applications or base images use it.
    """
    try:
        with transaction.atomic():
            audit.record(actor=actor, action="connection.delete", subject=connection)
            connection.delete()
    except ProtectedError as exc:
        raise Conflict("connection.in_use", name=connection.name, count=len(exc.protected_objects)) from exc


def _try(row: Connection) -> str:
    """Ask the system who we are and what it is, and return its version."""
    client = selectors.client_connection(row)
    return _TRIALS[Connection.Kind(row.kind)](client, row)


def _try_gitlab(client: ClientConnection, _row: Connection) -> str:
    gitlab = providers.gitlab(client)
    gitlab.current_user()
    return gitlab.version()


def _try_jenkins(client: ClientConnection, row: Connection) -> str:
    """Besides asking, put our webhook secret into its credentials: the shared library signs with it."""
    jenkins = providers.jenkins(client)
    jenkins.current_user()
    jenkins.ensure_string_credential(
        WEBHOOK_CREDENTIAL, row.webhook_secret, description="Signs what builds tell Slipway; written by Slipway"
    )
    return jenkins.version()


def _try_harbor(client: ClientConnection, _row: Connection) -> str:
    harbor = providers.harbor(client)
    harbor.current_user()
    return harbor.version()


def _try_prometheus(client: ClientConnection, _row: Connection) -> str:
    providers.prometheus(client).check()
    return ""


_TRIALS: dict[Connection.Kind, Callable[[ClientConnection, Connection], str]] = {
    Connection.Kind.GITLAB: _try_gitlab,
    Connection.Kind.JENKINS: _try_jenkins,
    Connection.Kind.HARBOR: _try_harbor,
    Connection.Kind.PROMETHEUS: _try_prometheus,
}


def _field_to_blame(exc: IntegrationError) -> str:
    if isinstance(exc, Untrusted):
        return "ca_certificate"
    return "secret" if isinstance(exc, Unauthorized) else "url"
