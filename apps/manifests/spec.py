"""The DeployYml as typed values: what `parse.py` makes of a resolved document and `render/` makes objects of.

Field names are those of the document. Quantities, ports and paths have been checked where they are read; what must fit
together is checked in `consistency.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class WorkloadKind(StrEnum):
    """The workloads that rendering has a builder for."""

    DEPLOYMENT = "Deployment"


class ProbeType(StrEnum):
    """How the kubelet asks."""

    HTTP = "http"
    TCP = "tcp"
    COMMAND = "command"


class ServiceType(StrEnum):
    """Where a Service can be reached from."""

    CLUSTER_IP = "ClusterIP"
    NODE_PORT = "NodePort"
    LOAD_BALANCER = "LoadBalancer"


class StrategyType(StrEnum):
    """How new pods replace old ones."""

    ROLLING_UPDATE = "RollingUpdate"
    RECREATE = "Recreate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A port the program listens on; `service_port` is what others call (the same number when not given)."""

    name: str
    port: int
    protocol: str = "TCP"
    service_port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """CPU and memory as Kubernetes quantities."""

    cpu: str | None = None
    memory: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What the scheduler reserves and what the kernel allows."""

    requests: Amounts = Amounts()
    limits: Amounts = Amounts()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvVar:
    """An environment variable: a plain value or the key of a secret value, never both."""

    name: str
    value: str | None = None
    secret: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """The name of a secret value; the value lives encrypted elsewhere."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """A file in the container: its text, or the key of a secret value that is its text."""

    path: str
    content: str | None = None
    secret: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One question the kubelet asks; `port` names a port of the document, the first one when not given."""

    type: ProbeType
    port: str | None = None
    path: str = "/"
    command: tuple[str, ...] = ()
    initial_delay: int = 0
    period: int = 10
    timeout: int = 1
    success_threshold: int = 1
    failure_threshold: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """The three probes of the container."""

    readiness: Probe | None = None
    liveness: Probe | None = None
    startup: Probe | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """Seconds of sleep before SIGTERM, and seconds from deletion to SIGKILL."""

    pre_stop_sleep: int
    grace_period: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Whether the ports are published inside the cluster, and how."""

    enabled: bool
    type: ServiceType = ServiceType.CLUSTER_IP


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingress:
    """The way in from outside; without a host it gets one under the target's domain."""

    host: str | None = None
    path: str = "/"
    path_type: str = "Prefix"
    port: str | None = None
    tls: bool = False
    tls_secret: str | None = None
    class_name: str | None = None
    annotations: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """How a rollout proceeds; surge and unavailability are counts or percentages."""

    type: StrategyType
    max_surge: int | str = 1
    max_unavailable: int | str = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscaling:
    """Replicas between two bounds, following average CPU use in percent of the request."""

    min: int
    max: int
    cpu: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bandwidth:
    """Network limits that the network plugin reads from pod annotations."""

    ingress: str | None = None
    egress: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """Everything rendering needs to know about one application on one target, except the image."""

    kind: WorkloadKind
    replicas: int
    command: tuple[str, ...]
    args: tuple[str, ...]
    ports: tuple[Port, ...]
    resources: Resources
    env: tuple[EnvVar, ...]
    secrets: tuple[Secret, ...]
    files: tuple[ConfigFile, ...]
    probes: Probes
    lifecycle: Lifecycle
    init_process: bool
    service: Service
    ingress: Ingress | None
    log_directory: str | None
    strategy: Strategy
    progress_deadline: int
    autoscaling: Autoscaling | None
    node_group: str | None
    node_selector: Mapping[str, str]
    annotations: Mapping[str, str]
    bandwidth: Bandwidth
    run_as_user: int | None
    read_only_root: bool

    def referenced_secrets(self) -> tuple[str, ...]:
        """Return the keys of secret values that the environment or the files use, sorted."""
        used = {variable.secret for variable in self.env} | {file.secret for file in self.files}
        return tuple(sorted(key for key in used if key))
