from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.sandbox.kubernetes import patches
from deploy.sandbox.kubernetes.apply import node_of
from deploy.sandbox.kubernetes.resources import BY_KEY
from deploy.sandbox.kubernetes.status import ApiError

POD = node_of(BY_KEY["pods"])

scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b"])
keys = st.sampled_from(["a", "b", "c", "x/y", "t~z"])
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)
objects = st.dictionaries(keys, documents, max_size=3)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value


@given(objects, objects)
def test_a_merge_patch_applied_twice_is_applied_once(target: dict[str, Any], patch: dict[str, Any]) -> None:
    once = patches.merge(target, patch)
    assert patches.merge(once, patch) == once


@given(objects)
def test_a_merge_patch_onto_nothing_is_the_patch_without_nulls(patch: dict[str, Any]) -> None:
    assert patches.merge({}, patch) == without_nulls(patch)


def replacing(before: Any, after: Any) -> list[dict[str, Any]]:
    operations: list[dict[str, Any]] = []
    for key in {*before, *after}:
        path = "/" + key.replace("~", "~0").replace("/", "~1")
        if key not in after:
            operations.append({"op": "remove", "path": path})
        elif key not in before:
            operations.append({"op": "add", "path": path, "value": after[key]})
        elif before[key] != after[key]:
            operations.append({"op": "test", "path": path, "value": before[key]})
            operations.append({"op": "replace", "path": path, "value": after[key]})
    return operations


@given(objects, objects)
def test_a_json_patch_makes_one_document_of_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert patches.json_patch(before, replacing(before, after)) == after


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a", "value": 2},
        {"op": "remove", "path": "/missing"},
        {"op": "replace", "path": "/missing", "value": 1},
        {"op": "add", "path": "/list/9", "value": 1},
        {"op": "remove", "path": "/list/-1"},
        {"op": "add", "path": "no/slash", "value": 1},
        {"op": "add", "path": "/a"},
        {"op": "polish", "path": "/a"},
        "not even an object",
    ],
)
def test_a_json_patch_that_cannot_be_done_is_refused_whole(operation: Any) -> None:
    target = {"a": 1, "list": [0]}
    with pytest.raises(ApiError) as refusal:
        patches.json_patch(target, [{"op": "add", "path": "/b", "value": 2}, operation])
    assert refusal.value.code == 422
    assert target == {"a": 1, "list": [0]}


def test_a_json_patch_moves_copies_and_appends() -> None:
    operations = [
        {"op": "move", "from": "/a", "path": "/b"},
        {"op": "copy", "from": "/b", "path": "/list/0"},
        {"op": "add", "path": "/list/-", "value": 9},
    ]
    assert patches.json_patch({"a": 1, "list": [5]}, operations) == {"b": 1, "list": [1, 5, 9]}


def pod(*names: str) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": name, "image": "i"} for name in names]}}


def patched(target: dict[str, Any], *containers: dict[str, Any], **more: Any) -> list[str]:
    result = patches.strategic(POD, target, {"spec": {"containers": list(containers), **more}})
    return [f"{each['name']}={each.get('image')}" for each in result["spec"]["containers"]]


def test_strategic_merge_matches_containers_by_name() -> None:
    assert patched(pod("a", "b"), {"name": "b", "image": "new"}) == ["a=i", "b=new"]


def test_strategic_merge_puts_a_new_entry_first_as_the_real_server_does() -> None:
    assert patched(pod("a", "b"), {"name": "c", "image": "j"}) == ["c=j", "a=i", "b=i"]


def test_strategic_merge_obeys_kubectls_order() -> None:
    order = {"$setElementOrder/containers": [{"name": "a"}, {"name": "c"}, {"name": "b"}]}
    assert patched(pod("a", "b"), {"name": "c", "image": "j"}, **order) == ["a=i", "c=j", "b=i"]


def test_strategic_merge_deletes_and_replaces() -> None:
    assert patched(pod("a", "b"), {"name": "a", "$patch": "delete"}) == ["b=i"]
    assert patched(pod("a", "b"), {"$patch": "replace"}, {"name": "z", "image": "k"}) == ["z=k"]


def test_strategic_merge_wants_the_merge_key() -> None:
    with pytest.raises(ApiError, match="does not contain declared merge key: name"):
        patched(pod("a"), {"image": "new"})
