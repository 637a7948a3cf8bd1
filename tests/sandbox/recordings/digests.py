"""What is compared of a watch: what it told, without the times at which it did.

A rollout's counters move in steps that depend on the machine, so of a Deployment the order of its conditions and its last counters
are compared, of pods the states that occurred, of events what was said about which kind. Where the recording has no table of its
own, everything must be the same, event by event.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

Object = dict[str, Any]
_COUNTERS = {"generation": None, "observedGeneration": None, "spec.replicas": None, "replicas": None, "updatedReplicas": None,
             "readyReplicas": None, "availableReplicas": None, "unavailableReplicas": None}  # fmt: skip
_REVISION = "deployment.kubernetes.io/revision"


def compare(recorded: Object, events: list[Object]) -> list[str]:
    """Return how the events of a watch of ours differ from a recorded one's, one line each."""
    rows = (recorded.get("summary") or {}).get("rows")
    if rows is None:
        real = [_plain(line["event"]) for line in recorded["response"]["stream"] if _tells(line.get("event", {}))]
        ours = [_plain(event) for event in events if _tells(event)]
        if {name for _, name in real} == {"an Event"}:  # how often one is counted up depends on the time
            real, ours = sorted(set(real)), sorted(set(ours))
        return [] if real == ours else [f"the events are {real}, ours {ours}"]
    if not rows:
        return [f"there are events: {events}"] if events else []
    rows_of, digest = _form(rows)
    real, ours = (
        digest(rows),
        digest([row for event in events if event["type"] != "BOOKMARK" for row in rows_of(event)]),
    )
    return [f"{part}: {real[part]}, ours {ours[part]}" for part in real if not _met(part, real[part], ours.get(part))]


def _met(part: str, real: Any, ours: Any) -> bool:
    return bool(real <= ours) if part.startswith("at least") else bool(real == ours)


def _tells(event: Object) -> bool:
    """Return whether it is an event of a watch that comes in its own place: other bookmarks come as time goes by."""
    if "object" not in event:
        return False
    return event["type"] != "BOOKMARK" or "annotations" in event["object"]["metadata"]


def _plain(event: Object) -> tuple[str, str]:
    obj = event["object"]
    if obj.get("kind") == "Table":
        return event["type"], f"a Table of {len(obj['rows'])} with {len(obj['columnDefinitions'] or ())} columns"
    if obj.get("kind") == "Event":
        return event["type"], "an Event"
    return event["type"], str(obj.get("metadata", {}).get("name") or obj.get("reason") or "")


def _form(rows: list[Any]) -> tuple[Callable[[Object], list[Any]], Callable[[list[Any]], Object]]:
    """Return how to make such rows of an event, and what is compared of them."""
    if isinstance(rows[0], str):
        return _event_rows, _told
    for marker, rows_of, digest in (
        ("observedGeneration", _deployment_rows, _rollout), ("revision", _set_rows, _sets), ("containers", _pod_rows, _pods),
        ("phase", _namespace_rows, _namespaces), ("finalizers", _owned_rows, _owned), ("endpoints", _slice_rows, _slices),
        ("conditions", _job_rows, _jobs),
    ):  # fmt: skip
        if marker in rows[0]:
            return rows_of, digest
    raise AssertionError(f"no digest for rows like {rows[0]}")


# Deployments: the steps of each condition, and the last counters


def _deployment_rows(event: Object) -> list[Object]:
    obj = event["object"]
    status = obj.get("status") or {}
    conditions = [f"{each['type']}={each['status']}/{each['reason']}" for each in status.get("conditions") or ()]
    own = {"generation": obj["metadata"]["generation"], "spec.replicas": obj["spec"].get("replicas")}
    return [{**{name: status.get(name) for name in _COUNTERS}, **own, "conditions": conditions}]


def _rollout(rows: list[Object]) -> Object:
    last = {name: rows[-1].get(name) or 0 for name in _COUNTERS} if rows else {}
    return {
        "last counters": last,
        **{kind: _steps(rows, kind) for kind in ("Progressing", "Available", "ReplicaFailure")},
    }


def _steps(rows: list[Object], kind: str) -> list[str]:
    found = [next((text for text in row["conditions"] if text.startswith(f"{kind}=")), "") for row in rows]
    return [text for text, _ in itertools.groupby(text for text in found if text)]


# ReplicaSets: how they ended


