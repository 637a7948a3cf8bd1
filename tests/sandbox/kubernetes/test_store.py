from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.sandbox.kubernetes.status import AlreadyExists, Conflict, Expired
from deploy.sandbox.kubernetes.store import Event, Store

ROOT = Path(__file__).resolve().parents[3]
WRITER = """
import sys
from pathlib import Path
from deploy.sandbox.kubernetes.store import Store
store = Store(Path(sys.argv[1]))
for number in range(100000):
    store.create("configmaps", {"metadata": {"name": f"c{number}", "namespace": "n"}, "data": {"x": "y" * 500}})
    print(number, flush=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "store.sqlite")
    yield store
    store.close()


def config(name: str = "c", **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "n"}, **more}


def test_create_gives_identity(store: Store) -> None:
    created = store.create("deployments.apps", {"metadata": {"generateName": "web-", "namespace": "n"}, "spec": {}})
    metadata = created["metadata"]
    assert metadata["name"].startswith("web-")
    assert len(metadata["name"]) == 9
    assert metadata["generation"] == 1
    assert metadata["uid"]
    assert metadata["creationTimestamp"].endswith("Z")
    assert (created["kind"], created["apiVersion"]) == ("Deployment", "apps/v1")


def test_create_twice_is_refused(store: Store) -> None:
    store.create("configmaps", config())
    with pytest.raises(AlreadyExists):
        store.create("configmaps", config())


def test_copies_are_the_callers(store: Store) -> None:
    store.create("configmaps", config(data={"a": "1"}))
    for copy in (store.get("configmaps", "n", "c"), store.list("configmaps")[0]):
        copy["data"]["a"] = "changed"
    assert store.get("configmaps", "n", "c")["data"] == {"a": "1"}


def test_update_with_a_stale_version_is_a_conflict(store: Store) -> None:
    first = store.create("configmaps", config(data={"a": "1"}))
    store.update("configmaps", {**first, "data": {"a": "2"}})
    with pytest.raises(Conflict):
        store.update("configmaps", {**first, "data": {"a": "3"}})


def test_update_that_changes_nothing_keeps_the_version_and_is_no_news(store: Store) -> None:
    first = store.create("configmaps", config(data={"a": "1"}))
    heard: list[Event] = []
    store.subscribe(heard.append, "configmaps")
    assert store.update("configmaps", first)["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert heard == []


def test_status_and_spec_have_separate_doors(store: Store) -> None:
    made = store.create("deployments.apps", config("web", spec={"replicas": 1}))
    made = store.update("deployments.apps", {**made, "spec": {"replicas": 2}, "status": {"replicas": 9}})
    assert made["metadata"]["generation"] == 2
    assert "status" not in made
    made = store.update("deployments.apps", {**made, "spec": {"replicas": 7}, "status": {"replicas": 2}}, status=True)
    assert (made["spec"], made["status"]) == ({"replicas": 2}, {"replicas": 2})
    assert made["metadata"]["generation"] == 2


def test_a_finalizer_holds_a_deleted_object(store: Store) -> None:
    metadata = {"name": "c", "namespace": "n", "finalizers": ["example/hold"]}
    store.create("configmaps", {"metadata": metadata})
    held = store.delete("configmaps", "n", "c")
    assert held["metadata"]["deletionTimestamp"]
    with pytest.raises(AlreadyExists, match="being deleted"):
        store.create("configmaps", config())
    del held["metadata"]["finalizers"]
    store.update("configmaps", held)
    assert store.get("configmaps", "n", "c") is None


def test_a_pod_on_a_node_waits_for_its_kubelet(store: Store) -> None:
    store.create("pods", config("p", spec={"nodeName": "north-node-1", "terminationGracePeriodSeconds": 7}))
    ending = store.delete("pods", "n", "p")
    assert ending["metadata"]["deletionGracePeriodSeconds"] == 7
    assert store.delete("pods", "n", "p", grace=30)["metadata"]["deletionGracePeriodSeconds"] == 7
    store.delete("pods", "n", "p", grace=0)
    assert store.get("pods", "n", "p") is None


def test_a_pod_without_a_node_goes_at_once(store: Store) -> None:
    store.create("pods", config("p", spec={}))
    store.delete("pods", "n", "p")
    assert store.get("pods", "n", "p") is None


@pytest.mark.parametrize(("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")])
def test_propagation_leaves_a_finalizer(store: Store, policy: Any, finalizer: str) -> None:
    store.create("deployments.apps", config("web", spec={}))
    held = store.delete("deployments.apps", "n", "web", propagation=policy)
    assert held["metadata"]["finalizers"] == [finalizer]
    assert held["metadata"]["generation"] == 2


def test_delete_with_another_uid_is_a_conflict(store: Store) -> None:
    store.create("configmaps", config())
    with pytest.raises(Conflict):
        store.delete("configmaps", "n", "c", uid="other")
    assert store.delete("configmaps", "n", "missing") is None


def test_dependents_are_found_by_their_owner(store: Store) -> None:
    owner = store.create("replicasets.apps", config("rs", spec={}))
    uid = owner["metadata"]["uid"]
    metadata = {"name": "p", "namespace": "n", "ownerReferences": [{"uid": uid, "kind": "ReplicaSet", "name": "rs"}]}
    made = store.create("pods", {"metadata": metadata, "spec": {}})
    assert [(kind, obj["metadata"]["name"]) for kind, obj in store.owned_by(uid)] == [("pods", "p")]
    del made["metadata"]["ownerReferences"]
    store.update("pods", made)
    assert store.owned_by(uid) == []


async def test_watch_plays_the_past_and_then_follows(store: Store) -> None:
    start = store.version
    made = store.create("configmaps", config(data={"v": "1"}))
    seen: list[tuple[str, str]] = []

    async def listen() -> None:
        async for event in store.watch("configmaps", start):
            seen.append((event.type, event.object.get("data", {}).get("v", "")))
            if event.type == "DELETED":
                return

    task = asyncio.create_task(listen())
    await asyncio.sleep(0)
    store.update("configmaps", {**made, "data": {"v": "2"}})
    store.create("secrets", config("s"))
    store.delete("configmaps", "n", "c")
    await asyncio.wait_for(task, 2)
    assert seen == [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2")]


def test_forgotten_history_is_expired(store: Store) -> None:
    start = store.version
    store.create("configmaps", config())
    assert len(store.since("configmaps", start)) == 1
    store.forget_history()
    with pytest.raises(Expired):
        store.since("configmaps", start)


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    first = Store(tmp_path / "s.sqlite")
    kept = first.create("configmaps", config(data={"a": "1"}))
    first.create("configmaps", config("gone"))
    first.delete("configmaps", "n", "gone")
    version = first.version
    first.close()
    second = Store(tmp_path / "s.sqlite")
    assert second.version == version
    assert second.list("configmaps") == [kept]
    with pytest.raises(Expired):
        second.since("configmaps", version - 1)
    second.close()


def test_a_killed_process_loses_nothing_it_answered(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        answered = [int(process.stdout.readline()) for _ in range(50)]
        process.send_signal(signal.SIGKILL)
        answered += [int(line) for line in process.stdout if line.endswith("\n")]
    store = Store(path)
    names = {obj["metadata"]["name"] for obj in store.list("configmaps")}
    assert {f"c{number}" for number in answered} <= names
    assert store.version >= max(int(obj["metadata"]["resourceVersion"]) for obj in store.list("configmaps"))
    store.close()


steps = st.lists(st.tuples(st.sampled_from(["create", "update", "delete"]), st.sampled_from("abc"), st.integers(0, 3)))


@settings(max_examples=40, deadline=None)
@given(steps)
def test_the_past_can_be_rebuilt_from_history(tmp_path_factory: pytest.TempPathFactory, steps: list[Any]) -> None:
    store = Store(tmp_path_factory.mktemp("s") / "s.sqlite")
    past = [(store.version, store.list("configmaps"))]
    for verb, name, value in steps:
        existing = store.get("configmaps", "n", name)
        if verb == "create" and existing is None:
            store.create("configmaps", config(name, data={"v": str(value)}))
        elif verb == "update" and existing is not None:
            store.update("configmaps", {**existing, "data": {"v": str(value)}})
        elif verb == "delete":
            store.delete("configmaps", "n", name)
        past.append((store.version, store.list("configmaps")))
    for version, objects in past:
        assert store.snapshot("configmaps", version) == objects
    store.close()
