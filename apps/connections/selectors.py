"""Reads of connections. The one place where their credentials are decrypted into something a client takes."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import QuerySet

from apps.core.errors import NotFound
from apps.integrations.connection import Connection as ClientConnection
from apps.integrations.redaction import Redactor

from .models import Connection


def list_connections(kind: str | None = None) -> QuerySet[Connection]:
    """Return all connections, or those of one kind, by kind and name."""
    connections = Connection.objects.order_by("kind", "name")
    return connections.filter(kind=kind) if kind else connections


def get_connection(slug: str) -> Connection:
    """Return one connection.

    Raises:
        NotFound: there is none of that short name.
    """
    connection = Connection.objects.filter(slug=slug).first()
    if connection is None:
        raise NotFound("object.missing")
    return connection


def client_connection(connection: Connection) -> ClientConnection:
    """Return what `providers` build a client from: address, credential in the clear, CA."""
    ca_pem = connection.ca_certificate
    if not ca_pem and settings.CA_FILE:
        ca_pem = Path(settings.CA_FILE).read_text()
    return ClientConnection(
        system=connection.kind,
        name=connection.name,
        url=connection.url,
        username=connection.username,
        secret=connection.secret,
        ca_pem=ca_pem,
        options=connection.options,
    )


def redactor_for(connection: Connection) -> Redactor:
    """Return what masks the credentials of a connection, its own and what it signs its calls to us with."""
    return Redactor([connection.secret, connection.webhook_secret], connection.username)


def registry_host(harbor: Connection) -> str:
    """Return the host (and port) under which nodes and Jenkins reach the registry of a Harbor."""
    return str(harbor.options.get("registry") or urlsplit(harbor.url).netloc)
