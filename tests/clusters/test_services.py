"""Clusters are asked before they are saved; the printed access is exactly what is needed."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from apps.applications import preparation
from apps.applications import services as applications
from apps.applications.models import PullRobot
from apps.clusters import access_yaml, selectors, services
from apps.clusters.models import Cluster
from apps.connections import selectors as connections
from apps.connections.models import Connection
from apps.core.actors import Actor
from apps.core.errors import Conflict, InvalidInput
from apps.integrations import providers
from apps.integrations.connection import ClusterConnection
from tests import factories
from tests.sandbox_process import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def actor() -> Actor:
    return factories.actor(factories.user(is_superuser=True))


def add(sandbox: Sandbox, actor: Actor, **changes: Any) -> Cluster:
    kubeconfig = Path(sandbox.endpoints["north"]["kubeconfig"]).read_text()
    values = {"slug": factories.unique("north"), "name": "North", "kubeconfig": kubeconfig}
    return services.add_cluster(actor=actor, **(values | changes))


def least_privileged(sandbox: Sandbox) -> dict[str, str]:
    """Apply the printed YAML as an administrator of the cluster would, and return address, CA and token."""
    found = sandbox.endpoints["north"]
    root = providers.kubernetes(
        ClusterConnection(name="root", server=found["server"], ca_pem=sandbox.ca_pem, token=found["token"])
    )
    for each in access_yaml.access_objects():
        root.apply(each, force=True)
    secret = root.get("Secret", f"{access_yaml.NAME}-token", access_yaml.NAMESPACE)
    token = base64.b64decode(secret["data"]["token"]).decode()
    return {"kubeconfig": "", "server": found["server"], "ca_certificate": sandbox.ca_pem, "token": token}


def harbor(sandbox: Sandbox) -> Connection:
    found = sandbox.endpoints["harbor"]
    return factories.connection(
        "harbor",
        url=found["url"],
        username=found["username"],
        secret=found["password"],
        ca_certificate=sandbox.ca_pem,
        options={"registry": found["registry"]},
    )


def test_a_cluster_is_saved_with_version_and_abilities(sandbox: Sandbox, actor: Actor) -> None:
    cluster = add(sandbox, actor)
    assert (cluster.version, cluster.health, cluster.missing_permissions) == ("1.36", "ok", [])
    assert cluster.capabilities["ingress_classes"]
    with pytest.raises(Conflict):
        add(sandbox, actor, slug=cluster.slug)


def test_the_printed_access_is_enough(sandbox: Sandbox, actor: Actor) -> None:
    cluster = add(sandbox, actor, **least_privileged(sandbox))
    assert cluster.missing_permissions == []
    target = factories.target(factories.environment(factories.project()), cluster)
    preparation.prepare_target(target=target, harbor=harbor(sandbox), actor=actor)
    assert target.prepared_at is not None


def test_what_is_missing_is_named(sandbox: Sandbox, actor: Actor) -> None:
    found = sandbox.endpoints["north"]
    root = providers.kubernetes(
        ClusterConnection(name="root", server=found["server"], ca_pem=sandbox.ca_pem, token=found["token"])
    )
    access = least_privileged(sandbox)
    role = next(each for each in access_yaml.access_objects() if each["kind"] == "ClusterRole")
    without = {**role, "rules": [rule for rule in role["rules"] if "pods/log" not in rule["resources"]]}
    root.apply(without, force=True)
    try:
        cluster = add(sandbox, actor, **access)
    finally:
        root.apply(role, force=True)
    assert cluster.missing_permissions == ["get pods/log"]
    lacking = [right for right in selectors.rights_of(cluster) if right.missing]
    assert [right.need.resources for right in lacking] == [("pods/log",)]
    assert selectors.rights_of(cluster)[0] == lacking[0]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kubeconfig": "", "token": "wrong"}, "token"),
        ({"kubeconfig": "", "token": "two words"}, "token"),
        ({"kubeconfig": "", "ca_certificate": "nonsense"}, "ca_certificate"),
        ({"kubeconfig": "", "server": "http://plain:80"}, "server"),
        ({"kubeconfig": "", "server": "https://127.0.0.1:1"}, "server"),
        ({"kubeconfig": "kind: Config\n"}, "contexts"),
        ({"kubeconfig": "a: [1"}, ""),
    ],
)
def test_bad_ways_in_are_refused_at_their_field(
    sandbox: Sandbox, actor: Actor, changes: dict[str, str], field: str
) -> None:
    found = sandbox.endpoints["north"]
    way_in = {"server": found["server"], "token": found["token"], "ca_certificate": sandbox.ca_pem}
    with pytest.raises(InvalidInput) as refused:
        add(sandbox, actor, **(way_in | changes))
    assert list(refused.value.fields) == [field]
    assert not Cluster.objects.exists()


def test_the_name_on_the_certificate_may_be_another_than_the_host(sandbox: Sandbox, actor: Actor) -> None:
    text = Path(sandbox.endpoints["north"]["kubeconfig"]).read_text()

    def named(name: str) -> str:
        return text.replace("server:", f"tls-server-name: {name}\n    server:")

    cluster = add(sandbox, actor, kubeconfig=named("localhost"))
    assert Cluster.objects.get(pk=cluster.pk).tls_server_name == "localhost"
    assert services.check_cluster(cluster=Cluster.objects.get(pk=cluster.pk), actor=actor).health == "ok"
    with pytest.raises(InvalidInput) as refused:
        add(sandbox, actor, kubeconfig=named("other.example"))
    assert refused.value.code == "cluster.refused"


def test_a_host_may_be_one_word(db: None) -> None:
    Cluster(slug="one", name="One", server="https://master:6443").full_clean(exclude=["capabilities"])


def test_a_kubeconfig_that_runs_a_program_is_refused(sandbox: Sandbox, actor: Actor) -> None:
    text = Path(sandbox.endpoints["north"]["kubeconfig"]).read_text()
    evil = text.replace("token:", "exec: {command: /bin/true}\n    was:")
    with pytest.raises(InvalidInput) as refused:
        add(sandbox, actor, kubeconfig=evil)
    assert any(path.endswith(".exec") for path in refused.value.fields)


def test_a_cluster_that_went_away_says_so_and_keeps_its_abilities(sandbox: Sandbox, actor: Actor) -> None:
    cluster = add(sandbox, actor)
    Cluster.objects.filter(pk=cluster.pk).update(server=factories.UNREACHABLE)
    checked = services.check_cluster(cluster=Cluster.objects.get(pk=cluster.pk), actor=actor)
    assert (checked.health, checked.health_code) == ("failing", "integration.unavailable")
    assert checked.capabilities == cluster.capabilities


def test_maintenance_keeps_changes_away(sandbox: Sandbox, actor: Actor) -> None:
    cluster = services.begin_maintenance(cluster=add(sandbox, actor), reason="upgrade", actor=actor)
    target = factories.target(factories.environment(factories.project()), cluster)
    with pytest.raises(Conflict, match=r"cluster\.maintenance"):
        preparation.prepare_target(target=target, harbor=harbor(sandbox), actor=actor)
    with pytest.raises(Conflict, match=r"cluster\.in_use"):
        services.remove_cluster(cluster=cluster, actor=actor)


def test_targets_pull_with_a_robot_of_the_project(sandbox: Sandbox, actor: Actor) -> None:
    cluster, where = add(sandbox, actor), factories.environment(factories.project())
    first, second = (factories.target(where, cluster) for _ in range(2))
    registry = harbor(sandbox)
    for target in (first, second, first):
        preparation.prepare_target(target=target, harbor=registry, actor=actor)
    robot = PullRobot.objects.get()
    client = providers.kubernetes(selectors.client_connection(cluster))
    secret = client.get("Secret", preparation.PULL_SECRET, second.namespace)
    content = base64.b64decode(secret["data"][".dockerconfigjson"]).decode()
    assert robot.name in content
    assert robot.secret in content
    assert registry.secret not in content
    assert client.get("LimitRange", preparation.LIMIT_RANGE, second.namespace)
    assert client.get("Namespace", second.namespace)["metadata"]["labels"]["slipway.io/project"] == where.project.slug


def test_a_robot_that_is_gone_is_made_again(sandbox: Sandbox, actor: Actor) -> None:
    target = factories.target(factories.environment(factories.project()), add(sandbox, actor))
    registry = harbor(sandbox)
    preparation.prepare_target(target=target, harbor=registry, actor=actor)
    before = PullRobot.objects.get()
    providers.harbor(connections.client_connection(registry)).delete_robot(before.robot_id)
    preparation.prepare_target(target=target, harbor=registry, actor=actor)
    after = PullRobot.objects.get()
    assert after.pk == before.pk
    assert after.robot_id != before.robot_id


def test_an_owner_takes_no_namespace_that_was_there_before(sandbox: Sandbox, actor: Actor) -> None:
    cluster, registry = add(sandbox, actor), harbor(sandbox)
    person = factories.user()
    where = factories.environment(factories.project(person))
    owner = factories.actor(person)
    for reserved in ("default", "kube-system"):
        with pytest.raises(InvalidInput):
            applications.add_target(environment=where, slug="one", cluster=cluster, namespace=reserved, actor=owner)
    target = factories.target(where, cluster)
    client = providers.kubernetes(selectors.client_connection(cluster))
    client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": target.namespace}})
    with pytest.raises(Conflict, match=r"target\.namespace_foreign"):
        preparation.prepare_target(target=target, harbor=registry, actor=owner)
    assert client.find("LimitRange", preparation.LIMIT_RANGE, target.namespace) is None
    preparation.prepare_target(target=target, harbor=registry, actor=actor)
    preparation.prepare_target(target=target, harbor=registry, actor=owner)
    own = factories.target(where, cluster)
    preparation.prepare_target(target=own, harbor=registry, actor=owner)
    assert own.prepared_at is not None
