"""Sends recorded requests to a sandbox, with its own names, versions and tokens in place of the recorded ones.

Flow for each exchange: watches whose time is over are closed and compared -> what stands for something recorded (a version, a pod's
generated name, a continue token, an image) is exchanged -> the request -> a read is repeated until it is as recorded, for the
sandbox has its own pace -> what the answer calls things is noted.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
import time
from functools import partial
from typing import Any

import urllib3

from tests.sandbox.conftest import wait_until
from tests.sandbox.kubernetes.client import Answer, Client

from . import digests, frames
from .recording import body_of
from .scenes import Scene
from .shapes import cut_to, differences, is_cut, shape, without_chance, without_marks, without_status

Object = dict[str, Any]
PATIENCE = 45.0  # seconds until an answer is as recorded: a grace period and more
LONGEST_PAUSE = 0.3  # between requests; the recorder took its time to let things happen
JSON = "application/json"
_LONGEST_WATCH = 4  # seconds; a watch that ends by itself is given no longer
_ON_ITS_WAY = {"NewReplicaSetCreated", "FoundNewReplicaSet", "ReplicaSetUpdated"}
_GENERATED = re.compile(r"(.+)-[a-z0-9]{8,10}(-[a-z0-9]{5})?")
_CONTINUE = re.compile(r"(?<=continue=)[\w=]+")
_DEADLINE = re.compile(r"(?<=progressDeadlineSeconds: )1\d(?!\d)|(?<=progressDeadlineSeconds\": )1\d(?!\d)")
_TIMEOUT = re.compile(r"(?<=timeoutSeconds=)\d+")
_VERSION = re.compile(r"(?<=resourceVersion=)\d{4,8}(?=&|$)")


def _expired(token: str) -> str:
    """Return a continue token of a version that no server keeps, for one that was expired; what is none stays."""
    try:
        content = json.loads(base64.b64decode(token + "=="))
    except ValueError:
        return token
    return base64.b64encode(json.dumps(content | {"rv": min(content["rv"], 1)}).encode()).decode()


class Watch:
    """A watch that runs while other requests are sent."""

    def __init__(self, client: Client, path: str, headers: dict[str, str]) -> None:
        self.events: list[Object] = []
        self.ended = threading.Event()
        self._answer = client.pool.request(
            "GET", client.server + path, preload_content=False, timeout=60.0,
            headers={**headers, "Authorization": f"Bearer {client.token}"},
        )  # fmt: skip
        self.status = self._answer.status
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError):
            while line := self._answer.readline():
                self.events.append(json.loads(line))
        self.ended.set()

    def close(self) -> None:
        """Stop listening."""
        if not self.ended.is_set():
            self._answer.shutdown()
        self._thread.join(5)
        self._answer.close()


class Replay:
    """One scenario against one cluster. `found` holds the differences by the exchange's number."""

    def __init__(self, client: Client, images: str, *, known: set[int]) -> None:
        self.client = client
        self.found: dict[int, list[str]] = {}
        self._images = images
        self._known = known
        self._names: dict[str, str] = {"node1": "north-node-1"}
        self._versions: dict[str, str] = {}
        self._continue: dict[str, str] = {}
        self._tokens: dict[str, str] = {}
        self._watches: list[tuple[Object, Watch]] = []

    def play(self, exchanges: list[Object], scenes: list[Scene], namespace: str) -> None:
        """Send all of them, with what the recorder did beside them."""
        waiting, before = list(scenes), 0
        try:
            for recorded in exchanges:
                self._close_watches(recorded["atMs"])
                while waiting and waiting[0].before <= recorded["n"] and not waiting[0].during:
                    self._set(waiting.pop(0), namespace)
                time.sleep(min(max(recorded["atMs"] - before, 0) / 1000, LONGEST_PAUSE))
                self._send(recorded)
                while waiting and waiting[0].before <= recorded["n"] and waiting[0].during:
                    time.sleep(LONGEST_PAUSE)  # a watch tells what there is first
                    self._set(waiting.pop(0), namespace)
                before = recorded["atMs"] + recorded["durationMs"]
            self._close_watches(None)
        finally:
            for _, watch in self._watches:
                watch.close()

    def _set(self, scene: Scene, namespace: str) -> None:
        for obj in scene.objects:
            answer = self.client.call(
                "POST", self._collection(obj, namespace), self._ours(json.dumps(obj)), Content_Type=JSON
            )
            assert answer.status == 201, answer.body
        for obj in scene.changes:
            answer = self.client.merge(f"{self._collection(obj, namespace)}/{obj['metadata']['name']}", obj)
            assert answer.status == 200, answer.body
        for name in scene.ready:
            wait_until(partial(self._is_ready, namespace, name), 20)
        if scene.still:
            wait_until(partial(self._is_still, namespace), PATIENCE)
            self._versions.clear()  # watches begin here, not where a list was before it was still
        for app, recorded in scene.pods.items():
            self._names |= dict(zip(recorded, self._pods(namespace, app), strict=True))

    @staticmethod
    def _collection(obj: Object, namespace: str) -> str:
        group = f"apis/{obj['apiVersion']}" if "/" in obj["apiVersion"] else f"api/{obj['apiVersion']}"
        return f"/{group}/namespaces/{obj['metadata'].get('namespace', namespace)}/{obj['kind'].lower()}s"

    def _is_ready(self, namespace: str, app: str) -> bool:
        pods = self.client.get(f"/api/v1/namespaces/{namespace}/pods?labelSelector=app%3D{app}").body["items"]
        conditions = [
            c["status"] for pod in pods for c in pod["status"].get("conditions") or () if c["type"] == "Ready"
        ]
        return bool(pods) and conditions == ["True"] * len(pods)

    def _is_still(self, namespace: str) -> bool:
        pods = self.client.get(f"/api/v1/namespaces/{namespace}/pods").body["items"]
        deployments = self.client.get(f"/apis/apps/v1/namespaces/{namespace}/deployments").body["items"]
        reasons = {c["reason"] for each in deployments for c in each["status"].get("conditions") or ()}
        return not any("deletionTimestamp" in pod["metadata"] for pod in pods) and not reasons & _ON_ITS_WAY

    def _pods(self, namespace: str, app: str) -> list[str]:
        listed = self.client.get(f"/api/v1/namespaces/{namespace}/pods?labelSelector=app%3D{app}").body["items"]
        return [pod["metadata"]["name"] for pod in listed]

    # Watches

    def _close_watches(self, now: int | None) -> None:
        for recorded, watch in list(self._watches):
            if now is not None and recorded["atMs"] + recorded["durationMs"] > now:
                continue
            self._watches.remove((recorded, watch))
            ends_alone = "server closed" in (recorded["response"].get("end") or {}).get("why", "")
            deadline = time.monotonic() + (0.5 if recorded["n"] in self._known else PATIENCE)
            while (
                (found := digests.compare(recorded, watch.events))
                and time.monotonic() < deadline
                and not watch.ended.is_set()
            ):
                time.sleep(0.05)
            if ends_alone:
                watch.ended.wait(PATIENCE)
            watch.close()
            if found := digests.compare(recorded, watch.events) if ends_alone else found:
                self.found[recorded["n"]] = found

    # Requests

    def _send(self, recorded: Object) -> None:
        request = recorded["request"]
        path = _VERSION.sub("1", request["path"]) if recorded["response"]["status"] == 410 else request["path"]
        path, body = self._ours(path), self._ours(body_of(request) or "") or None
        if "server closed" in (recorded["response"].get("end") or {}).get("why", ""):
            path = _TIMEOUT.sub(lambda match: str(min(int(match[0]), _LONGEST_WATCH)), path)
        headers = {k: self._ours(v) for k, v in request["headers"].items() if k != "Authorization" and v is not None}
        if "frames" in recorded["response"] or "Upgrade" in headers:
            self._upgrade(recorded, path, headers)
            return
        if any("line" in each for each in recorded["response"].get("stream") or ()):
            self._follow(recorded, path)
            return
        if ("watch=1" in path or "/watch/" in path) and (
            "stream" in recorded["response"] or recorded["response"].get("streamDropped")
        ):
            watch = Watch(self.client, path, headers)
            if watch.status != recorded["response"]["status"]:
                self.found[recorded["n"]] = [f"status {recorded['response']['status']}, ours {watch.status}"]
            self._watches.append((recorded, watch))
            return
        again = request["method"] == "GET" and recorded["n"] not in self._known
        deadline = time.monotonic() + (PATIENCE if again else 0)
        found: list[str] | None = None
        while True:
            answer = self._sender(request).call(request["method"], path, body, **headers)
            differs = self._compare(recorded, answer)
            found = differs if found is None or _worth(differs) < _worth(found) else found
            if not found or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        self._note(recorded, answer)
        if found:
            self.found[recorded["n"]] = found

    def _upgrade(self, recorded: Object, path: str, headers: dict[str, str]) -> None:
        """Speak the recorded frames over a WebSocket."""
        sender = self._sender(recorded["request"])
        deadline = time.monotonic() + (0 if recorded["n"] in self._known else PATIENCE)
        while (
            found := frames.compare(recorded, frames.speak(sender, path, headers, recorded))
        ) and time.monotonic() < deadline:
            time.sleep(0.2)
        if found:
            self.found[recorded["n"]] = found

    def _follow(self, recorded: Object, path: str) -> None:
        """Follow a log for as long as the recorder did, at most; compare whether there are lines, and who ended it."""
        url, headers = self.client.server + path, {"Authorization": f"Bearer {self.client.token}"}
        answer = self.client.pool.request("GET", url, headers=headers, preload_content=False, timeout=PATIENCE)
        ends_alone = "server closed" in recorded["response"]["end"]["why"]
        lines, deadline = [], time.monotonic() + (PATIENCE if ends_alone else 1.5)
        while time.monotonic() < deadline and (line := answer.readline()):
            lines.append(line)
        ended = time.monotonic() < deadline
        answer.close()
        real = (recorded["response"]["status"], bool(recorded["response"]["stream"]), ends_alone)
        ours = (answer.status, bool(lines), ended)
        if real != ours:
            self.found[recorded["n"]] = [f"status, lines, ended by the server: {real}, ours {ours}"]

    def _sender(self, request: Object) -> Client:
        kind = request["headers"].get("Authorization", "")
        if "none" in kind:
            return self.client.with_token(None)
        if "token of" in kind:
            return self.client.with_token(self._token(kind.rpartition(" ")[2].rstrip(">"), request["path"]))
        return self.client

    def _token(self, account: str, path: str) -> str:
        if account not in self._tokens:
            namespace = path.partition("/namespaces/")[2].partition("/")[0]
            answer = self.client.post(f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token", {"spec": {}})
            self._tokens[account] = answer.body["status"]["token"]
        return self._tokens[account]

    def _compare(self, recorded: Object, answer: Answer) -> list[str]:
        expected = recorded["response"]
        if answer.status != expected["status"]:
            return [f"status {expected['status']}, ours {answer.status}: {str(answer.body)[:300]}"]
        headers = expected.get("headers") or {}
        found = [
            f"header {name}: {headers[name]!r}, ours {answer.headers.get(name)!r}"
            for name in ("Warning", "Retry-After")
            if name in headers and headers[name] != answer.headers.get(name)
        ]
        kind = (headers.get("Content-Type") or "").partition(";")[0]
        if kind != (answer.headers.get("Content-Type") or "").partition(";")[0]:
            found.append(f"Content-Type {kind!r}, ours {answer.headers.get('Content-Type')!r}")
        real = expected.get("body", expected.get("bodyText", ""))
        ours = answer.body
        if recorded["request"]["method"] != "GET":  # how far the controllers were at the moment of a write is chance
            real, ours = without_status(real), without_status(ours)
        if isinstance(ours, dict) and ours.get("kind") == "EventList":
            ours = without_chance(real, ours)
        if is_cut(real, recorded["note"]):
            real = without_marks(real)
            ours = cut_to(real, ours)
        return found + differences(shape(real), shape(ours))

    # What stands for what

    def _ours(self, text: str) -> str:
        """Return a recorded text with our names in it."""
        for name, own in self._names.items():
            text = text.replace(name, own)
        text = _CONTINUE.sub(lambda match: self._continue.get(match[0]) or _expired(match[0]), text)
        text = re.sub(r"(docker\.io/)?demo/(web|crash|oom):", rf"{self._images}-\2:", text)
        text = _DEADLINE.sub("6", text)
        return _VERSION.sub(lambda match: self._version(match[0]), text)

    def _version(self, recorded: str) -> str:
        if recorded not in self._versions:  # the recorder knew it from elsewhere
            listed = self.client.get("/api/v1/namespaces?limit=1").body
            self._versions[recorded] = listed["metadata"]["resourceVersion"]
        return self._versions[recorded]

    def _note(self, recorded: Object, answer: Answer) -> None:
        tag = urllib3.HTTPHeaderDict(recorded["response"].get("headers") or {}).get("ETag")
        if tag and "ETag" in answer.headers:
            self._names[tag] = answer.headers["ETag"]
        real, ours = recorded["response"].get("body"), answer.body
        if not isinstance(real, dict) or not isinstance(ours, dict):
            return
        for one, other in [(real, ours), *zip(_items(real), _items(ours), strict=False)]:
            theirs, own = one.get("metadata") or {}, other.get("metadata") or {}
            if theirs.get("resourceVersion") and own.get("resourceVersion"):
                self._versions.setdefault(theirs["resourceVersion"], own["resourceVersion"])
            if theirs.get("continue") and own.get("continue"):
                self._continue[theirs["continue"]] = own["continue"]
            if "name" in theirs and "name" in own and _GENERATED.fullmatch(theirs["name"]):
                self._names[theirs["name"]] = own["name"]
        token = ((ours.get("status") or {}) if ours.get("kind") == "TokenRequest" else {}).get("token")
        if token:
            self._tokens[recorded["request"]["path"].split("/")[-2]] = token


def _worth(found: list[str]) -> tuple[bool, int]:
    """Return how far an answer is from the recorded one; one with another status is the farthest."""
    return bool(found) and found[0].startswith("status "), len(found)


def _items(value: Object) -> list[Object]:
    """Return a list's items, the old ones first: so they were made in both clusters."""
    items = [each for each in value.get("items") or () if isinstance(each, dict)]
    return sorted(items, key=lambda each: (each.get("metadata") or {}).get("creationTimestamp") or "")
