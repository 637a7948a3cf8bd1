"""The plan asks whether it fits, and the gates say so with numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apps.applications.models import Target
from apps.clusters import selectors as clusters
from apps.clusters.models import Cluster
from apps.core.errors import Blocked
from apps.integrations import providers
from apps.integrations.kubernetes.client import KubernetesClient
from apps.releases import services
from tests.releases.world import ReleaseWorld


def client_of(target: Target) -> KubernetesClient:
    return providers.kubernetes(clusters.client_connection(target.cluster))


def quota(target: Target, **hard: str) -> None:
    content: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "team-a", "namespace": target.namespace},
        "spec": {"hard": {name.replace("_", "."): text for name, text in hard.items()}},
    }
    client_of(target).apply(content, field_manager="administrator", force=True)


def gates(order: Any, code: str) -> list[dict[str, Any]]:
    return [gate for gate in order.gates if gate["code"] == code]


@pytest.fixture
def limited(world: ReleaseWorld) -> Iterator[ReleaseWorld]:
    """The world, whose namespaces are without quotas again afterwards."""
    yield world
    for target in world.base.targets:
        client_of(target).delete("ResourceQuota", "team-a", target.namespace)


def test_a_quota_that_is_too_small_stops_with_its_numbers(limited: ReleaseWorld) -> None:
    world = limited
    north, south = world.base.targets
    quota(north, pods="0")
    quota(south, pods="50", requests_cpu="10")
    order = services.make_plan(order=world.order(), actor=world.actor())
    [stop] = gates(order, "budget.exceeded")
    assert (stop["level"], stop["target"]) == ("stop", str(north))
    assert (stop["params"]["quota"], stop["params"]["resource"], stop["params"]["left"]) == ("team-a", "pods", "0")
    assert [gate["target"] for gate in gates(order, "budget.fits")] == [str(south)]
    with pytest.raises(Blocked) as refused:
        services.submit_order(order=order, actor=world.actor())
    assert "budget.exceeded" in [code for code, _ in refused.value.blockers]

    quota(north, pods="50")
    order = services.make_plan(order=world.again(order), actor=world.actor())
    assert not gates(order, "budget.exceeded")


def test_what_a_cluster_lacks_is_said(world: ReleaseWorld) -> None:
    Cluster.objects.update(capabilities={"metrics": False, "ingress_classes": ["other"]}, ingress_class="nginx")
    revision = world.revision(ingress={}, autoscaling={"min": 1, "max": 2, "cpu": 50})
    order = services.make_plan(order=world.order(revision=revision), actor=world.actor())
    assert {gate["params"]["name"] for gate in gates(order, "gate.no_ingress_class")} == {"nginx"}
    assert {gate["level"] for gate in gates(order, "gate.no_metrics")} == {"warn"}
