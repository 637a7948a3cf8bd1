"""Secrets at rest: unreadable in the database, readable with any of the keys, loud with none."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.db import connection

from apps.connections.models import Connection
from apps.core.errors import Misconfigured
from tests import factories

pytestmark = pytest.mark.django_db


def stored(pk: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM connections_connection WHERE id = %s", [pk])
        return str(cursor.fetchone()[0])


def test_the_database_holds_no_secret() -> None:
    row = factories.connection("gitlab", secret="glpat-very-secret")
    assert "very-secret" not in stored(row.pk)
    assert Connection.objects.get(pk=row.pk).secret == "glpat-very-secret"


def test_keys_rotate(settings: Any) -> None:
    row = factories.connection("gitlab", secret="kept")
    old, new = settings.FIELD_KEYS[0], Fernet.generate_key().decode()
    settings.FIELD_KEYS = [new, old]
    before = stored(row.pk)
    call_command("rotate_field_keys", verbosity=0)
    assert stored(row.pk) != before
    settings.FIELD_KEYS = [new]
    assert Connection.objects.get(pk=row.pk).secret == "kept"
    settings.FIELD_KEYS = [old]
    with pytest.raises(Misconfigured) as refused:
        Connection.objects.get(pk=row.pk)
    assert refused.value.code == "fields.undecryptable"


def test_a_secret_cannot_be_searched_for() -> None:
    with pytest.raises(FieldError):
        Connection.objects.filter(secret="kept").exists()


def test_empty_stays_empty() -> None:
    assert stored(factories.connection("gitlab", secret="").pk) == ""
