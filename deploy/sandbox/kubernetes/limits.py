"""LimitRange and ResourceQuota, as admission plugins: defaults for containers, ceilings, and what a namespace may use.

https://kubernetes.io/docs/concepts/policy/limit-range/ and https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from . import quantity
from .resources import BY_KEY, Resource
from .status import Forbidden
from .store import Store

Object = dict[str, Any]
_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_COUNTED = {
    "pods": "pods", "services": "services", "secrets": "secrets", "configmaps": "configmaps",
    "persistentvolumeclaims": "persistentvolumeclaims", "replicationcontrollers": "replicationcontrollers",
    "resourcequotas": "resourcequotas",
}  # fmt: skip


def quality(spec: Object) -> str:
    """Return the pod's class of service: Guaranteed, Burstable or BestEffort."""
    amounts = [container.get("resources") or {} for container in _containers(spec)]
    if not any(each.get("limits") or each.get("requests") for each in amounts):
        return "BestEffort"
    for each in amounts:
        limits, requests = each.get("limits") or {}, each.get("requests") or {}
        for name in ("cpu", "memory"):
            if name not in limits or quantity.parse(requests.get(name, limits[name])) != quantity.parse(limits[name]):
                return "Burstable"
    return "Guaranteed"


def _containers(spec: Object) -> Iterator[Object]:
    yield from spec.get("initContainers") or ()
    yield from spec.get("containers") or ()


def _ranges(store: Store, namespace: str) -> Iterator[Object]:
    for each in store.scan("limitranges", namespace):
        yield from (limit for limit in each["spec"].get("limits") or () if limit.get("type") == "Container")


def apply_ranges(store: Store, pod: Object) -> None:
    """Fill in the default requests and limits of the namespace's LimitRanges, and say so in an annotation."""
    told: list[str] = []
    for limit in _ranges(store, pod["metadata"]["namespace"]):
        for container in _containers(pod["spec"]):
            resources = container.setdefault("resources", {})
            for kind, source in (("requests", "defaultRequest"), ("limits", "default")):
                given = resources.get(kind) or {}
                missing = sorted(set(limit.get(source) or {}) - set(given))
                if missing:
                    resources[kind] = {**given, **{name: limit[source][name] for name in missing}}
                    told.append(f"{', '.join(missing)} {kind.removesuffix('s')} for container {container['name']}")
            if resources.get("limits") or resources.get("requests"):
                container["resources"] = {k: resources[k] for k in ("limits", "requests") if k in resources}
    if told:
        annotations = pod["metadata"].setdefault("annotations", {})
        annotations["kubernetes.io/limit-ranger"] = f"LimitRanger plugin set: {'; '.join(told)}"


def check_ranges(store: Store, pod: Object) -> None:
    """Refuse a pod with a container outside the LimitRanges.

    Raises:
        Forbidden: with every reason.
    """
    faults: list[str] = []
    for limit in _ranges(store, pod["metadata"]["namespace"]):
        for container in _containers(pod["spec"]):
            faults += _range_faults(limit, container.get("resources") or {})
    if faults:
        why = faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]"
        raise Forbidden("pods", pod["metadata"]["name"], why)


def _range_faults(limit: Object, resources: Object) -> Iterator[str]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for name, bound in sorted((limit.get("max") or {}).items(), reverse=True):
        if name not in limits:
            yield f"maximum {name} usage per Container is {bound}.  No limit is specified"
        elif quantity.parse(limits[name]) > quantity.parse(bound):
            yield f"maximum {name} usage per Container is {bound}, but limit is {limits[name]}"
    for name, bound in sorted((limit.get("min") or {}).items()):
        if name not in requests:
            yield f"minimum {name} usage per Container is {bound}.  No request is specified"
        elif quantity.parse(requests[name]) < quantity.parse(bound):
            yield f"minimum {name} usage per Container is {bound}, but request is {requests[name]}"


def pod_usage(pod: Object) -> dict[str, Decimal]:
    """Return what one pod counts for: `pods`, `requests.cpu`, `limits.memory`, …; nothing once it has ended."""
    if pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return {}
    spec = pod["spec"]
    usage: dict[str, Decimal] = {"pods": Decimal(1), "count/pods": Decimal(1)}
    for kind in ("requests", "limits"):
        for name in _COMPUTE:
            total = _sum(spec.get("containers") or (), kind, name)
            peak = max((_sum([each], kind, name) for each in spec.get("initContainers") or ()), default=Decimal(0))
            if (amount := max(total, peak)) or _stated(spec, kind, name):
                usage[f"{kind}.{name}"] = amount
    for name in _COMPUTE:
        if f"requests.{name}" in usage:
            usage[name] = usage[f"requests.{name}"]
    return usage


