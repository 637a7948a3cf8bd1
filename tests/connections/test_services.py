"""Connections are tried before they are saved, against servers that speak the real protocols."""

from __future__ import annotations

from typing import Any

import pytest

from apps.connections import services
from apps.connections.models import Connection
from apps.core.actors import Actor
from apps.core.errors import Conflict, InvalidInput
from tests import factories
from tests.sandbox_process import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def actor() -> Actor:
    return factories.actor(factories.user(is_superuser=True))


def known(sandbox: Sandbox, kind: str, **changes: Any) -> dict[str, Any]:
    found = sandbox.endpoints[kind]
    values = {
        "kind": kind,
        "slug": factories.unique(kind),
        "name": kind,
        "url": found["url"],
        "username": found["username"],
        "secret": found.get("token") or found["password"],
        "ca_certificate": sandbox.ca_pem,
    }
    return values | changes


@pytest.mark.parametrize("kind", ["gitlab", "jenkins", "harbor"])
def test_what_works_is_saved_with_its_version(sandbox: Sandbox, actor: Actor, kind: str) -> None:
    saved = services.save_connection(actor=actor, **known(sandbox, kind))
    assert (saved.health, bool(saved.version), bool(saved.webhook_secret)) == ("ok", True, True)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"secret": "wrong"}, "secret"),
        ({"ca_certificate": ""}, "ca_certificate"),
        ({"url": factories.UNREACHABLE}, "url"),
        ({"url": "no address"}, "url"),
    ],
)
def test_what_does_not_work_is_refused_at_the_field_to_mend(
    sandbox: Sandbox, actor: Actor, changes: dict[str, str], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        services.save_connection(actor=actor, **known(sandbox, "gitlab", **changes))
    assert list(refused.value.fields) == [field]
    assert not Connection.objects.exists()


def test_an_empty_secret_keeps_the_stored_one(sandbox: Sandbox, actor: Actor) -> None:
    values = known(sandbox, "gitlab")
    saved = services.save_connection(actor=actor, **values)
    changed = services.save_connection(actor=actor, connection=saved, **(values | {"secret": "", "name": "Renamed"}))
    changed.refresh_from_db()
    assert (changed.name, changed.secret) == ("Renamed", values["secret"])
    with pytest.raises(Conflict):
        services.save_connection(actor=actor, **values)


def test_a_connection_that_stops_working_says_so(sandbox: Sandbox, actor: Actor) -> None:
    saved = services.save_connection(actor=actor, **known(sandbox, "gitlab"))
    Connection.objects.filter(pk=saved.pk).update(url=factories.UNREACHABLE)
    checked = services.check_connection(connection=Connection.objects.get(pk=saved.pk), actor=actor)
    assert (checked.health, checked.health_code) == ("failing", "integration.unavailable")


def test_what_is_used_stays(actor: Actor) -> None:
    application = factories.application()
    with pytest.raises(Conflict, match=r"connection\.in_use"):
        services.delete_connection(connection=application.harbor, actor=actor)
    services.delete_connection(connection=factories.connection("harbor"), actor=actor)
