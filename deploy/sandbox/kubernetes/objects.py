"""What every object has in common: metadata, generation, deletion marks and the order of its fields."""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from typing import Any

from .resources import Resource

Object = dict[str, Any]
SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_METADATA_ORDER = (
    "name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp",
    "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers",
    "managedFields",
)  # fmt: skip
_SERVER_OWNED = ("uid", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")


def now() -> str:
    """Return the time as objects hold it: UTC, whole seconds."""
    return stamp(dt.datetime.now(dt.UTC))


def micro_now() -> str:
    """Return the time as MicroTime fields hold it (Lease renewTime, Event eventTime)."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def later(seconds: float) -> str:
    """Return the time in some seconds."""
    return stamp(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds))


def stamp(moment: dt.datetime) -> str:
    """Return a moment as objects hold it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> dt.datetime:
    """Return the moment of an RFC 3339 text.

    Raises:
        ValueError: it is none.
    """
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"no time zone in {text!r}")
    return moment


def suffix(length: int = 5) -> str:
    """Return random letters as generateName appends them."""
    return "".join(secrets.choice(SUFFIX_ALPHABET) for _ in range(length))


def owner_reference(owner: Object, *, controller: bool = True) -> Object:
    """Return the ownerReference that ties a dependent to `owner`."""
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
    }
    return reference | {"controller": True, "blockOwnerDeletion": True} if controller else reference


def begin(resource: Resource, obj: Object) -> None:
    """Give a new object its kind, name, uid, time and generation, in place."""
    metadata = obj.setdefault("metadata", {})
    obj["kind"], obj["apiVersion"] = resource.kind, resource.api_version
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = metadata["generateName"][:58] + suffix()
    for field in (*_SERVER_OWNED, "resourceVersion"):
        metadata.pop(field, None)
    metadata["uid"] = str(uuid.uuid4())
    metadata["resourceVersion"] = "0"  # the store's turn; here it only takes its place in the order
    metadata["creationTimestamp"] = now()
    if resource.generation:
        metadata["generation"] = 1
    obj_in_order = ordered(resource, obj)
    obj.clear()
    obj.update(obj_in_order)


def ordered(resource: Resource, obj: Object) -> Object:
    """Return the object with kind, apiVersion and metadata first, each in the real server's order.

    Lists are served by cutting the fixed head off an object's bytes, so this order is relied on.
    """
    metadata = obj["metadata"]
    head = {field: metadata[field] for field in _METADATA_ORDER if metadata.get(field) not in (None, {}, [], "")}
    rest = {key: value for key, value in obj.items() if key not in ("kind", "apiVersion", "metadata", "status")}
    result = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": head, **rest}
    if "status" in obj:
        result["status"] = obj["status"]
    return result


def carry_over(resource: Resource, new: Object, old: Object, *, status: bool) -> Object:
    """Return the update with everything a writer cannot change taken from the old object."""
    if status:
        kept, given = old, new
        kept["status"] = given.get("status", {})
        for field in ("annotations", "managedFields"):
            if field in given["metadata"]:
                kept["metadata"][field] = given["metadata"][field]
        return kept
    for field in (*_SERVER_OWNED, "resourceVersion", "generateName"):
        if field in old["metadata"]:
            new["metadata"][field] = old["metadata"][field]
        else:
            new["metadata"].pop(field, None)
    if resource.has_status:
        new.pop("status", None)
        if "status" in old:
            new["status"] = old["status"]
    return new


def needs_new_generation(resource: Resource, new: Object, old: Object) -> bool:
    """Return whether the desired state changed. A Deployment counts its annotations as such, others do not."""
    if not resource.generation:
        return False
    skip = ("metadata", "status", "kind", "apiVersion")
    if {k: v for k, v in new.items() if k not in skip} != {k: v for k, v in old.items() if k not in skip}:
        return True
    if resource.key == "deployments.apps":
        return bool(new["metadata"].get("annotations") != old["metadata"].get("annotations"))
    return False


def same(new: Object, old: Object) -> bool:
    """Return whether nothing but bookkeeping times of managedFields differs."""
    return _comparable(new) == _comparable(old)


def _comparable(obj: Object) -> Object:
    metadata = dict(obj["metadata"])
    metadata["managedFields"] = [
        {key: value for key, value in entry.items() if key != "time"} for entry in metadata.get("managedFields") or ()
    ]
    return {**obj, "metadata": metadata}


def mark_deleted(resource: Resource, obj: Object, grace: int | None, propagation: str) -> Object:
    """Return the object with its deletion begun: time, grace period, finalizers, phase."""
    metadata = obj["metadata"]
    seconds = pod_grace(obj, grace) if resource.key == "pods" else 0
    already = "deletionTimestamp" in metadata
    if already and seconds >= metadata.get("deletionGracePeriodSeconds", 0):
        return obj
    if not already and resource.key != "pods" and propagation == "Background" and not _held(resource, obj):
        return obj  # nothing to wait for: it goes as it is
    if not already:
        if propagation == "Foreground":
            metadata["finalizers"] = [*metadata.get("finalizers", ()), "foregroundDeletion"]
        elif propagation == "Orphan":
            metadata["finalizers"] = [*metadata.get("finalizers", ()), "orphan"]
        if "generation" in metadata:
            metadata["generation"] += 1
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
    metadata["deletionTimestamp"] = stamp(moment)
    metadata["deletionGracePeriodSeconds"] = seconds
    if resource.key == "namespaces":
        del metadata["deletionGracePeriodSeconds"]
        obj["status"] = {**obj.get("status", {}), "phase": "Terminating"}
    return obj


def _held(resource: Resource, obj: Object) -> bool:
    return bool(obj["metadata"].get("finalizers")) or resource.key == "namespaces"


def pod_grace(pod: Object, grace: int | None) -> int:
    """Return how long a pod may take to end: nothing where no node runs it or it has ended."""
    if not pod["spec"].get("nodeName") or pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    if grace is None:
        return int(pod["spec"].get("terminationGracePeriodSeconds", 30))
    return grace


def may_go(resource: Resource, obj: Object) -> bool:
    """Return whether nothing holds an object that is being deleted."""
    metadata = obj["metadata"]
    if metadata.get("finalizers"):
        return False
    if resource.key == "namespaces":
        return not obj.get("spec", {}).get("finalizers")
    return not metadata.get("deletionGracePeriodSeconds")