def _set_rows(event: Object) -> list[Object]:
    obj = event["object"]
    status, spec = obj.get("status") or {}, obj["spec"]
    return [{
        "type": event["type"], "name": obj["metadata"]["name"], "revision": obj["metadata"]["annotations"][_REVISION],
        "spec.replicas": spec.get("replicas"), "replicas": status.get("replicas"),
        "ready": status.get("readyReplicas"), "available": status.get("availableReplicas"),
    }]  # fmt: skip


def _sets(rows: list[Object]) -> Object:
    last_of_each = {row["name"]: row for row in rows if row["type"] != "DELETED"}.values()
    counts = ("spec.replicas", "replicas", "ready", "available")
    return {"sets": sorted([row["revision"], *(row[name] or 0 for name in counts)] for row in last_of_each)}


# Pods: the states that occurred


def _pod_rows(event: Object) -> list[Object]:
    obj = event["object"]
    status = obj.get("status") or {}
    containers = []
    for each in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        state, detail = next(iter(each["state"].items()), ("waiting", {}))
        reason = f"/{detail['reason']}" if detail.get("reason") else ""
        containers.append(f"{each['name']}: {state}{reason} ready={each['ready']}")
    return [
        {"phase": status.get("phase"), "containers": containers, "deleting": "deletionTimestamp" in obj["metadata"]}
    ]


def _pods(rows: list[Object]) -> Object:
    return {
        "phases": {row["phase"] for row in rows},
        "states": {_state(text) for row in rows for text in row["containers"]},
        "deleting": {row["deleting"] for row in rows},
    }  # fmt: skip


def _state(text: str) -> str:
    return re.sub(r"( exit=\d+)?( restarts=\d+)?( last=.*)?$", "", text)


# Objects that are being deleted: what held them and who owned them


def _owned_rows(event: Object) -> list[Object]:
    metadata = event["object"]["metadata"]
    owners = [f"{each['kind']}/{each['name']}" for each in metadata.get("ownerReferences") or ()]
    return [{"type": event["type"], "deletionTimestamp": metadata.get("deletionTimestamp"),
             "finalizers": metadata.get("finalizers"), "owners": owners}]  # fmt: skip


def _owned(rows: list[Object]) -> Object:
    return {"seen": {
        (row["type"], bool(row["deletionTimestamp"]), *(row["finalizers"] or ()), *(each.partition("/")[0] for each in row["owners"]))
        for row in rows
    }}  # fmt: skip


# EndpointSlices: the conditions that occurred, and the last ones


def _slice_rows(event: Object) -> list[Object]:
    obj = event["object"]
    endpoints = [
        " ".join(f"{name}={each['conditions'].get(name)}" for name in ("ready", "serving", "terminating"))
        for each in obj.get("endpoints") or ()
    ]
    return [
        {"endpoints": endpoints, "ports": [f"{each.get('name')} {each['port']}" for each in obj.get("ports") or ()]}
    ]


def _slices(rows: list[Object]) -> Object:
    found = [[text[text.index("ready=") :] for text in row["endpoints"]] for row in rows]
    return {"at least these conditions": {text for each in found for text in each}, "last": sorted(found[-1]) if found else [],
            "ports": {tuple(row["ports"]) for row in rows}}  # fmt: skip


# Jobs: their conditions in the order in which they came


def _job_rows(event: Object) -> list[Object]:
    obj = event["object"]
    conditions = [
        f"{each['type']}={each['status']}/{each.get('reason')}"
        for each in (obj.get("status") or {}).get("conditions") or ()
    ]
    return [{"name": obj["metadata"]["name"], "conditions": conditions}]


def _jobs(rows: list[Object]) -> Object:
    names = {row["name"] for row in rows}
    return {
        name: [c for c, _ in itertools.groupby(str(row["conditions"]) for row in rows if row["name"] == name)]
        for name in names
    }


# The phases of namespaces


def _namespace_rows(event: Object) -> list[Object]:
    return [{"phase": (event["object"].get("status") or {}).get("phase")}]


def _namespaces(rows: list[Object]) -> Object:
    return {"phases": [phase for phase, _ in itertools.groupby(row["phase"] for row in rows)]}


# Events: what was said about which kind


def _event_rows(event: Object) -> list[str]:
    obj = event["object"]
    about = obj.get("involvedObject") or obj.get("regarding") or {}
    return [f"0 {event['type']} {obj['type']} {about['kind']}/{about['name']} {obj['reason']}"]


def _told(rows: list[str]) -> Object:
    found = set()
    for row in rows:
        _, _, kind, about, reason, *_ = row.split()
        found.add(f"{kind} {about.partition('/')[0]} {reason}")
    # the recorder's node had the images already, and its application listened before the first probe
    return {"told": found - {"Normal Pod Pulling", "Warning Pod Unhealthy"}}
