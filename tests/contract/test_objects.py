"""The client's verbs: apply and who owns what, dry run, refusals, lists, watches, deletion."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

import pytest

from apps.integrations import providers
from apps.integrations.connection import ClusterConnection
from apps.integrations.errors import Missing, Rejected, Stale
from apps.integrations.kubernetes.answers import ApplyConflict
from apps.integrations.kubernetes.client import KubernetesClient
from apps.integrations.kubernetes.watches import Change, Snapshot, watch

from .ground import Ground

WATCH_SECONDS = 30


@pytest.fixture(scope="module")
def namespace(ground: Ground) -> str:
    return ground.namespace()


@pytest.fixture
def client(account: ClusterConnection) -> KubernetesClient:
    return providers.kubernetes(account)


def config(namespace: str, name: str, **content: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "labels": {"contract": name}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": content}


def deployment(namespace: str, name: str, **spec: Any) -> dict[str, Any]:
    labels = {"contract": name}
    container = {"name": "app", "image": "127.0.0.1:1/contract/unreachable:1"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template} | spec,
    }


def test_apply_creates_keeps_and_changes(client: KubernetesClient, namespace: str) -> None:
    made = client.apply(config(namespace, "apply", a="1"))
    same = client.apply(config(namespace, "apply", a="1"))
    other = client.apply(config(namespace, "apply", a="2"))
    assert [each.created for each in (made, same, other)] == [True, False, False]
    assert made.object["metadata"]["resourceVersion"] == same.object["metadata"]["resourceVersion"]
    assert other.object["data"] == {"a": "2"}


def test_what_left_the_manifest_leaves_the_object(client: KubernetesClient, namespace: str) -> None:
    client.apply(config(namespace, "leave", a="1", b="2"))
    assert client.apply(config(namespace, "leave", b="2")).object["data"] == {"b": "2"}


def test_field_of_another_manager_is_named_with_it_and_taken_only_by_force(
    client: KubernetesClient, namespace: str
) -> None:
    client.apply(deployment(namespace, "conflict", revisionHistoryLimit=3))
    client.apply(deployment(namespace, "conflict", revisionHistoryLimit=4), field_manager="somebody", force=True)
    with pytest.raises(ApplyConflict) as refused:
        client.apply(deployment(namespace, "conflict", revisionHistoryLimit=5))
    assert [(each.manager, each.field) for each in refused.value.conflicts] == [
        ("somebody", ".spec.revisionHistoryLimit")
    ]
    assert client.get("Deployment", "conflict", namespace)["spec"]["revisionHistoryLimit"] == 4
    taken = client.apply(deployment(namespace, "conflict", revisionHistoryLimit=5), force=True)
    assert taken.object["spec"]["revisionHistoryLimit"] == 5


def test_dry_run_tells_and_changes_nothing(client: KubernetesClient, namespace: str) -> None:
    assert client.apply(config(namespace, "dry", a="1"), dry_run=True).created
    assert client.find("ConfigMap", "dry", namespace) is None
    before = client.apply(config(namespace, "dry", a="1")).object
    told = client.apply(config(namespace, "dry", a="2"), dry_run=True)
    assert told.object["data"] == {"a": "2"}
    assert client.get("ConfigMap", "dry", namespace) == {**before, "kind": "ConfigMap", "apiVersion": "v1"}


@pytest.mark.parametrize(
    "spec",
    [{"replicas": "two"}, {"nonsense": 1}, {"replicas": -1}],
    ids=["type", "unknown field", "value"],
)
def test_wrong_manifest_is_rejected_with_its_field(
    client: KubernetesClient, namespace: str, spec: dict[str, Any]
) -> None:
    with pytest.raises(Rejected) as refused:
        client.apply(deployment(namespace, "wrong", **spec))
    assert next(iter(spec)) in f"{refused.value.message} {refused.value.details}"
    assert client.find("Deployment", "wrong", namespace) is None


def test_selector_can_never_change(client: KubernetesClient, namespace: str) -> None:
    client.apply(deployment(namespace, "fixed"))
    other = {"contract": "fixed", "more": "labels"}
    changed = deployment(namespace, "fixed", selector={"matchLabels": other})
    changed["spec"]["template"]["metadata"]["labels"] = other
    with pytest.raises(Rejected) as refused:
        client.apply(changed)
    assert "spec.selector" in dict(refused.value.details)


def test_immutable_content_is_immutable(client: KubernetesClient, namespace: str) -> None:
    client.apply(config(namespace, "immutable", a="1") | {"immutable": True})
    with pytest.raises(Rejected):
        client.apply(config(namespace, "immutable", a="2") | {"immutable": True})


def test_namespace_that_is_not_there(client: KubernetesClient, ground: Ground) -> None:
    with pytest.raises(Missing) as missing:
        client.apply(config(ground.namespace_name(), "nowhere", a="1"))
    assert missing.value.message.startswith("namespaces ")


def test_fields_that_kubectl_applied_change_hands(client: KubernetesClient, ground: Ground, namespace: str) -> None:
    """The answers to `kubectl apply`'s own way of writing: fields owned by an Update, and what was applied last."""
    item = config(namespace, "handed-over", a="1", b="2")
    item["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(item)}
    made = ground.client.apply(config(namespace, "handed-over"), field_manager="contract").object
    ground.client.patch(
        "ConfigMap", "handed-over", namespace, {"data": item["data"], "metadata": {"annotations": item["metadata"]["annotations"]}},
        field_manager="kubectl-client-side-apply",
    )  # fmt: skip
    with pytest.raises(ApplyConflict) as refused:
        client.apply(config(namespace, "handed-over", a="3", b="2"))
    assert {(each.manager, each.field) for each in refused.value.conflicts} == {
        ("kubectl-client-side-apply", ".data.a")
    }
    taken = client.apply(config(namespace, "handed-over", a="3", b="2"), force=True).object
    assert taken["metadata"]["uid"] == made["metadata"]["uid"]
    assert taken["data"] == {"a": "3", "b": "2"}


def test_lists_by_label_and_field(client: KubernetesClient, namespace: str) -> None:
    for name in ("one", "two", "three"):
        client.apply(config(namespace, f"list-{name}", a=name))
    by_label = client.list_objects("ConfigMap", namespace, labels="contract in (list-one,list-two)")
    assert sorted(item["metadata"]["name"] for item in by_label.items) == ["list-one", "list-two"]
    by_field = client.list_objects("ConfigMap", namespace, fields={"metadata.name": "list-three"})
    assert [(item["kind"], item["data"]) for item in by_field.items] == [("ConfigMap", {"a": "three"})]
    assert client.list_objects("ConfigMap", "slipway-contract-nowhere").items == []


def test_delete_is_of_the_object_that_was_meant(client: KubernetesClient, namespace: str) -> None:
    uid = client.apply(config(namespace, "delete")).object["metadata"]["uid"]
    with pytest.raises(Stale):
        client.delete("ConfigMap", "delete", namespace, uid="00000000-0000-0000-0000-000000000000")
    assert client.delete("ConfigMap", "delete", namespace, uid=uid)
    assert not client.delete("ConfigMap", "delete", namespace)


def test_what_a_finalizer_holds_is_still_there_until_it_lets_go(
    client: KubernetesClient, ground: Ground, namespace: str
) -> None:
    held = config(namespace, "held")
    held["metadata"]["finalizers"] = ["contract.slipway.io/held"]
    ground.client.apply(held, field_manager="contract")
    assert client.delete("ConfigMap", "held", namespace)
    assert client.get("ConfigMap", "held", namespace)["metadata"]["deletionTimestamp"]
    ground.client.patch("ConfigMap", "held", namespace, {"metadata": {"finalizers": None}})
    assert client.find("ConfigMap", "held", namespace) is None


async def test_watch_tells_what_is_there_and_each_change(account: ClusterConnection, namespace: str) -> None:
    client = providers.kubernetes(account)
    client.apply(config(namespace, "watched", a="0"))
    seen: list[tuple[str, str]] = []

    async def changes() -> None:
        await asyncio.to_thread(client.apply, config(namespace, "watched", a="1"))
        await asyncio.to_thread(client.delete, "ConfigMap", "watched", namespace)

    async with (
        asyncio.timeout(WATCH_SECONDS),
        aclosing(watch(account, "ConfigMap", namespace, labels="contract=watched")) as events,
    ):
        async for event in events:
            if isinstance(event, Snapshot):
                assert [item["data"] for item in event.items] == [{"a": "0"}]
                changing = asyncio.create_task(changes())
            elif isinstance(event, Change):
                seen.append((event.type, event.object["data"]["a"]))
                if event.type == "DELETED":
                    break
    await changing
    assert seen == [("MODIFIED", "1"), ("DELETED", "1")]
