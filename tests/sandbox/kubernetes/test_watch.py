from __future__ import annotations

import json
import threading
import time
from typing import Any

from tests.sandbox.conftest import Running, wait_until

from .client import Client, Object


class Follower:
    """Reads a watch in a thread of its own."""

    def __init__(self, client: Client, path: str) -> None:
        self.events: list[Object] = []
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(client, path), daemon=True)
        self._thread.start()

    def _run(self, client: Client, path: str) -> None:
        for event in client.watch(path):
            self.events.append(event)
        self.ended.set()

    def told(self) -> list[tuple[str, Any]]:
        return [(event["type"], event["object"].get("data", {}).get("v")) for event in self.events]


def put(client: Client, path: str, name: str, value: str, **labels: str) -> Object:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}, "data": {"v": value}}
    answer = client.apply(f"{path}/{name}", body)
    assert answer.status in (200, 201)
    return answer.body


def test_a_watch_continues_a_list_without_a_gap(client: Client, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    put(client, path, "old", "0", app="x")
    version = client.get(f"{path}?labelSelector=app").body["metadata"]["resourceVersion"]
    put(client, path, "a", "1", app="x")
    follower = Follower(client, f"{path}?watch=1&labelSelector=app&resourceVersion={version}&timeoutSeconds=2")
    wait_until(lambda: len(follower.events) == 1)
    put(client, path, "a", "2", app="x")
    put(client, path, "other", "9")
    put(client, path, "a", "3")
    client.call("DELETE", f"{path}/old")
    assert follower.ended.wait(5)
    assert follower.told() == [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2"), ("DELETED", "0")]


def test_what_leaves_the_selection_is_deleted_at_the_new_version(client: Client, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    first = put(client, path, "a", "1", app="x")
    version = first["metadata"]["resourceVersion"]
    changed = put(client, path, "a", "1")
    query = f"watch=1&labelSelector=app&resourceVersion={version}&timeoutSeconds=1"
    (event,) = client.watch(f"{path}?{query}")
    assert event["type"] == "DELETED"
    assert event["object"]["metadata"]["labels"] == {"app": "x"}
    assert event["object"]["metadata"]["resourceVersion"] == changed["metadata"]["resourceVersion"]


def test_a_streaming_list_tells_where_the_present_ends(client: Client, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    put(client, path, "a", "1", app="x")
    query = (
        "watch=1&labelSelector=app&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    )
    events = client.watch(f"{path}?{query}&timeoutSeconds=3")
    assert next(events)["type"] == "ADDED"
    mark = next(events)
    assert mark["type"] == "BOOKMARK"
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert set(mark["object"]) == {"kind", "apiVersion", "metadata"}
    events.close()


def test_a_bookmark_comes_before_the_end(client: Client, namespace: str) -> None:
    query = "watch=1&resourceVersion=0&allowWatchBookmarks=true&timeoutSeconds=1&labelSelector=none"
    events = list(client.watch(f"/api/v1/namespaces/{namespace}/configmaps?{query}"))
    assert [event["type"] for event in events] == ["BOOKMARK"]


def test_a_version_too_old_is_one_error_event(client: Client, namespace: str) -> None:
    events = list(client.watch(f"/api/v1/namespaces/{namespace}/configmaps?watch=1&resourceVersion=1&timeoutSeconds=5"))
    assert [event["type"] for event in events] == ["ERROR"]
    assert (events[0]["object"]["code"], events[0]["object"]["reason"]) == (410, "Expired")


def test_a_fault_cuts_the_stream(client: Client, namespace: str, api_host: Running) -> None:
    faults = api_host.host.context.faults
    faults.add(kind="cut_stream", server="north", path=f"namespaces/{namespace}/", seconds=0.3)
    started = time.monotonic()
    query = f"watch=1&labelSelector=app&resourceVersion={api_host.servers[0].store.version}&timeoutSeconds=30"
    assert list(client.watch(f"/api/v1/namespaces/{namespace}/configmaps?{query}")) == []
    assert time.monotonic() - started < 5


def test_pages_stay_at_the_first_ones_version(client: Client, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/secrets"
    for name in "abcde":
        client.post(path, {"metadata": {"name": name}})
    first = client.get(f"{path}?limit=2").body
    client.post(path, {"metadata": {"name": "bb"}})
    client.call("DELETE", f"{path}/d")
    seen = [each["metadata"]["name"] for each in first["items"]]
    page = first
    while token := page["metadata"].get("continue"):
        page = client.get(f"{path}?limit=2&continue={token}").body
        assert page["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        seen += [each["metadata"]["name"] for each in page["items"]]
    assert seen == list("abcde")
    assert first["metadata"]["remainingItemCount"] == 3


def test_a_forgotten_page_token_offers_to_go_on(client: Client, namespace: str, api_host: Running) -> None:
    path = f"/api/v1/namespaces/{namespace}/secrets"
    for name in "abc":
        client.post(path, {"metadata": {"name": name}})
    token = client.get(f"{path}?limit=1").body["metadata"]["continue"]
    client.call("DELETE", f"{path}/b")
    api_host.call(api_host.servers[0].store.forget_history)
    expired = client.get(f"{path}?continue={token}")
    assert (expired.status, expired.body["reason"]) == (410, "Expired")
    rest = client.get(f"{path}?continue={expired.body['metadata']['continue']}").body
    assert [each["metadata"]["name"] for each in rest["items"]] == ["c"]


def test_a_table_watch_sends_its_columns_once(client: Client, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    for name in ("a", "b"):
        put(client, path, name, "1", app="x")
    answer = client.get(
        f"{path}?watch=1&labelSelector=app&timeoutSeconds=1", Accept="application/json;as=Table;v=v1;g=meta.k8s.io"
    )
    events = [json.loads(line) for line in answer.body.splitlines()]
    assert [len(event["object"]["columnDefinitions"]) for event in events] == [3, 0]
    assert [event["object"]["rows"][0]["cells"][0] for event in events] == ["a", "b"]
