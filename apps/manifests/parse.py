"""From a resolved document (plain JSON) to a `Spec`, or to every error at its field.

What one field must be is checked here; what fields must be together, in `consistency.py`.
"""

import re
from enum import StrEnum
from typing import Any

from apps.integrations.kubernetes import quantity
from apps.manifests import fields, quantity_words
from apps.manifests.defaults import LEAST_MEMORY, MOST_CORES
from apps.manifests.fields import FieldError
from apps.manifests.reader import MAX_TEXT, Reader
from apps.manifests.spec import (
    Amounts,
    Autoscaling,
    Bandwidth,
    ConfigFile,
    EnvVar,
    Ingress,
    Lifecycle,
    Port,
    Probe,
    Probes,
    ProbeType,
    Resources,
    Secret,
    Service,
    ServiceType,
    Spec,
    Strategy,
    StrategyType,
    WorkloadKind,
)

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
DNS_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*", re.ASCII)
# https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports : IANA service names
PORT_NAME = re.compile(r"(?=[-a-z0-9]{1,15}\Z)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
SECRET_KEY = re.compile(r"(?!\.{1,2}\Z)[-._A-Za-z0-9]{1,253}", re.ASCII)
# No segment may be empty, "." or "..": Kubernetes refuses the last, and the others hide duplicates.
ABSOLUTE_PATH = re.compile(r"(/(?!\.{1,2}(/|\Z))[^/\0:\n]+)+")
URL_PATH = re.compile(r"/[^\s#]*")
LABEL_KEY = re.compile(
    r"(?:(?=[^/]{1,253}/)[a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?", re.ASCII
)
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?)?", re.ASCII)

_WEEK = 7 * 24 * 3600
# Annotations under these domains mean something to the cluster or to us, and have fields of their own.
_RESERVED_DOMAINS = ("slipway.io", "kubernetes.io", "k8s.io")


