from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.manifests import fields
from apps.manifests.overrides import Layer, Source, explain, merge, resolve
from tests.manifests.documents import documents, json_values

objects = st.dictionaries(st.sampled_from(["a", "b", "env", "probes", "ports", "files"]), json_values, max_size=4)


@given(objects, objects)
def test_merge_changes_neither_side(lower: dict[str, Any], upper: dict[str, Any]) -> None:
    before = copy.deepcopy((lower, upper))
    merge(lower, upper)
    assert (lower, upper) == before


@given(documents())
def test_merging_nothing_changes_nothing(document: dict[str, Any]) -> None:
    assert merge(document, {}) == document
    assert merge({}, document) == document


@given(documents(), documents())
def test_merging_twice_is_merging_once(lower: dict[str, Any], upper: dict[str, Any]) -> None:
    once = merge(lower, upper)
    assert merge(once, upper) == once


@given(documents(), documents())
def test_the_last_layer_wins(lower: dict[str, Any], upper: dict[str, Any]) -> None:
    merged = merge(lower, upper)
    assert merged["replicas"] == upper["replicas"]
    assert {row["name"]: row for row in merged["env"]}.items() >= {row["name"]: row for row in upper["env"]}.items()


@given(objects, objects)
def test_no_null_survives_in_objects(lower: dict[str, Any], upper: dict[str, Any]) -> None:
    def nulls(value: Any) -> bool:
        return isinstance(value, dict) and any(child is None or nulls(child) for child in value.values())

    assert not nulls(merge({}, merge(merge({}, lower), upper)))


def test_keyed_rows_replace_append_and_leave() -> None:
    base = {"env": [{"name": "A", "value": "1"}, {"name": "B", "secret": "b"}, {"name": "C", "value": "3"}]}
    change = {"env": [{"name": "B", "value": "2"}, {"name": "A", "remove": True}, {"name": "D", "value": "4"}]}
    assert merge(base, change) == {
        "env": [{"name": "B", "value": "2"}, {"name": "C", "value": "3"}, {"name": "D", "value": "4"}]
    }


def test_null_removes_and_a_probe_is_replaced_as_a_whole() -> None:
    base = {"ingress": {"host": "a.example"}, "probes": {"readiness": {"type": "http", "path": "/x", "period": 3}}}
    change = {"ingress": None, "probes": {"readiness": {"type": "tcp"}}}
    assert merge(base, change) == {"probes": {"readiness": {"type": "tcp"}}}


LAYERS = (
    Layer("platform", {"replicas": 2, "probes": {"readiness": {"type": "tcp", "period": 5}}}),
    Layer("base", {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "labels": {"x": "1"}}),
    Layer("environment:production", {"replicas": 4, "env": [{"name": "C", "value": "3"}]}),
    Layer("target:production/north", {"env": [{"name": "B", "value": "5"}], "probes": {"readiness": {"type": "http"}}}),
)


@pytest.mark.parametrize(
    ("path", "layer", "inside"),
    [
        ("replicas", "environment:production", "replicas"),
        ("env[0].value", "base", "env[0].value"),
        ("env[1].value", "target:production/north", "env[0].value"),
        ("env[2].value", "environment:production", "env[0].value"),
        ("probes.readiness.type", "target:production/north", "probes.readiness.type"),
        # Missing: the layer that replaced the probe is where a port would have to be written.
        ("probes.readiness.period", "target:production/north", "probes.readiness.period"),
        ("labels.y", "base", "labels.y"),
        ("nothing.at.all", "base", "nothing.at.all"),
    ],
)
def test_explain_names_the_layer_and_the_place(path: str, layer: str, inside: str) -> None:
    assert explain(LAYERS, path) == Source(layer, inside)


@given(st.lists(st.builds(Layer, st.just("base"), objects), min_size=1, max_size=3))
def test_explain_finds_a_place_for_every_value(layers: list[Layer]) -> None:
    def paths(value: Any, here: fields.Path) -> list[fields.Path]:
        if isinstance(value, dict):
            return [here, *(path for key, child in value.items() for path in paths(child, (*here, key)))]
        if isinstance(value, list):
            return [here, *(path for index, child in enumerate(value) for path in paths(child, (*here, index)))]
        return [here]

    for path in paths(resolve(layers), ()):
        explain(layers, fields.format_path(path))


@given(st.lists(st.text(max_size=6) | st.integers(0, 99), max_size=5))
def test_paths_survive_their_text_form(steps: list[str | int]) -> None:
    assert fields.parse_path(fields.format_path(tuple(steps))) == tuple(steps)


@pytest.mark.parametrize("text", ["a..b", "a[", "a[x]", '["open', "1a", "a b"])
def test_texts_that_are_no_path_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a field path"):
        fields.parse_path(text)
