"""A cluster is added: what it is, what it can do, and what we may do there."""

from __future__ import annotations

import pytest

from apps.clusters import services as clusters
from apps.clusters.models import Cluster
from apps.clusters.permissions import actions
from apps.core.errors import InvalidInput
from apps.integrations import providers
from apps.integrations.connection import ClusterConnection
from tests import factories

from .ground import Ground


def add(connection: ClusterConnection, **changes: str) -> Cluster:
    given = {"server": connection.server, "token": connection.token, "ca_certificate": connection.ca_pem}
    person = factories.actor(factories.user(is_superuser=True))
    return clusters.add_cluster(actor=person, slug=factories.unique("contract"), name="Contract", **(given | changes))


def test_printed_role_is_all_that_slipway_asks_for(account: ClusterConnection, db: None) -> None:
    added = add(account)
    assert (added.health, added.missing_permissions) == (Cluster.Health.OK, [])
    major, minor = added.version.split(".")
    assert (int(major), int(minor)) >= (1, 24)
    assert added.capabilities["git_version"].startswith("v")
    assert isinstance(added.capabilities["ingress_classes"], list)


def test_rights_that_lack_are_named(ground: Ground, db: None) -> None:
    added = add(ground.account(rights=False))
    wanted = {str(action) for action in actions()}
    assert added.health == Cluster.Health.OK
    # Every account may ask for what it may do itself, and some clusters let everybody read a little more.
    assert {"patch deployments.apps", "create secrets", "delete pods", "list pods"} <= set(added.missing_permissions)
    assert set(added.missing_permissions) <= wanted


def test_who_we_are(account: ClusterConnection) -> None:
    # Servers before 1.28 do not say.
    assert providers.kubernetes(account).whoami() in ("", f"system:serviceaccount:{account.namespace}:{account.name}")


@pytest.mark.parametrize(
    ("change", "field"),
    [({"token": "no-such-token"}, "token"), ({"server": "https://127.0.0.1:1"}, "server")],
    ids=["token", "address"],
)
def test_what_cannot_be_used_is_refused_at_its_field(
    account: ClusterConnection, change: dict[str, str], field: str, db: None
) -> None:
    with pytest.raises(InvalidInput) as refused:
        add(account, **change)
    assert list(refused.value.fields) == [field]
    assert not Cluster.objects.exists()
