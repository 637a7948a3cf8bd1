"""What Slipway's client costs beside the requests themselves, and beside kubectl. Goals: at most 1.3 times, at least 3 times faster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from apps.integrations.connection import ClusterConnection
from apps.integrations.kubernetes.client import KubernetesClient
from tests import factories
from tests.bench import five_objects
from tests.bench.measuring import Times, side_by_side, table
from tests.sandbox_process import Sandbox

CLIENT, BARE, KUBECTL = "Slipway's client", "bare requests", "kubectl apply --server-side"


@pytest.fixture
def ways(sandbox: Sandbox, tmp_path: Path) -> dict[str, Callable[[int], object]]:
    found = sandbox.endpoints["north"]
    connection = ClusterConnection(name="north", server=found["server"], ca_pem=sandbox.ca_pem, token=found["token"])
    namespace = factories.unique("bench")
    KubernetesClient(connection).ensure_namespace(namespace)
    return {
        CLIENT: five_objects.with_our_client(connection, namespace),
        BARE: five_objects.with_bare_requests(connection, namespace),
        KUBECTL: five_objects.with_kubectl(found["kubeconfig"], namespace, tmp_path),
    }


def run(ways: dict[str, Callable[[int], object]], rounds: int) -> dict[str, Times]:
    for call in ways.values():
        call(five_objects.ROUNDS - 1)  # connections, caches
    return side_by_side(rounds, ways)


def test_each_way_applies_all_five(ways: dict[str, Callable[[int], object]], sandbox: Sandbox) -> None:
    since = sandbox.journal_end()
    times = run(ways, 1)
    assert all(len(each.rounds) == 1 and each.median > 0 for each in times.values())
    applied = [entry for entry in sandbox.journal("north", since) if entry["method"] == "PATCH"]
    changed = [entry for entry in applied if entry.get("effect") in ("created", "changed")]
    assert len(changed) == 5 * len(ways) * 2


@pytest.mark.bench
def test_five_objects(ways: dict[str, Callable[[int], object]], capsys: pytest.CaptureFixture[str]) -> None:
    times = run(ways, 30)
    over_bare = times[CLIENT].median / times[BARE].median
    over_kubectl = times[KUBECTL].median / times[CLIENT].median
    notes = [f"client / bare {over_bare:.2f} (goal <= 1.3), kubectl / client {over_kubectl:.1f} (goal >= 3)"]
    with capsys.disabled():
        print(table(times, notes))  # noqa: T201 (what a bench is for)
    assert over_bare <= 1.3
    assert over_kubectl >= 3
