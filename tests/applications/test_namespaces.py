"""Budgets and limits of a namespace on a real cluster: shown with their use, changed, taken over, never by accident."""

from __future__ import annotations

from typing import Any

import pytest

from apps.applications import preparation
from apps.audit.models import AuditEntry
from apps.clusters import namespaces
from apps.clusters import selectors as clusters
from apps.core.errors import Conflict, InvalidInput, NotFound
from apps.integrations import providers
from apps.integrations.kubernetes.client import KubernetesClient
from tests import factories
from tests import world as worlds
from tests.deployments.rows import browser
from tests.sandbox_process import Sandbox


@pytest.fixture
def world(sandbox: Sandbox, db: None) -> worlds.World:
    return worlds.make(sandbox)


def client_of(world: worlds.World) -> KubernetesClient:
    return providers.kubernetes(clusters.client_connection(world.targets[0].cluster))


def about(world: worlds.World) -> dict[str, Any]:
    target = world.targets[0]
    return {"cluster": target.cluster, "namespace": target.namespace, "actor": world.actor, "project": world.project}


def read(world: worlds.World) -> namespaces.Namespace:
    return namespaces.read(world.targets[0].cluster, world.targets[0].namespace)


def foreign(world: worlds.World, **spec: Any) -> None:
    manifest = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "team", "namespace": world.targets[0].namespace},
        "spec": {"hard": {"pods": "10"}, **spec},
    }
    client_of(world).apply(manifest, field_manager="administrator")


def test_a_quota_is_set_changed_and_removed(world: worlds.World) -> None:
    hard = {"requests.cpu": "2000m", "pods": "20"}
    would = namespaces.save_quota(hard=hard, dry_run=True, **about(world))
    assert {(change.field, change.before, change.after) for change in would} == {
        ("requests.cpu", "", "2"), ("pods", "", "20"),
    }  # fmt: skip
    assert read(world).quotas == ()

    assert namespaces.save_quota(hard=hard, **about(world)) == would
    [quota] = read(world).quotas
    assert (quota.name, quota.ours, quota.spec["hard"]) == ("slipway-quota", True, {"pods": "20", "requests.cpu": "2"})
    assert namespaces.save_quota(hard=hard, **about(world)) == []
    [change] = namespaces.save_quota(hard={"pods": "20"}, **about(world))
    assert (change.field, change.before, change.after) == ("requests.cpu", "2", "")
    said = AuditEntry.objects.filter(action="namespace.limit")
    assert said.count() == 3
    assert said.order_by("-id")[0].details["changes"] == {"requests.cpu": ["2", ""]}

    namespaces.remove_policy(kind="ResourceQuota", name="slipway-quota", **about(world))
    assert read(world).quotas == ()
    with pytest.raises(NotFound):
        namespaces.remove_policy(kind="ResourceQuota", name="slipway-quota", **about(world))


def test_what_others_made_is_left_alone_until_it_is_taken_over(world: worlds.World) -> None:
    foreign(world)
    [quota] = read(world).quotas
    assert (quota.ours, quota.managers) == (False, ("administrator",))
    for refused in (
        lambda: namespaces.save_quota(hard={"pods": "5"}, name="team", **about(world)),
        lambda: namespaces.remove_policy(kind="ResourceQuota", name="team", **about(world)),
    ):
        with pytest.raises(Conflict, match=r"namespace\.of_others"):
            refused()
    namespaces.save_quota(hard={"pods": "5"}, name="team", take_over=True, **about(world))
    [quota] = read(world).quotas
    assert (quota.ours, quota.spec["hard"]) == (True, {"pods": "5"})


def test_only_quotas_and_limits_can_be_removed(world: worlds.World) -> None:
    with pytest.raises(NotFound):
        namespaces.remove_policy(kind="Secret", name=preparation.PULL_SECRET, **about(world))
    assert client_of(world).get("Secret", preparation.PULL_SECRET, world.targets[0].namespace)


