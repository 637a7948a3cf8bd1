"""Ports, the Service and the Ingress in front of the pods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .findings import Level, Report, Taker
from .live import Live, Object, name_of, services_of

Row = dict[str, Any]

# What the cluster decides for a Service by itself.
_SET_BY_CLUSTER = (
    "clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "allocateLoadBalancerNodePorts", "healthCheckNodePort",
)  # fmt: skip
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def import_ports(container: Taker, report: Report) -> list[Row]:
    """Return the ports of the container; one without a name gets one."""
    rows: list[Row] = []
    for port in container.rows("ports"):
        number, protocol = port.take("containerPort"), port.take("protocol", default="TCP")
        name = port.take("name", default=f"port-{number}")
        rows.append({"name": name, "port": number, "protocol": protocol})
        if port.take("hostPort"):
            report.add(Level.LOST, "host_port", port, port=number)
        report.rest(port)
    return rows


def import_service(live: Live, ports: list[Row], report: Report) -> tuple[Row, Object | None]:
    """Return the form's Service and the live one that it becomes; its ports are noted in `ports`."""
    found = services_of(live)
    for other in found[1:]:
        report.add(Level.KEPT, "other_service", Taker({}, name_of(other)))
    if not found:
        return {"enabled": False}, None
    chosen = found[0]
    service = Taker(chosen.get("spec") or {}, name_of(chosen), ("spec",))
    if service.take("clusterIP") == "None":
        report.add(Level.STOP, "headless", service)
    for name in _SET_BY_CLUSTER:
        service.take(name)
    service.take("selector")
    service.drop("sessionAffinity", equal="None")
    service.drop("internalTrafficPolicy", equal="Cluster")
    service.drop("externalTrafficPolicy", equal="Cluster")
    kind = service.take("type", default="ClusterIP")
    published: set[str] = set()
    for port in service.rows("ports"):
        _publish(port, ports, published, report)
    for row in ports:
        if row["name"] not in published:
            report.add(Level.CHANGED, "port_published", service, port=row["name"])
    report.rest(service)
    labels_and_annotations(chosen, report)
    return {"enabled": True, "type": kind}, chosen


def _publish(port: Taker, ports: list[Row], published: set[str], report: Report) -> None:
    number, protocol = port.take("port"), port.take("protocol", default="TCP")
    wanted = port.take("targetPort", default=number)
    row = next((row for row in ports if wanted in (row["name"], row["port"]) and row["protocol"] == protocol), None)
    if row is None and isinstance(wanted, int):
        # The container need not declare what it listens on; the form has to.
        row = {"name": f"port-{wanted}", "port": wanted, "protocol": protocol}
        ports.append(row)
    if row is None or row["name"] in published:
        report.add(Level.LOST, "port_twice", port, port=number)
        for path, _value in list(port.left()):
            port.take(*path)
        return
    published.add(row["name"])
    if number != row["port"]:
        row["service_port"] = number
    name = port.take("name", default=row["name"])
    if name != row["name"]:
        report.add(Level.CHANGED, "port_renamed", port, old=name, new=row["name"])
    if port.take("nodePort"):
        report.add(Level.CHANGED, "node_port", port, port=number)
    report.rest(port)


def import_ingress(
    live: Live, service: Object | None, ports: list[Row], report: Report
) -> tuple[Row | None, Object | None]:
    """Return the form's Ingress and the live one that it becomes; one that says more than the form can stays as it is."""
    if service is None:
        return None, None
    name = service["metadata"]["name"]
    candidates = [item for item in live.ingresses if name in _backends(item)]
    simple = [(item, row) for item in candidates if (row := _simple(item, service, ports))]
    chosen, row = simple[0] if len(simple) == 1 else (None, None)
    for item in candidates:
        if item is not chosen:
            report.add(Level.KEPT, "other_ingress", Taker({}, name_of(item)))
    if chosen is not None:
        labels_and_annotations(chosen, report, annotations=False)
    return row, chosen


def _backends(ingress: Object) -> set[str]:
    spec = ingress.get("spec") or {}
    paths = [path for rule in spec.get("rules") or [] for path in (rule.get("http") or {}).get("paths") or []]
    backends = [path.get("backend") for path in paths] + [spec.get("defaultBackend")]
    return {str(((backend or {}).get("service") or {}).get("name")) for backend in backends}


def _simple(ingress: Object, service: Object, ports: list[Row]) -> Row | None:
    """Return the form's row for an Ingress of one host and one path; None where it says more than that."""
    spec = Taker(ingress.get("spec") or {}, name_of(ingress))
    rules, tls = spec.rows("rules"), spec.rows("tls")
    if len(rules) != 1 or len(tls) > 1:
        return None
    (rule,) = rules
    paths = rule.rows("http", "paths")
    host = rule.take("host")
    if len(paths) != 1 or not host or "*" in host:
        return None
    (path,) = paths
    port = _named_port(path.part("backend", "service", "port"), service, ports)
    path.take("backend", "service", "name")
    if port is None or (tls and tls[0].take("hosts", default=[host]) != [host]):
        return None
    annotations = {key: text for key, text in _annotations(ingress).items() if key != _LAST_APPLIED}
    row: Row = {
        "host": host,
        "path": path.take("path", default="/"),
        "path_type": path.take("pathType", default="Prefix"),
        "port": port,
        "tls": bool(tls),
        "tls_secret": tls[0].take("secretName") if tls else None,
        "class_name": spec.take("ingressClassName"),
        "annotations": annotations,
    }
    if any(left for part in (spec, rule, path, *tls) for left in part.left()):
        return None
    return {field: value for field, value in row.items() if value not in (None, {})}


def _named_port(port: Taker, service: Object, ports: list[Row]) -> str | None:
    """Return the form's name of the port that an Ingress names by the Service's name or number."""
    name, number = port.take("name"), port.take("number")
    for live in service["spec"].get("ports") or []:
        if (name is not None and live.get("name") == name) or (number is not None and live["port"] == number):
            wanted = live.get("targetPort", live["port"])
            return next((str(row["name"]) for row in ports if wanted in (row["name"], row["port"])), None)
    return None


def _annotations(item: Object) -> Mapping[str, str]:
    return item["metadata"].get("annotations") or {}


def labels_and_annotations(item: Object, report: Report, *, annotations: bool = True) -> None:
    """Note what the object itself carries and the form has no field for."""
    metadata = Taker(item["metadata"], name_of(item), ("metadata",))
    parts = {"labels": metadata.take("labels", default={})}
    if annotations:
        parts["annotations"] = metadata.take("annotations", default={})
    for group, texts in parts.items():
        for key, text in texts.items():
            if not _of_platform(key):
                path = f'metadata.{group}["{key}"]'
                report.add(Level.LOST, "field", metadata, path, value=str(text)[:60])


def _of_platform(key: str) -> bool:
    """Return whether a label or annotation is set by Slipway, kubectl or the cluster itself."""
    domain = key.partition("/")[0]
    ours = ("slipway.io", "kubectl.kubernetes.io", "deployment.kubernetes.io", "autoscaling.alpha.kubernetes.io")
    return domain in ours or key in (
        "app.kubernetes.io/component", "app.kubernetes.io/name", "app.kubernetes.io/part-of",
        "app.kubernetes.io/managed-by",
    )  # fmt: skip
