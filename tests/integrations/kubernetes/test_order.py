"""Order of kinds, and where they live: the table is held to the official client's own paths."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes.client
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.integrations.kubernetes.kinds import KINDS, Kind, kind_of
from apps.integrations.kubernetes.order import APPLY_ORDER, apply_order, prune_order


def manifest(kind: str, name: str = "x", namespace: str = "n") -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace}}


manifests = st.lists(
    st.builds(manifest, st.sampled_from([*APPLY_ORDER, "Gadget", ""]), st.text(max_size=3), st.text(max_size=3)),
    max_size=12,
)


@given(manifests, st.randoms())
def test_the_order_is_total_and_pruning_is_its_reverse(objects: list[dict[str, Any]], random: Any) -> None:
    ordered = apply_order(objects)
    shuffled = list(objects)
    random.shuffle(shuffled)
    assert apply_order(shuffled) == ordered
    assert prune_order(shuffled) == ordered[::-1]
    assert apply_order(ordered) == ordered


def test_what_others_need_comes_first() -> None:
    kinds = [
        "Ingress",
        "Deployment",
        "Gadget",
        "ConfigMap",
        "HorizontalPodAutoscaler",
        "Service",
        "Secret",
        "Namespace",
    ]
    ordered = [each["kind"] for each in apply_order(map(manifest, kinds))]
    assert ordered == [
        "Namespace", "Secret", "ConfigMap", "Service", "Deployment", "HorizontalPodAutoscaler", "Ingress", "Gadget",
    ]  # fmt: skip
    assert set(APPLY_ORDER) <= set(KINDS)


@cache
def official_paths() -> set[str]:
    """Return the collection paths that the official client, generated from the server's description, knows."""
    folder = Path(kubernetes.client.__file__).parent / "api"
    texts = (file.read_text() for file in folder.glob("*_api.py"))
    return {path for text in texts for path in re.findall(r"resource_path='(/apis?/[^']+)'", text)}


@pytest.mark.parametrize(
    "kind",
    [kind for kind in KINDS.values() if not re.search("gateway|istio|metrics", kind.group)],
    ids=lambda kind: kind.name,
)
def test_every_kind_lives_where_the_official_client_has_it(kind: Kind) -> None:
    paths = official_paths()
    assert kind.path("{namespace}" if kind.namespaced else None).replace("%7B", "{").replace("%7D", "}") in paths


def test_paths_are_quoted_and_complete() -> None:
    assert kind_of("Pod").path("a/b", "../x", "log") == "/api/v1/namespaces/a%2Fb/pods/..%2Fx/log"
    assert kind_of("Deployment").path() == "/apis/apps/v1/deployments"
    assert kind_of("Node").path("ignored", "n1") == "/api/v1/nodes/n1"
    with pytest.raises(ValueError, match="needs a namespace"):
        kind_of("Pod").path(None, "x")


def test_kinds_of_other_versions_and_makes() -> None:
    assert kind_of("HorizontalPodAutoscaler", "autoscaling/v1").path("n").startswith("/apis/autoscaling/v1/")
    gadget = Kind("example.org/v1", "Gadget", "gadgets")
    assert kind_of(gadget) is gadget
    assert gadget.path("n", "g") == "/apis/example.org/v1/namespaces/n/gadgets/g"
    with pytest.raises(LookupError):
        kind_of("Gadget")