def _sum(containers: Any, kind: str, name: str) -> Decimal:
    amounts = ((each.get("resources") or {}).get(kind) or {} for each in containers)
    return sum((quantity.parse(amount[name]) for amount in amounts if name in amount), Decimal(0))


def _stated(spec: Object, kind: str, name: str) -> bool:
    return any(name in ((each.get("resources") or {}).get(kind) or {}) for each in _containers(spec))


def usage_of(resource: Resource, obj: Object) -> dict[str, Decimal]:
    """Return what one object counts for in its namespace's quotas."""
    if resource.key == "pods":
        return pod_usage(obj)
    usage = {f"count/{resource.key}": Decimal(1)}
    if resource.key in _COUNTED:
        usage[_COUNTED[resource.key]] = Decimal(1)
    if resource.key == "services":
        kind = obj.get("spec", {}).get("type")
        usage["services.nodeports"] = Decimal(len(obj["spec"].get("ports") or ()) if kind == "NodePort" else 0)
        usage["services.loadbalancers"] = Decimal(kind == "LoadBalancer")
    if resource.key == "persistentvolumeclaims":
        requests = obj["spec"].get("resources", {}).get("requests", {})
        usage["requests.storage"] = quantity.parse(requests.get("storage", "0"))
    return usage


def used_in(store: Store, namespace: str, hard: Object) -> Object:
    """Return `status.used` for a quota's `hard`, as texts."""
    used: dict[str, Decimal] = dict.fromkeys(hard, Decimal(0))
    for key in _keys_of(hard):
        if key not in BY_KEY:
            continue
        for obj in store.scan(key, namespace):
            for name, amount in usage_of(BY_KEY[key], obj).items():
                if name in used:
                    used[name] += amount
    return {name: quantity.text(amount, binary=quantity.is_binary(name)) for name, amount in used.items()}


def _keys_of(hard: Object) -> set[str]:
    keys = set()
    for name in hard:
        if name.startswith("count/"):
            keys.add(name.removeprefix("count/"))
        elif name.startswith("services"):
            keys.add("services")
        elif name in ("persistentvolumeclaims", "requests.storage"):
            keys.add("persistentvolumeclaims")
        else:
            keys.add(name if name in _COUNTED else "pods")
    return keys


def check_quota(store: Store, resource: Resource, obj: Object) -> None:
    """Refuse an object that a ResourceQuota of its namespace has no room for.

    Raises:
        Forbidden: naming the quota, what is asked, used and allowed.
    """
    namespace, name = obj["metadata"]["namespace"], obj["metadata"].get("name", "")
    quotas = store.scan("resourcequotas", namespace)
    if not quotas:
        return
    asked = usage_of(resource, obj)
    for quota in quotas:
        hard = quota["spec"].get("hard") or {}
        title = quota["metadata"]["name"]
        if resource.key == "pods":
            _check_stated(obj, hard, title)
        relevant = {key: amount for key, amount in asked.items() if key in hard and amount}
        if not relevant:
            continue
        used = used_in(store, namespace, hard)
        over = sorted(
            key for key, amount in relevant.items() if quantity.parse(used[key]) + amount > quantity.parse(hard[key])
        )
        if over:
            requested = ",".join(f"{k}={quantity.text(asked[k], binary=quantity.is_binary(k))}" for k in over)
            taken = ",".join(f"{k}={used[k]}" for k in over)
            limited = ",".join(f"{k}={hard[k]}" for k in over)
            why = f"exceeded quota: {title}, requested: {requested}, used: {taken}, limited: {limited}"
            raise Forbidden(resource.key, name, why)


def _check_stated(pod: Object, hard: Object, title: str) -> None:
    missing: list[str] = []
    for key in sorted(hard):
        kind, _, name = key.rpartition(".")
        kind = kind or "requests"
        if name not in ("cpu", "memory") or kind not in ("requests", "limits"):
            continue
        without = [
            each["name"] for each in pod["spec"]["containers"]
            if name not in ((each.get("resources") or {}).get(kind) or {})
        ]  # fmt: skip
        if without:
            missing.append(f"{key} for: {','.join(without)}")
    if missing:
        why = f"failed quota: {title}: must specify {'; '.join(missing)}"
        raise Forbidden("pods", pod["metadata"]["name"], why)
