"""Who owns what, on a real server's managedFields."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from apps.integrations.kubernetes import ownership
from apps.integrations.kubernetes.field_paths import ABSENT, field_step, row_step, value_at

from .recordings import body, exchanges

APPLY = "03-server-side-apply"


def test_handing_over_is_what_csaupgrade_does() -> None:
    live = body(APPLY, 85)
    upgraded = exchanges(APPLY)[86]["request"]["body"][0]["value"]
    handed = ownership.handed_over(live, to="slipway")
    assert handed is not None
    assert sorted(handed, key=str) == sorted(upgraded, key=str)


def test_handing_over_joins_what_slipway_applied_already() -> None:
    live = body(APPLY, 79)
    handed = ownership.handed_over(live, to="slipway")
    assert handed is not None
    assert [(entry["manager"], entry.get("subresource")) for entry in handed] == [
        ("slipway", None),
        ("kube-controller-manager", "status"),
    ]
    fields = handed[0]["fieldsV1"]
    assert ownership.owns(fields, "metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration")
    assert ownership.owns(fields, "spec", "replicas")


def test_nothing_to_hand_over() -> None:
    assert ownership.handed_over(body(APPLY, 81), to="slipway") is None
    assert ownership.handed_over({"metadata": {}}, to="slipway") is None


def test_a_restart_and_a_scale_of_kubectl_stay_theirs() -> None:
    entries = [
        {"manager": "kubectl-rollout", "operation": "Update", "apiVersion": "apps/v1", "fieldsV1": {"f:spec": {}}},
        {"manager": "kubectl", "operation": "Update", "apiVersion": "apps/v1", "subresource": "scale", "fieldsV1": {}},
    ]
    assert ownership.handed_over({"metadata": {"managedFields": entries}}, to="slipway") is None


def test_what_was_applied_is_found_by_its_manager() -> None:
    live = body(APPLY, 15)
    assert not ownership.owns(ownership.applied_by(live, "slipway"), "spec", "paused")
    assert ownership.owns(ownership.applied_by(live, "slipway"), "spec", "selector")
    assert ownership.applied_by(live, "nobody") == {}
    scaled = [owner for owner in ownership.owners(live) if owner.subresource == "scale"]
    assert [(owner.manager, owner.operation) for owner in scaled] == [("autoscaler", "Update")]


def test_rows_are_told_apart_by_the_keys_that_the_server_uses() -> None:
    containers = ownership.applied_by(body(APPLY, 87), "slipway")["f:spec"]["f:template"]["f:spec"]["f:containers"]
    assert ownership.row_keys(containers) == ("name",)
    assert ownership.row_mark(containers, {"name": "web", "image": "x"}) == 'k:{"name":"web"}'
    assert ownership.row_mark(containers, {"name": "other"}) is None
    ports = containers['k:{"name":"web"}']["f:ports"]
    assert ownership.row_keys(ports) == ("containerPort", "protocol")


def test_a_conflict_s_path_leads_to_the_live_value() -> None:
    live = body(APPLY, 13)
    assert value_at(live, '.spec.template.spec.containers[name="web"].image') == "demo/web:v1"
    assert value_at(live, ".spec.replicas") == 3
    assert value_at(live, ".metadata.annotations.slipway.example/release") == "r3"
    port = '.spec.template.spec.containers[name="web"].ports[containerPort=8080,protocol="TCP"].name'
    assert value_at(live, port) == "http"
    assert value_at(live, '.spec.template.spec.containers[name="none"].image') is ABSENT
    assert value_at({"finalizers": ["a", "b"]}, '.finalizers[="b"]') == "b"
    assert value_at({"rows": [1, 2]}, ".rows[1]") == 2
    assert value_at({"rows": [1, 2]}, ".rows[9]") is ABSENT
    assert value_at({"a": {"b": 1}, "a.b": 2}, ".a.b") == 2


documents = st.recursive(
    st.integers(0, 3) | st.text('xy"],[=', max_size=3),
    lambda inner: (
        st.dictionaries(st.sampled_from(["spec", "image", "env", "port"]), inner, max_size=3)
        | st.lists(st.dictionaries(st.just("value"), inner, min_size=1), max_size=3)
    ),
    max_leaves=8,
)


def paths(state: Any, path: str = "") -> list[tuple[str, Any]]:
    found = [(path, state)]
    if isinstance(state, dict):
        for name, inner in state.items():
            found += paths(inner, path + field_step(name))
    elif isinstance(state, list):
        for number, row in enumerate(state):
            found += paths(row, f"{path}[{number}]")
            if isinstance(row, dict) and isinstance(row["value"], str):
                first = next(each for each in state if each.get("value") == row["value"])
                found.append((path + row_step({"value": row["value"]}), first))
    return found


@given(documents)
def test_every_path_of_an_object_leads_to_its_value(state: Any) -> None:
    for path, value in paths(state):
        assert value_at(state, path) == value


steps = st.recursive(
    st.just({}), lambda inner: st.dictionaries(st.sampled_from([".", "f:a", "f:b"]), inner, max_size=3)
)


@given(steps, steps)
def test_a_union_holds_both_and_no_more(one: dict[str, Any], other: dict[str, Any]) -> None:
    def leaves(fields: dict[str, Any], path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
        return {path}.union(*(leaves(inner, (*path, step)) for step, inner in fields.items()))

    joined = ownership.union(one, other)
    assert leaves(joined) == leaves(one) | leaves(other)
    assert ownership.union(joined, one) == joined