class Protocol(StrEnum):
    """The protocols of a port that Kubernetes knows."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"


class PathType(StrEnum):
    """How an Ingress compares paths."""

    PREFIX = "Prefix"
    EXACT = "Exact"
    IMPLEMENTATION_SPECIFIC = "ImplementationSpecific"


def parse(document: object) -> Spec | list[FieldError]:
    """Return the `Spec` of a resolved document, or all its field errors; never raises on any JSON value."""
    if not isinstance(document, dict):
        return [FieldError("", "wrong_type", {"wanted": "object", "found": fields.type_name(document)})]
    errors: list[FieldError] = []
    reader = Reader(document, "", errors)
    spec = _read(reader)
    reader.close()
    return errors or spec


def _read(reader: Reader) -> Spec:
    return Spec(
        kind=reader.choice("kind", WorkloadKind) or WorkloadKind.DEPLOYMENT,
        replicas=reader.integer("replicas", least=0, most=1000, required=True) or 0,
        command=reader.texts("command"),
        args=reader.texts("args"),
        ports=reader.rows("ports", _port),
        resources=reader.read("resources", _resources) or Resources(),
        env=reader.rows("env", _env),
        secrets=reader.rows("secrets", _secret),
        files=reader.rows("files", _file),
        probes=reader.read("probes", _probes) or Probes(),
        lifecycle=reader.read("lifecycle", _lifecycle) or Lifecycle(pre_stop_sleep=0, grace_period=30),
        init_process=reader.flag("init_process"),
        service=reader.read("service", _service) or Service(enabled=False),
        ingress=reader.read("ingress", _ingress),
        log_directory=reader.text("log_directory", pattern=ABSOLUTE_PATH, code="not_an_absolute_path"),
        strategy=reader.read("strategy", _strategy) or Strategy(type=StrategyType.ROLLING_UPDATE),
        progress_deadline=reader.number("progress_deadline", default=600, least=10, most=_WEEK),
        autoscaling=reader.read("autoscaling", _autoscaling),
        node_group=reader.text("node_group", pattern=LABEL_VALUE, code="not_a_label_value", longest=63),
        node_selector=_node_selector(reader),
        annotations=_annotations(reader),
        bandwidth=reader.read("bandwidth", _bandwidth) or Bandwidth(),
        run_as_user=reader.integer("run_as_user", least=0, most=2**31 - 1),
        read_only_root=reader.flag("read_only_root"),
    )


def _port(reader: Reader) -> Port | None:
    name = reader.text("name", required=True, pattern=PORT_NAME, code="not_a_port_name")
    number = reader.integer("port", least=1, most=65_535, required=True)
    protocol = reader.choice("protocol", Protocol, default=Protocol.TCP)
    service_port = reader.integer("service_port", least=1, most=65_535)
    if name is None or number is None:
        return None
    return Port(name=name, port=number, protocol=str(protocol), service_port=service_port)


def _resources(reader: Reader) -> Resources:
    return Resources(
        requests=reader.read("requests", _amounts) or Amounts(), limits=reader.read("limits", _amounts) or Amounts()
    )


def _amounts(reader: Reader) -> Amounts:
    return Amounts(cpu=_cpu(reader), memory=_memory(reader))


def _cpu(reader: Reader) -> str | None:
    text = reader.quantity("cpu")
    if text is not None and quantity.parse(text) > MOST_CORES:
        reader.fail("cpu", "cpu_too_large", value=text, words=quantity_words.cpu_words(text), suggestion="500m")
    return text


def _memory(reader: Reader) -> str | None:
    """Return the amount; refuse the classic slip of writing ``512m``, which is half a byte."""
    text = reader.quantity("memory")
    if text is not None and quantity.parse(text) < LEAST_MEMORY:
        digits = re.match(r"\d+", text)
        suggestion = f"{digits[0] if digits and int(digits[0]) else 256}Mi"
        reader.fail("memory", "memory_too_small", value=text, words=quantity.memory_words(text), suggestion=suggestion)
    return text


def _env(reader: Reader) -> EnvVar | None:
    name = reader.text("name", required=True, pattern=ENV_NAME, code="not_an_env_name")
    value = reader.text("value", longest=MAX_TEXT)
    secret = reader.text("secret", pattern=SECRET_KEY, code="not_a_secret_key")
    if reader.has("value") == reader.has("secret"):
        reader.fail("value", "value_or_secret")
    return EnvVar(name=name, value=value, secret=secret) if name is not None else None


def _secret(reader: Reader) -> Secret | None:
    name = reader.text("name", required=True, pattern=SECRET_KEY, code="not_a_secret_key")
    description = reader.text("description", longest=500) or ""
    return Secret(name=name, description=description) if name is not None else None


def _file(reader: Reader) -> ConfigFile | None:
    path = reader.text("path", required=True, pattern=ABSOLUTE_PATH, code="not_an_absolute_path", longest=1024)
    content = reader.text("content", longest=1_048_576)
    secret = reader.text("secret", pattern=SECRET_KEY, code="not_a_secret_key")
    if reader.has("content") == reader.has("secret"):
        reader.fail("content", "value_or_secret")
    return ConfigFile(path=path, content=content, secret=secret) if path is not None else None


def _probes(reader: Reader) -> Probes:
    return Probes(
        readiness=reader.read("readiness", _probe),
        liveness=reader.read("liveness", _probe),
        startup=reader.read("startup", _probe),
    )


def _probe(reader: Reader) -> Probe | None:
    kind = reader.choice("type", ProbeType)
    probe = Probe(
        type=kind or ProbeType.TCP,
        port=reader.text("port", pattern=PORT_NAME, code="not_a_port_name") if kind != ProbeType.COMMAND else None,
        path=(reader.text("path", pattern=URL_PATH, code="not_a_url_path") or "/") if kind == ProbeType.HTTP else "/",
        command=reader.texts("command") if kind == ProbeType.COMMAND else (),
        initial_delay=reader.number("initial_delay", default=0, least=0, most=3600),
        period=reader.number("period", default=10, least=1, most=3600),
        timeout=reader.number("timeout", default=1, least=1, most=600),
        success_threshold=reader.number("success_threshold", default=1, least=1, most=100),
        failure_threshold=reader.number("failure_threshold", default=3, least=1, most=1000),
    )
    return probe if kind is not None else None


def _lifecycle(reader: Reader) -> Lifecycle:
    return Lifecycle(
        pre_stop_sleep=reader.number("pre_stop_sleep", default=0, least=0, most=600),
        grace_period=reader.number("grace_period", default=30, least=1, most=3600),
    )


def _service(reader: Reader) -> Service:
    return Service(
        enabled=reader.flag("enabled"),
        type=reader.choice("type", ServiceType, default=ServiceType.CLUSTER_IP) or ServiceType.CLUSTER_IP,
    )


def _ingress(reader: Reader) -> Ingress:
    return Ingress(
        host=reader.text("host", pattern=DNS_NAME, code="not_a_dns_name"),
        path=reader.text("path", pattern=URL_PATH, code="not_a_url_path", longest=1024) or "/",
        path_type=str(reader.choice("path_type", PathType, default=PathType.PREFIX)),
        port=reader.text("port", pattern=PORT_NAME, code="not_a_port_name"),
        tls=reader.flag("tls"),
        tls_secret=reader.text("tls_secret", pattern=DNS_NAME, code="not_a_dns_name"),
        class_name=reader.text("class_name", pattern=DNS_NAME, code="not_a_dns_name"),
        annotations=reader.table("annotations", LABEL_KEY, code="not_a_label_key"),
    )


def _strategy(reader: Reader) -> Strategy:
    return Strategy(
        type=reader.choice("type", StrategyType, default=StrategyType.ROLLING_UPDATE) or StrategyType.ROLLING_UPDATE,
        max_surge=reader.count_or_percent("max_surge", default=1),
        max_unavailable=reader.count_or_percent("max_unavailable", default=0),
    )


def _autoscaling(reader: Reader) -> Autoscaling | None:
    least = reader.integer("min", least=1, most=1000, required=True)
    most = reader.integer("max", least=1, most=1000, required=True)
    cpu = reader.integer("cpu", least=1, most=1000, required=True)
    if least is None or most is None or cpu is None:
        return None
    return Autoscaling(min=least, max=most, cpu=cpu)


def _bandwidth(reader: Reader) -> Bandwidth:
    return Bandwidth(ingress=reader.quantity("ingress"), egress=reader.quantity("egress"))


def _node_selector(reader: Reader) -> dict[str, str]:
    selector = reader.table("node_selector", LABEL_KEY, code="not_a_label_key", longest=63)
    for name, value in selector.items():
        if not LABEL_VALUE.fullmatch(value):
            reader.fail_at(fields.join(reader.at("node_selector"), name), "not_a_label_value", value=value)
    return selector


def _annotations(reader: Reader) -> dict[str, str]:
    annotations: dict[str, Any] = reader.table("annotations", LABEL_KEY, code="not_a_label_key")
    for name in annotations:
        domain = name.partition("/")[0] if "/" in name else ""
        if any(domain == reserved or domain.endswith(f".{reserved}") for reserved in _RESERVED_DOMAINS):
            reader.fail_at(fields.join(reader.at("annotations"), name), "reserved_annotation", domain=domain)
    return annotations
