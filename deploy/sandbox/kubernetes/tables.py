"""Answers as tables, as `kubectl get` asks for them: the server works out READY, STATUS and ages.

https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import objects
from .media import partial
from .pod_columns import pod_cells
from .resources import Resource

Object = dict[str, Any]
NONE = "<none>"


@dataclass(frozen=True)
class Column:
    """One column; wide ones are shown by `-o wide` only."""

    name: str
    type: str = "string"
    wide: bool = False

    def definition(self) -> Object:
        """Return the column as it stands in `columnDefinitions`."""
        form = "name" if self.name == "Name" else ""
        return {
            "name": self.name, "type": self.type, "format": form, "description": "", "priority": int(self.wide),
        }  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """The columns of a kind and how a row is made."""

    columns: tuple[Column, ...]
    cells: Callable[[Object], list[Any]]


def render(resource: Resource, items: list[Object], metadata: Object, include: str, *, columns: bool = True) -> Object:
    """Return a Table of the objects; `include` is Metadata, Object or None."""
    layout = _LAYOUTS.get(resource.storage, _PLAIN)
    table = empty(resource, metadata, columns=columns)
    for obj in items:
        row: Object = {"cells": layout.cells(obj)}
        if resource.key == "pods" and (done := _completed(obj)):
            row["conditions"] = [done]
        row["object"] = None
        if include == "Object":
            row["object"] = {"kind": resource.kind, "apiVersion": resource.api_version, **obj}
        elif include != "None":
            row["object"] = partial(obj)
        table["rows"].append(row)
    return table


def _completed(pod: Object) -> Object | None:
    """Return the mark by which clients may hide a pod that has ended."""
    phase = (pod.get("status") or {}).get("phase")
    messages = {"Succeeded": "The pod has completed successfully.", "Failed": "The pod failed."}
    if phase not in messages:
        return None
    return {"type": "Completed", "status": "True", "reason": phase, "message": messages[phase]}


def empty(resource: Resource, metadata: Object, *, columns: bool) -> Object:
    """Return a Table without rows."""
    layout = _LAYOUTS.get(resource.storage, _PLAIN)
    definitions = [column.definition() for column in layout.columns] if columns else []
    return {
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": definitions,
        "rows": [],
    }  # fmt: skip


def since(moment: str | None) -> str:
    """Return how long ago a time was, as kubectl writes it: 19s, 77m, 5h2m, 3d."""
    if not moment:
        return "<unknown>"
    seconds = int((dt.datetime.now(dt.UTC) - objects.parse_time(moment)).total_seconds())
    return duration(max(seconds, 0))


def duration(seconds: int) -> str:
    """Return a span of time in two units at most."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    return f"{days}d" if days < 730 else f"{days // 365}y"


def _columns(*names: str, wide: tuple[str, ...] = (), integers: tuple[str, ...] = ()) -> tuple[Column, ...]:
    shown = [Column(name, "integer" if name in integers else "string") for name in names]
    return (*shown, *(Column(name, wide=True) for name in wide))


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _age(obj: Object) -> str:
    return since(obj["metadata"].get("creationTimestamp"))


def _selector(selector: Object | None) -> str:
    labels = (selector or {}).get("matchLabels") or {}
    terms = [f"{key}={value}" for key, value in sorted(labels.items())]
    for each in (selector or {}).get("matchExpressions") or ():
        operator = {"In": "in", "NotIn": "notin"}.get(each["operator"], "")
        terms.append(f"{each['key']} {operator} ({','.join(each.get('values') or ())})" if operator else each["key"])
    return ",".join(terms) or NONE


def _template(obj: Object) -> tuple[str, str]:
    containers = obj["spec"]["template"]["spec"].get("containers") or ()
    return ",".join(each["name"] for each in containers), ",".join(each.get("image", "") for each in containers)


def _deployment(obj: Object) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    return [_name(obj), ready, updated, available, _age(obj), *_template(obj), _selector(spec.get("selector"))]


def _replica_set(obj: Object) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    counts = [spec.get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [_name(obj), *counts, _age(obj), *_template(obj), _selector(spec.get("selector"))]


def _stateful_set(obj: Object) -> list[Any]:
    ready = f"{(obj.get('status') or {}).get('readyReplicas', 0)}/{obj['spec'].get('replicas', 0)}"
    return [_name(obj), ready, _age(obj), *_template(obj)]


def _daemon_set(obj: Object) -> list[Any]:
    status = obj.get("status") or {}
    fields = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled",
              "numberAvailable")  # fmt: skip
    nodes = (obj["spec"]["template"]["spec"].get("nodeSelector") or {}).items()
    selector = ",".join(f"{key}={value}" for key, value in sorted(nodes)) or NONE
    counts = [status.get(field, 0) for field in fields]
    return [_name(obj), *counts, selector, _age(obj), *_template(obj), _selector(obj["spec"].get("selector"))]


def _service(obj: Object) -> list[Any]:
    spec = obj["spec"]
    ports = []
    for port in spec.get("ports") or ():
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        ports.append(f"{port['port']}{node}/{port.get('protocol', 'TCP')}")
    external = spec.get("externalName") or ",".join(spec.get("externalIPs") or ()) or NONE
    if spec.get("type") == "LoadBalancer" and external == NONE:
        given = (obj.get("status", {}).get("loadBalancer") or {}).get("ingress") or ()
        external = ",".join(each.get("ip") or each.get("hostname", "") for each in given) or "<pending>"
    address = spec.get("clusterIP") or NONE
    selector = ",".join(f"{k}={v}" for k, v in sorted((spec.get("selector") or {}).items())) or NONE
    return [_name(obj), spec.get("type"), address, external, ",".join(ports) or NONE, _age(obj), selector]


def _event(obj: Object) -> list[Any]:
    obj = {"involvedObject": obj.get("regarding"), "message": obj.get("note"), **obj}
    about = obj.get("involvedObject") or {}
    series = obj.get("series") or {}
    last = series.get("lastObservedTime") or obj.get("lastTimestamp") or obj.get("eventTime")
    first = obj.get("firstTimestamp") or obj.get("eventTime")
    source = obj.get("source") or {}
    component = source.get("component") or obj.get("reportingComponent") or obj.get("reportingController") or ""
    host = source.get("host") or obj.get("reportingInstance") or ""
    return [
        since(last), obj.get("type", ""), obj.get("reason", ""), f"{about.get('kind', '').lower()}/{about.get('name')}",
        about.get("fieldPath", ""), ", ".join(part for part in (component, host) if part),
        (obj.get("message") or "").strip(), since(first), series.get("count") or obj.get("count") or 1, _name(obj),
    ]  # fmt: skip


def _node(obj: Object) -> list[Any]:
    status = obj.get("status") or {}
    ready = next((each for each in status.get("conditions") or () if each["type"] == "Ready"), None)
    state = "Unknown" if ready is None else "Ready" if ready["status"] == "True" else "NotReady"
    if obj["spec"].get("unschedulable"):
        state += ",SchedulingDisabled"
    prefix = "node-role.kubernetes.io/"
    roles = [key[len(prefix) :] for key in obj["metadata"].get("labels") or () if key.startswith(prefix)]
    info = status.get("nodeInfo") or {}
    addresses = {each["type"]: each["address"] for each in status.get("addresses") or ()}
    return [
        _name(obj), state, ",".join(sorted(roles)) or NONE, _age(obj), info.get("kubeletVersion", ""),
        addresses.get("InternalIP", NONE), addresses.get("ExternalIP", NONE), info.get("osImage", "<unknown>"),
        info.get("kernelVersion", "<unknown>"), info.get("containerRuntimeVersion", "<unknown>"),
    ]  # fmt: skip


def _namespace(obj: Object) -> list[Any]:
    return [_name(obj), (obj.get("status") or {}).get("phase", ""), _age(obj)]


def _config_map(obj: Object) -> list[Any]:
    return [_name(obj), len(obj.get("data") or ()) + len(obj.get("binaryData") or ()), _age(obj)]


def _secret(obj: Object) -> list[Any]:
    return [_name(obj), obj.get("type", ""), len(obj.get("data") or ()), _age(obj)]


def _ingress(obj: Object) -> list[Any]:
    spec = obj.get("spec") or {}
    hosts = ",".join(rule.get("host") or "*" for rule in spec.get("rules") or ()) or "*"
    given = (obj.get("status", {}).get("loadBalancer") or {}).get("ingress") or ()
    address = ",".join(each.get("ip") or each.get("hostname", "") for each in given)
    ports = "80, 443" if spec.get("tls") else "80"
    return [_name(obj), spec.get("ingressClassName") or NONE, hosts, address, ports, _age(obj)]


def _job(obj: Object) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    done = f"{status.get('succeeded', 0)}/{spec.get('completions', 1)}"
    states = {each["type"] for each in status.get("conditions") or () if each["status"] == "True"}
    state = next((s for s in ("Complete", "Failed", "Suspended") if s in states), "Running")
    took = ""
    if status.get("startTime"):
        end = status.get("completionTime")
        finished = objects.parse_time(end) if end else dt.datetime.now(dt.UTC)
        took = duration(int((finished - objects.parse_time(status["startTime"])).total_seconds()))
    return [_name(obj), state, done, took, _age(obj), *_template(obj), _selector(spec.get("selector"))]


def _cron_job(obj: Object) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    last = since(status["lastScheduleTime"]) if status.get("lastScheduleTime") else NONE
    zone, suspended = spec.get("timeZone") or NONE, str(spec.get("suspend", False))
    return [_name(obj), spec.get("schedule"), zone, suspended, len(status.get("active") or ()), last, _age(obj)]


def _autoscaler(obj: Object) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    target = spec.get("scaleTargetRef") or {}
    metrics = []
    for metric in spec.get("metrics") or ():
        resource = metric.get("resource") or {}
        wanted = (resource.get("target") or {}).get("averageUtilization", "?")
        metrics.append(f"{resource.get('name', metric.get('type'))}: <unknown>/{wanted}%")
    reference = f"{target.get('kind')}/{target.get('name')}"
    bounds = [str(spec.get("minReplicas", "<unset>")), spec.get("maxReplicas"), status.get("currentReplicas", 0)]
    return [_name(obj), reference, ", ".join(metrics) or NONE, *bounds, _age(obj)]


def _budget(obj: Object) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    bounds = [str(spec[field]) if field in spec else "N/A" for field in ("minAvailable", "maxUnavailable")]
    return [_name(obj), *bounds, status.get("disruptionsAllowed", 0), _age(obj)]


def _slice(obj: Object) -> list[Any]:
    ports = ",".join(str(port.get("port", "*")) for port in obj.get("ports") or ()) or "<unset>"
    addresses = [address for each in obj.get("endpoints") or () for address in each.get("addresses") or ()]
    return [_name(obj), obj.get("addressType"), ports, ",".join(addresses) or "<unset>", _age(obj)]


def _endpoints(obj: Object) -> list[Any]:
    listed = [
        f"{address['ip']}:{port['port']}" for subset in obj.get("subsets") or ()
        for port in subset.get("ports") or () for address in subset.get("addresses") or ()
    ]  # fmt: skip
    return [_name(obj), ",".join(listed) or NONE, _age(obj)]


def _account(obj: Object) -> list[Any]:
    return [_name(obj), len(obj.get("secrets") or ()), _age(obj)]


def _quota(obj: Object) -> list[Any]:
    status = obj.get("status") or {}
    used = status.get("used") or {}
    pairs = [(name, f"{name}: {used.get(name, '0')}/{bound}") for name, bound in (status.get("hard") or {}).items()]
    limits = ", ".join(text for name, text in pairs if name.startswith("limits."))
    return [_name(obj), ", ".join(text for name, text in pairs if not name.startswith("limits.")), limits, _age(obj)]


def _binding(obj: Object) -> list[Any]:
    reference = obj["roleRef"]
    return [_name(obj), f"{reference['kind']}/{reference['name']}", _age(obj)]


def _scale(obj: Object) -> list[Any]:
    return [_name(obj), obj["spec"].get("replicas", 0), obj["status"].get("replicas", 0), _age(obj)]


def _role(obj: Object) -> list[Any]:
    return [_name(obj), obj["metadata"].get("creationTimestamp")]


def _plain(obj: Object) -> list[Any]:
    return [_name(obj), _age(obj)]


_PLAIN = Layout(_columns("Name", "Age"), _plain)
_TEMPLATE = ("Containers", "Images", "Selector")
_RBAC = "rbac.authorization.k8s.io"
_LAYOUTS: dict[str, Layout] = {
    "pods": Layout(
        _columns("Name", "Ready", "Status", "Restarts", "Age",
                 wide=("IP", "Node", "Nominated Node", "Readiness Gates")),
        lambda pod: pod_cells(pod, _age(pod), since),
    ),
    "deployments.apps": Layout(_columns("Name", "Ready", "Up-to-date", "Available", "Age", wide=_TEMPLATE), _deployment),
    "replicasets.apps": Layout(
        _columns("Name", "Desired", "Current", "Ready", "Age", wide=_TEMPLATE,
                 integers=("Desired", "Current", "Ready")),
        _replica_set,
    ),
    "statefulsets.apps": Layout(_columns("Name", "Ready", "Age", wide=_TEMPLATE[:2]), _stateful_set),
    "daemonsets.apps": Layout(
        _columns("Name", "Desired", "Current", "Ready", "Up-to-date", "Available", "Node Selector", "Age",
                 wide=_TEMPLATE, integers=("Desired", "Current", "Ready", "Up-to-date", "Available")),
        _daemon_set,
    ),
    "services": Layout(
        _columns("Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", wide=("Selector",)), _service
    ),
    "events": Layout(
        (Column("Last Seen"), Column("Type"), Column("Reason"), Column("Object"), Column("Subobject", wide=True),
         Column("Source", wide=True), Column("Message"), Column("First Seen", wide=True), Column("Count", wide=True),
         Column("Name", wide=True)),
        _event,
    ),
    "nodes": Layout(
        _columns("Name", "Status", "Roles", "Age", "Version",
                 wide=("Internal-IP", "External-IP", "OS-Image", "Kernel-Version", "Container-Runtime")),
        _node,
    ),
    "namespaces": Layout(_columns("Name", "Status", "Age"), _namespace),
    "configmaps": Layout(_columns("Name", "Data", "Age"), _config_map),
    "secrets": Layout(_columns("Name", "Type", "Data", "Age"), _secret),
    "scales.autoscaling": Layout(
        _columns("Name", "Desired", "Available", "Age", integers=("Desired", "Available")), _scale
    ),
    "serviceaccounts": Layout(_columns("Name", "Secrets", "Age"), _account),
    "endpoints": Layout(_columns("Name", "Endpoints", "Age"), _endpoints),
    "resourcequotas": Layout(_columns("Name", "Request", "Limit", "Age"), _quota),
    "ingresses.networking.k8s.io": Layout(
        _columns("Name", "Class", "Hosts", "Address", "Ports", "Age"), _ingress
    ),
    "jobs.batch": Layout(_columns("Name", "Status", "Completions", "Duration", "Age", wide=_TEMPLATE), _job),
    "cronjobs.batch": Layout(
        _columns("Name", "Schedule", "Timezone", "Suspend", "Active", "Last Schedule", "Age", integers=("Active",)),
        _cron_job,
    ),
    "horizontalpodautoscalers.autoscaling": Layout(
        _columns("Name", "Reference", "Targets", "MinPods", "MaxPods", "Replicas", "Age"), _autoscaler
    ),
    "poddisruptionbudgets.policy": Layout(
        _columns("Name", "Min Available", "Max Unavailable", "Allowed Disruptions", "Age"), _budget
    ),
    "endpointslices.discovery.k8s.io": Layout(_columns("Name", "AddressType", "Ports", "Endpoints", "Age"), _slice),
    f"roles.{_RBAC}": Layout(_columns("Name", "Created At"), _role),
    f"clusterroles.{_RBAC}": Layout(_columns("Name", "Created At"), _role),
    f"rolebindings.{_RBAC}": Layout(_columns("Name", "Role", "Age"), _binding),
    f"clusterrolebindings.{_RBAC}": Layout(_columns("Name", "Role", "Age"), _binding),
}  # fmt: skip
