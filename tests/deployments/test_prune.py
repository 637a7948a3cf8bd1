"""What is deleted when a set gets smaller, and above all what is not."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from apps.deployments import selectors
from apps.deployments.models import Status
from apps.deployments.prune import NAMED_BY_CONTENT, PRUNED_KINDS, identity, left_the_set, to_prune
from tests.deployments.world import Place, greeting
from tests.manifests.documents import documents
from tests.manifests.test_render import rendered

BY_SLIPWAY = [{"manager": "slipway", "operation": "Apply", "fieldsV1": {"f:metadata": {}}}]
BY_HAND = [{"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:metadata": {}}}]

items = st.builds(
    lambda kind, name, managed, more: {"kind": kind, "metadata": {"name": name, "managedFields": managed, **more}},
    st.sampled_from(PRUNED_KINDS),
    st.sampled_from("abc"),
    st.sampled_from([BY_SLIPWAY, BY_HAND, [*BY_HAND, *BY_SLIPWAY], []]),
    st.sampled_from(
        [{}, {"deletionTimestamp": "2026-01-01T00:00:00Z"}, {"ownerReferences": [{"kind": "X", "controller": True}]}]
    ),
)


def mounting(kind: str, name: str) -> dict[str, Any]:
    source = {"configMap": {"name": name}} if kind == "ConfigMap" else {"secret": {"secretName": name}}
    return {"spec": {"template": {"spec": {"volumes": [source], "containers": []}}}}


@given(st.lists(items), st.lists(items), st.sets(st.tuples(st.sampled_from(NAMED_BY_CONTENT), st.sampled_from("abc"))))
def test_only_ours_goes_and_nothing_that_is_needed(
    live: list[dict[str, Any]], wanted: list[dict[str, Any]], needed: set[tuple[str, str]]
) -> None:
    left = left_the_set(live, wanted)
    replicasets = [mounting(kind, name) for kind, name in needed if name == "a"]
    kept = {(kind, name) for kind, name in needed if name != "a"}
    for item in to_prune(left, replicasets, kept):
        assert BY_SLIPWAY[0] in item["metadata"]["managedFields"]
        assert not item["metadata"].keys() & {"ownerReferences", "deletionTimestamp"}
        assert identity(item) not in {identity(each) for each in wanted} | needed
    ranks = [PRUNED_KINDS.index(item["kind"]) for item in left]
    assert ranks == sorted(ranks)


@given(documents())
def test_every_kind_that_is_rendered_is_looked_for(document: dict[str, Any]) -> None:
    assert {item["kind"] for item in rendered(document)} <= set(PRUNED_KINDS)


def test_the_configuration_of_versions_to_go_back_to_stays(place: Place) -> None:
    def version(text: str) -> dict[str, Any]:
        return greeting("hello", files=[{"path": "/etc/app/a.txt", "content": text}])

    first = place.run(version("first"))
    place.run(version("second"))
    assert first.status == Status.SUCCEEDED
    client, namespace = place.client, place.target.namespace
    names = {item["metadata"]["name"] for item in client.list_objects("ConfigMap", namespace).items}
    kept = {name for kind, name in selectors.kept_names(place.application, place.target) if kind == "ConfigMap"}
    assert len(kept) == 2
    assert kept <= names
    # Also where no ReplicaSet speaks of it any more.
    for item in client.list_objects("ReplicaSet", namespace).items:
        if not item["spec"]["replicas"]:
            client.delete("ReplicaSet", item["metadata"]["name"], namespace)
    assert place.run(version("third")).status == Status.SUCCEEDED
    after = {item["metadata"]["name"] for item in client.list_objects("ConfigMap", namespace).items}
    assert kept < after
    place.run(version("fourth") | {"files": []})
    assert kept < {item["metadata"]["name"] for item in client.list_objects("ConfigMap", namespace).items}


def test_a_set_of_another_application_is_left_alone(place: Place) -> None:
    place.run(greeting("one"))
    labels = dict(place.get("Service")["metadata"]["labels"]) | {"slipway.io/application": "another"}
    metadata = {"name": "another", "namespace": place.target.namespace, "labels": labels}
    place.client.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 80}]}})
    assert place.run(greeting("two", service={"enabled": False})).status == Status.SUCCEEDED
    assert place.client.find("Service", "another", place.target.namespace) is not None
    assert place.client.find("Service", place.application.slug, place.target.namespace) is None
