"""The unmodified kubectl: exact argument lists, exit codes and answers. One table, one namespace; one sandbox for all."""

from __future__ import annotations

import pytest

from . import cluster, objects, workloads
from .case import Case
from .runner import Kubectl

TABLES = {
    "create": objects.CREATE,
    "read": objects.READ,
    "describe": objects.DESCRIBE,
    "apply": objects.APPLY,
    "change": objects.CHANGE,
    "delete": objects.DELETE,
    "rollout": workloads.ROLLOUT,
    "scale and wait": workloads.SCALE_AND_WAIT,
    "logs and exec": workloads.LOGS_AND_EXEC,
    "debug": workloads.DEBUG,
    "access": cluster.ACCESS,
    "discovery": cluster.DISCOVERY,
}


@pytest.mark.parametrize("cases", TABLES.values(), ids=TABLES)
def test_kubectl(kubectl: Kubectl, cases: list[Case]) -> None:
    kubectl.play(cases)


def test_kubectl_empties_a_node(kubectl: Kubectl) -> None:
    try:
        kubectl.play(cluster.NODES)
    finally:  # other tests share the node
        kubectl.run("uncordon $node")