def test_limits_are_changed_and_stay_when_the_target_is_put_in_place_again(world: worlds.World) -> None:
    said = {"default": {"cpu": "1", "memory": "256Mi"}, "max": {"cpu": "2"}}
    namespaces.save_limits(container=said, **about(world))
    preparation.prepare_target(target=world.targets[0], harbor=world.harbor, actor=world.actor)
    [limits] = read(world).limits
    assert limits.container["max"] == {"cpu": "2"}
    assert limits.container["default"] == {"cpu": "1", "memory": "256Mi"}


@pytest.mark.parametrize(
    ("container", "field"),
    [
        ({"default": {"cpu": "many"}}, "default.cpu"),
        ({"default": {"memory": "512m"}}, "default.memory"),
        ({"max": {"cpu": "-1"}}, "max.cpu"),
        ({"min": {"cpu": "2"}, "max": {"cpu": "1"}}, "max.cpu"),
        ({"defaultRequest": {"cpu": "2"}, "default": {"cpu": "1"}}, "default.cpu"),
        ({}, "container"),
    ],
)
def test_amounts_that_make_no_sense_are_refused_at_their_field(
    db: None, container: dict[str, dict[str, str]], field: str
) -> None:
    target = factories.target(factories.environment(factories.project()))
    with pytest.raises(InvalidInput) as refused:
        namespaces.save_limits(
            cluster=target.cluster,
            namespace=target.namespace,
            container=container,
            actor=factories.actor(factories.user()),
        )
    assert set(refused.value.fields) == {field}


def test_the_page_shows_previews_and_saves(world: worlds.World) -> None:
    foreign(world, scopes=["NotTerminating"])
    target = world.targets[0]
    client = browser(world.actor.user)
    page = f"/projects/{world.project.slug}/environments/production/targets/{target.slug}/namespace/"
    shown = client.get(page).content.decode()
    assert "team" in shown
    assert "administrator" in shown
    form = {"slipway-quota-pods": "7", "slipway-quota-requests.cpu": "x"}
    save = f"{page}ResourceQuota/slipway-quota/save/"
    refused = client.post(save, form | {"do": "save"})
    assert (refused.status_code, "is no amount" in refused.content.decode()) == (422, True)
    preview = client.post(save, form | {"slipway-quota-requests.cpu": "1500m"})
    assert preview.status_code == 200
    assert "1500m" in preview.content.decode()
    assert [quota.name for quota in read(world).quotas] == ["team"]
    done = client.post(save, form | {"slipway-quota-requests.cpu": "1500m", "do": "save"})
    assert done.status_code == 302
    assert {quota.name for quota in read(world).quotas} == {"slipway-quota", "team"}
    client.post(f"{page}ResourceQuota/team/take-over/")
    assert not next(quota for quota in read(world).quotas if quota.name == "team").ours, "it has a scope"

    api = f"/api/v1{page}"
    assert {quota["name"] for quota in client.get(api).json()["quotas"]} == {"slipway-quota", "team"}
    changed = client.put(f"{api}quotas/slipway-quota/", {"hard": {"pods": "9"}}, content_type="application/json")
    assert {"field": "pods", "before": "7", "after": "9"} in changed.json()["changes"]
    assert client.delete(f"{api}quotas/slipway-quota/").status_code == 204


def test_administrators_create_namespaces(world: worlds.World) -> None:
    client, cluster = browser(world.actor.user), world.clusters[0]
    name = factories.unique("fresh")
    assert client.post(f"/clusters/{cluster.slug}/namespaces/", {"name": "No!"}).status_code == 422
    assert client.post(f"/clusters/{cluster.slug}/namespaces/", {"name": name}).status_code == 302
    found = client_of(world).get("Namespace", name)
    assert found["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "slipway"
    again = client.post(f"/api/v1/clusters/{cluster.slug}/namespaces/", {"name": name}, content_type="application/json")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "namespace.exists")
    owner = browser(factories.user())
    assert owner.post(f"/clusters/{cluster.slug}/namespaces/", {"name": "x"}).status_code == 403
